"""Attention with no way around it, and labels that must pass too few numbers: hints before the first step."""

import pytest
import torch
from tests.oracles import diagnosis_tables as made
from torch import Tensor, nn

from profunda.diagnosis.anatomy import anatomy_of
from profunda.diagnosis.finding import Finding
from profunda.diagnosis.givens import Task
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.architecture import RULES as ARCHITECTURE
from profunda.diagnosis.rules.normalisation import RULES as NORMS

RULES = {rule.code: rule for rule in (*NORMS, *ARCHITECTURE)}
WORDS = torch.randint(0, 9, (8, 6), generator=torch.Generator().manual_seed(1))


class Block(nn.Module):
    """Attention and a dense part; `skip` adds what enters each."""

    def __init__(self, skip: bool, norm: bool, by_hand: bool) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.three = nn.Linear(8, 24)
        self.dense = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 8))
        self.norm = nn.LayerNorm(8) if norm else nn.Identity()
        self.skip, self.by_hand = skip, by_hand

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.three(x).chunk(3, -1)
        found = (
            (q @ k.transpose(1, 2) / 8**0.5).softmax(-1) @ v if self.by_hand else self.attention(x, x, x)[0]
        )
        if self.skip:
            x = x + found
            return self.norm(x + self.dense(x))
        return self.norm(self.dense(found))


class Net(nn.Module):
    def __init__(self, depth: int = 2, skip: bool = False, norm: bool = False, by_hand: bool = False) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(9, 8), nn.Linear(8, 3)
        self.blocks = nn.Sequential(*(Block(skip, norm, by_hand) for _ in range(depth)))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.embed(x)).mean(1))


class Heads(nn.Module):
    """Attention by two heads side by side, and one that makes one row of all places."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.three, self.say = nn.Embedding(9, 8), nn.Linear(8, 24), nn.Linear(8, 1)
        self.head = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (one.chunk(2, -1) for one in self.three(self.embed(x)).chunk(3, -1))
        each = [(a @ b.transpose(1, 2)).softmax(-1) @ c for a, b, c in zip(q, k, v, strict=True)]
        found = self.head(torch.cat(each, -1))
        return (self.say(found).softmax(1) * found).sum(1)


def told(code: str, record: Record) -> list[str]:
    answer = RULES[code](record)
    return [one.severity for one in answer if isinstance(one, Finding)] if isinstance(answer, tuple) else []


@pytest.mark.parametrize(
    ("net", "severity"),
    [
        (Net(), ["hint"]),
        (Net(by_hand=True), ["hint"]),
        (Net(depth=1), []),
        (Heads(), []),
        (Net(skip=True), []),
        (Net(skip=True, norm=True), []),
        (Net(norm=True), []),
    ],
)
def test_attention_upon_attention_with_no_way_around(net: nn.Module, severity: list[str]) -> None:
    assert told("norm-missing", made.record(anatomy=anatomy_of(net, (WORDS,)))) == severity


@pytest.mark.parametrize(("learnt", "severity"), [(0.05, ["fault"]), (0.9, [])])
def test_what_is_learnt_tells_whether_it_matters(learnt: float, severity: list[str]) -> None:
    record = made.record(learnt, anatomy=anatomy_of(Net(), (WORDS,)))
    assert told("norm-missing", record) == severity


class Through(nn.Module):
    def __init__(self, width: int, labels: int) -> None:
        super().__init__()
        self.embed, self.rnn = nn.Embedding(9, 8), nn.LSTM(8, 16, proj_size=width, batch_first=True)
        self.head = nn.Linear(width, labels)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(self.embed(x))[0].mean(1))


@pytest.mark.parametrize(
    ("width", "labels", "share", "severity"),
    [(1, 4, 0.5, ["hint"]), (2, 4, 0.5, []), (3, 8, 0.5, ["hint"]), (1, 4, 0.01, []), (1, 2, 0.5, [])],
)
def test_labels_pass_as_many_numbers_as_half_of_their_answers_need(
    width: int, labels: int, share: float, severity: list[str]
) -> None:
    task = Task("multilabel", 2, (8, labels), (8, labels), "float32")
    targets = made.targets(mean=torch.full((labels,), share).double().numpy())
    record = made.record(anatomy=anatomy_of(Through(width, labels), (WORDS,)), task=task, targets=targets)
    assert told("bottleneck", record) == severity
