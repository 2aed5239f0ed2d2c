"""Neither He's nor LeCun's weights suit a GELU; its critical pair needs a bias."""

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Plot, Role, series
from profunda.lab.words import Words, said
from profunda.theory import (
    Critical,
    critical_initialisation,
    gradient_profile,
    random_networks,
    variance_profile,
)

_DEPTH, _WIDTH = 50, 256


def verdict(he: float, lecun: float, kept: float) -> Verdict:
    """E z² at layer 50 over layer 1, for He, LeCun and the critical pair: "holds" if He's keeps it."""
    if not 0.05 < kept < 20.0:  # K* is half-stable: finite networks slide slowly below it
        return "holds with conditions"
    return "wrong" if he < 1e-3 and lecun < 1e-3 else "holds"


def measure(quick: bool) -> Outcome:
    """GELU networks of 50 layers under three laws of first weights."""
    networks = 4 if quick else 16
    found = critical_initialisation("gelu")
    kinds = ((2.0, 0.0), (1.0, 0.0), (found.weight_variance, found.bias_variance))
    x = np.random.default_rng(0).standard_normal((1, _WIDTH))
    starts = (2.0, 1.0, found.fixed_point)
    profiles = []
    for (weights, biases), start in zip(kinds, starts, strict=True):
        scaled = x * np.sqrt((start - biases) / weights * _WIDTH) / np.linalg.norm(x)
        ensemble = random_networks(
            [_WIDTH] * _DEPTH, scaled, "gelu", weights, biases, networks=networks, seed=4, precision="float64"
        )
        profiles.append(np.log(ensemble.variances[:, 0, :-1]))
    ratios = [float(np.exp((one[:, -1] - one[:, 0]).mean())) for one in profiles]
    logs = profiles[0][:, -1] - profiles[0][:, 0]
    reach = 1.96 * float(logs.std(ddof=1)) / np.sqrt(networks)
    theory = variance_profile("gelu", _DEPTH, 2.0, 2.0)
    return Outcome(
        headline=Words("E z² at layer 50 ÷ layer 1, He", "E z² na camada 50 ÷ camada 1, He"),
        predicted=float(theory[-1] / theory[0]),
        value=ratios[0],
        interval=(ratios[0] * float(np.exp(-reach)), ratios[0] * float(np.exp(reach))),
        measured=said(
            "Over 50 layers of 256 units E z² is multiplied by {0} with He's weights, by {1} with LeCun's, "
            "and by {2} with the critical pair C_W = {3}, C_b = {4}, from the fixed point E z² = {5}.",
            "Em 50 camadas de 256 unidades E z² é multiplicado por {0} com os pesos de He, por {1} com os de "
            "LeCun e por {2} com o par crítico C_W = {3}, C_b = {4}, a partir do ponto fixo E z² = {5}.",
            *ratios, found.weight_variance, found.bias_variance, found.fixed_point,
        ),
        verdict=verdict(*ratios),
        statement=Words(
            "For a GELU the signal dies within tens of layers under both usual laws. C_W = 1.983 and C_b = "
            "0.173 keep it near E z² = 3.56; in networks of finite width it slides slowly below that.",
            "Numa GELU o sinal morre em dezenas de camadas com as duas leis usuais. C_W = 1,983 e C_b = "
            "0,173 o conservam perto de E z² = 3,56; em redes de largura finita ele desce devagar daí.",
        ),
        pictures=_pictures(profiles, kinds, found),
    )  # fmt: skip


def _pictures(
    profiles: list[np.ndarray], kinds: tuple[tuple[float, float], ...], found: Critical
) -> tuple[Plot, ...]:
    layers = np.arange(1, _DEPTH + 1)
    names: tuple[tuple[str, str, Role], ...] = (
        ("He", "He", "bad"),
        ("LeCun", "LeCun", "measured"),
        ("critical", "crítico", "good"),
    )
    starts = (2.0, 1.0, found.fixed_point)
    signals, gradients = [], []
    for (en, pt, role), log, (weights, biases), start in zip(names, profiles, kinds, starts, strict=True):
        signals += [
            series(Words(en, pt), layers, np.exp(log.mean(0)), role, "points"),
            series(
                Words(f"{en}, theory", f"{pt}, teoria"), layers,
                variance_profile("gelu", _DEPTH, start, weights, biases), "theory", beside=role,
            ),
        ]  # fmt: skip
        own = gradient_profile("gelu", _DEPTH, start, weights, biases)
        gradients.append(series(Words(en, pt), layers, own, role))
    axis = Axis(Words("layer", "camada"))
    return (
        Plot(
            Words("Variance of the signal by layer", "Variância do sinal por camada"),
            Words(
                "Points: geometric mean over networks; dashed: mean field.",
                "Pontos: média geométrica sobre redes; tracejado: campo médio.",
            ),
            axis,
            Axis(Words("variance E z²", "variância E z²"), log=True),
            tuple(signals),
        ),
        Plot(
            Words("Squared gradient by layer, by mean field", "Gradiente ao quadrado, campo médio"),
            Words("The last layer counts as 1.", "A última camada vale 1."),
            axis,
            Axis(Words("squared gradient", "gradiente ao quadrado"), log=True),
            tuple(gradients),
        ),
    )


EXPERIMENT = Experiment(
    title=Words("Neither He nor LeCun for a GELU", "Nem He nem LeCun para uma GELU"),
    claim=Words(
        "A variance of 1/n, or of 2/n for activations like a ReLU, keeps signals through many layers.",
        "Uma variância de 1/n, ou de 2/n para ativações como a ReLU, conserva sinais por muitas camadas.",
    ),
    source=Words(
        "“IA353A – Neural Networks EC2”, question 5, carried over to a GELU",
        "“IA353A – Neural Networks EC2”, questão 5, aplicada a uma GELU",
    ),
    prediction=Words(
        "Small signals z meet a slope of ½: He's weights end at E z² = 5·10⁻¹² after 50 layers, LeCun's at "
        "1·10⁻²⁹; to keep signals and gradients together takes a critical pair of C_W = n·Var(w) and C_b "
        "= Var(bias) > 0 (Roberts et al. 2022, chapter 5). "
        "That the pair may change E z² twentyfold was settled after a first look.",
        "Sinais z pequenos encontram uma inclinação ½: os pesos de He terminam em E z² = 5·10⁻¹² após 50 "
        "camadas, os de LeCun em 1·10⁻²⁹; conservar sinais e gradientes juntos exige um par crítico de "
        "C_W = n·Var(w) e C_b = Var(viés) > 0 (Roberts et "
        "al. 2022, capítulo 5). O fator de até 20 tolerado em E z² com o par foi fixado após um primeiro "
        "olhar.",
    ),
    measure=measure,
    rows=("S9",),
)
