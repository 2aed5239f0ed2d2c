"""What a chain of dense layers is, what it is not, and that reading leaves a module as it was."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from profunda.errors import ArgumentError, DataError
from profunda.layers.dropout import DropConnect, Dropout, GaussianDropout
from profunda.layers.ntk import NTKLinear
from profunda.networks.dense import build
from profunda.space.design import Design
from profunda.theory.activations import NONLINEARITIES
from profunda.theory.chains import chain_of
from profunda.theory.pointwise import FUNCTIONS, close, named_activation, recognised, wrapped


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


class Written(nn.Module):
    """Activations called inside forward."""

    def __init__(self, first=torch.tanh, second=torch.tanh, end=lambda x: x):
        super().__init__()
        self.one, self.two, self.three = nn.Linear(4, 8), nn.Linear(8, 6), nn.Linear(6, 2)
        self.calls = (first, second, end)

    def forward(self, x):
        first, second, end = self.calls
        return end(self.three(second(self.two(first(self.one(x))))))


class Residual(Written):
    def __init__(self):
        super().__init__()
        self.two = nn.Linear(8, 8)
        self.three = nn.Linear(8, 2)

    def forward(self, x):
        h = torch.relu(self.one(x))
        return self.three(h + torch.relu(self.two(h)))


def plain(*activations):
    parts = []
    for activation in activations:
        parts += [nn.Linear(5, 5), activation]
    return nn.Sequential(*parts, nn.Linear(5, 2))


def names(chain):
    return [None if link.activation is None else link.activation.name for link in chain.links]


# What is a chain ------------------------------------------------------------------------------------


def test_every_torch_activation_is_read_with_its_settings():
    made = [
        *(nn.ReLU(), nn.LeakyReLU(), nn.LeakyReLU(0.3), nn.Tanh(), nn.Sigmoid(), nn.ELU(), nn.ELU(0.5)),
        *(nn.SELU(), nn.CELU(2.0), nn.GELU(), nn.GELU("tanh"), nn.SiLU(), nn.Softplus(), nn.Softplus(2.0)),
        *(nn.Mish(), nn.ReLU6(), nn.Hardtanh(-0.1, 0.2), nn.Hardsigmoid(), nn.Hardswish(), nn.Softsign()),
        *(nn.LogSigmoid(), nn.Tanhshrink(), nn.Softshrink(0.1), nn.Hardshrink(), nn.Threshold(0.1, -1.0)),
        *(nn.PReLU(), nn.RReLU(0.1, 0.3)),
    ]
    chain = chain_of(plain(*made))
    assert chain.exact
    assert chain.unread == ()
    assert chain.depth == len(made)
    at = np.linspace(-7.0, 7.0, 401)
    for part, link in zip(made, chain.links, strict=False):
        right = part.double().eval()(torch.tensor(at)).detach().numpy()
        assert link.activation.value(at) == pytest.approx(right, abs=1e-7), part
    assert names(chain)[:6] == ["relu", "leaky_relu", "leaky_relu(0.3)", "tanh", "sigmoid", "elu"]
    assert names(chain)[-1] == "linear"
    assert chain.links[2].activation.sides == (0.3, 1.0)


def test_slopes_of_wrapped_activations_are_derivatives():
    at = np.linspace(-5.0, 5.0, 101) + 0.01
    for part in (nn.CELU(2.0), nn.GELU("tanh"), nn.Hardswish(), nn.Tanhshrink(), nn.Hardtanh(inplace=True)):
        known = named_activation(part)
        assert known.slope_at(at) == pytest.approx(
            (known.value(at + 1e-6) - known.value(at - 1e-6)) / 2e-6, abs=1e-6
        )


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_tensors_and_arrays_agree_on_an_activation(name):
    at = np.linspace(-6.0, 6.0, 301)
    assert FUNCTIONS[name](torch.tensor(at)).numpy() == pytest.approx(
        NONLINEARITIES[name].value(at), abs=1e-8
    )


def test_norms_dropout_and_places_are_read():
    net = nn.Sequential(
        nn.Dropout(0.1), nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(inplace=True), nn.Dropout(0.25),
        nn.Sequential(nn.Linear(8, 6), nn.Tanh(), nn.LayerNorm(6), nn.Identity()),
        nn.Linear(6, 6), nn.GroupNorm(2, 6), nn.AlphaDropout(0.5), nn.Linear(6, 3), nn.Sigmoid(),
    )  # fmt: skip
    chain = chain_of(net)
    assert chain.exact
    assert chain.input_keep == pytest.approx(0.9)
    assert [(link.norm, link.norm_before) for link in chain.links] == [
        ("batch", True),
        ("layer", False),
        ("group", True),
        ("none", True),
    ]
    assert [link.keep for link in chain.links] == pytest.approx([0.75, 1.0, 0.5, 1.0])
    assert [link.name for link in chain.links] == ["1", "5.0", "6", "9"]
    assert names(chain) == ["relu", "tanh", "linear", "sigmoid"]
    assert (chain.inputs, chain.widths, chain.outputs, chain.depth) == (4, (8, 6, 6), 3, 3)


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - {"linear"}))
def test_functions_called_in_forward_are_found_layer_by_layer(name):
    chain = chain_of(Written(FUNCTIONS[name], torch.sin if name == "tanh" else torch.tanh))
    assert names(chain)[0] == name
    assert chain.exact == (name != "tanh")


def test_an_output_activation_and_a_dropped_axis_are_found():
    assert names(chain_of(Written(end=torch.sigmoid))) == ["tanh", "tanh", "sigmoid"]
    net = Written(end=lambda x: x.squeeze(-1))
    net.three = nn.Linear(6, 1)
    assert chain_of(net).exact


def test_a_shared_activation_counts_in_every_place():
    act = nn.ReLU()
    assert names(chain_of(nn.Sequential(nn.Linear(3, 4), act, nn.Linear(4, 4), act, nn.Linear(4, 1)))) == [
        "relu",
        "relu",
        "linear",
    ]


def test_an_unknown_activation_class_is_read_by_what_it_does():
    class Swish(nn.Module):
        def forward(self, x):
            return x * torch.sigmoid(x)

    class Sine(nn.Module):
        def forward(self, x):
            return torch.sin(3 * x)

    class Centre(nn.Module):
        def forward(self, x):
            return x - x.mean(dim=1, keepdim=True)

    chain = chain_of(plain(Swish(), Sine()))
    assert chain.exact
    assert names(chain) == ["silu", "sine", "linear"]
    assert chain.links[1].activation.value(np.array([0.5]))[0] == pytest.approx(np.sin(1.5))
    chain = chain_of(plain(Centre()))
    assert not chain.exact
    assert chain.links[0].activation is None
    assert "neither a dense layer nor" in chain.unread[0].reason


def test_own_layers_are_read():
    net = nn.Sequential(
        NTKLinear(4, 16, weight_variance=2.0), nn.ReLU(), GaussianDropout(0.2), NTKLinear(16, 8),
        nn.ReLU(), Dropout(keep=0.5), DropConnect(8, 2, 0.25),
    )  # fmt: skip
    chain = chain_of(net)
    assert chain.exact
    assert [link.factor for link in chain.links] == pytest.approx([0.5**0.5, 0.25, 1.0])
    assert [link.keep for link in chain.links] == pytest.approx([0.8, 0.375, 1.0])


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"norm": "batch", "dropout": 0.3},
        {"norm": "layer", "norm_place": "after"},
        {"norm": "group", "activation": "selu", "dropout": 0.1, "dropout_kind": "alpha"},
        {"parametric": True, "activation": "gelu"},
        {"dropout": 0.2, "dropout_kind": "dropconnect", "input_dropout": 0.1},
    ],
)
def test_networks_of_designs_are_read(settings):
    design = Design(widths=(32, 16), **settings)
    chain = chain_of(build(design, 7, 3))
    assert chain.exact
    assert chain.unread == ()
    assert (chain.inputs, chain.widths, chain.outputs) == (7, design.widths, 3)
    assert names(chain) == [design.activation] * 2 + ["linear"]
    assert chain.links[0].norm == design.norm
    assert chain.links[0].keep == pytest.approx(1.0 - design.dropout)


def test_a_shortcut_of_a_design_is_unread():
    chain = chain_of(build(Design(widths=(16, 16, 16), skip=True), 7, 3))
    assert not chain.exact
    assert {each.kind for each in chain.unread} == {"shortcut"}


def test_one_layer_is_a_chain_without_hidden_ones():
    chain = chain_of(nn.Linear(3, 2))
    assert chain.exact
    assert chain.depth == 0
    assert chain.widths == ()
    assert chain.links[0].name == ""


def test_images_are_flattened_and_a_given_probe_is_used():
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.ReLU(), nn.Linear(5, 2)).double()
    probe = torch.randn(100, 3, 4, dtype=torch.float64)
    chain = chain_of(net, probe)
    assert chain.exact
    assert torch.allclose(chain.forward(probe), net(probe), rtol=0.0, atol=1e-12)


# What is none ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("net", "probe", "words"),
    [
        (nn.Sequential(nn.Conv1d(1, 2, 3), nn.Flatten(), nn.Linear(12, 2)), (8, 1, 8), "shares its weights"),
        (nn.Sequential(nn.TransformerEncoderLayer(4, 2, 8), nn.Linear(4, 2)), (8, 4), "attention"),
        (nn.Sequential(nn.Linear(4, 4), nn.Softmax(1), nn.Linear(4, 2)), (8, 4), "softmax mixes units"),
        (nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Tanh()), (8, 4), "second activation"),
        (nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), nn.LayerNorm(4)), (8, 4), "second norm"),
        (nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 4)), (8, 4), "before the first layer"),
        (nn.Sequential(nn.Tanh(), nn.Linear(4, 4)), (8, 4), "activation before the first"),
        (nn.Sequential(nn.Linear(4, 4), nn.RMSNorm(4)), (8, 4), "kind of norm"),
        (nn.Sequential(nn.Linear(4, 4), nn.ReLU()), (8, 3, 4), "each position of a sequence"),
        (nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), Dropout(keep=0.5, inverted=False)), (8, 4), "too"),
        (nn.Sequential(nn.Bilinear(4, 4, 4)), None, "no dense layer"),
    ],
)
def test_what_is_no_chain_says_why(net, probe, words):
    chain = chain_of(net, None if probe is None else torch.randn(*probe))
    assert not chain.exact
    assert any(words in each.reason for each in chain.unread), chain.unread


def test_a_residual_network_is_named_as_such():
    chain = chain_of(Residual())
    assert not chain.exact
    assert chain.unread[0].kind == "shortcut"
    assert "before 'three'" in chain.unread[0].reason
    with pytest.raises(ArgumentError, match="What follows layer 'two' was not understood"):
        chain.forward(torch.randn(2, 4))


def test_changed_inputs_are_unread():
    class Scaled(Written):
        def forward(self, x):
            return super().forward(x / 255.0)

    chain = chain_of(Scaled())
    assert not chain.exact
    assert "arithmetic" in chain.unread[0].reason


def test_shared_weights_and_loose_parameters_are_told():
    same = nn.Linear(5, 5)
    chain = chain_of(nn.Sequential(same, nn.ReLU(), same))
    assert not chain.exact
    assert "more than once" in chain.unread[0].reason

    class Loose(Written):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))

    assert "scale" in chain_of(Loose()).unread[0].reason


def test_order_of_execution_counts_not_that_of_registration():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.last, self.act, self.first = nn.Linear(8, 2), nn.Tanh(), nn.Linear(4, 8)

        def forward(self, x):
            return self.last(self.act(self.first(x)))

    chain = chain_of(Backwards(), torch.randn(8, 4))
    assert chain.exact
    assert [link.name for link in chain.links] == ["first", "last"]
    blind = chain_of(Backwards())  # it cannot know that 8 columns are not what enters
    assert not blind.exact
    assert "could not be run" in blind.unread[0].reason
    assert blind.links[0].activation is not None


def test_without_a_run_silence_between_layers_is_not_linear():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Linear(4, 8), nn.Linear(8, 2)

        def forward(self, x, y):
            return self.two(torch.relu(self.one(x + y)))

    chain = chain_of(Two())
    assert not chain.exact
    assert names(chain) == [None, "linear"]


# Manners --------------------------------------------------------------------------------------------


def test_reading_leaves_the_module_and_torch_as_they_were():
    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 1))
    net[1].eval()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    state = torch.get_rng_state()
    chain_of(net)
    assert torch.equal(state, torch.get_rng_state())
    assert [part.training for part in net] == [True, False, True, True, True]
    assert net.training
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    assert all(not part._forward_hooks and not part._forward_pre_hooks for part in net.modules())
    assert all(parameter.grad is None for parameter in net.parameters())


def test_wrong_use_is_told():
    with pytest.raises(ArgumentError, match="does not know its size"):
        chain_of(nn.Sequential(nn.LazyLinear(3)))
    net = plain(nn.ReLU())
    with pytest.raises(DataError, match=r"shape \(0, 5\), so no rows"):
        chain_of(net, torch.empty(0, 5))
    with pytest.raises(DataError, match="NaN or infinite"):
        chain_of(net, torch.full((3, 5), float("nan")))
    with pytest.raises(ArgumentError, match=r"does not take rows of shape \(3, 4\), torch.float32, on cpu"):
        chain_of(net, torch.randn(3, 4))


def test_recognition_can_fail():
    x = torch.linspace(-3, 3, 64)
    assert recognised(x, functional.gelu(x)) == "gelu"
    assert recognised(x, functional.gelu(x, approximate="tanh")) is None
    assert recognised(x, x[:5]) is None
    assert not close(x, x.double())
    assert close(x[:0], x[:0])
    assert wrapped("cube", lambda t: t**3).slope_at(np.array([2.0]))[0] == pytest.approx(12.0)
