"""Different inputs become the same deep inside a network: slowly at criticality, at once elsewhere."""

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import correlation_profile

_LIMIT = 9.0 * np.pi**2 / 2.0
_DEPTH, _WIDTH = 50, 256


def _cosines(gain: float, bound: bool, networks: int) -> np.ndarray:
    """Cosine of two inputs' pre-activations [networks, DEPTH]: gain/n weights, or PyTorch's with biases."""
    told = np.empty((networks, _DEPTH))
    for network in range(networks):
        random = np.random.default_rng([9, network])
        h = np.linalg.qr(random.standard_normal((_WIDTH, 2)))[0].T * np.sqrt(_WIDTH)
        for layer in range(_DEPTH):
            if bound:
                edge = 1.0 / np.sqrt(_WIDTH)
                z = h @ random.uniform(-edge, edge, (_WIDTH, _WIDTH)) + random.uniform(-edge, edge, _WIDTH)
            else:
                z = h @ random.standard_normal((_WIDTH, _WIDTH)) * np.sqrt(gain / _WIDTH)
            told[network, layer] = z[0] @ z[1] / (np.linalg.norm(z[0]) * np.linalg.norm(z[1]))
            h = np.maximum(z, 0.0)
    return told


def verdict(products: np.ndarray, default: float) -> Verdict:
    """(1 − c_l)l² must rise to 9π²/2 within 5 %; `default`: the cosine at the end under PyTorch's weights."""
    rises = bool((np.diff(products) > 0).all()) and abs(products[-1] / _LIMIT - 1.0) < 0.05
    if not rises:
        return "wrong"
    return "holds with conditions" if default > 0.999 else "holds"


def measure(quick: bool) -> Outcome:
    """The map to 1,000 layers (exact arithmetic of arc-cosines), and networks of 50 layers."""
    networks, deep = (4 if quick else 12), 1000
    profile = correlation_profile("relu", deep, 0.0, 2.0, 2.0)
    looked = np.array([10, 30, 100, 300, 1000])
    products = (1.0 - profile[looked - 1]) * looked**2
    he, default = _cosines(2.0, False, networks), _cosines(0.0, True, networks)
    alike = min(1.0, float(default[:, -1].mean()))
    return Outcome(
        headline=Words(
            "(1 − cosine)·l² of two inputs at layer l = 1,000, He weights (5 % allowed)",
            "(1 − cosseno)·l² de duas entradas na camada l = 1.000, pesos de He (5 % de tolerância)",
        ),
        predicted=_LIMIT,
        value=float(products[-1]),
        interval=(0.95 * _LIMIT, 1.05 * _LIMIT),
        measured=said(
            "(1 − c_l)·l² under He weights is {0} at layer 10, {1} at 100 and {2} at 1,000. Networks of 256 "
            "units, 50 layers, orthogonal inputs: cosine {3} with He weights, {4} with PyTorch's.",
            "(1 − c_l)·l² com pesos de He é {0} na camada 10, {1} na 100 e {2} na 1.000. Redes de 256 "
            "unidades, 50 camadas, entradas ortogonais: cosseno {3} com pesos de He, {4} com os do PyTorch.",
            float(products[0]), float(products[2]), float(products[-1]), float(he[:, -1].mean()),
            alike,
        ),
        verdict=verdict(products, alike),
        statement=Words(
            "A layer can only build on differences that reach it, and before training depth makes inputs "
            "alike: 1 − cosine falls like 9π²/(2l²) for a critical ReLU, exponentially with PyTorch's "
            "default weights, where after 50 layers all inputs look the same. What training builds on that "
            "is not measured here.",
            "Uma camada só pode construir sobre diferenças que chegam a ela, e antes do treino a "
            "profundidade torna as entradas parecidas: 1 − cosseno cai como 9π²/(2l²) para uma ReLU crítica "
            "e exponencialmente com os pesos padrão do PyTorch, com que após 50 camadas todas as entradas "
            "parecem iguais. O que o treino constrói sobre isso não é medido aqui.",
        ),
        pictures=(_picture(he, default, profile),),
    )  # fmt: skip


def _picture(he: np.ndarray, default: np.ndarray, profile: np.ndarray) -> Plot:
    layers = np.arange(1, _DEPTH + 1)
    gaps = [1.0 - one for one in (he, default)]
    return Plot(
        Words("How different two inputs still are", "Quão diferentes duas entradas ainda são"),
        Words(
            "1 − cosine of the pre-activations of orthogonal inputs; bands: smallest to largest network. The "
            "red line goes on falling below the picture.",
            "1 − cosseno das pré-ativações de entradas ortogonais; faixas: da menor à maior rede. A linha "
            "vermelha continua a cair abaixo da figura.",
        ),
        Axis(Words("layer l", "camada l"), log=True),
        Axis(Words("1 − cosine", "1 − cosseno"), log=True, range=(1e-8, 2.0)),
        (
            series(Words("He weights", "pesos de He"), layers, gaps[0].mean(0), "good",
                   band=(gaps[0].min(0), gaps[0].max(0))),
            series(Words("He, mean field", "He, campo médio"), layers, 1.0 - profile[:_DEPTH], "theory"),
            series(Words("PyTorch's weights", "pesos do PyTorch"), layers,
                   np.maximum(gaps[1].mean(0), 1e-16), "bad"),
            series(Words("9π²/(2l²)", "9π²/(2l²)"), layers[6:], _LIMIT / layers[6:] ** 2, "second"),
        ),
        marks=(Mark(Words("float32 tells no less", "limite do float32"), y=1e-6),),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Inputs become alike with depth", "Entradas se igualam com a profundidade"),
    claim=Words(
        "Deep networks could use their intermediate layers to build several layers of abstraction.",
        "Redes profundas poderiam usar as camadas intermediárias para construir múltiplas camadas de "
        "abstração.",
    ),
    source=Words(
        "“Por que as redes neurais profundas são difíceis de treinar?”, layers of abstraction",
        "“Por que as redes neurais profundas são difíceis de treinar?”, camadas de abstração",
    ),
    prediction=Words(
        "Before training the contrary happens: (1 − c_l)·l² → 9π²/2 = 44.4 for a ReLU with He weights, "
        "c_l the cosine at layer l (from "
        "the map of Cho and Saul 2009), and 1 − c falls to a sixth "
        "at each layer under PyTorch's, once only their biases are left of the signal.",
        "Antes do treino ocorre o contrário: (1 − c_l)·l² → 9π²/2 = 44,4 para uma ReLU com pesos de He, "
        "c_l o cosseno na camada l (do "
        "mapa de Cho e Saul 2009), e 1 − c cai a um sexto por "
        "camada com os do PyTorch, quando do sinal só restam os vieses.",
    ),
    measure=measure,
    rows=("U14", "S9"),
)
