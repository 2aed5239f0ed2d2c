"""Small networks for parity exist, shallow and deep; do random weights and gradients find them?"""

import numpy as np

import profunda
from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import circuit_network, network_units, parity_flat, parity_table, parity_tree, truth_rows

_BITS = (2, 4, 6, 8)
_ROWS = 2048
_SOLVED = 0.1  # nats: 90 % probability on the right answer


def _shapes(bits: int) -> dict[str, tuple[int, ...]]:
    """Widths of the two exact networks, a deep one with room, and a flat one of as many parameters."""
    deep = (4 * bits,) * 3
    size = sum(each.numel() for each in circuit_network(parity_flat(bits), "relu").parameters()) / bits
    room = (bits + 1) * 4 * bits + 2 * (4 * bits + 1) * 4 * bits
    return {
        "flat": network_units(parity_flat(bits), "relu"),
        "tree": network_units(parity_tree(bits), "relu"),
        "wide": (max(1, round(room / size)),),
        "deep": deep,
    }


def _solved(bits: int, seeds: int, epochs: int) -> dict[str, float]:
    """Share of the runs that learn the whole truth table, at the better of two learning rates."""
    copies = max(1, _ROWS // 2**bits)
    x = np.tile(truth_rows(bits) * 2.0 - 1.0, (copies, 1))
    y = np.tile(parity_table(bits).astype(np.int64), copies)
    shapes = _shapes(bits)
    designs = [
        profunda.Design(widths=widths, lr=rate, schedule="cosine", batch_size=32, epochs=epochs)
        for widths in shapes.values() for rate in (3e-3, 1e-2)
    ]  # fmt: skip
    history = profunda.train(designs, (x, y), folds=2, seeds=seeds, workers=1)
    best = np.array([curve.best_loss for curve in history.curves]).reshape(len(shapes), 2, -1)
    return dict(zip(shapes, (best < _SOLVED).mean(axis=2).max(axis=1).tolist(), strict=True))


def verdict(tree: float, deep: float, wide: float, flat: float) -> Verdict:
    """Shares of runs that solve 4 to 8 bits, by network.

    Depth helps learning if the deep networks, exact and roomy, both do better than their flat peers; with
    conditions if only the roomy ones do.
    """
    if tree > flat + 0.25 and deep > wide + 0.25:
        return "holds"
    return "holds with conditions" if deep > wide + 0.1 else "wrong"


def measure(quick: bool) -> Outcome:
    """Whole truth tables of 2 to 8 bits, from random weights, two learning rates."""
    seeds, epochs = (3, 25) if quick else (8, 60)
    found = [_solved(bits, seeds, epochs) for bits in _BITS]
    mean = {key: float(np.mean([each[key] for each in found[1:]])) for key in found[0]}
    runs = 2 * seeds * (len(_BITS) - 1)
    reach = 1.96 * float(np.sqrt(sum(mean[key] * (1.0 - mean[key]) for key in ("deep", "wide")) / runs))
    gain = mean["deep"] - mean["wide"]
    return Outcome(
        headline=Words(
            "share solved, deep less flat, with room",
            "parte resolvida, profunda menos plana, com folga",
        ),
        predicted=None,
        value=gain,
        interval=(max(-1.0, gain - reach), min(1.0, gain + reach)),
        measured=said(
            "From random weights, of runs on 4, 6 and 8 bits {0} solve parity with the flat network that "
            "just suffices and {1} with the tree that does. With room to spare, at equal parameters, {2} of "
            "the flat and {3} of the deep networks do; for 8 bits {4} and {5}.",
            "A partir de pesos sorteados, dos treinos com 4, 6 e 8 bits {0} resolvem a paridade com a rede "
            "plana que apenas basta e {1} com a árvore que basta. Com folga, com parâmetros iguais, {2} das "
            "redes planas e {3} das profundas; para 8 bits, {4} e {5}.",
            mean["flat"], mean["tree"], mean["wide"], mean["deep"], found[-1]["wide"], found[-1]["deep"],
        ),
        verdict=verdict(mean["tree"], mean["deep"], mean["wide"], mean["flat"]),
        statement=said(
            "That a small network exists does not mean that training finds it: of runs with networks of "
            "just the size that suffices {0} (flat) and {1} (tree) succeed. With several times the units "
            "{2} of the flat and {3} of the deep networks of equal size do: what depth gives there is "
            "easier learning, not fewer units.",
            "Que exista uma rede pequena não quer dizer que o treino a encontre: dos treinos com redes do "
            "tamanho que apenas basta, {0} (plana) e {1} (árvore) têm êxito. Com várias vezes mais "
            "unidades, {2} das planas e {3} das profundas de mesmo tamanho: o que a profundidade dá ali é "
            "aprender mais fácil, não menos unidades.",
            mean["flat"], mean["tree"], mean["wide"], mean["deep"],
        ),
        pictures=(
            Plot(
                Words("How often training finds parity", "Com que frequência o treino acha a paridade"),
                Words(
                    "Share of runs whose loss on the whole truth table falls below 0.1.",
                    "Parte dos treinos cuja perda na tabela verdade inteira cai abaixo de 0,1.",
                ),
                Axis(Words("bits", "bits"), names=tuple(Words(str(n), str(n)) for n in _BITS)),
                Axis(Words(
                    "share of runs that solve it",
                    "parte dos treinos que resolvem",
                ), range=(0.0, 1.05)),
                tuple(
                    series(name, range(len(_BITS)), [each[key] for each in found], role, "bars")
                    for key, name, role in (
                        ("flat", Words("flat, just enough", "plana, apenas basta"), "rest"),
                        ("tree", Words("tree, just enough", "árvore, apenas basta"), "second"),
                        ("wide", Words("flat, with room", "plana, com folga"), "bad"),
                        ("deep", Words("deep, with room", "profunda, com folga"), "good"),
                    )
                ),
            ),
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Learning parity, deep or shallow", "Aprender a paridade: rede profunda ou rasa"),
    claim=Words(
        "With deeper circuits parity is easy; layers of abstraction should give deep networks an advantage "
        "in learning such problems.",
        "Com circuitos mais profundos a paridade é fácil; camadas de abstração parecem dar às redes "
        "profundas uma vantagem ao aprender tais problemas.",
    ),
    source=Words(
        "“Por que as redes neurais profundas são difíceis de treinar?”, on parity and on layers of "
        "abstraction",
        "“Por que as redes neurais profundas são difíceis de treinar?”, sobre paridade e camadas de "
        "abstração",
    ),
    prediction=Words(
        "n ReLU units in one layer, or about 2(n − 1) in a tree, compute parity exactly. No theorem here "
        "says which of them gradients find.",
        "n unidades ReLU em uma camada, ou cerca de 2(n − 1) em árvore, calculam a paridade exatamente "
        "(Minsky e Papert 1969 para unidades que veem todos os bits). Nenhum teorema aqui diz qual delas os "
        "gradientes encontram.",
    ),
    measure=measure,
    rows=("U13", "U8"),
)
