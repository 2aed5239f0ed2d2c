"""64 designs × 5 folds × 3 seeds as one fleet: seconds, against a goal in seconds and against FLOPs.

    python benchmarks/fleet_grid.py [--quick] [--json FILE] [--cells FILE.jsonl]

2,000 rows, 20 inputs, two classes, 50 epochs, Adam, dropout: 960 networks that share nothing but their rows.
`shallow` have one hidden layer of 64 units and 32 rows a step, and should take 15 s on two cores. `deep` have
1 to 3 hidden layers of 32, 64 or 128 units and 32, 64 or 128 rows a step; they should take no longer than
their FLOPs would at 40 % of the machine's own sgemm (torch.mm, measured before and after). FLOPs are those of
the matrix products: in training forward, gradient of the kernels and gradient of the inputs of all layers but
the first; in validation, once an epoch, forward. Planning and starting weights are on the clock, reading is
not.
"""

import os

# Waiting OpenMP threads would spin and steal the cores from whoever runs next.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from _bench import Cell, Cells, Options, Outcome, Side, conduct, cores, options, run_rounds
from _fleets import ENGINES, Rows, fleet_data, flops, forward_flops, tell_missing, train
from _peak import Peak, best_peak

from profunda.fleet.member import Member
from profunda.fleet.plan import plan
from profunda.space.design import Design

__all__ = ["Settings", "deep", "grid_flops", "main", "shallow"]

GOAL_SECONDS, GOAL_SHARE = 15.0, 0.40
ROWS = Rows(1600, 400)


@dataclass(frozen=True)
class Settings:
    """How much is measured: designs × folds × seeds networks, each for `epochs`, by one engine."""

    engine: str
    rounds: int = 3
    designs: int = 64
    folds: int = 5
    seeds: int = 3
    epochs: int = 50
    workers: int = 2

    @property
    def expected_seconds(self) -> float:
        """On two calm cores, by the FLOPs at 60 GFLOP/s (native) or 15 (torch)."""
        work = sum(grid_flops(self, made(self)) for made in GRIDS.values())
        return 10.0 + (self.rounds + 0.1) * work / (60e9 if self.engine == "native" else 15e9)


QUICK = {"rounds": 1, "epochs": 5}


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
        run_rounds(sides(settings), settings.rounds, cells, _tell)
        peaks.append(best_peak(settings.workers))
        return judge(settings, cells, max(peaks, key=lambda peak: peak.flops))

    return conduct("fleet_grid", settings, given, ("torch", "numpy"), work)


# Grids -----------------------------------------------------------------------------------------------


def shallow(settings: Settings) -> list[Design]:
    """One hidden layer of 64 units, 32 rows a step; rates of dropout × learning rates × L2."""
    return [
        Design(
            widths=(64,),
            dropout=0.1 * (number % 4),
            lr=1e-4 * 3.0 ** (number // 4 % 4),
            l2=1e-4 * (number // 16),
            batch_size=32,
            epochs=settings.epochs,
        )
        for number in range(settings.designs)
    ]


def deep(settings: Settings) -> list[Design]:
    """Depth 1 to 3 × width 32 to 128 × batch 32 to 128, again and again, with what `shallow` varies."""
    return [
        replace(
            design,
            widths=((32, 64, 128)[number % 3],) * (1 + number // 3 % 3),
            batch_size=(32, 64, 128)[number // 9 % 3],
        )
        for number, design in enumerate(shallow(settings))
    ]


GRIDS = {"shallow": shallow, "deep": deep}


def grid_flops(settings: Settings, designs: Sequence[Design]) -> float:
    """FLOPs of all matrix products of the fleet: training, and a validation after every epoch."""
    epoch = sum(flops(d.widths, ROWS.train) + forward_flops(d.widths, ROWS.valid) for d in designs)
    return epoch * settings.epochs * settings.folds * settings.seeds


def members(settings: Settings, designs: Sequence[Design]) -> list[Member]:
    """Every design on every fold from every seed."""
    return [
        Member(design, fold, seed)
        for design in designs
        for fold in range(settings.folds)
        for seed in range(settings.seeds)
    ]


# Sides -----------------------------------------------------------------------------------------------


def sides(settings: Settings) -> list[Side]:
    """The two grids; a warm run of two epochs certifies the shapes and fills the caches."""
    return [_side(name, settings) for name in GRIDS]


def _side(name: str, settings: Settings) -> Side:
    data = fleet_data(ROWS, folds=settings.folds)

    def trained(own: Settings) -> Outcome:
        fleet = members(own, GRIDS[name](own))
        made = plan(fleet, data, engine=own.engine)
        return Outcome(len(fleet), train(made, data, [None] * len(fleet), own.workers))

    def run(number: int) -> Outcome:
        return trained(settings)

    return Side(name, run, lambda: trained(replace(settings, epochs=2)))


# Judgement -------------------------------------------------------------------------------------------


def judge(settings: Settings, cells: Cells, peak: Peak) -> tuple[dict[str, Any], dict[str, float]]:
    """Medians of both grids, what the FLOPs allow, and how both compare; printed on the way."""
    print(f"sgemm: {peak}.")
    results: dict[str, Any] = {"peak": asdict(peak)}
    for name, made in GRIDS.items():
        own = cells.of(name)
        seconds = statistics.median(cell.seconds for cell in own)
        work = grid_flops(settings, made(settings))
        results[name] = {
            "networks": own[0].outcome.trials,
            "member_steps": own[0].outcome.steps,
            "seconds": seconds,
            "all_seconds": [cell.seconds for cell in own],
            "load": [cell.load for cell in own],
            "flops": work,
            "share_of_peak": work / seconds / peak.flops,
            "seconds_at_goal_share": work / (GOAL_SHARE * peak.flops),
            "microseconds_per_member_step": 1e6 * seconds / own[0].outcome.steps,
        }
        _print(name, results[name])
    goal = GOAL_SECONDS * settings.epochs / 50
    ratios = {
        f"grid/shallow/{goal:g}s": results["shallow"]["seconds"] / goal,
        "grid/deep/40_percent_of_peak": results["deep"]["seconds"] / results["deep"]["seconds_at_goal_share"],
    }
    for key, ratio in ratios.items():
        print(f"{key}: {ratio:.2f} (wanted: at most 1)")
    return results, ratios


def _print(name: str, its: dict[str, Any]) -> None:
    print(
        f"{name}: {its['networks']} networks, {its['member_steps']:,} member-steps in "
        f"{its['seconds']:.1f} s; {its['microseconds_per_member_step']:.2f} µs each;\n"
        f"    {its['flops'] / 1e12:.2f} TFLOP, {its['share_of_peak']:.0%} of the peak; "
        f"at {GOAL_SHARE:.0%} of it {its['seconds_at_goal_share']:.1f} s."
    )


def _tell(cell: Cell) -> None:
    print(f"round {cell.round + 1}  {cell.side:8} {cell.seconds:6.1f} s, load {cell.load:.1f}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
