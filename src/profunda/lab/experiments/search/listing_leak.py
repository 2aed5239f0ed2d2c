"""The scaler before the split, and the score that chose: how much each flatters the worked example."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.search._listing import LISTS
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said

_TRAIN, _VALID, _FRESH = 800, 200, 2000
_SIZES = (32, 64)
_SETS = 8
"""Sets of 200 rows to choose by, of which the printed scaler sees the first."""
_BATCH, _EPOCHS = 64, 6
_PAIRS = tuple((rate, dropout) for rate in LISTS["learning_rate"] for dropout in LISTS["dropout_rate"])


@dataclass(frozen=True)
class _World:
    """One drawing of the example's data: rows to learn from, to choose by, and fresh ones that judge."""

    learn: np.ndarray
    valid: np.ndarray
    fresh: np.ndarray
    classes: tuple[np.ndarray, np.ndarray, np.ndarray]

    def scaled(self, *, leaky: bool) -> "_World":
        """Standardised by all rows of the example, as printed, or by the training rows alone."""
        known = np.concatenate([self.learn, self.valid[:_VALID]]) if leaky else self.learn
        mean, spread = known.mean(axis=0), known.std(axis=0)
        learn, valid, fresh = ((part - mean) / spread for part in (self.learn, self.valid, self.fresh))
        return _World(learn, valid, fresh, self.classes)


def _world(seed: int) -> _World:
    from sklearn.datasets import make_classification

    x, y = make_classification(n_samples=_TRAIN + _SETS * _VALID + _FRESH, n_features=20, random_state=seed)
    cuts = [_TRAIN, _TRAIN + _SETS * _VALID]
    (a, b, c), (p, q, r) = np.split(x, cuts), np.split(y, cuts)
    return _World(a, b, c, (p, q, r))


class _Stack:
    """Nine networks of one hidden size, with the rates and dropouts of the lists, trained side by side."""

    def __init__(self, inputs: int, width: int, seed: int) -> None:
        self.draw = torch.Generator().manual_seed(seed)
        self.rates, self.drops = (torch.tensor(part)[:, None, None] for part in zip(*_PAIRS, strict=True))
        count = len(_PAIRS)
        shapes = ((count, inputs, width), (count, 1, width), (count, width, 2), (count, 1, 2))
        bounds = (inputs**-0.5, inputs**-0.5, width**-0.5, width**-0.5)  # PyTorch's own first weights
        self.weights = [
            ((2 * torch.rand(shape, generator=self.draw) - 1) * bound).requires_grad_()
            for shape, bound in zip(shapes, bounds, strict=True)
        ]

    def outputs(self, x: torch.Tensor, *, training: bool) -> torch.Tensor:
        """Logits [9, N, 2]."""
        first, shift, second, end = self.weights
        hidden = torch.relu(x @ first + shift)
        if training:
            kept = torch.rand(hidden.shape, generator=self.draw) >= self.drops
            hidden = hidden * kept / (1 - self.drops)
        return hidden @ second + end

    def train(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """Adam (Kingma and Ba 2015, algorithm 1), each network at its own rate."""
        moments = [(torch.zeros_like(w), torch.zeros_like(w)) for w in self.weights]
        step = 0
        for _ in range(_EPOCHS):
            for batch in torch.randperm(len(x), generator=self.draw).split(_BATCH):
                step += 1
                logits = self.outputs(x[batch], training=True).flatten(0, 1)
                target = y[batch].repeat(len(_PAIRS))
                loss = torch.nn.functional.cross_entropy(logits, target, reduction="sum") / len(batch)
                gradients = torch.autograd.grad(loss, self.weights)
                with torch.no_grad():
                    for weight, gradient, (m, v) in zip(self.weights, gradients, moments, strict=True):
                        m.lerp_(gradient, 0.1)
                        v.lerp_(gradient * gradient, 0.001)
                        size = (v / (1 - 0.999**step)).sqrt_().add_(1e-8)
                        weight -= self.rates * (m / (1 - 0.9**step)) / size

    @torch.no_grad()
    def accuracies(self, x: torch.Tensor, y: torch.Tensor, sets: int) -> np.ndarray:
        """Share of rows guessed in each of so many equal sets of rows, [9, sets]."""
        right = (self.outputs(x, training=False).argmax(2) == y).double()
        return right.reshape(len(right), sets, -1).mean(dim=2).numpy()


def _scores(world: _World, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Accuracies of the 18 networks on each set of rows that choose [18, 8], and on fresh ones [18]."""
    learn, valid, fresh = (torch.tensor(part, dtype=torch.float32) for part in
                           (world.learn, world.valid, world.fresh))  # fmt: skip
    classes = [torch.tensor(part) for part in world.classes]
    found = []
    for width in _SIZES:
        stack = _Stack(learn.shape[1], width, seed)
        stack.train(learn, classes[0])
        found.append(
            (stack.accuracies(valid, classes[1], _SETS), stack.accuracies(fresh, classes[2], 1)[:, 0])
        )
    return np.concatenate([one for one, _ in found]), np.concatenate([one for _, one in found])


def optimism(valid: np.ndarray, fresh: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """By how much the best of `draws` networks scores higher on the rows that chose it, by world [W].

    `valid` [W, K, S] are accuracies on S sets that choose, `fresh` [W, K] on rows that none has seen. A set's
    rows may be easy or hard for all networks alike: that level is taken off.
    """
    random = np.random.default_rng(seed)
    worlds, networks, _ = valid.shape
    found = np.zeros(worlds)
    tries = 100
    for _ in range(tries):
        chosen = random.choice(networks, draws, replace=False)
        best = chosen[valid[:, chosen].argmax(axis=1)]  # [W, S]
        score = np.take_along_axis(valid, best[:, None], axis=1)[:, 0] - valid.mean(axis=1)
        truth = np.take_along_axis(fresh, best, axis=1) - fresh.mean(axis=1, keepdims=True)
        found += (score - truth).mean(axis=1) / tries
    return found


def verdict(flattery: Sequence[float], leak: Sequence[float], error: float) -> Verdict:
    """`flattery` and `leak` as 95 % intervals (low, high), `error` that of one score.

    Wrong where either for sure makes the score too good by more than its own error; a condition where it is
    too good by less.
    """
    if max(flattery[0], leak[0]) > error:
        return "wrong"
    return "holds with conditions" if max(flattery[0], leak[0]) > 0 else "holds"


def _interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean over worlds with Student's 95 % interval."""
    from scipy import stats

    mean = float(values.mean())
    reach = float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return mean, mean - reach, mean + reach


def measure(quick: bool) -> Outcome:
    """The lists' networks of 32 and 64 units, trained on drawings of the data, scaled in both ways."""
    worlds = [_world(seed) for seed in range(5 if quick else 14)]
    honest = [_scores(world.scaled(leaky=False), seed) for seed, world in enumerate(worlds)]
    again = enumerate(worlds[: 2 if quick else 5])
    leaky = [_scores(world.scaled(leaky=True), seed) for seed, world in again]
    valid, fresh = (np.array([each[part] for each in honest]) for part in (0, 1))
    counts = np.array([1, 2, 3, 5, 10, 15])
    rising = np.array([_interval(optimism(valid, fresh, int(k), 3)) for k in counts])
    mean, low, high = _interval(optimism(valid, fresh, 10, 3))
    gains = np.array([(a[0] - b[0])[:, 0].mean() for a, b in zip(leaky, honest, strict=False)])
    leak, leak_low, leak_high = _interval(gains)
    level = float(fresh.mean())
    error = float(np.sqrt(level * (1 - level) / _VALID))
    return Outcome(
        headline=Words(
            "accuracy of the best of ten on the rows that chose it, less on fresh rows",
            "acurácia do melhor de dez nas linhas que o escolheram, menos em linhas novas",
        ),
        predicted=None,
        value=mean,
        interval=(low, high),
        measured=said(
            "Over {0} drawings of the data: the best of ten is {1} too good (95 %: {2} to {3}). The "
            "scaler fitted before the split adds {4} (95 %: {5} to {6}). One accuracy on 200 rows has a "
            "standard error of {7} (mean accuracy {8}).",
            "Em {0} sorteios dos dados: o melhor de dez fica {1} bom demais (95 %: {2} a {3}). A escala "
            "ajustada antes da divisão acrescenta {4} (95 %: {5} a {6}). Uma acurácia em 200 linhas tem "
            "erro padrão {7} (acurácia média {8}).",
            len(worlds), mean, low, high, round(leak, 5), round(leak_low, 5), round(leak_high, 5), error,
            level,
        ),
        verdict=verdict((low, high), (leak_low, leak_high), error),
        statement=_statement(mean, (leak_low, leak_high), error),
        pictures=(_rising(counts, rising, error), _cloud(valid, fresh)),
    )  # fmt: skip


def _statement(mean: float, leak: tuple[float, float], error: float) -> Words:
    harmless = leak[0] <= 0
    return said(
        "Report the chosen network on rows that no choice has seen: the printed best score is about {0} "
        "too good. Fit the scaler on the training rows too; {1} One "
        "accuracy on 200 rows is known only to ±{4} (95 %): smaller differences need more rows, or networks "
        "compared on the same ones.",
        "Relate a rede escolhida em linhas que nenhuma escolha viu: a melhor nota impressa é cerca de "
        "{0} boa demais. Ajuste também a escala só nas linhas de treino; {3} "
        "Uma acurácia em 200 linhas só é conhecida a ±{4} (95 %): diferenças menores pedem mais linhas, ou "
        "redes comparadas nas mesmas.",
        mean,
        "with 800 rows that leak is too small to see." if harmless else "here that leak shows.",
        error,
        "com 800 linhas esse vazamento é pequeno demais para ver." if harmless else "aqui esse vazamento "
        "aparece.",
        1.96 * error,
    )  # fmt: skip


def _rising(counts: np.ndarray, rising: np.ndarray, error: float) -> Plot:
    mean, low, high = rising.T
    return Plot(
        Words("The more draws, the more flattering", "Quanto mais sorteios, mais lisonjeiro"),
        Words(
            "Score on the 200 rows that choose less score on fresh rows, for the best of so many draws. "
            "Band: 95 % over drawings of the data.",
            "Nota nas 200 linhas que escolhem menos a nota em linhas novas, para o melhor de tantos "
            "sorteios. Faixa: 95 % sobre sorteios dos dados.",
        ),
        Axis(Words("draws", "sorteios")),
        Axis(Words("accuracy too good by", "excesso de acurácia")),
        (series(Words("measured", "medido"), counts, mean, "measured", "both", (low, high)),),
        marks=(Mark(Words("standard error of one score", "erro padrão de uma nota"), y=error),),
    )


def _cloud(valid: np.ndarray, fresh: np.ndarray) -> Plot:
    """The networks on the first set that chooses, and what each of the sets would choose."""
    best = valid.argmax(axis=1)  # [W, S]
    score, truth = valid.max(axis=1), np.take_along_axis(fresh, best, axis=1)
    first = valid[..., 0]
    ends = [float(min(first.min(), fresh.min())), float(max(valid.max(), fresh.max()))]
    return Plot(
        Words("Scores of the networks, twice", "Notas das redes, duas vezes"),
        said(
            "Each point is a network. Of those that a set of 200 rows chose (red), {0} of 100 lie below "
            "the dashed line of equal scores.",
            "Cada ponto é uma rede. Das que um conjunto de 200 linhas escolheu (vermelho), {0} de 100 "
            "ficam abaixo da linha tracejada de notas iguais.",
            round(100 * float((truth < score).mean())),
        ),
        Axis(Words("accuracy, 200 rows that choose", "acurácia, 200 linhas que escolhem")),
        Axis(Words("accuracy, fresh rows", "acurácia, linhas novas")),
        (
            series(Words("all networks", "todas as redes"), first.ravel(), fresh.ravel(), "rest", "points"),
            series(Words("the chosen ones", "as escolhidas"), score.ravel(), truth.ravel(), "bad", "points"),
            series(Words("equal scores", "notas iguais"), ends, ends, "theory"),
        ),
    )


EXPERIMENT = Experiment(
    title=Words("The score that chose", "A nota que escolheu"),
    claim=Words(
        "All rows are scaled before the split; the best validation accuracy tells the chosen network's "
        "accuracy.",
        "Escalam-se todas as linhas antes da divisão; a melhor acurácia de validação diz a acurácia da rede "
        "escolhida.",
    ),
    source=Words(
        "What the listings of “Teoria de Deep Learning”, sections 5 and 7, do and print",
        "O que fazem e imprimem os códigos de “Teoria de Deep Learning”, seções 5 e 7",
    ),
    prediction=Words(
        "An accuracy p on 200 rows has the standard error √(p(1 − p)/200), 0.025 at 0.85. The best of "
        "several such scores is too good by part of that, more with more draws, and 0 for one draw. The "
        "scaler's means come from 1,000 rows of which 800 train: a tiny leak. Wrong means too good by more "
        "than that error; this was settled after the numbers.",
        "Uma acurácia p em 200 linhas tem erro padrão √(p(1 − p)/200), 0,025 em 0,85. A melhor de várias "
        "notas assim é boa demais por parte disso, mais com mais sorteios, e 0 com um sorteio. As médias "
        "da escala vêm de 1.000 linhas, das quais 800 treinam: um vazamento ínfimo. Errado é ser boa demais "
        "por mais do que esse erro; isso foi fixado após os números.",
    ),
    measure=measure,
    errata=("E18",),
    rows=("S2", "S5", "S7"),
)
