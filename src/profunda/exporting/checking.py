"""Rows to try an exported graph on, and how far its answers are from the Model's."""

from collections.abc import Callable

import numpy as np

from profunda.data.preprocessing import Preprocessing
from profunda.data.table import Kind
from profunda.data.tokens import PADDING, UNKNOWN
from profunda.errors import ModelError
from profunda.model.model import Model

__all__ = ["BATCHES", "FARTHEST", "difference", "probe"]

BATCHES = (1, 7, 64)
"""Rows at a time in a check."""
FARTHEST = 1e-3
"""Largest difference that rounding may explain: of a probability, or of a number in standard deviations."""


def probe(model: Model) -> np.ndarray:
    """Codes [64, F] of the schema's type: numbers around and beyond those of training, as many categories as
    fit into the rows, unseen ones, gaps, pixels and texts of any length; the last two rows hold nothing, and
    only what is unseen, wherever that can be.
    """
    rows, schema, preprocessing = max(BATCHES), model.schema, model.preprocessings[0]
    rng = np.random.default_rng(0)
    codes = np.empty((rows, schema.width))
    for start, feature in zip(schema.starts, schema.features, strict=True):
        first = 0 if feature.kind is Kind.BOOLEAN else -1
        last = 1 if feature.kind is Kind.BOOLEAN else len(feature.vocabulary) - 1
        codes[:, start] = rng.permutation(first + np.arange(rows) % (last - first + 1))
    low, high = _ranges(preprocessing)
    drawn = rng.uniform(-0.2, 1.2, (rows, len(low)))
    codes[:, list(preprocessing.layout.numeric)] = low + (high - low) * drawn
    codes[rng.uniform(size=codes.shape) < 0.1] = np.nan
    codes[-1] = -1.0
    codes[-2] = np.nan
    _fill_wide(codes, preprocessing, rng)
    return codes.astype(schema.dtype)


def _fill_wide(codes: np.ndarray, preprocessing: Preprocessing, rng: np.random.Generator) -> None:
    """Pixels as bright as those of training, which are never missing, and texts as a tokenizer makes them:
    words, then padding to the end.
    """
    layout = preprocessing.layout
    if layout.pixels:
        start, channels, height, width = layout.pixels
        centre, scale = preprocessing.numbers.pixels.repeat(height * width, axis=1)
        pixels = rng.normal(size=(len(codes), channels * height * width))
        codes[:, start : start + pixels.shape[1]] = centre + pixels * _inverse(scale)
    if layout.words:
        start, length, size = layout.words
        words = rng.integers(UNKNOWN, size, (len(codes), length))
        lengths = rng.integers(0, length + 1, len(codes))
        lengths[-2:], words[-1] = (0, length), UNKNOWN
        codes[:, start : start + length] = np.where(np.arange(length) < lengths[:, None], words, PADDING)


def _ranges(preprocessing: Preprocessing) -> tuple[np.ndarray, np.ndarray]:
    """Ends [G] of where the numbers of training lie, or most of them."""
    layout, numbers = preprocessing.layout, preprocessing.numbers
    if layout.encoding == "quantile":
        return numbers.knots[:, 0], numbers.knots[:, -1]
    if layout.encoding == "piecewise":
        bins = np.array(layout.bins, np.intp)
        last = np.cumsum(bins) - 1
        return numbers.lower[last - bins + 1], numbers.lower[last] + _inverse(numbers.inverse[last])
    reach = 3 * _inverse(numbers.scale)
    return numbers.centre - reach, numbers.centre + reach


def _inverse(scale: np.ndarray) -> np.ndarray:
    """1/scale; 1 where a column has but one number, whose scale is 0."""
    return 1.0 / np.where(scale == 0, 1.0, scale)


def difference(model: Model, graph: Callable[[np.ndarray], np.ndarray], name: str) -> float:
    """How far a graph's answers are from the Model's at most: in probability, or in deviations of a target.

    `graph` takes codes [N, F] and gives what `predict_codes` does; it is asked for 1, 7 and 64 rows. Raises
    ModelError, with what the file was to be called, where the difference is more than rounding.
    """
    rows = probe(model)
    expected = model.predict_codes(rows)
    unit = model.preprocessings[0].numbers.target[1] if model.task.numeric else 1.0
    found = [np.abs((graph(rows[:size]) - expected[:size]) / unit).max() for size in BATCHES]
    worst = float(np.max(found))  # NaN, should there be one
    if not worst <= FARTHEST:
        what = "standard deviations" if model.task.numeric else "of a probability"
        raise ModelError(
            f"{name} was not written: its answers differ from the model's by up to {worst:.3g} {what}, more "
            f"than the {FARTHEST:g} that rounding could explain. In very deep networks float32 may not be "
            "enough; otherwise another version of torch or onnxruntime may do better."
        )
    return worst
