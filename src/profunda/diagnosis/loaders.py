"""What a user hands over as data, as batches: pairs of arrays, loaders, data sets, lists and generators."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
)

from profunda.diagnosis.batches import Batch, mapped, rows_in
from profunda.diagnosis.copying import tensors_in
from profunda.errors import DataError

__all__ = ["Batches", "batches_of", "evenly"]

TARGETS = ("labels", "label", "targets", "target", "y")
"""Keys under which a batch that is a dict holds its targets."""

BYTES = 256 * 2**20
"""Of a generator, which can be gone through once, so much is kept for further epochs."""

MOST, RUNS, SAMPLED = 4096, 8, 64 * 2**20
"""Rows of a sample, runs of neighbours in it, and its bytes."""

HOW = (
    "Give a DataLoader, a pair (X, y) of tensors or arrays, or an iterable of batches (inputs, targets); X "
    "may be a tensor, a tuple of them (the module's positional inputs) or a dict (its keyword inputs)."
)


@dataclass(frozen=True)
class Batches:
    """`epoch(number)` goes once over the data. `sample()` gives some thousand rows for looking at: a few runs
    of neighbours in the data set's own order where that is known, else the first batches. `rows` is the
    number of all rows, `length` that of the batches, both 0 where unknown. `notes` tell what was assumed.
    """

    epoch: Callable[[int], Iterator[Batch]]
    sample: Callable[[], list[Batch]]
    rows: int = 0
    length: int = 0
    notes: tuple[str, ...] = ()


def batches_of(
    data: Any, module: nn.Module, batch_size: int, seed: int | None, word: str = "data"
) -> Batches:
    """`data` as batches on the device of `module`.

    A pair is cut into batches of `batch_size` rows, in a new order each epoch drawn from `seed`, or in its
    own order where that is None; a last batch of one row is left out, which batch norms refuse. A loader's
    batches come as they are. `word` names the argument in messages.

    Raises DataError where there are no rows, no targets, or unequal numbers of both.
    """
    place = next((each.device for each in module.parameters()), torch.device("cpu"))
    number = next((each.dtype for each in module.parameters() if each.is_floating_point()), torch.float32)
    if _is_pair(data):
        return _of_pair(data, place, number, batch_size, seed, word)
    notes: tuple[str, ...] = ()
    if isinstance(data, Dataset):
        data = _loader(data, batch_size, seed, word)
    if isinstance(data, Tensor | np.ndarray | Mapping | str) or not isinstance(data, Iterable):
        raise DataError(f"{word} is a {type(data).__name__} without targets. {HOW}")
    if isinstance(data, Iterator):  # iter(data) would start a loader's workers
        kept, whole = _kept(_told(data, word))
        more = "" if whole else f"; it goes on, and its further batches are left out beyond {BYTES >> 20} MB"
        notes = (f"{word} can be gone through once: its {len(kept):,} batches are used again{more}.",)
        data = kept

    def epoch(number_: int) -> Iterator[Batch]:
        for at, each in enumerate(_told(data, word)):
            yield _batch(each, place, number, f"{word}, batch {at}")

    try:
        length = len(data)  # type: ignore[arg-type]
    except TypeError:
        length = 0
    rows = _rows_of(data)
    none = object()
    first = next(_told(data, word), none)
    if first is none:
        raise DataError(f"{word} gives no batch: it is empty, or a generator that was used up before. {HOW}")
    _batch(first, place, number, f"{word}, batch 0")

    def sample() -> list[Batch]:
        ordered = _in_order(data, place, number, word)
        return _first(epoch(0) if ordered is None else _told(ordered, word))

    return Batches(epoch, sample, rows, length, notes)


def _told(data: Iterable[Any], word: str) -> Iterator[Any]:
    """What `data` gives; DataError for what it raises instead."""
    at = 0
    try:
        for each in data:
            yield each
            at += 1
    except DataError:
        raise
    except Exception as error:
        text = " ".join(str(error).split())[:300].rstrip(".")
        raise DataError(
            f"Reading {word} raised {type(error).__name__} after {at} batches: {text}. Go through it once "
            f"yourself, as in `for batch in {word}: pass`, to see which row is to blame."
        ) from error


def _rows_of(data: Any) -> int:
    try:
        return len(data.dataset) if isinstance(data, DataLoader) else 0  # type: ignore[arg-type]  # pyrefly: ignore
    except TypeError:
        return 0


def _loader(data: Dataset, batch_size: int, seed: int | None, word: str) -> DataLoader:
    if isinstance(data, IterableDataset):
        return DataLoader(data, batch_size)
    if not len(data):  # type: ignore[arg-type]
        raise DataError(
            f"{word} is a data set of 0 rows: nothing can be learnt from it. Was it filtered away?"
        )
    generator = torch.Generator().manual_seed(int(seed or 0) % 2**63)
    return DataLoader(data, batch_size, shuffle=seed is not None, generator=generator)


def _kept(data: Iterator[Any]) -> tuple[list[Any], bool]:
    kept, size = [], 0
    for each in data:
        kept.append(each)
        size += sum(one.numel() * one.element_size() for one in tensors_in(each)) or 1
        if size > BYTES:
            return kept, False
    return kept, True


# Samples ------------------------------------------------------------------------------------------------


def _runs(rows: int) -> Tensor:
    """Numbers of MOST rows at most: RUNS runs of neighbours, evenly spread, so that rows sorted by class show
    all classes and labels that moved by some rows still stand near their own.
    """
    if rows <= MOST:
        return torch.arange(rows)
    size = MOST // RUNS
    starts = torch.linspace(0, rows - size, RUNS).long()
    return torch.cat([torch.arange(start, start + size) for start in starts.tolist()]).unique()


def _first(batches: Iterable[Batch]) -> list[Batch]:
    """Batches up to MOST rows and SAMPLED bytes."""
    kept, rows, size = [], 0, 0
    for each in batches:
        kept.append(each)
        rows += each.rows
        size += sum(one.numel() * one.element_size() for one in tensors_in((each.inputs, dict(each.named))))
        if rows >= MOST or size >= SAMPLED:
            break
    return kept


def _in_order(data: Any, place: torch.device, number: torch.dtype, word: str) -> Iterator[Batch] | None:
    """Batches of a loader's data set in its own order; None where that is not what the loader draws from."""
    if not isinstance(data, DataLoader) or isinstance(data.dataset, IterableDataset):
        return None
    plain = type(data.sampler) in (SequentialSampler, RandomSampler)
    if not plain or type(data.batch_sampler) is not BatchSampler or not _rows_of(data):
        return None
    size = data.batch_size or 1

    def fetched() -> Iterator[Batch]:
        for index in _runs(_rows_of(data)).split(size):
            rows = [data.dataset[at] for at in index.tolist()]
            yield _batch(data.collate_fn(rows), place, number, word)

    return fetched()


# Pairs --------------------------------------------------------------------------------------------------


def _is_pair(data: Any) -> bool:
    if not isinstance(data, tuple | list) or len(data) != 2:
        return False
    return isinstance(data, tuple) or _is_array(data[1])


def _is_array(value: Any) -> bool:
    return isinstance(value, Tensor | np.ndarray) or (
        not isinstance(value, tuple | list | Mapping | str) and callable(getattr(value, "__array__", None))
    )


def _of_pair(
    data: Any, place: torch.device, number: torch.dtype, batch_size: int, seed: int | None, word: str
) -> Batches:
    inputs, targets = (_tensors(part, number, word) for part in data)
    own, asked = tensors_in(inputs), tensors_in(targets)
    if not own or not asked:
        missing = "X" if not own else "y"
        kind = type(data[0] if not own else data[1]).__name__
        raise DataError(f"{word} is a pair whose {missing} ({kind}) holds no numbers. {HOW}")
    rows = _common_rows(own, asked, word)
    single = rows > batch_size > 1 and rows % batch_size == 1

    def taken(index: Tensor) -> Batch:
        def rows_at(tensor: Tensor) -> Tensor:
            return tensor[index.to(tensor.device)]

        return _made(mapped(inputs, rows_at), mapped(targets, rows_at), place)

    def epoch(turn: int) -> Iterator[Batch]:
        if seed is None:
            order = torch.arange(rows)
        else:
            generator = torch.Generator().manual_seed((int(seed) * 1_000_003 + turn) % 2**63)
            order = torch.randperm(rows, generator=generator)
        yield from map(taken, order[: rows - single].split(batch_size))

    def sample() -> list[Batch]:
        return _first(map(taken, _runs(rows).split(batch_size)))

    notes = (f"The last batch of an epoch would have 1 of {rows:,} rows and is left out.",) if single else ()
    return Batches(epoch, sample, rows, -(-(rows - single) // batch_size), notes)


def _common_rows(own: list[Tensor], asked: list[Tensor], word: str) -> int:
    """Rows that inputs and targets have alike. DataError where there are none, they differ, or a tensor has
    none that can be taken.
    """
    sparse = next((each for each in (*own, *asked) if each.layout != torch.strided), None)
    if sparse is not None:
        raise DataError(
            f"{word} holds a tensor of layout {sparse.layout}, of which rows cannot be taken. Give "
            "X.to_dense(), or a loader whose batches are as the network takes them."
        )
    lengths = [len(each) if each.ndim else 0 for each in (*own, *asked)]
    rows = lengths[0]
    if not rows:
        raise DataError(f"{word} has 0 rows: nothing can be learnt from it. Was it filtered away, or sliced?")
    if len(set(lengths)) > 1:
        first, second = (", ".join(map(str, part)) for part in (lengths[: len(own)], lengths[len(own) :]))
        raise DataError(
            f"{word} has inputs of {first} rows and targets of {second}: which target belongs to which row "
            "cannot be told. Cut X and y alike."
        )
    return rows


def _tensors(value: Any, number: torch.dtype, word: str) -> Any:
    """Arrays become tensors: real numbers in the module's own type, whole ones as int64."""
    if isinstance(value, Tensor):
        return value.detach().requires_grad_(value.requires_grad)
    if isinstance(value, tuple | list) and value and not isinstance(value[0], int | float | list):
        return tuple(_tensors(each, number, word) for each in value)
    if isinstance(value, Mapping):
        return {str(name): _tensors(each, number, word) for name, each in value.items()}
    try:
        array = np.asarray(value)
        if array.dtype.kind == "f":
            return torch.as_tensor(array.astype(np.float64)).to(number)
        if array.dtype.kind in "iu":
            return torch.as_tensor(array.astype(np.int64))
        if array.dtype.kind == "b":
            return torch.as_tensor(array)
    except (TypeError, ValueError) as error:
        raise DataError(f"{word} holds a {type(value).__name__} that is no array ({error}). {HOW}") from error
    if array.dtype == object and not array.ndim:
        raise DataError(
            f"{word} holds a {type(value).__name__}, which is no array of numbers. {HOW} A sparse matrix is "
            "given as X.toarray()."
        )
    raise DataError(
        f"{word} holds an array of {array.dtype}: a network takes numbers. Encode texts and dates first, as "
        "whole numbers or columns of 0 and 1."
    )


# Batches ------------------------------------------------------------------------------------------------


def _batch(given: Any, place: torch.device, number: torch.dtype, word: str) -> Batch:
    """One batch of a loader: (X, y), (X1, X2, …, y), or a mapping with its targets under a usual key."""
    if isinstance(given, Mapping):
        key = next((name for name in TARGETS if name in given), None)
        if key is None:
            raise DataError(
                f"{word} is a dict of {', '.join(map(str, given))} without targets, which are looked for "
                f"under {', '.join(TARGETS)}. Rename them, or give pairs (inputs, targets)."
            )
        inputs: Any = {name: each for name, each in given.items() if name != key}
        targets = given[key]
    elif isinstance(given, tuple | list) and len(given) > 1:
        inputs, targets = (given[0] if len(given) == 2 else tuple(given[:-1])), given[-1]
    else:
        size = f" of {len(given)}" if isinstance(given, tuple | list) else ""
        raise DataError(
            f"{word} is a {type(given).__name__}{size} without targets. Give pairs (inputs, targets); for a "
            "network that copies its inputs, (X, X)."
        )
    made = _made(_tensors(inputs, number, word), _tensors(targets, number, word), place)
    if not made.rows:
        raise DataError(f"{word} has 0 rows. Leave empty batches out.")
    return made


def _made(inputs: Any, targets: Any, place: torch.device) -> Batch:
    def moved(tensor: Tensor) -> Tensor:
        # A leaf of its own: no gradient arrives at the user's tensors, and none goes through what made them.
        return tensor.detach().to(place).requires_grad_(tensor.requires_grad)

    inputs, targets = mapped(inputs, moved), mapped(targets, moved)
    rows = rows_in(inputs) or rows_in(targets)
    if isinstance(inputs, dict):
        return Batch((), tuple(inputs.items()), targets, rows)
    return Batch(inputs if type(inputs) is tuple else (inputs,), (), targets, rows)


def evenly(module: nn.Module, batch: Batch) -> tuple[Any, ...]:
    """Inputs of `batch` by position, keyword inputs put where the module's `forward` has them.

    Raises TypeError where they do not fit it, or can only be given by name.
    """
    if not batch.named:
        return batch.inputs
    bound = inspect.signature(module.forward).bind(*batch.inputs, **dict(batch.named))
    bound.apply_defaults()
    if bound.kwargs:
        raise TypeError(f"{', '.join(bound.kwargs)} can only be given by name")
    return bound.args
