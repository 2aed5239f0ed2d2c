"""Slices through the loss of trained networks: is it full of valleys, like the surface of the text?"""

import numpy as np
import torch
from torch.nn import functional

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.landscape._networks import dense, parameters
from profunda.lab.pictures import Axis, Heat, Plot, Spot, series
from profunda.lab.words import Words, said
from profunda.theory import (
    filter_direction,
    grid_minima,
    line_slice,
    parameter_vector,
    plane_slice,
    principal_path,
    regular_minima,
)

_WIDTHS = (2, 24, 24, 1)
_STEPS = 200


def _moons(rows: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Two interlaced half circles with noise, x [N, 2] and y [N, 1] of 0 and 1."""
    random = np.random.default_rng(seed)
    side = random.integers(0, 2, rows)
    angle = np.pi * random.random(rows)
    x = np.where(side[:, None] == 0, np.stack([np.cos(angle), np.sin(angle)], 1),
                 np.stack([1.0 - np.cos(angle), 0.5 - np.sin(angle)], 1))  # fmt: skip
    x = x + 0.15 * random.standard_normal(x.shape)
    return torch.from_numpy(x), torch.from_numpy(side[:, None].astype(np.float64))


def _trained(seed: int, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.nn.Sequential, list[torch.Tensor]]:
    """A network trained by Adam on all rows, and its parameters on the way."""
    net = dense(_WIDTHS, torch.nn.Tanh, seed)
    optimiser = torch.optim.Adam(net.parameters(), lr=0.02)
    points = [parameter_vector(net)]
    for step in range(_STEPS):
        optimiser.zero_grad()
        functional.binary_cross_entropy_with_logits(net(x), y).backward()
        optimiser.step()
        if step % 10 == 9:
            points.append(parameter_vector(net))
    return net, points


def verdict(minima: list[int], drawn: int) -> Verdict:
    """Minima inside each slice of a trained network, and on the surface drawn in the text.

    The surface is like the text's where a typical slice has several separate valleys.
    """
    if np.median(minima) > 3:
        return "holds"
    return "wrong" if max(minima) <= 3 and drawn > 20 else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Networks trained on two half circles; planes of two random directions, scaled filter by filter."""
    x, y = _moons(120, 0)
    loss = functional.binary_cross_entropy_with_logits
    side = np.linspace(-1.0, 1.0, 25 if quick else 33)
    runs = [_trained(seed, x, y) for seed in range(3 if quick else 8)]
    planes = [
        plane_slice(
            net,
            x,
            y,
            loss,
            points[-1],
            filter_direction(net, 2 * k),
            filter_direction(net, 2 * k + 1),
            side,
            side,
        )
        for k, (net, points) in enumerate(runs)
    ]
    minima = [len(grid_minima(plane.losses)) for plane in planes]
    drawn = len(regular_minima())
    net, points = runs[0]
    total = parameters(net)
    mean = float(np.mean(minima))
    reach = 1.96 * float(np.std(minima, ddof=1)) / np.sqrt(len(minima))
    at = np.linspace(-0.5, 1.5, 61)
    lines = [line_slice(one, x, y, loss, ways[0], ways[-1], at).losses for one, ways in runs]
    humps = int(sum(int((line[16:45] > np.minimum.accumulate(line[15:44]) + 1e-9).any()) for line in lines))
    return Outcome(
        headline=Words("valleys in a slice of a trained network", "vales num corte de uma rede treinada"),
        predicted=None,
        value=mean,
        interval=(mean - reach, mean + reach),
        measured=said(
            "Slices of {0} trained networks of {1} parameters have {2} minima on average, {3} at most; the "
            "drawn surface has {4}. On the straight line from start to end the loss rises somewhere in {5} "
            "of {0}.",
            "Cortes de {0} redes treinadas de {1} parâmetros têm {2} mínimos em média, {3} no máximo; a "
            "superfície desenhada tem {4}. Na reta do início ao fim a perda sobe em algum ponto em {5} de "
            "{0}.",
            len(runs), total, mean, max(minima), drawn, humps,
        ),
        verdict=verdict(minima, drawn),
        statement=said(
            "Around these trained networks a slice shows {0} to {1} valleys, wide ones, not a field of "
            "holes: a drawing over two parameters misleads about {2}. A slice shows only two of their "
            "directions, though: it does not make the loss convex, and elsewhere there are other minima.",
            "Em torno destas redes treinadas um corte mostra {0} a {1} vales, largos, não um campo de "
            "buracos: um desenho sobre dois parâmetros engana sobre {2}. Mas um corte só mostra duas das "
            "direções: não torna a perda convexa, e em outros lugares há outros mínimos.",
            min(minima), max(minima), total,
        ),
        pictures=(_random_plane(side, planes[0].losses), _own_plane(net, points, x, y), _lines(at, lines)),
    )  # fmt: skip


def _random_plane(side: np.ndarray, losses: np.ndarray) -> Heat:
    return Heat(
        Words("Around a trained network", "Em torno de uma rede treinada"),
        Words(
            "Two random directions, each filter scaled to the size of the network's own.",
            "Duas direções sorteadas, cada filtro na escala do filtro da própria rede.",
        ),
        Axis(Words("first direction", "primeira direção")),
        Axis(Words("second direction", "segunda direção")),
        Words("training loss", "perda de treino"),
        tuple(side.tolist()),
        tuple(side.tolist()),
        tuple(tuple(row) for row in losses.tolist()),
        spots=(Spot(Words("trained", "treinada"), 0.0, 0.0),),
        log=True,
    )


def _own_plane(
    net: torch.nn.Sequential, points: list[torch.Tensor], x: torch.Tensor, y: torch.Tensor
) -> Heat:
    """The plane of the training's own two leading directions, with its path."""
    path = principal_path(points)
    low, high = path.coordinates.min(axis=0), path.coordinates.max(axis=0)
    room = 0.35 * float((high - low).max())
    across, along = (np.linspace(low[k] - room, high[k] + room, 29) for k in (0, 1))
    first, second = path.directions[0], path.directions[1]
    loss = functional.binary_cross_entropy_with_logits
    plane = plane_slice(net, x, y, loss, path.centre, first, second, across, along)
    at = path.coordinates
    return Heat(
        Words("With the path of its training", "Com o caminho do seu treino"),
        Words(
            "The plane that shows most of the path of the parameters.",
            "O plano que mais mostra do caminho dos parâmetros.",
        ),
        Axis(Words("first direction of the path", "primeira direção do caminho")),
        Axis(Words("second direction", "segunda direção")),
        Words("training loss", "perda de treino"),
        tuple(across.tolist()),
        tuple(along.tolist()),
        tuple(tuple(row) for row in plane.losses.tolist()),
        spots=(
            Spot(Words("start", "início"), float(at[0, 0]), float(at[0, 1])),
            Spot(Words("end", "fim"), float(at[-1, 0]), float(at[-1, 1])),
        ),
        paths=(series(Words("training", "treino"), at[:, 0], at[:, 1], "bad", "both"),),
        log=True,
    )


def _lines(at: np.ndarray, lines: list[np.ndarray]) -> Plot:
    table = np.array(lines)
    return Plot(
        Words("On the straight line from start to end", "Na reta do início ao fim"),
        Words(
            "Mean over networks; band: from the least to the largest.",
            "Média sobre redes; faixa: da menor à maior.",
        ),
        Axis(Words("place: 0 start, 1 trained", "posição: 0 início, 1 treinada")),
        Axis(Words("training loss", "perda de treino"), log=True),
        (
            series(
                Words(
                    "loss",
                    "perda",
                ),
                at,
                table.mean(0),
                "measured",
                "line",
                (table.min(0), table.max(0)),
            ),
        ),
    )


EXPERIMENT = Experiment(
    title=Words("Slices of trained networks", "Cortes de redes treinadas"),
    claim=Words(
        "The loss over the parameters looks like a map of many hills and valleys, through which the best "
        "combination has to be searched for.",
        "A perda sobre os parâmetros se parece com um mapa de muitos morros e vales, no qual se deve "
        "procurar a melhor combinação.",
    ),
    source=Words(
        "A reading of “Teoria de Deep Learning”, section 9.2, figure 1, a simplified drawing",
        "Uma leitura de “Teoria de Deep Learning”, seção 9.2, figura 1, um desenho simplificado",
    ),
    prediction=Words(
        "No formula: slices by directions scaled filter by filter (Li et al. 2018) and lines from start to "
        "end (Goodfellow, Vinyals and Saxe 2015), in which small networks without trouble in training show "
        "one valley.",
        "Nenhuma fórmula: cortes por direções na escala de cada filtro (Li et al. 2018) e retas do início "
        "ao fim (Goodfellow, Vinyals e Saxe 2015), em que redes pequenas e fáceis de treinar mostram um só "
        "vale.",
    ),
    measure=measure,
    rows=("U1",),
)
