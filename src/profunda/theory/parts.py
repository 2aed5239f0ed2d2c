"""What one part of a module is: norm, dropout, an activation in disguise, or something else.

The room `layers` lies above this one, so its modules are known by their names.
"""

import torch
from torch import Tensor, nn

from profunda.theory.pointwise import FUNCTIONS, close
from profunda.theory.tracing import Step

__all__ = ["NORMS", "STRANGE", "added", "dropped", "factor_of", "fully_on", "takes_each"]

NORMS: dict[type[nn.Module], str] = {
    nn.BatchNorm1d: "batch",
    nn.LayerNorm: "layer",
    nn.GroupNorm: "group",
    nn.InstanceNorm1d: "instance",
}

STRANGE: tuple[tuple[str, str], ...] = (  # by part of the kind's name, as there are dozens of types
    ("Conv", "a convolution shares its weights between positions, a dense layer has one for each pair"),
    ("Attention", "attention weights its inputs by products of them"),
    ("Transformer", "attention weights its inputs by products of them"),
    ("RNN", "a recurrent layer uses its weights once for each step"),
    ("LSTM", "a recurrent layer uses its weights once for each step"),
    ("GRU", "a recurrent layer uses its weights once for each step"),
    ("Embedding", "a table is looked up, not multiplied"),
    ("Entering", "inputs are looked up, scaled or made periodic before the first layer"),
    ("Pool", "pooling mixes positions"),
    ("Norm", "this kind of norm is not among batch, layer, group and instance norm of rows"),
    ("Dropout", "it scales its inputs in evaluation too, or drops whole maps"),
    ("Parametric", "its units have learned mixtures of an activation and nothing"),
    ("softmax", "a softmax mixes units, an activation takes each by itself"),
)


def dropped(part: nn.Module) -> float | None:
    """The probability of dropping; None where `part` is no dropout."""
    kind = type(part).__name__
    if isinstance(part, nn.Dropout | nn.Dropout1d | nn.AlphaDropout | nn.FeatureAlphaDropout):
        return part.p
    if kind == "GaussianDropout":
        return float(vars(part)["p"])
    if kind == "Dropout" and vars(part).get("inverted") is True:
        return float(vars(part)["drop"])
    return None


def fully_on(part: nn.Module) -> nn.Module | None:
    """The activation of a `layers.Parametric` that has learned nothing yet."""
    if type(part).__name__ != "Parametric":
        return None
    alpha = part.get_parameter("alpha")
    return part.get_submodule("activation") if bool((alpha == 1.0).all()) else None


def factor_of(part: nn.Linear) -> float | None:
    """f where the layer gives f·W x + b; None where it gives something else."""
    if type(part) is nn.Linear:
        return 1.0
    x = torch.rand(4, part.in_features, generator=torch.Generator().manual_seed(0)).to(part.weight) - 0.5
    bare = nn.functional.linear(x, part.weight)
    given = part(x) if part.bias is None else part(x) - part.bias
    size = float((bare * bare).sum())
    factor = float((bare * given).sum()) / size if size else 1.0
    return factor if close(factor * bare, given) else None


def takes_each(step: Step) -> bool:
    """Whether a part without parameters gives the same numbers, reordered, for reordered numbers."""
    if step.entered is None or step.left is None or step.entered.shape != step.left.shape:
        return False
    if next(step.part.parameters(), None) is not None:
        return False
    flat = step.entered.reshape(-1)
    order = torch.randperm(len(flat), generator=torch.Generator().manual_seed(0)).to(flat.device)
    again = step.part(flat[order].reshape(step.entered.shape))
    return isinstance(again, Tensor) and close(again.reshape(-1), step.left.reshape(-1)[order])


def added(left: Tensor, entered: Tensor, seen: list[Tensor]) -> bool:
    if left.shape != entered.shape:
        return False
    return any(
        close(each(left) + earlier, entered)
        for earlier in seen
        if earlier.shape == left.shape
        for each in FUNCTIONS.values()
    )
