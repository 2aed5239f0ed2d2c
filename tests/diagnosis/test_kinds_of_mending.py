"""What is tried for kinds of mistakes, and what of it is kept: draws, depth, rates, dropout."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tests.diagnosis.test_repair import contest, net
from tests.diagnosis.test_rounds import finding
from torch import nn

from profunda.diagnosis import candidates, rounds
from profunda.diagnosis.anatomy import anatomy_of
from profunda.diagnosis.candidates import Proposal, is_late, takes_away
from profunda.diagnosis.contests import Entry
from profunda.diagnosis.finding import Change
from profunda.diagnosis.givens import First
from profunda.diagnosis.marks import Comparison, Mark, Spread, compared
from profunda.diagnosis.rewiring import dropping
from profunda.errors import ArgumentError

DRAWN, NORM = Change("initialisation", word="critical"), Change("norm", word="layer")
COSINE, DROPS = Change("schedule", word="cosine"), Change("dropout", word="inserted", value=0.5)


def rate(value: float) -> tuple[Change, ...]:
    return (Change("learning rate", value=value),)


def mark(told: float, constant: float = 0.3) -> Mark:
    spread = 0.01 * np.random.default_rng(0).normal(size=400)
    return Mark(told + spread, np.full(8, 1.0 - told), told, constant=constant)


# What is preferred ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cover", "kind"), [(0.6, "initialisation"), (1.2, "norm")])
def test_what_takes_a_mistake_away_is_preferred_to_what_covers_it(monkeypatch, cover, kind):
    one, _ = contest()
    monkeypatch.setattr(one, "_needed", lambda changes, adopted: 0.0)
    gains = {(DRAWN,): 0.5, (NORM,): cover}
    monkeypatch.setattr(
        one, "_race", lambda changes, *more: Comparison(gains[changes], 0.02, 0.0, 0.0, True, False)
    )
    found = finding("weights-too-large", DRAWN)
    assert (takes_away(found, (DRAWN,)), takes_away(found, (NORM,)), takes_away(None, ())) == (
        True,
        False,
        False,
    )
    adopted, _ = one.race((Proposal(found, ((DRAWN,), (NORM,))),), ())
    assert adopted[0].kind == kind


@pytest.mark.parametrize(
    ("gain", "error", "severity", "change", "kept"),
    [
        (0.2, 0.1, "fault", DRAWN, True),
        (0.1, 0.05, "fault", DRAWN, False),  # less than a third of what is left
        (0.2, 0.3, "fault", DRAWN, False),  # by chance
        (0.2, 0.1, "hint", DRAWN, False),
        (0.2, 0.1, "fault", NORM, False),
    ],
)
def test_a_fault_that_is_taken_away_need_not_be_proven_where_much_is_gained(
    gain, error, severity, change, kept
):
    _, first = contest()
    assert first.diagnosis is not None
    told = replace(first.diagnosis, findings=[finding("weights-too-large", severity=severity)])
    best = Entry((), first.module, mark(0.5), told)
    made = Entry((change,), first.module, mark(0.5 + gain))
    assert rounds._restores(made, best, Comparison(gain, error, 0.0, 0.0, False, False)) is kept


@pytest.mark.parametrize(("told", "better"), [(0.3, True), (0.5, False)])
def test_of_a_network_that_tells_nothing_rows_alone_show_another_that_does(monkeypatch, told, better):
    one, first = contest(2.0)
    one.passed = 2 * one.whole  # so that no second seed can be paid for
    monkeypatch.setattr(one, "spread", lambda changes, base: Spread(0.2, 0.2, 1, 0.5))
    best, made = Entry((), first.module, mark(told)), Entry(rate(0.1), first.module, mark(told + 0.2))
    assert rounds._beats(one, made, best, "check") is better


def test_of_two_networks_that_tell_nothing_a_lower_loss_on_rows_proves_nothing(monkeypatch):
    one, first = contest()
    monkeypatch.setattr(one, "spread", lambda changes, base: Spread(0.2, 0.2, 1, 0.9))
    asked = []
    monkeypatch.setattr(one, "full", lambda *given, **named: asked.append(given))
    best = Entry((), first.module, mark(0.3))
    made = Entry(rate(0.1), first.module, replace(mark(0.3), loss=np.full(8, 0.5)))
    assert not rounds._beats(one, made, best, "check")
    assert asked == []
    unscored = Entry((), first.module, Mark(np.empty(0), np.ones(8), float("nan")))
    assert not rounds._idle(unscored)
    assert rounds._idle(Entry((), first.module, Mark(np.empty(0), np.empty(0), float("nan"), True)))


def test_scores_near_the_highest_one_have_less_room_to_differ():
    wide = Spread(0.16, 0.16, 2, 0.5)
    near, far = [mark(0.9), mark(0.9)], [mark(0.4), mark(0.4)]
    assert wide.at(near).score == pytest.approx(0.16 * (0.1 / 0.5) ** 2)
    assert wide.at(near).loss == wide.loss
    assert wide.at(far) == wide
    assert compared([mark(0.95)], [mark(0.7)], alike=True, spread=Spread(0.01, 0.01, 2, 0.9).at(near)).better


# First weights and depth ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "sizes", "at", "changed"),
    [
        ("weights-too-large", (0.5, 0.6, 11.0), "4", Change("initialisation", "4", word="small")),
        ("weights-too-small", (0.5, 0.01, 0.6), "2", Change("initialisation", "2", word="critical")),
        ("weights-too-large", (6.0, 0.6, 11.0), "4", DRAWN),  # two are off
        ("weights-too-large", (0.5, 0.6, 4.0), "4", DRAWN),
        ("weights-equal", (0.5, 0.6, 11.0), "4", DRAWN),
    ],
)
def test_one_layer_alone_is_drawn_anew_where_no_other_is_off(code, sizes, at, changed):
    anatomy = anatomy_of(net(4, 8, 8, 2), (torch.randn(5, 4),))
    firsts = tuple(
        First(layer.name, "weights", size, size) for layer, size in zip(anatomy.layers, sizes, strict=True)
    )
    record = SimpleNamespace(anatomy=replace(anatomy, firsts=firsts))
    told = replace(finding(code, DRAWN), layer=at)
    assert candidates._redrawn(DRAWN, told, record) == changed  # type: ignore[arg-type]
    assert candidates._redrawn(NORM, told, record) == NORM  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "hidden", "tried"),
    [("too-deep", 10, True), ("weights-too-small", 10, True), ("too-deep", 9, False), ("plateau", 10, False)],
)
def test_of_a_long_chain_far_fewer_layers_are_tried(code, hidden, tried):
    anatomy = anatomy_of(net(4, *[8] * hidden, 2), (torch.randn(5, 4),))
    found = candidates._shallower(finding(code), SimpleNamespace(anatomy=anatomy))  # type: ignore[arg-type]
    assert found == (((Change("depth", value=2.0 / hidden), DRAWN),) if tried else ())


@pytest.mark.parametrize(("units", "thin"), [(4, True), (5, False)])
def test_more_units_are_tried_before_more_epochs_where_there_are_few(units, thin):
    anatomy = anatomy_of(net(4, units, 2), (torch.randn(5, 4),))
    assert candidates._thin(SimpleNamespace(anatomy=anatomy)) is thin  # type: ignore[arg-type]


# Rates ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "peak", "plain", "raced"),
    [
        ((10.0, 100.0, 1000.0), 3000.0, True, {3000, 1000}),
        ((10.0, 100.0, 1000.0), 3000.0, False, {1000, 100}),
        ((0.1, 10.0, 100.0), 30.0, True, {100, 10}),
    ],
)
def test_about_the_best_of_longer_steps_nearer_ones_are_tried(monkeypatch, values, peak, plain, raced):
    one, _ = contest()
    parameters = [nn.Parameter(torch.ones(1))]
    held = torch.optim.SGD(parameters, lr=0.1, momentum=0.0 if plain else 0.9)
    one.start = replace(one.start, like=held)

    def short(changes, seeds):
        value = changes[0].value if changes else 1.0
        one.raced[changes] = [mark(0.9 - 0.1 * abs(np.log10(value / peak)))] * seeds

    monkeypatch.setattr(one, "_run_short", short)
    one.race((Proposal(finding("rate-too-low"), tuple(map(rate, values))),), ())
    assert {round(each.changes[0].value) for each in one.attempts} == raced


@pytest.mark.parametrize(
    ("changes", "told", "code", "tried"),
    [
        (rate(0.1), 0.9, "rate-too-high", True),
        (rate(0.1), 0.96, "rate-too-high", False),
        (rate(10.0), 0.9, "rate-too-high", False),
        (rate(0.1), 0.9, "plateau", False),
        ((), 0.9, "rate-too-high", False),
    ],
)
def test_rates_that_were_cut_fall_to_nought_where_more_is_to_be_learnt(changes, told, code, tried):
    _, first = contest()
    assert first.diagnosis is not None
    original = replace(first, diagnosis=replace(first.diagnosis, findings=[finding(code)]))
    best = Entry(changes, first.module, mark(told), first.diagnosis)
    assert [each.bundles for each in rounds._slowed(best, original)] == ([((COSINE,),)] if tried else [])
    assert is_late(None, (COSINE,))


@pytest.mark.parametrize(("gain", "order"), [(0.2, [0.01, 0.1]), (0.4, [0.1, 0.01])])
def test_what_no_race_showed_is_compared_for_longer(monkeypatch, gain, order):
    one, _ = contest()
    told = {rate(0.1): 0.4, rate(0.01): 0.8}
    run = []

    monkeypatch.setattr(one, "recipe", lambda changes, seed: changes[0].value)
    monkeypatch.setattr(one, "_run", lambda recipe, seed, rows: (run.append(rows), mark(told[rate(recipe)])))
    one._waiting = [(gain, rate(0.1)), (0.0, rate(0.01))]
    assert one.heats([rate(0.1), rate(0.01)]) == (rate(0.1), rate(0.01))  # never built: it may raise
    one.raced.update({rate(0.1): [], rate(0.01): []})
    found = one.heats([rate(0.1), rate(0.01)])
    assert [each[0].value for each in found] == order
    assert run == ([round(one.whole / 4)] * 2 if gain == 0.2 else [])
    assert rounds._idle(Entry((), nn.Linear(1, 1), mark(0.34)))
    assert not rounds._idle(Entry((), nn.Linear(1, 1), mark(0.36)))


# Dropout ----------------------------------------------------------------------------------------------


class Words(nn.Module):
    """Means of vectors."""

    def __init__(self) -> None:
        super().__init__()
        self.vectors, self.out = nn.Embedding(9, 4), nn.Linear(4, 2)

    def forward(self, x):
        return self.out(self.vectors(x).mean(1))


def test_dropout_is_put_in_where_nothing_drops():
    module, x = Words(), torch.randint(0, 9, (5, 3))
    made = dropping(module, anatomy_of(module, (x,)), 0.5)
    assert [type(each).__name__ for each in made.modules()].count("Dropout") == 2
    assert torch.equal(made.eval()(x), module.eval()(x))
    with pytest.raises(ArgumentError, match="drops already"):
        dropping(made, anatomy_of(made, (x,)), 0.5)


@pytest.mark.parametrize(
    ("changes", "told", "tried"),
    [
        ((DROPS,), 0.54, True),
        ((DROPS,), 0.56, False),  # to end early did much of it
        ((NORM,), 0.54, False),
        ((Change("epochs", value=0.25),), 0.9, True),
    ],
)
def test_dropout_is_tried_where_to_end_early_gains_little(changes, told, tried):
    one, first = contest()
    best, found = Entry((), first.module, mark(0.5)), Entry((NORM,), first.module, mark(told))
    assert rounds._also(one, changes, found, best) is tried
