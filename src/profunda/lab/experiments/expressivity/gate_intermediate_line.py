"""The proof of the multiplication gate: a lost factor ½ in its middle line, and an error of another order."""

from fractions import Fraction

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import derivative, multiplication_gate

_ACTIVATION = "softplus"


def middle_line(u: Fraction, v: Fraction) -> Fraction:
    """The text's second line without its O((u + v)³): the sum of squares over 4, σ″ cancelled."""
    return ((u + v) ** 2 + (-u - v) ** 2 - (u - v) ** 2 - (v - u) ** 2) / Fraction(4)


def verdict(ratio: Fraction, order: float, on_antidiagonal: float) -> Verdict:
    """`ratio` of the middle line to uv; order of the error in the size of (u, v); error at v = −u.

    A remainder O((u + v)³) must vanish where u + v = 0 and be of order 3.
    """
    bounded = on_antidiagonal < 1e-12
    if ratio == 1 and bounded and abs(order - 3.0) < 0.1:
        return "holds"
    return "holds with conditions" if ratio == 1 else "wrong"


def _errors(sizes: np.ndarray, angle: float) -> np.ndarray:
    """|m − uv| of the gate with λ = 1 at (u, v) = r(cos, sin)."""
    u, v = sizes * np.cos(angle), sizes * np.sin(angle)
    module = multiplication_gate(_ACTIVATION, scale=1.0, radius=1.0).module()
    with torch.no_grad():
        found = module(torch.from_numpy(np.stack([u, v], 1)))[:, 0].numpy()
    return np.abs(found - u * v)


def measure(quick: bool) -> Outcome:
    """The middle line in rational numbers; the error on three rays of the (u, v) plane."""
    random = np.random.default_rng(5)
    pairs = [(Fraction(int(a), 7), Fraction(int(b), 11)) for a, b in random.integers(1, 50, (20, 2))]
    ratios = {middle_line(u, v) / (u * v) for u, v in pairs}
    ratio = ratios.pop() if len(ratios) == 1 else Fraction(0)
    sizes = np.logspace(-1, 0, 9 if quick else 17)
    rays = {angle: _errors(sizes, np.deg2rad(angle)) for angle in (45.0, 20.0, -45.0)}
    slopes = [float(np.polyfit(np.log(sizes[:5]), np.log(each[:5]), 1)[0]) for each in rays.values()]
    order, against = float(np.mean(slopes)), float(rays[-45.0][-1])
    fourth, second = (float(derivative(_ACTIVATION, k, 0.0)) for k in (4, 2))
    leading = abs(fourth / second) / 12.0 * sizes**4  # |uv|(u² + v²)|σ⁗/σ″|/6 at v = ±u
    return Outcome(
        headline=Words("middle line ÷ uv", "linha do meio ÷ uv"),
        predicted=2.0,
        value=float(ratio),
        interval=(float(ratio), float(ratio)),
        measured=said(
            "As printed the middle line equals {0}·uv for every u and v. The error grows as the power {1} of "
            "the size of (u, v), and at v = −u, where (u + v)³ = 0, it is {2} for u² + v² = 1.",
            "Como impressa, a linha do meio vale {0}·uv para quaisquer u e v. O erro cresce como a potência "
            "{1} do tamanho de (u, v), e em v = −u, onde (u + v)³ = 0, é {2} para u² + v² = 1.",
            str(ratio), order, against,
        ),
        verdict=verdict(ratio, order, against),
        statement=said(
            "The middle line has lost a factor ½: (σ″/2)·8uv/(4σ″) = uv. And the remainder is smaller than "
            "said and of another form: odd orders cancel for any bias, m = uv[1 + σ⁗(u² + v²)/(6σ″) + …], "
            "fourth order in all (measured {0}); no bound by (u + v)³ is possible, since that is 0 at v = "
            "−u.",
            "A linha do meio perdeu um fator ½: (σ″/2)·8uv/(4σ″) = uv. E o resto é menor do que se diz e de "
            "outra forma: as ordens ímpares se cancelam para qualquer viés, m = uv[1 + σ⁗(u² + v²)/(6σ″) + "
            "…], ao todo de quarta ordem (medido {0}); nenhuma cota por (u + v)³ é possível, pois esse termo "
            "é 0 em v = −u.",
            order,
        ),
        pictures=(_rays(sizes, rays, leading),),
    )  # fmt: skip


def _rays(sizes: np.ndarray, rays: dict[float, np.ndarray], leading: np.ndarray) -> Plot:
    return Plot(
        Words("Error of the gate along three rays", "Erro da porta ao longo de três raios"),
        Words(
            "Softplus, λ = 1. All rays rise with the power 4, also v = −u, where (u + v)³ is 0.",
            "Softplus, λ = 1. Todos os raios sobem com a potência 4, também v = −u, onde (u + v)³ é 0.",
        ),
        Axis(Words("√(u² + v²)", "√(u² + v²)"), log=True),
        Axis(Words("|m(u, v) − uv|", "|m(u, v) − uv|"), log=True),
        (
            series(Words("v = u", "v = u"), sizes, rays[45.0], "measured"),
            series(Words("v = 0.36 u", "v = 0,36 u"), sizes, rays[20.0], "second"),
            series(Words("v = −u", "v = −u"), sizes, rays[-45.0], "bad", "points"),
            series(Words("formula, power 4", "fórmula, potência 4"), sizes, leading, "theory"),
            series(
                Words("text, v = u: power 3", "texto, v = u: potência 3"),
                sizes,
                leading[-1] * sizes**3,
                "rest",
            ),
        ),
    )


EXPERIMENT = Experiment(
    title=Words("The middle line of a proof", "A linha do meio de uma prova"),
    claim=Words(
        "m(u, v) = σ″(0)[(u+v)² + (−u−v)² − (u−v)² − (v−u)² + O((u+v)³)]/(4σ″(0)) = uv + O((u+v)³).",
        "m(u, v) = σ″(0)[(u+v)² + (−u−v)² − (u−v)² − (v−u)² + O((u+v)³)]/(4σ″(0)), igual a uv + O((u+v)³).",
    ),
    source=Words(
        "“O poder da aprendizagem profunda”, proof of the multiplication gate",
        "“O poder da aprendizagem profunda”, prova da porta de multiplicação",
    ),
    prediction=Words(
        "The bracket is 8uv, so the line equals 2uv; Taylor's formula has σ″/2. The error is "
        "uv·σ⁗(u² + v²)/(6σ″) to leading order: fourth order, also at v = −u (Taylor's formula; Lin, Tegmark "
        "and Rolnick 2017 have uv(1 + O(u² + v²))).",
        "O colchete é 8uv; logo a linha vale 2uv; a fórmula de Taylor tem σ″/2. O erro é uv·σ⁗(u² + "
        "v²)/(6σ″) em primeira aproximação: quarta ordem, também em v = −u (fórmula de Taylor; Lin, Tegmark "
        "e Rolnick 2017 têm uv(1 + O(u² + v²))).",
    ),
    measure=measure,
    errata=("E7", "E8"),
    rows=("U6",),
)
