"""What was seen of a network, its task and its training: frozen, and all that the rules may look at.

Shapes: T recorded steps, K sampled steps, E epochs, S surveys, L layers with parameters in the order in
which they run, A activations in that order, D inputs of a row, N rows, C classes or outputs. A part that
could not be seen is None, and a number that could not be measured NaN; rules answer "not applicable"
there.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

__all__ = [
    "Activation",
    "Anatomy",
    "Course",
    "Group",
    "Kernel",
    "Layer",
    "Loss",
    "Narrower",
    "Op",
    "Optimiser",
    "Record",
    "Rows",
    "Sharpness",
    "Survey",
    "Targets",
    "Task",
    "Trial",
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
    the index of the last of the `layers` before it (-1 for none).
    """

    name: str
    what: str
    units: int
    after: int


@dataclass(frozen=True)
class Anatomy:
    """`why` tells, where the module could not be traced, what it raised; everything else is then empty.

    `last` are the names of the Ops after the last layer with parameters ("softmax", …). `skips` counts
    additions of what went around a layer. `unused` are parameters that no gradient reached on a first
    backward pass, `shared` pairs of names that are one tensor. `frozen` are layers that are not trained and
    whose weights look as if freshly drawn, `references` such, or unused ones, whose weights are number by
    number those of a trained one: a copy kept to be compared with, or taken away. `training` is whether the
    module, and `stuck` which parts, were in the other mode when it was handed over.
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
    frozen: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    training: bool = True
    stuck: tuple[str, ...] = ()
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

    `kind`: cross-entropy, nll, bce, bce-logits, mse, mae, huber, hinge, kl, or "" where unknown;
    `expects`: logits, log-probabilities, probabilities, values, or "". `sign`: 1 where it falls as
    outputs approach targets, -1 where it rises, 0 unknown. `inside`: an activation that it applies itself
    to what it is given though its kind does so too ("softmax" for cross-entropy of softmaxed outputs).
    `attached`: whether outputs get a gradient. `crosswise`: the two shapes, where they broadcast to a
    third. `compared`: the share of output numbers, and of rows, that move it. `reduction`: mean, sum or
    none. `value` on the first batch; `trivial`: of the best constant outputs on all rows, a sum scaled to
    as many rows as the first batch has. `why` tells, where it could not be called or read, what it raised
    or gave; what could not be read is then as unknown.
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
    value: float = float("nan")
    trivial: float = float("nan")
    why: str = ""


@dataclass(frozen=True)
class Group:
    """One parameter group at the start; a constant that the optimiser does not have is NaN."""

    lr: float
    momentum: float
    betas: tuple[float, float]
    eps: float
    weight_decay: float
    parameters: int


@dataclass(frozen=True)
class Optimiser:
    """`name` of its class. `missing`: trainable parameters of the network that it does not hold,
    `foreign`: numbers of parameters held that are not the network's.
    """

    name: str
    groups: tuple[Group, ...]
    missing: tuple[str, ...] = ()
    foreign: int = 0


# What the rows are ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rows:
    """Inputs of `n` rows (of `seen` looked at, at most some thousands), flattened to D numbers a row
    where they are numbers. `kind`: numbers, images, tokens or other.

    mean, std, least, most [D]; `bad` shares of rows with a number that is not finite. `doubles` share of
    rows that occur twice, `groups` the number of different rows among them, `conflicts` share of rows whose
    double has another label (the mean over rows of the share of their doubles that have one), `by_chance`
    what that would be if doubles had their labels dealt out anew. `common` share of the `compared`
    validation rows that are training rows too (NaN without validation), `close` share of those that nearly
    are, beyond those that training rows nearly are of each other. `finest`: the most different numbers in a
    column over the different rows, 1 where one column tells them all apart. `copied`: whether rows occur a
    number of times that no draw with replacement gives, so that their doubles were made. `serial`: share of
    their variance in which rows follow from the row before, beyond chance. `ordered`: how much more often
    neighbouring rows share a label than by chance, in order of arrival within the first epoch, 0 to 1.
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
    common: float = float("nan")
    close: float = float("nan")
    compared: int = 0
    finest: float = float("nan")
    copied: bool = False
    serial: float = 0.0
    ordered: float = 0.0


@dataclass(frozen=True)
class Targets:
    """Targets of the rows looked at: for classes `counts` [C]; for values mean and std [C].

    `bad`: share of rows that are not finite or outside of the classes, `outside` of the latter (the least
    and most numbers that they hold are `least` and `most`). `skill`: what nearest neighbours
    and a linear model, the better of both, reach on rows they were not fitted on, as the share of the
    constant prediction's error that they take away (0 chance, 1 perfect), with its standard error;
    `shifted` the same for labels moved by `shift` rows, the best of `moves` such moves. `noisy`: share of
    rows whose label differs from what neighbours and a linear model surely say, as it is in the middle one of
    the classes (such rows: `agreeing`). `told` [C]: of each class's rows, the share
    that the better predictor finds when classes count alike. `rows`: how many skill was measured on.
    `held`: the same skill within the validation rows, `held_rows` of them, with its standard error.
    `order`: where one whole number a row takes few values, the share of other orders of these in which what
    inputs leave open is no more than in the order of numbers (near 0 for amounts, anything for names).
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


# How signals pass it --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Survey:
    """One look at the network on probe rows, on a copy, after `step` optimiser steps.

    The signs are those of `vitals.signs`, in evaluation mode; channels of images are units, and their
    places, like those of sequences, are rows. Gradients are of the mean loss over the probe rows, in
    training mode for norms' sake but without dropout. A norm's and an activation's parameters count to
    the layer before them; of a layer that is frozen, gradients are NaN. `apart` [L]: mean 1 − cosine of
    two rows' pre-activations (of one number a row: variance over mean square); `signal` [L]: root mean
    square of what leaves a layer; `weight` [L]: Frobenius norm of its parameters, `moved` [L] ‖θ −
    θ_0‖/‖θ_0‖; `backward` [L]: root mean square of ∂loss/∂(what leaves the layer), times rows. `noise`
    [L]: squared gradient over its variance between rows, per row, both without bias (McCandlish et al.
    2018: B_simple = 1/that), 0 where noise hides the gradient. `copies` [L]: share of units that equal
    another one in weights and in gradients. Outputs: mean [C], spread over rows (root mean square of each
    number's), and root mean square of all numbers. `sensitivity` [D]: root mean square change of outputs
    for one standard deviation of an input column, by shuffling blocks of columns where D is large; NaN
    for a column that does not vary. `mixing`: largest change of a row's outputs when other rows of the
    batch are exchanged, in evaluation and in training mode, relative to their spread. Losses are in
    evaluation mode, one that sums over rows scaled to a batch; scores are the share of right answers, or
    R² of values. `broken`: name of the first Op whose output is not finite, "" where the outputs are.
    `recall` [C]: of each class's probe rows, the share that the outputs tell right (NaN where a class has
    none); empty where targets are no classes. For sequences, `order`: change of outputs, over their spread,
    when places are put in another order, and `ahead`: when what follows is exchanged, where targets are that.
    """

    step: int
    activation_mean: np.ndarray
    activation_std: np.ndarray
    dead: np.ndarray
    saturated: np.ndarray
    gradient_norm: np.ndarray
    signal: np.ndarray
    apart: np.ndarray
    backward: np.ndarray
    weight: np.ndarray
    moved: np.ndarray
    noise: np.ndarray
    copies: np.ndarray
    output_mean: np.ndarray
    output_spread: float
    output_size: float
    sensitivity: np.ndarray
    mixing: tuple[float, float]
    train_loss: float
    train_score: float
    valid_loss: float
    valid_score: float
    broken: str = ""
    recall: np.ndarray = field(default_factory=lambda: np.empty(0))
    order: float = float("nan")
    ahead: float = float("nan")


@dataclass(frozen=True)
class Sharpness:
    """Largest curvature of the training loss on the probe rows at `step`, preconditioned as the optimiser
    does; `stable`: the largest learning rate that is stable there (2(1 + m)/λ, Cohen et al. 2021; 38/λ'
    for Adam with β_1 = 0.9, 2022).
    """

    step: int
    curvature: float
    stable: float


@dataclass(frozen=True)
class Kernel:
    """Tangent kernel of probe rows: how far its direction turned from the first step to the last, 1 −
    cosine (Fort et al. 2020), and the relative movement of the parameters.
    """

    drift: float
    moved: float


# What happened --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Course:
    """The user's loop, step by step.

    loss, rate [T] of every optimiser step (the mean of its micro-batches), `rows` [T] in it. sampled [K]:
    the steps at which `gradient` [K, L] ‖g‖, `update` [K, L] ‖Δθ‖/‖θ‖ and `agreement` [K] (cosine with
    the sampled step before) were taken. `epoch_step`, `train_loss`, `valid_loss`, `train_score`,
    `valid_score` [E]: of the surveys made at ends of epochs. `finished`: whether as many steps as planned
    were made; `planned` 0 where unknown. `accumulate`: backward passes asked for each step.

    Counts: `forwards`, `backwards`, `steps`, `skipped` (a scaler's); `uncleared`: steps before which
    gradients of the step before were still there, beyond what `accumulate` allows; `in_evaluation`:
    training forwards with the module, or `stuck` parts, in evaluation mode; `evaluated_in_training`:
    forwards without gradients in training mode; `repeated`: steps whose batch was that of the step
    before; `overwritten`: steps before which weights were not what the step before left; `clipped`: the
    median factor by which clipping shortened gradients, 1 for none; `summed`: micro-batches whose losses
    were not divided. `detached`: losses made with gradients enabled, in training mode, from which none can
    flow, where no other loss was differentiated in their stead; `dropped`: gradients that were cleared
    before a step used them, a scaler's included. `broken_step`: the first step with a loss or gradient that
    is not finite, -1 for none; `broken_at` the Op or layer.
    """

    loss: np.ndarray
    rate: np.ndarray
    rows: np.ndarray
    sampled: np.ndarray
    gradient: np.ndarray
    update: np.ndarray
    agreement: np.ndarray
    epoch_step: np.ndarray
    train_loss: np.ndarray
    valid_loss: np.ndarray
    train_score: np.ndarray
    valid_score: np.ndarray
    forwards: int = 0
    backwards: int = 0
    steps: int = 0
    skipped: int = 0
    uncleared: int = 0
    in_evaluation: int = 0
    stuck: tuple[str, ...] = ()
    evaluated_in_training: int = 0
    repeated: int = 0
    overwritten: int = 0
    clipped: float = 1.0
    summed: int = 1
    detached: int = 0
    dropped: int = 0
    broken_step: int = -1
    broken_at: str = ""
    planned: int = 0
    finished: bool = True
    accumulate: int = 1


@dataclass(frozen=True)
class Trial:
    """A short counterfactual on a copy: `what` was changed (the kind of a Change), the losses on all probe
    rows it ended with [seeds] beside the unchanged `control`'s, after as many steps, from the first weights.

    `value` is a factor on what the program has: "learning rate" (of every group, 0.1 or 10), "width",
    "depth", "epochs", "batch size", "dropout" and "weight decay" (0 for none), "clipping" (0 for none).
    `word` names what is put in: "initialisation" ("critical"), "activation", "norm", "optimiser" (its usual
    constants: "defaults"), "schedule" ("constant"). The two losses are in the unit of Survey.train_loss,
    infinite where a training diverged. `score` and `control_score` [seeds] are Survey.train_score's: where
    the loss or the head was changed, they alone compare.
    """

    what: str
    word: str
    value: float
    steps: int
    loss: np.ndarray
    control: np.ndarray
    score: np.ndarray = field(default_factory=lambda: np.empty(0))
    control_score: np.ndarray = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True)
class Narrower:
    """A network of `value` times the widths, with so many `parameters`, drawn anew and trained for as many
    `steps` as the run: its `loss` and `score` [seeds] on validation rows, and what the run reached on them.
    """

    value: float
    parameters: int
    steps: int
    loss: np.ndarray
    score: np.ndarray
    own_loss: float
    own_score: float


@dataclass(frozen=True)
class Record:
    """All of it. `surveys` in the order of their steps: the first before training, the last after it."""

    anatomy: Anatomy
    task: Task | None = None
    loss: Loss | None = None
    optimiser: Optimiser | None = None
    rows: Rows | None = None
    targets: Targets | None = None
    surveys: tuple[Survey, ...] = ()
    course: Course | None = None
    sharpness: tuple[Sharpness, ...] = ()
    kernel: Kernel | None = None
    trials: tuple[Trial, ...] = ()
    narrower: Narrower | None = None
