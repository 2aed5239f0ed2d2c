"""Everyday mistakes in norms, dropout, decay and in stopping to fit."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from torch import Tensor, nn

from _programs.fresh_data_u import (
    arrows,
    ballistics,
    few_gestures,
    flats,
    gestures,
    leavers,
    meters,
    notes,
    scrawls,
    sugars,
    tagged,
    topics,
)
from _programs.fresh_nets_u import ConvNet, Dense, Grown, Reader, Tagger, TextEncoder, WaveNet
from _programs.judging import accuracy, by, explained, informed, sided
from _programs.looping import loader_of
from _programs.losses import places
from _programs.program import Case, Plan, Watch
from _programs.stepping import adam, adamw, sgd

__all__ = ["CASES"]

_CROSS, _SQUARED, _LOGITS = nn.CrossEntropyLoss(), nn.MSELoss(), nn.BCEWithLogitsLoss()

_LEAVERS = Plan(
    leavers,
    partial(Dense, 14, 40, 1, norm=nn.BatchNorm1d),
    _LOGITS,
    adam(3e-3),
    8,
    by(sided),
)
_WAVES = Plan(
    partial(meters, n=800),
    partial(WaveNet, 2, 3, norm=nn.BatchNorm1d),
    _SQUARED,
    adam(3e-3),
    15,
    by(explained),
)
_ARROWS = Plan(
    arrows, partial(ConvNet, 4, norm=nn.BatchNorm2d), _CROSS, adam(2e-3), 8, by(accuracy), batch_size=32
)
_FLATS = Plan(flats, partial(Dense, 9, 64, 1, dropout=0.1), _SQUARED, adam(3e-3), 20, by(explained))
_DEEP = Plan(
    scrawls,
    lambda: nn.Sequential(nn.Flatten(), Grown(64, 48, 10, 10, nn.BatchNorm1d)),
    _CROSS,
    sgd(0.015, 0.9),
    10,
    by(accuracy),
)
_SCRAWLS = Plan(
    scrawls,
    partial(ConvNet, 10, act=nn.GELU, dropout=0.2),
    _CROSS,
    adam(3e-3),
    10,
    by(accuracy),
    batch_size=64,
)
_TOPICS = Plan(topics, partial(TextEncoder, 60, 16, 5, dropout=0.1), _CROSS, adamw(3e-3), 8, by(accuracy))
_BALLS = Plan(ballistics, partial(Dense, 5, 40, 3, act=nn.GELU), _SQUARED, adam(4e-3), 25, by(explained))
_NOTES = Plan(notes, partial(Dense, 20, 40, 6, act=nn.ELU), _LOGITS, adamw(3e-3), 15, by(sided))
_HANDS = Plan(gestures, partial(Reader, nn.LSTM, 2, 24, 4, dropout=0.1), _CROSS, adam(1e-2), 15, by(accuracy))
_TAGGED = Plan(tagged, partial(Tagger, nn.GRU, 30, 12, 20, 4), places, adam(1e-2), 15, by(accuracy))


class DroppedAndNormed(nn.Module):
    """Dropout in each block, then the next block's batch norm, which in evaluation meets another variance;
    or dropout only once, `after` all norms.
    """

    def __init__(
        self, inputs: int, width: int, outputs: int, depth: int, *, each: float = 0.0, after: float = 0.0
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for k in range(depth):
            layers += [nn.Linear(inputs if k == 0 else width, width), nn.ReLU()]
            layers += [nn.Dropout(each)] * (each > 0) + [nn.BatchNorm1d(width)]
        self.body = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Dropout(after), nn.Linear(width, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        return self.head(self.body(x))


class TwoNorms(nn.Module):
    """A convolution and two layers, each with a norm: a batch norm has as many values for each unit as there
    are rows in a batch.
    """

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.look = nn.Sequential(nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
        self.hidden = nn.Sequential(
            nn.Linear(256, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 32), nn.BatchNorm1d(32)
        )
        self.head = nn.Linear(32, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        return self.head(self.hidden(self.look(x)).relu())


def _slow_norm(width: int) -> nn.Module:
    """A momentum of 0.0003, far below the usual: in so few steps hardly anything is collected."""
    return nn.BatchNorm2d(width, momentum=0.0003)


def _slow_norm_1d(width: int) -> nn.Module:
    return nn.BatchNorm1d(width, momentum=0.0005)


def _penalised(plan: Plan, share: float) -> Callable[[int, Watch], float]:
    """The usual loop with an L1 penalty written by hand, times `share`."""

    def run(seed: int, watch: Watch) -> float:
        made = plan(seed)
        model, loader = made.model, loader_of(made, seed)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = w.loss(model(x), y)
                    penalty = sum((weights.abs().sum() for weights in model.parameters()), start=0 * loss)
                    (loss + share * penalty).backward()
                    optimizer.step()
        return made.score(model)

    return run


CASES: tuple[Case, ...] = (
    # normalisation
    Case(
        "norm-over-two-customers",
        "MLP",
        "table",
        "norm-of-tiny-batches",
        ("normalisation", "batch"),
        replace(_LEAVERS, batch_size=2, epochs=2),
        _LEAVERS,
    ),
    Case(
        "norm-over-pairs-of-pictures",
        "CNN",
        "image",
        "norm-of-tiny-batches",
        ("normalisation", "batch"),
        replace(_SCRAWLS, net=partial(TwoNorms, 10), optimizer=adam(2e-3), batch_size=2, epochs=2),
        replace(_SCRAWLS, net=partial(TwoNorms, 10), optimizer=adam(2e-3), batch_size=32, epochs=6),
    ),
    Case(
        "norms-that-hardly-collect",
        "CNN",
        "image",
        "norm-statistics-stale",
        ("normalisation",),
        replace(_ARROWS, net=partial(ConvNet, 4, norm=_slow_norm)),
        _ARROWS,
    ),
    Case(
        "momentum-of-a-two-thousandth",
        "CNN",
        "sequence",
        "norm-statistics-stale",
        ("normalisation",),
        replace(_WAVES, net=partial(WaveNet, 2, 3, norm=_slow_norm_1d)),
        _WAVES,
    ),
    Case(
        "throws-dropped-then-normed",
        "MLP",
        "table",
        "dropout-before-norm",
        ("normalisation", "regularisation"),
        replace(_BALLS, net=partial(DroppedAndNormed, 5, 64, 3, 4, each=0.6)),
        replace(_BALLS, net=partial(DroppedAndNormed, 5, 64, 3, 4, after=0.1)),
    ),
    Case(
        "eleven-layers-and-no-norm",
        "MLP",
        "image",
        "norm-missing",
        ("normalisation", "initialisation", "architecture"),
        replace(_DEEP, net=lambda: nn.Sequential(nn.Flatten(), Grown(64, 48, 10, 10))),
        _DEEP,
    ),
    # regularisation
    Case(
        "shaky-gestures-by-heart",
        "RNN",
        "sequence",
        "overfitting",
        ("regularisation", "epochs", "architecture"),
        replace(
            _HANDS, rows=few_gestures, net=partial(Reader, nn.GRU, 2, 48, 4), epochs=45, judge=by(informed)
        ),
        replace(
            _HANDS,
            rows=few_gestures,
            net=partial(Reader, nn.GRU, 2, 12, 4, dropout=0.2),
            epochs=18,
            judge=by(informed),
        ),
    ),
    Case(
        "diabetics-learnt-by-rote",
        "MLP",
        "table",
        "overfitting",
        ("regularisation", "epochs", "architecture"),
        Plan(sugars, partial(Dense, 10, 128, 1, depth=3), _SQUARED, adam(2e-3), 60, by(explained)),
        Plan(sugars, partial(Dense, 10, 16, 1), _SQUARED, adam(2e-3, weight_decay=0.01), 20, by(explained)),
    ),
    Case(
        "pictures-with-too-much-deleted",
        "CNN",
        "image",
        "dropout-too-strong",
        ("regularisation",),
        replace(_SCRAWLS, net=partial(ConvNet, 10, act=nn.GELU, dropout=0.95)),
        _SCRAWLS,
    ),
    Case(
        "encoder-that-drops-three-quarters",
        "Transformer",
        "tokens",
        "dropout-too-strong",
        ("regularisation",),
        replace(_TOPICS, net=partial(TextEncoder, 60, 16, 5, dropout=0.75)),
        _TOPICS,
    ),
    Case(
        "adam-with-a-decay-of-a-fifth",
        "MLP",
        "table",
        "penalty-too-strong",
        ("regularisation", "optimiser"),
        replace(_BALLS, optimizer=adam(4e-3, weight_decay=0.2)),
        _BALLS,
    ),
    Case(
        "decay-and-rate-exchanged",
        "MLP",
        "table",
        "penalty-too-strong",
        ("regularisation", "optimiser"),
        replace(_NOTES, optimizer=sgd(0.05, 0.9, weight_decay=0.1)),
        replace(_NOTES, optimizer=sgd(0.05, 0.9, weight_decay=1e-4)),
    ),
    Case(
        "absolute-weights-summed-into-the-loss",
        "RNN",
        "tokens",
        "penalty-too-strong",
        ("regularisation", "loss"),
        _penalised(_TAGGED, 0.02),
        _penalised(_TAGGED, 1e-5),
    ),
)
