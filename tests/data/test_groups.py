"""Few groups: one is enough to judge by, one to choose by, one to train on."""

from dataclasses import replace

import numpy as np
import pytest

from profunda.data.reading import read
from profunda.data.splits import split
from profunda.errors import DataError


@pytest.mark.parametrize("folds", [None, 1, 2])
def test_three_groups_are_enough(folds: int | None) -> None:
    generator = np.random.default_rng(0)
    data = read((generator.normal(size=(18_000, 2)), generator.normal(size=18_000)))
    data = replace(data, groups=np.arange(18_000) % 3)
    found = split(data, folds=folds)
    sides = [found.test, found.folds[0].train, found.folds[0].valid]
    groups = [{int(group) for group in data.groups[rows]} for rows in sides]
    assert all(len(side) == 1 for side in groups)
    assert set.union(*groups) == {0, 1, 2}, "a group stands on two sides"
    with pytest.raises(DataError, match="2 group"):
        split(replace(data, groups=np.arange(18_000) % 2))
