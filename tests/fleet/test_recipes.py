"""What later formats of a Design say: against the naive twin, and by the laws of every member."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.fleet.cases import RECIPES, coded_table, mixed, recipe, same, table, train, with_twin
from tests.oracles import fleet as oracle

from profunda.fleet.forward import outputs as forward
from profunda.fleet.history import Status
from profunda.fleet.shape import shape_of
from profunda.fleet.snapshots import snapshot_epochs, voters
from profunda.fleet.state import n_moments, pack_arrays, unpack
from profunda.vitals.signs import sign_interval


def relative(a, b):
    return float(np.linalg.norm(np.asarray(a, np.float64) - b) / np.linalg.norm(b))


def agree(member, made, state, twin):
    assert state.step >= 100
    assert relative(state.params, twin.params[-1]) < 1e-9
    assert relative(state.best_params, twin.kept[twin.best_epoch - 1]) < 1e-9
    assert np.allclose(state.train_loss, twin.train_loss, rtol=1e-9)
    assert np.allclose(state.valid_loss, twin.valid_loss, rtol=1e-9)
    assert state.best_epoch == twin.best_epoch
    source = made.source(member)
    outputs = forward(member.design, state.best_params, source.x[source.valid], source.inputs)
    assert np.allclose(outputs, twin.outputs, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", RECIPES)
def test_float64_agrees_with_the_twin(name):
    # Alone on plain numbers, so that designs of a stacked path take it; beside codes where columns matter.
    alone = name in ("critical", "lsuv", "restarts", "coslog", "ntk", "group", "lookahead", "beta2")
    member, made, twin = with_twin(name, plain=alone)
    agree(member, made, train([member], made, dtype="float64").states[0], twin)


@pytest.mark.parametrize("loss", ["likelihood", "huber"])
@pytest.mark.parametrize("name", ["mixup", "adversarial"])
def test_numbers_agree_with_the_twin(name, loss):
    made = coded_table(outputs=2, classes=False, dtype=np.float64)
    rows = np.linspace(0.2, 3.0, 90)
    made = replace(made, sources={k: replace(s, weight=rows) for k, s in made.sources.items()})
    member = recipe(name, loss=loss, label_smoothing=0.0, mixup=0.3)
    agree(member, made, train([member], made, dtype="float64").states[0], oracle.train(member, made))


CHANGES = {
    "parametrisation": "standard",
    "parametric": False,
    "skip": False,
    "input_scaling": False,
    "embedding_scale": 0.3,
    "norm": "layer",
    "l1_update": "proximal",
    "group_lasso": 1.1e-3,
    "max_norm": 0.69,
    "noise": 0.11,
    "mixup": 0.31,
    "cutout": 0.11,
    "adversarial": 0.051,
    "class_balance": 0.91,
    "beta2": 0.951,
    "bias_lr": 0.11,
    "averaging": False,
    "lookahead": False,
    "schedule": "restarts",
}


@pytest.mark.parametrize("field", CHANGES)
def test_control_the_twin_of_another_recipe_disagrees(field):
    """Each field tells: the twin that has it otherwise, and the same draws, goes elsewhere."""
    made = coded_table(dtype=np.float64)
    fields = {"l1_update": "subgradient"} if field == "l1_update" else {}
    member = recipe("everything", epochs=4, **fields)
    other = replace(member, design=replace(member.design, **{field: CHANGES[field]}))
    other.__dict__["key"] = member.key
    state, twin = train([member], made, dtype="float64").states[0], oracle.train(other, made)
    same_size = state.best_params.shape == twin.kept[-1].shape
    assert not same_size or not np.allclose(state.valid_loss, twin.valid_loss, rtol=1e-9)


@pytest.mark.parametrize("name", ["snapshots", "everything"])
def test_snapshots_are_the_weights_at_the_ends_of_cycles(name):
    member, made, twin = with_twin(name)
    state = train([member], made, dtype="float64").states[0]
    assert snapshot_epochs(member.design) == (3, 11)  # of 26
    for found, epoch in zip(state.moments[-2:], (3, 11), strict=True):
        assert relative(found, twin.params[epoch - 1]) < 1e-9
        assert relative(found, twin.params[epoch]) > 1e-6  # control
    best, *snapshots = voters(member.design, state)
    assert best is state.best_params
    assert [s is m for s, m in zip(snapshots, state.moments[-2:], strict=True)] == [True, True]


def test_snapshots_that_are_not_taken_yet_do_not_vote():
    made, member = coded_table(), recipe("snapshots")
    counts = [
        len(voters(member.design, train([member], made, until=end).states[0])) for end in (2, 3, 10, 11)
    ]
    assert counts == [1, 2, 2, 3]
    plain = recipe("averaging")
    assert snapshot_epochs(plain.design) == ()
    assert len(voters(plain.design, train([plain], made, until=11).states[0])) == 1


@pytest.mark.parametrize("epochs", [1, 2, 6])
def test_few_epochs_take_the_first_twice_rather_than_nothing(epochs):
    made, member = coded_table(), recipe("snapshots", epochs=epochs)
    _, *snapshots = voters(member.design, train([member], made).states[0])
    assert len(snapshots) == 2
    assert all(np.any(params) for params in snapshots)


@pytest.mark.parametrize("name", ["periodic", "group", "alpha", "everything"])
def test_float32_drifts_no_farther_than_float32_does(name):
    made = coded_table()
    member = recipe(name, epochs=5)
    state = train([member], made).states[0]
    assert relative(state.params, oracle.train(member, made, torch.float32).params[-1]) < 1e-4


@pytest.mark.parametrize("name", RECIPES)
def test_resumed_training_is_the_uninterrupted_one(name):
    made, members = coded_table(), [recipe(name, epochs=8), recipe("beta2", epochs=7)]
    whole = train(members, made)
    for cut in (3, 6):
        first = train(members, made, until=cut)
        kept = unpack(pack_arrays(first.states))
        assert all(len(s.moments) == n_moments(m.design) for s, m in zip(kept, members, strict=True))
        resumed = train(members, made, states=kept)
        assert all(same(a, b) for a, b in zip(whole.states, resumed.states, strict=True))
    assert not same(whole.states[0], first.states[0])  # control


def test_a_member_in_company_is_the_member_alone():
    made = coded_table()
    members = [replace(recipe(name, epochs=3), replicate=i) for i, name in enumerate(RECIPES)]
    fleet = train([*members, *mixed(3)], made)
    for member, state in zip(members, fleet.states, strict=False):
        assert same(train([member], made).states[0], state)


@pytest.mark.parametrize("name", [name for name in RECIPES if not recipe(name).design.torch_only])
def test_engines_agree_and_go_on_with_each_other(native, name):
    made = coded_table(dtype=np.float64)
    member = recipe(name, epochs=12)
    one, other = (run([member], made, dtype="float64").states[0] for run in (train, native))
    begun = native([member], made, dtype="float64", until=10).states
    mixed_up = train([member], made, dtype="float64", states=begun).states[0]
    for found in (other, mixed_up):
        assert relative(found.params, one.params) < 1e-9
        assert relative(found.best_params, one.best_params) < 1e-9
        assert len(found.moments) == len(one.moments)
        assert all(relative(a, b) < 1e-9 for a, b in zip(found.moments, one.moments, strict=True))
        assert np.allclose(found.train_loss, one.train_loss, rtol=1e-9)
        assert np.allclose(found.valid_loss, one.valid_loss, rtol=1e-9)
        for sign in one.signs:
            assert np.allclose(found.signs[sign], one.signs[sign], rtol=1e-6, atol=1e-9), sign


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
@pytest.mark.parametrize(
    "name", ["skip-after", "front", "group_lasso", "max_norm", "averaging", "everything"]
)
def test_divergence_is_a_status_and_no_warning(name, activation):
    wild = {"activation": activation, "optimiser": "sgd", "lr": 1e9, "schedule": "constant", "clip": 0.0}
    statuses = []
    for made in (coded_table(), coded_table(outputs=1, classes=False)):
        state = train([recipe(name, **wild, epochs=6, label_smoothing=0.0)], made).states[0]
        statuses.append(state.status)
        assert np.isfinite(state.best_params).all()
    assert name in ("max_norm", "everything") or Status.DIVERGED in statuses


def test_stacked_passes_train_what_they_know():
    made = table()
    assert not shape_of(mixed(1)[0], made).general
    general = [name for name in RECIPES if shape_of(recipe(name), made).general]
    assert set(RECIPES) - set(general) == {"critical", "lsuv", "restarts", "coslog"}
    assert shape_of(mixed(1)[0], coded_table()).general


def test_both_torch_paths_agree():
    """A design that both know: stacked by hand, and by autograd where a field says nothing."""
    made = table(dtype=np.float64)
    fields = {
        "widths": (13, 9),
        "batch_size": 17,
        "epochs": 10,
        "norm": "batch",
        "clip": 0.5,
        "loss": "likelihood",
    }
    for member in mixed(4, **fields):
        silent = replace(member, design=replace(member.design, embedding_scale=0.2))
        silent.__dict__["key"] = member.key
        assert shape_of(silent, made).general
        a, b = (train([m], made, dtype="float64").states[0] for m in (member, silent))
        assert relative(a.params, b.params) < 1e-9
        assert all(np.allclose(a.signs[name], b.signs[name], rtol=1e-7, atol=1e-12) for name in a.signs)


@pytest.mark.parametrize("name", ["parametric", "skip-after", "averaging", "front", "everything"])
def test_signs_equal_their_definitions(name):
    made = coded_table(600, dtype=np.float64)
    member = recipe(name, batch_size=4, epochs=2)
    state, twin = train([member], made, dtype="float64").states[0], oracle.train(member, made)
    assert sign_interval(100) == 1
    assert state.sign_epochs.tolist() == [1, 2]
    for sign, rows in twin.signs.items():
        assert np.allclose(state.signs[sign], rows, rtol=1e-6, atol=1e-9), sign
