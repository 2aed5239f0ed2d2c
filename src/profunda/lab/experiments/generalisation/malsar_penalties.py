"""Which penalty on tasks wins depends on what the tasks share, and can be read from it beforehand."""

from collections.abc import Callable

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Heat, Mark, Plot, Role, series
from profunda.lab.words import Words, said
from profunda.theory import (
    ClusteredTasks,
    JointFeatures,
    OutlierTasks,
    SeparateRidge,
    TaskParts,
    TaskRows,
    TraceNorm,
    cross_validated_tasks,
    predict_tasks,
)

_TASKS, _ROWS, _FEATURES, _NOISE = 16, 24, 20, 1.0
_FACTORS = np.geomspace(0.1, 10.0, 6)
_PENALTIES = {
    "separate": SeparateRidge(3.0),
    "l21": JointFeatures(8.0),
    "trace": TraceNorm(8.0),
    "clustered": ClusteredTasks(10.0, 3, 0.5),
    "robust": TaskParts((TraceNorm(8.0), OutlierTasks(5.0))),
}
_NAMES = {
    "separate": Words("ridge, each task alone", "ridge, cada tarefa sozinha"),
    "l21": Words("ℓ2,1, joint features", "ℓ2,1, atributos comuns"),
    "trace": Words("trace norm", "norma do traço"),
    "clustered": Words("clustered", "agrupada"),
    "robust": Words("robust: low rank + outliers", "robusta: posto baixo + exceções"),
}


def _few_features(random: np.random.Generator) -> np.ndarray:
    """The same 4 of 20 features count in every task."""
    return random.normal(size=(_FEATURES, _TASKS)) * (np.arange(_FEATURES) < 4)[:, None]


def _low_rank(random: np.random.Generator) -> np.ndarray:
    """Weights on a line of directions: rank 1, all features."""
    return np.outer(random.normal(size=_FEATURES), random.normal(size=_TASKS)) / 2.0


def _clusters(random: np.random.Generator) -> np.ndarray:
    """Three kinds of tasks, with a little of their own."""
    kinds = random.normal(size=(_FEATURES, 3))[:, np.arange(_TASKS) % 3] / 2.0
    return kinds + 0.1 * random.normal(size=kinds.shape)


def _outliers(random: np.random.Generator) -> np.ndarray:
    """Rank 1, but for two tasks that are like none."""
    weights = _low_rank(random)
    weights[:, -2:] = 1.5 * random.normal(size=(_FEATURES, 2))
    return weights


_WORLDS: dict[str, tuple[Callable[[np.random.Generator], np.ndarray], str, Words]] = {
    "features": (_few_features, "l21", Words("few common features", "poucos atributos comuns")),
    "rank": (_low_rank, "trace", Words("rank 1", "posto 1")),
    "clusters": (_clusters, "clustered", Words("three kinds", "três tipos")),
    "outliers": (_outliers, "robust", Words("rank 1 and two outliers", "posto 1 e duas exceções")),
}


def _risk(world: str, seed: int) -> np.ndarray:
    """‖Ŵ − W‖²/T of every penalty, its strength by cross-validation: [penalties]."""
    random = np.random.default_rng([31, list(_WORLDS).index(world), seed])
    weights = _WORLDS[world][0](random)
    task = np.repeat(np.arange(_TASKS), _ROWS)
    x = random.normal(size=(len(task), _FEATURES))
    rows = TaskRows(x, predict_tasks(weights, x, task) + _NOISE * random.normal(size=len(task)), task)
    fits = [
        cross_validated_tasks(rows, penalty, _FACTORS, folds=3, seed=seed).fit
        for penalty in _PENALTIES.values()
    ]
    return np.array([((fit.weights - weights) ** 2).sum() / _TASKS for fit in fits])


def judged(risks: np.ndarray) -> Verdict:
    """`risks` [worlds, penalties, problems]: whether the penalty made for a world is the best, and clearly
    better than each task alone."""
    names = list(_PENALTIES)
    own = [names.index(penalty) for _, penalty, _ in _WORLDS.values()]
    helps, wins = [], []
    for world, place in enumerate(own):
        apart = np.log(risks[world, 0]) - np.log(risks[world, place])
        helps.append(apart.mean() > 1.96 * apart.std(ddof=1) / np.sqrt(len(apart)))
        wins.append(int(np.argmin(np.log(risks[world]).mean(axis=1))) == place)
    if not all(helps):
        return "wrong"
    return "holds" if all(wins) else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Four worlds, five penalties, each strength by cross-validation."""
    problems = 4 if quick else 16
    risks = np.array([[_risk(world, seed) for seed in range(problems)] for world in _WORLDS]).swapaxes(1, 2)
    logs = np.log(risks)
    mean = np.exp(logs.mean(axis=2))
    share = mean / mean[:, :1]
    names = list(_PENALTIES)
    own = [names.index(penalty) for _, penalty, _ in _WORLDS.values()]
    apart = logs[np.arange(len(own)), own] - logs[:, 0]  # [worlds, problems]
    each = apart.mean(axis=0)
    reach = 1.96 * each.std(ddof=1) / np.sqrt(problems)
    value = float(np.exp(each.mean()))
    best = [int(np.argmin(row)) for row in mean]
    verdict = judged(risks)
    wins = sum(a == b for a, b in zip(own, best, strict=True))
    return Outcome(
        headline=Words(
            "risk under the fitting penalty ÷ risk of each task alone",
            "risco com a penalidade adequada ÷ risco de cada tarefa sozinha",
        ),
        predicted=None,
        value=value,
        interval=(float(np.exp(each.mean() - reach)), float(np.exp(each.mean() + reach))),
        measured=said(
            "Beside a ridge for each task the risk is {0} with ℓ2,1 where features are few, {1} with the "
            "trace norm at rank 1, {2} clustered where there are three kinds, and {3} with the robust "
            "penalty where two tasks are outliers. The penalty made for it is the best in {4} of 4 worlds.",
            "Frente a um ridge por tarefa o risco é {0} com ℓ2,1 onde há poucos atributos, {1} com a norma "
            "do traço em posto 1, {2} com a agrupada onde há três tipos e {3} com a robusta onde duas "
            "tarefas são exceções. A penalidade feita para cada mundo é a melhor em {4} de 4.",
            *(float(share[world, place]) for world, place in enumerate(own)), wins,
        ),
        verdict=verdict,
        statement=_statement(verdict),
        pictures=(_map(share), _bars(share)),
    )  # fmt: skip


def _statement(verdict: Verdict) -> Words:
    if verdict == "wrong":
        return Words(
            "Here a structured penalty is not clearly better than a ridge for each task.",
            "Aqui uma penalidade estruturada não é claramente melhor que um ridge por tarefa.",
        )
    if verdict == "holds":
        return Words(
            "A structured penalty helps as far as the tasks have its structure: of five penalties the one "
            "made for what the tasks share is the best in each world, and another one can be as bad as none.",
            "Uma penalidade estruturada ajuda na medida em que as tarefas têm a sua estrutura: de cinco, a "
            "feita para o que as tarefas partilham é a melhor em cada mundo, e outra pode valer tanto quanto "
            "nenhuma.",
        )
    return Words(
        "A structured penalty that fits what the tasks share is clearly better than a ridge for each task, "
        "but its neighbours may be as good or better: penalties overlap, as three kinds of tasks are of "
        "rank 3 too. Choose by cross-validation, not by name.",
        "Uma penalidade estruturada que condiz com o que as tarefas partilham é claramente melhor que um "
        "ridge por tarefa, mas vizinhas podem ser iguais ou melhores: elas se sobrepõem, pois três tipos "
        "de tarefas também têm posto 3. Escolha por validação cruzada, não pelo nome.",
    )


def _map(share: np.ndarray) -> Heat:
    return Heat(
        Words("Risk beside each task alone", "Risco frente a cada tarefa sozinha"),
        Words(
            "‖Ŵ − W‖² as a share of that of a ridge for each task, geometric means; below 1 sharing helps.",
            "‖Ŵ − W‖² como fração da de um ridge por tarefa, médias geométricas; abaixo de 1 compartilhar "
            "ajuda.",
        ),
        Axis(Words("penalty", "penalidade"), names=tuple(_NAMES.values())),
        Axis(Words("what the tasks share", "o que as tarefas partilham"),
             names=tuple(words for _, _, words in _WORLDS.values())),
        Words("risk ÷ risk alone", "risco ÷ risco sozinha"),
        tuple(range(len(_PENALTIES))),
        tuple(range(len(_WORLDS))),
        tuple(tuple(row) for row in share.tolist()),
    )  # fmt: skip


def _bars(share: np.ndarray) -> Plot:
    roles: tuple[Role, ...] = ("measured", "good", "second", "bad")
    return Plot(
        Words("The same by penalty", "O mesmo por penalidade"),
        Words("One line a world; the dashed line is a ridge for each task.",
              "Uma linha por mundo; a linha tracejada é um ridge por tarefa."),
        Axis(Words("penalty", "penalidade"), names=tuple(_NAMES.values())),
        Axis(Words("risk ÷ risk alone", "risco ÷ risco sozinha"), log=True),
        tuple(
            series(words, range(len(_PENALTIES)), row, role, "both")
            for (_, _, words), row, role in zip(_WORLDS.values(), share, roles, strict=True)
        ),
        marks=(Mark(Words("each alone", "cada uma sozinha"), y=1.0),),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words(
        "MALSAR: penalties for what tasks share", "MALSAR: penalidades para o que as tarefas partilham"
    ),
    claim=Words(
        "Tasks learn from one another through penalties that say what they have in common.",
        "Tarefas aprendem umas com as outras por penalidades que dizem o que elas têm em comum.",
    ),
    source=Words(
        "A reading of “IA353A – Neural Networks EC2”, 7.3, where the text has only a heading",
        "Uma leitura de “IA353A – Neural Networks EC2”, 7.3, em que o texto só traz o título",
    ),
    prediction=Words(
        "Each penalty of the MALSAR package should win where tasks have its structure: ℓ2,1 with few common "
        "features (Argyriou et al. 2008), the trace norm at low rank (Ji and Ye 2009), clustered with "
        "kinds of tasks (Zhou et al. 2011), robust with outlier tasks (Chen et al. 2011); 16 tasks of 24 "
        "rows and 20 features, strengths by cross-validation.",
        "Cada penalidade do pacote MALSAR deve vencer onde as tarefas têm a sua estrutura: ℓ2,1 com poucos "
        "atributos comuns (Argyriou et al. 2008), norma do traço em posto baixo (Ji e Ye 2009), agrupada com "
        "tipos de tarefas (Zhou et al. 2011), robusta com tarefas de exceção (Chen et al. 2011); 16 "
        "tarefas de 24 linhas e 20 atributos, forças por validação cruzada.",
    ),
    measure=measure,
    rows=("P1",),
)
