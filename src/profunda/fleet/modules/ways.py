"""The two ways of running modules: a member by itself, by autograd, and M members at once, by vmap.

Both keep the trained parameters of their members in one buffer `flat` [M, P] and write gradients into
`gradient` [M, P], so that one optimiser and one crew serve both. Parts that a member has in evaluation stay
so while it trains.
"""

import copy
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

from profunda._seeds import subkey
from profunda.fleet.modules.members import ModuleMember, trained_names
from profunda.fleet.modules.task import Task
from profunda.theory.modes import in_evaluation

__all__ = ["Loop", "Vmapped", "Way", "restored"]


class Way(Protocol):
    """M members with their parameters and buffers."""

    flat: Tensor
    gradient: Tensor

    def differentiate(self, rows: Tensor, number: int) -> Tensor:
        """∂(loss) of batches `rows` [M, B] into `gradient`; the losses [M]. Steps count from 0."""
        ...

    def outputs(self, rows: Sequence[Tensor], epoch: int) -> list[Tensor]:
        """Outputs in evaluation of each member for its own rows [V]: M tensors [V, …]."""
        ...

    def buffers(self) -> dict[str, Tensor]:
        """All that is no trained parameter, by name: [M, …]."""
        ...


class Loop:
    """One member; `draws`: it draws random numbers, which are then those of its seed and step."""

    def __init__(self, member: ModuleMember, task: Task, *, draws: bool) -> None:
        self.member, self.task, self.draws = member, task, draws
        self.module = copy.deepcopy(member.module)
        params = dict(self.module.named_parameters())
        self.params = [params[name] for name in trained_names(self.module)]
        self.flat = torch.cat([param.detach().reshape(1, -1) for param in self.params], 1)
        self.gradient = torch.zeros_like(self.flat)
        for param, part in zip(self.params, _parts(self.flat, self.params), strict=True):
            param.data = part[0]

    def differentiate(self, rows: Tensor, number: int) -> Tensor:
        self.draw_from("step", number)
        with torch.enable_grad():
            loss = self.task.mean_loss(self.module(self.task.x[rows[0]]), self.task.y[rows[0]])
            slopes = torch.autograd.grad(loss, self.params, allow_unused=True, materialize_grads=True)
        torch.cat([slope.reshape(-1) for slope in slopes], out=self.gradient[0])
        return loss.detach()[None]

    def outputs(self, rows: Sequence[Tensor], epoch: int) -> list[Tensor]:
        self.draw_from("evaluation", epoch)
        with in_evaluation(self.module):
            made = [self.module(self.task.x[part]) for part in rows[0].split(self.task.eval_rows)]
        return [torch.cat(made)]

    def buffers(self) -> dict[str, Tensor]:
        return {name: held[None] for name, held in self.module.named_buffers()}

    def draw_from(self, purpose: str, number: int) -> None:
        """Set torch's generator to the member's stream of a purpose and a step."""
        if self.draws:
            torch.default_generator.manual_seed(subkey(self.member.key, purpose, number) % 2**63)


class Vmapped:
    """M members at once; what vmap cannot run, or what draws random numbers, raises RuntimeError.

    Dropout would need masks by place in the fleet ("different") or equal ones for all ("same"); neither are
    those of the member alone, so neither is allowed.
    """

    def __init__(self, members: Sequence[ModuleMember], task: Task) -> None:
        self.task = task
        self.template = copy.deepcopy(members[0].module)
        stacked, self.held = stack_module_state([member.module for member in members])
        names = trained_names(self.template)
        self.names = names
        self.held = dict(self.held) | {n: t.detach() for n, t in stacked.items() if n not in names}
        self.likes = [self.template.get_parameter(name) for name in names]
        self.flat = torch.cat([stacked[name].detach().flatten(1) for name in names], 1)
        self.gradient = torch.zeros_like(self.flat)
        self._slope = vmap(grad_and_value(self._loss, has_aux=True), randomness="error")
        self._pass = vmap(self._evaluated, randomness="error")

    def differentiate(self, rows: Tensor, number: int) -> Tensor:
        params = dict(zip(self.names, _parts(self.flat, self.likes), strict=True))
        slopes, (losses, held) = self._slope(params, self.held, self.task.x[rows], self.task.y[rows])
        self.held = {name: tensor.detach() for name, tensor in held.items()}
        torch.cat([slopes[name].flatten(1) for name in self.names], 1, out=self.gradient)
        return losses.detach()

    def outputs(self, rows: Sequence[Tensor], epoch: int) -> list[Tensor]:
        params = dict(zip(self.names, _parts(self.flat, self.likes), strict=True))
        with in_evaluation(self.template):
            return self._outputs(params, rows)

    def _outputs(self, params: dict[str, Tensor], rows: Sequence[Tensor]) -> list[Tensor]:
        size = self.task.eval_rows
        if len({len(own) for own in rows}) == 1:
            parts = torch.stack(list(rows)).split(size, 1)
            return list(torch.cat([self._pass(params, self.held, self.task.x[part]) for part in parts], 1))
        made = []
        for i, own in enumerate(rows):
            state = {name: tensor[i] for name, tensor in (params | self.held).items()}
            passes = [functional_call(self.template, state, (self.task.x[part],)) for part in own.split(size)]
            made.append(torch.cat(passes))
        return made

    def buffers(self) -> dict[str, Tensor]:
        own = {name for name, _ in self.template.named_buffers()}
        return {name: tensor for name, tensor in self.held.items() if name in own}

    def keep(self, which: Tensor) -> None:
        """Go on with the members `which` [M'] alone."""
        self.flat, self.gradient = self.flat[which], self.gradient[which]
        self.held = {name: tensor[which] for name, tensor in self.held.items()}

    def _loss(
        self, params: dict[str, Tensor], held: dict[str, Tensor], x: Tensor, y: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        # Copies: torch.func refuses statistics from outside the gradient that are updated in place.
        state = params | {name: tensor.clone() for name, tensor in held.items()}
        loss = self.task.mean_loss(functional_call(self.template, state, (x,)), y)
        return loss, {name: state[name] for name in held}

    def _evaluated(self, params: dict[str, Tensor], held: dict[str, Tensor], x: Tensor) -> Tensor:
        return functional_call(self.template, params | held, (x,))


def _parts(flat: Tensor, likes: Sequence[Tensor]) -> list[Tensor]:
    """Views of `flat` [M, P] in the shapes of parameters: [M, …] each."""
    parts = flat.split([like.numel() for like in likes], 1)
    return [part.view(len(flat), *like.shape) for part, like in zip(parts, likes, strict=True)]


def restored(start: nn.Module, flat: Tensor, buffers: dict[str, Tensor]) -> nn.Module:
    """A copy of `start` in evaluation with the trained parameters `flat` [P] and `buffers`."""
    module = copy.deepcopy(start).eval()
    params = [module.get_parameter(name) for name in trained_names(module)]
    with torch.no_grad():
        for param, part in zip(params, _parts(flat[None], params), strict=True):
            param.copy_(part[0])
        own = dict(module.named_buffers())  # one that parts share stands here once
        for name, tensor in buffers.items():
            held = own.get(name)
            if held is None or (held.shape, held.dtype) != (tensor.shape, tensor.dtype):
                owner, _, leaf = name.rpartition(".")
                setattr(module.get_submodule(owner), leaf, tensor.clone())
            elif not torch.equal(held, tensor):  # in place, so that what is shared stays so
                held.copy_(tensor)
    return module
