"""Folders of pictures or of texts: one folder a class, or train and test with one each."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from profunda.data.image_files import IMAGES, images_of
from profunda.data.raw import RawColumn, RawTable, listed
from profunda.data.text_files import TEXTS, texts_of
from profunda.errors import DataError, Notice

if TYPE_CHECKING:
    import polars as pl

__all__ = ["CLASS", "Folder", "folder_inputs", "folder_table", "input_files", "is_folder"]

CLASS, TEXT = "class", "text"
"""Names of the columns that a folder's classes and texts stand in."""
_PARTS = ("train", "test")


@dataclass(frozen=True, eq=False)
class Folder:
    """Pictures or texts of a folder, the class of each, and how many last rows are a test part."""

    table: RawTable
    target: RawColumn
    test_rows: int


def is_folder(place: Path) -> bool:
    """Whether the path is a folder that holds pictures, texts, or folders, and no table."""
    return place.is_dir() and (
        bool(_folders(place)) or any(file.suffix.lower() in (*IMAGES, *TEXTS) for file in place.iterdir())
    )


def folder_table(folder: Path) -> Folder:
    """The pictures or texts in the folders of classes inside `folder`; a class is named by its folder.

    Folders "train" and "test" that hold such folders each are two parts. Files of neither kind, and classes
    without a file, are told in notices. Raises DataError where there are no two classes, or files of both
    kinds.
    """
    parts = [folder / name for name in _PARTS]
    split = all(part.is_dir() and _folders(part) for part in parts)
    found = [_classes(part) for part in (parts if split else [folder])]
    files = [file for part in found for each in part.values() for file in each]
    names = [name for part in found for name, each in part.items() for _ in each]
    notices = [notice for part in found for notice in _empty(part)]
    if len(set(names)) < 2:
        raise DataError(
            f"{folder} has pictures or texts of {len(set(names))} class(es) "
            f"({listed(sorted(set(names))) or 'none'}): "
            "one folder a class is expected, two classes at least, each with files of its own"
        )
    column, kept, told = _read(files, folder, None)
    target = [name for name, keep in zip(names, kept, strict=True) if keep]
    test = sum(len(each) for each in found[1].values()) if split else 0
    test -= int((~kept[len(kept) - test :]).sum()) if test else 0
    table = RawTable((column,), len(target), (*notices, *told))
    return Folder(table, RawColumn(CLASS, "category", texts=_series(target)), test)


def folder_inputs(folder: Path, shape: tuple[int, ...] | None) -> RawTable:
    """The pictures or texts in `folder` and below, by their paths in the order of the alphabet.

    Pictures are brought to `shape` (channels, height, width). Every file needs its prediction: DataError
    where one cannot be read, or there are none.
    """
    files = input_files(folder)
    if not files:
        raise DataError(f"{folder} holds no pictures ({', '.join(IMAGES)}) and no texts ({', '.join(TEXTS)})")
    column, kept, _ = _read(files, folder, shape)
    if not kept.all():
        lost = [str(file.relative_to(folder)) for file, keep in zip(files, kept, strict=True) if not keep]
        raise DataError(
            f"{len(lost)} of {len(files)} files in {folder} cannot be read ({listed(lost)}), and each "
            f"needs a "
            "prediction; mend them or take them out"
        )
    return RawTable((column,), len(files))


def input_files(folder: Path) -> list[Path]:
    """The files of pictures or texts in `folder` and below, in the order that `folder_inputs` has them in."""
    return sorted(file for file in folder.rglob("*") if file.suffix.lower() in (*IMAGES, *TEXTS))


def _folders(folder: Path) -> list[Path]:
    return sorted(
        inside for inside in folder.iterdir() if inside.is_dir() and not inside.name.startswith(".")
    )


def _classes(folder: Path) -> dict[str, list[Path]]:
    """The files of each class, by its name."""
    return {
        inside.name: sorted(file for file in inside.rglob("*") if file.suffix.lower() in (*IMAGES, *TEXTS))
        for inside in _folders(folder)
    }


def _empty(classes: dict[str, list[Path]]) -> list[Notice]:
    without = [name for name, files in classes.items() if not files]
    if not without:
        return []
    text = f"{len(without)} folder(s) hold neither pictures nor texts and are no class: {listed(without)}."
    return [Notice("empty-class", text)]


def _read(
    files: Sequence[Path], folder: Path, shape: tuple[int, ...] | None
) -> tuple[RawColumn, np.ndarray, tuple[Notice, ...]]:
    """The files as a column, which of them could be read (bool [N]), and what was odd."""
    kinds = Counter(_kind(file) for file in files)
    if len(kinds) > 1:
        raise DataError(
            f"{folder} holds {kinds['image']:,} pictures and {kinds['text']:,} texts; learn from one "
            f"kind at a "
            "time, each in a folder of its own"
        )
    if next(iter(kinds)) == "text":
        texts, told = texts_of(files, folder)
        return RawColumn(TEXT, "prose", texts=_series(texts)), np.ones(len(files), bool), told
    pixels, kept, told = images_of(files, folder, shape)
    return RawColumn("picture", "picture", pixels=pixels), kept, told


def _kind(file: Path) -> Literal["image", "text"]:
    return "image" if file.suffix.lower() in IMAGES else "text"


def _series(texts: Sequence[str]) -> "pl.Series":
    import polars as pl

    return pl.Series(list(texts), dtype=pl.String)
