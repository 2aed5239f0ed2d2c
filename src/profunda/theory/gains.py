"""Variances of first weights by the laws of variance propagation.

With independent, centred weights of variance v and K inputs, a layer's pre-activations have variance
K·v·E[x²]; each law chooses v so that a signal keeps its size. K is the fan-in, H the fan-out of the layer.
"""

import math

__all__ = ["orthogonal_gain", "torch_bound", "weight_variance"]


def weight_variance(law: str, fan_in: int, fan_out: int) -> float:
    """Variance of one weight.

    "lecun": 1/K (LeCun, Bottou, Orr and Müller 1998, Efficient BackProp, eq. 16), right for odd activations
    with slope 1 at 0. "glorot": 2/(K + H), the compromise between forward and backward pass (Glorot and
    Bengio 2010, eq. 12). "he": 2/K, because a ReLU keeps half of E[z²] (He, Zhang, Ren and Sun 2015, eq. 10).

    >>> weight_variance("he", 50, 10)
    0.04
    """
    if law == "lecun":
        return 1.0 / fan_in
    if law == "glorot":
        return 2.0 / (fan_in + fan_out)
    if law == "he":
        return 2.0 / fan_in
    raise ValueError(f"No variance is known for the law {law!r}; known are lecun, glorot, he.")


def torch_bound(fan_in: int) -> float:
    """b of U(−b, b), the default of torch.nn.Linear for weights and biases: 1/√K, a variance of 1/(3K)."""
    return 1.0 / math.sqrt(fan_in)


def orthogonal_gain(activation: str) -> float:
    """Factor of an orthogonal matrix: √2 where the activation halves E[z²], 1 elsewhere.

    Saxe, McClelland and Ganguli (2014) for the orthogonal law, He et al. (2015) for the 2 of a ReLU; GELU,
    SiLU and Mish are close to a ReLU on large inputs and take the same factor.
    """
    return math.sqrt(2.0) if activation in {"relu", "leaky_relu", "gelu", "silu", "mish"} else 1.0
