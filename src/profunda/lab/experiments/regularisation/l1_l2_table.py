"""The text's table of L1 against L2, row by row."""

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.regularisation._tables import Interval, filled, interval, told
from profunda.lab.pictures import Axis, Mark, Plot, Slider, series
from profunda.lab.words import Words, said
from profunda.theory import ridge

_ROWS, _INPUTS, _TELLING, _JUDGED = 60, 40, 5, 400
_STRENGTHS = np.geomspace(0.003, 3.0, 16)


def _lasso_path(x: np.ndarray, y: np.ndarray, strengths: np.ndarray) -> np.ndarray:
    """Weights [S, D] of RSS/(2N) + λ‖w‖₁."""
    from sklearn.linear_model import lasso_path

    return lasso_path(x, y, alphas=strengths[::-1], tol=1e-6, max_iter=20_000)[1].T[::-1]


def _ridge_path(x: np.ndarray, y: np.ndarray, strengths: np.ndarray) -> np.ndarray:
    """Weights [S, D] of RSS/(2N) + λ‖w‖²."""
    return np.stack([ridge(x, y, float(strength), "sklearn") for strength in strengths])


_PATHS = {"L1": _lasso_path, "L2": _ridge_path}


def _sample(random: np.random.Generator, truth: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    x = random.standard_normal((rows, _INPUTS))
    return x, x @ truth + random.standard_normal(rows)


def _excess(seed: int, telling: int) -> tuple[dict[str, float], dict[str, float]]:
    """Error beyond the noise and share of zeros at the strength that is best on other rows, for both."""
    random = np.random.default_rng([seed, telling])
    truth = np.zeros(_INPUTS)
    truth[:telling] = random.choice((-1.0, 1.0), telling) * 2.0 / np.sqrt(telling)
    x, y = _sample(random, truth, _ROWS)
    x_valid, y_valid = _sample(random, truth, _JUDGED)
    error, zeros = {}, {}
    for name, path in _PATHS.items():
        weights = path(x, y, _STRENGTHS)
        best = weights[np.mean((x_valid @ weights.T - y_valid[:, None]) ** 2, axis=0).argmin()]
        error[name], zeros[name] = float(np.sum((best - truth) ** 2)), float(np.mean(best == 0.0))
    return error, zeros


def _unrest(seed: int) -> float:
    """Logarithm of L1's spread of weights over resampled rows ÷ L2's, five pairs of alike inputs."""
    random = np.random.default_rng([seed, 99])
    shared = random.standard_normal((200, 5))
    x = np.repeat(shared, 2, axis=1) + 0.1 * random.standard_normal((200, 10))
    y = shared @ np.array([1.5, -1.0, 0.5, 0.0, 0.0]) + random.standard_normal(200)
    spread = []
    for path in _PATHS.values():
        fits = []
        for _ in range(10):
            rows = random.integers(0, 200, 200)
            fits.append(path(x[rows], y[rows], np.array([0.1]))[0])
        spread.append(np.std(fits, axis=0).sum() / np.abs(np.mean(fits, axis=0)).sum())
    return float(np.log(spread[0] / spread[1]))


def judged(zeros: tuple[float, float], few: Interval, many: Interval, unrest: Interval) -> Verdict:
    """Zeros under L1 alone; L1 better where few inputs tell, L2 where all do; L1 less steady."""
    rows = (zeros[0] > 0.0 == zeros[1], few.above, many.above, unrest.above)
    against = (zeros[0] == 0.0, few.below, many.below, unrest.below)
    return "holds" if all(rows) else "wrong" if any(against) and not any(rows) else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Zeros, errors and steadiness over made-up problems."""
    problems = 8 if quick else 30
    few, many = ([_excess(seed, telling) for seed in range(problems)] for telling in (_TELLING, _INPUTS))
    zeros = tuple(float(np.mean([one[1][name] for one in few])) for name in _PATHS)
    gain = interval(np.array([np.log(one[0]["L2"] / one[0]["L1"]) for one in few]))
    loss = interval(np.array([np.log(one[0]["L1"] / one[0]["L2"]) for one in many]))
    unrest = interval(np.array([_unrest(seed) for seed in range(problems)]))
    verdict = judged((zeros[0], zeros[1]), gain, loss, unrest)
    return Outcome(
        headline=Words(
            "spread of weights over resampled rows, L1 ÷ L2", "dispersão dos pesos em reamostras, L1 ÷ L2"
        ),
        predicted=None,
        value=float(np.exp(unrest.mean)),
        interval=(float(np.exp(unrest.low)), float(np.exp(unrest.high))),
        measured=filled(
            "Exact zeros: {0}. Error beyond the noise, L2 ÷ L1, where 5 of 40 inputs tell: {1}; L1 ÷ L2 "
            "where all tell: {2}. Spread of weights among alike inputs, L1 ÷ L2: {3}.",
            "Zeros exatos: {0}. Erro além do ruído, L2 ÷ L1, onde 5 de 40 entradas dizem algo: {1}; L1 ÷ L2 "
            "onde todas dizem: {2}. Dispersão dos pesos entre entradas parecidas, L1 ÷ L2: {3}.",
            said("L1 {0} %, L2 {1} %", "L1 {0} %, L2 {1} %", 100.0 * zeros[0], 100.0 * zeros[1]),
            *(_factor(one) for one in (gain, loss, unrest)),
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words(
                "The table holds where few inputs tell something and others nothing (L1), or all tell a "
                "little (L2): the choice is a guess about the truth, so try both.",
                "A tabela vale onde poucas entradas dizem algo e as outras nada (L1), ou todas dizem um "
                "pouco (L2): a escolha é um palpite sobre a verdade; teste as duas.",
            ),
            Words("Some rows of the table were seen here, others could not be told.",
                  "Algumas linhas da tabela foram vistas aqui, outras não puderam ser decididas."),
            Words("The rows of the table were not seen here.", "As linhas da tabela não foram vistas aqui."),
        ),
        pictures=(
            Plot(
                Words("Three rows of the table, as factors", "Três linhas da tabela, como fatores"),
                Words("Above 1 the table is right. Means with 95 % intervals over problems.",
                      "Acima de 1 a tabela está certa. Médias com intervalos de 95 % sobre problemas."),
                Axis(Words("row of the table", "linha da tabela"), names=(
                    Words("few tell: L1", "poucas: L1"), Words("all tell: L2", "todas: L2"),
                    Words("alike: L2", "parecidas: L2"),
                )),
                Axis(Words("factor in favour of the table", "fator a favor da tabela"), log=True),
                (series(Words("measured", "medido"), range(3),
                        np.exp([one.mean for one in (gain, loss, unrest)]), kind="points",
                        band=(np.exp([one.low for one in (gain, loss, unrest)]),
                              np.exp([one.high for one in (gain, loss, unrest)]))),),
                marks=(Mark(Words("no difference", "sem diferença"), y=1.0),),
            ),
            _paths(),
        ),
    )  # fmt: skip


def _factor(one: Interval) -> Words:
    return said(
        "×{0} [{1}, {2}]", "×{0} [{1}; {2}]", *(float(np.exp(v)) for v in (one.mean, one.low, one.high))
    )


def _paths() -> Plot:
    """Weights of one problem against the strength."""
    random = np.random.default_rng(3)
    truth = np.zeros(_INPUTS)
    truth[:_TELLING] = (1.5, -1.2, 1.0, 0.8, -0.6)
    x, y = _sample(random, truth, _ROWS)
    lines = []
    for step, path in enumerate(_PATHS.values()):
        weights = path(x, y, _STRENGTHS)
        for place in [*range(_TELLING), *range(_TELLING, _TELLING + 8)]:
            tells = place < _TELLING
            name = Words("tells", "diz algo") if tells else Words("tells nothing", "nada diz")
            lines.append(
                series(
                    name if place in (0, _TELLING) else Words("", ""),
                    _STRENGTHS,
                    weights[:, place],
                    "good" if tells else "bad",
                    step=step,
                )
            )
    return Plot(
        Words("Weights by the strength of the penalty", "Pesos pela força da penalidade"),
        Words("13 of 40 weights. L1 ends weights one by one; under L2 none ever reaches zero.",
              "13 de 40 pesos. A L1 encerra os pesos um a um; com a L2 nenhum chega a zero."),
        Axis(Words("strength λ beside RSS/(2N)", "força λ junto de RSS/(2N)"), log=True),
        Axis(Words("weight", "peso")),
        tuple(lines),
        slider=Slider(Words("penalty", "penalidade"), (Words("L1", "L1"), Words("L2", "L2"))),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("L1 against L2", "L1 contra L2"),
    claim=Words(
        "L1 selects, gives zeros, is for simplifying, and is weak among correlated inputs; L2 keeps all "
        "weights, is for when all inputs are relevant, and is robust to correlation.",
        "L1 seleciona, dá zeros, serve para simplificar e é fraca entre correlacionadas; L2 mantém todos os "
        "pesos, serve quando todas as variáveis são relevantes e é robusta à correlação.",
    ),
    source=Words("“Técnicas de regularização”, table L1 × L2", "“Técnicas de regularização”, tabela L1 × L2"),
    prediction=Words(
        "Zeros in L1 fits only; L1 has less error where the truth is sparse, ridge where it is dense "
        "(Tibshirani 1996, section 7); L2's weights vary less.",
        "Zeros só nos ajustes L1; L1 erra menos onde a verdade é esparsa, ridge onde é densa (Tibshirani "
        "1996, seção 7); os pesos da L2 variam menos.",
    ),
    measure=measure,
    rows=("R3",),
)
