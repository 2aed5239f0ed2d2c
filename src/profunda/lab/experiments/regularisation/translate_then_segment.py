"""Segmenting a moved picture, and moving the segmented one: when are they the same?"""

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

import profunda
from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.regularisation._pictures import clothes
from profunda.lab.experiments.regularisation._tables import told
from profunda.lab.pictures import Axis, Plot, Sheet, series, sheet
from profunda.lab.words import Words, said

_GROUND = 0.3  # of the pictures: not black, so that zeros at the edge are seen
_OBJECT = 0.5  # brighter than this
_EXACT = 1e-5  # float32 sums of the same numbers
_SHIFTS = tuple(range(7))


def _segmenter(padding: Literal["circular", "zeros"], seed: int, pooled: bool = False) -> nn.Module:
    """Logits of object and ground for every pixel; `pooled`: computed on every second one."""
    torch.manual_seed(seed)
    around = [nn.MaxPool2d(2)] if pooled else []
    back = [nn.Upsample(scale_factor=2)] if pooled else []
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, padding_mode=padding),
        nn.ReLU(),
        *around,
        nn.Conv2d(8, 2, 3, padding=1, padding_mode=padding),
        *back,
    )


def _learned(model: nn.Module, images: Tensor, steps: int) -> nn.Module:
    """Taught to mark the object."""
    optimiser = torch.optim.Adam(model.parameters(), 2e-2)
    for step in range(steps):
        batch = images[step * 20 % 200 :][:20]
        loss = nn.functional.cross_entropy(model(batch), (batch[:, 0] > _OBJECT).long())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval()


def _moved(across: int) -> Callable[[Tensor], Tensor]:
    return lambda x: x.roll((across // 2, across), (-2, -1))


def _across(across: int) -> Callable[[Tensor], Tensor]:
    return lambda x: x.roll((across, across), (-2, -1))


def judged(circular: float, edge: float, interior: float, even: float, odd: float) -> Verdict:
    """By the largest differences: on a torus, with zeros at the edge and inside of it, after pooling."""
    if circular > _EXACT:
        return "wrong"
    exact = max(edge, odd) <= _EXACT
    return "holds" if exact and max(interior, even) <= _EXACT else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Three segmenters taught on pictures; pictures put on a wider ground and moved around it."""
    images = nn.functional.pad(clothes(4 if quick else 20)[0], (2, 2, 2, 2))
    bright = images + _GROUND
    steps = 30 if quick else 100
    with torch.random.fork_rng(devices=[]):
        torus, walls, pooled = (
            _learned(made, bright, steps)
            for made in (_segmenter("circular", 0), _segmenter("zeros", 0), _segmenter("circular", 0, True))
        )
    move = _moved(5)
    exact, edged = (profunda.invariance(m, bright, move, equivariant_to="same") for m in (torus, walls))
    with torch.no_grad():
        apart = (walls(move(bright)) - move(walls(bright))).abs()
    interior = float(apart[..., 5:-5, 8:-8].max())
    by_shift = [profunda.invariance(pooled, bright, _across(k), equivariant_to="same") for k in _SHIFTS]
    even = max(one.largest for one in by_shift[::2])
    odd = min(one.largest for one in by_shift[1::2])
    verdict = judged(exact.largest, edged.largest, interior, even, odd)
    return Outcome(
        headline=Words("largest difference of the two orders, circular padding",
                       "maior diferença entre as duas ordens, preenchimento circular"),
        predicted=0.0,
        value=exact.largest,
        interval=(exact.largest - _EXACT, exact.largest + _EXACT),
        measured=said(
            "Largest difference of logits: {0} with circular padding; {1} with zeros at the edge, {2} away "
            "from it; behind 2 × 2 pooling at most {3} for even shifts, at least {4} for odd ones "
            "(equivariance score {5} for a shift by one).",
            "Maior diferença dos logits: {0} com preenchimento circular; {1} com zeros na borda, {2} longe "
            "dela; após pooling 2 × 2 no máximo {3} para deslocamentos pares, no mínimo {4} para ímpares "
            "(índice de equivariância {5} para um pixel).",
            exact.largest, edged.largest, interior, even, odd, by_shift[1].score,
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words("Moving and segmenting commute.", "Mover e segmentar comutam."),
            Words(
                "Moving and segmenting commute where every layer is a convolution and the picture has no "
                "edge. Padding with zeros breaks it near the edge, pooling by two for odd shifts.",
                "Mover e segmentar comutam onde toda camada é convolução e a imagem não tem borda. Preencher "
                "com zeros quebra isso perto da borda, e o pooling por dois, para deslocamentos ímpares.",
            ),
            Words("They do not commute, not even without an edge.", "Não comutam, nem mesmo sem borda."),
        ),
        pictures=(_panels(torus, bright, move), _plot(by_shift)),
    )  # fmt: skip


@torch.no_grad()
def _panels(model: nn.Module, images: Tensor, move: Callable[[Tensor], Tensor]) -> Sheet:
    """The text's figure: picture, moved, segmented, and both."""
    one = images[1:2]
    marked = (model(one)[:, 1] > model(one)[:, 0]).float()
    both = model(move(one))
    panels = torch.cat([one[0], move(one)[0], marked, (both[:, 1] > both[:, 0]).float()])
    return sheet(
        Words("Moved, then segmented; segmented, then moved", "Movida e segmentada; segmentada e movida"),
        Words("White in the marked ones: what the network takes for the object. Moving the lower left one "
              "gives the lower right one.",
              "Branco nas marcadas: o que a rede toma pelo objeto. Mover a inferior esquerda dá a inferior "
              "direita."),
        panels.clamp(0.0, 1.0),
        2,
        (Words("a picture", "uma imagem"), Words("moved", "movida"),
         Words("segmented", "segmentada"), Words("moved, then segmented", "movida, depois segmentada")),
    )  # fmt: skip


def _plot(by_shift: list) -> Plot:
    scores = np.array([one.score for one in by_shift])
    ends = [one.low for one in by_shift], [one.high for one in by_shift]
    return Plot(
        Words("Equivariance behind 2 × 2 pooling", "Equivariância após pooling 2 × 2"),
        Words("1: the two orders agree. Even shifts move whole cells of the pooling, odd ones do not.",
              "1: as duas ordens concordam. Deslocamentos pares movem células inteiras do pooling."),
        Axis(Words("shift (pixels)", "deslocamento (pixels)")),
        Axis(Words("equivariance score", "índice de equivariância")),
        (series(Words("score", "índice"), _SHIFTS, scores, "measured", "both", band=ends),),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Translate and segment", "Transladar e segmentar"),
    claim=Words(
        "Segmentation is equivariant: an image first translated and then segmented gives the same as first "
        "segmented and then translated.",
        "A segmentação é equivariante: transladar a imagem e depois segmentar dá o mesmo que segmentar e "
        "depois transladar.",
    ),
    source=Words("“Técnicas de regularização”, equivariance; Figure 9.2",
                 "“Técnicas de regularização”, equivariância; Figura 9.2"),
    prediction=Words(
        "A convolution on a torus commutes with shifts exactly: difference 0. Zeros at the edge break that "
        "there only; pooling of two by two commutes with even shifts only.",
        "Uma convolução no toro comuta exatamente com translações: diferença 0. Zeros na borda quebram isso "
        "só ali; o pooling de dois por dois comuta só com deslocamentos pares.",
    ),
    measure=measure,
    rows=("R4",),
)  # fmt: skip
