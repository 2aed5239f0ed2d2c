"""At the training points the decomposition lacks a term: the fit has seen that very noise."""

import math

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import basis_problem, degrees_of_freedom, optimism, ridge_smoother


def verdict(low: float, high: float, predicted: float) -> Verdict:
    """`low`, `high`: interval of (bias² + variance + noise) − training error; the text's formula has 0."""
    if low <= 0.0 <= high:
        return "holds"
    return "holds with conditions" if low <= predicted <= high else "wrong"


def measure(quick: bool) -> Outcome:
    """Training error and error on new noise at the same points, over draws of the noise and penalties."""
    problem, draws = basis_problem(), 2_000 if quick else 20_000
    logs = np.array([-3.0, -2.0, -1.0, 0.0, 1.0, 2.0])
    noise = problem.noise * np.random.default_rng(4).normal(size=(2, draws, len(problem.truth)))
    smoothers = [ridge_smoother(problem.features, math.exp(log), "rss") for log in logs.tolist()]
    predicted = np.array([optimism(one, problem.noise) for one in smoothers])
    fits = [(problem.truth + noise[0]) @ one.T for one in smoothers]
    train = np.array([((problem.truth + noise[0] - fit) ** 2).mean(1) for fit in fits])
    fresh = np.array([((problem.truth + noise[1] - fit) ** 2).mean(1) for fit in fits])
    gaps, place = fresh - train, 3
    error = 1.96 * gaps.std(1, ddof=1) / math.sqrt(draws)
    value, reach = float(gaps[place].mean()), float(error[place])
    return Outcome(
        headline=Words(
            "error on new noise − training error, at the training points (ln λ = 0)",
            "erro com ruído novo − erro de treino, nos pontos de treino (ln λ = 0)",
        ),
        predicted=float(predicted[place]),
        value=value,
        interval=(value - reach, value + reach),
        measured=said(
            "At ln λ = 0, over {0} draws, the mean squared error is {1} on the training targets and {2} on "
            "new targets at the same points: a gap of {3}. 2σ²tr S/N, with tr S = {4}, is {5}.",
            "Em ln λ = 0, em {0} sorteios, o erro quadrático médio é {1} nos alvos de treino e {2} em novos "
            "alvos nos mesmos pontos: uma diferença de {3}. 2σ²tr S/N, com tr S = {4}, é {5}.",
            draws, float(train[place].mean()), float(fresh[place].mean()), value,
            degrees_of_freedom(smoothers[place]), float(predicted[place]),
        ),
        verdict=verdict(value - reach, value + reach, float(predicted[place])),
        statement=Words(
            "The cross term vanishes because the noise of the target is independent of the fit, not “of x”. "
            "At the training points with their own noise it is not, and the training error is lower by "
            "2σ²tr S/N.",
            "O termo cruzado some porque o ruído do alvo é independente do ajuste, não “de x”. Nos pontos de "
            "treino, com o próprio ruído, não é, e o erro de treino é menor em 2σ²tr S/N.",
        ),
        pictures=(_picture(logs, train, fresh, predicted, problem.noise**2),),
    )  # fmt: skip


def _picture(
    logs: np.ndarray, train: np.ndarray, fresh: np.ndarray, predicted: np.ndarray, noise_variance: float
) -> Plot:
    return Plot(
        Words("What the training error hides", "O que o erro de treino esconde"),
        Words(
            "The less penalty, the more parameters the fit is worth (tr S), and the larger the gap.",
            "Quanto menos penalidade, mais parâmetros o ajuste vale (tr S), e maior a diferença.",
        ),
        Axis(Words("ln λ", "ln λ"), range=(-3.3, 2.9)),
        Axis(Words("mean squared error", "erro quadrático médio"), range=(0.0, 0.16)),
        (
            series(Words("training targets", "alvos de treino"), logs, train.mean(1), kind="both"),
            series(Words("new targets", "novos alvos"), logs, fresh.mean(1), "bad", "both"),
            series(
                Words("training + 2σ²tr S/N", "treino + 2σ²tr S/N"), logs, train.mean(1) + predicted,
                "theory",
            ),
        ),
        marks=(Mark(Words("noise σ²", "ruído σ²"), y=noise_variance),),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Optimism of the training error", "Otimismo do erro de treino"),
    claim=Words(
        "E(y − f̂)² = bias² + variance + noise, at the training points as well as outside, because the "
        "noise is independent of x.",
        "E(y − f̂)² = viés² + variância + ruído, nos pontos de treino e fora deles, porque o ruído é "
        "independente de x.",
    ),
    source=Words(
        "“Técnicas de regularização”, learning curves: derivation of the bias–variance decomposition",
        "“Técnicas de regularização”, curvas de aprendizado: derivação da decomposição viés-variância",
    ),
    prediction=Words(
        "For a linear fit ŷ = S y, with smoother matrix S, the training error is lower by 2σ²tr(S)/N "
        "(Efron 1986; Hastie et al. 2009, "
        "section 7.4).",
        "Para um ajuste linear ŷ = S y, com matriz S, o erro de treino é menor em 2σ²tr(S)/N (Efron 1986; "
        "Hastie et al. "
        "2009, seção 7.4).",
    ),
    measure=measure,
    errata=("E13",),
    rows=("U11",),
)
