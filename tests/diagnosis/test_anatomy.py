"""What a module is, read from one forward pass, against what its author knows."""

import copy
import random
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from profunda.diagnosis.anatomy import anatomy_of
from profunda.diagnosis.copying import tensors_in

X = torch.linspace(-1.0, 1.0, 48).reshape(8, 6)
SEQUENCE = torch.linspace(-1.0, 1.0, 36).reshape(2, 3, 6)
IMAGE = torch.linspace(-1.0, 1.0, 384).reshape(2, 3, 8, 8)
LINE = torch.linspace(-1.0, 1.0, 60).reshape(2, 3, 10)
WORDS = torch.arange(6).reshape(2, 3)


def of(forward: Callable[..., object], **parts: nn.Module) -> nn.Module:
    """A user's module: its parts and what its forward does with them."""

    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for name, part in parts.items():
                setattr(self, name, part)

        def forward(self, *inputs: object) -> object:
            return forward(self, *inputs)

    return Own()


def kinds(module: nn.Module, *inputs: object) -> list[tuple[str, str]]:
    read = anatomy_of(module, inputs)
    assert read.why == ""
    return [(op.kind, op.what) for op in read.ops]


# Forty kinds of modules -------------------------------------------------------------------------------

MODULES: tuple[tuple[nn.Module, Tensor, tuple[str, str]], ...] = (
    (nn.Linear(6, 2), X, ("linear", "linear")),
    (nn.Conv1d(3, 4, 3), LINE, ("convolution", "conv1d")),
    (nn.Conv2d(3, 4, 3), IMAGE, ("convolution", "conv2d")),
    (nn.Conv3d(2, 4, 1), IMAGE[None], ("convolution", "conv3d")),
    (nn.ConvTranspose1d(3, 4, 3), LINE, ("convolution", "conv_transpose1d")),
    (nn.ConvTranspose2d(3, 4, 3), IMAGE, ("convolution", "conv_transpose2d")),
    (nn.RNN(6, 4), SEQUENCE, ("recurrent", "rnn")),
    (nn.LSTM(6, 4), SEQUENCE, ("recurrent", "lstm")),
    (nn.GRU(6, 4), SEQUENCE, ("recurrent", "gru")),
    (nn.RNNCell(6, 4), X, ("recurrent", "rnn_cell")),
    (nn.LSTMCell(6, 4), X, ("recurrent", "lstm_cell")),
    (nn.GRUCell(6, 4), X, ("recurrent", "gru_cell")),
    (nn.Embedding(9, 4), WORDS, ("embedding", "embedding")),
    (nn.EmbeddingBag(9, 4), WORDS, ("embedding", "embedding_bag")),
    (nn.BatchNorm1d(6), X, ("norm", "batch_norm")),
    (nn.BatchNorm2d(3), IMAGE, ("norm", "batch_norm")),
    (nn.LayerNorm(6), X, ("norm", "layer_norm")),
    (nn.GroupNorm(3, 6), X, ("norm", "group_norm")),
    (nn.InstanceNorm1d(3, affine=True), LINE, ("norm", "instance_norm")),
    (nn.RMSNorm(6), X, ("norm", "rms_norm")),
    (nn.LocalResponseNorm(2), IMAGE, ("norm", "local_response_norm")),
    (nn.Dropout(0.3), X, ("dropout", "dropout")),
    (nn.Dropout1d(0.3), LINE, ("dropout", "dropout1d")),
    (nn.Dropout2d(0.3), IMAGE, ("dropout", "dropout2d")),
    (nn.AlphaDropout(0.3), X, ("dropout", "alpha_dropout")),
    (nn.FeatureAlphaDropout(0.3), IMAGE, ("dropout", "feature_alpha_dropout")),
    (nn.ReLU(), X, ("activation", "relu")),
    (nn.ReLU(inplace=True), X, ("activation", "relu")),
    (nn.LeakyReLU(), X, ("activation", "leaky_relu")),
    (nn.PReLU(), X, ("activation", "prelu")),
    (nn.ELU(), X, ("activation", "elu")),
    (nn.SELU(), X, ("activation", "selu")),
    (nn.GELU(), X, ("activation", "gelu")),
    (nn.SiLU(), X, ("activation", "silu")),
    (nn.Mish(), X, ("activation", "mish")),
    (nn.Tanh(), X, ("activation", "tanh")),
    (nn.Sigmoid(), X, ("activation", "sigmoid")),
    (nn.Hardswish(), X, ("activation", "hardswish")),
    (nn.Softplus(), X, ("activation", "softplus")),
    (nn.GLU(), X, ("activation", "glu")),
    (nn.Softmax(1), X, ("activation", "softmax")),
    (nn.LogSoftmax(1), X, ("activation", "log_softmax")),
    (nn.MaxPool2d(2), IMAGE, ("pool", "max_pool2d")),
    (nn.AdaptiveAvgPool2d(1), IMAGE, ("pool", "adaptive_avg_pool2d")),
    (nn.Bilinear(6, 6, 2), X, ("linear", "bilinear")),
)


@pytest.mark.parametrize(("part", "x", "sort"), MODULES, ids=lambda value: type(value).__name__)
def test_modules_of_torch_are_known(part: nn.Module, x: Tensor, sort: tuple[str, str]) -> None:
    inputs = (x, x) if isinstance(part, nn.Bilinear) else (x,)
    assert kinds(part, *inputs) == [sort]
    assert kinds(of(lambda own, *rows: own.a(*rows), a=part), *inputs) == [sort]


@pytest.mark.parametrize(
    ("call", "sort"),
    [
        (F.relu, ("activation", "relu")),
        (lambda x: x.relu_(), ("activation", "relu")),
        (lambda x: x.clamp(min=0), ("activation", "relu")),
        (lambda x: torch.maximum(x, torch.zeros(())), ("activation", "relu")),
        (lambda x: torch.softmax(x, 1), ("activation", "softmax")),
        (lambda x: x.sigmoid(), ("activation", "sigmoid")),
        (torch.special.expit, ("activation", "sigmoid")),
        (lambda x: F.log_softmax(x, 1), ("activation", "log_softmax")),
        (lambda x: x * torch.sigmoid(x), ("activation", "silu")),
        (lambda x: F.dropout(x, 0.2, False), ("dropout", "dropout")),
        (lambda x: x.clamp(-1, 1), ("other", "clamp")),
        (lambda x: 2.0 * x, ("other", "mul")),
        (lambda x: F.layer_norm(x, (6,)), ("norm", "layer_norm")),
        (lambda x: F.max_pool1d(x, 2), ("pool", "max_pool1d")),
        (lambda x: F.scaled_dot_product_attention(x, x, x), ("attention", "scaled_dot_product_attention")),
    ],
)
def test_functions_in_forward_are_found(call: Callable[[Tensor], Tensor], sort: tuple[str, str]) -> None:
    read = anatomy_of(of(lambda own, x: call(own.a(x)), a=nn.Linear(6, 6)), (X,))
    assert [(op.kind, op.what) for op in read.ops] == [("linear", "linear"), sort]
    assert read.last == (sort[1],)
    outer = anatomy_of(of(lambda own, x: own.deep(x), deep=of(lambda own, x: call(x))), (X,))
    assert outer.ops[0].name in (f"{sort[1]} in deep", "deep")


# Layers -----------------------------------------------------------------------------------------------


def test_a_layer_knows_what_follows_it() -> None:
    net = nn.Sequential(
        nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Dropout(0.3), nn.Linear(5, 4),
        nn.Linear(4, 2), nn.Tanh(),
    )  # fmt: skip
    read = anatomy_of(net, (X,))
    assert [(one.name, one.activation, one.norm, one.dropout) for one in read.layers] == [
        ("0", "relu", "batch_norm", 0.3),
        ("4", "", "", 0.0),
        ("5", "tanh", "", 0.0),
    ]
    assert [(one.name, one.what, one.units, one.after) for one in read.activations] == [
        ("2", "relu", 5, 0),
        ("6", "tanh", 2, 2),
    ]
    assert read.last == ("tanh",)
    assert (read.parameters, read.trainable) == (79, 79)


@pytest.mark.parametrize(
    ("part", "x", "fans"),
    [
        (nn.Linear(6, 5), X, (6, 5)),
        (nn.Conv2d(3, 6, 3), IMAGE, (27, 54)),
        (nn.Conv2d(3, 6, 3, groups=3), IMAGE, (9, 18)),
        (nn.ConvTranspose2d(3, 6, 2, stride=2), IMAGE, (3, 24)),
        (nn.Embedding(9, 4), WORDS, (1, 4)),
        (nn.LSTM(6, 4), SEQUENCE, (10, 4)),
    ],
)
def test_fans(part: nn.Module, x: Tensor, fans: tuple[int, int]) -> None:
    layer = anatomy_of(part, (x,)).layers[0]
    assert (layer.fan_in, layer.fan_out) == fans


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.utils.parametrizations.weight_norm(nn.Linear(6, 4)),
        lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(6, 4)),
        lambda: nn.utils.parametrizations.orthogonal(nn.Linear(6, 4)),
    ],
)
def test_a_weight_that_is_made_of_others_is_one_layer(make: Callable[[], nn.Module]) -> None:
    net = nn.Sequential(make(), nn.ReLU(), nn.Linear(4, 1))
    read = anatomy_of(net, (X,))
    assert [(one.name, one.kind, one.shape) for one in read.layers] == [
        ("0", "linear", (4, 6)),
        ("2", "linear", (1, 4)),
    ]
    assert not read.unused


def test_old_weight_norm_can_be_read_after_a_step() -> None:
    with pytest.warns(FutureWarning):
        net = nn.Sequential(nn.utils.weight_norm(nn.Linear(6, 4)), nn.Linear(4, 1))
    net(X).sum().backward()
    assert [one.name for one in anatomy_of(net, (X,)).layers] == ["0", "1"]


def test_weights_used_twice_are_one_layer_and_told_as_shared() -> None:
    head = nn.Linear(4, 9, bias=False)
    table = nn.Embedding(9, 4)
    head.weight = table.weight
    read = anatomy_of(nn.Sequential(table, head), (WORDS,))
    assert read.shared == (("0.weight", "1.weight"),)
    tied = of(lambda own, x: F.linear(own.table(x), own.table.weight), table=nn.Embedding(9, 4))
    assert [one.name for one in anatomy_of(tied, (WORDS,)).layers] == ["table"]


def test_a_part_that_runs_twice_is_one_layer_and_two_operations() -> None:
    step = nn.Linear(6, 6)
    read = anatomy_of(of(lambda own, x: own.a(own.r(own.a(x))), a=step, r=nn.ReLU()), (X,))
    assert [op.name for op in read.ops] == ["a", "r", "a"]
    assert [one.name for one in read.layers] == ["a"]


def test_bare_parameters_of_a_module_are_its_layer() -> None:
    class Bare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.v, self.w = nn.Parameter(torch.ones(6, 4)), nn.Parameter(torch.ones(4, 2))

        def forward(self, x: Tensor) -> Tensor:
            return torch.tanh(x @ self.v) @ self.w

    read = anatomy_of(Bare(), (X,))
    assert [(one.name, one.kind, one.parameters, one.activation) for one in read.layers] == [
        ("", "other", 32, "tanh")
    ]
    assert read.last == ()


def test_an_activation_written_by_hand_is_known_by_what_it_does() -> None:
    class Bent(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.where(x > 0, x, torch.exp(x) - 1)

    class Scaled(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return 3.0 * x + 1.0

    read = anatomy_of(nn.Sequential(nn.Linear(6, 3), Bent(), nn.Linear(3, 2), Scaled()), (X,))
    assert [(one.name, one.what) for one in read.activations] == [("1", "elu")]
    assert read.layers[1].activation == ""


def test_attention_by_hand_is_no_activation() -> None:
    def forward(own: nn.Module, x: Tensor) -> Tensor:
        return own.v(torch.softmax(own.q(x) @ own.k(x).transpose(1, 2), -1) @ x)

    parts = {name: nn.Linear(6, 6) for name in "qkv"}
    read = anatomy_of(of(forward, **parts), (SEQUENCE,))
    assert read.activations == ()
    assert ("attention", "softmax") in [(op.kind, op.what) for op in read.ops]
    assert all(one.activation for one in read.layers[:2])


def test_an_unseen_function_counts_as_bent() -> None:
    class Cut(torch.autograd.Function):
        @staticmethod
        def forward(context: object, x: Tensor) -> Tensor:
            return torch.from_numpy(np.sign(x.numpy()))

        @staticmethod
        def backward(context: object, slope: Tensor) -> Tensor:
            return slope

    net = of(lambda own, x: own.b(Cut.apply(own.a(x))), a=nn.Linear(6, 4), b=nn.Linear(4, 1))
    read = anatomy_of(net, (X,))
    assert read.layers[0].activation
    assert not read.unused


# The whole --------------------------------------------------------------------------------------------


def test_skips_are_counted_and_recurrent_loops_are_not() -> None:
    def around(own: nn.Module, x: Tensor) -> Tensor:
        h = own.a(x)
        h = h + torch.relu(own.b(h))
        h = torch.cat([h, own.c(h)], 1)
        return h + 1.0

    parts = {name: nn.Linear(6, 6) for name in "abc"}
    assert anatomy_of(of(around, **parts), (X,)).skips == 2

    def loop(own: nn.Module, x: Tensor) -> Tensor:
        h = torch.zeros(2, 6)
        for t in range(3):
            h = torch.tanh(own.a(x[:, t]) + own.b(h))
        return h

    read = anatomy_of(of(loop, **{name: nn.Linear(6, 6) for name in "ab"}), (SEQUENCE,))
    assert read.skips == 0
    assert [one.name for one in read.layers] == ["a", "b"]
    plain = anatomy_of(of(lambda own, x: own.a(x) + own.b(x), a=nn.Linear(6, 2), b=nn.Linear(6, 2)), (X,))
    assert plain.skips == 0


def test_what_ends_a_residual_network_is_what_stands_after_its_last_weights() -> None:
    def stream(own: nn.Module, x: Tensor) -> Tensor:
        x = x + torch.tanh(own.a(x))
        return x + torch.relu(own.b(x))

    parts = {name: nn.Linear(6, 6) for name in "ab"}
    assert anatomy_of(of(stream, **parts), (X,)).last == ("relu", "add")
    heads = of(lambda own, x: (own.a(x).sigmoid(), own.b(x)), **parts)
    assert anatomy_of(heads, (X,)).last == ("sigmoid",)


def test_a_transformer_is_opened() -> None:
    block = nn.TransformerEncoderLayer(6, 2, 8, batch_first=True)
    read = anatomy_of(nn.TransformerEncoder(block, 2), (SEQUENCE,))
    assert [one.kind for one in read.layers] == ["attention", "linear", "linear"] * 2
    assert [one.activation for one in read.layers[1:3]] == ["relu", ""]
    assert read.skips == 4
    assert not read.unused


def test_several_inputs_and_outputs() -> None:
    def forward(own: nn.Module, pair: dict[str, Tensor], words: Tensor) -> dict[str, object]:
        return {"y": own.a(pair["x"]), "rest": (own.e(words).mean(1),)}

    read = anatomy_of(of(forward, a=nn.Linear(6, 2), e=nn.Embedding(9, 3)), ({"x": X}, WORDS))
    assert [one.name for one in read.layers] == ["a", "e"]
    assert not read.unused


def test_unused_parameters_are_those_that_no_gradient_reaches() -> None:
    zero = nn.Linear(6, 2)
    nn.init.zeros_(zero.weight)

    def forward(own: nn.Module, x: Tensor) -> Tensor:
        extra = own.only_trained(x).sum() if own.training else 0.0
        return own.out(own.cut(x).detach() + own.used(x)) + extra

    frozen = nn.Linear(6, 6).requires_grad_(False)
    parts = {name: nn.Linear(6, 6) for name in ("cut", "used", "only_trained", "never")}
    read = anatomy_of(of(forward, out=zero, frozen=frozen, **parts), (X,))
    assert read.unused == ("cut.weight", "cut.bias", "never.weight", "never.bias")
    assert read.trainable == read.parameters - 42


def test_a_branch_that_the_rows_choose_is_followed() -> None:
    net = of(lambda own, x: own.a(x) if x.sum() > 1e9 else own.b(x), a=nn.Linear(6, 2), b=nn.Linear(6, 2))
    assert [one.name for one in anatomy_of(net, (X,)).layers] == ["b"]


def test_mode_and_parts_stuck_in_the_other() -> None:
    net = nn.Sequential(nn.Linear(6, 2), nn.Sequential(nn.Dropout(), nn.ReLU()))
    net[1].eval()
    read = anatomy_of(net, (X,))
    assert (read.training, read.stuck) == (True, ("1",))


def test_wrapped_modules_keep_the_names_of_the_wrapper() -> None:
    read = anatomy_of(nn.DataParallel(nn.Sequential(nn.Linear(6, 2), nn.ReLU())), (X,))
    assert [op.name for op in read.ops] == ["module.0", "module.1"]


# What cannot be read ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "why"),
    [
        (nn.LazyLinear(3), "parameters have no size yet"),
        (nn.Linear(5, 3), "RuntimeError: mat1 and mat2 shapes cannot be multiplied"),
        (of(lambda own, x: {}[3]), "KeyError: 3"),
        (of(lambda own, x: x, a=nn.ModuleList([of(lambda own, x: x)]), b=nn.Identity()), ""),
    ],
)
def test_what_forward_raises_is_told(module: nn.Module, why: str) -> None:
    told = anatomy_of(module, (X,)).why
    assert told.startswith(why) or why in told
    assert bool(told) == bool(why)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_scripted_module_is_told() -> None:
    scripted = torch.jit.script(nn.Linear(6, 2))
    assert "scripted" in anatomy_of(scripted, (X,)).why
    assert anatomy_of(nn.Sequential(scripted, nn.ReLU()), (X,)).why == ""


# What is left behind ----------------------------------------------------------------------------------


def test_nothing_of_the_users_is_touched() -> None:
    def forward(own: nn.Module, x: Tensor) -> Tensor:
        own.seen = x
        return own.b(own.a(x.mul_(2.0)) + torch.rand(()) + random.random() + np.random.rand())

    net = of(forward, a=nn.Sequential(nn.Linear(6, 4), nn.Dropout()), b=nn.BatchNorm1d(4))
    calls: list[int] = []
    net.a.register_forward_hook(lambda *given: calls.append(1))
    x, held = X.clone(), copy.deepcopy(net.state_dict())
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    anatomy_of(net, (x,))
    assert torch.equal(x, X)
    assert all(torch.equal(value, held[name]) for name, value in net.state_dict().items())
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1:] == (random.getstate(), np.random.get_state()[1].tolist())
    assert net.training
    assert all(tensor.grad is None for tensor in net.parameters())
    assert "seen" not in vars(net)
    assert calls == []
    assert len(net.a._forward_hooks) == 1


def test_tensors_are_found_in_nested_things() -> None:
    found = tensors_in({"a": [X, (X, None)], "b": 3, "c": {"d": X}})
    assert len(found) == 3


def _attends(module: nn.Module, x: Tensor, p: float) -> Tensor:
    return F.scaled_dot_product_attention(x, x, module.one(x), dropout_p=p)


@pytest.mark.parametrize(
    ("forward", "wanted"),
    [
        (lambda m, x: F.dropout(m.one(x), 0.3), ("dropout",)),
        (lambda m, x: F.dropout(m.one(x), 0.3, True), ("dropout",)),
        (lambda m, x: nn.Dropout(0.3)(m.one(x)), ("dropout",)),
        (lambda m, x: F.dropout(m.one(x), 0.3, training=m.training), ()),
        (lambda m, x: F.dropout(m.one(x), 0.3, m.training), ()),
        (lambda m, x: F.dropout(m.one(x), 0.0), ()),
        (lambda m, x: _attends(m, x, 0.3), ("scaled_dot_product_attention",)),
        (lambda m, x: _attends(m, x, 0.3 * m.training), ()),
    ],
)
def test_dropout_that_evaluation_does_not_stop_is_told(
    forward: Callable[..., object], wanted: tuple[str, ...]
) -> None:
    assert anatomy_of(of(forward, one=nn.Linear(6, 6)), (X,)).sleepless == wanted


def test_dropout_that_drops_nothing_does_not_run() -> None:
    rows = torch.ones(4, 3)
    for p, kinds in ((0.0, ["linear", "linear"]), (0.2, ["linear", "dropout", "linear"])):
        found = anatomy_of(nn.Sequential(nn.Linear(3, 4), nn.Dropout(p), nn.Linear(4, 2)), (rows,))
        assert [op.kind for op in found.ops] == kinds


class Stated(nn.Module):
    """A recurrent layer whose first state, or last one, is read."""

    def __init__(self, first: bool, learnt: bool) -> None:
        super().__init__()
        self.state = nn.Parameter(torch.zeros(1, 1, 6)) if learnt else None
        self.gru, self.head, self.first = nn.GRU(3, 6, batch_first=True), nn.Linear(6, 2), first

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        begun = x.new_zeros(1, len(x), 6)
        begun = begun if self.state is None else self.state.expand(-1, len(x), -1).contiguous()
        return self.head((begun if self.first else self.gru(x, begun)[1])[0])


@pytest.mark.parametrize("learnt", [True, False])
@pytest.mark.parametrize("first", [True, False])
def test_outputs_that_no_input_leads_to_are_told(first: bool, learnt: bool) -> None:
    assert anatomy_of(Stated(first, learnt), (torch.randn(4, 5, 3),)).deaf is first
