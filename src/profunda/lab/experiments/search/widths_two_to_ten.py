"""Nodes as "2 to 10 times the inputs": a rule with three readings, each tried on real tables."""

from collections.abc import Callable, Sequence

import numpy as np

from profunda.lab.experiment import Experiment, Outcome
from profunda.lab.experiments.search._fleets import (
    LOSS,
    Compared,
    Gap,
    Table,
    compare,
    counted,
    filled,
    gap,
    real_tables,
    rule,
)
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said

_RATIOS = (0.5, 1, 2, 4, 8, 16, 32)
_LOW, _HIGH = 2.0, 10.0
_WIDEST = 250
_EXAMPLE, _INPUTS = (64, 32, 16), 20

_Reading = Callable[[tuple[int, ...], int], tuple[float, ...]]
_READINGS: tuple[tuple[Words, _Reading], ...] = (
    (Words("first layer", "primeira camada"), lambda widths, inputs: (widths[0] / inputs,)),
    (Words("all units", "todas as unidades"), lambda widths, inputs: (sum(widths) / inputs,)),
    (Words("every layer", "cada camada"), lambda widths, inputs: tuple(w / inputs for w in widths)),
)


def obeyed(widths: tuple[int, ...], inputs: int) -> tuple[bool, bool, bool]:
    """Whether the first layer, all units together, and every layer are 2 to 10 times the inputs."""
    first, total, every = (
        all(_LOW <= ratio <= _HIGH for ratio in read(widths, inputs)) for _, read in _READINGS
    )
    return first, total, every


def _widths(table: Table) -> dict[str, tuple[int, ...]]:
    """Pyramids of three layers whose first has each ratio to the table's columns."""
    made = {}
    for ratio in _RATIOS:
        first = ratio * table.data.n_features
        if first <= _WIDEST:
            made[f"{ratio:g}"] = tuple(max(2, round(first / 2**layer)) for layer in range(3))
    return made


def _sides(
    found: Compared, tables: Sequence[Table], layouts: Sequence[dict[str, tuple[int, ...]]], read: _Reading
) -> tuple[Gap, Gap]:
    """Loss inside the range less below it, and less beyond it."""
    mean = {side: np.full((len(tables), found.losses.shape[2]), np.nan) for side in ("in", "below", "beyond")}
    for place, (table, layout) in enumerate(zip(tables, layouts, strict=True)):
        by_side: dict[str, list[str]] = {side: [] for side in mean}
        for name, widths in layout.items():
            ratios = read(widths, table.data.n_features)
            side = "below" if min(ratios) < _LOW else "beyond" if max(ratios) > _HIGH else "in"
            by_side[side].append(name)
        for side, names in by_side.items():
            if names:
                mean[side][place] = found.of(*names)[place]
    return gap(mean["in"], mean["below"]), gap(mean["in"], mean["beyond"])


def measure(quick: bool) -> Outcome:
    """Pyramids from half to 32 times as wide as the inputs."""
    tables = real_tables(quick)
    layouts = [_widths(table) for table in tables]
    found = compare(tables, layouts, folds=3 if quick else 5, steps=300 if quick else 500)
    sides = [_sides(found, tables, layouts, read) for _, read in _READINGS]
    first_below, first_beyond = sides[0]
    return Outcome(
        headline=Words(
            "loss with the first layer at 2 to 10 times the inputs, less below",
            "perda com a primeira camada em 2 a 10 vezes as entradas, menos abaixo",
        ),
        predicted=None,
        value=first_below.mean,
        interval=(first_below.low, first_below.high),
        measured=filled(
            "The text's own example, [64, 32, 16] for 20 inputs, is 3.2 times in its first layer and 5.6 "
            "times in all, but 3.2, 1.6 and 0.8 times layer by layer. On {0}, read of the first "
            "layer: inside the range less below {1}, inside less beyond {2}.",
            "O próprio exemplo do texto, [64, 32, 16] para 20 entradas, tem 3,2 vezes na primeira camada e "
            "5,6 vezes ao todo, mas 3,2, 1,6 e 0,8 vezes camada por camada. Em {0}, lida na "
            "primeira camada: dentro da faixa menos abaixo {1}, dentro menos acima {2}.",
            counted(tables), first_below.text, first_beyond.text,
        ),
        verdict=rule([each for pair in sides for each in pair]),
        statement=judged(obeyed(_EXAMPLE, _INPUTS), sides),
        pictures=(_by_ratio(found), _by_reading(sides)),
    )  # fmt: skip


def judged(example: tuple[bool, bool, bool], sides: Sequence[tuple[Gap, Gap]]) -> Words:
    """What may be said of the rule, with the number of readings by which each end of the range pays."""
    ends = [sum(pair[end].better for pair in sides) for end in (0, 1)]
    harmed = sum(pair[1].worse for pair in sides)
    return said(
        "The rule must say what it counts: its own example obeys {0} of 3 readings. In {1} of 3 networks "
        "below the range are worse, so too narrow. In {2} of 3 networks beyond it are worse, in {3} of 3 "
        "they are better. Read it of the first layer, as a place to begin.",
        "A regra precisa dizer o que conta: o seu próprio exemplo obedece a {0} de 3 leituras. Em {1} de 3, "
        "redes abaixo da faixa são piores, estreitas demais. Em {2} de 3, redes acima dela são piores, e "
        "em {3} de 3, melhores. Leia-a na primeira camada, como ponto de partida.",
        sum(example), ends[0], ends[1], harmed,
    )  # fmt: skip


def _by_ratio(found: Compared) -> Plot:
    ratios = [ratio for ratio in _RATIOS if f"{ratio:g}" in found.names]
    rows = [found.losses.mean(axis=2)[:, found.names.index(f"{ratio:g}")] for ratio in ratios]
    table = np.array(rows)
    lines = [
        series(
            Words("one table", "uma tabela") if place == 0 else Words("", ""),
            np.array(ratios)[np.isfinite(column)], column[np.isfinite(column)], "rest",
        )
        for place, column in enumerate(table.T)
    ]  # fmt: skip
    whole = np.isfinite(table).all(axis=0)
    name = Words("mean of complete tables", "média das tabelas completas")
    lines.append(series(name, ratios, table[:, whole].mean(axis=1), kind="both"))
    return Plot(
        Words("Loss by the first layer's width", "Perda pela largura da primeira camada"),
        Words(
            "Pyramids of three layers, each half as wide as the one before. Between the dotted lines the "
            "rule is obeyed, read of the first layer. Complete tables have a network of every ratio.",
            "Pirâmides de três camadas, cada uma com metade da anterior. Entre as linhas pontilhadas a "
            "regra é obedecida, lida na primeira camada. Tabelas completas têm uma rede de cada razão.",
        ),
        Axis(Words("first layer ÷ inputs", "primeira camada ÷ entradas"), log=True),
        Axis(LOSS),
        tuple(lines),
        marks=(Mark(Words("2×", "2×"), x=_LOW), Mark(Words("10×", "10×"), x=_HIGH)),
    )


def _by_reading(sides: Sequence[tuple[Gap, Gap]]) -> Plot:
    places = np.arange(len(sides))
    lines = [
        series(
            name, places + shift, [pair[end].mean for pair in sides], role, "points",
            ([pair[end].low for pair in sides], [pair[end].high for pair in sides]),
        )
        for end, shift, role, name in (
            (0, -0.08, "measured", Words("inside less below", "dentro menos abaixo")),
            (1, 0.08, "second", Words("inside less beyond", "dentro menos acima")),
        )
    ]  # fmt: skip
    return Plot(
        Words("The three readings, tried", "As três leituras, testadas"),
        Words(
            "Below zero the range is better than what lies outside it. Whiskers: 95 % over folds.",
            "Abaixo de zero a faixa é melhor do que o que está fora dela. Hastes: 95 % sobre as partes.",
        ),
        Axis(
            Words("what the rule counts", "o que a regra conta"), names=tuple(name for name, _ in _READINGS)
        ),
        Axis(Words("difference of losses", "diferença de perdas")),
        tuple(lines),
        marks=(Mark(Words("", ""), y=0.0),),
    )


EXPERIMENT = Experiment(
    title=Words("Two to ten times the inputs", "Duas a dez vezes as entradas"),
    claim=Words(
        "The number of nodes should be 2 to 10 times the number of inputs, for example [64, 32, 16] for 20.",
        "O número de nós deve ser de 2 a 10 vezes o número de entradas, por exemplo [64, 32, 16] para 20.",
    ),
    source=Words(
        "“Teoria de Deep Learning”, section 3.3, empirical proportion",
        "“Teoria de Deep Learning”, seção 3.3, proporção empírica",
    ),
    prediction=Words(
        "Arithmetic: 64/20 = 3.2, 112/20 = 5.6, 16/20 = 0.8, so the example obeys two readings of three. "
        "For the rest no theorem: the rule holds if by every reading networks inside the range have a "
        "lower loss than those below it and those beyond it.",
        "Aritmética: 64/20 = 3,2, 112/20 = 5,6, 16/20 = 0,8, logo o exemplo obedece a duas de três "
        "leituras. Para o resto, nenhum teorema: a regra vale se em toda leitura as redes dentro da "
        "faixa têm perda menor do que as abaixo dela e as acima dela.",
    ),
    measure=measure,
    errata=("E20",),
    rows=("S1",),
)
