"""`train`: a fleet for users and experiments, without search or selection."""

from collections.abc import Sequence
from dataclasses import replace

from profunda._seeds import key
from profunda.data.dataset import Dataset
from profunda.data.reading import read
from profunda.data.splits import split
from profunda.errors import ArgumentError
from profunda.fleet.history import History
from profunda.fleet.member import Member
from profunda.fleet.plan import plan
from profunda.fleet.source import FleetData
from profunda.fleet.state import MemberState
from profunda.fleet.threads import one_thread, usable_cores
from profunda.space.design import Design
from profunda.training.packs import run_packs
from profunda.training.sources import prepare

__all__ = ["train"]


def train(
    designs: Design | Sequence[Design],
    data: object,
    *,
    folds: int | None = None,
    seeds: int = 1,
    epochs: int | None = None,
    engine: str = "auto",
    workers: int | None = None,
    device: str | None = None,
    dtype: str = "float32",
    seed: int = 0,
) -> History:
    """Train every design on every fold from every seed, as one fleet; M = designs × folds × seeds members.

    `data` is FleetData, a Dataset, or what `profunda.read` takes together with its target: a pair (X, y).
    `folds` is as in `split`, with no rows held out; FleetData bring their own. `epochs` replaces the designs'
    own. Members come back in the order designs, then folds, then seeds. `engine` is "auto" (for each compute
    shape the one that is quicker on this machine), "native" or "torch"; print `profunda.plan` to see which
    trains what, and why. `device` is "cpu" or "cuda", `dtype` "float32" or "float64".

    ``train([Design(dropout=p) for p in (0.0, 0.2, 0.5)], (X, y)).curves[1].valid_loss`` is a curve [E].

    Raises:
        ArgumentError: no design, a count below 1, or an engine that cannot train here.
        DataError: the data cannot be used.
    """
    chosen = [designs] if isinstance(designs, Design) else list(designs)
    if not chosen or any(not isinstance(design, Design) for design in chosen):
        raise ArgumentError("train needs at least one Design: train(Design(widths=(64, 64)), (X, y)).")
    for name, count in (("seeds", seeds), ("epochs", epochs), ("workers", workers)):
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
            raise ArgumentError(f"{name}={count!r} must be a whole number of at least 1.")
    if epochs is not None:
        chosen = [replace(design, epochs=epochs) for design in chosen]
    ready, n_folds = _ready(data, chosen, folds, seed)
    members = [
        Member(design, fold, key("seed", seed, number) % 2**48)
        for design in chosen
        for fold in range(n_folds)
        for number in range(seeds)
    ]
    states = _run(members, ready, engine, workers, device, dtype)
    return History(tuple(members), tuple(state.history for state in states))


def _ready(data: object, designs: list[Design], folds: int | None, seed: int) -> tuple[FleetData, int]:
    if isinstance(data, FleetData):
        return data, 1 + max(fold for _, fold in data.sources)
    dataset = data if isinstance(data, Dataset) else read(data)
    found = split(dataset, test=0.0, folds=folds, seed=seed).folds
    _, ready = prepare(dataset, found, sorted({design.encoding for design in designs}))
    return ready, len(found)


def _run(
    members: list[Member],
    data: FleetData,
    engine: str,
    workers: int | None,
    device: str | None,
    dtype: str,
) -> list[MemberState]:
    packs = plan(members, data, engine=engine, device=device, dtype=dtype)
    ended: list[MemberState | None] = [None] * len(members)
    with one_thread():
        for number, result, _ in run_packs(
            packs,
            data,
            until=[member.design.epochs for member in members],
            states=ended,
            workers=workers or usable_cores(),
        ):
            for place, state in zip(packs.packs[number].members, result.states, strict=True):
                ended[place] = state
    return [state for state in ended if state is not None]
