"""Any direction of the predictions can be reached where J has full row rank, by a small step."""

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.landscape._networks import dense, gaussian_rows, parameters
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said
from profunda.theory import jacobian, outputs_at, parameter_vector

_ROWS, _INPUTS = 30, 5
_WIDTHS = (1, 2, 3, 4, 8, 16, 32, 64)


def _missed(net: torch.nn.Sequential, x: torch.Tensor, wanted: torch.Tensor) -> tuple[float, torch.Tensor]:
    """‖J p − d‖/‖d‖ for the best step p, and p."""
    j = jacobian(net, x)
    step = torch.linalg.lstsq(j, wanted[:, None], driver="gelsd").solution[:, 0]
    return float((j @ step - wanted).norm() / wanted.norm()), step


def verdict(many: list[float], few: list[float]) -> Verdict:
    """Shares of a random direction that the best step misses, for P ≥ 2n and for P < n."""
    if max(many) > 1e-8:
        return "wrong"
    return "holds" if max(few) > 0.1 else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Random directions of 30 predictions; one hidden layer of 1 to 64 tanh units."""
    seeds = 5 if quick else 20
    x = gaussian_rows(_ROWS, _INPUTS, 0)
    sizes = [parameters(dense((_INPUTS, h, 1), torch.nn.Tanh, 0)) for h in _WIDTHS]
    directions = [
        torch.randn(_ROWS, dtype=torch.float64, generator=torch.Generator().manual_seed(100 + s))
        for s in range(seeds)
    ]
    table = np.array([
        [_missed(dense((_INPUTS, h, 1), torch.nn.Tanh, s), x, d)[0] for s, d in enumerate(directions)]
        for h in _WIDTHS
    ])  # fmt: skip
    many = [float(row.max()) for row, p in zip(table, sizes, strict=True) if p >= 2 * _ROWS]
    few = [float(np.sqrt((row**2).mean())) for row, p in zip(table, sizes, strict=True) if p < _ROWS]
    expected = [np.sqrt(max(0.0, 1.0 - p / _ROWS)) for p in sizes]
    lengths = np.logspace(-5, 0, 11)
    strays = np.array([_stray(s, x, d, lengths) for s, d in enumerate(directions[:5])])
    slope = float(np.polyfit(np.log(lengths[:5]), np.log(strays.mean(0)[:5]), 1)[0])
    return Outcome(
        headline=Words("largest share missed at P ≥ 2n", "maior parte perdida com P ≥ 2n"),
        predicted=0.0,
        value=max(many),
        interval=(0.0, 1e-8),
        measured=said(
            "With at least twice as many parameters as rows the best step misses {0} of a random direction "
            "at most; with {1} parameters for 30 rows it misses {2}, with {3} parameters {4}. A real step "
            "strays, relative to its length, by the power {5} of it.",
            "Com ao menos o dobro de parâmetros que de linhas o melhor passo perde no máximo {0} de uma "
            "direção sorteada; com {1} parâmetros para 30 linhas perde {2}, com {3} parâmetros {4}. Um "
            "passo de verdade se desvia, relativo ao seu tamanho, com a potência {5} dele.",
            max(many), sizes[0], few[0], sizes[len(few) - 1], few[-1], slope,
        ),
        verdict=verdict(many, few),
        statement=Words(
            "True where J has full row rank, and for small steps: J times its pseudo-inverse gives back any "
            "direction. With fewer parameters than rows a random direction is missed by √(1 − P/n) of its "
            "length. And it is one step: after it J has changed.",
            "Verdade onde J tem posto de linhas completo, e para passos pequenos: J vezes a sua "
            "pseudoinversa devolve qualquer direção. Com menos parâmetros que linhas perde-se √(1 − P/n) do "
            "tamanho de uma direção sorteada. E é um passo: depois dele J mudou.",
        ),
        pictures=(
            Plot(
                Words("What the best step misses", "O que o melhor passo perde"),
                Words(
                    "30 rows, root mean square over draws; 0 is drawn at 10⁻¹⁷. Dashed: √(1 − P/n).",
                    "30 linhas, média quadrática sobre sorteios; 0 vai em 10⁻¹⁷. Tracejado: √(1 − P/n).",
                ),
                Axis(Words("parameters P", "parâmetros P"), log=True),
                Axis(Words("share missed", "parte perdida"), log=True, range=(1e-17, 10.0)),
                (
                    series(Words(
                        "measured",
                        "medido",
                    ), sizes, np.maximum(np.sqrt((table**2).mean(1)), 1e-17), "measured", "both"),
                    series(Words(
                        "theory",
                        "teoria",
                    ), [p for p in sizes if p < _ROWS], [e for e in expected if e > 0], "theory"),
                ),
                marks=(Mark(Words("n = 30", "n = 30"), x=float(_ROWS)),),
            ),
            Plot(
                Words("A real step", "Um passo de verdade"),
                Words(
                    "How far the change of the predictions is from the direction, relative to the step; 64 "
                    "units.",
                    "Quanto a mudança das previsões dista da direção, relativo ao passo; 64 unidades.",
                ),
                Axis(Words("length of the step", "tamanho do passo"), log=True),
                Axis(Words("relative distance", "distância relativa"), log=True),
                (series(Words("mean", "média"), lengths, strays.mean(0), "measured", "both"),),
            ),
        ),
    )  # fmt: skip


def _stray(seed: int, x: torch.Tensor, wanted: torch.Tensor, lengths: np.ndarray) -> np.ndarray:
    """‖f(θ + t p) − f(θ) − t d‖/(t‖d‖) for steps of the lengths t‖p‖."""
    net = dense((_INPUTS, _WIDTHS[-1], 1), torch.nn.Tanh, seed)
    _, step = _missed(net, x, wanted)
    theta, t = parameter_vector(net), torch.from_numpy(lengths)[:, None] / step.norm()
    found = outputs_at(net, torch.cat([theta[None], theta + t * step]), x)[:, :, 0]
    return ((found[1:] - found[0] - t * wanted).norm(dim=1) / (t[:, 0] * wanted.norm())).numpy()


EXPERIMENT = Experiment(
    title=Words("Reaching any direction", "Alcançar qualquer direção"),
    claim=Words(
        "If the Jacobian has full rank, then for any direction one wants to go in there is a corresponding "
        "one in the space of all parameters.",
        "Se a jacobiana tem posto completo, a qualquer direção que se deseje ir corresponde uma direção no "
        "espaço de todos os parâmetros.",
    ),
    source=Words("“Teoria de Deep Learning”, section 11.2", "“Teoria de Deep Learning”, seção 11.2"),
    prediction=Words(
        "J J⁺ is the projection on the range of J: ‖J J⁺d − d‖ below 10⁻⁸‖d‖ at full row rank, and √(1 − "
        "P/n)‖d‖ in root mean square for a random d and rank P < n.",
        "J J⁺ é a projeção sobre a imagem de J: ‖J J⁺d − d‖ abaixo de 10⁻⁸‖d‖ com posto de linhas completo, "
        "e √(1 − P/n)‖d‖ em média quadrática para d sorteado e posto P < n.",
    ),
    measure=measure,
    rows=("U2",),
)
