"""Histories, states, schedules, masks, certification, and the engine's own complaints."""

import numpy as np
import pytest
import torch
from tests.fleet.cases import mixed, same, same_members, table, train
from torch.optim.lr_scheduler import CosineAnnealingLR

from profunda._seeds import bits, halfwords, keys_of, premix
from profunda.errors import ArgumentError, RunError
from profunda.fleet import certification
from profunda.fleet.certification import certified
from profunda.fleet.history import History, Status
from profunda.fleet.masks import Masks, device_bits, thresholds
from profunda.fleet.roster import runs
from profunda.fleet.schedules import learning_rates
from profunda.fleet.shape import shape_of
from profunda.fleet.state import pack_arrays, unpack
from profunda.networks.initial import initial_params
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
    made = device_bits(keys, torch.from_numpy(premix(1000).view(np.int32))).numpy().view(np.uint32)
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
