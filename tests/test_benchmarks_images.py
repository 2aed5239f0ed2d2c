"""The benchmarks on pictures: what they compare, how they go on, and that their intervals can say no."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from profunda.networks.named.resnet import ResNet, ResNetSize


@pytest.fixture
def stripes(tmp_path: Path) -> Path:
    """Two classes of 12 × 12 pictures, bright above or bright below, as an .npz file."""
    random = np.random.default_rng(0)
    y = np.arange(120) % 2
    x = random.integers(0, 100, (120, 12, 12))
    x[y == 0, :6] += 100
    x[y == 1, 6:] += 100
    x, y = x.astype(np.uint8), y.astype(np.uint8)
    np.savez(tmp_path / "stripes.npz", x_train=x[:80], y_train=y[:80], x_test=x[80:], y_test=y[80:])
    return tmp_path / "stripes.npz"


def test_the_loop_learns_what_can_be_learnt_and_is_repeatable(benchmark, stripes):
    shared = benchmark("_images")
    data = shared.pictures(stripes, 80, 40, 0)
    assert abs(data.x.mean()) < 1e-5
    assert data.x.shape == (80, 1, 12, 12)

    def trained(scale):
        torch.manual_seed(0)
        network = ResNet(ResNetSize((1,), 8), n_classes=2, in_channels=1, small_images=True)
        recipe = shared.Recipe(12, 15, scale, batch=16)
        shared.train(network.train(), network.parameters(), data.x, data.y, recipe, 0)
        return shared.scores(network, data.x_test, data.y_test, 12)

    accuracy, loss = trained(None)
    assert accuracy > 0.9
    assert loss < 0.5
    assert trained(None) == (accuracy, loss) != trained((0.5, 1.0))


def test_other_seeds_see_other_rows_and_the_same_test(benchmark, stripes):
    shared = benchmark("_images")
    first, second = (shared.pictures(stripes, 30, 40, seed) for seed in (0, 1))
    assert not torch.equal(first.y, second.y)
    assert torch.equal(first.y_test, second.y_test)


def test_resizing_keeps_a_ramp(benchmark):
    """Between the first and the last pixel's centre bilinear interpolation of a ramp is the ramp."""
    shared = benchmark("_images")
    ramp = torch.arange(8.0).expand(1, 1, 8, 8)
    assert shared.resized(ramp, 8) is ramp
    wide = shared.resized(ramp, 16)[0, 0, 0, 1:-1]
    assert torch.allclose(wide, torch.arange(1, 15) / 2 - 0.25)


def test_intervals_are_students_and_can_leave_it_open(benchmark):
    paired = benchmark("_images").paired
    mean, low, high = paired([3.0, 5.0, 4.0], [1.0, 1.0, 1.0])
    assert (mean, high - low) == (3.0, pytest.approx(2 * 4.302653 / 3**0.5, rel=1e-6))
    assert paired([1.0, -1.0], [0.0, 0.0])[1] < 0 < paired([1.0, -1.0], [0.0, 0.0])[2]


def test_finished_runs_are_not_run_again(benchmark, tmp_path):
    runs, file, calls = benchmark("_images").Runs, tmp_path / "cells.jsonl", []

    def measure():
        calls.append(1)
        return {"accuracy": 0.5}

    assert runs(file, {"rows": 3}).get("a", measure) == {"accuracy": 0.5}
    with file.open("a") as torn:
        torn.write('{"settings"')
    again = runs(file, {"rows": 3})
    assert again.get("a", measure) == {"accuracy": 0.5}
    assert len(calls) == 1
    again.get("b", measure)
    assert runs(file, {"rows": 3}).get("b", measure) == {"accuracy": 0.5}
    assert len(calls) == 2
    runs(file, {"rows": 4}).get("a", measure)  # other settings count for nothing
    assert len(calls) == 3


def test_every_switch_of_a_family_changes_one_thing(benchmark):
    families = benchmark("named_vision").FAMILIES
    assert set(families) == {"EfficientNet", "DenseNet", "ResNet"}
    for family in families.values():
        for on, off in family.switches.values():
            with_it, without = family.arms[on], family.arms[off]
            same = [with_it.crops == without.crops, with_it.decay == without.decay]
            built = repr(with_it.build()) == repr(without.build())
            assert sum([*same, built]) == 2, (on, off)


def test_what_a_switch_is_worth_has_the_right_sign(benchmark):
    module = benchmark("named_vision")
    arm = module.Arm(torch.nn.Identity)
    family = module.Family({"full": arm, "without it": arm}, {"it": ("full", "without it")})
    better = [{"accuracy": 0.8 + 0.01 * n, "log-loss": 0.5} for n in range(3)]
    worse = [{"accuracy": 0.6, "log-loss": 0.9} for _ in range(3)]
    accuracy, loss = module.worth(family, {"full": better, "without it": worse})["it"]
    assert accuracy[0] == pytest.approx(0.21)
    assert loss[0] == pytest.approx(0.4)


def test_both_run_from_the_command_line(benchmark, stripes, tmp_path, monkeypatch, capsys):
    from dataclasses import replace

    sizes = benchmark("train_test_resolution")
    tiny = replace(sizes.QUICK, size=8, sizes=(8, 12), wanted=12, rows=60, test_rows=40, epochs=1, width=8)
    monkeypatch.setattr(sizes, "QUICK", tiny)
    named = benchmark("named_vision")
    monkeypatch.setattr(named, "QUICK", replace(named.QUICK, rows=40, test_rows=20, epochs=1))
    monkeypatch.setattr(named, "FAMILIES", {"ResNet": named.FAMILIES["ResNet"]})
    for module, name in ((sizes, "train_test_resolution"), (named, "named_vision")):
        words = ["--quick", "--pictures", str(stripes), "--json", str(tmp_path / f"{name}.json")]
        assert module.main([*words, "--cells", str(tmp_path / f"{name}.jsonl")]) == 0
        written = json.loads((tmp_path / f"{name}.json").read_text())
        assert written["name"] == name
        assert written["results"]
    assert "as large as in training" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        sizes.main(["--pictures", str(tmp_path / "none.npz")])
