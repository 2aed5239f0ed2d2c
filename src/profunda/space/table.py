"""The default space of a table, and the way from a configuration to a Design."""

import difflib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from profunda.data.task import TaskKind
from profunda.errors import SpaceError
from profunda.space.design import DOMAINS, Design
from profunda.space.domain import Choice, Fixed, Float, LogFloat
from profunda.space.sharing import sharing
from profunda.space.space import Params, Space, When
from profunda.space.widths import constant, pyramid

__all__ = ["NAMES", "design_from", "table_space"]

NAMES = ("depth", "width", "shape", *(field.name for field in fields(Design)))
"""The names a space may use for `design_from`: either widths, or depth, width and shape."""

_SUITED: Mapping[str, str] = {"selu": "lecun", "tanh": "glorot", "sigmoid": "glorot", "softplus": "glorot"}
"""Initialisation that keeps an activation's variance: SELU by LeCun's law (Klambauer et al. 2017), saturating
ones by Glorot's (2010), everything that looks like a rectifier by He's (2015)."""

MOST_WAVES = 64
"""Numeric columns up to which periodic embeddings are searched."""

_STEPS = 24
"""Steps an epoch aims at: enough updates for a small table, few enough for a large one."""


def table_space(
    kind: TaskKind,
    n_rows: int,
    n_features: int,
    n_outputs: int = 1,
    *,
    n_numeric: int = 0,
    n_coded: int = 0,
    n_tasks: int = 0,
    skewed: bool = False,
) -> Space:
    """The default space of dense networks for a table: architecture and the whole cocktail of regularisers.

    What did well in `benchmarks/portfolio.py` is drawn more often. Continuous things stay continuous; what
    sets the shape of a network (depth, width, batch size) is coarse, because a fleet trains networks of equal
    shape together. Every regulariser has a share of exact zeros. `n_rows` counts training rows, `n_features`
    the inputs as encoded, `n_outputs` the classes or 1; `n_numeric` of the columns are numbers, `n_coded`
    have more categories than one-hot inputs serve well; `n_tasks` is how many tasks rows belong to; `skewed`
    says that a regression's target has a long tail.
    """
    small = n_rows < 1000
    depths = Choice([0, 1, 2, 3, 4], weights=[1, 4, 6, 6, 1] if not small else [2, 5, 6, 5, 1])
    widths = [16, 32, 64, 128] if small else [32, 64, 128, 256]
    # Wide first layers on many inputs cost memory and time without need.
    widths = widths[:-1] if n_features > 2000 else widths
    # The outputs behind a narrower layer would depend on each other linearly.
    widths = [width for width in widths if width >= n_outputs] or widths[-1:]
    encodings = {"robust": 2, "quantile": 2, "piecewise": 2} | ({"embedded": 1} if n_coded else {})
    entries: dict[str, Any] = {
        "depth": depths,
        "width": When("depth", (1, 2, 3, 4), Choice(widths, weights=_width_weights(widths))),
        "shape": When("depth", (2, 3, 4), Choice(["constant", "pyramid"])),
        "activation": When(
            "depth", (1, 2, 3, 4), Choice(["relu", "gelu", "silu", "tanh", "selu"], weights=[4, 2, 3, 1, 1])
        ),
        "initialisation": Choice(
            ["suited", "torch", "critical", "lsuv", "orthogonal", "he", "glorot", "lecun"],
            weights=[8, 3, 2, 2, 2, 1, 1, 1],
        ),
        **_architecture(n_numeric, [name for name in encodings if name != "piecewise"]),
        **_regularisers(kind, skewed),
        **_augmentation(n_numeric),
        **_recipe(n_rows),
        "encoding": Choice(list(encodings), weights=list(encodings.values())),
        **(sharing() if n_tasks else {}),
    }
    return Space(entries)


def _width_weights(widths: list[int]) -> list[float]:
    """Twice the width is drawn √2 times less often: it costs up to four times as much."""
    return [(widths[0] / width) ** 0.5 for width in widths]


def _architecture(n_numeric: int, whole: list[str]) -> dict[str, Any]:
    """`whole` are the encodings that leave numbers whole, for waves to embed."""
    entries: dict[str, Any] = {
        "parametrisation": Choice(["standard", "ntk"], weights=[8, 1]),
        "parametric": When("depth", (1, 2, 3, 4), Choice([False, True], weights=[4, 1])),
        "skip": When("depth", (2, 3, 4), Choice([False, True], weights=[3, 1])),
        "input_scaling": Choice([False, True]),
        "norm": When("depth", (1, 2, 3, 4), Choice(["none", "batch", "layer"])),
        "norm_place": When("norm", ("batch", "layer"), Choice(["before", "after"], weights=[3, 1])),
    }
    # Waves cost as much as a layer; on hundreds of columns they would be most of the time.
    if 0 < n_numeric <= MOST_WAVES:
        entries["numeric_embedding"] = When("encoding", whole, Choice(["none", "periodic"]))
        entries["embedding_scale"] = When("numeric_embedding", "periodic", LogFloat(0.05, 1.0))
    else:
        entries["numeric_embedding"] = Fixed(Design.numeric_embedding, DOMAINS["numeric_embedding"])
        entries["embedding_scale"] = Fixed(Design.embedding_scale, DOMAINS["embedding_scale"])
    return entries


def _regularisers(kind: TaskKind, skewed: bool) -> dict[str, Any]:
    entries: dict[str, Any] = {
        # A share of exact zeros: most published winners on tables use either no dropout or a clear rate.
        "dropping": When("depth", (1, 2, 3, 4), Choice([False, True], weights=[3, 2])),
        "dropout": When("dropping", True, Float(0.05, 0.5)),
        "input_dropping": Choice([False, True], weights=[16, 1]),
        "input_dropout": When("input_dropping", True, Float(0.02, 0.2)),
        "sparse": Choice([False, True], weights=[4, 1]),
        "l1": When("sparse", True, LogFloat(1e-4, 0.3)),
        "decaying": Choice([False, True], weights=[1, 3]),
        "l2": When("decaying", True, LogFloat(1e-5, 1.0)),
        "decoupled": Fixed(True, DOMAINS["decoupled"]),
        "l1_update": Fixed(Design.l1_update, DOMAINS["l1_update"]),
        "dropout_kind": When(
            "dropping", True, Choice(["bernoulli", "gaussian", "dropconnect"], weights=[6, 2, 1])
        ),
        "group_lasso": Choice([0.0, 0.03, 0.1, 0.2, 0.3], weights=[10, 1, 1, 1, 1]),
        "max_norm": Choice([0.0, 1.0, 3.0], weights=[16, 1, 1]),
        # Weights of classes move probabilities away from frequencies, which the log-loss punishes.
        "class_balance": Fixed(Design.class_balance, DOMAINS["class_balance"]),
    }
    if kind in ("regression", "multioutput"):
        entries["loss"] = Choice(["likelihood", "huber"], weights=[1, 1] if skewed else [4, 1])
    else:
        entries["label_smoothing"] = Choice([0.0, 0.05, 0.1], weights=[20, 1, 1])
    return entries


def _augmentation(n_numeric: int) -> dict[str, Any]:
    noise = Choice([0.0, 0.03, 0.1, 0.3], weights=[20, 1, 1, 1])
    return {
        "noise": noise if n_numeric else Fixed(Design.noise, DOMAINS["noise"]),
        "mixup": Choice([0.0, 0.1, 0.4], weights=[20, 1, 1]),
        # Only the torch engine knows these. Three draws in a hundred with them took nine tenths of the time.
        "cutmix": When("mixup", 0.0, Fixed(Design.cutmix, DOMAINS["cutmix"])),
        **{
            name: Fixed(getattr(Design, name), DOMAINS[name])
            for name in ("cutout", "adversarial", "lookahead", "snapshots")
        },
    }


def _recipe(n_rows: int) -> dict[str, Any]:
    epochs = _epochs(n_rows)
    return {
        "optimiser": Choice(["adam", "sgd", "rmsprop"], weights=[20, 1, 2]),
        "momentum": Fixed(Design.momentum, DOMAINS["momentum"]),
        "beta2": When("optimiser", "adam", Choice([0.999, 0.95], weights=[2, 1])),
        "lr": LogFloat(2e-3, 5e-2),
        "bias_lr": Choice([1.0, 0.1], weights=[5, 1]),
        "clip": Choice([0.0, 1.0], weights=[5, 1]),
        "schedule": Choice(["constant", "cosine", "onecycle", "coslog", "restarts"], weights=[1, 4, 4, 2, 1]),
        "batch_size": Choice(_batch_sizes(n_rows)),
        "epochs": Fixed(epochs, DOMAINS["epochs"]),
        # The best epoch's weights count in any case. Who goes on to the end of its schedule overfits more and
        # differs more from others: an ensemble gains from both.
        "patience": Choice([max(8, epochs // 4), 0], weights=[1, 3]),
        "averaging": Choice([False, True], weights=[3, 1]),
    }


def _batch_sizes(n_rows: int) -> list[int]:
    """Two neighbouring powers of two that give about 24 and 12 steps an epoch, within 16 … 512."""
    size = 16
    while size < 256 and n_rows / (2 * size) >= _STEPS:
        size *= 2
    return [size, 2 * size]


def _epochs(n_rows: int) -> int:
    """Epochs that make 1,000 to 2,500 steps on small tables and a few passes over large ones."""
    for rows, epochs in ((1_000, 80), (5_000, 60), (20_000, 40), (100_000, 25)):
        if n_rows < rows:
            return epochs
    return 12


_SWITCHES = ("dropping", "input_dropping", "sparse", "decaying")


def design_from(params: Params) -> Design:
    """The Design of a configuration drawn from `table_space`, or from a user's space of the names in `NAMES`.

    depth, width and shape ("constant" or "pyramid") become widths; "suited" becomes the initialisation that
    suits the activation; what is absent is off or has the Design's default. Raises SpaceError for other
    names.
    """
    for name in params:
        if name not in NAMES and name not in _SWITCHES:
            near = difflib.get_close_matches(name, NAMES, n=2)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            raise SpaceError(f"a network has no hyperparameter {name!r}.{hint} It has: {', '.join(NAMES)}.")
    recipe = {name: value for name, value in params.items() if name in DOMAINS}
    if params.get("initialisation") == "suited":
        recipe["initialisation"] = _SUITED.get(params.get("activation", Design.activation), "he")
    return Design(widths=_widths(params), **recipe)


def _widths(params: Params) -> tuple[int, ...]:
    stated = [name for name in ("depth", "width", "shape") if name in params]
    if "widths" in params:
        if stated:
            raise SpaceError(
                f"widths and {', '.join(stated)} both say how large the network is. Keep one of them."
            )
        return params["widths"]
    if not stated:
        return Design.widths
    depth, width = params.get("depth", len(Design.widths)), params.get("width", Design.widths[0])
    shape = params.get("shape", "constant")
    if shape not in ("constant", "pyramid"):
        raise SpaceError(f"shape = {shape!r} is unknown: it is constant or pyramid.")
    return constant(width, depth) if shape == "constant" else pyramid(width, depth)
