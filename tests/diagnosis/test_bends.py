"""What activations are seen to do on the first rows, and what rules make of it."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from tests.oracles.diagnosis_rules import failed, healthy
from torch import Tensor, nn

from profunda.diagnosis.anatomy import anatomy_of
from profunda.diagnosis.firsts import firsts_of
from profunda.diagnosis.rules.all import RULES
from profunda.diagnosis.rules.bends import contracts, inert, turning, unanswered
from profunda.diagnosis.rules.doubts import is_linear, squashed
from profunda.diagnosis.slopes import bend_of

ROWS = torch.randn(64, 6, generator=torch.Generator().manual_seed(0))


def chain(act, norm: bool = False) -> nn.Sequential:
    torch.manual_seed(0)
    between = [nn.LayerNorm(32)] if norm else []
    return nn.Sequential(nn.Linear(6, 32), *between, act(), nn.Linear(32, 32), act(), nn.Linear(32, 3))


class Cell(nn.Module):
    """A state by hand; with `gated`, one that a sigmoid mixes with what is new."""

    def __init__(self, act, gated: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.enter, self.keep, self.act, self.gated = nn.Linear(1, 16), nn.Linear(16, 16), act, gated

    def forward(self, x: Tensor) -> Tensor:
        state = x.new_zeros(len(x), 16)
        for place in range(x.shape[1]):
            new = self.act(self.enter(x[:, place]) + self.keep(state))
            state = torch.lerp(state, torch.tanh(self.enter(x[:, place])), new) if self.gated else new
        return state


class Bells(nn.Module):
    def __init__(self, sharp: float) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.centres, self.sharp, self.head = nn.Parameter(torch.randn(32, 6)), sharp, nn.Linear(32, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.exp(-self.sharp * (x[:, None] - self.centres).square().sum(-1)))


STRAIGHT = {
    "leaky": partial(nn.LeakyReLU, 1.0),
    "prelu": partial(nn.PReLU, init=1.0),
    "hardtanh": partial(nn.Hardtanh, -50.0, 50.0),
    "threshold": partial(nn.Threshold, -50.0, 0.0),
    "in place": partial(nn.LeakyReLU, 1.0, inplace=True),
}
BENT = {
    "relu": nn.ReLU,
    "in place": partial(nn.ReLU, inplace=True),
    "prelu": nn.PReLU,
    "leaky": partial(nn.LeakyReLU, 0.2),
    "nearly": partial(nn.LeakyReLU, 0.95),
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "softsign": nn.Softsign,
}


@pytest.mark.parametrize("name", STRAIGHT)
def test_what_does_nothing_is_no_activation_whatever_its_name(name: str) -> None:
    found = anatomy_of(chain(STRAIGHT[name]), (ROWS,))
    assert is_linear(found)
    assert inert(found) is not None
    normed = anatomy_of(chain(STRAIGHT[name], norm=True), (ROWS,))
    assert not is_linear(normed)
    assert inert(normed) is not None


@pytest.mark.parametrize("name", BENT)
def test_what_bends_is_one(name: str) -> None:
    found = anatomy_of(chain(BENT[name]), (ROWS,))
    assert not is_linear(found)
    assert inert(found) is None
    assert not squashed(found)
    assert not any(contracts(found, at) for at in range(2))


def test_slopes_are_those_where_inputs_lie() -> None:
    x = torch.randn(64, 32, generator=torch.Generator().manual_seed(1))
    seen = bend_of(x, 0.5 * x.relu())
    assert seen is not None
    assert not seen.straight
    assert abs(seen.slope - 0.5 * 0.5**0.5) < 0.02
    line = bend_of(x, 0.5 * x + 1.0)
    assert line is not None
    assert line.straight
    assert abs(line.slope - 0.5) < 1e-6
    assert bend_of(x[:4, :2], x[:4, :2]) is None
    assert bend_of(x * 0.0, x) is None
    few = bend_of(x[:, :4], x[:, :4])
    assert few is not None
    assert not few.straight
    small = bend_of(0.01 * x, (0.01 * x).tanh())
    assert small is not None
    assert not small.straight


def test_slight_slopes_contract_by_what_they_do() -> None:
    assert len(squashed(anatomy_of(chain(nn.Tanhshrink), (ROWS,)))) == 2
    assert squashed(anatomy_of(chain(nn.Softshrink, norm=True), (ROWS,))) == ()


def test_states_that_pass_slight_slopes_at_every_place() -> None:
    rows = torch.randn(32, 8, 1)
    found = turning(anatomy_of(Cell(torch.sigmoid), (rows,)))
    assert found is not None
    assert found.turns == 8
    assert turning(anatomy_of(Cell(torch.tanh), (rows,))) is None
    assert turning(anatomy_of(Cell(torch.sigmoid), (rows[:, :3],))) is None
    assert turning(anatomy_of(Cell(torch.sigmoid, gated=True), (rows,))) is None


class Weighed(nn.Module):
    """A mean of words with learnt weights, or by `inner` shares of units between two layers."""

    def __init__(self, inner: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.inner, self.enter = inner, nn.Linear(6, 32)
        self.score, self.head = nn.Linear(32, 32 if inner else 1), nn.Linear(32, 3)

    def forward(self, x: Tensor) -> Tensor:
        words = self.enter(x).relu()
        if self.inner:
            return self.head(self.score(words).softmax(-1).sum(1))
        return self.head((self.score(words).softmax(1) * words).sum(1))


def test_shares_that_weigh_words_are_no_squashed_units() -> None:
    words = ROWS.reshape(16, 4, 6)
    found = anatomy_of(Weighed(inner=False), (words,))
    assert not any(contracts(found, at) for at in range(len(found.layers)))
    assert contracts(anatomy_of(Weighed(inner=True), (words,)), 1)


def test_rows_that_no_unit_answers() -> None:
    found = unanswered(anatomy_of(Bells(40.0), (ROWS,)))
    assert found is not None
    assert found.silent >= 0.5
    assert unanswered(anatomy_of(Bells(0.2), (ROWS,))) is None
    assert unanswered(anatomy_of(chain(nn.ReLU), (ROWS,))) is None


def test_units_with_one_set_of_weights() -> None:
    part = nn.Linear(6, 32)
    assert [one.kind for one in firsts_of(part, ())] == ["weights"]
    with torch.no_grad():
        part.weight.copy_(part.weight[:1].expand(32, 6).clone())
    assert [one.kind for one in firsts_of(part, ())] == ["one unit"]


class Own(nn.Module):
    """A function of the user's."""

    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def test_functions_of_the_users_own_are_measured_too() -> None:
    for made in (lambda x: x * torch.sigmoid(0.0 * x), lambda x: x.clamp(-50.0, 50.0)):
        assert is_linear(anatomy_of(chain(partial(Own, made)), (ROWS,)))
    for made in (lambda x: x * torch.sigmoid(x), lambda x: x.clamp(-1.0, 1.0), lambda x: x.relu() ** 2):
        found = anatomy_of(chain(partial(Own, made)), (ROWS,))
        assert not is_linear(found)
        assert inert(found) is None
        assert not squashed(found)


def test_what_bends_elsewhere_is_meant_to() -> None:
    deep = [part for _ in range(4) for part in (nn.Linear(32, 32), nn.Hardtanh())]
    found = anatomy_of(nn.Sequential(nn.Linear(6, 32), nn.Hardtanh(), *deep, nn.Linear(32, 3)), (ROWS,))
    assert inert(found) is None


def test_slopes_of_a_half_add_up_in_longer_chains() -> None:
    assert not squashed(anatomy_of(chain(nn.Softplus), (ROWS,)))
    deep = [part for _ in range(3) for part in (nn.Linear(32, 32), nn.Softplus())]
    longer = nn.Sequential(nn.Linear(6, 32), nn.Softplus(), *deep, nn.Linear(32, 3))
    assert len(squashed(anatomy_of(longer, (ROWS,)))) == 4
    assert len(squashed(anatomy_of(chain(nn.Sigmoid), (ROWS,)))) == 2


@pytest.mark.parametrize(
    ("units", "silent", "expected"), [(5, 0.5, True), (4, 0.5, False), (4, 0.95, True), (64, 0.4, False)]
)
def test_rows_that_so_few_units_leave_unanswered_say_that_they_are_few(
    units: int, silent: float, expected: bool
) -> None:
    record = failed(healthy())
    places = (replace(record.anatomy.activations[0], units=units, silent=silent),)
    bad = replace(record, anatomy=replace(record.anatomy, activations=places))
    answer = next(rule for rule in RULES if rule.code == "dead-units")(bad)
    assert isinstance(answer, tuple) == expected
