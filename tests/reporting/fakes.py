"""Made-up runs with the shape of real ones: losses follow a formula, nothing is trained."""

import math
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace

import numpy as np

from profunda.data.dataset import Dataset
from profunda.data.inputs import Inputs
from profunda.data.schema import Feature, Schema
from profunda.data.splits import Fold, Splits
from profunda.data.table import Column, Kind
from profunda.data.task import Task
from profunda.errors import Notice
from profunda.fleet.history import History, MemberHistory, Status
from profunda.fleet.member import Member
from profunda.model.model import Model
from profunda.model.parts import Network, Part, Provenance
from profunda.model.score import Baseline, Score
from profunda.space.table import design_from, table_space
from profunda.tuning.result import SearchResult, Trial

HOSTILE = "<script>alert('x')</script>&\"<b>"


@dataclass(frozen=True)
class Timing:
    stage: str
    seconds: float


@cache
def dataset(kind: str, rows: int = 3000, *, hostile: bool = False) -> Dataset:
    rng = np.random.default_rng(3)
    names = ["age", "workclass", "education", "hours per week", "capital gain", "married", "since"]
    names[1] = HOSTILE if hostile else names[1]
    kinds = [
        Kind.NUMERIC,
        Kind.CATEGORICAL,
        Kind.CATEGORICAL,
        Kind.NUMERIC,
        Kind.NUMERIC,
        Kind.BOOLEAN,
        Kind.DATE,
    ]
    features = tuple(
        Feature(n, k, 12 * i, 20 + i, ("a", "b") if k is Kind.CATEGORICAL else ())
        for i, (n, k) in enumerate(zip(names, kinds, strict=True))
    )
    columns = tuple(
        Column(f.name, f.kind, f.missing, f.distinct, True, "numbers with fractions") for f in features
    )
    columns += (
        Column("row id", Kind.IDENTIFIER, 0, rows, False, "every value occurs once: a name, not an input"),
    )
    columns += (Column("income copy", Kind.LEAK, 0, 2, False, "is the target under another name"),)
    classes = {
        "binary": ("≤ 50k", HOSTILE if hostile else "> 50k"),
        "multiclass": ("setosa", "versicolor", "virginica"),
    }
    task = Task(kind, HOSTILE if hostile else "income", classes.get(kind, ()))  # type: ignore[arg-type]
    weights = {"binary": [0.76, 0.24], "multiclass": [0.5, 0.3, 0.2]}
    y = (
        np.exp(rng.normal(3, 0.6, rows))
        if kind == "regression"
        else rng.choice(len(weights[kind]), rows, p=weights[kind]).astype(np.int64)
    )
    notices = (Notice("target-copy", "“income copy” repeats the target and was kept out of the inputs"),)
    schema = Schema(features, tuple(c.name for c in columns), rows)
    codes = rng.normal(size=(rows, len(features)))
    return Dataset(task, schema, columns, codes, y, None, None, None, notices, "adult.csv", "0f" * 16)


def splits(data: Dataset) -> Splits:
    order = np.random.default_rng(4).permutation(data.n_rows)
    test, rest = np.sort(order[: data.n_rows // 5]), order[data.n_rows // 5 :]
    parts = np.array_split(rest, 3)
    folds = tuple(
        Fold(np.sort(np.concatenate([p for j, p in enumerate(parts) if j != k])), np.sort(parts[k]))
        for k in range(3)
    )
    return Splits(np.sort(rest), test, folds, "20 % held out, then 3 stratified folds")


def _curve(rng, design, floor: float, epochs: int, status: Status) -> MemberHistory:
    t = np.arange(1, epochs + 1)
    speed = 0.15 + 0.1 * math.log10(design.lr / 1e-4)
    train = floor * 0.85 + 0.4 * np.exp(-speed * t) + rng.normal(0, 0.004, epochs)
    valid = floor + 0.4 * np.exp(-speed * t) + 0.0012 * np.maximum(0, t - 25) + rng.normal(0, 0.004, epochs)
    if status is Status.DIVERGED:
        valid[-1] = train[-1] = np.nan
    finite = np.where(np.isfinite(valid), valid, np.inf)
    layers = design.depth + 1
    signs = {
        "gradient_norm": np.exp(rng.normal(-2, 0.4, (epochs, layers))) * np.exp(-0.05 * t)[:, None],
        "update_ratio": np.exp(rng.normal(-6, 0.4, (epochs, layers))),
        "dead": np.clip(rng.normal(0.1, 0.05, (epochs, layers)), 0, 1),
    }
    return MemberHistory(epochs, 40 * epochs, train, valid, int(finite.argmin()) + 1, status, signs, t)


@cache
def search(kind: str, trials: int = 300, folds: int = 3) -> SearchResult:
    rng = np.random.default_rng(5)
    space = table_space(kind, 2000, 30, 1 if kind == "regression" else 2)  # type: ignore[arg-type]
    found, members, curves = [], [], []
    for number, params in enumerate(space.sample(rng.random((trials, space.dimensions)))):
        design = design_from(params)
        floor = 0.31 + 0.05 * (math.log10(design.lr) + 2.4) ** 2 + 0.04 * abs(design.dropout - 0.2)
        floor += 0.05 * (design.depth == 0) + 0.02 * (design.activation == "tanh") + rng.normal(0, 0.006)
        rung = int(rng.integers(0, 3)) if floor > 0.36 else 2
        epochs = max(3, round(design.epochs / (9, 3, 1)[rung]))
        status = (Status.OUTCOMPETED, Status.OUTCOMPETED, Status.EARLY_STOPPED)[rung]
        if number % 29 == 7:
            status, rung, epochs = Status.DIVERGED, 0, 4
        own = [_curve(rng, design, floor, epochs, status) for _ in range(folds)]
        curves += own
        members += [Member(design, fold, number) for fold in range(folds)]
        value = float(np.mean([c.best_loss for c in own])) if status is not Status.DIVERGED else math.nan
        scores = (
            (("log_loss", value), ("accuracy", 1 - value / 2)) if kind != "regression" else (("rmse", value),)
        )
        size = design.parameters(41, 2)
        found.append(
            Trial(
                number,
                params,
                design,
                scores,
                value,
                0.004,
                rung,
                epochs,
                status,
                0.2 * epochs,
                "",
                size,
                cause="rate-too-high" if status is Status.DIVERGED else status.value,
            )
        )
    metric = "rmse" if kind == "regression" else "log_loss"
    steps = sum(c.steps for c in curves)
    return SearchResult(
        tuple(found), History(tuple(members), tuple(curves)), space, metric, False, "random", (1, 2, 3),
        folds,
        len(members), steps, 38.2, 0.31, 33.0,
    )  # fmt: skip


def model(data: Dataset, result: SearchResult) -> Model:
    ranked = sorted((t for t in result.trials if t.value == t.value and t.rung == 2), key=lambda t: t.value)[
        :4
    ]
    preprocessing = SimpleNamespace(D=41, inputs=Inputs.plain(41))
    parts = tuple(
        Part(w, t.design, tuple(Network(preprocessing, np.zeros(1, np.float32)) for _ in range(result.folds)))  # type: ignore[arg-type]
        for w, t in zip((0.45, 0.3, 0.15, 0.1), ranked, strict=True)
    )
    versions = (("profunda", "0.1.0"), ("torch", "2.13.0"), ("numpy", "2.4.6"))
    provenance = Provenance(
        "2026-01-02T03:04:05+00:00",
        versions,
        7,
        result.metric,
        data.fingerprint,
        data.source,
        2400,
        "greedy",
        "folds",
    )
    return Model(data.task, data.schema, parts, provenance)


def predictions(data: Dataset, rows: np.ndarray) -> np.ndarray:
    """Honest, informative predictions: [N, C] probabilities or [N] numbers."""
    rng = np.random.default_rng(6)
    y = data.y[rows]
    if data.task.kind == "regression":
        return y * np.exp(rng.normal(0, 0.15, len(y)))
    logits = rng.normal(0, 1, (len(y), data.task.n_outputs))
    logits[np.arange(len(y)), y] += 2.0
    exp = np.exp(1.4 * logits)
    return exp / exp.sum(axis=1, keepdims=True)


def pieces(kind: str = "binary", *, trials: int = 300, hostile: bool = False, rows: int = 3000) -> dict:
    """The arguments of `run_document` for a made-up run."""
    data = dataset(kind, rows, hostile=hostile)
    cut, result = splits(data), search(kind, trials)
    regression = kind == "regression"
    metric = result.metric

    def score(value: float, width: float = 0.014) -> Score:
        return Score(metric, value, value - width, value + width, 0.95, len(cut.test), False)

    return {
        "dataset": data,
        "splits": cut,
        "search": result,
        "model": model(data, result),
        "score": score(0.318),
        "scores": (("rmse", 3.18), ("mae", 2.2), ("r2", 0.91)) if regression else (
            ("log_loss", 0.318), ("accuracy", 0.861), ("balanced_accuracy", 0.77), ("f1", 0.68),
            ("auc", 0.914),
            ("brier", 0.2),
        ),
        "baselines": (
            Baseline("majority", "class frequencies, always", score(0.551), 0.01),
            Baseline("linear", "linear model (logistic)", score(0.352), 0.6),
            Baseline("trees", "boosted trees", score(0.325), 2.9, "fitted on 1,900 of 2,400 rows"),
            Baseline("forest", "forest", None, 0.0, "left out: no time was left"),
        ),
        "timings": (
            Timing("read", 0.4), Timing("baselines", 3.6), Timing("train", 33.0), Timing("search", 5.2),
            Timing("select", 1.2), Timing("refit", 0.0), Timing("score", 0.3), Timing("save", 0.1),
        ),
        "engine": "native and torch",
        "instruction_set": "avx512",
        "engine_reason": "as it was asked for",
        "notices": (Notice("budget", "the time budget allowed 300 of 400 draws"),),
        "seed": 7,
        "command": "profunda fit adult.csv --target income --trials 300 --seed 7",
        "run": "runs/adult",
        "held_y": data.y[cut.test],
        "held_prediction": predictions(data, cut.test),
        "single": score(0.329),
    }  # fmt: skip
