"""The worked example of the text: its data, network and lists, and training with steps in either place."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

__all__ = ["LISTS", "Draw", "Rows", "accuracy", "draws", "printed_rows", "train"]

LISTS = {
    "hidden_size": (32, 64, 128),
    "learning_rate": (1e-4, 5e-4, 1e-3),
    "dropout_rate": (0.1, 0.3, 0.5),
    "batch_size": (16, 32, 64),
    "num_epochs": (5, 10, 15),
}


@dataclass(frozen=True)
class Draw:
    """One combination of the lists."""

    hidden_size: int
    learning_rate: float
    dropout_rate: float
    batch_size: int
    num_epochs: int


@dataclass(frozen=True)
class Rows:
    """Inputs [N, 20] and classes [N]."""

    inputs: torch.Tensor
    classes: torch.Tensor


def draws(count: int, seed: int) -> list[Draw]:
    """So many combinations, each value drawn from its list, as the text's loop does."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        hidden, rate, dropout, batch, epochs = (values[random.integers(3)] for values in LISTS.values())
        made.append(Draw(int(hidden), rate, dropout, int(batch), int(epochs)))
    return made


def printed_rows() -> tuple[Rows, Rows]:
    """The 800 and 200 rows of the text, scaled as printed: all rows before the split."""
    from sklearn.datasets import make_classification
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    x, y = make_classification(n_samples=1000, n_features=20, n_classes=2, random_state=42)
    x = StandardScaler().fit_transform(x)
    x, x_valid, y, y_valid = train_test_split(x, y, test_size=0.2, random_state=42)
    return _rows(x, y), _rows(x_valid, y_valid)


def _rows(x: np.ndarray, y: np.ndarray) -> Rows:
    return Rows(torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.long))


def train(draw: Draw, rows: Rows, seed: int, *, each_batch: bool) -> nn.Module:
    """The text's network after training with Adam and cross-entropy.

    With `each_batch` one step is made for every mini-batch. Without, as the first listing is printed, the
    step stands after the loop over mini-batches: the gradients of all but the last were set to zero, so that
    one step an epoch is made, from the last mini-batch alone.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        hidden = nn.Linear(rows.inputs.shape[1], draw.hidden_size)
        model = nn.Sequential(
            hidden, nn.ReLU(), nn.Dropout(draw.dropout_rate), nn.Linear(draw.hidden_size, 2)
        )
        optimiser = torch.optim.Adam(model.parameters(), lr=draw.learning_rate, fused=True)
        batches = torch.arange(len(rows.inputs)).split(draw.batch_size)
        for _ in range(draw.num_epochs):
            for batch in batches if each_batch else batches[-1:]:
                optimiser.zero_grad()
                loss = nn.functional.cross_entropy(model(rows.inputs[batch]), rows.classes[batch])
                loss.backward()
                optimiser.step()
    return model.eval()


@torch.no_grad()
def accuracy(model: nn.Module, rows: Rows) -> float:
    """Share of rows whose class is guessed."""
    return (model(rows.inputs).argmax(1) == rows.classes).double().mean().item()
