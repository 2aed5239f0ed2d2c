"""A repair from round to round: what is mended at the beginning, what is left after that, what it costs."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.diagnosis.test_repair import CROSS, adam, contest, net, rings, sgd, values
from torch import nn

import profunda
from profunda.diagnosis import candidates, rounds
from profunda.diagnosis.anatomy import anatomy_of
from profunda.diagnosis.candidates import Proposal, is_late, mends, proposals
from profunda.diagnosis.contests import Entry, Soon
from profunda.diagnosis.diagnosing import followed
from profunda.diagnosis.feeding import feed_of
from profunda.diagnosis.finding import Change, Evidence, Finding
from profunda.diagnosis.givens import Task
from profunda.diagnosis.ingredients import Parts, making_of
from profunda.diagnosis.marks import Judge, Mark, compared, spread_of
from profunda.diagnosis.readers import reading
from profunda.diagnosis.recipes import Recipe, changed
from profunda.diagnosis.repairs import Attempt
from profunda.diagnosis.rewiring import headed
from profunda.diagnosis.rules.readings import poor
from profunda.diagnosis.snippets import diff


def finding(code: str, *changes: Change, severity="fault") -> Finding:
    return Finding(code, severity, "", (Evidence("x", 1.0),), "", "", changes=changes)


# The beginning --------------------------------------------------------------------------------------


def test_a_share_of_a_training_is_trained():
    told = [
        followed(net(4, 8, 2), rings(), CROSS, adam(), None, 40, 10, 0, lambda done, most: None, share)
        for share in (0.05, 1.0)
    ]
    assert [one.rows for one in told] == [200, 4000 + 6000]  # 5 and 100 steps, and the trials of other steps
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


CE, WIDE, ROBUST = (
    Change("loss", word="cross-entropy"),
    Change("width", value=16.0),
    Change("loss", word="robust"),
)


@pytest.mark.parametrize(
    ("found", "bundles"),
    [
        (finding("loss-unsuited", CE), [(CE, Change("head", word="linear"))]),
        (finding("too-small"), [(WIDE, Change("depth", value=2.0)), (WIDE,)]),
        (
            finding("batch-too-small", Change("batch size", value=32.0)),
            [
                (Change("batch size", value=8.0),),
                (Change("batch size", value=32.0),),
                (Change("learning rate", value=0.1),),
                (Change("learning rate", value=0.1 * 0.1),),
            ],
        ),
        (
            finding("too-few-epochs", Change("epochs", value=4.0)),
            [
                (Change("width", value=16.0),),  # its first layer has a single unit
                (Change("learning rate", value=3.0), Change("epochs", value=4.0)),
                (Change("epochs", value=4.0),),
            ],
        ),
        (
            finding("rate-too-high", Change("learning rate", value=0.01)),
            [(Change("learning rate", value=value),) for value in (0.01, 0.01 * 5.0, 0.01 * 0.1)],
        ),
        (
            finding("outputs-too-large", Change("initialisation", "9", word="small")),
            [(Change("initialisation", "9", word="small"),), (Change("initialisation", word="critical"),)],
        ),
        (finding("labels-noisy"), [(ROBUST,)]),
        (
            finding("input-ignored"),
            [(Change("width", "0", value=8.0),), (Change("norm", word="removed"),)],
        ),
    ],
)
def test_what_is_tried_for_a_finding(found, bundles):
    module = nn.Sequential(nn.Linear(4, 1), nn.LayerNorm(1), nn.ReLU(), nn.Linear(1, 3), nn.Softmax(1))
    x, y = rings(100)
    diagnosis = profunda.diagnose(module, (x, y + (x[:, 3] > 1).long()), CROSS, epochs=1)
    diagnosis.findings[:] = [found]
    assert list(proposals(diagnosis)[0].bundles) == bundles


def test_what_is_suspected_of_a_fair_training_is_tried_too(monkeypatch):
    kept = Change("dropout", value=0.0)
    monkeypatch.setattr(candidates, "suspected", lambda record, judgement: (kept,))
    diagnosis = profunda.diagnose(net(4, 16, 2), rings(200), CROSS, optimizer=adam(), epochs=30)
    assert not poor(diagnosis.record)
    diagnosis.findings[:] = []
    assert proposals(diagnosis) == (Proposal(None, ((kept,),)),)
    diagnosis.findings[:] = [finding("labels-unrelated")]
    assert proposals(diagnosis) == ()


@pytest.mark.parametrize(
    ("found", "change", "late"),
    [
        (None, Change("activation", word="inserted"), True),
        (None, Change("activation", word="relu"), False),
        (finding("dead-units"), Change("epochs", value=4.0), True),
        (finding("overfitting"), Change("weight decay", word="set", value=0.01), True),
        (finding("optimiser-constants"), Change("optimiser", word="defaults"), True),
        (finding("too-small"), Change("width", value=4.0), False),
    ],
)
def test_what_only_a_whole_training_can_judge(found, change, late):
    assert is_late(found, (Change("initialisation", word="critical"), change)) is late


def test_labels_of_values_are_not_doubted_as_those_of_classes():
    diagnosis = profunda.diagnose(net(6, 8, 1), values(100), nn.MSELoss(), epochs=1)
    diagnosis.findings[:] = [finding("labels-conflicting")]
    assert not any(ROBUST in bundle for one in proposals(diagnosis) for bundle in one.bundles)


def test_a_loss_of_the_users_own_is_not_exchanged_where_outputs_may_be_no_amounts():
    usual = Change("loss", word="task")
    for own, known in ((nn.PoissonNLLLoss(), False), (nn.MSELoss(), True)):
        x, y = values(100)
        diagnosis = profunda.diagnose(net(6, 8, 1), (x, y.abs().round()), own, epochs=1)
        for code in ("loss-broadcasts", "loss-not-finite"):
            diagnosis.findings[:] = [finding(code, usual)]
            told = [change for one in proposals(diagnosis) for bundle in one.bundles for change in bundle]
            assert (usual in told) is known


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
    codes = [[each.finding.code for each in rounds._left(one, best, first)] for best in (first, mended)]
    assert codes == [["output-range", "too-few-epochs"], ["too-few-epochs"]]
    assert first.diagnosis is not None
    unended = replace(first.diagnosis, findings=[])
    left = rounds._left(one, mended, Entry((), first.module, first.mark, unended))
    assert left == ()  # it does well, and only now it could go on: more epochs are the user's to pay


def test_what_was_done_for_another_change_is_no_reason_to_leave_one_out():
    one, first = contest()
    assert first.diagnosis is not None
    drawn, relu = Change("initialisation", word="critical"), Change("activation", word="relu")
    first.diagnosis.findings[:] = [finding("saturated-units", drawn)]
    begun = Entry((drawn,), first.module, first.mark, first.diagnosis)
    assert [each.bundles for each in rounds._left(one, begun, first)] == [((relu, drawn),)]
    done = replace(begun, changes=(relu, drawn))
    assert rounds._left(one, done, first) == ()


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
    assert {each.changes for each in one.attempts} == {rates[0], rates[2]}


def test_a_race_ends_where_it_is_decided():
    one, first = contest()
    slow, steep = (Change("learning rate", value=1e-3),), (Change("loss", word="sign"),)
    one.race((Proposal(finding("rate-too-high"), (slow,)), Proposal(finding("plateau"), (steep,))), ())
    assert [len(one.raced[each]) for each in ((), slow, steep)] == [2, 2, 2]
    spent = one.cost
    one.race((Proposal(finding("rate-too-high"), (slow,)),), first.changes)
    assert one.cost == spent  # what was run is not run again
    one.lost.add(slow)
    assert one.race((Proposal(finding("rate-too-high"), (slow,)),), ()) == ((), ())


def test_of_many_rates_the_likeliest_two_are_raced():
    one, _ = contest()
    rates = tuple((Change("learning rate", value=value),) for value in (1e-5, 0.3, 1e-4, 3.0))
    one.race((Proposal(finding("plateau"), rates),), ())
    assert {each.changes for each in one.attempts} == {rates[1], rates[3]}
    assert [len(one.raced[each]) for each in (rates[0], rates[2])] == [1, 1]


@pytest.mark.parametrize(
    ("told", "better", "sure", "spared"),
    [
        (0.99, True, False, True),
        (0.99, False, True, False),
        (0.9, True, True, True),
        (0.9, False, True, False),
        (0.9, True, False, False),
    ],
)
def test_when_the_rest_of_the_original_is_spared(monkeypatch, told, better, sure, spared):
    one, first = contest()
    scaled = (Change("scaling", word="inputs"),)
    drawn = np.random.default_rng(0)
    low = Mark(0.3 + 0.01 * drawn.normal(size=400), np.ones(8), 0.3, constant=0.3)
    high = Mark(told + 0.01 * drawn.normal(size=400), np.ones(8), told, constant=0.3)
    one.attempts.append(Attempt("race", scaled, "inputs-unscaled", 0.3, 0.1, 0.1, better, False))
    monkeypatch.setattr(rounds, "_sure", lambda first: set(scaled) if sure else set())
    begun = Entry((), first.module, low, first.diagnosis)
    assert rounds._spares(one, Entry(scaled, first.module, high, first.diagnosis), begun) == spared
    broke = Entry((), first.module, Mark(np.empty(0), np.empty(0), math.nan, True), first.diagnosis)
    assert rounds._spares(one, Entry(scaled, first.module, high, first.diagnosis), broke)


@pytest.mark.parametrize(
    ("soon", "control", "spared"),
    [
        ((0.35, 0.6), 0.3, True),  # ahead at the second look
        ((0.35, 0.6), 0.7, False),  # the original was further by then
        ((0.35, 0.39), 0.3, False),  # it learns too late for anything to be told
        ((), 0.3, False),
    ],
)
def test_where_races_are_too_short_as_many_steps_of_both_tell(monkeypatch, soon, control, spared):
    one, first = contest()
    scaled = (Change("scaling", word="inputs"),)
    drawn = np.random.default_rng(0)

    def mark(told: float) -> Mark:
        return Mark(told + 0.01 * drawn.normal(size=400), np.ones(8), told, constant=0.3)

    asked = []

    def part(changes, rows):
        asked.append((changes, rows))
        return mark(control)

    monkeypatch.setattr(rounds, "_sure", lambda first: set(scaled))
    monkeypatch.setattr(one, "part", part)
    seen = tuple(Soon(100 * 2**k, mark(told)) for k, told in enumerate(soon))
    mended = Entry(scaled, first.module, mark(0.9), first.diagnosis, seen)
    begun = Entry((), first.module, mark(0.3), first.diagnosis)
    assert rounds._spares(one, mended, begun) == spared
    assert asked == ([((), 200)] if soon == (0.35, 0.6) else [])


def test_a_training_in_full_tells_what_it_was_worth_in_its_first_half():
    one, _ = contest()
    made = one.full((Change("learning rate", value=2.0),), 0, watched=True)
    assert made is not None
    assert [each.rows for each in made.soon] == [496, 992, 1984]  # 16, 32, 64 steps
    assert made.soon[0].mark.told < made.mark.told
    assert one.full((), 0, watched=False).soon == ()


def test_what_cannot_be_carried_out_is_the_users_to_mend():
    one, first = contest()
    tall = finding("rows-mixed", Change("axes", word="rows first"))
    proposed = (Proposal(tall, (tall.changes,)), Proposal(None, ((Change("learning rate", value=0.1),),)))
    assert rounds._round(one, proposed, first) is first
    assert [(each.code, bool(each.why)) for each in one.attempts] == [("rows-mixed", True)]


# The test -------------------------------------------------------------------------------------------


def test_a_network_that_tells_less_than_a_constant_counts_as_one():
    y = torch.tensor([0, 0, 0, 1])
    judge = Judge(feed_of((torch.eye(4),), y), Task("classes", 2, (), (), ""))
    wrong, right = nn.Linear(4, 2, bias=False), nn.Linear(4, 2, bias=False)
    with torch.no_grad():
        wrong.weight.copy_(torch.tensor([[0.0, 0.0, 0.0, 1.0], [1.0, 1.0, 1.0, 0.0]]))
        right.weight.copy_(-wrong.weight)
    marks = [judge(one, CROSS) for one in (wrong, right)]
    assert [(one.score, one.told, one.learnt) for one in marks] == [(0.0, 0.75, 0.0), (1.0, 1.0, 0.25)]
    assert [one.right.tolist() for one in marks] == [[1, 1, 1, 0], [1, 1, 1, 1]]
    values = Judge(feed_of((torch.eye(4),), y[:, None].float()), Task("values", 1, (), (), ""))
    mark = values(nn.Sequential(right, nn.Linear(2, 1)), nn.MSELoss())
    assert mark.constant == pytest.approx(0.0)
    assert mark.told == max(mark.score, mark.constant)


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


def test_a_second_change_for_a_mistake_that_still_stands():
    one, first = contest()
    assert first.diagnosis is not None
    scaled, bare = Change("scaling", word="targets"), Change("head", word="linear")
    first.diagnosis.findings[:] = [finding("output-range", bare, scaled)]
    mended = Entry((scaled,), first.module, first.mark, first.diagnosis)
    assert [each.bundles for each in rounds._left(one, mended, first)] == [((bare,),)]


@pytest.mark.parametrize(
    ("code", "first", "tried"),
    [
        ("output-activation-twice", Change("head", word="linear"), 1),
        ("output-activation-twice", Change("head", word="nonsense"), 2),  # it cannot be carried out
        ("output-range", Change("head", word="linear"), 2),  # control: two remedies that differ
    ],
)
def test_of_one_remedy_at_two_places_the_first_that_can_be_carried_out_does(code, first, tried):
    one, begun = contest()
    bundles = ((first,), (Change("loss", word="cross-entropy"),))
    one.race([Proposal(finding(code), bundles)], begun.changes)
    assert len({attempt.changes for attempt in one.attempts}) == tried


@pytest.mark.parametrize(
    ("turned", "changes", "better"),
    [
        (True, (Change("loss", value=-1.0, word="sign"),), True),
        (False, (Change("loss", value=-1.0, word="sign"),), False),  # something else is wrong with it
        (True, (Change("loss", word="mse"),), False),
        (True, (Change("learning rate", value=0.1),), False),
    ],
)
def test_a_loss_whose_sign_alone_was_wrong_is_judged_by_its_negative(turned, changes, better):
    one, _ = contest()
    one.doubted, one.turned = True, turned
    right = np.zeros(50)  # outputs that are no amounts: no score tells them from a constant
    mended = Mark(right, 0.5 + 0.001 * np.arange(32.0), 0.0)
    control = Mark(right, -9.0 + 0.001 * np.arange(32.0), 0.0)
    assert one.compared(changes, (), [mended], [control]).better is better


def test_what_could_not_be_carried_out_tells_nothing_of_the_spread_between_seeds():
    one, begun = contest()
    refused, made = Change("head", word="nonsense"), Change("learning rate", value=0.5)
    one.race([Proposal(finding("output-range"), ((refused,),))], begun.changes)
    assert one.attempts[-1].why
    assert one.spread((made,), begun.changes) is None


def test_how_logits_are_to_be_read_in_place_of_what_stood_there():
    x, _ = rings(100)
    linear = Change("head", word="linear")
    ends = (nn.Sequential(nn.Linear(4, 1), nn.Sigmoid()), nn.Sequential(nn.Linear(4, 3), nn.Softmax(1)))
    (one,), (several,) = (reading((linear,), anatomy_of(end, (x,))) for end in ends)
    assert "0 stands where one half stood: take outputs.sigmoid()" in one
    assert "any number: take outputs.softmax(1)" in several
    assert reading((Change("dropout", value=0.0),), anatomy_of(ends[0], (x,))) == ()
