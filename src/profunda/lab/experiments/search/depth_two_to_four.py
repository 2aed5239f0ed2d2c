"""Is it good advice to begin with two to four hidden layers? Depths 0 to 6 on real tables."""

from collections.abc import Sequence

import numpy as np

from profunda.lab.experiment import Experiment, Outcome
from profunda.lab.experiments.search._fleets import (
    LOSS,
    Compared,
    Gap,
    compare,
    counted,
    filled,
    gap,
    real_tables,
    rule,
    told,
)
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said

_DEPTHS = (0, 1, 2, 3, 4, 6)
_OTHERS = (0, 1, 6)
_WIDTH = 40


def judged(gaps: Sequence[Gap]) -> Words:
    """What may be said of two to four layers against none, one and six."""
    none, one, six = (told(each) for each in gaps)
    return filled(
        "Two to four layers against others, on these tables: {0} than none, {1} than one, {2} than six. "
        "Count one layer among the candidates and keep the linear model beside them: a number of layers is "
        "a place to begin a search, not its result.",
        "Duas a quatro camadas contra as outras, nestas tabelas: {0} do que nenhuma, {1} do que uma, {2} "
        "do que seis. Inclua uma camada entre os candidatos e mantenha o modelo linear ao lado: um "
        "número de camadas é onde começar uma busca, não o seu resultado.",
        *(_than(each) for each in (none, one, six)),
    )


def _than(word: Words) -> Words:
    return Words("not clearly better", "não claramente melhor") if word.en.startswith("no") else word


def measure(quick: bool) -> Outcome:
    """Networks of 40 units a layer, dropout 0.1 and L2 0.01, compared fold by fold."""
    tables = real_tables(quick)
    found = compare(
        tables,
        [{str(n): (_WIDTH,) * n for n in _DEPTHS}] * len(tables),
        folds=3 if quick else 5,
        steps=300 if quick else 500,
    )
    advised = found.of("2", "3", "4")
    gaps = [gap(advised, found.of(str(n))) for n in _OTHERS]
    means = found.losses.mean(axis=(0, 2))
    return Outcome(
        headline=Words(
            "loss of 2 to 4 layers less that of none, on the common scale",
            "perda com 2 a 4 camadas menos a sem camada, na escala comum",
        ),
        predicted=None,
        value=gaps[0].mean,
        interval=(gaps[0].low, gaps[0].high),
        measured=filled(
            "On {0} (0 the best network, 1 the constant prediction), two to four layers less none: {1}; "
            "less one: {2}; less six: {3}.",
            "Em {0} (0 a melhor rede, 1 a predição constante), duas a quatro camadas menos nenhuma: {1}; "
            "menos uma: {2}; menos seis: {3}.",
            counted(tables), *(each.text for each in gaps),
        ),
        verdict=rule(gaps),
        statement=judged(gaps),
        pictures=(_picture(found, means),),
    )  # fmt: skip


def _picture(found: Compared, means: np.ndarray) -> Plot:
    return Plot(
        Words("Loss by number of hidden layers", "Perda por número de camadas ocultas"),
        said(
            "Grey: one table each; blue: their mean. {0} units a layer, cross-validated. The "
            "advised depths lie between the dotted lines.",
            "Cinza: uma tabela cada; azul: a média. {0} unidades por camada, validação "
            "cruzada. As profundidades aconselhadas estão entre as linhas pontilhadas.",
            _WIDTH,
        ),
        Axis(Words("hidden layers", "camadas ocultas")),
        Axis(LOSS, range=(-0.01, float(np.ceil(found.losses.mean(axis=2).max() * 20) / 20))),
        (
            *(
                series(
                    Words("one table", "uma tabela") if place == 0 else Words("", ""),
                    _DEPTHS, row, "rest",
                )
                for place, row in enumerate(found.losses.mean(axis=2))
            ),
            series(Words("mean of the tables", "média das tabelas"), _DEPTHS, means, kind="both"),
        ),
        marks=(Mark(Words("2 layers", "2 camadas"), x=2), Mark(Words("4 layers", "4 camadas"), x=4)),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Begin with two to four layers?", "Começar com duas a quatro camadas?"),
    claim=Words(
        "A good first network has two to four layers.", "Uma boa primeira rede tem duas a quatro camadas."
    ),
    source=Words(
        "“Teoria de Deep Learning”, section 3.3, empirical proportion",
        "“Teoria de Deep Learning”, seção 3.3, proporção empírica",
    ),
    prediction=Words(
        "A rule of thumb; no theorem stands behind it. It holds if two to four layers have a lower loss "
        "than none, than one and than six, each beyond the 95 % interval over folds; with conditions if "
        "only some of the three do.",
        "Uma regra prática, sem teorema por trás. Vale se duas a quatro camadas têm perda menor do que "
        "nenhuma, do que uma e do que seis, cada vez além do intervalo de 95 % sobre as partes; com "
        "condições se só em alguma das três.",
    ),
    measure=measure,
    rows=("S1",),
)
