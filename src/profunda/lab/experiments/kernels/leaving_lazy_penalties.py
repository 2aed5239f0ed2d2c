"""Out of the lazy regime by L1, L2, elastic net or dropout: kernel drift and alignment with the target."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.kernels._axes import DRIFT
from profunda.lab.experiments.kernels._laws import band
from profunda.lab.experiments.kernels._wide import descend, draw, drift, sphere
from profunda.lab.pictures import Axis, Mark, Plot, Role, series
from profunda.lab.words import Words, said

_WIDTHS, _FEATURES, _ROWS, _STEPS, _PACE = (64, 64), 16, 16, 500, 0.5
_ROLES: tuple[Role, ...] = ("measured", "bad", "good")
_STRENGTHS = (0.001, 0.003, 0.01, 0.03)
_MORE, _TURN, _FITTED = 1.5, 0.02, 0.05
"""What counts: drift this much larger, alignment this much higher, at this part of the first loss."""


@dataclass(frozen=True)
class Lever:
    """Drift, alignment with the target and loss over its start after training, [M] each."""

    name: Words
    strength: float
    drift: np.ndarray
    alignment: np.ndarray
    loss: np.ndarray


def alignment(kernel: Tensor, y: Tensor) -> np.ndarray:
    """yᵀΘy/(‖y‖²‖Θ‖): 1 where the kernel is the target's own, small where it does not know of it."""
    along = torch.einsum("n,mnk,k->m", y, kernel, y)
    return (along / (y @ y) / torch.linalg.matrix_norm(kernel)).double().numpy()


def trained(
    name: Words, networks: int, strength: float, penalty: Callable[[Tensor], Tensor] | None, keep: float = 1.0
) -> Lever:
    """The same networks, rows (targets: the sign of the first coordinate), steps and number of steps."""
    x = sphere(_ROWS, _FEATURES, 21)
    y = torch.sign(x[:, 0])
    stack = draw(_WIDTHS, _FEATURES, "tanh", networks, 31, 1.0)
    before = stack.kernel(x)
    rates = _PACE / torch.linalg.eigvalsh(before)[:, -1]
    end = descend(stack, x, y, rates, ratio=0.0, most=_STEPS, penalty=penalty, keep=keep, seed=1).stack
    after = end.kernel(x)
    start, last = ((s.through(x).outputs - y).square().sum(1) for s in (stack, end))
    loss = (last / start).double().numpy()
    return Lever(name, strength, drift(after, before), alignment(after, y), loss)


def penalised(networks: int) -> dict[str, list[Lever]]:
    """Each penalty at every strength; slopes on the unit-variance weights: λw, λ sign(w), or half of each."""
    kinds: dict[str, Callable[[Tensor], Tensor]] = {
        "L2": lambda w: w,
        "L1": torch.sign,
        "elastic net": lambda w: 0.5 * (w + torch.sign(w)),
    }
    found: dict[str, list[Lever]] = {}
    for kind, slope in kinds.items():
        for strength in _STRENGTHS:

            def penalty(w: Tensor, of: Callable[[Tensor], Tensor] = slope, by: float = strength) -> Tensor:
                return by * of(w)

            lever = trained(Words(kind, kind), networks, strength, penalty)
            found.setdefault(kind, []).append(lever)
    return found


def strongest(levers: list[Lever]) -> Lever:
    """The strongest that still fits the rows; the weakest where none does."""
    fitting = [each for each in levers if float(np.median(each.loss)) <= _FITTED]
    return (fitting or levers[:1])[-1]


def judge(plain: Lever, others: list[Lever], weak: list[Lever]) -> tuple[Verdict, list[bool]]:
    """A lever leads to features where the kernel moves more, and turns to the target more, than without.

    A claim that holds outright holds for weak penalties too: they must not keep the kernel nearer.
    """
    base = float(np.median(plain.drift))
    moved = [float(np.median(each.drift)) > _MORE * base for each in others]
    turned = [float(np.median(each.alignment - plain.alignment)) > _TURN for each in others]
    leads = [a and b for a, b in zip(moved, turned, strict=True)]
    always = all(leads) and all(float(np.median(each.drift)) >= base for each in weak)
    return ("holds" if always else "holds with conditions" if any(leads) else "wrong"), leads


def measure(quick: bool) -> Outcome:
    """Three penalties at four strengths and dropout, on two tanh layers of 64 units."""
    networks = 4 if quick else 16
    table = penalised(networks)
    plain = trained(Words("none", "nenhuma"), networks, 0.0, None)
    dropped = trained(Words("dropout 0.2", "dropout 0,2"), networks, 0.2, None, 0.8)
    others = [*(strongest(levers) for levers in table.values()), dropped]
    found = [plain, *others]
    weak = [levers[0] for levers in table.values()]
    verdict, leads = judge(plain, others, weak)
    nearer = float(np.median([np.median(each.drift) for each in weak]) / np.median(plain.drift))
    ratios = [float(np.median(each.drift) / np.median(plain.drift)) for each in others]
    turns = [float(np.median(each.alignment)) for each in found]
    low, high = band([others[0].drift / np.median(plain.drift)])
    return Outcome(
        headline=Words(
            "kernel drift with L2 (rows still fitted) ÷ without",
            "mudança do núcleo com L2 (linhas ainda ajustadas) ÷ sem",
        ),
        predicted=None,
        value=ratios[0],
        interval=(low[0], high[0]),
        measured=said(
            "Drift relative to no penalty, at the strongest that still fits: L2 {0}, L1 {1}, elastic net "
            "{2}, dropout 0.2 {3}. Alignment with the target: none {4}, L2 {5}, L1 {6}, elastic net {7}, "
            "dropout {8}.",
            "Mudança relativa a nenhuma penalidade, com a mais forte que ainda ajusta: L2 {0}, L1 {1}, "
            "elastic net {2}, dropout 0,2 {3}. Alinhamento com o alvo: nenhuma {4}, L2 {5}, L1 {6}, elastic "
            "net {7}, dropout {8}.",
            *ratios, *turns,
        ),
        verdict=verdict,
        statement=_statement(leads, nearer),
        pictures=(_strengths(table, plain), _drifts(found), _alignments(found)),
    )  # fmt: skip


def _strengths(table: dict[str, list[Lever]], plain: Lever) -> Plot:
    drawn = []
    for (kind, levers), role in zip(table.items(), _ROLES, strict=True):
        middle = [float(np.median(each.drift)) for each in levers]
        ends = band([each.drift for each in levers])
        drawn.append(series(Words(kind, kind), _STRENGTHS, middle, role, "both", ends))
    level = float(np.median(plain.drift))
    return Plot(
        Words("Kernel drift by strength", "Mudança do núcleo por força"),
        Words(
            "Medians over networks with 95 % bands. Strong penalties move the kernel by shrinking it.",
            "Medianas sobre redes com faixas de 95 %. Penalidades fortes mudam o núcleo ao encolhê-lo.",
        ),
        Axis(Words("strength λ", "força λ"), log=True),
        DRIFT,
        tuple(drawn),
        marks=(Mark(Words("no penalty", "sem penalidade"), y=level),),
    )


def _statement(leads: list[bool], nearer: float) -> Words:
    names = ("L2", "L1", "elastic net", "dropout")
    led = ", ".join(name for name, lead in zip(names, leads, strict=True) if lead)
    return said(
        "Strong enough, yes: the kernel moved and turned towards the target with {0}. Weak penalties "
        "(λ = {1}) do the opposite: the kernel drifts {2} times as far as without. Strong ones shrink it as "
        "well, which is no feature, so look at the alignment.",
        "Se forte o bastante, sim: o núcleo mudou e voltou-se para o alvo com {0}. Penalidades fracas "
        "(λ = {1}) fazem o oposto: o núcleo muda {2} vez o que muda sem elas. As fortes também o encolhem, o "
        "que não é característica; por isso olhe o alinhamento.",
        led or "–", _STRENGTHS[0], nearer,
    )  # fmt: skip


def _bars(found: list[Lever], values: list[np.ndarray], title: Words, what: Words, y: Words) -> Plot:
    middle = [float(np.median(each)) for each in values]
    return Plot(
        title,
        what,
        Axis(Words("penalty", "penalidade"), names=tuple(each.name for each in found)),
        Axis(y),
        (series(y, range(len(found)), middle, "measured", "bars", band(values)),),
    )


def _drifts(found: list[Lever]) -> Plot:
    return _bars(
        found,
        [each.drift for each in found],
        Words("How far the kernel moves", "Quanto o núcleo muda"),
        Words(
            "Medians with 95 % intervals after 500 equal steps.",
            "Medianas com intervalos de 95 % após 500 passos iguais.",
        ),
        DRIFT.title,
    )


def _alignments(found: list[Lever]) -> Plot:
    return _bars(
        found,
        [each.alignment for each in found],
        Words("How much it knows of the target", "Quanto ele sabe do alvo"),
        Words(
            "yᵀΘy ÷ (‖y‖²‖Θ‖) after training, medians with 95 % intervals; 1 would be a kernel made for y.",
            "yᵀΘy ÷ (‖y‖²‖Θ‖) após o treino, medianas com intervalos de 95 %; 1 seria um núcleo feito para "
            "y.",
        ),
        Words("alignment with the target", "alinhamento com o alvo"),
    )


EXPERIMENT = Experiment(
    title=Words("Penalties and the lazy regime", "Penalidades e o regime preguiçoso"),
    claim=Words(
        "The NTK regime can be left by regularisation: L1, L2, dropout, elastic net.",
        "Pode-se sair do regime NTK com regularização: L1, L2, dropout, elastic net.",
    ),
    source=Words(
        "“Teoria de Deep Learning”, section 13, ways out of the NTK regime, item 1",
        "“Teoria de Deep Learning”, seção 13, formas de sobrepujar o regime NTK, item 1",
    ),
    prediction=Words(
        "No theorem; the text's direction is tested. A lever leads to features where the kernel's drift is "
        "1.5 times that without it, and its alignment with the target 0.02 higher, "
        "at the strongest that still fits the rows (5 % of the first loss)."
        " Strengths, and that weak ones count too, were settled after a first look.",
        "Não há teorema; testa-se a direção do texto. Uma alavanca leva a características se a mudança do "
        "núcleo é 1,5 vez a obtida sem ela e o alinhamento com o alvo é 0,02 maior, "
        "com a mais forte que ainda ajusta as linhas (5 % da perda inicial)."
        " As forças, e que as fracas também contam, foram decididas após uma primeira olhada.",
    ),
    measure=measure,
    rows=("U4",),
)
