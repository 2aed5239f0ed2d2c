"""Small real tables, fleets of networks compared on them, and paired gaps with their intervals.

Each network is trained with two learning rates on every fold; the rate and the epoch with the lowest loss on
the validation rows count. All networks choose in this way, so their differences are fair, while their levels
are a little too low. On the common scale 0 is a table's best network and 1 its constant prediction.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

import profunda
from profunda.lab.experiment import Verdict
from profunda.lab.words import Words

__all__ = [
    "LOSS",
    "Compared",
    "Gap",
    "Table",
    "as_table",
    "compare",
    "counted",
    "filled",
    "gap",
    "numeric_tables",
    "parameters",
    "real_tables",
    "rule",
    "same_size",
    "told",
]

RATES = (1e-3, 6e-3)
LOSS = Words("loss (0 best network, 1 constant)", "perda (0 melhor rede, 1 constante)")
"""The common scale, on an axis."""


@dataclass(frozen=True)
class Table:
    """`data` with its D columns; `constant` is the loss of always predicting the shares or the mean."""

    name: Words
    data: profunda.Dataset
    constant: float

    @property
    def outputs(self) -> int:
        """Outputs of a network for this table."""
        return self.data.task.n_outputs


def as_table(name: Words, data: profunda.Dataset) -> Table:
    """A Table with the loss of its constant prediction: the entropy of the classes, or 1 for numbers."""
    if data.y.dtype.kind != "i":
        return Table(name, data, 1.0)
    shares = np.bincount(data.y) / len(data.y)
    return Table(name, data, float(-(shares * np.log(shares)).sum()))


def real_tables(quick: bool) -> tuple[Table, ...]:
    """Three tables bundled with Profunda and, unless quick, two of scikit-learn; 1,000 rows (400) at most."""
    adult = as_table(Words("adult", "adult"), _fewer(profunda.read("bundled:adult"), quick))
    return (adult, *numeric_tables(quick)[: 2 if quick else 4])


def numeric_tables(quick: bool) -> tuple[Table, ...]:
    """The four whose columns are numbers, so that a network has as many inputs as the table has columns."""
    from sklearn.datasets import load_breast_cancer, load_diabetes

    return tuple(
        as_table(name, _fewer(profunda.read(source), quick))
        for name, source in (
            (Words("concrete", "concreto"), "bundled:concrete"),
            (Words("digits", "dígitos"), "bundled:digits"),
            (Words("diabetes", "diabetes"), load_diabetes(return_X_y=True)),
            (Words("cancer", "câncer"), load_breast_cancer(return_X_y=True)),
        )
    )


def _fewer(data: profunda.Dataset, quick: bool) -> profunda.Dataset:
    rows = np.random.default_rng(0).permutation(data.n_rows)[: 400 if quick else 1000]
    return replace(data, codes=data.codes[rows], y=data.y[rows])


@dataclass(frozen=True)
class Compared:
    """Losses [T, K, F] of T tables, K networks and F folds on the common scale; NaN where not trained."""

    names: tuple[str, ...]
    losses: np.ndarray

    def of(self, *names: str) -> np.ndarray:
        """The mean loss [T, F] of these networks."""
        return np.mean([self.losses[:, self.names.index(name)] for name in names], axis=0)


def compare(
    tables: Sequence[Table],
    layouts: Sequence[Mapping[str, tuple[int, ...]]],
    *,
    folds: int,
    steps: int,
) -> Compared:
    """Train the networks `layouts[t]` (widths by name) on every fold of table t, and scale their losses.

    Adam with a cosine schedule in batches of 32, about so many `steps`, dropout 0.1 and decoupled L2 0.01.
    """
    names = tuple(dict.fromkeys(name for each in layouts for name in each))
    losses = np.full((len(tables), len(names), folds), np.nan)
    for place, (table, layout) in enumerate(zip(tables, layouts, strict=True)):
        epochs = max(1, round(steps * 32 / (table.data.n_rows * (1 - 1 / folds))))
        designs = [
            profunda.Design(
                widths=widths, dropout=0.1, l2=1e-2, schedule="cosine", lr=rate, batch_size=32, epochs=epochs
            )
            for widths in layout.values()
            for rate in RATES
        ]
        history = profunda.train(designs, table.data, folds=folds, workers=1)
        best = np.array([curve.best_loss for curve in history.curves]).reshape(len(layout), 2, folds)
        raw = np.minimum(best.min(axis=1), table.constant)
        floor = raw.mean(axis=1).min()
        rows = [names.index(name) for name in layout]
        losses[place, rows] = (raw - floor) / (table.constant - floor)
    return Compared(names, losses)


def same_size(shape: Callable[[int], tuple[int, ...]], budget: int, table: Table) -> tuple[int, ...]:
    """Of the widths `shape(unit)`, unit from 2 on, those whose weights and biases come next to `budget`."""
    inputs, outputs = table.data.n_features, table.outputs
    candidates = [shape(unit) for unit in range(2, 1024)]
    return min(candidates, key=lambda widths: abs(parameters(widths, inputs, outputs) - budget))


def parameters(widths: tuple[int, ...], inputs: int, outputs: int) -> int:
    """Weights and biases."""
    return sum((before + 1) * after for before, after in pairwise((inputs, *widths, outputs)))


@dataclass(frozen=True)
class Gap:
    """A mean difference of losses, the first less the second, with its 95 % interval."""

    mean: float
    low: float
    high: float

    @property
    def better(self) -> bool:
        """Whether the first has the lower loss beyond doubt."""
        return self.high < 0

    @property
    def worse(self) -> bool:
        """Whether the second has."""
        return self.low > 0

    @property
    def text(self) -> Words:
        """The numbers, as each language writes them."""
        en = f"{self.mean:+.3f} [{self.low:+.3f}, {self.high:+.3f}]".replace("-", "−")
        return Words(en, en.replace(", ", "; ").replace(".", ","))


def gap(first: np.ndarray, second: np.ndarray) -> Gap:
    """The paired difference of losses [T, F], as a mean over tables, with Student's interval over folds.

    Tables are those that they are, folds are what is drawn: the standard error is that of the mean of T means
    of F folds each. Folds share training rows, so it is somewhat too small (Bengio and Grandvalet 2004).
    Tables where either was not trained are left out.
    """
    from scipy import stats

    difference = first - second
    difference = difference[np.isfinite(difference).all(axis=1)]
    tables, folds = difference.shape
    error = np.sqrt(difference.var(axis=1, ddof=1).sum() / folds) / tables
    reach = float(stats.t.ppf(0.975, tables * (folds - 1)) * error)
    mean = float(difference.mean())
    return Gap(mean, mean - reach, mean + reach)


def rule(gaps: Sequence[Gap]) -> Verdict:
    """Of a rule by which the first is better in every comparison.

    "holds" where each one says so, "wrong" where none does and one says the contrary. A rule that no gap
    speaks for or against is left at "holds with conditions": nothing could be told apart here.
    """
    if all(one.better for one in gaps):
        return "holds"
    if not any(one.better for one in gaps) and any(one.worse for one in gaps):
        return "wrong"
    return "holds with conditions"


def told(one: Gap) -> Words:
    """Whether the gap speaks for the first, for the second, or for neither."""
    if one.better:
        return Words("better", "melhor")
    return Words("worse", "pior") if one.worse else Words("no clear difference", "sem diferença clara")


def filled(en: str, pt: str, *parts: Words) -> Words:
    """Two sentences with `parts` in their places {0}, {1} …, each in its language."""
    return Words(en.format(*(part.en for part in parts)), pt.format(*(part.pt for part in parts)))


def counted(tables: Sequence[Table]) -> Words:
    """How many tables, as words."""
    return Words(f"{len(tables)} tables", f"{len(tables)} tabelas")
