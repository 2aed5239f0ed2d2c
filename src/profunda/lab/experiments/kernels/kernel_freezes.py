"""The tangent kernel moves less and less during training as the width grows: no features are learned."""

from dataclasses import dataclass

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.kernels._axes import DRIFT, NTK_SECTION, WIDTH
from profunda.lab.experiments.kernels._laws import Law, band, power_law
from profunda.lab.experiments.kernels._runs import run
from profunda.lab.pictures import Plot, Role, series
from profunda.lab.words import Words, said

_WIDTHS, _DEPTH = (32, 64, 128, 256), 2
_ROLES: tuple[Role, ...] = ("measured", "bad")
_SLOPES = {"tanh": (-1.05, -0.85), "relu": (-0.9, -0.55)}


@dataclass(frozen=True)
class Freezing:
    """Kernel drifts of one activation by width, [M] each, and their power law."""

    activation: str
    drifts: tuple[np.ndarray, ...]
    law: Law

    @property
    def expected(self) -> bool:
        """Whether the exponent's interval meets the range that theory and earlier runs give."""
        low, high = _SLOPES[self.activation]
        return self.law.low <= high and self.law.high >= low


def freezing(activation: str, networks: int) -> Freezing:
    """Two hidden layers, four widths."""
    found = tuple(
        run(activation, [h] * _DEPTH, max(8, networks * 128 // h), h).drift for h in _WIDTHS
    )  # fmt: skip
    return Freezing(activation, found, power_law(_WIDTHS, found))


def judge(found: list[Freezing]) -> Verdict:
    """The drift must fall for every activation, and as fast as expected."""
    if any(each.law.high >= 0.0 for each in found):
        return "wrong"
    return "holds" if all(each.expected for each in found) else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Drift of the kernel of tanh and ReLU networks from 32 to 256 units."""
    found = [freezing(activation, 10 if quick else 120) for activation in ("tanh", "relu")]
    tanh, relu = found
    return Outcome(
        headline=Words(
            "exponent of the width in the kernel drift, tanh",
            "expoente da largura na mudança do núcleo, tanh",
        ),
        predicted=-1.0,
        value=tanh.law.slope,
        interval=tanh.law.interval,
        measured=said(
            "Drift of tanh from {0} at 32 units to {1} at 256, exponent {2}; ReLU from {3} to {4}, exponent "
            "{5} ({6} to {7}).",
            "Mudança da tanh de {0} com 32 unidades a {1} com 256, expoente {2}; ReLU de {3} a {4}, expoente "
            "{5} ({6} a {7}).",
            float(np.median(tanh.drifts[0])), float(np.median(tanh.drifts[-1])), tanh.law.slope,
            float(np.median(relu.drifts[0])), float(np.median(relu.drifts[-1])), *(
                relu.law.slope, relu.law.low, relu.law.high),
        ),
        verdict=judge(found),
        statement=Words(
            "In the NTK parametrisation, with data and steps kept, the kernel freezes as widths grow: like "
            "1/H for smooth activations, more slowly for ReLU, whose units switch on and off. A kernel that "
            "stays means features that stay.",
            "Na parametrização NTK, com dados e passos mantidos, o núcleo congela quando as larguras "
            "crescem: como 1/H para ativações suaves, mais devagar para ReLU, cujas unidades ligam e "
            "desligam. Um núcleo que fica significa características que ficam.",
        ),
        pictures=(_picture(found),),
    )  # fmt: skip


def _picture(found: list[Freezing]) -> Plot:
    drawn = []
    for each, role in zip(found, _ROLES, strict=True):
        name = "ReLU" if each.activation == "relu" else each.activation
        middle = [float(np.median(values)) for values in each.drifts]
        drawn.append(series(Words(name, name), _WIDTHS, middle, role, "both", band(each.drifts)))
    start = float(np.median(found[0].drifts[0]))
    drawn.append(series(Words("∝ 1/H", "∝ 1/H"), _WIDTHS, [start * 32 / h for h in _WIDTHS], "theory"))
    return Plot(
        Words(
            "How far the kernel moves until the loss is 1/1000", "Quanto o núcleo muda até a perda ser 1/1000"
        ),
        Words(
            "Medians over networks of two hidden layers, with 95 % bands.",
            "Medianas sobre redes de duas camadas ocultas, com faixas de 95 %.",
        ),
        WIDTH,
        DRIFT,
        tuple(drawn),
    )


EXPERIMENT = Experiment(
    title=Words("The kernel freezes", "O núcleo congela"),
    claim=Words(
        "Wide networks tend to a linear model with a constant Jacobian, which rules out feature learning.",
        "Redes largas tendem a um modelo linear de jacobiana constante, o que afasta o aprendizado de "
        "características.",
    ),
    source=NTK_SECTION,
    prediction=Words(
        "‖Θₜ − Θ₀‖/‖Θ₀‖ falls like 1/H for smooth activations (Lee et al. 2019): an exponent from −1.05 "
        "to −0.85 for tanh; from −0.9 to −0.55 for ReLU, measured before.",
        "‖Θₜ − Θ₀‖/‖Θ₀‖ cai como 1/H para ativações suaves (Lee et al. 2019): expoente de −1,05 a −0,85 "
        "para tanh; de −0,9 a −0,55 para ReLU, medido antes.",
    ),
    measure=measure,
    rows=("U3",),
)
