"""What stands plainly in a network or its optimiser: a hint from the first step, taken back by training."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tests.oracles.diagnosis_rules import (
    ADAM,
    EPOCHS,
    SGD,
    anatomy,
    became,
    began,
    critical,
    ended,
    failed,
    healthy,
    layer,
    looped,
    survey,
    trial,
    with_trials,
)
from torch import Tensor, nn

import profunda
from profunda.diagnosis.anatomy import anatomy_of
from profunda.diagnosis.feeding import feed_of
from profunda.diagnosis.finding import Change
from profunda.diagnosis.givens import First, Op, Optimiser
from profunda.diagnosis.ingredients import Parts
from profunda.diagnosis.judging import Judgement, judge
from profunda.diagnosis.partial import until
from profunda.diagnosis.record import Kernel, Record, Trial
from profunda.diagnosis.remedies import applied
from profunda.diagnosis.rules.all import RULES
from profunda.diagnosis.rules.doubts import doubts, few_units, outweighs
from profunda.diagnosis.rules.readings import helped
from profunda.diagnosis.suspicions import MOST, suspected
from profunda.errors import ArgumentError


def told(record: Record) -> list[tuple[str, str]]:
    return [(one.code, one.severity) for one in judge(record, RULES).findings]


def first(record: Record) -> list[tuple[str, str]]:
    """Before the first step."""
    return told(until(record, 0))


def dropping(rate: float) -> Record:
    record = healthy()
    layers = [replace(one, dropout=rate) for one in record.anatomy.layers[:-1]]
    return replace(record, anatomy=replace(record.anatomy, layers=(*layers, record.anatomy.layers[-1])))


def decaying(decay: float, of: Optimiser = SGD) -> Record:
    return healthy(optimiser=replace(of, groups=(replace(of.groups[0], weight_decay=decay),)))


def vast() -> Record:
    return healthy(anatomy(width=1024))


def sigmoids(depth: int = 2) -> Record:
    return healthy(anatomy(depth, what="sigmoid"))


def faint() -> Record:
    record = healthy(anatomy(6), SGD)
    weight = critical(record.anatomy, 0.05)
    return began(record, weight=weight, signal=np.geomspace(1.0, 1e-4, 7))


def deep(depth: int = 40, width: int = 8) -> Record:
    record = healthy(anatomy(depth, width), SGD)
    return began(record, apart=np.geomspace(0.5, 1e-5, depth + 1))


def flat() -> Record:
    return began(healthy(anatomy(what="sharp")), saturated=np.array([0.9, 0.3]))


def loud() -> Record:
    return began(healthy(), train_loss=60.0, output_size=40.0)


def slow() -> Record:
    return healthy(anatomy(pace=1e-3, ops=BATCHED.ops))


BATCHED = anatomy_of(
    nn.Sequential(nn.Linear(10, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 3)), (torch.ones(4, 10),)
)

PLAIN: dict[str, Callable[[], Record]] = {
    "no-activation": lambda: healthy(anatomy(what="")),
    "activation-contracts": sigmoids,
    "saturated-units": flat,
    "bottleneck": lambda: healthy(anatomy(width=1)),
    "too-small": lambda: healthy(anatomy(width=3)),
    "too-large": vast,
    "too-deep": deep,
    "weights-too-small": faint,
    "outputs-too-large": loud,
    "norm-statistics-stale": slow,
    "dropout-too-strong": lambda: dropping(0.9),
    "penalty-too-strong": lambda: decaying(0.3),
}


@pytest.mark.parametrize("code", PLAIN)
def test_it_is_a_hint_before_training_and_taken_back_where_the_network_learns(code: str) -> None:
    assert first(PLAIN[code]()) == [(code, "hint")]
    assert told(PLAIN[code]()) == []


@pytest.mark.parametrize(
    "record",
    [
        healthy(),
        healthy(anatomy(1, what="sigmoid")),
        healthy(anatomy(what="tanh")),
        healthy(anatomy(width=8)),
        dropping(0.5),
        decaying(1e-3),
        decaying(0.1, replace(ADAM, name="AdamW")),
        decaying(1.0, replace(ADAM, name="AdamW")),
        healthy(anatomy(pace=0.1, ops=BATCHED.ops)),
    ],
)
def test_usual_networks_give_no_hint_before_training(record: Record) -> None:
    assert first(record) == []


# What takes it back, and what bears it out ----------------------------------------------------------------


def proven(what: str, held: float, value: float = np.nan, word: str = "") -> Trial:
    """A trial that ends so on validation rows, where its control ends at 0.8."""
    made = trial(what, 0.1, 0.8, value, word)
    return replace(made, held=np.array([held, held + 0.02]), control_held=np.array([0.8, 0.82]))


def middling(record: Record) -> Record:
    """Learnt about as much as what is easy, on rows that are not trained on too."""
    made = ended(record, 0.45, 0.75)
    return looped(became(made, valid_loss=0.5, valid_score=0.74), valid_loss=np.full(EPOCHS, 0.5))


@pytest.mark.parametrize(
    ("code", "what", "value", "word"),
    [
        ("no-activation", "activation", np.nan, "inserted"),
        ("activation-contracts", "activation", np.nan, "relu"),
        ("too-small", "width", 8.0, ""),
        ("dropout-too-strong", "dropout", 0.0, ""),
        ("penalty-too-strong", "weight decay", 0.0, ""),
    ],
)
def test_a_trial_without_it_that_does_better_on_validation_rows_is_proof_enough(
    code: str, what: str, value: float, word: str
) -> None:
    record = middling(PLAIN[code]())
    assert Change(what, word=word, value=value).kind in [one.kind for one in doubts(record)]
    assert told(record) == []
    assert told(with_trials(record, proven(what, 0.2, value=value, word=word))) == [(code, "hint")]
    by_heart = with_trials(record, proven(what, 0.49, value=value, word=word))  # training rows alone
    assert told(by_heart) == []


def shared() -> Record:
    return began(healthy(anatomy(what="softmax")), apart=np.array([0.5, 1e-3, 1e-5]))


def test_plain_mistakes_of_activations_stand_where_there_is_room_and_no_trial_refutes_them() -> None:
    for code, made in (("saturated-units", flat), ("activation-contracts", shared)):
        assert told(made()) == []
        record = middling(made())
        assert told(record) == [(code, "hint")]
        assert Change("activation", word="relu") in doubts(record)
        assert told(with_trials(record, proven("activation", 0.7, word="relu"))) == []
        assert told(with_trials(record, proven("activation", 0.2, word="relu"))) == [(code, "hint")]
    assert told(middling(sigmoids())) == []


def test_half_of_what_is_left_counts_of_a_run_that_went_well() -> None:
    for code, made in (("saturated-units", flat), ("activation-contracts", sigmoids)):
        record = became(ended(made(), 0.1, 0.97), valid_loss=0.1)
        assert Change("activation", word="relu") in doubts(record)
        for held, found in ((0.02, [(code, "hint")]), (0.07, [])):
            alike = replace(proven("activation", held, word="relu"), control=np.array([0.12, 0.13]))
            assert told(with_trials(record, alike)) == found


def hearing(share: float) -> Record:
    """Of the inputs' columns so many change no output."""
    heard = np.where(np.arange(10) < round(10 * share), 0.0, 0.3)
    return became(began(healthy(), sensitivity=heard), sensitivity=heard)


@pytest.mark.parametrize("share", [0.4, 0.6])
def test_columns_that_change_no_output_are_told_while_there_is_room(share: float) -> None:
    plain = [("input-ignored", "hint")] if share > 0.5 else []
    assert first(hearing(share)) == plain
    assert told(hearing(share)) == []
    assert told(middling(hearing(share))) == plain
    assert told(failed(hearing(share)))[0][0] == ("input-ignored" if plain else "no-learning")
    assert first(hearing(1.0)) == []  # a last layer that begins at 0


@pytest.mark.parametrize("kind", ["numbers", "tokens"])
def test_a_relu_on_inputs_of_both_signs_is_told(kind: str) -> None:
    def rectified(least: float) -> Record:
        record = healthy(anatomy(ops=(Op("0", "activation", "relu", (32, 10)), *anatomy().ops)))
        assert record.rows is not None
        return replace(record, rows=replace(record.rows, least=np.full(10, least), kind=kind))  # type: ignore[arg-type]

    assert first(rectified(-3.0)) == ([("input-ignored", "hint")] if kind == "numbers" else [])
    assert first(rectified(0.0)) == []


@pytest.mark.parametrize("left", [0.01, 0.2])
def test_a_layer_that_a_penalty_within_the_loss_took_away_is_told(left: float) -> None:
    record = failed(healthy())
    weight = record.surveys[0].weight * np.array([left, 0.8, 0.9])
    found = told(became(record, weight=weight))
    assert (("penalty-too-strong", "fault") in found) == (left < 0.05)


def test_weights_of_one_number_are_told_while_there_is_room() -> None:
    def alike(name: str, size: float) -> Record:
        return healthy(anatomy(firsts=(First(name, "one number", size, size),)))

    names = [one.name for one in healthy().anatomy.layers]
    assert first(alike(names[0], 0.1)) == [("weights-equal", "hint")]
    assert told(alike(names[0], 0.1)) == []
    assert told(middling(alike(names[0], 0.1))) == [("weights-equal", "hint")]
    assert told(failed(alike(names[0], 0.1))) == [("weights-equal", "fault")]
    assert first(alike(names[-1], 0.1)) == []
    assert first(alike(names[0], 0.0)) == []


def test_a_layer_whose_gradient_is_always_0_is_not_used() -> None:
    def silent(layers: int, of: Record | None = None, **more: Any) -> Record:
        record = began(of or healthy(), gradient_norm=np.where(np.arange(3) < layers, 0.0, 0.1), **more)
        assert record.course is not None
        gradient = record.course.gradient.copy()
        gradient[:, :layers] = 0.0
        return looped(record, gradient=gradient)

    assert [one[0] for one in told(silent(1))] == ["part-unused"]
    assert told(silent(0)) == []
    assert "part-unused" not in [one[0] for one in told(silent(1, dead=np.full(2, 0.9)))]
    assert [one[0] for one in told(silent(3, failed(healthy())))] == ["loss-detached"]


def test_rows_that_share_one_output_which_the_batch_moves_are_mixed() -> None:
    def one(sensitivity: float) -> Record:
        alike = {"output_spread": 0.0, "output_size": 0.3, "sensitivity": np.full(10, sensitivity)}
        return became(began(failed(healthy()), **alike), **alike)

    assert told(one(0.01))[0] == ("rows-mixed", "fault")
    assert "rows-mixed" not in [code for code, _ in told(one(1e-9))]


def test_help_is_beyond_what_seeds_differ_by_and_the_best_of_the_run() -> None:
    record = middling(healthy())
    good = proven("width", 0.2, value=8.0)
    assert helped(with_trials(record, good), "width") is not None
    assert helped(with_trials(record, replace(good, held=np.array([0.0, 0.62]))), "width") is None
    assert helped(with_trials(record, replace(good, held=np.array([0.2, np.inf]))), "width") is None
    better_once = looped(record, valid_loss=np.append(np.full(EPOCHS - 1, 0.25), 0.5))
    assert helped(with_trials(better_once, good), "width") is None
    unseen = looped(became(record, valid_loss=np.nan), valid_loss=np.full(EPOCHS, np.nan))
    assert helped(with_trials(unseen, replace(good, held=np.empty(0))), "width") is not None


def test_nothing_is_tried_where_no_room_is_left_or_the_run_is_young() -> None:
    assert doubts(PLAIN["no-activation"]()) == ()
    record = middling(PLAIN["no-activation"]())
    assert suspected(record, Judgement((), (), ())) == (Change("activation", word="inserted"),)
    assert doubts(until(record, 10)) == ()
    both = replace(record, anatomy=anatomy(what="", width=2))
    assert len(suspected(both, Judgement((), (), ()))) == MOST


def test_narrow_codes_are_meant() -> None:
    record = healthy(anatomy(width=2))
    assert few_units(record) is not None
    assert record.task is not None
    copies = replace(record, task=replace(record.task, kind="copy"))
    assert few_units(copies) is None
    beside = replace(record, task=replace(record.task, kind="values", outputs=(32, 10)))
    assert few_units(beside) is None


def test_decay_is_weighed_by_what_there_is_to_win_or_by_the_step() -> None:
    assert outweighs(decaying(0.3)) == pytest.approx(0.3 * outweighs(decaying(1.0)))
    assert np.isnan(outweighs(healthy()))
    beside = replace(ADAM, name="AdamW")
    assert outweighs(decaying(1.0, beside)) < 1.0 < outweighs(decaying(10.0, beside))
    assert outweighs(decaying(1.9, beside)) < 1.0 <= outweighs(decaying(2.0, beside))


def test_few_numbers_before_the_head_choke_what_is_no_chain() -> None:
    of = anatomy()
    gru = replace(layer("gru", 12, 6), kind="recurrent", fan_out=2, activation="tanh")
    head = layer("head", 2, 8, activation="")
    record = healthy(replace(of, layers=(gru, head), activations=(), ops=()))
    assert record.task is not None
    task = replace(record.task, kind="sequence", n_classes=8, outputs=(32, 5, 8))
    record = replace(record, task=task, surveys=(survey(record.anatomy, 0, 2.1, 0.1),))
    assert ("bottleneck", "hint") in first(record)


def test_depth_comes_before_a_width_that_could_do_and_after_one_that_cannot() -> None:
    def lost(width: int) -> Record:
        record = failed(deep(40, width))
        assert record.task is not None
        return replace(record, task=replace(record.task, n_classes=12, outputs=(32, 12)))

    assert told(lost(8))[0] == ("too-deep", "fault")
    assert told(lost(3))[0] == ("bottleneck", "fault")


def test_units_that_noise_of_dropout_kills_are_its_doing() -> None:
    dead = failed(dropping(0.9), dead=np.full(2, 0.99))
    assert told(dead) == [("dropout-too-strong", "fault")]
    assert told(failed(healthy(), dead=np.full(2, 0.99))) == [("dead-units", "fault")]


def test_statistics_that_hardly_collect_are_a_hint_where_that_costs_less_than_a_quarter() -> None:
    costs = became(slow(), train_loss=0.35, train_score=0.9)
    assert told(costs) == [("norm-statistics-stale", "hint")]
    assert told(became(healthy(anatomy(pace=0.1, ops=BATCHED.ops)), train_loss=0.35, train_score=0.9)) == []


@pytest.mark.parametrize("share", [0.01, 0.3])
def test_one_unlucky_batch_does_not_hide_what_hardly_collects(share: float) -> None:
    costs = became(slow(), train_loss=0.6, train_score=0.8)
    assert costs.course is not None
    loss = costs.course.loss.copy()
    loss[-max(1, round(share * len(loss) / 10)) :] = 0.9
    assert bool(told(looped(costs, loss=loss))) == (share < 0.1)


def test_units_on_flat_ends_before_training_make_every_step_too_long() -> None:
    restless = failed(flat(), saturated=np.array([0.4, 0.4]))
    assert told(restless) == [("saturated-units", "fault")]


def test_a_kernel_that_stands_entirely_still_is_told_though_its_features_serve() -> None:
    fixed = middling(healthy())
    fixed = looped(fixed, valid_loss=np.full(EPOCHS, 0.25))
    fixed = became(fixed, train_loss=0.2, train_score=0.9, valid_loss=0.25, valid_score=0.85)
    assert told(replace(fixed, kernel=Kernel(3e-6, 0.005))) == [("lazy", "hint")]
    assert told(replace(fixed, kernel=Kernel(1e-3, 0.05))) == []
    all_told = became(looped(fixed, valid_loss=np.full(EPOCHS, 0.04)), valid_loss=0.04, valid_score=0.99)
    assert told(replace(all_told, kernel=Kernel(3e-6, 0.005))) == []


# Measured -------------------------------------------------------------------------------------------------


class Steep(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(40.0 * x)


@pytest.mark.parametrize(("make", "begun"), [(Steep, True), (nn.Tanh, False), (nn.ReLU, False)])
def test_flat_ends_of_an_activation_that_nobody_knows_by_name(
    make: Callable[[], nn.Module], begun: bool
) -> None:
    torch.manual_seed(0)
    x = torch.randn(64, 8)
    net = nn.Sequential(nn.Linear(8, 32), make(), nn.Linear(32, 2))
    found = profunda.diagnose(net, (x, (x[:, 0] > 0).long()), nn.CrossEntropyLoss(), epochs=1)
    assert bool(found.record.surveys[0].saturated[0] > 0.8) == begun


class Forgetful(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 16), nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(nn.functional.dropout(torch.relu(self.first(x)), 0.9, self.training))


def test_dropout_called_as_a_function_is_left_out_as_a_whole() -> None:
    net, x = Forgetful(), torch.randn(12, 4)
    parts = Parts(net, nn.CrossEntropyLoss(), lambda own: torch.optim.SGD(own.parameters(), lr=0.1), 4)
    feed = feed_of((x,), torch.zeros(12, dtype=torch.long))
    without = applied(Change("dropout", value=0.0), parts, feed).module
    assert torch.equal(without.train()(x), net.eval()(x))
    with pytest.raises(ArgumentError, match="can be left out as a whole, or changed where it is called"):
        applied(Change("dropout", value=0.5), parts, feed)


def test_relu_is_put_where_nothing_bends() -> None:
    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))
    parts = Parts(net, nn.CrossEntropyLoss(), lambda own: torch.optim.SGD(own.parameters(), lr=0.1), 4)
    feed = feed_of((torch.randn(12, 4),), torch.zeros(12, dtype=torch.long))
    made = applied(Change("activation", word="inserted"), parts, feed).module
    assert [type(part).__name__ for part in made[0]] == ["Linear", "ReLU"]
    bent = Parts(nn.Sequential(made[0], nn.Linear(8, 2)), parts.loss_fn, parts.optimizer, 4)
    with pytest.raises(ArgumentError, match="has no hidden linear or convolutional layer that nothing bends"):
        applied(Change("activation", word="inserted"), bent, feed)


def test_the_slowest_batch_norm_is_read() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, momentum=0.001), nn.BatchNorm1d(4))
    assert anatomy_of(net, (torch.ones(2, 3),)).pace == 0.001
    assert np.isnan(anatomy_of(nn.Linear(3, 4), (torch.ones(2, 3),)).pace)
    frozen = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, momentum=0.001).eval())
    assert np.isnan(anatomy_of(frozen, (torch.ones(2, 3),)).pace)


def test_a_linear_network_on_rows_that_bend_is_told_from_the_first_step() -> None:
    drawn = torch.Generator().manual_seed(0)
    x = torch.randn(400, 4, generator=drawn)
    y = x[:, :1].abs() + x[:, 1:2]
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 24), nn.Linear(24, 1))
    found = profunda.diagnose(
        net,
        (x[:300], y[:300]),
        nn.MSELoss(),
        optimizer=torch.optim.Adam(net.parameters(), lr=1e-2),
        validation=(x[300:], y[300:]),
        epochs=20,
    )
    assert [(one.code, one.step) for one in found.findings] == [("no-activation", 0)]
    assert len(found.record.trials[0].held) == len(found.record.trials[0].control_held) == 2
