"""The closed form of ridge regression, and which λ belongs into it."""

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.regularisation._tables import told
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import ridge

_ROWS, _INPUTS, _STRENGTH = 50, 6, 0.3
_TOLERANCE = 1e-10


def _closed(x: np.ndarray, y: np.ndarray, strength: float) -> np.ndarray:
    """(XᵀX + λI)⁻¹Xᵀy as the text writes it."""
    return np.linalg.solve(x.T @ x + strength * np.eye(x.shape[1]), x.T @ y)


def _slope(x: np.ndarray, y: np.ndarray, w: np.ndarray, mean: bool) -> float:
    """Length of the gradient of RSS + λ‖w‖², or of MSE + λ‖w‖²: 0 at its minimum."""
    loss = 2.0 * x.T @ (x @ w - y) / (len(y) if mean else 1)
    return float(np.linalg.norm(loss + 2.0 * _STRENGTH * w))


def judged(as_sum: float, as_mean: float, corrected: float) -> Verdict:
    """By the gradients left: of the sum with λ, of the mean with λ, of the mean with Nλ."""
    if as_sum > _TOLERANCE:
        return "wrong"
    return (
        "holds" if as_mean <= _TOLERANCE else "holds with conditions" if corrected <= _TOLERANCE else "wrong"
    )


def measure(quick: bool) -> Outcome:
    """Gradients of both objectives at the closed form."""
    found = []
    for seed in range(5 if quick else 50):
        random = np.random.default_rng(seed)
        x = random.standard_normal((_ROWS, _INPUTS))
        y = x @ np.linspace(-1.0, 1.0, _INPUTS) + random.standard_normal(_ROWS)
        w, scaled = _closed(x, y, _STRENGTH), _closed(x, y, _ROWS * _STRENGTH)
        found.append((_slope(x, y, w, False) / _ROWS, _slope(x, y, w, True), _slope(x, y, scaled, True)))
    as_sum, as_mean, corrected = (float(max(column)) for column in zip(*found, strict=True))
    verdict = judged(as_sum, as_mean, corrected)
    times = np.geomspace(0.1, 1000.0, 60)
    exact = ridge(x, y, _STRENGTH, "mse")
    far = [float(np.linalg.norm(_closed(x, y, t * _STRENGTH) - exact) / np.linalg.norm(exact)) for t in times]
    at_n = float(np.linalg.norm(_closed(x, y, _ROWS * _STRENGTH) - exact) / np.linalg.norm(exact))
    return Outcome(
        headline=Words(
            "gradient of MSE + λ‖w‖² left by the closed form with Nλ",
            "gradiente de MSE + λ‖w‖² que a forma fechada com Nλ deixa",
        ),
        predicted=0.0,
        value=corrected,
        interval=(0.0, _TOLERANCE),
        measured=said(
            "At (XᵀX + λI)⁻¹Xᵀy the gradient of RSS + λ‖w‖², by row, is {0}, that of MSE + λ‖w‖² is {1}; "
            "with Nλ in place of λ the latter is {2} (N = {3} rows, λ = {4}).",
            "Em (XᵀX + λI)⁻¹Xᵀy o gradiente de RSS + λ‖w‖², por linha, é {0}, o de MSE + λ‖w‖² é {1}; com "
            "Nλ no lugar de λ este último é {2} (N = {3} linhas, λ = {4}).",
            as_sum, as_mean, corrected, _ROWS, _STRENGTH,
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words("The closed form minimises both objectives.",
                  "A forma fechada minimiza os dois objetivos."),
            Words(
                "The closed form is right for the sum of squares. For the mean squared error with which the "
                "text defines L2, the same λ is N times as strong: (XᵀX + NλI)⁻¹Xᵀy. A λ means nothing "
                "without the loss beside it.",
                "A forma fechada está certa para a soma dos quadrados. Para o erro quadrático médio com que "
                "o texto define a L2, o mesmo λ é N vezes mais forte: (XᵀX + NλI)⁻¹Xᵀy. Um λ nada significa "
                "sem a perda ao lado.",
            ),
            Words("The closed form minimises neither objective here.",
                  "A forma fechada não minimiza aqui nenhum dos objetivos."),
        ),
        pictures=(
            Plot(
                Words("Closed form against the minimum of MSE + λ‖w‖²",
                      "Forma fechada contra o mínimo de MSE + λ‖w‖²"),
                Words(
                    "Distance of (XᵀX + c·λI)⁻¹Xᵀy from the exact weights, by the factor c on λ: the text's "
                    "is 1, the right one N = 50.",
                    "Distância de (XᵀX + c·λI)⁻¹Xᵀy aos pesos exatos, pelo fator c de λ: o do texto é 1, o "
                    "certo é N = 50.",
                ),
                Axis(Words("factor c on λ", "fator c de λ"), log=True),
                Axis(Words("relative distance", "distância relativa")),
                (
                    series(Words("distance", "distância"), times, far),
                    series(Words("c = N", "c = N"), [_ROWS], [at_n], "good", "points"),
                ),
                marks=(Mark(Words("text", "texto"), x=1.0),),
            ),
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("The λ of ridge regression", "O λ da regressão ridge"),
    claim=Words(
        "L2 beside a least-squares loss has the solution (XᵀX + λI)⁻¹Xᵀy.",
        "L2 junto de uma perda de mínimos quadrados tem a solução (XᵀX + λI)⁻¹Xᵀy.",
    ),
    source=Words(
        "“Técnicas de regularização”, L2: definition and normal equations",
        "“Técnicas de regularização”, L2: definição e equações normais",
    ),
    prediction=Words(
        "∇ = 2Xᵀ(Xw − y) + 2λw vanishes there for RSS (Hoerl and Kennard 1970, eq. 2.1); for MSE = RSS/N the "
        "same step needs Nλ.",
        "∇ = 2Xᵀ(Xw − y) + 2λw se anula ali para RSS (Hoerl e Kennard 1970, eq. 2.1); para MSE = RSS/N o "
        "mesmo passo pede Nλ.",
    ),
    measure=measure,
    errata=("E6",),
    rows=("R2",),
)
