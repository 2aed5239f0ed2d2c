"""A wave that depth makes out of few units: the tent map composed with itself.

t(x) = 2 relu(x) − 4 relu(x − ½) rises from 0 to 1 and falls back on [0, 1]; composed k times it has 2^k
linear pieces there, and crosses ½ 2^k times, with 2k units in k layers. One hidden layer of m ReLUs has at
most m + 1 pieces on a line, so needs 2^k − 1 units for as many (Telgarsky 2015, "Representation benefits of
deep feedforward networks"; 2016, "Benefits of depth in neural networks").
"""

from fractions import Fraction

import numpy as np
import torch
from torch import nn

from profunda.errors import ArgumentError
from profunda.theory.given_layers import given_layer

__all__ = [
    "flat_sawtooth",
    "sawtooth_crossings",
    "sawtooth_network",
    "sawtooth_pieces",
    "sawtooth_value",
    "tent",
]

_MOST_FOLDS, _MOST_FLAT_FOLDS = 50, 16


def tent(x: Fraction) -> Fraction:
    """t(x) = 2 relu(x) − 4 relu(x − ½), exactly.

    >>> tent(Fraction(1, 3)), tent(Fraction(7, 8))
    (Fraction(2, 3), Fraction(1, 4))
    """
    return 2 * max(x, Fraction(0)) - 4 * max(x - Fraction(1, 2), Fraction(0))


def sawtooth_value(x: Fraction, folds: int) -> Fraction:
    """t∘t∘…∘t(x), `folds` times, in rational arithmetic: at j/2^k it is j mod 2.

    Raises ArgumentError for fewer than one fold.

    >>> [int(sawtooth_value(Fraction(j, 8), 3)) for j in range(9)]
    [0, 1, 0, 1, 0, 1, 0, 1, 0]
    """
    _folds(folds, None)
    for _ in range(folds):
        x = tent(x)
    return x


def sawtooth_pieces(folds: int) -> int:
    """2^k, its linear pieces on [0, 1]. Raises ArgumentError for fewer than one fold."""
    _folds(folds, None)
    return 2**folds


def sawtooth_crossings(folds: int) -> tuple[Fraction, ...]:
    """The 2^k points of [0, 1] at which it is ½: (2j + 1)/2^{k+1}, the middles of its pieces.

    Raises ArgumentError for fewer than one fold or more than 20.

    >>> sawtooth_crossings(1)
    (Fraction(1, 4), Fraction(3, 4))
    """
    _folds(folds, 20)
    return tuple(Fraction(2 * j + 1, 2 ** (folds + 1)) for j in range(2**folds))


def sawtooth_network(folds: int, dtype: torch.dtype = torch.float64) -> nn.Sequential:
    """The k-fold tent map as a dense ReLU network 1 → 2 → … → 2 → 1: 2k units in k layers, [N, 1] to [N, 1].

    Exact where x has few enough binary digits: weights are 1, ±2 and ±4, biases 0 and −½. Raises
    ArgumentError for fewer than one fold or more than 50, beyond which float64 cannot hold a piece.

    >>> x = torch.arange(5, dtype=torch.float64)[:, None] / 4
    >>> sawtooth_network(2)(x)[:, 0].tolist()
    [0.0, 1.0, 0.0, 1.0, 0.0]
    """
    _folds(folds, _MOST_FOLDS)
    shift, read = np.array([0.0, -0.5]), np.array([[2.0, -4.0]])
    enter = np.ones((2, 1))
    parts: list[nn.Module] = [given_layer(enter, shift, dtype), nn.ReLU()]
    for _ in range(folds - 1):
        parts += [given_layer(enter @ read, shift, dtype), nn.ReLU()]
    return nn.Sequential(*parts, given_layer(read, np.zeros(1), dtype))


def flat_sawtooth(folds: int, dtype: torch.dtype = torch.float64) -> nn.Sequential:
    """The same function on [0, 1] by one hidden layer of 2^k ReLUs, one more than the bound: [N, 1] to [N,
    1].

    A unit for every bend inside, and one for the first slope. Raises ArgumentError for fewer than one fold or
    more than 16.

    >>> flat_sawtooth(3)[0].out_features
    8
    """
    _folds(folds, _MOST_FLAT_FOLDS)
    count = 2**folds
    bends = np.arange(count) / count
    slopes = 2.0 * count * np.where(np.arange(count) % 2, -1.0, 1.0)
    slopes[0] = count
    return nn.Sequential(
        given_layer(np.ones((count, 1)), -bends, dtype),
        nn.ReLU(),
        given_layer(slopes[None], np.zeros(1), dtype),
    )


def _folds(folds: int, most: int | None) -> None:
    if folds < 1:
        raise ArgumentError(f"{folds} folds make no sawtooth: at least 1 is needed.")
    if most is not None and folds > most:
        raise ArgumentError(
            f"{folds} folds have 2^{folds} pieces: at most {most} folds are offered here; sawtooth_value "
            "takes any."
        )
