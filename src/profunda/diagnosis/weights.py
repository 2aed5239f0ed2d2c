"""What a probe knows of the parameters: who owns them, how they moved, who else touched them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd
from torch.optim import Optimizer

from profunda.diagnosis.courses import Sample
from profunda.diagnosis.tape import is_leaf

__all__ = ["Weights"]

WATCHED, MARKED, NUMBERS = 4, 8, 32
"""Gradients, and parameters, that stand for all of them in checks of every step, and numbers of each."""

DIRECTION = 65_536
"""Numbers of the gradient, spread evenly, by which two gradients are compared."""

MATERIAL = 0.5
"""A foreign change shorter than this part of the step itself is a projection, such as a norm's limit."""


@dataclass
class _Look:
    gradient: np.ndarray | None
    copies: list[Tensor]
    indices: list[int]
    agreement: float


class Weights:
    """`settle` before the first step: lazy modules have their parameters by then."""

    def __init__(self, model: nn.Module, optimizer: Optimizer) -> None:
        self.model, self.optimizer = model, optimizer
        self.parameters: list[nn.Parameter] = []
        self.held: list[nn.Parameter] = []
        self.few: list[nn.Parameter] = []
        self.owners: list[tuple[str, int]] = []
        self.sensitive: list[tuple[str, nn.Module]] = []
        self.left_over: list[tuple[nn.Parameter, int, int]] = []
        self.gathered: list[tuple[nn.Parameter, int, int]] = []
        self.versions: tuple[int, ...] = ()
        self.marked: list[nn.Parameter] = []
        self.alert: list[nn.Parameter] = []
        self.entered: list[Tensor] = []
        self.left: list[Tensor] = []
        self.of_left: list[nn.Parameter] = []
        self.moved = 0.0
        self.direction: Tensor | None = None
        self.look: _Look | None = None
        self.arrived = math.nan

    def settle(self) -> None:
        """List the parameters, once."""
        if self.parameters:
            return
        places: dict[int, int] = {}
        for name, part in self.model.named_modules():
            for _, parameter in part.named_parameters(recurse=False):
                if id(parameter) not in places:
                    places[id(parameter)] = len(self.parameters)
                    self.parameters.append(parameter)
                self.owners.append((name, places[id(parameter)]))
        holds = {id(each) for group in self.optimizer.param_groups for each in group["params"]}
        self.held = [each for each in self.parameters if id(each) in holds and each.requires_grad]
        matrices = [each for each in self.held if each.ndim > 1] or self.held
        self.marked = _spread(matrices, MARKED)

    def columns(self, layers: Sequence[str]) -> tuple[tuple[int, ...], ...]:
        """Indices of the parameters of each layer: its own, and those of parts without a layer's name."""
        found: dict[str, list[int]] = {name: [] for name in layers}
        for owner, index in self.owners:
            name = owner
            while name and name not in found:
                name = name.rpartition(".")[0]
            if name in found and (name or not owner) and index not in found[name]:
                found[name].append(index)
        return tuple(tuple(found[name]) for name in layers)

    def layers(self) -> tuple[str, ...]:
        """Names of the modules with parameters of their own, in the order of registration."""
        return tuple(dict.fromkeys(name for name, _ in self.owners))

    def forget(self) -> None:
        """Let go of all tensors but the parameters."""
        self.look = self.direction = None
        self.left, self.entered, self.left_over, self.gathered = [], [], [], []

    # Modes -------------------------------------------------------------------------------------------

    def resting(self) -> list[str]:
        """Parts in evaluation mode while the whole trains, but for frozen ones, where it is deliberate."""
        if not self.model.training:
            return []
        if not self.sensitive:
            self.sensitive = [(name, part) for name, part in self.model.named_modules() if _has_modes(part)]
        found = [(name, part) for name, part in self.sensitive if not part.training]
        return [name for name, part in found if not self._frozen(name, part)]

    def _frozen(self, name: str, part: nn.Module) -> bool:
        while True:
            own = list(part.parameters())
            if own or not name:
                return bool(own) and not any(each.requires_grad for each in own)
            name = name.rpartition(".")[0]
            part = self.model.get_submodule(name)

    # Gradients between steps -------------------------------------------------------------------------

    def remember_step(self) -> None:
        """Note which gradients the step left, to tell whether they are cleared before the next one."""
        self.left_over = self._noted()

    def remember_backward(self) -> None:
        """Note the gradients that a backward pass left."""
        self.gathered = self._noted()

    def _noted(self) -> list[tuple[nn.Parameter, int, int]]:
        if not any(each.grad is not None for each in self.few):
            self.few = _spread([each for each in self.held if each.grad is not None], WATCHED)
        return [
            (each, each.grad.data_ptr(), each.grad._version)
            for each in self.few
            if each.grad is not None and not each.grad.is_sparse
        ]

    def uncleared(self) -> bool:
        """Whether the step's gradients are still there."""
        return any(
            each.grad is not None
            and (each.grad.data_ptr(), each.grad._version) == (place, version)
            and bool(each.grad.any())  # .data.zero_() leaves no trace in the version
            for each, place, version in self.left_over
        )

    def cleared(self) -> bool:
        """Whether the last backward pass's gradients were cleared."""
        return bool(self.gathered) and all(
            each.grad is None or (each.grad._version != version and not bool(each.grad.any()))
            for each, _, version in self.gathered
        )

    def arrived_anew(self) -> bool:
        """Whether some gradient is not what the last step left."""
        old = {id(each): (place, version) for each, place, version in self.left_over}
        return any(
            (each.grad.data_ptr(), each.grad._version) != old.get(id(each))
            for each in _spread([each for each in self.held if each.grad is not None], WATCHED)
            if each.grad is not None and not each.grad.is_sparse
        )

    def gradient_sum(self) -> float:
        """Sum of the first layer's smallest gradient: not finite where a backward pass broke above it."""
        first = next((each for each in self.held if each.grad is not None), None)
        if first is None or first.grad is None or first.grad.is_sparse:
            return 0.0
        return float(first.grad.sum().abs())

    # Closer looks ------------------------------------------------------------------------------------

    @torch.no_grad()
    def norm(self) -> float:
        """‖g‖ of all parameters held."""
        return math.sqrt(float(np.nansum(self._gradients())))

    @torch.no_grad()
    def before(self, closure: bool) -> None:
        """Copies the weights; takes gradients too, unless a closure makes them within the step."""
        chosen = [
            (index, each)
            for index, each in enumerate(self.parameters)
            if each.requires_grad and (each.is_floating_point() or each.is_complex())
        ]
        copies = [each.detach().clone() for _, each in chosen]
        self.look = _Look(None, copies, [index for index, _ in chosen], math.nan)
        if not closure:
            self.take_gradients()

    @torch.no_grad()
    def take_gradients(self) -> None:
        """Squared norms of gradients and their direction, once a look."""
        if self.look is None or self.look.gradient is not None:
            return
        self.look.gradient = self._gradients()
        direction = self._direction()
        before, self.direction = self.direction, direction
        if direction is None or before is None or before.shape != direction.shape:
            return
        size = float(direction.norm() * before.norm())
        self.look.agreement = float(direction @ before) / size if size > 0 else math.nan

    @torch.no_grad()
    def after(self, step: int, closure: bool) -> Sample | None:
        """The look at this step, now that it is made."""
        look, self.look = self.look, None
        if look is None or look.gradient is None:
            return None
        now = [self.parameters[index].detach() for index in look.indices]
        if any(old.shape != new.shape for old, new in zip(look.copies, now, strict=True)):
            return None
        weight = self._squares(look.indices, look.copies)
        torch._foreach_sub_(look.copies, now)
        moved = self._squares(look.indices, look.copies)
        used = math.nan if closure else math.sqrt(float(np.nansum(look.gradient)))
        arrived, self.arrived = self.arrived, math.nan
        return Sample(step, look.gradient, moved, weight, arrived, used, look.agreement)

    def _gradients(self) -> np.ndarray:
        given = [(index, each.grad) for index, each in enumerate(self.parameters) if each.grad is not None]
        found = self._squares(
            [index for index, _ in given], [_plain(grad) for _, grad in given if grad is not None]
        )
        for index, each in enumerate(self.parameters):
            if each.grad is None:
                found[index] = 0.0 if each.requires_grad else math.nan
        return found

    def _squares(self, indices: Sequence[int], tensors: list[Tensor]) -> np.ndarray:
        found = np.full(len(self.parameters), math.nan)
        if tensors:
            norms = torch._foreach_norm(
                [each.float() if each.dtype in (torch.half, torch.bfloat16) else each for each in tensors]
            )
            if len({each.device for each in norms}) > 1:
                norms = [each.cpu() for each in norms]
            if len({each.dtype for each in norms}) > 1:
                norms = [each.double() for each in norms]
            found[list(indices)] = torch.stack(norms).double().cpu().numpy() ** 2
        return found

    def _direction(self) -> Tensor | None:
        grads = [(each.numel(), each.grad) for each in self.held]
        stride = max(1, sum(size for size, _ in grads) // DIRECTION)
        picked = [
            torch.zeros(-(-size // stride)) if grad.is_sparse else grad.detach().reshape(-1)[::stride]
            for size, grad in grads
            if grad is not None
        ]
        picked = [torch.view_as_real(each).flatten() if each.is_complex() else each for each in picked]
        return torch.cat([each.float().to(picked[0].device) for each in picked]) if picked else None

    # Who else moves them -----------------------------------------------------------------------------

    def overwritten(self, close: bool) -> bool:
        """Before a step: whether something moved the weights since the last one, by more than a bit."""
        foreign = False
        if self.of_left and self.left:
            here = _heads(self.of_left)
            change = _distance(here, self.left)
            foreign = change > MATERIAL * self.moved
            if change > 0.0:
                self._beware(self.of_left)
        elif self.versions:
            pairs = zip(self.held, self.versions, strict=True)
            self._beware([each for each, version in pairs if each._version != version])
        chosen = self.marked if close else self.alert
        self.of_left = chosen
        self.left, self.entered = [], _heads(chosen)
        return foreign

    def stepped(self) -> None:
        """After a step: what it left."""
        self.versions = tuple(each._version for each in self.held)
        if self.of_left:
            self.left = _heads(self.of_left)
            if self.entered:
                self.moved, self.entered = _distance(self.left, self.entered), []

    def moved_by_others(self) -> None:
        """Another optimiser made a step; what changed since ours is its doing."""
        self.versions, self.of_left, self.left = (), [], []

    def _beware(self, changed: list[nn.Parameter]) -> None:
        if changed and not self.alert:
            self.alert = _spread([each for each in changed if each.ndim > 1] or changed, WATCHED)


def _plain(grad: Tensor) -> Tensor:
    return grad.coalesce().values() if grad.is_sparse else grad.detach()


def _heads(parameters: Iterable[nn.Parameter]) -> list[Tensor]:
    return [each.detach().reshape(-1)[:NUMBERS].clone() for each in parameters]


def _distance(one: list[Tensor], other: list[Tensor]) -> float:
    pairs = zip(one, other, strict=True)
    return math.sqrt(sum(float((a - b).abs().float().square().sum()) for a, b in pairs if a.shape == b.shape))


def _spread(parameters: list[nn.Parameter], most: int) -> list[nn.Parameter]:
    """At most so many, from the first to the last."""
    if len(parameters) <= most:
        return list(parameters)
    return [parameters[round(k * (len(parameters) - 1) / (most - 1))] for k in range(most)]


def _has_modes(part: nn.Module) -> bool:
    if isinstance(part, _NormBase | _DropoutNd):
        return True
    if isinstance(part, nn.RNNBase | nn.MultiheadAttention):
        return part.dropout > 0
    return is_leaf(part) and not type(part).__module__.startswith("torch.")
