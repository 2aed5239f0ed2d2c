"""The largest learning rate that still trains, with batch normalisation and without."""

from dataclasses import replace

import numpy as np

import profunda
from profunda.lab.experiment import Experiment, Outcome
from profunda.lab.experiments.regularisation._tables import (
    RIGHT_ABOVE_ONE,
    by_table,
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
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words

_RATES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
_PLAIN = profunda.Design(widths=(48,) * 4, optimiser="sgd", momentum=0.0, batch_size=32)


def largest(swept: np.ndarray) -> np.ndarray:
    """ln of the largest rate whose loss is within 1.5 times the best of its sweep, from log-losses [R, …]."""
    fine = swept <= np.nanmin(swept, axis=0) + np.log(1.5)
    return np.log(np.array(_RATES))[len(_RATES) - 1 - np.argmax(fine[::-1], axis=0)]


def measure(quick: bool) -> Outcome:
    """Plain SGD at eight rates, four hidden layers."""
    given = tables(250 if quick else 400)
    seeds, epochs = (1, 10) if quick else (6, 15)
    norms = ("none", "batch")
    designs = [replace(_PLAIN, norm=norm, lr=rate, epochs=epochs) for norm in norms for rate in _RATES]
    gap, best, shown = [], [], None
    for table in given:
        found = log_losses(train(designs, table, seeds))
        found = found.reshape(2, len(_RATES), *found.shape[1:])
        gap.append(largest(found[1]) - largest(found[0]))
        best.append(np.nanmin(found[0], axis=0) - np.nanmin(found[1], axis=0))
        shown = found if table.name.en == "digits" else shown
    intervals, whole = [interval(one) for one in gap], pooled(gap)
    verdict = rule(intervals)
    assert shown is not None
    return Outcome(
        headline=Words("largest learning rate that trains, with ÷ without",
                       "maior taxa de aprendizado que treina, com ÷ sem"),
        predicted=None,
        value=float(np.exp(whole.mean)),
        interval=(float(np.exp(whole.low)), float(np.exp(whole.high))),
        measured=filled(
            "Largest rate within 1.5 times the best loss, with ÷ without: {0}. Best loss of each sweep, "
            "without ÷ with: {1}.",
            "Maior taxa até 1,5 vez a melhor perda, com ÷ sem: {0}. Melhor perda de cada varredura, sem ÷ "
            "com: {1}.",
            factors(given, intervals),
            factors(given, [interval(one) for one in best]),
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words(
                "Larger rates train with it, on every table. That is room, not yet gain: the best loss over "
                "all rates is not lower on every table.",
                "Com ela taxas maiores treinam, em toda tabela. Isso é folga, ainda não ganho: a melhor "
                "perda entre todas as taxas não é menor em toda tabela.",
            ),
            Words("Larger rates train with it on some tables, with no clear difference on others.",
                  "Com ela taxas maiores treinam em algumas tabelas, sem diferença clara em outras."),
            Words("It does not allow larger rates here.", "Não permite taxas maiores aqui."),
        ),
        pictures=(
            Plot(
                Words("Loss on digits by learning rate", "Perda nos dígitos pela taxa de aprendizado"),
                Words("Lowest validation loss, mean of networks; a line ends where all diverged.",
                      "Menor perda de validação, média das redes; a linha acaba onde todas divergem."),
                Axis(Words("learning rate (SGD)", "taxa de aprendizado (SGD)"), log=True),
                Axis(Words("log-loss (nats)", "perda log (nats)"), log=True, range=(0.2, 50.0)),
                tuple(
                    series(name, np.array(_RATES)[keep], np.exp([np.nanmean(v) for v in part[keep]]),
                           role, "both")
                    for part, name, role in (
                        (shown[0], Words("no norm", "sem norma"), "bad"),
                        (shown[1], Words("batch norm", "batch norm"), "good"),
                    )
                    for keep in [np.isfinite(part).any(axis=(1, 2))]
                ),
            ),
            by_table(
                Words("Largest rate, with ÷ without", "Maior taxa, com ÷ sem"),
                RIGHT_ABOVE_ONE,
                Words("largest rate, with ÷ without", "maior taxa, com ÷ sem"),
                given, intervals, Words("factor", "fator"),
            ),
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Larger learning rates with batch norm", "Taxas maiores com batch norm"),
    claim=Words("Batch normalisation allows larger learning rates.",
                "A batch normalization permite taxas de aprendizado maiores."),
    source=Words("“Técnicas de regularização”, batch normalisation: benefits",
                 "“Técnicas de regularização”, batch normalization: benefícios"),
    prediction=Words(
        "The largest rate of plain SGD whose loss is within 1.5 times the best of its sweep is larger with "
        "it, on every table (Ioffe and Szegedy 2015, section 3.3).",
        "A maior taxa de SGD simples cuja perda fica até 1,5 vez a melhor da varredura é maior com ela, em "
        "toda tabela (Ioffe e Szegedy 2015, seção 3.3).",
    ),
    measure=measure,
    rows=("R8",),
)  # fmt: skip
