"""What a survey measures, against loops, known networks and both engines that take the same signs."""

import itertools
import math
import time
from dataclasses import fields

import numpy as np
import pytest
import torch
from tests.fleet import cases
from tests.fleet.cases import mixed, table
from tests.oracles import diagnosis_surveys as naive
from torch import Tensor, nn
from torch.nn import functional as F

from profunda.diagnosis.anatomy import anatomy_of
from profunda.diagnosis.record import Survey
from profunda.diagnosis.surveys import survey
from profunda.errors import DataError
from profunda.fleet import native_engine
from profunda.networks.dense import build, load
from profunda.vitals.signs import SATURATION

CROSS = nn.CrossEntropyLoss()


def look(module: nn.Module, x: object, y: object, loss=CROSS, step: int = 0, **more: object) -> Survey:
    inputs = x if isinstance(x, tuple) else (x,)
    return survey(module, anatomy_of(module, inputs), inputs, y, loss, step=step, **more)


def rows(n: int = 64, d: int = 6, c: int = 3, seed: int = 0) -> tuple[Tensor, Tensor]:
    drawn = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=drawn)
    return x, (x[:, :c] + 0.3 * torch.randn(n, c, generator=drawn)).argmax(1)


def net(*widths: int, activation: type[nn.Module] = nn.Tanh, seed: int = 0) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        parts: list[nn.Module] = []
        for entering, leaving in itertools.pairwise(widths):
            parts += [nn.Linear(entering, leaving), activation()]
        return nn.Sequential(*parts[:-1])


# The one table of signs -------------------------------------------------------------------------------


class Functional(nn.Module):
    """The layers of a `nn.Sequential`, with activations called as functions."""

    def __init__(self, parts: nn.Sequential, activation) -> None:
        super().__init__()
        self.layers = nn.ModuleList(part for part in parts if not isinstance(part, NAMED))
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = layer(x)
            x = self.activation(x) if isinstance(layer, nn.Linear) else x
        return self.layers[-1](x)


NAMED = (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.SELU, nn.GELU)
FUNCTIONS = {"relu": F.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "selu": F.selu, "gelu": F.gelu}


@pytest.fixture(params=["torch", "native"])
def engine(request):
    if request.param == "native" and not native_engine.available():
        pytest.skip(f"the native engine is not here: {native_engine.unavailable_reason()}")
    return request.param


@pytest.mark.parametrize("how", ["modules", "functions"])
@pytest.mark.parametrize(
    ("activation", "norm"),
    [
        ("relu", "none"),
        ("tanh", "none"),
        ("sigmoid", "none"),
        ("selu", "none"),
        ("gelu", "layer"),
        ("relu", "batch"),
    ],
)
def test_signs_are_those_of_both_engines(engine, activation, norm, how):
    """Weights so large that units are dead and saturated; batches of all rows, so that gradients compare."""
    made = table(600)
    where = "after" if how == "functions" and norm != "none" else "before"
    fields = {"widths": (13, 9), "activation": activation, "norm": norm, "norm_place": where, "dropout": 0.0}
    fields |= {
        "input_dropout": 0.0,
        "batch_size": 1000,
        "epochs": 1,
        "label_smoothing": 0.0,
        "l1": 0.0,
        "l2": 0.0,
    }
    member = mixed(1, **fields)[0]
    first = cases.train([member], made, until=0).states[0]
    first.params[:65] *= 20
    first.params[65:70] = -1e4  # five of the first biases
    last = cases.train([member], made, engine=engine, states=[first]).states[0]
    source = made.source(member)

    def module(params: np.ndarray) -> nn.Module:
        plain = load(build(member.design, 5, 3), params)
        return plain if how == "modules" else Functional(plain, FUNCTIONS[activation])

    x, y = torch.from_numpy(source.x), torch.from_numpy(np.asarray(source.y, np.int64))
    ended = look(module(last.params), x[source.valid], y[source.valid])
    for name in ("activation_mean", "activation_std", "dead", "saturated"):
        assert np.allclose(getattr(ended, name), last.signs[name][0], rtol=2e-4, atol=1e-6), name
    assert ended.dead[0] >= 5 / 13 or activation in ("gelu", "selu", "sigmoid", "tanh") or norm == "batch"


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_gradient_norms_are_those_of_both_engines(engine, norm):
    made = table(300)
    fields = {"widths": (13, 9), "activation": "tanh", "norm": norm, "dropout": 0.0, "input_dropout": 0.0}
    fields |= {"batch_size": 1000, "epochs": 1, "label_smoothing": 0.0, "l1": 0.0, "l2": 0.1}
    member = mixed(1, **fields)[0]
    first = cases.train([member], made, until=0).states[0]
    start = first.params.copy()
    last = cases.train([member], made, engine=engine, states=[first]).states[0]
    source = made.source(member)
    assert len(source.train) <= 256
    x, y = torch.from_numpy(source.x), torch.from_numpy(np.asarray(source.y, np.int64))
    found = look(load(build(member.design, 5, 3), start), x[source.train], y[source.train])
    assert np.allclose(found.gradient_norm, last.signs["gradient_norm"][0], rtol=1e-3)
    other = look(load(build(member.design, 5, 3), last.params), x[source.train], y[source.train])
    assert not np.allclose(other.gradient_norm, last.signs["gradient_norm"][0], rtol=1e-3)  # control


def test_channels_are_units_and_places_are_rows():
    conv = nn.Sequential(nn.Conv2d(1, 5, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(80, 2))
    with torch.no_grad():
        conv[0].bias[:2] = -100.0
    x = torch.randn(20, 1, 6, 6)
    found = look(conv, x, torch.arange(20) % 2)
    a = conv[:2](x).detach().movedim(1, -1).reshape(-1, 5).numpy()
    want = naive.signs(a)
    got = (found.activation_mean[0], found.activation_std[0], found.dead[0], found.saturated[0])
    assert np.allclose(got, want, rtol=1e-5)
    assert found.dead[0] == 2 / 5

    words = nn.Sequential(nn.Embedding(7, 6), nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 7))
    tokens = torch.randint(0, 7, (10, 3))
    found = look(words, tokens, tokens, lambda out, y: CROSS(out.flatten(0, 1), y.flatten()))
    a = words[:3](tokens).detach().reshape(-1, 4).numpy()
    got = (found.activation_mean[0], found.activation_std[0], found.dead[0], found.saturated[0])
    assert np.allclose(got, naive.signs(a, *SATURATION["tanh"]), rtol=1e-5)


class Loop(nn.Module):
    """A recurrent network by hand: one activation in many calls."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.stay, self.out = nn.Linear(3, 5), nn.Linear(5, 5), nn.Linear(5, 2)

    def states(self, x: Tensor) -> list[Tensor]:
        h, found = torch.zeros(len(x), 5), []
        for t in range(x.shape[1]):
            h = torch.tanh(self.enter(x[:, t]) + self.stay(h))
            found.append(h)
        return found

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.states(x)[-1])


def test_calls_of_one_place_are_joined():
    loop, x = Loop(), torch.randn(12, 4, 3)
    anatomy = anatomy_of(loop, (x,))
    found = survey(loop, anatomy, (x,), torch.arange(12) % 2, CROSS, step=0)
    a = torch.stack(loop.states(x)).detach()
    assert np.isfinite(found.activation_mean).all()
    counts = np.bincount([each.after for each in anatomy.activations])  # by the layers before it
    assert counts.sum() == len(found.dead)
    if len(found.activation_mean) == 1:
        assert np.isclose(found.activation_mean[0], float(a.mean()), rtol=1e-5, atol=1e-7)


# By layer ---------------------------------------------------------------------------------------------


def test_signals_forwards_and_backwards():
    made, (x, y) = net(6, 9, 8, 3), rows()
    found = look(made, x, y)
    h, outs = x, []
    for part in made:
        h = part(h)
        if isinstance(part, nn.Linear):
            h.retain_grad()
            outs.append(h)
    CROSS(h, y).backward()
    for layer, out in enumerate(outs):
        assert np.isclose(found.signal[layer], float(out.detach().square().mean()) ** 0.5, rtol=1e-5)
        assert np.isclose(found.backward[layer], 64 * float(out.grad.square().mean()) ** 0.5, rtol=1e-4)
        assert np.isclose(found.apart[layer], naive.apart(out.detach().numpy()), rtol=1e-5)
    linear = [part for part in made if isinstance(part, nn.Linear)]
    for layer, part in enumerate(linear):
        size = math.sqrt(sum(float(each.detach().square().sum()) for each in part.parameters()))
        slope = math.sqrt(sum(float(each.grad.square().sum()) for each in part.parameters()))
        assert np.isclose(found.weight[layer], size, rtol=1e-5)
        assert np.isclose(found.gradient_norm[layer], slope, rtol=1e-4)


def test_a_relu_in_place_does_not_hide_what_left_the_layer():
    made, (x, y) = net(6, 9, 3, activation=nn.ReLU), rows()
    copy = nn.Sequential(made[0], nn.ReLU(inplace=True), made[2])
    one, other = look(made, x, y), look(copy, x, y)
    for name in ("signal", "apart", "backward", "activation_mean", "dead", "gradient_norm"):
        assert np.allclose(getattr(one, name), getattr(other, name), rtol=1e-6), name


def test_nearly_equal_rows_are_told_apart():
    """1 − cosine of rows that differ by a millionth: differences of near numbers would lose it."""
    made = nn.Sequential(nn.Linear(6, 5, bias=False), nn.Linear(5, 2)).double()
    x = torch.ones(16, 6, dtype=torch.float64) + 1e-6 * torch.randn(16, 6, dtype=torch.float64)
    found = look(made, x, torch.arange(16) % 2)
    assert np.isclose(found.apart[0], naive.apart(made[0](x).detach().numpy()), rtol=1e-2)
    assert 0.0 < found.apart[0] < 1e-10


def test_noise_is_that_of_single_rows():
    made, (x, y) = net(6, 9, 3), rows(16)
    found = look(made, x, y)
    single = naive.row_gradients(made, x, y, CROSS)
    for layer, names in enumerate((["0.weight", "0.bias"], ["2.weight", "2.bias"])):
        assert np.isclose(found.noise[layer], naive.noise(single, names), rtol=1e-3)
    assert not np.isclose(found.noise[0], found.noise[1], rtol=1e-3)  # control


def test_noise_of_parts_is_about_that_of_rows():
    made, (x, y) = net(6, 9, 3), rows(256)
    found = look(made, x, y)
    single = naive.row_gradients(made, x, y, CROSS)
    want = naive.noise(single, ["2.weight", "2.bias"])
    assert 0.4 * want < found.noise[1] < 2.5 * want


def test_moved_by_name_or_as_one_vector():
    made, (x, y) = net(6, 9, 3), rows()
    start = {name: each.detach().clone() for name, each in made.named_parameters()}
    flat = torch.cat([each.reshape(-1) for each in start.values()])
    with torch.no_grad():
        made[2].weight.mul_(1.5)
        made[2].bias.mul_(1.5)
    for given in (start, flat):
        assert np.allclose(look(made, x, y, start=given).moved, [0.0, 0.5], atol=1e-6)
    assert np.isnan(look(made, x, y).moved).all()


def test_copies_are_units_that_stay_equal():
    x, y = rows()
    made = net(6, 8, 3)
    assert look(made, x, y).copies.tolist() == [0.0, 0.0]
    with torch.no_grad():
        made[0].weight[3], made[0].bias[3] = made[0].weight[5], made[0].bias[5]
    assert look(made, x, y).copies[0] == 0.0  # they lead to different outputs: one step parts them
    with torch.no_grad():
        made[2].weight[:, 3] = made[2].weight[:, 5]
    assert look(made, x, y).copies[0] == 2 / 8
    for part in (made[0], made[2]):
        nn.init.constant_(part.weight, 0.1)
        nn.init.zeros_(part.bias)
    assert look(made, x, y).copies[0] == 1.0


def test_a_last_layer_of_zeros_is_no_copy():
    """As residual branches and output layers often begin: the targets part its units in one step."""
    made, (x, y) = net(6, 8, 3), rows()
    nn.init.zeros_(made[2].weight)
    nn.init.zeros_(made[2].bias)
    assert look(made, x, y).copies.tolist() == [0.0, 0.0]


def test_recurrent_units_can_be_copies():
    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.r, self.o = nn.GRU(3, 5, batch_first=True), nn.Linear(5, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.o(self.r(x)[0][:, -1])

    made, x, y = Last(), torch.randn(12, 4, 3), torch.arange(12) % 2
    assert look(made, x, y).copies[0] == 0.0
    for each in made.parameters():
        nn.init.constant_(each, 0.2)
    assert look(made, x, y).copies[0] == 1.0


# Outputs ----------------------------------------------------------------------------------------------


def test_what_outputs_are():
    made, (x, y) = net(6, 9, 3), rows()
    found, out = look(made, x, y), made(x).detach().double()
    assert np.allclose(found.output_mean, out.mean(0).numpy(), rtol=1e-5)
    assert np.isclose(found.output_spread, float(out.var(0, correction=0).mean()) ** 0.5, rtol=1e-6)
    assert np.isclose(found.output_size, float(out.square().mean()) ** 0.5, rtol=1e-6)
    assert np.isclose(found.train_loss, float(CROSS(out, y)), rtol=1e-5)
    assert found.train_score == float((out.argmax(1) == y).double().mean())
    assert len(found.recall) == 3
    assert np.isclose(found.recall[1], float((out.argmax(1) == y)[y == 1].double().mean()))


def test_sensitivity_of_a_linear_model_is_its_weights():
    made, x = nn.Linear(5, 1, bias=False), torch.randn(256, 5) * torch.tensor([1.0, 2.0, 3.0, 4.0, 0.0])
    with torch.no_grad():
        made.weight.copy_(torch.tensor([[1.0, 0.5, 0.0, -1.0, 7.0]]))
    found = look(made, x, x.sum(1, keepdim=True), nn.MSELoss()).sensitivity
    assert np.allclose(found[:4], [1.0, 1.0, 0.0, 4.0], rtol=0.35)
    assert found[2] == 0.0
    assert math.isnan(found[4])  # a constant column: it cannot be told


def test_sensitivity_of_blocks_tokens_and_several_inputs():
    wide = nn.Linear(100, 1, bias=False)
    with torch.no_grad():
        wide.weight[:, 50:] = 0.0
    found = look(wide, torch.randn(64, 100), torch.randn(64, 1), nn.MSELoss()).sensitivity
    assert (found[:48] > 0).all()
    assert (found[56:] == 0).all()

    class First(nn.Module):
        """Reads the first token and the second input, and nothing else."""

        def __init__(self) -> None:
            super().__init__()
            self.words, self.out = nn.Embedding(9, 4), nn.Linear(4, 2)

        def forward(self, tokens: Tensor, given: dict[str, Tensor]) -> Tensor:
            return self.out(self.words(tokens[:, 0])) + given["shift"]

    tokens, shift = torch.randint(0, 9, (64, 3)), torch.randn(64, 2)
    found = look(First(), (tokens, {"shift": shift}), torch.arange(64) % 2).sensitivity
    assert found.shape == (5,)
    assert found[0] > 0
    assert found[1] == found[2] == 0.0
    assert (found[3:] > 0).all()


class Mixer(nn.Module):
    """Rows see each other, by what `how` says."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how, self.layer = how, nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        out = self.layer(x)
        if self.how == "softmax":
            return out.softmax(0)
        if self.how == "before":  # each row sees the rows before it alone
            return out.cumsum(0)
        return out - out.mean(0) if self.how == "mean" else out


@pytest.mark.parametrize(("how", "mixed"), [("softmax", True), ("before", True), ("mean", True), ("", False)])
def test_rows_that_see_each_other_are_seen(how, mixed):
    x, y = rows()
    apart = look(Mixer(how), x, y).mixing
    assert (min(apart) > 1e-2) if mixed else (apart == (0.0, 0.0))


def test_batch_norm_mixes_in_training_mode_only():
    x, y = rows()
    made = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Dropout(0.5), nn.Linear(5, 3))
    evaluated, trained = look(made, x, y).mixing
    assert evaluated == 0.0
    assert trained > 1e-2
    dropped = nn.Sequential(nn.Linear(6, 5), nn.Dropout(0.5), nn.Linear(5, 3))
    assert look(dropped, x, y).mixing == (0.0, 0.0)


def test_sequences_with_time_first_do_not_mix():
    class Last(nn.Module):
        def __init__(self, batch_first: bool) -> None:
            super().__init__()
            self.first = batch_first
            self.r, self.o = nn.LSTM(3, 5, batch_first=batch_first), nn.Linear(5, 2)

        def forward(self, x: Tensor) -> Tensor:
            left = self.r(x)[0]
            return self.o(left[:, -1] if self.first else left[-1])

    x, y = torch.randn(24, 7, 3), torch.arange(24) % 2
    assert look(Last(True), x, y).mixing == (0.0, 0.0)
    assert look(Last(False), x.movedim(0, 1), y).mixing == (0.0, 0.0)
    wrong = Last(True)
    wrong.r.batch_first = False  # time and rows are taken for each other
    assert min(look(wrong, x, y).mixing) > 1e-3


def test_where_numbers_cease_to_be_finite():
    class Log(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(6, 4), nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.b(torch.log(torch.relu(self.a(x))))

    x, y = rows()
    found = look(Log(), x, y)
    assert "log" in found.broken
    assert math.isnan(found.output_spread)
    made = net(6, 5, 3)
    assert look(made, x, y).broken == ""
    with torch.no_grad():
        made[0].weight[0, 0] = math.nan
    ruined = look(made, x, y)
    assert ruined.broken == "0"
    assert math.isnan(ruined.gradient_norm[0])


# Losses and scores ------------------------------------------------------------------------------------


def test_sums_are_scaled_to_a_batch():
    made, (x, y) = net(6, 9, 3), rows()
    mean = look(made, x, y)
    summed = look(made, x, y, nn.CrossEntropyLoss(reduction="sum"), batch_size=20)
    single = look(made, x, y, nn.CrossEntropyLoss(reduction="none"))
    assert np.isclose(summed.train_loss, 20 * mean.train_loss, rtol=1e-5)
    assert np.allclose(summed.gradient_norm, 20 * mean.gradient_norm, rtol=1e-4)
    assert np.allclose(summed.backward, mean.backward * 20 / 20, rtol=1e-4)
    assert np.isclose(single.train_loss, mean.train_loss, rtol=1e-5)
    assert np.allclose(summed.noise, mean.noise, rtol=1e-3)


def test_scores_of_tasks():
    x = torch.randn(100, 1)
    line = nn.Linear(1, 1)
    with torch.no_grad():
        line.weight.fill_(1.0)
        line.bias.fill_(0.0)
    values = look(line, x, x + 0.1 * torch.randn(100, 1), nn.MSELoss())
    assert 0.9 < values.train_score < 1.0
    assert values.recall.size == 0
    labels = (x[:, 0] > 0).float()
    signs = look(nn.Sequential(line, nn.Flatten(0)), x, labels, nn.BCEWithLogitsLoss())
    assert signs.train_score == 1.0
    odds = look(nn.Sequential(line, nn.Sigmoid(), nn.Flatten(0)), x, labels, nn.BCELoss())
    assert odds.train_score == 1.0
    assert odds.recall.tolist() == [1.0, 1.0]
    worse = look(line, x, -x, nn.MSELoss())
    assert worse.train_score < 0.0


def test_validation_is_measured_on_its_own_rows():
    made, (x, y) = net(6, 9, 3), rows()
    u, v = rows(40, seed=1)
    found = look(made, x, y, validation=((u,), v))
    assert np.isclose(found.valid_loss, float(CROSS(made(u), v).detach()), rtol=1e-5)
    assert found.valid_score == float((made(u).argmax(1) == v).double().mean())
    assert math.isnan(look(made, x, y).valid_loss)


def test_losses_that_raise_or_are_cut_off_leave_the_rest():
    made, (x, y) = net(6, 9, 3), rows()

    def refuses(out: Tensor, y: Tensor) -> Tensor:
        raise ValueError("no")

    found = look(made, x, y, refuses)
    assert math.isnan(found.train_loss)
    assert np.isnan(found.gradient_norm).all()
    assert np.isfinite(found.signal).all()
    cut = look(made, x, y, lambda out, y: CROSS(out.detach(), y))
    assert cut.gradient_norm.tolist() == [0.0, 0.0]
    assert cut.backward.tolist() == [0.0, 0.0]


# Any module, and no trace -----------------------------------------------------------------------------


class Pair(nn.Module):
    """Two inputs, tied weights, a frozen part, a part that is not used, a buffer that counts."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.mix = nn.Embedding(7, 6), nn.Linear(6, 6)
        self.frozen, self.spare = nn.Linear(6, 6).requires_grad_(False), nn.Linear(2, 2)
        self.out = nn.Linear(6, 7, bias=False)
        self.out.weight = self.words.weight
        self.norm = nn.BatchNorm1d(6)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, tokens: Tensor, extra: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        self.calls += 1
        h = F.dropout(self.norm(self.mix(self.words(tokens).mean(1)) + extra), 0.5, self.training)
        return self.out(torch.relu(self.frozen(h))), {"hidden": h}


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
            equal_nan=field.name not in ("broken", "step"),
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
