"""What only a person can say: a TOML file that they fill in, its template, and what it holds.

A table a chapter of each standard, ``[datasheet.motivation]``, with a key a question; `text` answers a
chapter as a whole. ``[data]`` and ``[model]`` hold names and addresses for machines. An empty text is no
answer.
"""

import difflib
import json
import os
import re
import textwrap
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType

from profunda.data.bundled import BUNDLED, PREFIX, datasheet
from profunda.data.bundled import path as bundled_path
from profunda.errors import ArgumentError
from profunda.reporting.cards.questions import DATASHEET, MODEL_CARD, Form
from profunda.reporting.cards.sections import sections_of

__all__ = ["Filling", "read_filling", "template", "told_by_datasheet", "write_template"]

FORMS = {form.key: form for form in (DATASHEET, MODEL_CARD)}
DATA_KEYS = {
    "name": "A short name.",
    "description": "One or two sentences.",
    "url": "The page where the data are described or had.",
    "published": "The day they were published: 2026-01-31.",
    "citation": "How they are cited.",
}
MODEL_KEYS = {"name": "A short name."}
PEOPLE = "about_people"

HEAD = """\
# What only a person can say about the data and the model of a run.
#
# Write between the quotes; longer texts go between three quotes each. What stays empty is marked as missing.
# `text` answers a section as a whole: none of its questions is then marked. Then:
#
#     profunda card RUN --fill {name}
#
# A licence is best told by its short name, such as "cc-by-4.0" or "apache-2.0".
"""


@dataclass(frozen=True)
class Filling:
    """What a person said: `texts` by their whole key ("datasheet.motivation.funding"); the rest by its name.

    `about_people` is None where nobody said whether the data are about people.
    """

    texts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    about_people: bool | None = None

    def __getitem__(self, key: str) -> str:
        """What was said under a whole key, "" if nothing."""
        return self.texts.get(key, "")

    def beyond(self, other: "Filling") -> tuple[str, ...]:
        """The keys under which this one says something and `other` nothing."""
        keys = [key for key in self.texts if not other[key]]
        about = self.about_people is not None and other.about_people is None
        return (*keys, f"data.{PEOPLE}") if about else tuple(keys)

    def over(self, other: "Filling") -> "Filling":
        """This one, and what `other` says where it is silent."""
        about = other.about_people if self.about_people is None else self.about_people
        return Filling(MappingProxyType({**other.texts, **self.texts}), about)


def read_filling(path: str | os.PathLike[str]) -> Filling:
    """The filled-in file; ArgumentError where there is none, it is no TOML, or says what no card asks."""
    try:
        tree = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ArgumentError(
            f"{path} cannot be read ({error.strerror}); write one to fill in:  profunda card --template "
            f"{path}"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ArgumentError(
            f"{path} is not TOML ({error}); texts stand between quotes, long ones between three each"
        ) from None
    about = _about_people(tree, path)
    texts = dict(_leaves(tree))
    known = dict(_keys())
    for key, value in texts.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            hint = f"; is {near[0]!r} meant?" if near else "."
            raise ArgumentError(
                f"{path} has the key {key!r}, which no card asks for{hint} All keys stand in the template:  "
                "profunda card --template FILE"
            )
        if not isinstance(value, str):
            raise ArgumentError(
                f"{path} has {value!r} for {key!r}, which is no text; write it between quotes"
            )
    found = {key: value.strip() for key, value in texts.items() if isinstance(value, str) and value.strip()}
    _check_date(found.get("data.published"), path)
    return Filling(MappingProxyType(found), about)


def _about_people(tree: dict[str, object], path: object) -> bool | None:
    data = tree.get("data")
    value = data.pop(PEOPLE, None) if isinstance(data, dict) else None
    if value not in (None, "") and not isinstance(value, bool):
        raise ArgumentError(f"{path} has {value!r} for 'data.{PEOPLE}'; write true or false, without quotes")
    return value if isinstance(value, bool) else None


def _check_date(text: str | None, path: object) -> None:
    try:
        if text is not None:
            date.fromisoformat(text)
    except ValueError:
        raise ArgumentError(
            f"{path} has {text!r} for 'data.published', which is no day; write it as 2026-01-31"
        ) from None


def _leaves(tree: Mapping[str, object], above: str = "") -> Iterator[tuple[str, object]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _keys() -> Iterator[tuple[str, str]]:
    """Every key that may be filled in, with what it asks."""
    yield from ((f"data.{key}", text) for key, text in DATA_KEYS.items())
    yield from ((f"model.{key}", text) for key, text in MODEL_KEYS.items())
    for form in FORMS.values():
        for chapter in form.chapters:
            yield f"{form.key}.{chapter.key}.text", "The section as a whole."
            for question in chapter.questions:
                yield f"{form.key}.{chapter.key}.{question.key}", question.text


def template(name: str = "card.toml", filled: Filling | None = None) -> str:
    """A file to fill in; what `filled` says already stands there."""
    filled = filled or Filling()
    lines = [HEAD.format(name=name), "[data]"]
    lines += _entries("data", DATA_KEYS, filled)
    people = "" if filled.about_people is None else f"{PEOPLE} = {str(filled.about_people).lower()}"
    lines += ["# Are the data about people? true or false", people or f'{PEOPLE} = ""', "", "[model]"]
    lines += _entries("model", MODEL_KEYS, filled)
    for form in FORMS.values():
        lines += ["", "# " + "─" * 100, f"# {form.title}: {form.source}", *_form_lines(form, filled)]
    return "\n".join(lines) + "\n"


def _form_lines(form: Form, filled: Filling) -> Iterator[str]:
    for chapter in form.chapters:
        above = f"{form.key}.{chapter.key}"
        # To what the run tells a person may add, but is not asked to.
        asked = {
            one.key: one.text
            for one in chapter.questions
            if one.by == "person" or filled[f"{above}.{one.key}"]
        }
        yield f"\n[{above}]"
        yield from _entries(above, {"text": "The section as a whole."} | asked, filled)


def _entries(above: str, asked: Mapping[str, str], filled: Filling) -> list[str]:
    lines = []
    for key, text in asked.items():
        # A string of JSON is one of TOML, but for the control letter DEL.
        value = json.dumps(filled[f"{above}.{key}"], ensure_ascii=False).replace("\x7f", "\\u007F")
        lines += [*(f"# {line}" for line in textwrap.wrap(text, 100)), f"{key} = {value}"]
    return lines


def write_template(path: str | os.PathLike[str], filled: Filling | None = None) -> Path:
    """Write a file to fill in; ArgumentError where something is there already, or nothing can be written."""
    path = Path(path)
    if path.exists():
        raise ArgumentError(
            f"{path} is there already, and what somebody may have filled in is never overwritten; name "
            "another file"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(template(path.name, filled))
    except OSError as error:
        raise ArgumentError(f"{path} cannot be written ({error.strerror}); name another file") from None
    return path


def told_by_datasheet(source: str) -> Filling:
    """What the datasheet of a bundled data set says, section by section; nothing for other data."""
    name = next((name for name in BUNDLED if source in (f"{PREFIX}{name}", str(bundled_path(name)))), None)
    if name is None:
        return Filling()
    text = datasheet(name).read_text(encoding="utf-8")
    found = sections_of(text, DATASHEET)
    texts = {f"datasheet.{chapter}.text": said for chapter, said in found.items()} | {"data.name": name}
    for key, pattern in _HEAD_FACTS.items():
        if match := re.search(pattern, text):
            texts[key] = match[1]
    return Filling(MappingProxyType(texts))


_HEAD_FACTS = {
    "datasheet.distribution.licence": r"\*\*Licence\*\* (.+?)\.(?=\s)",
    "datasheet.motivation.creators": r"\*\*Attribution\*\* (.+?) \(\d{4}\)",
    "data.url": r"<(https://[^>]+)>",
}
"""What stands above the first section of a bundled datasheet."""
