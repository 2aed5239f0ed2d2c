"""Parity is exponential for shallow circuits of AND and OR; a shallow network of n units computes it."""

import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import (
    Circuit,
    ParitySizes,
    circuit_network,
    minimal_cover,
    parity_flat,
    parity_sizes,
    parity_table,
    parity_tree,
    truth_rows,
)


def network_exact(circuit: Circuit) -> bool:
    """Whether the circuit as a ReLU network gives the parity of every one of the 2^n inputs, exactly."""
    rows = torch.from_numpy(truth_rows(circuit.inputs)).float()
    wanted = torch.from_numpy(parity_table(circuit.inputs)).float()
    with torch.no_grad():
        return bool((circuit_network(circuit, "relu")(rows)[:, 0] == wanted).all())


def verdict(terms: list[int], minimal: list[int], exact: bool, flat: list[int], bits: list[int]) -> Verdict:
    """Terms of a two-level form and how many a minimal one takes; exactness of the networks; their units.

    The claim is about circuits and is carried over to networks. It holds for both only if the flat network
    were exponential too.
    """
    circuits = terms == [2 ** (n - 1) for n in bits] and minimal == terms[: len(minimal)]
    if not circuits or not exact:
        return "wrong"
    return "holds with conditions" if flat[-1] < 2 ** (bits[-1] / 2) else "holds"


def measure(quick: bool) -> Outcome:
    """Sizes for 2 to 16 bits, minimal forms to 5, networks checked on all inputs to 12 (16) bits."""
    bits = list(range(2, 17))
    sizes = [parity_sizes(n) for n in bits]
    minimal = [minimal_cover(parity_table(n)).terms for n in range(2, 6)]
    checked = range(2, 11 if quick else 17)
    exact = all(network_exact(make(n)) for n in checked for make in (parity_tree, parity_flat))
    last = sizes[-1]
    return Outcome(
        headline=Words(
            "terms of a two-level circuit for 16 bits",
            "termos de um circuito de dois níveis para 16 bits",
        ),
        predicted=2.0**15,
        value=float(last.terms),
        interval=(float(last.terms), float(last.terms)),
        measured=said(
            "16 bits take {0} terms at two levels (minimal forms checked to 5 bits), {1} NAND gates at "
            "depth {2} as a tree. As ReLU networks the tree has {3} units in {4} layers, and one hidden "
            "layer {5} units: both exact on all inputs.",
            "16 bits pedem {0} termos em dois níveis (formas mínimas verificadas até 5 bits), {1} portas "
            "NAND com profundidade {2} em árvore. Como redes ReLU a árvore tem {3} unidades em {4} camadas, "
            "e uma camada oculta {5} unidades: ambas exatas em todas as entradas.",
            last.terms, last.nand_gates, last.nand_depth, last.tree_units, last.tree_depth, last.flat_units,
        ),
        verdict=verdict([s.terms for s in sizes], minimal, exact, [s.flat_units for s in sizes], bits),
        statement=Words(
            "Right for circuits of AND, OR and NOT: 2ⁿ⁻¹ terms at two levels, about 4n gates in a deep "
            "tree. It does not carry over to networks, whose units add: one hidden layer of n ReLU or "
            "threshold units on the sum of the bits is exact, fewer than the tree's 2(n − 1). Products and "
            "sawtooth waves do need depth, see their pages.",
            "Certo para circuitos de AND, OR e NOT: 2ⁿ⁻¹ termos em dois níveis, cerca de 4n portas numa "
            "árvore profunda. Não vale para redes, cujas unidades somam: uma camada oculta de n unidades "
            "ReLU ou de limiar sobre a soma dos bits é exata, menos que as 2(n − 1) da árvore. Produtos e "
            "ondas dente de serra, sim, pedem profundidade: ver suas páginas.",
        ),
        pictures=(_sizes(bits, sizes),),
    )  # fmt: skip


def _sizes(bits: list[int], sizes: list[ParitySizes]) -> Plot:
    two_levels = Words("two levels: terms", "dois níveis: termos")
    nand_tree = Words("NAND tree: gates", "árvore NAND: portas")
    tree, flat = (
        Words("tree network: units", "rede em árvore: unidades"),
        Words("one layer: units", "uma camada: unidades"),
    )
    return Plot(
        Words("Size of a parity of n bits", "Tamanho da paridade de n bits"),
        Words(
            "Counted on circuits and networks that were built. The lowest line has one hidden layer.",
            "Contado em circuitos e redes construídos. A linha mais baixa tem uma camada oculta.",
        ),
        Axis(Words("bits", "bits")),
        Axis(Words("terms, gates or units", "termos, portas ou unidades"), log=True),
        (
            series(two_levels, bits, [s.terms for s in sizes], "bad", "both"),
            series(nand_tree, bits, [s.nand_gates for s in sizes], "second", "both"),
            series(tree, bits, [s.tree_units for s in sizes], "measured", "both"),
            series(flat, bits, [s.flat_units for s in sizes], "good", "both"),
        ),
    )


EXPERIMENT = Experiment(
    title=Words("Parity, shallow and deep", "Paridade, rasa e profunda"),
    claim=Words(
        "Computing the parity of a set of bits takes exponentially many gates with a shallow circuit, and "
        "few with pairs of pairs; so deep circuits can be intrinsically much more powerful, and results "
        "suggest the same of deep networks.",
        "Calcular a paridade de um conjunto de bits exige exponencialmente muitas portas num circuito raso, "
        "e poucas com pares de pares; logo circuitos profundos podem ser intrinsecamente muito mais "
        "poderosos, e resultados sugerem o mesmo de redes profundas.",
    ),
    source=Words(
        "“Por que as redes neurais profundas são difíceis de treinar?”, on parity",
        "“Por que as redes neurais profundas são difíceis de treinar?”, sobre a paridade",
    ),
    prediction=Words(
        "Two levels: 2ⁿ⁻¹ terms, since no two rows of parity join (Furst, Saxe and Sipser 1984 and Håstad "
        "1986 for fixed depth). Networks: parity depends on the sum of the bits alone, so n ReLUs in one "
        "layer.",
        "Dois níveis: 2ⁿ⁻¹ termos, pois duas linhas da paridade nunca se juntam (Furst, Saxe e Sipser 1984 "
        "e Håstad 1986 para profundidade fixa). Redes: a paridade só depende da soma dos bits; logo n ReLUs "
        "em uma camada.",
    ),
    measure=measure,
    errata=("E19",),
    rows=("U13",),
)
