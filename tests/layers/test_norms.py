"""Torch's norms against the text's algorithm and its worked table; small batches; gradients; folding."""

import math

import numpy as np
import pytest
import torch
from tests.oracles import layers as oracle
from torch import nn

from profunda.errors import ArgumentError
from profunda.layers.dropout import DropConnect
from profunda.layers.folding import fold_norms
from profunda.layers.initialisers import initialise


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


# The worked table of the text: four rows of three units.
TABLE = [[2.1, 0.8, -1.2], [1.8, 1.1, -0.9], [2.3, 0.9, -1.1], [1.9, 1.0, -1.0]]


def test_the_worked_table():
    """E11: the mean of column 1 is 2.025; the deviations that normalise are the biased ones."""
    x = torch.tensor(TABLE, dtype=torch.float64)
    assert x.mean(0).tolist() == pytest.approx([2.025, 0.95, -1.05])
    assert x.std(0, correction=0).tolist() == pytest.approx([0.19203, 0.11180, 0.11180], abs=5e-6)
    assert x.std(0).tolist() == pytest.approx([0.22174, 0.12910, 0.12910], abs=5e-6)
    norm = nn.BatchNorm1d(3).double()
    made = norm(x).detach()
    expected = [
        [0.3905, -1.1715, 1.4319, -0.6509],
        [-1.3411, 1.3411, -0.4470, 0.4470],
        [-1.3411, 1.3411, -0.4470, 0.4470],
    ]
    assert np.abs(made.T.numpy() - expected).max() < 6e-5
    assert made.mean(0).abs().max() < 1e-12
    # The printed columns are not of mean 0 and deviation 1: a rounded mean, and deviations of two kinds.
    printed = np.array([[0.45, -1.22, -1.22], [-0.89, 1.22, 1.22], [1.34, -0.41, -0.41], [-0.45, 0.41, 0.41]])
    assert printed.mean(0) == pytest.approx([0.1125, 0.0, 0.0])
    assert printed.std(0) == pytest.approx([0.8576, 0.9101, 0.9101], abs=1e-4)
    # What is collected for evaluation has the unbiased variance.
    assert norm.running_var.tolist() == pytest.approx((0.9 + 0.1 * x.var(0)).tolist())
    assert norm.running_mean.tolist() == pytest.approx((0.1 * x.mean(0)).tolist())


def test_batch_norm_is_the_texts_algorithm():
    """D44."""
    x, norm = torch.randn(7, 5).double(), nn.BatchNorm1d(5).double()
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    expected = oracle.batch_norm(x.tolist(), norm.weight.tolist(), norm.bias.tolist(), 1e-5)
    assert np.abs(norm(x).detach().numpy() - expected).max() < 1e-12
    wrong = oracle.batch_norm(x.tolist(), norm.weight.tolist(), norm.bias.tolist(), 1e-1)  # control
    assert np.abs(norm(x).detach().numpy() - wrong).max() > 1e-3
    fresh = nn.BatchNorm1d(5)
    assert (fresh.weight.tolist(), fresh.bias.tolist()) == ([1.0] * 5, [0.0] * 5)


def test_the_gain_that_gives_the_input_back_holds_epsilon():
    """D44, E11: γ = √(σ² + ε), not σ."""
    x = torch.tensor(TABLE, dtype=torch.float64)
    for gain, error in ((lambda s: (s**2 + 1e-5).sqrt(), 1e-7), (lambda s: s, 1e-3)):
        norm = nn.BatchNorm1d(3).double()
        with torch.no_grad():
            norm.weight.copy_(gain(x.std(0, correction=0)))
            norm.bias.copy_(x.mean(0))
        distance = (norm(x) - x).abs().max().item()
        assert distance < error
        assert error == 1e-7 or distance > 3e-5
    deviation = 0.1118033988749895  # at a deviation of 0.1118 the factor is off by 4.0e-4
    assert 1 - deviation / math.sqrt(deviation**2 + 1e-5) == pytest.approx(4.0e-4, abs=1e-6)


def test_batches_of_two_are_all_signs():
    """D48: with two rows nothing is left but which is larger."""
    made = nn.BatchNorm1d(4, eps=1e-12)(torch.randn(2, 4) * 50)
    assert made.abs().flatten().tolist() == pytest.approx([1.0] * 8, abs=1e-5)
    with pytest.raises(ValueError, match="more than 1 value"):
        nn.BatchNorm1d(4)(torch.randn(1, 4))


def test_group_norm_lies_between_layer_and_instance_norm():
    """D49: one group is layer norm, a group a channel is instance norm."""
    x = torch.randn(3, 6, 10).double() * 3 + 1
    assert torch.allclose(nn.GroupNorm(1, 6).double()(x), nn.LayerNorm((6, 10)).double()(x), atol=1e-6)
    assert torch.allclose(nn.GroupNorm(6, 6).double()(x), nn.InstanceNorm1d(6).double()(x), atol=1e-6)
    for groups in (1, 2, 3, 6):
        made = nn.GroupNorm(groups, 6).double()(x)
        assert np.abs(made.detach().numpy() - oracle.group_norm(x.numpy(), groups, 1e-5)).max() < 1e-12
    assert not torch.allclose(nn.GroupNorm(2, 6).double()(x), nn.GroupNorm(3, 6).double()(x), atol=1e-2)


def test_instance_norm_takes_each_samples_contrast_away():
    """E14: a sample ten times as bright and contrasted comes out the same; batch norm tells them apart."""
    x = torch.randn(4, 3, 20).double()
    brighter = 10 * x + 5
    both = torch.cat([x, brighter])
    made = nn.InstanceNorm1d(3, eps=1e-12).double()(both)
    assert torch.allclose(made[:4], made[4:], atol=1e-10)
    by_batch = nn.BatchNorm1d(3).double()(both)
    assert (by_batch[:4] - by_batch[4:]).abs().mean() > 0.5


@pytest.mark.parametrize(("batch", "growth"), [(8, 1.792), (32, 1.522), (128, 1.470)])
def test_batch_norm_makes_gradients_explode_at_the_start(batch, growth):
    """E27: the squared gradient grows per layer by about π/(π − 1) = 1.467 for large batches (Yang et al.
    2019)."""
    depth, width = 30, 128
    rates = []
    for _ in range(3):
        layers = [
            nn.Sequential(nn.Linear(width, width, bias=False), nn.BatchNorm1d(width, eps=1e-12), nn.ReLU())
            for _ in range(depth)
        ]
        for layer in layers:
            nn.init.normal_(layer[0].weight, std=(2 / width) ** 0.5)
        h, kept = torch.randn(batch, width), []
        for layer in layers:
            h = layer(h)
            h.retain_grad()
            kept.append(h)
        h.backward(torch.randn_like(h))
        sizes = [each.grad.square().mean().item() for each in kept]
        rates.append(math.log(sizes[4] / sizes[-3]) / (depth - 7))
    assert math.exp(np.mean(rates)) == pytest.approx(growth, rel=0.05)


def loss_after(steps, lr, norm, seed):
    """Of a ReLU network of five layers on the sign of x₁x₂, by full-batch gradient descent; inf once not
    finite."""
    torch.manual_seed(seed)
    x = torch.randn(256, 8)
    y = (x[:, :1] * x[:, 1:2]).sign().clamp(0, 1)
    parts = []
    for fan_in in (8, 32, 32, 32, 32):
        parts += [nn.Linear(fan_in, 32), *([nn.BatchNorm1d(32)] if norm else []), nn.ReLU()]
    module = initialise(nn.Sequential(*parts, nn.Linear(32, 1)), "he")
    optimiser, loss = torch.optim.SGD(module.parameters(), lr), torch.zeros(())
    for _ in range(steps):
        optimiser.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(module(x), y)
        if not loss.isfinite():
            return math.inf
        loss.backward()
        optimiser.step()
    return loss.item()


def test_batch_norm_allows_larger_rates_and_converges_faster():
    """D43: at a rate of 3 every plain network diverges and none with batch norm; at 0.3 both learn, it
    faster."""
    for seed in range(3):
        assert loss_after(60, 3.0, False, seed) == math.inf
        assert loss_after(60, 3.0, True, seed) < 0.02
        assert loss_after(60, 0.3, True, seed) < 0.5 * loss_after(60, 0.3, False, seed) < 0.3


# Folding --------------------------------------------------------------------------------------------


def trained_norm(norm):
    with torch.no_grad():
        if norm.weight is not None:
            norm.weight.normal_()
            norm.bias.normal_()
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.3, 3.0)
    return norm


@pytest.mark.parametrize(
    ("chain", "shape", "left"),
    [
        (
            [nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 2, bias=False), nn.BatchNorm1d(2)],
            (5, 4),
            3,
        ),
        ([nn.Conv1d(3, 4, 3), nn.BatchNorm1d(4), nn.Tanh()], (5, 3, 9), 2),
        ([nn.Conv2d(4, 4, 3, groups=2, bias=False), nn.BatchNorm2d(4, affine=False)], (5, 4, 7, 7), 1),
        ([nn.Linear(4, 6), nn.ReLU(), nn.BatchNorm1d(6)], (5, 4), 3),  # not after a layer: stays
        ([DropConnect(4, 6, 0.1), nn.BatchNorm1d(6)], (5, 4), 2),  # another forward pass: stays
        ([nn.BatchNorm1d(4), nn.Linear(4, 2)], (5, 4), 2),
    ],
)
def test_folded_chains_give_the_same_outputs(chain, shape, left):
    module = nn.Sequential(*chain).double()
    for part in module:
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            trained_norm(part)
    x = torch.randn(shape).double()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    made = fold_norms(module)
    assert len(made) == left
    assert not made.training
    assert module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert torch.allclose(made(x), module.eval()(x), atol=1e-12)


def test_a_norm_without_statistics_cannot_be_folded():
    chain = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2, track_running_stats=False))
    with pytest.raises(ArgumentError, match="collects no statistics"):
        fold_norms(chain)
