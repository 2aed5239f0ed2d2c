"""The benchmarks on real tables: ranks and differences, layouts and rules, arms, records, and small runs."""

import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from profunda.data.reading import read
from profunda.data.splits import split
from profunda.space.space import Space
from profunda.space.table import design_from, table_space


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two tables in the form of the development data: classes with a category and gaps, and numbers."""
    import polars as pl

    rng = np.random.default_rng(0)
    (tmp_path / "tab").mkdir()
    entries = []
    for name, rows in (("sort", 240), ("count", 200)):
        x = rng.normal(size=(rows, 3))
        signal = x[:, 0] * x[:, 1] + x[:, 2]
        target = np.where(signal > 0, "yes", "no") if name == "sort" else signal
        words = np.where(rng.random(rows) < 0.5, "a", "b")
        gaps = np.where(rng.random(rows) < 0.1, np.nan, x[:, 1])
        frame = pl.DataFrame({"u": x[:, 0], "v": gaps, "w": x[:, 2], "word": words, "target": target})
        frame.with_columns(pl.col("v").fill_nan(None)).write_parquet(tmp_path / "tab" / f"{name}.parquet")
        task = "classification" if name == "sort" else "regression"
        entries.append({"name": name, "file": f"tab/{name}.parquet", "task": task, "n": rows, "d": 4})
    entries.append({"name": "text", "file": "text.gz", "task": "language", "n": 1, "d": 1})
    (tmp_path / "index.json").write_text(json.dumps(entries))
    return tmp_path


# Ranks -----------------------------------------------------------------------------------------------


LOSSES = {"a": [1.0, 2.0, 1.0, 1.0, 2.0], "b": [2.0, 1.0, 2.0, 3.0, 3.0], "c": [3.0, 3.0, 3.0, 2.0, 4.0]}


def test_mean_ranks_and_friedman_agree_with_scipy(benchmark):
    found = benchmark("_ranks").ranking(LOSSES)
    assert found.mean_rank == pytest.approx({"a": 1.2, "b": 2.0, "c": 2.8})
    assert list(found.mean_rank) == ["a", "b", "c"]
    assert found.friedman_p == pytest.approx(stats.friedmanchisquare(*LOSSES.values()).pvalue)
    assert "critical difference" in str(found)


def test_nemenyis_distance_is_the_published_one(benchmark):
    """Demšar (2006), section 3.2.2: four ways on 14 tables, q 2.569, CD 1.25."""
    rng = np.random.default_rng(0)
    found = benchmark("_ranks").ranking({name: rng.random(14).tolist() for name in "abcd"})
    assert found.critical == pytest.approx(2.569 * math.sqrt(4 * 5 / (6 * 14)), abs=1e-3)


def test_equal_losses_share_their_ranks_and_failures_come_last(benchmark):
    ranking = benchmark("_ranks").ranking
    tied = ranking({"a": [1.0, 1.0], "b": [1.0, 1.0]})
    assert tied.mean_rank == {"a": 1.5, "b": 1.5}
    assert tied.friedman_p == 1.0
    assert ranking({"a": [math.nan, 5.0], "b": [9.0, math.inf]}).mean_rank == {"a": 1.5, "b": 1.5}


@pytest.mark.parametrize(
    "losses", [{"a": [1.0, 2.0]}, {"a": [1.0], "b": [2.0]}, {"a": [1.0, 2.0], "b": [1.0]}]
)
def test_ranks_need_two_ways_and_the_same_tables(benchmark, losses):
    with pytest.raises(ValueError, match="two ways and two tables, the same for all"):
        benchmark("_ranks").ranking(losses)


def test_holms_correction(benchmark):
    """Step-down by hand: 0.01 x 3, 0.02 x 2, 0.04 x 1, never smaller than one before."""
    found = benchmark("_ranks").holm({"x": 0.04, "y": 0.01, "z": 0.02})
    assert found == pytest.approx({"y": 0.03, "z": 0.04, "x": 0.04})


def test_differences_say_who_is_better(benchmark):
    difference = benchmark("_ranks").difference
    rng = np.random.default_rng(0)
    base = rng.random(20)
    better = difference(base - 0.1 + rng.normal(0, 0.02, 20), base)
    assert (better.verdict, better.better, better.worse) == ("better", 20, 0)
    assert better.low < better.mean < better.high < 0
    assert difference(base, base - 0.1 + rng.normal(0, 0.02, 20)).verdict == "worse"
    assert difference(base + rng.normal(0, 0.02, 20), base).verdict == "not distinguishable"
    assert "better on 20 of 20" in str(better)


def test_ranks_and_mean_that_disagree_decide_nothing(benchmark):
    gaps = np.array([-0.01] * 15 + [5.0])
    assert benchmark("_ranks").difference(gaps, np.zeros(16)).verdict == "not distinguishable"
    with pytest.raises(ValueError, match="the same two or more tables"):
        benchmark("_ranks").difference([1.0], [2.0])


# Tables and records ----------------------------------------------------------------------------------


def test_tables_come_from_the_index_small_ones_first(benchmark, folder):
    tables = benchmark("_tables")
    assert [table.name for table in tables.tables(folder)] == ["count", "sort"]
    assert [table.name for table in tables.tables(folder, ["sort"])] == ["sort"]
    with pytest.raises(ValueError, match=r"has no tables \['none'\]; it has \['count', 'sort'\]"):
        tables.tables(folder, ["none"])


def test_without_the_folder_nothing_is_measured(benchmark, tmp_path, capsys):
    assert benchmark("cocktail").main(["--data", str(tmp_path)]) == 0
    assert "Nothing was measured" in capsys.readouterr().out


def test_options_refuse_a_folder_that_does_not_exist(benchmark, tmp_path, capsys):
    tables = benchmark("_tables")
    with pytest.raises(SystemExit):
        tables.options("", ["--out", str(tmp_path / "none" / "a.jsonl")])
    assert "does not exist" in capsys.readouterr().err
    given = tables.options("", ["--quick", "--tables", "a,b", "--cells", str(tmp_path / "a.jsonl")])
    assert (given.quick, given.chosen, given.out.name) == (True, ("a", "b"), "a.jsonl")


def test_rows_are_capped_without_mixing_their_parts(benchmark, folder):
    tables = benchmark("_tables")
    dataset = tables.dataset_of(tables.tables(folder, ["sort"])[0])
    splits = tables.capped(dataset, 1, 50, 20, 30)
    fold = splits.folds[0]
    parts = [set(rows.tolist()) for rows in (fold.train, fold.valid, splits.test)]
    assert [len(part) for part in parts] == [50, 20, 30]
    assert len(set.union(*parts)) == 100
    assert set(splits.development.tolist()) == parts[0] | parts[1]
    assert tables.categories(dataset) == [3]


def test_records_are_resumed_with_equal_settings_alone(benchmark, tmp_path):
    tables = benchmark("_tables")
    path = tmp_path / "records.jsonl"
    record = tables.Record("adult", "full", 0, 1.5, {"loss": 0.3, "folds": [1.0, 2.0]})
    tables.Records(path, {"seconds": 6}).add(record)
    path.write_text(path.read_text() + '{"torn')
    again = tables.Records(path, {"seconds": 6})
    assert again.get("adult", "full") == record
    assert again.get("adult", "full", 1) is None
    assert tables.Records(path, {"seconds": 20}).reused == 0
    again.add(tables.Record("bike", "full", 0, 1.0, {}))
    assert tables.Records(path, {"seconds": 6}).reused == 2


# Guidance --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["pyramid", "constant", "funnel"])
@pytest.mark.parametrize("depth", [1, 3, 6])
def test_equal_sizes_have_nearly_equal_parameters(benchmark, shape, depth):
    made = benchmark("_layouts")
    budget = made.parameters((96, 96, 96), 20, 3)
    widths = made.same_size(shape, depth, budget, 20, 3)
    assert len(widths) == depth
    assert made.parameters(widths, 20, 3) == pytest.approx(budget, rel=0.02)
    ordered = {
        "pyramid": sorted(widths, reverse=True),
        "funnel": sorted(widths),
        "constant": [widths[0]] * depth,
    }
    assert list(widths) == ordered[shape]


def test_every_reading_has_networks_inside_below_and_beyond(benchmark):
    made = benchmark("_layouts").layouts(10, 14, 2)
    assert len({each.key for each in made}) == len(made)
    rules = benchmark("_rules")
    each = rules.Measured({}, {layout.key: layout.widths for layout in made}, 10, 0.0)
    for place in range(3):
        ratios = [rules._ratio(each, layout.key, place) for layout in made if layout.study == "widths"]
        assert any(all(2 <= ratio <= 10 for ratio in found) for found in ratios)
        assert any(min(found) < 2 for found in ratios)
        assert any(max(found) > 10 for found in ratios)


def _record(made: list, slope: float) -> dict:
    """A table on which a network loses `slope` a layer, and wide ones nothing."""
    rng = np.random.default_rng(int(1000 * slope))
    values = {each.key: [0.2 + slope * len(each.widths) + 0.001 * rng.random()] for each in made}
    rest = {"constant": [0.9], "linear": [0.5], "trees": [0.42 - slope], "columns": 10.0}
    return {**values, **rest, "widths": json.dumps({each.key: each.widths for each in made})}


def test_losses_are_put_between_the_best_network_and_the_constant(benchmark):
    made = benchmark("_layouts").layouts(10, 10, 2)
    found = benchmark("_rules").normalised(_record(made, 0.05))
    assert min(found.losses.values()) == 0.0
    assert found.losses["depth/8-plain"] == pytest.approx((0.6 - 0.2) / 0.7, abs=0.01)
    assert found.complexity == pytest.approx((0.5 - 0.37) / (0.9 - 0.37))
    worse = {**_record(made, 0.05), "depth/8-plain": [50.0]}
    assert benchmark("_rules").normalised(worse).losses["depth/8-plain"] == 1.0


def test_rules_are_judged_as_the_losses_say(benchmark):
    """Depth costs, whatever the rest: the rule of 2 to 4 layers holds against more, fails against fewer."""
    rules, made = benchmark("_rules"), benchmark("_layouts").layouts(10, 10, 2)
    records = {f"t{k}": _record(made, 0.02 + k / 1000) for k in range(14)}
    shallow = {rule.rule: rule for rule in rules.judge(records)}
    depth = shallow["begin with 2 to 4 layers (64 units each)"]
    assert depth.verdict == "holds with conditions"
    assert {name: gap.verdict for name, gap in depth.differences.items()} == {
        f"2 to 4 layers less {depth}, {dose}": "worse" if depth < 2 else "better"
        for depth in (0, 1, 6, 8)
        for dose in ("regularised", "plain")
    }
    assert shallow["avoid oversize: depth (64 wide)"].verdict == "holds"
    assert shallow["simple tables: shallower and wider"].verdict == "holds"
    assert shallow["complex tables: deeper and narrower"].verdict == "wrong"
    assert shallow["avoid oversize: width (two layers)"].verdict == "not distinguishable"
    assert "BEGIN" not in str(depth)
    assert "HOLDS WITH CONDITIONS" in str(depth)


def test_a_small_study_runs_and_is_resumed(benchmark, folder, tmp_path, monkeypatch, capsys):
    guidance = benchmark("guidance")
    monkeypatch.setattr(guidance, "QUICK", guidance.Settings(60, 40, 60, 2, 20))
    small = [each for each in benchmark("_layouts").layouts(4, 5, 2) if max(each.widths, default=0) <= 64]
    monkeypatch.setattr(guidance, "layouts", lambda *counts: small)
    words = ["--quick", "--data", str(folder), "--out", str(tmp_path / "out.jsonl")]
    assert guidance.main([*words, "--tables", "sort"]) == 0
    assert "two tables and more" in capsys.readouterr().out
    kept = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [record["arm"] for record in kept] == list(guidance.PARTS)
    values = benchmark("_rules").merged([record["values"] for record in kept])
    assert set(values) >= {"constant", "linear", "trees", "depth/0-plain", "widths/constant-2-0.5"}
    assert all(len(values[name]) == 2 for name in ("trees", "depth/3-plain"))
    assert set(json.loads(values["widths"])) == {layout.key for layout in small}
    (tmp_path / "out.jsonl").write_text("".join(json.dumps(record) + "\n" for record in kept[2:]))
    assert guidance.main([*words, "--tables", "sort"]) == 0
    again = [json.loads(line)["arm"] for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert again == [*guidance.PARTS[2:], *guidance.PARTS[:2]]


# Cocktail --------------------------------------------------------------------------------------------


@pytest.fixture
def dataset():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 20))
    return read((x, (x[:, 0] > 0).astype(int)), task="classification")


def test_every_arm_has_its_regulariser_and_no_other(benchmark, dataset):
    arms = benchmark("_arms")
    splits = split(dataset, seed=0)
    assert arms.arm_space("full", dataset, splits) is None
    for arm in arms.ARMS[1:]:
        space = arms.arm_space(arm, dataset, splits)
        for params in space.sample(np.random.default_rng(0).random((30, space.dimensions))):
            design = design_from(params)
            assert design.widths == (64, 32, 16)
            assert (design.dropout > 0) == (arm == "dropout-only")
            assert (design.l1 > 0) == (arm in ("l1-only", "elastic-net-only"))
            assert (design.l2 > 0) == (arm in ("l2-only", "elastic-net-only"))
            assert (design.norm != "none") == (arm == "norm-only")
            assert (design.patience > 0) == (arm == "early-stopping-only")
            off = set(arms.REGULARISERS) - set(arms.ALONE[arm]) - {"patience"}
            plain = type(design)()
            assert all(getattr(design, name) == getattr(plain, name) for name in off)


def test_without_regularisers_the_networks_are_still_searched(benchmark):
    arms = benchmark("_arms")
    whole = table_space("multiclass", 800, 20, 3)
    space = arms.without_regularisers(whole)
    assert isinstance(space, Space)
    assert not set(space.names) & (set(arms.REGULARISERS) - {"patience"})
    assert {"depth", "width", "activation", "lr", "encoding"} <= set(space.names)
    drawn = [design_from(p) for p in space.sample(np.random.default_rng(0).random((40, space.dimensions)))]
    assert len({design.widths for design in drawn}) > 5
    assert {design.dropout for design in drawn} == {0.0}
    assert {design.patience for design in drawn} == {0}


def test_the_arms_regularisers_are_fields_of_a_design(benchmark):
    from profunda.space.design import DOMAINS

    arms = benchmark("_arms")
    assert set(arms.REGULARISERS) | set(arms.RECIPE) <= set(DOMAINS)
    assert not set(arms.REGULARISERS) & set(arms.RECIPE)
    assert set(arms.ALONE) == set(arms.ARMS) - {"full"}
    assert all(set(alone) <= set(arms.REGULARISERS) for alone in arms.ALONE.values())


def test_the_mlp_beats_the_constant_on_both_kinds(benchmark, folder):
    tables = benchmark("_tables")
    for name in ("sort", "count"):
        dataset = tables.dataset_of(tables.tables(folder, [name])[0])
        splits = split(dataset, seed=0)
        loss = benchmark("_mlp").mlp(dataset, splits, 0, early_stopping=False)
        held = dataset.y[splits.test]
        assert loss < (math.log(2) if name == "sort" else held.std())


def _filled(benchmark, full: float) -> object:
    """Records of three tables on which `full` loses so much and the others 1 to 7."""
    arms, tables = benchmark("_arms"), benchmark("_tables")
    records = tables.Records(None, {})
    for name in ("t1", "t2", "t3"):
        for place, arm in enumerate(arms.ARMS):
            records.add(tables.Record(name, arm, 0, 1.0, {"loss": float(place) if place else full}))
        for beside in benchmark("cocktail").BESIDE:
            records.add(tables.Record(name, beside, 0, 1.0, {"loss": 9.0}))
    return records


@pytest.mark.parametrize(
    ("full", "quick", "code"), [(0.5, False, 0), (1.5, False, 1), (1.0, True, 0), (3.5, True, 1)]
)
def test_the_exit_code_tells_where_full_stands(benchmark, tmp_path, full, quick, code):
    cocktail, tables = benchmark("cocktail"), benchmark("_tables")
    given = tables.Given(quick, tmp_path / "made.json", None, tmp_path, ())
    assert cocktail._report(_filled(benchmark, full), given, cocktail.Settings(), ["t1", "t2", "t3"]) == code
    results = json.loads((tmp_path / "made.json").read_text())["results"]
    assert set(results["mean_rank"]) == set(benchmark("_arms").ARMS)
    assert results["full_better_on"]["mlp"] == 1.0
    assert results["tables"] == 3


def test_a_small_comparison_runs_and_is_resumed(benchmark, folder, tmp_path, monkeypatch, capsys):
    cocktail = benchmark("cocktail")
    monkeypatch.setattr(cocktail, "QUICK_SECONDS", 1.0)
    monkeypatch.setattr(cocktail, "ARMS", ("full", "l2-only", "plain"))
    words = ["--quick", "--data", str(folder), "--tables", "sort,count"]
    words += ["--out", str(tmp_path / "out.jsonl"), "--json", str(tmp_path / "all.json")]
    code = cocktail.main(words)
    results = json.loads((tmp_path / "all.json").read_text())["results"]
    ranks = results["mean_rank"]
    assert set(ranks) == set(cocktail.ARMS)
    assert sum(ranks.values()) == pytest.approx(6)
    assert code == (1 if ranks["full"] - min(ranks.values()) > cocktail.BEHIND else 0)
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 6
    monkeypatch.setattr(cocktail, "fitted", None)
    assert cocktail.main(words) == code
    assert json.loads((tmp_path / "all.json").read_text())["results"] == results


def test_one_arm_is_one_call_of_fit(benchmark, dataset):
    cocktail = benchmark("cocktail")
    splits = split(dataset, seed=0)
    space = benchmark("_arms").arm_space("l2-only", dataset, splits)
    made = cocktail.fitted(dataset, cocktail.Settings(seconds=1.5, workers=1), space)
    assert 0 < made["loss"] < 10
    assert made["trials"] >= 1


# Peers -----------------------------------------------------------------------------------------------


def test_a_peers_table_names_missing_categories_and_fills_numbers(benchmark):
    pytest.importorskip("pandas")
    x = np.array([[0.0, 1.0], [np.nan, np.nan], [1.0, 3.0], [0.0, 100.0]])
    frame = benchmark("_peer_fit").frame(x, np.array([0]), np.array([0, 2]), impute=True)
    assert frame["c0"].tolist() == ["0", "missing", "1", "0"]
    assert frame["c1"].tolist() == [1.0, 2.0, 3.0, 100.0]
    kept = benchmark("_peer_fit").frame(x, np.array([0]), np.array([0, 2]), impute=False)
    assert np.isnan(kept["c1"][1])


def test_torch_is_held_for_the_peers(benchmark, monkeypatch):
    setup = benchmark("_peers_setup")
    monkeypatch.setenv("PROFUNDA_TORCH", "2.13.0+cpu")
    assert setup.requirements() == "torch==2.13.0\n"
    monkeypatch.delenv("PROFUNDA_TORCH")
    assert setup.requirements() == f"torch=={torch.__version__.partition('+')[0]}\n"


def test_without_the_peers_environment_nothing_is_measured(benchmark, folder, monkeypatch, tmp_path, capsys):
    peers = benchmark("peers")
    monkeypatch.setattr(peers, "FOLDER", tmp_path / "none")
    assert peers.main(["--data", str(folder), "--tables", "sort"]) == 0
    assert "python benchmarks/_peers_setup.py" in capsys.readouterr().out


def test_a_peer_runs_in_its_own_process_and_may_fail(benchmark, folder, monkeypatch, tmp_path, capsys):
    peers, tables = benchmark("peers"), benchmark("_tables")
    dataset = tables.dataset_of(tables.tables(folder, ["count"])[0])
    splits = split(dataset, seed=0)
    script = tmp_path / "_peer_fit.py"
    script.write_text(
        "import sys, numpy as np\n"
        "kept = np.load(sys.argv[2])\n"
        "assert sys.argv[1] != 'broken', 'no such peer'\n"
        "mean = kept['y'][kept['train']].mean()\n"
        "np.savez(sys.argv[3], made=np.full(len(kept['test']), mean), seconds=1.5)\n"
    )
    monkeypatch.setattr(peers, "HERE", tmp_path)
    monkeypatch.setattr(peers, "python_of", lambda folder: Path(sys.executable))
    made = peers.peer("mean", dataset, splits, peers.Settings(workers=1))
    held = dataset.y[splits.test]
    mean = dataset.y[splits.development].mean()
    assert made == {"loss": pytest.approx(math.sqrt(((held - mean) ** 2).mean())), "seconds": 1.5}
    failed = peers.peer("broken", dataset, splits, peers.Settings(workers=1))
    assert failed["loss"] == math.inf
    assert "no such peer" in capsys.readouterr().out


# The portfolio --------------------------------------------------------------------------------------


def test_losses_are_scaled_by_a_tables_best_and_median(benchmark) -> None:
    found = benchmark("portfolio").scaled(
        np.array([[1.0, 2.0, 3.0, np.nan, 9.0], [10.0, 20.0, 30.0, 40.0, 50.0]])
    )
    np.testing.assert_allclose(found, [[0.0, 0.5, 1.0, 2.0, 2.0], [0.0, 0.5, 1.0, 1.5, 2.0]])


def test_a_greedy_portfolio_adds_what_is_lacking(benchmark) -> None:
    """What counts on a table is the mean of its two best: the second table's cures come last."""
    losses = np.array([[0.0, 0.1, 0.2, 2.0, 2.0], [0.9, 0.9, 0.9, 0.0, 0.1]])
    learnt = benchmark("portfolio").greedy(losses, 4)
    assert learnt.places == (0, 1, 3, 4)
    # One design alone is averaged with the worst, 2: ((0 + 2)/2 + (0.9 + 2)/2)/2; then (0.05 + 0.9)/2, …
    np.testing.assert_allclose(learnt.losses, [1.225, 0.475, 0.25, 0.05])


def test_what_was_learnt_is_what_is_tried(benchmark) -> None:
    """Tables that judge elsewhere have no say; every candidate is a design of the space it is drawn for."""
    module = benchmark("portfolio")
    assert not set(module.TABLES) & {*benchmark("cocktail").TABLES, *benchmark("peers").TABLES}
    space = table_space("regression", 900, 12, 1, n_numeric=8)
    designs = [design_from(module.filled(space, wanted)) for wanted in module.candidates(20)]
    assert len(set(designs)) > 25
