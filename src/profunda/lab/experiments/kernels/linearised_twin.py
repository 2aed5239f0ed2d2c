"""A network and its linearisation trained side by side: at what width can they not be told apart?"""

from dataclasses import dataclass

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.kernels._axes import NTK_SECTION, WIDTH
from profunda.lab.experiments.kernels._laws import Law, band, power_law
from profunda.lab.experiments.kernels._wide import descend, distances, draw
from profunda.lab.pictures import Axis, Plot, Slider, series
from profunda.lab.words import Words, said
from profunda.theory import linear_descent

_WIDTHS, _STEPS, _ROWS, _SHOWN = (8, 32, 128, 256), 400, 6, 61


@dataclass(frozen=True)
class Side:
    """Both models of a width: distances of M pairs, and the curves of the first pair over the angle."""

    width: int
    distance: np.ndarray
    start: np.ndarray
    network: np.ndarray
    twin: np.ndarray


def _circle(angles: torch.Tensor) -> torch.Tensor:
    """Points of the plane with ‖x‖² = 3, and a constant as third coordinate: [N, 3]."""
    return torch.stack([np.sqrt(2.0) * angles.cos(), np.sqrt(2.0) * angles.sin(), torch.ones_like(angles)], 1)


def data() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Angles and targets of the rows [6], and angles to show [61] with their points."""
    angles = torch.linspace(-2.6, 2.6, _ROWS)
    return angles, torch.sin(2.0 * angles), torch.linspace(-torch.pi, torch.pi, _SHOWN), _circle(angles)


def side(width: int, networks: int) -> Side:
    """tanh, two hidden layers, 400 equal steps of half of 1/λ_max for both models."""
    _, y, shown, x = data()
    new = _circle(shown)
    stack = draw([width] * 2, 3, "tanh", networks, 3 + width, 2.0)
    inside, across = stack.kernel(x), stack.kernel(new, x)
    rates = 0.5 / torch.linalg.eigvalsh(inside)[:, -1]
    end = descend(stack, x, y, rates, ratio=0.0, most=_STEPS)
    f0, f0_new = stack.through(x).outputs, stack.through(new).outputs
    twin = linear_descent(
        inside[0].double().numpy(), across[0].double().numpy(), f0[0].double().numpy(),
        f0_new[0].double().numpy(), y.double().numpy(), float(rates[0]), _STEPS, "half_rss",
    )  # fmt: skip
    gone = distances(stack, end, x, y, new, rates)
    return Side(width, gone, f0_new[0].numpy(), end.stack.through(new).outputs[0].numpy(), twin.new)


def judge(law: Law, widest: Side) -> Verdict:
    """The twin must come nearer with width, and be near at the widest (a tenth of what it moved)."""
    if law.high >= 0.0:
        return "wrong"
    return "holds" if float(np.median(widest.distance)) <= 0.1 else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Networks of 8 to 256 units and their twins after 400 steps."""
    found = [side(width, 6 if quick else max(24, min(60, 5_000 // width))) for width in _WIDTHS]
    law = power_law(_WIDTHS, [each.distance for each in found])
    medians = [float(np.median(each.distance)) for each in found]
    return Outcome(
        headline=Words("exponent of the width in the distance", "expoente da largura na distância"),
        predicted=-1.0,
        value=law.slope,
        interval=law.interval,
        measured=said(
            "Median distance between network and twin, relative to what the twin moved: {0}, {1}, {2}, {3} "
            "at 8, 32, 128, 256 units.",
            "Distância mediana entre rede e gêmea, relativa ao que a gêmea andou: {0}, {1}, {2}, {3} com "
            "8, 32, 128, 256 unidades.",
            *medians,
        ),
        verdict=judge(law, found[-1]),
        statement=said(
            "Gradient descent on a wide network can be replaced by that on f(θ₀) + ⟨∇f(θ₀), θ − θ₀⟩, the "
            "better the wider: the distance fell like H^{0} here, more slowly than the limit's 1/H. A "
            "narrow network and its twin fit the same points by different curves.",
            "A descida de gradiente em uma rede larga pode ser trocada pela de f(θ₀) + ⟨∇f(θ₀), θ − θ₀⟩, "
            "tanto melhor quanto mais larga: a distância caiu como H^{0} aqui, mais devagar que o 1/H do "
            "limite. Uma rede estreita e sua gêmea ajustam os mesmos pontos com curvas diferentes.",
            law.slope,
        ),
        pictures=(_curves(found), _falling(found)),
    )  # fmt: skip


def _curves(found: list[Side]) -> Plot:
    angles, y, shown, _ = (values.numpy() for values in data())
    drawn = []
    for step, each in enumerate(found):
        drawn.append(series(Words("network", "rede"), shown, each.network, "measured", step=step))
        drawn.append(series(Words("linear twin", "gêmea linear"), shown, each.twin, "bad", step=step))
        drawn.append(
            series(Words("both at the start", "ambas no início"), shown, each.start, "rest", step=step)
        )
    drawn.append(series(Words("data", "dados"), angles, y, "good", "points"))
    return Plot(
        Words("A network and its linear twin", "Uma rede e sua gêmea linear"),
        Words(
            "Outputs after 400 equal steps on six rows, over the angle of the input. Move the slider.",
            "Saídas após 400 passos iguais em seis linhas, sobre o ângulo da entrada. Mova o controle.",
        ),
        Axis(Words("angle (radians)", "ângulo (radianos)")),
        Axis(Words("output", "saída")),
        tuple(drawn),
        slider=Slider(
            Words("width H", "largura H"), tuple(Words(str(width), str(width)) for width in _WIDTHS)
        ),
    )


def _falling(found: list[Side]) -> Plot:
    values = [each.distance for each in found]
    middle = [float(np.median(each)) for each in values]
    guide = [middle[1] * _WIDTHS[1] / width for width in _WIDTHS]
    return Plot(
        Words("Distance between network and twin", "Distância entre rede e gêmea"),
        Words("Medians over pairs with 95 % bands.", "Medianas sobre pares com faixas de 95 %."),
        WIDTH,
        Axis(Words("‖f − f_lin‖ ÷ ‖f_lin − f₀‖", "‖f − f_lin‖ ÷ ‖f_lin − f₀‖"), log=True),
        (
            series(Words("measured", "medido"), _WIDTHS, middle, "measured", "both", band(values)),
            series(Words("∝ 1/H", "∝ 1/H"), _WIDTHS, guide, "theory"),
        ),
    )


EXPERIMENT = Experiment(
    title=Words("A network beside its linear twin", "Uma rede ao lado de sua gêmea linear"),
    claim=Words(
        "During gradient descent a wide network may be replaced by its linearisation around the start.",
        "Durante a descida de gradiente, uma rede larga pode ser substituída por sua linearização em torno "
        "do início.",
    ),
    source=NTK_SECTION,
    prediction=Words(
        "The distance falls like 1/H for smooth activations (Lee et al. 2019, theorem 2.1 bounds it by "
        "1/√H), and is below a tenth at 256 units.",
        "A distância cai como 1/H para ativações suaves (Lee et al. 2019, teorema 2.1, limita-a por 1/√H), e "
        "fica abaixo de um décimo com 256 unidades.",
    ),
    measure=measure,
    rows=("U3",),
)
