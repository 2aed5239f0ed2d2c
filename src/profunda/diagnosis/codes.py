"""The closed list of what a diagnosis can find. A code belongs to one area and is documented here."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

__all__ = ["AREAS", "CODES", "Area", "Code"]

Area = Literal[
    "data",
    "labels",
    "loop",
    "loss",
    "output",
    "architecture",
    "initialisation",
    "activation",
    "normalisation",
    "optimiser",
    "learning rate",
    "batch",
    "regularisation",
    "epochs",
]
AREAS: tuple[Area, ...] = get_args(Area)
"""From cause to effect: what stands earlier can bring about what stands later, seldom the other way round."""


@dataclass(frozen=True)
class Code:
    """`name`, its `area`, a `title` in plain words, what it `means`, and the `source` of the rule."""

    name: str
    area: Area
    title: str
    means: str
    source: str = ""


def _table(*codes: Code) -> MappingProxyType[str, Code]:
    return MappingProxyType({code.name: code for code in codes})


CODES = _table(
    # data
    Code(
        "inputs-not-finite",
        "data",
        "Inputs hold NaN or infinity",
        "One such number in a batch ruins every weight.",
    ),
    Code(
        "inputs-unscaled",
        "data",
        "Inputs are not scaled",
        "Columns of very different or very large size make the loss's curvature uneven: no one step length "
        "serves all weights.",
        "LeCun, Bottou, Orr and Müller 1998, Efficient BackProp, §4.3",
    ),
    Code(
        "inputs-scaled-twice",
        "data",
        "Inputs are scaled away",
        "So small a spread that the first layer sees nearly the same row every time.",
    ),
    Code(
        "inputs-constant",
        "data",
        "Columns or rows do not differ",
        "What is the same everywhere tells nothing.",
    ),
    Code(
        "targets-not-finite",
        "data",
        "Targets hold NaN or infinity",
        "The loss of such a row is not a number, and so is every gradient.",
    ),
    Code(
        "targets-unscaled",
        "data",
        "Targets are not scaled",
        "The network must grow its weights by the targets' size before it can fit them; gradients are that "
        "much larger too.",
    ),
    Code(
        "rows-leak",
        "data",
        "Validation rows are training rows",
        "The validation score then measures memory.",
    ),
    Code(
        "class-imbalance",
        "data",
        "A rare class is ignored",
        "The loss is least where the frequent class is always said.",
    ),
    # labels
    Code(
        "labels-unrelated",
        "labels",
        "Labels have nothing to do with inputs",
        "Rows that are alike do not share labels more often than by chance: they were shuffled, or there is "
        "nothing to learn.",
    ),
    Code(
        "labels-shifted",
        "labels",
        "Labels belong to neighbouring rows",
        "Moved by some rows, labels fit the inputs; as they stand they do not.",
    ),
    Code("labels-conflicting", "labels", "Equal rows have different labels", "No function fits both."),
    Code(
        "labels-noisy",
        "labels",
        "A part of the labels is wrong",
        "Many rows carry another label than nearly all their neighbours.",
    ),
    # loop
    Code(
        "gradients-not-cleared",
        "loop",
        "Gradients are not cleared between steps",
        "Every step adds to the gradients of all earlier ones.",
    ),
    Code("no-step", "loop", "The optimiser never steps", "Gradients are computed and thrown away."),
    Code("no-backward", "loop", "No gradient is computed", "The optimiser steps on nothing."),
    Code(
        "evaluation-mode-in-training",
        "loop",
        "Trained in evaluation mode",
        "Dropout and batch norms are off while weights are fitted.",
    ),
    Code(
        "training-mode-in-evaluation",
        "loop",
        "Evaluated in training mode",
        "Dropout makes the score noisy, and batch norms collect the statistics of rows they should not see.",
    ),
    Code("same-batch", "loop", "The same rows in every step", "The loop never advances over the data."),
    Code("rows-in-order", "loop", "Rows come sorted by label", "Each step unlearns the step before."),
    Code(
        "amp-overflow",
        "loop",
        "Scaled gradients overflow",
        "The scaler skips steps, and nothing is learnt in them.",
    ),
    Code(
        "gradients-clipped-away",
        "loop",
        "Clipping leaves nearly nothing",
        "Gradients are cut to a small part of their length in nearly every step.",
    ),
    Code(
        "weights-overwritten",
        "loop",
        "Weights change outside of the optimiser",
        "Something sets or resets them between steps.",
    ),
    Code(
        "accumulated-unscaled",
        "loop",
        "Accumulated gradients are summed",
        "The sum over micro-batches is not divided by their number: the step is that much longer.",
    ),
    # loss
    Code("loss-sign", "loss", "The loss rewards being wrong", "It rises where outputs approach the targets."),
    Code("loss-detached", "loss", "The loss is cut off from the weights", "No gradient can reach them."),
    Code(
        "loss-broadcasts",
        "loss",
        "Outputs and targets are compared crosswise",
        "Shapes (B, 1) and (B) broadcast to (B, B): every output is compared with every target.",
    ),
    Code(
        "loss-unsuited",
        "loss",
        "The loss does not fit the task",
        "Squared errors on classes, classes' loss on values, each class asked alone where only one can be "
        "right, or a likelihood that falls for ever with such targets.",
    ),
    Code(
        "loss-ignores-rows",
        "loss",
        "The loss leaves out much of the batch",
        "It compares only part of outputs and targets, or never asks for a class.",
    ),
    Code(
        "loss-not-finite",
        "loss",
        "The loss itself is not finite",
        "Outputs and targets are finite, their loss is not: a logarithm of 0, a division by 0.",
    ),
    # output
    Code(
        "output-activation-twice",
        "output",
        "Softmax or sigmoid twice",
        "The loss applies it once more: outputs are squeezed into a narrow range, and gradients shrink.",
    ),
    Code(
        "output-activation-missing",
        "output",
        "Softmax or sigmoid missing",
        "The loss expects probabilities or their logarithms and gets any numbers.",
    ),
    Code(
        "output-range",
        "output",
        "The last activation cannot reach the targets",
        "Targets lie outside of what it gives.",
    ),
    Code(
        "output-width",
        "output",
        "The wrong number of outputs",
        "More or fewer than the classes or targets there are.",
    ),
    Code("output-dropout", "output", "Dropout on the outputs", "What is predicted is deleted at random."),
    # architecture
    Code(
        "rows-mixed",
        "architecture",
        "Rows of a batch are mixed",
        "The output of a row depends on the other rows.",
    ),
    Code("input-ignored", "architecture", "The input is ignored", "Outputs are the same whatever enters."),
    Code(
        "answer-seen",
        "architecture",
        "Outputs see what they are to foretell",
        "A place's output depends on later places, and the next of them is what is asked for.",
        "Vaswani et al. 2017, §3.1: masks keep positions from attending to subsequent ones",
    ),
    Code("part-unused", "architecture", "A part of the network is not used", "No gradient ever reaches it."),
    Code(
        "bottleneck",
        "architecture",
        "A layer is too narrow",
        "Fewer units than the outputs need pass everything on.",
    ),
    Code(
        "too-small",
        "architecture",
        "The network is too small",
        "It cannot fit the training rows that larger ones fit.",
    ),
    Code(
        "too-large",
        "architecture",
        "The network is needlessly large",
        "A much smaller one does as well on these rows.",
    ),
    Code(
        "too-deep",
        "architecture",
        "Too deep for its width",
        "Whatever the first weights, signals of different rows become one, or gradients scatter.",
        "Hanin and Nica 2020",
    ),
    # initialisation
    Code(
        "weights-equal",
        "initialisation",
        "Units begin as copies",
        "Units with equal weights get equal gradients and stay copies for ever.",
    ),
    Code(
        "weights-too-small",
        "initialisation",
        "First weights are too small",
        "Signals and gradients fade from layer to layer.",
        "Schoenholz et al. 2017; Glorot and Bengio 2010",
    ),
    Code(
        "weights-too-large",
        "initialisation",
        "First weights are too large",
        "Signals or gradients explode, or units saturate.",
        "Schoenholz et al. 2017; Glorot and Bengio 2010",
    ),
    Code(
        "outputs-too-large",
        "initialisation",
        "Outputs begin far too large",
        "The first steps only undo the first weights.",
    ),
    Code(
        "lazy",
        "initialisation",
        "The network hardly changes",
        "It is trained as a linear model of its first gradients: the features stay those of the draw.",
        "Chizat, Oyallon and Bach 2019",
    ),
    # activation
    Code(
        "dead-units",
        "activation",
        "Units are dead",
        "They give one number on all rows, and no gradient revives them.",
    ),
    Code(
        "saturated-units",
        "activation",
        "Units are saturated",
        "They sit on the flat ends of their activation, where gradients are nearly nothing.",
    ),
    Code(
        "activation-contracts",
        "activation",
        "The activation lets gradients fade",
        "Its slope is small everywhere: no first weights keep gradients alive over so many layers.",
        "Hochreiter 1991; Schoenholz et al. 2017",
    ),
    Code(
        "no-activation",
        "activation",
        "No non-linearity between layers",
        "A product of matrices is one matrix.",
    ),
    # normalisation
    Code(
        "norm-of-tiny-batches",
        "normalisation",
        "Batch norm of tiny batches",
        "Mean and variance of a few rows are mostly noise.",
        "Wu and He 2018",
    ),
    Code(
        "norm-statistics-stale",
        "normalisation",
        "Collected statistics do not fit",
        "In evaluation the norm uses a mean and variance that the rows do not have.",
    ),
    Code(
        "dropout-before-norm",
        "normalisation",
        "Dropout before a batch norm",
        "Variances differ between training and evaluation.",
        "Li, Chen, Hu and Yang 2019",
    ),
    Code(
        "norm-missing",
        "normalisation",
        "A deep network without norms or skips",
        "Layers learn at very different speeds.",
    ),
    # optimiser
    Code(
        "parameters-not-held",
        "optimiser",
        "The optimiser holds other parameters",
        "What it moves is not, or not all, of the network.",
    ),
    Code(
        "optimiser-constants",
        "optimiser",
        "Odd constants",
        "Momentum, betas or ε far from where they work, or averages begun anew.",
    ),
    # learning rate
    Code(
        "rate-too-high",
        "learning rate",
        "The learning rate is too high",
        "Steps are longer than the loss's curvature allows.",
        "LeCun et al. 1998; Cohen et al. 2021, 2022",
    ),
    Code(
        "rate-too-low",
        "learning rate",
        "The learning rate is too low",
        "The loss still falls along a straight line, as far as so many short steps go.",
    ),
    Code(
        "rate-decays-too-fast",
        "learning rate",
        "The schedule ends learning too early",
        "The rate is nearly nothing while the loss still falls.",
    ),
    Code(
        "plateau",
        "learning rate",
        "The loss stands still too high",
        "It no longer falls, far above what this network can reach with other steps.",
    ),
    Code(
        "no-learning",
        "learning rate",
        "Nothing is learnt",
        "No better than a constant, and no rule knows why.",
    ),
    # batch
    Code(
        "batch-too-small",
        "batch",
        "Batches are too small",
        "Gradients are mostly noise; the loss stops falling where a larger batch or a smaller rate goes on.",
        "McCandlish et al. 2018",
    ),
    Code("batch-too-large", "batch", "Batches are too large", "There are too few steps in an epoch."),
    # regularisation
    Code(
        "overfitting",
        "regularisation",
        "Overfitted",
        "The validation loss rises while the training loss falls.",
    ),
    Code(
        "dropout-too-strong",
        "regularisation",
        "Too much dropout",
        "So much is deleted that training rows cannot be fitted.",
    ),
    Code(
        "penalty-too-strong",
        "regularisation",
        "Too much weight decay",
        "Weights shrink faster than the data make them grow.",
    ),
    # epochs
    Code("too-few-epochs", "epochs", "Stopped too early", "Both losses were still falling clearly."),
)  # fmt: skip
"""By name, in the order of areas."""
