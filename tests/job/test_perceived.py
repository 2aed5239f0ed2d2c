"""The main job on pictures and texts: the same budget, journal, resume, report and model folder as tables."""

import json

import numpy as np
import polars as pl
import pytest

import profunda
from profunda.data.reading import read
from profunda.data.splits import split
from profunda.errors import DataError, SpaceError
from profunda.job import augmentations
from profunda.job.augmentations import keeping_labels, refusals
from profunda.job.rivals import TextLogistic, TextRidge, rivals_of
from profunda.job.spaces import default_space
from profunda.space.design import DOMAINS

RNG = np.random.default_rng(0)
QUICK = {"epochs": 3, "batch_size": 32, "progress": False}


def stripes(count=240):
    """Stripes across or down under noise, 8 × 8."""
    y = RNG.integers(0, 2, count)
    bright = (np.arange(8) % 2) * 120
    x = np.where(y[:, None, None] == 0, bright[None, None, :], bright[None, :, None]) + RNG.integers(
        0, 90, (count, 8, 8)
    )
    return x.astype(np.uint8), np.where(y == 0, "across", "down")


def sentences(count=400):
    """Whether good or bad is said of the thing, among words that do not matter."""
    filler = [f"word{n}" for n in range(40)]
    rows = []
    for n in range(count):
        words = RNG.choice(filler, 7).tolist()
        words.insert(
            int(RNG.integers(0, 7)), ("good", "fine")[n // 2 % 2] if n % 2 else ("bad", "poor")[n // 2 % 2]
        )
        rows.append(" ".join(words))
    return pl.DataFrame({"text": rows, "y": ["pos" if n % 2 else "neg" for n in range(count)]})


@pytest.fixture(scope="module")
def pictured(tmp_path_factory):
    run = tmp_path_factory.mktemp("run") / "pictures"
    fix = {"body": "conv", "body_width": 8, "body_depth": 2, "epochs": 6, "batch_size": 32}
    return profunda.fit(stripes(), trials=3, fix=fix, folds=1, out=run, progress=False), run


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    run = tmp_path_factory.mktemp("run") / "texts"
    fix = {"body": "bag", "epochs": 8, "batch_size": 32}
    return profunda.fit(sentences(), "y", trials=3, fix=fix, folds=1, out=run, progress=False), run


def test_pictures_are_learned_and_kept(pictured):
    outcome, run = pictured
    x, _ = stripes(20)
    assert dict(outcome.scores)["accuracy"] > 0.9
    assert all(part.design.body == "conv" for part in outcome.model.parts)
    loaded = profunda.load(run)
    np.testing.assert_array_equal(loaded.predict_proba(x), outcome.model.predict_proba(x))
    assert set(loaded.predict(x)) <= {"across", "down"}
    assert (run / "report.html").exists()
    assert json.loads((run / "summary.json").read_text())["score"] == outcome.score.value
    with pytest.raises(DataError, match="the pictures are 7 × 8 pixels"):
        loaded.predict(x[:, :7])


def test_a_row_is_predicted_alike_in_any_company(pictured):
    """In float32, within rounding: pictures and texts are not computed in float64 as tables are."""
    x, _ = stripes(30)
    model = pictured[0].model
    np.testing.assert_allclose(model.predict_proba(x)[:1], model.predict_proba(x[:1]), rtol=1e-5)


def test_texts_are_learned_and_compared_with_tf_idf(told):
    outcome, run = told
    assert dict(outcome.scores)["accuracy"] > 0.9
    assert [baseline.title for baseline in outcome.baselines] == [
        "class frequencies, always",
        "TF-IDF and logistic regression",
    ]
    assert outcome.baselines[1].score.value < 0.5
    loaded = profunda.load(run)
    frame = sentences(6).drop("y")
    np.testing.assert_array_equal(loaded.predict(frame), outcome.model.predict(frame))


def test_resumed_and_in_one_piece_are_one_run(tmp_path):
    x, y = stripes(120)
    how = {
        "trials": 2,
        "fix": {"body": "conv", "body_width": 8, "epochs": 3, "batch_size": 32},
        "folds": 2,
        "progress": False,
    }
    whole = profunda.fit((x, y), **how, out=tmp_path / "a", baselines=False)
    journal = (tmp_path / "a" / "journal.jsonl").read_text().splitlines()
    profunda.fit((x, y), **how, out=tmp_path / "b", baselines=False)
    place = tmp_path / "b" / "journal.jsonl"
    kept = place.read_text().splitlines()[: len(journal) // 2]
    place.write_text("\n".join(kept) + "\n")
    again = profunda.resume(tmp_path / "b", x, y, progress=False)
    np.testing.assert_array_equal(again.model.predict_proba(x), whole.model.predict_proba(x))


def test_texts_of_numbers_have_a_linear_rival():
    frame = sentences(120).with_columns(pl.Series("n", RNG.normal(size=120)))
    assert rivals_of(read(frame.drop("n"), "y")) == (TextLogistic,)
    numbers = read(frame.drop("y"), "n")
    assert rivals_of(numbers) == (TextRidge,)
    splits = split(numbers)
    rival = TextRidge(numbers, splits.development, 0)
    rival.grow(1)
    assert rival.predict(numbers.codes[splits.test]).shape == (len(splits.test),)


def test_a_rival_reads_words_pairs_and_what_stands_beside():
    frame = sentences(120).with_columns(pl.Series("size", RNG.normal(size=120)))
    dataset = read(frame, "y")
    rival = TextLogistic(dataset, np.arange(100), 0)
    words = len(dataset.schema.features[0].vocabulary)
    assert rival.width > words + 1  # pairs too, and the number
    rival.grow(50)
    found = rival.predict(dataset.codes)
    np.testing.assert_allclose(found.sum(1), 1.0)
    assert (found.argmax(1)[100:] == dataset.y[100:]).mean() > 0.9


# Changes of pictures that change classes --------------------------------------------------------------


def letters(count=240):
    """b and d, mirror images of each other, with a little noise."""
    b = np.zeros((12, 12), np.uint8)
    b[1:11, 3], b[6, 3:8], b[10, 3:8], b[6:11, 8] = 255, 255, 255, 255
    y = RNG.integers(0, 2, count)
    x = np.where(y[:, None, None] == 0, b, b[:, ::-1]).astype(np.int64) + RNG.integers(
        -20, 20, (count, 12, 12)
    )
    return np.clip(x, 0, 255).astype(np.uint8), np.array(["b", "d"])[y]


LETTERS = letters(160)


def test_flips_that_turn_b_into_d_are_left_out_by_name():
    dataset = read(letters())
    splits = split(dataset)
    found = keeping_labels(dataset, splits)
    assert "flip" in found.refused
    space = default_space(dataset, splits, found)
    (notice,) = refusals(found, space)
    assert notice.code == "label-breaking"
    assert notice.text.startswith("Left out of the search")
    asked = refusals(found, space.fix("flip", 0.5, within=DOMAINS["flip"]))
    assert [(one.code, one.text[:16]) for one in asked] == [("labels-broken", "Kept as asked fo")]
    assert "'b' into 'd'" in notice.text or "'d' into 'b'" in notice.text
    assert set(space.domains["flip"].levels(None)) == {0.0}
    assert set(default_space(dataset, splits).domains["flip"].levels(None)) == {0.0, 0.5}


def bars(count=160):
    """A bar in columns 0 and 1, or in 2 and 3, of ten: one is the other two columns aside."""
    y = RNG.integers(0, 2, count)
    x = np.zeros((count, 10, 10), np.int64)
    x[y == 0, :, :2] = x[y == 1, :, 2:4] = 200
    return np.clip(x + RNG.integers(0, 20, x.shape), 0, 255).astype(np.uint8), y


def test_a_shift_lets_in_what_training_lets_in_on_white_pages_as_on_black_ones(monkeypatch):
    """Training fills with the median of the pixels: black for black pages, white for white ones."""
    monkeypatch.setattr(augmentations, "STRONGEST", {"shift": 0.2})
    x, y = bars()
    dark = read(x, y, task="classification")
    light = read(255 - x, y, task="classification")
    found = [keeping_labels(one, split(one)) for one in (dark, light)]
    assert [one.refused for one in found] == [("shift",), ("shift",)]


def test_a_class_that_only_the_test_part_has_names_nobody(tmp_path):
    x, y = letters(60)
    file = tmp_path / "signs.npz"
    unseen = {"x_test": x[:3], "y_test": np.array(["b", "d", "o"])}
    np.savez(file, x_train=x, y_train=y, **unseen)
    dataset = read(file)
    found = keeping_labels(dataset, split(dataset))
    assert {broken.source for one in found.verdicts for broken in one.broken} <= {"b", "d"}


def test_nothing_is_asked_of_tables_and_numbers():
    table = read(RNG.normal(size=(60, 3)), np.arange(60) % 2)
    assert keeping_labels(table, split(table)) is None
    x, _ = stripes(60)
    numbers = read(x, RNG.normal(size=60))
    assert keeping_labels(numbers, split(numbers)) is None
    clean = read(stripes())
    assert refusals(keeping_labels(clean, split(clean)), default_space(clean, split(clean))) == ()


def test_the_search_tells_what_it_left_out(tmp_path):
    outcome = profunda.fit(
        LETTERS, trials=1, fix={"body": "dense", "depth": 1, "epochs": 2}, folds=1, out=tmp_path / "r",
        progress=False, baselines=False,
    )  # fmt: skip
    assert "label-breaking" in [notice.code for notice in outcome.notices]
    again = profunda.resume(tmp_path / "r", LETTERS, progress=False)
    assert [one.text for one in again.notices] == [one.text for one in outcome.notices]
    assert all(part.design.flip == 0.0 for part in outcome.model.parts)


def test_pictures_have_fewer_folds_than_tables():
    x, y = stripes(700)
    assert len(split(read(x, y)).folds) == 3
    assert len(split(read(x.reshape(700, 64), y)).folds) == 5


def test_stress_disturbs_pictures_and_words(pictured, told):
    x, y = stripes(60)
    found = profunda.stress(pictured[0].model, (x, y))
    worst = [point for point in found.points if point.kind == "noise"][-1]
    assert worst.worse > 0
    frame = sentences(60)
    assert len(profunda.stress(told[0].model, frame, "y").points) == len(found.points)


@pytest.mark.parametrize(
    ("fix", "message"),
    [
        ({"body": "lstm"}, 'body = "lstm" reads texts, but the inputs have none'),
        ({"body": "conv", "body_depth": 9}, "8 × 8 pixels cannot be halved so often"),
    ],
)
def test_what_cannot_read_the_inputs_is_refused_before_there_is_a_run(tmp_path, fix, message):
    with pytest.raises(SpaceError, match=message):
        profunda.fit(stripes(60), trials=1, fix=fix, out=tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()
