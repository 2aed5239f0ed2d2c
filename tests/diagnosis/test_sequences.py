"""Sequences whose order is not seen, whose answers are, and whose past is forgotten."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tests.oracles.diagnosis_rules import anatomy, became, began, ended, failed, healthy, layer, looped
from torch import Tensor, nn

from profunda.diagnosis.anatomy import anatomy_of
from profunda.diagnosis.feeding import feed_of
from profunda.diagnosis.givens import Op
from profunda.diagnosis.judging import judge
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.all import RULES
from profunda.diagnosis.sequences import ahead, order
from profunda.diagnosis.surveys import survey

PLACES, TOKENS = 8, 11


class Reader(nn.Module):
    """Attention over embedded tokens; outputs of each place, or their mean."""

    def __init__(self, places: bool, mask: bool, each: bool) -> None:
        super().__init__()
        self.embedding = nn.Embedding(TOKENS, 16)
        self.where = nn.Parameter(torch.randn(PLACES, 16)) if places else None
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.head = nn.Linear(16, TOKENS)
        self.mask, self.each = mask, each

    def forward(self, x: Tensor) -> Tensor:
        h = self.embedding(x)
        h = h if self.where is None else h + self.where
        later = torch.ones(PLACES, PLACES, dtype=torch.bool).triu(1) if self.mask else None
        h = self.head(h + self.attention(h, h, h, attn_mask=later, need_weights=False)[0])
        return h.transpose(1, 2) if self.each else h.mean(1)


def rows(seed: int = 0) -> Tensor:
    return torch.randint(0, TOKENS, (24, PLACES + 1), generator=torch.Generator().manual_seed(seed))


def made(places: bool, mask: bool = False, each: bool = False) -> nn.Module:
    torch.manual_seed(0)
    return Reader(places, mask, each).eval()


@pytest.mark.parametrize("each", [True, False])
def test_only_places_that_are_told_have_an_order(each: bool) -> None:
    x = rows()
    feed = feed_of((x[:, :-1],), x[:, 1:])
    assert order(made(False, each=each), feed) < 1e-5
    assert order(made(True, each=each), feed) > 1e-2
    assert order(made(False, mask=True, each=each), feed) > 1e-2


def test_the_order_of_columns_and_of_too_few_places_is_not_asked_for() -> None:
    flat = feed_of((torch.randn(24, 8),), torch.randn(24, 1))
    assert np.isnan(order(nn.Linear(8, 1), flat))
    short = feed_of((torch.randn(24, 3, 2),), torch.randn(24, 1))
    assert np.isnan(order(nn.Sequential(nn.Flatten(), nn.Linear(6, 1)), short))


@pytest.mark.parametrize("flat", [True, False])
def test_a_mask_hides_what_is_to_be_foretold(flat: bool) -> None:
    x = rows()
    y = x[:, 1:].reshape(-1) if flat else x[:, 1:]
    feed = feed_of((x[:, :-1],), y)
    assert ahead(made(True, mask=False, each=True), feed) > 0.1
    assert ahead(made(True, mask=True, each=True), feed) < 1e-6


def test_targets_that_are_not_the_next_places_ask_for_no_mask() -> None:
    x = rows()
    assert np.isnan(ahead(made(True, each=True), feed_of((x[:, :-1],), x[:, :-1])))
    assert np.isnan(ahead(made(True, each=True), feed_of((x[:, :-1],), rows(1)[:, 1:])))
    assert np.isnan(ahead(made(True), feed_of((x[:, :-1],), x[:, 0])))


class Both(nn.Module):
    def __init__(self, two_ways: bool) -> None:
        super().__init__()
        self.lstm = nn.LSTM(2, 8, batch_first=True, bidirectional=two_ways)
        self.head = nn.Linear(16 if two_ways else 8, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.lstm(x)[0])


@pytest.mark.parametrize(("two_ways", "seen"), [(True, True), (False, False)])
def test_a_survey_tells_what_a_forecast_in_two_directions_sees(two_ways: bool, seen: bool) -> None:
    torch.manual_seed(0)
    net, x = Both(two_ways), torch.randn(24, 12, 2)
    found = survey(net, anatomy_of(net, (x[:2, :-1],)), (x[:, :-1],), x[:, 1:], nn.MSELoss(), step=0)
    assert (found.ahead > 1e-2) == seen
    assert found.order > 1e-3


class Padded(nn.Module):
    """Convolutions over places, filled up before the beginning or on both sides."""

    def __init__(self, both: bool) -> None:
        super().__init__()
        self.first, self.second = nn.Conv1d(1, 8, 3), nn.Conv1d(8, 1, 3)
        self.fill = (1, 1) if both else (2, 0)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.first(nn.functional.pad(x, self.fill)))
        return self.second(nn.functional.pad(x, self.fill))


@pytest.mark.parametrize("by", [1, 3])
@pytest.mark.parametrize("both", [True, False])
def test_places_are_found_on_any_axis_and_some_steps_ahead(both: bool, by: int) -> None:
    torch.manual_seed(0)
    x = torch.randn(24, 1, 20)
    seen = ahead(Padded(both), feed_of((x[..., :-by],), x[..., by:]))
    assert seen > 1e-2 if both else seen < 1e-6


def test_one_column_of_several_is_foretold() -> None:
    torch.manual_seed(0)
    x = torch.randn(24, 12, 3)
    net = nn.Sequential(nn.Flatten(), nn.Linear(33, 11))
    assert ahead(net, feed_of((x[:, :-1],), x[:, 1:, 1])) > 1e-2
    assert np.isnan(ahead(net, feed_of((x[:, :-1],), torch.randn(24, 11))))


# Rules ------------------------------------------------------------------------------------------------


def told(record: Record) -> list[tuple[str, str]]:
    return [(one.code, one.severity) for one in judge(record, RULES).findings]


def attending(record: Record) -> Record:
    ops = (*record.anatomy.ops, Op("a", "attention", "multihead_attention", (32, 8, 16)))
    return replace(record, anatomy=replace(record.anatomy, ops=ops))


def test_answers_that_are_seen_are_told_before_training_whatever_was_learnt() -> None:
    seen = began(healthy(), ahead=0.3)
    assert told(seen) == [("answer-seen", "fault")]
    assert told(replace(seen, course=None, surveys=seen.surveys[:1])) == [("answer-seen", "fault")]
    assert told(began(healthy(), ahead=1e-6)) == []


def test_an_order_that_is_not_seen_counts_where_it_fails() -> None:
    assert told(attending(became(healthy(), order=0.0))) == []
    assert told(attending(failed(healthy(), order=0.0))) == [("input-ignored", "fault")]
    assert ("input-ignored", "fault") not in told(attending(failed(healthy(), order=0.3)))
    slow = attending(failed(healthy(), order=0.0, moved=np.full(3, 1e-4)))
    assert told(slow) == [("rate-too-low", "fault")]
    bag = failed(healthy(), order=0.0)  # no attention, but simple predictors that know places do better
    assert told(bag) == [("input-ignored", "fault")]
    assert bag.targets is not None
    hard = replace(bag, targets=replace(bag.targets, skill=0.05))
    assert told(hard) == [("no-learning", "fault")]


def recurrent(steps: int, left: float, **more: Any) -> Record:
    base = anatomy(1)
    layers = (replace(layer("rnn", 10, 64, activation="tanh"), kind="recurrent", what="rnn"), base.layers[-1])
    record = healthy(replace(base, layers=layers, activations=()))
    assert record.rows is not None
    record = replace(record, rows=replace(record.rows, shape=(steps, 2)))
    return failed(record, sensitivity=np.repeat(np.geomspace(left, 1.0, steps), 2), **more)


def test_a_recurrent_network_that_forgets_is_the_cause_where_it_fails() -> None:
    assert told(recurrent(50, 1e-8)) == [("too-deep", "fault")]
    assert judge(recurrent(50, 1e-8), RULES).findings[0].layer == "rnn"
    woken = recurrent(50, 1e-8)
    late = replace(woken.surveys[-1], step=300, sensitivity=recurrent(50, 0.1).surveys[-1].sensitivity)
    woken = replace(woken, surveys=(woken.surveys[0], replace(woken.surveys[1], step=100), late))
    assert told(woken) == [("too-deep", "fault")]
    assert told(recurrent(50, 0.1)) == [("no-learning", "fault")]
    assert told(recurrent(10, 1e-8)) == [("no-learning", "fault")]
    ruined = became(recurrent(50, 1e-8), moved=np.full(len(recurrent(50, 1e-8).anatomy.layers), 40.0))
    assert ("too-deep", "fault") not in told(ruined)  # by steps that were far too long
    for few, part in ((100, False), (101, True)):  # fewer have taught nothing yet
        begun = recurrent(50, 1e-8)
        begun = looped(begun, steps=few, planned=few)
        last = replace(begun.surveys[-1], step=few)
        found = told(replace(begun, surveys=(begun.surveys[0], last)))
        assert (("too-deep", "fault") in found) is part
    assert told(ended(recurrent(50, 1e-8), 0.15, 0.95)) == []
