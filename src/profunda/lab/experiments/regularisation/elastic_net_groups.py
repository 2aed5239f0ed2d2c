"""Of alike inputs L1 takes one and L2 shares among all; the elastic net shares, and drops idle ones."""

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.regularisation._tables import interval, told
from profunda.lab.pictures import Axis, Mark, Plot, Role, series
from profunda.lab.words import Words, said
from profunda.theory import elastic_net, lasso, ridge

_ROWS, _IDLE = 100, 10
_STRENGTHS = {"L1": (0.4, 0.0), "L2": (0.0, 0.4), "both": (0.2, 0.2)}
_NAMES = {"L1": Words("L1", "L1"), "L2": Words("L2", "L2"), "both": Words("elastic net", "elastic net")}
_ROLES: dict[str, Role] = {"L1": "bad", "L2": "second", "both": "good"}


def _problem(correlation: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two alike inputs that tell equally much, and ten that tell nothing; columns centred, of variance 1."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((_ROWS, 2 + _IDLE))
    x[:, 1] = correlation * x[:, 0] + np.sqrt(1.0 - correlation**2) * x[:, 1]
    x = (x - x.mean(0)) / x.std(0)
    y = x[:, 0] + x[:, 1] + random.standard_normal(_ROWS)
    return x, y - y.mean()


def _weights(x: np.ndarray, y: np.ndarray, l1: float, l2: float) -> np.ndarray:
    if not l1:
        return ridge(x, y, l2, "mse")
    return lasso(x, y, l1, "mse").weights if not l2 else elastic_net(x, y, l1, l2, "mse").weights


def _apart(w: np.ndarray) -> float:
    """0: both alike inputs have the same weight; 1: one of them has all."""
    return float(abs(w[0] - w[1]) / max(abs(w[0] + w[1]), 1e-12))


def judged(alone: float, shared: float, both: float, zeros: float, zeros_of_ridge: float) -> Verdict:
    """L1 over 0.5, L2 under 0.02, the elastic net under 0.1 and with zeros among what tells nothing."""
    groups, sparse = both < 0.1, zeros > 0.0 == zeros_of_ridge
    if groups and sparse and alone > 0.5 and shared < 0.02:
        return "holds"
    return "holds with conditions" if groups or sparse else "wrong"


def measure(quick: bool) -> Outcome:
    """The split of weights and the zeros, for pairs more and more alike."""
    seeds = 6 if quick else 15
    correlations = (0.0, 0.9, 0.999) if quick else (0.0, 0.5, 0.8, 0.9, 0.97, 0.99, 0.999)
    apart = {name: np.zeros((len(correlations), seeds)) for name in _STRENGTHS}
    zeros = {name: np.zeros((len(correlations), seeds)) for name in _STRENGTHS}
    for place, seed in np.ndindex(len(correlations), seeds):
        x, y = _problem(correlations[place], seed)
        for name, (l1, l2) in _STRENGTHS.items():
            w = _weights(x, y, l1, l2)
            apart[name][place, seed], zeros[name][place, seed] = _apart(w), np.mean(w[2:] == 0.0)
    last = {name: float(np.mean(values[-1])) for name, values in apart.items()}
    share = {name: float(values[-1].mean()) for name, values in zeros.items()}
    spread = interval(apart["both"][-1])
    verdict = judged(last["L1"], last["L2"], last["both"], share["both"], share["L2"])
    return Outcome(
        headline=Words(
            "difference of two alike inputs' weights ÷ their sum, elastic net",
            "diferença dos pesos de duas entradas parecidas ÷ soma, elastic net",
        ),
        predicted=None,
        value=last["both"],
        interval=(spread.low, spread.high),
        measured=said(
            "Two inputs of correlation 0.999: the weights' difference is {0} of their sum with L1, {1} with "
            "L2 and {2} with both. Of ten inputs that tell nothing, L1 drops {3} %, L2 {4} % and both {5} % "
            "({6} problems).",
            "Duas entradas de correlação 0,999: a diferença dos pesos é {0} da soma com L1, {1} com L2 e "
            "{2} com ambas. De dez entradas que nada dizem, L1 descarta {3} %, L2 {4} % e ambas {5} % ({6} "
            "problemas).",
            last["L1"], last["L2"], last["both"],
            *(100.0 * share[name] for name in ("L1", "L2", "both")), seeds,
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words(
                "The elastic net selects as L1 does and treats alike inputs alike as L2 does. It groups "
                "inputs that are nearly the same; at moderate correlations it is between both.",
                "O elastic net seleciona como a L1 e trata igualmente entradas parecidas como a L2. Agrupa "
                "entradas quase iguais; com correlações moderadas fica entre as duas.",
            ),
            Words("At these strengths the elastic net has only a part of both benefits.",
                  "Com estas forças o elastic net só tem uma parte dos dois benefícios."),
            Words("At these strengths the elastic net neither groups nor selects.",
                  "Com estas forças o elastic net não agrupa nem seleciona."),
        ),
        pictures=(
            _against(correlations, apart, Words("How two alike inputs share", "Como duas entradas se "
                                                                              "repartem"),
                     Words("difference ÷ sum of weights", "diferença ÷ soma dos pesos"), 1.0,
                     Words("one alone", "só uma")),
            _against(correlations, zeros, Words("Idle inputs that are dropped", "Entradas inúteis "
                                                                                "descartadas"),
                     Words("share with weight 0", "fração com peso 0"), 0.0, Words("none", "nenhuma")),
        ),
    )  # fmt: skip


def _against(
    correlations: tuple[float, ...], by_name: dict[str, np.ndarray], title: Words, axis: Words, at: float,
    mark: Words,
) -> Plot:  # fmt: skip
    places = range(len(correlations))
    names = tuple(Words(f"{c:g}", f"{c:g}".replace(".", ",")) for c in correlations)
    return Plot(
        title,
        Words("Mean over problems, with the middle half of them.",
              "Média sobre problemas, com a metade central deles."),
        Axis(Words("correlation of the two inputs", "correlação das duas entradas"), names=names),
        Axis(axis, range=(-0.05, 1.1)),
        tuple(
            series(_NAMES[name], places, values.mean(1), _ROLES[name], "both",
                   (np.quantile(values, 0.25, axis=1), np.quantile(values, 0.75, axis=1)))
            for name, values in by_name.items()
        ),
        marks=(Mark(mark, y=at),),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("The elastic net and alike inputs", "O elastic net e entradas parecidas"),
    claim=Words(
        "The elastic net combines L1's selection of inputs with L2's stability among correlated ones.",
        "O elastic net combina a seleção de variáveis da L1 com a estabilidade da L2 entre correlacionadas.",
    ),
    source=Words("“Técnicas de regularização”, elastic net", "“Técnicas de regularização”, elastic net"),
    prediction=Words(
        "With L2 weights of inputs of correlation ρ differ by at most a multiple of √(1 − ρ) (Zou and Hastie "
        "2005, theorem 1); L1 alone has no such bound. At ρ = 0.999 the difference should be over half of "
        "the sum with L1, under 2 % with L2 and under 10 % with both.",
        "Com L2 os pesos de entradas de correlação ρ diferem no máximo por um múltiplo de √(1 − ρ) (Zou e "
        "Hastie 2005, teorema 1); a L1 sozinha não tem tal limite. Com ρ = 0,999 a diferença deve passar da "
        "metade da soma com L1, ficar abaixo de 2 % com L2 e de 10 % com ambas.",
    ),
    measure=measure,
    rows=("R3",),
)
