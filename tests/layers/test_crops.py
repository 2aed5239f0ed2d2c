"""Random resized crops: boxes by their laws, pixels against a loop."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tests.oracles import images as oracle

from profunda.errors import ArgumentError
from profunda.layers.crops import RandomResizedCrop, crop_boxes, resized_crops
from profunda.theory.resolutions import mean_crop_side


def uniforms(count, seed=0):
    return torch.rand(count, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 1, exclude_max=True), min_size=4, max_size=4),
    st.integers(1, 300),
    st.integers(1, 300),
    st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)),
    st.tuples(st.floats(0.2, 5), st.floats(0.2, 5)),
)
def test_boxes_lie_in_the_image_and_have_their_area(drawn, height, width, scale, ratio):
    scale, ratio = tuple(sorted(scale)), tuple(sorted(ratio))
    u = torch.tensor([drawn], dtype=torch.float64)
    top, left, tall, wide = crop_boxes(u, height, width, scale=scale, ratio=ratio)[0].tolist()
    share = scale[0] + (scale[1] - scale[0]) * drawn[0]
    assert tall * wide == pytest.approx(share * height * width, rel=1e-9)
    assert top >= 0
    assert left >= 0
    assert top + tall <= height * (1 + 1e-12)
    assert left + wide <= width * (1 + 1e-12)
    if share * max(height / width, width / height, 1) * max(ratio[1], 1 / ratio[0], 1) <= 1:  # all ratios fit
        assert ratio[0] * (1 - 1e-9) <= wide / tall <= ratio[1] * (1 + 1e-9)


def test_the_share_of_the_area_and_the_small_ratios_are_uniform():
    boxes = crop_boxes(uniforms(20_000), 64, 64)
    share = (boxes[:, 2] * boxes[:, 3] / 64**2).numpy()
    assert stats.kstest(share, stats.uniform(0.08, 0.92).cdf).pvalue > 1e-3
    assert stats.kstest(share, stats.uniform(0.08, 0.90).cdf).pvalue < 1e-6
    log_ratio = (boxes[:, 3] / boxes[:, 2]).log().numpy()[share < 0.7]
    end = np.log(4 / 3)
    assert stats.kstest(log_ratio, stats.uniform(-end, 2 * end).cdf).pvalue > 1e-3


def test_the_mean_side_is_theorys_and_drawing_again_would_make_it_smaller():
    boxes = crop_boxes(uniforms(100_000), 100, 100)
    side = (boxes[:, 2] * boxes[:, 3]).sqrt().numpy() / 100
    assert abs(side.mean() - mean_crop_side()) < 5 * side.std() / 100_000**0.5
    random = np.random.default_rng(0)
    area, ratio = (
        random.uniform(0.08, 1, 100_000),
        np.exp(random.uniform(np.log(0.75), np.log(4 / 3), 100_000)),
    )
    fits = (area * ratio <= 1) & (area / ratio <= 1)
    assert np.sqrt(area[fits]).mean() == pytest.approx(0.668, abs=0.003)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 7), st.integers(2, 7), st.integers(1, 9), st.integers(0, 1000))
def test_crops_equal_a_loop_over_pixels(height, width, size, seed):
    x = torch.randn(3, 2, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    boxes = crop_boxes(uniforms(3, seed), height, width)
    found = resized_crops(x, boxes, size).numpy()
    for b, c in np.ndindex(3, 2):
        assert np.abs(found[b, c] - oracle.cropped(x[b, c].numpy(), boxes[b].tolist(), size)).max() < 1e-10


def test_the_loop_sees_a_box_that_is_off_by_half_a_pixel():
    x = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = resized_crops(x, torch.tensor([[1.0, 1.0, 5.0, 5.0]]), 5)[0, 0].numpy()
    assert np.abs(found - oracle.cropped(x[0, 0].numpy(), (1.0, 1.0, 5.0, 5.0), 5)).max() < 1e-10
    assert np.array_equal(found.round(12), x[0, 0, 1:6, 1:6].numpy().round(12))
    assert np.abs(found - oracle.cropped(x[0, 0].numpy(), (1.5, 1.0, 5.0, 5.0), 5)).max() > 0.1


def test_each_image_has_a_box_of_its_own_and_a_generator_repeats_them():
    x = torch.arange(64.0).reshape(1, 1, 8, 8).expand(6, 1, 8, 8)
    crop = RandomResizedCrop(5, (0.1, 0.4))
    made = crop(x, torch.Generator().manual_seed(3))
    assert made.shape == (6, 1, 5, 5)
    assert len({tuple(one.flatten().tolist()) for one in made}) == 6
    assert torch.equal(made, crop(x, torch.Generator().manual_seed(3)))
    assert not torch.equal(made, crop(x))
    whole = RandomResizedCrop(8, (1.0, 1.0))(x)
    assert torch.allclose(whole, x, atol=1e-4)


def test_numbers_are_drawn_on_the_generators_device_which_may_be_another_than_the_images(monkeypatch):
    seen, rand = [], torch.rand

    def noting(*shape, device, **words):
        seen.append(torch.device(device))
        return rand(*shape, device=device, **words)

    monkeypatch.setattr(torch, "rand", noting)
    x = torch.zeros(6, 1, 8, 8, device="meta")  # stands for any device but the CPU
    made = RandomResizedCrop(5)(x, torch.Generator().manual_seed(3))
    assert (made.shape, made.device, seen) == ((6, 1, 5, 5), x.device, [torch.device("cpu")])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: RandomResizedCrop(4)(torch.zeros(2, 1, 8, 8, dtype=torch.uint8)), "divide bytes by 255"),
        (lambda: RandomResizedCrop(4)(torch.zeros(8, 8)), r"\(8, 8\) are no batch \[B, C, H, W\]"),
        (lambda: resized_crops(torch.zeros(1, 8, 8), torch.rand(1, 4), 4), "are no batch"),
        (lambda: crop_boxes(torch.rand(3, 3), 8, 8), r"uniforms are \(3, 3\), but a box is drawn from 4"),
        (lambda: crop_boxes(torch.rand(3, 4), 8, 8, scale=(0.0, 1.0)), r"scale \(0\.0, 1\.0\) and ratio"),
        (lambda: crop_boxes(torch.rand(3, 4), 8, 8, scale=(0.5, 1.5)), "make no box"),
        (lambda: RandomResizedCrop(8, ratio=(2.0, 1.0)), "make no box"),
        (lambda: RandomResizedCrop(0), "Images of 0 × 0 pixels show nothing"),
    ],
)
def test_what_makes_no_box_is_told(call, words):
    with pytest.raises(ArgumentError, match=words):
        call()
