"""The native engine on fronts, parametric activations and skips, against torch and the naive twin."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from tests.fleet import cases
from tests.fleet.cases import same_members
from tests.fleet.test_native_twin import KINDS, NORMS, agree, apart, relative
from tests.oracles import fleet as oracle

from profunda.data.inputs import Inputs
from profunda.fleet.member import Member
from profunda.fleet.source import FleetData
from profunda.networks.layout import layout_of
from profunda.space.design import Design

CODES = ((1, 4), (4, 11))
EVERYTHING = {
    "parametric": True,
    "skip": True,
    "input_scaling": True,
    "numeric_embedding": "periodic",
    "embedding_scale": 0.4,
}


@cache
def table(codes=CODES, *, classes=True, dtype=np.float64, sparse=False):
    """90 rows of 6 inputs, or of 30 mostly zero ones, of which `codes` are (input, number of codes)."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(90, 30 if sparse else 6))
    if sparse:
        x *= rng.random(x.shape) < 0.2
    x[:, [place for place, _ in codes]] = rng.integers(0, [size for _, size in codes], (90, len(codes)))
    scores = np.tanh(x[:, :3] @ rng.normal(size=(3, 3))) + 0.3 * rng.normal(size=(90, 3))
    y = scores.argmax(axis=1) if classes else scores
    plain = Inputs.plain(x.shape[1])
    inputs = replace(plain, codes=codes, numeric=tuple({*plain.numeric} - {place for place, _ in codes}))
    index = np.arange(90)
    folds = [(index[index % 3 != k], index[index % 3 == k]) for k in range(2)]
    return FleetData.from_arrays(x.astype(dtype), y, folds=folds, classes=classes, n_outputs=3, inputs=inputs)


def member(widths=(9, 9, 5), **fields):
    usual = {"activation": "gelu", "lr": 2e-3, "dropout": 0.2, "input_dropout": 0.1, "batch_size": 16}
    return Member(Design(widths, **usual | {"epochs": 25} | fields), 1, 0)


@pytest.mark.parametrize("codes", [(), CODES], ids=["numbers", "codes"])
@pytest.mark.parametrize("name", EVERYTHING)
def test_each_field(native, name, codes):
    fields = {"numeric_embedding": "periodic"} if name == "embedding_scale" else {}
    agree(native, [member(**fields | {name: EVERYTHING[name]})], table(codes))


@pytest.mark.parametrize(("number", "norm", "place"), [(i, *norm) for i, norm in enumerate(NORMS)])
def test_all_with_every_norm_and_dropout(native, number, norm, place):
    kind = KINDS[number % 3]
    one = member(norm=norm, norm_place=place, dropout_kind=kind, clip=0.7, **EVERYTHING)
    agree(native, [one], table())


@pytest.mark.parametrize(
    ("widths", "optimiser"), [((), "sgd"), ((7,), "adam"), ((12, 12), "rmsprop"), ((5, 5, 5, 5), "adam")]
)
def test_depths_and_optimisers(native, widths, optimiser):
    one = member(widths, optimiser=optimiser, l1=1e-3, l2=1e-2, **EVERYTHING)
    agree(native, [one], table())


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "selu"])
def test_parametric_activations(native, activation):
    agree(native, [member(activation=activation, parametric=True, skip=True)], table(()))


def test_numbers_and_scaled_lists(native):
    agree(native, [member(**EVERYTHING)], table(classes=False))
    sparse = table((), sparse=True)
    agree(native, [member(input_scaling=True, parametric=True)], sparse)
    agree(native, [member((64,), input_scaling=True)], sparse)


@pytest.mark.parametrize("name", EVERYTHING)
def test_control_a_design_without_one_field_disagrees(native, name):
    one, made = member(**EVERYTHING), table()
    change = (
        {"embedding_scale": 0.41}
        if name == "embedding_scale"
        else {name: Design((), epochs=1).to_json()[name]}
    )
    other = replace(one, design=replace(one.design, **change))
    other.__dict__["key"] = one.key  # the same draws
    state = native([other], made, dtype="float64").states[0]
    assert relative(state.valid_loss, oracle.train(one, made).valid_loss) > 1e-6


# Float32 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codes", [(), CODES], ids=["numbers", "codes"])
def test_a_hundred_steps_in_float32(native, codes):
    one, made = member(**EVERYTHING), table(codes, dtype=np.float32)
    state, exact = (
        native([one], made).states[0],
        native([one], made, dtype="float64").states[0],
    )
    assert relative(state.params, exact.params) <= 1e-4
    assert np.allclose(state.valid_loss, exact.valid_loss, rtol=1e-4)
    other = member(**EVERYTHING | {"lr": 2.04e-3})
    other.__dict__["key"] = one.key  # control: the same draws at another rate
    assert relative(native([other], made).states[0].params, exact.params) > 1e-4


# Laws ----------------------------------------------------------------------------------------------


def test_bits_are_those_of_one_thread_of_any_company_and_of_a_resumed_member(native):
    made = table(dtype=np.float32)
    designs = [member(epochs=4, norm=norm, norm_place=place, **EVERYTHING).design for norm, place in NORMS]
    members = [Member(design, i % 2, i) for i, design in enumerate(designs)]
    whole = native(members, made, workers=2)
    assert all(same_members(native(members, made, workers=1), whole))
    assert cases.same(native(members[2:3], made).states[0], whole.states[2])
    half = native(members, made, until=2).states
    assert all(same_members(native(members, made, states=half), whole))
    assert not same_members(native(members, made, until=3), whole)[0]


def test_padded_places_of_every_instruction_set_stay_out_of_the_way(native, isa):
    one, made = member(epochs=8, clip=0.5, **EVERYTHING), table()
    state = native([one], made, dtype="float64", isa=isa).states[0]
    assert apart(state, native([one], made, dtype="float64").states[0]) <= 1e-11
    assert np.isfinite(native([one], table(dtype=np.float32), isa=isa).states[0].params).all()


def test_signs_leave_the_front_out(native):
    """Scales and tables are steered apart from the layers: their movement is in no layer's update ratio."""
    made = table()
    one = member(epochs=1, batch_size=60, dropout=0.0, input_dropout=0.0, optimiser="sgd", **EVERYTHING)
    first = native([one], made, until=0, dtype="float64").states[0].params
    state = native([one], made, dtype="float64").states[0]
    source = made.source(one)
    layers = layout_of(one.design, source.inputs, 3)
    moved = state.params - first
    assert np.linalg.norm(moved[: layers.front.end]) > 0
    for number, block in enumerate(layers.blocks):
        part = slice(block.start, block.end)
        ratio = np.linalg.norm(moved[part]) / np.linalg.norm(first[part])
        assert state.signs["update_ratio"][0, number] == pytest.approx(ratio, rel=1e-9)
