"""Jacobians, their rank and the reasons of a low one, constants that follow, and training to zero loss."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from tests.oracles import theory_tangents as oracle
from torch import nn

from profunda.errors import ArgumentError, DataError
from profunda.theory.certificates import certificate
from profunda.theory.cosines import gradient_cosines
from profunda.theory.jacobians import jacobian, jacobian_rank, numerical_rank
from profunda.theory.losses import cross_entropy
from profunda.theory.parameter_maps import parameter_map


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def rows(n, d=5, seed=1):
    return torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def net(*widths, d=5, outputs=1, activation=nn.Tanh, seed=0):
    torch.manual_seed(seed)  # inside the fork of the fixture
    parts, last = [], d
    for width in widths:
        parts += [nn.Linear(last, width), activation()]
        last = width
    return nn.Sequential(*parts, nn.Linear(last, outputs)).double()


def reasons(found):
    return [each.reason for each in found.deficits]


# The map and its derivatives ------------------------------------------------------------------------


@pytest.mark.parametrize("outputs", [1, 3])
def test_jacobians_are_differences(outputs):
    module, x = net(6, 4, outputs=outputs), rows(7)
    found = jacobian(module, x)
    assert found.shape == (7 * outputs, parameter_map(module, x).size)
    assert torch.allclose(found, oracle.differences(module, x), rtol=1e-6, atol=1e-9)
    assert torch.allclose(found, oracle.jacobian(module, x), rtol=1e-12, atol=1e-13)


def test_differences_tell_a_wrong_jacobian():
    module, x = net(6), rows(7)
    assert not torch.allclose(jacobian(module, x * 1.01), oracle.differences(module, x), rtol=1e-3)


def test_products_are_those_of_the_matrix():
    module, x = net(6, 4, outputs=3), rows(7)
    model, whole = parameter_map(module, x), jacobian(module, x)
    v, u = torch.randn(model.size, dtype=torch.float64), torch.randn(7, 3, dtype=torch.float64)
    assert torch.allclose(model.jvp(v).reshape(-1), whole @ v)
    assert torch.allclose(model.vjp(u), whole.T @ u.reshape(-1))
    assert torch.allclose(model.jvp(v, slice(2, 5)).reshape(-1), whole[6:15] @ v)
    assert torch.allclose(model.vjp(u[2:5], slice(2, 5)), whole[6:15].T @ u[2:5].reshape(-1))
    assert torch.equal(model(model.theta), module(x))
    with pytest.raises(ArgumentError, match=r"shape \(3,\) was given, but P = "):
        model.jvp(v[:3])


@pytest.mark.parametrize("loss", ["squares", "classes"])
def test_the_chain_rule_goes_through_predictions_where_losses_are_convex(loss):
    module, x = net(6, outputs=3), rows(7)
    y = rows(7, 3) if loss == "squares" else torch.arange(7) % 3
    measure = nn.functional.mse_loss if loss == "squares" else nn.functional.cross_entropy
    z = module(x).detach().requires_grad_()
    pull = torch.autograd.grad(measure(z, y), z)[0]
    through = parameter_map(module, x).vjp(pull)
    straight = torch.autograd.grad(measure(module(x), y), list(module.parameters()))
    assert torch.allclose(through, torch.cat([g.reshape(-1) for g in straight]), rtol=1e-10, atol=1e-12)
    curve = torch.autograd.functional.hessian(
        lambda flat: measure(flat.reshape(7, 3), y), z.detach().reshape(-1)
    )
    assert float(torch.linalg.eigvalsh(curve)[0]) > -1e-12


def test_the_linearisation_is_off_by_second_order():
    module, x = net(16, 16), rows(9)
    model = parameter_map(module, x)
    theta, d = model.theta, torch.randn(model.size, dtype=torch.float64)
    start, slope = model(theta), model.jvp(d)
    misses = [float((model(theta + h * d) - start - h * slope).norm()) for h in (1e-2, 1e-3)]
    assert math.log10(misses[0] / misses[1]) == pytest.approx(2.0, abs=0.02)


def test_polar_coordinates_have_determinant_r():
    class Polar(nn.Module):
        def __init__(self):
            super().__init__()
            self.at = nn.Parameter(torch.tensor([1.7, 0.6], dtype=torch.float64))

        def forward(self, x):
            r, angle = self.at
            return torch.stack([r * angle.cos(), r * angle.sin()]).repeat(len(x), 1)

    found = jacobian(Polar(), torch.zeros(1, 1, dtype=torch.float64))
    assert float(torch.linalg.det(found)) == pytest.approx(1.7, abs=1e-15)


def test_newton_inverts_the_map_where_the_jacobian_is_regular():
    module, x = net(8), rows(6)
    model = parameter_map(module, x)
    theta, goal = model.theta, module(x).detach() + 1e-2 * rows(6, 1, seed=5)
    for _ in range(6):  # steps in the row space of J: a square system
        j = torch.autograd.functional.jacobian(model, theta).reshape(6, -1)
        theta = theta + torch.linalg.pinv(j) @ (goal - model(theta)).reshape(-1)
    assert float((model(theta) - goal).abs().max()) < 1e-13


def test_full_rank_reaches_every_direction():
    j = jacobian(net(64, 64), rows(30))
    for seed in range(3):
        d = rows(30, 1, seed)
        step = torch.linalg.pinv(j) @ d
        assert float((j @ step - d).norm()) < 1e-8 * float(d.norm())


def test_the_worked_matrix_has_rank_two():
    matrix = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    sigma = torch.linalg.svdvals(torch.tensor(matrix, dtype=torch.float64))
    assert numerical_rank(sigma, (3, 3))[0] == 2
    assert sigma[:2].tolist() == pytest.approx([16.848, 1.068], abs=5e-4)
    assert float(sigma[2]) < 1e-14
    first, second, third = ([Fraction(int(v)) for v in row] for row in matrix)
    assert [-a + 2 * b for a, b in zip(first, second, strict=True)] == third
    assert numerical_rank(torch.zeros(0, dtype=torch.float64), (0, 3)) == (0, 0.0)


# Rank -----------------------------------------------------------------------------------------------

TABLE = [  # widths, outputs, rows, P
    ((3,), 1, 50, 22),
    ((8,), 1, 50, 57),
    ((16,), 1, 50, 113),
    ((32, 32), 1, 50, 1281),
    ((64, 64), 1, 50, 4609),
    ((128, 128, 128), 1, 50, 33921),
    ((32, 32), 3, 30, 1347),
    ((2, 2), 1, 20, 21),
]


@pytest.mark.parametrize(("widths", "outputs", "n", "size"), TABLE)
@pytest.mark.parametrize("seed", [0, 1])
def test_tanh_networks_have_all_the_rank_there_is(widths, outputs, n, size, seed):
    found = jacobian_rank(net(*widths, outputs=outputs, seed=seed), rows(n, seed=seed))
    assert (found.n_parameters, found.n_rows) == (size, n * outputs)
    assert found.rank == min(size, n * outputs)
    assert found.full == (size >= n * outputs)
    assert found.null_space == size - found.rank
    assert reasons(found) == ([] if found.full else ["few parameters"])
    ratio = float(found.singular_values[-1]) / found.largest
    low, high = (1e-8, 1e-4) if widths == (2, 2) else (1e-5, 1e-2)  # a bottleneck nearly loses directions
    assert low < ratio < high


@pytest.mark.parametrize(("widths", "outputs", "n", "size"), TABLE)
@pytest.mark.parametrize("seed", [0, 1])
def test_relu_networks_lose_rank_and_say_why(widths, outputs, n, size, seed):
    module = net(*widths, outputs=outputs, activation=nn.ReLU, seed=seed)
    found = jacobian_rank(module, rows(n, seed=seed))
    assert found.rank <= min(n * outputs, size - sum(widths))
    if found.rank < n * outputs:
        assert found.rank == min(each.at_most for each in found.deficits)
    if size - sum(widths) < n * outputs:
        assert "rescaling" in reasons(found)
        text = next(each.text for each in found.deficits if each.reason == "rescaling")
        assert "hidden units can be scaled up" in text


def test_relu_ranks_of_the_table():
    assert jacobian_rank(net(3, activation=nn.ReLU), rows(50)).rank == 19  # 22 − 3
    assert jacobian_rank(net(8, activation=nn.ReLU), rows(50)).rank == 49  # 57 − 8, below 50
    assert jacobian_rank(net(8, d=4, activation=nn.ReLU), rows(200, 4)).rank == 41  # 49 − 8
    found = jacobian_rank(net(5, 5, 5, d=3, activation=nn.ReLU), rows(200, 3))
    assert found.n_parameters == 86
    assert found.rank < 71  # 86 − 15, and dead units
    assert {"dead units", "rescaling"} <= set(reasons(found))
    assert found.rank == min(each.at_most for each in found.deficits)


def test_leaky_relu_rescales_too_and_tanh_does_not():
    assert jacobian_rank(net(3, activation=nn.LeakyReLU), rows(50)).rank == 19
    assert jacobian_rank(net(3, activation=nn.Tanh), rows(50)).rank == 22


def test_dead_units_are_named():
    module = net(2, 2, activation=nn.ReLU)
    with torch.no_grad():
        module[2].bias.fill_(-100.0)
    found = jacobian_rank(module, rows(20))
    assert found.rank == 1
    dead = next(each for each in found.deficits if each.reason == "dead units")
    assert dead.at_most == 1
    assert "20 of 21 parameters have no effect" in dead.text
    assert "2 of 4 hidden units are flat" in dead.text
    assert "indistinct rows" in reasons(found)


def test_duplicated_rows_are_named():
    x = rows(10)
    found = jacobian_rank(net(64, 64), torch.cat([x, x]))
    assert (found.rank, found.n_rows) == (10, 20)
    assert found.deficits[0].reason == "duplicated rows"
    assert found.deficits[0].at_most == 10
    assert "10 of 20 rows repeat others" in found.deficits[0].text
    assert found.pl_constant == found.smallest == 0.0


def test_a_million_parameters_are_no_reason_to_stall():
    x = rows(4)
    found = jacobian_rank(net(1000, 1000, activation=nn.ReLU), torch.cat([x, x[:1]]))
    assert (found.rank, found.n_parameters) == (4, 1_008_001)
    assert reasons(found) == ["duplicated rows"]


def test_rows_without_a_gradient_are_no_direction():
    module = nn.Sequential(nn.Linear(5, 8, bias=False), nn.ReLU(), nn.Linear(8, 1, bias=False)).double()
    x = rows(6)
    x[4:] = torch.tensor([[0.0], [-0.0]])  # a sign of 0 tells no rows apart
    found = jacobian_rank(module, x)
    bounds = {each.reason: each.at_most for each in found.deficits}
    assert (found.rank, bounds) == (4, {"duplicated rows": 5, "indistinct rows": 4})


def test_modules_in_training_are_judged_as_in_evaluation():
    norm = nn.BatchNorm1d(3)
    nn.init.zeros_(norm.weight)  # what comes before it has no effect, so units are looked at
    module = nn.Sequential(nn.Linear(5, 3), norm, nn.RReLU(), nn.Linear(3, 1)).double()
    state = torch.random.get_rng_state()
    told = [jacobian_rank(module.train(training), rows(40)).deficits for training in (True, False)]
    assert told[0] == told[1]
    assert "dead units" in [each.reason for each in told[0]]
    assert torch.equal(state, torch.random.get_rng_state())  # a random ReLU draws in training


def test_zero_weights_leave_one_direction_and_a_spurious_critical_point():
    module, x = net(64, 64), rows(30)
    y = rows(30, 1, seed=2)
    with torch.no_grad():
        for each in module.parameters():
            each.zero_()
        module[-1].bias.fill_(float(y.mean()))
    found = jacobian_rank(module, x)
    assert found.rank == 1
    assert "zero weights" in reasons(found)
    assert "all weights of '0', '2', '4' are 0" in found.deficits[-1].text or any(
        "all weights of '0', '2', '4' are 0" in each.text for each in found.deficits
    )
    pull = parameter_map(module, x).vjp(2.0 / 30 * (module(x) - y).detach())
    assert float(pull.norm()) < 1e-14  # critical
    loss = float((module(x) - y).square().mean().detach())
    assert loss == pytest.approx(float(y.var(correction=0)))
    assert loss > 0.5  # and no minimum


def test_a_rank_without_known_reason_is_called_so():
    found = jacobian_rank(net(4, 4, activation=nn.Identity), rows(50))
    assert found.rank == 6  # a product of matrices is a linear function of 5 inputs and 1
    assert reasons(found)[-1] == "unexplained"
    assert "below what is known" in found.deficits[-1].text


def test_float32_modules_are_ranked_in_float64():
    module, x = net(64, 64), rows(30)
    found = jacobian_rank(module.float(), x.float())
    assert found.singular_values.dtype == torch.float64
    assert found.rank == 30
    assert next(module.parameters()).dtype == torch.float32


# What follows from it -------------------------------------------------------------------------------


def test_the_pl_inequality_holds():
    module, x = net(64, 64), rows(30)
    found, model = jacobian_rank(module, x), parameter_map(module, x)
    for seed in range(5):
        r = rows(30, 1, seed)
        ratio = float(model.vjp(r).square().sum() / r.square().sum())
        assert found.pl_constant <= ratio <= found.largest**2
    assert found.pl_constant == pytest.approx(found.smallest**2)


def test_the_certificate_is_smallest_over_lipschitz():
    class Square(nn.Module):  # z_n = x_n θ²/2: J = x θ changes by |x| for each unit of θ
        def __init__(self):
            super().__init__()
            self.theta = nn.Parameter(torch.tensor([3.0], dtype=torch.float64))

        def forward(self, x):
            return x * self.theta.square() / 2

    found = certificate(Square(), torch.tensor([[2.0]], dtype=torch.float64))
    assert (found.smallest, found.lipschitz, found.radius) == pytest.approx((6.0, 2.0, 3.0))
    assert certificate(nn.Linear(5, 1).double(), rows(3)).radius == float("inf")
    x = rows(10)
    assert certificate(net(3), torch.cat([x, x])).radius == 0.0
    with pytest.raises(ArgumentError, match="starts = 0"):
        certificate(net(3), x, starts=0)


def test_the_jacobian_changes_by_no_more_than_estimated_nearby():
    module, x = net(16, 16), rows(10)
    found, model = certificate(module, x), parameter_map(module, x)
    theta, start = model.theta, jacobian(module, x)
    for seed in range(5):
        d = torch.randn(model.size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        step = 1e-4 * d / d.norm()
        nn.utils.vector_to_parameters(theta + step, module.parameters())
        change = float(torch.linalg.matrix_norm(jacobian(module, x) - start, 2)) / 1e-4
        assert 0.0 < change <= found.lipschitz * 1.001
    assert found.full
    assert found.radius == pytest.approx(found.smallest / found.lipschitz)


def trained(module, x, y, steps=2000):
    made = torch.optim.LBFGS(
        module.parameters(), max_iter=steps, max_eval=2 * steps, history_size=50,
        tolerance_grad=1e-14, tolerance_change=1e-18, line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure():
        made.zero_grad()
        loss = (module(x) - y).square().mean()
        loss.backward()
        return loss

    made.step(closure)
    return float((module(x) - y).square().mean().detach())


@pytest.mark.slow
def test_wide_networks_fit_random_labels_at_many_places_and_narrow_ones_do_not():
    x, y = rows(30), rows(30, 1, seed=9)
    narrow = [trained(net(2, seed=seed), x, y) for seed in range(5)]
    few = [trained(net(3, seed=seed), x, y) for seed in range(5)]
    assert min(narrow) > 0.2
    assert max(narrow) < 0.8
    assert min(few) > 0.01
    assert max(few) < 0.6
    ends = []
    for seed in range(5):
        module = net(64, 64, seed=seed)
        assert trained(module, x, y) < 1e-12
        found = jacobian_rank(module, x)
        assert found.full
        assert found.null_space == 4579
        ends.append(nn.utils.parameters_to_vector(module.parameters()).detach())
    apart = torch.pdist(torch.stack(ends))
    assert 12.0 < float(apart.min()) < float(apart.max()) < 14.5  # not one minimum


# Cosines --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["chain", "rows"])
@pytest.mark.parametrize("loss", ["squares", "classes"])
def test_cosines_are_those_of_single_gradients(kind, loss):
    module, x = net(6, outputs=3), rows(7)
    if kind == "rows":
        module = nn.Sequential(module, nn.PReLU(3, dtype=torch.float64))
    y = rows(7, 3) if loss == "squares" else torch.arange(7) % 3
    measure = nn.functional.mse_loss if loss == "squares" else nn.functional.cross_entropy
    found = gradient_cosines(module, x, y, **({} if loss == "squares" else {"loss": cross_entropy}))
    each = []
    for n in range(7):
        grads = torch.autograd.grad(measure(module(x[n : n + 1]), y[n : n + 1]), list(module.parameters()))
        each.append(torch.cat([g.reshape(-1) for g in grads]))
    unit = torch.stack([g / g.norm() for g in each])
    right = unit @ unit.T
    assert torch.allclose(found.matrix, right, atol=1e-12)
    off = right[tuple(torch.triu_indices(7, 7, 1))]
    assert found.mean == pytest.approx(float(off.mean()))
    assert found.mean_absolute == pytest.approx(float(off.abs().mean()))
    assert found.conflicting == pytest.approx(float((off < 0).double().mean()))
    assert torch.allclose(
        found.norms * (1.0 if loss == "classes" else 2.0 / 3.0), torch.stack(each).norm(dim=1)
    )


def test_wider_networks_have_rows_that_compete_less():
    x, y = rows(40, 20), rows(40, 1, seed=3)
    small, large = (gradient_cosines(net(w, d=20), x, y).mean_absolute for w in (2, 512))
    assert large < small


def test_rows_without_gradient_are_left_out_and_all_of_them_are_told():
    module, x = net(4), rows(3)
    y = module(x).detach().clone()
    y[1] += 1.0
    found = gradient_cosines(module, x, y)
    assert found.rows.tolist() == [1]
    assert math.isnan(found.mean) and math.isnan(found.conflicting)  # noqa: PT018
    with pytest.raises(DataError, match="All rows have gradient 0"):
        gradient_cosines(module, x, module(x).detach())


# Wrong use ------------------------------------------------------------------------------------------


def test_wrong_use_is_told():
    module, x = net(64, 64), rows(30)
    with pytest.raises(ArgumentError, match=r"dense Jacobian needs .* MiB here, .* MiB are allowed"):
        jacobian(module, x, memory=1000)
    with pytest.raises(ArgumentError, match=r"rank of a Jacobian of 30 by 4609 needs"):
        jacobian_rank(module, x, memory=1000)
    with pytest.raises(DataError, match="1 of the 30 rows of x hold NaN"):
        jacobian_rank(module, torch.where(torch.arange(30)[:, None] == 4, torch.inf, x))
    with pytest.raises(ArgumentError, match=r"torch\.float16"):
        jacobian_rank(net(3).half(), x.half())
    with pytest.raises(DataError, match="y holds NaN"):
        gradient_cosines(module, x, x[:, :1] / 0.0)
    with pytest.raises(ArgumentError, match=r"predictions \(30, 1\) and targets \(30, 5\)"):
        gradient_cosines(module, x, x)
    with pytest.raises(ArgumentError, match=r"gives shape \(\), not one number for each of 30 rows"):
        gradient_cosines(module, x, x[:, :1], nn.functional.mse_loss)
    with pytest.raises(
        ArgumentError, match=r"Targets of shape \(5, 30\) do not belong to predictions \(30, 5"
    ):
        gradient_cosines(net(3, outputs=5), x, x.T)
    with pytest.raises(DataError, match=r"inner products are not finite: .* too large for torch\.float32"):
        gradient_cosines(net(64, 64).float(), x.float(), torch.full((30, 1), 1e25))
    with pytest.raises(ArgumentError, match="y is on meta"):
        gradient_cosines(module, x, torch.empty(30, 1, device="meta"))
