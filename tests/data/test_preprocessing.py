"""Preprocessing: against its naive twins, fitted on its rows alone, frozen, and of a fixed layout."""

import json
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tests.oracles import data as oracle

from profunda.data.dataset import Dataset
from profunda.data.layout import ALL_BINS, ONE_HOT_MOST, YEAR
from profunda.data.preprocessing import Preprocessing, fit_preprocessing
from profunda.data.reading import read
from profunda.errors import ArgumentError, DataError, ModelError

ENCODINGS = ("robust", "quantile", "piecewise", "embedded")
RNG = np.random.default_rng(0)
N = 400


def mixed(regression: bool = True) -> Dataset:
    """All kinds of columns, with missing values, ties, an outlier, and rare categories."""
    crowd = [f"town{k}" for k in RNG.integers(0, 60, N)]
    frame = pl.DataFrame(
        {
            "smooth": RNG.standard_normal(N),
            "gaps": [None if i % 9 == 0 else float(v) for i, v in enumerate(RNG.exponential(size=N))],
            "ties": RNG.integers(0, 4, N).astype(float),
            "mostly0": np.where(RNG.random(N) < 0.9, 0.0, RNG.random(N)),
            "flag": [None if i % 17 == 0 else bool(v) for i, v in enumerate(RNG.integers(0, 2, N))],
            "place": [
                None if i % 13 == 0 else "solo" if i == 1 else "duo" if i < 4 else "abc"[i % 3]
                for i in range(N)
            ],
            "town": crowd,
            "when": pl.Series(RNG.integers(0, 10**12, N)).cast(pl.Datetime("us")),
            "y": RNG.standard_normal(N) * 40 + 1000 if regression else RNG.integers(0, 3, N),
        }
    )
    return read(frame, "y")


MIXED = mixed()
ROWS = np.arange(0, N, 2)


def fitted(dataset: Dataset, encoding: str, rows: np.ndarray = ROWS, **options: str) -> Preprocessing:
    return fit_preprocessing(
        dataset.codes, dataset.y, rows, dataset.schema, encoding, dataset.task, **options
    )  # type: ignore[arg-type]


def named(p: Preprocessing, inputs: np.ndarray, name: str) -> np.ndarray:
    return inputs[:, p.names.index(name)]


def with_median(column: np.ndarray, rows: np.ndarray) -> np.ndarray:
    present = [v for v in column[rows] if v == v]
    return np.where(np.isnan(column), oracle.quantile(present, 0.5), column)


@pytest.mark.parametrize("name", ["smooth", "gaps", "ties", "mostly0"])
def test_numbers_against_the_naive_twins(name: str) -> None:
    column = MIXED.codes[:, MIXED.schema.columns.index(name)]
    present = [v for v in column[ROWS] if v == v]
    filled = with_median(column, ROWS)
    for encoding, twin in (("robust", oracle.robust), ("quantile", oracle.quantile_input)):
        p = fitted(MIXED, encoding)
        expected = [twin(x, present) for x in filled[:100]]
        np.testing.assert_allclose(
            named(p, p.transform(MIXED.codes), name)[:100], expected, rtol=1e-6, atol=1e-6
        )


def test_piecewise_against_the_naive_twin() -> None:
    p = fitted(MIXED, "piecewise")
    inputs = p.transform(MIXED.codes)
    for name in ("smooth", "gaps"):
        column = MIXED.codes[:, MIXED.schema.columns.index(name)]
        bins = sum(one.startswith(f"{name}:bin") for one in p.names)
        assert bins == 16
        expected = [
            oracle.piecewise(x, [v for v in column[ROWS] if v == v], bins) for x in with_median(column, ROWS)
        ]
        first = p.names.index(f"{name}:bin1")
        np.testing.assert_allclose(inputs[:, first : first + bins], expected, rtol=1e-5, atol=1e-6)


def test_the_naive_twins_can_disagree() -> None:
    p = fitted(MIXED, "robust")
    others = MIXED.codes[1::2, 0]
    expected = [oracle.robust(x, others) for x in MIXED.codes[:, 0]]
    assert np.abs(named(p, p.transform(MIXED.codes), "smooth") - expected).max() > 1e-3


def test_categories_booleans_dates_and_gaps() -> None:
    p = fitted(MIXED, "robust")
    inputs, codes = p.transform(MIXED.codes), MIXED.codes
    place = codes[:, MIXED.schema.columns.index("place")]
    words = MIXED.schema.features[MIXED.schema.columns.index("place")].vocabulary
    assert words[-1] == "solo"
    for k, word in enumerate(words):  # a single rare category keeps its own input
        np.testing.assert_array_equal(named(p, inputs, f"place={word}"), place == k)
    np.testing.assert_array_equal(named(p, inputs, "place:missing"), np.isnan(place))
    flag = codes[:, MIXED.schema.columns.index("flag")]
    np.testing.assert_array_equal(named(p, inputs, "flag"), np.where(np.isnan(flag), 0, 2 * flag - 1))
    when = codes[:, MIXED.schema.columns.index("when")]
    np.testing.assert_allclose(
        named(p, inputs, "when:sin(365.243 d)"), np.sin(2 * np.pi * when / YEAR), atol=1e-6
    )
    np.testing.assert_allclose(named(p, inputs, "when:cos(1 d)"), np.cos(2 * np.pi * when), atol=1e-6)


def test_high_cardinality_gets_a_shared_input_and_a_frequency() -> None:
    p = fitted(MIXED, "robust")
    inputs = p.transform(MIXED.codes)
    town = MIXED.codes[:, MIXED.schema.columns.index("town")]
    assert sum(name.startswith("town=") for name in p.names) == ONE_HOT_MOST - 1
    np.testing.assert_array_equal(named(p, inputs, "town:rare"), town >= ONE_HOT_MOST - 1)
    counts = [sum(town[ROWS] == code) for code in town]
    np.testing.assert_allclose(
        named(p, inputs, "town:frequency"), np.log1p(counts) / np.log1p(len(ROWS)), rtol=1e-6
    )
    unseen = MIXED.codes[:1].copy()
    unseen[0, MIXED.schema.columns.index("town")] = -1
    assert named(p, p.transform(unseen), "town:rare")[0] == 1
    assert named(p, p.transform(unseen), "town:frequency")[0] == 0


def test_unseen_categories_without_rare_ones_are_all_zero() -> None:
    frame = pl.DataFrame({"c": ["a", "b", "c"] * 20, "x": RNG.random(60), "y": RNG.random(60)})
    dataset = read(frame, "y")
    p = fitted(dataset, "robust", np.arange(60))
    inputs = p.transform(np.array([[-1.0, 0.5], [1.0, 0.5]]))
    np.testing.assert_array_equal(inputs[:, 1:], [[0, 0, 0], [0, 1, 0]])
    assert p.names[1:] == ("c=a", "c=b", "c=c")


def test_ordinal_codes_are_for_embeddings() -> None:
    p = fitted(MIXED, "robust", categories="ordinal")
    inputs = p.transform(MIXED.codes)
    place = MIXED.codes[:, MIXED.schema.columns.index("place")]
    kept = dict(p.layout.ordinals)[MIXED.schema.columns.index("place")]
    expected = np.where(np.isnan(place), kept + 1, np.where(place < kept, place + 1, 0))
    np.testing.assert_array_equal(named(p, inputs, "place:code"), expected)
    assert p.D == len(p.names) < fitted(MIXED, "robust").D


def test_the_embedded_encoding_looks_up_columns_of_many_categories() -> None:
    p, robust = fitted(MIXED, "embedded"), fitted(MIXED, "robust")
    inputs, plain = p.transform(MIXED.codes), robust.transform(MIXED.codes)
    shared = [name for name in p.names if name in robust.names]
    assert set(p.names) - set(shared) == {"town:code"}
    assert all("town" in name for name in set(robust.names) - set(shared))
    for name in shared:
        np.testing.assert_array_equal(named(p, inputs, name), named(robust, plain, name))
    town = MIXED.codes[:, MIXED.schema.columns.index("town")]
    ((at, size),) = p.inputs.codes
    assert p.names[at] == "town:code"
    np.testing.assert_array_equal(inputs[:, at], np.where(town < size - 2, town + 1, 0))


@pytest.mark.parametrize("kinds", [9, 10])
def test_more_than_nine_inputs_are_many(kinds: int) -> None:
    frame = pl.DataFrame({"c": [f"k{i % kinds}" for i in range(180)], "y": RNG.random(180)})
    p = fitted(read(frame, "y"), "embedded", np.arange(180))
    assert bool(p.inputs.codes) == (kinds == 10)
    assert (1 if kinds == 10 else 9) == p.D


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("categories", ["onehot", "ordinal"])
def test_inputs_tell_their_columns(encoding: str, categories: str) -> None:
    p = fitted(MIXED, encoding, categories=categories)
    columns = MIXED.schema.columns
    for name, column in zip(p.names, p.inputs.columns, strict=True):
        assert name.split(":")[0].split("=")[0] == columns[column]
    numeric = [p.names[place] for place in p.inputs.numeric]
    assert numeric == ([] if encoding == "piecewise" else ["smooth", "gaps", "ties", "mostly0", "when"])
    inputs = p.transform(MIXED.codes)
    for place, size in p.inputs.codes:
        assert p.names[place].endswith(":code")
        assert set(inputs[:, place]) <= set(range(size))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_other_rows_have_no_influence(encoding: str) -> None:
    changed, y = MIXED.codes.copy(), MIXED.y.copy()
    changed[1::2] = changed[1::2][::-1] * 3 + 1
    y[1::2] = 1e9
    p = fitted(MIXED, encoding)
    q = fit_preprocessing(changed, y, ROWS, MIXED.schema, encoding, MIXED.task)  # type: ignore[arg-type]
    np.testing.assert_array_equal(p.transform(MIXED.codes), q.transform(MIXED.codes))
    np.testing.assert_array_equal(p.target(MIXED.y), q.target(MIXED.y))
    changed[0, 0] += 1  # a fitting row does count
    r = fit_preprocessing(changed, y, ROWS, MIXED.schema, encoding, MIXED.task)  # type: ignore[arg-type]
    assert not np.array_equal(p.transform(MIXED.codes), r.transform(MIXED.codes))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("rows", [[0], [1, 2, 3], range(0, N, 9), range(100)])
def test_the_layout_does_not_depend_on_rows(encoding: str, rows: object) -> None:
    p = fitted(MIXED, encoding, np.array(rows))
    assert p.names == fitted(MIXED, encoding).names
    inputs = p.transform(MIXED.codes)
    assert inputs.shape == (N, p.D) == (N, len(set(p.names)))
    assert inputs.dtype == np.float32
    assert np.isfinite(inputs).all()


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("categories", ["onehot", "ordinal"])
@pytest.mark.parametrize("regression", [True, False])
def test_saved_and_loaded_it_is_the_same(encoding: str, categories: str, regression: bool) -> None:
    dataset = mixed(regression)
    p = fitted(dataset, encoding, categories=categories)
    q = Preprocessing.load(json.loads(json.dumps(p.spec())), p.arrays())
    np.testing.assert_array_equal(p.transform(dataset.codes), q.transform(dataset.codes))
    np.testing.assert_array_equal(p.target(dataset.y), q.target(dataset.y))
    assert q.names == p.names
    assert q.layout == p.layout


def test_targets() -> None:
    p = fitted(MIXED, "robust")
    target = p.target(MIXED.y)
    assert target.shape == (N, 1)
    assert target.dtype == np.float32
    assert abs(float(target[ROWS].mean())) < 1e-6
    assert abs(float(target[ROWS].std()) - 1) < 1e-6
    np.testing.assert_allclose(p.untarget(target), MIXED.y, rtol=1e-5)
    np.testing.assert_allclose(p.untarget(target[:, 0]), MIXED.y, rtol=1e-5)
    classes = mixed(False)
    q = fitted(classes, "robust")
    np.testing.assert_array_equal(q.target(classes.y), classes.y)
    with pytest.raises(ArgumentError, match="untarget is for regression"):
        q.untarget(target)


def test_a_constant_training_target_has_sd_one() -> None:
    dataset = read(RNG.random((40, 2)), RNG.random(40))
    p = fit_preprocessing(
        dataset.codes, np.full(40, 3.0), np.arange(40), dataset.schema, "robust", dataset.task
    )
    np.testing.assert_array_equal(p.target(np.array([3.0, 4.0])), [[0], [1]])


@pytest.mark.parametrize("encoding", ENCODINGS)
@settings(max_examples=60, deadline=None)
@given(
    codes=arrays(np.float64, (12, 2), elements=st.floats(allow_nan=True, allow_infinity=False, width=64)),
    fit=st.lists(st.integers(0, 11), min_size=1, max_size=12, unique=True),
)
def test_any_numbers_give_finite_and_ordered_inputs(encoding: str, codes: np.ndarray, fit: list[int]) -> None:
    schema = read(np.arange(24.0).reshape(12, 2) ** 2, np.arange(12) % 2).schema
    task = read(np.arange(24.0).reshape(12, 2) ** 2, np.arange(12) % 2).task
    p = fit_preprocessing(codes, np.zeros(12, int), np.array(fit), schema, encoding, task)  # type: ignore[arg-type]
    order = np.argsort(codes[:, 0])
    inputs = p.transform(codes[order])
    assert np.isfinite(inputs).all()
    present = ~np.isnan(codes[order, 0])
    own = [i for i, name in enumerate(p.names) if name.split(":")[0] == "x0"]
    assert (
        np.diff(inputs[present][:, own], axis=0) >= -1e-6
    ).all()  # larger values never give smaller inputs


def test_many_columns_get_few_bins() -> None:
    dataset = read(RNG.random((50, 300)), np.arange(50) % 2)
    assert fitted(dataset, "piecewise", np.arange(50)).D <= ALL_BINS


def test_it_is_fast() -> None:
    import time

    dataset = read(RNG.standard_normal((50_000, 15)), RNG.standard_normal(50_000))
    for encoding in ENCODINGS:
        started = time.process_time()
        fitted(dataset, encoding, np.arange(40_000)).transform(dataset.codes)
        assert time.process_time() - started < 0.5


def test_wrong_arguments_are_told() -> None:
    with pytest.raises(ArgumentError, match="encoding is 'linear'"):
        fitted(MIXED, "linear")
    with pytest.raises(ArgumentError, match="categories is 'hash'"):
        fitted(MIXED, "robust", categories="hash")
    with pytest.raises(DataError, match="no rows to fit"):
        fitted(MIXED, "robust", np.array([], int))
    with pytest.raises(DataError, match="the schema has 8 columns"):
        fit_preprocessing(MIXED.codes[:, :3], MIXED.y, ROWS, MIXED.schema, "robust", MIXED.task)
    with pytest.raises(DataError, match=r"codes have shape \(400, 3\), expected \(N, 8\)"):
        fitted(MIXED, "robust").transform(MIXED.codes[:, :3])


@pytest.mark.parametrize(
    "damage",
    [
        lambda spec: spec.update(format=2),
        lambda spec: spec.pop("layout"),
        lambda spec: spec["layout"].pop("numeric"),
        lambda spec: spec["layout"].update(numeric=[0, 99]),
        lambda spec: spec["layout"].update(numeric=["0"]),
        lambda spec: spec["layout"].update(encoding="linear"),
        lambda spec: spec["layout"].update(names=["a"]),
        lambda spec: spec["layout"].update(bins=[1, 2]),
        lambda spec: spec["layout"].update(frequencies=[[0, 10**9]]),
        lambda spec: spec["layout"].update(cycles=[[0, "year"]]),
        lambda spec: spec["layout"].update(onehots=[{"position": 0}]),
    ],
)
def test_damaged_descriptions_are_refused(damage: Callable[[dict], object]) -> None:
    p = fitted(MIXED, "robust")
    spec = json.loads(json.dumps(p.spec()))
    damage(spec)
    with pytest.raises(ModelError, match="description of a preprocessing cannot be used"):
        Preprocessing.load(spec, p.arrays())


@pytest.mark.parametrize(
    "wrong",
    [None, np.zeros(3), np.full(5, np.nan), np.full(5, np.inf), np.zeros(5, np.float32), np.zeros((5, 1))],
)
def test_damaged_arrays_are_refused(wrong: np.ndarray | None) -> None:
    p = fitted(MIXED, "robust")
    found = {name: array for name, array in p.arrays().items() if name != "scale"}
    if wrong is not None:
        found["scale"] = wrong
    with pytest.raises(ModelError, match=r"array 'scale' of a preprocessing should be finite float64 \(5,\)"):
        Preprocessing.load(p.spec(), found)


@pytest.mark.parametrize("encoding", ["robust", "piecewise"])
def test_a_number_beyond_all_others_in_a_constant_column_gives_a_finite_input(encoding: str) -> None:
    codes = np.array([[-1.7e308], [1.7e308]] * 6)
    schema = read(np.arange(12.0)[:, None] ** 2, np.arange(12) % 2).schema
    task = read(np.arange(12.0)[:, None] ** 2, np.arange(12) % 2).task
    p = fit_preprocessing(codes, np.zeros(12, int), np.array([0]), schema, encoding, task)  # type: ignore[arg-type]
    assert np.isfinite(p.transform(codes)).all()
