"""Weights under L1 become exactly zero by soft thresholding, and by hardly anything else."""

from collections.abc import Callable

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.regularisation._tables import told
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import lasso, soft_threshold

_ROWS, _INPUTS, _STRENGTH = 200, 20, 0.4
_FLOOR = 1e-17
_TOLERANCE = 1e-10

_Step = Callable[[np.ndarray, np.ndarray, float], np.ndarray]


def _problem(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Correlated inputs, of which four tell."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((_ROWS, _INPUTS))
    x[:, 1:] += 0.5 * x[:, :-1]
    truth = np.zeros(_INPUTS)
    truth[[2, 7, 11, 16]] = (1.5, -2.0, 1.0, -1.2)
    return x, x @ truth + 0.5 * random.standard_normal(_ROWS)


def _by_gradient(w: np.ndarray, gradient: np.ndarray, rate: float) -> np.ndarray:
    return w - rate * (gradient + _STRENGTH * np.sign(w))


def _by_threshold(w: np.ndarray, gradient: np.ndarray, rate: float) -> np.ndarray:
    return soft_threshold(w - rate * gradient, rate * _STRENGTH)


def _descend(x: np.ndarray, y: np.ndarray, step: _Step, batch: int, steps: int) -> np.ndarray:
    """Weights after `steps` of MSE + λ‖w‖₁ on batches of so many rows, the rate falling to a hundredth."""
    random = np.random.default_rng(1)
    w = random.standard_normal(_INPUTS)
    largest = 0.9 / np.linalg.eigvalsh(2.0 * x.T @ x / _ROWS)[-1] * (1.0 if batch == _ROWS else 0.2)
    for number in range(steps):
        rows = slice(None) if batch == _ROWS else random.integers(0, _ROWS, batch)
        gradient = 2.0 * x[rows].T @ (x[rows] @ w - y[rows]) / batch
        rate = largest if batch == _ROWS else largest * 0.01 ** (number / steps)
        w = step(w, gradient, rate)
    return w


def _adam(x: np.ndarray, y: np.ndarray, steps: int) -> np.ndarray:
    """Adam on the same objective, λ sgn(w) in the gradient (Kingma and Ba 2015, algorithm 1)."""
    w = np.random.default_rng(1).standard_normal(_INPUTS)
    mean, square = np.zeros(_INPUTS), np.zeros(_INPUTS)
    for number in range(1, steps + 1):
        gradient = 2.0 * x.T @ (x @ w - y) / _ROWS + _STRENGTH * np.sign(w)
        mean += 0.1 * (gradient - mean)
        square += 0.001 * (gradient**2 - square)
        w = w - 0.01 * (mean / (1 - 0.9**number)) / (np.sqrt(square / (1 - 0.999**number)) + 1e-8)
    return w


def judged(by_gradient: int, by_threshold: int, true: int, error: float) -> Verdict:
    """Of: gradients give no zero, thresholds give exactly those of the minimiser."""
    if true == 0 or by_threshold != true or error > _TOLERANCE:
        return "wrong"
    return "holds" if by_gradient == 0 else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Five ways down the same objective."""
    steps = 2000 if quick else 5000
    x, y = _problem(0)
    exact = lasso(x, y, _STRENGTH, "mse").weights
    ways = (
        (Words("steps along the gradient", "passos pelo gradiente"),
         _descend(x, y, _by_gradient, _ROWS, steps), "measured"),
        (Words("the same, batches of 16", "o mesmo, lotes de 16"),
         _descend(x, y, _by_gradient, 16, steps), "second"),
        (Words("Adam", "Adam"), _adam(x, y, steps), "rest"),
        (Words("threshold, batches of 16", "limiar, lotes de 16"),
         _descend(x, y, _by_threshold, 16, steps), "bad"),
        (Words("threshold, all rows", "limiar, todas as linhas"),
         _descend(x, y, _by_threshold, _ROWS, steps), "good"),
    )  # fmt: skip
    zeros = [int((w == 0.0).sum()) for _, w, _ in ways]
    true, error = int((exact == 0.0).sum()), float(np.abs(ways[-1][1] - exact).max())
    verdict = judged(max(zeros[:3]), zeros[-1], true, error)
    order = np.argsort(np.abs(exact), kind="stable")
    places = np.arange(1, _INPUTS + 1)
    lines = [
        series(name, places, np.maximum(np.abs(w)[order], _FLOOR), role, "both") for name, w, role in ways
    ]
    return Outcome(
        headline=said(
            "weights of exactly 0 by thresholds on all rows, of {0} that should be",
            "pesos exatamente 0 com limiar em todas as linhas, de {0} que deveriam ser", true,
        ),
        predicted=float(true),
        value=float(zeros[-1]),
        interval=(float(true), float(true)),
        measured=said(
            "Of {0} weights that are 0 at the minimum, steps along the gradient zero {1}, with batches of "
            "16 rows {2}, Adam {3}; the threshold zeros {4} in batches of 16 and {5} on all rows, its "
            "weights "
            "right to {6}. Without a threshold the smallest weight is still {7}.",
            "De {0} pesos que são 0 no mínimo, passos pelo gradiente zeram {1}, com lotes de 16 linhas {2}, "
            "Adam {3}; o limiar zera {4} em lotes de 16 e {5} com todas as linhas (erro dos pesos: {6}). Sem "
            "limiar o menor peso ainda é {7}.",
            true, *zeros, error, float(np.abs(ways[0][1]).min()),
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words(
                "Gradients of |w| leave small weights, never zeros. The soft threshold after each step gives "
                "exact zeros, but only with steps that come to rest: on small batches the noise of the "
                "gradient keeps lifting weights off zero. End such training with steps on all rows.",
                "Gradientes de |w| deixam pesos pequenos, nunca zeros. O limiar suave depois de cada passo "
                "dá zeros exatos, mas só com passos que param: em lotes pequenos o ruído do gradiente volta "
                "a tirar pesos do zero. Termine esse treino com passos em todas as linhas.",
            ),
            Words("Here a gradient method met a zero by chance.",
                  "Aqui um método de gradiente encontrou um zero por acaso."),
            Words("Here thresholds did not give the zeros of the minimum.",
                  "Aqui os limiares não deram os zeros do mínimo."),
        ),
        pictures=(
            Plot(
                Words("Size of each weight after training", "Tamanho de cada peso após o treino"),
                Words(
                    "Weights in the order of their size at the exact minimum; those of exactly zero stand on "
                    "the dotted line at the bottom.",
                    "Pesos na ordem do tamanho no mínimo exato; os que são exatamente zero estão na linha "
                    "pontilhada embaixo.",
                ),
                Axis(Words("weight, smallest first", "peso, do menor ao maior")),
                Axis(Words("|w|", "|w|"), log=True, range=(1e-18, 10.0)),
                tuple(lines),
                marks=(Mark(Words("exactly 0", "exatamente 0"), y=_FLOOR),),
            ),
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Exact zeros under L1", "Zeros exatos com L1"),
    claim=Words(
        "|w| has no derivative at 0, so plain gradient steps may not make weights exactly zero; soft "
        "thresholding does.",
        "|w| não tem derivada em 0, e por isso passos simples de gradiente podem não zerar pesos exatamente; "
        "o limiar suave zera.",
    ),
    source=Words(
        "“Técnicas de regularização”, L1: gradient and shrinkage",
        "“Técnicas de regularização”, L1: gradiente e encolhimento",
    ),
    prediction=Words(
        "Proximal steps w ← S(w − η∇, ηλ) converge to the minimiser with its zeros (Beck and Teboulle 2009, "
        "theorem 3.1); a step of η(g + λ sgn w) hits 0 with probability zero.",
        "Passos proximais w ← S(w − η∇, ηλ) convergem ao minimizador com os seus zeros (Beck e Teboulle "
        "2009, teorema 3.1); um passo de η(g + λ sgn w) cai em 0 com probabilidade zero.",
    ),
    measure=measure,
    errata=("E29",),
    rows=("R1",),
)
