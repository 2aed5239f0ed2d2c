"""Random networks become Gaussian processes as they grow wide: covariance, and kurtosis like 1/H."""

from dataclasses import dataclass

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.kernels._axes import NTK_SECTION, WIDTH
from profunda.lab.experiments.kernels._laws import Law, power_law
from profunda.lab.experiments.kernels._wide import draw, sphere
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import dense_kernels, random_networks, relu_fluctuation

_DEPTH, _FEATURES, _ROWS = 3, 10, 4
_WIDTHS = (16, 32, 64, 128, 256)
_SLOPE = (-1.35, -0.85)
"""Where the exponent of the kurtosis must lie: −1 in the limit, steeper at small widths, (1 + 5/H)³ − 1."""


@dataclass(frozen=True)
class Sizes:
    """Excess kurtosis of the output at a width, by network means, and the exact one."""

    width: int
    variances: np.ndarray
    exact: float

    @property
    def kurtosis(self) -> float:
        return _kurtosis(self.variances)


def _kurtosis(variances: np.ndarray) -> float:
    """Given the layers below, f is normal: E f⁴/(E f²)² − 3 = 3 Var v/(E v)², v its variance given them."""
    return 3.0 * float(variances.var() / variances.mean() ** 2)


def sizes(networks: int) -> list[Sizes]:
    """One ensemble a width; fewer of the wide ones."""
    found = []
    for width in _WIDTHS:
        widths, count = [width] * _DEPTH, max(300, networks * 32 // width)
        drawn = random_networks(widths, np.ones((1, 4)), "relu", 2.0, networks=count, seed=width)
        found.append(Sizes(width, drawn.variances[:, 0, -1], 3.0 * relu_fluctuation(widths)))
    return found


@dataclass(frozen=True)
class Outputs:
    """Outputs of many networks [M] at one row, and how far their covariance over rows is from the NNGP's."""

    width: int
    at_first: np.ndarray
    off: float
    floor: float


def outputs(width: int, networks: int) -> Outputs:
    """Covariances over `networks` networks against the limit kernel; `floor` is what chance alone gives."""
    x = sphere(_ROWS, _FEATURES, 4)
    stack = draw([width] * _DEPTH, _FEATURES, "relu", networks, 100 + width, 2.0)
    f = stack.through(x).outputs.double().numpy()
    limit = dense_kernels(x.double().numpy(), _DEPTH, "relu", 2.0).nngp
    size = float(np.linalg.norm(limit))
    # For normal outputs E‖Ĉ − K‖² = ((tr K)² + ‖K‖²)/M.
    floor = float(np.sqrt((np.trace(limit) ** 2 + size**2) / networks)) / size
    off = float(np.linalg.norm(f.T @ f / networks - limit)) / size
    return Outputs(width, f[:, 0] / np.sqrt(limit[0, 0]), off, floor)


def judge(law: Law, wide: Outputs) -> Verdict:
    """The kurtosis must fall like 1/H and the covariance of wide networks be the NNGP's, up to chance."""
    lawful = law.low <= _SLOPE[1] and law.high >= _SLOPE[0] and law.high < 0.0
    return "holds" if lawful and wide.off <= 3.0 * wide.floor else "wrong"


def measure(quick: bool) -> Outcome:
    """Excess kurtosis of the output from 16 to 256 units; covariance of outputs at 128 units."""
    found = sizes(2_000 if quick else 8_000)
    law = power_law(_WIDTHS, [each.variances for each in found], _kurtosis)
    narrow, wide = outputs(8, 4_000), outputs(128, 800 if quick else 4_000)
    exact = power_law(_WIDTHS, [np.array([each.exact]) for each in found])
    return Outcome(
        headline=Words("exponent of the width in the kurtosis", "expoente da largura na curtose"),
        predicted=exact.slope,
        value=law.slope,
        interval=law.interval,
        measured=said(
            "The excess kurtosis of the output falls from {0} at 16 units to {1} at 256 (exact {2} and {3}). "
            "At 128 units the covariance of outputs is {4} % off the NNGP kernel; chance alone gives {5} %.",
            "O excesso de curtose da saída cai de {0} com 16 unidades a {1} com 256 (exato {2} e {3}). Com "
            "128 unidades a covariância das saídas fica a {4} % do núcleo NNGP; só o acaso daria {5} %.",
            found[0].kurtosis, found[-1].kurtosis, found[0].exact, found[-1].exact, 100.0 * wide.off,
            100.0 * wide.floor,
        ),
        verdict=judge(law, wide),
        statement=Words(
            "Outputs of random networks become jointly normal as widths grow, with the NNGP kernel as "
            "covariance; what is not normal fades like depth over width: the excess kurtosis "
            "is 3((1 + 5/H)^L − 1) for ReLU.",
            "As saídas de redes sorteadas tornam-se conjuntamente normais quando as larguras crescem, com o "
            "núcleo NNGP como covariância; o que não é normal some como "
            "profundidade/largura: o excesso de curtose é 3((1 + 5/H)^L − 1) para ReLU.",
        ),
        pictures=(_falling(found), _density(narrow, wide)),
    )  # fmt: skip


def _falling(found: list[Sizes]) -> Plot:
    widths = [each.width for each in found]
    errors = [
        1.96 * each.kurtosis * float(np.std((each.variances / each.variances.mean() - 1.0) ** 2))
        / (each.kurtosis / 3.0) / np.sqrt(len(each.variances))
        for each in found
    ]  # fmt: skip
    values = [each.kurtosis for each in found]
    low = [max(v - e, 0.1 * v) for v, e in zip(values, errors, strict=True)]
    high = [v + e for v, e in zip(values, errors, strict=True)]
    return Plot(
        Words("Excess kurtosis of the output", "Excesso de curtose da saída"),
        Words(
            "Three hidden ReLU layers; points: random networks with 95 % intervals; dashed: exact. Zero is "
            "the normal law.",
            "Três camadas ocultas ReLU; pontos: redes sorteadas com intervalos de 95 %; tracejado: exato. "
            "Zero é a lei normal.",
        ),
        WIDTH,
        Axis(Words("excess kurtosis", "excesso de curtose"), log=True),
        (
            series(Words("measured", "medido"), widths, values, "measured", "points", (low, high)),
            series(Words("exact", "exato"), widths, [each.exact for each in found], "theory"),
        ),
    )


def _density(narrow: Outputs, wide: Outputs) -> Plot:
    edges = np.linspace(-4.0, 4.0, 41)
    middle = 0.5 * (edges[1:] + edges[:-1])
    drawn = []
    for each, role in ((narrow, "bad"), (wide, "measured")):
        inside = np.histogram(each.at_first, edges)[0] / (len(each.at_first) * (edges[1] - edges[0]))
        drawn.append(
            series(said("{0} units", "{0} unidades", each.width), edges[:-1], inside, role, "stairs")
        )
    normal = np.exp(-(middle**2) / 2.0) / np.sqrt(2.0 * np.pi)
    drawn.append(series(Words("normal law", "lei normal"), middle, normal, "theory"))
    return Plot(
        Words("Outputs of random networks at one input", "Saídas de redes sorteadas em uma entrada"),
        Words(
            "Densities over networks; those of narrow ones lie too often near zero and far out.",
            "Densidades sobre redes; as saídas das estreitas caem vezes demais perto de zero e nos extremos.",
        ),
        Axis(Words("output ÷ its standard deviation", "saída ÷ seu desvio-padrão")),
        Axis(Words("density", "densidade")),
        tuple(drawn),
    )


EXPERIMENT = Experiment(
    title=Words(
        "Infinitely wide networks are Gaussian processes",
        "Redes infinitamente largas são processos gaussianos",
    ),
    claim=Words(
        "At the start, as the widths of the hidden layers grow, the network converges to independent "
        "Gaussian processes.",
        "No início, quando as larguras das camadas ocultas crescem, a rede converge para processos "
        "gaussianos independentes.",
    ),
    source=NTK_SECTION,
    prediction=Words(
        "Covariance K of layers by K ← C_W E φ(u)φ(v), u and v normal with the K before: the NNGP kernel "
        "(Lee et al. 2018); excess kurtosis 3((1 + 5/H)³ − 1), so an exponent near −1 in H, between −1.35 "
        "and −0.85.",
        "Covariância K das camadas por K ← C_W E φ(u)φ(v), u e v normais com o K anterior: o núcleo NNGP "
        "(Lee et al. 2018); excesso de curtose 3((1 + 5/H)³ − 1), logo um expoente próximo de −1 em H, "
        "entre −1,35 e −0,85.",
    ),
    measure=measure,
    rows=("U3",),
)
