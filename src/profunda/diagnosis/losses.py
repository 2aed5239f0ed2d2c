"""What a loss is and does, told by calling it on outputs and targets."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from profunda.diagnosis.asking import Asked, Asking
from profunda.diagnosis.givens import Loss, Task
from profunda.diagnosis.invariances import left_open
from profunda.diagnosis.reaches import endless, is_turned, passed_over
from profunda.diagnosis.suspects import DRAWS, SUSPECTS, Suspect, is_distance, matched
from profunda.diagnosis.tasks import class_axis
from profunda.diagnosis.trivial import trivial_loss

__all__ = ["loss_of", "name_of"]

_MOST_NUMBERS = 200_000
"""Output numbers asked about at once: rows beyond are left out of the many calls of recognition."""

_PAIRS = 4
"""Rows from which a loss that minds no order of the targets can be told from one that has a draw or two."""

_WEIGHED = 2048
"""Rows by which weights of classes are told."""

_OPEN = ("", "bce-logits", "hinge")
"""Kinds that may fall for ever, of targets that they are not made for."""

_CLASSES: dict[type[nn.Module], tuple[str, str]] = {
    nn.CrossEntropyLoss: ("cross-entropy", "logits"),
    nn.NLLLoss: ("nll", "log-probabilities"),
    nn.BCELoss: ("bce", "probabilities"),
    nn.BCEWithLogitsLoss: ("bce-logits", "logits"),
    nn.MultiLabelSoftMarginLoss: ("bce-logits", "logits"),
    nn.MSELoss: ("mse", "values"),
    nn.L1Loss: ("mae", "values"),
    nn.SmoothL1Loss: ("huber", "values"),
    nn.HuberLoss: ("huber", "values"),
    nn.HingeEmbeddingLoss: ("hinge", "values"),
    nn.MultiMarginLoss: ("hinge", "values"),
    nn.MultiLabelMarginLoss: ("hinge", "values"),
    nn.KLDivLoss: ("kl", "log-probabilities"),
}
"""Classes of torch, by themselves and not by what derives from them."""


def loss_of(
    loss_fn: Callable[..., Any], outputs: Any, targets: Any, task: Task, every: Tensor | None = None
) -> Loss:
    """Reads `loss_fn(outputs, targets)`, for `outputs` [B, …] of the network and `targets` of one batch.

    The best constant output is that of `every` target at hand [N, …], or of the batch. The loss is called
    some hundred times on copies; a function with a state of its own sees these calls. What it raises, and
    that it is no function of outputs and targets alone, is told by `Loss.why`.
    """
    name = name_of(loss_fn)
    kind, expects = _CLASSES.get(type(loss_fn), ("", ""))  # type: ignore[arg-type]
    bare = Loss(name, kind, expects)
    ask = Asking(loss_fn)
    plain = isinstance(outputs, Tensor) and outputs.is_floating_point()
    if not plain or not outputs.ndim or not outputs.numel():
        first, compared = ask.nested(outputs, targets)
        attached = first.slope is not None or bool(first.why)
        return replace(bare, value=first.value, attached=attached, compared=compared, why=first.why)
    first = ask(outputs, targets, seed=0)
    if first.why:
        # It may refuse these outputs alone, as a loss of probabilities does where they are none.
        asked = _drawn(ask, outputs.detach(), targets, task, True)
        suspect, sign = _recognised(*asked, targets, task, True)
        return replace(_named(bare, suspect, *asked, targets, task), sign=sign, why=first.why)
    found = replace(bare, value=first.value, attached=first.slope is not None)
    if not found.attached:
        return replace(found, compared=(0.0, 0.0), why="no gradient of it reaches the outputs")
    if not math.isnan(first.value) and ask(outputs, targets, seed=1).value != first.value:
        found = replace(found, why="it draws random numbers: what is said of it holds for one draw")
    return _read(found, ask, outputs.detach(), targets, task, first, every)


def _read(
    loss: Loss, ask: Asking, outputs: Tensor, targets: Any, task: Task, first: Asked, every: Tensor | None
) -> Loss:
    outputs, targets = _fewer(ask, outputs, targets)
    outputs = outputs.float() if outputs.dtype in (torch.float16, torch.bfloat16) else outputs
    draws, asked = _drawn(ask, outputs, targets, task, False)
    suspect, sign = _recognised(draws, asked, targets, task, False)
    if suspect is None:
        other, answers = _drawn(ask, outputs, targets, task, True)
        suspect, sign = _recognised(other, answers, targets, task, True)
        if asked and suspect is not None and suspect.domain == "any":
            suspect, sign = None, 0  # it was not that elsewhere: far from all targets many losses are linear
        draws, asked = (other, answers) if suspect is not None or not asked else (draws, asked)
    loss = _named(loss, suspect, draws, asked, targets, task)
    compared = _compared([*asked, first], outputs, targets)
    loss = replace(loss, pooled=_pooled(ask, draws, asked, targets))
    loss = replace(
        loss,
        sign=sign or _sign(draws, asked, targets, task),
        crosswise=_crosswise(ask, draws, targets) or _crosswise(ask, _near(outputs), targets),
        blind=_blind(draws, asked, targets, task),
        compared=compared,
        reduction="none" if first.given else _reduction(ask, draws, targets) if compared[1] == 1.0 else "",
    )
    if _is_turned(ask, loss, outputs, targets, task):
        loss = replace(loss, sign=-1, endless=0.0)
    else:
        loss = replace(loss, endless=_endless(ask, loss, outputs, targets, task))
    skipped, amid = passed_over([*asked, first], outputs, targets, task)
    loss = replace(loss, passed_over=skipped, amid=amid)
    loss = replace(loss, normed=_normed(loss, outputs, targets))
    weights = _weights(ask, loss, outputs, targets if every is None else every, task)
    return replace(loss, weights=weights, trivial=trivial_loss(ask, loss, outputs, targets, task, every))


def _is_turned(ask: Asking, loss: Loss, outputs: Tensor, targets: Any, task: Task) -> bool:
    """Asked of losses that no other sign tells: a likelihood made small falls for ever on both sides."""
    numbers = _as_numbers(outputs, targets, task)
    if loss.kind or loss.sign > 0 or numbers is None or numbers.numel() != targets.numel():
        return False
    return is_turned(ask, outputs, targets, numbers)


def _endless(ask: Asking, loss: Loss, outputs: Tensor, targets: Any, task: Task) -> float:
    """Asked where a sound loss has an end: not of distances, which have one, nor of what takes outputs for
    probabilities, which is another mistake. NaN where it is not asked.
    """
    numbers = _as_numbers(outputs, targets, task)
    turned = loss.sign < 0
    if (turned and loss.kind) or loss.kind not in _OPEN or loss.expects.endswith("probabilities"):
        return math.nan
    if numbers is None or numbers.numel() != targets.numel():
        return math.nan
    return endless(ask, outputs, targets, numbers, turned)


def _named(
    loss: Loss, suspect: Suspect | None, draws: list[Tensor], asked: list[Asked], targets: Any, task: Task
) -> Loss:
    if suspect is not None:
        shares = isinstance(targets, Tensor) and targets.is_floating_point()
        kind = "kl" if suspect.kind == "nll" and shares and targets.shape == draws[0].shape else suspect.kind
        kind, expects = (loss.kind or kind), (loss.expects or suspect.expects)
        return replace(loss, kind=kind, expects=expects, inside=suspect.inside)
    if loss.kind or not draws:
        return loss
    if _ignores_shifts(asked, task):
        return replace(loss, expects="logits")
    t = _as_numbers(draws[0], targets, task)
    if t is None or task.kind not in ("values", "copy"):
        return loss
    found = is_distance(torch.stack(draws), _slopes(asked), t)
    return replace(loss, kind="mse" if found == "mse" else "", expects="values" if found else "")


def name_of(loss_fn: Callable[..., Any]) -> str:
    """That of the function or class."""
    if isinstance(loss_fn, partial):
        return name_of(loss_fn.func)
    return str(getattr(loss_fn, "__name__", type(loss_fn).__name__))


def _fewer(ask: Asking, outputs: Tensor, targets: Any) -> tuple[Tensor, Any]:
    rows = max(2, _MOST_NUMBERS // max(1, outputs[0].numel())) if outputs.ndim else 1
    cut = outputs.ndim and rows < len(outputs) and isinstance(targets, Tensor) and targets.ndim
    if cut and not ask(outputs[:rows], targets[:rows]).why:
        return outputs[:rows], targets[:rows]
    return outputs, targets


# Recognition ------------------------------------------------------------------------------------------


def _drawn(
    ask: Asking, outputs: Tensor, targets: Any, task: Task, shares: bool
) -> tuple[list[Tensor], list[Asked]]:
    """Outputs drawn about the targets, or probabilities, and what the loss says of them, if anything."""
    generator = torch.Generator().manual_seed(0)
    centre = _as_numbers(outputs, targets, task)
    values = task.kind in ("values", "copy") and centre is not None and torch.isfinite(centre).all()
    spread = float(centre.std()) if values and centre is not None and centre.numel() > 1 else 1.0
    draws, asked = [], []
    for turn in range(DRAWS):
        noise = torch.randn(outputs.shape, generator=generator, dtype=outputs.dtype).to(outputs.device)
        if shares:
            axis = _axes(outputs, targets)[0] if outputs.ndim > 1 and outputs.shape[1] > 1 else None
            single = axis is None or task.kind in ("multilabel", "values")
            z = (noise.sigmoid() if single else noise.softmax(axis)).clamp(0.02, 0.98)
        elif values and centre is not None:
            z = centre + 1.5 * (1.0 if turn % 2 else max(spread, 1e-12)) * noise
        else:
            z = (1.5 if turn % 2 else 3.0) * noise  # a hinge is told from afar only
        told = ask(z, targets)
        if not told.usable:
            return [], []
        draws.append(z)
        asked.append(told)
    return draws, asked


def _recognised(
    draws: list[Tensor], asked: list[Asked], targets: Any, task: Task, shares: bool
) -> tuple[Suspect | None, int]:
    if not draws:
        return None, 0
    z = torch.stack(draws)
    slopes = _slopes(asked)
    several = draws[0].ndim > 1 and draws[0][0].numel() > 1
    t = _as_numbers(draws[0], targets, task)
    order = [s for s in SUSPECTS if shares and s.domain == "probabilities"]
    order += [s for s in SUSPECTS if s.domain == "any"]
    for suspect in order:
        if suspect.needs in ("classes", "both") and not several:
            continue
        if suspect.needs in ("targets", "both") and t is None:
            continue
        for axis in _axes(draws[0], targets) if several else [0]:
            turned = matched(suspect, z, slopes, torch.zeros_like(z[0]) if t is None else t, axis)
            if turned:
                return suspect, turned
    return None, 0


def _axes(outputs: Tensor, targets: Any) -> list[int]:
    """Axes that may hold classes, the likeliest first."""
    given = class_axis(tuple(outputs.shape), tuple(targets.shape)) if isinstance(targets, Tensor) else None
    found = [] if given is None else [given]
    return found + [axis for axis in (1, outputs.ndim - 1) if axis not in found and 0 < axis < outputs.ndim]


def _as_numbers(outputs: Tensor, targets: Any, task: Task) -> Tensor | None:
    """Targets as numbers of the outputs' shape: indices of classes become zeros and ones."""
    if not isinstance(targets, Tensor) or targets.is_complex():
        return None
    if targets.numel() == outputs.numel():
        return targets.detach().reshape(outputs.shape).to(outputs)
    axis = class_axis(tuple(outputs.shape), tuple(targets.shape))
    if axis is None or targets.numel() * outputs.shape[axis] != outputs.numel():
        return None
    if targets.is_floating_point() and not bool((targets == targets.round()).all()):
        return None
    places = targets.detach().reshape(outputs.select(axis, 0).shape).long()
    known = (places >= 0) & (places < outputs.shape[axis])
    one = torch.zeros_like(outputs)
    return one.scatter_(axis, places.where(known, 0).unsqueeze(axis), known.unsqueeze(axis).to(one))


def _slopes(asked: list[Asked]) -> Tensor:
    return torch.stack([one.slope for one in asked if one.slope is not None])


def _ignores_shifts(asked: list[Asked], task: Task) -> bool:
    """Whether a row's gradients sum to nothing over classes, as those of a softmax do."""
    if task.kind != "classes" or not asked or asked[0].slope is None or asked[0].slope.ndim != 2:
        return False
    slopes = _slopes(asked)
    return float(slopes.sum(2).abs().max()) < 1e-4 * float(slopes.abs().max())


# Behaviour --------------------------------------------------------------------------------------------


def _sign(draws: list[Tensor], asked: list[Asked], targets: Any, task: Task) -> int:
    """Whether a small move of a row's outputs towards its targets lowers the loss, in most rows; or, where
    rows count only beside each other (a correlation), that of all rows together, whatever they are.
    """
    if not draws:
        return 0
    t = _as_numbers(draws[0], targets, task)
    if t is None or task.kind == "unknown":
        return 0
    falls, rises, together = 0, 0, []
    for z, told in zip(draws, asked, strict=True):
        if told.slope is None:
            continue
        way = t - z if task.kind in ("values", "copy") else 2.0 * t - 1.0
        gain = (told.slope * way).reshape(len(z), -1).sum(1)
        falls, rises = falls + int((gain < 0).sum()), rises + int((gain > 0).sum())
        together.append(float(gain.sum()))
    one_by_one = int(falls > 4 * rises) - int(rises > 4 * falls)
    if one_by_one or len(together) < DRAWS:
        return one_by_one
    return int(max(together) < 0.0) - int(min(together) > 0.0)


def _crosswise(
    ask: Asking, draws: list[Tensor], targets: Any
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Both shapes, where it makes no difference which target belongs to which row. Where these do not
    broadcast to a third, the loss may have reshaped one of both itself: then each row's gradient must also be
    its own, for what compares one cloud of points with another needs no pairs either.
    """
    if not draws or not isinstance(targets, Tensor) or targets.ndim == 0 or len(targets) != len(draws[0]):
        return None
    ours, theirs = tuple(draws[0].shape), tuple(targets.shape)
    within = not _broadcasts(ours, theirs)
    moved, alike = targets.roll(1, 0), targets[:1].expand_as(targets).contiguous()
    if torch.equal(moved, targets) or (within and len(targets) < _PAIRS):
        return None
    # One draw may miss it: of an absolute error only the side counts, and that often stays.
    blind = all(_same(ask, z, targets, moved) for z in draws)
    heard = any(not _same(ask, z, targets, alike) for z in draws)
    if not (blind and heard) or (within and not all(_is_alone(ask, z, targets) for z in draws)):
        return None
    return ours, theirs


def _normed(loss: Loss, outputs: Tensor, targets: Any) -> bool:
    """Whether these outputs are such as it expects, whatever made them: shares of one whole, or the
    logarithms of such, in every row.
    """
    if not loss.expects.endswith("probabilities") or outputs.ndim < 2:
        return False
    for axis in _axes(outputs, targets):
        if outputs.shape[axis] < 2:
            continue
        shares = outputs.exp() if loss.expects == "log-probabilities" else outputs
        if float(shares.min()) >= 0.0 and float((shares.sum(axis) - 1.0).abs().max()) < 1e-4:
            return True
    return False


def _near(outputs: Tensor) -> list[Tensor]:
    """Outputs between 0 and 1, which any loss takes: where a rate is an exponential, those drawn about large
    targets give numbers beside which no target counts.
    """
    generator = torch.Generator().manual_seed(1)
    return [
        torch.rand(outputs.shape, generator=generator, dtype=outputs.dtype)
        .clamp(0.02, 0.98)
        .to(outputs.device)
        for _ in range(3)
    ]


def _blind(draws: list[Tensor], asked: list[Asked], targets: Any, task: Task) -> tuple[str, float]:
    t = _as_numbers(draws[0], targets, task) if draws and task.kind == "values" else None
    if t is None or t.ndim == 0 or any(one.slope is None for one in asked) or not torch.isfinite(t).all():
        return "", 0.0
    return left_open(torch.stack(draws), _slopes(asked), t)


def _pooled(ask: Asking, draws: list[Tensor], asked: list[Asked], targets: Any) -> bool:
    """Whether every row gets the same gradient whatever is asked of it, so that outputs count by their sum
    alone, and which rows the targets belong to by nothing.
    """
    if not draws or not isinstance(targets, Tensor) or targets.ndim == 0 or len(targets) != len(draws[0]):
        return False
    moved, alike = targets.roll(1, 0), targets[:1].expand_as(targets).contiguous()
    if len(targets) < _PAIRS or torch.equal(moved, targets):
        return False
    slopes = [one.slope for one in asked if one.slope is not None]
    even = all(float((each - each[:1]).abs().max()) <= 1e-4 * float(each.abs().max()) for each in slopes)
    if not slopes or not even or not all(_same(ask, z, targets, moved) for z in draws):
        return False
    return any(ask(z, targets).value != ask(z, alike).value for z in draws)


def _broadcasts(ours: tuple[int, ...], theirs: tuple[int, ...]) -> bool:
    """Whether they broadcast to a third shape."""
    try:
        return tuple(torch.broadcast_shapes(ours, theirs)) not in (ours, theirs)
    except RuntimeError:
        return False


def _is_alone(ask: Asking, outputs: Tensor, targets: Tensor) -> bool:
    """Whether the gradients of the first half of the rows stay when outputs of the others are exchanged."""
    half = len(outputs) // 2
    others = torch.cat([outputs[:half], outputs[half:].roll(1, 0) + 0.5])
    one, two = ask(outputs, targets).slope, ask(others, targets).slope
    if one is None or two is None:
        return False
    return float((one - two)[:half].abs().max()) <= 1e-4 * float(one.abs().max())


def _same(ask: Asking, outputs: Tensor, targets: Tensor, others: Tensor) -> bool:
    """Whether the gradient is the same with other targets."""
    one, two = ask(outputs, targets).slope, ask(outputs, others).slope
    if one is None or two is None:
        return False
    return float((one - two).abs().max()) <= 1e-4 * float(one.abs().max())


def _compared(asked: list[Asked], outputs: Tensor, targets: Any) -> tuple[float, float]:
    """Shares of a row's numbers, and of rows, that any of the gradients reaches. Where targets are indices of
    classes, a place counts where any class does and its targets differ, and rows count that have a class.
    """
    reached = torch.zeros(outputs.shape, dtype=torch.bool, device=outputs.device)
    for one in asked:
        if one.slope is not None and one.slope.shape == outputs.shape:
            reached |= one.slope != 0
    if outputs.ndim == 0:
        return float(reached), float(reached)
    flat = reached.reshape(len(outputs), -1)
    numbers, rows = flat.any(0), flat.any(1)
    axis = class_axis(tuple(outputs.shape), tuple(targets.shape)) if isinstance(targets, Tensor) else None
    if axis is not None and not targets.is_floating_point():
        given = targets.reshape(len(targets), -1)
        numbers = reached.any(axis).reshape(len(targets), -1).any(0)
        differ, classed = (given != given[:1]).any(0), (given >= 0).any(1)
        numbers = numbers[differ] if bool(differ.any()) else torch.ones_like(numbers)
        rows = rows[classed] if bool(classed.any()) else rows
    return float(numbers.float().mean()), float(rows.float().mean())


def _reduction(ask: Asking, draws: list[Tensor], targets: Any) -> str:
    """By how a row's gradient changes when half of the rows are left out: a mean's doubles."""
    if not draws or not isinstance(targets, Tensor) or targets.ndim == 0 or len(targets) != len(draws[0]):
        return ""
    half = len(targets) // 2
    if not half:
        return ""
    whole, part = ask(draws[0], targets).slope, ask(draws[0][:half], targets[:half]).slope
    if whole is None or part is None or not bool(part.any()):
        return ""
    ratio = float(whole[:half].abs().sum() / part.abs().sum())
    share = half / len(targets)
    if abs(ratio - 1.0) < 0.02:
        return "sum"
    return "mean" if abs(ratio / share - 1.0) < 0.4 else ""


def _weights(ask: Asking, loss: Loss, outputs: Tensor, targets: Any, task: Task) -> tuple[float, ...]:
    """By the gradients of rows that all have the same outputs: logits of 0, or equal shares."""
    if task.kind not in ("classes", "binary") or not isinstance(targets, Tensor) or not targets.ndim:
        return ()
    targets = targets[:_WEIGHED]
    even = 0.5 if outputs[0].numel() == 1 else 1.0 / outputs[0].numel()
    wide = outputs.new_full((len(targets), *outputs.shape[1:]), even if "prob" in loss.expects else 0.0)
    told = ask(wide.log() if loss.expects == "log-probabilities" else wide, targets)
    asked = _as_numbers(wide, targets, task)
    if not told.usable or told.slope is None or asked is None:
        return ()
    flat = asked.reshape(len(asked), -1)
    classes = (flat[:, 0] > 0.5).long() if flat.shape[1] == 1 else flat.argmax(1)
    size = told.slope.reshape(len(flat), -1).abs().sum(1).double()
    counts = torch.bincount(classes).double()
    mean = torch.bincount(classes, size) / counts  # NaN for a class without rows
    return tuple((mean / mean[int(counts.argmax())]).tolist())
