"""In a deep sigmoid network the first layers learn far more slowly than the last."""

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.deep_training._watched import Watched, watch
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import chi_perp

_LAYERS = 5


def verdict(high: float, stays: float) -> Verdict:
    """`high`: upper end of the interval of first over last speed; `stays`: the same in later training."""
    if high >= 0.5:
        return "wrong"
    return "holds" if stays < 0.5 else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """64–30×5–10 sigmoid networks on digits of 8 × 8, weights N(0, 1), plain gradient descent."""
    networks, steps = (8 if quick else 24), 200
    large = watch("sigmoid", _LAYERS, 30, 1.0, networks, steps=steps, rate=1.0, standard=False)
    small = watch("sigmoid", _LAYERS, 30, 1.0, networks, steps=2, rate=1.0)
    ratios = large.speeds[0, :, 0] / large.speeds[0, :, -1]
    value = float(np.exp(np.log(ratios).mean()))
    error = 1.96 * float(np.log(ratios).std(ddof=1)) / np.sqrt(networks)
    low, high = value * np.exp(-error), value * np.exp(error)
    later = float(np.median(large.speeds[-1, :, 0] / large.speeds[-1, :, -1]))
    scaled = float(np.exp(np.log(small.speeds[0, :, 0] / small.speeds[0, :, -1]).mean()))
    slope = chi_perp("sigmoid", 0.265, 1.0)
    return Outcome(
        headline=Words(
            "speed of the first layer ÷ the last, weights N(0, 1)",
            "velocidade da primeira camada ÷ a última, pesos N(0, 1)",
        ),
        predicted=None,
        value=value,
        interval=(float(low), float(high)),
        measured=said(
            "At the start the first of {0} hidden layers moves at {1} times the speed of the last (‖∂C/∂b‖, "
            "C the cost, b biases; {2} networks), after {3} steps at {4}. With weights of variance 1/n it "
            "is {5}.",
            "No início a primeira de {0} camadas ocultas se move a {1} vezes a velocidade da última "
            "(‖∂C/∂b‖, C o custo, b vieses; {2} redes), após {3} passos a {4}. Com pesos de variância 1/n "
            "são {5}.",
            _LAYERS, value, networks, steps, later, scaled,
        ),
        verdict=verdict(float(high), later),
        statement=said(
            "True for sigmoids at the start: each layer passes back a share χ of a squared gradient far "
            "below 1 ({0} for weights of variance 1/n). With weights N(0, 1) the speeds come together as "
            "training goes on: after {1} steps their ratio is {2}.",
            "Verdadeiro para sigmoides no início: cada camada devolve uma fração χ do gradiente ao quadrado "
            "bem abaixo de 1 ({0} para pesos de variância 1/n). Com pesos N(0, 1) as velocidades se "
            "aproximam com o treino: após {1} passos a razão é {2}.",
            slope, steps, later,
        ),
        pictures=(_by_layer(large, small), _by_step(large)),
    )  # fmt: skip


def _by_layer(large: Watched, small: Watched) -> Plot:
    layers = np.arange(1, _LAYERS + 1)
    start = [np.exp(np.log(one.speeds[0]).mean(0)) for one in (large, small)]
    band = (np.quantile(large.speeds[0], 0.1, axis=0), np.quantile(large.speeds[0], 0.9, axis=0))
    chi = chi_perp("sigmoid", 0.265, 1.0)
    theory = start[1][-1] * chi ** ((_LAYERS - layers) / 2.0)
    return Plot(
        Words("Speed of the layers before training", "Velocidade das camadas antes do treino"),
        Words(
            "Means of logarithms over networks; band: 80 % of them. Dashed: √χ per layer.",
            "Médias de logaritmos sobre redes; faixa: 80 % delas. Tracejado: √χ por camada.",
        ),
        Axis(Words("hidden layer", "camada oculta")),
        Axis(Words("speed ‖∂C/∂b‖", "velocidade ‖∂C/∂b‖"), log=True),
        (
            series(Words("weights N(0, 1)", "pesos N(0, 1)"), layers, start[0], "measured", "both", band),
            series(Words("weights N(0, 1/n)", "pesos N(0, 1/n)"), layers, start[1], "bad", "both"),
            series(Words("mean field, 1/n", "campo médio, 1/n"), layers, theory, "theory"),
        ),
    )


def _by_step(large: Watched) -> Plot:
    roles = ("bad", "second", "measured", "rest", "good")
    middle = np.median(large.speeds, 1)
    return Plot(
        Words("Speed of the layers during training", "Velocidade das camadas durante o treino"),
        Words(
            "Medians over networks; weights N(0, 1) at the start.",
            "Medianas sobre redes; pesos N(0, 1) no início.",
        ),
        Axis(Words("steps", "passos")),
        Axis(Words("speed ‖∂C/∂b‖", "velocidade ‖∂C/∂b‖"), log=True),
        tuple(
            series(said("layer {0}", "camada {0}", k + 1), large.steps, middle[:, k], roles[k])
            for k in range(_LAYERS)
        ),
    )


EXPERIMENT = Experiment(
    title=Words("Layers learn at different speeds", "Camadas aprendem em velocidades diferentes"),
    claim=Words(
        "In a deep network, when the later layers learn well, the early ones usually are stuck and learn "
        "almost nothing.",
        "Numa rede profunda, quando as camadas posteriores aprendem bem, as iniciais em geral ficam presas "
        "e quase não aprendem.",
    ),
    source=Words(
        "“Por que as redes neurais profundas são difíceis de treinar?”, closing paragraphs",
        "“Por que as redes neurais profundas são difíceis de treinar?”, parágrafos finais",
    ),
    prediction=Words(
        "Each sigmoid layer multiplies a squared gradient by χ = n·Var(w)·E φ'(z)² < 1, φ'(z) its slope "
        "(Schoenholz et al. 2017, "
        "eq. 9). On 784 inputs, measured earlier, the ratio first to last was 0.064 with weights N(0, 1), "
        "0.003 with N(0, 1/n).",
        "Cada camada sigmoide multiplica o gradiente ao quadrado por χ = n·Var(w)·E φ'(z)² < 1, φ'(z) a "
        "inclinação (Schoenholz et al. "
        "2017, eq. 9). Com 784 entradas, em medição anterior, a razão entre a primeira e a última foi "
        "0,064 com pesos N(0, 1) e 0,003 com N(0, 1/n).",
    ),
    measure=measure,
    rows=("U14",),
)
