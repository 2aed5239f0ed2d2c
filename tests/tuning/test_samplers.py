"""What every sampler must keep to, and what each one is for."""

import json
import os
import subprocess
import sys
import time
from functools import cache

import numpy as np
import optuna
import pytest
from tests.oracles.space import radical_inverse

from profunda.errors import ArgumentError, SpaceError
from profunda.fleet.history import Status
from profunda.space.domain import Choice, Float, Int, LogFloat
from profunda.space.space import Space, When
from profunda.space.table import table_space
from profunda.tuning.samplers.outcome import Outcome
from profunda.tuning.samplers.quasi_random import _permutations, halton
from profunda.tuning.samplers.random import stream
from profunda.tuning.samplers.sampler import SAMPLERS, sampler_for

FINITE = Space(
    {
        "depth": [0, 1, 2],
        "width": When("depth", (1, 2), [16, 32, 64]),
        "shape": When("depth", 2, ["constant", "pyramid"]),
        "drop": [False, True],
        "rate": When("drop", True, [0.1, 0.2, 0.3]),
        "held": 7,
        "mixed": [None, "a", (64, 32)],
    }
)
WIDE = Space(
    {
        "x": Float(-1, 1),
        "lr": LogFloat(1e-4, 1e-1),
        "n": Int(1, 300, log=True),
        "kind": Choice(["a", "b", "c"]),
        "extra": When("kind", ("a", "c"), Float(0, 1)),
        "k": Int(-2, 5),
    }
)
CASES = [(name, FINITE) for name in SAMPLERS] + [(name, WIDE) for name in SAMPLERS if name != "grid"]
STATELESS = ["random", "quasi-random", "grid"]
LEARNING = ["batch", "tpe", "gp"]
ENDINGS = [
    Status.COMPLETED,
    Status.EARLY_STOPPED,
    Status.OUTCOMPETED,
    Status.FAILED,
    Status.COMPLETED,
    Status.DIVERGED,
]


def value_of(params) -> float:
    return float(len(json.dumps(dict(params)))) + params.get("x", 0.0) ** 2


def completed(*values, violation=0.0) -> Outcome:
    return Outcome(values, Status.COMPLETED, violation)


def tell(sampler, batch) -> None:
    for position, params in enumerate(batch):
        status = ENDINGS[position % len(ENDINGS)]
        sampler.tell(params, Outcome((np.nan if status is Status.DIVERGED else value_of(params),), status))


def play(sampler, sizes) -> list:
    batches = []
    for size in sizes:
        batches.append(sampler.propose(size))
        tell(sampler, batches[-1])
    return batches


def sizes_of(name) -> list[int]:
    """Batches that take a sampler beyond its first draws; Optuna's GP takes a tenth of a second a draw."""
    return [8, 12, 10, 3] if name == "batch" else [6, 6, 2]


@cache
def played(name, finite) -> tuple[list, list]:
    """Batches of a sampler of seed 5 that is told of each, and what it proposes then."""
    sampler = sampler_for(name, FINITE if finite else WIDE, 5)
    return play(sampler, sizes_of(name)), sampler.propose(4)


@pytest.mark.parametrize(("name", "space"), CASES, ids=lambda v: v if isinstance(v, str) else "")
class TestEverySampler:
    def test_proposals_belong_to_the_space(self, name, space):
        past, following = played(name, space is FINITE)
        for batch in [*past, following]:
            for params in batch:
                assert space.validate(params) == params

    def test_the_same_seed_gives_the_same_trials_and_so_replay_by_proposing_the_state(self, name, space):
        past, following = played(name, space is FINITE)
        again = sampler_for(name, space, 5)
        assert play(again, sizes_of(name)) == past
        assert again.propose(4) == following

    def test_replay_by_repeating_rebuilds_the_state(self, name, space):
        past, following = played(name, space is FINITE)
        # As a journal would give them back: through JSON, tuples as lists.
        read = [[space.validate(params) for params in batch] for batch in json.loads(json.dumps(past))]
        again = sampler_for(name, space, 5)
        for batch in read:
            again.repeat(batch)
            tell(again, batch)
        assert again.propose(4) == following

    def test_a_batch_told_late_and_in_another_order_changes_nothing_it_should_not(self, name, space):
        one, other = sampler_for(name, space, 5), sampler_for(name, space, 5)
        for sampler, order in ((one, 1), (other, -1)):
            batch = sampler.propose(6)
            for params in batch[::order]:
                sampler.tell(params, completed(value_of(params)))
        assert one.propose(3) == other.propose(3)

    def test_no_batch_is_empty_and_nothing_is_nothing(self, name, space):
        sampler = sampler_for(name, space, 0)
        assert sampler.propose(0) == []
        assert len(sampler.propose(1)) == 1

    def test_answers_to_several_objectives_with_constraints_are_learnt_from(self, name, space):
        first, again = (sampler_for(name, space, 2, ["minimize", "maximize"]) for _ in range(2))
        for size in (12, 6):
            batch = first.propose(size)
            assert again.propose(size) == batch
            for k, params in enumerate(batch):
                outcome = completed(value_of(params), float(k % 5), violation=float(k % 3 - 1))
                for sampler in (first, again):
                    sampler.tell(params, outcome)
        assert all(space.validate(params) == params for params in first.propose(2))

    def test_all_failed_and_none_is_a_number(self, name, space):
        sampler = sampler_for(name, space, 0)
        for _ in range(2):
            for k, params in enumerate(sampler.propose(8)):
                status = Status.FAILED if k % 2 else Status.COMPLETED
                sampler.tell(params, Outcome(([np.nan, np.inf, -np.inf][k % 3],), status))
        assert len(sampler.propose(2)) == 2

    def test_a_foreign_answer_does_no_harm(self, name, space):
        sampler = sampler_for(name, space, 0)
        foreign = space.sample(np.full((1, space.dimensions), 0.3))[0]
        sampler.tell(foreign, completed(1.0))
        assert len(sampler.propose(3)) == 3


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "grid"])
def test_another_seed_gives_others(name):
    assert play(sampler_for(name, WIDE, 3), [12]) != play(sampler_for(name, WIDE, 4), [12])


@pytest.mark.parametrize("name", STATELESS)
def test_stateless_ones_do_not_depend_on_the_batch(name):
    whole = sampler_for(name, FINITE, 1).propose(30)
    sampler = sampler_for(name, FINITE, 1)
    assert [params for size in (1, 9, 13, 7) for params in sampler.propose(size)] == whole


@pytest.mark.parametrize("name", STATELESS)
def test_stateless_ones_do_not_depend_on_answers(name):
    told, silent = sampler_for(name, FINITE, 1), sampler_for(name, FINITE, 1)
    tell(told, told.propose(5))
    silent.propose(5)
    assert told.propose(5) == silent.propose(5)


@pytest.mark.parametrize("name", LEARNING)
def test_learning_ones_do_depend_on_answers(name):
    told, other = sampler_for(name, WIDE, 1), sampler_for(name, WIDE, 1)
    for sampler, sign in ((told, 1), (other, -1)):
        for params in sampler.propose(14):
            sampler.tell(params, completed(sign * params["x"]))
    assert told.propose(2) != other.propose(2)


@pytest.mark.parametrize("name", ["random", "quasi-random", "tpe", "batch"])
def test_trials_are_the_same_in_another_process(name):
    code = (
        "from tests.tuning.test_samplers import *\n"
        f"print(json.dumps(play(sampler_for({name!r}, WIDE, 9), [6, 12, 6])))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(run.stdout) == play(sampler_for(name, WIDE, 9), [6, 12, 6])


class TestGrid:
    def test_is_the_spaces_grid_and_then_nothing(self):
        sampler = sampler_for("grid", FINITE, 0)
        assert sampler.propose(10**6) == list(FINITE.grid())
        assert sampler.propose(5) == []

    def test_refuses_intervals(self):
        with pytest.raises(
            SpaceError, match=r"cannot enumerate x, which is a number from -1 to 1.*\[0.1, 0.3, 0.5\]"
        ):
            sampler_for("grid", WIDE, 0)


class TestRandom:
    def test_draw_i_is_a_function_of_seed_and_i_alone(self):
        whole = stream(7, "random", 0, 100, 5)
        assert all(np.array_equal(stream(7, "random", i, 1, 5)[0], whole[i]) for i in range(100))

    def test_streams_differ_by_seed_and_purpose_and_are_uniform(self):
        tables = [stream(seed, purpose, 0, 4000, 3) for seed in (0, 1) for purpose in ("random", "other")]
        flat = np.stack([table.ravel() for table in tables])
        assert np.abs(np.corrcoef(flat) - np.eye(4)).max() < 0.05
        for row in flat:
            counts, _ = np.histogram(row, bins=20, range=(0, 1))
            assert ((counts - 600) ** 2 / 600).sum() < 43.8  # χ² of 19 degrees at 0.001
        serial = np.corrcoef(flat[0][:-1], flat[0][1:])[0, 1]
        assert abs(serial) < 0.05

    def test_costs_at_most_20_microseconds_a_draw(self):
        space = table_space("binary", 800, 20, 2)
        for name in ("random", "quasi-random"):
            best = np.inf
            for _ in range(5):
                sampler = sampler_for(name, space, 0)
                start = time.process_time()
                sampler.propose(1000)
                best = min(best, time.process_time() - start)
            assert best / 1000 < 20e-6, name


class TestQuasiRandom:
    def test_is_the_exact_radical_inverse(self):
        tables = _permutations(5, seed=3)
        points = halton(tables, np.arange(200))
        for index in (0, 1, 17, 199):
            exact = [float(radical_inverse(index, table)) for table in tables]
            assert points[index] == pytest.approx(exact, abs=1e-15)
        assert points.min() >= 0
        assert points.max() < 1

    def test_every_digit_table_is_a_permutation(self):
        for table in _permutations(8, seed=0):
            assert np.array_equal(np.sort(table, axis=1), np.tile(np.arange(table.shape[1]), (len(table), 1)))

    def test_fills_every_interval_once(self):
        # Of 2^a·3^b consecutive points each box of a 2^a × 3^b grid holds exactly one, whatever the digits.
        points = halton(_permutations(2, seed=11), np.arange(72))
        boxes = (np.floor(points[:, 0] * 8) * 9 + np.floor(points[:, 1] * 9)).astype(int)
        assert sorted(boxes) == list(range(72))
        # Negative control: independent draws leave boxes empty.
        random = stream(11, "random", 0, 72, 2)
        assert len(set((np.floor(random[:, 0] * 8) * 9 + np.floor(random[:, 1] * 9)).astype(int))) < 60

    def test_covers_one_that_matters_better_than_a_grid_or_chance(self):
        """Nine trials, one of two parameters matters: mean distance to the best place for it.

        A 3 × 3 grid has three values, so 1/12; independent draws give 0.0547 (both known).
        """
        target = (np.arange(1000) + 0.5) / 1000

        def gap(x):
            return np.abs(x[:, None] - target).min(axis=0).mean()

        grid = gap((np.arange(3) + 0.5) / 3)
        random = np.mean([gap(stream(seed, "random", 0, 9, 2)[:, 0]) for seed in range(400)])
        quasi = np.mean([gap(halton(_permutations(2, seed), np.arange(9))[:, 0]) for seed in range(400)])
        assert grid == pytest.approx(1 / 12, abs=1e-3)
        assert random == pytest.approx(0.0547, abs=3e-3)
        assert quasi < 0.75 * random

    def test_two_that_matter_equally_favour_the_grid(self):
        """The condition of the claim above: where both parameters matter, nine draws lose to the grid."""
        side = (np.arange(40) + 0.5) / 40
        target = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)

        def gap(x):
            return np.sqrt(((x[:, None] - target) ** 2).sum(axis=2)).min(axis=0).mean()

        thirds = (np.arange(3) + 0.5) / 3
        grid = gap(np.stack(np.meshgrid(thirds, thirds), axis=-1).reshape(-1, 2))
        random = np.mean([gap(stream(seed, "random", 0, 9, 2)) for seed in range(100)])
        assert grid < random


def branin(params) -> float:
    x, y = params["x"], params["y"]
    curve = y - 5.1 / (4 * np.pi**2) * x**2 + 5 / np.pi * x - 6
    return curve**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10


class TestLearning:
    PLANE = Space({"x": Float(-5, 10), "y": Float(0, 15)})

    def best(self, name, seed, trials, batch, sign=1):
        sampler = sampler_for(name, self.PLANE, seed, "minimize" if sign == 1 else "maximize")
        found = []
        while len(found) < trials:
            for params in sampler.propose(batch):
                found.append(branin(params))
                sampler.tell(params, completed(sign * found[-1]))
        return min(found)

    def test_tpe_beats_chance_on_branin(self):
        seeds = range(12)
        tpe = np.median([self.best("tpe", seed, 40, 4) for seed in seeds])
        random = np.median([self.best("random", seed, 40, 4) for seed in seeds])
        assert 0.397 < tpe < random

    def test_gp_comes_close_to_the_optimum_of_branin(self):
        assert 0.397 < np.median([self.best("gp", seed, 24, 2) for seed in range(3)]) < 0.6

    def test_maximising_is_minimising_the_negative(self):
        assert self.best("tpe", 0, 24, 4, sign=-1) == self.best("tpe", 0, 24, 4, sign=1)

    @pytest.mark.parametrize("name", ["tpe", "gp"])
    def test_failed_trials_are_told_as_failed_and_outcompeted_ones_are_learnt_from(self, name):
        sampler = sampler_for(name, WIDE, 0)
        told = dict(zip(sampler_states(sampler, tell_all=True), ENDINGS, strict=True))
        states = optuna.trial.TrialState
        expected = states.PRUNED if name == "tpe" else states.COMPLETE
        assert {status: state for (_, state), status in told.items()} == {
            Status.COMPLETED: states.COMPLETE,
            Status.EARLY_STOPPED: states.COMPLETE,
            Status.OUTCOMPETED: expected,
            Status.FAILED: states.FAIL,
            Status.DIVERGED: states.FAIL,
        }

    @pytest.mark.parametrize("name", LEARNING)
    def test_the_users_optuna_settings_survive(self, name, capfd):
        before = optuna.logging.get_verbosity()
        play(sampler_for(name, FINITE, 0), [6, 6, 2])
        assert optuna.logging.get_verbosity() == before
        assert capfd.readouterr() == ("", "")

    @pytest.mark.parametrize("name", LEARNING)
    def test_a_batch_has_no_twins(self, name):
        sampler = sampler_for(name, WIDE, 0)
        play(sampler, [12])
        batch = sampler.propose(4)
        assert len({json.dumps(params) for params in batch}) == 4


def sampler_states(sampler, *, tell_all):
    """Trial numbers and states of one batch of six, as Optuna holds them after they were told."""
    batch = sampler.propose(len(ENDINGS))
    entered = [sampler._open[json.dumps(dict(params), sort_keys=True)][0].number for params in batch]
    if tell_all:
        tell(sampler, batch)
    trials = sampler._study.get_trials(deepcopy=False)
    return [(number, trials[number].state) for number in entered]


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (
            ("radnom", FINITE, 0),
            "no sampler 'radnom'. Did you mean random.* random, quasi-random, grid, batch, tpe, gp",
        ),
        (("zz", FINITE, 0), "no sampler 'zz'. The samplers are"),
        (("random", FINITE, 0, "min"), "direction = 'min' is unknown: it is minimize or maximize"),
    ],
)
def test_refusals(args, text):
    with pytest.raises(ArgumentError, match=text):
        sampler_for(*args)
