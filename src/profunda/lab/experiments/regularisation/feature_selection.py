"""On real tables with a shuffled copy beside each column: which columns does L1 keep?"""

import numpy as np

from profunda.lab.experiment import Experiment, Outcome
from profunda.lab.experiments.regularisation._tables import Interval, filled, interval, rule, told
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words

_FOLDS = 5
_STRENGTHS = np.geomspace(1e-3, 1.0, 25)


def _real() -> tuple[tuple[Words, np.ndarray, np.ndarray], ...]:
    """Columns and a number to predict, both standardised, of three tables."""
    from sklearn.datasets import load_breast_cancer, load_diabetes

    import profunda

    concrete = profunda.read("bundled:concrete")
    tables = (
        (Words("concrete", "concreto"), np.asarray(concrete.codes, np.float64), concrete.y),
        (Words("diabetes", "diabetes"), *load_diabetes(return_X_y=True)),
        (Words("tumours", "tumores"), *load_breast_cancer(return_X_y=True)),
    )
    return tuple((name, _scaled(x), _scaled(np.asarray(y, np.float64))) for name, x, y in tables)


def _scaled(values: np.ndarray) -> np.ndarray:
    return (values - values.mean(0)) / values.std(0)


def _kept(x: np.ndarray, y: np.ndarray, seed: int) -> tuple[float, float, float, float]:
    """Shares of own columns and of shuffled ones that L1 keeps: at the best strength, and one error above."""
    from sklearn.linear_model import lasso_path

    random = np.random.default_rng(seed)
    wide = np.column_stack([x, *(random.permutation(column) for column in x.T)])
    part = random.permutation(len(y)) % _FOLDS
    errors = np.empty((_FOLDS, len(_STRENGTHS)))
    for fold in range(_FOLDS):
        inside, outside = part != fold, part == fold
        weights = lasso_path(wide[inside], y[inside], alphas=_STRENGTHS[::-1], tol=1e-5, max_iter=20_000)[1][
            :, ::-1
        ]
        errors[fold] = np.mean((wide[outside] @ weights - y[outside][:, None]) ** 2, axis=0)
    mean, error = errors.mean(0), errors.std(0, ddof=1) / np.sqrt(_FOLDS)
    best = int(mean.argmin())
    simplest = int(np.flatnonzero(mean <= mean[best] + error[best])[-1])
    weights = lasso_path(wide, y, alphas=_STRENGTHS[::-1], tol=1e-5, max_iter=20_000)[1][:, ::-1]
    shares = []
    for place in (best, simplest):
        chosen = weights[:, place] != 0.0
        shares += [float(chosen[: x.shape[1]].mean()), float(chosen[x.shape[1] :].mean())]
    return shares[0], shares[1], shares[2], shares[3]


def margin(own: np.ndarray, shuffled: np.ndarray) -> Interval:
    """Half of the own columns' share less the shuffled ones': above 0 where L1 selects."""
    return interval(0.5 * own - shuffled)


def measure(quick: bool) -> Outcome:
    """Lasso by cross-validation on three tables, shuffled copies drawn anew each time."""
    draws = 5 if quick else 20
    names, found = [], []
    for name, x, y in _real():
        names.append(name)
        found.append(np.array([_kept(x, y, seed) for seed in range(draws)]))
    shares = np.array([one.mean(0) for one in found])
    best = [margin(one[:, 0], one[:, 1]) for one in found]
    simple = [margin(one[:, 2], one[:, 3]) for one in found]
    verdict = rule(best + simple)
    value = interval(np.concatenate([one[:, 3] for one in found]))
    return Outcome(
        headline=Words("share of shuffled columns kept, strongest L1 within an error of the best",
                       "fração de colunas embaralhadas mantida, L1 mais forte a um erro da melhor"),
        predicted=None,
        value=value.mean,
        interval=(value.low, value.high),
        measured=filled(
            "Own columns kept and shuffled ones, at the strength that predicts best: {0}; at the strongest "
            "within one standard error of it: {1}.",
            "Colunas próprias mantidas e embaralhadas, na força que prevê melhor: {0}; na mais forte a um "
            "erro-padrão dela: {1}.",
            _listed(names, shares[:, :2]), _listed(names, shares[:, 2:]),
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words("L1 keeps under half as many of the shuffled columns as of the table's own, at both "
                  "strengths.",
                  "A L1 mantém menos da metade das embaralhadas que das próprias, nas duas forças."),
            Words(
                "It depends on the strength: the one that predicts best lets many useless columns in. The "
                "strongest within one standard error drops most of them, and some of the table's own too. "
                "Predicting best and selecting best are two aims.",
                "Depende da força: a que prevê melhor deixa entrar muitas colunas inúteis. A mais forte a um "
                "erro-padrão descarta a maioria delas, e algumas próprias também. Prever melhor e "
                "selecionar melhor são dois objetivos.",
            ),
            Words("L1 does not tell shuffled columns from the table's own here.",
                  "A L1 não distingue aqui colunas embaralhadas das próprias."),
        ),
        pictures=(
            Plot(
                Words("Columns that L1 keeps", "Colunas que a L1 mantém"),
                Words("Means over draws, whiskers the middle 95 %. Shuffled copies tell nothing.",
                      "Médias sobre sorteios, hastes os 95 % centrais. Cópias embaralhadas nada dizem."),
                Axis(Words("table", "tabela"), names=tuple(names)),
                Axis(Words("columns kept (%)", "colunas mantidas (%)"), range=(-3.0, 110.0)),
                tuple(
                    series(name, [i + offset for i in range(len(found))],
                           [100 * v[:, place].mean() for v in found],
                           role, "points", ([100 * np.quantile(v[:, place], 0.025) for v in found],
                                            [100 * np.quantile(v[:, place], 0.975) for v in found]))
                    for place, offset, name, role in (
                        (0, -0.15, Words("own, best strength", "próprias, melhor força"), "measured"),
                        (1, -0.05, Words("shuffled, best strength", "embaralhadas, melhor"), "bad"),
                        (2, 0.05, Words("own, one error above", "próprias, um erro acima"), "good"),
                        (3, 0.15, Words("shuffled, one error above", "embaralhadas, um acima"), "second"),
                    )
                ),
            ),
        ),
    )  # fmt: skip


def _listed(names: list[Words], shares: np.ndarray) -> Words:
    """ "concrete 95 % and 40 %; …" in both languages."""
    pairs = list(zip(names, 100 * shares, strict=True))
    return Words("; ".join(f"{name.en} {a:.0f} % and {b:.0f} %" for name, (a, b) in pairs),
                 "; ".join(f"{name.pt} {a:.0f} % e {b:.0f} %" for name, (a, b) in pairs))  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Selecting columns of real tables", "Selecionar colunas de tabelas reais"),
    claim=Words("L1 selects variables: it is the penalty for automatic selection.",
                "A L1 seleciona variáveis: é a penalidade para seleção automática."),
    source=Words("“Técnicas de regularização”, L1; table L1 × L2",
                 "“Técnicas de regularização”, L1; tabela L1 × L2"),
    prediction=Words(
        "If so, of shuffled copies of the columns it keeps under half the share that it keeps of the "
        "columns themselves. The strength that predicts best is known to keep too many (Meinshausen and "
        "Bühlmann 2006, proposition "
        "1).",
        "Se for assim, de cópias embaralhadas das colunas mantém menos da metade da fração que mantém das "
        "próprias colunas. Sabe-se que a força que prevê melhor mantém demais (Meinshausen e Bühlmann 2006, "
        "proposição 1).",
    ),
    measure=measure,
    rows=("R1",),
)  # fmt: skip
