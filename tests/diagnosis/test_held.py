"""Validation rows beside training rows: scaled, named or copied otherwise; on both sides of every limit."""

from dataclasses import replace

import numpy as np
import pytest
from tests.oracles import diagnosis_tables as made
from tests.oracles.diagnosis_tables import severity

from profunda.diagnosis.givens import Held
from profunda.diagnosis.inputs import rows_of
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules import data, labels
from profunda.diagnosis.targets import targets_of

RULES = {rule.code: rule for rule in (*data.RULES, *labels.RULES)}
STANDARD = made.rows([0.0] * 8, [1.0] * 8, compared=300, common=0.0)


def draw(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def held(x: np.ndarray, v: np.ndarray, y: object = None, z: object = None, n: int = 0) -> Held:
    y = np.zeros(len(x), int) if y is None else y
    z = np.zeros(len(v), int) if z is None else z
    found = rows_of(made.table(x, y), made.table(v, z), n).held
    assert found is not None
    return found


def asked(code: str, kind: str = "classes", serial: float = 0.0, **more: float) -> str:
    rows = replace(STANDARD, serial=serial, held=Held(**more))
    targets = made.targets(counts=np.array([500, 500]), mean=np.zeros(1), std=np.ones(1), skill=0.5)
    record = Record(made.anatomy(), task=made.task(kind, 2), rows=rows, targets=targets)
    return severity(RULES[code](record))


# What is measured -----------------------------------------------------------------------------------


@pytest.mark.parametrize("heavy", [False, True])
def test_rows_of_one_draw_are_of_one_scale(heavy: bool) -> None:
    x = draw().normal(size=(800, 6))
    x = np.exp(2.0 * x) if heavy else x
    assert held(x[:600], x[600:]).beyond < 0.02
    assert held(x[:600], x[600:] * 255.0).beyond > 0.3
    assert held(x[:600] * 255.0, x[600:]).beyond > 0.3  # whichever was scaled


def test_targets_outside_of_the_range_and_classes_never_trained_on() -> None:
    x, y = draw().normal(size=(800, 3)), np.arange(800.0)
    assert held(x[:600], x[600:], y[:600], y[600:]).outside == 1.0
    assert held(x[::2], x[1::2], y[::2], y[1::2]).outside < 0.01
    kinds = np.repeat(np.arange(4), 200)
    assert held(x[:600], x[600:], kinds[:600], kinds[600:]).unseen == 1.0
    assert held(x[::2], x[1::2], kinds[::2], kinds[1::2]).unseen == 0.0
    assert np.isnan(held(x[:600], x[600:], kinds[:600], kinds[600:], n=9000).unseen)  # not all were seen


def test_pictures_mirrored_turned_or_moved_are_found() -> None:
    x = draw().normal(size=(200, 1, 8, 8))
    v = draw(1).normal(size=(60, 1, 8, 8))
    assert held(x, v).altered == 0.0
    for other in (x[..., ::-1], x[..., ::-1, :], np.rot90(x, 1, (2, 3)), np.roll(x, 1, 3), np.roll(x, -1, 2)):
        assert held(x, np.concatenate([v, other[:40].copy()])).altered == pytest.approx(0.4)
    flat = np.zeros_like(x)
    assert held(flat, flat[:40]).altered == 0.0  # nothing is in them that could be mirrored


def test_windows_of_one_series_overlap_where_they_were_split_at_random() -> None:
    windows = np.lib.stride_tricks.sliding_window_view(draw().normal(size=700), 12)
    order = draw().permutation(len(windows))
    assert held(windows[order[:500]], windows[order[500:]]).moved > 0.8
    assert held(windows[:500], windows[500:]).moved < 0.02
    deep = windows[..., None]
    assert held(deep[order[:500]], deep[order[500:]]).moved > 0.8


@pytest.mark.parametrize("width", [8, 64])
def test_copies_with_noise_lie_nearer_than_rows_are_by_chance(width: int) -> None:
    x, v = draw().normal(size=(600, width)), draw(1).normal(size=(200, width))
    assert held(x, v).near < 0.02
    found = held(x, np.concatenate([v[:100], x[:100] + 0.1 * v[100:]]))
    assert found.near > 0.45
    assert found.dimensions > 6.0
    assert held(x, x[:100]).near == 0.0  # equal ones are told apart from these


def test_columns_that_are_others_again_are_counted() -> None:
    x = draw().normal(size=(300, 4))
    assert rows_of(made.table(x, np.zeros(300))).repeated == 0.0
    again = np.concatenate([x, 3.0 - 2.0 * x], 1)
    assert rows_of(made.table(again, np.zeros(300))).repeated == pytest.approx(0.5)


# What is told ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "kind", "more", "expected"),
    [
        ("inputs-unscaled", "classes", {"beyond": 0.31}, "fault"),
        ("inputs-unscaled", "classes", {"beyond": 0.11}, "hint"),
        ("inputs-unscaled", "classes", {"beyond": 0.09}, "clear"),
        ("targets-unscaled", "values", {"outside": 0.51}, "fault"),
        ("targets-unscaled", "values", {"outside": 0.49}, "not enough evidence"),
        ("targets-unscaled", "values", {"outside": 0.9, "serial": 0.2}, "not enough evidence"),
        ("class-imbalance", "classes", {"unseen": 0.06}, "fault"),
        ("class-imbalance", "classes", {"unseen": 0.04}, "clear"),
        ("rows-leak", "classes", {"altered": 0.06}, "hint"),
        ("rows-leak", "classes", {"altered": 0.04}, "clear"),
        ("rows-leak", "classes", {"near": 0.26, "dimensions": 7.0}, "hint"),
        ("rows-leak", "classes", {"near": 0.24, "dimensions": 7.0}, "clear"),
        ("rows-leak", "classes", {"near": 0.26, "dimensions": 5.0}, "clear"),
        ("rows-leak", "classes", {"moved": 0.26}, "hint"),
        ("rows-leak", "classes", {"moved": 0.24}, "clear"),
    ],
)
def test_limits(code: str, kind: str, more: dict[str, float], expected: str) -> None:
    assert asked(code, kind, **more) == expected


@pytest.mark.parametrize(("share", "expected"), [(0.51, "hint"), (0.49, "clear")])
def test_columns_that_say_nothing_more_are_a_question(share: float, expected: str) -> None:
    rule = RULES["inputs-constant"]
    assert severity(rule(made.record(rows=replace(STANDARD, repeated=share)))) == expected
    same = round(100 * share)
    rows = made.rows([1.0] * 100, [0.0] * same + [1.0] * (100 - same))
    assert severity(rule(made.record(rows=rows))) == expected
    nought = made.rows([0.0] * 100, [0.0] * same + [1.0] * (100 - same))
    assert severity(rule(made.record(rows=nought))) == "clear"  # columns that have not occurred yet


@pytest.mark.parametrize("names", [(0, 1, 2), (2, 0, 1), (0, 2, 1)])
def test_classes_named_otherwise_are_told(names: tuple[int, ...]) -> None:
    x, y = draw().normal(size=(900, 4)), draw(1).integers(3, size=900)
    x[np.arange(900), y] += 2.5
    train, valid = made.table(x[:600], y[:600]), made.table(x[600:], np.array(names)[y[600:]])
    task = made.task("classes", 3)
    found = targets_of(train, task, valid)
    told = severity(RULES["labels-unrelated"](made.record(targets=found, task=task)))
    assert told == ("clear" if names == (0, 1, 2) else "fault")
    assert found.renamed > 0.8


def test_neighbours_of_the_other_class_are_no_other_names() -> None:
    """On a lattice whose colours alternate the nearest rows are of the other one."""
    at = np.stack(np.meshgrid(np.arange(30.0), np.arange(30.0)), -1).reshape(-1, 2)
    x, y = at + 0.05 * draw().normal(size=at.shape), (at.sum(1) % 2).astype(int)
    order = draw().permutation(len(x))
    x, y = x[order], y[order]
    task = made.task("classes", 2)
    found = targets_of(made.table(x[:600], y[:600]), task, made.table(x[600:], y[600:]))
    assert found.renamed - found.named < 0.15
