"""Whether a Design can be trained at all, quickly enough to ask for every design that a search draws."""

from functools import lru_cache
from itertools import pairwise

from profunda.forecasting.laws import Law, design_law, unit_variances
from profunda.forecasting.learnability import Recipe, Trainability, learnability
from profunda.space.design import Design
from profunda.theory.activations import NONLINEARITIES

__all__ = ["design_laws", "recipe_of", "trainability_of", "trainable"]

ROWS = 1_000
"""Training rows where the caller does not say how many there are."""


def trainable(
    design: Design, n_inputs: int, n_outputs: int, *, n_rows: int = ROWS, classes: bool = False
) -> tuple[bool, str]:
    """Whether theory does not rule `design` out, and why: the worst of its concerns in words.

    `n_inputs` are the numbers that enter the first layer, taken as standardised. Only what is clearly
    hopeless is ruled out (see `learnability`); penalties, noise and schedules have no say. Laws and integrals
    are kept from call to call.

    >>> trainable(Design(widths=(64,) * 40, activation="sigmoid"), 10, 1)[0]
    False
    """
    found = trainability_of(design, n_inputs, n_outputs, n_rows=n_rows, classes=classes)
    return found.trainable, found.worst.words


def trainability_of(
    design: Design, n_inputs: int, n_outputs: int, *, n_rows: int = ROWS, classes: bool = False
) -> Trainability:
    """The score of `design` with its reasons."""
    return learnability(design_laws(design, n_inputs, n_outputs), recipe_of(design, n_rows, classes))


def recipe_of(design: Design, n_rows: int, classes: bool) -> Recipe:
    """What of the Design's recipe decides, for so many training rows."""
    steps = design.epochs * -(-n_rows // min(design.batch_size, n_rows))
    curvature = 0.5 if classes else 2.0
    ntk = design.parametrisation == "ntk"
    return Recipe(design.optimiser, design.lr, design.momentum, steps, curvature, ntk)


def design_laws(design: Design, n_inputs: int, n_outputs: int) -> tuple[Law, ...]:
    """The laws of all layers of `design`, the read-out last."""
    return _laws(
        design.widths,
        design.activation,
        design.initialisation,
        1.0 - design.dropout if design.dropout_kind != "alpha" else 1.0,
        design.norm,
        design.norm_place,
        design.skip,
        n_inputs,
        n_outputs,
        design.dropout_kind,
    )


@lru_cache(maxsize=4_096)
def _laws(
    widths: tuple[int, ...],
    activation: str,
    initialisation: str,
    keep: float,
    norm: str,
    place: str,
    skip: bool,
    n_inputs: int,
    n_outputs: int,
    kind: str,
) -> tuple[Law, ...]:
    phi = NONLINEARITIES[activation]
    sizes = (n_inputs, *widths, n_outputs)
    dropping = kind in ("bernoulli", "gaussian")  # for which the law "critical" makes up
    laws = []
    for number, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        last = number == len(widths)
        own = keep if number and dropping else 1.0
        weight, bias = design_law(initialisation, phi, fan_in, fan_out, own, last)
        by = skip and 0 < number < len(widths) and fan_in == fan_out
        laws.append(
            Law(fan_in, fan_out, weight, bias, phi, keep, "none" if last else norm, place == "before", by)
        )
    return unit_variances(tuple(laws)) if initialisation == "lsuv" else tuple(laws)
