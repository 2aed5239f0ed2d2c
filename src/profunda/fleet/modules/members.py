"""What each member of a fleet of modules has of its own, and whether all have one structure."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from profunda._seeds import key, subkey
from profunda.errors import ArgumentError

__all__ = ["ModuleMember", "checked", "copies", "seeded", "trained_names"]


@dataclass(frozen=True, eq=False)
class ModuleMember:
    """A module as it starts (a copy that nobody trains), its seed, rows [n] and [V], and hyperparameters."""

    module: nn.Module
    seed: int
    train: Tensor
    valid: Tensor
    lr: float
    weight_decay: float
    momentum: float
    clip: float

    @cached_property
    def key(self) -> int:
        """The 64-bit key of every random stream of this member: of its seed alone, not of its place."""
        return key("module", self.seed)


def seeded(make: Callable[[int], nn.Module], seeds: Sequence[int]) -> list[nn.Module]:
    """``make(seed)`` of each seed, with torch's generator set by the seed and put back at the end.

    Raises:
        ArgumentError: what is made is no module, or one module twice.
    """
    made = []
    with torch.random.fork_rng(devices=[]):
        for seed in seeds:
            torch.default_generator.manual_seed(subkey(key("module", seed), "initial") % 2**63)
            made.append(make(seed))
    for module in made:
        if not isinstance(module, nn.Module):
            raise ArgumentError(
                f"make({seeds[0]}) gave a {type(module).__name__}; the factory must return an nn.Module."
            )
    if len({id(module) for module in made}) < len(made):
        raise ArgumentError(
            "The factory returned one module for several seeds; it must build a new one at each call."
        )
    return made


def copies(modules: Sequence[nn.Module]) -> list[nn.Module]:
    """A copy of each module, which is trained in the caller's stead, with each part in its mode.

    A module that is in evaluation as a whole, as after `eval()`, is set to training: it says of no part that
    it is frozen.

    Raises:
        ArgumentError: a module cannot be copied.
    """
    try:
        made = [copy.deepcopy(module) for module in modules]
    except (RuntimeError, TypeError) as error:
        raise ArgumentError(
            f"A module cannot be copied ({error}); keep tensors with a gradient and open files out of its "
            "attributes."
        ) from error
    for module in made:
        if not any(part.training for part in module.modules()):
            module.train()
    return made


def trained_names(module: nn.Module) -> list[str]:
    """Names of the parameters that ask for a gradient; a tied one counts once."""
    return [name for name, param in module.named_parameters() if param.requires_grad]


def checked(modules: Sequence[nn.Module]) -> torch.dtype:
    """The one dtype of the trained parameters of M modules of one structure.

    Raises:
        ArgumentError: lazy or no trained parameters, several dtypes, another structure than the first's, or
            numbers that are not finite.
    """
    for module in modules:
        tensors = [*module.parameters(), *module.buffers()]
        if any(isinstance(one, UninitializedParameter | UninitializedBuffer) for one in tensors):
            raise ArgumentError(
                "A lazy module has no shapes yet; run it once on a batch before it is trained."
            )
    first = _structure(modules[0])
    for number, module in enumerate(modules[1:], start=1):
        other = _structure(module)
        if other != first:
            raise ArgumentError(
                f"Modules of a fleet must have one structure, but {number} differs from 0: "
                f"{_difference(first, other)}. Train each architecture as a fleet of its own."
            )
    dtypes = {param.dtype for param in modules[0].parameters() if param.requires_grad}
    if len(dtypes) != 1 or not next(iter(dtypes)).is_floating_point:
        raise ArgumentError(
            f"The trained parameters have the dtypes {sorted(map(str, dtypes)) or 'none: there are none'}; a "
            "fleet needs one floating dtype, and at least one parameter that asks for a gradient."
        )
    for number, module in enumerate(modules):
        for name, param in module.named_parameters():
            if not bool(torch.isfinite(param).all()):
                raise ArgumentError(
                    f"Module {number} starts with numbers in {name} that are not finite; look at how it is "
                    "initialised, or at the file that it was loaded from."
                )
    return next(iter(dtypes))


def _structure(module: nn.Module) -> list[str]:
    """Every part, its mode, every parameter and buffer in words."""
    named = [(name or "the module", part) for name, part in module.named_modules()]
    parts = [f"{name} is a {type(part).__name__}" for name, part in named]
    modes = [f"{name} is in {'training' if part.training else 'evaluation'}" for name, part in named]
    params = [
        f"{name} has shape {list(p.shape)}, {p.dtype}, {'trained' if p.requires_grad else 'fixed'}"
        for name, p in module.named_parameters()
    ]
    buffers = [f"{name} has shape {list(b.shape)}, {b.dtype}" for name, b in module.named_buffers()]
    return parts + modes + params + buffers


def _difference(first: Sequence[str], other: Sequence[str]) -> str:
    """The first thing that one says and the other does not."""
    for mine, theirs in zip(first, other, strict=False):
        if mine != theirs:
            return f"there {theirs}, here {mine}"
    return f"it has {len(other)} parts and tensors instead of {len(first)}"
