"""Even at criticality gradients of single networks scatter, by a factor that grows with depth over width."""

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import gradient_profile, log_norm_variance, random_networks

_WIDTH = 64


def verdict(measured: np.ndarray, errors: np.ndarray, predicted: np.ndarray) -> Verdict:
    """Variances of log gradients [K] by depth; four standard errors from the exact law are allowed."""
    right = bool((np.abs(measured - predicted) <= 4.0 * errors).all())
    return "holds" if right and bool((np.diff(measured) > 0).all()) else "wrong"


def measure(quick: bool) -> Outcome:
    """He-initialised ReLU networks of 64 units a layer, χ = 1 exactly."""
    networks, depths = (150 if quick else 600), np.array([2, 4, 8, 16, 32])
    x = np.random.default_rng(0).standard_normal((1, _WIDTH))
    logs = []
    for depth in depths.tolist():
        found = random_networks([_WIDTH] * depth, x, "relu", 2.0, networks=networks, seed=depth)
        logs.append(np.log(found.directional[:, 0]))
    variances = np.array([one.var(ddof=1) for one in logs])
    fourth = np.array([((one - one.mean()) ** 4).mean() for one in logs])
    errors = np.sqrt((fourth - variances**2) / networks)
    exact = np.array([log_norm_variance([_WIDTH] * depth) for depth in depths.tolist()])
    value, reach = float(variances[-1]), 1.96 * float(errors[-1])
    factor = float(np.exp(2.0 * np.sqrt(variances[-1])))
    return Outcome(
        headline=Words(
            "variance of log‖gradient‖², 32 layers of 64", "variância de log‖gradiente‖², 32 camadas de 64"
        ),
        predicted=float(exact[-1]),
        value=value,
        interval=(value - reach, value + reach),
        measured=said(
            "Over {0} networks a depth the variance of the logarithm is {1} at 2 layers, {2} at 8 and {3} at "
            "32; the exact law says {4}, {5} and {6}. At 32 layers squared gradients of 19 networks in 20 "
            "spread over a factor {7} either way.",
            "Em {0} redes por profundidade a variância do logaritmo é {1} com 2 camadas, {2} com 8 e {3} com "
            "32; a lei exata diz {4}, {5} e {6}. Com 32 camadas, os gradientes ao quadrado de 19 em 20 redes "
            "se espalham por um fator {7} para cada lado.",
            networks, float(variances[0]), float(variances[2]), value, float(exact[0]), float(exact[2]),
            float(exact[4]), factor,
        ),
        verdict=verdict(variances, errors, exact),
        statement=Words(
            "Off criticality gradients grow or fall exponentially with depth. At criticality the mean is "
            "kept, but single networks still scatter, log-variance about 5L/N: only width cures that.",
            "Fora da criticalidade os gradientes crescem ou caem exponencialmente com a profundidade. Nela a "
            "média se conserva, mas redes isoladas ainda variam, com log-variância de cerca de 5L/N: só a "
            "largura cura isso.",
        ),
        pictures=(_scatter(depths, variances, errors, exact), _means()),
    )  # fmt: skip


def _scatter(depths: np.ndarray, variances: np.ndarray, errors: np.ndarray, exact: np.ndarray) -> Plot:
    return Plot(
        Words("Scatter between networks at χ = 1", "Dispersão entre redes com χ = 1"),
        Words(
            "ReLU, He weights, 64 units a layer; whiskers: 95 %; dashed: exact.",
            "ReLU, pesos de He, 64 unidades por camada; hastes: 95 %; tracejado: exato.",
        ),
        Axis(Words("hidden layers L", "camadas ocultas L"), log=True),
        Axis(Words("variance of log‖gradient‖²", "variância de log‖gradiente‖²"), log=True),
        (
            series(Words("measured", "medido"), depths, variances, "measured", "points",
                   (variances - 1.96 * errors, variances + 1.96 * errors)),
            series(Words("exact", "exato"), depths, exact, "theory"),
            series(Words("5L/N", "5L/N"), depths, 5.0 * depths / _WIDTH, "second"),
        ),
    )  # fmt: skip


def _means() -> Plot:
    depth = 50
    layers = np.arange(1, depth + 1)
    kinds = (("C_W = 1.8", "C_W = 1,8", 1.8, "measured"), ("C_W = 2", "C_W = 2", 2.0, "good"),
             ("C_W = 2.2", "C_W = 2,2", 2.2, "bad"))  # fmt: skip
    return Plot(
        Words("Mean squared gradient beside χ = 1", "Gradiente médio ao quadrado perto de χ = 1"),
        Words(
            "Last layer = 1, by mean field. C_W = n·Var(w) a tenth too small or too large: a factor of "
            "over 100 in 50 layers.",
            "Última camada = 1, campo médio. C_W = n·Var(w) um décimo menor ou maior: um fator acima de "
            "100 em 50 camadas.",
        ),
        Axis(Words("layer", "camada")),
        Axis(Words("squared gradient", "gradiente ao quadrado"), log=True),
        tuple(
            series(Words(en, pt), layers, gradient_profile("relu", depth, variance, variance), role)
            for en, pt, variance, role in kinds
        ),
    )


EXPERIMENT = Experiment(
    title=Words("Intrinsic instability", "Instabilidade intrínseca"),
    claim=Words(
        "There is an instability intrinsic to gradient descent in networks of many layers.",
        "Há uma instabilidade intrínseca ao gradiente descendente em redes de muitas camadas.",
    ),
    source=Words(
        "“Por que as redes neurais profundas são difíceis de treinar?”, closing paragraphs",
        "“Por que as redes neurais profundas são difíceis de treinar?”, parágrafos finais",
    ),
    prediction=Words(
        "Only if a layer multiplies a squared gradient by χ = 1 are gradients kept on average; even there "
        "the logarithm has a variance of about 5L/N for L layers of N units, "
        "2.66 for 32 layers of 64 (from the law of the factors of Hanin and Nica 2020).",
        "Só se uma camada multiplica o gradiente ao quadrado por χ = 1 os gradientes se conservam em "
        "média; mesmo aí o logaritmo tem variância de cerca de 5L/N em L camadas de N unidades, 2,66 "
        "para 32 camadas de 64 (da lei dos fatores de Hanin e Nica 2020).",
    ),
    measure=measure,
    rows=("U14",),
)
