"""How much the loss depends on the law of the first weights, with batch normalisation and without."""

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

_LAWS = ("lecun", "glorot", "he", "orthogonal", "torch")
_NAMES = (
    Words("LeCun", "LeCun"),
    Words("Glorot", "Glorot"),
    Words("He", "He"),
    Words("orthogonal", "ortogonal"),
    Words("PyTorch", "PyTorch"),
)
_DEEP = profunda.Design(widths=(48,) * 8, optimiser="sgd", momentum=0.0, lr=0.1, batch_size=32)


def spreads(found: np.ndarray) -> np.ndarray:
    """ln of the standard deviation over laws, of log-losses [laws, folds, seeds]; diverged ones left out."""
    return np.log(np.nanstd(found, axis=0, ddof=1))


def measure(quick: bool) -> Outcome:
    """Eight hidden layers, five laws of initialisation."""
    given = tables(250 if quick else 400)
    seeds, epochs = (1, 8) if quick else (4, 15)
    norms = ("none", "batch")
    designs = [
        replace(_DEEP, norm=norm, initialisation=law, epochs=epochs) for norm in norms for law in _LAWS
    ]
    gap, shown = [], None
    for table in given:
        found = log_losses(train(designs, table, seeds))
        found = found.reshape(2, len(_LAWS), *found.shape[1:])
        gap.append(spreads(found[0]) - spreads(found[1]))
        shown = found if table.name.en == "digits" else shown
    assert shown is not None
    intervals, whole = [interval(one) for one in gap], pooled(gap)
    verdict = rule(intervals)
    cells = [[interval(v) for v in part] for part in shown]
    return Outcome(
        headline=Words("spread of the log-loss over five laws, without ÷ with",
                       "dispersão do log da perda entre cinco leis, sem ÷ com"),
        predicted=None,
        value=float(np.exp(whole.mean)),
        interval=(float(np.exp(whole.low)), float(np.exp(whole.high))),
        measured=filled(
            "Standard deviation over five laws of the logarithm of the loss, without ÷ with: {0}.",
            "Desvio-padrão entre cinco leis do logaritmo da perda, sem ÷ com: {0}.",
            factors(given, intervals),
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words("With it the law of the first weights matters less, on every table.",
                  "Com ela a lei dos primeiros pesos importa menos, em toda tabela."),
            Words("With it the law matters less on some tables; on others no difference could be told.",
                  "Com ela a lei importa menos em algumas tabelas; em outras não se viu diferença."),
            Words("The law matters as much with it here.", "A lei importa tanto quanto antes aqui."),
        ),
        pictures=(
            Plot(
                Words("Loss on digits by law of first weights",
                      "Perda nos dígitos pela lei dos pesos iniciais"),
                Words("Eight hidden layers; whiskers are 95 % intervals over folds and seeds.",
                      "Oito camadas ocultas; hastes são intervalos de 95 % sobre partições e sementes."),
                Axis(Words("law of the first weights", "lei dos primeiros pesos"),
                     names=_NAMES),
                Axis(Words("log-loss (nats)", "perda log (nats)"), log=True),
                tuple(
                    series(name, range(len(_LAWS)), np.exp([c.mean for c in row]), role, "points",
                           (np.exp([c.low for c in row]), np.exp([c.high for c in row])))
                    for row, name, role in (
                        (cells[0], Words("no norm", "sem norma"), "bad"),
                        (cells[1], Words("batch norm", "batch norm"), "good"),
                    )
                ),
            ),
            by_table(
                Words("Spread over laws, without ÷ with", "Dispersão entre leis, sem ÷ com"),
                RIGHT_ABOVE_ONE,
                Words("spread, without ÷ with", "dispersão, sem ÷ com"),
                given, intervals, Words("factor", "fator"),
            ),
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Batch norm and the first weights", "Batch norm e os pesos iniciais"),
    claim=Words("Batch normalisation reduces the dependence on initialisation.",
                "A batch normalization reduz a dependência da inicialização."),
    source=Words("“Técnicas de regularização”, batch normalisation: benefits",
                 "“Técnicas de regularização”, batch normalization: benefícios"),
    prediction=Words(
        "The norm takes the scale of the weights out (Ioffe and Szegedy 2015, section 3.3), so the loss "
        "spreads less over laws of initialisation, on every table.",
        "A norma retira a escala dos pesos (Ioffe e Szegedy 2015, seção 3.3), logo a perda varia menos "
        "entre leis de inicialização, em toda tabela.",
    ),
    measure=measure,
    rows=("R8",),
)  # fmt: skip
