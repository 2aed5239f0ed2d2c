"""Linear probes on the layers of a trained network: classes become easier to read, layer by layer."""

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.deep_training._watched import digits
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said

_LAYERS, _WIDTH, _TRAIN, _PROBE = 5, 32, 900, 450


def _states(weights: list[Tensor], biases: list[Tensor], x: Tensor) -> list[Tensor]:
    """Inputs and what leaves each hidden layer, [M, N, …] each."""
    states = [x.expand(len(weights[0]), *x.shape)]
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        states.append(torch.relu(torch.baddbmm(bias, states[-1], weight)))
    return states


def _trained(networks: int, steps: int, x: Tensor, labels: Tensor) -> list[list[Tensor]]:
    """Weights and biases of M networks 64–32×5–10 before and after training by Adam, side by side."""
    generator = torch.Generator().manual_seed(0)
    sizes = (x.shape[1], *[_WIDTH] * _LAYERS, 10)
    weights = [
        (torch.randn(networks, a, b, generator=generator) * (2.0 / a) ** 0.5).requires_grad_()
        for a, b in pairwise(sizes)
    ]
    biases = [torch.zeros(networks, 1, b, requires_grad=True) for b in sizes[1:]]
    before = [[one.detach().clone() for one in part] for part in (weights, biases)]
    adam = torch.optim.Adam([*weights, *biases], lr=3e-3, fused=True)
    for _ in range(steps):
        rows = torch.randint(0, len(x), (64,), generator=generator)
        adam.zero_grad()
        last = torch.baddbmm(biases[-1], _states(weights, biases, x[rows])[-1], weights[-1])
        (functional.cross_entropy(last.flatten(0, 1), labels[rows].repeat(networks)) * networks).backward()
        adam.step()
    after = [[one.detach() for one in part] for part in (weights, biases)]
    return [*before, *after]


def _probe(states: list[Tensor], labels: Tensor) -> np.ndarray:
    """Accuracy of a ridge classifier on each layer, fitted to the first half of the rows, on the rest."""
    half, hot, told = _PROBE, torch.eye(10, dtype=torch.float64)[labels], []
    for state in states:
        h = torch.cat([state.double(), torch.ones(len(state), 1, dtype=torch.float64)], 1)
        seen = h[:half]
        strength = 1e-2 * seen.square().sum() / seen.shape[1] * torch.eye(h.shape[1], dtype=torch.float64)
        fit = torch.linalg.solve(seen.T @ seen + strength, seen.T @ hot[:half])
        told.append(float(((h[half:] @ fit).argmax(1) == labels[half:]).double().mean()))
    return np.array(told)


def verdict(trained: np.ndarray, untrained: np.ndarray, rise: tuple[float, float]) -> Verdict:
    """Accuracies by layer (inputs first); `rise`: interval of the last layer less the first, trained."""
    if rise[0] <= 0.0:
        return "wrong"
    steps = np.diff(trained)
    monotone = bool((steps > -0.005).all())
    return "holds" if monotone and untrained[-1] < trained[-1] else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Five ReLU layers trained on 900 digits; probes on rows that training has not seen."""
    networks, steps = (8, 400) if quick else (16, 800)
    x, labels = digits(1797)
    old_w, old_b, new_w, new_b = _trained(networks, steps, x[:_TRAIN], labels[:_TRAIN])
    rows, kinds = x[_TRAIN:], labels[_TRAIN:]
    layers = [_states(old_w, old_b, rows), _states(new_w, new_b, rows)]
    probes = np.array(
        [[_probe([state[m] for state in one], kinds) for one in layers] for m in range(networks)]
    )
    mean, spread = probes.mean(0), probes.std(0, ddof=1)
    gain = probes[:, 1, -1] - probes[:, 1, 1]
    value = float(gain.mean())
    reach = (2.4 if quick else 2.2) * float(gain.std(ddof=1) / np.sqrt(networks))  # Student's t
    return Outcome(
        headline=Words(
            "accuracy of a linear probe, last layer − first",
            "acurácia de uma sonda linear, última camada − primeira",
        ),
        predicted=None,
        value=value,
        interval=(value - reach, value + reach),
        measured=said(
            "A linear classifier gets {0} right from the inputs, {1} from the first layer of a trained "
            "network and {2} from the fifth. Without training it is {3} from the first and {4} from the "
            "fifth.",
            "Um classificador linear acerta {0} a partir das entradas, {1} da primeira camada de uma rede "
            "treinada e {2} da quinta. Sem treino são {3} da primeira e {4} da quinta.",
            *(float(one) for one in (mean[1, 0], mean[1, 1], mean[1, -1], mean[0, 1], mean[0, -1])),
        ),
        verdict=verdict(mean[1], mean[0], (value - reach, value + reach)),
        statement=Words(
            "Trained layers build on each other: the classes are easier to read from the last than from the "
            "first, while in random layers they get lost. On small digits the inputs themselves are nearly "
            "as good, and that features are edges, then shapes, is not shown by this.",
            "Camadas treinadas se apoiam umas nas outras: as classes são mais fáceis de ler na última que "
            "na primeira, enquanto em camadas aleatórias se perdem. Em dígitos pequenos as próprias "
            "entradas são quase tão boas, e isto não mostra que sejam bordas e depois formas.",
        ),
        pictures=(_picture(mean, spread),),
    )  # fmt: skip


def _picture(mean: np.ndarray, spread: np.ndarray) -> Plot:
    layers = np.arange(_LAYERS + 1)
    return Plot(
        Words("What a linear probe reads from each layer", "O que uma sonda linear lê de cada camada"),
        Words(
            "Digits of 8 × 8 that the networks have not seen; bands: one standard deviation over networks.",
            "Dígitos 8 × 8 que as redes não viram; faixas: um desvio padrão sobre redes.",
        ),
        Axis(Words("layer (0: the inputs)", "camada (0: as entradas)")),
        Axis(Words("accuracy of the probe", "acurácia da sonda")),
        tuple(
            series(Words(en, pt), layers, mean[k], role, "both", (mean[k] - spread[k], mean[k] + spread[k]))
            for k, (en, pt, role) in enumerate(
                (
                    ("before training", "antes do treino", "bad"),
                    ("after training", "depois do treino", "good"),
                )
            )
        ),
    )


EXPERIMENT = Experiment(
    title=Words("A hierarchy of features", "Uma hierarquia de características"),
    claim=Words(
        "The first layer can learn edges, the second shapes made of edges, the third more complex ones, and "
        "so on.",
        "A primeira camada pode aprender bordas, a segunda formas feitas de bordas, a terceira formas mais "
        "complexas, e assim por diante.",
    ),
    source=Words(
        "“Por que as redes neurais profundas são difíceis de treinar?”, multiple layers of abstraction",
        "“Por que as redes neurais profundas são difíceis de treinar?”, múltiplas camadas de abstração",
    ),
    prediction=Words(
        "If layers build on each other, a linear probe reads the classes better from later layers (Alain and "
        "Bengio 2016), and not so in a network that was not trained. Networks and limits were settled "
        "after a first look.",
        "Se as camadas se apoiam umas nas outras, uma sonda linear lê melhor as classes das camadas "
        "posteriores (Alain e Bengio 2016), e não numa rede sem treino. Redes e limites foram fixados "
        "após um primeiro olhar.",
    ),
    measure=measure,
    rows=("U14",),
)
