"""From a saved folder back to a Model: every word and number is checked before it is believed."""

import json
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from profunda.data.layout import lay_out
from profunda.data.preprocessing import Preprocessing
from profunda.data.schema import Schema
from profunda.data.task import Task
from profunda.errors import ModelError, ProfundaError, SpaceError
from profunda.model.folder import read_folder
from profunda.model.model import Model
from profunda.model.parts import Network, Part, Provenance
from profunda.model.score import Score
from profunda.model.writing import network_name, preprocessing_name
from profunda.networks.layout import layout_of
from profunda.networks.prediction import Clamp
from profunda.space.design import Design

__all__ = ["load"]

CONTENT = {"task", "schema", "temperature", "clamp", "provenance", "preprocessings", "parts"}
PART = {"weight", "design", "networks"}
T = TypeVar("T")
TEMPERATURES = (1e-3, 1e3)  # wider than any that is fitted; beyond, powers of probabilities mean nothing


def load(folder: str | Path) -> Model:
    """The Model that `Model.save` wrote to a folder; the folder of a finished run is taken as well.

    Nothing in the folder is executed or unpickled. Raises ModelError, and only that, for a folder that is
    missing, damaged, from a newer version, or made up: wrong keys or types, sizes that do not fit the
    designs, weights that are not finite.
    """
    content, arrays = read_folder(folder)
    try:
        return _model(content, _Arrays(arrays))
    except ModelError as error:
        raise ModelError(
            f"the model in {folder} cannot be used: {error}. It was changed after it was written."
        ) from error


class _Arrays:
    """The arrays of the file, each to be taken once: what is left at the end belongs to no model."""

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._left = dict(arrays)

    def take(self, name: str) -> np.ndarray:
        if name not in self._left:
            raise ModelError(f"the array {name!r} is missing")
        return self._left.pop(name)

    def names_under(self, prefix: str) -> list[str]:
        return [name.removeprefix(prefix) for name in self._left if name.startswith(prefix)]

    def finish(self) -> None:
        if self._left:
            raise ModelError(f"the array {min(self._left)!r} belongs to no part of the model")


def _model(content: object, arrays: _Arrays) -> Model:
    sheet = _keys(content, CONTENT, "the model")
    task = _parsed(Task.from_json, sheet["task"], "the task")
    schema = _parsed(Schema.from_json, sheet["schema"], "the schema")
    preprocessings = tuple(
        _preprocessing(spec, number, arrays, schema, task)
        for number, spec in enumerate(_list(sheet["preprocessings"], "preprocessings"))
    )
    parts = tuple(
        _part(part, number, arrays, preprocessings, task)
        for number, part in enumerate(_list(sheet["parts"], "parts"))
    )
    arrays.finish()
    total = sum(part.weight for part in parts)
    if abs(total - 1) > 1e-6:
        raise ModelError(f"the weights of its {len(parts)} parts sum to {total:.6g}, not to 1")
    temperature, clamp = _temperature(sheet["temperature"], task), _clamp(sheet["clamp"], task)
    model = Model(task, schema, parts, _provenance(sheet["provenance"]), temperature, clamp)
    if len(model.preprocessings) != len(preprocessings):
        raise ModelError(
            f"{len(preprocessings)} preprocessings are stored, but {len(model.preprocessings)} are used"
        )
    return model


def _preprocessing(spec: object, number: int, arrays: _Arrays, schema: Schema, task: Task) -> Preprocessing:
    prefix = preprocessing_name(number, "")
    own = {name: arrays.take(prefix + name) for name in arrays.names_under(prefix)}
    try:
        found = Preprocessing.load(_mapping(spec, f"preprocessing {number}"), own)
        # Two rows nobody has seen, one of them all missing: any array of a wrong size or value shows here.
        probe = np.stack([np.full(schema.width, np.nan), np.zeros(schema.width)])
        with np.errstate(all="ignore"):
            x = found.transform(probe)
            back = (
                np.asarray(found.untarget(np.zeros((2, task.n_outputs), np.float32)))
                if task.numeric
                else np.zeros(2)
            )
    except (
        ProfundaError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        ArithmeticError,
        MemoryError,
    ) as error:
        raise ModelError(f"preprocessing {number} does not work ({error})") from error
    if x.shape != (2, found.D) or not np.isfinite(x).all() or not np.isfinite(back).all():
        raise ModelError(
            f"preprocessing {number} makes of two rows an array {list(x.shape)} or values that are not finite"
        )
    plain, own = lay_out(schema, found.encoding, "onehot"), found.layout
    if (own.pixels, own.words) != (plain.pixels, plain.words):
        raise ModelError(
            f"preprocessing {number} reads pixels {list(own.pixels)} and words {list(own.words)}, the schema "
            f"has {list(plain.pixels)} and {list(plain.words)}"
        )
    return found


def _part(
    found: object, number: int, arrays: _Arrays, preprocessings: Sequence[Preprocessing], task: Task
) -> Part:
    what = f"part {number}"
    sheet = _keys(found, PART, what)
    design = _parsed(Design.from_json, sheet["design"], f"the design of {what}")
    weight = _number(sheet["weight"], f"the weight of {what}")
    if not 0 < weight <= 1 + 1e-6:
        raise ModelError(f"the weight of {what} is {weight:.6g}, not above 0 and at most 1")
    networks = tuple(
        _network(which, number, place, arrays, preprocessings, design, task)
        for place, which in enumerate(_list(sheet["networks"], f"networks of {what}"))
    )
    return Part(weight, design, networks)


def _network(
    which: object,
    part: int,
    place: int,
    arrays: _Arrays,
    preprocessings: Sequence[Preprocessing],
    design: Design,
    task: Task,
) -> Network:
    what = f"network {place} of part {part}"
    if type(which) is not int or not 0 <= which < len(preprocessings):
        raise ModelError(f"{what} names preprocessing {which!r} of {len(preprocessings)}")
    params = arrays.take(network_name(part, place))
    try:
        layout = layout_of(design, preprocessings[which].inputs, task.n_outputs)
    except SpaceError as error:
        raise ModelError(f"{what} cannot be made ({error})") from error
    expected = layout.size
    if params.dtype != np.float32 or params.shape != (expected,):
        raise ModelError(
            f"{what} has {params.dtype} parameters {list(params.shape)}, its design has float32 [{expected}]"
        )
    bad = int((~np.isfinite(params)).sum())
    if bad:
        raise ModelError(f"{what} has {bad} of {expected} parameters that are not finite")
    collected = [block.norm_of(params)[3:] for block in layout.blocks]
    inside = [place for place in layout.front.places if place.slot.role == "collected"]
    if any((found < 0).any() for found in (*collected, *(place.weights_of(params)[1] for place in inside))):
        raise ModelError(f"{what} has a negative variance in a batch norm")
    return Network(preprocessings[which], params)


def _provenance(found: object) -> Provenance:
    sheet = _keys(found, set(Provenance.__dataclass_fields__), "the provenance")
    texts = ("created", "metric", "fingerprint", "source", "select", "refit")
    if not all(isinstance(sheet[name], str) for name in texts):
        raise ModelError(f"the provenance has another value than text for one of {', '.join(texts)}")
    if not all(type(sheet[name]) is int for name in ("seed", "rows")):
        raise ModelError("the provenance has another value than a whole number for its seed or rows")
    versions = sheet["versions"]
    if not isinstance(versions, list) or not all(_is_pair_of_texts(pair) for pair in versions):
        raise ModelError("the provenance has versions that are not pairs of texts")
    score = None if sheet["score"] is None else _score(sheet["score"])
    fields: dict[str, Any] = {**sheet, "versions": tuple(map(tuple, versions)), "score": score}
    return Provenance(**fields)


def _score(found: object) -> Score:
    sheet = _keys(found, set(Score.__dataclass_fields__), "the score")
    # JSON has no NaN: an interval that could not be told is null there.
    values = {name: float("nan") if sheet[name] is None else sheet[name] for name in ("value", "low", "high")}
    numbers = all(
        isinstance(found, float | int) for found in (*values.values(), sheet["level"], sheet["rows"])
    )
    if not (numbers and isinstance(sheet["metric"], str) and isinstance(sheet["greater_is_better"], bool)):
        raise ModelError("the score has a value of the wrong type")
    fields: dict[str, Any] = {**sheet, **values}
    return Score(**fields)


def _temperature(found: object, task: Task) -> float:
    temperature = _number(found, "the temperature")
    low, high = TEMPERATURES
    if not low <= temperature <= high or (task.numeric and temperature != 1):
        raise ModelError(f"a temperature of {temperature:.6g} does not fit a {task.kind} task")
    return temperature


def _clamp(found: object, task: Task) -> Clamp | None:
    if found is None:
        return None
    if not task.numeric or not isinstance(found, list) or len(found) != 2:
        raise ModelError(f"the clamp is {str(found)[:60]}, not two numbers of a regression")
    lists = [bound if isinstance(bound, list) else [bound] for bound in found]
    if any(len(bound) != task.n_outputs for bound in lists):
        raise ModelError(f"the clamp is {str(found)[:60]}, not bounds of {task.n_outputs} target(s)")
    low, high = (tuple(_number(one, "a bound of the clamp") for one in bound) for bound in lists)
    for least, most in zip(low, high, strict=True):
        if least > most:
            raise ModelError(f"the clamp runs from {least:.6g} down to {most:.6g}")
    return (low, high) if task.parts else (low[0], high[0])


def _is_pair_of_texts(found: object) -> bool:
    return isinstance(found, list) and len(found) == 2 and all(isinstance(word, str) for word in found)


def _parsed(parse: Callable[[str], T], found: object, what: str) -> T:
    """What a value type's own `from_json` makes of a piece, with its complaint as ModelError."""
    _mapping(found, what)
    try:
        return parse(json.dumps(found))
    except (ProfundaError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ModelError(f"{what} cannot be read ({error})") from error


def _mapping(found: object, what: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise ModelError(f"{what} is {type(found).__name__} where a mapping belongs")
    return found


def _keys(found: object, keys: set[str], what: str) -> dict[str, Any]:
    sheet = _mapping(found, what)
    if set(sheet) != keys:
        missing, extra = sorted(keys - set(sheet)), sorted(set(sheet) - keys)
        raise ModelError(f"{what} has missing keys {missing[:5]} and unknown keys {extra[:5]}")
    return sheet


def _list(found: object, what: str) -> list[Any]:
    if not isinstance(found, list) or not found:
        raise ModelError(f"its {what} are not a list with something in it")
    return found


def _number(found: object, what: str) -> float:
    if isinstance(found, bool) or not isinstance(found, int | float) or not isfinite(found):
        raise ModelError(f"{what} is {str(found)[:40]!r}, not a finite number")
    return float(found)
