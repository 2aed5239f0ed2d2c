"""Networks of some hundred types of modules are trained, watched and diagnosed without a crash."""

import warnings
from collections.abc import Iterator

import pytest
import torch
from tests.diagnosis.module_types import NETWORKS, OF_TORCH, N, Network
from torch import Tensor, nn

from profunda.diagnosis.diagnosing import diagnose
from profunda.diagnosis.watching import watch
from profunda.errors import ArgumentError

QUIET = (  # of torch, on what a few of these networks do
    "ignore:Lazy modules are a new feature",
    "ignore:None of the inputs have requires_grad",
    "ignore:.*torch.jit.script.* is deprecated",
    "ignore:.*torch.ao.quantization is deprecated",
    "ignore:_aminmax is deprecated",
)
pytestmark = [pytest.mark.filterwarnings(each) for each in QUIET]


UNOPENED = ("keywords", "reentrant checkpoints")
"""Told by name alone, or not differentiable by parts: they are trained, and their layers are not known."""


def made(name: str) -> Network:
    torch.manual_seed(0)
    return NETWORKS[name]()


def thirds(network: Network) -> Iterator[tuple[tuple[Tensor, ...], dict[str, Tensor], Tensor]]:
    for at in range(0, N, 4):
        rows = slice(at, at + 4)
        given = network.inputs
        named = {word: each[rows] for word, each in given.items()} if isinstance(given, dict) else {}
        args = () if isinstance(given, dict) else tuple(each[rows] for each in given)
        yield args, named, network.targets[rows]


def trained(name: str, watched: bool) -> tuple[list[Tensor], tuple[str, ...]]:
    """Weights, buffers and losses after three steps."""
    network = made(name)
    model, loss_fn = network.model, network.loss_fn
    optimizer = torch.optim.SGD([each for each in model.parameters() if each.requires_grad], lr=0.01)
    w, left = watch(model, optimizer, loss_fn), []

    def loop() -> None:
        for args, named, targets in thirds(network):
            optimizer.zero_grad()
            outputs = model(*args, **named)
            loss = (w.loss if watched else loss_fn)(outputs, targets)
            loss.backward()
            optimizer.step()
            left.append(loss.detach())

    if not watched:
        loop()
        return [*left, *(each.detach() for each in model.state_dict().values())], ()
    with w:
        loop()
    state = [each.detach().clone() for each in model.state_dict().values()]
    if name in OF_TORCH:  # what concludes is the same for all: test_a_diagnosis_meets_any_module
        return [*left, *state], w.notes
    found = w.diagnosis()
    assert found.steps == 3
    assert all(same(*pair) for pair in zip(state, model.state_dict().values(), strict=True))
    return [*left, *state], found.notes


def same(one: Tensor, other: Tensor) -> bool:
    return one.dtype == other.dtype and torch.equal(one.nan_to_num(7.0), other.nan_to_num(7.0))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_watch_meets_any_module_and_changes_no_bit(name: str) -> None:
    plainly, _ = trained(name, False)
    seen, notes = trained(name, True)
    assert len(plainly) == len(seen)
    assert all(same(a, b) for a, b in zip(plainly, seen, strict=True))
    assert not [each for each in notes if "stopped looking" in each]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_diagnosis_meets_any_module(name: str) -> None:
    network = made(name)
    given = network.inputs
    data = given[0] if isinstance(given, tuple) and len(given) == 1 else given
    found = diagnose(network.model, (data, network.targets), network.loss_fn, epochs=1, batch_size=N)
    assert found.steps == 1
    assert (found.record.anatomy.why == "") is (name not in UNOPENED)
    assert found.record.surveys or name == "vmap within"  # where functions cannot be looked into
    assert "rows-mixed" not in {one.code for one in found.faults}


def test_there_are_as_many_types_as_promised() -> None:
    kinds = set()
    for name in NETWORKS:
        kinds |= {type(part) for part in made(name).model.modules()}
    assert len([each for each in kinds if each.__module__.startswith("torch.nn.modules")]) >= 90
    assert len(NETWORKS) >= 75


@pytest.mark.parametrize("make", [torch.jit.script, lambda model: torch.jit.trace(model, torch.ones(4, 6))])
def test_a_scripted_module_is_refused_with_a_way_out(make) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make(nn.Linear(6, 3))
    with pytest.raises(ArgumentError, match="must be watched before it is scripted"):
        diagnose(model, (torch.ones(8, 6), torch.zeros(8, dtype=torch.long)), nn.CrossEntropyLoss(), epochs=1)


@pytest.mark.parametrize("part", [0, 2])
def test_weights_without_numbers_are_told(part: int) -> None:
    model = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 3))
    model[part].to("meta")
    with pytest.raises(
        ArgumentError, match=rf"{part}\.weight of Sequential lies on the device meta.*to_empty"
    ):
        diagnose(model, (torch.ones(8, 6), torch.zeros(8, dtype=torch.long)), nn.CrossEntropyLoss(), epochs=1)
