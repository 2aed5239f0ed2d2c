"""Folders of pictures or of texts: one folder a class, or train and test with one each."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from profunda.data.class_folders import TABLES, labelled
from profunda.data.image_files import IMAGES, images_of
from profunda.data.listing import listing
from profunda.data.raw import RawColumn, RawTable, listed
from profunda.data.schema import Schema
from profunda.data.table import Kind
from profunda.data.text_files import TEXTS, texts_of
from profunda.errors import DataError, Notice

if TYPE_CHECKING:
    import polars as pl

__all__ = ["CLASS", "Folder", "folder_inputs", "folder_table", "input_files", "is_folder"]

CLASS, TEXT = "class", "text"
"""Names of the columns that a folder's classes and texts stand in."""


@dataclass(frozen=True, eq=False)
class Folder:
    """Pictures or texts of a folder, the class of each, and how many last rows are a test part."""

    table: RawTable
    target: RawColumn
    test_rows: int


def is_folder(place: Path) -> bool:
    """Whether the path is a folder to read files of pictures or texts from.

    Beside a table at its top, texts at the top are taken for words about it, and empty folders for nothing.
    """
    if not place.is_dir():
        return False
    found = listing(place)
    texts = found.ending(TEXTS)
    if found.ending(IMAGES) or any(len(file.parts) > 1 for file in texts):
        return True
    tables = any(len(file.parts) == 1 for file in found.ending(TABLES))
    return not tables and bool(texts or found.folders)


def folder_table(folder: Path, limit: int | None = None) -> Folder:
    """The pictures or texts in the folders of classes inside `folder`; a class is named by its folder.

    Folders "train" and "test" that hold such folders each are two parts. Files that are not read, and classes
    without a file, are told in notices. Raises DataError where there are no two classes, where folders are
    parts and no classes, where there are files of both kinds, or where they need over `limit` bytes (None:
    half of the free memory).
    """
    rows = labelled(listing(folder))
    column, kept, told = _read(folder, rows.files, None, limit)
    target = [name for name, keep in zip(rows.classes, kept, strict=True) if keep]
    test = int(kept[len(kept) - rows.test_files :].sum())
    table = RawTable((column,), len(target), (*rows.notices, *told))
    return Folder(table, RawColumn(CLASS, "category", texts=_series(target)), test)


def folder_inputs(folder: Path, schema: Schema, limit: int | None = None) -> RawTable:
    """The pictures or texts in `folder` and below, whichever were learned, in the order of `input_files`.

    Pictures are brought to the shape that was learned. Every file needs its prediction: DataError where one
    cannot be read, where there are none, or where they need over `limit` bytes.
    """
    found = listing(folder)
    endings, shape = _learned(folder, schema)
    files = found.ending(endings)
    if not files:
        kind, others = ("pictures", TEXTS) if endings is IMAGES else ("texts", IMAGES)
        beside = len(found.ending(others))
        held = f"; it holds {beside:,} {'texts' if others is TEXTS else 'pictures'}" if beside else ""
        raise DataError(f"{folder} holds no {kind} ({', '.join(endings)}), which were learned from{held}")
    column, kept, _ = _read(folder, files, shape, limit)
    dead = [str(path) for path in found.dead if path.suffix.lower() in endings]
    lost = [str(file) for file, keep in zip(files, kept, strict=True) if not keep] + dead
    if lost:
        raise DataError(
            f"{len(lost)} of {len(files) + len(dead)} files in {folder} cannot be read ({listed(lost)}), and "
            "each needs a prediction; mend them or take them out"
        )
    return RawTable((column,), len(files))


def input_files(folder: Path, schema: Schema) -> list[Path]:
    """The files in `folder` and below of the kind that was learned, as paths from it on, one a row."""
    return listing(folder).ending(_learned(folder, schema)[0])


def _learned(folder: Path, schema: Schema) -> tuple[tuple[str, ...], tuple[int, ...] | None]:
    """The endings of files of the kind that was learned, and the shape of pictures."""
    feature = next((feature for feature in schema.features if feature.shape), None)
    if feature is None:
        raise DataError(f"{folder} is a folder, but a table was learned; name a file with the same columns")
    return (IMAGES, feature.shape) if feature.kind is Kind.PICTURE else (TEXTS, None)


def _read(
    folder: Path, paths: Sequence[Path], shape: tuple[int, ...] | None, limit: int | None
) -> tuple[RawColumn, np.ndarray, tuple[Notice, ...]]:
    """Files of one kind as a column, which of them could be read (bool [N]), and what was odd."""
    files = [folder / path for path in paths]
    if files[0].suffix.lower() in IMAGES:
        pixels, kept, told = images_of(files, folder, shape, limit)
        return RawColumn("picture", "picture", pixels=pixels), kept, told
    texts, told = texts_of(files, folder, limit)
    return RawColumn(TEXT, "prose", texts=_series(texts)), np.ones(len(files), bool), told


def _series(texts: Sequence[str]) -> "pl.Series":
    import polars as pl

    return pl.Series(list(texts), dtype=pl.String)
