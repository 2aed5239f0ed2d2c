"""Modules in evaluation for a while."""

import pytest
from torch import nn

from profunda.theory.modes import in_evaluation


def modes(module: nn.Module) -> list[bool]:
    return [part.training for part in module.modules()]


def test_every_part_is_in_the_mode_that_it_had() -> None:
    shared = nn.Dropout()
    one = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.BatchNorm1d(2), shared))
    other = nn.Sequential(shared, nn.Linear(2, 1)).eval()
    shared.train()
    one[1][0].eval()
    before = modes(one), modes(other)
    assert before == ([True, True, True, False, True], [False, True, False])
    with in_evaluation(one, other):
        assert not any(modes(one) + modes(other))
    assert (modes(one), modes(other)) == before
    with pytest.raises(KeyboardInterrupt), in_evaluation(other, one):
        raise KeyboardInterrupt
    assert (modes(one), modes(other)) == before
