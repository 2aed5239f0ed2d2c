"""No member's bits depend on the fleet around it: each law with a control that can fail."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fleet.cases import mixed, same, same_members, table

from profunda.fleet.history import Status
from profunda.fleet.member import Member
from profunda.fleet.state import pack_arrays, unpack
from profunda.space.design import Design

SHAPES = [
    pytest.param({"widths": (20,)}, {}, id="one-layer"),
    pytest.param({"widths": (20, 24), "batch_size": 17}, {}, id="two-layers-odd-tail"),
    pytest.param({"widths": (), "dropout": 0.0}, {}, id="linear"),
    pytest.param({"widths": (60, 33, 12), "optimiser": "sgd"}, {}, id="three-layers-sgd"),
    pytest.param({"widths": (33,), "optimiser": "rmsprop", "batch_size": 500}, {}, id="full-batch-rmsprop"),
    pytest.param({"widths": (20,), "label_smoothing": 0.0}, {"classes": False, "outputs": 1}, id="numbers"),
    pytest.param({"widths": (20, 9), "norm": "batch", "batch_size": 59}, {}, id="batch-norm-one-row-tail"),
    pytest.param({"widths": (20, 9), "norm": "layer", "norm_place": "after"}, {}, id="layer-norm-after"),
    pytest.param({"widths": (20, 9), "dropout_kind": "gaussian", "clip": 0.1}, {}, id="gaussian-clipped"),
    pytest.param({"widths": (20, 9), "dropout_kind": "dropconnect"}, {}, id="dropconnect"),
    pytest.param(
        {"widths": (24,), "loss": "huber", "label_smoothing": 0.0},
        {"classes": False, "outputs": 2},
        id="huber",
    ),
]


@pytest.mark.parametrize(("design", "data"), SHAPES)
def test_member_in_a_fleet_equals_the_member_alone(train, design, data):
    made, members = table(**data), mixed(8, **design)
    fleet = train(members, made)
    for i, member in enumerate(members):
        alone = train([member], made)
        assert same(fleet.states[i], alone.states[0])


def test_control_another_replicate_is_another_network(train):
    made, members = table(), mixed(1)
    one, other = train(members, made), train([replace(members[0], replicate=7)], made)
    assert not same(one.states[0], other.states[0])


def test_control_the_comparison_sees_one_bit(train):
    state = train(mixed(1), table()).states[0]
    params = state.params.copy()
    params[3] = np.nextafter(params[3], np.float32(np.inf))
    assert same(state, replace(state))
    assert not same(state, replace(state, params=params))


@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.builds(
            Design,
            widths=st.lists(st.integers(1, 20), max_size=2).map(tuple),
            activation=st.sampled_from(["relu", "leaky_relu", "elu", "selu", "silu", "softplus", "mish"]),
            initialisation=st.sampled_from(["lecun", "glorot", "he", "orthogonal", "torch"]),
            dropout=st.sampled_from([0.0, 0.2, 0.9]),
            l1=st.sampled_from([0.0, 1e-2]),
            l2=st.sampled_from([0.0, 1e-2]),
            decoupled=st.booleans(),
            optimiser=st.sampled_from(["sgd", "adam", "rmsprop"]),
            lr=st.sampled_from([1e-3, 1e-1, 1e4]),
            schedule=st.sampled_from(["constant", "cosine", "onecycle"]),
            norm=st.sampled_from(["none", "batch", "layer"]),
            norm_place=st.sampled_from(["before", "after"]),
            dropout_kind=st.sampled_from(["bernoulli", "gaussian", "dropconnect"]),
            clip=st.sampled_from([0.0, 0.1]),
            batch_size=st.integers(1, 50),
            epochs=st.integers(1, 3),
            patience=st.integers(0, 2),
        ),
        min_size=2,
        max_size=4,
    )
)
def test_any_fleet_of_any_designs_equals_its_members_alone(train, designs):
    made = table(40, 3)
    members = [Member(design, i % 2, i) for i, design in enumerate(designs)]
    members += [replace(member, replicate=9) for member in members]
    fleet = train(members, made)
    assert all(same_members_of(fleet, i, train([member], made)) for i, member in enumerate(members))


def same_members_of(fleet, i, alone):
    return same(fleet.states[i], alone.states[0])


def test_permuted_fleet_gives_permuted_results(train):
    made, members = table(), mixed(9)
    order = [4, 8, 0, 2, 6, 1, 7, 3, 5]
    straight, permuted = train(members, made), train([members[i] for i in order], made)
    assert all(same(straight.states[i], permuted.states[n]) for n, i in enumerate(order))
    assert not same(straight.states[0], permuted.states[0])  # control: another member


def test_removed_members_leave_no_trace(train):
    made, members = table(), mixed(9)
    whole, part = train(members, made), train(members[2:7], made)
    assert all(same(a, b) for a, b in zip(whole.states[2:7], part.states, strict=True))


def test_a_diverging_member_changes_no_other(train):
    made, members = table(), mixed(8, optimiser="sgd", schedule="constant", activation="relu")
    wild = [replace(m, design=replace(m.design, lr=1e6)) if i == 3 else m for i, m in enumerate(members)]
    calm, stormy = train(members, made), train(wild, made)
    assert stormy.states[3].status is Status.DIVERGED
    agree = same_members(calm, stormy)
    assert agree == [i != 3 for i in range(8)]  # member 3 is the control
    assert np.isfinite(stormy.states[3].best_params).all()


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "elu", "selu", "gelu", "softplus", "mish"])
@pytest.mark.parametrize("widths", [(), (2, 3)])
def test_divergence_is_a_status_and_no_warning(train, activation, widths):
    wild = {"widths": widths, "activation": activation, "optimiser": "sgd", "schedule": "constant"}
    members = mixed(4, **wild, lr=1e9, l1=0.0, label_smoothing=0.0)
    for data in (table(), table(outputs=1, classes=False)):
        statuses = [state.status for state in train(members, data).states]
        assert Status.DIVERGED in statuses or data.classes


def test_members_that_end_early_are_dropped_and_change_no_other(train):
    made = table()
    members = [replace(m, design=replace(m.design, epochs=1 + i)) for i, m in enumerate(mixed(9))]
    fleet = train(members, made)
    assert [state.epoch for state in fleet.states] == list(range(1, 10))
    assert all(same(fleet.states[i], train([member], made).states[0]) for i, member in enumerate(members))


@pytest.mark.parametrize("cut", [1, 3])
@pytest.mark.parametrize("optimiser", ["adam", "sgd", "rmsprop"])
def test_resumed_training_is_the_uninterrupted_one(train, cut, optimiser):
    made, members = table(), mixed(6, optimiser=optimiser, patience=3)
    whole = train(members, made)
    first = train(members, made, until=cut)
    kept = unpack(pack_arrays(first.states))
    assert all(same(a, b) for a, b in zip(first.states, kept, strict=True))
    resumed = train(members, made, states=kept)
    assert all(same_members(whole, resumed))
    assert not any(same_members(whole, first))  # control


def test_survivors_resume_without_the_others_and_at_epochs_of_their_own(train):
    made, members = table(), mixed(6)
    whole = train(members, made)
    first = train(members, made, until=[1, 2, 3, 1, 2, 3])
    assert [state.epoch for state in first.states] == [1, 2, 3, 1, 2, 3]
    rest = train(members[1:4], made, states=first.states[1:4])
    assert all(same(a, b) for a, b in zip(whole.states[1:4], rest.states, strict=True))


def test_two_threads_at_once_change_nothing(train):
    made, fleets = table(), [mixed(8), mixed(8, widths=(24, 24), activation="tanh")]
    quiet = [train(members, made) for members in fleets]
    busy = [None, None]

    def run(i):
        busy[i] = train(fleets[i], made)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(all(same_members(a, b)) for a, b in zip(quiet, busy, strict=True))


def test_cancelled_training_stops_at_a_whole_epoch_and_resumes(train):
    made, cancel = table(), threading.Event()
    members = [replace(m, design=replace(m.design, epochs=1_000_000)) for m in mixed(6)]
    told = []

    def progress(steps):
        told.append(steps)
        if len(told) == 3:
            cancel.set()

    cut = train(members, made, progress=progress, cancel=cancel)
    assert cut.cancelled
    reached = [state.epoch for state in cut.states]
    assert 0 < max(reached) < 1_000_000
    assert all(state.status is Status.RUNNING for state in cut.states)
    resumed = train(members, made, states=cut.states, until=[epoch + 1 for epoch in reached])
    assert all(same_members(train(members, made, until=[epoch + 1 for epoch in reached]), resumed))


def test_progress_counts_every_member_step(train):
    made, members, told = table(), mixed(6), []
    result = train(members, made, progress=told.append)
    assert sum(told) == sum(state.step for state in result.states) == 6 * 4 * 4


def test_weights_of_rows_reach_the_loss(train):
    made, members = table(), mixed(3)
    ones = weighted(made, np.ones(90, np.float32))
    heavy = weighted(made, np.linspace(0.1, 4, 90).astype(np.float32))
    plain, same_weights, other = (train(members, data) for data in (made, ones, heavy))
    assert all(
        np.allclose(a.params, b.params, atol=1e-6)
        for a, b in zip(plain.states, same_weights.states, strict=True)
    )
    assert not any(
        np.allclose(a.params, b.params, atol=1e-6) for a, b in zip(plain.states, other.states, strict=True)
    )


def weighted(data, weight):
    sources = {key: replace(source, weight=weight) for key, source in data.sources.items()}
    return replace(data, sources=sources)
