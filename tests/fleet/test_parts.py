"""Histories, states, schedules, masks, certification, and the engine's own complaints."""

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
import torch
from tests.fleet.cases import mixed, same, same_members, table, train
from torch.optim.lr_scheduler import CosineAnnealingLR

from profunda._seeds import bits, halfwords, keys_of, premix
from profunda.errors import ArgumentError, DataError, RunError
from profunda.fleet import certification, native_engine
from profunda.fleet.certification import certified
from profunda.fleet.history import History, Status
from profunda.fleet.masks import QUANTILES, Masks, device_bits, spreads, thresholds
from profunda.fleet.member import Member
from profunda.fleet.roster import Roster, runs
from profunda.fleet.schedules import learning_rates
from profunda.fleet.shape import shape_of
from profunda.fleet.source import FleetData
from profunda.fleet.stack import Stack
from profunda.fleet.state import pack_arrays, unpack
from profunda.fleet.tables import table_of
from profunda.fleet.trainer import Trainer
from profunda.networks.initial import initial_params
from profunda.networks.layout import layout
from profunda.space.design import Design


def test_history_counts_endings_and_steps():
    members = mixed(3)
    history = History(tuple(members), tuple(state.history for state in train(members, table()).states))
    assert len(history) == 3
    assert history.steps == 3 * 4 * 4
    assert sum(count for _, count in history.endings) == 3
    assert str(history).startswith("3 networks, 48 steps: ")
    assert all(curve.best_loss == curve.valid_loss[curve.best_epoch - 1] for curve in history.curves)
    with pytest.raises(ValueError, match="3 members, 2 curves"):
        History(history.members, history.curves[:2])


def test_every_status_has_advice():
    assert all(len(status.advice) > 20 for status in Status)


def test_damaged_states_are_refused():
    arrays = pack_arrays(train(mixed(2), table()).states)
    with pytest.raises(RunError, match="do not fit together"):
        unpack(arrays | {"params": arrays["params"][:-1]})
    with pytest.raises(RunError, match="do not fit together"):
        unpack({name: array for name, array in arrays.items() if name != "moments"})


def test_no_states_pack_and_unpack():
    assert unpack(pack_arrays([])) == ()


def test_an_unfinished_member_keeps_its_first_weights():
    member = mixed(1)[0]
    state = train([member], table(), until=0).states[0]
    assert state.status is Status.RUNNING
    assert np.array_equal(state.params, initial_params(member.design, member.key, 5, 3).astype(np.float32))
    assert state.history.best_loss == float("inf")


def test_lengths_must_match_the_pack():
    with pytest.raises(ArgumentError, match="has 2 members, but 1 states and 2 epochs"):
        train(mixed(2), table(), states=[None])
    with pytest.raises(ArgumentError, match="has 2 members, but 2 states and 3 epochs"):
        train(mixed(2), table(), until=[1, 2, 3])


def test_constant_and_cosine_are_those_of_torch():
    design = Design(lr=0.3, epochs=5, schedule="cosine")
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    scheduler, expected = CosineAnnealingLR(optimiser, 50), []
    for _ in range(50):
        expected.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    assert np.allclose(learning_rates(design, 10, 0, 50), expected)
    assert np.allclose(learning_rates(design, 10, 20, 7), expected[20:27])
    assert set(learning_rates(Design(lr=0.3), 10, 5, 9)) == {0.3}


def test_onecycle_rises_for_three_tenths_and_falls_to_zero():
    rates = learning_rates(Design(lr=0.5, epochs=10, schedule="onecycle"), 10, 0, 100)
    assert np.allclose(np.diff(rates[:30]), 0.5 / 30)
    assert rates.argmax() in (29, 30)
    assert rates.max() == 0.5
    assert (np.diff(rates[31:]) < 0).all()
    assert rates[-1] < 0.001
    assert len(learning_rates(Design(epochs=1, schedule="onecycle"), 1, 0, 1)) == 1


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_masks_drop_the_asked_share_and_keep_the_mean(rate):
    masks = Masks(np.array([rate, rate]), [slice(0, 2)], 50, 56, 200, torch.zeros(1))
    drawn = masks.draw(keys_of([3, 4]))[:, :50].numpy()
    error = 5 * np.sqrt(rate * (1 - rate) / 10_000)
    for one in drawn:
        assert abs((one == 0).mean() - rate) < error
        assert abs(one.mean() - 1) < error / (1 - rate)
        assert len(np.unique(one)) == 2
    assert not np.array_equal(*drawn)


def test_mask_of_a_stream_is_its_halfwords():
    masks = Masks(np.array([0.0, 0.3]), [slice(1, 2)], 5, 8, 8, torch.zeros(1, dtype=torch.float64))
    drawn = masks.draw(keys_of([3, 4])).numpy()
    limits, scales = thresholds(np.array([0.3]))
    expected = (halfwords(keys_of([4]), 40) >= limits) * scales
    assert np.array_equal(drawn[1, :5].ravel(), expected[0])
    assert not drawn[0].any()  # not asked for: not filled


def test_tensors_hash_to_the_same_bits_as_numpy():
    keys = keys_of([0, 1, 2**64 - 1, 0x123456789ABCDEF0])
    made = device_bits(keys, torch.tensor(premix(1000).view(np.int32))).numpy().view(np.uint32)
    assert np.array_equal(made, bits(keys, 1000))
    assert not np.array_equal(made, bits(keys + np.uint64(1), 1000))


def test_runs_are_maximal():
    assert runs("aabccc") == [("a", slice(0, 2)), ("b", slice(2, 3)), ("c", slice(3, 6))]
    assert runs("") == []


def test_common_shapes_are_certified():
    shape = shape_of(mixed(1)[0], table())
    assert certified(shape, 8, {"relu", "tanh"}, torch.float32, "cpu")
    assert certified(shape, 1, {"relu"}, torch.float32, "cpu")


def test_a_shape_whose_bits_differ_is_not_certified_and_trains_one_by_one(monkeypatch):
    made, members = table(), mixed(4, epochs=2)
    stacked = train(members, made)
    probe, asked = certification._probe, []

    def crooked(shape, count, *rest):
        asked.append(count)
        first, *others = probe(shape, count, *rest)
        return [first + 1e-7 * (count > 1) * first.abs(), *others]

    monkeypatch.setattr(certification, "_probe", crooked)
    monkeypatch.setattr(certification, "_KNOWN", {})
    assert not certified(shape_of(members[0], made), 4, {"relu"}, torch.float32, "cpu")
    assert asked == [1, 4]
    assert all(same_members(stacked, train(members, made)))


def test_unstacked_packs_train_one_by_one_to_the_same_bits():
    made, members = table(), mixed(4)
    whole, apart = train(members, made), train(members, made, stacked=False)
    assert all(same(a, b) for a, b in zip(whole.states, apart.states, strict=True))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_gaussian_noise_has_the_moments_of_the_mask(rate):
    masks = Masks(np.array([rate]), [slice(0, 1)], 101, 104, 201, torch.zeros(1), gaussian=True)
    drawn = masks.draw(keys_of([3])).double().numpy()[0, :101]
    assert abs(drawn.mean() - 1) < 5 * np.sqrt(rate / (1 - rate) / drawn.size)
    assert drawn.var() == pytest.approx(rate / (1 - rate), rel=0.05)
    first = masks.draw(keys_of([3])).clone()
    assert torch.equal(first, masks.draw(keys_of([3])))  # nothing piles up in the buffer
    assert not first[:, 101:].any()


def test_noise_of_a_stream_is_the_table_at_its_halfwords():
    like = torch.zeros(1, dtype=torch.float64)
    masks = Masks(np.array([0.0, 0.3]), [slice(1, 2)], 5, 8, 8, like, gaussian=True)
    drawn = masks.draw(keys_of([3, 4])).numpy()
    expected = 1 + spreads(np.array([0.3])) * QUANTILES[halfwords(keys_of([4]), 40)]
    assert np.array_equal(drawn[1, :5].ravel(), expected[0])
    assert not drawn[0].any()


def test_quantiles_are_those_of_the_normal_law_with_variance_1():
    assert QUANTILES.shape == (65536,)
    assert (np.diff(QUANTILES) > 0).all()
    assert np.array_equal(QUANTILES, -QUANTILES[::-1])
    assert np.mean(QUANTILES**2) == pytest.approx(1, abs=1e-14)
    law = NormalDist()
    levels = [0, 77, 20_000, 32_768, 65_535]
    expected = np.array([law.inv_cdf((u + 0.5) / 65536) for u in levels])
    ratio = QUANTILES[levels] / expected
    assert np.allclose(ratio, ratio[0], rtol=1e-12)
    assert ratio[0] == pytest.approx(1, abs=1e-4)
    with pytest.raises(ValueError, match="read-only"):
        QUANTILES[0] = 0.0


FIELDS = {
    "batch-before": {"norm": "batch"},
    "batch-after": {"norm": "batch", "norm_place": "after", "dropout_kind": "gaussian"},
    "layer-before": {"norm": "layer", "dropout_kind": "dropconnect"},
    "layer-after": {"norm": "layer", "norm_place": "after"},
    "gaussian": {"dropout_kind": "gaussian", "activation": "relu"},
    "dropconnect": {"dropout_kind": "dropconnect"},
}


def some_clipped(members):
    """Every other member's gradients are clipped."""
    return [replace(m, design=replace(m.design, clip=0.3 * (i % 2))) for i, m in enumerate(members)]


@pytest.mark.parametrize("optimiser", ["adam", "sgd", "rmsprop"])
@pytest.mark.parametrize("fields", FIELDS.values(), ids=FIELDS)
def test_normed_noisy_and_clipped_members_equal_themselves_alone(fields, optimiser):
    made = table(92)
    members = some_clipped(mixed(8, widths=(20, 11), optimiser=optimiser, batch_size=20, **fields))
    fleet = train(members, made)
    assert all(same(fleet.states[i], train([member], made).states[0]) for i, member in enumerate(members))
    first = train(members, made, until=2)
    resumed = train(members, made, states=unpack(pack_arrays(first.states)))
    assert all(same_members(fleet, resumed))
    assert not any(same_members(fleet, first))


@pytest.mark.parametrize("fields", [{}, *FIELDS.values()], ids=["plain", *FIELDS])
def test_padded_places_stay_exactly_zero(fields):
    made = table()
    members = some_clipped(mixed(6, **({"widths": (13, 7), "activation": "sigmoid"} | fields)))
    members = [m for m in members if m.design.dropout] if fields else members
    stacks = []
    for shape in {shape_of(member, made) for member in members}:
        roster = Roster(tuple(m for m in members if shape_of(m, made) == shape))
        widths = [m.design.widths for m in roster.members]
        params, *moments = (Stack(shape, len(roster), torch.float32, "cpu") for _ in range(3))
        drawn = [initial_params(m.design, m.key, 5, 3).astype(np.float32) for m in roster.members]
        params.write(drawn, widths)
        tables = [table_of(made.source(m), made, torch.float32, "cpu") for m in roster.members]
        trainer = Trainer(shape, roster, tables, params, moments)
        with torch.inference_mode():
            for epoch in range(4):
                trainer.train_epoch(epoch, lambda _: False)
        stacks += [(stack, widths) for stack in (params, *moments, trainer.gradients)]
    for stack, widths in stacks:
        again = Stack(stack.shape, stack.members, torch.float32, "cpu")
        again.write(stack.read(widths), widths)
        assert torch.equal(again.flat, stack.flat)
        assert stack.flat.count_nonzero() > 100


def test_what_batch_norm_collects_is_not_trained():
    made, members = table(), mixed(3, norm="batch")
    for member, state in zip(members, train(members, made).states, strict=True):
        block = layout(member.design.widths, 5, 3, "batch")[0]
        assert all(not block.norm_of(moment)[2:].any() for moment in state.moments)
        assert all(block.norm_of(moment)[:2].any() for moment in state.moments)
        assert np.abs(block.norm_of(state.params)[2:] - [[0], [1]]).min() > 0


def test_class_weights_multiply_row_weights():
    x, y, rows = np.random.default_rng(0).normal(size=(90, 5)), np.arange(90) % 3, np.linspace(0.2, 3, 90)
    folds = [(np.arange(60), np.arange(60, 90))]

    def source(**weights):
        made = FleetData.from_arrays(x, y, folds=folds, classes=True, encodings=["robust"], **weights)
        return made.sources["robust", 0]

    by_class = [1.0, 0.0, 2.5]
    assert source().weight is None
    assert np.array_equal(source(weight=rows).weight, rows)
    assert np.array_equal(source(class_weight=by_class).weight, np.array(by_class)[y])
    assert np.array_equal(source(weight=rows, class_weight=by_class).weight, rows * np.array(by_class)[y])


@pytest.mark.parametrize(
    ("weights", "text"),
    [
        ({"class_weight": [1.0, 2.0]}, r"one number for each of 3 classes, got \(2,\)"),
        ({"class_weight": [1.0, -2.0, 1.0]}, "finite and not negative, got -2.0 to 1.0"),
        ({"weight": np.full(90, np.nan)}, "finite and not negative, got nan to nan"),
        ({"weight": np.zeros(90)}, "Every training row weighs 0"),
        ({"weight": np.ones(80)}, r"weight needs shape \(90,\), got \(80,\)"),
    ],
)
def test_weights_that_fit_nothing_are_refused(weights, text):
    x, y, folds = np.zeros((90, 5)), np.arange(90) % 3, [(np.arange(60), np.arange(60, 90))]
    with pytest.raises(DataError, match=text):
        FleetData.from_arrays(x, y, folds=folds, classes=True, **weights)


def test_class_weights_need_classes():
    x, folds = np.zeros((9, 5)), [(np.arange(6), np.arange(6, 9))]
    with pytest.raises(DataError, match="class_weight needs classes, but the target is numbers"):
        FleetData.from_arrays(x, np.zeros(9), folds=folds, classes=False, class_weight=[1.0])


def test_shapes_leave_out_what_a_design_does_not_use():
    made, plain = table(), Design(())
    unused = replace(plain, norm="batch", norm_place="after", dropout=0.3, dropout_kind="dropconnect")
    assert shape_of(Member(unused), made) == shape_of(Member(plain), made)
    undropped = Design((8,), dropout_kind="gaussian", norm_place="after", clip=1.0)
    assert shape_of(Member(undropped), made) == shape_of(Member(Design((8,))), made)
    assert len({shape_of(Member(Design((8,), norm=norm)), made) for norm in ("none", "batch", "layer")}) == 3
    assert shape_of(Member(Design((8,), norm="batch")), made).parameters == 5 * 8 + 8 + 4 * 8 + 8 * 3 + 3


@pytest.mark.parametrize("fields", FIELDS.values(), ids=FIELDS)
def test_shapes_with_norms_and_noise_are_certified(fields):
    shape = shape_of(Member(Design((20, 24), dropout=0.2, batch_size=16, **fields)), table())
    assert certified(shape, 8, {"relu"}, torch.float32, "cpu", clipped=True)


# The native engine, as Python drives it ---------------------------------------------------------------


@pytest.mark.parametrize("classes", [True, False])
def test_what_the_engine_keeps_of_rows_is_counted(native, classes):
    """Copies of another type, scaled weights and lists; no inputs where they are as it reads them."""

    def kept(dtype, wanted, sparse=False, **weights):
        x, y = (np.eye(90, 20) if sparse else np.ones((90, 20))), np.arange(90) % 3
        folds = [(np.arange(60), np.arange(60, 90))]
        y = y if classes else np.ones((90, 2))
        data = FleetData.from_arrays(x.astype(dtype), y, folds=folds, classes=classes, **weights)
        return native_engine.table_bytes(data.sources["robust", 0], data, wanted)

    rows = 8 * (60 + 30 + (90 if classes else 0))  # row numbers, labels
    numbers = 90 * 20 + (0 if classes else 90 * 2)
    lists = 8 * 91 + 20 * (4 + 4)
    assert kept(np.float32, "float32") == kept(np.float64, "float64") == rows
    assert kept(np.float64, "float32") == rows + 4 * numbers
    assert kept(np.float32, "float64") == rows + 8 * numbers
    assert kept(np.float32, "float32", weight=np.ones(90)) == rows + 4 * 90
    assert kept(np.float32, "float32", sparse=True) == rows + lists
    assert kept(np.float64, "float32", sparse=True) == rows + lists + 4 * numbers


def test_rows_in_any_form_train_to_the_same_bits(native):
    made = table()
    source = made.sources["robust", 0]
    apart = replace(
        source,
        x=np.asfortranarray(source.x),
        y=source.y.astype(np.int32),
        train=np.repeat(source.train, 2)[::2],
        valid=source.valid.astype(np.int32),
    )
    data = FleetData({("robust", 0): apart}, 3, True)
    copies = source.x.nbytes + apart.y.nbytes * 2
    assert native_engine.table_bytes(apart, data) == native_engine.table_bytes(source, made) + copies
    members = [replace(member, design=replace(member.design, encoding="robust")) for member in mixed(1)]
    assert all(same_members(native(members, data), native(members, made)))


def test_more_workers_than_members_start_no_more_threads(native, compiled, monkeypatch):
    asked, team = [], compiled.Team

    def counted(threads, *words):
        asked.append(threads)
        return team(threads, *words)

    monkeypatch.setattr(compiled, "Team", counted)
    members, made = mixed(6, epochs=1), table()
    many, one = native(members, made, workers=5000), native(members, made, workers=1)
    assert all(same_members(many, one))
    assert asked == [6, 1]
    monkeypatch.setattr(compiled, "most_threads", 4)
    native(members, made, workers=5000)
    assert asked[2:] == [4]


def test_a_member_at_its_goal_is_handed_through(native):
    members, made = mixed(3), table()
    states = native(members, made, until=2).states
    again = native(members, made, until=[2, 3, 2], states=states).states
    assert [a is b for a, b in zip(states, again, strict=True)] == [True, False, True]


def test_the_instructions_asked_for_run_where_they_can(native, compiled):
    best = native_engine.instruction_set()
    assert native_engine.instruction_set("sse9") == best
    for name in ("avx512", "avx2", "neon", "generic"):
        assert native_engine.instruction_set(name) == (compiled.instruction_set(name) or best)


def test_a_module_that_cannot_be_loaded_is_told(monkeypatch):
    def broken(name):
        raise ImportError("libstdc++.so.6: no such file")

    monkeypatch.setattr(native_engine, "import_module", broken)
    native_engine._load.cache_clear()
    try:
        told = native_engine.unavailable_reason()
        assert told == "its compiled module cannot be loaded (libstdc++.so.6: no such file)"
    finally:
        native_engine._load.cache_clear()
