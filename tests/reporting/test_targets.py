"""Several targets in the report: each beside rivals of its own, its confusion, its picture."""

import re

import numpy as np
import pytest

from profunda.data.task import Task
from profunda.metrics.score import metric_for
from profunda.model.score import Baseline
from profunda.reporting.blocks import Bars, Figures, Table, Text
from profunda.reporting.targets import each_target, label_counts, target_blocks, target_values

LABELS = Task.of_parts(tuple(Task("binary", name, ("no", "yes")) for name in ("rain", "snow")))
AMOUNTS = Task.of_parts(tuple(Task("regression", name, (), "number") for name in ("heat", "cold")))


def rival(name: str, *targets: float) -> Baseline:
    return Baseline(name, name, None, 0.0, "", targets)


def numbers() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = rng.normal(size=(40, 2))
    p = y + 0.3 * rng.normal(size=(40, 2))
    y[3, 1] = np.nan
    return y, p


@pytest.mark.parametrize(
    ("trees", "words", "told"),
    [
        ((0.9, 0.9), ("ahead of", "ahead of"), "nothing here speaks against sharing"),
        ((0.9, 0.01), ("ahead of", "behind"), "1 of 2 targets are predicted better .* alone: cold"),
        ((0.9, float("nan")), ("ahead of", "not to be compared"), "nothing here speaks against sharing"),
    ],
)
def test_every_target_stands_beside_the_best_rival_of_its_own(
    trees: tuple[float, float], words: tuple[str, str], told: str
) -> None:
    y, p = numbers()
    baselines = (rival("mean", 1.0, 1.0), rival("trees", *trees))
    table, note = each_target(AMOUNTS, metric_for("multioutput"), y, p, baselines)
    assert isinstance(table, Table)
    assert isinstance(note, Text)
    assert table.columns == ("target", "held-out rows", "the model", "mean", "trees", "the model is")
    assert [row[1] for row in table.rows] == [40, 39]
    assert [str(row[-1]).startswith(word) for row, word in zip(table.rows, words, strict=True)] == [
        True,
        True,
    ]
    assert re.search(told, note.text)


def test_where_more_is_better_the_best_rival_is_the_highest() -> None:
    y, p = numbers()
    table, _ = each_target(
        AMOUNTS, metric_for("multioutput", "r2"), y, p, (rival("mean", 0, 0), rival("t", 1.0, 0.1))
    )
    assert [str(row[-1]).split()[0] for row in table.rows] == ["behind", "ahead"]


def test_without_rivals_only_the_model_is_told() -> None:
    y, p = numbers()
    (table,) = each_target(AMOUNTS, metric_for("multioutput"), y, p, ())
    assert [row[-1] for row in table.rows] == ["not to be compared"] * 2


def test_the_confusion_of_each_label_is_counted() -> None:
    y = np.array([[1, 0], [1, 1], [0, np.nan], [0, 1]], float)
    p = np.array([[0.9, 0.2], [0.2, 0.7], [0.8, 0.9], [0.1, 0.6]])
    first, second = label_counts(LABELS, y, p).rows
    assert first[:5] == ("rain", 1, 1, 1, 1)
    assert first[5:] == pytest.approx((0.5, 0.5, 0.5, 0.5))
    assert second[:5] == ("snow", 2, 0, 0, 1)
    assert second[7:] == pytest.approx((0.5, 2 / 3))


def test_numbers_are_drawn_each_and_labels_counted() -> None:
    y, p = numbers()
    (figures,) = target_blocks(AMOUNTS, y, p)
    assert isinstance(figures, Figures)
    assert [one.title for one in figures.figures] == ["heat", "cold"]
    (table,) = target_blocks(LABELS, (y > 0).astype(float), np.abs(np.tanh(p)))
    assert isinstance(table, Table)


def test_what_the_targets_hold_is_told_with_their_gaps() -> None:
    y, _ = numbers()
    table = target_values(AMOUNTS, y)
    assert isinstance(table, Table)
    assert table.rows[1][1] == 39
    bars = target_values(LABELS, np.where(np.isnan(y), np.nan, (y > 0).astype(float)))
    assert isinstance(bars, Bars)
    assert "missing in 1" in bars.bars[1].text
