"""What was changed, as lines of Python to take out and to put in."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from torch import nn
from torch.optim import Optimizer

from profunda.diagnosis.finding import Change
from profunda.diagnosis.givens import Anatomy
from profunda.diagnosis.objectives import Mended, Objective
from profunda.diagnosis.recipes import Recipe
from profunda.diagnosis.reconnecting import Reconnected
from profunda.diagnosis.remedies import matrices
from profunda.diagnosis.strays import registers
from profunda.diagnosis.telling import number

__all__ = ["diff"]

_LOSSES = {
    "cross-entropy": "torch.nn.CrossEntropyLoss({})",
    "nll": "torch.nn.NLLLoss({})",
    "bce": "torch.nn.BCELoss({})",
    "bce-logits": "torch.nn.BCEWithLogitsLoss({})",
    "mse": "torch.nn.MSELoss({})",
    "mae": "torch.nn.L1Loss({})",
    "huber": "torch.nn.SmoothL1Loss({})",
    "robust": "lambda outputs, y: (1 - outputs.softmax(1).gather(1, y[:, None]) ** 0.7).mean() / 0.7",
}

Lines = tuple[list[str], list[str]]
"""Those to take out, those to put in."""


def diff(changes: Sequence[Change], before: Recipe, after: Recipe, anatomy: Anatomy, epochs: int) -> str:
    """Lines that begin with "-" stood there, as far as can be told, those with "+" take their place, and
    those with "#" say where. "" where nothing was changed.
    """
    parts: list[str] = []
    told: set[str] = set()
    for change in changes:
        key = _group(change)
        if key in told:
            continue
        told.add(key)
        out, put = _lines(key, change, before, after, anatomy, epochs)
        parts += [f"# {_where(change)}", *(f"- {one}" for one in out), *(f"+ {one}" for one in put)]
    return "\n".join(parts) + "\n" if parts else ""


def _group(change: Change) -> str:
    """Changes of the optimiser are one line, however many there are."""
    if change.kind in ("learning rate", "optimiser") or change.kind == "weight decay":
        return "optimiser"
    return f"{change.kind} {change.word} {change.layer}".strip()


def _where(change: Change) -> str:
    layer = f" of {change.layer}" if change.layer else ""
    return f"{change.kind}{layer}{': ' + change.word if change.word else ''}"


def _lines(key: str, change: Change, before: Recipe, after: Recipe, anatomy: Anatomy, epochs: int) -> Lines:
    if key == "optimiser":
        # Made of the new network: what it holds and its constants are then those that trained it.
        return [f"optimizer = {spelled(before.like)}"], [
            f"optimizer = {spelled(after.parts.optimizer(after.parts.module))}"
        ]
    kind = change.kind
    if kind == "loss":
        return _loss(change, before, after)
    if kind == "batch size":
        return [f"batch_size = {before.parts.batch_size}"], [f"batch_size = {after.parts.batch_size}"]
    if kind == "epochs":
        return [f"epochs = {epochs}"], [f"epochs = {after.parts.epochs}"]
    if kind == "initialisation":
        return [], _initialisation(change, anatomy, after.parts.module)
    if kind == "dropout":
        return [], _dropout(change, before, after)
    if kind == "thawing":
        return _thawing(change, before, after)
    if kind == "head" and change.word == "width":
        return _outputs(change, anatomy, before.parts.module)
    if kind == "head" and _is_end(change, before.parts.module):
        return [], [f"{_module(change.layer)} = torch.nn.Identity()"]
    return (
        _ROWS[kind](change, anatomy)
        if kind in _ROWS
        else ([], [f"# {kind} {change.word} {number(change.value)}"])
    )


# The optimiser and the loss -------------------------------------------------------------------------


def spelled(optimizer: Optimizer) -> str:
    """A call that makes it, with the constants that are not its class's own."""
    taken = inspect.signature(type(optimizer)).parameters
    group = optimizer.param_groups[0]
    said = [f"lr={number(float(group['lr']))}"]
    for name, one in taken.items():
        if name in ("self", "params", "lr") or name not in group:
            continue
        if group[name] != one.default and not (one.default is None and not group[name]):
            said.append(f"{name}={_value(group[name])}")
    home = "torch.optim." if type(optimizer).__module__.startswith("torch.optim") else ""
    return f"{home}{type(optimizer).__name__}(model.parameters(), {', '.join(said)})"


def _value(value: Any) -> str:
    if isinstance(value, float):
        return repr(float(f"{value:.3g}"))
    return f"({', '.join(map(_value, value))})" if isinstance(value, tuple) else repr(value)


def _called(loss: Callable[..., Any]) -> str:
    if isinstance(loss, Objective):
        inside = f"label_smoothing={number(loss.smoothing)}" if loss.smoothing else ""
        if loss.weights is not None:
            shown = [round(float(one), 3) for one in loss.weights]
            inside = (
                f"pos_weight=torch.tensor({shown[1] / max(shown[0], 1e-9):.3g})"
                if loss.name == "bce-logits"
                else f"weight=torch.tensor({shown})"
            )
        return _LOSSES[loss.name].format(inside)
    if isinstance(loss, nn.Module):
        home = "torch.nn." if type(loss).__module__.startswith("torch.nn") else ""
        return f"{home}{type(loss).__name__}({loss.extra_repr()})"
    return str(getattr(loss, "__name__", type(loss).__name__))


def _loss(change: Change, before: Recipe, after: Recipe) -> Lines:
    old, new = before.parts.loss_fn, after.parts.loss_fn
    if isinstance(new, Mended):
        call = (
            "-loss_fn(outputs, targets)"
            if new.how == "sign"
            else "loss_fn(outputs, targets.reshape(outputs.shape))"
        )
        return ["loss = loss_fn(outputs, targets)"], [f"loss = {call}"]
    return [f"loss_fn = {_called(old)}"], [f"loss_fn = {_called(new)}"]


# The network ----------------------------------------------------------------------------------------


def _module(name: str) -> str:
    """The expression that reaches it.

    >>> _module("body.0.linear")
    'model.body[0].linear'
    """
    return "model" + "".join(
        f"[{word}]" if word.isdigit() else f".{word}" for word in name.split(".") if word
    )


def _initialisation(change: Change, anatomy: Anatomy, after: nn.Module) -> list[str]:
    """With the deviations that were drawn."""
    lines = []
    layers = [one for one in anatomy.layers if change.layer in ("", one.name)]
    for layer in layers[-1:] if change.word == "small" else layers:
        part = _within(after, layer.name)
        if layer.kind == "other" or (part is None and layer.name):
            continue  # the latter was left out
        if layer.kind not in ("linear", "convolution") or not isinstance(part, nn.Module):
            lines.append(f"{_module(layer.name)}.reset_parameters()")
            continue
        for name, each in part.named_parameters(recurse=False):
            spread = float(each.detach().double().square().mean()) ** 0.5
            how = f"normal_({{}}, std={number(spread)})" if spread else "zeros_({})"
            lines.append(f"torch.nn.init.{how.format(f'{_module(layer.name)}.{name}')}")
    bare = matrices(after) if change.word != "small" and not change.layer else ()
    return [*lines, *(f"torch.nn.init.xavier_normal_({_module(name)})" for name in bare)]


def _within(after: nn.Module, name: str) -> nn.Module | None:
    """The part that was called so before something was put around it."""
    found = dict(after.named_modules())
    names = [each for each in found if each == name or each.endswith(f".{name}")]
    return found[min(names, key=len)] if names else None


def _dropout(change: Change, before: Recipe, after: Recipe) -> list[str]:
    if change.word == "inserted":
        return [f"torch.nn.Dropout({number(change.value)})  # before the last layer, and behind embeddings"]
    if change.layer:
        return [f"{_module(change.layer)}.p = {number(_p(change, after))}"]
    kinds = {
        "p": "torch.nn.modules.dropout._DropoutNd",
        "dropout": "(torch.nn.RNNBase, torch.nn.MultiheadAttention)",
    }
    parts = list(before.parts.module.modules())
    if not any(isinstance(one, nn.RNNBase | nn.MultiheadAttention) for one in parts):
        del kinds["dropout"]
    lines = ["for part in model.modules():"]
    for name, kind in kinds.items():
        lines += [f"    if isinstance(part, {kind}):", f"        part.{name} *= {number(change.value)}"]
    return lines


def _is_end(change: Change, module: nn.Module) -> bool:
    """Whether an activation that is a module is to be taken off."""
    part = dict(module.named_modules()).get(change.layer) if change.layer else None
    bare = part is not None and next(part.parameters(), None) is None
    return change.word == "linear" and bare and next(part.children(), None) is None  # type: ignore[union-attr]


def _thawing(change: Change, before: Recipe, after: Recipe) -> Lines:
    if change.word == "registered":
        held = registers(before.parts.module)
        lines = [f"{_module(name)} = torch.nn.{kind}({_module(name)})" for name, kind in held]
        return [], [f"{one}  # before the optimiser is made" for one in lines]
    if change.word != "through":
        return [], [f"{_module(change.layer)}.requires_grad_(True)  # before the optimiser is made"]
    wrapped = [part for part in after.parts.module.modules() if isinstance(part, Reconnected)]
    return [f"{line}  # in {where}: it cuts gradients off" for line, where in wrapped[0].places], []


def _p(change: Change, after: Recipe) -> float:
    for name, part in after.parts.module.named_modules():
        if name.endswith(change.layer) and isinstance(vars(part).get("p"), float | int):
            return float(vars(part)["p"])
    return change.value


def _outputs(change: Change, anatomy: Anatomy, module: nn.Module) -> Lines:
    last = anatomy.layers[-1]
    part = dict(module.named_modules()).get(last.name)
    bare = ", bias=False" if isinstance(part, nn.Linear) and part.bias is None else ""
    out, put = (
        f"{_module(last.name)} = torch.nn.Linear({last.fan_in}, {size}{bare})"
        for size in (last.shape[0], round(change.value))
    )
    return [out], [put]


def _head(change: Change, anatomy: Anatomy) -> Lines:
    end = next((what for what in reversed(anatomy.last) if what), "")
    old = [f"outputs = {end}(outputs)  # behind the last layer, in the network"] if end else []
    axis = ", 1" if "softmax" in change.word else ""
    plain = ("sigmoid", "tanh", "relu", "softmax", "log_softmax")
    name = f"torch.{change.word}" if change.word in plain else f"torch.nn.functional.{change.word}"
    return old, [] if change.word == "linear" else [f"outputs = {name}(outputs{axis})"]


def _activation(change: Change, anatomy: Anatomy) -> Lines:
    if change.word == "inserted":
        return [], ["torch.nn.ReLU()  # between linear layers that follow one another"]
    old = dict.fromkeys(one.activation for one in anatomy.layers if one.activation)
    return [f"{one}(hidden)" for one in old], [f"{change.word}(hidden)  # after hidden layers"]


def _norm(change: Change, anatomy: Anatomy) -> Lines:
    if change.word == "momentum":
        return [], ["# momentum=0.1, track_running_stats=True in every batch norm"]
    if change.word == "replaced":
        return ["torch.nn.BatchNorm(features)"], ["torch.nn.GroupNorm(1, features)"]
    if change.word == "removed":
        return [], ["# without the norm that leaves nothing of its rows: torch.nn.Identity() in its place"]
    name = "torch.nn.LayerNorm(features)" if change.word == "layer" else "torch.nn.BatchNorm(features)"
    return [], [f"{name}  # behind each hidden layer, before its activation"]


# Rows and steps -------------------------------------------------------------------------------------


def _scaling(change: Change, anatomy: Anatomy) -> Lines:
    if change.word == "targets":
        return [], [
            "mean, std = y.mean(0), y.std(0)  # of the training rows",
            "y = (y - mean) / std  # and predictions: outputs * std + mean",
        ]
    if change.word == "filled":
        return [], [
            "finite = X.where(X.isfinite(), X.nanmean(0))  # of the training rows' finite numbers",
            "X = X.where(~X.isnan(), finite.mean(0)).clamp(finite.amin(0), finite.amax(0))",
        ]
    return [], ["mean, std = X.mean(0), X.std(0)  # of the training rows", "X = (X - mean) / std"]


def _rows(change: Change, anatomy: Anatomy) -> Lines:
    if change.word == "shuffled":
        return ["DataLoader(dataset, batch_size)"], ["DataLoader(dataset, batch_size, shuffle=True)"]
    return [], [
        "good = X.flatten(1).isfinite().all(1) & y.reshape(len(y), -1).isfinite().all(1)",
        "X, y = X[good], y[good]",
    ]


def _axes(change: Change, anatomy: Anatomy) -> Lines:
    return [], [
        "for part in model.modules():",
        "    if getattr(part, 'batch_first', True) is False:",
        "        part.batch_first = True",
    ]


def _labels(change: Change, anatomy: Anatomy) -> Lines:
    return [], [f"y = y.roll({round(change.value)}, 0)"]


def _clipping(change: Change, anatomy: Anatomy) -> Lines:
    if change.value == 0.0:
        return ["torch.nn.utils.clip_grad_norm_(...)"], []
    return [], [
        f"torch.nn.utils.clip_grad_norm_(model.parameters(), {number(change.value)})  # before the step"
    ]


def _schedule(change: Change, anatomy: Anatomy) -> Lines:
    if change.word == "constant":
        return ["scheduler.step()"], []
    return [], ["scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)"]


def _sizes(change: Change, anatomy: Anatomy) -> Lines:
    hidden = [one for one in anatomy.layers[:-1] if one.shape]
    if change.kind == "depth":
        return [f"# {len(hidden)} hidden layers"], [f"# {round(change.value * len(hidden))} hidden layers"]
    old = [one.shape[0] for one in hidden]
    new = [round(one.shape[0] * (change.value if change.layer in ("", one.name) else 1.0)) for one in hidden]
    return [f"# hidden widths {old}"], [f"# hidden widths {new}"]


_ROWS: dict[str, Callable[[Change, Anatomy], Lines]] = {
    "head": _head,
    "activation": _activation,
    "norm": _norm,
    "scaling": _scaling,
    "rows": _rows,
    "labels": _labels,
    "axes": _axes,
    "clipping": _clipping,
    "schedule": _schedule,
    "width": _sizes,
    "depth": _sizes,
}
