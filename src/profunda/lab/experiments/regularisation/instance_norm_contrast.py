"""Instance normalisation takes each image's own contrast away."""

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.regularisation._networks import digits
from profunda.lab.experiments.regularisation._tables import told
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said

_TOLERANCE = 0.01
_CONTRASTS = (0.25, 0.5, 1.0, 2.0, 4.0)


def _contrasts(images: torch.Tensor) -> np.ndarray:
    """Standard deviation of each image's pixels [N]."""
    return images.flatten(1).std(1).double().numpy()


def judged(after: float, before: float) -> Verdict:
    """By the ratio of the strongest contrast to the weakest, after the norm and before it."""
    if after <= 1.0 + _TOLERANCE:
        return "wrong"
    return "holds" if after >= before * (1.0 - _TOLERANCE) else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Digits at five contrasts through three norms."""
    count = 20 if quick else 200
    digit = digits(count).x.reshape(count, 1, 8, 8)
    digit = (digit - digit.flatten(1).mean(1)[:, None, None, None]) / digit.flatten(1).std(1)[
        :, None, None, None
    ]
    factors = torch.tensor(_CONTRASTS).repeat(count // len(_CONTRASTS))
    images = digit * factors[:, None, None, None] + 0.3 * factors[:, None, None, None]
    after = {
        "instance": torch.nn.functional.instance_norm(images),
        "layer": torch.nn.functional.layer_norm(images, images.shape[1:]),
        "batch": torch.nn.functional.batch_norm(images, None, None, training=True),
    }
    by = {name: _contrasts(part) for name, part in after.items()}
    original = _contrasts(images)
    before, ratio = float(original.max() / original.min()), float(by["instance"].max() / by["instance"].min())
    kept = float(by["batch"].max() / by["batch"].min())
    flat, normed = images.flatten(1).numpy(), after["instance"].flatten(1).numpy()
    same = float(min(np.corrcoef(a, b)[0, 1] for a, b in zip(flat, normed, strict=True)))
    verdict = judged(ratio, before)
    names = ((Words("before", "antes"), original, "measured"),
             (Words("batch norm", "batch norm"), by["batch"], "good"),
             (Words("instance norm", "instance norm"), by["instance"], "bad"),
             (Words("layer norm", "layer norm"), by["layer"], "theory"))  # fmt: skip
    shown = np.array(_CONTRASTS)
    return Outcome(
        headline=Words("strongest contrast ÷ weakest after instance norm",
                       "maior contraste ÷ menor após instance norm"),
        predicted=1.0,
        value=ratio,
        interval=(ratio - _TOLERANCE, ratio + _TOLERANCE),
        measured=said(
            "Contrasts (standard deviations of an image's pixels) that differ by a factor of {0} differ by "
            "{1} after instance norm and by {2} after batch norm. The pattern inside each image stays: "
            "correlation at least {3}.",
            "Contrastes (desvios-padrão dos pixels de uma imagem) que diferem por um fator {0} diferem por "
            "{1} após instance norm e por {2} após batch norm. O padrão dentro de cada imagem fica: "
            "correlação de ao menos {3}.",
            before, ratio, kept, same,
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words("It keeps the differences of contrast between samples.",
                  "Conserva as diferenças de contraste entre amostras."),
            Words("It keeps a part of the differences of contrast.",
                  "Conserva uma parte das diferenças de contraste."),
            Words(
                "It removes contrast: every image leaves with mean 0 and contrast 1 in each channel, "
                "which is why it suits style transfer. What it keeps is the pattern inside an image. Batch "
                "norm keeps the differences between samples.",
                "Remove o contraste: toda imagem sai com média 0 e contraste 1 em cada canal, e é por isso "
                "que serve à transferência de estilo. O que conserva é o padrão dentro da imagem. Quem "
                "conserva as diferenças entre amostras é a batch norm.",
            ),
        ),
        pictures=(
            Plot(
                Words("Contrast before and after each norm", "Contraste antes e depois de cada norma"),
                Words("Mean over images of one contrast. A level line means that contrasts are gone.",
                      "Média sobre imagens de um contraste. Uma linha horizontal: os contrastes sumiram."),
                Axis(Words("contrast of the image", "contraste da imagem"), log=True),
                Axis(Words("contrast after the norm", "contraste após a norma"), log=True),
                tuple(
                    series(name, shown, [values[i :: len(shown)].mean() for i in range(len(shown))],
                           role, "both")
                    for name, values, role in names
                ),
            ),
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Instance norm and contrast", "Instance norm e contraste"),
    claim=Words("Instance normalisation preserves contrast between samples.",
                "A instance normalization preserva contraste entre amostras."),
    source=Words("“Técnicas de regularização”, alternatives to batch normalisation",
                 "“Técnicas de regularização”, alternativas ao batch normalization"),
    prediction=Words(
        "Each sample and channel is brought to mean 0 and variance 1 (Ulyanov et al. 2016), so contrasts "
        "become equal: a ratio of 1.",
        "Cada amostra e canal vai a média 0 e variância 1 (Ulyanov et al. 2016), logo os contrastes ficam "
        "iguais: razão 1.",
    ),
    measure=measure,
    errata=("E14",),
    rows=("R8",),
)  # fmt: skip
