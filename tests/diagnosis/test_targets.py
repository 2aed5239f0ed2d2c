"""What targets are, and whether inputs tell them."""

import time
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from tests.oracles import diagnosis_tables as made

from profunda.diagnosis.givens import Targets, Task
from profunda.diagnosis.skills import NEIGHBOURS, PENALTY, disagreement, predictors_of, skill_of
from profunda.diagnosis.tables import table_of
from profunda.diagnosis.targets import targets_of
from profunda.diagnosis.views import views_of

Source = Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray, str]]
DRAW = np.random.default_rng(11)
DIGITS = load_digits()


def told(x: object, y: object, kind: str, n_classes: int = 0, size: int = 32) -> Targets:
    return made.measured(x, y, made.task(kind, n_classes), size)[1]


# Sizes ----------------------------------------------------------------------------------------------


def test_values_have_means_and_spreads_and_rows_that_are_not_finite() -> None:
    y = np.array([[1.0, 10.0], [3.0, np.nan], [5.0, 30.0], [7.0, 20.0]])
    found = told(np.zeros((4, 1)), y, "values")
    assert np.allclose(found.mean, [4.0, 20.0])
    assert np.allclose(found.std, [np.sqrt(5.0), np.sqrt(200 / 3)])
    assert (found.bad, found.outside, found.least, found.most) == (0.25, 0.0, 1.0, 30.0)
    assert np.isnan(found.skill)
    assert found.sunken == 0.0
    y[0, 0] = -np.inf
    assert told(np.zeros((4, 1)), y, "values").sunken == 0.25


def test_classes_are_counted_and_those_outside_told() -> None:
    found = told(np.zeros((6, 1)), np.array([1, 2, 3, 3, 1, -100]), "classes", 4)
    assert found.counts.tolist() == [0, 2, 1, 2]
    assert found.outside == 0.0
    task = Task("classes", 4, (6, 3), (6,), "int64")
    outside = made.measured(np.zeros((6, 1)), np.array([1, 2, 3, 3, 1, -1]), task)[1]
    assert outside.outside == outside.bad == pytest.approx(0.5)
    assert (outside.least, outside.most) == (-1.0, 3.0)


def test_one_hot_rows_binary_ones_and_several_labels() -> None:
    y = np.eye(3)[[0, 1, 1, 2]]
    assert told(np.zeros((4, 1)), y, "classes", 3).counts.tolist() == [1, 2, 1]
    assert told(np.zeros((4, 1)), np.array([-1.0, 1, 1, 1]), "binary", 2).counts.tolist() == [1, 3]
    assert told(np.zeros((4, 1)), y, "multilabel", 3).counts.tolist() == [1, 2, 1]
    places = told(np.zeros((4, 1)), np.array([[0, 1], [1, 1], [1, 0], [-100, 1]]), "sequence", 2)
    assert places.counts.tolist() == [2, 5]


def test_no_targets_are_no_targets() -> None:
    found = targets_of(table_of([((torch.zeros(4, 2),), None)]), made.task("values"))
    assert found.counts.size == found.mean.size == 0


# Skill ----------------------------------------------------------------------------------------------


def test_neighbours_and_the_linear_model_are_those_of_the_slow_twins() -> None:
    x, y = DRAW.normal(size=(120, 5)), DRAW.normal(size=(120, 2))
    (one, *_) = predictors_of(views_of(made.table(x, y)), np.arange(120))
    assert np.allclose(one.near(y), made.near(one.view, one.folds, y, NEIGHBOURS))
    assert np.allclose(one.linear(y), made.linear(one.view, one.folds, y, PENALTY))


def test_doubles_are_never_in_different_folds() -> None:
    groups = np.repeat(np.arange(50), 4)[DRAW.permutation(200)]
    (one,) = predictors_of((DRAW.normal(size=(200, 3)),), groups)
    assert all(len(np.unique(one.folds[groups == group])) == 1 for group in range(50))
    assert predictors_of((np.ones((3, 1)),), np.arange(3)) == ()


def test_skill_of_perfect_wrong_and_no_predictions() -> None:
    y = DRAW.normal(size=(500, 1))
    assert skill_of(3.0 * y, y).share == pytest.approx(1.0)
    assert skill_of(-y, y).share == pytest.approx(-1.0)
    assert skill_of(0.0 * y, y).share == 0.0


def test_without_skill_two_and_a_half_errors_are_five_of_a_normal_number() -> None:
    z = []
    for seed in range(400):
        draw = np.random.default_rng(seed)
        p, y = draw.normal(size=(200, 1)), draw.normal(size=(200, 1))
        skill = skill_of(p, y)
        z.append(abs(skill.share) / skill.error)
    assert np.mean(np.array(z) > 1.0) < 0.05
    assert max(z) < 2.5


@pytest.mark.parametrize("seed", range(4))
def test_labels_that_nothing_tells_show_no_skill(seed: int) -> None:
    draw = np.random.default_rng(seed)
    for n in (60, 300, 2000):
        found = told(draw.normal(size=(n, 6)), draw.integers(0, 2, n), "classes", 2)
        assert found.skill < 2.0 * found.skill_error
        assert found.shifted < 3.0 * found.shifted_error


def test_digits_are_told_as_pixels_and_as_pictures_in_any_unit() -> None:
    x, y = DIGITS.data, DIGITS.target
    plain = told(x, y, "classes", 10)
    assert plain.skill > 0.85
    assert np.all(plain.told > 0.8)
    assert told(x * 255.0 - 3000.0, y, "classes", 10).skill == pytest.approx(plain.skill, abs=0.01)
    assert told(x.reshape(-1, 1, 8, 8), y, "classes", 10).skill > 0.85


@settings(max_examples=15, deadline=None)
@given(st.floats(-6, 6), st.floats(-1e3, 1e3), st.integers(0, 5))
def test_skill_does_not_depend_on_the_units_of_columns_or_targets(
    power: float, shift: float, column: int
) -> None:
    draw = np.random.default_rng(3)
    x = draw.normal(size=(300, 6))
    y = x[:, 0] - x[:, 1] + draw.normal(size=300)
    plain = told(x, y, "values")
    moved = x.copy()
    moved[:, column] = moved[:, column] * 10.0**power
    other = told(moved, 10.0**power * y + shift * 10.0**power, "values")
    assert other.skill == pytest.approx(plain.skill, abs=0.02)


def curved(draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray, str]:
    x = draw.normal(size=(1000, 2))
    return x, (x[:, 0] * x[:, 1] > 0).astype(int), "classes"


def waves(draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray, str]:
    slow, y = draw.uniform(0, 6, (600, 1)), draw.integers(0, 2, (600, 1))
    x = np.sin(slow + np.linspace(0, 20, 40) * (1 + y))
    return x[:, :, None], y[:, 0], "classes"


def words(draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray, str]:
    x = draw.integers(0, 100, (1500, 12))
    return x, (x < 10).any(1).astype(int), "classes"


def last_word(draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray, str]:
    x = draw.integers(0, 20, (1500, 30))
    return x, (x[:, -1] % 2).astype(int), "classes"


def far_row(draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray, str]:
    x = draw.normal(size=(500, 4))
    y = x @ np.ones(4) + draw.normal(size=500)
    x[3], y[5] = 1e9, -1e12
    return x, y, "values"


@pytest.mark.parametrize("source", [curved, waves, words, last_word, far_row])
def test_what_simple_predictors_can_see_is_seen(source: Source) -> None:
    x, y, kind = source(np.random.default_rng(5))
    found = told(x, y, kind, 2 if kind == "classes" else 0)
    assert found.skill > 0.1
    assert found.skill > 4.0 * found.skill_error


def test_inputs_of_several_tensors_are_all_looked_at() -> None:
    real, ids = torch.randn(800, 3, generator=torch.Generator().manual_seed(1)), torch.arange(800) % 7
    rows = [
        ((real[at : at + 50], ids[at : at + 50]), (ids[at : at + 50] > 3).long()) for at in range(0, 800, 50)
    ]
    table = table_of(rows)
    assert table.kind == "other"
    assert targets_of(table, made.task("classes", 2)).skill > 0.9


# Moves ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [1, -1, 3, -5, 32, -32])
def test_a_move_of_labels_is_found_and_told_with_its_sign(by: int) -> None:
    order = np.random.default_rng(2).permutation(len(DIGITS.target))
    x, y = DIGITS.data[order], DIGITS.target[order]
    found = told(x, np.roll(y, by), "classes", 10)
    assert found.shift == -by
    assert found.skill < 0.02
    assert found.shifted > 0.85
    assert found.shifted - found.skill > 20 * found.shifted_error


# Noise ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3])
def test_wrong_labels_are_counted(share: float) -> None:
    draw = np.random.default_rng(4)
    y = DIGITS.target.copy()
    wrong = draw.random(len(y)) < share
    y[wrong] = (y[wrong] + draw.integers(1, 10, wrong.sum())) % 10
    found = told(DIGITS.data, y, "classes", 10)
    assert found.noisy == pytest.approx(share, abs=0.05)
    assert found.agreeing >= 20


def test_disagreement_is_that_of_the_surest_rows_and_needs_two_classes() -> None:
    sure = np.repeat([0.9, 0.6], [40, 160])
    shares = np.concatenate([np.stack([sure, 1 - sure], 1), np.stack([1 - sure, sure], 1)])
    labels = np.repeat([0, 1], 200)
    labels[:4], labels[100:150], labels[200:208] = 1, 1, 0
    assert disagreement(shares, labels) == (0.1, 40)
    rate, seen = disagreement(shares[:200], labels[:200])
    assert np.isnan(rate)
    assert seen == 0


def test_a_rare_class_that_nothing_tells_is_no_noise() -> None:
    found = told(DRAW.normal(size=(2000, 5)), (DRAW.random(2000) < 0.2).astype(int), "classes", 2)
    assert np.isnan(found.noisy)


# Cost -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4096, 1000), (4096, 1, 28, 28), (2000, 50, 4)])
def test_random_numbers_stay_and_it_takes_a_second(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    y = torch.arange(len(x)) % 10
    table = table_of(made.batches(x, y))
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    start = time.process_time()
    first = targets_of(table, made.task("classes", 10))
    assert time.process_time() - start < 4.0
    assert torch.equal(before[0], torch.random.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])
    assert first.skill == targets_of(table, made.task("classes", 10)).skill


@pytest.mark.parametrize("seed", range(3))
def test_amounts_are_told_from_names_by_what_they_are_mistaken_for(seed: int) -> None:
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(900, 5))
    amount = np.digitize(x[:, 0] + x[:, 1] + 0.3 * draw.normal(size=900), [-1.0, 0.0, 1.0]).astype(float)
    name = np.array([1.0, 3.0, 0.0, 2.0])[amount.astype(int)]
    values = made.task("values")
    assert (
        targets_of(made.table(x, amount), values).order < 0.1 < targets_of(made.table(x, name), values).order
    )
    for y in (x[:, 0], draw.integers(0, 4, 900).astype(float), (x[:, 0] > 0).astype(float)):
        assert np.isnan(targets_of(made.table(x, y), values).order)
