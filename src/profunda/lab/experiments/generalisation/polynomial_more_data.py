"""The same polynomial of degree 9 on more points overfits less."""

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Plot, Slider, series
from profunda.lab.words import Words, said
from profunda.theory import fit_polynomial, powers, refit_rms, ridge_smoother, smoother_risk

_DEGREE, _NOISE = 9, 0.3


def _exact(rows: int) -> float:
    """√(bias² + variance) of the fit, averaged over [0, 1], from the smoother matrix: no simulation."""
    x, at = np.linspace(0, 1, rows), np.linspace(0, 1, 2001)
    smoother = ridge_smoother(powers(x, _DEGREE), 0.0, "rss", powers(at, _DEGREE))
    risk = smoother_risk(smoother, np.sin(2 * np.pi * x), np.sin(2 * np.pi * at), _NOISE)
    return float(np.sqrt(risk.bias2 + risk.variance))


def verdict(medians: np.ndarray) -> Verdict:
    """Whether the median distance [N] falls at every step to more rows."""
    return "holds" if bool((np.diff(medians) < 0).all()) else "wrong"


def measure(quick: bool) -> Outcome:
    """Fits to fresh noise for six numbers of points."""
    rows = np.array([11, 15, 25, 50, 100, 400])
    draws = 200 if quick else 2000
    found = np.array([refit_rms(n, _DEGREE, _NOISE, draws, 11) for n in rows.tolist()])
    medians = np.median(found, 1)
    exact = np.array([_exact(n) for n in rows.tolist()])
    squares = (found[4] ** 2).mean(), (found[4] ** 2).std() / np.sqrt(draws)
    low, high = np.sqrt(squares[0] - 1.96 * squares[1]), np.sqrt(squares[0] + 1.96 * squares[1])
    return Outcome(
        headline=Words("RMS to the sine at 100 points", "RMS até o seno com 100 pontos"),
        predicted=float(exact[4]),
        value=float(np.sqrt(squares[0])),
        interval=(float(low), float(high)),
        measured=said(
            "Over {0} draws of noise the median distance to the true curve is {1} with 15 points, {2} with "
            "100 and {3} with 400.",
            "Em {0} sorteios do ruído, a distância mediana até a curva verdadeira é {1} com 15 pontos, {2} "
            "com 100 e {3} com 400.",
            draws, float(medians[1]), float(medians[4]), float(medians[5]),
        ),
        verdict=verdict(medians),
        statement=Words(
            "More points mean less overfitting by the same model: the distance falls about as 1/√N once the "
            "points are well more than the coefficients.",
            "Mais pontos significam menos overfitting do mesmo modelo: a distância cai mais ou menos como "
            "1/√N quando há bem mais pontos que coeficientes.",
        ),
        pictures=(_distances(rows, found, exact), _curves()),
    )  # fmt: skip


def _distances(rows: np.ndarray, found: np.ndarray, exact: np.ndarray) -> Plot:
    band = (np.quantile(found, 0.1, axis=1), np.quantile(found, 0.9, axis=1))
    return Plot(
        Words("Distance to the true curve by points", "Distância até a curva verdadeira por pontos"),
        Words(
            "Line and band: median and 80 % of the draws; dashed: the exact root of the mean square, which "
            "rare bad fits pull up where points are few.",
            "Linha e faixa: mediana e 80 % dos sorteios; tracejado: a raiz exata da média dos quadrados, que "
            "ajustes ruins e raros elevam quando há poucos pontos.",
        ),
        Axis(Words("points N", "pontos N"), log=True),
        Axis(Words("RMS distance to sin 2πx", "distância RMS até sen 2πx"), log=True),
        (
            series(Words("median", "mediana"), rows, np.median(found, 1), "measured", "both", band),
            series(Words("√(bias² + variance)", "√(viés² + variância)"), rows, exact, "theory"),
        ),
    )


def _curves() -> Plot:
    at, shown = np.linspace(0.0, 1.0, 121), (11, 15, 100)
    lines = []
    for place, n in enumerate(shown):
        x = np.linspace(0.0, 1.0, n)
        t = np.sin(2 * np.pi * x) + _NOISE * np.random.default_rng([5, n]).normal(size=n)
        fit = fit_polynomial(x, t, _DEGREE)
        lines += [
            series(Words("points", "pontos"), x, t, "measured", "points", step=place),
            series(Words("degree 9", "grau 9"), at, fit.at(at), "bad", step=place),
        ]
    return Plot(
        Words("One fit of degree 9", "Um ajuste de grau 9"),
        Words("Move the slider to give it more points.", "Mova o controle para dar mais pontos."),
        Axis(Words("x", "x")),
        Axis(Words("target t", "alvo t"), range=(-1.8, 1.8)),
        (series(Words("sin 2πx", "sen 2πx"), at, np.sin(2 * np.pi * at), "theory"), *lines),
        slider=Slider(Words("Points", "Pontos"), tuple(said("N = {0}", "N = {0}", n) for n in shown)),
    )


EXPERIMENT = Experiment(
    title=Words("More data, less overfitting", "Mais dados, menos overfitting"),
    claim=Words(
        "Increasing the size of the data set reduces overfitting: a polynomial of degree 9 follows the noise "
        "of 15 points and the curve of 100.",
        "Aumentar o conjunto de dados reduz o overfitting: um polinômio de grau 9 segue o ruído de 15 pontos "
        "e a curva de 100.",
    ),
    source=Words(
        "“Técnicas de regularização”, introduction: alternative 1, figure 1.6",
        "“Técnicas de regularização”, introdução: alternativa 1, figura 1.6",
    ),
    prediction=Words(
        "The variance of a least-squares fit at its points is σ²(M + 1)/N exactly: between 15 and 100 points "
        "it falls 6.7 times (Hastie et al. 2009, eq. 7.12); medians near 0.24 and 0.09.",
        "A variância do ajuste por mínimos quadrados nos seus pontos é exatamente σ²(M + 1)/N: de 15 para "
        "100 pontos cai 6,7 vezes (Hastie et al. 2009, eq. 7.12); medianas perto de 0,24 e 0,09.",
    ),
    measure=measure,
    rows=("U9", "U10"),
)
