"""What activations were seen to do on the first rows, whatever they are called: nothing, or too little."""

import math

from profunda.diagnosis.givens import Activation, Anatomy
from profunda.diagnosis.rules.cuts import SHARES
from profunda.diagnosis.rules.flow import is_squashing

__all__ = ["contracts", "inert", "turning", "unanswered"]

SLIGHT = 0.3
"""Slope where inputs lie: a sigmoid's is 1/4 at most, a tanh's 2/3 over inputs of size 1, a ReLU's 0.7."""

HALF = 0.5
"""Slope at 0 of a GELU or SiLU, which chains of usual depth bear; with inputs of size 1 it is more."""

USUAL = 2.0
"""Spread of inputs up to which a slight slope is the function's own; further out it is that of a flat end."""

MILD = 4
"""Hidden layers from which slopes of 1/2, a softplus's, take as much as two of 1/4 do."""

TURNS = 4
"""Times that a state passes one activation, from which on slopes of 1/4 leave less than a hundredth."""

UNANSWERED = 0.5
"""Share of rows that no unit of a layer answers, so that the layers behind it give them one number."""

_GATES = frozenset({"gate"})


def _is_slight(place: Activation) -> bool:
    return place.slope <= SLIGHT and place.spread <= USUAL


def contracts(anatomy: Anatomy, at: int) -> bool:
    """Whether what bends the outputs of layer `at` has a slight slope where signals begin. What matters is
    what all places leave together: small numbers that reach the later ones meet other slopes there. The
    first place must be one of them, or depth alone makes a power of a number small.
    """
    own = [one for one in anatomy.activations if one.after == at]
    if anatomy.layers[at].activation in SHARES and anatomy.activations and not own:
        return False  # shares by which other numbers are weighed: attention
    if is_squashing(anatomy.layers[at].activation):
        mild = bool(own) and all(one.slope > SLIGHT for one in own)
        return not mild or len(anatomy.layers) > MILD
    last = len(anatomy.layers) - 1
    places = [one for one in anatomy.activations if 0 <= one.after < last and one.slope >= 0.0]
    if not any(one in places for one in own):
        return False
    first = min(places, key=lambda one: one.after)
    mean = math.exp(sum(math.log(max(one.slope, 1e-30)) for one in places) / len(places))
    return first.slope <= HALF and mean <= SLIGHT and all(one.spread <= USUAL for one in places)


def turning(anatomy: Anatomy) -> Activation | None:
    """The activation of slight slope that a state passes again and again, in a cell written by hand."""
    return next(
        (
            one
            for one in anatomy.activations
            if one.turns >= TURNS
            and one.what not in _GATES | SHARES
            and (is_squashing(one.what) or _is_slight(one))
        ),
        None,
    )


def inert(anatomy: Anatomy) -> Activation | None:
    """An activation that does nothing, where nothing else bends what its layer gives."""
    return next(
        (
            one
            for one in anatomy.activations
            if one.straight
            and 0 <= one.after < len(anatomy.layers) - 1
            and not anatomy.layers[one.after].activation
        ),
        None,
    )


def unanswered(anatomy: Anatomy) -> Activation | None:
    """The activation before the last layer whose units answer the fewest rows, where these are few."""
    inner = [one for one in anatomy.activations if one.after < len(anatomy.layers) - 1]
    worst = max(inner, key=lambda one: one.silent, default=None)
    return worst if worst is not None and worst.silent >= UNANSWERED else None
