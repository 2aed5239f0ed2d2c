"""Pictures of clothes that come with the package, and small networks trained on few of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import profunda
from profunda.layers import Consistency

__all__ = ["accuracy", "clothes", "convolutional", "dense", "trained"]


def clothes(each: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """`each` pictures of every class to learn from, 60 to be judged by: [N, 1, 28, 28], classes [N]."""
    with np.load(Path(profunda.__file__).parent / "data" / "bundled" / "fashion.npz") as file:
        parts = [file[name] for name in ("x_train", "y_train", "x_test", "y_test")]
    x, y, x_test, y_test = (torch.from_numpy(one.astype(np.float32)) for one in parts)
    chosen = torch.cat([(y == kind).nonzero()[:each, 0] for kind in range(10)])
    images = x[chosen].reshape(-1, 1, 28, 28) / 255.0
    return images, y[chosen].long(), x_test.reshape(-1, 1, 28, 28) / 255.0, y_test.long()


def dense(inputs: int, classes: int = 10, width: int = 64) -> nn.Module:
    """One hidden layer on all pixels, each with weights of its own."""
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, classes))


def convolutional(classes: int = 10) -> nn.Module:
    """Two circular convolutions, whose weights all places share, and the mean over places."""
    return nn.Sequential(
        nn.Conv2d(1, 12, 5, padding=2, padding_mode="circular"),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 5, padding=2, padding_mode="circular"),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(24, classes),
    )


def trained(
    make: Callable[[], nn.Module],
    x: Tensor,
    y: Tensor,
    *,
    epochs: int,
    seed: int,
    rate: float = 2e-3,
    change: Callable[[Tensor], Tensor] | None = None,
    penalty: Consistency | None = None,
) -> nn.Module:
    """A network after so many epochs of Adam on batches of 50; `change` is done to every batch."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = make()
        optimiser = torch.optim.Adam(model.parameters(), rate)
        for _ in range(epochs):
            for rows in torch.randperm(len(x)).split(50):
                batch = x[rows] if change is None else change(x[rows])
                logits = model(batch)
                loss = nn.functional.cross_entropy(logits, y[rows])
                if penalty is not None:
                    loss = loss + penalty.value(model, batch, logits)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
    return model.eval()


@torch.no_grad()
def accuracy(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Share of right answers."""
    return float((model(x).argmax(1) == y).double().mean())
