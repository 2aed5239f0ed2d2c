"""Decreasing, constant and increasing widths at equal parameters, on real tables."""

from collections.abc import Callable, Sequence

import numpy as np

from profunda.lab.experiment import Experiment, Outcome
from profunda.lab.experiments.search._fleets import (
    Gap,
    compare,
    filled,
    gap,
    numeric_tables,
    parameters,
    rule,
    same_size,
    told,
)
from profunda.lab.pictures import Axis, Mark, Plot, Role, series
from profunda.lab.words import Words, said
from profunda.theory import relu_fluctuation

_BUDGETS = (16, 40)
_SHAPES: tuple[tuple[str, Words, Callable[[int], tuple[int, ...]]], ...] = (
    (
        "pyramid",
        Words("decreasing", "decrescente"),
        lambda unit: (unit, max(2, unit // 2), max(2, unit // 4)),
    ),
    ("constant", Words("constant", "constante"), lambda unit: (unit, unit, unit)),
    ("funnel", Words("increasing", "crescente"), lambda unit: (max(2, unit // 4), max(2, unit // 2), unit)),
)


def judged(gaps: Sequence[Gap]) -> Words:
    """What may be said of decreasing and of constant widths against increasing ones."""
    return filled(
        "At equal parameters, against increasing widths: decreasing {0}, constant {1}; decreasing against "
        "constant: {2}. The differences are small. Initialisation does not tell the shapes apart: read "
        "backwards, a network has the same spread of its signal.",
        "Com parâmetros iguais, contra larguras crescentes: decrescentes {0}, constantes {1}; decrescentes "
        "contra constantes: {2}. As diferenças são pequenas. A inicialização não distingue as formas: lida "
        "de trás para a frente, uma rede tem a mesma dispersão do sinal.",
        *(told(each) for each in gaps),
    )


def measure(quick: bool) -> Outcome:
    """Three layers in three shapes with as many weights as three equal layers of 16 and of 40 units."""
    tables = numeric_tables(quick)
    layouts = []
    for table in tables:
        sizes = [(unit, parameters((unit,) * 3, table.data.n_features, table.outputs)) for unit in _BUDGETS]
        layouts.append(
            {f"{n}-{unit}": same_size(shape, size, table) for n, _, shape in _SHAPES for unit, size in sizes}
        )
    found = compare(tables, layouts, folds=3 if quick else 8, steps=300 if quick else 600)
    mean = {name: found.of(*(f"{name}-{unit}" for unit in _BUDGETS)) for name, _, _ in _SHAPES}
    against = [gap(mean[name], mean["funnel"]) for name in ("pyramid", "constant")]
    between = gap(mean["pyramid"], mean["constant"])
    spread = relu_fluctuation([64, 32, 16])
    return Outcome(
        headline=Words(
            "loss with decreasing widths less increasing ones, at equal parameters",
            "perda com larguras decrescentes menos crescentes, com parâmetros iguais",
        ),
        predicted=None,
        value=against[0].mean,
        interval=(against[0].low, against[0].high),
        measured=filled(
            "On four tables (0 the best network, 1 the constant prediction): decreasing less increasing "
            "{0}, constant less increasing {1}, decreasing less constant {2}. The spread of the signal at "
            "initialisation is the same, {3}, for [64, 32, 16] and [16, 32, 64].",
            "Em quatro tabelas (0 a melhor rede, 1 a predição constante): decrescente menos crescente {0}, "
            "constante menos crescente {1}, decrescente menos constante {2}. A dispersão do sinal na "
            "inicialização é a mesma, {3}, para [64, 32, 16] e [16, 32, 64].",
            *(each.text for each in (*against, between)), said("{0}", "{0}", spread),
        ),
        verdict=rule(against),
        statement=judged((*against, between)),
        pictures=(_picture(mean, [table.name for table in tables]),),
    )  # fmt: skip


def _picture(mean: dict[str, np.ndarray], names: Sequence[Words]) -> Plot:
    """Each shape less the mean of the three in the same fold: folds differ more than shapes do."""
    from scipy import stats

    roles: dict[str, Role] = {"pyramid": "measured", "constant": "second", "funnel": "bad"}
    middle = np.mean(list(mean.values()), axis=0)
    lines = []
    for place, (name, label, _) in enumerate(_SHAPES):
        less = mean[name] - middle
        folds = less.shape[1]
        reach = stats.t.ppf(0.975, folds - 1) * less.std(axis=1, ddof=1) / np.sqrt(folds)
        centre = less.mean(axis=1)
        across = np.arange(len(names)) + 0.12 * (place - 1)
        lines.append(series(label, across, centre, roles[name], "points", (centre - reach, centre + reach)))
    return Plot(
        Words("Three shapes at equal parameters", "Três formas com parâmetros iguais"),
        Words(
            "Three hidden layers. Loss less the mean of the three shapes in the same fold, mean over two "
            "sizes, whiskers 95 % over folds. Below zero: better than the others.",
            "Três camadas ocultas. Perda menos a média das três formas na mesma parte, média de dois "
            "tamanhos, hastes 95 % sobre as partes. Abaixo de zero: melhor do que as outras.",
        ),
        Axis(Words("table", "tabela"), names=tuple(names)),
        Axis(Words("loss less the mean of the shapes", "perda menos a média das formas")),
        tuple(lines),
        marks=(Mark(Words("", ""), y=0.0),),
    )


EXPERIMENT = Experiment(
    title=Words("Decreasing or constant widths", "Larguras decrescentes ou constantes"),
    claim=Words(
        "It is common to begin with more nodes and decrease, as in [128, 64, 32]; deep networks may use "
        "constant or decreasing numbers.",
        "É comum começar com mais nós e diminuir, como em [128, 64, 32]; redes profundas podem usar números "
        "constantes ou decrescentes.",
    ),
    source=Words(
        "“Teoria de Deep Learning”, section 2.2, nodes per layer",
        "“Teoria de Deep Learning”, seção 2.2, nós por camada",
    ),
    prediction=Words(
        "Of the order of the widths theory says nothing at initialisation: the spread Π(1 + 5/n) − 1 of a "
        "ReLU network's signal is the same backwards (Hanin and Rolnick 2018). The rule holds if "
        "decreasing and constant widths both have a lower loss than increasing ones at equal parameters.",
        "Sobre a ordem das larguras a teoria nada diz na inicialização: a dispersão Π(1 + 5/n) − 1 do "
        "sinal de uma rede ReLU é a mesma de trás para a frente (Hanin e Rolnick 2018). A regra vale se "
        "larguras decrescentes e constantes têm ambas perda menor do que as crescentes com parâmetros "
        "iguais.",
    ),
    measure=measure,
    rows=("S1",),
)
