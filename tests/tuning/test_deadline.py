"""Training ends at the deadline, but never with nothing to show."""

import time

from profunda.tuning.deadline import cancelled_at


def test_it_waits_for_the_deadline_and_no_longer() -> None:
    with cancelled_at(time.perf_counter() + 0.1, lambda: True) as cancel:
        assert not cancel.is_set()
        assert cancel.wait(5)


def test_it_waits_until_there_is_enough() -> None:
    found: list[int] = []
    with cancelled_at(time.perf_counter(), lambda: bool(found)) as cancel:
        assert not cancel.wait(0.2)
        found.append(1)
        assert cancel.wait(5)


def test_without_a_deadline_it_never_cancels() -> None:
    with cancelled_at(None, lambda: True) as cancel:
        assert not cancel.wait(0.15)
