"""Mistakes in rows, labels, losses, outputs, networks, first weights and activations, as often made."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from _programs.blind_data_d import (
    cars_as_sold,
    crops,
    figures,
    genes,
    grains,
    joined,
    loans,
    loans_as_filed,
    mixes,
    nodules,
    pictures,
    reviews,
    stripes,
    survey,
    visits,
    weather,
    weather_as_read,
)
from _programs.blind_plans_d import (
    ARMS,
    BEATS,
    CARS,
    CROPS,
    FIGURES,
    FRAUDS,
    GENES,
    GRAINS,
    LOANS,
    MELODIES,
    MIXES,
    PATCHES,
    PICTURES,
    REVIEWS,
    SPIRALS,
    STRIPES,
    SUMS,
    SURVEY,
    TOPICS,
    VISITS,
    WEATHER,
    Attend,
    Net,
    Recall,
    Write,
    mlp,
)
from _programs.judging import (
    accuracy,
    believable,
    by,
    explained,
    honestly,
    probable,
    rounded,
)
from _programs.program import Case, Plan, Rows
from _programs.stepping import adam, sgd

__all__ = ["CASES"]


# rows


def _as_bytes(seed: int, times: float) -> Rows:
    """Digits from 0 to 1, `times` a number."""
    rows = pictures(seed)
    return Rows(*(((x + 0.8) * (6 / 16) * times, y) for x, y in (rows.train, rows.valid, rows.test)))


def _whole(seed: int, wholly: bool) -> Rows:
    """Fabrics from bytes; `wholly` divided by 255 in whole numbers."""
    rows = stripes(seed)
    pairs = []
    for x, y in (rows.train, rows.valid, rows.test):
        pixels = (x * 40 + 128).clamp(0, 254).to(torch.uint8)
        pairs.append(((pixels // 255).float() if wholly else pixels / 127.5 - 1, y))
    return Rows(*pairs)


def _gaps(seed: int) -> Rows:
    """Mixes of which some have no reading of the additive."""
    rows = mixes(seed)
    generator = torch.Generator().manual_seed(seed)
    pairs = []
    for x, y in (rows.train, rows.valid):
        found = x.clone()
        found[torch.rand(len(x), generator=generator) < 0.05, 5] = torch.nan
        pairs.append((found, y))
    return Rows(*pairs, rows.test)


def _stuck(seed: int, least: float) -> Rows:
    """Weather by the row at mean 0 and variance 1; a few hygrometers are stuck."""
    rows = weather(seed)
    generator = torch.Generator().manual_seed(seed)
    pairs = []
    for x, y in (rows.train, rows.valid):
        found = x.clone()
        stuck = torch.rand(len(x), generator=generator) < 0.03
        found[stuck, :, 2] = 0.5
        found[:, :, 2] = (found[:, :, 2] - found[:, :, 2].mean(1, True)) / (
            found[:, :, 2].std(1, keepdim=True) + least
        )
        pairs.append((found, y))
    x, y = rows.test
    ready = x.clone()
    ready[:, :, 2] = (x[:, :, 2] - x[:, :, 2].mean(1, True)) / x[:, :, 2].std(1, keepdim=True)
    return Rows(*pairs, (ready, y))


def _logarithms(seed: int, one_more: bool) -> Rows:
    """Logarithms of visits; there are days without any."""
    rows = visits(seed)
    ready = Rows(*((x, y.log1p()) for x, y in (rows.train, rows.valid, rows.test)))
    if one_more:
        return ready
    return Rows((rows.train[0], rows.train[1].log()), (rows.valid[0], rows.valid[1].log()), ready.test)


def _micrometres(seed: int) -> Rows:
    """Areas of grains as they are measured, some 1,800."""
    rows = grains(seed)
    return Rows(*((x, (4.2 * y + 7.3) * 250) for x, y in (rows.train, rows.valid, rows.test)))


def _seen(seed: int, leak: bool) -> Rows:
    """Crops with the validation drawn from all rows before they are split, or after."""
    rows = crops(seed, n=700)
    if not leak:
        return rows
    take = torch.randperm(len(rows.train[0]), generator=torch.Generator().manual_seed(seed))
    take = take[: len(rows.valid[0])]
    return Rows(rows.train, (rows.train[0][take], rows.train[1][take]), rows.test)


# labels


def _relabelled(rows: Callable[[int], Rows], change: Callable[[Tensor], Tensor], seed: int) -> Rows:
    """Labels to train on and to validate on, changed; `change` may draw."""
    found = rows(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pairs = [(x, change(y)) for x, y in (found.train, found.valid)]
    return Rows(*pairs, found.test)


def _permuted(labels: Tensor) -> Tensor:
    """In another order than the rows."""
    return labels[torch.randperm(len(labels))]


def _one_on(labels: Tensor) -> Tensor:
    """Of the row before."""
    return labels.roll(1, 0)


def _careless(labels: Tensor) -> Tensor:
    """A good third drawn at random from ten classes."""
    wrong = torch.rand(len(labels)) < 0.4
    return torch.where(wrong, torch.randint(10, labels.shape), labels)


def _turned(labels: Tensor) -> Tensor:
    """Three in ten turned round."""
    return torch.where(torch.rand(labels.shape) < 0.3, 1 - labels, labels)


def _two_clerks(seed: int) -> Rows:
    """Every person entered twice; the second clerk numbers the groups otherwise."""
    rows = survey(seed)
    other = torch.tensor([0, 2, 1, 3])
    (x, y), (v, w) = rows.train, rows.valid
    return Rows(joined((x, y), (x, other[y])), joined((v, w), (v, other[w])), rows.test)


# losses


def _dice(outputs: Tensor, targets: Tensor) -> Tensor:
    """Dice's coefficient of masks."""
    said = outputs.sigmoid()
    both = 2 * (said * targets).sum((1, 2, 3)) + 1
    return (both / (said.sum((1, 2, 3)) + targets.sum((1, 2, 3)) + 1)).mean()


def _undice(outputs: Tensor, targets: Tensor) -> Tensor:
    """1 - Dice's coefficient."""
    return 1 - _dice(outputs, targets)


def _likelihood(outputs: Tensor, targets: Tensor) -> Tensor:
    """Poisson's log-likelihood, but for what does not depend on outputs."""
    return (targets * outputs - outputs.exp()).mean()


def _unlikelihood(outputs: Tensor, targets: Tensor) -> Tensor:
    """The negative of it."""
    return -_likelihood(outputs, targets)


def _through_numpy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Squared errors by NumPy, made a tensor again."""
    errors = (outputs.detach().numpy() - targets.numpy()) ** 2
    return torch.tensor(errors.mean(), requires_grad=True)


def _index_squared(outputs: Tensor, targets: Tensor) -> Tensor:
    """Squared error of the number of the class."""
    return F.mse_loss(outputs.squeeze(1), targets.float())


def _first_column(outputs: Tensor, targets: Tensor) -> Tensor:
    """Of the first label."""
    return F.binary_cross_entropy_with_logits(outputs[:, 0], targets[:, 0])


def _unpadded(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy at every place but those that hold a 0."""
    return F.cross_entropy(outputs.flatten(0, 1), targets.flatten(), ignore_index=0)


def _partly_known(seed: int) -> Rows:
    """Pathways of which four in ten were not measured: -1."""
    return _relabelled(genes, lambda y: torch.where(torch.rand(y.shape) < 0.4, -1.0, y), seed)


def _known(outputs: Tensor, targets: Tensor, least: float) -> Tensor:
    """Mean over the known labels of each row, then over rows."""
    known = (targets >= 0).float()
    each = F.binary_cross_entropy_with_logits(outputs, targets.clamp_min(0), reduction="none")
    return ((each * known).sum(1) / known.sum(1).clamp_min(least)).mean()


def _squeezed_targets(seed: int) -> Rows:
    """Prices [n] instead of [n, 1]."""
    rows = CARS.rows(seed)
    return Rows(*((x, y[:, 0]) for x, y in (rows.train, rows.valid, rows.test)))


def _either_width(outputs: Tensor, targets: Tensor) -> float:
    """Share of the variance explained, by one output for all targets if need be."""
    return explained(outputs.expand_as(targets).contiguous(), targets)


def _nll(outputs: Tensor, targets: Tensor) -> Tensor:
    """Negative log-likelihood of logarithms of probabilities."""
    return F.nll_loss(outputs, targets)


def _clamped(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of probabilities by hand."""
    p = outputs.clamp(1e-6, 1 - 1e-6)
    return -(targets * p.log() + (1 - targets) * (1 - p).log()).mean()


# networks


class _Ended(nn.Module):
    """A network and what comes behind it."""

    def __init__(self, body: Callable[[], nn.Module], last: nn.Module) -> None:
        super().__init__()
        self.body, self.last = body(), last

    def forward(self, x: Tensor) -> Tensor:
        """As the last says."""
        return self.last(self.body(x))


class _Towers(nn.Module):
    """Two towers, for the person and for the contract, and a head on both."""

    def __init__(self, both: bool) -> None:
        super().__init__()
        self.person, self.contract = mlp(4, 24, 16), mlp(3, 24, 16)
        self.head, self.both = mlp(32, 16, 1), both

    def forward(self, x: Tensor) -> Tensor:
        """[B, 7] to [B, 1]."""
        person = torch.relu(self.person(x[:, :4]))
        contract = torch.relu(self.contract(x[:, 4:])) if self.both else person
        return self.head(torch.cat([person, contract], 1))


class _Stateful(nn.Module):
    """A GRU from zeros; the head is given its last state, or the one it began with."""

    def __init__(self, last: bool) -> None:
        super().__init__()
        self.rnn, self.head, self.last = nn.GRU(3, 20, batch_first=True), nn.Linear(20, 1), last

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, 3] to [B, 1]."""
        hidden = x.new_zeros(1, len(x), 20)
        _, after = self.rnn(x, hidden)
        return self.head(after[0] if self.last else hidden[0])


class _Frozen(Net):
    """The tutorial's network; `frozen` keeps convolutions out of the graph."""

    def __init__(self, size: int, outputs: int, frozen: bool) -> None:
        super().__init__(size, outputs)
        self.frozen = frozen

    def forward(self, x: Tensor) -> Tensor:
        """[B, 1, size, size] to [B, outputs]."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            x = self.pool(F.relu(self.conv1(x)))
            x = self.pool(F.relu(self.conv2(x))).flatten(1)
        return self.fc2(F.relu(self.fc1(x)))


class _Averaged(nn.Module):
    """Convolutions with average pooling and two linear layers, `act` between all of them."""

    def __init__(self, size: int, outputs: int, act: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            act(),
            nn.AvgPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1),
            act(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(16 * (size // 4) ** 2, 32),
            act(),
            nn.Linear(32, outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, 1, size, size] to [B, outputs]."""
        return self.body(x)


class _Weighed(nn.Module):
    """Words weighed by attention; weights sum to 1 along `axis`."""

    def __init__(self, words: int, outputs: int, axis: int, width: int = 16) -> None:
        super().__init__()
        self.embed, self.rnn = nn.Embedding(words, width), nn.GRU(width, 24, batch_first=True)
        self.score, self.head, self.axis = nn.Linear(24, 1), mlp(24, 24, outputs), axis

    def forward(self, x: Tensor) -> Tensor:
        """[B, T] to [B, outputs]."""
        states, _ = self.rnn(self.embed(x))
        return self.head((self.score(states).softmax(self.axis) * states).sum(1))


class _Tune(nn.Module):
    """The next note by an LSTM that reads one way or both."""

    def __init__(self, notes: int, both: bool) -> None:
        super().__init__()
        self.embed = nn.Embedding(notes, 16)
        self.rnn = nn.LSTM(16, 24, batch_first=True, bidirectional=both)
        self.head = nn.Linear(48 if both else 24, notes)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T] to [B, T, notes]."""
        return self.head(self.rnn(self.embed(x))[0])


# first weights


def _weights(draw: Callable[[Tensor], object], model: nn.Module) -> None:
    """All weights of linear layers and convolutions by `draw`; biases become 0."""
    for layer in model.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            draw(layer.weight)
            assert layer.bias is not None
            layer.bias.zero_()


def _last_weights(std: float, model: Net) -> None:
    """Of the last layer."""
    nn.init.normal_(model.fc2.weight, std=std)


def _biases(value: float, model: nn.Sequential) -> None:
    """Of all but the last layer."""
    for layer in list(model)[:-1]:
        if isinstance(layer, nn.Linear):
            nn.init.constant_(layer.bias, value)


_FIVE = partial(mlp, 64, 64, 64, 64, 64, 10)
_UNIT = replace(PICTURES, rows=partial(_as_bytes, times=1.0), epochs=18)
_BYTES = replace(STRIPES, rows=partial(_whole, wholly=False))
_LOGS = replace(
    VISITS, rows=partial(_logarithms, one_more=True), loss=nn.MSELoss(), judge=by(explained), epochs=15
)
_PRICES = replace(CARS, optimizer=adam(3e-3))
_SEEN = replace(
    CROPS,
    rows=partial(_seen, leak=False),
    net=partial(mlp, 7, 96, 5),
    optimizer=adam(4e-3),
    epochs=25,
    judge=honestly(accuracy),
)
_DICE = replace(PATCHES, loss=_undice)
_PARTLY = replace(GENES, rows=_partly_known, loss=partial(_known, least=1.0))
_BEATS = replace(BEATS, loss=_nll, net=partial(_Ended, BEATS.net, nn.LogSoftmax(-1)))
_PAID = replace(LOANS, loss=_clamped, net=partial(_Ended, LOANS.net, nn.Sigmoid()), judge=by(believable))
_NODULES = Plan(
    nodules,
    partial(mlp, 30, 16, 1, last=nn.Sigmoid()),
    nn.BCELoss(),
    adam(3e-3),
    14,
    by(probable),
    16,
)
_SHARES = replace(FIGURES, optimizer=sgd(0.02, 0.9))
_PAIR = replace(ARMS, judge=by(_either_width))
_TOWERS = replace(LOANS, net=partial(_Towers, both=True), epochs=15)
_STATEFUL = replace(WEATHER, net=partial(_Stateful, last=True))
_CONVS = replace(STRIPES, rows=partial(stripes, noise=0.9), net=partial(_Frozen, 12, 4, frozen=False))
_WEIGHED = replace(REVIEWS, rows=partial(reviews, n=3000), net=partial(_Weighed, 30, 1, 1), epochs=12)
_TUNES = replace(MELODIES, net=partial(_Tune, 8, both=False), optimizer=adam(8e-3), epochs=15)
_LAST = replace(TOPICS, net=partial(Attend, 18, 4, words=60, last=True))
_THROUGH = replace(FIGURES, net=partial(mlp, 64, 64, 32, 32, 10), optimizer=adam(1e-3), epochs=20)
_LAYERS = replace(
    CROPS, rows=partial(crops, n=2500), net=partial(mlp, 7, *[32] * 8, 5), optimizer=adam(1e-3), epochs=30
)
_DEEP = replace(FIGURES, net=_FIVE, optimizer=sgd(0.03, 0.9))
_AVERAGED = replace(STRIPES, net=partial(_Averaged, 12, 4, nn.ReLU), optimizer=adam(3e-3), epochs=15)
_SIGMOIDS = replace(FIGURES, net=partial(mlp, 64, 48, 10, act=nn.Sigmoid), optimizer=sgd(0.1, 0.9), epochs=15)

CASES = (
    # data
    Case(
        "loans-with-columns-as-filed",
        "MLP",
        "table",
        "inputs-unscaled",
        ("data",),
        replace(LOANS, rows=loans_as_filed),
        LOANS,
    ),
    Case(
        "weather-in-kelvins-and-hectopascals",
        "RNN",
        "sequence",
        "inputs-unscaled",
        ("data", "activation"),
        replace(WEATHER, rows=weather_as_read),
        WEATHER,
    ),
    Case(
        "pictures-divided-by-255-once-more",
        "CNN",
        "image",
        "inputs-scaled-twice",
        ("data",),
        replace(_UNIT, rows=partial(_as_bytes, times=1 / 255)),
        _UNIT,
    ),
    Case(
        "fabrics-as-bytes-floored-by-255",
        "CNN",
        "image",
        "inputs-constant",
        ("data", "architecture"),
        replace(_BYTES, rows=partial(_whole, wholly=True)),
        _BYTES,
    ),
    Case(
        "mixes-with-readings-missing",
        "MLP",
        "table",
        "inputs-not-finite",
        ("data",),
        replace(MIXES, rows=_gaps),
        MIXES,
    ),
    Case(
        "stuck-hygrometers-divided-by-their-spread",
        "RNN",
        "sequence",
        "inputs-not-finite",
        ("data",),
        replace(WEATHER, rows=partial(_stuck, least=0.0)),
        replace(WEATHER, rows=partial(_stuck, least=1e-6)),
    ),
    Case(
        "logarithm-of-no-visits",
        "MLP",
        "table",
        "targets-not-finite",
        ("data", "loss"),
        replace(_LOGS, rows=partial(_logarithms, one_more=False)),
        _LOGS,
    ),
    Case(
        "cars-priced-in-euros",
        "MLP",
        "table",
        "targets-unscaled",
        ("data",),
        replace(_PRICES, rows=cars_as_sold),
        _PRICES,
    ),
    Case(
        "areas-in-square-micrometres",
        "CNN",
        "image",
        "targets-unscaled",
        ("data",),
        replace(GRAINS, rows=_micrometres),
        GRAINS,
    ),
    Case(
        "crops-validated-on-rows-trained-on",
        "MLP",
        "table",
        "rows-leak",
        ("data",),
        replace(_SEEN, rows=partial(_seen, leak=True)),
        _SEEN,
    ),
    Case(
        "few-frauds-unweighted",
        "MLP",
        "table",
        "class-imbalance",
        ("data", "loss"),
        replace(FRAUDS, loss=nn.BCEWithLogitsLoss()),
        FRAUDS,
    ),
    # labels
    Case(
        "loans-shuffled-without-their-labels",
        "MLP",
        "table",
        "labels-unrelated",
        ("labels",),
        replace(LOANS, rows=partial(_relabelled, loans, _permuted)),
        LOANS,
    ),
    Case(
        "fabrics-listed-in-another-order",
        "CNN",
        "image",
        "labels-unrelated",
        ("labels",),
        replace(STRIPES, rows=partial(_relabelled, stripes, _permuted)),
        STRIPES,
    ),
    Case(
        "crops-of-the-line-above",
        "MLP",
        "table",
        "labels-shifted",
        ("labels",),
        replace(CROPS, rows=partial(_relabelled, crops, _one_on)),
        CROPS,
    ),
    Case(
        "digits-named-one-too-late",
        "CNN",
        "image",
        "labels-shifted",
        ("labels",),
        replace(PICTURES, rows=partial(_relabelled, pictures, _one_on)),
        PICTURES,
    ),
    Case(
        "groups-numbered-by-two-clerks",
        "MLP",
        "table",
        "labels-conflicting",
        ("labels",),
        replace(SURVEY, rows=_two_clerks),
        SURVEY,
    ),
    Case(
        "digits-named-carelessly",
        "MLP",
        "table",
        "labels-noisy",
        ("labels", "regularisation"),
        replace(FIGURES, rows=partial(_relabelled, figures, _careless)),
        FIGURES,
    ),
    Case(
        "reviews-with-stars-turned-round",
        "RNN",
        "tokens",
        "labels-noisy",
        ("labels", "regularisation"),
        replace(REVIEWS, rows=partial(_relabelled, reviews, _turned)),
        REVIEWS,
    ),
    # loss
    Case(
        "dice-itself-made-small",
        "CNN",
        "image",
        "loss-sign",
        ("loss",),
        replace(_DICE, loss=_dice),
        _DICE,
    ),
    Case(
        "likelihood-of-visits-made-small",
        "MLP",
        "table",
        "loss-sign",
        ("loss",),
        replace(VISITS, loss=_likelihood),
        replace(VISITS, loss=_unlikelihood),
    ),
    Case(
        "errors-of-mixes-through-numpy",
        "MLP",
        "table",
        "loss-detached",
        ("loss",),
        replace(MIXES, loss=_through_numpy),
        MIXES,
    ),
    Case(
        "prices-without-their-axis",
        "MLP",
        "table",
        "loss-broadcasts",
        ("loss",),
        replace(CARS, rows=_squeezed_targets),
        CARS,
    ),
    Case(
        "temperature-squeezed",
        "RNN",
        "sequence",
        "loss-broadcasts",
        ("loss",),
        replace(WEATHER, net=partial(_Ended, WEATHER.net, nn.Flatten(0)), loss=nn.SmoothL1Loss()),
        replace(WEATHER, loss=nn.SmoothL1Loss()),
    ),
    Case(
        "number-of-the-crop-as-a-value",
        "MLP",
        "table",
        "loss-unsuited",
        ("loss", "output"),
        replace(CROPS, net=partial(mlp, 7, 32, 1), loss=_index_squared, judge=by(rounded)),
        CROPS,
    ),
    Case(
        "subjects-as-if-only-one-were-right",
        "Transformer",
        "tokens",
        "loss-unsuited",
        ("loss",),
        replace(TOPICS, loss=nn.CrossEntropyLoss()),
        TOPICS,
    ),
    Case(
        "yes-or-no-loss-for-areas",
        "CNN",
        "image",
        "loss-unsuited",
        ("loss", "data"),
        replace(GRAINS, loss=nn.BCEWithLogitsLoss()),
        GRAINS,
    ),
    Case(
        "note-nought-taken-for-padding",
        "Transformer",
        "tokens",
        "loss-ignores-rows",
        ("loss",),
        replace(MELODIES, loss=_unpadded),
        MELODIES,
    ),
    Case(
        "first-pathway-alone",
        "MLP",
        "table",
        "loss-ignores-rows",
        ("loss",),
        replace(GENES, loss=_first_column),
        GENES,
    ),
    Case(
        "mean-over-no-known-pathways",
        "MLP",
        "table",
        "loss-not-finite",
        ("loss", "data"),
        replace(_PARTLY, loss=partial(_known, least=0.0)),
        _PARTLY,
    ),
    # output
    Case(
        "softmax-before-cross-entropy-of-figures",
        "MLP",
        "table",
        "output-activation-twice",
        ("output", "loss"),
        replace(_SHARES, net=partial(mlp, 64, 64, 10, last=nn.Softmax(-1))),
        _SHARES,
    ),
    Case(
        "sigmoid-before-logits-loss-of-masks",
        "CNN",
        "image",
        "output-activation-twice",
        ("output", "loss"),
        replace(PATCHES, net=partial(_Ended, PATCHES.net, nn.Sigmoid())),
        PATCHES,
    ),
    Case(
        "likelihood-of-plain-scores-of-beats",
        "CNN",
        "sequence",
        "output-activation-missing",
        ("output", "loss"),
        replace(_BEATS, net=BEATS.net),
        _BEATS,
    ),
    Case(
        "loans-without-their-sigmoid",
        "MLP",
        "table",
        "output-activation-missing",
        ("output", "loss"),
        replace(_PAID, net=LOANS.net),
        _PAID,
    ),
    Case(
        "strength-through-a-sigmoid",
        "MLP",
        "table",
        "output-range",
        ("output", "activation"),
        replace(MIXES, net=partial(mlp, 7, 32, 16, 1, last=nn.Sigmoid())),
        MIXES,
    ),
    Case(
        "temperature-through-a-relu",
        "RNN",
        "sequence",
        "output-range",
        ("output", "activation"),
        replace(WEATHER, net=partial(_Ended, WEATHER.net, nn.ReLU())),
        WEATHER,
    ),
    Case(
        "softmax-over-one-unit",
        "MLP",
        "table",
        "output-width",
        ("output",),
        replace(_NODULES, net=partial(mlp, 30, 16, 1, last=nn.Softmax(1))),
        _NODULES,
    ),
    Case(
        "one-number-for-both-coordinates",
        "MLP",
        "table",
        "output-width",
        ("output", "loss"),
        replace(_PAIR, net=partial(mlp, 3, 48, 48, 1, act=nn.Tanh)),
        _PAIR,
    ),
    Case(
        "dropout-on-the-value-of-coins",
        "MLP",
        "tokens",
        "output-dropout",
        ("output", "regularisation"),
        replace(SUMS, net=partial(_Ended, SUMS.net, nn.Dropout(0.5))),
        SUMS,
    ),
    # architecture
    Case(
        "reviews-taken-for-time-steps",
        "RNN",
        "tokens",
        "rows-mixed",
        ("architecture",),
        replace(REVIEWS, net=partial(Recall, nn.GRU, 16, 24, 1, words=30, batch_first=False)),
        REVIEWS,
    ),
    Case(
        "attention-between-abstracts",
        "Transformer",
        "tokens",
        "rows-mixed",
        ("architecture",),
        replace(_LAST, net=partial(Attend, 18, 4, words=60, last=True, batch_first=False)),
        _LAST,
    ),
    Case(
        "attention-weights-along-the-batch",
        "RNN",
        "tokens",
        "rows-mixed",
        ("architecture",),
        replace(_WEIGHED, net=partial(_Weighed, 30, 1, 0)),
        _WEIGHED,
    ),
    Case(
        "head-on-the-zeros-it-began-with",
        "RNN",
        "sequence",
        "input-ignored",
        ("architecture",),
        replace(_STATEFUL, net=partial(_Stateful, last=False)),
        _STATEFUL,
    ),
    Case(
        "one-tower-joined-to-itself",
        "MLP",
        "table",
        "part-unused",
        ("architecture",),
        replace(_TOWERS, net=partial(_Towers, both=False)),
        _TOWERS,
    ),
    Case(
        "convolutions-left-without-gradients",
        "CNN",
        "image",
        "part-unused",
        ("architecture", "optimiser"),
        replace(_CONVS, net=partial(_Frozen, 12, 4, frozen=True)),
        _CONVS,
    ),
    Case(
        "ten-figures-through-two-units",
        "MLP",
        "table",
        "bottleneck",
        ("architecture",),
        replace(_THROUGH, net=partial(mlp, 64, 64, 2, 32, 10)),
        _THROUGH,
    ),
    Case(
        "spirals-by-four-units",
        "MLP",
        "table",
        "too-small",
        ("architecture",),
        replace(SPIRALS, net=partial(mlp, 2, 4, 3)),
        SPIRALS,
    ),
    Case(
        "thirty-narrow-layers-for-crops",
        "MLP",
        "table",
        "too-deep",
        ("architecture", "normalisation", "initialisation"),
        replace(CROPS, net=partial(mlp, 7, *[8] * 30, 5)),
        replace(CROPS, net=partial(mlp, 7, 8, 8, 5)),
    ),
    Case(
        "melodies-without-a-mask",
        "Transformer",
        "tokens",
        "answer-seen",
        ("architecture",),
        replace(MELODIES, net=partial(Write, 14, 8, masked=False)),
        MELODIES,
    ),
    Case(
        "melodies-read-both-ways",
        "RNN",
        "tokens",
        "answer-seen",
        ("architecture",),
        replace(_TUNES, net=partial(_Tune, 8, both=True)),
        _TUNES,
    ),
    # initialisation
    Case(
        "crops-from-equal-weights",
        "MLP",
        "table",
        "weights-equal",
        ("initialisation",),
        replace(CROPS, init=partial(_weights, lambda w: nn.init.constant_(w, 0.1))),
        CROPS,
    ),
    Case(
        "fabrics-from-zeros",
        "CNN",
        "image",
        "weights-equal",
        ("initialisation",),
        replace(STRIPES, init=partial(_weights, nn.init.zeros_)),
        STRIPES,
    ),
    Case(
        "five-layers-from-hundredths",
        "MLP",
        "table",
        "weights-too-small",
        ("initialisation",),
        replace(_DEEP, init=partial(_weights, lambda w: nn.init.normal_(w, std=0.01))),
        _DEEP,
    ),
    Case(
        "arms-from-standard-normals",
        "MLP",
        "table",
        "weights-too-large",
        ("initialisation", "activation"),
        replace(ARMS, init=partial(_weights, lambda w: nn.init.normal_(w, std=1.0))),
        replace(ARMS, init=partial(_weights, nn.init.xavier_normal_)),
    ),
    Case(
        "digits-from-standard-normals",
        "CNN",
        "image",
        "weights-too-large",
        ("initialisation",),
        replace(PICTURES, init=partial(_weights, lambda w: nn.init.normal_(w, std=1.0))),
        replace(PICTURES, init=partial(_weights, lambda w: nn.init.kaiming_normal_(w))),
    ),
    Case(
        "last-layer-of-grains-from-wide-normals",
        "CNN",
        "image",
        "outputs-too-large",
        ("initialisation",),
        replace(GRAINS, init=partial(_last_weights, 10.0)),
        replace(GRAINS, init=partial(_last_weights, 0.1)),
    ),
    # activation
    Case(
        "pathways-from-deep-below",
        "MLP",
        "table",
        "dead-units",
        ("activation", "initialisation"),
        replace(GENES, init=partial(_biases, -3.0)),
        GENES,
    ),
    Case(
        "figures-by-sigmoids-from-normals",
        "MLP",
        "table",
        "saturated-units",
        ("activation", "initialisation"),
        replace(_SIGMOIDS, init=partial(_weights, lambda w: nn.init.normal_(w, std=2.0))),
        _SIGMOIDS,
    ),
    Case(
        "eight-sigmoids-in-a-row",
        "MLP",
        "table",
        "activation-contracts",
        ("activation", "initialisation", "architecture"),
        replace(_LAYERS, net=partial(mlp, 7, *[32] * 8, 5, act=nn.Sigmoid)),
        _LAYERS,
    ),
    Case(
        "spirals-without-activations",
        "MLP",
        "table",
        "no-activation",
        ("activation",),
        replace(SPIRALS, net=partial(mlp, 2, 32, 32, 3, act=nn.Identity)),
        SPIRALS,
    ),
    Case(
        "linear-convolutions-of-fabrics",
        "CNN",
        "image",
        "no-activation",
        ("activation",),
        replace(_AVERAGED, net=partial(_Averaged, 12, 4, nn.Identity)),
        _AVERAGED,
    ),
)
