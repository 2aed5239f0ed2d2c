import json

import numpy as np
import pytest
from tests.oracles.reporting import calibration_error, confusion

from profunda.data.task import Task
from profunda.reporting.blocks import Figure, Table
from profunda.reporting.predictions import _counts, calibration, prediction_blocks

THREE = Task("multiclass", "kind", ("a", "b", "c"))


def drawn(n: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Honest probabilities: the class of each row is drawn from them."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(classes), n)
    y = (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).clip(max=classes - 1)
    return y, p


def test_counts_are_those_of_a_loop():
    y, p = drawn(200, 3)
    assert (_counts(y, p, 3) == confusion(y.tolist(), p.tolist(), 3)).all()


def test_calibration_is_that_of_a_loop():
    y, p = drawn(600, 3)
    found = calibration(y, p)
    assert found.error == pytest.approx(calibration_error(y.tolist(), p.tolist(), len(found.rows)), abs=1e-12)


@pytest.mark.parametrize("classes", [2, 4])
def test_honest_probabilities_stay_near_what_chance_shows(classes):
    ratios = [
        calibration(*drawn(1500, classes, seed)).error / calibration(*drawn(1500, classes, seed)).chance
        for seed in range(12)
    ]
    assert 0.7 < np.mean(ratios) < 1.3


def test_overconfidence_shows():
    y, p = drawn(1500, 3)
    sharp = p**4 / (p**4).sum(axis=1, keepdims=True)
    found = calibration(y, sharp)
    assert found.error > 4 * found.chance


def test_a_handful_of_rows_gets_no_calibration():
    y, p = drawn(40, 2)
    assert calibration(y, p) is None
    blocks = prediction_blocks(Task("binary", "t", ("no", "yes")), y, p)
    assert [type(block) for block in blocks] == [Figure, Table]


def test_the_confusion_figure_holds_shares_of_the_true_class():
    y, p = drawn(300, 3)
    figure = prediction_blocks(THREE, y, p)[0]
    z = np.array(json.loads(figure.spec)["data"][0]["z"])
    counts = confusion(y.tolist(), p.tolist(), 3)
    assert np.allclose(z, counts / counts.sum(axis=1, keepdims=True), atol=6e-4)
    assert f"{np.trace(counts)} of 300 rows" in figure.what


def test_many_classes_become_a_list_of_mistakes():
    y, p = drawn(900, 30)
    task = Task("multiclass", "t", tuple(f"class {k}" for k in range(30)))
    table = prediction_blocks(task, y, p)[0]
    assert isinstance(table, Table)
    rows = [row[2] for row in table.rows]
    assert rows == sorted(rows, reverse=True)
    assert len(rows) == 20
    counts = confusion(y.tolist(), p.tolist(), 30)
    np.fill_diagonal(counts, 0)
    assert rows[0] == counts.max()


def test_a_class_without_rows_has_no_share():
    y, p = drawn(300, 3)
    p[y == 2] = [1, 0, 0]
    p[:, 2] = 0
    table = prediction_blocks(THREE, np.where(y == 2, 0, y), p)[-1]
    row = next(row for row in table.rows if row[0] == "c")
    assert row[1] == 0
    assert row[3] is None
    assert row[4] is None


def test_residuals_of_perfect_and_of_constant_predictions():
    y = np.linspace(0, 1, 501)
    task = Task("regression", "t")
    facts, observed, _ = prediction_blocks(task, y, y)
    assert dict(facts.items)["Median miss"] == "0"
    assert "All 501 held-out rows are drawn." in observed.why
    facts, _, residuals = prediction_blocks(task, y, np.full(501, 0.5))
    assert dict(facts.items)["Median miss"] == "0.250"
    assert residuals.spec


def test_large_held_out_parts_are_subsampled_and_say_so():
    y = np.random.default_rng(0).normal(size=20_000)
    observed = prediction_blocks(Task("regression", "t"), y, y + 0.1)[1]
    assert "Drawn are 1,000 of 20,000" in observed.why
    assert len(json.loads(observed.spec)["data"][0]["x"]) == 1000
