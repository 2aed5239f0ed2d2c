"""Rows changed at random in training: each class maps (x [B, D], y, generator) to inputs and targets.

Targets come back as `Targets`, one or two sets of labels with a weight for each row, so that one line serves
all:
`loss = targets.mean(lambda y: cross_entropy(model(x), y, reduction="none"))`. With `generator=None` the draws
come from torch's global stream.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Beta

from profunda.errors import ArgumentError

__all__ = ["CutMix", "CutOut", "InputNoise", "Mixup", "Targets"]


@dataclass(frozen=True)
class Targets:
    """share·L(first) + (1 − share)·L(second), for losses that are computed row by row."""

    first: Tensor
    second: Tensor
    share: float

    def mean(self, loss: Callable[[Tensor], Tensor]) -> Tensor:
        """The mean over the rows of a loss that maps labels to one number a row [B]."""
        value = self.share * loss(self.first).mean()
        return value if self.share == 1.0 else value + (1.0 - self.share) * loss(self.second).mean()


@dataclass(frozen=True)
class Mixup:
    """λx + (1 − λ)x' of a row and a random other, λ ~ Beta(α, α) for the whole batch (Zhang et al. 2018, eq.
    1).

    The loss is mixed in place of the labels, which is the same for cross-entropy and defined for any loss.
    """

    alpha: float = 0.4

    def __post_init__(self) -> None:
        _check_alpha(self.alpha)

    def __call__(
        self, x: Tensor, y: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Targets]:
        """Inputs of the shape of `x`, and both rows' labels."""
        share, partner = _share(self.alpha, generator), _partners(x, generator)
        return share * x + (1.0 - share) * x[partner], Targets(y, y[partner], share)


@dataclass(frozen=True)
class CutMix:
    """Each column from a random other row with probability 1 − λ, λ ~ Beta(α, α); labels by the share kept.

    Yun et al. (2019), eqs. 1 and 2, cut a box out of an image; a table's columns have no neighbours, so each
    is cut by itself. `columns` lists the input positions that belong together, such as a category's
    indicators; None makes each input a column. The share of the labels is the part of the columns that was
    kept.
    """

    alpha: float = 1.0
    columns: tuple[tuple[int, ...], ...] | None = None

    def __post_init__(self) -> None:
        _check_alpha(self.alpha)

    def __call__(
        self, x: Tensor, y: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Targets]:
        """Inputs of the shape of `x`, and both rows' labels."""
        share, partner = _share(self.alpha, generator), _partners(x, generator)
        n_columns = x.shape[1] if self.columns is None else len(self.columns)
        kept = torch.rand(n_columns, generator=generator, device=x.device) < share
        mask = _spread(kept[None], self.columns, x)
        actual = kept.double().mean().item()
        return torch.where(mask, x, x[partner]), Targets(y, y[partner], actual)


@dataclass(frozen=True)
class CutOut:
    """Each column of each row becomes 0, the mean of a standardised input, with probability `drop`.

    DeVries and Taylor (2017) blank a square of an image; here each column is blanked by itself. Unlike
    dropout nothing is scaled up, and a category's indicators go together (`columns` as in `CutMix`).
    """

    drop: float = 0.1
    columns: tuple[tuple[int, ...], ...] | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.drop < 1.0:
            raise ArgumentError(
                f"drop = {self.drop} is the probability of blanking: at least 0 and less than 1."
            )

    def __call__(
        self, x: Tensor, y: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Targets]:
        """Inputs of the shape of `x`, and the labels."""
        n_columns = x.shape[1] if self.columns is None else len(self.columns)
        kept = torch.rand(len(x), n_columns, generator=generator, device=x.device) >= self.drop
        return x * _spread(kept, self.columns, x), Targets(y, y, 1.0)


@dataclass(frozen=True)
class InputNoise:
    """x + s·ε with standard normal ε.

    For linear least squares this is the ridge penalty N s²‖w‖² beside the RSS (Bishop 1995;
    `noise_as_ridge`).
    """

    deviation: float = 0.1

    def __post_init__(self) -> None:
        if not 0.0 <= self.deviation < float("inf"):
            raise ArgumentError(
                f"deviation = {self.deviation} is no noise: it must be finite and at least 0."
            )

    def __call__(
        self, x: Tensor, y: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Targets]:
        """Inputs of the shape of `x`, and the labels."""
        noise = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
        return x + self.deviation * noise, Targets(y, y, 1.0)


def _check_alpha(alpha: float) -> None:
    if not 0.0 < alpha < float("inf"):
        raise ArgumentError(f"alpha = {alpha} is no parameter of Beta(α, α): it must be above 0 and finite.")


def _share(alpha: float, generator: torch.Generator | None) -> float:
    """λ ~ Beta(α, α) as a ratio of gamma variables, which take a generator where `Beta` does not."""
    if generator is None:
        return Beta(alpha, alpha).sample().item()
    shapes = torch.full((2,), alpha, dtype=torch.float64, device=generator.device)
    first, second = torch._standard_gamma(shapes, generator=generator).tolist()
    return first / (first + second) if first + second else 0.5


def _partners(x: Tensor, generator: torch.Generator | None) -> Tensor:
    return torch.randperm(len(x), generator=generator, device=x.device)


def _spread(kept: Tensor, columns: tuple[tuple[int, ...], ...] | None, x: Tensor) -> Tensor:
    """What holds for columns [B, columns] said of inputs [B, D]; an input in no column is kept."""
    if columns is None:
        return kept
    mask = kept.new_ones(len(kept), x.shape[1])
    for place, column in enumerate(columns):
        mask[:, list(column)] = kept[:, place, None]
    return mask
