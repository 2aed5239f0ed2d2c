"""Folders of pictures and of texts."""

from pathlib import Path

import numpy as np
import pytest

from profunda.data.image_files import LONGEST_SIDE
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
    for number in range(6):
        (tmp_path / "dogs" / f"{number}.png").write_bytes(b"no")
    with pytest.raises(DataError, match=r"8 of 12 pictures in .* cannot be read"):
        read(tmp_path)


def test_sizes_and_colours_that_differ_become_one(tmp_path):
    classes(tmp_path)
    picture(tmp_path / "cats" / "wide.png", 7, (12, 5))
    picture(tmp_path / "dogs" / "colour.png", 8, (6, 5), "RGB")
    dataset = read(tmp_path)
    assert dataset.schema.features[0].shape == (3, 5, 6)
    assert {"picture-sizes", "grey-and-colour"} <= set(codes_of(dataset))
    assert codes_of(read(classes(tmp_path / "alike"))) == []
    # What is predicted is brought to what was learned, whatever its size and colours.
    single = tmp_path / "other"
    picture(single / "a.jpg", 3, (40, 30), "RGB")
    assert read_inputs(single, dataset.schema).shape == (1, 90)


def test_large_pictures_are_made_smaller_and_keep_their_proportions(tmp_path):
    dataset = read(classes(tmp_path, size=(200, 100)))
    assert dataset.schema.features[0].shape == (1, LONGEST_SIDE // 2, LONGEST_SIDE)
    assert "picture-sizes" in codes_of(dataset)


def test_modes_of_files_come_to_bytes(tmp_path):
    classes(tmp_path)
    grey = np.full((5, 6), 40_000, np.uint16)
    Image.fromarray(grey).save(tmp_path / "cats" / "deep.png")
    clear = np.zeros((5, 6, 4), np.uint8)
    clear[..., 0], clear[:, :3, 3] = 200, 255
    Image.fromarray(clear, "RGBA").save(tmp_path / "dogs" / "clear.png")
    dataset = read(tmp_path)
    assert dataset.schema.features[0].shape == (3, 5, 6)
    deep = dataset.codes[6].reshape(3, 5, 6)  # the seventh of the cats by name
    assert np.unique(deep).tolist() == [round(40_000 / 65_535 * 255)]
    shown = dataset.codes[7 + 6].reshape(3, 5, 6)
    assert shown[0, :, :3].min() == 200
    assert shown[:, :, 3:].max() == 0  # what is transparent is black


def test_empty_classes_and_other_files_are_no_classes(tmp_path):
    classes(tmp_path)
    (tmp_path / "birds").mkdir()
    (tmp_path / "birds" / "list.csv").write_text("a,b\n")
    dataset = read(tmp_path)
    assert dataset.task.classes == ("cats", "dogs")
    assert "hold neither pictures nor texts and are no class: birds" in dataset.notices[0].text


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda place: picture(place / "cats" / "0.png"), r"pictures or texts of 1 class\(es\) \(cats\)"),
        (lambda place: (place / "cats").mkdir(), r"of 0 class\(es\) \(none\)"),
        (lambda place: classes(place, 1), r"has 2 row\(s\) with a target"),
        (
            lambda place: (classes(place) / "cats" / "x.txt").write_text("a word"),
            "holds 12 pictures and 1 texts; learn from one kind",
        ),
        (
            lambda place: (place / "x.csv").write_text("a,b\n1,2\n"),
            "is a folder; name the file to read; it holds x.csv",
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


def test_channels_that_files_do_not_have(tmp_path):
    learned = read(
        np.random.default_rng(0).integers(0, 256, (20, 5, 6, 4), dtype=np.uint8), np.arange(20) % 2
    )
    picture(tmp_path / "in" / "a.png")
    with pytest.raises(DataError, match=r"in 1 channel .* or 3 .*, but 4 were learned"):
        read_inputs(tmp_path, learned.schema)


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
