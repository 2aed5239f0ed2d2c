"""Lines T15 and T16: the rank of the Jacobian on the rows, and what it certifies."""

import math

import torch

from profunda.errors import ProfundaError
from profunda.forecasting.lines import Line, absent
from profunda.forecasting.outlook import Outlook
from profunda.forecasting.rows import entering
from profunda.theory.certificates import certificate
from profunda.theory.jacobians import JacobianRank, jacobian_rank

__all__ = ["rank_lines"]

ROWS = 48
"""Rows of data that the Jacobian is taken on, at most."""
FEWEST = 8
"""Rows below which a rank says little."""
_CELLS = 4_000_000
"""Entries of the Jacobian; fewer rows are taken where it would have more."""
_BENT = 500_000
"""Entries up to which the change of the Jacobian is estimated too."""


def rank_lines(outlook: Outlook) -> tuple[Line, ...]:
    """T15: rank, its reasons and σ_min/σ_max; T16: the Polyak–Łojasiewicz constant and its radius."""
    subject = outlook.subject
    outputs = max(subject.outputs, 1)
    n = min(ROWS, len(outlook.rows.x), _CELLS // max(1, subject.parameters * outputs))
    if n < min(FEWEST, len(outlook.rows.x)):
        why = f"a Jacobian by {subject.parameters:,} parameters is too large to factor here"
        return (absent("T15", "rank of the Jacobian", "expressivity", why), _nothing(why))
    module = subject.modules[0]
    x = entering(module, outlook.rows.x[:n])
    try:
        found = jacobian_rank(module, x)
    except (ProfundaError, RuntimeError) as error:  # a stranger's module may have no gradient by rows
        return (absent("T15", "rank of the Jacobian", "expressivity", str(error)), _nothing(str(error)))
    return (*_rank(outlook, found), *_constants(outlook, found, x))


def _nothing(why: str) -> Line:
    return absent("T16", "Polyak–Łojasiewicz constant", "learnability", why)


def _rank(outlook: Outlook, found: JacobianRank) -> tuple[Line, ...]:
    subject = outlook.subject
    source = "generic rank; rescaling symmetry of ReLU units"
    sides = [law.activation.sides for law in subject.laws[:-1]]
    scaling = bool(sides) and all(side is not None for side in sides)
    free = subject.parameters - (sum(subject.widths) if scaling else 0)
    value = math.nan if subject.why else float(min(found.n_rows, free))
    formula = "min(n·C, P − hidden units)" if scaling else "min(n·C, P)"
    told = "; ".join(one.text for one in found.deficits)
    spread = found.smallest / found.largest if found.largest else 0.0
    return (
        Line("T15", "rows of the Jacobian", "expressivity", found.n_rows, "n·C measured", "definition"),
        Line(
            "T15", "rank of the Jacobian", "expressivity", value, formula, source, measured=found.rank,
            valid="extrapolated" if subject.why or scaling else "ok",
            reason=told or ("an upper bound where units may be dead" if scaling else ""),
        ),
        Line(
            "T15", "σ_min/σ_max of the Jacobian", "learnability", math.nan, "singular values in float64",
            "definition", measured=spread,
        ),
    )  # fmt: skip


def _constants(outlook: Outlook, found: JacobianRank, x: torch.Tensor) -> tuple[Line, ...]:
    source = "Liu, Zhu and Belkin 2022"
    lines = [
        Line(
            "T16", "Polyak–Łojasiewicz constant", "learnability", math.nan, "σ_min(J)²", source,
            measured=found.pl_constant,
            reason="" if found.full else "0, as the Jacobian has not full row rank",
        )
    ]  # fmt: skip
    name = "radius without bad critical points"
    if found.n_rows * found.n_parameters > _BENT:
        return (*lines, absent("T16", name, "learnability", "the network is too large to estimate it here"))
    try:
        radius = certificate(outlook.subject.modules[0], x, starts=1).radius
    except (ProfundaError, RuntimeError) as error:
        return (*lines, absent("T16", name, "learnability", str(error)))
    told = "an estimate, as the Lipschitz constant is one; kinks are not seen by it"
    ball = Line("T16", name, "learnability", math.nan, "σ_min/Lip(J)", source, measured=radius,
                valid="extrapolated", reason=told)  # fmt: skip
    return (*lines, ball)
