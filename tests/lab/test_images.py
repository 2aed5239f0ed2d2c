"""Images of the reader's own in the place of what comes with Profunda."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from profunda.errors import ArgumentError, DataError
from profunda.lab.experiments.deep_training import digits_shallow
from profunda.lab.experiments.regularisation import validation_curve_turns
from profunda.lab.images import Images, read_images
from profunda.lab.running import run


def _arrays(rows: int = 120, told: bool = True) -> dict[str, np.ndarray]:
    """Images of 3 × 3 pixels in three classes, a bright row in each."""
    random = np.random.default_rng(0)
    y = np.arange(rows + 30) % 3
    x = random.integers(0, 100, (rows + 30, 3, 3)).astype(np.uint8)
    if told:
        x[np.arange(len(y)), y] += 150
    return {"x_train": x[:rows], "y_train": y[:rows], "x_test": x[rows:], "y_test": y[rows:]}


def _file(folder: Path, arrays: dict[str, np.ndarray]) -> Path:
    np.savez(folder / "bars.npz", **arrays)
    return folder / "bars.npz"


def test_images_are_rows_of_brightness(tmp_path: Path) -> None:
    arrays = _arrays()
    found = read_images(_file(tmp_path, arrays))
    assert found.name == "bars"
    assert found.x.shape == (120, 9)
    assert found.x_test.shape == (30, 9)
    assert found.x.dtype == np.float32
    top = max(arrays["x_train"].max(), arrays["x_test"].max())
    assert found.x_test[4] == pytest.approx(arrays["x_test"][4].ravel() / top)
    assert (found.y == arrays["y_train"]).all()
    assert (found.y_test == arrays["y_test"]).all()


def test_files_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"table\.csv is no \.npz file: an experiment takes images"):
        read_images(tmp_path / "table.csv")
    with pytest.raises(DataError, match="there is no file"):
        read_images(tmp_path / "none.npz")
    arrays = _arrays()
    with pytest.raises(DataError, match="brings no test part, by which an experiment judges"):
        read_images(_file(tmp_path, {"x": arrays["x_train"], "y": arrays["y_train"]}))
    for off in (1, 0.5):
        wrong = {name: arrays[name] + off for name in ("y_train", "y_test")}
        with pytest.raises(DataError, match="whole numbers from 0, but y holds"):
            read_images(_file(tmp_path, arrays | wrong))


def test_data_go_to_experiments_that_take_them(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"rank-example .* takes no data; .*digits-shallow.* do"):
        run("rank-example", data=tmp_path / "x.npz")
    with pytest.raises(DataError, match="there is no file"):
        run("digits-shallow", data=tmp_path / "x.npz")
    found = run("digits-shallow", quick=True, data=_file(tmp_path, _arrays(300)))
    assert found.outcome is not None, found.error
    assert "bars" in found.outcome.statement.en


@pytest.mark.parametrize(("told", "verdict"), [(True, "holds with conditions"), (False, "wrong")])
def test_digits_on_images_of_the_readers(tmp_path: Path, told: bool, verdict: str) -> None:
    images = read_images(_file(tmp_path, _arrays(600, told)))
    outcome = digits_shallow.measure_on(images, True)
    assert outcome.verdict == verdict  # 30 test images leave 98 % in doubt at best
    assert outcome.interval[0] <= outcome.value <= outcome.interval[1]


def test_curves_on_images_of_the_readers() -> None:
    """Half of the labels by chance: what is learned by heart must turn the curve."""
    random = np.random.default_rng(0)
    x, y = random.random((240, 6), np.float32), random.integers(0, 3, 240)
    outcome = validation_curve_turns.measure_on(Images("chance", x, y, x[:9], y[:9]), True)
    assert outcome.interval[0] <= outcome.value <= outcome.interval[1]
    assert "chance" in outcome.statement.en or outcome.verdict != "holds"
    assert "200 images each" in outcome.measured.en


@pytest.mark.slow
def test_one_hidden_layer_reads_more_than_98_percent_of_mnist(shared_data: Callable[[str], Path]) -> None:
    outcome = digits_shallow.measure_on(read_images(shared_data("mnist.npz")), False)
    assert outcome.verdict == "holds"
    assert outcome.interval[0] > 0.98
