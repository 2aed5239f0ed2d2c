"""What a watch costs a training loop, at default settings, and whether it changes a bit of it.

    python benchmarks/overhead.py [--quick] [--json FILE] [--cells FILE.jsonl]

A table at the end: what a step costs watched, over what it costs without (median of the rounds, and a 95 %
interval of that median by ranks), the step itself, and what is paid once: `diagnosis()` after the run, in
seconds and as a share of that run.

Four networks are trained by plain PyTorch loops, with `profunda.diagnosis.watching.watch` around them and
without: an MLP on tables, a CNN with batch norms, an LSTM and a Transformer. Losses are functions, seen
through `w.loss`. Both loops live side by side and take turns of some 50 ms, so that what else the machine
does meets both; a ratio is taken of all turns of a round. On one thread the CPU time of a loop is its
duration on a calm machine, and other people's work does not count in it.

`diagnosis()` is asked for by the user and told beside, not judged: looks and trainings for comparison are
bounded by steps of the run and by products in a pass. Entering and leaving count as steps do.

Exit code 1 where weights, buffers, the optimiser's state, random numbers or losses differ by one bit in any
round, or where a watch costs more than 3 % of steps that last 5 ms or longer, or 10 % of shorter ones.
"""

import os

# Waiting OpenMP threads would spin and steal the cores from whoever runs next.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

import hashlib
import math
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from _bench import Cells, Options, Outcome, Side, conduct, options, run_rounds
from torch import Tensor, nn
from torch.optim import optimizer as optimizers

from profunda.diagnosis.watching import watch

__all__ = ["PROGRAMS", "Loop", "Program", "Settings", "asked", "main", "measure", "side_by_side"]

LONG_STEP, LONG_LIMIT, SHORT_LIMIT = 5e-3, 0.03, 0.10


@dataclass(frozen=True)
class Settings:
    """How often, and how long one cell trains."""

    rounds: int = 7
    seconds: float = 4.0
    threads: int = 1

    @property
    def expected_seconds(self) -> float:
        """On two calm cores."""
        return len(PROGRAMS) * (2.0 * self.rounds * self.seconds + ASKED)


QUICK = Settings(rounds=5, seconds=1.0)

ASKED = 12.0
"""Seconds for a diagnosis, about."""

TURN = 0.05
"""Seconds of one loop before it is the other's turn."""

ONE_OFF = " diagnosis"
"""What the cell of the costs that are paid once is called, after the program."""


@dataclass(frozen=True)
class Program:
    """One loop: `model()` makes the network, `batch()` a batch of inputs and targets, `loss` compares."""

    name: str
    model: Callable[[], nn.Module]
    batch: Callable[[], tuple[Tensor, Tensor]]
    loss: Callable[[Tensor, Tensor], Tensor]


class Reader(nn.Module):
    """Predicts a class from a sequence of tokens: an LSTM or a Transformer between embedding and head."""

    def __init__(self, body: nn.Module, width: int) -> None:
        super().__init__()
        self.embed, self.body, self.head = nn.Embedding(200, width), body, nn.Linear(width, 10)

    def forward(self, tokens: Tensor) -> Tensor:
        found = self.body(self.embed(tokens))
        return self.head((found[0] if isinstance(found, tuple) else found).mean(1))


def _mlp() -> nn.Module:
    return nn.Sequential(
        nn.Linear(20, 128), nn.ReLU(), nn.Dropout(0.1), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 3)
    )


def _cnn() -> nn.Module:
    parts: list[nn.Module] = []
    for into, out in ((3, 16), (16, 32), (32, 32)):
        parts += [nn.Conv2d(into, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*parts, nn.Flatten(), nn.Linear(32 * 16, 10))


def _lstm() -> nn.Module:
    return Reader(nn.LSTM(64, 64, num_layers=2, dropout=0.1, batch_first=True), 64)


def _transformer() -> nn.Module:
    block = nn.TransformerEncoderLayer(64, 4, 256, dropout=0.1, batch_first=True)
    return Reader(nn.TransformerEncoder(block, 2, enable_nested_tensor=False), 64)


def _tokens() -> tuple[Tensor, Tensor]:
    return torch.randint(0, 200, (32, 32)), torch.randint(0, 10, (32,))


PROGRAMS = (
    Program("mlp", _mlp, lambda: (torch.randn(64, 20), torch.randint(0, 3, (64,))), F.cross_entropy),
    Program("cnn", _cnn, lambda: (torch.randn(32, 3, 32, 32), torch.randint(0, 10, (32,))), F.cross_entropy),
    Program("lstm", _lstm, _tokens, F.cross_entropy),
    Program("transformer", _transformer, _tokens, F.cross_entropy),
)


class Loop:
    """A training that stands still between turns; `seconds` of CPU time so far, entering and leaving the
    watch included.
    """

    def __init__(self, program: Program, watched: bool) -> None:
        torch.manual_seed(0)
        self.program, self.steps, self.losses = program, 0, list[Tensor]()
        self.model = program.model()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3)
        start = time.process_time()
        self.watch = watch(self.model, self.optimizer, program.loss) if watched else None
        if self.watch is not None:
            self.watch.__enter__()
        self.seconds = time.process_time() - start
        self._random = torch.get_rng_state()
        self._hooks = _taken()

    def turn(self, steps: int) -> None:
        """So many steps, with the random numbers and the hooks on all optimisers that are its own."""
        _put(self._hooks)
        torch.set_rng_state(self._random)
        start = time.process_time()
        compared = self.program.loss if self.watch is None else self.watch.loss
        for _ in range(steps):
            x, y = self.program.batch()
            self.optimizer.zero_grad()
            loss = compared(self.model(x), y)
            loss.backward()
            self.optimizer.step()
            self.losses.append(loss.detach())
        self.seconds += time.process_time() - start
        self.steps += steps
        self._random, self._hooks = torch.get_rng_state(), _taken()

    def end(self) -> list[float]:
        """Leave the watch; a digest of all that training may have changed."""
        _put(self._hooks)
        torch.set_rng_state(self._random)
        start = time.process_time()
        if self.watch is not None:
            self.watch.__exit__(None, None, None)
        self.seconds += time.process_time() - start
        w = self.watch
        if w is not None and (w.notes or len(w.course().loss) != self.steps):
            raise RuntimeError(f"the watch saw {len(w.course().loss)} of {self.steps} steps: {w.notes}")
        return _digest(self.model, self.optimizer, self.losses)


_EVERYWHERE = (optimizers._global_optimizer_pre_hooks, optimizers._global_optimizer_post_hooks)
"""Hooks that torch calls at the steps of any optimiser: those of one loop's watch would cost the other."""


def _taken() -> list[dict[int, Any]]:
    taken = [dict(hooks) for hooks in _EVERYWHERE]
    for hooks in _EVERYWHERE:
        hooks.clear()
    return taken


def _put(taken: list[dict[int, Any]]) -> None:
    for hooks, own in zip(_EVERYWHERE, taken, strict=True):
        hooks.update(own)


def side_by_side(program: Program, steps: int, turn: int) -> tuple[Loop, Loop, bool]:
    """Both loops after `steps` steps, in turns of `turn`; and whether they ended alike to the last bit."""
    plain, watched = Loop(program, False), Loop(program, True)
    for at in range(0, steps, turn):
        pair = (plain, watched) if at // turn % 2 else (watched, plain)
        for each in pair:
            each.turn(min(turn, steps - at))
    return plain, watched, plain.end() == watched.end()


def asked(program: Program, steps: int) -> tuple[float, float, bool]:
    """CPU seconds of a watched run, of its diagnosis, and whether that left every bit of the model."""
    loop = Loop(program, True)
    loop.turn(steps)
    loop.end()
    assert loop.watch is not None
    before = _digest(loop.model, loop.optimizer, [torch.zeros(())])
    start = time.process_time()
    loop.watch.diagnosis()
    seconds = time.process_time() - start
    return loop.seconds, seconds, _digest(loop.model, loop.optimizer, [torch.zeros(())]) == before


def _digest(model: nn.Module, optimizer: torch.optim.Optimizer, losses: list[Tensor]) -> list[float]:
    sums = hashlib.sha256()
    moments = [value for state in optimizer.state.values() for value in state.values()]
    tensors = [*model.state_dict().values(), *moments, torch.stack(losses), torch.get_rng_state()]
    for tensor in tensors:
        sums.update(tensor.detach().contiguous().numpy().tobytes())
    words = sums.hexdigest()
    return [float(int(words[at : at + 12], 16)) for at in range(0, 48, 12)]  # exact: 48 bits each


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write; 1 where a promise is not kept."""
    given = options(__doc__ or "", words)
    results = measure(QUICK if given.quick else Settings(), given)
    return 0 if results["kept"] else 1


def measure(settings: Settings, given: Options) -> dict[str, Any]:
    """Run what `settings` ask for, and report it; returns the results."""

    def work(cells: Cells) -> tuple[dict[str, Any], dict[str, float]]:
        torch.set_num_threads(settings.threads)
        results: dict[str, Any] = {}
        ratios: dict[str, float] = {}
        for program in PROGRAMS:
            pair = _Pair(program, settings.seconds)
            run_rounds([pair.both()], settings.rounds, cells)
            run_rounds([pair.once()], 1, cells)
            results[program.name] = found = _judged(program.name, cells)
            ratios[program.name] = found["ratio"]
        _table(results)
        return {**results, "kept": all(each["kept"] for each in results.values())}, ratios

    return conduct("overhead", settings, given, ["torch"], work)


class _Pair:
    """Both loops of one program: as many steps as `seconds` hold in a warm run."""

    def __init__(self, program: Program, seconds: float) -> None:
        self.program, self.seconds, self.steps, self.turn = program, seconds, 0, 1

    def warm_up(self) -> None:
        """Count the steps, once."""
        if self.steps:
            return
        side_by_side(self.program, 10, 1)
        one = side_by_side(self.program, 10, 1)[0].seconds / 10
        self.steps, self.turn = max(20, round(self.seconds / one)), max(1, round(TURN / one))

    def both(self) -> Side:
        """A round of both."""

        def run(number: int) -> Outcome:
            self.warm_up()
            plain, watched, equal = side_by_side(self.program, self.steps, self.turn)
            kept = {"plain": [plain.seconds], "watched": [watched.seconds], "equal": [float(equal)]}
            return Outcome(2, self.steps, kept)

        return Side(self.program.name, run, self.warm_up)

    def once(self) -> Side:
        """What is paid once, after a run as long as those of the rounds."""

        def run(number: int) -> Outcome:
            self.warm_up()  # where all rounds were done before
            run, diagnosis, equal = asked(self.program, self.steps)
            return Outcome(1, self.steps, {"run": [run], "diagnosis": [diagnosis], "equal": [float(equal)]})

        return Side(self.program.name + ONE_OFF, run, lambda: None)


def _judged(name: str, cells: Cells) -> dict[str, Any]:
    rounds = [cell.outcome for cell in cells.of(name)]
    ratios = sorted(one.kept["watched"][0] / one.kept["plain"][0] for one in rounds)
    steps = [one.kept["plain"][0] / one.steps for one in rounds]
    ratio, step = statistics.median(ratios), statistics.median(steps)
    limit = 1.0 + (LONG_LIMIT if step >= LONG_STEP else SHORT_LIMIT)
    once = cells.of(name + ONE_OFF)[0].outcome.kept
    equal = all(one.kept["equal"][0] == 1.0 for one in rounds) and bool(once["equal"][0])
    low, high = _interval(ratios)
    print(f"{name:<12} measured", flush=True)
    return {
        "step": step,
        "ratio": ratio,
        "low": low,
        "high": high,
        "limit": limit,
        "equal": equal,
        "diagnosis": once["diagnosis"][0],
        "diagnosis_share": once["diagnosis"][0] / once["run"][0],
        "kept": equal and ratio <= limit,
    }


def _interval(ratios: Sequence[float]) -> tuple[float, float]:
    """95 % of the median: the k-th smallest and largest, k the most for which binomial tails allow it; the
    range where there are too few.
    """
    n, k, tail = len(ratios), 0, 0.0
    while k < n // 2 and tail + math.comb(n, k) / 2**n <= 0.025:
        tail += math.comb(n, k) / 2**n
        k += 1
    return ratios[max(0, k - 1)], ratios[n - max(1, k)]


def _table(results: dict[str, Any]) -> None:
    print("\nnetwork      step ms   ratio  (95 %)            allowed  diagnosis s  of the run  bits")
    for name, each in results.items():
        print(
            f"{name:<12} {1e3 * each['step']:7.2f}  {each['ratio']:6.3f}  ({each['low']:.3f}"
            f" to {each['high']:.3f})  {each['limit']:7.2f}  {each['diagnosis']:11.1f}"
            f"  {each['diagnosis_share']:9.1f}x  {'equal' if each['equal'] else 'DIFFER'}"
            f"{'' if each['kept'] else '  BROKEN'}",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
