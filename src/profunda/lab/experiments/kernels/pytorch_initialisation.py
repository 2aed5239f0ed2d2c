"""torch.nn.Linear does not draw N(0, C_W/N): it draws uniform numbers, with C_W = 1/3."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.kernels._axes import DEPTH, NTK_SECTION
from profunda.lab.pictures import Axis, Plot, Role, series
from profunda.lab.words import Words, said
from profunda.theory import correlation_profile, variance_profile

_WIDTH, _LAYERS = 256, 50
_ROLES: tuple[Role, ...] = ("bad", "measured")


@dataclass(frozen=True)
class Law:
    """Weights as drawn: fan-in times their variance, its standard error, excess kurtosis and its own."""

    scaled_variance: float
    error: float
    kurtosis: float
    kurtosis_error: float
    largest: float
    sample: np.ndarray


def law(layers: int) -> Law:
    """Of the weights of `layers` fresh `nn.Linear(256, 256)`, times √fan-in."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        drawn = [nn.Linear(_WIDTH, _WIDTH).weight.detach().double().numpy().ravel() for _ in range(layers)]
    w = np.concatenate(drawn) * np.sqrt(_WIDTH)
    square, count = w * w, len(w)
    variance = float(square.mean())
    kurtosis = float((square * square).mean()) / variance**2 - 3.0
    return Law(
        variance, float(square.std()) / count**0.5, kurtosis, (24.0 / count) ** 0.5,
        float(np.abs(w).max()), w[:20_000],
    )  # fmt: skip


@dataclass(frozen=True)
class Deep:
    """E z² and the cosine of two inputs' signals by layer, [50], measured and by the mean-field maps."""

    name: str
    squares: np.ndarray
    cosine: np.ndarray
    theory: np.ndarray
    theory_cosine: np.ndarray


def deep(name: str, networks: int) -> Deep:
    """50 default layers of 256 units, two random inputs."""
    squares, cosine = np.zeros(_LAYERS), np.zeros(_LAYERS)
    activation = torch.relu if name == "relu" else torch.tanh
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(9)
        for _ in range(networks):
            x = torch.randn(2, _WIDTH)
            for layer in range(_LAYERS):
                z = nn.Linear(_WIDTH, _WIDTH)(x)
                squares[layer] += float(z.square().mean()) / networks
                cosine[layer] += float(torch.cosine_similarity(z[:1], z[1:])[0]) / networks
                x = activation(z)
    c_w, c_b = 1.0 / 3.0, 1.0 / (3.0 * _WIDTH)
    q, c = c_w + c_b, c_b / (c_w + c_b)
    return Deep(name, squares, cosine, variance_profile(name, _LAYERS, q, c_w, c_b),
                correlation_profile(name, _LAYERS, c, q, c_w, c_b))  # fmt: skip


def judge(found: Law) -> Verdict:
    """The claim is a normal law of variance C_W/N with any C_W: PyTorch's must be as peaked as that."""
    return "holds" if abs(found.kurtosis) <= 4.0 * found.kurtosis_error else "wrong"


def measure(quick: bool) -> Outcome:
    """The law of default weights, and what 50 default layers do to two inputs."""
    found = law(4 if quick else 20)
    nets = [deep(name, 1 if quick else 4) for name in ("relu", "tanh")]
    relu, tanh = nets
    return Outcome(
        headline=Words("fan-in × Var W of torch.nn.Linear", "fan-in × Var W de torch.nn.Linear"),
        predicted=1.0 / 3.0,
        value=found.scaled_variance,
        interval=(found.scaled_variance - 1.96 * found.error, found.scaled_variance + 1.96 * found.error),
        measured=said(
            "Fan-in × variance {0}, excess kurtosis {1} (normal: 0), largest |W|√n {2}. After 50 default "
            "layers E z² is {3} with ReLU (theory {4}), {5} with tanh (theory {6}); two random inputs have "
            "the cosine {7}.",
            "Fan-in × variância {0}, excesso de curtose {1} (normal: 0), maior |W|√n {2}. Após 50 camadas "
            "padrão E z² é {3} com ReLU (teoria {4}), {5} com tanh (teoria {6}); duas entradas sorteadas têm "
            "cosseno {7}.",
            found.scaled_variance, found.kurtosis, found.largest, float(relu.squares[-1]),
            float(relu.theory[-1]), float(tanh.squares[-1]), float(tanh.theory[-1]), float(relu.cosine[-1]),
        ),
        verdict=judge(found),
        statement=Words(
            "The variance does go like 1/N, but PyTorch's default is U(−1/√n, 1/√n), for weights and biases: "
            "not normal, and C_W = 1/3. Deep stacks of such layers forget their input: what is left comes "
            "from the biases, and all inputs look alike. For a normal law with C_W = 1 or 2 ask for it "
            "(torch.nn.init, or Design's initialisation).",
            "A variância vai, sim, como 1/N, mas o padrão do PyTorch é U(−1/√n, 1/√n), para pesos e vieses: "
            "não normal, e com C_W = 1/3. Pilhas profundas dessas camadas esquecem a entrada: o que resta "
            "vem dos vieses, e todas as entradas ficam iguais. Para uma lei normal com C_W = 1 ou 2 é "
            "preciso pedir (torch.nn.init, ou a inicialização de Design).",
        ),
        pictures=(_density(found), _signal(nets), _cosine(nets)),
    )  # fmt: skip


def _density(found: Law) -> Plot:
    edges = np.linspace(-3.0, 3.0, 61)
    middle = 0.5 * (edges[1:] + edges[:-1])
    heights = np.histogram(found.sample, edges)[0] / (len(found.sample) * (edges[1] - edges[0]))
    normal = np.exp(-(middle**2) / (2.0 / 3.0)) / np.sqrt(2.0 * np.pi / 3.0)
    return Plot(
        Words("Weights of a default layer", "Pesos de uma camada padrão"),
        Words(
            "Density of W√n; dashed: the normal law of the same variance, as the text says.",
            "Densidade de W√n; tracejado: a lei normal de mesma variância, como diz o texto.",
        ),
        Axis(Words("weight × √fan-in", "peso × √fan-in")),
        Axis(Words("density", "densidade")),
        (
            series(Words("torch.nn.Linear", "torch.nn.Linear"), edges[:-1], heights, "measured", "stairs"),
            series(Words("N(0, 1/3)", "N(0, 1/3)"), middle, normal, "theory"),
        ),
    )


def _signal(nets: list[Deep]) -> Plot:
    layers, drawn = np.arange(1, _LAYERS + 1), []
    for net, role in zip(nets, _ROLES, strict=True):
        name = "ReLU" if net.name == "relu" else net.name
        drawn.append(series(Words(name, name), layers, net.squares, role, "points"))
        drawn.append(
            series(said("{0}, theory", "{0}, teoria", name), layers, net.theory, "theory", beside=role)
        )
    return Plot(
        Words("The signal sinks to the biases' floor", "O sinal afunda até o piso dos vieses"),
        Words(
            "Mean square of pre-activations in 50 default layers; dashed: mean field with C_W = 1/3.",
            "Média quadrática das pré-ativações em 50 camadas padrão; tracejado: campo médio com C_W = 1/3.",
        ),
        DEPTH,
        Axis(Words("E z²", "E z²"), log=True),
        tuple(drawn),
    )


def _cosine(nets: list[Deep]) -> Plot:
    layers, drawn = np.arange(1, _LAYERS + 1), []
    for net, role in zip(nets, _ROLES, strict=True):
        name = "ReLU" if net.name == "relu" else net.name
        drawn.append(series(Words(name, name), layers, net.cosine, role, "points"))
        drawn.append(
            series(said("{0}, theory", "{0}, teoria", name), layers, net.theory_cosine, "theory", beside=role)
        )
    return Plot(
        Words("Two random inputs become one", "Duas entradas sorteadas tornam-se uma"),
        Words(
            "Cosine of the two signals by layer; 1 means that the network sees no difference.",
            "Cosseno dos dois sinais por camada; 1 significa que a rede não vê diferença.",
        ),
        DEPTH,
        Axis(Words("cosine", "cosseno"), range=(-0.15, 1.05)),
        tuple(drawn),
    )


EXPERIMENT = Experiment(
    title=Words("How PyTorch draws weights", "Como o PyTorch sorteia os pesos"),
    claim=Words(
        "Weights start as independent normal numbers with mean zero and variance C_W/N of the layer before, "
        "the form that PyTorch uses.",
        "Os pesos começam como números normais independentes de média zero e variância C_W/N da camada "
        "anterior, a forma usada pelo PyTorch.",
    ),
    source=NTK_SECTION,
    prediction=Words(
        "nn.Linear draws U(−1/√n, 1/√n): n·Var = 1/3, excess kurtosis −1.2. With C_W = 1/3 and biases of "
        "variance 1/(3n) E z² sinks to 1/(2.5n) (ReLU) or 1/(2n) (tanh), and cosines tend to 1 (Schoenholz "
        "et al. 2017).",
        "nn.Linear sorteia U(−1/√n, 1/√n): n·Var = 1/3, excesso de curtose −1,2. Com C_W = 1/3 e vieses de "
        "variância 1/(3n), E z² afunda até 1/(2,5n) (ReLU) ou 1/(2n) (tanh), e cossenos tendem a 1 "
        "(Schoenholz et al. 2017).",
    ),
    measure=measure,
    errata=("E4",),
    rows=("U3",),
)
