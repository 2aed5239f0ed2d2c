"""The signs of a survey are those of the one table: both engines, images, sequences and loops."""

import numpy as np
import pytest
import torch
from tests.diagnosis.test_surveys import CROSS, look
from tests.fleet import cases
from tests.fleet.cases import mixed, table
from tests.oracles import diagnosis_surveys as naive
from torch import Tensor, nn
from torch.nn import functional as F

from profunda.diagnosis.anatomy import anatomy_of
from profunda.diagnosis.surveys import survey
from profunda.fleet import native_engine
from profunda.networks.dense import build, load
from profunda.vitals.signs import SATURATION


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
