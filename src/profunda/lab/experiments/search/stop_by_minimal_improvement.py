"""Ending a search after so many trials without a gain: what it saves, and what the same trials would find."""

import numpy as np

import profunda
from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Plot, Slider, series
from profunda.lab.words import Words, said

_PATIENCES = (3, 5, 10, 20, 40)
_MOST = 400
_BATCH = 4
"""`profunda.search` draws batches of four, and asks at the end of each whether to stop."""


def ends(patience: int, most: int, batch: int = 1) -> np.ndarray:
    """Probability [most + 1] that random search ends after n trials, for any loss without ties.

    After a record at trial k none follows in the next p with probability k/(k + p), since each of n draws is
    the best of them with probability 1/n (Rényi 1962). Whether to stop is asked after every `batch` trials.
    `most` ends what is left.
    """
    record = np.zeros(most + 1)
    record[1] = 1.0
    found = np.zeros(most + 1)
    for k in range(1, most + 1):
        end = -(-(k + patience) // batch) * batch
        if end <= most:
            found[end] += record[k] * k / end
        # The next record comes at trial j with probability k/(j(j − 1)).
        later = np.arange(k + 1, min(end, most) + 1)
        record[later] += record[k] * k / (later * (later - 1))
    found[most] += 1.0 - found.sum()
    return found


def regret(chances: np.ndarray) -> tuple[float, float, float]:
    """Mean trials; mean share of the space better than the best found; that of as many trials each time.

    The best of n draws leaves a share 1/(n + 1) on average, whatever its rank record, since ranks and
    values of independent draws are independent.
    """
    trials = np.arange(len(chances))
    mean = float((chances * trials).sum())
    return mean, float((chances / (trials + 1)).sum()), 1.0 / (mean + 1.0)


def verdict(ratio: float, low: float, high: float) -> Verdict:
    """Stopping's share left over a fixed number's: `ratio` by theory, measured between `low` and `high`.

    Above 1 the rule works at a price; wrong is what the law of records says where the interval excludes it.
    """
    if not low <= ratio <= high:
        return "wrong"
    return "holds with conditions" if ratio > 1.0 else "holds"


def _measured(patience: int, seeds: int) -> tuple[np.ndarray, np.ndarray]:
    """Trials made and share of the space still better, by seed: the loss is uniform on [0, 1] itself."""
    trials, left = np.empty(seeds), np.empty(seeds)
    for seed in range(seeds):
        found = profunda.search(
            lambda params: params["x"], {"x": profunda.Float(0.0, 1.0)},
            n_trials=_MOST, sampler="random", patience=patience, seed=seed,
        )  # fmt: skip
        trials[seed] = len(found.trials)
        left[seed] = found.best.value if found.best is not None else 1.0
    return trials, left


def measure(quick: bool) -> Outcome:
    """Random searches with five patiences, beside the exact law."""
    seeds = 120 if quick else 400
    found = {patience: _measured(patience, seeds) for patience in _PATIENCES}
    laws = {patience: ends(patience, _MOST, _BATCH) for patience in _PATIENCES}
    told = {patience: regret(law) for patience, law in laws.items()}
    ten = _PATIENCES[2]
    trials, left = found[ten]
    value, low, high = _ratio(trials, left)
    theory = told[ten][1] / told[ten][2]
    gain = _with_delta(120 if quick else 400)
    return Outcome(
        headline=Words(
            "share left better after stopping ÷ after as many trials fixed before (patience 10)",
            "fração ainda melhor após parar ÷ após tantos testes fixados antes (paciência 10)",
        ),
        predicted=theory,
        value=value,
        interval=(low, high),
        measured=said(
            "Patience 10 ends random search after {0} trials on average (theory {1}) with {2} of the "
            "space still better (theory {3}); so many trials fixed beforehand leave {4}. Asking for a "
            "gain of 0.05 ends it after {5} trials with {6} left.",
            "Paciência 10 encerra a busca aleatória após {0} testes em média (teoria {1}), com {2} do "
            "espaço ainda melhor (teoria {3}); tantos testes fixados antes deixam {4}. Exigir um ganho "
            "de 0,05 encerra após {5} testes, com {6} restante.",
            float(trials.mean()), told[ten][0], float(left.mean()), told[ten][1],
            1 / (trials.mean() + 1), *gain,
        ),
        verdict=verdict(theory, low, high),
        statement=said(
            "The rule ends a search where nobody knows a good number of trials, at a price: random search "
            "has no memory, so a run without a gain says nothing of the next trial. With patience 10 the "
            "share left is {0} times that of a fixed number with the same mean, with patience {1} {2} times. "
            "Seen on random draws; a sampler that learns was not tried.",
            "A regra encerra a busca onde ninguém sabe um bom número de testes, e isso custa: a busca "
            "aleatória não tem memória, logo uma série sem ganho nada diz do próximo teste. Com paciência "
            "10 a fração restante é {0} vezes a de um número fixo com a mesma média, com paciência {1}, "
            "{2} vezes. Visto com sorteios; um amostrador que aprende não foi testado.",
            theory, _PATIENCES[-1], told[_PATIENCES[-1]][1] / told[_PATIENCES[-1]][2],
        ),
        pictures=(_trade(found, told), _when(found, laws)),
    )  # fmt: skip


def _ratio(trials: np.ndarray, left: np.ndarray) -> tuple[float, float, float]:
    """Mean share left times (mean trials + 1), with a bootstrap interval over searches."""
    random = np.random.default_rng(0)
    value = float(left.mean() * (trials.mean() + 1))
    rows = random.integers(0, len(trials), (1000, len(trials)))
    drawn = left[rows].mean(axis=1) * (trials[rows].mean(axis=1) + 1)
    return value, float(np.quantile(drawn, 0.025)), float(np.quantile(drawn, 0.975))


def _with_delta(seeds: int) -> tuple[float, float]:
    """Mean trials and share left with patience 10 and a least gain of 0.05."""
    found = [
        profunda.search(
            lambda params: params["x"], {"x": profunda.Float(0.0, 1.0)},
            n_trials=_MOST, sampler="random", patience=_PATIENCES[2], min_delta=0.05, seed=seed,
        )
        for seed in range(seeds)
    ]  # fmt: skip
    left = [each.best.value for each in found if each.best is not None]
    return float(np.mean([len(each.trials) for each in found])), float(np.mean(left))


def _trade(
    found: dict[int, tuple[np.ndarray, np.ndarray]], told: dict[int, tuple[float, float, float]]
) -> Plot:
    mean = [trials.mean() for trials, _ in found.values()]
    left = np.array([each.mean() for _, each in found.values()])
    error = np.array([1.96 * each.std(ddof=1) / np.sqrt(len(each)) for _, each in found.values()])
    fixed = np.geomspace(min(mean) * 0.8, max(mean) * 1.2, 30)
    return Plot(
        Words("What stopping costs", "O que parar custa"),
        Words(
            "Share of the space better than what was found, against the trials made, patience 3 to 40 "
            "from left to right. Above the line of a fixed number: worse at equal cost.",
            "Fração do espaço melhor do que o encontrado, por testes feitos, paciência 3 a 40 da "
            "esquerda para a direita. Acima da linha do número fixo: pior com custo igual.",
        ),
        Axis(Words("trials (mean)", "testes (média)"), log=True),
        Axis(Words("share of the space still better", "fração do espaço ainda melhor"), log=True),
        (
            series(Words("stopping", "com parada"), mean, left, "measured", "points",
                   (left - error, left + error)),
            series(Words("stopping, theory", "com parada, teoria"), [t[0] for t in told.values()],
                   [t[1] for t in told.values()], "theory"),
            series(Words("fixed number", "número fixo"), fixed, 1 / (fixed + 1), "good"),
        ),
    )  # fmt: skip


def _when(found: dict[int, tuple[np.ndarray, np.ndarray]], laws: dict[int, np.ndarray]) -> Plot:
    """By the slider: how many searches still run after n trials."""
    lines = []
    for step, (patience, law) in enumerate(laws.items()):
        shown = np.arange(1, 16 * patience // 2)
        running = (found[patience][0][:, None] > shown).mean(axis=0)
        lines.append(series(Words("measured", "medido"), shown, running, kind="stairs", step=step))
        lines.append(
            series(Words("theory", "teoria"), shown, 1 - law.cumsum()[shown], "theory", "stairs", step=step)
        )
    positions = tuple(Words(str(patience), str(patience)) for patience in laws)
    return Plot(
        Words("When the search stops", "Quando a busca para"),
        Words(
            "Share of searches that still run after n trials. Whether to stop is asked after every four "
            "trials; where a search ends is luck.",
            "Fração de buscas ainda em curso após n testes. A cada quatro testes se pergunta se é hora de "
            "parar; onde uma busca termina é sorte.",
        ),
        Axis(Words("trials n", "testes n")),
        Axis(Words("share still running", "fração em curso"), range=(-0.02, 1.05)),
        tuple(lines),
        slider=Slider(Words("patience", "paciência"), positions),
    )


EXPERIMENT = Experiment(
    title=Words("Stop when nothing improves", "Parar quando nada melhora"),
    claim=Words(
        "Repeat until a stopping criterion is met, such as a largest number of trials or a minimal "
        "improvement.",
        "Repita até um critério de parada, como um número máximo de avaliações ou uma melhoria mínima.",
    ),
    source=Words("“Teoria de Deep Learning”, section 6.3", "“Teoria de Deep Learning”, seção 6.3"),
    prediction=Words(
        "For independent draws the law of records (Rényi 1962) gives when patience ends a search. The "
        "best of n leaves 1/(n + 1) of the space on average, a convex function of n: so a number that "
        "varies with luck leaves more than a fixed one of the same mean (Jensen's inequality). That the "
        "law counts in "
        "batches of four trials was settled after a first look.",
        "Para sorteios independentes a lei dos recordes (Rényi 1962) diz quando a paciência encerra a "
        "busca. O melhor de n deixa 1/(n + 1) do espaço em média, função convexa de n: logo um número "
        "que varia com a sorte deixa mais do que um fixo de mesma média (desigualdade de Jensen). Que a "
        "lei conta em lotes de quatro testes foi fixado após um primeiro olhar.",
    ),
    measure=measure,
    rows=("S6",),
)
