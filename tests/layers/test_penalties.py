"""Penalties in a user's own loop: against closed forms, torch's own decay, and the lasso."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from profunda.errors import ArgumentError
from profunda.layers.penalties import (
    L1,
    L2,
    ElasticNet,
    GroupLasso,
    MaxNorm,
    proximal_step,
    strength_for,
    weights,
)
from profunda.theory.linear import elastic_net, lambda_max, lasso, ridge


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def network():
    return nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 2)).double()


def linear(d, c=1):
    layer = nn.Linear(d, c, bias=False).double()
    nn.init.zeros_(layer.weight)
    return layer


# What is penalised ----------------------------------------------------------------------------------


def test_weights_are_neither_biases_nor_norms():
    module = nn.Sequential(nn.Conv1d(2, 3, 2), nn.LayerNorm((3, 4)), nn.Linear(4, 2), nn.GRU(2, 3))
    assert [tuple(each.shape) for each in weights(module)] == [(3, 2, 2), (2, 4), (9, 2), (9, 3)]
    tied = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    tied[1].weight = tied[0].weight
    assert len(list(weights(tied))) == 1


def test_select_says_otherwise():
    module = network()
    assert [tuple(each.shape) for each in weights(module, lambda name, _: name.endswith("bias"))] == [
        (5,),
        (5,),
        (2,),
    ]
    penalty = L1(2.0, "subgradient", select=lambda name, _: name == "3.bias")
    assert penalty.value(module).item() == pytest.approx(2 * module[3].bias.abs().sum().item())
    assert L1(2.0, "subgradient", select=lambda name, _: False).value(module).item() == 0.0


@pytest.mark.parametrize(
    ("penalty", "expected"),
    [
        (L1(0.5), lambda w: 0.5 * sum(each.abs().sum() for each in w)),
        (L2(0.5), lambda w: 0.5 * sum(each.square().sum() for each in w)),
        (ElasticNet(0.5, 0.25), lambda w: sum(0.5 * e.abs().sum() + 0.25 * e.square().sum() for e in w)),
        (GroupLasso(0.5), lambda w: 0.5 * w[0].norm(dim=0).sum() * 5**0.5),
        (MaxNorm(3.0), lambda w: torch.zeros(())),
    ],
)
def test_measures_are_the_formulas(penalty, expected):
    module = network()
    assert penalty.measure(module).item() == pytest.approx(
        expected([module[0].weight, module[3].weight]).item()
    )


# Both halves ----------------------------------------------------------------------------------------


def test_coupled_l2_is_torch_weight_decay_of_twice_its_strength():
    """D9, D12: the gradient is 2λw, and for gradient descent coupled and decoupled decay are one."""
    ours, theirs, apart = network(), network(), network()
    theirs.load_state_dict(ours.state_dict())
    apart.load_state_dict(ours.state_dict())
    x, lam, lr = torch.randn(20, 4).double(), 0.3, 0.05
    held = [p for p in theirs.parameters() if p.dim() < 2]
    torch_decay = torch.optim.SGD(
        [
            {"params": [p for p in theirs.parameters() if p.dim() >= 2], "weight_decay": 2 * lam},
            {"params": held},
        ],
        lr=lr,
    )
    for module, penalty, optimiser in (
        (ours, L2(lam), torch.optim.SGD(ours.parameters(), lr=lr)),
        (theirs, L2(0.0), torch_decay),
        (apart, L2(lam, decoupled=True), torch.optim.SGD(apart.parameters(), lr=lr)),
    ):
        optimiser.zero_grad()
        (module(x).square().mean() + penalty.value(module)).backward()
        optimiser.step()
        penalty.step(module, lr)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-12)
    before = network()  # decoupled: the same to first order in lr², here w(1 − 2lrλ) of the stepped w
    assert not torch.equal(before[0].weight, apart[0].weight)
    assert (ours[0].weight - apart[0].weight).abs().max() < 2 * lr * lam * lr * 10


def test_decoupled_decay_is_not_coupled_decay_under_adam():
    coupled, decoupled = linear(3), linear(3)
    x, y = torch.randn(30, 3).double(), torch.randn(30, 1).double()
    for module, penalty in ((coupled, L2(0.5)), (decoupled, L2(0.5, decoupled=True))):
        nn.init.ones_(module.weight)
        optimiser = torch.optim.Adam(module.parameters(), lr=0.01)
        for _ in range(20):
            optimiser.zero_grad()
            ((module(x) - y).square().mean() + penalty.value(module)).backward()
            optimiser.step()
            penalty.step(module, 0.01)
    assert (coupled.weight - decoupled.weight).abs().max() > 0.01


def test_the_subgradient_is_the_sign_and_the_proximal_map_a_threshold():
    """D10: w − lr(g + λ sgn w); and S(w, lr λ)."""
    module = linear(4)
    module.weight.data[:] = torch.tensor([[0.5, -0.02, 0.0, -2.0]]).double()
    module.weight.data[0, 1] = -0.02
    L1(0.4, "subgradient").value(module).backward()
    assert module.weight.grad.tolist() == [[0.4, -0.4, 0.0, -0.4]]
    assert L1(0.4).value(module).item() == 0.0
    L1(0.4, "subgradient").step(module, 0.1)
    assert module.weight.tolist() == [[0.5, -0.02, 0.0, -2.0]]
    L1(0.4).step(module, 0.1)
    assert module.weight.tolist()[0] == pytest.approx([0.46, 0.0, 0.0, -1.96])


def test_max_norm_shortens_what_is_too_long():
    module = nn.Sequential(nn.Linear(2, 2), nn.Conv1d(2, 2, 3))
    module[0].weight.data[:] = torch.tensor([[3.0, 4.0], [0.3, 0.4]])
    MaxNorm(1.0).step(module, 0.1)
    assert module[0].weight.flatten().tolist() == pytest.approx([0.6, 0.8, 0.3, 0.4])
    assert module[1].weight.flatten(1).norm(dim=1).max() <= 1.0 + 1e-6
    assert MaxNorm(1.0).value(module).item() == 0.0


# The linear case ------------------------------------------------------------------------------------


def design(seed=0):
    """200 rows of 20 correlated inputs, of which 4 matter; beside MSE + 0.4‖w‖₁ the lasso has 16 zeros."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(200, 20)) @ (np.eye(20) + 0.25 * rng.normal(size=(20, 20)) / 2)
    truth = np.zeros(20)
    truth[[2, 7, 11, 16]] = [3.0, -2.0, 2.5, -3.0]
    return mixed, mixed @ truth + rng.normal(size=200)


def trained(x, y, penalty, *, optimiser="gd", batch=200, epochs=1, falling=False):
    """A linear model after training in the loop of the module's docstring."""
    module, rng = linear(x.shape[1]), np.random.default_rng(1)
    x, y = torch.from_numpy(x), torch.from_numpy(y)[:, None]
    highest = 0.5 * len(x) / torch.linalg.matrix_norm(x, 2).item() ** 2
    start = highest if batch == len(x) else 0.1 * highest
    kind = (
        torch.optim.Adam(module.parameters(), 0.01)
        if optimiser == "adam"
        else torch.optim.SGD(module.parameters(), start)
    )
    for epoch in range(epochs):
        order = rng.permutation(len(x))
        if falling:
            kind.param_groups[0]["lr"] = start / (1 + epoch)
        for rows in np.split(order, len(x) // batch):
            kind.zero_grad()
            ((module(x[rows]) - y[rows]).square().mean() + penalty.value(module)).backward()
            kind.step()
            penalty.step(module, kind.param_groups[0]["lr"])
    return module


def zeros(module):
    return int((module.weight == 0).sum())


def test_only_the_proximal_map_finds_the_sixteen_zeros():
    """The table of §3k and E29, with 16 true zeros: exact zeros after training by each way."""
    x, y = design()
    exact = lasso(x, y, 0.4, "mse").weights
    assert np.count_nonzero(exact == 0) == 16
    full = trained(x, y, L1(0.4), epochs=600)
    assert zeros(full) == 16
    assert np.abs(full.weight.detach().numpy()[0] - exact).max() < 1e-10
    assert ((full.weight.detach().numpy()[0] == 0) == (exact == 0)).all()
    by_sign = trained(x, y, L1(0.4, "subgradient"), epochs=600)
    adam = trained(x, y, L1(0.4, "subgradient"), optimiser="adam", epochs=600)
    assert zeros(by_sign) == zeros(adam) == 0
    assert (adam.weight.abs() < 0.05).sum() == 16  # near, never at


def test_mini_batches_put_weights_back_until_a_last_step_on_all_rows():
    x, y = design()
    exact = lasso(x, y, 0.4, "mse").weights
    fixed = trained(x, y, L1(0.4), batch=10, epochs=40)
    falling = trained(x, y, L1(0.4), batch=10, epochs=40, falling=True)
    assert zeros(fixed) <= 6
    assert zeros(falling) <= 6  # a falling rate alone is not enough
    rows, target = torch.from_numpy(x), torch.from_numpy(y)[:, None]
    rate = 0.5 * len(x) / np.linalg.norm(x, 2) ** 2
    found = []
    for _ in range(30):
        proximal_step(falling, lambda: (falling(rows) - target).square().mean(), L1(0.4), rate)
        found.append(zeros(falling))
    assert found[0] >= 8  # one step on all rows finds most of them, twenty find all
    assert found[19] == found[-1] == 16
    assert ((falling.weight.detach().numpy()[0] == 0) == (exact == 0)).all()


def test_proximal_steps_reach_ridge_and_elastic_net():
    x, y = design(3)
    rows, target = torch.from_numpy(x), torch.from_numpy(y)[:, None]
    rate = 0.4 * len(x) / np.linalg.norm(x, 2) ** 2
    for penalty, exact in (
        (L2(0.2), ridge(x, y, 0.2, "mse")),
        (ElasticNet(0.3, 0.2), elastic_net(x, y, 0.3, 0.2, "mse").weights),
    ):
        module = linear(20)
        for _ in range(800):
            proximal_step(module, lambda m=module: (m(rows) - target).square().mean(), penalty, rate)
        assert module.weight.detach().numpy()[0] == pytest.approx(exact, abs=1e-10)


def test_a_strength_means_the_same_on_every_scale():
    x, y = design(1)
    highest = lambda_max(x, y, "mse")
    for scale in ("half_rss", "rss", "sklearn"):
        moved = L1(0.5 * highest).beside(scale, len(x))
        assert moved.loss_scale == scale
        assert moved.strength == strength_for(0.5 * highest, "mse", scale, len(x))
        assert lasso(x, y, moved.strength, scale).weights == pytest.approx(
            lasso(x, y, 0.5 * highest, "mse").weights, abs=1e-10
        )
        back = ElasticNet(0.1, 0.2).beside(scale, 200).beside("mse", 200)
        assert (back.l1, back.l2) == pytest.approx((0.1, 0.2))
        assert L2(0.3, decoupled=True).beside(scale, 200).decoupled
        assert GroupLasso(0.3, [[1, 2]]).beside(scale, 200).groups == [[1, 2]]


# Groups of inputs -----------------------------------------------------------------------------------


def test_group_lasso_takes_whole_inputs_out():
    x, y = design(2)
    both = np.stack([y, -0.5 * y], 1)
    rows, targets = torch.from_numpy(x), torch.from_numpy(both)
    module = nn.Sequential(linear(20, 2))
    penalty, rate = GroupLasso(0.5), 0.5 * len(x) / np.linalg.norm(x, 2) ** 2
    for _ in range(400):
        proximal_step(module, lambda: (module(rows) - targets).square().sum(1).mean(), penalty, rate)
    kept = penalty.kept(module)
    assert [place for place, keeps in enumerate(kept) if keeps] == [2, 7, 11, 16]
    # The optimum's own condition (Yuan and Lin 2006, eq. 2.2): −∇ = λ√n W_g/‖W_g‖, or ‖∇‖ ≤ λ√n at 0.
    gradient = torch.autograd.grad((module(rows) - targets).square().sum(1).mean(), module[0].weight)[0]
    for column in range(20):
        block, slope = module[0].weight[:, column], gradient[:, column]
        if kept[column]:
            assert torch.allclose(-slope, 0.5 * 2**0.5 * block / block.norm(), atol=1e-8)
        else:
            assert slope.norm() <= 0.5 * 2**0.5 + 1e-12


def test_groups_of_several_columns_leave_together():
    module = linear(5, 3)
    module.weight.data[:] = 0.09
    module.weight.data[:, 4] = 5.0
    penalty = GroupLasso(1.0, [[0, 1], [4]])
    penalty.step(module, 0.1)
    assert penalty.kept(module) == [False, True]
    assert (module.weight[:, 2:4] == 0.09).all()  # in no group
    assert module.weight[:, 4].norm().item() == pytest.approx(5 * 3**0.5 - 0.1 * 3**0.5)
    assert penalty.value(module).item() == 0.0
    GroupLasso(1.0, [[0, 1]]).step(module, 0.1)  # zeros stay
    assert not module.weight[:, :2].any()
    assert GroupLasso(1.0, []).measure(module).item() == 0.0


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: L1(-1.0), "A strength of -1.0 penalises nothing"),
        (lambda: L2(math.nan), "A strength of nan penalises nothing"),
        (lambda: ElasticNet(1.0, math.inf), "A strength of inf penalises nothing"),
        (lambda: L1(1.0, "soft"), "update = 'soft' is unknown"),
        (lambda: MaxNorm(0.0), "limit = 0.0 leaves no weights"),
        (lambda: GroupLasso(1.0, [[0, 1], [1]]), "overlap, or one is empty"),
        (lambda: GroupLasso(1.0, [[]]), "overlap, or one is empty"),
        (lambda: GroupLasso(1.0, [[3]]).measure(linear(3)), "A group names input 3, but .* has 3 inputs"),
        (lambda: GroupLasso(1.0).measure(nn.Conv1d(1, 1, 1)), "The module has no linear layer"),
    ],
)
def test_what_cannot_be_meant_is_refused(call, text):
    with pytest.raises(ArgumentError, match=text):
        call()
