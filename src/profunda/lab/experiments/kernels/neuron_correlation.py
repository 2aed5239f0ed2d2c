"""Neurons of a finite layer: uncorrelated, but not independent, and less so with each layer."""

from dataclasses import dataclass

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.kernels._axes import DEPTH, NTK_SECTION
from profunda.lab.experiments.kernels._wide import draw
from profunda.lab.pictures import Axis, Plot, Role, series
from profunda.lab.words import Words, said
from profunda.theory import relu_fluctuation

_WIDTHS, _LAYERS = (16, 64), 8
_ROLES: tuple[Role, ...] = ("bad", "measured")
_ERRORS = 4.0


@dataclass(frozen=True)
class Pairs:
    """Pairs of units of one layer, l = 1 … 8: means over networks with their standard errors, [8] each.

    `plain` is E zᵢzⱼ ÷ E z², `squares` is E zᵢ²zⱼ² ÷ (E z²)² − 1, `exact` what theory says of `squares`.
    """

    width: int
    plain: np.ndarray
    plain_error: np.ndarray
    squares: np.ndarray
    squares_error: np.ndarray
    exact: np.ndarray


def pairs(width: int, networks: int) -> Pairs:
    """Every pair of a layer counts; the network is the unit of chance."""
    stack = draw([width] * _LAYERS, 8, "relu", networks, width, 2.0)
    here = torch.ones(networks, 1, 8)
    first, second, size = [], [], []
    for weight, factor in zip(stack.weights[:-1], stack.factors, strict=False):
        z = (factor * torch.bmm(here, weight))[:, 0].double().numpy()
        here = torch.relu(factor * torch.bmm(here, weight))
        count, square = width * (width - 1), z * z
        size.append(square.mean(1))
        first.append((z.sum(1) ** 2 - square.sum(1)) / count)
        second.append((square.sum(1) ** 2 - (square * square).sum(1)) / count)
    one, two, q = (np.array(each) for each in (first, second, size))
    mean = q.mean(1)
    # Error of a ratio of means: each network's influence on numerator and denominator.
    push = two / mean[:, None] ** 2 - 2.0 * two.mean(1)[:, None] * q / mean[:, None] ** 3
    root = np.sqrt(networks)
    exact = np.array([relu_fluctuation([width] * layer) for layer in range(_LAYERS)])
    return Pairs(
        width, one.mean(1) / mean, one.std(1) / mean / root, two.mean(1) / mean**2 - 1.0,
        push.std(1) / root, exact,
    )  # fmt: skip


def judge(found: list[Pairs]) -> Verdict:
    """No correlation at all holds outright; the exact finite law makes it a matter of infinite width."""
    if any((np.abs(p.plain) > _ERRORS * p.plain_error).any() for p in found):
        return "wrong"
    dependent = any((p.squares[1:] > _ERRORS * p.squares_error[1:]).any() for p in found)
    lawful = all((np.abs(p.squares - p.exact) <= _ERRORS * p.squares_error).all() for p in found)
    if not dependent:
        return "holds"
    return "holds with conditions" if lawful else "wrong"


def measure(quick: bool) -> Outcome:
    """All pairs of units in layers of 16 and of 64 units, ReLU."""
    found = [pairs(width, (2_000 if quick else 8_000) * 16 // width) for width in _WIDTHS]
    wide, last = found[-1], _LAYERS - 1
    value, spread = float(wide.squares[last]), 1.96 * float(wide.squares_error[last])
    return Outcome(
        headline=Words(
            "E zᵢ²zⱼ² ÷ (E z²)² − 1, layer 8 of 64 units",
            "E zᵢ²zⱼ² ÷ (E z²)² − 1, camada 8 de 64 unidades",
        ),
        predicted=float(wide.exact[last]),
        value=value,
        interval=(value - spread, value + spread),
        measured=said(
            "Layer 8 of 64 units: correlation of zᵢ and zⱼ {0} ± {1}, of their squares {2} (exact {3}); "
            "with 16 units the squares have {4} (exact {5}). In the first layer: {6}.",
            "Camada 8 de 64 unidades: correlação de zᵢ e zⱼ {0} ± {1}, dos quadrados {2} (exata {3}); com "
            "16 unidades os quadrados têm {4} (exata {5}). Na primeira camada: {6}.",
            float(wide.plain[last]), 2.0 * float(wide.plain_error[last]), value, float(wide.exact[last]),
            float(found[0].squares[last]), float(found[0].exact[last]), float(wide.squares[0]),
        ),
        verdict=judge(found),
        statement=Words(
            "Units are uncorrelated at every width, but independent only in the first layer and for infinite "
            "width: they share the size of the layer below, so that E zᵢ²zⱼ²/(E z²)² − 1 = (1 + 5/H)^(l−1) "
            "− 1 for ReLU.",
            "As unidades são não correlacionadas em qualquer largura, mas independentes só na primeira "
            "camada e com largura infinita: compartilham o tamanho da camada anterior, de modo que E "
            "zᵢ²zⱼ²/(E z²)² − 1 = (1 + 5/H)^(l−1) − 1 para ReLU.",
        ),
        pictures=(_squares(found), _plain(found)),
    )  # fmt: skip


def _squares(found: list[Pairs]) -> Plot:
    layers, drawn = np.arange(1, _LAYERS + 1), []
    for p, role in zip(found, _ROLES, strict=True):
        band = (p.squares - 1.96 * p.squares_error, p.squares + 1.96 * p.squares_error)
        name = said("{0} units", "{0} unidades", p.width)
        drawn.append(series(name, layers, p.squares, role, "points", band))
        drawn.append(
            series(said("{0}, exact", "{0}, exata", p.width), layers, p.exact, "theory", beside=role)
        )
    return Plot(
        Words("Squares of two units move together", "Quadrados de duas unidades variam juntos"),
        Words(
            "Correlation of squares of z, what enters a unit, with 95 % intervals; dashed: the exact law. "
            "Zero in the first layer, then growing.",
            "Correlação dos quadrados de z, o que entra numa unidade, com intervalos de 95 %; tracejado: a "
            "lei exata. Zero na primeira camada, depois cresce.",
        ),
        DEPTH,
        Axis(Words("E zᵢ²zⱼ² ÷ (E z²)² − 1", "E zᵢ²zⱼ² ÷ (E z²)² − 1")),
        tuple(drawn),
    )


def _plain(found: list[Pairs]) -> Plot:
    layers, drawn = np.arange(1, _LAYERS + 1), []
    for p, role in zip(found, _ROLES, strict=True):
        band = (p.plain - 1.96 * p.plain_error, p.plain + 1.96 * p.plain_error)
        name = said("{0} units", "{0} unidades", p.width)
        drawn.append(series(name, layers, p.plain, role, "points", band))
    return Plot(
        Words("The units themselves are uncorrelated", "As próprias unidades não se correlacionam"),
        Words(
            "All intervals of 95 % hold zero or nearly so.", "Os intervalos de 95 % contêm zero, ou quase."
        ),
        DEPTH,
        Axis(Words("E zᵢzⱼ ÷ E z²", "E zᵢzⱼ ÷ E z²")),
        tuple(drawn),
    )


EXPERIMENT = Experiment(
    title=Words("Are the neurons of a layer independent?", "Os neurônios de uma camada são independentes?"),
    claim=Words(
        "As widths grow, the network starts as Gaussian processes with independent neurons: there is no "
        "correlation between neurons.",
        "Com larguras crescentes, a rede começa como processos gaussianos com neurônios independentes: não "
        "há correlação entre neurônios.",
    ),
    source=NTK_SECTION,
    prediction=Words(
        "E zᵢzⱼ = 0 by the symmetry of the weights; for ReLU E zᵢ²zⱼ²/(E z²)² − 1 = (1 + 5/H)^(l−1) − 1 "
        "exactly (Hanin and Rolnick 2018): 0 only for l = 1 or H → ∞. Within four standard errors.",
        "E zᵢzⱼ = 0 pela simetria dos pesos; para ReLU E zᵢ²zⱼ²/(E z²)² − 1 = (1 + 5/H)^(l−1) − 1, "
        "exatamente (Hanin e Rolnick 2018): 0 só para l = 1 ou H → ∞. Até quatro erros-padrão.",
    ),
    measure=measure,
    errata=("E25",),
    rows=("U3",),
)
