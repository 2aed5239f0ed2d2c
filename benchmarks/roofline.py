"""What the native engine reaches of the machine, by width and batch: time, FLOPs, bytes, share of sgemm.

    python benchmarks/roofline.py [--quick] [--json FILE] [--cells FILE.jsonl]

Widths 16 to 1,024, 16 to 512 rows a step, one and two hidden layers; 20 inputs, 2 outputs, ReLU, dropout and
Adam. FLOPs are those of the matrix products alone, as in width_sweep.py, which has such shapes beside the
other engines. `state` are the bytes that a step must touch whatever its batch: weights, their gradients and
both moments of Adam; `rows` those that it needs for its rows: inputs, activations and their gradients. Both
together are to be compared with the caches. `6BP` counts three products for each layer, as one often reads,
though nobody needs the first layer's gradient by its inputs.

A step reads and writes weights and moments and writes and reads gradients: 8 transfers of 4 bytes a
parameter. `memory` is how many GB/s that would be, were nothing kept in a cache between two steps. Where it
stays far below what the machine's memory gives, the matrix products are the limit, not the bytes.
"""

import os

# Waiting OpenMP threads would spin and steal the cores from whoever runs next.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from _bench import Cells, Options, Paced, conduct, cores, options, run_rounds
from _fleets import ENGINES, FEATURES, OUTPUTS, Fleet, Rows, flops, forward_flops, tell_missing
from _peak import Peak, best_peak

from profunda.space.design import Design

__all__ = ["Settings", "bytes_of", "main", "measure"]

TRANSFERS = 8
"""Read θ, g, m and v, write θ, m, v and, before that, g."""


@dataclass(frozen=True)
class Settings:
    """How much is measured. A cell lasts about `seconds`, or one epoch where that takes longer."""

    engine: str
    rounds: int = 3
    widths: tuple[int, ...] = (16, 32, 64, 128, 256, 512, 1024)
    depths: tuple[int, ...] = (1, 2)
    batches: tuple[int, ...] = (16, 32, 64, 128, 256, 512)
    rows: int = 2048
    valid: int = 64
    seconds: float = 0.1
    workers: int = 2

    @property
    def shapes(self) -> list[tuple[tuple[int, ...], int]]:
        """Widths of the hidden layers, and rows a step."""
        return [
            ((width,) * depth, batch)
            for depth in self.depths
            for width in self.widths
            for batch in self.batches
        ]

    @property
    def expected_seconds(self) -> float:
        """On two calm cores."""
        heavy = sum(8 * flops(widths, self.rows) for widths, _ in self.shapes) / 80e9
        return 10.0 + (self.rounds + 2) * (len(self.shapes) * self.seconds + heavy)


QUICK = {"rounds": 2, "widths": (32, 128), "batches": (32, 128), "seconds": 0.05}


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    given = options(__doc__ or "", words)
    measure(Settings(ENGINES[0], **(QUICK if given.quick else {}), workers=cores()), given)
    return 0


def measure(settings: Settings, given: Options) -> dict[str, Any]:
    """Run what `settings` ask for, and report it; returns the results."""

    def work(cells: Cells) -> tuple[dict[str, Any], dict[str, float]]:
        tell_missing()
        peaks = [best_peak(settings.workers)]
        rows = Rows(settings.rows, settings.valid)
        sides = []
        for widths, batch in settings.shapes:
            fleet = Fleet.sized(widths, batch, rows)
            trainer = fleet.trainer(settings.engine, settings.workers)
            sides.append(Paced(_name(widths, batch), fleet.members, settings.seconds, trainer).side)
        run_rounds(sides, settings.rounds, cells)
        peaks.append(best_peak(settings.workers))
        peak = max(peaks, key=lambda peak: peak.flops)
        lines = [_line(widths, batch, cells, peak) for widths, batch in settings.shapes]
        _print(settings.engine, lines, peak)
        return {"peak": asdict(peak), "shapes": lines}, {
            f"roofline/width{line['width']}/depth{line['depth']}/batch{line['batch']}": line["share_of_peak"]
            for line in lines
        }

    return conduct("roofline", settings, given, ("torch", "numpy"), work)


def bytes_of(widths: Sequence[int], batch: int) -> tuple[int, int]:
    """(state, rows): bytes that a step touches of its parameters, and of its rows."""
    parameters = Design(widths=tuple(widths)).parameters(FEATURES, OUTPUTS)
    # θ, g, m and v; inputs once; activations and the gradients by them of every later layer.
    return 4 * 4 * parameters, 4 * batch * (FEATURES + 2 * (sum(widths) + OUTPUTS))


def _name(widths: Sequence[int], batch: int) -> str:
    return f"width {widths[0]} depth {len(widths)} batch {batch}"


def _line(widths: tuple[int, ...], batch: int, cells: Cells, peak: Peak) -> dict[str, Any]:
    own = cells.of(_name(widths, batch))
    seconds = 1.0 / statistics.median(cell.step_rate for cell in own)
    state, rows = bytes_of(widths, batch)
    work = flops(widths, batch)
    return {
        "width": widths[0],
        "depth": len(widths),
        "batch": batch,
        "members": own[0].outcome.trials,
        "microseconds": 1e6 * seconds,
        "flops": work,
        "state_bytes": state,
        "row_bytes": rows,
        "flops_per_second": work / seconds,
        "share_of_peak": work / seconds / peak.flops,
        "share_of_peak_6bp": 3 * forward_flops(widths, batch) / seconds / peak.flops,
        "memory_bytes_per_second": TRANSFERS * state / 4 / seconds,
    }


def _print(engine: str, lines: Sequence[Mapping[str, Any]], peak: Peak) -> None:
    print(f"\n{engine}; µs are a member-step's; peak is {peak}.")
    print(
        "depth width batch         µs      kFLOP  state KiB   rows KiB  GFLOP/s    peak    6BP  memory GB/s"
    )
    for line in lines:
        shape = f"{line['depth']:>5} {line['width']:>5} {line['batch']:>5}"
        kib = f"{line['state_bytes'] / 1024:>10.0f} {line['row_bytes'] / 1024:>10.0f}"
        shares = f"{line['share_of_peak']:>7.0%} {line['share_of_peak_6bp']:>6.0%}"
        print(
            f"{shape} {line['microseconds']:>10.2f} {line['flops'] / 1e3:>10.0f} {kib} "
            f"{line['flops_per_second'] / 1e9:>8.1f} {shares} "
            f"{line['memory_bytes_per_second'] / 1e9:>12.1f}"
        )


if __name__ == "__main__":
    sys.exit(main())
