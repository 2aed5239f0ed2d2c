"""A finite network's tangent kernel against the analytic one: the error falls like 1/√H."""

from dataclasses import dataclass

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.kernels._axes import NTK_SECTION, WIDTH
from profunda.lab.experiments.kernels._laws import Law, band, power_law
from profunda.lab.experiments.kernels._wide import draw
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import dense_kernels, ntk_diagonal_variance

_WIDTHS, _FEATURES, _ROWS, _DEPTH = (32, 64, 128, 256, 512), 10, 8, 2
_SLOPE = (-0.6, -0.4)


@dataclass(frozen=True)
class Errors:
    """‖Θ − Θ_∞‖/‖Θ_∞‖ of single networks [M] of a width, and of the mean of all of them."""

    width: int
    single: np.ndarray
    of_mean: float


def errors(width: int, networks: int) -> Errors:
    """ReLU, two hidden layers, eight normal rows of ten features."""
    x = torch.randn(_ROWS, _FEATURES, generator=torch.Generator().manual_seed(8))
    limit = dense_kernels(x.double().numpy(), _DEPTH, "relu", 2.0).ntk
    found = draw([width] * _DEPTH, _FEATURES, "relu", networks, width, 2.0).kernel(x).double().numpy()
    size = float(np.linalg.norm(limit))
    single = np.linalg.norm(found - limit, axis=(1, 2)) / size
    return Errors(width, single, float(np.linalg.norm(found.mean(0) - limit)) / size)


def judge(law: Law, found: list[Errors]) -> Verdict:
    """An exponent of −½, and a mean over networks that is much nearer than one network."""
    lawful = law.high < 0.0 and law.low <= _SLOPE[1] and law.high >= _SLOPE[0]
    unbiased = all(each.of_mean < 0.5 * float(each.single.mean()) for each in found)
    return "holds" if lawful and unbiased else "wrong"


def measure(quick: bool) -> Outcome:
    """Errors of empirical kernels at five widths."""
    base = 10 if quick else 40
    found = [errors(width, max(10, base * 256 // width)) for width in _WIDTHS]
    law = power_law(_WIDTHS, [each.single for each in found], np.mean)
    scaled = [float(each.single.mean()) * np.sqrt(each.width) for each in found]
    return Outcome(
        headline=Words("exponent of the width in the error", "expoente da largura no erro"),
        predicted=-0.5,
        value=law.slope,
        interval=law.interval,
        measured=said(
            "The error of one network falls from {0} at 32 units to {1} at 512; times √H it is {2} to {3}. "
            "The mean of all networks at 512 is {4} off.",
            "O erro de uma rede cai de {0} com 32 unidades a {1} com 512; vezes √H fica de {2} a {3}. A "
            "média de todas as redes com 512 fica a {4}.",
            float(found[0].single.mean()), float(found[-1].single.mean()), min(scaled), max(scaled),
            found[-1].of_mean,
        ),
        verdict=judge(law, found),
        statement=Words(
            "At the start the tangent kernel is that of the infinitely wide network up to about 2.6/√H for "
            "two ReLU layers: a network of 1,000 units is still 8 % off. Its square, the variance, is what "
            "goes like L/H.",
            "No início o núcleo tangente é o da rede infinitamente larga a menos de cerca de 2,6/√H para "
            "duas camadas ReLU: uma rede de 1.000 unidades ainda erra 8 %. Seu quadrado, a variância, é que "
            "vai como L/H.",
        ),
        pictures=(_picture(found),),
    )  # fmt: skip


def _picture(found: list[Errors]) -> Plot:
    widths = [each.width for each in found]
    ends = band([each.single for each in found], np.mean)
    predicted = [float(np.sqrt(ntk_diagonal_variance([h] * _DEPTH))) for h in widths]
    return Plot(
        Words("Empirical against analytic tangent kernel", "Núcleo tangente empírico contra o analítico"),
        Words(
            "Relative error of one network (mean, 95 %) and of the mean over networks; dashed: the exact "
            "relative standard deviation of a diagonal entry.",
            "Erro relativo de uma rede (média, 95 %) e da média sobre redes; tracejado: o desvio-padrão "
            "relativo exato de uma entrada da diagonal.",
        ),
        WIDTH,
        Axis(Words("‖Θ − Θ_∞‖ ÷ ‖Θ_∞‖", "‖Θ − Θ_∞‖ ÷ ‖Θ_∞‖"), log=True),
        (
            series(Words("one network", "uma rede"), widths, [e.single.mean() for e in found], "measured",
                   "both", ends),
            series(Words("mean of networks", "média das redes"), widths, [e.of_mean for e in found], "good",
                   "both"),
            series(Words("s.d. of Θ(x, x), exact", "desvio de Θ(x, x), exato"), widths, predicted, "theory"),
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Tangent kernels at finite width", "Núcleos tangentes em largura finita"),
    claim=Words(
        "As the widths grow, the network is described by one fixed kernel, whatever the random start.",
        "Com larguras crescentes, a rede é descrita por um núcleo fixo, qualquer que seja o início sorteado.",
    ),
    source=NTK_SECTION,
    prediction=Words(
        "Θ ← K + C_W E φ'φ' Θ layer by layer, K the covariance of signals, φ' the slope (Jacot, Gabriel and "
        "Hongler 2018, theorem 1); the error of one network falls like 1/√H: an exponent between −0.6 and "
        "−0.4.",
        "Θ ← K + C_W E φ'φ' Θ camada a camada, K a covariância dos sinais, φ' a inclinação (Jacot, Gabriel "
        "e Hongler 2018, teorema 1); o erro de uma rede cai como 1/√H: expoente entre −0,6 e −0,4.",
    ),
    measure=measure,
    rows=("U3",),
)
