"""Small networks of three named families on pictures: what was each regulariser worth?

    python benchmarks/named_vision.py [--quick] [--json FILE] [--cells FILE.jsonl] [--pictures FILE.npz]

EfficientNet, DenseNet and ResNet with everything that their papers regularise by, and without each of it in
turn; where a paper leaves something out that the others have (DenseNet: dropout only without augmentation),
with it too. All networks of a seed see the same training images, and differences are paired within seeds. A
gain is what the ingredient saves in log-loss and adds in accuracy on test images that none has seen.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: spinning threads slow everybody down

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

import torch
from _bench import machine, write
from _images import Recipe, Runs, options, paired, pictures, scores, train
from torch import nn

from profunda.networks.named.densenet import DenseNet, DenseNetSize
from profunda.networks.named.efficientnet import EfficientNet, EfficientNetSize
from profunda.networks.named.resnet import ResNet, ResNetSize

__all__ = ["FAMILIES", "Arm", "Family", "Settings", "main", "one", "worth"]

CROPS = (0.5, 1.0)
DECAY = 0.3


@dataclass(frozen=True)
class Settings:
    """What is measured."""

    rows: int = 1200
    test_rows: int = 2000
    epochs: int = 10
    seeds: int = 4


QUICK = Settings(rows=400, test_rows=600, epochs=3, seeds=2)


@dataclass(frozen=True)
class Arm:
    """A network and its recipe: how it is built, whether it sees crops, and its weight decay."""

    build: Callable[[], nn.Module]
    crops: bool = True
    decay: float = DECAY


@dataclass(frozen=True)
class Family:
    """Arms by name, and the comparisons: what is switched, the arm with it and the arm without."""

    arms: dict[str, Arm]
    switches: dict[str, tuple[str, str]]


def _efficientnet() -> Family:
    small = partial(EfficientNet, EfficientNetSize(0.25, 0.3, 28, 0.2), n_classes=10, in_channels=1)
    return _family(
        Arm(small),
        {
            "batch norm": Arm(partial(small, norm="none")),
            "stochastic depth": Arm(partial(small, stochastic_depth=0.0)),
            "dropout": Arm(partial(small, dropout=0.0)),
            "squeeze-and-excitation": Arm(partial(small, squeeze_excitation=False)),
        },
    )


def _densenet() -> Family:
    small = partial(DenseNet, DenseNetSize((4, 4), 8), n_classes=10, in_channels=1)
    dropped = partial(small, dropout=0.2)
    family = _family(Arm(small), {"batch norm": Arm(partial(small, norm="none"))})
    arms = family.arms | {
        "with dropout": Arm(dropped),
        "with dropout, without augmentation": Arm(dropped, crops=False),
    }
    switches = family.switches | {
        "dropout, with augmentation": ("with dropout", "full"),
        "dropout, without augmentation": (
            "with dropout, without augmentation",
            "without augmentation",
        ),
    }
    return Family(arms, switches)


def _resnet() -> Family:
    small = partial(ResNet, ResNetSize((1, 1, 1), 16), n_classes=10, in_channels=1)
    family = _family(Arm(small), {"batch norm": Arm(partial(small, norm="none"))})
    more = {
        "stochastic depth": Arm(partial(small, stochastic_depth=0.2)),
        "dropout": Arm(partial(small, dropout=0.2)),
    }
    arms = family.arms | {f"with {name}": arm for name, arm in more.items()}
    return Family(arms, family.switches | {name: (f"with {name}", "full") for name in more})


def _family(full: Arm, without: dict[str, Arm]) -> Family:
    """The full recipe, and the same without each ingredient, crops and weight decay among them."""
    without = {
        **without,
        "augmentation": replace(full, crops=False),
        "weight decay": replace(full, decay=0.0),
    }
    arms = {"full": full} | {f"without {name}": arm for name, arm in without.items()}
    return Family(arms, {name: ("full", f"without {name}") for name in without})


FAMILIES = {"ResNet": _resnet(), "DenseNet": _densenet(), "EfficientNet": _efficientnet()}


def main(words: Sequence[str] | None = None) -> int:
    """Measure what is missing, print, write; 0 always, as an ingredient that hurts is a result too."""
    given = options(__doc__ or "", words)
    settings = QUICK if given.quick else Settings()
    print(f"Expected: about {40 if given.quick else 280} s on one calm core.", flush=True)
    torch.set_num_threads(1)
    facts = machine("numpy", "torch")
    runs = Runs(given.cells, {**asdict(settings), "seeds": "any", "pictures": given.pictures.name})
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    for seed in range(settings.seeds):
        for family, parts in FAMILIES.items():
            for name, arm in parts.arms.items():
                measure = partial(one, arm, seed, settings, given.pictures)
                values = runs.get(f"{family}, {name}, {seed}", measure)
                found.setdefault(family, {}).setdefault(name, []).append(values)
    results = {family: worth(FAMILIES[family], arms) for family, arms in found.items()}
    for family, lines in results.items():
        accuracy = [one["accuracy"] for one in found[family]["full"]]
        print(f"\n{family}: accuracy of the full recipe {sum(accuracy) / len(accuracy):.4f}")
        for name, (score, loss) in lines.items():
            print(
                f"  {name:<32} log-loss {loss[0]:+.4f} [{loss[1]:+.4f}, {loss[2]:+.4f}]   "
                f"accuracy {score[0]:+.4f} [{score[1]:+.4f}, {score[2]:+.4f}]"
            )
    write(given.json, "named_vision", facts, asdict(settings), results, {})
    return 0


def one(arm: Arm, seed: int, settings: Settings, file: "os.PathLike[str]") -> dict[str, float]:
    """Accuracy and log-loss of one trained network on the test images."""
    data = pictures(file, settings.rows, settings.test_rows, seed)
    torch.manual_seed(seed)
    network = arm.build()
    recipe = Recipe(28, settings.epochs, CROPS if arm.crops else None, decay=arm.decay)
    train(network.train(), network.parameters(), data.x, data.y, recipe, seed)
    accuracy, loss = scores(network, data.x_test, data.y_test, 28)
    return {"accuracy": accuracy, "log-loss": loss}


def worth(
    family: Family, arms: dict[str, list[dict[str, float]]]
) -> dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]]:
    """What each switch adds in accuracy and saves in log-loss, each with its interval; above 0 it helps."""

    def of(name: str, score: str) -> list[float]:
        return [values[score] for values in arms[name]]

    return {
        name: (
            paired(of(on, "accuracy"), of(off, "accuracy")),
            paired(of(off, "log-loss"), of(on, "log-loss")),
        )
        for name, (on, off) in family.switches.items()
    }


if __name__ == "__main__":
    sys.exit(main())
