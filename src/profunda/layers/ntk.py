"""A linear layer in the NTK parametrisation: the size of a layer stands in its forward pass."""

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["NTKLinear"]


class NTKLinear(nn.Linear):
    """x [B, K] ↦ √(C_W/K) x Wᵀ + b [B, H] with W ~ N(0, 1) and b ~ N(0, C_b) (Jacot, Gabriel and Hongler
    2018).

    The function at the start is that of weights N(0, C_W/K), but a gradient step of rate lr moves the
    effective weights by lr·C_W/K times as much: a rate then suits all widths. C_W is `weight_variance`, C_b
    `bias_variance`; 0 starts biases at 0 and trains them as usual.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        weight_variance: float = 1.0,
        bias_variance: float = 0.0,
    ) -> None:
        self.weight_variance, self.bias_variance = weight_variance, bias_variance
        super().__init__(in_features, out_features, bias)

    @property
    def factor(self) -> float:
        """√(C_W/K)."""
        return (self.weight_variance / self.in_features) ** 0.5

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """W ~ N(0, 1), b ~ N(0, C_b)."""
        with torch.no_grad():
            self.weight.normal_(generator=generator)
            if self.bias is not None:
                self.bias.normal_(generator=generator).mul_(self.bias_variance**0.5)

    def forward(self, input: Tensor) -> Tensor:
        """√(C_W/K) `input` Wᵀ + b."""
        return functional.linear(input, self.weight * self.factor, self.bias)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, weight_variance={self.weight_variance}"
