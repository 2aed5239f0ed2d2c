"""The largest curvature against all second derivatives, and the stable rate against optimisers at work."""

import math

import numpy as np
import pytest
import torch
from tests.diagnosis.test_surveys import CROSS, net, rows
from tests.oracles import diagnosis_surveys as naive
from torch import Tensor, nn
from torch.nn import functional as F

from profunda.diagnosis.anatomy import anatomy_of
from profunda.diagnosis.record import Sharpness
from profunda.diagnosis.sharpness import sharpness


def measure(module: nn.Module, x: Tensor, y: Tensor, loss, optimizer, **more: object) -> Sharpness:
    return sharpness(module, anatomy_of(module, (x,)), (x,), y, loss, optimizer, step=7, **more)


def top(matrix: np.ndarray) -> float:
    return float(np.linalg.eigvalsh(matrix)[-1])


@pytest.mark.parametrize("activation", [nn.Tanh, nn.ReLU])
def test_curvature_is_the_largest_eigenvalue(activation):
    made, (x, y) = net(6, 9, 3, activation=activation), rows()
    found = measure(made, x, y, CROSS, torch.optim.SGD(made.parameters(), lr=0.1))
    want = top(naive.hessian(made, x, y, CROSS))
    assert found.step == 7
    assert np.isclose(found.curvature, want, rtol=0.01)
    assert np.isclose(found.stable, 2 / want, rtol=0.01)
    other = measure(made, x, (y + 1) % 3, CROSS, torch.optim.SGD(made.parameters(), lr=0.1))
    assert not np.isclose(found.curvature, other.curvature, rtol=0.01)  # control


def test_weight_decay_groups_and_frozen_parts():
    made, (x, y) = net(6, 9, 3), rows()
    matrix = naive.hessian(made, x, y, CROSS)
    groups = [
        {"params": made[0].parameters(), "lr": 0.1, "weight_decay": 0.5},
        {"params": made[2].parameters(), "lr": 0.4},
    ]
    scale = np.sqrt(np.r_[np.full(63, 0.25), np.ones(30)])
    decay = np.r_[np.full(63, 0.5), np.zeros(30)]
    want = top(scale[:, None] * (matrix + np.diag(decay)) * scale)
    found = measure(made, x, y, CROSS, torch.optim.SGD(groups, lr=0.1))
    assert np.isclose(found.curvature, want, rtol=0.01)
    half = measure(made, x, y, CROSS, torch.optim.SGD(made[2].parameters(), lr=0.1))
    assert np.isclose(half.curvature, top(matrix[63:, 63:]), rtol=0.01)
    assert not np.isclose(half.curvature, top(matrix), rtol=0.01)
    made[0].requires_grad_(False)
    frozen = measure(made, x, y, CROSS, torch.optim.SGD(made.parameters(), lr=0.1))
    assert np.isclose(frozen.curvature, half.curvature, rtol=0.01)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (torch.optim.Adam, {}),
        (torch.optim.AdamW, {"amsgrad": True}),
        (torch.optim.RMSprop, {"centered": True}),
    ],
)
def test_adaptive_optimisers_feel_a_scaled_curvature(kind, options):
    made, (x, y) = net(6, 9, 3), rows()
    optimizer = kind(made.parameters(), lr=1e-3, **options)
    before = measure(made, x, y, CROSS, optimizer)
    assert math.isnan(before.curvature)  # no step was made: the divisors are not known
    assert math.isnan(before.stable)
    for _ in range(30):
        optimizer.zero_grad()
        CROSS(made(x), y).backward()
        optimizer.step()
    parts = []
    for each in made.parameters():
        state = optimizer.state[each]
        if kind is torch.optim.RMSprop:
            v = state["square_avg"] - state["grad_avg"] ** 2
        else:
            v = state["max_exp_avg_sq" if options else "exp_avg_sq"] / (1 - 0.999**30)
        parts.append((v.sqrt() + 1e-8).flatten().double().numpy())
    scale = np.concatenate(parts) ** -0.5
    want = top(scale[:, None] * naive.hessian(made, x, y, CROSS) * scale)
    found = measure(made, x, y, CROSS, optimizer)
    assert np.isclose(found.curvature, want, rtol=0.02)
    assert np.isclose(found.stable, (2 if kind is torch.optim.RMSprop else 38) / want, rtol=0.02)


@pytest.mark.parametrize(
    "options",
    [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}, {"momentum": 0.8, "dampening": 0.5}],
)
def test_beyond_the_stable_rate_a_run_diverges(options):
    """On a parabola, where the curvature is the same everywhere, and 1 % decides."""
    drawn = torch.Generator().manual_seed(1)
    x = torch.randn(64, 4, generator=drawn, dtype=torch.float64)
    y = x.sum(1, keepdim=True)
    made = nn.Linear(4, 1).double()
    found = measure(made, x, y, nn.MSELoss(), torch.optim.SGD(made.parameters(), lr=0.1, **options))
    exact = top(naive.hessian(made, x, y, nn.MSELoss()))
    assert np.isclose(found.curvature, exact, rtol=1e-3)
    for factor, grows in ((0.98, False), (1.02, True)):
        own = nn.Linear(4, 1).double()
        optimizer = torch.optim.SGD(own.parameters(), lr=factor * found.stable, **options)
        first = float(F.mse_loss(own(x), y).detach())
        for _ in range(1500):
            optimizer.zero_grad()
            F.mse_loss(own(x), y).backward()
            optimizer.step()
        last = float(F.mse_loss(own(x), y).detach())
        assert (last > 100 * first or math.isnan(last)) if grows else last < first


def test_the_stable_rate_of_a_moving_average():
    """Adam with its divisors at rest is gradient descent along an average of gradients."""
    beta, curvature = 0.9, 3.0
    limit = 2 * (1 + beta) / (1 - beta) / curvature
    for factor, grows in ((0.98, False), (1.02, True)):
        average = 0.0

        def update(gradient: float, rate: float) -> float:
            nonlocal average
            average = beta * average + (1 - beta) * gradient
            return rate * average

        assert naive.diverges(curvature, factor * limit, update) == grows


def test_sums_feel_the_size_of_a_batch():
    made, (x, y) = net(6, 9, 3), rows()
    optimizer = torch.optim.SGD(made.parameters(), lr=0.1)
    mean = measure(made, x, y, CROSS, optimizer)
    summed = measure(made, x, y, nn.CrossEntropyLoss(reduction="sum"), optimizer, batch_size=16)
    assert np.isclose(summed.stable, mean.stable / 16, rtol=0.01)


def test_what_cannot_be_told_is_nan():
    made, (x, y) = net(6, 9, 3), rows()
    for optimizer in (torch.optim.LBFGS(made.parameters()), torch.optim.Rprop(made.parameters())):
        assert math.isnan(measure(made, x, y, CROSS, optimizer).stable)
    sgd = torch.optim.SGD(made.parameters(), lr=0.1)
    assert math.isnan(measure(made, x, y, lambda out, y: CROSS(out.detach(), y), sgd).stable)
    assert math.isnan(measure(made, x, y, CROSS, torch.optim.SGD(net(2, 2).parameters(), lr=0.1)).stable)
    upwards = torch.optim.SGD(made.parameters(), lr=0.1, maximize=True)
    assert math.isnan(measure(made, x, y, CROSS, upwards).stable)
    flat = measure(made, x, y, lambda out, y: -CROSS(out, y) * 0 + out.sum() * 0, sgd)
    assert flat.stable == math.inf
    with torch.no_grad():
        made[0].weight[0, 0] = math.nan
    assert math.isnan(measure(made, x, y, CROSS, sgd).curvature)


class Cubed(torch.autograd.Function):
    """x³, which can be differentiated once."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return 3 * x**2 * grad


class Own(nn.Module):
    def __init__(self, once: bool) -> None:
        super().__init__()
        self.once, self.a, self.b = once, nn.Linear(6, 5), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.a(x)
        return self.b(Cubed.apply(h) if self.once else h**3)


def test_where_second_derivatives_are_missing_differences_tell():
    x, y = rows()
    one, other = Own(True), Own(False)
    other.load_state_dict(one.state_dict())
    found, want = (measure(m, x, y, CROSS, torch.optim.SGD(m.parameters(), lr=0.1)) for m in (one, other))
    assert np.isclose(found.curvature, want.curvature, rtol=0.02)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.r, self.o = nn.LSTM(4, 5, batch_first=True), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.o(self.r(x)[0][:, -1])


@pytest.mark.parametrize("which", ["norm", "recurrent", "attention"])
def test_any_module_and_no_trace(which):
    y = torch.arange(12) % 3
    if which == "norm":
        made, x = (
            nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Dropout(0.5), nn.Linear(5, 3)),
            torch.randn(12, 4),
        )
    elif which == "recurrent":
        made, x = Recurrent(), torch.randn(12, 5, 4)
    else:
        layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
        made, x = nn.Sequential(layer, nn.Flatten(), nn.Linear(20, 3)), torch.randn(12, 5, 4)
    optimizer = torch.optim.SGD(made.parameters(), lr=0.1, momentum=0.9)
    CROSS(made(x), y).backward()
    before = naive.fingerprint(made, x, y)
    found = measure(made, x, y, CROSS, optimizer)
    assert naive.fingerprint(made, x, y) == before
    assert found.curvature > 0.0
    assert found == measure(made, x, y, CROSS, optimizer)
