"""Does Bayesian optimisation need fewer trials than a grid and than chance? On two cheap functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

import profunda
from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Plot, Role, Slider, series
from profunda.lab.words import Words, said

_TRIALS = 24
_SIDES = (5, 6, 7, 8)
"""Values of each parameter of the grids, by turns; each grid is shifted, and its values shuffled."""
_SHARE = 0.02
"""The target: what one random draw in fifty reaches."""
_SAMPLERS: tuple[tuple[str, Words, Role], ...] = (
    ("grid", Words("grid", "grade"), "rest"),
    ("random", Words("random", "aleatória"), "second"),
    ("tpe", Words("TPE", "TPE"), "good"),
    ("batch", Words("Gaussian process", "processo gaussiano"), "measured"),
)


def branin(params: Mapping[str, float]) -> float:
    """Branin's function (Dixon and Szegö 1978) on the unit square: three equal minima of 0.397887."""
    x, y = 15 * params["x"] - 5, 15 * params["y"]
    valley = (y - 5.1 / (4 * np.pi**2) * x * x + 5 / np.pi * x - 6) ** 2
    return float(valley + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10)


def rugged(params: Mapping[str, float]) -> float:
    """Waves shorter than what two dozen trials can see, and no slope: nothing to learn from."""
    x, y = params["x"], params["y"]
    return float(np.sin(157 * x + 3) * np.sin(131 * y + 1) + 0.3 * np.sin(211 * (x + y)))


_FUNCTIONS: tuple[tuple[Words, Callable[[Mapping[str, float]], float]], ...] = (
    (Words("smooth (Branin)", "suave (Branin)"), branin),
    (Words("rugged (waves)", "rugosa (ondas)"), rugged),
)


@dataclass(frozen=True)
class Reached:
    """Trials [S] to the target of one sampler by seed; 25 where 24 did not reach it."""

    sampler: str
    trials: np.ndarray

    @property
    def share(self) -> float:
        """Share of searches that reached it."""
        return float((self.trials <= _TRIALS).mean())


@cache
def _target(function: Callable[[Mapping[str, float]], float]) -> float:
    places = np.random.default_rng(0).random((20_000, 2))
    return float(np.quantile([function({"x": x, "y": y}) for x, y in places], _SHARE))


def _grid(seed: int) -> dict[str, list[float]]:
    """Even values of either parameter, from a random place on and in random order."""
    random = np.random.default_rng([7, seed])
    side = _SIDES[seed % len(_SIDES)]
    return {name: ((random.permutation(side) + random.random()) / side).tolist() for name in "xy"}


def _reached(
    function: Callable[[Mapping[str, float]], float], sampler: str, seeds: int, target: float
) -> Reached:
    found = np.full(seeds, _TRIALS + 1)
    for seed in range(seeds):
        space: Mapping[str, object] = dict.fromkeys("xy", profunda.Float(0.0, 1.0))
        if sampler == "grid":
            space = _grid(seed)
        run = profunda.search(function, space, n_trials=_TRIALS, sampler=sampler, seed=seed)
        good = np.flatnonzero([trial.value <= target for trial in run.trials])
        found[seed] = good[0] + 1 if len(good) else _TRIALS + 1
    return Reached(sampler, found)


def fewer(first: Reached, second: Reached) -> float:
    """One-sided p of the Mann-Whitney test that the first needs fewer trials (those not reached tie)."""
    from scipy.stats import mannwhitneyu

    if np.ptp(np.concatenate([first.trials, second.trials])) == 0:
        return 1.0
    return float(mannwhitneyu(first.trials, second.trials, alternative="less").pvalue)


def verdict(probabilities: Mapping[str, tuple[float, float]]) -> Verdict:
    """From p against the grid and against chance, by function: fewer beyond doubt on all, some, or none."""
    surely = [max(pair) < 0.025 for pair in probabilities.values()]
    return "holds" if all(surely) else "holds with conditions" if any(surely) else "wrong"


def measure(quick: bool) -> Outcome:
    """Twenty-four trials of each sampler from many seeds, on both functions."""
    seeds = {"grid": 200, "random": 200, "tpe": 5 if quick else 20, "batch": 12 if quick else 24}
    found = {
        name.en: [
            _reached(function, sampler, seeds[sampler], _target(function)) for sampler, _, _ in _SAMPLERS
        ]
        for name, function in _FUNCTIONS
    }
    probabilities = {name: (fewer(each[3], each[0]), fewer(each[3], each[1])) for name, each in found.items()}
    (smooth, rough) = found.values()
    value = smooth[3].share
    low, high = _interval(value, seeds["batch"])
    return Outcome(
        headline=Words(
            "share of Gaussian-process searches of 24 trials that reach the target on the smooth function",
            "fração de buscas de 24 testes com processo gaussiano que atingem o alvo na função suave",
        ),
        predicted=None,
        value=value,
        interval=(low, high),
        measured=said(
            "Target: what 1 draw in 50 reaches. Median trials on the smooth function: grid {0}, random "
            "{1}, TPE {2}, Gaussian process {3} (reached by {4}, {5}, {6}, {7} of searches). On the "
            "rugged one reached by {8}, {9}, {10}, {11}.",
            "Alvo: o que 1 sorteio em 50 atinge. Mediana de testes na função suave: grade {0}, aleatória "
            "{1}, TPE {2}, processo gaussiano {3} (atingido por {4}, {5}, {6}, {7} das buscas). Na "
            "rugosa atingido por {8}, {9}, {10}, {11}.",
            *(_median(each) for each in smooth), *(each.share for each in (*smooth, *rough)),
        ),
        verdict=verdict(probabilities),
        statement=_statement(probabilities, fewer(smooth[2], smooth[1])),
        pictures=(_picture(found),),
    )  # fmt: skip


def _statement(probabilities: Mapping[str, tuple[float, float]], parzen: float) -> Words:
    """`parzen`: p that TPE needs fewer trials than chance on the smooth function."""
    surely = parzen < 0.025
    return said(
        "A Gaussian process needs fewer trials where nearby parameters score alike (smooth function: p = "
        "{0} against the grid, p = {1} against chance). Where they do not, a trial tells nothing of the "
        "next, and no gain is seen (rugged function: p = {2} and p = {3}). TPE, which the text's listing "
        "uses, {5} in 24 trials (p = {4} against chance).",
        "Um processo gaussiano precisa de menos testes onde parâmetros próximos têm notas próximas "
        "(função suave: p = {0} contra a grade, p = {1} contra o acaso). Onde não têm, um teste nada "
        "ensina sobre o próximo, e não se vê ganho (função rugosa: p = {2} e p = {3}). O TPE, que o código "
        "do texto usa, {6} em 24 testes (p = {4} contra o acaso).",
        *(p for pair in probabilities.values() for p in pair), parzen,
        "gains too" if surely else "shows no clear gain on the smooth one",
        "também ganha" if surely else "não mostra ganho claro na suave",
    )  # fmt: skip


def _median(each: Reached) -> str:
    middle = float(np.median(each.trials))
    return "> 24" if middle > _TRIALS else f"{middle:.0f}"


def _interval(share: float, searches: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share (Wilson 1927)."""
    z = 1.96
    centre = (share + z * z / (2 * searches)) / (1 + z * z / searches)
    reach = z * np.sqrt(share * (1 - share) / searches + (z / (2 * searches)) ** 2) / (1 + z * z / searches)
    return float(centre - reach), float(centre + reach)


def _picture(found: Mapping[str, list[Reached]]) -> Plot:
    trials = np.arange(1, _TRIALS + 1)
    lines = []
    for step, each in enumerate(found.values()):
        for (_, name, role), one in zip(_SAMPLERS, each, strict=True):
            share = (one.trials[:, None] <= trials).mean(axis=0)
            lines.append(series(name, trials, share, role, step=step))
        chance = 1 - (1 - _SHARE) ** trials
        lines.append(series(Words("chance, theory", "acaso, teoria"), trials, chance, "theory", step=step))
    return Plot(
        Words("Searches that have reached the target", "Buscas que atingiram o alvo"),
        Words(
            "Share by trials, over 200 searches by grid and at random and some 20 of the others. The grids "
            "have 25 to 64 points, tried in random order. Move the slider to the function of which nothing "
            "can be learnt. Dashed: 1 − 0.98^k.",
            "Fração por testes, em 200 buscas por grade e ao acaso e umas 20 das outras. As grades têm 25 a "
            "64 pontos, testados em ordem sorteada. Mova o controle para a função da qual nada se aprende. "
            "Tracejado: 1 − 0,98^k.",
        ),
        Axis(Words("trials k", "testes k")),
        Axis(Words("share of searches", "fração das buscas"), range=(-0.02, 1.03)),
        tuple(lines),
        slider=Slider(Words("function", "função"), tuple(name for name, _ in _FUNCTIONS)),
    )


EXPERIMENT = Experiment(
    title=Words("Fewer evaluations by a model", "Menos avaliações com um modelo"),
    claim=Words(
        "Bayesian optimisation needs fewer evaluations than grid or random search to find good "
        "configurations.",
        "A otimização bayesiana requer menos avaliações do que grade ou busca aleatória para boas "
        "configurações.",
    ),
    source=Words("“Teoria de Deep Learning”, section 6.4", "“Teoria de Deep Learning”, seção 6.4"),
    prediction=Words(
        "No theorem for all functions: averaged over all of them every search is alike (Wolpert and "
        "Macready 1997). It should hold on a smooth function and not on waves too short to see. Fewer "
        "means p < 0.025 (Mann-Whitney test) against the grid and against chance. Functions, target and "
        "numbers of searches were settled after a first look.",
        "Não há teorema para todas as funções: na média sobre todas, toda busca é igual (Wolpert e "
        "Macready 1997). Deve valer numa função suave, e não em ondas curtas demais. Menos quer "
        "dizer p < 0,025 (teste de Mann-Whitney) contra a grade e contra o acaso. Funções, alvo e números "
        "de buscas foram fixados após um primeiro olhar.",
    ),
    measure=measure,
    rows=("S6", "S7"),
)
