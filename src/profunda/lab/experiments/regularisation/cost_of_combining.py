"""Steps until early stopping ends training, with L2, dropout and batch norm together and with none."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

import profunda
from profunda.lab.experiment import Experiment, Outcome
from profunda.lab.experiments.regularisation._tables import (
    Interval,
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
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said

_LIMIT = 2.0
_PLAIN = profunda.Design(widths=(64, 64), lr=2e-3, batch_size=32, patience=10)
_PARTS: tuple[tuple[Words, dict[str, Any]], ...] = (
    (Words("none", "nenhum"), {}),
    (Words("L2", "L2"), {"l2": 0.03}),
    (Words("dropout", "dropout"), {"dropout": 0.2}),
    (Words("batch norm", "batch norm"), {"norm": "batch"}),
    (Words("all three", "os três"), {"l2": 0.03, "dropout": 0.2, "norm": "batch"}),
)  # fmt: skip


def below(found: np.ndarray) -> Interval:
    """ln of the limit less ln of the factor on the steps: above 0 where the cost is surely below it."""
    return interval(np.log(_LIMIT) - found)


def measure(quick: bool) -> Outcome:
    """Five recipes with a patience of ten epochs."""
    given = tables(250 if quick else 500)
    seeds, epochs = (2, 40) if quick else (6, 100)
    designs = [replace(_PLAIN, epochs=epochs, **changes) for _, changes in _PARTS]
    more, gained, parts = [], [], []
    for table in given:
        curves = train(designs, table, seeds)
        steps = np.log(np.vectorize(lambda curve: curve.steps, otypes=[float])(curves))
        losses = log_losses(curves)
        more.append(steps[-1] - steps[0])
        gained.append(losses[0] - losses[-1])
        parts.append(steps - steps[0])
    found, whole = [interval(one) for one in more], pooled(more)
    verdict = rule([below(one) for one in more])
    features, width = 64, 64
    shapes = (features, width, width, 10)
    weights = sum((a + 1) * b for a, b in pairwise(shapes))
    extra = 100.0 * 2 * (width + width) / weights
    each = [pooled([one[place] for one in parts]) for place in range(1, len(_PARTS))]
    return Outcome(
        headline=Words("steps until early stopping, all three ÷ none", "passos até a parada, os três ÷ "
                                                                       "nenhum"),
        predicted=None,
        value=float(np.exp(whole.mean)),
        interval=(float(np.exp(whole.low)), float(np.exp(whole.high))),
        measured=filled(
            "Steps of training, all three ÷ none: {0}. Lowest validation loss, none ÷ all three: {1}. γ and "
            "β are {2} % more parameters in a network of 64–64 on digits; predictions cost no more, as the "
            "norm folds into the weights.",
            "Passos de treino, os três ÷ nenhum: {0}. Menor perda de validação, nenhum ÷ os três: {1}. γ e "
            "β são {2} % a mais de parâmetros numa rede 64–64 nos dígitos; prever não custa mais, pois a "
            "norma se incorpora aos pesos.",
            factors(given, found), factors(given, [interval(one) for one in gained]),
            said("{0}", "{0}", extra),
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words("Less than twice the steps on every table. Whether they buy a lower loss differs by table. "
                  "Seconds were not counted: a step itself costs a little more.",
                  "Menos que o dobro dos passos em toda tabela. Se compram perda menor varia com a tabela. "
                  "Segundos não foram contados: o próprio passo custa um pouco mais."),
            Words(
                "Less than twice the steps on some tables; on others that is not certain or not so. Seconds "
                "were not counted here: a step itself costs a little more.",
                "Menos que o dobro dos passos em algumas tabelas; em outras isso não é certo ou não vale. "
                "Segundos não foram contados aqui: o próprio passo custa um pouco mais.",
            ),
            Words("It costs more than twice the steps.", "Custa mais que o dobro dos passos."),
        ),
        pictures=(
            by_table(
                Words("Steps with all three ÷ with none", "Passos com os três ÷ sem nenhum"),
                Words("95 % intervals over folds and seeds.",
                      "Intervalos de 95 % sobre partições e sementes."),
                Words("steps, all three ÷ none", "passos, os três ÷ nenhum"),
                given, found, Words("factor", "fator"),
            ),
            Plot(
                Words("Steps by ingredient", "Passos por ingrediente"),
                Words("Each alone and all together, against none; mean over tables with 95 % intervals.",
                      "Cada um sozinho e todos juntos, contra nenhum; média sobre tabelas, intervalos de 95 "
                      "%."),
                Axis(Words("ingredient", "ingrediente"), names=tuple(name for name, _ in _PARTS[1:])),
                Axis(Words("steps ÷ steps without any", "passos ÷ passos sem nenhum")),
                (series(Words("measured", "medido"), range(len(each)), np.exp([one.mean for one in each]),
                        kind="points",
                        band=(np.exp([one.low for one in each]), np.exp([one.high for one in each]))),),
                marks=(Mark(Words("as without", "como sem"), y=1.0),),
            ),
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("What combining costs", "O que custa combinar"),
    claim=Words(
        "Combining techniques can improve robustness and generalisation without a large increase of cost.",
        "Combinar técnicas pode melhorar robustez e generalização sem grande aumento de custo computacional.",
    ),
    source=Words("“Técnicas de regularização”, why combine", "“Técnicas de regularização”, por que combinar"),
    prediction=Words(
        "Beside the products with H × H weights the three add work of order H to each row: what may grow is "
        "the number of steps. No theorem bounds it; “no large increase” is read as less than twice the "
        "steps until early stopping, beyond doubt, on every table.",
        "Ao lado dos produtos com H × H pesos os três acrescentam por linha um trabalho de ordem H: o que "
        "pode crescer é o número de passos. Nenhum teorema o limita; “sem grande aumento” é lido como menos "
        "que o dobro dos passos até a parada antecipada, sem dúvida, em toda tabela.",
    ),
    measure=measure,
    rows=("R9",),
)  # fmt: skip
