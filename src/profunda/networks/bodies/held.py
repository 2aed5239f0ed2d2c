"""A body's tensors as views of a network's flat vector, by name."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from profunda.space.bodies import Body, Slot

__all__ = ["ChannelNorm", "Held", "Place", "places_of"]

Vector = TypeVar("Vector", bound=Any)
"""An array or a tensor [P]: parts of it are views of its own kind."""


@dataclass(frozen=True)
class Place:
    """A slot and where it starts in the flat vector."""

    slot: Slot
    start: int

    @property
    def end(self) -> int:
        """Where the next one starts."""
        return self.start + self.slot.size

    @property
    def fan_in(self) -> int:
        """Inputs of a unit, of weights."""
        return self.slot.fan_in

    def weights_of(self, params: Vector) -> Vector:
        """The tensor as a view of `params` [P], in its shape."""
        return params[self.start : self.end].reshape(self.slot.shape)


@dataclass(frozen=True)
class ChannelNorm:
    """A norm over channels: γ and β at `start`, and behind them the mean and variance collected, if any."""

    start: int
    channels: int
    collects: bool

    def norm_of(self, params: Vector) -> Vector:
        """[2, H] γ and β, or [4, H] with mean and variance, as a view of `params` [P]."""
        vectors = 4 if self.collects else 2
        return params[self.start : self.start + vectors * self.channels].reshape(vectors, self.channels)


@lru_cache(maxsize=1024)
def places_of(body: Body, start: int) -> dict[str, Place]:
    """Where the tensors of a body that begins at `start` lie, by the names of their slots."""
    found = {}
    for slot in body.slots:
        found[slot.name] = Place(slot, start)
        start += slot.size
    return found


class Held:
    """The tensors of a body that begins at `start` in `vector` [P]."""

    def __init__(self, body: Body, start: int, vector: Any) -> None:
        self.body, self.vector = body, vector
        self.places = places_of(body, start)

    def __getitem__(self, name: str) -> Any:
        return self.places[name].weights_of(self.vector)

    def get(self, name: str) -> Any:
        """The tensor, or None where the body has no such slot."""
        return self[name] if name in self.places else None

    def norm(self, name: str) -> ChannelNorm | None:
        """Where the norm of a layer lies; None where it has none."""
        found = self.places.get(f"{name}.norm")
        if found is None:
            return None
        return ChannelNorm(found.start, found.slot.shape[1], f"{name}.collected" in self.places)
