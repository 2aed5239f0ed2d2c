"""Rates that fall too soon: what a training at an even rate tells of them."""

from dataclasses import replace

import numpy as np
import torch
from tests.oracles.diagnosis_rules import STEPS, ended, healthy, looped
from torch import nn

from profunda.diagnosis.ingredients import making_of
from profunda.diagnosis.judging import judge
from profunda.diagnosis.paces import paced
from profunda.diagnosis.record import Record, Trial
from profunda.diagnosis.rules.all import RULES
from profunda.diagnosis.suspicions import suspected

T = np.arange(STEPS)
TENTHS = 1e-3 * 0.1 ** np.minimum(T // 90, 2)
"""Not below a hundredth for half of the run, but low for most of it."""


def severities(record: Record) -> list[str]:
    return [one.severity for one in judge(record, RULES).findings if one.code == "rate-decays-too-fast"]


def tried(record: Record, loss: float, control: float) -> Record:
    near = np.array([-0.005, 0.005])
    ends = loss + near, control + near
    none = np.empty(0)
    trial = Trial("schedule", "constant", np.nan, STEPS // 2, *ends, none, none, *ends)
    return replace(record, trials=(trial,))


def test_a_rate_that_is_low_for_most_of_a_run_is_tried_even() -> None:
    short = ended(healthy(), 0.4, 0.93)
    kinds = [one.kind for one in suspected(looped(short, rate=TENTHS), judge(short, RULES))]
    assert "schedule" in kinds
    for rate in (np.full(STEPS, 1e-3), 1e-3 * (1.0 - T / STEPS), 5e-4 * (1.0 + np.cos(np.pi * T / STEPS))):
        kinds = [one.kind for one in suspected(looped(short, rate=rate), judge(short, RULES))]
        assert "schedule" not in kinds
    arrived = ended(healthy(), 0.05, 0.99)
    assert not suspected(looped(arrived, rate=TENTHS), judge(arrived, RULES))


def test_what_an_even_rate_gains_tells_whether_a_schedule_ended_learning() -> None:
    record = looped(ended(healthy(), 0.4, 0.93), rate=TENTHS)
    assert severities(record) == []
    assert severities(tried(record, 0.1, 0.9)) == ["hint"]
    assert severities(tried(record, 0.35, 0.9)) == []


def test_trainings_for_comparison_take_the_rates_of_the_run() -> None:
    net = nn.Linear(3, 1)
    making = making_of(torch.optim.SGD(net.parameters(), lr=0.02), net)
    made, pace = paced(making, np.repeat([0.1, 0.01], 50), net)
    assert made(net).param_groups[0]["lr"] == 0.1
    assert (len(pace), pace[0]) == (33, 1.0)
    assert np.isclose(pace[-1], 0.1)
    for rates in (np.full(9, 0.1), np.zeros(9), np.zeros(0), np.array([1.0, np.nan])):
        assert paced(making, rates, net) == (making, ())


def test_a_rate_of_nothing_for_half_a_run_is_told_by_a_tenth_of_what_is_left() -> None:
    early = looped(ended(healthy(), 0.3, 0.93), rate=np.where(T < STEPS // 4, 1e-3, 1e-6))
    assert severities(early) == []
    assert severities(tried(early, 0.26, 0.9)) == ["hint"]
    assert severities(tried(early, 0.28, 0.9)) == []
    late = looped(ended(healthy(), 0.3, 0.93), rate=np.where(T < 0.7 * STEPS, 1e-3, 1e-6))
    assert severities(tried(late, 0.22, 0.9)) == []


def test_a_slow_decay_of_a_run_that_did_badly_is_no_fault_without_proof() -> None:
    poor = ended(healthy(), 0.7, 0.5)
    slow, fast = 0.9 ** (T / STEPS * 50), 0.9 ** (T / STEPS * 120)
    assert severities(looped(poor, rate=1e-3 * slow)) == ["hint"]
    assert severities(tried(looped(poor, rate=1e-3 * slow), 0.2, 0.9)) == ["fault"]
    assert severities(looped(poor, rate=1e-3 * fast)) == ["fault"]
