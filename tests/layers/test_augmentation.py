"""Rows changed in training, adversarial examples, and lookahead."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from profunda.errors import ArgumentError
from profunda.layers.attacks import adversarial
from profunda.layers.augmentation import CutMix, CutOut, InputNoise, Mixup, Targets
from profunda.layers.lookahead import Lookahead


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def rows(n=200, d=6):
    return torch.arange(float(n * d)).reshape(n, d), torch.arange(n)


@pytest.mark.parametrize("make", [Mixup(), CutMix(), CutOut(0.3), InputNoise(0.5)])
def test_the_generator_decides(make):
    x, y = rows()
    first, again, other = (make(x, y, generator(seed))[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    torch.manual_seed(3)
    free = make(x, y)[0]
    torch.manual_seed(3)
    assert torch.equal(make(x, y)[0], free)
    assert free.shape == x.shape
    assert free.dtype == x.dtype


def test_mixup_mixes_rows_and_losses_alike():
    x, y = rows()
    made, targets = Mixup(0.4)(x, y, generator(1))
    partner = targets.second
    assert torch.allclose(made, targets.share * x + (1 - targets.share) * x[partner])
    assert sorted(partner.tolist()) == y.tolist()
    # Mixing the loss is mixing the labels, for cross-entropy.
    logits, classes = torch.randn(200, 3), torch.randint(3, (200,))
    mixed = Targets(classes, classes[partner], targets.share)
    soft = targets.share * functional.one_hot(classes, 3) + (1 - targets.share) * functional.one_hot(
        classes[partner], 3
    )
    by_loss = mixed.mean(lambda labels: functional.cross_entropy(logits, labels, reduction="none"))
    assert by_loss.item() == pytest.approx(functional.cross_entropy(logits, soft).item(), rel=1e-5)


@pytest.mark.parametrize("seeded", [True, False])
def test_shares_follow_beta(seeded):
    """Beta(α, α) has mean ½ and variance 1/(4(2α + 1))."""
    x, y = rows(2, 2)
    shares = torch.tensor([Mixup(0.4)(x, y, generator(s) if seeded else None)[1].share for s in range(2000)])
    assert shares.mean().item() == pytest.approx(0.5, abs=0.04)
    assert shares.var().item() == pytest.approx(1 / (4 * 1.8), rel=0.08)


def test_cutmix_takes_whole_columns_and_counts_them():
    x, y = rows()
    shares = set()
    for seed in range(10):
        made, targets = CutMix()(x, y, generator(seed))
        from_self = (made == x).all(0)
        assert (made[:, ~from_self] == x[targets.second][:, ~from_self]).all()
        assert targets.share == pytest.approx(from_self.double().mean().item())
        shares.add(targets.share)
    assert len(shares - {0.0, 1.0}) >= 3


def test_columns_go_together():
    x, y = rows()
    for seed in range(20):
        made, targets = CutMix(columns=((0, 1, 2), (3, 4)))(x, y, generator(seed))
        same = (made == x).all(0).tolist()
        assert same[0] == same[1] == same[2]
        assert same[3] == same[4]
        assert same[5]  # in no column
        assert targets.share in (0.0, 0.5, 1.0)
        blank = CutOut(0.5, columns=((0, 1, 2), (3, 4)))(x[1:], y[1:], generator(seed))[0] == 0
        assert (blank[:, 0] == blank[:, 1]).all()
        assert (blank[:, 3] == blank[:, 4]).all()
        assert not blank[:, 5].any()


def test_cutout_blanks_and_scales_nothing_up():
    x, y = torch.full((5000, 4), 3.0), torch.zeros(5000)
    made, targets = CutOut(0.2)(x, y, generator())
    assert set(made.unique().tolist()) == {0.0, 3.0}
    assert (made == 0).double().mean().item() == pytest.approx(0.2, abs=0.015)
    assert targets.share == 1.0
    assert targets.mean(lambda labels: labels + 2.0).item() == 2.0


def test_input_noise_has_its_deviation():
    x, y = torch.zeros(50_000, 2), torch.zeros(50_000)
    made, _ = InputNoise(0.5)(x, y, generator())
    assert made.std().item() == pytest.approx(0.5, rel=0.01)
    assert made.mean().item() == pytest.approx(0.0, abs=0.01)
    assert torch.equal(InputNoise(0.0)(x, y)[0], x)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: Mixup(0.0), "alpha = 0.0 is no parameter of Beta"),
        (lambda: CutMix(math.nan), "alpha = nan is no parameter of Beta"),
        (lambda: CutOut(1.0), "drop = 1.0 is the probability of blanking"),
        (lambda: InputNoise(-1.0), "deviation = -1.0 is no noise"),
        (
            lambda: adversarial(
                nn.Linear(1, 1), functional.mse_loss, torch.ones(1, 1), torch.ones(1, 1), -1.0
            ),
            "epsilon = -1.0 is no step",
        ),
        (
            lambda: Lookahead(torch.optim.SGD([nn.Parameter(torch.ones(1))], 0.1), every=0),
            "every = 0 and share = 0.5",
        ),
        (
            lambda: Lookahead(torch.optim.SGD([nn.Parameter(torch.ones(1))], 0.1), share=1.5),
            "every = 5 and share = 1.5",
        ),
    ],
)
def test_what_changes_nothing_is_refused(call, text):
    with pytest.raises(ArgumentError, match=text):
        call()


# Adversarial examples -------------------------------------------------------------------------------


def test_adversarial_examples_are_the_closed_form_of_a_linear_model():
    """Goodfellow et al. (2015), section 5: for logistic regression the worst step is −ε y sign(w)."""
    model = nn.Linear(4, 1).double()
    x, sign = torch.randn(10, 4).double(), torch.randint(0, 2, (10, 1)).double() * 2 - 1

    def loss(z, y):
        return functional.softplus(-y * z).mean()

    made = adversarial(model, loss, x, sign, 0.1)
    assert torch.allclose(made, x - 0.1 * sign * model.weight.sign())
    assert model.weight.grad is None
    assert not x.requires_grad
    assert not made.requires_grad
    with torch.no_grad():
        assert torch.equal(adversarial(model, loss, x, sign, 0.1), made)


def test_no_step_of_that_size_hurts_a_linear_model_more_and_noise_less():
    model, x, y = nn.Linear(6, 3), torch.randn(50, 6), torch.randint(3, (50,))
    worst = functional.cross_entropy(model(adversarial(model, functional.cross_entropy, x, y, 0.2)), y)
    for seed in range(20):
        step = 0.2 * torch.randn(x.shape, generator=generator(seed)).sign()
        assert functional.cross_entropy(model(x + step), y) < worst


# Lookahead ------------------------------------------------------------------------------------------


def steps(optimiser, module, x, count):
    for _ in range(count):
        optimiser.zero_grad()
        module(x).square().mean().backward()
        optimiser.step()


def test_lookahead_is_the_papers_algorithm():
    x = torch.randn(20, 3)
    module, twin = nn.Linear(3, 2), nn.Linear(3, 2)
    twin.load_state_dict(module.state_dict())
    ahead = Lookahead(torch.optim.Adam(module.parameters(), 0.05), every=3, share=0.4)
    plain = torch.optim.Adam(twin.parameters(), 0.05)
    slow = twin.weight.detach().clone(), twin.bias.detach().clone()
    for _ in range(4):
        steps(ahead, module, x, 3)
        steps(plain, twin, x, 3)
        with torch.no_grad():
            slow = tuple(s + 0.4 * (f - s) for s, f in zip(slow, (twin.weight, twin.bias), strict=True))
            twin.weight.copy_(slow[0])
            twin.bias.copy_(slow[1])
        assert torch.allclose(module.weight, twin.weight, atol=1e-6)
        assert torch.allclose(module.bias, twin.bias, atol=1e-6)
    steps(ahead, module, x, 1)
    assert not torch.allclose(module.weight, twin.weight)  # between, the fast weights run


def test_lookahead_with_a_share_of_1_is_the_optimiser_alone():
    x = torch.randn(20, 3)
    module, twin = nn.Linear(3, 2), nn.Linear(3, 2)
    twin.load_state_dict(module.state_dict())
    steps(Lookahead(torch.optim.SGD(module.parameters(), 0.1, momentum=0.9), share=1.0), module, x, 12)
    steps(torch.optim.SGD(twin.parameters(), 0.1, momentum=0.9), twin, x, 12)
    assert torch.allclose(module.weight, twin.weight)


def test_lookahead_goes_on_from_its_state():
    x = torch.randn(20, 3)
    module, twin = nn.Linear(3, 2), nn.Linear(3, 2)
    first = Lookahead(torch.optim.Adam(module.parameters(), 0.05), every=4)
    steps(first, module, x, 6)
    twin.load_state_dict(module.state_dict())
    second = Lookahead(torch.optim.Adam(twin.parameters(), 0.05), every=4)
    second.load_state_dict(first.state_dict())
    steps(first, module, x, 7)
    steps(second, twin, x, 7)
    assert torch.equal(module.weight, twin.weight)
