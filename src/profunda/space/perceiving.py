"""Networks for pictures and texts that every search of such a space tries first.

Small networks with the recipes of their kind: batch norm and a rate that rises and falls for convolutions
(Smith and Topin 2018, "Super-convergence"), words dropped and few epochs for texts.
"""

from collections.abc import Mapping
from typing import Any

__all__ = ["PERCEIVING"]

_PICTURE: Mapping[str, Any] = {
    "depth": 0,
    "norm": "batch",
    "lr": 0.01,
    "schedule": "onecycle",
    "decaying": True,
    "l2": 1e-2,
    "shift": 0.07,
    "rotation": 8.0,
    "zoom": 0.1,
}
_TEXT: Mapping[str, Any] = {
    "depth": 0,
    "schedule": "onecycle",
    "dropping": True,
    "input_dropping": True,
    "decaying": True,
}

PERCEIVING: tuple[Mapping[str, Any], ...] = (
    {**_PICTURE, "body": "conv", "body_width": 16, "body_depth": 3, "dropping": True, "dropout": 0.2},
    {
        **_TEXT,
        "body": "bag",
        "body_width": 64,
        "body_depth": 2,
        "lr": 0.005,
        "dropout": 0.3,
        "input_dropout": 0.3,
        "l2": 0.05,
    },
    {**_PICTURE, "body": "residual", "body_width": 16, "body_depth": 3, "flip": 0.5},
    {
        **_TEXT,
        "body": "lstm",
        "body_width": 64,
        "body_depth": 1,
        "lr": 0.003,
        "dropout": 0.4,
        "input_dropout": 0.3,
        "l2": 0.05,
    },
    {**_PICTURE, "body": "conv", "body_width": 32, "body_depth": 3, "dropping": True, "dropout": 0.3},
    {
        **_TEXT,
        "body": "attention",
        "body_width": 64,
        "body_depth": 1,
        "lr": 0.002,
        "dropout": 0.3,
        "input_dropout": 0.3,
        "l2": 0.05,
    },
    {
        **_PICTURE,
        "body": "dense",
        "depth": 2,
        "width": 256,
        "lr": 0.003,
        "batch_size": 128,
        "dropping": True,
        "dropout": 0.2,
    },
    {
        **_TEXT,
        "body": "bag",
        "body_width": 128,
        "body_depth": 3,
        "lr": 0.005,
        "dropout": 0.5,
        "input_dropout": 0.4,
        "l2": 0.2,
    },
    {**_PICTURE, "body": "residual", "body_width": 32, "body_depth": 3, "cutout": 0.3},
)
"""What is not named is as in a plain Design. Of a space only the networks whose body it has are tried."""
