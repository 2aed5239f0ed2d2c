"""What ingredients are worth, doses and robustness as sections; the recipe; quality against size."""

import json
import math
from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest
from tests.reporting.fakes import HOSTILE, pieces, search

from profunda.data.inputs import Inputs
from profunda.model.optimism import Optimism
from profunda.model.parts import Network, Part
from profunda.reporting.attribution import attribution_blocks, attribution_sections, dosage_blocks
from profunda.reporting.blocks import Bar, Bars, Figures, Table, Text, decode, encode
from profunda.reporting.champion import drawing, recipe
from profunda.reporting.drawings import bar
from profunda.reporting.landscape import size_front
from profunda.reporting.reports import findings_document, report
from profunda.reporting.story import run_document
from profunda.reporting.surrogate import surrogate_panels
from profunda.space.design import DOMAINS, Design
from profunda.tuning.ablation import Attribution, Worth
from profunda.tuning.dosage import Dosage
from profunda.tuning.importance import SurrogateCurve, SurrogateCurves, surrogate_curves
from profunda.tuning.paired import Change
from profunda.tuning.robustness import Beyond, Point, Robustness


def change(mean: float, half: float) -> Change:
    return Change(mean, mean - half, mean + half, 10)


def worth(name: str, title: str, mean: float, half: float, failed: int = 0) -> Worth:
    around = change(mean, half)
    return Worth(
        name, title, ((name, 0.2, 0.0), ("lr", 1e-3, 3e-3)), 0.4 + mean, around, around, change(mean, 9.0),
        change(120.0, 30.0), change(0.002, 0.001), 30, failed,
    )  # fmt: skip


def attribution(*worths: Worth) -> Attribution:
    found = worths or (
        worth("dropout", "Dropout", 0.03, 0.01),
        worth("l2", "L2", 0.0, 0.02, failed=3),
        worth("norm", "Normalisation", -0.05, 0.02),
    )
    return Attribution(
        Design(dropout=0.2), "log_loss", False, 0.4, 0.45, 0.5, 600.0, 0.01, found, 5, 2, 3, 1200, 120, 1.4
    )


def dosage(least: Change, most: Change) -> Dosage:
    return Dosage(
        "l1", "L1", "log_loss", False, (0.0, 1e-4, 1e-3, 1e-2), (0.42, 0.41, 0.40, 0.9),
        (0.41, 0.40, 0.40, 0.8), (0.43, 0.42, 0.40, 1.0), 1e-3, 3e-4, least, most, 0, 60,
    )  # fmt: skip


U = dosage(change(0.02, 0.01), change(0.5, 0.1))
ROBUST = Robustness(
    "log_loss", False, 0.4, 500,
    (Point("noise", 0.5, 0.5, 0.1, 0.05, 0.15), Point("shift", 0.5, 0.45, 0.05, -0.01, 0.1)),
    Beyond(HOSTILE, True, 1.5, 50, 0.6, 0.38, 0.22, 0.1, 0.3),
)  # fmt: skip


def everything():
    return attribution_sections(attribution(), (U,), ROBUST)


def test_the_summary_names_what_counts_by_numbers():
    text, bars, table = attribution_blocks(attribution())
    assert isinstance(text, Text)
    assert "Of 3 changes to the recipe, one makes it clearly worse, one makes it clearly better" in text.text
    assert "It owes most to: dropout (dropout 0.2 → 0, lr 0.001 → 0.003), worth 0.030" in text.text
    assert "improve it most: normalisation" in text.text
    assert isinstance(bars, Bars)
    assert [one.strong for one in bars.bars] == [True, False, True]
    assert [one.text for one in bars.bars] == ["+0.030", "+0.000", "−0.050"]
    assert "3 of 30 networks diverged" in bars.bars[1].note
    assert isinstance(table, Table)
    assert table.rows[0][-1] == "helps"
    assert table.rows[1][-1] == "–"
    assert table.rows[2][-1] == "hurts"
    assert table.rows[0][4] == "+0.030 *"  # clear under noise
    assert table.rows[0][5].endswith("0")  # not under shift
    assert table.rows[0][6] == "+25\u00a0%"  # 120 steps more than 480


def test_a_recipe_of_nothing_and_one_that_always_diverged_are_told():
    (only,) = attribution_blocks(replace(attribution(), worths=()))
    assert isinstance(only, Text)
    nothing = Change(math.nan, math.nan, math.nan, 0)
    lost = replace(worth("lr", "Rate", 0.0, 1.0, failed=30), worth=nothing, noise=nothing, shift=nothing)
    one = Change(0.1, -math.inf, math.inf, 1)
    single = replace(worth("a", "A", 0.1, 1.0), worth=one)
    _, bars, table = attribution_blocks(attribution(lost, single))
    assert bars.bars[0].parts == ()
    assert (bars.bars[1].low, bars.bars[1].high) == (None, None)
    json.dumps(encode((bars, table)), allow_nan=False)


def test_the_line_at_zero_is_drawn_where_zero_lies_inside():
    across = Bars("", (Bar("a", (0.1,), "", -0.1, 0.3),), "", dots=True)
    above = Bars("", (Bar("a", (0.5,), "", 0.4, 0.6),), "", dots=True)
    assert 'class="zero"' in bar(across.bars[0], across)
    assert 'class="zero"' not in bar(above.bars[0], above)


def test_doses_are_panels_with_their_verdicts():
    flat = dosage(change(0.0, 0.01), change(0.0, 0.1))
    (block,) = dosage_blocks((U, flat))
    assert isinstance(block, Figures)
    assert "clearly hurts in 1 of 2 panels; in 1 of them none at all hurts too" in block.what
    assert block.figures[0].what.startswith("Some helps, too much hurts: best at 0.001")
    figure = json.loads(block.figures[0].spec)
    assert figure["layout"]["xaxis"]["ticktext"] == ["0", "10<sup>-4</sup>", "10<sup>-3</sup>", "0.01"]
    own = figure["layout"]["shapes"][0]["x0"]
    assert own == pytest.approx(1 + math.log10(3))  # 3e-4 lies between 1e-4 and 1e-3 by its logarithm
    assert dosage_blocks(()) == ()


def test_a_dose_on_which_everything_diverged_leaves_a_gap():
    broken = replace(U, values=(0.42, 0.41, 0.40, math.nan), lows=(0.41, 0.4, 0.4, math.nan),
                     highs=(0.43, 0.42, 0.4, math.nan))  # fmt: skip
    (block,) = dosage_blocks((broken,))
    figure = json.loads(block.figures[0].spec)
    assert figure["data"][2]["x"] == [0.0, 1.0, 2.0]


def test_plotly_accepts_the_figures_and_the_tree_comes_back_equal():
    import plotly.graph_objects as go

    sections = everything()
    assert [section.key for section in sections] == ["ingredients", "strengths", "robustness"]
    assert decode(encode(sections)) == sections
    figures = [block for section in sections for block in section.blocks if hasattr(block, "spec")]
    figures += [
        one for s in sections for block in s.blocks if isinstance(block, Figures) for one in block.figures
    ]
    assert len(figures) == 2
    for one in figures:
        go.Figure(json.loads(one.spec))
        assert one.alt


def test_a_hostile_column_cannot_speak(tmp_path):
    page = findings_document(robustness=ROBUST).html(tmp_path / "page.html").read_text()
    assert HOSTILE not in page
    assert "where “&lt;script&gt;" in page


def test_a_run_tells_its_findings_behind_the_champion():
    document = run_document(
        **pieces("binary"), attribution=attribution(), dosages=(U,), robustness=ROBUST,
        optimism=Optimism("log_loss", False, 0.310, 0.322, 0.30, 0.345, 0.315, 0.32, 40, 2400),
    )  # fmt: skip
    keys = [section.key for section in document.sections]
    at = keys.index("champion")
    assert keys[at : at + 5] == ["champion", "ingredients", "strengths", "robustness", "predictions"]
    (board,) = [section for section in document.sections if section.key == "leaderboard"]
    assert (
        "scored 0.3100 in log_loss; corrected for the choosing by resampled rows 0.3220"
        in board.blocks[-1].text
    )
    assert "One change at a time" in document.text()


def test_findings_alone_are_reports():
    told = report(attribution())
    assert [section.key for section in told.sections] == ["ingredients", "recipe"]
    assert [section.key for section in report(ROBUST).sections] == ["robustness"]
    better = report(replace(ROBUST, greater_is_better=True, metric="accuracy", beyond=None))
    assert "higher is better" in better.sections[0].blocks[0].spec


# the recipe -----------------------------------------------------------------------------------------------


def other_value(name: str):
    domain, default = DOMAINS[name], getattr(Design, name)
    for value in getattr(domain, "values", (0.125, 3)):
        if value != default and domain.contains(value):
            return value
    raise AssertionError(name)


@pytest.mark.parametrize("name", [field.name for field in fields(Design) if field.name != "widths"])
def test_the_recipe_tells_every_field_that_is_not_usual(name):
    needs = {"norm_place": {"norm": "batch"}, "l1_update": {"l1": 0.5}, "decoupled": {"l2": 0.5}}
    needs |= {"dropout_kind": {"dropout": 0.5}, "momentum": {"optimiser": "sgd"}}
    usual = Design(**needs.get(name, {}))
    changed = replace(usual, **{name: other_value(name)})
    assert recipe(changed).rows != recipe(usual).rows


def test_the_drawing_names_norm_kind_and_skips():
    design = Design(norm="batch", dropout=0.3, dropout_kind="dropconnect", skip=True)
    made = drawing(part_of(design, Inputs.plain(5)), 2, "")
    assert made.layers[1].detail == "batch norm, ReLU, DropConnect 30 %, skips"
    assert f"{design.parameters(5, 2):,} weights" in made.what
    after = drawing(part_of(replace(design, norm_place="after"), Inputs.plain(5)), 2, "").layers
    assert after[1].detail.startswith("ReLU, batch norm")
    coded = Inputs((0, 1), (0,), ((1, 12),))
    assert f"{design.parameters(coded, 2):,} weights" in drawing(part_of(design, coded), 2, "").what


def part_of(design: Design, inputs: Inputs) -> Part:
    """A part of one network that is never run."""
    preprocessing = SimpleNamespace(inputs=inputs)
    return Part(1.0, design, (Network(preprocessing, np.zeros(1, np.float32)),))


# quality against size -------------------------------------------------------------------------------------


def test_the_front_holds_what_nothing_betters():
    found = search("binary")
    rng = np.random.default_rng(0)
    sizes = rng.integers(100, 10_000, len(found.trials))
    sized = replace(
        found, trials=tuple(replace(t, parameters=int(n)) for t, n in zip(found.trials, sizes, strict=True))
    )
    figure = size_front(sized)
    line = json.loads(figure.spec)["data"][1]
    x, y = np.array(line["x"]), np.array(line["y"])
    assert (np.diff(x) > 0).all()
    assert (np.diff(y) <= 0).all()  # level where values lie beyond the frame
    last = [t for t in sized.trials if t.value == t.value and t.rung == 2]
    for t in last:  # nothing lies below and left of the front
        reached = y[x <= t.parameters]
        assert len(reached)
        assert t.value >= reached.min() * (1 - 1e-4)
    import plotly.graph_objects as go

    go.Figure(json.loads(figure.spec))


def test_sizes_that_are_not_known_are_not_drawn():
    plain = search("binary")
    unknown = replace(plain, trials=tuple(replace(t, parameters=0) for t in plain.trials))
    assert size_front(unknown) is None
    alike = replace(plain, trials=tuple(replace(t, parameters=7) for t in plain.trials))
    assert size_front(alike) is None


# what the trials taught ------------------------------------------------------------------------


def test_panels_of_the_surrogate_share_a_scale_and_name_the_best():
    import plotly.graph_objects as go

    found = search("binary")
    block = surrogate_panels(found, surrogate_curves(found))
    assert block.figures[0].title == "lr"  # the fakes' losses follow it most
    figures = [json.loads(one.spec) for one in block.figures]
    assert len({tuple(one["layout"]["yaxis"]["range"]) for one in figures}) == 1
    best = float(block.figures[0].what.split("best around ")[1].rstrip("."))
    assert 0.002 < best < 0.008  # 10^-2.4 is the fakes' best
    kinds = {one.title: figure["data"] for one, figure in zip(block.figures, figures, strict=True)}
    assert len(kinds["lr"]) == 3  # a band
    assert kinds["activation"][0]["error_y"]["array"]
    for one in figures:
        go.Figure(one)


def test_a_surrogate_that_knows_nothing_is_not_drawn():
    found = search("binary")
    assert surrogate_panels(found, None) is None
    curve = SurrogateCurve("lr", (1e-3, 1e-2), (0.4, 0.3), (0.3, 0.2), (0.5, 0.4), 0.5, 1.0)
    assert surrogate_panels(found, SurrogateCurves((curve,), 0.05, 30)) is None
    assert surrogate_panels(found, SurrogateCurves((replace(curve, share=0.0),), 0.9, 30)) is None
    assert surrogate_panels(found, SurrogateCurves((curve,), 0.9, 30)) is not None
