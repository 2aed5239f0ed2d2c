"""Which changes keep what a picture shows, and which turn b into d and 6 into 9."""

import numpy as np
import torch

import profunda
from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.regularisation._letters import written
from profunda.lab.experiments.regularisation._pictures import accuracy, clothes, dense, trained
from profunda.lab.experiments.regularisation._tables import Interval, interval, told
from profunda.lab.pictures import Axis, Plot, Sheet, series, sheet
from profunda.lab.words import Words, said
from profunda.layers import ImageAugmentation

_SIGNS = "bdpq69"
_ASKED = ImageAugmentation(
    flip=0.5,
    vertical_flip=0.5,
    shift=0.06,
    rotation=180.0,
    zoom=0.15,
    brightness=0.2,
    contrast=0.5,
    noise=0.1,
)
_HARMFUL = ("flip", "vertical_flip", "rotation")


def judged(letters: tuple[str, ...], clothes_refused: tuple[str, ...], lost: Interval) -> Verdict:
    """By what is refused on letters and on clothes, and by the accuracy that mirrors cost on letters."""
    careful = set(letters) == set(_HARMFUL) and lost.above
    if not careful:
        return "wrong" if not letters and not lost.above else "holds with conditions"
    return "holds with conditions" if "flip" in clothes_refused else "holds"


def measure(quick: bool) -> Outcome:
    """Signs drawn with a shaking pen, and clothes; what is refused, and what a network loses by mirrors."""
    each, seeds, epochs = (80, 3, 8) if quick else (120, 6, 15)
    images, signs = written(_SIGNS, each)
    on_letters = profunda.label_breaking(images, signs, _ASKED, names=list(_SIGNS))
    x, y, _, _ = clothes(100 if quick else 240)
    on_clothes = profunda.label_breaking(x, y, _ASKED)
    learn, kinds = torch.from_numpy(images), torch.from_numpy(signs)
    judge, wanted = (torch.from_numpy(one) for one in written(_SIGNS, 60, seed=1))
    right = np.empty((3, seeds))
    for i, change in enumerate((None, ImageAugmentation(shift=0.06), ImageAugmentation(flip=0.5))):
        for seed in range(seeds):
            model = trained(lambda: dense(256, 6), learn, kinds, epochs=epochs, seed=seed, change=change)
            right[i, seed] = 100 * accuracy(model, judge, wanted)
    lost = interval(right[0] - right[2])
    verdict = judged(on_letters.refused, on_clothes.refused, lost)
    pairs = ", ".join(
        f"{broken.source} → {broken.target} {100 * broken.share:.0f} %"
        for one in on_letters.verdicts
        for broken in one.broken
    )
    clear = "flip" not in on_clothes.refused
    return Outcome(
        headline=Words("points of accuracy that mirror images cost on letters",
                       "pontos de acurácia que espelhos custam em letras"),
        predicted=None,
        value=lost.mean,
        interval=(lost.low, lost.high),
        measured=said(
            "Of eight changes {0} are refused on letters ({1}), and on clothes the mirror is {2}. Right on "
            "new letters: {3} % without copies, {4} % with shifted, {5} % with mirrored ones.",
            "De oito mudanças {0} são recusadas em letras ({1}), e em roupas o espelho é {2}. Acertos em "
            "letras novas: {3} % sem cópias, {4} % com deslocadas, {5} % com espelhadas.",
            len(on_letters.refused), pairs or "–", "✓" if clear else "✗",
            *(float(one.mean()) for one in right),
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words(
                "Clothes may be mirrored, letters not: what keeps a class is a property of the classes, and "
                "can be measured before training.",
                "Roupas podem ser espelhadas, letras não: o que conserva a classe é propriedade das classes, "
                "e pode ser medido antes do treino.",
            ),
            Words("Not all that is known of these signs was found.",
                  "Nem tudo o que se sabe destes sinais foi encontrado."),
            Words("No change broke a label here.", "Nenhuma mudança quebrou um rótulo aqui."),
        ),
        pictures=(_signs(images, each), _plot(right)),
    )  # fmt: skip


def _signs(images: np.ndarray, each: int) -> Sheet:
    first = torch.from_numpy(np.stack([images[i * each, 0] for i in range(len(_SIGNS))]))
    return sheet(
        Words("Signs, their mirror images, and turned by 180°", "Sinais, seus espelhos, e girados de 180°"),
        Words("Below b stands a d, below p a q; two below 6 a 9.",
              "Sob b está um d, sob p um q; duas abaixo de 6, um 9."),
        torch.cat([first, first.flip(-1), first.rot90(2, (-2, -1))]),
        len(_SIGNS),
    )  # fmt: skip


def _plot(right: np.ndarray) -> Plot:
    names = (Words("none", "nenhuma"), Words("shifted", "deslocadas"), Words("mirrored", "espelhadas"))
    return Plot(
        Words("Accuracy on letters by the copies trained on", "Acurácia em letras pelas cópias do treino"),
        Words("Whiskers from the worst to the best network. A mirror makes d of b and leaves the label b.",
              "Traços da pior à melhor rede. O espelho faz de b um d e deixa o rótulo b."),
        Axis(Words("copies", "cópias"), names=names),
        Axis(Words("right (%)", "acertos (%)")),
        (series(Words("accuracy", "acurácia"), range(3), right.mean(1), "measured", "points",
                band=(right.min(1), right.max(1))),),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Letters must not be mirrored", "Letras não se espelham"),
    claim=Words(
        "In image recognition predictions should be invariant to flips, shifts, rotations and the like; with "
        "characters take care: b and d, 6 and 9.",
        "No reconhecimento de imagens a predição deve ser invariante a espelhos, translações, rotações etc.; "
        "em OCR, cuidado: b e d, 6 e 9.",
    ),
    source=Words("“Técnicas de regularização”, invariance", "“Técnicas de regularização”, invariância"),
    prediction=Words(
        "Mirrors and a half turn map b, d, p, q and 6, 9 onto each other, so they must be refused there, "
        "shifts and shading not; of clothes a mirror image shows the same kind.",
        "Espelhos e meia-volta levam b, d, p, q e 6, 9 uns nos outros: devem ser recusados aí, translações e "
        "brilho não; o espelho de uma roupa mostra o mesmo tipo.",
    ),
    measure=measure,
    rows=("R4",),
)  # fmt: skip
