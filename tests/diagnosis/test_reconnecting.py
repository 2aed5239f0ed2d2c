"""Cuts within a forward are undone, told by their lines, and nothing else is."""

import re

import pytest
import torch
from tests.diagnosis.test_repair import CROSS, adam, net, rings
from torch import Tensor, nn

import profunda
from profunda.diagnosis.copying import copy_of
from profunda.diagnosis.feeding import feed_of
from profunda.diagnosis.finding import Change
from profunda.diagnosis.ingredients import Parts, making_of
from profunda.diagnosis.recipes import Recipe, changed
from profunda.diagnosis.reconnecting import reconnected
from profunda.diagnosis.remedies import applied
from profunda.diagnosis.snippets import diff
from profunda.errors import ArgumentError

X = torch.randn(40, 4, generator=torch.Generator().manual_seed(0))


class Cut(nn.Module):
    """Two layers; `how` says what stands between them."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.first, self.second, self.how = nn.Linear(4, 16), nn.Linear(16, 2), how

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "no_grad":
            with torch.no_grad():
                x = self.first(x).relu()
        elif self.how == "set_grad_enabled":
            with torch.set_grad_enabled(torch.is_grad_enabled() and False):
                x = self.first(x).relu()
        else:
            x = self.first(x).relu()
        if self.how == "detach":
            x = x.detach()
        if self.how == "data":
            x = x.data
        if self.how == "step":
            x = (x > 0.5).float()
        return self.second(x)


LINES = {
    "no_grad": "with torch.no_grad():",
    "set_grad_enabled": "with torch.set_grad_enabled(torch.is_grad_enabled() and False):",
    "detach": "x = x.detach()",
    "data": "x = x.data",
}


@pytest.mark.parametrize("how", LINES)
def test_gradients_pass_where_they_were_cut(how: str) -> None:
    module, feed = Cut(how), feed_of((X,), torch.zeros(40).long())
    own = reconnected(module, feed)
    own(X).sum().backward()
    assert all(each.grad is not None and bool(each.grad.any()) for each in own.parameters())
    module(X).sum().backward()
    assert module.first.weight.grad is None
    assert torch.equal(own(X), module(X))
    with torch.no_grad():
        assert not own(X).requires_grad  # whoever turns gradients off outside gets none
    assert torch.equal(copy_of(own)(X), module(X))
    assert own.places == ((LINES[how], "forward"),)


@pytest.mark.parametrize("how", ["", "step"])
def test_where_nothing_is_cut_there_is_nothing_to_undo(how: str) -> None:
    with pytest.raises(ArgumentError, match="No forward of Cut cuts gradients off"):
        reconnected(Cut(how), feed_of((X,), torch.zeros(40).long()))


def test_parameters_whose_data_are_written_to_stay_so() -> None:
    class Held(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Cut("no_grad")

        def forward(self, x: Tensor) -> Tensor:
            self.inner.second.weight.data.clamp_(-0.1, 0.1)
            return self.inner(x)

    own = reconnected(Held(), feed_of((X,), torch.zeros(40).long()))
    own(X).sum().backward()
    assert float(own.get_parameter("inner.inner.second.weight").detach().abs().max()) < 0.11


@pytest.mark.parametrize("how", ["no_grad", "detach"])
def test_a_cut_within_forward_is_mended(how: str) -> None:
    found = profunda.repair(
        nn.Sequential(net(4, 4), Cut(how)),
        rings(),
        CROSS,
        optimizer=adam(),
        validation=rings(400, 1),
        epochs=12,
    )
    assert Change("thawing", word="through") in found.changes, found.text()
    assert found.after > found.before + 0.05
    assert f"- {LINES[how]}  # in forward: it cuts gradients off" in found.diff


def test_lines_to_paste() -> None:
    module = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 2))
    module[0].requires_grad_(False)
    made = torch.optim.SGD(module.parameters(), lr=0.1)
    before = Recipe(Parts(module, CROSS, making_of(made, module), 8), made)
    feed = feed_of((X,), torch.zeros(40).long())
    change = Change("thawing")
    anatomy = profunda.diagnose(module, (X, torch.zeros(40).long()), CROSS, epochs=1).record.anatomy
    text = diff((change,), before, changed(change, before, feed), anatomy, 1)
    assert text == "# thawing\n+ model.requires_grad_(True)  # before the optimiser is made\n"
    with pytest.raises(ArgumentError, match=re.escape("No forward of Sequential cuts gradients off")):
        applied(Change("thawing", word="through"), before.parts, feed)


class Kept(nn.Module):
    """A mean of what passed, kept and used, beside a cut, and a write to what is handed on."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 4), nn.Linear(4, 1)
        self.register_buffer("mean", torch.zeros(4))

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        with torch.no_grad():
            self.mean.mul_(0.9).add_(0.1 * h.mean(0))
        h.data = h.data.clamp(0.0)
        return self.last(torch.detach(h) + self.mean)


class Decorated(nn.Linear):
    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)


def test_what_a_forward_keeps_or_writes_stays_as_it_is() -> None:
    x = torch.randn(16, 4)
    module = Kept()
    mended = reconnected(module, feed_of((x,), torch.zeros(16, 1)))
    assert torch.equal(mended(x), module(x))
    for _ in range(3):
        mended(x).sum().backward()
    assert mended.inner.mean.grad_fn is None
    assert mended.inner.first.weight.grad is not None


def test_a_decorated_forward_is_told_by_its_decorator() -> None:
    mended = reconnected(Decorated(4, 1), feed_of((torch.randn(8, 4),), torch.zeros(8, 1)))
    assert mended.places == (("@torch.no_grad()", "Decorated.forward"),)
