"""After early stopping: train anew on all rows for as many steps, or go on from the best weights."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.regularisation._tables import Interval, filled, interval, told
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said

_WIDTH, _RATE, _PATIENCE = 32, 0.005, 30
_TRAIN, _VALID = 120, 80


@dataclass(frozen=True)
class _Data:
    """Rows of M splits [M, N, D] and classes [M, N]."""

    train: tuple[Tensor, Tensor]
    valid: tuple[Tensor, Tensor]
    both: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]


def _splits(members: int) -> _Data:
    """Each member its own digits to train on (120), to validate (80) and to test (1,000)."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = np.stack([np.random.default_rng([5, m]).permutation(len(y))[:1200] for m in range(members)])
    images = torch.tensor(x[order] / 8.0 - 0.6, dtype=torch.float32)
    labels = torch.tensor(y[order])
    cuts = ((0, _TRAIN), (_TRAIN, _TRAIN + _VALID), (0, _TRAIN + _VALID), (200, 1200))
    return _Data(*((images[:, a:b], labels[:, a:b]) for a, b in cuts))


class _Networks:
    """M networks of one hidden layer under Adam on all their rows."""

    def __init__(self, members: int, inputs: int, seed: int) -> None:
        random = torch.Generator().manual_seed(seed)
        sizes = ((inputs, _WIDTH), (_WIDTH, 10))
        self.values = [torch.randn(members, a, b, generator=random) * (2.0 / a) ** 0.5 for a, b in sizes]
        self.values += [torch.zeros(members, 1, b) for _, b in sizes]
        self._restart()

    def _restart(self) -> None:
        self.moments = [(torch.zeros_like(v), torch.zeros_like(v)) for v in self.values]
        self.steps = 0

    def loss(self, rows: tuple[Tensor, Tensor], values: list[Tensor] | None = None) -> Tensor:
        """Mean cross-entropy of each member [M]."""
        first, second, shift, last = values if values is not None else self.values
        logits = torch.relu(rows[0] @ first + shift) @ second + last
        return torch.nn.functional.cross_entropy(logits.transpose(1, 2), rows[1], reduction="none").mean(1)

    def step(self, rows: tuple[Tensor, Tensor]) -> None:
        """One step of Adam (Kingma and Ba 2015, algorithm 1)."""
        values = [v.requires_grad_() for v in self.values]
        gradients = torch.autograd.grad(self.loss(rows, values).sum(), values)
        self.steps += 1
        fixed = []
        with torch.no_grad():
            for value, gradient, (mean, square) in zip(values, gradients, self.moments, strict=True):
                mean.lerp_(gradient, 0.1)
                square.lerp_(gradient * gradient, 0.001)
                scale = torch.sqrt(square / (1 - 0.999**self.steps)) + 1e-8
                fixed.append(value - _RATE * mean / (1 - 0.9**self.steps) / scale)
        self.values = fixed

    def take(self, kept: list[Tensor]) -> None:
        """Go on from these weights, with fresh moments."""
        self.values = [v.clone() for v in kept]
        self._restart()


def _stop_early(nets: _Networks, data: _Data, most: int) -> tuple[list[Tensor], np.ndarray, np.ndarray]:
    """Best weights, best steps i* and steps walked, each [M]: the text's algorithm, looking at every step."""
    members = len(data.train[1])
    best, kept = torch.full((members,), np.inf), [v.clone() for v in nets.values]
    at, ended = np.zeros(members, int), np.zeros(members, int)
    for step in range(1, most + 1):
        nets.step(data.train)
        with torch.no_grad():
            valid = nets.loss(data.valid)
        going = torch.tensor(ended == 0)
        better = going & (valid < best)
        best = torch.where(better, valid, best)
        kept = [torch.where(better[:, None, None], v, k) for v, k in zip(nets.values, kept, strict=True)]
        at[better.numpy()] = step
        ended[(ended == 0) & (step - at >= _PATIENCE)] = step
        if ended.all():
            break
    return kept, at, np.where(ended == 0, most, ended)


def _by_steps(nets: _Networks, data: _Data, wanted: np.ndarray) -> np.ndarray:
    """Test losses [M] of networks trained from the start on all rows, each for the steps wanted."""
    found = np.full(len(wanted), np.nan)
    for step in range(1, int(wanted.max()) + 1):
        nets.step(data.both)
        if (wanted == step).any():
            found[wanted == step] = nets.loss(data.test).detach().numpy()[wanted == step]
    return found


def _go_on(nets: _Networks, data: _Data, goal: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Test losses and further steps [M] until the loss on the validation rows is below the goal."""
    found, taken = np.full(len(goal), np.nan), np.zeros(len(goal), int)
    for step in range(1, most + 1):
        nets.step(data.both)
        with torch.no_grad():
            done = (nets.loss(data.valid).numpy() < goal) & (taken == 0)
            if done.any() or step == most:
                test = nets.loss(data.test).numpy()
                last = done | ((taken == 0) & (step == most))
                found[last], taken[last] = test[last], step
        if (taken > 0).all():
            break
    return found, taken


def judged(anew: Interval, on: Interval, cheaper: bool) -> Verdict:
    """Both better than the stopped network; going on takes fewer steps."""
    if anew.above and on.above and cheaper:
        return "holds"
    return "wrong" if (anew.below or on.below) and not cheaper else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Stopped, retrained and continued networks on the same splits."""
    members, most = (8, 250) if quick else (16, 400)
    data = _splits(members)
    nets = _Networks(members, 64, 0)
    start = [v.clone() for v in nets.values]
    kept, at, walked = _stop_early(nets, data, most)
    nets.take(kept)
    with torch.no_grad():
        stopped, goal = nets.loss(data.test).numpy(), nets.loss(data.train).numpy()
    on, taken = _go_on(nets, data, goal, most)
    nets.take(start)
    anew = _by_steps(nets, data, at)
    gains = [interval(np.log(stopped / one)) for one in (anew, on)]
    apart = interval(np.log(on / anew))
    verdict = judged(gains[0], gains[1], bool(taken.mean() < at.mean()))
    return Outcome(
        headline=Words(
            "test loss of the stopped network ÷ of the one trained anew",
            "perda de teste da rede parada ÷ da treinada de novo",
        ),
        predicted=None,
        value=float(np.exp(gains[0].mean)),
        interval=(float(np.exp(gains[0].low)), float(np.exp(gains[0].high))),
        measured=filled(
            "Stopped ÷ trained anew: {0}; stopped ÷ continued: {1}; continued ÷ anew: {2}. {3}",
            "Parada ÷ treinada de novo: {0}; parada ÷ continuada: {1}; continuada ÷ de novo: {2}. {3}",
            *(_factor(one) for one in (*gains, apart)),
            said(
                "Best steps i*: {0} on average, {1} walked; going on took {2} more.",
                "Melhores passos i*: {0} em média, {1} andados; continuar levou mais {2}.",
                float(at.mean()), float(walked.mean()), float(taken.mean()),
            ),
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words(
                "Both ways gain from the rows that validated. Going on takes fewer steps, but has no count "
                "to go by. Here it stops once the loss on those rows is below the training loss at i*: soon, "
                "as they are trained on now.",
                "Os dois caminhos ganham com as linhas que validavam. Continuar leva menos passos, mas sem "
                "contagem. Aqui para quando a perda nessas linhas fica abaixo da de treino em i*: logo, pois "
                "agora elas também são treinadas.",
            ),
            Words(
                "Not both parts were seen: compare the numbers for the gain of each way and its steps.",
                "Nem todas as partes foram vistas: compare o ganho de cada caminho e os seus passos.",
            ),
            Words("Here the rows that validated did not help.",
                  "Aqui as linhas que validavam não ajudaram."),
        ),
        pictures=(_by_way(stopped, anew, on), _by_cost(at, taken)),
    )  # fmt: skip


def _factor(one: Interval) -> Words:
    return said(
        "×{0} [{1}, {2}]", "×{0} [{1}; {2}]", *(float(np.exp(v)) for v in (one.mean, one.low, one.high))
    )


def _by_way(stopped: np.ndarray, anew: np.ndarray, on: np.ndarray) -> Plot:
    order = np.argsort(stopped)
    places = range(1, len(order) + 1)
    return Plot(
        Words("Test loss after each strategy", "Perda de teste após cada estratégia"),
        Words("One place a split of the digits, in the order of the stopped network's loss.",
              "Um lugar por divisão dos dígitos, na ordem da perda da rede parada."),
        Axis(Words("split", "divisão")),
        Axis(Words("test loss (nats)", "perda de teste (nats)")),
        (series(Words("stopped at i*", "parada em i*"), places, stopped[order], "rest", "both"),
         series(Words("anew, i* steps, all rows", "de novo, i* passos, tudo"), places, anew[order], "good",
                "both"),
         series(Words("continued on all rows", "continuada com tudo"), places, on[order], "second", "both")),
    )  # fmt: skip


def _by_cost(at: np.ndarray, taken: np.ndarray) -> Plot:
    places = range(2)
    both = [at, taken]
    return Plot(
        Words("Further steps of each strategy", "Passos adicionais de cada estratégia"),
        Words("Mean over splits, whiskers from least to most.",
              "Média sobre divisões, hastes do menor ao maior."),
        Axis(Words("strategy", "estratégia"),
             names=(Words("anew", "de novo"), Words("continued", "continuada"))),
        Axis(Words("steps after the search for i*", "passos depois da busca de i*"),
             range=(0.0, 1.1 * at.max())),
        (series(Words("steps", "passos"), places, [v.mean() for v in both], kind="points",
                band=([v.min() for v in both], [v.max() for v in both])),),
        marks=(Mark(Words("none", "nenhum"), y=0.0),),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("What to do after early stopping", "O que fazer depois da parada antecipada"),
    claim=Words(
        "After the best number of steps is known, train anew on all rows for so many, or go on from the best "
        "weights on all rows, which saves the restart but loses the count of steps.",
        "Conhecido o melhor número de passos, treine de novo com todas as linhas por esse número, ou "
        "continue dos melhores pesos com todas, o que evita o reinício mas perde a contagem de passos.",
    ),
    source=Words(
        "“Técnicas de regularização”, early stopping: two strategies",
        "“Técnicas de regularização”, encerramento antecipado: duas estratégias",
    ),
    prediction=Words(
        "More rows, less loss, for both (Goodfellow et al. 2016, algorithms 7.2 and 7.3); going on needs "
        "fewer steps than starting anew.",
        "Mais linhas, menos perda, nos dois (Goodfellow et al. 2016, algoritmos 7.2 e 7.3); continuar "
        "precisa de menos passos que recomeçar.",
    ),
    measure=measure,
    rows=("R6",),
)
