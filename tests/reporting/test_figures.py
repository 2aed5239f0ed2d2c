import dataclasses
import json

import numpy as np
import plotly.graph_objects as go
import pytest
from tests.oracles.reporting import ranks_by_loop
from tests.reporting.fakes import pieces, search

from profunda.fleet.history import History
from profunda.reporting.blocks import Figure, Figures
from profunda.reporting.curves import learning_curves, matrix
from profunda.reporting.document import Document
from profunda.reporting.figures import POINTS, axis, label, log_axis, numbers, spec, thin
from profunda.reporting.ladder import rank_ladder
from profunda.reporting.story import run_document


def figures_of(document: Document) -> list[Figure]:
    found = []
    for section in document.sections:
        for block in section.blocks:
            found += [block] if isinstance(block, Figure) else []
            found += block.figures if isinstance(block, Figures) else []
    return found


@pytest.fixture(scope="module", params=["binary", "multiclass", "regression"])
def figures(request) -> list[Figure]:
    return figures_of(run_document(**pieces(request.param, trials=700)))


def test_plotly_accepts_every_figure(figures):
    assert len(figures) > 12
    for figure in figures:
        go.Figure(json.loads(figure.spec), skip_invalid=False)


def test_plotly_refuses_a_misspelt_figure():
    with pytest.raises(ValueError, match="Invalid property"):
        go.Figure(json.loads(spec([{"type": "scatter", "colour": "red"}], {})), skip_invalid=False)


def _points(trace) -> int:
    return sum(len(row) for row in trace["z"]) if "z" in trace else len(trace.get("x", ()))


def test_no_figure_holds_more_points_than_promised(figures):
    sizes = [sum(_points(trace) for trace in json.loads(figure.spec)["data"]) for figure in figures]
    assert max(sizes) <= POINTS
    assert max(sizes) > 500  # the bound is not met by emptiness


def test_no_grid_holds_more_points_than_promised():
    document = run_document(**pieces("binary", trials=700))
    for section in document.sections:
        for block in section.blocks:
            if isinstance(block, Figures):
                total = sum(_points(t) for f in block.figures for t in json.loads(f.spec)["data"])
                assert total <= POINTS


def test_every_figure_says_what_to_see_and_names_its_axes(figures):
    for figure in figures:
        assert figure.alt
        layout = json.loads(figure.spec)["layout"]
        for name in ("xaxis", "yaxis"):
            shown, title = layout[name].get("visible", True), layout[name].get("title", {})
            assert not shown or title.get("text") or "ticktext" in layout[name], figure.title


def test_labels_are_harmless_and_short():
    assert label("<b>x</b>") == "&lt;b&gt;x&lt;/b&gt;"
    assert len(label("a" * 99)) == 24


def test_numbers_and_thinning():
    assert numbers([1.23456789, float("nan"), float("-inf"), 0]) == [1.2346, None, None, 0.0]
    assert thin(5, 9).tolist() == [0, 1, 2, 3, 4]
    assert thin(1000, 11).tolist() == list(range(0, 1000, 100))[:1] + thin(1000, 11).tolist()[1:]
    assert thin(1000, 11)[[0, -1]].tolist() == [0, 999]
    assert len(thin(1000, 11)) == 11


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (1e-3, 1e-1, ["0.001", "0.002", "0.005", "0.01", "0.02", "0.05", "0.1"]),
        (1e-9, 1.0, ["1·10⁻⁸", "1·10⁻⁶", "0.0001", "0.01", "1"]),
        (3.0, 4.0, ["3", "4"]),
    ],
)
def test_a_logarithmic_axis_has_plain_ticks(low, high, texts):
    found = log_axis("lr", low, high)
    assert found["ticktext"] == texts
    assert axis("a")["title"]["text"] == "a"


def test_curves_are_padded_and_averaged_only_while_all_folds_train():
    found = search("binary", trials=20)
    table = matrix(found.history.curves, "valid")
    for row, curve in zip(table, found.history.curves, strict=True):
        assert np.isfinite(row[curve.epochs :]).sum() == 0
    assert learning_curves(History((), ()), (), "loss") is None


def test_the_band_is_the_quantiles_of_those_still_training():
    found = search("binary", trials=40)
    figure = learning_curves(found.history, (0, 1, 2), "loss")
    data = {trace.get("name", ""): trace for trace in json.loads(figure.spec)["data"]}
    losses = matrix(found.history.curves, "valid")
    median = [float(np.median(column[np.isfinite(column)])) for column in losses.T]
    assert np.allclose(data["fleet, median"]["y"], median, rtol=1e-4)


def test_a_run_that_was_stopped_after_one_network_has_its_band_too():
    """The others are in the history, but trained no epoch."""
    found = search("binary", trials=40)
    nothing = np.empty(0)
    curves = [
        curve if place == 3 else dataclasses.replace(curve, train_loss=nothing, valid_loss=nothing)
        for place, curve in enumerate(found.history.curves)
    ]
    figure = learning_curves(dataclasses.replace(found.history, curves=tuple(curves)), (3,), "loss")
    data = {trace.get("name", ""): trace for trace in json.loads(figure.spec)["data"]}
    assert len(data["fleet, median"]["y"]) == found.history.curves[3].epochs


def test_the_ladder_ranks_the_best_losses_so_far():
    found = search("binary", trials=60)
    lines = json.loads(rank_ladder(found).spec)["data"]
    top = max(t.rung for t in found.trials)
    numbers_drawn = [int(line["text"][0].split(",")[0].removeprefix("trial ")) for line in lines]
    trials = {t.number: (k, t) for k, t in enumerate(found.trials)}
    final = []
    for n in numbers_drawn:
        k, trial = trials[n]
        assert trial.rung == top
        final.append(np.mean([np.nanmin(found.history.curves[3 * k + f].valid_loss) for f in range(3)]))
    assert [line["y"][2] for line in lines] == ranks_by_loop(final)
    assert sorted(line["y"][0] for line in lines) == list(range(1, len(lines) + 1))


def test_trials_that_were_cut_off_early_foretell_nothing():
    found = search("binary", trials=60)
    curves = tuple(
        dataclasses.replace(c, epochs=3, valid_loss=c.valid_loss[:3], train_loss=c.train_loss[:3])
        for c in found.history.curves
    )
    history = dataclasses.replace(found.history, curves=curves)
    assert rank_ladder(dataclasses.replace(found, history=history)) is None
