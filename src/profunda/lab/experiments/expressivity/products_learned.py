"""Deep and shallow networks of one size learn a product of n numbers from examples."""

from itertools import pairwise

import numpy as np

import profunda
from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Mark, Plot, Role, series
from profunda.lab.words import Words, said

_NUMBERS = (2, 3, 4, 5)
_DEPTHS = (1, 2, 4)
_ROLES: tuple[Role, ...] = ("bad", "second", "good")
_BUDGET = 600
_FOLDS = 3


def _layout(depth: int, inputs: int) -> tuple[int, ...]:
    """Constant widths whose weights and biases come next to the budget."""

    def size(width: int) -> int:
        return sum((a + 1) * b for a, b in pairwise((inputs, *(width,) * depth, 1)))

    return (min(range(2, 400), key=lambda width: abs(size(width) - _BUDGET)),) * depth


def _losses(inputs: int, draw: int, epochs: int) -> np.ndarray:
    """Squared errors relative to the mean's [depths, folds], the better of two learning rates."""
    random = np.random.default_rng([draw, inputs])
    x = random.uniform(-1.0, 1.0, (2000, inputs))
    designs = [
        profunda.Design(
            widths=_layout(depth, inputs), activation="gelu", lr=rate, schedule="cosine", batch_size=32,
            epochs=epochs,
        )
        for depth in _DEPTHS for rate in (2e-3, 8e-3)
    ]  # fmt: skip
    history = profunda.train(designs, (x, x.prod(axis=1)), folds=_FOLDS, workers=1, seed=draw)
    best = np.array([curve.best_loss for curve in history.curves])
    return best.reshape(len(_DEPTHS), 2, _FOLDS).min(axis=1)


def verdict(low: float, high: float) -> Verdict:
    """The 95 % interval of log(error of four layers ÷ of one), mean over n above 2."""
    if high < 0.0:
        return "holds"
    return "wrong" if low > 0.0 else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Products of 2 to 5 numbers, about 600 parameters in 1, 2 or 4 layers."""
    draws, epochs = (2, 30) if quick else (4, 50)
    found = np.stack([np.stack([_losses(n, k, epochs) for n in _NUMBERS]) for k in range(draws)])
    logs = np.log(found).mean(axis=3)  # [draws, n, depths]
    gaps = (logs[:, 1:, -1] - logs[:, 1:, 0]).ravel()
    reach = 1.96 * float(gaps.std(ddof=1)) / np.sqrt(len(gaps))
    mean = float(gaps.mean())
    middle, spread = np.exp(logs.mean(axis=0)), logs.std(axis=0, ddof=1) / np.sqrt(draws)
    return Outcome(
        headline=Words("error of 4 layers ÷ of 1, n = 3 to 5", "erro de 4 camadas ÷ de 1, n = 3 a 5"),
        predicted=None,
        value=float(np.exp(mean)),
        interval=(float(np.exp(mean - reach)), float(np.exp(mean + reach))),
        measured=said(
            "At {0} parameters four layers have {1} times the error of one, [{2}; {3}] with 95 % "
            "confidence. For a product of 5 numbers the errors are {4} (one layer), {5} (two) and {6} "
            "(four) of the mean's.",
            "Com {0} parâmetros quatro camadas têm {1} vezes o erro de uma, [{2}; {3}] com 95 % de "
            "confiança. Para um produto de 5 números os erros são {4} (uma camada), {5} (duas) e {6} "
            "(quatro) do erro da média.",
            _BUDGET, float(np.exp(mean)), float(np.exp(mean - reach)), float(np.exp(mean + reach)),
            *(float(each) for each in middle[-1]),
        ),
        verdict=verdict(mean - reach, mean + reach),
        statement=said(
            "Learnt from 2,000 examples too, products favour depth at equal size: the error of four layers "
            "was {0} times that of one. But what can be built exactly is far from what is learnt: at n = 5 "
            "every network still misses a part of the product.",
            "Também aprendidos de 2.000 exemplos, produtos favorecem a profundidade com tamanho igual: o "
            "erro de quatro camadas foi {0} vezes o de uma. Mas o que se constrói exatamente está longe do "
            "que se aprende: com n = 5 toda rede ainda erra uma parte do produto.",
            float(np.exp(mean)),
        ),
        pictures=(_by_numbers(middle, spread),),
    )  # fmt: skip


def _by_numbers(middle: np.ndarray, spread: np.ndarray) -> Plot:
    return Plot(
        Words("Learning a product of n numbers", "Aprender um produto de n números"),
        Words(
            "About 600 parameters each. Bands: standard error over data sets drawn anew.",
            "Cerca de 600 parâmetros cada. Faixas: erro padrão sobre conjuntos sorteados de novo.",
        ),
        Axis(
            Words("numbers in the product", "números no produto"),
            names=tuple(Words(str(n), str(n)) for n in _NUMBERS),
        ),
        Axis(Words("error (1: the mean's)", "erro (1: o da média)"), log=True),
        tuple(
            series(
                Words(f"{depth} layer{'s' * (depth > 1)}", f"{depth} camada{'s' * (depth > 1)}"),
                range(len(_NUMBERS)),
                middle[:, k],
                role,
                "both",
                (middle[:, k] * np.exp(-spread[:, k]), middle[:, k] * np.exp(spread[:, k])),
            )
            for k, (depth, role) in enumerate(zip(_DEPTHS, _ROLES, strict=True))
        ),
        marks=(Mark(Words("the mean", "a média"), y=1.0),),
    )


EXPERIMENT = Experiment(
    title=Words("Learning products, deep or shallow", "Aprender produtos: rede profunda ou rasa"),
    claim=Words(
        "A deep network needs far fewer units for a product than a shallow one, so it should learn it "
        "better at the same size.",
        "Uma rede profunda precisa de muito menos unidades para um produto do que uma rasa; logo deveria "
        "aprendê-lo melhor com o mesmo tamanho.",
    ),
    source=Words(
        "A reading of “O poder da aprendizagem profunda”, its questions of efficiency and learnability put "
        "together",
        "Uma leitura de “O poder da aprendizagem profunda”, suas questões de eficiência e aprendibilidade "
        "juntas",
    ),
    prediction=Words(
        "Units needed: 2ⁿ in one layer, 4(n − 1) in a tree (Lin, Tegmark and Rolnick 2017). That is about "
        "what exists; no theorem says that training finds it, and one layer of 600 parameters has more than "
        "2ⁿ units here, so that counting decides nothing.",
        "Unidades necessárias: 2ⁿ em uma camada, 4(n − 1) em árvore (Lin, Tegmark e Rolnick 2017). Isto diz "
        "o que existe; nenhum teorema diz que o treino o encontra, e uma camada de 600 parâmetros tem aqui "
        "mais de 2ⁿ unidades, de modo que a contagem nada decide.",
    ),
    measure=measure,
    rows=("U6", "U7"),
)
