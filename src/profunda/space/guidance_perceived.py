"""Advice for pictures and texts: which body reads them, how large, and with which regularisers."""

from profunda.data.inputs import Picture, Tokens
from profunda.errors import Notice
from profunda.space.design import Design
from profunda.space.evidence_perceived import MEASURED
from profunda.space.filling import filled
from profunda.space.perceiving import PERCEIVING
from profunda.space.pictures import picture_space
from profunda.space.reasons import Evidence, Guidance, Reason
from profunda.space.recommendation import recommendation
from profunda.space.space import Space
from profunda.space.table import design_from
from profunda.space.texts import text_space

__all__ = ["for_pictures", "for_texts"]

_THUMB: Evidence = "rule of thumb, not measured here yet"
_CONDITIONS: Evidence = "rule of thumb, measured: holds with conditions"
_WRONG: Evidence = "rule of thumb, measured: wrong"
_FEW = 1_000
"""Rows below which the linear and the boosted rivals are hard to better."""


def for_pictures(n_rows: int, picture: Picture, *, numeric: bool) -> Guidance:
    """The advice for N = `n_rows` pictures; `numeric`: the target is numbers."""
    space = picture_space(n_rows, picture, numeric=numeric)
    first = _first(space, "conv" if picture.height > 3 and picture.width > 3 else "dense")
    told = recommendation("image", "cnn", rows=n_rows, batch_size=first.batch_size)
    reasons = (
        Reason(
            "body",
            f"{first.body}, {first.body_depth} stages from {first.body_width} channels on",
            "A filter of 3 x 3 is the same everywhere in the picture, so that what is learned in one place "
            "is known in all; each stage halves the picture and doubles what is told of it. The space tries "
            "residual blocks and dense networks too.",
            _THUMB,
            "LeCun et al. (1998), Gradient-based learning applied to document recognition",
        ),
        _size(first, n_rows, len(picture.places), "pixels"),
        Reason(
            "normalisation",
            f"{first.norm} norm before the activation, in batches of {first.batch_size}",
            "Allows the large rates of a one-cycle schedule, with which few epochs are enough. Measured: "
            + MEASURED["image", "cnn", "batch norm"],
            _CONDITIONS,
            "Ioffe and Szegedy (2015), Batch Normalization; Smith and Topin (2018), Super-convergence",
        ),
        Reason(
            "changes of pictures",
            f"shift {first.shift:g} of the side, turn {first.rotation:g} degrees, zoom {first.zoom:g} "
            "octaves",
            "Rows that cost nothing, where the class stays what it is: fit asks the data whether it does, "
            "and leaves out by name what turns one class into another. Measured: "
            + MEASURED["image", "cnn", "augmentation"],
            _CONDITIONS,
            "Goodfellow, Bengio and Courville (2016), Deep Learning, section 7.4",
        ),
        _length(first),
    )
    return Guidance(space, first, reasons, _of_pictures(n_rows, picture), told)


def for_texts(n_rows: int, tokens: Tokens, *, numeric: bool) -> Guidance:
    """The advice for N = `n_rows` texts; `numeric`: the target is numbers."""
    space = text_space(n_rows, numeric=numeric)
    first = _first(space, "bag")
    told = recommendation("text", "dense", rows=n_rows, batch_size=first.batch_size)
    reasons = (
        Reason(
            "body",
            f"a bag of words and chains of {first.body_depth}, {first.body_width} numbers each",
            "Which words a text has says most of what it is about; in which order they stand takes more "
            "texts to learn. The space tries recurrent networks and Transformers too.",
            _THUMB,
            "Joulin et al. (2017), Bag of tricks for efficient text classification; Wang and Manning (2012), "
            "Baselines and bigrams",
        ),
        _size(first, n_rows, tokens.length, f"words a text, {tokens.size:,} known"),
        Reason(
            "dropping words",
            f"{first.input_dropout:g} of them in training",
            "A word's vector is learned by heart from the few texts that have it: no single word may decide. "
            "The space tries none too, which was better in trainings of ten epochs. Measured: "
            + MEASURED["text", "dense", "word dropout"],
            _WRONG,
            "Iyyer et al. (2015), Deep unordered composition, section 3.1",
        ),
        _length(first),
    )
    return Guidance(space, first, reasons, _of_texts(n_rows), told)


def _first(space: Space, body: str) -> Design:
    """What a search of the space tries first, with this body."""
    return design_from(filled(space, next(wanted for wanted in PERCEIVING if wanted["body"] == body)))


def _size(first: Design, n_rows: int, inputs: int, what: str) -> Reason:
    return Reason(
        "inputs",
        f"{inputs:,} {what}; {n_rows:,} rows",
        "Small networks first: they train in a minute, and show what a larger one would have to better.",
        "arithmetic",
        "counted",
    )


def _length(first: Design) -> Reason:
    return Reason(
        "length of training",
        f"{first.epochs} epochs, {first.schedule} schedule, rate {first.lr:g}",
        "Fewer for more rows; the best epoch's weights are kept.",
        _THUMB,
        "Goodfellow, Bengio and Courville (2016), Deep Learning, algorithm 7.1",
    )


def _of_pictures(n_rows: int, picture: Picture) -> tuple[Notice, ...]:
    if n_rows >= _FEW:
        return ()
    text = (
        f"{n_rows:,} pictures of {picture.height} x {picture.width} are few to learn filters from: change "
        "them in training, and compare with boosted trees on the pixels."
    )
    return (Notice("few-pictures", text),)


def _of_texts(n_rows: int) -> tuple[Notice, ...]:
    if n_rows >= _FEW:
        return ()
    text = (
        f"{n_rows:,} texts are few to learn words from: logistic regression on TF-IDF weights is hard to "
        "better, and fit compares with it."
    )
    return (Notice("few-texts", text),)
