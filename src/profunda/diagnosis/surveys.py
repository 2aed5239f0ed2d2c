"""One look at a network on probe rows: everything that a `record.Survey` holds, measured on a copy."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from profunda.diagnosis.company import company
from profunda.diagnosis.copying import cloned, draws_from, tensors_in, undisturbed
from profunda.diagnosis.feeding import Feed, affordable, feed_of, outputs_by_row, outputs_in
from profunda.diagnosis.givens import Anatomy, Task
from profunda.diagnosis.gradients import copies_in, gradients_of, moved_by, noise_of
from profunda.diagnosis.holdings import Holding, holdings_of
from profunda.diagnosis.hooks import unwrapped
from profunda.diagnosis.origins import finite, origin_of
from profunda.diagnosis.record import Against, Survey
from profunda.diagnosis.scoring import Yardstick, against, recall, score, yardstick_of
from profunda.diagnosis.sensing import mixing, sensitivity
from profunda.diagnosis.sequences import ahead, order
from profunda.diagnosis.signals import Recorder, Signs
from profunda.diagnosis.tasks import class_axis, task_of
from profunda.diagnosis.undropped import in_training, resting, undropped
from profunda.errors import DataError

__all__ = ["survey"]

_MEASURED = 4
"""Losses and scores are taken on so many times the probe rows: they cost one forward pass."""

_FEW = 32
"""Rows in which places are exchanged: what depends on them does so in each."""

Validation = tuple[tuple[Any, ...], Any]
"""Positional inputs and targets of validation rows."""


def survey(
    module: nn.Module,
    anatomy: Anatomy,
    inputs: tuple[Any, ...],
    targets: Any,
    loss_fn: Callable[..., Any],
    *,
    step: int,
    start: Mapping[str, Tensor] | Tensor | None = None,
    validation: Validation | None = None,
    named: tuple[tuple[str, Any], ...] = (),
    task: Task | None = None,
    batch_size: int | None = None,
) -> Survey:
    """Looks at `module` as it is, on a copy; nothing of the user's is changed, no random number drawn.

    Parameters
    ----------
    module, anatomy
        What to look at, and what `anatomy_of` said of it: fields [L] and [A] are in its order.
    inputs, named, targets
        Training rows: positional and keyword inputs, nests of tensors with rows on the first axis (or, where
        targets tell so, on the second). The first PROBE_ROWS of them are probed, fewer (8 at least) where a
        pass would be long; losses and scores are taken on up to four times as many.
    loss_fn
        ``loss_fn(outputs, targets)``. One that sums over rows is scaled to `batch_size` rows, or one.
    step
        Optimiser steps done.
    start
        Parameters at the beginning, by name or as one vector [P] in the order of ``module.parameters()``;
        without them `moved` is NaN.
    validation
        Inputs and targets of validation rows.
    task
        What `task_of` said: how scores are taken. Without it the probe rows must tell.

    Raises
    ------
    DataError
        The module raises on these rows in evaluation mode, or there are none.
    """
    inner, prefix = unwrapped(module)
    with undisturbed(module):
        try:
            feed = feed_of(cloned(inputs), cloned(targets), cloned(named))
            own = undropped(inner)
        except Exception as error:
            raise DataError(_raised(module, error)) from error
        if not feed.rows:
            raise DataError(
                f"The inputs of {type(module).__name__} hold 0 rows: no tensor with a first axis was found "
                "in them. Give positional inputs as a tuple, as in survey(module, anatomy, (x,), y, ...)."
            )
        look = _Look(module, own, prefix, anatomy, feed, resting(inner))
        return look.survey(step, _named(start, module), _Asked(loss_fn, validation, task, batch_size or 1))


def _raised(module: nn.Module, error: Exception, rows: int = 0) -> str:
    text = " ".join(str(error).split())[:300]
    these = f"{rows} rows at once" if rows else "these rows"
    return (
        f"{type(module).__name__} raises {type(error).__name__} on {these} in evaluation mode: {text} "
        "Nothing can be measured then. Call module.eval()(inputs) yourself to see where it comes from; a "
        "forward must take any number of rows."
    )


def _named(start: Mapping[str, Tensor] | Tensor | None, module: nn.Module) -> dict[str, Tensor]:
    if start is None:
        return {}
    if isinstance(start, Tensor):
        found, at = {}, 0
        for name, each in module.named_parameters():
            found[name] = start[at : at + each.numel()].detach().reshape(each.shape)
            at += each.numel()
        return found
    return {name: each.detach() for name, each in start.items()}


@dataclass(frozen=True)
class _Asked:
    """What losses and scores are taken of."""

    loss_fn: Callable[..., Any]
    validation: Validation | None
    task: Task | None
    batch: int


@dataclass(frozen=True)
class _Passed:
    """What one forward pass tells: `outputs`, and what layers and activations gave on the way."""

    outputs: Any
    signs: Signs
    signal: np.ndarray
    apart: np.ndarray
    holdings: tuple[Holding, ...]


@dataclass(frozen=True)
class _Gradients:
    """What one backward pass tells, [L] each."""

    norm: np.ndarray
    backward: np.ndarray
    copies: np.ndarray
    noise: np.ndarray


@dataclass(frozen=True)
class _Measured:
    """Loss and score on some rows, and how their classes differ from what is said of them."""

    loss: float = math.nan
    score: float = math.nan
    against: Against | None = None


class _Look:
    """The copy `own` of `module` without its wrappers, and all rows at hand."""

    def __init__(
        self,
        module: nn.Module,
        own: nn.Module,
        prefix: str,
        anatomy: Anatomy,
        feed: Feed,
        rest: frozenset[str],
    ) -> None:
        self.module, self.own, self.prefix, self.anatomy, self.rest = module, own, prefix, anatomy, rest
        most = affordable(anatomy)
        self.probe, self.all = feed.first(most), feed.first(_MEASURED * most)

    def survey(self, step: int, start: dict[str, Tensor], asked: _Asked) -> Survey:
        """All of it."""
        passed = self._forward()
        outputs, holdings = passed.outputs, passed.holdings
        yardstick = yardstick_of(asked.loss_fn, outputs, self.probe, asked.batch)
        task = asked.task or task_of(outputs, self.probe.targets)
        train = self._measured(self.all, yardstick, task)
        valid = self._validated(asked.validation, yardstick, task)
        found = self._gradients(yardstick, holdings)
        mean, spread, size = _outputs(outputs, self.probe)
        now = {name: each.detach() for name, each in self.own.named_parameters()}
        return Survey(
            step=step,
            activation_mean=passed.signs.mean,
            activation_std=passed.signs.std,
            dead=passed.signs.dead,
            saturated=passed.signs.saturated,
            gradient_norm=found.norm,
            signal=passed.signal,
            apart=passed.apart,
            backward=found.backward,
            weight=np.array([each.norm(now) for each in holdings], np.float64),
            moved=moved_by(self.own, holdings, start),
            noise=found.noise,
            copies=found.copies,
            output_mean=mean,
            output_spread=spread,
            output_size=size,
            sensitivity=self._sensitivity(),
            mixing=self._mixing(),
            company=self._company() if step == 0 else 0,
            train_loss=train.loss,
            train_score=train.score,
            valid_loss=valid.loss,
            valid_score=valid.score,
            recall=recall(outputs, self.probe.targets, task),
            order=self._told(order),
            ahead=self._told(ahead),
            broken="" if finite(outputs) else self._origin(),
            against=valid.against,
        )

    def _forward(self) -> _Passed:
        """One pass in evaluation mode; what layers gave is let go with the recorder."""
        recorder = Recorder(self.own, self.probe, self.anatomy, self.prefix)
        try:
            outputs = recorder.run()
        except Exception as error:
            raise DataError(_raised(self.module, error, self.probe.rows)) from error
        holdings = holdings_of(self.own, self.anatomy, recorder.nodes, self.prefix)
        return _Passed(outputs, recorder.signs, recorder.signal, recorder.apart, holdings)

    def _validated(self, validation: Validation | None, yardstick: Yardstick, task: Task) -> _Measured:
        """`_measured` on validation rows; NaN without them."""
        if validation is None:
            return _Measured()
        given = feed_of(cloned(validation[0]), cloned(validation[1]))
        return self._measured(given.spread(_MEASURED * affordable(self.anatomy)), yardstick, task)

    def _measured(self, feed: Feed, yardstick: Yardstick, task: Task) -> _Measured:
        """In evaluation mode; NaN where the loss raises."""
        try:
            with torch.no_grad():
                outputs = feed.through(self.own)
                reached, apart = score(outputs, feed.targets, task), against(outputs, feed.targets, task)
                return _Measured(float(yardstick.loss(outputs, feed.targets, feed.rows)), reached, apart)
        except Exception:  # what the loss raises is told elsewhere, and a survey must go on
            return _Measured()

    def _origin(self) -> str:
        return origin_of(self.own, self.prefix, self.probe.inputs, dict(self.probe.named))

    # Backwards ----------------------------------------------------------------------------------------

    def _gradients(self, yardstick: Yardstick, holdings: tuple[Holding, ...]) -> _Gradients:
        """In training mode; in evaluation mode where that fails, as with a batch norm of one row."""
        unknown = np.full(len(holdings), math.nan)
        with _buffers_kept(self.own):
            for mode in (partial(in_training, self.own, self.rest), nullcontext):
                draws_from(0)
                try:
                    with mode():
                        found = self._backward(yardstick, holdings)
                    noise = self._noise(yardstick, holdings)
                    return _Gradients(*found, noise)
                except Exception:  # a loss that cannot be computed or differentiated has no gradients
                    continue
        return _Gradients(unknown, unknown, unknown, unknown)

    def _backward(
        self, yardstick: Yardstick, holdings: tuple[Holding, ...]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        recorder = Recorder(self.own, self.probe, self.anatomy, self.prefix, backwards=True)
        outputs = recorder.run()
        loss = yardstick.loss(outputs, self.probe.targets, self.probe.rows)
        found = gradients_of(loss, self.own)
        norm = [
            each.norm(found) if any(name in found for name in each.names) else math.nan for each in holdings
        ]
        cut = len(self.prefix)
        copies = [copies_in(self.own, layer.name[cut:].lstrip("."), found) for layer in self.anatomy.layers]
        # A mean loss gives each row 1/N of its gradient.
        backward = recorder.backward * (self.probe.rows / (yardstick.batch if yardstick.sums else 1))
        return np.array(norm, np.float64), backward, np.array(copies, np.float64)

    def _noise(self, yardstick: Yardstick, holdings: tuple[Holding, ...]) -> np.ndarray:
        try:
            return noise_of(self.own, self.probe, yardstick, holdings)
        except Exception:  # a loss that needs all rows
            return np.full(len(holdings), math.nan)

    # Sideways -----------------------------------------------------------------------------------------

    def _sensitivity(self) -> np.ndarray:
        try:
            return sensitivity(self.own, self.probe)
        except Exception:  # a module that refuses what other rows hold
            return np.full(0, math.nan)

    def _told(self, what: Callable[[nn.Module, Feed], float]) -> float:
        try:
            return what(self.own, self.probe.first(_FEW))
        except Exception:  # a module that refuses such sequences
            return math.nan

    def _mixing(self) -> tuple[float, float]:
        found = []
        for mode in (nullcontext, partial(in_training, self.own, self.rest)):
            with _buffers_kept(self.own):
                try:
                    found.append(mixing(self.own, self.all, mode, self.probe.rows // 8))
                except Exception:  # a module made for one number of rows
                    found.append(math.nan)
        return found[0], found[1]

    def _company(self) -> int:
        """Of rows that are alone in evaluation."""
        with _buffers_kept(self.own):
            try:
                together = company(self.own, self.all, partial(in_training, self.own, self.rest))
                return together if together < 2 or company(self.own, self.all, nullcontext) == 1 else 0
            except Exception:  # a module made for one number of rows
                return 0


@contextmanager
def _buffers_kept(own: nn.Module) -> Iterator[None]:
    """What batch norms collect is put back."""
    before = [(each, each.detach().clone()) for each in own.buffers()]
    try:
        yield
    finally:
        with torch.no_grad():
            for each, value in before:
                if each.shape == value.shape:
                    each.copy_(value)


def _outputs(outputs: Any, feed: Feed) -> tuple[np.ndarray, float, float]:
    """Mean of each output [C] over rows and places, root mean square over numbers of the standard deviation
    over rows, and root mean square of all numbers.
    """
    found = outputs_in(outputs)
    if found is None or not found.numel():
        return np.full(0, math.nan), math.nan, math.nan
    found = found.detach().double()
    size = float(found.square().mean()) ** 0.5
    asked = next((one for one in tensors_in(feed.targets) if one.ndim), None)
    axis = None if asked is None else class_axis(tuple(found.shape), tuple(asked.shape))
    rows = outputs_by_row(outputs, feed)
    spread = math.nan if rows is None else float(rows.var(0, correction=0).mean()) ** 0.5
    if axis is not None:
        mean = found.movedim(axis, -1).flatten(0, -2).mean(0)
    elif rows is not None:
        mean = rows.mean(0)
    else:
        mean = found.mean().reshape(1)
    return mean.cpu().numpy(), spread, size
