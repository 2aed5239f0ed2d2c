"""Batches put together, and what their rows are."""

import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles import diagnosis_tables as made

from profunda.diagnosis.inputs import kinds_of, rows_of
from profunda.diagnosis.tables import table_of

DRAW = np.random.default_rng(7)


def test_rows_are_taken_in_order_up_to_the_bound() -> None:
    x, y = torch.arange(200.0).reshape(100, 2), torch.arange(100)
    table = table_of(made.batches(x, y, 30), most=70)
    assert (table.n, table.batch, table.kind) == (70, 30, "numbers")
    assert np.array_equal(table.numbers, x[:70].numpy())
    assert table.targets is not None
    assert np.array_equal(table.targets, y[:70].numpy())
    assert table_of(made.batches(x, y, 30), size=8 * 40).n == 40


@pytest.mark.parametrize(
    ("tensor", "kind"),
    [
        (torch.zeros(4), "numbers"),
        (torch.zeros(4, 3), "numbers"),
        (torch.zeros(4, 9, 3), "numbers"),
        (torch.zeros(4, 3, 8, 8), "images"),
        (torch.zeros(4, 8, 8, 3), "images"),
        (torch.zeros(4, 1, 8, 8, dtype=torch.uint8), "images"),
        (torch.zeros(4, 64, dtype=torch.uint8), "numbers"),
        (torch.zeros(4, 9, dtype=torch.long), "tokens"),
        (torch.zeros(4, dtype=torch.int32), "tokens"),
        (torch.zeros(4, 9, dtype=torch.bool), "numbers"),
        (torch.zeros(4, 2, dtype=torch.bfloat16), "numbers"),
    ],
)
def test_kinds(tensor: torch.Tensor, kind: str) -> None:
    table = table_of([((tensor,), torch.zeros(4))])
    assert table.kind == kind
    assert rows_of(table).kind == kind


def test_several_tensors_dicts_masks_and_lengths() -> None:
    batch = ({"x": torch.ones(4, 2), "ids": torch.ones(4, 3, dtype=torch.long)}, torch.zeros(5, 5))
    other = ({"x": torch.ones(4, 2), "ids": torch.ones(4, 6, dtype=torch.long)}, torch.zeros(5, 5))
    table = table_of([(batch, torch.zeros(4)), (other, torch.zeros(4))])
    assert table.kind == "other"
    assert [part.shape for part in table.parts] == [(8, 2), (8, 6)]
    assert rows_of(table).shape == (2,)


@pytest.mark.parametrize(
    "given", [[], [((), torch.zeros(3))], [((torch.zeros(0, 3),), torch.zeros(0))], [(3, None)]]
)
def test_nothing_is_an_empty_table(given: list) -> None:
    table = table_of(given)
    found = rows_of(table)
    assert (table.n, found.seen, found.doubles, found.mean.size) == (0, 0, 0.0, 0)


def test_targets_that_are_no_tensor_are_none() -> None:
    assert table_of([((torch.zeros(4, 2),), ["a"] * 4)]).targets is None


def test_the_copy_is_ones_own() -> None:
    x, y = torch.zeros(8, 2), torch.zeros(8)
    table = table_of([((x,), y)])
    x += 1
    assert not table.numbers.any()


# Rows -----------------------------------------------------------------------------------------------


def test_columns_of_finite_numbers_and_rows_that_are_not() -> None:
    x = torch.tensor([[1.0, 2.0], [3.0, float("nan")], [5.0, 4.0], [float("inf"), 0.0]])
    found = rows_of(table_of([((x,), torch.zeros(4))]))
    assert np.allclose(found.mean, [3.0, 2.0])
    assert np.allclose(found.std, np.sqrt([8 / 3, 8 / 3]))
    assert found.least.tolist() == [1.0, 0.0]
    assert found.most.tolist() == [5.0, 4.0]
    assert found.bad == 0.5


def test_constant_columns_have_no_spread_whatever_rounding_says() -> None:
    found = rows_of(made.table(np.full((999, 2), 0.1), np.zeros(999)))
    assert found.std.tolist() == [0.0, 0.0]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(1, 3))
def test_doubles_and_conflicts_are_those_of_the_slow_twin(seed: int, n: int, width: int) -> None:
    draw = np.random.default_rng(seed)
    x, y = draw.integers(0, 3, (n, width)).astype(np.float32), draw.integers(0, 3, n)
    found = rows_of(made.table(x, y))
    assert (found.doubles, found.conflicts, found.groups) == pytest.approx(made.doubles(x, y))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("width", [2, 3, 5, 8])
def test_rows_that_coincide_in_a_grid_are_no_copies_and_rows_that_stand_twice_are(
    seed: int, width: int
) -> None:
    draw = np.random.default_rng(seed)
    skew = np.minimum(draw.geometric(0.4, (1500, width)), 6).astype(np.float32)
    again = draw.normal(size=(900, width))[draw.integers(0, 900, 1500)]  # drawn with replacement
    plain = draw.normal(size=(500, width)).astype(np.float32)
    assert not any(rows_of(made.table(x, np.zeros(len(x), int))).copied for x in (skew, again, plain))
    for x in (np.concatenate([plain, plain]), np.repeat(plain, 3, 0), np.concatenate([plain, plain[:100]])):
        assert rows_of(made.table(x, np.zeros(len(x), int))).copied


def test_conflicts_by_chance_are_those_of_dealt_out_labels() -> None:
    x, y = DRAW.integers(0, 40, (4000, 1)).astype(float), DRAW.choice(3, 4000, p=[0.6, 0.3, 0.1])
    found = rows_of(made.table(x, y))
    assert found.conflicts == pytest.approx(found.by_chance, abs=0.02)
    assert found.by_chance == pytest.approx(1 - (0.36 + 0.09 + 0.01), abs=0.02)


def test_minus_nought_is_nought_and_order_and_units_do_not_matter() -> None:
    x = np.array([[0.0, 1.0], [-0.0, 1.0], [2.0, 1.0]])
    assert rows_of(made.table(x, [0, 1, 0])).doubles == pytest.approx(2 / 3)
    assert rows_of(made.table(x[::-1].copy() * 1e6, [0, 1, 0])).doubles == pytest.approx(2 / 3)


def test_equal_real_targets_are_those_within_a_tenth_of_their_spread() -> None:
    y = np.concatenate([[1.0, 1.0001], DRAW.normal(size=200) * 5])
    kinds = kinds_of(y)
    assert kinds[0] == kinds[1]
    assert len(np.unique(kinds)) > 20


def test_common_rows_and_nearly_common_ones() -> None:
    x, new = DRAW.normal(size=(800, 6)), DRAW.normal(size=(200, 6))
    train = made.table(x, np.zeros(800))
    apart = rows_of(train, made.table(new, np.zeros(200)))
    assert (apart.common, apart.close, apart.compared) == (0.0, 0.0, 200)
    new[:50] = x[:50]
    new[50:80] = x[50:80] + 1e-4
    found = rows_of(train, made.table(new, np.zeros(200)))
    assert found.common == 0.25
    assert found.close == pytest.approx(0.15, abs=0.01)
    assert np.isnan(rows_of(train).common)


def test_rows_that_are_mostly_nought_agree_in_many_columns_and_are_no_copies() -> None:
    """Bags of words: in the columns that are looked at many different rows are all nought."""
    bags = (DRAW.uniform(size=(1500, 1200)) < 0.006).astype(float)
    found = rows_of(made.table(bags[:1000], np.zeros(1000)), made.table(bags[1000:], np.zeros(500)))
    assert found.common < 0.01
    assert found.close < 0.05


@pytest.mark.parametrize("width", [1, 2, 3])
def test_on_a_line_neighbours_are_near_by_nature(width: int) -> None:
    x = DRAW.uniform(size=(2000, width))
    found = rows_of(made.table(x[:1500], np.zeros(1500)), made.table(x[1500:], np.zeros(500)))
    assert found.close < 0.02


def test_windows_follow_from_one_another_and_rows_drawn_anew_do_not() -> None:
    series = DRAW.normal(size=1100)
    windows = np.lib.stride_tricks.sliding_window_view(series, 12)
    assert rows_of(made.table(windows, np.zeros(len(windows)))).serial > 0.8
    assert rows_of(made.table(np.sort(series)[:, None], np.zeros(1100))).serial > 0.9
    for width in (1, 12, 64, 500):
        assert rows_of(made.table(DRAW.normal(size=(300, width)), np.zeros(300))).serial < 0.05


def test_sorted_labels_are_in_order() -> None:
    y = np.repeat(np.arange(5), 100)
    x = DRAW.normal(size=(500, 2))
    assert rows_of(made.table(x, y)).ordered > 0.95
    assert rows_of(made.table(x, DRAW.permutation(y))).ordered < 0.1
    assert rows_of(made.table(x, DRAW.permutation(y)), labels=y).ordered > 0.95
    assert rows_of(made.table(x, np.zeros(500, int))).ordered == 0.0
    assert rows_of(made.table(x, np.sort(DRAW.normal(size=500)))).ordered > 0.9


def test_values_are_in_order_where_batches_differ() -> None:
    x, waves = DRAW.normal(size=(960, 2)), np.sin(np.arange(960) * 2.0 * np.pi / 16)
    assert rows_of(made.table(x, waves)).ordered == 0.0  # each batch of 32 holds two whole waves
    assert rows_of(made.table(x, waves, size=4)).ordered > 0.5
    assert rows_of(made.table(x, DRAW.normal(size=960))).ordered < 0.05
    assert rows_of(made.table(x, np.sort(waves), size=500)).ordered == 0.0  # hardly two of them


def test_finest_tells_tables_of_categories_from_those_of_measurements() -> None:
    assert rows_of(made.table(DRAW.normal(size=(500, 3)), np.zeros(500))).finest == 1.0
    assert rows_of(made.table(DRAW.integers(0, 4, (500, 6)), np.zeros(500))).finest < 0.05


def test_random_numbers_stay_and_a_wide_table_takes_a_second() -> None:
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    x = torch.randn(4096, 2000, generator=torch.Generator().manual_seed(0))
    start = time.process_time()
    rows_of(table_of(made.batches(x, torch.zeros(4096))))
    assert time.process_time() - start < 4.0
    assert torch.equal(before[0], torch.random.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])
