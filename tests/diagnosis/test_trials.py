"""Short trainings with one thing changed: against loops written out, and on mistakes that it mends."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.diagnosis.test_surveys import CROSS, net, rows
from tests.oracles import diagnosis_surveys as naive
from torch import Tensor, nn
from torch.nn import functional as F

from profunda.diagnosis.finding import Change
from profunda.diagnosis.ingredients import Parts, making_of
from profunda.diagnosis.record import Trial
from profunda.diagnosis.trials import trials


def parts(module: nn.Module, loss=CROSS, lr: float = 0.1, batch: int = 16, **options: object) -> Parts:
    made = torch.optim.SGD(module.parameters(), lr=lr, **options)
    return Parts(module, loss, making_of(made, module), batch)


def tried(given: Parts, x: Tensor, y: Tensor, change: Change, steps: int = 60, **more: object) -> Trial:
    before = naive.fingerprint(given.module, x, y)
    (found,) = trials((change,), given, (x,), y, steps=steps, **more)
    assert naive.fingerprint(given.module, x, y) == before
    assert len(found.loss) == len(found.control) == len(found.score) == len(found.control_score)
    return found


@pytest.mark.parametrize("factor", [1.0, 10.0])
def test_a_trial_is_the_loop_written_out(factor):
    made, (x, y) = net(6, 8, 3), rows(50)
    found = tried(parts(made, momentum=0.9), x, y, Change("learning rate", value=factor), steps=20, seeds=2)
    for rate, ends in ((0.1 * factor, found.loss), (0.1, found.control)):
        for seed in range(2):
            want = naive.trained_loss(made, x, y, CROSS, rate, 0.9, 16, 20, seed)
            assert ends[seed] == pytest.approx(want, rel=1e-5)
    assert np.array_equal(found.loss, found.control) == (factor == 1.0)
    assert found.loss[0] != found.loss[1]  # control: seeds differ
    assert (found.what, found.value, found.steps) == ("learning rate", factor, 20)


def test_what_is_too_slow_and_what_is_too_fast():
    x, y = rows(200)
    slow = tried(parts(net(6, 16, 3), lr=1e-4), x, y, Change("learning rate", value=100.0))
    assert slow.loss.max() < 0.9 * slow.control.min()
    assert slow.score.min() > slow.control_score.max()
    fast = tried(
        parts(net(6, 16, 3), nn.MSELoss(), lr=50.0),
        x,
        F.one_hot(y, 3).float(),
        Change("learning rate", value=0.001),
    )
    assert np.isinf(fast.control).all()
    assert np.isfinite(fast.loss).all()


def test_first_weights_that_are_too_small():
    x, y = rows(200)
    small = net(6, 16, 16, 16, 3, activation=nn.ReLU)
    with torch.no_grad():
        for each in small.parameters():
            each.mul_(0.01)
    found = tried(parts(small), x, y, Change("initialisation", word="critical"))
    assert found.loss.max() < 0.7 * found.control.min()


def test_losses_of_scaled_targets_are_in_the_old_unit():
    x = torch.randn(200, 3)
    y = 5000.0 + 1000.0 * x[:, :1]
    given = parts(net(3, 16, 1), nn.MSELoss(), lr=0.05)
    found = tried(given, x, y, Change("scaling", word="targets"), steps=200)
    assert found.loss.max() < 0.1 * 1000.0**2
    assert found.score.min() > 0.9
    assert not (found.control < found.loss.max()).any()


def test_inputs_that_are_scaled():
    x, y = rows(200)
    found = tried(parts(net(6, 16, 3)), 1000.0 * x, y, Change("scaling", word="inputs"))
    assert found.loss.max() < found.control.min()


def test_a_loss_with_the_wrong_sign_is_judged_by_scores():
    x, y = rows(200)
    wrong = lambda out, y: -CROSS(out, y)  # noqa: E731
    found = tried(parts(net(6, 16, 3), wrong), x, y, Change("loss", word="sign", value=-1.0))
    assert found.score.min() > 0.6
    assert found.control_score.max() < 0.2


def test_more_epochs_are_more_steps():
    x, y = rows(200)
    given = parts(net(6, 16, 3), lr=0.02)
    found = tried(given, x, y, Change("epochs", value=4.0), steps=20)
    longer = tried(given, x, y, Change("learning rate", value=1.0), steps=80)
    assert np.array_equal(found.loss, longer.loss)
    assert found.loss.max() < found.control.min()


def test_pace_and_clipping_are_followed():
    made, (x, y) = net(6, 8, 3), rows(50)
    still = replace(parts(made), pace=(0.0,))
    found = tried(still, x, y, Change("schedule", word="constant"), steps=20)
    assert np.allclose(found.control, float(CROSS(made(x), y).detach()), rtol=1e-5)
    assert (found.loss < found.control).all()
    clipped = tried(parts(made), x, y, Change("clipping", value=1e-9), steps=20)
    assert np.allclose(clipped.loss, float(CROSS(made(x), y).detach()), rtol=1e-5)


def test_sums_are_judged_as_surveys_judge_them():
    made, (x, y) = net(6, 8, 3), rows(50)
    summed = nn.CrossEntropyLoss(reduction="sum")
    found = tried(parts(made, summed, lr=0.0, batch=10), x, y, Change("batch size", value=2.0), steps=3)
    assert np.allclose(found.control, 10 * float(CROSS(made(x), y).detach()), rtol=1e-4)
    assert np.allclose(found.loss, found.control, rtol=1e-4)


def test_several_changes_share_one_control_and_those_without_a_place_are_left_out():
    x, y = rows(60)
    given = parts(net(6, 8, 3))
    asked = (
        Change("learning rate", value=3.0),
        Change("dropout", value=0.0),  # nothing drops
        Change("head", word="width", value=2.0),  # a class has no output then
        Change("norm", word="layer"),
        Change("activation", word="relu"),
        Change("width", value=2.0),
        Change("optimiser", word="adam"),
    )
    found = trials(asked, given, (x,), y, steps=5, seeds=2)
    assert [each.what for each in found] == ["learning rate", "norm", "activation", "width", "optimiser"]
    assert len({each.control.tobytes() for each in found}) == 1
    assert all(np.isfinite(each.loss).all() for each in found)


class Odd(nn.Module):
    """Two inputs, one of them tokens, batch norm, dropout and a part that is frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.frozen = nn.Embedding(7, 6), nn.Linear(6, 6).requires_grad_(False)
        self.norm, self.out = nn.BatchNorm1d(6), nn.Linear(6, 3)

    def forward(self, tokens: Tensor, extra: dict[str, Tensor]) -> Tensor:
        h = self.frozen(self.words(tokens).mean(1) + extra["x"])
        return self.out(F.dropout(torch.relu(self.norm(h)), 0.3, self.training))


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.LBFGS])
def test_any_module_and_optimiser_and_no_trace(kind):
    made, (x, y) = Odd(), rows(40)
    tokens = torch.randint(0, 7, (40, 3))
    made.register_forward_hook(lambda *seen: pytest.fail("a hook of the user's was called"))
    optimizer = kind(made.parameters(), lr=0.01)
    given = Parts(made, CROSS, making_of(optimizer, made), 16)
    before = naive.fingerprint(made, tokens, x, y)
    found = trials((Change("learning rate", value=0.1),), given, (tokens, {"x": x}), y, steps=4, seeds=2)
    again = trials((Change("learning rate", value=0.1),), given, (tokens, {"x": x}), y, steps=4, seeds=2)
    assert naive.fingerprint(made, tokens, x, y) == before
    assert not optimizer.state
    assert np.isfinite(found[0].loss).all()
    assert np.array_equal(found[0].loss, again[0].loss)
    assert not math.isclose(found[0].loss[0], found[0].control[0])
