"""A Design refuses what makes no network, and is the same text and the same id everywhere."""

import json
import os
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.oracles.space import parameters

from profunda.data.inputs import Inputs
from profunda.errors import SpaceError
from profunda.space.design import DOMAINS, Design
from profunda.space.domain import Choice, Float, Int, LogFloat


def values(domain):
    match domain:
        case Float() | LogFloat():
            return st.floats(domain.low, domain.high)
        case Int():
            return st.integers(domain.low, domain.high)
        case Choice():
            return st.sampled_from(domain.values)
    raise AssertionError(domain)


def designed(**fields):
    """Any design; what two fields forbid together is left out."""
    return Design(**fields | ({"cutmix": 0.0} if fields["mixup"] else {}))


designs = st.builds(
    designed,
    widths=st.lists(st.integers(1, 65_536), max_size=6).map(tuple),
    **{name: values(domain) for name, domain in DOMAINS.items()},
)


def test_every_field_has_a_domain():
    assert {field.name for field in fields(Design)} == {"widths", *DOMAINS}


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(designs)
def test_json_round_trip(design):
    text = json.dumps(design.to_json())
    assert Design.from_json(text) == Design.from_json(json.loads(text)) == design
    assert Design.from_json(text).id == design.id
    assert len(design.id) == 16
    assert int(design.id, 16) >= 0


@given(designs, designs)
def test_ids_are_equal_exactly_where_designs_are(one, other):
    assert (one.id == other.id) == (one == other)


@given(designs, st.integers(1, 100), st.integers(1, 10))
def test_parameters_are_those_of_the_arrays(design, n_features, n_outputs):
    small = Design(widths=tuple(width % 50 + 1 for width in design.widths))
    assert small.parameters(n_features, n_outputs) == parameters(small.widths, n_features, n_outputs)


def test_the_linear_model_is_a_design():
    assert Design(widths=()).depth == 0
    assert Design(widths=()).parameters(20, 2) == 42


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_parameters_count_gains_and_shifts(norm):
    assert Design((8, 4), norm=norm).parameters(5, 3) == Design((8, 4)).parameters(5, 3) + 2 * (8 + 4)
    assert Design((), norm=norm).parameters(20, 2) == 42


def test_the_id_is_pinned():
    # A change of this number changes every random draw, and makes every journal written before unreadable.
    assert Design().id == "79ed9a34db65fdaf"
    assert Design(widths=(64, 32, 16), lr=3e-3, dropout=0.25).id == "f2fa2433f12f208f"


@pytest.mark.parametrize(
    "change", [{"norm": "layer"}, {"norm_place": "after"}, {"dropout_kind": "gaussian"}, {"clip": 1.0}]
)
def test_fields_of_format_2_change_the_id(change):
    assert Design(**change).id != Design().id
    assert Design(**change).format == 2


LATER = {
    "parametrisation": "ntk",
    "parametric": True,
    "skip": True,
    "input_scaling": True,
    "numeric_embedding": "periodic",
    "embedding_scale": 0.2,
    "l1_update": "subgradient",
    "group_lasso": 0.1,
    "max_norm": 2.0,
    "noise": 0.1,
    "mixup": 0.3,
    "cutmix": 0.3,
    "cutout": 0.1,
    "adversarial": 0.05,
    "class_balance": 0.99,
    "beta2": 0.95,
    "bias_lr": 0.1,
    "averaging": True,
    "lookahead": True,
}


PICTURED = {
    "body": "conv",
    "body_width": 8,
    "body_depth": 3,
    "flip": 0.5,
    "shift": 0.1,
    "rotation": 8.0,
    "zoom": 0.1,
    "brightness": 0.1,
    "contrast": 0.1,
    "colour": 0.1,
}
NEWER = ("snapshots", *PICTURED, "sharing", "head_l2")
"""Fields that came after those in LATER."""


@pytest.mark.parametrize("name", PICTURED)
def test_bodies_and_changes_of_pictures_are_of_format_5(name):
    changed = Design(**{name: PICTURED[name]})
    assert changed.format == 5
    assert changed.id != Design().id
    assert Design.from_json(changed.to_json()) == changed
    assert changed.torch_only == (() if name in ("body_width", "body_depth") else (name,))


def test_snapshots_are_of_format_4():
    changed = Design(snapshots=True)
    assert (changed.format, changed.torch_only) == (4, ("snapshots",))
    assert changed.id != Design().id
    assert Design.from_json(changed.to_json()) == changed


def test_ids_of_format_3_are_pinned():
    # Taken before the fourth format came.
    assert Design(skip=True, noise=0.1).id == "7db024fe0a03b169"
    assert Design((8,), beta2=0.95, averaging=True).id == "f750b093c792d3eb"


@pytest.mark.parametrize("name", LATER)
def test_fields_of_format_3_change_the_id(name):
    changed = Design(**{name: LATER[name]})
    assert (changed.format, Design().format) == (3, 1)
    assert changed.id != Design().id
    assert Design.from_json(changed.to_json()).id == changed.id


def test_ids_of_format_2_are_pinned():
    # Taken before the third format came: what it could say keeps its id, and with it every random draw.
    assert Design(norm="batch", clip=1.0).id == "cac4046584e49cf1"
    assert (
        Design((32,), norm="layer", norm_place="after", dropout_kind="dropconnect").id == "86e6c4ea9ab2be7e"
    )


def test_format_2_is_read_with_the_defaults_of_what_it_lacks():
    design = Design((8,), norm="batch", clip=0.5)
    later = {*LATER, *NEWER}
    old = {name: value for name, value in design.to_json().items() if name not in later} | {"format": 2}
    assert Design.from_json(old) == design
    with pytest.raises(SpaceError, match=r"format 2 has other keys: unknown \[\], missing \['norm'\]"):
        Design.from_json({name: value for name, value in old.items() if name != "norm"})


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({}, ()),
        ({"norm": "group"}, ("norm",)),
        ({"norm": "group", "widths": ()}, ()),
        ({"dropout_kind": "alpha"}, ()),
        ({"dropout_kind": "alpha", "dropout": 0.1}, ("dropout_kind",)),
        ({"cutmix": 1.0, "cutout": 0.1}, ("cutmix", "cutout")),
        ({"adversarial": 0.1, "lookahead": True}, ("adversarial", "lookahead")),
        (
            {
                name: LATER[name]
                for name in LATER
                if name not in ("cutmix", "cutout", "adversarial", "lookahead")
            },
            (),
        ),
    ],
)
def test_fields_that_ask_for_torch_are_named(fields, names):
    assert Design(**fields).torch_only == names


def test_rows_are_mixed_in_one_way_at_most():
    with pytest.raises(SpaceError, match=r"mixup = 0.2 and cutmix = 0.4 both say how rows are mixed"):
        Design(mixup=0.2, cutmix=0.4)


def test_parameters_count_what_stands_before_the_layers():
    # 5 columns: 3 numbers with waves, a flag, a code of 7.
    inputs = Inputs((0, 1, 2, 3, 4), (0, 1, 2), ((4, 7),))
    plain = Design((8, 4), encoding="embedded")
    entering = 4 + 8
    assert plain.parameters(inputs, 3) == 7 * 8 + parameters((8, 4), entering, 3)
    waves = 3 * (16 + 16 + 16 * 3 + 3)
    full = replace(plain, numeric_embedding="periodic", input_scaling=True, parametric=True)
    entering += 3 * 3
    assert full.parameters(inputs, 3) == waves + 7 * 8 + entering + parameters((8, 4), entering, 3) + 8 + 4


def test_format_1_is_read_with_the_defaults_of_what_it_lacks():
    later = ("norm", "norm_place", "dropout_kind", "clip", *NEWER, *LATER)
    for design in (Design(), Design((8,), dropout=0.3, lr=0.1)):
        old = {name: value for name, value in design.to_json().items() if name not in later} | {"format": 1}
        assert Design.from_json(old) == Design.from_json(json.dumps(old)) == design
        assert Design.from_json(old).id == design.id
    with pytest.raises(SpaceError, match=r"format 1 has other keys: unknown \[\], missing \['lr'\]"):
        Design.from_json({name: value for name, value in old.items() if name != "lr"})


def test_the_id_is_the_same_in_another_process():
    design = Design(widths=(64, 32, 16), lr=3e-3, dropout=0.25)
    code = (
        "from profunda.space.design import Design;"
        "print(Design(widths=(64, 32, 16), lr=3e-3, dropout=0.25).id)"
    )
    for seed in ("0", "1"):
        run = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout.strip() == design.id


def test_equal_numbers_of_other_types_are_one_design():
    one = Design(widths=[64, np.int64(32)], lr=np.float64(0.5), dropout=0, epochs=np.int32(7))
    other = Design(widths=(64, 32), lr=0.5, dropout=0.0, epochs=7)
    assert one == other
    assert one.id == other.id
    assert type(one.epochs) is int
    assert type(one.dropout) is float


def test_is_frozen():
    with pytest.raises(FrozenInstanceError):
        Design().lr = 1.0


@pytest.mark.parametrize("name", DOMAINS)
def test_refuses_every_invalid_value_of_its_domains(name):
    for value in DOMAINS[name].invalid():
        with pytest.raises(SpaceError, match=f"^{name} = .* cannot be trained: it must be "):
            Design(**{name: value})


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"widths": "64"}, "widths = '64' must be a list of whole numbers"),
        ({"widths": 64}, "widths = 64 must be a list"),
        (
            {"widths": (64, 0)},
            r"widths = \[64, 0\]: hidden layer 2 has 0 units, but must have a whole number from 1 to",
        ),
        ({"widths": (64.0,)}, "hidden layer 1 has 64.0 units"),
        ({"widths": (True,)}, "hidden layer 1 has True units"),
        ({"widths": (1,) * 1001}, "widths names 1001 hidden layers; at most 1000"),
        (
            {"dropout": 1.0},
            "dropout = 1.0 .* from 0 to 0.95. It is the probability of dropping, not of keeping",
        ),
        ({"patience": -1}, "patience = -1 .* 0 never stops early"),
        ({"clip": -1.0}, "clip = -1.0 .* 0 never clips"),
        ({"norm": "instance"}, "norm = 'instance' .* one of none, batch, layer, group"),
        ({"class_balance": 1.0}, "class_balance = 1.0 .* such as 0.999; 0 weighs all rows alike"),
        ({"skip": 1}, "skip = 1 .* Write True or False"),
        ({"decoupled": 1}, "decoupled = 1 .* Write True or False"),
        ({"activation": "Relu"}, "activation = 'Relu' .* one of relu, leaky_relu"),
    ],
)
def test_refusals_name_field_value_domain_and_remedy(change, text):
    with pytest.raises(SpaceError, match=text):
        Design(**change)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda d: d | {"format": 7}, "not a design of format 6 or older"),
        (lambda d: d | {"format": True}, "not a design of format 6 or older"),
        (lambda d: [d], "not a design of format 6 or older"),
        (
            lambda d: d | {"format": 1},
            r"format 1 has other keys: unknown \['adversarial', 'averaging', 'beta2'",
        ),
        (lambda d: d | {"lr2": 1}, r"unknown \['lr2'\], missing \[\]"),
        (
            lambda d: {key: value for key, value in d.items() if key != "lr"},
            r"unknown \[\], missing \['lr'\]",
        ),
        (lambda d: d | {"widths": {"0": 64}}, "widths = .* must be a list"),
        (lambda d: d | {"lr": "0.1"}, "lr = '0.1' cannot be trained"),
        (lambda d: d | {"activation": ["relu"]}, "cannot be trained"),
        (lambda d: "{", "this design is not JSON"),
    ],
)
def test_refuses_damaged_json(change, text):
    with pytest.raises(SpaceError, match=text):
        Design.from_json(change(Design().to_json()))
