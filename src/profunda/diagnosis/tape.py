"""Every operation of one forward pass and what flows into which: modules by hooks, functions by a mode.

A graph of nodes in the order in which they ran. Node 0 are the inputs. Modules of torch.nn that hold no
others are one node; a user's own modules are opened, and the functions in them are nodes. Moves (views,
slices) are nodes too, so that no path is lost, but are not shown.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from profunda.diagnosis.copying import tensors_in
from profunda.diagnosis.operations import (
    LAYER_KINDS,
    Sort,
    function_sort,
    known_module,
    module_sort,
    rate_of,
    spelled,
)
from profunda.diagnosis.slopes import Bend, bend_of
from profunda.theory.pointwise import close, recognised

__all__ = ["Node", "Tape", "is_leaf", "recorded"]


@dataclass(frozen=True)
class Node:
    """`place` the module it ran in, `sources` the nodes it reads, `through` a bit for each node upstream,
    `depth` the most layers on a way to it, `owner` the module whose weights it multiplies by (None for
    none), `parametric` whether parameters enter it at all, `p` of a dropout and whether it was `awake`, told
    to delete, `bend` what an activation did.
    """

    name: str
    place: str
    sort: Sort
    shape: tuple[int, ...]
    sources: tuple[int, ...]
    through: int
    depth: int
    owner: str | None = None
    parametric: bool = False
    p: float = 0.0
    awake: bool = False
    bend: Bend | None = None


_ACROSS = frozenset({"softmax", "log_softmax", "softmin", "gumbel_softmax", "glu"})
"""Activations that do not take each number by itself."""


def is_leaf(part: nn.Module) -> bool:
    """Whether a module holds no others, or is of torch.nn and one operation; parametrisations aside."""
    if isinstance(part, nn.MultiheadAttention) or known_module(part) is nn.MultiheadAttention:
        return True
    return all(name == "parametrizations" for name, _ in part.named_children())


def recorded(module: nn.Module, inputs: tuple[Any, ...], prefix: str = "") -> tuple["Tape", Any]:
    """The tape of one forward pass of `module`, its names led by `prefix`, and its outputs.

    Raises what the forward pass raises; hooks are taken off again in any case.
    """
    tape = Tape(module, inputs, prefix)
    try:
        with tape:
            outputs = module(*inputs)
    finally:
        tape.detach_hooks()
    return tape, outputs


class Tape(TorchFunctionMode):
    """Records while it is entered; `nodes` are its result. It keeps all tensors alive as long as it lives."""

    measures = True
    """Whether activations are measured."""

    def __init__(self, module: nn.Module, inputs: tuple[Any, ...], prefix: str) -> None:
        super().__init__()
        self.nodes: list[Node] = []
        self._kept: dict[int, Tensor] = {}  # or ids would be given away a second time
        self._made: dict[int, int] = {}
        self._owner: dict[int, str] = {}
        self._places: list[str] = []
        self.multiplied: set[int] = set()  # ids of parameters that functions multiply by
        self._closed = 0  # how many modules that are one node stand open
        self._entered: list[tuple[int, list[Tensor], list[int]]] = []
        self._bend: Bend | None = None  # of what is added next
        given = tensors_in(inputs)
        self._add("input", Sort("other", "input", shown=False, linear=True), [], given[:1], given)
        for tensor in given:
            self._set(tensor, 0)
        self._handles: list[Any] = []
        for name, part in module.named_modules():
            path = ".".join(word for word in (prefix, name) if word)
            for tensor in part.parameters(recurse=is_leaf(part)):
                self._own(tensor, path)
            if not isinstance(part, torch.jit.ScriptModule):  # which takes no hooks
                self._watch(path, part)

    # Modules ----------------------------------------------------------------------------------------

    def _watch(self, path: str, part: nn.Module) -> None:
        sort = module_sort(part) if is_leaf(part) else None

        def before(part: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            self._places.append(path)
            entered = tensors_in((args, kwargs))
            sources = [] if self._closed else self._sources(entered)
            entered = self._before(sort, entered)
            self._entered.append((len(self.nodes), entered, sources))
            self._closed += sort is not None

        def after(part: nn.Module, args: object, kwargs: object, left: object) -> None:
            self._places.pop()
            begun, entered, sources = self._entered.pop()
            if self._closed == (sort is not None):
                self._closed = 1  # what is looked at here is no part of the pass
                known = sort or self._pointwise(part, entered, left, begun)
                if known is not None:
                    self._forget(begun)
                    self._module(path, part, known, (entered, sources), tensors_in(left))
                self._closed = 1 if sort is not None else 0
            self._closed -= sort is not None

        self._handles += [
            part.register_forward_pre_hook(before, with_kwargs=True),
            part.register_forward_hook(after, with_kwargs=True),
        ]

    def detach_hooks(self) -> None:
        """Takes off what watches the modules."""
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def _module(
        self,
        path: str,
        part: nn.Module,
        sort: Sort,
        given: tuple[list[Tensor], list[int]],
        made: list[Tensor],
    ) -> None:
        entered, sources = given
        weighted = next(part.parameters(), None) is not None
        layer = weighted and sort.kind in LAYER_KINDS
        owners = {self._owner[id(tensor)] for tensor in entered if id(tensor) in self._owner}
        if not made or (not sources and (owners or not layer)):
            # A parametrisation, which makes a weight of parameters; or what is done to constants.
            for tensor in made if len(owners) == 1 else []:
                self._own(tensor, next(iter(owners)))
            return
        drop = float(vars(part).get(rate_of(part), 0.0)) if sort.kind == "dropout" else 0.0
        self._measure(sort, entered, made)
        self._add(path, sort, sources, made, made, path if layer else None, weighted, drop)

    def _before(self, sort: Sort | None, entered: list[Tensor]) -> list[Tensor]:
        """What enters an activation, kept apart from what it may do to it in place."""
        if not self.measures or self._closed or sort is None or sort.kind != "activation" or not entered:
            return entered
        self._closed += 1
        first = entered[0].detach().clone()
        self._closed -= 1
        return [first, *entered[1:]]

    def _measure(self, sort: Sort, entered: list[Tensor], made: list[Tensor]) -> None:
        """Notes what an activation did for the node that is added next."""
        if self.measures and sort.kind == "activation" and sort.what not in _ACROSS and entered and made:
            closed, self._closed = self._closed, 1
            self._bend = bend_of(entered[0], made[0])
            self._closed = closed

    def _forget(self, begun: int) -> None:
        """What ran inside of a module that turns out to be one node."""
        del self.nodes[begun:]
        self._made = {key: at for key, at in self._made.items() if at < begun}

    def _pointwise(self, part: nn.Module, entered: list[Tensor], left: object, begun: int) -> Sort | None:
        """A user's module without weights that takes each number by itself: an activation in disguise."""
        if not is_leaf(part) or next(part.parameters(), None) is not None or len(entered) != 1:
            return None
        x = entered[0]
        if not isinstance(left, Tensor) or left.shape != x.shape or x.numel() < 4:
            return None
        if not x.is_floating_point():
            return None
        x = torch.linspace(-3.0, 3.0, x.numel(), dtype=x.dtype, device=x.device).reshape(x.shape)
        order = torch.arange(x.numel() - 1, -1, -1, device=x.device)
        try:
            with torch.no_grad():
                once = part.forward(x.clone())
                again = part.forward(x.reshape(-1)[order].reshape(x.shape).clone())
        except Exception:
            return None
        if not isinstance(once, Tensor) or not close(once.reshape(-1)[order], again.reshape(-1)):
            return None
        ends, flat = once.reshape(-1)[[0, -1]], once.reshape(-1)
        line = torch.linspace(float(ends[0]), float(ends[1]), x.numel(), dtype=flat.dtype, device=flat.device)
        if close(flat, line):
            bends = any(not node.sort.linear for node in self.nodes[begun:])
            return Sort("activation", type(part).__name__.lower()) if bends else None
        return Sort("activation", recognised(x, once) or type(part).__name__.lower())

    # Functions --------------------------------------------------------------------------------------

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if self._closed:
            return func(*args, **kwargs)
        # Before the call: what works in place gives out the very tensor that entered.
        entered = tensors_in((args, kwargs), 3)
        sources = self._sources(entered)
        owners = {self._owner[id(tensor)] for tensor in entered if id(tensor) in self._owner}
        what = spelled(getattr(func, "__name__", ""))
        given = self._before(function_sort(what), entered)
        left = func(*args, **kwargs)
        made = [args[0]] if what == "setitem" and isinstance(args[0], Tensor) else tensors_in(left, 2)
        if owners and function_sort(what).kind in LAYER_KINDS - {"other"}:
            self.multiplied.update(id(each if each._base is None else each._base) for each in entered)
        if sources:
            self._measure(function_sort(what), given, made)
            self._function(what, args, kwargs, sources, owners, made)
            self._bend = None
        elif len(owners) == 1:
            for tensor in made:
                self._own(tensor, next(iter(owners)))
        return left

    def _function(
        self,
        what: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        sources: list[int],
        owners: set[str],
        made: list[Tensor],
    ) -> None:
        if not made or what.endswith("_like") or what.startswith("new_"):
            return
        sort, drop, awake = function_sort(what), 0.0, False
        weighted = sort.kind in LAYER_KINDS - {"other"}
        if sort.kind == "dropout":
            drop = float(kwargs.get("p", args[1] if len(args) > 1 else 0.5))
            told = kwargs.get("training", kwargs.get("train", args[2] if len(args) > 2 else True))
            awake = bool(told) and drop > 0.0
        elif what == "scaled_dot_product_attention":
            awake = float(kwargs.get("dropout_p", args[4] if len(args) > 4 else 0.0)) > 0.0
        elif what in ("maximum", "max", "clamp", "clamp_min"):
            sort = _clamped(what, args, kwargs, sort)
        elif weighted and not owners and sort.kind != "attention":
            sort = self._product(what, sources)
        elif what in ("mul", "div") and len(sources) > 1:
            sort = self._gated(sources) if what == "mul" else Sort("other", what)
        elif what == "lerp" and len(sources) > 1:
            self._gated(sources)
        elif what == "add" and len(sources) > 1:
            sort = Sort("add", what, linear=True)
        place = self._places[-1] if self._places else ""
        owner = min(owners) if weighted and owners else None
        name = f"{sort.what} in {place}" if place else sort.what
        self._add(name, sort, sources, made, made, owner, bool(owners), drop, awake)

    def _product(self, what: str, sources: list[int]) -> Sort:
        """Of two things that were computed: attention where one is a softmax; else linear in the one."""
        if len(sources) < 2:
            return Sort("other", what, linear=True)
        for source in sources:
            at = self._core(source)
            if self.nodes[at].sort.what == "softmax":
                self.nodes[at] = replace(self.nodes[at], sort=Sort("attention", "softmax"))
        return Sort("other", what)

    def _gated(self, sources: list[int]) -> Sort:
        """a · b, where b may be the sigmoid of a (silu), or a gate, or attention's weights."""
        for source in sources:
            at = self._core(source)
            node = self.nodes[at]
            if node.sort.kind != "activation":
                continue
            if node.sort.what == "softmax":
                self.nodes[at] = replace(node, sort=Sort("attention", "softmax"))
            elif node.sort.what in ("sigmoid", "tanh", "hardsigmoid"):
                rest = [self._core(other) for other in sources if other != source]
                if node.sort.what == "sigmoid" and any(self._core(up) in rest for up in node.sources):
                    self.nodes[at] = replace(node, sort=Sort("other", "sigmoid", shown=False))
                    return Sort("activation", "silu")
                self.nodes[at] = replace(node, sort=Sort("activation", "gate"))
        return Sort("other", "mul")

    def _core(self, at: int) -> int:
        """The node that `at` only moves about, or drops from."""
        while len(self.nodes[at].sources) == 1:
            sort = self.nodes[at].sort
            if sort.shown and sort.kind != "dropout":
                break
            at = self.nodes[at].sources[0]
        return at

    # The graph --------------------------------------------------------------------------------------

    def _sources(self, entered: list[Tensor]) -> list[int]:
        found: list[int] = []
        for tensor in entered:
            at = self._made.get(id(tensor))
            if at is None and id(tensor) not in self._owner and tensor.grad_fn is not None:
                at = self._unseen(tensor)
            if at is not None and at not in found:
                found.append(at)
        return found

    def _unseen(self, tensor: Tensor) -> int:
        """Made by what no mode sees (a custom autograd function, a scripted one): it may read all so far."""
        what = type(tensor.grad_fn).__name__.removesuffix("Backward")
        place = self._places[-1] if self._places else ""
        name = f"{what} in {place}" if place else what
        self._add(name, Sort("other", what.lower()), [len(self.nodes) - 1], [tensor], [tensor])
        return len(self.nodes) - 1

    def _add(
        self,
        name: str,
        sort: Sort,
        sources: list[int],
        shown: list[Tensor],
        made: list[Tensor],
        owner: str | None = None,
        parametric: bool = False,
        p: float = 0.0,
        awake: bool = False,
    ) -> None:
        through, depth = 0, 0
        for source in sources:
            through |= self.nodes[source].through | 1 << source
            depth = max(depth, self.nodes[source].depth)
        place = self._places[-1] if self._places else ""
        shape = tuple(shown[0].shape) if shown else ()
        depth += owner is not None
        self.nodes.append(
            Node(
                name,
                place,
                sort,
                shape,
                tuple(sources),
                through,
                depth,
                owner,
                parametric,
                p,
                awake,
                self._bend,
            )
        )
        self._bend = None
        for tensor in made:
            self._set(tensor, len(self.nodes) - 1)

    def _set(self, tensor: Tensor, at: int) -> None:
        self._kept[id(tensor)] = tensor
        self._made[id(tensor)] = at
        self._owner.pop(id(tensor), None)

    def _own(self, tensor: Tensor, path: str) -> None:
        self._kept[id(tensor)] = tensor
        self._owner.setdefault(id(tensor), path)

    def made_by(self, tensors: list[Tensor]) -> list[int]:
        """The nodes that gave these tensors."""
        return self._sources(tensors)


def _clamped(what: str, args: tuple[Any, ...], kwargs: dict[str, Any], sort: Sort) -> Sort:
    """max(x, 0) is a relu, however it is written."""
    rest = [*args[1:], *kwargs.values()]
    if what in ("maximum", "max"):
        zero = len(rest) == 1 and isinstance(rest[0], Tensor) and not bool(rest[0].any())
        return Sort("activation", "relu") if zero and "dim" not in kwargs else sort
    low = kwargs.get("min", args[1] if len(args) > 1 else None)
    high = kwargs.get("max", args[2] if len(args) > 2 else None)
    zero = isinstance(low, int | float) and low == 0 and high is None
    return Sort("activation", "relu") if zero else Sort("other", "clamp")
