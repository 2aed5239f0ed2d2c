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

TABLES = 15
SOURCE = f"benchmarks/guidance.py, {TABLES} tables"


@dataclass(frozen=True)
class Tested:
    """A rule as it was tried, its verdict, and what was found."""

    rule: str
    verdict: Verdict
    found: str

    @property
    def measured(self) -> str:
        """Verdict, finding and source in one line."""
        return f"{self.verdict}: {self.found} ({SOURCE})"


DEPTH = Tested(
    "begin with 2 to 4 layers (64 wide)",
    "holds with conditions",
    "mean loss by number of layers 0: 0.183, 1: 0.053, 2: 0.063, 3: 0.099, 4: 0.114, 6: 0.127, 8: "
    "0.158. Two to four less none −0.091 [−0.187, +0.012], less one +0.039 [+0.006, +0.078], less six "
    "−0.034 [−0.068, −0.004], less eight −0.066 [−0.100, −0.036]. One layer was not worse than two to "
    "four.",
)
FIRST = Tested(
    "2 to 10 times the inputs, read of the first layer",
    "holds with conditions",
    "inside the range less below −0.122 [−0.164, −0.077], 13 of 15 tables; inside less beyond +0.030 "
    "[+0.003, +0.053], 3 of 15 tables. Mean loss by first layer on the 6 tables that have every ratio "
    "0.5x: 0.343, 1x: 0.221, 2x: 0.139, 4x: 0.085, 8x: 0.040, 16x: 0.027, 32x: 0.022.",
)
TOTAL = Tested(
    "2 to 10 times the inputs, read of all units",
    "holds with conditions",
    "inside the range less below −0.109 [−0.140, −0.075], 14 of 15 tables; inside less beyond +0.070 "
    "[+0.032, +0.108], 3 of 15 tables.",
)
EVERY = Tested(
    "2 to 10 times the inputs, read of every layer",
    "holds with conditions",
    "inside the range less below −0.071 [−0.115, −0.026], 11 of 15 tables; inside less beyond +0.009 "
    "[−0.019, +0.036], 5 of 15 tables.",
)
SHAPE = Tested(
    "decreasing or constant widths, not increasing (three layers)",
    "holds",
    "at equal parameters mean loss pyramid: 0.071, constant: 0.084, funnel: 0.125. A pyramid less a "
    "funnel −0.054 [−0.100, −0.021], 14 of 15 tables; constant less a funnel −0.040 [−0.085, −0.009], "
    "14 of 15; a pyramid less constant −0.014 [−0.026, −0.004], 12 of 15.",
)
COMPLEX = Tested(
    "complex data: deeper and narrower",
    "wrong",
    "at equal parameters four and six layers less one and two +0.047 [+0.021, +0.070], better on 1 of "
    "7 tables on which boosted trees gain most over a linear model (by layers 1: 0.033, 2: 0.023, 4: "
    "0.059, 6: 0.090). Depth costs less the more complex a table is (rank correlation −0.44, p "
    "0.098): the tendency is the rule's, though not beyond chance, the advice is not.",
)
SIMPLE = Tested(
    "simple data: shallower and wider",
    "holds",
    "at equal parameters one and two layers less four and six −0.135 [−0.241, −0.043], better on 7 of "
    "8 of the other tables (by layers 1: 0.060, 2: 0.110, 4: 0.188, 6: 0.252).",
)
WIDE = Tested(
    "avoid oversize: width",
    "not distinguishable",
    "two layers of 64 less two of 512 +0.009 [−0.016, +0.035] plain, −0.023 [−0.046, −0.004] with "
    "dropout and L2.",
)
DEEP = Tested(
    "avoid oversize: depth",
    "holds",
    "three layers of 64 less eight −0.059 [−0.091, −0.031], 14 of 15 tables.",
)
REGULARISED = Tested(
    "larger networks need L2 and dropout (two layers)",
    "not distinguishable",
    "dropout 0.1 with L2 0.01, less neither: 512 wide +0.012 [−0.034, +0.055], 64 wide −0.021 "
    "[−0.049, +0.003], 16 wide +0.004 [−0.027, +0.038]. With the best epoch kept, one light dose for "
    "all tables makes no difference that could be found: search it.",
)
RULES = (DEPTH, FIRST, TOTAL, EVERY, SHAPE, COMPLEX, SIMPLE, WIDE, DEEP, REGULARISED)
"""All of them, in the order of the text."""
