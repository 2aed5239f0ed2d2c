"""Four hidden units multiply: the error falls as the square of λ, until rounding takes over."""

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Diagram, Node, Plot, Series, Slider, series
from profunda.lab.words import Words, said
from profunda.theory import ProductGate
from profunda.theory import multiplication_gate as gate_of

_GATES = ("softplus", "gelu", "silu", "tanh", "sigmoid")
_SHOWN = (1.0, 0.7, 0.5, 0.3, 0.1)


def verdict(orders: list[float], agreement: list[float], floors: list[float]) -> Verdict:
    """Orders of the error in λ, measured error ÷ formula at λ = 0.01, and the least error of each gate.

    Exact multiplication would need floors of rounding itself, 1e-15; order 2 is asked for to ±0.02 and the
    formula to 1 %.
    """
    if any(abs(order - 2.0) > 0.02 for order in orders) or any(abs(r - 1.0) > 0.01 for r in agreement):
        return "wrong"
    return "holds" if max(floors) < 1e-15 else "holds with conditions"


def _order(gate: ProductGate) -> float:
    return float(np.log10(gate.at_scale(0.1).error() / gate.at_scale(0.01).error()))


def measure(quick: bool) -> Outcome:
    """The gate of five activations on [−1, 1]², from λ = 1 down to 10⁻⁷."""
    gates = {name: gate_of(name) for name in _GATES}
    scales = np.logspace(0, -7, 15 if quick else 29)
    errors = {
        name: np.array([gate.at_scale(float(s)).error() for s in scales]) for name, gate in gates.items()
    }
    orders = [_order(gate) for gate in gates.values()]
    agreement = [gate.at_scale(0.01).error() / gate.at_scale(0.01).truncation() for gate in gates.values()]
    floors = [float(each.min()) for each in errors.values()]
    mean = float(np.mean(orders))
    return Outcome(
        headline=Words("order of the error in λ, mean of five", "ordem do erro em λ, média de cinco"),
        predicted=2.0,
        value=mean,
        interval=(min(orders), max(orders)),
        measured=said(
            "The error falls as λ to a power that differs from 2 by {0} at most, and at λ = 0.01 it is "
            "within {1} % of the formula. In float64 it can be made as small as {2} (gelu), {3} (silu), "
            "{4} (softplus), {5} (tanh), not smaller.",
            "O erro cai como λ elevado a uma potência que difere de 2 em no máximo {0}, e em λ = 0,01 "
            "difere da fórmula em no máximo {1} %. Em float64 pode chegar a {2} (gelu), {3} (silu), {4} "
            "(softplus), {5} (tanh), não menos.",
            max(abs(order - 2.0) for order in orders), 100.0 * max(abs(r - 1.0) for r in agreement),
            floors[1], floors[2], floors[0], floors[3],
        ),
        verdict=verdict(orders, agreement, floors),
        statement=Words(
            "True for real numbers: four units of a smooth activation that bends at the common bias "
            "multiply as well as one likes, with error λ²|σ⁗/σ″|R⁴/3 on [−R, R]². On a computer a small λ "
            "loses digits: each activation has a least error, about 10⁻¹¹ for GELU and SiLU and 10⁻⁸ for "
            "the others.",
            "Verdade para números reais: quatro unidades de uma ativação suave que se curva no viés comum "
            "multiplicam tão bem quanto se queira, com erro λ²|σ⁗/σ″|R⁴/3 em [−R, R]². No computador um λ "
            "pequeno perde algarismos: cada ativação tem um erro mínimo, cerca de 10⁻¹¹ para GELU e SiLU e "
            "10⁻⁸ para as outras.",
        ),
        pictures=(_errors(gates, scales, errors), _parabolas(gates["softplus"]), _drawn()),
    )  # fmt: skip


def _errors(gates: dict[str, ProductGate], scales: np.ndarray, errors: dict[str, np.ndarray]) -> Plot:
    lines: list[Series] = []
    for name, role in (("gelu", "good"), ("softplus", "measured"), ("tanh", "bad")):
        lines.append(series(Words(name, name), scales, errors[name], role))
        theory = [gates[name].at_scale(float(s)).predicted_error() for s in scales]
        words = Words("formula", "fórmula") if name == "gelu" else Words("", "")
        lines.append(series(words, scales, theory, "theory"))
    return Plot(
        Words("Error of the gate by λ", "Erro da porta por λ"),
        Words(
            "Largest |m(u, v) − uv| on [−1, 1]². To the right the formula's λ², to the left rounding.",
            "Maior |m(u, v) − uv| em [−1, 1]². À direita o λ² da fórmula, à esquerda o arredondamento.",
        ),
        Axis(Words("λ", "λ"), log=True),
        Axis(Words("largest error", "maior erro"), log=True),
        tuple(lines),
    )


def _parabolas(gate: ProductGate) -> Plot:
    """m(u, u) beside u², a slider position for each λ."""
    u = np.linspace(-3.0, 3.0, 61)
    pairs = torch.from_numpy(np.stack([u, u], 1))
    lines = [series(Words("u·u", "u·u"), u, u * u, "theory")]
    for step, scale in enumerate(_SHOWN):
        with torch.no_grad():
            found = gate.at_scale(scale).module()(pairs)[:, 0].numpy()
        lines.append(series(Words("gate m(u, u)", "porta m(u, u)"), u, found, "measured", step=step))
    return Plot(
        Words("The gate squares a number", "A porta eleva um número ao quadrado"),
        Words(
            "Softplus units. The smaller λ, the further out the gate follows u·u.",
            "Unidades softplus. Quanto menor λ, mais longe a porta segue u·u.",
        ),
        Axis(Words("u", "u")),
        Axis(Words("output", "saída"), range=(0.0, 10.0)),
        tuple(lines),
        slider=Slider(Words("λ", "λ"), tuple(Words(f"{s:g}", f"{s:g}".replace(".", ",")) for s in _SHOWN)),
    )


def _drawn() -> Diagram:
    """The figure of the text: u and v, four units, μ = 1/(4λ²σ″)."""
    ys = (0.96, 0.65, 0.35, 0.04)
    nodes = [Node("u", 0.05, 0.75, "rest"), Node("v", 0.05, 0.25, "rest")]
    nodes += [Node("σ", 0.5, y) for y in ys]
    nodes.append(Node("u·v", 0.95, 0.5, "good"))
    signs = (("λ", "λ"), ("−λ", "−λ"), ("λ", "−λ"), ("−λ", "λ"))
    links = [(source, 2 + unit, signs[unit][source]) for unit in range(4) for source in (0, 1)]
    links += [(2 + unit, 6, text) for unit, text in enumerate(("μ", "μ", "−μ", "−μ"))]
    return Diagram(
        Words("The gate as a network", "A porta como rede"),
        Words(
            "Weights λ and −λ into four units with one bias; μ = 1/(4λ²σ″) out of them.",
            "Pesos λ e −λ para quatro unidades com um mesmo viés; μ = 1/(4λ²σ″) na saída.",
        ),
        tuple(nodes),
        tuple(links),
    )


EXPERIMENT = Experiment(
    title=Words("A gate that multiplies", "Uma porta que multiplica"),
    claim=Words(
        "A network of 2 inputs, 4 hidden units and 1 output can multiply two numbers of any bounded region "
        "as exactly as one likes: λA₁ and λ⁻²A₂ make the estimate as good as desired.",
        "Uma rede com 2 entradas, 4 unidades ocultas e 1 saída multiplica dois números de uma região "
        "limitada qualquer tão exatamente quanto se queira: λA₁ e λ⁻²A₂ tornam a estimativa tão boa quanto "
        "desejado.",
    ),
    source=Words(
        "“O poder da aprendizagem profunda”, theorem on the multiplication gate, its proof and its figure",
        "“O poder da aprendizagem profunda”, teorema da porta de multiplicação, sua prova e sua figura",
    ),
    prediction=Words(
        "By Taylor's formula the error on [−1, 1]² is λ²|σ⁗(c)/σ″(c)|/3, of order 2 in λ (after Lin, Tegmark "
        "and Rolnick 2017). Rounding, by a share δ, adds δ|σ(c)/σ″(c)|/λ², so the error "
        "has a least value above 0.",
        "Pela fórmula de Taylor o erro em [−1, 1]² é λ²|σ⁗(c)/σ″(c)|/3, de ordem 2 em λ (a partir de Lin, "
        "Tegmark e Rolnick 2017). O arredondamento, de uma fração δ, soma δ|σ(c)/σ″(c)|/λ²; logo o "
        "erro tem um mínimo maior que 0.",
    ),
    measure=measure,
    rows=("U6",),
)
