"""What a recipe is made of, as data: for each ingredient, the designs without it.

A new field of Design is one line in `INGREDIENTS`.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any, Literal

from profunda.space.design import MAX_DEPTH, WIDTH, Design

__all__ = ["INGREDIENTS", "Ingredient", "described", "variants"]

Swap = Callable[[Design], tuple[Design, ...]]


@dataclass(frozen=True)
class Ingredient:
    """One part of a recipe, and what stands in its place without it.

    `swap` gives the designs without it; of several (the same change at other learning rates) the one that
    is best on the rows that stop training counts. `hidden`: it acts on hidden layers alone; `of`: on a target
    of classes, or of numbers, or where rows belong to tasks, alone. `last`: without it the last epoch's
    weights are judged, not the best one's.
    """

    name: str
    title: str
    swap: Swap
    hidden: bool = False
    of: Literal["classes", "numbers", "tasks", ""] = ""
    last: bool = False


def _with(design: Design, changes: dict[str, Any]) -> Design:
    return replace(design, **changes)


def _put(name: str, value: object, *lr_factors: float) -> Swap:
    """One field at another value; with `lr_factors`, once at each multiple of the learning rate."""
    return lambda design: tuple(
        _with(design, {name: value, "lr": design.lr * factor}) for factor in lr_factors or (1.0,)
    )


def _other(name: str, plain: object, else_: object) -> Swap:
    """One field at the `plain` value, or where it already is there at another one."""
    return lambda design: (_with(design, {name: else_ if getattr(design, name) == plain else plain}),)


def _optimiser(design: Design) -> tuple[Design, ...]:
    # A learning rate of Adam is a step's length, one of SGD multiplies a gradient: neither serves the other.
    if design.optimiser == "sgd":
        return _put("optimiser", "adam", 0.02, 0.1, 0.5)(design)
    return _put("optimiser", "sgd", 3.0, 10.0, 30.0)(design)


def _batch(factor: float) -> Swap:
    return lambda design: (replace(design, batch_size=max(1, round(design.batch_size * factor))),)


def _deeper(design: Design) -> tuple[Design, ...]:
    widths = design.widths
    fits = 0 < design.depth < MAX_DEPTH
    return (replace(design, widths=(*widths, widths[-1])),) if fits else (design,)


def _shallower(design: Design) -> tuple[Design, ...]:
    return (replace(design, widths=design.widths[:-1]),) if design.widths else (design,)


def _smaller_body(design: Design) -> tuple[Design, ...]:
    return (replace(design, body_width=max(1, design.body_width // 2)),)


def _shallower_body(design: Design) -> tuple[Design, ...]:
    return (replace(design, body_depth=max(1, design.body_depth - 1)),)


def _headless(design: Design) -> tuple[Design, ...]:
    return _put("sharing", "input")(design) if design.sharing == "heads" else (design,)


def _wider(factor: float) -> Swap:
    def swap(design: Design) -> tuple[Design, ...]:
        widths = tuple(max(1, round(width * factor)) for width in design.widths)
        return (replace(design, widths=widths),) if all(map(WIDTH.contains, widths)) else (design,)

    return swap


INGREDIENTS = (
    Ingredient("dropout", "Dropout", _put("dropout", 0.0), hidden=True),
    Ingredient("input_dropout", "Dropout of inputs", _put("input_dropout", 0.0)),
    Ingredient("dropout_kind", "Kind of dropout", _put("dropout_kind", "bernoulli"), hidden=True),
    Ingredient("l1", "L1", _put("l1", 0.0)),
    Ingredient("l2", "L2", _put("l2", 0.0)),
    Ingredient("decoupled", "Decoupled decay", _put("decoupled", False)),
    Ingredient("l1_update", "Update of L1", _put("l1_update", "proximal")),
    Ingredient("group_lasso", "Group lasso", _put("group_lasso", 0.0)),
    Ingredient("max_norm", "Max-norm", _put("max_norm", 0.0), hidden=True),
    Ingredient("noise", "Noise on inputs", _put("noise", 0.0)),
    Ingredient("mixup", "Mixup", _put("mixup", 0.0)),
    Ingredient("cutmix", "Cutmix", _put("cutmix", 0.0)),
    Ingredient("cutout", "Cutout", _put("cutout", 0.0)),
    Ingredient("flip", "Mirrored pictures", _put("flip", 0.0)),
    Ingredient("shift", "Shifted pictures", _put("shift", 0.0)),
    Ingredient("rotation", "Turned pictures", _put("rotation", 0.0)),
    Ingredient("zoom", "Zoomed pictures", _put("zoom", 0.0)),
    Ingredient("brightness", "Brightness of pictures", _put("brightness", 0.0)),
    Ingredient("contrast", "Contrast of pictures", _put("contrast", 0.0)),
    Ingredient("colour", "Colours of pictures", _put("colour", 0.0)),
    Ingredient("adversarial", "Adversarial rows", _put("adversarial", 0.0)),
    Ingredient("class_balance", "Balance of classes", _put("class_balance", 0.0), of="classes"),
    Ingredient("norm", "Normalisation", _put("norm", "none", 1.0, 0.3), hidden=True),
    Ingredient("norm_place", "Place of the norm", _other("norm_place", "before", "after"), hidden=True),
    Ingredient("label_smoothing", "Label smoothing", _put("label_smoothing", 0.0), of="classes"),
    Ingredient("loss", "Huber loss", _put("loss", "likelihood"), of="numbers"),
    Ingredient("clip", "Gradient clipping", _put("clip", 0.0)),
    Ingredient("schedule", "Schedule of the rate", _put("schedule", "constant", 1.0, 0.3)),
    Ingredient("patience", "Early stopping", _put("patience", 0), last=True),
    Ingredient("optimiser", "Optimiser", _optimiser),
    Ingredient("beta2", "Adam's second rate", _put("beta2", Design.beta2)),
    Ingredient("bias_lr", "Rate of biases", _put("bias_lr", 1.0)),
    Ingredient("averaging", "Averaging of weights", _put("averaging", False)),
    Ingredient("lookahead", "Lookahead", _put("lookahead", False)),
    Ingredient("snapshots", "Snapshots", _put("snapshots", False)),
    Ingredient("parametrisation", "Parametrisation", _put("parametrisation", "standard", 1.0, 0.1)),
    Ingredient("parametric", "Parametric activations", _put("parametric", False), hidden=True),
    Ingredient("skip", "Skip connections", _put("skip", False), hidden=True),
    Ingredient("input_scaling", "Scaling of inputs", _put("input_scaling", False)),
    Ingredient("numeric_embedding", "Embedding of numbers", _put("numeric_embedding", "none")),
    Ingredient("initialisation", "Initial weights", _other("initialisation", "torch", "he")),
    Ingredient("encoding", "Encoding of inputs", _other("encoding", "robust", "quantile")),
    Ingredient("activation", "Activation", _other("activation", "relu", "silu"), hidden=True),
    Ingredient("body_width", "Half the body's width", _smaller_body),
    Ingredient("body_depth", "A shallower body", _shallower_body),
    Ingredient("sharing", "A say of the task", _put("sharing", "pooled"), of="tasks"),
    Ingredient("heads", "Heads of the tasks", _headless, of="tasks"),
    Ingredient("head_l2", "L2 of the tasks' heads", _put("head_l2", 0.0), of="tasks"),
    Ingredient("batch_half", "Batches of half the rows", _batch(0.5)),
    Ingredient("batch_twice", "Batches of twice the rows", _batch(2.0)),
    Ingredient("deeper", "One layer more", _deeper, hidden=True),
    Ingredient("shallower", "One layer less", _shallower, hidden=True),
    Ingredient("narrower", "Half the width", _wider(0.5), hidden=True),
    Ingredient("wider", "Twice the width", _wider(2.0), hidden=True),
)
"""All of them; what a design does not have is left out by `variants`."""


def variants(
    design: Design, ingredient: Ingredient, classes: bool, tasks: bool = False
) -> tuple[Design, ...]:
    """The designs that `design` becomes without `ingredient`, each once; none where it does not have it.

    `classes` says that the target is one of classes, `tasks` that rows belong to tasks.

    Fields that do nothing as the rest stands (the momentum of Adam, the kind of a dropout that is off) make
    no difference here.
    """
    there = ("", "classes" if classes else "numbers", *(["tasks"] if tasks else []))
    if (ingredient.hidden and not _layered(design)) or ingredient.of not in there:
        return ()
    here = _effective(design)
    found = {_effective(swapped): swapped for swapped in ingredient.swap(design)}
    if ingredient.last and design.patience:
        return tuple(found.values())
    return tuple(swapped for key, swapped in found.items() if _without_lr(key) != _without_lr(here))


def _without_lr(design: Design) -> Design:
    return replace(design, lr=Design.lr)


def _layered(design: Design) -> bool:
    """Whether there is anything between the inputs and the last layer."""
    return bool(design.widths) or design.body != "dense"


def _effective(design: Design) -> Design:
    """`design` with what does nothing at its default."""
    convolves = design.body in ("conv", "residual")
    idle = {
        "body_width": design.body == "dense",
        "body_depth": design.body == "dense",
        "dropout": not _layered(design),
        "dropout_kind": not _layered(design) or not design.dropout,
        "norm": not design.widths and not convolves,
        "norm_place": not design.widths or design.norm == "none",
        "decoupled": not design.l2,
        "momentum": design.optimiser != "sgd",
        "beta2": design.optimiser != "adam",
        "activation": not design.widths and not convolves,
        "parametric": not design.widths,
        "skip": all(before != after for before, after in pairwise(design.widths)),
        "max_norm": not design.widths,
        "l1_update": not design.l1,
        "head_l2": design.sharing != "heads",
        "embedding_scale": design.numeric_embedding == "none",
    }
    defaults = {field.name: field.default for field in fields(Design)}
    return _with(design, {name: defaults[name] for name, is_idle in idle.items() if is_idle})


def described(before: Design, after: Design) -> tuple[tuple[str, object, object], ...]:
    """The fields that differ, as (name, before, after); a learning rate alone beside others goes last."""
    found = [
        (field.name, getattr(before, field.name), getattr(after, field.name))
        for field in fields(Design)
        if getattr(before, field.name) != getattr(after, field.name)
    ]
    return tuple(sorted(found, key=lambda one: one[0] == "lr"))
