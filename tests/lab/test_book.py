"""Runs, records and the book: what is written, in which language, and what is never overwritten."""

import contextlib
import json
import math
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import active_children, get_context
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest
from tests.lab import fakes

from profunda.errors import ArgumentError, RunError
from profunda.journal.durable import temporary, write_durably
from profunda.lab import book, running
from profunda.lab.book import check_folder, summary, write_book, write_page
from profunda.lab.contents import entries as real_entries
from profunda.lab.drawing import figure
from profunda.lab.pictures import Axis, Picture, Plot, series
from profunda.lab.running import run, run_all
from profunda.lab.words import LANGUAGES, Language, Words, said

PICTURES = (fakes.PLOT, fakes.SLIDING, fakes.HEAT, fakes.SHEET, fakes.DIAGRAM)
KEYS = [
    "id", "chapter", "claim", "source", "prediction", "measured", "interval", "verdict", "seconds", "error",
]  # fmt: skip


def test_a_broken_experiment_is_told_and_ends_nothing(three: None) -> None:
    ended = run("three-breaks")
    assert ended.outcome is None
    assert ended.error is not None
    assert "no networks at all" in ended.error
    assert ended.record("en")["verdict"] is None


def test_the_book_holds_every_verdict(three: None, tmp_path: Path) -> None:
    runs = [run(one.id) for one in fakes.FAKES]
    index = write_book(tmp_path / "book", runs)
    names = sorted(path.name for path in index.parent.iterdir())
    assert names == ["book.json", "index.html", "landscape.html", "search.html"]
    records = json.loads((index.parent / "book.json").read_text())
    assert [list(record) for record in records] == [KEYS] * 3
    assert [record["verdict"] for record in records] == ["holds", "wrong", None]
    assert records[0]["interval"] == [-1.01, -0.89]
    assert records[2]["error"].endswith("ZeroDivisionError: no networks at all\n")
    assert 'href="search.html#two-wrong"' in index.read_text()
    assert summary(runs, "en") == "1 holds · 0 holds with conditions · 1 wrong · 1 without a verdict"


def test_the_book_speaks_portuguese(three: None, tmp_path: Path) -> None:
    runs = [run(one.id) for one in fakes.FAKES]
    folder = write_book(tmp_path, runs, "pt").parent
    text = (folder / "search.html").read_text()
    assert '<html lang="pt">' in text
    assert "A inclinação é −0,948 em 12.000 redes." in text
    assert "inclinação: −0,948 (−1,010 a −0,890), previsto −1,00" in text
    for english in ("The slope", "Measured", "Theory predicts", "How it is made", "Drawing…"):
        assert english not in text
    assert json.loads((folder / "book.json").read_text())[0]["claim"] == "Largo é linear."


def test_text_cannot_become_markup(three: None, tmp_path: Path) -> None:
    text = write_book(tmp_path, [run("one-holds")]).parent.joinpath("search.html").read_text()
    assert "A title &lt;i&gt;" in text
    assert "A title <i>" not in text


def test_one_page_alone(three: None, tmp_path: Path) -> None:
    page = write_page(tmp_path / "one.html", run("one-holds"))
    assert "slope: −0.948 (−1.010 to −0.890), predicted −1.00" in page.read_text()
    with pytest.raises(RunError, match="exists already and is not overwritten"):
        write_page(page, run("one-holds"))


def test_no_book_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="at least one experiment"):
        write_book(tmp_path, [])


def test_a_folder_of_the_users_is_left_alone(three: None, tmp_path: Path) -> None:
    check_folder(tmp_path, force=False)
    check_folder(tmp_path / "parent" / "new", force=False)
    assert (tmp_path / "parent" / "new").is_dir()
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(RunError, match="holds files that are not a book's"):
        check_folder(tmp_path, force=True)
    with pytest.raises(RunError, match="is a file; name a folder"):
        check_folder(tmp_path / "thesis.txt", force=True)
    write_book(tmp_path / "book", [run("one-holds")])
    with pytest.raises(RunError, match="holds a book already; --force"):
        check_folder(tmp_path / "book", force=False)
    check_folder(tmp_path / "book", force=True)


@pytest.mark.parametrize("text", ["{}", "[]", '[{"isbn": 1}]', "[1]", "no JSON"])
def test_another_programs_book_is_not_written_over(text: str, three: None, tmp_path: Path) -> None:
    write_book(tmp_path, [run("one-holds")])
    (tmp_path / "book.json").write_text(text)
    with pytest.raises(RunError, match="holds files that are not a book's"):
        check_folder(tmp_path, force=True)
    write_book(tmp_path, [run("one-holds")])
    check_folder(tmp_path, force=True)


def test_a_book_that_was_cut_short_may_be_written_over(
    three: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for writes in range(4):
        folder = tmp_path / str(writes)

        def cut(path: Path, content: bytes, left: list[int] = [writes]) -> None:  # noqa: B006
            if not left[0]:
                temporary(path).write_bytes(content)  # as a writer leaves it that is killed
                raise KeyboardInterrupt
            left[0] -= 1
            write_durably(path, content)

        monkeypatch.setattr(book, "write_durably", cut)
        with contextlib.suppress(KeyboardInterrupt):
            write_book(folder, [run("one-holds")])
        check_folder(folder, force=True)


def test_links_and_folders_that_cannot_be_looked_into_are_told(
    three: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    check_folder(tmp_path / "link", force=False)
    write_book(tmp_path / "link", [run("one-holds")])
    assert (tmp_path / "real" / "index.html").is_file()
    assert (tmp_path / "link").is_symlink()
    (tmp_path / "lost").symlink_to(tmp_path / "nowhere")
    with pytest.raises(RunError, match="lost is a link to nothing"):
        check_folder(tmp_path / "lost", force=False)
    with pytest.raises(RunError, match=r"cannot be written to .*: File name too long"):
        check_folder(tmp_path / ("long" * 100), force=False)

    def shut(folder: Path) -> Iterator[Path]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", shut)
    with pytest.raises(RunError, match=r"cannot be written to .*real: Permission denied"):
        check_folder(tmp_path / "real", force=False)


def test_a_shut_folder_is_told_before_anything_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"the book cannot be written to .*file.book: "):
        check_folder(tmp_path / "file" / "book", force=False)
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(RunError, match="no right to write there"):
        check_folder(tmp_path / "book", force=False)


def test_what_cannot_be_written_is_told(three: None, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="the book cannot be written to"):
        write_book(tmp_path / "file", [run("one-holds")])
    with pytest.raises(RunError, match="the page cannot be written to"):
        write_page(tmp_path / "file" / "page.html", run("one-holds"))


def test_processes_say_what_one_process_says() -> None:
    chosen = [one for one in real_entries() if one.id == "uniform-initialisation"]
    heard = []
    (ended,) = run_all(chosen, quick=True, workers=1, done=heard.append)
    assert heard == [ended]
    assert ended.outcome == run(chosen[0].id, quick=True).outcome


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.title.en)
def test_pictures_are_figures_that_plotly_takes(picture: Picture, language: Language) -> None:
    drawn = figure(picture, language)
    spec = json.loads(drawn.spec)
    go.Figure(spec)  # raises for a property that is not one
    assert drawn.title == picture.title.to(language)
    if isinstance(picture, type(fakes.PLOT)):
        assert spec["layout"]["xaxis"]["title"]["text"] == picture.x.title.to(language)


def test_a_slider_shows_one_position_and_what_is_always_there() -> None:
    spec = json.loads(figure(fakes.SLIDING, "pt").spec)
    assert [trace.get("visible", True) for trace in spec["data"]] == [True, True, False, False, False]
    steps = spec["layout"]["sliders"][0]["steps"]
    assert [step["label"] for step in steps] == ["λ = 0,1", "λ = 1"]
    assert steps[1]["args"][0]["visible"] == [True, False, True, True, True]


def test_layers_have_whole_ticks_and_powers_of_ten_no_idle_one() -> None:
    deep = Axis(Words("layers", "camadas"))
    steep = Axis(Words("loss", "perda"), log=True)
    line = series(Words("a", "b"), [1, 2, 5], [1.0, 1e-6, 1e-12])
    layout = json.loads(figure(Plot(Words("t", "t"), Words("w", "w"), deep, steep, (line,)), "en").spec)[
        "layout"
    ]
    assert layout["xaxis"]["dtick"] == 1
    assert "10⁻¹²" in layout["yaxis"]["ticktext"]
    half = series(Words("a", "b"), [1, 2.5, 5], [1.0, 1e-6, 1e-12])
    layout = json.loads(figure(Plot(Words("t", "t"), Words("w", "w"), deep, steep, (half,)), "en").spec)[
        "layout"
    ]
    assert "dtick" not in layout["xaxis"]


def test_a_series_of_unequal_lengths_is_refused() -> None:
    with pytest.raises(ArgumentError, match="has 2 x, 3 y and a band of 0 and 0"):
        series(Words("a", "b"), [0, 1], [0, 1, 2])


def test_numbers_are_written_as_each_language_does() -> None:
    words = said("{0} of {1} in {2}", "{0} de {1} em {2}", -1234.5, 1_000_000, "text, as it is.")
    assert words == Words("−1,234 of 1,000,000 in text, as it is.", "−1.234 de 1.000.000 em text, as it is.")
    assert said("{0}", "{0}", math.nan).pt == "–"


def threads_of_every_library() -> list[int]:
    import numpy as np
    from threadpoolctl import threadpool_info

    np.eye(2) @ np.eye(2)
    return [pool["num_threads"] for pool in threadpool_info()]


def test_a_process_that_runs_experiments_has_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=running._calm) as pool:
        found = pool.submit(threads_of_every_library).result()
    assert found
    assert set(found) == {1}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_process_that_dies_costs_its_own_experiment_only(
    workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "run", fakes.dying)
    heard: list[str] = []
    runs = run_all(fakes.FAKES, workers=workers, done=lambda one: heard.append(one.id))
    assert [(one.id, one.outcome is None) for one in runs] == [
        ("one-holds", False), ("two-wrong", True), ("three-breaks", False),
    ]  # fmt: skip
    assert sorted(heard) == ["one-holds", "three-breaks", "two-wrong"]
    assert runs[1].error is not None
    assert "died without a word" in runs[1].error
    assert "profunda lab two-wrong" in runs[1].error


def test_where_no_process_lives_every_experiment_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_calm", fakes.deadly_start)
    assert all("died without a word" in str(one.error) for one in run_all(fakes.FAKES, workers=2))


def test_what_runs_is_ended_where_nobody_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(ended: running.Run) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "run", fakes.slow)
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_all(fakes.FAKES, workers=2, done=stop)
    assert time.monotonic() - begun < 60.0
    assert not active_children()


def test_no_workers_are_told() -> None:
    with pytest.raises(ArgumentError, match="workers = 0: at least one process"):
        run_all((), workers=0)


def test_whole_numbers_of_numpy_are_told_as_whole_numbers() -> None:
    assert said("{0} of {1}", "{0} de {1}", np.int64(-3), np.int32(12_000)).pt == "−3 de 12.000"
