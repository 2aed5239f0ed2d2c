"""T13 and T14 of modules that train only a part of their weights and biases, against torch.func on many."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import jacrev, vmap

from profunda.forecasting.forecast import forecast

SIZES = (3, 8, 8, 1)
"""Narrow layers, in which the biases are a good part of Θ; for ReLU its mean is exact at any width."""


def network(biased: tuple[bool, ...], trained: tuple[bool, ...]) -> nn.Sequential:
    """He's first weights, by the mean square of each layer exactly, so that its law is known."""
    parts: list[nn.Module] = []
    for (fan_in, fan_out), bias, free in zip(pairwise(SIZES), biased, trained, strict=True):
        linear = nn.Linear(fan_in, fan_out, bias=bias).double()
        nn.init.normal_(linear.weight)
        with torch.no_grad():
            linear.weight *= math.sqrt(2.0 / fan_in) / linear.weight.square().mean().sqrt()
        if bias:
            nn.init.zeros_(linear.bias)
        linear.weight.requires_grad_(free)
        parts += [linear, nn.ReLU()]
    return nn.Sequential(*parts[:-1])


def diagonals(x: Tensor, biased: tuple[bool, ...], trained: tuple[bool, ...], networks: int) -> np.ndarray:
    """Θ(x, x) of many drawn networks by jacrev, float64 [M, n]."""

    def forward(params: list[tuple[Tensor, Tensor]], row: Tensor) -> Tensor:
        for place, (weight, bias) in enumerate(params):
            row = weight @ (torch.relu(row) if place else row) + bias
        return row.squeeze()

    params = [
        (
            torch.randn(networks, fan_out, fan_in, dtype=torch.float64) * math.sqrt(2.0 / fan_in),
            torch.zeros(networks, fan_out, dtype=torch.float64),
        )
        for fan_in, fan_out in pairwise(SIZES)
    ]
    slopes = vmap(vmap(jacrev(forward), (None, 0)), (0, None))(params, x)
    total = torch.zeros(networks, len(x), dtype=torch.float64)
    for (weight, bias), has_bias, free in zip(slopes, biased, trained, strict=True):
        total += free * weight.square().sum((2, 3)) + has_bias * bias.square().sum(2)
    return total.numpy()


@pytest.mark.parametrize(
    ("biased", "trained"),
    [
        ((True, True, True), (True, True, True)),
        ((False, False, False), (True, True, True)),
        ((True, True, False), (True, True, True)),
        ((True, False, True), (False, True, True)),
        ((False, False, False), (False, False, True)),
    ],
)
def test_the_kernel_is_that_of_what_is_trained(biased: tuple[bool, ...], trained: tuple[bool, ...]) -> None:
    torch.manual_seed(0)
    x = torch.randn(5, 3, dtype=torch.float64)
    found = forecast(network(biased, trained), x).line("T13").value
    means = diagonals(x, biased, trained, 6_000).mean(1)
    error = means.std(ddof=1) / math.sqrt(len(means))
    assert abs(found - means.mean()) < 4.0 * error
    assert error < 0.02 * found  # a bias more or less is 7 % and more
