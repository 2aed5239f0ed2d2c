"""Whether what dropout saves shrinks with depth."""

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
from profunda.lab.pictures import Axis, Mark, Plot, Role, series
from profunda.lab.words import Words, said

_DEPTHS, _RATES = (1, 3, 8), (0.0, 0.05, 0.15, 0.4)
_PLAIN = profunda.Design(widths=(48,), lr=1e-3, batch_size=32)
_ROLES: tuple[Role, ...] = ("measured", "second", "good", "bad")


def gains(found: np.ndarray, seeds: int) -> np.ndarray:
    """What the best rate saves, [depths, folds, seeds], from log-losses [depths, rates, folds, 2·seeds].

    The first seeds choose the rate, the others tell its gain, so that chance is not counted as gain.
    """
    chosen = 1 + np.nanmean(found[:, 1:, :, :seeds], axis=(2, 3)).argmin(axis=1)
    return np.stack(
        [one[0, :, seeds:] - one[best, :, seeds:] for one, best in zip(found, chosen, strict=True)]
    )


def measure(quick: bool) -> Outcome:
    """The loss saved by the best of three rates at 1, 3 and 8 hidden layers."""
    given = tables(250 if quick else 400)
    seeds, epochs = (1, 10) if quick else (2, 25)
    designs = [
        replace(_PLAIN, widths=_PLAIN.widths * depth, dropout=rate, epochs=epochs)
        for depth in _DEPTHS
        for rate in _RATES
    ]
    saved = []
    for table in given:
        found = log_losses(train(designs, table, 2 * seeds))
        saved.append(gains(found.reshape(len(_DEPTHS), len(_RATES), *found.shape[1:]), seeds))
    fall = [one[0] - one[-1] for one in saved]
    intervals, whole = [interval(one) for one in fall], pooled(fall)
    verdict = rule(intervals)
    deep = [interval(one[-1]) for one in saved]
    return Outcome(
        headline=Words("what dropout saves at 1 layer ÷ at 8", "o que o dropout poupa com 1 camada ÷ com 8"),
        predicted=None,
        value=float(np.exp(whole.mean)),
        interval=(float(np.exp(whole.low)), float(np.exp(whole.high))),
        measured=filled(
            "Loss without ÷ with the best rate, at 1 layer ÷ the same at 8: {0}. At 8 layers alone, without "
            "÷ with: {1}.",
            "Perda sem ÷ com a melhor taxa, com 1 camada ÷ o mesmo com 8: {0}. Só com 8 camadas, sem ÷ com: "
            "{1}.",
            factors(given, intervals), factors(given, deep),
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words("What dropout saves falls with depth on every table.",
                  "O que o dropout poupa cai com a profundidade em toda tabela."),
            said(
                "Not a rule: from 1 to 8 layers the gain falls beyond doubt on {0} of {1} tables and grows "
                "beyond doubt on {2}.",
                "Não é regra: de 1 a 8 camadas o ganho cai claramente em {0} de {1} tabelas e cresce "
                "claramente em {2}.",
                sum(one.above for one in intervals), len(given), sum(one.below for one in intervals),
            ) if any(one.above or one.below for one in intervals) else said(
                "Not seen here: from 1 to 8 layers the gain changes beyond doubt on none of {0} tables, so "
                "this speaks neither for the claim nor against it, and the verdict stays in the middle.",
                "Não visto aqui: de 1 a 8 camadas o ganho não muda claramente em nenhuma de {0} tabelas; "
                "isto não fala a favor nem contra a afirmação, e o veredito fica no meio.",
                len(given),
            ),
            Words("The gain grows with depth here.", "Aqui o ganho cresce com a profundidade."),
        ),
        pictures=(
            Plot(
                Words("Loss saved by the best dropout rate", "Perda poupada pela melhor taxa de dropout"),
                Words("Above 1 dropout helps. Mean over folds and seeds, one line a table.",
                      "Acima de 1 o dropout ajuda. Média sobre partições e sementes, uma linha por tabela."),
                Axis(Words("hidden layers", "camadas ocultas"), log=True),
                Axis(Words("loss without ÷ with dropout", "perda sem ÷ com dropout")),
                tuple(
                    series(table.name, _DEPTHS, np.exp(np.nanmean(one, axis=(1, 2))), role, "both")
                    for table, one, role in zip(given, saved, _ROLES, strict=True)
                ),
                marks=(Mark(Words("no gain", "sem ganho"), y=1.0),),
            ),
            by_table(
                Words("Gain at 1 layer ÷ at 8", "Ganho com 1 camada ÷ com 8"),
                RIGHT_ABOVE_ONE,
                Words("gain at 1 layer ÷ at 8", "ganho com 1 camada ÷ com 8"),
                given, intervals, Words("factor", "fator"),
            ),
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Dropout in very deep networks", "Dropout em redes muito profundas"),
    claim=Words("Dropout is less effective in very deep networks.",
                "O dropout é menos eficaz em redes muito profundas."),
    source=Words("“Técnicas de regularização”, dropout: advantages and limitations",
                 "“Técnicas de regularização”, dropout: vantagens e limitações"),
    prediction=Words(
        "If so, the loss saved by the best rate is larger at 1 hidden layer than at 8, on every table.",
        "Se for assim, a perda poupada pela melhor taxa é maior com 1 camada oculta que com 8, em toda "
        "tabela.",
    ),
    measure=measure,
    rows=("R7",),
)  # fmt: skip
