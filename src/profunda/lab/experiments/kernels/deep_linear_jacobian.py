"""Is the Jacobian of a linear network constant? Of one linear in its parameters, yes; of a deep one, no."""

from dataclasses import dataclass

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.kernels._axes import DRIFT, NTK_SECTION, WIDTH
from profunda.lab.experiments.kernels._laws import band
from profunda.lab.experiments.kernels._wide import descend, draw, drift, sphere
from profunda.lab.pictures import Plot, Role, series
from profunda.lab.words import Words, said

_WIDTHS, _DEPTHS, _FEATURES, _ROWS = (8, 16, 32, 64, 128), (1, 2, 4), 8, 4
_ROLES: tuple[Role, ...] = ("good", "measured", "bad")
_ZERO = 1e-6
"""Drift in float32 that is rounding."""


@dataclass(frozen=True)
class Drifts:
    """Kernel drifts [M] of linear networks of a depth and width; depth 0 is linear in its parameters."""

    depth: int
    width: int
    values: np.ndarray

    @property
    def median(self) -> float:
        return float(np.median(self.values))


def drifts(depth: int, width: int, networks: int) -> Drifts:
    """Trained to a thousandth of the loss by steps of a fifth of 1/λ_max."""
    x = sphere(_ROWS, _FEATURES, 6)
    y = x @ torch.linspace(-1.0, 1.0, _FEATURES) / 2.0
    stack = draw([width] * depth, _FEATURES, "linear", networks, 7 * width + depth, 1.0)
    before = stack.kernel(x)
    after = descend(stack, x, y, 0.2 / torch.linalg.eigvalsh(before)[:, -1], most=500)
    return Drifts(depth, width, drift(after.stack.kernel(x), before))


def judge(shallow: Drifts, deep: list[Drifts]) -> Verdict:
    """Constant only where the drift is rounding."""
    still = float(shallow.values.max()) <= _ZERO
    moves = any(each.median > 100.0 * _ZERO for each in deep)
    if still and not moves:
        return "holds"
    return "holds with conditions" if still else "wrong"


def measure(quick: bool) -> Outcome:
    """Kernel drift of linear networks of 0, 1, 2 and 4 hidden layers."""
    networks = 16 if quick else 40
    shallow = drifts(0, 1, networks)
    deep = [drifts(depth, width, networks) for depth in _DEPTHS for width in _WIDTHS]
    one = next(each for each in deep if (each.depth, each.width) == (2, 16))
    wide = next(each for each in deep if (each.depth, each.width) == (2, 128))
    low, high = band([one.values])
    return Outcome(
        headline=Words(
            "kernel drift of a linear network, 2 hidden layers of 16",
            "mudança do núcleo de uma rede linear, 2 camadas ocultas de 16",
        ),
        predicted=None,
        value=one.median,
        interval=(low[0], high[0]),
        measured=said(
            "Without hidden layers the kernel moves by {0}; with two linear hidden layers by {1} at 16 units "
            "and {2} at 128.",
            "Sem camadas ocultas o núcleo muda {0}; com duas camadas ocultas lineares muda {1} com 16 "
            "unidades e {2} com 128.",
            float(shallow.values.max()), one.median, wide.median,
        ),
        verdict=judge(shallow, deep),
        statement=Words(
            "The Jacobian by the parameters is constant for a model that is linear in its parameters. A deep "
            "network of linear layers is linear in its input only: its Jacobian moves during training, by "
            "about L/H, and is constant again at infinite width. (Gradient flow is dθ/dt = −∇ℒ.)",
            "A jacobiana em relação aos parâmetros é constante para um modelo linear nos parâmetros. Uma "
            "rede profunda de camadas lineares só é linear na entrada: sua jacobiana muda no treino, cerca "
            "de L/H, e volta a ser constante com largura infinita. (O fluxo de gradiente é dθ/dt = −∇ℒ.)",
        ),
        pictures=(_picture(deep),),
    )  # fmt: skip


def _picture(deep: list[Drifts]) -> Plot:
    drawn = []
    for depth, role in zip(_DEPTHS, _ROLES, strict=True):
        own = [each for each in deep if each.depth == depth]
        name = Words("1 layer", "1 camada") if depth == 1 else said("{0} layers", "{0} camadas", depth)
        ends = band([each.values for each in own])
        drawn.append(series(name, _WIDTHS, [each.median for each in own], role, "both", ends))
    start = next(each.median for each in deep if (each.depth, each.width) == (2, _WIDTHS[1]))
    guide = [start * _WIDTHS[1] / width for width in _WIDTHS]
    drawn.append(series(Words("∝ 1/H", "∝ 1/H"), _WIDTHS, guide, "theory"))
    return Plot(
        Words("The kernel of deep linear networks moves", "O núcleo de redes lineares profundas muda"),
        Words(
            "Medians over networks with 95 % bands. No hidden layer would lie at zero.",
            "Medianas sobre redes com faixas de 95 %. Sem camada oculta ficaria em zero.",
        ),
        WIDTH,
        DRIFT,
        tuple(drawn),
    )


EXPERIMENT = Experiment(
    title=Words("The Jacobian of a linear network", "A jacobiana de uma rede linear"),
    claim=Words(
        "The Jacobian matrix of a linear network is constant.",
        "A matriz jacobiana de uma rede linear é constante.",
    ),
    source=NTK_SECTION,
    prediction=Words(
        "f linear in θ: ∂f/∂θ does not contain θ, so no drift beyond rounding (10⁻⁶). With W₃W₂W₁x it does: "
        "a drift far above rounding that falls like 1/H.",
        "f linear em θ: ∂f/∂θ não contém θ, logo nenhuma mudança além do arredondamento (10⁻⁶). Com W₃W₂W₁x "
        "contém: uma mudança muito acima do arredondamento, que cai como 1/H.",
    ),
    measure=measure,
    errata=("E24",),
    rows=("U3",),
)
