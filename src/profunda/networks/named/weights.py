"""Published weights from a file that the user has: safetensors only, by our names or their authors'.

Pickles are never read, for they can run code, and nothing is fetched.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from profunda.errors import ArgumentError, ModelError
from profunda.networks.named.awd_lstm import AWDLSTM
from profunda.networks.named.densenet import DenseNet
from profunda.networks.named.efficientnet import EfficientNet
from profunda.networks.named.resnet import ResNet

__all__ = ["load_weights"]

HEAD = "classifier."
COUNTER = "num_batches_tracked"  # of batch norms: nothing that training has learnt
RAW = "_raw"  # of the program of AWD-LSTM's authors: weights before any is dropped
SHOWN = 3


def load_weights(
    network: nn.Module, path: str | Path, *, head: bool = True, sum_channels: bool = False
) -> nn.Module:
    """Fill `network` from the safetensors file `path`, in place; hands `network` back.

    The file's tensors have the names of `network.state_dict()`, or, for `ResNet`, `DenseNet` and
    `EfficientNet`, those of torchvision, for `AWDLSTM` those of its authors' program; the naming of which it
    has more is taken. Of tensors that the network shares, such as tied weights, the file may hold one.
    `head=False` leaves the classifier as it is, for other classes than the file's or a file without one.
    `sum_channels=True` adds up the first convolution over the file's channels for a network of one channel:
    it then does with a grey image what the file's network does with the same image in every channel. All is
    checked before anything is copied. Raises ModelError for a file that cannot be read, for tensors that are
    missing, unknown, of another shape or type (floats may be wider or narrower), not finite, or different
    where the network shares one; ArgumentError where there is no classifier to leave out, or no single
    channel to sum to.
    """
    own = {name: tensor for name, tensor in network.state_dict().items() if not name.endswith(COUNTER)}
    if not head and not any(name.startswith(HEAD) for name in own):
        raise ArgumentError(f"{type(network).__name__} has no classifier that head=False could leave out.")
    given = _read(Path(path))
    _fill_shared(path, own, given)
    namings = [{name: name for name in own}, _published_names(network, own)]
    if not head:
        for name in [name for name in own if name.startswith(HEAD)]:
            own.pop(name)
            for naming in namings:
                given.pop(naming.pop(name), None)
    names = max(namings, key=lambda naming: len(given.keys() & naming.values()))
    _same_names(path, names, given)
    found = {name: given[theirs] for name, theirs in names.items()}
    if sum_channels:
        _to_one_channel(network, own, found)
    _same_shapes(path, own, found)
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(found[name])
    return network


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise ModelError(f"There is no file {path}.")
    try:
        with safe_open(path, framework="pt") as file:
            found = {_modern(name): file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ModelError(
            f"{path} is no safetensors file, or a damaged one ({error}). Files of torch.save (.pt, .pth) are "
            "pickles, which can run code and are never read: where you trust one, turn it into safetensors "
            "yourself."
        ) from error
    return {
        name: tensor
        for name, tensor in found.items()
        if not name.endswith(COUNTER) and f"{name}{RAW}" not in found
    }


def _fill_shared(path: str | Path, own: dict[str, Tensor], given: dict[str, Tensor]) -> None:
    """safetensors writes a tensor with several names once, under one of them."""
    shared: dict[int, list[str]] = {}
    for name, tensor in own.items():
        if tensor.data_ptr():
            shared.setdefault(tensor.data_ptr(), []).append(name)
    for names in shared.values():
        written = [given[name] for name in names if name in given]
        if any(not torch.equal(written[0], other) for other in written[1:]):
            raise ModelError(
                f"{path}: {' and '.join(names)} differ, but are one tensor in this network: the file is of a "
                "network that does not tie them."
            )
        given |= {name: written[0] for name in names if written and name not in given}


def _modern(name: str) -> str:
    """torchvision's DenseNet files of 2017 have "norm.1" where its code has "norm1"."""
    return re.sub(r"(denselayer\d+\.(?:norm|conv))\.(\d)", r"\1\2", name)


def _published_names(network: nn.Module, own: dict[str, Tensor]) -> dict[str, str]:
    """From our tensors' names to torchvision's or the authors'; to themselves where neither has them."""
    if isinstance(network, AWDLSTM):
        return {name: _awd_lstm(name) for name in own}
    if isinstance(network, ResNet):
        parts = dict(_resnet(network))
    elif isinstance(network, DenseNet):
        parts = dict(_densenet(network))
    elif isinstance(network, EfficientNet):
        parts = dict(_efficientnet(network))
    else:
        return {name: name for name in own}
    split = {name: name.rpartition(".") for name in own}
    return {name: f"{parts.get(part, part)}.{leaf}" for name, (part, _, leaf) in split.items()}


def _awd_lstm(name: str) -> str:
    """The authors' layers stand in a wrapper that drops weights: "rnns.0.module.weight_hh_l0_raw"."""
    wrapped = re.sub(r"^(rnns\.\d+)\.", r"\1.module.", name)
    return wrapped + RAW if name.endswith("weight_hh_l0") else wrapped


def _resnet(network: ResNet) -> Iterator[tuple[str, str]]:
    yield from (("stem.conv", "conv1"), ("stem.norm", "bn1"), ("classifier", "fc"))
    for s, stage in enumerate(network.stages):
        for b, _ in enumerate(stage.children()):
            ours, theirs = f"stages.{s}.{b}", f"layer{s + 1}.{b}"
            for number, part in enumerate(("first", "second"), 1):
                yield f"{ours}.{part}.conv", f"{theirs}.conv{number}"
                yield f"{ours}.{part}.norm", f"{theirs}.bn{number}"
            yield from _conv_norm(f"{ours}.shortcut", f"{theirs}.downsample")


def _densenet(network: DenseNet) -> Iterator[tuple[str, str]]:
    yield from (("stem.conv", "features.conv0"), ("stem.norm", "features.norm0"))
    yield "top.norm", "features.norm5"  # so called whatever the number of blocks
    for b, block in enumerate(network.blocks):
        for n, _ in enumerate(block.children()):
            ours, theirs = f"blocks.{b}.{n}", f"features.denseblock{b + 1}.denselayer{n + 1}"
            for number, part in enumerate(("squeeze", "grow"), 1):
                yield f"{ours}.{part}.norm", f"{theirs}.norm{number}"
                yield f"{ours}.{part}.conv", f"{theirs}.conv{number}"
    for t, _ in enumerate(network.transitions):
        for leaf in ("norm", "conv"):
            yield f"transitions.{t}.{leaf}", f"features.transition{t + 1}.{leaf}"


def _efficientnet(network: EfficientNet) -> Iterator[tuple[str, str]]:
    yield from _conv_norm("stem", "features.0")
    yield from _conv_norm("top", f"features.{len(network.stages) + 1}")
    yield "classifier", "classifier.1"
    for s, stage in enumerate(network.stages):
        for b, block in enumerate(stage.children()):
            ours, theirs = f"stages.{s}.{b}", f"features.{s + 1}.{b}.block"
            parts = ["depthwise", "squeeze_excitation", "project"]
            if not isinstance(block.expand, nn.Identity):
                parts.insert(0, "expand")
            for number, part in enumerate(parts):
                yield from _conv_norm(f"{ours}.{part}", f"{theirs}.{number}")
            place = f"{theirs}.{parts.index('squeeze_excitation')}"
            yield f"{ours}.squeeze_excitation.reduce", f"{place}.fc1"
            yield f"{ours}.squeeze_excitation.restore", f"{place}.fc2"


def _conv_norm(ours: str, theirs: str) -> Iterator[tuple[str, str]]:
    yield f"{ours}.conv", f"{theirs}.0"
    yield f"{ours}.norm", f"{theirs}.1"


def _same_names(path: str | Path, names: dict[str, str], given: dict[str, Tensor]) -> None:
    missing, unknown = sorted(set(names.values()) - set(given)), sorted(set(given) - set(names.values()))
    if missing or unknown:
        raise ModelError(
            f"{path} is not of this network: {_listed(missing, 'missing')}; {_listed(unknown, 'unknown')}. "
            "It may be of another size, or the network was built without a part that the file has (its stem "
            "for small images, a norm, squeeze-and-excitation)."
        )


def _listed(names: list[str], what: str) -> str:
    shown = ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
    return f"{len(names)} tensors are {what}" + f" ({shown})" * bool(names)


def _to_one_channel(network: nn.Module, own: dict[str, Tensor], found: dict[str, Tensor]) -> None:
    first = _first_convolution(own)
    if first is None or own[first].shape[1] != 1:
        raise ArgumentError(
            f"sum_channels=True is for a network whose first convolution reads one channel, and this "
            f"{type(network).__name__} has none: build it with in_channels=1."
        )
    if found[first].dim() == 4:
        found[first] = found[first].sum(1, keepdim=True)


def _first_convolution(own: dict[str, Tensor]) -> str | None:
    return next((name for name, tensor in own.items() if tensor.dim() == 4), None)


def _same_shapes(path: str | Path, own: dict[str, Tensor], found: dict[str, Tensor]) -> None:
    wrong = {name: how for name, tensor in own.items() if (how := _unlike(found[name], tensor))}
    if wrong:
        told = [f"{name} is {how}" for name, how in wrong.items()]
        first = _first_convolution(own)
        grey = first is not None and own[first].shape[1] == 1 and found[first].shape[1:2] != (1,)
        hints = "For other classes give head=False. " * any(name.startswith(HEAD) for name in wrong)
        hints += "For grey images give sum_channels=True. " * grey
        raise ModelError(
            f"{path}: {len(wrong)} tensors have another shape or type than this network's: "
            f"{'; '.join(told[:SHOWN])}. "
            f"{hints}{'Else the' if hints else 'The'} file is of another network, or of another size."
        )
    broken = [name for name in own if not found[name].isfinite().all()]
    if broken:
        raise ModelError(
            f"{path}: {broken[0]} holds infinities or NaN, as {len(broken)} tensors do: the training that "
            "wrote them had diverged, or the file is damaged."
        )


def _unlike(theirs: Tensor, ours: Tensor) -> str:
    """How two tensors differ, "" where one can be copied: floats of any width, others of the same type."""
    if theirs.shape != ours.shape:
        return f"{tuple(theirs.shape)} there and {tuple(ours.shape)} here"
    if theirs.dtype == ours.dtype or (theirs.is_floating_point() and ours.is_floating_point()):
        return ""
    return f"{theirs.dtype} there and {ours.dtype} here"
