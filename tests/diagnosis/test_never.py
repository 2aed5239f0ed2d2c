"""What a diagnosis must never do, all of it in one place.

Healthy programs here show on purpose what looks sick; each test first asserts that it is there, so that it
cannot pass for want of it. Made Records show the same signs once where training works, and nothing may be
said, and once where it does not, and something must.
"""

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.oracles.diagnosis_rules import ADAM, STEPS, anatomy, became, course, ended, failed, healthy, looped
from torch import Tensor, nn
from torch.optim import SGD, Adam
from torch.optim.lr_scheduler import LinearLR

from profunda.diagnosis.batches import Keeper
from profunda.diagnosis.courses import Log
from profunda.diagnosis.diagnosing import diagnose
from profunda.diagnosis.diagnosis import Diagnosis
from profunda.diagnosis.judging import judge
from profunda.diagnosis.probe import Probe
from profunda.diagnosis.record import Record, Survey
from profunda.diagnosis.rules.all import RULES
from profunda.diagnosis.rules.readings import progress
from profunda.diagnosis.snapshots import Snapshots
from profunda.diagnosis.watching import Watch, watch
from profunda.diagnosis.weights import Weights

Pair = tuple[Tensor, Tensor]


def told(of: Diagnosis | Record) -> list[tuple[str, str]]:
    findings = of.findings if isinstance(of, Diagnosis) else judge(of, RULES).findings
    return [(one.code, one.severity) for one in findings]


def end(of: Diagnosis) -> Survey:
    return of.record.surveys[-1]


# Signs that look sick, in Records -------------------------------------------------------------------------


@dataclass(frozen=True)
class Sign:
    """`code` is what a rule that looked at the sign alone would say."""

    code: str
    show: Callable[[Record], Record]
    what: str = "relu"


def gradients(size: float) -> Callable[[Record], Record]:
    return lambda record: looped(
        record,
        gradient=np.tile(np.geomspace(size, size * 1e-12, 20)[:, None], (1, 3)),
        update=np.full((20, 3), 1e-9),
    )


SIGNS = {
    "sparse ReLUs": Sign("dead-units", lambda one: became(one, dead=np.array([0.6, 0.99]))),
    "tanh near its ends": Sign(
        "saturated-units", lambda one: became(one, saturated=np.array([0.95, 0.95])), "tanh"
    ),
    "outputs that hardly differ": Sign(
        "input-ignored", lambda one: became(one, sensitivity=np.zeros(10), output_size=1.0)
    ),
    "hardly any movement": Sign("rate-too-low", lambda one: became(one, moved=np.full(3, 1e-3))),
    "steps as long as the weights": Sign(
        "rate-too-high", lambda one: looped(one, update=np.full((20, 3), 1.5))
    ),
    "nearly all clipped": Sign("gradients-clipped-away", lambda one: looped(one, clipped=1e-5)),
}


@pytest.mark.parametrize("name", SIGNS)
def test_a_sign_alone_is_no_finding_and_beside_harm_it_is(name: str) -> None:
    sign = SIGNS[name]
    sgd = replace(ADAM, name="SGD", groups=(replace(ADAM.groups[0], eps=math.nan, betas=(math.nan,) * 2),))
    assert told(sign.show(healthy(anatomy(what=sign.what), sgd))) == []
    assert (sign.code, "fault") in told(sign.show(failed(healthy(anatomy(what=sign.what), sgd))))


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
def test_gradients_of_any_size_that_come_to_nothing_are_no_finding(size: float) -> None:
    assert told(gradients(size)(healthy())) == []


def test_a_noisy_validation_loss_is_not_overfitting_and_one_that_rises_is() -> None:
    bumps = np.array([1.0, 0.6, 0.4, 0.3, 0.42, 0.28, 0.39, 0.27, 0.41, 0.33])
    assert told(looped(healthy(), valid_loss=bumps)) == []
    rising = np.append(bumps[:4], np.linspace(0.4, 1.4, 6))
    falls = np.append(np.full(4, 0.88), np.linspace(0.85, 0.6, 6))
    fallen = looped(healthy(), train_loss=np.linspace(0.9, 0.01, 10), valid_loss=rising, valid_score=falls)
    assert [code for code, _ in told(fallen)] == ["overfitting"]


def test_a_class_too_rare_to_be_seen_may_have_its_output() -> None:
    """Only where all classes are common is an output without one of no use."""

    def wider(*counts: int) -> Record:
        record = healthy()
        assert record.task is not None
        assert record.targets is not None
        task = replace(record.task, outputs=(32, 4))
        return replace(record, task=task, targets=replace(record.targets, counts=np.array(counts)))

    assert told(wider(620, 330, 10)) == []
    assert told(wider(320, 320, 320)) == [("output-width", "hint")]


@pytest.mark.parametrize("trivial", [-0.3, 0.02])
def test_a_likelihood_whose_nought_means_nothing_is_not_judged_by_it(trivial: float) -> None:
    """A Poisson likelihood of logarithms of rates: losses cross nought, and outputs are not like targets."""
    counts = ended(healthy(), -0.8, -0.4)
    assert counts.loss is not None
    assert counts.task is not None
    loss = replace(counts.loss, name="PoissonNLLLoss", kind="", expects="", sign=0, trivial=trivial)
    task = replace(counts.task, kind="values", outputs=(32, 1), targets=(32, 1))
    counts = replace(counts, loss=loss, task=task)
    assert math.isnan(progress(counts).trivial)
    assert told(counts) == []
    assert math.isnan(
        progress(ended(counts, -0.8, 0.4)).learnt
    )  # nor is a R² that it does not minimise bad news
    squared = replace(counts, loss=replace(loss, kind="mse", expects="values", sign=1, trivial=1.1))
    assert [code for code, _ in told(ended(squared, 1.1, -0.4))] == ["no-learning"]


def test_all_that_can_be_learnt_of_noisy_targets_is_no_failure() -> None:
    """The loss still falls, as every row is learnt by heart in the end; simple predictors reach no more."""
    record = ended(
        healthy(), 0.85, 0.4, np.linspace(1.1, 0.83, STEPS) + 0.002 * np.sin(2.4 * np.arange(STEPS))
    )
    assert record.targets is not None
    noisy = replace(record, targets=replace(record.targets, skill=0.2, skill_error=0.01))
    easy = replace(record, targets=replace(record.targets, skill=0.9, skill_error=0.01))
    assert "fault" not in [severity for _, severity in told(noisy)]
    assert "fault" in [severity for _, severity in told(easy)]


def test_losses_of_evaluation_may_begin_far_above_those_of_steps() -> None:
    """A batch norm has collected nothing before the first step: that loss is not where epochs begin."""
    record = healthy()
    high = replace(record, surveys=(replace(record.surveys[0], train_loss=60.0), *record.surveys[1:]))
    assert "weights-overwritten" not in [code for code, _ in told(high)]


def test_batches_of_epochs_too_short_for_a_mean_are_as_noisy_as_these_heads_scatter() -> None:
    """Epochs of four steps: one loss stands for the beginning of each, and its own spread is not seen."""
    ends = np.arange(4, 41, 4)
    loss = np.full(40, 1.0)
    loss[ends - 1] = 0.4  # an easy last batch, in a fixed order
    loss[::4] = np.where(np.arange(10) % 3 == 1, 0.2, 1.4)
    scattered = looped(healthy(), steps=40, loss=loss, epoch_step=ends)
    assert "weights-overwritten" not in [code for code, _ in told(scattered)]
    loss[::4] = 1.0
    begun_anew = looped(healthy(), steps=40, loss=loss, epoch_step=ends)
    assert "weights-overwritten" in [code for code, _ in told(begun_anew)]


# Too early ------------------------------------------------------------------------------------------------


def test_a_run_is_not_judged_by_what_it_learnt_before_it_is_half_done() -> None:
    assert told(looped(failed(healthy()), planned=10 * STEPS)) == []
    assert told(looped(failed(healthy()), planned=STEPS)) != []


def test_a_run_is_not_judged_by_one_batch() -> None:
    first = failed(healthy())
    assert first.course is not None
    one = course(
        first.anatomy, np.array([9.0]), planned=0, update=np.full((1, 3), 2.0), sampled=np.zeros(1, int)
    )
    one = replace(one, gradient=np.full((1, 3), 1e6), epoch_step=np.zeros(0, int), train_loss=np.zeros(0))
    assert told(replace(first, course=one, surveys=first.surveys[:1])) == []


def test_a_run_of_unknown_length_is_not_judged_in_its_warm_up() -> None:
    rising = np.where(np.arange(STEPS) < STEPS - 15, 1e-6, 1e-3)
    warming = looped(failed(healthy()), planned=0, rate=rising)
    assert told(warming) == []
    assert told(looped(warming, rate=np.linspace(1e-6, 1e-3, STEPS))) == []
    assert told(looped(warming, rate=np.full(STEPS, 1e-3))) == [("no-learning", "fault")]


# Healthy programs that look sick --------------------------------------------------------------------------


def blobs(n: int = 500, noise: float = 0.5, seed: int = 1) -> tuple[Pair, Pair]:
    """Three classes of 8x8 pictures: a bar across, a bar down, a square."""
    drawn = torch.Generator().manual_seed(seed)
    y = torch.randint(0, 3, (n,), generator=drawn)
    x = noise * torch.randn(n, 1, 8, 8, generator=drawn)
    for row, (kind, at) in enumerate(zip(y, torch.randint(0, 6, (n,), generator=drawn), strict=True)):
        shape = (slice(None), slice(at, at + 2)) if kind else (slice(at, at + 2), slice(None))
        shape = (slice(at, at + 3), slice(at, at + 3)) if kind == 2 else shape
        x[row, 0][shape] += 1.5
    half = 3 * n // 5
    return (x[:half], y[:half]), (x[half:], y[half:])


def table(n: int = 400, seed: int = 2, heavy: bool = False) -> tuple[Pair, Pair]:
    """Two classes by a bent border; with `heavy`, standardised columns whose tails are far out."""
    drawn = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 6, generator=drawn)
    y = (x[:, 0] + x[:, 1] * x[:, 2] > 0.0).long()
    if heavy:
        x = (2.0 * x).exp()
        x = torch.where(y[:, None] == 1, x, x.sqrt())
        x = (x - x.mean(0)) / x.std(0)
    half = 3 * n // 5
    return (x[:half], y[:half]), (x[half:], y[half:])


def chain(*widths: int, bend: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    torch.manual_seed(0)
    parts: list[nn.Module] = []
    for entering, leaving in pairwise(widths):
        parts += [nn.Linear(entering, leaving), bend()]
    return nn.Sequential(*parts[:-1])


def test_a_good_cnn_may_end_in_sparse_relus() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 16, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(144, 128),
        nn.ReLU(),
        nn.Linear(128, 3),
    )
    with torch.no_grad():
        net[4].bias[:96] = -20.0
    train, valid = blobs()
    found = diagnose(
        net, train, nn.CrossEntropyLoss(), optimizer=Adam(net.parameters(), 3e-3), validation=valid, epochs=10
    )
    assert end(found).dead[-1] > 0.7
    assert end(found).valid_score > 0.9
    assert told(found) == []


def test_tanh_may_end_near_one() -> None:
    net = chain(8, 8, 2, bend=nn.Tanh)
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 8)
    x = signs[torch.randperm(256, generator=torch.Generator().manual_seed(3))]
    y = (x[:, 0] * x[:, 1] > 0).long()
    found = diagnose(
        net,
        (x[:180], y[:180]),
        nn.CrossEntropyLoss(),
        optimizer=Adam(net.parameters(), 0.2),
        validation=(x[180:], y[180:]),
        epochs=60,
    )
    assert end(found).saturated[0] > 0.3
    assert end(found).valid_score > 0.95
    assert told(found) == []


def test_a_validation_loss_may_be_noisy() -> None:
    train, (x, y) = table()
    net = chain(6, 32, 2)
    found = diagnose(
        net,
        train,
        nn.CrossEntropyLoss(),
        optimizer=Adam(net.parameters(), 0.01, weight_decay=1e-3),
        validation=(x[:12], y[:12]),
        batch_size=8,
        epochs=15,
    )
    course = found.record.course
    assert course is not None
    rises = np.diff(course.valid_loss) > 0.02 * course.valid_loss[0]
    assert 0.2 < rises.mean() < 0.8
    assert end(found).train_score > 0.9
    assert told(found) == []


def test_standardised_inputs_may_lie_far_beyond_one() -> None:
    train, valid = table(heavy=True)
    net = chain(6, 32, 2)
    found = diagnose(
        net,
        train,
        nn.CrossEntropyLoss(),
        optimizer=Adam(net.parameters(), 3e-3),
        validation=valid,
        epochs=15,
    )
    rows = found.record.rows
    assert rows is not None
    assert float(rows.most.max()) > 6.0
    assert end(found).valid_score > 0.75
    assert told(found) == []


def test_gradients_of_a_converged_network_may_be_tiny() -> None:
    drawn = torch.Generator().manual_seed(4)
    x = torch.randn(400, 5, generator=drawn)
    teacher = chain(5, 4, 1, bend=nn.Tanh)
    with torch.no_grad():
        y = teacher(x) * 3.0
    net = chain(5, 32, 1, bend=nn.Tanh)
    found = diagnose(
        net,
        (x[:300], y[:300]),
        nn.MSELoss(),
        optimizer=lambda parameters: torch.optim.LBFGS(
            parameters, max_iter=20, line_search_fn="strong_wolfe"
        ),
        validation=(x[300:], y[300:]),
        batch_size=300,
        epochs=40,
    )
    first = found.record.surveys[0]
    assert end(found).gradient_norm.max() < 1e-2 * first.gradient_norm.max()
    assert end(found).train_score > 0.999
    assert told(found) == []


# The size of gradients ------------------------------------------------------------------------------------

UNIT = 2.0**10
"""A power of two: all numbers of the training are the same but for their exponents."""


@cache
def found_in_unit(scale: float, rate: float) -> list[tuple[str, str]]:
    """What is told of a loss that is `scale` times as large, at the rate that makes up for it."""
    train, valid = table(200)
    net = chain(6, 16, 2)
    found = diagnose(
        net,
        train,
        lambda outputs, targets: scale * F.cross_entropy(outputs, targets),
        optimizer=SGD(net.parameters(), rate / scale),
        validation=valid,
        batch_size=12,
        epochs=15,
    )
    return told(found)


@pytest.mark.parametrize("unit", [1.0 / UNIT, UNIT])
@pytest.mark.parametrize("rate", [0.1, 1e-6, 300.0])
def test_a_loss_in_another_unit_with_the_rate_for_it_gets_the_same_findings(rate: float, unit: float) -> None:
    as_it_is = found_in_unit(1.0, rate)
    assert as_it_is == ([] if rate == 0.1 else as_it_is[:1])
    assert rate == 0.1 or as_it_is[0][1] == "fault"
    assert found_in_unit(unit, rate) == as_it_is


# Too early, in programs -----------------------------------------------------------------------------------


def test_one_step_is_no_reason_to_speak_of_learning() -> None:
    (x, y), valid = table()
    net = chain(6, 32, 2)
    found = diagnose(net, (x[:32], y[:32]), nn.CrossEntropyLoss(), validation=valid, epochs=1)
    assert found.steps == 1
    assert told(found) == []


def test_a_loop_that_is_looked_at_while_it_warms_up_is_not_blamed() -> None:
    train, valid = table()
    net = chain(6, 32, 2)
    optimizer = SGD(net.parameters(), 0.1)
    warming = LinearLR(optimizer, 1e-6, 1.0, 2000)
    with watch(net, optimizer, F.cross_entropy, data=train, validation=valid) as w:
        for _ in range(5):
            for rows in torch.randperm(240).split(24):
                optimizer.zero_grad()
                w.loss(net(train[0][rows]), train[1][rows]).backward()
                optimizer.step()
                warming.step()
        found = w.diagnosis()
    assert found.record.loss is not None
    assert end(found).train_loss > 0.9 * found.record.loss.trivial  # nothing is learnt as yet
    assert told(found) == []


def test_a_loop_that_still_runs_is_not_told_that_it_ended_too_early() -> None:
    train, valid = table()
    net = chain(6, 32, 2)
    optimizer = SGD(net.parameters(), 0.05)
    with watch(net, optimizer, F.cross_entropy, data=train, validation=valid) as w:
        for _ in range(20):
            for rows in torch.randperm(240).split(24):
                optimizer.zero_grad()
                w.loss(net(train[0][rows]), train[1][rows]).backward()
                optimizer.step()
        running = w.diagnosis()
    assert told(running) == []
    assert running.record.course is not None
    assert not running.record.course.finished
    falls = ended(healthy(), 0.6, 0.8, np.linspace(1.1, 0.6, STEPS))
    assert told(looped(falls, finished=False)) == []
    assert ("too-few-epochs", "hint") in told(falls)


# The training is the user's -------------------------------------------------------------------------------


Left = tuple[list[float], list[object], Watch]


def loop(rate: float = 0.1, spoilt: int = -1, watched: bool = True, diagnosed: int = -1) -> Left:
    """Losses, what is left behind, and the watch (not entered unless `watched`). One batch, `spoilt`, is NaN;
    the gradients are never cleared; after step `diagnosed` a diagnosis is made within the loop."""
    torch.manual_seed(0)
    (x, y), valid = table(200)
    net = chain(6, 16, 2)
    optimizer = SGD(net.parameters(), rate, momentum=0.9)
    w = watch(net, optimizer, F.cross_entropy, data=(x, y), validation=valid)
    losses = []
    with w if watched else nullcontext():
        for step in range(60):
            rows = torch.randint(0, 120, (16,))
            if spoilt < 0:
                optimizer.zero_grad()
            loss = w.loss(net(x[rows] * (math.nan if step == spoilt else 1.0)), y[rows])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if watched and step == diagnosed:
                w.diagnosis()
    grads = [each.grad.clone() for each in net.parameters() if each.grad is not None]
    held = [each["momentum_buffer"] for each in optimizer.state.values()]
    hooks = [len(net._forward_hooks), len(optimizer._optimizer_step_post_hooks)]
    return losses, [*net.state_dict().values(), *grads, *held, torch.get_rng_state(), hooks, net.training], w


def assert_same(one: Left, other: Left) -> None:
    assert len(one[0]) == len(other[0]) == 60
    assert np.array_equal(one[0], other[0], equal_nan=True)
    for a, b in zip(one[1], other[1], strict=True):
        if isinstance(a, Tensor) and isinstance(b, Tensor):
            assert torch.equal(a.nan_to_num(7.0), b.nan_to_num(7.0))
        else:
            assert a == b


def test_a_watch_and_its_diagnosis_neither_stop_nor_change_a_loop_that_fails() -> None:
    """Not cleared, far too fast, and NaN in the end: it goes on to its last step, as without a watch."""
    alone = loop(1e3, spoilt=40, watched=False)
    seen = loop(1e3, spoilt=40, diagnosed=30)
    assert_same(alone, seen)
    assert math.isnan(seen[0][-1])
    assert seen[2].diagnosis().faults


def test_the_comparison_of_loops_can_fail() -> None:
    with pytest.raises(AssertionError):
        assert_same(loop(0.1), loop(0.1001))


@cache
def alone() -> Left:
    return loop(watched=False)


MEASUREMENTS = [
    (Weights, "uncleared"),
    (Weights, "overwritten"),
    (Weights, "before"),
    (Weights, "after"),
    (Weights, "gradient_sum"),
    (Weights, "remember_step"),
    (Keeper, "copied"),
    (Keeper, "add"),
    (Snapshots, "take"),
    (Log, "add"),
    (Probe, "lost"),
    (Probe, "_compare"),
]


@pytest.mark.parametrize("at", range(len(MEASUREMENTS)), ids=[name for _, name in MEASUREMENTS])
def test_a_measurement_that_fails_is_noted_and_training_goes_on(
    at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    of, name = MEASUREMENTS[at]
    works, calls = getattr(of, name), []

    def fails(*given: object) -> object:
        calls.append(1)
        if len(calls) > 2:
            raise KeyError("broken")
        return works(*given)

    monkeypatch.setattr(of, name, fails)
    seen = loop()
    assert len(calls) == 3
    assert_same(alone(), seen)
    assert [note for note in seen[2].notes if note.startswith("The probe stopped looking at step")]
    assert "KeyError('broken')" in " ".join(seen[2].notes)
    assert seen[2].course().steps < 60
    monkeypatch.undo()
    assert told(seen[2].diagnosis()) == []
