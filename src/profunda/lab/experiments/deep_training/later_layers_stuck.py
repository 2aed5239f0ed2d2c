"""With large weights gradients explode backwards: the first layers move most, the last are left behind."""

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import gradient_profile, random_networks

_DEPTH, _WEIGHTS = 50, (5.0 / 3.0) ** 2


def verdict(low: float, measured: float, predicted: float) -> Verdict:
    """`low`: lower end of the ratio first to last; wrong if it does not explode, or theory is 4 times off."""
    if low <= 10.0:
        return "wrong"
    return "holds with conditions" if 1 / 4 < measured / predicted < 4.0 else "wrong"


def measure(quick: bool) -> Outcome:
    """tanh networks of 50 layers with the gain 5/3 that is often advised for tanh."""
    width, networks = 256, (12 if quick else 24)
    x = np.random.default_rng(0).standard_normal((1, width))
    x *= np.sqrt(width) / np.linalg.norm(x)
    found = random_networks([width] * _DEPTH, x, "tanh", _WEIGHTS, networks=networks, seed=1)
    logs = np.log(found.gradients[:, 0] / found.gradients[:, 0, -1:])
    theory = gradient_profile("tanh", _DEPTH, _WEIGHTS, _WEIGHTS)
    value = float(np.exp(logs[:, 0].mean()))
    reach = 1.96 * float(logs[:, 0].std(ddof=1)) / np.sqrt(networks)
    low, high = value * np.exp(-reach), value * np.exp(reach)
    return Outcome(
        headline=Words(
            "squared gradient, layer 1 ÷ layer 50 (tanh, gain 5/3)",
            "gradiente ao quadrado, camada 1 ÷ camada 50 (tanh, ganho 5/3)",
        ),
        predicted=float(theory[0]),
        value=value,
        interval=(float(low), float(high)),
        measured=said(
            "Over 50 layers of {0} units the squared gradient grows {1} times towards the inputs (geometric "
            "mean of {2} networks); the mean-field product is {3}.",
            "Em 50 camadas de {0} unidades o gradiente ao quadrado cresce {1} vezes em direção às entradas "
            "(média geométrica de {2} redes); o produto de campo médio é {3}.",
            width, value, networks, float(theory[0]),
        ),
        verdict=verdict(float(low), value, float(theory[0])),
        statement=Words(
            "Where weights are so large that χ > 1, gradients explode backwards: a step size that suits the "
            "first layers is far too small for the last. With χ < 1 it is the other way round. Measured is "
            "how fast layers move before training; that the first learn well by it is not shown.",
            "Onde os pesos são tão grandes que χ > 1, os gradientes explodem para trás: um passo que serve "
            "às primeiras camadas é pequeno demais para as últimas. Com χ < 1 é o contrário. "
            "Mede-se a rapidez das camadas antes do treino; que as primeiras assim aprendam bem não se "
            "mostra.",
        ),
        pictures=(_picture(logs, theory),),
    )  # fmt: skip


def _picture(logs: np.ndarray, theory: np.ndarray) -> Plot:
    layers = np.arange(1, _DEPTH + 1)
    middle, spread = logs.mean(0), logs.std(0, ddof=1)
    vanishing = gradient_profile("tanh", _DEPTH, 1.0 / 3.0, 1.0 / 3.0)
    return Plot(
        Words("Squared gradient by layer, last = 1", "Gradiente ao quadrado por camada, última = 1"),
        Words(
            "Band: one standard deviation over networks, of the logarithm. The red line goes on falling "
            "below "
            "the picture.",
            "Faixa: um desvio padrão sobre redes, do logaritmo. A linha vermelha continua a cair abaixo da "
            "figura.",
        ),
        Axis(Words("layer", "camada")),
        Axis(Words("squared gradient", "gradiente ao quadrado"), log=True,
             range=(1e-6, 1e5)),
        (
            series(Words("gain 5/3, measured", "ganho 5/3, medido"), layers, np.exp(middle), "measured",
                   band=(np.exp(middle - spread), np.exp(middle + spread))),
            series(Words("gain 5/3, mean field", "ganho 5/3, campo médio"), layers, theory, "theory"),
            series(Words("PyTorch default, mean field", "padrão do PyTorch, campo médio"),
                   layers[vanishing > 1e-6], vanishing[vanishing > 1e-6], "bad"),
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("The opposite: later layers stuck", "O oposto: camadas posteriores presas"),
    claim=Words(
        "The opposite can happen as well: the first layers learn well and the later ones are stuck.",
        "O oposto também pode ocorrer: as primeiras camadas aprendem bem e as posteriores ficam presas.",
    ),
    source=Words(
        "“Por que as redes neurais profundas são difíceis de treinar?”, closing paragraphs",
        "“Por que as redes neurais profundas são difíceis de treinar?”, parágrafos finais",
    ),
    prediction=Words(
        "For tanh with n·Var(w) = (5/3)² each layer multiplies a squared gradient by χ ≈ 1.21: about "
        "6,400 times "
        "over 50 layers (Schoenholz et al. 2017, eq. 9).",
        "Para tanh com n·Var(w) = (5/3)² cada camada multiplica o gradiente ao quadrado por χ ≈ 1,21: "
        "umas 6.400 "
        "vezes em 50 camadas (Schoenholz et al. 2017, eq. 9).",
    ),
    measure=measure,
    rows=("U14",),
)
