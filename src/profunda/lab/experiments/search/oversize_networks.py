"""Are networks with too many layers or nodes hard to train? First gradients, and fleets on real tables."""

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.search._fleets import Gap, compare, counted, filled, gap, real_tables, told
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import chi_perp

_DEPTHS = (2, 4, 8, 12, 20)
_WIDTHS = (16, 32, 64, 128, 256)
_WIDTH, _DEPTH = 128, 3
_DEFAULT, _HE = 1.0 / 3.0, 2.0
"""Weight variance times inputs: PyTorch's default, U(±1/√n), and He's."""


def _ratio(width: int, depth: int, gain: float, networks: int) -> np.ndarray:
    """Gradient at the first hidden layer over that at the last, [networks]: ReLU, uniform weights."""
    bound = np.sqrt(3.0 * gain / width)
    found = np.empty(networks)
    for network in range(networks):
        random = np.random.default_rng([width, depth, network])
        x = random.standard_normal((16, width))
        weights, gates = [], []
        for _ in range(depth):
            weights.append(random.uniform(-bound, bound, (width, width)))
            z = x @ weights[-1]
            gates.append(z > 0)
            x = np.maximum(z, 0.0)
        back = random.standard_normal(x.shape) * gates[-1]
        end = np.linalg.norm(back)
        for weight, gate in zip(weights[:0:-1], gates[-2::-1], strict=True):
            back = (back @ weight.T) * gate
        found[network] = np.linalg.norm(back) / end
    return found


def _middle(ratios: np.ndarray) -> tuple[float, float, float]:
    """The geometric mean with its 95 % interval over networks; a signal that died counts as 1e-12."""
    logs = np.log(np.maximum(ratios, 1e-12))
    reach = 1.96 * logs.std(ddof=1) / np.sqrt(len(logs))
    low, mean, high = np.exp([logs.mean() - reach, logs.mean(), logs.mean() + reach])
    return float(mean), float(low), float(high)


def verdict(by_depth: float, by_width: float, deep: Gap, wide: Gap) -> Verdict:
    """What of the two is harmful: layers, nodes, or neither.

    `by_depth` is the gradient's factor a layer, `by_width` its change from 16 to 256 units; `deep` and
    `wide` are losses of the oversized networks less those of moderate ones.
    """
    layers = not 0.9 < by_depth < 1.1 or deep.worse
    nodes = not 0.5 < by_width < 2.0 or wide.worse
    if layers and nodes:
        return "holds"
    return "holds with conditions" if layers or nodes else "wrong"


def measure(quick: bool) -> Outcome:
    """Gradients through random networks; then 3 against 8 layers and 64 against 160 units on real tables."""
    networks = 8 if quick else 30
    default, he = (
        np.array([_middle(_ratio(_WIDTH, depth, gain, networks)) for depth in _DEPTHS])
        for gain in (_DEFAULT, _HE)
    )
    widths = np.array([_middle(_ratio(width, _DEPTH, _HE, networks)) for width in _WIDTHS])
    factor, low, high = default[-1] ** (1 / (_DEPTHS[-1] - 1))
    by_width = float(widths[-1, 0] / widths[0, 0])
    tables = real_tables(quick)
    layouts = [{"3": (40,) * 3, "8": (40,) * 8, "64": (64, 64), "160": (160, 160)}] * len(tables)
    found = compare(tables, layouts, folds=3, steps=300 if quick else 500)
    deep, wide = gap(found.of("8"), found.of("3")), gap(found.of("160"), found.of("64"))
    return Outcome(
        headline=Words(
            "factor of the gradient a layer, PyTorch's default weights, ReLU",
            "fator do gradiente por camada, pesos padrão do PyTorch, ReLU",
        ),
        predicted=float(np.sqrt(chi_perp("relu", 1.0, _DEFAULT))),
        value=float(factor),
        interval=(float(low), float(high)),
        measured=filled(
            "Twenty layers leave {0} of the gradient with PyTorch's default and {1} with He's weights; "
            "in three layers, from 16 to 256 units it changes by a factor {2}. On {3}: eight layers less "
            "three {4}, 160 units less 64 {5}.",
            "Vinte camadas deixam {0} do gradiente com o padrão do PyTorch e {1} com pesos de He; em três "
            "camadas, de 16 a 256 unidades ele muda por um fator {2}. Em {3}: oito camadas menos três "
            "{4}, 160 unidades menos 64 {5}.",
            *(said("{0}", "{0}", float(each)) for each in (default[-1, 0], he[-1, 0], by_width)),
            counted(tables), deep.text, wide.text,
        ),
        verdict=verdict(float(factor), by_width, deep, wide),
        statement=filled(
            "Depth, not width, makes gradients vanish, and only under weights that are not scaled for "
            "it: He's keep their size to within chance. Trained with dropout and L2, the best epoch "
            "kept: eight layers against three, {0}; 160 units against 64, {1}. L1, L2 and dropout are "
            "against overfitting; against vanishing gradients it is the first weights that help here.",
            "É a profundidade, não a largura, que faz o gradiente sumir, e só com pesos não escalados "
            "para isso: os de He o conservam, a menos do acaso. Treinadas com dropout e L2, guardando "
            "a melhor época: oito camadas contra três, {0}; 160 unidades contra 64, {1}. L1, L2 e dropout "
            "são contra o overfitting; contra gradientes que somem, o que ajuda aqui são os pesos iniciais.",
            told(deep), told(wide),
        ),
        pictures=(_by_depth(default, he), _by_width(widths)),
    )  # fmt: skip


def _by_depth(default: np.ndarray, he: np.ndarray) -> Plot:
    lines = []
    for name, gain, found, role in (
        (Words("He", "He"), _HE, he, "good"),
        (Words("PyTorch's default", "padrão do PyTorch"), _DEFAULT, default, "bad"),
    ):
        lines.append(series(name, _DEPTHS, found[:, 0], role, "both", (found[:, 1], found[:, 2])))
        factor = np.sqrt(chi_perp("relu", 1.0, gain))
        title = filled("{0}, theory", "{0}, teoria", name)
        lines.append(series(title, _DEPTHS, [factor ** (depth - 1) for depth in _DEPTHS], "theory"))
    return Plot(
        Words("Gradient left at the first layer", "Gradiente que resta na primeira camada"),
        Words(
            "ReLU, 128 units a layer, before training; bands 95 % over networks. Dashed: the mean-field "
            "factor √χ a layer.",
            "ReLU, 128 unidades por camada, antes do treino; faixas 95 % sobre redes. Tracejado: o fator "
            "de campo médio √χ por camada.",
        ),
        Axis(Words("hidden layers", "camadas ocultas")),
        Axis(Words("gradient, first ÷ last layer", "gradiente, primeira ÷ última"), log=True),
        tuple(lines),
    )


def _by_width(widths: np.ndarray) -> Plot:
    return Plot(
        Words("The same by width, three layers", "O mesmo por largura, três camadas"),
        Words(
            "He's weights. The mean stays at 1 at every width; more units only narrow the band.",
            "Pesos de He. A média fica em 1 em toda largura; mais unidades só estreitam a faixa.",
        ),
        Axis(Words("units a layer", "unidades por camada"), log=True),
        Axis(Words("gradient, first ÷ last layer", "gradiente, primeira ÷ última"), range=(0, 1.5)),
        (
            series(Words("He", "He"), _WIDTHS, widths[:, 0], "good", "both", (widths[:, 1], widths[:, 2])),
            series(Words("theory", "teoria"), _WIDTHS, [1.0] * len(_WIDTHS), "theory"),
        ),
    )


EXPERIMENT = Experiment(
    title=Words("Too many layers, too many nodes", "Camadas demais, nós demais"),
    claim=Words(
        "Networks with many layers or nodes can be hard to train, as gradients vanish or explode; avoid "
        "them.",
        "Redes com muitas camadas ou nós podem ser difíceis de treinar, pois o gradiente some ou explode; "
        "evite-as.",
    ),
    source=Words("“Teoria de Deep Learning”, section 3.2", "“Teoria de Deep Learning”, seção 3.2"),
    prediction=Words(
        "A ReLU layer of n inputs multiplies the squared gradient by χ = n·Var(w)/2 (Schoenholz et al. "
        "2017): 1/6 with PyTorch's default, so 0.408 a layer in size, 1 with He's weights, and above 1, "
        "exploding, with larger ones. The width is not in it; wider layers only make chance smaller.",
        "Uma camada ReLU multiplica o quadrado do gradiente por χ = n·Var(w)/2, com n entradas "
        "(Schoenholz et al. 2017): 1/6 com o padrão do PyTorch, logo 0,408 por camada em tamanho, 1 com "
        "pesos de He, e acima de 1, explosão, com maiores. A largura não entra; camadas mais largas só "
        "diminuem o acaso.",
    ),
    measure=measure,
    rows=("S1",),
)
