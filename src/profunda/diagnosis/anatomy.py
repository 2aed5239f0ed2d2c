"""What a module is: one forward pass of a copy in evaluation mode, read from its tape."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from profunda.diagnosis.asking import told
from profunda.diagnosis.copying import cloned, copy_of, tensors_in, undisturbed
from profunda.diagnosis.drawn import LEAST, looks_begun, looks_drawn, looks_uniform
from profunda.diagnosis.firsts import firsts_of
from profunda.diagnosis.givens import Activation, Anatomy, Layer, Op
from profunda.diagnosis.operations import known_module, module_sort
from profunda.diagnosis.reaching import reach_of, tail_of
from profunda.diagnosis.strays import reached_strays
from profunda.diagnosis.tape import Node, is_leaf, recorded

__all__ = ["anatomy_of"]

_WRAPPERS = ("_orig_mod", "module")
"""Where torch.compile and the data-parallel wrappers keep what they wrap."""

_MEANT = ("random", "reservoir", "fourier", "hash", "fixed", "frozen", "teacher", "target")
"""Words by which those who freeze weights as drawn on purpose call them."""


def anatomy_of(module: nn.Module, inputs: tuple[Any, ...]) -> Anatomy:
    """Reads `module(*inputs)` once on a copy, in evaluation mode, and once backwards.

    Nothing of the user's is changed: not the module, its buffers or mode, not the inputs, no random numbers.
    What the module raises is told by `Anatomy.why`, never raised. Parameters count as unused where neither a
    pass in evaluation nor one in training mode gives them a gradient, so that an auxiliary head counts as
    used, and one that begins at zero too.
    """
    known = _known(module)
    inner, prefix = _unwrapped(module)
    why = _unreadable(inner)
    if why:
        return Anatomy(**known, why=why)
    try:
        with undisturbed(module):
            own = copy_of(inner).eval()
            tape, outputs = recorded(own, cloned(inputs), prefix)
            nodes, ends = tape.nodes, tape.made_by(tensors_in(outputs))
            known["strays"] = reached_strays(own, outputs)
            unused = _unused(own, inputs, outputs, prefix)
            tail = tail_of(nodes, ends)
            if tail is not None:
                known["reach"] = reach_of(own.eval(), _part(own, tail, prefix), inputs)
    except Exception as error:
        return Anatomy(**known, why=told(error))
    known["firsts"] = firsts_of(own, tape.multiplied, prefix)
    return _assembled(own, prefix, nodes, ends, unused, known)


def _known(module: nn.Module) -> dict[str, Any]:
    """What needs no forward pass."""
    first: dict[int, str] = {}
    shared: list[tuple[str, str]] = []
    for name, tensor in module.named_parameters(remove_duplicate=False):
        if id(tensor) in first:
            shared.append((first[id(tensor)], name))
        first.setdefault(id(tensor), name)
    given = [tensor for tensor in module.parameters() if not is_lazy(tensor)]
    other = [name for name, part in module.named_modules() if part.training != module.training]
    return {
        "parameters": sum(tensor.numel() for tensor in given),
        "trainable": sum(tensor.numel() for tensor in given if tensor.requires_grad),
        "shared": tuple(shared),
        "training": module.training,
        "pace": min(_paces(module), default=math.nan),
        "haste": max(_paces(module), default=math.nan),
        "stuck": tuple(name for name in other if not any(name.startswith(f"{up}.") for up in other)),
    }


def _paces(module: nn.Module) -> list[float]:
    """Of norms that run and collect; without a momentum all batches count alike."""
    norms = [each for each in module.modules() if isinstance(each, nn.modules.batchnorm._NormBase)]
    paces = [each.momentum for each in norms if each.track_running_stats and each.training]
    return [float(each) for each in paces if each is not None]


def _unwrapped(module: nn.Module) -> tuple[nn.Module, str]:
    kind = type(module).__name__
    if kind in ("OptimizedModule", "DataParallel", "DistributedDataParallel"):
        for name in _WRAPPERS:
            inner = module._modules.get(name)
            if inner is not None:
                deeper, path = _unwrapped(inner)
                return deeper, f"{name}.{path}".rstrip(".")
    return module, ""


def _unreadable(module: nn.Module) -> str:
    lazy = [name for name, tensor in module.named_parameters() if is_lazy(tensor)]
    if lazy:
        return (
            f"{len(lazy)} parameters have no size yet (the first is {lazy[0]}): lazy modules make them in "
            "their first forward pass. Pass one batch through the module before you hand it over."
        )
    if isinstance(module, torch.jit.ScriptModule):
        return (
            "the module is scripted, and a scripted module does not show what runs inside. Hand over the "
            "module that it was made of."
        )
    return ""


def _unused(own: nn.Module, inputs: tuple[Any, ...], outputs: Any, prefix: str) -> tuple[str, ...]:
    """Trainable parameters that get no gradient of the sum of squared outputs in either mode."""
    named = [(name, tensor) for name, tensor in own.named_parameters() if tensor.requires_grad]
    missed = set(_missed(named, outputs))
    if missed:
        try:
            missed &= set(_missed(named, own.train()(*cloned(inputs))))
        except Exception:  # a batch norm refuses a single row; then evaluation alone must tell
            own.eval()
    return tuple(".".join(word for word in (prefix, name) if word) for name, _ in named if name in missed)


def _missed(named: list[tuple[str, nn.Parameter]], outputs: Any) -> list[str]:
    squares = [
        (tensor.abs() if tensor.is_complex() else tensor).square().sum().float()
        for tensor in tensors_in(outputs)
        if tensor.requires_grad
    ]
    if not named or not squares:
        return [name for name, _ in named]
    total = torch.stack(squares).sum()
    grads = torch.autograd.grad(total, [tensor for _, tensor in named], allow_unused=True)
    return [name for (name, _), grad in zip(named, grads, strict=True) if grad is None]


# From nodes to the record -----------------------------------------------------------------------------


def _assembled(
    own: nn.Module,
    prefix: str,
    nodes: list[Node],
    ends: list[int],
    unused: tuple[str, ...],
    known: dict[str, Any],
) -> Anatomy:
    starts: dict[str, int] = {}
    for at, node in enumerate(nodes):
        if node.owner is not None and is_leaf(_part(own, node.owner, prefix)):
            starts.setdefault(node.owner, at)
    places = {name: index for index, name in enumerate(starts)}
    readers = _readers(nodes)
    layers = tuple(_layer(own, prefix, name, nodes, readers) for name in starts)
    idle = [one.name for one in layers if not one.trainable]
    unmoved = idle + [one.name for one in layers if any(each.startswith(f"{one.name}.") for each in unused)]
    references = _references(own, prefix, [one.name for one in layers], unmoved)
    raw = {one.name for one in layers if _is_raw(own, prefix, one.name)}
    flat = {one.name for one in layers if _is_flat(own, prefix, one.name)}
    return Anatomy(
        ops=tuple(_op(node) for node in nodes if node.sort.shown and not _drops_nothing(node)),
        layers=layers,
        activations=_activations(nodes, places, layers),
        last=_last(nodes, ends),
        deaf=not any(end == 0 or nodes[end].through & 1 for end in ends),
        skips=_skips(nodes),
        unused=unused,
        drawn=tuple(one.name for one in layers if one.name in raw | flat),
        frozen=tuple(
            one.name
            for one in layers
            if one.name not in references
            and _stays(_part(own, one.name, prefix))
            and _is_left_raw(own, prefix, one.name)
        ),
        references=references,
        sleepless=tuple(n.name for n in nodes if n.awake),
        entering=max((n.p for n in nodes if n.sort.kind == "dropout" and n.depth == 0), default=0.0),
        **known,
    )


def _part(own: nn.Module, path: str, prefix: str) -> nn.Module:
    return own.get_submodule(path[len(prefix) :].lstrip("."))


def _is_raw(own: nn.Module, prefix: str, name: str) -> bool:
    """Whether every matrix of a layer is still as drawn."""
    return looks_drawn(_drawn(own, prefix, name))


def _is_flat(own: nn.Module, prefix: str, name: str) -> bool:
    """Whether a layer too small for directions to stand out is as torch's own layers are drawn."""
    matrices = _drawn(own, prefix, name)
    return all(one.numel() < LEAST for one in matrices) and looks_uniform(matrices)


def _stays(part: nn.Module) -> bool:
    """Whether no matrix of a part trains, be it that biases do."""
    return not any(each.requires_grad and each.ndim > 1 for each in part.parameters())


def _is_left_raw(own: nn.Module, prefix: str, name: str) -> bool:
    """Whether a frozen layer is surely as it was drawn, and no name of it or of what holds it says that it is
    meant to stay so.
    """
    words = name[len(prefix) :].lstrip(".").split(".")
    holders = [own.get_submodule(".".join(words[:at])) for at in range(len(words) + 1)]
    told = " ".join((*words, *(type(one).__name__ for one in holders))).lower()
    weights = _drawn(own, prefix, name)
    return not any(one in told for one in _MEANT) and (looks_drawn(weights) or looks_begun(weights))


def _references(own: nn.Module, prefix: str, layers: list[str], unmoved: list[str]) -> tuple[str, ...]:
    """Those of the `unmoved` layers that repeat another one, number by number, as no two draws do."""
    moved = [_drawn(own, prefix, name) for name in layers if name not in unmoved]
    return tuple(name for name in unmoved if any(_repeats(_drawn(own, prefix, name), one) for one in moved))


def _drawn(own: nn.Module, prefix: str, name: str) -> list[Tensor]:
    return [one.detach() for one in _part(own, name, prefix).parameters() if one.ndim > 1]


def _repeats(one: list[Tensor], other: list[Tensor]) -> bool:
    """Whether matrices are equal, and not so because all their numbers are."""
    return (
        bool(one)
        and len(one) == len(other)
        and all(
            torch.equal(a, b) and bool((a != a.flatten()[0]).any()) for a, b in zip(one, other, strict=True)
        )
    )


def _drops_nothing(node: Node) -> bool:
    return node.sort.kind == "dropout" and node.p == 0.0


def _op(node: Node) -> Op:
    return Op(node.name, node.sort.kind, node.sort.what, node.shape)


def _readers(nodes: list[Node]) -> list[list[int]]:
    readers: list[list[int]] = [[] for _ in nodes]
    for at, node in enumerate(nodes):
        for source in node.sources:
            readers[source].append(at)
    return readers


def _following(owner: str, nodes: list[Node], readers: list[list[int]]) -> list[Node]:
    """What the outputs of a layer run into before another layer, in the order of running."""
    found: set[int] = set()
    ahead = [at for at, node in enumerate(nodes) if node.owner == owner]
    own = set(ahead)
    while ahead:
        for at in readers[ahead.pop()]:
            if at not in found and at not in own and nodes[at].owner is None:
                found.add(at)
                ahead.append(at)
    return [nodes[at] for at in sorted(found)]


def _layer(own: nn.Module, prefix: str, name: str, nodes: list[Node], readers: list[list[int]]) -> Layer:
    part = _part(own, name, prefix)
    sort = module_sort(part) if known_module(part) is not None else None
    if sort is None:
        sorts = {node.sort for node in nodes if node.owner == name}
        several = sum(node.owner == name for node in nodes) > 1
        kind = "other" if several or len(sorts) > 1 else next(iter(sorts)).kind
        what = type(part).__name__.lower()
    else:
        kind, what = sort.kind, sort.what
    after = _following(name, nodes, readers)
    bent = [
        node
        for node in after
        if not node.sort.linear and node.sort.kind not in ("norm", "dropout") and not _straight(node, nodes)
    ]
    acts = [node for node in bent if node.sort.kind == "activation"]
    norms = [node.sort.what for node in after if node.sort.kind == "norm"]
    dropped = [node.p for node in after if node.sort.kind == "dropout" and node.p > 0.0]
    shape = _shape(part)
    fan_in, fan_out = _fans(part, shape)
    return Layer(
        name,
        kind,
        what,
        shape,
        fan_in,
        fan_out,
        sum(tensor.numel() for tensor in part.parameters()),
        any(tensor.requires_grad for tensor in part.parameters()),
        _inside(part) or (acts or bent)[0].sort.what if _inside(part) or bent else "",
        norms[0] if norms else "",
        max(dropped, default=_dropped_inside(part)),
    )


def _straight(node: Node, nodes: list[Node]) -> bool:
    """Whether it is an activation that does nothing, here or anywhere: one that bends elsewhere is meant to
    bend what grows.
    """
    if node.sort.kind != "activation":
        return False
    alike = [one.bend for one in nodes if one.sort == node.sort]
    return all(bend is not None and bend.straight for bend in alike)


def _inside(part: nn.Module) -> str:
    """The activation that a recurrent layer holds."""
    if isinstance(part, nn.RNNBase | nn.RNNCellBase):
        return str(vars(part).get("nonlinearity", "tanh"))
    return ""


def _dropped_inside(part: nn.Module) -> float:
    """Rate at which a recurrent stack drops between its layers, or attention its weights."""
    if isinstance(part, nn.MultiheadAttention) or (isinstance(part, nn.RNNBase) and part.num_layers > 1):
        rate: object = part.dropout  # a subclass may keep a module there
        return float(rate) if isinstance(rate, int | float) else 0.0
    return 0.0


def _shape(part: nn.Module) -> tuple[int, ...]:
    for name in ("weight", "weight_ih_l0", "weight_ih", "in_proj_weight"):
        value = getattr(part, name, None)
        if isinstance(value, Tensor):
            return tuple(value.shape)
    wide = [tensor for tensor in part.parameters() if tensor.ndim > 1] or list(part.parameters())
    return tuple(max(wide, key=torch.numel).shape) if wide else ()


def _fans(part: nn.Module, shape: tuple[int, ...]) -> tuple[int, int]:
    """Numbers that enter one output, and outputs that one input enters."""
    if isinstance(part, nn.modules.conv._ConvNd):
        kernel, stride = math.prod(part.kernel_size), math.prod(part.stride)
        into, out = part.in_channels // part.groups * kernel, part.out_channels // part.groups * kernel
        if part.transposed:
            return max(1, into // stride), out
        return into, max(1, out // stride)
    if isinstance(part, nn.Embedding | nn.EmbeddingBag):
        return 1, shape[-1]
    if isinstance(part, nn.RNNBase | nn.RNNCellBase):
        return part.input_size + part.hidden_size, part.hidden_size
    if isinstance(part, nn.MultiheadAttention):
        return part.embed_dim, part.embed_dim
    if isinstance(part, nn.Bilinear):
        return part.in1_features * part.in2_features, part.out_features
    if len(shape) < 2:
        return 1, 1
    return math.prod(shape[1:]), shape[0] * math.prod(shape[2:])


def _activations(
    nodes: list[Node], places: dict[str, int], layers: tuple[Layer, ...]
) -> tuple[Activation, ...]:
    """One for each place: a loop over time steps that calls one function again and again is one place."""
    found: dict[tuple[str, str, int], list[int]] = {}
    for at, node in enumerate(nodes):
        if node.sort.kind != "activation" or len(node.shape) == 0:
            continue
        before = [
            places[name]
            for up, each in enumerate(nodes)
            if node.through >> up & 1 and (name := each.owner) is not None and name in places
        ]
        found.setdefault((node.name, node.sort.what, max(before, default=-1)), []).append(at)
    return tuple(_activation(after, nodes, ran, layers) for (*_, after), ran in found.items())


def _activation(after: int, every: list[Node], ran: list[int], layers: tuple[Layer, ...]) -> Activation:
    """Of all times that one place `ran`; slopes multiply."""
    nodes = [every[at] for at in ran]
    first = nodes[0]
    spread = after >= 0 and layers[after].kind == "convolution" and len(first.shape) > 2
    units = first.shape[1] if spread else first.shape[-1]
    turns = max(1 + sum(node.through >> up & 1 for up in ran) for node in nodes)
    bends = [node.bend for node in nodes if node.bend is not None]
    if not bends:
        return Activation(first.name, first.sort.what, units, after, turns=turns)
    slopes = [max(one.slope, 1e-30) for one in bends]
    return Activation(
        first.name,
        first.sort.what,
        units,
        after,
        straight=_straight(first, every),
        slope=math.exp(math.fsum(map(math.log, slopes)) / len(slopes)),
        spread=max(one.spread for one in bends),
        silent=min(one.silent for one in bends),
        turns=turns,
    )


def _last(nodes: list[Node], ends: list[int]) -> tuple[str, ...]:
    """What stands between the last weights and the outputs; each output has last weights of its own."""
    found: set[int] = set()
    for end in ends:
        ways = nodes[end].through | 1 << end
        before = [at for at in range(end + 1) if ways >> at & 1]
        weighted = [at for at in before if nodes[at].owner is not None or nodes[at].parametric]
        found.update(at for at in before if at > max(weighted, default=0))
    return tuple(nodes[at].sort.what for at in sorted(found) if nodes[at].sort.shown)


# Skips ------------------------------------------------------------------------------------------------


def _skips(nodes: list[Node]) -> int:
    """Sums, and concatenations, of what passed unequally many layers."""
    runs: dict[str, int] = {}
    for node in nodes:
        if node.owner is not None:
            runs[node.owner] = runs.get(node.owner, 0) + 1
    joins = [node for node in nodes if node.sort.what in ("add", "cat", "concat", "sub", "lerp")]
    return sum(_is_skip(node, nodes, runs) for node in joins)


def _is_skip(node: Node, nodes: list[Node], runs: dict[str, int]) -> bool:
    for short in node.sources:
        for long in node.sources:
            if nodes[short].depth >= nodes[long].depth:
                continue
            around = _moved_from(short, nodes)
            if nodes[long].through >> around & 1:
                return True
            common = nodes[long].through & nodes[short].through
            nearest = _nearest(short, nodes)
            # A recurrent loop adds W x_t to U h, and that goes round no layer: W is used at every step.
            if common and nearest is not None and runs[nearest] == 1:
                return True
    return False


def _moved_from(at: int, nodes: list[Node]) -> int:
    while len(nodes[at].sources) == 1 and (not nodes[at].sort.shown or nodes[at].sort.kind == "dropout"):
        at = nodes[at].sources[0]
    return at


def _nearest(at: int, nodes: list[Node]) -> str | None:
    """The last layer on the way to a node."""
    ways = nodes[at].through | 1 << at
    owners = [node.owner for up, node in enumerate(nodes) if ways >> up & 1 and node.owner is not None]
    return owners[-1] if owners else None
