"""What is given before any step: a module, what is asked of it, and the rows; frozen, as a `record.Record`
holds it, and in the shapes named there.
"""

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

__all__ = [
    "Activation",
    "Anatomy",
    "First",
    "Group",
    "Held",
    "Layer",
    "Loss",
    "Op",
    "Optimiser",
    "Rows",
    "Targets",
    "Task",
]


# What the module is ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Op:
    """One step of a forward pass in evaluation mode.

    `name` is the module's path ("features.3"), or "relu in features" for a function called inside
    `forward`; `kind` one of linear, convolution, recurrent, attention, embedding, norm, dropout,
    activation, pool, add, other; `what` its own name in lower case ("conv2d", "relu", "batch_norm",
    "softmax"); `shape` that of its first output.
    """

    name: str
    kind: str
    what: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Layer:
    """A leaf module with weights of its own (norms and activations with parameters are not layers, but
    what follows one): `shape` of its weight, `fan_in` and `fan_out` per output and input number,
    `activation` what bends its outputs before the next layer ("" for nothing; a recurrent layer's own),
    `norm` and `dropout` likewise. One that runs twice stands here once.
    """

    name: str
    kind: str
    what: str
    shape: tuple[int, ...]
    fan_in: int
    fan_out: int
    parameters: int
    trainable: bool
    activation: str = ""
    norm: str = ""
    dropout: float = 0.0


@dataclass(frozen=True)
class Activation:
    """A place where an activation function is applied: Op's `name` and `what`, its number of units, and
    the index of the last of the `layers` before it (-1 for none). On the first rows: `straight`, whether it
    does no more than a line would, `slope` and `spread` as of `slopes.Bend`, `silent` the share of rows that
    none of its units answers. `turns`: how often a signal runs through it, as a recurrent state does.
    """

    name: str
    what: str
    units: int
    after: int
    straight: bool = False
    slope: float = float("nan")
    spread: float = float("nan")
    silent: float = 0.0
    turns: int = 1


@dataclass(frozen=True)
class First:
    """First weights of a part, still as drawn. `kind` and `size`, at least and at `most`: "weights" and
    "projections" (of attention) have σ_w, root mean square times the root of the ends that a unit has;
    "state" and "gated state" the spectral radius of what multiplies it; an "embedding" its root mean square;
    "one number" what all weights are, "one unit" the size of those that all units have;
    "input gate", "forget gate", "output gate", "reset gate", "update gate" the median bias.
    """

    name: str
    kind: str
    size: float
    most: float


@dataclass(frozen=True)
class Anatomy:
    """`why` tells, where the module could not be traced, what it raised; everything else is then empty.

    `last` are the names of the Ops after the last layer with parameters ("softmax", …). `skips` counts
    additions of what went around a layer. `unused` are parameters that no gradient reached on a first
    backward pass, `shared` pairs of names that are one tensor, `strays` those that gradients reach in
    layers kept in plain lists or dicts. `drawn` are layers whose weights look as if
    freshly drawn, `frozen` those, large enough to be sure, that are not trained and not called so as if that
    were meant, `references` such, or unused
    ones, whose weights are number by number those of a trained one: a copy kept to be compared with, or taken
    away. `training` is whether the module, and `stuck` which parts, were in the other mode when it was handed
    over. `firsts` are sizes of first weights. `deaf`: no operation on the way to the outputs reads an input.
    `reach` are the least and the largest output that what stands behind the last layer can give, NaN where
    that is not known or nothing stands there.
    `pace` is the least share of what a batch norm collects that each batch renews, `haste` the largest; NaN
    without one. `entering` is the highest rate of dropout that an input meets before any layer, `sleepless`
    are dropouts that delete in evaluation mode too.
    """

    ops: tuple[Op, ...] = ()
    layers: tuple[Layer, ...] = ()
    activations: tuple[Activation, ...] = ()
    last: tuple[str, ...] = ()
    parameters: int = 0
    trainable: int = 0
    skips: int = 0
    unused: tuple[str, ...] = ()
    shared: tuple[tuple[str, str], ...] = ()
    strays: tuple[str, ...] = ()
    drawn: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    training: bool = True
    stuck: tuple[str, ...] = ()
    firsts: tuple[First, ...] = ()
    deaf: bool = False
    reach: tuple[float, float] = (float("nan"), float("nan"))
    pace: float = float("nan")
    haste: float = float("nan")
    entering: float = 0.0
    sleepless: tuple[str, ...] = ()
    why: str = ""


# What is asked of it --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Task:
    """What targets are, from their type, shape and values over all rows at hand.

    `kind`: classes (one of C), binary (one of two, one output), multilabel, values (regression), sequence
    (a class at each place), copy (targets are the inputs), unknown. `outputs` and `targets` are shapes of
    one batch.
    """

    kind: Literal["classes", "binary", "multilabel", "values", "sequence", "copy", "unknown"]
    n_classes: int
    outputs: tuple[int, ...]
    targets: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class Loss:
    """A loss function as it behaves on outputs and targets, not by its name alone.

    `kind`: cross-entropy, nll, bce, bce-logits, mse, mae, huber, hinge, kl, or "" where unknown; `expects`:
    logits, log-probabilities, probabilities, values, or "". `sign`: 1 where it falls as outputs approach
    targets, -1 where it rises, 0 unknown. `inside`: an activation that it applies itself to what it is given
    though its kind does so too ("softmax" for cross-entropy of softmaxed outputs). `attached`: whether
    outputs get a gradient. `crosswise`: both shapes, where each output is compared with every target.
    `compared`: the share of output numbers, and of rows, that move it. `reduction`: mean, sum or none.
    `weights` [C]: for classes, the gradient of a row of each over that of the most frequent one, where all
    outputs are equal; () where unknown. `pooled`: each row gets the same gradient, whatever is asked of it.
    `endless`: the share of rows for which it falls for ever as outputs grow to one side, NaN where that
    was not asked.
    `passed_over`: classes that targets name and no gradient comes from, and `amid` the share of their places
    that lie between places that count, 0 where a row is one place. `blind`: what of the outputs it does not
    feel ("size" of a row's, "unit" and offset or "offset" alone of all rows', "" for nothing), and the share
    of the targets' variance that lies there. `normed`: whether the first outputs are shares of one whole, or
    their logarithms, as it expects. `value` on the first batch; `trivial`: of the best constant outputs on
    all rows, a sum scaled to as many rows as the first batch has. `why` tells, where it could not be called
    or read, what it raised or gave; what could not be read is then as unknown.
    """

    name: str
    kind: str = ""
    expects: str = ""
    sign: int = 0
    inside: str = ""
    attached: bool = True
    crosswise: tuple[tuple[int, ...], tuple[int, ...]] | None = None
    compared: tuple[float, float] = (1.0, 1.0)
    reduction: str = ""
    weights: tuple[float, ...] = ()
    endless: float = math.nan
    pooled: bool = False
    passed_over: tuple[int, ...] = ()
    amid: float = 0.0
    blind: tuple[str, float] = ("", 0.0)
    normed: bool = False
    value: float = float("nan")
    trivial: float = float("nan")
    why: str = ""


@dataclass(frozen=True)
class Group:
    """One parameter group at the start; a constant that the optimiser does not have is NaN. `ascends`: it is
    told to make the loss large.
    """

    lr: float
    momentum: float
    betas: tuple[float, float]
    eps: float
    weight_decay: float
    parameters: int
    ascends: bool = False


@dataclass(frozen=True)
class Optimiser:
    """`name` of its class. `missing`: trainable parameters of the network that it does not hold,
    `foreign`: numbers of parameters held that are not the network's, `strays`: the same as `missing`, of
    layers in plain lists or dicts.
    """

    name: str
    groups: tuple[Group, ...]
    missing: tuple[str, ...] = ()
    foreign: int = 0
    strays: tuple[str, ...] = ()


# What the rows are ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Held:
    """Validation rows beside training rows, in shares of the former.

    `beyond`: of numbers that lie outside of the range of the training rows' column by more than its width, or
    of these outside of the others'. `outside`: of real targets outside of the training targets' range.
    `unseen`: of rows whose class no training row has (NaN where not all were seen). `altered`: of pictures
    that are a training picture mirrored, turned or moved by a pixel. `moved`: of rows that are all but one
    place of a training row, a place further. `near`: of rows far nearer to a training row than the density of
    rows, which lie in about so many `dimensions`, allows.
    """

    beyond: float = 0.0
    outside: float = float("nan")
    unseen: float = float("nan")
    altered: float = 0.0
    moved: float = 0.0
    near: float = 0.0
    dimensions: float = float("nan")


@dataclass(frozen=True)
class Rows:
    """Inputs of `n` rows (of `seen` looked at, at most some thousands), flattened to D numbers a row where
    they are numbers. `kind`: numbers, images, tokens or other.

    mean, std, least, most [D]; `bad` shares of rows with a number that is not finite. `doubles` share of rows
    that occur twice, `groups` the number of different rows among them, `conflicts` share of rows whose double
    has another label (the mean over rows of the share of their doubles that have one), `by_chance` what that
    would be if doubles had their labels dealt out anew. `within`: of real targets, the share of the
    variance of rows that occur twice that lies between equal rows (NaN for labels). `coarse`: whether nearly
    all rows occur twice because each column was rounded to a few even levels. `common` share of the
    `compared` validation rows that are training rows too (NaN without validation), `close` share of those
    that nearly are, beyond those that training rows nearly are of each other. `finest`: the most different
    numbers in a column over the different rows, 1 where one column tells them all apart. `copied`: whether
    rows occur a number of times that no draw with replacement gives, so that their doubles were made.
    `crowded`: of rows that occur twice
    the share with a neighbour that differs in few columns, or nearly all with one that has half of what tells
    them from others, as coincidences have. `serial`: share of their
    variance in which rows follow from the row before, beyond chance. `ordered`: how much more often
    neighbouring rows share a label than by chance, in order of arrival within the first epoch, 0 to 1; of
    real targets, the share of their variance that lies between batches. `repeated`: share of the columns that
    are another one, but for unit and offset. `held`: validation rows beside these, None without.
    """

    kind: Literal["numbers", "images", "tokens", "other"]
    n: int
    seen: int
    shape: tuple[int, ...]
    mean: np.ndarray
    std: np.ndarray
    least: np.ndarray
    most: np.ndarray
    bad: float = 0.0
    doubles: float = 0.0
    conflicts: float = 0.0
    groups: int = 0
    by_chance: float = float("nan")
    within: float = float("nan")
    coarse: bool = False
    common: float = float("nan")
    close: float = float("nan")
    compared: int = 0
    finest: float = float("nan")
    copied: bool = False
    crowded: float = float("nan")
    serial: float = 0.0
    ordered: float = 0.0
    repeated: float = 0.0
    held: Held | None = None


@dataclass(frozen=True)
class Targets:
    """Targets of the rows looked at: for classes `counts` [C]; for values mean and std [C].

    `bad`: share of rows that are not finite or outside of the classes, `outside` of the latter (the least
    and most numbers that they hold are `least` and `most`), `sunken` of rows that hold −∞. `skill`: what
    nearest neighbours
    and a linear model, the better of both, reach on rows they were not fitted on, as the share of the
    constant prediction's error that they take away (0 chance, 1 perfect), with its standard error;
    `shifted` the same for labels moved by `shift` rows, the best of `moves` such moves. `noisy`: share of
    rows whose label differs from what neighbours and a linear model surely say, as it is in the middle one of
    the classes (such rows: `agreeing`). `told` [C]: of each class's rows, the share
    that the better predictor finds when classes count alike. `rows`: how many skill was measured on.
    `held`: the same skill within the validation rows, `held_rows` of them, with its standard error.
    `order`: where one whole number a row takes few values, the share of other orders of these in which what
    inputs leave open is no more than in the order of numbers (near 0 for amounts, anything for names).
    `mistaken`: share of all rows whose label differs from what simple predictors say, and `mistaken_surely`
    of the `surer` half of the rows said to be of each class; `beside`: of these, the share that bear the one
    label most often borne instead of what was said.
    `named`: share of validation rows of which simple predictors, fitted on training rows, tell the class, all
    classes counted alike; `renamed` the same if classes are named otherwise, as suits best; `naming_rows` how
    many rows that was seen on.
    """

    counts: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    bad: float = 0.0
    skill: float = float("nan")
    skill_error: float = float("nan")
    shift: int = 0
    shifted: float = float("nan")
    noisy: float = float("nan")
    outside: float = 0.0
    least: float = float("nan")
    most: float = float("nan")
    shifted_error: float = float("nan")
    moves: int = 0
    agreeing: int = 0
    told: np.ndarray = field(default_factory=lambda: np.empty(0))
    rows: int = 0
    held: float = float("nan")
    held_error: float = float("nan")
    held_rows: int = 0
    order: float = float("nan")
    mistaken: float = float("nan")
    mistaken_surely: float = float("nan")
    surer: int = 0
    beside: float = float("nan")
    named: float = float("nan")
    renamed: float = float("nan")
    naming_rows: int = 0
    sunken: float = 0.0
