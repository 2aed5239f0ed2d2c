"""The words of the live progress: what happens, what is left, what was found."""

import time

from profunda.tuning.progress import Meter


def test_what_happens_stands_apart_from_what_was_found() -> None:
    meter = Meter()
    meter.stage = "searching, bracket 1, rung 2 of 3"
    meter.trials, meter.networks, meter.best = 81, 405, "log-loss 0.3251 ± 0.0021"
    meter.endings["diverged"] = 3
    meter.add_steps(12_345)
    meter.deadline = time.perf_counter() + 30
    now, found = meter.lines()
    assert now.startswith("    0 s · searching, bracket 1, rung 2 of 3 · about ")
    assert now.endswith(" s left")
    assert found == "405 networks (81 designs) · 12k steps · best log-loss 0.3251 ± 0.0021 · 3 diverged"
    assert len(now) < 80  # fits a narrow terminal
    assert meter.line().endswith("diverged")


def test_a_spent_budget_is_said() -> None:
    meter = Meter()
    meter.deadline = time.perf_counter() - 1
    assert "the time is up" in meter.line()


def test_nothing_found_yet_is_one_line() -> None:
    assert Meter().lines()[1] == ""
    assert Meter().line() == "    0 s · reading"
