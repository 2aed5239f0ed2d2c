"""Speeds of this machine: measured once, cached where that is possible, never in the way."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from profunda.fleet import native_engine, speed, timing
from profunda.fleet.cost import NATIVE, TORCH, flops_of_step, seconds_of_step
from profunda.fleet.speed import Speeds, speeds_here
from profunda.fleet.threads import one_thread, usable_cores

HERE = Speeds(TORCH, NATIVE, "avx512")


class Measuring:
    """Stands in for the measurement, and counts how often it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path | None) -> None:
        self.count = 0
        self.machine: dict[str, str | int] = {"processor": "one"}
        monkeypatch.setattr(speed, "measured_rates", self.measure)
        monkeypatch.setattr(speed, "_machine", lambda: self.machine)
        monkeypatch.setattr(speed, "available", lambda: True)
        monkeypatch.setattr(speed, "instruction_set", lambda: "avx512")
        monkeypatch.setattr(speed, "_KNOWN", [])
        if folder is not None:
            monkeypatch.setenv("XDG_CACHE_HOME", str(folder))

    def measure(self):
        self.count += 1
        return TORCH, NATIVE

    def in_a_new_process(self) -> Speeds:
        speed._KNOWN.clear()
        return speeds_here()


@pytest.fixture
def measuring(monkeypatch, tmp_path) -> Measuring:
    return Measuring(monkeypatch, tmp_path)


def test_a_machine_is_measured_once(measuring, tmp_path):
    assert speeds_here() == speeds_here() == measuring.in_a_new_process() == HERE
    assert measuring.count == 1
    (kept,) = (tmp_path / "profunda").iterdir()
    assert json.loads(kept.read_text())["machine"] == {"processor": "one"}


@pytest.mark.parametrize("engine", ["torch", "native"])
def test_a_named_engine_is_not_measured(measuring, tmp_path, engine):
    assert speeds_here(engine) == HERE
    assert (measuring.count, [*tmp_path.iterdir()]) == (0, [])


def test_a_named_engine_without_the_native_one(measuring, monkeypatch):
    monkeypatch.setattr(speed, "available", lambda: False)
    assert speeds_here("torch") == Speeds(TORCH, None, "")


def test_another_machine_is_measured_anew_and_both_are_kept(measuring, tmp_path):
    speeds_here()
    for processor in ("two", "one", "two"):
        measuring.machine = {"processor": processor}
        measuring.in_a_new_process()
    assert measuring.count == 2
    assert len(list((tmp_path / "profunda").iterdir())) == 2


WHOLE = {"machine": {"processor": "one"}, "speeds": HERE.to_json()}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\x00",
        b"[1]",
        b"{}",
        json.dumps(WHOLE | {"machine": {"processor": "other"}}).encode(),
        json.dumps(WHOLE | {"speeds": {"torch": {}, "native": None, "instruction_set": ""}}).encode(),
        json.dumps(WHOLE).replace("7e-05", "-1").encode(),
        json.dumps(WHOLE).replace("7e-05", "NaN").encode(),
        json.dumps(WHOLE).replace("7e-05", "1" + "0" * 400).encode(),
        b"[" * 9_000,
        json.dumps(WHOLE | {"padding": "x" * 20_000}).encode(),
    ],
)
def test_a_cache_that_is_damaged_or_foreign_is_measured_anew(measuring, content):
    speeds_here()
    path = speed._file()
    path.write_bytes(content)
    assert measuring.in_a_new_process() == HERE
    assert measuring.count == 2
    assert json.loads(path.read_bytes()) == WHOLE


def test_a_cache_that_is_whole_is_believed(measuring):
    """Negative control of the above."""
    speeds_here()
    slow = replace(HERE, torch=replace(TORCH, step=1.0))
    speed._file().write_text(json.dumps(WHOLE | {"speeds": slow.to_json()}))
    assert measuring.in_a_new_process() == slow
    assert measuring.count == 1


def test_without_a_place_to_keep_them_speeds_are_measured_by_each_process(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    measuring = Measuring(monkeypatch, tmp_path / "file")
    assert speeds_here() == measuring.in_a_new_process() == HERE
    assert measuring.count == 2


def test_a_user_without_a_home_has_no_cache(monkeypatch):
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    measuring = Measuring(monkeypatch, None)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(speed.Path, "home", no_home)
    assert measuring.in_a_new_process() == HERE
    assert speed._file() is None


@pytest.mark.parametrize(
    ("platform", "wanted", "place"),
    [
        ("linux", "", "home/.cache"),
        ("darwin", "", "home/Library/Caches"),
        ("win32", "", "home/AppData/Local"),
        ("darwin", "/elsewhere", "/elsewhere"),
        ("linux", "relative", "home/.cache"),
    ],
)
def test_the_cache_lies_where_the_platform_keeps_such_things(monkeypatch, tmp_path, platform, wanted, place):
    monkeypatch.setenv("XDG_CACHE_HOME", wanted)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.setattr(speed.sys, "platform", platform)
    monkeypatch.setattr(speed.Path, "home", lambda: tmp_path / "home")
    assert speed._cache_folder() == tmp_path / place


def test_speeds_go_through_json():
    for speeds in (HERE, Speeds(TORCH, None, "")):
        assert Speeds.from_json(json.loads(json.dumps(speeds.to_json()))) == speeds
    with pytest.raises(ValueError, match="does not fit the native engine's rates"):
        Speeds.from_json(HERE.to_json() | {"instruction_set": ""})


def test_this_machine_says_what_its_speeds_depend_on():
    told = speed._machine()
    assert set(told) == {"profunda", "torch", "processor", "instruction_set", "cores"}
    assert told["processor"]
    assert told["cores"] >= 1


# The measurement --------------------------------------------------------------------------------------


def all_trials():
    return [
        timing._Trial(case, timing._train_by_torch, members, 1)
        for case in timing._CASES
        for members in (case.members,)
    ]


@pytest.mark.parametrize("reference", [TORCH, NATIVE])
def test_rates_are_found_again_from_the_seconds_that_they_make(reference):
    trials = all_trials()
    true = replace(reference, flop=0.4 * reference.flop, step=3 * reference.step, layer=3 * reference.layer)
    for trial in trials:
        trial.seconds = seconds_of_step(trial.shape, true, trial.member_count)
    found = timing._explaining(trials, reference)
    assert np.allclose(np.log(astuple(found)), np.log(astuple(true)), atol=0.1)


def test_a_disturbed_clock_leaves_rates_usable():
    trials = all_trials()
    for number, trial in enumerate(trials):
        trial.seconds = 1e-9 if number % 2 else 1.0
    assert all(0 < rate < 1 for rate in astuple(timing._explaining(trials, NATIVE)))


def test_the_torch_engine_is_measured_and_explained():
    with one_thread():
        trials = [
            timing._Trial(case, timing._train_by_torch, case.members, case.epochs) for case in timing._CASES
        ]
        for _ in range(3):
            for trial in trials:
                trial.run()
    rates = timing._explaining(trials, TORCH)
    for trial in trials:
        predicted = seconds_of_step(trial.shape, rates, trial.member_count)
        assert 0.4 < predicted / trial.seconds < 2.5  # wide: other processes share this machine


@pytest.mark.parametrize("engine", ["torch", "native"])
def test_other_threads_of_the_process_do_not_count(engine):
    """A notebook may compute beside the measurement."""
    if engine == "native" and not native_engine.available():
        pytest.skip(f"the native engine is not here: {native_engine.unavailable_reason()}")
    train = timing._train_by_torch if engine == "torch" else timing._train_natively
    trial, stop = timing._Trial(timing._CASES[2], train, 8 if engine == "torch" else 1, 1), threading.Event()

    def busy() -> None:
        numbers = np.ones((200, 200))
        while not stop.is_set():
            numbers @ numbers

    trial.run()
    threads = [threading.Thread(target=busy) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        began, seconds = time.process_time(), 0.0
        while time.process_time() - began < 0.4:
            seconds += trial.train(trial.members, trial.data, list(trial.states), 3)[1]
        spent = time.process_time() - began
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert 0 < seconds < 0.7 * spent


def test_products_are_counted():
    narrow, *_, wide = all_trials()
    assert flops_of_step(narrow.shape) == 2 * 16 * (3 * (20 * 16 + 16 * 2) - 20 * 16)
    assert flops_of_step(wide.shape) == 2 * 128 * (3 * (20 * 512 + 512**2 + 512 * 2) - 20 * 512)


# Threads ----------------------------------------------------------------------------------------------


def blas_threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def set_blas_threads(count: int) -> None:
    """From a thread that ends: threadpoolctl lets no other one change a limit while its thread lives."""
    thread = threading.Thread(target=lambda: threadpool_limits(count, user_api="blas"))
    thread.start()
    thread.join()


@contextmanager
def several_threads() -> Iterator[None]:
    before, (blas,) = torch.get_num_threads(), blas_threads()
    set_blas_threads(2)
    torch.set_num_threads(2)
    try:
        yield
    finally:
        set_blas_threads(blas)
        torch.set_num_threads(before)


def test_uses_that_overlap_leave_what_the_first_one_found():
    """The first one in is the first one out: by their order alone, its end would be undone by the other's."""
    seen = []
    left = threading.Event()
    inside = threading.Event()

    def other() -> None:
        with one_thread():
            inside.set()
            left.wait(10)
            seen.append((blas_threads(), torch.get_num_threads()))
        seen.append((blas_threads(), torch.get_num_threads()))

    with several_threads():
        thread = threading.Thread(target=other)
        with one_thread():
            thread.start()
            assert inside.wait(10)
            assert (blas_threads(), torch.get_num_threads()) == ({1}, 1)
        assert blas_threads() == {1}  # the other one is still in
        left.set()
        thread.join()
        assert seen == [({1}, 1), ({2}, 2)]
        assert (blas_threads(), torch.get_num_threads()) == ({2}, 2)
        fresh = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        fresh.start()
        fresh.join()
        assert seen[-1] == 2


def test_a_limit_of_the_callers_own_is_restored():
    with several_threads(), threadpool_limits(2, user_api="blas"):
        with one_thread():
            assert blas_threads() == {1}
        assert blas_threads() == {2}


def test_a_use_within_a_use_changes_nothing():
    with several_threads():
        with one_thread():
            with one_thread():
                pass
            assert (blas_threads(), torch.get_num_threads()) == ({1}, 1)
        assert (blas_threads(), torch.get_num_threads()) == ({2}, 2)


def test_cores_are_those_that_the_process_may_use(monkeypatch):
    monkeypatch.setattr("profunda.fleet.threads.sys.platform", "linux")
    monkeypatch.setattr("profunda.fleet.threads.os.sched_getaffinity", lambda process: {3, 5, 8})
    assert usable_cores() == 3
    monkeypatch.setattr("profunda.fleet.threads.sys.platform", "darwin")
    monkeypatch.setattr("profunda.fleet.threads.os.cpu_count", lambda: None)
    assert usable_cores() == 1
