"""ResNet of basic blocks (He et al. 2016): two convolutions, and the input added to what they make."""

from dataclasses import dataclass

from torch import Tensor, nn

from profunda.errors import ArgumentError
from profunda.layers.dropout import Dropout
from profunda.layers.stochastic_depth import StochasticDepth
from profunda.networks.named.convolutions import ConvNorm, Norm, check_counts, draw_weights

__all__ = ["RESNETS", "BasicBlock", "ResNet", "ResNetSize"]


@dataclass(frozen=True)
class ResNetSize:
    """Blocks of each stage, and the channels of the first; every later stage has twice as many."""

    blocks: tuple[int, ...]
    width: int = 64

    def __post_init__(self) -> None:
        if not self.blocks or min(*self.blocks, self.width) < 1:
            raise ArgumentError(
                f"blocks {self.blocks} of {self.width} channels make no ResNet: give one stage or more of at "
                "least one block, and at least one channel."
            )


# Table 1 of the paper, the two columns of basic blocks.
RESNETS = {"18": ResNetSize((2, 2, 2, 2)), "34": ResNetSize((3, 4, 6, 3))}


class BasicBlock(nn.Module):
    """x [B, arrives, H, W] → [B, leaves, ⌈H/stride⌉, ⌈W/stride⌉]: ReLU(shortcut(x) + two 3×3 convolutions).

    The shortcut is x itself, or a 1×1 convolution with a norm where the shape changes. `drop` is the
    probability that a row goes without the convolutions.
    """

    def __init__(
        self, arrives: int, leaves: int, *, stride: int = 1, drop: float = 0.0, norm: Norm = "batch"
    ) -> None:
        super().__init__()
        same = stride == 1 and arrives == leaves
        self.shortcut = nn.Identity() if same else ConvNorm(arrives, leaves, 1, norm, stride=stride)
        self.first = ConvNorm(arrives, leaves, 3, norm, nn.ReLU, stride=stride)
        self.second = ConvNorm(leaves, leaves, 3, norm)
        self.stochastic_depth = StochasticDepth(drop=drop)
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """The block's outputs."""
        return self.activation(self.shortcut(x) + self.stochastic_depth(self.second(self.first(x))))


class ResNet(nn.Module):
    """Images [B, in_channels, H, W] to logits [B, n_classes].

    `size` is "18" or "34", or a `ResNetSize`. The paper regularises by batch norm, L2 and augmentation only;
    `stochastic_depth`, the probability that the last block is dropped (block i of n has i/n of it, Huang et
    al. 2016), and `dropout` before the classifier are there to be tried. With `small_images` the stem is a
    3×3 convolution without stride and pooling. Raises ArgumentError for an unknown size, and for no class
    or no channel.
    """

    def __init__(
        self,
        size: str | ResNetSize = "18",
        *,
        n_classes: int = 1000,
        in_channels: int = 3,
        small_images: bool = False,
        stochastic_depth: float = 0.0,
        dropout: float = 0.0,
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        check_counts(n_classes, in_channels)
        self.size = size if isinstance(size, ResNetSize) else _published(size)
        self.n_classes, self.in_channels = n_classes, in_channels
        kernel, stride = (3, 1) if small_images else (7, 2)
        self.stem = ConvNorm(in_channels, self.size.width, kernel, norm, nn.ReLU, stride=stride)
        if not small_images:
            self.stem.add_module("pool", nn.MaxPool2d(3, 2, 1))
        self.stages = self._stages(stochastic_depth, norm)
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.dropout = Dropout(drop=dropout)
        self.classifier = nn.Linear(self.size.width * 2 ** (len(self.size.blocks) - 1), n_classes)
        draw_weights(self)

    def _stages(self, stochastic_depth: float, norm: Norm) -> nn.Sequential:
        arrives, made, total, stages = self.size.width, 0, sum(self.size.blocks), []
        for number, count in enumerate(self.size.blocks):
            leaves, blocks = self.size.width * 2**number, []
            for place in range(count):
                made += 1
                stride, drop = (2 if number and not place else 1), stochastic_depth * made / total
                blocks.append(BasicBlock(arrives, leaves, stride=stride, drop=drop, norm=norm))
                arrives = leaves
            stages.append(nn.Sequential(*blocks))
        return nn.Sequential(*stages)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return self.classifier(self.dropout(self.pool(self.stages(self.stem(x)))))


def _published(name: str) -> ResNetSize:
    if name not in RESNETS:
        raise ArgumentError(
            f"No ResNet of basic blocks is called {name!r}; published are {', '.join(RESNETS)}. For another "
            "size give a ResNetSize, such as ResNetSize((1, 1, 1), width=16)."
        )
    return RESNETS[name]
