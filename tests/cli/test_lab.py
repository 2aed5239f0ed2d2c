"""`profunda lab`: the list, one experiment, the book, and what is refused."""

import json
import re
import shutil
from pathlib import Path

import pytest
from tests.lab import fakes

from profunda.cli.app import main
from profunda.lab import contents, running


@pytest.fixture
def laboratory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two experiments that end, run in this process."""
    monkeypatch.setattr(contents, "entries", lambda: fakes.FAKES[:2])

    def here(chosen, *, quick, workers, done):  # type: ignore[no-untyped-def]
        runs = [running.run(one.id, quick=quick) for one in chosen]
        for one in runs:
            done(one)
        return runs

    monkeypatch.setattr(running, "run_all", here)
    return folder


def test_alone_it_lists_by_chapter(laboratory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("Search\n  one-holds")
    assert "[E98]" in told


def test_one_experiment_in_portuguese(laboratory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "E98", "--lang", "pt", "-o", "page.html"]) == 0
    told = capsys.readouterr().out
    assert "Afirma:    Largo é linear." in told
    assert "ERRADO: Cai como 1/H." in told
    assert (laboratory / "page.html").exists()


def test_the_book(laboratory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "--all", "--out", "book", "--quick"]) == 0
    told = capsys.readouterr().out
    assert "2/2  two-wrong" in told
    assert "1 holds · 0 holds with conditions · 1 wrong" in told
    assert len(json.loads((laboratory / "book/book.json").read_text())) == 2
    assert main(["lab", "--all", "--out", "book", "--quick"]) == 2
    assert main(["lab", "--all", "--out", "book", "--quick", "--force"]) == 0


def test_a_missing_verdict_fails_after_the_book_is_written(
    laboratory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(contents, "entries", fakes.entries)
    assert main(["lab", "--all", "--out", "book"]) == 2
    assert "1 experiment ended without a verdict: three-breaks" in capsys.readouterr().err
    assert (laboratory / "book/index.html").exists()


def test_ctrl_c_keeps_what_had_ended(
    laboratory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(chosen, *, quick, workers, done):  # type: ignore[no-untyped-def]
        done(running.run(chosen[1].id))
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "run_all", interrupted)
    assert main(["lab", "--all", "--out", "book"]) == 130
    assert "book holds the 1 of 2 experiments that had ended; --force writes" in capsys.readouterr().err
    assert [one["id"] for one in json.loads((laboratory / "book/book.json").read_text())] == ["two-wrong"]
    shutil.rmtree(laboratory / "book")
    assert main(["lab", "--all", "--out", "book", "--lang", "pt"]) == 130
    assert "book contém os 1 de 2 experimentos que tinham terminado; --force" in capsys.readouterr().err


def test_ctrl_c_leaves_an_old_book_whole(
    laboratory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(chosen, *, quick, workers, done):  # type: ignore[no-untyped-def]
        done(running.run(chosen[1].id))
        raise KeyboardInterrupt

    assert main(["lab", "--all", "--out", "book"]) == 0
    before = (laboratory / "book/book.json").read_bytes()
    monkeypatch.setattr(running, "run_all", interrupted)
    assert main(["lab", "--all", "--out", "book", "--force"]) == 130
    assert "The book in book is the one that was there before." in capsys.readouterr().err
    assert (laboratory / "book/book.json").read_bytes() == before
    assert main(["lab", "--all", "--out", "book", "--force", "--lang", "pt"]) == 130
    assert "O livro em book é o que já estava lá." in capsys.readouterr().err


def test_ctrl_c_before_anything_ended_leaves_a_folder_that_may_be_taken(
    laboratory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(chosen, *, quick, workers, done):  # type: ignore[no-untyped-def]
        raise KeyboardInterrupt

    whole = running.run_all
    monkeypatch.setattr(running, "run_all", interrupted)
    assert main(["lab", "--all", "--out", "book"]) == 130
    assert "No experiment had ended, so book is empty." in capsys.readouterr().err
    assert main(["lab", "--all", "--out", "book", "--lang", "pt"]) == 130
    assert "Nenhum experimento tinha terminado, por isso book está vazia." in capsys.readouterr().err
    monkeypatch.setattr(running, "run_all", whole)
    assert main(["lab", "--all", "--out", "book"]) == 0


def test_progress_and_what_failed_are_told_in_portuguese(
    laboratory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(contents, "entries", fakes.entries)
    assert main(["lab", "--all", "--out", "book", "--lang", "pt"]) == 2
    shown = capsys.readouterr()
    assert re.search(r"1/3  one-holds +vale +0,0 s, faltam cerca de 0 s\n", shown.out)
    assert "1 vale · 0 vale com condições · 1 errado · 1 sem veredito" in shown.out
    assert "left" not in shown.out
    assert "1 experimento terminou sem veredito: three-breaks; veja o livro" in shown.err
    monkeypatch.setattr(contents, "entries", lambda: fakes.FAKES[2:] * 2)
    assert main(["lab", "--all", "--out", "two", "--lang", "pt"]) == 2
    assert "2 experimentos terminaram sem veredito" in capsys.readouterr().err


def test_a_page_without_a_folder_is_told_before_anything_is_run(
    laboratory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lab", "one-holds", "-o", "lost/page.html"]) == 2
    shown = capsys.readouterr()
    assert "there is no folder lost; make it first" in shown.err
    assert "Claim" not in shown.out
    (laboratory / "link.html").symlink_to("nowhere.html")
    assert main(["lab", "one-holds", "-o", "link.html"]) == 2
    assert "link.html exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["lab", "--all"], "--all writes a book: say into which folder with --out DIR"),
        (["lab", "one-holds", "--all", "--out", "b"], "goes without the name 'one-holds'"),
        (["lab", "--out", "b"], "--out needs an experiment to run"),
        (["lab", "--quick"], "--quick needs something to run"),
        (["lab", "--data", "x.npz"], "--data is for one experiment: give its name"),
        (["lab", "one-holds", "--data", "x.npz"], "one-holds measures what it makes"),
        (["lab", "one-holds", "--force"], "--force is for the whole book"),
        (["lab", "--workers", "2"], "--workers is for the whole book"),
        (["lab", "--all", "--out", "b", "--workers", "0"], "--workers 0 runs nothing"),
        (["lab", "nothing-like-it"], "there is no experiment 'nothing-like-it'"),
    ],
)
def test_words_that_do_not_fit(
    laboratory: Path, words: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert text in " ".join(capsys.readouterr().err.split())


def test_a_page_is_not_overwritten(laboratory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (laboratory / "page.html").write_text("mine")
    assert main(["lab", "one-holds", "-o", "page.html"]) == 2
    assert "page.html exists already" in capsys.readouterr().err
    assert (laboratory / "page.html").read_text() == "mine"
