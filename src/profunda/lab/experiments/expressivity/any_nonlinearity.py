"""Which activations multiply with four units: those that bend smoothly at the common bias, and no others."""

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import multiplication_gate, relu_limit

_BENT = ("gelu", "silu", "softplus", "sigmoid", "tanh")
_NEAR = 1e-6  # an error that counts as "arbitrarily well" in float64


def _best_multiple(function: np.ndarray, wanted: np.ndarray) -> float:
    """The least largest error of k·function over k, by narrowing: it is convex in k."""
    low, high = 0.0, 4.0
    for _ in range(80):
        third = (high - low) / 3.0
        a, b = low + third, high - third
        if np.abs(a * function - wanted).max() < np.abs(b * function - wanted).max():
            high = b
        else:
            low = a
    return float(np.abs(low * function - wanted).max())


def _gate_of_relus() -> float:
    axis = np.linspace(-1.0, 1.0, 201)
    u, v = axis[:, None], axis[None, :]
    return _best_multiple(np.abs(u + v) - np.abs(u - v), u * v)


def trained(activation: str, biases: bool, steps: int, starts: int = 24) -> float:
    """The least largest error on [−1, 1]² of `starts` networks 2–4–1 trained freely, by Adam on the mean of
    eighth powers; without `biases` only the output has one."""
    drawn = torch.Generator().manual_seed(11)
    axis = torch.linspace(-1.0, 1.0, 13)
    points = torch.cartesian_prod(axis, axis)
    wanted = points.prod(1)
    w, b, v = (torch.randn(starts, *shape, generator=drawn) for shape in ((2, 4), (1, 4), (4, 1)))
    c = torch.zeros(starts, 1, 1)
    b = b if biases else torch.zeros_like(b)
    free = [each.requires_grad_() for each in ((w, b, v, c) if biases else (w, v, c))]
    optimiser = torch.optim.Adam(free, lr=0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    phi = torch.relu if activation == "relu" else torch.tanh
    for _ in range(steps):
        off = (phi(points @ w + b) @ v + c)[:, :, 0] - wanted
        optimiser.zero_grad()
        (off**8).mean(1).add(1e-12).pow(0.125).sum().backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        off = (phi(points @ w + b) @ v + c)[:, :, 0] - wanted
    return float(off.abs().amax(1).min())


def verdict(bent: list[float], straight: float, odd: float) -> Verdict:
    """Least errors of smooth units at a bias where they bend, of ReLU units, and of tanh units at bias 0."""
    if max(bent) > _NEAR:
        return "wrong"
    return "holds" if max(straight, odd) < _NEAR else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """The gate of five smooth activations; of ReLU and of tanh without a bias; and free training of these."""
    bent = [multiplication_gate(name).error() for name in _BENT]
    straight = _gate_of_relus()
    steps = 200 if quick else 1500
    free_relu, free_tanh = trained("relu", True, steps), trained("tanh", False, steps)
    limit = relu_limit()
    names = [*_BENT, "tanh, c = 0", "relu"]
    errors = [*bent, 1.0, straight]
    return Outcome(
        headline=Words("largest error of the ReLU gate, at best", "maior erro da porta ReLU, no melhor caso"),
        predicted=limit.error,
        value=straight,
        interval=(straight - 1e-4, straight + 1e-4),
        measured=said(
            "Smooth units reach errors of {0} to {1}. The gate of ReLU units misses by {2} at any scale, "
            "that of tanh units without bias gives 0 and misses by 1. Trained freely, four ReLU units reach "
            "{3}, tanh units without biases {4}.",
            "Unidades suaves chegam a erros de {0} a {1}. A porta de unidades ReLU erra {2} em qualquer "
            "escala, a de unidades tanh sem viés dá 0 e erra 1. Treinadas livremente, quatro unidades ReLU "
            "chegam a {3}, tanh sem vieses a {4}.",
            min(bent), max(bent), straight, free_relu, free_tanh,
        ),
        verdict=verdict(bent, min(straight, free_relu), free_tanh),
        statement=said(
            "Not for any nonlinear σ: it must have a second derivative other than 0 at some c, and all four "
            "units need that same bias c. With ReLU the gate is a multiple of |u+v| − |u−v|, at best {0} "
            "off; other weights come nearer ({1} found), but four creases make no curved surface. Odd "
            "functions such as tanh need a bias: without one f(−u, −v) = −f(u, v) up to a constant, and uv "
            "does not change sign.",
            "Não para qualquer σ não linear: ela precisa de segunda derivada diferente de 0 em algum c, e "
            "as quatro unidades precisam desse mesmo viés c. Com ReLU a porta é um múltiplo de |u+v| − "
            "|u−v|, que no melhor caso erra {0}; outros pesos chegam mais perto ({1} encontrado), mas quatro "
            "dobras não fazem uma superfície curva. Funções ímpares como tanh precisam de viés: sem ele "
            "f(−u, −v) = −f(u, v) a menos de uma constante, e uv não troca de sinal.",
            limit.error, free_relu,
        ),
        pictures=(_errors(names, errors, (free_tanh, free_relu), limit.error),),
    )  # fmt: skip


def _errors(names: list[str], errors: list[float], free: tuple[float, float], limit: float) -> Plot:
    return Plot(
        Words("Least error of the gate on [−1, 1]²", "Menor erro da porta em [−1, 1]²"),
        Words(
            "At the best λ in float64. The last two stay where they are at every λ; with tanh and "
            "c = 0 both points are at 1.",
            "No melhor λ em float64. As duas últimas ficam onde estão com qualquer λ; com tanh e c "
            "= 0 os dois pontos estão em 1.",
        ),
        Axis(Words("activation", "ativação"), names=tuple(Words(each, each) for each in names)),
        Axis(Words("largest error", "maior erro"), log=True, range=(1e-12, 4.0)),
        (
            series(Words("gate", "porta"), range(len(errors)), errors, "measured", "points"),
            series(
                Words("trained freely", "treinada livremente"),
                (5, 6),
                free,
                "second",
                "points",
            ),
        ),
        marks=(Mark(Words("3 − 2√2", "3 − 2√2"), y=limit),),
    )


EXPERIMENT = Experiment(
    title=Words("Does any nonlinearity multiply?", "Qualquer não linearidade multiplica?"),
    claim=Words(
        "For any nonlinear σ there is such a gate; without loss of generality σ″(0) ≠ 0, or else the bias "
        "can be adjusted, since σ is not linear. (The proof adds: sufficiently smooth.)",
        "Para qualquer σ não linear existe tal porta; sem perda de generalidade σ″(0) ≠ 0, ou então "
        "ajusta-se o viés, já que σ não é linear. (A prova acrescenta: suficientemente suave.)",
    ),
    source=Words(
        "“O poder da aprendizagem profunda”, theorem on the multiplication gate and its proof",
        "“O poder da aprendizagem profunda”, teorema da porta de multiplicação e sua prova",
    ),
    prediction=Words(
        "Smooth activations: errors near 10⁻⁸ or 10⁻¹¹. ReLU: a multiple of 2 sign(uv) min(|u|, |v|), at "
        "best 3 − 2√2 = 0.172 off. Tanh without biases: an odd function plus a constant, at least 1 off, "
        "since uv is 1 at (1, 1) and (−1, −1) and −1 at the other two corners.",
        "Ativações suaves: erros perto de 10⁻⁸ ou 10⁻¹¹. ReLU: um múltiplo de 2 sinal(uv) min(|u|, |v|), "
        "que no melhor caso erra 3 − 2√2 = 0,172. Tanh sem vieses: função ímpar mais constante, erro de ao "
        "menos 1, pois uv vale 1 em (1, 1) e (−1, −1) e −1 nos outros dois cantos.",
    ),
    measure=measure,
    errata=("E9",),
    rows=("U6",),
)
