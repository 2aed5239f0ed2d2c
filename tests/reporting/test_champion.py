"""What is told of the champion."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import profunda
from profunda.data.inputs import Inputs
from profunda.job.fitting import fit
from profunda.reporting.champion import recipe
from profunda.reporting.reports import model_document
from profunda.space.design import Design

TASKS = Inputs((0, 1), (0,), task=(1, 3))
SAID = "all layers, which read the task as 8 trained numbers"


@pytest.mark.parametrize(
    ("sharing", "words"), [("input", SAID), ("pooled", "the task has no say"), ("heads", "a head of its own")]
)
def test_the_recipe_says_how_the_task_is_read(sharing: str, words: str) -> None:
    rows = recipe(Design(sharing=sharing), TASKS).rows
    (told,) = [str(value) for name, value in rows if name == "what tasks share"]
    assert words in told
    without = dict(recipe(Design(), Inputs.plain(2)).rows)
    assert "what tasks share" not in without
    assert without == dict(recipe(Design()).rows)


def test_a_report_a_model_and_a_card_say_how_the_task_is_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.normal(size=120), "s": rng.choice(["n", "w"], 120)})
    held = {"depth": 0, "epochs": 2, "sharing": "input"}
    outcome = fit(
        table.assign(y=table.x * (table.s == "n")), "y", trials=1, folds=2, progress=False,
        baselines=False, fix=held, task_column="s", out=tmp_path / "run",
    )  # fmt: skip
    told = json.loads((tmp_path / "run" / "report.json").read_text(encoding="utf-8"))
    assert SAID in json.dumps(told)
    assert SAID in model_document(outcome.model).to_json()
    assert SAID in dict(profunda.card(tmp_path / "run").texts)["model_card.md"]
