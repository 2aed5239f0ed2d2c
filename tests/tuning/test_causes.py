"""Why trials ended: one word of one list, from the rules of a diagnosis, on lives made up for each."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from profunda.diagnosis.codes import CODES
from profunda.fleet.history import MemberHistory, Status
from profunda.forecasting.learnability import Concern, Trainability
from profunda.space.design import Design
from profunda.tuning.causes import CAUSES, cause_of
from profunda.tuning.explaining import Explanation, explain
from profunda.tuning.lives import Yardstick, record_of, yardstick_of

EPOCHS, STEPS = 40, 10
T = np.arange(1, EPOCHS + 1)
SETTLED = 0.1 + 0.9 * np.exp(-T / 3.0)
FLAT = 1.0 + 0.001 * np.sin(T)
BESIDE = Yardstick(1.0, 0.1)
DESIGN = Design(widths=(8, 8), epochs=EPOCHS, activation="tanh")


def life(train=SETTLED, valid=None, status=Status.COMPLETED, update=0.01, **signs) -> MemberHistory:
    train = np.asarray(train, float)
    valid = train + 0.01 if valid is None else np.asarray(valid, float)
    finite = np.where(np.isfinite(valid), valid, np.inf)
    own = {"gradient_norm": np.full((2, 3), 0.1), "update_ratio": np.full((2, 3), update)} | {
        name: np.asarray(values, float) for name, values in signs.items()
    }
    epochs = len(train)
    taken = np.array([1, epochs])
    return MemberHistory(epochs, STEPS * epochs, train, valid, int(finite.argmin()) + 1, status, own, taken)


def cause(*curves: MemberHistory, status=None, design=DESIGN, beside=BESIDE, foreseen=None) -> str:
    return cause_of(status or curves[0].status, design, curves, beside, foreseen)


def test_the_list_is_closed_and_shared() -> None:
    assert set(CAUSES) <= set(CODES) | {status.value for status in Status}
    assert all(cause.title and cause.did and cause.advice.endswith(".") for cause in CAUSES.values())
    assert (CAUSES["overfitting"].title, CAUSES["early_stopped"].title) == ("Overfitted", "stopped early")


@pytest.mark.parametrize("status", list(Status))
def test_every_trial_has_a_cause(status) -> None:
    for curves in ((), (life(status=status),), (life(FLAT[:3], status=status),)):
        assert cause_of(status, DESIGN, curves, BESIDE) in CAUSES
        assert cause_of(status, DESIGN, curves, Yardstick(math.nan)) in CAUSES


def test_what_goes_well_ended_as_it_should() -> None:
    assert cause(life()) == "completed"
    assert cause(life(status=Status.EARLY_STOPPED)) == "early_stopped"
    noisy = SETTLED + 0.03 * np.random.default_rng(0).normal(size=EPOCHS)
    assert cause(life(noisy)) == "completed"
    assert cause(life(SETTLED + 0.4, SETTLED + 0.02)) == "completed"  # dropout raises the training loss alone
    assert cause(life(SETTLED + 0.15), beside=Yardstick(1.0, 0.05)) == "completed"  # the best is better


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ("no-learning", cause(life(FLAT))),
        ("plateau", cause(life(0.65 + 0.3 * np.exp(-T / 3.0)))),
        ("too-few-epochs", cause(life(1.0 - 0.4 * T / EPOCHS))),
        ("rate-too-low", cause(life(1.0 - 0.0005 * T, update=1e-5))),
        ("rate-too-high", cause(life(1.5 + np.cos(2.0 * T), update=1.5))),
        ("overfitting", cause(life(0.9 * np.exp(-T / 5.0), 1.0 + 0.02 * T))),
        ("overfitting", cause(life(status=Status.OVERFITTED))),
        ("dropout-too-strong", cause(life(FLAT), design=replace(DESIGN, dropout=0.8))),
        ("dead-units", cause(life(FLAT, dead=[[0, 0], [0, 1]], status=Status.DEAD))),
        (
            "saturated-units",
            cause(life(FLAT, dead=[[0, 0], [0, 1]], saturated=[[0, 0], [0, 0.9]], status=Status.DEAD)),
        ),
        ("saturated-units", cause(life(FLAT, dead=np.zeros((2, 2)), saturated=[[0, 0], [0.9, 0]]))),
        ("weights-too-small", cause(life(FLAT, status=Status.VANISHED))),
        (
            "activation-contracts",
            cause(life(FLAT, status=Status.VANISHED), design=replace(DESIGN, activation="sigmoid")),
        ),
        ("rate-too-high", cause(life([1.0, 5.0, math.nan], status=Status.DIVERGED))),
        ("outcompeted", cause(life(FLAT[:5], status=Status.OUTCOMPETED))),
        ("unfinished", cause(life(SETTLED[:5], status=Status.RUNNING))),
        ("failed", cause_of(Status.FAILED, DESIGN, (), BESIDE)),
    ],
)
def test_each_cause_is_told_from_a_life_that_shows_it(expected, found) -> None:
    assert found == expected


def test_theory_tells_first_weights_from_steps_where_nothing_was_seen() -> None:
    overflows = Trainability((Concern("signal", 3.0, ""), Concern("step", 1.0, "")))
    far = Trainability((Concern("signal", -9.0, ""), Concern("step", 4.0, "")))
    at_once, later = (life(x, status=Status.DIVERGED) for x in ([math.nan], [1.0, math.nan]))
    assert cause(at_once, foreseen=overflows) == "weights-too-large"
    assert cause(at_once, foreseen=far) == "rate-too-high"
    assert cause(later, foreseen=overflows) == "rate-too-high"


def test_most_folds_must_have_a_fault() -> None:
    assert cause(life(FLAT), life(FLAT), life()) == "no-learning"
    assert cause(life(FLAT), life(), life()) == "completed"
    assert cause(life(FLAT), life()) == "completed"


def test_a_yardstick_is_the_best_whole_trial() -> None:
    good, bad, part = [life(), life(SETTLED + 0.1)], [life(FLAT), life(FLAT)], [life(SETTLED - 0.05)]
    found = yardstick_of(1.0, [bad, good, part, []])
    assert found.best == pytest.approx(np.mean([c.best_loss for c in good]))
    assert found.error == pytest.approx(np.std([c.best_loss for c in good], ddof=1) / math.sqrt(2))
    assert math.isnan(yardstick_of(1.0, [[]]).best)


def test_a_life_holds_what_was_recorded() -> None:
    record = record_of(DESIGN, life(), BESIDE)
    assert record.course is not None
    assert (record.course.steps, record.course.planned, record.course.finished) == (400, 400, True)
    assert record.surveys[-1].step == 400
    half = record_of(DESIGN, life(SETTLED[:20]), BESIDE).course
    assert half is not None
    assert (half.planned, half.finished) == (400, False)
    huber = record_of(replace(DESIGN, loss="huber"), life(SETTLED / 2, SETTLED), BESIDE).course
    assert huber is not None
    assert huber.loss.tolist() == SETTLED.tolist()  # the unit of the yardstick


# --- sentences ---


def rates(rows: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(1)
    return [{"lr": float(10 ** rng.uniform(-4, 0)), "depth": int(rng.integers(1, 9))} for _ in range(rows)]


def test_many_trials_make_one_sentence() -> None:
    configurations = rates(200)
    high = [c["lr"] > 0.1 for c in configurations]
    causes = ["rate-too-high" if one else "completed" for one in high]
    statuses = [Status.DIVERGED if one else Status.COMPLETED for one in high]
    (found,) = explain(causes, statuses, configurations)
    assert found.text == (
        f"{sum(high)} of 200 diverged: lr > 0.1 ({sum(high)} of the {sum(high)}, and 0 of "
        f"{200 - sum(high)} without trouble)."
    )
    (settled,) = explain(causes, [Status.COMPLETED] * 200, configurations)
    assert settled.did == "took too long steps"
    (both,) = explain(causes, [Status.DIVERGED] * 100 + [Status.COMPLETED] * 100, configurations)
    assert both.did == "diverged or took too long steps"


def test_what_only_whole_runs_can_do_is_compared_among_whole_runs() -> None:
    """Low rates alone were left to run, and half of these overfitted: that is no pattern of the rate."""
    configurations = rates(200)
    rng = np.random.default_rng(0)
    left = [c["lr"] < 0.01 for c in configurations]
    causes = [
        ("overfitting" if rng.random() < 0.5 else "completed") if one else "outcompeted" for one in left
    ]
    statuses = [Status.OUTCOMPETED] * 200
    (found,) = explain(causes, statuses, configurations)
    assert found.of == sum(left)
    assert found.pattern is None
    assert found.text.endswith("that ran to their end overfitted; no setting tells which, beyond chance.")


def test_another_trouble_that_came_first_is_no_pattern() -> None:
    """High rates diverge; of the others half learn nothing, whatever their rate."""
    configurations = rates(200)
    rng = np.random.default_rng(0)
    causes = [
        "rate-too-high" if c["lr"] > 0.01 else ("no-learning" if rng.random() < 0.5 else "completed")
        for c in configurations
    ]
    found = {one.cause: one for one in explain(causes, [Status.COMPLETED] * 200, configurations)}
    assert found["rate-too-high"].pattern is not None
    assert found["no-learning"].pattern is None


def test_a_users_own_objective_is_told_by_status() -> None:
    configurations = rates(60)
    statuses = [Status.FAILED if c["depth"] > 6 else Status.COMPLETED for c in configurations]
    (found,) = explain([""] * 60, statuses, configurations)
    assert found.text.startswith(f"{found.count} of 60 failed: depth ≥ 7 (")
    assert found.did == "failed"
    everyone = explain([""] * 3, [Status.FAILED] * 3, configurations[:3])
    assert everyone == (Explanation("failed", "failed", 3, 3, 0, None),)
    assert everyone[0].text == "3 of 3 failed."
    assert explain([], [], []) == ()
