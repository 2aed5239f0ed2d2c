"""Networks, and trainings without a mistake, which the blindly written cases d spoil one at a time."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from _programs.blind_data_d import (
    arms,
    beats,
    cars,
    crops,
    figures,
    frauds,
    genes,
    grains,
    loans,
    melodies,
    mixes,
    patches,
    pictures,
    reviews,
    spirals,
    stripes,
    sums,
    survey,
    topics,
    visits,
    weather,
)
from _programs.judging import accuracy, balanced, believable_logits, by, explained, foretold, sided
from _programs.losses import places
from _programs.program import Plan
from _programs.stepping import adam, adamw, rmsprop, sgd

__all__ = [
    "ARMS",
    "BEATS",
    "CARS",
    "CROPS",
    "FIGURES",
    "FRAUDS",
    "GENES",
    "GRAINS",
    "LOANS",
    "MELODIES",
    "MIXES",
    "PATCHES",
    "PICTURES",
    "REVIEWS",
    "SPIRALS",
    "STRIPES",
    "SUMS",
    "SURVEY",
    "TOPICS",
    "VISITS",
    "WEATHER",
    "Attend",
    "Bag",
    "Listen",
    "Masks",
    "Net",
    "Recall",
    "Write",
    "counted",
    "mlp",
]


def mlp(*widths: int, act: Callable[[], nn.Module] = nn.ReLU, last: nn.Module | None = None) -> nn.Sequential:
    """Linear layers with `act` between them, and `last` behind."""
    layers: list[nn.Module] = []
    for k, (a, b) in enumerate(pairwise(widths)):
        layers += [nn.Linear(a, b)] + [act()] * (k < len(widths) - 2)
    return nn.Sequential(*layers, *([] if last is None else [last]))


class Net(nn.Module):
    """The convolutional network of the tutorials: two blocks with pooling, two linear layers."""

    def __init__(self, size: int, outputs: int, a: int = 8, b: int = 16, hidden: int = 32) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, a, 3, padding=1), nn.Conv2d(a, b, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc1, self.fc2 = nn.Linear(b * (size // 4) ** 2, hidden), nn.Linear(hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, 1, size, size] to [B, outputs]."""
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class Masks(nn.Module):
    """Three convolutions that keep the picture's size."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, 1, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, 1, H, W] to logits [B, 1, H, W]."""
        return self.body(x)


class Listen(nn.Module):
    """Two convolutions along time, the greatest of each channel, and a linear layer."""

    def __init__(self, inputs: int, outputs: int, width: int = 12, hidden: int = 16) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(inputs, width, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool1d(2),
            nn.Conv1d(width, 2 * width, 5, padding=2),
            nn.ReLU(),
            nn.AdaptiveMaxPool1d(1),
            nn.Flatten(),
        )
        self.head = mlp(2 * width, hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, inputs] to [B, outputs]."""
        return self.head(self.body(x.transpose(1, 2)))


class Recall(nn.Module):
    """A recurrent network and a linear layer on its last state; words are embedded first."""

    def __init__(
        self,
        kind: type[nn.LSTM] | type[nn.GRU],
        inputs: int,
        hidden: int,
        outputs: int,
        words: int = 0,
        last: nn.Module | None = None,
        batch_first: bool = True,
    ) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, inputs) if words else nn.Identity()
        self.rnn = kind(inputs, hidden, batch_first=batch_first)
        self.head = nn.Linear(hidden, outputs)
        self.last = nn.Identity() if last is None else last

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, inputs] or [B, T] to [B, outputs]."""
        states, _ = self.rnn(self.embed(x))
        return self.last(self.head(states[:, -1]))


class Bag(nn.Module):
    """The mean of embedded words, and two linear layers."""

    def __init__(self, words: int, width: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.embed = nn.EmbeddingBag(words, width, mode="sum", padding_idx=0)
        self.head = mlp(width, hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T] to [B, outputs]."""
        return self.head(self.embed(x))


class Attend(nn.Module):
    """Torch's encoder layers over words or readings; a linear layer on the mean, or on the last."""

    def __init__(
        self,
        length: int,
        outputs: int,
        words: int = 0,
        inputs: int = 1,
        width: int = 16,
        layers: int = 1,
        last: bool = False,
        batch_first: bool = True,
    ) -> None:
        super().__init__()
        self.last = last
        self.embed = nn.Embedding(words, width) if words else nn.Linear(inputs, width)
        self.places = nn.Parameter(0.1 * torch.randn(length, width))
        layer = nn.TransformerEncoderLayer(width, 2, 2 * width, dropout=0.0, batch_first=batch_first)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T] or [B, T, inputs] to [B, outputs]."""
        states = self.encoder(self.embed(x) + self.places)
        return self.head(states[:, -1] if self.last else states.mean(1))


class Write(nn.Module):
    """A small language model: encoder layers, with a mask or without."""

    def __init__(self, length: int, words: int, width: int = 24, masked: bool = True) -> None:
        super().__init__()
        self.embed, self.places = nn.Embedding(words, width), nn.Parameter(0.1 * torch.randn(length, width))
        layer = nn.TransformerEncoderLayer(width, 2, 2 * width, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head, self.masked = nn.Linear(width, words), masked

    def forward(self, x: Tensor) -> Tensor:
        """[B, T] to logits [B, T, words]."""
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1]) if self.masked else None
        return self.head(self.encoder(self.embed(x) + self.places, mask=mask))


def counted(outputs: Tensor, targets: Tensor) -> float:
    """Share of the counts' variance that logarithms of rates explain."""
    return explained(outputs.clamp(max=20).exp(), targets)


_CE, _BCE, _MSE = nn.CrossEntropyLoss(), nn.BCEWithLogitsLoss(), nn.MSELoss()

MIXES = Plan(mixes, partial(mlp, 7, 32, 16, 1), _MSE, adam(3e-3), 30, by(explained), 32)
CARS = Plan(cars, partial(mlp, 6, 64, 1), _MSE, sgd(0.02, 0.9), 25, by(explained), 32)
LOANS = Plan(loans, partial(mlp, 7, 32, 32, 1), _BCE, adam(2e-3), 15, by(sided), 32)
FRAUDS = Plan(
    frauds,
    partial(mlp, 8, 16, 1),
    nn.BCEWithLogitsLoss(pos_weight=torch.tensor([19.0])),
    adam(2e-3),
    12,
    by(balanced),
    64,
)
CROPS = Plan(crops, partial(mlp, 7, 32, 5), _CE, adam(3e-3), 25, by(accuracy), 32)
SPIRALS = Plan(spirals, partial(mlp, 2, 32, 32, 3), _CE, adam(5e-3), 40, by(accuracy), 32)
GENES = Plan(genes, partial(mlp, 12, 64, 5), _BCE, adamw(4e-3), 25, by(sided), 32)
ARMS = Plan(arms, partial(mlp, 3, 48, 48, 2, act=nn.Tanh), _MSE, adam(4e-3), 40, by(explained), 32)
VISITS = Plan(visits, partial(mlp, 6, 24, 1), nn.PoissonNLLLoss(), adam(3e-3), 12, by(counted), 32)
SURVEY = Plan(survey, partial(mlp, 6, 48, 4), _CE, adam(4e-3), 30, by(accuracy), 32)
FIGURES = Plan(figures, partial(mlp, 64, 64, 10), _CE, sgd(0.05, 0.9), 12, by(accuracy), 32)
PICTURES = Plan(pictures, partial(Net, 8, 10), _CE, adam(2e-3), 14, by(accuracy), 32)
STRIPES = Plan(stripes, partial(Net, 12, 4), _CE, adam(2e-3), 12, by(accuracy), 32)
PATCHES = Plan(patches, Masks, _BCE, adam(5e-3), 15, by(believable_logits), 16)
GRAINS = Plan(grains, partial(Net, 12, 1), _MSE, adam(2e-3), 15, by(explained), 32)
BEATS = Plan(beats, partial(Listen, 1, 3), _CE, adam(3e-3), 15, by(accuracy), 32)
WEATHER = Plan(weather, partial(Recall, nn.GRU, 3, 20, 1), _MSE, adam(5e-3), 12, by(explained), 32)
REVIEWS = Plan(reviews, partial(Recall, nn.GRU, 16, 24, 1, words=30), _BCE, adam(5e-3), 15, by(sided), 32)
MELODIES = Plan(melodies, partial(Write, 14, 8), places, adam(4e-3), 20, foretold, 16)
TOPICS = Plan(topics, partial(Attend, 18, 4, words=60), _BCE, adam(4e-3), 20, by(sided), 32)
SUMS = Plan(sums, partial(Bag, 9, 12, 24, 1), _MSE, rmsprop(3e-3), 20, by(explained), 32)
