"""DeepClassifier and DeepRegressor as their users meet them."""

import pickle
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import profunda.job.fitting
from profunda.errors import ArgumentError, DataError
from profunda.estimator.classifier import DeepClassifier
from profunda.estimator.fleet import trials_for
from profunda.estimator.regressor import DeepRegressor
from profunda.model.saving import load
from profunda.space.domain import Choice, LogFloat
from profunda.space.space import Space


def rows(n: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two classes apart by their first column."""
    x = np.random.default_rng(seed).normal(size=(n, 3))
    return x, (x[:, 0] > 0).astype(int)


def frame(n: int = 80) -> tuple[pl.DataFrame, np.ndarray]:
    """A frame with text, gaps and truth values, and classes that the text decides."""
    rng = np.random.default_rng(1)
    colour = rng.choice(["red", "green", "blue"], n)
    size = rng.normal(size=n)
    table = pl.DataFrame(
        {
            "colour": [
                None if lost else name for name, lost in zip(colour, rng.uniform(size=n) < 0.1, strict=True)
            ],
            "size": [
                None if lost else value for value, lost in zip(size, rng.uniform(size=n) < 0.1, strict=True)
            ],
            "known": rng.uniform(size=n) < 0.5,
        }
    )
    return table, np.where(colour == "red", "warm", "cold")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """What the main job is asked for, while it runs as ever."""
    calls: list[dict[str, object]] = []
    real = profunda.job.fitting.fit

    def recording(data: object, **words: object) -> object:
        calls.append(words)
        return real(data, **words)

    monkeypatch.setattr(profunda.job.fitting, "fit", recording)
    return calls


def test_every_parameter_reaches_the_job(asked: list[dict[str, object]]) -> None:
    x, y = rows()
    DeepClassifier(
        trials=3, metric="accuracy", fix={"depth": 1}, sampler="tpe", folds=2, select="best",
        refit="retrain", engine="torch", workers=1, random_state=7, verbose=0, forecast=False,
    ).fit(x, y)  # fmt: skip
    (words,) = asked
    for name, value in {
        "trials": 3, "seconds": None, "metric": "accuracy", "fix": {"depth": 1}, "sampler": "tpe",
        "folds": 2, "select": "best", "refit": "retrain", "engine": "torch", "workers": 1, "seed": 7,
        "progress": False, "space": None, "out": None, "baselines": False, "report": False, "test": 0.0,
        "forecast": False,
    }.items():  # fmt: skip
        assert words[name] == value, name


@pytest.mark.parametrize(("count", "trials"), [(20, 4), (100, 5), (1_000, 50), (10**6, 200)])
def test_the_default_budget_is_scaled_to_the_rows(count: int, trials: int) -> None:
    assert trials_for(count) == trials


def test_the_default_budget_gives_way_to_either_word(asked: list[dict[str, object]]) -> None:
    x, y = rows()
    DeepClassifier(random_state=0).fit(x, y)
    DeepClassifier(random_state=0, trials=2).fit(x, y)
    DeepClassifier(random_state=0, seconds=1).fit(x, y)
    assert [(words["trials"], words["seconds"]) for words in asked] == [(4, None), (2, None), (None, 1)]


def test_it_learns_a_frame_with_text_and_gaps() -> None:
    table, y = frame()
    fitted = DeepClassifier(trials=8, random_state=0).fit(table, y)
    assert fitted.classes_.tolist() == ["cold", "warm"]
    assert fitted.feature_names_in_.tolist() == ["colour", "size", "known"]
    assert fitted.score(table, y) > 0.85
    shuffled = table.select("known", "colour", "size")
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.predict(shuffled)


def test_pandas_and_polars_give_the_same() -> None:
    table, y = frame()
    one = DeepClassifier(trials=2, random_state=0).fit(table, y)
    other = DeepClassifier(trials=2, random_state=0).fit(table.to_pandas(), y)
    assert (one.predict_proba(table) == other.predict_proba(table.to_pandas())).all()


@pytest.mark.parametrize(
    "classes",
    [
        np.array(["b", "a"]),
        np.array(["b", "a"], object),
        np.array([5, -3]),
        np.array([2.0, 1.0]),
        np.array([True, False]),
    ],
    ids=["text", "objects", "integers", "floats", "truth values"],
)
def test_classes_come_back_as_they_were(classes: np.ndarray) -> None:
    x, y = rows(40)
    fitted = DeepClassifier(trials=2, random_state=0).fit(x, classes[y])
    assert fitted.classes_.tolist() == sorted(classes.tolist())
    found = fitted.predict(x)
    assert found.dtype == fitted.classes_.dtype
    # The Model inside speaks of the same classes.
    assert found.tolist() == fitted.model_.predict(x).tolist()
    assert (fitted.classes_[fitted.predict_proba(x).argmax(axis=1)] == found).all()


def test_more_than_ten_classes_keep_their_order() -> None:
    """As texts, 10 would come before 2."""
    y = np.repeat(np.arange(12), 8)
    x = np.random.default_rng(0).normal(size=(96, 2)) * 0.1 + np.stack([y % 4, y // 4], axis=1)
    fitted = DeepClassifier(trials=6, random_state=0).fit(x, y)
    assert fitted.model_.task.classes == tuple(map(str, range(12)))
    assert fitted.score(x, y) > 0.5


def test_the_same_seed_is_the_same_model() -> None:
    x, y = rows()
    first, again, other = (
        DeepClassifier(trials=2, random_state=seed).fit(x, y).predict_proba(x) for seed in (0, 0, 1)
    )
    assert (first == again).all()
    assert not (first == other).all()
    drawn = [
        DeepClassifier(trials=2, random_state=np.random.RandomState(3)).fit(x, y).predict_proba(x)
        for _ in range(2)
    ]
    assert (drawn[0] == drawn[1]).all()


def test_a_regressor_stays_in_the_range_it_has_seen() -> None:
    x, _ = rows(80)
    y = 100 + 10 * x[:, 0] + 5 * x[:, 1]
    fitted = DeepRegressor(trials=8, random_state=0).fit(x, y)
    assert fitted.score(x, y) > 0.7
    far = fitted.predict(x * 1e3)
    assert far.min() >= y.min()
    assert far.max() <= y.max()


def test_missing_values_are_welcome_in_arrays() -> None:
    x, y = rows()
    x[::7, 1] = np.nan
    assert DeepClassifier(trials=2, random_state=0).fit(x, y).predict(x).shape == (60,)


def test_pickled_cloned_and_saved(tmp_path: Path) -> None:
    x, y = rows()
    fitted = DeepClassifier(trials=2, random_state=0).fit(x, y)
    assert (pickle.loads(pickle.dumps(fitted)).predict_proba(x) == fitted.predict_proba(x)).all()
    fresh = clone(fitted)
    assert fresh.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        fresh.predict(x)
    fitted.model_.save(tmp_path / "model")
    assert (load(tmp_path / "model").predict_proba(x) == fitted.predict_proba(x)).all()


def test_what_was_found_is_kept() -> None:
    x, y = rows()
    with pytest.warns(UserWarning, match="copy the target .* x3"):
        fitted = DeepClassifier(trials=3, random_state=0).fit(np.column_stack([x, y]), y)
    assert len(fitted.search_.trials) == 3
    assert any("x3" in notice.text for notice in fitted.notices_)  # the column that copies the target
    assert "x3" not in fitted.model_.schema.columns
    assert fitted.n_features_in_ == 4


def test_it_works_inside_scikit_learns_own_machines() -> None:
    x, y = rows(60)
    pipeline = make_pipeline(StandardScaler(), DeepClassifier(trials=2, random_state=0))
    assert cross_val_score(pipeline, x, y, cv=2).shape == (2,)
    search = GridSearchCV(DeepClassifier(trials=2, random_state=0), {"select": ["greedy", "best"]}, cv=2).fit(
        x, y
    )
    assert search.best_params_["select"] in ("greedy", "best")


def test_refusals() -> None:
    x, y = rows(20)
    with pytest.raises(ValueError, match="needs at least 2 classes, but y has 1 class: 0"):
        DeepClassifier().fit(x, y * 0)
    with pytest.raises(ArgumentError, match="nonsense"):
        DeepClassifier(metric="nonsense").fit(x, y)
    with pytest.raises(ArgumentError, match="select='nonsense' is unknown"):
        DeepRegressor(select="nonsense").fit(x, x[:, 0])


# --- why it is not better ---


def test_a_fitted_estimator_tells_what_keeps_its_network_from_learning() -> None:
    table, y = frame()
    narrow = Space(
        {"depth": Choice(1), "width": Choice(16), "lr": LogFloat(1e-7, 2e-7), "epochs": Choice(20)}
    )
    slow = DeepClassifier(trials=2, space=narrow, forecast=False, folds=2, random_state=0).fit(table, y)
    before = slow.predict_proba(table)
    found = slow.diagnose(table, y)
    assert found.findings[0].code == "rate-too-low"
    assert (slow.predict_proba(table) == before).all()
    assert [one.code for one in slow.diagnose(table, y).findings] == [one.code for one in found.findings]


def test_a_sound_regressor_has_no_fault() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 3))
    y = x[:, 0] + np.sin(x[:, 1])
    fitted = DeepRegressor(trials=4, random_state=0).fit(x, y)
    assert not [one.code for one in fitted.diagnose(x, y).findings if one.severity == "fault"]
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        fitted.diagnose(x, y[:-1])


def test_a_diagnosis_asks_for_what_fit_has_seen() -> None:
    table, y = frame()
    with pytest.raises(NotFittedError):
        DeepClassifier().diagnose(table, y)
    fitted = DeepClassifier(trials=1, random_state=0).fit(table, y)
    with pytest.raises(ValueError, match="classes that fit has not seen: tepid; it has seen cold, warm"):
        fitted.diagnose(table, ["tepid"] * len(y))


def test_several_labels_and_several_numbers_are_learned_together() -> None:
    x, _ = rows(80)
    labels = (x[:, :2] > 0).astype(int)
    model = DeepClassifier(trials=1, fix={"epochs": 20}, random_state=0).fit(x, labels)
    assert (model.predict(x).shape, model.predict_proba(x).shape) == ((80, 2), (80, 2))
    np.testing.assert_array_equal(model.predict(x), (model.predict_proba(x) > 0.5).astype(int))
    assert model.classes_.tolist() == [0, 1]
    assert model.score(x, labels) > 0.6
    y = x[:, :2] + x[:, 1:]
    numbers = DeepRegressor(trials=1, fix={"epochs": 20}, random_state=0).fit(x, y)
    assert numbers.predict(x).shape == (80, 2)
    assert numbers.score(x, y) > 0.5
    with pytest.raises(ArgumentError, match=r"diagnose watches .* for one target, and this model has 2"):
        model.diagnose(x, labels)


def test_labels_other_than_0_and_1_are_refused() -> None:
    x, y = rows()
    with pytest.raises(
        ValueError, match=r"Multioutput target data is not supported|values other than 0 and 1"
    ):
        DeepClassifier(trials=1).fit(x, np.stack([y, y + 1], axis=1))


def test_rows_of_many_tasks_name_the_column_that_says_which() -> None:
    x, _ = rows(120)
    school = np.arange(120) % 3
    y = np.array([2.0, 2.0, -2.0])[school] * x[:, 0]
    table = pl.DataFrame({"x0": x[:, 0], "x1": x[:, 1], "school": school})
    held = {"depth": 1, "width": 16, "epochs": 30, "lr": 0.01}
    heads = DeepRegressor(trials=1, fix=held | {"sharing": "heads"}, task_column="school", random_state=0)
    pooled = clone(heads).set_params(fix=held | {"sharing": "pooled"})
    assert heads.fit(table, y).score(table, y) > pooled.fit(table, y).score(table, y) + 0.1
    assert heads.model_.parts[0].design.sharing == "heads"
    with pytest.raises(DataError, match="there is no column 'shop' for the tasks; did you mean 'school'"):
        DeepClassifier(trials=1, task_column="shop").fit(table, y > 0)
