"""Member-steps per second by width, depth and batch: native, stacked torch, vmap, and a tight PyTorch loop.

    python benchmarks/width_sweep.py [--quick] [--json FILE] [--cells FILE.jsonl]

A shape is hidden width × depth × rows a step; 20 inputs, 2 outputs, ReLU, dropout, Adam, 2,048 rows, and 64
rows validated after every epoch, by every side. Half of the 144 shapes of the grid are measured, as on a
chessboard, so that every pair of width, depth and batch is among them. Starting weights are drawn, shapes are
certified and processes are started before the clock.

Printed for every shape: µs a member-step of each side; what native reaches of the machine's own sgemm
(torch.mm, measured in the same run); which engine `auto` picks, and how near that is to the best side. FLOPs
are those of the matrix products alone: forward, gradient of the kernels, gradient of the inputs of all layers
but the first, which nobody needs. `6BP` counts three products for each layer, as one often reads.
"""

import os

# Waiting OpenMP threads would spin and steal the cores from whoever runs next.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from _bench import Cells, Options, Paced, Side, conduct, cores, median_ratio, options, run_rounds
from _fleets import ENGINES, FEATURES, OUTPUTS, Fleet, Rows, flops, forward_flops, tell_missing
from _peak import Peak, best_peak
from _peers import Loop, Processes, Stacked, Task

__all__ = ["Settings", "Spot", "main", "sides"]

PEERS = ("loop_1", "loop_2", "loop_1x2", "vmap_1", "vmap_2")
NEAR, NOT_FAR = 0.95, 0.8
"""What the engine that `auto` picks should reach of the best side: in nearly all shapes, and in each."""
WIDEST_COMPARED = 256
"""Up to this width the geometric mean over the shapes counts."""


@dataclass(frozen=True)
class Settings:
    """How much is measured. A cell lasts about `seconds`, or one epoch where that takes longer."""

    rounds: int = 5
    widths: tuple[int, ...] = (16, 32, 64, 128, 256, 512)
    depths: tuple[int, ...] = (1, 2, 3, 4)
    batches: tuple[int, ...] = (16, 32, 64, 128, 256, 512)
    rows: int = 2048
    valid: int = 64
    seconds: float = 0.08
    workers: int = 2

    @property
    def spots(self) -> list["Spot"]:
        """The black squares of the grid, narrow and shallow ones first."""
        return [
            Spot(width, depth, batch)
            for d, depth in enumerate(self.depths)
            for w, width in enumerate(self.widths)
            for b, batch in enumerate(self.batches)
            if (d + w + b) % 2 == 0
        ]

    @property
    def expected_seconds(self) -> float:
        """On two calm cores: short cells with their warm runs, and single epochs of 8 large networks."""
        sides = len(PEERS) + len(ENGINES)
        heavy = sum(8 * flops(spot.widths, self.rows) for spot in self.spots) / 60e9
        return 15.0 + sides * (
            (self.rounds + 3) * len(self.spots) * self.seconds + 0.6 * (self.rounds + 1) * heavy
        )


QUICK = {"rounds": 2, "widths": (32, 128), "depths": (1, 2), "batches": (32, 128)}


@dataclass(frozen=True)
class Spot:
    """One shape of the grid."""

    width: int
    depth: int
    batch: int

    @property
    def widths(self) -> tuple[int, ...]:
        return (self.width,) * self.depth

    def __str__(self) -> str:
        return f"width {self.width} depth {self.depth} batch {self.batch}"


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    given = options(__doc__ or "", words)
    measure(Settings(**(QUICK if given.quick else {}), workers=cores()), given)
    return 0


def measure(settings: Settings, given: Options) -> dict[str, Any]:
    """Run what `settings` ask for, and report it; returns the results."""

    def work(cells: Cells) -> tuple[dict[str, Any], dict[str, float]]:
        tell_missing()
        crew, peaks = Processes(settings.workers), [best_peak(settings.workers)]
        for number, spot in enumerate(settings.spots):
            run_rounds(sides(spot, settings, crew), settings.rounds, cells)
            _tell(spot, cells)
            if number % 12 == 11:  # the machine's speed drifts
                peaks.append(best_peak(settings.workers))
        crew.close()
        lines = [judge(spot, cells, _picked(spot, settings)) for spot in settings.spots]
        return summed(lines, max(peaks, key=lambda peak: peak.flops))

    return conduct("width_sweep", settings, given, ("torch", "numpy"), work)


def _tell(spot: Spot, cells: Cells) -> None:
    rates = {name: cells.of(f"{spot}/{name}") for name in (*ENGINES, *PEERS)}
    told = [
        f"{name} {1e6 / statistics.median(cell.step_rate for cell in own):.2f}" for name, own in rates.items()
    ]
    print(f"{spot}: {', '.join(told)} µs", flush=True)


# Sides -----------------------------------------------------------------------------------------------


def sides(spot: Spot, settings: Settings, crew: Processes) -> list[Side]:
    """The engines, the loop and vmap on one shape; everything is made when a side is first warmed."""
    bench = _Bench(spot, settings, crew)
    fleet, task = bench.fleet, bench.task
    runs: dict[str, tuple[int, Callable[[int], int]]] = {
        **{engine: (fleet.members, fleet.trainer(engine, settings.workers)) for engine in ENGINES},
        "loop_1": (1, lambda count: bench.loop.epochs(count, 1)),
        "loop_2": (1, lambda count: bench.loop.epochs(count, 2)),
        "loop_1x2": (settings.workers, lambda count: bench.crew.epochs(task, count)),
        "vmap_1": (fleet.members, lambda count: bench.stacked.epochs(count, 1)),
        "vmap_2": (fleet.members, lambda count: bench.stacked.epochs(count, 2)),
    }
    return [
        Paced(f"{spot}/{name}", members, settings.seconds, epochs).side
        for name, (members, epochs) in runs.items()
    ]


@dataclass(frozen=True)
class _Bench:
    """What the sides of one shape train, made on first use: a resumed run needs but few of them."""

    spot: Spot
    settings: Settings
    crew: Processes

    @property
    def fleet(self) -> Fleet:
        return _fleet(self.spot, self.settings)

    @property
    def task(self) -> Task:
        own = self.settings
        return Task(self.spot.widths, self.spot.batch, FEATURES, OUTPUTS, own.rows, own.valid)

    @cached_property
    def loop(self) -> Loop:
        return Loop(self.task)

    @cached_property
    def stacked(self) -> Stacked:
        return Stacked(self.task, self.fleet.members)


def _fleet(spot: Spot, settings: Settings) -> Fleet:
    return Fleet.sized(spot.widths, spot.batch, Rows(settings.rows, settings.valid))


# Judgement -------------------------------------------------------------------------------------------


def _picked(spot: Spot, settings: Settings) -> str:
    """The engine that `auto` takes for the fleet of this shape."""
    return _fleet(spot, settings).planned(10, "auto").packs[0].engine


def judge(spot: Spot, cells: Cells, picked: str) -> dict[str, Any]:
    """One line of the table: rates, and ratios to the best of the others, taken within the rounds."""
    names = [*ENGINES, *PEERS]
    own = {name: cells.of(f"{spot}/{name}") for name in names}
    rates = {name: statistics.median(cell.step_rate for cell in own[name]) for name in names}
    best = max(names, key=lambda name: rates[name])
    peer = max((name for name in names if name != "native"), key=lambda name: rates[name])
    line: dict[str, Any] = {
        **asdict(spot),
        "members": own[ENGINES[0]][0].outcome.trials,
        "microseconds": {name: 1e6 / rate for name, rate in rates.items()},
        "flops_per_step": flops(spot.widths, spot.batch),
        "best": best,
        "best_peer": peer,
        "auto": picked,
        "auto_over_best": median_ratio(own[picked], own[best], steps=True)[0],
    }
    if "native" in ENGINES:
        line["native_over_best_peer"] = median_ratio(own["native"], own[peer], steps=True)[0]
    return line


def summed(lines: Sequence[Mapping[str, Any]], peak: Peak) -> tuple[dict[str, Any], dict[str, float]]:
    """(results, ratios) of all shapes, printed."""
    near = [line["auto_over_best"] for line in lines]
    ratios = {
        "sweep/auto/share_within_5_percent": statistics.fmean(ratio >= NEAR for ratio in near),
        "sweep/auto/least": min(near),
    }
    compared = [
        line["native_over_best_peer"]
        for line in lines
        if "native_over_best_peer" in line and line["width"] <= WIDEST_COMPARED
    ]
    if compared:
        ratios["sweep/native/best_peer"] = statistics.geometric_mean(compared)
    shown = [
        {**line, **_shares_of_peak(line, peak)} if "native" in line["microseconds"] else line
        for line in lines
    ]
    _print_lines(shown)
    share, least = ratios["sweep/auto/share_within_5_percent"], ratios["sweep/auto/least"]
    print(
        f"\nauto within 5 % of the best in {share:.0%} of {len(lines)} shapes (wanted: 90 %), "
        f"and at least {least:.2f} × the best (wanted: {NOT_FAR})."
    )
    if compared:
        print(
            f"native over the best of the others up to width {WIDEST_COMPARED}: "
            f"{ratios['sweep/native/best_peer']:.2f} in the geometric mean (wanted: 1)."
        )
    print(f"sgemm peak: {peak}.")
    return {"peak": asdict(peak), "shapes": shown}, ratios


def _shares_of_peak(line: Mapping[str, Any], peak: Peak) -> dict[str, float]:
    """What native's matrix products reach of the measured sgemm, by both ways of counting."""
    widths, seconds = (line["width"],) * line["depth"], line["microseconds"]["native"] * 1e-6
    return {
        "share_of_peak": flops(widths, line["batch"]) / seconds / peak.flops,
        "share_of_peak_6bp": 3 * forward_flops(widths, line["batch"]) / seconds / peak.flops,
    }


def _print_lines(lines: Sequence[Mapping[str, Any]]) -> None:
    names = [*ENGINES, *PEERS]
    head = "".join(f"{name:>10}" for name in names)
    print("\nµs a member-step; native's share of the sgemm peak, by two ways of counting")
    print(f"width depth batch {head}   peak    6BP  auto    auto/best  best")
    for line in lines:
        times = "".join(f"{line['microseconds'][name]:10.2f}" for name in names)
        share = "     –      –"
        if "share_of_peak" in line:
            share = f"{line['share_of_peak']:6.0%} {line['share_of_peak_6bp']:6.0%}"
        print(
            f"{line['width']:>5} {line['depth']:>5} {line['batch']:>5} {times} {share}  {line['auto']:<7} "
            f"{line['auto_over_best']:>9.2f}  {line['best']}"
        )


if __name__ == "__main__":
    sys.exit(main())
