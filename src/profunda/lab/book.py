"""The book: an index, one page a chapter, and book.json with every verdict."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from profunda._version import __version__
from profunda.errors import ArgumentError, RunError
from profunda.journal.durable import temporary, write_durably
from profunda.lab.contents import CHAPTERS, Chapter, Entry, entry
from profunda.lab.drawing import figure
from profunda.lab.experiment import VERDICTS, Outcome, Verdict
from profunda.lab.running import Run
from profunda.lab.words import Language, Words, localised
from profunda.reporting import page
from profunda.reporting.blocks import Block, Contents, Facts, Item, Ruling, Section, State, Text
from profunda.reporting.words import duration, interval, number

__all__ = [
    "check_folder",
    "check_page",
    "holds_book",
    "summary",
    "verdict_word",
    "write_book",
    "write_page",
]

_STATES: dict[Verdict, State] = {"holds": "ok", "holds with conditions": "warn", "wrong": "bad"}
_WORDS = {
    "holds": Words("holds", "vale"),
    "holds with conditions": Words("holds with conditions", "vale com condições"),
    "wrong": Words("wrong", "errado"),
}
_TITLE = Words("Deep learning, measured", "Aprendizagem profunda, medida")
_RECORDS = "book.json"
_FIELDS = {"id", "chapter", "claim", "source", "prediction", "verdict", "seconds", "error"}
"""By which an experiment's record is known."""


def verdict_word(verdict: Verdict, language: Language) -> str:
    """The verdict as a reader's word."""
    return _WORDS[verdict].to(language)


def check_folder(folder: Path, *, force: bool) -> None:
    """Refuse a folder in which something else lies, and make one that does not exist.

    It is made before anything is run: minutes of computing must not end at a folder nobody may write to.
    Raises RunError where `folder` is a file or holds anything, unless `force` is given and it holds a book,
    and where it cannot be made, read or written to.
    """
    try:
        _check_content(folder, force)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"the book cannot be written to {folder}: {error.strerror}") from None
    if not os.access(folder, os.W_OK):
        raise RunError(f"the book cannot be written to {folder}: no right to write there")


def _check_content(folder: Path, force: bool) -> None:
    if folder.is_symlink() and not folder.exists():
        raise RunError(f"{folder} is a link to nothing; name a folder that does not exist yet")
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is a file; name a folder that does not exist yet, or an empty one")
    # What a writer that was killed left under its own name is replaced, and no reason to refuse.
    if not folder.is_dir() or all(one.name == temporary(folder / _RECORDS).name for one in folder.iterdir()):
        return
    if not holds_book(folder):
        raise RunError(
            f"{folder} holds files that are not a book's, so it is left as it is; name a folder that "
            "does not exist yet, or an empty one"
        )
    if not force:
        raise RunError(f"{folder} holds a book already; --force writes the new one over it")


def holds_book(folder: Path) -> bool:
    """Whether the records there are of experiments: another program's book.json is not to be overwritten."""
    try:
        records = json.loads((folder / _RECORDS).read_bytes())
    except (OSError, ValueError):
        return False
    return (
        isinstance(records, list)
        and bool(records)
        and all(isinstance(one, dict) and one.keys() >= _FIELDS for one in records)
    )


def write_book(folder: Path, runs: Sequence[Run], language: Language = "en") -> Path:
    """Write index.html, a page for each chapter that has runs, and book.json into `folder`; the index's path.

    Raises ArgumentError for no runs at all, RunError where the folder cannot be written.
    """
    if not runs:
        raise ArgumentError("a book needs at least one experiment, and none was run")
    chapters = [chapter for chapter in CHAPTERS if any(entry(r.id).chapter == chapter for r in runs)]
    records = [run.record(language) for run in runs]
    # First what tells a book by: where a writer is killed half-way, --force may write over what it left.
    texts = {_RECORDS: json.dumps(records, ensure_ascii=False, allow_nan=False, indent=1)}
    texts["index.html"] = _index(runs, chapters, language)
    for chapter in chapters:
        own = [run for run in runs if entry(run.id).chapter == chapter]
        texts[_page_name(chapter)] = _chapter_page(chapter, own, chapters, language)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            write_durably(folder / name, text.encode())
    except OSError as error:
        raise RunError(f"the book cannot be written to {folder}: {error.strerror}") from None
    return folder / "index.html"


def check_page(file: Path) -> None:
    """Raise RunError where a page's `file` exists, or the folder that it belongs to does not."""
    if os.path.lexists(file):
        raise RunError(f"{file} exists already and is not overwritten; remove it or choose another file")
    if not file.parent.is_dir():
        raise RunError(
            f"the page cannot be written to {file}: there is no folder {file.parent}; make it first"
        )


def write_page(file: Path, run: Run, language: Language = "en") -> Path:
    """Write one experiment's page, complete in itself; its path.

    Raises RunError where the file exists, its folder does not, or it cannot be written.
    """
    check_page(file)
    one = entry(run.id)
    text = page.render(
        one.experiment.title.to(language),
        one.chapter.title.to(language),
        [Section(run.id, "", "", _blocks(run, one, language))],
        language=language,
    )
    try:
        write_durably(file, text.encode())
    except OSError as error:
        raise RunError(f"the page cannot be written to {file}: {error.strerror}") from None
    return file


def summary(runs: Sequence[Run], language: Language) -> str:
    """How many of the verdicts were which, in one line."""
    parts = [
        f"{sum(r.outcome is not None and r.outcome.verdict == verdict for r in runs)} "
        f"{verdict_word(verdict, language)}"
        for verdict in VERDICTS
    ]
    failed = sum(run.error is not None for run in runs)
    parts += [f"{failed} {Words('without a verdict', 'sem veredito').to(language)}"] if failed else []
    return " · ".join(parts)


def _page_name(chapter: Chapter) -> str:
    return f"{chapter.key.replace('_', '-')}.html"


def _links(chapters: Sequence[Chapter], here: Chapter | None, language: Language) -> list[page.Link]:
    links = [page.Link(Words("Contents", "Sumário").to(language), "index.html", here is None)]
    return links + [page.Link(c.title.to(language), _page_name(c), c is here) for c in chapters]


def _index(runs: Sequence[Run], chapters: Sequence[Chapter], language: Language) -> str:
    seconds = sum(run.seconds for run in runs)
    lead = Words(
        f"{len(runs)} claims of textbooks on deep learning, each beside what theory says of it, measured on "
        f"this machine in {duration(seconds)} of computing, and judged by its numbers.",
        f"{len(runs)} afirmações de textos sobre aprendizagem profunda, cada uma ao lado do que diz a "
        f"teoria, medida nesta máquina em {localised(duration(seconds))} de cálculo e julgada pelos seus "
        "números.",
    )
    counts = tuple(
        (verdict_word(v, language), str(sum(r.outcome is not None and r.outcome.verdict == v for r in runs)))
        for v in VERDICTS
    )
    blocks: list[Block] = [Facts(counts)]
    for chapter in chapters:
        own = [run for run in runs if entry(run.id).chapter == chapter]
        items = tuple(_item(run, language) for run in own)
        blocks.append(Contents(chapter.title.to(language), _page_name(chapter), items))
    title = _TITLE.to(language)
    first = Section("contents", Words("Verdicts", "Vereditos").to(language), lead.to(language), tuple(blocks))
    return page.render(
        title, _subtitle(language), [first], language=language, links=_links(chapters, None, language)
    )


def _subtitle(language: Language) -> str:
    return Words(f"The laboratory of Profunda {__version__}", f"O laboratório do Profunda {__version__}").to(
        language
    )


def _item(run: Run, language: Language) -> Item:
    one = entry(run.id)
    href = f"{_page_name(one.chapter)}#{run.id}"
    title = one.experiment.title.to(language)
    if run.outcome is None:
        return Item(title, href, "not applicable", Words("no verdict", "sem veredito").to(language), run.id)
    outcome = run.outcome
    return Item(
        title,
        href,
        _STATES[outcome.verdict],
        verdict_word(outcome.verdict, language),
        outcome.statement.to(language),
    )


def _chapter_page(
    chapter: Chapter, runs: Sequence[Run], chapters: Sequence[Chapter], language: Language
) -> str:
    sections = [
        Section(run.id, one.experiment.title.to(language), "", _blocks(run, one, language))
        for run in runs
        for one in (entry(run.id),)
    ]
    opening = Section(
        "contents",
        Words("In this chapter", "Neste capítulo").to(language),
        chapter.lead.to(language),
        (Contents("", "", tuple(_item(run, language) for run in runs)),),
    )
    return page.render(
        chapter.title.to(language),
        f"{_TITLE.to(language)} · {_subtitle(language)}",
        [opening, *sections],
        language=language,
        links=_links(chapters, chapter, language),
    )


def _blocks(run: Run, one: Entry, language: Language) -> tuple[Block, ...]:
    """The claim, the prediction, what was measured, the verdict, and the pictures."""
    experiment = one.experiment
    source = experiment.source.to(language)
    claim = f"{experiment.claim.to(language)} ({source})"
    labels = (
        Words("The text says", "O texto diz"),
        Words("Theory predicts", "A teoria prevê"),
        Words("Measured", "Medido"),
        Words("So", "Portanto"),
        Words("In one number", "Em um número"),
        Words("Time", "Tempo"),
    )
    says, predicts, measured, so, number_word, time_word = (label.to(language) for label in labels)
    prediction = (predicts, experiment.prediction.to(language))
    if run.outcome is None:
        return (
            Ruling(
                "not applicable",
                Words("no verdict", "sem veredito").to(language),
                ((says, claim), prediction),
            ),
            Text(run.error or "", "note"),
        )
    outcome = run.outcome
    seconds = duration(run.seconds)
    lines = (
        (says, claim),
        prediction,
        (measured, outcome.measured.to(language)),
        (number_word, _in_one_number(outcome, language)),
        (so, outcome.statement.to(language)),
        (time_word, seconds if language == "en" else localised(seconds)),
    )
    ruling = Ruling(_STATES[outcome.verdict], verdict_word(outcome.verdict, language), lines)
    return (ruling, *(figure(picture, language) for picture in outcome.pictures))


def _in_one_number(outcome: Outcome, language: Language) -> str:
    value, low, high, predicted = _four_numbers(outcome)
    if language == "pt":
        value, low, high, predicted = (localised(text) for text in (value, low, high, predicted))
    said = f"{outcome.headline.to(language)}: {value}"
    if low != high or low != value:
        said += Words(f" ({low} to {high})", f" ({low} a {high})").to(language)
    if not predicted:
        return said
    return said + Words(f", predicted {predicted}", f", previsto {predicted}").to(language)


def _four_numbers(outcome: Outcome) -> tuple[str, str, str, str]:
    """Value, interval and prediction ("" for none); counts as whole numbers, the others by their width."""
    every = [outcome.value, *outcome.interval]
    every += [] if outcome.predicted is None else [outcome.predicted]
    if all(abs(each) < 1e9 and each == round(each) for each in every):
        value, low, high, predicted = [f"{round(each):,}".replace("-", "−") for each in every] + [""] * (
            4 - len(every)
        )
        return value, low, high, predicted
    predicted = "" if outcome.predicted is None else number(outcome.predicted)
    return *interval(outcome.value, *outcome.interval), predicted
