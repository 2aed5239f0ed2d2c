"""One loop for networks of images, and a file of finished runs: what the benchmarks on images share.

`train` reads top to bottom: AdamW, one cycle of the learning rate, mini-batches in an order of their own.
"""

import argparse
import json
import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn
from torch.nn import functional

from profunda.data.bundled import path as bundled
from profunda.layers.crops import RandomResizedCrop, resized_crops
from profunda.layers.schedules import onecycle

__all__ = [
    "Given",
    "Pictures",
    "Recipe",
    "Runs",
    "options",
    "paired",
    "pictures",
    "resized",
    "scores",
    "train",
]


@dataclass(frozen=True)
class Given:
    """What the command line said."""

    quick: bool
    json: Path | None
    cells: Path | None
    pictures: Path


def options(description: str, words: Sequence[str] | None = None) -> Given:
    """Read ``--quick``, ``--json FILE``, ``--cells FILE.jsonl`` and ``--pictures FILE.npz``."""
    reader = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    reader.add_argument("--quick", action="store_true", help="fewer images, epochs and seeds: a minute")
    reader.add_argument(
        "--json", type=Path, metavar="FILE", help="overwrite FILE with the results at the end"
    )
    reader.add_argument(
        "--cells",
        type=Path,
        metavar="FILE.jsonl",
        help="append finished runs; skip those there",
    )
    reader.add_argument(
        "--pictures",
        type=Path,
        metavar="FILE.npz",
        default=bundled("fashion"),
        help="x_train, y_train, x_test, y_test; the 3,000 bundled pictures of clothes if left out",
    )
    given = reader.parse_args(words)
    if not given.pictures.is_file():
        reader.error(f"there is no file {given.pictures}")
    return Given(given.quick, given.json, given.cells, given.pictures)


@dataclass(frozen=True)
class Pictures:
    """Images [N, 1, H, W] of mean 0 and deviation 1 with classes [N], to train on and to be judged by."""

    x: Tensor
    y: Tensor
    x_test: Tensor
    y_test: Tensor


def pictures(file: Path, rows: int, test_rows: int, seed: int) -> Pictures:
    """`rows` images of the .npz `file`, other ones for each seed, and the same `test_rows` for all."""
    with np.load(file) as given:
        x, y, x_test, y_test = (given[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    keep = np.random.default_rng(seed).permutation(len(x))[:rows]
    x, y, x_test, y_test = x[keep], y[keep], x_test[:test_rows], y_test[:test_rows]
    mean, deviation = x.mean(), x.std()

    def images(raw: np.ndarray) -> Tensor:
        return torch.from_numpy(((raw - mean) / deviation).astype(np.float32))[:, None]

    def classes(raw: np.ndarray) -> Tensor:
        return torch.from_numpy(raw.astype(np.int64))

    return Pictures(images(x), classes(y), images(x_test), classes(y_test))


@dataclass(frozen=True)
class Recipe:
    """How to train: at `size` pixels, by random crops of `scale` of the area, or whole where it is None."""

    size: int
    epochs: int
    scale: tuple[float, float] | None = None
    rate: float = 3e-3
    decay: float = 0.3
    smoothing: float = 0.0
    batch: int = 64


def train(
    network: nn.Module, parameters: Iterable[nn.Parameter], x: Tensor, y: Tensor, recipe: Recipe, seed: int
) -> None:
    """Minimise the log-loss over `parameters`, in the modes that the caller has set."""
    network.to(memory_format=torch.channels_last)  # depthwise convolutions are twice as fast so
    random = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(parameters, recipe.rate, weight_decay=recipe.decay)
    steps, done = recipe.epochs * math.ceil(len(x) / recipe.batch), 0
    crop = None if recipe.scale is None else RandomResizedCrop(recipe.size, recipe.scale)
    for _ in range(recipe.epochs):
        for rows in torch.randperm(len(x), generator=random).split(recipe.batch):
            shown = resized(x[rows], recipe.size) if crop is None else crop(x[rows], random)
            loss = functional.cross_entropy(network(shown), y[rows], label_smoothing=recipe.smoothing)
            optimiser.zero_grad()
            loss.backward()
            optimiser.param_groups[0]["lr"] = recipe.rate * float(onecycle(done / steps))
            optimiser.step()
            done += 1


def resized(x: Tensor, size: int) -> Tensor:
    """Whole images [B, C, H, W] at `size` × `size` pixels, bilinear."""
    height, width = x.shape[2:]
    if (height, width) == (size, size):
        return x
    return resized_crops(x, torch.tensor([[0.0, 0.0, height, width]]).expand(len(x), 4), size)


@torch.no_grad()
def scores(network: nn.Module, x: Tensor, y: Tensor, size: int) -> tuple[float, float]:
    """Accuracy and log-loss in evaluation, of whole images at `size` pixels."""
    network.eval()
    logits = torch.cat([network(resized(part, size)) for part in x.split(500)])
    return (logits.argmax(1) == y).float().mean().item(), functional.cross_entropy(logits, y).item()


def paired(first: Sequence[float], second: Sequence[float]) -> tuple[float, float, float]:
    """Mean of first − second over the seeds, with its 95 % interval by Student's t."""
    gains = [a - b for a, b in zip(first, second, strict=True)]
    mean, error = statistics.mean(gains), statistics.stdev(gains) / math.sqrt(len(gains))
    half = float(stats.t.ppf(0.975, len(gains) - 1)) * error
    return mean, mean - half, mean + half


class Runs:
    """Finished runs by name, in a JSONL file where one is given: an interrupted benchmark goes on."""

    def __init__(self, path: Path | None, settings: Mapping[str, object]) -> None:
        self.path, self.settings = path, json.loads(json.dumps(settings))
        self.found: dict[str, dict[str, float]] = {}
        if path is not None and path.exists():
            for line in path.read_text().splitlines():
                self._take(line)

    def _take(self, line: str) -> None:
        try:
            record = json.loads(line)
        except json.JSONDecodeError:  # the line that an interrupted run was writing
            return
        if record["settings"] == self.settings:
            self.found[record["name"]] = record["values"]

    def get(self, name: str, measure: Callable[[], dict[str, float]]) -> dict[str, float]:
        """The values of the run `name`, measured and kept at once where they are not there yet."""
        if name not in self.found:
            self.found[name] = measure()
            if self.path is not None:
                torn = self.path.exists() and not self.path.read_text().endswith("\n")
                record = {"settings": self.settings, "name": name, "values": self.found[name]}
                with self.path.open("a") as file:
                    file.write("\n" * torn + json.dumps(record) + "\n")
            print(name, {key: round(value, 4) for key, value in self.found[name].items()}, flush=True)
        return self.found[name]
