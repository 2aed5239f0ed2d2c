"""Ablation: ingredients as data, the ground in three parts, paired intervals, and what a fleet finds."""

import math
from dataclasses import fields, replace

import numpy as np
import pytest
from scipy import stats

from profunda.data.reading import read
from profunda.errors import ArgumentError, DataError
from profunda.metrics.score import metric_for
from profunda.space.design import Design
from profunda.tuning import ablation
from profunda.tuning.ablation import ablate, attribution_of, champion_of
from profunda.tuning.corruption import Corruption, spreads_of
from profunda.tuning.dosage import Dosage, Grid, dose
from profunda.tuning.ground import Entrant, lay_ground
from profunda.tuning.ingredients import INGREDIENTS, described, variants
from profunda.tuning.paired import Change, paired_change

QUICK = Design(widths=(16,), lr=1e-2, epochs=15, batch_size=32)


def table(rows: int = 240, columns: int = 4, *, noise: float = 0.4, seed: int = 0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, columns))
    return x, x[:, 0] - 0.5 * x[:, 1] + noise * rng.normal(size=rows)


def named(name: str):
    return next(one for one in INGREDIENTS if one.name == name)


# ingredients ------------------------------------------------------------------------------------------------


def test_every_field_of_a_design_is_an_ingredient_or_knowingly_not():
    covered = set()
    rich = Design(
        widths=(32, 32), activation="tanh", initialisation="glorot", parametrisation="ntk", parametric=True,
        skip=True, input_scaling=True, numeric_embedding="periodic", norm="batch", dropout=0.2,
        input_dropout=0.1, dropout_kind="gaussian", l1=1e-4, l2=1e-2, decoupled=True, l1_update="subgradient",
        group_lasso=1e-3, max_norm=3.0, noise=0.1, mixup=0.2, cutout=0.1, adversarial=0.1, class_balance=0.9,
        label_smoothing=0.1, loss="huber", beta2=0.95, bias_lr=0.1, clip=1.0, schedule="coslog", patience=5,
        averaging=True, lookahead=True, snapshots=True, encoding="quantile", body="conv", flip=0.5, shift=0.1,
        rotation=8.0, zoom=0.1, brightness=0.1, contrast=0.1, colour=0.1, sharing="heads", head_l2=0.1,
    )  # fmt: skip
    cut = replace(rich, mixup=0.0, cutmix=0.3)
    for design in (rich, cut):
        for ingredient in INGREDIENTS:
            for classes in (True, False):
                for other in variants(design, ingredient, classes, True):
                    covered |= {name for name, _, _ in described(design, other)}
    # lr is no ingredient, nor epochs; momentum belongs to SGD, embedding_scale to its embedding. Which body
    # reads depends on what there is to read.
    left = {"epochs", "momentum", "embedding_scale", "body"}
    assert {field.name for field in fields(Design)} - covered == left


@pytest.mark.parametrize("ingredient", INGREDIENTS, ids=lambda one: one.name)
def test_a_plain_linear_design_has_hardly_anything_to_take_out(ingredient):
    found = variants(Design(widths=()), ingredient, True)
    choices = ("optimiser", "initialisation", "encoding", "batch_half", "batch_twice")
    assert bool(found) == (ingredient.name in choices)


def test_what_does_nothing_is_not_taken_out():
    idle = Design(dropout=0.0, dropout_kind="gaussian", norm_place="after", l2=0.0, decoupled=False)
    for name in ("dropout_kind", "norm_place", "decoupled", "label_smoothing"):
        assert variants(idle, named(name), True) == ()
    assert variants(replace(idle, dropout=0.3), named("dropout_kind"), True)
    smooth = Design(label_smoothing=0.1)
    assert variants(smooth, named("label_smoothing"), True)
    assert variants(smooth, named("label_smoothing"), False) == ()


def test_what_tasks_share_is_taken_out_where_rows_belong_to_tasks():
    heads = Design(sharing="heads", head_l2=0.3)
    assert [other.sharing for other in variants(heads, named("sharing"), True, True)] == ["pooled"]
    assert [other.sharing for other in variants(heads, named("heads"), False, True)] == ["input"]
    assert [other.head_l2 for other in variants(heads, named("head_l2"), True, True)] == [0.0]
    assert variants(heads, named("sharing"), True) == ()
    for plain in (Design(head_l2=0.3), Design(sharing="pooled")):
        assert not variants(plain, named("heads"), True, True)
        assert not variants(plain, named("head_l2"), True, True)


def test_other_learning_rates_come_with_an_exchange_but_never_alone():
    found = variants(Design(lr=1e-3), named("optimiser"), True)
    assert [one.optimiser for one in found] == ["sgd"] * 3
    assert [one.lr for one in found] == pytest.approx([3e-3, 1e-2, 3e-2])
    assert variants(Design(schedule="constant"), named("schedule"), True) == ()
    assert len(variants(Design(schedule="cosine"), named("schedule"), True)) == 2


def test_changes_are_told_field_by_field_the_learning_rate_last():
    before, after = Design(lr=1e-3), Design(optimiser="sgd", lr=1e-2)
    assert described(before, after) == (("optimiser", "adam", "sgd"), ("lr", 1e-3, 1e-2))


def test_early_stopping_is_taken_out_with_its_best_weights():
    assert named("patience").last
    assert variants(Design(patience=5), named("patience"), True) == (Design(patience=0),)
    assert variants(Design(patience=0), named("patience"), True) == ()


def test_depth_and_width_keep_within_what_can_be_trained():
    assert variants(Design(widths=(8, 4)), named("deeper"), True)[0].widths == (8, 4, 4)
    assert variants(Design(widths=(8,)), named("shallower"), True)[0].widths == ()
    assert variants(Design(widths=(65_536,)), named("wider"), True) == ()
    assert variants(Design(widths=(1,)), named("narrower"), True) == ()


# intervals --------------------------------------------------------------------------------------------------


def test_the_interval_is_the_corrected_resampled_t():
    differences, share = np.array([0.3, 0.1, 0.2, 0.4, 0.0]), 0.25
    found = paired_change(differences, share)
    half = stats.t.ppf(0.975, 4) * differences.std(ddof=1) * math.sqrt(1 / 5 + share)
    assert (found.mean, found.low, found.high) == pytest.approx((0.2, 0.2 - half, 0.2 + half))
    assert not found.clear
    # Control: without the correction it would be the plain t interval, and clear.
    plain = paired_change(differences, 0.0)
    assert plain.low == pytest.approx(stats.ttest_1samp(differences, 0).confidence_interval().low)
    assert plain.clear


def test_the_interval_covers_the_truth_where_folds_share_rows():
    # A mean of rows estimated by cross-validation: folds' means differ from 0 by chance alone.
    rng, covered = np.random.default_rng(0), {0.0: 0, 0.25: 0}
    for _ in range(400):
        rows = rng.normal(size=100) + rng.normal(0, 0.1)  # what all folds have in common
        folds = rows.reshape(5, 20).mean(axis=1)
        for share in covered:
            found = paired_change(folds, share)
            covered[share] += found.low <= 0 <= found.high
    assert covered[0.25] / 400 >= 0.95
    assert covered[0.0] < covered[0.25]


def test_few_pairs_say_so():
    assert math.isnan(paired_change(np.array([np.nan]), 0.2).mean)
    assert paired_change(np.array([0.5, np.nan]), 0.2) == Change(0.5, -math.inf, math.inf, 1)
    with pytest.raises(ArgumentError, match="judged_share=-1 is judged rows by trained rows"):
        paired_change(np.zeros(3), -1)


# the ground -------------------------------------------------------------------------------------------------


def test_rows_that_judge_neither_train_nor_stop():
    data = read(table())
    ground = lay_ground(data, metric_for("regression"), folds=4, repeats=2)
    assert len(ground.judging) == 8
    for fold, judging in zip(ground.prepared.folds, ground.judging, strict=True):
        parts = np.concatenate([fold.train, fold.valid, judging])
        assert len(np.unique(parts)) == len(parts) == data.n_rows
    everyone = np.concatenate(ground.judging[:4])
    assert np.array_equal(np.sort(everyone), np.arange(data.n_rows))
    assert ground.judged_share == pytest.approx(1 / 3)
    first = ground.first(1)
    assert len(first.judging) == 4
    assert first.judging[3] is ground.judging[3]


def test_rows_in_order_of_time_judge_the_future_only():
    x, y = table()
    data = replace(read((x, y)), times=np.arange(240.0))
    ground = lay_ground(data, metric_for("regression"), folds=3, repeats=2)
    assert ground.repeats == 1
    for fold, judging in zip(ground.prepared.folds, ground.judging, strict=True):
        assert fold.train.max() < fold.valid.min() <= fold.valid.max() < judging.min()


def test_groups_stay_together():
    x, y = table()
    data = replace(read((x, y)), groups=np.arange(240) // 8)
    ground = lay_ground(data, metric_for("regression"), folds=3, repeats=1)
    for fold, judging in zip(ground.prepared.folds, ground.judging, strict=True):
        sides = [set(data.groups[rows]) for rows in (fold.train, fold.valid, judging)]
        assert not sides[0] & sides[1] | sides[0] & sides[2] | sides[1] & sides[2]


def test_a_value_is_that_of_the_same_network_predicted_by_hand():
    from profunda.fleet.source import FleetData
    from profunda.training.running import train

    data = read(table())
    ground = lay_ground(data, metric_for("regression"), folds=2, repeats=1)
    measured = ground.measure(
        [Entrant(QUICK), Entrant(replace(QUICK, epochs=3))],
        seeds=2, engine="auto", speeds=None, workers=1, seed=5,
    )  # fmt: skip
    assert measured.values.shape == (2, 2, 2, 1)
    assert (measured.seconds > 0).all()
    assert np.array_equal(measured.steps[0], 5 * measured.steps[1])  # 15 and 3 epochs
    # A constant has the target's own deviation; networks of a linear target are far better.
    assert (measured.values[0] < 0.8 * data.y.std()).all()
    history = train(QUICK, FleetData(ground.prepared, 1, False))
    assert history.curves[0].steps == measured.steps[0, 0, 0]


def test_last_weights_are_judged_where_they_are_asked_for():
    x, y = table(120, 20, noise=2.0)
    ground = lay_ground(read((x, y)), metric_for("regression"), folds=3, repeats=1)
    wild = replace(QUICK, widths=(64,), epochs=150)
    measured = ground.measure(
        [Entrant(wild), Entrant(wild, last=True)], seeds=2, engine="auto", speeds=None, workers=1, seed=0
    )
    best, last = measured.values.mean(axis=(1, 2, 3))
    assert last > 1.03 * best  # the same networks, overfitted


# attribution ------------------------------------------------------------------------------------------------


def test_what_helps_and_what_hurts_is_found():
    x, y = table(300, 6)
    design = replace(QUICK, dropout=0.9, epochs=40, encoding="robust")
    found = ablate(design, (x, y), seeds=2)
    by_name = {one.name: one for one in found.worths}
    assert by_name["dropout"].verdict == "hurts"  # a linear target of 4 numbers needs none, let alone 0.9
    assert by_name["wider"].value > 0
    assert found.metric == "rmse"
    assert (found.folds, found.repeats) == (5, 2)
    assert by_name["dropout"].changes == (("dropout", 0.9, 0.0),)
    assert found.networks == sum(one.networks for one in found.worths) + 20
    assert found.worths == tuple(sorted(found.worths, key=lambda one: -one.worth.mean))
    assert found.noise_value > found.value
    assert by_name["batch_half"].steps.mean < 0  # twice the steps without it
    assert "Dropout" in str(found)
    assert "hurts" in str(found)


def test_a_metric_of_which_more_is_better_has_the_same_sign():
    x, y = table(300, 6, noise=0.1)
    rich = replace(QUICK, dropout=0.95, epochs=40)
    labels = np.where(y > 0, "yes", "no")
    found = ablate(rich, (x, labels), metric="accuracy", ingredients=[named("dropout")], seeds=2)
    (dropout,) = found.worths
    assert found.greater_is_better
    assert dropout.value > found.value
    assert dropout.worth.mean < 0


def test_the_same_seed_gives_the_same_numbers_on_any_number_of_threads():
    x, y = table()
    few = [named("wider"), named("narrower")]
    one, two = (ablate(QUICK, (x, y), ingredients=few, folds=2, repeats=1, workers=w) for w in (1, 2))
    assert [w.worth for w in one.worths] == [w.worth for w in two.worths]
    other = ablate(QUICK, (x, y), ingredients=few, folds=2, repeats=1, seed=1)
    assert other.value != one.value
    assert min(one.noise_value, one.shift_value) > one.value


def test_a_whole_cocktail_is_taken_apart_on_columns_of_all_kinds():
    """Embeddings, scaling, averaging, mixing: what stands before the layers is part of what is judged."""
    import polars as pl

    rng = np.random.default_rng(2)
    town = rng.integers(0, 15, 300)
    x = rng.normal(size=300)
    y = x + np.sin(3.0 * x) + 0.3 * (town % 5) + 0.1 * rng.normal(size=300)
    frame = pl.DataFrame({"town": [f"t{k}" for k in town], "x": x, "yes": rng.random(300) < 0.5, "target": y})
    rich = replace(
        QUICK, encoding="embedded", numeric_embedding="periodic", input_scaling=True, averaging=True,
        mixup=0.2, noise=0.05, group_lasso=1e-4, parametric=True, beta2=0.95, schedule="coslog", epochs=8,
    )  # fmt: skip
    front = [named(name) for name in ("encoding", "numeric_embedding", "input_scaling", "averaging", "mixup")]
    found = ablate(rich, frame, "target", ingredients=front, repeats=1, folds=2, seeds=1, engine="torch")
    assert len(found.worths) == len(front)
    assert found.value < 0.9 * y.std()
    assert all(one.failed == 0 and math.isfinite(one.worth.mean) for one in found.worths)


def test_a_short_time_makes_fewer_seeds_and_none_is_refused(monkeypatch):
    data = read(table())
    rows, metric = np.arange(200), metric_for("regression")
    words = {"ingredients": [named("wider")], "folds": 2, "repeats": 2, "seeds": 3, "workers": 1}
    assert attribution_of(QUICK, data, rows, metric, seconds=1e-9, **words) is None
    whole = attribution_of(QUICK, data, rows, metric, seconds=1e9, **words)
    assert (whole.repeats, whole.seeds, whole.rows) == (2, 3, 200)
    seconds = ablation.plan  # the forecast of one repetition with one seed, here made up
    monkeypatch.setattr(ablation, "plan", lambda *a, **k: replace_seconds(seconds(*a, **k), 1.0))
    short = attribution_of(QUICK, data, rows, metric, seconds=4.5, **words)
    assert (short.repeats, short.seeds) == (2, 2)
    shorter = attribution_of(QUICK, data, rows, metric, seconds=1.5, **words)
    assert (shorter.repeats, shorter.seeds) == (1, 1)


def replace_seconds(plan, seconds: float):
    return replace(plan, packs=tuple(replace(p, seconds=seconds / len(plan.packs)) for p in plan.packs))


def test_too_few_seconds_and_other_arguments_are_refused():
    x, y = table()
    with pytest.raises(ArgumentError, match=r"seconds=1e-09 are too few: one repetition of 5 folds"):
        ablate(QUICK, (x, y), seconds=1e-9)
    with pytest.raises(ArgumentError, match="folds=1 must be a whole number of at least 2"):
        ablate(QUICK, (x, y), folds=1)
    with pytest.raises(ArgumentError, match=r"seeds=True must be a whole number of at least 1"):
        ablate(QUICK, (x, y), seeds=True)
    with pytest.raises(ArgumentError, match="a str has no recipe to take apart"):
        ablate("a design", (x, y))
    with pytest.raises((ArgumentError, DataError)):
        ablate(QUICK, (x[:4], y[:4]))


def test_the_heaviest_part_is_the_champion():
    from types import SimpleNamespace

    light, heavy = Design(widths=(8,)), Design(widths=(9,))
    model = SimpleNamespace(
        parts=(SimpleNamespace(weight=0.3, design=light), SimpleNamespace(weight=0.7, design=heavy))
    )
    assert champion_of(model) == heavy


def test_a_source_with_a_test_part_keeps_it_out():
    x, y = table()
    data = replace(read((x, y)), test_rows=np.arange(40))
    assert ablate(QUICK, data, ingredients=[], folds=2, repeats=1, seeds=1).rows == 200


# corruption -------------------------------------------------------------------------------------------------


def mixed_columns():
    import polars as pl

    rng = np.random.default_rng(1)
    frame = pl.DataFrame({
        "a": rng.normal(5, 3, 2000),
        "b": np.where(rng.random(2000) < 0.1, np.nan, rng.normal(size=2000)),
        "c": rng.choice(["x", "y", "z"], 2000, p=[0.5, 0.3, 0.2]),
        "d": rng.random(2000) < 0.5,
        "target": rng.normal(size=2000),
    })  # fmt: skip
    return read(frame, "target")


def test_noise_has_the_strength_it_says_and_swaps_keep_the_shares():
    data = mixed_columns()
    spreads = spreads_of(data.codes, data.schema)
    assert spreads.numeric.tolist() == [True, True, False, False]
    assert spreads.spread[0] == pytest.approx(3, rel=0.1)
    made = Corruption("noise", 0.5)(data.codes, spreads, 3)
    assert (made - data.codes)[:, 0].std() == pytest.approx(0.5 * spreads.spread[0], rel=0.05)
    assert np.array_equal(np.isnan(made), np.isnan(data.codes))
    kept = np.bincount(data.codes[:, 2].astype(int)) / 2000
    swapped = (made[:, 2] != data.codes[:, 2]).mean()
    assert swapped == pytest.approx((0.5 / 1.5) * (1 - (kept**2).sum()), abs=0.03)
    assert np.bincount(made[:, 2].astype(int)) / 2000 == pytest.approx(kept, abs=0.03)
    assert np.array_equal(made, Corruption("noise", 0.5)(data.codes, spreads, 3), equal_nan=True)
    assert not np.array_equal(made, Corruption("noise", 0.5)(data.codes, spreads, 4), equal_nan=True)


def test_a_shift_moves_and_stretches_numbers_alone():
    data = mixed_columns()
    spreads = spreads_of(data.codes, data.schema)
    made = Corruption("shift", 0.4)(data.codes, spreads, 0)
    assert np.array_equal(made[:, 2:], data.codes[:, 2:], equal_nan=True)
    for column in (0, 1):
        slope = np.nanstd(made[:, column]) / np.nanstd(data.codes[:, column])
        assert slope == pytest.approx(1.2)
        moved = abs(np.nanmedian(made[:, column]) - np.nanmedian(data.codes[:, column]))
        assert moved == pytest.approx(0.4 * spreads.spread[column])
    none = Corruption("shift", 0.0)(data.codes, spreads, 0)
    assert np.allclose(none, data.codes, equal_nan=True)


def test_a_constant_column_has_no_spread():
    data = mixed_columns()
    codes = data.codes.copy()
    codes[:, 0] = 7.0
    codes[:, 1] = np.nan
    assert spreads_of(codes, data.schema).spread[:2].tolist() == [0.0, 0.0]


def test_impossible_corruptions_are_refused():
    with pytest.raises(ArgumentError, match="kind='blur' of a corruption is unknown"):
        Corruption("blur", 1.0)
    with pytest.raises(ArgumentError, match="strength=-1 of a corruption counts standard deviations"):
        Corruption("noise", -1)


# too much hurts ---------------------------------------------------------------------------------------------


def test_far_too_much_dropout_hurts_and_the_verdict_says_by_how_much():
    x, y = table(300, 6)
    (found,) = dose(QUICK, (x, y), grids=[Grid("dropout", "Dropout", (0.0, 0.1, 0.95))], seeds=2)
    assert found.shape == "rising"
    assert found.most.low > 0
    assert found.verdict.startswith("Too much hurts: at 0.95 worse by ")
    assert found.at == 0.0
    assert found.networks == 3 * 5 * 2
    assert found.failed == 0
    best = found.strengths.index(found.best)
    assert found.values[best] == min(found.values)
    assert found.lows[best] == found.values[best] == found.highs[best]


def test_some_weight_decay_helps_where_noise_rules_and_too_much_hurts():
    x, y = table(120, 40, noise=0.3)
    wild = replace(QUICK, widths=(), lr=3e-2, epochs=60)
    (found,) = dose(wild, (x, y), grids=[Grid("l2", "L2", (0.0, 0.3, 1.0, 300.0))], seeds=2)
    assert found.most.low > 0
    assert found.values[-1] > 1.3 * min(found.values)


@pytest.mark.parametrize(
    ("least", "most", "shape", "says"),
    [
        ((0.1, 0.05, 0.15), (0.2, 0.1, 0.3), "U", "Some helps, too much hurts: best at 0.1"),
        ((0.0, -0.1, 0.1), (0.2, 0.1, 0.3), "rising", "none of it is about as good"),
        ((0.1, 0.05, 0.15), (0.0, -0.1, 0.1), "falling", "0.5 is not too much"),
        ((0.0, -0.1, 0.1), (0.0, -0.1, 0.1), "flat", "No strength between 0 and 0.5"),
    ],
)
def test_the_verdict_follows_from_both_ends(least, most, shape, says):
    found = Dosage(
        "dropout", "Dropout", "rmse", False, (0.0, 0.1, 0.5),
        (1.0, 0.9, 1.1), (1.0, 0.9, 1.1), (1.0, 0.9, 1.1), 0.1, 0.2,
        Change(*least, 5), Change(*most, 5), 0, 15,
    )  # fmt: skip
    assert found.shape == shape
    assert says in found.verdict


def test_grids_that_do_not_apply_are_left_out_and_impossible_ones_refused():
    x, y = table()
    assert dose(Design(widths=()), (x, y), grids=[Grid("dropout", "", (0.0, 0.1, 0.2), hidden=True)]) == ()
    with pytest.raises(ArgumentError, match=r"dropout of \(0.0, 0.5, 1.5\) is no strength of a design"):
        dose(QUICK, (x, y), grids=[Grid("dropout", "", (0.0, 0.5, 1.5))])
    with pytest.raises(ArgumentError, match="seeds=0 must be a whole number of at least 1"):
        dose(QUICK, (x, y), seeds=0)
    with pytest.raises(ArgumentError, match="give at least 3, rising from 0"):
        dose(QUICK, (x, y), grids=[Grid("l2", "", (0.1, 0.2, 0.3))])
