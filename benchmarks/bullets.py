"""Each bullet of a text on regularisation: prediction, measurement by a fleet, verdict.

    python benchmarks/bullets.py [--quick] [--only KEY …] [--json FILE] [--cells FILE.jsonl] [--markdown FILE]

Verdicts follow from 95 % intervals of paired differences over folds and seeds, table by table: "holds" where
each lies on the predicted side whole, "mostly holds" where most do and none lies on the other, "mixed" where
some lie on either, "does not hold" where most lie on the other, "not seen" else. Those
on L1 and L2, on the cost of a norm and on too much go by thresholds and counts. docs/regularisation.md says
what was changed after a first look. With --cells a finished bullet is kept, and a later run skips it.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: spinning threads slow everybody down

from _bench import machine, write
from _claims import Claim
from _claims_combined import CLAIMS as COMBINED
from _claims_dropout import CLAIMS as DROPOUT
from _claims_norm import CLAIMS as NORM
from _claims_penalties import CLAIMS as PENALTIES

SEEDS, QUICK_SEEDS = 3, 1
SECONDS, QUICK_SECONDS = 300, 100
CLAIMS: tuple[Claim, ...] = (*DROPOUT, *NORM, *PENALTIES, *COMBINED)


def main() -> int:
    """Measure what is asked for; 0 always, as a claim that does not hold is a result too."""
    given = _options()
    seeds = QUICK_SEEDS if given.quick else SEEDS
    known = _kept(given.cells, seeds)
    print(f"Expected: about {QUICK_SECONDS if given.quick else SECONDS} s on two calm cores.", flush=True)
    facts, started = machine("numpy", "torch"), time.perf_counter()
    for claim in CLAIMS:
        if claim.key in known or (given.only and claim.key not in given.only):
            continue
        begun = time.perf_counter()
        found = claim.measure(seeds)
        known[claim.key] = {
            "key": claim.key,
            "seeds": seeds,
            "seconds": time.perf_counter() - begun,
            **found.to_json(),
        }
        if given.cells is not None:
            with given.cells.open("a") as file:
                file.write(json.dumps(known[claim.key]) + "\n")
        print(
            f"{claim.key:<28} {found.verdict:<14} {found.measured}  ({known[claim.key]['seconds']:.1f} s)",
            flush=True,
        )
    results = {"claims": list(known.values()), "seconds": time.perf_counter() - started}
    write(given.json, "bullets", facts, {"seeds": seeds}, results, {})
    if given.markdown is not None:
        given.markdown.write_text(_table(known))
    return 0


def _options() -> argparse.Namespace:
    reader = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    reader.add_argument("--quick", action="store_true", help="one seed: the intervals are wide then")
    reader.add_argument("--only", nargs="+", choices=[claim.key for claim in CLAIMS], metavar="KEY")
    reader.add_argument("--json", type=Path)
    reader.add_argument("--cells", type=Path)
    reader.add_argument("--markdown", type=Path, help="write the table of findings there")
    return reader.parse_args()


def _kept(path: Path | None, seeds: int) -> dict[str, dict]:
    if path is None or not path.exists():
        return {}
    lines = [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
    return {line["key"]: line for line in lines if line["seeds"] == seeds}


def _table(known: dict[str, dict]) -> str:
    rows = ["| the text says | prediction | measured | verdict |", "|---|---|---|---|"]
    for claim in CLAIMS:
        if claim.key in known:
            one = known[claim.key]
            measured = one["measured"].replace("|", "\\|")
            rows.append(f"| {claim.text} | {claim.prediction} | {measured} | **{one['verdict']}** |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.exit(main())
