"""Experiments that need no computing: one that holds, one that is wrong, one that breaks."""

import os
import time

from profunda.lab.contents import CHAPTERS, Entry
from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Diagram, Heat, Mark, Node, Picture, Plot, Slider, Spot, series, sheet
from profunda.lab.running import Run
from profunda.lab.words import Words, said

X, Y = Axis(Words("width H", "largura H"), log=True), Axis(Words("error", "erro"))
PLOT = Plot(
    Words("A plot", "Um gráfico"),
    Words("See the slope.", "Veja a inclinação."),
    X,
    Y,
    (
        series(Words("m", "medido"), [1, 10, 100], [1, 0.5, 0.2], band=([0.9, 0.4, 0.1], [1.1, 0.6, 0.3])),
        series(Words("theory", "teoria"), [1, 10, 100], [1.0, 0.6, 0.3], "theory"),
        series(Words("bars", "barras"), [1, 10, 100], [1.0, 0.6, 0.3], "second", "bars"),
    ),
    (Mark(Words("here", "aqui"), x=10.0), Mark(Words("there", "ali"), y=0.5)),
    (Spot(Words("a point <b>", "um ponto <b>"), 10, 0.5),),
)  # fmt: skip
SLIDING = Plot(
    Words("A slider", "Um controle"),
    Words("Move it.", "Mova-o."),
    Axis(Words("x", "x")),
    Y,
    (
        series(Words("always", "sempre"), [0, 1], [0, 1]),
        series(Words("one", "um"), [0, 1], [1, 0], "second", step=0),
        series(Words("two", "dois"), [0, 1], [1, 2], "second", band=([0, 1], [2, 3]), step=1),
    ),
    slider=Slider(Words("strength", "força"), (Words("λ = 0.1", "λ = 0,1"), Words("λ = 1", "λ = 1"))),
)
HEAT = Heat(
    Words("A surface", "Uma superfície"),
    Words("Dark is low.", "Escuro é baixo."),
    Axis(Words("x", "x")),
    Axis(Words("y", "y")),
    Words("loss", "perda"),
    (0.0, 1.0),
    (0.0, 1.0),
    ((1.0, None), (100.0, 10.0)),
    log=True,
)
SHEET = sheet(
    Words("Two pictures", "Duas imagens"),
    Words("One is the other's negative.", "Uma é o negativo da outra."),
    [[[0.0, 1.0, 0.5], [1.0, 0.0, 0.5]], [[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]]],
    2,
    (Words("first", "primeira"), Words("second", "segunda")),
)
DIAGRAM = Diagram(
    Words("A gate", "Uma porta"),
    Words("Two inputs, one output.", "Duas entradas, uma saída."),
    (Node("u", 0, 1), Node("v", 0, 0), Node("uv", 1, 0.5, "good")),
    ((0, 2, "λ"), (1, 2, "−λ")),
)


def outcome(verdict: Verdict = "holds", pictures: tuple[Picture, ...] = (PLOT,)) -> Outcome:
    return Outcome(
        headline=Words("slope", "inclinação"),
        predicted=-1.0,
        value=-0.9477,
        interval=(-1.01, -0.89),
        measured=said("The slope is {0} over {1} nets.", "A inclinação é {0} em {1} redes.", -0.9477, 12000),
        verdict=verdict,
        statement=Words("It falls as 1/H.", "Cai como 1/H."),
        pictures=pictures,
    )


def experiment(measure: object, errata: tuple[str, ...] = ()) -> Experiment:
    return Experiment(
        title=Words("A title <i>", "Um título <i>"),
        claim=Words("Wide is linear.", "Largo é linear."),
        source=Words("Text A, section 1", "Texto A, seção 1"),
        prediction=Words("A slope of −1.", "Uma inclinação de −1."),
        measure=measure,  # type: ignore[arg-type]
        errata=errata,
    )


def broken(quick: bool) -> Outcome:
    raise ZeroDivisionError("no networks at all")


REST = (SLIDING, HEAT, SHEET, DIAGRAM)
FAKES = (
    Entry("one-holds", CHAPTERS[0], experiment(lambda quick: outcome())),
    Entry("two-wrong", CHAPTERS[0], experiment(lambda quick: outcome("wrong", REST), ("E98",))),
    Entry("three-breaks", CHAPTERS[2], experiment(broken, ("E99",))),
)  # fmt: skip


def entries() -> tuple[Entry, ...]:
    return FAKES


# In the place of `running.run`, which a process finds by its name:


def dying(name: str, *, quick: bool = False) -> Run:
    """Takes its process with it on "two-wrong"."""
    if name == "two-wrong":
        os._exit(9)
    return Run(name, outcome(), 0.1, None)


def slow(name: str, *, quick: bool = False) -> Run:
    """Ends at once for "one-holds", for others after minutes."""
    time.sleep(0 if name == "one-holds" else 120)
    return Run(name, outcome(), 0.1, None)


def deadly_start() -> None:
    """In the place of `running._calm`: no process ever begins."""
    os._exit(9)
