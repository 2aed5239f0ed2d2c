"""A claim of the source texts as something that runs: a prediction, a measurement, a verdict."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from profunda.lab.images import Images
from profunda.lab.pictures import Picture
from profunda.lab.words import Words

__all__ = ["VERDICTS", "Experiment", "Outcome", "Verdict"]

Verdict = Literal["holds", "holds with conditions", "wrong"]
VERDICTS: tuple[Verdict, ...] = ("holds", "holds with conditions", "wrong")


@dataclass(frozen=True)
class Outcome:
    """What was measured, in numbers and in words.

    `value` is the number that decides, `headline` says what it is (with its unit), `interval` is its 95 %
    interval, or, where nothing is random, the tolerance around it, and `predicted` what theory says of it.
    `measured` is one sentence with the numbers. `statement` is what one may say from now on: the claim as it
    holds, its conditions, or the corrected claim.
    """

    headline: Words
    predicted: float | None
    value: float
    interval: tuple[float, float]
    measured: Words
    verdict: Verdict
    statement: Words
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Experiment:
    """One page of the book. Its id is the name of its module, its chapter that module's package.

    `measure(quick)` does the work: deterministic, on one thread, a few seconds (a second or two when quick,
    with fewer networks and wider intervals, never another question). `measure_on(images, quick)` asks the
    same of images that the reader brings, where the text speaks of such as do not come with Profunda; minutes
    are allowed. `claim` is what the text says, in our
    words; `source` says where; `prediction` is written before measuring and has its formula's source.
    `errata` are labels of the errata that it settles, `rows` the topics of the mission that it answers.
    """

    title: Words
    claim: Words
    source: Words
    prediction: Words
    measure: Callable[[bool], Outcome]
    measure_on: Callable[[Images, bool], Outcome] | None = None
    errata: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
