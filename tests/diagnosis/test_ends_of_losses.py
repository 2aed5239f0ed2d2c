"""Losses that fall for ever, or never ask for a class: told before the first step, and no other is."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from profunda.diagnosis.anatomy import anatomy_of
from profunda.diagnosis.finding import Finding
from profunda.diagnosis.givens import Targets
from profunda.diagnosis.losses import loss_of
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.loss import RULES as LOSS
from profunda.diagnosis.rules.output import RULES as OUTPUT
from profunda.diagnosis.tasks import task_of

DRAW = torch.Generator().manual_seed(7)
X = torch.randn(80, 4, generator=DRAW)
REAL = torch.randn(80, 1, generator=DRAW)
COUNTS = torch.poisson(torch.full((80, 1), 1.5), generator=DRAW)
SHARES = torch.rand(80, 1, generator=DRAW)
THREE = torch.randint(0, 3, (80,), generator=DRAW)
TWO = torch.randint(0, 2, (80,), generator=DRAW).float()
WORDS = torch.randint(0, 4, (80, 6), generator=DRAW)
FILLED = torch.where(torch.arange(6) < torch.randint(2, 7, (80, 1), generator=DRAW), WORDS % 3 + 1, 0)
COUNT = nn.PoissonNLLLoss()
MANY = torch.poisson(torch.full((80, 1), 9.0).where(X[:, :1] > 0, torch.tensor(2.0)), generator=DRAW)
LEVELS = 5.0 + 2.0 * REAL + 0.2 * torch.randn(80, 4, generator=DRAW)


def found(
    loss_fn: Callable[..., Any], y: Tensor, outputs: int = 1, places: int = 0, last: nn.Module | None = None
) -> list[Finding]:
    shape = (places, outputs) if places else (outputs,)
    net = nn.Sequential(nn.Linear(4, int(np.prod(shape))), nn.Unflatten(1, shape), last or nn.Identity())
    made = net(X)
    task = task_of(made, y, y)
    loss = loss_of(loss_fn, made, y, task, y)
    flat = y.reshape(-1).double().numpy()
    counts = np.bincount(flat.astype(int)) if not y.is_floating_point() else np.empty(0)
    ends = {"least": float(flat.min()), "most": float(flat.max())}
    targets = Targets(counts, np.array([flat.mean()]), np.array([flat.std()]), **ends)
    record = Record(anatomy_of(net, (X[:8],)), task=task, loss=loss, targets=targets)
    answers = [rule(record) for rule in (*LOSS, *OUTPUT)]
    return [one for answer in answers if isinstance(answer, tuple) for one in answer]


def flat(loss_fn: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda z, y: loss_fn(z[:, 0], y.float())


def spread_out(z: Tensor, y: Tensor) -> Tensor:
    """Which of two rows is more: only differences count."""
    return F.softplus(-(z - z.T) * (y - y.T).sign()).mean()


def angle(z: Tensor, y: Tensor) -> Tensor:
    return 1.0 - F.cosine_similarity(z, y, dim=1).mean()


class ByHand(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x - x.exp().sum(1, keepdim=True).log()


def smoothed(z: Tensor, y: Tensor) -> Tensor:
    return F.kl_div(z, 0.9 * F.one_hot(y, 3) + 0.1 / 3, reduction="batchmean")


def tags(**more: Any) -> Callable[..., Tensor]:
    return lambda z, y: F.cross_entropy(z.transpose(1, 2), y, **more)


@pytest.mark.parametrize(
    ("loss_fn", "y", "code"),
    [
        (COUNT, REAL, "loss-unsuited"),
        (F.poisson_nll_loss, REAL, "loss-unsuited"),
        (lambda z, y: (z.exp() - y * z).mean(), REAL, "loss-unsuited"),
        (flat(F.binary_cross_entropy_with_logits), 2 * TWO - 1, "loss-unsuited"),  # names -1 and 1
        (flat(F.binary_cross_entropy_with_logits), THREE, "output-width"),
        (COUNT, COUNTS, ""),
        (lambda z, y: (z + y * (-z).exp()).mean(), REAL.abs(), ""),
        (nn.BCEWithLogitsLoss(), SHARES, ""),
        (flat(F.binary_cross_entropy_with_logits), TWO, ""),
        (flat(F.soft_margin_loss), 2 * TWO - 1, ""),
        (lambda z, y: (y - z).where(y > z, 0.1 * (z - y)).mean(), REAL, ""),  # a quantile
        (lambda z, y: (z - y).cosh().log().mean(), 300.0 * REAL, ""),
        (spread_out, REAL, ""),
        (nn.HuberLoss(), 1e4 * REAL, ""),
        (lambda z, y: (z[:, 0] * (1.0 - 2.0 * y)).mean(), TWO, ""),  # a critic's
    ],
)
def test_what_falls_for_ever_is_no_loss_of_these_targets(
    loss_fn: Callable[..., Any], y: Tensor, code: str
) -> None:
    told = found(loss_fn, y)
    assert [(one.code, one.severity) for one in told] == ([(code, "fault")] if code else [])


@pytest.mark.parametrize(
    ("loss_fn", "y", "code"),
    [
        (tags(ignore_index=0), WORDS, "loss-ignores-rows"),
        (tags(weight=torch.tensor([1.0, 1.0, 0.0, 1.0])), WORDS, "loss-ignores-rows"),
        (tags(), WORDS, ""),
        (tags(ignore_index=0), FILLED, ""),  # at the ends of rows
        (tags(ignore_index=0), FILLED.flip(1), ""),
        (tags(weight=torch.tensor([0.1, 1.0, 1.0, 1.0])), WORDS, ""),
    ],
)
def test_a_class_that_is_never_asked_for_is_told_unless_it_fills_up_rows(
    loss_fn: Callable[..., Any], y: Tensor, code: str
) -> None:
    told = found(loss_fn, y, outputs=4, places=6)
    assert [(one.code, one.severity) for one in told] == ([(code, "hint")] if code else [])


def test_one_class_of_all_rows_that_is_left_out_is_told() -> None:
    rare = torch.cat([torch.full((12,), 2), torch.randint(0, 2, (68,), generator=DRAW)])
    weight = torch.tensor([1.0, 1.0, 0.0])
    (told,) = found(nn.CrossEntropyLoss(weight), rare, outputs=3)
    assert told.code == "loss-ignores-rows"


@pytest.mark.parametrize(
    "loss_fn", [nn.PoissonNLLLoss(log_input=False), lambda z, y: (z - y * (z.clamp(min=1e-8)).log()).mean()]
)
def test_a_rate_that_the_network_holds_above_nought_has_an_end(loss_fn: Callable[..., Any]) -> None:
    assert not found(loss_fn, COUNTS, last=nn.Softplus())


def test_rows_in_which_nothing_was_masked_are_not_left_out() -> None:
    said = torch.randint(1, 30, (80, 6), generator=DRAW)
    masked = said.where(torch.rand(80, 6, generator=DRAW) < 0.2, 0)
    assert not found(tags(ignore_index=0), masked, outputs=30, places=6)


@pytest.mark.parametrize(
    ("loss_fn", "y", "severity"),
    [
        (angle, LEVELS, "fault"),
        (lambda z, y: F.mse_loss(F.normalize(z), F.normalize(y)), LEVELS, "fault"),
        (lambda z, y: angle(z - 5.0, y - 5.0), LEVELS, ""),
        (angle, F.normalize(LEVELS - 5.0), ""),
        (angle, torch.randn(80, 32, generator=DRAW), ""),
        (lambda z, y: (z - y).std(), 3.0 * REAL + 10.0, "fault"),
        (lambda z, y: (z - y).var(), 3.0 * (REAL - REAL.mean()), ""),
        (lambda z, y: 1.0 - angle(z.T - z.mean(), y.T - y.mean()), LEVELS[:, :1], ""),
        (spread_out, 3.0 * REAL + 10.0, ""),
        (lambda z, y: torch.maximum(0.9 * (y - z), 0.1 * (z - y)).mean(), 3.0 * REAL + 10.0, ""),
    ],
)
def test_what_a_loss_does_not_feel_is_told_where_targets_say_much_there(
    loss_fn: Callable[..., Any], y: Tensor, severity: str
) -> None:
    told = [one for one in found(loss_fn, y, outputs=y.shape[1]) if one.code != "loss-sign"]
    assert [(one.code, one.severity) for one in told] == ([("loss-unsuited", severity)] if severity else [])


@pytest.mark.parametrize("loss_fn", [COUNT, lambda z, y: (z + y * (-z).exp()).mean()])
def test_rates_beside_every_count_are_told_though_they_are_exponentials(loss_fn: Callable[..., Any]) -> None:
    told = found(lambda z, y: loss_fn(z[:, 0], y), MANY)
    assert [(one.code, one.severity) for one in told] == [("loss-broadcasts", "fault")]
    assert not found(loss_fn, MANY)


def test_a_divergence_from_smoothed_labels_takes_logarithms_of_probabilities() -> None:
    told = found(smoothed, THREE, outputs=3)
    assert [(one.code, one.severity) for one in told] == [("output-activation-missing", "fault")]
    assert not found(smoothed, THREE, outputs=3, last=nn.LogSoftmax(1))
    assert not found(smoothed, THREE, outputs=3, last=ByHand())


def test_squares_of_names_on_both_sides_of_nought_are_sound_where_outputs_are_free() -> None:
    names = 2.0 * TWO[:, None] - 1.0
    assert not found(F.mse_loss, names)
    assert [one.code for one in found(F.mse_loss, names, last=nn.Tanh())] == ["loss-unsuited"]


def test_labels_that_are_not_known_are_named_beside_nought_and_one_where_the_loss_leaves_them_out() -> None:
    several = torch.randint(0, 2, (80, 3), generator=DRAW).float()
    unknown = several.where(torch.rand(80, 3, generator=DRAW) < 0.6, torch.tensor(-1.0))

    def known(z: Tensor, y: Tensor) -> Tensor:
        each = F.binary_cross_entropy_with_logits(z, y.clamp_min(0.0), reduction="none")
        return ((y >= 0.0) * each).mean()

    assert not found(known, unknown, outputs=3)
    (told,) = found(F.binary_cross_entropy_with_logits, unknown, outputs=3)
    assert told.code == "loss-unsuited"
