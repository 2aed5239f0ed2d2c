"""What must be equal in two runs that are the same: the model's numbers and every decision."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from profunda.journal.record import read_journal


def model_of(run: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The saved model without the time at which it was made."""
    spec = json.loads((run / "model" / "model.json").read_text())["content"]
    spec["provenance"].pop("created")
    return spec, load_file(run / "model" / "weights.safetensors")


def decisions_of(run: Path) -> list[tuple[str, str]]:
    """The journal's decisions in order, without clock times, as JSON text (in which NaN equals NaN)."""
    kept = []
    for record in read_journal(run).records:
        if record.kind in ("pack", "baselines"):  # whose seconds are a clock's
            continue
        clocks = ("elapsed", "training_seconds")
        data = {name: value for name, value in record.data.items() if name not in clocks}
        kept.append((record.kind, json.dumps(data, sort_keys=True)))
    return kept


def packs_of(run: Path) -> set[tuple[int, int, int, str]]:
    """Which packs finished, and whose they were."""
    return {
        (r.data["bracket"], r.data["rung"], r.data["pack"], str(r.data["owners"]))
        for r in read_journal(run).records
        if r.kind == "pack"
    }


def same_model(one: Path, other: Path) -> bool:
    """Whether two runs saved the same model, bit for bit."""
    (spec, weights), (spec2, weights2) = model_of(one), model_of(other)
    return (
        spec == spec2
        and weights.keys() == weights2.keys()
        and all(np.array_equal(weights[name], weights2[name], equal_nan=True) for name in weights)
    )


def same_curves(one: Any, other: Any) -> bool:
    """Whether two histories tell the same lives, bit for bit."""
    return len(one) == len(other) and all(
        a.status == b.status
        and a.best_epoch == b.best_epoch
        and np.array_equal(a.train_loss, b.train_loss, equal_nan=True)
        and np.array_equal(a.valid_loss, b.valid_loss, equal_nan=True)
        and all(np.array_equal(a.signs[name], b.signs[name], equal_nan=True) for name in a.signs)
        for a, b in zip(one.curves, other.curves, strict=True)
    )
