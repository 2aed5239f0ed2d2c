"""A module of one's own to measure on, and a place to measure in that leaves no trace on the user's."""

import copy
import random
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer

from profunda.errors import ArgumentError

__all__ = ["Kept", "cloned", "copy_of", "draws_from", "tensors_in", "undisturbed"]

_DEEPEST = 6
"""How deep tensors are looked for in containers: outputs are nested a few times, cyclic objects for ever."""

_KEPT = 2
"""How deep a part keeps tensors that it computed: itself, or in a list, a dict or its buffers."""

_LOCKS = (type(threading.Lock()), type(threading.RLock()))


class Kept:
    """A hook that is part of a copy, and goes with copies of it."""


@contextmanager
def undisturbed(module: nn.Module | None = None) -> Iterator[None]:
    """Random numbers of torch, numpy and Python end as they began; gradients are on, warnings silent."""
    parameters = () if module is None else module.parameters()  # a module of length 0 is false
    devices = {each.device.index for each in parameters if each.device.type == "cuda"}
    python, numpy = random.getstate(), np.random.get_state()
    fused = torch.backends.mha.get_fastpath_enabled()
    try:
        torch.backends.mha.set_fastpath_enabled(False)  # it would run a whole block as one function
        with (
            warnings.catch_warnings(),
            torch.random.fork_rng(devices=sorted(index for index in devices if index is not None)),
            torch.inference_mode(False),
            torch.enable_grad(),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
        random.setstate(python)
        np.random.set_state(numpy)


def draws_from(seed: int) -> None:
    """`torch.manual_seed` for the devices in use alone.

    For each other kind of device that function writes down the whole call stack, which takes longer than a
    pass through a small network, and lets the user's first random numbers there begin with this seed.
    """
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)
    if torch.xpu.is_initialized():
        torch.xpu.manual_seed_all(seed)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(seed)


def copy_of(module: nn.Module) -> nn.Module:
    """A deep copy without the user's hooks. Hooks of torch's own that make weights (old weight norm) stay,
    and those that are `Kept`.

    Locks become locks of the copy's own, and tensors that were computed and kept become their values.

    Raises
    ------
    ArgumentError
        A part holds what cannot be copied.
    """
    try:
        with torch.no_grad():  # a scripted part's weights would be computed ones else
            own = copy.deepcopy(module, _values_of(module))
    except Exception as error:
        raise ArgumentError(_uncopyable(module, error)) from error
    for theirs, ours in zip(module.parameters(), own.parameters(), strict=True):
        if ours.requires_grad != theirs.requires_grad:
            ours.requires_grad_(theirs.requires_grad)
    for part in own.modules():
        for hooks in (
            part._forward_pre_hooks,
            part._forward_hooks,
            part._backward_hooks,
            part._backward_pre_hooks,
        ):
            for key in [key for key, hook in hooks.items() if not _stays(hook)]:
                del hooks[key]
    return own


def _values_of(module: nn.Module) -> dict[int, Any]:
    """What stands in a copy for parts' own values that refuse to be copied, by their ids."""
    memo: dict[int, Any] = {}
    for part in module.modules():
        for value in vars(part).values():
            if isinstance(value, _LOCKS):
                memo[id(value)] = _OwnLock()
            for tensor in tensors_in(value, _KEPT):
                if not tensor.is_leaf:  # computed, as a normalised weight; its numbers are all that counts
                    memo[id(tensor)] = tensor.detach().clone()
    # A lazy module's buffers that have no numbers yet cannot be copied either.
    return memo | {
        id(value): UninitializedBuffer(False, value.device, value.dtype)  # pyrefly: ignore
        for value in module.buffers()
        if isinstance(value, UninitializedBuffer)
    }


class _OwnLock:
    """A lock that copies of copies have anew."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __deepcopy__(self, memo: object) -> "_OwnLock":
        return _OwnLock()

    def __enter__(self) -> bool:
        return self._lock.acquire()

    def __exit__(self, *raised: object) -> None:
        self._lock.release()

    def acquire(self, blocking: bool = True, timeout: float = -1.0) -> bool:
        return self._lock.acquire(blocking, timeout)

    def release(self) -> None:
        self._lock.release()


def _uncopyable(module: nn.Module, error: Exception) -> str:
    """Which part holds what cannot be copied, and what to do."""
    parts = (
        f": it keeps a {type(value).__name__} as {path + '.' if path else ''}{name}"
        for path, part in module.named_modules()
        for name, value in vars(part).items()
        if name != "_modules" and not _copies(value, _values_of(part))
    )
    return (
        f"{type(module).__name__} cannot be copied ({type(error).__name__}: {error}){next(parts, '')}. A "
        "diagnosis measures on copies. Open files, generators and connections belong outside of the module; "
        "or give its class a __deepcopy__ that leaves them out."
    )


def _copies(value: Any, memo: dict[int, Any]) -> bool:
    try:
        copy.deepcopy(value, memo)
    except Exception:
        return False
    return True


def _stays(hook: object) -> bool:
    return isinstance(hook, Kept) or str(getattr(hook, "__module__", "")).startswith("torch.")


def cloned(value: Any) -> Any:
    """`value` with every tensor in it detached and copied; other objects are copied where they can be."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, tuple) and type(value) is not tuple:
        own = [cloned(one) for one in value]
        named = isinstance(getattr(value, "_fields", None), tuple)  # else as torch.max's, made of a sequence
        return type(value)(*own) if named else type(value)(own)
    if type(value) in (list, tuple):
        return type(value)(cloned(one) for one in value)
    if type(value) is dict:
        return {key: cloned(one) for key, one in value.items()}
    try:
        return copy.deepcopy(value)
    except Exception:
        return value


def tensors_in(value: Any, depth: int = _DEEPEST) -> list[Tensor]:
    """Every tensor in nested lists, tuples, mappings, dataclasses and plain objects, in order."""
    if isinstance(value, Tensor):
        return [value]
    if depth == 0 or value is None or isinstance(value, str | bytes | int | float | nn.Module):
        return []
    if isinstance(value, Mapping):
        parts: list[Any] = list(value.values())
    elif isinstance(value, list | tuple | set):
        parts = list(value)
    elif is_dataclass(value):
        parts = [getattr(value, one.name) for one in fields(value)]
    else:
        parts = list(getattr(value, "__dict__", {}).values())
    return [tensor for part in parts for tensor in tensors_in(part, depth - 1)]
