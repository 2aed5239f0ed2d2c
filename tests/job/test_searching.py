"""How a run searches: by rungs of all kinds, within limits, from an earlier run, until little is left."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from comparing import decisions_of, same_model
from tables import numbers, two_classes

from profunda.errors import ArgumentError, RunError
from profunda.job.earlier import HANDED_ON
from profunda.job.fitting import fit, resume
from profunda.job.settings import Settings
from profunda.journal.record import Journal, read_journal
from profunda.metrics.score import metric_for
from profunda.space.table import design_from
from profunda.tuning.foresight import concern_words, constant_value
from profunda.tuning.rungs import FIDELITIES, ladders

QUICK = {"progress": False, "report": False, "baselines": False, "fix": {"epochs": 9}}
LONG = {**QUICK, "fix": {"epochs": 27, "patience": 0}, "folds": 1}


def cut_after(run: Path, copy: Path, decisions: int) -> None:
    """A copy of a finished run as it was on disk just after so many of its decisions."""
    reading = read_journal(run)
    header = {name: value for name, value in reading.header.items() if name != "format"}
    with Journal.create(copy, header) as journal:
        left = decisions
        for record in reading.records:
            if record.kind != "pack" and left == 0:
                break
            left -= record.kind != "pack"
            journal.append(record.kind, **record.data)
    (copy / "arrays").symlink_to((run / "arrays").resolve())


@pytest.mark.parametrize("fidelity", FIDELITIES)
def test_each_fidelity_trains_what_its_ladders_say(fidelity: str) -> None:
    outcome = fit(two_classes(), trials=24, fidelity=fidelity, **LONG)  # type: ignore[arg-type]
    found = outcome.search
    assert found.fidelity == fidelity
    assert len(found.trials) == 24
    cycle = ladders(fidelity, 27)  # type: ignore[arg-type]
    goals = {goal for ladder in cycle for goal in ladder.goals(27)}
    healthy = [t for t in found.trials if t.status in ("completed", "outcompeted", "overfitted")]
    assert {trial.epochs for trial in healthy} == goals
    assert max(trial.rung for trial in found.trials) == len(cycle[0].shares) - 1
    finished = [trial for trial in healthy if trial.epochs == 27]
    assert {trial.rung for trial in finished} == {len(cycle[0].shares) - 1}
    assert found.best is not None
    assert found.best.epochs == 27


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_hyperband_goes_on_bit_for_bit_from_every_decision(sampler: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    fit(two_classes(), trials=12, fidelity="hyperband", sampler=sampler, out=run, **LONG)
    whole = decisions_of(run)
    for place in (1, len(whole) // 2):
        copy = tmp_path / f"cut-{place}"
        cut_after(run, copy, place)
        (copy / "arrays").unlink()  # what was trained after the last decision is trained again
        if place > 1:
            (copy / "arrays").mkdir()
            for file in (run / "arrays").iterdir():
                (copy / "arrays" / file.name).write_bytes(file.read_bytes())
        resume(copy, two_classes(), progress=False)
        assert decisions_of(copy) == whole
        assert same_model(copy, run)


def test_halving_costs_less_than_full_training() -> None:
    spent = {
        fidelity: fit(two_classes(), trials=27, fidelity=fidelity, **LONG).search.member_steps  # type: ignore[arg-type]
        for fidelity in ("halving", "full")
    }
    assert spent["full"] > 2 * spent["halving"]


# --- the portfolio ---


def test_linear_elastic_nets_are_tried_by_every_sampler() -> None:
    for sampler in ("random", "quasi-random"):
        trials = fit(two_classes(), trials=12, sampler=sampler, **QUICK).search.trials
        begun = [t.design for t in trials[:6] if t.design is not None]
        linear = [design for design in begun if design.widths == ()]
        assert len(linear) == 2
        assert linear[0].l1 > 0
        assert linear[0].l2 > 0


def test_few_trials_are_not_all_linear_and_a_grid_is_only_a_grid() -> None:
    trials = fit(two_classes(), trials=4, fix={"epochs": 4}, progress=False, baselines=False).search.trials
    assert sum(t.design is not None and t.design.depth == 0 for t in trials[:2]) == 1
    space = {"depth": [0, 1], "width": [16], "lr": [0.01], "epochs": [3], "batch_size": [32]}
    grid = fit(two_classes(), trials=9, sampler="grid", space=space, progress=False, baselines=False)
    assert len(grid.search.trials) == 2


# --- chance ---


def brackets_of(run: Path) -> list[dict[str, object]]:
    return [r.data for r in read_journal(run).records if r.kind == "bracket"]


def test_every_other_design_of_a_sampler_that_learns_is_left_to_chance(tmp_path: Path) -> None:
    words = {**LONG, "fidelity": "hyperband", "trials": 30}
    drawn = {}
    for sampler in ("batch", "random"):
        fit(two_classes(), sampler=sampler, out=tmp_path / sampler, **words)
        drawn[sampler] = brackets_of(tmp_path / sampler)
    first, second = drawn["batch"][:2]
    assert "asked" not in first
    (asked,) = second["asked"]
    assert second["params"][::2] == asked
    assert len(second["params"][1::2]) == len(second["params"]) // 2 > 1
    assert not [one for one in second["params"][1::2] if one in asked]
    assert all("asked" not in data for data in drawn["random"])


def test_chance_is_the_seeds_and_keeps_the_limits(tmp_path: Path) -> None:
    words = {**LONG, "fidelity": "hyperband", "trials": 30, "sampler": "batch"}
    chance = {}
    for name, more in {
        "one": {},
        "same": {},
        "limits": {"max_parameters": 400},
        "other": {"seed": 1},
    }.items():
        found = fit(two_classes(), out=tmp_path / name, **words | more)
        chance[name] = brackets_of(tmp_path / name)[1]["params"][1::2]
    assert chance["one"] == chance["same"] != chance["other"]
    assert len(chance["limits"]) > 1
    assert max(t.parameters for t in found.search.trials) > 400  # control


# --- limits ---


def test_designs_beyond_the_limits_are_not_trained_and_the_journal_says_why(tmp_path: Path) -> None:
    outcome = fit(two_classes(), trials=10, max_parameters=600, out=tmp_path / "run", **QUICK)
    assert len(outcome.search.trials) == 10
    assert max(trial.parameters for trial in outcome.search.trials) <= 600
    assert outcome.search.refused > 0
    (notice,) = [n for n in outcome.notices if n.code == "beyond-limits"]
    assert notice.text.startswith(f"{outcome.search.refused:,} designs were drawn beyond the limits")
    brackets = [r.data for r in read_journal(tmp_path / "run").records if r.kind == "bracket"]
    reasons = [reason for data in brackets for _, _, reason in data["refused"]]
    assert len(reasons) == outcome.search.refused
    assert all("parameters (at most 600)" in reason for reason in reasons)
    again = resume(tmp_path / "run", two_classes(), progress=False)
    assert [t.params for t in again.search.trials] == [t.params for t in outcome.search.trials]
    assert again.search.refused == outcome.search.refused


def test_a_sampler_that_learns_draws_the_same_within_limits_after_a_resume(tmp_path: Path) -> None:
    words = {**QUICK, "sampler": "tpe", "max_parameters": 1500, "fidelity": "hyperband"}
    fit(two_classes(), trials=12, out=tmp_path / "run", **words)
    cut_after(tmp_path / "run", tmp_path / "cut", 1)
    (tmp_path / "cut" / "arrays").unlink()
    resume(tmp_path / "cut", two_classes(), progress=False)
    assert decisions_of(tmp_path / "cut") == decisions_of(tmp_path / "run")


def test_a_latency_keeps_large_networks_out() -> None:
    free = fit(two_classes(), trials=12, **QUICK).search
    largest = max(t.parameters for t in free.trials)
    limited = fit(two_classes(), trials=12, max_latency=0.3, **QUICK).search
    assert limited.refused > 0
    assert max(t.parameters for t in limited.trials) < largest


def test_limits_that_nothing_keeps_are_told() -> None:
    with pytest.raises(ArgumentError, match=r"none of .* designs drawn keeps the limits; the nearest has"):
        fit(two_classes(), trials=4, max_parameters=3, **QUICK)


def test_a_short_time_keeps_the_limits_too() -> None:
    found = fit(two_classes(), seconds=0.5, max_parameters=800, **QUICK).search
    assert found.trials
    assert max(t.parameters for t in found.trials) <= 800


# --- quality and size ---


def test_the_front_holds_the_best_of_every_size() -> None:
    found = fit(two_classes(), trials=20, **QUICK).search
    assert found.best in found.front
    sizes = [trial.parameters for trial in found.front]
    assert sizes == sorted(set(sizes), reverse=True)
    top = max(trial.rung for trial in found.front)
    for trial in (t for t in found.trials if t.rung == top and t.value == t.value):
        assert any(f.value <= trial.value and f.parameters <= trial.parameters for f in found.front)


# --- stopping ---


def test_patience_ends_a_search_and_the_journal_says_so(tmp_path: Path) -> None:
    words = {**QUICK, "fidelity": "full", "patience": 30, "min_delta": 0.5}
    outcome = fit(two_classes(), trials=400, out=tmp_path / "run", **words)
    assert len(outcome.search.trials) < 400
    assert "trials did not better the best by more than 0.5" in outcome.search.stopped
    stop = read_journal(tmp_path / "run").records[-1]
    assert (stop.kind, stop.data["cause"]) == ("stop", "improvement")
    again = resume(tmp_path / "run", two_classes(), progress=False)
    assert again.search.stopped == outcome.search.stopped


def test_a_spent_budget_has_its_own_cause(tmp_path: Path) -> None:
    fit(two_classes(), trials=3, out=tmp_path / "run", **QUICK)
    assert read_journal(tmp_path / "run").records[-1].data["cause"] == "trials"


def test_little_regret_ends_a_search(tmp_path: Path) -> None:
    """One thing to search and a bound as wide as the losses: a bracket is enough."""
    space = {"depth": [1], "width": [16], "lr": [0.001, 0.003, 0.01], "epochs": [3], "batch_size": [32]}
    words = {"progress": False, "baselines": False, "space": space, "folds": 1, "regret": 50.0}
    fit(two_classes(), trials=200, out=tmp_path / "run", report=False, **words)
    assert read_journal(tmp_path / "run").records[-1].data["cause"] == "regret"


# --- warm start ---


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("old") / "run"
    fit(two_classes(), trials=20, out=run, **QUICK)
    return run


def test_the_best_designs_of_an_earlier_run_are_trained_first(old: Path, tmp_path: Path) -> None:
    earlier = resume(old, two_classes(), progress=False).search
    finished = sorted((t for t in earlier.trials if t.value == t.value), key=lambda t: (-t.rung, t.value))
    outcome = fit(two_classes(), trials=16, warm_start=old, out=tmp_path / "run", **QUICK)
    best = [trial.params for trial in finished]
    given = [trial.params for trial in outcome.search.trials[:HANDED_ON]]
    assert given == best[:HANDED_ON]
    (notice,) = [n for n in outcome.notices if n.code == "warm-start"]
    assert "begins with the 10 best designs" in notice.text
    assert "its values are known to the sampler" in notice.text
    header = read_journal(tmp_path / "run").header
    assert len(header["known"]) == len(finished)
    assert header["warm_start"] == str(old)


def test_a_warm_start_is_resumed_without_the_earlier_run(old: Path, tmp_path: Path) -> None:
    words = {**QUICK, "sampler": "tpe"}
    fit(two_classes(), trials=14, warm_start=old, out=tmp_path / "run", **words)
    cut_after(tmp_path / "run", tmp_path / "cut", 1)
    (tmp_path / "cut" / "arrays").unlink()
    resume(tmp_path / "cut", two_classes(), progress=False)
    assert decisions_of(tmp_path / "cut") == decisions_of(tmp_path / "run")


def test_other_data_are_searched_with_the_designs_but_not_the_values(old: Path, tmp_path: Path) -> None:
    other = two_classes(seed=5)
    outcome = fit(other, trials=12, warm_start=old, out=tmp_path / "run", **QUICK)
    assert read_journal(tmp_path / "run").header["known"] == []
    assert any("its values are not used" in n.text for n in outcome.notices)


def test_other_held_out_rows_of_the_same_data_are_told(old: Path) -> None:
    outcome = fit(two_classes(), trials=4, seed=1, warm_start=old, **QUICK)
    assert any(n.code == "warm-start-seen" for n in outcome.notices)
    same = fit(two_classes(), trials=4, warm_start=old, **QUICK)
    assert not any(n.code == "warm-start-seen" for n in same.notices)


def test_what_cannot_be_started_from_is_told(old: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"the space of .* has other names than this one: .* besides"):
        fit(two_classes(), trials=3, warm_start=old, space={"lr": [0.01], "epochs": [3]}, progress=False)
    with pytest.raises(RunError, match=r"none of the \d+ trials of .* lies in this space"):
        fit(two_classes(), trials=3, warm_start=old, progress=False, fix={"epochs": 7})
    with pytest.raises(RunError, match="solved a task of another kind"):
        fit(replace(numbers(), fingerprint="x"), trials=3, warm_start=_renamed(old, tmp_path), progress=False)
    with pytest.raises(RunError, match="holds no run"):
        fit(two_classes(), trials=3, warm_start=tmp_path / "nowhere", **QUICK)
    Journal.create(tmp_path / "own", {"kind": "objective"}).close()
    with pytest.raises(ArgumentError, match="is a search of your own objective"):
        fit(two_classes(), trials=3, warm_start=tmp_path / "own", **QUICK)
    header = {name: value for name, value in read_journal(old).header.items() if name != "format"}
    Journal.create(tmp_path / "new", header).close()
    with pytest.raises(RunError, match="has judged no trial yet"):
        fit(two_classes(), trials=3, warm_start=tmp_path / "new", **QUICK)


def _renamed(old: Path, tmp_path: Path) -> Path:
    """The run with the space of a table of numbers, its values kept where both have them."""
    from profunda.space.table import table_space
    from profunda.tuning.prospect import forecast_params

    reading = read_journal(old)
    space = table_space("regression", 153, 5, 1, n_numeric=5)
    header = {**reading.header, "space": space.to_json()}
    header.pop("format")
    verdict = next(r for r in reading.records if r.kind == "rung").data["verdicts"]
    one = next(v for v in verdict.values() if v["value"] == v["value"])
    with Journal.create(tmp_path / "renamed", header) as journal:
        drawn = [dict(params) for params in forecast_params(space, 0)[:2]]
        journal.append("bracket", bracket=0, params=drawn, elapsed=0.0)
        journal.append("rung", verdicts={"0": one}, elapsed=0.0)
    return tmp_path / "renamed"


# --- honesty ---


def test_the_choice_tells_its_optimism(tmp_path: Path) -> None:
    outcome = fit(two_classes(), trials=12, out=tmp_path / "run", **QUICK)
    told = outcome.optimism
    assert told is not None
    assert told.metric == "log_loss"
    assert told.rows == len(outcome.splits.development)
    assert told.low <= told.corrected <= told.high
    assert told.best_corrected >= told.best
    written = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert written["validation"] == {
        "score": told.plain,
        "corrected": told.corrected,
        "interval": [told.low, told.high],
        "candidates": told.candidates,
        "rows": told.rows,
    }
    assert written["attribution"] is None
    assert fit(two_classes(), trials=1, **QUICK).optimism is None


def test_the_summary_tells_what_each_ingredient_is_worth(tmp_path: Path) -> None:
    outcome = fit(two_classes(), trials=3, ablate=True, out=tmp_path / "run", **QUICK)
    told = outcome.attribution
    assert told is not None
    written = json.loads((tmp_path / "run" / "summary.json").read_text())["attribution"]
    assert (written["score"], written["networks"]) == (told.value, told.networks)
    assert [one["name"] for one in written["ingredients"]] == [worth.name for worth in told.worths]
    first = told.worths[0]
    assert written["ingredients"][0]["worth"] == first.worth.mean
    assert written["ingredients"][0]["interval"] == [first.worth.low, first.worth.high]
    assert {one["verdict"] for one in written["ingredients"]} <= {"helps", "hurts", "no difference seen"}


def test_nested_validation_judges_every_row(tmp_path: Path) -> None:
    data = two_classes(120)
    words = {**QUICK, "baselines": True, "folds": 2}
    outcome = fit(data, trials=3, validation="nested", out=tmp_path / "run", **words)
    assert outcome.score is not None
    assert outcome.score.rows == 120
    assert outcome.score.low < outcome.score.value < outcome.score.high
    assert outcome.model.provenance.rows == 120
    assert outcome.model.provenance.score == outcome.score
    assert [b.score.rows for b in outcome.baselines if b.score] == [120] * 3
    assert sorted(p.name for p in (tmp_path / "run").iterdir() if p.name.startswith("outer")) == [
        f"outer-{k}" for k in range(1, 6)
    ]
    before = [(tmp_path / "run" / f"outer-{k}" / "journal.jsonl").read_bytes() for k in range(1, 6)]
    again = resume(tmp_path / "run", data, progress=False)
    assert again.score == outcome.score
    assert np.array_equal(again.model.predict_codes(data.codes), outcome.model.predict_codes(data.codes))
    assert [(tmp_path / "run" / f"outer-{k}" / "journal.jsonl").read_bytes() for k in range(1, 6)] == before
    with pytest.raises(RunError, match="began with other data"):
        resume(tmp_path / "run" / "outer-1", data, progress=False)


def test_an_outer_fold_never_sees_its_rows() -> None:
    """Other targets on an outer fold's rows leave what is searched without them as it was."""
    from profunda.job.nested import outer_folds, part_of

    data = numbers(100)
    folds = outer_folds(data, 0)
    assert sorted(np.concatenate([fold.valid for fold in folds])) == list(range(100))
    part = part_of(data, folds[0], 1)
    assert part.fingerprint != data.fingerprint
    y = data.y.copy()
    y[folds[0].valid] += 100.0
    other = part_of(replace(data, y=y), folds[0], 1)
    words = {**QUICK, "folds": 2, "test": 0.0}
    one, two = (fit(each, trials=2, **words).model for each in (part, other))
    assert np.array_equal(one.predict_codes(data.codes), two.predict_codes(data.codes))


def test_nested_validation_writes_its_report(tmp_path: Path) -> None:
    run = tmp_path / "run"
    fit(numbers(100), trials=2, validation="nested", out=run, folds=2, progress=False, fix={"epochs": 4})
    assert (run / "report.html").exists()
    assert "nested: 5 outer folds" in (run / "report.json").read_text()
    assert json.loads((run / "summary.json").read_text())["score"] is not None


def test_nested_validation_and_a_test_part_contradict() -> None:
    data = two_classes()
    with pytest.raises(ArgumentError, match=r"holds no test part out, so test=0.3 contradicts it"):
        fit(data, trials=2, validation="nested", test=0.3, **QUICK)
    with pytest.raises(ArgumentError, match="brings a test part of 10 rows"):
        fit(replace(data, test_rows=np.arange(10)), trials=2, validation="nested", **QUICK)


def test_a_nested_score_is_the_mean_of_its_folds() -> None:
    from profunda.job.nested import combined
    from profunda.model.score import Score

    one = Score("rmse", 1.0, 0.8, 1.2, 0.95, 100, False)
    both = combined([one, replace(one, value=2.0, low=1.8, high=2.2, rows=300)])
    assert both.value == pytest.approx(1.75)
    assert both.rows == 400
    assert (both.high - both.low) / 2 == pytest.approx(0.2 * (0.25**2 + 0.75**2) ** 0.5)


def test_luck_in_a_greedy_ensemble_on_a_tiny_table_is_visible() -> None:
    """Nothing can be learnt here: validation rows that chose say otherwise, outer folds do not."""
    generator = np.random.default_rng(3)
    data = two_classes(60)
    noise = replace(data, y=generator.permutation(data.y))
    outcome = fit(noise, trials=24, validation="nested", folds=2, **QUICK)
    assert outcome.score is not None
    assert outcome.optimism is not None
    assert outcome.score.value > outcome.optimism.plain
    assert outcome.optimism.gap > 0


# --- what theory rules out ---

WILD = {
    "depth": [1, 40],
    "width": [8],
    "activation": ["sigmoid", "tanh"],
    "norm": ["none"],
    "lr": [0.01, 0.02, 1e9],
    "epochs": [9],
    "batch_size": [64],
}
WILD_WORDS = {"progress": False, "report": False, "baselines": False, "space": WILD, "folds": 1}
"""Of its 12 designs theory rules out the deep sigmoids and the giant steps: 6."""


def hopeless(design: object) -> bool:
    return design.lr > 1 or (design.depth > 30 and design.activation == "sigmoid")  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def wild(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("wild") / "run"
    fit(
        two_classes(),
        trials=24,
        sampler="tpe",
        fidelity="hyperband",
        out=run,
        **{**WILD_WORDS, "report": True},
    )
    return run


def test_what_theory_rules_out_is_not_trained_and_the_journal_and_a_notice_say_why(wild: Path) -> None:
    outcome = resume(wild, two_classes(), progress=False)
    search = outcome.search
    assert search.trials
    assert not [t for t in search.trials if hopeless(t.design)]
    brackets = brackets_of(wild)
    told = [one for data in brackets for one in data.get("ruled_out", ())]
    assert len(told) == search.ruled_out == sum(n for _, n in search.ruled_out_by) > 0
    assert search.refused == sum(len(data.get("refused", ())) for data in brackets) == 0
    assert {"rows", "step"} >= {concern for *_, concern, _ in told}
    for data in brackets:
        for place, number, words, _, violation in data.get("ruled_out", ()):
            batch = data["left_out"][place] if isinstance(place, str) else data["asked"][place]
            assert hopeless(design_from(batch[number]))
            assert words.endswith(".")
            assert violation > 0
    (notice,) = [n for n in outcome.notices if n.code == "ruled-out"]
    most, times = search.ruled_out_by[0]
    assert notice.text.startswith(
        f"{search.ruled_out} designs were drawn that by theory cannot train, and left out: "
    )
    assert concern_words(most) in notice.text
    assert f"({times} of them)" in notice.text
    assert notice.text.endswith("forecast=False (--no-forecast) trains everything.")
    assert not any(n.code == "beyond-limits" for n in outcome.notices)


def test_draws_by_chance_that_are_refused_are_on_record(wild: Path) -> None:
    sources = {place for data in brackets_of(wild) for place, *_ in data.get("ruled_out", ())}
    assert "chance" in sources
    assert 0 in sources


def test_the_same_is_ruled_out_and_drawn_with_and_without_an_interruption(wild: Path, tmp_path: Path) -> None:
    whole = decisions_of(wild)
    assert len(brackets_of(wild)) > 1
    for place in (1, len(whole) // 2):
        copy = tmp_path / f"cut-{place}"
        cut_after(wild, copy, place)
        (copy / "arrays").unlink()
        if place > 1:
            shutil.copytree(wild / "arrays", copy / "arrays")
        again = resume(copy, two_classes(), progress=False)
        assert decisions_of(copy) == whole
        assert again.search.ruled_out == resume(wild, two_classes(), progress=False).search.ruled_out


def test_a_record_is_believed_whatever_theory_says_today(
    wild: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was drawn, told and left out is read, not decided again: decisions stand after an update too."""
    monkeypatch.setattr("profunda.tuning.foresight.LEAST_SCORE", 0.0)
    found = resume(wild, two_classes(), progress=False).search
    monkeypatch.undo()
    assert found.ruled_out == resume(wild, two_classes(), progress=False).search.ruled_out > 0


def test_theory_has_no_say_where_it_was_not_asked(tmp_path: Path) -> None:
    out = tmp_path / "run"
    outcome = fit(two_classes(), trials=24, sampler="random", forecast=False, out=out, **WILD_WORDS)
    assert [t for t in outcome.search.trials if hopeless(t.design)]
    assert outcome.search.ruled_out == 0
    assert not any(n.code == "ruled-out" for n in outcome.notices)
    assert not any("ruled_out" in data for data in brackets_of(out))
    assert (
        "--no-forecast" not in Settings.from_header(read_journal(out).header).command
    )  # a space of one's own
    assert not Settings.from_header(read_journal(out).header).forecast


def test_a_run_from_before_the_forecast_goes_on_as_it_was(tmp_path: Path) -> None:
    run = tmp_path / "run"
    fit(two_classes(), trials=12, sampler="tpe", fidelity="hyperband", forecast=False, out=run, **WILD_WORDS)
    reading = read_journal(run)
    header = {k: v for k, v in reading.header.items() if k not in ("format", "forecast")}
    with Journal.create(tmp_path / "old", header) as journal:
        journal.append(reading.records[0].kind, **reading.records[0].data)
    resume(tmp_path / "old", two_classes(), progress=False)
    assert decisions_of(tmp_path / "old") == decisions_of(run)


def test_a_grid_is_exactly_its_combinations_whatever_theory_says() -> None:
    found = fit(two_classes(), trials=30, sampler="grid", **WILD_WORDS).search
    assert len(found.trials) == 12
    assert found.ruled_out == 0
    assert sum(hopeless(t.design) for t in found.trials) == 6


def test_designs_that_the_user_gave_are_trained_whatever_theory_says(tmp_path: Path) -> None:
    old = tmp_path / "old"
    fit(two_classes(), trials=12, sampler="grid", out=old, **WILD_WORDS)
    found = fit(two_classes(), trials=40, sampler="random", warm_start=old, **WILD_WORDS).search
    assert [t for t in found.trials[:HANDED_ON] if hopeless(t.design)]
    assert not [t for t in found.trials[HANDED_ON:] if hopeless(t.design)]


def test_a_space_without_hope_is_told_with_the_way_out() -> None:
    space = {**WILD, "depth": [40], "activation": ["sigmoid"]}
    match = (
        r"theory rules out \d+ of \d+ designs drawn: nothing is left to train\. The mildest case: .*\(--no-fo"
    )
    with pytest.raises(ArgumentError, match=match):
        fit(two_classes(), trials=3, **{**WILD_WORDS, "space": space})
    both = {"max_parameters": 10, "sampler": "random"}
    with pytest.raises(ArgumentError, match=r"none of \d+ designs drawn keeps the limits; the nearest has"):
        fit(two_classes(), trials=3, **both, **{**WILD_WORDS, "space": space})
    mixed = {**WILD, "width": [1, 8], "lr": [1e9]}
    with pytest.raises(ArgumentError, match=r"designs drawn, and \d+ are beyond the limits: nothing is left"):
        fit(two_classes(), trials=3, sampler="random", max_parameters=100, **{**WILD_WORDS, "space": mixed})


def test_a_default_space_is_hardly_ever_touched() -> None:
    for data in (two_classes(), numbers()):
        found = fit(data, trials=40, sampler="random", **QUICK).search
        assert found.ruled_out <= 1
        assert found.foresight is not None
        assert found.foresight.trained == len([t for t in found.trials if t.rung or t.value == t.value])


def test_the_forecast_is_judged_by_what_was_trained_and_kept_in_the_summary(tmp_path: Path) -> None:
    words = {**WILD_WORDS, "report": True, "forecast": False, "fidelity": "full"}
    outcome = fit(two_classes(), trials=60, sampler="random", out=tmp_path / "run", **words)
    found = outcome.search.foresight
    assert found is not None
    assert found.trained == 60
    assert found.auc > 0.8
    assert 0 < found.error < 0.1
    splits = outcome.splits
    metric = metric_for("binary", "log_loss")
    assert found.constant == constant_value(two_classes(), splits.folds, metric)
    assert found.least < found.constant
    written = json.loads((tmp_path / "run" / "summary.json").read_text())["forecast"]
    assert written["auc"] == found.auc
    assert written["ruled_out"] == 0
    assert sum(one["learnt"] for one in written["expectations"].values()) == found.learnt
    assert "The forecast before training, judged afterwards" in (tmp_path / "run" / "report.html").read_text()
