"""What was seen of a network, its task and its training: frozen, and all that the rules may look at.

Shapes: T recorded steps, K sampled steps, E epochs, S surveys, L layers with parameters in the order in
which they run, A activations in that order, D inputs of a row, N rows, C classes or outputs. A part that
could not be seen is None, and a number that could not be measured NaN; rules answer "not applicable"
there.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from profunda.diagnosis.givens import Anatomy, Loss, Optimiser, Rows, Targets, Task

__all__ = [
    "Against",
    "Course",
    "Coverage",
    "Ending",
    "Kernel",
    "Narrower",
    "Record",
    "Sharpness",
    "Survey",
    "Trial",
]


Ending = Literal["", "set", "first", "same"]

# How signals pass it --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Against:
    """How given classes differ from what a network says: shares of rows with another one, of `every` row and
    of the `surest` of them, as by `skills.disagreement` on so many `rows`; `beside` as of `skills.Mistakes`.
    """

    every: float
    surest: float
    rows: int
    beside: float


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
    batch are exchanged, in evaluation and in training mode, relative to their spread; `company`: rows of the
    groups, smaller than a batch, that rows belong to in training mode alone, 0 for none. Losses are in
    evaluation mode, one that sums over rows scaled to a batch; scores are the share of right answers, or
    R² of values. `broken`: name of the first Op whose output is not finite, "" where the outputs are.
    `recall` [C]: of each class's probe rows, the share that the outputs tell right (NaN where a class has
    none); empty where targets are no classes. For sequences, `order`: change of outputs, over their spread,
    when places are put in another order, and `ahead`: when what follows is exchanged, where targets are that.
    `against`: of validation rows' classes, how they differ from what the network says.
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
    company: int = 0
    against: Against | None = None


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
class Coverage:
    """Rows of the first batches that were trained on.

    `reached`: different ones among them, as a share of those that as many draws with replacement meet;
    `since`: the batch from which on that share was low and stayed so, -1 for none. `different` of the `n`
    rows of the data passed. `foreign`: share of the validation rows that were trained on, `met` the batch of
    the first of them.
    """

    reached: float = float("nan")
    since: int = -1
    different: int = 0
    n: int = 0
    foreign: float = 0.0
    met: int = -1

    def until(self, batch: int) -> "Coverage":
        """What was known after so many batches."""
        low, met = self.since <= batch, 0 <= self.met <= batch
        return replace(self, since=self.since if low else -1, foreign=self.foreign if met else 0.0)


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
    before a step used them, a scaler's included; `turned`: the share of steps in which the loss was
    differentiated with a minus before it; `forgot`: steps before which the optimiser's averages were gone,
    its own or with it; `returned`: steps before which weights had been set back, to the first ones or again
    to the same, or drawn anew; `ending`: whether after the last step weights were set, to the `first` ones,
    or to the `same` that they were. `factor`: by what the loss's gradient was multiplied on its way to the
    step, the median, 1 for a loss that is followed as it is. `idle`: losses of a usual
    step, made for training, that are not differentiated. `carried`: the share of training passes that
    began with what the pass before, of other rows, had left in the network. `broken_step`: the first step
    with a loss or gradient that is not finite, -1 for none; `broken_at` the Op or layer.
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
    turned: float = 0.0
    forgot: int = 0
    returned: int = 0
    ending: Ending = ""
    factor: float = float("nan")
    coverage: Coverage | None = None
    carried: float = 0.0
    idle: float = 0.0


@dataclass(frozen=True)
class Trial:
    """A short counterfactual on a copy: `what` was changed (the kind of a Change), the losses on all probe
    rows it ended with [seeds] beside the unchanged `control`'s, after as many steps, from the first weights.

    `value` is a factor on what the program has: "learning rate" (of every group, 0.1 or 10), "width",
    "depth", "epochs", "batch size", "dropout" and "weight decay" (0 for none), "clipping" (0 for none).
    `word` names what is put in: "initialisation" ("critical"), "activation", "norm", "optimiser" (its usual
    constants: "defaults"), "schedule" ("constant"), "thawing" (of frozen layers). The two losses are in the
    unit of Survey.train_loss, infinite where a training diverged. `score` and `control_score` [seeds] are
    Survey.train_score's: where the loss or the head was changed, they alone compare. `held` and
    `control_held` [seeds] are the losses on validation rows, empty without such.
    """

    what: str
    word: str
    value: float
    steps: int
    loss: np.ndarray
    control: np.ndarray
    score: np.ndarray = field(default_factory=lambda: np.empty(0))
    control_score: np.ndarray = field(default_factory=lambda: np.empty(0))
    held: np.ndarray = field(default_factory=lambda: np.empty(0))
    control_held: np.ndarray = field(default_factory=lambda: np.empty(0))


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
