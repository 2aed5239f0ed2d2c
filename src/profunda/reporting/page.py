"""Sections as one HTML file that needs no network: every script, style and figure is inside it.

Plotly's library travels gzipped in base64 and is unpacked by the browser's own DecompressionStream: 1.9 MB
instead of 4.8. A Content-Security-Policy forbids the page to load anything at all, whatever its text may say.
"""

import base64
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from profunda._version import __version__
from profunda.errors import RunError
from profunda.reporting import drawings
from profunda.reporting.blocks import Bars, Block, Figure, Figures, Section, Table
from profunda.reporting.interface import INTERFACES, Language
from profunda.reporting.words import number

__all__ = ["Link", "render"]


@dataclass(frozen=True)
class Link:
    """A page beside this one, or this one itself (`here`), in the row of links at the top."""

    title: str
    href: str
    here: bool = False


def render(
    title: str,
    subtitle: str,
    sections: Sequence[Section],
    *,
    language: Language = "en",
    links: Sequence[Link] = (),
) -> str:
    """The whole page. Every text of the blocks is escaped; only our own drawings are markup.

    `links` lead to other pages; without them the row at the top leads to the sections of this one.
    """
    figures = [figure for section in sections for block in section.blocks for figure in _figures(block)]
    template = _environment().get_template("page.html.jinja")
    return template.render(
        title=title,
        subtitle=subtitle,
        sections=sections,
        ids={figure: f"figure-{k}" for k, figure in enumerate(figures)},
        drawn=bool(figures),
        plotly=Markup(_plotly()) if figures else "",
        css=Markup(_asset("page.css")),
        script=Markup(_asset("page.js")),
        version=__version__,
        language=language,
        ui=INTERFACES[language],
        links=links,
    )


def _figures(block: Block) -> tuple[Figure, ...]:
    if isinstance(block, Figure):
        return (block,)
    return block.figures if isinstance(block, Figures) else ()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("profunda.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        embedded=_embedded,
        kind=lambda block: type(block).__name__,
        cell=_cell,
        numeric=_numeric,
        sparkline=drawings.sparkline,
        bar=drawings.bar,
        architecture=drawings.architecture,
        ends=_ends,
    )
    return environment


def _embedded(text: str) -> Markup:
    """JSON inside a script element: no letter in it may end the element or begin a comment."""
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)


def _cell(value: float | int) -> str:
    return f"{value:,}".replace("-", "−") if isinstance(value, int) else number(value)


def _numeric(table: Table, column: int) -> bool:
    return any(isinstance(row[column], (int, float)) for row in table.rows)


def _ends(bars: Bars) -> tuple[str, str]:
    low, high = drawings.axis_ends(bars)
    return number(low, 2), number(high, 2)


def _asset(name: str) -> str:
    return resources.files("profunda.reporting").joinpath("assets", name).read_text(encoding="utf-8")


@cache
def _plotly() -> str:
    """plotly.js, gzipped, in base64. Its file is found without importing plotly: only the browser needs it.

    Raises RunError where plotly is not installed as this package asks.
    """
    spec = find_spec("plotly")
    folders = spec.submodule_search_locations if spec is not None else None
    files = [Path(folder) / "package_data" / "plotly.min.js" for folder in folders or ()]
    for file in files:
        if file.is_file():
            return base64.b64encode(gzip.compress(file.read_bytes(), 9, mtime=0)).decode("ascii")
    raise RunError(
        "plotly's plotly.min.js was not found, so the report's figures cannot be drawn; the plotly package "
        "is missing or damaged: install it again (pip install --force-reinstall plotly)"
    )
