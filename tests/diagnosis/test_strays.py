"""Layers in plain lists and dicts, of which `model.parameters()` knows nothing."""

import copy
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch
from tests.diagnosis.test_repair import CROSS, adam, rings
from torch import Tensor, nn

import profunda
from profunda.diagnosis.diagnosing import diagnose
from profunda.diagnosis.diagnosis import Diagnosis
from profunda.diagnosis.finding import Change
from profunda.diagnosis.strays import registered, registers, strays_of
from profunda.errors import ArgumentError

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


class Keeping(nn.Module):
    """Layers kept as `how` says, between an entrance and an exit."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.enter, self.leave = nn.Linear(4, 8), nn.Linear(8, 2)
        made = [nn.Linear(8, 8) for _ in range(2)]
        kept: dict[str, Any] = {
            "list": made,
            "tuple": tuple(made),
            "dict": {"a": made[0], "b": made[1]},
            "nested": [made[:1], made[1:]],
            "weights": [one.weight for one in made],
            "numbers": {1: made[0], 2: made[1]},
            "mixed": [made[0], torch.tanh, made[1]],
            "known": nn.ModuleList(made),
        }
        self.hidden = kept[how]

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x).relu()
        inside = self.hidden.values() if hasattr(self.hidden, "values") else self.hidden
        for one in inside:
            if isinstance(one, nn.Parameter):
                x = torch.tanh(x @ one)
            elif isinstance(one, list | nn.ModuleList):
                x = torch.tanh(one[0](x))
            else:
                x = torch.tanh(one(x))
        return self.leave(x)


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ("list", "ModuleList"),
        ("tuple", "ModuleList"),
        ("dict", "ModuleDict"),
        ("nested", "ModuleList"),
        ("weights", "ParameterList"),
    ],
)
def test_layers_in_a_plain_container_are_registered(how: str, kind: str) -> None:
    module, x = Keeping(how), torch.randn(6, 4)
    own = registered(module)
    assert torch.equal(own(x), module(x))
    assert len(list(own.parameters())) == len(list(module.parameters())) + (2 if how == "weights" else 4)
    assert registers(module) == (("hidden", kind),)
    assert not strays_of(own)
    assert len(strays_of(module)) == (2 if how == "weights" else 4)  # the user's own stays
    own(x).sum().backward()
    assert all(each.grad is not None for each in own.parameters())


@pytest.mark.parametrize("how", ["known", "numbers", "mixed"])
def test_what_no_container_of_torch_can_stand_for_is_left(how: str) -> None:
    with pytest.raises(ArgumentError, match="keeps no layers in a plain list or dict that"):
        registered(Keeping(how))


def test_layers_that_are_known_by_another_name_are_no_strays() -> None:
    module = Keeping("known")
    module.order = [module.leave, module.enter]
    assert registers(module) == ()


def test_a_plain_list_is_mended() -> None:
    torch.manual_seed(0)
    found = profunda.repair(
        Keeping("list"), rings(), CROSS, optimizer=adam(), validation=rings(400, 1), epochs=12
    )
    assert Change("thawing", word="registered") in found.changes, found.text()
    line = "+ model.hidden = torch.nn.ModuleList(model.hidden)  # before the optimiser is made"
    assert line in found.diff
    assert found.after > found.before
