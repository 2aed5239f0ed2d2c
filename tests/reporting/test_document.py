import json
import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.reporting.fakes import pieces

from profunda.errors import ArgumentError, RunError
from profunda.reporting.blocks import (
    Bar,
    Bars,
    Check,
    Checks,
    Code,
    Facts,
    Figure,
    Section,
    Table,
    Text,
    decode,
    encode,
)
from profunda.reporting.document import Document
from profunda.reporting.figures import spec
from profunda.reporting.story import run_document

CELLS = st.one_of(st.none(), st.text(max_size=8), st.integers(-9, 9), st.floats(-1e6, 1e6))


def small(*blocks) -> Document:
    return Document("Title", "subtitle", (Section("part", "Part", "lead", blocks or (Text("words"),)),))


@pytest.fixture(scope="module")
def story() -> Document:
    return run_document(**pieces("binary"))


def test_the_tree_comes_back_equal_from_its_json(story):
    again = Document.from_json(story.to_json())
    # A figure's text may be spaced otherwise; what it draws is the same.
    assert again.to_json() == story.to_json()
    assert [s.key for s in again.sections] == [s.key for s in story.sections]


@given(st.lists(st.tuples(CELLS, CELLS), max_size=4), st.text(max_size=20))
def test_any_table_comes_back_equal(rows, title):
    table = Table(title, ("a", "b"), tuple(rows))
    assert decode(json.loads(json.dumps(encode(table)))) == table


def test_a_changed_json_does_not_come_back_equal(story):
    tree = json.loads(story.to_json())
    tree["sections"][0]["title"] = "another"
    assert Document.from_json(json.dumps(tree)).to_json() != story.to_json()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no json", "a report's JSON cannot be read"),
        ("[]", "has format None where 1 is read"),
        ('{"format": 7}', "has format 7 where 1 is read"),
        ('{"format": 1}', "holds no sections"),
        ('{"format": 1, "sections": [{"block": "Text", "text": "a", "tone": "plain"}]}', "holds no sections"),
        ('{"format": 1, "sections": [{"block": "Rocket"}]}', "unknown block 'Rocket'"),
        ('{"format": 1, "sections": [{"block": "Text", "text": "a"}]}', r"Text has the fields \['text'\]"),
    ],
)
def test_a_foreign_json_is_refused_with_its_reason(text, message):
    with pytest.raises(ArgumentError, match=message):
        Document.from_json(text)


def test_numbers_that_json_lacks_become_null():
    tree = json.loads(small(Table("t", ("a",), ((float("nan"),), (float("inf"),)))).to_json())
    assert tree["sections"][0]["blocks"][0]["rows"] == [[None], [None]]


def test_files_are_replaced_whole_and_leave_nothing_else(tmp_path):
    path = tmp_path / "deep" / "report.html"
    assert small(Text("first")).html(path) == path
    small(Text("second")).html(path)
    assert "second" in path.read_text("utf-8")
    assert os.listdir(path.parent) == ["report.html"]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


def test_a_folder_is_not_overwritten(tmp_path):
    with pytest.raises(RunError, match="it is a folder; name a file in it"):
        small().html(tmp_path)
    with pytest.raises(RunError, match="it is a folder; name a file in it"):
        small().json(tmp_path)


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunError, match=r"cannot be written to .*file.report\.html"):
        small().html(tmp_path / "file" / "report.html")


def test_the_text_tells_every_kind_of_block():
    document = small(
        Facts((("Rows", "12"),)),
        Table("Numbers", ("a", "b"), tuple((k, 0.5 * k) for k in range(20))),
        Bars("Ends", (Bar("stopped", (3.0,), "3 of 4"),), "what"),
        Checks(
            (
                Check("code", "bad", "It is bad.", "why", "mend it"),
                Check("fine", "ok", "It is fine.", "why", "no"),
            )
        ),
        Code("Run", "shell", "profunda fit"),
        Figure("Curve", spec([], {}), "what", "why", "A curve."),
    )
    text = document.text()
    for words in (
        "Rows: 12",
        "Numbers",
        "and 8 more rows",
        "3 of 4",
        "[PROBLEM] It is bad.",
        "mend it",
        "A curve.",
    ):
        assert words in text
    assert "no\n" not in text


def test_control_codes_of_a_column_are_shown_not_obeyed():
    text = small(Facts((("evil\x1b[2Jname", "1"),))).text()
    assert "\x1b" not in text
    assert r"evil\x1b[2Jname" in text


def test_a_whole_run_reads_on_a_terminal(story):
    text = story.text()
    assert max(len(line) for line in text.splitlines()) < 400
    for words in ("Predicting “income”", "boosted trees", "early stopped", "profunda.load"):
        assert words in text
