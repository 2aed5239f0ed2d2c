"""The cells of the decision matrix: regularisers for each kind of data and architecture, with reasons.

Doses are where to begin, not optima. What was measured by this project's benchmarks is taken from `evidence`
and `evidence_perceived`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from profunda.space.evidence import REGULARISED
from profunda.space.evidence_perceived import MEASURED, SOURCE

__all__ = ["CELLS", "UNSUITED", "Advice", "Architecture", "Data"]

Data = Literal["image", "text", "table"]
Architecture = Literal["dense", "cnn", "rnn", "transformer"]


@dataclass(frozen=True)
class Advice:
    """One regulariser: the dose to begin with, why here, who says so, and what was measured here."""

    regulariser: str
    dose: str
    reason: str
    source: str
    measured: str = "not measured"


_EARLY = Advice(
    "early stopping",
    "keep the best epoch; patience of a quarter of the epochs",
    "Costs one validation pass an epoch, saves time, and acts like L2 in the directions that matter least.",
    "Goodfellow, Bengio and Courville (2016), Deep Learning, section 7.8",
)
_L2 = Advice(
    "decoupled L2",
    "1e-4 to 1e-2 with Adam",
    "Shrinks what the data do not ask for, always applicable; decoupled, its strength does not depend on the "
    "size of the gradients.",
    "Loshchilov and Hutter (2019), Decoupled Weight Decay Regularization",
)
_SMOOTHING = Advice(
    "label smoothing",
    "0.1 of the probability spread over the classes",
    "Keeps logits from growing without end once the training rows are fitted; calibrates.",
    "Szegedy et al. (2016), Rethinking the Inception Architecture, section 7",
)
_AUGMENTATION = Advice(
    "augmentation",
    "flips, shifts, crops, colours: only what leaves the label as it is",
    "Teaches invariances that the architecture does not have, with rows that cost nothing. A flipped b is "
    "a d, a turned 6 is a 9.",
    "Goodfellow, Bengio and Courville (2016), Deep Learning, section 7.4",
)
_BATCH_NORM = Advice(
    "batch norm",
    "before the activation, batches of 32 and more",
    "Allows larger rates, and the noise of the batch's statistics regularises.",
    "Ioffe and Szegedy (2015), Batch Normalization",
)
_LAYER_NORM = Advice(
    "layer norm",
    "in every block",
    "The same in training and prediction, whatever the batch and the length of the sequence.",
    "Ba, Kiros and Hinton (2016), Layer Normalization",
)
_ENSEMBLE = Advice(
    "averaging networks",
    "the best of the fleet, chosen greedily with repetition",
    "Networks of different seeds and designs err differently; their mean errs less, at the cost of size.",
    "Caruana et al. (2004), Ensemble selection from libraries of models",
)
_TABLE_L2 = Advice(_L2.regulariser, _L2.dose, _L2.reason, _L2.source, REGULARISED.measured)
_TABLE_DROPOUT = Advice(
    "dropout",
    "0 or 0.1 for hidden units, up to 0.5 for wide layers",
    "Effective for fully connected layers: units cannot rely on each other.",
    "Srivastava et al. (2014), Dropout, appendix A.4",
    REGULARISED.measured,
)
_TABLE_NORM = Advice(
    "batch norm",
    "a candidate of the search, before the activation, batches of 32 and more",
    "With L2 and dropout it is the classic combination of the text. Two to four layers train without it, so "
    "that only its noise is left as a reason: let the search decide.",
    "Ioffe and Szegedy (2015), Batch Normalization",
)
_TABLE_L1 = Advice(
    "L1 or group lasso",
    "1e-5 to 1e-3, proximal",
    "Takes out columns that say nothing, of which tables have many; a penalty of the first layer by columns "
    "takes out whole ones.",
    "Yuan and Lin (2006), Model selection and estimation in regression with grouped variables",
)
_TABLE_MIXING = Advice(
    "mixup or noise on inputs",
    "mixup 0.2, or noise of 0.1 standard deviations",
    "The augmentation that tables have: rows between rows, since no flip or shift leaves a row's label.",
    "Zhang et al. (2018), mixup",
)
_DENSE_DROPOUT = Advice(
    "dropout",
    "0.2 of the inputs, 0.5 of hidden units",
    "Effective for fully connected layers: units cannot rely on each other.",
    "Srivastava et al. (2014), Dropout, appendix A.4",
)
_SPATIAL_DROPOUT = Advice(
    "spatial dropout",
    "0.1 to 0.3 of the maps",
    "Neighbouring pixels say the same, so that dropping single ones drops nothing: drop whole maps.",
    "Tompson et al. (2015), Efficient Object Localization, section 3.2",
)
_RECURRENT_DROPOUT = Advice(
    "DropConnect and dropout",
    "0.5 of the recurrent weights; 0.4 of inputs and outputs, the same mask at every step",
    "A fresh mask at every step would erase what the state remembers; masks on weights or over all steps "
    "do not.",
    "Merity, Keskar and Socher (2017), Regularizing and Optimizing LSTM Language Models, sections 2 and 4",
)
_OUTER_DROPOUT = Advice(
    "dropout",
    "0.5 on what enters and leaves a layer, none from step to step",
    "Noise on the recurrent connection grows with the length of the sequence.",
    "Zaremba, Sutskever and Vinyals (2014), Recurrent Neural Network Regularization",
)
_CLIPPING = Advice(
    "gradient clipping",
    "norm 0.25 to 5",
    "Steps from exploding gradients undo what was learned; no regulariser, but none works without it.",
    "Pascanu, Mikolov and Bengio (2013), On the difficulty of training recurrent neural networks",
)
_ATTENTION_DROPOUT = Advice(
    "dropout",
    "0.1 on attention and after each block",
    "Blocks add to a stream that all share: dropping parts of what is added is milder than dropping inputs.",
    "Vaswani et al. (2017), Attention Is All You Need, section 5.4",
)
_WORD_DROPOUT = Advice(
    "word dropout",
    "0.3 of the words of a text",
    "Whole words, not numbers of their embedding, so that no single word decides.",
    "Iyyer et al. (2015), Deep Unordered Composition, section 3.1",
)
_SENTENCE_DROPOUT = Advice(
    "dropout and max-norm",
    "0.5 on the pooled features, norms of the last layer's weights at most 3",
    "The filters are few and shared; what overfits is the dense layer above them.",
    "Kim (2014), Convolutional Neural Networks for Sentence Classification, section 2.1",
)
_DEPTH_DROP = Advice(
    "stochastic depth",
    "0.1 of the blocks",
    "Shortens the network in training, which attention without built-in locality needs on few images.",
    "Steiner et al. (2022), How to train your ViT?",
)

_ADVICE: Mapping[tuple[Data, Architecture], tuple[Advice, ...]] = {
    ("image", "dense"): (_AUGMENTATION, _EARLY, _DENSE_DROPOUT, _L2, _BATCH_NORM),
    ("image", "cnn"): (_AUGMENTATION, _BATCH_NORM, _L2, _SMOOTHING, _SPATIAL_DROPOUT, _EARLY),
    ("image", "rnn"): (_EARLY, _OUTER_DROPOUT, _L2, _AUGMENTATION, _CLIPPING),
    ("image", "transformer"): (_AUGMENTATION, _LAYER_NORM, _L2, _DEPTH_DROP, _SMOOTHING, _EARLY),
    ("text", "dense"): (_WORD_DROPOUT, _L2, _EARLY, _DENSE_DROPOUT),
    ("text", "cnn"): (_SENTENCE_DROPOUT, _EARLY, _L2),
    ("text", "rnn"): (_RECURRENT_DROPOUT, _L2, _CLIPPING, _LAYER_NORM, _EARLY),
    ("text", "transformer"): (_LAYER_NORM, _ATTENTION_DROPOUT, _SMOOTHING, _L2, _EARLY),
    ("table", "dense"): (_EARLY, _ENSEMBLE, _TABLE_L2, _TABLE_DROPOUT, _TABLE_NORM, _TABLE_L1, _TABLE_MIXING),
    ("table", "cnn"): (_EARLY, _L2, _DENSE_DROPOUT),
    ("table", "rnn"): (_EARLY, _L2, _OUTER_DROPOUT),
    ("table", "transformer"): (_EARLY, _L2, _ATTENTION_DROPOUT, _LAYER_NORM),
}


def _with_evidence(place: tuple[Data, Architecture], one: Advice) -> Advice:
    found = MEASURED.get((*place, one.regulariser))
    return one if found is None else replace(one, measured=f"{found} ({SOURCE})")


CELLS: Mapping[tuple[Data, Architecture], tuple[Advice, ...]] = {
    place: tuple(_with_evidence(place, one) for one in advice) for place, advice in _ADVICE.items()
}
"""What to use, the most important first, with what was measured of it."""

UNSUITED: Mapping[tuple[Data, Architecture], str] = {
    ("image", "dense"): "A dense network does not know that pixels have neighbours: a CNN needs fewer rows.",
    ("image", "rnn"): "An RNN alone reads an image row by row: use it above a CNN, as captions do "
    "(Vinyals et al. 2015, Show and Tell).",
    ("table", "cnn"): "Columns have no neighbours, so that a filter over them means nothing, unless they are "
    "readings in order. Use a dense network.",
    ("table", "rnn"): "Rows and columns have no order, unless rows are a series. Use a dense network.",
}
"""Why a cell is better left."""
