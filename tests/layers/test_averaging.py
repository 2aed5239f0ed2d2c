"""NT-ASGD against its algorithm, line by line."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.language import algorithm_1

from profunda.errors import ArgumentError
from profunda.layers.averaging import NTASGD

CENTRES = np.random.default_rng(0).normal(size=(80, 3))


def run(losses, interval, n, steps):
    """Steps of SGD towards moving centres; "validation losses" are handed in."""
    weight = torch.nn.Parameter(torch.zeros(3, dtype=torch.float64))
    optimiser = NTASGD(torch.optim.SGD([weight], lr=0.3), patience=n)
    told, begun = iter(losses), None
    for k in range(steps):
        optimiser.zero_grad()
        (0.5 * (weight - torch.from_numpy(CENTRES[k])).square().sum()).backward()
        optimiser.step()
        if k % interval == 0 and optimiser.judge(next(told)):
            begun = k
    return optimiser, weight, begun


@settings(max_examples=60)
@given(st.lists(st.floats(0, 10), min_size=40, max_size=40), st.integers(1, 4), st.integers(1, 6))
def test_it_is_algorithm_1(losses: list[float], interval: int, n: int) -> None:
    told = iter(losses)
    trigger, mean, points = algorithm_1(
        np.zeros(3), lambda w, k: w - CENTRES[k], 0.3, 40, interval, n, lambda w: next(told)
    )
    optimiser, weight, begun = run(losses, interval, n, 40)
    assert begun == trigger
    np.testing.assert_allclose(weight.detach(), points[-1], atol=1e-12)
    with optimiser.averaged():
        np.testing.assert_allclose(weight.detach(), mean, atol=1e-12)
    np.testing.assert_allclose(weight.detach(), points[-1], atol=1e-12)
    assert optimiser.count == (0 if trigger is None else len(points) - trigger)


def test_the_algorithm_would_see_an_early_trigger() -> None:
    losses = [5.0, 4.0, 4.5, 4.6, 4.7, *[4.8] * 40]
    late = algorithm_1(np.zeros(3), lambda w, k: w - CENTRES[k], 0.3, 40, 1, 2, _next(losses))
    soon = algorithm_1(np.zeros(3), lambda w, k: w - CENTRES[k], 0.3, 40, 1, 1, _next(losses))
    assert (soon[0], late[0]) == (3, 4)
    assert not np.allclose(soon[1], late[1])


def _next(losses):
    told = iter(losses)
    return lambda w: next(told)


def test_a_loss_that_is_no_number_begins_nothing() -> None:
    optimiser, _, begun = run([1.0, math.nan, math.nan, math.nan], 10, 1, 40)
    assert begun is None
    assert len(optimiser.losses) == 4


def test_it_goes_on_from_its_state() -> None:
    losses = [3.0, 4.0, 5.0, 6.0, *[7.0] * 40]
    whole, weight, _ = run(losses, 1, 1, 30)
    part, half, _ = run(losses, 1, 1, 12)
    again = NTASGD(torch.optim.SGD([half], lr=0.3), patience=1)
    again.load_state_dict(part.state_dict())
    for k in range(12, 30):
        again.zero_grad()
        (0.5 * (half - torch.from_numpy(CENTRES[k])).square().sum()).backward()
        again.step()
        again.judge(7.0)
    assert (again.count, again.losses) == (whole.count, whole.losses)
    with again.averaged(), whole.averaged():
        assert torch.equal(half, weight)
    assert again.param_groups[0]["lr"] == 0.3


def test_the_weights_come_back_after_an_error() -> None:
    optimiser, weight, _ = run([1.0, 2.0, 3.0, 3.0], 10, 1, 40)
    before = weight.detach().clone()

    def broken():
        with optimiser.averaged():
            raise RuntimeError(f"moved by {(weight - before).abs().max().item() > 0}")

    with pytest.raises(RuntimeError, match="moved by True"):
        broken()
    assert torch.equal(weight, before)


def test_a_patience_of_nothing_is_refused() -> None:
    with pytest.raises(ArgumentError, match="patience = 0 losses are too few"):
        NTASGD(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0), patience=0)
