"""What a Jacobian is for: linearisation to second order, local inverses, and change of variables."""

import numpy as np
import torch
from torch.func import jacrev

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.landscape._networks import dense, gaussian_rows
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import jacobian, outputs_at, parameter_vector

_TOLERANCE = 0.02
"""The third power of the longest steps takes part in the fit."""


def polar(point: torch.Tensor) -> torch.Tensor:
    """(r, t) ↦ (r cos t, r sin t)."""
    return torch.stack([point[0] * torch.cos(point[1]), point[0] * torch.sin(point[1])])


def inverted(target: torch.Tensor, start: torch.Tensor, steps: int = 8) -> list[float]:
    """Distances to the target while Newton's method inverts `polar` from a point nearby."""
    at, missed = start, []
    for _ in range(steps):
        off = polar(at) - target
        missed.append(float(off.norm()))
        at = at - torch.linalg.solve(jacrev(polar)(at), off)
    return missed


def verdict(order: float, determinant: float, missed: float) -> Verdict:
    """Order of the error of linearisation; |det J − r| of the polar map; what Newton's inverse misses."""
    checks = (abs(order - 2.0) <= _TOLERANCE, determinant < 1e-12, missed < 1e-12)
    if all(checks):
        return "holds"
    return "holds with conditions" if any(checks) else "wrong"


def measure(quick: bool) -> Outcome:
    """Tanh networks moved along random directions; the polar map inverted and measured."""
    sizes = np.logspace(-4, -1, 13)
    x = gaussian_rows(20, 5, 0)
    errors = []
    for seed in range(3 if quick else 8):
        net = dense((5, 32, 32, 1), torch.nn.Tanh, seed)
        theta = parameter_vector(net)
        step = torch.randn(len(theta), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        step = step / step.norm()
        moved = theta + torch.from_numpy(sizes)[:, None] * step
        found = outputs_at(net, torch.cat([theta[None], moved]), x)[:, :, 0]
        linear = found[0] + torch.from_numpy(sizes)[:, None] * (jacobian(net, x) @ step)
        errors.append((found[1:] - linear).norm(dim=1).numpy())
    table = np.array(errors)
    orders = np.array([np.polyfit(np.log(sizes[:9]), np.log(each[:9]), 1)[0] for each in table])
    order = float(orders.mean())
    place = torch.tensor([1.7, 0.6], dtype=torch.float64)
    off = abs(float(torch.linalg.det(jacrev(polar)(place))) - 1.7)
    missed = inverted(polar(place), place + torch.tensor([0.3, -0.2], dtype=torch.float64))
    mean = np.exp(np.log(table).mean(axis=0))
    return Outcome(
        headline=Words(
            "order of the error of linearisation (0.02 allowed)",
            "ordem do erro da linearização (0,02 de tolerância)",
        ),
        predicted=2.0,
        value=order,
        interval=(order - _TOLERANCE, order + _TOLERANCE),
        measured=said(
            "The error of the linearised network falls with the power {0} of the step. det J of polar "
            "coordinates is r within {1}. Newton's method inverts them from {4} away to {2} in {3} steps.",
            "O erro da rede linearizada cai com a potência {0} do passo. det J das coordenadas polares é r "
            "a menos de {1}. O método de Newton as inverte, a partir de {4} de distância, até {2} em {3} "
            "passos.",
            order, max(off, 2.2e-16), max(missed[-1], 2.2e-16), len(missed) - 1,
            missed[0],
        ),
        verdict=verdict(order, off, missed[-1]),
        statement=Words(
            "All three uses work: the best linear approximation is off by the square of the step, a square "
            "J with determinant other than 0 has a local inverse, and |det J| is the factor of areas. The "
            "Jacobian in training is by the parameters and rarely square.",
            "Os três usos funcionam: a melhor aproximação linear erra pelo quadrado do passo, um J quadrado "
            "com determinante diferente de 0 tem inversa local, e |det J| é o fator de áreas. A jacobiana "
            "do treino é em relação aos parâmetros e raramente quadrada.",
        ),
        pictures=(
            Plot(
                Words("Error of the linearised network", "Erro da rede linearizada"),
                Words(
                    "Tanh networks of 1,281 parameters, steps in random directions; dashed: power 2.",
                    "Redes tanh de 1.281 parâmetros, passos em direções sorteadas; tracejado: potência 2.",
                ),
                Axis(Words("length of the step", "tamanho do passo"), log=True),
                Axis(Words("‖f − linearised‖", "‖f − linearizada‖"), log=True),
                (
                    series(Words(
                        "mean of networks",
                        "média de redes",
                    ), sizes, mean, "measured", "both", (table.min(0), table.max(0))),
                    series(Words(
                        "power 2",
                        "potência 2",
                    ), sizes, mean[0] * (sizes / sizes[0]) ** 2, "theory"),
                ),
            ),
            Plot(
                Words("A local inverse by Newton's method", "Uma inversa local pelo método de Newton"),
                Words("Polar coordinates around r = 1.7.", "Coordenadas polares em torno de r = 1,7."),
                Axis(Words("step", "passo")),
                Axis(Words("distance to the target", "distância do alvo"), log=True),
                (series(Words(
                    "distance",
                    "distância",
                ), range(len(missed)), np.maximum(missed, 1e-17), "measured", "both"),),
            ),
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("What a Jacobian is for", "Para que serve uma jacobiana"),
    claim=Words(
        "The Jacobian is the best linear approximation of a function around a point; it serves "
        "linearisation, the inverse function theorem and change of variables.",
        "A jacobiana é a melhor aproximação linear de uma função em torno de um ponto; serve à "
        "linearização, ao teorema da função inversa e à mudança de variáveis.",
    ),
    source=Words("“Teoria de Deep Learning”, section 11.1", "“Teoria de Deep Learning”, seção 11.1"),
    prediction=Words(
        "By Taylor's theorem an error of order 2.00 for smooth units; det J = r for polar coordinates; "
        "quadratic convergence of Newton's method.",
        "Pelo teorema de Taylor, erro de ordem 2,00 para unidades suaves; det J = r em coordenadas polares; "
        "convergência quadrática do método de Newton.",
    ),
    measure=measure,
    rows=("U2",),
)
