"""Networks with more than layers: embeddings, scales, skips, groups, parametric activations."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.oracles.fleet import forward as naive_forward
from tests.oracles.fleet import network
from torch import nn

from profunda.data.inputs import Inputs
from profunda.fleet.forward import outputs
from profunda.fleet.member import Member
from profunda.layers.parametric import Parametric
from profunda.networks.dense import build, flatten, load
from profunda.networks.entering import Entering
from profunda.networks.folding import folded
from profunda.networks.initial import initial_params
from profunda.networks.layout import layout_of
from profunda.networks.skip import Skip
from profunda.space.design import Design
from profunda.theory.critical import critical_initialisation

INPUTS = Inputs((0, 1, 1, 2, 3), (0, 1), ((3, 4), (4, 6)))
FULL = Design(
    (8, 8, 5),
    activation="gelu",
    parametric=True,
    skip=True,
    input_scaling=True,
    numeric_embedding="periodic",
    embedding_scale=0.7,
    dropout=0.2,
    input_dropout=0.1,
)
DESIGNS = {
    "full": FULL,
    "batch": replace(FULL, norm="batch"),
    "batch-after": replace(FULL, norm="batch", norm_place="after"),
    "group": replace(FULL, norm="group", widths=(24, 24)),
    "codes": Design((7,)),
    "scales": Design((7,), input_scaling=True),
    "waves": Design((), numeric_embedding="periodic"),
    "alpha": replace(FULL, dropout_kind="alpha"),
}


def rows(count=20, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, len(INPUTS)))
    for place, size in INPUTS.codes:
        x[:, place] = rng.integers(0, size, count)
    return x


def drawn(design, seed=1):
    """Parameters float64 [P], none at what it starts from."""
    rng = np.random.default_rng(seed)
    params = initial_params(design, 3, INPUTS, 3, rows())
    params += 0.3 * rng.normal(size=params.shape)
    for block in layout_of(design, INPUTS, 3).blocks:
        block.norm_of(params)[3:] = rng.uniform(0.1, 4.0, block.norm_of(params)[3:].shape)
    return params


@pytest.mark.parametrize("name", DESIGNS)
def test_modules_and_the_forward_pass_are_the_naive_network(name):
    design, x = DESIGNS[name], rows()
    params = drawn(design)
    naive = network(design, INPUTS, 3, params, torch.float64)
    with torch.no_grad():
        expected, _ = naive_forward(Member(design), naive, INPUTS, torch.from_numpy(x))
    assert np.allclose(outputs(design, params, x, INPUTS), expected, rtol=1e-10, atol=1e-12)
    module = load(build(design, INPUTS, 3).double(), params).eval()
    assert np.array_equal(flatten(module), params)
    with torch.no_grad():
        assert np.allclose(module(torch.from_numpy(x)), expected, rtol=1e-10, atol=1e-12)
    other = drawn(design, seed=2)
    assert not np.allclose(outputs(design, other, x, INPUTS), expected, rtol=1e-2)  # control


def test_many_rows_go_through_in_parts(monkeypatch):
    design, x = DESIGNS["full"], rows(50)
    params = drawn(design)
    whole = outputs(design, params, x, INPUTS)
    monkeypatch.setattr("profunda.fleet.forward._WAVED", 200)  # six rows a pass
    assert np.allclose(outputs(design, params, x, INPUTS), whole, rtol=1e-12)


def test_parameters_are_counted_as_they_lie():
    for design in DESIGNS.values():
        collected = 2 * sum(design.widths) if design.norm == "batch" else 0
        assert design.parameters(INPUTS, 3) + collected == layout_of(design, INPUTS, 3).size


def test_modules_tell_what_they_are():
    first, second, *_ = build(replace(FULL, norm="group"), INPUTS, 3)
    assert isinstance(first, Entering)
    assert isinstance(second, nn.Linear)
    kinds = {type(part) for part in build(replace(FULL, norm="group"), INPUTS, 3).modules()}
    assert {Skip, Parametric, nn.GroupNorm, nn.Dropout, nn.GELU} <= kinds
    assert {type(part) for part in build(DESIGNS["alpha"], INPUTS, 3).modules()} >= {nn.AlphaDropout}


def test_a_dropped_code_gives_zeros():
    design = Design((), input_dropout=0.5, input_scaling=True)
    entering = build(design, INPUTS, 1)[0].train()
    torch.manual_seed(0)
    found = entering(torch.from_numpy(rows(400)).float())[:, 3:11]
    whole = entering.eval()(torch.from_numpy(rows(400)).float())[:, 3:11]
    gone = (found == 0).all(dim=1)
    assert 0.4 < gone.double().mean() < 0.6
    assert torch.allclose(found[~gone], 2 * whole[~gone])


@pytest.mark.parametrize("name", ["batch", "batch-after"])
def test_batch_norm_is_folded_where_nothing_goes_by_it(name):
    design, x = DESIGNS[name], rows()
    params = drawn(design)
    plain, fewer = folded(design, params, INPUTS, 3)
    assert np.allclose(
        outputs(plain, fewer, x, INPUTS), outputs(design, params, x, INPUTS), rtol=1e-9, atol=1e-12
    )
    assert plain.norm == ("none" if name == "batch" else "batch")  # skips hand on what the norm behind made
    straight = replace(design, skip=False)
    plain, fewer = folded(straight, params, INPUTS, 3)
    assert plain.norm == "none"
    assert np.allclose(
        outputs(plain, fewer, x, INPUTS), outputs(straight, params, x, INPUTS), rtol=1e-9, atol=1e-12
    )


# First weights ------------------------------------------------------------------------------------------


def test_what_stands_before_the_layers_begins_as_its_paper_says():
    inputs = Inputs(tuple(range(301)), tuple(range(300)), ((300, 900),))
    design = Design((), numeric_embedding="periodic", embedding_scale=0.2, input_scaling=True)
    params = initial_params(design, 5, inputs, 1)
    front = layout_of(design, inputs, 1).front
    w, b, v, c = front.waves_of(params)
    assert w.std() == pytest.approx(0.2, rel=0.03)
    assert (np.abs(b).max() <= 0.5, b.std()) == (True, pytest.approx(1 / math.sqrt(12), rel=0.03))
    assert (np.abs(v).max() <= 0.25, v.std()) == (True, pytest.approx(0.25 / math.sqrt(3), rel=0.03))
    assert not c.any()
    (table,) = front.tables_of(params)
    assert table.shape == (900, 8)
    assert table.std() == pytest.approx(1.0, rel=0.03)
    assert (front.scales_of(params) == 1).all()
    assert len(np.unique(np.concatenate([w.ravel(), table.ravel()]))) == w.size + table.size


def test_first_weights_of_layers_do_not_depend_on_what_stands_before_them():
    plain, scaled = (initial_params(Design((6,), input_scaling=flag), 5, 4, 2) for flag in (False, True))
    assert np.array_equal(plain, scaled[4:])


def test_critical_weights_have_the_variances_of_theory():
    design = Design((300, 300), initialisation="critical", activation="tanh", dropout=0.2)
    params = initial_params(design, 5, 300, 4)
    first, second, last = layout_of(design, Inputs.plain(300), 4).blocks
    for block, keep in ((first, 1.0), (second, 0.8)):
        expected = critical_initialisation("tanh", keep).weight_variance / 300
        assert block.weights_of(params).var() == pytest.approx(expected, rel=0.03)
    assert last.weights_of(params).var() == pytest.approx(1 / 300, rel=0.15)
    unknown = replace(design, activation="sigmoid", dropout=0.0)
    assert np.array_equal(
        initial_params(unknown, 5, 300, 4),
        initial_params(replace(unknown, initialisation="lecun"), 5, 300, 4),
    )


@pytest.mark.parametrize(
    "fields", [{}, {"skip": True, "parametric": True}, {"numeric_embedding": "periodic"}]
)
def test_lsuv_gives_every_hidden_layer_unit_variance(fields):
    design = Design((40, 40, 40), activation="gelu", initialisation="lsuv", **fields)
    x = rows(200)
    x[:, :3] *= 3.0
    params = initial_params(design, 5, INPUTS, 3, x)
    naive = network(design, INPUTS, 3, params, torch.float64)
    orthogonal = initial_params(replace(design, initialisation="orthogonal"), 5, INPUTS, 3)
    *hidden, last = layout_of(design, INPUTS, 3).blocks
    assert np.array_equal(last.weights_of(params), last.weights_of(orthogonal))
    seen = []
    with torch.no_grad():
        design_forward(design, naive, x, seen)
    assert np.allclose([z.std() for z in seen[:-1]], 1.0, rtol=1e-9)
    assert seen[-1].std() != pytest.approx(1.0, rel=1e-3)
    for block in hidden:  # scaled, not drawn anew
        ratio = block.weights_of(params) / block.weights_of(orthogonal)
        assert ratio.std() < 1e-12


def design_forward(design, naive, x, seen):
    """What the layers' products give, in turn, by truncating the network."""
    for depth in range(design.depth + 1):
        short = replace(design, widths=design.widths[:depth])
        cut = type(naive)(
            naive.front, [*naive.layers[:depth], {n: naive.layers[depth][n] for n in ("W", "bias")}]
        )
        seen.append(naive_forward(Member(short), cut, INPUTS, torch.from_numpy(x))[0].numpy())


@pytest.mark.parametrize("count", [51, 100, 200])
def test_lsuv_leaves_layers_alone_that_vary_by_rounding(count):
    # A layer norm of one unit makes the same number of every row.
    design = Design((5, 1, 1, 1), activation="softplus", norm="layer", initialisation="lsuv")
    params = initial_params(design, 5, INPUTS, 3, rows(count))
    orthogonal = initial_params(replace(design, initialisation="orthogonal"), 5, INPUTS, 3)
    _, _, *constant, _ = layout_of(design, INPUTS, 3).blocks
    assert len(constant) == 2
    for block in constant:
        assert np.array_equal(block.weights_of(params), block.weights_of(orthogonal))


def test_lsuv_asks_for_rows():
    with pytest.raises(ValueError, match="'lsuv' scales layers on training rows; none were given"):
        initial_params(Design(initialisation="lsuv"), 5, 4, 2)
