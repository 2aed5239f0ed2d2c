"""Is a test at more pixels than training better, and is fitting the head to them better still?

    python benchmarks/train_test_resolution.py [--quick] [--json FILE] [--cells FILE] [--pictures FILE.npz]

A small ResNet is trained at 20 pixels, once on random crops of 8 to 100 % of the area and once on whole
images, and tested on whole images at 20 to 36 pixels: as it is, and with its last norm and classifier trained
on whole images of that size (Touvron et al. 2019). Crops make objects look 1/0.708 times
as large in training, so that the theory wants tests at 20/0.708 = 28 pixels after crops, and at 20 without.
All differences are paired within seeds; the network without crops is the control.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: spinning threads slow everybody down

import sys
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace

import torch
from _bench import machine, write
from _images import Pictures, Recipe, Runs, options, paired, pictures, scores, train

from profunda.networks.named.fine_tuning import last_norm, train_only
from profunda.networks.named.resnet import ResNet, ResNetSize
from profunda.theory.resolutions import apparent_size_ratio

__all__ = ["ARMS", "Settings", "compared", "main", "one"]

ARMS: dict[str, tuple[float, float] | None] = {"crops": (0.08, 1.0), "whole": None}


@dataclass(frozen=True)
class Settings:
    """What is measured: at `size` pixels in training, at `sizes` in the test."""

    size: int = 20
    sizes: tuple[int, ...] = (20, 24, 28, 36)
    wanted: int = 28
    rows: int = 2000
    test_rows: int = 2000
    epochs: int = 12
    tuning_epochs: int = 2
    seeds: int = 4
    blocks: tuple[int, ...] = (1, 1, 1)
    width: int = 16


QUICK = Settings(rows=2400, test_rows=600, epochs=3, tuning_epochs=1, seeds=2, sizes=(20, 28, 36), width=8)


def main(words: Sequence[str] | None = None) -> int:
    """Measure what is missing, print, write; 0 always, as an effect that is not there is a result too."""
    given = options(__doc__ or "", words)
    settings = QUICK if given.quick else Settings()
    print(f"Expected: about {20 if given.quick else 150} s on one calm core.", flush=True)
    torch.set_num_threads(1)
    facts = machine("numpy", "torch")
    runs = Runs(given.cells, {**asdict(settings), "seeds": "any", "pictures": given.pictures.name})
    found: dict[str, list[dict[str, float]]] = {arm: [] for arm in ARMS}
    for seed in range(settings.seeds):
        for arm in ARMS:
            values = runs.get(
                f"{arm} {seed}", lambda arm=arm, seed=seed: one(arm, seed, settings, given.pictures)
            )
            found[arm].append(values)
    results = {arm: compared(values, settings) for arm, values in found.items()}
    for arm, lines in results.items():
        ratio = apparent_size_ratio(settings.size, settings.wanted, ARMS[arm] or (1.0, 1.0))
        print(f"\n{arm}: at {settings.wanted} pixels objects look {ratio:.2f} times as large as in training")
        for name, (mean, low, high) in lines.items():
            print(f"  {name:<44} {mean:+.4f}  [{low:+.4f}, {high:+.4f}]")
    write(given.json, "train_test_resolution", facts, asdict(settings), results, {})
    return 0


def one(arm: str, seed: int, settings: Settings, file: "os.PathLike[str]") -> dict[str, float]:
    """Accuracy and log-loss of one network at every size, before and after its head was fitted to it."""
    data = pictures(file, settings.rows, settings.test_rows, seed)
    torch.manual_seed(seed)
    size = ResNetSize(settings.blocks, settings.width)
    network = ResNet(size, n_classes=10, in_channels=1, small_images=True)
    recipe = Recipe(settings.size, settings.epochs, ARMS[arm])
    train(network.train(), network.parameters(), data.x, data.y, recipe, seed)
    found = {}
    for size in settings.sizes:
        plain, tuned = network, _fitted(network, data, size, settings, seed)
        for name, net in (("plain", plain), ("tuned", tuned)):
            accuracy, loss = scores(net, data.x_test, data.y_test, size)
            found |= {f"accuracy {name} {size}": accuracy, f"log-loss {name} {size}": loss}
    return found


def _fitted(network: ResNet, data: Pictures, size: int, settings: Settings, seed: int) -> ResNet:
    """A copy whose last norm and classifier were trained on whole images of `size` pixels."""
    copy = deepcopy(network)
    parameters = train_only(copy, last_norm(copy), copy.classifier)
    recipe = replace(Recipe(size, settings.tuning_epochs, None, smoothing=0.1), decay=0.0)
    train(copy, parameters, data.x, data.y, recipe, seed)
    copy.requires_grad_(True)
    return copy


def compared(values: Sequence[dict[str, float]], settings: Settings) -> dict[str, tuple[float, float, float]]:
    """Accuracies' paired differences: each size against the training size, the fix against none."""

    def of(name: str, size: int) -> list[float]:
        return [one[f"accuracy {name} {size}"] for one in values]

    size, wanted = settings.size, settings.wanted
    lines = {
        f"plain, {other} − {size} pixels": paired(of("plain", other), of("plain", size))
        for other in settings.sizes
        if other != size
    }
    for other in settings.sizes:
        lines[f"{other} pixels, tuned − plain"] = paired(of("tuned", other), of("plain", other))
    lines[f"tuned, {wanted} − {size} pixels"] = paired(of("tuned", wanted), of("tuned", size))
    return lines


if __name__ == "__main__":
    sys.exit(main())
