"""The champion: its network drawn, its recipe, and the ensemble it leads."""

import math
from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np

from profunda.data.inputs import Inputs
from profunda.fleet.history import MemberHistory
from profunda.model.model import Model
from profunda.model.parts import Part
from profunda.networks.layout import layout_of
from profunda.reporting.blocks import Architecture, Block, Figure, Figures, Layer, Table
from profunda.reporting.bodies import body_layers, changes_words
from profunda.reporting.figures import axis, hover, numbers, spec, thin
from profunda.reporting.palette import BAD, GREY, SEQUENCE, faded
from profunda.reporting.words import count, number, setting, share
from profunda.space.bodies import Body, body_words
from profunda.space.design import PICTORIAL, Design
from profunda.vitals.signs import SIGNS, Sign

__all__ = ["drawing", "ensemble", "inside", "recipe"]

_TOLD = {
    "relu": "ReLU",
    "leaky_relu": "leaky ReLU",
    "elu": "ELU",
    "selu": "SELU",
    "gelu": "GELU",
    "silu": "SiLU",
}
_KINDS = {"gaussian": "Gaussian dropout", "dropconnect": "DropConnect", "alpha": "alpha dropout"}
_DRAWN = ("gradient_norm", "update_ratio", "dead", "saturated")
_CELLS = 480  # of one heat map, so that four of them stay below 2,000 points


def drawing(part: Part, outputs: int, title: str) -> Architecture:
    """The part's network: what it reads down to `outputs` C."""
    design, encoded = part.design, part.networks[0].preprocessing.inputs
    made = layout_of(design, encoded, outputs)
    body = made.front.body
    layers = _entering(design, encoded, made.blocks[0].fan_in, body)
    layers += [Layer(width, "units", _between(design)) for width in design.widths]
    layers.append(Layer(outputs, "output" if outputs == 1 else "outputs"))
    linear = f"{design.depth + 1} linear layer{'s' if design.depth else ''}"
    what = (
        f"{count(design.parameters(encoded, outputs))} weights and biases in "
        f"{f'{body.words} and ' if body.words else ''}{linear}; a slab is as wide as "
        "the square root of its units, the words between two slabs say what happens on the way."
    )
    tasks = design.heads_on(encoded)
    what += f" {count(tasks)} tasks have heads of their own beside the shared last layer." if tasks else ""
    alt = (
        f"Network of {count(len(encoded))} inputs, {f'{body.words}, ' if body.words else ''}hidden layers "
        f"{setting(design.widths)}, {count(outputs)} outputs."
    )
    return Architecture(title, tuple(layers), what, alt)


def _entering(design: Design, encoded: Inputs, entering: int, body: Body) -> list[Layer]:
    """The inputs, and what a body makes of them; `entering` numbers enter the first layer."""
    told = [f"dropout {share(design.input_dropout)}"] if design.input_dropout else []
    if design.body == "dense":
        what = "pixels" if encoded.picture is not None else "inputs"
        return [Layer(len(encoded), what, ", ".join([f"{design.encoding} encoding", *told]))]
    *before, last = body_layers(body, design, _TOLD.get(design.activation, design.activation))
    beside = entering - body.width
    words = [f"beside them {count(beside)} numbers of other columns"] if beside else []
    return [*before, replace(last, detail=", ".join(words))]


def _between(design: Design) -> str:
    told = [_TOLD.get(design.activation, design.activation)]
    if design.norm != "none":
        told.insert(0 if design.norm_place == "before" else 1, f"{design.norm} norm")
    if design.dropout:
        kind = "dropout" if design.dropout_kind == "bernoulli" else _KINDS[design.dropout_kind]
        told.append(f"{kind} {share(design.dropout)}")
    if design.skip:
        told.append("skips")
    return ", ".join(told)


def recipe(design: Design, inputs: Inputs | None = None) -> Table:
    """The recipe with the meaning of each number: what everybody asks for, then all that is not usual.

    What it makes of the task that a row belongs to is told wherever its `inputs` say that there are tasks.
    """
    patience = (
        f"{design.patience} epochs without a better validation loss"
        if design.patience
        else "never stops early"
    )
    momentum = f", momentum {setting(design.momentum)}" if design.optimiser == "sgd" else ""
    tasks = (inputs is not None and inputs.task is not None) or design.sharing != "input"
    rows = [
        *_perceiving(design),
        ("hidden widths", _widths(design)),
        ("activation", _TOLD.get(design.activation, design.activation)),
        ("initial weights", design.initialisation),
        ("optimiser", f"{design.optimiser}{momentum}"),
        ("learning rate", f"{number(design.lr)} at its peak, {design.schedule}"),
        ("batch size", f"{count(design.batch_size)} rows"),
        ("epochs", f"at most {count(design.epochs)}"),
        ("patience", patience),
        *_regularisers(design),
        ("loss", design.loss),
        ("encoding of the inputs", design.encoding),
        *([(_TITLES["sharing"], _SHARED[design.sharing])] if tasks else []),
    ]
    told = (*_ALWAYS, *(("momentum",) if momentum else ()), *(_PERCEIVED if design.body != "dense" else ()))
    rows += [
        (_TITLES.get(field.name, field.name.replace("_", " ")), _said(field.name, value))
        for field in fields(Design)
        if field.name not in told and (value := getattr(design, field.name)) != field.default
    ]
    return Table("Its recipe", ("setting", "value"), tuple(rows))


def _widths(design: Design) -> str:
    if design.widths:
        return setting(design.widths)
    return "none: a linear model" if design.body == "dense" else "none: one linear layer behind the body"


def _perceiving(design: Design) -> list[tuple[str, str]]:
    """Rows of what reads pictures or texts, and of how pictures are changed in training."""
    read = [("body", body_words(design.body, design.body_width, design.body_depth))]
    changes = changes_words(design)
    if design.body in ("conv", "residual"):
        return [*read, ("changes of pictures in training", changes)]
    if design.body != "dense":
        return read
    return (
        [("changes of pictures in training", changes)]
        if any(getattr(design, one) for one in PICTORIAL)
        else []
    )


_PERCEIVED = ("body", "body_width", "body_depth", "cutout")
"""Fields that are told together where there is a body."""

_ALWAYS = (
    "widths", "activation", "initialisation", "optimiser", "lr", "schedule", "batch_size", "epochs",
    "patience", "dropout", "dropout_kind", "input_dropout", "l1", "l1_update", "l2", "decoupled",
    "label_smoothing", "norm", "norm_place", "clip", "loss", "encoding", "sharing", *PICTORIAL,
)  # fmt: skip
"""Fields that have a row of their own whatever their value, or share one."""

_TITLES = {
    "group_lasso": "group lasso over columns",
    "max_norm": "largest norm of a unit's weights",
    "noise": "noise on inputs",
    "cutout": "columns blanked (cutout)",
    "adversarial": "adversarial rows",
    "class_balance": "balance of classes",
    "beta2": "Adam's β₂",
    "bias_lr": "rate of biases",
    "averaging": "averaging of weights",
    "parametric": "parametric activations",
    "skip": "skip connections",
    "input_scaling": "trained scaling of inputs",
    "numeric_embedding": "embedding of numbers",
    "sharing": "what tasks share",
    "head_l2": "L2 of the tasks' own heads",
}
_SHARED = {
    "pooled": "everything: the task has no say",
    "input": "all layers, which read the task as 8 trained numbers",
    "heads": "all layers but the last, to which each task adds a head of its own",
}
_EXPLAINED = {
    "noise": "standard deviation {}",
    "mixup": "λ ~ Beta({0}, {0})",
    "cutmix": "λ ~ Beta({0}, {0})",
    "adversarial": "steps of {} along the gradient's sign",
    "bias_lr": "{} times that of weights",
    "averaging": "over the last quarter of the epochs",
    "lookahead": "slow weights, half of the way every 5 steps",
    "snapshots": "after 1/7 and 3/7 of the epochs",
}


def _said(name: str, value: object) -> str:
    words = share(value) if name == "cutout" and isinstance(value, float) else setting(value)
    return _EXPLAINED.get(name, "{}").format(words)


def _regularisers(design: Design) -> list[tuple[str, str]]:
    """Rows that are told even where a regulariser is off: its absence is part of the recipe."""
    kind = _KINDS.get(design.dropout_kind, "")
    dropped = f"{share(design.dropout)} of hidden units{f' ({kind})' if kind and design.dropout else ''}"
    decay = "decoupled from the gradient" if design.decoupled else "added to the gradient"
    update = (
        "by a soft threshold after each step"
        if design.l1_update == "proximal"
        else "by a subgradient, which makes no zeros"
    )
    norm = f"{design.norm}, {design.norm_place} the activation" if design.norm != "none" else "off"
    return [
        ("normalisation", norm),
        ("dropout", f"{dropped}, {share(design.input_dropout)} of inputs dropped"),
        ("L2 (weight decay)", f"{number(design.l2)}, {decay}" if design.l2 else "off"),
        ("L1", f"{number(design.l1)}, {update}" if design.l1 else "off"),
        ("label smoothing", share(design.label_smoothing) if design.label_smoothing else "off"),
        ("gradient clipping", f"norm at most {number(design.clip)}" if design.clip else "off"),
    ]


def ensemble(model: Model) -> tuple[Block, ...]:
    """The model's parts with their weights; nothing where there is one."""
    if len(model.parts) < 2:
        return ()
    bodies = any(part.design.body != "dense" for part in model.parts)
    rows = tuple(_part_row(part, bodies) for part in sorted(model.parts, key=lambda p: -p.weight))
    columns = (
        "weight",
        "networks",
        *(("body, depth × width",) if bodies else ()),
        "widths",
        "activation",
        "dropout",
        "learning rate",
        "batch",
        "L2",
        "L1",
        "encoding",
    )
    what = (
        f"The model is the weighted mean of {len(rows)} designs; each design's networks (one a fold, or one "
        "refit on all rows) count alike."
    )
    return (Table("The ensemble", columns, rows, what),)


def _part_row(part: Part, bodies: bool) -> tuple[str | float | int, ...]:
    d = part.design
    told = "none" if d.body == "dense" else f"{d.body} {d.body_depth} × {d.body_width}"
    body = (told,) if bodies else ()
    return (
        round(part.weight, 4), len(part.networks), *body, setting(d.widths),
        _TOLD.get(d.activation, d.activation), d.dropout, d.lr, d.batch_size, d.l2, d.l1, d.encoding,
    )  # fmt: skip


def inside(curve: MemberHistory) -> tuple[Block, ...]:
    """Vital signs of one member, layer by epoch, as heat maps; nothing where none were taken."""
    figures = [
        _heat_map(np.asarray(curve.signs[sign.name], dtype=np.float64), curve.sign_epochs, sign)
        for sign in SIGNS
        if sign.name in _DRAWN and sign.name in curve.signs and _tells(curve.signs[sign.name], sign)
    ]
    if not figures:
        return ()
    return (
        Figures(
            "Inside its training",
            tuple(figures),
            "Each column is an epoch, each row a layer (the output layer on top). Even colours from bottom "
            "to top mean that all layers learn at a similar pace.",
            "g is the gradient of a layer's weights, θ the weights, Δθ the step; units are looked at on "
            "validation rows. A ratio around one in a thousand is usual. Colours of norms and ratios are "
            "logarithmic. Shown is the champion's first fold.",
        ),
    )


def _tells(values: np.ndarray, sign: Sign) -> bool:
    """Whether a heat map would show anything: at least two epochs, and for a share some unit concerned."""
    values = np.asarray(values, dtype=np.float64)
    known = values[np.isfinite(values)]
    return (
        values.ndim == 2 and len(values) > 1 and known.size > 0 and (sign.unit != "share" or known.max() > 0)
    )


def _heat_map(values: np.ndarray, epochs: Sequence[int] | np.ndarray, sign: Sign) -> Figure:
    """`values` [E', L] of one vital sign: shares as they are, what ranges widely by its power of ten."""
    layers = np.flatnonzero(np.isfinite(values).any(axis=0))
    keep = thin(len(values), max(2, _CELLS // max(1, len(layers))))
    drawn = values[np.ix_(keep, layers)].T
    text = [[number(v, 2) for v in row] for row in drawn.tolist()]
    share_of = sign.unit == "share"
    with np.errstate(divide="ignore", invalid="ignore"):
        shown = drawn if share_of else np.where(drawn > 0, np.log10(drawn), np.nan)
    heat = {
        "type": "heatmap", "x": np.asarray(epochs)[keep].tolist(), "y": (layers + 1).tolist(),
        "z": [numbers(row, 4) for row in shown], "text": text, "ygap": 1,
        "hovertemplate": hover("epoch %{x}, layer %{y}: %{text}"),
    }  # fmt: skip
    heat |= _share_scale() if share_of else _power_scale(shown)
    layout = {
        "xaxis": axis("epoch", nticks=5, showgrid=False),
        "yaxis": axis("layer", nticks=min(6, len(layers) + 1), showgrid=False),
    }
    title = sign.title.capitalize()
    alt = f"{title} by layer and epoch: {sign.formula}."
    return Figure(title, spec([heat], layout), f"{sign.formula}.", "", alt, height=230)


def _share_scale() -> dict[str, object]:
    bar = {"thickness": 10, "outlinewidth": 0, "tickformat": ".0%", "nticks": 3}
    return {"zmin": 0, "zmax": 1, "colorscale": [[0, faded(GREY, 0.12)], [1, BAD]], "colorbar": bar}


def _power_scale(powers: np.ndarray) -> dict[str, object]:
    known = powers[np.isfinite(powers)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    whole = list(range(math.ceil(low), math.floor(high) + 1))
    ticks = whole if len(whole) > 1 else [low + 0.1 * (high - low), high - 0.1 * (high - low)]
    bar = {
        "thickness": 10,
        "outlinewidth": 0,
        "tickvals": ticks,
        "ticktext": [number(10.0**k, 1) for k in ticks],
    }
    return {"colorscale": SEQUENCE, "colorbar": bar}
