"""The default space of pictures: small convolutional, residual and dense networks, and what changes pictures.

A network of convolutions sees each pixel with its neighbours and the same pattern anywhere; a dense one has
to learn both. Sizes are those that a processor of a few cores trains in minutes.
"""

from collections.abc import Collection
from typing import Any

from profunda.data.inputs import Picture
from profunda.space.design import DOMAINS, PICTORIAL, Design
from profunda.space.domain import Choice, Fixed, Float, LogFloat
from profunda.space.space import Space, When

__all__ = ["STRONGEST", "picture_space"]

_ROWS = ((1_000, 60), (5_000, 30), (20_000, 16), (50_000, 10))
"""Epochs by training rows; a network sees each picture changed in another way, and so takes more of them."""
_LEAST_EPOCHS = 8
_STRENGTHS = {
    "flip": [0.0, 0.5],
    "shift": [0.0, 0.07, 0.14],
    "rotation": [0.0, 8.0, 15.0],
    "zoom": [0.0, 0.1, 0.2],
    "brightness": [0.0, 0.2],
    "contrast": [0.0, 0.3],
    "colour": [0.0, 0.2],
}


STRONGEST = {name: levels[-1] for name, levels in _STRENGTHS.items()}
"""The strongest that a search draws, of each change of pictures."""


def picture_space(
    n_rows: int,
    picture: Picture,
    *,
    numeric: bool = False,
    allowed: Collection[str] = PICTORIAL,
) -> Space:
    """The default space for N = `n_rows` training pictures.

    `numeric` says that the target is numbers; `allowed` are the changes of pictures that leave their labels
    as they are: the others stay off.
    """
    entries: dict[str, Any] = {
        **_reading(picture),
        "depth": Choice([0, 1, 2], weights=[2, 2, 1]),
        "width": When("depth", (1, 2), Choice([64, 128, 256])),
        "activation": Choice(["relu", "silu", "gelu", "leaky_relu"], weights=[4, 1, 1, 1]),
        "initialisation": Choice(["he", "torch", "orthogonal"], weights=[3, 1, 1]),
        "norm": Choice(["batch", "layer", "none"], weights=[6, 1, 1]),
        "norm_place": Fixed("before", DOMAINS["norm_place"]),
        "dropping": Choice([False, True]),
        "dropout": When("dropping", True, Float(0.05, 0.5)),
        "decaying": Choice([False, True], weights=[1, 3]),
        "l2": When("decaying", True, LogFloat(1e-4, 1e-1)),
        "mixup": Choice([0.0, 0.2], weights=[6, 1]),
        "cutmix": When("mixup", 0.0, Choice([0.0, 1.0], weights=[6, 1])),
        "cutout": Choice([0.0, 0.3], weights=[4, 1]),
        **{name: _strength(name, picture, allowed) for name in PICTORIAL},
        **_recipe(n_rows),
        "encoding": Fixed("robust", DOMAINS["encoding"]),
    }
    if numeric:
        entries["loss"] = Choice(["likelihood", "huber"], weights=[4, 1])
    else:
        entries["label_smoothing"] = Choice([0.0, 0.05, 0.1], weights=[8, 1, 1])
    return Space(entries)


def _reading(picture: Picture) -> dict[str, Any]:
    """What reads the picture; a row of pixels is no picture."""
    side = min(picture.height, picture.width)
    if side == 1:
        return {"body": Fixed("dense", DOMAINS["body"])}
    convolving = ("conv", "residual")
    stages = [depth for depth in (2, 3, 4) if side >> depth >= 2] or [1]
    return {
        "body": Choice([*convolving, "dense"], weights=[4, 2, 1]),
        "body_width": When("body", convolving, Choice([8, 16, 32], weights=[1, 3, 1])),
        "body_depth": When("body", convolving, Choice(stages)),
    }


def _strength(name: str, picture: Picture, allowed: Collection[str]) -> Choice | Fixed:
    """Off, or one of a few strengths; off where it breaks labels, or where there are no colours to shift."""
    if name not in allowed or (name == "colour" and picture.channels < 3):
        return Fixed(getattr(Design, name), DOMAINS[name])
    levels = _STRENGTHS[name]
    plain = name in ("brightness", "contrast", "colour")
    return Choice(levels, weights=[4, 1] if plain else [1] * len(levels))


def _recipe(n_rows: int) -> dict[str, Any]:
    epochs = next((epochs for rows, epochs in _ROWS if n_rows < rows), _LEAST_EPOCHS)
    return {
        "optimiser": Choice(["adam", "sgd"], weights=[5, 1]),
        "lr": LogFloat(1e-3, 2e-2),
        "schedule": Choice(["onecycle", "cosine"]),
        "batch_size": Choice([64, 128] if n_rows >= 5_000 else [32, 64]),
        "epochs": Fixed(epochs, DOMAINS["epochs"]),
        "patience": Fixed(0, DOMAINS["patience"]),
        "averaging": Choice([False, True], weights=[3, 1]),
    }
