"""Each kind of change, carried out: one thing is changed, nothing else, and nothing of what was given."""

import math

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
from profunda.diagnosis.remedies import KINDS, applied
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
        change(parts(Lines()), "width", value=2.0)
    with pytest.raises(ArgumentError, match=r"has 1 layers, so no hidden one to widen"):
        change(parts(nn.Linear(6, 3)), "width", value=2.0)
    with pytest.raises(ArgumentError, match=r"has 0 hidden linear layers in a chain: 2 times as many"):
        change(parts(nn.Linear(6, 3)), "depth", value=2.0)
    with pytest.raises(ArgumentError, match=r"none can be left out"):
        change(parts(net(6, 5, 4, 3)), "depth", value=0.5)
    odd = nn.Sequential(nn.Linear(6, 4), nn.LocalResponseNorm(2), nn.LayerNorm([4]), nn.Linear(4, 3))
    assert change(parts(odd), "width", value=2.0).module[2].normalized_shape == (8,)
    scale = nn.Sequential(nn.Linear(6, 4), nn.InstanceNorm1d(4, affine=True), nn.Linear(4, 3))
    with pytest.raises(ArgumentError, match=r"InstanceNorm1d of 4 features cannot be made for 8 here"):
        change(parts(scale), "width", value=2.0)


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
