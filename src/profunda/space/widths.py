"""Width rules of the source texts: constant widths, and pyramids that halve."""

from profunda.errors import SpaceError

__all__ = ["constant", "pyramid"]

_NARROWEST = 8


def constant(width: int, n: int) -> tuple[int, ...]:
    """`n` hidden layers of `width` units.

    >>> constant(64, 3)
    (64, 64, 64)
    """
    _check(width, n)
    return (width,) * n


def pyramid(start: int, n: int) -> tuple[int, ...]:
    """`n` hidden layers that begin with `start` units and halve from one to the next, but not below 8.

    Narrower ones would each add more than 1/8 to β = Σ 1/n_l (see `profunda.theory.widths`) and squeeze the
    data through fewer directions than most tables have.

    >>> pyramid(128, 3)
    (128, 64, 32)
    """
    _check(start, n)
    return tuple(max(start >> layer, min(start, _NARROWEST)) for layer in range(n))


def _check(width: int, n: int) -> None:
    if width < 1 or n < 0:
        raise SpaceError(
            f"{n} layers of {width} units make no network: give at least 0 layers and at least 1 unit."
        )
