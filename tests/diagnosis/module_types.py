"""Some hundred types of modules in small networks: what a diagnosis must meet without a crash."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune
from torch.utils.checkpoint import checkpoint

__all__ = ["NETWORKS", "OF_TORCH", "N", "Network"]

N = 12


@dataclass
class Network:
    """A model, its positional inputs as a tuple or keyword inputs as a dict, N rows of each, and the rest."""

    model: nn.Module
    inputs: Any
    targets: Tensor = field(default_factory=lambda: torch.arange(N) % 3)
    loss_fn: Callable[..., Tensor] = field(default_factory=nn.CrossEntropyLoss)


class By(nn.Module):
    """A forward pass written as a function of the module, whose parts are given by name."""

    def __init__(self, how: Callable[..., Any], **parts: nn.Module | nn.Parameter) -> None:
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)
        self.how = how

    def forward(self, *args: Any, **named: Any) -> Any:
        return self.how(self, *args, **named)


def rows(*shape: int) -> Tensor:
    return torch.randn(N, *shape)


def tokens() -> Tensor:
    return torch.randint(0, 9, (N, 5))


def flat(*parts: nn.Module, out: int = 6) -> Network:
    return Network(nn.Sequential(nn.Linear(6, 6), *parts, nn.Linear(out, 3)), (rows(6),))


def headed(dims: int, *parts: nn.Module, channels: int = 2) -> Network:
    """Sequences, images or volumes of two channels, pooled, with a linear head."""
    pool = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)[dims - 1](1)
    head = nn.Linear(channels, 3)
    return Network(nn.Sequential(*parts, pool, nn.Flatten(), head), (rows(2, *[8] * dims),))


def recurrent(part: nn.Module, width: int = 5) -> Network:
    return Network(
        By(lambda own, x: own.head(own.part(x)[0][:, -1]), part=part, head=nn.Linear(width, 3)), (rows(5, 4),)
    )


def stepwise(part: nn.Module, pair: bool = False) -> Network:
    def how(own: Any, x: Tensor) -> Tensor:
        state: Any = (x.new_zeros(N, 5)[: len(x)],) * 2 if pair else x.new_zeros(len(x), 5)
        for at in range(x.shape[1]):
            state = own.part(x[:, at], state)
        return own.head(state[0] if pair else state)

    return Network(By(how, part=part, head=nn.Linear(5, 3)), (rows(5, 4),))


def attending(how: Callable[..., Tensor], part: nn.Module, inputs: int) -> Network:
    given = (rows(5, 8), rows(4, 8))[:inputs]
    return Network(
        By(lambda own, *x: own.head(how(own.part, *x).mean(1)), part=part, head=nn.Linear(8, 3)), given
    )


def embedded(part: nn.Module, mean: bool = True) -> Network:
    def how(own: Any, given: Tensor) -> Tensor:
        found = own.part(given)
        return own.head(found.mean(1) if mean else found)

    return Network(By(how, part=part, head=nn.Linear(4, 3)), (tokens(),))


def written(how: Callable[..., Any], **parts: nn.Module | nn.Parameter) -> Network:
    """A function of six columns and two linear layers, or of the parts given."""
    return Network(By(how, **(parts or {"a": nn.Linear(6, 6), "b": nn.Linear(6, 3)})), (rows(6),))


def quietly(make: Callable[[], nn.Module]) -> nn.Module:
    """Old ways to make a module warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make()


def plain() -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 3))


def encoder() -> nn.TransformerEncoderLayer:
    return nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)


class Unpooled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.pool = nn.Conv2d(2, 2, 1), nn.MaxPool2d(2, return_indices=True)
        self.unpool, self.head = nn.MaxUnpool2d(2), nn.Linear(128, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.unpool(*self.pool(self.conv(x))).flatten(1))


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(9, 4), nn.Linear(4, 9, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, given: Tensor) -> Tensor:
        return self.head(self.embed(given).mean(1))


class Clamp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad * (ctx.saved_tensors[0] > 0)


class Adaptive(nn.Module):
    """A loss with weights of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.softmax = nn.AdaptiveLogSoftmaxWithLoss(6, 10, [4])

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self.softmax(outputs, targets).loss


class Odd(nn.Module):
    """Of length 0, not to be asked whether it is true."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x)

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        raise RuntimeError("neither")


class Answer:
    def __init__(self, logits: Tensor) -> None:
        self.logits = logits


def hooked() -> nn.Module:
    made = plain()
    made[1].register_forward_hook(lambda part, args, left: left * 2)
    made[0].weight.register_hook(lambda grad: grad * 2)
    made.register_forward_pre_hook(lambda part, args: (args[0] + 0,))
    return made


def drawn_within() -> nn.Module:
    """Noise from a generator of its own."""
    own = torch.Generator().manual_seed(1)
    made = By(lambda self, x: self.b(x + 0.1 * torch.randn(x.shape, generator=own)), b=nn.Linear(6, 3))
    return made


def _autocast(own: Any, x: Tensor) -> Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return own.b(F.relu(own.a(x))).float()


def _slope(own: Any, x: Tensor) -> Tensor:
    with torch.enable_grad():
        leaf = x.detach().requires_grad_()
        (grad,) = torch.autograd.grad(own.a(leaf).square().sum(), leaf, create_graph=True)
    return own.b(grad)


def _triplet(outputs: Any, targets: Tensor) -> Tensor:
    return F.triplet_margin_loss(*outputs)


def _sampled_qat() -> nn.Module:
    from torch.ao import quantization as q

    made = nn.Sequential(q.QuantStub(), *plain(), q.DeQuantStub())
    made.qconfig = q.get_default_qat_qconfig("fbgemm")  # type: ignore[assignment]
    return q.prepare_qat(made.train())


_CURVES = (
    (nn.ReLU(), nn.ReLU6(), nn.ELU(), nn.SELU(), nn.CELU(), nn.GELU(), nn.Sigmoid(), nn.Tanh()),
    (nn.Softplus(), nn.Softsign(), nn.Softshrink(), nn.Hardshrink(), nn.Tanhshrink(), nn.LogSigmoid()),
    (
        nn.Hardtanh(),
        nn.Hardswish(),
        nn.Hardsigmoid(),
        nn.SiLU(),
        nn.Mish(),
        nn.Identity(),
        nn.Threshold(0.1, 0.0),
    ),
    (
        nn.LeakyReLU(),
        nn.PReLU(),
        nn.RReLU(),
        nn.ReLU(inplace=True),
        nn.Softmax(1),
        nn.LogSoftmax(1),
        nn.Softmin(1),
    ),
)

OF_TORCH: dict[str, Callable[[], Network]] = {
    **{f"activations {at}": lambda parts=parts: flat(*parts) for at, parts in enumerate(_CURVES)},
    "glu": lambda: flat(nn.GLU(), out=3),
    "dropouts": lambda: flat(nn.Dropout(0.2), nn.AlphaDropout(0.2), nn.FeatureAlphaDropout(0.2)),
    "norms": lambda: flat(nn.BatchNorm1d(6), nn.LayerNorm(6), nn.RMSNorm(6), nn.GroupNorm(2, 6)),
    "norms without memory": lambda: flat(nn.BatchNorm1d(6, affine=False, track_running_stats=False)),
    "shapes": lambda: flat(nn.Unflatten(1, (2, 3)), nn.Flatten()),
    "conv1d": lambda: headed(
        1, nn.Conv1d(2, 4, 3), nn.InstanceNorm1d(4), nn.MaxPool1d(2), nn.ConvTranspose1d(4, 2, 3)
    ),
    "conv2d": lambda: headed(
        2, nn.Conv2d(2, 4, 3, groups=2, padding="same", dilation=2), nn.ConvTranspose2d(4, 2, 3)
    ),
    "conv3d": lambda: headed(
        3, nn.Conv3d(2, 2, 2), nn.BatchNorm3d(2), nn.MaxPool3d(2), nn.ConvTranspose3d(2, 2, 2)
    ),
    "norms of images": lambda: headed(
        2,
        nn.Conv2d(2, 4, 1),
        nn.BatchNorm2d(4),
        nn.InstanceNorm2d(4, affine=True, track_running_stats=True),
        nn.LocalResponseNorm(2),
        nn.CrossMapLRN2d(2),
        nn.Dropout2d(0.2),
        channels=4,
    ),
    "pools": lambda: headed(
        2, nn.Conv2d(2, 2, 1), nn.MaxPool2d(2), nn.LPPool2d(2, 2, 1), nn.AvgPool2d(1), nn.AdaptiveMaxPool2d(3)
    ),
    "fractional pool": lambda: headed(2, nn.Conv2d(2, 2, 1), nn.FractionalMaxPool2d(2, 3)),
    "pixels": lambda: headed(
        2,
        nn.Conv2d(2, 8, 1),
        nn.PixelShuffle(2),
        nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.PixelUnshuffle(2),
        nn.ChannelShuffle(2),
        channels=8,
    ),
    "pads": lambda: headed(
        2,
        nn.ZeroPad2d(1),
        nn.ReflectionPad2d(1),
        nn.ReplicationPad2d(1),
        nn.CircularPad2d(1),
        nn.Conv2d(2, 2, 3),
    ),
    "fold": lambda: headed(2, nn.Conv2d(2, 2, 1), nn.Unfold(2, stride=2), nn.Fold((8, 8), 2, stride=2)),
    "unpool": lambda: Network(Unpooled(), (rows(2, 8, 8),)),
    "rnn": lambda: recurrent(nn.RNN(4, 5, batch_first=True)),
    "gru": lambda: recurrent(nn.GRU(4, 5, batch_first=True)),
    "lstm": lambda: recurrent(nn.LSTM(4, 5, 2, batch_first=True, bidirectional=True, dropout=0.2), 10),
    "rnn cell": lambda: stepwise(nn.RNNCell(4, 5)),
    "gru cell": lambda: stepwise(nn.GRUCell(4, 5)),
    "lstm cell": lambda: stepwise(nn.LSTMCell(4, 5), pair=True),
    "attention": lambda: attending(
        lambda part, x: part(x, x, x)[0], nn.MultiheadAttention(8, 2, batch_first=True), 1
    ),
    "encoder": lambda: attending(
        lambda part, x: part(x), nn.TransformerEncoder(encoder(), 1, enable_nested_tensor=False), 1
    ),
    "masked encoder": lambda: attending(
        lambda part, x: part(x, src_key_padding_mask=torch.zeros(x.shape[:2], dtype=torch.bool)),
        nn.TransformerEncoder(encoder(), 1),
        1,
    ),
    "decoder": lambda: attending(
        lambda part, x, seen: part(x, seen),
        nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16, batch_first=True), 1),
        2,
    ),
    "transformer": lambda: attending(
        lambda part, x, seen: part(x, seen), nn.Transformer(8, 2, 1, 1, 16, batch_first=True), 2
    ),
    "embedding": lambda: embedded(nn.Embedding(9, 4, padding_idx=0, max_norm=2.0)),
    "bag": lambda: embedded(nn.EmbeddingBag(9, 4), mean=False),
    "tied": lambda: Network(Tied(), (tokens(),)),
    "bilinear": lambda: Network(
        By(lambda own, a, b: own.h(own.b(a, b)), b=nn.Bilinear(6, 4, 5), h=nn.Linear(5, 3)),
        (rows(6), rows(4)),
    ),
    "distances": lambda: Network(
        By(
            lambda own, a, b: own.near(own.h(a), own.h(b)) + own.far(own.h(a), b[:, :3]),
            h=nn.Linear(6, 3),
            near=nn.CosineSimilarity(),
            far=nn.PairwiseDistance(),
        ),
        (rows(6), rows(6)),
        rows(),
        nn.MSELoss(),
    ),
    "weight norm": lambda: flat(parametrizations.weight_norm(nn.Linear(6, 6)), nn.ReLU()),
    "spectral norm": lambda: flat(parametrizations.spectral_norm(nn.Linear(6, 6)), nn.ReLU()),
    "orthogonal": lambda: flat(parametrizations.orthogonal(nn.Linear(6, 6)), nn.ReLU()),
    "old weight norm": lambda: flat(quietly(lambda: nn.utils.weight_norm(nn.Linear(6, 6)))),
    "old spectral norm": lambda: flat(nn.utils.spectral_norm(nn.Linear(6, 6))),
    "pruned": lambda: flat(prune.l1_unstructured(nn.Linear(6, 6), "weight", 0.5)),
    "lazy": lambda: Network(
        nn.Sequential(nn.LazyLinear(6), nn.LazyBatchNorm1d(), nn.LazyLinear(3)), (rows(6),)
    ),
}

_BY_HAND: dict[str, Callable[[], Network]] = {
    "parameter list": lambda: written(
        lambda own, x: x @ own.p[0] @ own.p[1],
        p=nn.ParameterList([0.3 * torch.randn(6, 4), 0.3 * torch.randn(4, 3)]),
    ),
    "parameter dict": lambda: written(
        lambda own, x: x @ own.p["a"] + own.p["b"],
        p=nn.ParameterDict({"a": torch.randn(6, 3), "b": torch.zeros(3)}),
    ),
    "module list": lambda: written(
        lambda own, x: sum(each(x) for each in own.p), p=nn.ModuleList([nn.Linear(6, 3), nn.Linear(6, 3)])
    ),
    "module dict": lambda: written(
        lambda own, x: own.p["a"](x) + own.p["b"](x),
        p=nn.ModuleDict({"a": nn.Linear(6, 3), "b": nn.Linear(6, 3)}),
    ),
    "keywords": lambda: Network(
        By(lambda own, *, one, other: own.h(one * other), h=nn.Linear(6, 3)),
        {"one": rows(6), "other": rows(6)},
    ),
    "any number": lambda: Network(By(lambda own, *all: own.h(sum(all)), h=nn.Linear(6, 3)), (rows(6),) * 3),
    "dict of outputs": lambda: Network(
        By(lambda own, x: {"logits": own.h(x), "in": x}, h=nn.Linear(6, 3)),
        (rows(6),),
        loss_fn=lambda out, y: F.cross_entropy(out["logits"], y),
    ),
    "tuple of outputs": lambda: Network(
        By(lambda own, x: (own.h(x), [own.k(x)]), h=nn.Linear(6, 3), k=nn.Linear(6, 3)),
        (rows(6),),
        loss_fn=lambda out, y: F.cross_entropy(out[0], y) + F.cross_entropy(out[1][0], y),
    ),
    "an object": lambda: Network(
        By(lambda own, x: Answer(own.h(x)), h=nn.Linear(6, 3)),
        (rows(6),),
        loss_fn=lambda out, y: F.cross_entropy(out.logits, y),
    ),
    "values and places": lambda: Network(
        By(lambda own, x: torch.max(own.h(x), 1), h=nn.Linear(6, 3)),
        (rows(6),),
        rows(),
        lambda out, y: F.mse_loss(out.values, y),
    ),
    "one number": lambda: Network(
        By(lambda own, x: own.h(x).square().mean(), h=nn.Linear(6, 3)), (rows(6),), loss_fn=lambda out, y: out
    ),
    "triplets": lambda: Network(
        By(lambda own, *x: tuple(own.h(each) for each in x), h=nn.Linear(6, 3)),
        (rows(6),) * 3,
        loss_fn=_triplet,
    ),
    "a loss with weights": lambda: Network(nn.Linear(6, 6), (rows(6),), torch.arange(N) % 10, Adaptive()),
    "functions": lambda: written(lambda own, x: own.b(F.hardtanh(torch.sin(F.leaky_relu(own.a(x)))))),
    "bare weights": lambda: written(
        lambda own, x: torch.einsum("bi,oi->bo", x, own.w), w=nn.Parameter(0.3 * torch.randn(3, 6))
    ),
    "in place": lambda: written(lambda own, x: own.b(own.a(x).clamp_(-1, 1).mul_(2).add_(1))),
    "views": lambda: written(
        lambda own, x: own.b(own.a(x).view(-1, 2, 3).transpose(1, 2).reshape(len(x), -1))[:, :3]
    ),
    "an expanded output": lambda: written(lambda own, x: own.a(x).expand(-1, 3), a=nn.Linear(6, 1)),
    "checkpoints": lambda: written(lambda own, x: own.b(checkpoint(own.a, x, use_reentrant=False))),
    "reentrant checkpoints": lambda: written(
        lambda own, x: own.b(checkpoint(own.c, own.a(x), use_reentrant=True)),
        a=nn.Linear(6, 6),
        b=nn.Linear(6, 3),
        c=nn.Sequential(nn.Linear(6, 6), nn.Tanh()),
    ),
    "a function of the user's": lambda: written(lambda own, x: own.b(Clamp.apply(own.a(x)))),
    "gradients within": lambda: written(_slope),
    "autocast within": lambda: written(_autocast),
    "vmap within": lambda: written(lambda own, x: torch.vmap(lambda row: own.b(torch.tanh(own.a(row))))(x)),
    "a Fourier transform": lambda: written(
        lambda own, x: own.b(torch.fft.rfft(own.a(x)).abs()), a=nn.Linear(6, 6), b=nn.Linear(4, 3)
    ),
    "hooks": lambda: Network(hooked(), (rows(6),)),
    "depth by chance": lambda: written(lambda own, x: own.b(own.a(x) if torch.rand(()) < 0.5 else x)),
    "neither true nor false": lambda: Network(Odd(), (rows(6),)),
    "noise of its own": lambda: Network(drawn_within(), (rows(6),)),
}

_OF_TYPES: dict[str, Callable[[], Network]] = {
    "float64": lambda: Network(plain().double(), (rows(6).double(),)),
    "bfloat16": lambda: Network(plain().bfloat16(), (rows(6).bfloat16(),)),
    "two types": lambda: written(
        lambda own, x: own.b(own.a(x.double()).float()), a=nn.Linear(6, 6).double(), b=nn.Linear(6, 3)
    ),
    "complex": lambda: Network(
        By(lambda own, x: own.a(x).real, a=nn.Linear(6, 3, dtype=torch.cfloat)), (rows(6).to(torch.cfloat),)
    ),
    "complex within": lambda: written(
        lambda own, x: own.b((x.to(torch.cfloat) @ own.w).abs()),
        w=nn.Parameter(torch.randn(6, 6, dtype=torch.cfloat)),
        b=nn.Linear(6, 3),
    ),
    "scripted part": lambda: Network(
        nn.Sequential(quietly(lambda: torch.jit.script(nn.Linear(6, 6))), nn.Linear(6, 3)), (rows(6),)
    ),
    "symbolic": lambda: Network(torch.fx.symbolic_trace(plain()), (rows(6),)),
    "quantised while trained": lambda: Network(quietly(_sampled_qat), (rows(6),)),
    "an average": lambda: Network(torch.optim.swa_utils.AveragedModel(plain()), (rows(6),)),
    "data parallel": lambda: Network(nn.DataParallel(plain()), (rows(6),)),
    "no rows of a weight": lambda: written(
        lambda own, x: own.b(x), b=nn.Linear(6, 3), none=nn.Parameter(torch.ones(0))
    ),
    "half frozen": lambda: Network(
        nn.Sequential(nn.Linear(6, 6).requires_grad_(False), nn.Linear(6, 3)), (rows(6),)
    ),
}

NETWORKS = {**OF_TORCH, **_BY_HAND, **_OF_TYPES}
