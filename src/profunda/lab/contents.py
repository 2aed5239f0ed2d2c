"""Chapters of the book and their experiments: one package a chapter, one module an experiment."""

import pkgutil
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import import_module

from profunda.errors import ArgumentError
from profunda.lab.experiment import Experiment
from profunda.lab.words import Words

__all__ = ["CHAPTERS", "Chapter", "Entry", "entries", "entry"]


@dataclass(frozen=True)
class Chapter:
    """A chapter: the `key` is its package's name and its page's."""

    key: str
    title: Words
    lead: Words


@dataclass(frozen=True)
class Entry:
    """An experiment in its place."""

    id: str
    chapter: Chapter
    experiment: Experiment


CHAPTERS = (
    Chapter(
        "search",
        Words("Search", "Busca"),
        Words(
            "How to choose a network: rules of thumb, grids, chance and Bayesian search.",
            "Como escolher uma rede: regras práticas, grades, sorteio e busca bayesiana.",
        ),
    ),
    Chapter(
        "regularisation",
        Words("Regularisation", "Regularização"),
        Words(
            "What penalties, dropout, normalisation, augmentation and early stopping really do.",
            "O que penalidades, dropout, normalização, aumento de dados e parada antecipada fazem de fato.",
        ),
    ),
    Chapter(
        "landscape",
        Words("Optimisation landscape", "Paisagem de otimização"),
        Words(
            "Why training succeeds although the loss is not convex.",
            "Por que o treino funciona embora a perda não seja convexa.",
        ),
    ),
    Chapter(
        "kernels",
        Words("NTK, width and depth", "NTK, largura e profundidade"),
        Words(
            "What infinitely wide networks predict, and how depth over width governs the rest.",
            "O que redes infinitamente largas preveem, e como a razão profundidade/largura governa o resto.",
        ),
    ),
    Chapter(
        "expressivity",
        Words("Expressivity", "Expressividade"),
        Words(
            "What networks can represent, and how many units that takes.",
            "O que as redes podem representar, e quantas unidades isso exige.",
        ),
    ),
    Chapter(
        "generalisation",
        Words("Generalisation", "Generalização"),
        Words(
            "Fitting against predicting: bounds, bias and variance, double descent.",
            "Ajustar e prever: limites, viés e variância, descida dupla.",
        ),
    ),
    Chapter(
        "deep_training",
        Words("Training deep networks", "Treino de redes profundas"),
        Words(
            "Signals and gradients through many layers: what vanishes, what explodes, and the cures.",
            "Sinais e gradientes por muitas camadas: o que desaparece, o que explode, e os remédios.",
        ),
    ),
)

_HOME = "profunda.lab.experiments"


@cache
def entries() -> tuple[Entry, ...]:
    """Every experiment, chapter by chapter, in the order of their names."""
    found = []
    for chapter in CHAPTERS:
        package = import_module(f"{_HOME}.{chapter.key}")
        names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
        # A module that begins with "_" is what several experiments of a chapter share.
        for name in (name for name in names if not name.startswith("_")):
            module = import_module(f"{package.__name__}.{name}")
            found.append(Entry(name.replace("_", "-"), chapter, module.EXPERIMENT))
    return tuple(found)


def entry(name: str) -> Entry:
    """The experiment called `name`, or the one that settles an erratum of that label ("E10").

    Raises ArgumentError for a name that is neither, with those that come near.
    """
    known = {one.id: one for one in entries()}
    for one in entries():
        for label in one.experiment.errata:
            known.setdefault(label, one)
    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=3, cutoff=0.4)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    raise ArgumentError(f"there is no experiment {name!r}.{hint} `profunda lab` lists all of them.")
