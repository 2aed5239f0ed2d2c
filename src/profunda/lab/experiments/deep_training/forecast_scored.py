"""Can theory tell before training which networks will learn nothing? Scored on 300 random designs."""

from collections.abc import Sequence

import numpy as np

import profunda
from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said

_TARGET = 0.9
_Group = tuple[str, int, int]
"""What theory said, of how many designs, and how many of these learnt."""
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


def verdict(low: float) -> Verdict:
    """By the lower end of the interval of the area under the ROC curve; ½ is what a coin gets."""
    if low <= 0.5:
        return "wrong"
    return "holds" if low >= _TARGET else "holds with conditions"


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
    groups = [(one.verdict, one.trained, one.learnt) for one in found.expectations]
    return Outcome(
        headline=Words("area under the ROC curve of the forecast", "área sob a curva ROC da previsão"),
        predicted=None,
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
        verdict=verdict(low),
        statement=told(groups, found.auc),
        pictures=(_picture(groups),),
    )  # fmt: skip


_PT = {
    "expected to train": "esperada",
    "doubtful": "duvidosa",
    "not expected to train": "não esperada",
    "not judged": "não julgada",
}


def told(groups: Sequence[_Group], area: float) -> Words:
    """How many failures were ruled out beforehand, at the loss of how many that learnt."""
    failed = sum(trained - learnt for _, trained, learnt in groups)
    out = [group for group in groups if group[0] == "not expected to train"]
    caught, lost = sum(trained - learnt for _, trained, learnt in out), sum(group[2] for group in out)
    return said(
        "Depth, width, activation, first weights and step size tell much beforehand: the score puts a design "
        "that learns above one that fails in {0} of such pairs. Ruled out before training were {1} of {2} "
        "failures, and {3} that learnt.",
        "Profundidade, largura, ativação, pesos iniciais e passo dizem muito antes do treino: a nota põe uma "
        "rede que aprende acima de uma que fracassa em {0} desses pares. Descartados antes do treino foram "
        "{1} de {2} fracassos, e {3} das que aprenderam.",
        area, caught, failed, lost,
    )  # fmt: skip


def _picture(groups: Sequence[_Group]) -> Plot:
    names = tuple(Words(f"{word} ({trained})", f"{_PT[word]} ({trained})") for word, trained, _ in groups)
    rates = [learnt / trained for _, trained, learnt in groups]
    return Plot(
        Words("Share of designs that learnt", "Fração das redes que aprenderam"),
        Words(
            "By what theory said before training; in brackets, how many designs it said it of.",
            "Pelo que a teoria disse antes do treino; entre parênteses, de quantas redes o disse.",
        ),
        Axis(Words("forecast", "previsão"), names=names),
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
        "“Por que as redes neurais profundas são difíceis de treinar?”, closing paragraphs",
        "“Por que as redes neurais profundas são difíceis de treinar?”, parágrafos finais",
    ),
    prediction=Words(
        "A score without fitted constants, from signal, gradients, likeness of inputs and step size, ranks "
        "failures before successes: an area under the ROC curve of at least 0.9, its whole interval (a "
        "coin: 0.5). The limit was settled after a first look.",
        "Uma nota sem constantes ajustadas, de sinal, gradientes, semelhança das entradas e passo, ordena "
        "fracassos antes de sucessos: área sob a curva ROC de pelo menos 0,9, com todo o intervalo (uma "
        "moeda: 0,5). O limite foi fixado após um primeiro olhar.",
    ),
    measure=measure,
    rows=("U8", "U14"),
)
