"""Very deep for their width, networks can only be compared in logarithms: log ‖x‖² is nearly normal."""

from dataclasses import dataclass

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.kernels._axes import BETA, META
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import log_norm_mean, log_norm_variance, random_networks, relu_fluctuation

_WIDTH, _DEPTHS = 32, (1, 2, 4, 8, 16, 32)
_ERRORS = 4.0


@dataclass(frozen=True)
class Depth:
    """log F of networks of one depth, F = ‖x_L‖² over its mean; theory of both."""

    depth: int
    logs: np.ndarray
    mean: float
    variance: float
    second: float

    @property
    def measured(self) -> float:
        return float(self.logs.var(ddof=1))

    @property
    def error(self) -> float:
        """Standard error of the variance, by the fourth moment."""
        centred = self.logs - self.logs.mean()
        return float(np.sqrt((np.mean(centred**4) - centred.var() ** 2) / len(centred)))

    @property
    def sampled_second(self) -> float:
        """E F² − 1 as the mean over these networks says."""
        return float(np.mean(np.exp(2.0 * self.logs))) - 1.0


def depths(networks: int) -> list[Depth]:
    """One deep network gives all depths: its layers up to l are a network of depth l."""
    drawn = random_networks([_WIDTH] * max(_DEPTHS), np.ones((1, 4)), "relu", 2.0, networks=networks, seed=11)
    # variances[:, :, l] = 2 ‖x^l‖²/n_l: of every layer, so of every depth.
    sizes = drawn.variances[:, 0, :] / drawn.variances[:, :1, 0]
    widths = [[_WIDTH] * depth for depth in _DEPTHS]
    return [
        Depth(len(each), np.log(sizes[:, len(each)]), log_norm_mean(each), log_norm_variance(each),
              relu_fluctuation(each))
        for each in widths
    ]  # fmt: skip


def judge(found: list[Depth]) -> Verdict:
    """The law of logarithms at every depth, and whether it stays the proportion 5 L/H."""
    if any(abs(d.measured - d.variance) > _ERRORS * d.error for d in found):
        return "wrong"
    off = max(abs(d.variance / (5.0 * d.depth / _WIDTH) - 1.0) for d in found)
    return "holds" if off <= 0.2 else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Networks of 32 units a layer, down to 32 layers: β up to 1."""
    found = depths(1_000 if quick else 6_000)
    last = found[-1]
    spread = 1.96 * last.error
    return Outcome(
        headline=Words("Var log ‖x_L‖² at L = H = 32", "Var log ‖x_L‖² com L = H = 32"),
        predicted=last.variance,
        value=last.measured,
        interval=(last.measured - spread, last.measured + spread),
        measured=said(
            "At depth = width = 32, Var log ‖x_L‖² is {0} (theory {1}), and the median network has {2} times "
            "the mean size. The relative variance of ‖x_L‖² over {3} networks "
            "comes out as {4} where the truth is {5}.",
            "Com profundidade = largura = 32, Var log ‖x_L‖² é {0} (teoria {1}), e a rede mediana tem {2} "
            "vez o tamanho médio. A variância relativa de ‖x_L‖² sobre {3} "
            "redes sai como {4} quando a verdade é {5}.",
            last.measured, last.variance, float(np.exp(np.median(last.logs))), len(last.logs),
            last.sampled_second, last.second,
        ),
        verdict=judge(found),
        statement=said(
            "In logarithms the proportion holds far beyond small L/H: Var log ‖x_L‖² = 5L/H + 18.5 L/H² + …, "
            "here {0} L/H. The mean stays 1 while the typical network shrinks like e^(−2.5 L/H). Means of "
            "squares say nothing once L/H is near 1.",
            "Em logaritmos a proporção vale muito além de L/H pequeno: Var log ‖x_L‖² = 5L/H + 18,5 L/H² + "
            "…, aqui {0} L/H. A média continua 1 enquanto a rede típica encolhe como e^(−2,5 L/H). Médias "
            "de quadrados nada dizem quando L/H se aproxima de 1.",
            last.variance * _WIDTH / last.depth,
        ),
        pictures=(_variances(found), _histogram(found)),
    )  # fmt: skip


def _variances(found: list[Depth]) -> Plot:
    beta = [d.depth / _WIDTH for d in found]
    spread = [1.96 * d.error for d in found]
    low = [d.measured - s for d, s in zip(found, spread, strict=True)]
    high = [d.measured + s for d, s in zip(found, spread, strict=True)]
    return Plot(
        Words("Logarithms obey the law, squares do not", "Logaritmos obedecem à lei, quadrados não"),
        Words(
            "Variance of log ‖x_L‖² and the relative variance of ‖x_L‖² from the same networks; dashed: "
            "exact. Beyond L/H ≈ ½ the sample misses the rare networks that rule the mean of squares.",
            "Variância de log ‖x_L‖² e variância relativa de ‖x_L‖² das mesmas redes; tracejado: exato. Além "
            "de L/H ≈ ½ a amostra perde as redes raras que dominam a média dos quadrados.",
        ),
        BETA,
        Axis(Words("variance", "variância"), log=True),
        (
            series(Words("Var log ‖x‖²", "Var log ‖x‖²"), beta, [d.measured for d in found], "measured",
                   "points", (low, high)),
            series(Words("exact, logarithm", "exata, logaritmo"), beta,
                   [d.variance for d in found], "theory", beside="measured"),
            series(Words("relative Var ‖x‖²", "Var ‖x‖² relativa"), beta,
                   [d.sampled_second for d in found], "bad", "points"),
            series(Words("exact, square", "exata, quadrado"), beta, [d.second for d in found], "theory",
                   beside="bad"),
        ),
    )  # fmt: skip


def _histogram(found: list[Depth]) -> Plot:
    lines = []
    edges = np.linspace(-10.0, 5.0, 61)
    middle = 0.5 * (edges[1:] + edges[:-1])
    for depth, role in ((4, "good"), (32, "measured")):
        one = next(d for d in found if d.depth == depth)
        heights = np.histogram(one.logs, edges)[0] / (len(one.logs) * (edges[1] - edges[0]))
        normal = np.exp(-((middle - one.mean) ** 2) / (2.0 * one.variance)) / np.sqrt(
            2.0 * np.pi * one.variance
        )
        lines.append(series(said("{0} layers", "{0} camadas", depth), edges[:-1], heights, role, "stairs"))
        name = said("{0} layers, normal law", "{0} camadas, lei normal", depth)
        lines.append(series(name, middle, normal, "theory"))
    return Plot(
        Words("Sizes of signals, 32 units a layer", "Tamanhos dos sinais, 32 unidades por camada"),
        Words(
            "Density of log ‖x_L‖² over networks; dashed: a normal law with the exact mean and variance. The "
            "deep networks' peak lies far left of their mean, which is at log 1 = 0.",
            "Densidade de log ‖x_L‖² sobre redes; tracejado: lei normal com média e variância exatas. O pico "
            "das redes profundas está bem à esquerda da média, que fica em log 1 = 0.",
        ),
        Axis(Words("log (‖x_L‖² ÷ mean)", "log (‖x_L‖² ÷ média)")),
        Axis(Words("density", "densidade"), range=(-0.01, 0.6)),
        tuple(lines),
        marks=(Mark(Words("mean size", "tamanho médio"), x=0.0),),
    )


EXPERIMENT = Experiment(
    title=Words("The log-normal law of deep networks", "A lei log-normal das redes profundas"),
    claim=Words(
        "The fluctuations of a finite network follow the ratio L/N, and grow into exploding and vanishing "
        "signals.",
        "As flutuações de uma rede finita seguem a razão L/N, e crescem até sinais que explodem ou "
        "desaparecem.",
    ),
    source=META,
    prediction=Words(
        "log ‖x_L‖² is a sum of independent parts, one a layer, so nearly normal; each has the variance "
        "E ψ'(k/2) + Var ψ(k/2) of log((2/H)χ²_k), k ~ Binomial(H, ½), ψ the digamma function: 5/H + 18.5/H² "
        "(from Hanin and Nica 2020). Measured variances within four standard errors.",
        "log ‖x_L‖² é uma soma de partes independentes, uma por camada, logo quase normal; cada uma tem a "
        "variância E ψ'(k/2) + Var ψ(k/2) de log((2/H)χ²_k), k ~ Binomial(H, ½), ψ a função digama: 5/H + "
        "18,5/H² (a partir de Hanin e Nica 2020). Variâncias medidas a no máximo quatro erros-padrão.",
    ),
    measure=measure,
    rows=("U5",),
)
