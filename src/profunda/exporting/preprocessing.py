"""The torch twin of `profunda.data.preprocessing`: the same formulas on the same numbers, as a layer."""

import math

import torch
from torch import Tensor, nn

from profunda.data.layout import Layout
from profunda.data.preprocessing import FARTHEST, Preprocessing

__all__ = ["Encoder"]


class Encoder(nn.Module):
    """Codes [N, F] to inputs [N, D], computed in the type of its buffers: float64 until converted."""

    def __init__(self, preprocessing: Preprocessing) -> None:
        super().__init__()
        layout, numbers = preprocessing.layout, preprocessing.numbers
        pieces: list[nn.Module] = []
        if layout.numeric:
            fill = _numbers(numbers.fill)
            if layout.encoding in ("robust", "embedded"):
                pieces.append(_Robust(layout, fill, _numbers(numbers.centre), _numbers(numbers.scale)))
            elif layout.encoding == "quantile":
                pieces.append(_Quantile(layout, fill, _numbers(numbers.knots), _numbers(numbers.scores)))
            else:
                pieces.append(_Piecewise(layout, fill, _numbers(numbers.lower), _numbers(numbers.inverse)))
        if layout.boolean:
            pieces.append(_Boolean(layout))
        if layout.cycles:
            fills = dict(zip(layout.numeric, numbers.fill.tolist(), strict=True))
            pieces.append(_Cycles(layout, fills))
        if any(block.kept or block.rare for block in layout.onehots):
            pieces.append(_OneHots(layout))
        if layout.frequencies:
            pieces.append(_Frequencies(layout, _numbers(numbers.frequency)))
        if layout.ordinals:
            pieces.append(_Ordinals(layout))
        if layout.gaps:
            pieces.append(_Gaps(layout))
        if layout.task:
            pieces.append(_Task(layout))
        if layout.pixels:
            pieces.append(_Pixels(layout, _numbers(numbers.pixels)))
        if layout.words:
            pieces.append(_Words(layout))
        self.pieces = nn.ModuleList(pieces)
        self.register_buffer("unit", torch.ones((), dtype=torch.float64))

    def forward(self, codes: Tensor) -> Tensor:
        """Inputs [N, D] of codes [N, F]."""
        codes = codes.type_as(self.unit)
        # Truth values among the pieces become numbers here.
        return torch.cat([piece(codes).type_as(self.unit) for piece in self.pieces], dim=1)


class _Columns(nn.Module):
    """Some columns of the codes."""

    def __init__(self, positions: list[int]) -> None:
        super().__init__()
        self.register_buffer("positions", torch.tensor(positions, dtype=torch.int64))

    def take(self, codes: Tensor) -> Tensor:
        return codes.index_select(1, self.positions)


class _Numeric(_Columns):
    """Numbers and dates, filled where missing."""

    def __init__(self, layout: Layout, fill: Tensor) -> None:
        super().__init__(list(layout.numeric))
        self.register_buffer("fill", fill)

    def filled(self, codes: Tensor) -> Tensor:
        x = self.take(codes)
        return torch.where(x.isnan(), self.fill, x)


def _scaled(x: Tensor, centre: Tensor, scale: Tensor) -> Tensor:
    """(x − centre) · scale; 0 where a difference beyond all numbers meets a scale of 0."""
    z = (x - centre) * scale
    return torch.where(z.isnan(), 0.0, z)


class _Robust(_Numeric):
    def __init__(self, layout: Layout, fill: Tensor, centre: Tensor, scale: Tensor) -> None:
        super().__init__(layout, fill)
        self.register_buffer("centre", centre)
        self.register_buffer("scale", scale)

    def forward(self, codes: Tensor) -> Tensor:
        z = _scaled(self.filled(codes), self.centre, self.scale).clamp(-FARTHEST, FARTHEST)
        return z / (1 + (z / 3) ** 2).sqrt()


class _Quantile(_Numeric):
    """Linear interpolation between knots [G, K] and scores [G, K], constant beyond the ends.

    The knots around a number are found by halving, written out: `torch.searchsorted` has no ONNX operator.
    """

    def __init__(self, layout: Layout, fill: Tensor, knots: Tensor, scores: Tensor) -> None:
        super().__init__(layout, fill)
        inner = knots[:, 1:-1]
        self.halvings = inner.shape[1].bit_length()
        rest = (1 << self.halvings) - 1 - inner.shape[1]
        self.last = inner.shape[1]
        self.register_buffer("knots", knots)
        self.register_buffer("scores", scores)
        self.register_buffer("inner", nn.functional.pad(inner, (0, rest), value=math.inf))

    def forward(self, codes: Tensor) -> Tensor:
        x = self.filled(codes).t().contiguous()
        left = torch.zeros_like(x, dtype=torch.int64)
        for halving in reversed(range(self.halvings)):
            step = 1 << halving
            left = torch.where(self.inner.gather(1, left + (step - 1)) <= x, left + step, left)
        left = left.clamp(max=self.last)  # an infinite number is beyond what fills the last knots up
        below, above = self.knots.gather(1, left), self.knots.gather(1, left + 1)
        # Equal knots share their score, so any part of the way between them is right.
        part = torch.where(above > below, (x - below) / (above - below), 0.0).clamp(0, 1)
        low, high = self.scores.gather(1, left), self.scores.gather(1, left + 1)
        return (low + (high - low) * part).t()


class _Piecewise(_Numeric):
    def __init__(self, layout: Layout, fill: Tensor, lower: Tensor, inverse: Tensor) -> None:
        super().__init__(layout, fill)
        bins = torch.tensor(layout.bins)
        last = bins.cumsum(0)
        low, high = torch.zeros_like(lower), torch.ones_like(lower)
        low[last - bins], high[last - 1] = -1.0, 2.0
        self.register_buffer("spread", torch.arange(len(bins)).repeat_interleave(bins))
        self.register_buffer("lower", lower)
        self.register_buffer("inverse", inverse)
        self.register_buffer("low", low)
        self.register_buffer("high", high)

    def forward(self, codes: Tensor) -> Tensor:
        x = self.filled(codes).index_select(1, self.spread)
        return _scaled(x, self.lower, self.inverse).clamp(self.low, self.high)


class _Boolean(_Columns):
    def __init__(self, layout: Layout) -> None:
        super().__init__(list(layout.boolean))

    def forward(self, codes: Tensor) -> Tensor:
        x = self.take(codes)
        return torch.where(x.isnan(), 0.0, 2 * x - 1)


class _Cycles(_Columns):
    """Sine and cosine of dates, in turn."""

    def __init__(self, layout: Layout, fills: dict[int, float]) -> None:
        super().__init__([position for position, _ in layout.cycles])
        self.register_buffer("fill", _numbers([fills[position] for position, _ in layout.cycles]))
        self.register_buffer("pace", _numbers([2 * math.pi / period for _, period in layout.cycles]))

    def forward(self, codes: Tensor) -> Tensor:
        x = self.take(codes)
        angle = self.pace * torch.where(x.isnan(), self.fill, x)
        half = (angle / 2).sin()  # cos 2a = 1 − 2 sin² a: ONNX Runtime long had no cosine of float64
        return torch.stack([angle.sin(), 1 - 2 * half * half], dim=2).flatten(1)


class _OneHots(_Columns):
    """An input is on where first ≤ code ≤ last; the one for rare categories also where the code is < 0."""

    def __init__(self, layout: Layout) -> None:
        inputs = [  # position, first and last code, rare
            (block.position, number, math.inf, True)
            if number == block.kept
            else (block.position, number, number, False)
            for block in layout.onehots
            for number in range(block.kept + block.rare)
        ]
        super().__init__([position for position, *_ in inputs])
        self.register_buffer("first", _numbers([first for _, first, _, _ in inputs]))
        self.register_buffer("last", _numbers([last for _, _, last, _ in inputs]))
        self.register_buffer("rare", torch.tensor([rare for *_, rare in inputs]))

    def forward(self, codes: Tensor) -> Tensor:
        code = self.take(codes)
        return ((code >= self.first) & (code <= self.last)) | ((code < 0) & self.rare)


class _Frequencies(_Columns):
    """The table's entry of a category, 0 where unseen or missing."""

    def __init__(self, layout: Layout, table: Tensor) -> None:
        super().__init__([position for position, _ in layout.frequencies])
        sizes = torch.tensor([size for _, size in layout.frequencies])
        self.register_buffer("start", sizes.cumsum(0) - sizes)
        self.register_buffer("table", table)

    def forward(self, codes: Tensor) -> Tensor:
        code = self.take(codes)
        known = code >= 0  # false where missing
        place = torch.where(known, code, 0.0).long() + self.start
        return torch.where(known, self.table[place], 0.0)


class _Ordinals(_Columns):
    """0 for rare or unseen, 1 … K for the kept categories, K + 1 for missing."""

    def __init__(self, layout: Layout) -> None:
        super().__init__([position for position, _ in layout.ordinals])
        self.register_buffer("kept", _numbers([kept for _, kept in layout.ordinals]))

    def forward(self, codes: Tensor) -> Tensor:
        code = self.take(codes)
        seen = torch.where((code >= 0) & (code < self.kept), code + 1, 0.0)
        return torch.where(code.isnan(), self.kept + 1, seen)


class _Gaps(_Columns):
    def __init__(self, layout: Layout) -> None:
        super().__init__(list(layout.gaps))

    def forward(self, codes: Tensor) -> Tensor:
        return self.take(codes).isnan()


class _Task(_Columns):
    """The row's task, T where it is unseen or missing."""

    def __init__(self, layout: Layout) -> None:
        position, self.tasks = layout.task
        super().__init__([position])

    def forward(self, codes: Tensor) -> Tensor:
        code = self.take(codes)
        return torch.where((code >= 0) & (code < self.tasks), code, float(self.tasks))


class _Pixels(nn.Module):
    """Each channel less its median, over its standard deviation."""

    def __init__(self, layout: Layout, pixels: Tensor) -> None:
        super().__init__()
        self.start, channels, height, width = layout.pixels
        self.end = self.start + channels * height * width
        centre, scale = pixels.repeat_interleave(height * width, dim=1)
        self.register_buffer("centre", centre)
        self.register_buffer("scale", scale)

    def forward(self, codes: Tensor) -> Tensor:
        return (codes[:, self.start : self.end] - self.centre) * self.scale


class _Words(nn.Module):
    """The numbers of words as they are."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.start, length, _ = layout.words
        self.end = self.start + length

    def forward(self, codes: Tensor) -> Tensor:
        return codes[:, self.start : self.end]


def _numbers(values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)
