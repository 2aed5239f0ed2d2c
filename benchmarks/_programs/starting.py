"""First weights by hand."""

from collections.abc import Callable

from torch import nn

__all__ = ["biased", "constant", "enlarged", "glorot", "he", "normal", "orthogonal", "slow_statistics"]

Start = Callable[[nn.Module], object]
WEIGHTED = (nn.Linear, nn.Conv2d)


def normal(std: float) -> Start:
    """All weights of layers N(0, std²), biases 0."""

    def start(model: nn.Module) -> None:
        for part in model.modules():
            if isinstance(part, WEIGHTED):
                nn.init.normal_(part.weight, 0.0, std)
                if part.bias is not None:
                    nn.init.zeros_(part.bias)

    return start


def constant(value: float) -> Start:
    """All parameters one number, those of norms excepted."""

    def start(model: nn.Module) -> None:
        for part in model.modules():
            if isinstance(part, (*WEIGHTED, nn.RNNBase)):
                for tensor in part.parameters(recurse=False):
                    nn.init.constant_(tensor, value)

    return start


def biased(value: float) -> Start:
    """Every bias `value`, the last layer's too."""

    def start(model: nn.Module) -> None:
        for part in model.modules():
            if isinstance(part, WEIGHTED) and part.bias is not None:
                nn.init.constant_(part.bias, value)

    return start


def enlarged(factor: float) -> Start:
    """The last linear layer `factor` times as large."""

    def start(model: nn.Module) -> None:
        last = [part for part in model.modules() if isinstance(part, nn.Linear)][-1]
        last.weight.mul_(factor)

    return start


def he(model: nn.Module) -> None:
    """He et al. 2015, for ReLU."""
    for part in model.modules():
        if isinstance(part, WEIGHTED):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def glorot(model: nn.Module) -> None:
    """Glorot and Bengio 2010, for tanh."""
    for part in model.modules():
        if isinstance(part, WEIGHTED):
            nn.init.xavier_normal_(part.weight, gain=5 / 3)
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def orthogonal(model: nn.Module) -> None:
    """Saxe et al. 2014, with the gain of ReLU."""
    for part in model.modules():
        if isinstance(part, WEIGHTED):
            nn.init.orthogonal_(part.weight, 2**0.5)
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def slow_statistics(model: nn.Module) -> None:
    """Batch norms' momentum as another framework counts it: 0.001 of the new instead of 0.999."""
    for part in model.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            part.momentum = 0.001
