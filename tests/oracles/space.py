"""Naive twins of the space room: enumerate everything and throw away what a condition forbids."""

import itertools
from fractions import Fraction

import numpy as np

from profunda.space.domain import Choice, Fixed, Float, Int, LogFloat
from profunda.space.space import Space


def values_of(domain) -> list:
    """The values of a finite domain, read from its own fields."""
    match domain:
        case Fixed():
            return [domain.value]
        case Choice():
            return list(domain.values)
        case Int():
            return list(range(domain.low, domain.high + 1))
    raise AssertionError(f"{domain} is not finite")


def same(a, b) -> bool:
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def grid(space: Space) -> list[dict]:
    """Every configuration: the full product, then inactive names dropped, then duplicates dropped."""
    found: dict[str, dict] = {}
    for row in itertools.product(*(values_of(space.domains[name]) for name in space.names)):
        params = dict(zip(space.names, row, strict=True))
        while True:
            off = [
                name
                for name, when in space.conditions.items()
                if name in params
                and not any(same(params.get(when.parent, object()), value) for value in when.values)
            ]
            if not off:
                break
            for name in off:
                del params[name]
        # By their text: True and 1 are two values.
        found.setdefault(repr(sorted(params.items())), params)
    return list(found.values())


def value_at(domain, u: float):
    """One value at one u, by the definition of each domain."""
    match domain:
        case Fixed():
            return domain.value
        case Float():
            return domain.low + u * (domain.high - domain.low)
        case LogFloat():
            return domain.low * (domain.high / domain.low) ** u
        case Int() if not domain.log:
            return domain.low + int(u * (domain.high - domain.low + 1))
        case Int():
            low, high = domain.low - 0.5, domain.high + 0.5
            return min(max(round(low * (high / low) ** u), domain.low), domain.high)
        case Choice():
            weights = domain.weights or (1.0,) * len(domain.values)
            reach = 0.0
            for value, weight in zip(domain.values, weights, strict=True):
                reach += weight / sum(weights)
                if u < reach:
                    return value
            return domain.values[-1]
    raise AssertionError(domain)


def sample(space: Space, u: np.ndarray) -> list[dict]:
    """One configuration at a time, one name at a time, parents first."""
    drawn = []
    for row in u:
        column = dict(zip(space.free, row, strict=True))
        params: dict = {}
        waiting = list(space.names)
        while waiting:
            for name in list(waiting):
                when = space.conditions.get(name)
                if when is not None and when.parent in waiting:
                    continue
                waiting.remove(name)
                if when is not None and not any(
                    same(params.get(when.parent, object()), value) for value in when.values
                ):
                    continue
                params[name] = value_at(space.domains[name], column.get(name, 0.0))
        drawn.append(params)
    return drawn


def parameters(widths: tuple[int, ...], n_features: int, n_outputs: int) -> int:
    """Counts the numbers in arrays of the shapes of a dense network's layers."""
    total, before = 0, n_features
    for width in (*widths, n_outputs):
        total += np.zeros((before, width)).size + np.zeros(width).size
        before = width
    return total


def radical_inverse(index: int, table: np.ndarray) -> Fraction:
    """The digits of `index`, permuted place by place, mirrored at the radix point, in exact arithmetic."""
    base = table.shape[1]
    value, weight = Fraction(0), Fraction(1)
    for place in table:
        index, digit = divmod(index, base)
        weight /= base
        value += int(place[digit]) * weight
    return value
