"""`profunda fit`, `resume` and `report`: words become one call of the job, its result one page of text."""

import inspect
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import get_args

import pytest
from tests.cli.fake_job import FakeJob

import profunda.job
from profunda.cli.app import main
from profunda.cli.fit import fit, narrowings
from profunda.cli.run_folder import fresh
from profunda.errors import ArgumentError, DataError, Notice
from profunda.fleet.plan import ENGINES


def test_only_what_was_typed_is_passed_on(job: FakeJob) -> None:
    assert main(["fit", "adult.csv", "--target", "income"]) == 0
    assert job.calls == [("fit", ("adult.csv", "income"), {"out": Path("adult-run")})]


def test_every_word_reaches_the_job(job: FakeJob) -> None:
    words = "fit a.csv --target y --time 60 --trials 30 --epochs 9 --metric f1 --fix depth=1 --fix lr=1e-3"
    more = "--sampler tpe --folds 3 --test-size 0.25 --engine torch --workers 2 --seed 7 --out here"
    search = "--fidelity hyperband --patience 40 --min-delta 0.01 --regret noise --max-parameters 9000"
    last = "--max-latency 1.5 --no-forecast --warm-start old --validation nested"
    assert main([*words.split(), *more.split(), *search.split(), *last.split()]) == 0
    assert job.calls[0][2] == {
        "out": Path("here"),
        "seconds": 60.0,
        "trials": 30,
        "epochs": 9,
        "metric": "f1",
        "fix": {"depth": "1", "lr": "1e-3"},
        "sampler": "tpe",
        "fidelity": "hyperband",
        "patience": 40,
        "min_delta": 0.01,
        "regret": "noise",
        "max_parameters": 9000,
        "max_latency": 1.5,
        "forecast": False,
        "warm_start": Path("old"),
        "folds": 3,
        "validation": "nested",
        "test": 0.25,
        "engine": "torch",
        "workers": 2,
        "seed": 7,
    }


@pytest.mark.parametrize("engine", ENGINES)
def test_each_engine_can_be_named(engine: str, job: FakeJob) -> None:
    assert main(["fit", "a.csv", "--engine", engine]) == 0
    assert job.calls[0][2]["engine"] == engine


def test_what_it_passes_is_what_the_real_job_takes() -> None:
    from profunda.job.fitting import fit as real

    taken = set(inspect.signature(real).parameters)
    renamed = {"time": "seconds", "test_size": "test"}
    assert {renamed.get(name, name) for name in inspect.signature(fit).parameters} <= taken


def test_the_result_is_told_in_full(job: FakeJob, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "seen").mkdir()
    assert main(["fit", "adult.csv", "--out", "my run"]) == 0
    said = capsys.readouterr().out
    assert "log_loss on 1,600 rows that no choice has seen (lower is better)" in said
    assert "0.3121" in said
    assert "0.3 … 0.33" in said
    assert "95% interval" in said
    assert "1,234 networks trained" in said
    assert "Majority class" in said
    assert "left out: the budget was too small" in said
    assert "profunda predict 'my run' DATA -o predictions.csv" in said
    assert "Report:" not in said  # none was written


def test_what_was_noticed_is_told_before_the_score(job: FakeJob, capsys: pytest.CaptureFixture[str]) -> None:
    job.notices = (Notice("empty-column", "Columns without any value are not inputs: [gone]."),)
    assert main(["fit", "adult.csv"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Noticed:\n  · Columns without any value are not inputs: [gone].\n")
    assert said.index("Noticed") < said.index("0.3121")


def test_troubles_are_told_where_settings_go_along_with_them(
    job: FakeJob, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", "adult.csv"]) == 0
    said = capsys.readouterr().out
    told = "  · 37 of 300 diverged: lr > 0.02 (35 of the 37, and 1 of 200 without trouble).\n"
    assert f"Troubles:\n{told}Predict:" in said


def test_many_notices_are_told_up_to_a_page(job: FakeJob, capsys: pytest.CaptureFixture[str]) -> None:
    job.notices = tuple(Notice("odd", f"Oddity {number}.") for number in range(20))
    assert main(["fit", "adult.csv"]) == 0
    said = capsys.readouterr().out
    assert "Oddity 7." in said
    assert "Oddity 8." not in said
    assert "  · and 12 more: see the report\n" in said


def test_the_report_is_named_where_there_is_one(
    job: FakeJob, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "run").mkdir()
    (folder / "run" / "report.html").touch()
    assert main(["resume", "run", "--workers", "2"]) == 0
    assert "Report:   run/report.html" in capsys.readouterr().out
    assert job.calls == [("resume", (Path("run"),), {"workers": 2})]


def test_report_names_the_page_it_wrote(job: FakeJob, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "some-run"]) == 0
    assert capsys.readouterr().out == "Report:   some-run/report.html\n"


def test_the_best_of_an_interrupted_search_is_told_and_how_to_go_on(
    job: FakeJob, capsys: pytest.CaptureFixture[str]
) -> None:
    job.interrupted = True
    assert main(["fit", "x.csv", "--out", "a run"]) == 130
    said = capsys.readouterr()
    assert "0.3121" in said.out
    assert "This is the best so far; go on with:  profunda resume 'a run'" in said.err


def test_a_run_without_test_rows_has_no_score_to_tell(
    job: FakeJob, capsys: pytest.CaptureFixture[str]
) -> None:
    job.scored = False
    assert main(["fit", "x.csv", "--test-size", "0"]) == 0
    said = capsys.readouterr().out
    assert "no choice has seen" not in said
    assert "Predict:" in said


@pytest.mark.parametrize("command", [["fit", "x.csv"], ["resume", "x"], ["report", "x"]])
def test_a_known_error_is_one_message_and_exit_code_2(
    command: list[str], job: FakeJob, capsys: pytest.CaptureFixture[str]
) -> None:
    job.raises = DataError("x.csv has [3] rows; at least 20 are needed, add some")
    assert main(command) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "Error: x.csv has [3] rows; at least 20 are needed, add some\n"


def test_a_bug_keeps_its_traceback(job: FakeJob) -> None:
    job.raises = ZeroDivisionError("a bug")
    with pytest.raises(ZeroDivisionError, match="a bug"):
        main(["fit", "x.csv"])


def test_interruption_says_how_to_go_on(job: FakeJob, capsys: pytest.CaptureFixture[str]) -> None:
    job.raises = KeyboardInterrupt()
    assert main(["fit", "x.csv", "--out", "a run"]) == 130
    assert "profunda resume 'a run'" in capsys.readouterr().err


def test_interruption_before_anything_was_written_promises_nothing(
    job: FakeJob, capsys: pytest.CaptureFixture[str]
) -> None:
    job.raises = KeyboardInterrupt()
    job.writes = False
    assert main(["fit", "x.csv"]) == 130
    said = capsys.readouterr().err
    assert "Nothing had been written yet" in said
    assert "profunda resume" not in said


class _Interrupted(MetaPathFinder):
    """Ctrl-C while the job's libraries are being imported, which takes seconds."""

    def find_spec(self, name: str, path: object, target: object = None) -> None:
        if name == "profunda.job.fitting":
            raise KeyboardInterrupt


@pytest.mark.parametrize("command", [["fit", "x.csv"], ["resume", "nowhere"]])
def test_interruption_while_libraries_load_is_answered_too(
    command: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "profunda.job.fitting", raising=False)
    monkeypatch.delattr(profunda.job, "fitting", raising=False)
    monkeypatch.setattr(sys, "meta_path", [_Interrupted(), *sys.meta_path])
    assert main(command) == 130
    assert capsys.readouterr().err == "Interrupted. Nothing had been written yet.\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fit", "x.csv", "--tagret", "y"], "Did you mean --target"),
        (["fti", "x.csv"], 'Did you mean "fit"'),
        (["fit"], "DATA"),
        (["fit", "x.csv", "--trials", "many"], "many"),
        (["fit", "x.csv", "--engine", "steam"], "steam"),
        (["predict", "run", "x.csv"], "--output"),
        (["fit", "x.csv", "--fix", "depth"], "--fix 'depth' is not NAME=VALUE"),
        (["fit", "x.csv", "--fix", "depth=1", "--fix", "depth=2"], "--fix names 'depth' twice ('1' and '2')"),
    ],
)
def test_wrong_words_exit_2_and_call_nothing(
    words: list[str], said: str, job: FakeJob, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert said in capsys.readouterr().err
    assert job.calls == []


def test_narrowings_keep_what_stands_behind_the_first_sign() -> None:
    assert narrowings(["a=b=c", " lr = 1e-3 "]) == {"a": "b=c", "lr": "1e-3"}
    with pytest.raises(ArgumentError, match="is not NAME=VALUE"):
        narrowings(["=1"])


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("adult.csv", "adult-run"),
        ("some/folder/my table (1).parquet", "my-table-1-run"),
        ("bundled:german_credit", "german_credit-run"),
        ("???", "profunda-run"),
    ],
)
def test_a_run_is_named_after_its_data(data: str, name: str, folder: Path) -> None:
    assert fresh(data) == Path(name)


def test_a_run_never_takes_a_name_that_is_in_use(folder: Path) -> None:
    (folder / "adult-run").mkdir()
    (folder / "adult-run-2").touch()
    assert fresh("adult.csv") == Path("adult-run-3")


def test_a_regret_may_be_a_number(job: FakeJob) -> None:
    assert main(["fit", "a.csv", "--regret", "0.5"]) == 0
    assert job.calls[0][2]["regret"] == 0.5


def test_what_the_choice_flatters_is_told(job: FakeJob, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "a.csv"]) == 0
    said = capsys.readouterr().out
    assert "Validation: log_loss on the 6,400 rows that chose among 60 designs: 0.3; corrected" in said


def test_the_words_offered_are_those_there_are() -> None:
    from profunda.job.settings import Validation
    from profunda.tuning.rungs import FIDELITIES

    parameters = inspect.signature(fit).parameters
    assert set(get_args(get_args(parameters["fidelity"].annotation)[0])) == set(FIDELITIES)
    assert get_args(get_args(parameters["validation"].annotation)[0]) == get_args(Validation)


def test_the_samplers_offered_are_those_there_are() -> None:
    from profunda.tuning.samplers.sampler import SAMPLERS

    offered = inspect.signature(fit).parameters["sampler"].annotation
    assert set(get_args(get_args(offered)[0])) == set(SAMPLERS)
