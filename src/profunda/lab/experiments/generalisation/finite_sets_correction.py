"""Bias estimated from L training sets is too large by variance/L, and variance too small by the same."""

import math

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import SmootherRisk, basis_problem

_LOG = -3.0  # where the variance is 180 times the squared bias


def verdict(plain: float, low: float, high: float, exact: float) -> Verdict:
    """`plain`: bias² as the text estimates it; [low, high]: 95 % interval of the corrected one."""
    if not low <= exact <= high:
        return "wrong"
    return "holds" if abs(plain - exact) <= 0.1 * exact else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """The plain and the corrected estimate from L sets, many times over."""
    problem, strength = basis_problem(points=201), math.exp(_LOG)
    exact, repeats = problem.exact(strength), 60 if quick else 300
    counts = np.array([5, 10, 25, 50, 100])
    found = [[problem.simulate(strength, n, 100 * n + k) for k in range(repeats)] for n in counts.tolist()]
    plain = np.array([[one.plain_bias2 for one in row] for row in found])
    fair = np.array([[one.bias2 for one in row] for row in found])
    error = 1.96 * fair.std(1, ddof=1) / math.sqrt(repeats)
    value, reach = float(fair[-1].mean()), float(error[-1])
    last = float(plain[-1].mean())
    return Outcome(
        headline=Words("bias², corrected, from 100 sets", "viés², corrigido, com 100 conjuntos"),
        predicted=exact.bias2,
        value=value,
        interval=(value - reach, value + reach),
        measured=said(
            "Exact bias²: {0}. The plain estimate from 100 sets is {1} on average over {2} repeats, the "
            "corrected one {3}. From 5 sets they are {4} and {5}.",
            "Viés² exato: {0}. A estimativa simples com 100 conjuntos é {1} em média sobre {2} repetições, a "
            "corrigida {3}. Com 5 conjuntos são {4} e {5}.",
            exact.bias2, last, repeats, value, float(plain[0].mean()), float(fair[0].mean()),
        ),
        verdict=verdict(last, value - reach, value + reach, exact.bias2),
        statement=Words(
            "The mean of L fits still scatters with variance/L, which counts as bias. Where variance rules, "
            "100 sets are not enough to read the bias off; subtracting variance/L puts it right.",
            "A média de L ajustes ainda varia com variância/L, que conta como viés. Onde a variância domina, "
            "100 conjuntos não bastam para ler o viés; subtrair variância/L corrige isso.",
        ),
        pictures=(_picture(counts, plain, fair, error, exact),),
    )  # fmt: skip


def _picture(
    counts: np.ndarray, plain: np.ndarray, fair: np.ndarray, error: np.ndarray, exact: SmootherRisk
) -> Plot:
    at = np.array([*counts.tolist(), 200, 400])
    return Plot(
        Words("Estimated bias² by the number of sets", "Viés² estimado por número de conjuntos"),
        Words(
            "Means over repeats; whiskers: 95 % intervals of the mean (those below the picture "
            "reach 0).",
            "Médias sobre repetições; hastes: intervalos de 95 % da média (as que saem por baixo "
            "chegam a 0).",
        ),
        Axis(Words("training sets L", "conjuntos de treino L"), log=True, range=(4.5, 440.0)),
        Axis(Words("bias²", "viés²"), log=True, range=(5e-5, 2e-2)),
        (
            series(Words("plain", "simples"), counts, plain.mean(1), "bad", "both"),
            series(
                Words("bias² + variance/L", "viés² + variância/L"),
                at, exact.bias2 + exact.variance / at, "theory",
            ),
            series(
                Words("corrected", "corrigido"), counts, fair.mean(1), "measured", "points",
                (fair.mean(1) - error, fair.mean(1) + error),
            ),
        ),
        marks=(Mark(Words("exact bias²", "viés² exato"), y=exact.bias2),),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Bias from a finite number of sets", "Viés com um número finito de conjuntos"),
    claim=Words(
        "Fitting 100 noisy data sets shows bias and variance: the bias is the distance from the mean of the "
        "fits to the true curve.",
        "Ajustar 100 conjuntos com ruído mostra viés e variância: o viés é a distância da média dos ajustes "
        "até a curva verdadeira.",
    ),
    source=Words(
        "“Técnicas de regularização”, learning curves: example of the bias–variance trade-off, figures after "
        "Bishop 2006, section 3.2",
        "“Técnicas de regularização”, curvas de aprendizado: exemplo do compromisso viés-variância, figuras "
        "segundo Bishop 2006, seção 3.2",
    ),
    prediction=Words(
        "On average over L sets the estimate of bias² is bias² + variance/L, that of the variance (1 − 1/L)·"
        "variance, since the mean of L "
        "independent fits has variance/L: at ln λ = −3, 0.00017 becomes 0.00046 with 100 sets.",
        "Em média sobre L conjuntos a estimativa do viés² é viés² + variância/L, a da variância (1 − 1/L)·"
        "variância, pois a média de L ajustes "
        "independentes tem variância/L: em ln λ = −3, 0,00017 vira 0,00046 com 100 conjuntos.",
    ),
    measure=measure,
    rows=("U11",),
)
