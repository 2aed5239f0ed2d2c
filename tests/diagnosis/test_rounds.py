"""A repair from round to round: what is mended at the beginning, what is left after that, what it costs."""

import math

import numpy as np
import pytest
import torch
from tests.diagnosis.test_repair import CROSS, adam, contest, net, rings, sgd, values
from torch import nn

import profunda
from profunda.diagnosis import rounds
from profunda.diagnosis.anatomy import anatomy_of
from profunda.diagnosis.candidates import Proposal, mends
from profunda.diagnosis.contests import Entry
from profunda.diagnosis.diagnosing import followed
from profunda.diagnosis.feeding import feed_of
from profunda.diagnosis.finding import Change, Evidence, Finding
from profunda.diagnosis.ingredients import Parts, making_of
from profunda.diagnosis.marks import Mark, compared, spread_of
from profunda.diagnosis.recipes import Recipe, changed
from profunda.diagnosis.repairs import Attempt
from profunda.diagnosis.rewiring import headed
from profunda.diagnosis.snippets import diff


def finding(code: str, *changes: Change, severity="fault") -> Finding:
    return Finding(code, severity, "", (Evidence("x", 1.0),), "", "", changes=changes)


# The beginning --------------------------------------------------------------------------------------


def test_a_share_of_a_training_is_trained():
    told = [
        followed(net(4, 8, 2), rings(), CROSS, adam(), None, 40, 10, 0, lambda done, most: None, share)
        for share in (0.05, 1.0)
    ]
    assert [one.rows for one in told] == [200, 4000]  # 5 and 100 steps
    assert [one.diagnosis.record.course.finished for one in told] == [False, True]


@pytest.mark.parametrize(
    ("found", "kinds"),
    [
        ([finding("inputs-unscaled", Change("scaling", word="inputs"), severity="hint")], ["scaling"]),
        ([finding("activation-contracts", Change("activation", word="relu"))], ["activation"]),
        ([finding("activation-contracts", Change("activation", word="relu"), severity="hint")], []),
        ([finding("rate-too-high", Change("learning rate", value=0.1))], []),
        ([finding("class-imbalance", Change("loss", word="class weights"))], []),
        (
            [
                finding("rate-too-high", Change("learning rate", value=0.1)),
                finding("weights-equal", Change("initialisation", word="critical")),
            ],
            [],
        ),
    ],
)
def test_what_gives_nothing_up_is_mended_at_the_beginning(found, kinds):
    diagnosis = profunda.diagnose(net(4, 8, 2), rings(100), CROSS, epochs=1)
    diagnosis.findings[:] = found
    assert [one.bundles[0][0].kind for one in mends(diagnosis)] == kinds


def test_a_beginning_that_is_not_far_behind_is_trained_in_full(monkeypatch):
    one, first = contest()
    scaled = (Change("scaling", word="inputs"),)
    monkeypatch.setattr(one, "race", lambda proposed, base: (base or scaled, ()))
    monkeypatch.setattr(rounds, "mends", lambda diagnosis: (Proposal(None, (scaled,)),))
    monkeypatch.setattr(rounds, "proposals", lambda diagnosis: ())
    asked = []

    def whole() -> Entry:
        asked.append(1)
        return first

    end = rounds.searched(one, first, whole)  # which is as good as it will be
    assert asked == [1]
    assert not end.part


# Rounds ---------------------------------------------------------------------------------------------


def test_two_mistakes_of_which_one_hides_the_other():
    x, y = values()
    held = values(400, 1)
    module = net(6, 32, 1, end=nn.ReLU())
    found = profunda.repair(
        module, (x, y[:, 0]), nn.MSELoss(), optimizer=adam(), validation=(held[0], held[1][:, 0]), epochs=15
    )
    assert {one.kind for one in found.changes} >= {"loss", "head"}, found.text()
    assert found.after > 0.8


def test_what_was_mended_is_not_mended_again():
    one, first = contest()
    assert first.diagnosis is not None
    head = (Change("head", word="linear"),)
    longer = finding("too-few-epochs", Change("epochs", value=4.0), severity="hint")
    first.diagnosis.findings[:] = [finding("output-range", *head), longer]
    one.attempts.append(Attempt("race", head, "output-range", 0.5, 0.1, 0.5, True, False))
    mended = Entry(head, first.module, first.mark, first.diagnosis)
    codes = [[each.finding.code for each in rounds._left(one, best)] for best in (first, mended)]
    assert codes == [
        ["output-range", "too-few-epochs"],
        [],
    ]  # it does well: more epochs are the user's to pay


def test_as_many_epochs_as_can_be_paid_for():
    one, _ = contest(4.0)
    longer = (Change("epochs", value=8.0),)
    assert one.affordable(longer) == (Change("epochs", value=4.0),)
    assert one.affordable((Change("epochs", value=2.0),)) == (Change("epochs", value=2.0),)
    one.passed = 3 * one.whole
    assert one.affordable(longer) is None


def test_steps_that_go_further_where_shorter_ones_were_worse_are_not_tried():
    one, first = contest()
    rates = tuple((Change("learning rate", value=value),) for value in (1e-3, 1e-4, 10.0))
    one.race((Proposal(finding("rate-too-high", rates[0][0]), rates),), first.changes)
    assert [each.changes for each in one.attempts] == [rates[0], rates[2]]


# The test -------------------------------------------------------------------------------------------


def marks(drawn: np.random.Generator, *means: float) -> list[Mark]:
    return [Mark(m + 0.01 * drawn.normal(size=500), 1.0 - m + np.zeros(8), m) for m in means]


def test_one_seed_is_judged_by_how_much_seeds_differed():
    drawn = np.random.default_rng(0)
    control = marks(drawn, 0.5, 0.5, 0.5)
    wild, calm = (spread_of([(marks(drawn, *m), control)], alike=True) for m in ((0.9, 0.1, 0.5), (0.5,) * 3))
    assert wild is not None
    assert calm is not None
    assert (wild.score, wild.freedom) == (pytest.approx(0.16), 2)
    assert wild.loss == pytest.approx(0.16 / 0.25)  # as parts of the control's loss of 0.5
    one, other = marks(drawn, 0.6), marks(drawn, 0.5)
    assert not compared(one, other, alike=True, spread=wild).better
    assert compared(one, other, alike=True, spread=calm).better


@pytest.mark.parametrize("truth", [0.0, -0.02])
def test_how_often_what_is_not_better_is_adopted(truth):
    drawn = np.random.default_rng(1)
    adopted = 0
    for _ in range(400):
        pairs = []
        for _ in range(3):  # three candidates were raced
            control = marks(drawn, *(0.5 + 0.03 * drawn.normal(size=3)))
            pairs.append((marks(drawn, *(0.5 + 0.03 * drawn.normal(size=3))), control))
        spread = spread_of(pairs, alike=False)
        one, other = (
            marks(drawn, 0.5 + truth + 0.03 * drawn.normal()),
            marks(drawn, 0.5 + 0.03 * drawn.normal()),
        )
        adopted += compared(one, other, alike=False, spread=spread).better
    assert adopted / 400 < (0.05 if truth == 0.0 else 0.03)


# What is told ---------------------------------------------------------------------------------------


def test_an_end_that_is_a_module_goes_as_a_module():
    module, (x, _) = net(6, 8, 8, 1, end=nn.ReLU()), values(30)
    feed = feed_of((x,), x[:, :1])
    made = headed(module, anatomy_of(module, (x,)), feed, "linear")
    assert isinstance(made, nn.Sequential)
    assert [type(part).__name__ for part in made] == [
        "Linear",
        "ReLU",
        "Linear",
        "ReLU",
        "Linear",
        "Identity",
    ]
    assert float(made(x).min().detach()) < 0.0


@pytest.mark.parametrize(
    "changes",
    [
        (Change("initialisation", word="critical"),),
        (Change("initialisation", "4", word="small"),),
        (Change("dropout", value=0.25),),
        (Change("head", "6", word="linear"),),
        (Change("head", value=5.0, word="width"),),
        (Change("learning rate", value=0.1),),
        (Change("loss", word="cross-entropy"),),
        (Change("batch size", value=0.5),),
        (Change("epochs", value=2.0),),
        (Change("scaling", word="inputs"),),
        (Change("rows", word="finite"),),
        (Change("labels", word="shifted", value=2.0),),
    ],
)
def test_a_diff_can_be_pasted(changes):
    X, y = rings(60)
    model = nn.Sequential(
        nn.Linear(4, 16),
        nn.ReLU(),
        nn.Dropout(0.4),
        nn.ReLU(),
        nn.Linear(16, 2, bias=False),
        nn.Identity(),
        nn.ReLU(),
    )
    made = sgd(0.5, momentum=0.9)(model.parameters())
    before = Recipe(Parts(model, CROSS, making_of(made, model), 16, 12), made)
    after = before
    for change in changes:
        after = changed(change, after, feed_of((X,), y), seed=0)
    text = diff(changes, before, after, anatomy_of(model, (X,)), 12)
    put = "\n".join(line[2:] for line in text.splitlines() if line.startswith("+ "))
    place = {"torch": torch, "model": model, "X": X, "y": y}
    exec(put, place)
    assert put
    own, theirs = dict(model.named_parameters()), dict(after.parts.module.named_parameters())
    assert {name: each.shape for name, each in own.items()} == {
        name: each.shape for name, each in theirs.items()
    }
    kind = changes[0].kind
    if kind == "initialisation":
        name = "4.weight"
        assert math.sqrt(
            float((own[name].square().mean() / theirs[name].square().mean()).detach())
        ) == pytest.approx(1, abs=0.5)
    if kind == "dropout":
        assert model[2].p == pytest.approx(0.1)
    if kind == "learning rate":
        assert place["optimizer"].param_groups[0]["lr"] == pytest.approx(0.05)
        assert place["optimizer"].param_groups[0]["momentum"] == 0.9
    if kind == "head" and changes[0].word == "linear":
        assert float(model(X).min().detach()) < 0.0
    if kind == "scaling":
        assert torch.allclose(place["X"].std(0), torch.ones(4), atol=1e-5)
    if kind == "labels":
        assert torch.equal(place["y"], y.roll(2, 0))
