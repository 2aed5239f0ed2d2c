"""Networks whose tasks share layers, and heads as far as their penalty says."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fleet.cases import same, train
from tests.oracles.task_heads import outputs as naive_outputs
from tests.oracles.task_heads import step as naive_step

from profunda.data.inputs import Inputs
from profunda.errors import DataError, ModelError, SpaceError
from profunda.fleet.forward import outputs
from profunda.fleet.member import Member
from profunda.fleet.native_engine import available
from profunda.fleet.plan import plan
from profunda.fleet.source import FleetData
from profunda.fleet.state import first_state
from profunda.fleet.updates import Updater
from profunda.networks.dense import build, flatten, load
from profunda.networks.folding import folded
from profunda.networks.initial import initial_params
from profunda.networks.layout import layout_of
from profunda.space.design import Design

HEADS = Design((6,), activation="tanh", sharing="heads", head_l2=0.3, lr=0.05, batch_size=512, epochs=3)


def inputs_of(n_tasks: int, numbers: int = 3) -> Inputs:
    return Inputs(tuple(range(numbers + 1)), tuple(range(numbers)), task=(numbers, n_tasks))


def table(n_tasks=4, rows=60, seed=0, unseen=0.1, dtype=np.float64, outputs=1, classes=False):
    """Numbers that follow a line of each task's own, and some rows of a task that nobody knows."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 4))
    task = np.where(rng.random(rows) < unseen, n_tasks, rng.integers(0, n_tasks, rows))
    x[:, 3] = task
    slopes = np.vstack([rng.normal(size=(n_tasks, 3)), np.zeros(3)])
    y = (x[:, :3] * slopes[task]).sum(1, keepdims=True) + 0.1 * rng.normal(size=(rows, outputs))
    index = np.arange(rows)
    folds = [(index[index % 4 != k], index[index % 4 == k]) for k in range(2)]
    target = (y[:, 0] > 0).astype(int) if classes else y.astype(dtype)
    return FleetData.from_arrays(
        x.astype(dtype), target, folds=folds, classes=classes, inputs=inputs_of(n_tasks)
    )


def trained(designs, data, dtype="float64", **more):
    members = [Member(design, fold) for design in designs for fold in range(2)]
    return members, train(members, data, engine="torch", dtype=dtype, **more).states


@settings(max_examples=30, deadline=None)
@given(
    n_tasks=st.integers(1, 6),
    widths=st.sampled_from([(), (3,), (5, 4)]),
    n_outputs=st.integers(1, 3),
    seed=st.integers(0, 2**20),
    place=st.integers(0, 3),
)
def test_outputs_are_those_of_a_loop_over_rows_and_tasks(n_tasks, widths, n_outputs, seed, place) -> None:
    rng = np.random.default_rng(seed)
    design = replace(HEADS, widths=widths)
    numbers = tuple(n for n in range(4) if n != place)
    inputs = Inputs((0, 1, 2, 3), numbers, task=(place, n_tasks))
    x = rng.normal(size=(7, 4))
    x[:, place] = tasks = rng.integers(0, n_tasks + 1, 7)
    params = rng.normal(size=layout_of(design, inputs, n_outputs).size)
    wanted = naive_outputs(params, x[:, list(numbers)], tasks, widths, n_outputs, n_tasks)
    assert np.allclose(outputs(design, params, x, inputs), wanted, atol=1e-10)
    others = params.copy()
    others[-1] += 1.0  # the last task's own intercept: nobody else's outputs know it
    moved = np.abs(outputs(design, others, x, inputs) - wanted).max(axis=1) > 0.5
    assert np.array_equal(moved, tasks == n_tasks - 1)
    module = load(build(design, inputs, n_outputs).double(), params)
    assert np.array_equal(flatten(module), params)
    with torch.no_grad():
        assert np.allclose(module(torch.tensor(x)).numpy(), wanted, atol=1e-10)


@pytest.mark.parametrize("head_l2", [0.3, 1e6])
@pytest.mark.parametrize("decoupled", [True, False])
def test_a_step_is_that_of_proximal_descent_task_by_task(decoupled, head_l2) -> None:
    data = table()
    design = replace(HEADS, optimiser="sgd", momentum=0.0, epochs=2, decoupled=decoupled, head_l2=head_l2)
    member = Member(design)
    source = data.source(member)
    first = first_state(member, data, np.dtype(np.float64)).params
    x, y = source.x[source.train], source.y[source.train][:, 0]

    def naive(strength):
        params = first
        for _ in range(2):
            params = naive_step(params, x[:, :3], x[:, 3], y, 6, 4, design.lr, strength)
        return params

    found = train([member], data, engine="torch", dtype="float64").states[0].params
    assert np.allclose(found, naive(head_l2), rtol=1e-10, atol=1e-12)
    assert not np.allclose(found, naive(0.0), atol=1e-6)


@pytest.mark.parametrize("decoupled", [True, False])
@pytest.mark.parametrize("optimiser", ["sgd", "adam", "rmsprop"])
@pytest.mark.parametrize("head_l2", [1e3, 1e6])
@pytest.mark.parametrize("parametrisation", ["standard", "ntk"])
def test_a_penalty_towards_infinity_pools(optimiser, decoupled, head_l2, parametrisation) -> None:
    data = table(n_tasks=3, unseen=0.0)
    design = replace(
        HEADS, optimiser=optimiser, decoupled=decoupled, head_l2=head_l2, parametrisation=parametrisation,
        epochs=20, batch_size=16, bias_lr=0.5,
    )  # fmt: skip
    params = train([Member(design)], data, engine="torch", dtype="float64").states[0].params
    left = np.abs(layout_of(design, inputs_of(3), 1).heads_of(params)).max()
    # A step to (u + rate·d)/(1 + rate·head_l2) keeps all u within max |d|/head_l2.
    assert 0 < left < 20 / head_l2
    x = np.ones((4, 4))
    x[:, 3] = np.arange(4)  # the last task is nobody's
    assert np.ptp(outputs(design, params, x, inputs_of(3))) < 100 / head_l2


@pytest.mark.parametrize("bias_lr", [1.0, 0.3])
@pytest.mark.parametrize("parametrisation", ["standard", "ntk"])
@pytest.mark.parametrize("optimiser", ["sgd", "adam", "rmsprop"])
def test_a_penalty_shrinks_by_the_rate_of_each_parameter(optimiser, parametrisation, bias_lr) -> None:
    """Without a gradient, a step of rate η·f multiplies by 1/(1 + ηfλ), which is 1 − ηfλ to first order."""
    design = replace(
        HEADS, optimiser=optimiser, parametrisation=parametrisation, bias_lr=bias_lr, head_l2=0.2
    )
    layout = layout_of(design, inputs_of(4), 2)
    vector = torch.ones(layout.size, dtype=torch.float64)
    moments = [torch.zeros_like(vector) for _ in range(2)]
    Updater(design, layout, vector, moments).step(torch.zeros_like(vector), 0.01, 1)
    pace = 1.0 if parametrisation == "standard" else 1 / 6 if optimiser == "sgd" else 1 / np.sqrt(6)
    heads = layout.heads_of(vector).numpy()
    assert np.allclose(heads[:, :-1], 1 / (1 + 0.01 * pace * 0.2), rtol=1e-12)
    assert np.allclose(heads[:, -1], 1 / (1 + 0.01 * bias_lr * 0.2), rtol=1e-12)
    assert np.allclose(heads[:, :-1], 1 - 0.01 * pace * 0.2, atol=1e-5)
    assert np.array_equal(vector[: layout.heads].numpy(), np.ones(layout.heads))


def test_group_lasso_takes_a_column_from_all_who_read_it() -> None:
    """Proximal descent of the linear model ends at the minimum of the penalised convex loss."""
    rng = np.random.default_rng(3)
    x, task = rng.normal(size=(120, 4)), np.arange(120) % 3
    x[:, 3] = task
    y = x[:, 0] * np.array([1.0, 1.5, -1.0])[task] + 0.05 * rng.normal(size=120)
    index = np.arange(120)
    data = FleetData.from_arrays(x, y, folds=[(index, index)], classes=False, inputs=inputs_of(3))
    design = replace(
        HEADS, widths=(), head_l2=0.0, group_lasso=0.4, optimiser="sgd", momentum=0.0, lr=0.1, epochs=1500
    )
    params = train([Member(design)], data, engine="torch", dtype="float64").states[0].params
    layout = layout_of(design, inputs_of(3), 1)
    groups = np.hstack(
        [layout.blocks[0].weights_of(params), layout.heads_of(params)[:, :-1, 0].T]
    )  # [D, 1 + T]
    assert groups.any(axis=1).tolist() == [True, False, False]
    assert groups[0].all()
    error = outputs(design, params, x, inputs_of(3))[:, 0] - y
    shared = 2 * x[:, :3].T @ error / 120
    own = [2 * x[task == t, :3].T @ error[task == t] / 120 for t in range(3)]
    gradient = np.column_stack([shared, *own])
    assert np.allclose(gradient[0], -0.4 * groups[0] / np.linalg.norm(groups[0]), atol=1e-8)
    assert (np.linalg.norm(gradient[1:], axis=1) <= 0.4).all()
    hidden = train([Member(replace(design, widths=(6,), group_lasso=9.0, epochs=9))], data, engine="torch",
                   dtype="float64").states[0].params  # fmt: skip
    made = layout_of(replace(design, widths=(6,)), inputs_of(3), 1)
    assert not made.blocks[0].weights_of(hidden).any()
    assert made.heads_of(hidden).any()  # behind a hidden layer heads read units, not columns


def test_a_member_is_the_network_trained_alone() -> None:
    designs = [
        replace(HEADS, batch_size=16, dropout=0.2, input_dropout=0.1, norm="batch", mixup=0.2, cutout=0.1),
        replace(HEADS, sharing="input", batch_size=16, input_dropout=0.2),
        replace(HEADS, sharing="pooled", lookahead=True),
    ]
    data = table(dtype=np.float32)
    members, together = trained(designs, data, dtype="float32")
    for member, state in zip(members, together, strict=True):
        assert same(state, train([member], data, engine="torch", dtype="float32").states[0])


def test_what_is_a_tasks_own_starts_at_nothing() -> None:
    for sharing in ("heads", "input"):
        design = replace(HEADS, sharing=sharing)
        params = initial_params(design, 7, inputs_of(5), 2)
        x = np.random.default_rng(0).normal(size=(6, 4))
        x[:, 3] = np.arange(6)
        x[:, :3] = x[0, :3]
        made = outputs(design, params, x, inputs_of(5))
        assert np.allclose(made, made[0])


def test_heads_leave_the_first_weights_of_what_is_shared() -> None:
    pooled = replace(HEADS, sharing="pooled")
    start = initial_params(HEADS, 7, inputs_of(3), 1)
    alike = initial_params(pooled, 7, inputs_of(3), 1)
    assert np.array_equal(start[: layout_of(pooled, inputs_of(3), 1).size], alike)


def test_a_task_without_training_rows_keeps_its_zero() -> None:
    data = table(n_tasks=5)
    source = data.source(Member(HEADS))
    source.x[source.train, 3] = np.where(source.x[source.train, 3] == 2, 1, source.x[source.train, 3])
    state = train([Member(HEADS)], data, engine="torch", dtype="float64").states[0]
    heads = layout_of(HEADS, source.inputs, 1).heads_of(state.params)
    assert not heads[2].any()
    assert all(heads[task].any() for task in (0, 1, 3, 4))
    own, nobody = source.x[:3].copy(), source.x[:3].copy()
    own[:, 3], nobody[:, 3] = 2, 5
    assert np.array_equal(
        outputs(HEADS, state.params, own, source.inputs), outputs(HEADS, state.params, nobody, source.inputs)
    )


def test_heads_learn_what_pooling_cannot() -> None:
    data = table(rows=400, unseen=0.0)
    designs = [replace(HEADS, sharing=sharing, head_l2=0.0, epochs=60, batch_size=32, lr=0.02)
               for sharing in ("heads", "input", "pooled")]  # fmt: skip
    _, states = trained(designs, data)
    best = [min(state.valid_loss) for state in states[::2]]
    assert best[0] < 0.4 * best[2]
    assert best[1] < 0.6 * best[2]


def test_parameters_are_counted() -> None:
    for sharing in ("heads", "input", "pooled"):
        for widths in ((), (6, 4)):
            design = replace(HEADS, sharing=sharing, widths=widths)
            assert design.parameters(inputs_of(5), 2) == layout_of(design, inputs_of(5), 2).size
    assert (
        layout_of(HEADS, inputs_of(5), 2).size
        - layout_of(replace(HEADS, sharing="pooled"), inputs_of(5), 2).size
        == 5 * 7 * 2
    )


@pytest.mark.parametrize("place", ["before", "after"])
def test_folding_reaches_the_heads(place) -> None:
    design, inputs = replace(HEADS, norm="batch", norm_place=place), inputs_of(3)
    rng = np.random.default_rng(1)
    layout = layout_of(design, inputs, 2)
    params = rng.normal(size=layout.size)
    layout.blocks[0].norm_of(params)[3] = rng.random(6) + 0.5
    x = rng.normal(size=(9, 4))
    x[:, 3] = rng.integers(0, 4, 9)
    made, flat = folded(design, params, inputs, 2)
    assert made.norm == "none"
    assert np.allclose(outputs(made, flat, x, inputs), outputs(design, params, x, inputs), atol=1e-9)


def test_older_designs_keep_their_ids_and_formats() -> None:
    assert Design().format == 1
    assert HEADS.format == 6
    assert Design.from_json(HEADS.to_json()) == HEADS
    old = Design().to_json()
    del old["sharing"], old["head_l2"]
    assert Design.from_json(old | {"format": 5}) == Design()
    assert HEADS.torch_only == ("sharing",)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(SpaceError, match="no column says which task a row belongs to"):
        layout_of(HEADS, Inputs.plain(3), 1)
    with pytest.raises(DataError, match="input 3 holds codes, whole numbers from 0 to 4"):
        FleetData.from_arrays(
            np.full((6, 4), 7.0), np.zeros(6), folds=[(np.arange(4), np.arange(4, 6))], classes=False,
            inputs=inputs_of(4),
        )  # fmt: skip
    with pytest.raises(ModelError, match="belong to another design"):
        outputs(HEADS, np.zeros(50), np.zeros((2, 4)), inputs_of(4))


@settings(max_examples=10, deadline=None)
@given(n_tasks=st.integers(1, 5), seed=st.integers(0, 2**20), share=st.floats(0.0, 0.6))
def test_a_target_that_a_task_lacks_moves_nothing_of_its_own(n_tasks, seed, share) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, 4))
    x[:, 3] = task = rng.integers(0, n_tasks, 40)
    y = rng.normal(size=(40, 2))
    y[rng.random(y.shape) < share] = np.nan
    y[task == 0, 1] = np.nan
    y[:, 0] = np.nan_to_num(y[:, 0])
    index = np.arange(40)
    folds = [(index[:30], index[30:])]
    data = FleetData.from_arrays(x, y, folds=folds, classes=False, inputs=inputs_of(n_tasks))
    design = replace(HEADS, optimiser="sgd", batch_size=7)
    member = Member(design)
    state = train([member], data, engine="torch", dtype="float64").states[0]
    heads = layout_of(design, data.source(member).inputs, 2).heads_of(state.params)
    assert np.isfinite(state.params).all()
    there = [[(~np.isnan(y[:30][task[:30] == t, c])).any() for c in range(2)] for t in range(n_tasks)]
    assert np.array_equal(heads.any(axis=1), np.array(there))


@pytest.mark.skipif(not available(), reason="there is no native engine here")
def test_the_native_engine_trains_the_task_as_an_input() -> None:
    data, design = table(dtype=np.float32), replace(HEADS, sharing="input", head_l2=0.0, batch_size=16)
    members = [Member(design), Member(replace(design, sharing="pooled"))]
    assert [pack.engine for pack in plan(members, data, engine="auto").packs].count("torch") >= 1
    native = train(members[:1], data, engine="native").states[0]
    torch_one = train(members[:1], data, engine="torch", dtype="float32").states[0]
    assert np.allclose(native.params, torch_one.params, atol=1e-4)
    place = layout_of(design, inputs_of(4), 1).front.tables
    assert np.abs(native.params[place : place + 4 * 8]).max() > 0
