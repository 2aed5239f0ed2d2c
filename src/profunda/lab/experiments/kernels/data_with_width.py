"""More data as the network grows wider: the kernel no longer freezes."""

from dataclasses import dataclass

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.kernels._axes import DRIFT, WIDTH
from profunda.lab.experiments.kernels._laws import Law, band, power_law
from profunda.lab.experiments.kernels._runs import run
from profunda.lab.pictures import Plot, series
from profunda.lab.words import Words, said

_WIDTHS, _STEPS = (16, 32, 64, 128), 1_500
_FEW, _SHARES = 4, (8, 4)
"""Rows for all widths alike; units per row where rows grow with the width."""
_KEPT = -0.25
"""An exponent whose interval lies above is no freezing."""
_DRAWS = range(1, 13)
"""Seeds of rows: what is learned depends on them as well."""


@dataclass(frozen=True)
class Growing:
    """Median drifts of networks by width, one for each draw of rows [12], and their power law."""

    rows: tuple[int, ...]
    drifts: tuple[np.ndarray, ...]
    law: Law

    @property
    def told(self) -> tuple[float, float, float]:
        """Medians of the narrowest and the widest, and the exponent."""
        return float(np.median(self.drifts[0])), float(np.median(self.drifts[-1])), self.law.slope


def growing(rows: tuple[int, ...], networks: int) -> Growing:
    """tanh, one hidden layer, to a hundredth of the loss: a median for each of 12 draws of rows."""
    drifts = tuple(
        np.array([np.median(_drifts(h, n, max(3, networks * 32 // h), rows_seed)) for rows_seed in _DRAWS])
        for h, n in zip(_WIDTHS, rows, strict=True)
    )
    return Growing(rows, drifts, power_law(_WIDTHS, drifts))


def _drifts(width: int, rows: int, networks: int, rows_seed: int) -> np.ndarray:
    return run(
        "tanh", [width], networks, 100 * rows_seed + width, rows=rows, rows_seed=rows_seed, ratio=1e-2,
        most=_STEPS,
    ).drift  # fmt: skip


def judge(fixed: Law, shares: list[Law]) -> Verdict:
    """The drift must fall for fixed rows, and not, or hardly, for a number of rows that grows."""
    slower = all(law.low > fixed.high for law in shares)
    if fixed.high >= -0.5 or not slower:
        return "wrong"
    kept = [law.low >= _KEPT for law in shares]
    return "holds" if all(kept) else "holds with conditions" if any(kept) else "wrong"


def measure(quick: bool) -> Outcome:
    """Drift by width, with 4 rows for all widths, with H/8 and with H/4 rows."""
    networks = 2 if quick else 16
    fixed = growing((_FEW,) * len(_WIDTHS), networks)
    more = [growing(tuple(h // share for h in _WIDTHS), networks) for share in _SHARES]
    thin, dense = more
    return Outcome(
        headline=Words(
            "exponent of the width in the drift, H/8 rows", "expoente da largura na mudança, H/8 linhas"
        ),
        predicted=0.0,
        value=thin.law.slope,
        interval=thin.law.interval,
        measured=said(
            "From 16 to 128 units the drift goes from {0} to {1} with 4 rows (exponent {2}), from {3} to {4} "
            "with H/8 rows ({5}), from {6} to {7} with H/4 rows ({8}).",
            "De 16 a 128 unidades a mudança vai de {0} a {1} com 4 linhas (expoente {2}), de {3} a {4} com "
            "H/8 linhas ({5}), de {6} a {7} com H/4 linhas ({8}).",
            *(number for each in (fixed, thin, dense) for number in each.told),
        ),
        verdict=judge(fixed.law, [each.law for each in more]),
        statement=Words(
            "With rows in proportion to the width the kernel keeps moving, as far as was tried: one row for "
            "eight units is enough for that, and with one for four it moves more and more. The lazy "
            "limit needs the data to stay while the width grows. Targets are random here, the hardest to "
            "fit.",
            "Com linhas de dados proporcionais à largura o núcleo continua mudando, até onde se testou: "
            "uma linha para oito unidades basta, e com uma para quatro muda cada vez mais. O limite "
            "preguiçoso precisa que os dados fiquem fixos enquanto a largura cresce. Os alvos aqui são "
            "aleatórios, os mais difíceis.",
        ),
        pictures=(_picture(fixed, thin, dense),),
    )  # fmt: skip


def _picture(fixed: Growing, thin: Growing, dense: Growing) -> Plot:
    drawn = []
    kinds = (
        (fixed, Words("4 rows", "4 linhas"), "good"),
        (thin, Words("H/8 rows", "H/8 linhas"), "measured"),
        (dense, Words("H/4 rows", "H/4 linhas"), "bad"),
    )
    for each, name, role in kinds:
        middle = [float(np.median(values)) for values in each.drifts]
        drawn.append(series(name, _WIDTHS, middle, role, "both", band(each.drifts)))
    start = float(np.median(fixed.drifts[0]))
    drawn.append(series(Words("∝ 1/H", "∝ 1/H"), _WIDTHS, [start * 16 / h for h in _WIDTHS], "theory"))
    return Plot(
        Words(
            "Kernel drift with fixed and with growing data", "Mudança do núcleo com dados fixos e crescentes"
        ),
        Words(
            "Medians over draws of rows, tanh networks of one hidden layer, with 95 % bands.",
            "Medianas sobre sorteios de linhas, redes tanh de uma camada oculta, com faixas de 95 %.",
        ),
        WIDTH,
        DRIFT,
        tuple(drawn),
    )


EXPERIMENT = Experiment(
    title=Words("Data that grow with the width", "Dados que crescem com a largura"),
    claim=Words(
        "The NTK regime can be left by letting the number of data points grow with the width of the network.",
        "Pode-se sair do regime NTK deixando o número de pontos de dados crescer com a largura da rede.",
    ),
    source=Words(
        "“Teoria de Deep Learning”, section 13, ways out of the NTK regime, item 2",
        "“Teoria de Deep Learning”, seção 13, formas de sobrepujar o regime NTK, item 2",
    ),
    prediction=Words(
        "With fixed rows the drift falls at least like H^−½; with rows ∝ H its exponent is within a quarter "
        "of 0, since every row moves the weights by a step of its own."
        " Twelve draws of rows and the share of ¼ were added after a first look.",
        "Com linhas fixas a mudança cai ao menos como H^−½; com linhas ∝ H seu expoente fica a no máximo um "
        "quarto de 0, pois cada linha move os pesos por conta própria."
        " Doze sorteios de linhas e a parcela de ¼ foram acrescentados após uma primeira olhada.",
    ),
    measure=measure,
    rows=("U4",),
)
