"""A naive reader of `journal.jsonl`, written from the format's description alone."""

import hashlib
import json
from pathlib import Path


def read_lines(path: Path) -> list[tuple[str, dict]]:
    """(kind, data) of every line, the header first; ValueError for anything out of order."""
    entries, previous = [], ""
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1]):
        body, _, tail = line.rpartition(b',"sum":"')
        total = hashlib.blake2b(previous.encode() + body, digest_size=8).hexdigest()
        if tail != (total + '"}').encode():
            raise ValueError(f"checksum of line {number + 1}")
        entry = json.loads(line)
        if entry["n"] != number or set(entry) != {"n", "kind", "data", "sum"}:
            raise ValueError(f"keys of line {number + 1}")
        entries.append((entry["kind"], entry["data"]))
        previous = total
    return entries


def write_lines(path: Path, entries: list[tuple[str, object]]) -> None:
    """Write lines with right checksums, whatever they hold: what a hostile hand could do."""
    previous, lines = "", []
    for number, (kind, data) in enumerate(entries):
        body = json.dumps({"n": number, "kind": kind, "data": data})[:-1].encode()
        previous = hashlib.blake2b(previous.encode() + body, digest_size=8).hexdigest()
        lines.append(body + f',"sum":"{previous}"}}\n'.encode())
    path.write_bytes(b"".join(lines))
