"""Scores of parts of the held-out rows, against a loop over the table's own words."""

import numpy as np
import pandas as pd
import pytest
from tests.reporting.cards.tables import people

import profunda
from profunda.data.dataset import Dataset
from profunda.data.task import Task
from profunda.metrics.score import metric_for
from profunda.reporting.slices import LEAST_ROWS, Slice, class_scores, slices


def naive(table: pd.DataFrame, y: np.ndarray, p: np.ndarray, columns: tuple[str, ...]) -> dict[tuple, tuple]:
    """Rows and log-loss of each combination of words, row by row."""
    found: dict[tuple, list[float]] = {}
    for k, (_, row) in enumerate(table.iterrows()):
        found.setdefault(tuple(row[c] for c in columns), []).append(-np.log(p[k, y[k]]))
    return {key: (len(v), float(np.mean(v))) for key, v in found.items() if len(v) >= LEAST_ROWS}


@pytest.fixture(scope="module")
def judged() -> tuple[pd.DataFrame, Dataset, np.ndarray]:
    table = people(2000, seed=1)
    dataset = profunda.read(table, "bought")
    return table, dataset, np.random.default_rng(2).dirichlet((2, 2), 2000)


def found(dataset: Dataset, p: np.ndarray, columns: tuple[str, ...]) -> dict[tuple, Slice]:
    every = slices(dataset, np.arange(len(p)), p, metric_for("binary", "log_loss"))
    return {one.levels: one for one in every if one.columns == columns}


@pytest.mark.parametrize("columns", [("town",), ("kind",), ("town", "kind")])
def test_a_slice_is_the_metric_on_its_rows(
    columns: tuple[str, ...], judged: tuple[pd.DataFrame, Dataset, np.ndarray]
) -> None:
    table, dataset, p = judged
    wanted = naive(table, dataset.y, p, columns)
    told = found(dataset, p, columns)
    assert len(wanted) == 2 ** len(columns)
    assert {key: (one.rows, pytest.approx(one.value)) for key, one in told.items()} == wanted
    assert all(one.low < one.value < one.high for one in told.values())


def test_the_oracle_sees_one_row_in_another_group(judged: tuple[pd.DataFrame, Dataset, np.ndarray]) -> None:
    table, dataset, p = judged
    other = table.copy()
    other.loc[0, "town"] = {"north": "south", "south": "north"}[table.loc[0, "town"]]
    assert naive(other, dataset.y, p, ("town",)) != naive(table, dataset.y, p, ("town",))


def test_numbers_are_cut_into_quarters_that_share_no_row(
    judged: tuple[pd.DataFrame, Dataset, np.ndarray],
) -> None:
    table, dataset, p = judged
    told = found(dataset, p, ("amount",))
    assert [one.rows for one in told.values()] == [450] * 4
    assert sum(one.rows for one in told.values()) == table["amount"].notna().sum()


def test_missing_categories_are_a_group() -> None:
    table = people(300)
    table.loc[:99, "town"] = None
    dataset = profunda.read(table, "bought")
    told = found(dataset, np.full((300, 2), 0.5), ("town",))
    assert told["missing",].rows == 100


def test_a_group_of_few_rows_says_nothing() -> None:
    table = people(300)
    table.loc[: LEAST_ROWS - 2, "town"] = "tiny"
    table.loc[LEAST_ROWS:, "town"] = "large"
    told = found(profunda.read(table, "bought"), np.full((300, 2), 0.5), ("town",))
    assert ("tiny",) not in told


def test_columns_that_tell_each_other_are_not_crossed() -> None:
    table = people(600)
    table["again"] = table["town"].str.upper()
    table["kind"] = "one"
    every = slices(
        profunda.read(table, "bought"),
        np.arange(600),
        np.full((600, 2), 0.5),
        metric_for("binary", "log_loss"),
    )
    assert {len(one.columns) for one in every} == {1}


def test_an_interval_covers_what_it_should() -> None:
    """Of 60 samples from one source, the interval of a group's accuracy holds the truth in about 95 %."""
    hits = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        table = pd.DataFrame(
            {"g": rng.choice(["a", "b"], 400), "y": rng.choice(["n", "y"], 400, p=[0.3, 0.7])}
        )
        every = slices(
            profunda.read(table, "y"),
            np.arange(400),
            np.tile([0.0, 1.0], (400, 1)),
            metric_for("binary", "accuracy"),
        )
        hits += next(one.low <= 0.7 <= one.high for one in every if one.levels == ("a",))
    assert 51 <= hits <= 60  # 57 ± 3.6 at two standard deviations


def test_without_rows_there_is_nothing() -> None:
    dataset = profunda.read(people(60), "bought")
    assert slices(dataset, np.arange(0), np.empty((0, 2)), metric_for("binary")) == ()


def test_class_scores_by_hand() -> None:
    task = Task("multiclass", "t", ("a", "b", "c"))
    y = np.array([0, 0, 0, 1, 1])
    said = np.array([0, 0, 1, 1, 1])
    told = class_scores(task, y, np.eye(3)[said])
    assert [(one.name, one.rows) for one in told] == [("a", 3), ("b", 2), ("c", 0)]
    assert told[0].recall == pytest.approx(2 / 3)
    assert told[0].precision == 1
    assert told[1].precision == pytest.approx(2 / 3)
    assert np.isnan(told[2].recall)
    assert np.isnan(told[2].precision)


def test_class_scores_of_labels_leave_gaps_out() -> None:
    part = Task("binary", "red", ("no", "yes"))
    task = Task.of_parts((part, Task("binary", "blue", ("no", "yes"))))
    y = np.array([[1, 1], [1, np.nan], [0, 0]], float)
    told = class_scores(task, y, np.array([[0.9, 0.2], [0.4, 0.9], [0.6, 0.1]]))
    assert [(one.name, one.rows, one.recall) for one in told] == [("red", 2, 0.5), ("blue", 1, 0.0)]
    assert told[0].precision == 0.5
    assert np.isnan(told[1].precision)


def test_a_label_of_one_half_is_not_said_as_in_a_prediction() -> None:
    parts = tuple(Task("binary", name, ("no", "yes")) for name in ("red", "blue"))
    told = class_scores(Task.of_parts(parts), np.ones((2, 2)), np.array([[0.5, 0.51], [0.5, 0.5]]))
    assert [one.recall for one in told] == [0.0, 0.5]


def test_numbers_have_no_class_scores() -> None:
    assert class_scores(Task("regression", "t"), np.ones(3), np.ones(3)) == ()
