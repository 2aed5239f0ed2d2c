"""The class and the part of each file in a folder, by the folders that it lies in."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from profunda.data.image_files import IMAGES
from profunda.data.listing import Listing
from profunda.data.raw import listed
from profunda.data.text_files import TEXTS
from profunda.errors import DataError, Notice

__all__ = ["TABLES", "Labelled", "labelled"]

TABLES = (".csv", ".tsv", ".parquet", ".pq", ".npz")
"""Endings of files that hold a table and no single text."""
_ROLES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""What a part is for, by its folder's name in small letters."""
_STRAYS = 0.1
"""Share of the files that may be of the other kind, such as a README among pictures: above it they may be
what is meant."""


@dataclass(frozen=True)
class Labelled:
    """Files of one kind (paths from the folder on), the class of each, how many last ones are a test part."""

    files: tuple[Path, ...]
    classes: tuple[str, ...]
    test_files: int
    notices: tuple[Notice, ...]


def labelled(found: Listing) -> Labelled:
    """The pictures or texts in folders of classes, at the top or in parts such as "train" and "test".

    A class is named by its folder, and its files may lie at any depth in it. Whatever is not read is told.
    Raises DataError where folders are parts and no classes, where there are not two classes, or where many
    files are of either kind.
    """
    known = found.ending(IMAGES + TEXTS)
    parts, told = _parts(found, known)
    depth = 2 if parts else 1
    placed = [file for file in known if len(file.parts) > depth and (not parts or file.parts[0] in parts)]
    kept, strays = _one_kind(found.folder, placed)
    files = sorted(kept, key=lambda file: parts.get(file.parts[0], False))
    classes = tuple(file.parts[depth - 1] for file in files)
    if len(set(classes)) < 2:
        raise DataError(_too_few(found, sorted(set(classes))))
    empty = _empty(found, parts, depth, files)
    unread = _unread(found, sorted(set(known) - set(placed)), strays)
    test = sum(parts.get(file.parts[0], False) for file in files)
    return Labelled(tuple(files), classes, test, (*empty, *told, *unread))


def _parts(found: Listing, known: Sequence[Path]) -> tuple[Mapping[str, bool], list[Notice]]:
    """Which folders are parts, and whether each is the test part; none where the folders are classes."""
    inside = defaultdict(set)  # what a folder at the top holds: folders with files, "" for files of its own
    for file in known:
        if len(file.parts) > 1:
            inside[file.parts[0]].add(file.parts[1] if len(file.parts) > 2 else "")
    named = [path.name for path in found.folders if len(path.parts) == 1 and path.name.lower() in _ROLES]
    roles = defaultdict(list)
    for name in named:
        if inside.get(name, set()) - {""}:
            roles[_ROLES[name.lower()]].append(name)
    if "train" not in roles or (len(named) < 2 and len(inside) > 1):
        _refuse_parts(found.folder, inside)
        return {}, []
    for names in roles.values():
        if len(names) > 1:
            raise DataError(
                f"{found.folder} holds {' and '.join(names)}, which name the same part; put their files "
                "together, or take one out"
            )
    last = "test" if "test" in roles else "val"
    parts = {name: role == last for role, (name,) in roles.items()}
    return parts, _validation(roles, known)


def _validation(roles: Mapping[str, Sequence[str]], known: Sequence[Path]) -> list[Notice]:
    """What becomes of a part for validation: folds have rows of their own, a score needs others."""
    if "val" not in roles:
        return []
    (name,) = roles["val"]
    count = sum(file.parts[0] == name and len(file.parts) > 2 for file in known)
    fate = (
        "join the training rows, and rows for validation are drawn from all of these"
        if "test" in roles
        else "are the test part, as there is no other; rows for validation are drawn from the training rows"
    )
    return [Notice("validation-part", f"The {count:,} files in {name} {fate}.")]


def _refuse_parts(folder: Path, inside: Mapping[str, set[str]]) -> None:
    """Refuse folders that would make the classes, but are parts by their names or by what they hold."""
    tops = sorted(inside)
    if len(tops) < 2:
        return
    if all(top.lower() in _ROLES for top in tops):
        raise DataError(
            f"{folder} holds {listed(tops)}, which are parts by their names and no classes, and none of them "
            "is a train with a folder for each class; put the files to learn from into train/CLASS, and "
            "those to judge by, if there are any, into test/CLASS"
        )
    shared = sorted(set.intersection(*inside.values()))
    if len(shared) > 1 and not any("" in names for names in inside.values()):
        raise DataError(
            f"each of the folders {listed(tops)} in {folder} holds the folders {listed(shared)}: are they "
            "parts of the data and no classes? Call the part to learn from train and the one to judge by "
            "test; or, if they are the classes, put their files straight into them"
        )


def _one_kind(folder: Path, files: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """The pictures or the texts, whichever are more, and the few others."""
    pictures = [file for file in files if file.suffix.lower() in IMAGES]
    texts = [file for file in files if file.suffix.lower() not in IMAGES]
    most, few = (pictures, texts) if len(pictures) >= len(texts) else (texts, pictures)
    if len(few) > _STRAYS * len(files):
        raise DataError(
            f"{folder} holds {len(pictures):,} pictures and {len(texts):,} texts ({listed(_words(few))}); "
            "learn from one kind at a time, each in a folder of its own"
        )
    return most, few


def _too_few(found: Listing, classes: Sequence[str]) -> str:
    tables = [file for file in found.ending(TABLES) if len(file.parts) == 1]
    meant = f"; if a table is meant, name it: {listed(_words(tables))}" if tables else ""
    return (
        f"{found.folder} has pictures or texts of {len(classes)} class(es) ({listed(classes) or 'none'}): "
        f"one folder a class is expected, two classes at least, each with files of its own{meant}"
    )


def _empty(found: Listing, parts: Mapping[str, bool], depth: int, files: Sequence[Path]) -> list[Notice]:
    """The folders where classes are expected that hold none of the files."""
    filled = {file.parts[:depth] for file in files}
    without = [
        path
        for path in found.folders
        if len(path.parts) == depth and path.parts not in filled and (not parts or path.parts[0] in parts)
    ]
    if not without:
        return []
    kind = "pictures" if files[0].suffix.lower() in IMAGES else "texts"
    text = f"{len(without)} folder(s) hold no {kind} and are no class: {listed(_words(without))}."
    return [Notice("empty-class", text)]


def _unread(found: Listing, outside: Sequence[Path], strays: Sequence[Path]) -> list[Notice]:
    """What is not read, by the reason."""
    others = [file for file in found.files if file.suffix.lower() not in IMAGES + TEXTS]
    reasons = (
        ("neither pictures nor texts", others),
        ("outside of the folders of classes", outside),
        ("not of the kind that most are", strays),
        ("links to nothing, or no files", found.dead),
    )
    return [
        Notice("unread-files", f"{len(paths):,} file(s) are not read, being {why}: {listed(_words(paths))}.")
        for why, paths in reasons
        if paths
    ]


def _words(paths: Sequence[Path]) -> list[str]:
    return [str(path) for path in paths]
