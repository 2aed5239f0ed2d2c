"""What a `Change` is, carried out: one thing of a training changed, and all else as it was."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from profunda.diagnosis.anatomy import anatomy_of
from profunda.diagnosis.copying import draws_from, tensors_in, undisturbed
from profunda.diagnosis.feeding import Feed
from profunda.diagnosis.finding import Change
from profunda.diagnosis.givens import Anatomy
from profunda.diagnosis.ingredients import Making, Parts, Scaling
from profunda.diagnosis.objectives import OBJECTIVES, Mended, Objective, class_weights
from profunda.diagnosis.operations import module_sort, rate_of
from profunda.diagnosis.reconnecting import reconnected
from profunda.diagnosis.resizing import deepened, reheaded
from profunda.diagnosis.rewiring import bent, dropping, headed, normed, reactivated
from profunda.diagnosis.strays import registered
from profunda.diagnosis.undropped import Undropped
from profunda.diagnosis.widening import of_widths
from profunda.errors import ArgumentError
from profunda.layers.initialisers import Law, initialise
from profunda.theory.activations import NONLINEARITIES
from profunda.theory.critical import has_critical

__all__ = ["KINDS", "Kind", "applied", "matrices"]

SMALL = 0.1
"""Standard deviation of the outputs that a "small" last layer gives to inputs of size 1."""

COSINE = tuple(0.5 * (1.0 + math.cos(math.pi * at / 20)) for at in range(21))


@dataclass(frozen=True)
class Kind:
    """One kind of change: what it `does`, with the meaning of the Change's value and word, and `carry`."""

    name: str
    does: str
    carry: Callable[[Change, Parts, Feed, int], Parts]


def applied(change: Change, parts: Parts, feed: Feed, *, seed: int = 0) -> Parts:
    """`parts` with one thing changed; `feed` are rows by which scalings and class weights are made, and with
    which the network is read. `seed` decides what is drawn. Nothing given is changed.

    Raises ArgumentError for an unknown kind, and where this network, loss or optimiser has no such thing.

    >>> from profunda.diagnosis.feeding import feed_of
    >>> parts = Parts(nn.Linear(2, 1), nn.MSELoss(), lambda own: Adam(own.parameters(), lr=0.5), 8)
    >>> feed = feed_of((torch.ones(4, 2),), torch.ones(4, 1))
    >>> changed = applied(Change("learning rate", value=0.1), parts, feed)
    >>> changed.optimizer(changed.module).param_groups[0]["lr"]
    0.05
    """
    if change.kind not in KINDS:
        raise ArgumentError(
            f"No change is of kind {change.kind!r}; those that can be carried out are {', '.join(KINDS)}."
        )
    with undisturbed(parts.module):
        draws_from(seed)
        return KINDS[change.kind].carry(change, parts, feed, seed)


# The optimiser and its steps ------------------------------------------------------------------------


def _factor(change: Change) -> float:
    if not math.isfinite(change.value) or change.value < 0.0:
        raise ArgumentError(
            f"A change of kind {change.kind!r} has the factor {change.value}: give one that is finite and "
            "not below 0."
        )
    return change.value


def _of_groups(making: Making, key: str, factor: float) -> Making:
    def make(own: nn.Module) -> Optimizer:
        made = making(own)
        for group in made.param_groups:
            if key in group:
                group[key] = group[key] * factor
        return made

    return make


def _rate(change: Change, parts: Parts, feed: Feed, seed: int) -> Parts:
    return replace(parts, optimizer=_of_groups(parts.optimizer, "lr", _factor(change)))


def _decay(change: Change, parts: Parts, feed: Feed, seed: int) -> Parts:
    groups = parts.optimizer(parts.module).param_groups
    if not any(group.get("weight_decay") for group in groups):
        raise ArgumentError(
            f"The optimiser has no weight decay that could become {change.value:g} times as much."
        )
    return replace(parts, optimizer=_of_groups(parts.optimizer, "weight_decay", _factor(change)))


def _optimiser(change: Change, parts: Parts, feed: Feed, seed: int) -> Parts:
    if change.word == "adam":
        rate = change.value if math.isfinite(change.value) else 1e-3
        own = parts.optimizer(parts.module)
        if _alike(own, Adam(parts.module.parameters(), lr=rate)):
            raise ArgumentError(f"It is Adam with a rate of {rate:g} already.")
        return replace(parts, optimizer=lambda own: Adam(own.parameters(), lr=rate))
    if change.word != "defaults":
        raise ArgumentError(f"optimiser = {change.word!r}: it is 'defaults', those of its class, or 'adam'.")
    making = parts.optimizer

    def make(own: nn.Module) -> Optimizer:
        made = making(own)
        groups = [{"params": group["params"], "lr": group["lr"]} for group in made.param_groups]
        kind: Any = type(made)
        usual = kind(groups)
        for group, before in zip(usual.param_groups, made.param_groups, strict=True):
            if group.get("momentum") == 0 and before["momentum"] > 0:
                group["momentum"] = 0.9  # the class's own default is none, which nobody asked for
        return usual

    return replace(parts, optimizer=make)


def _alike(own: Optimizer, other: Optimizer) -> bool:
    """Whether both are of one class, and all groups have the same constants."""
    told = [
        [{k: v for k, v in group.items() if k != "params"} for group in each.param_groups]
        for each in (own, other)
    ]
    return type(own) is type(other) and told[0] == told[1]


def _batch(change: Change, parts: Parts, feed: Feed, seed: int) -> Parts:
    return replace(parts, batch_size=max(1, round(parts.batch_size * _factor(change))))


def _epochs(change: Change, parts: Parts, feed: Feed, seed: int) -> Parts:
    return replace(parts, epochs=max(1, round(parts.epochs * _factor(change))))


def _schedule(change: Change, parts: Parts, feed: Feed, seed: int) -> Parts:
    if change.word not in ("constant", "cosine"):
        raise ArgumentError(f"schedule = {change.word!r}: it is 'constant' or 'cosine'.")
    return replace(parts, pace=COSINE if change.word == "cosine" else ())


def _clipping(change: Change, parts: Parts, feed: Feed, seed: int) -> Parts:
    return replace(parts, clip=_factor(change) or math.inf)


# What enters and what is compared -------------------------------------------------------------------


def _scaling(change: Change, parts: Parts, feed: Feed, seed: int) -> Parts:
    if change.word == "targets":
        targets = feed.targets
        if not isinstance(targets, Tensor) or not targets.is_floating_point():
            raise ArgumentError("The targets are no real numbers, so that they have no scale to be changed.")
        return replace(parts, targets=Scaling.of(targets, -1))
    if change.word not in ("inputs", "filled"):
        raise ArgumentError(f"scaling = {change.word!r}: it is of 'inputs' or of 'targets', or 'filled'.")
    given = [one for one in tensors_in((feed.inputs, dict(feed.named))) if one.is_floating_point()]
    if not given:
        raise ArgumentError("None of the inputs holds real numbers, so that there is nothing to scale.")
    # Channels of images, columns of tables and of places in sequences.
    made = tuple(Scaling.of(one, 1 if one.ndim >= 4 else -1) for one in given)
    return replace(parts, inputs=made if change.word == "inputs" else tuple(one.only_filling for one in made))


def _loss(change: Change, parts: Parts, feed: Feed, seed: int) -> Parts:
    word, loss = change.word, parts.loss_fn
    if word in ("sign", "shapes"):
        return replace(parts, loss_fn=Mended(loss, word))
    if word == "from logits":
        known = {nn.NLLLoss: "cross-entropy", nn.BCELoss: "bce-logits"}
        if type(loss) not in known:
            raise ArgumentError(
                f"{type(loss).__name__} is not known as a loss of probabilities: name the one that takes "
                "logits, 'cross-entropy' or 'bce-logits'."
            )
        return replace(parts, loss_fn=Objective(known[type(loss)]))
    if word == "label smoothing":
        return replace(parts, loss_fn=Objective("cross-entropy", smoothing=_factor(change)))
    if word == "class weights":
        return replace(parts, loss_fn=_weighted(parts, feed))
    if word not in OBJECTIVES:
        raise ArgumentError(
            f"loss = {word!r}: it is sign, shapes, from logits, class weights, label smoothing, or "
            f"{', '.join(OBJECTIVES)}."
        )
    return replace(parts, loss_fn=Objective(word))


def _weighted(parts: Parts, feed: Feed) -> Objective:
    targets = feed.targets
    if not isinstance(targets, Tensor) or bool((targets != targets.round()).any()):
        raise ArgumentError("The targets are no classes, so that these cannot be weighted.")
    own = copy.deepcopy(parts.module).eval()
    with torch.no_grad():
        made = tensors_in(feed.through(own))[0]
    return Objective(
        "bce-logits" if made.numel() == targets.numel() else "cross-entropy", class_weights(targets)
    )


# The network ----------------------------------------------------------------------------------------


def _read(parts: Parts, feed: Feed) -> Anatomy:
    found = (
        anatomy_of(parts.module, feed.inputs) if not feed.named else Anatomy(why="it takes inputs by name")
    )
    if found.why:
        raise ArgumentError(f"{type(parts.module).__name__} cannot be read, so not changed: {found.why}")
    return found


def _activation(change: Change, parts: Parts, feed: Feed, seed: int) -> Parts:
    read = _read(parts, feed)
    if change.word == "inserted":
        return replace(parts, module=bent(parts.module, read))
    return replace(parts, module=reactivated(parts.module, read, feed, change.word))


def _head(change: Change, parts: Parts, feed: Feed, seed: int) -> Parts:
    anatomy = _read(parts, feed)
    if change.word == "width":
        return replace(parts, module=reheaded(parts.module, anatomy, max(1, round(_factor(change)))))
    return replace(parts, module=headed(parts.module, anatomy, feed, change.word))


def _norm(change: Change, parts: Parts, feed: Feed, seed: int) -> Parts:
    return replace(parts, module=normed(parts.module, _read(parts, feed), change.word))


def _width(change: Change, parts: Parts, feed: Feed, seed: int) -> Parts:
    return replace(parts, module=of_widths(parts.module, feed, _factor(change), change.layer))


def _depth(change: Change, parts: Parts, feed: Feed, seed: int) -> Parts:
    return replace(parts, module=deepened(parts.module, _factor(change)))


def _dropout(change: Change, parts: Parts, feed: Feed, seed: int) -> Parts:
    """Modules that drop, and what recurrent layers and attention drop inside; or where nothing drops."""
    if change.word == "inserted":
        return replace(parts, module=dropping(parts.module, _read(parts, feed), min(0.95, _factor(change))))
    own, found, factor = copy.deepcopy(parts.module), 0, _factor(change)
    for name, part in own.named_modules():
        if change.layer not in ("", name):
            continue
        sort = module_sort(part)
        if isinstance(part, nn.RNNBase | nn.MultiheadAttention):
            found += part.dropout > 0.0
            part.dropout = min(0.95, part.dropout * factor)
        elif sort is not None and sort.kind == "dropout" and (rate := rate_of(part)):
            found += 1
            setattr(part, rate, min(0.95, float(vars(part)[rate]) * factor))
    if not found and not factor and not change.layer and _drops(parts, feed):
        return replace(parts, module=Undropped(own))
    if not found:
        where = f" called {change.layer}" if change.layer else ""
        raise ArgumentError(
            f"{type(own).__name__} holds no module that drops anything{where}: "
            "dropout called as a function can be left out as a whole, or changed where it is called."
        )
    return replace(parts, module=own)


def _drops(parts: Parts, feed: Feed) -> bool:
    """Whether a function is called for dropout."""
    return any(op.kind == "dropout" for op in _read(parts, feed).ops)


def _thawing(change: Change, parts: Parts, feed: Feed, seed: int) -> Parts:
    """Numbers that are frozen train, with the constants of the optimiser's first group; "through": those that
    the network's forward cuts off; "registered": those of layers in plain lists.
    """
    if change.word == "registered":
        return replace(parts, module=registered(parts.module))
    if change.word == "through":
        return replace(parts, module=reconnected(parts.module, feed))
    own, making = copy.deepcopy(parts.module), parts.optimizer
    inside = own.get_submodule(change.layer)
    frozen = [one for one in inside.parameters() if one.is_floating_point() and not one.requires_grad]
    if not frozen:
        raise ArgumentError(f"Nothing of {type(inside).__name__} is frozen, so that nothing can be thawed.")
    for one in frozen:
        one.requires_grad_(True)

    def make(own: nn.Module) -> Optimizer:
        made = making(own)
        held = {id(each) for group in made.param_groups for each in group["params"]}
        thawed = [each for each in own.parameters() if each.requires_grad and id(each) not in held]
        if thawed:
            first = made.param_groups[0]
            made.add_param_group(
                {"params": thawed, **{key: value for key, value in first.items() if key != "params"}}
            )
        return made

    return replace(parts, module=own, optimizer=make)


def _initialisation(change: Change, parts: Parts, feed: Feed, seed: int) -> Parts:
    own, anatomy = copy.deepcopy(parts.module), _read(parts, feed)
    drawn = torch.Generator().manual_seed(seed)
    layers = [each for each in anatomy.layers if change.layer in ("", each.name)]
    if change.word == "small":
        layers = layers[-1:]
    for layer in layers:
        part = own.get_submodule(layer.name)
        if change.word == "small":
            _shrink(part, drawn)
        elif isinstance(part, nn.Linear | nn.modules.conv._ConvNd):
            law, activation = _law(
                change.word, layer.activation if layer.name != anatomy.layers[-1].name else ""
            )
            initialise(part, law, activation=activation, generator=drawn)
        elif isinstance(part, nn.RNNBase | nn.RNNCellBase | nn.Embedding):
            part.reset_parameters()  # from torch's generator, whose seed `applied` has set
    if change.word != "small" and not change.layer:
        for each in matrices(own).values():
            nn.init.xavier_normal_(each, generator=drawn)  # alike whichever axis is what enters
        for part in own.modules():
            if isinstance(part, nn.modules.batchnorm._NormBase):
                part.reset_parameters()
    if not layers:
        raise ArgumentError(f"{type(own).__name__} has no layer called {change.layer!r} to be drawn anew.")
    return replace(parts, module=own)


def matrices(module: nn.Module) -> dict[str, nn.Parameter]:
    """Trainable matrices that a module holds itself and multiplies by a line of its own, by name; not those
    that begin at 0.
    """
    return {
        f"{name}.{key}" if name else key: each
        for name, part in module.named_modules()
        if not isinstance(part, _LAYERS)
        for key, each in part.named_parameters(recurse=False)
        if each.ndim == 2 and each.requires_grad and bool(each.any())
    }


_LAYERS = (
    nn.Linear,
    nn.Bilinear,
    nn.Embedding,
    nn.EmbeddingBag,
    nn.RNNBase,
    nn.RNNCellBase,
    nn.LayerNorm,
    nn.modules.conv._ConvNd,
)


def _law(word: str, activation: str) -> tuple[Law, str]:
    """Critical variances where the activation has them; LeCun's for outputs and where it has none."""
    known = activation if activation in NONLINEARITIES else "linear"
    if word != "critical":
        return word, known  # type: ignore[return-value]
    return ("critical", known) if activation in NONLINEARITIES and has_critical(known) else ("lecun", known)


@torch.no_grad()
def _shrink(part: nn.Module, drawn: torch.Generator) -> None:
    for name, each in part.named_parameters():
        if each.ndim > 1:
            each.normal_(0.0, SMALL / math.sqrt(each[0].numel()), generator=drawn)
        elif "bias" in name:
            each.zero_()


_SCALES = "'inputs' or 'targets' get mean 0 and standard deviation 1; 'filled': inputs that are not finite."
_TIMES = "times what it is"
_DROPS = (
    f"Rates of dropout, or that of `layer`, become `value` {_TIMES}; 0 for none. 'inserted': with the rate "
    "`value` before the last layer and behind embeddings, where nothing drops."
)
_DRAWS = "First weights are drawn by `word`: 'critical', a law, or 'small' for the last layer or `layer`."
_TRAINS = "What is frozen, or of `layer`, trains; 'through': what forward cuts, 'registered': plain lists'."
_LOSSES = "`word`: another loss, or sign, shapes, from logits, class weights, label smoothing by `value`."
_ALL = (
    Kind("learning rate", f"Every group's rate becomes `value` {_TIMES}.", _rate),
    Kind("optimiser", "`word`: usual constants of its class ('defaults'), or 'adam' at `value`.", _optimiser),
    Kind("schedule", "`word`: rates that are 'constant', or fall like a 'cosine'.", _schedule),
    Kind("clipping", "Gradients are cut to the norm `value`; 0 for none.", _clipping),
    Kind("weight decay", f"`value` {_TIMES}; 0 for none.", _decay),
    Kind("batch size", f"`value` {_TIMES}.", _batch),
    Kind("epochs", f"`value` {_TIMES}.", _epochs),
    Kind("scaling", _SCALES, _scaling),
    Kind("loss", _LOSSES, _loss),
    Kind("head", "`word`: what outputs end in, 'linear' for nothing; 'width': `value` outputs.", _head),
    Kind("activation", "Hidden activations become `word`; 'inserted': ReLU where none is.", _activation),
    Kind("norm", "`word`: a 'layer' or 'batch' norm behind hidden layers without one.", _norm),
    Kind("initialisation", _DRAWS, _initialisation),
    Kind("thawing", _TRAINS, _thawing),
    Kind("dropout", _DROPS, _dropout),
    Kind("width", "Hidden layers, or `layer`, become `value` times as wide.", _width),
    Kind("depth", "A chain gets `value` times as many hidden layers.", _depth),
)
KINDS: MappingProxyType[str, Kind] = MappingProxyType({kind.name: kind for kind in _ALL})
"""All kinds of changes that can be carried out, by name."""
