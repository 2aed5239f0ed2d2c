"""Quick runs of experiments, each made once, and what every one of them must tell."""

from functools import cache
from types import ModuleType

from profunda.lab.experiment import Outcome, Verdict

__all__ = ["is_whole", "quick"]


@cache
def quick(module: ModuleType) -> Outcome:
    """What the experiment of `module` finds in its quick form."""
    return module.measure(True)


def is_whole(found: Outcome, expected: Verdict) -> None:
    """The verdict, a value within its interval, words in both languages, and pictures."""
    assert found.verdict == expected
    low, high = found.interval
    assert low <= found.value <= high
    assert "{" not in found.measured.en + found.measured.pt + found.statement.en + found.statement.pt
    assert found.measured.en != found.measured.pt
    assert 1 <= len(found.pictures) <= 3
