"""Can theory tell before training which networks will learn nothing? Scored on 300 random designs."""

import numpy as np

import profunda
from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said

_TARGET = 0.9
_SPACE = profunda.Space(
    {
        "depth": [1, 2, 4, 8, 16, 32],
        "width": [8, 16, 32],
        "activation": ["relu", "tanh", "sigmoid", "gelu", "selu", "softplus"],
        "initialisation": ["lecun", "glorot", "he", "orthogonal", "torch", "critical"],
        "optimiser": ["sgd", "adam", "rmsprop"],
        "lr": profunda.LogFloat(1e-4, 3e-2),
        "norm": profunda.Choice(["none", "batch"], weights=[3, 1]),
        "batch_size": 32,
        "epochs": 8,
    }
)


def verdict(low: float, area: float) -> Verdict:
    """`area` under the ROC curve with the lower end of its interval; ½ is what a coin gets."""
    if low <= 0.5:
        return "wrong"
    return "holds" if area >= _TARGET else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """One fleet of random designs on a table of concrete mixtures; failed: no better than a constant."""
    trials, rows = 300, 300  # quick as well: a fleet of 300 small networks takes two seconds
    data = profunda.read("bundled:concrete")
    chosen = np.random.default_rng(0).permutation(data.n_rows)[:rows]
    x, y = data.codes[chosen], data.y[chosen]
    found = profunda.DeepRegressor(
        trials=trials, space=_SPACE, sampler="random", fidelity="full", forecast=False, folds=2, workers=1,
        random_state=0, select="best", refit="folds",
    ).fit(x, y).search_.foresight  # fmt: skip
    if found is None:
        raise profunda.RunError("the search tells no forecast: without one nothing can be scored")
    low, high = found.auc - 1.96 * found.error, min(1.0, found.auc + 1.96 * found.error)
    rates = [one.learnt / one.trained for one in found.expectations]
    return Outcome(
        headline=Words("area under the ROC curve of the forecast", "área sob a curva ROC da previsão"),
        predicted=_TARGET,
        value=found.auc,
        interval=(low, high),
        measured=said(
            "Of {0} random designs {1} learnt more than a constant. Of {2} that theory expected to train {3} "
            "did; of {4} that it did not, {5}. Area under the ROC curve: {6}.",
            "De {0} redes sorteadas, {1} aprenderam mais que uma constante. Das {2} que a teoria esperava "
            "que treinassem, {3} o fizeram; das {4} que não, {5}. Área sob a curva ROC: {6}.",
            found.trained, found.learnt, found.expectations[0].trained, found.expectations[0].learnt,
            found.expectations[-1].trained, found.expectations[-1].learnt, found.auc,
        ),
        verdict=verdict(low, found.auc),
        statement=Words(
            "Most failures of deep networks can be told beforehand from depth, width, activation, first "
            "weights and step size: no training is needed to rule them out.",
            "A maioria dos fracassos de redes profundas pode ser prevista pela profundidade, largura, "
            "ativação, pesos iniciais e passo: não é preciso treinar para descartá-las.",
        ),
        pictures=(_picture([one.verdict for one in found.expectations], rates),),
    )  # fmt: skip


_PT = {
    "expected to train": "esperada",
    "doubtful": "duvidosa",
    "not expected to train": "não esperada",
    "not judged": "não julgada",
}


def _picture(verdicts: list[str], rates: list[float]) -> Plot:
    return Plot(
        Words("Share of designs that learnt", "Fração das redes que aprenderam"),
        Words("By what theory said before training.", "Pelo que a teoria disse antes do treino."),
        Axis(Words("forecast", "previsão"), names=tuple(Words(one, _PT[one]) for one in verdicts)),
        Axis(Words("share that learnt", "fração que aprendeu"), range=(0.0, 1.0)),
        (series(Words("learnt", "aprenderam"), range(len(rates)), rates, "measured", "bars"),),
    )


EXPERIMENT = Experiment(
    title=Words("The forecast, scored", "A previsão, avaliada"),
    claim=Words(
        "There are fundamental reasons why deep networks learn slowly; understanding them tells what is "
        "needed to train them.",
        "Há razões fundamentais para a lentidão do aprendizado em redes profundas; entendê-las diz o que é "
        "preciso para treiná-las.",
    ),
    source=Words(
        "Why deep networks are hard to train, closing paragraphs",
        "Por que as redes neurais profundas são difíceis de treinar?, parágrafos finais",
    ),
    prediction=Words(
        "A score without fitted constants, from signal, gradients, likeness of inputs and step size, ranks "
        "failures before successes: an area under the ROC curve of at least 0.9.",
        "Uma nota sem constantes ajustadas, de sinal, gradientes, semelhança das entradas e passo, ordena "
        "fracassos antes de sucessos: área sob a curva ROC de pelo menos 0,9.",
    ),
    measure=measure,
    rows=("U8", "U14"),
)
