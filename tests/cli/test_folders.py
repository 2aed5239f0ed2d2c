"""Folders of pictures and texts on the command line: fitted without a target, predicted file by file."""

import csv
from pathlib import Path

import numpy as np
import pytest

from profunda.cli.app import main

QUICK = ["--trials", "2", "--fix", "epochs=2", "--fix", "patience=0"]
WORDS = {"news": "rain falls over the wide grey town", "mail": "please call me back this evening"}


def lines(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


@pytest.fixture
def texts(folder: Path) -> Path:
    for name, words in WORDS.items():
        (folder / "texts" / name).mkdir(parents=True)
        for n in range(30):
            (folder / "texts" / name / f"{n}.txt").write_text(f"{words} {'and again ' * (n % 4)}", "utf-8")
    return folder / "texts"


def test_texts_are_fitted_without_a_target_and_predicted_by_file(texts: Path, folder: Path) -> None:
    assert main(["fit", "texts", *QUICK, "--fix", "body=bag", "--out", "run"]) == 0
    (folder / "new" / "below").mkdir(parents=True)
    (folder / "new" / "b.txt").write_text(WORDS["mail"], "utf-8")
    (folder / "new" / "below" / "a.txt").write_text(WORDS["news"], "utf-8")
    assert main(["predict", "run", "new", "-o", "said.csv"]) == 0
    assert main(["predict", "run", "new", "-o", "odds.csv", "--proba"]) == 0
    said, odds = lines(folder / "said.csv"), lines(folder / "odds.csv")
    assert said[0] == ["file", "prediction"]
    assert odds[0] == ["file", "mail", "news"]
    assert (
        [row[0] for row in said[1:]] == [row[0] for row in odds[1:]] == ["b.txt", str(Path("below", "a.txt"))]
    )
    for (_, name), (_, mail, _) in zip(said[1:], odds[1:], strict=True):
        assert name == ("mail" if float(mail) > 0.5 else "news")


@pytest.fixture
def pictures(folder: Path) -> Path:
    image = pytest.importorskip("PIL.Image", reason="Pillow, which reads files of pictures, is not installed")
    rng = np.random.default_rng(0)
    for n in range(60):
        name = ("dark", "light")[n % 2]
        place = folder / "pictures" / name
        place.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 100, (8, 8), dtype=np.uint8) + np.uint8(120 * (n % 2))
        image.fromarray(pixels).save(place / f"{n}.png")
    image.fromarray(rng.integers(0, 100, (12, 20, 3), dtype=np.uint8)).save(
        folder / "pictures" / "dark" / "colour.png"
    )
    (folder / "pictures" / "dark" / "broken.png").write_bytes(b"no picture")
    (folder / "pictures" / "empty").mkdir()
    return folder / "pictures"


def test_pictures_that_are_odd_are_told_and_left_as_they_are(
    pictures: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {file: file.read_bytes() for file in pictures.rglob("*") if file.is_file()}
    assert (
        main(["fit", "pictures", *QUICK, "--fix", "body=conv", "--fix", "body_width=8", "--out", "run"]) == 0
    )
    told = capsys.readouterr().out
    assert "1 folder(s) hold no pictures and are no class: empty." in told
    assert "1 of 62 pictures cannot be read and were left out: dark/broken.png." in told
    assert "61 pictures of 2 different sizes were brought to 8 × 8 pixels" in told
    assert "60 of 61 pictures are grey, the others in colour: all are read in colour." in told
    assert {file: file.read_bytes() for file in pictures.rglob("*") if file.is_file()} == before

    single = folder / "single"
    single.mkdir()
    (pictures / "light" / "1.png").rename(single / "1.png")
    assert main(["predict", "run", "single", "-o", "said.csv"]) == 0
    assert [row[0] for row in lines(folder / "said.csv")] == ["file", "1.png"]
    kept = (folder / "said.csv").read_bytes()
    assert main(["predict", "run", "single", "-o", "said.csv"]) == 2
    assert "said.csv exists already and is not overwritten" in capsys.readouterr().err
    assert (folder / "said.csv").read_bytes() == kept

    assert main(["predict", "run", "single/1.png", "-o", "one.csv"]) == 2
    assert "pictures are read from a folder: put it into one, and name that" in capsys.readouterr().err

    assert main(["predict", "run", "pictures", "-o", "all.csv"]) == 2
    assert (
        "dark/broken.png), and each needs a prediction; mend them or take them out" in capsys.readouterr().err
    )
    assert not (folder / "all.csv").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--target", "name"],
            "target is 'name', but the classes of texts are its folders; leave the target out",
        ),
        (["--task", "regression"], "regression"),
    ],
)
def test_what_contradicts_a_folder_is_told(
    texts: Path, folder: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", "texts", *QUICK, "--out", "run", *words]) == 2
    assert message in capsys.readouterr().err
    assert not (folder / "run" / "model").exists()


def test_one_class_is_none(texts: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in (texts / "mail").iterdir():
        file.unlink()
    assert main(["fit", "texts", *QUICK, "--out", "run"]) == 2
    told = capsys.readouterr().err
    assert "texts has pictures or texts of 1 class(es) (news): one folder a class is expected" in told
    assert not (folder / "run").exists()
