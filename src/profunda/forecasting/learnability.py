"""One number for whether a network can be trained, from its laws and its recipe, with its reasons.

Each concern is how many orders of magnitude the network lies beyond a limit. The limits are those of float32
and of a linear model of training; none is fitted to outcomes. What is derived here is only for orders of
magnitude: the tangent kernel of the standard parametrisation layer by layer, Θ_l = fan_in·E x²·E‖∂f/∂z^l‖²,
and its part Θ_l' that tells two rows apart, with 1 − c in place of 1.
"""

import math
from dataclasses import dataclass
from functools import cached_property

from profunda.forecasting.laws import Law, Step, kept_moments, product_gap, rounded, walk
from profunda.theory.activations import Nonlinearity
from profunda.theory.widths import beta

__all__ = ["Concern", "Recipe", "Trainability", "learnability"]

MARGIN = 1.0
"""Orders of magnitude by which an estimate of this kind may be off: there the score is ½. A convention."""
LEAST = 0.1
"""Below this score a network is said not to train."""

_DIGITS = 6.0  # of float32, to which two rows must still differ
_DECADES = 30.0  # of float32 below 1, to which a signal must not fall
_EFOLDS_SGD = 6.0  # Schoenholz et al. (2017), section 4: plain gradient descent trains to 6 depth scales


@dataclass(frozen=True)
class Recipe:
    """What of a training recipe decides: `steps` in all, and the scale of the loss's curvature at the outputs
    (`curvature`: 2 for squared errors, ½ at most for a softmax)."""

    optimiser: str
    lr: float
    momentum: float
    steps: int
    curvature: float
    ntk: bool = False


@dataclass(frozen=True)
class Concern:
    """`beyond`: orders of magnitude past the limit (negative: inside of it)."""

    name: str
    beyond: float
    words: str


@dataclass(frozen=True)
class Trainability:
    """The worst of `concerns` decides. `score` falls from 1 to 0, ½ where the worst is one order of magnitude
    past its limit, nan where nothing could be judged; `trainable` is whether it is not below 0.1."""

    concerns: tuple[Concern, ...]

    @cached_property
    def worst(self) -> Concern:
        """The concern that decides."""
        return max(self.concerns, key=lambda one: one.beyond)

    @classmethod
    def unknown(cls, why: str) -> "Trainability":
        """Of a network that cannot be judged: the score is nan, and nothing is ruled out."""
        return cls((Concern("unknown", math.nan, f"Not judged: {why}."),))

    @cached_property
    def score(self) -> float:
        """1/(1 + 10^(beyond − 1)) of the worst."""
        over = self.worst.beyond - MARGIN
        if math.isnan(over):
            return math.nan
        return 1.0 / (1.0 + 10.0 ** min(over, 300.0))

    @property
    def trainable(self) -> bool:
        """Whether it is not ruled out."""
        return not self.score < LEAST

    @property
    def verdict(self) -> str:
        """In words."""
        if math.isnan(self.score):
            return "not judged"
        if self.score >= 0.5:
            return "expected to train"
        return "doubtful" if self.trainable else "not expected to train"


def learnability(
    laws: tuple[Law, ...], recipe: Recipe | None, square: float = 1.0, apart: float = 1.0
) -> Trainability:
    """The score of a network of `laws` (the last is the read-out) for rows of E x² = `square` that differ by
    1 − c = `apart`; without a `recipe` only what the network itself decides."""
    steps = walk(laws, square, apart, training=True)
    widths = [law.fan_out for law in laws[:-1]]
    ends = [_signal(steps)]
    if steps and not 0.0 < steps[-1].q < math.inf:
        return Trainability(tuple(ends))
    sgd = recipe is not None and recipe.optimiser == "sgd"
    lost = _typical(laws[0].activation) * beta(widths)
    ends += [_rows(steps, lost, sgd)] if steps else []
    if recipe is None:
        return Trainability((*ends, *([_gradient(steps)] if steps else [])))
    tangent = _tangents(laws, steps, square, apart)
    initial = _initial(laws, steps, square)
    stride = _stride(laws, steps, tangent, recipe)
    speed = _speed(tangent, recipe, lost, initial, stride)
    return Trainability((*ends, speed, stride, _start(initial)))


def _typical(activation: Nonlinearity) -> float:
    """By how many e-folds for each unit of β a typical network's squared norms lie below their mean.

    E log of the factors: −2.5/n a layer for a ReLU (Hanin and Nica 2020), and −1/n for a linear layer, whose
    factor is χ²_n/n; what is smooth is taken as linear.
    """
    return 2.5 if activation.sides is not None and activation.sides[0] != activation.sides[1] else 1.0


# What the network itself decides --------------------------------------------------------------------


def _signal(steps: tuple[Step, ...]) -> Concern:
    q = steps[-1].q if steps else 1.0
    dead = next((number for number, step in enumerate(steps, 1) if not 0.0 < step.q < math.inf), None)
    beyond = 9.0 if dead else abs(math.log10(q)) - _DECADES
    if beyond <= 0.0:
        return Concern("signal", beyond, f"The signal's variance is {q:.3g} at the last hidden layer.")
    where = f" from layer {dead} on" if dead else f": its variance is {q:.3g}"
    what = "fades away" if q < 1.0 else "overflows"
    return Concern("signal", beyond, f"The signal {what}{where}; float32 holds 1e±30 at most.")


def _rows(steps: tuple[Step, ...], lost: float, sgd: bool) -> Concern:
    apart = max(steps[-1].apart, 1e-300)
    limit = _EFOLDS_SGD / math.log(10.0) if sgd else _DIGITS
    short = -math.log10(apart) + lost / math.log(10.0)
    passed = "one layer" if len(steps) == 1 else f"{len(steps)} layers"
    alike = -math.log10(apart)  # in digits: 1 − c itself is told by its own line
    words = f"After {passed} two rows' signals agree to {max(alike, 0.0):.1f} digits"
    why = f"plain gradient descent bears {limit:.1f}" if sgd else "float32 tells six"
    return Concern("rows", short - limit, f"{words}; {why}.")


def _gradient(steps: tuple[Step, ...]) -> Concern:
    """Squared gradient at the first hidden layer over that at the last."""
    ratio = sum(math.log10(max(step.chi_perp, 1e-300)) for step in steps[:-1])
    words = f"The squared gradient at the first layer is 10^{ratio:.1f} times that at the last."
    return Concern("gradient", abs(ratio) - 2.0 * _DIGITS, words)


# What the recipe makes of it ------------------------------------------------------------------------


@dataclass(frozen=True)
class _Tangent:
    """One layer's part of the tangent kernel: of one row, and of what tells two rows apart; and its P_l."""

    whole: float
    apart: float
    size: int
    fan_in: int


def _tangents(
    laws: tuple[Law, ...], steps: tuple[Step, ...], square: float, apart: float
) -> tuple[_Tangent, ...]:
    gradient, gradients = 1.0, [1.0]
    for step in reversed(steps):
        gradient = min(gradient * step.chi_perp, 1e200)
        gradients.append(gradient)
    gradients.reverse()
    squares, gaps = [square], [square * apart]
    for step, law in zip(steps[1:], laws[1:], strict=False):  # what enters layer l, from its own q and 1 − c
        squares.append(max(step.q - law.bias_variance, 0.0) / law.weight_variance)
        gaps.append(step.q * step.apart / law.weight_variance)
    if steps:
        phi, q = laws[-2].activation, steps[-1].q
        squares.append(kept_moments(phi, rounded(q)).square)
        gaps.append(product_gap(phi, rounded(q), steps[-1].apart))
    return tuple(
        _Tangent((law.fan_in * s + 1.0) * g, law.fan_in * d * g, (law.fan_in + 1) * law.fan_out, law.fan_in)
        for law, s, d, g in zip(laws, squares, gaps, gradients, strict=True)
    )


def _initial(laws: tuple[Law, ...], steps: tuple[Step, ...], square: float) -> float:
    """E f² before training."""
    last = laws[-1]
    entering = kept_moments(laws[-2].activation, rounded(steps[-1].q)).square if steps else square
    return last.weight_variance * entering + last.bias_variance


def _speed(
    tangents: tuple[_Tangent, ...], recipe: Recipe, lost: float, initial: float, stride: Concern
) -> Concern:
    """How far all steps together move the difference of two rows' outputs, against what is needed: the
    targets' spread, 1, and their own at the start, √(E f²), which has to go.

    Gradient descent: lr/(1 − momentum)·Θ' each step. Adam and RMSprop move every weight by lr at most, which
    moves the outputs by lr·‖∇f‖₁ = lr·√(2P/π)·‖∇f‖₂ for many weights of one size, to first order; and as
    their steps do not shrink with the gradient, T of them let the product of all weights grow by up to
    (1 + T r/(L + 1))^(L + 1), r the relative change that one step makes. A typical network's squared gradient
    lies `lost` e-folds below the mean.
    """
    if recipe.optimiser == "sgd":
        rate = recipe.lr / (1.0 - recipe.momentum)
        moved = rate * sum(one.apart / (one.fan_in if recipe.ntk else 1.0) for one in tangents)
        growth = 0.0
    else:
        moved = recipe.lr * sum(
            math.sqrt(4.0 / math.pi * one.size * one.apart / (one.fan_in if recipe.ntk else 1.0))
            for one in tangents
        )
        layers, lost = len(tangents), 0.5 * lost
        growth = layers * math.log10(1.0 + recipe.steps * 10.0 ** min(stride.beyond, 100.0) / layers)
    decades = math.log10(max(moved, 1e-300) * recipe.steps) - lost / math.log(10.0) + growth
    needed = math.sqrt(1.0 + initial)
    told = f"about 10^{decades:.1f}" if decades < -3.0 else f"about {10.0 ** min(decades, 300.0):.2g}"
    told = "more than 1,000" if decades > 3.0 else told
    words = (
        f"In {recipe.steps} steps of {recipe.lr:.2g} two rows' outputs can part by {told}; {needed:.2g} is "
        "needed."
    )
    return Concern("speed", _log(needed) - decades, words)


def _stride(
    laws: tuple[Law, ...], steps: tuple[Step, ...], tangents: tuple[_Tangent, ...], recipe: Recipe
) -> Concern:
    """Whether one step is too long.

    Gradient descent with momentum m is stable on a quadratic up to 2(1 + m)/curvature. A first step of Adam
    or RMSprop is lr in every weight, mostly one sign pattern, so a matrix of norm lr·√(K·H) beside the
    weights' own √(C_W)(1 + √(H/K)); what it changes in a layer's signal grows on its way by Π χ_⊥, relative
    to a signal of size q. The sum over layers is the relative change of the outputs.
    """
    if recipe.optimiser == "sgd":
        whole = sum(one.whole / (one.fan_in if recipe.ntk else 1.0) for one in tangents)
        ratio = recipe.lr * recipe.curvature * whole / (2.0 * (1.0 + recipe.momentum))
        return Concern("step", _log(ratio), f"The step is {ratio:.2g} of the largest stable one.")
    ratio = 0.0
    for law, grown in zip(laws, _growth(steps), strict=True):
        own = math.sqrt(law.weight_variance) * (1.0 + math.sqrt(law.fan_out / law.fan_in))
        moved = recipe.lr * math.sqrt(law.fan_in * law.fan_out)
        ratio += grown * moved / own / (math.sqrt(law.fan_in) if recipe.ntk else 1.0)
    words = f"The first step changes the outputs by about {ratio:.2g} of themselves."
    return Concern("step", _log(ratio), words)


def _growth(steps: tuple[Step, ...]) -> tuple[float, ...]:
    """For every layer and the read-out, by how much a relative change of its signal grows up to the last
    hidden layer; 1 where it shrinks, as what all rows share does not."""
    grown, square = [1.0], 1.0
    for here, after in zip(reversed(steps[:-1]), reversed(steps[1:]), strict=True):
        grown.append(max(1.0, math.sqrt(square)))
        square = min(square * here.chi_perp * here.q / after.q, 1e200)
    if steps:
        grown.append(max(1.0, math.sqrt(square)))
    return tuple(reversed(grown))


def _start(initial: float) -> Concern:
    """Outputs before training that are far larger than the targets, whose spread is 1."""
    size = math.sqrt(initial)
    words = f"Before training outputs are of size {size:.2g}, where targets have a spread of 1."
    return Concern("start", _log(size) - 1.0, words)


def _log(ratio: float) -> float:
    return math.log10(min(max(ratio, 1e-300), 1e300))
