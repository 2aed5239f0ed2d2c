"""Feed-forward networks as the texts write them: f = σₙ Aₙ … σ₁ A₁ with affine A_i x = W_i x − b_i.

The bias is *subtracted*, as in Lin, Tegmark and Rolnick (2017), eq. 5: W_i is m_i × n_i, b_i has m_i numbers,
and A_i maps R^{n_i} to R^{m_i}. Each σ_i is a choice of its own: point-wise or not, as softmax or the largest
of several units.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from profunda.errors import ArgumentError
from profunda.layers.dropout import Dropout, GaussianDropout
from profunda.layers.units import Maxout, MaxPoolUnits
from profunda.networks.dense import activation_module
from profunda.networks.diagram import Column, svg

__all__ = ["Notated", "Sigma"]

Sigma = str | nn.Module | Callable[[Tensor], Tensor]
"""The name of a Design's activation, "linear", "softmax" or "max" (the largest of all units); a module; or a
function on tensors [B, m]."""

_IDLE = (nn.Dropout, nn.AlphaDropout, Dropout, GaussianDropout, nn.Identity)
_DIGITS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


class _Function(nn.Module):
    """A function on tensors as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


@dataclass(frozen=True)
class _Layer:
    """W [m, n], b [m], σ and its name; `width` is how many numbers σ hands on."""

    weights: Tensor
    biases: Tensor
    sigma: nn.Module
    name: str
    width: int


class Notated:
    """f = σₙ Aₙ … σ₁ A₁, a function [B, n₁] → [B, C] or [n₁] → [C], in the precision of its weights.

    Parameters
    ----------
    weights, biases
        W_i [m_i, n_i] and b_i [m_i] for i = 1 … n, as tensors or nested sequences (then float64).
    sigmas
        σ_1 … σ_n; see `Sigma`.

    Raises ArgumentError, naming the layer and both numbers, where shapes do not fit.

    >>> f = Notated([[[1.0], [-1.0]], [[1.0, 1.0]]], [[0.0, 0.0], [0.0]], ["relu", "linear"])
    >>> f([-3.0]).tolist()  # |x| = relu(x) + relu(−x)
    [3.0]
    >>> print(f.formula())
    f = A₂ σ₁ A₁,  A_i x = W_i x − b_i
    A₁: R^1 → R^2,  σ₁ = relu
    A₂: R^2 → R^1
    """

    def __init__(
        self,
        weights: Sequence[Tensor | Sequence],
        biases: Sequence[Tensor | Sequence],
        sigmas: Sequence[Sigma],
    ) -> None:
        if not weights or not len(weights) == len(biases) == len(sigmas):
            raise ArgumentError(
                f"{len(weights)} W, {len(biases)} b and {len(sigmas)} σ make no network: give one of each "
                "for every layer, and at least one layer."
            )
        layers: list[_Layer] = []
        for number, (w, b, sigma) in enumerate(zip(weights, biases, sigmas, strict=True), start=1):
            arrives = layers[-1].width if layers else None
            layers.append(_layer(number, _tensor(w), _tensor(b), sigma, arrives))
        self.layers = tuple(layers)

    def __call__(self, x: Tensor | Sequence) -> Tensor:
        """f(x)."""
        first = self.layers[0].weights
        h = torch.as_tensor(x, dtype=first.dtype, device=first.device)
        rows = h if h.dim() > 1 else h[None]
        for layer in self.layers:
            rows = layer.sigma(functional.linear(rows, layer.weights, -layer.biases))
        return rows if h.dim() > 1 else rows[0]

    @property
    def widths(self) -> tuple[int, ...]:
        """n₁, then how many numbers each σ hands on."""
        return (self.layers[0].weights.shape[1], *(layer.width for layer in self.layers))

    def to_module(self) -> nn.Sequential:
        """The same function as `nn.Linear`s, whose biases are −b_i, and modules for the σ_i; weights are
        copied."""
        parts: list[nn.Module] = []
        for layer in self.layers:
            m, n = layer.weights.shape
            linear = nn.Linear(n, m, dtype=layer.weights.dtype, device=layer.weights.device)
            with torch.no_grad():
                linear.weight.copy_(layer.weights)
                linear.bias.copy_(-layer.biases)
            parts.append(linear)
            if not isinstance(layer.sigma, nn.Identity):
                parts.append(layer.sigma)
        return nn.Sequential(*parts)

    @classmethod
    def from_module(cls, module: nn.Sequential) -> "Notated":
        """The notation of a chain that begins with a linear layer; what follows it up to the next is its σ.

        Dropout, which evaluation leaves out, is left out; `Maxout` is an A and a pooling σ. Raises
        ArgumentError for an empty chain, and one that begins with something else.
        """
        weights: list[Tensor] = []
        biases: list[Tensor] = []
        sigmas: list[list[nn.Module]] = []
        for part in module:
            linear = part.linear if isinstance(part, Maxout) else part
            if isinstance(linear, nn.Linear):
                weights.append(linear.weight.detach().clone())
                bias = linear.bias
                biases.append(-bias.detach() if bias is not None else weights[-1].new_zeros(len(weights[-1])))
                sigmas.append([part.pool] if isinstance(part, Maxout) else [])
            elif not weights:
                raise ArgumentError(
                    f"The chain begins with {part}, but f = σ A … begins with an affine map: start with "
                    "nn.Linear."
                )
            elif not isinstance(part, _IDLE):
                sigmas[-1].append(part)
        if not weights:
            raise ArgumentError("An empty chain has no A_1: give it at least one nn.Linear.")
        return cls(weights, biases, [_composed(parts) for parts in sigmas])

    def formula(self) -> str:
        """f as a composition, then every A_i and σ_i in a line of its own."""
        count = len(self.layers)
        shown = {i: self.layers[i - 1].name != "linear" for i in range(1, count + 1)}
        terms = [f"σ{_sub(i)} A{_sub(i)}" if shown[i] else f"A{_sub(i)}" for i in range(count, 0, -1)]
        lines = [f"f = {' '.join(terms)},  A_i x = W_i x − b_i"]
        for i, layer in enumerate(self.layers, start=1):
            m, n = layer.weights.shape
            line = f"A{_sub(i)}: R^{n} → R^{m}"
            if shown[i]:
                line += f",  σ{_sub(i)} = {layer.name}"
                line += f": R^{m} → R^{layer.width}" if layer.width != m else ""
            lines.append(line)
        return "\n".join(lines)

    def draw(self) -> str:
        """The diagram as SVG text: a column of units for the inputs, for each A_i and, where σ_i changes the
        number of units, for what it hands on. Weights are written on the lines where a layer has few of
        them."""
        columns = [Column(self.widths[0], "x")]
        for i, layer in enumerate(self.layers, start=1):
            m = len(layer.weights)
            pooled = layer.width != m
            label = f"A{_sub(i)}" if pooled or layer.name == "linear" else f"σ{_sub(i)} = {layer.name}"
            columns.append(Column(m, label, tuple(map(tuple, layer.weights.tolist()))))
            if pooled:
                # Of another σ that changes the width it is not known what hangs on what: all on all.
                group = m // layer.width if isinstance(layer.sigma, MaxPoolUnits) else None
                columns.append(Column(layer.width, f"σ{_sub(i)} = {layer.name}", group=group))
        return svg(columns, self.formula().splitlines()[0])

    def __repr__(self) -> str:
        arrows = " → ".join(f"{a}–{b}" for a, b in pairwise(self.widths))
        return f"Notated({arrows}; {', '.join(layer.name for layer in self.layers)})"


def _layer(number: int, weights: Tensor, biases: Tensor, sigma: Sigma, arrives: int | None) -> _Layer:
    if weights.dim() != 2 or biases.shape != weights.shape[:1]:
        raise ArgumentError(
            f"Layer {number}: W has shape {tuple(weights.shape)} and b {tuple(biases.shape)}, but A x = W x "
            "− b needs W [m, n] and b [m]."
        )
    if arrives is not None and weights.shape[1] != arrives:
        raise ArgumentError(
            f"Layer {number}: W takes {weights.shape[1]} numbers, but the layer before hands on {arrives}."
        )
    module, name = _sigma(sigma)
    with torch.no_grad():
        width = module(weights.new_zeros(1, len(weights))).shape[-1]
    return _Layer(weights, biases, module, name, width)


def _tensor(values: Tensor | Sequence) -> Tensor:
    return values if isinstance(values, Tensor) else torch.as_tensor(values, dtype=torch.float64)


def _sigma(sigma: Sigma) -> tuple[nn.Module, str]:
    if isinstance(sigma, str):
        named = {"linear": nn.Identity(), "softmax": nn.Softmax(-1), "max": MaxPoolUnits()}
        return named[sigma] if sigma in named else _named(sigma), sigma
    if isinstance(sigma, nn.Identity):
        return sigma, "linear"
    if isinstance(sigma, nn.Module):
        return sigma, _name(sigma)
    return _Function(sigma), getattr(sigma, "__name__", "function")


def _named(name: str) -> nn.Module:
    try:
        return activation_module(name)
    except KeyError:
        raise ArgumentError(
            f"No σ is called {name!r}; it is an activation of a Design, 'linear', 'softmax' or 'max', or "
            "hand over a function."
        ) from None


def _name(module: nn.Module) -> str:
    if isinstance(module, nn.Sequential):
        return " ∘ ".join(_name(part) for part in reversed(module))
    if isinstance(module, MaxPoolUnits):
        return "max" if module.group is None else f"max of {module.group}"
    return module.function.__name__ if isinstance(module, _Function) else type(module).__name__.lower()


def _composed(parts: list[nn.Module]) -> nn.Module:
    if not parts:
        return nn.Identity()
    return parts[0] if len(parts) == 1 else nn.Sequential(*parts)


def _sub(number: int) -> str:
    return str(number).translate(_DIGITS)
