"""256^1000000 images of a megapixel: they are grey, not black and white, and a network is no list of them."""

import math

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import count_inputs, decimal_digits

_PIXELS, _GREY, _BLACK_WHITE = 1_000_000, 256, 2
_HIDDEN = 128  # of the small network that is set beside the list


def bracketed(digits: int, power_of_two: int) -> bool:
    """Whether 10^(digits − 1) ≤ 2^power < 10^digits, in whole numbers.

    10^k = 2^k·5^k, so this compares powers of 5 with powers of 2, whose bits can be counted.
    """
    five = 5 ** (digits - 1)
    low, high = power_of_two - digits + 1, power_of_two - digits
    return (five - 1).bit_length() <= low and (5 * five).bit_length() > high


def verdict(exact: bool, grey: int, black_white: int) -> Verdict:
    """`exact`: the count of 256^1000000 is confirmed; digits of the counts of grey and two-level images."""
    if not exact:
        return "wrong"
    return "holds" if grey == black_white else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Digits of the counts, checked in whole numbers; a network's parameters beside them."""
    grey, black_white = (decimal_digits(levels, _PIXELS) for levels in (_GREY, _BLACK_WHITE))
    checked = decimal_digits(_GREY, _PIXELS // 10) if quick else grey
    exact = bracketed(checked, 8 * (_PIXELS // 10 if quick else _PIXELS)) and grey == 1 + math.floor(
        _PIXELS * math.log10(_GREY)
    )
    pixels = np.unique(np.logspace(0, 6, 25).astype(int))
    parameters = [_HIDDEN * (n + 2) + 1 for n in pixels.tolist()]
    lists = {
        levels: [count_inputs(size, levels, n).log10_inputs
                 for n, size in zip(pixels.tolist(), parameters, strict=True)]
        for levels in (_GREY, _BLACK_WHITE)
    }  # fmt: skip
    return Outcome(
        headline=Words("decimal digits of 256^1000000", "algarismos decimais de 256^1000000"),
        predicted=2_408_240.0,
        value=float(grey),
        interval=(float(grey), float(grey)),
        measured=said(
            "256^1000000 has {0} digits, 2^1000000 has {1}. A network of {2} hidden units for such images "
            "has {3} parameters, a number of {4} digits.",
            "256^1000000 tem {0} algarismos, 2^1000000 tem {1}. Uma rede de {2} unidades ocultas para essas "
            "imagens tem {3} parâmetros, um número de {4} algarismos.",
            grey, black_white, _HIDDEN, parameters[-1], len(str(parameters[-1])),
        ),
        verdict=verdict(exact, grey, black_white),
        statement=said(
            "There are 256^1000000 images of a megapixel with 256 levels of grey, as the text counts. Images "
            "that are black and white in the literal sense have 2 levels, so 2^1000000. And p takes a whole "
            "image, I₂₅₆^1000000 → (0, 1): as a list it needs one number for each image, which a network, "
            "being a formula, does not.",
            "Há 256^1000000 imagens de um megapixel com 256 níveis de cinza, como o texto conta. Imagens em "
            "preto e branco no sentido literal têm 2 níveis, logo 2^1000000. E p recebe uma imagem inteira, "
            "I₂₅₆^1000000 → (0, 1): como lista precisa de um número por imagem; uma rede, que é uma fórmula, "
            "não.",
        ),
        pictures=(_lengths(pixels, lists, parameters),),
    )  # fmt: skip


def _lengths(pixels: np.ndarray, lists: dict[int, list[float]], parameters: list[int]) -> Plot:
    return Plot(
        Words("A list and a network", "Uma lista e uma rede"),
        Words(
            "Upwards: how many digits it takes just to write down how many numbers each needs. "
            "Dotted: the atoms of the visible universe, about 10⁸⁰.",
            "Na vertical: quantos algarismos são precisos só para escrever de quantos números cada "
            "uma precisa. Pontilhado: os átomos do universo visível, cerca de 10⁸⁰.",
        ),
        Axis(Words("pixels of an image", "pixels de uma imagem"), log=True),
        Axis(Words("log₁₀ of the count of numbers", "log₁₀ da quantidade de números"), log=True),
        (
            series(Words("list, 256 levels", "lista, 256 níveis"), pixels, lists[_GREY], "bad"),
            series(Words("list, 2 levels", "lista, 2 níveis"), pixels, lists[_BLACK_WHITE], "second"),
            series(
                Words("network, 128 units", "rede, 128 unidades"),
                pixels,
                np.log10(parameters),
                "measured",
            ),
        ),
        marks=(Mark(Words("atoms in the universe", "átomos no universo"), y=80.0),),
    )


EXPERIMENT = Experiment(
    title=Words("Counting the images of a megapixel", "Contar as imagens de um megapixel"),
    claim=Words(
        "A black and white picture of one megapixel is a vector of 1,000,000 entries with 256 values, so "
        "there are 256^1000000 pictures, and a function p: I₂₅₆ → (0, 1) must be a list of as many values.",
        "Uma imagem preta/branca de 1 megapixel é um vetor de 1.000.000 de entradas com 256 valores, logo "
        "há 256^1000000 imagens, e uma função p: I₂₅₆ → (0, 1) deve ser uma lista com a mesma quantidade "
        "de valores.",
    ),
    source=Words(
        "“O poder da aprendizagem profunda”, the example of images",
        "“O poder da aprendizagem profunda”, exemplo das imagens",
    ),
    prediction=Words(
        "⌊1000000·log₁₀ 256⌋ + 1 = 2,408,240 digits; with two levels 301,030. A dense network grows by a "
        "fixed number of weights with each pixel.",
        "⌊1000000·log₁₀ 256⌋ + 1 = 2.408.240 algarismos; com dois níveis, 301.030. Uma rede densa cresce um "
        "número fixo de pesos a cada pixel.",
    ),
    measure=measure,
    errata=("E23",),
    rows=("U7",),
)
