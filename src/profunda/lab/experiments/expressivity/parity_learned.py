"""Small networks for parity exist, shallow and deep; do random weights and gradients find them?"""

import numpy as np

import profunda
from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import circuit_network, network_units, parity_flat, parity_table, parity_tree, truth_rows

_BITS = (2, 4, 6, 8)
_ROWS = 2048
_EPOCHS = 60
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


def _epochs(bits: int, seeds: int) -> dict[str, np.ndarray]:
    """Epochs [runs] until the whole truth table is learnt, infinite where it is not in time, at the learning
    rate that solves more."""
    copies = max(1, _ROWS // 2**bits)
    x = np.tile(truth_rows(bits) * 2.0 - 1.0, (copies, 1))
    y = np.tile(parity_table(bits).astype(np.int64), copies)
    shapes = _shapes(bits)
    designs = [
        profunda.Design(widths=widths, lr=rate, schedule="cosine", batch_size=32, epochs=_EPOCHS)
        for widths in shapes.values() for rate in (3e-3, 1e-2)
    ]  # fmt: skip
    history = profunda.train(designs, (x, y), folds=2, seeds=seeds, workers=1)
    taken = [
        next((k + 1.0 for k, loss in enumerate(curve.valid_loss) if loss < _SOLVED), np.inf)
        for curve in history.curves
    ]
    table = np.array(taken).reshape(len(shapes), 2, -1)
    rates = np.isfinite(table).sum(axis=2) - np.minimum(table, _EPOCHS).mean(axis=2) / (2 * _EPOCHS)
    return {key: table[k, int(rates[k].argmax())] for k, key in enumerate(shapes)}


def verdict(tree: float, flat: float, low: float, high: float) -> Verdict:
    """Shares of runs that solve 4 to 8 bits with networks that just suffice; the interval of epochs needed,
    deep ÷ flat, with room.

    Depth helps learning if the tree is found clearly more often than the flat network and the deep one
    sooner; with conditions if only the latter, or if neither is clearly sooner.
    """
    if low > 1.0:
        return "wrong"
    return "holds" if high < 1.0 and tree > flat + 0.25 else "holds with conditions"


def _percent(share: float) -> int:
    return round(100 * share)


def measure(quick: bool) -> Outcome:
    """Whole truth tables of 2 to 8 bits, from random weights, two learning rates."""
    found = [_epochs(bits, 2 if quick else 5) for bits in _BITS]
    shares = [{key: float(np.isfinite(each[key]).mean()) for key in each} for each in found]
    mean = {key: float(np.mean([each[key] for each in shares[1:]])) for key in shares[0]}
    logs = {key: np.log(np.minimum(found[-1][key], _EPOCHS)) for key in ("deep", "wide")}
    ratio = float(logs["deep"].mean() - logs["wide"].mean())
    reach = 1.96 * float(np.sqrt(sum(each.var(ddof=1) / len(each) for each in logs.values())))
    low, high = float(np.exp(ratio - reach)), float(np.exp(ratio + reach))
    return Outcome(
        headline=Words(
            "epochs to learn 8 bits, deep ÷ flat, with room",
            "épocas para aprender 8 bits, profunda ÷ plana, com folga",
        ),
        predicted=None,
        value=float(np.exp(ratio)),
        interval=(low, high),
        measured=said(
            "From random weights, of runs on 4, 6 and 8 bits {0} % solve parity with the flat network "
            "that just suffices and {1} % with the tree that does; with room to spare {2} % of the flat and "
            "{3} % of the deep networks of as many parameters do, the deep ones in {4} times the epochs on "
            "8 bits [{5}; {6}].",
            "A partir de pesos sorteados, dos treinos com 4, 6 e 8 bits {0} % resolvem a paridade com a "
            "rede plana que apenas basta e {1} % com a árvore que basta; com folga, {2} % das redes planas "
            "e {3} % das profundas com tantos parâmetros quanto elas, as profundas em {4} vezes as épocas "
            "com 8 bits [{5}; {6}].",
            *(_percent(mean[key]) for key in ("flat", "tree", "wide", "deep")),
            float(np.exp(ratio)), low, high,
        ),
        verdict=verdict(mean["tree"], mean["flat"], low, high),
        statement=_said_so(mean, ratio, low, high),
        pictures=(_shares(shares), _course(found[-1])),
    )  # fmt: skip


def _said_so(mean: dict[str, float], ratio: float, low: float, high: float) -> Words:
    if low > 1.0:
        so = ("no advantage of depth in learning parity", "nenhuma vantagem da profundidade ao aprendê-la")
    elif high < 1.0:
        so = ("an advantage of depth in time", "vantagem da profundidade no tempo")
    else:
        so = ("no clear difference", "sem diferença clara")
    told = said(
        "That a small network exists does not mean that training finds it: of runs with networks of "
        "just the size that suffices {0} % (flat) and {1} % (tree) succeed. Networks with several times "
        "the units learn it, deep ones in {2} times the epochs of flat ones of equal size: ",
        "Que exista uma rede pequena não quer dizer que o treino a encontre: dos treinos com redes do "
        "tamanho que apenas basta, {0} % (plana) e {1} % (árvore) têm êxito. Redes com várias vezes mais "
        "unidades a aprendem, as profundas em {2} vezes as épocas das planas de igual tamanho: ",
        _percent(mean["flat"]), _percent(mean["tree"]), float(np.exp(ratio)),
    )  # fmt: skip
    return Words(f"{told.en}{so[0]}.", f"{told.pt}{so[1]}.")


_NETWORKS = (
    ("flat", Words("flat, just enough", "plana, apenas basta"), "rest"),
    ("tree", Words("tree, just enough", "árvore, apenas basta"), "second"),
    ("wide", Words("flat, with room", "plana, com folga"), "bad"),
    ("deep", Words("deep, with room", "profunda, com folga"), "good"),
)


def _shares(shares: list[dict[str, float]]) -> Plot:
    return Plot(
        Words("How often training finds parity", "Com que frequência o treino acha a paridade"),
        Words(
            "Share of runs whose loss falls below 0.1 on the whole truth table, which is also what they "
            "train on.",
            "Parte dos treinos cuja perda cai abaixo de 0,1 na tabela verdade inteira, que é também o que se "
            "treina.",
        ),
        Axis(Words("bits", "bits"), names=tuple(Words(str(n), str(n)) for n in _BITS)),
        Axis(Words("share of runs that solve it", "parte dos treinos que resolvem"), range=(0.0, 1.05)),
        tuple(
            series(name, range(len(_BITS)), [each[key] for each in shares], role, "bars")
            for key, name, role in _NETWORKS
        ),
    )


def _course(taken: dict[str, np.ndarray]) -> Plot:
    epochs = np.arange(_EPOCHS + 1)
    return Plot(
        Words("When training finds the parity of 8 bits", "Quando o treino acha a paridade de 8 bits"),
        Words(
            "Share of runs that have solved it by an epoch. Those of networks that just suffice stay at 0, "
            "one line over the other.",
            "Parte dos treinos que já a resolveram até uma época. Os das redes que apenas bastam ficam em 0, "
            "uma linha sobre a outra.",
        ),
        Axis(Words("epoch", "época")),
        Axis(Words("share solved", "parte resolvida"), range=(-0.02, 1.05)),
        tuple(
            series(name, epochs, (taken[key][:, None] <= epochs).mean(axis=0), role, "stairs")
            for key, name, role in _NETWORKS
        ),
    )


EXPERIMENT = Experiment(
    title=Words("Learning parity, deep or shallow", "Aprender a paridade: rede profunda ou rasa"),
    claim=Words(
        "With deeper circuits parity is easy, and layers of abstraction seem to give deep networks a "
        "convincing advantage in learning complex problems; so in learning parity, too.",
        "Com circuitos mais profundos a paridade é fácil, e camadas de abstração parecem dar às redes "
        "profundas uma vantagem convincente ao aprender problemas complexos; logo também ao aprender a "
        "paridade.",
    ),
    source=Words(
        "A reading of “Por que as redes neurais profundas são difíceis de treinar?”, on parity and on layers "
        "of abstraction (of patterns to recognise)",
        "Uma leitura de “Por que as redes neurais profundas são difíceis de treinar?”, sobre paridade e "
        "camadas de abstração (para reconhecer padrões)",
    ),
    prediction=Words(
        "n ReLU units in one layer, or about 2(n − 1) in a tree, compute parity exactly. No theorem here "
        "says which of them gradients find.",
        "n unidades ReLU em uma camada, ou cerca de 2(n − 1) em árvore, calculam a paridade exatamente. "
        "Nenhum teorema aqui diz qual delas os "
        "gradientes encontram.",
    ),
    measure=measure,
    rows=("U13", "U8"),
)
