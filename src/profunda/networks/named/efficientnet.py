"""EfficientNet (Tan and Le 2019): one small network, scaled in depth, width and resolution together.

`EfficientNetSize` holds the three factors; `EFFICIENTNETS` the published B0 to B7, whose factors are the
authors' roundings of αᶠ, βᶠ and γᶠ for an exponent f (φ in the paper) that grows from 0 to about 7.
"""

from dataclasses import dataclass
from math import ceil, inf

from torch import Tensor, nn

from profunda.errors import ArgumentError
from profunda.layers.dropout import Dropout
from profunda.layers.squeeze_excitation import SqueezeExcitation
from profunda.layers.stochastic_depth import StochasticDepth
from profunda.networks.named.convolutions import ConvNorm, Norm, check_counts, draw_weights

__all__ = ["EFFICIENTNETS", "EfficientNet", "EfficientNetSize", "MBConv"]

ALPHA, BETA, GAMMA = 1.2, 1.1, 1.15


@dataclass(frozen=True)
class EfficientNetSize:
    """Factors of B0's channels and of its blocks a stage, the resolution of its images, and dropout."""

    width: float = 1.0
    depth: float = 1.0
    resolution: int = 224
    dropout: float = 0.2
    norm_eps: float = 1e-5

    def __post_init__(self) -> None:
        if not (0.0 < self.width < inf and 0.0 < self.depth < inf and self.resolution >= 1):
            raise ArgumentError(
                f"width × {self.width:g}, depth × {self.depth:g} and {self.resolution} pixels make no "
                "network: all three must be finite and positive (factors below 1 for one smaller than B0)."
            )

    @classmethod
    def compound(
        cls, phi: float, *, alpha: float = ALPHA, beta: float = BETA, gamma: float = GAMMA
    ) -> "EfficientNetSize":
        """Depth × αᵠ, width × βᵠ, resolution 224 × γᵠ to the pixel (Tan and Le 2019, eq. 3).

        A φ below 0 makes a network smaller than B0. Multiplications grow as about (αβ²γ²)ᵠ, which is 1.92ᵠ
        with the published α, β, γ and not 2ᵠ. Raises ArgumentError for a φ whose factors are no numbers.
        """
        try:
            width, depth, resolution = beta**phi, alpha**phi, round(224 * gamma**phi)
        except (OverflowError, ValueError):
            raise ArgumentError(
                f"φ = {phi:g} scales B0 beyond all numbers: the published networks go from 0 to about 7."
            ) from None
        return cls(width, depth, resolution)

    def channels(self, count: int) -> int:
        """B0's `count` channels times the width, to the nearest multiple of 8 that loses at most a tenth."""
        wanted = self.width * count
        rounded = max(8, int(wanted + 4) // 8 * 8)
        return rounded if rounded >= 0.9 * wanted else rounded + 8

    def blocks(self, count: int) -> int:
        """B0's `count` blocks of a stage times the depth, rounded up."""
        return ceil(self.depth * count)


# The published networks; torchvision's weights of B5 to B7 were trained with an epsilon of 1e-3.
EFFICIENTNETS = {
    "B0": EfficientNetSize(1.0, 1.0, 224, 0.2),
    "B1": EfficientNetSize(1.0, 1.1, 240, 0.2),
    "B2": EfficientNetSize(1.1, 1.2, 260, 0.3),
    "B3": EfficientNetSize(1.2, 1.4, 300, 0.3),
    "B4": EfficientNetSize(1.4, 1.8, 380, 0.4),
    "B5": EfficientNetSize(1.6, 2.2, 456, 0.4, 1e-3),
    "B6": EfficientNetSize(1.8, 2.6, 528, 0.5, 1e-3),
    "B7": EfficientNetSize(2.0, 3.1, 600, 0.5, 1e-3),
}


@dataclass(frozen=True)
class Stage:
    """A row of the paper's table 1: blocks that expand alike; the first has the stride."""

    expansion: int
    kernel: int
    stride: int
    leaves: int
    blocks: int


STEM, TOP = 32, 1280
STAGES = (
    Stage(1, 3, 1, 16, 1),
    Stage(6, 3, 2, 24, 2),
    Stage(6, 5, 2, 40, 2),
    Stage(6, 3, 2, 80, 3),
    Stage(6, 5, 1, 112, 3),
    Stage(6, 5, 2, 192, 4),
    Stage(6, 3, 1, 320, 1),
)


class MBConv(nn.Module):
    """Mobile inverted bottleneck (Sandler et al. 2018) with squeeze-and-excitation and stochastic depth.

    x [B, arrives, H, W] → [B, leaves, ⌈H/stride⌉, ⌈W/stride⌉]: 1×1 up to `expansion` times the channels (left
    out for 1), a k×k convolution of each channel by itself, squeeze-and-excitation to a quarter of `arrives`,
    1×1 down without activation. Where the shape is kept the input is added, and `drop` is the probability
    that a row goes without the rest.
    """

    def __init__(
        self,
        arrives: int,
        leaves: int,
        *,
        kernel: int = 3,
        stride: int = 1,
        expansion: int = 6,
        drop: float = 0.0,
        squeeze_excitation: bool = True,
        norm: Norm = "batch",
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        wide, silu = arrives * expansion, nn.SiLU
        self.expand = ConvNorm(arrives, wide, 1, norm, silu, eps=eps) if expansion > 1 else nn.Identity()
        self.depthwise = ConvNorm(wide, wide, kernel, norm, silu, stride=stride, groups=wide, eps=eps)
        self.squeeze_excitation = (
            SqueezeExcitation(wide, max(1, arrives // 4), silu) if squeeze_excitation else nn.Identity()
        )
        self.project = ConvNorm(wide, leaves, 1, norm, eps=eps)
        self.skips = stride == 1 and arrives == leaves
        self.stochastic_depth = StochasticDepth(drop=drop)

    def forward(self, x: Tensor) -> Tensor:
        """The block's outputs."""
        made = self.project(self.squeeze_excitation(self.depthwise(self.expand(x))))
        return x + self.stochastic_depth(made) if self.skips else made


class EfficientNet(nn.Module):
    """Images [B, in_channels, H, W] to logits [B, n_classes].

    `size` is "B0" to "B7" or an `EfficientNetSize`. What regularises: `stochastic_depth`, of which block i
    of n, counted from 0, has the share i/n as its probability of being dropped; `dropout` before the
    classifier, None for the size's own; `norm`; `squeeze_excitation`. With `small_images` the stem keeps the
    resolution, which suits 20 to 64 pixels. Raises ArgumentError for an unknown size, and for no class or no
    channel.
    """

    def __init__(
        self,
        size: str | EfficientNetSize = "B0",
        *,
        n_classes: int = 1000,
        in_channels: int = 3,
        small_images: bool = False,
        stochastic_depth: float = 0.2,
        dropout: float | None = None,
        squeeze_excitation: bool = True,
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        check_counts(n_classes, in_channels)
        self.size = size if isinstance(size, EfficientNetSize) else _published(size)
        self.n_classes, self.in_channels = n_classes, in_channels
        channels, silu, eps = self.size.channels, nn.SiLU, self.size.norm_eps
        stride = 1 if small_images else 2
        self.stem = ConvNorm(in_channels, channels(STEM), 3, norm, silu, stride=stride, eps=eps)
        self.stages = self._stages(stochastic_depth, squeeze_excitation, norm)
        self.top = ConvNorm(channels(STAGES[-1].leaves), channels(TOP), 1, norm, silu, eps=eps)
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.dropout = Dropout(drop=self.size.dropout if dropout is None else dropout)
        self.classifier = nn.Linear(channels(TOP), n_classes)
        draw_weights(self)

    def _stages(self, stochastic_depth: float, squeeze_excitation: bool, norm: Norm) -> nn.Sequential:
        total = sum(self.size.blocks(stage.blocks) for stage in STAGES)
        arrives, made, stages = self.size.channels(STEM), 0, []
        for stage in STAGES:
            leaves, blocks = self.size.channels(stage.leaves), []
            for number in range(self.size.blocks(stage.blocks)):
                blocks.append(
                    MBConv(
                        arrives,
                        leaves,
                        kernel=stage.kernel,
                        stride=1 if number else stage.stride,
                        expansion=stage.expansion,
                        drop=stochastic_depth * made / total,
                        squeeze_excitation=squeeze_excitation,
                        norm=norm,
                        eps=self.size.norm_eps,
                    )
                )
                arrives, made = leaves, made + 1
            stages.append(nn.Sequential(*blocks))
        return nn.Sequential(*stages)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return self.classifier(self.dropout(self.pool(self.top(self.stages(self.stem(x))))))


def _published(name: str) -> EfficientNetSize:
    if name not in EFFICIENTNETS:
        raise ArgumentError(
            f"No EfficientNet is called {name!r}; published are {', '.join(EFFICIENTNETS)}. For another size "
            "give an EfficientNetSize, by its factors or by EfficientNetSize.compound(phi)."
        )
    return EFFICIENTNETS[name]
