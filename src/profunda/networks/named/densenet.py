"""DenseNet (Huang et al. 2017): every layer of a block reads what all layers before it made."""

from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from profunda.errors import ArgumentError
from profunda.layers.dropout import Dropout
from profunda.networks.named.convolutions import (
    ConvNorm,
    Norm,
    check_counts,
    convolution,
    draw_weights,
    norm_of,
)

__all__ = ["DENSENETS", "DenseLayer", "DenseNet", "DenseNetSize", "Transition"]

BOTTLENECK = 4  # the paper's 1×1 convolutions make 4k maps


@dataclass(frozen=True)
class DenseNetSize:
    """Layers of each block, the maps that a layer adds, and what is not the paper's "-BC" form.

    `bottleneck`: a 1×1 convolution before each 3×3 one ("B"). `compression`: the share of maps that a
    transition keeps, below 1 in "C". `stem`: maps of the first convolution, twice the growth if None.
    """

    layers: tuple[int, ...]
    growth: int = 32
    bottleneck: bool = True
    compression: float = 0.5
    stem: int | None = None

    def __post_init__(self) -> None:
        counts = [self.growth, *self.layers, *([] if self.stem is None else [self.stem])]
        if not self.layers or min(counts) < 1 or not 0.0 < self.compression <= 1.0:
            raise ArgumentError(
                f"layers {self.layers}, growth {self.growth} and compression {self.compression:g} make no "
                "DenseNet: give one block or more of at least one layer, a growth (and a stem, if any) of at "
                "least 1, and a compression above 0 and at most 1."
            )
        if min(self.entering) < 1:
            raise ArgumentError(
                f"compression {self.compression:g} leaves {self.entering} maps at the beginnings of the "
                "blocks, and a transition without maps ends the network: compress less, or grow by more."
            )

    @property
    def entering(self) -> tuple[int, ...]:
        """Maps that enter each block: those of the stem, then what each transition leaves, rounded down."""
        maps = [2 * self.growth if self.stem is None else self.stem]
        for count in self.layers[:-1]:
            maps.append(int((maps[-1] + count * self.growth) * self.compression))
        return tuple(maps)

    @property
    def connections(self) -> int:
        """L(L + 1)/2 of a block of L layers, summed: maps go to all later layers and out of the block."""
        return sum(count * (count + 1) // 2 for count in self.layers)


# Table 1 of the paper; the last is of table 2, for 32 pixels.
DENSENETS = {
    "121": DenseNetSize((6, 12, 24, 16)),
    "169": DenseNetSize((6, 12, 32, 32)),
    "201": DenseNetSize((6, 12, 48, 32)),
    "161": DenseNetSize((6, 12, 36, 24), growth=48),
    "BC-100-12": DenseNetSize((16, 16, 16), growth=12),
}


class DenseLayer(nn.Module):
    """x [B, C, H, W] → [B, C + growth, H, W]: the input, and `growth` maps made from all of it.

    Norm, ReLU, 1×1 convolution to 4·growth, norm, ReLU, 3×3 convolution; without the first three where
    there is no bottleneck. Dropout follows each convolution (the paper's section 3).
    """

    def __init__(
        self,
        arrives: int,
        growth: int,
        *,
        bottleneck: bool = True,
        dropout: float = 0.0,
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        squeezed = BOTTLENECK * growth if bottleneck else arrives
        self.squeeze = nn.Sequential(
            _before(arrives, squeezed, 1, norm, dropout) if bottleneck else OrderedDict()
        )
        self.grow = nn.Sequential(_before(squeezed, growth, 3, norm, dropout))

    def forward(self, x: Tensor) -> Tensor:
        """The input with the new maps behind it."""
        return torch.cat([x, self.grow(self.squeeze(x))], 1)


class Transition(nn.Sequential):
    """Between two blocks, x [B, C, H, W] → [B, leaves, ⌊H/2⌋, ⌊W/2⌋].

    Norm, ReLU, 1×1 convolution, dropout, means over 2×2.
    """

    def __init__(self, arrives: int, leaves: int, *, dropout: float = 0.0, norm: Norm = "batch") -> None:
        super().__init__(_before(arrives, leaves, 1, norm, dropout))
        self.add_module("pool", nn.AvgPool2d(2))


def _before(
    arrives: int, leaves: int, kernel: int, norm: Norm, dropout: float
) -> OrderedDict[str, nn.Module]:
    """Norm and activation before the convolution (He et al. 2016, pre-activation), dropout behind."""
    return OrderedDict(
        norm=norm_of(norm, arrives),
        activation=nn.ReLU(),
        conv=convolution(arrives, leaves, kernel, norm),
        dropout=Dropout(drop=dropout),
    )


class DenseNet(nn.Module):
    """Images [B, in_channels, H, W] to logits [B, n_classes].

    `size` is "121", "169", "201", "161" or "BC-100-12", or a `DenseNetSize`. `dropout` follows every
    convolution but the first, in the paper at 0.2 and only on data without augmentation; `norm` is "batch",
    "group" or "none". With `small_images` the stem is one 3×3 convolution, as in the paper for 32 pixels,
    and not 7×7 with stride 2, norm and pooling. Raises ArgumentError for an unknown size, and for no class
    or no channel.
    """

    def __init__(
        self,
        size: str | DenseNetSize = "121",
        *,
        n_classes: int = 1000,
        in_channels: int = 3,
        small_images: bool = False,
        dropout: float = 0.0,
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        check_counts(n_classes, in_channels)
        self.size = size if isinstance(size, DenseNetSize) else _published(size)
        self.n_classes, self.in_channels = n_classes, in_channels
        arrives = self.size.entering[0]
        self.stem = _stem(in_channels, arrives, small_images, norm)
        blocks, transitions = [], []
        for enters, count in zip(self.size.entering, self.size.layers, strict=True):
            if blocks:
                transitions.append(Transition(arrives, enters, dropout=dropout, norm=norm))
            blocks.append(_block(enters, count, self.size, dropout, norm))
            arrives = enters + count * self.size.growth
        self.blocks, self.transitions = nn.ModuleList(blocks), nn.ModuleList(transitions)
        self.top = nn.Sequential(OrderedDict(norm=norm_of(norm, arrives), activation=nn.ReLU()))
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(arrives, n_classes)
        draw_weights(self)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        x = self.blocks[0](self.stem(x))
        for transition, block in zip(self.transitions, self.blocks[1:], strict=True):
            x = block(transition(x))
        return self.classifier(self.pool(self.top(x)))


def _block(arrives: int, count: int, size: DenseNetSize, dropout: float, norm: Norm) -> nn.Sequential:
    growth, bottleneck = size.growth, size.bottleneck
    layers = (
        DenseLayer(arrives + number * growth, growth, bottleneck=bottleneck, dropout=dropout, norm=norm)
        for number in range(count)
    )
    return nn.Sequential(*layers)


def _stem(in_channels: int, leaves: int, small_images: bool, norm: Norm) -> nn.Sequential:
    if small_images:
        first = nn.Sequential()  # without a norm: what follows begins with its own
        first.add_module("conv", convolution(in_channels, leaves, 3, norm))
        return first
    first = ConvNorm(in_channels, leaves, 7, norm, nn.ReLU, stride=2)
    first.add_module("pool", nn.MaxPool2d(3, 2, 1))
    return first


def _published(name: str) -> DenseNetSize:
    if name not in DENSENETS:
        raise ArgumentError(
            f"No DenseNet is called {name!r}; published are {', '.join(DENSENETS)}. For another size give a "
            "DenseNetSize, such as DenseNetSize((6, 6, 6), growth=12)."
        )
    return DENSENETS[name]
