"""k random trials have one in the best 5 % with probability 1 − 0.95^k; what that does not promise."""

import numpy as np

import profunda
from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said

_TOP = 0.05
_TRIALS = 100
_ITERATIONS = 50
_DIMENSIONS = (1, 2, 4, 8)


def chance(trials: np.ndarray | int) -> np.ndarray:
    """1 − 0.95^k: that one of k independent draws is among the best 5 %."""
    return 1 - (1 - _TOP) ** np.asarray(trials, dtype=np.float64)


def verdict(predicted: float, low: float, high: float) -> Verdict:
    """Right where the measured share's interval has the law; conditional, as the 5 % are of the draws."""
    return "holds with conditions" if low <= predicted <= high else "wrong"


def _loss(params: dict[str, float]) -> float:
    """A bowl in two dimensions: its best 5 % are an ellipse around the middle."""
    return (params["a"] - 0.5) ** 2 + 4 * (params["b"] - 0.5) ** 2


def _first_hits(seeds: int) -> np.ndarray:
    """The trial, from 1, at which each seed's search first meets the best 5 %; infinite where it does not."""
    space = {"a": profunda.Float(0.0, 1.0), "b": profunda.Float(0.0, 1.0)}
    # The ellipse a² + 4b² < t lies inside the square for t < 1/4 and has the area πt/2.
    threshold = 2 * _TOP / np.pi
    hits = np.full(seeds, np.inf)
    for seed in range(seeds):
        found = profunda.search(_loss, space, n_trials=_TRIALS, sampler="random", seed=seed)
        good = np.flatnonzero([trial.value < threshold for trial in found.trials])
        hits[seed] = good[0] + 1 if len(good) else np.inf
    return hits


def measure(quick: bool) -> Outcome:
    """Searches of a bowl whose best 5 % are known exactly; then what 5 % are in more dimensions."""
    hits = _first_hits(150 if quick else 600)
    trials = np.arange(1, _TRIALS + 1)
    share = (hits[:, None] <= trials).mean(axis=0)
    error = 1.96 * np.sqrt(share * (1 - share) / len(hits))
    value, reach = float(share[_ITERATIONS - 1]), float(error[_ITERATIONS - 1])
    predicted = float(chance(_ITERATIONS))
    sides = {d: _TOP ** (1 / d) for d in _DIMENSIONS}
    return Outcome(
        headline=Words(
            "share of searches of 50 trials with one in the best 5 %",
            "fração de buscas de 50 testes com um entre os 5 % melhores",
        ),
        predicted=predicted,
        value=value,
        interval=(value - reach, value + reach),
        measured=said(
            "Of {0} searches {1} ± {2} had met the best 5 % after 50 trials, {3} after 10 and {4} after "
            "60. Best 5 % of the volume are {5} of each range in one dimension, {6} in eight.",
            "De {0} buscas {1} ± {2} tinham encontrado os 5 % melhores após 50 testes, {3} após 10 e {4} "
            "após 60. Os 5 % do volume são {5} de cada intervalo em uma dimensão, {6} em oito.",
            len(hits), value, reach, float(share[9]), float(share[59]), sides[1], sides[8],
        ),
        verdict=verdict(predicted, value - reach, value + reach),
        statement=said(
            "The law is exact for independent draws, whatever the number of parameters: {0} for 10 "
            "trials, {1} for 50, {2} for 60. But it is about the best 5 % of what is drawn, not about "
            "being near the best: in eight dimensions the best twentieth may span {3} of every range.",
            "A lei é exata para sorteios independentes, qualquer que seja o número de parâmetros: {0} "
            "com 10 testes, {1} com 50, {2} com 60. Mas fala dos 5 % melhores do que se sorteia, não de "
            "estar perto do ótimo: em oito dimensões o melhor vigésimo pode cobrir {3} de cada intervalo.",
            float(chance(10)), predicted, float(chance(60)), sides[8],
        ),
        pictures=(_curve(trials, share, error), _sides()),
    )  # fmt: skip


def _curve(trials: np.ndarray, share: np.ndarray, error: np.ndarray) -> Plot:
    return Plot(
        Words("Searches with a trial in the best 5 %", "Buscas com um teste entre os 5 % melhores"),
        Words(
            "Random search of a bowl. Band: 95 % over searches. Dashed: 1 − 0.95^k.",
            "Busca aleatória em uma tigela. Faixa: 95 % sobre buscas. Tracejado: 1 − 0,95^k.",
        ),
        Axis(Words("trials k", "testes k")),
        Axis(Words("share of searches", "fração das buscas"), range=(0, 1.15)),
        (
            series(Words("measured", "medido"), trials, share, band=(share - error, share + error)),
            series(Words("1 − 0.95^k", "1 − 0,95^k"), trials, chance(trials), "theory"),
        ),
        marks=(Mark(Words("50 trials", "50 testes"), x=_ITERATIONS),),
    )


def _sides() -> Plot:
    dimensions = np.arange(1, 21)
    return Plot(
        Words("How wide the best 5 % are", "Quão largos são os 5 % melhores"),
        Words(
            "Side of a cube that holds 5 % of the volume, 0.05^(1/d). With many parameters a good rank "
            "is easy and says little of the place.",
            "Lado de um cubo com 5 % do volume, 0,05^(1/d). Com muitos parâmetros uma boa posição é "
            "fácil e diz pouco do lugar.",
        ),
        Axis(Words("parameters d", "parâmetros d")),
        Axis(Words("share of each range", "fração de cada intervalo"), range=(0, 1)),
        (
            series(
                Words("side of the cube", "lado do cubo"), dimensions, _TOP ** (1 / dimensions), kind="both"
            ),
        ),
    )


EXPERIMENT = Experiment(
    title=Words("Fifty random trials and the best 5 %", "Cinquenta sorteios e os 5 % melhores"),
    claim=Words(
        "Choose a number of iterations, say 50, and keep the best of the combinations drawn.",
        "Escolha um número de iterações, por exemplo 50, e fique com a melhor das combinações sorteadas.",
    ),
    source=Words(
        "“Teoria de Deep Learning”, sections 4.2 and 4.4", "“Teoria de Deep Learning”, seções 4.2 e 4.4"
    ),
    prediction=Words(
        "Independent draws: the best of k is among the best 5 % of all with probability 1 − 0.95^k, "
        "0.401 for 10, 0.923 for 50, 0.954 for 60 (Bergstra and Bengio 2012).",
        "Sorteios independentes: o melhor de k está entre os 5 % melhores de todos com probabilidade "
        "1 − 0,95^k, 0,401 com 10, 0,923 com 50, 0,954 com 60 (Bergstra e Bengio 2012).",
    ),
    measure=measure,
    rows=("S4",),
)
