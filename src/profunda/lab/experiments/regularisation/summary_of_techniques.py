"""The text's summary, technique by technique: what each gains, at what cost, and where it failed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import profunda
from profunda.lab.experiment import Experiment, Outcome
from profunda.lab.experiments.regularisation._tables import (
    MADE_UP,
    Interval,
    factors,
    filled,
    interval,
    pooled,
    rule,
    tables,
    told,
    train,
)
from profunda.lab.pictures import Axis, Mark, Plot, Role, series
from profunda.lab.words import Words, said

_PLAIN = profunda.Design(widths=(64, 64), lr=2e-3, batch_size=32, patience=0)


@dataclass(frozen=True)
class Technique:
    """A line of the summary, with the doses of which one is chosen; none: where to stop the plain network."""

    name: Words
    doses: tuple[dict[str, Any], ...]


TECHNIQUES = (
    Technique(Words("L1", "L1"), ({"l1": 0.003}, {"l1": 0.03}, {"l1": 0.1})),
    Technique(Words("L2", "L2"), ({"l2": 0.03}, {"l2": 0.3}, {"l2": 1.0})),
    Technique(Words("dropout", "dropout"), ({"dropout": 0.1}, {"dropout": 0.3}, {"dropout": 0.5})),
    Technique(Words("augmentation", "aumento de dados"), ({"noise": 0.1}, {"noise": 0.3}, {"noise": 0.6})),
    Technique(Words("early stopping", "parada antecipada"), ()),
    Technique(Words("batch norm", "batch norm"), ({"norm": "batch"},)),
)


@dataclass(frozen=True)
class Line:
    """One technique on one table, over folds and seeds [F, S].

    `gain`: ln of the plain ÷ its final validation loss. `gap`: how much smaller validation less training loss
    is, as a part of the plain validation loss. `cost`: ln of its epochs to near its best ÷ the plain ones, or
    of the epochs it stops after ÷ all.
    """

    gain: np.ndarray
    gap: np.ndarray
    cost: np.ndarray


def chosen(losses: np.ndarray) -> np.ndarray:
    """For each fold the candidate that is best on the other folds: [F] of losses [candidates, F, S].

    So the rows that choose a dose, or where to stop, are not those that judge it.
    """
    logs = np.log(losses).mean(2)
    others = (logs.sum(1, keepdims=True) - logs) / (logs.shape[1] - 1)
    return others.argmin(0)


def lines(train_loss: np.ndarray, valid_loss: np.ndarray) -> list[Line]:
    """From curves [designs, F, S, E], the plain design first, then the doses in the order of TECHNIQUES."""
    folds, first, found = np.arange(valid_loss.shape[1]), 1, []
    plain = valid_loss[0, :, :, -1]
    plain_gap = plain - train_loss[0, :, :, -1]
    for technique in TECHNIQUES:
        if technique.doses:
            doses = slice(first, first + len(technique.doses))
            best = chosen(valid_loss[doses, :, :, -1])
            curves, learned = valid_loss[doses][best, folds], train_loss[doses][best, folds]
            valid, fitted = curves[..., -1], learned[..., -1]
            cost = np.log(_near(curves) / _near(valid_loss[0]))
            first += len(technique.doses)
        else:
            best = chosen(np.moveaxis(valid_loss[0], 2, 0))
            valid, fitted = valid_loss[0][folds, :, best], train_loss[0][folds, :, best]
            cost = np.broadcast_to(np.log((1.0 + best[:, None]) / valid_loss.shape[3]), valid.shape)
        gap = (plain_gap - (valid - fitted)) / plain.mean()
        found.append(Line(np.log(plain / valid), gap, cost))
    return found


def _near(valid_loss: np.ndarray) -> np.ndarray:
    """Epochs [...] until curves [..., E] are within 2 % of their own lowest validation loss."""
    return 1.0 + (valid_loss <= 1.02 * valid_loss.min(-1, keepdims=True)).argmax(-1)


def measure(quick: bool) -> Outcome:
    """One fleet a table: the plain network and every dose of five techniques, to the last epoch."""
    given = tables(250 if quick else 500)
    seeds, epochs = (2, 50) if quick else (3, 100)
    designs = [replace(_PLAIN, epochs=epochs)]
    designs += [replace(designs[0], **dose) for one in TECHNIQUES for dose in one.doses]
    by_table, rises = [], []
    for table in given:
        curves = train(designs, table, seeds)
        parts = np.array([[c.train_loss, c.valid_loss] for c in curves.ravel()])
        parts = parts.reshape(*curves.shape, 2, epochs)
        by_table.append(lines(parts[..., 0, :], parts[..., 1, :]))
        plain = parts[0, :, :, 1]
        rises.append(interval(np.log(plain[..., -1] / plain.min(-1))))
    gains = [[interval(one[place].gain) for one in by_table] for place in range(len(TECHNIQUES))]
    gaps = [pooled([one[place].gap for one in by_table]) for place in range(len(TECHNIQUES))]
    costs = [pooled([one[place].cost for one in by_table]) for place in range(len(TECHNIQUES))]
    whole = [pooled([one[place].gain for one in by_table]) for place in range(len(TECHNIQUES))]
    verdict = rule([one for each in gains for one in each])
    best = int(np.argmax([one.mean for one in whole]))
    names = [table.name for table in given]
    return Outcome(
        headline=filled("final validation loss, plain ÷ with {0}, the best of six",
                        "perda de validação final, sem ÷ com {0}, a melhor das seis", TECHNIQUES[best].name),
        predicted=None,
        value=float(np.exp(whole[best].mean)),
        interval=(float(np.exp(whole[best].low)), float(np.exp(whole[best].high))),
        measured=filled(
            "The plain network's last validation loss ÷ its lowest: {0}. {1}",
            "A última perda de validação da rede sem técnicas ÷ a menor: {0}. {1}",
            factors(given, rises), _sentence(gains, costs, names),
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words("Each of the six lowers the loss on every table.",
                  "Cada uma das seis baixa a perda em toda tabela."),
            Words(
                "No line holds on every table. Techniques gain where the plain network overfits; where its "
                "loss does not rise again there is nothing to mend, and one may cost. Early stopping saves "
                "epochs; the others take more to come near their best, at this rate batch norm too. Choose "
                "by validation, not from the list.",
                "Nenhuma linha vale em toda tabela. As técnicas ganham onde a rede sem elas sofre "
                "overfitting; onde a perda não volta a subir nada há a corrigir, e uma delas pode custar. A "
                "parada antecipada poupa épocas; as outras levam mais até perto do seu melhor, com esta "
                "taxa também a batch norm. Escolha por validação, não da lista.",
            ),
            Words("None of the techniques lowers the loss here.", "Nenhuma das técnicas baixa a perda aqui."),
        ),
        pictures=(_by_technique(gains, names), _pooled_plot(gaps, costs)),
    )  # fmt: skip


def _sentence(
    gains: Sequence[Sequence[Interval]], costs: Sequence[Interval], names: Sequence[Words]
) -> Words:
    """Technique by technique: on how many tables it surely helps, where it surely harms, its epochs."""
    parts = []
    for technique, found, cost in zip(TECHNIQUES, gains, costs, strict=True):
        harmed = [name for name, one in zip(names, found, strict=True) if one.below]
        harm = Words(", ".join(name.en for name in harmed) or "none",
                     ", ".join(name.pt for name in harmed) or "nenhuma")  # fmt: skip
        parts.append(
            filled(
                "{0}: helps on {1} of {2}, harms on {3}, epochs ×{4}",
                "{0}: ajuda em {1} de {2}, prejudica em {3}, épocas ×{4}",
                technique.name,
                said("{0}", "{0}", sum(one.above for one in found)),
                said("{0}", "{0}", len(names)),
                harm,
                said("{0}", "{0}", float(np.exp(cost.mean))),
            )
        )
    return Words("; ".join(one.en for one in parts) + ".", "; ".join(one.pt for one in parts) + ".")


def _by_technique(gains: Sequence[Sequence[Interval]], names: Sequence[Words]) -> Plot:
    """A point for each technique and table, the tables side by side."""
    roles: tuple[Role, ...] = ("measured", "second", "good", "bad")
    lines_ = []
    for place, (name, role) in enumerate(zip(names, roles, strict=True)):
        found = [each[place] for each in gains]
        mean, low, high = (np.exp([getattr(one, end) for one in found]) for end in ("mean", "low", "high"))
        across = np.arange(len(gains)) + 0.16 * (place - 1.5)
        lines_.append(series(name, across, mean, role, "points", (low, high)))
    return Plot(
        Words("What each technique gains, by table", "O que cada técnica ganha, por tabela"),
        filled("{0} {1}", "{0} {1}",
               Words("Final validation loss without ÷ with, above 1 it helps; 95 % intervals over folds and "
                     "seeds. Doses and the epoch to stop were chosen on other folds.",
                     "Perda de validação final sem ÷ com, acima de 1 ajuda; intervalos de 95 % sobre "
                     "partições e sementes. Doses e a época de parar foram escolhidas em outras partições."),
               MADE_UP),
        Axis(Words("technique", "técnica"), names=tuple(one.name for one in TECHNIQUES)),
        Axis(Words("validation loss, without ÷ with", "perda de validação, sem ÷ com"), log=True),
        tuple(lines_),
        marks=(Mark(Words("equal", "igual"), y=1.0),),
    )  # fmt: skip


def _pooled_plot(gaps: Sequence[Interval], costs: Sequence[Interval]) -> Plot:
    places = np.arange(len(TECHNIQUES))
    epochs = [100.0 * (np.exp([getattr(one, end) for one in costs]) - 1.0) for end in ("mean", "low", "high")]
    shares = [[100.0 * getattr(one, end) for one in gaps] for end in ("mean", "low", "high")]
    return Plot(
        Words("Gap and epochs, mean of the tables", "Diferença e épocas, média das tabelas"),
        Words("By how much the gap between validation and training loss shrinks, in % of the plain "
              "validation loss, and how many more epochs it takes to come near its own best. Dropout's and "
              "augmentation's training losses are with their noise, so that their gaps look smaller.",
              "Quanto encolhe a diferença entre perda de validação e de treino, em % da perda de validação "
              "sem técnica, e quantas épocas a mais até perto do seu melhor. As perdas de treino do dropout "
              "e do aumento de dados incluem o seu ruído, e a diferença parece menor."),
        Axis(Words("technique", "técnica"), names=tuple(one.name for one in TECHNIQUES)),
        Axis(Words("change (%)", "mudança (%)")),
        (series(Words("smaller gap", "diferença menor"), places - 0.1, shares[0], "good", "points",
                (shares[1], shares[2])),
         series(Words("more epochs", "mais épocas"), places + 0.1, epochs[0], "bad", "points",
                (epochs[1], epochs[2]))),
        marks=(Mark(Words("none", "nenhuma"), y=0.0),),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("The summary of techniques, measured", "O resumo das técnicas, medido"),
    claim=Words(
        "Regularisation is essential against overfitting, by complementary techniques: L1, L2, dropout, data "
        "augmentation, early stopping; batch norm speeds training and regularises, too.",
        "Regularizar é fundamental contra o overfitting, por técnicas complementares: L1, L2, dropout, "
        "aumento de dados, parada antecipada; a batch norm acelera o treino e também regulariza.",
    ),
    source=Words("“Técnicas de regularização”, summary of techniques",
                 "“Técnicas de regularização”, resumo das técnicas"),
    prediction=Words(
        "Against the same network trained to the last epoch each of the six has a lower final validation "
        "loss on every table, beyond doubt, its dose chosen on other rows than those that judge. No theorem "
        "promises it.",
        "Contra a mesma rede treinada até a última época cada uma das seis tem menor perda de validação "
        "final em toda tabela, sem dúvida, com a dose escolhida em outras linhas que as que julgam. Nenhum "
        "teorema o promete.",
    ),
    measure=measure,
    rows=("R9",),
)  # fmt: skip
