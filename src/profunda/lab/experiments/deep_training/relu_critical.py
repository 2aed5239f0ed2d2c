"""Weights of variance 1/n do not keep a ReLU's signal; He's 2/n are the only ones that do."""

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import critical_initialisation, log_norm_mean, random_networks, variance_profile

_DEPTH, _WIDTH = 50, 256
_KINDS = (
    ("He, C_W = 2", "He, C_W = 2", 2.0, "good"),
    ("LeCun, C_W = 1", "LeCun, C_W = 1", 1.0, "measured"),
    ("PyTorch, C_W = 1/3", "PyTorch, C_W = 1/3", 1.0 / 3.0, "bad"),
)


def verdict(low: float, high: float, critical: float, lecun: float) -> Verdict:
    """Does 1/n keep a ReLU's signal? `lecun`: E z² at layer 50 over layer 1 under 1/n.

    `low`, `high`: interval of the logarithm of the same under 2/n, less its exact mean; `critical`: theory's
    C_W.

    Where 2/n does not follow its law the run shows nothing against 1/n.
    """
    if not (low <= 0.0 <= high and abs(critical - 2.0) < 1e-9):
        return "holds with conditions"
    return "wrong" if lecun < 1e-3 else "holds"


def measure(quick: bool) -> Outcome:
    """Bias-free ReLU networks of 50 layers under three laws of first weights."""
    networks = 12 if quick else 48
    x = np.random.default_rng(0).standard_normal((1, _WIDTH))
    x *= np.sqrt(_WIDTH) / np.linalg.norm(x)
    profiles = {
        variance: np.log(
            random_networks([_WIDTH] * _DEPTH, x, "relu", variance, networks=networks, seed=3).variances[
                :, 0, :-1
            ]
        )
        for *_, variance, _ in _KINDS
    }
    typical = log_norm_mean([_WIDTH] * (_DEPTH - 1))
    he, lecun = (profiles[variance][:, -1] - profiles[variance][:, 0] for variance in (2.0, 1.0))
    reach = 1.96 * float(he.std(ddof=1) / np.sqrt(networks))
    off, value = float(he.mean()) - typical, float(lecun.mean())
    critical = critical_initialisation("relu").weight_variance
    last = [float(np.exp(profiles[variance][:, -1].mean())) for *_, variance, _ in _KINDS]
    return Outcome(
        headline=Words(
            "E z² at layer 50 ÷ layer 1, weights of variance 1/n (geometric mean)",
            "E z² na camada 50 ÷ camada 1, pesos de variância 1/n (média geométrica)",
        ),
        predicted=float(2.0 ** (1 - _DEPTH) * np.exp(typical)),
        value=float(np.exp(value)),
        interval=(float(np.exp(value - reach)), float(np.exp(value + reach))),
        measured=said(
            "After 50 layers of 256 units E z² is {0} with He's weights, {1} with LeCun's and {2} with "
            "PyTorch's (geometric means of {3} networks). Theory's critical C_W is {4}.",
            "Após 50 camadas de 256 unidades E z² é {0} com os pesos de He, {1} com os de LeCun e {2} com os "
            "do PyTorch (médias geométricas de {3} redes). O C_W crítico da teoria é {4}.",
            *last, networks, critical,
        ),
        verdict=verdict(off - reach, off + reach, critical, float(np.exp(value))),
        statement=Words(
            "The text's 1/n is for tanh near 0. A ReLU passes half of E z² on and needs twice as much: C_W = "
            "n·Var(w) = 2 is critical for signals and gradients at once. A typical network lies a little "
            "below the mean, by e^(−2.5L/N) for L layers of N units.",
            "O 1/n do texto é para tanh perto de 0. Uma ReLU passa adiante metade de E z² e precisa do "
            "dobro: C_W = n·Var(w) = 2 é crítico para sinais e gradientes ao mesmo tempo. Uma rede típica "
            "fica um pouco abaixo da média, por e^(−2,5L/N) em L camadas de N unidades.",
        ),
        pictures=(_picture(profiles),),
    )  # fmt: skip


def _picture(profiles: dict[float, np.ndarray]) -> Plot:
    layers = np.arange(1, _DEPTH + 1)
    lines = [
        series(Words(en, pt), layers, np.exp(profiles[variance].mean(0)), role, "points")
        for en, pt, variance, role in _KINDS
    ]
    theory = [
        series(
            Words(f"{en.split(',')[0]}, mean field", f"{pt.split(',')[0]}, campo médio"), layers,
            variance_profile("relu", _DEPTH, variance, variance), "theory", beside=role,
        )
        for en, pt, variance, role in _KINDS
    ]  # fmt: skip
    return Plot(
        Words("Variance of the signal by layer", "Variância do sinal por camada"),
        Words(
            "Points: geometric mean over networks; dashed: mean field.",
            "Pontos: média geométrica sobre redes; tracejado: campo médio.",
        ),
        Axis(Words("layer", "camada")),
        Axis(Words("variance E z²", "variância E z²"), log=True),
        (*lines, *theory),
    )


EXPERIMENT = Experiment(
    title=Words("The critical weights of a ReLU", "Os pesos críticos de uma ReLU"),
    claim=Words(
        "Weights whose variance is 1/n keep the variance of the activations from layer to layer.",
        "Pesos de variância 1/n conservam a variância das ativações de camada em camada.",
    ),
    source=Words(
        "“IA353A – Neural Networks EC2”, question 5, carried over to a ReLU",
        "“IA353A – Neural Networks EC2”, questão 5, aplicada a uma ReLU",
    ),
    prediction=Words(
        "A ReLU φ halves the mean square, E φ(z)² = ½E z²: 1/n leaves 2⁻⁴⁹ = 1.8·10⁻¹⁵ over 50 layers, a "
        "typical network e^(−2.5L/N) times that, and 2/n keeps everything (He et al. 2015, eq. 10).",
        "Uma ReLU φ divide por dois o quadrado médio, E φ(z)² = ½E z²: 1/n deixa 2⁻⁴⁹ = 1,8·10⁻¹⁵ em 50 "
        "camadas, uma rede típica e^(−2,5L/N) disso, e 2/n conserva tudo (He et al. 2015, eq. 10).",
    ),
    measure=measure,
    rows=("S9",),
)
