"""First weights: for fleets drawn from stateless streams, for any `nn.Module` from torch's generators.

The laws are one table: "lecun", "glorot" and "he" as in `theory.gains`, all normal; "orthogonal"; "torch",
what `nn.Linear` does by itself; "critical", N(0, C_W/fan-in) with biases N(0, C_b) from `theory.critical`.
"""

from collections.abc import Iterator
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from profunda._seeds import keys_of, normals, subkey, uniforms
from profunda.errors import ArgumentError
from profunda.layers.ntk import NTKLinear
from profunda.theory.critical import critical_initialisation, has_critical
from profunda.theory.gains import orthogonal_gain, torch_bound, weight_variance
from profunda.theory.modes import in_evaluation

__all__ = ["Law", "initial_layer", "initialise", "lsuv"]

Law = Literal["lecun", "glorot", "he", "orthogonal", "torch", "critical"]


def initial_layer(
    key: int, layer: int, fan_in: int, fan_out: int, *, law: str, activation: str, keep: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Weights float64 [K, H] and biases [H] of layer number `layer` (0 is next to the inputs).

    Laws as in `theory.gains`; "orthogonal" has orthonormal rows or columns, whichever are fewer, times
    `orthogonal_gain(activation)`. Biases are zero, under "torch" U(−1/√K, 1/√K) as the weights, under
    "critical" N(0, C_b); only that law reads `keep`, the probability of keeping what enters the layer, and
    it is "lecun" for an activation without critical variances. Raises ValueError for an unknown law.
    """
    if law == "critical" and not has_critical(activation):
        law = "lecun"
    stream = keys_of([subkey(key, "weights", 0, layer)])
    if law == "torch":
        drawn = torch_bound(fan_in) * (2.0 * uniforms(stream, (fan_in + 1) * fan_out)[0] - 1.0)
        return drawn[: fan_in * fan_out].reshape(fan_in, fan_out), drawn[fan_in * fan_out :]
    drawn = normals(stream, fan_in * fan_out)[0].reshape(fan_in, fan_out)
    if law == "orthogonal":
        return orthogonal_gain(activation) * _orthonormal(drawn), np.zeros(fan_out)
    if law == "critical":
        critical = critical_initialisation(activation, keep)
        biases = np.zeros(fan_out)
        if critical.bias_variance:
            own = keys_of([subkey(key, "biases", 0, layer)])
            biases = np.sqrt(critical.bias_variance) * normals(own, fan_out)[0]
        return np.sqrt(critical.weight_variance / fan_in) * drawn, biases
    return np.sqrt(weight_variance(law, fan_in, fan_out)) * drawn, np.zeros(fan_out)


def _orthonormal(drawn: np.ndarray) -> np.ndarray:
    tall = drawn if drawn.shape[0] >= drawn.shape[1] else drawn.T
    q, r = np.linalg.qr(tall)
    # QR fixes columns up to a sign; with r's diagonal made positive the law is uniform (Mezzadri 2007).
    q = q * np.where(np.diag(r) < 0, -1.0, 1.0)
    return q if drawn.shape[0] >= drawn.shape[1] else q.T


# Any module -----------------------------------------------------------------------------------------


def initialise(
    module: nn.Module,
    law: Law,
    *,
    activation: str = "relu",
    keep: float = 1.0,
    generator: torch.Generator | None = None,
) -> nn.Module:
    """Draw all linear and convolutional layers of `module` anew, in place, by `law`; hands `module` back.

    `activation` is the one between the layers; "orthogonal" and "critical" read it, and "critical" reads
    `keep`, the probability of keeping under inverted dropout. A convolution's fan-in is channels times the
    area of its kernel. An `NTKLinear` keeps weights N(0, 1): its law is the factor in its forward pass, so
    only its C_W and C_b change, under "critical". Raises ArgumentError for an unknown law, and where
    "critical" does not exist.
    """
    if law not in get_args(Law):
        raise ArgumentError(f"No law is called {law!r}; known are {', '.join(get_args(Law))}.")
    critical = critical_initialisation(activation, keep) if law == "critical" else None
    with torch.no_grad():
        for layer in _layers(module):
            if isinstance(layer, NTKLinear):
                if critical is not None:
                    layer.weight_variance = critical.weight_variance
                    layer.bias_variance = critical.bias_variance
                layer.reset_parameters(generator)
                continue
            _draw(layer.weight, law, activation, keep, generator)
            if layer.bias is None:
                continue
            if law == "torch":
                bound = torch_bound(layer.weight[0].numel())
                layer.bias.uniform_(-bound, bound, generator=generator)
            elif critical is not None and critical.bias_variance:
                layer.bias.normal_(0.0, critical.bias_variance**0.5, generator=generator)
            else:
                layer.bias.zero_()
    return module


def _draw(weight: Tensor, law: Law, activation: str, keep: float, generator: torch.Generator | None) -> None:
    fan_in = weight[0].numel()
    if law == "orthogonal":
        nn.init.orthogonal_(weight, orthogonal_gain(activation), generator=generator)
    elif law == "torch":
        weight.uniform_(-torch_bound(fan_in), torch_bound(fan_in), generator=generator)
    elif law == "critical":
        variance = critical_initialisation(activation, keep).weight_variance / fan_in
        weight.normal_(0.0, variance**0.5, generator=generator)
    else:
        fan_out = weight.numel() // weight.shape[1]
        weight.normal_(0.0, weight_variance(law, fan_in, fan_out) ** 0.5, generator=generator)


def _layers(module: nn.Module) -> "Iterator[nn.Linear | _ConvNd]":
    return (part for part in module.modules() if isinstance(part, nn.Linear | _ConvNd))


def lsuv(
    module: nn.Module,
    x: Tensor,
    *,
    tolerance: float = 0.01,
    tries: int = 10,
    generator: torch.Generator | None = None,
) -> nn.Module:
    """Layer-sequential unit variance (Mishkin and Matas 2015, algorithm 1), in place; hands `module` back.

    Orthonormal weights and zero biases first; then each linear or convolutional layer, in the order in which
    they run on the batch `x`, is divided by the standard deviation of its outputs until their variance is
    within `tolerance` of 1, at most `tries` times. Runs in evaluation mode, without dropout. Raises
    ArgumentError where a layer's outputs do not vary over the batch.
    """
    initialise(module, "orthogonal", activation="linear", generator=generator)
    with in_evaluation(module), torch.no_grad():
        for layer in _order(module, x):
            _scale_to_one(module, layer, x, tolerance, tries)
    return module


def _order(module: nn.Module, x: Tensor) -> "list[nn.Linear | _ConvNd]":
    order: list[nn.Linear | _ConvNd] = []

    def note(layer: nn.Module, inputs: object, output: object) -> None:
        if layer not in order:
            order.append(layer)  # pyrefly: ignore

    handles = [layer.register_forward_hook(note) for layer in _layers(module)]
    try:
        module(x)
    finally:
        for handle in handles:
            handle.remove()
    return order


def _scale_to_one(
    module: nn.Module, layer: "nn.Linear | _ConvNd", x: Tensor, tolerance: float, tries: int
) -> None:
    seen: list[Tensor] = []
    handle = layer.register_forward_hook(lambda _, inputs, output: seen.append(output))
    try:
        for _ in range(tries):
            seen.clear()
            module(x)
            variance = torch.cat([output.flatten() for output in seen]).var().item()
            if not 0.0 < variance < float("inf"):
                raise ArgumentError(
                    f"The outputs of {layer} have variance {variance} over the {len(x)} rows, which no "
                    "factor turns into 1; hand over a batch that varies, or look for dead units before this "
                    "layer."
                )
            if abs(variance - 1.0) <= tolerance:
                return
            layer.weight.div_(variance**0.5)
    finally:
        handle.remove()
