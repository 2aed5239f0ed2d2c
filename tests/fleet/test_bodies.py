"""Fleets of networks that read pictures and texts: the laws of fleets hold for them as for all others."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.fleet.cases import same

from profunda.data.inputs import Inputs, Picture, Tokens
from profunda.fleet.disturbing import Disturber
from profunda.fleet.member import Member
from profunda.fleet.plan import plan
from profunda.fleet.row_losses import loss_rows
from profunda.fleet.source import FleetData
from profunda.fleet.state import pack_arrays, unpack
from profunda.fleet.torch_engine import train_pack
from profunda.layers.image_augmentation import ImageAugmentation
from profunda.networks.dense import build, flatten, load
from profunda.networks.initial import initial_params
from profunda.networks.layout import layout_of
from profunda.space.design import Design

PICTURE = Inputs((0,) * 64, tuple(range(64)), picture=Picture(1, 8, 8))
TEXT = Inputs((0,) * 7, (), tokens=Tokens(7, 20))
BODIES = ["conv", "residual", "bag", "lstm", "attention"]


def pictures(count=96, seed=0):
    """Stripes across or down, with noise."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, count)
    stripes = np.arange(8) % 2
    x = np.where(y[:, None, None] == 0, stripes[None, None, :], stripes[None, :, None]) + rng.normal(
        0, 0.5, (count, 8, 8)
    )
    return made(x.reshape(count, 64), y, PICTURE)


def texts(count=96, seed=0):
    """Whether the first of two words that both occur comes first."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, count)
    x = rng.integers(3, 20, (count, 7))
    x[np.arange(count), 1 + 2 * y], x[np.arange(count), 3 - 2 * y] = 1, 2
    x[:, 5:] *= rng.random((count, 1)) < 0.5
    return made(x, y, TEXT)


def made(x, y, inputs, dtype=np.float32):
    rows = np.arange(len(x))
    folds = [(rows[rows % 3 != 0], rows[rows % 3 == 0])]
    return FleetData.from_arrays(x.astype(dtype), y, folds=folds, classes=True, n_outputs=2, inputs=inputs)


def data_of(kind):
    return pictures() if kind in ("conv", "residual") else texts()


def design_of(kind, **fields):
    base = {
        "widths": (6,), "body": kind, "body_width": 8, "body_depth": 2, "dropout": 0.2, "lr": 5e-3,
        "epochs": 4, "batch_size": 17, "l2": 1e-2, "input_dropout": 0.1,
        "norm": "batch" if kind in ("conv", "residual") else "none",
    }  # fmt: skip
    if kind in ("conv", "residual"):
        base |= {"shift": 0.1, "rotation": 10.0, "flip": 0.3, "cutmix": 0.5}
    return Design(**base | fields)


def trained(members, data, until=None, states=None, cancel=None, dtype="float32"):
    packs = plan(members, data, engine="torch", dtype=dtype)
    found = [None] * len(members)
    for pack in packs.packs:
        given = None if states is None else [states[i] for i in pack.members]
        ended = train_pack(pack, members, data, until=until, states=given, cancel=cancel, dtype=dtype)
        for place, state in zip(pack.members, ended.states, strict=True):
            found[place] = state
    return found


@pytest.mark.parametrize("kind", BODIES)
def test_a_member_in_a_fleet_is_the_member_alone(kind):
    data = data_of(kind)
    members = [Member(design_of(kind, lr=lr), 0, n) for n, lr in enumerate((5e-3, 1e-2, 2e-3))]
    fleet = trained(members, data)
    for place in (2, 0):
        assert same(fleet[place], trained([members[place]], data)[0])
    assert not same(fleet[0], trained([replace(members[0], replicate=9)], data)[0])


@pytest.mark.parametrize("kind", BODIES)
def test_resumed_it_is_the_same_bits(kind):
    data, member = data_of(kind), Member(design_of(kind, averaging=True), 0, 1)
    whole = trained([member], data)[0]
    half = trained([member], data, until=2)
    (stored,) = unpack(pack_arrays(half))
    assert same(whole, trained([member], data, states=[stored])[0])


@pytest.mark.parametrize("kind", BODIES)
def test_it_learns_what_stands_where(kind):
    """Stripes across from stripes down, and the order of two words, which a bag of words cannot know."""
    design = design_of(
        kind, epochs=40, lr=1e-2, dropout=0.0, input_dropout=0.0, batch_size=16, cutmix=0.0, flip=0.0
    )
    if kind == "bag":
        design = replace(design, body_depth=1)
    state = trained([Member(design, 0, 1)], data_of(kind))[0]
    learnt = state.valid_loss.min() < 0.35
    assert learnt == (kind != "bag")


@pytest.mark.parametrize("kind", BODIES)
def test_a_step_is_that_of_the_module_by_autograd(kind):
    """One step of plain gradient descent on all rows, without anything that is drawn."""
    rows = data_of(kind).source(Member(design_of(kind)))
    data = made(rows.x, rows.y, rows.inputs, np.float64)
    design = design_of(
        kind, dropout=0.0, input_dropout=0.0, l2=0.0, optimiser="sgd", momentum=0.0, lr=0.1, epochs=1,
        batch_size=1000, shift=0.0, rotation=0.0, flip=0.0, cutmix=0.0, patience=0,
    )  # fmt: skip
    member = Member(design, 0, 1)
    state = trained([member], data, dtype="float64")[0]
    source = data.source(member)
    module = load(
        build(design, source.inputs, 2).double().train(), initial_params(design, member.key, source.inputs, 2)
    )
    before = flatten(module)
    loss = loss_rows(
        design, module(torch.from_numpy(source.x[source.train])), torch.from_numpy(source.y[source.train])
    ).mean()
    loss.backward()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter -= 0.1 * parameter.grad
    expected = flatten(module)
    assert np.abs(expected - before).max() > 1e-4
    np.testing.assert_allclose(state.params, expected, rtol=1e-8, atol=1e-8)


def test_pictures_are_changed_by_the_members_streams_alone():
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(5, 64)).astype(np.float32))
    design = Design((), shift=0.2, rotation=10.0, flip=0.5, brightness=0.3, cutout=0.3)
    one, other = Disturber(design, PICTURE, 3), Disturber(design, PICTURE, 4)
    first = one.disturb(x, 7).x
    assert torch.equal(first, one.disturb(x, 7).x)
    assert not torch.equal(first, one.disturb(x, 8).x)
    assert not torch.equal(first, other.disturb(x, 7).x)
    # A row's change does not depend on what stands beside it.
    assert torch.equal(first[:3], one.disturb(x[:3], 7).x)


def test_each_strength_reaches_the_pictures():
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(5, 64)).astype(np.float32))
    for name, strength in (("flip", 1.0), ("shift", 0.3), ("rotation", 30.0), ("zoom", 0.5), ("brightness",
                           0.5), ("contrast", 0.5), ("colour", 0.5), ("cutout", 0.5)):  # fmt: skip
        found = Disturber(Design((), **{name: strength}), PICTURE, 3).disturb(x, 0).x
        assert not torch.equal(found, x)
        assert ImageAugmentation(**{name: strength}).active == (name,)
    mirrored = Disturber(Design((), flip=1.0), PICTURE, 3).disturb(x, 0).x
    assert torch.equal(mirrored.view(5, 8, 8), x.view(5, 8, 8).flip(2))


def test_cutmix_takes_a_rectangle_of_the_next_picture_and_weighs_by_its_area():
    x = torch.arange(6.0)[:, None].expand(6, 64).contiguous()
    disturber = Disturber(Design((), cutmix=1.0), PICTURE, 3)
    for step in range(20):
        seen = disturber.disturb(x, step)
        taken = (seen.x != x).view(6, 8, 8)
        assert torch.equal(seen.x[taken.view(6, 64)], x.roll(-1, 0)[taken.view(6, 64)])
        assert seen.share == pytest.approx(1.0 - float(taken[0].float().mean()))
        rows, columns = taken[0].any(1).nonzero(), taken[0].any(0).nonzero()
        if len(rows):  # a whole rectangle
            assert taken[0].sum() == (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)


def test_a_plan_tells_of_bodies_and_counts_their_work():
    small, large = (Member(design_of("conv", body_width=width)) for width in (4, 32))
    found = [plan([member], pictures()) for member in (small, large)]
    assert found[0].packs[0].seconds < found[1].packs[0].seconds
    assert found[0].packs[0].state_bytes < found[1].packs[0].state_bytes
    assert "body" in str(found[0])


def test_a_cancel_leaves_the_last_whole_epoch():
    cancel = threading.Event()
    cancel.set()
    state = trained([Member(design_of("conv"), 0, 1)], pictures(), cancel=cancel)[0]
    assert state.epoch == 0


BESIDE = Inputs((0, 1, *(2,) * 7), (0, 1), tokens=Tokens(7, 20, 2))
"""Two numbers and a text."""


@pytest.mark.parametrize("fields", [{}, {"adversarial": 0.1}, {"l1": 1e-3, "optimiser": "sgd"}])
def test_a_dense_body_passes_the_words_beside_its_numbers_over(fields):
    words = texts().source(Member(design_of("bag")))
    numbers = np.random.default_rng(1).normal(size=(len(words.x), 2))
    design = design_of("dense", **fields)
    data = [made(np.hstack([numbers, x]), words.y, BESIDE) for x in (words.x, 0.0 * words.x)]
    member = Member(design, 0, 1)
    (pack,) = plan([member], data[0]).packs
    assert pack.engine == "torch"
    assert same(*(trained([member], each)[0] for each in data))
    layout = layout_of(design, BESIDE, 2)
    assert layout.size == design.parameters(BESIDE, 2) + 2 * sum(design.widths) * (design.norm == "batch")


@pytest.mark.parametrize("kind", ["bag", "lstm", "attention"])
def test_a_step_against_the_loss_needs_numbers_to_move(kind):
    """Where there are words alone nothing is moved, and training goes on."""
    state = trained([Member(design_of(kind, adversarial=0.5), 0, 1)], texts())[0]
    assert state.epoch == 4
    assert np.isfinite(state.params).all()
