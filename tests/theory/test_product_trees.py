"""Products of many numbers: the deep tree and the flat network, their sizes and their errors."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from profunda.errors import ArgumentError
from profunda.theory.activations import Nonlinearity
from profunda.theory.product_trees import best_product, flat_product, product_errors, product_tree


@pytest.mark.parametrize(
    ("n", "error"), [(2, 1.67e-5), (4, 5.0e-5), (8, 1.17e-4), (16, 2.50e-4), (32, 5.16e-4)]
)
def test_trees_of_softplus_gates(n, error):
    net = product_tree(n, "softplus", scale=0.01)
    assert net.error() == pytest.approx(error, rel=5e-3)
    assert net.error() == pytest.approx(net.truncation, rel=0.01)
    assert net.neurons == 4 * (n - 1)
    assert net.hidden_layers == math.log2(n)


@pytest.mark.parametrize("n", [2, 4, 8])
def test_the_best_trees(n):
    best = best_product("tree", n, "softplus", points=500)
    assert best.scale == pytest.approx(1.8e-4, rel=0.02)
    assert 1e-8 < best.error < 4e-8


def test_the_tree_of_sixteen_keeps_to_1e_7():
    assert best_product("tree", 16, "softplus", points=500).error <= 1e-7
    assert product_tree(16, "gelu").error() <= 1e-9


@settings(max_examples=15, deadline=None)
@given(n=st.integers(2, 24), name=st.sampled_from(["gelu", "tanh", "sigmoid", "softplus", "selu"]))
def test_trees_of_any_size_multiply(n, name):
    net = product_tree(n, name)
    assert net.error(200) < 1e-7 * n
    assert net.hidden_layers == math.ceil(math.log2(n))
    waiting, count = 0, n
    while count > 1:
        waiting, count = waiting + count % 2, (count + 1) // 2
    assert net.neurons == 4 * (n - 1) + 2 * waiting


def test_a_tree_is_a_dense_chain():
    net = product_tree(6, "tanh")
    module = net.module()
    assert [type(part) for part in module] == [nn.Linear, nn.Tanh] * 3 + [nn.Linear]
    assert sum(each.numel() for each in module.parameters()) == net.parameters
    assert sum(part.out_features for part in module if isinstance(part, nn.Linear)) - 1 == net.neurons
    assert product_tree(5, torch.square, scale=1.0).error() < 1e-15


def test_a_tree_with_a_wrong_weight_would_be_seen():
    net = product_tree(4, "gelu")
    module = net.module()
    with torch.no_grad():
        module[0].weight[0] *= 1.001
        x = torch.ones(1, 4, dtype=torch.float64)
        assert abs(float(module(x)) - 1.0) > 100 * net.error()


MEASURED = {  # best errors of the flat network, for 2, 3, 4, 6 and 8 numbers
    torch.exp: (6e-9, 6e-7, 4e-6, 9e-5, 5e-4),
    "sigmoid": (2e-8, 1e-6, 1e-5, 2.9e-4, 3.5e-3),
    "tanh": (1.4e-8, 3.5e-8, 8.5e-6, 1.9e-4, 2.5e-3),
}


@pytest.mark.parametrize("activation", MEASURED, ids=lambda one: getattr(one, "__name__", one))
def test_rounding_ruins_the_flat_network(activation):
    """Within a factor of 3 of the table: rounding is drawn anew by every λ and every point."""
    best = [best_product("flat", n, activation, points=300).error for n in (2, 3, 4, 6, 8)]
    ratios = np.array(best) / MEASURED[activation]
    assert (ratios < 3.0).all()
    assert (ratios > 1 / 3).all()


def test_1024_flat_units_do_worse_than_40_deep_ones():
    flat = best_product("flat", 10, torch.exp, points=300)
    deep = best_product("tree", 10, "softplus", points=300)
    assert (flat.neurons, flat.hidden_layers) == (1024, 1)
    assert (deep.neurons, deep.hidden_layers) == (40, 4)
    assert 1e-3 < flat.error < 2e-2
    assert deep.error < 6e-8


@pytest.mark.parametrize("activation", ["sigmoid", torch.exp], ids=lambda one: getattr(one, "__name__", one))
@pytest.mark.parametrize("n", [2, 3, 5])
def test_the_flat_network_is_of_second_order(n, activation):
    coarse, fine = product_errors("flat", (n,), activation, (0.1, 0.05), points=300)
    assert math.log2(coarse.error / fine.error) == pytest.approx(2.0, abs=0.05)
    net = flat_product(n, activation, 0.1)
    assert net.error(300) == pytest.approx(net.truncation, rel=0.05)
    assert fine.neurons == net.neurons == 2**n


def test_the_flat_network_of_two_is_the_gate():
    flat, tree = flat_product(2, "tanh", 0.01), product_tree(2, "tanh", 0.01)
    x = torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (50, 2)))
    with torch.no_grad():
        assert torch.allclose(flat.module()(x), tree.module()(x), rtol=0, atol=1e-11)


def test_a_scale_of_its_own_is_near_the_best_of_a_scan():
    for n in (2, 4, 8):
        assert (
            flat_product(n, torch.exp).error(300) < 3 * best_product("flat", n, torch.exp, points=300).error
        )
        assert product_tree(n, "tanh").error(300) < 3 * best_product("tree", n, "tanh", points=300).error


def test_rows_are_in_order_and_in_any_precision():
    rows = product_errors("tree", (2, 4), "gelu", (0.1, 0.01), dtype=torch.float32, points=100)
    assert [(row.inputs, row.scale) for row in rows] == [(2, 0.1), (2, 0.01), (4, 0.1), (4, 0.01)]
    assert rows[0].error == pytest.approx(product_tree(2, "gelu", 0.1).error(100), rel=0.01)


def test_what_cannot_be_built_is_told():
    for build in (product_tree, flat_product):
        with pytest.raises(ArgumentError, match="1 numbers make no product: at least 2 are needed"):
            build(1, "tanh")
    with pytest.raises(
        ArgumentError, match=r"13 numbers would take 2\^13 = 8192 units .* at most 12 numbers"
    ):
        flat_product(13, "tanh")
    with pytest.raises(ArgumentError, match=r"at most 4 numbers are offered"):
        flat_product(5, Nonlinearity("plain", np.tanh))
    with pytest.raises(
        ArgumentError, match=r"tanh cannot multiply 2 numbers at c = 0, where its derivative of order 2"
    ):
        flat_product(2, "tanh", bias=0.0)
    with pytest.raises(ArgumentError, match=r"square cannot multiply|derivative of order 3 of square is 0"):
        flat_product(3, torch.square)
    with pytest.raises(ArgumentError, match=r"scale = 0\.0 must be a positive, finite number"):
        flat_product(2, "gelu", scale=0.0)
    with pytest.raises(ArgumentError, match="relu cannot multiply"):
        product_tree(4, "relu")
