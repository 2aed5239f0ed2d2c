"""Learning two tasks as one helps while they are near, and hurts beyond a distance that is known."""

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import TwoTasks

_TASKS = TwoTasks(30, 300, 10, 1.0)


def _risks(distances: np.ndarray, repeats: int) -> np.ndarray:
    """‖ŵ − w_1‖² of least squares on task 1's rows alone, and on all rows: [2, K, repeats]."""
    told = np.empty((2, len(distances), repeats))
    size = _TASKS.n_features
    for repeat in range(repeats):
        random = np.random.default_rng([8, repeat])
        x, z = random.normal(size=(_TASKS.own_rows, size)), random.normal(size=(_TASKS.other_rows, size))
        first, away = random.normal(size=(2, size))
        away /= np.linalg.norm(away)
        noise = _TASKS.noise * random.normal(size=_TASKS.rows)
        for k, distance in enumerate(distances.tolist()):
            y = np.concatenate([x @ first, z @ (first + distance * away)]) + noise
            alone = np.linalg.lstsq(x, y[: len(x)], rcond=None)[0]
            both = np.linalg.lstsq(np.concatenate([x, z]), y, rcond=None)[0]
            told[:, k, repeat] = ((alone - first) ** 2).sum(), ((both - first) ** 2).sum()
    return told


def verdict(near: float, far: float, low: float, high: float, predicted: float) -> Verdict:
    """`near`, `far`: pooled risk over single risk; [low, high]: interval of the measured threshold."""
    return "holds" if near < 1.0 < far and low <= predicted <= high else "wrong"


def measure(quick: bool) -> Outcome:
    """30 rows of the task that counts, 300 of the other, ten inputs."""
    distances = np.array([0.0, 0.25, 0.5, 0.7, 0.85, 1.0, 1.25, 1.5])
    risks = _risks(distances, 200 if quick else 1000)
    mean, error = risks.mean(2), 1.96 * risks.std(2, ddof=1) / np.sqrt(risks.shape[2])
    random = np.random.default_rng(9)
    drawn = [risks[:, :, random.integers(0, risks.shape[2], risks.shape[2])].mean(2) for _ in range(200)]
    value = _crossing(distances, mean)
    low, high = (float(x) for x in np.quantile([_crossing(distances, one) for one in drawn], (0.025, 0.975)))
    share = mean[1] / mean[0]
    return Outcome(
        headline=Words("‖w₁ − w₂‖ from which pooling hurts", "‖w₁ − w₂‖ a partir do qual juntar piora"),
        predicted=_TASKS.exact_threshold,
        value=value,
        interval=(low, high),
        measured=said(
            "Alone: risk ‖ŵ − w₁‖² of {0}. Pooled: {1} for equal tasks, {2} at distance 0.7, {3} at 0.85 "
            "and {4} at 1.5. The lines cross at {5}.",
            "Sozinha: risco ‖ŵ − w₁‖² de {0}. Juntas: {1} para tarefas iguais, {2} à distância 0,7, {3} a "
            "0,85 e {4} a 1,5. As linhas se cruzam em {5}.",
            float(mean[0].mean()), *(float(mean[1, k]) for k in (0, 3, 4, 7)), value,
        ),
        verdict=verdict(float(share[0]), float(share[-1]), low, high, _TASKS.exact_threshold),
        statement=said(
            "Here transfer is negative when the tasks differ by more than {0}: the bias that the other task "
            "brings then outweighs the variance it takes away. By the formula the threshold is larger with "
            "fewer rows of one's own. Linear tasks; no network was trained.",
            "Aqui a transferência é negativa quando as tarefas diferem em mais de {0}: o viés que a outra "
            "tarefa traz supera então a variância que ela tira. Pela fórmula o limiar é maior com menos "
            "linhas próprias. Tarefas lineares; nenhuma rede foi treinada.",
            _TASKS.exact_threshold,
        ),
        pictures=(_picture(distances, mean, error),),
    )  # fmt: skip


def _crossing(distances: np.ndarray, mean: np.ndarray) -> float:
    """Where the pooled risk a + b·distance², fitted to its means, meets the single one."""
    slope, start = np.polyfit(distances**2, mean[1], 1)
    return float(np.sqrt(max(0.0, (mean[0].mean() - start) / slope)))


def _picture(distances: np.ndarray, mean: np.ndarray, error: np.ndarray) -> Plot:
    at = np.linspace(0.0, 1.5, 61)
    law = [_TASKS.pooled_exactly(one) for one in at.tolist()]
    return Plot(
        Words("Risk of the first task", "Risco da primeira tarefa"),
        Words(
            "Whiskers: 95 % intervals; dashed: the exact laws.",
            "Hastes: intervalos de 95 %; tracejado: as leis exatas.",
        ),
        Axis(Words("distance of the tasks ‖w₁ − w₂‖", "distância entre as tarefas ‖w₁ − w₂‖")),
        Axis(Words("risk ‖ŵ − w₁‖²", "risco ‖ŵ − w₁‖²")),
        (
            series(Words("alone", "sozinha"), distances, mean[0], "measured", "points",
                   (mean[0] - error[0], mean[0] + error[0])),
            series(Words("pooled", "juntas"), distances, mean[1], "bad", "points",
                   (mean[1] - error[1], mean[1] + error[1])),
            series(Words("law, each", "lei, cada uma"), at, law, "theory"),
            series(Words("", ""), at, np.full(len(at), _TASKS.alone), "theory"),
        ),
        marks=(Mark(Words("threshold", "limiar"), x=_TASKS.exact_threshold),),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Negative transfer", "Transferência negativa"),
    claim=Words(
        "Learning a task together with another one can make it worse.",
        "Aprender uma tarefa junto com outra pode piorá-la.",
    ),
    source=Words(
        "A reading of “IA353A – Neural Networks EC2”, 7.1, where the text has only a heading",
        "Uma leitura de “IA353A – Neural Networks EC2”, 7.1, em que o texto só traz o título",
    ),
    prediction=Words(
        "For two linear tasks with weights w₁ and w₂, of 30 and 300 rows, pooling hurts from ‖w₁ − w₂‖ = "
        "0.774 on to first order; "
        "exact moments of Wishart matrices give the line drawn.",
        "Para duas tarefas lineares de pesos w₁ e w₂, de 30 e 300 linhas, juntar piora a partir de "
        "‖w₁ − w₂‖ = 0,774 em "
        "primeira ordem; momentos exatos de matrizes de Wishart dão a linha desenhada.",
    ),
    measure=measure,
    rows=("P1",),
)
