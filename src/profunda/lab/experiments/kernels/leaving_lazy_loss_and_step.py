"""Out of the lazy regime by another loss or a larger step: what moves the kernel, and what does not."""

from dataclasses import dataclass

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.kernels._axes import DRIFT
from profunda.lab.experiments.kernels._laws import band
from profunda.lab.experiments.kernels._runs import Run, run
from profunda.lab.experiments.kernels._wide import logistic, squared
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said

_WIDTH, _DEPTH, _STEPS = 64, 2, 600
_PACES = (0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.5, 3.0, 3.5)
_LARGE, _SMALL = 3.0, 0.1
_MORE = 1.5
"""A lever counts where it moves the kernel by this factor more."""


def absolute(f: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Σ √(1 + (f − y)²) − 1: smooth, and linear far away."""
    root = (1.0 + (f - y).square()).sqrt()
    return (root - 1.0).sum(-1), (f - y) / root


LOSSES = {"squared": squared, "absolute": absolute, "logistic": logistic}


@dataclass(frozen=True)
class Lever:
    """Kernel drifts of the networks that ended in good order, and the share of those that did."""

    name: str
    drift: np.ndarray
    share: float

    @property
    def median(self) -> float:
        return float(np.median(self.drift))


def lever(name: str, found: Run) -> Lever:
    """Networks whose loss is finite and not above its start, and whose kernel is finite."""
    sound = (np.isfinite(found.drift)) & (found.end.ratio.numpy() <= 1.0)
    return Lever(name, found.drift[sound], float(sound.mean()))


def judge(small: Lever, larger: list[Lever], plain: Lever, losses: list[Lever]) -> Verdict:
    """Every larger step and every other loss must move the kernel half as much again; some is a condition."""
    moved = [each.median > _MORE * small.median for each in larger]
    moved += [each.median > _MORE * plain.median for each in losses]
    return "holds" if all(moved) else "holds with conditions" if any(moved) else "wrong"


def measure(quick: bool) -> Outcome:
    """tanh networks of two layers of 64 units under nine step sizes and three losses."""
    networks, widths = 12 if quick else 60, [_WIDTH] * _DEPTH
    steps = [
        lever(f"{pace:g}", run("tanh", widths, networks, 5, pace=pace, most=_STEPS, ratio=1e-2))
        for pace in _PACES
    ]
    # All to a hundredth of their own first loss: one that never reaches zero needs larger outputs for that.
    losses = [
        lever(name, run("tanh", widths, networks, 5, loss=loss, most=_STEPS, ratio=1e-2))
        for name, loss in LOSSES.items()
    ]
    by = {float(each.name): each for each in steps}
    larger = [by[pace] for pace in _PACES if pace > _SMALL]
    ratio = by[_LARGE].median / by[_SMALL].median
    low, high = band([by[_LARGE].drift])
    return Outcome(
        headline=Words(
            "kernel drift at a step of 3/λ_max ÷ at 0.1/λ_max",
            "mudança do núcleo com passo 3/λ_max ÷ com 0,1/λ_max",
        ),
        predicted=None,
        value=ratio,
        interval=(low[0] / by[_SMALL].median, high[0] / by[_SMALL].median),
        measured=said(
            "Drift {0} at 0.1/λ_max, {1} at 1/λ_max, {2} at 3/λ_max, beyond the stable 2/λ_max ({3} % of the "
            "networks end well). At a hundredth of the first loss: squared {4}, absolute {5}, logistic {6}.",
            "Mudança {0} com 0,1/λ_max, {1} com 1/λ_max, {2} com 3/λ_max, além do estável 2/λ_max ({3} % das "
            "redes terminam bem). Num centésimo da perda inicial: quadrática {4}, absoluta {5}, logística "
            "{6}.",
            by[_SMALL].median, by[1.0].median, by[_LARGE].median, 100.0 * by[_LARGE].share,
            *(each.median for each in losses),
        ),
        verdict=judge(by[_SMALL], larger, losses[0], losses[1:]),
        statement=Words(
            "A larger step moves the kernel only near the stable size 2/λ_max and, far more, beyond it; up "
            "to 1/λ_max it makes no difference. The loss "
            "counts by how far it pulls the outputs: logistic loss, which is never satisfied, moves the "
            "kernel far more than the squared one; a loss with a bounded pull (absolute) does not.",
            "Um passo maior só move o núcleo perto do tamanho estável 2/λ_max e, muito mais, além dele; até "
            "1/λ_max não faz diferença. A perda conta por "
            "quanto puxa as saídas: a logística, que nunca se satisfaz, move o núcleo muito mais que a "
            "quadrática; uma de puxão limitado (absoluta) não.",
        ),
        pictures=(_by_step(steps), _by_loss(losses)),
    )  # fmt: skip


def _by_step(steps: list[Lever]) -> Plot:
    shown = [each for each in steps if len(each.drift) > 1]
    paces = [float(each.name) for each in shown]
    return Plot(
        Words("Kernel drift by step size", "Mudança do núcleo por tamanho de passo"),
        Words(
            "Medians over the networks that end well, with 95 % bands; to a hundredth of the squared loss.",
            "Medianas sobre as redes que terminam bem, com faixas de 95 %; até um centésimo da perda "
            "quadrática.",
        ),
        Axis(Words("step × λ_max(Θ₀)", "passo × λ_max(Θ₀)"), log=True),
        Axis(DRIFT.title, log=True, range=(0.03, 2.0)),
        (
            series(
                Words("drift", "mudança"), paces, [each.median for each in shown], "measured", "both",
                band([each.drift for each in shown]),
            ),
        ),
        marks=(Mark(Words("largest stable step", "maior passo estável"), x=2.0),),
    )  # fmt: skip


def _by_loss(losses: list[Lever]) -> Plot:
    names = (
        Words("squared", "quadrática"), Words("absolute", "absoluta"), Words("logistic", "logística"),
    )  # fmt: skip
    return Plot(
        Words("Kernel drift by loss", "Mudança do núcleo por perda"),
        Words(
            "Medians with 95 % intervals; each until its loss is a hundredth of the first, 600 steps at "
            "most.",
            "Medianas com intervalos de 95 %; cada uma até sua perda ser um centésimo da inicial, no máximo "
            "600 passos.",
        ),
        Axis(Words("loss", "perda"), names=names),
        Axis(DRIFT.title),
        (
            series(
                Words("drift", "mudança"), range(len(losses)), [each.median for each in losses], "measured",
                "bars", band([each.drift for each in losses]),
            ),
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Another loss, a larger step", "Outra perda, um passo maior"),
    claim=Words(
        "The NTK regime can be left by changing the loss or by keeping the step size larger.",
        "Pode-se sair do regime NTK mudando a perda ou mantendo maior o tamanho do passo.",
    ),
    source=Words(
        "“Teoria de Deep Learning”, section 13, ways out of the NTK regime, item 1",
        "“Teoria de Deep Learning”, seção 13, formas de sobrepujar o regime NTK, item 1",
    ),
    prediction=Words(
        "While steps are below 2/λ_max descent follows gradient flow, whatever their size; between 2 and "
        "about 4/λ_max the kernel must shrink for training to go on (Lewkowycz et al. 2020). A lever counts "
        "where it moves the kernel half as much again."
        " That every step and loss must do so was settled after a first look.",
        "Enquanto os passos ficam abaixo de 2/λ_max a descida segue o fluxo de gradiente, qualquer que seja "
        "seu tamanho; entre 2 e cerca de 4/λ_max o núcleo tem de encolher para o treino seguir (Lewkowycz et "
        "al. 2020). Uma alavanca conta se move o núcleo ao menos uma vez e meia."
        " Que todo passo e toda perda devam fazê-lo foi decidido após uma primeira olhada.",
    ),
    measure=measure,
    rows=("U4",),
)
