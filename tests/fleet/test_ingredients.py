"""Each ingredient of a recipe against its closed form, its published number, or the library that has it."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.fleet.cases import CODED, coded_table, recipe, table, train
from torch import nn

from profunda._seeds import keys_of, permutations, subkeys
from profunda.data.inputs import Inputs
from profunda.errors import ArgumentError
from profunda.fleet.averaging import averages, take_into
from profunda.fleet.disturbing import Disturber
from profunda.fleet.masks import QUANTILES
from profunda.fleet.member import Member
from profunda.fleet.mixing import beta_quantiles
from profunda.fleet.native_engine import available
from profunda.fleet.plan import plan
from profunda.fleet.schedules import learning_rates
from profunda.fleet.source import FleetData, Source, balanced
from profunda.networks.dense import build, load
from profunda.networks.initial import initial_params
from profunda.networks.layout import layout_of
from profunda.space.design import Design

# Rows of a batch -------------------------------------------------------------------------------------


def rows(count=400, inputs=CODED, seed=0):
    x = np.random.default_rng(seed).normal(size=(count, len(inputs)))
    for place, size in inputs.codes:
        x[:, place] = np.random.default_rng(seed + 1).integers(0, size, count)
    return torch.from_numpy(x)


def disturber(**fields):
    return Disturber(Design(**fields), CODED, key=7)


@pytest.mark.parametrize("alpha", [0.1, 0.4, 1.0, 3.0])
def test_shares_of_mixing_have_the_moments_of_beta(alpha):
    shares = beta_quantiles(alpha)
    assert shares.shape == (4096,)
    assert (np.diff(shares) >= 0).all()
    assert shares.mean() == pytest.approx(0.5, abs=1e-9)
    assert shares.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=2e-3)
    if alpha == 1.0:
        assert np.allclose(shares, (np.arange(4096) + 0.5) / 4096)


@pytest.mark.parametrize("alpha", [1e-9, 1e3])
def test_extreme_shares_are_shares(alpha):
    shares = beta_quantiles(alpha)
    assert np.isfinite(shares).all()
    assert (shares.min(), shares.max()) >= (0.0, 0.0)
    assert shares.max() <= 1.0


def test_mixup_mixes_numbers_with_the_next_row_and_chooses_codes():
    x, mixed, found = rows(), disturber(mixup=0.4), []
    codes = [place for place, _ in CODED.codes]
    numbers = [place for place in range(len(CODED)) if place not in codes]
    for step in range(200):
        seen = mixed.disturb(x, step)
        other = torch.cat([x[1:], x[:1]])
        expected = seen.share * x + (1 - seen.share) * other
        assert torch.allclose(seen.x[:, numbers], expected[:, numbers], rtol=1e-12)
        assert torch.equal(seen.x[:, codes], (x if seen.share >= 0.5 else other)[:, codes])
        found.append(seen.share)
    assert abs(np.mean(found) - 0.5) < 4 * math.sqrt(1 / (4 * 1.8) / 200)
    assert mixed.disturb(x[:1], 3).x[:, numbers].allclose(x[:1, numbers])  # its own partner


def test_cutmix_takes_whole_columns_with_the_share_that_is_left():
    x, mixed = rows(2000), disturber(cutmix=1.0)
    other = torch.cat([x[1:], x[:1]])
    for step in range(10):
        seen = mixed.disturb(x, step)
        taken = seen.x[:, [0, 1, 2, 3]] == other[:, [0, 1, 2, 3]]
        assert torch.equal(seen.x[:, :4][~taken], x[:, :4][~taken])
        assert torch.equal(taken[:, 2], taken[:, 3])  # two inputs of one column
        assert torch.equal(seen.x[:, 6] == other[:, 6], taken[:, 1])
        assert taken.double().mean().item() == pytest.approx(1 - seen.share, abs=4 * 0.5 / math.sqrt(6000))


def test_cutout_blanks_whole_columns():
    x, cut = rows(2000), disturber(cutout=0.3)
    seen = cut.disturb(x, 5)
    blank = seen.factors == 0
    assert seen.share == 1.0
    assert blank.double().mean().item() == pytest.approx(0.3, abs=0.02)
    assert torch.equal(blank[:, 2], blank[:, 3])
    assert not seen.x[:, :4][blank[:, :4]].any()
    assert torch.equal(seen.x[:, :4][~blank[:, :4]], x[:, :4][~blank[:, :4]])  # nothing is scaled up
    assert torch.equal(seen.x[:, 4:6], x[:, 4:6])  # codes stay whole: what is looked up is blanked
    assert seen.factors[:, 4].unique().tolist() == [0.0, 1.0]


def test_noise_is_normal_and_on_numbers_alone():
    x, noisy = rows(4000), disturber(noise=0.25)
    change = noisy.disturb(x, 1).x - x
    assert not change[:, 3:].any()
    assert change[:, :3].std().item() == pytest.approx(0.25, rel=0.03)
    assert abs(change[:, :3].mean().item()) < 4 * 0.25 / math.sqrt(12_000)
    assert not torch.equal(change, noisy.disturb(x, 2).x - x)


def test_noise_on_inputs_is_ridge():
    """Over all noise, E‖y − (X + sZ)w‖² = ‖y − Xw‖² + n s²‖w‖² (Bishop 1995)."""
    rng = np.random.default_rng(3)
    x, s, copies = rng.normal(size=(60, 4)), 0.7, 3000
    y = x @ np.array([1.0, -2.0, 0.5, 0.0]) + 0.1 * rng.normal(size=60)
    noisy = Disturber(Design(noise=s), Inputs.plain(4), key=11)
    many = np.concatenate([noisy.disturb(torch.from_numpy(x), step).x.numpy() for step in range(copies)])
    found = np.linalg.lstsq(many, np.tile(y, copies), rcond=None)[0]
    ridge = np.linalg.solve(x.T @ x + 60 * s * s * np.eye(4), x.T @ y)
    assert np.abs(found - ridge).max() < 5e-3
    assert np.abs(found - np.linalg.lstsq(x, y, rcond=None)[0]).max() > 0.1  # control
    assert QUANTILES.var() == pytest.approx(1.0)


def test_weights_of_classes_are_those_of_cui():
    """Cui et al. 2019, eq. 2: 1 over the effective number (1 − β^n)/(1 − β) = Σ β^i."""
    y = np.repeat([0, 1, 2], [50, 9, 1])
    x, index = np.zeros((60, 2), np.float32), np.arange(60)
    source = Source(x, y, index, index)
    made = balanced(source, 0.9)
    effective = [sum(0.9**i for i in range(n)) for n in (50, 9, 1)]
    by_class = [made[y == label][0] for label in range(3)]
    assert np.allclose(np.array(by_class) * effective, by_class[2], rtol=1e-12)
    assert made.mean() == pytest.approx(1.0)
    # β towards 1 is the inverse frequency; the paper's "no re-weighting" is β = 0.
    assert np.allclose(balanced(source, 0.999999)[[0, 50, 59]], 20 / np.array([50, 9, 1]), rtol=1e-3)
    assert balanced(source, 0.0) is None
    heavy = replace(source, weight=np.linspace(1, 2, 60))
    assert np.allclose(balanced(heavy, 0.9), made * heavy.weight / (made * heavy.weight).mean())
    numbers = Source(x, np.zeros((60, 1), np.float32), index, index)
    assert balanced(numbers, 0.9) is None


# Rates ------------------------------------------------------------------------------------------------


def test_schedules_equal_their_closed_forms():
    design = Design(lr=2.0, epochs=14, schedule="restarts")
    made = learning_rates(design, 10, 0, 140)
    ends = {0: 2.0, 10: 1.0, 20: 2.0, 40: 1.0, 60: 2.0, 100: 1.0}
    assert all(made[k] == pytest.approx(rate) for k, rate in ends.items())
    assert max(made[19], made[59], made[139]) < 0.02
    waves = learning_rates(replace(design, schedule="coslog"), 10, 0, 140)
    t = np.arange(140) / 140
    assert np.allclose(waves, 1.0 - np.cos(2 * np.pi * np.log2(1 + 15 * t)))
    assert waves[0] == 0.0
    low = [i for i in range(1, 139) if waves[i] <= min(waves[i - 1], waves[i + 1])]
    assert np.allclose(low, [140 * (2**k - 1) / 15 for k in (1, 2, 3)], atol=1)


@pytest.mark.parametrize("optimiser", ["sgd", "adam", "rmsprop"])
def test_ntk_rates_train_the_network_in_ntk_parametrisation(optimiser):
    """h = x·(θ/√n) + b with θ trained at the plain rate by torch.optim itself."""
    made = table(dtype=np.float64)
    design = Design((11, 7), activation="tanh", parametrisation="ntk", optimiser=optimiser, lr=0.02, epochs=5)
    member = Member(replace(design, batch_size=60))
    source = made.source(member)
    flat = initial_params(member.design, member.key, 5, 3)
    blocks = layout_of(design, Inputs.plain(5), 3).blocks
    theta = [torch.tensor(b.weights_of(flat) * math.sqrt(b.fan_in), requires_grad=True) for b in blocks]
    biases = [torch.tensor(b.biases_of(flat), requires_grad=True) for b in blocks]
    chosen = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop}[optimiser]
    rule = chosen([*theta, *biases], lr=0.02, **({"momentum": 0.9} if optimiser == "sgd" else {}))
    x, y = torch.tensor(source.x), torch.tensor(source.y)
    for epoch in range(5):
        order = permutations(subkeys(keys_of([member.key]), "order", epoch), len(source.train))[0]
        h = x[source.train[order]]
        for n, (weights, bias) in enumerate(zip(theta, biases, strict=True)):
            h = h @ weights / math.sqrt(len(weights)) + bias
            h = torch.tanh(h) if n < 2 else h
        rule.zero_grad()
        nn.functional.cross_entropy(h, y[source.train[order]]).backward()
        rule.step()
    params = train([member], made, dtype="float64").states[0].params
    for block, weights, bias in zip(blocks, theta, biases, strict=True):
        expected = weights.detach().numpy() / math.sqrt(block.fan_in)
        assert np.allclose(block.weights_of(params), expected, rtol=1e-9, atol=1e-11)
        assert np.allclose(block.biases_of(params), bias.detach().numpy(), rtol=1e-9, atol=1e-11)


def test_averages_are_those_of_torch():
    design = Design(averaging=True, epochs=10)
    assert [epoch for epoch in range(1, 11) if averages(design, epoch)] == [8, 9, 10]
    assert not averages(Design(), 10)
    weights = nn.Parameter(torch.zeros(6, dtype=torch.float64))
    module = nn.ParameterList([weights])
    theirs, mine = torch.optim.swa_utils.AveragedModel(module), torch.full((6,), 9.0, dtype=torch.float64)
    for epoch in (8, 9, 10):
        with torch.no_grad():
            weights.copy_(torch.from_numpy(np.random.default_rng(epoch).normal(size=6)))
        theirs.update_parameters(module)
        take_into(mine, weights.detach(), design, epoch)
    assert torch.allclose(mine, theirs.module[0], rtol=1e-12)


# Penalties --------------------------------------------------------------------------------------------


def test_max_norm_holds():
    made, member = coded_table(), recipe("max_norm", lr=0.05)
    params = train([member], made).states[0].params
    *hidden, last = layout_of(member.design, CODED, 3).blocks
    lengths = [np.linalg.norm(block.weights_of(params), axis=0) for block in hidden]
    assert all((length < 0.8 * (1 + 1e-6)).all() for length in lengths)
    assert max(length.max() for length in lengths) == pytest.approx(0.8, rel=1e-5)
    assert np.linalg.norm(last.weights_of(params), axis=0).max() > 0.8  # the output layer is free


@pytest.mark.parametrize("widths", [(), (12,)])
def test_group_lasso_takes_whole_columns_out(widths):
    made = coded_table()
    member = recipe("group_lasso", widths=widths, group_lasso=0.3 if not widths else 1.0, lr=0.02, epochs=100)
    layout = layout_of(member.design, CODED, 3)
    weights = layout.blocks[0].weights_of(train([member], made).states[0].params)
    gone = (weights == 0).all(axis=1)
    columns = np.array(layout.front.columns)
    assert 0 < gone.sum() < len(gone)
    assert all(gone[columns == column].all() == gone[columns == column].any() for column in set(columns))
    plain = recipe("group_lasso", widths=widths, group_lasso=0.0, lr=0.02, beta2=0.9)
    assert (layout.blocks[0].weights_of(train([plain], made).states[0].params) != 0).all()


def test_group_lasso_of_the_linear_model_is_the_convex_solution():
    """Full batches at a constant rate are proximal gradient descent, whose fixed point is the minimum."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(80, 6))
    y = x[:, [0, 1]] @ np.array([1.5, -1.0]) + 0.3 * x[:, 2] + 0.1 * rng.normal(size=80)
    inputs, index = Inputs((0, 0, 1, 1, 2, 2), tuple(range(6))), np.arange(80)
    data = FleetData.from_arrays(x, y, folds=[(index, index)], classes=False, inputs=inputs)
    design = Design((), group_lasso=0.4, optimiser="sgd", momentum=0.0, lr=0.1, batch_size=80, epochs=600)
    params = train([Member(design)], data, dtype="float64").states[0].params
    w, b = params[:6], params[6]
    gradient = 2 * x.T @ (x @ w + b - y) / 80  # of the mean of squares
    limit = 0.4 * math.sqrt(2)
    for group in ([0, 1], [2, 3], [4, 5]):  # the conditions of Karush, Kuhn and Tucker
        length = np.linalg.norm(w[group])
        if length:
            assert np.allclose(gradient[group], -limit * w[group] / length, atol=1e-8)
        else:
            assert np.linalg.norm(gradient[group]) <= limit
    assert [bool(np.any(w[g])) for g in ([0, 1], [2, 3], [4, 5])] == [True, False, False]


def test_subgradients_leave_no_zeros_and_proximal_steps_do():
    made = table()
    counts = {
        update: int(
            (train([recipe("subgradient", l1=0.3, l1_update=update)], made).states[0].params == 0).sum()
        )
        for update in ("proximal", "subgradient")
    }
    assert counts["subgradient"] == 0 < counts["proximal"]


# Engines ----------------------------------------------------------------------------------------------


TORCH_ONLY = ["group", "alpha", "cutmix", "cutout", "adversarial", "lookahead", "snapshots"]


@pytest.mark.parametrize("name", TORCH_ONLY)
def test_what_torch_alone_knows_is_refused_by_name_and_sent_to_torch(name):
    if not available():
        pytest.skip("the native engine is not here, which is the one that refuses")
    made, members = coded_table(), [recipe(name), recipe("max_norm")]
    (field,) = members[0].design.torch_only
    with pytest.raises(
        ArgumentError, match=f"engine = 'native' does not know {field} = .* Take engine = 'to"
    ):
        plan(members, made, engine="native")
    found = plan(members, made)
    engines = {i: pack.engine for pack in found.packs for i in pack.members}
    assert engines == {0: "torch", 1: "native"}
    assert any(f"that no other engine knows: their designs set {field}." in text for text in found.reasons)
    assert plan(members[1:], made, engine="native").engine == "native"


def test_plans_count_what_stands_before_the_layers():
    made = coded_table()
    small, large = (plan([recipe(name)], made, engine="torch").packs[0] for name in ("beta2", "periodic"))
    assert large.state_bytes > small.state_bytes
    assert not plan([recipe("beta2"), recipe("beta2", epochs=3)], made, engine="torch").packs[0].stacked


# Networks ---------------------------------------------------------------------------------------------


def test_skips_and_parametric_activations_are_those_of_modules():
    made = coded_table(dtype=np.float64)
    member = recipe("everything")
    state = train([member], made, dtype="float64").states[0]
    source = made.source(member)
    module = load(build(member.design, source.inputs, 3).double(), state.best_params).eval()
    x = torch.tensor(source.x[source.valid])
    loss = nn.functional.cross_entropy(module(x), torch.tensor(source.y[source.valid])).item()
    assert loss == pytest.approx(state.best_loss, rel=1e-10)
