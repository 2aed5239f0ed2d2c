"""Files of pictures: sizes, depths, colours and the right way up."""

import sys
import weakref
from pathlib import Path

import numpy as np
import pytest

from profunda.data.image_files import LONGEST_SIDE, images_of
from profunda.data.reading import read, read_inputs
from profunda.errors import DataError

Image = pytest.importorskip("PIL.Image", reason="Pillow, which reads files of pictures, is not installed")
ImageOps = pytest.importorskip("PIL.ImageOps")


def saved(place: Path, pixels: np.ndarray, **how) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(place, **how)
    return place


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def classes(folder: Path, *shape: int) -> Path:
    for number in range(6):
        for name, seed in (("cats", number), ("dogs", 100 + number)):
            saved(folder / name / f"{number}.png", noise(*(shape or (5, 6)), seed=seed))
    return folder


def codes_of(dataset) -> list[str]:
    return [notice.code for notice in dataset.notices]


def shape_of(folder: Path, *sizes: tuple[int, int]) -> tuple[tuple[int, ...], str]:
    """Of the array that pictures of these heights and widths become, and what is told of it."""
    files = [saved(folder / f"{number}.png", noise(*size)) for number, size in enumerate(sizes)]
    pixels, _, notices = images_of(files, folder)
    return pixels.shape[1:], " ".join(notice.text for notice in notices)


def test_sizes_and_colours_that_differ_become_one(tmp_path):
    classes(tmp_path)
    saved(tmp_path / "cats" / "wide.png", noise(5, 12))
    saved(tmp_path / "dogs" / "colour.png", noise(5, 6, 3))
    dataset = read(tmp_path)
    assert dataset.schema.features[0].shape == (3, 5, 6)
    assert {"picture-sizes", "grey-and-colour"} <= set(codes_of(dataset))
    assert codes_of(read(classes(tmp_path / "alike"))) == []
    # What is predicted is brought to what was learned, whatever its size and colours.
    single = saved(tmp_path / "other" / "a.jpg", noise(30, 40, 3)).parent
    assert read_inputs(single, dataset.schema).shape == (1, 90)


def test_large_pictures_are_made_smaller_and_keep_their_proportions(tmp_path):
    dataset = read(classes(tmp_path, 100, 200))
    assert dataset.schema.features[0].shape == (1, LONGEST_SIDE // 2, LONGEST_SIDE)
    assert "picture-sizes" in codes_of(dataset)


def test_without_a_size_of_most_the_median_decides(tmp_path):
    near = [(78 + n % 5, 99 + n) for n in range(20)]
    shape, told = shape_of(tmp_path / "near", *near, (16, 400))
    assert shape[2] == LONGEST_SIDE
    assert 45 <= shape[1] <= 52
    assert "21 pictures of 21 different sizes" in told
    assert "No size is that of most: this is their median proportion and side." in told
    # One size of more than half is taken as it is; where half lie and half stand, between them is a square.
    shape, told = shape_of(tmp_path / "most", (10, 20), (10, 20), (40, 4))
    assert shape == (1, 10, 20)
    assert "2 had the commonest size." in told
    assert shape_of(tmp_path / "both", (10, 20), (20, 10))[0] == (1, 20, 20)
    assert shape_of(tmp_path / "small", (3, 8), (4, 8), (5, 8))[0] == (1, 4, 8)


def test_modes_of_files_come_to_bytes(tmp_path):
    classes(tmp_path)
    saved(tmp_path / "cats" / "deep.png", np.full((5, 6), 40_000, np.uint16))
    clear = np.zeros((5, 6, 4), np.uint8)
    clear[..., 0], clear[:, :3, 3] = 200, 255
    saved(tmp_path / "dogs" / "clear.png", clear)
    dataset = read(tmp_path)
    assert dataset.schema.features[0].shape == (3, 5, 6)
    deep = dataset.codes[6].reshape(3, 5, 6)  # the seventh of the cats by name
    assert np.unique(deep).tolist() == [round(40_000 / 65_535 * 255)]
    shown = dataset.codes[7 + 6].reshape(3, 5, 6)
    assert shown[0, :, :3].min() == 200
    assert shown[:, :, 3:].max() == 0  # what is transparent is black
    (told,) = [notice.text for notice in dataset.notices if notice.code == "deep-pictures"]
    assert told.startswith(
        "1 of 14 pictures have 16 bits a pixel, which are divided by 257 and rounded to bytes"
    )


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_all_pictures_of_16_bits_go_by_one_rule(tmp_path, ending):
    values = (0, 250, 300, 4_095, 40_000, 65_535)
    files = [saved(tmp_path / f"{value}.{ending}", np.full((4, 4), value, np.uint16)) for value in values]
    together = images_of(files, tmp_path)[0][:, 0, 0, 0]
    alone = [int(images_of([file], tmp_path)[0][0, 0, 0, 0]) for file in files]
    assert together.tolist() == alone == [round(value / 257) for value in values]


def test_the_order_of_bytes_and_wider_numbers_do_not_matter(tmp_path):
    values = np.arange(16).reshape(4, 4) * 4_369  # from 0 to 65,535
    wide = saved(tmp_path / "wide.tif", values.astype(np.int32))
    other = tmp_path / "other.tif"
    Image.frombytes("I;16B", (4, 4), values.astype(">u2").tobytes()).save(other)
    for file, mode in ((wide, "I"), (other, "I;16B")):
        with Image.open(file) as image:
            assert image.mode == mode
    pixels, _, _ = images_of([wide, other], tmp_path)
    assert pixels.shape == (2, 1, 4, 4)
    np.testing.assert_array_equal(pixels[0, 0], np.arange(16).reshape(4, 4) * 17)
    np.testing.assert_array_equal(pixels[1], pixels[0])


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.ones((4, 4), np.float32), r"1 of 2 pictures in .* hold numbers with fractions \(odd\.tif\)"),
        (
            np.full((4, 4), 65_536, np.int32),
            r"odd\.tif has pixels from 65,536 to 65,536, .* more than 16 bits",
        ),
        (np.full((4, 4), -1, np.int32), r"odd\.tif has pixels from -1 to -1, which are more than 16 bits"),
    ],
)
def test_numbers_whose_range_no_file_tells_are_refused(tmp_path, pixels, message):
    files = [saved(tmp_path / "even.png", noise(4, 4)), saved(tmp_path / "odd.tif", pixels)]
    with pytest.raises(DataError, match=message):
        images_of(files, tmp_path)


def test_photographs_are_turned_the_right_way_up_before_their_size_counts(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6  # a quarter to the right
    wide = np.tile(np.linspace(0, 255, 40, dtype=np.uint8), (20, 1))
    for name in ("turned.jpg", "turned.png"):
        file = saved(tmp_path / name, wide, exif=turned)
        (pixels,), _, notices = images_of([file], tmp_path)
        assert pixels.shape == (1, 40, 20)
        assert notices == ()
        np.testing.assert_allclose(pixels[0], wide.T, atol=6)


def test_large_photographs_look_the_same_where_they_are_decoded_smaller(tmp_path):
    y, x = np.mgrid[:1200, :1600] / 100
    photo = np.stack([np.sin(x), np.cos(y), np.sin(x + y)], axis=2) * 127 + 128
    jpeg = saved(tmp_path / "a.jpg", photo.astype(np.uint8), quality=95)
    whole = saved(tmp_path / "a.png", photo.astype(np.uint8))
    pixels, _, _ = images_of([jpeg, whole], tmp_path)
    assert pixels.shape == (2, 3, 48, 64)
    assert np.abs(pixels[0].astype(int) - pixels[1]).mean() < 2
    again, _, _ = images_of([jpeg], tmp_path)
    np.testing.assert_array_equal(again[0], pixels[0])


def test_one_picture_is_decoded_at_a_time(tmp_path, monkeypatch):
    files = [saved(tmp_path / f"{n}.png", noise(300, 400, seed=n)) for n in range(8)]
    upright, decoded, alive = ImageOps.exif_transpose, [], []

    def counted(image):
        found = upright(image)
        decoded.append(weakref.ref(found))
        alive.append(sum(one() is not None for one in decoded))
        return found

    monkeypatch.setattr(ImageOps, "exif_transpose", counted)
    with pytest.raises(
        DataError, match=r"8 pictures of .* in 48 × 64 pixels would need about 0\.1 MB of memory"
    ):
        images_of(files, tmp_path, limit=100_000)
    assert alive == []  # the first bytes of each sufficed
    images_of(files, tmp_path, limit=150_000)
    assert len(alive) == 8
    assert max(alive) <= 2


def test_channels_that_files_do_not_have(tmp_path):
    learned = read(
        np.random.default_rng(0).integers(0, 256, (20, 5, 6, 4), dtype=np.uint8), np.arange(20) % 2
    )
    saved(tmp_path / "in" / "a.png", noise(5, 6))
    with pytest.raises(DataError, match=r"in 1 channel .* or 3 .*, but 4 were learned"):
        read_inputs(tmp_path, learned.schema)


def test_without_pillow_files_are_refused(tmp_path, monkeypatch):
    file = saved(tmp_path / "a.png", noise(5, 6))
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(DataError, match=r"needs Pillow, which is not installed: pip install"):
        images_of([file], tmp_path)
