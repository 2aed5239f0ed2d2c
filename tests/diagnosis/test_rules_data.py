"""Rules of the area data, on both sides of every limit."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles import diagnosis_tables as made
from tests.oracles.diagnosis_tables import severity

from profunda.diagnosis.codes import CODES
from profunda.diagnosis.finding import Answer, Change, Silence
from profunda.diagnosis.givens import Held, Loss, Op
from profunda.diagnosis.readers import left_out
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules import data
from profunda.diagnosis.rules.reached import reached

NAMES = {rule.code: rule for rule in data.RULES}
STANDARD = made.rows([0.0] * 8, [1.0] * 8)


def asked(code: str, record: Record) -> Answer:
    return NAMES[code](record)


def test_every_code_of_the_area_has_its_rule_in_the_order_of_the_table() -> None:
    assert [rule.code for rule in data.RULES] == [code.name for code in CODES.values() if code.area == "data"]


@pytest.mark.parametrize("rule", data.RULES)
def test_an_empty_record_is_not_applicable(rule) -> None:
    assert severity(rule(Record(made.anatomy()))) == "not applicable"


# Inputs' size ---------------------------------------------------------------------------------------

FAILED, FINE, NEW = 0.02, 0.8, None


@pytest.mark.parametrize(
    ("mean", "std", "learnt", "expected"),
    [
        ([0.0] * 8, [1.0] * 8, FAILED, "clear"),  # standardised
        ([0.13] * 64, [0.3] * 64, FAILED, "clear"),  # pixels 0 to 1
        ([5.0] * 8, [6.0] * 8, FAILED, "clear"),  # pixels 0 to 16
        ([33.0] * 64, [78.0] * 64, FAILED, "fault"),  # pixels 0 to 255
        ([33.0] * 64, [78.0] * 64, FINE, "hint"),
        ([33.0] * 64, [78.0] * 64, NEW, "hint"),
        ([0.0] * 8, [9.9] * 8, FAILED, "clear"),
        ([0.0] * 8, [10.1] * 8, FAILED, "fault"),
        ([0.0] * 8, [29.0] * 8, FINE, "clear"),
        ([0.0] * 8, [31.0] * 8, FINE, "hint"),
        ([0.0] * 7 + [29.0], [1.0] * 8, FAILED, "fault"),  # its size is above 10 for all
        ([0.0] * 63 + [28.0], [1.0] * 64, FAILED, "clear"),
        ([0.0] * 63 + [31.0], [1.0] * 64, FAILED, "fault"),
        ([0.0] * 63 + [99.0], [1.0] * 64, FINE, "clear"),
        ([0.0] * 63 + [101.0], [1.0] * 64, FINE, "hint"),
        ([5.0] * 8, [0.51] * 8, FAILED, "clear"),  # mean over spread
        ([5.0] * 8, [0.49] * 8, FAILED, "fault"),
        ([1.0] * 8, [0.05] * 8, FINE, "clear"),
        ([1.0] * 8, [0.05] * 8, FAILED, "clear"),
        ([0.0] * 8, [1.0] * 7 + [0.9e-3], FAILED, "fault"),  # uneven
        ([0.0] * 8, [1.0] * 7 + [1.1e-3], FAILED, "clear"),
        ([0.0] * 8, [1.0] * 7 + [0.9e-3], FINE, "clear"),
        ([0.0] * 8, [1.0] * 7 + [0.0], FAILED, "clear"),
    ],
)
def test_inputs_unscaled(mean: list[float], std: list[float], learnt: float | None, expected: str) -> None:
    assert severity(asked("inputs-unscaled", made.record(learnt, rows=made.rows(mean, std)))) == expected


def test_rare_columns_of_two_numbers_and_sparse_counts_are_of_no_other_unit() -> None:
    share = 1e-7
    rare = made.rows([0.0, share], [1.0, np.sqrt(share * (1 - share))], least=np.array([-3.0, 0.0]),
                     most=np.array([3.0, 1.0]))  # fmt: skip
    assert severity(asked("inputs-unscaled", made.record(FAILED, rows=rare))) == "clear"
    counts = replace(rare, mean=np.array([0.0, 1e-5]), std=np.array([1.0, 5e-4]), most=np.array([3.0, 4.0]))
    assert severity(asked("inputs-unscaled", made.record(FAILED, rows=counts))) == "clear"


@pytest.mark.parametrize(
    "before", [Op("n", "norm", "batch_norm", (2, 4)), Op("div in ", "other", "div", (2, 4))]
)
def test_inputs_that_the_network_scales_itself_have_no_size(before: Op) -> None:
    rows = made.rows([0.0] * 8, [100.0] * 8)
    record = made.record(FAILED, rows=rows, anatomy=made.anatomy(before))
    assert severity(asked("inputs-unscaled", record)) == "not applicable"
    assert severity(asked("inputs-scaled-twice", record)) == "not applicable"
    behind = made.record(FAILED, rows=rows, anatomy=made.anatomy(norm="batch_norm"))
    assert severity(asked("inputs-unscaled", behind)) == "not applicable"
    tokens = made.record(FAILED, rows=replace(rows, kind="tokens"))
    assert severity(asked("inputs-unscaled", tokens)) == "not applicable"


def test_a_huge_column_that_never_differs_outweighs_the_others() -> None:
    rows = made.rows([0.0] * 4 + [1.6e9], [1.0] * 4 + [0.0])
    assert severity(asked("inputs-unscaled", made.record(FAILED, rows=rows))) == "fault"
    normed = made.record(FAILED, rows=rows, anatomy=made.anatomy(norm="layer_norm"))
    assert severity(asked("inputs-unscaled", normed)) == "fault"


def test_doses_of_a_trial_on_both_sides_of_a_split_are_no_leak() -> None:
    draw = np.random.default_rng(0)
    x = draw.integers(0, 7, (500, 1)).astype(np.float32)
    y = draw.normal(size=500).astype(np.float32)
    rows = made.rows_of(made.table(x[:375], y[:375]), made.table(x[375:], y[375:]))
    assert severity(asked("rows-leak", made.record(rows=rows))) == "clear"


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6)), min_size=2, max_size=20),
    st.integers(0, 99),
)
def test_standardised_columns_are_clear_whatever_their_units_were(
    units: list[tuple[float, float]], seed: int
) -> None:
    draw = np.random.default_rng(seed)
    x = draw.standard_t(3, (500, len(units))) * [unit for _, unit in units] + [mean for mean, _ in units]
    scaled = (x - x.mean(0)) / x.std(0)
    rows = made.measured(scaled, np.zeros(500), made.task("values"))[0]
    for learnt in (FAILED, FINE, NEW):
        for code in ("inputs-unscaled", "inputs-scaled-twice", "inputs-constant", "inputs-not-finite"):
            assert severity(asked(code, made.record(learnt, rows=rows))) == "clear"


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(8)), st.lists(st.sampled_from([-1.0, 1.0]), min_size=8, max_size=8))
def test_the_order_and_signs_of_columns_do_not_matter(order: list[int], signs: list[float]) -> None:
    mean, std = np.array([0.0, 50, 3, 1, 9, 0, 2, 1]), np.array([1.0, 20, 1, 4, 1, 1, 1, 0.5])
    plain = asked("inputs-unscaled", made.record(FAILED, rows=made.rows(mean, std)))
    turned = made.rows((mean * signs)[order], std[order])
    other = asked("inputs-unscaled", made.record(FAILED, rows=turned))
    assert not isinstance(plain, Silence)
    assert not isinstance(other, Silence)
    assert [one.value for one in plain[0].evidence] == pytest.approx([one.value for one in other[0].evidence])


@pytest.mark.parametrize(
    ("mean", "std", "learnt", "expected"),
    [
        (0.0005, 0.0013, FAILED, "fault"),  # 0 to 255, divided twice
        (0.0005, 0.0013, FINE, "hint"),
        (-1.0, 0.004, NEW, "hint"),  # and moved by a half
        (0.0, 0.019, FINE, "hint"),
        (0.0, 0.038, FAILED, "clear"),
        (0.0, 1.0, FAILED, "clear"),
    ],
)
def test_inputs_scaled_twice(mean: float, std: float, learnt: float | None, expected: str) -> None:
    rows = made.rows([mean] * 64, [std] * 64)
    assert severity(asked("inputs-scaled-twice", made.record(learnt, rows=rows))) == expected
    wide = replace(rows, mean=np.zeros(64), most=np.full(64, 0.5))
    assert severity(asked("inputs-scaled-twice", made.record(learnt, rows=wide))) == "clear"


@pytest.mark.parametrize(
    ("std", "columns", "learnt", "expected"),
    [
        (0.047, 10, FAILED, "fault"),  # columns of unit length over 442 rows
        (0.047, 10, NEW, "hint"),
        (0.047, 10, 0.5, "hint"),
        (0.047, 10, 0.81, "clear"),  # the network made up for it
        (0.047, 64, FAILED, "clear"),  # rows of a length like a bias's
        (0.101, 1, FAILED, "clear"),
        (0.099, 1, FAILED, "fault"),
    ],
)
def test_faint_inputs_are_a_question_that_learning_answers(
    std: float, columns: int, learnt: float | None, expected: str
) -> None:
    record = made.record(learnt, rows=made.rows([0.0] * columns, [std] * columns))
    assert severity(asked("inputs-scaled-twice", record)) == expected


@pytest.mark.parametrize(
    ("before", "norm", "learnt", "expected"),
    [
        ((), "layer_norm", FAILED, "fault"),
        ((), "batch_norm", NEW, "hint"),
        ((), "layer_norm", 0.9, "not applicable"),
        ((Op("n", "norm", "layer_norm", (2, 4)),), "", FAILED, "fault"),
        ((Op("n", "norm", "batch_norm", (2, 4)),), "", FAILED, "not applicable"),
        ((Op("div in ", "other", "div", (2, 4)),), "layer_norm", FAILED, "not applicable"),
    ],
)
def test_a_norm_over_columns_leaves_them_as_uneven_as_they_are(
    before: tuple[Op, ...], norm: str, learnt: float | None, expected: str
) -> None:
    rows = made.rows([0.0] * 6 + [1.5e9], [1.0] * 6 + [6e7])
    record = made.record(learnt, rows=rows, anatomy=made.anatomy(*before, norm=norm))
    assert severity(asked("inputs-unscaled", record)) == expected
    even = replace(record, rows=made.rows([0.0] * 7, [500.0] * 7))
    assert severity(asked("inputs-unscaled", even)) == "not applicable"


@pytest.mark.parametrize(
    ("mean", "std", "twice", "unscaled"),
    [
        ([-6.0] * 8, [0.19] * 8, "hint", "clear"),  # far off by more than 30 spreads: taken off twice
        ([-6.0] * 8, [0.21] * 8, "clear", "clear"),
        ([-9.9] * 8, [0.29] * 8, "hint", "clear"),
        ([-10.1] * 8, [0.31] * 8, "clear", "hint"),  # as measured
        ([-10.1] * 8, [0.29] * 8, "clear", "hint"),
        ([2.0] * 3, [0.17] * 3, "hint", "clear"),  # shorter than 0.3 beside an offset above 10
        ([2.0] * 3, [0.21] * 3, "clear", "clear"),
        ([1.6] * 3, [0.17] * 3, "clear", "clear"),
        ([-6.2] * 5 + [0.0] * 3, [0.2] * 5 + [1.0] * 3, "clear", "hint"),  # most columns, whatever others do
        ([-5.8] * 5 + [0.0] * 3, [0.2] * 5 + [1.0] * 3, "clear", "clear"),
        ([-6.2] * 4 + [0.0] * 4, [0.2] * 4 + [1.0] * 4, "clear", "clear"),
    ],
)
def test_columns_far_from_nought_were_scaled_again_or_never(
    mean: list[float], std: list[float], twice: str, unscaled: str
) -> None:
    record = made.record(NEW, rows=made.rows(mean, std))
    assert severity(asked("inputs-scaled-twice", record)) == twice
    assert severity(asked("inputs-unscaled", record)) == unscaled


LAYER, BATCH = (Op("n", "norm", one, (2, 4)) for one in ("layer_norm", "batch_norm"))
EVEN, ODD, TINY = ([-6.0] * 8, [0.1] * 8), ([-6.0, 6.0] * 4, [0.1] * 8), ([0.0] * 8, [0.004] * 8)


@pytest.mark.parametrize(
    ("columns", "before", "norm", "learnt", "expected"),
    [
        (EVEN, (), "layer_norm", NEW, "hint"),  # a norm of each row leaves what rows have in common
        (EVEN, (), "layer_norm", FAILED, "fault"),
        (EVEN, (), "layer_norm", 0.9, "hint"),
        (EVEN, (), "batch_norm", NEW, "not applicable"),
        (EVEN, (), "instance_norm", NEW, "not applicable"),
        (EVEN, (BATCH,), "", NEW, "not applicable"),
        (EVEN, (LAYER,), "", NEW, "not applicable"),  # what columns have in common it takes away
        (ODD, (LAYER,), "", NEW, "hint"),
        (TINY, (), "layer_norm", NEW, "hint"),  # the bias stands beside them
        (TINY, (), "layer_norm", 0.9, "not applicable"),
        (TINY, (), "batch_norm", NEW, "not applicable"),
        (TINY, (LAYER,), "", NEW, "not applicable"),
    ],
)
def test_a_norm_of_each_row_mends_neither_an_offset_nor_what_a_bias_outweighs(
    columns: tuple[list[float], list[float]],
    before: tuple[Op, ...],
    norm: str,
    learnt: float | None,
    expected: str,
) -> None:
    record = made.record(learnt, rows=made.rows(*columns), anatomy=made.anatomy(*before, norm=norm))
    assert severity(asked("inputs-scaled-twice", record)) == expected


def test_without_a_bias_a_norm_of_each_row_mends_small_inputs() -> None:
    anatomy = made.anatomy(norm="layer_norm")
    bare = replace(anatomy, layers=(replace(anatomy.layers[0], parameters=32),))
    record = made.record(NEW, rows=made.rows(*TINY), anatomy=bare)
    assert severity(asked("inputs-scaled-twice", record)) == "not applicable"


# Constant and not finite ----------------------------------------------------------------------------


def test_inputs_constant() -> None:
    still = made.record(FINE, rows=made.rows([1.0] * 4, [0.0] * 4))
    assert severity(asked("inputs-constant", still)) == "fault"
    assert severity(asked("inputs-scaled-twice", still)) == "not applicable"
    most = made.rows([1.0] * 20, [0.0] * 19 + [1.0])
    assert severity(asked("inputs-constant", made.record(FINE, rows=most))) == "hint"
    assert severity(asked("inputs-constant", made.record(FINE, rows=replace(most, kind="images")))) == "clear"
    some = made.rows([0.0] * 20, [0.0] * 17 + [1.0] * 3)
    assert severity(asked("inputs-constant", made.record(FINE, rows=some))) == "clear"


def test_numbers_that_are_not_finite_are_a_fault_unless_training_shows_that_they_are_dealt_with() -> None:
    bad = replace(STANDARD, bad=0.01)
    inputs, targets = made.record(rows=bad), made.record(rows=STANDARD, targets=made.targets(bad=0.01))
    assert severity(asked("inputs-not-finite", inputs)) == "fault"
    assert severity(asked("targets-not-finite", targets)) == "fault"
    assert severity(asked("inputs-not-finite", made.record(rows=STANDARD))) == "clear"
    stood = made.record(FINE, rows=bad, targets=made.targets(bad=0.01))
    assert severity(asked("inputs-not-finite", stood)) == "clear"
    assert severity(asked("targets-not-finite", stood)) == "clear"
    broken = replace(stood, course=made.course([1.0] * 50 + [np.nan] * 50, broken_step=50))
    assert severity(asked("inputs-not-finite", broken)) == "fault"
    assert severity(asked("targets-not-finite", broken)) == "fault"
    outside = made.record(targets=made.targets(bad=0.01, outside=0.01))
    assert severity(asked("targets-not-finite", outside)) == "clear"


@pytest.mark.parametrize(("sunken", "words"), [(0.2, "log1p"), (0.181, "log1p"), (0.179, "Drop")])
def test_logarithms_of_nought_are_more_than_rows_to_drop(sunken: float, words: str) -> None:
    answer = asked("targets-not-finite", made.record(targets=made.targets(bad=0.2, sunken=sunken)))
    assert isinstance(answer, tuple)
    (found,) = answer
    assert words in found.remedy
    told = left_out((Change("rows", word="finite"),), made.targets(bad=0.2, sunken=sunken))
    assert len(told) == 1
    assert left_out((Change("rows", word="finite"),), made.targets(bad=0.2)) == ()
    assert left_out((Change("scaling", word="inputs"),), made.targets(bad=0.2, sunken=sunken)) == ()


# Targets' size --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mean", "std", "learnt", "expected"),
    [
        (0.0, 1.0, FAILED, "clear"),
        (36.0, 17.0, FINE, "clear"),
        (36.0, 17.0, FAILED, "fault"),
        (0.0, 9.9, FAILED, "clear"),
        (0.0, 10.1, FAILED, "fault"),
        (0.0, 99.0, FINE, "clear"),
        (2e5, 8e4, FINE, "hint"),
        (2e5, 8e4, NEW, "hint"),
        (0.0, 0.004, FAILED, "fault"),
        (0.0, 0.006, FAILED, "clear"),
        (0.0, 0.004, FINE, "clear"),
        (0.0, 0.0004, FINE, "hint"),
    ],
)
def test_targets_unscaled(mean: float, std: float, learnt: float | None, expected: str) -> None:
    targets = made.targets(mean=np.array([mean]), std=np.array([std]))
    record = made.record(
        learnt, targets=targets, task=made.task("values"), loss=Loss("L1Loss", "mae", trivial=1.0)
    )
    assert severity(asked("targets-unscaled", record)) == expected
    ours = replace(record, loss=Loss("own", "poisson", trivial=1.0))
    assert severity(asked("targets-unscaled", ours)) == "not applicable"


def test_outputs_that_begin_huge_do_not_make_targets_of_size_one_small() -> None:
    targets = made.targets(mean=np.array([0.0]), std=np.array([1.0]))
    first = replace(made.survey(0, 9e4), output_size=300.0)
    record = made.record(
        FAILED, targets=targets, task=made.task("values"), loss=Loss("MSELoss", "mse", trivial=1.0)
    )
    assert (
        severity(asked("targets-unscaled", replace(record, surveys=(first, *record.surveys[1:])))) == "clear"
    )


def test_a_loss_that_scales_targets_itself_has_no_targets_to_be_scaled() -> None:
    targets = made.targets(mean=np.array([2e5]), std=np.array([8e4]))
    record = made.record(
        FAILED, targets=targets, task=made.task("values"), loss=Loss("own", "mse", trivial=1.0)
    )
    assert severity(asked("targets-unscaled", record)) == "not applicable"
    plain = replace(record, loss=Loss("MSELoss", "mse", trivial=6.4e9), surveys=(made.survey(0, 4.6e10),))
    assert severity(asked("targets-unscaled", plain)) == "hint"


# Leaks ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("doubles", "common", "close", "finest", "expected"),
    [
        (0.0, 0.0, 0.0, 1.0, "clear"),
        (0.0, 0.2, 0.0, 1.0, "fault"),
        (0.0, 0.0, 0.2, 1.0, "fault"),
        (0.0, 0.04, 0.0, 1.0, "hint"),
        (0.0, 0.009, 0.0, 1.0, "clear"),
        (0.3, 0.3, 0.0, 0.01, "clear"),  # categories: twins are natural
        (0.3, 0.5, 0.0, 0.01, "fault"),
        (0.3, 0.3, 0.0, 1.0, "fault"),  # measurements: rows were copied before the split
        (0.04, 0.05, 0.0, 1.0, "clear"),
        (0.3, 0.0, 0.0, 1.0, "clear"),  # copied after the split
    ],
)
def test_rows_leak(doubles: float, common: float, close: float, finest: float, expected: str) -> None:
    rows = replace(STANDARD, doubles=doubles, common=common, close=close, finest=finest, compared=500)
    assert severity(asked("rows-leak", made.record(rows=rows))) == expected
    few = replace(rows, compared=8)
    assert severity(asked("rows-leak", made.record(rows=few))) in ("clear", expected)
    assert severity(asked("rows-leak", made.record(rows=STANDARD))) == "not applicable"


@pytest.mark.parametrize("seed", range(5))
def test_splits_of_small_tables_of_categories_do_not_leak(seed: int) -> None:
    draw = np.random.default_rng(seed)
    for width in (3, 6, 9):
        x = draw.choice(3, (1000, width), p=[0.7, 0.2, 0.1])
        rows = made.rows_of(made.table(x[:700], np.zeros(700)), made.table(x[700:], np.zeros(300)))
        assert severity(asked("rows-leak", made.record(rows=rows))) == "clear"


def split(x: np.ndarray, seed: int) -> Record:
    order = np.random.default_rng(seed).permutation(len(x))
    train, valid = (made.table(x[part], np.zeros(len(part))) for part in (order[200:], order[:200]))
    return made.record(rows=made.rows_of(train, valid))


@pytest.mark.parametrize("seed", range(3))
def test_rows_copied_or_drawn_anew_before_the_split_leak_though_no_column_is_fine(seed: int) -> None:
    draw = np.random.default_rng(seed)
    x = draw.integers(0, 17, (600, 40))
    rare = np.arange(40)
    for copied in (
        np.repeat(x, 3, 0),
        np.concatenate([x, np.repeat(x[rare], 9, 0)]),
        np.concatenate([x, x[draw.choice(rare, 400)]]),
        x[draw.choice(600, 900)],
    ):
        assert severity(asked("rows-leak", split(copied, seed))) == "fault"


@pytest.mark.parametrize("seed", range(3))
def test_all_rows_that_there_can_be_are_no_leak(seed: int) -> None:
    draw = np.random.default_rng(seed)
    truths = np.stack(np.meshgrid(*[[0, 1]] * 7), -1).reshape(-1, 7)
    bars = np.concatenate([np.repeat(np.eye(8), 8, 1), np.tile(np.eye(8), 8)])
    for x in (np.repeat(truths, 8, 0), draw.integers(0, 2, (900, 7)), bars[draw.integers(0, 16, 900)]):
        assert severity(asked("rows-leak", split(x, seed))) == "clear"


def melodies(seed: int, n: int = 900) -> np.ndarray:
    """Notes that follow from the two before them, but for one in 25: half of all rows occur twice."""
    draw = np.random.default_rng(seed)
    notes = np.zeros((n, 16), int)
    notes[:, :2] = draw.integers(12, size=(n, 2))
    for at in range(2, 16):
        step = (2 * notes[:, at - 1] + notes[:, at - 2] + 1) % 12
        notes[:, at] = np.where(draw.random(n) < 0.04, draw.integers(12, size=n), step)
    return notes


@pytest.mark.parametrize("seed", range(3))
def test_rows_that_coincide_in_parts_coincide_as_a_whole_by_nature(seed: int) -> None:
    draw = np.random.default_rng(seed)
    for kind in (np.int64, np.float32):
        assert severity(asked("rows-leak", split(melodies(seed).astype(kind), seed))) == "clear"
    words = draw.integers(0, 12, (600, 16))
    assert severity(asked("rows-leak", split(words[draw.integers(600, size=900)], seed))) == "fault"


def test_windows_that_coincide_as_they_stand_say_nothing_where_they_are_moved() -> None:
    for doubles, expected in ((0.1, "hint"), (0.2, "clear")):
        rows = replace(STANDARD, doubles=doubles, common=doubles, compared=500, finest=0.01)
        rows = replace(rows, held=Held(moved=0.3))
        assert severity(asked("rows-leak", made.record(rows=rows))) == expected


# A class left out -----------------------------------------------------------------------------------


def imbalanced(recall: list[float], told: list[float], learnt: float, **more: object) -> Record:
    targets = made.targets(
        counts=np.array([1900, 100]), told=np.array(told), rows=2000, skill=0.4, skill_error=0.02, **more
    )
    shown = made.record(learnt, targets=targets, task=made.task("classes", 2))
    return replace(shown, surveys=(shown.surveys[0], replace(shown.surveys[1], recall=np.array(recall))))


@pytest.mark.parametrize(
    ("recall", "told", "learnt", "expected"),
    [
        ([1.0, 0.0], [0.9, 0.9], 0.02, "fault"),
        ([1.0, 0.0], [0.9, 0.9], 0.3, "hint"),
        ([1.0, 0.06], [0.9, 0.9], 0.02, "hint"),
        ([1.0, 0.59], [0.9, 0.9], 0.9, "hint"),  # misses a third of what can be told
        ([1.0, 0.61], [0.9, 0.9], 0.9, "clear"),
        ([1.0, 0.0], [0.6, 0.5], 0.02, "clear"),
        ([1.0, np.nan], [0.9, 0.9], 0.02, "clear"),
        ([0.0, 1.0], [0.9, 0.9], 0.02, "clear"),  # the frequent one
        ([1.0, 0.0], [], 0.02, "not enough evidence"),
    ],
)
def test_class_imbalance(recall: list[float], told: list[float], learnt: float, expected: str) -> None:
    assert severity(asked("class-imbalance", imbalanced(recall, told, learnt))) == expected


def test_classes_of_like_size_or_without_training_are_not_left_out() -> None:
    even = imbalanced([1.0, 0.0], [0.9, 0.9], 0.02)
    assert even.targets is not None
    even = replace(even, targets=replace(even.targets, counts=np.array([1500, 500])))
    assert severity(asked("class-imbalance", even)) == "clear"
    fresh = replace(imbalanced([1.0, 0.0], [0.9, 0.9], 0.02), surveys=(made.survey(0),))
    assert severity(asked("class-imbalance", fresh)) == "not enough evidence"


def test_a_network_that_still_learns_may_yet_tell_the_rare_class() -> None:
    record = imbalanced([1.0, 0.0], [0.9, 0.9], 0.02)
    falling = replace(record, course=made.course(np.linspace(3.0, 0.98, 100).tolist()))
    assert severity(asked("class-imbalance", falling)) == "not enough evidence"


@pytest.mark.parametrize(
    ("weights", "finished", "expected"),
    [
        ((1.0, 1.0), False, "hint"),
        ((1.0, 19.0), False, "not enough evidence"),  # weighted for it
        ((), False, "not enough evidence"),
        ((1.0, 1.0), True, "not enough evidence"),  # a run of a few steps: nobody knows what becomes of it
    ],
)
def test_before_training_a_rare_class_is_a_question_unless_the_loss_weighs_it(
    weights: tuple[float, ...], finished: bool, expected: str
) -> None:
    record = imbalanced([1.0, 0.0], [0.9, 0.9], 0.02)
    short = replace(made.course([0.7] * 5), finished=finished)
    loss = Loss("", "cross-entropy", "logits", 1, weights=weights, value=0.7, trivial=0.2)
    fresh = replace(record, surveys=(made.survey(0),), course=short, loss=loss)
    assert severity(asked("class-imbalance", fresh)) == expected
    learning = replace(
        record, course=made.course(np.linspace(3.0, 0.98, 100).tolist()), loss=replace(loss, trivial=1.0)
    )
    assert severity(asked("class-imbalance", learning)) == (
        "hint" if weights == (1.0, 1.0) else "not enough evidence"
    )


def test_a_score_that_is_the_frequent_class_share_tells_what_is_said() -> None:
    record = imbalanced([], [0.9, 0.9], 0.02)
    assert severity(asked("class-imbalance", record)) == "not applicable"
    said = replace(record, surveys=(replace(record.surveys[1], train_score=0.95),))
    assert severity(asked("class-imbalance", said)) == "fault"


# Real tables ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", made.TABLES)
def test_bundled_tables_are_clear(name: str) -> None:
    x, y, task = made.bundled(name)
    cut = 3 * len(x) // 4
    rows = made.rows_of(made.table(x[:cut], y[:cut]), made.table(x[cut:], y[cut:]))
    targets = made.targets_of(made.table(x[:cut], y[:cut]), task)
    scale = 1.0 if task.kind == "values" else 0.6
    for learnt in (FAILED, FINE, NEW):
        record = made.record(
            learnt, rows=rows, targets=targets, task=task, loss=Loss("", "mse", trivial=scale)
        )
        for rule in data.RULES:
            assert severity(rule(record)) in ("clear", "not applicable", "not enough evidence"), rule.code


def test_what_was_reached_is_half_of_what_is_easy_or_next_to_nothing() -> None:
    easy = made.targets(skill=0.6, skill_error=0.05)
    assert reached(made.record(0.24, targets=easy)).failed
    assert not reached(made.record(0.26, targets=easy)).failed
    assert not reached(made.record(0.26)).failed
    assert not reached(made.record(None)).failed
    broken = replace(made.record(0.9), course=made.course([1.0] * 50 + [np.nan] * 50, broken_step=50))
    assert reached(broken).failed
    assert reached(broken).harm == 1.0
