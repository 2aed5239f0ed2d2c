"""Three ways to invariance: features, a penalty on the outputs' change, a group's mean."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from profunda.errors import ArgumentError
from profunda.layers.consistency import Consistency
from profunda.layers.image_geometry import rotate, translate
from profunda.layers.image_transforms import adjust_brightness, flip
from profunda.layers.invariant_features import fourier_magnitude, histogram
from profunda.layers.symmetrised import Symmetrised


def pictures(rows=4, channels=2, side=8, dtype=torch.float64):
    return torch.rand(rows, channels, side, side, generator=torch.Generator().manual_seed(0), dtype=dtype)


@given(st.integers(-20, 20), st.integers(-20, 20), st.sampled_from([(8, 8), (7, 10), (1, 5)]))
@settings(max_examples=30, deadline=None)
def test_fourier_magnitudes_feel_no_circular_shift(right, down, shape):
    x = torch.rand(3, 2, *shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    moved = x.roll((down, right), (-2, -1))
    assert (fourier_magnitude(moved) - fourier_magnitude(x)).abs().max() < 1e-12


def test_fourier_magnitudes_keep_the_rest():
    x = pictures()
    found = fourier_magnitude(x)
    assert found.shape == (4, 2, 8, 5)
    assert np.allclose(found[0, 0], np.abs(np.fft.fft2(x[0, 0].numpy()))[:, :5] / 8.0)
    twice = torch.tensor([1.0, 2.0, 2.0, 2.0, 1.0], dtype=torch.float64)
    assert torch.allclose((found.square() * twice).sum((2, 3)), x.square().sum((2, 3)))
    # What shifts bring in is background: the same for a picture that does not reach the edge.
    small = nn.functional.pad(pictures(side=4), (4, 4, 4, 4))
    assert (fourier_magnitude(translate(small, 3.0, -4.0)) - fourier_magnitude(small)).abs().max() < 1e-12
    assert (fourier_magnitude(translate(small, 5.0)) - fourier_magnitude(small)).abs().max() > 0.01
    assert (fourier_magnitude(x.transpose(2, 3)) - found[..., :]).abs().max() > 0.01


def test_histograms_feel_no_order_of_pixels():
    x = pictures()
    found = histogram(x, 10)
    for moved in (
        x.roll(3, -1),
        flip(x, True),
        rotate(x, 90.0),
        x.flatten(2)[:, :, torch.randperm(64)].view_as(x),
    ):
        assert torch.equal(histogram(moved, 10), found)
    assert not torch.equal(histogram(adjust_brightness(x, 0.1), 10), found)
    for row in range(4):
        for channel in range(2):
            counts, _ = np.histogram(x[row, channel].numpy(), bins=10, range=(0.0, 1.0))
            assert found[row, channel].tolist() == (counts / 64).tolist()
    outer = histogram(torch.tensor([[[[-5.0, 0.5, 1.0, 9.0]]]]), 2)
    assert outer.tolist() == [[[0.25, 0.75]]]


def test_consistency_is_its_formula():
    x = pictures()
    model = nn.Sequential(nn.Flatten(), nn.Linear(128, 3)).double()
    mirror = lambda images: images.flip(-1)  # noqa: E731
    before, after = model(x), model(x.flip(-1))
    value = Consistency(0.5, mirror, of="values").value(model, x)
    assert value.item() == pytest.approx(0.5 * (after - before).square().sum(1).mean().item())
    probabilities = Consistency(2.0, mirror).value(model, x, before)
    change = torch.softmax(after, 1) - torch.softmax(before, 1)
    assert probabilities.item() == pytest.approx(2.0 * change.square().sum(1).mean().item())
    assert Consistency(3.0, lambda images: images).value(model, x).item() == 0.0


def test_consistency_teaches_invariance_without_labels():
    x = pictures(32)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(128, 3)).double()
    penalty = Consistency(1.0, lambda images: images.flip(-1), of="values")
    first = penalty.value(model, x).item()
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(200):
        optimiser.zero_grad()
        penalty.value(model, x).backward()
        optimiser.step()
    assert penalty.value(model, x).item() < 1e-3 * first


def turns(sign):
    return [lambda x, k=k: x.rot90(sign * k, (-2, -1)) for k in range(4)]


def test_a_groups_mean_is_invariant_and_with_inverses_equivariant():
    x = pictures()
    torch.manual_seed(0)
    classifier = nn.Sequential(nn.Flatten(), nn.Linear(128, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    invariant = Symmetrised(classifier, turns(1))
    maps = nn.Conv2d(2, 4, 3, padding=1).double()
    equivariant = Symmetrised(maps, turns(1), turns(-1))
    for quarters in (1, 2, 3):
        turned = x.rot90(quarters, (-2, -1))
        assert (invariant(turned) - invariant(x)).abs().max() < 1e-12
        assert (classifier(turned) - classifier(x)).abs().max() > 0.01
        assert (equivariant(turned) - equivariant(x).rot90(quarters, (-2, -1))).abs().max() < 1e-12
        assert (maps(turned) - maps(x).rot90(quarters, (-2, -1))).abs().max() > 0.01
    by_hand = sum(classifier(x.rot90(k, (-2, -1))) for k in range(4)) / 4
    assert torch.allclose(invariant(x), by_hand)
    assert sum(p.numel() for p in invariant.parameters()) == sum(p.numel() for p in classifier.parameters())
    half = Symmetrised(classifier, turns(1)[:2])  # no group: two turns by 90° lead out of it
    assert (half(x.rot90(1, (-2, -1))) - half(x)).abs().max() > 0.01


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: histogram(pictures(), 0), "0 bins from 0.0 to 1.0 are no intervals"),
        (lambda: histogram(pictures(), low=1.0), "16 bins from 1.0 to 1.0 are no intervals"),
        (lambda: histogram(torch.zeros(3)), "are no batch"),
        (lambda: fourier_magnitude(torch.zeros(3)), "are no batch"),
        (lambda: Consistency(-1.0, torch.abs), "strength = -1.0 is no penalty"),
        (lambda: Consistency(1.0, torch.abs, of="logits"), "of = 'logits': the penalty is on"),
        (
            lambda: Consistency(1.0, lambda x: x[:2]).value(nn.Identity(), pictures()),
            r"outputs are \(4, 2, 8, 8\), on transformed inputs \(2, 2, 8, 8\)",
        ),
        (lambda: Symmetrised(nn.Identity(), ()), "a group has at least its identity"),
        (lambda: Symmetrised(nn.Identity(), turns(1), turns(1)[:3]), "3 inverses beside 4 transformations"),
    ],
)
def test_bad_arguments_are_told(call, text):
    with pytest.raises(ArgumentError, match=text):
        call()
