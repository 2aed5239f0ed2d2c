"""Training watched in the space of parameters and in that of predictions: which path is straighter?"""

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.landscape._networks import dense, gaussian_rows
from profunda.lab.pictures import Axis, Plot, Role, series
from profunda.lab.words import Words, said
from profunda.theory import TrainingPaths, jacobian, parameter_vector, training_paths

_ROWS, _INPUTS = 20, 5
_WIDTHS = (4, 16, 64)
_ROLES: tuple[Role, ...] = ("bad", "second", "good")


def _kept(steps: int) -> list[int]:
    """The steps after which points are kept, evenly spaced in their logarithm."""
    return np.unique(np.logspace(0, np.log10(steps), 60).astype(int)).tolist()


def _trained(width: int, seed: int, steps: int) -> tuple[TrainingPaths, np.ndarray]:
    """Full-batch gradient descent on ½‖z − y‖² at a quarter of 1/λ_max; its two paths, and the cosines with
    the way to the target, [2, T]: of the steps of the predictions, and of −JJᵀ∂ℓ/∂z."""
    net = dense((_INPUTS, width, width, 1), torch.nn.Tanh, seed)
    x = gaussian_rows(_ROWS, _INPUTS, 100 + seed)
    y = torch.from_numpy(np.random.default_rng(seed).choice([-1.0, 1.0], (_ROWS, 1)))
    rate = 0.25 / float(torch.linalg.matrix_norm(jacobian(net, x), 2)) ** 2
    keep = set(_kept(steps))
    points, cosines = [parameter_vector(net)], []

    def along(move: torch.Tensor, way: torch.Tensor) -> float:
        return float(move @ way / (move.norm() * way.norm()))

    for step in range(1, steps + 1):
        z = net(x)
        slopes = torch.autograd.grad(0.5 * (z - y).square().sum(), list(net.parameters()))
        j = jacobian(net, x) if step in keep else None
        with torch.no_grad():
            for each, slope in zip(net.parameters(), slopes, strict=True):
                each -= rate * slope
            if j is not None:
                points.append(parameter_vector(net))
                moved, way = (net(x) - z).reshape(-1), (y - z).reshape(-1)
                cosines.append((along(moved, way), along(j @ (j.T @ way), way)))
    return training_paths(net, points, x, y), np.array(cosines).T


def verdict(falling: bool, cosine: float) -> Verdict:
    """`falling`: the distance to the targets fell at every point kept; the mean cosine of the steps with the
    straight way. Following the gradient of the loss of the predictions would be a cosine of 1."""
    if not falling:
        return "wrong"
    return "holds" if cosine > 0.99 else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """20 rows with random labels; networks of three widths."""
    seeds, steps = (2, 500) if quick else (4, 1000)
    runs = {width: [_trained(width, seed, steps) for seed in range(seeds)] for width in _WIDTHS}
    last = runs[_WIDTHS[-1]]
    falling = all(bool((np.diff(paths.distances) <= 1e-9).all()) for paths, _ in last)
    cosine, expected = (np.array([each[k].mean() for _, each in last]) for k in (0, 1))
    reach = 1.96 * float(cosine.std(ddof=1)) / np.sqrt(seeds)
    straight = {
        width: [float(np.mean([_straightness(paths, which) for paths, _ in each])) for which in (1, 0)]
        for width, each in runs.items()
    }
    left = float(np.mean([paths.distances[-1] / paths.distances[0] for paths, _ in last]))
    value = float(cosine.mean())
    return Outcome(
        headline=Words(
            "cosine of a step with the way to the target",
            "cosseno entre um passo e o caminho ao alvo",
        ),
        predicted=float(expected.mean()),
        value=value,
        interval=(value - reach, value + reach),
        measured=said(
            "With {0} units a layer the predictions get nearer to the target at every step, to {1} of the "
            "first distance, but steps make a cosine of {2} with the straight way. Straightness (distance ÷ "
            "length of the path): predictions {3}, parameters {4}; with 4 units {5} and {6}.",
            "Com {0} unidades por camada as previsões se aproximam do alvo a cada passo, até {1} da "
            "distância inicial, mas os passos fazem cosseno {2} com o caminho reto. Retidão (distância ÷ "
            "comprimento do caminho): previsões {3}, parâmetros {4}; com 4 unidades {5} e {6}.",
            _WIDTHS[-1], left, value, *straight[_WIDTHS[-1]], *straight[4],
        ),
        verdict=verdict(falling, value),
        statement=said(
            "It helps to see why training works: in the predictions it heads for the target, where the loss "
            "is convex. But the steps are not those of the gradient of that loss, which would be a straight "
            "line: the predictions move by −JJᵀ∂ℓ/∂z, fast along some directions, slowly along others. "
            "Their path is no straighter ({0}) than that of the parameters ({1}).",
            "Ajuda a ver por que o treino funciona: nas previsões ele segue para o alvo, onde a perda é "
            "convexa. Mas os passos não são os do gradiente dessa perda, que seriam uma reta: as previsões "
            "se movem por −JJᵀ∂ℓ/∂z, depressa em algumas direções, devagar em outras. O caminho delas não é "
            "mais reto ({0}) que o dos parâmetros ({1}).",
            *straight[_WIDTHS[-1]],
        )
        if straight[_WIDTHS[-1]][0] <= straight[_WIDTHS[-1]][1]
        else said(
            "It helps: in the predictions training heads for the target, on a path that is straighter ({0}) "
            "than that of the parameters ({1}). But its steps are not those of the gradient of the loss of "
            "the predictions: they move by −JJᵀ∂ℓ/∂z, fast along some directions, slowly along others.",
            "Ajuda: nas previsões o treino segue para o alvo, por um caminho mais reto ({0}) que o dos "
            "parâmetros ({1}). Mas os passos não são os do gradiente da perda das previsões: elas se movem "
            "por −JJᵀ∂ℓ/∂z, depressa em algumas direções, devagar em outras.",
            *straight[_WIDTHS[-1]],
        ),
        pictures=(_predictions(last[0][0]), _parameters(last[0][0]), _distances(runs, steps)),
    )  # fmt: skip


def _straightness(paths: TrainingPaths, which: int) -> float:
    """Straightness in parameters (0) or predictions (1)."""
    return (paths.parameters, paths.predictions)[which].straightness


def _predictions(paths: TrainingPaths) -> Plot:
    at = paths.predictions.coordinates
    return Plot(
        Words("Training in the space of predictions", "O treino no espaço das previsões"),
        Words(
            "The plane that shows most of the path; 64 units. The straight line is the way of the gradient "
            "of the loss.",
            "O plano que mais mostra do caminho; 64 unidades. A reta é o caminho do gradiente da perda.",
        ),
        Axis(Words("first direction", "primeira direção")),
        Axis(Words("second direction", "segunda direção")),
        (
            series(Words("training", "treino"), at[:, 0], at[:, 1], "measured", "both"),
            series(
                Words("straight way", "caminho reto"),
                (at[0, 0], paths.target[0]), (at[0, 1], paths.target[1]), "theory",
            ),
            series(Words("start", "início"), at[:1, 0], at[:1, 1], "bad", "points"),
            series(Words("target", "alvo"), paths.target[:1], paths.target[1:], "good", "points"),
        ),
    )  # fmt: skip


def _parameters(paths: TrainingPaths) -> Plot:
    at = paths.parameters.coordinates
    return Plot(
        Words("The same training in the space of parameters", "O mesmo treino no espaço dos parâmetros"),
        Words(
            "4,609 parameters, seen in the plane that shows most of the path; there is no single target "
            "here.",
            "4.609 parâmetros, vistos no plano que mais mostra do caminho; aqui não há um alvo único.",
        ),
        Axis(Words("first direction", "primeira direção")),
        Axis(Words("second direction", "segunda direção")),
        (
            series(Words("training", "treino"), at[:, 0], at[:, 1], "second", "both"),
            series(Words("start", "início"), at[:1, 0], at[:1, 1], "bad", "points"),
        ),
    )


def _distances(runs: dict[int, list[tuple[TrainingPaths, np.ndarray]]], steps: int) -> Plot:
    lines = [
        series(
            said("{0} units", "{0} unidades", width),
            _kept(steps),
            np.mean([paths.distances[1:] / paths.distances[0] for paths, _ in runs[width]], axis=0), role,
        )
        for width, role in zip(_WIDTHS, _ROLES, strict=True)
    ]  # fmt: skip
    return Plot(
        Words("Distance of the predictions to the target", "Distância das previsões ao alvo"),
        Words(
            "Relative to the start, mean over networks of so many units a layer.",
            "Relativa ao início, média sobre redes de tantas unidades por camada.",
        ),
        Axis(Words("steps", "passos"), log=True),
        Axis(Words("relative distance", "distância relativa"), log=True),
        tuple(lines),
    )


EXPERIMENT = Experiment(
    title=Words("Training in the space of predictions", "O treino no espaço das previsões"),
    claim=Words(
        "One has to stop thinking of sets of parameters and look at the values obtained during training; as "
        "the loss is convex in the outputs, the best way is that of its gradient.",
        "É necessário deixar de pensar nos conjuntos de parâmetros e observar os valores obtidos no treino; "
        "como a perda é convexa nas saídas, o melhor caminho é seguir o gradiente dessa função.",
    ),
    source=Words("“Teoria de Deep Learning”, section 10", "“Teoria de Deep Learning”, seção 10"),
    prediction=Words(
        "Gradient descent on the parameters moves the predictions by −ηJJᵀ∂ℓ/∂z (chain rule; Jacot, Gabriel "
        "and Hongler 2018): along ∂ℓ/∂z itself (cosine 1) only if all eigenvalues of JJᵀ are equal. "
        "The cosine predicted is that of −JJᵀ∂ℓ/∂z, with J from the way.",
        "A descida nos parâmetros move as previsões por −ηJJᵀ∂ℓ/∂z (regra da cadeia; Jacot, Gabriel e "
        "Hongler 2018): na direção de ∂ℓ/∂z (cosseno 1) só se todos os autovalores de JJᵀ forem iguais. O "
        "cosseno previsto é o de −JJᵀ∂ℓ/∂z, com o J do caminho.",
    ),
    measure=measure,
    rows=("U2",),
)
