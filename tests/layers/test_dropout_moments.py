"""The dropout family: what the text promises, where it holds, and by how much it does not."""

import math

import numpy as np
import pytest
import torch
from tests.oracles import layers as oracle
from torch import nn

from profunda.errors import ArgumentError
from profunda.layers.dropout import DropConnect, Dropout, GaussianDropout, SpatialDropout, drop_rate


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


# The door -------------------------------------------------------------------------------------------


def test_keep_and_drop_are_converted_at_the_door():
    assert drop_rate(keep=0.8) == pytest.approx(0.2)
    assert drop_rate(drop=0.2) == 0.2
    assert (Dropout(keep=0.8).drop, Dropout(drop=0.2).keep) == pytest.approx((0.2, 0.8))
    assert str(Dropout(keep=0.75)) == "Dropout(drop=0.25, inverted=True)"
    assert str(SpatialDropout(drop=0.25)) == "SpatialDropout(drop=0.25)"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "keep = None and drop = None: give one of them"),
        ({"keep": 0.5, "drop": 0.5}, "keep = 0.5 and drop = 0.5: give one of them"),
        ({"keep": 0.0}, "keep = 0.0 is the probability of keeping"),
        ({"drop": 1.0}, "drop = 1.0 is the probability of dropping"),
        ({"drop": math.nan}, "drop = nan is the probability of dropping"),
    ],
)
def test_a_rate_that_is_none_is_refused(given, text):
    for make in (drop_rate, Dropout, SpatialDropout):
        with pytest.raises(ArgumentError, match=text):
            make(**given)


# The texts' numbers ---------------------------------------------------------------------------------


def test_worked_examples():
    """D36 and D37, number by number."""
    layer, x = Dropout(keep=0.5, inverted=False), torch.tensor([0.2, 0.5, 0.8, 0.3])
    assert torch.allclose(layer.masked(x, torch.tensor([1.0, 0, 1, 0])), torch.tensor([0.2, 0, 0.8, 0]))
    layer.eval()
    assert torch.allclose(layer(x), torch.tensor([0.1, 0.25, 0.4, 0.15]))
    weights, one = torch.tensor([[0.5, -0.2, 0.8], [0.3, 0.7, -0.1]]), torch.tensor([1.0, 2.0, 3.0])
    by_hand = [0.5 * 0.5 - 0.2 * 1.0 + 0.8 * 1.5, 0.3 * 0.5 + 0.7 * 1.0 - 0.1 * 1.5]
    assert torch.allclose(weights @ layer(one), torch.tensor(by_hand))


def test_a_linear_layer_keeps_its_mean_and_another_does_not():
    """D33 and E12: exact for W x, off by some per cent behind a ReLU."""
    weights, x = torch.randn(40, 10) / 10**0.5, torch.randn(10)
    rows = x.expand(100_000, 10)
    for inverted in (False, True):
        layer = Dropout(keep=0.5, inverted=inverted)
        trained = layer(rows) @ weights.T
        tested = layer.eval()(x) @ weights.T
        error = (trained.std(0) / len(rows) ** 0.5).max()
        assert (trained.mean(0) - tested).abs().max() < 5 * error
        after, promised = trained.relu().mean(0).sum(), tested.relu().sum()
        assert (after / promised - 1).abs() > 0.02  # control: the promise is about linear maps alone


def test_inverted_dropout_has_mean_1_and_variance_of_the_odds():
    """D39: the factor has mean 1 and variance (1 − keep)/keep; torch's own is the same law."""
    for layer in (Dropout(keep=0.8), nn.Dropout(0.2)):
        factor = layer(torch.ones(1_000_000))
        assert factor.mean().item() == pytest.approx(1.0, abs=2e-3)
        assert factor.var().item() == pytest.approx(0.25, rel=0.01)
        assert (factor == 0).double().mean().item() == pytest.approx(0.2, abs=2e-3)
        assert factor.max().item() == pytest.approx(1.25)


def test_the_texts_form_scales_at_test_and_inverted_in_training():
    x = torch.full((1000,), 2.0)
    text, inverted = Dropout(keep=0.8, inverted=False), Dropout(keep=0.8)
    assert set(text(x).tolist()) == {0.0, 2.0}
    assert set(inverted(x).tolist()) == {0.0, 2.5}
    assert torch.allclose(text.eval()(x), torch.tensor(1.6))
    assert torch.equal(inverted.eval()(x), x)


def test_masks_can_be_seen_again_by_their_seed():
    """D34."""
    layer = Dropout(keep=0.5)
    torch.manual_seed(7)
    first, second = layer(torch.ones(50)), layer(torch.ones(50))
    torch.manual_seed(7)
    assert torch.equal(layer(torch.ones(50)), first)
    assert not torch.equal(first, second)


def test_one_softmax_layer_is_the_geometric_mean_of_its_subnetworks():
    """D32: 2^6 networks in one, exactly; the arithmetic mean is another (Srivastava et al. 2014, section
    7)."""
    rng = np.random.default_rng(0)
    weights, biases, x = rng.normal(size=(3, 6)), rng.normal(size=3), rng.normal(size=6)
    outputs, chances = oracle.subnetworks(weights, biases, x)
    geometric = np.exp(chances @ np.log(outputs))
    layer = Dropout(keep=0.5, inverted=False).eval()
    scaled = torch.softmax(
        torch.from_numpy(weights) @ layer(torch.from_numpy(x)) + torch.from_numpy(biases), -1
    )
    assert np.abs(scaled.numpy() - geometric / geometric.sum()).max() < 1e-15
    assert np.abs(scaled.numpy() - chances @ outputs).max() > 1e-3


# Its relatives --------------------------------------------------------------------------------------


def test_dropconnect_has_its_variance():
    """D40: Var y = p/(1 − p) Σ w²x², p the probability of dropping."""
    layer, x = DropConnect(8, 3, 0.25, bias=False), torch.randn(1, 8)
    y = torch.cat([layer(x) for _ in range(20_000)]).detach()
    law = 0.25 / 0.75 * (layer.weight * x).square().sum(1).detach()
    assert torch.allclose(y.var(0), law, rtol=0.05)


@pytest.mark.parametrize("shape", [(30, 20, 9), (30, 20, 3, 5)])
def test_spatial_dropout_drops_whole_maps(shape):
    """D41: every map is all 0 or all kept, at the rate asked for."""
    maps = SpatialDropout(drop=0.3)(torch.ones(shape)).flatten(2)
    assert ((maps == 0).all(2) | (maps == 1 / 0.7).all(2)).all()
    assert (maps[:, :, 0] == 0).double().mean().item() == pytest.approx(0.3, abs=5 * (0.21 / 600) ** 0.5)
    plain = Dropout(drop=0.3)(torch.ones(shape)).flatten(2)
    assert not ((plain == 0).all(2) | (plain != 0).all(2)).all()  # control
    assert torch.equal(SpatialDropout(drop=0.3).eval()(torch.ones(shape)), torch.ones(shape))


def test_spatial_dropout_refuses_rows_without_maps():
    with pytest.raises(ArgumentError, match="x has 2 axes, but maps are"):
        SpatialDropout(drop=0.3)(torch.ones(3, 4))


def test_gaussian_dropout_has_bernoullis_mean_and_variance():
    """D42: σ² = (1 − keep)/keep."""
    keep = 0.7
    noisy, masked = (
        GaussianDropout(1 - keep)(torch.ones(1_000_000)),
        Dropout(keep=keep)(torch.ones(1_000_000)),
    )
    assert noisy.mean().item() == pytest.approx(masked.mean().item(), abs=5e-3)
    assert noisy.var().item() == pytest.approx((1 - keep) / keep, rel=0.01)
    assert noisy.var().item() == pytest.approx(masked.var().item(), rel=0.01)


def test_alpha_dropout_keeps_selu_networks_normal():
    """torch's own keeps mean 0 and variance 1 through 20 layers (Klambauer et al. 2017, section 3); inverted
    dropout at the same rate does not."""

    def through(layer):
        x = torch.randn(2000, 128)
        for _ in range(20):
            x = layer(torch.selu(x @ torch.randn(128, 128) / 128**0.5))
        return x

    with torch.no_grad():
        alpha, plain = through(nn.AlphaDropout(0.1)), through(nn.Dropout(0.1))
    assert abs(alpha.mean().item()) < 0.1
    assert alpha.var().item() == pytest.approx(1.0, abs=0.2)
    assert abs(plain.var().item() - 1.0) > 0.2
