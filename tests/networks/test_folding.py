"""Batch norm folded away: the same outputs from fewer parts."""

import numpy as np
import pytest

from profunda.data.inputs import Inputs, Picture
from profunda.fleet.forward import outputs
from profunda.networks.folding import folded
from profunda.networks.layout import layout, layout_of
from profunda.space.design import Design


def drawn(design, seed=0):
    """Parameters float64 [P] of a network of 6 inputs and 3 outputs, with variances that are positive."""
    rng = np.random.default_rng(seed)
    blocks = layout(design.widths, 6, 3, design.norm)
    params = rng.normal(size=blocks[-1].end)
    for block in blocks:
        block.norm_of(params)[3:] = rng.uniform(0.1, 4.0, (len(block.norm_of(params)[3:]), block.fan_out))
    return params


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("widths", [(7,), (7, 4, 5), ()])
def test_outputs_stay_and_the_norm_goes(widths, place):
    design = Design(widths, activation="tanh", norm="batch", norm_place=place, dropout=0.3)
    params, x = drawn(design), np.random.default_rng(1).normal(size=(20, 6))
    plain, fewer = folded(design, params, 6, 3)
    assert plain.norm == "none"
    assert len(fewer) == Design(widths).parameters(6, 3)
    assert np.allclose(outputs(plain, fewer, x), outputs(design, params, x), rtol=1e-10, atol=1e-12)
    if widths:  # control: leaving the norm out is not folding it
        bare = np.concatenate([params[b.start : b.gains] for b in layout(widths, 6, 3, "batch")])
        assert not np.allclose(outputs(plain, bare, x), outputs(design, params, x), rtol=1e-2)


@pytest.mark.parametrize("norm", ["none", "layer"])
def test_other_designs_come_back_as_they_are(norm):
    design = Design((7,), norm=norm)
    params = drawn(design)
    same, untouched = folded(design, params, 6, 3)
    assert same is design
    assert untouched is params


def test_bodies_keep_their_norms():
    """A Design without batch norm would have a body without it too."""
    design = Design((7,), norm="batch", body="conv", body_width=4, body_depth=1)
    inputs = Inputs((0,) * 16, tuple(range(16)), picture=Picture(1, 4, 4))
    params = np.ones(layout_of(design, inputs, 3).size)
    same, untouched = folded(design, params, inputs, 3)
    assert same is design
    assert untouched is params


def test_the_type_and_the_given_parameters_stay():
    design = Design((7,), norm="batch")
    params = drawn(design).astype(np.float32)
    before = params.copy()
    assert folded(design, params, 6, 3)[1].dtype == np.float32
    assert np.array_equal(params, before)
