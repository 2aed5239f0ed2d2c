"""A constant that circulates for SWISH is ten times too small."""

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Plot, Role, series
from profunda.lab.words import Words, said
from profunda.theory import (
    chi_par,
    chi_perp,
    critical_initialisation,
    fixed_variance,
    random_networks,
    variance_profile,
)

_SAID, _DEPTH, _WIDTH = 0.055514317, 40, 256
_DERIVED = 0.555143170722  # at 25 digits, beforehand


def verdict(critical: float, slope: float) -> Verdict:
    """`critical`: the C_b found; `slope`: χ_⊥ to which a network with the circulating one settles."""
    return "holds" if abs(critical - _SAID) < 1e-6 and abs(slope - 1.0) < 1e-3 else "wrong"


def measure(quick: bool) -> Outcome:
    """Both susceptibilities at the fixed point, and networks of 40 layers with either bias."""
    found = critical_initialisation("silu")
    weights = found.weight_variance
    start = found.fixed_point
    profiles = {}
    for biases in (found.bias_variance, _SAID):
        x = np.random.default_rng(0).standard_normal((1, _WIDTH))
        x *= np.sqrt((start - biases) / weights * _WIDTH) / np.linalg.norm(x)
        ensemble = random_networks(
            [_WIDTH] * _DEPTH, x, "silu", weights, biases, networks=4 if quick else 16, seed=5
        )
        profiles[biases] = np.log(ensemble.variances[:, 0, :-1])
    settled = fixed_variance("silu", weights, _SAID, start=start)
    slope = chi_perp("silu", settled, weights)
    both = chi_perp("silu", start, weights), chi_par("silu", start, weights)
    return Outcome(
        headline=Words("critical C_b of SWISH", "C_b crítico da SWISH"),
        predicted=_DERIVED,
        value=found.bias_variance,
        interval=(found.bias_variance - 1e-8, found.bias_variance + 1e-8),
        measured=said(
            "χ_∥ = χ_⊥ = 1 holds at K* = {0}, C_W = {1}, C_b = {2} (both within {3}). With C_b = 0.0555 the "
            "variance falls to {4}, where χ_⊥ = {5}; networks reach {6} after 40 layers.",
            "χ_∥ = χ_⊥ = 1 vale em K* = {0}, C_W = {1}, C_b = {2} (ambos até {3}). Com C_b = 0,0555 a "
            "variância cai a {4}, onde χ_⊥ = {5}; redes chegam a {6} após 40 camadas.",
            start, weights, found.bias_variance, max(abs(one - 1.0) for one in both),
            settled, slope, float(np.exp(profiles[_SAID][:, -1].mean())),
        ),
        verdict=verdict(found.bias_variance, slope),
        statement=Words(
            "The critical bias variance is 0.555143, ten times the constant that several programs carry; "
            "with theirs squared gradients come to lose nearly half at every layer.",
            "A variância crítica do viés é 0,555143, dez vezes a constante que vários programas trazem; com "
            "a deles os gradientes ao quadrado acabam por perder quase metade a cada camada.",
        ),
        pictures=(_picture(profiles, weights, start),),
    )  # fmt: skip


def _picture(profiles: dict[float, np.ndarray], weights: float, start: float) -> Plot:
    layers, lines = np.arange(1, _DEPTH + 1), []
    roles: tuple[Role, ...] = ("good", "bad")
    for (biases, logs), role in zip(profiles.items(), roles, strict=True):
        middle = logs.mean(0)
        spread = logs.std(0, ddof=1)
        lines += [
            series(said("C_b = {0}", "C_b = {0}", biases), layers, np.exp(middle), role,
                   band=(np.exp(middle - spread), np.exp(middle + spread))),
            series(said("mean field, C_b = {0}", "campo médio, C_b = {0}", biases), layers,
                   variance_profile("silu", _DEPTH, start, weights, biases), "theory"),
        ]  # fmt: skip
    return Plot(
        Words("Variance of the signal by layer", "Variância do sinal por camada"),
        Words(
            "SWISH (SiLU), 256 units a layer; band: one standard deviation of the logarithm over networks.",
            "SWISH (SiLU), 256 unidades por camada; faixa: um desvio padrão do logaritmo sobre redes.",
        ),
        Axis(Words("layer", "camada")),
        Axis(Words("variance E z²", "variância E z²"), log=True),
        tuple(lines),
    )


EXPERIMENT = Experiment(
    title=Words("The critical bias of SWISH", "O viés crítico da SWISH"),
    claim=Words(
        "SWISH is critical with biases of variance 0.055514317.",
        "SWISH é crítica com vieses de variância 0,055514317.",
    ),
    source=Words(
        "Public programs on initialisation, outside the source texts",
        "Programas públicos sobre inicialização, fora dos textos-fonte",
    ),
    prediction=Words(
        "A small change of a signal's size grows by χ_∥ a layer, its squared gradient by χ_⊥. Solving χ_∥ "
        "= χ_⊥ = 1 at 25 digits: variance K* = 14.3201736180, C_W = n·Var(w) = 1.98800467827, C_b = "
        "Var(bias) = 0.555143170722 "
        "(equations of Roberts et al. 2022, chapter 5).",
        "Uma pequena mudança do tamanho do sinal cresce por χ_∥ por camada, o quadrado do gradiente por "
        "χ_⊥. Resolvendo χ_∥ = χ_⊥ = 1 com 25 dígitos: variância K* = 14,3201736180, C_W = n·Var(w) = "
        "1,98800467827, C_b = Var(viés) = "
        "0,555143170722 (equações de Roberts et al. 2022, capítulo 5).",
    ),
    measure=measure,
    errata=("E33",),
    rows=("S9",),
)
