"""f = σₙ Aₙ … σ₁ A₁ against explicit loops, to and from modules, and as a drawing."""

import math
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles import layers as oracle
from torch import nn

from profunda.errors import ArgumentError
from profunda.layers.units import Maxout, MaxPoolUnits
from profunda.networks.notation import Notated

LISTS = {
    "linear": lambda z: z,
    "relu": lambda z: [max(v, 0.0) for v in z],
    "tanh": lambda z: [math.tanh(v) for v in z],
    "softmax": lambda z: [math.exp(v - max(z)) / sum(math.exp(u - max(z)) for u in z) for v in z],
    "max": lambda z: [max(z)],
}


def numbers(rng, *shape):
    return rng.normal(size=shape)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(1, 6), min_size=2, max_size=5),
    st.lists(st.sampled_from(sorted(LISTS)), min_size=4, max_size=4),
    st.integers(0, 100),
)
def test_it_equals_an_explicit_loop(sizes, names, seed):
    rng = np.random.default_rng(seed)
    weights, biases, used, arrives = [], [], [], sizes[0]
    for size, name in zip(sizes[1:], names, strict=False):
        weights.append(numbers(rng, size, arrives))
        biases.append(numbers(rng, size))
        used.append(name)
        arrives = 1 if name == "max" else size
    f, x = Notated(weights, biases, used), numbers(rng, 5, sizes[0])
    expected = [oracle.notated(weights, biases, [LISTS[name] for name in used], row) for row in x]
    assert f(x).dtype == torch.float64
    assert np.abs(f(x).numpy() - expected).max() < 1e-12
    assert np.abs(f(x[0]).numpy() - expected[0]).max() < 1e-12
    module = f.to_module()
    assert torch.allclose(module(torch.from_numpy(x)), f(x), rtol=0, atol=1e-14)
    assert torch.equal(Notated.from_module(module)(x), f(x))


def test_the_explicit_loop_tells_the_two_signs_apart():
    weights, biases, x = [[[1.0, 2.0]]], [[0.5]], [1.0, 1.0]
    assert oracle.notated(weights, biases, [LISTS["linear"]], x) == [2.5]
    assert Notated(weights, [[-0.5]], ["linear"])(x).tolist() == [3.5]


def test_the_text_subtracts_its_biases_and_torch_adds_them():
    f = Notated([[[2.0]]], [[0.5]], ["linear"])
    assert f([1.0]).item() == 1.5
    module = f.to_module()
    assert (module[0].weight.item(), module[0].bias.item(), len(module)) == (2.0, -0.5, 1)
    assert Notated.from_module(module).layers[0].biases.item() == 0.5


def test_softmax_is_stable_and_sums_to_1():
    f = Notated([np.eye(3).tolist()], [[0.0] * 3], ["softmax"])
    rows = f(torch.tensor([[1e4, 1e4 + 1, 1e4 + 2], [-1e4, 0.0, 1e4]]))
    assert rows.isfinite().all()
    assert (rows.sum(1) - 1).abs().max() <= 1e-15
    assert torch.allclose(rows[0], f([0.0, 1.0, 2.0]))


def test_max_pooling_is_the_largest_and_its_subgradient_is_shared():
    x = torch.tensor([[3.0, 1.0, 3.0, 2.0, 5.0, 4.0]], requires_grad=True)
    assert MaxPoolUnits()(x).tolist() == [[5.0]] == x.max(1, keepdim=True).values.tolist()
    assert MaxPoolUnits(3)(x).tolist() == [[3.0, 5.0]]
    MaxPoolUnits(3)(x).sum().backward()
    assert x.grad.tolist() == [[0.5, 0.0, 0.5, 0.0, 1.0, 0.0]]
    assert str(MaxPoolUnits(3)) == "MaxPoolUnits(group=3)"


def test_maxout_is_the_largest_of_linear_functions():
    layer, x = Maxout(4, 3, pieces=2).double(), torch.randn(6, 4).double()
    z = layer.linear(x)
    assert torch.equal(layer(x), torch.maximum(z[:, ::2], z[:, 1::2]))
    f = Notated.from_module(nn.Sequential(layer, nn.Linear(3, 2).double()))
    assert torch.allclose(f(x), f.to_module()(x))
    assert f.widths == (4, 3, 2)


def test_any_sigma_will_do():
    def ramp(z):
        return z.clamp(0.0, 1.0)

    f = Notated([[[1.0], [2.0]]], [[0.0, 0.0]], [ramp])
    assert f([[0.3], [3.0]]).tolist() == [[0.3, 0.6], [1.0, 1.0]]
    assert "σ₁ = ramp" in f.formula()
    assert "σ₁ = gelu" in Notated([[[1.0]]], [[0.0]], [nn.GELU()]).formula()
    assert Notated([[[1.0]]], [[0.0]], [nn.Identity()]).formula().count("σ") == 0


def test_chains_of_modules():
    chain = nn.Sequential(
        nn.Linear(3, 4, bias=False),
        nn.LayerNorm(4),
        nn.Tanh(),
        nn.Dropout(0.5),
        nn.Linear(4, 2),
        nn.Identity(),
    ).double()
    f, x = Notated.from_module(chain), torch.randn(5, 3).double()
    assert torch.allclose(f(x), chain.eval()(x), atol=1e-14)
    assert [layer.name for layer in f.layers] == ["tanh ∘ layernorm", "linear"]
    assert repr(f) == "Notated(3–4 → 4–2; tanh ∘ layernorm, linear)"


def test_weights_are_copied():
    module = nn.Sequential(nn.Linear(2, 2))
    f = Notated.from_module(module)
    before = f([1.0, 1.0])
    module[0].weight.data.zero_()
    assert torch.equal(f([1.0, 1.0]), before)
    f.to_module()[0].weight.data.zero_()
    assert torch.equal(f([1.0, 1.0]), before)


def test_the_drawing_is_xml_with_every_unit_and_weight():
    f = Notated([[[1.5], [-2.25]], [[1.0, 3.0]]], [[0.0, 0.0], [0.0]], ["relu", "linear"])
    root = ET.fromstring(f.draw())
    tags = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert (tags.count("circle"), tags.count("line")) == (4, 4)
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert {"1.5", "-2.25", "1", "3", "σ₁ = relu", "A₂", "x"} <= set(texts)


def test_wide_layers_are_drawn_with_dots_and_pools_by_their_groups():
    wide = nn.Sequential(nn.Linear(3, 20), MaxPoolUnits(5), nn.Softmax(-1)).double()
    drawing = Notated.from_module(wide).draw()
    assert drawing.count("<circle") == 3 + 7 + 4
    assert "⋮" in drawing
    assert drawing.count("<line") == 3 * 7 + 4 * 7  # σ is max and softmax: all hang on all
    pooled = Notated.from_module(nn.Sequential(nn.Linear(3, 4), MaxPoolUnits(2)).double()).draw()
    assert pooled.count("<line") == 3 * 4 + 4
    assert len(drawing) < 20_000
    odd = Notated([[[1.0]]], [[0.0]], [type("A<b>", (nn.ReLU,), {})()])
    assert ET.fromstring(odd.draw()) is not None


W, B = [[1.0, 2.0]], [0.0]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: Notated([], [], []), "0 W, 0 b and 0 σ make no network"),
        (lambda: Notated([W], [B], []), "1 W, 1 b and 0 σ make no network"),
        (lambda: Notated([W], [[0.0, 0.0]], ["relu"]), r"Layer 1: W has shape \(1, 2\) and b \(2,\)"),
        (lambda: Notated([W, W], [B, B], ["relu"] * 2), "Layer 2: W takes 2 numbers, but .* hands on 1"),
        (lambda: Notated([W], [B], ["sine"]), "No σ is called 'sine'"),
        (lambda: Notated.from_module(nn.Sequential()), "An empty chain has no A_1"),
        (lambda: Notated.from_module(nn.Sequential(nn.ReLU())), r"The chain begins with ReLU\(\)"),
        (lambda: MaxPoolUnits(0), "A group of 0 units has no largest"),
        (lambda: MaxPoolUnits(4)(torch.zeros(2, 6)), "6 units do not fall into groups of 4"),
    ],
)
def test_what_is_no_network_is_refused(call, text):
    with pytest.raises(ArgumentError, match=text):
        call()
