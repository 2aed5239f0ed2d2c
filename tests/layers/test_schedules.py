"""Schedules as functions of the course of training, and snapshots at the ends of their cycles."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from profunda.errors import ArgumentError
from profunda.layers.schedules import cosine, cosine_restarts, coslog, cycle_ends, onecycle
from profunda.layers.snapshots import Snapshots

ALL = (cosine, cosine_restarts, onecycle, coslog)


@given(st.floats(0.0, 1.0), st.sampled_from(ALL))
def test_factors_lie_between_0_and_1_for_numbers_and_arrays(t, schedule):
    value = schedule(t)
    assert 0.0 <= float(value) <= 1.0 + 1e-12
    assert schedule(np.array([[t, 0.5]]))[0, 0] == pytest.approx(float(value))
    assert schedule([t]).dtype == np.float64


def test_cosine_is_torchs():
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 20)
    for step in range(20):
        assert theirs.get_last_lr()[0] == pytest.approx(float(cosine(step / 20)))
        optimiser.step()
        theirs.step()


def test_restarts_are_torchs():
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimiser, T_0=3, T_mult=2)
    for step in range(21):
        assert theirs.get_last_lr()[0] == pytest.approx(float(cosine_restarts(step / 21)), abs=1e-12), step
        optimiser.step()
        theirs.step()
    assert float(cosine_restarts(1.0)) == pytest.approx(0.0, abs=1e-30)
    assert cycle_ends(3, 2.0).tolist() == pytest.approx([1 / 7, 3 / 7, 1.0])


def test_onecycle_rises_then_falls():
    t = np.linspace(0, 1, 101)
    made = onecycle(t)
    assert made.argmax() == 30
    assert (np.diff(made[:31]) > 0).all()
    assert (np.diff(made[30:]) < 0).all()


def test_coslog_has_k_waves_each_twice_as_long():
    """Its zeros lie where 1 + 15t is a power of 2."""
    zeros = (2.0 ** np.arange(5) - 1) / 15
    assert coslog(zeros) == pytest.approx(np.zeros(5), abs=1e-12)
    peaks = (2.0 ** (np.arange(4) + 0.5) - 1) / 15
    assert coslog(peaks) == pytest.approx(np.ones(4))
    assert coslog(0.3) == pytest.approx(0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * 0.3))))
    assert coslog(1 / 3, k=2) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: cosine(1.5), "The course of training runs from 0 to 1, but t holds values from 1.5 to 1.5"),
        (lambda: coslog([0.0, math.nan]), "The course of training runs from 0 to 1"),
        (lambda: cosine_restarts(0.5, cycles=0), "0 cycles that grow by 2.0 make no schedule"),
        (lambda: cycle_ends(2, math.inf), "2 cycles that grow by inf make no schedule"),
        (lambda: onecycle(0.5, warm_up=1.0), "warm_up = 1.0 is a part of training"),
        (lambda: coslog(0.5, k=0), "k = 0 waves make no schedule"),
    ],
)
def test_what_is_no_schedule_is_refused(call, text):
    with pytest.raises(ArgumentError, match=text):
        call()


def test_snapshots_are_taken_at_the_ends_of_cycles_and_averaged():
    torch.manual_seed(0)
    module = nn.Linear(2, 3)
    kept = Snapshots(module, cycles=3)
    with pytest.raises(ArgumentError, match=r"No cycle has ended yet, .* first ends at t = 0\.143"):
        kept(torch.zeros(1, 2))
    taken, versions = [], []
    for step in range(1, 22):
        with torch.no_grad():
            module.weight.add_(0.01)
        if kept.after(step / 21):
            taken.append(step)
            versions.append(module.weight.clone())
    assert taken == [3, 9, 21]
    x = torch.randn(5, 2)
    expected = torch.stack([nn.functional.linear(x, version, module.bias) for version in versions]).mean(0)
    assert torch.allclose(kept(x), expected)
    assert not torch.allclose(kept(x), module(x))
    assert len(kept.taken) == 3
    assert len(list(kept.parameters())) == 6  # of the copies, not of the module in training


def test_snapshots_average_probabilities_where_asked():
    module = nn.Linear(2, 3)
    kept = Snapshots(module, cycles=1, softmax=True)
    assert kept.after(1.0)
    assert not kept.after(1.0)
    assert kept(torch.randn(4, 2)).sum(1).tolist() == pytest.approx([1.0] * 4)


def test_weight_averages_are_torchs():
    """Izmailov et al. (2018): torch's own averaging is the running mean that the texts mean."""
    module = nn.Linear(2, 1)
    averaged = torch.optim.swa_utils.AveragedModel(module)
    seen = []
    for step in range(4):
        module.weight.data.fill_(float(step**2))
        averaged.update_parameters(module)
        seen.append(module.weight.clone())
    assert torch.allclose(averaged.module.weight, torch.stack(seen).mean(0))
