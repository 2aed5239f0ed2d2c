"""Raw outputs of one trained member on new rows."""

import numpy as np
import torch

from profunda.data.inputs import Inputs
from profunda.errors import ModelError
from profunda.networks.layout import layout_of
from profunda.networks.passing import forward
from profunda.space.design import WAVES, Design

__all__ = ["outputs"]

_ROWS = 8192
"""Rows a pass: bounds the memory of a forward pass on millions of rows."""

_WAVED = 1 << 24
"""Waves of periodic embeddings a pass, of which a row has 16 for each number."""


def outputs(
    design: Design, params: np.ndarray, x: np.ndarray, inputs: Inputs | None = None, *, device: str = "cpu"
) -> np.ndarray:
    """Logits, or standardised numbers, [N, C] of the network `design` with flat `params` [P] on `x` [N, D].

    `inputs` say what the D inputs are, None: so many numbers. Evaluation mode: no dropout, and what batch
    norm has collected. The type is that of `params`. Raises ModelError where P does not fit D.
    """
    found = Inputs.plain(x.shape[1]) if inputs is None else inputs
    n_outputs = _n_outputs(design, found, params.size)
    layout = layout_of(design, found, n_outputs)
    dtype = torch.float64 if params.dtype == np.float64 else torch.float32
    vector = torch.as_tensor(params, dtype=dtype, device=device)
    made = np.empty((len(x), n_outputs), params.dtype)
    most = min(_ROWS, _WAVED // (WAVES * max(1, len(layout.front.waves))) + 1, layout.rows)
    with torch.inference_mode():
        for at in range(0, len(x), most):
            rows = torch.as_tensor(x[at : at + most], dtype=dtype, device=device)
            made[at : at + most] = forward(design, layout, vector, rows).cpu().numpy()
    return made


def _n_outputs(design: Design, inputs: Inputs, size: int) -> int:
    """C, from the number of parameters."""
    # The output layer of one output tells where it starts.
    one = layout_of(design, inputs, 1)
    n_outputs, rest = divmod(size - one.blocks[-1].start, one.size - one.blocks[-1].start)
    if n_outputs < 1 or rest:
        raise ModelError(
            f"{size} parameters do not fit a network of widths {design.widths} on {len(inputs)} inputs; "
            "they belong to another design or other inputs."
        )
    return n_outputs
