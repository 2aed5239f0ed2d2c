"""L1 takes a constant amount off a weight at each step, L2 a share of it; under Adam L2 is like L1."""

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.regularisation._tables import told
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said
from profunda.layers import L1, L2, Penalty, proximal_step

_RATE, _L1, _L2 = 0.01, 0.5, 0.5
_STARTS = (0.25, 0.5, 1.0)
_TOLERANCE = 1e-12


def _steps(penalty: Penalty, count: int) -> np.ndarray:
    """Weights [count + 1, 3] under the penalty alone: the loss is 0."""
    layer = torch.nn.Linear(3, 1, bias=False).double()
    layer.weight.data[:] = torch.tensor(_STARTS, dtype=torch.float64)
    found = [layer.weight.detach().numpy()[0].copy()]
    for _ in range(count):
        proximal_step(layer, lambda: 0.0 * layer.weight.sum(), penalty, _RATE)
        found.append(layer.weight.detach().numpy()[0].copy())
    return np.array(found)


def _by_gradient(optimiser: type[torch.optim.SGD | torch.optim.Adam], count: int) -> np.ndarray:
    """The same with λ‖w‖² as a part of the loss."""
    weight = torch.nn.Parameter(torch.tensor(_STARTS, dtype=torch.float64))
    chosen = optimiser([weight], lr=_RATE)
    found = [weight.detach().numpy().copy()]
    for _ in range(count):
        chosen.zero_grad()
        (_L2 * weight.square().sum()).backward()
        chosen.step()
        found.append(weight.detach().numpy().copy())
    return np.array(found)


def spread(amounts: np.ndarray) -> float:
    """Relative spread over weights and steps: 0 where all are equal."""
    return float(amounts.std() / abs(amounts.mean()))


def judged(constant: float, proportional: float, adaptive: float) -> Verdict:
    """By the spread of L1's amounts, of L2's shares, and of its shares under Adam."""
    if max(constant, proportional) > _TOLERANCE:
        return "wrong"
    return "holds" if adaptive <= 0.01 else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Steps of the penalties alone, from three sizes."""
    count = 20 if quick else 40
    first = _steps(L1(_L1), count)
    second = _by_gradient(torch.optim.SGD, count)
    adam = _by_gradient(torch.optim.Adam, count)
    decoupled = _steps(L2(_L2), count)
    amounts = -np.diff(first, axis=0)
    shares = {name: -np.diff(w, axis=0) / w[:-1] for name, w in (("sgd", second), ("adam", adam))}
    constant, proportional = spread(amounts), spread(shares["sgd"])
    adaptive = spread(shares["adam"])
    share = float(shares["sgd"].mean())
    verdict = judged(constant, proportional, adaptive)
    own = -np.diff(adam, axis=0)[0]
    return Outcome(
        headline=Words("share that one step of L2 takes off", "fração que um passo de L2 retira"),
        predicted=2.0 * _RATE * _L2,
        value=share,
        interval=(2.0 * _RATE * _L2 - _TOLERANCE, 2.0 * _RATE * _L2 + _TOLERANCE),
        measured=said(
            "Each step of L1 takes {0} off, whatever the size (relative spread {1}); each gradient step of "
            "L2 a share of {2} (spread {3}). Under Adam the first step of L2 takes {4} off the smallest and "
            "{5} off a weight four times as large.",
            "Cada passo de L1 retira {0}, seja qual for o tamanho (dispersão relativa {1}); cada passo de "
            "gradiente de L2 retira uma fração de {2} (dispersão {3}). Com Adam o primeiro passo de L2 "
            "retira {4} do menor peso e {5} de um quatro vezes maior.",
            float(amounts.mean()), constant, share, proportional, float(own[0]), float(own[2]),
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words("L1 takes a constant amount, L2 a share, by every optimiser tried.",
                  "L1 retira uma quantia constante, L2 uma fração, com todo otimizador testado."),
            Words(
                "True of steps of gradient descent: ηλ for L1, the share 2ηλ for L2. Not of Adam with L2 in "
                "the loss: it divides by the size of the gradient, and so takes a nearly constant amount, as "
                "L1 does. Decoupled decay (AdamW) is proportional again.",
                "Vale para passos de descida do gradiente: ηλ na L1, a fração 2ηλ na L2. Não vale para Adam "
                "com L2 na perda: ele divide pelo tamanho do gradiente e retira uma quantia quase "
                "constante, como a L1. O decaimento desacoplado (AdamW) volta a ser proporcional.",
            ),
            Words("Here the amounts are not what the text says.", "Aqui as quantias não são as do texto."),
        ),
        pictures=(
            Plot(
                Words("A weight under its penalty alone", "Um peso só com a penalidade"),
                Words(
                    "Straight lines lose a constant amount a step, curves a share. Each starts from 1 and "
                    "0.25; decoupled L2 runs along the blue lines.",
                    "Retas perdem uma quantia constante por passo, curvas uma fração. Cada uma parte de 1 e "
                    "0,25; a L2 desacoplada segue as linhas azuis.",
                ),
                Axis(Words("step", "passo")),
                Axis(Words("weight", "peso")),
                tuple(
                    series(name if start == 2 else Words("", ""), range(count + 1), w[:, start], role)
                    for start in (2, 0)
                    for name, w, role in (
                        (Words("L1", "L1"), first, "bad"),
                        (Words("L2, gradient descent", "L2, descida do gradiente"), second, "measured"),
                        (Words("L2 in the loss, Adam", "L2 na perda, Adam"), adam, "second"),
                        (Words("decoupled L2", "L2 desacoplada"), decoupled, "theory"),
                    )
                ),
            ),
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("A constant amount or a share", "Quantia constante ou fração"),
    claim=Words(
        "L1 shrinks weights at a constant rate, L2 at a rate proportional to their size.",
        "L1 encolhe os pesos a uma taxa constante, L2 a uma taxa proporcional ao tamanho.",
    ),
    source=Words(
        "“Técnicas de regularização”, penalties on the norm of parameters",
        "“Técnicas de regularização”, penalização da norma dos parâmetros",
    ),
    prediction=Words(
        "One step takes ηλ (L1) or 2ηλ·w (L2) off a weight; Adam's first step is η whatever the gradient "
        "(Kingma and Ba 2015, section 2.1).",
        "Um passo retira ηλ (L1) ou 2ηλ·w (L2) de um peso; o primeiro passo de Adam é η, seja qual for o "
        "gradiente (Kingma e Ba 2015, seção 2.1).",
    ),
    measure=measure,
    rows=("R1", "R2"),
)
