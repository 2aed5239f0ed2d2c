"""`card`: the papers of a finished run, made, checked and written."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from profunda.data.raw import listed
from profunda.errors import RunError
from profunda.journal.durable import write_durably
from profunda.reporting.cards.card import Answer, Card
from profunda.reporting.cards.checking import check_text
from profunda.reporting.cards.croissant import check_croissant, croissant
from profunda.reporting.cards.datasheet import datasheet_of
from profunda.reporting.cards.filling import Filling, read_filling, template, told_by_datasheet
from profunda.reporting.cards.findings import Finding
from profunda.reporting.cards.header import hub_metadata
from profunda.reporting.cards.markdown import markdown
from profunda.reporting.cards.model_card import model_card_of
from profunda.reporting.cards.run import read_run
from profunda.reporting.cards.sheets import document_of
from profunda.reporting.document import Document

__all__ = ["Cards", "card"]

FOLDER = "card"
INDEX = "card.json"
PAGE = "card.html"
ANSWERS = "answers.toml"
TEXTS = ("model_card.md", "datasheet.md", "croissant.json")


@dataclass(frozen=True)
class Cards:
    """The papers of one run: both cards as values, and `texts` as they are written, each with its file's
    name. `filling` is what was said by people, `folder` where `write` puts the papers unless told
    otherwise.
    """

    model_card: Card
    datasheet: Card
    texts: tuple[tuple[str, str], ...]
    filling: Filling
    folder: Path

    @property
    def missing(self) -> tuple[Answer, ...]:
        """Every question that only a person can answer, and none has."""
        return (*self.model_card.missing, *self.datasheet.missing)

    def findings(self, *, strict: bool = False) -> tuple[Finding, ...]:
        """What is wrong with the papers by the rules for anybody's; with `strict` open questions count."""
        texts = dict(self.texts)
        found = [finding for name in TEXTS[:2] for finding in check_text(texts[name], strict=strict)]
        return (*found, *check_croissant(texts[TEXTS[2]]))

    @property
    def document(self) -> Document:
        """Both cards as one Document: `.html(path)`, `.text()`."""
        return document_of((self.model_card, self.datasheet), self.findings())

    def to_json(self) -> str:
        """What is open and what a check found, for other tools; keys are those of the file to fill in."""
        missing = [{"key": one.key, "question": one.question.text} for one in self.missing]
        found = [{"code": one.code, "text": one.text} for one in self.findings()]
        return json.dumps({"missing": missing, "findings": found}, ensure_ascii=False, indent=1)

    def write(self, folder: str | os.PathLike[str] | None = None, *, force: bool = False) -> tuple[Path, ...]:
        """Write model_card.md, datasheet.md, croissant.json, card.html and card.json; their paths.

        Answers are kept beside them as answers.toml, which `card` takes next time. Papers as an earlier call
        wrote them are replaced. One that was changed since stays, as do answers that these papers lack, and
        RunError names them, unless `force`, which keeps a file as NAME.bak (.bak2, …) beside the new one.
        RunError as well where the folder cannot be written, ArgumentError where its answers cannot be read.
        """
        place = self.folder if folder is None else Path(folder)
        lost = self._lost(place, force)
        try:
            place.mkdir(parents=True, exist_ok=True)
            for name in lost:
                (place / name).rename(_backup(place / name))
            for name, text in self.texts:
                write_durably(place / name, text.encode())
            self.document.html(place / PAGE)
            written = (*TEXTS, PAGE, *self._kept(place))
            write_durably(place / INDEX, self._index(place, written).encode())
        except OSError as error:
            raise RunError(f"the papers cannot be written to {place}: {error.strerror or error}") from None
        return tuple(place / name for name in (*written, INDEX))

    def _lost(self, place: Path, force: bool) -> list[str]:
        """The files there whose words these papers would lose; RunError where there are, unless `force`."""
        stood = _answers(place)
        changed = [name for name in (*TEXTS, PAGE) if _changed(place, name)]
        if _changed(place, ANSWERS) and stood.over(self.filling) != self.filling:
            changed.append(ANSWERS)
        if changed and not force:
            raise RunError(
                f"{place} holds {', '.join(changed)} as somebody has changed it since it was written, and "
                "nothing of that is lost: move it away, or keep it as a .bak with --force (force=True)"
            )
        unsaid = stood.beyond(self.filling)
        if unsaid and not force:
            raise RunError(
                f"{place / ANSWERS} answers what these papers would leave open ({listed(unsaid)}), and no "
                "answer is lost: add it to what --fill names, leave --fill out to take that file, or keep it "
                "as a .bak with --force (force=True)"
            )
        return [*changed, ANSWERS] if unsaid and ANSWERS not in changed else changed

    def _kept(self, place: Path) -> tuple[str, ...]:
        """Keep the answers beside the papers, if there are any; the name of their file."""
        if self.filling == Filling():
            return ()
        if _answers(place) != self.filling:  # else what somebody wrote around them stays
            write_durably(place / ANSWERS, template(ANSWERS, self.filling).encode())
        return (ANSWERS,)

    def _index(self, place: Path, written: Sequence[str]) -> str:
        """`to_json` with the digests by which a later call knows what was changed."""
        told = json.loads(self.to_json())
        told["written"] = {name: _digest(place / name) for name in written}
        return json.dumps(told, ensure_ascii=False, indent=1) + "\n"


def card(run: str | os.PathLike[str], fill: str | os.PathLike[str] | None = None) -> Cards:
    """The papers of a finished run: a model card, a datasheet of its data, and their metadata (Croissant).

    `fill` is a TOML file with what only a person can say (``profunda card --template``), by default the
    answers.toml beside the papers of an earlier call; what is not said is marked as missing.
    ``card(run).write()`` writes them into the run's folder `card`.

    Raises RunError where there is no finished run, ModelError where its model is damaged, ArgumentError where
    `fill` cannot be read or says what no card asks.
    """
    said = _answers(Path(run) / FOLDER) if fill is None else read_filling(fill)
    found = read_run(Path(run))
    filling = said.over(told_by_datasheet(found.model.provenance.source))
    sheet, model = datasheet_of(found, filling), model_card_of(found, filling)
    texts = (
        (TEXTS[0], markdown(model, hub_metadata(found, filling))),
        (TEXTS[1], markdown(sheet)),
        (TEXTS[2], croissant(found, filling)),
    )
    return Cards(model, sheet, texts, filling, found.folder / FOLDER)


def _answers(place: Path) -> Filling:
    """What is answered beside the papers in a folder."""
    path = place / ANSWERS
    return read_filling(path) if path.exists() else Filling()


def _changed(place: Path, name: str) -> bool:
    """Whether a paper is there and not as it was written."""
    path = place / name
    return path.exists() and _written(place).get(name) != _digest(path)


def _written(place: Path) -> Mapping[str, object]:
    try:
        told = json.loads((place / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    written = told.get("written") if isinstance(told, dict) else None
    return written if isinstance(written, dict) else {}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _backup(path: Path) -> Path:
    """A name beside `path` that is still free."""
    number = 1
    while (found := path.with_name(f"{path.name}.bak{number if number > 1 else ''}")).exists():
        number += 1
    return found
