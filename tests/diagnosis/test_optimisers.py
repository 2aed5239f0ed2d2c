"""Every optimiser of torch, and some that only look like one."""

import math

import pytest
import torch
from torch import nn

from profunda.diagnosis.optimisers import optimiser_of

CLASSES = sorted(
    (
        one
        for one in vars(torch.optim).values()
        if isinstance(one, type)
        and issubclass(one, torch.optim.Optimizer)
        and one is not torch.optim.Optimizer
    ),
    key=lambda one: one.__name__,
)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_class_of_torch(kind: type[torch.optim.Optimizer]) -> None:
    net = nn.Linear(3, 2, bias=kind.__name__ != "Muon")  # which takes matrices only
    found = optimiser_of(kind(net.parameters(), lr=0.125), net)
    assert found.name == kind.__name__
    assert [(group.lr, group.parameters) for group in found.groups] == [
        (0.125, 8 if net.bias is not None else 6)
    ]
    assert (found.missing, found.foreign) == ((), 0)


def test_settings() -> None:
    net = nn.Linear(3, 2)
    sgd = optimiser_of(
        torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3), net
    ).groups[0]
    assert (sgd.lr, sgd.momentum, sgd.weight_decay) == (0.1, 0.9, 1e-3)
    assert math.isnan(sgd.eps)
    assert not sgd.ascends
    assert optimiser_of(torch.optim.SGD(net.parameters(), maximize=True), net).groups[0].ascends
    assert all(math.isnan(beta) for beta in sgd.betas)
    adam = optimiser_of(torch.optim.Adam(net.parameters(), betas=(0.5, 0.9), eps=1e-3), net).groups[0]
    assert (adam.betas, adam.eps) == ((0.5, 0.9), 1e-3)
    assert math.isnan(adam.momentum)
    tensor = optimiser_of(torch.optim.Adam(net.parameters(), lr=torch.tensor(0.25)), net)
    assert tensor.groups[0].lr == 0.25
    rms = optimiser_of(torch.optim.RMSprop(net.parameters(), alpha=0.95), net).groups[0]
    assert rms.betas[1] == 0.95


def test_groups_keep_their_own() -> None:
    net = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    groups = [{"params": net[0].parameters()}, {"params": net[1].parameters(), "lr": 0.5}]
    found = optimiser_of(torch.optim.SGD(groups, lr=0.1), net)
    assert [(group.lr, group.parameters) for group in found.groups] == [(0.1, 8), (0.5, 3)]


def test_parameters_that_are_not_held_and_those_of_others() -> None:
    net, other = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1)), nn.Linear(5, 5)
    net[1].bias.requires_grad_(False)
    held = [*net[0].parameters(), *other.parameters()]
    found = optimiser_of(torch.optim.Adam(held), net)
    assert (found.missing, found.foreign) == (("1.weight",), 30)


def test_tied_weights_are_held_once() -> None:
    net = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    net[1].weight = net[0].weight
    found = optimiser_of(torch.optim.SGD(net.parameters(), lr=0.1), net)
    assert (found.missing, found.groups[0].parameters) == ((), 9)


def test_custom_optimisers_that_lack_fields() -> None:
    net = nn.Linear(3, 2)

    class Plain(torch.optim.Optimizer):
        def __init__(self) -> None:
            super().__init__(net.parameters(), {"rate": 0.1, "betas": None, "eps": "small"})

    class Stranger:
        pass

    group = optimiser_of(Plain(), net).groups[0]
    assert all(
        math.isnan(one) for one in (group.lr, group.momentum, *group.betas, group.eps, group.weight_decay)
    )
    found = optimiser_of(Stranger(), net)  # type: ignore[arg-type]
    assert (found.name, found.groups, found.missing) == ("Stranger", (), ("weight", "bias"))
