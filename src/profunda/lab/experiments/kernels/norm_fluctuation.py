"""The size of a signal behind random ReLU layers: Π(1 + 5/H) − 1, which is about 5 L/H."""

from dataclasses import dataclass

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.kernels._axes import BETA, META
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import random_networks, relative_variance, relu_fluctuation

_SETTINGS = ((64, 1), (64, 2), (64, 4), (64, 8), (16, 1), (16, 2), (16, 3), (16, 4))
_DECISIVE = (64, 4)
_ERRORS = 4.0
"""Standard errors that a measurement may be away from an exact law."""
_PROPORTIONAL = 0.1
"""Up to this relative miss a law counts as proportional to L/H."""


@dataclass(frozen=True)
class Point:
    """A depth and a width, the relative variance of ‖x_L‖² there, its error, and what theory says."""

    width: int
    depth: int
    value: float
    error: float
    exact: float

    @property
    def beta(self) -> float:
        return self.depth / self.width


def points(weights: int, law: str) -> list[Point]:
    """Every setting measured on as many random networks as have so many weights together."""
    found = []
    for width, depth in _SETTINGS:
        count = weights // (depth * width * width)
        drawn = random_networks(
            [width] * depth, np.ones((1, 4)), "relu", 2.0, networks=count, seed=width + depth,
            law="uniform" if law == "uniform" else "gaussian",
        )  # fmt: skip
        got = relative_variance(drawn.norm[:, 0])
        exact = relu_fluctuation([width] * depth)
        found.append(Point(width, depth, float(got.value), float(got.standard_error), exact))
    return found


def judge(found: list[Point]) -> Verdict:
    """The exact law first; then whether it is a proportion."""
    if any(abs(p.value - p.exact) > _ERRORS * p.error for p in found):
        return "wrong"
    proportional = all(abs(p.exact / (5.0 * p.beta) - 1.0) <= _PROPORTIONAL for p in found)
    return "holds" if proportional else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Relative variance of ‖x_L‖² over random networks, eight depths and widths."""
    found, uniform = (points(12_000_000 if quick else 48_000_000, law) for law in ("gaussian", "uniform"))
    one = next(p for p in found if (p.width, p.depth) == _DECISIVE)
    wide = next(p for p in found if (p.width, p.depth) == (16, 4))
    flat = next(p for p in uniform if (p.width, p.depth) == (16, 4))
    return Outcome(
        headline=Words(
            "relative variance of ‖x‖² after 4 layers of 64 units",
            "variância relativa de ‖x‖² após 4 camadas de 64 unidades",
        ),
        predicted=one.exact,
        value=one.value,
        interval=(one.value - 1.96 * one.error, one.value + 1.96 * one.error),
        measured=said(
            "After 4 layers of 64 the relative variance is {0} (exact {1}); after 4 layers of 16 it is {2} "
            "(exact {3}, while 5L/H says {4}). Uniform weights of the same variance give {5} there.",
            "Após 4 camadas de 64 a variância relativa é {0} (exata {1}); após 4 camadas de 16 é {2} "
            "(exata {3}, enquanto 5L/H diz {4}). Pesos uniformes de mesma variância dão {5} ali.",
            one.value, one.exact, wide.value, wide.exact, 5.0 * wide.beta, flat.value,
        ),
        verdict=judge(found),
        statement=Words(
            "The ratio of depth to width decides, but it is a proportion only while L/H is small: exactly it "
            "is Π(1 + 5/H) − 1, about e^(5L/H) − 1, for ReLU with Gaussian weights of variance 2/H and no "
            "bias. Other laws of weights change it by a tenth or two.",
            "A razão profundidade/largura decide, mas só há proporção enquanto L/H é pequeno: exatamente é "
            "Π(1 + 5/H) − 1, cerca de e^(5L/H) − 1, para ReLU com pesos gaussianos de variância 2/H e sem "
            "viés. Outras leis dos pesos mudam isso em dez ou vinte por cento.",
        ),
        pictures=(_picture(found, uniform),),
    )  # fmt: skip


def _picture(found: list[Point], uniform: list[Point]) -> Plot:
    lines = []
    for width, role in ((64, "measured"), (16, "good")):
        own = [p for p in found if p.width == width]
        lines.append(
            series(
                said("H = {0}, measured", "H = {0}, medido", width),
                [p.beta for p in own], [p.value for p in own], role, "points",
                ([p.value - 1.96 * p.error for p in own], [p.value + 1.96 * p.error for p in own]),
            )
        )  # fmt: skip
        lines.append(
            series(
                said("H = {0}, exact", "H = {0}, exata", width),
                [p.beta for p in own], [p.exact for p in own], "theory", beside=role,
            )
        )  # fmt: skip
    narrow = [p for p in uniform if p.width == 16]
    lines.append(
        series(
            Words("H = 16, uniform weights", "H = 16, pesos uniformes"),
            [p.beta for p in narrow], [p.value for p in narrow], "bad", "points",
        )
    )  # fmt: skip
    ends = [1 / 64, 0.25]
    lines.append(series(Words("5 L/H", "5 L/H"), ends, [5.0 * end for end in ends], "rest"))
    return Plot(
        Words("How much ‖x_L‖² varies between networks", "Quanto ‖x_L‖² varia entre redes"),
        Words(
            "Points: random networks with 95 % intervals; dashed: the exact law. The straight line 5 L/H is "
            "left behind as L/H grows.",
            "Pontos: redes sorteadas com intervalos de 95 %; tracejado: a lei exata. A reta 5 L/H fica para "
            "trás quando L/H cresce.",
        ),
        BETA,
        Axis(Words("Var ‖x_L‖² ÷ (E ‖x_L‖²)²", "Var ‖x_L‖² ÷ (E ‖x_L‖²)²"), log=True),
        tuple(lines),
    )


EXPERIMENT = Experiment(
    title=Words("How the size of a signal fluctuates", "Como o tamanho de um sinal flutua"),
    claim=Words(
        "In wide but finite layers, departures from the infinitely wide network are given by the ratio L/N "
        "of depth to width.",
        "Em camadas largas, mas finitas, os desvios em relação à rede infinitamente larga são dados pela "
        "razão L/N entre profundidade e largura.",
    ),
    source=META,
    prediction=Words(
        "For ReLU, weights of variance 2/H and no bias, E ‖x_L‖⁴/(E ‖x_L‖²)² = Π(1 + 5/H_l), exactly (Hanin "
        "and Rolnick 2018; Hanin and Nica 2020). Measured values within four standard errors of it."
        " That L/H stays up to ¼, where means of squares can be sampled, was settled after a first look.",
        "Para ReLU, pesos de variância 2/H e sem viés, E ‖x_L‖⁴/(E ‖x_L‖²)² = Π(1 + 5/H_l), exatamente "
        "(Hanin e Rolnick 2018; Hanin e Nica 2020). Valores medidos a no máximo quatro erros-padrão. Que "
        "L/H vá só até ¼, onde médias de quadrados podem ser amostradas, foi decidido após uma primeira "
        "olhada.",
    ),
    measure=measure,
    rows=("U5",),
)
