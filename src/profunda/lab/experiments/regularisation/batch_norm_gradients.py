"""Batch normalisation keeps gradients from vanishing, and makes them explode."""

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.regularisation._tables import told
from profunda.lab.pictures import Axis, Plot, Role, series
from profunda.lab.words import Words, said
from profunda.theory import batch_norm_growth, batch_norm_growth_limit

_DEPTH = 24
_TOLERANCE = 0.06
_CHAINS: tuple[tuple[str, Words, bool, Role], ...] = (
    ("sigmoid", Words("sigmoid", "sigmoide"), False, "bad"),
    ("sigmoid", Words("sigmoid, batch norm", "sigmoide, batch norm"), True, "second"),
    ("relu", Words("ReLU, half He's variance", "ReLU, meia variância de He"), False, "rest"),
    ("relu", Words("ReLU, batch norm", "ReLU, batch norm"), True, "good"),
)  # fmt: skip


def _profile(activation: str, normed: bool, width: int, networks: int) -> np.ndarray:
    """ln of the squared gradient at each layer's input, mean over networks; weights of variance 1/fan_in."""
    act = torch.sigmoid if activation == "sigmoid" else torch.relu
    random = torch.Generator().manual_seed(3)
    found = []
    for _ in range(networks):
        x = torch.randn(64, width, generator=random, requires_grad=True)
        inputs = []
        for _ in range(_DEPTH):
            inputs.append(x)
            z = x @ torch.randn(width, width, generator=random) / width**0.5
            x = act(torch.nn.functional.batch_norm(z, None, None, training=True) if normed else z)
        gradients = torch.autograd.grad((x * torch.randn(x.shape, generator=random)).sum(), inputs)
        found.append([float(g.double().square().sum().log()) for g in gradients])
    return np.mean(found, axis=0)


def judged(plain: float, normed: float) -> Verdict:
    """By growth factors per layer towards the input: below 1 vanishes, above 1.05 explodes."""
    if plain >= 1.0 or normed < 0.95:
        return "wrong"
    return "holds" if normed <= 1.05 else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Growth per layer with the norm, by batch size, and profiles with and without."""
    width, networks = (96, 3) if quick else (192, 4)
    batches = (8, 32, 128)
    growth = [batch_norm_growth(batch, width, _DEPTH, networks + 1, seed=1) for batch in batches]
    profiles = [_profile(activation, normed, width // 2, networks) for activation, _, normed, _ in _CHAINS]
    inner = np.arange(4, _DEPTH - 4)
    factors = [float(np.exp(-np.polyfit(inner, one[inner], 1)[0])) for one in profiles]
    last = growth[-1]
    limit = batch_norm_growth_limit()
    verdict = judged(factors[0], last.factor)
    layers = np.arange(1, _DEPTH + 1)
    low, high = ([one.factor + sign * 1.96 * one.standard_error for one in growth] for sign in (-1, 1))
    return Outcome(
        headline=Words("squared gradient per layer towards the input, 128 rows",
                       "gradiente ao quadrado por camada rumo à entrada, 128 linhas"),
        predicted=limit,
        value=last.factor,
        interval=(low[-1], high[-1]),
        measured=said(
            "Per layer towards the input the squared gradient changes by the factor {0} in a plain sigmoid "
            "network and {1} with batch norm; {2} in a ReLU network with weights too small and {3} with it. "
            "With 8 rows a batch {4}, with 32 {5}, with 128 {6}.",
            "Por camada rumo à entrada o gradiente ao quadrado muda pelo fator {0} numa rede sigmoide "
            "simples e {1} com batch norm; {2} numa rede ReLU de pesos pequenos demais e {3} com ela. "
            "Com 8 linhas por lote {4}, com 32 {5}, com 128 {6}.",
            *factors, *(one.factor for one in growth),
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words("Gradients keep their size with it.", "Com ela os gradientes conservam o tamanho."),
            Words(
                "It stops the vanishing, at any size of the weights. But at the start it makes gradients of "
                "plain ReLU networks grow by about 1.47 a layer, more with small batches: 10,000 times over "
                "24 layers. Very deep networks need more than the norm.",
                "Impede o desaparecimento, com pesos de qualquer tamanho. Mas no início faz os gradientes "
                "de redes ReLU simples crescerem cerca de 1,47 por camada, mais com lotes pequenos: 10.000 "
                "vezes em 24 camadas. Redes muito profundas precisam de mais que a norma.",
            ),
            Words("It does not keep gradients from vanishing here.",
                  "Não impede aqui o desaparecimento dos gradientes."),
        ),
        pictures=(
            Plot(
                Words("Gradient by layer, before training", "Gradiente por camada, antes do treino"),
                Words("Squared gradient at each layer's input, the last layer's set to 1. Up towards the "
                      "left is "
                      "exploding, down is vanishing.",
                      "Gradiente ao quadrado na entrada de cada camada, o da última igual a 1. Subir para a "
                      "esquerda é explodir, descer é desaparecer."),
                Axis(Words("layer", "camada")),
                Axis(Words("squared gradient, last = 1", "gradiente ao quadrado, última = 1"), log=True),
                tuple(series(name, layers, np.exp(one - one[-1]), role)
                      for (_, name, _, role), one in zip(_CHAINS, profiles, strict=True)),
            ),
            Plot(
                Words("Growth per layer by batch", "Crescimento por camada pelo lote"),
                Words("ReLU with batch norm; 95 % intervals over networks, dashed the limit of large "
                      "batches.",
                      "ReLU com batch norm; intervalos de 95 % sobre redes, tracejado o limite de lotes "
                      "grandes."),
                Axis(Words("rows a batch", "linhas por lote"), log=True),
                Axis(Words("factor per layer", "fator por camada"), range=(1.0, 2.2)),
                (series(Words("measured", "medido"), batches, [one.factor for one in growth], kind="both",
                        band=(low, high)),
                 series(Words("π/(π − 1)", "π/(π − 1)"), batches, [limit] * 3, "theory")),
            ),
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Batch normalisation and vanishing gradients",
                "Batch normalization e gradientes que desaparecem"),
    claim=Words("Batch normalisation reduces vanishing gradients.",
                "A batch normalization reduz o desaparecimento dos gradientes."),
    source=Words("“Técnicas de regularização”, batch normalisation: advantages",
                 "“Técnicas de regularização”, batch normalization: vantagens"),
    prediction=Words(
        "At the start squared gradients of deep ReLU networks with it grow by π/(π − 1) = 1.467 a layer for "
        "large batches (Yang et al. 2019).",
        "No início os gradientes ao quadrado de redes ReLU profundas com ela crescem π/(π − 1) = 1,467 por "
        "camada com lotes grandes (Yang et al. 2019).",
    ),
    measure=measure,
    errata=("E27",),
    rows=("R8",),
)  # fmt: skip
