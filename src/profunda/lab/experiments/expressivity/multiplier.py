"""Multiplying two numbers with adders made of adders of bits: exact, small, and deep."""

from itertools import pairwise

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import MultiplierSizes, array_multiplier, from_bits, multiplier_sizes, to_bits


def exact(bits: int) -> bool:
    """Whether the circuit multiplies every pair of numbers of so many bits."""
    numbers = np.arange(2**bits)
    a, b = (each.ravel() for each in np.meshgrid(numbers, numbers))
    rows = np.concatenate([to_bits(a, bits), to_bits(b, bits)], axis=1)
    return bool((from_bits(array_multiplier(bits).evaluate(rows)) == (a * b).astype(np.uint64)).all())


def verdict(right: bool, sizes: list[MultiplierSizes]) -> Verdict:
    """`right`: every product was exact. At least three layers from 2 bits on, and smaller than two levels."""
    if not right or any(each.depth < 3 for each in sizes):
        return "wrong"
    return "holds" if sizes[-1].gates < sizes[-1].minterms else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Array multipliers of 2 to 8 bits, and the rows that a form of two levels would list."""
    bits = list(range(2, 7 if quick else 9))
    sizes = [multiplier_sizes(n) for n in bits]
    right = all(exact(n) for n in bits)
    last = sizes[-1]
    growth = [b.gates / a.gates for a, b in pairwise(sizes)]
    listed = [b.minterms / a.minterms for a, b in pairwise(sizes)]
    return Outcome(
        headline=said(
            "gates of a multiplier of {0} bits",
            "portas de um multiplicador de {0} bits",
            last.bits,
        ),
        predicted=float(6 * last.bits**2 - 8 * last.bits),
        value=float(last.gates),
        interval=(float(last.gates), float(last.gates)),
        measured=said(
            "Every product of numbers of 2 to {0} bits came out right. {0} bits take {1} gates at depth "
            "{2}; two levels would list {3} rows. A bit more costs a factor {4} in gates and {5} in rows.",
            "Todo produto de números de 2 a {0} bits saiu certo. {0} bits pedem {1} portas com profundidade "
            "{2}; dois níveis listariam {3} linhas. Um bit a mais custa um fator {4} em portas e {5} em "
            "linhas.",
            last.bits, last.gates, last.depth, last.minterms, growth[-1], listed[-1],
        ),
        verdict=verdict(right, sizes),
        statement=Words(
            "Right: built of parts within parts the circuit is small, 6n² − 8n gates, and at least three "
            "layers deep. The list of true rows, which a form of two levels starts from, grows about "
            "fivefold with each bit; joining rows shortens it, but was not tried here.",
            "Certo: feito de partes dentro de partes o circuito é pequeno, 6n² − 8n portas, e tem ao menos "
            "três camadas. A lista de linhas verdadeiras, da qual parte uma forma de dois níveis, cresce "
            "cerca de cinco vezes por bit; juntar linhas a encurta, mas não foi testado aqui.",
        ),
        pictures=(_sizes(bits, sizes),),
    )  # fmt: skip


def _sizes(bits: list[int], sizes: list[MultiplierSizes]) -> Plot:
    return Plot(
        Words("A multiplier's size", "Tamanho de um multiplicador"),
        Words(
            "Gates and depth of the circuit; true rows of its truth table, all outputs together.",
            "Portas e profundidade do circuito; linhas verdadeiras da tabela, todas as saídas juntas.",
        ),
        Axis(Words("bits of each factor", "bits de cada fator")),
        Axis(Words("count", "quantidade"), log=True),
        (
            series(
                Words(
                    "two levels: rows",
                    "dois níveis: linhas",
                ),
                bits,
                [s.minterms for s in sizes],
                "bad",
                "both",
            ),
            series(Words("gates", "portas"), bits, [s.gates for s in sizes], "measured", "both"),
            series(Words("6n² − 8n", "6n² − 8n"), bits, [6 * n * n - 8 * n for n in bits], "theory"),
            series(Words("depth", "profundidade"), bits, [s.depth for s in sizes], "good", "both"),
        ),
    )


EXPERIMENT = Experiment(
    title=Words("Multiplying with parts of parts", "Multiplicar com partes de partes"),
    claim=Words(
        "A circuit that multiplies is built of adders, these of adders of two bits, so it has at least "
        "three layers; deep circuits make the design easier.",
        "Um circuito que multiplica se constrói de somadores, e estes de somadores de dois bits; tem "
        "portanto ao menos três camadas; circuitos profundos facilitam o projeto.",
    ),
    source=Words(
        "“Por que as redes neurais profundas são difíceis de treinar?”, the multiplier",
        "“Por que as redes neurais profundas são difíceis de treinar?”, o multiplicador",
    ),
    prediction=Words(
        "n² AND gates, n half adders of 2 gates and n² − 2n full adders of 5: 6n² − 8n gates, after Dadda "
        "(1965). The rows of a truth table number 4ⁿ.",
        "n² portas AND, n meio-somadores de 2 portas e n² − 2n somadores completos de 5: 6n² − 8n portas, "
        "segundo Dadda (1965). As linhas de uma tabela verdade são 4ⁿ.",
    ),
    measure=measure,
    rows=("U13",),
)
