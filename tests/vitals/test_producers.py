"""Signs of the engine and of a plain nn.Module, by the one table, on the same network."""

import numpy as np
import torch
from tests.fleet.cases import mixed, table, train

from profunda.networks.dense import build, load
from profunda.vitals.signs import SIGNS


def test_engine_takes_every_sign_of_the_table_and_no_other():
    state = train(mixed(2, widths=(20, 24)), table()).states[0]
    assert state.signs.keys() == {sign.name for sign in SIGNS}
    for sign in SIGNS:
        assert state.signs[sign.name].shape == (1, 2 if sign.of == "activations" else 3)


def test_activation_signs_are_those_of_the_plain_module():
    made, member = table(), mixed(1, widths=(13, 9), activation="gelu", dropout=0.4)[0]
    state = train([member], made, until=1).states[0]
    module = load(build(member.design, 5, 3), state.params).eval()
    source, a = made.source(member), []
    module[1 + (member.design.input_dropout > 0)].register_forward_hook(lambda m, i, o: a.append(o))
    with torch.no_grad():
        module(torch.from_numpy(source.x[source.valid]))
    assert np.isclose(state.signs["activation_mean"][0, 0], a[0].mean(), rtol=1e-4)
    assert np.isclose(state.signs["activation_std"][0, 0], a[0].std(correction=0), rtol=1e-4)
