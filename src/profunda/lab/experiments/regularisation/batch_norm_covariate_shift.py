"""How far what enters a later layer moves while a network trains, with batch normalisation and without."""

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.regularisation._networks import Recipe, digits, log_loss, train_stack
from profunda.lab.experiments.regularisation._tables import Interval, filled, interval, told
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said

_PLAIN = Recipe(width=48, depth=4, sgd=True, rate=0.03)
_FIRST = 2


def _moves(watched: list[Tensor]) -> tuple[np.ndarray, np.ndarray]:
    """|Δ mean| in deviations of a unit and |Δ ln deviation|, by epoch and member [E − 1, M]; living units."""
    shift, stretch = [], []
    for before, after in pairwise(watched):
        spread, later = before.std(1), after.std(1)
        alive = (spread > 1e-6) & (later > 1e-6)
        step = (after.mean(1) - before.mean(1)).abs() / spread.clamp_min(1e-6)
        ratio = (later.clamp_min(1e-6) / spread.clamp_min(1e-6)).log().abs()
        count = alive.sum(1).clamp_min(1)
        shift.append(((step * alive).sum(1) / count).numpy())
        stretch.append(((ratio * alive).sum(1) / count).numpy())
    return np.array(shift), np.array(stretch)


def judged(shift: Interval, gain: Interval) -> Verdict:
    """By ln of the shift and of the loss, without ÷ with: less shift, and less loss to show for it."""
    if shift.above and gain.above:
        return "holds"
    return "wrong" if shift.below else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Four hidden layers on 400 digits, plain SGD; what leaves the last but one, epoch by epoch."""
    members, epochs = (6, 8) if quick else (10, 15)
    rows = digits(400)
    shift, stretch, loss = {}, {}, {}
    for normed in (False, True):
        watched: list[Tensor] = []
        recipe = Recipe(_PLAIN.width, _PLAIN.depth, norm=normed, rate=_PLAIN.rate, epochs=epochs, sgd=True)
        stack = train_stack(rows, members, recipe, seed=4, watch=watched)
        shift[normed], stretch[normed] = _moves(watched)
        with torch.no_grad():
            loss[normed] = log_loss(stack.outputs(rows.x_test)[0], rows.y_test)
    mean = {normed: np.log(values[_FIRST:].mean(0)) for normed, values in shift.items()}
    less, wide = interval(mean[False] - mean[True]), interval(
        np.log(stretch[False][_FIRST:].mean(0) / stretch[True][_FIRST:].mean(0))
    )  # fmt: skip
    gain = interval(np.log(loss[False] / loss[True]))
    verdict = judged(less, gain)
    places = np.arange(2, epochs + 1)
    return Outcome(
        headline=Words("shift of a later layer's inputs per epoch, without ÷ with",
                       "deslocamento das entradas de uma camada por época, sem ÷ com"),
        predicted=None,
        value=float(np.exp(less.mean)),
        interval=(float(np.exp(less.low)), float(np.exp(less.high))),
        measured=filled(
            "Movement of the units' means per epoch, from the fourth on, without ÷ with batch norm: {0}; of "
            "their spreads: {1}. Test loss at the end, without ÷ with: {2}.",
            "Movimento das médias das unidades por época, a partir da quarta, sem ÷ com batch norm: {0}; "
            "das suas dispersões: {1}. Perda de teste no fim, sem ÷ com: {2}.",
            *(_factor(one) for one in (less, wide, gain)),
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words(
                "What enters later layers moves less with it, and the loss is lower here. The first is "
                "nearly so by construction, as the norm holds means and spreads, and does not show that it "
                "causes the second.",
                "Com ela o que entra nas camadas seguintes se move menos, e a perda é menor aqui. O "
                "primeiro é quase por construção, pois a norma fixa médias e dispersões, e não mostra que "
                "cause o segundo.",
            ),
            Words(
                "The shift is far smaller with it, but nearly so by construction: the norm holds means and "
                "spreads. Less shift is not less loss: at this learning rate the network without the norm "
                "ends no worse. The shift does not explain what the norm is good for.",
                "O deslocamento é bem menor com ela, mas quase por construção: a norma fixa médias e "
                "dispersões. Menos deslocamento não é menos perda: com esta taxa de aprendizado a rede sem "
                "norma não termina pior. O deslocamento não explica para que a norma serve.",
            ) if less.above and not gain.above else Words(
                "By this measure no difference of the shift could be told.",
                "Por esta medida não se viu diferença do deslocamento.",
            ),
            Words("The inputs of later layers move more with it here.",
                  "As entradas das camadas seguintes movem-se mais com ela aqui."),
        ),
        pictures=(
            Plot(
                Words("Shift of a layer's inputs by epoch", "Deslocamento das entradas por época"),
                Words("Mean over units of the change of their mean, in their standard deviations; bands "
                      "over networks.",
                      "Média sobre unidades da mudança da sua média, em desvios-padrão; faixas sobre redes."),
                Axis(Words("epoch", "época")),
                Axis(Words("|change of mean| (s.d.)", "|mudança da média| (d.p.)"), log=True),
                tuple(
                    series(name, places, shift[normed].mean(1), role,
                           band=(shift[normed].min(1), shift[normed].max(1)))
                    for normed, name, role in (
                        (False, Words("no norm", "sem norma"), "bad"),
                        (True, Words("batch norm", "batch norm"), "good"),
                    )
                ),
            ),
        ),
    )  # fmt: skip


def _factor(one: Interval) -> Words:
    return said(
        "×{0} [{1}, {2}]", "×{0} [{1}; {2}]", *(float(np.exp(v)) for v in (one.mean, one.low, one.high))
    )


EXPERIMENT = Experiment(
    title=Words("Internal covariate shift", "Deslocamento interno de covariáveis"),
    claim=Words(
        "The distribution of what enters each layer changes during training and slows it; batch "
        "normalisation reduces that shift.",
        "A distribuição do que entra em cada camada muda durante o treino e o atrasa; a batch normalization "
        "reduz esse deslocamento.",
    ),
    source=Words("“Técnicas de regularização”, batch normalisation: motivation",
                 "“Técnicas de regularização”, batch normalization: motivação"),
    prediction=Words(
        "Unit means move less per epoch with it. That this is why it helps is disputed (Santurkar et al. "
        "2018, section 2), so the loss is told too.",
        "As médias das unidades movem-se menos por época com ela. Que isso explique a ajuda é contestado "
        "(Santurkar et al. 2018, seção 2), por isso se diz também a perda.",
    ),
    measure=measure,
    rows=("R8",),
)  # fmt: skip
