"""The source text's advice on architecture, as numbers for one task, each with its reason.

The text is "Teoria de Deep Learning" (V. Cantanhede dos Santos, 2025), sections 2 and 3. Its "2 to 10 times
the number of inputs" can be read three ways, and its own example, [64, 32, 16] for 20 inputs, obeys only two
of them; all three are computed. What is arithmetic or a theorem is told apart from what is a rule of thumb,
and of the rules it is said how they fared on real tables (`profunda.space.evidence`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from profunda.data.dataset import Dataset
from profunda.data.layout import lay_out
from profunda.data.task import TaskKind
from profunda.errors import ArgumentError, Notice
from profunda.space.design import Design
from profunda.space.domain import Choice
from profunda.space.evidence import (
    COMPLEX,
    DEEP,
    DEPTH,
    EVERY,
    FIRST,
    REGULARISED,
    SHAPE,
    SIMPLE,
    SOURCE,
    TOTAL,
    WIDE,
    Tested,
    Verdict,
)
from profunda.space.guidance_perceived import for_pictures, for_texts
from profunda.space.reasons import Evidence, Guidance, Reason
from profunda.space.recommendation import recommendation
from profunda.space.space import Space, When
from profunda.space.table import table_space
from profunda.space.widths import pyramid
from profunda.theory.widths import beta, relu_fluctuation

__all__ = ["Readings", "advise", "guidance", "readings"]

_THUMB: Evidence = "rule of thumb, not measured here yet"
_MEASURED: Mapping[Verdict, Evidence] = {
    "holds": "rule of thumb, measured: holds",
    "holds with conditions": "rule of thumb, measured: holds with conditions",
    "wrong": "rule of thumb, measured: wrong",
    "not distinguishable": "rule of thumb, measured: not distinguishable",
}
_TEXT = "Teoria de Deep Learning (Cantanhede dos Santos 2025), section "
_LOWEST, _HIGHEST = 2.0, 10.0
"""The text's range: nodes as a multiple of the inputs (section 3.3)."""
_WIDEST = 512
"""No first layer beyond the widest one in the text's examples (section 2.2: [512, 256, 128, 64])."""


@dataclass(frozen=True)
class Readings:
    """The three readings of "between 2 and 10 times the number of inputs", as multiples of the inputs."""

    first: float
    total: float
    layers: tuple[float, ...]

    @property
    def obeyed(self) -> tuple[bool, bool, bool]:
        """Whether the first layer, the total, and every layer lie within 2 … 10."""
        fits = [_LOWEST <= ratio <= _HIGHEST for ratio in (self.first, self.total, *self.layers)]
        return fits[0], fits[1], all(fits[2:])

    def __str__(self) -> str:
        said = ["yes" if fit else "no" for fit in self.obeyed]
        layers = ", ".join(f"{ratio:.2g}x" for ratio in self.layers)
        return (
            f"first layer {self.first:.2g}x ({said[0]}), all units {self.total:.2g}x ({said[1]}), "
            f"every layer {layers} ({said[2]})"
        )


def readings(widths: tuple[int, ...], n_features: int) -> Readings:
    """The three readings for hidden `widths` and D = `n_features` inputs.

    >>> print(readings((64, 32, 16), 20))
    first layer 3.2x (yes), all units 5.6x (yes), every layer 3.2x, 1.6x, 0.8x (no)

    Raises ArgumentError without a hidden layer or without an input.
    """
    if not widths or n_features < 1:
        raise ArgumentError(
            f"the rule of 2 to 10 times the inputs speaks of at least one hidden layer and one input, "
            f"got widths {list(widths)} and {n_features} inputs."
        )
    ratios = tuple(width / n_features for width in widths)
    return Readings(ratios[0], sum(widths) / n_features, ratios)


def guidance(dataset: Dataset) -> Guidance:
    """The advice for a data set that `read` returned: a Space, a first Design and the reason of each number.

    The inputs counted are the columns in use, before categories are spread over several; of pictures and
    texts the advice is another (`guidance_perceived`). Print it, or take `first` (a Design) and `space` from
    it; `advise` does the same for bare counts of a table.
    """
    n_rows, n_features = dataset.codes.shape
    entering = lay_out(dataset.schema, "robust", "onehot").entering
    if entering.picture is not None:
        return for_pictures(n_rows, entering.picture, numeric=dataset.task.numeric)
    if entering.tokens is not None:
        return for_texts(n_rows, entering.tokens, numeric=dataset.task.numeric)
    return advise(dataset.task.kind, n_rows, n_features, dataset.task.n_outputs)


def advise(kind: TaskKind, n_rows: int, n_features: int, n_outputs: int = 1) -> Guidance:
    """The advice for N = `n_rows` rows, D = `n_features` inputs and C = `n_outputs` outputs.

    Raises ArgumentError for counts below 1.
    """
    if min(n_rows, n_features, n_outputs) < 1:
        raise ArgumentError(
            f"guidance needs at least 1 row, 1 input and 1 output, got {n_rows}, {n_features} and "
            f"{n_outputs}."
        )
    table = table_space(kind, n_rows, n_features, n_outputs)
    first = _first(table, n_features)
    reasons = (*_size_reasons(first, n_features), *_theory_reasons(first, n_rows, n_features, n_outputs))
    return Guidance(
        space=_narrowed(table, n_features),
        first=first,
        reasons=(*reasons, *_recipe_reasons(first)),
        notices=_notices(first, n_features, n_outputs),
        recommendation=recommendation("table", "dense", rows=n_rows, batch_size=first.batch_size),
    )


def _first(table: Space, n_features: int) -> Design:
    batch, epochs, patience = (
        table.domains[name].levels(None)[0] for name in ("batch_size", "epochs", "patience")
    )
    return Design(
        widths=pyramid(_start(n_features), 3),
        dropout=0.1,
        l2=1e-2,
        schedule="cosine",
        batch_size=batch,
        epochs=epochs,
        patience=patience,
    )


def _start(n_features: int) -> int:
    """The least power of two from 8 to 512 not below three times the inputs: 64 for 20 inputs."""
    start = 8
    while start < 3 * n_features and start < _WIDEST:
        start *= 2
    return start


def _narrowed(table: Space, n_features: int) -> Space:
    """The default space with depth 2 to 4 and first layers of 2 to 10 times the inputs, within 8 … 512."""
    powers = [8 << step for step in range(7)]
    widths = [width for width in powers if _LOWEST * n_features <= width <= _HIGHEST * n_features]
    entries: dict[str, Any] = {}
    for name, entry in table.entries:
        # Without the linear model everything that waited for a hidden layer is always there.
        entries[name] = entry.domain if isinstance(entry, When) and entry.parent == "depth" else entry
    entries["depth"] = Choice(2, 3, 4)
    entries["width"] = Choice(widths or [_start(n_features)])
    return Space(entries)


def _size_reasons(first: Design, n_features: int) -> tuple[Reason, ...]:
    shown = list(first.widths)
    return (
        _tried(
            "depth",
            f"2 to 4 hidden layers, first {first.depth}",
            "Begin between 2 and 4 layers; deeper networks suit hierarchical problems, shallow ones simple "
            "data. Three as in the text's example. The linear model is the first rival of any of them.",
            "2.1, 3.3",
            DEPTH,
        ),
        _tried(
            "widths",
            f"{shown} for {n_features} inputs",
            f"2 to 10 times the inputs, in three readings: {readings(first.widths, n_features)}. The space "
            "follows the first reading.",
            "3.3",
            FIRST,
            TOTAL,
            EVERY,
        ),
        _tried(
            "shape",
            "decreasing (a pyramid that halves) or constant",
            "More units first and fewer later, such as [128, 64, 32] or [512, 256, 128, 64], or the same "
            "number throughout. The first design decreases; the search tries both.",
            "2.2",
            SHAPE,
        ),
        *_balance_reasons(),
    )


def _balance_reasons() -> tuple[Reason, ...]:
    return (
        _tried(
            "balance, complex data",
            "depth 4 with the narrowest first layer",
            "Complex data ask for deeper and narrower networks: one corner of the space.",
            "3.1",
            COMPLEX,
        ),
        _tried(
            "balance, simple data",
            "depth 2 with the widest first layer",
            "Simple data ask for shallower and wider networks: the other corner.",
            "3.1",
            SIMPLE,
        ),
        _tried(
            "largest network",
            f"4 layers, first layer at most {_WIDEST}",
            "Networks that are too large are hard to train, since gradients vanish or explode, and overfit.",
            "3.2",
            DEEP,
            WIDE,
        ),
    )


def _tried(what: str, value: str, why: str, section: str, *tried: Tested) -> Reason:
    """A rule of the text with what it came to on tables; the first of `tried` gives the verdict."""
    found = " ".join(f"Measured, {each.rule}: {each.verdict}. {each.found}" for each in tried)
    return Reason(what, value, f"{why} {found}", _MEASURED[tried[0].verdict], f"{_TEXT}{section}; {SOURCE}")


def _theory_reasons(first: Design, n_rows: int, n_features: int, n_outputs: int) -> tuple[Reason, ...]:
    b, fluctuation = beta(first.widths), relu_fluctuation(first.widths)
    parameters = first.parameters(n_features, n_outputs)
    ratio = parameters / (n_rows * n_outputs)
    over = (
        "more parameters than numbers to fit: it can memorise the rows, so regularise"
        if ratio > 1
        else ("fewer parameters than numbers to fit: not enough to memorise every row at will")
    )
    return (
        Reason(
            "beta",
            f"{b:.4f} (5 beta = {5 * b:.2f})",
            "The sum of 1/width over the hidden layers. At initialisation the logarithm of a ReLU network's "
            "squared gradient norm has a variance of about 5 beta; above 1, seeds differ by more than a "
            "factor e.",
            "theorem",
            "Hanin and Nica (2020), Products of many large random matrices",
        ),
        Reason(
            "fluctuation of the activations",
            f"relative variance {fluctuation:.3f}",
            "The product of (1 + 5/width) less 1: how much the squared length of the last hidden layer "
            "varies from seed to seed in a ReLU network with He's initialisation.",
            "theorem",
            "Hanin and Rolnick (2018), How to start training",
        ),
        Reason(
            "parameters",
            f"{parameters} = {ratio:.2g} per number to fit ({n_rows} rows x {n_outputs} outputs)",
            f"There are {over}. Inputs spread over several columns add to the first layer.",
            "arithmetic",
            _TEXT + "3.2, 9.1",
        ),
    )


def _recipe_reasons(first: Design) -> tuple[Reason, ...]:
    return (
        _tried(
            "regularisation",
            f"dropout {first.dropout:g}, decoupled l2 {first.l2:g}; the space also tries L1",
            "L1, L2 and dropout keep a network that is larger than needed from overfitting. A light dose to "
            "begin with; the search finds the right one.",
            "3.2",
            REGULARISED,
        ),
        Reason(
            "optimiser",
            f"{first.optimiser}, lr {first.lr:g}, {first.schedule} schedule",
            "Adam's own default learning rate, which errs on the safe side for dense networks.",
            _THUMB,
            "Kingma and Ba (2015), Adam, algorithm 1",
        ),
        Reason(
            "length of training",
            f"batches of {first.batch_size}, at most {first.epochs} epochs, patience {first.patience}",
            "About two dozen steps an epoch and a few hundred to a few thousand in all; early stopping ends "
            "what no longer improves, and the best weights are kept.",
            _THUMB,
            "Goodfellow, Bengio and Courville (2016), Deep Learning, algorithm 7.1",
        ),
        Reason(
            "validation",
            "cross-validate, and search depth and widths",
            "Let the data decide between the candidates; a rule of thumb only says where to look.",
            _THUMB,
            _TEXT + "3.4, 3.5",
        ),
    )


def _notices(first: Design, n_features: int, n_outputs: int) -> tuple[Notice, ...]:
    notices = []
    b = beta(first.widths)
    if 5 * b > 1:
        notices.append(
            Notice(
                "narrow-network",
                f"5 beta = {5 * b:.2f} is above 1 for widths {list(first.widths)}: gradients at the start "
                "differ by more than a factor e from seed to seed. Use fewer or wider layers, or several "
                "seeds.",
            )
        )
    ratios = readings(first.widths, n_features)
    if not ratios.obeyed[0]:
        notices.append(
            Notice(
                "outside-rule",
                f"the first layer has {ratios.first:.2g} times the {n_features} inputs, outside 2 to 10, "
                f"because first layers stay within 8 to {_WIDEST} units.",
            )
        )
    if first.widths[-1] < n_outputs:
        notices.append(
            Notice(
                "narrow-end",
                f"the last layer of {list(first.widths)} has fewer units than the {n_outputs} outputs, "
                "so these depend on each other linearly. Try constant widths first.",
            )
        )
    return tuple(notices)
