"""At random weights depth gives no more linear pieces: there are about as many as units."""

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Plot, Role, Series, series
from profunda.lab.words import Words, said
from profunda.theory import most_pieces_on_a_line, random_pieces

_UNITS = (16, 32, 64)
_LAYERS = (1, 2, 4)
_REACH = 5.0


def expected_one_layer(units: int) -> float:
    """1 + m·(2/π)·arctan(R√(2/C_b)) with C_b = 1: the bend −b/w is a Cauchy variable."""
    return 1.0 + units * 2.0 / np.pi * float(np.arctan(_REACH * np.sqrt(2.0)))


def verdict(ratio: float, error: float, possible: float) -> Verdict:
    """Pieces of four layers ÷ of one, its standard error, and the same ratio of what is possible.

    More powerful in use would be many times as many pieces; here "many" is twice.
    """
    if possible <= 1.0:
        return "wrong"
    return "holds" if ratio - 2.0 * error > 2.0 else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Pieces on [−5, 5] of random ReLU networks, He's weights, biases of variance 1."""
    draws = 30 if quick else 100
    counts = {
        (units, layers): random_pieces([units // layers] * layers, draws, 10 * units + layers, _REACH)
        for units in _UNITS for layers in _LAYERS
    }  # fmt: skip
    means = {key: float(each.mean()) for key, each in counts.items()}
    errors = {key: float(each.std(ddof=1)) / np.sqrt(draws) for key, each in counts.items()}
    most = {key: most_pieces_on_a_line([key[0] // key[1]] * key[1]) for key in counts}
    last = _UNITS[-1]
    ratio = means[last, 4] / means[last, 1]
    error = ratio * float(np.hypot(errors[last, 4] / means[last, 4], errors[last, 1] / means[last, 1]))
    return Outcome(
        headline=Words("pieces of 4 layers ÷ of 1, 64 units", "trechos de 4 camadas ÷ de 1, 64 unidades"),
        predicted=1.0,
        value=ratio,
        interval=(ratio - 1.96 * error, ratio + 1.96 * error),
        measured=said(
            "{0} units at random make {1} pieces in one layer, {2} in two, {3} in four. Possible in four "
            "layers: {4}.",
            "{0} unidades ao acaso fazem {1} trechos em uma camada, {2} em duas, {3} em quatro. Possível em "
            "quatro camadas: {4}.",
            last, means[last, 1], means[last, 2], means[last, 4], most[last, 4],
        ),
        verdict=verdict(ratio, error, most[last, 4] / most[last, 1]),
        statement=said(
            "The power is there, but random weights do not use it: whatever the depth, there are about as "
            "many pieces as units ({1} times as many with four layers as with one), although four layers "
            "could have {0} times as many as one. What training makes of it is another question.",
            "O poder existe, mas pesos ao acaso não o usam: qualquer que seja a profundidade, há mais ou "
            "menos tantos trechos quantas unidades (com quatro camadas {1} vezes os de uma), embora quatro "
            "camadas pudessem ter {0} vezes os de uma. O que o treino faz disso é outra questão.",
            most[last, 4] / most[last, 1], ratio,
        ),
        pictures=(_pieces(counts, most),),
    )  # fmt: skip


def _drawn(counts: dict[tuple[int, int], np.ndarray]) -> list[Series]:
    """Mean and spread of the pieces by depth, a little apart from one another."""
    roles: tuple[tuple[int, Role, float], ...] = (
        (1, "measured", 0.96),
        (2, "second", 1.0),
        (4, "good", 1.04),
    )
    lines = []
    for layers, role, shift in roles:
        name = Words(f"{layers} layer{'s' * (layers > 1)}", f"{layers} camada{'s' * (layers > 1)}")
        mean = np.array([counts[units, layers].mean() for units in _UNITS])
        spread = np.array([counts[units, layers].std(ddof=1) for units in _UNITS])
        band = (mean - spread, mean + spread)
        lines.append(series(name, np.array(_UNITS) * shift, mean, role, "points", band))
    return lines


def _pieces(counts: dict[tuple[int, int], np.ndarray], most: dict[tuple[int, int], int]) -> Plot:
    return Plot(
        Words("Pieces of random networks", "Trechos de redes ao acaso"),
        Words(
            "Mean over draws, whiskers: standard deviation. Dashed: the exact mean for one layer.",
            "Média sobre sorteios, hastes: desvio padrão. Tracejado: a média exata para uma camada.",
        ),
        Axis(Words("hidden units in all", "unidades ocultas ao todo")),
        Axis(Words("linear pieces on [−5, 5]", "trechos lineares em [−5, 5]"), log=True),
        (
            *_drawn(counts),
            series(
                Words("1 layer, theory", "1 camada, teoria"),
                _UNITS,
                [expected_one_layer(units) for units in _UNITS],
                "theory",
            ),
            series(
                Words("4 layers, most", "4 camadas, máximo"),
                _UNITS,
                [most[units, 4] for units in _UNITS],
                "bad",
                "both",
            ),
        ),
    )


EXPERIMENT = Experiment(
    title=Words("Do random deep networks use their power?", "Redes profundas ao acaso usam seu poder?"),
    claim=Words(
        "There are results suggesting that deep networks are intrinsically more powerful than shallow ones.",
        "Há resultados teóricos sugerindo que redes profundas são intrinsecamente mais poderosas que as "
        "rasas.",
    ),
    source=Words(
        "“Por que as redes neurais profundas são difíceis de treinar?”, on the power of deep networks",
        "“Por que as redes neurais profundas são difíceis de treinar?”, sobre o poder das redes profundas",
    ),
    prediction=Words(
        "At most Π(nₗ + 1) pieces on a line, but at random weights of the order of the number of units "
        "(Hanin and Rolnick 2019), so a ratio near 1; one layer of m units has 1 + m(2/π)·arctan(5√2) on "
        "average on [−5, 5], for He's weights and biases of variance 1.",
        "No máximo Π(nₗ + 1) trechos em uma reta, mas com pesos ao acaso da ordem do número de unidades "
        "(Hanin e Rolnick 2019), logo razão perto de 1; uma camada de m unidades tem em média 1 + "
        "m(2/π)·arctan(5√2) em [−5, 5], com pesos de He e vieses de variância 1.",
    ),
    measure=measure,
    rows=("U7",),
)
