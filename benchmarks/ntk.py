"""The empirical tangent kernel beside the recipe of torch.func's tutorial, at equal results.

    python benchmarks/ntk.py [--quick] [--json FILE] [--cells FILE.jsonl]

A network of 3 hidden layers of 1,024 ReLU units, 20 inputs and one output, float32, and 256 rows: 2.1 million
parameters. The tutorial ("Neural Tangent Kernels", by contraction of Jacobians) makes the gradients of all
rows by `vmap(jacrev)`, N·P numbers, and contracts them parameter by parameter. It makes them once for each
of its two sets of rows; as ours are one set, it is spared the second time here. Ours,
`profunda.theory.empirical_ntk`, multiplies the factors of the outer products that these gradients are. Both
get the same threads.

Exit code 1 where the results differ by more than 1e-5 of the largest entry, or where ours is not 20 times as
fast.
"""

import os

# Waiting OpenMP threads would spin and steal the cores from whoever runs next.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

import itertools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from _bench import Cells, Options, Outcome, Side, conduct, median_ratio, options, run_rounds
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

from profunda.theory.tangents import empirical_ntk

__all__ = ["Settings", "main", "measure", "network", "recipe"]

INPUTS = 20
WANTED_RATIO, WANTED_DIFFERENCE = 20.0, 1e-5


@dataclass(frozen=True)
class Settings:
    """How large, and how often."""

    rounds: int = 5
    width: int = 1024
    hidden: int = 3
    rows: int = 256
    threads: int = 1

    @property
    def expected_seconds(self) -> float:
        """On two calm cores."""
        work = self.rows**2 * self.width**2 * (self.hidden - 1) * 2.0
        return 5.0 + (self.rounds + 1) * work * 1.5 / 40e9


QUICK = {"rounds": 3}


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write; 1 where a promise is not kept."""
    given = options(__doc__ or "", words)
    results = measure(Settings(**(QUICK if given.quick else {})), given)
    return 0 if results["kept"] else 1


def measure(settings: Settings, given: Options) -> dict[str, Any]:
    """Run what `settings` ask for, and report it; returns the results."""

    def work(cells: Cells) -> tuple[dict[str, Any], dict[str, float]]:
        torch.set_num_threads(settings.threads)
        net, x = network(settings)
        last: dict[str, Tensor] = {}
        sides = [
            _side("ours", lambda: empirical_ntk(net, x).values, last),
            _side("tutorial", lambda: recipe(net, x), last),
        ]
        run_rounds(sides, settings.rounds, cells)
        difference = _difference(net, x, last)
        ratio, least, most = median_ratio(cells.of("ours"), cells.of("tutorial"))
        kept = ratio >= WANTED_RATIO and difference <= WANTED_DIFFERENCE
        for side in sides:
            each = sorted(cell.seconds for cell in cells.of(side.name))
            print(f"{side.name:<10} {1e3 * each[len(each) // 2]:9.1f} ms")
        print(f"ours is {ratio:.1f} times as fast ({least:.1f} to {most:.1f}; {WANTED_RATIO:g} are promised)")
        print(f"largest difference {difference:.1e} of the largest entry ({WANTED_DIFFERENCE:g} are allowed)")
        return {"difference": difference, "kept": kept}, {"tutorial": ratio}

    return conduct("ntk", settings, given, ["torch"], work)


def network(settings: Settings) -> tuple[nn.Sequential, Tensor]:
    """The network and its rows, always the same."""
    generator = torch.Generator().manual_seed(0)
    sizes = [INPUTS, *[settings.width] * settings.hidden, 1]
    parts: list[nn.Module] = []
    for into, out in itertools.pairwise(sizes):
        layer = nn.Linear(into, out)
        with torch.no_grad():
            layer.weight.normal_(0.0, (2.0 / into) ** 0.5, generator=generator)
            layer.bias.zero_()
        parts += [layer, nn.ReLU()]
    return nn.Sequential(*parts[:-1]), torch.randn(settings.rows, INPUTS, generator=generator)


def recipe(net: nn.Module, x: Tensor) -> Tensor:
    """Θ [N·C, N·C] by per-row Jacobians and their contraction."""
    params = {name: each.detach() for name, each in net.named_parameters()}

    def single(params: dict[str, Tensor], row: Tensor) -> Tensor:
        return functional_call(net, params, (row.unsqueeze(0),)).squeeze(0)

    found = vmap(jacrev(single), (None, 0))(params, x)
    total = None
    for each in found.values():
        flat = each.flatten(2)
        part = torch.einsum("Naf,Mbf->NaMb", flat, flat)
        total = part if total is None else total + part
    assert total is not None  # there are parameters
    return total.reshape(total.shape[0] * total.shape[1], -1)


def _side(name: str, made: Callable[[], Tensor], last: dict[str, Tensor]) -> Side:
    def run(number: int) -> Outcome:
        last[name] = made()
        return Outcome(1, 1)

    return Side(name, run, made)


def _difference(net: nn.Module, x: Tensor, last: dict[str, Tensor]) -> float:
    ours = last["ours"] if "ours" in last else empirical_ntk(net, x).values
    theirs = last["tutorial"] if "tutorial" in last else recipe(net, x)
    return float((ours - theirs).abs().max() / theirs.abs().max())


if __name__ == "__main__":
    sys.exit(main())
