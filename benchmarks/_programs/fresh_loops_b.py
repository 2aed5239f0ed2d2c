"""Loops of people's own in which a slip spoils gradients, weights or labels: no error message tells."""

import copy
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor, nn

from _programs.fresh_data_u import (
    arrows,
    ballistics,
    cellars,
    meters,
    scrawls,
    spectra,
)
from _programs.fresh_nets_u import Codec, ConvNet, Dense, Reader
from _programs.judging import accuracy, by, copied, explained
from _programs.looping import loader_of
from _programs.program import Case, Pair, Plan, Watch
from _programs.stepping import adam, sgd

__all__ = ["CASES"]

Run = Callable[[int, Watch], float]
_CROSS, _SQUARED, _LOGITS = nn.CrossEntropyLoss(), nn.MSELoss(), nn.BCEWithLogitsLoss()

_SCRAWLS = Plan(scrawls, partial(ConvNet, 10, act=nn.GELU), _CROSS, adam(3e-3), 8, by(accuracy))
_BALLS = Plan(ballistics, partial(Dense, 5, 40, 3, act=nn.Tanh), _SQUARED, sgd(0.05, 0.9), 20, by(explained))
_METERS = Plan(meters, partial(Reader, nn.GRU, 2, 24, 3), _SQUARED, sgd(0.05, 0.9), 15, by(explained))
_ARROWS = Plan(arrows, partial(ConvNet, 4, act=nn.LeakyReLU), _CROSS, adam(3e-3), 10, by(accuracy))
_THROWS = Plan(ballistics, partial(Dense, 5, 40, 3, depth=3), _SQUARED, sgd(0.05, 0.9), 12, by(explained))
_SPECTRA = Plan(spectra, partial(Codec, 40, 40, 6, act=nn.ELU), _SQUARED, adam(4e-3), 20, by(copied))
_CELLARS = Plan(cellars, partial(Dense, 13, 16, 3), _CROSS, sgd(0.05, 0.9), 40, by(accuracy), batch_size=16)


def _half_precision(scale: float) -> Run:
    """The loss times a fixed `scale`, gradients kept as half-precision; a step with an infinite one is left
    out.
    """

    def run(seed: int, watch: Watch) -> float:
        made = _BALLS(seed)
        model, loader = made.model, loader_of(made, seed)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    (w.loss(model(x), y) * scale).backward()
                    sound = True
                    for weights in model.parameters():
                        assert weights.grad is not None
                        weights.grad = weights.grad.half().float() / scale
                        sound = sound and bool(weights.grad.isfinite().all())
                    if sound:
                        optimizer.step()
        return made.score(model)

    return run


def _clipping(most: float) -> Run:
    """Norms are clipped at `most`; the slip hands over the constant for the rate, of another line."""

    def run(seed: int, watch: Watch) -> float:
        made = _METERS(seed)
        model, loader = made.model, loader_of(made, seed)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = w.loss(model(x), y)
                    loss.backward()
                    nn.utils.clip_grad_norm_(model.parameters(), max_norm=most)
                    optimizer.step()
        return made.score(model)

    return run


def _restoring(each_epoch: bool) -> Run:
    """The first weights, kept so that each fold begins alike, are loaded one line too far to the right."""

    def run(seed: int, watch: Watch) -> float:
        made = _ARROWS(seed)
        model, loader = made.model, loader_of(made, seed)
        begin = copy.deepcopy(model.state_dict())
        optimizer = made.optimizer(model)
        model.load_state_dict(begin)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                if each_epoch:
                    model.load_state_dict(begin)
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = w.loss(model(x), y)
                    loss.backward()
                    optimizer.step()
        return made.score(model)

    return run


def _gathering(divide: bool) -> Run:
    """Eight small batches make one of 32; their mean losses are summed instead of averaged."""

    def run(seed: int, watch: Watch) -> float:
        made = _THROWS(seed)
        model, loader = made.model, loader_of(made, seed, batch_size=4)
        optimizer = made.optimizer(model)
        with watch(
            model, optimizer, made.loss_fn, data=loader, validation=made.validation, accumulate=8
        ) as w:
            for _ in range(made.epochs):
                for k, (x, y) in enumerate(loader, 1):
                    loss = w.loss(model(x), y)
                    (loss / 8 if divide else loss).backward()
                    if k % 8 == 0:
                        optimizer.step()
                        optimizer.zero_grad()
        return made.score(model)

    return run


def _wrapping(wrap: Callable[[Tensor], Tensor]) -> Run:
    """What the network says is `wrap`ped before the loss, as was the custom when tensors were variables."""

    def run(seed: int, watch: Watch) -> float:
        made = _SPECTRA(seed)
        model, loader = made.model, loader_of(made, seed)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    said = wrap(model(x))
                    loss = w.loss(said, y)
                    loss.backward()
                    optimizer.step()
        return made.score(model)

    return run


def _as_variable(outputs: Tensor) -> Tensor:
    """A new leaf: its gradient ends here."""
    return outputs.data.requires_grad_(True)


def _as_it_is(outputs: Tensor) -> Tensor:
    return outputs


def _thawing(added: bool) -> Run:
    """The features are thawed after the second epoch; the optimiser holds what was not frozen at first."""

    def run(seed: int, watch: Watch) -> float:
        made = _SCRAWLS(seed)
        model, loader = made.model, loader_of(made, seed)
        assert isinstance(model, ConvNet)
        model.features.requires_grad_(False)
        optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=3e-3)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for epoch in range(made.epochs):
                if epoch == 2:
                    model.features.requires_grad_(True)
                    if added:
                        optimizer.add_param_group({"params": model.features.parameters()})
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = w.loss(model(x), y)
                    loss.backward()
                    optimizer.step()
        return made.score(model)

    return run


def _permuted(data: Pair, size: int, together: bool) -> Iterator[Pair]:
    """One epoch; the slip draws an order for the inputs and another one for the labels."""
    order = torch.randperm(len(data[0]))
    other = order if together else torch.randperm(len(data[0]))
    for some, others in zip(order.split(size), other.split(size), strict=True):
        yield data[0][some], data[1][others]


def _ordering(together: bool) -> Run:
    """Batches from a generator of one's own."""

    def run(seed: int, watch: Watch) -> float:
        made = _CELLARS(seed)
        assert isinstance(made.data, tuple)
        model, optimizer = made.model, made.optimizer(made.model)
        torch.manual_seed(seed)
        with watch(model, optimizer, made.loss_fn, data=made.data, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in _permuted(made.data, made.batch_size, together):
                    optimizer.zero_grad()
                    loss = w.loss(model(x), y)
                    loss.backward()
                    optimizer.step()
        return made.score(model)

    return run


CASES: tuple[Case, ...] = (
    Case(
        "gradients-too-large-for-half-precision",
        "MLP",
        "table",
        "amp-overflow",
        ("loop",),
        _half_precision(2.0**22),
        _half_precision(2.0**10),
    ),
    Case(
        "rate-handed-over-for-the-norm",
        "RNN",
        "sequence",
        "gradients-clipped-away",
        ("loop",),
        _clipping(1e-3),
        _clipping(1.0),
    ),
    Case(
        "first-weights-loaded-in-every-epoch",
        "CNN",
        "image",
        "weights-overwritten",
        ("loop",),
        _restoring(True),
        _restoring(False),
    ),
    Case(
        "eight-losses-added-up",
        "MLP",
        "table",
        "accumulated-unscaled",
        ("loop", "learning rate"),
        _gathering(False),
        _gathering(True),
    ),
    Case(
        "outputs-made-a-variable-again",
        "MLP",
        "table",
        "loss-detached",
        ("loss", "loop"),
        _wrapping(_as_variable),
        _wrapping(_as_it_is),
    ),
    Case(
        "thawed-and-not-handed-over",
        "CNN",
        "image",
        "parameters-not-held",
        ("optimiser", "loop"),
        _thawing(False),
        _thawing(True),
    ),
    Case(
        "an-order-for-inputs-and-one-for-labels",
        "MLP",
        "table",
        "labels-unrelated",
        ("labels", "data", "loop"),
        _ordering(False),
        _ordering(True),
    ),
)
