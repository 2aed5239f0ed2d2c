"""From codes to the numbers a network reads: fitted on given rows, then frozen.

With x a column's code and q_p its p-quantile over the fitting rows (linear interpolation), the inputs are:

robust      z/√(1 + (z/3)²) with z = (x − centre)·scale, centre = q_½ and scale = 1/(q_¾ − q_¼), or 2/(max −
            min) where the quartiles are equal, or 0 where the column is constant; z is held within ±10⁹
            before. (Robust scaling and smooth clipping of Holzmüller et al. 2024, arXiv:2407.04491, §3.)
quantile    linear interpolation between 100 knots q_{k/99} and their scores Φ⁻¹(k/99), with k/99 held within
            [0.005, 0.995]; constant beyond the ends. Equal knots share the score of the mean of their levels.
piecewise   T bins with edges b_t = q_{t/T}, e_t = clip((x − b_{t−1})/(b_t − b_{t−1}), low_t, high_t) with low
            = 0 and high = 1, except low_1 = −1 and high_T = 2. (Equation 1 of Gorishniy et al. 2022,
            arXiv:2203.05556, which has no bounds outside the first and last bin; they keep an outlier from
            outweighing a batch.) Where quantiles coincide the edges are quantiles of the distinct values; a
            bin that still has no width gives 0.
booleans    −1 for no, +1 for yes, 0 where missing.
dates       as numbers, and sin and cos of 2π·x/period for the year (365.2425 days), the week, and, where
            there is a time of day, the day.
categories  one-hot by the schema's vocabulary, all 0 where missing; rare and unseen categories share an input
            where there are rare ones, else unseen ones are all 0. Columns with more than 32 frequent
            categories keep 31, and get log(1 + n_category)/log(1 + n), counted over the fitting rows; 0 where
            unseen or missing. Or, with categories="ordinal", one code for an embedding (see
            `Layout.ordinals`).
embedded    numbers as in robust; a column that would make more than 9 one-hot inputs becomes one code for an
            embedding, which its network trains, and no frequency.
missing     numbers and dates are filled with q_½; each column that had missing values when it was read gets
            an input that is 1 where the value is missing.
task        the row's task as a code 0 … T − 1, T where unseen or missing, for the network to look up.
pictures    each channel as (v − median)/sd over the pixels of the fitting rows (of up to 4,096 of them,
            evenly taken), so that a background of one colour becomes 0.
texts       the numbers of their words, as they are.
target      numbers: (y − mean)/sd over the fitting rows (sd 1 where it is 0). Classes stay codes.

All of it is computed in float64 and given as float32. Layout and names depend on schema and encoding alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import get_args

import numpy as np

from profunda.data.fitting import Numbers, fit_numbers, shapes
from profunda.data.inputs import Inputs
from profunda.data.layout import Categories, Encoding, Layout, lay_out
from profunda.data.schema import Schema
from profunda.data.task import Task
from profunda.errors import ArgumentError, DataError, ModelError

__all__ = ["Categories", "Encoding", "Preprocessing", "fit_preprocessing"]

CHUNK = 4_096  # rows transformed at once, so that the work stays in cache
FARTHEST = 1e9  # |z| beyond which robust scaling does not look
_FORMAT = 1


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """Frozen numbers that turn codes float64 [N, F] into inputs float32 [N, D] (formulas: see the module)."""

    layout: Layout
    numbers: Numbers
    regression: bool

    @property
    def D(self) -> int:  # noqa: N802 - the width of a network's input, by its name in the texts
        """Width of a network's input."""
        return self.layout.width

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the D inputs, such as ``age``, ``job=clerk`` or ``age:missing``."""
        return self.layout.names

    @property
    def inputs(self) -> Inputs:
        """What the D inputs are, and the columns they come from."""
        return self.layout.entering

    @property
    def encoding(self) -> Encoding:
        """How numbers are encoded."""
        return self.layout.encoding

    def transform(self, codes: np.ndarray) -> np.ndarray:
        """Inputs float32 [N, D] of codes float64 [N, F]; DataError where F differs from the fitted one."""
        if codes.ndim != 2 or codes.shape[1] != self.layout.inputs:
            raise DataError(
                f"codes have shape {codes.shape}, expected (N, {self.layout.inputs}); make them with the "
                "schema this preprocessing was fitted with"
            )
        inputs = np.empty((len(codes), self.D), np.float32)
        for start in range(0, len(codes), CHUNK):
            self._transform_chunk(codes[start : start + CHUNK], inputs[start : start + CHUNK])
        return inputs

    def _transform_chunk(self, codes: np.ndarray, inputs: np.ndarray) -> None:
        layout = self.layout
        at = self._write_numeric(codes, inputs)
        for position in layout.boolean:
            inputs[:, at] = np.nan_to_num(2 * codes[:, position] - 1)
            at += 1
        fills = dict(zip(layout.numeric, self.numbers.fill.tolist(), strict=True))
        for position, period in layout.cycles:
            days = codes[:, position]
            angle = 2 * np.pi / period * np.where(np.isnan(days), fills[position], days)
            inputs[:, at], inputs[:, at + 1] = np.sin(angle), np.cos(angle)
            at += 2
        at = self._write_categories(codes, inputs, at)
        inputs[:, at : at + len(layout.gaps)] = np.isnan(codes[:, list(layout.gaps)])
        at += len(layout.gaps)
        if layout.task:
            position, tasks = layout.task
            code = codes[:, position]
            inputs[:, at] = np.where((code >= 0) & (code < tasks), code, tasks)  # T where NaN
            at += 1
        if layout.pixels:
            at = self._write_pixels(codes, inputs, at)
        if layout.words:
            start, length, _ = layout.words
            inputs[:, at : at + length] = np.nan_to_num(codes[:, start : start + length])

    def _write_pixels(self, codes: np.ndarray, inputs: np.ndarray, at: int) -> int:
        start, _, height, width = self.layout.pixels
        size = height * width
        for centre, scale in zip(*self.numbers.pixels, strict=True):
            inputs[:, at : at + size] = np.nan_to_num((codes[:, start : start + size] - centre) * scale)
            start, at = start + size, at + size
        return at

    def _write_numeric(self, codes: np.ndarray, inputs: np.ndarray) -> int:
        layout, numbers = self.layout, self.numbers
        x = codes[:, list(layout.numeric)]
        x = np.where(np.isnan(x), numbers.fill, x)
        if layout.encoding in ("robust", "embedded"):
            z = np.clip(_scaled(x, numbers.centre, numbers.scale), -FARTHEST, FARTHEST)
            inputs[:, : x.shape[1]] = z / np.sqrt(1 + (z / 3) ** 2)
            return x.shape[1]
        if layout.encoding == "quantile":
            for i in range(x.shape[1]):
                inputs[:, i] = np.interp(x[:, i], numbers.knots[i], numbers.scores[i])
            return x.shape[1]
        bins = np.array(layout.bins, np.intp)
        spread = np.repeat(np.arange(len(bins)), bins)
        last = np.cumsum(bins)
        lowest, highest = np.zeros(len(spread)), np.ones(len(spread))
        lowest[last - bins], highest[last - 1] = -1.0, 2.0
        inputs[:, : len(spread)] = np.clip(
            _scaled(x[:, spread], numbers.lower, numbers.inverse), lowest, highest
        )
        return len(spread)

    def _write_categories(self, codes: np.ndarray, inputs: np.ndarray, at: int) -> int:
        layout = self.layout
        for block in layout.onehots:
            code = codes[:, block.position]
            inputs[:, at : at + block.kept] = code[:, None] == np.arange(block.kept)
            if block.rare:
                inputs[:, at + block.kept] = (code >= block.kept) | (code < 0)
            at += block.kept + block.rare
        start = 0
        for position, size in layout.frequencies:
            code = codes[:, position]
            known = code >= 0  # false where NaN
            table = self.numbers.frequency[start : start + size]
            inputs[:, at] = np.where(known, table[np.where(known, code, 0).astype(np.intp)], 0.0)
            at, start = at + 1, start + size
        for position, kept in layout.ordinals:
            code = codes[:, position]
            inputs[:, at] = np.where(
                np.isnan(code), kept + 1.0, np.where((code >= 0) & (code < kept), code + 1.0, 0.0)
            )
            at += 1
        return at

    def target(self, y: np.ndarray) -> np.ndarray:
        """What a network is trained on: class codes int64 [N], standardised numbers float32 [N, 1] or [N, C],
        or labels 0 and 1 float32 [N, C]; NaN stays NaN."""
        if not self.regression:
            return np.asarray(y, np.int64 if np.ndim(y) == 1 else np.float32)
        mean, sd = self.numbers.target
        return ((np.asarray(y, np.float64) - mean) / sd).astype(np.float32).reshape(len(y), -1)

    def untarget(self, f: np.ndarray) -> np.ndarray:
        """Standardised outputs on the target's scale: [N(, 1)] as float64 [N], of several targets [N, C].

        Raises ArgumentError for classes.
        """
        if not self.regression:
            raise ArgumentError("outputs for classes have no scale to go back to; untarget is for regression")
        mean, sd = self.numbers.target
        found = np.asarray(f, np.float64)
        return (found if self.numbers.target.ndim == 2 else found.reshape(-1)) * sd + mean

    def spec(self) -> dict[str, object]:
        """All that is not an array, as values that JSON knows."""
        told: dict[str, object] = {"format": _FORMAT, "regression": self.regression}
        shape = self.numbers.target.shape
        told |= {"targets": shape[1]} if self.regression and len(shape) == 2 else {}
        return {**told, "layout": self.layout.plain()}

    def arrays(self) -> dict[str, np.ndarray]:
        """The fitted numbers by name, float64; only those that the encoding uses."""
        target = self.numbers.target.shape if self.regression else ()
        return {name: np.asarray(self.numbers.array(name)) for name in shapes(self.layout, target)}

    @classmethod
    def load(cls, spec: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> "Preprocessing":
        """The preprocessing from `spec` and `arrays`; ModelError unless they fit together and are finite."""
        try:
            if spec["format"] != _FORMAT:
                raise ValueError(f"format {spec['format']!r}, known is {_FORMAT}")
            regression = spec["regression"]
            layout = Layout.from_plain(dict(spec["layout"]))  # type: ignore[call-overload]  # pyrefly: ignore
            several = (int(spec["targets"]),) if "targets" in spec else ()  # type: ignore[call-overload]  # pyrefly: ignore
            wanted = shapes(layout, (2, *several) if regression else ())
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(
                f"the description of a preprocessing cannot be used ({error}); it is damaged, changed, or "
                "from a newer version"
            ) from error
        for name, shape in wanted.items():
            array = arrays.get(name)
            found = "nothing" if array is None else f"{array.dtype} {array.shape}"
            if (
                array is None
                or array.shape != shape
                or array.dtype != np.float64
                or not np.isfinite(array).all()
            ):
                raise ModelError(
                    f"array {name!r} of a preprocessing should be finite float64 {shape}, found {found}; "
                    "the model is damaged"
                )
        kept = {
            entry.name: arrays[entry.name] if entry.name in wanted else np.empty(0)
            for entry in fields(Numbers)
        }
        return cls(layout, Numbers(**kept), bool(regression))


def _scaled(x: np.ndarray, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """(x − centre) · scale; 0 where a difference beyond all numbers meets a scale of 0."""
    with np.errstate(over="ignore", invalid="ignore"):
        z = (x - centre) * scale
    return np.nan_to_num(z, copy=False, nan=0.0, posinf=np.inf, neginf=-np.inf)


def fit_preprocessing(
    codes: np.ndarray,
    y: np.ndarray,
    rows: np.ndarray,
    schema: Schema,
    encoding: Encoding,
    task: Task,
    *,
    categories: Categories = "onehot",
) -> Preprocessing:
    """Fit on the given rows (indices [n]) of codes float64 [N, F] and y [N]; no other row has any influence.

    Raises ArgumentError for an unknown encoding and DataError for no rows, or codes that do not fit the
    schema.
    """
    if encoding not in get_args(Encoding):
        raise ArgumentError(f"encoding is {encoding!r}; it can be one of {', '.join(get_args(Encoding))}")
    if categories not in ("onehot", "ordinal"):
        raise ArgumentError(f"categories is {categories!r}; it can be 'onehot' or 'ordinal'")
    if codes.ndim != 2 or codes.shape[1] != schema.width:
        raise DataError(f"codes have shape {codes.shape}, but the schema has {schema.width} columns")
    if len(rows) == 0:
        raise DataError(
            "there are no rows to fit the preprocessing on; give fewer folds or a smaller test share"
        )
    layout = lay_out(schema, encoding, categories)
    regression = task.numeric
    return Preprocessing(layout, fit_numbers(codes, y, rows, layout, regression), regression)
