"""Any function by two levels of wide AND and NAND gates: only where complements of the inputs are given."""

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import Reach, minterm_cover, two_level_circuit, two_level_reach


def synthesised(table: np.ndarray) -> bool:
    """Whether NAND gates into a NAND, complements given, compute the table on all rows at depth 2 or less."""
    circuit = two_level_circuit(minterm_cover(table), nand=True)
    return circuit.depth <= 2 and bool((circuit.truth_table()[:, 0] == table).all())


def verdict(plain: list[Reach], given: list[Reach], built: bool) -> Verdict:
    """Functions within reach from plain inputs, and with complements; whether the construction is exact."""
    if not built or any(each.functions < each.total for each in given):
        return "wrong"
    return "holds" if all(each.functions == each.total for each in plain) else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """All circuits of two levels on 1 to 3 (4) inputs; the construction on tables of 3 and 4 bits."""
    most = 3 if quick else 4
    plain = [two_level_reach(n, complemented=False) for n in range(1, most + 1)]
    given = [two_level_reach(n, complemented=True) for n in range(1, 4)]
    bits = np.arange(256)[:, None] >> np.arange(8) & 1
    random = np.random.default_rng(8)
    tables = [*bits.astype(bool), *(random.integers(0, 2, (100 if quick else 1000, 16)) == 1)]
    built = all(synthesised(table) for table in tables)
    shares = [100.0 * each.functions / each.total for each in plain]
    return Outcome(
        headline=Words(
            "functions of 2 bits without complements, of 16",
            "funções de 2 bits sem complementos, de 16",
        ),
        predicted=14.0,
        value=float(plain[1].functions),
        interval=(float(plain[1].functions), float(plain[1].functions)),
        measured=said(
            "From the plain inputs two levels reach {0} of 16 functions of 2 bits and {1} of 256 of 3. With "
            "complements they reach all {2}; the construction was exact on all {3} tables tried.",
            "Das entradas simples, dois níveis alcançam {0} das 16 funções de 2 bits e {1} das 256 de 3. "
            "Com os complementos alcançam todas as {2}; a construção foi exata nas {3} tabelas testadas.",
            plain[1].functions, plain[2].functions, given[2].functions, len(tables),
        ),
        verdict=verdict(plain, given, built),
        statement=Words(
            "With each input and its complement at hand, yes: NAND gates into a NAND compute any function. "
            "From the plain inputs alone, two levels of AND and NAND miss most functions, exclusive or the "
            "first of them; one more level, of inverters, is needed.",
            "Tendo cada entrada e seu complemento, sim: portas NAND ligadas a uma NAND calculam qualquer "
            "função. Só com as entradas simples, dois níveis de AND e NAND perdem a maioria das funções, a "
            "começar pelo ou exclusivo; é preciso mais um nível, de inversores.",
        ),
        pictures=(_reach(shares, [100.0 * each.functions / each.total for each in given]),),
    )  # fmt: skip


def _reach(shares: list[float], given: list[float]) -> Plot:
    return Plot(
        Words("Functions within reach of two levels", "Funções ao alcance de dois níveis"),
        Words(
            "Every circuit of two levels of wide AND and NAND gates was tried, with complements up "
            "to 3 inputs.",
            "Todos os circuitos de dois níveis de portas AND e NAND largas foram testados, com "
            "complementos até 3 entradas.",
        ),
        Axis(
            Words(
                "inputs",
                "entradas",
            ),
            names=tuple(Words(str(n), str(n)) for n in range(1, len(shares) + 1)),
        ),
        Axis(Words("share of all functions, %", "parte de todas as funções, %"), range=(0.0, 105.0)),
        (
            series(Words("plain inputs", "entradas simples"), range(len(shares)), shares, "bad", "bars"),
            series(
                Words("with complements", "com complementos"),
                range(3),
                given,
                "good",
                "bars",
            ),
        ),
    )


EXPERIMENT = Experiment(
    title=Words("Any function in two levels?", "Qualquer função em dois níveis?"),
    claim=Words(
        "With AND and NAND gates of as many inputs as one likes, any function can be computed by a circuit "
        "of only two layers.",
        "Com portas AND e NAND de quantas entradas se quiser, é possível calcular qualquer função usando um "
        "circuito com apenas duas camadas.",
    ),
    source=Words(
        "“Por que as redes neurais profundas são difíceis de treinar?”, the mad client",
        "“Por que as redes neurais profundas são difíceis de treinar?”, o cliente louco",
    ),
    prediction=Words(
        "With complements every function is an OR of ANDs, hence a NAND of NANDs. Without, AND after AND "
        "and NAND gives only functions whose true rows share certain ones and stay true when any other one "
        "is set to 0, or the complements of these: 14 of 16 for two bits, without XOR and XNOR (our "
        "derivation).",
        "Com complementos toda função é um OU de ANDs, logo uma NAND de NANDs. Sem eles, AND após AND e "
        "NAND dá só funções cujas linhas verdadeiras têm certos uns em comum e continuam verdadeiras ao "
        "trocar qualquer outro um por 0, ou os complementos destas: 14 de 16 para dois bits, sem XOR e "
        "XNOR (derivação nossa).",
    ),
    measure=measure,
    errata=("E34",),
    rows=("U13",),
)
