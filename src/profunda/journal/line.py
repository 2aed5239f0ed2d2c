r"""One record as one line of JSON with a checksum.

``{"n":3,"kind":"trial","data":{…},"sum":"16 hexadecimal digits"}\n``, ASCII only. `n` counts lines from 0
(the header); `sum` is the last key and always the last 26 bytes: blake2b (8 bytes) of the previous line's sum
and of this line's bytes before ``,"sum"``. Chained, it also notices a line that was removed, repeated or
moved. It finds damage, not forgery.

JSON has no NaN and no infinity: they are written ``{"$float":"nan"}``, ``{"$float":"inf"}``,
``{"$float":"-inf"}``.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from profunda.errors import ArgumentError

__all__ = ["MAX_LINE", "BadLine", "Record", "decode", "encode"]

MAX_LINE: Final = 32 * 2**20  # bytes; a record of a pack with 500 curves of 100 epochs takes about 2 MB

_SUM: Final = len(',"sum":"0123456789abcdef"}')
_FLOAT: Final = "$float"
_NON_FINITE: Final = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class BadLine(ValueError):
    """Why a line is no record; the journal turns it into a notice or a RunError."""


@dataclass(frozen=True)
class Record:
    """One entry of a journal: its kind, such as ``"trial"``, and its data (tuples come back as lists)."""

    kind: str
    data: Mapping[str, Any]


def encode(number: int, record: Record, previous: str) -> tuple[bytes, str]:
    """The line of `record`, and its sum. `previous` is the sum of the line before, "" for the first.

    Raises:
        ArgumentError: the data hold something JSON cannot, named by its place, or take more than MAX_LINE
            bytes.
    """
    data = _jsonable(record.data, "data")
    text = json.dumps(
        {"n": number, "kind": record.kind, "data": data}, separators=(",", ":"), allow_nan=False
    )
    body = text[:-1].encode("ascii")
    total = _sum(previous, body)
    line = body + f',"sum":"{total}"}}\n'.encode("ascii")
    if len(line) > MAX_LINE:
        raise ArgumentError(
            f"a record of kind {record.kind!r} takes {len(line):,} bytes, more than the {MAX_LINE:,} of one "
            "line. Keep arrays beside the journal with `store`."
        )
    return line, total


def decode(line: bytes, number: int, previous: str) -> tuple[Record, str]:
    """The record on `line` (without its line end) and its sum.

    Raises:
        BadLine: the line is damaged, is not the `number`-th, or is no record at all.
    """
    body, tail = line[:-_SUM], line[-_SUM:]
    total = _sum(previous, body)
    if tail != f',"sum":"{total}"}}'.encode("ascii"):
        raise BadLine("its checksum does not fit its content and the line before")
    try:
        entry = json.loads(body + b"}", object_hook=_revive, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BadLine(f"it is not JSON ({error})") from None
    if not isinstance(entry, dict) or set(entry) != {"n", "kind", "data"}:
        raise BadLine("it has not the keys n, kind, data and sum")
    if type(entry["n"]) is not int or entry["n"] != number:
        raise BadLine(f"its number is {str(entry['n'])[:40]} instead of {number}")
    if not isinstance(entry["kind"], str) or not isinstance(entry["data"], dict):
        raise BadLine("its kind is no text or its data are no object")
    return Record(entry["kind"], entry["data"]), total


def _sum(previous: str, body: bytes) -> str:
    return hashlib.blake2b(previous.encode("ascii") + body, digest_size=8).hexdigest()


def _jsonable(value: Any, place: str) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {_FLOAT: str(float(value))}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        if set(value) == {_FLOAT}:
            raise ArgumentError(
                f"{place} has {_FLOAT!r} as its only key, which the journal keeps for itself. Rename it."
            )
        for key in value:
            if not isinstance(key, str):
                raise ArgumentError(
                    f"{place} has the key {key!r}, but JSON knows only text as keys. Use str(key)."
                )
        return {key: _jsonable(item, f"{place}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item, f"{place}[{i}]") for i, item in enumerate(value)]
    raise ArgumentError(
        f"{place} is a {type(value).__name__}, which JSON cannot hold. "
        "Give numbers, text, lists or mappings; arrays go beside the journal with `store`."
    )


def _revive(entry: dict[str, Any]) -> Any:
    if len(entry) == 1 and _FLOAT in entry:
        word = entry[_FLOAT]
        if not isinstance(word, str) or word not in _NON_FINITE:
            raise ValueError(f"{_FLOAT} is {word!r:.40}")
        return _NON_FINITE[word]
    return entry


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")
