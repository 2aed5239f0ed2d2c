"""Mirrors and half turns are refused where they make one sign of another, and nowhere else."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from profunda.data.bundled import path
from profunda.diagnosis.label_breaking import _difference, label_breaking
from profunda.diagnosis.lookalikes import lookalikes
from profunda.errors import ArgumentError, DataError
from profunda.lab.experiments.regularisation._letters import written
from profunda.layers.image_augmentation import ImageAugmentation

EVERYTHING = ImageAugmentation(
    flip=0.5, vertical_flip=0.5, shift=0.1, rotation=180.0, zoom=0.2, brightness=0.2, contrast=0.5, noise=0.1
)


def pairs(found):
    """Each refused strength with the ordered pairs of classes that it confuses."""
    return {
        one.augmentation: {(broken.source, broken.target) for broken in one.broken}
        for one in found.verdicts
        if one.verdict == "refused"
    }


@pytest.mark.parametrize("each", [45, 100])
def test_letters_and_figures(each):
    """b d p q under mirrors, 6 9 under half a turn; o and k lead nowhere."""
    images, signs = written("bdpq69ok", each)
    found = label_breaking(images, signs, EVERYTHING, names=list("bdpq69ok"))
    assert found.refused == ("flip", "vertical_flip", "rotation")
    assert set(found.allowed) == {"shift", "zoom", "brightness", "contrast", "noise"}
    told = pairs(found)
    across = {("b", "d"), ("d", "b"), ("p", "q"), ("q", "p")}
    over = {("b", "p"), ("p", "b"), ("d", "q"), ("q", "d")}
    around = {("b", "q"), ("q", "b"), ("d", "p"), ("p", "d"), ("6", "9"), ("9", "6")}
    if each == 100:
        assert (told["flip"], told["vertical_flip"], told["rotation"]) == (across, over, around)
    assert told["flip"] <= across
    assert told["vertical_flip"] <= over
    assert told["rotation"] <= around
    assert found.kept == ImageAugmentation(shift=0.1, zoom=0.2, brightness=0.2, contrast=0.5, noise=0.1)
    assert found.unjudged == ()


def test_a_sentence_refuses_by_name():
    images, signs = written("bdo", 80)
    found = label_breaking(images, signs, ImageAugmentation(flip=0.1), names=["b", "d", "o"])
    (verdict,) = found.verdicts
    assert verdict.reason.startswith("horizontal flip turns '")
    (first, second) = verdict.broken
    assert {first.source, first.target} == {"b", "d"}
    assert str(first) == (
        f"horizontal flip turns {first.source!r} into {first.target!r} "
        f"({100 * first.share:.0f} % of 40 images)"
    )
    assert first.low < first.share - first.before < first.high
    assert first.low > 0.05
    assert found.text().startswith("flip: refused; horizontal flip turns")
    record = json.loads(found.json())
    assert record["verdicts"][0]["broken"][0]["target"] == first.target
    assert second.rows == 40


def test_a_small_angle_keeps_what_a_half_turn_breaks():
    images, signs = written("bdpq69", 80)
    assert label_breaking(images, signs, ImageAugmentation(rotation=15.0)).allowed == ("rotation",)
    assert label_breaking(images, signs, ImageAugmentation(rotation=180.0)).refused == ("rotation",)
    vertical = label_breaking(*written("69", 80), ImageAugmentation(flip=1.0, rotation=170.0))
    assert "rotation" in vertical.refused


@pytest.mark.parametrize("seed", [0, 1])
def test_clothes_may_be_mirrored(seed):
    with np.load(path("fashion")) as file:
        images, labels = file["x_train"], file["y_train"]
    found = label_breaking(images, labels, seed=seed)
    assert set(found.refused) <= {"vertical_flip"}  # trousers on their head look like dresses
    assert {"flip", "shift", "rotation", "zoom"} <= set(found.allowed)


def test_digits_may_be_shifted_and_turned_a_little():
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8).astype(np.float32) / 16.0
    found = label_breaking(images, labels, ImageAugmentation(shift=0.125, rotation=15.0, noise=0.1))
    assert found.allowed == ("shift", "rotation", "noise")


@pytest.mark.parametrize("seed", range(5))
def test_labels_drawn_at_random_cannot_be_judged(seed):
    random = np.random.default_rng(seed)
    images, _ = written("bdpq", 60, seed=seed)
    found = label_breaking(images, random.integers(0, 2, len(images)), EVERYTHING)
    assert found.refused == ()
    assert found.allowed == ()
    assert all(one.verdict == "cannot tell" for one in found.verdicts)
    assert found.kept == EVERYTHING


def test_too_few_rows_are_told():
    images, signs = written("bdo", 80)
    keep = np.r_[0:80, 80:160, 160:190]
    found = label_breaking(images[keep], signs[keep], ImageAugmentation(flip=0.5, shift=0.1), names="bdo")
    assert found.refused == ("flip",)
    assert found.verdicts[1].verdict == "cannot tell"
    assert found.verdicts[1].reason == "of 3 classes 2 could be judged, and none of these breaks"
    assert found.unjudged == ("'o', of which there are too few images (at least 40 are needed)",)
    assert "not judged: 'o', of which" in found.text()
    few = label_breaking(*written("bd", 10), ImageAugmentation(flip=0.5))
    assert few.verdicts[0].verdict == "cannot tell"


def test_bytes_words_and_colours():
    images, signs = written("bd", 60)
    words = np.array(["ball", "doll"])[signs]
    colours = (np.repeat(images, 3, 1) * 255).astype(np.uint8)
    found = label_breaking(colours, list(words), ImageAugmentation(flip=0.5, colour=0.1, cutout=0.2))
    assert pairs(found) == {"flip": {("ball", "doll"), ("doll", "ball")}}
    assert found.allowed == ("colour", "cutout")
    assert label_breaking(
        torch.tensor(images[:, 0]), torch.tensor(signs), ImageAugmentation(flip=0.5)
    ).refused
    asked = ImageAugmentation(flip=0.5, colour=0.1, cutout=0.2)
    assert label_breaking(colours.transpose(0, 2, 3, 1), list(words), asked) == found


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_handful_of_pictures_tells_nothing_and_is_no_crash(count):
    found = label_breaking(*written("bd", count), ImageAugmentation(flip=0.5))
    assert found.verdicts[0].verdict == "cannot tell"
    assert len(found.unjudged) == 2


def test_a_lookalike_must_be_near():
    images, signs = (torch.tensor(one) for one in written("bd", 40))
    known = lookalikes(images, signs, 2)
    assert (known.taken_for(images) == signs).double().mean() > 0.85
    assert (known.taken_for(1.0 - images) == -1).all()  # white on black: nobody's
    mirrored = images[signs == 0].flip(-1)
    assert (known.taken_for(mirrored) == 1).double().mean() > 0.5
    assert known.lost_to(mirrored, written_b(7).flip(-1), 1) > 0.25
    assert known.lost_to(images[signs == 0], written_b(7), 1) < 0.05


def written_b(seed):
    return torch.tensor(written("b", 40, seed=seed)[0])


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 200))
@settings(max_examples=60, deadline=None)
def test_the_interval_of_a_paired_difference(gained, lost, more):
    rows = gained + lost + more
    low, high = _difference(gained, lost, rows, 1.96)
    assert -1.0 <= low <= high <= 1.0
    assert low - 1.0 / rows <= (gained - lost) / rows <= high + 1.0 / rows
    assert _difference(lost, gained, rows, 1.96) == (pytest.approx(-high), pytest.approx(-low))
    wider = _difference(gained, lost, rows, 4.0)
    assert wider[0] <= low
    assert wider[1] >= high


def test_the_interval_covers_and_can_miss():
    random = np.random.default_rng(0)
    cells = random.multinomial(80, [0.3, 0.1, 0.6], size=2000)
    inside = [low <= 0.2 <= high for low, high in (_difference(a, b, 80, 1.96) for a, b, _ in cells)]
    assert 0.94 < np.mean(inside) < 0.98
    narrow = [low <= 0.2 <= high for low, high in (_difference(a, b, 80, 0.7) for a, b, _ in cells)]
    assert np.mean(narrow) < 0.7


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x, y: label_breaking(x[0, 0], y), ArgumentError, r"give \[N, C, H, W\] or \[N, H, W\]"),
        (lambda x, y: label_breaking(x, y[1:]), DataError, "39 labels beside 40 images"),
        (lambda x, y: label_breaking(x, 0 * y), DataError, "all images have one label"),
        (lambda x, y: label_breaking(x, y, names=["b"]), ArgumentError, "1 names beside 2 classes"),
        (
            lambda x, y: label_breaking(x / 0.0, y),
            DataError,
            "20 of 20 images have pixels that are",
        ),
        (
            lambda x, y: label_breaking(x, y, ImageAugmentation(flip=torch.ones(40))),
            ArgumentError,
            "one strength for all images",
        ),
    ],
)
def test_bad_arguments_are_told(call, error, text):
    images, signs = written("bd", 20)
    with np.errstate(all="ignore"), pytest.raises(error, match=text):
        call(images, signs)
