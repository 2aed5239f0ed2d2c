"""Gaussian dropout and DropConnect as modules: their moments, evaluation, gradients, and what they refuse."""

import pytest
import torch
from torch import nn

from profunda.layers.dropout import DropConnect, GaussianDropout

P = 0.3


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def test_gaussian_noise_has_mean_1_and_the_variance_of_bernoulli_dropout():
    x = torch.full((400, 500), 2.0)
    noise, dropped = GaussianDropout(P)(x) / 2.0, nn.Dropout(P)(x) / 2.0
    assert abs(noise.mean().item() - 1.0) < 0.01
    assert noise.var().item() == pytest.approx(P / (1 - P), rel=0.02)
    assert noise.var().item() == pytest.approx(dropped.var().item(), rel=0.02)
    assert (noise < 0).any()  # control: no mask is


def test_dropconnect_keeps_the_mean_and_has_the_variance_of_its_law():
    layer = DropConnect(6, 4, P)
    x = torch.randn(1, 6)
    drawn = torch.stack([layer(x) for _ in range(20_000)]).squeeze(1).detach()
    terms = x * layer.weight.detach()
    spread = (P / (1 - P) * terms.square().sum(1)).sqrt()
    expected = nn.functional.linear(x, layer.weight, layer.bias).squeeze(0).detach()
    assert torch.allclose(drawn.mean(0), expected, atol=5 * spread.max().item() / 20_000**0.5)
    assert torch.allclose(drawn.std(0), spread, rtol=0.03)


def test_one_mask_serves_the_whole_batch_and_the_gradient():
    layer = DropConnect(50, 3, 0.5)
    out = layer(torch.ones(2, 50))
    assert torch.allclose(out[0], out[1])
    out.sum().backward()
    assert set(layer.weight.grad.unique().tolist()) == {0.0, 4.0}  # two rows, kept weights times 2
    assert layer.bias.grad.tolist() == [2.0] * 3


@pytest.mark.parametrize("layer", [GaussianDropout(P), DropConnect(5, 5, P)])
def test_evaluation_is_without_noise(layer):
    x = torch.randn(7, 5)
    assert not torch.equal(layer(x), layer(x))
    layer.eval()
    assert torch.equal(layer(x), layer(x))
    plain = nn.functional.linear(x, layer.weight, layer.bias) if isinstance(layer, nn.Linear) else x
    assert torch.equal(layer(x), plain)


def test_a_rate_of_0_does_nothing():
    x, layer = torch.randn(3, 5), DropConnect(5, 2, 0.0, bias=False)
    assert torch.equal(GaussianDropout(0.0)(x), x)
    assert torch.equal(layer(x), x @ layer.weight.T)


def test_they_tell_their_rate():
    assert str(GaussianDropout(0.25)) == "GaussianDropout(p=0.25)"
    assert str(DropConnect(3, 2, 0.25)) == "DropConnect(in_features=3, out_features=2, bias=True, p=0.25)"


@pytest.mark.parametrize("p", [1.0, -0.1, float("nan")])
@pytest.mark.parametrize("make", [GaussianDropout, lambda p: DropConnect(2, 2, p)])
def test_rates_outside_are_refused(make, p):
    with pytest.raises(ValueError, match="must be a probability of dropping: at least 0 and less than 1"):
        make(p)
