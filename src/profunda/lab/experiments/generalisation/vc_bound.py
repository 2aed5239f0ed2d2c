"""The Vapnik–Chervonenkis bound is right, and says nothing about networks."""

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import dense_vc_dimension, growth_bound, sauer_sum, vc_bound

_DELTA = 0.05
_WIDTHS, _MANY = (64, 32, 1), 60_000  # a small network, and as many rows as a well-known set of digits


def _largest_gap(rows: int, random: np.random.Generator) -> float:
    """E_out − E_in of the best signed threshold on a line for labels that are coin flips; E_out is ½."""
    labels = random.choice([-1.0, 1.0], rows)
    agreement = np.concatenate([[0.0], np.cumsum(labels)])  # of "−" up to a place, "+" beyond
    score = (labels.sum() - 2.0 * agreement) / rows
    return 0.5 * float(np.abs(score).max())


def verdict(broken: float, growth: bool, network: float) -> Verdict:
    """`broken`: share of samples beyond the bound; `growth`: N^d + 1 bounds Sauer's sum."""
    if broken > _DELTA or not growth:
        return "wrong"
    return "holds" if network < 1.0 else "holds with conditions"


_SO = Words(
    "The bound holds with probability 1 − δ over the training rows, for the share of wrong answers "
    "between two classes and independent rows of one law. It is several times too large even for "
    "thresholds, and above 1, so empty, for networks.",
    "O limite vale com probabilidade 1 − δ sobre as linhas de treino, para a fração de erros entre "
    "duas classes e linhas independentes de uma mesma lei. É várias vezes maior que o necessário até "
    "para limiares, e acima de 1, portanto vazio, para redes.",
)


def measure(quick: bool) -> Outcome:
    """Coin-flip labels and the class of thresholds with a sign, of VC dimension 2."""
    counts = np.array([30, 100, 300, 1000, 3000, 10_000])
    samples = 300 if quick else 2000
    gaps = np.array(
        [[_largest_gap(n, np.random.default_rng([3, n, k])) for k in range(samples)] for n in counts.tolist()]
    )
    bounds = np.array([vc_bound(n, 2, _DELTA).value for n in counts.tolist()])
    broken = float((gaps > bounds[:, None]).mean(1).max())
    growth = all(sauer_sum(n, d) <= growth_bound(n, d) for n in range(1, 60) for d in range(8))
    network = vc_bound(_MANY, dense_vc_dimension((64, *_WIDTHS)), _DELTA).value
    place = counts.tolist().index(1000)
    high = np.quantile(gaps, 1.0 - _DELTA, axis=1)
    value = float(bounds[place] / high[place])
    ends = np.quantile(gaps[place], [0.93, 0.97])
    return Outcome(
        headline=Words(
            "bound ÷ gap that 5 % of samples exceed (1,000 rows)",
            "limite ÷ diferença que 5 % das amostras excedem (1.000 linhas)",
        ),
        predicted=None,
        value=value,
        interval=(float(bounds[place] / ends[1]), float(bounds[place] / ends[0])),
        measured=said(
            "Of {0} samples of each size at most {1} % lay beyond the bound; δ = 0.05 allows 5 %. "
            "At 1,000 rows the "
            "bound is {2}, the gap that 5 % exceed {3}. For a network of 64 and 32 units and {4} rows the "
            "bound is {5}.",
            "De {0} amostras de cada tamanho, no máximo {1} % passaram do limite; δ = 0,05 permite 5 %. "
            "Com 1.000 linhas "
            "o limite é {2}, e a diferença que 5 % excedem, {3}. Para uma rede de 64 e 32 unidades e {4} "
            "linhas o limite é {5}.",
            samples, 100.0 * broken, float(bounds[place]), float(high[place]), _MANY, network,
        ),
        verdict=verdict(broken, growth, network),
        statement=_SO,
        pictures=(_picture(counts, bounds, gaps),),
    )  # fmt: skip


def _picture(counts: np.ndarray, bounds: np.ndarray, gaps: np.ndarray) -> Plot:
    dimension = dense_vc_dimension((64, *_WIDTHS))
    wide = [vc_bound(n, dimension, _DELTA).value for n in counts.tolist()]
    band = (np.quantile(gaps, 0.05, axis=1), np.quantile(gaps, 0.95, axis=1))
    return Plot(
        Words("Promised and actual gap by rows", "Diferença prometida e real por número de linhas"),
        Words(
            "Labels are coin flips, so all that is learnt is chance. Band: 90 % of the samples.",
            "Os rótulos são sorteados, logo tudo que se aprende é acaso. Faixa: 90 % das amostras.",
        ),
        Axis(Words("training rows N", "linhas de treino N"), log=True),
        Axis(Words("test error − training error", "erro de teste − erro de treino"), log=True),
        (
            series(Words("thresholds, measured", "limiares, medido"), counts, np.median(gaps, 1), band=band),
            series(Words("thresholds, bound", "limiares, limite"), counts, bounds, "theory"),
            series(Words("network, bound", "rede, limite"), counts, wide, "bad"),
        ),
        marks=(Mark(Words("above 1 it says nothing", "acima de 1 nada diz"), y=1.0),),
    )


EXPERIMENT = Experiment(
    title=Words("The VC bound", "O limite VC"),
    claim=Words(
        "The test error is at most the training error plus √(8/N · ln(4((2N)^d + 1)/δ)), where d is the VC "
        "dimension of the model.",
        "O erro de teste é no máximo o erro de treino mais √(8/N · ln(4((2N)^d + 1)/δ)), onde d é a dimensão "
        "VC do modelo.",
    ),
    source=Words(
        "“Técnicas de regularização”, introduction: mathematical formalisation",
        "“Técnicas de regularização”, introdução: formalização matemática",
    ),
    prediction=Words(
        "True with probability 1 − δ, since a class of dimension d labels N rows in at most N^d + 1 ways "
        "(Sauer 1972; Abu-Mostafa et al. 2012, eq. 2.12). Empty wherever it exceeds 1: 100 rows and d = 3.",
        "Verdadeiro com probabilidade 1 − δ, pois uma classe de dimensão d rotula N linhas de no máximo "
        "N^d + 1 maneiras (Sauer 1972; Abu-Mostafa et al. 2012, eq. 2.12). Vazio onde passa de 1: 100 linhas "
        "e d = 3.",
    ),
    measure=measure,
    errata=("E22",),
    rows=("U9",),
)  # fmt: skip
