"""Made Records: a healthy run, and parts of it that tests exchange."""

from dataclasses import replace
from typing import Any

import numpy as np

from profunda.diagnosis.givens import (
    Activation,
    Anatomy,
    Group,
    Layer,
    Loss,
    Op,
    Optimiser,
    Rows,
    Targets,
    Task,
)
from profunda.diagnosis.record import Course, Record, Survey, Trial

STEPS, EPOCHS, ROWS, BATCH = 300, 10, 960, 32


def layer(name: str, fan_in: int, width: int, **more: Any) -> Layer:
    given = {"activation": "relu", **more}
    return Layer(
        name, "linear", "linear", (width, fan_in), fan_in, width, width * (fan_in + 1), True, **given
    )


def anatomy(depth: int = 2, width: int = 64, what: str = "relu", **more: Any) -> Anatomy:
    """A chain 10 - width - … - 3 with `what` behind each hidden layer."""
    sizes = [10, *[width] * depth]
    layers = [layer(f"{2 * k}", sizes[k], width, activation=what) for k in range(depth)]
    layers.append(layer(f"{2 * depth}", width, 3, activation=""))
    ops: list[Op] = []
    for k, one in enumerate(layers):
        ops.append(Op(one.name, "linear", "linear", (BATCH, one.fan_out)))
        if one.activation:
            ops.append(Op(f"{2 * k + 1}", "activation", what, (BATCH, width)))
    places = [Activation(f"{2 * k + 1}", what, width, k) for k in range(depth)] if what else []
    count = sum(one.parameters for one in layers)
    return replace(Anatomy(tuple(ops), tuple(layers), tuple(places), (), count, count), **more)


def critical(of: Anatomy, factor: float = 1.0) -> np.ndarray:
    """Norms of weights [L] at `factor` times the critical variance's root of a ReLU."""
    return np.array([factor * np.sqrt(2.0 * one.parameters / one.fan_in) for one in of.layers])


def survey(of: Anatomy, step: int, loss: float, score: float, **more: Any) -> Survey:
    n, a = len(of.layers), len(of.activations)
    made = Survey(
        step=step,
        activation_mean=np.full(a, 0.4),
        activation_std=np.full(a, 0.6),
        dead=np.full(a, 0.1),
        saturated=np.zeros(a),
        gradient_norm=np.full(n, 0.1),
        signal=np.full(n, 1.0),
        apart=np.full(n, 0.5),
        backward=np.full(n, 0.1),
        weight=critical(of),
        moved=np.full(n, 0.5 if step else 0.0),
        noise=np.full(n, 0.1),
        copies=np.zeros(n),
        output_mean=np.zeros(3),
        output_spread=1.0,
        output_size=1.0,
        sensitivity=np.full(10, 0.3),
        mixing=(1e-6, 1e-6),
        train_loss=loss,
        train_score=score,
        valid_loss=loss * 1.1,
        valid_score=score - 0.02,
    )
    return replace(made, **more)


def decay(start: float = 1.1, end: float = 0.15, of_run: float = 0.2, noise: float = 0.03) -> np.ndarray:
    """Losses that come to rest after `of_run` of the steps."""
    t = np.arange(STEPS) / STEPS
    wiggle = np.sin(2.4 * np.arange(STEPS)) * noise
    return end + (start - end) * np.exp(-t / of_run) + wiggle


def course(of: Anatomy, loss: np.ndarray | None = None, **more: Any) -> Course:
    loss = decay() if loss is None else loss
    steps, n = len(loss), len(of.layers)
    ends = np.linspace(steps / EPOCHS, steps, EPOCHS).round().astype(int)
    at = loss[ends - 1]
    sampled = np.unique(np.geomspace(1, steps, 20).astype(int)) - 1
    made = Course(
        loss=loss,
        rate=np.full(steps, 1e-3),
        rows=np.full(steps, BATCH),
        sampled=sampled,
        gradient=np.full((len(sampled), n), 0.1),
        update=np.full((len(sampled), n), 0.01),
        agreement=np.full(len(sampled), 0.2),
        epoch_step=ends,
        train_loss=at,
        valid_loss=at * 1.1,
        train_score=np.full(EPOCHS, 0.9),
        valid_score=np.full(EPOCHS, 0.88),
        forwards=steps,
        backwards=steps,
        steps=steps,
        planned=steps,
    )
    return replace(made, **more)


SGD = Optimiser("SGD", (Group(0.1, 0.9, (np.nan, np.nan), np.nan, 0.0, 4995),))
ADAM = Optimiser("Adam", (Group(1e-3, np.nan, (0.9, 0.999), 1e-8, 0.0, 4995),))


def healthy(of: Anatomy | None = None, optimiser: Optimiser = ADAM) -> Record:
    """Three classes, learnt to 0.15 of 1.1."""
    of = anatomy() if of is None else of
    rows = Rows(
        "numbers",
        ROWS,
        ROWS,
        (10,),
        np.zeros(10),
        np.ones(10),
        np.full(10, -3.0),
        np.full(10, 3.0),
        finest=1.0,
    )
    targets = Targets(np.array([320, 320, 320]), np.zeros(0), np.zeros(0), skill=0.6, skill_error=0.02)
    return Record(
        anatomy=of,
        task=Task("classes", 3, (BATCH, 3), (BATCH,), "int64"),
        loss=Loss(
            "CrossEntropyLoss", "cross-entropy", "logits", 1, reduction="mean", value=1.12, trivial=1.1
        ),
        optimiser=optimiser,
        rows=rows,
        targets=targets,
        surveys=(survey(of, 0, 1.12, 0.33), survey(of, STEPS, 0.15, 0.95)),
        course=course(of),
    )


def ended(record: Record, loss: float, score: float, curve: np.ndarray | None = None, **more: Any) -> Record:
    """`record` whose training ended so; `more` goes to its last survey."""
    assert record.course is not None
    ends = {"train_loss": loss, "train_score": score, "valid_loss": loss, "valid_score": score, **more}
    curve = decay(1.1, loss, noise=0.003) if curve is None else curve
    made = course(record.anatomy, curve)
    return replace(
        record,
        surveys=(*record.surveys[:-1], replace(record.surveys[-1], **ends)),
        course=replace(
            made,
            train_score=np.full(EPOCHS, score),
            valid_score=np.full(EPOCHS, score),
            rate=record.course.rate,
        ),
    )


def failed(record: Record, **more: Any) -> Record:
    """`record` that learnt nothing; `more` goes to its last survey."""
    return ended(record, 1.1, 1.0 / 3.0, np.full(STEPS, 1.1) + 0.003 * np.sin(2.4 * np.arange(STEPS)), **more)


def looped(record: Record, **more: Any) -> Record:
    assert record.course is not None
    return replace(record, course=replace(record.course, **more))


def began(record: Record, **more: Any) -> Record:
    """`more` goes to its first survey."""
    return replace(record, surveys=(replace(record.surveys[0], **more), *record.surveys[1:]))


def became(record: Record, **more: Any) -> Record:
    """`more` goes to its last survey."""
    return replace(record, surveys=(*record.surveys[:-1], replace(record.surveys[-1], **more)))


def trial(what: str, loss: float, control: float = 1.1, value: float = np.nan, word: str = "") -> Trial:
    spread = np.array([-0.01, 0.0, 0.01])
    return Trial(what, word, value, STEPS // 2, loss + spread, control + spread)


def with_trials(record: Record, *trials: Trial) -> Record:
    return replace(record, trials=trials)
