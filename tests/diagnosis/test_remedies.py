"""Each kind of change, carried out: one thing is changed, nothing else, and nothing of what was given."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.diagnosis.test_surveys import CROSS, net, rows
from tests.oracles import diagnosis_surveys as naive
from torch import Tensor, nn
from torch.nn import functional as F

from profunda.diagnosis.anatomy import anatomy_of
from profunda.diagnosis.feeding import Feed, feed_of
from profunda.diagnosis.finding import Change
from profunda.diagnosis.ingredients import Parts, Scaling, making_of
from profunda.diagnosis.objectives import Mended, Objective, class_weights
from profunda.diagnosis.recipes import Recipe, changed
from profunda.diagnosis.remedies import KINDS, applied
from profunda.diagnosis.snippets import diff
from profunda.diagnosis.transposing import rows_first
from profunda.errors import ArgumentError

X, Y = rows()
FEED = feed_of((X,), Y)


def sgd(module: nn.Module, **options: object) -> torch.optim.Optimizer:
    return torch.optim.SGD(
        module.parameters(), **({"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01} | options)
    )


def parts(module: nn.Module | None = None, loss=CROSS, **more: object) -> Parts:
    module = net(6, 8, 8, 3, activation=nn.ReLU) if module is None else module
    return Parts(module, loss, making_of(sgd(module), module), 16, **more)


def change(given: Parts, kind: str, feed: Feed = FEED, **fields: object) -> Parts:
    """`applied`, and a check that nothing which was given has changed."""
    before = naive.fingerprint(given.module, X, Y)
    found = applied(Change(kind, **fields), given, feed)
    assert naive.fingerprint(given.module, X, Y) == before
    return found


def groups(made: Parts) -> list[dict]:
    return made.optimizer(made.module).param_groups


# The optimiser ----------------------------------------------------------------------------------------


def test_a_change_that_would_change_nothing_has_no_place():
    module = net(6, 8, 3)
    adam = torch.optim.Adam(module.parameters(), lr=1e-3)
    given = Parts(module, CROSS, making_of(adam, module), 16)
    with pytest.raises(ArgumentError, match=r"It is Adam with a rate of 0\.001 already"):
        applied(Change("optimiser", word="adam"), given, FEED)
    with pytest.raises(ArgumentError, match="has no weight decay that could become 10 times as much"):
        applied(Change("weight decay", value=10.0), given, FEED)


def test_an_optimiser_is_made_anew_for_any_copy():
    module = net(6, 8, 3)
    theirs = torch.optim.Adam(
        [{"params": [module[2].weight], "lr": 0.5}, {"params": [module[0].weight], "betas": (0.5, 0.6)}],
        lr=0.1,
    )
    make = making_of(theirs, module)
    own = net(6, 8, 3, seed=1)
    made = make(own)
    assert [group["lr"] for group in made.param_groups] == [0.5, 0.1]
    assert made.param_groups[1]["betas"] == (0.5, 0.6)
    assert made.param_groups[0]["params"][0] is own[2].weight
    assert made.param_groups[1]["params"][0] is own[0].weight
    assert sum(len(group["params"]) for group in made.param_groups) == 2  # biases are held here as there: not

    class Around(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner, self.more = inner, nn.Linear(3, 2)

    around = Around(own)
    made = make(around)
    assert made.param_groups[0]["params"][0] is own[2].weight
    assert any(
        each is around.more.weight for each in made.param_groups[0]["params"]
    )  # new ones: the first group

    class Odd(torch.optim.SGD):
        def __init__(self, params: object, needed: int) -> None:
            super().__init__(params, lr=0.1)

    odd = Odd(module.parameters(), 3)
    with pytest.raises(ArgumentError, match=r"Odd could not be made for a copy .* groups of parameters"):
        making_of(odd, module)(own)


def test_rates_decay_batches_epochs():
    given = parts(epochs=4)
    assert groups(change(given, "learning rate", value=10.0))[0]["lr"] == pytest.approx(1.0)
    assert groups(change(given, "weight decay", value=0.0))[0]["weight_decay"] == 0.0
    assert groups(given)[0]["lr"] == 0.1
    assert change(given, "batch size", value=0.25).batch_size == 4
    assert change(given, "batch size", value=0.0001).batch_size == 1
    assert change(given, "epochs", value=2.0).epochs == 8
    for value in (math.nan, -1.0):
        with pytest.raises(ArgumentError, match=r"'learning rate' has the factor .* finite and not below 0"):
            change(given, "learning rate", value=value)


def test_optimisers_and_schedules_and_clipping():
    module = net(6, 8, 3)
    theirs = sgd(module, momentum=0.9999, lr=0.3)
    given = Parts(module, CROSS, making_of(theirs, module), 16)
    usual = groups(change(given, "optimiser", word="defaults"))[0]
    assert (usual["momentum"], usual["lr"], usual["weight_decay"]) == (0.9, 0.3, 0)
    adam = change(given, "optimiser", word="adam")
    assert isinstance(adam.optimizer(module), torch.optim.Adam)
    with pytest.raises(ArgumentError, match=r"optimiser = 'sgd': it is 'defaults'"):
        change(given, "optimiser", word="sgd")
    paced = change(given, "schedule", word="cosine")
    assert [paced.rate_at(at) for at in (0.0, 0.5, 1.0)] == pytest.approx([1.0, 0.5, 0.0])
    assert change(paced, "schedule", word="constant").rate_at(1.0) == 1.0
    with pytest.raises(ArgumentError, match=r"schedule = 'steps': it is 'constant' or 'cosine'"):
        change(given, "schedule", word="steps")
    assert change(given, "clipping", value=1.0).clip == 1.0
    assert change(given, "clipping", value=0.0).clip == math.inf


# Scales and losses ------------------------------------------------------------------------------------


def test_scalings_of_inputs_and_targets():
    x = torch.randn(50, 4) * torch.tensor([1.0, 100.0, 0.01, 0.0]) + 5.0
    y = 1000.0 * torch.randn(50) + 300.0
    feed = feed_of((x, torch.arange(50)), y)
    given = parts(net(4, 3, 1), nn.MSELoss())
    (scaling,) = change(given, "scaling", feed, word="inputs").inputs
    scaled = scaling(x)
    assert torch.allclose(scaled.mean(0), torch.zeros(4), atol=1e-4)
    assert torch.allclose(scaled.std(0, correction=0), torch.tensor([1.0, 1.0, 1.0, 0.0]), atol=1e-4)
    assert torch.allclose(scaling.back(scaled), x, rtol=1e-4)
    targets = change(given, "scaling", feed, word="targets").targets
    assert targets is not None
    assert abs(float(targets(y).mean())) < 1e-5
    assert torch.allclose(targets.back(targets(y)), y, rtol=1e-4)
    images = torch.randn(9, 3, 4, 4) * torch.tensor([1.0, 2.0, 3.0]).reshape(3, 1, 1)
    assert Scaling.of(images, 1).std.shape == (3, 1, 1)
    with pytest.raises(ArgumentError, match="no real numbers"):
        change(given, "scaling", word="targets")
    with pytest.raises(ArgumentError, match="nothing to scale"):
        change(given, "scaling", feed_of((torch.arange(5),), y[:5]), word="inputs")
    with pytest.raises(ArgumentError, match=r"scaling = 'both': it is of 'inputs'"):
        change(given, "scaling", word="both")


def test_objectives_are_torchs():
    made, classes = torch.randn(8, 3), torch.randint(0, 3, (8,))
    one_hot = F.one_hot(classes, 3)
    want = CROSS(made, classes)
    for asked in (classes, classes[:, None], classes.float(), one_hot, one_hot.float()):
        assert torch.allclose(Objective("cross-entropy")(made, asked), want)
    assert torch.allclose(Objective("nll")(made.log_softmax(1), classes), want)
    places = torch.randn(4, 5, 3), torch.randint(0, 3, (4, 5))
    assert torch.allclose(Objective("cross-entropy")(*places), CROSS(places[0].movedim(2, 1), places[1]))
    assert torch.allclose(Objective("mse")(made, classes), F.mse_loss(made, one_hot.float()))
    column, flat = torch.randn(8, 1), torch.randint(0, 2, (8,))
    want = F.binary_cross_entropy_with_logits(column, flat.float()[:, None])
    assert torch.allclose(Objective("bce-logits")(column, flat), want)
    assert torch.allclose(Objective("bce")(column.sigmoid(), flat), want, atol=1e-5)
    assert torch.allclose(Objective("mae")(column, flat), (column[:, 0] - flat).abs().mean())
    assert Objective("huber")(column, flat) > 0
    smoothed = Objective("cross-entropy", smoothing=0.1)(made, classes)
    assert torch.allclose(smoothed, F.cross_entropy(made, classes, label_smoothing=0.1))
    weights = class_weights(torch.tensor([0, 0, 0, 1]))
    assert torch.allclose(weights, torch.tensor([4 / 6, 2.0]))
    got = Objective("bce-logits", weights)(column, flat)
    assert torch.allclose(
        got,
        F.binary_cross_entropy_with_logits(column, flat.float()[:, None], pos_weight=weights[1] / weights[0]),
    )
    with pytest.raises(ArgumentError, match="No loss is called 'ce'; those that can be put in are"):
        Objective("ce")
    with pytest.raises(ArgumentError, match=r"do not hold equally many numbers"):
        Objective("mse")(torch.zeros(8, 2, 2), torch.zeros(8))


def test_losses_are_replaced_and_mended():
    made, flat = torch.randn(8, 1), torch.randn(8)
    crosswise = lambda out, y: ((out - y) ** 2).mean()  # noqa: E731
    assert crosswise(made, flat) != F.mse_loss(made[:, 0], flat)
    given = parts(loss=crosswise)
    assert torch.allclose(
        change(given, "loss", word="shapes").loss_fn(made, flat), F.mse_loss(made[:, 0], flat)
    )
    assert change(given, "loss", word="sign", value=-1.0).loss_fn(made, flat) == -crosswise(made, flat)
    assert change(given, "loss", word="huber").loss_fn == Objective("huber")
    for loss, name in ((nn.NLLLoss(), "cross-entropy"), (nn.BCELoss(), "bce-logits")):
        assert change(parts(loss=loss), "loss", word="from logits").loss_fn == Objective(name)
    with pytest.raises(ArgumentError, match=r"is not known as a loss of probabilities"):
        change(given, "loss", word="from logits")
    assert change(given, "loss", word="label smoothing", value=0.1).loss_fn.smoothing == 0.1
    weighted = change(parts(), "loss", word="class weights").loss_fn
    assert torch.allclose(weighted.weights, class_weights(Y))
    with pytest.raises(ArgumentError, match="are no classes"):
        change(parts(), "loss", feed_of((X,), torch.randn(64)), word="class weights")
    with pytest.raises(ArgumentError, match=r"loss = 'other': it is sign"):
        change(given, "loss", word="other")
    soft = Mended(nn.NLLLoss(), "log_softmax")(torch.ones(2, 3), torch.tensor([0, 1]))
    assert float(soft) == pytest.approx(math.log(3))


# The network ------------------------------------------------------------------------------------------


class Lines(nn.Module):
    """Everything called in lines of `forward`."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.b(torch.sigmoid(self.a(x))))


def test_activations_are_swapped_wherever_they_are_called():
    lines = Lines()
    made = change(parts(lines), "activation", word="relu").module
    assert torch.allclose(made(X), torch.sigmoid(lines.b(torch.relu(lines.a(X)))))
    modules = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3), nn.Softmax(1))
    made = change(parts(modules), "activation", word="gelu").module
    assert torch.allclose(made(X), modules[2](F.gelu(modules[0](X))).softmax(1))
    with pytest.raises(ArgumentError, match=r"No activation is called 'rely'"):
        change(parts(modules), "activation", word="rely")
    with pytest.raises(ArgumentError, match=r"None of the 0 activations of Linear can be swapped"):
        change(parts(nn.Linear(6, 3)), "activation", word="relu")


def test_heads_are_taken_off_and_put_on():
    lines = Lines()
    logits = lines.b(torch.sigmoid(lines.a(X)))
    assert torch.allclose(change(parts(lines), "head", word="linear").module(X), logits)
    assert torch.allclose(change(parts(lines), "head", word="log_softmax").module(X), logits.log_softmax(1))
    plain = net(6, 8, 3)
    assert torch.allclose(change(parts(plain), "head", word="sigmoid").module(X), plain(X).sigmoid())
    assert torch.equal(change(parts(plain), "head", word="linear").module(X), plain(X))
    twice = nn.Sequential(plain, nn.Softmax(dim=1))
    assert torch.allclose(change(parts(twice), "head", word="linear").module(X), plain(X))
    with pytest.raises(ArgumentError, match=r"No output can end in 'gelu'"):
        change(parts(plain), "head", word="gelu")
    wide = change(parts(plain), "head", word="width", value=5.0).module
    assert wide(X).shape == (64, 5)
    assert torch.equal(wide[0].weight, plain[0].weight)
    with pytest.raises(ArgumentError, match=r"last layer of Sequential is no linear one"):
        change(
            parts(nn.Sequential(nn.Conv1d(6, 3, 1))),
            "head",
            feed_of((X[:, :, None],), Y),
            word="width",
            value=2.0,
        )


def test_norms_are_put_behind_hidden_layers():
    made = change(parts(), "norm", word="layer").module
    read = anatomy_of(made, (X,))
    assert [layer.norm for layer in read.layers] == ["layer_norm", "layer_norm", ""]
    batch = change(parts(), "norm", word="batch")
    assert [layer.norm for layer in anatomy_of(batch.module, (X,)).layers][:1] == ["batch_norm"]
    assert len(groups(batch)[0]["params"]) == 6 + 4
    image = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(36, 3))
    feed = feed_of((torch.randn(8, 1, 5, 5),), Y[:8])
    assert isinstance(change(parts(image), "norm", feed, word="layer").module[0][1], nn.GroupNorm)
    assert isinstance(change(parts(image), "norm", feed, word="batch").module[0][1], nn.BatchNorm2d)
    with pytest.raises(ArgumentError, match="norm = 'group': it is 'layer' or 'batch'"):
        change(parts(), "norm", word="group")
    with pytest.raises(ArgumentError, match="no hidden linear or convolutional layer without a norm"):
        change(parts(nn.Linear(6, 3)), "norm", word="layer")


def test_first_weights_are_drawn_anew():
    wide = nn.Sequential(nn.Linear(6, 400), nn.ReLU(), nn.Linear(400, 400), nn.Tanh(), nn.Linear(400, 3))
    for each in wide.parameters():
        nn.init.constant_(each, 5.0)
    made = change(parts(wide), "initialisation", word="critical").module
    for at, variance in ((0, 2 / 6), (2, 1 / 400), (4, 1 / 400)):
        assert float(made[at].weight.detach().var()) == pytest.approx(variance, rel=0.2)
        assert not made[at].bias.any()
    small = change(parts(wide), "initialisation", word="small").module
    assert torch.equal(small[0].weight, wide[0].weight)
    assert float(small[4].weight.detach().std()) == pytest.approx(0.1 / 20, rel=0.2)
    one = change(parts(wide), "initialisation", word="he", layer="2").module
    assert torch.equal(one[0].weight, wide[0].weight)
    assert float(one[2].weight.detach().var()) == pytest.approx(2 / 400, rel=0.1)
    again = applied(Change("initialisation", word="critical"), parts(wide), FEED, seed=0).module
    other = applied(Change("initialisation", word="critical"), parts(wide), FEED, seed=1).module
    assert torch.equal(again[0].weight, made[0].weight)
    assert not torch.equal(other[0].weight, made[0].weight)
    with pytest.raises(ArgumentError, match=r"no layer called '9' to be drawn anew"):
        change(parts(wide), "initialisation", word="he", layer="9")


def test_recurrent_layers_and_norms_are_drawn_anew_too():
    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.r, self.n, self.o = nn.GRU(6, 5, batch_first=True), nn.BatchNorm1d(5), nn.Linear(5, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.o(self.n(self.r(x[:, None])[0][:, -1]))

    bad = Last()
    for each in bad.parameters():
        nn.init.constant_(each, 9.0)
    made = change(parts(bad), "initialisation", word="critical").module
    assert float(made.r.weight_ih_l0.detach().abs().max()) < 1.0
    assert (made.n.weight == 1.0).all()


def test_dropout_is_changed_wherever_a_module_drops():
    class Dropping(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.r = nn.LSTM(6, 5, 2, batch_first=True, dropout=0.4)
            self.d, self.e, self.o = nn.Dropout(0.5), nn.AlphaDropout(0.2), nn.Linear(5, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.o(self.e(self.d(self.r(x[:, None])[0][:, -1])))

    given = parts(Dropping())
    none = change(given, "dropout", value=0.0).module
    assert (none.r.dropout, none.d.p, none.e.p) == (0.0, 0.0, 0.0)
    one = change(given, "dropout", layer="d", value=0.5).module
    assert (one.r.dropout, one.d.p, one.e.p) == (0.4, 0.25, 0.2)
    with pytest.raises(ArgumentError, match=r"holds no module that drops anything called d:"):
        change(parts(), "dropout", layer="d", value=0.0)


class Gains(nn.Module):
    """A number of one's own for each feature."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.of = nn.Parameter(torch.ones(features))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.of


class Recurring(nn.Module):
    """Tokens, a recurrent layer and what is said at its end."""

    def __init__(self, kind: type[nn.RNNBase], units: int, *, back: bool = False) -> None:
        super().__init__()
        self.embed = nn.Embedding(9, 5)
        self.body = kind(5, units, batch_first=True, bidirectional=back)
        self.norm = nn.LayerNorm((1 + back) * units)
        self.head = nn.Linear((1 + back) * units, 3)

    def forward(self, x: Tensor) -> Tensor:
        found, _ = self.body(self.embed(x))
        return self.head(self.norm(found[:, -1]))


class Around(nn.Module):
    """What enters is added to what the first layer makes of it."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(x + self.a(x))


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
@pytest.mark.parametrize("back", [False, True])
def test_recurrent_networks_become_wider(kind, back):
    words = torch.randint(0, 9, (16, 7), generator=torch.Generator().manual_seed(0))
    feed = feed_of((words,), Y[:16])
    given = Parts(module := Recurring(kind, 2, back=back), CROSS, making_of(sgd(module), module), 16)
    wide = applied(Change("width", value=8.0), given, feed).module
    assert (wide.body.hidden_size, wide.body.input_size, wide.embed.embedding_dim) == (16, 5, 5)
    assert wide.norm.normalized_shape == (16 * (1 + back),)
    assert wide(words).shape == (16, 3)
    assert wide.training
    assert module.body.hidden_size == 2


def test_one_layer_becomes_wider():
    module = net(6, 8, 1, 8, 3, activation=nn.ReLU)
    narrow = [name for name, part in module.named_modules() if getattr(part, "out_features", 0) == 1]
    wide = change(parts(module), "width", layer=narrow[0], value=8.0).module
    assert [part.out_features for part in wide.modules() if isinstance(part, nn.Linear)] == [8, 8, 8, 3]
    with pytest.raises(ArgumentError, match=r"has 4 layers, so no hidden one to widen called nobody"):
        change(parts(module), "width", layer="nobody", value=8.0)
    with pytest.raises(ArgumentError, match=r"widths of Around cannot be changed from outside"):
        change(parts(Around()), "width", value=2.0)


def test_chains_become_wider_and_deeper():
    chain = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(),
        nn.Sequential(nn.Linear(36, 10), nn.LayerNorm(10), nn.ReLU(), nn.Dropout(0.1)), nn.Linear(10, 3),
    )  # fmt: skip
    x = torch.randn(8, 1, 5, 5)
    feed = feed_of((x,), Y[:8])
    wide = change(parts(chain), "width", feed, value=2.0)
    assert wide.module(x).shape == (8, 3)
    shapes = [tuple(each.shape) for each in wide.module.parameters() if each.ndim > 1]
    assert shapes == [(8, 1, 3, 3), (20, 72), (3, 20)]
    assert len(groups(wide)[0]["params"]) == len(list(wide.module.parameters()))
    narrow = change(parts(chain), "width", feed, value=0.01).module
    assert [each.shape[0] for each in narrow.parameters() if each.ndim > 1] == [1, 1, 3]
    big = change(parts(net(6, 100, 100, 3)), "width", value=4.0).module
    spread = [float(part.weight.detach().std()) for part in big if isinstance(part, nn.Linear)]
    assert spread == pytest.approx(
        [1 / math.sqrt(3 * 6), 1 / math.sqrt(3 * 400), 1 / math.sqrt(3 * 400)], rel=0.1
    )

    def depth(module: nn.Module) -> int:
        return sum(isinstance(part, nn.Linear) for part in module.modules()) - 1

    given = parts(net(6, 8, 8, 8, 3))
    assert depth(given.module) == 3
    deep = change(given, "depth", value=2.0).module
    assert depth(deep) == 6
    assert deep(X).shape == (64, 3)
    assert depth(change(given, "depth", value=0.5).module) == 2
    with pytest.raises(ArgumentError, match=r"is no chain of layers"):
        change(parts(Lines()), "depth", value=2.0)
    with pytest.raises(ArgumentError, match=r"has 1 layers, so no hidden one to widen"):
        change(parts(nn.Linear(6, 3)), "width", value=2.0)
    with pytest.raises(ArgumentError, match=r"has 0 hidden linear layers in a chain: 2 times as many"):
        change(parts(nn.Linear(6, 3)), "depth", value=2.0)
    with pytest.raises(ArgumentError, match=r"none can be left out"):
        change(parts(net(6, 5, 4, 3)), "depth", value=0.5)
    odd = nn.Sequential(nn.Linear(6, 4), nn.Softshrink(), nn.LayerNorm([4]), nn.Linear(4, 3))
    assert change(parts(odd), "width", value=2.0).module[2].normalized_shape == (8,)
    own = nn.Sequential(nn.Linear(6, 4), Gains(4), nn.Linear(4, 3))
    with pytest.raises(ArgumentError, match=r"Gains of 4 features cannot be made for 8 here"):
        change(parts(own), "width", value=2.0)


def test_what_is_frozen_trains_with_the_constants_of_the_first_group():
    given = parts()
    first = next(iter(given.module.parameters()))
    with pytest.raises(ArgumentError, match=r"Nothing of .* is frozen"):
        change(given, "thawing")
    first.requires_grad_(False)
    held = [each for each in given.module.parameters() if each.requires_grad]
    making = making_of(torch.optim.SGD(held, 0.3), given.module)
    thawed = change(replace(given, optimizer=making), "thawing")
    assert all(each.requires_grad for each in thawed.module.parameters())
    assert not first.requires_grad
    groups = thawed.optimizer(thawed.module).param_groups
    assert [group["lr"] for group in groups] == [0.3, 0.3]
    assert sum(len(group["params"]) for group in groups) == len(list(thawed.module.parameters()))


def test_kinds_are_closed_and_told():
    assert all(kind.name == name and kind.does.endswith(".") for name, kind in KINDS.items())
    with pytest.raises(ArgumentError, match=r"No change is of kind 'lr'; those that can be .* learning rate"):
        change(parts(), "lr", value=2.0)


class Unreadable(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        raise RuntimeError("not today")


def test_what_cannot_be_read_is_not_changed():
    module = nn.Sequential(nn.Linear(6, 3), Unreadable())
    with pytest.raises(ArgumentError, match=r"cannot be read, so not changed: RuntimeError: not today"):
        change(parts(module), "norm", word="layer")


def test_random_numbers_stay():
    given = parts()
    before = torch.get_rng_state()
    for kind, fields in (("initialisation", {"word": "torch"}), ("width", {"value": 2.0})):
        applied(Change(kind, **fields), given, FEED)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.isfinite(float(given.rate_at(0.3)))


def test_sequence_layers_take_rows_first():
    own = nn.Sequential(nn.TransformerEncoderLayer(8, 2, 16, batch_first=False), nn.GRU(8, 4))
    made = rows_first(own)
    assert (made[0].self_attn.batch_first, made[1].batch_first) == (True, True)
    assert (own[0].self_attn.batch_first, own[1].batch_first) == (False, False)
    with torch.no_grad():
        x = torch.randn(5, 3, 8)
        one, all_of_them = (made.eval()[0](each)[0] for each in (x[:1], x))
    assert torch.allclose(one, all_of_them, atol=1e-5)  # other rows make no difference
    with pytest.raises(ArgumentError, match=r"holds no recurrent layer or attention that takes time before"):
        rows_first(made)


def test_a_norm_over_one_unit_is_taken_out():
    own = nn.Sequential(nn.Linear(6, 1), nn.LayerNorm(1), nn.Linear(1, 3), nn.LayerNorm(3))
    given = Recipe(parts(own), sgd(own))
    made = changed(Change("norm", word="removed"), given, FEED).parts.module
    assert [type(part).__name__ for part in made] == ["Linear", "Identity", "Linear", "LayerNorm"]
    with pytest.raises(ArgumentError, match=r"has no norm that alone leaves nothing of its rows"):
        changed(Change("norm", word="removed"), Recipe(parts(made), sgd(made)), FEED)


class Averaged(nn.Module):
    """Means of what was brought to mean 0 just before."""

    def __init__(self):
        super().__init__()
        self.one, self.early, self.late = nn.Conv1d(1, 4, 3), nn.InstanceNorm1d(4), nn.InstanceNorm1d(4)
        self.out = nn.Linear(4, 3)

    def forward(self, x):
        return self.out(self.late(torch.relu(self.early(self.one(x[:, None])))).mean(2))


def test_a_norm_whose_means_are_taken_is_taken_out():
    own = Averaged()
    assert float(own(X).detach().std(0).max()) < 1e-5
    made = changed(Change("norm", word="removed"), Recipe(parts(own), sgd(own)), FEED).parts.module
    assert [type(part).__name__ for part in (made.early, made.late)] == ["InstanceNorm1d", "Identity"]
    assert float(made(X).detach().std(0).max()) > 0.01


def test_softmax_between_layers_is_swapped_and_attention_keeps_its_own():
    own = nn.Sequential(nn.Linear(6, 8), nn.Softmax(1), nn.Linear(8, 3), nn.Softmax(1))
    made = change(parts(own), "activation", word="relu").module
    assert torch.allclose(made(X), own[2](torch.relu(own[0](X))).softmax(1))


def test_numbers_that_are_not_finite_are_filled():
    x = torch.tensor([[1.0, math.nan], [-math.inf, 2.0], [3.0, 4.0], [math.inf, math.nan]])
    feed = feed_of((x,), torch.arange(4) % 3)
    own = nn.Linear(2, 3)
    filled = change(parts(own), "scaling", feed, word="filled").inputs[0]
    clean = feed_of((x[2:3],), torch.zeros(1))
    assert filled(x).tolist() == [[1.0, 3.0], [1.0, 2.0], [3.0, 4.0], [3.0, 3.0]]
    assert filled(clean.inputs[0]).equal(x[2:3])
    scaled = change(parts(own), "scaling", feed, word="inputs").inputs[0](x)
    assert bool(scaled.isfinite().all())
    assert scaled[1:3].tolist() == [[-1.0, -1.0], [1.0, 1.0]]


def test_a_loss_that_trusts_labels_less():
    outputs = torch.randn(7, 3, dtype=torch.float64, requires_grad=True)
    y = torch.arange(7) % 3
    p = outputs.softmax(1)[torch.arange(7), y]
    found = Objective("robust")(outputs, y)
    assert float(found.detach()) == pytest.approx(float(((1 - p**0.7) / 0.7).mean().detach()))
    (one,) = torch.autograd.grad(found, outputs, retain_graph=True)
    (plain,) = torch.autograd.grad(CROSS(outputs, y), outputs)
    assert torch.allclose(one, plain * (p**0.7)[:, None])  # a row counts by how far it is believed


class Bare(nn.Module):
    """Layers that are matrices in a list."""

    def __init__(self):
        super().__init__()
        self.weights = nn.ParameterList([torch.rand(6, 40), torch.rand(40, 3), torch.zeros(3, 3)])
        self.out = nn.Linear(3, 3)

    def forward(self, x):
        return self.out(torch.relu(x @ self.weights[0]) @ self.weights[1] @ (1.0 + self.weights[2]))


def test_matrices_that_stand_alone_are_drawn_anew():
    own = Bare()
    made = change(parts(own), "initialisation", word="critical").module
    wanted = [math.sqrt(2 / 46), math.sqrt(2 / 43)]
    assert [float(each.detach().std()) for each in made.weights[:2]] == pytest.approx(wanted, rel=0.2)
    assert float(made.weights[2].detach().abs().max()) == 0.0
    begun = Recipe(parts(own), sgd(own))
    drawn = Change("initialisation", word="critical")
    text = diff((drawn,), begun, changed(drawn, begun, FEED), anatomy_of(own, (X,)), 1)
    assert "xavier_normal_(model.weights[0])" in text
    assert "reset_parameters" not in text


@pytest.mark.parametrize("old", [nn.Threshold(4.0, 0.0), nn.Hardshrink(2.0), nn.Hardtanh(-0.1, 0.1)])
def test_unusual_activations_are_swapped(old):
    own = nn.Sequential(nn.Linear(6, 8), old, nn.Linear(8, 3))
    made = change(parts(own), "activation", word="relu").module
    assert torch.allclose(made(X), own[2](torch.relu(own[0](X))))
