"""EfficientNet's compound scaling: what one step of φ costs, counted on networks of every φ."""

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said
from profunda.networks import EFFICIENTNETS, EfficientNet, EfficientNetSize, multiply_adds

_ALPHA, _BETA, _GAMMA = 1.2, 1.1, 1.15
_PRODUCT = _ALPHA * _BETA**2 * _GAMMA**2
_SLACK = 0.05
"""Channels come in eights, blocks and pixels whole: so far from the rule a counted factor may lie."""


def judged(growth: float, product: float) -> Verdict:
    """ "holds" where a step of φ doubles the cost, "wrong" where it is not even αβ²γ²."""
    if abs(growth / product - 1.0) > _SLACK:
        return "wrong"
    return "holds" if abs(product - 2.0) < 0.01 else "holds with conditions"


def _cost(size: EfficientNetSize) -> int:
    with torch.device("meta"):  # counted, never run
        network = EfficientNet(size)
    return multiply_adds(network, (3, size.resolution, size.resolution))


def measure(quick: bool) -> Outcome:
    """Multiply-adds of networks scaled by whole φ, and of the published ones."""
    steps = np.arange(0.0, 8.0, 2.0 if quick else 1.0)
    costs = np.array([_cost(EfficientNetSize.compound(float(phi))) for phi in steps])
    slope, deviation = _line(steps, np.log(costs))
    growth = float(np.exp(slope))
    names = list(EFFICIENTNETS)[: 4 if quick else 8]
    published = np.array([_cost(EFFICIENTNETS[name]) for name in names]) / costs[0]
    alone = {
        "depth": _cost(EfficientNetSize(depth=_PRODUCT**2)) / costs[0],
        "width": _cost(EfficientNetSize(width=_PRODUCT)) / costs[0],
        "pixels": _cost(EfficientNetSize(resolution=round(224 * _PRODUCT))) / costs[0],
    }
    verdict = judged(growth, _PRODUCT)
    return Outcome(
        headline=Words("factor of the cost for a step of φ", "fator do custo por passo de φ"),
        predicted=_PRODUCT,
        value=growth,
        interval=(float(np.exp(slope - deviation)), float(np.exp(slope + deviation))),
        measured=said(
            "αβ²γ² = {0}; counted on networks of every φ, {1} a step. {2} costs {3} times B0. The cost of "
            "φ = 2, {4} times B0, is aimed at by depth alone with {5}, by width alone with {6}, by pixels "
            "alone with {7}.",
            "αβ²γ² = {0}; contado em redes de todo φ, {1} por passo. {2} custa {3} vezes B0. O custo de "
            "φ = 2, {4} vezes B0, é buscado só pela profundidade com {5}, só pela largura com {6}, só pelos "
            "pixels com {7}.",
            _PRODUCT, growth, names[-1], float(published[-1]), _PRODUCT**2,
            float(alone["depth"]), float(alone["width"]), float(alone["pixels"]),
        ),
        verdict=verdict,
        statement=_STATEMENTS[verdict],
        pictures=(_picture(steps, costs / costs[0], names, published),),
    )  # fmt: skip


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope of the least-squares line, and two of its standard errors."""
    slope, start = np.polyfit(x, y, 1)
    rest = y - slope * x - start
    error = np.sqrt((rest**2).sum() / (len(x) - 2) / ((x - x.mean()) ** 2).sum())
    return float(slope), 2.0 * float(error)


_STATEMENTS: dict[Verdict, Words] = {
    "holds": Words("Each step of φ doubles the cost.", "Cada passo de φ dobra o custo."),
    "holds with conditions": Words(
        "A step of φ costs αβ²γ² = 1.92 times as much, not twice: over seven steps the rounded constants "
        "give a quarter less than 2⁷. Channels come in eights, blocks and pixels whole, so that a single "
        "step strays from the rule. Nothing was trained here: whether scaling all three is better is not "
        "judged.",
        "Um passo de φ custa αβ²γ² = 1,92 vezes mais, não o dobro: em sete passos as constantes arredondadas "
        "dão um quarto menos que 2⁷. Canais vêm de oito em oito, blocos e pixels inteiros, logo um passo só "
        "se afasta da regra. Nada foi treinado aqui: não se julga se escalar os três é melhor.",
    ),
    "wrong": Words(
        "The counted cost does not follow αβ²γ².", "O custo contado não segue αβ²γ²."
    ),
}  # fmt: skip


def _picture(steps: np.ndarray, costs: np.ndarray, names: list[str], published: np.ndarray) -> Plot:
    pixels = np.array([EFFICIENTNETS[name].resolution for name in names])
    return Plot(
        Words("Cost by φ", "Custo por φ"),
        Words(
            "Multiply-adds by B0's. The published networks stand at the φ of their pixels.",
            "Multiplicações em relação a B0. As redes publicadas estão no φ dos seus pixels.",
        ),
        Axis(Words("φ", "φ")),
        Axis(Words("cost by B0's", "custo em relação a B0"), log=True),
        (
            series(Words("counted", "contado"), steps, costs, "measured", "both"),
            series(Words("1.92^φ", "1,92^φ"), steps, _PRODUCT**steps, "theory"),
            series(Words("2^φ", "2^φ"), steps, 2.0**steps, "bad"),
            series(Words("B0, B1 …", "B0, B1 …"), np.log(pixels / 224) / np.log(_GAMMA), published,
                   "second", "points"),
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Compound scaling", "Escalonamento composto"),
    claim=Words(
        "EfficientNet scales depth by αᵠ, width by βᵠ and resolution by γᵠ with α = 1.2, β = 1.1, γ = 1.15, "
        "so that αβ²γ² ≈ 2 and each step of φ doubles the cost.",
        "A EfficientNet escala a profundidade por αᵠ, a largura por βᵠ e a resolução por γᵠ, com α = 1,2, "
        "β = 1,1, γ = 1,15, de modo que αβ²γ² ≈ 2 e cada passo de φ dobra o custo.",
    ),
    source=Words("“IA353A – Neural Networks EC2”, 10.1; Tan and Le (2019), eq. 3",
                 "“IA353A – Neural Networks EC2”, 10.1; Tan e Le (2019), eq. 3"),
    prediction=Words(
        "The cost of a convolution is proportional to depth, to the square of the width and to the square of "
        "the resolution: 1.2 · 1.1² · 1.15² = 1.920 a step.",
        "O custo de uma convolução é proporcional à profundidade, ao quadrado da largura e ao quadrado da "
        "resolução: 1,2 · 1,1² · 1,15² = 1,920 por passo.",
    ),
    measure=measure,
    rows=("P3",),
)  # fmt: skip
