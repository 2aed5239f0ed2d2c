"""Stochastic depth and squeeze-and-excitation by themselves."""

import numpy as np
import pytest
import torch
from tests.oracles import images as oracle
from torch import nn

from profunda.errors import ArgumentError
from profunda.layers.squeeze_excitation import SqueezeExcitation
from profunda.layers.stochastic_depth import StochasticDepth


def test_rows_are_dropped_whole_and_the_expectation_stays():
    torch.manual_seed(0)
    layer, x = StochasticDepth(drop=0.3), torch.full((20_000, 2, 3), 2.0)
    made = layer(x)
    factors = made / x
    assert torch.equal(factors, factors[:, :1, :1].expand_as(factors))  # one draw a row
    values = set(factors[:, 0, 0].tolist())
    assert len(values) == 2
    assert min(values) == 0.0
    assert max(values) == pytest.approx(1 / 0.7)
    # Five standard deviations of the mean of 20,000 draws of 0 or 1/0.7.
    assert abs(factors[:, 0, 0].mean().item() - 1.0) < 5 * (0.3 / 0.7 / 20_000) ** 0.5


def test_evaluation_changes_nothing():
    x = torch.randn(4, 3)
    assert torch.equal(StochasticDepth(drop=0.9).eval()(x), x)
    assert torch.equal(StochasticDepth(keep=1.0)(x), x)
    with pytest.raises(ArgumentError, match="give one of them"):
        StochasticDepth()


@pytest.mark.parametrize(("activation", "phi"), [(nn.SiLU, oracle.silu), (nn.ReLU, oracle.relu)])
def test_squeeze_and_excitation_equals_loops(activation, phi):
    torch.manual_seed(0)
    layer = SqueezeExcitation(5, 2, activation).double()
    x = torch.randn(2, 5, 3, 4, dtype=torch.float64)
    tensors = {f"se.{name}": tensor.numpy() for name, tensor in layer.state_dict().items()}
    found = layer(x).detach().numpy()
    assert np.abs(found - oracle.squeezed(x.numpy(), tensors, "se", phi)).max() < 1e-12
    assert np.abs(found - oracle.squeezed(x.numpy(), tensors, "se", np.tanh)).max() > 1e-4


def test_nothing_can_be_squeezed_to_nothing():
    with pytest.raises(ArgumentError, match="5 channels cannot be squeezed to 0: give 1 or more"):
        SqueezeExcitation(5, 0)
