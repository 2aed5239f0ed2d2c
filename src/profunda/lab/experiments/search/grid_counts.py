"""How many trials a grid is, and how many of them are different when combinations are drawn at random."""

import numpy as np

import profunda
from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said

_LISTED = {
    "units": [32, 64, 128, 256],
    "learning_rate": [0.0001, 0.001, 0.01],
    "dropout": [0.1, 0.5],
    "layers": [2, 3, 4],
}
_PRINTED = {
    "hidden_size": [32, 64, 128],
    "learning_rate": [1e-4, 5e-4, 1e-3],
    "dropout_rate": [0.1, 0.3, 0.5],
    "batch_size": [16, 32, 64],
    "num_epochs": [5, 10, 15],
}
_DRAWN = 50


def verdict(sizes: tuple[int | None, int | None], called: int, different: int) -> Verdict:
    """Holds where the lists make 72 and 243 points and a grid search calls each of the 72 exactly once."""
    return "holds" if sizes == (72, 243) and called == different == 72 else "wrong"


def expected_different(points: int, draws: np.ndarray) -> np.ndarray:
    """Expected number of different points among `draws` with replacement: G(1 − (1 − 1/G)^k)."""
    return points * (1 - (1 - 1 / points) ** draws)


def _distinct(seeds: int) -> np.ndarray:
    """How many different combinations the first 1 … 72 draws hold, [seeds, 72]."""
    counts = np.empty((seeds, 72))
    for seed in range(seeds):
        found = profunda.search(lambda params: 0.0, _LISTED, n_trials=72, sampler="random", seed=seed)
        seen: set[tuple[object, ...]] = set()
        for place, trial in enumerate(found.trials):
            seen.add(tuple(trial.params.values()))
            counts[seed, place] = len(seen)
    return counts


def measure(quick: bool) -> Outcome:
    """Count, run the grid of 72 with a constant for an objective, and draw 72 times from it."""
    listed, printed = profunda.Space(_LISTED), profunda.Space(_PRINTED)
    run = profunda.search(lambda params: 0.0, listed, sampler="grid")
    different = len({tuple(sorted(trial.params.items())) for trial in run.trials})
    interval = profunda.Space(_LISTED | {"dropout": profunda.Float(0.1, 0.5)})
    counts = _distinct(20 if quick else 100)
    draws = np.arange(1, 73)
    expected = expected_different(72, draws)
    mean, error = counts.mean(axis=0), 1.96 * counts.std(axis=0, ddof=1) / np.sqrt(len(counts))
    verdict_found = verdict((listed.size, printed.size), len(run.trials), different)
    return Outcome(
        headline=Words("trials of the grid of section 4.1.1", "testes da grade da seção 4.1.1"),
        predicted=72.0,
        value=float(len(run.trials)),
        interval=(72.0, 72.0),
        measured=said(
            "The grid search ran {0} trials, {1} of them different; the listing's lists make {2}. Of {3} "
            "random draws from the 72, {4} ± {5} were different (expected: {6}).",
            "A busca em grade fez {0} testes, {1} deles diferentes; as listas do código dão {2}. De {3} "
            "sorteios entre os 72, {4} ± {5} foram diferentes (esperado: {6}).",
            len(run.trials), different, printed.size or 0, _DRAWN,
            mean[_DRAWN - 1], error[_DRAWN - 1], expected[_DRAWN - 1],
        ),
        verdict=verdict_found,
        statement=_statement(interval.size is None, expected[_DRAWN - 1]),
        pictures=(_repeats(draws, mean, error, expected), _growth()),
    )  # fmt: skip


def _statement(endless: bool, expected: float) -> Words:
    if not endless:
        return Words(
            "A dropout from an interval was counted as if it were a list: the count cannot be trusted.",
            "Um dropout de um intervalo foi contado como lista: a contagem não é confiável.",
        )
    return said(
        "Lists of values make a space that a grid exhausts: 72 trials, each once. (“Drop out = [0.1, 0.5]” "
        "is counted as two values; as an interval there would be no last trial, and a grid must be told "
        "its levels.) Drawing from lists repeats itself: fifty draws of 72 are on average only {0} "
        "different networks.",
        "Listas de valores formam um espaço que a grade esgota: 72 testes, cada um uma vez. (“Drop out = "
        "[0.1, 0.5]” conta como dois valores; como intervalo não haveria último teste, e é preciso dizer à "
        "grade os níveis.) Sortear de listas repete: cinquenta sorteios de 72 são em média só {0} redes "
        "diferentes.",
        expected,
    )


def _repeats(draws: np.ndarray, mean: np.ndarray, error: np.ndarray, expected: np.ndarray) -> Plot:
    return Plot(
        Words("Different networks among random draws", "Redes diferentes entre sorteios"),
        Words(
            "Random search over the lists of section 4.1.1: draws repeat. Dashed, on the blue line: "
            "72(1 − (1 − 1/72)^k).",
            "Busca aleatória nas listas da seção 4.1.1: sorteios repetem. Tracejado, sobre a linha "
            "azul: 72(1 − (1 − 1/72)^k).",
        ),
        Axis(Words("trials", "testes")),
        Axis(Words("different combinations", "combinações diferentes")),
        (
            series(Words("grid", "grade"), draws, draws, "second"),
            series(Words("random", "aleatória"), draws, mean, band=(mean - error, mean + error)),
            series(Words("random, theory", "aleatória, teoria"), draws, expected, "theory"),
        ),
        marks=(Mark(Words("50 trials", "50 testes"), x=_DRAWN),),
    )


def _growth() -> Plot:
    """Trials by parameters, counted by Space, for two to five values each."""
    parameters = np.arange(1, 11)
    lines = []
    for values, role in ((2, "good"), (3, "measured"), (5, "bad")):
        sizes = [
            profunda.Space({f"p{i}": list(range(values)) for i in range(n)}).size or 0 for n in parameters
        ]
        lines.append(
            series(said("{0} values each", "{0} valores cada", values), parameters, sizes, role, "both")
        )
    return Plot(
        Words(
            "A grid grows by a factor with every parameter", "A grade cresce por um fator a cada parâmetro"
        ),
        Words(
            "Five parameters of three values are the listing's 243; ten are 59,049.",
            "Cinco parâmetros de três valores são os 243 do código; dez são 59.049.",
        ),
        Axis(Words("parameters", "parâmetros")),
        Axis(Words("trials of the grid", "testes da grade"), log=True),
        tuple(lines),
        marks=(Mark(Words("243", "243"), y=243),),
    )


EXPERIMENT = Experiment(
    title=Words("How many trials is a grid?", "Quantos testes tem uma grade?"),
    claim=Words(
        "List the hyperparameters and their values, such as [32, 64, 128, 256] neurons; a grid or a random "
        "search then looks for the best combination.",
        "Liste os hiperparâmetros e os seus valores, como [32, 64, 128, 256] neurônios; a busca em grade ou "
        "a aleatória procura então a melhor combinação.",
    ),
    source=Words(
        "“Teoria de Deep Learning”, sections 3.5, 4.1.1 and listing of section 5",
        "“Teoria de Deep Learning”, seções 3.5, 4.1.1 e código da seção 5",
    ),
    prediction=Words(
        "A grid tries 4·3·2·3 = 72 combinations, the listing's lists 3⁵ = 243, each once. Of k draws with "
        "replacement G(1 − (1 − 1/G)^k) are "
        "different: 36.2 of 50 for G = 72.",
        "Uma grade testa 4·3·2·3 = 72 combinações, com as listas do código 3⁵ = 243, cada uma uma vez. De k "
        "sorteios com reposição G(1 − (1 − 1/G)^k) são "
        "diferentes: 36,2 de 50 para G = 72.",
    ),
    measure=measure,
    rows=("S3",),
)
