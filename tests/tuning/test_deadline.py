"""Training is cancelled at the deadline, and only then."""

import time

from profunda.tuning.deadline import cancelled_at


def test_it_waits_for_the_deadline_and_no_longer() -> None:
    with cancelled_at(time.perf_counter() + 0.1) as cancel:
        assert not cancel.is_set()
        assert cancel.wait(5)


def test_a_deadline_that_has_passed_cancels_at_once() -> None:
    with cancelled_at(time.perf_counter() - 1) as cancel:
        assert cancel.wait(5)


def test_without_a_deadline_it_never_cancels() -> None:
    with cancelled_at(None) as cancel:
        assert not cancel.wait(0.15)
