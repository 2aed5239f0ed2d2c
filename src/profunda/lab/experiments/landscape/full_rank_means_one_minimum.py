"""A Jacobian of full rank makes critical points global minima; it does not make them one."""

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.landscape._networks import dense, gaussian_rows, parameters, trained_to_zero
from profunda.lab.pictures import Axis, Plot, Role, series
from profunda.lab.words import Words, said
from profunda.theory import jacobian, jacobian_rank, line_slice, parameter_vector

_ROWS, _INPUTS = 30, 5
_ROLES: tuple[Role, ...] = ("measured", "second", "good")


def verdict(losses: list[float], apart: float, full: bool, elsewhere: float) -> Verdict:
    """Losses reached from several starts, the least distance of two ends, whether J had full rank at all of
    them, and the loss at a critical point without it.

    One minimum would mean: all ends at the same place. Distances are those of vectors of parameters.
    """
    if max(losses) > 1e-12 or not full:
        return "holds with conditions"  # the premise was not met, so nothing was tried
    return "wrong" if apart > 0.1 and elsewhere > 1e-3 else "holds"


def measure(quick: bool) -> Outcome:
    """Random labels of 30 rows fitted exactly from several starts; the Jacobian at every end."""
    widths, seeds = ((_INPUTS, 32, 32, 1), 3) if quick else ((_INPUTS, 64, 64, 1), 5)
    x = gaussian_rows(_ROWS, _INPUTS, 1)
    y = torch.from_numpy(np.random.default_rng(2).choice([-1.0, 1.0], (_ROWS, 1)))
    y = y - y.mean()
    nets = [dense(widths, torch.nn.Tanh, seed) for seed in range(seeds)]
    losses = [trained_to_zero(net, x, y, 2000) for net in nets]
    ranks = [jacobian_rank(net, x).rank for net in nets]
    ends = [parameter_vector(net) for net in nets]
    gaps = [float((a - b).norm()) for k, a in enumerate(ends) for b in ends[:k]]
    still = dense(widths, torch.nn.Tanh, 0)
    with torch.no_grad():
        for each in still.parameters():
            each.zero_()
    gradient = 2.0 / _ROWS * jacobian(still, x).T @ (still(x) - y).detach().reshape(-1)
    stuck, low = (
        float((still(x) - y).square().mean().detach()),
        jacobian_rank(still, x).rank,
    )
    total = parameters(nets[0])
    return Outcome(
        headline=Words(
            "least distance between two global minima",
            "menor distância entre dois mínimos globais",
        ),
        predicted=None,
        value=min(gaps),
        interval=(min(gaps), max(gaps)),
        measured=said(
            "From {0} starts the loss fell to {1} or less at {2} parameters; the ends are {3} to {4} apart "
            "and J has rank {5} of {6} at each. With all weights 0 the gradient is {7}, the rank {8} and "
            "the loss {9}.",
            "De {0} começos a perda caiu a {1} ou menos com {2} parâmetros; os fins distam {3} a {4} e J "
            "tem posto {5} de {6} em cada um. Com todos os pesos 0 o gradiente é {7}, o posto {8} e a perda "
            "{9}.",
            seeds, max(losses), total, min(gaps), max(gaps), min(ranks), _ROWS, float(gradient.norm()), low,
            stuck,
        ),
        verdict=verdict(losses, min(gaps), min(ranks) == _ROWS, stuck),
        statement=said(
            "Where J has full row rank, Jᵀ∂ℓ/∂z = 0 only if ∂ℓ/∂z = 0: every critical point there is a "
            "global minimum of the training loss. There is not one of them but a set of P − n = {0} "
            "dimensions, and the rank must be full where training ends, not only where it starts: all "
            "weights 0 is a critical point that is none.",
            "Onde J tem posto de linhas completo, Jᵀ∂ℓ/∂z = 0 só se ∂ℓ/∂z = 0: todo ponto crítico ali é um "
            "mínimo global da perda de treino. Não há um, mas um conjunto de P − n = {0} dimensões, e o "
            "posto deve ser completo onde o treino termina, não só onde começa: todos os pesos 0 é um ponto "
            "crítico que não é mínimo.",
            total - _ROWS,
        ),
        pictures=(_between(nets, ends, x, y, losses), _fall(widths, x, y)),
    )  # fmt: skip


def _between(
    nets: list[torch.nn.Sequential],
    ends: list[torch.Tensor],
    x: torch.Tensor,
    y: torch.Tensor,
    losses: list[float],
) -> Plot:
    """The loss on the straight lines from the first end to the others."""
    at = np.linspace(-0.15, 1.15, 53)
    loss = torch.nn.functional.mse_loss
    lines = [
        series(
            said("to number {0}", "até o número {0}", k + 1), at,
            line_slice(nets[0], x, y, loss, ends[0], ends[k], at).losses, role,
        )
        for k, role in zip(range(1, len(ends)), _ROLES, strict=False)
    ]  # fmt: skip
    return Plot(
        Words("Straight lines between global minima", "Retas entre mínimos globais"),
        Words(
            "From the first solution (0) to others (1): both ends at 0, and the loss in between.",
            "Da primeira solução (0) às outras (1): ambas as pontas em 0, e a perda entre elas.",
        ),
        Axis(Words("place on the line", "posição na reta")),
        Axis(Words("training loss", "perda de treino")),
        tuple(lines),
    )


def _fall(widths: tuple[int, ...], x: torch.Tensor, y: torch.Tensor) -> Plot:
    """The loss after so many steps, with many parameters and with few."""
    steps = (1, 3, 10, 30, 100, 300)
    lines = []
    for shape, role in ((widths, "good"), ((_INPUTS, 2, 1), "bad")):
        reached = []
        for count in steps:
            net = dense(shape, torch.nn.Tanh, 0)
            reached.append(max(trained_to_zero(net, x, y, count), 1e-18))
        total = parameters(dense(shape, torch.nn.Tanh, 0))
        lines.append(series(said("P = {0}", "P = {0}", total), steps, reached, role, "both"))
    return Plot(
        Words("Random labels fitted", "Rótulos sorteados ajustados"),
        Words(
            "30 rows, L-BFGS, more and fewer parameters than rows.",
            "30 linhas, L-BFGS, mais e menos parâmetros que linhas.",
        ),
        Axis(Words("steps", "passos"), log=True),
        Axis(Words("training loss", "perda de treino"), log=True),
        tuple(lines),
    )


EXPERIMENT = Experiment(
    title=Words("Full rank, one minimum?", "Posto completo, um só mínimo?"),
    claim=Words(
        "As a consequence of the full rank of the Jacobian one can conclude that there is only one minimum.",
        "Em consequência do posto completo da jacobiana, pode-se concluir que há somente um mínimo para a "
        "função.",
    ),
    source=Words("“Teoria de Deep Learning”, section 11.2", "“Teoria de Deep Learning”, seção 11.2"),
    prediction=Words(
        "∇L = Jᵀ∂ℓ/∂z, so at full row rank critical points are global minima; they form a set of P − n "
        "dimensions (Liu, Zhu and Belkin 2022). Many starts, many ends.",
        "∇L = Jᵀ∂ℓ/∂z; com posto de linhas completo os pontos críticos são mínimos globais e formam um "
        "conjunto de P − n dimensões (Liu, Zhu e Belkin 2022). Muitos começos, muitos fins.",
    ),
    measure=measure,
    errata=("E3",),
    rows=("U2",),
)
