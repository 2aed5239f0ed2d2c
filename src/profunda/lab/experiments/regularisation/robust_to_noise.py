"""What noise on the inputs does to a plain network and to one with L2, dropout and batch norm."""

from dataclasses import replace

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.regularisation._networks import (
    Recipe,
    Rows,
    Stack,
    digits,
    log_loss,
    train_stack,
)
from profunda.lab.experiments.regularisation._tables import Interval, filled, interval, rule, told
from profunda.lab.pictures import Axis, Plot, Role, series
from profunda.lab.words import Words, said

_NOISES = (0.0, 0.15, 0.3, 0.6, 1.0)
_ROLES: tuple[tuple[Role, Role], ...] = (("bad", "good"), ("second", "measured"))
_PLAIN = Recipe(width=64, rate=2e-3)
_ALL = replace(_PLAIN, l2=0.03, drop=0.2, norm=True)


def _cells() -> Rows:
    """Breast tumours (scikit-learn): 30 columns, standardised."""
    from sklearn.datasets import load_breast_cancer

    x, y = load_breast_cancer(return_X_y=True)
    order = np.random.default_rng(1).permutation(len(y))
    x = ((x - x.mean(0)) / x.std(0))[order]
    inputs, labels = torch.tensor(x, dtype=torch.float32), torch.tensor(y[order])
    return Rows(inputs[:250], labels[:250], inputs[250:], labels[250:])


def _noisy(stack: Stack, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Log-losses and shares of wrong rows [noises, M], noise in deviations of each input, three draws."""
    random = torch.Generator().manual_seed(11)
    spread = rows.x.std(0)
    losses, wrong = [], []
    for noise in _NOISES:
        each = []
        for _ in range(3 if noise else 1):
            x = rows.x_test + noise * spread * torch.randn(rows.x_test.shape, generator=random)
            logits = stack.outputs(x)[0]
            each.append(
                (log_loss(logits, rows.y_test), (logits.argmax(-1) != rows.y_test).double().mean(1).numpy())
            )
        losses.append(np.mean([one[0] for one in each], axis=0))
        wrong.append(np.mean([one[1] for one in each], axis=0))
    return np.array(losses), np.array(wrong)


def judged(rises: list[Interval], levels: list[Interval]) -> Verdict:
    """By ln of the factor that noise puts on the loss, and of the loss under noise, plain ÷ combined."""
    return rule([*rises, *levels])


def measure(quick: bool) -> Outcome:
    """Two tables, the same first weights, with all three and with none."""
    members, epochs = (6, 15) if quick else (10, 30)
    names = (Words("digits", "dígitos"), Words("tumours", "tumores"))
    rises, levels, shown = [], [], []
    for rows in (digits(400), _cells()):
        by = []
        for recipe in (_PLAIN, _ALL):
            stack = train_stack(rows, members, replace(recipe, epochs=epochs), seed=6)
            with torch.no_grad():
                by.append(_noisy(stack, rows))
        logs = np.log(np.array([one[0] for one in by]))
        at = _NOISES.index(0.3)
        rises.append(interval((logs[0, at] - logs[0, 0]) - (logs[1, at] - logs[1, 0])))
        levels.append(interval(logs[0, at] - logs[1, at]))
        shown.append(by)
    verdict = judged(rises, levels)
    return Outcome(
        headline=Words("factor of noise on the loss, plain ÷ combined, digits",
                       "fator do ruído na perda, simples ÷ combinada, dígitos"),
        predicted=None,
        value=float(np.exp(rises[0].mean)),
        interval=(float(np.exp(rises[0].low)), float(np.exp(rises[0].high))),
        measured=filled(
            "Noise of 0.3 standard deviations multiplies the loss; that factor, plain ÷ combined: digits "
            "{0}, tumours {1}. The loss under noise itself: digits {2}, tumours {3}.",
            "Ruído de 0,3 desvio-padrão multiplica a perda; esse fator, simples ÷ combinada: dígitos {0}, "
            "tumores {1}. A própria perda com ruído: dígitos {2}, tumores {3}.",
            *(_factor(one) for one in (*rises, *levels)),
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words("With all three noise costs less, relative to the loss without noise and in all.",
                  "Com as três o ruído custa menos, relativo à perda sem ruído e ao todo."),
            Words(
                "Not in every sense: a lower loss under noise and a smaller rise by it are two things, and "
                "not both were seen on both tables. Who needs robustness should measure it, and train with "
                "noise.",
                "Não em todo sentido: menor perda sob ruído e menor aumento por ele são coisas diferentes, "
                "e não se viram ambas nas duas tabelas. Quem precisa de robustez deve medi-la, e treinar "
                "com ruído.",
            ),
            Words("With all three noise costs more here.", "Com as três o ruído custa mais aqui."),
        ),
        pictures=(
            Plot(
                Words("Wrong predictions by noise on the inputs",
                      "Previsões erradas pelo ruído nas entradas"),
                Words("Mean of networks with bands from the best to the worst; networks never saw noise.",
                      "Média das redes com faixas da melhor à pior; as redes nunca viram ruído."),
                Axis(Words("noise (s.d. of each input)", "ruído (d.p. de cada entrada)")),
                Axis(Words("wrong (%)", "erradas (%)")),
                tuple(
                    series(Words(f"{name.en}, {kind.en}", f"{name.pt}, {kind.pt}"),
                           _NOISES, 100 * wrong.mean(1), role, band=(100 * wrong.min(1), 100 * wrong.max(1)))
                    for name, by, roles in zip(names, shown, _ROLES, strict=True)
                    for (_, wrong), kind, role in zip(
                        by, (Words("plain", "simples"), Words("all three", "as três")), roles, strict=True)
                ),
            ),
        ),
    )  # fmt: skip


def _factor(one: Interval) -> Words:
    return said(
        "×{0} [{1}, {2}]", "×{0} [{1}; {2}]", *(float(np.exp(v)) for v in (one.mean, one.low, one.high))
    )


EXPERIMENT = Experiment(
    title=Words("Combining for robustness to noise", "Combinar para robustez a ruído"),
    claim=Words(
        "Combined regularisation makes models more robust: less sensitive to noise and variations.",
        "Regularização combinada torna os modelos mais robustos: menos sensíveis a ruídos e variações.",
    ),
    source=Words("“Técnicas de regularização”, why combine; conclusions",
                 "“Técnicas de regularização”, por que combinar; conclusões"),
    prediction=Words(
        "If so, noise of 0.3 standard deviations multiplies the loss less with L2, dropout and batch norm "
        "than without, and the loss under noise is lower, on both tables.",
        "Se for assim, ruído de 0,3 desvio-padrão multiplica menos a perda com L2, dropout e batch norm que "
        "sem, e a perda sob ruído é menor, nas duas tabelas.",
    ),
    measure=measure,
    rows=("R9",),
)  # fmt: skip
