"""The rivals: scored on the held-out rows, within their allowance, never fatal."""

import time

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import RidgeCV
from tables import numbers, two_classes
from threadpoolctl import threadpool_info, threadpool_limits

from profunda.data.dataset import Dataset
from profunda.data.reading import read
from profunda.data.splits import split
from profunda.job import allowance, baselines
from profunda.job.allowance import TooDear, fit_within, shuffled_rows
from profunda.job.baselines import fit_baselines
from profunda.job.rivals import Logistic, Ridge, Rival, Trees
from profunda.metrics.score import metric_for


def fitted(data: Dataset, seconds: float | None = None) -> dict[str, baselines.Baseline]:
    metric = metric_for(data.task.kind)
    return {b.name: b for b in fit_baselines(data, split(data), metric, seconds=seconds, seed=0)}


class Clock:
    """A clock that only the work of `Slow` moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


CLOCK = Clock()


class Slow(Rival):
    """A rival whose costs are known: per row at the start, per call, per step and row, per prediction."""

    name, title, unit, limit, enough, quick_enough = "slow", "slow", "rounds", 300, 50, 25
    quick_speed, prediction_grows = 2.0, True
    per_row, per_call, per_step_row, drift = 1e-4, 0.02, 1e-5, 1.0

    def __init__(self, dataset: Dataset, rows: np.ndarray, seed: int, *, quick: bool = False) -> None:
        super().__init__(dataset, rows, seed, quick=quick)
        CLOCK.now += self.per_row * len(rows)

    def grow(self, steps: int) -> None:
        dearer = self.drift if len(self.rows) > 500 else 1.0
        step = self.per_step_row * len(self.rows) * dearer
        CLOCK.now += self.per_call + steps * step / (self.quick_speed if self.quick else 1.0)
        self.steps += steps
        self.finished = self.steps >= self.limit

    def predict(self, codes: np.ndarray) -> np.ndarray:
        CLOCK.now += 1e-7 * len(codes) * self.steps
        return np.zeros(len(codes))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr(CLOCK, "now", 0.0)
    monkeypatch.setattr(allowance, "time", CLOCK)
    return CLOCK


def within(seconds: float, rows: int = 8000) -> tuple[Rival, str]:
    data = numbers(rows)
    order, test = shuffled_rows(data, np.arange(rows), 0), np.arange(rows)
    rival, note = fit_within(Slow, data, order, test, seconds, seed=0)
    rival.predict(data.codes[test])
    return rival, note


@pytest.mark.parametrize("data", [two_classes(300), numbers(300)], ids=["classes", "numbers"])
@pytest.mark.parametrize("seconds", [None, 60.0])
def test_the_trivial_one_is_the_worst(data: Dataset, seconds: float | None) -> None:
    found = fitted(data, seconds)
    trivial, linear, trees = found.values()
    assert [b.score.rows for b in found.values() if b.score] == [60, 60, 60]
    assert min(linear.score.value, trees.score.value) < trivial.score.value  # type: ignore[union-attr]
    assert [b.note for b in found.values()] == ["", "", ""]


def test_without_time_they_are_left_out_and_say_so() -> None:
    found = fitted(two_classes(300), seconds=1e-9)
    assert found["majority"].score is not None
    for name in ("linear", "trees"):
        assert found[name].score is None
        assert "left out: the baselines' share of the time budget was used up" in found[name].note


@pytest.mark.parametrize("seconds", [2.0, 4.0, 8.0, 16.0, 1000.0])
@pytest.mark.parametrize("drift", [1.0, 3.0])
def test_it_keeps_to_its_allowance(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, seconds: float, drift: float
) -> None:
    monkeypatch.setattr(Slow, "drift", drift)  # many rows are dearer than the drafts could tell
    within(seconds)
    assert clock.now <= seconds * 1.02
    assert seconds == 1000.0 or clock.now > 0.4 * seconds


def test_an_allowance_that_suffices_costs_nothing(clock: Clock) -> None:
    rival, note = within(1000.0)
    assert (rival.steps, len(rival.rows), rival.quick, note) == (300, 8000, False, "")


def test_rounds_are_cut_first_then_settings_then_rows(clock: Clock) -> None:
    rival, note = within(16.0)
    assert len(rival.rows) == 8000
    assert not rival.quick
    assert note == f"stopped after {rival.steps} rounds by the time budget"
    assert 50 <= rival.steps < 300
    rival, note = within(4.0)
    assert len(rival.rows) == 8000
    assert note.startswith("with quicker settings (smaller trees, larger steps); stopped after ")
    rival, note = within(1.2)
    assert 500 <= len(rival.rows) < 8000
    assert note.startswith(f"fitted on {len(rival.rows):,} of 8,000 rows to stay within the time budget; ")


def test_with_too_little_time_for_a_sample_it_says_what_was_needed(clock: Clock) -> None:
    with pytest.raises(TooDear, match=r"^left out: about 0\.\d s needed, 0\.\d s of the time budget left$"):
        within(0.12)


def test_a_long_first_draft_ends_the_matter(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Slow, "per_call", 1.0)
    with pytest.raises(TooDear, match="left out"):
        within(0.5)
    assert clock.now < 1.1


def test_a_real_allowance_is_kept() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(6000, 60))
    data = read((x, (x @ generator.normal(size=(60, 12))).argmax(1)), task="classification")
    started = time.perf_counter()
    found = fitted(data, seconds=2.0)
    assert time.perf_counter() - started < 3.5
    assert all(b.score is not None or b.note.startswith("left out: about") for b in found.values())


@pytest.mark.parametrize("patience", [0.0, 2.0])
def test_trees_grown_in_steps_are_those_grown_at_once(patience: float) -> None:
    data = two_classes(600)
    x = data.codes + patience * np.random.default_rng(0).normal(
        size=data.codes.shape
    )  # noise: it stops early
    data = read((x, data.y), task="classification")
    rows = np.arange(500)
    whole, grown = Trees(data, rows, 3), Trees(data, rows, 3)
    whole.grow(300)
    for steps in (1, 7, 0, 30, 300):
        if not grown.finished:
            grown.grow(steps)
    plain = HistGradientBoostingClassifier(
        max_iter=300, early_stopping=True, n_iter_no_change=20, random_state=3
    ).fit(data.codes[rows], data.y[rows])
    assert grown.finished
    assert grown.steps == whole.steps == plain.n_iter_ < 300
    assert np.array_equal(whole.predict(data.codes), plain.predict_proba(data.codes))
    assert np.allclose(grown.predict(data.codes), whole.predict(data.codes), rtol=1e-9)
    fewer = Trees(data, rows, 3)
    fewer.grow(5)
    assert not np.allclose(fewer.predict(data.codes), whole.predict(data.codes), rtol=1e-9)


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_the_logistic_model_grown_in_steps_ends_where_it_ends_at_once() -> None:
    data = two_classes(300)
    whole, grown = Logistic(data, np.arange(300), 0), Logistic(data, np.arange(300), 0)
    whole.grow(200)
    while not grown.finished:
        grown.grow(3)
    assert grown.steps <= 200
    assert np.allclose(grown.predict(data.codes), whole.predict(data.codes), atol=1e-3)


def test_ridge_is_solved_in_one_step() -> None:
    data = numbers(200)
    rival = Ridge(data, np.arange(200), 0)
    rival.grow(0)
    assert not rival.finished
    rival.grow(4)
    assert (rival.steps, rival.finished) == (1, True)
    plain = RidgeCV(alphas=np.logspace(-3, 4, 15)).fit(rival._x, data.y)
    assert np.array_equal(rival.predict(data.codes), plain.predict(rival._x))
    assert Ridge.work(200, 10) == 200 * 10 * 10
    assert Ridge.work(5, 10) == 5 * 10 * 5


def test_samples_begin_with_two_rows_of_each_class() -> None:
    x = np.random.default_rng(0).normal(size=(400, 3))
    y = np.r_[np.zeros(390), np.ones(7), [2, 2, 2]].astype(int)
    data = read((x, y), task="classification")
    order = shuffled_rows(data, np.arange(400), 0)
    assert sorted(data.y[order[:6]].tolist()) == [0, 0, 1, 1, 2, 2]
    assert sorted(order.tolist()) == list(range(400))


def test_a_class_seen_once_does_not_cost_the_trees() -> None:
    x = np.random.default_rng(0).normal(size=(300, 3))
    y = np.r_[np.zeros(150), np.ones(149), [2]].astype(int)
    assert fitted(read((x, y), task="classification"))["trees"].score is not None


def test_an_error_in_a_rival_costs_nothing_but_the_rival(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(Trees, "grow", broken)
    for seconds in (None, 60.0):
        found = fitted(two_classes(200), seconds)
        assert found["trees"].score is None
        assert found["trees"].note == "left out: MemoryError: no room"
        assert found["linear"].score is not None


def test_they_play_no_part_in_the_random_numbers_of_others() -> None:
    state = np.random.get_state()[1].copy()
    fitted(two_classes(200))
    fitted(two_classes(200), seconds=20.0)
    assert np.array_equal(state, np.random.get_state()[1])


def test_without_a_budget_they_are_the_same_each_time() -> None:
    first, second = fitted(two_classes(300)), fitted(two_classes(300))
    assert [b.score for b in first.values()] == [b.score for b in second.values()]


def test_threads_are_held_to_one_only_while_rivals_keep_to_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    grow = Logistic.grow

    def watched(self: Logistic, steps: int) -> None:
        seen.append({pool["num_threads"] for pool in threadpool_info()})
        grow(self, steps)

    monkeypatch.setattr(Logistic, "grow", watched)
    with threadpool_limits(2):
        fitted(two_classes(200))
        free = seen[0]
        fitted(two_classes(200), seconds=20.0)
        assert seen[-1] == {1} != free
        assert {pool["num_threads"] for pool in threadpool_info()} == free


def test_wide_data_are_cut_to_what_fits_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("profunda.job.baselines.MOST_CELLS", 900)
    rng = np.random.default_rng(0)
    dataset = read(rng.normal(size=(200, 6)), rng.integers(0, 2, 200))
    splits = split(dataset)
    found = fit_baselines(dataset, splits, metric_for("binary", None), seconds=None, seed=0)
    assert [one.note for one in found[1:]] == ["fitted on 150 of 160 rows to stay within memory"] * 2
