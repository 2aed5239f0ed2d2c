"""The benchmarks of the engines: what they count, what they compare with, and what they conclude."""

import json
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode


@pytest.fixture
def script(benchmark: Callable[[str], ModuleType], request: pytest.FixtureRequest) -> ModuleType:
    """The module named by the parameter."""
    return benchmark(request.param)


def named(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("script", [name], indirect=True)


def options(tmp_path: Path) -> object:
    return sys.modules["_bench"].options("", ["--json", str(tmp_path / "found.json")])


# Work ------------------------------------------------------------------------------------------------


@named("_peers")
@pytest.mark.parametrize("widths", [(16,), (32, 8), (24, 24, 16)])
def test_flops_are_what_torch_counts(script: ModuleType, widths: tuple[int, ...]) -> None:
    import _fleets

    task = script.Task(widths, 32, _fleets.FEATURES, _fleets.OUTPUTS, 32, 8)
    network, (x, y, _, _) = task.network(), task.rows()
    with FlopCounterMode(display=False) as counted:
        loss = torch.nn.functional.cross_entropy(network(x), y)
    assert counted.get_total_flops() == _fleets.forward_flops(widths, 32)
    with FlopCounterMode(display=False) as counted:
        loss.backward()
    backward = counted.get_total_flops()
    assert _fleets.flops(widths, 32) == _fleets.forward_flops(widths, 32) + backward


@named("_peers")
def test_the_loop_learns_and_counts_its_steps(script: ModuleType) -> None:
    torch.manual_seed(0)
    loop = script.Loop(script.Task((16,), 32, 20, 2, 100, 50))
    before = loop._epoch()
    assert loop.epochs(20, 1) == 20 * 4  # the smaller last batch is a step too
    assert loop._epoch() < before


@named("_peers")
def test_stacked_networks_get_the_gradients_of_each_alone(script: ModuleType) -> None:
    task = script.Task((16, 8), 32, 20, 2, 64, 8, dropout=0.0)
    stacked = script.Stacked(task, 3)
    x, y = torch.randn(3, 32, 20), torch.randint(2, (3, 32))
    together = stacked.gradients(stacked.params, x, y)
    for member in range(3):
        alone = task.network()
        alone.load_state_dict({name: values[member] for name, values in stacked.params.items()})
        torch.nn.functional.cross_entropy(alone(x[member]), y[member]).backward()
        for name, parameter in alone.named_parameters():
            torch.testing.assert_close(together[name][member], parameter.grad)
    assert stacked.epochs(2, 1) == 3 * 2 * 2


@named("_peers")
def test_stacked_networks_drop_different_units_and_learn(script: ModuleType) -> None:
    torch.manual_seed(0)
    stacked = script.Stacked(script.Task((16,), 32, 20, 2, 256, 64, dropout=0.5), 4)
    for values in stacked.params.values():
        values.data[:] = values.data[:1].clone()
    x, y = torch.randn(1, 32, 20).expand(4, -1, -1), torch.zeros(1, 32, dtype=torch.long).expand(4, -1)
    found = stacked.gradients(stacked.params, x, y)["0.weight"]
    assert not torch.equal(found[0], found[1])
    before = stacked._epoch()
    stacked.epochs(20, 1)
    assert all(after < first for after, first in zip(stacked._epoch(), before, strict=True))


@named("_fleets")
def test_folds_share_rows_but_not_validation(script: ModuleType) -> None:
    data = script.fleet_data(script.Rows(80, 20), folds=5)
    sources = [data.sources["robust", fold] for fold in range(5)]
    assert [(len(source.train), len(source.valid)) for source in sources] == [(80, 20)] * 5
    assert len(np.unique(np.concatenate([source.valid for source in sources]))) == 100
    assert all(not np.intersect1d(source.train, source.valid).size for source in sources)


@named("_fleets")
def test_a_fleet_trains_as_many_steps_as_it_says(script: ModuleType) -> None:
    fleet = script.Fleet((16,), 32, 5, script.Rows(80, 20))
    for engine in script.ENGINES:
        assert fleet.trainer(engine, 1)(2) == 5 * 2 * 3
    large = script.Fleet.sized((512,) * 4, 512, script.Rows(2048, 64))
    assert (large.members, script.Fleet.sized((16,), 16, script.Rows(2048, 64)).members) == (8, 64)


@named("_bench")
def test_a_cell_has_as_many_epochs_as_fit(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    now, log = [0.0], []

    def epochs(count: int) -> int:
        log.append(count)
        now[0] += 0.03 * count
        return 10 * count

    monkeypatch.setattr(script.time, "perf_counter", lambda: now[0])
    for seconds, wanted in ((0.1, [1, 1, 3, 3]), (0.02, [1, 1, 1]), (0.005, [1, 1])):
        log.clear()
        side = script.Paced("s", 4, seconds, epochs).side
        side.warm_up()
        assert side.run(0) == script.Outcome(4, 10 * wanted[-1])
        assert log == wanted


@named("_peak")
def test_the_peak_is_positive_and_leaves_the_threads(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "SIZES", (32, 64))
    before = torch.get_num_threads()
    peak = script.best_peak(2)
    assert torch.get_num_threads() == before
    assert peak.flops > 1e6
    assert peak.size in (32, 64)
    assert "GFLOP/s with" in str(peak)


# The sweep -------------------------------------------------------------------------------------------


@named("width_sweep")
def test_every_pair_of_width_depth_and_batch_is_measured(script: ModuleType) -> None:
    own = script.Settings()
    spots = [(spot.width, spot.depth, spot.batch) for spot in own.spots]
    assert len(spots) == 72
    for one, other in combinations(range(3), 2):
        axes = (own.widths, own.depths, own.batches)
        pairs = {(spot[one], spot[other]) for spot in spots}
        assert len(pairs) == len(axes[one]) * len(axes[other])


def _cells(script: ModuleType, spot: object, rates: dict[str, float]) -> object:
    bench = sys.modules["_bench"]
    cells = bench.Cells(None, {})
    for number in range(3):
        for name in (*script.ENGINES, *script.PEERS):
            outcome = bench.Outcome(8, round(rates.get(name, 1.0) * 1000))
            cells.add(bench.Cell(f"{spot}/{name}", number, 1.0 + number, 1.0, 0.0, outcome))
    return cells


@named("width_sweep")
def test_auto_is_judged_by_the_same_timings(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script, "ENGINES", ("native", "torch"))
    narrow, wide = script.Spot(32, 1, 32), script.Spot(512, 2, 128)
    rates = {"native": 10.0, "torch": 4.0, "vmap_1": 5.0}
    right = script.judge(narrow, _cells(script, narrow, rates), "native")
    assert (right["best"], right["best_peer"]) == ("native", "vmap_1")
    assert (right["auto_over_best"], right["native_over_best_peer"]) == (1.0, 2.0)
    assert right["microseconds"]["native"] == pytest.approx(200.0)
    wrong = script.judge(wide, _cells(script, wide, rates), "torch")
    assert wrong["auto_over_best"] == pytest.approx(0.4)

    flops = right["flops_per_step"]
    peak = sys.modules["_peak"].Peak(2, 512, flops / 100e-6)
    results, ratios = script.summed([right, wrong], peak)
    assert ratios == {
        "sweep/auto/share_within_5_percent": 0.5,
        "sweep/auto/least": pytest.approx(0.4),
        "sweep/native/best_peer": pytest.approx(2.0),  # of the narrow one alone
    }
    shown = results["shapes"][0]
    assert shown["share_of_peak"] == pytest.approx(0.5)
    assert shown["share_of_peak_6bp"] == pytest.approx(0.5 * 3 * (20 + 2) / (20 + 3 * 2 + 20))
    assert "in 50% of 2 shapes" in capsys.readouterr().out


@named("width_sweep")
def test_a_small_sweep_from_end_to_end(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["_peak"], "SIZES", (64,))
    own = script.Settings(
        rounds=1, widths=(16,), depths=(1,), batches=(64,), rows=256, seconds=0.01, workers=1
    )
    results = script.measure(own, options(tmp_path))
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["name"] == "width_sweep"
    (line,) = results["shapes"]
    assert set(line["microseconds"]) == {*script.ENGINES, *script.PEERS}
    assert line["auto"] in script.ENGINES
    assert 0 < found["ratios"]["sweep/auto/least"] <= 1


@named("roofline")
def test_bytes_of_a_step(script: ModuleType) -> None:
    state, rows = script.bytes_of((64,), 32)
    parameters = 21 * 64 + 65 * 2
    assert state == 4 * 4 * parameters  # θ, g, m and v
    assert rows == 4 * 32 * (20 + 64 + 64 + 2 + 2)


@named("roofline")
def test_a_small_roofline_from_end_to_end(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.modules["_peak"], "SIZES", (64,))
    own = script.Settings(
        script.ENGINES[0],
        rounds=1,
        widths=(16,),
        depths=(1, 2),
        batches=(64,),
        rows=256,
        seconds=0.01,
        workers=1,
    )
    results = script.measure(own, options(tmp_path))
    shallow, deep = results["shapes"]
    assert shallow["flops"] < deep["flops"]
    assert shallow["flops_per_second"] == pytest.approx(shallow["flops"] / shallow["microseconds"] * 1e6)
    assert f"{script.ENGINES[0]}; µs are a member-step's" in capsys.readouterr().out


# The grid --------------------------------------------------------------------------------------------


@named("fleet_grid")
def test_the_grids_are_as_described(script: ModuleType) -> None:
    own = script.Settings("torch")
    shallow, deep = script.shallow(own), script.deep(own)
    assert len(set(shallow)) == len(shallow) == len(set(deep)) == 64
    assert {(design.widths, design.batch_size) for design in shallow} == {((64,), 32)}
    assert len({(design.widths, design.batch_size) for design in deep}) == 27
    assert len(script.members(own, shallow)) == 960
    fleets = sys.modules["_fleets"]
    each = fleets.flops((64,), 1600) + fleets.forward_flops((64,), 400)
    assert script.grid_flops(own, shallow) == 960 * 50 * each


@named("fleet_grid")
def test_a_small_grid_from_end_to_end(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["_peak"], "SIZES", (64,))
    own = script.Settings(script.ENGINES[0], rounds=1, designs=4, folds=2, seeds=1, epochs=1, workers=1)
    results = script.measure(own, options(tmp_path))
    assert results["shallow"]["networks"] == 8
    assert results["shallow"]["member_steps"] == 8 * 50
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["ratios"]["grid/shallow/0.3s"] == pytest.approx(results["shallow"]["seconds"] / 0.3)


# Memory and the demo ---------------------------------------------------------------------------------


@named("memory")
@pytest.mark.parametrize(
    ("predicted", "rise", "peak", "bounded", "passed"),
    [
        (600e6, 650e6, 1e9, False, True),
        (600e6, 670e6, 1e9, False, False),
        (600e6, 530e6, 1e9, False, False),
        (20e6, 65e6, 1e9, False, True),
        (20e6, 75e6, 1e9, False, False),
        (600e6, 600e6, 5e9, True, False),
        (600e6, 600e6, 5e9, False, True),
    ],
)
def test_plans_are_met_within_a_tenth_or_50_megabytes(
    script: ModuleType, predicted: float, rise: float, peak: float, bounded: bool, passed: bool
) -> None:
    bench = sys.modules["_bench"]
    kept = {"predicted": [predicted], "measured": [rise], "peak": [peak], "bounded": [bounded]}
    line = script.judged(bench.Cell("s", 0, 1.0, 1.0, 0.0, bench.Outcome(4, 8, kept)))
    assert line["passed"] is passed
    assert line["ratio"] == pytest.approx(rise / predicted)


@named("memory")
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux")
def test_memory_of_a_fleet_is_measured(script: ModuleType) -> None:
    # 8 networks of a million parameters: weights, best weights and two moments of 4 bytes, kept.
    case = script.Case(8, (960, 960), 64, 64)
    for engine in script.ENGINES:
        predicted, rise, peak, steps = script.measured(case, engine, 1)
        states = 8 * 4 * 4 * (21 * 960 + 961 * 960 + 961 * 2)
        assert steps == 8
        assert predicted > states
        assert states < rise < peak


@named("demo_engines")
def test_the_demo_is_compared_by_its_search(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"native": (900, 90_000, 40.0), "torch": (100, 20_000, 20.0)}
    asked: list[list[str]] = []

    def run(command: list[str], **_: object) -> None:
        asked.append(command)
        networks, steps, seconds = told[command[command.index("--engine") + 1]]
        folder = Path(command[command.index("--out") + 1])
        folder.mkdir()
        summary = {
            "networks": networks,
            "member_steps": steps,
            "seconds": {"read": 1.0, "search": seconds, "total": 60.0},
            "score": 0.3,
        }
        (folder / "summary.json").write_text(json.dumps(summary))

    monkeypatch.setattr(script.subprocess, "run", run)
    own = script.Settings(engines=("native", "torch"), rounds=2, seconds=60.0)
    results = script.measure(own, options(tmp_path))
    assert len(asked) == 4
    assert all("bundled:adult" in command and "60.0" in command for command in asked)
    found = json.loads((tmp_path / "found.json").read_text())["ratios"]
    assert found["demo/native/torch"] == pytest.approx((900 / 40) / (100 / 20))
    assert found["demo/native/torch_steps"] == pytest.approx((90_000 / 40) / (20_000 / 20))
    assert results["native"]["share"] == pytest.approx(40 / 60)
