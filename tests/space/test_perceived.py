"""Spaces, first networks and advice for pictures and texts."""

import json

import numpy as np
import polars as pl
import pytest

from profunda.data.inputs import Inputs, Picture, Tokens
from profunda.data.reading import read
from profunda.errors import SpaceError
from profunda.space.bodies import body_of, heads_of, rows_inside
from profunda.space.design import DOMAINS, PICTORIAL, Design
from profunda.space.filling import filled
from profunda.space.guidance import guidance
from profunda.space.perceiving import PERCEIVING
from profunda.space.pictures import STRONGEST, picture_space
from profunda.space.space import Space
from profunda.space.table import design_from
from profunda.space.texts import text_space

GREY, COLOUR = Picture(1, 28, 28), Picture(3, 32, 32)


def inputs_of(picture):
    count = len(picture.places)
    return Inputs((0,) * count, tuple(range(count)), picture=picture)


def draws(space, count=300):
    return space.sample(np.random.default_rng(0).random((count, space.dimensions)))


@pytest.mark.parametrize("rows", [300, 3_000, 60_000])
@pytest.mark.parametrize("picture", [GREY, COLOUR, Picture(1, 8, 8), Picture(1, 4, 40), Picture(1, 1, 30)])
def test_every_draw_of_a_space_of_pictures_can_be_built(picture, rows):
    space = picture_space(rows, picture)
    bodies = set()
    for params in draws(space):
        design = design_from(params)
        assert design.body_on(inputs_of(picture)).width >= 0  # refuses what cannot be halved so often
        assert not (design.mixup and design.cutmix)
        bodies.add(design.body)
    assert bodies == ({"conv", "residual", "dense"} if min(picture.height, picture.width) > 1 else {"dense"})
    assert Space.from_json(json.loads(json.dumps(space.to_json()))).to_json() == space.to_json()


def test_colours_are_shifted_where_there_are_some():
    for picture, expected in ((GREY, {0.0}), (COLOUR, {0.0, STRONGEST["colour"]})):
        assert {design_from(params).colour for params in draws(picture_space(3_000, picture))} == expected


def test_what_breaks_labels_is_not_in_the_space():
    space = picture_space(3_000, GREY, allowed=set(PICTORIAL) - {"flip", "rotation"})
    for params in [
        *draws(space),
        *(filled(space, wanted) for wanted in PERCEIVING if wanted["body"] in ("conv", "residual", "dense")),
    ]:
        design = design_from(params)
        assert (design.flip, design.rotation) == (0.0, 0.0)
    # Who asks for it gets it all the same.
    asked = space.fix("flip", 0.5, within=DOMAINS["flip"])
    assert {design_from(params).flip for params in draws(asked, 5)} == {0.5}


def test_every_draw_of_a_space_of_texts_can_be_built():
    space = text_space(8_000)
    inputs = Inputs((0,) * 40, (), tokens=Tokens(40, 900))
    bodies = set()
    for params in draws(space):
        design = design_from(params)
        bodies.add(design.body)
        assert design.body_on(inputs).width > 0
    assert bodies == {"bag", "lstm", "attention"}


def test_more_rows_take_fewer_epochs():
    for make in (lambda rows: picture_space(rows, GREY), text_space):
        epochs = [design_from(draws(make(rows), 1)[0]).epochs for rows in (300, 3_000, 10_000, 100_000)]
        assert epochs == sorted(epochs, reverse=True)
        assert len(set(epochs)) > 2


def test_numbers_have_no_smoothed_labels():
    for space in (picture_space(3_000, GREY, numeric=True), text_space(3_000, numeric=True)):
        assert "loss" in space.names
        assert "label_smoothing" not in space.names


def test_the_first_networks_stand_in_their_spaces():
    pictures, texts = picture_space(60_000, GREY), text_space(8_000)
    for wanted in PERCEIVING:
        space = pictures if wanted["body"] in ("conv", "residual", "dense") else texts
        made = filled(space, wanted)
        missed = {name for name, value in wanted.items() if made.get(name, value) != value}
        assert missed <= {"lr", "l2", "dropout", "input_dropout"}  # by rounding alone
        for name in missed:
            assert made[name] == pytest.approx(wanted[name], rel=1e-6)
    assert PERCEIVING[0]["body"] == "conv"
    assert next(w for w in PERCEIVING if w["body"] in ("bag", "lstm", "attention"))["body"] == "bag"


def test_advice_for_pictures():
    rng = np.random.default_rng(0)
    advice = guidance(read(rng.integers(0, 256, (200, 12, 12), dtype=np.uint8), np.arange(200) % 3))
    assert advice.first.body == "conv"
    assert advice.recommendation.data == "image"
    assert advice.recommendation.architecture == "cnn"
    assert [notice.code for notice in advice.notices] == ["few-pictures"]
    assert {"body", "normalisation", "changes of pictures"} <= {reason.what for reason in advice.reasons}
    assert "Start with a conv body" in str(advice)
    measured = {reason.what for reason in advice.reasons if "Measured: log-loss" in reason.why}
    assert measured == {"normalisation", "changes of pictures"}
    assert (
        next(reason.value for reason in advice.reasons if reason.what == "inputs") == "144 pixels; 200 rows"
    )
    assert json.loads(json.dumps(advice.to_json()))["first"]["body"] == "conv"
    assert not guidance(read("bundled:fashion")).notices


def test_advice_for_texts():
    frame = pl.DataFrame(
        {"t": [f"some words about the thing {n} here" for n in range(60)], "y": np.arange(60) % 2}
    )
    advice = guidance(read(frame, "y"))
    assert advice.first.body == "bag"
    assert (advice.recommendation.data, advice.recommendation.architecture) == ("text", "dense")
    assert [notice.code for notice in advice.notices] == ["few-texts"]


@pytest.mark.parametrize(
    ("channels", "heads"), [(8, 1), (16, 2), (32, 4), (64, 8), (24, 2), (20, 2), (48, 4), (7, 1)]
)
def test_heads_have_eight_channels_at_least(channels, heads):
    assert heads_of(channels) == heads


def test_counts_of_bodies_are_those_of_their_formulas():
    conv = body_of("conv", 4, 2, "batch", inputs_of(GREY))
    assert conv.products == 28 * 28 * 9 * 1 * 4 + 14 * 14 * 9 * 4 * 8
    assert conv.width == 8 * 4 * 4  # 7 x 7 averaged to 4 x 4
    assert conv.size == 36 + 16 + 288 + 32
    assert conv.trained == 36 + 8 + 288 + 16
    tokens = Inputs((0,) * 5, (), tokens=Tokens(5, 11))
    lstm = body_of("lstm", 3, 2, "none", tokens)
    assert lstm.size == 11 * 3 + 2 * (12 * 3 + 12 * 3 + 12) + 2 * (12 * 6 + 12 * 3 + 12)
    assert lstm.width == 12
    assert lstm.tables == 33
    assert rows_inside(conv) < rows_inside(body_of("bag", 4, 1, "none", tokens))


def test_a_picture_that_cannot_be_halved_so_often_is_refused_by_its_numbers():
    with pytest.raises(SpaceError, match=r"body_depth = 4: .* 8 × 8 pixels cannot be halved so often"):
        Design((), body="conv", body_depth=4).body_on(inputs_of(Picture(1, 8, 8)))
