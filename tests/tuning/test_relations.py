"""Relations of tasks: who gains from whom, by fleets on generated tasks whose relations are known."""

import json
import math

import numpy as np
import pytest

from profunda.errors import ArgumentError, DataError
from profunda.fleet.plan import plan
from profunda.fleet.threads import one_thread
from profunda.space.design import Design
from profunda.theory.pooling import TwoTasks
from profunda.training.packs import run_packs
from profunda.tuning.companies import companies_of
from profunda.tuning.relations import relations

LINEAR = Design(widths=(), lr=0.02, epochs=40, schedule="cosine", batch_size=16)
SMALL = Design(widths=(8,), lr=0.01, epochs=6)
BROKEN = Design(widths=(), optimiser="sgd", lr=1e12, batch_size=2, epochs=3)


def two_tasks(distance, seed, own=30, other=300, features=10):
    """The problem of `TwoTasks`, at noise 1."""
    rng = np.random.default_rng([7, seed])
    task = np.repeat([0, 1], (own, other))
    x, w, apart = (
        rng.normal(size=(own + other, features)),
        rng.normal(size=features),
        rng.normal(size=features),
    )
    apart *= distance / np.linalg.norm(apart)
    return x, x @ w + task * (x @ apart) + rng.normal(size=own + other), task


def three_targets(n=240, seed=0):
    """Two targets that are one but for noise, and one of nothing."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 5))
    signal = np.tanh(x @ rng.normal(size=5))
    return x, np.stack([signal + 0.5 * rng.normal(size=n), signal + 0.5 * rng.normal(size=n),
                        rng.normal(size=n)], axis=1)  # fmt: skip


@pytest.fixture(scope="module")
def found():
    return relations(*three_targets(), design=SMALL, folds=3, seeds=2, names=("a", "b", "c"))


def test_every_ordered_pair_has_its_gain(found):
    pairs = [(one.task, one.other) for one in found.transfers]
    assert pairs == [("a", "b"), ("a", "c"), ("b", "a"), ("b", "c"), ("c", "a"), ("c", "b")]
    assert found.networks == 6 * 3 * 2
    for one in found.transfers:
        assert one.gain.low <= one.gain.mean <= one.gain.high
        assert one.gain.pairs == 3
        assert one.forecast is None
    square = found.gains
    assert square[1, 2] == found.between("b", "c").gain.mean
    assert not square.diagonal().any()
    assert sorted(name for group in found.groups for name in group) == ["a", "b", "c"]


def test_it_is_told_as_text_and_json(found):
    text = str(found)
    assert "3 tasks, squared error; 3 folds x 2 seeds, 36 networks" in text
    assert "train together:" in text
    told = json.loads(found.to_json())
    assert told["names"] == ["a", "b", "c"]
    assert told["transfers"][3]["gain"]["mean"] == found.between("b", "c").gain.mean
    with pytest.raises(ArgumentError, match="No tasks 'a' and 'z' were related; there are a, b, c"):
        found.between("a", "z")


def losses_after(companies, design, share):
    """Losses [K, F, T] of one network each, trained for a share of its epochs and no further."""
    data = companies.data(design)
    members = companies.members(design, data, 1, 0)
    made, until = plan(members, data, engine="auto"), [round(share * one.design.epochs) for one in members]
    found = np.empty((len(members), companies.n_tasks))
    with one_thread():
        for number, result, _ in run_packs(made, data, until=until, states=[None] * len(members)):
            for place, state in zip(made.packs[number].members, result.states, strict=True):
                company, fold = divmod(members[place].fold, companies.n_folds)
                found[place] = companies.judged(companies.groups[company], fold, design, state.best_params)
    return found.reshape(len(companies.groups), companies.n_folds, companies.n_tasks)


@pytest.mark.parametrize(("epochs", "share"), [(40, 0.1), (5, 0.2)])
def test_the_early_look_is_one_at_a_tenth_of_the_epochs_and_at_the_first_one_at_least(epochs, share):
    x, y, task = two_tasks(0.5, 0, 40, 160, 3)
    design = Design(widths=(), lr=0.02, epochs=epochs, batch_size=20)
    found = relations(x, y, task, design=design, folds=2, seeds=1)
    losses = losses_after(companies_of(x, y, task, 2, 0), design, share)
    for one, t in zip(found.transfers, (0, 1), strict=True):
        alone, pair = losses[t, :, t], losses[2, :, t]
        assert one.early == pytest.approx(1 - pair.mean() / alone.mean(), rel=1e-6)
        assert abs(one.early - one.gain.mean) > 1e-3  # training goes on


def test_it_is_the_same_by_one_worker_or_two(found):
    again = relations(*three_targets(), design=SMALL, folds=3, seeds=2, names=("a", "b", "c"), workers=1)
    assert again == found


def test_rows_train_stop_or_judge():
    companies = companies_of(*two_tasks(0.5, 0, 40, 60, 3), 4, 0)
    assert companies.task is not None
    for fold in range(4):
        source = companies.source((0, 1), fold)
        judging = companies.fold == fold
        assert not set(source.train) & set(source.valid)
        assert not judging[np.concatenate([source.train, source.valid])].any()
        assert len(source.train) + len(source.valid) + judging.sum() == 100
        assert set(companies.task[source.train]) == set(companies.task[judging]) == {0, 1}
        assert set(companies.task[companies.source((1,), fold).train]) == {1}
        assert source.x[source.train, :3].mean(axis=0) == pytest.approx(0.0, abs=1e-6)
        assert source.y[source.train].std() == pytest.approx(1.0, abs=1e-6)


def test_a_target_of_few_values_has_its_share_of_every_fold():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(1000, 3)), rng.normal(size=(1000, 2))
    y[rng.permutation(1000)[20:], 1] = np.nan
    companies = companies_of(x, y, None, 10, 0)
    there = ~np.isnan(companies.y[:, 1])
    assert np.bincount(companies.fold[there]).tolist() == [2] * 10
    for fold in range(10):
        assert not (companies.stops[fold] & (companies.fold == fold)).any()
        assert 2 <= companies.stops[fold][there].sum() <= 5
    found = relations(x, y, design=SMALL, epochs=2, folds=10, seeds=1)
    assert "diverged" not in {notice.code for notice in found.notices}
    assert [one.gain.pairs for one in found.transfers] == [10, 10]


def test_a_loss_is_that_of_the_judging_rows_by_hand():
    companies = companies_of(*two_tasks(0.5, 0, 40, 60, 3), 4, 0)
    params = np.arange(6, dtype=np.float32) / 10  # three inputs, whose row it is, and the bias
    told = companies.judged((0, 1), 2, LINEAR, params)
    source = companies.source((0, 1), 2)
    for task in (0, 1):
        rows = (companies.fold == 2) & (companies.task == task)
        z = source.x[rows, :3] @ params[:3] + params[3 + task] + params[5]
        assert told[task] == pytest.approx(((z - source.y[rows, 0]) ** 2).mean(), rel=1e-5)
    assert np.isnan(companies.judged((1,), 2, LINEAR, params)[0])


def test_all_take_as_many_steps():
    companies = companies_of(*two_tasks(0.5, 0, 40, 600, 3), 2, 0)
    design = Design(widths=(), epochs=4, batch_size=16, patience=0)
    data = companies.data(design)
    members = companies.members(design, data, 1, 0)
    steps = [-(-len(data.source(one).train) // 16) * one.design.epochs for one in members]
    assert min(steps) > 0.8 * max(steps)
    assert max(one.design.epochs for one in members) > 8 * min(one.design.epochs for one in members)


def test_a_target_alone_is_both_outputs():
    x, y = three_targets()
    companies = companies_of(x, y, None, 3, 0)
    alone, pair = companies.source((1,), 0), companies.source((0, 1), 0)
    assert np.array_equal(alone.y[:, 0], alone.y[:, 1])
    assert np.array_equal(alone.y[:, 0], pair.y[:, 1])
    assert np.array_equal(alone.train, pair.train)


def test_labels_and_gaps():
    x, y = three_targets(120)
    labels = (y > 0).astype(float)
    labels[::5, 0] = np.nan
    found = relations(x, labels, design=SMALL, epochs=3, folds=2, seeds=1)
    assert found.loss == "log loss"
    assert found.names == ("y0", "y1", "y2")
    assert all(0.2 < loss < 1.5 for loss in found.alone)


def test_opposite_tasks_hurt_and_are_kept_apart():
    """w and −w: a linear network that shares its weights fits neither."""
    rng = np.random.default_rng(0)
    x, task = rng.normal(size=(240, 4)), np.arange(240) % 2
    y = (1 - 2 * task) * x[:, 0] + 0.1 * rng.normal(size=240)
    found = relations(x, y, np.array(["up", "down"])[task], design=LINEAR, folds=10, seeds=1)
    assert [one.verdict for one in found.transfers] == ["hurts", "hurts"]
    assert found.groups == (("down",), ("up",))
    assert {notice.code for notice in found.notices} == {"negative-transfer"}
    assert "down is" in str(found)
    assert found.early_right == (2, 2)
    assert "a tenth of the epochs, the first at least, told the sign of 2 of the 2 clear pairs" in str(found)
    assert found.forecast_right == (2, 2)
    assert all(one.forecast is not None and one.forecast.verdict == "hurts" for one in found.transfers)


def test_like_tasks_help():
    rng = np.random.default_rng(1)
    x, task = rng.normal(size=(500, 40)), np.repeat([0, 1], (100, 400))
    y = x @ rng.normal(size=40) + 6.0 * rng.normal(size=500)
    found = relations(x, y, task, design=LINEAR, folds=10, seeds=1)
    assert found.between("0", "1").verdict == "helps"
    assert found.negative == ()


def test_a_network_that_diverged_counts_nowhere():
    x, y = three_targets(60)
    found = relations(x, 1e3 * y, design=BROKEN, folds=2, seeds=1)
    assert {notice.code for notice in found.notices} == {"diverged"}
    assert all(math.isnan(one.gain.mean) for one in found.transfers)
    assert found.groups == (("y0",), ("y1",), ("y2",))
    assert json.loads(found.to_json())["transfers"][0]["gain"]["mean"] is None


@pytest.mark.slow
@pytest.mark.parametrize(("distance", "sign"), [(0.2, 1.0), (2.0, -1.0)])
def test_negative_transfer_is_measured_on_either_side_of_the_threshold(distance, sign):
    """C6: fleets of linear networks on 20 data sets, and the forecast of each, beside the law."""
    law = TwoTasks(30, 300, 10, 1.0)
    assert np.sign(law.alone - law.pooled_exactly(distance)) == sign
    told = [
        relations(*two_tasks(distance, seed), design=LINEAR, folds=5, seeds=1).between("0", "1")
        for seed in range(20)
    ]
    gains = np.array([one.gain.mean for one in told])
    assert sign * gains.mean() > 2 * gains.std() / math.sqrt(len(gains))
    assert np.mean([np.sign(one.forecast.gain) == sign for one in told]) >= 0.9


def test_wrong_tasks_are_refused():
    x, y = three_targets(60)
    with pytest.raises(DataError, match=r"x \(60, 5\) must be \[N, D\], and y \(60,\) \[N, T\]"):
        relations(x, y[:, 0])
    with pytest.raises(DataError, match="must be finite: impute"):
        relations(np.where(x > 2, np.nan, x), y)
    with pytest.raises(DataError, match=r"1 task\(s\) with 60 row\(s\)"):
        relations(x, y[:, :1])
    with pytest.raises(DataError, match=r"0 task\(s\) with 60 row\(s\)"):
        relations(x, y[:, :0])
    with pytest.raises(DataError, match=r"2 task\(s\) with 3 row\(s\) in the smallest"):
        relations(x, y[:, 0], np.array([0] * 57 + [1] * 3))
    with pytest.raises(DataError, match="The target of task 1 is 2 in every row"):
        relations(x, np.c_[y[:, 0], np.full(60, 2.0)])
    with pytest.raises(DataError, match=r"None of the 4 rows of task 1 stops training in fold \d of 2"):
        relations(x, np.where(np.arange(60)[:, None] < (60, 4), y[:, :2], np.nan), folds=2)
    for task in (["a", np.nan, "b"] * 20, ["a", None, "b"] * 20, [0.0, np.nan, 1.0] * 20):
        with pytest.raises(DataError, match="20 of 60 rows have no task"):
            relations(x, y[:, 0], task)
    with pytest.raises(ArgumentError, match="2 names for 3 tasks"):
        relations(x, y, names=("a", "b"))
    with pytest.raises(ArgumentError, match="folds=1 must be a whole number of at least 2"):
        relations(x, y, folds=1)
