"""Many more parameters than rows: is the Jacobian of full rank? For smooth units, and what prevents it."""

from typing import Literal

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.landscape._networks import dense, gaussian_rows, parameters
from profunda.lab.pictures import Axis, Plot, Series, series
from profunda.lab.words import Words, said
from profunda.theory import jacobian_rank

_ROWS, _INPUTS = 50, 5
_LAYERS = ((3,), (6,), (8,), (10,), (16,), (32, 32), (64, 64))


def rank(net: torch.nn.Module, x: torch.Tensor) -> int:
    """Singular values above σ_max·max(n, P)·ε, in float64."""
    return jacobian_rank(net, x).rank


def _ranks(activation: type[torch.nn.Module], seeds: int) -> np.ndarray:
    """Ranks [networks, seeds] of J on fresh rows."""
    rows = [gaussian_rows(_ROWS, _INPUTS, seed) for seed in range(seeds)]
    return np.array([
        [rank(dense((_INPUTS, *layers, 1), activation, seed), x) for seed, x in enumerate(rows)]
        for layers in _LAYERS
    ])  # fmt: skip


def verdict(smooth: np.ndarray, kinked: np.ndarray, sizes: list[int], failures: list[int]) -> Verdict:
    """Ranks of tanh and ReLU networks of so many parameters, and of the cases built to fail.

    The premise holds if P > n gives n, always; with conditions if it does for tanh but not in other cases.
    """
    above = np.array(sizes) > _ROWS
    if (smooth[above] < _ROWS).any():
        return "wrong"
    fine = (kinked[above] == _ROWS).all() and all(found == _ROWS for found in failures)
    return "holds" if fine else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Networks from 22 to 4,609 parameters on 50 rows; repeated rows, weights of 0, dead units."""
    seeds = 3 if quick else 10
    sizes = [parameters(dense((_INPUTS, *layers, 1), torch.nn.Tanh, 0)) for layers in _LAYERS]
    smooth, kinked = _ranks(torch.nn.Tanh, seeds), _ranks(torch.nn.ReLU, seeds)
    failures = _failures()
    capped = kinked[0] <= sizes[0] - 3  # a direction for each of 3 units rescales it without effect
    least = int(kinked[sizes.index(57)].min())
    return Outcome(
        headline=Words(
            "least rank of tanh networks with P > 50, of 50",
            "menor posto de redes tanh com P > 50, de 50",
        ),
        predicted=float(_ROWS),
        value=float(smooth[np.array(sizes) > _ROWS].min()),
        interval=(float(smooth[np.array(sizes) > _ROWS].min()), float(smooth.max())),
        measured=said(
            "Tanh: rank min(P, n) in {0} of {1} cases. ReLU: {2} of 50 at P = 57 in the worst draw, {3} at "
            "P = 22, all 50 at P = {4}. With P = {4} and 50 rows the rank is {5} if every row is "
            "there twice, {6} with all weights 0, {7} with all ReLU units dead.",
            "Tanh: posto min(P, n) em {0} de {1} casos. ReLU: {2} de 50 com P = 57 no pior sorteio, {3} com "
            "P = 22, todos os 50 com P = {4}. Com P = {4} e 50 linhas o posto é {5} se cada linha aparece "
            "duas vezes, {6} com todos os pesos em 0, {7} com todas as unidades ReLU mortas.",
            int((smooth == np.minimum(np.array(sizes), _ROWS)[:, None]).sum()), smooth.size, least,
            int(kinked[0].max()), sizes[-1], *failures,
        ),
        verdict=verdict(smooth, kinked, sizes, failures),
        statement=said(
            "For smooth units and different rows, yes, and already at P = n. ReLU networks lose a direction "
            "for every unit that can be rescaled ({0} of {1} draws at P = 22 keep to P − 3) and for single "
            "dead units, which P ≫ n makes up for. Repeated rows, weights of 0 and a dead layer it does not "
            "make up for.",
            "Para unidades suaves e linhas distintas, sim, e já com P = n. Redes ReLU perdem uma direção "
            "por unidade que se pode reescalar ({0} de {1} sorteios com P = 22 respeitam P − 3) e por "
            "unidades mortas isoladas, o que P ≫ n compensa. Linhas repetidas, pesos 0 e uma camada morta "
            "ele não compensa.",
            int(capped.sum()), seeds,
        ),
        pictures=(
            Plot(
                Words("Rank of the Jacobian on 50 rows", "Posto da jacobiana em 50 linhas"),
                Words(
                    "Mean over draws; whiskers from the least to the largest. Dashed: min(P, n).",
                    "Média sobre sorteios; hastes do menor ao maior. Tracejado: min(P, n).",
                ),
                Axis(Words("parameters P", "parâmetros P"), log=True),
                Axis(Words("rank", "posto"), range=(0.0, 54.0)),
                (
                    series(Words("min(P, n)", "min(P, n)"), sizes, np.minimum(sizes, _ROWS), "theory"),
                    _line(Words("tanh", "tanh"), np.array(sizes) * 0.97, smooth, "good"),
                    _line(Words("ReLU", "ReLU"), np.array(sizes) * 1.03, kinked, "bad"),
                ),
            ),
            Plot(
                Words("Where P ≫ n does not help", "Onde P ≫ n não ajuda"),
                Words("Networks of 4,609 parameters on 50 rows.", "Redes de 4.609 parâmetros em 50 linhas."),
                Axis(
                    Words("case", "caso"),
                    names=(
                        Words("rows differ", "linhas distintas"), Words("rows twice", "linhas repetidas"),
                        Words("weights 0", "pesos 0"), Words("units dead", "unidades mortas"),
                    ),
                ),
                Axis(Words("rank", "posto")),
                (series(Words(
                    "rank",
                    "posto",
                ), range(4), (int(smooth[-1].min()), *failures), "measured", "bars"),),
            ),
        ),
    )  # fmt: skip


def _line(name: Words, sizes: np.ndarray, ranks: np.ndarray, role: Literal["good", "bad"]) -> Series:
    whiskers = (ranks.min(axis=1), ranks.max(axis=1))
    return series(name, sizes, ranks.mean(axis=1), role, "points", whiskers)


def _failures() -> list[int]:
    """Ranks with every row twice, with weights of 0, and with ReLU units that no row activates."""
    widths = (_INPUTS, *_LAYERS[-1], 1)
    x = gaussian_rows(_ROWS, _INPUTS, 0)
    still, dead = dense(widths, torch.nn.Tanh, 0), dense(widths, torch.nn.ReLU, 0)
    with torch.no_grad():
        for each in still.parameters():
            each.zero_()
        list(dead.parameters())[1].fill_(-100.0)  # the first layer's biases
    half = x[: _ROWS // 2]
    return [rank(dense(widths, torch.nn.Tanh, 0), torch.cat([half, half])), rank(still, x), rank(dead, x)]


EXPERIMENT = Experiment(
    title=Words("More parameters than rows: full rank?", "Mais parâmetros que linhas: posto completo?"),
    claim=Words(
        "When there are many more parameters than data points, the Jacobian of the parameter map is of full "
        "rank.",
        "Quando o número de parâmetros é muito maior que o de pontos de dados, a matriz jacobiana do mapa "
        "de parâmetros é de posto completo.",
    ),
    source=Words(
        "“Teoria de Deep Learning”, section 11, premise 1",
        "“Teoria de Deep Learning”, seção 11, premissa 1",
    ),
    prediction=Words(
        "Analytic units such as tanh: rank min(P, n) for almost all parameters. ReLU: at most P minus the "
        "number of hidden units, as each can be scaled up while what leaves it is scaled down. Equal rows "
        "have equal gradients.",
        "Unidades analíticas como tanh: posto min(P, n) para quase todos os parâmetros. ReLU: no máximo P "
        "menos o número de unidades ocultas, pois cada uma pode ser aumentada enquanto se reduz o que sai "
        "dela. Linhas iguais têm gradientes iguais.",
    ),
    measure=measure,
    errata=("E30",),
    rows=("U2",),
)
