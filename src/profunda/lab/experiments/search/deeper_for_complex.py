"""Deep and narrow for complex data, shallow and wide for simple data? At equal parameters, on made tasks."""

from collections.abc import Callable, Sequence

import numpy as np

import profunda
from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.search._fleets import (
    LOSS,
    Compared,
    Gap,
    as_table,
    compare,
    filled,
    gap,
    same_size,
    told,
)
from profunda.lab.pictures import Axis, Plot, Role, series
from profunda.lab.words import Words

_DEPTHS = (0, 1, 2, 4, 6)
_BUDGET = 3000
_ROLES: tuple[Role, ...] = ("rest", "bad", "measured", "good")


def _linear(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Twenty inputs, a linear target, noise of half its size."""
    x = random.standard_normal((rows, 20))
    return x, x @ random.standard_normal(20) / np.sqrt(20) + 0.5 * random.standard_normal(rows)


def _parity(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """The parity of six bits, which are blurred a little."""
    bits = random.integers(0, 2, (rows, 6)) * 2.0 - 1.0
    return bits + 0.3 * random.standard_normal(bits.shape), (bits.prod(axis=1) > 0).astype(np.int64)


def _folded(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """The tent map applied four times to one number: eight teeth."""
    x = random.uniform(0, 1, (rows, 1))
    y = x[:, 0].copy()
    for _ in range(4):
        y = 1 - abs(1 - 2 * y)
    return x, y


def _tree(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """One function of two numbers, g(a, b) = sin 2(ab + a), applied pair by pair in three levels."""
    x = random.uniform(-1, 1, (rows, 8))
    level = list(x.T)
    while len(level) > 1:
        level = [np.sin(2 * (a * b + a)) for a, b in zip(level[0::2], level[1::2], strict=True)]
    return x, level[0]


_Maker = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]
_TASKS: tuple[tuple[Words, _Maker], ...] = (
    (Words("linear", "linear"), _linear),
    (Words("parity of 6 bits", "paridade de 6 bits"), _parity),
    (Words("tent folded 4 times", "tenda dobrada 4 vezes"), _folded),
    (Words("tree of pairs", "árvore de pares"), _tree),
)


def _trained(make: _Maker, depths: Sequence[int], quick: bool) -> Compared:
    """Networks of these depths on data sets drawn anew from one task."""
    tables = []
    for world in range(2 if quick else 4):
        random = np.random.default_rng([1, world])
        tables.append(as_table(Words("", ""), profunda.read(make(random, 1000))))
    layouts = [
        {str(n): same_size(lambda unit, n=n: (unit,) * n, _BUDGET, table) if n else () for n in depths}
        for table in tables
    ]
    return compare(tables, layouts, folds=3, steps=1000)


def verdict(simple: Gap, complicated: Sequence[Gap]) -> Verdict:
    """`simple` is no layer less four on linear data, `complicated` deep less shallow on each complex task."""
    if simple.better and all(each.better for each in complicated):
        return "holds"
    if not simple.better and not any(each.better for each in complicated):
        return "wrong"
    return "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Constant widths with 3,000 parameters in one to six layers, on four made tasks."""
    depths = (0, 1, 4) if quick else _DEPTHS
    found = [_trained(make, depths, quick) for _, make in _TASKS]
    one, four = ([each.of(name) for each in found] for name in "14")
    simple, best = gap(one[0], four[0]), gap(found[0].of("0"), four[0])
    hard = [gap(deep, shallow) for deep, shallow in zip(four[1:], one[1:], strict=True)]
    means = [each.losses.mean(axis=(0, 2)) for each in found]
    errors = [each.losses.mean(axis=2).std(axis=0, ddof=1) / np.sqrt(len(each.losses)) for each in found]
    return Outcome(
        headline=Words(
            "loss of four layers less one, on the folded function",
            "perda com quatro camadas menos uma, na função dobrada",
        ),
        predicted=None,
        value=hard[1].mean,
        interval=(hard[1].low, hard[1].high),
        measured=filled(
            "Loss (0 the best network, 1 the constant prediction) of four layers less one at 3,000 "
            "parameters: parity {0}, folded {1}, tree {2}. On linear data: one layer less four {3}, no "
            "hidden layer less four {4}.",
            "Perda (0 a melhor rede, 1 a predição constante) de quatro camadas menos uma com 3.000 "
            "parâmetros: paridade {0}, dobrada {1}, árvore {2}. Em dados lineares: uma camada menos "
            "quatro {3}, sem camada oculta menos quatro {4}.",
            *(each.text for each in (*hard, simple, best)),
        ),
        verdict=verdict(best, hard),
        statement=filled(
            "“Complex” is not enough: depth pays where the target is a function of functions. Four layers "
            "against one: folded function {1}, tree of pairs {2}, parity {0}; parity looks complex, but "
            "depends on a sum alone, and one layer can compute it. On linear data, against four layers: one "
            "layer {3}, no hidden layer {4}.",
            "“Complexo” não basta: profundidade compensa onde o alvo é uma função de funções. Quatro "
            "camadas contra uma: função dobrada, {1}; árvore de pares, {2}; paridade, {0}. A paridade "
            "parece complexa, mas só depende de uma soma, e uma camada a calcula. Em dados lineares, "
            "contra quatro camadas: uma camada, {3}; sem camada oculta, {4}.",
            *(told(each) for each in (*hard, simple, best)),
        ),
        pictures=(_picture(depths, means, errors),),
    )  # fmt: skip


def _picture(depths: Sequence[int], means: Sequence[np.ndarray], errors: Sequence[np.ndarray]) -> Plot:
    return Plot(
        Words("Loss by depth at equal parameters", "Perda por profundidade com parâmetros iguais"),
        Words(
            "Each network but the linear one (0 layers) has about 3,000 weights and biases. Tree: one "
            "function of two numbers, applied to pairs of eight inputs, then to pairs of its values. "
            "Bands: standard error over data sets.",
            "Cada rede, menos a linear (0 camadas), tem cerca de 3.000 pesos e vieses. Árvore: uma função "
            "de dois números, aplicada a pares de oito entradas e depois a pares dos seus valores. Faixas: "
            "erro padrão sobre conjuntos de dados.",
        ),
        Axis(Words("hidden layers", "camadas ocultas")),
        Axis(LOSS),
        tuple(
            series(name, depths, mean, role, "both", (mean - error, mean + error))
            for (name, _), role, mean, error in zip(
                _TASKS, _ROLES, means, errors, strict=True
            )
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Deeper for complex data?", "Mais profunda para dados complexos?"),
    claim=Words(
        "For complex data choose deep networks with few nodes a layer; for simple data shallow, wide ones.",
        "Para dados complexos, redes mais profundas com menos nós por camada; para simples, rasas com mais.",
    ),
    source=Words(
        "“Teoria de Deep Learning”, sections 2.1 and 3.1", "“Teoria de Deep Learning”, seções 2.1 e 3.1"
    ),
    prediction=Words(
        "A tent map folded k times has 2^k straight pieces, which k narrow layers give and one layer only "
        "with about 2^k units (Telgarsky 2016); parity needs one layer of n units; a linear target needs "
        "none. So four layers should beat one on the folded function, not on parity, and lose to a "
        "network without hidden layers on linear data. The tasks' sizes were settled after a first look.",
        "Uma função tenda dobrada k vezes tem 2^k trechos retos, que k camadas estreitas dão e uma só "
        "camada apenas com cerca de 2^k unidades (Telgarsky 2016); a paridade pede uma camada de n "
        "unidades; um alvo linear, nenhuma. Logo quatro camadas devem vencer uma na função dobrada, não "
        "na paridade, e perder para a rede sem camada oculta em dados lineares. Os tamanhos das tarefas "
        "foram fixados após um primeiro olhar.",
    ),
    measure=measure,
    rows=("S1",),
)
