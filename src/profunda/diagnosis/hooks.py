"""What a probe hangs on other people's objects: hooks that refer to it weakly and are nothing in copies."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Protocol
from weakref import ref

from torch import nn
from torch.compiler import is_compiling

from profunda.diagnosis.batches import Batch

__all__ = ["Forward", "Hook", "unwrapped"]


class Looker(Protocol):
    """Whom hooks belong to. `deaf`: it looks no more. `fails` notes what went wrong in a look."""

    deaf: bool

    def fails(self, error: Exception) -> None: ...


class Hook:
    """Calls `act` of a probe as long as the probe lives and hears, and raises nothing; a copied or unpickled
    Hook does nothing.
    """

    __slots__ = ("act", "bound", "probe")
    __torch_unserializable__ = True  # so that tensors under it are saved without a warning

    def __init__(self, probe: Looker, act: Callable[..., object], *bound: object) -> None:
        self.probe, self.act, self.bound = ref(probe), act, bound

    def __call__(self, *seen: object) -> None:
        if is_compiling():
            return
        probe = self.probe()
        if probe is None or probe.deaf:
            return
        try:
            self.act(probe, *self.bound, *seen)
        except Exception as error:
            probe.fails(error)

    def __deepcopy__(self, memo: object) -> Callable[..., object]:
        return nullcontext().__exit__

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (nullcontext(), "__exit__")  # takes anything, gives None, and needs no Profunda


class Forward:
    """One forward pass with gradients, until the next step."""

    __slots__ = ("args", "batch", "named", "resting", "targets", "training", "used")

    def __init__(
        self, args: tuple[Any, ...], named: dict[str, Any], training: bool, resting: list[str]
    ) -> None:
        self.args, self.named, self.training, self.resting = args, named, training, resting
        self.targets: Any = None
        self.batch: Batch | None = None
        self.used = False

    def release(self) -> None:
        """Let go of inputs and targets."""
        self.args, self.named, self.targets, self.batch = (), {}, None, None


def unwrapped(model: nn.Module) -> tuple[nn.Module, str]:
    """What torch.compile and the data-parallel wrappers wrap, and the words that names in it begin with."""
    words: list[str] = []
    while type(model).__name__ in ("OptimizedModule", "DataParallel", "DistributedDataParallel"):
        words.append("_orig_mod" if "_orig_mod" in model._modules else "module")
        model = model.get_submodule(words[-1])
    return model, ".".join(words)
