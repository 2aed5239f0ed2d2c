"""A job that records what it was asked and answers at once, so that the command line is tested alone."""

from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from profunda.errors import Notice
from profunda.model.optimism import Optimism
from profunda.model.score import Baseline, Score
from profunda.tuning.conditions import Condition
from profunda.tuning.explaining import Explanation
from profunda.tuning.patterns import Pattern

EXPLANATIONS = (
    Explanation(
        "rate-too-high",
        "diverged",
        37,
        300,
        200,
        Pattern((Condition("lr", ">", 0.02),), 36, 35, 37, 237, 1e-9),
    ),
    Explanation("dead-units", "had a layer of dead units", 3, 300, 200, None),
)
OPTIMISM = Optimism("log_loss", False, 0.30, 0.31, 0.29, 0.33, 0.305, 0.312, 60, 6400)


def outcome(run: Path, notices: tuple[Notice, ...], *, scored: bool, interrupted: bool) -> SimpleNamespace:
    """What the command line reads of an Outcome."""
    score = Score("log_loss", 0.3121, 0.3, 0.33, 0.95, 1600, False)
    rivals = (
        Baseline("majority", "Majority class", Score("log_loss", 0.55, 0.54, 0.56, 0.95, 1600, False), 0.1),
        Baseline("trees", "Boosted trees", None, 0.0, "left out: the budget was too small"),
    )
    return SimpleNamespace(
        run=run,
        score=score if scored else None,
        baselines=rivals,
        search=SimpleNamespace(networks=1234, explanations=EXPLANATIONS),
        interrupted=interrupted,
        optimism=OPTIMISM,
        validation="holdout",
        notices=notices,
    )


@dataclass
class FakeJob:
    """Stands in for profunda.job.fitting; `raises` is thrown by every call, `writes` makes the folder."""

    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)
    raises: BaseException | None = None
    writes: bool = True
    scored: bool = True
    interrupted: bool = False
    notices: tuple[Notice, ...] = ()

    def module(self) -> ModuleType:
        fitting = ModuleType("profunda.job.fitting")
        fitting.fit = self._answer("fit")
        fitting.resume = self._answer("resume")
        fitting.rewrite_report = self._answer("rewrite_report")
        return fitting

    def _answer(self, name: str) -> Any:
        def call(*args: Any, **words: Any) -> Any:
            self.calls.append((name, args, words))
            run = Path(words.get("out") or args[0])
            if name == "fit" and self.writes:
                run.mkdir()
            if self.raises is not None:
                raise self.raises
            return (
                run / "report.html"
                if name == "rewrite_report"
                else outcome(run, self.notices, scored=self.scored, interrupted=self.interrupted)
            )

        return call
