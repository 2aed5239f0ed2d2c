"""A reading of the surface that has a value everywhere: a hundred valleys, and where descent ends from five
points."""

import numpy as np

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Heat, Series, Spot, series
from profunda.lab.words import Words, said
from profunda.theory import landscape, marked_points, regular_landscape, regular_minima

_REACH = 10.0


def descent(start: tuple[float, float], steps: int = 1500, rate: float = 0.1) -> np.ndarray:
    """Gradient descent from a point, [steps + 1, 2], by central differences."""
    path = [np.array(start)]
    for _ in range(steps):
        x, y = path[-1]
        slope = np.array([
            float(regular_landscape(x + 1e-5, y) - regular_landscape(x - 1e-5, y)),
            float(regular_landscape(x, y + 1e-5) - regular_landscape(x, y - 1e-5)),
        ]) / 2e-5  # fmt: skip
        path.append(path[-1] - rate * slope)
        if np.abs(slope).max() < 1e-7:
            break
    return np.stack(path)


def verdict(minima: int, ends: int, at_best: int, starts: int) -> Verdict:
    """Minima inside the square, different valleys in which descents end, and how many end in the lowest."""
    if minima < 2:
        return "wrong"
    return "holds" if ends > 1 and at_best < starts else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """All local minima in [−10, 10]², and descents from near the five marked points."""
    found = regular_minima(_REACH)
    depths = regular_landscape(found[:, 0], found[:, 1])
    # (0, 0) is a saddle where descent would stand still: all five starts are moved by the same small step.
    paths = [descent((a + 0.05, b + 0.02)) for a, b in marked_points()]
    nearest = [int(np.linalg.norm(found - path[-1], axis=1).argmin()) for path in paths]
    best = int(np.isclose(depths[nearest], depths.min(), atol=1e-4).sum())
    ended = sorted(float(each) for each in depths[nearest])
    surface = landscape("regular", 79)
    return Outcome(
        headline=Words("local minima in [−10, 10]²", "mínimos locais em [−10, 10]²"),
        predicted=101.0,
        value=float(len(found)),
        interval=(float(len(found)), float(len(found))),
        measured=said(
            "{0} local minima, the lowest at {1}. Descents from the five points end in {2} different ones, "
            "between {3} and {4}; {5} of them in the lowest.",
            "{0} mínimos locais, o mais baixo em {1}. Descidas a partir dos cinco pontos terminam em {2} "
            "diferentes, entre {3} e {4}; {5} delas no mais baixo.",
            len(found), float(depths.min()), len(set(nearest)), ended[0], ended[-1], best,
        ),
        verdict=verdict(len(found), len(set(nearest)), best, len(paths)),
        statement=Words(
            "On a surface like this the start decides the end: descent stays in the nearest valley. The "
            "reading sin(3r)/(r + 1.5)·sin x·cos y is a guess at what the printed formula was meant to be; "
            "and two parameters are no network, see the slices of trained ones.",
            "Numa superfície assim o começo decide o fim: a descida fica no vale mais próximo. A leitura "
            "sen(3r)/(r + 1,5)·sen x·cos y é um palpite do que a fórmula impressa pretendia; e dois "
            "parâmetros não são uma rede, veja os cortes de redes treinadas.",
        ),
        pictures=(
            Heat(
                Words("A regular reading of the surface", "Uma leitura regular da superfície"),
                Words(
                    "Points: the five marked configurations. Lines: gradient descent from each of them.",
                    "Pontos: as cinco configurações marcadas. Linhas: descida de gradiente a partir de cada "
                    "uma.",
                ),
                Axis(Words("x, first parameter", "x, primeiro parâmetro")),
                Axis(Words("y, second parameter", "y, segundo parâmetro")),
                Words("loss", "perda"),
                tuple(surface.x.tolist()),
                tuple(surface.y.tolist()),
                tuple(tuple(row) for row in surface.values.tolist()),
                spots=tuple(Spot(said("{0}", "{0}", round(a)), a, b) for a, b in marked_points()),
                paths=_lines(paths),
            ),
        ),
    )  # fmt: skip


def _lines(paths: list[np.ndarray]) -> tuple[Series, ...]:
    return tuple(
        series(Words("descent", "descida") if k == 0 else Words("", ""), path[:, 0], path[:, 1], "bad")
        for k, path in enumerate(paths)
    )


EXPERIMENT = Experiment(
    title=Words("A surface with a hundred valleys", "Uma superfície com cem vales"),
    claim=Words(
        "The best combination of parameters is looked for in a space of hills and valleys, in which "
        "configurations have different places: the loss is not convex.",
        "A melhor combinação de parâmetros é procurada num espaço de morros e vales, em que as "
        "configurações ocupam posições diferentes: a perda não é convexa.",
    ),
    source=Words(
        "“Teoria de Deep Learning”, section 9.2, figures 1 and 2, in a regular reading of the formula",
        "“Teoria de Deep Learning”, seção 9.2, figuras 1 e 2, numa leitura regular da fórmula",
    ),
    prediction=Words(
        "sin(3r)/(r + 1.5)·sin x·cos y with r = √(x² + y²) lies between −0.3274 and 0.3274 and has 101 "
        "local minima on [−10, 10]² (gradient 0, Hessian positive definite).",
        "sen(3r)/(r + 1,5)·sen x·cos y com r = √(x² + y²) fica entre −0,3274 e 0,3274 e tem 101 mínimos "
        "locais em [−10, 10]² (gradiente 0, hessiana positiva definida).",
    ),
    measure=measure,
    rows=("U1",),
)
