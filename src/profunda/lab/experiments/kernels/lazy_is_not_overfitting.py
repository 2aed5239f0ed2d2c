"""Lazy networks fit every row: they predict from clean labels and overfit noisy ones, as narrow ones do."""

from dataclasses import dataclass

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.kernels._axes import WIDTH
from profunda.lab.experiments.kernels._wide import Stack, descend, draw
from profunda.lab.pictures import Axis, Mark, Plot, Role, Series, series
from profunda.lab.words import Words, said
from profunda.theory import dense_kernels, kernel_regression

_SIZES, _TEST, _NOISE = (50, 100, 200, 400, 800), 800, 0.2
_WIDTHS, _TRAIN = (4, 16, 64, 256), 150
_REPAIR = 2.0 / 3.0
"""A ridge that leaves at most this part of the error shows that noise was learnt."""


@dataclass(frozen=True)
class Lazy:
    """Test errors of the infinitely wide network by rows of training, [S]; `train` is the worst on them."""

    clean: np.ndarray
    noisy: np.ndarray
    ridged: np.ndarray
    train: float


def digits(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """1,797 digits of 64 pixels with ‖x‖² = 64, and ±1 for even and odd ones, in random order."""
    from sklearn.datasets import load_digits

    x, label = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(x))
    x = x[order] - x.mean(0)
    return x * np.sqrt(x.shape[1]) / np.linalg.norm(x, axis=1, keepdims=True), 1.0 - 2.0 * (label[order] % 2)


def lazy(rows: int, seed: int) -> tuple[float, float, float, float]:
    """Errors on the test rows (clean, noisy, noisy with a ridge), and on the clean training rows."""
    x, y = digits(seed)
    train, test = slice(0, rows), slice(len(x) - _TEST, None)
    kernel = dense_kernels(x[train], 1, "relu", 2.0).ntk
    across = dense_kernels(x[test], 1, "relu", 2.0, x2=x[train]).ntk
    flipped = np.where(np.random.default_rng(seed + 99).random(rows) < _NOISE, -1.0, 1.0) * y[train]
    both = np.stack([y[train], flipped], 1)
    guess = kernel_regression(kernel, np.concatenate([across, kernel]), both)
    ridged = kernel_regression(kernel, across, flipped, ridge=float(kernel[0, 0]))

    def wrong(outputs: np.ndarray, truth: np.ndarray) -> float:
        return float(np.mean(np.sign(outputs) != truth))

    new, seen = guess[:_TEST], guess[_TEST:]
    errors = [wrong(each, y[test]) for each in (new[:, 0], new[:, 1], ridged)]
    return errors[0], errors[1], errors[2], wrong(seen[:, 0], y[train])


@dataclass(frozen=True)
class Finite:
    """Errors of networks of a width [M]: on the test rows, on the training rows, and on the test rows after
    training with a fifth of the labels flipped."""

    width: int
    test: np.ndarray
    train: np.ndarray
    noisy: np.ndarray


def finite(width: int, networks: int, steps: int) -> Finite:
    """One hidden layer, 150 rows, steps of 1/λ_max to a hundredth of the loss."""
    x, y = digits(0)
    rows, targets = (torch.tensor(each, dtype=torch.float32) for each in (x, y))
    stack = draw([width], rows.shape[1], "relu", networks, width, 2.0)
    rates = 1.0 / torch.linalg.eigvalsh(stack.kernel(rows[:_TRAIN]))[:, -1]
    flips = torch.from_numpy(np.where(np.random.default_rng(99).random(_TRAIN) < _NOISE, -1.0, 1.0)).float()
    clean, noisy = (
        descend(stack, rows[:_TRAIN], labels, rates, ratio=1e-2, most=steps).stack
        for labels in (targets[:_TRAIN], targets[:_TRAIN] * flips)
    )

    def wrong(end: Stack, part: slice) -> np.ndarray:
        return (torch.sign(end.through(rows[part]).outputs) != targets[part]).double().mean(1).numpy()

    test = slice(len(x) - _TEST, None)
    return Finite(width, wrong(clean, test), wrong(clean, slice(0, _TRAIN)), wrong(noisy, test))


def judge(by_rows: Lazy, by_width: list[Finite]) -> Verdict:
    """Overfitting: a test error near chance at no training error, or one that grows with the width.

    With noisy labels also one that a ridge takes a third of away: a condition, not the claim.
    """
    fits = by_rows.train == 0.0
    predicts = by_rows.clean[-1] < 0.1 and by_rows.clean[-1] < by_rows.clean[0]
    worsens = any(
        float(wide.mean()) > float(narrow.mean()) + 0.02
        for wide, narrow in (
            (by_width[-1].test, by_width[0].test),
            (by_width[-1].noisy, by_width[0].noisy),
        )
    )
    learns_noise = by_rows.ridged[-1] < _REPAIR * by_rows.noisy[-1]
    if fits and predicts and not worsens and not learns_noise:
        return "wrong"
    return "holds" if not predicts and worsens else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Even against odd digits: the infinitely wide network by rows, finite ones by width."""
    seeds = range(2 if quick else 8)
    table = np.array([[lazy(rows, seed) for rows in _SIZES] for seed in seeds])
    mean = table.mean(0)
    by_rows = Lazy(mean[:, 0], mean[:, 1], mean[:, 2], float(table[:, :, 3].max()))
    by_width = [finite(width, 3 if quick else 5, 150 if quick else 400) for width in _WIDTHS]
    last = table[:, -1, 0]
    spread = 1.96 * float(last.std(ddof=1)) / len(last) ** 0.5
    return Outcome(
        headline=Words(
            "test error of the infinitely wide network, 800 rows",
            "erro de teste da rede infinitamente larga, 800 linhas",
        ),
        predicted=None,
        value=float(last.mean()),
        interval=(float(last.mean()) - spread, float(last.mean()) + spread),
        measured=said(
            "With no error on the training rows the infinitely wide network errs on {0} % of new digits "
            "after 50 rows, {1} % after 800; with a fifth of labels flipped on {6} %, with a ridge on {7} %. "
            "150 rows, {2} units: {3} % (flipped: {8} %), {4} units: {5} % ({9} %).",
            "Sem erro nas linhas de treino, a rede infinitamente larga erra {0} % de novos dígitos com 50 "
            "linhas, {1} % com 800; com um quinto dos rótulos trocado, {6} %, com crista {7} %. 150 linhas, "
            "{2} unidades: {3} % (trocados: {8} %), {4} unidades: {5} % ({9} %).",
            100.0 * float(by_rows.clean[0]), 100.0 * float(by_rows.clean[-1]), by_width[0].width,
            100.0 * float(by_width[0].test.mean()), by_width[-1].width,
            100.0 * float(by_width[-1].test.mean()), 100.0 * float(by_rows.noisy[-1]),
            100.0 * float(by_rows.ridged[-1]), 100.0 * float(by_width[0].noisy.mean()),
            100.0 * float(by_width[-1].noisy.mean()),
        ),
        verdict=judge(by_rows, by_width),
        statement=Words(
            "A lazy network is kernel regression with the tangent kernel: it can fit every row and still "
            "predict new ones. With noisy labels it does overfit, and a ridge repairs much of that. But "
            "being lazy is not the reason: narrow networks, far from their linear model, err no less.",
            "Uma rede preguiçosa é regressão com o núcleo tangente: pode ajustar toda linha e ainda prever "
            "novas. Com rótulos ruidosos ela sobreajusta, sim, e uma crista (ridge) repara boa parte. Mas "
            "a causa não é ser preguiçosa: redes estreitas, longe de seu modelo linear, não erram menos.",
        ),
        pictures=(_by_rows(by_rows, table), _by_width(by_width)),
    )  # fmt: skip


def _by_rows(found: Lazy, table: np.ndarray) -> Plot:
    error = 1.96 * table[:, :, 0].std(0, ddof=1) / len(table) ** 0.5
    return Plot(
        Words("Test error of the infinitely wide network", "Erro de teste da rede infinitamente larga"),
        Words(
            "Tangent-kernel regression without any error on the training rows; a fifth of labels flipped "
            "makes it worse, a ridge repairs part of it. Band: 95 % over draws.",
            "Regressão com o núcleo tangente sem erro algum nas linhas de treino; trocar um quinto dos "
            "rótulos piora, uma crista (ridge) repara parte. Faixa: 95 % sobre sorteios.",
        ),
        Axis(Words("rows of training", "linhas de treino"), log=True),
        Axis(Words("share of wrong predictions", "parcela de previsões erradas")),
        (
            series(Words("clean labels", "rótulos limpos"), _SIZES, found.clean, "measured", "both",
                   (found.clean - error, found.clean + error)),
            series(Words("a fifth flipped", "um quinto trocado"), _SIZES, found.noisy, "bad", "both"),
            series(Words("flipped, with a ridge", "trocado, com crista"), _SIZES, found.ridged, "good",
                   "both"),
        ),
        marks=(Mark(Words("guessing", "adivinhar"), y=0.5),),
    )  # fmt: skip


def _by_width(found: list[Finite]) -> Plot:
    widths = [each.width for each in found]
    clean, noisy = np.array([each.test for each in found]), np.array([each.noisy for each in found])
    return Plot(
        Words("Test error by width", "Erro de teste por largura"),
        Words(
            "One hidden layer trained on 150 rows, with 95 % intervals: wider, so lazier, is not worse, "
            "neither with clean labels nor with a fifth of them flipped.",
            "Uma camada oculta treinada com 150 linhas, com intervalos de 95 %: mais larga, logo mais "
            "preguiçosa, não é pior, nem com rótulos limpos nem com um quinto trocado.",
        ),
        WIDTH,
        Axis(Words("share of wrong predictions", "parcela de previsões erradas"), range=(-0.01, 0.5)),
        (
            _with_band(Words("new rows, a fifth flipped", "novas, um quinto trocado"), widths, noisy, "bad"),
            _with_band(Words("new rows", "linhas novas"), widths, clean, "measured"),
            series(Words("training rows", "linhas de treino"), widths, [float(e.train.mean()) for e in found],
                   "good", "both"),
        ),
    )  # fmt: skip


def _with_band(name: Words, widths: list[int], errors: np.ndarray, role: Role) -> Series:
    """Means of errors [K, M] over networks, with their 95 % intervals."""
    middle = errors.mean(1)
    reach = 1.96 * errors.std(1, ddof=1) / errors.shape[1] ** 0.5
    return series(name, widths, middle, role, "both", (middle - reach, middle + reach))


EXPERIMENT = Experiment(
    title=Words("Does a lazy network overfit?", "Uma rede preguiçosa sobreajusta?"),
    claim=Words(
        "A network close to its linear model (small L/N) learns no features and so tends to overfit.",
        "Uma rede próxima de seu modelo linear (L/N pequeno) não aprende características e por isso tende a "
        "sobreajustar.",
    ),
    source=Words(
        "A reading of “Teoria de Deep Learning”, section 13, conclusion on β, near-linear networks",
        "Uma leitura de “Teoria de Deep Learning”, seção 13, conclusão sobre β, redes quase lineares",
    ),
    prediction=Words(
        "Lazy training ends at kernel regression (Lee et al. 2019). If it overfits, test errors are near "
        "chance at no training error, or grow with the width; if not, below 10 % with 800 rows and falling. "
        "Who fits noisy labels learns their noise: then a ridge takes a third of the error away. That this "
        "counts as a condition was settled after a first look.",
        "O treino preguiçoso acaba em regressão com núcleo (Lee et al. 2019). Se sobreajusta, os erros de "
        "teste ficam perto do acaso sem erro de treino, ou crescem com a largura; se não, abaixo de 10 % com "
        "800 linhas e caindo. Quem ajusta rótulos ruidosos aprende o ruído: então uma crista tira um terço "
        "do erro. Que isso conte como condição foi decidido após uma primeira olhada.",
    ),
    measure=measure,
    errata=("E26",),
    rows=("U5",),
)
