import base64
import gzip
import json
import re
from html.parser import HTMLParser

import pytest
from tests.reporting.fakes import HOSTILE, pieces

from profunda.errors import RunError
from profunda.reporting import page
from profunda.reporting.blocks import (
    Architecture,
    Bar,
    Bars,
    BigNumber,
    Check,
    Checks,
    Code,
    Facts,
    Figure,
    Figures,
    Layer,
    Rival,
    Section,
    Table,
    Text,
)
from profunda.reporting.document import Document
from profunda.reporting.figures import spec
from profunda.reporting.story import run_document


class Reader(HTMLParser):
    """Tags with their attributes, and the text of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append((dict(attrs), ""))
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            attrs, text = self.scripts[-1]
            self.scripts[-1] = (attrs, text + data)


@pytest.fixture(scope="module")
def html(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("page") / "report.html"
    return run_document(**pieces("multiclass")).html(path).read_text("utf-8")


def every_block(words: str) -> Document:
    """One block of each kind, with `words` wherever a text may stand."""
    figure = Figure(
        words, spec([{"type": "scatter", "x": [1], "y": [1], "name": words}], {}), words, words, words
    )
    blocks = (
        Text(words), Text(words, "note"),
        BigNumber(words, words, words, words, (Rival(words, words, words),)),
        Facts(((words, words),)),
        Table(words, (words,), ((words,),), words, curves=((1.0, 2.0),), curve_title=words),
        Table(words, (words,), ((words,), (1,), (2,)), words, folded=True), figure,
        Figures(words, (figure,), words, words),
        Bars(words, (Bar(words, (1.0,), words, 0.5, 1.5, words, True),), words, words, words, (words,), True),
        Architecture(words, (Layer(3, words, words), Layer(1, words)), words, words),
        Checks((Check(words, "warn", words, words, words),)), Code(words, "text", words),
    )  # fmt: skip
    return Document(
        words, words, (Section("a", words, words, blocks), Section("b", words, words, blocks[:1]))
    )


def test_the_page_is_small_and_whole(html):
    assert len(html.encode()) < 3_000_000
    reader = Reader(html)
    assert reader.open == []
    ids = [attrs["id"] for _, attrs in reader.tags if attrs.get("id")]
    assert len(ids) == len(set(ids))
    anchors = {attrs["href"][1:] for tag, attrs in reader.tags if tag == "a"}
    assert anchors
    assert anchors <= set(ids)


def test_nothing_is_loaded_from_anywhere(html):
    reader = Reader(html)
    for tag, attrs in reader.tags:
        assert tag not in ("iframe", "img", "object", "embed", "base", "form")
        assert "src" not in attrs
        href = attrs.get("href")
        assert href is None or href.startswith(("#", "data:,"))
    packed = next(text for attrs, text in reader.scripts if attrs.get("id") == "plotly-packed")
    assert "://" not in html.replace(packed, "")
    policy = next(attrs["content"] for _, attrs in reader.tags if attrs.get("http-equiv"))
    assert policy.startswith("default-src 'none'")


def test_the_library_inside_is_plotly(html):
    packed = next(text for attrs, text in Reader(html).scripts if attrs.get("id") == "plotly-packed")
    assert b"plotly.js v" in gzip.decompress(base64.b64decode(packed))[:200]


def test_a_page_without_figures_carries_no_library():
    document = Document("t", "", (Section("a", "A", "", (Text("words"),)),))
    text = page.render(document.title, document.subtitle, document.sections)
    assert len(text) < 40_000
    assert 'id="plotly-packed"' not in text


def test_every_text_is_escaped():
    text = page.render(*_parts(every_block(HOSTILE)))
    plain = page.render(*_parts(every_block("harmless")))
    assert "<script>alert" not in text
    assert [tag for tag, _ in Reader(text).tags] == [tag for tag, _ in Reader(plain).tags]


def test_the_check_of_escaping_can_fail():
    text = page.render(*_parts(every_block("harmless"))).replace("harmless", HOSTILE, 1)
    assert "<script>alert" in text


@pytest.mark.parametrize(
    "words", ["</script><b>", "<!--<script>", "\u2028 & \u2029", "$x$ {{ 1 + 1 }} {% raw %}", "'\"`"]
)
def test_awkward_words_survive_in_figures_and_text(words):
    text = page.render(*_parts(every_block(words)))
    reader = Reader(text)
    specs = [json.loads(body) for attrs, body in reader.scripts if attrs.get("type") == "application/json"]
    assert [s["data"][0]["name"] for s in specs] == [words] * 2
    assert "{{ 1 + 1 }}" in text or "{{" not in words


def test_a_hostile_run_cannot_speak_in_figures(tmp_path):
    document = run_document(**pieces("binary", hostile=True, trials=60))
    text = document.html(tmp_path / "r.html").read_text("utf-8")
    assert "<script>alert" not in text
    # Plotly would read <b> in a label as markup: labels hold it escaped.
    for attrs, body in Reader(text).scripts:
        if attrs.get("type") == "application/json":
            assert "<script" not in json.dumps(json.loads(body))


def test_numbers_sort_and_missing_ones_stay_last():
    table = Table("t", ("a",), ((0.001234,), (None,), (12345,), ("text",)))
    text = page.render("t", "", (Section("a", "A", "", (table,)),))
    assert re.findall(r'data-value="([^"]*)"', text) == ["0.001234", "", "12345"]
    assert "0.00123<" in text
    assert "12,345<" in text


def test_drawings_stay_inside_their_frame(html):
    for value in re.findall(r'(?:x|x1|x2|cx|width)="(-?[\d.]+|nan)%"', html):
        assert 0 <= float(value) <= 100


def test_a_missing_library_is_explained(monkeypatch):
    page._plotly.cache_clear()
    monkeypatch.setattr(page, "find_spec", lambda name: None)
    with pytest.raises(RunError, match=r"plotly\.min\.js was not found"):
        page._plotly()


def _parts(document: Document):
    return document.title, document.subtitle, document.sections
