"""What the textbook's rules on depth and widths came to on real tables, as `benchmarks/guidance.py` found it.

That script trains the same networks on every table as one fleet, on five splits each, with Adam, a cosine
schedule and the better of two learning rates. Losses on the judging rows are put on a scale on which 0 is the
best network of the table and 1 the constant prediction; numbers below are mean differences on that scale
over the tables, with 95 % intervals of a bootstrap over tables, and Wilcoxon's signed-rank test at 5 %
decides. At most 2,000 rows train: of larger tables nothing is said.
"""

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "COMPLEX",
    "DEEP",
    "DEPTH",
    "EVERY",
    "FIRST",
    "REGULARISED",
    "RULES",
    "SHAPE",
    "SIMPLE",
    "SOURCE",
    "TOTAL",
    "WIDE",
    "Tested",
    "Verdict",
]

Verdict = Literal["holds", "holds with conditions", "wrong", "not distinguishable"]

TABLES = 17
SOURCE = f"benchmarks/guidance.py, {TABLES} tables"


@dataclass(frozen=True)
class Tested:
    """A rule as it was tried, its verdict, what was found in one sentence, and all its numbers."""

    rule: str
    verdict: Verdict
    found: str
    details: str

    @property
    def measured(self) -> str:
        """Verdict, finding and source in one line."""
        return f"{self.verdict}: {self.found} ({SOURCE})"


DEPTH = Tested(
    "begin with 2 to 4 layers (64 wide)",
    "holds with conditions",
    "mean loss without dropout, 0 the best network and 1 the constant: no hidden layer 0.18, one "
    "0.05, two 0.08, three 0.09, four 0.11, six 0.13, eight 0.15.",
    "two to four layers less another number, with dropout and L2 and without: 0 −0.094 [−0.180, "
    "−0.005] and −0.084 [−0.165, +0.000]; 1 +0.035 [+0.005, +0.069] and +0.043 [+0.017, +0.072]; 6 "
    "−0.032 [−0.062, −0.005] and −0.038 [−0.079, −0.001]; 8 −0.066 [−0.098, −0.039] and −0.053 "
    "[−0.112, −0.007]. Mean loss by layers, regularised 0: 0.182, 1: 0.054, 2: 0.060, 3: 0.092, 4: "
    "0.112, 6: 0.120, 8: 0.155; plain 0: 0.178, 1: 0.052, 2: 0.081, 3: 0.092, 4: 0.110, 6: 0.132, 8: "
    "0.147.",
)
FIRST = Tested(
    "2 to 10 times the inputs, read of the first layer",
    "holds with conditions",
    "inside the range better than below it on 15 of 17 tables, better than beyond it on 3 of 16.",
    "inside the range less below −0.115 [−0.154, −0.074], better on 15 of 17 tables; inside less "
    "beyond +0.029 [+0.003, +0.051], better on 3 of 16. Mean loss by first layer on the 6 tables that "
    "have every ratio 0.5x: 0.344, 1x: 0.222, 2x: 0.140, 4x: 0.086, 8x: 0.041, 16x: 0.028, 32x: "
    "0.024.",
)
TOTAL = Tested(
    "2 to 10 times the inputs, read of all units",
    "holds with conditions",
    "inside the range better than below it on 16 of 17 tables, better than beyond it on 3 of 17.",
    "inside the range less below −0.104 [−0.134, −0.073], better on 16 of 17 tables; inside less "
    "beyond +0.064 [+0.030, +0.099], better on 3 of 17.",
)
EVERY = Tested(
    "2 to 10 times the inputs, read of every layer",
    "holds with conditions",
    "inside the range better than below it on 13 of 17 tables, better than beyond it on 5 of 16.",
    "inside the range less below −0.066 [−0.105, −0.026], better on 13 of 17 tables; inside less "
    "beyond +0.010 [−0.016, +0.035], better on 5 of 16.",
)
SHAPE = Tested(
    "decreasing or constant widths, not increasing (three layers)",
    "holds",
    "at equal parameters a pyramid was better than a widening network on 16 of 17 tables, constant "
    "widths on 16 of 17, a pyramid better than constant widths on 13 of 17.",
    "at equal parameters, mean loss pyramid: 0.071, constant: 0.081, funnel: 0.120. A pyramid less a "
    "funnel −0.049 [−0.090, −0.020], better on 16 of 17 tables; constant less a funnel −0.039 "
    "[−0.077, −0.010], 16 of 17; a pyramid less constant −0.010 [−0.022, +0.000], 13 of 17.",
)
COMPLEX = Tested(
    "complex data: deeper and narrower",
    "wrong",
    "at equal parameters four and six layers were better than one and two on 1 of 8 complex tables "
    "with dropout, on 2 of 8 without.",
    "at equal parameters, four and six layers less one and two, on the half of the tables on which "
    "boosted trees gain most over a linear model: with dropout and L2 +0.047 [+0.025, +0.068], better "
    "on 1 of 8; without +0.021 [+0.002, +0.037], 2 of 8. Mean loss by layers, regularised 1: 0.035, "
    "2: 0.029, 4: 0.063, 6: 0.095; plain 1: 0.035, 2: 0.048, 4: 0.054, 6: 0.070. Rank correlation of "
    "complexity with the loss of deep less shallow: regularised −0.35 (p 0.17); plain −0.46 (p "
    "0.064); the rule expects a negative one.",
)
SIMPLE = Tested(
    "simple data: shallower and wider",
    "holds",
    "at equal parameters one and two layers were better than four and six on 8 of 9 simple tables "
    "with dropout, on 9 of 9 without.",
    "at equal parameters, one and two layers less four and six, on the other half of the tables: with "
    "dropout and L2 −0.123 [−0.219, −0.042], better on 8 of 9; without −0.129 [−0.230, −0.046], 9 of "
    "9. Mean loss by layers, regularised 1: 0.055, 2: 0.101, 4: 0.172, 6: 0.231; plain 1: 0.063, 2: "
    "0.108, 4: 0.198, 6: 0.231.",
)
WIDE = Tested(
    "avoid oversize: width",
    "not distinguishable",
    "two layers of 64 were better than two of 512 on 5 of 17 tables without dropout and L2, on 11 of "
    "17 with them.",
    "two layers of 64 less two of 512: without dropout and L2 +0.010 [−0.011, +0.033], with them "
    "−0.020 [−0.041, −0.003].",
)
DEEP = Tested(
    "avoid oversize: depth",
    "holds with conditions",
    "three layers were better than eight on 16 of 17 tables with dropout, on 12 of 17 without.",
    "three layers of 64 less eight: with dropout and L2 −0.063 [−0.093, −0.035], better on 16 of 17 "
    "tables; without −0.055 [−0.115, −0.006], 12 of 17.",
)
REGULARISED = Tested(
    "larger networks need L2 and dropout (two layers)",
    "not distinguishable",
    "one light dose for all (dropout 0.1, L2 0.01) was better than none on 7 of 17 tables for 512 "
    "units, 11 of 17 for 64, 9 of 17 for 16.",
    "dropout 0.1 with L2 0.01 less neither: 512 wide +0.010 [−0.029, +0.048], better on 7 of 17 "
    "tables; 64 wide −0.021 [−0.046, +0.000], 11 of 17; 16 wide +0.005 [−0.023, +0.033], 9 of 17.",
)
RULES = (DEPTH, FIRST, TOTAL, EVERY, SHAPE, COMPLEX, SIMPLE, WIDE, DEEP, REGULARISED)
"""All of them, in the order of the text."""
