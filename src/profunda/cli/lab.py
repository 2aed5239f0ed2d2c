"""`profunda lab`: every claim of the source texts as an experiment; one at a time, or all as a book."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from profunda.cli.whole import Whole
from profunda.errors import ArgumentError, RunError

if TYPE_CHECKING:
    from profunda.lab.running import Run

__all__ = ["lab"]


def lab(
    name: str | None = None,
    /,
    *,
    all: Annotated[bool, Parameter(negative="")] = False,
    output: Annotated[Path | None, Parameter(name=["--out", "--output", "-o"])] = None,
    data: Path | None = None,
    quick: Annotated[bool, Parameter(negative="")] = False,
    force: Annotated[bool, Parameter(negative="")] = False,
    lang: Literal["en", "pt"] = "en",
    workers: Whole | None = None,
) -> None:
    """Measure what the textbooks claim. Alone, it lists the experiments.

    Parameters
    ----------
    name
        One experiment, or the erratum it settles (E10): its claim, prediction, measurement and verdict.
    all
        Run all of them and write the book to --out.
    output
        With --all the book's folder, which must not exist or be empty; else a file for the one page.
    data
        Images of yours for one experiment whose text speaks of MNIST: an .npz file with x_train, y_train,
        x_test and y_test. It may then take minutes.
    quick
        Fewer networks and wider intervals: the whole book in under two minutes on two cores.
    force
        Write over a book that is there already; never over anything else.
    lang
        Language of the pages: en, or pt for Portuguese.
    workers
        Experiments that run at the same time; the cores unless given.
    """
    if not all and (force or workers is not None):
        option = "--force" if force else "--workers"
        raise ArgumentError(f"{option} is for the whole book; add --all, or leave it out")
    if data is not None and name is None:
        raise ArgumentError("--data is for one experiment: give its name, and leave --all out")
    if quick and not all and name is None:
        raise ArgumentError("--quick needs something to run: give an experiment's name, or --all")
    if workers is not None and workers < 1:
        raise ArgumentError(f"--workers {workers} runs nothing; give at least 1")
    if all and name is not None:
        raise ArgumentError(f"--all runs every experiment, so it goes without the name {name!r}")
    if all:
        if output is None:
            raise ArgumentError("--all writes a book: say into which folder with --out DIR")
        _book(output, quick, force, lang, workers)
    elif name is None:
        if output is not None:
            raise ArgumentError("--out needs an experiment to run: give its name, or --all")
        _list(lang)
    else:
        _one(name, data, quick, output, lang)


def _list(lang: Literal["en", "pt"]) -> None:
    from profunda.lab.contents import CHAPTERS, entries

    for chapter in CHAPTERS:
        print(chapter.title.to(lang))
        for one in entries():
            if one.chapter is chapter:
                errata = f"  [{', '.join(one.experiment.errata)}]" if one.experiment.errata else ""
                print(f"  {one.id:<34} {one.experiment.title.to(lang)}{errata}")
        print()


def _one(name: str, data: Path | None, quick: bool, output: Path | None, lang: Literal["en", "pt"]) -> None:
    from profunda.lab.book import check_page, verdict_word, write_page
    from profunda.lab.contents import entry
    from profunda.lab.running import run

    one = entry(name)
    if output is not None:
        check_page(output)
    experiment = one.experiment
    told = (
        {"claim": "Claim:", "source": "Source:", "predicted": "Predicted:", "measured": "Measured:"}
        if lang == "en"
        else {"claim": "Afirma:", "source": "Fonte:", "predicted": "Previsto:", "measured": "Medido:"}
    )
    print(experiment.title.to(lang))
    print(f"{told['claim']:<11}{experiment.claim.to(lang)}")
    print(f"{told['source']:<11}{experiment.source.to(lang)}")
    print(f"{told['predicted']:<11}{experiment.prediction.to(lang)}", flush=True)
    ended = run(one.id, quick=quick, data=data)
    if ended.outcome is None:
        raise RunError(f"{one.id} ended without a verdict:\n{ended.error}")
    print(f"{told['measured']:<11}{ended.outcome.measured.to(lang)}")
    print(f"{verdict_word(ended.outcome.verdict, lang).upper()}: {ended.outcome.statement.to(lang)}")
    if output is not None:
        print(write_page(output, ended, lang))


def _book(folder: Path, quick: bool, force: bool, lang: Literal["en", "pt"], workers: int | None) -> None:
    from profunda.lab.book import check_folder, holds_book, summary, verdict_word, write_book
    from profunda.lab.contents import entries
    from profunda.lab.running import run_all

    check_folder(folder, force=force)
    before = holds_book(folder)
    chosen, ended, begun = entries(), [], time.perf_counter()

    def done(run: "Run") -> None:
        ended.append(run)
        word = verdict_word(run.outcome.verdict, lang) if run.outcome is not None else "—"
        left = (time.perf_counter() - begun) / len(ended) * (len(chosen) - len(ended))
        place = f"{len(ended):>3}/{len(chosen)}  {run.id:<34} {word:<22}"
        print(f"{place} {_times(run.seconds, left, lang)}", flush=True)

    try:
        runs = run_all(chosen, quick=quick, workers=workers, done=done)
    except KeyboardInterrupt:
        if ended and not before:
            order = [one.id for one in chosen]
            write_book(folder, sorted(ended, key=lambda run: order.index(run.id)), lang)
        raise KeyboardInterrupt(_left_behind(folder, len(ended), len(chosen), before, lang)) from None
    print(summary(runs, lang))
    print(write_book(folder, runs, lang))
    failed = [run.id for run in runs if run.error is not None]
    if failed:
        raise RunError(_failed(failed, lang))


def _times(seconds: float, left: float, lang: Literal["en", "pt"]) -> str:
    from profunda.lab.words import said

    took, rest = f"{seconds:5.1f}", f"{left:.0f}"
    if lang == "pt":
        took = took.replace(".", ",")
    return said("{0} s, about {1} s left", "{0} s, faltam cerca de {1} s", took, rest).to(lang)


def _left_behind(folder: Path, ended: int, every: int, before: bool, lang: Literal["en", "pt"]) -> str:
    """What an interrupted book leaves: never less than a book that was there before."""
    from profunda.lab.words import said

    place = str(folder)
    if before:
        words = said(
            "The book in {0} is the one that was there before.",
            "O livro em {0} é o que já estava lá.",
            place,
        )
    elif not ended:
        words = said(
            "No experiment had ended, so {0} is empty.",
            "Nenhum experimento tinha terminado, por isso {0} está vazia.",
            place,
        )
    else:
        words = said(
            "{0} holds the {1} of {2} experiments that had ended; --force writes a whole book over it.",
            "{0} contém os {1} de {2} experimentos que tinham terminado; --force grava um livro inteiro por "
            "cima.",
            place, ended, every,
        )  # fmt: skip
    return words.to(lang)


def _failed(failed: list[str], lang: Literal["en", "pt"]) -> str:
    from profunda.lab.words import said

    names = ", ".join(failed)
    if len(failed) == 1:
        one, um = "experiment ended without a verdict", "experimento terminou sem veredito"
    else:
        one, um = "experiments ended without a verdict", "experimentos terminaram sem veredito"
    return said(
        "{0} " + one + ": {1}; see the book", "{0} " + um + ": {1}; veja o livro", len(failed), names
    ).to(lang)
