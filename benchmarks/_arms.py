"""The arms of `cocktail.py`: the default space of tables, and what one regulariser alone leaves of it."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from profunda.data.dataset import Dataset
from profunda.data.splits import Splits
from profunda.job.spaces import default_space
from profunda.space.design import DOMAINS
from profunda.space.domain import Choice, Domain, Fixed, Float, LogFloat
from profunda.space.guidance import advise
from profunda.space.space import Space, When
from profunda.space.table import NAMES

__all__ = ["ALONE", "ARMS", "REGULARISERS", "Arm", "arm_space", "without_regularisers"]

Arm = Literal[
    "full",
    "dropout-only",
    "l2-only",
    "l1-only",
    "elastic-net-only",
    "norm-only",
    "early-stopping-only",
    "plain",
]
ARMS: tuple[Arm, ...] = get_args(Arm)

REGULARISERS = (
    *("norm", "norm_place", "dropout", "input_dropout", "dropout_kind"),
    *("l1", "l1_update", "l2", "decoupled", "group_lasso", "max_norm"),
    *("noise", "mixup", "cutmix", "cutout", "adversarial", "label_smoothing"),
    *("averaging", "lookahead", "patience"),
)
"""What keeps a network from overfitting: off, as a Design's defaults have it, wherever an arm lacks it."""

RECIPE = (
    *("loss", "optimiser", "momentum", "beta2", "lr", "clip", "schedule"),
    *("batch_size", "epochs", "encoding"),
)
"""How a network is trained, whatever regularises it: every arm searches it where the default space does."""

ALONE: Mapping[Arm, Mapping[str, Domain]] = {
    "dropout-only": {"dropout": Float(0.05, 0.6), "input_dropout": Float(0.0, 0.2)},
    "l2-only": {"l2": LogFloat(1e-5, 1.0)},
    "l1-only": {"l1": LogFloat(1e-4, 0.3)},
    "elastic-net-only": {"l1": LogFloat(1e-4, 0.3), "l2": LogFloat(1e-5, 1.0)},
    "norm-only": {"norm": Choice("batch", "layer"), "norm_place": Choice("before", "after")},
    "early-stopping-only": {},
    "plain": {},
}
"""What each other arm searches beside the recipe; early stopping takes the default space's patience."""


def arm_space(arm: Arm, dataset: Dataset, splits: Splits) -> Space | None:
    """What an arm searches; None for `full`, which is `fit` as it comes.

    The textbook's network (`guidance`'s first: a pyramid of three ReLU layers), the default space's recipe,
    and one regulariser. Without early stopping every network trains all of its epochs.
    """
    if arm == "full":
        return None
    whole, task = default_space(dataset, splits), dataset.task
    widths = advise(task.kind, len(splits.folds[0].train), dataset.n_features, task.n_outputs).first.widths
    kept: dict[str, Any] = {name: whole.domains[name] for name in RECIPE if name in whole.domains}
    kept["patience"] = Fixed(0, DOMAINS["patience"])
    if arm == "early-stopping-only":
        kept["patience"] = Fixed(max(whole.domains["patience"].levels(None)), DOMAINS["patience"])
    return Space({"widths": Choice([widths]), **kept, **ALONE[arm]})


def without_regularisers(whole: Space) -> Space:
    """The default space without any regulariser: networks and recipe are searched as in `full`.

    A switch that is no field of a Design, and governs only what is left out, is left out too.
    """
    entries = {name: entry for name, entry in whole.entries if name not in REGULARISERS}
    governed: dict[str, list[str]] = {}
    for name, entry in whole.entries:
        if isinstance(entry, When):
            governed.setdefault(entry.parent, []).append(name)
    for name, children in governed.items():
        if name not in NAMES and not any(child in entries for child in children):
            entries.pop(name, None)
    kept = {
        name: entry.domain if isinstance(entry, When) and entry.parent not in entries else entry
        for name, entry in entries.items()
    }
    return Space({**kept, "patience": Fixed(0, DOMAINS["patience"])})
