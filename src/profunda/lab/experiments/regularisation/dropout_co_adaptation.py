"""What the loss of some units costs a network trained with dropout and one trained without."""

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.regularisation._networks import Recipe, Stack, digits, log_loss, train_stack
from profunda.lab.experiments.regularisation._tables import Interval, filled, interval, told
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said

_RATES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
_WIDTH = 100


def _damage(stack: Stack, x: torch.Tensor, y: torch.Tensor, masks: int) -> np.ndarray:
    """Log-loss [rates, M] with so large a part of the hidden units gone, mean over masks."""
    found = []
    for rate in _RATES:
        each = [log_loss(stack.outputs(x, drop=rate, whole=True)[0], y) for _ in range(masks if rate else 1)]
        found.append(np.mean(each, axis=0))
    return np.array(found)


def _alike(stack: Stack, x: torch.Tensor) -> np.ndarray:
    """Mean |correlation| of two units of the last hidden layer [M]."""
    found = []
    for hidden in stack.outputs(x)[1][-1].double().numpy():
        alive = hidden[:, hidden.std(0) > 1e-9]
        matrix = np.abs(np.corrcoef(alive.T))
        found.append((matrix.sum() - len(matrix)) / (len(matrix) * (len(matrix) - 1)))
    return np.array(found)


def judged(robust: Interval, alike: Interval) -> Verdict:
    """Losing half costs the plain network more; its units are more alike (positive) or not."""
    if not robust.above:
        return "wrong" if robust.below else "holds with conditions"
    return "holds" if not alike.below else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """The same networks with and without dropout, trained on 400 digits and then thinned."""
    members, masks, epochs = (6, 10, 20) if quick else (10, 20, 40)
    rows = digits(400)
    harm, alike = {}, {}
    for name, drop in (("plain", 0.0), ("dropout", 0.5)):
        stack = train_stack(rows, members, Recipe(width=_WIDTH, drop=drop, epochs=epochs), seed=1)
        with torch.no_grad():
            harm[name] = _damage(stack, rows.x_test, rows.y_test, masks)
            alike[name] = _alike(stack, rows.x_test)
    half = _RATES.index(0.5)
    cost = {name: values[half] - values[0] for name, values in harm.items()}
    robust = interval(np.log(np.maximum(cost["plain"], 1e-6) / np.maximum(cost["dropout"], 1e-6)))
    closer = interval(np.log(alike["plain"] / alike["dropout"]))
    verdict = judged(robust, closer)
    lines = [
        series(name, _RATES, harm[key].mean(1), role, "both", (harm[key].min(1), harm[key].max(1)))
        for key, name, role in (
            ("plain", Words("trained without dropout", "treinada sem dropout"), "bad"),
            ("dropout", Words("trained with dropout 0.5", "treinada com dropout 0,5"), "good"),
        )
    ]
    return Outcome(
        headline=Words("loss added by losing half the units, without ÷ with dropout",
                       "perda acrescida ao perder metade das unidades, sem ÷ com dropout"),
        predicted=None,
        value=float(np.exp(robust.mean)),
        interval=(float(np.exp(robust.low)), float(np.exp(robust.high))),
        measured=filled(
            "Losing half of the units adds to the loss, without ÷ with dropout: {0}. Mean |correlation| of "
            "two units: {1}; without ÷ with {2}.",
            "Perder metade das unidades acrescenta à perda, sem ÷ com dropout: {0}. |Correlação| média de "
            "duas unidades: {1}; sem ÷ com {2}.",
            _factor(robust),
            said("{0} without, {1} with", "{0} sem, {1} com", float(alike["plain"].mean()),
                 float(alike["dropout"].mean())),
            _factor(closer),
        ),
        verdict=verdict,
        statement=_statement(verdict, closer),
        pictures=(
            Plot(
                Words("Loss by the part of units removed", "Perda pela fração de unidades retirada"),
                Words("Removed after training, the rest scaled up. Mean, band from the best to the worst "
                      "network.",
                      "Retiradas após o treino, as demais escaladas. Média, faixa da melhor à pior rede."),
                Axis(Words("part of hidden units removed", "fração de unidades ocultas retirada")),
                Axis(Words("log-loss (nats)", "perda log (nats)"), log=True),
                tuple(lines),
            ),
        ),
    )  # fmt: skip


def _statement(verdict: Verdict, alike: Interval) -> Words:
    """`alike`: ln of the plain units' correlation ÷ those with dropout."""
    less = (
        Words("units are less alike too", "as unidades também ficam menos parecidas")
        if alike.above
        else Words("no clear difference is seen", "não se vê diferença clara")
    )
    return told(
        verdict,
        filled(
            "Units rely less on each other: losing half costs much less, which is what such training "
            "practises. By another measure, the correlation of units, {0}.",
            "As unidades dependem menos umas das outras: perder metade custa muito menos, e é isso que "
            "tal treino exercita. Por outra medida, a correlação entre unidades, {0}.",
            less,
        ),
        Words(
            "In the sense that a network stands the loss of units much better. Not in the sense that "
            "units become less alike: by correlation they are as much so or more, several doing the "
            "same work.",
            "No sentido de a rede suportar muito melhor a perda de unidades. Não no de elas ficarem "
            "menos parecidas: pela correlação são tanto ou mais, várias fazendo o mesmo trabalho.",
        ),
        Words(
            "Losing units costs networks trained with dropout more here.",
            "Aqui perder unidades custa mais às redes treinadas com dropout.",
        ),
    )


def _factor(one: Interval) -> Words:
    return said(
        "×{0} [{1}, {2}]", "×{0} [{1}; {2}]", *(float(np.exp(v)) for v in (one.mean, one.low, one.high))
    )


EXPERIMENT = Experiment(
    title=Words("Dropout and units that rely on each other",
                "Dropout e unidades que dependem umas das outras"),
    claim=Words(
        "Dropout reduces co-adaptation: the network cannot rely on particular units.",
        "O dropout reduz a co-adaptação: a rede não pode depender de neurônios específicos.",
    ),
    source=Words("“Técnicas de regularização”, dropout: motivation, why it works",
                 "“Técnicas de regularização”, dropout: motivação, por que funciona"),
    prediction=Words(
        "Losing half of the units adds more to the loss of a network trained without dropout, and its units "
        "are not less alike (after Srivastava et al. 2014, section 7.1).",
        "Perder metade das unidades acrescenta mais à perda de uma rede treinada sem dropout, e as unidades "
        "dela não são menos parecidas (cf. Srivastava et al. 2014, seção 7.1).",
    ),
    measure=measure,
    rows=("R7",),
)  # fmt: skip
