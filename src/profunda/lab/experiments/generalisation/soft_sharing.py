"""Tying two tasks by a spring is never worse than learning alone, if its strength is right."""

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Mark, Plot, Slider, series
from profunda.lab.words import Words, said
from profunda.theory import TwoTasks

_TASKS = TwoTasks(30, 300, 10, 1.0)


def verdict(best: np.ndarray, errors: np.ndarray, wrong: float) -> Verdict:
    """`best` [K]: risks at the best strength; `wrong`: the largest risk at one strength for all distances."""
    if not (best - 1.96 * errors <= _TASKS.alone).all():
        return "wrong"
    return "holds with conditions" if wrong > _TASKS.alone else "holds"


def measure(quick: bool) -> Outcome:
    """Soft sharing at the best strength of each distance, and at one strength for all."""
    draws = 200 if quick else 1000
    distances = np.array([0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0])
    best = [_TASKS.soft(one, _TASKS.best_strength(one), draws) for one in distances.tolist()]
    fixed = np.array([_TASKS.soft(one, _TASKS.best_strength(0.5), draws).value for one in distances.tolist()])
    risks, errors = (np.array([getattr(one, name) for one in best]) for name in ("value", "standard_error"))
    place = 5
    value, reach = float(risks[place]), 1.96 * float(errors[place])
    pooled = [_TASKS.pooled_exactly(one) for one in distances.tolist()]
    return Outcome(
        headline=Words("risk at distance 1.5, soft sharing", "risco à distância 1,5, compartilhamento suave"),
        predicted=None,
        value=value,
        interval=(value - reach, value + reach),
        measured=said(
            "With the best strength the risk ‖ŵ − w₁‖² is {0} for equal tasks, {1} at distance 1.5 and {2} "
            "at 3, alone {3}. Pooled it is {4} at 1.5. With the strength right for 0.5 it is {5} at 3.",
            "Com a melhor força o risco ‖ŵ − w₁‖² é {0} para tarefas iguais, {1} à distância 1,5 e {2} a "
            "3; sozinha, {3}. Juntas, {4} a 1,5. Com a força certa para 0,5, é {5} a 3.",
            float(risks[0]), value, float(risks[-1]), _TASKS.alone, pooled[place], float(fixed[-1]),
        ),
        verdict=verdict(risks, errors, float(fixed.max())),
        statement=Words(
            "Sharing softly never hurts when its strength follows how related the tasks are, λ = σ²D/‖w₁ − "
            "w₂‖²; too strong a tie between tasks that differ is worse than learning alone. Measured on "
            "linear tasks, which stand in for layers of networks.",
            "Compartilhar suavemente nunca piora quando a força acompanha a relação entre as tarefas, "
            "λ = σ²D/‖w₁ − w₂‖²; um vínculo forte demais entre tarefas diferentes é pior que cada uma "
            "aprender sozinha. Medido em tarefas lineares, que fazem as vezes de camadas de redes.",
        ),
        pictures=(_by_distance(distances, risks, fixed, np.array(pooled)), _by_strength(draws)),
    )  # fmt: skip


def _by_distance(distances: np.ndarray, risks: np.ndarray, fixed: np.ndarray, pooled: np.ndarray) -> Plot:
    return Plot(
        Words("Risk of the first task by distance", "Risco da primeira tarefa por distância"),
        Words(
            "Soft sharing with the best strength stays below learning alone everywhere; one strength, "
            "right for distance 0.5, does not.",
            "O compartilhamento suave com a melhor força fica sempre abaixo de aprender sozinha; com uma "
            "força única, certa para a distância 0,5, não.",
        ),
        Axis(Words("distance of the tasks ‖w₁ − w₂‖", "distância entre as tarefas ‖w₁ − w₂‖")),
        Axis(Words("risk ‖ŵ − w₁‖²", "risco ‖ŵ − w₁‖²"), log=True),
        (
            series(Words("pooled (hard)", "juntas (rígido)"), distances, pooled, "bad", "both"),
            series(Words("soft, best strength", "suave, melhor força"), distances, risks, "good", "both"),
            series(Words("soft, one strength", "suave, força única"), distances, fixed, "second", "both"),
        ),
        marks=(Mark(Words("alone", "sozinha"), y=_TASKS.alone),),
    )


def _by_strength(draws: int) -> Plot:
    strengths = np.geomspace(0.1, 1e4, 21)
    shown = (0.25, 0.75, 1.5, 3.0)
    lines = [
        series(
            Words("soft sharing", "compartilhamento suave"),
            strengths,
            [_TASKS.soft(one, strength, min(draws, 100)).value for strength in strengths.tolist()],
            "measured",
            step=place,
        )
        for place, one in enumerate(shown)
    ]
    return Plot(
        Words("Risk by the strength of the tie", "Risco pela força do vínculo"),
        Words(
            "The penalty λ‖ŵ₁ − ŵ₂‖² ties the two tasks. Move the slider: the further apart they are, the "
            "weaker the best tie.",
            "A penalidade λ‖ŵ₁ − ŵ₂‖² vincula as duas tarefas. Mova o controle: quanto mais distantes elas "
            "são, mais fraco o melhor vínculo.",
        ),
        Axis(Words("strength λ", "força λ"), log=True),
        Axis(Words("risk ‖ŵ − w₁‖²", "risco ‖ŵ − w₁‖²"), log=True, range=(0.02, 10.0)),
        tuple(lines),
        marks=(Mark(Words("alone", "sozinha"), y=_TASKS.alone),),
        slider=Slider(
            Words("Distance", "Distância"),
            tuple(Words(f"{one:g}", f"{one:g}".replace(".", ",")) for one in shown),
        ),
    )


EXPERIMENT = Experiment(
    title=Words("Shared layers: hard and soft", "Camadas compartilhadas: rígido e suave"),
    claim=Words(
        "Sharing what two tasks have in common, in place of merging them, avoids negative transfer.",
        "Compartilhar o que duas tarefas têm em comum, em vez de fundi-las, evita a transferência negativa.",
    ),
    source=Words(
        "A reading of “IA353A – Neural Networks EC2”, 7.2, where the text has only a heading",
        "Uma leitura de “IA353A – Neural Networks EC2”, 7.2, em que o texto só traz o título",
    ),
    prediction=Words(
        "With the penalty λ‖ŵ₁ − ŵ₂‖², λ = σ²D/‖w₁ − w₂‖² for D inputs and noise σ, soft sharing is a "
        "posterior mean and never above learning alone: 0.03 for "
        "equal tasks, against 0.53 alone (Evgeniou and Pontil 2004 for the penalty).",
        "Com a penalidade λ‖ŵ₁ − ŵ₂‖², λ = σ²D/‖w₁ − w₂‖² para D entradas e ruído σ, o compartilhamento "
        "suave é uma média a posteriori e nunca fica acima de "
        "aprender sozinha: 0,03 para tarefas iguais, contra 0,53 sozinha (Evgeniou e Pontil "
        "2004 para a penalidade).",
    ),
    measure=measure,
    rows=("P1",),
)
