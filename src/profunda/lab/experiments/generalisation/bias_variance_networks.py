"""Bias and variance of networks by their width, from a fleet over fresh training sets."""

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.generalisation._stacked import train_sets
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import Decomposition, decompose

_ROWS, _NOISE = 20, 0.3


def _found(width: int, sets: int, steps: int) -> tuple[Decomposition, float]:
    """The decomposition from `sets` networks, and the error on new noise."""
    generator = torch.Generator().manual_seed(3)
    x = torch.rand(sets, _ROWS, 1, generator=generator)
    y = torch.sin(2 * torch.pi * x) + _NOISE * torch.randn(sets, _ROWS, 1, generator=generator)
    at = torch.linspace(0.02, 0.98, 97)[:, None].expand(sets, 97, 1)
    told = train_sets(4.0 * x - 2.0, y, 4.0 * at - 2.0, width, steps=steps, rate=0.02, seed=width)
    truth = np.sin(2 * np.pi * at[0, :, 0].numpy().astype(np.float64))
    noise = _NOISE * np.random.default_rng(1).normal(size=told.shape)
    return decompose(told, truth, _NOISE), float(np.mean((told - truth - noise) ** 2))


def verdict(bias: np.ndarray, variance: np.ndarray, apart: float) -> Verdict:
    """Whether bias² falls and variance rises from the first width to the last, and the parts add up."""
    if apart > 0.03:
        return "wrong"
    trades = bias[-1] < 0.5 * bias[0] and variance[-1] > variance[0]
    monotone = bool((np.diff(variance) > 0).all())
    if not trades:
        return "holds with conditions"
    return "holds" if monotone else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """tanh networks of one hidden layer on 20 noisy points of a sine, each set drawn anew."""
    widths = np.array([1, 2, 3, 5, 10, 30])
    sets, steps = (40, 400) if quick else (200, 1000)
    found = [_found(width, sets, steps) for width in widths.tolist()]
    bias = np.array([one.bias2 for one, _ in found])
    variance = np.array([one.variance for one, _ in found])
    total = np.array([one.plain_bias2 + one.plain_variance + one.noise for one, _ in found])
    fresh = np.array([error for _, error in found])
    apart = float(np.abs(total / fresh - 1.0).max())
    place = int(np.argmin(fresh))
    reach = 1.96 * float(found[-1][0].variance_error)
    return Outcome(
        headline=Words("variance of networks of 30 units", "variância de redes de 30 unidades"),
        predicted=None,
        value=float(variance[-1]),
        interval=(float(variance[-1]) - reach, float(variance[-1]) + reach),
        measured=said(
            "From 1 to 30 units, {0} training sets each: bias² goes from {1} to {2}, variance from {3} to "
            "{4}. The error on new noise is least with {5} units ({6}); the three parts add up to it within "
            "{7} %.",
            "De 1 a 30 unidades, {0} conjuntos de treino cada: o viés² vai de {1} a {2}, a variância de {3} "
            "a {4}. O erro com ruído novo é mínimo com {5} unidades ({6}); as três partes somam esse erro "
            "com diferença de até {7} %.",
            sets, float(bias[0]), max(0.0, float(bias[-1])), float(variance[0]), float(variance[-1]),
            int(widths[place]), float(fresh[place]), 100.0 * apart,
        ),
        verdict=verdict(bias, variance, apart),
        statement=Words(
            "For networks too the three parts add up. Wider networks lose bias quickly and gain variance "
            "slowly, far less than in proportion to their units: seen up to 30 units on 20 points.",
            "Também para redes as três partes somam o erro. Redes mais largas perdem viés logo e ganham "
            "variância devagar, bem menos que em proporção às unidades: visto até 30 unidades em 20 pontos.",
        ),
        pictures=(_picture(widths, found, fresh),),
    )  # fmt: skip


def _picture(widths: np.ndarray, found: list[tuple[Decomposition, float]], fresh: np.ndarray) -> Plot:
    bias, variance = (
        np.array([max(getattr(one, name), 1e-4) for one, _ in found]) for name in ("bias2", "variance")
    )
    error = 1.96 * np.array([one.variance_error for one, _ in found])
    band = (np.maximum(variance - error, 1e-4), variance + error)
    return Plot(
        Words("Bias, variance and error by width", "Viés, variância e erro por largura"),
        Words(
            "Every network has training rows of its own. Band: 95 % of the variance; dashed: the noise.",
            "Cada rede tem suas próprias linhas de treino. Faixa: 95 % da variância; tracejado: o ruído.",
        ),
        Axis(Words("hidden units H", "unidades ocultas H"), log=True),
        Axis(Words("squared error", "erro quadrático"), log=True),
        (
            series(Words("bias²", "viés²"), widths, bias, "measured", "both"),
            series(Words("variance", "variância"), widths, variance, "second", "both", band),
            series(Words("error on new noise", "erro com ruído novo"), widths, fresh, "bad", "both"),
            series(Words("noise σ²", "ruído σ²"), widths, np.full(len(widths), _NOISE**2), "theory"),
        ),
    )


EXPERIMENT = Experiment(
    title=Words("Bias and variance of networks", "Viés e variância de redes"),
    claim=Words(
        "By the classical view, a larger model has less bias and more variance.",
        "Pela visão clássica, um modelo maior tem menos viés e mais variância.",
    ),
    source=Words(
        "“Técnicas de regularização”, learning curves: the classical bias–variance trade-off",
        "“Técnicas de regularização”, curvas de aprendizado: o compromisso clássico viés-variância",
    ),
    prediction=Words(
        "Bias² + variance + noise is the error of any estimator (Geman, Bienenstock and Doursat 1992). That "
        "variance grows with the size is no theorem for networks.",
        "Viés² + variância + ruído é o erro de qualquer estimador (Geman, Bienenstock e Doursat 1992). Que a "
        "variância cresça com o tamanho não é um teorema para redes.",
    ),
    measure=measure,
    rows=("U11",),
)
