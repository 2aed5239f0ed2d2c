"""The peak lies at the effective complexity of a procedure, not behind it."""

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import effective_complexity

_FEATURES, _INPUTS, _NOISE, _EPSILON = 60, 20, 0.5, 1e-6


def _fits(rows: int, repeats: int, seed: int) -> tuple[float, float]:
    """Mean training error and median test error of least-norm fits on 60 random ReLU features."""
    told = []
    for repeat in range(repeats):
        random = np.random.default_rng([seed, repeat])
        truth = random.normal(size=_INPUTS) / np.sqrt(_INPUTS)
        directions = random.normal(size=(_INPUTS, _FEATURES)) / np.sqrt(_INPUTS)
        x = np.random.default_rng([seed, repeat, rows]).normal(size=(rows + 400, _INPUTS))
        y = x @ truth + _NOISE * np.random.default_rng([seed, repeat, rows, 1]).normal(size=len(x))
        features = np.maximum(x @ directions, 0.0)
        weights = np.linalg.lstsq(features[:rows], y[:rows], rcond=None)[0]
        squares = (features @ weights - y) ** 2
        told.append((squares[:rows].mean(), squares[rows:].mean()))
    train, test = np.array(told).T
    return float(train.mean()), float(np.median(test))


def verdict(complexity: int, peak: int, after: float, best: float, highest: float) -> Verdict:
    """The peak must be at the complexity; `after`, `best`: errors with many and with few rows."""
    if abs(peak - complexity) > 0.05 * complexity:
        return "wrong"
    return "holds with conditions" if highest > 2.0 * max(after, best) else "wrong"


def measure(quick: bool) -> Outcome:
    """The largest number of rows that is still learnt by heart, and the test error around it."""
    repeats = 20 if quick else 100
    found = effective_complexity(lambda n: _fits(n, 5, 1)[0], _EPSILON, 1000)
    rows = np.array([10, 20, 30, 40, 50, 55, 58, 60, 62, 65, 70, 80, 100, 150, 300])
    errors = np.array([_fits(n, repeats, 2) for n in rows.tolist()])
    train, test = errors.T
    place = int(np.argmax(test))
    peak = int(rows[place])
    return Outcome(
        headline=Words("rows N at the largest test error", "linhas N no maior erro de teste"),
        predicted=float(found.rows),
        value=float(peak),
        interval=(float(rows[place - 1]), float(rows[place + 1])),
        measured=said(
            "With 60 features {0} rows are learnt without error and {1} are not. The median test error is "
            "{2} with 20 rows, {3} with {4} and {5} with 300: more rows hurt up to N = {4}.",
            "Com 60 características, {0} linhas são aprendidas sem erro e {1} não. O erro de teste mediano é "
            "{2} com 20 linhas, {3} com {4} e {5} com 300: mais linhas pioram até N = {4}.",
            found.rows, found.rows + 1, float(test[1]), float(test[place]), peak, float(test[-1]),
        ),
        verdict=verdict(found.rows, peak, float(test[-1]), float(test[1]), float(test[place])),
        statement=Words(
            "The peak is where effective complexity and rows are equal, and the second descent is beyond: "
            "where it exceeds them. The number depends on what is taken for “zero error” (here 10⁻⁶; the "
            "cited paper has 0.1) and on the whole training.",
            "O pico está onde complexidade efetiva e número de linhas são iguais, e a segunda descida vem "
            "depois: onde ela os supera. O número depende do que se toma por “erro zero” (aqui 10⁻⁶; o "
            "artigo citado usa 0,1) e de todo o treino.",
        ),
        pictures=(_picture(rows, train, test, found.rows),),
    )  # fmt: skip


def _picture(rows: np.ndarray, train: np.ndarray, test: np.ndarray, complexity: int) -> Plot:
    return Plot(
        Words("Error by the number of training rows", "Erro por número de linhas de treino"),
        Words(
            "The same 60 features throughout. Right of the line not all rows can be learnt by heart; "
            "left of it the training error is 0, below the picture.",
            "Sempre as mesmas 60 características. À direita da vertical nem todas as linhas podem "
            "ser decoradas; à esquerda o erro de treino é 0, abaixo da figura.",
        ),
        Axis(Words("training rows N", "linhas de treino N"), log=True),
        Axis(Words("squared error", "erro quadrático"), log=True, range=(0.05, 300.0)),
        (
            series(Words("test", "teste"), rows, test, "bad", "both"),
            series(Words("training", "treino"), rows[train > 1e-3], train[train > 1e-3], kind="both"),
        ),
        marks=(Mark(Words("effective complexity", "complexidade efetiva"), x=float(complexity)),),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Effective model complexity", "Complexidade efetiva do modelo"),
    claim=Words(
        "The effective complexity of a model is the largest number of training rows on which it reaches "
        "zero error; from there on, where complexity exceeds that threshold, comes the double descent.",
        "A complexidade efetiva de um modelo é o maior número de linhas de treino em que ele atinge erro "
        "zero; dali em diante, onde a complexidade excede esse limiar, vem a descida dupla.",
    ),
    source=Words(
        "“Técnicas de regularização”, learning curves: effective model complexity",
        "“Técnicas de regularização”, curvas de aprendizado: complexidade efetiva",
    ),
    prediction=Words(
        "For least-norm fits it is the number of features, 60, and the test error peaks at N = 60 (Nakkiran "
        "et al. 2019, definition 1 and hypothesis 1).",
        "Para ajustes de norma mínima é o número de características, 60, e o erro de teste tem pico em N = "
        "60 (Nakkiran et al. 2019, definição 1 e hipótese 1).",
    ),
    measure=measure,
    errata=("E32",),
    rows=("U12",),
)
