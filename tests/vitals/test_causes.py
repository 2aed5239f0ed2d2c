"""Causes of ending, read from made-up series on both sides of every threshold."""

import numpy as np
import pytest

from profunda.fleet.history import Status
from profunda.vitals.causes import cause_of_ending, is_dead, is_diverged, is_overfitted, is_vanished
from profunda.vitals.signs import SIGNS, sign_interval, takes_signs

GOOD = np.array([3.0, 2.0, 1.0])


def cause(train=GOOD, valid=GOOD, best=3, **signs):
    return cause_of_ending(
        np.asarray(train, float), np.asarray(valid, float), best, {k: np.array(v) for k, v in signs.items()}
    )


@pytest.mark.parametrize(
    ("expected", "made"),
    [
        ("completed", cause()),
        ("diverged", cause(train=[1, np.nan])),
        ("diverged", cause(train=[1, np.inf])),
        ("completed", cause(train=[np.inf, 1])),
        ("dead", cause(dead=[[0.0, 0.0], [0.1, 0.96]])),
        ("completed", cause(dead=[[0.0, 0.96], [0.1, 0.94]])),
        ("vanished", cause(gradient_norm=[[1e-8, 1e-3, 1e-1]])),
        ("completed", cause(gradient_norm=[[1e-5, 1e-3, 1e-1]])),
        ("vanished", cause(gradient_norm=[[1e-13, 1e-13]])),
        ("completed", cause(gradient_norm=[[1e-13]])),
        ("overfitted", cause(train=[3, 2, 1], valid=[3, 2, 2.3], best=2)),
        ("completed", cause(train=[3, 2, 1], valid=[3, 2, 2.1], best=2)),
        ("completed", cause(train=[3, 2, 2.5], valid=[3, 2, 2.5], best=2)),
        ("diverged", cause(train=[1, np.nan], dead=[[1.0]])),
        ("dead", cause(dead=[[1.0]], gradient_norm=[[0.0, 1.0]])),
    ],
)
def test_thresholds(expected, made):
    assert made == expected
    assert Status(made)


def test_rules_are_silent_without_evidence():
    none = np.zeros(0)
    assert not any([is_diverged(none), is_dead({}), is_vanished({}), is_overfitted(none, none, 0)])


def test_the_table_names_each_sign_once():
    assert len({sign.name for sign in SIGNS}) == len(SIGNS) == 6
    assert {sign.of for sign in SIGNS} == {"activations", "weights"}


def test_signs_are_taken_about_every_hundred_steps():
    assert [e for e in range(1, 20) if takes_signs(e, 13)] == [1, 9, 17]
    assert all(takes_signs(e, 100) for e in range(1, 20))
    assert sign_interval(1) == 100
