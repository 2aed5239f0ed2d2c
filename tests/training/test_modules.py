"""Fleets of any module: equal to a plain loop, member by member, in both ways; each law with a control."""

import copy
import re
import threading

import numpy as np
import pytest
import torch
from tests.oracles.early_stopping import algorithm_7_1
from tests.oracles.modules import trained
from torch import nn

from profunda.fleet.history import Status
from profunda.fleet.modules import trial
from profunda.networks.named.fine_tuning import train_only
from profunda.training.modules import train_modules

ROWS = 61
WAYS = pytest.mark.parametrize("run_by", ["loop", "vmap"])


def table(classes=True):
    random = torch.Generator().manual_seed(3)
    x = torch.randn(ROWS, 6, generator=random, dtype=torch.float64)
    score = x[:, 0] * x[:, 1] + x[:, 2] + 0.3 * torch.randn(ROWS, generator=random, dtype=torch.float64)
    return x, ((score > 0).long() if classes else score)


def network(seed=0, outputs=2, dropout=0.0):
    """Batch norm behind a layer without biases: their gradient would be rounding, which Adam enlarges."""
    layers = [nn.Linear(6, 8, bias=False), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(8, outputs)).double()


def state(fleet, i):
    return fleet.module(i).state_dict()


def distance(one, other):
    return max(float((one[name].double() - other[name].double()).abs().max()) for name in one)


def equal(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


FOLDS = [[i for i in range(ROWS) if i % 4 != k] for k in (1, 2, 3)]  # 46, 46, 46 of 61 rows
RECIPES = [
    ("sgd", {"weight_decay": 0.1, "momentum": 0.8}),
    ("adam", {"weight_decay": 0.02}),
    ("adamw", {"weight_decay": 0.3}),
]


@WAYS
@pytest.mark.parametrize(("optimiser", "constants"), RECIPES)
@pytest.mark.parametrize("classes", [True, False])
def test_members_equal_a_plain_loop_of_torch(run_by, optimiser, constants, classes):
    x, y = table(classes)
    rates = [0.02, 0.005, 0.05]
    common = {"optimiser": optimiser, "epochs": 6, "batch_size": 15, "schedule": "cosine", **constants}
    common["clip"] = 0.5
    starts = [network(outputs=2 if classes else 1) for _ in rates]
    fleet = train_modules(
        starts, (x, y), seeds=[4, 9, 7], rows=FOLDS, lr=rates, run_by=run_by, workers=1, **common
    )
    assert {pack.run_by for pack in fleet.plan.packs} == {run_by}
    targets = y if classes else y[:, None]
    for i, (seed, rate) in enumerate(zip([4, 9, 7], rates, strict=True)):
        rows = torch.tensor(FOLDS[i])
        rest = torch.tensor(sorted(set(range(ROWS)) - set(FOLDS[i])))
        naive = trained(starts[i], seed, x, targets, rows, rest, lr=rate, **common)
        curve = fleet.curves[i]
        np.testing.assert_allclose(curve.train_loss, naive.train_loss, rtol=0, atol=1e-10)
        np.testing.assert_allclose(curve.valid_loss, naive.valid_loss, rtol=0, atol=1e-10)
        assert curve.best_epoch == naive.best_epoch
        assert distance(state(fleet, i), naive.best) < 1e-10
        assert curve.steps == 6 * len(range(0, len(rows), 15)) - 6 * (len(rows) % 15 == 1)


def test_control_another_seed_or_rate_is_another_network():
    x, y = table()
    start = network()
    common = {"optimiser": "adam", "epochs": 6, "batch_size": 15}
    fleet = train_modules([start], (x, y), seeds=[4], rows=FOLDS[0], lr=0.02, **common)
    rest = torch.tensor([i for i in range(ROWS) if i not in FOLDS[0]])
    for seed, rate in ((5, 0.02), (4, 0.0201)):
        naive = trained(start, seed, x, y, torch.tensor(FOLDS[0]), rest, lr=rate, **common)
        assert distance(state(fleet, 0), naive.best) > 1e-5


def images(seed):
    """Convolutions, batch norm of channels, pooling."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(36, 3),
    )


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float64, 1e-10), (torch.float32, 1e-4)])
def test_vmap_of_convolutions_equals_the_loop_within_rounding(dtype, limit):
    random = torch.Generator().manual_seed(0)
    x = torch.randn(40, 1, 8, 8, generator=random).to(dtype)
    y = torch.arange(40) % 3
    made = [
        train_modules(
            lambda seed: images(seed).to(dtype),
            (x, y),
            seeds=4,
            rows=range(30),
            epochs=3,
            run_by=way,
            workers=1,
        )
        for way in ("loop", "vmap")
    ]
    assert [fleet.plan.packs[0].run_by for fleet in made] == ["loop", "vmap"]
    gaps = [distance(state(made[0], i), state(made[1], i)) for i in range(4)]
    assert max(gaps) < limit
    assert distance(state(made[0], 0), state(made[1], 1)) > 1e-2


@WAYS
def test_a_member_equals_itself_alone_and_permuting_members_permutes_results(run_by):
    x, y = table()
    choices = {"lr": [0.02, 0.005, 0.05, 0.01], "seeds": [3, 1, 4, 2]}
    common = {"rows": range(45), "epochs": 4, "run_by": run_by}
    fleet = train_modules(network, (x, y), workers=2, **choices, **common)
    order = [2, 0, 3, 1]
    turned = {name: [values[i] for i in order] for name, values in choices.items()}
    other = train_modules(network, (x, y), workers=1, **turned, **common)
    for place, i in enumerate(order):
        alone = train_modules(network, (x, y), seeds=[choices["seeds"][i]], lr=choices["lr"][i], **common)
        gap = 0.0 if run_by == "loop" else 1e-10
        assert distance(state(alone, 0), state(fleet, i)) <= gap
        assert distance(state(other, place), state(fleet, i)) <= gap
        assert distance(state(fleet, i), state(fleet, (i + 1) % 4)) > 1e-3


@WAYS
def test_a_diverging_member_changes_no_other(run_by):
    x, y = table(classes=False)

    def plain(seed):
        return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1)).double()

    common = {"rows": range(45), "epochs": 30, "optimiser": "sgd", "run_by": run_by, "seeds": 4, "workers": 1}
    calm = train_modules(plain, (x, y), lr=0.01, **common)
    wild = train_modules(plain, (x, y), lr=[0.01, 1e6, 0.01, 0.01], **common)
    assert [curve.status is Status.DIVERGED for curve in wild.curves] == [False, True, False, False]
    assert wild.curves[1].epochs < 30
    assert all(bool(torch.isfinite(held).all()) for held in state(wild, 1).values())
    for i in (0, 2, 3):
        assert distance(state(calm, i), state(wild, i)) <= (0.0 if run_by == "loop" else 1e-10)
        assert wild.curves[i].epochs == 30
    assert "1 diverged" in str(wild)


class Guarded(nn.Module):
    """Refuses what is not finite, as decompositions do."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 1).double()

    def forward(self, x):
        if not torch.isfinite(self.layer.weight).all():
            raise ValueError("the matrix is not finite")
        return self.layer(x)


def test_a_module_that_refuses_its_own_infinities_has_diverged_and_stops_nobody():
    x, y = table(classes=False)
    common = {"seeds": 2, "optimiser": "sgd", "rows": range(45)}
    fleet = train_modules(lambda seed: Guarded(), (x, y), lr=[0.01, 1e200], epochs=3, **common)
    assert [curve.status for curve in fleet.curves] == [Status.COMPLETED, Status.DIVERGED]

    class Broken(Guarded):
        def forward(self, x):
            if not self.training:
                raise ValueError("an error of its own")
            return self.layer(x)

    with pytest.raises(ValueError, match="an error of its own"):
        train_modules(lambda seed: Broken(), (x, y), epochs=3, **common)


class Held(nn.Sequential):
    """Whose own `train` leaves norm and dropout in evaluation, for the naive loop."""

    def train(self, mode=True):
        super().train(mode)
        self[1].eval()
        self[3].eval()
        return self


@WAYS
def test_parts_that_are_frozen_in_evaluation_stay_so(run_by):
    x, y = table()
    starts = [network(dropout=0.5), network(dropout=0.5)]
    for start in starts:
        nn.init.normal_(start[1].running_mean)
        start[1].eval()
        start[3].eval()
    before = [[part.training for part in start.modules()] for start in starts]
    common = {"optimiser": "adam", "epochs": 3, "batch_size": 15}
    fleet = train_modules(starts, (x, y), rows=FOLDS[:2], lr=0.02, run_by=run_by, workers=1, **common)
    assert {pack.run_by for pack in fleet.plan.packs} == {run_by}
    for i, start in enumerate(starts):
        rest = torch.tensor(sorted(set(range(ROWS)) - set(FOLDS[i])))
        naive = trained(Held(*start), i, x, y, torch.tensor(FOLDS[i]), rest, lr=0.02, **common)
        assert distance(state(fleet, i), naive.best) < 1e-10
        assert torch.equal(fleet.module(i)[1].running_mean, start[1].running_mean)
    for some in (starts, [member.module for member in fleet.members]):
        assert [[part.training for part in one.modules()] for one in some] == before


@WAYS
def test_of_a_network_that_is_frozen_but_for_a_part_nothing_else_moves(run_by):
    starts = [network(), network()]
    for start in starts:
        train_only(start, start[4])
    fleet = train_modules(starts, table(), rows=range(45), epochs=2, run_by=run_by, workers=1)
    for i, start in enumerate(starts):
        old = start.state_dict()
        moved = {name for name, tensor in state(fleet, i).items() if not torch.equal(tensor, old[name])}
        assert moved == {"4.weight", "4.bias"}


def test_a_network_in_evaluation_as_a_whole_trains_as_one_in_training():
    torch.manual_seed(0)
    start = network(dropout=0.5)
    common = {"rows": range(45), "epochs": 2}
    fleets = [train_modules([start.train(mode)], table(), **common) for mode in (True, False)]
    assert equal(state(fleets[0], 0), state(fleets[1], 0))
    assert not torch.equal(fleets[0].module(0)[1].running_mean, start[1].running_mean)


class Sharing(nn.Module):
    """Two norms with one mean; and all rows that were seen."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.head = nn.BatchNorm1d(6), nn.BatchNorm1d(6), nn.Linear(6, 2)
        self.register_buffer("seen", torch.zeros(0, 6))
        self.double()  # before they share it: it makes new tensors
        self.second.running_mean = self.first.running_mean

    def forward(self, x):
        if self.training:
            self.seen = torch.cat([self.seen, x])
        return self.head(self.second(self.first(x)) + 1.0)


def test_buffers_that_parts_share_stay_shared_and_others_may_grow():
    fleet = train_modules([Sharing()], table(), epochs=2)
    module = fleet.module(0)
    assert module.second.running_mean is module.first.running_mean
    assert module.first.running_mean.abs().max() > 0.01
    assert module.seen.shape == (2 * ROWS, 6)


# Random numbers --------------------------------------------------------------------------------------


def test_dropout_is_of_the_members_seed_alone():
    x, y = table()
    common = {"rows": range(45), "epochs": 3, "workers": 2}
    before = torch.get_rng_state()
    fleet = train_modules(lambda seed: network(dropout=0.5), (x, y), seeds=[3, 1, 4], **common)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(99)
    assert [pack.reason[:23] for pack in fleet.plan.packs] == ["a group of one", "it draws random numbers"]
    assert fleet.plan.workers == 1
    for i, seed in enumerate([3, 1, 4]):
        alone = train_modules(lambda seed: network(dropout=0.5), (x, y), seeds=[seed], **common)
        assert equal(state(alone, 0), state(fleet, i))
    plain = train_modules(network, (x, y), seeds=[3], **common)
    assert not equal(state(plain, 0), state(fleet, 0))


class Late(nn.Module):
    """Draws from the second epoch on."""

    def __init__(self):
        super().__init__()
        self.layer, self.calls = nn.Linear(6, 2).double(), 0

    def forward(self, x):
        self.calls += 1
        return self.layer(x + torch.randn_like(x) if self.calls > 4 and self.training else x)


def test_a_module_that_draws_later_is_trained_once_more_by_its_seeds():
    x, y = table()
    common, told = {"rows": range(45), "epochs": 4, "workers": 2}, []
    fleet = train_modules(lambda seed: Late(), (x, y), seeds=3, progress=told.append, **common)
    assert sum(told) == 3 * 4 * 2
    assert {pack.reason for pack in fleet.plan.packs} == {"it began to draw random numbers"}
    assert fleet.plan.workers == 1
    alone = train_modules(lambda seed: Late(), (x, y), seeds=[2], **common)
    assert equal(state(alone, 0), state(fleet, 2))


# Who runs it -----------------------------------------------------------------------------------------


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.LSTM(6, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.rnn(x[:, None].float())[0][:, -1])


class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 2)

    def forward(self, x):
        return self.layer(x.float()) if x.sum() > 0 else -self.layer(x.float())


def drops(seed):
    return network(dropout=0.2)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda seed: Recurrent(), "vmap cannot run it: There is a performance drop"),
        (lambda seed: Branching(), "vmap cannot run it: .*data-dependent control flow"),
        (drops, "draws random numbers"),
    ],
    ids=["recurrent", "branching", "dropout"],
)
def test_what_vmap_cannot_run_falls_back_to_the_loop_and_says_why(make, reason):
    x, y = table()
    fleet = train_modules(make, (x, y), seeds=2, epochs=2, run_by="vmap", workers=1)
    (pack,) = fleet.plan.packs
    assert pack.run_by == "loop"
    assert re.search(reason, pack.reason), pack.reason
    assert reason.split(":")[0] in str(fleet.plan)
    assert [curve.status for curve in fleet.curves] == [Status.COMPLETED] * 2


def test_modules_that_differ_in_what_no_tensor_shows_are_not_run_as_the_first_of_them():
    x, y = table()
    slopes = [0.01, 0.6]
    starts = [nn.Sequential(nn.Linear(6, 8), nn.LeakyReLU(s), nn.Linear(8, 2)).double() for s in slopes]
    fleet = train_modules(starts, (x, y), epochs=2, run_by="vmap", workers=1)
    assert "computes something else: the gradient of the module with seed 1" in fleet.plan.packs[0].reason
    alone = train_modules(starts[1:], (x, y), seeds=[1], epochs=2)
    assert equal(state(alone, 0), state(fleet, 1))
    momenta = [nn.Sequential(nn.BatchNorm1d(6, momentum=m), nn.Linear(6, 2)).double() for m in (0.1, 0.5)]
    fleet = train_modules(momenta, (x, y), epochs=2, run_by="vmap", workers=1)
    assert "the buffer 0.running_mean of the module with seed 1" in fleet.plan.packs[0].reason


class Shy(nn.Module):
    """Runs by vmap at first, and not any more later."""

    def __init__(self):
        super().__init__()
        self.layer, self.calls = nn.Linear(6, 2).double(), 0

    def forward(self, x):
        self.calls += 1
        return self.layer(x) if self.calls < 30 or x.sum() < 1e9 else -self.layer(x)


def test_vmap_that_fails_on_the_way_is_trained_anew_by_the_loop():
    common, told = {"seeds": 2, "epochs": 20}, []
    fleet = train_modules(
        lambda seed: Shy(), table(), run_by="vmap", workers=1, progress=told.append, **common
    )
    assert sum(told) == 2 * 20 * 2
    assert fleet.plan.packs[0].run_by == "loop"
    assert "failed on the way" in fleet.plan.packs[0].reason
    plain = train_modules(lambda seed: Shy(), table(), run_by="loop", **common)
    assert equal(state(plain, 1), state(fleet, 1))


@pytest.mark.parametrize(
    ("loop", "vmap", "taken"), [(2.2, 1.0, "vmap"), (2.1, 2.0, "loop"), (1.0, 3.0, "loop")]
)
def test_auto_takes_vmap_where_it_is_clearly_quicker(monkeypatch, loop, vmap, taken):
    """By a clock that each way moves on by seconds of its own."""
    now = [0.0]
    for way, seconds in ((trial.Loop, loop), (trial.Vmapped, 2 * vmap)):

        def moved(self, rows, number, own=way.differentiate, seconds=seconds):
            now[0] += seconds
            return own(self, rows, number)

        monkeypatch.setattr(way, "differentiate", moved)
    monkeypatch.setattr(trial, "thread_seconds", lambda: now[0])
    fleet = train_modules(network, table(), seeds=2, epochs=1, workers=1)
    (pack,) = fleet.plan.packs
    assert (pack.run_by, pack.loop_seconds, pack.vmap_seconds) == (
        taken,
        pytest.approx(loop),
        pytest.approx(vmap),
    )
    assert f"{loop / vmap:.2f} times as fast" in pack.reason


def test_auto_tries_nothing_where_there_is_little_to_do():
    fleet = train_modules(network, table(), seeds=2, epochs=1, workers=1)
    assert "not worth a trial" in fleet.plan.packs[0].reason
    assert "2 modules of 82 parameters in 1 packs on 1 thread\n" in str(fleet.plan)


# Stopping, metrics, progress, cancel ------------------------------------------------------------------


@WAYS
def test_early_stopping_is_algorithm_7_1_and_keeps_the_best_weights(run_by):
    x, y = table()
    common = {"rows": range(20), "lr": [0.3, 0.01, 0.1], "seeds": 3, "run_by": run_by, "workers": 1}
    whole = train_modules(network, (x, y), epochs=25, **common)
    fleet = train_modules(network, (x, y), epochs=25, patience=3, **common)
    for i, curve in enumerate(fleet.curves):
        best, loss, epochs = algorithm_7_1(list(whole.curves[i].valid_loss), 3)
        assert (curve.best_epoch, curve.epochs) == (best, epochs)
        assert curve.best_loss == pytest.approx(loss, abs=1e-10)
        kept = train_modules(network, (x, y), epochs=25, **(common | {"seeds": 3}))
        module = fleet.module(i)
        with torch.no_grad():
            valid = nn.functional.cross_entropy(module(x[20:]), y[20:])
        assert float(valid) == pytest.approx(curve.best_loss, abs=1e-9)
        assert distance(state(kept, i), state(whole, i)) == 0.0
    assert fleet.curves[0].status is Status.EARLY_STOPPED
    assert fleet.curves[0].epochs < 25


def test_metrics_stand_for_every_epoch_and_validation_rows_are_the_members_own():
    x, y = table()
    masks = np.ones((2, ROWS), dtype=bool)
    masks[0, 40:] = masks[1, :25] = False

    def accuracy(outputs, targets):
        return (outputs.argmax(1) == targets).double().mean()

    fleet = train_modules(
        network, (x, y), seeds=2, rows=masks, epochs=3, metrics={"accuracy": accuracy}, valid_rows=~masks
    )
    for i in range(2):
        rows = torch.from_numpy(~masks[i])
        best = fleet.curves[i].best_epoch
        with torch.no_grad():
            right = accuracy(fleet.module(i)(x[rows]), y[rows])
        assert fleet.metrics[i]["accuracy"].shape == (3,)
        assert fleet.metrics[i]["accuracy"][best - 1] == pytest.approx(float(right))


def test_without_validation_the_last_weights_are_kept():
    fleet = train_modules(network, table(), seeds=1, epochs=3)
    (curve,) = fleet.curves
    assert (len(curve.train_loss), len(curve.valid_loss), curve.best_epoch) == (3, 0, 0)
    assert not equal(state(fleet, 0), state(train_modules(network, table(), seeds=1, epochs=2), 0))


def test_bootstraps_may_repeat_rows_and_leave_out_others():
    rng = np.random.default_rng(0)
    rows = rng.integers(0, ROWS, (3, ROWS))
    fleet = train_modules(network, table(), seeds=3, rows=rows, epochs=2, run_by="vmap", workers=1)
    assert fleet.plan.packs[0].run_by == "vmap"
    for i, member in enumerate(fleet.members):
        assert sorted(member.valid.tolist()) == sorted(set(range(ROWS)) - set(rows[i].tolist()))


def test_the_callers_modules_and_the_result_are_left_as_they_are():
    starts = [network(), network()]
    before = [copy.deepcopy(start.state_dict()) for start in starts]
    modes = [start.training for start in starts]
    for way in ("loop", "vmap"):
        fleet = train_modules(starts, table(), epochs=2, run_by=way)
        assert all(equal(start.state_dict(), old) for start, old in zip(starts, before, strict=True))
        assert [start.training for start in starts] == modes
        assert all(param.grad is None for start in starts for param in start.parameters())
        nn.init.zeros_(fleet.module(0)[0].weight)
        assert fleet.module(0)[0].weight.any()
        assert not fleet.module(0).training
        assert not equal(state(fleet, 0), before[0])


def test_fixed_parameters_stay_and_tied_ones_stay_tied():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(6, 6).double(), nn.Linear(6, 6).double()
            self.second.weight = self.first.weight
            self.fixed = nn.Parameter(torch.full((6,), 0.5, dtype=torch.float64), requires_grad=False)

        def forward(self, x):
            return self.second(torch.tanh(self.first(x)) * self.fixed)[:, :2]

    made = [
        train_modules(lambda seed: Tied(), table(), seeds=2, epochs=3, run_by=w) for w in ("loop", "vmap")
    ]
    for fleet in made:
        module = fleet.module(1)
        assert module.second.weight is module.first.weight
        assert (module.fixed == 0.5).all()
        assert fleet.plan.parameters == 36 + 6 + 6
    assert distance(state(made[0], 1), state(made[1], 1)) < 1e-10


def test_progress_counts_member_steps():
    told = []
    fleet = train_modules(network, table(), seeds=3, epochs=2, progress=told.append, workers=1)
    assert sum(told) == sum(curve.steps for curve in fleet.curves) == 3 * 2 * 2


@WAYS
def test_a_cancel_ends_all_at_their_last_whole_epoch(run_by):
    stop, steps = threading.Event(), []

    def progress(count):
        steps.append(count)
        if sum(steps) >= 12:
            stop.set()

    fleet = train_modules(
        network, table(), seeds=2, epochs=500, progress=progress, cancel=stop, workers=1, run_by=run_by
    )
    assert all(curve.status is Status.UNFINISHED for curve in fleet.curves)
    assert all(curve.epochs < 20 for curve in fleet.curves)
    epochs = fleet.curves[0].epochs
    again = train_modules(network, table(), seeds=2, epochs=epochs, run_by=run_by, workers=1)
    assert distance(state(again, 0), state(fleet, 0)) <= 1e-10


def test_a_loss_by_rows_is_averaged():
    x, y = table()

    def by_rows(outputs, targets):
        return nn.functional.cross_entropy(outputs, targets, reduction="none")

    for way in ("loop", "vmap"):
        made = [
            train_modules(network, (x, y), seeds=2, epochs=2, loss=loss, run_by=way)
            for loss in (None, by_rows)
        ]
        assert distance(state(made[0], 1), state(made[1], 1)) < 1e-12
