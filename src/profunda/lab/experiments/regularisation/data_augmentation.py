"""Seven changes of a picture, and what training on changed pictures is worth where and where not."""

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.regularisation._pictures import accuracy, clothes, dense, trained
from profunda.lab.experiments.regularisation._tables import Interval, filled, interval, rule, told
from profunda.lab.pictures import Axis, Plot, Sheet, series, sheet
from profunda.lab.words import Words, said
from profunda.layers import (
    ImageAugmentation,
    add_noise,
    adjust_brightness,
    adjust_contrast,
    flip,
    rotate,
    shift_colour,
    translate,
    zoom,
)

_SHIFT = ImageAugmentation(shift=3 / 28)
_EACH = (10, 30, 100)
_CHANGES = (
    Words("as it is", "como é"),
    Words("flip", "espelho"),
    Words("scale", "escala"),
    Words("translation", "translação"),
    Words("rotation", "rotação"),
    Words("brightness, contrast", "brilho, contraste"),
    Words("noise", "ruído"),
    Words("colour shift", "mudança de cor"),
)


def judged(moved: list[Interval], still: list[Interval]) -> Verdict:
    """By what augmentation adds to the accuracy on moved pictures, and on pictures in their place."""
    return rule([*moved, *still])


def measure(quick: bool) -> Outcome:
    """Networks on 100, 300 and 1,000 pictures, with shifted copies and without, the same first weights."""
    seeds, epochs = (3, 12) if quick else (6, 30)
    gained = np.empty((len(_EACH), 2, seeds))
    levels = np.empty((len(_EACH), 2, 2, seeds))
    for i, each in enumerate(_EACH):
        x, y, still, labels = clothes(each)
        moved = _SHIFT(still, torch.Generator().manual_seed(0))
        for seed in range(seeds):
            for j, change in enumerate((None, _SHIFT)):
                model = trained(lambda: dense(784), x, y, epochs=epochs, seed=seed, change=change)
                levels[i, j, :, seed] = [100 * accuracy(model, rows, labels) for rows in (moved, still)]
        gained[i] = levels[i, 1] - levels[i, 0]
    on_moved = [interval(one[0]) for one in gained]
    on_still = [interval(one[1]) for one in gained]
    verdict = judged(on_moved, on_still)
    return Outcome(
        headline=Words("points gained on moved pictures, 300 to learn from",
                       "pontos ganhos em imagens movidas, 300 para aprender"),
        predicted=None,
        value=on_moved[1].mean,
        interval=(on_moved[1].low, on_moved[1].high),
        measured=filled(
            "Points that shifted copies add for 100, 300 and 1,000 training pictures: on pictures moved "
            "alike {0}; {1}; {2}; on pictures in their place {3}; {4}; {5}.",
            "Pontos que cópias deslocadas acrescentam para 100, 300 e 1.000 imagens de treino: em imagens "
            "movidas assim {0}; {1}; {2}; em imagens no lugar {3}; {4}; {5}.",
            *(_points(one) for one in (*on_moved, *on_still)),
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words("Shifted copies help on moved pictures and on pictures in their place.",
                  "Cópias deslocadas ajudam em imagens movidas e em imagens no lugar."),
            Words(
                "Augmentation helps on pictures that vary as its copies do. Where they do not, as these, "
                "which were cut to one frame, a small dense network spends itself on what is never asked: "
                "choose what varies in use, and measure.",
                "O aumento ajuda em imagens que variam como suas cópias. Onde não variam, como estas, todas "
                "recortadas no mesmo quadro, uma pequena rede densa se gasta com o que nunca é perguntado: "
                "escolha o que varia no uso, e meça.",
            ),
            Words("Shifted copies hurt here.", "Cópias deslocadas prejudicam aqui."),
        ),
        pictures=(_panels(), _plot(levels)),
    )  # fmt: skip


def _points(one: Interval) -> Words:
    return said("{0} [{1}, {2}]", "{0} [{1}; {2}]", one.mean, one.low, one.high)


def _panels() -> Sheet:
    """A boot and its seven changes, as the text's figure has them."""
    x = clothes(1)[0][9:]
    normals = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    changed = (
        x,
        flip(x, horizontal=True),
        zoom(x, 0.7),
        translate(x, 5.0, 3.0),
        rotate(x, 25.0),
        adjust_contrast(adjust_brightness(x, 0.3), 0.5),
        add_noise(x, 0.15, normals),
        shift_colour(x.expand(1, 3, 28, 28), torch.tensor([[0.4, 0.0, -0.2]]))[:, :1],
    )
    return sheet(
        Words("A picture and seven changes", "Uma imagem e sete mudanças"),
        Words("Of the change of colour the channel that brightens is shown.",
              "Da mudança de cor mostra-se o canal que clareia."),
        torch.cat(changed)[:, 0].clamp(0.0, 1.0),
        4,
        _CHANGES,
    )  # fmt: skip


def _plot(levels: np.ndarray) -> Plot:
    names = (
        (Words("moved, with copies", "movidas, com cópias"), 1, 0, "good"),
        (Words("moved, without", "movidas, sem"), 0, 0, "bad"),
        (Words("in place, with copies", "no lugar, com cópias"), 1, 1, "measured"),
        (Words("in place, without", "no lugar, sem"), 0, 1, "second"),
    )
    return Plot(
        Words("Accuracy by the number of pictures", "Acurácia pelo número de imagens"),
        Words("Mean of networks, bands from the worst to the best.",
              "Média das redes, faixas da pior à melhor."),
        Axis(Words("training pictures", "imagens de treino"), log=True),
        Axis(Words("right (%)", "acertos (%)")),
        tuple(
            series(name, [10 * each for each in _EACH], levels[:, j, k].mean(1), role, "both",
                   band=(levels[:, j, k].min(1), levels[:, j, k].max(1)))
            for name, j, k, role in names
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("What data augmentation is worth", "O que vale o aumento de dados"),
    claim=Words(
        "Enlarging the training set by transformed copies (flip, scale, translation, rotation, brightness "
        "and contrast, noise, colour) makes predictions invariant and improves generalisation.",
        "Aumentar o conjunto de treino com cópias transformadas (espelho, escala, translação, rotação, "
        "brilho e contraste, ruído, cor) torna a predição invariante e melhora a generalização.",
    ),
    source=Words("“Técnicas de regularização”, data augmentation; Figure 9.1",
                 "“Técnicas de regularização”, data augmentation; Figura 9.1"),
    prediction=Words(
        "If so, shifted copies raise the accuracy on moved pictures and on pictures in their place, most "
        "where there are few to learn from.",
        "Se for assim, cópias deslocadas aumentam a acurácia em imagens movidas e em imagens no lugar, mais "
        "onde há poucas para aprender.",
    ),
    measure=measure,
    rows=("R4",),
)  # fmt: skip
