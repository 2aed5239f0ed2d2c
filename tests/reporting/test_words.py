import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profunda.reporting.words import (
    brief,
    cell,
    count,
    duration,
    interval,
    moment,
    number,
    setting,
    settings,
    share,
    shorten,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.31234, "0.312"),
        (9.9996, "10.0"), (1234.5, "1,234"), (0.0, "0"), (-2.5, "−2.50"), (1e-7, "1.00·10⁻⁷"),
        (3.2e9, "3.20·10⁹"),
        (math.nan, "–"), (None, "–"), (math.inf, "∞"), (-math.inf, "−∞"), (123456.7, "123,457"),
    ],
)  # fmt: skip
def test_numbers_keep_three_digits(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.05, "0.05"), (2e-5, "2·10⁻⁵"), (0.5, "0.5"), (100.0, "100"), (1.0, "1")]
)
def test_brief_numbers_have_no_idle_zeros(value, text):
    assert brief(value) == text


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_any_number_has_a_short_text(value):
    assert 0 < len(number(value)) <= 12


@given(st.floats(1e-3, 1e5), st.floats(0.001, 0.2))
def test_an_interval_has_the_same_decimals_everywhere(value, width):
    texts = interval(value, value - width * value, value + width * value)
    assert len({len(t.partition(".")[2]) for t in texts}) == 1


@pytest.mark.parametrize(
    ("three", "told"),
    [
        ((0.00012, -0.5, 0.5), ("0.00", "−0.50", "0.50")),
        ((-0.0004, -0.021, 0.02), ("−0.0004", "−0.0210", "0.0200")),
        ((1e-9, -3.0, 40.0), ("0.0", "−3.0", "40.0")),
        ((0.0, -0.5, 0.5), ("0.0", "−0.5", "0.5")),
        ((-0.9477, -1.01, -0.89), ("−0.948", "−1.010", "−0.890")),
        ((123.456, 100.0, 150.0), ("123", "100", "150")),
    ],
)
def test_a_number_near_0_has_the_decimals_that_its_interval_leaves_it(three, told):
    assert interval(*three) == told


def test_of_a_narrow_interval_no_more_than_five_digits_are_told():
    assert interval(2.3010192, 2.3010081, 2.3010301) == ("2.3010", "2.3010", "2.3010")
    assert interval(0.0123456, 0.0123450, 0.0123463) == ("0.012346", "0.012345", "0.012346")
    assert interval(54321.98, 54321.97, 54321.99) == ("54,322", "54,322", "54,322")


def test_an_interval_without_width_or_ends_still_reads():
    assert interval(0.5, 0.5, 0.5) == ("0.500", "0.500", "0.500")
    assert interval(0.5, math.nan, math.nan) == ("0.500", "–", "–")


def test_counts_shares_and_durations_read_as_people_say_them():
    assert [count(v) for v in (999, 12345, 1.95e6, 2e9)] == ["999", "12,345", "1.95 million", "2 billion"]
    assert [share(v) for v in (0.0, 0.0004, 0.5, 0.997, 1.0)] == [
        "0 %", "under 0.1 %", "50 %", "99.7 %", "100 %",
    ]  # fmt: skip
    assert [duration(v) for v in (0.085, 4.2, 125, 11220)] == ["85 ms", "4.2 s", "2 min 05 s", "3 h 07 min"]


def test_times_and_settings():
    assert moment("2026-01-02T03:04:05+00:00") == "2026-01-02 03:04 UTC"
    assert moment("yesterday") == "yesterday"
    assert [setting(v) for v in (True, 0.001, (64, 32), (), "relu", 3)] == [
        "yes",
        "0.001",
        "64–32",
        "none",
        "relu",
        "3",
    ]
    assert settings({"lr": 0.01, "depth": 2}, ["depth", "gone"]) == "depth 2"
    assert shorten("abcdef", 4) == "abc…"


def test_cells_are_what_json_can_hold():
    found = [cell(v) for v in (np.float32(0.5), np.int64(3), math.nan, np.bool_(True), (64, 32), "x", None)]
    assert found == [0.5, 3, None, "yes", "64–32", "x", None]
