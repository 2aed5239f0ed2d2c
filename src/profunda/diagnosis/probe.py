"""Hooks on a module, a loss function and an optimiser that only look.

Nothing that is trained depends on them: hooks return None, hold no gradient of a parameter, draw no random
numbers, and what they keep are detached copies. What fails in here is noted and never raised. Hooks refer to
the probe weakly, and are nothing in copies and pickles of the module.
"""

import math
from collections.abc import Callable
from contextlib import ExitStack
from time import thread_time
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.utils.hooks import RemovableHandle

from profunda.diagnosis.batches import LABELS, Keeper, fingerprint, rows_in
from profunda.diagnosis.carrying import Carrying
from profunda.diagnosis.copying import tensors_in
from profunda.diagnosis.courses import Log, Step, Term, fetched, glanced
from profunda.diagnosis.hooks import Forward, Hook, unwrapped
from profunda.diagnosis.origins import finite, origin_of
from profunda.diagnosis.pacing import Pace
from profunda.diagnosis.passage import Passings
from profunda.diagnosis.restarts import Restarts
from profunda.diagnosis.snapshots import Snapshots
from profunda.diagnosis.weights import Weights

__all__ = ["Probe"]

OUTPUTS = 4
"""Output tensors of a forward pass at which a backward pass is waited for."""

MANY = 64
"""Forward and backward passes within one step that are remembered."""

READ = 32
"""On an accelerator numbers are fetched once in so many steps, because each fetch waits for it."""

LEAST_PERIOD = 8
"""There, two steps of so many are followed at most, because some checks wait for it."""

TRIES = 3
"""Losses that are not finite whose origin is searched for: the first ones may be a scaler's."""


class Probe:
    """Fills `log` while attached; `keeper` holds rows, `weights` what is known of the parameters.

    `every`: optimiser steps in an epoch, 0 where unknown. `hurried` False: closer looks by the steps' numbers
    alone, whatever they cost. `notes` tell what could not be seen.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        loss_fn: Callable[..., Any],
        accumulate: int,
        every: int = 0,
        hurried: bool = True,
    ) -> None:
        self.model, self.optimizer, self.loss_fn, self.accumulate = model, optimizer, loss_fn, accumulate
        self.log, self.keeper, self.passings = Log(), Keeper(), Passings()
        self.weights = Weights(model, optimizer)
        self.restarts = Restarts(model, optimizer, self.weights)
        self.carrying = Carrying(model)
        self.notes: dict[str, None] = {}
        self.strangers: dict[str, None] = {}
        self.snapshots = Snapshots(model, every)
        self.steps = self.next_full = self.cut = 0
        self.now: Forward | None = None
        self.forwards: list[Forward] = []
        self.cycle: list[list[Term]] = []  # a list a backward pass
        self.pending: list[Step | tuple[list[Term], Any]] = []  # light steps as they came
        self.leaving: RemovableHandle | None = None
        self.marks: tuple[Tensor, ...] | None = None
        self.found: tuple[Tensor, ...] | None = None
        self.within = self.stepping = self.heir = False
        self.closed = self.broken = self.deaf = False  # deaf: one of the others
        self.close = self.full = True
        self.current: list[Forward] = []
        self.terms: list[Term] = []  # of this step, with or without a way back
        self.pattern: list[list[Any]] = []  # weights of the terms of the last step that was followed
        self.last_rows, self.closure, self.suspect, self.tries = 0, False, "", TRIES
        self.fresh, self.stale = True, False  # no backward pass since the last step; it added to old ones
        self.passes, self.cost, self.worth = accumulate, 0.0, 1.0
        self.on_cpu = all(each.device.type == "cpu" for each in model.parameters())
        self.pace = Pace(hurried, 1 if self.on_cpu else LEAST_PERIOD)

    # Coming and going --------------------------------------------------------------------------------

    def attach(self) -> ExitStack:
        """Put the hooks on; closing what is returned takes them off."""
        with ExitStack() as stack:  # where one cannot be put on, those before are taken off
            enters = Hook(self, Probe._enters)
            stack.callback(self.model.register_forward_pre_hook(enters, with_kwargs=True).remove)
            stack.callback(self._await_outputs, False)
            self._await_outputs(True)
            stack.callback(self.optimizer.register_step_pre_hook(Hook(self, Probe._steps)).remove)
            stack.callback(self.optimizer.register_step_post_hook(Hook(self, Probe._stepped)).remove)
            stack.callback(register_optimizer_step_pre_hook(Hook(self, Probe._other_steps)).remove)
            stack.callback(register_optimizer_step_post_hook(Hook(self, Probe._other_stepped)).remove)
            if isinstance(self.loss_fn, nn.Module):
                lost = Hook(self, Probe._module_lost)
                stack.callback(self.loss_fn.register_forward_hook(lost, with_kwargs=True).remove)
            return stack.pop_all()
        raise AssertionError  # an ExitStack hides nothing

    def _await_outputs(self, wanted: bool) -> None:
        """Outputs are looked at in steps that are followed: a hook that does nothing costs the others 1 %."""
        if wanted and self.leaving is None:
            leaves = Hook(self, Probe._leaves)
            self.leaving = self.model.register_forward_hook(leaves, with_kwargs=True)
        elif not wanted and self.leaving is not None:
            self.leaving.remove()
            self.leaving = None

    def leave(self, finished: bool) -> None:
        """Read what is pending and let go of everything that belongs to the loop."""
        self.guarded(Probe._read)
        self.log.finished = finished
        if not self.steps:
            self.log.detached += self.cut * (not self.log.backwards)
        self._forget_forwards()
        self.now, self.cycle, self.marks, self.found = None, [], None, None
        self.weights.forget()
        self.carrying.forget()
        self.closed = self.deaf = True

    def guarded(self, act: Callable[..., object], *seen: object) -> None:
        """What goes wrong in here must not stop the user's training."""
        if self.deaf:
            return
        try:
            act(self, *seen)
        except Exception as error:
            self.fails(error)

    def fails(self, error: Exception) -> None:
        """Look no more, and say why."""
        self.broken = self.deaf = True
        self.notes[f"The probe stopped looking at step {self.steps}: {error!r}"] = None

    # Forward passes ----------------------------------------------------------------------------------

    def _enters(self, module: nn.Module, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        if self.within and torch._C._current_graph_task_id() != -1:
            return  # a checkpoint computes once more
        self.within = False
        self.log.forwards += 1
        if not torch.is_grad_enabled():
            self.now = None
            self.log.evaluated_in_training += module.training
            return
        if not self.full:
            self.now = Forward(args, named, module.training, [])
            return
        if module.training:
            self.carrying.enters(args, named, self.steps)
        self.now = forward = Forward(args, named, module.training, self.weights.resting())
        if self.keeper.open:
            forward.batch = self.keeper.copied(args, named)
        if len(self.forwards) > 1 and not self.forwards[-2].used:
            self.forwards[-2].release()  # a loop that never goes backwards must not fill the memory
        self.forwards = [*self.forwards[-MANY:], forward]

    def _leaves(self, module: nn.Module, args: object, named: object, outputs: object) -> None:
        forward = self.now
        if forward is None or self.within:
            return
        made = tensors_in(outputs)[:OUTPUTS]
        self.passings.left(made)
        if forward.training:
            self.carrying.leaves(outputs)
        for tensor in (each for each in made if each.requires_grad):
            tensor.register_hook(Hook(self, Probe._returns, forward))

    def _module_lost(
        self, module: nn.Module, args: tuple[Any, ...], named: dict[str, Any], loss: Any
    ) -> None:
        given = [*args, *named.values()]
        self.lost(given[1] if len(given) > 1 else None, loss, given[0] if given else None)

    def lost(self, targets: Any, loss: Any, outputs: Any = None) -> None:
        """The loss function gave `loss`."""
        if self.within or not isinstance(loss, Tensor) or not torch.is_grad_enabled():
            return
        forward = self.now
        if forward is not None:
            forward.targets = targets
            if not self.passings.over:
                self.passings.lost(outputs, targets)
        if self.on_cpu:
            value: Any = loss.item() if loss.ndim == 0 else loss.detach().mean().item()
        else:
            value = loss.detach().clone() if loss.ndim == 0 else loss.detach().mean()
        rows = targets.shape[0] if isinstance(targets, Tensor) and targets.ndim else rows_in(targets)
        term = Term(value, math.nan, rows)
        if self.keeper.labelled < LABELS and loss.requires_grad:
            self.keeper.label(targets)
        if not self.full and self.keeper.open and forward is not None and forward.training:
            self.keeper.add(self.keeper.copied(forward.args, forward.named), targets)
        self.log.losses += 1
        if loss.requires_grad:
            self.terms.append(term)
            if len(self.terms) > MANY:  # a closure's first losses count, else the last ones
                del self.terms[-1 if self.closure else 0]
            if self.full:
                loss.register_hook(Hook(self, Probe._weighs, term))
        elif forward is not None and forward.training:
            self.cut += 1
        if not self.on_cpu or forward is None or math.isfinite(term.value) or self.log.broken_step >= 0:
            return
        if self.tries:
            self.tries -= 1
            self.suspect = self._origin(forward, None) or ("loss" if finite(outputs) else "")

    def _origin(self, forward: Forward, loss_fn: Callable[..., Any] | None) -> str:
        inner, prefix = unwrapped(self.model)
        return origin_of(inner, prefix, forward.args, forward.named, loss_fn, forward.targets)

    # Backward passes ---------------------------------------------------------------------------------

    def _returns(self, forward: Forward, grad: Tensor) -> None:
        """A gradient came back to the outputs of `forward`."""
        self._begins()
        if forward.used:
            return
        forward.used = True
        self.current.append(forward)
        if not forward.training or forward.resting:
            self.log.in_evaluation += self.worth
            self.log.stuck.update(dict.fromkeys(forward.resting))

    def _weighs(self, term: Term, grad: Tensor) -> None:
        """A gradient came back to a value of the loss: 1, a scaler's factor, or 1 over the micro-batches."""
        self._begins()
        weight = grad.detach() if grad.ndim == 0 else grad.detach().sum()
        if isinstance(term.weight, Tensor) or not math.isnan(term.weight):
            # It was differentiated before, as for a penalty of its own gradient: that was no micro-batch.
            self.cycle = [[each for each in terms if each is not term] for terms in self.cycle]
        term.weight = weight.item() if self.on_cpu else weight
        self.cycle[-1].append(term)

    def _begins(self) -> None:
        if self.within:
            return
        self.within = True
        self.weights.settle()
        self.log.backwards += self.worth
        if self.fresh:
            self.stale = not self.stepping and self.weights.uncleared()
            self.cycle = []
        elif not self.stepping and self.weights.cleared():
            self.stale = False  # what was added to was another player's, and is gone
            self.log.drop(fetched(self.cycle), self.worth)
            self.cycle = []
        self.fresh = False
        self.current = []
        self.cycle = [*self.cycle[-MANY:], []]
        torch.autograd.Variable._execution_engine.queue_callback(Hook(self, Probe._ends))

    def _ends(self) -> None:
        """The backward pass is over."""
        self.within = False
        self.weights.remember_backward()
        if not math.isnan(self.log.gave_back):
            self.log.after_drop(fetched(self.cycle[-1:])[0], self.worth)
        for forward in self.current:
            if forward.batch is not None:
                self.keeper.add(forward.batch, forward.targets)
                forward.batch = None
        if self.current and self.found is None:
            first = self.current[0]
            every = tensors_in((first.args, first.named, first.targets))
            given = [each for each in every if each.layout == torch.strided]
            self.found = (
                tuple(fingerprint(each) for each in given[:3]) or None
            )  # after a step nothing is left
        if self.close:
            start = thread_time()
            if self.stepping:
                self.weights.take_gradients()
            elif len(self.cycle) >= self.passes:
                self.weights.arrived = self.weights.norm()
            self.cost += thread_time() - start

    # Steps -------------------------------------------------------------------------------------------

    def _steps(self, optimizer: Optimizer, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        """A step begins."""
        self.restarts.before(optimizer)
        if not self.full:
            return
        self.log.uncleared += self.worth * (self.stale and not self.fresh)
        self.within, self.stepping, self.stale = False, True, False
        self.weights.settle()
        self.closure = any(callable(each) for each in (*args[1:], *named.values()))
        if self.weights.overwritten(self.close):
            self.log.overwritten += self.worth
        if self.fresh and not self.closure and self.weights.arrived_anew():
            self.log.backwards += self.worth  # the module was called by another way than module(...)
        if self.closure:
            self.fresh = True
        elif self.on_cpu and self.log.broken_step < 0:
            self._look_for_ruin()
        if self.close:
            start = thread_time()
            self.weights.before(self.closure)
            self.cost += thread_time() - start

    def _look_for_ruin(self) -> None:
        if math.isfinite(self.weights.gradient_sum()):
            return
        terms = fetched(self.cycle)
        if all(math.isfinite(term.value) for terms in terms for term in terms):
            self.log.broken_step = self.steps
            if self.current:
                self.log.broken_at = self._origin(self.current[-1], self.loss_fn)

    def _stepped(self, optimizer: Optimizer, args: object, named: object) -> None:
        """A step was made."""
        self.restarts.after(optimizer)
        rate = optimizer.param_groups[0]["lr"]
        if self.close:
            start = thread_time()
            sample = self.weights.after(self.steps, self.closure)
            if sample is not None:
                self.log.samples.append(sample)
            self.pace.looked(self.steps, self.cost + thread_time() - start)
        self.pending.append(self._followed(rate) if self.full else (self.terms, rate))
        self.terms, self.now = [], None
        self.steps += 1
        if self.steps == 1:
            self.pace.begin()
        if self.steps == self.snapshots.following:
            start = thread_time()
            self.snapshots.take(self.steps)
            self.pace.paid(thread_time() - start)
        if self.full or self.steps >= self.next_full:
            self._turn(self.steps)

    def _turn(self, number: int) -> None:
        """Be ready for step `number`, which is followed, or comes after one that was."""
        was, self.full = self.full, self.pace.followed(number)
        self._await_outputs(self.full)
        if self.full or was:
            self.weights.stepped()
        if self.full:
            self.weights.remember_step()
        else:
            self.marks = None  # the next batch that is seen is not the next one
            self.next_full = self.pace.next_followed(number)
        self.worth = self.pace.worth
        self.close = self.full and self.pace.due(number)
        self.stepping, self.fresh, self.cost, self.cycle, self.cut = False, True, 0.0, [], 0
        if self.on_cpu or len(self.pending) >= READ:
            self._read()

    def _followed(self, rate: Any) -> Step:
        micro = self.cycle[:1] if self.closure else self.cycle
        rows = sum(max((term.rows for term in terms), default=0) for terms in micro)
        self.last_rows = rows or sum(rows_in((each.args, each.named)) for each in self.current)
        self.passes = max(1, len(self.cycle))
        self.pattern = [[term.weight for term in terms] for terms in micro]
        if self.cut and not self.cycle:
            self.log.detached += self.cut * self.worth
        self.log.unused.append(sum(each.training and not each.used for each in self.forwards))
        self._forget_forwards()
        self._compare()
        self.log.covered += self.worth
        return Step(tuple(tuple(terms) for terms in micro), rate, self.last_rows)

    def _forget_forwards(self) -> None:
        """Graphs that outlive a step know their Forward; they must not keep its inputs alive."""
        for forward in (*self.forwards, *self.current):
            forward.release()
        if self.now is not None:
            self.now.release()
        self.forwards, self.current = [], []

    def _compare(self) -> None:
        """This batch with that of the step before."""
        self.log.compare(self.found, self.marks)
        self.marks, self.found = self.found, None

    def _other_steps(self, optimizer: Optimizer, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        """A step of any optimiser of this process begins."""
        if optimizer is not self.optimizer and self.restarts.replaces(optimizer):
            self._steps(optimizer, args, named)
            self.heir = True

    def _other_stepped(self, optimizer: Optimizer, args: object, named: object) -> None:
        """It was made."""
        if optimizer is self.optimizer:
            return
        if self.heir:
            self.heir = False
            self._stepped(optimizer, args, named)
            return
        ours = {id(each) for each in self.model.parameters()}
        if any(id(each) in ours for group in optimizer.param_groups for each in group["params"]):
            self.weights.moved_by_others()
            self.strangers[type(optimizer).__name__] = None

    # Reading -----------------------------------------------------------------------------------------

    def _read(self) -> None:
        """Write pending steps down; where numbers lie on an accelerator they are fetched at once."""
        self.log.forgot, self.log.returned = self.restarts.forgot, self.restarts.returned
        pending, self.pending = self.pending, []
        before = self.log.broken_step
        if self._are_alone(pending):
            for terms, rate in pending:
                term = terms[0 if self.closure else -1]
                self.log.glance(term.value, float(rate), term.rows or self.last_rows)
        else:
            self._add(pending)
        if before < 0 <= self.log.broken_step:
            self.log.broken_at = self.suspect

    def _are_alone(
        self, pending: list[Step | tuple[list[Term], Any]]
    ) -> TypeGuard[list[tuple[list[Term], Any]]]:
        """Whether these are light steps of one loss each, which is a number already."""
        if (
            not self.on_cpu
            or [len(weights) for weights in self.pattern] != [1]
            or not self.pattern[0][0] > 0.0
        ):
            return False
        return all(isinstance(each, tuple) and each[0] for each in pending)

    def _add(self, pending: list[Step | tuple[list[Term], Any]]) -> None:
        known = self.pattern, self.closure, self.last_rows
        steps = [each if isinstance(each, Step) else glanced(*each, *known) for each in pending]
        parts = fetched([list(terms) for step in steps for terms in step.losses])
        at = 0
        for step in steps:
            losses = tuple(parts[at : at + len(step.losses)])
            at += len(step.losses)
            self.log.add(Step(losses, float(step.rate), step.rows, step.followed))
