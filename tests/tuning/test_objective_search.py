"""Searches of an objective by budgets, constraints and several metrics, ended early or begun warm."""

import json
import math
import time
from collections import Counter
from pathlib import Path

import pytest

from profunda.errors import ArgumentError, RunError
from profunda.fleet.history import Status
from profunda.journal.record import Journal, read_journal
from profunda.space.domain import Float
from profunda.space.space import When
from profunda.tuning.objective import search
from profunda.tuning.result import SearchResult

LINE = {"x": Float(-1, 1)}
TREE = {"x": Float(-1, 1), "kind": ["a", "b"], "y": When("kind", "b", Float(0, 1))}


def account(result: SearchResult) -> str:
    told = ((t.number, t.params, t.scores, t.value, t.status) for t in result.trials)
    reached = ((t.rung, t.epochs, t.violation) for t in result.trials)
    return repr(list(zip(told, reached, strict=True)))


def bowl(params: dict, seed: int) -> dict:
    return {"loss": (params["x"] - 0.3) ** 2, "size": 1 + params["x"], "seed": seed}


def learning(params: dict, seed: int, budget: int) -> float:
    """Falls with training; what is best at the end is best at once."""
    return (params["x"] - 0.3) ** 2 + 1 / budget


def keeping(params: dict, *, budget: int, checkpoint: Path) -> dict:
    """Counts its epochs in a file, as a network that is trained on would."""
    note = checkpoint / "state.json"
    done = json.loads(note.read_text())["epochs"] if note.exists() else 0
    note.write_text(json.dumps({"epochs": budget}))
    return {"loss": (params["x"] - 0.3) ** 2 + 1 / budget, "trained": budget - done}


# --- budgets ---


@pytest.mark.parametrize("sampler", ["random", "tpe", "batch"])
def test_halving_trains_a_third_on_at_each_rung(sampler: str) -> None:
    found = search(learning, LINE, n_trials=27, sampler=sampler, fidelity="halving", max_budget=27)
    assert Counter(t.epochs for t in found.trials) == {3: 18, 9: 6, 27: 3}
    assert Counter(t.status for t in found.trials) == {Status.OUTCOMPETED: 24, Status.COMPLETED: 3}
    assert found.rungs == (3, 9, 27)
    assert found.best is not None
    assert found.best.epochs == 27
    assert abs(found.best.params["x"] - 0.3) == min(abs(t.params["x"] - 0.3) for t in found.trials)


def test_hyperband_takes_turns_and_its_finished_trials_stand_equally_high() -> None:
    found = search(learning, LINE, n_trials=27 + 14 + 9, fidelity="hyperband", max_budget=27)
    brackets = [found.trials[:27], found.trials[27:41], found.trials[41:]]
    assert [min(t.epochs for t in each) for each in brackets] == [3, 9, 27]
    assert {t.rung for t in found.trials if t.epochs == 27} == {2}


def test_one_epoch_then_the_best_three() -> None:
    found = search(learning, LINE, n_trials=20, fidelity="one-epoch", max_budget=30)
    assert Counter(t.epochs for t in found.trials) == {1: 17, 30: 3}


def test_full_is_told_the_whole_budget() -> None:
    found = search(learning, LINE, n_trials=3, max_budget=10)
    assert all(t.value == learning(t.params, 0, 10) for t in found.trials)


def test_a_checkpoint_holds_what_the_rung_before_left(tmp_path: Path) -> None:
    words = {"n_trials": 9, "fidelity": "halving", "max_budget": 9}
    for out in (None, tmp_path / "run"):
        found = search(keeping, LINE, metric="loss", out=out, **words)
        trained = {t.epochs: dict(t.scores)["trained"] for t in found.trials}
        assert trained == {3: 3.0, 9: 6.0}
    left = sorted(p.name for p in (tmp_path / "run" / "checkpoints").glob("trial-*/rung-*"))
    assert left == ["rung-0"] * 6 + ["rung-1"] * 3


def keep(run: Path, number: int, rung: int, epochs: int) -> None:
    folder = run / "checkpoints" / f"trial-{number}" / f"rung-{rung}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "state.json").write_text(json.dumps({"epochs": epochs}))


@pytest.mark.parametrize("sampler", ["random", "tpe"])
@pytest.mark.parametrize("fidelity", ["halving", "hyperband"])
def test_a_search_by_rungs_goes_on_from_any_record(sampler: str, fidelity: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = {"n_trials": 36, "sampler": sampler, "fidelity": fidelity, "max_budget": 9, "metric": "loss"}
    whole = search(keeping, LINE, out=run, **words)  # type: ignore[arg-type]
    reading = read_journal(run)
    header = {name: value for name, value in reading.header.items() if name != "format"}
    for place in (1, 30, len(reading.records) // 2):
        copy = tmp_path / f"cut-{place}"
        with Journal.create(copy, header) as journal:
            for record in reading.records[:place]:
                journal.append(record.kind, **record.data)
        # What a killed run would have: the folders of calls on record, and spoilt ones.
        for record in reading.records[:place]:
            if record.kind == "step":
                number, rung = record.data["number"], record.data["step"]
                keep(copy, number, rung, record.data["budget"])
                keep(copy, number, rung + 1, 7)  # a call that was killed amid its work
        assert account(search(keeping, LINE, out=copy, **words)) == account(whole)  # type: ignore[arg-type]


def slow_for_some(params: dict, seed: int, budget: int) -> float:
    time.sleep(0.01 * (seed % 3))
    return learning(params, seed, budget)


@pytest.mark.parametrize("more", [{"fidelity": "halving"}, {"patience": 6}, {"regret": 0.02}])
def test_workers_do_not_change_the_trials(more: dict) -> None:
    words = {"n_trials": 27, "max_budget": 9, "sampler": "random", **more}
    one = search(slow_for_some, LINE, workers=1, **words)  # type: ignore[arg-type]
    two = search(slow_for_some, LINE, workers=2, **words)  # type: ignore[arg-type]
    assert account(one) == account(two)
    assert one.stopped == two.stopped


def failing(params: dict, seed: int, budget: int) -> float:
    if budget == 9 and params["x"] > 0.2:
        raise MemoryError("too deep")
    return math.nan if params["x"] < -0.5 else (params["x"] - 0.3) ** 2


def test_failures_at_a_rung_end_their_trial_alone() -> None:
    found = search(failing, LINE, n_trials=27, fidelity="halving", max_budget=9, seed=1)
    endings = Counter(t.status for t in found.trials)
    assert endings[Status.DIVERGED] > 0
    assert all(t.status is Status.DIVERGED for t in found.trials if t.params["x"] < -0.5)
    assert sum(endings.values()) == 27


def test_a_race_that_time_cuts_off_is_unfinished() -> None:
    def slow(params: dict, seed: int, budget: int) -> float:
        time.sleep(0.05)
        return params["x"]

    found = search(slow, LINE, seconds=0.4, fidelity="halving", max_budget=27)
    assert {t.status for t in found.trials} == {Status.UNFINISHED}
    assert found.stopped == "the time was used up"


@pytest.mark.parametrize(
    ("objective", "words", "text"),
    [
        (bowl, {"max_budget": 9}, r"max_budget is given, but the objective takes .*no parameter `budget`"),
        (learning, {}, r"say max_budget=…, the budget of a whole training, or give `budget` a default"),
        (learning, {"fidelity": "halving"}, r"fidelity = 'halving' trains to rungs: say max_budget"),
        (learning, {"fidelity": "sha", "max_budget": 9}, r"fidelity='sha' is unknown"),
        (learning, {"max_budget": 0}, r"max_budget = 0 must be a whole number of at least 1"),
        (bowl, {"metric": ["loss", "size"], "patience": 3}, r"2 metrics have no single best"),
        (bowl, {"metric": ["loss"]}, r"must be the name of a metric .* or a list of two or more"),
        (bowl, {"metric": ["loss", "loss"]}, r"a list of two or more different ones"),
        (bowl, {"metric": ["loss", "size"], "direction": ["minimize"]}, r"2 metrics have 1 directions"),
        (bowl, {"metric": "loss", "direction": ["minimize"]}, r"names no list"),
        (bowl, {"metric": ""}, r"metric = '' must be the name"),
        (bowl, {"metric": ["loss", "size"], "direction": "up"}, r"direction = 'up' is unknown"),
        (bowl, {"metric": "loss", "constraints": 3}, r"constraints = 3 must map metrics"),
        (bowl, {"metric": "loss", "constraints": {"size": "3"}}, r"the constraint 'size': '3' must be"),
        (bowl, {"metric": "loss", "constraints": {"sise": 3}}, r"not the metric 'sise'. Did you mean 'size'"),
        (bowl, {"metric": ["loss", "sise"]}, r"not the metric 'sise'. Did you mean 'size'"),
        (bowl, {"metric": "loss", "regret": "noise"}, r"regret='noise' needs the standard error of folds"),
    ],
)
def test_wrong_words_are_told(objective: object, words: dict, text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        search(objective, LINE, n_trials=3, **words)  # type: ignore[arg-type]


# --- constraints ---


@pytest.mark.parametrize("sampler", ["random", "tpe", "batch"])
def test_the_best_meets_every_constraint(sampler: str, tmp_path: Path) -> None:
    words = {"n_trials": 24, "sampler": sampler, "metric": "loss", "constraints": {"size": 1.1}}
    found = search(bowl, LINE, out=tmp_path / "run", **words)  # type: ignore[arg-type]
    assert found.best is not None
    assert dict(found.best.scores)["size"] <= 1.1
    for trial in found.trials:
        missed = max(0.0, dict(trial.scores)["size"] - 1.1) / 1.1
        assert trial.violation == pytest.approx(missed)
        assert trial.feasible == (missed == 0)
        assert trial.status is Status.COMPLETED
    assert account(search(bowl, LINE, out=tmp_path / "run", **words)) == account(found)  # type: ignore[arg-type]
    with pytest.raises(RunError, match="constraints"):
        search(bowl, LINE, out=tmp_path / "run", **{**words, "constraints": {"size": 2.0}})  # type: ignore[arg-type]


def test_no_trial_within_the_constraints_is_no_best() -> None:
    found = search(bowl, LINE, n_trials=5, metric="loss", constraints={"size": -9.0})
    assert found.best is None
    assert found.front == ()


def test_a_constraint_that_is_no_number_ends_the_trial() -> None:
    found = search(
        lambda params: {"loss": 1.0, "size": math.nan},
        LINE,
        n_trials=2,
        metric="loss",
        constraints={"size": 1.0},
    )
    assert {t.status for t in found.trials} == {Status.DIVERGED}
    assert found.trials[0].message == "size is nan"


# --- several metrics ---


@pytest.mark.parametrize("sampler", ["random", "tpe", "batch"])
def test_the_front_holds_the_compromises(sampler: str, tmp_path: Path) -> None:
    words = {
        "n_trials": 24,
        "sampler": sampler,
        "metric": ["loss", "size"],
        "direction": ["minimize", "maximize"],
    }
    found = search(bowl, LINE, out=tmp_path / "run", **words)  # type: ignore[arg-type]
    assert [(aim.metric, aim.greater_is_better) for aim in found.objectives] == [
        ("loss", False),
        ("size", True),
    ]
    front = [dict(t.scores) for t in found.front]
    assert [one["loss"] for one in front] == sorted(one["loss"] for one in front)
    assert [one["size"] for one in front] == sorted(one["size"] for one in front)
    for trial in found.trials:
        told = dict(trial.scores)
        assert any(one["loss"] <= told["loss"] and one["size"] >= told["size"] for one in front)
    assert account(search(bowl, LINE, out=tmp_path / "run", **words)) == account(found)  # type: ignore[arg-type]
    told = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert told["front"] == [t.number for t in found.front]


def test_the_table_tells_budgets_and_violations(tmp_path: Path) -> None:
    words = {"metric": "loss", "constraints": {"trained": 0.5}, "fidelity": "halving", "max_budget": 9}
    search(keeping, LINE, n_trials=9, out=tmp_path / "run", **words)  # type: ignore[arg-type]
    head, *rows = (tmp_path / "run" / "trials.csv").read_text().splitlines()
    assert head == "number,status,value,scores_loss,scores_trained,params_x,budget,violation,seconds,message"
    assert {row.split(",")[6] for row in rows} <= {"3", "9"}


def test_one_metric_has_a_front_of_one() -> None:
    found = search(bowl, LINE, n_trials=8, metric="loss")
    assert found.front == (found.best,)


# --- terminators ---


def test_patience_stops_at_a_block_and_says_why(tmp_path: Path) -> None:
    def flat(params: dict) -> float:
        return 1.0

    found = search(flat, LINE, n_trials=99, patience=6, out=tmp_path / "run")
    assert len(found.trials) == 8
    assert found.stopped == "the last 7 trials did not better the best"
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["stopped"] == "improvement"
    assert read_journal(tmp_path / "run").records[-1].data["why"] == "improvement"
    again = search(flat, LINE, n_trials=99, patience=6, out=tmp_path / "run")
    assert account(again) == account(found)
    more = search(flat, LINE, n_trials=12, out=tmp_path / "run")
    assert len(more.trials) == 12, "without patience the search may go on"


def test_a_bound_on_the_regret_stops_a_search_of_a_bowl() -> None:
    found = search(bowl, LINE, n_trials=300, metric="loss", sampler="quasi-random", regret=0.01)
    assert len(found.trials) < 100
    assert "is left to be gained" in found.stopped
    assert found.best is not None
    assert found.best.value < 0.01


def test_a_search_with_rungs_stops_between_brackets() -> None:
    found = search(
        lambda params, budget: 1.0, LINE, n_trials=200, fidelity="halving", max_budget=9, patience=20
    )
    assert len(found.trials) == 54, "the first bracket sets the best, the second betters nothing"
    assert found.stopped == "the last 27 trials did not better the best"


# --- warm start ---


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("old") / "run"
    search(bowl, TREE, n_trials=20, metric="loss", out=run)
    return run


@pytest.mark.parametrize("sampler", ["random", "tpe", "batch"])
def test_the_best_of_an_earlier_search_come_first(sampler: str, old: Path, tmp_path: Path) -> None:
    earlier = sorted(search(bowl, TREE, n_trials=20, metric="loss").trials, key=lambda t: t.value)
    words = {"n_trials": 20, "metric": "loss", "sampler": sampler, "seed": 7}
    found = search(bowl, TREE, warm_start=old, out=tmp_path / "run", **words)  # type: ignore[arg-type]
    assert [t.params for t in found.trials[:10]] == [t.params for t in earlier[:10]]
    cold = search(bowl, TREE, **words)  # type: ignore[arg-type]
    if sampler == "random":
        assert [t.params for t in found.trials[10:]] == [t.params for t in cold.trials[:10]]
    again = search(bowl, TREE, warm_start=old, out=tmp_path / "run", **words)  # type: ignore[arg-type]
    assert account(again) == account(found)
    part = search(bowl, TREE, warm_start=old, out=tmp_path / "part", **{**words, "n_trials": 6})  # type: ignore[arg-type]
    assert len(part.trials) == 6
    grown = search(bowl, TREE, out=tmp_path / "part", **words)  # type: ignore[arg-type]
    assert account(grown) == account(found)


def test_what_cannot_be_started_from_is_told(old: Path, tmp_path: Path) -> None:
    words = {"n_trials": 2, "metric": "loss"}
    with pytest.raises(RunError, match=r"has searched x, kind, y, this search has x"):
        search(bowl, LINE, warm_start=old, **words)  # type: ignore[arg-type]
    with pytest.raises(RunError, match=r"none of the 20 usable trials of .* lies in this space"):
        search(bowl, {**TREE, "x": Float(5, 6)}, warm_start=old, **words)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match=r"a grid tries exactly its combinations"):
        search(bowl, {"x": [1, 2]}, sampler="grid", metric="loss", warm_start=old)
    with pytest.raises(RunError, match="holds no run"):
        search(bowl, TREE, warm_start=tmp_path / "nowhere", **words)  # type: ignore[arg-type]
    search(bowl, TREE, out=tmp_path / "cold", **words)  # type: ignore[arg-type]
    with pytest.raises(RunError, match="began without warm_start"):
        search(bowl, TREE, out=tmp_path / "cold", warm_start=old, **words)  # type: ignore[arg-type]
    Journal.create(tmp_path / "fit", {"kind": "fit"}).close()
    with pytest.raises(ArgumentError, match=r"is a run of 'fit', not a search of an objective"):
        search(bowl, TREE, warm_start=tmp_path / "fit", **words)  # type: ignore[arg-type]


def test_a_journal_from_before_these_words_is_read(old: Path, tmp_path: Path) -> None:
    reading = read_journal(old)
    later = ("metrics", "directions", "constraints", "fidelity", "max_budget", "format")
    header = {name: value for name, value in reading.header.items() if name not in later}
    with Journal.create(tmp_path / "run", header) as journal:
        for record in reading.records:
            journal.append(record.kind, **record.data)
    found = search(bowl, TREE, n_trials=22, metric="loss", out=tmp_path / "run")
    assert account(found) == account(search(bowl, TREE, n_trials=22, metric="loss"))
