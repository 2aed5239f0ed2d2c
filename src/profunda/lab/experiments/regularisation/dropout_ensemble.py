"""A network with scaled weights stands for the average of its subnetworks: exactly for one softmax layer."""

from itertools import product

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.regularisation._networks import Recipe, digits, log_loss, train_stack
from profunda.lab.experiments.regularisation._tables import Interval, filled, interval, told
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said

_DROP, _EXACT = 0.5, 1e-12
_AVERAGED = (1, 2, 5, 10, 20, 50, 100)


def _softmax_error(seed: int) -> float:
    """Normalised geometric mean of all 2⁶ subnetworks of a softmax layer, less the scaled layer."""
    random = np.random.default_rng(seed)
    weights, bias, x = random.standard_normal((4, 6)), random.standard_normal(4), random.standard_normal(6)
    masks = np.array(list(product((0.0, 1.0), repeat=6)))
    logits = (masks * x) @ weights.T + bias
    logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    geometric = np.exp(logs.mean(0))
    scaled = np.exp(weights @ (0.5 * x) + bias)
    return float(np.abs(geometric / geometric.sum() - scaled / scaled.sum()).max())


def judged(exact: float, gain: Interval, kept: Interval) -> Verdict:
    """The layer's identity; the scaled network beats one subnetwork; it keeps 3/4 of what averaging gains."""
    if exact > _EXACT or gain.below:
        return "wrong"
    return "holds" if gain.above and kept.above else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Networks trained with half of their hidden units dropped, on 400 digits."""
    members, masks, epochs = (6, 40, 20) if quick else (12, 100, 40)
    rows = digits(400)
    stack = train_stack(rows, members, Recipe(width=100, drop=_DROP, epochs=epochs), seed=0)
    with torch.no_grad():
        whole = log_loss(stack.outputs(rows.x_test)[0], rows.y_test)
        each = [
            torch.softmax(stack.outputs(rows.x_test, drop=_DROP, whole=True)[0], -1) for _ in range(masks)
        ]
        single = np.mean([log_loss(p.log(), rows.y_test) for p in each[:20]], axis=0)
        sums = torch.cumsum(torch.stack(each), 0)
        counts = [n for n in _AVERAGED if n <= masks]
        mixed = np.stack([log_loss((sums[n - 1] / n).log(), rows.y_test) for n in counts])
    gain = interval(np.log(single / whole))
    kept = interval(np.log(single / whole) - 0.75 * np.log(single / mixed[-1]))
    apart = interval(np.log(whole / mixed[-1]))
    exact = max(_softmax_error(seed) for seed in range(20))
    verdict = judged(exact, gain, kept)
    return Outcome(
        headline=Words(
            "log-loss of one subnetwork ÷ of the scaled whole network",
            "perda log de uma sub-rede ÷ da rede inteira escalada",
        ),
        predicted=None,
        value=float(np.exp(gain.mean)),
        interval=(float(np.exp(gain.low)), float(np.exp(gain.high))),
        measured=filled(
            "One softmax layer: the geometric mean of 64 subnetworks is the scaled layer to {0}. Two hidden "
            "layers on digits: one subnetwork ÷ scaled network {1}, scaled ÷ {2} subnetworks averaged {3}.",
            "Uma camada softmax: a média geométrica de 64 sub-redes é a camada escalada, com erro de {0}. "
            "Duas "
            "camadas ocultas em dígitos: uma sub-rede ÷ rede escalada {1}, escalada ÷ média de {2} "
            "sub-redes {3}.",
            said("{0}", "{0}", exact), _factor(gain), said("{0}", "{0}", counts[-1]), _factor(apart),
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words(
                "The scaled network does what averaging its subnetworks would, at the price of one. Exact "
                "only for one softmax layer and the geometric mean; with hidden layers it is another "
                "predictor, which can even be the better one.",
                "A rede escalada faz o que a média das suas sub-redes faria, ao preço de uma. Exato só para "
                "uma camada softmax e a média geométrica; com camadas ocultas é outro preditor, que pode "
                "até ser melhor.",
            ),
            Words("Scaling helps, but gives away a good part of what averaging gains.",
                  "A escala ajuda, mas abre mão de boa parte do ganho da média."),
            Words("The scaled network does not stand for an average here.",
                  "A rede escalada não representa aqui uma média."),
        ),
        pictures=(
            Plot(
                Words("Averaging subnetworks", "Média de sub-redes"),
                Words("Mean log-loss with probabilities averaged over so many masks; band from the best "
                      "network to the worst.",
                      "Perda log média com probabilidades médias sobre tantas máscaras; faixa da melhor "
                      "rede à pior."),
                Axis(Words("subnetworks averaged", "sub-redes na média"), log=True),
                Axis(Words("log-loss (nats)", "perda log (nats)")),
                (series(Words("average of subnetworks", "média de sub-redes"), counts, mixed.mean(1),
                        kind="both", band=(mixed.min(1), mixed.max(1))),
                 series(Words("scaled whole network", "rede inteira escalada"), counts,
                        [float(whole.mean())] * len(counts), "good")),
            ),
        ),
    )  # fmt: skip


def _factor(one: Interval) -> Words:
    return said(
        "×{0} [{1}, {2}]", "×{0} [{1}; {2}]", *(float(np.exp(v)) for v in (one.mean, one.low, one.high))
    )


EXPERIMENT = Experiment(
    title=Words("Dropout as an ensemble", "Dropout como ensemble"),
    claim=Words(
        "Dropout works as an implicit ensemble of many different subnetworks.",
        "O dropout cria um efeito de ensemble implícito de várias sub-redes diferentes.",
    ),
    source=Words("“Técnicas de regularização”, dropout: why it works",
                 "“Técnicas de regularização”, dropout: por que funciona"),
    prediction=Words(
        "Exact for one softmax layer (geometric mean; Goodfellow et al. 2016, section 7.12); in deeper "
        "networks no theorem: it counts as one if scaling beats one subnetwork and keeps at least three "
        "quarters of what averaging gains.",
        "Exato para uma camada softmax (média geométrica; Goodfellow et al. 2016, seção 7.12); em redes "
        "mais profundas não há teorema: conta como ensemble se a escala vence uma sub-rede e mantém ao menos "
        "três quartos do ganho da média.",
    ),
    measure=measure,
    rows=("R7",),
)  # fmt: skip
