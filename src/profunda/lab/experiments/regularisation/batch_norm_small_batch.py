"""With two rows a batch, batch normalisation leaves only signs."""

from dataclasses import replace

import numpy as np

import profunda
from profunda.lab.experiment import Experiment, Outcome
from profunda.lab.experiments.regularisation._tables import (
    MADE_UP,
    factors,
    filled,
    interval,
    log_losses,
    pooled,
    rule,
    tables,
    told,
    train,
)
from profunda.lab.pictures import Axis, Mark, Plot, Role, series
from profunda.lab.words import Words, said
from profunda.theory import batch_norm_step

_BATCHES = (2, 4, 8, 32, 128)
_PLAIN = profunda.Design(widths=(48, 48), lr=1e-3)
_ROLES: tuple[Role, ...] = ("measured", "second", "good", "bad")


def _signs() -> float:
    """Largest distance of two normalised rows from ±1, without ε, over random batches."""
    random = np.random.default_rng(0)
    found = batch_norm_step(random.standard_normal((2, 200)) * np.geomspace(0.1, 10.0, 200), 0.0).normalised
    return float(np.abs(np.abs(found) - 1.0).max())


def measure(quick: bool) -> Outcome:
    """The loss with batch norm against none and against layer norm, by rows a batch."""
    given = tables(200 if quick else 400)
    seeds, epochs, batches = (1, 6, (2, 8, 32)) if quick else (5, 10, _BATCHES)
    norms = ("none", "batch", "layer")
    designs = [replace(_PLAIN, norm=norm, batch_size=b, epochs=epochs) for b in batches for norm in norms]
    two, layer, rows = [], [], []
    for table in given:
        found = log_losses(train(designs, table, seeds))
        found = found.reshape(len(batches), 3, *found.shape[1:])
        two.append(found[0, 1] - found[0, 0])
        layer.append(found[0, 1] - found[0, 2])
        rows.append(np.nanmean(found[:, 1] - found[:, 0], axis=(1, 2)))
    intervals, whole, signs = [interval(one) for one in two], pooled(two), _signs()
    verdict = rule(intervals)
    return Outcome(
        headline=Words("loss with batch norm ÷ without, 2 rows a batch",
                       "perda com batch norm ÷ sem, 2 linhas por lote"),
        predicted=None,
        value=float(np.exp(whole.mean)),
        interval=(float(np.exp(whole.low)), float(np.exp(whole.high))),
        measured=filled(
            "Two rows become ±1 to {0}. Loss with ÷ without at 2 rows a batch: {1}; ÷ layer norm: {2}.",
            "Duas linhas viram ±1, com erro de {0}. Perda com ÷ sem, com 2 linhas por lote: {1}; ÷ layer "
            "norm: {2}.",
            said("{0}", "{0}", signs), factors(given, intervals),
            factors(given, [interval(v) for v in layer]),
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words("At 2 rows a batch it is worse than no norm, on every table; layer norm has no such limit.",
                  "Com 2 linhas por lote é pior que nenhuma norma, em toda tabela; layer norm não tem tal "
                  "limite."),
            Words(
                "At 2 rows a batch it is worse than no norm on some tables; with others no difference could "
                "be told, or it was the better. Layer norm does not look at the batch.",
                "Com 2 linhas por lote é pior que nenhuma norma em algumas tabelas; em outras não se viu "
                "diferença, ou foi melhor. Layer norm não olha o lote.",
            ),
            Words("Small batches do it no harm here.", "Lotes pequenos não a prejudicam aqui."),
        ),
        pictures=(
            Plot(
                Words("Loss with batch norm ÷ without", "Perda com batch norm ÷ sem"),
                filled("{0} {1}", "{0} {1}",
                       Words("Above 1 the norm does harm. Means over folds and seeds, one line a table.",
                             "Acima de 1 a norma prejudica. Médias sobre partições e sementes, uma linha "
                             "por tabela."), MADE_UP),
                Axis(Words("rows a batch", "linhas por lote"), log=True),
                Axis(Words("loss with ÷ without", "perda com ÷ sem"), log=True),
                tuple(series(table.name, batches, np.exp(row), role, "both")
                      for table, row, role in zip(given, rows, _ROLES, strict=True)),
                marks=(Mark(Words("", ""), y=1.0),),  # words would hide lines that run along it
            ),
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Batch norm with small batches", "Batch norm com lotes pequenos"),
    claim=Words("Batch normalisation has problems with small batches.",
                "A batch normalization tem problemas com lotes pequenos."),
    source=Words("“Técnicas de regularização”, batch normalisation: limitations",
                 "“Técnicas de regularização”, batch normalization: limitações"),
    prediction=Words(
        "Of two rows (x − μ)/σ is ±1: only signs are left. At 2 rows a batch the loss is higher with it than "
        "without, on every table.",
        "De duas linhas (x − μ)/σ é ±1: só restam sinais. Com 2 linhas por lote a perda é maior com ela que "
        "sem, em toda tabela.",
    ),
    measure=measure,
    rows=("R8",),
)  # fmt: skip
