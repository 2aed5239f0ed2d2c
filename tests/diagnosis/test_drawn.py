"""Weights as drawn are told from weights that learnt, whatever their law and width."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.oracles.diagnosis_rules import anatomy, ended, failed, healthy, looped, trial, with_trials
from torch import nn

from profunda.diagnosis.anatomy import anatomy_of
from profunda.diagnosis.drawn import looks_begun, looks_drawn
from profunda.diagnosis.finding import Change
from profunda.diagnosis.judging import judge
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.all import RULES
from profunda.diagnosis.rules.doubts import doubts
from profunda.diagnosis.rules.features import learnt_before


def drawn(how: str, n: int, k: int) -> torch.Tensor:
    torch.manual_seed(n + k)
    made = torch.empty(n, k)
    laws = {
        "normal": lambda: nn.init.normal_(made, std=3.0),
        "uniform": lambda: nn.init.uniform_(made, -0.01, 0.01),
        "orthogonal": lambda: nn.init.orthogonal_(made),
    }
    return laws[how]()


@pytest.mark.parametrize("how", ["normal", "uniform", "orthogonal"])
@pytest.mark.parametrize("shape", [(16, 16), (32, 8), (128, 64), (700, 600)])
def test_a_draw_is_known_and_a_direction_learnt_is_seen(how: str, shape: tuple[int, int]) -> None:
    made = drawn(how, *shape)
    assert looks_drawn([made])
    size = float(made.square().mean()) ** 0.5 * (shape[0] ** 0.5 + shape[1] ** 0.5)
    learnt = (
        torch.outer(torch.ones(shape[0]), torch.ones(shape[1])) * 1.5 * size / (shape[0] * shape[1]) ** 0.5
    )
    assert not looks_drawn([made + learnt])


def test_few_numbers_zeros_and_what_is_not_finite_tell_nothing() -> None:
    assert not looks_drawn([torch.randn(8, 8)])
    assert not looks_drawn([torch.zeros(64, 64)])
    assert not looks_drawn([torch.full((64, 64), torch.nan)])
    assert not looks_drawn([])


def test_a_frozen_body_is_read_by_what_it_holds() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))
    for part in (net[0], net[2]):
        part.requires_grad_(False)
    net[2].weight += 0.2  # a direction that stands out
    read = anatomy_of(net, (torch.randn(4, 32),))
    assert read.frozen == ("0",)
    assert learnt_before(read, ("0", "2")) == {"0", "2"}  # what was learnt in 2 was learnt on what 0 gives
    assert learnt_before(read, ("0",)) == set()


def frozen(width: int = 64) -> Record:
    return healthy(anatomy(width=width, frozen=("0", "2")))


@pytest.mark.parametrize("width", [32, 128, 512])
def test_a_body_frozen_as_drawn_is_the_cause_of_a_poor_run_alone(width: int) -> None:
    def told(record: Record) -> list[tuple[str, str]]:
        return [(one.code, one.severity) for one in judge(record, RULES).findings]

    assert told(failed(frozen(width))) == [("part-unused", "fault")]
    assert told(ended(frozen(width), 0.8, 0.9)) == [("part-unused", "hint")]
    assert told(frozen(width)) == []  # random features that serve
    short = failed(frozen(width))
    assert short.course is not None
    early = replace(short, course=replace(short.course, planned=10 * short.course.steps))
    assert told(early) == [("part-unused", "hint")]


def test_a_frozen_body_names_its_layers_and_share() -> None:
    found = judge(failed(frozen()), RULES).findings[0]
    assert found.layer == "0"
    assert "0, 2 do not train" in found.cause
    assert 0.0 < found.evidence[1].value < 1.0


def test_small_layers_as_torch_draws_them_are_told_from_such_that_took_a_step() -> None:
    torch.manual_seed(0)
    for seed in range(20):
        torch.manual_seed(seed)
        made = nn.Conv1d(2, 16, 5).weight.detach()
        assert looks_begun([made])
        assert not looks_begun([made * 1.01 + 0.01])
        assert not looks_begun([torch.randn(16, 10)])
        assert not looks_begun([0.5 * made])
    assert not looks_begun([nn.Linear(4, 8).weight])  # too few numbers to tell


def test_layers_frozen_on_purpose_say_so() -> None:
    class Reservoir(nn.Sequential):
        pass

    for make in (nn.Sequential, Reservoir):
        net = nn.Sequential(make(nn.Linear(32, 32), nn.Tanh()), nn.Linear(32, 2))
        net[0].requires_grad_(False)
        assert anatomy_of(net, (torch.randn(4, 32),)).frozen == (("0.0",) if make is nn.Sequential else ())


def test_matrices_that_do_not_train_are_frozen_though_their_biases_train() -> None:
    net = nn.Sequential(nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 2))
    net[0].weight.requires_grad_(False)
    assert anatomy_of(net, (torch.randn(4, 32),)).frozen == ("0",)


@pytest.mark.parametrize(("loss", "severity"), [(0.2, ["hint"]), (0.7, [])])
def test_a_trial_in_which_they_train_settles_whether_frozen_layers_cost_anything(
    loss: float, severity: list[str]
) -> None:
    middling = ended(frozen(), 0.45, 0.8)
    assert [one.code for one in judge(middling, RULES).findings] == []
    assert Change("thawing") in doubts(middling)
    tried = with_trials(middling, trial("thawing", loss, 0.9))
    assert [one.severity for one in judge(tried, RULES).findings if one.code == "part-unused"] == severity


def test_layers_that_are_thawed_later_are_not_frozen() -> None:
    record = ended(frozen(), 0.8, 0.9)
    assert record.course is not None
    gradient = record.course.gradient.copy()
    gradient[:2, :2] = np.nan
    poor = looped(record, gradient=gradient)
    assert "part-unused" not in [one.code for one in judge(poor, RULES).findings]
    gradient[:, :2] = np.nan
    poor = looped(record, gradient=gradient)
    assert "part-unused" in [one.code for one in judge(poor, RULES).findings]


def test_a_body_that_learnt_before_may_be_cut_off() -> None:
    record = healthy(anatomy(width=64, unused=("0.weight", "2.weight")))
    assert record.course is not None
    gradient = record.course.gradient.copy()
    gradient[:, :2] = 0.0
    cut = looped(record, gradient=gradient)
    assert [one.code for one in judge(cut, RULES).findings] == []
    drawn_on = replace(cut, anatomy=replace(cut.anatomy, drawn=("2",)))
    assert [one.code for one in judge(drawn_on, RULES).findings] == ["part-unused"]
    bad = looped(failed(record), gradient=gradient)
    assert "part-unused" in [one.code for one in judge(bad, RULES).findings]
