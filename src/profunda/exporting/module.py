"""A Model as one plain `nn.Module`: preprocessing, networks, weights and temperature in a single graph."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.fx import GraphModule, symbolic_trace

from profunda.data.inputs import Inputs
from profunda.data.preprocessing import Preprocessing
from profunda.exporting.preprocessing import Encoder
from profunda.model.model import Model
from profunda.networks.dense import build, load
from profunda.networks.folding import folded
from profunda.space.design import Design

__all__ = ["export"]


def export(model: Model) -> GraphModule:
    """The Model as one `nn.Module` of plain torch operations.

    Input: codes [N, F], float64 or float32, as ``model.schema.codes(table)`` gives them (numbers as they are,
    categories by their index in the vocabulary, NaN where missing). Output: probabilities [N, C], of several
    labels that of each, or numbers [N] or, of several targets, [N, C], in float64. Equal to
    ``model.predict_codes`` to 1e-5. As in the Model, preprocessing and mixing are float64 and the networks
    float32; ``.double()`` or ``.float()`` make all of it one type.

    The graph is recorded (`torch.fx`), so the module works where Profunda is not installed: `torch.save`
    writes torch's own classes and generated code only. It goes through `torch.export`, and to another device,
    as any module does. Its parameters ask for no gradient until told to.
    """
    with torch.random.fork_rng(
        devices=[]
    ):  # layers draw weights when made; the caller's random numbers stay untouched
        recorded = _Mixture(model).eval()  # the graph keeps what a body does in the mode it is recorded in
        return symbolic_trace(recorded).eval().requires_grad_(False)


class _Mixture(nn.Module):
    """Σ share · reading of a network, then the temperature. Recorded, never handed out."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.branches = nn.ModuleList(_Branch(model, preprocessing) for preprocessing in model.preprocessings)
        self.exponent, self.single = 1.0 / model.temperature, model.task.single

    def forward(self, codes: Tensor) -> Tensor:
        """Predictions [N, C] or [N]."""
        total = torch.stack([branch(codes) for branch in self.branches]).sum(dim=0)
        if self.exponent == 1.0:
            return total
        if not self.single:  # each label against its contrary
            powers, contrary = total**self.exponent, (1.0 - total) ** self.exponent
            return powers / (powers + contrary)
        powers = (total / total.amax(dim=1, keepdim=True)) ** self.exponent
        return powers / powers.sum(dim=1, keepdim=True)


def _network(design: Design, params: np.ndarray, inputs: Inputs, n_outputs: int) -> nn.Sequential:
    """The same in training and evaluation: no dropout, and batch norm is folded into its neighbours.

    Where it cannot be, its collected statistics become a slope and a shift for each unit.
    """
    design, params = folded(design, params, inputs, n_outputs)
    made = load(build(replace(design, dropout=0.0, input_dropout=0.0), inputs, n_outputs), params)
    for parent in [part for part in made.modules() if isinstance(part, nn.Sequential)]:
        for place, part in enumerate(parent):
            if isinstance(part, nn.BatchNorm1d):
                parent[place] = _Settled(part)
    return made


class _Settled(nn.Module):
    """A batch norm whose statistics no longer change: s·h + t with s = γ/√(σ² + ε) and t = β − μs."""

    def __init__(self, norm: nn.BatchNorm1d) -> None:
        super().__init__()
        assert norm.running_mean is not None
        assert norm.running_var is not None
        slope = norm.weight.detach() / (norm.running_var + norm.eps).sqrt()
        self.slope = nn.Parameter(slope)
        self.shift = nn.Parameter(norm.bias.detach() - norm.running_mean * slope)

    def forward(self, h: Tensor) -> Tensor:
        return h * self.slope + self.shift


class _Branch(nn.Module):
    """The networks behind one preprocessing, and their share of the mixture."""

    mean: Tensor
    sd: Tensor
    low: Tensor
    high: Tensor

    def __init__(self, model: Model, preprocessing: Preprocessing) -> None:
        super().__init__()
        found = [
            (part.weight / len(part.networks), part.design, network.params)
            for part in model.parts
            for network in part.networks
            if network.preprocessing is preprocessing
        ]
        C = model.task.n_outputs
        self.encoder = Encoder(preprocessing)
        self.networks = nn.ModuleList(
            _network(design, params, preprocessing.inputs, C) for _, design, params in found
        )
        self.shares = [share for share, _, _ in found]
        self.task = model.task
        # Mean and standard deviation, lowest and highest number of each target; nothing for classes.
        scale = preprocessing.numbers.target if preprocessing.regression else np.zeros((2, 0))
        bounds = (-np.inf, np.inf) if model.clamp is None else model.clamp
        for name, values in zip(("mean", "sd", "low", "high"), (*scale, *bounds), strict=True):
            self.register_buffer(name, torch.as_tensor(values, dtype=torch.float64))
        self.register_buffer("unit", torch.ones(()))

    def forward(self, codes: Tensor) -> Tensor:
        x = self.encoder(codes)
        narrow = x.type_as(self.unit)
        found = [
            self.read(network(narrow).type_as(x)) * share
            for share, network in zip(self.shares, self.networks, strict=True)
        ]
        return torch.stack(found).sum(dim=0)

    def read(self, outputs: Tensor) -> Tensor:
        if self.task.single:
            return outputs.softmax(dim=1)
        if not self.task.numeric:
            return outputs.sigmoid()
        numbers = (outputs if self.task.parts else outputs.squeeze(1)) * self.sd + self.mean
        return torch.minimum(torch.maximum(numbers, self.low), self.high)
