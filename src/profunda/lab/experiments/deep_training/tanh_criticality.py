"""At criticality a tanh network's signal fades like 1/(2l), not exponentially."""

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import random_networks, variance_profile


def verdict(products: np.ndarray, measured: float, error: float, here: float) -> Verdict:
    """2l·q_l by theory must fall towards 1 and be within 1 % at the end; networks must agree to 4 errors."""
    right = bool((np.diff(products) < 0).all()) and abs(products[-1] - 1.0) < 0.01
    return "holds with conditions" if right and abs(measured - here) <= 4.0 * error + 0.05 * here else "wrong"


def measure(quick: bool) -> Outcome:
    """tanh, C_W = 1: the mean-field map to 1,000 layers, networks of 256 units to 100."""
    deep = 300 if quick else 1000
    networks, width, depth = (8 if quick else 24), 256, 100
    profile = variance_profile("tanh", deep, 1.0, 1.0)
    looked = np.array([layer for layer in (10, 50, 100, 300, 1000) if layer <= deep])
    products = 2.0 * looked * profile[looked - 1]
    x = np.random.default_rng(0).standard_normal((1, width))
    x *= np.sqrt(width) / np.linalg.norm(x)
    found = random_networks([width] * depth, x, "tanh", 1.0, networks=networks, seed=6).variances[:, 0, :-1]
    mean, error = found.mean(0), found.std(0, ddof=1) / np.sqrt(networks)
    value, reach = 200.0 * float(mean[-1]), 200.0 * 1.96 * float(error[-1])
    return Outcome(
        headline=Words("2·l·E z² at layer l = 100", "2·l·E z² na camada l = 100"),
        predicted=float(products[2]),
        value=value,
        interval=(value - reach, value + reach),
        measured=said(
            "By the map 2l·q is {0} at layer 10, {1} at 100 and {2} at {3}. {4} networks of 256 units have "
            "{5} at layer 100: the variance there is {6} of 1 at the start.",
            "Pelo mapa 2l·q é {0} na camada 10, {1} na 100 e {2} na {3}. {4} redes de 256 unidades têm {5} "
            "na camada 100: a variância ali é {6}, de 1 no início.",
            float(products[0]), float(products[2]), float(products[-1]), deep, networks, value, value / 200.0,
        ),
        verdict=verdict(products, value, reach / 1.96, float(products[2])),
        statement=Words(
            "Variance 1/n keeps the signal of tanh only at first; then it fades like 1/(2l), whatever it was "
            "at the start. That is the best there is for tanh: any other variance is exponentially worse, or "
            "saturates.",
            "A variância 1/n só conserva o sinal da tanh no começo; depois ele decai como 1/(2l), qualquer "
            "que fosse no início. É o melhor que há para tanh: qualquer outra variância é exponencialmente "
            "pior, ou satura.",
        ),
        pictures=(_picture(mean, error),),
    )  # fmt: skip


def _picture(mean: np.ndarray, error: np.ndarray) -> Plot:
    layers = np.arange(1, len(mean) + 1)
    band = (mean - 1.96 * error, mean + 1.96 * error)
    lines = [
        series(
            name,
            layers,
            variance_profile("tanh", 100, 1.0, variance),
            role,
        )
        for name, variance, role in (
            (Words("C_W = 0.8", "C_W = 0,8"), 0.8, "bad"),
            (Words("C_W = 1.2", "C_W = 1,2"), 1.2, "second"),
        )
    ]
    return Plot(
        Words("Variance of tanh by layer", "Variância da tanh por camada"),
        Words(
            "Measured at C_W = n·Var(w) = 1, with its 95 % band; the other lines are mean-field maps.",
            "Medido com C_W = n·Var(w) = 1, com faixa de 95 %; as outras linhas são mapas de campo médio.",
        ),
        Axis(Words("layer l", "camada l"), log=True),
        Axis(Words("variance E z²", "variância E z²"), log=True, range=(1e-4, 2.0)),
        (
            series(Words("C_W = 1, measured", "C_W = 1, medido"), layers, mean, "measured", band=band),
            series(
                Words("mean field", "campo médio"), layers, variance_profile("tanh", 100, 1.0, 1.0), "theory"
            ),
            *lines,
            series(Words("1/(2l)", "1/(2l)"), layers, 0.5 / layers, "good"),
        ),
        marks=(Mark(Words("start", "início"), y=1.0),),
    )


EXPERIMENT = Experiment(
    title=Words("tanh at criticality", "tanh na criticalidade"),
    claim=Words(
        "With weights of variance 1/n the variance of a tanh layer's input equals that of the layer before.",
        "Com pesos de variância 1/n a variância da entrada de uma camada tanh é igual à da camada anterior.",
    ),
    source=Words(
        "“IA353A – Neural Networks EC2”, question 5: derivation with tanh as the identity",
        "“IA353A – Neural Networks EC2”, questão 5: dedução com tanh como identidade",
    ),
    prediction=Words(
        "A layer turns the variance q into E tanh²(√q g) = q − 2q² + …, g standard normal, so 2l·q_l → 1: "
        "1.16 at layer 10, 1.024 at 100, 1.003 at 1,000 "
        "(Poole et al. 2016, eq. 3).",
        "Uma camada leva a variância q a E tanh²(√q g) = q − 2q² + …, g normal padrão, logo 2l·q_l → 1: "
        "1,16 na camada 10, 1,024 na 100, 1,003 na 1.000 "
        "(Poole et al. 2016, eq. 3).",
    ),
    measure=measure,
    rows=("S9",),
)
