"""Where batch norm stands in a network, and what it does to the distribution of what passes it."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.regularisation._networks import (
    EPSILON,
    Recipe,
    Rows,
    Stack,
    digits,
    train_stack,
)
from profunda.lab.experiments.regularisation._tables import Interval, interval, told
from profunda.lab.pictures import Axis, Diagram, Node, Plot, Series, Slider, series
from profunda.lab.words import Words, said

_RECIPE = Recipe(width=32, norm=True, batch=64)
_EXACT, _NEAR = 1e-4, 0.05


@dataclass(frozen=True)
class Passage:
    """What enters the norm of one layer and what leaves its normalising: z and x̂ [M, B, H]."""

    z: Tensor
    normalised: Tensor


def passages(stack: Stack, x: Tensor, *, by_rows: bool) -> list[Passage]:
    """Through every hidden layer, by the statistics of these rows, as in training, or by the collected "
    "ones."""
    h, found = x.expand(stack.members, *x.shape[-2:]), []
    with torch.no_grad():
        for layer, (weight, bias) in enumerate(zip(stack.weights[:-1], stack.biases[:-1], strict=True)):
            z = h @ weight + bias
            mean, variance = stack.means[layer], stack.variances[layer]
            if by_rows:
                mean, variance = z.mean(1, keepdim=True), z.var(1, keepdim=True, unbiased=False)
            normalised = (z - mean) / torch.sqrt(variance + EPSILON)
            found.append(Passage(z, normalised))
            h = torch.relu(stack.gains[layer] * normalised + stack.shifts[layer])
    return found


def departure(values: Tensor) -> np.ndarray:
    """How far units [M, B, H] are from mean 0 and deviation 1: root mean square over units, [M]."""
    values = values.double()
    off = values.mean(1) ** 2 + (values.std(1, unbiased=False) - 1.0) ** 2
    return off.mean(1).sqrt().numpy()


def skewness(values: Tensor) -> np.ndarray:
    """Of each unit: [M, H]."""
    values = values.double()
    centred = values - values.mean(1, keepdim=True)
    return ((centred**3).mean(1) / (centred**2).mean(1) ** 1.5).numpy()


def unevenness(values: Tensor) -> float:
    """Largest ÷ smallest deviation of a layer's units, the median over networks."""
    spread = values.double().std(1)
    return float((spread.max(1).values / spread.min(1).values).median())


def judged(batch: float, held: Interval) -> Verdict:
    """By the departure from mean 0 and deviation 1: of a training batch, and of rows held out."""
    if batch > _EXACT:
        return "wrong"
    return "holds" if held.high < _NEAR else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """The text's network on digits: before training, after it, in a batch and on held-out rows."""
    members, epochs = (4, 6) if quick else (12, 15)
    rows = digits(800)
    recipe = Recipe(_RECIPE.width, norm=True, batch=_RECIPE.batch, epochs=epochs)
    start = Stack(64, 10, members, recipe, seed=2)
    stack = train_stack(rows, members, recipe, seed=2)
    in_batch = passages(stack, rows.x[: recipe.batch], by_rows=True)
    held = passages(stack, rows.x_test, by_rows=False)
    exact = max(float(departure(one.normalised).max()) for one in in_batch)
    off = interval(np.mean([departure(one.normalised) for one in held], axis=0))
    before = interval(np.mean([departure(one.z) for one in held], axis=0))
    shape = max(float(np.abs(skewness(one.z) - skewness(one.normalised)).max()) for one in in_batch)
    skewed = float(np.mean([np.abs(skewness(one.normalised)).mean() for one in held]))
    verdict = judged(exact, off)
    return Outcome(
        headline=Words("departure of held-out rows from mean 0 and deviation 1, past the norm",
                       "afastamento das linhas reservadas de média 0 e desvio 1, após a norma"),
        predicted=0.0,
        value=off.mean,
        interval=(off.low, off.high),
        measured=said(
            "In a batch every unit has mean 0 and deviation 1 past the norm, to {0}. On held-out rows, by "
            "the collected statistics, units are off by {1} (root mean square), before the norm by {2}. "
            "Before it the deviations of a layer's units differ by a factor of {3}, past it by {4}. The "
            "skewness stays (change {5}, size {6}).",
            "Num lote todo neurônio tem média 0 e desvio 1 após a norma, com erro {0}. Nas linhas "
            "reservadas, pelas estatísticas coletadas, o afastamento é {1} (raiz da média quadrática); "
            "antes da norma, {2}. Antes dela os desvios dos neurônios de uma camada diferem por um fator "
            "{3}, depois {4}. A assimetria fica (mudança {5}, tamanho {6}).",
            exact, off.mean, before.mean, *(unevenness(one) for one in (held[1].z, held[1].normalised)),
            shape, skewed,
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words("The norm gives every unit mean 0 and deviation 1, also on rows it has not seen.",
                  "A norma dá a todo neurônio média 0 e desvio 1, também em linhas que não viu."),
            Words(
                "Within a batch every unit has mean 0 and deviation 1 exactly, and γ and β then give it "
                "others. On new rows, which are judged by collected statistics, that is so only roughly. "
                "Only place and width change: a lopsided distribution stays as lopsided, nothing becomes "
                "Gaussian.",
                "Dentro de um lote todo neurônio tem exatamente média 0 e desvio 1, e γ e β lhe dão outros. "
                "Em linhas novas, julgadas por estatísticas coletadas, isso vale só aproximadamente. Mudam "
                "só lugar e largura: uma distribuição assimétrica continua igual, nada se torna gaussiano.",
            ),
            Words("Here units do not have mean 0 and deviation 1 past the norm.",
                  "Aqui os neurônios não têm média 0 e desvio 1 após a norma."),
        ),
        pictures=(_flow(), _histograms(start, stack, rows), _units(held)),
    )  # fmt: skip


def _flow() -> Diagram:
    texts = ("x", "W₁", "BN", "ReLU", "W₂", "BN", "ReLU", "ŷ")
    nodes = tuple(
        Node(text, place / 7, 0.5 + (0.25 if place % 2 else -0.25), "good" if text == "BN" else "measured")
        for place, text in enumerate(texts)
    )
    return Diagram(
        Words("Where it stands", "Onde ela fica"),
        Words("The text's network: weights W, batch norm, ReLU, twice, then the output.",
              "A rede do texto: pesos W, batch norm, ReLU, duas vezes, e então a saída."),
        nodes,
        tuple((place, place + 1, "") for place in range(7)),
    )  # fmt: skip


def _histograms(start: Stack, stack: Stack, rows: Rows) -> Plot:
    """All units of one network together, before each norm and past it, with γ and β."""
    edges = np.linspace(-8.0, 8.0, 65)
    lines: list[Series] = []
    for step, (network, layer) in enumerate(((stack, 0), (stack, 1), (start, 0), (start, 1))):
        one = passages(network, rows.x_test, by_rows=network is start)[layer]
        after = (network.gains[layer] * one.normalised + network.shifts[layer]).detach()
        for name, values, role in (
            (Words("before the norm", "antes da norma"), one.z, "rest"),
            (Words("past it, with γ, β", "depois, com γ, β"), after, "good"),
        ):
            density = np.histogram(values[0].numpy().ravel(), edges, density=True)[0]
            lines.append(series(name, edges[:-1], density, role, "stairs", step=step))  # type: ignore[arg-type]
    return Plot(
        Words("What enters the ReLU", "O que entra na ReLU"),
        Words("All units of a layer on held-out rows; left of 0 the ReLU is off.",
              "Todos os neurônios de uma camada em linhas reservadas; à esquerda de 0 a ReLU está "
              "desligada."),
        Axis(Words("value", "valor")),
        Axis(Words("density", "densidade")),
        tuple(lines),
        slider=Slider(Words("layer", "camada"), (
            Words("1, trained", "1, treinada"), Words("2, trained", "2, treinada"),
            Words("1, start", "1, início"), Words("2, start", "2, início"),
        )),
    )  # fmt: skip


def _units(held: list[Passage]) -> Plot:
    """Each unit of the second layer of one network: its mean and deviation before and past the norm."""
    lines = []
    for name, values, role in (
        (Words("before the norm", "antes da norma"), held[1].z[0], "rest"),
        (Words("past it", "depois"), held[1].normalised[0], "good"),
    ):
        lines.append(series(name, values.mean(0), values.std(0), role, "points"))  # type: ignore[arg-type]
    return Plot(
        Words("Units of the second layer, trained", "Neurônios da segunda camada, treinada"),
        Words("Each point is a unit on held-out rows; the norm gathers all near (0, 1).",
              "Cada ponto é um neurônio em linhas reservadas; a norma junta todos perto de (0, 1)."),
        Axis(Words("mean", "média")),
        Axis(Words("standard deviation", "desvio-padrão")),
        tuple(lines),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("What batch norm does to distributions", "O que a batch norm faz às distribuições"),
    claim=Words(
        "In a network input → dense → batch norm → ReLU → dense → batch norm → ReLU → output every feature "
        "has mean 0 and deviation 1 past the norm.",
        "Numa rede entrada → densa → batch norm → ReLU → densa → batch norm → ReLU → saída toda feature tem "
        "média 0 e desvio 1 após a normalização.",
    ),
    source=Words("“Técnicas de regularização”, batch normalisation: the network drawn",
                 "“Técnicas de regularização”, batch normalization: representação visual"),
    prediction=Words(
        "Exactly so in a training batch, up to ε (Ioffe and Szegedy 2015, algorithm 1). The map of a unit is "
        "affine, so that skewness and all standardised moments stay. On other rows, by collected statistics "
        "(algorithm 2), nearly: “near” is a departure below 0.05.",
        "Exatamente assim num lote de treino, a menos de ε (Ioffe e Szegedy 2015, algoritmo 1). O mapa de um "
        "neurônio é afim, e assimetria e todos os momentos padronizados ficam. Em outras linhas, pelas "
        "estatísticas coletadas (algoritmo 2), quase: “quase” é um afastamento abaixo de 0,05.",
    ),
    measure=measure,
    rows=("R8",),
)  # fmt: skip
