"""The worked example of a rank: three rows of which one is made of the others, in fractions and in floats."""

from fractions import Fraction

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said

_A = ((1, 2, 3), (4, 5, 6), (7, 8, 9))


def exact_rank(rows: tuple[tuple[int, ...], ...]) -> int:
    """The rank by elimination in fractions."""
    left = [[Fraction(value) for value in row] for row in rows]
    rank = 0
    for column in range(len(rows[0])):
        pivot = next((k for k in range(rank, len(left)) if left[k][column] != 0), None)
        if pivot is None:
            continue
        left[rank], left[pivot] = left[pivot], left[rank]
        for k in range(rank + 1, len(left)):
            factor = left[k][column] / left[rank][column]
            left[k] = [a - factor * b for a, b in zip(left[k], left[rank], strict=True)]
        rank += 1
    return rank


def combination(rows: tuple[tuple[int, ...], ...]) -> tuple[Fraction, Fraction] | None:
    """a and b with v₃ = a v₁ + b v₂ in all columns, or None."""
    (p, q, *_), (r, s, *_), (u, w, *_) = rows
    below = Fraction(p * s - q * r)
    a, b = (u * s - w * r) / below, (p * w - q * u) / below
    fits = all(a * x + b * y == z for x, y, z in zip(*rows, strict=True))
    return (a, b) if fits else None


def verdict(found: tuple[Fraction, Fraction] | None, rank: int, numerical: int) -> Verdict:
    """The coefficients found, the exact rank, and the one from singular values."""
    if found != (-1, 2) or rank != 2:
        return "wrong"
    return "holds" if numerical == rank else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Elimination in fractions; singular values in float64; and the same with a small change of one entry."""
    matrix = np.array(_A, np.float64)
    values = np.linalg.svd(matrix, compute_uv=False)
    numerical = int(np.linalg.matrix_rank(matrix))
    rank, found = exact_rank(_A), combination(_A)
    changes = np.logspace(-17, 0, 18)
    smallest, ranks = [], []
    for change in changes:
        moved = matrix.copy()
        moved[2, 2] += change
        smallest.append(float(np.linalg.svd(moved, compute_uv=False)[-1]))
        ranks.append(int(np.linalg.matrix_rank(moved)))
    told = changes[ranks.index(3)] if 3 in ranks else np.inf
    a, b = found or (Fraction(0), Fraction(0))
    threshold = float(values[0] * 3 * np.finfo(np.float64).eps)
    return Outcome(
        headline=Words("rank of the matrix, by fractions", "posto da matriz, por frações"),
        predicted=2.0,
        value=float(rank),
        interval=(float(rank), float(rank)),
        measured=said(
            "v₃ = {0}·v₁ + {1}·v₂ in all three columns, exactly, and the rank is {2}. In float64 the "
            "singular values are {3}, {4} and {5}; a change of {6} in one entry is the first of those tried "
            "that is seen as rank 3.",
            "v₃ = {0}·v₁ + {1}·v₂ nas três colunas, exatamente, e o posto é {2}. Em float64 os valores "
            "singulares são {3}, {4} e {5}; uma mudança de {6} em uma entrada é a primeira das testadas "
            "vista como posto 3.",
            int(a), int(b), rank, float(values[0]), float(values[1]), float(values[2]), float(told),
        ),
        verdict=verdict(found, rank, numerical),
        statement=Words(
            "Right: the third row is −1 times the first plus 2 times the second, and the rank is 2. In "
            "floating point a singular value is never quite 0: a rank needs a threshold, here 3·ε times the "
            "largest, and float64.",
            "Certo: a terceira linha é −1 vez a primeira mais 2 vezes a segunda, e o posto é 2. Em ponto "
            "flutuante um valor singular nunca é bem 0: um posto precisa de um limiar, aqui 3·ε vezes o "
            "maior, e de float64.",
        ),
        pictures=(
            Plot(
                Words("The smallest singular value", "O menor valor singular"),
                Words(
                    "While one entry is changed. Below the threshold the matrix counts as rank 2.",
                    "Enquanto se muda uma entrada. Abaixo do limiar a matriz conta como posto 2.",
                ),
                Axis(Words("change of the last entry", "mudança da última entrada"), log=True),
                Axis(Words("smallest singular value", "menor valor singular"), log=True),
                (series(Words("σ₃", "σ₃"), changes, np.maximum(smallest, 1e-18), "measured", "both"),),
                marks=(Mark(Words("threshold", "limiar"), y=threshold),),
            ),
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("The rank of a 3 × 3 matrix", "O posto de uma matriz 3 × 3"),
    claim=Words(
        "Of the rows (1, 2, 3), (4, 5, 6) and (7, 8, 9) the third is −1 times the first plus 2 times the "
        "second, so the space that they span has two dimensions.",
        "Das linhas (1, 2, 3), (4, 5, 6) e (7, 8, 9), a terceira é −1 vez a primeira mais 2 vezes a "
        "segunda; o espaço gerado por elas é bidimensional.",
    ),
    source=Words("“Teoria de Deep Learning”, section 11.2", "“Teoria de Deep Learning”, seção 11.2"),
    prediction=Words(
        "v₃ = −v₁ + 2v₂ and rank 2; singular values 16.848, 1.068 and 0 up to rounding.",
        "v₃ = −v₁ + 2v₂ e posto 2; valores singulares 16,848, 1,068 e 0 a menos de arredondamento.",
    ),
    measure=measure,
    rows=("U2",),
)
