"""Double descent without simulation: the exact law for independent features."""

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import isotropic_draws, isotropic_risk, noise_amplification

_ROWS, _NOISE = 100, 0.5
_COUNTS = np.array([5, 20, 50, 70, 80, 90, 95, 105, 110, 120, 150, 200, 400, 800])


def verdict(distances: np.ndarray, risks: np.ndarray) -> Verdict:
    """`distances` [K] between simulation and law in standard errors: four are allowed; `risks` [K] measured,
    by growing number of features.

    A second fall must take half of the peak away; one that stays above the best at few features is of
    little use.
    """
    peak = int(np.argmax(risks))
    second = float(risks[peak:].min())
    if float(np.abs(distances).max()) > 4.0 or second > 0.5 * risks[peak]:
        return "wrong"
    return "holds" if second < risks[:peak].min(initial=np.inf) else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Least-norm fits to N = 100 rows of p standard normal features."""
    repeats = 40 if quick else 120
    counts = _COUNTS[:-2] if quick else _COUNTS
    exact = np.array([isotropic_risk(_ROWS, p, _NOISE) for p in counts.tolist()])
    draws = [isotropic_draws(_ROWS, p, _NOISE, repeats=repeats, seed=p) for p in counts.tolist()]
    mean = np.array([one.mean() for one in draws])
    error = np.array([one.std(ddof=1) for one in draws]) / np.sqrt(repeats)
    # Below N the risk does not scatter with w, so that single draws may have hardly any spread.
    distances = (mean - exact) / np.maximum(error, 1e-12)
    place = counts.tolist().index(110)
    value, reach = float(mean[place]), 1.96 * float(error[place])
    far = counts.tolist().index(200)
    return Outcome(
        headline=Words("risk at p = 110 of N = 100", "risco em p = 110 de N = 100"),
        predicted=float(exact[place]),
        value=value,
        interval=(value - reach, value + reach),
        measured=said(
            "Over {0} draws at each of {1} sizes the largest distance to the law is {2} standard errors: "
            "{3} against {4} at p = 110, {5} against {6} at p = 200.",
            "Em {0} sorteios para cada um de {1} tamanhos, a maior distância até a lei é de {2} erros "
            "padrão: {3} contra {4} em p = 110, {5} contra {6} em p = 200.",
            repeats, len(counts), float(np.abs(distances).max()), value, float(exact[place]),
            float(mean[far]), float(exact[far]),
        ),
        verdict=verdict(distances, mean),
        statement=said(
            "The risk is known exactly, and it falls a second time: from the peak, where the noise is "
            "amplified ({0} times at p = N ± 10), to {1} at p = {2}. There it turns, since the fit misses "
            "the share 1 − N/p of the signal, and rises to ‖w‖². Where all features count alike there is "
            "no first descent, and few are best.",
            "O risco é conhecido exatamente e cai uma segunda vez: do pico, onde o ruído se amplifica ({0} "
            "vezes em p = N ± 10), até {1} em p = {2}. Ali ele vira, pois o ajuste perde a fração 1 − N/p do "
            "sinal, e sobe até ‖w‖². Onde todas as características contam igualmente não há primeira "
            "descida, e o melhor são poucas.",
            noise_amplification(_ROWS, 110), *_second_minimum(),
        ),
        pictures=(_picture(counts, mean, error),),
    )  # fmt: skip


def _second_minimum() -> tuple[float, int]:
    """The least risk of the law beyond the peak, and its number of features."""
    beyond = range(_ROWS + 2, 20 * _ROWS)
    risks = [isotropic_risk(_ROWS, p, _NOISE) for p in beyond]
    return min(risks), beyond[int(np.argmin(risks))]


def _picture(counts: np.ndarray, mean: np.ndarray, error: np.ndarray) -> Plot:
    below, above = np.arange(5, 98), np.unique(np.geomspace(103, 800, 60).astype(int))
    curves = [np.array([isotropic_risk(_ROWS, p, _NOISE) for p in side.tolist()]) for side in (below, above)]
    return Plot(
        Words("Risk by the number of features", "Risco por número de características"),
        Words(
            "Dots with 95 % intervals: simulated, the truth having as many features as the fit; dashed: "
            "the law. Its mean is infinite around p = N.",
            "Pontos com intervalos de 95 %: simulados, tendo a verdade tantas características quantas o "
            "ajuste; tracejado: a lei. A média é infinita em torno de p = N.",
        ),
        Axis(Words("features p", "características p"), log=True),
        Axis(Words("risk ‖ŵ − w‖²", "risco ‖ŵ − w‖²"), log=True),
        (
            series(Words("simulated", "simulado"), counts, mean, "measured", "points",
                   (mean - 1.96 * error, mean + 1.96 * error)),
            series(Words("law", "lei"), below, curves[0], "theory"),
            series(Words("", ""), above, curves[1], "theory"),
        ),
        marks=(Mark(Words("p = N = 100", "p = N = 100"), x=float(_ROWS)),),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("The law of double descent", "A lei da descida dupla"),
    claim=Words(
        "The test error can fall a second time when parameters outnumber the training rows.",
        "O erro de teste pode cair uma segunda vez quando há mais parâmetros que linhas de treino.",
    ),
    source=Words(
        "“Técnicas de regularização”, learning curves: double descent",
        "“Técnicas de regularização”, curvas de aprendizado: descida dupla",
    ),
    prediction=Words(
        "For independent normal features and the fit of least norm the risk is σ²p/(N − p − 1) below N and "
        "‖w‖²(1 − N/p) + σ²N/(p − N − 1) above (Belkin, Hsu and Xu 2020, theorem 1).",
        "Para características normais independentes e o ajuste de norma mínima o risco é σ²p/(N − p − 1) "
        "abaixo de N e ‖w‖²(1 − N/p) + σ²N/(p − N − 1) acima (Belkin, Hsu e Xu 2020, teorema 1).",
    ),
    measure=measure,
    rows=("U12",),
)
