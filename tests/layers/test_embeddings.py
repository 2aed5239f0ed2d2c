"""Numbers as several numbers, scaling layers and parametric activations."""

import math

import numpy as np
import pytest
import torch
from tests.oracles import layers as oracle
from torch import nn

from profunda.errors import ArgumentError
from profunda.layers.embeddings import (
    PeriodicEmbedding,
    PiecewiseLinearEmbedding,
    QuantileEmbedding,
    quantile_edges,
)
from profunda.layers.parametric import Parametric, Scaling


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def test_periodic_embedding_is_its_formula_number_by_number():
    layer, x = PeriodicEmbedding(2, 0.5, waves=4, outputs=3).double(), torch.randn(5, 2).double()
    nn.init.normal_(layer.shifts)
    made = layer(x).detach()
    assert made.shape == (5, 8)
    for row in range(5):
        for i in range(2):
            value = x[row, i].item()
            assert made[row, 4 * i].item() == value
            w, b = layer.frequencies[i].tolist(), layer.phases[i].tolist()
            waves = [math.cos(2 * math.pi * (w[k] * value + b[k])) for k in range(4)]
            for o in range(3):
                expected = layer.shifts[i, o].item() + sum(
                    waves[k] * layer.mixing[i, k, o].item() for k in range(4)
                )
                assert made[row, 4 * i + 1 + o].item() == pytest.approx(expected, abs=1e-12)


def test_periodic_embedding_starts_by_its_laws():
    layer = PeriodicEmbedding(2000, 0.3)
    assert layer.frequencies.std().item() == pytest.approx(0.3, rel=0.02)
    assert layer.phases.abs().max().item() <= 0.5
    assert layer.phases.std().item() == pytest.approx(1 / 12**0.5, rel=0.02)
    assert layer.mixing.abs().max().item() <= 0.25
    assert layer.mixing.std().item() == pytest.approx(0.25 / 3**0.5, rel=0.02)
    assert layer(torch.randn(3, 2000)).shape == (3, 8000)
    with pytest.raises(ArgumentError, match=r"scale = 0\.0 gives no waves"):
        PeriodicEmbedding(2, 0.0)


def test_periodic_embedding_learns_what_a_linear_model_cannot():
    x = torch.linspace(-2, 2, 256)[:, None]
    y = torch.sin(5 * x)
    losses = []
    for module in (nn.Linear(1, 1), nn.Sequential(PeriodicEmbedding(1, 1.0), nn.Linear(4, 1))):
        optimiser = torch.optim.Adam(module.parameters(), 0.03)
        for _ in range(300):
            optimiser.zero_grad()
            loss = (module(x) - y).square().mean()
            loss.backward()
            optimiser.step()
        losses.append(loss.item())
    assert losses[0] > 0.3
    assert losses[1] < 0.05


def table():
    x = torch.randn(500, 3)
    x[:, 1] = x[:, 1].exp()
    x[:, 2] = (x[:, 2] > 0).float() * 2 + (x[:, 2] > 1).float()
    return x


def test_edges_are_the_distinct_quantiles():
    x = table()
    x[3, 0] = float("nan")
    edges = quantile_edges(x, 8)
    assert [len(each) for each in edges][:2] == [9, 9]
    assert edges[2].tolist() == [0.0, 2.0, 3.0]
    known = x[:, 0][~x[:, 0].isnan()].numpy()
    assert edges[0].numpy() == pytest.approx(np.quantile(known, np.linspace(0, 1, 9)), abs=1e-6)
    for column in range(2):
        counts = np.histogram(x[:, column].nan_to_num(0).numpy(), edges[column].numpy())[0]
        assert counts.max() - counts.min() <= 3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_piecewise_linear_embedding_is_the_papers_equation(dtype):
    x = table().to(dtype)
    edges = quantile_edges(x, 8)
    layer = PiecewiseLinearEmbedding(edges).to(dtype)
    assert layer.width == sum(len(each) - 1 for each in edges) == 18
    probe = torch.cat([x[:20], torch.tensor([[-9.0, 40.0, 9.0], [9.0, -3.0, -1.0]], dtype=dtype)])
    made = layer(probe)
    assert made.shape == (22, 18)
    for row, numbers in zip(made.tolist(), probe.tolist(), strict=True):
        expected = [
            p
            for value, each in zip(numbers, edges, strict=True)
            for p in oracle.piecewise_linear(value, each.tolist())
        ]
        assert row == pytest.approx(expected, rel=1e-4, abs=1e-4)
    wrong = oracle.piecewise_linear(probe[0, 0].item() + 0.5, edges[0].tolist())  # control
    assert made[0, :8].tolist() != pytest.approx(wrong, abs=1e-2)


def test_quantile_embedding_is_the_rank():
    x = table()
    layer = QuantileEmbedding(quantile_edges(x, 32))
    made = layer(x)
    assert made.shape == x.shape
    assert (made.min().item(), made.max().item()) == (-1.0, 1.0)
    ranks = x[:, 1].argsort().argsort().double() / 499 * 2 - 1
    assert (made[:, 1].double() - ranks).abs().max() < 0.05
    assert layer(torch.full((1, 3), 1e9)).tolist() == [[1.0] * 3]
    assert layer(torch.full((1, 3), -1e9)).tolist() == [[-1.0] * 3]
    assert (made[x[:, 0].argsort(), 0].diff() >= -1e-6).all()


def test_edges_travel_with_the_module_and_are_not_trained():
    layer = QuantileEmbedding(quantile_edges(table(), 4))
    assert set(layer.state_dict()) == {"edges", "counts"}
    assert not list(layer.parameters())


def test_inputs_without_bins_are_refused():
    x = torch.stack([torch.arange(5.0), torch.ones(5)], 1)
    with pytest.raises(ArgumentError, match="Input 1 has fewer than two different values in the 5 rows"):
        quantile_edges(x, 4)
    with pytest.raises(ArgumentError, match="Input 0 has fewer than two"):
        quantile_edges(torch.full((3, 1), float("nan")), 4)
    with pytest.raises(ArgumentError, match="0 bins hold nothing"):
        quantile_edges(x, 0)


def test_parametric_activations_go_from_linear_to_full():
    layer, x = Parametric(3, nn.Tanh()), torch.randn(4, 3)
    assert torch.allclose(layer(x), x.tanh())
    layer.alpha.data = torch.tensor([0.0, 0.5, 1.0])
    assert torch.allclose(layer(x), torch.stack([x[:, 0], (x[:, 1] + x[:, 1].tanh()) / 2, x[:, 2].tanh()], 1))
    layer(x).sum().backward()
    assert torch.allclose(layer.alpha.grad, (x.tanh() - x).sum(0))


def test_scaling_is_a_diagonal_layer():
    layer, x = Scaling(3), torch.randn(4, 3)
    assert torch.equal(layer(x), x)
    layer.scales.data = torch.tensor([1.0, -2.0, 0.0])
    assert torch.allclose(layer(x), x @ torch.diag(layer.scales))
