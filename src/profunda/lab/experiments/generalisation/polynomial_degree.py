"""Polynomials of growing degree on ten noisy points: training error falls, test error turns."""

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Plot, Slider, series
from profunda.lab.words import Words, said
from profunda.theory import PolynomialFit, expected_rms, fit_polynomial, ten_points

_NOISE, _TOLERANCE = 0.3, 0.01
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
# From exact coefficients and a sample of new points, which is good to a hundredth.
_PREDICTED = (0.787, 0.598, 0.596, 0.375, 0.374, 0.368, 0.364, 0.368, 0.378, 1.294)


def verdict(train: np.ndarray, test: np.ndarray) -> Verdict:
    """Whether the training error [M] only falls, while the test error turns and ends above its start."""
    falls = bool((np.diff(train) < 0).all())
    turns = 0 < int(np.argmin(test)) < len(test) - 1
    return "holds" if falls and turns and test[-1] > test[0] else "wrong"


def measure(quick: bool) -> Outcome:
    """Least squares for the degrees 0 … 9; the test error is an integral, not a sample."""
    x, t = ten_points()
    fits = [fit_polynomial(x, t, degree) for degree in range(10)]
    train = np.array([fit.train_rms for fit in fits])
    test = np.array([expected_rms(fit, _NOISE) for fit in fits])
    best = int(np.argmin(test))
    return Outcome(
        headline=Words("test RMS of degree 9", "RMS de teste do grau 9"),
        predicted=_PREDICTED[-1],
        value=float(test[-1]),
        interval=(float(test[-1]) - _TOLERANCE, float(test[-1]) + _TOLERANCE),
        measured=said(
            "Training RMS falls from {0} (degree 0) to {1} (degree 9). Test RMS falls from {2} to {3} at "
            "degree {4} and rises to {5}. From degree 3 to 8 it changes by only {6}.",
            "O RMS de treino cai de {0} (grau 0) para {1} (grau 9). O de teste cai de {2} para {3} no grau "
            "{4} e sobe para {5}. Do grau 3 ao 8 muda só {6}.",
            float(train[0]), _rough(float(train[-1])), float(test[0]), float(test[best]), best,
            float(test[-1]), float(np.ptp(test[3:9])),
        ),
        verdict=verdict(train, test),
        statement=Words(
            "A polynomial with as many coefficients as points passes through all of them and is worse on new "
            "points than a constant. Between degree 3 and 8 nothing is lost: the turn is sharp, at ten "
            "coefficients for ten points.",
            "Um polinômio com tantos coeficientes quantos pontos passa por todos e é pior em pontos novos do "
            "que uma constante. Entre os graus 3 e 8 nada se perde: a virada é brusca, em dez coeficientes "
            "para dez pontos.",
        ),
        pictures=(_errors(train, test), _curves(x, t, fits)),
    )  # fmt: skip


def _rough(value: float) -> str:
    """A rounding error, of which only the size matters: "7·10⁻¹¹"."""
    digit, _, power = f"{value:.0e}".partition("e")
    return f"{digit}·10{str(int(power)).translate(_RAISED)}"


def _errors(train: np.ndarray, test: np.ndarray) -> Plot:
    degrees = np.arange(10)
    return Plot(
        Words("Error by degree", "Erro por grau"),
        Words(
            "Root-mean-square error on the ten points and, noise 0.3 included, on new ones.",
            "Raiz do erro quadrático médio nos dez pontos e, com o ruído de 0,3, em pontos novos.",
        ),
        Axis(Words("degree M", "grau M")),
        Axis(Words("RMS error", "erro RMS"), range=(0.0, 1.4)),
        (
            series(Words("training", "treino"), degrees, train, "measured", "both"),
            series(Words("test", "teste"), degrees, test, "bad", "both"),
            series(Words("test, predicted", "teste, previsto"), degrees, _PREDICTED, "theory"),
        ),
    )


def _curves(x: np.ndarray, t: np.ndarray, fits: list[PolynomialFit]) -> Plot:
    at = np.linspace(0.0, 1.0, 121)
    shown = (0, 1, 3, 6, 9)
    lines = [
        series(said("degree {0}", "grau {0}", degree), at, fits[degree].at(at), "bad", step=place)
        for place, degree in enumerate(shown)
    ]
    return Plot(
        Words("The fitted curve", "A curva ajustada"),
        Words("Move the slider to raise the degree.", "Mova o controle para aumentar o grau."),
        Axis(Words("x", "x")),
        Axis(Words("target t", "alvo t"), range=(-1.8, 1.8)),
        (
            series(Words("sin 2πx", "sen 2πx"), at, np.sin(2 * np.pi * at), "theory"),
            series(Words("ten points", "dez pontos"), x, t, "measured", "points"),
            *lines,
        ),
        slider=Slider(Words("Degree", "Grau"), tuple(said("M = {0}", "M = {0}", degree) for degree in shown)),
    )


EXPERIMENT = Experiment(
    title=Words("Error by the degree of a polynomial", "Erro por grau do polinômio"),
    claim=Words(
        "As a polynomial's degree grows, the training error falls to 0, while the test error falls first and "
        "then rises steeply.",
        "Quando o grau do polinômio cresce, o erro de treino cai a 0, enquanto o de teste primeiro cai e "
        "depois sobe muito.",
    ),
    source=Words(
        "“Técnicas de regularização”, introduction: example of overfitting, figures 1.4 and 1.5",
        "“Técnicas de regularização”, introdução: exemplo de overfitting, figuras 1.4 e 1.5",
    ),
    prediction=Words(
        "On the ten public points (Bishop 2006, section 1.1): root-mean-square (RMS) test error 0.787, "
        "0.598, 0.375 and 1.294 for the "
        "degrees 0, 1, 3 and 9, to a hundredth.",
        "Nos dez pontos públicos (Bishop 2006, seção 1.1): raiz do erro quadrático médio (RMS) de teste "
        "0,787, 0,598, 0,375 e 1,294 para os graus 0, 1, 3 e 9, com precisão de um centésimo.",
    ),
    measure=measure,
    rows=("U9", "U10"),
)
