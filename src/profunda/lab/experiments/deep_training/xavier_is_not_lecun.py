"""b = √(3/n) is LeCun's uniform law; Xavier's is √(6/(n + m)), the same for square layers only."""

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import weight_variance

_INPUTS, _RATIOS = 400, (0.25, 0.5, 1.0, 2.0, 4.0)


def _ratios(bound: float, outputs: int, seed: int) -> np.ndarray:
    """Var(W x) ÷ Var(x) forwards, and Var(Wᵀδ) ÷ Var(δ) backwards, for U(−bound, bound) weights."""
    random = np.random.default_rng([seed, outputs])
    w = random.uniform(-bound, bound, (outputs, _INPUTS))
    x, d = random.standard_normal((_INPUTS, 64)), random.standard_normal((outputs, 64))
    return np.array([((w @ x) ** 2).mean() / (x**2).mean(), ((w.T @ d) ** 2).mean() / (d**2).mean()])


def verdict(forward: float, error: float, xavier: float) -> Verdict:
    """`forward`: the ratio under √(3/n), 1 within 4 errors; `xavier`: under Xavier's bound for m = 4n.

    The text says that √(3/n) is needed: another bound must not keep the variance as well.
    """
    if abs(forward - 1.0) > 4.0 * error:
        return "wrong"
    return "holds" if abs(xavier - 1.0) > 0.2 else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Layers from 400 inputs to 100 … 1,600 units."""
    repeats = 5 if quick else 20
    outputs = [round(_INPUTS * ratio) for ratio in _RATIOS]
    lecun = np.sqrt(3.0 * weight_variance("lecun", _INPUTS, 1))
    xaviers = [np.sqrt(3.0 * weight_variance("glorot", _INPUTS, m)) for m in outputs]
    own = np.array([[_ratios(lecun, m, k) for k in range(repeats)] for m in outputs])
    other = np.array(
        [[_ratios(b, m, k) for k in range(repeats)] for b, m in zip(xaviers, outputs, strict=True)]
    )
    forward = own[..., 0]
    value = float(forward.mean())
    reach = 1.96 * float(forward.std(ddof=1) / np.sqrt(forward.size))
    return Outcome(
        headline=Words("Var(W x) ÷ Var(x), bound √(3/n)", "Var(W x) ÷ Var(x), limite √(3/n)"),
        predicted=1.0,
        value=value,
        interval=(value - reach, value + reach),
        measured=said(
            "√(3/n) = {0} for n = 400: forwards {1}, whatever the number m of outputs; backwards {2} for m = "
            "n/4 and {3} for m = 4n. Xavier's bound: forwards {4} and {5}.",
            "√(3/n) = {0} para n = 400: na ida {1}, qualquer que seja o número m de saídas; na volta {2} "
            "para m = n/4 e {3} para m = 4n. Limite de Xavier: na ida {4} e {5}.",
            float(lecun), value, float(own[0, :, 1].mean()), float(own[-1, :, 1].mean()),
            float(other[0, :, 0].mean()), float(other[-1, :, 0].mean()),
        ),
        verdict=verdict(value, reach / 1.96, float(other[-1, :, 0].mean())),
        statement=Words(
            "√(3/n) keeps the variance forwards for any number of outputs. It is LeCun's uniform law, not "
            "Xavier's: that one, √(6/(n + m)), keeps it neither forwards nor backwards unless m = n, but is "
            "fair to both.",
            "√(3/n) conserva a variância na ida para qualquer número de saídas. É a lei uniforme de LeCun, "
            "não a de Xavier: esta, √(6/(n + m)), não a conserva nem na ida nem na volta, salvo se m = n, "
            "mas é justa com ambas.",
        ),
        pictures=(_picture(own.mean(1), other.mean(1)),),
    )  # fmt: skip


def _picture(own: np.ndarray, other: np.ndarray) -> Plot:
    at = np.geomspace(0.25, 4.0, 41)
    return Plot(
        Words("Variance after ÷ before one layer", "Variância depois ÷ antes de uma camada"),
        Words(
            "400 inputs, m outputs. Dashed: 2/(1 + m/n) and 2(m/n)/(1 + m/n), Xavier's forwards and "
            "backwards.",
            "400 entradas, m saídas. Tracejado: 2/(1 + m/n) e 2(m/n)/(1 + m/n), ida e volta de Xavier.",
        ),
        Axis(Words("outputs ÷ inputs, m/n", "saídas ÷ entradas, m/n"), log=True, range=(0.24, 6.5)),
        Axis(Words("variance ratio", "razão das variâncias"), log=True),
        (
            series(Words("√(3/n), forwards", "√(3/n), ida"), _RATIOS, own[:, 0], "good", "both"),
            series(Words("√(3/n), backwards", "√(3/n), volta"), _RATIOS, own[:, 1], "second", "both"),
            series(Words("Xavier, forwards", "Xavier, ida"), _RATIOS, other[:, 0], "measured", "points"),
            series(Words("Xavier, backwards", "Xavier, volta"), _RATIOS, other[:, 1], "bad", "points"),
            series(Words("law, forwards", "lei, ida"), at, 2.0 / (1.0 + at), "theory", beside="measured"),
            series(Words("law, backwards", "lei, volta"), at, 2.0 * at / (1.0 + at), "theory", beside="bad"),
        ),
        marks=(Mark(Words("kept", "conservada"), y=1.0),),
    )


EXPERIMENT = Experiment(
    title=Words("√(3/n) is LeCun's law, not Xavier's", "√(3/n) é a lei de LeCun, não a de Xavier"),
    claim=Words(
        "For Var(x) to be the same in layers q − 1 and q, uniform weights need the bound b = √(3/n), where n "
        "is the number of units of layer q − 1.",
        "Para Var(x) ser igual nas camadas q − 1 e q, pesos uniformes precisam do limite b = √(3/n), em que "
        "n é o número de unidades da camada q − 1.",
    ),
    source=Words(
        "“IA353A – Neural Networks EC2”, question 5: the bound b",
        "“IA353A – Neural Networks EC2”, questão 5: o limite b",
    ),
    prediction=Words(
        "n·b²/3 = 1: LeCun et al. (1998, eq. 16). Xavier's bound √(6/(n + m)) is a compromise with the "
        "way back "
        "(Glorot and Bengio 2010, eq. 12) and gives 2n/(n + m) forwards.",
        "n·b²/3 = 1: LeCun et al. (1998, eq. 16). O limite √(6/(n + m)) de Xavier é um compromisso com a "
        "volta "
        "(Glorot e Bengio 2010, eq. 12) e dá 2n/(n + m) na ida.",
    ),
    measure=measure,
    rows=("S9",),
)
