"""Which regularisers for which data, architecture and resources: the decision matrix, with reasons.

The text ("Regularização", V. Cantanhede dos Santos, 2025, "Conclusões e Recomendações") says that the choice
depends on the kind of data (image, text, table), on the architecture (CNN, RNN, Transformer; dense networks
are added here) and on the resources (rows, batch size, time). Each cell names regularisers with a dose, the
reason, who proposed it, and what was measured here; "not measured" where nothing was.
"""

from dataclasses import asdict, dataclass
from typing import Any, get_args

from profunda.errors import ArgumentError, Notice
from profunda.space.cells import CELLS, UNSUITED, Advice, Architecture, Data

__all__ = ["Recommendation", "decision_table", "matrix", "recommendation"]

FEW_ROWS, MANY_ROWS = 1_000, 50_000
"""Below and beyond: regularise more, less."""
SMALL_BATCH = 16
"""Below it batch norm's statistics are too noisy: with 16, 8, 4 and 2 images a worker a ResNet-50 errs on
23.7, 24.8, 27.3 and 34.7 % of ImageNet (Wu and He 2018, table 2)."""
SHORT = 30.0
"""Seconds within which a search of many regularisers finds little."""


@dataclass(frozen=True)
class Recommendation:
    """One cell of the matrix: what to use in which order, and what to beware of.

    `rows`, `batch_size` and `seconds` are the resources as they were told, None where they were not.
    """

    data: Data
    architecture: Architecture
    rows: int | None
    batch_size: int | None
    seconds: float | None
    advice: tuple[Advice, ...]
    notices: tuple[Notice, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The regularisers, the first the most important."""
        return tuple(each.regulariser for each in self.advice)

    def __str__(self) -> str:
        lines = [f"{self.data} x {self.architecture}{self._resources()}:"]
        for each in self.advice:
            lines.append(f"{each.regulariser}: {each.dose}")
            lines.append(f"    {each.reason} [{each.source}; {each.measured}]")
        return "\n".join([*lines, *(f"Beware: {notice.text}" for notice in self.notices)])

    def _resources(self) -> str:
        told = (
            ("" if self.rows is None else f"{self.rows:,} rows"),
            ("" if self.batch_size is None else f"batches of {self.batch_size}"),
            ("" if self.seconds is None else f"{self.seconds:g} s"),
        )
        known = [word for word in told if word]
        return f", {', '.join(known)}" if known else ""

    def to_json(self) -> dict[str, Any]:
        """A JSON-able form."""
        return asdict(self)


def recommendation(
    data: Data = "table",
    architecture: Architecture = "dense",
    *,
    rows: int | None = None,
    batch_size: int | None = None,
    seconds: float | None = None,
) -> Recommendation:
    """The cell of the matrix for this kind of data and network, fitted to what there is of rows and time.

    >>> recommendation("image", "cnn", batch_size=4).names[:3]
    ('augmentation', 'group norm', 'decoupled L2')

    `rows` are those that train, `batch_size` those of a step, `seconds` what a search may take; None leaves
    one of them out of account. Raises ArgumentError for other kinds of data or networks, and for resources
    that are not above 0.
    """
    for name, value, known in (
        ("data", data, get_args(Data)),
        ("architecture", architecture, get_args(Architecture)),
    ):
        if value not in known:
            raise ArgumentError(f"{name}={value!r} is unknown: it is {', '.join(known)}.")
    for name, amount in (("rows", rows), ("batch_size", batch_size), ("seconds", seconds)):
        if amount is not None and not amount > 0:
            raise ArgumentError(f"{name}={amount!r} must be above 0; leave it out where it is not known.")
    advice = CELLS[data, architecture]
    if batch_size is not None and batch_size < SMALL_BATCH:
        advice = tuple(_SMALL_BATCH_NORM if each.regulariser == "batch norm" else each for each in advice)
    return Recommendation(
        data,
        architecture,
        rows,
        batch_size,
        seconds,
        (*advice, *_by_rows(rows), *_by_seconds(seconds)),
        _notices(data, architecture, batch_size, advice),
    )


_SMALL_BATCH_NORM = Advice(
    "group norm",
    "8 to 32 groups, in place of batch norm",
    "Batch norm estimates mean and variance from the batch: with few rows they are noise, and differ from "
    "those of prediction. Groups of units of one row do not depend on the batch.",
    "Wu and He (2018), Group Normalization, section 4.1",
)


def _by_rows(rows: int | None) -> tuple[Advice, ...]:
    if rows is not None and rows < FEW_ROWS:
        return (
            Advice(
                "cross-validation and averaging",
                "5 folds; average the networks of all folds",
                f"{rows:,} rows leave few to hold out: their loss says little, and one network depends on "
                "its seed. Keep a linear model among the candidates.",
                "Breiman (1996), Bagging predictors",
            ),
        )
    if rows is not None and rows > MANY_ROWS:
        return (
            Advice(
                "less of everything",
                "begin with dropout 0 and L2 of 1e-4 or less",
                f"{rows:,} rows are hard to memorise: what a small table needs makes a large one underfit.",
                "Goodfellow, Bengio and Courville (2016), Deep Learning, chapter 7",
            ),
        )
    return ()


def _by_seconds(seconds: float | None) -> tuple[Advice, ...]:
    if seconds is None or seconds >= SHORT:
        return ()
    return (
        Advice(
            "few things searched",
            "learning rate and one or two strengths; the rest at the doses above",
            f"{seconds:g} s train few networks: every further dimension of the search thins them out.",
            "Bergstra and Bengio (2012), Random search for hyper-parameter optimization",
        ),
    )


def _notices(
    data: Data, architecture: Architecture, batch_size: int | None, advice: tuple[Advice, ...]
) -> tuple[Notice, ...]:
    notices = [Notice("unsuited", UNSUITED[data, architecture])] if (data, architecture) in UNSUITED else []
    if any(each.regulariser == "batch norm" for each in advice):
        notices.append(Notice("norm-explodes", _EXPLODES))
    if batch_size is not None and batch_size < SMALL_BATCH:
        notices.append(
            Notice(
                "small-batch",
                f"batches of {batch_size} are too small for batch norm (a batch of 1 has no spread at all): "
                "use group or layer norm, or none.",
            )
        )
    return tuple(notices)


_EXPLODES = (
    "Batch norm does not cure gradients that explode in plain deep networks, it causes them: at "
    "initialisation the squared gradient grows by π/(π − 1) = 1.47 a ReLU layer for large batches and by 1.8 "
    "for batches of 8 (Yang et al. 2019, A Mean Field Theory of Batch Normalization; our tests measure "
    "both). Beyond some ten layers use skip connections."
)


def matrix() -> tuple[Recommendation, ...]:
    """All cells, data by data, without resources."""
    return tuple(
        recommendation(data, architecture)
        for data in get_args(Data)
        for architecture in get_args(Architecture)
    )


def decision_table() -> str:
    """The matrix in Markdown: the regularisers of each cell, what is measured in bold, what is unsuited said.

    A cell is long: the reasons are in `recommendation`.
    """
    kinds, networks = get_args(Data), get_args(Architecture)
    lines = [f"| | {' | '.join(networks)} |", "|---" * (len(networks) + 1) + "|"]
    for data in kinds:
        cells = [_cell(data, architecture) for architecture in networks]
        lines.append(f"| {data} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(data: Data, architecture: Architecture) -> str:
    words = [
        each.regulariser if each.measured == "not measured" else f"**{each.regulariser}**"
        for each in CELLS[data, architecture]
    ]
    return ", ".join(words) + (" (unsuited)" if (data, architecture) in UNSUITED else "")
