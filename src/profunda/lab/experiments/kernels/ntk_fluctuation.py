"""How much the tangent kernel at the start differs between networks: about (11/3) L/H, and how it goes on."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.kernels._axes import META, WIDTH
from profunda.lab.pictures import Axis, Plot, Role, series
from profunda.lab.words import Words, said
from profunda.theory import (
    ntk_diagonal_variance,
    ntk_diagonal_variance_uncoupled,
    random_networks,
    relative_variance,
)

_DEPTHS, _WIDTHS = (1, 2, 3), (8, 16, 32)
_ROLES: tuple[Role, ...] = ("good", "measured", "bad")
_DECISIVE = (8, 2)
_ERRORS = 4.0


@dataclass(frozen=True)
class Point:
    """Relative variance of Θ(x, x) at a width and depth, its standard error, and two formulas for it."""

    width: int
    depth: int
    value: float
    error: float
    exact: float
    uncoupled: float

    @property
    def beta(self) -> float:
        return self.depth / self.width

    def misses(self, formula: float) -> float:
        """How many standard errors a formula is away."""
        return abs(self.value - formula) / self.error


def points(networks: int) -> list[Point]:
    """`networks` of the decisive setting, as many weights of the others."""
    found = []
    for depth, width in product(_DEPTHS, _WIDTHS):
        count = networks if (width, depth) == _DECISIVE else networks * 8 // (width * depth)
        widths = [width] * depth
        drawn = random_networks(widths, np.ones((1, 4)), "relu", 2.0, networks=count, seed=3 * width + depth)
        got = relative_variance(drawn.kernel[:, 0])
        found.append(
            Point(width, depth, float(got.value), float(got.standard_error), ntk_diagonal_variance(widths),
                  ntk_diagonal_variance_uncoupled(widths))
        )  # fmt: skip
    return found


def judge(found: list[Point]) -> Verdict:
    """Growth with L/H by the exact law; a proportion only if the law were straight within a tenth."""
    if any(p.misses(p.exact) > _ERRORS for p in found):
        return "wrong"
    straight = all(abs(p.exact / (11.0 / 3.0 * p.beta) - 1.0) <= 0.1 for p in found)
    return "holds" if straight else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Relative variance of Θ(x, x) over random ReLU networks, against two formulas."""
    found = points(100_000 if quick else 400_000)
    one = next(p for p in found if (p.width, p.depth) == _DECISIVE)
    return Outcome(
        headline=Words(
            "relative variance of Θ(x, x), 2 layers of 8 units",
            "variância relativa de Θ(x, x), 2 camadas de 8 unidades",
        ),
        predicted=one.exact,
        value=one.value,
        interval=(one.value - 1.96 * one.error, one.value + 1.96 * one.error),
        measured=said(
            "2 layers of 8: {0} ± {1} (two standard errors). The exact law says {2}; the formula that takes "
            "layers as independent says {3}, {4} standard errors away.",
            "2 camadas de 8: {0} ± {1} (dois erros-padrão). A lei exata diz {2}; a fórmula que toma as "
            "camadas como independentes diz {3}, a {4} erros-padrão.",
            one.value, 2.0 * one.error, one.exact, one.uncoupled, one.misses(one.uncoupled),
        ),
        verdict=judge(found),
        statement=Words(
            "The squared gradient |∇_θ f|² varies between networks by (11/3) L/H while that is small, by "
            "e^(5L/H)/3 for deep ones: it grows with depth over width, not with width over depth. Forward "
            "and backward signals are coupled across layers; leaving that out is right to first order only.",
            "O gradiente ao quadrado |∇_θ f|² varia entre redes por (11/3) L/H enquanto isso é pequeno, por "
            "e^(5L/H)/3 para as profundas: cresce com profundidade sobre largura, não com largura sobre "
            "profundidade. Sinais de ida e volta são acoplados entre camadas; ignorar isso só acerta a "
            "primeira ordem.",
        ),
        pictures=(_law(found), _formulas(found)),
    )  # fmt: skip


def _law(found: list[Point]) -> Plot:
    drawn = []
    for depth, role in zip(_DEPTHS, _ROLES, strict=True):
        own = [p for p in found if p.depth == depth]
        widths = [p.width for p in own]
        ends = ([p.value - 1.96 * p.error for p in own], [p.value + 1.96 * p.error for p in own])
        name = said("{0} layers", "{0} camadas", depth) if depth > 1 else Words("1 layer", "1 camada")
        drawn.append(series(name, widths, [p.value for p in own], role, "points", ends))
        exact = Words(f"{name.en}, exact", f"{name.pt}, exata")
        drawn.append(series(exact, widths, [p.exact for p in own], "theory", beside=role))
    return Plot(
        Words("Spread of the tangent kernel at the start", "Dispersão do núcleo tangente no início"),
        Words(
            "Points: random networks with 95 % intervals; dashed: the exact law. Wider means less spread, "
            "deeper more.",
            "Pontos: redes sorteadas com intervalos de 95 %; tracejado: a lei exata. Mais larga, menos "
            "dispersão; mais profunda, mais.",
        ),
        WIDTH,
        Axis(Words("Var Θ(x, x) ÷ (E Θ(x, x))²", "Var Θ(x, x) ÷ (E Θ(x, x))²"), log=True),
        tuple(drawn),
    )


def _formulas(found: list[Point]) -> Plot:
    names = tuple(Words(f"{p.depth} × {p.width}", f"{p.depth} × {p.width}") for p in found)
    places = list(range(len(found)))
    band = (
        [(p.value - 1.96 * p.error) / p.exact for p in found],
        [(p.value + 1.96 * p.error) / p.exact for p in found],
    )
    return Plot(
        Words("Two formulas against simulation", "Duas fórmulas contra a simulação"),
        Words(
            "All relative to the exact law. Where there are several layers the formula with independent "
            "layers is too low; in the narrow networks by more than the intervals allow.",
            "Tudo relativo à lei exata. Com várias camadas, a fórmula de camadas independentes fica abaixo, "
            "nas redes estreitas mais do que os intervalos permitem.",
        ),
        Axis(Words("layers × units", "camadas × unidades"), names=names),
        Axis(Words("value ÷ exact law", "valor ÷ lei exata")),
        (
            series(Words("measured", "medido"), places, [p.value / p.exact for p in found], "measured",
                   "points", band),
            series(Words("exact law", "lei exata"), places, [1.0] * len(found), "theory"),
            series(Words("independent layers", "camadas independentes"), places,
                   [p.uncoupled / p.exact for p in found], "bad", "points"),
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("How the tangent kernel fluctuates", "Como o núcleo tangente flutua"),
    claim=Words(
        "The variance of the gradients |∇_θ f|² of a wide finite network is a matter of the ratio of depth "
        "and width.",
        "A variância dos gradientes |∇_θ f|² de uma rede larga e finita depende da razão entre profundidade "
        "e largura.",
    ),
    source=META,
    prediction=Words(
        "Var Θ/(E Θ)² = (11/3) L/H to first order. Exactly: products of 1 + 5/H outside two layers times "
        "⅓ Π(1 + 5/H) + ⅔ Π(1 − 1/H) between them, averaged over pairs of layers (derived here; order as in "
        "Hanin and Nica 2020). Independent layers would give Π(1 + 1/H) between them.",
        "Var Θ/(E Θ)² = (11/3) L/H em primeira ordem. Exatamente: produtos de 1 + 5/H fora de duas camadas "
        "vezes ⅓ Π(1 + 5/H) + ⅔ Π(1 − 1/H) entre elas, em média sobre pares de camadas (derivado aqui; ordem "
        "como em Hanin e Nica 2020). Camadas independentes dariam Π(1 + 1/H) entre elas.",
    ),
    measure=measure,
    rows=("U5",),
)
