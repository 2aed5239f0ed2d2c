"""The text's p is the probability of keeping, and scaling by it keeps the mean of what is linear."""

from itertools import product

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.regularisation._tables import told
from profunda.lab.pictures import Axis, Plot, Slider, series
from profunda.lab.words import Words, said
from profunda.layers import Dropout

_INPUTS, _UNITS = 10, 200
_EXACT = 1e-12
_KEEPS = (0.2, 0.5, 0.8, 0.95)
_X, _MASK = (0.2, 0.5, 0.8, 0.3), (1.0, 0.0, 1.0, 0.0)
_PRINTED = ((0.2, 0.0, 0.8, 0.0), (0.1, 0.25, 0.4, 0.15))


def _worked() -> float:
    """Largest difference from the text's worked example."""
    layer, x = Dropout(keep=0.5, inverted=False).double(), torch.tensor(_X, dtype=torch.float64)
    masked = layer.masked(x, torch.tensor(_MASK, dtype=torch.float64))
    found = (masked.numpy(), layer.eval()(x).numpy())
    return float(max(np.abs(a - b).max() for a, b in zip(found, _PRINTED, strict=True)))


def _means(keep: float, seed: int, inputs: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of 200 units: mean over all 2^n masks of z and of relu(z), and z with inputs scaled by keep."""
    random = np.random.default_rng(seed)
    weights, x = random.standard_normal((_UNITS, inputs)) / np.sqrt(inputs), random.uniform(0.0, 1.0, inputs)
    masks = np.array(list(product((0.0, 1.0), repeat=inputs)))
    chance = keep ** masks.sum(1) * (1.0 - keep) ** (inputs - masks.sum(1))
    z = (masks * x) @ weights.T
    return chance @ z, chance @ np.maximum(z, 0.0), weights @ (keep * x)


def _off(keep: float, networks: int, inputs: int) -> np.ndarray:
    """How far the scaled layer's mean output is below that of the masks, for each network."""
    found = []
    for seed in range(networks):
        _, mean, scaled = _means(keep, seed, inputs)
        found.append(1.0 - np.maximum(scaled, 0.0).sum() / mean.sum())
    return np.array(found)


def judged(example: float, linear: float, nonlinear: float) -> Verdict:
    """By the errors of the worked example, of a linear layer's mean, and of a ReLU layer's."""
    if example > _EXACT or linear > _EXACT:
        return "wrong"
    return "holds" if nonlinear < 0.01 else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """All 2^n masks of one layer, weighted by their chances: no sampling."""
    networks, inputs = (4, 8) if quick else (12, _INPUTS)
    linear = 0.0
    for keep in _KEEPS:
        z, _, scaled = _means(keep, 0, inputs)
        linear = max(linear, float(np.abs(z - scaled).max()))
    half = _off(0.5, networks, inputs)
    value, reach = float(half.mean()), 1.96 * float(half.std(ddof=1) / np.sqrt(networks))
    example = _worked()
    dropped = _off(0.2, networks, inputs)
    verdict = judged(example, linear, abs(value))
    return Outcome(
        headline=Words(
            "share of a ReLU layer's mean output that scaling misses, keep 0.5",
            "fração da saída média de uma camada ReLU que a escala perde, manter com 0,5",
        ),
        predicted=None,
        value=value,
        interval=(value - reach, value + reach),
        measured=said(
            "The worked example is met to {0}. Over all masks a linear layer's mean equals the scaled layer "
            "to {1}; a ReLU layer's is missed by {2} % at keep 0.5. Who takes the text's input advice p = "
            "0.8 for the probability of dropping keeps 0.2: then {3} %.",
            "O exemplo numérico é reproduzido com erro {0}. Sobre todas as máscaras a média de uma camada "
            "linear é a da camada escalada, com erro de {1}; a de uma ReLU é subestimada em {2} % com "
            "probabilidade de manter 0,5. Quem toma o conselho p = 0,8 do texto por probabilidade de "
            "descartar mantém 0,2: aí {3} %.",
            example, linear, 100.0 * value, 100.0 * float(dropped.mean()),
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words("Scaling by p keeps the mean.", "Escalar por p conserva a média."),
            Words(
                "p is called the dropout rate in the text but is the probability of keeping; torch's p is "
                "that of dropping. Scaling keeps the mean of one linear map exactly; a layer with ReLU "
                "gives too little at test, as relu of a mean is at most the mean of relu.",
                "O texto chama p de taxa de dropout, mas é a probabilidade de manter; o p do torch é a de "
                "descartar. A escala conserva exatamente a média de uma aplicação linear; uma "
                "camada com ReLU dá de menos no teste, pois a relu da média é no máximo a média da relu.",
            ),
            Words("Scaling does not keep the mean here.", "A escala não conserva a média aqui."),
        ),
        pictures=(_sliding(inputs), _by_keep(networks, inputs)),
    )  # fmt: skip


def _sliding(inputs: int) -> Plot:
    few = slice(0, 80)
    lines = []
    for step, keep in enumerate(_KEEPS):
        z, mean, scaled = (part[few] / keep for part in _means(keep, 0, inputs))
        lines += [
            series(Words("linear unit", "unidade linear"), scaled, z, "measured", "points", step=step),
            series(
                Words("ReLU unit", "unidade ReLU"), np.maximum(scaled, 0.0), mean, "bad", "points", step=step
            ),
        ]
    reach = float(np.abs(_means(1.0, 0, inputs)[2][few]).max())
    return Plot(
        Words("Mean over all masks against the test output", "Média sobre as máscaras e saída no teste"),
        Words("Each point is a unit; both divided by keep. On the dashed line the scaling is exact; ReLU "
              "units "
              "lie above it.",
              "Cada ponto é uma unidade; ambos divididos por manter. Na linha tracejada a escala é exata; "
              "unidades ReLU ficam acima."),
        Axis(Words("output at test ÷ keep", "saída no teste ÷ manter")),
        Axis(Words("mean output in training ÷ keep", "saída média no treino ÷ manter")),
        (*lines, series(Words("equal", "iguais"), (-reach, reach), (-reach, reach), "theory")),
        slider=Slider(Words("probability of keeping", "probabilidade de manter"),
                      tuple(Words(f"{keep:g}", f"{keep:g}".replace(".", ",")) for keep in _KEEPS)),
    )  # fmt: skip


def _by_keep(networks: int, inputs: int) -> Plot:
    keeps = np.array((0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 1.0))
    off = 100.0 * np.stack([_off(float(keep), networks, inputs) for keep in keeps])
    return Plot(
        Words("What scaling misses behind a ReLU", "O que a escala perde depois de uma ReLU"),
        Words("Mean over layers with random weights, band from least to most.",
              "Média sobre camadas de pesos aleatórios, faixa do menor ao maior."),
        Axis(Words("probability of keeping", "probabilidade de manter")),
        Axis(Words("mean output missed (%)", "saída média perdida (%)")),
        (series(Words("ReLU layer", "camada ReLU"), keeps, off.mean(1), "bad", "both",
                (off.min(1), off.max(1))),
         series(Words("linear layer", "camada linear"), keeps, np.zeros(len(keeps)), "theory")),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Keep or drop, and the scaling at test", "Manter ou descartar, e a escala no teste"),
    claim=Words(
        "With a dropout rate p, the probability of keeping a unit, multiplying by p at test makes up for "
        "the units that were missing in training.",
        "Com taxa de dropout p, a probabilidade de manter um neurônio, multiplicar por p no teste compensa "
        "os que faltavam no treino.",
    ),
    source=Words(
        "“Técnicas de regularização”, dropout: how it works, worked example",
        "“Técnicas de regularização”, dropout: como funciona, exemplo prático",
    ),
    prediction=Words(
        "E W(r ⊙ x) = W(px) exactly; E relu(W(r ⊙ x)) ≥ relu(W(px)) by Jensen's inequality (Srivastava et "
        "al. 2014, section 4, for the rule).",
        "E W(r ⊙ x) = W(px) exatamente; E relu(W(r ⊙ x)) ≥ relu(W(px)) pela desigualdade de Jensen "
        "(Srivastava et al. 2014, seção 4, para a regra).",
    ),
    measure=measure,
    errata=("E12",),
    rows=("R7",),
)
