"""How long do 1,000 random networks take that show the laws of finite widths, and how long one by one?

    python benchmarks/finite_width.py [--quick] [--json FILE] [--cells FILE.jsonl]

Eight hidden layers of width 128, ReLU, He weights, one input. `ensemble` is
`profunda.theory.random_networks` on all of them; `loop_T` makes 20 `nn.Sequential` networks, one after the
other on T threads, and gets the same of each by autograd: the norm of the last layer, the gradient by the
input, the tangent along a direction, the tangent kernel's diagonal, sizes of signals and gradients layer by
layer. Its time for all networks is extrapolated.

Both sides must agree with Σ v(n) and Σ m(n), the variance and mean of log ‖x_L‖², within 4 standard errors,
and the ensemble must take at most 10 s. Exit code 1 where it does not.
"""

import os

# Waiting OpenMP threads would spin and steal the cores from whoever runs next.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from _bench import Cell, Cells, Options, Outcome, Side, conduct, cores, median_ratio, options, run_rounds
from torch import nn

from profunda.theory.ensembles import random_networks
from profunda.theory.finite_width import log_norm_mean, log_norm_variance

__all__ = ["Settings", "main", "measure", "one_by_one"]

MOST_SECONDS = 10.0
ERRORS = 4.0


@dataclass(frozen=True)
class Settings:
    """`networks` by the ensemble, `singles` by the loop, each round from other seeds."""

    rounds: int = 5
    depth: int = 8
    width: int = 128
    inputs: int = 128
    networks: int = 1000
    singles: int = 20
    workers: int = 2

    @property
    def widths(self) -> tuple[int, ...]:
        """Of the hidden layers."""
        return (self.width,) * self.depth

    @property
    def threads(self) -> list[int]:
        """Of the loops."""
        return sorted({1, self.workers})

    @property
    def expected_seconds(self) -> float:
        """On two calm cores: 10 ns a weight, 10 ms a single network."""
        weights = self.width * (self.inputs + self.width * (self.depth - 1))
        ensemble, loop = 1e-8 * weights * self.networks, 0.01 * self.singles
        return (self.rounds + 1) * (ensemble + len(self.threads) * loop)


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write; 1 where the ensemble is slow, or a side is wrong."""
    given = options(__doc__ or "", words)
    results = measure(Settings(**({"rounds": 2} if given.quick else {}), workers=cores()), given)
    return 0 if results["passed"] else 1


def measure(settings: Settings, given: Options) -> dict[str, Any]:
    """Run what `settings` ask for, and report it; returns the results."""

    def work(cells: Cells) -> tuple[dict[str, Any], dict[str, float]]:
        sides = [Side("ensemble", partial(_ensemble, settings), partial(_ensemble, settings, 99))]
        for threads in settings.threads:
            run = partial(_loop, settings, threads)
            sides.append(Side(f"loop_{threads}", run, partial(run, 99)))
        run_rounds(sides, settings.rounds, cells, _tell)
        return _judged(settings, cells, [side.name for side in sides])

    return conduct("finite_width", settings, given, ("torch", "numpy"), work)


# The sides -------------------------------------------------------------------------------------------


def _ensemble(settings: Settings, number: int) -> Outcome:
    inputs = np.ones((1, settings.inputs))
    found = random_networks(
        settings.widths, inputs, "relu", 2.0, networks=settings.networks, seed=1000 + number
    )
    return Outcome(settings.networks, 0, {"logs": np.log(found.norm[:, 0]).tolist()})


def _loop(settings: Settings, threads: int, number: int) -> Outcome:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    torch.manual_seed(1000 + number)
    try:
        norms = [one_by_one(settings.widths, settings.inputs)["norm"] for _ in range(settings.singles)]
    finally:
        torch.set_num_threads(before)
    return Outcome(settings.singles, 0, {"logs": [math.log(norm) for norm in norms]})


def one_by_one(widths: Sequence[int], inputs: int) -> dict[str, Any]:
    """What an ensemble says of a network, by the textbook's means."""
    parts: list[nn.Module] = []
    for fan_in, width in zip([inputs, *widths], widths, strict=False):
        parts += [nn.Linear(fan_in, width, bias=False), nn.ReLU()]
    body, head = nn.Sequential(*parts), nn.Linear(widths[-1], 1, bias=False)
    layers = [part for part in (*body, head) if isinstance(part, nn.Linear)]
    for layer in layers:
        nn.init.normal_(layer.weight, std=math.sqrt(2.0 / layer.in_features))
    x = torch.ones(1, inputs, requires_grad=True)
    signal, zs = x, []
    for part in body:
        signal = part(signal)
        if isinstance(part, nn.Linear):
            zs.append(signal)
    weights = [layer.weight for layer in layers]
    by_x, *slopes = torch.autograd.grad(head(signal).sum(), [x, *weights, *zs])
    direction = torch.eye(1, inputs)
    _, tangent = torch.autograd.functional.jvp(body, x.detach(), direction)
    by_weights, by_z = slopes[: len(weights)], slopes[len(weights) :]
    return {
        "norm": float(signal.detach().square().mean() / x.detach().square().mean()),
        "directional": float(tangent.square().mean() / direction.square().mean()),
        "input_gradient": float(by_x.square().sum()),
        "kernel": sum(
            float(2.0 / layer.in_features * by.square().sum())
            for layer, by in zip(layers, by_weights, strict=True)
        ),
        "squares": [float(z.detach().square().mean()) for z in zs],
        "fourths": [float(z.detach().pow(4).mean()) for z in zs],
        "gradients": [float(each.square().sum()) for each in by_z],
    }


# Judgement -------------------------------------------------------------------------------------------


def _judged(settings: Settings, cells: Cells, names: list[str]) -> tuple[dict[str, Any], dict[str, float]]:
    """Seconds of each side for all networks, whether it met the laws, and the ratios."""
    lines, ratios, ours = {}, {}, cells.of("ensemble")
    print(f"\n{'':10}  networks  seconds  for {settings.networks}     ratio  Var log F  E log F")
    for name in names:
        theirs = cells.of(name)
        each = float(np.median([cell.seconds for cell in theirs])) / theirs[0].outcome.trials
        logs = np.concatenate([cell.outcome.kept["logs"] for cell in theirs])
        line = {
            "seconds_for_all": each * settings.networks,
            "variance": float(logs.var(ddof=1)),
            "mean": float(logs.mean()),
            "right": bool(_right(settings, logs)),
        }
        lines[name] = line
        ratio = ratios[f"ensemble/{name}"] = median_ratio(ours, theirs)[0]
        numbers = f"{theirs[0].outcome.trials:>8}  {each * theirs[0].outcome.trials:>7.2f}"
        laws = f"{line['variance']:>9.4f}  {line['mean']:>7.4f}"
        print(f"{name:10}  {numbers}  {line['seconds_for_all']:>8.1f}  {ratio:>8.1f}  {laws}")
    mean, variance = log_norm_mean(settings.widths), log_norm_variance(settings.widths)
    print(f"{'law':10}  {'':37}  {variance:>9.4f}  {mean:>7.4f}")
    fast = lines["ensemble"]["seconds_for_all"] <= MOST_SECONDS
    passed = bool(fast and all(line["right"] for line in lines.values()))
    return {"sides": lines, "law": {"variance": variance, "mean": mean}, "passed": passed}, ratios


def _right(settings: Settings, logs: np.ndarray) -> bool:
    """Mean and variance within `ERRORS` standard errors of the laws; logarithms are nearly normal."""
    mean, variance = log_norm_mean(settings.widths), log_norm_variance(settings.widths)
    off = abs(logs.mean() - mean) / math.sqrt(variance / len(logs))
    spread = abs(logs.var(ddof=1) - variance) / (variance * math.sqrt(2.0 / len(logs)))
    return off <= ERRORS and spread <= ERRORS


def _tell(cell: Cell) -> None:
    print(f"{cell.side:10} {cell.seconds:6.2f} s, load {cell.load:.1f}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
