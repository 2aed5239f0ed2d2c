"""The YAML of headers: written, it is read alike by this reader and by PyYAML; what is beyond is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profunda.errors import ArgumentError
from profunda.reporting.cards.front_matter import Node, read, split, write

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS = st.one_of(
    TEXTS, st.none(), st.booleans(), st.integers(-(10**9), 10**9),
    st.floats(allow_nan=False, allow_infinity=False),
)  # fmt: skip
TREES = st.dictionaries(
    TEXTS,
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=8,
    ),
    min_size=1,
    max_size=4,
)


@given(TREES)
def test_what_is_written_comes_back(tree: dict[str, Node]) -> None:
    assert read(write(tree)) == tree


@given(TREES)
def test_pyyaml_reads_the_same(tree: dict[str, Node]) -> None:
    yaml = pytest.importorskip("yaml")
    assert yaml.safe_load(write(tree)) == tree


@pytest.mark.parametrize(
    "word", ["no", "Yes", "on", "null", "~", "1e-05", "0x1F", "2026-01-31", "12:30", "- a", "a: b"]
)
def test_texts_that_look_like_something_else_stay_texts(word: str) -> None:
    assert read(write({"key": word})) == {"key": word}


HAND = """\
# what people write
license: cc-by-4.0   # the data's
tags: [a, "b, c", 'it''s']
datasets:
- one
-   two
empty:
text: |
  two
  lines
folded: >
  one
  line
nested:
    deep:
        - name: x
          value: 1.5
        -
          name: y
quoted: "a \\"b\\" \\u00e9"
url: https://x.org/a#b
"""


def test_what_people_write_is_read_as_pyyaml_reads_it() -> None:
    found = read(HAND)
    assert isinstance(found, dict)
    assert found["tags"] == ["a", "b, c", "it's"]
    assert found["nested"] == {"deep": [{"name": "x", "value": 1.5}, {"name": "y"}]}
    yaml = pytest.importorskip("yaml")
    wanted = yaml.safe_load(HAND)
    assert {k: v.strip() if isinstance(v, str) else v for k, v in wanted.items()} == found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: &x 1", "more of YAML than is read here"),
        ("a: {b: 1}", "more of YAML than is read here"),
        ("a: !!str 1", "more of YAML than is read here"),
        ("a: b: c", "more of YAML than is read here"),
        ('a: "open', "a quote that does not end"),
        ("a: 'open", "a quote that does not end"),
        ("a: 1\na: 2", "given above"),
        ("a: 1\n  b: 2", "indented further"),
        ("a: 1\nnothing", "no key with a value"),
        ("- a\nb: 1", "outside of what is above"),
        ("\ta: 1", "indented by a tab"),
    ],
)
def test_what_is_beyond_is_refused_with_its_line(text: str, why: str) -> None:
    with pytest.raises(ArgumentError, match=rf"line \d of its YAML header, .*{why}"):
        read(text)


def test_a_head_is_split_from_the_text() -> None:
    assert split("---\na: 1\n---\n# T\n") == ("a: 1", "# T")
    assert split("# T\n") == (None, "# T\n")
    assert read("") is None
    with pytest.raises(ArgumentError, match="no second ---"):
        split("---\na: 1\n")
