"""Dropout that is seldom meant: a hint from the first step, which a training without it settles."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.oracles.diagnosis_rules import STEPS, became, ended, healthy, looped
from torch import Tensor, nn

from profunda.diagnosis.anatomy import anatomy_of
from profunda.diagnosis.feeding import feed_of
from profunda.diagnosis.finding import Change
from profunda.diagnosis.ingredients import Parts
from profunda.diagnosis.judging import judge
from profunda.diagnosis.partial import until
from profunda.diagnosis.record import Record, Trial
from profunda.diagnosis.remedies import applied
from profunda.diagnosis.rules.all import RULES
from profunda.diagnosis.rules.doubts import doubts, dropped
from profunda.diagnosis.rules.halving import eased

NONE = Change("dropout", value=0.0)


def dropping(rate: float = 0.0, entering: float = 0.0) -> Record:
    record = healthy()
    layers = [replace(one, dropout=rate) for one in record.anatomy.layers[:-1]]
    layers.append(record.anatomy.layers[-1])
    return replace(record, anatomy=replace(record.anatomy, layers=tuple(layers), entering=entering))


def tried(record: Record, loss: float, control: float = 0.9) -> Record:
    near, none = np.array([-0.005, 0.005]), np.empty(0)
    ends = loss + near, control + near
    return replace(record, trials=(Trial("dropout", "", 0.0, STEPS, *ends, none, none, *ends),))


def severities(record: Record) -> list[str]:
    return [one.severity for one in judge(record, RULES).findings if one.code == "dropout-too-strong"]


@pytest.mark.parametrize(("rate", "entering"), [(0.7, 0.0), (0.0, 0.4)])
def test_what_is_seldom_meant_is_told_before_a_step_and_taken_back_by_learning(
    rate: float, entering: float
) -> None:
    assert severities(until(dropping(rate, entering), 0)) == ["hint"]
    assert severities(until(dropping(rate - 0.1 * (rate > 0), entering - 0.1 * (entering > 0)), 0)) == []
    assert severities(dropping(rate, entering)) == []
    assert "of what the input gives" in judge(until(dropping(0.0, 0.5), 0), RULES).findings[0].cause


def test_what_restores_its_inputs_may_be_given_few() -> None:
    record = dropping(0.0, 0.5)
    assert record.task is not None
    assert severities(until(replace(record, task=replace(record.task, kind="copy")), 0)) == []


def test_a_training_without_it_that_leaves_a_tenth_less_tells_what_it_costs() -> None:
    record = ended(dropping(0.7), 0.3, 0.93)
    assert NONE in doubts(record)
    assert severities(tried(record, 0.26)) == ["hint"]
    assert severities(tried(record, 0.28)) == []
    usual = ended(dropping(0.6), 0.3, 0.93)
    assert severities(tried(usual, 0.22)) == []
    assert severities(tried(usual, 0.05)) == ["hint"]


def test_gains_count_against_the_best_look_and_every_control() -> None:
    record = ended(dropping(0.7), 0.3, 0.93)
    assert eased(tried(record, 0.22), "dropout") > 0.0
    assert eased(tried(record, 0.22, control=0.23), "dropout") == 0.0
    assert eased(tried(ended(record, 0.01, 0.99), 0.001), "dropout") == 0.0
    once = looped(record, valid_loss=np.append(np.full(9, 0.3), 0.2)[-len(record.course.valid_loss) :])
    assert eased(tried(once, 0.22), "dropout") == 0.0


def test_half_is_tried_without_where_validation_rows_do_as_well() -> None:
    record = ended(dropping(0.5), 0.3, 0.93)
    alike = became(record, train_loss=0.3, valid_loss=0.31)
    assert NONE in doubts(alike)
    assert NONE not in doubts(became(record, train_loss=0.2, valid_loss=0.31))
    assert NONE not in doubts(became(ended(dropping(0.4), 0.3, 0.93), train_loss=0.3, valid_loss=0.31))


class _WordDrop(nn.Module):
    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        return x * (torch.rand(x.shape[:2]) > self.rate)[..., None] if self.training else x


def test_a_module_of_dropout_of_ones_own_is_seen_and_can_be_left_out() -> None:
    net = nn.Sequential(nn.Embedding(9, 4), _WordDrop(0.8), nn.Flatten(), nn.Linear(20, 2))
    x = torch.randint(9, (6, 5))
    assert dropped(anatomy_of(net, (x,))) == (0.8, "0")
    parts = Parts(net, nn.CrossEntropyLoss(), lambda own: torch.optim.SGD(own.parameters(), lr=0.1), 4)
    own = applied(NONE, parts, feed_of((x,), torch.zeros(6, dtype=torch.long))).module
    assert own.get_submodule("1").rate == 0.0
    assert net.get_submodule("1").rate == 0.8


class _Words(nn.Module):
    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate, self.table, self.head = rate, nn.Embedding(9, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        kept = nn.functional.dropout(self.table(x), self.rate, self.training)
        return self.head(kept.mean(1))


def test_rates_are_seen_before_the_first_layer_behind_a_table_and_inside_of_layers() -> None:
    x = torch.randn(6, 5)
    early = nn.Sequential(nn.Dropout(0.4), nn.BatchNorm1d(5), nn.Linear(5, 3), nn.Dropout(0.2))
    seen = anatomy_of(early, (x,))
    assert (seen.entering, dropped(seen)) == (0.4, (0.4, ""))
    words = anatomy_of(_Words(0.7), (torch.randint(9, (6, 5)),))
    assert (words.entering, dropped(words)) == (0.0, (0.7, "table"))
    stack = nn.Sequential(nn.LSTM(5, 4, 2, dropout=0.6, batch_first=True))
    assert dropped(anatomy_of(stack, (torch.randn(6, 7, 5),)))[0] == 0.6
    alone = nn.Sequential(nn.GRU(5, 4, 1, batch_first=True))
    assert dropped(anatomy_of(alone, (torch.randn(6, 7, 5),)))[0] == 0.0
