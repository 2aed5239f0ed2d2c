"""A survey of any module: it works, it leaves no trace, it repeats itself, it is quick."""

import math
import time
from dataclasses import fields

import numpy as np
import pytest
import torch
from tests.diagnosis.test_surveys import CROSS, Pair, look, net, rows
from tests.oracles import diagnosis_surveys as naive
from torch import Tensor, nn
from torch.nn import functional as F

from profunda.diagnosis.anatomy import anatomy_of
from profunda.diagnosis.record import Survey
from profunda.diagnosis.surveys import survey
from profunda.errors import DataError


def kinds():
    encoder = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    return {
        "pair": (
            Pair(),
            (torch.randint(0, 7, (12, 3)), torch.randn(12, 6)),
            torch.arange(12) % 7,
            lambda o, y: CROSS(o[0], y),
        ),
        "encoder": (
            nn.Sequential(encoder, nn.Linear(8, 2)),
            (torch.randn(12, 5, 8),),
            torch.randn(12, 5, 2),
            nn.MSELoss(),
        ),
        "lstm": (
            nn.LSTM(4, 3, batch_first=True),
            (torch.randn(12, 5, 4),),
            torch.randn(12, 5, 3),
            lambda o, y: F.mse_loss(o[0], y),
        ),
        "flat": (nn.Flatten(), (torch.randn(12, 5),), torch.randn(12, 5), nn.MSELoss()),
        "one row": (
            nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 2)),
            (torch.randn(1, 4),),
            torch.randn(1, 2),
            nn.MSELoss(),
        ),
        "normed": (
            nn.Sequential(
                nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)), nn.PReLU(), nn.Linear(3, 2)
            ),
            (torch.randn(12, 4),),
            torch.randn(12, 2),
            nn.MSELoss(),
        ),
        "double": (
            net(4, 5, 2).double(),
            (torch.randn(12, 4).double(),),
            torch.randn(12, 2).double(),
            nn.MSELoss(),
        ),
        "half": (
            net(4, 5, 2).bfloat16(),
            (torch.randn(12, 4).bfloat16(),),
            torch.randn(12, 2).bfloat16(),
            nn.MSELoss(),
        ),
        "image": (
            nn.Sequential(
                nn.Conv2d(1, 3, 3), nn.InstanceNorm2d(3, affine=True), nn.ReLU(), nn.ConvTranspose2d(3, 1, 3)
            ),
            (torch.randn(12, 1, 7, 7),),
            torch.randn(12, 1, 7, 7),
            nn.MSELoss(),
        ),
        "wrapped": (nn.DataParallel(net(4, 5, 2)), (torch.randn(12, 4),), torch.randn(12, 2), nn.MSELoss()),
    }


@pytest.mark.parametrize("name", kinds())
@pytest.mark.parametrize("training", [True, False])
def test_any_module_and_no_trace(name, training):
    module, inputs, y, loss = kinds()[name]
    module.train(training)
    for each in module.parameters():
        each.grad = torch.randn_like(each)
    calls = []
    handle = module.register_forward_hook(lambda *seen: calls.append(seen))
    before = naive.fingerprint(module, *inputs, y) if name != "half" else ""
    anatomy = anatomy_of(module, inputs)
    assert anatomy.why == ""
    found = survey(module, anatomy, inputs, y, loss, step=3, start=dict(module.named_parameters()))
    assert name == "half" or naive.fingerprint(module, *inputs, y) == before
    handle.remove()
    assert not calls
    assert found.step == 3
    for sign in ("activation_mean", "activation_std", "dead", "saturated"):
        assert getattr(found, sign).shape == (len(anatomy.activations),)
    for field in ("gradient_norm", "signal", "apart", "backward", "weight", "moved", "noise", "copies"):
        assert getattr(found, field).shape == (len(anatomy.layers),), field
    assert math.isfinite(found.train_loss)
    assert math.isfinite(found.output_size)
    if anatomy.layers:
        assert np.isfinite(found.weight).all()
        assert np.isfinite(found.signal).all()
        assert (found.moved == 0.0).all()
        assert np.isfinite(found.gradient_norm[[layer.trainable for layer in anatomy.layers]]).all()


def test_a_hash_sees_what_a_survey_must_not_do():
    """The negative control of the test above."""
    made, (x, y) = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4)), rows()
    before = naive.fingerprint(made, x, y)
    assert naive.fingerprint(made, x, y) == before
    made(x)  # the norm collects
    after = naive.fingerprint(made, x, y)
    assert after != before
    torch.rand(1)
    assert naive.fingerprint(made, x, y) != after


def test_two_surveys_are_equal_in_every_bit():
    made, (x, y) = (
        nn.Sequential(nn.Linear(6, 9), nn.BatchNorm1d(9), nn.ReLU(), nn.Dropout(0.5), nn.Linear(9, 3)),
        rows(),
    )
    one = look(made, x, y)
    torch.rand(3)
    other = look(made, x, y)
    for field in fields(Survey):
        assert np.array_equal(
            getattr(one, field.name),
            getattr(other, field.name),
            equal_nan=field.name not in ("against", "broken", "step"),
        )


def test_dropout_is_no_part_of_gradients():
    (x, y), plain = rows(), net(6, 9, 3, activation=nn.ReLU)
    dropping = nn.Sequential(plain[0], plain[1], nn.Dropout(0.9), plain[2])
    assert np.allclose(look(dropping, x, y).gradient_norm, look(plain, x, y).gradient_norm, rtol=1e-6)


def test_errors_say_what_to_do():
    made, (x, y) = net(6, 5, 3), rows()
    anatomy = anatomy_of(made, (x,))
    with pytest.raises(DataError, match=r"Sequential raises RuntimeError .* in evaluation mode: .* yourself"):
        survey(made, anatomy, (torch.randn(8, 7),), y, CROSS, step=0)
    with pytest.raises(DataError, match=r"hold 0 rows: .* as a tuple, as in survey"):
        survey(made, anatomy, (), y, CROSS, step=0)


def test_it_is_quick():
    """A network of 10⁵ parameters on 256 rows within 0.3 s, one of 10⁷ within 5 s, on a core of its own."""
    for widths, limit in (((20, 280, 280, 10), 0.3), ((1000, 2600, 2600, 200), 5.0)):
        made, x = net(*widths, activation=nn.ReLU), torch.randn(256, widths[0])
        y, anatomy = torch.arange(256) % 10, anatomy_of(made, (x,))
        spent = []
        for _ in range(3):
            begun = time.process_time()
            survey(made, anatomy, (x,), y, CROSS, step=0, validation=((x,), y))
            spent.append(time.process_time() - begun)
            if spent[-1] < limit:
                break
        assert min(spent) < limit


def test_parts_that_rest_stay_at_rest():
    """A frozen batch norm, in evaluation mode while the rest trains, is measured as it is trained."""
    made, (x, y) = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Linear(5, 3)), rows()
    assert look(made, x, y).mixing[1] > 0.0
    trained = look(made, x, y).gradient_norm
    made[1].eval()
    assert look(made, x, y).mixing == (0.0, 0.0)
    rested = look(made, x, y).gradient_norm
    CROSS(made(x), y).backward()
    want = math.sqrt(sum(float(each.grad.square().sum()) for each in made[2].parameters()))
    assert np.isclose(rested[1], want, rtol=1e-4)
    assert not np.isclose(trained[1], want, rtol=1e-4)


def test_losses_may_change_their_targets_and_modules_their_inputs():
    class Eats(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(6, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x.mul_(0.5))

    def greedy(out: Tensor, y: Tensor) -> Tensor:
        return F.mse_loss(out, y.add_(1.0))

    made, x, y = Eats(), torch.randn(64, 6), torch.randn(64, 1)
    kept = x.clone(), y.clone()
    found = look(made, x, y, greedy, validation=((x,), y))
    assert torch.equal(x, kept[0])
    assert torch.equal(y, kept[1])
    want = float(F.mse_loss(made.layer(0.5 * x), y + 1.0).detach())
    assert np.isclose(found.train_loss, want, rtol=1e-5)
    assert np.isclose(found.valid_loss, want, rtol=1e-5)


def test_noise_of_the_network_itself_is_no_reaction():
    class Noisy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(6, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x * torch.tensor([1.0, 1, 1, 1, 1, 0])) + torch.randn(len(x), 3)

    x, y = rows()
    found = look(Noisy(), x, y)
    assert found.sensitivity[5] == 0.0
    assert (found.sensitivity[:5] > 0.0).all()
    assert found.mixing == (0.0, 0.0)


def test_places_may_be_flattened():
    """Targets of a sequence's places in one row of numbers: row n's are a block."""
    made, tokens = (
        nn.Sequential(nn.Embedding(7, 5), nn.Linear(5, 7), nn.Flatten(0, 1)),
        torch.randint(0, 7, (40, 3)),
    )
    found = look(made, tokens, tokens.flatten())
    other = look(nn.Sequential(*made[:2]), tokens, tokens, lambda out, y: CROSS(out.movedim(2, 1), y))
    assert np.isclose(found.train_loss, other.train_loss, rtol=1e-5)
    assert np.allclose(found.noise, other.noise, rtol=1e-3)
    assert np.allclose(found.gradient_norm, other.gradient_norm, rtol=1e-4)


def test_what_cannot_be_cut_into_rows_is_measured_whole():
    packed = nn.utils.rnn.pack_sequence([torch.randn(4, 3), torch.randn(3, 3), torch.randn(2, 3)])

    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.r, self.o = nn.GRU(3, 5), nn.Linear(5, 2)

        def forward(self, given: nn.utils.rnn.PackedSequence) -> Tensor:
            return self.o(self.r(given)[1][-1])

    found = look(Last(), (packed,), torch.tensor([0, 1, 0]))
    assert math.isfinite(found.train_loss)
    assert np.isfinite(found.gradient_norm).all()
    assert np.isnan(found.noise).all()
    assert np.isnan(found.sensitivity).all()
    assert math.isnan(found.mixing[0])
