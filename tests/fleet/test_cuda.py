"""The engine on a CUDA device: no bits are promised there, a tolerance is."""

import numpy as np
import pytest
import torch
from tests.fleet.cases import RECIPES, coded_table, mixed, recipe, table, train

from profunda._seeds import bits, keys_of, premix
from profunda.fleet.masks import device_bits

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


def relative(a, b):
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def test_hash_on_the_device_has_the_same_bits():
    keys = keys_of([0, 5, 2**64 - 1])
    made = device_bits(keys, torch.from_numpy(premix(999).view(np.int32)).cuda()).cpu().numpy()
    assert np.array_equal(made.view(np.uint32), bits(keys, 999))


@pytest.mark.parametrize("optimiser", ["adam", "sgd", "rmsprop"])
@pytest.mark.parametrize("classes", [True, False])
def test_float64_agrees_with_the_cpu(optimiser, classes):
    made = table(dtype=np.float64, classes=classes)
    fields = {} if classes else {"label_smoothing": 0.0}
    members = mixed(12, widths=(20, 24), optimiser=optimiser, **fields)
    cpu = train(members, made, dtype="float64")
    gpu = train(members, made, dtype="float64", device="cuda")
    for a, b in zip(gpu.states, cpu.states, strict=True):
        assert relative(a.params, b.params) < 1e-10
        assert np.allclose(a.valid_loss, b.valid_loss, rtol=1e-9)
    assert relative(gpu.states[0].params, cpu.states[1].params[: len(gpu.states[0].params)].copy() + 1) > 0.1


def test_fleet_agrees_with_the_member_alone():
    made, members = table(dtype=np.float64), mixed(6)
    fleet = train(members, made, dtype="float64", device="cuda")
    for member, state in zip(members, fleet.states, strict=True):
        alone = train([member], made, dtype="float64", device="cuda").states[0]
        assert relative(state.params, alone.params) < 1e-10


def test_resume_agrees():
    made, members = table(dtype=np.float64), mixed(6)
    whole = train(members, made, dtype="float64", device="cuda")
    half = train(members, made, dtype="float64", device="cuda", until=2)
    rest = train(members, made, dtype="float64", device="cuda", states=half.states)
    assert all(relative(a.params, b.params) < 1e-10 for a, b in zip(rest.states, whole.states, strict=True))


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_agree_with_the_cpu(name):
    made, member = coded_table(dtype=np.float64), recipe(name, epochs=6)
    cpu = train([member], made, dtype="float64").states[0]
    gpu = train([member], made, dtype="float64", device="cuda").states[0]
    assert relative(gpu.params, cpu.params) < 1e-9
    assert np.allclose(gpu.valid_loss, cpu.valid_loss, rtol=1e-9)
