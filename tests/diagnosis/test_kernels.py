"""How far a tangent kernel turned, against kernels of all parameters and outputs, and against theory."""

import math
import time

import numpy as np
import pytest
import torch
from tests.diagnosis.test_surveys import CROSS, Pair, net, rows
from tests.oracles import diagnosis_surveys as naive
from torch import Tensor, nn

from profunda.diagnosis.kernels import kernel


def start_of(module: nn.Module) -> dict[str, Tensor]:
    return {name: each.detach().clone() for name, each in module.named_parameters()}


def trained(module: nn.Module, x: Tensor, y: Tensor, rate: float, steps: int = 60) -> nn.Module:
    optimizer = torch.optim.SGD(module.parameters(), lr=rate)
    for _ in range(steps):
        optimizer.zero_grad()
        CROSS(module(x), y).backward()
        optimizer.step()
    optimizer.zero_grad()
    return module


def test_drift_is_that_of_the_traced_kernels():
    made, (x, y) = net(6, 12, 3), rows(20)
    start = start_of(made)
    first = naive.traced_kernel(made, x)
    trained(made, x, y, 0.5)
    last = naive.traced_kernel(made, x)
    found = kernel(made, start, (x,))
    want = 1 - (first * last).sum() / np.linalg.norm(first) / np.linalg.norm(last)
    assert np.isclose(found.drift, want, rtol=1e-3)
    gone = sum(float((each.detach() - start[name]).square().sum()) for name, each in made.named_parameters())
    size = sum(float(each.square().sum()) for each in start.values())
    assert np.isclose(found.moved, math.sqrt(gone / size), rtol=1e-5)
    assert found.drift > 0.01


def test_what_did_not_move_has_not_turned():
    made, (x, _) = net(6, 12, 3), rows(20)
    found = kernel(made, start_of(made), (x,))
    assert found.drift < 1e-12
    assert found.moved == 0.0


def test_random_sums_of_outputs_stand_for_all():
    made, (x, y) = net(6, 30, 12), rows(16)
    start = start_of(made)
    first = naive.traced_kernel(made, x)
    trained(made, x, y, 1.0)
    last = naive.traced_kernel(made, x)
    want = 1 - (first * last).sum() / np.linalg.norm(first) / np.linalg.norm(last)
    assert 0.4 * want < kernel(made, start, (x,)).drift < 2.5 * want


def test_a_wide_network_in_its_own_scale_turns_less():
    """Lazy: outputs grow with α and the rate shrinks with α² (Chizat, Oyallon and Bach 2019)."""

    class Scaled(nn.Module):
        def __init__(self, alpha: float) -> None:
            super().__init__()
            self.alpha, self.inner = alpha, net(6, 30, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.alpha * self.inner(x)

    x, y = rows(32)
    drifts = []
    for alpha in (1.0, 30.0):
        made = Scaled(alpha)
        start = start_of(made)
        drifts.append(kernel(trained(made, x, y, 0.5 / alpha**2), start, (x,)).drift)
    assert drifts[1] < 0.05 * drifts[0]


def test_any_module_and_no_trace():
    made, tokens, extra = Pair(), torch.randint(0, 7, (12, 3)), torch.randn(12, 6)
    start = start_of(made)
    with torch.no_grad():
        made.mix.weight.mul_(1.5)
    before = naive.fingerprint(made, tokens, extra)
    found = kernel(made, start, (tokens, extra))
    assert naive.fingerprint(made, tokens, extra) == before
    assert found.drift > 0.0
    assert found.moved > 0.0


@pytest.mark.parametrize("why", ["nan", "frozen", "half", "raises"])
def test_what_cannot_be_had_is_nan(why):
    made, (x, _) = net(6, 5, 3), rows(20)
    start = start_of(made)
    if why == "nan":
        with torch.no_grad():
            made[0].weight[0, 0] = math.nan
    elif why == "frozen":
        made.requires_grad_(False)
    elif why == "half":
        made, x = made.bfloat16(), x.bfloat16()
    else:
        x = x[:, :4]
    assert math.isnan(kernel(made, start, (x,)).drift)


def test_it_is_quick():
    made, x = net(1000, 2600, 2600, 200), torch.randn(256, 1000)
    start = start_of(made)
    begun = time.process_time()
    kernel(made, start, (x,))
    assert time.process_time() - begun < 5.0
