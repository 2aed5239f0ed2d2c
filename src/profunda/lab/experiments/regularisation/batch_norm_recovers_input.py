"""γ = σ and β = μ undo batch normalisation but for ε; γ = √(σ² + ε) does so exactly."""

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.regularisation._tables import told
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import batch_norm_step

_BATCH = np.array([[2.1, 0.8, -1.2], [1.8, 1.1, -0.9], [2.3, 0.9, -1.1], [1.9, 1.0, -1.0]])
_EXACT = 1e-12


def _left(spread: float, recovering: bool) -> float:
    """Largest error relative to σ of a batch with that deviation, undone with γ = σ or √(σ² + ε)."""
    x = _BATCH[:, 1:2]
    x = (x - x.mean()) / x.std() * spread
    step = batch_norm_step(x)
    layer = torch.nn.BatchNorm1d(1).double()
    with torch.no_grad():
        layer.weight[:] = float((step.recovering if recovering else step.biased)[0])
        layer.bias[:] = float(step.mean[0])
        undone = layer(torch.tensor(x)).numpy()
    return float(np.abs(undone - x).max() / spread)


def judged(exact: float, plain: float) -> Verdict:
    """By the errors left with γ = √(σ² + ε) and with γ = σ."""
    if plain <= _EXACT:
        return "holds"
    return "holds with conditions" if exact <= _EXACT else "wrong"


def measure(quick: bool) -> Outcome:
    """What is left after undoing the norm, by the batch's deviation."""
    spreads = np.geomspace(1e-3, 10.0, 9 if quick else 25)
    plain = np.array([_left(float(s), False) for s in spreads])
    exact = np.array([_left(float(s), True) for s in spreads])
    spread = float(_BATCH[:, 1].std())
    value = _left(spread, False)
    relative = 1.0 - spread / np.sqrt(spread**2 + 1e-5)
    largest = float(np.abs(_BATCH[:, 1] - _BATCH[:, 1].mean()).max() / spread)
    verdict = judged(float(exact.max()), value)
    small = _left(1e-3, False)
    return Outcome(
        headline=Words("error left by γ = σ, in σ, the text's second column",
                       "erro que γ = σ deixa, em σ, segunda coluna do texto"),
        predicted=float(relative * largest),
        value=value,
        interval=(value - 1e-9, value + 1e-9),
        measured=said(
            "γ = √(σ² + ε) recovers the input to {0} of σ. γ = σ shrinks the text's second column (σ = {1}) "
            "by a share of {2}, at most {3} of σ; at σ = 0.001, where ε is ten times the variance, {4} of σ "
            "is lost.",
            "γ = √(σ² + ε) recupera a entrada, com erro de {0} de σ. γ = σ encolhe a segunda coluna do "
            "texto (σ = "
            "{1}) por uma fração de {2}, no máximo {3} de σ; com σ = 0,001, onde ε é dez vezes a variância, "
            "perde-se {4} de σ.",
            float(exact.max()), spread, float(relative), value, small,
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words("γ = σ and β = μ recover the input.", "γ = σ e β = μ recuperam a entrada."),
            Words(
                "Exact with γ = √(σ² + ε) and β = μ. With γ = σ nearly so while σ² is far above ε; where a "
                "unit hardly varies most of its signal is lost. And it undoes the batch at hand only: the "
                "next one has another μ and σ.",
                "Exato com γ = √(σ² + ε) e β = μ. Com γ = σ, quase, enquanto σ² está bem acima de ε; onde "
                "uma unidade mal varia perde-se quase todo o sinal. E só desfaz o lote em mãos: o próximo "
                "tem outros μ e σ.",
            ),
            Words("Neither γ recovers the input here.", "Nenhum γ recupera a entrada aqui."),
        ),
        pictures=(
            Plot(
                Words("What is left after undoing the norm", "O que resta após desfazer a normalização"),
                Words("ε is 10⁻⁵: left of the dotted line the variance is below it.",
                      "ε é 10⁻⁵: à esquerda da linha pontilhada a variância é menor."),
                Axis(Words("standard deviation σ of the batch", "desvio-padrão σ do lote"), log=True),
                Axis(Words("largest error ÷ σ", "maior erro ÷ σ"), log=True, range=(1e-17, 1e3)),
                (series(Words("γ = σ", "γ = σ"), spreads, np.maximum(plain, 1e-17), "bad", "both"),
                 series(Words("γ = √(σ² + ε)", "γ = √(σ² + ε)"), spreads, np.maximum(exact, 1e-17), "good",
                        "both"),
                 series(Words("theory, γ = σ", "teoria, γ = σ"), spreads,
                        largest * (1.0 - spreads / np.sqrt(spreads**2 + 1e-5)), "theory")),
                marks=(Mark(Words("σ² = ε", "σ² = ε"), x=float(np.sqrt(1e-5))),),
            ),
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Undoing batch normalisation", "Desfazer a batch normalization"),
    claim=Words(
        "With γ = σ and β = μ the network recovers the distribution before the norm.",
        "Com γ = σ e β = μ a rede recupera a distribuição anterior à normalização.",
    ),
    source=Words("“Técnicas de regularização”, batch normalisation: importance of γ and β",
                 "“Técnicas de regularização”, batch normalization: importância de γ e β"),
    prediction=Words(
        "γ(x − μ)/√(σ² + ε) + μ = x only for γ = √(σ² + ε); γ = σ loses the share 1 − σ/√(σ² + ε) (from "
        "Ioffe and Szegedy 2015, algorithm 1).",
        "γ(x − μ)/√(σ² + ε) + μ = x só para γ = √(σ² + ε); γ = σ perde a fração 1 − σ/√(σ² + ε) (de Ioffe e "
        "Szegedy 2015, algoritmo 1).",
    ),
    measure=measure,
    rows=("R8",),
)  # fmt: skip
