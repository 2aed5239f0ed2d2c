"""Which way the meta-theorem points: what is not linear grows with depth over width, not width over depth."""

from dataclasses import dataclass

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.kernels._axes import DRIFT, META, WIDTH
from profunda.lab.experiments.kernels._laws import Law, band, power_law
from profunda.lab.experiments.kernels._wide import descend, distances, draw, drift, sphere
from profunda.lab.pictures import Axis, Plot, Role, Slider, series
from profunda.lab.words import Words, said
from profunda.theory import random_networks

_WIDTHS, _DEPTHS = (32, 64, 128, 256), (1, 2, 4)
_ROLES: tuple[Role, ...] = ("good", "measured", "bad")
_FEATURES, _ROWS = 16, 4


@dataclass(frozen=True)
class Trained:
    """Networks of one depth and width after training: distance from the twin and kernel drift, [M] each."""

    depth: int
    width: int
    distance: np.ndarray
    moved: np.ndarray


def trained(depth: int, width: int, networks: int) -> Trained:
    """tanh, four rows on a sphere, targets ±1, steps of a quarter of 1/λ_max, to a thousandth of the loss."""
    x, new = sphere(_ROWS, _FEATURES, 1), sphere(16, _FEATURES, 2)
    y = torch.tensor([1.0, -1.0, 1.0, -1.0])
    stack = draw([width] * depth, _FEATURES, "tanh", networks, 10 * width + depth, 1.0)
    before = stack.kernel(x)
    rates = 0.25 / torch.linalg.eigvalsh(before)[:, -1]
    after = descend(stack, x, y, rates)
    gone = distances(stack, after, x, y, new, rates)
    return Trained(depth, width, gone, drift(after.stack.kernel(x), before))


def spread(depth: int, width: int, networks: int) -> np.ndarray:
    """Θ(x, x) of random ReLU networks over its mean: its variance is the gradients' in the meta-theorem."""
    drawn = random_networks([width] * depth, np.ones((1, 4)), "relu", 2.0, networks=networks, seed=depth)
    return drawn.kernel[:, 0]


def _relative(values: np.ndarray) -> float:
    return float(values.var() / values.mean() ** 2)


def judge(in_width: Law, in_depth: float, variance: Law) -> Verdict:
    """The text's β = N/L: departures must then grow with the width and fall with the depth."""
    with_text = in_width.low > 0.0 and variance.low > 0.0 and in_depth < 1.0
    against = in_width.high < 0.0 and variance.high < 0.0 and in_depth > 1.0
    return "wrong" if against else "holds" if with_text else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Distances and drifts after training, and the kernel's variance before, by depth and width."""
    base = 8 if quick else 100
    found = [trained(depth, width, max(6, base * 128 // width)) for depth in _DEPTHS for width in _WIDTHS]
    two = [each for each in found if each.depth == 2]
    law = power_law(_WIDTHS, [each.distance for each in two])
    moved = power_law(_WIDTHS, [each.moved for each in two])
    at64 = [float(np.median(each.distance)) for each in found if each.width == 64]
    kernels = [spread(2, width, (40_000 if quick else 160_000) // width) for width in (16, 32, 64)]
    variance = power_law((16, 32, 64), kernels, _relative)
    return Outcome(
        headline=Words(
            "exponent of the width in ‖f − f_lin‖ ÷ ‖f_lin − f₀‖",
            "expoente da largura em ‖f − f_lin‖ ÷ ‖f_lin − f₀‖",
        ),
        predicted=-1.0,
        value=law.slope,
        interval=law.interval,
        measured=said(
            "Two tanh layers: distance from the linear model ∝ H^{0}, kernel drift ∝ H^{1}; variance of "
            "|∇_θ f|² of ReLU ∝ H^{2}. At 64 units the distance is {3}, {4}, {5} for 1, 2, 4 layers.",
            "Duas camadas tanh: distância ao modelo linear ∝ H^{0}, mudança do núcleo ∝ H^{1}; variância de "
            "|∇_θ f|² da ReLU ∝ H^{2}. Com 64 unidades a distância é {3}, {4}, {5} para 1, 2, 4 camadas.",
            law.slope, moved.slope, variance.slope, *at64,
        ),
        verdict=judge(law, at64[-1] / at64[0], variance),
        statement=Words(
            "The control number is β = L/N, depth over width, for all three quantities. Large L/N means "
            "feature learning and unstable gradients, small L/N a nearly linear model; the text's own first "
            "half says so, its N/L and its conclusion have the direction reversed.",
            "O número de controle é β = L/N, profundidade sobre largura, para as três grandezas. L/N grande "
            "significa aprendizado de características e gradientes instáveis, L/N pequeno um modelo quase "
            "linear; a primeira metade do texto diz isso, seu N/L e sua conclusão invertem o sentido.",
        ),
        pictures=(_distance(found), _drift(found), _drift_by_depth(found)),
    )  # fmt: skip


def _depth_name(depth: int) -> Words:
    return Words("1 layer", "1 camada") if depth == 1 else said("{0} layers", "{0} camadas", depth)


def _distance(found: list[Trained]) -> Plot:
    drawn = []
    for depth, role in zip(_DEPTHS, _ROLES, strict=True):
        values = [each.distance for each in found if each.depth == depth]
        middle = [float(np.median(each)) for each in values]
        drawn.append(series(_depth_name(depth), _WIDTHS, middle, role, "both", band(values)))
    start = float(np.median(next(each.distance for each in found if each.depth == 2)))
    guide = [start * _WIDTHS[0] / width for width in _WIDTHS]
    drawn.append(series(Words("∝ 1/H", "∝ 1/H"), _WIDTHS, guide, "theory"))
    return Plot(
        Words("Distance from the linear model after training", "Distância ao modelo linear após o treino"),
        Words(
            "Medians over tanh networks with 95 % bands. Wider: closer to linear. Deeper: further away.",
            "Medianas sobre redes tanh com faixas de 95 %. Mais larga: mais perto da linear. Mais profunda: "
            "mais longe.",
        ),
        WIDTH,
        Axis(Words("‖f − f_lin‖ ÷ ‖f_lin − f₀‖", "‖f − f_lin‖ ÷ ‖f_lin − f₀‖"), log=True),
        tuple(drawn),
    )


def _drift(found: list[Trained]) -> Plot:
    drawn = []
    for depth, role in zip(_DEPTHS, _ROLES, strict=True):
        own = [each for each in found if each.depth == depth]
        beta = [each.depth / each.width for each in own]
        values = [each.moved for each in own]
        middle = [float(np.median(each)) for each in values]
        drawn.append(series(_depth_name(depth), beta, middle, role, "both", band(values)))
    return Plot(
        Words("Kernel drift against depth over width", "Mudança do núcleo contra profundidade/largura"),
        Words(
            "The same networks over L/H: depths nearly fall on one line that rises to the right.",
            "As mesmas redes sobre L/H: as profundidades quase caem sobre uma reta que sobe para a direita.",
        ),
        Axis(Words("depth ÷ width, L/H", "profundidade ÷ largura, L/H"), log=True),
        DRIFT,
        tuple(drawn),
    )


def _drift_by_depth(found: list[Trained]) -> Plot:
    """Width on the axis, depth on the slider."""
    drawn = []
    for step, depth in enumerate(_DEPTHS):
        own = [each.moved for each in found if each.depth == depth]
        middle = [float(np.median(each)) for each in own]
        guide = [middle[-1] * _WIDTHS[-1] / width for width in _WIDTHS]
        drawn += [
            series(Words("measured", "medido"), _WIDTHS, middle, "measured", "both", band(own), step=step),
            series(Words("∝ 1/H", "∝ 1/H"), _WIDTHS, guide, "theory", step=step),
        ]
    return Plot(
        Words("Kernel drift by width and depth", "Mudança do núcleo por largura e profundidade"),
        Words(
            "Move the slider: each layer more lifts the line, each doubling of the width lowers it.",
            "Mova o controle: cada camada a mais sobe a linha, cada duplicação da largura a desce.",
        ),
        WIDTH,
        DRIFT,
        tuple(drawn),
        slider=Slider(Words("depth", "profundidade"), tuple(map(_depth_name, _DEPTHS))),
    )


EXPERIMENT = Experiment(
    title=Words("Depth over width, or width over depth?", "Profundidade sobre largura, ou o contrário?"),
    claim=Words(
        "The distance from the linear model goes with L/N, but the variance of gradients grows with N/L = β, "
        "and as β grows the network leaves the linear regime and learns features.",
        "A distância ao modelo linear vai com L/N, mas a variância dos gradientes cresce com N/L = β e, "
        "à medida que β aumenta, a rede deixa o regime linear e aprende características.",
    ),
    source=META,
    prediction=Words(
        "All three fall with the width at fixed depth: the gradients' variance like 1/H (Hanin and Nica "
        "2020), the distance of tanh networks too (at these widths an exponent from −1.05 to −0.85), and "
        "grow with depth.",
        "As três caem com a largura em profundidade fixa: a variância dos gradientes como 1/H (Hanin e Nica "
        "2020), a distância de redes tanh também (nestas larguras com expoente de −1,05 a −0,85), e crescem "
        "com a profundidade.",
    ),
    measure=measure,
    errata=("E1",),
    rows=("U5",),
)
