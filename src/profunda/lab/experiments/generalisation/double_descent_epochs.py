"""Double descent over epochs: exact for features of two scales; tried on networks of this size."""

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.generalisation._stacked import digits, train_stack
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import EpochCurve, TwoScales


def verdict(linear: bool, first: float, worst: float, last: float) -> Verdict:
    """`linear`: the exact curve descends twice; the network's first minimum, later maximum and end.

    A second descent of the network ends below half of the way from the maximum back to the minimum.
    """
    if not linear:
        return "wrong"
    descends = worst > 1.1 * first and last < 0.5 * (first + worst)
    return "holds" if descends else "holds with conditions"


_SO = Words(
    "It exists, and follows exactly where features are learnt at two speeds. On a small network and "
    "noisy digits we did not get it: the error falls, then rises up to the last epoch; stopping "
    "early is then best. The text speaks of models large enough; none of those was trained here.",
    "Ela existe, e se deduz exatamente onde características são aprendidas em duas velocidades. Numa "
    "rede pequena com dígitos ruidosos não a obtivemos: o erro cai e sobe até a última época; parar "
    "cedo é então o melhor. O texto fala de modelos grandes o bastante; nenhum foi treinado aqui.",
)


def measure(quick: bool) -> Outcome:
    """Gradient descent on two-scale features, in closed form; Adam on a wide network and noisy digits."""
    steps = np.unique(np.geomspace(1, 3e6, 90).astype(int))
    curve = TwoScales().curve(steps, repeats=8 if quick else 20)
    looks = np.unique(np.geomspace(1, 300 if quick else 1200, 22).astype(int))
    stack = train_stack(
        digits(400, 0.3, 1), 64, 2 if quick else 3, steps=int(looks[-1]), rate=0.003, seed=2,
        cosine=False, looks=looks,
    )  # fmt: skip
    wrong = stack.wrong.mean(1)
    dip = int(np.argmin(wrong))
    first, worst, last = float(wrong[dip]), float(wrong[dip:].max()), float(wrong[-1])
    end, reach = float(curve.risk[-1]), 1.96 * float(curve.standard_error[-1])
    return Outcome(
        headline=Words("risk of the linear model at the end", "risco do modelo linear no fim"),
        predicted=1.74,
        value=end,
        interval=(end - reach, end + reach),
        measured=said(
            "Linear model: risk {0} at the start, {1} after {2} steps, {3} after {4}, {5} at the end. "
            "Network of 64 units, 30 % of labels redrawn: share of wrong classes {6} after {7} epochs, "
            "{8} at most later, {9} "
            "after {10}.",
            "Modelo linear: risco {0} no início, {1} após {2} passos, {3} após {4}, {5} no fim. Rede de 64 "
            "unidades, 30 % dos rótulos sorteados de novo: fração de classes erradas {6} após {7} épocas, "
            "no máximo {8} depois, {9} após "
            "{10}.",
            float(curve.risk[0]), float(curve.risk[curve.dip]), int(steps[curve.dip]),
            float(curve.risk[curve.peak]), int(steps[curve.peak]), end,
            first, int(looks[dip]), worst, last, int(looks[-1]),
        ),
        verdict=verdict(curve.descends_twice, first, worst, last),
        statement=_SO,
        pictures=(_linear(curve), _network(looks, stack.wrong)),
    )  # fmt: skip


def _linear(curve: EpochCurve) -> Plot:
    reach = 1.96 * curve.standard_error
    return Plot(
        Words("Two scales: risk by steps", "Duas escalas: risco por passos"),
        Words(
            "Exact for each draw of the inputs; band: 95 % over draws. 160 features learn fast, 10 slowly.",
            "Exato para cada sorteio das entradas; faixa: 95 % sobre sorteios. 160 características aprendem "
            "rápido, 10 devagar.",
        ),
        Axis(Words("steps", "passos"), log=True),
        Axis(Words("risk (expected squared error)", "risco (erro quadrático esperado)"), log=True),
        (
            series(Words("risk", "risco"), curve.steps, curve.risk, "measured", "line",
                   (curve.risk - reach, curve.risk + reach)),
        ),
    )  # fmt: skip


def _network(looks: np.ndarray, wrong: np.ndarray) -> Plot:
    return Plot(
        Words("A network: wrong classes by epochs", "Uma rede: classes erradas por épocas"),
        Words(
            "Test rows with clean labels; band: from the best to the worst of the first weights.",
            "Linhas de teste com rótulos limpos; faixa: do melhor ao pior dos pesos iniciais.",
        ),
        Axis(Words("epochs", "épocas"), log=True),
        Axis(Words("share of wrong classes", "fração de classes erradas"), range=(0.0, 1.0)),
        (
            series(Words("test", "teste"), looks, wrong.mean(1), "bad", "both",
                   (wrong.min(1), wrong.max(1))),
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Double descent over epochs", "Descida dupla ao longo das épocas"),
    claim=Words(
        "Training on, the test error can fall, rise and fall a second time.",
        "Continuando o treino, o erro de teste pode cair, subir e cair uma segunda vez.",
    ),
    source=Words(
        "“Técnicas de regularização”, learning curves: double descent, figure 9.10",
        "“Técnicas de regularização”, curvas de aprendizado: descida dupla, figura 9.10",
    ),
    prediction=Words(
        "Gradient descent learns the large features first, noise and all, and the small ones later (Heckel "
        "and Yilmaz 2021): risk (expected squared error) 20 → 9.5 → 17 → 1.7. For small networks nothing "
        "is promised.",
        "A descida de gradiente aprende primeiro as características grandes, com ruído e tudo, e as pequenas "
        "depois (Heckel e Yilmaz 2021): risco (erro quadrático esperado) 20 → 9,5 → 17 → 1,7. Para redes "
        "pequenas nada se promete.",
    ),
    measure=measure,
    rows=("U12",),
)
