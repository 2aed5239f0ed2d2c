"""A finished run as its papers need it, read from its folder: model, summary, record, checks."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from profunda.data.bundled import PREFIX
from profunda.errors import ArgumentError, RunError
from profunda.journal.record import kind_of
from profunda.model.folder import MODEL_FILE, WEIGHTS_FILE
from profunda.model.model import Model
from profunda.model.saving import load
from profunda.model.score import Baseline, Score
from profunda.reporting.blocks import Check, Checks
from profunda.reporting.document import Document
from profunda.reporting.record import RECORD_FILE, Record

__all__ = ["Effort", "FinishedRun", "read_run"]


@dataclass(frozen=True)
class Effort:
    """What a search took: networks, optimiser steps over all of them, seconds in all and of training."""

    networks: int
    steps: int
    seconds: float
    training_seconds: float
    engine: str
    instruction_set: str


@dataclass(frozen=True, eq=False)
class FinishedRun:
    """One finished run.

    `score` is None where no rows were held out, `record` where an earlier version wrote the run. `checks` are
    its report's traffic lights, where it has a report; `explanations` what went wrong in the search, and
    where; `digests` the SHA-256 of the model's files.
    """

    folder: Path
    model: Model
    score: Score | None
    baselines: tuple[Baseline, ...]
    effort: Effort
    record: Record | None
    checks: tuple[Check, ...]
    explanations: tuple[str, ...]
    digests: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """The data's short name: its source without folders and endings."""
        source = self.model.provenance.source
        bare = source.removeprefix(PREFIX) if source.startswith(PREFIX) else Path(source).stem
        return bare or "data"


def read_run(folder: Path) -> FinishedRun:
    """What the folder of a finished run holds.

    Raises RunError where it is no run, or has not finished; ModelError where its model is damaged.
    """
    if kind_of(folder) != "fit":
        raise RunError(
            f"{folder} is a search of your own objective, which leaves no model to write papers about"
        )
    told = _summary(folder)
    model = load(folder)
    score = model.provenance.score
    try:
        baselines = tuple(_baseline(name, one, score) for name, one in told["baselines"].items())
        effort = Effort(
            int(told["networks"]), int(told["member_steps"]), float(told["seconds"]["total"]),
            float(told["training_seconds"]), str(told["engine"]), str(told.get("instruction_set") or ""),
        )  # fmt: skip
        explanations = tuple(map(str, told.get("explanations", ())))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunError(
            f"{folder / 'summary.json'} is not a run's summary ({error!r}); it was changed"
        ) from error
    record = folder / RECORD_FILE
    return FinishedRun(
        folder=folder,
        model=model,
        score=score,
        baselines=baselines,
        effort=effort,
        record=Record.from_json(record.read_bytes()) if record.exists() else None,
        checks=_checks(folder / "report.json"),
        explanations=explanations,
        digests=tuple((name, _sha256(folder / "model" / name)) for name in (MODEL_FILE, WEIGHTS_FILE)),
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _summary(folder: Path) -> Mapping[str, Any]:
    path = folder / "summary.json"
    if not path.exists():
        raise RunError(
            f"{folder} has not finished, so there is nothing to write about. Go on:  profunda resume {folder}"
        )
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunError(f"{path} is not the JSON of a run's summary ({error}); it was changed") from error
    return told if isinstance(told, dict) else {}


def _baseline(name: str, told: Mapping[str, Any], like: Score | None) -> Baseline:
    """A baseline of the summary; its metric, level and rows are the model's own."""
    score = None
    if told["score"] is not None and like is not None:
        low, high = (math.nan if v is None else float(v) for v in told["interval"] or (None, None))
        value = float(told["score"])
        score = Score(like.metric, value, low, high, like.level, like.rows, like.greater_is_better)
    return Baseline(name, str(told["title"]), score, float(told["seconds"]), str(told["note"]))


def _checks(report: Path) -> tuple[Check, ...]:
    """The traffic lights of the run's report; none without one, or where another version wrote it."""
    if not report.exists():
        return ()
    try:
        document = Document.from_json(report.read_text(encoding="utf-8"))
    except (ArgumentError, UnicodeDecodeError):
        return ()
    blocks = (block for section in document.sections for block in section.blocks)
    return tuple(check for block in blocks if isinstance(block, Checks) for check in block.checks)
