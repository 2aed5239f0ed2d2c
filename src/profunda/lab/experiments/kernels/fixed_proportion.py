"""Width and depth to infinity together: fluctuations stay, which is neither lazy nor best."""

from dataclasses import dataclass

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.kernels._axes import META, WIDTH
from profunda.lab.experiments.kernels._laws import Law, power_law
from profunda.lab.experiments.kernels._wide import descend, draw, sphere
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import log_gradient_variance, random_networks

_RATIOS, _WIDTHS = (0.0625, 0.25, 1.0), (16, 32, 64)
_FEATURES, _ROWS, _STEPS = 16, 8, 400


@dataclass(frozen=True)
class Start:
    """log Θ(x, x) of random ReLU networks of a width, at L = ratio · H or at fixed L."""

    ratio: float
    width: int
    depth: int
    logs: np.ndarray


def starts(networks: int) -> list[Start]:
    """Networks along three proportions, and of depth 2 whatever the width (ratio 0)."""
    found = []
    plans = [(r, h, int(r * h)) for r in _RATIOS for h in _WIDTHS] + [(0.0, h, 2) for h in _WIDTHS]
    for ratio, width, depth in plans:
        count = max(200, networks * 64 // (width * depth))
        drawn = random_networks([width] * depth, np.ones((1, 4)), "relu", 2.0, networks=count, seed=width)
        kernel = drawn.kernel[:, 0]
        # A narrow network has a dead layer now and then: no gradient at all, and no logarithm.
        found.append(Start(ratio, width, depth, np.log(kernel[kernel > 0.0])))
    return found


@dataclass(frozen=True)
class Fitted:
    """Share of networks that reach a hundredth of the loss in 400 steps, and its 95 % interval (Wilson)."""

    beta: float
    share: float
    low: float
    high: float


def fitted(width: int, depth: int, networks: int) -> Fitted:
    """ReLU networks, eight rows, steps of half of 1/λ_max: what the tangent kernel calls safe."""
    x = sphere(_ROWS, _FEATURES, 3)
    y = torch.tensor([1.0, -1.0] * (_ROWS // 2))
    stack = draw([width] * depth, _FEATURES, "relu", networks, width + depth, 2.0)
    rates = 0.5 / torch.linalg.eigvalsh(stack.kernel(x))[:, -1].clamp_min(1e-6)
    done = descend(stack, x, y, rates, ratio=1e-2, most=_STEPS)
    p = float(((done.ratio <= 1.02e-2) & torch.isfinite(done.ratio)).double().mean())
    z = 1.96
    centre, scale = p + z * z / (2 * networks), 1 + z * z / networks
    half = z * np.sqrt(p * (1 - p) / networks + z * z / (4 * networks**2))
    return Fitted(depth / width, p, float(max(0.0, centre - half) / scale), float((centre + half) / scale))


def judge(along: Law, fixed: Law, fits: list[Fitted]) -> Verdict:
    """A limit of its own at a fixed proportion, different from that of fixed depth; and is every one good?"""
    own_limit = abs(along.slope) < 0.25 and fixed.high < -0.75
    if not own_limit:
        return "wrong"
    return "holds" if min(each.low for each in fits) > 0.8 else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Spread of log Θ along three proportions, and which networks can be trained."""
    found = starts(700 if quick else 4_000)
    along = power_law(_WIDTHS, [s.logs for s in found if s.ratio == 0.25], np.var)
    fixed = power_law(_WIDTHS, [s.logs for s in found if s.ratio == 0.0], np.var)
    depths = (1, 2, 4, 8, 16)
    fits = [fitted(16, depth, 40 if quick else 150) for depth in depths]
    return Outcome(
        headline=Words(
            "exponent of the width in Var log Θ at L/H = ¼", "expoente da largura em Var log Θ com L/H = ¼"
        ),
        predicted=0.0,
        value=along.slope,
        interval=along.interval,
        measured=said(
            "From 16 to 64 units Var log Θ changes like H^{0} at L/H = ¼, and like H^{1} at two layers. Of "
            "networks with 16 units, {2} % fit at L/H = 1/16, {3} % at ½, {4} % at 1.",
            "De 16 a 64 unidades Var log Θ muda como H^{0} com L/H = ¼, e como H^{1} com duas camadas. De "
            "redes com 16 unidades, {2} % ajustam com L/H = 1/16, {3} % com ½, {4} % com 1.",
            along.slope, fixed.slope, 100.0 * fits[0].share, 100.0 * fits[3].share, 100.0 * fits[4].share,
        ),
        verdict=judge(along, fixed, fits),
        statement=Words(
            "A fixed proportion has a limit of its own: fluctuations neither vanish nor explode, and "
            "networks go on differing in their kernels. That it is best does not follow: the proportion "
            "decides, and near L/H = 1 many networks of plain ReLU layers do not train at all.",
            "Uma proporção fixa tem um limite próprio: as flutuações nem somem nem explodem, e as redes "
            "continuam a diferir em seus núcleos. Que seja a melhor não decorre disso: a proporção decide, "
            "e perto de L/H = 1 muitas redes de camadas ReLU simples nem treinam.",
        ),
        pictures=(_spread(found), _fits(fits)),
    )  # fmt: skip


def _spread(found: list[Start]) -> Plot:
    drawn = []
    names = {0.0: Words("2 layers", "2 camadas")} | {
        r: Words(f"L/H = {text}", f"L/H = {text}")
        for r, text in zip(_RATIOS, ("1/16", "1/4", "1"), strict=True)
    }
    for ratio, role in ((0.0, "good"), (0.0625, "second"), (0.25, "measured"), (1.0, "bad")):
        own = [s for s in found if s.ratio == ratio]
        values = [float(s.logs.var()) for s in own]
        error = [1.96 * v * np.sqrt(2.0 / len(s.logs)) for v, s in zip(values, own, strict=True)]
        ends = (np.subtract(values, error), np.add(values, error))
        drawn.append(series(names[ratio], _WIDTHS, values, role, "both", ends))
    theory = [log_gradient_variance([h] * h, 4) - log_gradient_variance([], 4) for h in _WIDTHS]
    drawn.append(series(Words("log ‖x_L‖², L = H", "log ‖x_L‖², L = H"), _WIDTHS, theory, "theory"))
    return Plot(
        Words("Spread of the tangent kernel between networks", "Dispersão do núcleo tangente entre redes"),
        Words(
            "Variance of log Θ(x, x): level at a fixed proportion, falling like 1/H at fixed depth. Dashed: "
            "the exact variance of log ‖x_L‖² at L = H, for comparison.",
            "Variância de log Θ(x, x): constante em proporção fixa, caindo como 1/H em profundidade fixa. "
            "Tracejado: a variância exata de log ‖x_L‖² com L = H, para comparar.",
        ),
        WIDTH,
        Axis(Words("Var log Θ(x, x)", "Var log Θ(x, x)"), log=True),
        tuple(drawn),
    )


def _fits(fits: list[Fitted]) -> Plot:
    return Plot(
        Words("Who can still be trained", "Quem ainda pode ser treinado"),
        Words(
            "Share of ReLU networks of 16 units that reach a hundredth of their loss in 400 steps of half of "
            "1/λ_max, with 95 % intervals.",
            "Parcela de redes ReLU de 16 unidades que chegam a um centésimo da perda em 400 passos de metade "
            "de 1/λ_max, com intervalos de 95 %.",
        ),
        Axis(Words("depth ÷ width, L/H", "profundidade ÷ largura, L/H"), log=True),
        Axis(Words("share that fits", "parcela que ajusta"), range=(0.0, 1.05)),
        (
            series(
                Words("share that fits", "parcela que ajusta"),
                [each.beta for each in fits], [each.share for each in fits], "measured", "both",
                ([each.low for each in fits], [each.high for each in fits]),
            ),
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Width and depth growing together", "Largura e profundidade crescendo juntas"),
    claim=Words(
        "The best is to let both the width N and the depth L tend to infinity, at a fixed proportion, rather "
        "than one of them alone.",
        "O melhor é fazer tanto a largura N quanto a profundidade L tenderem ao infinito, em proporção fixa, "
        "em vez de só uma delas.",
    ),
    source=META,
    prediction=Words(
        "At fixed L/H the variance of log Θ tends to a constant (exponent within ±0.25 of 0), at fixed L it "
        "falls like 1/H (Hanin and Nica 2020). “Best” would need networks to train at every proportion: at "
        "least 80 % of them.",
        "Com L/H fixo a variância de log Θ tende a uma constante (expoente a ±0,25 de 0); com L fixo cai "
        "como 1/H (Hanin e Nica 2020). “Melhor” exigiria que as redes treinassem em toda proporção: ao "
        "menos 80 % delas.",
    ),
    measure=measure,
    errata=("E2",),
    rows=("U5",),
)
