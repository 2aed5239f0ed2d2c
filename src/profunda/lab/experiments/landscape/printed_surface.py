"""The formula of the loss surface as it is printed: poles, jumps, and no value at one of its own points."""

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Heat, Mark, Plot, Spot, series
from profunda.lab.words import Words, said
from profunda.theory import landscape, marked_points, printed_landscape

_STEP = 1e-6
_SHOWN = 1.0  # the colours end here; poles go on for ever


def verdict(values: list[float], beside_pole: float, jump: float) -> Verdict:
    """Values at the five points, next to x = π/2, and the difference across x = 0.

    A surface to search on has a value at every point, and none that grows without bound.
    """
    whole = all(np.isfinite(each) for each in values)
    if whole and abs(beside_pole) < 1e3 and abs(jump) < 1e-3:
        return "holds"
    return "holds with conditions" if whole else "wrong"


def measure(quick: bool) -> Outcome:
    """The formula at the marked points, beside a pole, across a jump, and on the square."""
    values = [float(printed_landscape(*point)) for point in marked_points()]
    before, after = (float(printed_landscape(np.pi / 2 + side * _STEP, 1.0)) for side in (-1.0, 1.0))
    jump = float(printed_landscape(_STEP, 1.0) - printed_landscape(-_STEP, 1.0))
    predicted = np.sin(1.5 * np.pi) / (0.5 * np.pi + 1.5) / _STEP
    surface = landscape("printed", 79)
    shown = np.clip(surface.values, -_SHOWN, _SHOWN)
    rows = tuple(tuple(None if np.isnan(v) else float(v) for v in row) for row in shown)
    x = np.linspace(-2.2, 2.2, 401)
    cut = printed_landscape(x, 1.0)
    near = np.abs(cut) < 11.0  # false at the one place without value, too
    return Outcome(
        headline=Words("value at x = π/2 − 10⁻⁶, y = 1", "valor em x = π/2 − 10⁻⁶, y = 1"),
        predicted=float(predicted),
        value=before,
        interval=(1.01 * before, 0.99 * before),
        measured=said(
            "At the five points: {0}, {1}, no value, {2}, {3}. One millionth before x = π/2 the surface is "
            "at {4}, one millionth after at {5}; across x = 0 it jumps by {6} for y = 1.",
            "Nos cinco pontos: {0}, {1}, nenhum valor, {2}, {3}. Um milionésimo antes de x = π/2 a "
            "superfície está em {4}, um milionésimo depois em {5}; ao cruzar x = 0 ela salta {6} para y = 1.",
            values[0], values[1], values[3], values[4], before, after, jump,
        ),
        verdict=verdict(values, before, jump),
        statement=Words(
            "As printed the formula is no loss: sin x cos x stands below the line, so it has poles at x = "
            "π/2 + kπ, jumps at x = 0 from −2|y| to 2|y|, and is 0/0 at the point (0, 0) that "
            "the text marks. And √(x²y²) is |xy|, so it is not round. See the regular reading for what may "
            "have been meant.",
            "Como impressa, a fórmula não é uma perda: sen x cos x está no denominador; ela tem polos em x "
            "= π/2 + kπ, salta em x = 0 de −2|y| a 2|y|, e é 0/0 no ponto (0, 0) que o texto "
            "marca. E √(x²y²) é |xy|; logo não é radial. Veja na leitura regular o que pode ter sido "
            "pretendido.",
        ),
        pictures=(
            Heat(
                Words("The formula as printed", "A fórmula como impressa"),
                Words(
                    "Colours end at ±1; none where there is no value. The five "
                    "points are those that the text marks.",
                    "As cores terminam em ±1; sem cor onde não há valor. Os cinco pontos são "
                    "os que o texto marca.",
                ),
                Axis(Words("x, first parameter", "x, primeiro parâmetro")),
                Axis(Words("y, second parameter", "y, segundo parâmetro")),
                Words("loss", "perda"),
                tuple(surface.x.tolist()),
                tuple(surface.y.tolist()),
                rows,
                spots=tuple(Spot(said("{0}", "{0}", round(a)), a, b) for a, b in marked_points()),
            ),
            Plot(
                Words("A cut at y = 1", "Um corte em y = 1"),
                Words(
                    "It jumps at 0 and grows without bound towards ±π/2.",
                    "Salta em 0 e cresce sem limite perto de ±π/2.",
                ),
                Axis(Words("x", "x")),
                Axis(Words("loss", "perda"), range=(-12.0, 17.0)),
                (series(Words(
                    "printed formula",
                    "fórmula impressa",
                ), x[near], cut[near], "bad", "points"),),
                marks=(Mark(Words("π/2", "π/2"), x=np.pi / 2), Mark(Words("−π/2", "−π/2"), x=-np.pi / 2)),
            ),
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("A loss surface with poles", "Uma superfície de perda com polos"),
    claim=Words(
        "The loss over two parameters can be expressed by ls = sin(3√(x²y²)) / ((√(x²y²) + 1.5) sin x cos "
        "x); five configurations on the diagonal have their places on it.",
        "A perda sobre dois parâmetros pode ser expressa por ls = sen(3√(x²y²)) / ((√(x²y²) + 1,5) sen x "
        "cos x); cinco configurações na diagonal têm nela os seus lugares.",
    ),
    source=Words(
        "“Teoria de Deep Learning”, section 9.2, figures 1 and 2",
        "“Teoria de Deep Learning”, seção 9.2, figuras 1 e 2",
    ),
    prediction=Words(
        "sin x cos x = 0 at every multiple of π/2: near x = π/2, for y = 1, the value is −1/((π/2 + "
        "1.5)·(π/2 − x)), so −3.26·10⁵ one millionth before it.",
        "sen x cos x = 0 em todo múltiplo de π/2: perto de x = π/2, com y = 1, o valor é −1/((π/2 + "
        "1,5)·(π/2 − x)), ou seja, −3,26·10⁵ um milionésimo antes.",
    ),
    measure=measure,
    errata=("E10",),
    rows=("U1",),
)
