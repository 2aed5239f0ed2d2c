"""The textbook's table of coefficients, recomputed: its first column is right, two labels are not."""

import math

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Mark, Plot, Slider, series
from profunda.lab.words import Words, localised, said
from profunda.theory import (
    coefficient_table,
    fit_polynomial,
    matching_strengths,
    printed_coefficients,
    rounding_reach,
    ten_points,
)

_LABELS = (-18.0, 0.0)
_ROUNDED = 5e-7  # the ten targets have six decimals
Interval = tuple[float, float] | None


def verdict(first: bool, intervals: tuple[Interval, ...], shrinks: bool) -> Verdict:
    """`first`: rounding explains column −∞; `intervals`: λ at which the other columns are solutions."""
    labelled = all(
        found is not None and found[0] <= math.exp(label) <= found[1]
        for label, found in zip(_LABELS, intervals, strict=True)
    )
    if first and labelled and shrinks:
        return "holds"
    return "wrong"


def measure(quick: bool) -> Outcome:
    """The ten coefficients for each λ, and the λ for which the printed ones are solutions."""
    x, _ = ten_points()
    table = coefficient_table((0.0, math.exp(-18.0), 1.0))
    printed = np.array([printed_coefficients(label) for label in (-math.inf, *_LABELS)])
    reach = rounding_reach(x, 9, _ROUNDED) + 0.005
    first = bool((np.abs(table.weights[0] - printed[0]) <= reach).all())
    agree = table.agrees(printed).sum(1)
    intervals = tuple(matching_strengths(printed_coefficients(label)) for label in _LABELS)
    middles = [math.sqrt(a * b) for a, b in (found or (math.nan, math.nan) for found in intervals)]
    shrinks = bool((np.diff(table.norms) < 0).all())
    factors = [middle / math.exp(label) for middle, label in zip(middles, _LABELS, strict=True)]
    ends = intervals[1] or (math.nan, math.nan)
    return Outcome(
        headline=Words("λ of the column labelled ln λ = 0", "λ da coluna com rótulo ln λ = 0"),
        predicted=1.0,
        value=middles[1],
        interval=ends,
        measured=said(
            "Column −∞: all ten within what rounding of the data allows. With the printed labels only {0} "
            "and {1} of the ten entries of the other two agree. All ten agree at λ = {2} ({3} times e⁻¹⁸) "
            "and at λ = {4} ({5} times 1). ‖w‖ falls: {6}, {7}, {8}.",
            "Coluna −∞: todos os dez dentro do que o arredondamento dos dados permite. Com os rótulos "
            "impressos só {0} e {1} dos dez valores das outras duas coincidem. Todos os dez coincidem em λ = "
            "{2} ({3} vezes e⁻¹⁸) e em λ = {4} ({5} vezes 1). ‖w‖ cai: {6}, {7}, {8}.",
            int(agree[1]), int(agree[2]), middles[0], factors[0], middles[1], factors[1],
            *(float(norm) for norm in table.norms),
        ),
        verdict=verdict(first, intervals, shrinks),
        statement=Words(
            "That coefficients shrink as λ grows is right, and so is the column without penalty. The "
            "columns labelled −18 and 0 are the solutions at ln λ = −16.1 and near 2.3 (λ = 10, the number "
            "of points): no one convention for λ explains both.",
            "Que os coeficientes encolhem quando λ cresce está certo, e também a coluna sem penalidade. As "
            "colunas −18 e 0 são as soluções em ln λ = −16,1 e perto de 2,3 (λ = 10, o número de pontos): "
            "nenhuma convenção única para λ explica as duas.",
        ),
        pictures=(_fits(middles), _sizes(middles)),
    )  # fmt: skip


def _fits(middles: list[float]) -> Plot:
    x, t = ten_points()
    at = np.linspace(0.0, 1.0, 121)
    logs = [-math.inf, -30.0, -24.0, -18.0, math.log(middles[0]), -10.0, -5.0, 0.0, math.log(middles[1]), 5.0]
    lines = [
        series(
            Words("degree 9", "grau 9"), at, fit_polynomial(x, t, 9, math.exp(log)).at(at), "bad", step=place
        )
        for place, log in enumerate(logs)
    ]
    steps = tuple(_position(log) for log in logs)
    return Plot(
        Words("The fit as λ grows", "O ajuste quando λ cresce"),
        Words(
            "Degree 9 on ten points. Move the slider: from through every point to nearly flat.",
            "Grau 9 em dez pontos. Mova o controle: de passar por todos os pontos a quase plano.",
        ),
        Axis(Words("x", "x")),
        Axis(Words("target t", "alvo t"), range=(-1.8, 1.8)),
        (
            series(Words("sin 2πx", "sen 2πx"), at, np.sin(2 * np.pi * at), "theory"),
            series(Words("ten points", "dez pontos"), x, t, "measured", "points"),
            *lines,
        ),
        slider=Slider(Words("ln λ", "ln λ"), steps),
    )


def _position(log: float) -> Words:
    text = "−∞" if math.isinf(log) else f"{round(log, 1):g}".replace("-", "−")
    return Words(text, localised(text))


def _sizes(middles: list[float]) -> Plot:
    logs = np.linspace(-32.0, 6.0, 77)
    table = coefficient_table(tuple(np.exp(logs).tolist()))
    marks = tuple(
        Mark(said("column “{0}”", "coluna “{0}”", int(label)), x=math.log(middle))
        for label, middle in zip(_LABELS, middles, strict=True)
    )
    return Plot(
        Words("Error and size of the coefficients by λ", "Erro e tamanho dos coeficientes por λ"),
        Words(
            "Upright lines: the ln λ at which two printed columns are solutions; their labels say −18 and 0.",
            "Linhas verticais: o ln λ em que duas colunas impressas são soluções; os rótulos dizem −18 e 0.",
        ),
        Axis(Words("ln λ", "ln λ")),
        Axis(Words("RMS error; ‖w‖", "erro RMS; ‖w‖"), log=True),
        (
            series(Words("training RMS", "RMS de treino"), logs, table.train_rms, "measured"),
            series(Words("test RMS", "RMS de teste"), logs, table.test_rms, "bad"),
            series(Words("size ‖w‖", "tamanho ‖w‖"), logs, table.norms, "second"),
        ),
        marks=marks,
    )


EXPERIMENT = Experiment(
    title=Words("The table of coefficients by λ", "A tabela de coeficientes por λ"),
    claim=Words(
        "Table 1.2 lists the coefficients of the degree-9 polynomial for ln λ = −∞, −18 and 0; as λ grows "
        "their typical size falls.",
        "A tabela 1.2 lista os coeficientes do polinômio de grau 9 para ln λ = −∞, −18 e 0; quando λ cresce, "
        "seu tamanho típico cai.",
    ),
    source=Words(
        "“Técnicas de regularização”, introduction: alternative 2, table 1.2",
        "“Técnicas de regularização”, introdução: alternativa 2, tabela 1.2",
    ),
    prediction=Words(
        "The minimiser of half the squared residuals + ½λ‖w‖² on the ten public points at the λ of each "
        "label (Bishop 2006, eq. "
        "1.4), equal to the printed numbers to two decimals.",
        "O minimizador de metade dos resíduos ao quadrado + ½λ‖w‖² nos dez pontos públicos, no λ de cada "
        "rótulo (Bishop 2006, eq. 1.4), "
        "igual aos números impressos até duas casas.",
    ),
    measure=measure,
    errata=("E16",),
    rows=("U10",),
)
