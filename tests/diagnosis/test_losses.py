"""What a loss is and does: told of losses whose nature is known."""

import functools
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from profunda.diagnosis.asking import one_number
from profunda.diagnosis.givens import Loss
from profunda.diagnosis.losses import loss_of
from profunda.diagnosis.tasks import task_of

DRAW = torch.Generator().manual_seed(3)
CLASS = torch.randint(0, 3, (30,), generator=DRAW)
HOT = F.one_hot(CLASS, 3).float()
TWO = torch.randint(0, 2, (30,), generator=DRAW).float()
LABELS = torch.randint(0, 2, (30, 3), generator=DRAW).float()
REAL = torch.randn(30, generator=DRAW)
FAR = 1e4 + 300.0 * REAL
Z3, Z1 = torch.randn(30, 3, generator=DRAW), torch.randn(30, generator=DRAW)
PLACES, WORDS = torch.randn(6, 5, 7, generator=DRAW), torch.randint(0, 7, (6, 5), generator=DRAW)
WEIGHT = nn.Parameter(torch.ones(4))


def read(loss_fn: Callable[..., Any], outputs: Any, targets: Any, every: Tensor | None = None) -> Loss:
    return loss_of(loss_fn, outputs, targets, task_of(outputs, targets, every), every)


def focal(z: Tensor, y: Tensor) -> Tensor:
    each = F.cross_entropy(z, y, reduction="none")
    return ((1.0 - torch.exp(-each)) ** 2 * each).mean()


MSE = ("mse", "values", "mean")
CE = ("cross-entropy", "logits", "mean")
KINDS: tuple[tuple[str, Callable[..., Any], Tensor, Tensor, tuple[str, str, str]], ...] = (
    ("module", nn.CrossEntropyLoss(), Z3, CLASS, CE),
    ("function", F.cross_entropy, Z3, CLASS, CE),
    ("hot", F.cross_entropy, Z3, HOT, CE),
    ("sum", lambda z, y: F.cross_entropy(z, y, reduction="sum"), Z3, CLASS, (*CE[:2], "sum")),
    ("none", lambda z, y: F.cross_entropy(z, y, reduction="none"), Z3, CLASS, (*CE[:2], "none")),
    (
        "weights",
        functools.partial(F.cross_entropy, weight=torch.tensor([1.0, 2.0, 5.0])),
        Z3,
        CLASS,
        CE,
    ),
    (
        "smoothed",
        lambda z, y: F.cross_entropy(z, y, label_smoothing=0.1),
        Z3,
        CLASS,
        CE,
    ),
    (
        "by hand and with a penalty",
        lambda z, y: -0.5 * z.log_softmax(1)[torch.arange(30)[: len(y)], y].mean() + WEIGHT.square().sum(),
        Z3,
        CLASS,
        CE,
    ),
    ("nll", F.nll_loss, Z3.log_softmax(1), CLASS, ("nll", "log-probabilities", "mean")),
    (
        "log of shares",
        lambda p, t: -(t * torch.log(p + 1e-9)).sum(1).mean(),
        Z3.softmax(1),
        HOT,
        ("cross-entropy", "probabilities", "mean"),
    ),
    ("kl", functools.partial(F.kl_div, reduction="batchmean"), Z3.log_softmax(1), 0.9 * HOT + 0.1 / 3,
     ("kl", "log-probabilities", "mean")),
    ("bce", F.binary_cross_entropy, Z1.sigmoid(), TWO, ("bce", "probabilities", "mean")),
    ("bce by hand", lambda p, y: -(y * p.log() + (1 - y) * (1 - p).log()).mean(), Z1.sigmoid(), TWO,
     ("bce", "probabilities", "mean")),
    ("bce-logits", F.binary_cross_entropy_with_logits, Z1, TWO, ("bce-logits", "logits", "mean")),
    (
        "weighted",
        lambda z, y: F.binary_cross_entropy_with_logits(z[:, 0], y, pos_weight=torch.tensor(3.0)),
        Z1[:, None],
        TWO,
        ("bce-logits", "logits", "mean"),
    ),
    ("labels", nn.BCEWithLogitsLoss(reduction="sum"), Z3, LABELS, ("bce-logits", "logits", "sum")),
    ("mse", F.mse_loss, Z1, REAL, MSE),
    ("mse far off", F.mse_loss, Z1, FAR, MSE),
    ("root", lambda z, y: F.mse_loss(z, y).sqrt(), Z1, REAL, MSE),
    ("mse of classes", lambda z, y: F.mse_loss(z, F.one_hot(y, 3).float()), Z3, CLASS, MSE),
    (
        "mse of shares",
        lambda z, y: F.mse_loss(z.softmax(1), F.one_hot(y, 3).float()),
        Z3,
        CLASS,
        ("mse", "logits", "mean"),
    ),
    ("mae", F.l1_loss, Z1, REAL, ("mae", "values", "mean")),
    ("mae far off", F.l1_loss, Z1, FAR, ("mae", "values", "mean")),
    ("huber", F.huber_loss, Z1, REAL, ("huber", "values", "mean")),
    ("huber far off", F.smooth_l1_loss, Z1, FAR, ("huber", "values", "mean")),
    ("log-cosh", lambda z, y: torch.log(torch.cosh(z - y)).mean(), Z1, REAL, ("huber", "values", "mean")),
    ("hinge", lambda z, y: (1 - (2 * y - 1) * z).clamp(min=0).mean(), Z1, TWO, ("hinge", "values", "mean")),
    ("places", lambda z, y: F.cross_entropy(z.flatten(0, 1), y.flatten()), PLACES, WORDS,
     CE),
    ("maps", F.cross_entropy, PLACES.transpose(1, 2), WORDS, CE),
    ("focal", focal, Z3, CLASS, ("", "logits", "mean")),
    ("fourth power", lambda z, y: ((z - y) ** 4).mean(), Z1, REAL, ("", "values", "mean")),
)  # fmt: skip


@pytest.mark.parametrize(("loss_fn", "outputs", "targets", "sort"), [one[1:] for one in KINDS],
                         ids=[one[0] for one in KINDS])  # fmt: skip
def test_kinds(
    loss_fn: Callable[..., Any], outputs: Tensor, targets: Tensor, sort: tuple[str, str, str]
) -> None:
    found = read(loss_fn, outputs, targets)
    assert (found.kind, found.expects, found.reduction) == sort
    assert (found.sign, found.inside, found.attached) == (1, "", True)
    assert (found.crosswise, found.compared, found.why) == (None, (1.0, 1.0), "")
    assert found.value == pytest.approx(float(loss_fn(outputs, targets).detach().mean()), rel=1e-5)
    assert found.trivial <= found.value + 1e-5
    if not isinstance(loss_fn, nn.Module) and found.kind:
        turned = read(lambda z, y: -loss_fn(z, y), outputs, targets)
        assert (turned.kind, turned.sign) == (found.kind, -1)


@pytest.mark.parametrize(
    ("loss_fn", "outputs", "targets", "inside"),
    [
        (lambda z, y: F.cross_entropy(z.softmax(1), y), Z3, CLASS, "softmax"),
        (lambda z, y: F.binary_cross_entropy_with_logits(z.sigmoid(), y), Z1, TWO, "sigmoid"),
    ],
)
def test_an_activation_within_that_its_kind_has_too(
    loss_fn: Callable[..., Any], outputs: Tensor, targets: Tensor, inside: str
) -> None:
    found = read(loss_fn, outputs, targets)
    assert (found.inside, found.expects, found.sign) == (inside, "logits", 1)


# Against closed forms ---------------------------------------------------------------------------------


def test_the_best_constant_output() -> None:
    shares = torch.bincount(CLASS).double() / 30
    entropy = float(-(shares * shares.log()).sum())
    assert read(F.cross_entropy, Z3, CLASS).trivial == pytest.approx(entropy, rel=1e-4)
    assert read(F.nll_loss, Z3.log_softmax(1), CLASS).trivial == pytest.approx(entropy, rel=1e-4)
    summed = read(functools.partial(F.cross_entropy, reduction="sum"), Z3[:10], CLASS[:10], CLASS)
    assert summed.trivial == pytest.approx(10 * entropy, rel=1e-4)
    p = float(TWO.mean())
    two = -p * math.log(p) - (1 - p) * math.log(1 - p)
    assert read(F.binary_cross_entropy, Z1.sigmoid(), TWO).trivial == pytest.approx(two, rel=1e-4)
    assert read(F.mse_loss, Z1, FAR).trivial == pytest.approx(float(FAR.var(correction=0)), rel=1e-4)
    about = float((FAR - FAR.median()).abs().mean())
    assert read(F.l1_loss, Z1, FAR).trivial == pytest.approx(about, rel=1e-4)


def test_every_row_counts_for_the_constant_and_not_one_batch_alone() -> None:
    found = read(F.mse_loss, Z1[:4], REAL[:4], REAL)
    assert found.trivial == pytest.approx(float(REAL.var(correction=0)), rel=1e-4)


# Behaviour --------------------------------------------------------------------------------------------


def test_crosswise_comparison_is_seen_by_behaviour() -> None:
    crossed = read(lambda z, y: ((z - y) ** 2).mean(), Z1[:, None], REAL)
    assert crossed.crosswise == ((30, 1), (30,))
    assert crossed.kind == "mse"
    logits = read(lambda z, y: (F.softplus(z) - y * z).mean(), Z1[:, None], TWO)
    assert logits.crosswise == ((30, 1), (30,))
    other = read(lambda z, y: ((z - y) ** 2).mean(), Z1, REAL[:, None])
    assert other.crosswise == ((30,), (30, 1))
    squeezed = read(lambda z, y: ((z.squeeze(1) - y) ** 2).mean(), Z1[:, None], REAL)
    assert squeezed.crosswise is None
    wide = read(lambda z, y: ((z - y) ** 2).mean(), Z3, REAL[:, None])
    assert wide.crosswise is None


@pytest.mark.parametrize("inner", [F.mse_loss, F.l1_loss, F.binary_cross_entropy_with_logits])
def test_crosswise_comparison_within_the_loss(inner: Callable[..., Tensor]) -> None:
    y = TWO[:, None] if inner is F.binary_cross_entropy_with_logits else REAL[:, None]
    assert read(lambda z, y: inner(*torch.broadcast_tensors(z[:, 0], y)), Z1[:, None], y).crosswise == (
        (30, 1),
        (30, 1),
    )
    assert read(inner, Z1[:, None], y).crosswise is None


def test_losses_of_clouds_of_points_need_no_pairs() -> None:
    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return torch.exp(-(a - b.T).square()).mean()

    for cloud in (
        lambda z, y: (z.mean() - y.mean()).square() + (z.std() - y.std()).square(),
        lambda z, y: kernel(z, z) - 2.0 * kernel(z, y) + kernel(y, y),
    ):
        assert read(cloud, Z1[:, None], REAL[:, None]).crosswise is None


def test_a_likelihood_of_other_targets_falls_for_ever_and_is_no_turned_loss() -> None:
    def gamma(z: Tensor, y: Tensor) -> Tensor:
        return (z + y * torch.exp(-z)).mean()

    assert read(gamma, Z1[:, None], REAL[:, None]).endless > 0.2
    assert read(gamma, Z1[:, None], REAL[:, None].exp()).endless == 0.0
    assert math.isnan(read(lambda z, y: -F.mse_loss(z, y), Z1[:, None], REAL[:, None]).endless)
    assert read(lambda z, y: -(z - y).abs().pow(1.5).mean(), Z1[:, None], REAL[:, None]).endless == 0.0


@pytest.mark.parametrize(
    ("loss", "targets"),
    [
        (lambda z, y: z.exp() - y * z, REAL.abs().round()),  # counts, some of them 0
        (lambda z, y: z.exp() - y * z, REAL.abs()),
        (lambda z, y: z + y * (-z).exp(), REAL.abs() + 0.1),
        (lambda z, y: (z - y).abs().pow(1.5), REAL),
    ],
)
def test_a_likelihood_made_small_is_told_by_the_end_that_its_negative_has(
    loss: Callable[..., Tensor], targets: Tensor
) -> None:
    y = targets[:, None]
    turned = read(lambda z, y: -loss(z, y).mean(), Z1[:, None], y)
    assert (turned.sign, turned.endless) == (-1, 0.0)
    assert read(lambda z, y: loss(z, y).mean(), Z1[:, None], y).sign >= 0


def test_a_loss_that_has_an_end_neither_way_is_not_turned() -> None:
    below = read(lambda z, y: (y * z - z.exp()).mean(), Z1[:, None], -REAL[:, None].abs() - 1.0)
    assert below.sign >= 0


def test_errors_averaged_before_they_are_squared_compare_sums_alone() -> None:
    y = REAL[:, None]
    for loss in (lambda z, y: (z - y).mean().square(), lambda z, y: (z - y).mean().abs()):
        assert read(loss, Z1[:, None], y).pooled
    for loss in (F.mse_loss, F.l1_loss, lambda z, y: (z - y).square().mean().sqrt()):
        assert not read(loss, Z1[:, None], y).pooled
    assert not read(lambda z, y: z.mean(), Z1[:, None], y).pooled  # of no targets at all


def test_the_best_constant_probability_of_one_output_a_row() -> None:
    p = float(TWO.mean())
    two = -p * math.log(p) - (1 - p) * math.log(1 - p)
    loss = lambda z, y: F.binary_cross_entropy(z.squeeze(1), y)  # noqa: E731
    assert read(loss, Z1[:, None].sigmoid(), TWO).trivial == pytest.approx(two, rel=1e-4)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_tiny_batches_tell_a_hinge_from_an_absolute_error(rows: int) -> None:
    for start in range(20):
        y = TWO[start : start + rows]
        found = read(lambda z, y: (1 - (2 * y - 1) * z).clamp(min=0).mean(), Z1[:rows], y)
        assert found.kind in ("hinge", "")


def test_one_sided_errors_far_off_are_no_crosswise_comparison() -> None:
    for y in (50.0 + 9.0 * REAL, FAR):
        assert read(lambda z, y: F.smooth_l1_loss(z.squeeze(1), y), Z1[:, None], y).crosswise is None
    blind = read(lambda z, y: z.square().mean(), Z1[:, None], REAL)
    assert blind.crosswise is None


def test_warnings_of_torch_stay_silent() -> None:
    assert read(nn.MSELoss(), Z1[:, None], REAL).crosswise == ((30, 1), (30,))


def test_what_is_left_out_is_told() -> None:
    half = read(lambda z, y: F.mse_loss(z[:15], y[:15]), Z1, REAL)
    assert half.compared == (1.0, 0.5)
    first = read(lambda z, y: F.mse_loss(z[:, 0], y[:, 0]), Z3, LABELS * 0.3)
    assert first.compared == pytest.approx((1 / 3, 1.0))
    padded = read(lambda z, y: F.cross_entropy(z.flatten(0, 1), y.flatten(), ignore_index=0), PLACES, WORDS)
    assert padded.kind == "cross-entropy"
    assert padded.compared == (1.0, 1.0)


def test_of_places_those_count_at_which_any_class_is_compared_and_something_is_asked() -> None:
    first = read(lambda z, y: F.cross_entropy(z[:, 0], y[:, 0]), PLACES, WORDS)
    assert first.compared == pytest.approx((1 / WORDS.shape[1], 1.0))
    ended = WORDS.clone()
    ended[:, 2:] = -100
    masked = read(lambda z, y: F.cross_entropy(z.flatten(0, 1), y.flatten()), PLACES, ended)
    assert masked.compared == (1.0, 1.0)
    unlabelled = CLASS.clone()
    unlabelled[:20] = -100
    assert read(F.cross_entropy, Z3, unlabelled).compared == (1.0, 1.0)
    assert read(F.nll_loss, Z3.log_softmax(1), CLASS).compared == (1.0, 1.0)


def test_weights_of_classes_are_told_by_gradients_at_equal_outputs() -> None:
    ratio = torch.tensor([1.0, 1.0, 8.0])
    assert read(F.cross_entropy, Z3, CLASS).weights == pytest.approx((1.0, 1.0, 1.0))
    found = read(nn.CrossEntropyLoss(weight=ratio), Z3, CLASS).weights
    assert found[2] / found[0] == pytest.approx(8.0)
    nll = read(nn.NLLLoss(weight=ratio), Z3.log_softmax(1), CLASS).weights
    assert nll[2] / nll[0] == pytest.approx(8.0)
    positive = read(nn.BCEWithLogitsLoss(pos_weight=torch.tensor([5.0])), Z1[:, None], TWO[:, None]).weights
    assert positive[1] / positive[0] == pytest.approx(5.0)
    assert read(F.mse_loss, Z1, REAL).weights == ()


@pytest.mark.parametrize("rows", [12, 30])
def test_a_loss_that_compares_rows_with_each_other_has_a_sign(rows: int) -> None:
    def likeness(z: Tensor, y: Tensor) -> Tensor:
        return F.cosine_similarity(z - z.mean(), y - y.mean(), dim=0).mean()

    z, y = Z1[:rows, None], REAL[:rows, None]
    assert read(likeness, z, y).sign == -1
    assert read(lambda z, y: 1.0 - likeness(z, y), z, y).sign == 1


@pytest.mark.parametrize("cut", [lambda z: z.detach(), lambda z: torch.tensor(z.tolist())])
def test_a_loss_that_is_cut_off(cut: Callable[[Tensor], Tensor]) -> None:
    found = read(lambda z, y: F.mse_loss(cut(z), y), Z1, REAL)
    assert not found.attached
    assert found.value == pytest.approx(float(F.mse_loss(Z1, REAL)), rel=1e-5)
    assert found.compared == (0.0, 0.0)
    assert not read(lambda z, y: F.mse_loss(z, y).item(), Z1, REAL).attached


def test_a_loss_that_is_not_finite_is_read_all_the_same() -> None:
    found = read(lambda p, y: -(y * p.log()).mean(), torch.zeros(30), TWO)
    assert math.isnan(found.value) or math.isinf(found.value)


# Told, not raised -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss_fn", "why"),
    [
        (lambda z, y: F.mse_loss(z + torch.randn_like(z), y), "draws random numbers"),
        (lambda z, y: F.mse_loss(z * random.random(), y), "draws random numbers"),
        (lambda z, y, mask: z.sum(), "missing 1 required positional argument: 'mask'"),
        (lambda z, y: (z.sum(), 1.0), "it gives a tuple of 2"),
        (lambda z, y: {"loss": z.sum()}, "it gives a dict of 1"),
        (lambda z, y: None, "it gives a NoneType"),
        (lambda z, y: z > 0, ""),
        (lambda z, y: z[:0], "not a number"),
        (lambda z, y: {}["a"], "KeyError: 'a'"),
        (lambda z, y: F.mse_loss(z, y).detach(), "no gradient of it reaches the outputs"),
    ],
)
def test_what_cannot_be_read_is_told(loss_fn: Callable[..., Any], why: str) -> None:
    found = read(loss_fn, Z1, REAL)
    assert why in found.why
    assert found.why


def test_a_loss_of_probabilities_is_known_though_it_refuses_what_the_network_gives() -> None:
    found = read(F.binary_cross_entropy, 3.0 * Z1, TWO)
    assert (found.kind, found.expects, found.sign) == ("bce", "probabilities", 1)
    assert "between 0 and 1" in found.why


def test_several_outputs_are_read_as_far_as_they_go() -> None:
    found = read(lambda z, y: F.mse_loss(z["a"], y), {"a": Z1, "b": Z3}, REAL)
    assert (found.attached, found.kind, found.why) == (True, "", "")
    assert found.value == pytest.approx(float(F.mse_loss(Z1, REAL)))
    assert found.compared == pytest.approx((0.25, math.nan), nan_ok=True)
    assert "KeyError" in read(lambda z, y: z["c"], {"a": Z1}, REAL).why


def test_a_loss_of_one_number_is_itself() -> None:
    assert one_number(2)[0] == 2.0
    assert one_number(True)[0] is None


def test_nothing_of_the_users_is_touched() -> None:
    held = nn.Linear(1, 1)
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    z, y = Z1.clone().requires_grad_(), REAL.clone()
    read(lambda z, y: F.mse_loss(held(z[:, None])[:, 0].mul_(2.0), y.mul_(1.0)) + torch.rand(()), z, y)
    assert z.grad is None
    assert held.weight.grad is None
    assert torch.equal(y, REAL)
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1:] == (random.getstate(), np.random.get_state()[1].tolist())
