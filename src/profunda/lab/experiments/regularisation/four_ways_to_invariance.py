"""Features, a penalty, structure, more data: four ways to predictions that a shift leaves as they are."""

import time

import numpy as np
import torch
from torch import Tensor, nn

import profunda
from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.regularisation._pictures import accuracy, clothes, convolutional, dense, trained
from profunda.lab.experiments.regularisation._tables import Interval, filled, interval, rule, told
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said
from profunda.layers import Consistency, ImageAugmentation, fourier_magnitude

_SHIFT = ImageAugmentation(shift=4 / 28)
_NAMES = (
    Words("none", "nenhuma"),
    Words("features: |FFT|", "features: |FFT|"),
    Words("penalty on change", "penalidade"),
    Words("structure", "estrutura"),
    Words("more data", "mais dados"),
)


class _Magnitudes(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return fourier_magnitude(images)


def _train(way: int, x: Tensor, y: Tensor, epochs: int, seed: int) -> nn.Module:
    """The network of one way; all but the convolutional one are one hidden layer of 64 units."""
    if way == 1:
        return trained(lambda: nn.Sequential(_Magnitudes(), dense(28 * 15)), x, y, epochs=epochs, seed=seed)
    if way == 3:
        return trained(convolutional, x, y, epochs=epochs, seed=seed, rate=8e-3)
    penalty = Consistency(3.0, _SHIFT) if way == 2 else None
    change = _SHIFT if way == 4 else None
    return trained(lambda: dense(784), x, y, epochs=epochs, seed=seed, penalty=penalty, change=change)


def judged(gains: list[Interval], scores: list[Interval]) -> Verdict:
    """By what each way adds to the accuracy on moved pictures and to the invariance score of none."""
    return rule([*gains, *scores])


def measure(quick: bool) -> Outcome:
    """Six hundred pictures to learn from, in their place; judged on others, moved by up to four pixels."""
    seeds, epochs = (2, 8) if quick else (4, 20)
    x, y, still, labels = clothes(60)
    moved = _SHIFT(still, torch.Generator().manual_seed(0))
    right, kept, placed, seconds = (np.empty((5, seeds)) for _ in range(4))
    for way in range(5):
        for seed in range(seeds):
            began = time.process_time()
            model = _train(way, x, y, epochs, seed)
            seconds[way, seed] = time.process_time() - began
            right[way, seed] = 100 * accuracy(model, moved, labels)
            placed[way, seed] = 100 * accuracy(model, still, labels)
            kept[way, seed] = profunda.invariance(model, still, _SHIFT, seed=seed).score
    gains = [interval(right[way] - right[0]) for way in range(1, 5)]
    verdict = judged(gains, [interval(kept[way] - kept[0]) for way in range(1, 5)])
    best = max(gains, key=lambda one: one.mean)
    cost = seconds.mean(1) / seconds[0].mean()
    lines = [
        said("{0}: {1} % ({2} % unmoved), invariance {3}, ×{4} time",
             "{0}: {1} % ({2} % sem mover), invariância {3}, tempo ×{4}",
             "{0}", float(right[w].mean()), float(placed[w].mean()), float(kept[w].mean()), float(cost[w]))
        for w in range(5)
    ]  # fmt: skip
    named = [filled(line.en, line.pt, name) for line, name in zip(lines, _NAMES, strict=True)]
    return Outcome(
        headline=Words("accuracy on moved pictures gained by the best way (points)",
                       "acurácia em imagens movidas ganha pela melhor via (pontos)"),
        predicted=None,
        value=best.mean,
        interval=(best.low, best.high),
        measured=Words("Right on moved pictures: " + "; ".join(one.en for one in named) + ".",
                       "Acertos em imagens movidas: " + "; ".join(one.pt for one in named) + "."),
        verdict=verdict,
        statement=told(
            verdict,
            Words("All four raise both the invariance and the accuracy on moved pictures; they differ in "
                  "what they cost on pictures that stay, and in time.",
                  "As quatro aumentam a invariância e a acurácia em imagens movidas; diferem no que custam "
                  "em imagens paradas e em tempo."),
            Words("Not each of the four could be told to raise both the invariance and the accuracy on moved "
                  "pictures: an invariant answer may still be a wrong one.",
                  "Não se pôde dizer de cada uma das quatro que aumenta a invariância e a acurácia em "
                  "imagens movidas: uma resposta invariante ainda pode ser errada."),
            Words("None helps here, and one hurts.", "Nenhuma ajuda aqui, e uma prejudica."),
        ),
        pictures=(_plot(right, placed), _scores(kept)),
    )  # fmt: skip


def _plot(right: np.ndarray, placed: np.ndarray) -> Plot:
    return Plot(
        Words("Accuracy of each way", "Acurácia de cada via"),
        Words("Trained on pictures in their place. Whiskers from the worst to the best network.",
              "Treinadas em imagens no lugar. Traços da pior à melhor rede."),
        Axis(Words("way", "via"), names=_NAMES),
        Axis(Words("right (%)", "acertos (%)")),
        (series(Words("moved", "movidas"), range(5), right.mean(1), "measured", "points",
                band=(right.min(1), right.max(1))),
         series(Words("in their place", "no lugar"), range(5), placed.mean(1), "second", "points",
                band=(placed.min(1), placed.max(1)))),
    )  # fmt: skip


def _scores(kept: np.ndarray) -> Plot:
    return Plot(
        Words("Invariance of each way", "Invariância de cada via"),
        Words("1: a shift changes no output; 0: as much as another picture would.",
              "1: o deslocamento não muda a saída; 0: muda tanto quanto outra imagem mudaria."),
        Axis(Words("way", "via"), names=_NAMES),
        Axis(Words("invariance score", "índice de invariância")),
        (series(Words("score", "índice"), range(5), kept.mean(1), "measured", "points",
                band=(kept.min(1), kept.max(1))),),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Four ways to invariance", "Quatro vias para a invariância"),
    claim=Words(
        "A model is made invariant to transformations by invariant features (histogram, FFT), by penalising "
        "changes of its output, by its structure, or by enlarging the training set.",
        "Um modelo se torna invariante a transformações por features invariantes (histograma, FFT), por "
        "penalizar alterações na saída, pela estrutura da rede ou por aumentar o conjunto de treinamento.",
    ),
    source=Words("“Técnicas de regularização”, data augmentation",
                 "“Técnicas de regularização”, data augmentation"),
    prediction=Words(
        "Each raises the invariance score of a dense network and its accuracy on moved pictures. Magnitudes "
        "of the Fourier transform feel no circular shift at all (the shift theorem).",
        "Cada uma aumenta o índice de invariância de uma rede densa e sua acurácia em imagens movidas. "
        "Módulos da transformada de Fourier não sentem deslocamento circular (teorema do deslocamento).",
    ),
    measure=measure,
    rows=("R5",),
)  # fmt: skip
