"""Which rows a loop trains on: few of those there are, or those that judge it."""

from dataclasses import replace

import pytest
import torch
from tests.oracles.diagnosis_tables import course, record
from torch import Tensor

from profunda.diagnosis.batches import Batch
from profunda.diagnosis.coverage import coverage_of, keys_of
from profunda.diagnosis.finding import Silence
from profunda.diagnosis.partial import until
from profunda.diagnosis.record import Coverage
from profunda.diagnosis.rules.coverage import same_rows, trained_on_validation

ROWS = 320
X = torch.randn(ROWS, 3, generator=torch.Generator().manual_seed(0))
HELD = torch.randn(50, 3, generator=torch.Generator().manual_seed(1))


def kept(*parts: Tensor) -> list[Batch]:
    return [Batch((part,), (), torch.zeros(len(part)), len(part)) for part in parts]


def seen(*parts: Tensor) -> Coverage:
    return coverage_of(kept(*parts), keys_of(kept(X)), keys_of(kept(HELD)))


def test_windows_that_move_by_a_row_reach_few() -> None:
    found = seen(*(X[k : k + 32] for k in range(10)))
    assert found.since == 4
    assert found.different == 41
    assert found.reached == pytest.approx(41 / (ROWS * (1.0 - torch.exp(torch.tensor(-1.0)).item())))


@pytest.mark.parametrize("times", [1, 4])
def test_batches_that_are_used_several_times_in_a_row_reach_all(times: int) -> None:
    parts = [part for part in X.split(32) for _ in range(times)]
    assert seen(*parts).since == -1


def test_draws_with_replacement_reach_what_chance_does() -> None:
    drawn = torch.randint(ROWS, (20, 32), generator=torch.Generator().manual_seed(0))
    found = seen(*(X[rows] for rows in drawn))
    assert found.since == -1
    assert 0.9 < found.reached < 1.1


def test_validation_rows_that_are_trained_on_are_counted() -> None:
    found = seen(*X.split(32), HELD[:25])
    assert (found.foreign, found.met) == (0.5, 11)
    assert seen(*X.split(32)).foreign == 0.0


def test_few_rows_are_told_from_the_batch_on_that_shows_it() -> None:
    few = Coverage(0.2, 10, 40, ROWS)
    done = record(0.3, course=course([1.0] * 100, coverage=few))
    assert [one.code for one in same_rows(done) if not isinstance(one, Silence)] == ["same-batch"]
    assert not isinstance(same_rows(until(done, 10)), Silence)
    assert isinstance(same_rows(until(done, 9)), Silence)
    assert isinstance(
        same_rows(record(0.3, course=course([1.0] * 100, coverage=replace(few, since=-1)))), Silence
    )


def test_a_tenth_of_the_validation_rows_is_a_leak() -> None:
    def told(foreign: float, batch: int = 100) -> int:
        leaky = Coverage(foreign=foreign, met=20)
        done = until(record(0.3, course=course([1.0] * 100, coverage=leaky)), batch)
        return len(trained_on_validation(done))

    assert told(0.11) == 1
    assert told(0.09) == 0
    assert told(0.11, 19) == 0
