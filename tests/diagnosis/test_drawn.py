"""Weights as drawn are told from weights that learnt, whatever their law and width."""

from dataclasses import replace

import pytest
import torch
from tests.oracles.diagnosis_rules import anatomy, ended, failed, healthy
from torch import nn

from profunda.diagnosis.anatomy import anatomy_of
from profunda.diagnosis.drawn import looks_drawn
from profunda.diagnosis.judging import judge
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.all import RULES


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
    assert anatomy_of(net, (torch.randn(4, 32),)).frozen == ("0",)


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
