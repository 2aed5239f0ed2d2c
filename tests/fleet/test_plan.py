"""Plans: packs by compute shape, the same everywhere, bounded in memory, readable."""

import random
from dataclasses import replace

import numpy as np
import pytest
from tests.fleet.cases import mixed, table

from profunda.errors import ArgumentError, DataError
from profunda.fleet import cost
from profunda.fleet.cost import bytes_of_member, pack_limit, seconds_of_step
from profunda.fleet.member import Member
from profunda.fleet.plan import plan
from profunda.fleet.shape import canonical_width, shape_of
from profunda.fleet.source import FleetData, Source
from profunda.space.design import Design


def fleet(count=200):
    rng = random.Random(0)
    return [
        Member(
            Design(
                (rng.choice([16, 20, 64]),),
                batch_size=rng.choice([16, 32]),
                optimiser=rng.choice(["adam", "sgd"]),
            ),
            i % 2,
            i,
        )
        for i in range(count)
    ]


def test_every_member_is_in_one_pack_of_its_shape():
    members, data = fleet(), table()
    made = plan(members, data)
    assert sorted(i for pack in made.packs for i in pack.members) == list(range(200))
    for pack in made.packs:
        shapes = {shape_of(members[i], data) for i in pack.members}
        assert len(shapes) == 1
        assert shapes.pop().widths == pack.widths
        assert len(pack.members) <= 64


def test_packs_do_not_depend_on_the_machines_speed(monkeypatch):
    members, data = fleet(), table()
    quick = plan(members, data)
    monkeypatch.setattr(cost, "_MEASURED", [50.0])
    slow = plan(members, data)
    assert [p.members for p in quick.packs] == [p.members for p in slow.packs]
    assert slow.seconds > quick.seconds


def test_few_packs_are_split_so_that_threads_can_share():
    data = table()
    assert len(plan(mixed(40), data).packs) == 2
    assert len(plan(mixed(8), data).packs) == 1


def test_text_is_a_table():
    text = str(plan(mixed(8), table()))
    assert "8 networks in 1 packs · engine torch on cpu, float32" in text
    assert "MiB" in text
    assert len(text.splitlines()) == 5
    assert "linear" in str(plan([Member(Design(()))], table()))


def test_memory_of_a_pack_is_bounded():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40_000, 300)).astype(np.float32)
    index = np.arange(40_000)
    data = FleetData.from_arrays(x, index % 3, folds=[(index[:35_000], index[35_000:])], classes=True)
    members = [Member(Design((1024, 1024), batch_size=512), 0, i) for i in range(40)]
    made = plan(members, data)
    assert made.bytes <= 256 << 20
    assert len(made.packs) > 1
    assert pack_limit(shape_of(members[0], data)) < 20


def test_stacking_is_predicted_to_be_no_slower_than_a_loop():
    shape = shape_of(mixed(1)[0], table())
    assert seconds_of_step(shape, 32) < seconds_of_step(shape, 1)
    assert bytes_of_member(shape) > 4 * shape.parameters


def test_canonical_widths_grow_and_cover():
    widths = [canonical_width(w) for w in range(1, 700)]
    assert all(c >= w and c % 8 == 0 for w, c in enumerate(widths, start=1))
    assert widths == sorted(widths)
    assert canonical_width(257) == 320


def test_wrong_words_are_named():
    with pytest.raises(ArgumentError, match="engine = 'rocket' is unknown; choose one of auto, torch"):
        plan(mixed(1), table(), engine="rocket")
    with pytest.raises(ArgumentError, match="dtype = 'int8' is unknown"):
        plan(mixed(1), table(), dtype="int8")
    with pytest.raises(DataError, match=r"wants encoding 'robust', fold 5; prepared are piecewise/0"):
        plan([replace(mixed(1)[0], fold=5)], table())


def test_sources_check_their_rows():
    x, y, rows = np.zeros((4, 2), np.float32), np.zeros(4, np.int64), np.arange(4)
    with pytest.raises(DataError, match=r"x is \(4, 2\), y is \(3,\)"):
        Source(x, y[:3], rows, rows)
    with pytest.raises(DataError, match="needs training and validation rows, got 4 and 0"):
        Source(x, y, rows, rows[:0])
    with pytest.raises(DataError, match=r"valid rows must lie in 0\.\.3, got 1\.\.4"):
        Source(x, y, rows, rows + 1)
    with pytest.raises(DataError, match=r"weight needs shape \(4,\), got \(2,\)"):
        Source(x, y, rows, rows, np.ones(2))
