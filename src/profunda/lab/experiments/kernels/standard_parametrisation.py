"""In the parametrisation of PyTorch a fixed rate is no lazy regime at large width: it diverges."""

from dataclasses import dataclass

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.kernels._axes import DRIFT, NTK_SECTION, WIDTH
from profunda.lab.experiments.kernels._laws import Law, band, power_law
from profunda.lab.experiments.kernels._wide import descend, draw, drift, sphere
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import dense_kernels, largest_stable_step

_WIDTHS, _DEPTH, _FEATURES, _ROWS = (16, 32, 64, 128, 256), 2, 16, 4
_PACE = 0.5
"""Of the largest stable step at the narrowest width."""


@dataclass(frozen=True)
class Width:
    """λ_max(Θ₀) of M networks, their drift, shares of good endings under both rates, and theory's step."""

    width: int
    largest: np.ndarray
    drift: np.ndarray
    falling: float
    fixed: float
    step: float


def _rows() -> tuple[torch.Tensor, torch.Tensor]:
    return sphere(_ROWS, _FEATURES, 1), torch.tensor([1.0, -1.0] * (_ROWS // 2))


def stable_step(width: int) -> float:
    """2/λ_max of the infinitely wide kernel at this width, without biases."""
    x, _ = _rows()
    kernel = dense_kernels(x.double().numpy(), _DEPTH, "tanh", 1.0, widths=[width] * _DEPTH, biases=False).ntk
    return largest_stable_step(kernel, "half_rss")


def one(width: int, networks: int) -> Width:
    """tanh with weights N(0, 1/fan-in) that are trained themselves; rates ∝ 1/H and as at 16 units."""
    x, y = _rows()
    stack = draw([width] * _DEPTH, _FEATURES, "tanh", networks, 50 + width, 1.0, standard=True)
    before = stack.kernel(x)
    rate = _PACE * stable_step(_WIDTHS[0])
    small = descend(stack, x, y, torch.full((networks,), rate * _WIDTHS[0] / width), most=600)
    large = descend(stack, x, y, torch.full((networks,), rate), most=600)
    good = [
        float(((each.ratio <= 2e-3) & torch.isfinite(each.ratio)).double().mean()) for each in (small, large)
    ]  # fmt: skip
    largest = torch.linalg.eigvalsh(before)[:, -1].double().numpy()
    moved = drift(small.stack.kernel(x), before)
    return Width(width, largest, moved, good[0], good[1], stable_step(width))


def judge(kernel: Law, moved: Law, widest: Width) -> Verdict:
    """Lazy under both rates would hold outright; lazy only when the rate falls is a condition."""
    lazy = moved.high < -0.5 and widest.falling > 0.95
    if not lazy:
        return "wrong"
    grows = kernel.low > 0.5
    return "holds with conditions" if grows and widest.fixed < 0.5 else "holds"


def measure(quick: bool) -> Outcome:
    """λ_max, drift and good endings from 16 to 256 units."""
    found = [one(width, max(8, (10 if quick else 60) * 128 // max(width, 128))) for width in _WIDTHS]
    kernel = power_law(_WIDTHS, [each.largest for each in found])
    moved = power_law(_WIDTHS, [each.drift for each in found])
    exact = power_law(_WIDTHS, [np.array([1.0 / each.step]) for each in found])
    return Outcome(
        headline=Words("exponent of the width in λ_max(Θ₀)", "expoente da largura em λ_max(Θ₀)"),
        predicted=exact.slope,
        value=kernel.slope,
        interval=kernel.interval,
        measured=said(
            "λ_max(Θ) grows like H^{0}. With a rate ∝ 1/H {1} % end well at 256 units and the drift goes "
            "like H^{2}; with the rate that suits 16 units {3} % do at 64 and {4} % at 256.",
            "λ_max(Θ) cresce como H^{0}. Com taxa ∝ 1/H, {1} % terminam bem com 256 unidades e a mudança vai "
            "como H^{2}; com a taxa que serve a 16 unidades, {3} % com 64 e {4} % com 256.",
            kernel.slope, 100.0 * found[-1].falling, moved.slope, 100.0 * found[2].fixed,
            100.0 * found[-1].fixed,
        ),
        verdict=judge(kernel, moved, found[-1]),
        statement=Words(
            "Trained as PyTorch trains them, wide networks are lazy when the learning rate falls like 1/H. A "
            "rate that keeps its size gets beyond the largest stable step, since the tangent kernel grows "
            "with the width. The NTK parametrisation has the 1/H built in.",
            "Treinadas como o PyTorch treina, redes largas são preguiçosas quando a taxa de aprendizado cai "
            "como 1/H. Uma taxa que mantém o tamanho ultrapassa o maior passo estável, pois o núcleo "
            "tangente cresce com a largura. A parametrização NTK já traz o 1/H embutido.",
        ),
        pictures=(_endings(found), _drifts(found), _steps(found)),
    )  # fmt: skip


def _endings(found: list[Width]) -> Plot:
    return Plot(
        Words("Who trains to a thousandth of the loss", "Quem treina até um milésimo da perda"),
        Words(
            "Share of networks under a rate that falls like 1/H and under a rate that stays.",
            "Parcela de redes com taxa que cai como 1/H e com taxa que fica.",
        ),
        WIDTH,
        Axis(Words("share that ends well", "parcela que termina bem"), range=(-0.03, 1.05)),
        (
            series(Words("rate ∝ 1/H", "taxa ∝ 1/H"), _WIDTHS, [e.falling for e in found], "good", "both"),
            series(Words("fixed rate", "taxa fixa"), _WIDTHS, [e.fixed for e in found], "bad", "both"),
        ),
    )


def _drifts(found: list[Width]) -> Plot:
    values = [each.drift for each in found]
    middle = [float(np.median(each)) for each in values]
    guide = [middle[0] * _WIDTHS[0] / width for width in _WIDTHS]
    return Plot(
        Words("Kernel drift with a rate ∝ 1/H", "Mudança do núcleo com taxa ∝ 1/H"),
        Words("Medians over networks with 95 % bands.", "Medianas sobre redes com faixas de 95 %."),
        WIDTH,
        DRIFT,
        (
            series(Words("measured", "medido"), _WIDTHS, middle, "measured", "both", band(values)),
            series(Words("∝ 1/H", "∝ 1/H"), _WIDTHS, guide, "theory"),
        ),
    )


def _steps(found: list[Width]) -> Plot:
    values = [2.0 / each.largest for each in found]
    return Plot(
        Words("Largest stable step", "Maior passo estável"),
        Words(
            "2/λ_max of the kernels at the start, median and 95 %; dashed: of the analytic kernel. The "
            "fixed rate lies above it for wide networks.",
            "2/λ_max dos núcleos no início, mediana e 95 %; tracejado: do núcleo analítico. A taxa fixa fica "
            "acima dele em redes largas.",
        ),
        WIDTH,
        Axis(Words("step on ½ RSS", "passo em ½ RSS"), log=True),
        (
            series(Words("measured", "medido"), _WIDTHS, [float(np.median(v)) for v in values], "measured",
                   "both", band(values)),
            series(Words("analytic kernel", "núcleo analítico"), _WIDTHS, [e.step for e in found], "theory"),
        ),
        marks=(Mark(Words("fixed rate", "taxa fixa"), y=_PACE * found[0].step),),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words(
        "The lazy regime in PyTorch's parametrisation", "O regime preguiçoso na parametrização do PyTorch"
    ),
    claim=Words(
        "Initialised as in PyTorch, with variance C_W/N, a network trained by gradient descent becomes "
        "linear as its widths grow.",
        "Inicializada como no PyTorch, com variância C_W/N, uma rede treinada por descida de gradiente torna-"
        "se linear quando suas larguras crescem.",
    ),
    source=NTK_SECTION,
    prediction=Words(
        "There a layer's weights count with its fan-in in Θ, so λ_max grows with H and the largest stable "
        "step falls like 1/H (Lee et al. 2019, section on standard parametrisation): lazy for rates ∝ 1/H, "
        "divergent for a fixed rate.",
        "Ali os pesos de uma camada contam em Θ com seu fan-in, logo λ_max cresce com H e o maior passo "
        "estável cai como 1/H (Lee et al. 2019, sobre a parametrização padrão): preguiçosa para taxas ∝ 1/H, "
        "divergente para taxa fixa.",
    ),
    measure=measure,
    rows=("U3",),
)
