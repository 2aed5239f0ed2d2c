"""Images flipped, moved, turned, shaded and mixed: inverses, identities, and one pixel at a time."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles import image_transforms as naive

from profunda.errors import ArgumentError
from profunda.layers.image_geometry import affine, moved, rotate, translate, zoom
from profunda.layers.image_transforms import (
    add_noise,
    adjust_brightness,
    adjust_contrast,
    boxes_at,
    cut_mix,
    cut_out,
    flip,
    mix_up,
    shift_colour,
)


def pictures(rows=6, channels=2, height=9, width=9, seed=0, dtype=torch.float64):
    return torch.randn(
        rows, channels, height, width, generator=torch.Generator().manual_seed(seed), dtype=dtype
    )


def smooth(side=81):
    """Two broad blobs, far from the edge: what can be resampled twice with little loss."""
    at = torch.linspace(-1, 1, side, dtype=torch.float64)
    y, x = torch.meshgrid(at, at, indexing="ij")
    one = torch.exp(-((x - 0.1) ** 2 + (y + 0.15) ** 2) / 0.05)
    return (one - 0.6 * torch.exp(-((x + 0.2) ** 2 + (y - 0.1) ** 2) / 0.04))[None, None]


# Exact inverses ------------------------------------------------------------------------------------------


def test_a_double_flip_is_the_identity():
    x, chosen = pictures(), torch.tensor([True, False, True, True, False, False])
    for flags in ({"horizontal": chosen}, {"vertical": chosen}, {"horizontal": True, "vertical": chosen}):
        once = flip(x, **flags)
        assert torch.equal(flip(once, **flags), x)
        assert not torch.equal(once, x)
    once = flip(x, horizontal=chosen)
    assert torch.equal(once[0], x[0].flip(-1))
    assert torch.equal(once[1], x[1])
    assert torch.equal(flip(x, vertical=True), x.flip(-2))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_four_quarter_turns_are_the_identity(dtype):
    x = pictures(dtype=dtype)
    turned = x
    for _ in range(4):
        turned = rotate(turned, 90.0)
    assert torch.equal(turned, x)
    assert torch.equal(rotate(x, 90.0)[0, 0], torch.rot90(x[0, 0]))
    assert torch.equal(rotate(rotate(x, -90.0), 450.0), x)
    assert torch.equal(rotate(x, 180.0), flip(x, True, True))
    wide = pictures(width=12, dtype=dtype)
    assert torch.equal(rotate(rotate(wide, 180.0), 180.0), wide)


def test_turns_agree_with_resampling_where_both_exist():
    x = pictures()
    degrees = torch.tensor([0.0, 90.0, 180.0, 270.0, -90.0, 30.0])
    assert torch.allclose(rotate(x, degrees), affine(x, degrees=degrees), atol=1e-9)
    wide = pictures(height=6, width=11)  # a quarter turn of it reads between pixels
    assert torch.allclose(rotate(wide, degrees), affine(wide, degrees=degrees), atol=1e-9)


@given(st.integers(-10, 10), st.integers(-10, 10))
@settings(max_examples=25, deadline=None)
def test_whole_pixels_there_and_back(right, down):
    x = pictures(2)
    away = translate(x, float(right), float(down), background=7.0)
    back = translate(away, -float(right), -float(down), background=7.0)
    rows = slice(max(0, -down), 9 - max(0, down))
    columns = slice(max(0, -right), 9 - max(0, right))
    if abs(right) < 9 and abs(down) < 9:
        assert torch.equal(back[..., rows, columns], x[..., rows, columns])
    kept = torch.zeros(9, 9, dtype=torch.bool)
    if abs(right) < 9 and abs(down) < 9:
        kept[rows, columns] = True
    assert (back[..., ~kept] == 7.0).all()


def test_whole_pixels_are_copied_and_others_are_read_between():
    x = pictures(3, dtype=torch.float32)
    right, down = torch.tensor([2.0, 0.5, -1.0]), torch.tensor([0.0, 1.25, 3.0])
    made = translate(x, right, down)
    assert torch.equal(made[0, :, :, 2:], x[0, :, :, :-2])
    assert torch.equal(made[2, :, 3:, :-1], x[2, :, :-3, 1:])
    assert np.allclose(made[1, 0], naive.affine(x[1, 0].tolist(), right=0.5, down=1.25), atol=1e-5)
    assert torch.equal(translate(x, right.round(), down.round())[1], translate(x[1:2], 0.0, 1.0)[0])
    assert moved(x, torch.zeros(3).long(), torch.zeros(3).long()) is x
    assert torch.allclose(translate(x, right, down), affine(x, right=right, down=down), atol=1e-5)


def test_brightness_contrast_and_colour_undo_themselves():
    x, strength = pictures(), torch.linspace(0.25, 3.0, 6, dtype=torch.float64)
    assert torch.allclose(adjust_brightness(adjust_brightness(x, strength), -strength), x, atol=1e-14)
    assert torch.allclose(adjust_contrast(adjust_contrast(x, strength), 1 / strength), x, atol=1e-13)
    amounts = pictures(6, 2, 1, 1)[..., 0, 0]
    assert torch.allclose(shift_colour(shift_colour(x, amounts), -amounts), x, atol=1e-14)
    assert torch.equal(adjust_contrast(x, 1.0), x)
    both = adjust_brightness(adjust_contrast(x, 2.0), 0.3)
    assert torch.allclose(both, adjust_contrast(adjust_brightness(x, 0.3), 2.0), atol=1e-13)
    assert (shift_colour(x, amounts) - x)[2, 1].std() < 1e-14


@pytest.mark.parametrize("factor", [1.25, 1.6, 0.8])
def test_zooms_undo_each_other_within_the_reading_between_pixels(factor):
    x = smooth()
    back = zoom(zoom(x, factor), 1.0 / factor)
    assert (back - x).abs().max() < 0.03
    assert (zoom(x, factor) - x).abs().max() > 0.15  # the check could fail


@pytest.mark.parametrize("degrees", [10.0, 33.0, 120.0])
def test_rotations_undo_each_other_within_the_reading_between_pixels(degrees):
    x = smooth()
    assert (rotate(rotate(x, degrees), -degrees) - x).abs().max() < 0.03
    assert (rotate(x, degrees) - x).abs().max() > 0.05


# One pixel at a time ---------------------------------------------------------------------------------------


@given(
    st.floats(-180, 180),
    st.floats(0.4, 2.5),
    st.floats(-4, 4),
    st.floats(-4, 4),
    st.booleans(),
    st.floats(-1, 1),
    st.sampled_from([(5, 8), (7, 4), (6, 6)]),
)
@settings(max_examples=30, deadline=None)
def test_affine_is_the_loop_over_pixels(degrees, factor, right, down, mirrored, background, shape):
    x = pictures(2, 1, *shape)
    made = affine(
        x,
        degrees=torch.tensor([degrees, 0.0], dtype=torch.float64),
        zoom=torch.tensor([factor, 1.0], dtype=torch.float64),
        right=torch.tensor([right, 0.0], dtype=torch.float64),
        down=torch.tensor([down, 0.0], dtype=torch.float64),
        mirrored=torch.tensor([mirrored, False]),
        background=background,
    )
    wanted = naive.affine(x[0, 0].tolist(), degrees, factor, right, down, mirrored, background)
    assert np.allclose(made[0, 0], wanted, atol=1e-9)
    assert torch.allclose(made[1], x[1], atol=1e-9)


def test_the_loop_over_pixels_can_disagree():
    x = pictures(1, 1)
    made = affine(x, degrees=20.0)
    assert not np.allclose(made[0, 0], naive.affine(x[0, 0].tolist(), -20.0), atol=0.1)
    assert not np.allclose(made[0, 0], naive.affine(x[0, 0].tolist(), 20.0, mirrored=True), atol=0.1)


def test_contrast_is_the_loop_over_pixels():
    x = pictures(3)
    made = adjust_contrast(x, torch.tensor([0.5, 1.0, 2.0]))
    assert np.allclose(made[2], naive.contrast(x[2].tolist(), 2.0), atol=1e-12)
    assert np.allclose(made[0], naive.contrast(x[0].tolist(), 0.5), atol=1e-12)
    assert not np.allclose(made[0], naive.contrast(x[0].tolist(), 0.6), atol=1e-2)


@given(st.floats(0, 0.999), st.floats(0, 0.999), st.floats(0, 1), st.integers(1, 9), st.integers(1, 9))
@settings(max_examples=50, deadline=None)
def test_boxes_stay_inside_and_cut_mix_counts_what_it_pasted(down, across, side, height, width):
    x, other = pictures(1, 2, height, width), pictures(1, 2, height, width, seed=1)
    box = boxes_at(torch.tensor([down]), torch.tensor([across]), side, height, width)
    top, bottom, left, right = box[0].tolist()
    assert 0 <= top <= bottom <= height
    assert 0 <= left <= right <= width
    assert bottom - top <= round(side * height)
    mixed, share = cut_mix(x, other, box)
    wanted, kept = naive.pasted(x[0].tolist(), other[0].tolist(), box[0].tolist())
    assert np.array_equal(mixed[0], wanted)
    assert share.item() == pytest.approx(kept)
    blank = np.full((2, height, width), 3.0).tolist()
    assert np.array_equal(cut_out(x, box, 3.0)[0], naive.pasted(x[0].tolist(), blank, box[0].tolist())[0])


def test_a_box_in_the_middle_is_whole():
    box = boxes_at(torch.tensor([0.5]), torch.tensor([0.5]), 0.5, 8, 12)
    assert box.tolist() == [[2, 6, 3, 9]]
    assert boxes_at(torch.tensor([0.0]), torch.tensor([0.99]), 0.5, 8, 12).tolist() == [[0, 2, 8, 12]]
    assert cut_mix(pictures(1, 1, 8, 12), pictures(1, 1, 8, 12), box)[1].item() == 0.75


def test_mixing_and_noise():
    x, other, share = pictures(), pictures(seed=1), torch.linspace(0, 1, 6)
    made = mix_up(x, other, share)
    assert torch.equal(made[0], other[0])
    assert torch.equal(made[-1], x[-1])
    assert torch.allclose(made[2], 0.4 * x[2] + 0.6 * other[2], atol=1e-7)
    deviation = torch.linspace(0, 1, 6, dtype=torch.float64)
    noisy = add_noise(x, deviation, other)
    assert torch.allclose(noisy - deviation[:, None, None, None] * other, x, atol=1e-14)
    assert torch.equal(noisy[0], x[0])


# What callers rely on --------------------------------------------------------------------------------------

OPERATIONS = {
    "flip": lambda x, s: flip(x, s > 0.5),
    "translate": lambda x, s: translate(x, s, -s),
    "zoom": lambda x, s: zoom(x, s + 0.5),
    "rotate": lambda x, s: rotate(x, 40 * s),
    "affine": lambda x, s: affine(x, degrees=s, right=s),
    "brightness": adjust_brightness,
    "contrast": adjust_contrast,
    "colour": lambda x, s: shift_colour(x, torch.stack([s, s], 1)),
    "noise": lambda x, s: add_noise(x, s, x.detach()),
    "mix_up": lambda x, s: mix_up(x, x.roll(1, 0), s),
    "cut_out": lambda x, s: cut_out(x, boxes_at(s.detach() * 0.9, s.detach() * 0.9, 0.4, 9, 9)),
}


RESAMPLED = ("translate", "zoom", "rotate", "affine")  # by torch in float32 and float64 on the CPU
TYPES = [(name, dtype) for name in OPERATIONS for dtype in (torch.float32, torch.float64, torch.bfloat16)]


@pytest.mark.parametrize(
    ("name", "dtype"), [one for one in TYPES if one[1] is not torch.bfloat16 or one[0] not in RESAMPLED]
)
def test_shape_and_dtype_stay(name, dtype):
    x = pictures().to(dtype)
    made = OPERATIONS[name](x, torch.linspace(0.05, 0.95, 6))
    assert made.shape == x.shape
    assert made.dtype == dtype
    assert made.isfinite().all()


@pytest.mark.parametrize("name", OPERATIONS)
def test_gradients_reach_images_and_strengths(name):
    x = pictures(2, 2, 9, 9).requires_grad_()
    strength = torch.tensor([0.31, 0.62], dtype=torch.float64, requires_grad=name not in ("flip", "cut_out"))
    inputs = (x, strength) if strength.requires_grad else (x,)
    made = (lambda x, s=strength: OPERATIONS[name](x, s)) if len(inputs) == 1 else OPERATIONS[name]
    if name == "noise":
        made = lambda x, s: add_noise(x, s, pictures(2, seed=3))  # noqa: E731
    assert torch.autograd.gradcheck(made, inputs)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: flip(torch.zeros(3, 3)), r"images of shape \(3, 3\) are no batch \[B, C, H, W\]"),
        (lambda: flip(torch.zeros(0, 1, 3, 3)), r"leave out batches without rows"),
        (lambda: zoom(torch.zeros(1, 1, 3, 3, dtype=torch.uint8), 1.0), "divide bytes by 255 first"),
        (lambda: rotate(pictures(), torch.zeros(5)), r"degrees of shape \(5,\) beside 6 images"),
        (lambda: adjust_brightness(pictures(), torch.zeros(6, 1)), r"amount of shape \(6, 1\) beside"),
        (
            lambda: shift_colour(pictures(), torch.zeros(6)),
            r"give one for each channel of each image, \(6, 2\)",
        ),
        (lambda: add_noise(pictures(), 1.0, torch.zeros(6)), "one normal number for each pixel and channel"),
        (lambda: mix_up(pictures(), pictures(5), 0.5), "cannot be mixed with"),
        (lambda: cut_mix(pictures(), pictures(5), torch.zeros(6, 4)), "cannot be mixed with"),
        (lambda: cut_out(pictures(), torch.zeros(5, 4)), r"boxes of shape \(5, 4\) beside 6 images"),
        (lambda: boxes_at(torch.zeros(1), torch.zeros(1), 1.5, 4, 4), "at least 0 and at most 1"),
        (lambda: zoom(pictures(), 0.0), "zooms must be above 0"),
        (lambda: rotate(pictures(), float("nan")), "degrees and shifts finite"),
    ],
)
def test_bad_arguments_are_told(call, text):
    with pytest.raises(ArgumentError, match=text):
        call()
