"""Signs of both engines and of a plain nn.Module, by the one table, on the same network."""

from functools import partial

import numpy as np
import pytest
import torch
from tests.fleet import cases
from tests.fleet.cases import mixed, table

from profunda.fleet import native_engine
from profunda.networks.dense import build, load
from profunda.vitals.signs import SIGNS


@pytest.fixture(params=["torch", "native"])
def train(request):
    """`cases.train` on each engine in turn."""
    if request.param == "native" and not native_engine.available():
        pytest.skip(f"the native engine is not here: {native_engine.unavailable_reason()}")
    return partial(cases.train, engine=request.param)


def test_engine_takes_every_sign_of_the_table_and_no_other(train):
    state = train(mixed(2, widths=(20, 24)), table()).states[0]
    assert state.signs.keys() == {sign.name for sign in SIGNS}
    for sign in SIGNS:
        assert state.signs[sign.name].shape == (1, 2 if sign.of == "activations" else 3)


def test_the_linear_model_has_the_signs_of_weights_alone(train):
    state = train(mixed(1, widths=(), dropout=0.0), table()).states[0]
    assert {name: rows.shape for name, rows in state.signs.items()} == {
        sign.name: (1, 1) for sign in SIGNS if sign.of == "weights"
    }


@pytest.mark.parametrize("rows", [90, 1200])
@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_activation_signs_are_those_of_the_plain_module(train, norm, rows):
    """`rows` are fewer and more than the rows that are probed."""
    made = table(rows)
    member = mixed(1, widths=(13, 9), activation="gelu", dropout=0.4, norm=norm)[0]
    state = train([member], made, until=1).states[0]
    module = load(build(member.design, 5, 3), state.params).eval()
    source, a = made.source(member), []
    for part in module.modules():
        if isinstance(part, torch.nn.GELU):
            part.register_forward_hook(lambda m, i, o: a.append(o))
    with torch.no_grad():
        module(torch.from_numpy(source.x[source.valid][:256]))
    assert len(a) == 2
    for layer, out in enumerate(a):
        assert np.isclose(state.signs["activation_mean"][0, layer], out.mean(), rtol=1e-4)
        assert np.isclose(state.signs["activation_std"][0, layer], out.std(correction=0), rtol=1e-4)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "selu"])
def test_both_engines_take_the_same_signs(train, activation):
    """Epoch by epoch, dead and saturated units among them: weights twenty times too large."""
    made = table(1200)
    member = mixed(1, widths=(20, 24), activation=activation, batch_size=16, epochs=3)[0]
    steep = train([member], made, until=0).states[0]
    steep.params[:] *= 20
    steep.params[100:110] = -1e4  # the first ten biases
    own = train([member], made, states=[steep]).states[0]
    torches = cases.train([member], made, states=[steep]).states[0]
    assert own.sign_epochs.tolist() == torches.sign_epochs.tolist() == [1, 3]
    for name, rows in torches.signs.items():
        assert np.allclose(own.signs[name], rows, rtol=2e-3, atol=2e-3), name
    assert own.signs["dead"][0, 0] >= 0.5 or activation == "selu"
    assert own.signs["saturated"][0, 0] > 0.5 or activation == "relu"
    assert not np.allclose(own.signs["gradient_norm"][0], own.signs["gradient_norm"][1], rtol=2e-3)  # control
