"""Random search against a grid, by how many of the parameters matter (the effective dimension)."""

import numpy as np

import profunda
from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Plot, Role, Series, Slider, series
from profunda.lab.words import Words, said

_PARAMETERS, _LEVELS = 4, 3
_TRIALS = _LEVELS**_PARAMETERS
_NINE = 9
_CHANCE: tuple[tuple[str, Words, Role], ...] = (
    ("random", Words("random", "aleatória"), "measured"),
    ("quasi-random", Words("quasi-random", "quase aleatória"), "good"),
)


def grid_distance(dimension: int, levels: int) -> float:
    """E min |x − x*| in the greatest of `dimension` coordinates, for a grid of cell middles and x* uniform.

    Each coordinate is uniform on [0, 1/(2·levels)], whose greatest of d has the mean d/(d + 1) of that.
    """
    return dimension / (dimension + 1) / (2 * levels)


def chance_distance(trials: int) -> float:
    """The same for random draws and one parameter that matters: (k + 3)/(2(k + 1)(k + 2)).

    The k draws cut [0, 1] into k + 1 spacings S, with E S² = 2/((k + 1)(k + 2)); x* in an inner one is S/4
    from the next draw on average, in one of the two outer ones S/2.
    """
    return (trials + 3) / (2 * (trials + 1) * (trials + 2))


def _names(parameters: int) -> list[str]:
    return [f"p{i}" for i in range(parameters)]


def _tried(sampler: str, parameters: int, trials: int, seed: int) -> np.ndarray:
    """The places [trials, parameters] that a search of the unit cube tries."""
    names = _names(parameters)
    middles = [(2 * i + 1) / (2 * _LEVELS) for i in range(_LEVELS)]
    domain = middles if sampler == "grid" else profunda.Float(0.0, 1.0)
    space = dict.fromkeys(names, domain)
    found = profunda.search(lambda params: 0.0, space, n_trials=trials, sampler=sampler, seed=seed)
    return np.array([[trial.params[name] for name in names] for trial in found.trials], dtype=np.float64)


def _distances(tried: np.ndarray, dimension: int, best: np.ndarray) -> np.ndarray:
    """From each best place to the nearest trial, in the first `dimension` coordinates alone."""
    gaps = np.abs(best[:, None, :dimension] - tried[None, :, :dimension])
    return gaps.max(axis=2).min(axis=1)


def verdict(random: np.ndarray, grid: np.ndarray) -> Verdict:
    """From mean distances by effective dimension, 1 to all parameters: the claim where random is nearer."""
    nearer = random < grid
    if nearer.all():
        return "holds"
    return "holds with conditions" if nearer[0] else "wrong"


def measure(quick: bool) -> Outcome:
    """Nine trials in a square, then 81 in four dimensions of which one to four matter."""
    seeds, places = (30, 200) if quick else (150, 500)
    random = np.random.default_rng(0)
    best = random.random((places, _PARAMETERS))
    nine = np.array(
        [_distances(_tried("random", 2, _NINE, seed), 1, best).mean() for seed in range(seeds * 2)]
    )
    square = _distances(_tried("grid", 2, _NINE, 0), 1, best).mean()
    error = 1.96 * nine.std(ddof=1) / np.sqrt(len(nine))
    dimensions = range(1, _PARAMETERS + 1)
    whole = _tried("grid", _PARAMETERS, _TRIALS, 0)
    draws = {
        sampler: [_tried(sampler, _PARAMETERS, _TRIALS, seed) for seed in range(seeds)]
        for sampler, _, _ in _CHANCE
    }
    found = {
        sampler: np.array([[_distances(one, d, best).mean() for d in dimensions] for one in each])
        for sampler, each in draws.items()
    }
    grid = np.array([_distances(whole, d, best).mean() for d in dimensions])
    mean = {sampler: each.mean(axis=0) for sampler, each in found.items()}
    wins = [d for d in dimensions if mean["random"][d - 1] < grid[d - 1]]
    return Outcome(
        headline=Words(
            "mean distance of nine random trials from the best value of one parameter of two",
            "distância média de nove testes sorteados ao melhor valor de um parâmetro entre dois",
        ),
        predicted=chance_distance(_NINE),
        value=float(nine.mean()),
        interval=(float(nine.mean() - error), float(nine.mean() + error)),
        measured=said(
            "Nine trials, one parameter of two matters: grid {0}, random {1} ± {2}. With {3} trials of "
            "four parameters random is nearer where {4} matter; where all four do: grid {5}, random {6}.",
            "Nove testes, importa um parâmetro de dois: grade {0}, aleatória {1} ± {2}. Com {3} testes "
            "de quatro parâmetros o sorteio fica mais perto onde importam {4} deles; se importam todos: "
            "grade {5}, aleatória {6}.",
            float(square), float(nine.mean()), float(error), _TRIALS,
            ", ".join(map(str, wins)) or "–", float(grid[-1]), float(mean["random"][-1]),
        ),
        verdict=verdict(mean["random"], grid),
        statement=Words(
            "Random search is better where fewer parameters matter than are searched, since a grid "
            "repeats the same few values of those that do. Where all matter alike, an even grid covers "
            "better. Points that fill gaps evenly (quasi-random) keep the advantage and lose less of the "
            "other.",
            "A busca aleatória é melhor onde importam menos parâmetros do que os buscados, pois a grade "
            "repete os mesmos poucos valores dos que importam. Onde todos importam igualmente, a grade "
            "regular cobre melhor. Pontos que preenchem lacunas (quase aleatórios) guardam a vantagem e "
            "perdem menos.",
        ),
        pictures=(_by_dimension(grid, found), _projected(whole, draws)),
    )  # fmt: skip


def _by_dimension(grid: np.ndarray, found: dict[str, np.ndarray]) -> Plot:
    places = np.arange(_PARAMETERS)
    theory = [grid_distance(d, _LEVELS) for d in range(1, _PARAMETERS + 1)]
    lines = [series(Words("grid", "grade"), places, grid, "second", "both")]
    for sampler, name, role in _CHANCE:
        each = found[sampler]
        mean, spread = each.mean(axis=0), 1.96 * each.std(axis=0, ddof=1) / np.sqrt(len(each))
        lines.append(series(name, places, mean, role, "both", (mean - spread, mean + spread)))
    lines.append(series(Words("grid, theory", "grade, teoria"), places, theory, "theory"))
    exact = Words("random, theory", "aleatória, teoria")
    lines.append(series(exact, [0], [chance_distance(_TRIALS)], "rest", "points"))
    return Plot(
        Words("Distance from the best place, 81 trials", "Distância ao melhor ponto, 81 testes"),
        Words(
            "Four parameters are searched; the distance counts only those that matter. Dashed and the grey "
            "point: exact means.",
            "Buscam-se quatro parâmetros; a distância conta só os que importam. Tracejado e ponto cinza: "
            "médias exatas.",
        ),
        Axis(
            Words("parameters that matter", "parâmetros que importam"),
            names=tuple(Words(str(d), str(d)) for d in range(1, _PARAMETERS + 1)),
        ),
        Axis(Words("distance (share of the range)", "distância (fração do intervalo)"), log=True),
        tuple(lines),
    )


def _projected(whole: np.ndarray, draws: dict[str, list[np.ndarray]]) -> Plot:
    """What 81 trials look like by the parameters that matter: one (a line each) or two (a square)."""
    shown: list[Series] = []
    samples: list[tuple[Words, np.ndarray, Role]] = [(Words("grid", "grade"), whole, "second")]
    samples += [(name, draws[sampler][0], role) for sampler, name, role in _CHANCE]
    for step in (0, 1):
        for height, (name, tried, role) in zip((0.8, 0.5, 0.2), samples, strict=True):
            upright = np.full(len(tried), height) if step == 0 else tried[:, 1]
            shown.append(series(name, tried[:, 0], upright, role, "points", step=step))
    return Plot(
        Words("81 trials, seen by what matters", "81 testes, vistos pelo que importa"),
        Words(
            "By one parameter that matters (each search on a line of its own) the grid of 81 has tried "
            "three values, chance 81. Move the slider: by two, the grid has tried nine places.",
            "Por um parâmetro que importa (cada busca em sua linha) a grade de 81 testou três valores, o "
            "sorteio 81. Mova o controle: por dois, a grade testou nove lugares.",
        ),
        Axis(Words("first parameter", "primeiro parâmetro"), range=(0, 1)),
        Axis(Words("second parameter", "segundo parâmetro"), range=(0, 1)),
        tuple(shown),
        slider=Slider(
            Words("parameters that matter", "parâmetros que importam"), (Words("1", "1"), Words("2", "2"))
        ),
    )


EXPERIMENT = Experiment(
    title=Words("Does random search beat a grid?", "A busca aleatória vence a grade?"),
    claim=Words(
        "Random search is more efficient than grid search in many cases, mostly where some hyperparameters "
        "matter more than others.",
        "A busca aleatória é mais eficiente do que a busca em grade em muitos casos, sobretudo quando "
        "alguns hiperparâmetros têm mais impacto.",
    ),
    source=Words("“Teoria de Deep Learning”, section 4", "“Teoria de Deep Learning”, seção 4"),
    prediction=Words(
        "Nine trials, one parameter of two matters: E min |x − x*| is 1/12 = 0.0833 for the 3 × 3 grid and "
        "(9 + 3)/(2·10·11) = 0.0545 for chance, from the spacings of uniform draws; after Bergstra and "
        "Bengio (2012). Where all parameters matter, the grid should be nearer.",
        "Nove testes, importa um parâmetro de dois: E min |x − x*| é 1/12 = 0,0833 para a grade 3 × 3 e "
        "(9 + 3)/(2·10·11) = 0,0545 para o sorteio, pelos espaçamentos de sorteios uniformes; segundo "
        "Bergstra e Bengio (2012). Onde todos importam, a grade deve ficar mais perto.",
    ),
    measure=measure,
    errata=("E31",),
    rows=("S4",),
)
