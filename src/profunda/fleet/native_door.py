"""The way to the native engine while its module is being written; asked for at each call, never at import."""

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from profunda.fleet.member import Member
from profunda.fleet.source import FleetData

_NAME = "profunda.fleet.native_engine"


def _engine() -> ModuleType | None:
    return import_module(_NAME) if find_spec(_NAME) else None


def available() -> bool:
    engine = _engine()
    return engine is not None and engine.available()


def unavailable_reason() -> str | None:
    engine = _engine()
    return "this version has none" if engine is None else engine.unavailable_reason()


def instruction_set() -> str:
    engine = _engine()
    return "" if engine is None else engine.instruction_set()


def buffer_bytes(member: Member, data: FleetData, dtype: str) -> int:
    engine = _engine()
    return 0 if engine is None else engine.buffer_bytes(member, data, dtype)


def run_packs(*words: Any, **more: Any) -> Iterator[Any]:
    engine = _engine()
    assert engine is not None
    return engine.run_packs(*words, **more)
