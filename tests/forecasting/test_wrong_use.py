"""What `forecast` refuses and in which words, what it takes all the same, and what is told once."""

import math
import re
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from profunda import ArgumentError, DataError, Design
from profunda.forecasting.forecast import forecast

X = np.random.default_rng(0).normal(size=(60, 8))
ROWS = (X, X[:, 0] - X[:, 1] * X[:, 2])


@pytest.fixture(scope="module")
def plain() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1))


class Made(nn.Module):
    """A layer, and what `end` makes of its outputs."""

    def __init__(self, end: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.layer, self.end = nn.Linear(8, 2), end

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.end(self.layer(x))


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (torch.detach, "Made gives outputs without a gradient: its forward detaches them"),
        (lambda z: z.round().long(), "Made makes 120 numbers of int64 of 60 rows"),
        (lambda z: z.to(torch.complex64), "makes 120 numbers of complex64"),
        (lambda z: z[:, :0], "makes 0 numbers of float32"),
    ],
)
def test_outputs_that_nothing_can_train_are_told(
    end: Callable[[torch.Tensor], torch.Tensor], told: str
) -> None:
    with pytest.raises(ArgumentError, match=told):
        forecast(Made(end), X)


class Writing(nn.Module):
    """Changes the rows that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x += 1.0
        return self.layer(x)


def test_modules_of_strangers_are_measured_or_refused_in_words() -> None:
    x = X.copy()
    before = x.copy()
    assert math.isfinite(forecast(Writing(), x).line("T1", "parameters P").value)
    assert np.array_equal(x, before)
    stuck = nn.Linear(8, 1)
    stuck.lines = (line for line in "ab")  # type: ignore[assignment]
    with pytest.raises(ArgumentError, match=r"Linear cannot be copied .*generator.* open files and the like"):
        forecast(stuck, x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, of layers without weights
        hollow = nn.Sequential(nn.Linear(8, 0), nn.ReLU(), nn.Linear(0, 1))
    with pytest.raises(ArgumentError, match="Layer '0' of Sequential has 8 inputs and 0 units"):
        forecast(hollow, x)
    with pytest.raises(ArgumentError, match="not of the class Linear itself: hand over Linear"):
        forecast(nn.Linear, x)  # type: ignore[arg-type]


def test_the_callers_modes_change_nothing(plain: nn.Module) -> None:
    told = forecast(plain, ROWS).json()
    with torch.inference_mode():
        assert forecast(plain, ROWS).json() == told
        assert forecast(Design(widths=(8,))).networks > 1
        inner, x = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 1)), torch.randn(20, 8)
    for mode in (
        torch.no_grad(),
        torch.autocast("cpu", dtype=torch.bfloat16),
        torch.device("meta"),
        np.errstate(all="raise"),
    ):
        with mode:
            assert forecast(plain, ROWS).json() == told
            assert forecast(Design(widths=(16,) * 30, activation="sigmoid"), outputs=2).layers[-1].q > 0.0
    assert math.isfinite(forecast(plain, x).line("T13").value)
    with pytest.raises(ArgumentError, match=r"Sequential was made under torch\.inference_mode"):
        forecast(inner, ROWS)


def test_outputs_that_are_not_finite_are_noted(plain: nn.Module) -> None:
    found = forecast(Made(lambda z: z / 0.0), ROWS)
    assert any(
        "Outputs are NaN or infinite on 60 of 60 rows before any training" in one for one in found.notes
    )
    assert not any("NaN" in one for one in forecast(plain, ROWS).notes)


def test_rows_beyond_the_modules_precision_are_told(plain: nn.Module) -> None:
    with pytest.raises(
        DataError, match=r"X holds numbers as large as .*e\+40, which are infinite in .* float32"
    ):
        forecast(plain, X * 1e40)


def test_columns_and_targets_that_are_missing_are_told(plain: nn.Module) -> None:
    for subject in (Design(), plain):
        with pytest.raises(DataError, match=r"shape \(20, 0\), so there is no column to measure"):
            forecast(subject, (np.zeros((20, 0)), np.zeros(20)))
    with pytest.raises(DataError, match=r"y has shape \(60, 0\), so no targets"):
        forecast(plain, (X, np.zeros((60, 0))))
    with pytest.raises(DataError, match="A pair is a tuple of two arrays"):
        forecast(plain, list(ROWS))


def test_whole_numbers_below_0_are_targets_and_no_classes(plain: nn.Module) -> None:
    line = "parameters at the interpolation threshold"
    codes, numbers = (forecast(plain, (X, np.arange(60) % 2 - down)).line("T1", line) for down in (0, 5))
    assert "not for classes" in codes.reason
    assert numbers.reason == ""


def test_whole_numbers_of_numpy_are_whole_numbers(plain: nn.Module) -> None:
    assert forecast(plain, seed=np.int64(3)).json() == forecast(plain, seed=3).json()  # type: ignore[arg-type]
    assert forecast(Design(widths=(4,)), inputs=np.int64(3)).json()  # type: ignore[arg-type]


def test_what_does_not_fit_into_memory_is_told() -> None:
    for more in ({"inputs": 10**12}, {"outputs": 10**12}):
        with pytest.raises(ArgumentError, match=r"would take .* GB to be forecast, and .* GB are free"):
            forecast(Design(widths=(4,)), **more)


def test_rows_are_rows_however_a_tensor_holds_them(plain: nn.Module) -> None:
    x = torch.as_tensor(X.copy())
    told = forecast(plain, X).json()
    for same in (x.to_sparse(), x.requires_grad_(), torch.complex(x * 0, -x).conj().imag):
        assert forecast(plain, same).json() == told
    assert forecast(plain, x.bfloat16()).line("T13").measured > 0.0
    with pytest.raises(
        DataError, match=r"X is a tensor that cannot be laid out in rows of numbers \(.*Float8"
    ):
        forecast(plain, x.detach().to(torch.float8_e5m2))


def test_few_rows_are_weighted_alike() -> None:
    """As many rows as do not fall into equal groups: of a ReLU network the mean of q is that of the rows."""
    x = np.random.default_rng(0).lognormal(size=(20, 5))
    found = forecast(Design(widths=(512,), initialisation="he", encoding="robust"), (x, x[:, 0]))
    assert found.line("T4").value == pytest.approx(float(found.layers[0].q), rel=1e-12)
    assert found.line("T4").agrees
    score = next(one for one in found.trainability.concerns if one.name == "signal")
    assert f"{found.line('T4').value:.3g}" in score.words


def test_what_rows_have_in_common_is_told_once() -> None:
    for optimiser, told in (("adam", "float32 tells six"), ("sgd", "plain gradient descent bears 2.6")):
        text = " ".join(forecast(Design(widths=(16,) * 6, optimiser=optimiser), ROWS).text().split())
        assert text.count("1 − c =") == 1
        assert re.search(rf"After 6 layers two rows' signals agree to \d\.\d digits; {told}", text)
    flat = forecast(Design(widths=(64,) * 60, activation="sigmoid"), ROWS)
    assert flat.trainability.worst.name == "rows"
    assert "1 − c =" not in flat.text()
