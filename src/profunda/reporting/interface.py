"""The page's own few words, in the languages it is written in."""

from dataclasses import dataclass
from typing import Literal

from profunda._version import __version__

__all__ = ["INTERFACES", "Interface", "Language"]

Language = Literal["en", "pt"]


@dataclass(frozen=True)
class Interface:
    """What the page says by itself, around the words of its blocks."""

    how: str
    drawing: str
    script: str
    table: str
    parts: str
    explain: str
    mend: str
    good: str
    warning: str
    problem: str
    inapplicable: str
    foot: str


INTERFACES: dict[Language, Interface] = {
    "en": Interface(
        how="How it is made, and its limits",
        drawing="Drawing…",
        script="Figures need JavaScript.",
        table="Table",
        parts="Parts of this report",
        explain="Explain everything",
        mend="To mend it:",
        good="Good",
        warning="Warning",
        problem="Problem",
        inapplicable="n/a",
        foot=f"Written by Profunda {__version__}. This page is one file: it loads nothing from any network "
        "and holds no rows of your data beyond the points drawn.",
    ),
    "pt": Interface(
        how="Como é feito, e seus limites",
        drawing="Desenhando…",
        script="As figuras precisam de JavaScript.",
        table="Tabela",
        parts="Partes deste relatório",
        explain="Explicar tudo",
        mend="Para corrigir:",
        good="Bom",
        warning="Aviso",
        problem="Problema",
        inapplicable="n/a",
        foot=f"Escrito por Profunda {__version__}. Esta página é um único arquivo: não carrega nada de rede "
        "alguma e não contém linhas dos seus dados além dos pontos desenhados.",
    ),
}
