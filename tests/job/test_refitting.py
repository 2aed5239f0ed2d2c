"""The stopping rule and both follow-ups, against their listings and on real rows."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import numbers
from tests.oracles.early_stopping import algorithm_7_1, algorithm_7_3

from profunda.fleet.stopping import early_stop
from profunda.job import refitting
from profunda.job.fitting import fit

WORDS = {"trials": 3, "select": "best", "progress": False, "baselines": False, "folds": 2}


@given(st.lists(st.floats(0, 5) | st.just(math.nan), max_size=40), st.integers(1, 6))
def test_the_rule_is_the_listing(losses: list[float], patience: int) -> None:
    watch, trained = early_stop(losses, patience)
    assert (watch.best_epoch, watch.best_loss, trained) == algorithm_7_1(losses, patience)


def test_the_listing_can_disagree() -> None:
    """Negative control: another patience reads the same curve otherwise."""
    curve = [5, 4, 3, 3.5, 3.2, 2.9, 3, 3.1, 3.2, 1]
    assert algorithm_7_1(curve, 3) == (6, 2.9, 9)
    assert algorithm_7_1(curve, 2) == (3, 3, 5)


@pytest.mark.parametrize("falls_at", [0, 1, 4, 99])
def test_continuing_ends_where_algorithm_7_3_does(falls_at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Validation losses are made up: above the goal until so many epochs were added."""
    asked: dict[tuple[int, int], list[int]] = {}

    def train(self: object, member, state, epochs: int, data) -> object:
        seen = asked.setdefault((member.fold, member.replicate), [])
        seen.append(epochs)
        goal = state.train_loss[len(state.train_loss) - len(seen)] if len(seen) == 1 else train.goal
        train.goal = goal
        low = goal - 1 if len(seen) >= falls_at else goal + 1
        return replace(
            state,
            epoch=epochs,
            train_loss=np.append(state.train_loss, 0.0),
            valid_loss=np.append(state.valid_loss, low),
        )

    monkeypatch.setattr(refitting.Trainer, "train", train)
    outcome = fit(numbers(120), refit="continue", fix={"epochs": 20, "patience": 3}, **WORDS)
    best = outcome.search.best
    assert best is not None
    assert best.design is not None
    for fold, curve in enumerate(_curves(outcome, best.number)):
        start = curve.best_epoch
        # At the start the validation loss is the best epoch's own, then what was made up.
        goal, at_start = curve.train_loss[start - 1], curve.valid_loss[start - 1]
        made_up = [at_start, *(goal - 1 if k >= falls_at else goal + 1 for k in range(1, 40))]
        wanted = algorithm_7_3(goal, start, made_up, best.design.epochs)
        taken = next((epochs for (f, _), epochs in asked.items() if f == fold), [])
        assert (taken[-1] if taken else start) == wanted
        assert taken == list(range(start + 1, wanted + 1))


def _curves(outcome, number: int) -> list:
    history = outcome.search.history
    place = [t.number for t in outcome.search.trials].index(number) * outcome.search.folds
    return list(history.curves[place : place + outcome.search.folds])


def test_retraining_takes_the_mean_best_steps_on_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Algorithm 7.2: from the start, for as many steps as were best."""
    asked: list[tuple[object, int, int]] = []
    train = refitting.Trainer.train

    def watch(self, member, state, epochs: int, data) -> object:
        asked.append((state, epochs, len(data.sources[member.design.encoding, 0].train)))
        return train(self, member, state, epochs, data)

    monkeypatch.setattr(refitting.Trainer, "train", watch)
    outcome = fit(numbers(200), refit="retrain", fix={"epochs": 12, "patience": 3}, **WORDS)
    best = outcome.search.best
    assert best is not None
    assert best.design is not None
    ((state, epochs, rows),) = asked
    assert state is None
    assert rows == len(outcome.splits.development) == 160
    curves = _curves(outcome, best.number)
    steps = np.mean([curve.best_epoch * curve.steps / curve.epochs for curve in curves])
    per_epoch = math.ceil(160 / min(best.design.batch_size, 160))
    assert epochs == max(1, round(steps / per_epoch))


def test_validation_rows_have_no_say_in_the_weights() -> None:
    """Off the training path: with one validating row or many, the last weights are the same bits."""
    from profunda.fleet.member import Member
    from profunda.fleet.plan import plan
    from profunda.fleet.source import FleetData, Source
    from profunda.space.design import Design
    from profunda.training.packs import run_packs

    draw = np.random.default_rng(0)
    x = draw.normal(size=(120, 4)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int64)
    ends = []
    for valid in (np.arange(90, 120), np.arange(90, 91)):
        data = FleetData({("robust", 0): Source(x, y, np.arange(90), valid)}, 2, True)
        members = [Member(Design(widths=(8,), dropout=0.2, epochs=5, patience=0), 0, k) for k in range(3)]
        made = plan(members, data)
        done = run_packs(made, data, until=[5] * 3, states=[None] * 3)
        ends.append([state.params for _, result, _ in done for state in result.states])
    assert all(np.array_equal(a, b) for a, b in zip(*ends, strict=True))


SNAPSHOTS = {"epochs": 14, "schedule": "restarts", "snapshots": True, "depth": 1}


@pytest.mark.parametrize(("refit", "networks"), [("folds", 6), ("retrain", 3), ("continue", 6)])
def test_snapshots_vote_as_networks_of_their_own(refit: str, networks: int) -> None:
    data = numbers(120)
    model = fit(data, refit=refit, fix=SNAPSHOTS, **WORDS).model  # type: ignore[arg-type]
    (part,) = model.parts
    assert len(part.networks) == networks
    told = {network.params.tobytes() for network in part.networks}
    assert len(told) > networks // 2  # an early best epoch may be one of the snapshots
    alone = [replace(model, parts=(replace(part, networks=(one,)),)) for one in part.networks]
    mean = np.mean([one.predict_codes(data.codes) for one in alone], axis=0)
    assert np.allclose(model.predict_codes(data.codes), mean, rtol=1e-12)


def test_the_score_of_snapshots_is_that_of_their_mean() -> None:
    data = numbers(120)
    outcome = fit(data, fix=SNAPSHOTS, **WORDS)
    (part,) = outcome.model.parts
    found = {}
    for voters in (1, 3):
        losses = []
        for number, fold in enumerate(outcome.splits.folds):
            networks = part.networks[3 * number : 3 * number + voters]
            model = replace(outcome.model, parts=(replace(part, networks=networks),))
            error = model.predict_codes(data.codes[fold.valid]) - data.y[fold.valid]
            losses.append(math.sqrt(np.mean(error**2)))
        found[voters] = np.mean(losses)
    assert outcome.search.best is not None
    # The Model holds numbers inside the range of all rows, a fold inside that of its own.
    assert outcome.search.best.value == pytest.approx(found[3], rel=1e-3)
    assert outcome.search.best.value != pytest.approx(found[1], rel=1e-3)  # control
