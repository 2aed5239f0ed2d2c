"""How much a search may spend: trials, epochs or seconds, exactly one of them."""

import math
from dataclasses import dataclass

from profunda.errors import ArgumentError

__all__ = ["Budget"]


@dataclass(frozen=True)
class Budget:
    """One limit: trials (drawn designs), epochs (of single networks, folds counted) or seconds.

    Trial and epoch budgets make a search reproducible bit for bit; a budget in seconds makes decisions by
    the clock, each of which the journal records.

    Raises:
        ArgumentError: none or several limits given, or one that is not a positive number.
    """

    trials: int | None = None
    epochs: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        given = [(name, value) for name, value in vars(self).items() if value is not None]
        if len(given) != 1:
            words = ", ".join(f"{name}={value}" for name, value in given) or "none"
            raise ArgumentError(f"give exactly one budget of trials, epochs or seconds (given: {words})")
        name, value = given[0]
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not number or value <= 0:
            raise ArgumentError(f"the budget {name}={value!r} must be a positive number")
        if name != "seconds" and int(value) != value:
            raise ArgumentError(f"the budget {name}={value!r} must be a whole number")
        object.__setattr__(self, name, float(value) if name == "seconds" else int(value))

    @property
    def text(self) -> str:
        """The limit in words, for example "300 trials"."""
        if self.seconds is not None:
            return f"{self.seconds:g} seconds"
        return f"{self.trials:,} trials" if self.trials is not None else f"{self.epochs:,} epochs"
