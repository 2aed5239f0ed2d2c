"""`profunda card`: papers of a run, the file to fill in, the check of any card, the standards."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import profunda
from profunda.cli.app import main
from profunda.reporting.cards.standards import markdown


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=90), "b": rng.normal(size=90)})
    table["t"] = table["a"] + table["b"]
    run = tmp_path_factory.mktemp("card") / "run"
    profunda.fit(table, "t", trials=1, fix={"epochs": 2}, fidelity="full", folds=1, out=run, progress=False)
    return run


@pytest.fixture
def run(made: Path, folder: Path) -> Path:
    return Path(shutil.copytree(made, folder / "run"))


def test_papers_are_written_and_what_is_open_is_told(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["card", "run"]) == 0
    said = capsys.readouterr().out
    for name in ("model_card.md", "datasheet.md", "croissant.json", "card.html"):
        assert f"run/card/{name}" in said
        assert (run / "card" / name).is_file()
    assert "questions that only a person can answer: model_card.model_details.developers" in said
    assert "profunda card run --template card.toml" in said


def test_filled_in_from_the_template(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["card", "run", "--template", "card.toml"]) == 0
    assert "profunda card run --fill card.toml" in capsys.readouterr().out
    assert not (run / "card").exists()
    filled = Path("card.toml").read_text("utf-8").replace('funding = ""', 'funding = "Nobody paid."')
    Path("card.toml").write_text(filled, encoding="utf-8")
    assert main(["card", "run", "--fill", "card.toml"]) == 0
    assert "Nobody paid." in (run / "card" / "datasheet.md").read_text("utf-8")
    assert Path("card.toml").read_text("utf-8") == filled
    assert main(["card", "--template", "card.toml"]) == 2
    assert "never overwritten" in capsys.readouterr().err


def test_json_lists_what_is_open(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["card", "run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert "datasheet.motivation.funding" in [one["key"] for one in told["missing"]]


def test_strict_fails_and_names_the_sections(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["card", "run", "--strict"]) == 2
    told = capsys.readouterr().err
    assert "not complete" in told
    assert "“Intended use” has 3 questions" in told
    assert (run / "card" / "model_card.md").is_file()


def test_check_passes_and_fails(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["card", "run"]) == 0
    sheet = run / "card" / "datasheet.md"
    assert main(["card", "--check", str(sheet)]) == 0
    assert "is in order" in capsys.readouterr().out
    assert main(["card", "--check", str(sheet), "--strict"]) == 2
    sheet.write_text(sheet.read_text("utf-8").replace("## Uses", "## Users"), encoding="utf-8")
    assert main(["card", "--check", str(sheet)]) == 2
    assert "“Uses” is missing" in capsys.readouterr().err


def test_force_keeps_what_was_changed(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["card", "run"]) == 0
    (run / "card" / "datasheet.md").write_text("mine")
    assert main(["card", "run"]) == 2
    assert "--force" in capsys.readouterr().err
    assert main(["card", "run", "--force"]) == 0
    assert (run / "card" / "datasheet.md.bak").read_text() == "mine"


def test_the_standards_are_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["card", "--standards"]) == 0
    assert capsys.readouterr().out == markdown()


@pytest.mark.parametrize(
    "words", [[], ["--standards", "--check", "x.md"], ["run", "--standards"], ["--strict"]]
)
def test_one_thing_at_a_time(words: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["card", *words]) == 2
    assert "say one thing" in capsys.readouterr().err


def test_no_run_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["card", "nowhere"]) == 2
    assert "nowhere" in capsys.readouterr().err
