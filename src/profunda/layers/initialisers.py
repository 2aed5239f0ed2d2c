"""First weights drawn from stateless streams: a layer's numbers depend on its key alone."""

import numpy as np

from profunda._seeds import keys_of, normals, subkey, uniforms
from profunda.theory.gains import orthogonal_gain, torch_bound, weight_variance

__all__ = ["initial_layer"]


def initial_layer(
    key: int, layer: int, fan_in: int, fan_out: int, *, law: str, activation: str
) -> tuple[np.ndarray, np.ndarray]:
    """Weights float64 [K, H] and biases [H] of layer number `layer` (0 is next to the inputs).

    Laws as in `theory.gains`; "orthogonal" has orthonormal rows or columns, whichever are fewer, times
    `orthogonal_gain(activation)`. Biases are zero, under "torch" U(−1/√K, 1/√K) as the weights.
    Raises ValueError for an unknown law.
    """
    stream = keys_of([subkey(key, "weights", 0, layer)])
    if law == "torch":
        drawn = torch_bound(fan_in) * (2.0 * uniforms(stream, (fan_in + 1) * fan_out)[0] - 1.0)
        return drawn[: fan_in * fan_out].reshape(fan_in, fan_out), drawn[fan_in * fan_out :]
    drawn = normals(stream, fan_in * fan_out)[0].reshape(fan_in, fan_out)
    if law == "orthogonal":
        return orthogonal_gain(activation) * _orthonormal(drawn), np.zeros(fan_out)
    return np.sqrt(weight_variance(law, fan_in, fan_out)) * drawn, np.zeros(fan_out)


def _orthonormal(drawn: np.ndarray) -> np.ndarray:
    tall = drawn if drawn.shape[0] >= drawn.shape[1] else drawn.T
    q, r = np.linalg.qr(tall)
    # QR fixes columns up to a sign; with r's diagonal made positive the law is uniform (Mezzadri 2007).
    q = q * np.where(np.diag(r) < 0, -1.0, 1.0)
    return q if drawn.shape[0] >= drawn.shape[1] else q.T
