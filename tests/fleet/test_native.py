"""The native engine itself: threads, instruction sets, draws, extremes, memory, and how it is stopped."""

import gc
import os
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from tests.fleet import cases
from tests.fleet.cases import mixed, same, table
from tests.fleet.test_native_twin import ACTIVATIONS, KINDS, NORMS, apart
from tests.oracles import fleet as oracle

from profunda._seeds import keys_of, permutations, subkeys
from profunda.errors import ArgumentError
from profunda.fleet import native_engine
from profunda.fleet.history import Status
from profunda.fleet.member import Member
from profunda.fleet.pack import Pack, Plan
from profunda.fleet.shape import canonical_width
from profunda.fleet.source import FleetData
from profunda.fleet.state import first_state, pack_arrays, unpack
from profunda.networks.layout import layout
from profunda.space.design import Design


def every_kind(epochs=3):
    """Members of many shapes and recipes."""
    members = []
    for i, (norm, place) in enumerate(NORMS * 3):
        fields = {"norm": norm, "norm_place": place, "dropout_kind": KINDS[i % 3], "clip": float(i % 2)}
        widths = ((20,), (7, 13), (24, 24, 9), ())[i % 4]
        members += mixed(1, widths=widths, activation=ACTIVATIONS[i % 10], epochs=epochs, **fields)
    return [replace(member, replicate=i, fold=i % 2) for i, member in enumerate(members)]


def packs_of(members, groups, *, dtype="float32"):
    """A plan of native packs that hold the members named by each group."""
    packs = tuple(Pack(tuple(group), "native", False) for group in groups)
    return Plan(tuple(members), packs, "cpu", dtype, 0, "", ())


def run(plan, data, *, workers=2, **watched):
    """The native engine on all packs of a plan, as a generator."""
    ends = [member.design.epochs for member in plan.members]
    return native_engine.run_packs(
        plan,
        range(len(plan.packs)),
        data,
        until=ends,
        states=[None] * len(ends),
        workers=workers,
        **watched,
    )


def threads_now():
    """How many threads this process has, those of compiled code included."""
    return len(os.listdir("/proc/self/task"))


needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts threads under /proc")


# The same whatever runs it -------------------------------------------------------------------------


def test_instruction_sets_agree(native, isa):
    """In float64 to rounding; a float32 difference is one of sums in another order."""
    made, members = table(), every_kind()
    for dtype, most in (("float64", 1e-9), ("float32", 1e-3)):
        best = native(members, made, dtype=dtype).states
        own = native(members, made, dtype=dtype, isa=isa).states
        for a, b in zip(own, best, strict=True):
            assert np.linalg.norm(a.params - b.params) <= most * np.linalg.norm(b.params)
            assert np.allclose(a.valid_loss, b.valid_loss, rtol=most)
        assert all(same(a, b) for a, b in zip(own, best, strict=True)) == (
            isa == native_engine.instruction_set()
        )


def test_an_unknown_instruction_set_is_refused(native):
    with pytest.raises(ValueError, match="no instruction set sse9"):
        native(mixed(1), table(), isa="sse9")


@pytest.mark.parametrize("workers", [2, 3, 7])
def test_threads_change_no_bit(native, workers):
    made, members = table(), every_kind()
    one = native(members, made, workers=1).states
    several = native(members, made, workers=workers).states
    assert all(same(a, b) for a, b in zip(one, several, strict=True))
    assert not same(one[0], several[5])  # control


@pytest.mark.parametrize(
    "groups", [[range(15)], [[i] for i in range(15)], [range(14, 6, -1), (), [0, 2, 4], [1, 6, 5, 3]]]
)
def test_grouping_into_packs_changes_no_bit(native, groups):
    made, members = table(), every_kind()
    whole = native(members, made).states
    found = {}
    for number, result, seconds in run(packs_of(members, groups), made, workers=3):
        assert seconds >= 0
        assert not result.cancelled
        found |= dict(zip(groups[number], result.states, strict=True))
    assert sorted(found) == list(range(15))
    assert all(same(state, whole[i]) for i, state in found.items())


def test_saved_states_go_on_to_the_bit(native):
    made, members = table(), every_kind(epochs=6)
    whole = native(members, made)
    states = None
    for until in (1, 4, 6):
        states = unpack(pack_arrays(native(members, made, until=until, states=states).states))
        assert {state.epoch for state in states} == {until}
    assert all(same(a, b) for a, b in zip(whole.states, states, strict=True))


def test_a_callers_state_is_not_written_to(native):
    made, member = table(), mixed(1)[0]
    state = native([member], made, until=1).states[0]
    before = [v.copy() for v in (state.params, state.best_params, *state.moments)]
    native([member], made, states=[state])
    after = (state.params, state.best_params, *state.moments)
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


# Draws ---------------------------------------------------------------------------------------------

ROWS, UNITS = 20, 13


def revealing(member, dtype=np.float64):
    """Rows and weights by which one step shows what it drew: unit inputs, weights of one.

    Row r alone has input r, so the gradient of W₁[r, h] is r's error times what multiplied unit h in the
    step that r was in.
    """
    index = np.arange(ROWS)
    data = FleetData.from_arrays(
        np.eye(ROWS, dtype=dtype), np.full(ROWS, 1e3), folds=[(index, index)], classes=False, n_outputs=1
    )
    state = first_state(member, data, np.dtype(dtype))
    state.params[:] = 1.0
    return data, state


def one_draw(native, **fields):
    """(member, W₁ gradient [rows, units] up to a factor for each row) of an epoch of plain SGD."""
    step = {"activation": "relu", "optimiser": "sgd", "momentum": 0.0, "lr": 1e-9, "schedule": "constant"}
    member = Member(Design(**{"widths": (UNITS,), "epochs": 9} | step | fields), 0, 0)
    data, state = revealing(member)
    after = native([member], data, states=[state], until=1, dtype="float64").states[0]
    return member, (state.params - after.params)[: ROWS * UNITS].reshape(ROWS, UNITS)


def drawn(member, batch, mask):
    """What `mask(step, rows)` says of each row, by the order of the first epoch."""
    order = permutations(subkeys(keys_of([member.key]), "order", 0), ROWS)[0]
    expected = np.empty((ROWS, UNITS))
    for step, start in enumerate(range(0, ROWS, batch)):
        rows = order[start : start + batch]
        expected[rows] = mask(step, len(rows))
    return expected


@pytest.mark.parametrize("batch", [20, 7])
def test_rows_and_masks_are_those_of_the_seeds(native, batch):
    member, moved = one_draw(native, dropout=0.4, batch_size=batch)
    expected = drawn(member, batch, lambda step, rows: oracle.mask(member, step, 1, rows, UNITS, 16, 0.4))
    assert 0.4 < (moved != 0).mean() < 0.8
    assert np.array_equal(moved != 0, expected != 0)
    other = drawn(member, batch, lambda step, rows: oracle.mask(member, step + 1, 1, rows, UNITS, 16, 0.4))
    assert not np.array_equal(moved != 0, other != 0)  # control: the masks of the next step


@pytest.mark.parametrize("batch", [20, 7])
def test_gaussian_noise_is_that_of_the_seeds(native, batch):
    fields = {"dropout": 0.4, "dropout_kind": "gaussian", "batch_size": batch}
    member, moved = one_draw(native, **fields)
    expected = drawn(member, batch, lambda step, rows: oracle.noise(member, step, 1, rows, UNITS, 16, 0.4))
    assert np.allclose(moved / moved[:, :1], expected / expected[:, :1], rtol=1e-5)
    assert np.ptp(moved / moved[:, :1]) > 0.5


def test_dropped_inputs_are_those_of_the_seeds(native):
    member, moved = one_draw(native, input_dropout=0.4, batch_size=20)
    order = permutations(subkeys(keys_of([member.key]), "order", 0), ROWS)[0]
    mask = oracle.mask(member, 0, 0, ROWS, ROWS, ROWS, 0.4)
    kept = np.empty(ROWS, bool)
    kept[order] = [mask[m, row] != 0 for m, row in enumerate(order)]
    assert 0 < kept.sum() < ROWS
    assert np.array_equal((moved != 0).any(axis=1), kept)
    assert np.array_equal((moved != 0).all(axis=1), kept)


def test_dropped_weights_are_those_of_the_seeds(native):
    fields = {"dropout": 0.4, "dropout_kind": "dropconnect", "batch_size": 20, "widths": (UNITS, 9)}
    step = {"activation": "relu", "optimiser": "sgd", "momentum": 0.0, "lr": 1e-9}
    member = Member(Design(**fields, **step, epochs=9), 0, 0)
    data, state = revealing(member)
    moved = state.params - native([member], data, states=[state], until=1, dtype="float64").states[0].params
    start = (ROWS + 1) * UNITS
    second = moved[start : start + UNITS * 9].reshape(UNITS, 9)
    expected = oracle.weight_mask(member, 0, 1, (UNITS, 9), canonical_width(9), 0.4)
    outputs = oracle.weight_mask(member, 0, 2, (9, 1), 1, 0.4)
    last = moved[start + (UNITS + 1) * 9 :][:9]
    assert np.array_equal(last != 0, outputs[:, 0] != 0)
    assert np.array_equal(second != 0, (expected != 0) & (outputs[:, 0] != 0))
    assert 0 < (second != 0).sum() < (expected != 0).sum()


# Numbers that are none, and sizes at their ends -----------------------------------------------------


def spoilt(value, *, classes=True, target=False, row=1):
    """Two folds: of the second alone, `row` is a training row with one bad number."""
    clean = table(classes=classes, outputs=3)
    source = clean.sources["robust", 0]
    x, y = source.x.copy(), source.y.copy()
    (y if target else x)[row, 2] = value
    rest = np.arange(2, 90)
    folds = [(rest[:60], rest[60:]), (np.array([row, *range(2, 60)]), rest[60:])]
    made = FleetData.from_arrays(x, y, folds=folds, classes=classes, n_outputs=3)
    without = FleetData.from_arrays(source.x, source.y, folds=folds, classes=classes, n_outputs=3)
    return made, without


@pytest.mark.parametrize(("norm", "place"), NORMS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_bad_input_ends_its_members_alone(native, value, norm, place):
    made, clean = spoilt(value)
    members = [
        Member(
            Design(widths, activation=name, norm=norm, norm_place=place, batch_size=16, epochs=4), i % 2, i
        )
        for i, (name, widths) in enumerate(
            (name, widths) for name in ACTIVATIONS for widths in ((20,), (20, 9), ()) for _ in range(2)
        )
    ]
    with_bad, without = native(members, made).states, native(members, clean).states
    for member, a, b in zip(members, with_bad, without, strict=True):
        assert (a.status is Status.DIVERGED) == (member.fold == 1), member
        assert same(a, b) == (member.fold == 0)
        assert np.isfinite(a.best_params).all()


@pytest.mark.parametrize("loss", ["likelihood", "huber"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_bad_target_ends_its_members_alone(native, value, loss):
    made, clean = spoilt(value, classes=False, target=True)
    members = mixed(8, loss=loss, label_smoothing=0.0, epochs=3)
    for member, a, b in zip(
        members, native(members, made).states, native(members, clean).states, strict=True
    ):
        assert (a.status is Status.DIVERGED) == (member.fold == 1)
        assert same(a, b) == (member.fold == 0)


def test_a_bad_validation_row_improves_nothing_and_ends_nothing(native):
    made = table()
    x = made.sources["robust", 0].x.copy()
    x[0] = np.nan
    data = replace(made, sources={k: replace(s, x=x) for k, s in made.sources.items()})
    member = Member(Design((20,), activation="tanh", epochs=3), 0, 0)
    for engine in (native, cases.train):
        state = engine([member], data).states[0]
        assert (state.status, state.best_epoch, state.stall) == (Status.COMPLETED, 0, 3)
        assert np.isnan(state.valid_loss).all()
        assert np.array_equal(state.best_params, first_state(member, data, np.dtype("float32")).params)


@pytest.mark.parametrize("scale", [1e10, 1e20, 1e30, 3e38])
def test_huge_inputs_end_or_train_as_in_the_torch_engine(native, scale):
    made = table()
    x = made.sources["robust", 0].x
    x = (np.clip(x, -1, 1) * np.float32(scale)).astype(np.float32)
    data = replace(made, sources={k: replace(s, x=x) for k, s in made.sources.items()})
    members = [
        Member(Design((20,), activation=a, batch_size=16, epochs=3), 0, i) for i, a in enumerate(ACTIVATIONS)
    ]
    ours, theirs = native(members, data).states, cases.train(members, data).states
    for member, a, b in zip(members, ours, theirs, strict=True):
        assert (a.status is Status.DIVERGED) == (b.status is Status.DIVERGED), member.design.activation


SIZES = [
    pytest.param(
        {"rows": 2, "features": 1, "outputs": 2}, {"widths": (1,), "batch_size": 1}, id="one-of-each"
    ),
    pytest.param({"rows": 2, "features": 1, "outputs": 1, "classes": False}, {"widths": ()}, id="one-linear"),
    pytest.param({"rows": 90, "features": 1}, {"widths": (1, 1, 1)}, id="one-unit"),
    pytest.param({"rows": 90}, {"widths": (1000,), "epochs": 2}, id="width-1000"),
    pytest.param({"rows": 40}, {"widths": (3, 1000, 5), "epochs": 2}, id="width-1000-within"),
    pytest.param({"rows": 40}, {"widths": (9,), "batch_size": 1, "epochs": 2}, id="batch-1"),
    pytest.param({"rows": 300, "outputs": 100}, {"widths": (16,)}, id="100-classes"),
    pytest.param({"outputs": 300, "classes": False}, {"widths": (16,)}, id="300-outputs"),
    pytest.param({"outputs": 300, "classes": False}, {"widths": ()}, id="300-outputs-linear"),
    pytest.param({"features": 700}, {"widths": (16,)}, id="700-features"),
    pytest.param({"rows": 3000}, {"widths": (8,), "batch_size": 2000}, id="batch-2000"),
]


@pytest.mark.parametrize(("sizes", "fields"), SIZES)
@pytest.mark.parametrize(("norm", "place"), [NORMS[0], NORMS[2], NORMS[3]])
def test_sizes_at_their_ends_agree(native, sizes, fields, norm, place):
    if sizes.get("rows") == 2:
        rows = np.array([[0.5], [-1.0]])
        y = np.array([0, 1]) if sizes.get("classes", True) else np.array([0.3, -0.2])
        fold = [(np.array([0]), np.array([1]))]
        made = FleetData.from_arrays(
            rows, y, folds=fold, classes=sizes.get("classes", True), n_outputs=sizes["outputs"]
        )
    else:
        made = table(**sizes, dtype=np.float64)
    design = {
        "activation": "gelu",
        "norm": norm,
        "norm_place": place,
        "dropout": 0.2,
        "epochs": 3,
        "lr": 1e-3,
    }
    member = Member(Design(**design | fields), 0, 0)
    ours, theirs = (engine([member], made, dtype="float64").states[0] for engine in (native, cases.train))
    assert apart(ours, theirs) <= 1e-9


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3])
@pytest.mark.parametrize("kind", KINDS)
def test_mostly_zero_inputs_agree(native, kind, share):
    """The engine keeps lists of what is not zero: rows of nothing and of everything among them."""
    made = table(features=40, dtype=np.float64)
    source = made.sources["robust", 0]
    x = source.x * (np.random.default_rng(1).random(source.x.shape) < share)
    x[:3], x[3:6] = 0, source.x[3:6]
    data = replace(made, sources={k: replace(s, x=x) for k, s in made.sources.items()})
    fields = {"norm": "layer", "dropout_kind": kind, "dropout": 0.2, "input_dropout": 0.2, "l1": 1e-3}
    members = [
        Member(Design(widths, activation="tanh", batch_size=batch, epochs=4, **fields), i % 2, i)
        for i, (widths, batch) in enumerate(
            (w, b) for w in ((300,), (130, 9), (8,), ()) for b in (1, 17, 999)
        )
    ]
    ours, theirs = (
        native(members, data, dtype="float64").states,
        cases.train(members, data, dtype="float64").states,
    )
    assert all(apart(a, b) <= 1e-9 for a, b in zip(ours, theirs, strict=True))
    dense = native_engine.table_bytes(source, made, "float64")
    assert dense < native_engine.table_bytes(data.sources["robust", 0], data, "float64")


# Watching and stopping ------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 16, 500])
def test_progress_counts_all_steps_also_of_resumed_members(native, batch):
    made, members = table(), mixed(7, batch_size=batch, epochs=20)
    first, rest = [], []
    states = native(members, made, until=[1, 2, 3, 4, 5, 6, 20], progress=first.append).states
    native(members, made, states=states, progress=rest.append)
    steps = -(-60 // batch)
    assert sum(first) == (21 + 20) * steps
    assert sum(rest) == (7 * 20 - 41) * steps
    assert min(first) > 0


def long_epoch(rows=3_000_000):
    """Rows that make an epoch of many seconds: ten of them, named again and again."""
    rng = np.random.default_rng(0)
    index = np.arange(rows) % 10
    x, y = rng.normal(size=(10, 20)).astype(np.float32), np.arange(10) % 2
    return FleetData.from_arrays(x, y, folds=[(index, np.arange(10))], classes=True)


def test_a_cancel_leaves_an_epoch_of_many_seconds_within_a_second(native):
    made, cancel, told = long_epoch(), threading.Event(), []
    members = [Member(Design((128, 128), batch_size=4, epochs=2), 0, i) for i in range(2)]
    begun = time.monotonic()

    def progress(steps):
        told.append(steps)
        if not cancel.is_set() and sum(told) > 2000:
            nonlocal begun
            elapsed, begun = time.monotonic() - begun, time.monotonic()
            assert elapsed / sum(told) * 2 * 750_000 > 5  # such an epoch of both takes more than five seconds
            cancel.set()

    begun = time.monotonic()
    result = native(members, made, cancel=cancel, progress=progress)
    assert time.monotonic() - begun < 1
    assert result.cancelled
    for member, state in zip(members, result.states, strict=True):
        assert (state.epoch, state.step, state.status) == (0, 0, Status.RUNNING)
        assert same(state, first_state(member, made, np.dtype("float32")))


@needs_proc
def test_an_abandoned_run_leaves_no_thread(native):
    made, members = table(), mixed(12, epochs=300)
    before = threads_now()
    going = run(packs_of(members, [[i] for i in range(12)]), made, workers=5)
    next(going)
    assert threads_now() == before + 5
    going.close()
    assert threads_now() == before


@needs_proc
def test_an_error_of_the_watcher_ends_the_run_and_its_threads(native):
    before = threads_now()

    def progress(steps):
        raise RuntimeError("the watcher broke")

    with pytest.raises(RuntimeError, match="the watcher broke"):
        native(mixed(4, epochs=200), table(), progress=progress)
    gc.collect()
    assert threads_now() == before


def test_two_teams_at_once_change_nothing(native):
    made, fleets = table(), [every_kind(20), mixed(15, widths=(24, 24), epochs=20)]
    quiet = [native(members, made).states for members in fleets]
    for _ in range(3):
        busy = [None, None]

        def go(i, into=busy):
            into[i] = native(fleets[i], made, workers=3).states

        threads = [threading.Thread(target=go, args=(i,)) for i in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for one, other in zip(quiet, busy, strict=True):
            assert all(same(a, b) for a, b in zip(one, other, strict=True))


def test_tables_go_with_their_rows(native):
    made = table(seed=5)
    native(mixed(4), made)
    gc.collect()
    with_them = len(native_engine._TABLES)
    del made
    gc.collect()
    assert len(native_engine._TABLES) == with_them - 2


# Memory --------------------------------------------------------------------------------------------


def test_buffers_grow_with_what_they_hold(native):
    made = table()

    def bytes_of(dtype="float32", data=made, **fields):
        return native_engine.buffer_bytes(Member(Design(**{"widths": (64, 64)} | fields), 0, 0), data, dtype)

    plain = bytes_of()
    weights = 4 * (5 * 64 + 64 * 64 + 64 * 3)
    assert 4 * weights < plain < 12 * weights + 2**17
    assert 1.6 * plain < bytes_of("float64") < 2.2 * plain
    assert bytes_of(optimiser="sgd") < plain
    assert plain < bytes_of(norm="layer") <= bytes_of(norm="batch")
    assert plain < bytes_of(dropout=0.2) <= bytes_of(dropout=0.2, dropout_kind="dropconnect")
    assert bytes_of(batch_size=1) <= plain <= bytes_of(batch_size=60)
    assert bytes_of(widths=(64,)) < plain < bytes_of(widths=(64, 64, 64))
    assert plain < bytes_of(data=table(features=500))
    more = bytes_of(data=table(30_000))
    assert 20_000 * (4 + 8) < more - plain < 20_000 * 40


# Where there is none --------------------------------------------------------------------------------


@pytest.fixture
def without(monkeypatch):
    """An installation whose module was not compiled."""
    monkeypatch.setitem(sys.modules, "profunda.fleet._native", None)
    native_engine._load.cache_clear()
    yield
    native_engine._load.cache_clear()


def test_without_the_module_it_says_so(without):
    assert not native_engine.available()
    assert "it was not compiled at installation" in native_engine.unavailable_reason()
    for ask in (
        native_engine.instruction_set,
        lambda: native_engine.buffer_bytes(mixed(1)[0], table()),
        lambda: list(run(packs_of(mixed(1), [[0]]), table())),
    ):
        with pytest.raises(ArgumentError, match=r"native engine is not available: .* C\+\+ compiler .*torch"):
            ask()


def test_a_module_for_another_processor_is_not_used(monkeypatch, compiled):
    monkeypatch.setattr(compiled, "instruction_set", lambda wanted=None: None)
    native_engine._load.cache_clear()
    try:
        assert not native_engine.available()
        assert native_engine.unavailable_reason() == "it was compiled for another processor"
    finally:
        native_engine._load.cache_clear()


def test_where_it_is_there_is_no_reason(native):
    assert native_engine.available()
    assert native_engine.unavailable_reason() is None
    assert native_engine.instruction_set() in ("avx512", "avx2", "neon", "generic")


def test_an_infinity_stays_among_the_units_and_out_of_the_padding(native, isa):
    """The first layer overflows; the second's weights make −∞ of it, and ReLU a zero. Beside the eight units
    lie padded places, whose weights of zero must not meet the infinity."""
    x, y, index = np.full((16, 1), 10.0, np.float32), np.zeros((16, 1), np.float32), np.arange(16)
    data = FleetData.from_arrays(x, y, folds=[(index, index)], classes=False, n_outputs=1)
    design = Design(widths=(8, 8), optimiser="sgd", batch_size=16, epochs=1)
    member = Member(design, 0, 0)
    state = first_state(member, data, np.dtype(np.float32))
    first, second, last = layout(design.widths, 1, 1)
    params = np.zeros_like(state.params)
    first.weights_of(params)[:] = 1e38
    second.weights_of(params)[:] = -1.0
    last.weights_of(params)[:] = 1.0
    begun = replace(state, params=params, best_params=params)
    (ended,) = native([member], data, states=[begun], isa=isa).states
    assert ended.status is not Status.DIVERGED
    assert ended.train_loss[0] == 0.0  # the step itself, ∞ · 0 among the units, is as bad in torch
