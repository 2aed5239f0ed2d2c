"""Networks in the text's notation: f = σₙAₙ…σ₁A₁ with A x = W x − b, and σ's that need not be point-wise."""

import math

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Diagram, Node, Plot, series
from profunda.lab.words import Words, said
from profunda.networks import Notated

_TOLERANCE = 1e-12
_SIGMAS = {
    "tanh": lambda z: [math.tanh(value) for value in z],
    "max": lambda z: [max(z)],
    "softmax": lambda z: [
        math.exp(value - max(z)) / math.fsum(math.exp(other - max(z)) for other in z) for value in z
    ],
    "linear": list,
}


def by_hand(net: Notated, names: tuple[str, ...], x: list[float]) -> list[float]:
    """The same network as loops over units and inputs: each sum, then − b, then σ."""
    for layer, name in zip(net.layers, names, strict=True):
        z = []
        for row, b in zip(layer.weights.tolist(), layer.biases.tolist(), strict=True):
            z.append(math.fsum(w * value for w, value in zip(row, x, strict=True)) - b)
        x = _SIGMAS[name](z)
    return x


def verdict(errors: list[float], added: float, far: float) -> Verdict:
    """Largest differences from the loop; the same with + b; and of softmax from a sum of 1 far out."""
    if max(errors) > _TOLERANCE or far > _TOLERANCE:
        return "wrong"
    return "holds with conditions" if added > _TOLERANCE else "holds"


def _network(names: tuple[str, ...], random: np.random.Generator) -> Notated:
    weights, biases, width = [], [], 5
    for name in names:
        units = int(random.integers(3, 9))
        weights.append(torch.from_numpy(random.standard_normal((units, width))))
        biases.append(torch.from_numpy(random.standard_normal(units)))
        width = 1 if name == "max" else units
    return Notated(weights, biases, names)


def _difference(net: Notated, names: tuple[str, ...], x: np.ndarray) -> float:
    wanted = np.array([by_hand(net, names, row) for row in x.tolist()])
    return float(np.abs(net(torch.from_numpy(x)).detach().numpy() - wanted).max())


def _compared(kinds: tuple[tuple[str, ...], ...], draws: int) -> tuple[list[float], list[float]]:
    """For each kind the largest difference from loops and modules; for each network that of adding b."""
    random = np.random.default_rng(4)
    errors, added = [], []
    for names in kinds:
        found = []
        for _ in range(draws):
            net, x = _network(names, random), random.standard_normal((20, 5))
            found.append(_difference(net, names, x))
            turned = Notated(
                [each.weights for each in net.layers], [-each.biases for each in net.layers], names
            )
            there = torch.from_numpy(x)
            added.append(float((net(there) - turned(there)).abs().max()))
            found.append(float((net(there) - net.to_module()(there)).abs().max().detach()))
        errors.append(max(found))
    return errors, added


def measure(quick: bool) -> Outcome:
    """Random networks of four kinds against plain loops; the opposite sign of b; softmax at 10,000."""
    kinds = (("tanh", "linear"), ("tanh", "max"), ("tanh", "softmax"), ("tanh", "max", "tanh", "softmax"))
    errors, added = _compared(kinds, 5 if quick else 25)
    soft = Notated(
        [torch.eye(4, dtype=torch.float64)], [torch.full((4,), -1e4, dtype=torch.float64)], ["softmax"]
    )
    far = abs(float(soft([1.0, 2.0, 3.0, 4.0]).sum()) - 1.0)
    told = [", ".join(name for name in names if name != "tanh") for names in kinds]
    labels = tuple(Words(each, each) for each in told)
    return Outcome(
        headline=Words("largest difference from a plain loop", "maior diferença para um laço simples"),
        predicted=0.0,
        value=max(errors),
        interval=(0.0, _TOLERANCE),
        measured=said(
            "Networks with tanh, max-pooling and softmax differ from plain loops and from torch modules by "
            "at most {0}. With + b in place of − b outputs differ by up to {1}. Softmax at 10,000 sums to 1 "
            "within {2}.",
            "Redes com tanh, max-pooling e softmax diferem de laços simples e de módulos torch em no máximo "
            "{0}. Com + b em vez de − b as saídas diferem em até {1}. A softmax em 10.000 soma 1 a menos de "
            "{2}.",
            max(errors), max(added), max(far, 2.2e-16),
        ),
        verdict=verdict(errors, min(added), far),
        statement=Words(
            "The notation works, for point-wise σ and others, with the shapes put right: W is m × n, b has "
            "m entries (the text says n), A maps Rⁿ to Rᵐ. Mind the sign: the text subtracts b, libraries "
            "add it, so biases change sign on the way to them.",
            "A notação funciona, para σ ponto a ponto e outras, corrigidas as dimensões: W é m × n, b tem m "
            "entradas (o texto diz n), A leva Rⁿ a Rᵐ. Atenção ao sinal: o texto subtrai b, as bibliotecas "
            "somam; os vieses trocam de sinal ao passar para elas.",
        ),
        pictures=(_drawn(), _differences(labels, errors)),
    )  # fmt: skip


def _differences(labels: tuple[Words, ...], errors: list[float]) -> Plot:
    return Plot(
        Words("Difference from a plain loop", "Diferença para um laço simples"),
        Words(
            "The largest over random networks and inputs, float64.",
            "A maior sobre redes e entradas sorteadas, float64.",
        ),
        Axis(Words("σ beside tanh", "σ além de tanh"), names=labels),
        Axis(Words("largest difference", "maior diferença"), log=True, range=(1e-17, 1e-11)),
        (
            series(
                Words(
                    "difference",
                    "diferença",
                ),
                range(len(errors)),
                np.maximum(errors, 1e-17),
                "measured",
                "points",
            ),
        ),
    )


def _drawn() -> Diagram:
    """x, A₁ and σ₁ on three units, max-pooling to one, A₂."""
    nodes = [Node(f"x{k}", 0.05, y, "rest") for k, y in (("₁", 0.75), ("₂", 0.25))]
    nodes += [Node("A₁", 0.35, y) for y in (0.9, 0.5, 0.1)]
    nodes += [Node("max", 0.65, 0.5, "second"), Node("A₂", 0.95, 0.8, "good"), Node("A₂", 0.95, 0.2, "good")]
    links = [(k, unit, "") for unit in (2, 3, 4) for k in (0, 1)]
    links += [(unit, 5, "") for unit in (2, 3, 4)] + [(5, 6, ""), (5, 7, "")]
    return Diagram(
        Words("f = A₂ σ₁ A₁ with σ₁ = max", "f = A₂ σ₁ A₁ com σ₁ = max"),
        Words(
            "A₁ maps R² to R³, max-pooling takes the largest of three, A₂ maps R¹ to R².",
            "A₁ leva R² a R³, o max-pooling toma o maior de três, A₂ leva R¹ a R².",
        ),
        tuple(nodes),
        tuple(links),
    )


EXPERIMENT = Experiment(
    title=Words("Networks in the text's notation", "Redes na notação do texto"),
    claim=Words(
        "A feed-forward network is f = σₙAₙ…σ₁A₁ with A x = W x − b and any nonlinear σ: point-wise, "
        "max-pooling, or softmax.",
        "Uma rede feedforward é f = σₙAₙ…σ₁A₁ com A x = W x − b e σ não linear qualquer: ponto a ponto, "
        "max-pooling ou softmax.",
    ),
    source=Words(
        "“O poder da aprendizagem profunda”, equation (1) and the choices of σ",
        "“O poder da aprendizagem profunda”, equação (1) e as escolhas de σ",
    ),
    prediction=Words(
        "Equal to loops over units up to rounding, 10⁻¹² in float64; a stable softmax sums to 1 at any size "
        "of its inputs.",
        "Igual a laços sobre unidades a menos de arredondamento, 10⁻¹² em float64; uma softmax estável soma "
        "1 com entradas de qualquer tamanho.",
    ),
    measure=measure,
    rows=("S8",),
)
