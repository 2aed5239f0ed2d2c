"""Folders of pictures and of texts."""

import errno
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from profunda.data.folders import input_files
from profunda.data.reading import read, read_inputs
from profunda.data.schema import Schema
from profunda.data.table import Kind
from profunda.errors import ArgumentError, DataError

Image = pytest.importorskip("PIL.Image", reason="Pillow, which reads files of pictures, is not installed")


def picture(place: Path, value: int = 0, size: tuple[int, int] = (6, 5), mode: str = "L") -> Path:
    """A picture of noise around `value`, `size` is width and height."""
    place.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(value)
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(place)
    return place


def classes(folder: Path, count: int = 6, **how) -> Path:
    for number in range(count):
        picture(folder / "cats" / f"{number}.png", number, **how)
        picture(folder / "dogs" / f"{number}.png", 100 + number, **how)
    return folder


def table(folder: Path) -> Path:
    (folder / "x.csv").write_text("a,b\n1,2\n")
    return folder


def texts_of(dataset, code: str) -> list[str]:
    return [notice.text for notice in dataset.notices if notice.code == code]


def codes_of(dataset) -> list[str]:
    return [notice.code for notice in dataset.notices]


def test_one_folder_is_one_class(tmp_path):
    dataset = read(classes(tmp_path))
    assert dataset.task.classes == ("cats", "dogs")
    assert dataset.codes.shape == (12, 30)
    assert dataset.schema.features[0].shape == (1, 5, 6)
    first = np.asarray(Image.open(tmp_path / "cats" / "0.png"), np.float32)
    np.testing.assert_array_equal(dataset.codes[0], first.ravel())
    assert dataset.test_rows is None
    assert Schema.from_json(dataset.schema.to_json()) == dataset.schema
    assert read(str(tmp_path)).fingerprint == dataset.fingerprint


def test_train_and_test_are_two_parts(tmp_path):
    classes(tmp_path / "train")
    classes(tmp_path / "test", 2)
    dataset = read(tmp_path)
    assert dataset.test_rows.tolist() == [12, 13, 14, 15]
    (tmp_path / "test" / "cats" / "0.png").write_bytes(b"no picture")
    dataset = read(tmp_path)
    assert dataset.test_rows.tolist() == [12, 13, 14]


@pytest.mark.parametrize(
    ("train", "test"), [("Train", "Test"), ("training", "testing"), ("TRAINING", "test"), ("train", "val")]
)
def test_parts_go_by_other_names_too(tmp_path, train, test):
    classes(tmp_path / train)
    classes(tmp_path / test, 2)
    dataset = read(tmp_path)
    assert dataset.task.classes == ("cats", "dogs")
    assert dataset.test_rows.tolist() == [12, 13, 14, 15]
    told = texts_of(dataset, "validation-part")
    assert told == (
        [
            "The 4 files in val are the test part, as there is no other; rows for validation are drawn from "
            "the training rows."
        ]
        if test == "val"
        else []
    )


def test_rows_for_validation_join_the_training_rows_and_what_else_lies_there_is_told(tmp_path):
    for part, count in (("train", 4), ("val", 3), ("test", 2)):
        classes(tmp_path / part, count)
    picture(tmp_path / "unlabelled" / "0.png", 9)
    picture(tmp_path / "train" / "loose.png", 9)
    (tmp_path / "README.md").write_text("about them")
    dataset = read(tmp_path)
    assert dataset.task.classes == ("cats", "dogs")
    assert dataset.test_rows.tolist() == [14, 15, 16, 17]
    last = np.asarray(Image.open(tmp_path / "val" / "dogs" / "2.png"), np.float32)
    np.testing.assert_array_equal(dataset.codes[13], last.ravel())
    assert texts_of(dataset, "validation-part") == [
        "The 6 files in val join the training rows, and rows for validation are drawn from all of these."
    ]
    assert texts_of(dataset, "unread-files") == [
        "3 file(s) are not read, being outside of the folders of classes: README.md, "
        f"{Path('train', 'loose.png')}, {Path('unlabelled', '0.png')}."
    ]


def test_a_test_part_without_classes_is_not_learned_as_one(tmp_path):
    classes(tmp_path / "train")
    picture(tmp_path / "test" / "0.png")
    dataset = read(tmp_path)
    assert dataset.task.classes == ("cats", "dogs")
    assert dataset.test_rows is None
    assert "1 file(s) are not read, being outside" in texts_of(dataset, "unread-files")[0]


def test_a_class_may_be_called_as_a_part_is(tmp_path):
    for name in ("bus", "car", "train"):
        for number in range(4):
            picture(tmp_path / name / "seen" / f"{number}.png", number)
    assert read(tmp_path).task.classes == ("bus", "car", "train")


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            ["fold1", "fold2"],
            r"each of the folders fold1, fold2 in .* holds the folders cats, dogs: are they parts",
        ),
        (
            ["test", "val"],
            r"holds test, val, which are parts by their names .* a train with a folder for each class",
        ),
        (["train", "Training", "test"], r"holds Training and train, which name the same part"),
    ],
)
def test_parts_are_never_learned_as_classes(tmp_path, parts, message):
    for part in parts:
        classes(tmp_path / part, 3)
    with pytest.raises(DataError, match=message):
        read(tmp_path)


def test_parts_without_classes_are_refused(tmp_path):
    for number in range(6):
        picture(tmp_path / "Train" / f"{number}.png", number)
        picture(tmp_path / "Test" / f"{number}.png", number)
    with pytest.raises(DataError, match=r"holds Test, Train, which are parts by their names and no classes"):
        read(tmp_path)


def test_what_is_broken_is_told_and_left_out(tmp_path):
    classes(tmp_path)
    whole = (tmp_path / "cats" / "1.png").read_bytes()
    (tmp_path / "cats" / "1.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "cats" / "2.png").write_bytes(b"")
    dataset = read(tmp_path)
    assert len(dataset.y) == 10
    (notice,) = [notice for notice in dataset.notices if notice.code == "broken-pictures"]
    assert "2 of 12 pictures cannot be read and were left out: cats/1.png, cats/2.png" in notice.text
    with pytest.raises(DataError, match=r"2 of 12 files .* cannot be read .*each needs a prediction"):
        read_inputs(tmp_path, dataset.schema)
    for number in range(1, 6):
        (tmp_path / "dogs" / f"{number}.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(
        DataError, match=r"7 of 12 pictures in .* cannot be read"
    ):  # seen while they are decoded
        read(tmp_path)
    for number in range(6):
        (tmp_path / "dogs" / f"{number}.png").write_bytes(b"no")
    with pytest.raises(
        DataError, match=r"7 of 12 pictures in .* cannot be read"
    ):  # seen by their first bytes
        read(tmp_path)


def test_empty_classes_and_other_files_are_no_classes(tmp_path):
    classes(tmp_path)
    (tmp_path / "birds").mkdir()
    (tmp_path / "birds" / "list.csv").write_text("a,b\n")
    dataset = read(tmp_path)
    assert dataset.task.classes == ("cats", "dogs")
    assert [notice.text for notice in dataset.notices] == [
        "1 folder(s) hold no pictures and are no class: birds.",
        f"1 file(s) are not read, being neither pictures nor texts: {Path('birds', 'list.csv')}.",
    ]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda place: picture(place / "cats" / "0.png"), r"pictures or texts of 1 class\(es\) \(cats\)"),
        (lambda place: (place / "cats").mkdir(), r"of 0 class\(es\) \(none\)"),
        (lambda place: classes(place, 1), r"has 2 row\(s\) with a target"),
        (
            lambda place: (classes(place, 2) / "cats" / "x.txt").write_text("a word"),
            r"holds 4 pictures and 1 texts \(cats.x\.txt\); learn from one kind",
        ),
        (table, "is a folder; name the file to read; it holds x.csv"),
        (lambda place: (table(place) / "sub").mkdir(), "is a folder; name the file to read; it holds x.csv"),
        (
            lambda place: (table(place) / "README.md").write_text("a word"),
            "is a folder; name the file to read; it holds x.csv",
        ),
        (
            lambda place: picture(table(place) / "figures" / "0.png"),
            r"of 1 class\(es\) \(figures\).*; if a table is meant, name it: x\.csv",
        ),
    ],
)
def test_folders_that_cannot_be_learned_from(tmp_path, make, message):
    make(tmp_path)
    with pytest.raises(DataError, match=message):
        read(tmp_path)


def test_a_target_beside_a_folder_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match=r"the classes of .* are its folders"):
        read(classes(tmp_path), "kind")


def test_a_folder_to_predict_on_needs_something_in_it(tmp_path):
    dataset = read(classes(tmp_path / "learned"))
    (tmp_path / "new" / "deep").mkdir(parents=True)
    with pytest.raises(DataError, match="holds no pictures"):
        read_inputs(tmp_path / "new", dataset.schema)
    picture(tmp_path / "new" / "deep" / "b.png", 1)
    picture(tmp_path / "new" / "a.png", 2)
    found = read_inputs(tmp_path / "new", dataset.schema)
    np.testing.assert_array_equal(
        found[0], np.asarray(Image.open(tmp_path / "new" / "a.png"), np.float32).ravel()
    )


def test_hidden_files_and_links_to_nothing_are_no_data(tmp_path):
    classes(tmp_path)
    picture(tmp_path / "cats" / ".ipynb_checkpoints" / "0.png", 0)
    (tmp_path / "cats" / "._0.png").write_bytes(b"\0\5\26\7")
    (tmp_path / ".cache").mkdir()
    (tmp_path / "dogs" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "dogs" / "more.png").mkdir()
    (tmp_path / "dogs" / "loop").symlink_to(tmp_path / "dogs")
    (tmp_path / "dogs" / "self.png").symlink_to("self.png")
    dataset = read(tmp_path)
    assert len(dataset.y) == 12
    assert texts_of(dataset, "unread-files") == [
        f"2 file(s) are not read, being links to nothing, or no files: {Path('dogs', 'gone.png')}, "
        f"{Path('dogs', 'self.png')}."
    ]
    assert read_inputs(tmp_path / "cats", dataset.schema).shape == (6, 30)
    with pytest.raises(
        DataError, match=r"2 of 8 files .* cannot be read \(gone\.png, self\.png\), and each needs"
    ):
        read_inputs(tmp_path / "dogs", dataset.schema)


def test_a_few_texts_among_pictures_are_told_and_not_read(tmp_path):
    (classes(tmp_path) / "cats" / "README.md").write_text("about cats")
    dataset = read(tmp_path)
    assert len(dataset.y) == 12
    assert texts_of(dataset, "unread-files") == [
        f"1 file(s) are not read, being not of the kind that most are: {Path('cats', 'README.md')}."
    ]
    assert read_inputs(tmp_path / "cats", dataset.schema).shape == (6, 30)
    assert [str(file) for file in input_files(tmp_path / "cats", dataset.schema)][-1] == "5.png"


def test_files_to_predict_on_are_of_the_kind_that_was_learned(tmp_path):
    pictures, texts = read(classes(tmp_path / "pictures")), read(written(tmp_path / "texts"))
    with pytest.raises(DataError, match=r"holds no pictures .*, which were learned from; it holds 16 texts"):
        read_inputs(tmp_path / "texts", pictures.schema)
    with pytest.raises(DataError, match=r"holds no texts .*, which were learned from; it holds 12 pictures"):
        read_inputs(tmp_path / "pictures", texts.schema)
    numbers = read(np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2)
    with pytest.raises(DataError, match="is a folder, but a table was learned; name a file"):
        read_inputs(tmp_path / "pictures", numbers.schema)


@pytest.mark.parametrize("make", [classes, lambda place: written(place)], ids=["pictures", "texts"])
def test_what_needs_more_memory_than_is_allowed_is_refused(tmp_path, make):
    make(tmp_path)
    schema = read(tmp_path).schema
    with pytest.raises(
        DataError, match=r"would need about .* of memory and 0\.0 MB are allowed; take fewer files"
    ):
        read(tmp_path, memory_limit=500)
    with pytest.raises(DataError, match=r"would need about .* take fewer files"):
        read_inputs(tmp_path, schema, memory_limit=500)


def test_folders_that_may_not_be_listed_are_an_error(tmp_path, monkeypatch):
    classes(tmp_path)
    whole = Path.iterdir

    def refused(place: Path) -> Iterator[Path]:
        if place.name == "dogs":
            raise PermissionError(errno.EACCES, "Permission denied", str(place))
        return whole(place)

    monkeypatch.setattr(Path, "iterdir", refused)  # root may list what nobody may
    with pytest.raises(
        DataError, match=r"dogs cannot be listed \(Permission denied\); check its permissions"
    ):
        read(tmp_path)


# Texts ------------------------------------------------------------------------------------------------


def written(folder: Path) -> Path:
    for number in range(8):
        for kind, word in (("good", "fine"), ("bad", "poor")):
            place = folder / kind / f"{number}.txt"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(f"a {word} film about number {number} and so on", encoding="utf-8")
    return folder


def test_texts_in_folders(tmp_path):
    dataset = read(written(tmp_path))
    assert dataset.task.classes == ("bad", "good")
    (feature,) = dataset.schema.features
    assert feature.kind is Kind.TEXT
    assert {"fine", "poor", "film"} <= set(feature.vocabulary)
    assert read_inputs(tmp_path / "good", dataset.schema).shape == (8, feature.size)


def test_texts_of_another_encoding_are_read_and_told(tmp_path):
    written(tmp_path)
    (tmp_path / "good" / "0.txt").write_bytes("um filme ótimo é ótimo é ótimo".encode("cp1252"))
    dataset = read(tmp_path)
    assert "text-encoding" in codes_of(dataset)
    assert "ótimo" in dataset.schema.features[0].vocabulary
    (tmp_path / "good" / "1.txt").write_bytes("a film".encode("utf-16"))
    with pytest.raises(DataError, match=r"good/1\.txt holds bytes of 0: it is no text, or text in UTF-16"):
        read(tmp_path)


def test_what_is_no_text_of_the_folder_is_not_read(tmp_path):
    whole = read(written(tmp_path))
    (tmp_path / "good" / "gone.txt").symlink_to(tmp_path / "nowhere.txt")
    (tmp_path / "good" / "._1.txt").write_bytes(b"\0\5\26\7")
    (tmp_path / "good" / "sub.txt").mkdir()
    dataset = read(tmp_path)
    assert dataset.fingerprint == whole.fingerprint
    assert texts_of(dataset, "unread-files") == [
        f"1 file(s) are not read, being links to nothing, or no files: {Path('good', 'gone.txt')}."
    ]


def test_a_text_that_may_not_be_read_is_an_error(tmp_path, monkeypatch):
    written(tmp_path)
    whole = Path.read_bytes

    def refused(file: Path) -> bytes:
        if file.name == "3.txt":
            raise PermissionError(errno.EACCES, "Permission denied", str(file))
        return whole(file)

    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(
        DataError, match=r"bad.3\.txt cannot be read \(Permission denied\); check its permissions"
    ):
        read(tmp_path)
