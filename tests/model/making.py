"""Small models with every ingredient: designs, encodings, folds, gaps, categories, dates."""

import numpy as np
import polars as pl

from profunda.data.preprocessing import Preprocessing, fit_preprocessing
from profunda.data.reading import read
from profunda.model.model import Model
from profunda.model.parts import Network, Part, Provenance
from profunda.model.score import Score
from profunda.space.design import Design

__all__ = ["DESIGNS", "make_frame", "make_model"]

DESIGNS = (
    Design(widths=(7, 5), activation="gelu", encoding="robust"),
    Design(widths=(), encoding="quantile"),
    Design(widths=(4,), activation="selu", encoding="robust"),
    Design(widths=(3, 3, 3), activation="mish", encoding="piecewise"),
)
WEIGHTS = (0.4, 0.3, 0.2, 0.1)
TARGETS = {
    "binary": np.array(["no", "yes"], object),
    "multiclass": np.array([1, 2, 3]),
    "regression": None,
    "multilabel": np.array(["no", "yes"], object),
    "multioutput": None,
}
SEVERAL = ("multilabel", "multioutput")


def make_frame(kind: str, rows: int = 60, seed: int = 0) -> pl.DataFrame:
    """A table with numbers (some missing), texts, truth values and dates, and a target of the kind."""
    rng = np.random.default_rng(seed)
    size = rng.normal(50, 10, rows)
    codes = (np.argsort(np.argsort(size)) * 3 // rows) if kind == "multiclass" else (size > 50).astype(int)
    names = TARGETS[kind]
    frame = pl.DataFrame(
        {
            "size": [
                None if lost else value
                for value, lost in zip(size, rng.uniform(size=rows) < 0.2, strict=True)
            ],
            "rate": rng.lognormal(3, 1, rows),
            "colour": rng.choice(["red", "green", "blue"], rows),
            "known": rng.uniform(size=rows) < 0.5,
            "since": [f"20{year:02d}-03-1{day}" for year, day in rng.integers(0, 10, (rows, 2))],
            "y": (size * 3 + rng.normal(size=rows)) if names is None else names[codes].tolist(),
        }
    )
    if kind not in SEVERAL:
        return frame
    other = rng.normal(size=rows).cumsum() if names is None else rng.uniform(size=rows) < 0.3
    return frame.with_columns(z=pl.Series([None, None, *other.tolist()[2:]]))


def make_model(kind: str, *, seed: int = 0, temperature: float = 1.3, rows: int = 60) -> Model:
    """A Model of four designs on two folds with drawn parameters."""
    data = read(make_frame(kind, rows=rows, seed=seed), target=["y", "z"] if kind in SEVERAL else "y")
    assert data.task.kind == kind
    rng = np.random.default_rng(seed)
    folds = (np.arange(0, rows, 2), np.arange(1, rows, 2))
    fitted: dict[tuple[str, int], Preprocessing] = {
        (encoding, fold): fit_preprocessing(data.codes, data.y, train, data.schema, encoding, data.task)
        for encoding in ("robust", "quantile", "piecewise")
        for fold, train in enumerate(folds)
    }

    def network(design: Design, fold: int) -> Network:
        preprocessing = fitted[design.encoding, fold]
        size = design.parameters(preprocessing.D, data.task.n_outputs)
        return Network(preprocessing, (rng.normal(size=size) * 0.6).astype(np.float32))

    parts = tuple(
        Part(weight, design, tuple(network(design, fold) for fold in range(len(folds))))
        for weight, design in zip(WEIGHTS, DESIGNS, strict=True)
    )
    regression = data.task.numeric
    score = Score("rmse" if regression else "log_loss", 0.5, 0.4, float("nan"), 0.95, 20, False)
    provenance = Provenance(
        created="2026-01-02T03:04:05+00:00",
        versions=(("profunda", "0"), ("torch", "2")),
        seed=seed,
        metric=score.metric,
        fingerprint=data.fingerprint,
        source=data.source,
        rows=rows,
        select="greedy",
        refit="folds",
        score=score,
    )
    low, high = np.nanmin(data.y, axis=0).tolist(), np.nanmax(data.y, axis=0).tolist()
    several = (tuple(low), tuple(high)) if data.task.parts else (low, high)
    clamp = several if regression else None
    return Model(data.task, data.schema, parts, provenance, 1.0 if regression else temperature, clamp)
