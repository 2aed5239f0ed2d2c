"""The journal: what is acknowledged is kept, what is torn is dropped, what is damaged is refused."""

import errno
import math
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.journal import read_lines, write_lines

from profunda.errors import ArgumentError, RunError
from profunda.journal import arrays as arrays_module
from profunda.journal import line as line_module
from profunda.journal import record as record_module
from profunda.journal.durable import write_durably
from profunda.journal.record import Journal, kind_of, read_journal

HEADER = {"kind": "objective", "seed": 3}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    with Journal.create(tmp_path / "run", HEADER) as journal:
        for number in range(4):
            journal.append("trial", number=number, value=number / 3)
    return tmp_path / "run"


def numbers(folder: Path) -> list[int]:
    return [record.data["number"] for record in read_journal(folder).records]


def test_records_come_back_in_order_and_can_be_continued(run: Path) -> None:
    with Journal.open(run) as journal:
        assert journal.header == {"kind": "objective", "seed": 3, "format": 1}
        assert journal.notices == ()
        journal.append("stop", number=4, why="enough")
        assert [r.kind for r in journal.records()] == ["trial"] * 4 + ["stop"]
    assert numbers(run) == [0, 1, 2, 3, 4]
    assert kind_of(run) == "objective"


def test_the_naive_reader_agrees(run: Path) -> None:
    entries = read_lines(run / "journal.jsonl")
    assert entries[0] == ("header", {"kind": "objective", "seed": 3, "format": 1})
    reading = read_journal(run)
    assert entries[1:] == [(r.kind, r.data) for r in reading.records]


def test_the_naive_reader_finds_a_changed_byte(run: Path) -> None:
    path = run / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"number":2', b'"number":7'))
    with pytest.raises(ValueError, match="checksum of line 4"):
        read_lines(path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
).filter(lambda value: "$float" not in repr(value))


def same(left: object, right: object) -> bool:
    return repr(left) == repr(right)  # tells nan, -0.0, 1 and True apart


@settings(max_examples=60, deadline=None)
@given(
    data=st.dictionaries(
        st.text(min_size=1, max_size=6).filter(lambda k: k != "$float"), json_values, max_size=4
    )
)
def test_any_json_data_survive(data: dict, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("any") / "run"
    with Journal.create(folder, {**HEADER, "more": data}) as journal:
        journal.append("x", **data)
        assert same(dict(journal.records()[0].data), data)
    reading = read_journal(folder)
    assert same(dict(reading.records[0].data), data)
    assert same(reading.header["more"], data)


def test_numpy_scalars_and_tuples_become_plain(tmp_path: Path) -> None:
    with Journal.create(tmp_path / "run", HEADER) as journal:
        journal.append("x", a=np.float32(0.5), b=np.int64(3), c=(1, np.nan), d=np.bool_(True))
        data = journal.records()[0].data
    assert data["a"] == 0.5
    assert type(data["b"]) is int
    assert data["c"][0] == 1
    assert math.isnan(data["c"][1])
    assert data["d"] is True


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"path": Path("x")}, r"data\.path is a PosixPath, which JSON cannot hold"),
        ({"a": [{"b": {1: 2}}]}, r"data\.a\[0\]\.b has the key 1, but JSON knows only text"),
        ({"a": {"$float": "nan"}}, r"data\.a has '\$float' as its only key"),
        ({"a": np.zeros(2)}, r"data\.a is a ndarray.*`store`"),
    ],
)
def test_what_json_cannot_hold_is_refused_by_place(tmp_path: Path, data: dict, text: str) -> None:
    with Journal.create(tmp_path / "run", HEADER) as journal:
        with pytest.raises(ArgumentError, match=text):
            journal.append("x", **data)
        journal.append("y")
        assert [r.kind for r in journal.records()] == ["y"]


def test_a_header_needs_a_kind(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="needs a text as its kind; got None"):
        Journal.create(tmp_path / "run", {"seed": 1})
    assert not (tmp_path / "run").exists()


# --- torn and damaged ---


def test_every_cut_of_the_last_line_loses_that_record_alone(run: Path) -> None:
    path = run / "journal.jsonl"
    whole = path.read_bytes()
    start = whole[:-1].rindex(b"\n") + 1
    for cut in range(start, len(whole)):
        path.write_bytes(whole[:cut])
        reading = read_journal(run)
        assert [r.data["number"] for r in reading.records] == [0, 1, 2]
        assert bool(reading.notices) == (cut > start)
    assert reading.notices[0].code == "torn-record"
    assert "line 5, was dropped: it breaks off" in reading.notices[0].text


def test_writing_goes_on_after_a_torn_line(run: Path) -> None:
    path = run / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:-7])
    with Journal.open(run) as journal:
        assert len(journal.notices) == 1
        journal.append("trial", number=30)
    assert numbers(run) == [0, 1, 2, 30]
    assert read_journal(run).notices == ()


def test_a_damaged_last_line_is_dropped(run: Path) -> None:
    path = run / "journal.jsonl"
    whole = bytearray(path.read_bytes())
    whole[-40] ^= 1
    path.write_bytes(bytes(whole))
    reading = read_journal(run)
    assert len(reading.records) == 3
    assert "its checksum does not fit" in reading.notices[0].text


def test_damage_before_the_last_line_is_refused_and_named(run: Path) -> None:
    path = run / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"number":1', b'"number":8'))
    with pytest.raises(RunError, match=r"damaged at line 3: its checksum does not fit"):
        Journal.open(run)
    with pytest.raises(RunError, match="damaged at line 3"):  # and the lock was given back
        Journal.open(run)


@pytest.mark.parametrize("order", [[0, 1, 3, 4], [0, 2, 1, 3, 4], [0, 1, 1, 2, 3]])
def test_removed_moved_or_repeated_lines_are_noticed(run: Path, order: list[int]) -> None:
    path = run / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[i] for i in order))
    with pytest.raises(RunError, match="damaged at line"):
        read_journal(run)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "line 1: the file is empty"),
        (b"\x00" * 300, "line 1: it breaks off"),
        (b"hello\nworld\n", "line 1: its checksum"),
    ],
)
def test_rubbish_is_no_journal(tmp_path: Path, content: bytes, text: str) -> None:
    (tmp_path / "journal.jsonl").write_bytes(content)
    with pytest.raises(RunError, match=text):
        Journal.open(tmp_path)
    with pytest.raises(RunError, match="damaged at line 1"):
        kind_of(tmp_path)


HEAD = ("header", {"kind": "fit", "format": 1})


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        ([("trial", {"kind": "fit", "format": 1}), ("a", {})], "line 1: it is no header"),
        ([("header", {"kind": 7, "format": 1}), ("a", {})], "line 1: it is no header"),
        ([("header", {"kind": "fit"}), ("a", {})], "line 1: it is no header"),
        ([("header", {"kind": "fit", "format": True}), ("a", {})], "line 1: it is no header"),
        (
            [("header", {"kind": "fit", "format": 99}), ("a", {})],
            "format 99, this version of Profunda reads up to 1",
        ),
        ([HEAD, (3, {}), ("a", {})], "line 2: its kind is no text"),
        ([HEAD, ("a", [1]), ("a", {})], "line 2: its kind is no text or its data are no object"),
        (
            [HEAD, ("a", {"x": {"$float": "seven"}}), ("a", {})],
            r"line 2: it is not JSON \(\$float is 'seven'",
        ),
        ([HEAD, ("a", {"x": float("nan")}), ("a", {})], r"line 2: it is not JSON \(NaN is not JSON"),
    ],
)
def test_wrong_types_with_right_checksums_are_refused(tmp_path: Path, entries: list, text: str) -> None:
    write_lines(tmp_path / "journal.jsonl", entries)
    with pytest.raises(RunError, match=text):
        read_journal(tmp_path)


def test_deep_nesting_and_huge_numbers_are_refused(tmp_path: Path) -> None:
    for rubbish in (
        b'{"n":1,"kind":"a","data":' + b"[" * 200_000,
        b'{"n":1,"kind":"a","data":' + b"9" * 10_000,
    ):
        write_lines(tmp_path / "journal.jsonl", [HEAD])
        first = (tmp_path / "journal.jsonl").read_bytes()
        previous = first[-19:-3].decode()
        total = line_module._sum(previous, rubbish)
        (tmp_path / "journal.jsonl").write_bytes(
            first + rubbish + f',"sum":"{total}"}}\n'.encode() + b"more\n"
        )
        with pytest.raises(RunError, match="line 2: it is not JSON"):
            read_journal(tmp_path)


def test_a_line_out_of_its_place_is_refused() -> None:
    line, _ = line_module.encode(4, record_module.Record("a", {}), "")
    with pytest.raises(line_module.BadLine, match="its number is 4 instead of 3"):
        line_module.decode(line[:-1], 3, "")
    total = line_module._sum("", b'{"n":3')
    other = b'{"n":3' + f',"sum":"{total}"}}'.encode()
    with pytest.raises(line_module.BadLine, match="has not the keys"):
        line_module.decode(other, 3, "")


def test_a_huge_line_is_refused_both_ways(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "MAX_LINE", 500)
    monkeypatch.setattr(record_module, "MAX_LINE", 500)
    with (
        Journal.open(run) as journal,
        pytest.raises(ArgumentError, match="bytes, more than the 500 of one line"),
    ):
        journal.append("trial", text="x" * 600)
    with (run / "journal.jsonl").open("ab") as file:
        file.write(b"y" * 2000 + b"\nz\n")
    with pytest.raises(RunError, match="line 6: it is longer than 500 bytes"):
        Journal.open(run)


# --- folders ---


def test_an_existing_run_is_never_overwritten(run: Path) -> None:
    before = (run / "journal.jsonl").read_bytes()
    with pytest.raises(RunError, match=r"holds a run already\. Resume it"):
        Journal.create(run, HEADER)
    assert (run / "journal.jsonl").read_bytes() == before


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d"):
        (tmp_path / name).write_text("mine")
    with pytest.raises(RunError, match=r"is not empty \(it holds a, b, c, …\).*nothing was overwritten"):
        Journal.create(tmp_path, HEADER)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b", "c", "d"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("mine")
    with pytest.raises(RunError, match="is a file, not a folder"):
        Journal.create(tmp_path / "x", HEADER)
    with pytest.raises(RunError, match="cannot be made: Not a directory"):
        Journal.create(tmp_path / "x" / "y", HEADER)


@pytest.mark.parametrize("open_it", [Journal.open, read_journal, kind_of])
def test_what_holds_no_run(tmp_path: Path, open_it: object) -> None:
    with pytest.raises(RunError, match=r"holds no run: it has no journal\.jsonl"):
        open_it(tmp_path)
    with pytest.raises(RunError, match="holds no run: there is no such folder"):
        open_it(tmp_path / "nowhere")
    (tmp_path / "journal.jsonl").mkdir()
    with pytest.raises(RunError, match="is no ordinary file"):
        open_it(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["journal.jsonl"]


def test_a_run_killed_before_its_header_can_be_created_again(tmp_path: Path) -> None:
    (tmp_path / "journal.lock").write_text("99999")
    (tmp_path / ".journal.jsonl.tmp").write_text('{"n":0,"ki')
    with Journal.create(tmp_path, HEADER) as journal:
        journal.append("a")
    assert len(read_journal(tmp_path).records) == 1


# --- one writer ---


def test_one_process_cannot_open_a_run_twice(run: Path) -> None:
    with Journal.open(run), pytest.raises(RunError, match="already open for writing in this process"):
        Journal.open(run)
    Journal.open(run).close()


HOLDER = """
import sys, time
from profunda.journal.record import Journal
journal = Journal.open(sys.argv[1])
print("held", flush=True)
time.sleep(60)
"""


def test_another_process_is_named_and_its_death_frees_the_run(run: Path) -> None:
    env = {**os.environ, "PYTHONPATH": "src"}
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(run)], stdout=subprocess.PIPE, env=env)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(RunError, match=rf"written by another process \(pid {holder.pid}\)"):
            Journal.open(run)
        with pytest.raises(RunError, match="holds a run already"):
            Journal.create(run, HEADER)
        assert numbers(run) == [0, 1, 2, 3]  # reading needs no lock
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        holder.stdout.close()
    with Journal.open(run) as journal:
        journal.append("trial", number=4)


def test_a_closed_journal_takes_no_record(run: Path) -> None:
    journal = Journal.open(run)
    journal.close()
    journal.close()
    with pytest.raises(RunError, match="is closed"):
        journal.append("trial")


def test_threads_may_append_at_once(tmp_path: Path) -> None:
    with Journal.create(tmp_path / "run", HEADER) as journal:

        def work(name: int) -> None:
            for step in range(10):
                journal.append("x", name=name, step=step)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    steps = [(r.data["name"], r.data["step"]) for r in read_journal(tmp_path / "run").records]
    assert sorted(steps) == [(i, j) for i in range(4) for j in range(10)]
    assert all([s for n, s in steps if n == i] == list(range(10)) for i in range(4))


# --- failing disks and interrupts ---


def test_a_full_disk_leaves_a_whole_journal(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(descriptor: int, content: bytes) -> None:
        os.write(descriptor, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    with Journal.open(run) as journal:
        monkeypatch.setattr(record_module, "write_all", half)
        with pytest.raises(RunError, match=r"could not be written.*No space left on device"):
            journal.append("trial", number=4)
        monkeypatch.undo()
        assert numbers(run) == [0, 1, 2, 3]
        journal.append("trial", number=5)
    assert numbers(run) == [0, 1, 2, 3, 5]


def test_an_interrupted_append_is_forgotten_by_the_next(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    with Journal.open(run) as journal:
        monkeypatch.setattr(record_module.os, "fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            journal.append("trial", number=4)
        monkeypatch.undo()
        assert len(journal.records()) == 4
        journal.append("trial", number=5)
        assert len(journal.records()) == 5
    assert numbers(run) == [0, 1, 2, 3, 5]


def test_a_folder_without_rights_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(record_module, "write_durably", refuse)
    with pytest.raises(RunError, match="cannot be written: Permission denied"):
        Journal.create(tmp_path / "run", HEADER)
    monkeypatch.undo()
    Journal.create(tmp_path / "run", HEADER).close()
    monkeypatch.setattr(record_module.os, "open", refuse)
    with pytest.raises(RunError, match="cannot be locked for writing: Permission denied"):
        Journal.open(tmp_path / "run")


def test_an_unwritable_journal_gives_its_lock_back(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def refuse(path: object, flags: int, mode: int = 0o777) -> int:
        if str(path).endswith("journal.jsonl"):
            raise OSError(errno.EROFS, "Read-only file system")
        return real(path, flags, mode)

    monkeypatch.setattr(record_module.os, "open", refuse)
    with pytest.raises(RunError, match="cannot be written: Read-only file system"):
        Journal.open(run)
    monkeypatch.undo()
    Journal.open(run).close()


# --- arrays ---


def test_arrays_come_back_bit_for_bit(run: Path) -> None:
    rng = np.random.default_rng(0)
    stored = {
        "params": rng.normal(size=(3, 5)).astype(np.float32),
        "fortran": np.asfortranarray(rng.normal(size=(4, 6))),
        "scalar": np.array(7, dtype=np.int64),
        "empty": np.zeros((0, 3), dtype=np.uint8),
        "mask": np.array([True, False]),
        "big": np.arange(3, dtype=">i4"),
        "nan": np.array([np.nan, np.inf, -0.0]),
    }
    with Journal.open(run) as journal:
        journal.store("pack-0.rung-1", stored)
        loaded = journal.load("pack-0.rung-1")
    assert set(loaded) == set(stored)
    for key, array in stored.items():
        np.testing.assert_array_equal(loaded[key], array)
        assert loaded[key].shape == array.shape
        assert loaded[key].dtype.itemsize == array.dtype.itemsize
    assert np.signbit(loaded["nan"][2])
    assert [p.name for p in (run / "arrays").iterdir()] == ["pack-0.rung-1.safetensors"]


def test_storing_again_replaces(run: Path) -> None:
    with Journal.open(run) as journal:
        journal.store("a", {"x": np.zeros(3)})
        journal.store("a", {"y": np.ones(2)})
        np.testing.assert_array_equal(journal.load("a")["y"], [1.0, 1.0])


HOSTILE = [
    "../x",
    "a/b",
    "/etc/passwd",
    "..",
    ".",
    "",
    "a..b",
    ".hidden",
    "a\\b",
    "a\x00b",
    "x" * 300,
    "a\n",
    7,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_cannot_leave_the_folder(run: Path, name: str) -> None:
    with Journal.open(run) as journal:
        with pytest.raises(RunError, match="cannot name arrays of a run"):
            journal.load(name)
        with pytest.raises(RunError, match="cannot name arrays of a run"):
            journal.store(name, {"x": np.zeros(1)})


def test_damaged_arrays_are_refused_at_every_byte(run: Path) -> None:
    with Journal.open(run) as journal:
        journal.store("a", {"x": np.arange(4.0)})
        path = run / "arrays" / "a.safetensors"
        whole = path.read_bytes()
        for place in range(len(whole)):
            if whole[place : place + 1] == b" ":  # padding of the header
                continue
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            with pytest.raises(RunError, match=r"is damaged"):
                journal.load("a")
        for cut in range(len(whole)):
            path.write_bytes(whole[:cut])
            with pytest.raises(RunError, match=r"is damaged"):
                journal.load("a")
        path.write_bytes(whole)
        np.testing.assert_array_equal(journal.load("a")["x"], np.arange(4.0))


def test_missing_arrays_are_named(run: Path) -> None:
    with (
        Journal.open(run) as journal,
        pytest.raises(RunError, match=r"a\.safetensors is missing, though the journal"),
    ):
        journal.load("a")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1.0], "'x' of 'a' is a list"),
        (np.array(["t"]), "is an array of <U1"),
        (np.array([None]), "array of object"),
    ],
)
def test_only_arrays_of_numbers_are_stored(run: Path, value: object, text: str) -> None:
    with Journal.open(run) as journal, pytest.raises(ArgumentError, match=text):
        journal.store("a", {"x": value})


def test_arrays_on_a_full_disk(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(arrays_module, "write_durably", full)
    with Journal.open(run) as journal, pytest.raises(RunError, match="could not be written: No space left"):
        journal.store("a", {"x": np.zeros(1)})


def test_a_failed_replacement_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "summary.json"
    write_durably(path, b"old")

    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="Input/output error"):
        write_durably(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["summary.json"]


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / ".summary.json.tmp").symlink_to(victim)
    write_durably(tmp_path / "summary.json", b"new")
    assert victim.read_text() == "precious"
    assert (tmp_path / "summary.json").read_bytes() == b"new"


# --- kill -9 ---

WRITER = """
import sys
from profunda.journal.record import Journal
with Journal.open(sys.argv[1]) as journal:
    print(len(journal.records()), flush=True)
    while True:
        number = len(journal.records())
        journal.append("trial", number=number, text="x" * 5000)
        print(number + 1, flush=True)
"""


def test_no_acknowledged_record_is_lost_by_kill(tmp_path: Path) -> None:
    Journal.create(tmp_path / "run", HEADER).close()
    env = {**os.environ, "PYTHONPATH": "src"}
    rng = np.random.default_rng(1)
    acknowledged = 0
    for _ in range(5):
        command = [sys.executable, "-c", WRITER, str(tmp_path / "run")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=env) as writer:
            assert writer.stdout is not None
            assert int(writer.stdout.readline()) >= acknowledged
            time.sleep(rng.uniform(0.01, 0.1))
            writer.send_signal(signal.SIGKILL)
            lines = writer.stdout.read().split(b"\n")[:-1]
        acknowledged = max([acknowledged, *map(int, lines)])
        assert numbers(tmp_path / "run") == list(range(len(numbers(tmp_path / "run"))))
        assert len(numbers(tmp_path / "run")) >= acknowledged > 0
