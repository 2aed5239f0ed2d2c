"""Robustness of a predictor whose answers are known: what noise, shift and the edge of a range do to it."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from profunda.data.reading import read
from profunda.data.schema import Schema
from profunda.data.task import Task
from profunda.errors import ArgumentError, DataError
from profunda.metrics.score import metric_for
from profunda.tuning.robustness import stress, stress_rows


@dataclass(frozen=True)
class Line:
    """ŷ = Σ w x, where the truth is the same: every error comes from the corruption."""

    task: Task
    schema: Schema
    weights: tuple[float, ...]

    def predict_codes(self, codes: np.ndarray) -> np.ndarray:
        return np.nan_to_num(codes) @ np.array(self.weights)


def line(weights=(3.0, 1.0), rows: int = 600):
    x = np.random.default_rng(0).normal(size=(rows, len(weights)))
    data = read((x, x @ np.array(weights)))
    return Line(data.task, data.schema, tuple(weights)), data


def test_noise_makes_the_error_that_the_formula_says():
    model, data = line()
    found = stress(model, data, strengths=(0.5, 1.0))
    assert found.value == pytest.approx(0, abs=1e-9)
    noise = [one for one in found.points if one.kind == "noise"]
    for one in noise:  # sd of Σ w s z
        assert one.value == pytest.approx(one.strength * np.hypot(3, 1), rel=0.1)
        assert one.worse == pytest.approx(one.value)
        assert one.low < one.worse < one.high
    assert [one.strength for one in noise] == [0.5, 1.0]


def test_a_shift_makes_a_constant_error_and_a_stretch():
    model, data = line((2.0,))
    (_, shift) = stress(model, data, strengths=(0.8,)).points
    # ŷ − y = 2(0.4 x ± 0.8 s) with sd s of x about 1
    assert shift.value == pytest.approx(2 * np.hypot(0.4, 0.8), rel=0.08)


def test_a_model_that_looks_at_nothing_stands_everything():
    model, data = line()
    found = stress(replace(model, weights=(0.0, 0.0)), data)
    for one in found.points:
        assert (one.worse, one.low, one.high) == pytest.approx((0, 0, 0), abs=1e-12)


def test_the_edge_is_that_of_the_column_the_model_relies_on():
    model, data = line((0.2, 5.0))
    wrong = replace(data, y=data.y + np.where(data.codes[:, 1] > 1.2, 10.0, 0.0))
    found = stress(model, wrong)
    assert found.beyond is not None
    assert found.beyond.column == data.schema.columns[1]
    if found.beyond.above:
        assert found.beyond.low > 0
    assert found.beyond.rows == pytest.approx(60, abs=1)
    text = str(found)
    assert "noise of 0.5 standard deviations" in text
    assert f"where {found.beyond.column} is" in text


def test_of_many_rows_and_columns_the_foremost_are_looked_at():
    weights = tuple([0.01] * 29 + [4.0])
    model, data = line(weights, rows=4500)
    found = stress(model, data, strengths=(0.1,))
    assert found.rows == 4000
    assert found.beyond.column == data.schema.columns[29]


def test_few_rows_have_no_edge_and_none_no_robustness():
    model, data = line(rows=100)
    assert stress(model, data).beyond is None
    with pytest.raises(ArgumentError, match="robustness of 0 rows is not defined"):
        stress_rows(model, np.empty((0, 2)), np.empty(0), metric_for("regression"))


def test_a_score_of_which_more_is_better_gets_worse_upwards_too():
    model, data = line()
    found = stress(model, data, metric="r2", strengths=(0.5,))
    assert found.greater_is_better
    assert found.points[0].value < found.value
    assert found.points[0].worse > 0


def test_the_same_seed_gives_the_same_numbers():
    model, data = line()
    assert stress(model, data) == stress(model, data)
    assert stress(model, data) != stress(model, data, seed=1)


def test_categories_are_told_by_name_not_by_their_number():
    import polars as pl

    rng = np.random.default_rng(0)
    words = rng.choice(["a", "b", "c"], 300, p=[0.6, 0.3, 0.1])
    learned = read(
        pl.DataFrame({"w": words, "target": (words == "a") * 2.0 + rng.normal(0, 0.1, 300)}), "target"
    )
    other = np.where(words == "a", "c", np.where(words == "c", "a", words))  # now c is the commonest
    fresh = read(
        pl.DataFrame({"w": other, "target": (other == "a") * 2.0 + rng.normal(0, 0.1, 300)}), "target"
    )
    assert learned.schema.features[0].vocabulary != fresh.schema.features[0].vocabulary

    class Named(Line):
        def predict_codes(self, codes):
            return 2.0 * (codes[:, 0] == learned.schema.features[0].vocabulary.index("a"))

    model = Named(learned.task, learned.schema, ())
    assert stress(model, fresh, strengths=(0.1,)).value < 0.2


def test_data_of_another_table_are_refused():
    model, data = line()
    x = data.codes
    with pytest.raises(
        DataError, match="the data have 1 input columns and 0 classes, the model learned from 2"
    ):
        stress(model, (x[:, :1], data.y))
    with pytest.raises(ArgumentError, match=r"strength=-0\.1 of a corruption counts standard deviations"):
        stress(model, data, strengths=(-0.1,))
