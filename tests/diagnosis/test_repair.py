"""Repairs: mistakes that are mended, trainings that are left alone, nothing of the user's that changes."""

import json
import math
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.stats import ttest_1samp
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import profunda
from profunda.diagnosis import rounds
from profunda.diagnosis.candidates import Proposal
from profunda.diagnosis.contests import Contest, Entry
from profunda.diagnosis.diagnosing import Followed, followed
from profunda.diagnosis.feeding import feed_of
from profunda.diagnosis.finding import Change
from profunda.diagnosis.givens import Task
from profunda.diagnosis.ingredients import Parts, making_of
from profunda.diagnosis.marks import Judge, Mark, compared
from profunda.diagnosis.mending import repaired
from profunda.diagnosis.recipes import Recipe, changed
from profunda.diagnosis.repairs import Repair, spoken
from profunda.diagnosis.rounds import searched
from profunda.diagnosis.runs import Ran
from profunda.diagnosis.supplies import Supply
from profunda.errors import ArgumentError

CROSS = nn.CrossEntropyLoss()
Pair = tuple[Tensor, Tensor]


def rings(n: int = 400, seed: int = 0) -> Pair:
    x = torch.randn(n, 4, generator=torch.Generator().manual_seed(seed))
    return x, (x[:, :2].square().sum(1) > 1.4).long()


def values(n: int = 400, seed: int = 0) -> Pair:
    x = torch.randn(n, 6, generator=torch.Generator().manual_seed(seed))
    return x, x[:, :1] * x[:, 1:2] + 2.0 * x[:, 2:3].sin()


def net(*widths: int, end: nn.Module | None = None) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        parts: list[nn.Module] = []
        for entering, leaving in pairwise(widths):
            parts += [nn.Linear(entering, leaving), nn.ReLU()]
    return nn.Sequential(*parts[:-1], *([end] if end else []))


def adam(lr: float = 5e-3, **more: float):
    return lambda parameters: torch.optim.Adam(parameters, lr=lr, **more)


def sgd(lr: float, **more: float):
    return lambda parameters: torch.optim.SGD(parameters, lr=lr, **more)


def times(pair: Pair, factor: float, shift: float = 0.0) -> Pair:
    return pair[0] * factor + shift, pair[1]


def dear(pair: Pair) -> Pair:
    return pair[0], 5000 + 900 * pair[1]


def biased(module: nn.Sequential, by: float) -> nn.Sequential:
    with torch.no_grad():
        for part in list(module)[:-1]:
            for each in part.parameters():
                if each.ndim == 1:
                    each.fill_(by)
    return module


def flat(pair: Pair) -> Pair:
    return pair[0], pair[1][:, 0]


def holed(pair: Pair) -> Pair:
    x = pair[0].clone()
    x[::37, 0] = math.nan
    return x, pair[1]


def wrong(outputs: Tensor, targets: Tensor) -> Tensor:
    return -CROSS(outputs, targets)


DROPPED = nn.Sequential(
    nn.Linear(4, 32),
    nn.ReLU(),
    nn.Dropout(0.95),
    nn.Linear(32, 32),
    nn.ReLU(),
    nn.Dropout(0.95),
    nn.Linear(32, 2),
)
LINEAR = nn.Sequential(nn.Linear(4, 32), nn.Linear(32, 32), nn.Linear(32, 2))

SICK = {
    "rate too high": (net(4, 32, 2), rings(), rings(400, 1), CROSS, sgd(100.0), 12, "learning rate"),
    "rate too low": (net(4, 32, 2), rings(), rings(400, 1), CROSS, adam(1e-5), 12, "learning rate"),
    "inputs unscaled": (
        net(4, 32, 32, 2), times(rings(), 300, 4000), times(rings(400, 1), 300, 4000), CROSS, sgd(0.5), 12,
        "scaling",
    ),
    "targets unscaled": (
        net(6, 32, 1), dear(values()), dear(values(400, 1)),
        nn.MSELoss(), adam(), 15, "scaling",
    ),
    "dead units": (
        biased(net(4, 32, 32, 2), -20.0), rings(), rings(400, 1), CROSS, adam(), 12, "initialisation",
    ),
    "too much dropout": (DROPPED, rings(), rings(400, 1), CROSS, adam(), 20, "dropout"),
    "too much decay": (
        net(4, 32, 2), rings(), rings(400, 1), CROSS, adam(weight_decay=1.0), 12, "weight decay",
    ),
    "sign": (net(4, 32, 2), rings(), rings(400, 1), wrong, adam(), 12, "loss"),
    "broadcast": (net(6, 32, 1), flat(values()), flat(values(400, 1)), nn.MSELoss(), adam(), 15, "loss"),
    "missing numbers": (net(4, 32, 2), holed(rings()), holed(rings(400, 1)), CROSS, adam(), 12, "rows"),
    "no non-linearity": (LINEAR, rings(), rings(400, 1), CROSS, adam(), 12, "activation"),
    "a range that is too narrow": (
        net(6, 32, 1, end=nn.Sigmoid()), values(), values(400, 1), nn.MSELoss(), adam(), 15, "head",
    ),
}  # fmt: skip


@cache
def mended(name: str) -> Repair:
    module, data, held, loss, optimizer, epochs, _ = SICK[name]
    return profunda.repair(module, data, loss, optimizer=optimizer, validation=held, epochs=epochs)


@pytest.mark.parametrize("name", SICK)
def test_a_mistake_is_mended(name):
    found = mended(name)
    before = 0.0 if math.isnan(found.before) else found.before
    assert any(change.kind == SICK[name][-1] for change in found.changes), found.text()
    assert found.after > max(before + 0.1, 0.75), found.text()
    assert found.cost <= 6.0
    x, y = SICK[name][2]
    good = x.isfinite().all(1)
    with torch.no_grad():
        outputs = found.model(x[good])
    if y.dtype == torch.long:
        reached = float((outputs.argmax(1) == y[good]).double().mean())
    else:
        reached = 1 - float((outputs.reshape(y.shape) - y).square().mean() / y.var(correction=0))
    assert reached == pytest.approx(found.after, abs=0.03)  # errors far out count less within a repair
    assert found.diff.splitlines()[0].startswith("# ")
    assert "+ " in found.diff or "- " in found.diff


def test_what_is_healthy_stays_as_it_is():
    found = profunda.repair(
        net(4, 32, 32, 2), rings(), CROSS, optimizer=adam(), validation=rings(400, 1), epochs=15
    )
    assert (found.changes, found.diff, found.attempts) == ((), "", ())
    assert found.cost == pytest.approx(1.05, abs=0.01)  # the diagnosis's own, and its beginning
    assert found.before == found.after > 0.85
    assert "stays as it is" in found.text()


def test_nothing_of_the_users_changes_and_seeds_decide():
    module, data, held, loss, optimizer, epochs, _ = SICK["inputs unscaled"]
    kept = [each.clone() for each in (*module.parameters(), *data, *held)]
    state = torch.get_rng_state(), np.random.get_state()[1].copy()
    made = [
        profunda.repair(module, data, loss, optimizer=optimizer, validation=held, epochs=epochs, seed=seed)
        for seed in (0, 1)
    ]
    made.insert(0, mended("inputs unscaled"))  # of the same seed, in another state of torch's own numbers
    assert all(map(torch.equal, kept, (*module.parameters(), *data, *held)))
    assert torch.equal(state[0], torch.get_rng_state())
    assert np.array_equal(state[1], np.random.get_state()[1])
    assert module.training
    assert all(each.grad is None for each in module.parameters())
    first, second, other = (torch.cat([each.flatten() for each in one.model.parameters()]) for one in made)
    assert torch.equal(first, second)
    assert made[0].json() == made[1].json()
    assert not torch.equal(first, other)  # control


def test_an_optimiser_of_another_network():
    stranger = torch.optim.Adam(net(4, 32, 2).parameters(), lr=5e-3)
    found = profunda.repair(
        net(4, 32, 2), rings(), CROSS, optimizer=stranger, validation=rings(400, 1), epochs=12
    )
    assert [change.word for change in found.changes] == ["whole"]
    assert found.after > 0.8
    assert "model.parameters()" in found.diff


def test_sorted_rows_of_a_loader_are_shuffled():
    x, y = rings(600)
    order = y.argsort()
    data = DataLoader(TensorDataset(x[order], y[order]), 20)
    found = profunda.repair(
        net(4, 32, 2), data, CROSS, optimizer=sgd(0.5), validation=rings(400, 1), epochs=10
    )
    assert Change("rows", word="shuffled") in found.changes
    assert "shuffle=True" in found.diff


def test_without_validation_rows_a_part_judges():
    module, data, _, loss, optimizer, epochs, _ = SICK["rate too high"]
    found = profunda.repair(module, data, loss, optimizer=optimizer, epochs=epochs)
    assert found.after > 0.75
    assert found.notes[0].startswith("No validation rows were given: 80 of 400 rows judge")


def test_inputs_by_name():
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = net(4, 32, 2)

        def forward(self, *, left: Tensor, right: Tensor) -> Tensor:
            return self.inner(torch.cat([left, right], 1))

    def named(pair: Pair):
        return {"left": pair[0][:, :2], "right": pair[0][:, 2:]}, pair[1]

    found = profunda.repair(
        Named(), named(rings()), CROSS, optimizer=sgd(100.0), validation=named(rings(400, 1)), epochs=12
    )
    assert found.changes
    assert found.changes[0].kind == "learning rate"


# Never worse ----------------------------------------------------------------------------------------


@cache
def healthy() -> tuple[nn.Module, Pair, Pair, Followed]:
    module, data, held = net(4, 32, 2), rings(), rings(400, 1)
    return module, data, held, followed(module, data, CROSS, adam(), held, 32, 12, 0, lambda done, most: None)


def contest(budget: float = 4.0) -> tuple[Contest, Entry]:
    """One for a healthy training, which is as it was after the diagnosis."""
    module, data, held, found = healthy()
    made = torch.optim.Adam(module.parameters(), lr=5e-3)
    start = Recipe(Parts(module, CROSS, making_of(made, module), 32, 12), made)
    feed, judged = (feed_of((x,), y) for x, y in (data, held))
    judge = Judge(judged, found.diagnosis.record.task or Task("classes", 2, (), (), ""))
    supply = Supply(data, module, 32, feed)
    one = Contest(start, supply, judge, feed, 400 * 12, budget, 0, lambda done, most: None)
    mark = one.mark(Ran(found.module.eval(), 0), start)
    return one, Entry((), found.module, mark, found.diagnosis)


def searching(monkeypatch, one: Contest, first: Entry, *proposed: Proposal) -> Entry:
    monkeypatch.setattr(rounds, "proposals", lambda diagnosis: proposed)
    return searched(one, first, None).best


@pytest.mark.parametrize(
    "change",
    [
        Change("learning rate", value=1e-4),
        Change("learning rate", value=1e4),
        Change("loss", word="sign"),
        Change("optimiser", word="nobody"),
        Change("epochs", value=0.1),
        Change("activation", word="identity"),
    ],
)
def test_nothing_worse_is_returned(monkeypatch, change):
    one, first = contest()
    assert searching(monkeypatch, one, first, Proposal(None, ((change,),))) is first
    assert one.attempts or change.kind == "epochs"


def test_a_race_that_misleads_is_checked_in_full(monkeypatch):
    one, first = contest()
    slow = (Change("learning rate", value=1e-4),)
    monkeypatch.setattr(one, "race", lambda proposed, base: (slow, ()))
    assert searching(monkeypatch, one, first, Proposal(None, (slow,))) is first
    assert one.attempts[-1].stage == "check"


def test_the_budget_is_kept(monkeypatch):
    one, first = contest(0.2)
    rate = Proposal(None, ((Change("learning rate", value=2.0),),))
    assert searching(monkeypatch, one, first, rate) is first
    assert one.cost == 0.0
    assert one.notes == ["The budget was spent before all changes were tried."]


@pytest.mark.parametrize("training", [0, 1])
def test_an_interruption_gives_the_best_so_far(training):
    module, data, held, loss, optimizer, epochs, _ = SICK["inputs unscaled"]
    planned = math.ceil(400 / 32) * epochs
    calls = []

    def tick(done: int, most: int) -> None:
        calls.append(most != planned)  # those of the trainings after the diagnosis's
        if done and calls.count(bool(training)) > 5:
            raise KeyboardInterrupt

    found = repaired(module, data, loss, optimizer, held, 32, epochs, 4.0, 0, tick)
    assert found.changes == ()
    assert any(note.startswith("Interrupted") for note in (*found.notes, *found.diagnosis.notes))


# The test -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [-0.2, 0.0, 0.05, 0.12, 0.5])
def test_one_seed_is_students_test_over_rows(shift):
    drawn = np.random.default_rng(0)
    other, gain = drawn.normal(size=60), drawn.normal(shift, 0.4, size=60)
    marks = [Mark(right, np.empty(0), float(right.mean())) for right in (other + gain, other)]
    found = compared(marks[:1], marks[1:], alike=False)
    want = ttest_1samp(gain, 0.0, alternative="greater")
    assert found.score == pytest.approx(gain.mean())
    assert found.score_error == pytest.approx(gain.std(ddof=1) / math.sqrt(60))
    assert found.better == (want.pvalue < 0.025)
    assert found.worse == (want.pvalue > 0.975)


def test_seeds_that_disagree_prove_nothing():
    drawn = np.random.default_rng(0)
    base = [Mark(np.zeros(500), np.empty(0), 0.0) for _ in range(3)]

    def of(*means: float) -> list[Mark]:
        return [Mark(m + 0.01 * drawn.normal(size=500), np.empty(0), m) for m in means]

    assert compared(of(0.1, 0.11, 0.1), base, alike=False).better
    assert not compared(of(0.4, -0.1, 0.01), base, alike=False).better


def test_a_breakdown_loses_and_one_of_the_control_tells_nothing():
    good = Mark(np.ones(50), np.ones(8), 1.0)
    broken = Mark(np.empty(0), np.empty(0), math.nan, True)
    assert compared([broken], [good], alike=True).worse
    assert compared([good], [broken], alike=True).better


def test_losses_count_where_scores_do_not_differ():
    right = np.ones(50)
    low, high = (Mark(right, value + 0.001 * np.arange(32.0), 1.0) for value in (0.1, 0.2))
    assert compared([low], [high], alike=True).better
    assert not compared([low], [high], alike=False).better  # control: two losses that do not compare
    assert not compared([high], [low], alike=True).better


def squeezed(end: nn.Module, x: Tensor, y: Tensor, held: Pair) -> Repair:
    module = net(4, 32, 1, end=end)
    return profunda.repair(
        module, (x, y), nn.BCEWithLogitsLoss(), optimizer=adam(), validation=held, epochs=12
    )


def test_a_sigmoid_before_a_loss_of_logits_is_taken_off():
    (x, y), held = rings(), rings(400, 1)
    found = squeezed(nn.Sigmoid(), x, y[:, None].float(), (held[0], held[1][:, None].float()))
    assert [(one.kind, one.word) for one in found.changes] == [("head", "linear")], found.text()
    assert found.cost < 2.0  # the original's beginning, a race of short trainings, and the final one
    assert any(note.startswith("The original was trained for 5% of its steps") for note in found.notes)
    assert any("take outputs.sigmoid() wherever probabilities are read" in note for note in found.notes)
    with torch.no_grad():
        made = found.model(held[0])
    assert float(made.min()) < -1.0
    assert float(made.max()) > 1.0
    assert "+ model[3] = torch.nn.Identity()" in found.diff


def test_amounts_that_a_loss_squeezed_stay_amounts():
    x, _ = rings()
    y, held = x[:, :1].sigmoid(), rings(400, 1)[0]
    found = squeezed(nn.Sigmoid(), x, y, (held, held[:, :1].sigmoid()))
    assert found.changes == (Change("loss", word="bce"),), found.text()
    with torch.no_grad():
        made = found.model(held)
    assert float(made.min()) >= 0.0
    assert float(made.max()) <= 1.0
    assert not any("logits now" in note for note in found.notes)
    assert "+ loss_fn = torch.nn.BCELoss()" in found.diff


def test_a_class_for_each_output_is_read_otherwise():
    x = torch.randn(500, 4, generator=torch.Generator().manual_seed(0))
    y = (x[:, 0] > 0).long() + 2 * (x[:, 1] > 0).long()
    y = torch.tensor([2, 0, 3, 1])[y]
    found = profunda.repair(
        net(4, 32, 1),
        (x[:400], y[:400]),
        lambda z, y: (z.squeeze(1) - y.float()).square().mean(),
        optimizer=adam(),
        validation=(x[400:], y[400:]),
        epochs=15,
    )
    assert Change("head", value=4.0, word="width") in found.changes, found.text()
    assert any("4 outputs a row now" in note and "argmax(1)" in note for note in found.notes)


# What is told ---------------------------------------------------------------------------------------


def test_a_repair_as_text_and_json():
    found = mended("rate too high")
    assert "- optimizer = torch.optim.SGD(model.parameters(), lr=100)" in found.diff
    assert "+ optimizer = torch.optim.SGD(model.parameters(), lr=" in found.text()
    assert found.title.startswith("Sequential · 2 changes adopted")
    plain = json.loads(found.json())
    assert plain["changes"][0]["kind"] == "learning rate"
    assert plain["before"] is None  # it broke down
    assert plain["after"] == found.after
    assert found.settings.parts.optimizer(found.model).param_groups[0]["lr"] < 100


def test_changes_in_words():
    assert spoken(Change("dropout", "3", 0.0)) == "dropout of 3 × 0"
    assert spoken(Change("labels", value=2.0, word="shifted")) == "labels: shifted 2"


# What is wrong --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"budget": 0}, "budget is 0; it is a number of whole trainings above 0"),
        ({"budget": True}, "budget is True"),
        ({"budget": "1"}, "budget is '1'"),
        ({"epochs": 0}, "epochs is 0"),
    ],
)
def test_arguments_that_cannot_be(options, words):
    with pytest.raises(ArgumentError, match=words):
        profunda.repair(net(4, 2), rings(), CROSS, **options)


def test_rows_that_cannot_be_parted():
    with pytest.raises(ArgumentError, match="these cannot be parted"):
        profunda.repair(net(4, 2), rings(8), CROSS)


def test_lazy_parts():
    lazy = nn.Sequential(nn.LazyLinear(2))
    with pytest.raises(ArgumentError, match="has lazy parts"):
        profunda.repair(lazy, rings(), CROSS, validation=rings(50, 1), epochs=1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Change("norm", word="momentum"), "has no batch norm with a momentum other than 0.1"),
        (Change("norm", word="replaced"), "has no batch norm to be replaced"),
        (
            Change("activation", word="inserted"),
            "has no hidden linear or convolutional layer that nothing bends",
        ),
        (Change("nonsense"), "No change is of kind 'nonsense'"),
    ],
)
def test_changes_without_a_place(change, words):
    module, (x, y) = net(4, 8, 2), rings(40)
    made = torch.optim.SGD(module.parameters(), lr=0.1)
    start = Recipe(Parts(module, CROSS, making_of(made, module), 8), made)
    with pytest.raises(ArgumentError, match=words):
        changed(change, start, feed_of((x,), y))
