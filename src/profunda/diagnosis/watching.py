"""`watch`: a probe on the user's own loop, for as long as a `with` block lasts."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from profunda.diagnosis.batches import LABELS, Batch
from profunda.diagnosis.carrying import matters
from profunda.diagnosis.concluding import Seen, conclude, looker_of
from profunda.diagnosis.copying import undisturbed
from profunda.diagnosis.courses import course_of
from profunda.diagnosis.diagnosis import Diagnosis
from profunda.diagnosis.gathering import gathered
from profunda.diagnosis.handing import handing
from profunda.diagnosis.hooks import unwrapped
from profunda.diagnosis.ingredients import making_of
from profunda.diagnosis.looking import Looker
from profunda.diagnosis.optimisers import optimiser_of
from profunda.diagnosis.probe import Probe
from profunda.diagnosis.rebuilding import rebuilt
from profunda.diagnosis.record import Course
from profunda.diagnosis.snapshots import Snapshot
from profunda.diagnosis.untouched import untouched
from profunda.errors import ArgumentError, DataError

__all__ = ["Watch", "watch"]


def watch(
    model: nn.Module,
    optimizer: Optimizer,
    loss_fn: Callable[..., Any],
    data: object = None,
    validation: object = None,
    accumulate: int = 1,
) -> "Watch":
    """Look at a training loop of your own without changing a bit of what it computes.

    >>> import torch
    >>> model = torch.nn.Linear(3, 1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> x, y = torch.ones(8, 3), torch.zeros(8, 1)
    >>> with watch(model, optimizer, torch.nn.functional.mse_loss) as w:
    ...     for _ in range(5):
    ...         optimizer.zero_grad()
    ...         w.loss(model(x), y).backward()
    ...         optimizer.step()
    >>> w.course().steps, w.course().uncleared
    (5, 0)

    Parameters
    ----------
    model
        The module that the loop calls as ``model(...)``. Where it calls a compiled or wrapped one, give that.
    optimizer
        The one optimiser whose steps are counted.
    loss_fn
        A loss module is seen wherever it is called. A function is seen through ``w.loss(outputs, targets)``.
    data, validation
        A DataLoader or a pair ``(X, y)`` of tensors; without `data` the first rows that pass are kept.
    accumulate
        Backward passes for each optimiser step.

    Raises
    ------
    ArgumentError
        `model` is no module or has no parameters, `optimizer` is no torch optimiser, `loss_fn` cannot be
        called, `accumulate` is below 1.
    """
    return Watch(model, optimizer, loss_fn, data, validation, accumulate)


class Watch:
    """What `watch` gives; enter it once. See `watch` for the arguments.

    `hurried` False takes closer looks by the steps' numbers alone, whatever they cost: for loops whose
    record must not depend on the clock.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        loss_fn: Callable[..., Any],
        data: object = None,
        validation: object = None,
        accumulate: int = 1,
        *,
        hurried: bool = True,
    ) -> None:
        _check(model, optimizer, loss_fn, accumulate)
        self.model, self.optimizer, self.loss_fn = model, optimizer, loss_fn
        self.data, self.validation, self.accumulate = data, validation, accumulate
        self._probe = Probe(model, optimizer, loss_fn, accumulate, _epoch(data, accumulate), hurried)
        self._stack: ExitStack | None = None

    def __enter__(self) -> Self:
        """Put the hooks on.

        Raises
        ------
        ArgumentError
            It was entered before.
        """
        if self._stack is not None:
            raise ArgumentError(
                "This watch was entered before: one watch sees one run. Make a new one with watch(...) for "
                "the next loop."
            )
        try:
            self._stack = self._probe.attach()
        except (AttributeError, RuntimeError) as error:
            raise ArgumentError(
                f"Hooks cannot be put on {type(self.model).__name__} and {type(self.optimizer).__name__} "
                f"({error}). An optimiser of your own must call super().__init__; a scripted module must be "
                "watched before it is scripted."
            ) from error
        self._probe.snapshots.begin()
        self._optimiser = optimiser_of(self.optimizer, self.model)
        self._modes = self.model.training, _other_modes(self.model)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the hooks off, whatever happened."""
        if self._stack is not None:
            self._stack.close()
        self._probe.leave(finished=kind is None)

    def loss(self, outputs: Any, targets: Any, *more: Any) -> Any:
        """``loss_fn(outputs, targets, *more)``, seen: for losses that are functions."""
        loss = self.loss_fn(outputs, targets, *more)
        if not isinstance(self.loss_fn, nn.Module):  # modules are seen by a hook
            self._probe.guarded(Probe.lost, targets, loss, outputs)
        return loss

    def diagnosis(self) -> Diagnosis:
        """What the loop showed, judged: so far inside of the ``with`` block, in all after it.

        Nothing of the user's is changed; looks are taken on copies, which costs seconds.

        Raises
        ------
        DataError
            The loop never ran: no forward pass and no step was seen.
        """
        with undisturbed(self.model), untouched(self.data, self.validation):
            self.course()  # raises where there is nothing to judge
            given = handing(self.model, self.loss_fn, self.kept, self._probe.passings)
            found = gathered(given.kept, self.data, self.validation, self.model)
            carried = self._carried() if found.shuffled else 0.0
            given = given.asking([*found.sample[:1], *found.validation[:1]])
            seen = Seen(
                module=given.module,
                loss_fn=given.loss_fn,
                optimiser=self._optimiser,
                course=lambda layers: replace(self.course(layers), coverage=found.coverage, carried=carried),
                first=next(iter((*given.kept, *found.sample)), None),
                passage=given.passage,
                sample=found.sample,
                rows=found.rows,
                validation=found.validation,
                labels=self.labels,
                making=making_of(self.optimizer, self.model),
                snapshots=self.snapshots,
                training=self._modes[0],
                stuck=self._modes[1],
                finished=self._probe.closed,
                notes=(*self.notes, *found.notes),
            )
            return conclude(*self._measured(seen))

    def _carried(self) -> float:
        """Share of training passes that began with what the pass before had left, where that matters."""
        seen, first = self._probe.carrying, self.first_batch
        met = seen.kept if seen.kept and first is not None and matters(self.model, first) else 0
        return max(met, seen.carried) / max(1, seen.looked)

    def _measured(self, seen: Seen) -> tuple[Seen, Looker]:
        """With the curvature before the first step, where the optimiser knows its steps then, and now."""
        looker, steps = looker_of(seen), len(self._probe.log.rate)
        moved = rebuilt(self.optimizer, self.model, looker.begun)
        moved.state.clear()
        found = [looker.sharpness(looker.begun, moved, 0)]
        if steps:
            own = seen.module is self.model
            now = self.optimizer if own else rebuilt(self.optimizer, self.model, seen.module)
            found += [looker.sharpness(seen.module, now, steps)]
        return replace(seen, sharpness=tuple(one for one in found if one is not None)), looker

    # What was seen ------------------------------------------------------------------------------------

    def course(self, layers: Sequence[str] | None = None) -> Course:
        """What happened, so far or in all. Its columns are `layers` (names as in `Anatomy.layers`), or all
        modules with parameters in the order of registration; the arrays of epochs are left empty.

        Raises
        ------
        DataError
            The loop never ran: no forward pass and no step was seen.
        """
        log, weights = self._probe.log, self._probe.weights
        self._probe.guarded(Probe._read)
        if not log.forwards and not log.rate and not log.losses:
            raise DataError(
                "The loop never ran: 0 forward passes, 0 losses and 0 optimiser steps were seen inside the "
                "with block. An empty loader, a used-up generator, or a loop that stands outside of the "
                "block, or uses another copy of the model? Let the loop run inside it."
            )
        weights.settle()
        columns = weights.columns(weights.layers() if layers is None else layers)
        ending = self._probe.restarts.ending
        return replace(course_of(log, columns), accumulate=self.accumulate, ending=ending)

    @property
    def kept(self) -> tuple[Batch, ...]:
        """The first batches trained on, up to 2,048 rows and 64 MB."""
        return tuple(self._probe.keeper.batches)

    @property
    def first_batch(self) -> Batch | None:
        """The first of them; None before the first backward pass."""
        return next(iter(self._probe.keeper.batches), None)

    @property
    def labels(self) -> Tensor | None:
        """Targets [N] in order of arrival, at most 16,384, where they are one number a row; else None."""
        labels = self._probe.keeper.labels
        return torch.cat([each.reshape(-1).cpu() for each in labels])[:LABELS] if labels else None

    @property
    def snapshots(self) -> tuple[Snapshot, ...]:
        """Weights and buffers at a few steps: before the first one, and at ends of epochs where `data` tells
        how long these are, else after 1, 2, 4, 8, … steps.
        """
        return tuple(self._probe.snapshots.kept)

    @property
    def notes(self) -> tuple[str, ...]:
        """What could not be seen, and what to do that it can."""
        log, probe = self._probe.log, self._probe
        steps = probe.steps
        found = list(probe.notes)
        if steps and not log.forwards:
            found.append(
                f"{steps} steps were made, yet model(...) was never called: the loop uses model.forward, a "
                "part of the model, or a wrapped or compiled one. Give watch what the loop calls."
            )
        if (log.forwards or steps) and not log.losses:
            called = (
                "w.loss(outputs, targets)" if not isinstance(probe.loss_fn, nn.Module) else "loss_fn(...)"
            )
            found.append(
                f"No loss was seen in {log.forwards} forward passes: {called} was never called on "
                f"gradients' way. Write {called} where the loop computes its loss."
            )
        for name in probe.strangers:
            found.append(
                f"Another optimiser, {name}, moves parameters of this model too. A watch follows one "
                "optimiser: norms of gradients are of all parameters, steps and rates of the one given."
            )
        if unwrapped(probe.model)[0] is not probe.model:
            found.append(
                f"The model is wrapped ({type(probe.model).__name__}): it is seen from outside, and searched "
                "for the origin of numbers that are not finite on a copy of what is inside."
            )
        return tuple(found)


def _check(model: object, optimizer: object, loss_fn: object, accumulate: int) -> None:
    if not isinstance(model, nn.Module):
        raise ArgumentError(
            f"model is a {type(model).__name__}; watch takes a torch.nn.Module. The order is "
            "watch(model, optimizer, loss_fn)."
        )
    if next(model.parameters(), None) is None:
        raise ArgumentError(
            f"{type(model).__name__} has 0 parameters, so there is nothing to train. Were its layers put "
            "into a plain list or dict? Use nn.ModuleList or nn.ModuleDict."
        )
    if isinstance(optimizer, (list, tuple)):
        raise ArgumentError(
            f"{len(optimizer)} optimisers were given; a watch follows one. Watch the network with the one "
            "that moves it, or open one watch for each."
        )
    if not isinstance(optimizer, Optimizer):
        raise ArgumentError(
            f"optimizer is a {type(optimizer).__name__}; its steps can be seen only on a "
            "torch.optim.Optimizer. Derive it from that class, or hand over the one that it wraps."
        )
    if isinstance(loss_fn, type):
        raise ArgumentError(
            f"loss_fn is the class {loss_fn.__name__}; give one of it, such as {loss_fn.__name__}()."
        )
    if not callable(loss_fn):
        raise ArgumentError(
            f"loss_fn is a {type(loss_fn).__name__} and cannot be called; give the function or module that "
            "maps (outputs, targets) to the loss."
        )
    if isinstance(accumulate, bool) or not isinstance(accumulate, int) or accumulate < 1:
        raise ArgumentError(
            f"accumulate is {accumulate!r}; it counts the backward passes for each optimiser step, so it is "
            "a whole number of at least 1."
        )


def _other_modes(model: nn.Module) -> tuple[str, ...]:
    """The uppermost parts whose mode is not that of the whole."""
    other = [name for name, part in model.named_modules() if part.training != model.training]
    return tuple(name for name in other if not any(name.startswith(f"{up}.") for up in other))


def _epoch(data: object, accumulate: int) -> int:
    """Optimiser steps in an epoch; 0 where `data` does not tell."""
    if not isinstance(data, DataLoader):
        return 0
    try:
        return max(1, len(data) // accumulate)
    except TypeError:  # an iterable data set has no length
        return 0
