"""Layers in plain lists and dicts, of which `model.parameters()` knows nothing."""

import copy
from collections.abc import Callable, Iterable

import pytest
import torch
from torch import Tensor, nn

from profunda.diagnosis.diagnosing import diagnose
from profunda.diagnosis.diagnosis import Diagnosis
from profunda.diagnosis.strays import strays_of

X = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
Y = torch.sin(2.0 * X[:, :1]) * X[:, 1:2]


class Chain(nn.Module):
    """Two hidden layers kept as `keep` keeps them; with `teacher` a third one, which is run without
    gradients.
    """

    def __init__(self, keep: Callable[[list[nn.Linear]], object], teacher: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.enter, self.leave = nn.Linear(4, 16), nn.Linear(16, 1)
        self.hidden = keep([nn.Linear(16, 16), nn.Linear(16, 16)])
        self.teacher = [nn.Linear(16, 16)] if teacher else []

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.enter(x))
        every = self.hidden.values() if isinstance(self.hidden, dict) else self.hidden
        for layer in every:
            x = torch.relu(layer(x))
        with torch.no_grad():
            for layer in self.teacher:
                layer(x)
        return self.leave(x)


def named(layers: list[nn.Linear]) -> dict[str, nn.Linear]:
    return {"first": layers[0], "second": layers[1]}


def all_of(model: Chain) -> Iterable[Tensor]:
    return [*model.parameters(), *(each for _, each in strays_of(model))]


def told(model: Chain, held: Iterable[Tensor]) -> Diagnosis:
    return diagnose(model, (X, Y), nn.MSELoss(), optimizer=torch.optim.Adam(held, lr=0.01), epochs=4)


@pytest.mark.parametrize("keep", [list, tuple, named])
def test_layers_that_the_module_does_not_know_are_told_before_the_first_step(keep: Callable) -> None:
    model = Chain(keep)
    assert len(strays_of(model)) == len(strays_of(copy.deepcopy(model))) == 4
    found = told(model, model.parameters())
    (one,) = (each for each in found.findings if each.code == "parameters-not-held")
    assert (one.step, one.layer, one.evidence[0].value) == (0, strays_of(model)[0][0].rpartition(".")[0], 4.0)
    assert "ModuleList" in one.remedy


def test_layers_that_are_known_held_or_not_to_learn_are_no_strays() -> None:
    kept = Chain(nn.ModuleList, teacher=True)
    assert len(strays_of(kept)) == 2
    held = Chain(list)
    fixed = Chain(list)
    for _, each in strays_of(fixed):
        each.requires_grad_(False)
    for model, params in ((kept, kept.parameters()), (held, all_of(held)), (fixed, fixed.parameters())):
        codes = [one.code for one in told(model, list(params)).findings]
        assert "parameters-not-held" not in codes
