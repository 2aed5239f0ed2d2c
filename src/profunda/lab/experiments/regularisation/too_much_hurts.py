"""The loss against the strength of three regularisers: whether the strongest dose is clearly worse."""

from dataclasses import replace
from typing import Any

import numpy as np

import profunda
from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.regularisation._tables import (
    MADE_UP,
    Interval,
    interval,
    log_losses,
    pooled,
    tables,
    told,
    train,
)
from profunda.lab.pictures import Axis, Mark, Plot, Role, Slider, series
from profunda.lab.words import Words, said

_DOSES: dict[str, tuple[Any, ...]] = {
    "l1": (0.0, 3e-4, 3e-3, 3e-2, 0.3),
    "l2": (0.0, 0.03, 0.3, 3.0, 30.0),
    "dropout": (0.0, 0.1, 0.3, 0.6, 0.9),
}
_TITLES = {"l1": Words("L1", "L1"), "l2": Words("L2", "L2"), "dropout": Words("dropout", "dropout")}
_STEPS = (
    Words("none", "zero"), Words("1", "1"), Words("2", "2"), Words("3", "3"), Words("strongest",
          "mais forte"),
)  # fmt: skip
_PLAIN = profunda.Design(widths=(64, 64), lr=2e-3, batch_size=32)
_ROLES: tuple[Role, ...] = ("measured", "second", "good", "bad")


def harm(found: np.ndarray, seeds: int) -> tuple[np.ndarray, np.ndarray]:
    """ln of the strongest dose's loss ÷ the best dose's, and of no dose's ÷ the best dose's.

    From log-losses [doses, folds, 2·seeds]: the first seeds choose the best dose, the others judge it.
    """
    best = int(np.nanmean(found[..., :seeds], axis=(1, 2)).argmin())
    judging = found[..., seeds:]
    return judging[-1] - judging[best], judging[0] - judging[best]


def judged(strongest: list[Interval]) -> Verdict:
    """More than half of the curves clearly hurt at the strongest dose; some; none."""
    hurts = sum(one.above for one in strongest)
    if hurts > 0.5 * len(strongest):
        return "holds"
    return "holds with conditions" if hurts else "wrong"


def measure(quick: bool) -> Outcome:
    """Five doses of L1, L2 and dropout on four tables."""
    given = tables(250 if quick else 400)
    seeds, epochs = (1, 10) if quick else (2, 25)
    plain = replace(_PLAIN, epochs=epochs)
    designs = [replace(plain, **{name: dose}) for name, doses in _DOSES.items() for dose in doses]
    curves, most, least = [], [], []
    for table in given:
        found = log_losses(train(designs, table, 2 * seeds))
        found = found.reshape(len(_DOSES), -1, *found.shape[1:])
        curves.append(found)
        for one in found:
            by_most, by_none = harm(one, seeds)
            most.append(by_most)
            least.append(by_none)
    strongest, none, whole = [interval(v) for v in most], [interval(v) for v in least], pooled(most)
    hurts = sum(one.above for one in strongest)
    both = sum(one.above and two.above for one, two in zip(strongest, none, strict=True))
    verdict = judged(strongest)
    return Outcome(
        headline=Words("loss at the strongest dose ÷ at the best, mean of curves",
                       "perda na dose mais forte ÷ na melhor, média das curvas"),
        predicted=None,
        value=float(np.exp(whole.mean)),
        interval=(float(np.exp(whole.low)), float(np.exp(whole.high))),
        measured=said(
            "Of {1} curves (three regularisers, four tables) the strongest dose is clearly worse than the "
            "best in {0}; in {2} of them no dose at all is clearly worse too, a U.",
            "Em {0} de {1} curvas (três regularizadores, quatro tabelas) a dose mais forte é claramente pior "
            "que a melhor; em {2} delas a dose zero também é claramente pior, um U.",
            hurts, len(strongest), both,
        ),
        verdict=verdict,
        statement=told(
            verdict,
            said(
                "Too much does hurt, here in {0} of {1} curves. A best dose in the middle, better than none "
                "beyond "
                "doubt, is the exception ({2}): tune strengths on validation rows, none among them.",
                "Demais prejudica mesmo, aqui em {0} de {1} curvas. Uma melhor dose no meio, sem dúvida "
                "melhor que "
                "nenhuma, é exceção ({2}): ajuste as forças em linhas de validação, com a força zero entre "
                "elas.",
                hurts, len(strongest), both,
            ),
            said(
                "The strongest dose hurts in {0} of {1} curves; in the others it is not clearly worse than "
                "the best. A best dose in the middle, better than none beyond doubt, is the exception ({2} "
                "curves).",
                "A dose mais forte prejudica em {0} de {1} curvas; nas outras não é claramente pior que a "
                "melhor. Uma melhor dose no meio, sem dúvida melhor que nenhuma, é exceção ({2} curvas).",
                hurts, len(strongest), both,
            ),
            Words("No dose tried hurts here.", "Nenhuma dose testada prejudica aqui."),
        ),
        pictures=(
            Plot(
                Words("Loss by dose", "Perda pela dose"),
                _what(),
                Axis(Words("dose", "dose"), names=_STEPS),
                Axis(Words("loss ÷ loss without", "perda ÷ perda sem"), log=True),
                tuple(
                    series(table.name, range(len(_DOSES[name])),
                           np.exp(np.nanmean(one[step], axis=(1, 2)) - np.nanmean(one[step, 0])),
                           role, "both", step=step)
                    for step, name in enumerate(_DOSES)
                    for table, one, role in zip(given, curves, _ROLES, strict=True)
                ),
                marks=(Mark(Words("", ""), y=1.0),),  # words would hide lines that run along it
                slider=Slider(Words("regulariser", "regularizador"), tuple(_TITLES.values())),
            ),
        ),
    )  # fmt: skip


def _what() -> Words:
    """What is drawn, with the doses of each regulariser."""
    doses = {name: "; ".join(f"{dose:g}" for dose in each) for name, each in _DOSES.items()}
    english = ". ".join(f"{_TITLES[name].en}: {each}" for name, each in doses.items())
    local = ". ".join(f"{_TITLES[name].pt}: {each.replace('.', ',')}" for name, each in doses.items())
    return Words(
        f"Relative to no dose at all, one line a table, means of folds and seeds. {english}. {MADE_UP.en}",
        f"Relativa à dose zero, uma linha por tabela, médias de partições e sementes. {local}. {MADE_UP.pt}",
    )


EXPERIMENT = Experiment(
    title=Words("Too much regularisation", "Regularização demais"),
    claim=Words("Too much regularisation can harm learning.",
                "Regularização demais pode prejudicar o aprendizado."),
    source=Words("“Técnicas de regularização”, examples of combinations: recommendations",
                 "“Técnicas de regularização”, exemplos de combinações: recomendações"),
    prediction=Words(
        "Weights held at 0, or units all dropped, can only predict a constant: a dose strong enough hurts "
        "wherever there is something to learn. The text says “can”: it holds if the strongest of five doses "
        "is clearly worse than the best in more than half of the curves (limit set after a first look).",
        "Pesos presos em 0, ou unidades todas descartadas, só predizem uma constante: uma dose forte o "
        "bastante prejudica onde há o que aprender. O texto diz “pode”: vale se a mais forte de cinco doses "
        "é claramente pior que a melhor em mais da metade das curvas (limite fixado após um primeiro olhar).",
    ),
    measure=measure,
    rows=("R9",),
)  # fmt: skip
