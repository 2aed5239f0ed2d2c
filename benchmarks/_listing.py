"""The worked random-search listing: data, space, and its network as printed and as a fleet.

Changed from the print, for every side alike: the scaler is fitted on the training rows alone, rows are
shuffled in every epoch, and the optimiser steps once per mini-batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

from profunda.fleet.member import Member
from profunda.fleet.plan import plan
from profunda.fleet.source import FleetData
from profunda.fleet.state import MemberState
from profunda.space.design import Design
from profunda.space.space import Space
from profunda.training.packs import run_packs

__all__ = [
    "Draw",
    "Score",
    "Table",
    "draws",
    "every_nth",
    "scores_of",
    "table",
    "train_fleet",
    "train_textbook",
]

SPACE = Space(
    {
        "hidden_size": [32, 64, 128],
        "learning_rate": [1e-4, 5e-4, 1e-3],
        "dropout_rate": [0.1, 0.3, 0.5],
        "batch_size": [16, 32, 64],
        "num_epochs": [5, 10, 15],
    }
)
TRAIN_ROWS = 800


@dataclass(frozen=True)
class Draw:
    """One configuration of the listing's space."""

    hidden_size: int
    learning_rate: float
    dropout_rate: float
    batch_size: int
    num_epochs: int

    @property
    def steps(self) -> int:
        """Optimiser steps of its training, the smaller last batch of an epoch included."""
        return self.num_epochs * -(-TRAIN_ROWS // self.batch_size)


@dataclass(frozen=True)
class Score:
    """On the validation rows, after the last epoch: accuracy and log-loss."""

    accuracy: float
    loss: float


@dataclass(frozen=True, eq=False)
class Table:
    """Scaled inputs [1000, 20] and classes [1000]; the first 800 rows train, the others validate."""

    x: np.ndarray
    y: np.ndarray

    @property
    def train(self) -> np.ndarray:
        """Numbers of the training rows."""
        return np.arange(TRAIN_ROWS)

    @property
    def valid(self) -> np.ndarray:
        """Numbers of the validation rows."""
        return np.arange(TRAIN_ROWS, len(self.y))


@lru_cache(maxsize=1)
def table() -> Table:
    """The listing's data set, 80/20; the scaler knows the training rows only."""
    x, y = make_classification(n_samples=1000, n_features=20, n_classes=2, random_state=42)
    x_train, x_valid, y_train, y_valid = train_test_split(x, y, test_size=0.2, random_state=42)
    scaler = StandardScaler().fit(x_train)
    scaled = np.concatenate([scaler.transform(x_train), scaler.transform(x_valid)])
    return Table(scaled.astype(np.float32), np.concatenate([y_train, y_valid]))


def draws(count: int, seed: int) -> list[Draw]:
    """`count` random configurations, with repetition."""
    u = np.random.default_rng(seed).random((count, 5))
    return [Draw(**params) for params in SPACE.sample(u)]


def every_nth(drawn: Sequence[Draw], count: int) -> list[int]:
    """Indices of `count` of the draws that together are as much work as all are, per draw.

    Evenly spaced in the order of steps, hidden units going up and down in turn within equal steps. The mean
    number of steps of 40 draws chosen blindly is some 10 % off, and with it every ratio.
    """
    turns = {steps: (-1) ** turn for turn, steps in enumerate(sorted({draw.steps for draw in drawn}))}
    order = sorted(
        range(len(drawn)),
        key=lambda i: (drawn[i].steps, turns[drawn[i].steps] * drawn[i].hidden_size, i),
    )
    return [order[(2 * k + 1) * len(drawn) // (2 * count)] for k in range(count)]


class SimpleNN(nn.Module):
    """The listing's network: one hidden layer of ReLUs with dropout, two outputs."""

    def __init__(self, input_size: int, hidden_size: int, dropout_rate: float) -> None:
        super().__init__()
        self.fc1 = nn.Linear(input_size, hidden_size)
        self.dropout = nn.Dropout(dropout_rate)
        self.fc2 = nn.Linear(hidden_size, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc2(self.dropout(torch.relu(self.fc1(x))))


@lru_cache(maxsize=1)
def _tensors() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    data = table()
    x, y = torch.from_numpy(data.x), torch.from_numpy(data.y)
    return x[:TRAIN_ROWS], y[:TRAIN_ROWS], x[TRAIN_ROWS:], y[TRAIN_ROWS:]


def train_textbook(draw: Draw, seed: int, *, fused: bool) -> Score:
    """One network, one step per mini-batch, in plain PyTorch; Adam in its default or its fused form."""
    x, y, x_valid, y_valid = _tensors()
    torch.manual_seed(seed)  # initial weights, order of rows and dropout
    model = SimpleNN(x.shape[1], draw.hidden_size, draw.dropout_rate)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=draw.learning_rate, fused=True if fused else None)
    model.train()
    for _ in range(draw.num_epochs):
        for rows in torch.randperm(len(x)).split(draw.batch_size):
            optimizer.zero_grad()
            loss = criterion(model(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        return _score(model(x_valid), y_valid)


def _score(logits: torch.Tensor, y: torch.Tensor) -> Score:
    accuracy = (logits.argmax(1) == y).float().mean().item()
    return Score(accuracy, nn.functional.cross_entropy(logits, y).item())


@lru_cache(maxsize=1)
def _fleet_data() -> FleetData:
    data = table()
    return FleetData.from_arrays(data.x, data.y, folds=[(data.train, data.valid)], classes=True)


def design_of(draw: Draw, rate: float = 1.0) -> Design:
    """The draw as a Design; `rate` multiplies its learning rate (1 but in the negative control)."""
    return Design(
        widths=(draw.hidden_size,),
        activation="relu",
        initialisation="torch",
        dropout=draw.dropout_rate,
        optimiser="adam",
        lr=draw.learning_rate * rate,
        batch_size=draw.batch_size,
        epochs=draw.num_epochs,
    )


def train_fleet(
    drawn: Sequence[Draw], first_replicate: int, *, engine: str, workers: int, rate: float = 1.0
) -> tuple[list[Score], int]:
    """Every draw as a member of its own in one fleet: scores after the last epoch, and steps in all.

    The engine validates after every epoch and keeps the best weights as well; the textbook scores only the
    last.
    """
    designs = {draw: design_of(draw, rate) for draw in set(drawn)}  # of 243 that there are
    members = [Member(designs[draw], 0, first_replicate + i) for i, draw in enumerate(drawn)]
    data = _fleet_data()
    made = plan(members, data, engine=engine)
    ended: list[MemberState | None] = [None] * len(members)
    until = [member.design.epochs for member in members]
    for number, result, _ in run_packs(made, data, until=until, states=ended[:], workers=workers):
        for place, state in zip(made.packs[number].members, result.states, strict=True):
            ended[place] = state
    states = [state for state in ended if state is not None]
    return scores_of(drawn, [state.params for state in states]), sum(state.step for state in states)


def scores_of(drawn: Sequence[Draw], params: Sequence[np.ndarray]) -> list[Score]:
    """Scores of trained draws from their flat parameters [P], networks of equal width in one call.

    One call for each would cost a tenth of what the native engine needs to train it.
    """
    found: dict[int, Score] = {}
    for width in sorted({draw.hidden_size for draw in drawn}):
        places = [i for i, draw in enumerate(drawn) if draw.hidden_size == width]
        for at in range(0, len(places), _SCORED_AT_ONCE):
            part = places[at : at + _SCORED_AT_ONCE]
            logits = _stacked_logits(torch.from_numpy(np.stack([params[i] for i in part])), width)
            found.update(zip(part, _scores(logits), strict=True))
    return [found[i] for i in range(len(drawn))]


_SCORED_AT_ONCE = 32
"""Networks a call: enough that calls cost little, few enough that their activations stay in the cache."""


def _stacked_logits(flat: torch.Tensor, width: int) -> torch.Tensor:
    """[M, 2, N] on the validation rows of networks [M, P] laid out as in `networks.layout`.

    Transposed, because a product with two columns runs at a sixth of the speed of one with two rows.
    """
    _, _, x, _ = _tensors()
    features = x.shape[1]
    kernel, bias, last, last_bias = flat.split([features * width, width, 2 * width, 2], dim=1)
    members = len(flat)
    hidden = torch.baddbmm(
        bias.unsqueeze(1), x.expand(members, -1, -1), kernel.view(members, features, width)
    ).relu_()
    outward = last.view(members, width, 2).transpose(1, 2).contiguous()
    return torch.baddbmm(last_bias.unsqueeze(2), outward, hidden.transpose(1, 2))


def _scores(logits: torch.Tensor) -> list[Score]:
    y = _tensors()[3].expand(len(logits), -1)
    accuracy = ((logits[:, 1] > logits[:, 0]) == (y == 1)).float().mean(1)
    loss = nn.functional.cross_entropy(logits, y, reduction="none").mean(1)
    return [Score(*pair) for pair in zip(accuracy.tolist(), loss.tolist(), strict=True)]
