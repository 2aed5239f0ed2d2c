"""Models of one drawn network on a small table or on a bundled one, with rows that were never seen."""

from dataclasses import replace

import numpy as np
import polars as pl
from tests.model.making import make_model

from profunda.data.dataset import Dataset
from profunda.data.preprocessing import fit_preprocessing
from profunda.data.reading import read
from profunda.model.model import Model
from profunda.model.parts import Network, Part
from profunda.networks.layout import layout_of
from profunda.space.design import Design

__all__ = ["DESIGNS", "drawn", "frame", "made", "worn"]

DESIGNS = {
    "codes": Design((6, 6), encoding="embedded"),
    "front": Design((6, 6), encoding="embedded", input_scaling=True, numeric_embedding="periodic"),
    "skip": Design((6, 6, 6), skip=True, parametric=True, activation="silu", norm="group"),
    "batch": Design((6, 6), skip=True, norm="batch", norm_place="after", encoding="embedded"),
    "before": Design((6, 6), skip=True, parametric=True, norm="batch", numeric_embedding="periodic"),
}


def frame(rows: int = 80, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "size": rng.normal(50, 10, rows),
            "rate": [None if lost else 1.0 * lost for lost in rng.integers(0, 9, rows)],
            "town": [None if t == 3 else f"t{t:02d}" for t in rng.integers(0, 15, rows)],
            "y": rng.choice(["a", "b", "c"], rows),
        }
    )


def made(design: Design, rows: int = 80) -> tuple[Model, np.ndarray]:
    """A Model of one drawn network, and codes with rows that were never seen."""
    data = read(frame(rows), target="y")
    strange = np.array([[np.nan] * 3, [1.0, 2.0, -1.0]])
    return drawn(design, data), np.concatenate([data.schema.codes(frame(40, seed=9)), strange])


def drawn(design: Design, data: Dataset) -> Model:
    """A Model of one network with drawn parameters, its preprocessing fitted on every other row."""
    fitted = fit_preprocessing(
        data.codes, data.y, np.arange(0, len(data.codes), 2), data.schema, design.encoding, data.task
    )
    rng, layout = np.random.default_rng(1), layout_of(design, fitted.inputs, data.task.n_outputs)
    params = rng.normal(size=layout.size) * 0.6
    for place in layout.front.places:
        if place.slot.role == "weights":  # so that the tenth layer's outputs are as large as the first's
            place.weights_of(params)[:] *= 4.0 / np.sqrt(place.fan_in)
        if place.slot.role == "collected":
            place.weights_of(params)[1] = rng.uniform(0.2, 2.0, place.slot.shape[1])
    for block in layout.blocks:
        block.norm_of(params)[3:] = rng.uniform(0.2, 2.0, block.norm_of(params)[3:].shape)
    part = Part(1.0, design, (Network(fitted, params.astype(np.float32)),))
    model = make_model("regression" if data.task.numeric else "multiclass")
    clamp = (np.nanmin(data.y, axis=0), np.nanmax(data.y, axis=0)) if data.task.numeric else None
    return replace(model, task=data.task, schema=data.schema, parts=(part,), clamp=clamp)


def worn(codes: np.ndarray, data: Dataset, seed: int = 0) -> np.ndarray:
    """The codes with a tenth of them missing, and a tenth of the categories unseen."""
    rng = np.random.default_rng(seed)
    named = np.array([bool(feature.vocabulary) for feature in data.schema.features])
    unseen = (rng.uniform(size=codes.shape) < 0.1) & named
    return np.where(rng.uniform(size=codes.shape) < 0.1, np.nan, np.where(unseen, -1.0, codes))
