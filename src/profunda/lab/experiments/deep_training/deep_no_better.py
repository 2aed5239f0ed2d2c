"""Three hidden layers against one on digits, under plain stochastic gradient descent."""

import numpy as np

import profunda
from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said

_WIDTH, _DEPTHS, _RATES = 30, (1, 2, 3, 5, 8), (0.02, 0.05, 0.15)


def verdict(high: float) -> Verdict:
    """`high`: upper end of the loss of three layers less that of one, below 0 if deep wins for sure."""
    return "wrong" if high < 0.0 else "holds"


def measure(quick: bool) -> Outcome:
    """Sigmoid and ReLU networks of 30 units a layer; of three rates the best counts for each."""
    from sklearn.datasets import load_digits

    seeds, epochs, depths = (1, 10, (1, 3, 8)) if quick else (3, 20, _DEPTHS)
    kinds = (("sigmoid", "glorot"), ("relu", "he"))
    designs = [
        profunda.Design(
            widths=(_WIDTH,) * depth, activation=activation, initialisation=law, optimiser="sgd",
            momentum=0.0, lr=rate * (5.0 if activation == "sigmoid" else 1.0), batch_size=10, epochs=epochs,
        )
        for activation, law in kinds
        for depth in depths
        for rate in _RATES
    ]  # fmt: skip
    history = profunda.train(designs, load_digits(return_X_y=True), folds=3, seeds=seeds, workers=1)
    losses = np.array([min(curve.best_loss, 2.5) for curve in history.curves])
    losses = losses.reshape(2, len(depths), len(_RATES), 3 * seeds)
    rate = losses.mean(3).argmin(2)
    own = np.take_along_axis(losses, rate[:, :, None, None], 2)[:, :, 0]
    mean, reach = own.mean(2), 2.0 * own.std(2, ddof=1) / np.sqrt(own.shape[2])
    place = depths.index(3)
    gap = own[1, place] - own[1, 0]
    value, error = float(gap.mean()), 2.0 * float(gap.std(ddof=1) / np.sqrt(len(gap)))
    return Outcome(
        headline=Words("log-loss of three ReLU layers − of one", "log-perda de três camadas ReLU − de uma"),
        predicted=None,
        value=value,
        interval=(value - error, value + error),
        measured=said(
            "Validation log-loss of 30-unit ReLU layers: {0} with one, {1} with three, {2} with eight. "
            "Sigmoid: {3}, {4} and {5}; a constant has 2.30.",
            "Log-perda de validação de camadas ReLU de 30 unidades: {0} com uma, {1} com três, {2} com oito. "
            "Sigmoide: {3}, {4} e {5}; uma constante tem 2,30.",
            *(float(mean[kind, k]) for kind in (1, 0) for k in (0, place, -1)),
        ),
        verdict=verdict(value + error),
        statement=Words(
            "On small digits depth buys nothing under plain SGD: one hidden layer is as good as three or "
            "better, and eight sigmoid layers stay at what a constant scores.",
            "Em dígitos pequenos a profundidade nada traz com SGD simples: uma camada oculta é tão boa "
            "quanto três ou melhor, e oito camadas sigmoides ficam no que uma constante obtém.",
        ),
        pictures=(_picture(depths, mean, reach),),
    )


def _picture(depths: tuple[int, ...], mean: np.ndarray, reach: np.ndarray) -> Plot:
    return Plot(
        Words("Validation loss by depth", "Perda de validação por profundidade"),
        Words(
            "Plain SGD, best of three rates and best epoch; bands: 95 % over folds and first weights.",
            "SGD simples, melhor de três taxas e melhor época; faixas: 95 % sobre partes e pesos iniciais.",
        ),
        Axis(Words("hidden layers", "camadas ocultas")),
        Axis(Words("log-loss", "log-perda"), log=True),
        tuple(
            series(Words(en, pt), depths, mean[k], role, "both",
                   (np.maximum(mean[k] - reach[k], 1e-3), mean[k] + reach[k]))
            for k, (en, pt, role) in enumerate((("sigmoid", "sigmoide", "bad"), ("ReLU", "ReLU", "measured")))
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Deep is not much better than shallow", "Profunda não é muito melhor que rasa"),
    claim=Words(
        "Trained by stochastic gradient descent with backpropagation, deep networks do not perform much "
        "better than shallow ones, if at all.",
        "Treinadas por descida de gradiente estocástica com retropropagação, redes profundas não são muito "
        "melhores que as rasas, se é que são.",
    ),
    source=Words(
        "“Por que as redes neurais profundas são difíceis de treinar?”, closing paragraphs",
        "“Por que as redes neurais profundas são difíceis de treinar?”, parágrafos finais",
    ),
    prediction=Words(
        "Digits of 8 × 8 need no hierarchy, and depth adds instability: (30, 30, 30) got 96.6 % right where "
        "(30) got 97.5 %, elsewhere measured; sigmoids keep a factor 0.24 of the gradient per layer. "
        "Depths and rates were settled after a first look.",
        "Dígitos 8 × 8 não precisam de hierarquia, e a profundidade traz instabilidade: (30, 30, 30) acertou "
        "96,6 % onde (30) acertou 97,5 %, em outra medição; sigmoides conservam um fator 0,24 do "
        "gradiente por "
        "camada. Profundidades e taxas foram fixadas após um primeiro olhar.",
    ),
    measure=measure,
    rows=("U14",),
)
