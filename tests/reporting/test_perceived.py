"""Pictures and texts in reports: what is drawn is what was read, and words say what rows are."""

import base64
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.reporting.fakes import pieces
from torch.nn import functional

from profunda.data.inputs import Inputs, Picture, Tokens
from profunda.data.schema import Feature, Schema
from profunda.data.table import Kind
from profunda.data.task import Task
from profunda.errors import Notice
from profunda.networks.bodies.module import BodyModule
from profunda.reporting.blocks import Example, Gallery, Section, decode, encode
from profunda.reporting.bodies import body_layers, changes_words
from profunda.reporting.champion import recipe
from profunda.reporting.examples import example_blocks
from profunda.reporting.page import render
from profunda.reporting.perceived import LETTERS, UNREAD, png, rows_words, seen_of, thumbnails
from profunda.reporting.plain import render as written
from profunda.reporting.story import run_document
from profunda.space.bodies import body_of
from profunda.space.design import Design

RNG = np.random.default_rng(0)
WORDS = ("call", "now", "free")


def picture(channels: int = 1, height: int = 4, width: int = 3) -> Feature:
    return Feature("picture", Kind.PICTURE, 0, 9, shape=(channels, height, width))


def text(length: int = 4) -> Feature:
    return Feature("note", Kind.TEXT, 0, 9, WORDS, (3, 2, 2), shape=(length,))


NUMBER = Feature("age", Kind.NUMERIC, 0, 9)


def schema(*features: Feature) -> Schema:
    return Schema(features, tuple(feature.name for feature in features), 9)


def unpacked(image: str) -> np.ndarray:
    """The pixels [H, W, K] of a PNG file in base64, read by its specification."""
    data = base64.b64decode(image)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, found, chunks = 8, [], {}
    while at < len(data):
        (size,), name = struct.unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
        chunks[name] = data[at + 8 : at + 8 + size]
        (check,) = struct.unpack(">I", data[at + 8 + size : at + 12 + size])
        assert check == zlib.crc32(name + chunks[name])
        found.append(name)
        at += 12 + size
    assert found == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (depth, colour) in ((8, 0), (8, 2))
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, -1)
    assert (rows[:, 0] == 0).all()
    return rows[:, 1:].reshape(height, width, -1)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_png_holds_its_pixels(channels: int) -> None:
    pixels = RNG.integers(0, 256, (5, 7, channels), dtype=np.uint8)
    np.testing.assert_array_equal(unpacked(png(pixels)), pixels)


@pytest.mark.parametrize(("channels", "drawn"), [(1, 1), (2, 1), (3, 3), (4, 3)])
def test_thumbnails_show_grey_or_colours(channels: int, drawn: int) -> None:
    pictures = RNG.integers(0, 256, (2, channels, 5, 6))
    for image, one in zip(thumbnails(pictures), pictures, strict=True):
        np.testing.assert_array_equal(unpacked(image), one[:drawn].transpose(1, 2, 0))


@pytest.mark.parametrize(
    ("low", "high", "least", "most"), [(0, 255, 0, 255), (0, 1, 0, 255), (10, 20, 10, 20), (-3, 5, 0, 255)]
)
def test_thumbnails_of_any_numbers(low: float, high: float, least: int, most: int) -> None:
    pictures = np.linspace(low, high, 12).reshape(1, 1, 3, 4)
    found = unpacked(thumbnails(pictures)[0])
    assert (found.min(), found.max()) == (least, most)
    assert (np.diff(found.ravel().astype(int)) >= 0).all()


def test_thumbnails_of_large_and_of_no_pictures() -> None:
    assert unpacked(thumbnails(np.zeros((1, 1, 200, 130)))[0]).shape == (50, 33, 1)
    assert thumbnails(np.zeros((0, 1, 4, 4))) == []


@pytest.mark.parametrize(
    ("features", "words"),
    [
        ((picture(),), "3,000 pictures of 4 × 3"),
        ((picture(3), NUMBER), "3,000 pictures of 4 × 3 in colour, 1 input beside"),
        ((text(), NUMBER, NUMBER), "3,000 texts, 2 inputs beside"),
        ((NUMBER, NUMBER), "3,000 rows, 2 inputs"),
    ],
)
def test_rows_in_words(features: tuple[Feature, ...], words: str) -> None:
    assert rows_words(schema(*features), 3000) == words


def test_texts_are_shown_as_words() -> None:
    codes = np.array([[9.0, 2, 3, 1, 0], [8.0, 0, 0, 0, 0]])
    seen = seen_of(schema(NUMBER, text()), codes)
    assert seen is not None
    assert seen.texts == (f"call now {UNREAD}", "(no words)")
    assert seen.pictures == ("", "")
    assert seen_of(schema(NUMBER), codes[:, :1]) is None
    long = seen_of(schema(text(100)), np.full((1, 100), 2.0))
    assert long is not None
    assert len(long.texts[0]) == LETTERS
    assert long.texts[0].endswith("…")


# Rows to look at ------------------------------------------------------------------------------------


def perceived_pieces(feature: Feature, kind: str = "multiclass") -> dict:
    given = pieces(kind, trials=30)
    data = given["dataset"]
    most = 256 if feature.kind is Kind.PICTURE else 5
    codes = RNG.integers(0, most, (data.n_rows, feature.size)).astype(np.float32)
    return given | {"dataset": replace(data, schema=schema(feature), codes=codes)}


def test_the_worst_rows_are_shown_with_their_pictures() -> None:
    given = perceived_pieces(picture())
    data, rows, y, p = (given[one] for one in ("dataset", "splits", "held_y", "held_prediction"))
    worst, chance = example_blocks(data, rows.test, y, p)
    assert isinstance(worst, Gallery)
    assert (worst.title, chance.title) == ("What it gets most wrong", "Rows at random")
    wrong = p.argmax(1) != y
    order = [k for k in np.argsort(p[np.arange(len(y)), y], kind="stable") if wrong[k]][: len(worst.examples)]
    shown = [unpacked(one.picture)[:, :, 0] for one in worst.examples]
    np.testing.assert_array_equal(shown, data.codes[rows.test[order]].reshape(-1, 4, 3))
    assert [one.true for one in worst.examples] == [data.task.classes[y[k]] for k in order]
    assert not any(one.right for one in worst.examples)
    assert f"Of the {int(wrong.sum()):,} held-out rows" in worst.what
    assert len({one.right for one in chance.examples}) == 2


def test_a_model_without_a_mistake_has_no_worst_rows() -> None:
    given = perceived_pieces(picture())
    y = given["held_y"]
    (chance,) = example_blocks(given["dataset"], given["splits"].test, y, np.eye(3)[y])
    assert chance.title == "Rows at random"
    assert all(one.right for one in chance.examples)


def test_numbers_are_told_beside_their_pictures() -> None:
    given = perceived_pieces(picture(), "regression")
    y, said = given["held_y"], given["held_prediction"]
    worst, _ = example_blocks(given["dataset"], given["splits"].test, y, said)
    k = int(np.abs(y - said).argmax())
    assert worst.examples[0].true == f"{y[k]:.3g}"[:4] or worst.examples[0].true.startswith(f"{y[k]:.0f}"[:2])
    assert worst.examples[0].said.startswith("said ")


def test_tables_and_several_targets_have_no_gallery() -> None:
    given = pieces("binary", trials=30)
    assert (
        example_blocks(given["dataset"], given["splits"].test, given["held_y"], given["held_prediction"])
        == ()
    )
    several = perceived_pieces(picture())["dataset"]
    task = Task.of_parts((Task("regression", "a"), Task("regression", "b")))
    rows = np.arange(4)
    assert example_blocks(replace(several, task=task), rows, np.zeros((4, 2)), np.zeros((4, 2))) == ()


def test_a_report_on_pictures_is_small_and_names_them() -> None:
    given = perceived_pieces(picture(3, 40, 40))
    document = run_document(**given)
    told = document.text()
    assert "Data: 3,000 pictures of 40 × 40 in colour" in told
    assert "Rows at random" in told
    page = render(document.title, document.subtitle, document.sections)
    assert page.count("data:image/png;base64,") == 48
    assert len(page) < 3_000_000
    assert 'new = "NEW"  # a folder of pictures' in told


def test_texts_of_users_stay_texts() -> None:
    gallery = Gallery("Rows", (Example("", "<script>alert(1)</script>", "<i>", "said <b>", False),), "")
    page = render("t", "", (Section("k", "K", "", (gallery,)),))
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert decode(encode(gallery)) == gallery
    assert "<i>, said <b>: <script>alert(1)</script>" in written(
        "t", "", (Section("k", "K", "", (gallery,)),)
    )


def test_changes_that_break_labels_are_a_check() -> None:
    notice = Notice(
        "label-breaking", "Left out of the search, as they change what pictures show (flip): b → d."
    )
    given = perceived_pieces(picture())
    assert "changes-keep-labels" not in run_document(**given).to_json()
    told = run_document(**given | {"notices": (notice,)})
    checks = next(section for section in told.sections if section.key == "checks").blocks[0].checks
    (found,) = [check for check in checks if check.code == "changes-keep-labels"]
    assert (found.state, found.what) == ("ok", notice.text)
    kept = Notice("labels-broken", "Kept as asked for, though they change what pictures show (flip): b → d.")
    told = run_document(**given | {"notices": (kept,)})
    checks = next(section for section in told.sections if section.key == "checks").blocks[0].checks
    assert [check.state for check in checks if check.code == "changes-keep-labels"] == ["warn"]


# Bodies ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["conv", "residual"])
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 40, 17)])
def test_a_drawn_body_has_the_numbers_that_it_computes(
    kind: str, shape: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    size = int(np.prod(shape))
    entering = Inputs(tuple(range(size)), tuple(range(size)), picture=Picture(*shape))
    body = body_of(kind, 8, 3, "none", entering)
    layers = body_layers(body, Design(body=kind, body_width=8, body_depth=3), "ReLU")
    seen = [size]
    name = "max_pool2d" if kind == "conv" else "conv2d"
    plain = getattr(functional, name)

    def noted(*given: object) -> torch.Tensor:
        made = plain(*given)
        seen.append(made.numel())
        return made

    monkeypatch.setattr(functional, name, noted)
    left = BodyModule(body, torch.nn.ReLU())(torch.zeros(1, size))
    assert layers[-1].units == left.shape[1]
    drawn = [layer.units for layer in layers[:-1]]
    if kind == "conv" and seen[-1] == left.shape[1]:
        drawn.append(layers[-1].units)
    assert drawn == (seen if kind == "conv" else [*dict.fromkeys(seen[:2]), *stages(seen)])


def stages(seen: list[int]) -> list[int]:
    """The numbers behind each stage, of what the stem and each convolution leave."""
    return [seen[3], seen[5], seen[8]]


def test_bodies_of_texts_are_drawn_and_told() -> None:
    tokens = Inputs(tuple(range(9)), tokens=Tokens(9, 50))
    for kind in ("bag", "lstm", "attention"):
        body = body_of(kind, 8, 2, "none", tokens)
        words, numbers = body_layers(body, Design(body=kind, input_dropout=0.25), "ReLU")
        assert (words.units, numbers.units) == (9, body.width)
        assert words.detail.endswith("25 % of words dropped")
        assert body.words == recipe(Design(body=kind, body_width=8, body_depth=2)).rows[0][1]


def test_changes_of_pictures_have_units() -> None:
    design = Design(
        body="conv", flip=0.5, shift=0.1, rotation=8.0, zoom=1.0, contrast=1.0, brightness=0.2, cutout=0.3
    )
    assert changes_words(design) == (
        "50 % mirrored, moved by up to 10 % of a side, turned by up to 8°, zoomed by up to ×2.00 either way, "
        "brighter or darker by up to 0.2 s.d., contrast changed by up to ×2.00, "
        "a square of 30 % of a side blanked"
    )
    rows = dict(recipe(design).rows)
    assert rows["changes of pictures in training"] == changes_words(design)
    assert rows["hidden widths"] != "none: a linear model"
    assert not {"body width", "flip", "shift", "cutout", "columns blanked (cutout)"} & set(rows)
    assert "body" not in dict(recipe(Design(widths=())).rows)
    assert dict(recipe(Design(widths=())).rows)["hidden widths"] == "none: a linear model"
    plain = dict(recipe(Design(body="conv", widths=())).rows)
    assert plain["hidden widths"] == "none: one linear layer behind the body"
    assert plain["changes of pictures in training"] == "none"
