"""Given ε and R: a gate within ε of the product on [−R, R]², or the news that this precision has none."""

import numpy as np
import torch

from profunda import ArgumentError
from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Heat, Plot, Role, Series, series
from profunda.lab.words import Words, said
from profunda.theory import gate_within, multiplication_gate

_ROLES: tuple[Role, ...] = ("good", "measured", "bad")
_KINDS = (("gelu", torch.float64), ("softplus", torch.float64), ("gelu", torch.float32))


def _scale(name: str, error: float, radius: float, dtype: torch.dtype) -> tuple[float, float] | None:
    """λ of the gate that was found and its error at points of its own, or None where there is none."""
    try:
        gate = gate_within(name, error, radius, dtype)
    except ArgumentError:
        return None
    points = (torch.rand(4000, 2, dtype=dtype, generator=torch.Generator().manual_seed(3)) * 2 - 1) * radius
    with torch.no_grad():
        found = gate.module(dtype)(points)[:, 0].double()
    return gate.scale, float((found - points.double().prod(1)).abs().max())


def verdict(kept: bool, refused: int, floors_fit: bool) -> Verdict:
    """`kept`: every gate was within its ε; `refused`: pairs (ε, R) without a gate; `floors_fit`: the least ε
    reached lies within a factor of 10 of the formula's floor."""
    if not kept or not floors_fit:
        return "wrong"
    return "holds" if refused == 0 else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Gates asked for on a grid of ε and R, in two precisions."""
    radii = np.logspace(0, 2, 2) if quick else np.logspace(-1, 2, 4)
    wanted = np.logspace(-14, -1, 14 if quick else 27)
    tables = {
        kind: [[_scale(kind[0], float(e), float(r), kind[1]) for r in radii] for e in wanted]
        for kind in _KINDS
    }
    gates = [(found, float(e)) for table in tables.values() for row, e in zip(table, wanted, strict=True)
             for found in row if found is not None]  # fmt: skip
    refused = sum(found is None for table in tables.values() for row in table for found in row)
    least = {kind: _least(table, wanted) for kind, table in tables.items()}
    floors = {(name, dtype): [multiplication_gate(name, radius=float(r), dtype=dtype).floor(float(r), dtype)
                              for r in radii] for name, dtype in _KINDS}  # fmt: skip
    ratios = np.array([np.array(least[kind]) / np.array(floors[kind]) for kind in _KINDS])
    fit = bool(np.nanmax(np.abs(np.log10(ratios))) < 1.0)
    at_one = int(np.argmin(np.abs(radii - 1.0)))
    return Outcome(
        headline=Words("least ε reached ÷ the formula's floor", "menor ε alcançado ÷ piso da fórmula"),
        predicted=None,  # a gate keeps to ¾ of its ε, and ε is tried in half decades: 1 to 5
        value=float(np.exp(np.nanmean(np.log(ratios)))),
        interval=(float(np.nanmin(ratios)), float(np.nanmax(ratios))),
        measured=said(
            "Of {0} pairs of ε and R {1} got a gate, each within its ε at 4,000 points of its own; {2} have "
            "none. For R ≈ 1 the least ε is {3} (gelu), {4} (softplus), {5} (gelu in float32).",
            "De {0} pares de ε e R, {1} receberam uma porta, cada uma dentro do seu ε em 4.000 pontos "
            "próprios; {2} não têm nenhuma. Para R ≈ 1 o menor ε é {3} (gelu), {4} (softplus), {5} (gelu em "
            "float32).",
            len(gates) + refused, len(gates), refused, *(least[kind][at_one] for kind in _KINDS),
        ),
        verdict=verdict(all(found[1] < e for found, e in gates), refused, fit),
        statement=said(
            "For every ε above about {0}·R² (GELU) or {1}·R² (softplus) float64 has a gate, and λ follows "
            "from ε, R and σ. Below that no λ does: the theorem speaks of real numbers.",
            "Para todo ε acima de cerca de {0}·R² (GELU) ou {1}·R² (softplus) há uma porta em float64, e λ "
            "sai de ε, R e σ. Abaixo disso nenhum λ serve: o teorema fala de números reais.",
            least[_KINDS[0]][at_one], least[_KINDS[1]][at_one],
        ),
        pictures=(_floors(radii, least, floors), _map(radii, wanted, tables[_KINDS[0]])),
    )  # fmt: skip


def _least(table: list[list[tuple[float, float] | None]], wanted: np.ndarray) -> list[float]:
    """The least ε with a gate, for each R."""
    return [
        min((float(e) for e, row in zip(wanted, table, strict=True) if row[k] is not None), default=np.nan)
        for k in range(len(table[0]))
    ]


def _floors(
    radii: np.ndarray,
    least: dict[tuple[str, torch.dtype], list[float]],
    floors: dict[tuple[str, torch.dtype], list[float]],
) -> Plot:
    lines: list[Series] = []
    for (name, dtype), role in zip(_KINDS, _ROLES, strict=True):
        text = f"{name}, {str(dtype).removeprefix('torch.')}"
        lines.append(series(Words(text, text), radii, least[name, dtype], role, "both"))
        words = Words("formula", "fórmula") if len(lines) == 1 else Words("", "")
        lines.append(series(words, radii, floors[name, dtype], "theory"))
    return Plot(
        Words("Least error that can be had", "Menor erro possível"),
        Words(
            "The smallest ε for which a gate was found on [−R, R]², beside the formula's floor. Where a "
            "point is missing, there is none even for ε = 0.1.",
            "O menor ε para o qual se achou uma porta em [−R, R]², ao lado do piso da fórmula. Onde falta "
            "um ponto, não há porta nem para ε = 0,1.",
        ),
        Axis(Words("R, of the square [−R, R]²", "R, do quadrado [−R, R]²"), log=True),
        Axis(Words("least ε", "menor ε"), log=True),
        tuple(lines),
    )


def _map(radii: np.ndarray, wanted: np.ndarray, table: list[list[tuple[float, float] | None]]) -> Heat:
    z = tuple(tuple(None if found is None else found[0] for found in row) for row in table)
    return Heat(
        Words("λ for a given ε and R (gelu, float64)", "λ para ε e R dados (gelu, float64)"),
        Words(
            "Without colour: no gate of four units reaches this ε.",
            "Sem cor: nenhuma porta de quatro unidades alcança este ε.",
        ),
        Axis(Words("log₁₀ R", "log₁₀ R")),
        Axis(Words("log₁₀ ε", "log₁₀ ε")),
        Words("λ", "λ"),
        tuple(np.log10(radii).tolist()),
        tuple(np.log10(wanted).tolist()),
        z,
        log=True,
    )


EXPERIMENT = Experiment(
    title=Words("A gate for a given ε and R", "Uma porta para ε e R dados"),
    claim=Words(
        "Given ε > 0 there are A₁ and A₂ with |f(x) − uv| < ε for u and v in any compact set.",
        "Dado ε > 0 existem A₁ e A₂ tais que |f(x) − uv| < ε para u e v em um compacto qualquer.",
    ),
    source=Words(
        "“O poder da aprendizagem profunda”, theorem on the multiplication gate",
        "“O poder da aprendizagem profunda”, teorema da porta de multiplicação",
    ),
    prediction=Words(
        "In exact arithmetic always. In floating point ε cannot be below about 2√(δ|σσ⁗|/3)/|σ″|·R² at the "
        "best λ, δ the unit of rounding (our derivation from Taylor's formula); where σ(c) = 0, as for "
        "GELU, it is a thousand times lower.",
        "Em aritmética exata, sempre. Em ponto flutuante ε não pode ser menor que cerca de "
        "2√(δ|σσ⁗|/3)/|σ″|·R² no melhor λ, δ a unidade de arredondamento (derivação nossa pela fórmula de "
        "Taylor); onde σ(c) = 0, como na GELU, o piso é mil vezes mais baixo.",
    ),
    measure=measure,
    rows=("U6",),
)
