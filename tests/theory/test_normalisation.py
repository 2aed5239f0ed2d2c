"""Batch normalisation by hand, by torch and in deep chains."""

import numpy as np
import pytest
import torch
from tests.oracles import theory_generalisation as oracle

from profunda.errors import ArgumentError, DataError
from profunda.theory.normalisation import batch_norm_growth, batch_norm_growth_limit, batch_norm_step

# The mini-batch that a slide normalises, and what the slide says comes out.
BATCH = np.array([[2.1, 0.8, -1.2], [1.8, 1.1, -0.9], [2.3, 0.9, -1.1], [1.9, 1.0, -1.0]])
SLIDE = np.array([[0.45, -1.22, -1.22], [-0.89, 1.22, 1.22], [1.34, -0.41, -0.41], [-0.45, 0.41, 0.41]])


def test_the_table_by_hand():
    """E11: the slide has μ = 2.0, an unbiased σ in one column and a biased one in two."""
    step = batch_norm_step(BATCH)
    assert step.mean == pytest.approx([2.025, 0.95, -1.05])
    assert step.biased == pytest.approx([0.19203, 0.11180, 0.11180], abs=5e-6)
    assert step.unbiased == pytest.approx([0.22174, 0.12910, 0.12910], abs=5e-6)
    assert step.normalised[:, 0] == pytest.approx([0.3905, -1.1715, 1.4319, -0.6509], abs=5e-5)
    assert step.normalised[:, 1] == pytest.approx([-1.3411, 1.3411, -0.4470, 0.4470], abs=5e-5)
    assert step.normalised[:, 2] == pytest.approx(step.normalised[:, 1], abs=1e-12)
    assert SLIDE.mean(0) == pytest.approx([0.1125, 0.0, 0.0], abs=1e-12)
    assert SLIDE.std(0) == pytest.approx([0.8576, 0.9101, 0.9101], abs=5e-5)
    assert np.abs(SLIDE - step.normalised).max() > 0.09


def test_it_is_what_torch_does():
    layer = torch.nn.BatchNorm1d(3, momentum=1.0, dtype=torch.float64)
    out = layer(torch.from_numpy(BATCH)).detach().numpy()
    step = batch_norm_step(BATCH)
    assert out == pytest.approx(step.normalised, abs=1e-13)
    assert layer.running_var.numpy() == pytest.approx(step.unbiased**2)


def test_only_the_root_with_epsilon_undoes_the_step():
    """D44, E11: γ = √(σ² + ε) recovers the batch, γ = σ leaves 4.0e-4 in a column of σ = 0.112."""
    step = batch_norm_step(BATCH)
    assert step.normalised * step.recovering + step.mean == pytest.approx(BATCH, abs=1e-12)
    error = np.abs(step.normalised * step.biased + step.mean - BATCH) / step.biased
    assert error[:, 1].max() > 1e-4
    relative = 1 - step.biased / step.recovering
    assert relative[1] == pytest.approx(4.0e-4, abs=5e-6)


def test_two_rows_become_plus_and_minus_one():
    """D48."""
    out = batch_norm_step(np.random.default_rng(0).normal(size=(2, 5)), 0.0).normalised
    assert np.abs(out) == pytest.approx(np.ones((2, 5)))


@pytest.mark.parametrize(("batch", "factor"), [(8, 1.792), (32, 1.522), (128, 1.470)])
def test_plain_networks_of_batch_norm_explode(batch, factor):
    """E27: squared gradients grow in every layer, by about π/(π − 1) for large batches."""
    found = batch_norm_growth(batch)
    assert abs(found.factor - factor) < 4 * found.standard_error
    assert found.standard_error < 0.01
    assert found.factor > 1.4
    assert (np.diff(found.profile[1:]) < 0).all()  # the inputs themselves are no ReLU's


def test_batches_larger_than_the_width_fall_a_little_short():
    found = batch_norm_growth(512)
    assert abs(found.factor - 1.450) < 4 * found.standard_error
    assert found.factor < batch_norm_growth_limit()


def test_the_limit():
    assert batch_norm_growth_limit() == pytest.approx(1.4669, abs=5e-5)


def test_back_propagation_by_hand_gives_the_same_profile():
    """The same weights, inputs and direction, drawn in the same order."""
    batch, width, depth = 12, 24, 10
    found = batch_norm_growth(batch, width, depth, networks=2, seed=3)
    generator = torch.Generator().manual_seed(3)
    logs = []
    for _ in range(2):
        x = torch.randn(batch, width, generator=generator).double().numpy()
        weights = [
            torch.randn(width, width, generator=generator).double().numpy() / width**0.5 for _ in range(depth)
        ]
        out = torch.randn(batch, width, generator=generator).double().numpy()
        logs.append(np.log(oracle.batch_norm_gradients(weights, x, out)))
    assert found.profile == pytest.approx(np.mean(logs, axis=0), abs=5e-3)
    wrong = np.log(oracle.batch_norm_gradients(weights, x, out[::-1]))
    assert np.abs(wrong - logs[-1]).max() > 0.05  # control


def test_wrong_batches_are_refused():
    with pytest.raises(DataError, match=r"A batch of shape \(1, 3\) cannot be normalised"):
        batch_norm_step(BATCH[:1])
    with pytest.raises(DataError, match="all finite"):
        batch_norm_step(np.array([[1.0], [np.nan]]))
    with pytest.raises(ArgumentError, match=r"An ε of -1\.0 is no small variance"):
        batch_norm_step(BATCH, -1.0)
    with pytest.raises(ArgumentError, match="Column 1 does not vary and ε is 0"):
        batch_norm_step(np.array([[1.0, 5.0], [2.0, 5.0]]), 0.0)
    with pytest.raises(ArgumentError, match="batch 2, width 256, depth 30, networks 8: at least 3 rows"):
        batch_norm_growth(2)


def test_gradients_that_end_on_the_way_are_told():
    with pytest.raises(ArgumentError, match="gradient is lost on its way through 250 layers of 4 units"):
        batch_norm_growth(3, 4, 250, 2)
