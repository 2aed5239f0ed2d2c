"""Random features: the test error peaks where features and rows are equally many, and ridge removes it."""

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import FeatureSweep, random_feature_sweep

_ROWS, _RIDGE = 100, 0.1
_COUNTS = (5, 10, 20, 40, 60, 80, 90, 95, 100, 105, 110, 120, 140, 170, 230, 400, 800, 1600)


def verdict(plain: FeatureSweep, ridge: FeatureSweep) -> Verdict:
    """Peak at p = N, ten times the classical minimum, second descent below it; none of it with ridge."""
    peaks = plain.peak == plain.n_rows and plain.median.max() > 10.0 * plain.classical_minimum
    if not (peaks and plain.descends_twice):
        return "wrong"
    smooth = ridge.median.max() <= ridge.median[0] * 1.05
    return "holds with conditions" if smooth else "holds"


def measure(quick: bool) -> Outcome:
    """Least-norm fits on p random ReLU features, 100 rows of 20 inputs, noise 0.5."""
    counts = tuple(p for p in _COUNTS if p <= 800) if quick else _COUNTS
    repeats = 10 if quick else 16
    plain = random_feature_sweep(counts, n_rows=_ROWS, repeats=repeats)
    ridge = random_feature_sweep(counts, _RIDGE, n_rows=_ROWS, repeats=repeats)
    place = counts.index(_ROWS)
    ratio = plain.risk[place] / plain.classical_minimum
    ends = np.quantile(ratio, (0.25, 0.75))
    return Outcome(
        headline=Words(
            "features at the largest median error", "número de características no maior erro mediano"
        ),
        predicted=float(_ROWS),
        value=float(plain.peak),
        interval=(float(counts[place - 1]), float(counts[place + 1])),
        measured=said(
            "With p features the median test error is {0} at best before the peak, {1} at p = {2} (half of "
            "the repeats between {3} and {4} times that best), and {5} at p = {6}. With ridge λ = 0.1 it "
            "is {7} at p = N and {8} at the end.",
            "Com p características o erro de teste mediano é {0} no melhor ponto antes do pico, {1} em p = "
            "{2} (metade das repetições entre {3} e {4} vezes esse melhor), e {5} em p = {6}. Com ridge λ "
            "= 0,1 é {7} em p = N e {8} no fim.",
            plain.classical_minimum, float(plain.median.max()), plain.peak, float(ends[0]), float(ends[1]),
            float(plain.median[-1]), counts[-1], float(ridge.median[place]), float(ridge.median[-1]),
        ),
        verdict=verdict(plain, ridge),
        statement=Words(
            "Without a penalty the error descends twice, with a peak exactly at as many features as rows, "
            "and here the largest model is best. A small ridge penalty takes the peak away.",
            "Sem penalidade o erro desce duas vezes, com um pico exatamente em tantas características "
            "quantas linhas, e aqui o maior modelo é o melhor. Uma pequena penalidade ridge remove o pico.",
        ),
        pictures=(_picture(counts, plain, ridge),),
    )  # fmt: skip


def _picture(counts: tuple[int, ...], plain: FeatureSweep, ridge: FeatureSweep) -> Plot:
    bands = [np.quantile(sweep.risk, (0.25, 0.75), axis=1) for sweep in (plain, ridge)]
    train = np.median(plain.train, 1)
    shown = train > 1e-3
    return Plot(
        Words("Error by the number of random features", "Erro por número de características aleatórias"),
        Words(
            "Medians; bands hold half of the repeats. The training error leaves the picture at p = N.",
            "Medianas; as faixas contêm metade das repetições. O erro de treino sai da figura em p = N.",
        ),
        Axis(Words("random features p", "características aleatórias p"), log=True),
        Axis(Words("squared error", "erro quadrático"), log=True),
        (
            series(Words("test, least norm", "teste, norma mínima"), counts, plain.median, "bad", "both",
                   (bands[0][0], bands[0][1])),
            series(Words("test, ridge λ = 0.1", "teste, ridge λ = 0,1"), counts, ridge.median, "good", "both",
                   (bands[1][0], bands[1][1])),
            series(Words("training, least norm", "treino, norma mínima"), np.array(counts)[shown],
                   train[shown],
                   "measured"),
        ),
        marks=(Mark(Words("p = N = 100", "p = N = 100"), x=float(_ROWS)),),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Double descent with random features", "Descida dupla com características aleatórias"),
    claim=Words(
        "As a model grows, its test error falls, rises up to where it can just fit the training rows, and "
        "falls again: more parameters than rows are not too many.",
        "Quando um modelo cresce, seu erro de teste cai, sobe até onde ele mal consegue ajustar as linhas de "
        "treino, e cai de novo: mais parâmetros que linhas não são demais.",
    ),
    source=Words(
        "“Técnicas de regularização”, learning curves: double descent, figure 9.9",
        "“Técnicas de regularização”, curvas de aprendizado: descida dupla, figura 9.9",
    ),
    prediction=Words(
        "The fit of least norm has the largest variance where the features' matrix is square, p = N (Belkin "
        "et al. 2019; Hastie et al. 2022); ridge bounds it.",
        "O ajuste de norma mínima tem a maior variância onde a matriz de características é quadrada, p = N "
        "(Belkin et al. 2019; Hastie et al. 2022); ridge a limita.",
    ),
    measure=measure,
    rows=("U12",),
)
