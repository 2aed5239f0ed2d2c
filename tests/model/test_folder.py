"""The folder on disk: written whole or not at all, and read without trust."""

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from profunda.errors import ModelError
from profunda.model import folder as folders
from profunda.model.folder import MODEL_FILE, VERSION, WEIGHTS_FILE, read_folder, write_folder

CONTENT = {"name": "ü", "numbers": [1, 0.1, 1e-300], "nothing": None}
ARRAYS = {"a/0": np.arange(6, dtype=np.float32), "b": np.zeros((2, 3)), "empty": np.zeros(0, np.int64)}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "model", CONTENT, ARRAYS)


def rewrite(folder: Path, **changes: object) -> None:
    """Change keys of model.json; a key set to None is removed."""
    sheet = json.loads((folder / MODEL_FILE).read_text())
    sheet = {key: value for key, value in {**sheet, **changes}.items() if value is not None}
    (folder / MODEL_FILE).write_text(json.dumps(sheet))


def test_round_trip(saved: Path) -> None:
    content, arrays = read_folder(saved)
    assert content == CONTENT
    assert set(arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)


def test_the_folder_holds_two_plain_files_and_no_draft_is_left(saved: Path) -> None:
    assert sorted(path.name for path in saved.iterdir()) == [MODEL_FILE, WEIGHTS_FILE]
    assert [path.name for path in saved.parent.iterdir()] == ["model"]
    assert saved.stat().st_mode & 0o777 == 0o755


def test_equal_models_are_equal_bytes(saved: Path, tmp_path: Path) -> None:
    again = write_folder(tmp_path / "again", dict(reversed(CONTENT.items())), dict(reversed(ARRAYS.items())))
    assert (again / WEIGHTS_FILE).read_bytes() == (saved / WEIGHTS_FILE).read_bytes()


def test_an_empty_folder_is_filled_and_parents_are_made(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert read_folder(write_folder(tmp_path / "empty", CONTENT, ARRAYS))[0] == CONTENT
    assert read_folder(write_folder(tmp_path / "a" / "b" / "c", CONTENT, ARRAYS))[0] == CONTENT


def test_nothing_is_overwritten(saved: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in saved.iterdir()}
    with pytest.raises(ModelError, match="is not empty, and nothing is overwritten"):
        write_folder(saved, {}, {})
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ModelError, match="is not a folder, so no model is written there"):
        write_folder(tmp_path / "file", {}, {})
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ModelError, match="is not a folder"):
        write_folder(tmp_path / "link", {}, {})


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        path.write_bytes(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folders, "write_durably", full)
    with pytest.raises(ModelError, match=r"cannot be written to .*No space left on device"):
        write_folder(tmp_path / "model", CONTENT, ARRAYS)
    assert list(tmp_path.iterdir()) == []


def test_a_run_folder_leads_to_its_model(saved: Path) -> None:
    assert read_folder(saved.parent)[0] == CONTENT


def test_places_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist; give the folder of a run or of a saved model"):
        read_folder(tmp_path / "nowhere")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelError, match="is a file, not a folder"):
        read_folder(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        ModelError, match=r"holds no model\.json: it is no saved model, or the run has not finished"
    ):
        read_folder(tmp_path / "empty")


@pytest.mark.parametrize("name", [MODEL_FILE, WEIGHTS_FILE])
def test_a_missing_file(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(ModelError, match=f"holds no {name}"):
        read_folder(saved)


@pytest.mark.parametrize("name", [MODEL_FILE, WEIGHTS_FILE])
@pytest.mark.parametrize("keep", [0, 10, -1])
def test_a_file_cut_short(saved: Path, name: str, keep: int) -> None:
    data = (saved / name).read_bytes()
    (saved / name).write_bytes(data[:keep])
    with pytest.raises(ModelError, match=r"damaged|is not the JSON of a model"):
        read_folder(saved)


def test_every_flipped_byte_is_noticed(saved: Path) -> None:
    """Whatever byte changes, the folder is refused or reads the same (white space, case of escapes)."""
    for name in (MODEL_FILE, WEIGHTS_FILE):
        data = (saved / name).read_bytes()
        for place in range(len(data)):
            (saved / name).write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
            try:
                content, _ = read_folder(saved)
            except ModelError:
                continue
            assert name == MODEL_FILE
            assert content == CONTENT
        (saved / name).write_bytes(data)


@pytest.mark.parametrize("name", [MODEL_FILE, WEIGHTS_FILE])
def test_links_are_not_followed(saved: Path, tmp_path: Path, name: str) -> None:
    (saved / name).rename(tmp_path / "elsewhere")
    (saved / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelError, match="is a link; a model's files are plain files"):
        read_folder(saved)


@pytest.mark.parametrize("name", [MODEL_FILE, WEIGHTS_FILE])
def test_pipes_and_folders_are_no_files(saved: Path, name: str) -> None:
    (saved / name).unlink()
    os.mkfifo(saved / name)
    with pytest.raises(ModelError, match="is not a plain file"):
        read_folder(saved)
    (saved / name).unlink()
    (saved / name).mkdir()
    with pytest.raises(ModelError, match="is not a plain file"):
        read_folder(saved)


class _Bomb:
    """Unpickling it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.mkdir, (str(self.path),))


@pytest.mark.parametrize("name", ["weights.pkl", "model.pt", "code.py", "weights.safetensors.bak"])
def test_foreign_files_are_named_and_never_opened(saved: Path, tmp_path: Path, name: str) -> None:
    (saved / name).write_bytes(pickle.dumps(_Bomb(tmp_path / "boom")))
    with pytest.raises(ModelError, match=f"also holds '{name}', which Profunda never writes"):
        read_folder(saved)
    assert not (tmp_path / "boom").exists()


@pytest.mark.parametrize("name", [MODEL_FILE, WEIGHTS_FILE])
def test_a_pickle_in_place_of_a_file_is_never_opened(saved: Path, tmp_path: Path, name: str) -> None:
    (saved / name).write_bytes(pickle.dumps(_Bomb(tmp_path / "boom")))
    with pytest.raises(ModelError):
        read_folder(saved)
    assert not (tmp_path / "boom").exists()


def test_a_card_and_hidden_files_do_no_harm(saved: Path) -> None:
    (saved / "README.md").write_text("card")
    (saved / ".DS_Store").write_text("noise")
    assert read_folder(saved)[0] == CONTENT


def test_sizes_are_looked_at_before_reading(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (saved / WEIGHTS_FILE).open("r+b") as file:
        file.truncate(folders.WEIGHTS_LIMIT + 1)  # sparse: takes no space
    with pytest.raises(ModelError, match="bytes, more than any model of Profunda"):
        read_folder(saved)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"version": VERSION + 1}, "version 2 of the format, this Profunda reads version 1"),
        ({"version": None}, "version None of the format"),
        ({"version": True, "format": "x"}, "does not say that it is a profunda-model"),
        ({"format": None}, "does not say that it is a profunda-model"),
        ({"code": "print(1)"}, "has the keys .*not those of the format"),
        ({"digest": None}, "has the keys .*not those of the format"),
        ({"digest": 3}, "is damaged"),
    ],
)
def test_changed_headers(saved: Path, changes: dict[str, object], text: str) -> None:
    rewrite(saved, **changes)
    with pytest.raises(ModelError, match=text):
        read_folder(saved)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "3",
        "{",
        '{"format": NaN}',
        "[" * 100_000,
        '{"a": ' * 100_000,
        b"\xff\xfe{}",
        "9" * 5_000,
    ],
    ids=["empty", "list", "number", "open", "nan", "deep list", "deep mapping", "not utf-8", "long number"],
)
def test_json_made_to_break_readers(saved: Path, text: str | bytes) -> None:
    (saved / MODEL_FILE).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ModelError, match=r"is not the JSON of a model|does not say that it is"):
        read_folder(saved)


@pytest.mark.parametrize("value", ["1e999", '"\\ud800"', "[" * 500 + "]" * 500])
def test_values_that_json_reads_but_cannot_write(saved: Path, value: str) -> None:
    sheet = json.loads((saved / MODEL_FILE).read_text())
    text = json.dumps({**sheet, "content": "HERE"}).replace('"HERE"', value)
    (saved / MODEL_FILE).write_text(text)
    with pytest.raises(ModelError, match=r"is not the JSON of a model|is damaged"):
        read_folder(saved)


def header(shape: list[int], dtype: str = "F32", offsets: tuple[int, int] = (0, 4)) -> bytes:
    text = json.dumps({"a": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}).encode()
    return len(text).to_bytes(8, "little") + text + b"\0" * 4


@pytest.mark.parametrize(
    "weights",
    [
        header([10**18]),
        header([2**32, 2**32]),
        header([1], offsets=(0, 10**12)),
        header([1], dtype="BF16"),
        header([-1]),
        (2**63).to_bytes(8, "little") + b"{}",
        b"",
        pickle.dumps([1]),
    ],
    ids=[
        "huge",
        "overflowing",
        "beyond the end",
        "unknown type",
        "negative",
        "huge header",
        "nothing",
        "pickle",
    ],
)
def test_weights_made_to_break_readers(saved: Path, weights: bytes) -> None:
    """With a digest that fits, as whoever means harm would write it."""
    (saved / WEIGHTS_FILE).write_bytes(weights)
    rewrite(saved, digest=folders._digest(CONTENT, weights))
    with pytest.raises(ModelError, match="holds no arrays that can be read"):
        read_folder(saved)
