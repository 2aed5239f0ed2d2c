"""The threshold λ/Q belongs to another loss than the one the text writes, and to orthogonal columns."""

from typing import get_args

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.regularisation._tables import told
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import LossScale, lasso, orthogonal_solution, ridge, soft_threshold

_ROWS, _INPUTS, _STRENGTH = 40, 8, 0.6
_TOLERANCE = 1e-10
_NAMES = {"half_rss": "½RSS", "rss": "RSS", "mse": "MSE", "sklearn": "RSS/(2N)"}


def _orthogonal(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns at right angles, of different lengths, and noisy targets."""
    random = np.random.default_rng(seed)
    q = np.linalg.qr(random.standard_normal((_ROWS, _INPUTS)))[0]
    x = q * np.linspace(4.0, 9.0, _INPUTS)
    return x, x @ np.linspace(-1.0, 1.0, _INPUTS) + 0.3 * random.standard_normal(_ROWS)


def _printed(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The text's solution: the least-squares weights, each through a threshold of λ/Q_j, Q_j = Σ x²."""
    return soft_threshold(ridge(x, y, 0.0, "rss"), _STRENGTH / (x * x).sum(0))


def _objective(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    return float(np.mean((y - x @ w) ** 2) + _STRENGTH * np.abs(w).sum())


def judged(printed: float, half: float, corrected: float) -> Verdict:
    """By the errors of λ/Q for the loss that the text writes and for ½RSS, and of the right threshold."""
    if printed <= _TOLERANCE:
        return "holds"
    return "wrong" if corrected <= _TOLERANCE else "holds with conditions" if half <= _TOLERANCE else "wrong"


def measure(quick: bool) -> Outcome:
    """Exact minimisers of the four usual losses against the formulas."""
    scales: tuple[LossScale, ...] = get_args(LossScale)
    wrong, right = dict.fromkeys(scales, 0.0), dict.fromkeys(scales, 0.0)
    for seed in range(3 if quick else 20):
        x, y = _orthogonal(seed)
        least, squares = ridge(x, y, 0.0, "rss"), (x * x).sum(0)
        for scale in scales:
            exact = lasso(x, y, _STRENGTH, scale).weights
            formula = orthogonal_solution(least, squares, _STRENGTH, 0.0, scale, _ROWS)
            wrong[scale] = max(wrong[scale], float(np.abs(_printed(x, y) - exact).max()))
            right[scale] = max(right[scale], float(np.abs(formula - exact).max()))
    leaning = np.random.default_rng(9).standard_normal((_ROWS, _INPUTS))
    leaning[:, 1:] += 2.0 * leaning[:, :1]
    y = leaning @ np.linspace(-1.0, 1.0, _INPUTS) + 0.3 * np.random.default_rng(8).standard_normal(_ROWS)
    best = lasso(leaning, y, _STRENGTH, "mse").weights
    threshold = _ROWS * _STRENGTH / (2.0 * (leaning**2).sum(0))
    taken = _objective(leaning, y, soft_threshold(ridge(leaning, y, 0.0, "rss"), threshold))
    verdict = judged(wrong["mse"], wrong["half_rss"], max(right.values()))
    return Outcome(
        headline=Words(
            "largest error of the text's weights for the text's loss (MSE)",
            "maior erro dos pesos do texto para a perda do texto (MSE)",
        ),
        predicted=0.0,
        value=wrong["mse"],
        interval=(wrong["mse"] - _TOLERANCE, wrong["mse"] + _TOLERANCE),
        measured=said(
            "With orthogonal columns λ/Q misses the minimiser of MSE + λ‖w‖₁ by up to {0}, and that of ½RSS "
            "+ λ‖w‖₁ by {1}. Nλ/(2Q) misses the former by {2}. With correlated columns even the right "
            "threshold on each least-squares weight gives an objective of {3}; the minimum is {4}.",
            "Com colunas ortogonais λ/Q erra o minimizador de MSE + λ‖w‖₁ por até {0}, e o de ½RSS + λ‖w‖₁ "
            "por {1}. Nλ/(2Q) erra o primeiro por {2}. Com colunas correlacionadas, mesmo o limiar certo "
            "sobre cada peso de mínimos quadrados dá objetivo {3}; o mínimo é {4}.",
            wrong["mse"], wrong["half_rss"], right["mse"], taken, _objective(leaning, y, best),
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words("λ/Q is right for the loss that the text writes.",
                  "λ/Q está certo para a perda que o texto escreve."),
            Words("λ/Q is right beside ½RSS only.", "λ/Q só está certo junto de ½RSS."),
            Words(
                "λ/Q belongs to ½RSS. Beside RSS the threshold is λ/(2Q), beside the mean squared error of "
                "the text Nλ/(2Q), beside RSS/(2N), as in scikit-learn, Nλ/Q. All need orthogonal columns; "
                "others take one weight at a time, each against what the rest leave over, until nothing "
                "changes.",
                "λ/Q pertence a ½RSS. Junto de RSS o limiar é λ/(2Q), junto do erro quadrático médio do "
                "texto Nλ/(2Q), junto de RSS/(2N), como no scikit-learn, Nλ/Q. Todos exigem colunas "
                "ortogonais; com outras toma-se um peso por vez, contra o que os demais deixam, até nada "
                "mudar.",
            ),
        ),
        pictures=(_curve(), _errors(wrong, right)),
    )  # fmt: skip


def _curve() -> Plot:
    """One column with Q = 20 of 40 rows: the weight against its least-squares value."""
    least = np.linspace(-2.0, 2.0, 40)  # none right at the threshold, where only rounding decides
    column = np.full((_ROWS, 1), np.sqrt(20.0 / _ROWS))
    exact = [float(lasso(column, column[:, 0] * w, _STRENGTH, "mse").weights[0]) for w in least]
    return Plot(
        Words("One weight under MSE + 0.6·|w|", "Um peso sob MSE + 0,6·|w|"),
        Words(
            "40 rows, Q = 20. The text's threshold of 0.03 hardly moves the weight; the right one is 0.6.",
            "40 linhas, Q = 20. O limiar do texto, 0,03, quase não move o peso; o certo é 0,6.",
        ),
        Axis(Words("least-squares weight", "peso de mínimos quadrados")),
        Axis(Words("weight with L1", "peso com L1")),
        (
            series(Words("exact minimum", "mínimo exato"), least, exact, "measured", "points"),
            series(Words("threshold Nλ/(2Q)", "limiar Nλ/(2Q)"), least,
                   soft_threshold(least, _ROWS * _STRENGTH / 40.0), "theory"),
            series(Words("the text's λ/Q", "λ/Q do texto"), least,
                   soft_threshold(least, _STRENGTH / 20.0), "bad"),
        ),
    )  # fmt: skip


def _errors(wrong: dict[LossScale, float], right: dict[LossScale, float]) -> Plot:
    places, floor = range(len(wrong)), 1e-17
    return Plot(
        Words("Error of each threshold, loss by loss", "Erro de cada limiar, perda por perda"),
        Words(
            "Largest distance from the exact minimiser, orthogonal columns.",
            "Maior distância ao minimizador exato, colunas ortogonais.",
        ),
        Axis(
            Words("loss beside λ‖w‖₁", "perda junto de λ‖w‖₁"),
            names=tuple(Words(_NAMES[scale], _NAMES[scale]) for scale in wrong),
        ),
        Axis(Words("largest error of a weight", "maior erro de um peso"), log=True),
        (
            series(Words("the text's λ/Q", "λ/Q do texto"), places,
                   [max(v, floor) for v in wrong.values()], "bad", "points"),
            series(Words("threshold for that loss", "limiar dessa perda"), places,
                   [max(v, floor) for v in right.values()], "good", "points"),
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("The threshold of L1", "O limiar da L1"),
    claim=Words(
        "For MSE + λ‖w‖₁ each weight is its least-squares value moved towards zero by λ/Q, Q = Σ x².",
        "Para MSE + λ‖w‖₁ cada peso é o seu valor de mínimos quadrados movido para zero por λ/Q, Q = Σ x².",
    ),
    source=Words(
        "“Técnicas de regularização”, L1: soft thresholding",
        "“Técnicas de regularização”, L1: limiar suave (soft-thresholding)",
    ),
    prediction=Words(
        "Orthogonal columns, f·RSS + λ‖w‖₁: threshold λ/(2fQ) (Tibshirani 1996, section 2.2), so λ/Q for "
        "f = ½ and Nλ/(2Q) for the MSE.",
        "Colunas ortogonais, f·RSS + λ‖w‖₁: limiar λ/(2fQ) (Tibshirani 1996, seção 2.2), logo λ/Q para "
        "f = ½ e Nλ/(2Q) para o MSE.",
    ),
    measure=measure,
    errata=("E5",),
    rows=("R1",),
)
