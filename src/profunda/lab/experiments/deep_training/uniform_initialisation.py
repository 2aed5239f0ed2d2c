"""U[−√(3/n), √(3/n)] keeps the variance of a signal: for tanh only near zero, and not for a ReLU."""

from collections.abc import Sequence

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Mark, Plot, Role, Series, series
from profunda.lab.words import Words, said
from profunda.theory import variance_profile

_WIDTH, _DEPTH, _START = 256, 50, 0.1
_NAMES = {"linear": "linear", "tanh": "tanh", "relu": "ReLU"}


def verdict(low: float, high: float, left: float) -> Verdict:
    """Interval of a linear layer's factor, which must hold 1; `left`: the worst share of a signal kept."""
    if not low <= 1.0 <= high:
        return "wrong"
    return "holds" if left > 0.5 else "holds with conditions"


def _signals(activation: str, networks: int, seed: int) -> np.ndarray:
    """Mean square of the pre-activations of each layer, [networks, DEPTH], under U[−√(3/n), √(3/n)]."""
    bound = np.sqrt(3.0 / _WIDTH)
    squares = np.empty((networks, _DEPTH))
    for network in range(networks):
        random = np.random.default_rng([seed, network])
        x = random.standard_normal((8, _WIDTH)) * np.sqrt(_START)
        for layer in range(_DEPTH):
            z = x @ random.uniform(-bound, bound, (_WIDTH, _WIDTH))
            squares[network, layer] = np.mean(z * z)
            x = np.tanh(z) if activation == "tanh" else np.maximum(z, 0.0) if activation == "relu" else z
    return squares


def measure(quick: bool) -> Outcome:
    """Signals through 50 layers of 256 units, three activations."""
    networks = 2 if quick else 6
    layers = np.arange(1, _DEPTH + 1)
    measured = {name: _signals(name, networks, 7) for name in ("linear", "tanh", "relu")}
    theory = {name: variance_profile(name, _DEPTH, _START, 1.0) for name in ("tanh", "relu")}
    ratios = measured["linear"][:, 1:] / measured["linear"][:, :-1]
    value = float(ratios.mean())
    error = 1.96 * float(ratios.std(ddof=1)) / np.sqrt(ratios.size)
    roles: tuple[tuple[str, Role], ...] = (("linear", "measured"), ("tanh", "good"), ("relu", "bad"))
    lines = [
        series(
            Words(_NAMES[name], _NAMES[name]), layers, np.exp(np.log(measured[name]).mean(0)), role, "points"
        )
        for name, role in roles
    ]
    lines += [
        series(said("{0}, theory", "{0}, teoria", _NAMES[name]), layers, theory[name], "theory", beside=role)
        for name, role in roles[1:]
    ]
    last = {name: float(np.exp(np.log(measured[name][:, -1]).mean())) for name in measured}
    return Outcome(
        headline=Words("variance after a linear layer ÷ before", "variância após uma camada linear ÷ antes"),
        predicted=1.0,
        value=value,
        interval=(value - error, value + error),
        measured=said(
            "A linear layer multiplies the variance by {0}. After 50 layers {1} is left with tanh and {2} "
            "with ReLU, of {3} at the start.",
            "Uma camada linear multiplica a variância por {0}. Depois de 50 camadas restam {1} com tanh e "
            "{2} com ReLU, de {3} no início.",
            value, last["tanh"], last["relu"], _START,
        ),
        verdict=verdict(value - error, value + error, min(last.values()) / _START),
        statement=Words(
            "It keeps the variance where the activation is nearly linear. The text needs a mean of zero, "
            "which follows from an odd activation, not from independence: tanh still shrinks the signal "
            "slowly, and a ReLU halves it at every layer and needs weights of twice the variance (He).",
            "Conserva a variância onde a ativação é quase linear. O texto precisa de média zero, que decorre "
            "de uma ativação ímpar, não da independência: tanh ainda encolhe o sinal devagar, e a ReLU o "
            "divide por dois a cada camada e precisa de pesos com o dobro da variância (He).",
        ),
        pictures=(_picture(lines),),
    )  # fmt: skip


def _picture(lines: Sequence[Series]) -> Plot:
    return Plot(
        Words("Variance of the signal by layer", "Variância do sinal por camada"),
        Words(
            "Points: 256 units a layer, geometric mean over networks; dashed: the mean-field map.",
            "Pontos: 256 unidades por camada, média geométrica sobre redes; tracejado: o mapa de campo "
            "médio.",
        ),
        Axis(Words("layer", "camada"), range=(0.0, 57.0)),
        Axis(Words("variance E z²", "variância E z²"), log=True),
        tuple(lines),
        marks=(Mark(Words("start", "início"), y=_START),),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Uniform weights that keep the variance", "Pesos uniformes que conservam a variância"),
    claim=Words(
        "Weights drawn from U[−√(3/n), √(3/n)] keep the variance of the activations from layer to layer.",
        "Pesos sorteados de U[−√(3/n), √(3/n)] conservam a variância das ativações de camada em camada.",
    ),
    source=Words("“IA353A – Neural Networks EC2”, question 5", "“IA353A – Neural Networks EC2”, questão 5"),
    prediction=Words(
        "n·Var(w) = 1, so a linear layer keeps the variance; tanh follows q ← E tanh²(√q g) and decays as "
        "1/(2l), a ReLU loses half of it at each layer (Poole et al. 2016, eq. 3).",
        "n·Var(w) = 1, logo uma camada linear conserva a variância; tanh segue q ← E tanh²(√q g) e decai "
        "como 1/(2l), a ReLU perde metade em cada camada (Poole et al. 2016, eq. 3).",
    ),
    measure=measure,
    errata=("E28",),
    rows=("S9",),
)
