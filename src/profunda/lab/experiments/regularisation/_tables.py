"""Small tables, fleets of networks on them, and 95 % intervals of paired differences, table by table."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

import profunda
from profunda.lab.experiment import Verdict
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, localised

__all__ = [
    "MADE_UP",
    "RIGHT_ABOVE_ONE",
    "Interval",
    "Table",
    "by_table",
    "factors",
    "filled",
    "interval",
    "log_losses",
    "pooled",
    "rule",
    "tables",
    "told",
    "train",
]

FOLDS = 3
MADE_UP = Words(
    "“Wrong labels”: made-up rows, one label in eight wrong.",
    "“Rótulos errados”: linhas inventadas, um rótulo em oito errado.",
)
"""What the fourth table is, for a caption."""


@dataclass(frozen=True)
class Table:
    """Rows of a table under the name that pictures give it."""

    name: Words
    data: profunda.Dataset


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float

    @property
    def above(self) -> bool:
        """Whether all of it is above 0."""
        return self.low > 0.0

    @property
    def below(self) -> bool:
        """Whether all of it is below 0."""
        return self.high < 0.0


def tables(rows: int) -> tuple[Table, ...]:
    """So many rows of the three tables that come with Profunda, and made-up ones with wrong labels."""
    found = []
    for name in (Words("adult", "adult"), Words("concrete", "concreto"), Words("digits", "dígitos")):
        data = profunda.read(f"bundled:{name.en}")
        keep = np.random.default_rng(0).permutation(data.n_rows)[:rows]
        found.append(Table(name, replace(data, codes=data.codes[keep], y=data.y[keep], test_rows=None)))
    return (*found, Table(Words("wrong labels", "rótulos errados"), profunda.read(_noisy(rows))))


def _noisy(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Two classes, ten inputs that tell, thirty that do not, one label in eight wrong: easy to overfit."""
    random = np.random.default_rng(1)
    x = random.standard_normal((rows, 40))
    score = x[:, :5].sum(axis=1) + 2.0 * np.tanh(x[:, 5] * x[:, 6]) + np.abs(x[:, 7:10]).sum(axis=1) - 2.4
    return x, (score > 0.0) ^ (random.random(rows) < 0.125)


def train(designs: Sequence[profunda.Design], table: Table, seeds: int) -> np.ndarray:
    """Curves [designs, folds, seeds] of one fleet on three folds of the table."""
    history = profunda.train(designs, table.data, folds=FOLDS, seeds=seeds, workers=1)
    found = np.empty(len(history), object)
    found[:] = history.curves
    return found.reshape(len(designs), FOLDS, seeds)


def log_losses(curves: np.ndarray) -> np.ndarray:
    """Logarithms of the lowest validation losses, in the shape of `curves`; NaN where none was finite."""
    lowest = np.vectorize(lambda curve: curve.best_loss, otypes=[float])(curves)
    return np.log(np.where(np.isfinite(lowest), lowest, np.nan))


def interval(differences: np.ndarray) -> Interval:
    """Student's 95 % interval of a mean. It speaks of these rows: folds share training rows.

    Without two numbers it is all numbers.
    """
    from scipy import stats

    values = np.asarray(differences, np.float64).ravel()
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return Interval(float("nan"), -np.inf, np.inf)
    reach = float(stats.t.ppf(0.975, len(values) - 1)) * values.std(ddof=1) / np.sqrt(len(values))
    return Interval(float(values.mean()), float(values.mean() - reach), float(values.mean() + reach))


def pooled(by_table: Sequence[np.ndarray]) -> Interval:
    """Of the mean over these tables: tables are those that they are, folds and seeds are what is drawn."""
    from scipy import stats

    cells = [values[np.isfinite(values)] for values in (np.ravel(one) for one in by_table)]
    cells = [values for values in cells if len(values) > 1]
    mean = float(np.mean([values.mean() for values in cells]))
    error = np.sqrt(sum(values.var(ddof=1) / len(values) for values in cells)) / len(cells)
    reach = float(stats.t.ppf(0.975, sum(len(values) - 1 for values in cells)) * error)
    return Interval(mean, mean - reach, mean + reach)


def rule(found: Sequence[Interval]) -> Verdict:
    """Of a claim by which every interval lies above 0.

    "holds" where each one does; "wrong" where none does and at least one lies below; else, also where
    nothing could be told apart, "holds with conditions".
    """
    if all(one.above for one in found):
        return "holds"
    if not any(one.above for one in found) and any(one.below for one in found):
        return "wrong"
    return "holds with conditions"


def told(verdict: Verdict, holds: Words, conditions: Words, wrong: Words) -> Words:
    """The statement that goes with a verdict."""
    return {"holds": holds, "holds with conditions": conditions, "wrong": wrong}[verdict]


def filled(en: str, pt: str, *parts: Words) -> Words:
    """Two sentences with `parts` in their places {0}, {1} …, each in its language."""
    return Words(en.format(*(part.en for part in parts)), pt.format(*(part.pt for part in parts)))


def factors(given: Sequence[Table], found: Sequence[Interval]) -> Words:
    """Differences of logarithms as factors, table by table: "adult ×1.20 [1.10, 1.31]; …"."""
    texts = []
    for one in found:
        mean, low, high = (f"{np.exp(value):.2f}" for value in (one.mean, one.low, one.high))
        texts.append(
            (f"×{mean} [{low}, {high}]", f"×{localised(mean)} [{localised(low)}; {localised(high)}]")
        )
    pairs = list(zip(given, texts, strict=True))
    return Words(
        "; ".join(f"{table.name.en} {text[0]}" for table, text in pairs),
        "; ".join(f"{table.name.pt} {text[1]}" for table, text in pairs),
    )


RIGHT_ABOVE_ONE = Words(
    "Above 1 the text is right. 95 % intervals over folds and seeds.",
    "Acima de 1 o texto está certo. Intervalos de 95 % sobre partições e sementes.",
)


def by_table(
    title: Words, what: Words, axis: Words, given: Sequence[Table], found: Sequence[Interval], name: Words
) -> Plot:
    """Factors with their intervals, one point a table; the dotted line is no difference.

    `what` is followed by what the table of wrong labels is. The axis is logarithmic where it has
    several powers of two to show.
    """
    mean, low, high = (np.exp([getattr(one, end) for one in found]) for end in ("mean", "low", "high"))
    return Plot(
        title,
        filled("{0} {1}", "{0} {1}", what, MADE_UP),
        Axis(Words("table", "tabela"), names=tuple(table.name for table in given)),
        Axis(axis, log=bool(high.max() > 4.0 * low.min())),
        (series(name, range(len(given)), mean, kind="points", band=(low, high)),),
        marks=(Mark(Words("no difference", "sem diferença"), y=1.0),),
    )
