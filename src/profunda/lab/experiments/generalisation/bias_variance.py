"""Bias² falls and variance grows as the penalty is taken away; their sum with the noise is the error."""

import math

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import basis_problem

_SETS, _TOLERANCE = 100, 2e-3


def verdict(bias: np.ndarray, variance: np.ndarray, total: np.ndarray, fresh: np.ndarray) -> Verdict:
    """Along growing λ [K]: whether bias² rises, variance falls, and their sum is the error on new noise."""
    trades = bool((np.diff(bias) > 0).all() and (np.diff(variance) < 0).all())
    adds = bool(np.abs(fresh - total).max() <= _TOLERANCE)
    return "holds" if trades and adds else "wrong"


_SO = Words(
    "On points and noise that the fit has not seen, the squared error is bias² + variance + noise, "
    "and the penalty trades the first two.",
    "Em pontos e ruído que o ajuste não viu, o erro quadrático é viés² + variância + ruído, e a "
    "penalidade troca os dois primeiros entre si.",
)


def measure(quick: bool) -> Outcome:
    """24 Gaussians on 25 points of a noisy sine, fitted to many draws of the noise."""
    problem, sets = basis_problem(), _SETS if quick else 4 * _SETS
    logs = np.array([-3.0, -2.0, -1.0, 0.2, 1.0, 1.6, 2.2, 3.0])
    exact = [problem.exact(math.exp(log)) for log in logs.tolist()]
    found = [problem.simulate(math.exp(log), sets, 1) for log in logs.tolist()]
    noise = problem.noise * np.random.default_rng(2).normal(size=(sets, len(problem.truth_at)))
    fresh = [
        float(np.mean((problem.predictions(math.exp(log), sets, 1) - problem.truth_at - noise) ** 2))
        for log in logs.tolist()
    ]
    total = np.array([one.plain_bias2 + one.plain_variance + one.noise for one in found])
    bias, variance = (np.array([getattr(one, name) for one in found]) for name in ("bias2", "variance"))
    apart = float(np.abs(np.array(fresh) - total).max())
    best = math.log(problem.best_strength())
    return Outcome(
        headline=Words(
            "largest |error on new noise − (bias² + variance + noise)|",
            "maior |erro com ruído novo − (viés² + variância + ruído)|",
        ),
        predicted=0.0,
        value=apart,
        interval=(0.0, _TOLERANCE),
        measured=said(
            "From ln λ = 3 to −3 bias² falls from {0} to {1} and variance rises from {2} to {3}, in {4} "
            "draws of the noise. Their sum with σ² = 0.09 differs from the error on new noise by {5} at "
            "most. It is least at ln λ = {6}.",
            "De ln λ = 3 a −3 o viés² cai de {0} para {1} e a variância sobe de {2} para {3}, em {4} "
            "sorteios do ruído. A soma deles com σ² = 0,09 difere do erro com ruído novo em no máximo {5}. "
            "É mínima em ln λ = {6}.",
            float(bias[-1]), float(bias[0]), float(variance[-1]), float(variance[0]), sets, apart, best,
        ),
        verdict=verdict(bias, variance, total, np.array(fresh)),
        statement=_SO,
        pictures=(_picture(logs, bias, variance, np.array(fresh), exact, best),),
    )  # fmt: skip


def _picture(
    logs: np.ndarray, bias: np.ndarray, variance: np.ndarray, fresh: np.ndarray, exact: list, best: float
) -> Plot:
    theory = [
        series(name, logs, values, "theory")
        for name, values in (
            (Words("exact, each", "exato, cada um"), [one.bias2 for one in exact]),
            (Words("", ""), [one.variance for one in exact]),
            (Words("", ""), [one.total for one in exact]),
        )
    ]
    return Plot(
        Words("Bias, variance and error by the penalty", "Viés, variância e erro pela penalidade"),
        Words(
            "Left: little penalty, the fit follows the noise. Right: much, it misses the curve.",
            "Esquerda: pouca penalidade, o ajuste segue o ruído. Direita: muita, ele perde a curva.",
        ),
        Axis(Words("ln λ", "ln λ")),
        Axis(Words("squared error", "erro quadrático"), log=True, range=(1e-4, 1.0)),
        (
            series(Words("bias²", "viés²"), logs, bias, "measured", "both"),
            series(Words("variance", "variância"), logs, variance, "second", "both"),
            series(Words("error on new noise", "erro com ruído novo"), logs, fresh, "bad", "both"),
            *theory,
        ),
        marks=(Mark(Words("least sum", "soma mínima"), x=best),),
    )


EXPERIMENT = Experiment(
    title=Words("Bias and variance", "Viés e variância"),
    claim=Words(
        "The expected squared error is the bias squared plus the variance plus the noise, and a model trades "
        "one of the first two for the other.",
        "O erro quadrático esperado é o viés ao quadrado mais a variância mais o ruído, e um modelo troca um "
        "dos dois primeiros pelo outro.",
    ),
    source=Words(
        "“Técnicas de regularização”, learning curves: the classical bias–variance trade-off",
        "“Técnicas de regularização”, curvas de aprendizado: o compromisso clássico viés-variância",
    ),
    prediction=Words(
        "Exact for a linear fit, from its smoother matrix (Bishop 2006, section 3.2; Hastie et al. 2009, eq. "
        "7.9): bias² 0.00016 and variance 0.0288 at ln λ = −3, 0.0404 and 0.0082 at 2.2.",
        "Exato para um ajuste linear, pela sua matriz de suavização (Bishop 2006, seção 3.2; Hastie et al. "
        "2009, eq. 7.9): viés² 0,00016 e variância 0,0288 em ln λ = −3, 0,0404 e 0,0082 em 2,2.",
    ),
    measure=measure,
    rows=("U11",),
)
