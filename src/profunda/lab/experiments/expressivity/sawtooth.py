"""A wave of 2ᵏ pieces from 2k units in k layers, which one layer can only have with about 2ᵏ units."""

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Plot, Slider, series
from profunda.lab.words import Words, said
from profunda.theory import (
    flat_sawtooth,
    linear_pieces,
    most_pieces_on_a_line,
    sawtooth_network,
    sawtooth_pieces,
)

_FOLDS = (1, 2, 3, 4, 5, 6)


def _ends() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)


def _random_layer(units: int, random: np.random.Generator) -> torch.nn.Sequential:
    """One hidden layer whose bends all lie inside [0, 1], so that none is wasted."""
    first = torch.nn.Linear(1, units, dtype=torch.float64)
    last = torch.nn.Linear(units, 1, dtype=torch.float64)
    signs, bends = random.choice([-1.0, 1.0], units), random.uniform(0.0, 1.0, units)
    with torch.no_grad():
        first.weight.copy_(torch.from_numpy(signs[:, None]))
        first.bias.copy_(torch.from_numpy(-signs * bends))
        last.weight.copy_(torch.from_numpy(random.standard_normal((1, units))))
        last.bias.zero_()
    return torch.nn.Sequential(first, torch.nn.ReLU(), last)


def verdict(counted: list[int], predicted: list[int], shallow: list[int], bound: list[int]) -> Verdict:
    """Pieces of the deep waves and what they should have; of one layer with as many units, and its bound."""
    if counted != predicted or any(have > most for have, most in zip(shallow, bound, strict=True)):
        return "wrong"
    return "holds" if counted[-1] > bound[-1] else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Pieces counted by root finding, on waves of 1 to 14 folds and on single layers of as many units."""
    folds = range(1, 11 if quick else 15)
    counted = [linear_pieces(sawtooth_network(k), *_ends()).count for k in folds]
    random = np.random.default_rng(2)
    tried = 5 if quick else 20
    shallow = [
        max(linear_pieces(_random_layer(2 * k, random), *_ends()).count for _ in range(tried)) for k in folds
    ]
    bound = [most_pieces_on_a_line([2 * k]) for k in folds]
    flat = [len(next(flat_sawtooth(k).parameters())) for k in folds]
    predicted = [sawtooth_pieces(k) for k in folds]
    k = folds[-1]
    return Outcome(
        headline=said(
            "pieces on [0, 1] of {0} units in {1} layers",
            "trechos em [0, 1] de {0} unidades em {1} camadas",
            2 * k, k,
        ),
        predicted=float(2**k),
        value=float(counted[-1]),
        interval=(float(counted[-1]), float(counted[-1])),
        measured=said(
            "{0} units in {1} layers make {2} pieces, all counted. One layer of {0} units made at most {3} "
            "in {4} draws, and can make {5}; the same wave built there has {6} units.",
            "{0} unidades em {1} camadas fazem {2} trechos, todos contados. Uma camada de {0} unidades fez "
            "no máximo {3} em {4} sorteios, e pode fazer {5}; a mesma onda construída ali tem {6} unidades.",
            2 * k, k, counted[-1], shallow[-1], tried, bound[-1], flat[-1],
        ),
        verdict=verdict(counted, predicted, shallow, bound),
        statement=Words(
            "For networks too there are functions that need exponentially many units when shallow: k folds "
            "of a tent cost 2 units a fold in depth, and at least 2ᵏ − 1 units in one layer. Unlike "
            "parity, this example carries over from circuits to networks.",
            "Também para redes há funções que exigem exponencialmente mais unidades quando rasas: k dobras "
            "de uma tenda custam 2 unidades por dobra em profundidade, e ao menos 2ᵏ − 1 unidades em uma "
            "camada. Ao contrário da paridade, este exemplo vale para redes.",
        ),
        pictures=(_waves(), _pieces(folds, counted, predicted, shallow, bound)),
    )  # fmt: skip


def _pieces(
    folds: range, counted: list[int], predicted: list[int], shallow: list[int], bound: list[int]
) -> Plot:
    return Plot(
        Words("Straight pieces by number of units", "Trechos retos por número de unidades"),
        Words(
            "Deep: 2 units a layer. One layer of m units: the most found. Dashed: 2ᵏ for k layers "
            "(steep), and the bound m + 1 of one layer (flat).",
            "Profunda: 2 unidades por camada. Uma camada de m unidades: o máximo encontrado. "
            "Tracejado: 2ᵏ para k camadas (íngreme) e o limite m + 1 de uma camada (rasteiro).",
        ),
        Axis(Words("hidden units", "unidades ocultas")),
        Axis(Words("straight pieces on [0, 1]", "trechos retos em [0, 1]"), log=True),
        (
            series(Words("deep", "profunda"), [2 * n for n in folds], counted, "good", "both"),
            series(Words("theory", "teoria"), [2 * n for n in folds], predicted, "theory"),
            series(
                Words(
                    "one layer",
                    "uma camada",
                ),
                [2 * n for n in folds],
                shallow,
                "bad",
                "points",
            ),
            series(Words("", ""), [2 * n for n in folds], bound, "theory"),
        ),
    )


def _waves() -> Plot:
    x = np.linspace(0.0, 1.0, 129)
    at = torch.from_numpy(x[:, None])
    lines = []
    for step, folds in enumerate(_FOLDS):
        with torch.no_grad():
            y = sawtooth_network(folds)(at)[:, 0].numpy()
        lines.append(series(Words("", ""), x, y, "measured", step=step))
    return Plot(
        Words("A tent folded into itself", "Uma tenda dobrada sobre si mesma"),
        Words(
            "Each layer of two ReLU units doubles the number of teeth.",
            "Cada camada de duas unidades ReLU dobra o número de dentes.",
        ),
        Axis(Words("x", "x")),
        Axis(Words("output", "saída"), range=(0.0, 1.05)),
        tuple(lines),
        slider=Slider(Words("Layers", "Camadas"), tuple(Words(str(k), str(k)) for k in _FOLDS)),
    )


EXPERIMENT = Experiment(
    title=Words("A wave that needs depth", "Uma onda que precisa de profundidade"),
    claim=Words(
        "There are results suggesting that deep networks are intrinsically more powerful than shallow ones: "
        "for some functions shallow ones need exponentially more elements.",
        "Há resultados teóricos sugerindo que redes profundas são intrinsecamente mais poderosas que as "
        "rasas: para algumas funções as rasas precisam de exponencialmente mais elementos.",
    ),
    source=Words(
        "“Por que as redes neurais profundas são difíceis de treinar?”, on circuits and deep networks",
        "“Por que as redes neurais profundas são difíceis de treinar?”, sobre circuitos e redes profundas",
    ),
    prediction=Words(
        "The tent map 2 relu(x) − 4 relu(x − ½) composed k times has 2ᵏ pieces with 2k units; one layer of "
        "m ReLUs has at most m + 1 on a line (Telgarsky 2015, 2016).",
        "A tenda 2 relu(x) − 4 relu(x − ½) composta k vezes tem 2ᵏ trechos com 2k unidades; uma camada de "
        "m ReLUs tem no máximo m + 1 em uma reta (Telgarsky 2015, 2016).",
    ),
    measure=measure,
    rows=("U7",),
)
