"""The benchmark of language networks: arms that lack one part each, a small run that is taken up again."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def language(benchmark: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark("named_language")


def differing(first: object, second: object) -> set[str]:
    ours, theirs = asdict(first), asdict(second)
    return {key for key in ours if ours[key] != theirs[key]}


def test_each_arm_lacks_one_part(language: ModuleType) -> None:
    full = language.READERS["full"]
    for name, arm in language.READERS.items():
        if name in ("full", "none"):
            continue
        parts = differing(full.regularisers, arm.regularisers) | (differing(full, arm) & {"tied"})
        assert len(parts) == (2 if name == "without AR and TAR" else 1)
    for name, arm in language.TELLERS.items():
        assert len(differing(language.TELLERS["full"], arm)) == (name != "full")


def test_a_small_run_is_written_and_taken_up_again(
    language: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = replace(
        language.QUICK, words=400, epochs=1, hidden=8, scenes=40, scene_epochs=1, test_scenes=4, seeds=2
    )
    monkeypatch.setattr(language, "QUICK", small)
    words = ["--quick", "--json", str(tmp_path / "a.json"), "--cells", str(tmp_path / "cells.jsonl")]
    assert language.main(words) == 0
    arms = len(language.READERS) + len(language.TELLERS)
    lines = (tmp_path / "cells.jsonl").read_text().splitlines()
    assert len(lines) == 2 * arms + 1
    (tmp_path / "cells.jsonl").write_text("\n".join(lines[:-1]) + '\n{"torn')
    monkeypatch.setattr(language, "read", None)  # whatever stands in the file is not measured again
    monkeypatch.setattr(language, "tell", None)
    first = json.loads((tmp_path / "a.json").read_text())
    assert language.main(words) == 0
    again = json.loads((tmp_path / "a.json").read_text())
    assert again["results"] == first["results"]
    assert set(first["results"]["AWD-LSTM"]) == {*language.READERS, "averaging"} - {"full"}
    told = capsys.readouterr().out
    assert "AWD-LSTM, full:" in told
    assert "beam 5 beside greedy" in told


def test_gains_have_the_sign_of_help(language: ModuleType) -> None:
    found = {
        "full": [{"nats": 1.0, "bleu": 0.5}, {"nats": 1.1, "bleu": 0.6}],
        "without it": [{"nats": 1.5, "bleu": 0.4}, {"nats": 1.6, "bleu": 0.5}],
        "with more": [{"nats": 1.2, "bleu": 0.7}, {"nats": 1.3, "bleu": 0.8}],
    }
    worth = language._worth(found, "nats", ("bleu",))
    means = {name: {key: value[0] for key, value in lines.items()} for name, lines in worth.items()}
    assert means["without it"] == pytest.approx({"nats": 0.5, "bleu": 0.1})
    assert means["with more"] == pytest.approx({"nats": -0.2, "bleu": 0.2})


def test_a_text_that_is_not_there_is_refused(
    language: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        language.main(["--text", str(tmp_path / "none.txt.gz")])
    assert "there is no file" in capsys.readouterr().err
