"""YAML at the head of a Markdown file, as far as cards need it: mappings, lists, and plain values.

Written: block style, texts in double quotes unless they are a plain word. Read: that, and what people write
by hand: comments, single quotes, lists in brackets, blocks of text after | or >. What is beyond (anchors,
tags, mappings in braces) is refused, not guessed. (https://yaml.org/spec/1.2.2)
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from profunda.errors import ArgumentError

__all__ = ["Node", "read", "split", "write"]

Node = Mapping[str, "Node"] | Sequence["Node"] | str | float | int | bool | None

FENCE = "---"
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./+-]*(?: [A-Za-z0-9_./+-]+)*")
_WORDS = {
    "y",
    "n",
    "yes",
    "no",
    "on",
    "off",
    "true",
    "false",
    "null",
}  # other values to one reader or another
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_KEY = re.compile(
    r"""(?P<key>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s#"'\[\]{},&*!|>%@`-][^:#]*?|-[^\s:#]+)\s*:(?=\s|$)"""
)


def split(text: str) -> tuple[str | None, str]:
    """The head of a Markdown file without its fences, None where it has none, and the rest.

    Raises ArgumentError where a head begins and does not end.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    if not lines or lines[0].rstrip() != FENCE:
        return None, text
    for k, line in enumerate(lines[1:], start=1):
        if line.rstrip() in (FENCE, "..."):
            return "\n".join(lines[1:k]), "\n".join(lines[k + 1 :])
    raise ArgumentError("its YAML header begins with --- and has no second ---; close it before the text")


def write(tree: Mapping[str, Node]) -> str:
    """`tree` as YAML in block style, without fences; ends with a line break."""
    return "\n".join(_lines(tree)) + "\n"


def _lines(node: Node) -> list[str]:
    lines: list[str] = []
    if isinstance(node, Mapping):
        for key, value in node.items():
            nested = isinstance(value, Mapping | list | tuple) and len(value) > 0
            lines += [f"{_scalar(key)}:"] if nested else [f"{_scalar(key)}: {_scalar(value)}"]
            indent = "  " if isinstance(value, Mapping) else ""
            lines += [indent + line for line in _lines(value)] if nested else []
        return lines
    assert isinstance(node, list | tuple)
    for value in node:
        if isinstance(value, Mapping | list | tuple) and value:
            first, *rest = _lines(value)
            lines += [f"- {first}", *(f"  {line}" for line in rest)]
        else:
            lines.append(f"- {_scalar(value)}")
    return lines


def _scalar(value: Node) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int | float):
        text = repr(value)
        # YAML 1.1 takes 1e-05 for a text: its numbers with an exponent have a point.
        return text.replace("e", ".0e") if "e" in text and "." not in text else text
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
            return value
        return "".join(
            letter if letter.isprintable() else f"\\U{ord(letter):08x}" if ord(letter) > 0xFFFF else
            f"\\u{ord(letter):04x}"
            for letter in json.dumps(value, ensure_ascii=False)
        )  # fmt: skip
    return "{}" if isinstance(value, Mapping) else "[]"


def read(text: str) -> Node:
    """The tree that `text` holds; None where there is nothing.

    Raises ArgumentError, with the line, for what is no YAML or beyond what is read here.
    """
    lines = [
        _Line(k, len(raw) - len(raw.lstrip(" ")), raw.strip(), raw)
        for k, raw in enumerate(text.split("\n"), 1)
    ]
    reader = _Reader(lines)
    reader.skip()
    if reader.ended:
        return None
    found = reader.node(reader.line.indent)
    reader.skip()
    if not reader.ended:
        reader.refuse("stands outside of what is above it; look at the spaces before it")
    return found


@dataclass(frozen=True)
class _Line:
    number: int
    indent: int
    text: str
    raw: str


class _Reader:
    """Lines, and how far they have been read."""

    def __init__(self, lines: list[_Line]) -> None:
        self._lines, self._at = lines, 0

    @property
    def ended(self) -> bool:
        return self._at >= len(self._lines)

    @property
    def line(self) -> _Line:
        return self._lines[self._at]

    def skip(self) -> None:
        """Go on to the next line that says something."""
        while not self.ended and (not self.line.text or self.line.text.startswith("#")):
            self._at += 1

    def refuse(self, why: str) -> None:
        raise ArgumentError(f"line {self.line.number} of its YAML header, {self.line.text[:60]!r}, {why}")

    def node(self, indent: int) -> Node:
        if "\t" in self.line.raw[: len(self.line.raw) - len(self.line.raw.lstrip())]:
            self.refuse("is indented by a tab; use spaces")
        if self.line.text == "-" or self.line.text.startswith("- "):
            return self._list(indent)
        if _KEY.match(self.line.text):
            return self._mapping(indent)
        return self._value(self.line.text, indent)

    def _list(self, indent: int) -> list[Node]:
        items: list[Node] = []
        while not self.ended and self.line.indent == indent and re.match(r"-(\s|$)", self.line.text):
            rest = self.line.text[1:].lstrip()
            if not rest or rest.startswith("#"):
                self._at += 1
                items.append(self._below(indent, None))
                continue
            # What follows the dash is a node of its own, as far in as it stands.
            inner = indent + len(self.line.text) - len(rest)
            self._lines[self._at] = _Line(self.line.number, inner, rest, " " * inner + rest)
            items.append(self.node(inner))
            self.skip()
        return items

    def _mapping(self, indent: int) -> dict[str, Node]:
        found: dict[str, Node] = {}
        while not self.ended and self.line.indent == indent:
            match = _KEY.match(self.line.text)
            if match is None:
                self.refuse("is no key with a value; write key: value")
                break
            key = str(self._plain(match["key"]))
            if key in found:
                self.refuse("gives a key that was given above; keep one of them")
            rest = self.line.text[match.end() :].strip()
            if not rest or rest.startswith("#"):
                self._at += 1
                found[key] = self._below(indent, key)
            else:
                found[key] = self._value(rest, indent)
            self.skip()
        if not self.ended and self.line.indent > indent:
            self.refuse("is indented further than what it belongs to")
        return found

    def _below(self, indent: int, key: str | None) -> Node:
        """What stands below a key or a dash; a list may stand as far in as its key."""
        self.skip()
        if self.ended:
            return None
        dash = re.match(r"-(\s|$)", self.line.text) is not None
        if self.line.indent > indent or (key is not None and dash and self.line.indent == indent):
            found = self.node(self.line.indent)
            self.skip()
            return found
        return None

    def _value(self, text: str, indent: int) -> Node:
        """The value that begins with `text` on this line; goes on behind it."""
        if re.fullmatch(r"[|>][-+]?", text):
            return self._block(text[0], indent)
        found = self._plain(text)
        self._at += 1
        return found

    def _block(self, kind: str, indent: int) -> str:
        self._at += 1
        lines = []
        while not self.ended and (not self.line.text or self.line.indent > indent):
            lines.append(self.line.text)
            self._at += 1
        return ("\n" if kind == "|" else " ").join(lines).strip()

    def _plain(self, text: str) -> Node:
        if text[0] == '"':
            end = re.match(r'"(?:[^"\\]|\\.)*"', text)
            if end is None or not _nothing(text[end.end() :]):
                self.refuse("has a quote that does not end")
            return _unescaped(end[0]) if end else None
        if text[0] == "'":
            end = re.match(r"'(?:[^']|'')*'", text)
            if end is None or not _nothing(text[end.end() :]):
                self.refuse("has a quote that does not end")
            return end[0][1:-1].replace("''", "'") if end else None
        bare = re.sub(r"\s+#.*$", "", text).strip()
        if bare.startswith("[") and bare.endswith("]"):
            inner = bare[1:-1].strip()
            return [self._plain(part.strip()) for part in _commas(inner) if part.strip()] if inner else []
        if bare == "{}":
            return {}
        if bare[0] in "[]{}&*!|>%@`" or ": " in bare:
            self.refuse("uses more of YAML than is read here; write it in plain lines of key: value")
        return _typed(bare)


def _nothing(rest: str) -> bool:
    return not rest.strip() or rest.lstrip().startswith("#")


def _commas(text: str) -> list[str]:
    return re.findall(r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^,"'])+""", text)


def _unescaped(quoted: str) -> str:
    wide = re.sub(r"\\U([0-9a-fA-F]{8})", lambda found: chr(int(found[1], 16)), quoted)
    try:
        return str(json.loads(wide, strict=False))
    except ValueError:  # \x41 and \e are YAML's alone, and no card needs them
        return quoted[1:-1]


def _typed(bare: str) -> Node:
    if bare in ("null", "~", "Null", "NULL"):
        return None
    if bare.lower() in ("true", "false"):
        return bare.lower() == "true"
    if _NUMBER.fullmatch(bare):
        return int(bare) if re.fullmatch(r"[-+]?\d+", bare) else float(bare)
    return bare
