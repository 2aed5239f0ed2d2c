"""Networks with the mistakes that people make in `forward` and `__init__`."""

import torch
from torch import Tensor, nn

from _programs.nets import Attending, Recurring, mlp

__all__ = [
    "Amplified",
    "DroppedBranch",
    "DroppedBranchFixed",
    "FrozenBody",
    "FrozenEncoder",
    "NormOfOne",
    "Sharp",
    "SplitRows",
    "SplitRowsFixed",
    "SummedSoftmax",
    "SummedSoftmaxFixed",
    "TimeFirst",
    "dropped_and_normed",
    "flat_normed",
]


class TimeFirst(Recurring):
    """`batch_first` was forgotten: rows are taken for time."""

    def __init__(
        self, kind: type[nn.RNNBase], inputs: int, hidden: int, outputs: int, words: int = 0
    ) -> None:
        super().__init__(kind, inputs, hidden, outputs, words=words)
        self.body = kind(inputs, hidden)


class SplitRowsFixed(nn.Module):
    """All places and channels of a row side by side."""

    def __init__(self, length: int, channels: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.body = mlp(length * channels, hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, channels] to [B, outputs]."""
        return self.body(x.reshape(len(x), -1))


class SplitRows(SplitRowsFixed):
    """The axes are exchanged first, so that `reshape` cuts across rows."""

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, channels] to [B, outputs]."""
        return self.body(x.transpose(0, 1).reshape(len(x), -1))


class SummedSoftmaxFixed(nn.Module):
    """Attention over places: channels summed with weights that a softmax gives."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, 2 * channels, 3, padding=1)
        self.head = nn.Linear(2 * channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        """[B, 1, ...] to [B, classes]."""
        places = self.second(torch.relu(self.first(x))).flatten(2)
        return self.head((places.softmax(-1) * places).sum(-1))


class SummedSoftmax(SummedSoftmaxFixed):
    """What is summed are the weights themselves, and they sum to 1 on every row."""

    def forward(self, x: Tensor) -> Tensor:
        """[B, 1, ...] to [B, classes]."""
        places = self.second(torch.relu(self.first(x))).flatten(2)
        return self.head(places.softmax(-1).sum(-1))


class NormOfOne(nn.Module):
    """A layer norm over a code: of one number it is always 0."""

    def __init__(self, inputs: int, code: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(mlp(inputs, 24, code), nn.LayerNorm(code), nn.ReLU())
        self.head = mlp(code, 24, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        return self.head(self.body(x))


class DroppedBranchFixed(nn.Module):
    """A linear way and a curved one, added."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.straight = nn.Linear(inputs, outputs)
        self.curved = mlp(inputs, hidden, hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        return self.straight(x) + self.curved(x)


class DroppedBranch(DroppedBranchFixed):
    """The curved way is computed and forgotten."""

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        self.curved(x)
        return self.straight(x)


class FrozenEncoder(Attending):
    """A `no_grad` left from extracting features: only norm and head learn."""

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        with torch.no_grad():
            found = self.body(self.embed(x) + self.place)
        return self.head(self.norm(found).mean(1))


class FrozenBody(Recurring):
    """`.data` taken on the way: only the head learns."""

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        found, _ = self.body(self.embed(x))
        return self.head(found[:, -1].data)


class Sharp(nn.Module):
    """An activation with its argument enlarged: nearly a step."""

    def __init__(self, gain: float) -> None:
        super().__init__()
        self.gain = gain

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        return torch.tanh(self.gain * x)


class Amplified(nn.Module):
    """A network whose outputs count `times` as much, less what it says at first: the larger `times`, the
    less its weights need to move (Chizat, Oyallon and Bach 2019).
    """

    def __init__(self, times: float, *widths: int) -> None:
        super().__init__()
        self.body, self.start = mlp(*widths), mlp(*widths)
        self.start.load_state_dict(self.body.state_dict())
        self.start.requires_grad_(False)
        self.times = times

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        return self.times * (self.body(x) - self.start(x))


def flat_normed(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Images as rows of numbers, two layers with batch norms."""
    return nn.Sequential(nn.Flatten(), mlp(inputs, hidden, hidden, outputs, norm=True))


def dropped_and_normed(dropout: float) -> nn.Sequential:
    """Of 64 inputs 10 classes; what dropout leaves is normalised."""
    return nn.Sequential(
        nn.Linear(64, 64),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.BatchNorm1d(64),
        nn.Linear(64, 32),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.BatchNorm1d(32),
        nn.Linear(32, 10),
    )
