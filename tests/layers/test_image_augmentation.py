"""Strengths: what is drawn within which limits, and that a row's result is its own business."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from profunda.errors import ArgumentError
from profunda.layers.image_augmentation import INGREDIENTS, ImageAugmentation
from profunda.layers.image_geometry import affine, translate
from profunda.layers.image_transforms import adjust_contrast, flip

LARGEST = {name: 180.0 if name == "rotation" else 1.0 for name in INGREDIENTS}


def pictures(rows=6, channels=1, height=8, width=8, dtype=torch.float32):
    return torch.randn(rows, channels, height, width, generator=torch.Generator().manual_seed(0), dtype=dtype)


def neutral(rows, augmentation, shape, **slots):
    """Numbers in the middle, where nothing happens, but for given ones."""
    uniforms = torch.full((rows, augmentation.uniforms(*shape)), 0.5)
    uniforms[:, :2] = 0.999
    for slot, value in slots.items():
        uniforms[:, int(slot[1:])] = torch.as_tensor(value)
    return uniforms


def test_off_is_the_identity():
    x = pictures()
    off = ImageAugmentation()
    assert off.apply(x, torch.rand(6, off.uniforms(1, 8, 8))) is x
    assert off.active == ()
    assert off.uniforms(3, 8, 8) == 13
    assert ImageAugmentation(noise=0.1).uniforms(3, 3, 3) == 13 + 28


@pytest.mark.parametrize("name", INGREDIENTS)
def test_each_acts_alone_and_no_strength_is_none(name):
    x, names = pictures(), ImageAugmentation(**{name: LARGEST[name] / 2})
    uniforms = torch.rand(6, names.uniforms(1, 8, 8), generator=torch.Generator().manual_seed(1))
    assert names.active == (name,)
    assert not torch.equal(names.apply(x, uniforms), x)
    per_row = torch.tensor([0.0, LARGEST[name] / 2] * 3)
    made = ImageAugmentation(**{name: per_row}).apply(x, uniforms)
    assert torch.equal(made[::2], x[::2])
    assert torch.equal(made[1::2], names.apply(x, uniforms)[1::2])


@given(st.integers(0, 10_000), st.sampled_from([(1, 8, 8), (3, 9, 6), (2, 5, 11)]), st.booleans())
@settings(max_examples=25, deadline=None)
def test_a_row_depends_on_itself_alone_bit_for_bit(seed, shape, double):
    random = torch.Generator().manual_seed(seed)
    rows = 2 + seed % 19
    strengths = {
        name: torch.rand(rows, generator=random) * (torch.rand(rows, generator=random) < 0.5) * LARGEST[name]
        for name in INGREDIENTS
    }
    dtype = torch.float64 if double else torch.float32
    x = torch.randn(rows, *shape, generator=random, dtype=dtype)
    together = ImageAugmentation(**strengths, background=-0.25)
    uniforms = torch.rand(rows, 10 + shape[0] + 400, generator=random, dtype=torch.float64)
    made = together.apply(x, uniforms)
    for row in range(rows):
        alone = ImageAugmentation(**{name: float(s[row]) for name, s in strengths.items()}, background=-0.25)
        assert torch.equal(alone.apply(x[row : row + 1], uniforms[row : row + 1])[0], made[row])


def test_what_the_numbers_mean():
    x, shape = pictures(4, dtype=torch.float64), (1, 8, 8)
    flips = ImageAugmentation(flip=0.3)
    made = flips.apply(x, neutral(4, flips, shape, s0=[0.0, 0.29, 0.31, 0.9]))
    assert torch.equal(made, flip(x, horizontal=torch.tensor([True, True, False, False])))
    shift = ImageAugmentation(shift=0.25)
    made = shift.apply(x, neutral(4, shift, shape, s2=[0.0, 1.0, 0.5, 0.5], s3=[0.5, 0.5, 0.0, 0.9]))
    right, down = torch.tensor([-2.0, 2.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, -2.0, 2.0])
    assert torch.equal(made, translate(x, right, down))
    turn = ImageAugmentation(rotation=40.0, zoom=1.0)
    made = turn.apply(x, neutral(4, turn, shape, s4=[0.0, 1.0, 0.5, 0.75], s5=[0.5, 0.5, 1.0, 0.0]))
    wanted = affine(
        x, degrees=torch.tensor([-40.0, 40.0, 0.0, 20.0]), zoom=torch.tensor([1.0, 1.0, 2.0, 0.5])
    )
    assert torch.allclose(made, wanted, atol=1e-6)
    contrast = ImageAugmentation(contrast=2.0)
    made = contrast.apply(x, neutral(4, contrast, shape, s7=[0.0, 0.25, 0.5, 1.0]))
    assert torch.allclose(made, adjust_contrast(x, torch.tensor([0.25, 0.5, 1.0, 4.0])), atol=1e-6)
    light = ImageAugmentation(brightness=0.4, colour=0.2)
    made = light.apply(x, neutral(4, light, shape, s6=1.0, s10=0.0))
    assert torch.allclose(made - x, torch.full_like(x, 0.2), atol=1e-6)
    box = ImageAugmentation(cutout=0.5, background=9.0)
    made = box.apply(x, neutral(4, box, shape))
    assert (made[:, :, 2:6, 2:6] == 9.0).all()
    assert (made == 9.0).sum() == 4 * 16


def test_noise_is_standard_normal():
    x = torch.zeros(200, 1, 15, 15)
    noise = ImageAugmentation(noise=0.5)
    made = noise.apply(
        x, torch.rand(200, noise.uniforms(1, 15, 15), generator=torch.Generator().manual_seed(0))
    )
    values = (made / 0.5).flatten().double()
    assert values.mean().abs() < 0.02
    assert values.var() == pytest.approx(1.0, abs=0.02)
    assert (values**4).mean() == pytest.approx(3.0, abs=0.15)
    least = noise.apply(
        x[:1], torch.full((1, noise.uniforms(1, 15, 15)), 1.0 - 2.0**-40, dtype=torch.float64)
    )
    assert least.isfinite().all()  # what is rounded to 1 in float32


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_noise_of_half_precision_is_that_of_single_precision_rounded(dtype):
    noise = ImageAugmentation(noise=1.0)
    uniforms = torch.rand(8, noise.uniforms(1, 28, 28), generator=torch.Generator().manual_seed(0))
    made = noise.apply(torch.zeros(8, 1, 28, 28, dtype=dtype), uniforms)
    assert made.isfinite().all()  # a number that is rounded to 1 would have an infinite logarithm
    assert torch.equal(made, noise.apply(torch.zeros(8, 1, 28, 28), uniforms).to(dtype))


def test_taking_one_away_leaves_what_the_others_do():
    x = pictures()
    both = ImageAugmentation(flip=0.5, brightness=0.3)
    uniforms = torch.rand(6, both.uniforms(1, 8, 8), generator=torch.Generator().manual_seed(2))
    step = ImageAugmentation(brightness=0.3).apply(both.only("flip").apply(x, uniforms), uniforms)
    assert torch.equal(both.apply(x, uniforms), step)
    assert both.only("brightness").active == ("brightness",)
    assert both.only("brightness").flip == 0.0


def test_maps_go_with_their_images():
    x = pictures()
    strong = ImageAugmentation(
        flip=0.5, shift=0.2, rotation=30.0, zoom=0.4, brightness=5.0, noise=3.0, cutout=0.5
    )
    uniforms = torch.rand(6, strong.uniforms(1, 8, 8), generator=torch.Generator().manual_seed(2))
    maps = torch.cat([x, 2 * x], dim=1)
    placed = strong.place(maps, uniforms)
    assert torch.allclose(placed[:, 1:], 2 * placed[:, :1], atol=1e-6)
    assert torch.equal(placed[:, :1], strong.only("flip", "shift", "rotation", "zoom").apply(x, uniforms))


def test_a_generator_decides():
    x, strong = pictures(), ImageAugmentation(flip=0.5, shift=0.2, noise=0.1)
    first, again, other = (strong(x, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        free = strong(x)
        torch.manual_seed(3)
        assert torch.equal(free, strong(x))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: ImageAugmentation(flip=1.5),
            "flip = 1.5 is no strength: it must be at least 0 and at most 1",
        ),
        (lambda: ImageAugmentation(noise=-0.1), "noise = -0.1 is no strength: .* and finite"),
        (lambda: ImageAugmentation(zoom=math.nan), "zoom = nan is no strength"),
        (lambda: ImageAugmentation(rotation=torch.tensor([0.0, 181.0])), "rotation = 181.0 is no strength"),
        (lambda: ImageAugmentation(background=math.inf), "background = inf is no pixel"),
        (lambda: ImageAugmentation().only("flips"), "'flips' is no augmentation: there are flip, "),
        (
            lambda: ImageAugmentation(noise=1.0).apply(pictures(), torch.zeros(6, 11)),
            r"these strengths take 75 for each image, \[6, 75\]",
        ),
        (lambda: ImageAugmentation().apply(torch.zeros(3), torch.zeros(3, 11)), "are no batch"),
        (lambda: ImageAugmentation()(torch.zeros(3)), "are no batch"),
        (
            lambda: ImageAugmentation(shift=torch.ones(5)).apply(pictures(), torch.zeros(6, 11)),
            r"shift of shape \(5,\) beside 6 images",
        ),
        (
            lambda: ImageAugmentation(flip=torch.ones(5)).apply(pictures(), torch.zeros(6, 11)),
            r"flip of shape \(5,\) beside 6 images",
        ),
    ],
)
def test_bad_strengths_are_told(call, text):
    with pytest.raises(ArgumentError, match=text):
        call()
