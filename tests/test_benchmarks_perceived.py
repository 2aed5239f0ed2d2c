"""What `fit` reaches on pictures and texts: a small run that is kept and taken up again."""

import json
from collections.abc import Callable
from types import ModuleType

import pytest

from profunda.space.domain import Choice
from profunda.space.space import Space


@pytest.fixture
def script(benchmark: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark("perceived")


def test_a_small_run_is_kept_and_not_repeated(script, tmp_path, monkeypatch, capsys):
    space = Space({"body": Choice(["bag"]), "body_width": Choice([32]), "epochs": Choice([3])})
    quick = {"sms": script.Set("bundled:sms", 8, space=space)}
    monkeypatch.setattr(script, "QUICK", quick)
    words = ["--quick", "--cells", str(tmp_path / "c.jsonl"), "--json", str(tmp_path / "m.json")]
    assert script.main(words) == 0
    (first,) = json.loads((tmp_path / "m.json").read_text())
    assert first["rival"] == "TF-IDF and logistic regression"
    assert first["accuracy"] > 0.9
    assert "sms: " in capsys.readouterr().out
    monkeypatch.setattr(script, "measured", None)  # nothing is measured again
    assert script.main(words) == 0
    assert json.loads((tmp_path / "m.json").read_text()) == [first]


def test_sets_that_are_not_there_are_left_out(script, tmp_path, capsys):
    assert script.main(["--data", str(tmp_path), "--only", "mnist", "trec"]) == 0
    assert capsys.readouterr().out.count("left out, as there is no") == 2
