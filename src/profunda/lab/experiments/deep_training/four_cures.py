"""Four cures for gradients that vanish, each where it applies."""

from dataclasses import replace

import numpy as np

import profunda
from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said

_DEPTH, _WIDTH = 20, 32
_PLAIN = profunda.Design(
    widths=(_WIDTH,) * _DEPTH, activation="sigmoid", initialisation="lecun", optimiser="sgd", batch_size=32
)
_SHALLOW = replace(_PLAIN, widths=(_WIDTH,))
_TORCH = replace(_PLAIN, activation="tanh", initialisation="torch")
_ARMS = (
    ("sigmoid, 1 layer", "sigmoide, 1 camada", _SHALLOW),
    ("sigmoid, 20 layers", "sigmoide, 20 camadas", _PLAIN),
    ("+ batch norm", "+ batch norm", replace(_PLAIN, norm="batch")),
    ("+ skip connections", "+ conexões de salto", replace(_PLAIN, skip=True)),
    ("tanh for sigmoid", "tanh no lugar de sigmoide", replace(_PLAIN, activation="tanh")),
    ("tanh, PyTorch weights", "tanh, pesos do PyTorch", _TORCH),
    ("+ critical weights", "+ pesos críticos", replace(_TORCH, initialisation="critical")),
)
_CURES = ((2, 1), (3, 1), (4, 1), (6, 5))  # each arm with what it cures
_RATES = (0.02, 0.1)


def verdict(losses: np.ndarray, trivial: float) -> Verdict:
    """`losses` [7]: both plain deep networks must fail (90 % of the trivial loss), each cure halve it."""
    if min(losses[1], losses[5]) < 0.9 * trivial:
        return "wrong"
    cured = [losses[cure] < 0.5 * trivial for cure, _ in _CURES]
    if all(cured):
        return "holds"
    return "holds with conditions" if any(cured) else "wrong"


def measure(quick: bool) -> Outcome:
    """Digits of 8 × 8, plain SGD with momentum 0.9; of two rates the better one counts for each arm."""
    seeds, epochs = (1, 5) if quick else (2, 8)
    designs = [replace(design, lr=rate, epochs=epochs) for *_, design in _ARMS for rate in _RATES]
    history = profunda.train(designs, profunda.read("bundled:digits"), folds=3, seeds=seeds, workers=1)
    trivial = float(np.log(10.0))
    best = np.array([min(curve.best_loss, 1.5 * trivial) for curve in history.curves])
    best = best.reshape(len(_ARMS), len(_RATES), 3 * seeds)
    rate = best.mean(2).argmin(1)
    own = best[np.arange(len(_ARMS)), rate]
    mean, reach = own.mean(1), 2.0 * own.std(1, ddof=1) / np.sqrt(own.shape[1])
    worst = max(_CURES, key=lambda pair: mean[pair[0]])[0]
    return Outcome(
        headline=Words("log-loss with the weakest cure", "log-perda com o remédio mais fraco"),
        predicted=None,
        value=float(mean[worst]),
        interval=(float(mean[worst] - reach[worst]), float(mean[worst] + reach[worst])),
        measured=said(
            "A constant scores {0}. 20 sigmoid layers: {1}; with batch norm {2}, with skips {3}, with tanh "
            "{4}. tanh with PyTorch's weights: {5}; with critical ones {6}. One sigmoid layer: {7}.",
            "Uma constante tem {0}. 20 camadas sigmoides: {1}; com batch norm {2}, com saltos {3}, com tanh "
            "{4}. tanh com os pesos do PyTorch: {5}; com os críticos {6}. Uma camada sigmoide: {7}.",
            trivial, *(float(mean[k]) for k in (1, 2, 3, 4, 5, 6, 0)),
        ),
        verdict=verdict(mean, trivial),
        statement=said(
            "Deep networks that learn nothing learn once signals and gradients get through: by "
            "normalisation, by skip connections, by another activation, or by weights of critical size "
            "(which a sigmoid does not have). That depth pays is another matter: the best of them has {0} "
            "here, one sigmoid layer {1}.",
            "Redes profundas que nada aprendem passam a aprender quando sinais e gradientes atravessam: por "
            "normalização, conexões de salto, outra ativação ou pesos de tamanho crítico (que a sigmoide não "
            "tem). Se a profundidade compensa é outra questão: a melhor delas tem {0} aqui, uma camada "
            "sigmoide {1}.",
            float(min(mean[cure] for cure, _ in _CURES)), float(mean[0]),
        ),
        pictures=(_picture(mean, reach, trivial),),
    )  # fmt: skip


def _picture(mean: np.ndarray, reach: np.ndarray, trivial: float) -> Plot:
    groups = (("as it is", "como está", "bad", (1, 5)), ("cured", "curada", "good", (2, 3, 4, 6)),
              ("shallow", "rasa", "rest", (0,)))  # fmt: skip
    return Plot(
        Words("Best validation loss", "Melhor perda de validação"),
        Words("20 layers of 32 units; whiskers: 95 %.", "20 camadas de 32 unidades; hastes: 95 %."),
        Axis(Words("network", "rede"), names=tuple(Words(en, pt) for en, pt, _ in _ARMS)),
        Axis(Words("log-loss", "log-perda")),
        tuple(
            series(Words(en, pt), own, mean[list(own)], role, "bars",
                   (mean[list(own)] - reach[list(own)], mean[list(own)] + reach[list(own)]))
            for en, pt, role, own in groups
        ),
        marks=(Mark(Words("constant", "constante"), y=trivial),),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Four cures", "Quatro remédios"),
    claim=Words(
        "Once we understand why layers get stuck, deep networks can be trained effectively.",
        "Entendendo por que as camadas ficam presas, podemos treinar redes profundas de maneira eficaz.",
    ),
    source=Words(
        "“Por que as redes neurais profundas são difíceis de treinar?”, closing paragraphs",
        "“Por que as redes neurais profundas são difíceis de treinar?”, parágrafos finais",
    ),
    prediction=Words(
        "A squared gradient changes by χ a layer: 0.056 for sigmoid layers and 1/3 for tanh with "
        "PyTorch's weights: after 20 layers nothing is "
        "left. tanh with n·Var(w) = 1, skip connections and batch norm keep χ near or above 1 (Schoenholz "
        "et al. "
        "2017).",
        "O gradiente ao quadrado muda por χ a cada camada: 0,056 para camadas sigmoides e 1/3 para tanh "
        "com os pesos do PyTorch: após 20 camadas nada "
        "resta. tanh com n·Var(w) = 1, conexões de salto e batch norm mantêm χ perto ou acima de 1 "
        "(Schoenholz "
        "et al. 2017).",
    ),
    measure=measure,
    rows=("U14",),
)
