"""Plans: packs by compute shape, the same everywhere, bounded in memory, readable."""

import random
from dataclasses import astuple, replace
from typing import get_args

import numpy as np
import pytest
from tests.fleet.cases import mixed, table, train

from profunda.data.inputs import Inputs
from profunda.errors import ArgumentError, DataError
from profunda.fleet import native_engine
from profunda.fleet import plan as planning
from profunda.fleet.cost import (
    LISTED_FEATURES,
    LISTED_SHARE,
    NATIVE,
    TORCH,
    Rates,
    bytes_of_member,
    bytes_of_state,
    listed,
    pack_limit,
    seconds_of_step,
)
from profunda.fleet.member import Member
from profunda.fleet.pack import text_of
from profunda.fleet.plan import check_engine, plan
from profunda.fleet.shape import canonical_width, shape_of
from profunda.fleet.source import FleetData, Source
from profunda.fleet.speed import Speeds
from profunda.space.design import Activation, Design, DropoutKind, Norm, Optimiser, Schedule
from profunda.vitals.signs import PROBE_ROWS, SIGNS


def fleet(count=200):
    rng = random.Random(0)
    return [
        Member(
            Design(
                (rng.choice([16, 20, 64]),),
                batch_size=rng.choice([16, 32]),
                optimiser=rng.choice(["adam", "sgd"]),
            ),
            i % 2,
            i,
        )
        for i in range(count)
    ]


QUICK = Speeds(TORCH, NATIVE, "avx512")
WITHOUT = Speeds(TORCH, None, "")


@pytest.fixture
def native(monkeypatch):
    """A machine with the native engine, whatever this one has."""
    monkeypatch.setattr(planning, "available", lambda: True)
    monkeypatch.setattr(planning, "instruction_set", lambda wanted: wanted)
    monkeypatch.setattr(planning, "buffer_bytes", lambda member, data, dtype: 4000)
    monkeypatch.setattr(planning, "table_bytes", lambda source, data, dtype: 500)


@pytest.fixture
def pure(monkeypatch):
    """A machine without it."""
    monkeypatch.setattr(planning, "available", lambda: False)
    monkeypatch.setattr(planning, "unavailable_reason", lambda: "the wheel is pure")


def test_every_member_is_in_one_pack_of_its_shape():
    members, data = fleet(), table()
    made = plan(members, data, engine="torch")
    assert sorted(i for pack in made.packs for i in pack.members) == list(range(200))
    for pack in made.packs:
        shapes = {shape_of(members[i], data) for i in pack.members}
        assert len(shapes) == 1
        assert pack.text == text_of([*shapes])
        assert len(pack.members) <= 64


@pytest.mark.parametrize("engine", ["torch", "native"])
def test_packs_do_not_depend_on_the_machines_speed(native, engine):
    members, data = fleet(), table()
    slow = Speeds(
        *(replace(rates, flop=50 * rates.flop, step=9 * rates.step) for rates in (TORCH, NATIVE)), "avx512"
    )
    here, there = (plan(members, data, engine=engine, speeds=speeds) for speeds in (QUICK, slow))
    assert [p.members for p in here.packs] == [p.members for p in there.packs]
    assert there.seconds > 2 * here.seconds


def test_few_packs_are_split_so_that_threads_can_share():
    data = table()
    assert len(plan(mixed(40), data, engine="torch").packs) == 2
    assert len(plan(mixed(8), data, engine="torch").packs) == 1


def test_text_is_a_table(native):
    text = str(plan(mixed(8), table(), engine="torch"))
    assert "8 networks in 1 packs · engine torch on cpu, float32" in text
    assert "KiB a network stay" in text
    assert "24, batch 16, 60 rows" in text
    assert "as it was asked for" in text
    assert len(text.splitlines()) == 4
    assert "linear" in str(plan([Member(Design(()))], table(), engine="torch"))
    told = str(plan(fleet(), table(), engine="native", speeds=QUICK))
    assert "engine native (avx512) on cpu" in told
    assert "shapes: depth 1, width 16 to 24, batch 16 to 32" in told


# The native engine ------------------------------------------------------------------------------------


def long_fleet(count, epochs=50, width=64):
    return [
        Member(Design((8 + 8 * (i % (width // 8)),), epochs=epochs, batch_size=16), i % 2, i)
        for i in range(count)
    ]


def test_native_packs_mix_shapes_and_start_with_the_longest(native):
    members, data = long_fleet(300), table(2000)
    made = plan(members, data, engine="native", speeds=QUICK)
    assert sorted(i for pack in made.packs for i in pack.members) == list(range(300))
    assert made.engine == "native"
    assert made.instruction_set == "avx512"
    assert any(len({shape_of(members[i], data) for i in pack.members}) > 1 for pack in made.packs)
    costs = [seconds_of_step(shape_of(members[i], data), NATIVE) for p in made.packs for i in p.members]
    assert costs == sorted(costs, reverse=True)


def test_a_native_pack_is_worth_its_record_and_no_more(native):
    made = plan(long_fleet(2000, epochs=100), table(2000), engine="native", speeds=QUICK)
    assert len(made.packs) > 10
    assert all(0.5 < pack.seconds < 1.0 for pack in made.packs)


@pytest.mark.parametrize(("count", "packs"), [(1, 1), (63, 1), (64, 4), (300, 4)])
def test_quick_fleets_are_cut_in_four(native, count, packs):
    made = plan(long_fleet(count, epochs=1), table(), engine="native", speeds=QUICK)
    assert len(made.packs) == packs
    assert max(len(p.members) for p in made.packs) <= count // packs + count // 4 + 1


def test_one_long_member_does_not_swallow_the_packs_of_the_others(native):
    long = Member(Design((512, 512), epochs=2000, batch_size=16))
    made = plan([*long_fleet(63, epochs=1), long], table(), engine="native", speeds=QUICK)
    assert made.packs[0].members == (63,)
    assert len(made.packs) >= 4
    assert plan([long], table(), engine="native", speeds=QUICK).packs[0].members == (0,)


def test_auto_takes_what_is_predicted_to_be_quicker(native):
    wide_is_slow = Speeds(TORCH, replace(NATIVE, flop=1.5 * TORCH.flop), "avx2")
    members = [Member(Design((width, width), batch_size=32), 0, i) for i, width in enumerate([16, 1024] * 3)]
    made = plan(members, table(), speeds=wide_is_slow)
    assert [(p.engine, p.members) for p in made.packs] == [("native", (0, 2, 4)), ("torch", (1, 3, 5))]
    assert made.engine == "native and torch"
    told = " ".join(made.reasons)
    assert "The native engine trains 1 of 2 compute shapes" in told
    assert "The torch engine trains 1 of 2 compute shapes" in told
    # A member's engine is its own, not its fleet's: alone it has the same.
    for number, member in enumerate(members):
        assert plan([member], table(), speeds=wide_is_slow).engine == ("native", "torch")[number % 2]


@pytest.mark.parametrize(("slower", "engine"), [(0.97, "native"), (1.03, "native"), (1.2, "torch")])
def test_torch_must_be_clearly_quicker(native, slower, engine):
    """What differs by less than the measurements do must not flip from day to day."""
    member, data = Member(Design((64, 64), batch_size=32)), table()
    shape = shape_of(member, data)
    ratio = slower * seconds_of_step(shape, TORCH, pack_limit(shape)) / seconds_of_step(shape, NATIVE)
    rates = Rates(*(ratio * rate for rate in astuple(NATIVE)))
    assert plan([member], data, speeds=Speeds(TORCH, rates, "avx2")).engine == engine


def test_a_plan_names_the_instructions_that_will_be_used(native, monkeypatch):
    """Those of the machine on which a run began, where this one has them; otherwise its own."""
    monkeypatch.setattr(planning, "instruction_set", lambda wanted: wanted if wanted == "avx2" else "generic")
    for began, used in (("avx2", "avx2"), ("avx512", "generic")):
        assert plan(mixed(2), table(), speeds=replace(QUICK, instruction_set=began)).instruction_set == used


def test_a_plan_of_nobody_says_so():
    made = plan([], table(), speeds=WITHOUT)
    assert str(made) == "0 networks: there is nothing to train"
    assert (made.engine, made.seconds, made.bytes) == ("", 0, 0)


def test_a_device_that_is_not_here_is_refused(monkeypatch):
    monkeypatch.setattr(planning.torch.cuda, "is_available", lambda: False)
    with pytest.raises(ArgumentError, match=r"device = 'cuda' was asked for, but .* finds 0 CUDA .* Leave"):
        plan(mixed(1), table(), engine="torch", device="cuda", speeds=WITHOUT)
    on_a_machine_with_cuda(monkeypatch)
    check_engine("auto", "cuda:0")
    with pytest.raises(ArgumentError, match=r"device = 'cuda:1' was asked for, but .* finds 1 CUDA devices"):
        check_engine("auto", "cuda:1")
    for wrong in ("steam", "cuda:x", "cuda0"):
        with pytest.raises(ArgumentError, match=f"device = '{wrong}' is unknown; it is 'cpu', 'cuda' or"):
            check_engine("torch", wrong)


def on_a_machine_with_cuda(monkeypatch):
    monkeypatch.setattr(planning.torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(planning.torch.cuda, "device_count", lambda: 1)


def test_auto_says_why_there_is_no_native_pack(pure, monkeypatch):
    made = plan(mixed(4), table(), speeds=WITHOUT)
    assert (made.engine, made.instruction_set) == ("torch", "")
    assert made.reasons == ("The torch engine trains all: the wheel is pure.",)
    on_a_machine_with_cuda(monkeypatch)
    elsewhere = plan(mixed(4), table(), speeds=QUICK, device="cuda")
    assert elsewhere.reasons == (
        "The torch engine trains all: the native one knows the CPU alone, not cuda.",
    )


def test_the_native_engine_is_refused_where_it_cannot_train(pure):
    with pytest.raises(
        ArgumentError, match=r"native engine is not available: the wheel is pure\. Install .* C\+\+"
    ):
        plan(mixed(1), table(), engine="native", speeds=WITHOUT)
    with pytest.raises(ArgumentError, match=r"trains on the CPU alone, but device = 'cuda'"):
        plan(mixed(1), table(), engine="native", device="cuda", speeds=QUICK)


def test_epochs_still_to_train_are_what_counts(native):
    members, data = long_fleet(400, epochs=90), table(2000)
    for engine in ("native", "torch"):
        whole = plan(members, data, engine=engine, speeds=QUICK)
        third = plan(members, data, engine=engine, speeds=QUICK, epochs=[30] * 400)
        assert third.seconds == pytest.approx(whole.seconds / 3, rel=0.05)
    assert len(plan(members, data, engine="native", speeds=QUICK).packs) > 4
    assert len(plan(members, data, engine="native", speeds=QUICK, epochs=[1] * 400).packs) == 4


def test_memory_is_what_stays_and_what_threads_work_in(native):
    members, data = long_fleet(100), table()
    made = plan(members, data, engine="native", speeds=QUICK)
    state = sum(bytes_of_state(m.design, shape_of(m, data), 50) for m in members)
    assert made.table_bytes == 2 * 500
    assert made.bytes_with(1) == state + 1000 + 4000
    assert made.bytes_with(3) == state + 1000 + 12000
    assert plan(members[:1], data, engine="native", speeds=QUICK).bytes_with(8) < 20_000
    torch = plan(members, data, engine="torch", speeds=QUICK)
    assert torch.bytes_with(2) - torch.bytes_with(1) == sorted(p.bytes for p in torch.packs)[-2]
    assert torch.bytes_with(1) > state + max(p.bytes for p in torch.packs) + torch.table_bytes
    assert torch.table_bytes == 2 * 90 * (16 + 3) * 4


def test_a_state_is_counted_byte_by_byte():
    member, data = mixed(1, epochs=7)[0], table()
    (state,) = train([member], data).states
    held = [state.params, state.best_params, *state.moments, state.train_loss, state.valid_loss]
    held += list(state.signs.values())
    counted = bytes_of_state(member.design, shape_of(member, data), 7)
    assert 0 <= counted - 3_000 - sum(array.nbytes for array in held) < 600


def test_memory_of_a_pack_is_bounded():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40_000, 300)).astype(np.float32)
    index = np.arange(40_000)
    data = FleetData.from_arrays(x, index % 3, folds=[(index[:35_000], index[35_000:])], classes=True)
    members = [Member(Design((1024, 1024), batch_size=512), 0, i) for i in range(40)]
    made = plan(members, data, engine="torch")
    assert max(pack.bytes for pack in made.packs) <= 256 << 20
    assert len(made.packs) > 1
    assert pack_limit(shape_of(members[0], data)) < 20


def test_stacking_is_predicted_to_be_no_slower_than_a_loop():
    shape = shape_of(mixed(1)[0], table())
    assert seconds_of_step(shape, TORCH, 32) < seconds_of_step(shape, TORCH, 1)
    assert bytes_of_member(shape) > 4 * shape.parameters


def test_canonical_widths_grow_and_cover():
    widths = [canonical_width(w) for w in range(1, 700)]
    assert all(c >= w and c % 8 == 0 for w, c in enumerate(widths, start=1))
    assert widths == sorted(widths)
    assert canonical_width(257) == 320


def test_wrong_words_are_named():
    with pytest.raises(ArgumentError, match="engine = 'rocket' is unknown; choose one of auto, na"):
        plan(mixed(1), table(), engine="rocket")
    with pytest.raises(ArgumentError, match="dtype = 'int8' is unknown"):
        plan(mixed(1), table(), dtype="int8")
    with pytest.raises(DataError, match=r"wants encoding 'robust', fold 5; prepared are embedded/0"):
        plan([replace(mixed(1)[0], fold=5)], table())


def test_sources_check_what_their_inputs_say():
    x, y, rows = np.zeros((4, 2), np.float32), np.zeros(4, np.int64), np.arange(4)
    assert Source(x, y, rows, rows).inputs == Inputs.plain(2)
    with pytest.raises(
        DataError, match="inputs describe 3 columns of x, which has 2; they belong to another"
    ):
        Source(x, y, rows, rows, inputs=Inputs.plain(3))
    coded = Inputs((0, 1), (0,), ((1, 3),))
    x[:, 1] = [0, 1, 2, 2]
    assert Source(x, y, rows, rows, inputs=coded).inputs == coded
    for wrong in (-1.0, 3.0, 0.5):
        x[2, 1] = wrong
        with pytest.raises(
            DataError, match="input 1 holds codes, whole numbers from 0 to 2, but x has values"
        ):
            Source(x, y, rows, rows, inputs=coded)


def test_sources_check_their_rows():
    x, y, rows = np.zeros((4, 2), np.float32), np.zeros(4, np.int64), np.arange(4)
    with pytest.raises(DataError, match=r"x is \(4, 2\), y is \(3,\)"):
        Source(x, y[:3], rows, rows)
    with pytest.raises(DataError, match="needs training and validation rows, got 4 and 0"):
        Source(x, y, rows, rows[:0])
    with pytest.raises(DataError, match=r"valid rows must lie in 0\.\.3, got 1\.\.4"):
        Source(x, y, rows, rows + 1)
    with pytest.raises(DataError, match=r"weight needs shape \(4,\), got \(2,\)"):
        Source(x, y, rows, rows, np.ones(2))
    with pytest.raises(DataError, match="x has 4 rows but 0 columns, so there is nothing to learn from"):
        Source(x[:, :0], y, rows, rows)
    with pytest.raises(DataError, match=r"class codes from 0 on, got -1: .* number the classes 0, 1"):
        Source(x, y - 1, rows, rows)
    Source(x, (y - 1.0)[:, None].astype(np.float32), rows, rows)  # numbers may lie below 0


def test_labels_beyond_the_outputs_are_refused():
    x, y, rows = np.zeros((4, 2), np.float32), np.array([0, 1, 3, 1]), np.arange(4)
    told = r"labels of 3 classes are 0\.\.2, got 3: .* give n_outputs=4"
    with pytest.raises(DataError, match=told):
        FleetData.from_arrays(x, y, folds=[(rows, rows)], classes=True, n_outputs=3, class_weight=[1, 1, 1])
    assert FleetData.from_arrays(x, y, folds=[(rows, rows)], classes=True).n_outputs == 4
    data = FleetData({("robust", 0): Source(x, y, rows, rows)}, 3, True)
    with pytest.raises(DataError, match=told):
        plan([Member(Design((8,), encoding="robust"))], data, speeds=WITHOUT)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("classes", [True, False])
def test_data_of_arrays_are_copies(dtype, classes, order):
    """What becomes of the user's arrays later must not change what trains."""
    x, train, valid = np.ones((6, 3), dtype, order=order), np.arange(4), np.arange(4, 6)
    y, weight = (np.arange(6) % 2 if classes else np.ones((6, 2), dtype, order=order)), np.arange(1.0, 7.0)
    data = FleetData.from_arrays(x, y, folds=[(train, valid)], classes=classes, weight=weight)
    source = data.source(Member(Design((8,))))
    held = (source.x, source.y, source.train, source.valid, source.weight)
    before = [array.copy() for array in held]
    for given in (x, y, train, valid, weight):
        given[...] = 0
    assert all(np.array_equal(a, b) for a, b in zip(held, before, strict=True))
    assert all(array.flags.c_contiguous for array in held)
    assert source.x.dtype == dtype
    assert data.sources["robust", 0] is source  # one copy, whatever the encodings


def test_lists_are_counted_where_the_engine_keeps_them():
    def paid(features, filled, width=256):
        shape = shape_of(Member(Design((width,))), table(features=8))
        return listed(replace(shape, n_features=features, entering=features, n_filled=filled)).entering

    assert paid(160, 20) < 160
    assert paid(16, 2) < 16
    assert paid(15, 2) == 15  # too few inputs
    assert paid(160, 80) < 160
    assert paid(160, 100) == 160  # too many that are not zero
    assert paid(160, 12, width=8) < 160 == paid(160, 20, width=8)  # a narrow layer earns less by them


def test_python_has_the_numbers_and_orders_of_the_native_engine(compiled):
    def orders(literal):
        return {name: code for code, name in enumerate(get_args(literal))}

    assert compiled.activations == orders(Activation)
    # Which values it lacks, `Design.torch_only` says.
    assert orders(Norm).items() >= compiled.norms.items()
    assert set(orders(Norm)) - set(compiled.norms) <= {"group"}
    assert orders(DropoutKind).items() >= compiled.dropping.items()
    assert set(orders(DropoutKind)) - set(compiled.dropping) <= {"alpha"}
    assert compiled.optimisers == orders(Optimiser)
    assert compiled.schedules == orders(Schedule)
    ends = {
        "limit": 0,
        "stopped": native_engine._STOPPED,
        "diverged": native_engine._DIVERGED,
        "cancelled": native_engine._CANCELLED,
    }
    assert compiled.endings == ends
    assert compiled.signs == {sign.name: code for code, sign in enumerate(SIGNS)}
    assert compiled.sign_count == len(SIGNS)
    assert compiled.probe_rows == PROBE_ROWS
    assert (compiled.listed_share, compiled.listed_features) == (LISTED_SHARE, LISTED_FEATURES)
