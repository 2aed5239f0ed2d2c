"""Do rows compete less for the parameters when there are many? Cosines between the rows' gradients."""

from typing import Literal

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.landscape._networks import dense, gaussian_rows, parameters
from profunda.lab.pictures import Axis, Mark, Plot, Series, series
from profunda.lab.words import Words, said
from profunda.theory import jacobian

_ROWS, _INPUTS = 40, 10
_WIDTHS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


def cosines(net: torch.nn.Sequential, x: torch.Tensor, y: torch.Tensor) -> tuple[float, float, float]:
    """Mean |cosine| between the gradients of two rows' squared errors, the share of pairs below 0,
    and the mean part of a row's gradient that lies outside the span of all others."""
    rows = jacobian(net, x)
    pull = (net(x).detach() - y).reshape(-1, 1) * rows
    unit = pull / pull.norm(dim=1, keepdim=True)
    gram = unit @ unit.T
    pairs = gram[tuple(torch.triu_indices(len(x), len(x), 1))]
    inverse = torch.linalg.pinv(gram, rtol=1e-12, hermitian=True).diagonal()
    # 1/(G⁻¹)_ii is the squared length of a row outside the span of the others (partial regression).
    full = int(torch.linalg.matrix_rank(rows)) == len(x)
    own = float((1.0 / inverse).clamp(0.0, 1.0).sqrt().mean()) if full else 0.0
    return float(pairs.abs().mean()), float((pairs < 0.0).double().mean()), own


Change = tuple[float, float]
Role = Literal["measured", "good", "bad"]


def verdict(cosine: Change, conflicts: Change, own: Change) -> Verdict:
    """(few parameters, many): mean |cosine|, share of opposed pairs, part of a gradient that is its own.

    Less competition: each row has more of a direction of its own, and pairs pull less at each other. It holds
    if both change that way and gradients become orthogonal (|cosine| below 0.1); with conditions if they do
    change but not so far.
    """
    less = cosine[1] < cosine[0] and own[1] > own[0]
    if not less:
        return "wrong"
    return "holds" if cosine[1] < 0.1 and conflicts[1] < 0.25 else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """40 rows with random labels, two hidden layers of 1 to 256 tanh units, before training."""
    widths = _WIDTHS[:-1] if quick else _WIDTHS
    seeds = 4 if quick else 10
    x = gaussian_rows(_ROWS, _INPUTS, 3)
    y = torch.from_numpy(np.random.default_rng(4).choice([-1.0, 1.0], (_ROWS, 1)))
    table = np.array([
        [cosines(dense((_INPUTS, h, h, 1), torch.nn.Tanh, s), x, y) for s in range(seeds)] for h in widths
    ])  # fmt: skip
    ratio = np.array([parameters(dense((_INPUTS, h, h, 1), torch.nn.Tanh, 0)) / _ROWS for h in widths])
    mean, error = table.mean(axis=1), 1.96 * table.std(axis=1, ddof=1) / np.sqrt(seeds)
    changes = [(float(mean[0, k]), float(mean[-1, k])) for k in range(3)]
    inputs = x / x.norm(dim=1, keepdim=True)
    between = float((inputs @ inputs.T)[tuple(torch.triu_indices(_ROWS, _ROWS, 1))].abs().mean())
    return Outcome(
        headline=Words(
            "mean |cosine| of two rows' gradients, P ≫ n",
            "|cosseno| médio dos gradientes de duas linhas, P ≫ n",
        ),
        predicted=None,
        value=changes[0][1],
        interval=(changes[0][1] - float(error[-1, 0]), changes[0][1] + float(error[-1, 0])),
        measured=said(
            "From P/n = {0} to {1} the mean |cosine| goes from {2} to {3}, pairs that pull against each "
            "other from {4} to {5} of all, and the part of a row's gradient that no other rows' make up "
            "from {6} to {7}.",
            "De P/n = {0} a {1} o |cosseno| médio vai de {2} a {3}, os pares que puxam em sentidos "
            "contrários de {4} a {5} de todos, e a parte do gradiente de uma linha que as outras não "
            "compõem, de {6} a {7}.",
            float(ratio[0]), float(ratio[-1]), *(value for pair in changes for value in pair),
        ),
        verdict=verdict(*changes),
        statement=said(
            "Competition falls as parameters are added, but it levels off: wide networks have a kernel of "
            "their own, in which rows with similar inputs keep pulling at the same weights (|cosine| {0}; "
            "of the inputs themselves {1}), and with random labels half of the pairs stay opposed. What P ≫ "
            "n gives is a direction of its own to every row, {2} of its gradient.",
            "A competição cai ao se acrescentarem parâmetros, mas se estabiliza: redes largas têm um núcleo "
            "próprio, em que linhas de entradas parecidas continuam puxando os mesmos pesos (|cosseno| {0}; "
            "das próprias entradas {1}), e com rótulos sorteados metade dos pares segue oposta. O que P ≫ n "
            "dá é uma direção própria a cada linha, {2} do seu gradiente.",
            changes[0][1], between, changes[2][1],
        ),
        pictures=(
            Plot(
                Words(
                    "How two rows' gradients stand to each other",
                    "Como se relacionam os gradientes de duas linhas",
                ),
                Words(
                    "Bands: 95 % interval of the mean over networks.",
                    "Faixas: intervalo de 95 % da média sobre redes.",
                ),
                Axis(Words("P/n, parameters per row", "P/n, parâmetros por linha"), log=True),
                Axis(Words("mean |cosine|, or share", "|cosseno| médio, ou parte"), range=(0.0, 1.0)),
                tuple(
                    _line(name, ratio, mean[:, k], error[:, k], role)
                    for k, (name, role) in enumerate((
                        (Words("mean |cosine|", "|cosseno| médio"), "measured"),
                        (Words("opposed pairs", "pares opostos"), "bad"),
                        (Words("own part of a gradient", "parte própria do gradiente"), "good"),
                    ))
                ),
                marks=(Mark(Words("P = n", "P = n"), x=1.0),),
            ),
        ),
    )  # fmt: skip


def _line(name: Words, x: np.ndarray, y: np.ndarray, error: np.ndarray, role: Role) -> Series:
    return series(name, x, y, role, "both", (y - error, y + error))


EXPERIMENT = Experiment(
    title=Words("Less competition between rows?", "Menos competição entre as linhas?"),
    claim=Words(
        "With many more parameters than data some parameters work for some points and others for others, "
        "which lowers the competition between data points.",
        "Com muito mais parâmetros que dados, alguns parâmetros trabalham para alguns pontos e outros para "
        "outros, o que diminui a concorrência entre pontos de dados.",
    ),
    source=Words("“Teoria de Deep Learning”, section 11.2", "“Teoria de Deep Learning”, seção 11.2"),
    prediction=Words(
        "If parameters were shared out among rows, their gradients would become orthogonal. But in wide "
        "networks the products of gradients tend to a fixed kernel (Jacot, Gabriel and Hongler 2018), so "
        "cosines should level off above 0 while the rank becomes full.",
        "Se os parâmetros se repartissem entre as linhas, os gradientes ficariam ortogonais. Mas em redes "
        "largas os produtos de gradientes tendem a um núcleo fixo (Jacot, Gabriel e Hongler 2018); os "
        "cossenos deveriam estabilizar acima de 0 enquanto o posto se completa.",
    ),
    measure=measure,
    rows=("U2",),
)
