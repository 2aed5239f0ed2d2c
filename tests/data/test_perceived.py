"""Columns of pictures and of free texts."""

import datetime as dt
import itertools
import json

import numpy as np
import polars as pl
import pytest

from profunda.data.perceived import LONGEST
from profunda.data.pixels import MOST_PIXELS
from profunda.data.preprocessing import Preprocessing, fit_preprocessing
from profunda.data.reading import read, read_inputs
from profunda.data.schema import Schema
from profunda.data.splits import split
from profunda.data.table import Kind
from profunda.errors import DataError

RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, (40, 6, 5), dtype=np.uint8)
Y = np.arange(40) % 2


def notes(**columns) -> pl.DataFrame:
    texts = [f"word{n % 7} and {'bright' if n % 2 else 'dark'} things of day {n}" for n in range(40)]
    return pl.DataFrame({"note": texts, "y": Y, **columns})


def test_pixels_are_scaled_by_channel_on_training_rows_alone():
    colours = RNG.integers(0, 256, (40, 6, 5, 3), dtype=np.uint8)
    dataset = read(colours, Y)
    rows = np.arange(25)
    fitted = fit_preprocessing(dataset.codes, dataset.y, rows, dataset.schema, "robust", dataset.task)
    x = fitted.transform(dataset.codes).reshape(40, 3, 6, 5)
    for channel in range(3):
        pixels = colours[rows, :, :, channel].astype(float)
        expected = (colours[..., channel] - np.median(pixels)) / pixels.std()
        np.testing.assert_allclose(x[:, channel], expected, rtol=1e-5, atol=1e-5)
    assert fitted.inputs.picture.shape == (3, 6, 5)
    assert fitted.inputs.numeric == tuple(range(90))
    again = Preprocessing.load(json.loads(json.dumps(fitted.spec())), fitted.arrays())
    np.testing.assert_array_equal(again.transform(dataset.codes), fitted.transform(dataset.codes))


def test_texts_are_words_with_padding_behind_them():
    dataset = read(notes(), "y")
    (feature,) = dataset.schema.features
    assert feature.kind is Kind.TEXT
    words = ("", "?", *feature.vocabulary)
    first = [words[int(code)] for code in dataset.codes[1] if code]
    assert first == ["word1", "and", "bright", "things", "of", "day", "?"]  # 1 is seen once: unknown
    fitted = fit_preprocessing(
        dataset.codes, dataset.y, np.arange(30), dataset.schema, "robust", dataset.task
    )
    np.testing.assert_array_equal(fitted.transform(dataset.codes), dataset.codes)
    tokens = fitted.inputs.tokens
    assert (tokens.length, tokens.size) == (feature.size, len(feature.vocabulary) + 2)
    assert fitted.inputs.kept == ()
    np.testing.assert_array_equal(read_inputs(notes(), dataset.schema), dataset.codes)
    assert Schema.from_json(dataset.schema.to_json()) == dataset.schema


def test_words_and_length_come_from_rows_that_may_be_learned_from(tmp_path):
    """A test part that the source brings has no say in the vocabulary."""
    x = np.array([f"common words again and again {n}" for n in range(40)])
    test = np.array([f"secret words never seen before in this long row {n} {n}" for n in range(10)])
    np.savez(tmp_path / "t.npz", x_train=x[:, None], y_train=Y, x_test=test[:, None], y_test=Y[:10])
    dataset = read(tmp_path / "t.npz")
    assert "secret" not in dataset.schema.features[0].vocabulary
    assert dataset.schema.features[0].size == 6
    assert "texts-cut" in [notice.code for notice in dataset.notices]


def test_texts_stand_beside_other_columns():
    dataset = read(notes(size=RNG.normal(size=40), colour=["red", "blue", "green", "red"] * 10), "y")
    assert [f.kind for f in dataset.schema.features] == [Kind.TEXT, Kind.NUMERIC, Kind.CATEGORICAL]
    size = dataset.schema.features[0].size
    assert dataset.schema.starts == (0, size, size + 1)
    assert dataset.codes.shape == (40, size + 2)
    fitted = fit_preprocessing(
        dataset.codes, dataset.y, np.arange(30), dataset.schema, "robust", dataset.task
    )
    assert fitted.inputs.tokens.start == fitted.D - size
    assert len(fitted.inputs.kept) == fitted.D - size
    column = fitted.inputs.columns[fitted.inputs.tokens.start]
    assert column == 0
    assert set(split(dataset).development) <= set(range(40))


def test_numbers_and_dates_beside_texts_stay_exact():
    stamps = 1_700_000_000.0 + 7 * np.arange(40)
    huge = np.where(np.arange(40) == 7, 1e39, np.arange(40) / 8)
    clock = [dt.datetime(2024, 1, 1, n % 24, 7 * n % 60) for n in range(40)]
    dataset = read(notes(stamp=stamps, huge=huge, clock=clock), "y")
    place = dict(zip(dataset.schema.columns, dataset.schema.starts, strict=True))
    assert dataset.codes.dtype == dataset.schema.dtype == np.float64
    np.testing.assert_array_equal(dataset.codes[:, place["stamp"]], stamps)
    np.testing.assert_array_equal(dataset.codes[:, place["huge"]], huge)
    minutes = dataset.codes[:, place["clock"]] % 1 * 1440
    np.testing.assert_allclose(minutes, [60 * one.hour + one.minute for one in clock], atol=1e-4)
    again = Schema.from_json(dataset.schema.to_json())
    assert again == dataset.schema
    np.testing.assert_array_equal(again.codes(notes(stamp=stamps, huge=huge, clock=clock)), dataset.codes)


def test_codes_are_short_where_nothing_is_lost():
    assert read(notes(), "y").codes.dtype == np.float32
    assert read(PICTURES, Y).codes.dtype == np.float32
    assert read(np.random.default_rng(0).random((40, 2)), Y).codes.dtype == np.float64


def test_texts_have_fewer_folds_whatever_stands_beside():
    texts = [f"word{n % 7} and things of day {n}" for n in range(700)]
    many = pl.DataFrame({"note": texts, "size": RNG.normal(size=700), "y": np.arange(700) % 2})
    assert [len(split(read(many.drop(left), "y")).folds) for left in ("size", [], "note")] == [3, 3, 5]


def test_missing_and_empty_texts_are_no_words():
    frame = notes().with_columns(pl.when(pl.col("y") == 1).then(pl.col("note")).otherwise(None).alias("note"))
    dataset = read(frame, "y")
    assert (dataset.codes[0] == 0).all()
    assert "empty-texts" in [notice.code for notice in dataset.notices]


def test_few_words_in_common():
    lonely = pl.DataFrame(
        {"note": ["same " * (1 + n % 9) + f"! {n} {n + 50} x{n}" for n in range(40)], "y": Y}
    )
    dataset = read(lonely, "y")
    assert dataset.schema.features[0].vocabulary == ("same", "!")


def test_texts_without_words_that_return_are_read_by_the_byte():
    """As in languages that put no spaces between words."""
    rng = np.random.default_rng(0)
    lines = [
        "".join(chr(0x4E00 + int(c)) for c in rng.integers(0, 300, 12)) + f" 第{n}行 今日 好"
        for n in range(40)
    ]
    dataset = read(
        pl.DataFrame(
            {
                "note": [
                    line.replace("今日 好", chr(0x4E00 + n) * 3 + " " + chr(0x5000 + n) * 2)
                    for n, line in enumerate(lines)
                ],
                "y": Y,
            }
        ),
        "y",
    )
    (feature,) = dataset.schema.features
    assert (feature.kind, feature.format, feature.vocabulary) == (Kind.TEXT, "bytes", ())
    assert "text-bytes" in [notice.code for notice in dataset.notices]
    text = "né 第"
    codes = read_inputs(pl.DataFrame({"note": [text]}), dataset.schema)
    assert feature.tokenizer.decode(codes.astype(np.int64)) == [text]
    assert Schema.from_json(dataset.schema.to_json()) == dataset.schema
    fitted = fit_preprocessing(
        dataset.codes, dataset.y, np.arange(30), dataset.schema, "robust", dataset.task
    )
    assert fitted.inputs.tokens.size == 257


CHINESE = ("今天天气很好", "我们一起去公园", "孩子们在河边跑", "老师说明天考试", "他买了一本新书")


def sentences(count: int, between: str, end: str) -> list[str]:
    """Different ones, each of three parts."""
    ways = RNG.permutation(list(itertools.product(range(5), repeat=3)))[:count]
    return [between.join(CHINESE[k] for k in way) + f"{n}{end}" for n, way in enumerate(ways)]


@pytest.mark.parametrize(("between", "end"), [("", ""), ("", "。"), ("然后", "。"), ("\u3000", "")])
def test_texts_without_spaces_are_texts(between, end):
    frame = pl.DataFrame({"note": sentences(60, between, end), "y": np.arange(60) % 2})
    dataset = read(frame, "y")
    (feature,) = dataset.schema.features
    assert feature.kind is Kind.TEXT
    if not between:
        assert feature.format == "bytes"
        said = feature.tokenizer.decode(dataset.codes.astype(np.int64))
        assert said == frame["note"].to_list()


def test_thai_is_text_too():
    words = ["วันนี้อากาศดีมาก", "เด็กๆเล่นอยู่ริมแม่น้ำ", "ครูบอกว่าพรุ่งนี้มีสอบ"]
    lines = ["".join(RNG.permutation(words)) + str(n) for n in range(60)]
    assert read(pl.DataFrame({"note": lines, "y": np.arange(60) % 2}), "y").columns[0].kind is Kind.TEXT


@pytest.mark.parametrize("blank", ["\n", "\t", "\r\n", "  "])
def test_words_are_parted_by_any_blank(blank):
    lines = [blank.join(["milk", "bread", f"eggs{n}", "salt"]) for n in range(40)]
    assert read(pl.DataFrame({"note": lines, "y": Y}), "y").columns[0].kind is Kind.TEXT


def test_wide_gaps_make_no_words():
    lines = [f"A       {n}" for n in range(40)]
    frame = pl.DataFrame({"seat": lines, "size": RNG.normal(size=40), "y": Y})
    assert read(frame, "y").columns[0].kind is Kind.IDENTIFIER


@pytest.mark.parametrize(
    "name",
    [
        lambda n: f"123e4567-e89b-12d3-a456-4266{n:08d}",
        lambda n: f"{n * 0x9E3779B97F4A7C15 % 2**256:064x}",
        lambda n: f"https://example.org/a/path-of-some-length/page-{n}.html?q=one+two&r={n}",
        lambda n: f"annual_report_final_version_{n}.pdf",
        lambda n: f"first.last.{n}@mail.example.org",
        lambda n: "王李张刘"[n % 4] + "伟芳娜敏静"[n % 5] + chr(0x4E00 + n),
        lambda n: f"สมชาย{n} ใจดี",
        lambda n: f"2024年{n % 12 + 1}月{n}日",
        lambda n: f"会议记录{n}.docx",
    ],
)
def test_names_of_rows_stay_identifiers(name):
    names = [name(n) for n in range(60)]
    dataset = read(pl.DataFrame({"id": names, "x": RNG.normal(size=60), "y": np.arange(60) % 2}), "y")
    assert dataset.columns[0].kind is Kind.IDENTIFIER
    assert dataset.schema.columns == ("x",)


def test_the_notice_says_which_rows_the_words_come_from():
    told = {notice.code: notice.text for notice in read(notes(), "y").notices}
    assert "the words that are known come from all rows but a test part of the source's own" in told["text"]


def test_long_texts_are_cut_and_told():
    long = pl.DataFrame({"note": [" ".join(f"w{k % 30}" for k in range(300 + n)) for n in range(40)], "y": Y})
    dataset = read(long, "y")
    assert dataset.codes.shape == (40, LONGEST)
    assert "texts-cut" in [notice.code for notice in dataset.notices]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((40, 6, 5)), "all 40 pictures of 'picture' are of one colour"),
        (np.full((40, 6, 5), np.nan), r"1,200 pixels of 1,200 are not finite"),
        (RNG.random((40, 6, 5, 7)), "have no axis of channels"),
        (np.zeros((40, 0, 5)), r"pictures of shape \(0, 5\) have no pixel"),
        (np.array([[["a"] * 5] * 6] * 40), "pictures of type <U1 are not read"),
        (np.zeros((5, 300, 300), np.uint8), f"are 90,000 numbers each, and {MOST_PIXELS:,} are read at most"),
    ],
)
def test_arrays_that_are_no_pictures(array, message):
    with pytest.raises(DataError, match=message):
        read(array, np.arange(len(array)) % 2)


def test_pictures_of_another_size_are_not_predicted_on():
    schema = read(PICTURES, Y).schema
    with pytest.raises(DataError, match=r"the pictures are 5 × 6 pixels in 1 channel\(s\), but 6 × 5"):
        read_inputs(PICTURES.transpose(0, 2, 1), schema)
    with pytest.raises(DataError, match="the array has 30 columns, but 1 were there"):
        read_inputs(PICTURES.reshape(40, 30), schema)
    with pytest.raises(DataError, match="should be pictures of 6 × 5 pixels"):
        read_inputs(np.zeros((40, 1)), schema)


def test_pictures_on_another_scale_are_not_predicted_on():
    schema = Schema.from_json(read(PICTURES, Y).schema.to_json())
    unit = read(PICTURES / 255.0, Y).schema
    usual = "from {:g} to {:g} in a usual picture".format(*schema.features[0].usual)
    with pytest.raises(DataError, match=f"'picture' run from 0 to 1, but {usual} of those"):
        read_inputs(PICTURES / 255.0, schema)
    with pytest.raises(DataError, match=r"from 0 to 255, but from 0\.0\d+ to 0\.9\d+ in .* divided by 255"):
        read_inputs(PICTURES, unit)
    with pytest.raises(DataError, match="run from -300 to 1, but"):
        read_inputs(np.where(PICTURES > 9, 1, -300), unit)
    dark = (PICTURES > 99).astype(np.uint8)  # bytes are what they are
    for fine, known in ((PICTURES.astype(float), schema), (dark, schema), (2 * PICTURES / 255, unit)):
        np.testing.assert_array_equal(read_inputs(fine, known), np.asarray(fine, np.float32).reshape(40, 30))


def test_rows_that_were_learned_from_are_never_on_another_scale():
    """Whatever is odd among them: one hot pixel, pictures in the dark, and pictures of one colour."""
    pictures = RNG.random((40, 6, 5))
    pictures[0, 2, 2] = 500.0
    pictures[1] *= 1e-4
    pictures[2], pictures[3] = 0.3, 900.0
    schema = read(pictures, Y).schema
    assert schema.features[0].strays == 3
    assert Schema.from_json(schema.to_json()) == schema
    batches = [np.arange(1, 20), *np.arange(40)[:, None], np.arange(4), np.arange(40).repeat(2)]
    batches += [RNG.choice(40, RNG.integers(2, 40), replace=False) for _ in range(50)]
    for rows in batches:
        assert read_inputs(pictures[rows], schema).shape == (len(rows), 30)
    for factor in (255.0, 1 / 255.0):
        with pytest.raises(DataError, match="divided by 255 on one side only"):
            read_inputs(factor * pictures, schema)
        with pytest.raises(DataError, match="divided by 255 on one side only"):
            read_inputs(factor * pictures[10:20], schema)


def test_schemas_that_know_the_ends_only_are_still_held_to_them():
    told = json.loads(read(PICTURES / 255.0, Y).schema.to_json())
    del told["features"][0]["usual"]
    with pytest.raises(DataError, match="run from 0 to 255, but from 0 to 1 in a usual"):
        read_inputs(PICTURES, Schema.from_json(json.dumps(told)))


def test_no_picture_at_all_has_no_prediction():
    assert read_inputs(PICTURES[:0], read(PICTURES, Y).schema).shape == (0, 30)


def test_a_column_of_missing_texts_may_come_as_numbers():
    """As pandas and CSV hold what is missing in every row."""
    schema = read(notes(), "y").schema
    found = read_inputs(pl.DataFrame({"note": [np.nan] * 3}), schema)
    np.testing.assert_array_equal(found, read_inputs(pl.DataFrame({"note": [""] * 3}), schema))


def test_numbers_in_the_place_of_texts_are_refused():
    schema = read(notes(), "y").schema
    with pytest.raises(DataError, match="'note' should be texts, but is a column of numbers"):
        read_inputs(pl.DataFrame({"note": [1.0, 2.0]}), schema)
    schema = read(np.random.default_rng(0).random((40, 1)), Y).schema
    with pytest.raises(DataError, match="holds pictures, but numeric values were learned"):
        read_inputs(PICTURES, schema)


@pytest.mark.parametrize(
    "change",
    [
        {"shape": []},
        {"shape": [1, 0, 5]},
        {"shape": [1, 5]},
        {"kind": "text"},
        {"span": [3.0]},
        {"usual": [3.0]},
    ],
)
def test_schemas_of_pictures_that_were_changed(change):
    found = json.loads(read(PICTURES, Y).schema.to_json())
    found["features"][0] |= change
    with pytest.raises(DataError, match="which cannot be"):
        Schema.from_json(json.dumps(found))


def test_of_two_columns_of_texts_the_one_with_the_most_words_is_read():
    short = [f"this is message number {n} of forty" for n in range(40)]
    frame = notes().with_columns(
        short=pl.Series(short), long=pl.Series([f"{one} and one more" for one in short])
    )
    dataset = read(frame.select("short", "long", "y"), "y")
    assert dataset.schema.columns == ("long",)
    (left,) = [column for column in dataset.columns if not column.used]
    assert (left.name, left.kind) == ("short", Kind.TEXT)
    assert left.reason == "free text, but one column of it can be read, and 'long' has more words"
    told = {notice.code: notice.text for notice in dataset.notices}
    assert told["further-text"].endswith("only that with the most words is read; not read: short.")
    assert "long (" in told["text"]
    assert "short" not in told["text"]


def test_of_texts_with_as_many_words_the_first_is_read():
    frame = notes()
    dataset = read(frame.with_columns(again=frame["note"]).select("note", "again", "y"), "y")
    assert dataset.schema.columns == ("note",)


def test_a_text_read_by_the_byte_gives_way_to_one_read_by_the_word():
    odd = [" ".join(f"x{n}y{k}" for k in range(20)) for n in range(40)]
    bytewise = read(pl.DataFrame({"odd": odd, "y": Y}), "y").schema.features[0]
    assert bytewise.format == "bytes"
    both = read(notes(odd=pl.Series(odd)), "y")
    assert both.schema.columns == ("note",)
