"""Packs of both engines in one plan: who trains what, in which order, on how many threads; how it ends."""

import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from profunda.fleet.cost import TORCH, Rates
from profunda.fleet.member import Member
from profunda.fleet.pack import Pack, Plan
from profunda.fleet.result import PackResult
from profunda.fleet.source import FleetData
from profunda.fleet.speed import Speeds
from profunda.fleet.state import MemberState
from profunda.fleet.torch_engine import train_pack
from profunda.space.design import Design
from profunda.training import packs
from profunda.training.packs import run_packs


def data(rows: int = 60) -> FleetData:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(rows, 4)).astype(np.float32)
    index = np.arange(rows)
    return FleetData.from_arrays(x, (x[:, 0] > 0).astype(int), folds=[(index[:40], index[40:])], classes=True)


MEMBERS = tuple(Member(Design(widths=(8,), batch_size=16, epochs=4), 0, number) for number in range(6))
MIXED = Plan(
    MEMBERS,
    (
        Pack((0, 3), "native", stacked=False),
        Pack((1,), "native", stacked=False),
        Pack((2,), "torch", stacked=False),
        Pack((4, 5), "torch", stacked=True),
    ),
    "cpu",
    "float32",
    0,
    "avx512",
    (),
)


class FakeEngine:
    """A native engine that trains by torch, notes how it was called, and can fail."""

    def __init__(self, fails: bool = False) -> None:
        self.asked: list[tuple[list[int], int]] = []
        self.fails = fails
        self.closed = False

    def run_packs(
        self,
        plan: Plan,
        numbers: Sequence[int],
        data: FleetData,
        *,
        until: Sequence[int],
        states: Sequence[MemberState | None],
        workers: int,
        progress: object,
        cancel: threading.Event,
    ) -> Iterator[tuple[int, PackResult, float]]:
        self.asked.append((list(numbers), workers))
        try:
            for number in numbers:
                if self.fails:
                    raise RuntimeError("a kernel failed")
                pack = plan.packs[number]
                ends, begun = [until[i] for i in pack.members], [states[i] for i in pack.members]
                yield number, train_pack(pack, plan.members, data, until=ends, states=begun), 0.0
        finally:
            self.closed = True


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    made = FakeEngine()
    monkeypatch.setattr(packs, "native_engine", made)
    return made


def run(plan: Plan = MIXED, **words: object) -> list[tuple[int, PackResult, float]]:
    given = {"until": [4] * 6, "states": [None] * 6} | words
    return list(run_packs(plan, data(), **given))


def test_native_packs_come_first_and_have_all_workers(fake: FakeEngine) -> None:
    ended = run(workers=3)
    assert fake.asked == [([0, 1], 3)]
    assert {number for number, _, _ in ended[:2]} == {0, 1}
    assert {number for number, _, _ in ended[2:]} == {2, 3}
    assert all(state.epoch == 4 for _, result, _ in ended for state in result.states)


def test_what_has_ended_is_left_out_and_short_packs_may_come_first(fake: FakeEngine) -> None:
    ended = run(skip={0: None, 3: None}, shortest_first=True)
    assert [number for number, _, _ in ended] == [1, 2]
    assert [number for number, _, _ in run(shortest_first=True)] == [1, 0, 3, 2]
    assert [number for number, _, _ in run(skip={0: None, 1: None})] == [2, 3]
    assert len(fake.asked) == 2  # it is not bothered where it has nothing to do


def test_a_cancel_starts_nothing_on_either_engine(fake: FakeEngine) -> None:
    cancel = threading.Event()
    cancel.set()
    assert run(cancel=cancel) == []
    assert fake.asked == []


def test_a_cancel_between_the_engines_starts_no_torch_pack(fake: FakeEngine) -> None:
    cancel, ended = threading.Event(), []
    for number, _, _ in run_packs(MIXED, data(), until=[4] * 6, states=[None] * 6, cancel=cancel):
        ended.append(number)
        cancel.set()
    assert ended == [0, 1]


def test_an_error_of_the_native_engine_is_raised_and_cancels_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake, cancel = FakeEngine(fails=True), threading.Event()
    monkeypatch.setattr(packs, "native_engine", fake)
    with pytest.raises(RuntimeError, match="a kernel failed"):
        run(cancel=cancel)
    assert cancel.is_set()
    assert fake.closed


def test_whoever_stops_listening_ends_the_training(fake: FakeEngine) -> None:
    cancel = threading.Event()
    running = run_packs(MIXED, data(), until=[4] * 6, states=[None] * 6, cancel=cancel)
    next(running)
    running.close()
    assert cancel.is_set()
    assert fake.closed


def test_states_reach_the_engine_that_goes_on_with_them(fake: FakeEngine) -> None:
    """Each engine takes up what the other has begun."""
    half: list[MemberState | None] = [None] * 6
    for number, result, _ in run(until=[2] * 6):
        for place, state in zip(MIXED.packs[number].members, result.states, strict=True):
            half[place] = state
    swapped = Plan(
        MEMBERS,
        tuple(Pack(p.members, "torch" if p.engine == "native" else "native", p.stacked) for p in MIXED.packs),
        "cpu", "float32", 0, "avx512", (),
    )  # fmt: skip
    whole = {number: result for number, result, _ in run()}
    for number, result, _ in run(swapped, states=half):
        for one, other in zip(result.states, whole[number].states, strict=True):
            assert one.epoch == other.epoch == 4
            assert np.array_equal(one.params, other.params)


def test_speeds_choose_and_both_engines_train(fake: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    from profunda.fleet import plan as planning

    monkeypatch.setattr(planning, "available", lambda: True)
    monkeypatch.setattr(planning, "instruction_set", lambda wanted: wanted)
    monkeypatch.setattr(planning, "buffer_bytes", lambda member, data, dtype: 4000)
    monkeypatch.setattr(planning, "table_bytes", lambda source, data, dtype: 500)
    slow_products = Speeds(TORCH, Rates(1e-9, 1e-9, 2e-10, 1e-12, 1e-12), "avx2")
    wide = Member(Design(widths=(600,), batch_size=16, epochs=1), 0, 9)
    made = planning.plan([*MEMBERS, wide], data(), speeds=slow_products)
    assert {pack.engine for pack in made.packs} == {"native", "torch"}
    ended = run(made, until=[1] * 7, states=[None] * 7)
    assert sorted(i for number, _, _ in ended for i in made.packs[number].members) == list(range(7))
