"""Invariance and equivariance of modules that have them, half have them, or have not."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from profunda.diagnosis.invariance import STRENGTHS, Invariance, invariance
from profunda.errors import ArgumentError
from profunda.layers.image_augmentation import INGREDIENTS, ImageAugmentation
from profunda.layers.invariant_features import fourier_magnitude, histogram
from profunda.layers.symmetrised import Symmetrised


def pictures(rows=40, channels=1, height=12, width=12, seed=0, dtype=torch.float64):
    return torch.rand(
        rows, channels, height, width, generator=torch.Generator().manual_seed(seed), dtype=dtype
    )


def conv(mode, seed=0):
    torch.manual_seed(seed)
    return nn.Conv2d(1, 3, 3, padding=1, padding_mode=mode).double()


def roll(right, down=0):
    return lambda x: x.roll((down, right), (-2, -1))


def dense(seed=0, outputs=4):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(144, 30), nn.Tanh(), nn.Linear(30, outputs)).double()


def by_loops(after, before):
    """The score, pair by pair."""
    own, other, pairs = 0.0, 0.0, 0
    for i in range(len(after)):
        for j in range(len(after)):
            distance = sum((a - b) ** 2 for a, b in zip(after[i], before[j], strict=True))
            if i == j:
                own += distance / len(after)
            else:
                other, pairs = other + distance, pairs + 1
    return 1.0 - own / (other / pairs)


# What is known ---------------------------------------------------------------------------------------------


@given(st.integers(-12, 12), st.integers(-12, 12), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_a_circular_convolution_is_equivariant_to_the_last_bit(right, down, seed):
    found = invariance(
        conv("circular", seed), pictures(4, seed=seed), roll(right, down), equivariant_to="same"
    )
    assert found.largest == 0.0
    assert found.score == 1.0


def test_zero_padding_breaks_it_at_the_edge_alone():
    x, model = 3.0 * pictures(), conv("zeros")
    edge = invariance(model, x, roll(2), equivariant_to="same")
    assert edge.largest > 0.5
    assert 0.0 < edge.score < 0.999

    # Away from the edge by the shift and one pixel: nothing was padded there.
    assert (model(roll(2)(x))[..., 3:-3] - roll(2)(model(x))[..., 3:-3]).abs().max() == 0.0


def test_max_pooling_follows_even_shifts_only():
    x, pool = pictures(), nn.MaxPool2d(2)
    for shift in (2, 4, -6):
        assert invariance(pool, x, roll(shift), equivariant_to=roll(shift // 2)).largest == 0.0
    for shift in (1, 3, -5):
        assert invariance(pool, x, roll(shift), equivariant_to=roll(shift // 2)).score < 0.9


def test_translation_and_segmentation_commute():
    """t(f(x)) = f(t(x)) for a convolutional segmenter with circular padding, whatever its weights."""
    torch.manual_seed(3)
    segmenter = nn.Sequential(
        conv("circular"), nn.ReLU(), nn.Conv2d(3, 2, 5, padding=2, padding_mode="circular").double()
    )
    found = invariance(segmenter, pictures(), roll(5, -3), equivariant_to="same", classes=True)
    assert found.largest < 1e-14
    assert found.same_class == 1.0
    assert invariance(segmenter, pictures(), roll(5, -3), equivariant_to=roll(4, -3)).score < 0.8


def test_invariant_features_and_group_means_are_found_invariant():
    x = pictures()
    assert invariance(fourier_magnitude, x, roll(3, 4)).largest < 1e-12
    assert invariance(histogram, x, "flip").largest == 0.0
    flips = Symmetrised(dense(), (lambda y: y, lambda y: y.flip(-1)))
    found = invariance(flips, x, "flip")
    assert found.score == pytest.approx(1.0, abs=1e-20)
    assert found.same_class == 1.0
    bare = invariance(dense(), x, "flip")
    assert bare.score < 0.5
    assert bare.same_class < 0.9
    assert bare.relative > 0.1


def test_score_by_loops():
    x, model = pictures(9), dense(outputs=2)
    found = invariance(model, x, roll(1))
    with torch.no_grad():
        after, before = model(roll(1)(x)).tolist(), model(x).tolist()
    assert found.score == pytest.approx(by_loops(after, before), abs=1e-9)
    assert found.score != pytest.approx(by_loops(before, before), abs=1e-3)
    assert found.largest == pytest.approx(np.abs(np.subtract(after, before)).max())
    change = np.square(np.subtract(after, before)).sum() / np.square(before).sum()
    assert found.relative == pytest.approx(math.sqrt(change))


def test_rows_that_change_places_score_nothing():
    """0 where a row's answer is as far from its own as from another's, below 0 where it is farther."""
    x = torch.randn(200, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    shuffled = invariance(nn.Identity(), x, lambda rows: rows.roll(1, 0), classes=False)
    assert abs(shuffled.score) < 0.15
    assert shuffled.low < shuffled.score < shuffled.high
    assert shuffled.same_class is None
    negated = invariance(nn.Identity(), x, torch.neg)
    assert negated.score < -0.5
    assert invariance(nn.Identity(), 1e6 + x, lambda rows: rows + 0.0).score == 1.0
    offset = invariance(nn.Identity(), 1e6 + x, lambda rows: rows.roll(1, 0)).score
    assert offset == pytest.approx(shuffled.score, abs=1e-6)


def test_the_interval_covers():
    """Rows from a population: the interval holds the score of very many rows in most draws."""
    random = torch.Generator().manual_seed(1)
    many = torch.randn(512, 3, dtype=torch.float64, generator=random)

    def blurred(rows):
        return rows + 0.5 * torch.sin(7.0 * rows.flip(1))

    truth = invariance(nn.Identity(), many, blurred).score
    inside = 0
    for _ in range(40):
        rows = torch.randn(60, 3, dtype=torch.float64, generator=random)
        found = invariance(nn.Identity(), rows, blurred)
        inside += found.low <= truth <= found.high
    assert inside >= 33


# Augmentations by name -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", INGREDIENTS)
def test_names_are_augmentations_of_the_stated_strength(name):
    x, model = pictures(), dense()
    by_name = invariance(model, x, name)
    by_value = invariance(model, x, STRENGTHS.only(name))
    assert by_name == by_value
    assert by_name.transform == name.replace("_", " ")
    assert by_name.score < 1.0
    assert invariance(model, x, name, seed=1) != by_name


def test_maps_get_the_draws_of_their_images():
    x = pictures()
    strong = ImageAugmentation(flip=0.5, shift=0.2, rotation=30.0, brightness=0.3)
    doubled = invariance(
        lambda images: torch.cat([images, 2 * images], 1),
        x,
        strong.only("flip", "shift", "rotation"),
        equivariant_to="same",
    )
    assert doubled.largest < 1e-12
    assert doubled.kind == "equivariance"
    assert doubled.transform == "flip and shift and rotation"
    light = invariance(
        lambda images: images - images.mean((2, 3), keepdim=True),
        x,
        strong.only("brightness"),
        equivariant_to="same",
    )
    assert light.largest < 1e-12
    assert invariance(nn.Identity(), x, strong, equivariant_to="same").largest > 0.01


# The result and what it leaves behind ---------------------------------------------------------------------


def test_text_and_json():
    found = invariance(dense(), pictures(), "flip")
    assert Invariance(**json.loads(found.json())) == found
    assert str(found) == found.text()
    assert found.text().startswith("invariance under flip: ")
    assert "on 40 rows (1: the outputs stay; 0: as far off as another row's)" in found.text()
    assert "same class: " in found.text()
    with pytest.raises(AttributeError):
        found.score = 1.0


def test_a_model_is_left_as_it_was():
    model = nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Dropout(0.5), nn.Linear(144, 3))
    model.train()
    model[0].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    invariance(model, pictures().numpy(), "flip")  # float64 rows for a float32 model
    assert [module.training for module in model] == [False, True, True, True]
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    with pytest.raises(ArgumentError, match="a function, an ImageAugmentation or a name"):
        invariance(model, pictures(), 3)

    def broken(_):
        raise RuntimeError("here")

    with pytest.raises(RuntimeError, match="here"):
        invariance(model, pictures(), broken)
    assert model[2].training


def test_many_rows_are_drawn_from():
    assert invariance(nn.Identity(), torch.rand(3000, 4), torch.neg).rows == 512
    assert invariance(nn.Identity(), torch.rand(3000, 4)[:, 0:1], torch.neg).same_class is None


class Drawing(nn.Module):
    def forward(self, x):
        return nn.functional.dropout(x, 0.5)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: invariance(nn.Identity(), torch.rand(1, 3), torch.neg), "give two rows or more"),
        (lambda: invariance(nn.Identity(), torch.rand(5), torch.neg), r"data of shape \(5,\)"),
        (
            lambda: invariance(nn.Identity(), pictures(), "flips"),
            "'flips' is no augmentation: there are flip",
        ),
        (
            lambda: invariance(nn.Identity(), pictures(), torch.neg, equivariant_to="other"),
            "equivariant_to = 'other'",
        ),
        (lambda: invariance(lambda x: (x, x), pictures(), "flip"), "the model gives tuple: it must give one"),
        (lambda: invariance(lambda x: x.mean(), pictures(), "flip"), r"for 40 rows the model gives \(\)"),
        (
            lambda: invariance(lambda x: x / 0.0, pictures(), "flip"),
            "outputs for the rows are not finite in 40",
        ),
        (
            lambda: invariance(lambda x: x.sum((1, 2, 3)).log(), pictures(), torch.neg),
            "outputs for the transformed rows are not finite in 40 of 40 rows",
        ),
        (lambda: invariance(nn.Identity(), pictures(), lambda x: x[:3]), r"makes \(3, 1, 12, 12\) of \(40"),
        (lambda: invariance(nn.Identity(), pictures(), lambda x: x / 0.0), "makes 40 of 40 rows not finite"),
        (
            lambda: invariance(nn.Identity(), pictures(), lambda x: x[..., ::2]),
            r"transformed rows are \(40, 1, 12, 6\), .* use a transformation that keeps the shape",
        ),
        (
            lambda: invariance(nn.Identity(), pictures(), torch.neg, equivariant_to=lambda x: x[..., 1:]),
            "equivariant_to must give what the model gives",
        ),
        (lambda: invariance(Drawing(), pictures(), "flip"), "other outputs for the same rows again"),
        (
            lambda: invariance(lambda x: torch.ones(len(x), 3), pictures(), "flip"),
            "says the same of all 40 rows",
        ),
        (lambda: invariance(nn.Identity(), torch.rand(9, 1), torch.neg, classes=True), "two classes or more"),
    ],
)
def test_bad_arguments_are_told(call, text):
    with torch.random.fork_rng(devices=[]), pytest.raises(ArgumentError, match=text):
        call()
