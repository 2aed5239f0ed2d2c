"""Rules of the area data: sizes of inputs and targets.

A layer's curvature is the mean square of what enters it, so a column of size s makes the loss s² times as
steep in its weights as one of size 1. That is judged in shares and ratios, and it is a fault only where
training failed: where it did not, an optimiser that scales each weight had made up for it.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from profunda.diagnosis.finding import Answer, Change, Evidence, Finding
from profunda.diagnosis.givens import Held, Rows, Targets
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.consequences import FADING, WILD
from profunda.diagnosis.rules.reached import Reached, normed_by_row, reached, rescaled, scaled_as_one
from profunda.diagnosis.rules.rule import Rule, clear, not_applicable, too_little

__all__ = ["RULES"]

SIZE, SIZE_FAR = 10.0, 30.0
"""Root mean square of inputs: the first layer is 100 (900) times as steep as for standardised ones."""

HUGE, HUGE_FAR = 30.0, 100.0
"""Root mean square of one column."""

OFFSET, OFFSET_FAR = 10.0, 30.0
"""Mean over spread: what tells rows apart is 1 % (1 ‰) of what enters."""

UNEVEN, UNEVEN_FAR = 1e3, 1e4
"""Largest over least spread of columns that are neither two numbers nor mostly nothing."""

SMALL, NARROW = 0.02, 0.2
"""Spread and range of the widest column: 0…255 divided twice by 255 has a spread of 0.001, and weights of
usual size then give outputs in which the biases are all."""

TARGETS, TARGETS_FAR = 10.0, 100.0
"""Targets' size over that of the first outputs: Adam moves a weight by one rate a step, so ten times the
size takes ten times the steps; and squared errors send back a gradient so many times as long."""

TARGETS_SMALL, TARGETS_TINY = 1e-2, 1e-3
"""Targets' spread over the first outputs, or over 1 where these begin larger, which is another cause: all of
the loss is then the first weights' noise."""

FAINT, SHORT = 0.1, 0.3
"""Spread of the widest column, and length of all spreads together, beside the 1 that a bias is the weight of:
below, a tenth of what the first layer gives tells rows apart, and its weights have a hundredth of the bias's
curvature, or a tenth in all. Columns of unit length over N rows have a spread of 1/√N."""

FAR_OFF = 20.0
"""Range over spread: beyond, a few rows hold all there is, and the spread tells how few."""

LEARNT = 0.8
"""Of what is easy: a network that has learnt as much made up for it."""

AGAINST = 3.0
"""Column sizes below this matter to nobody, whatever their offset."""

BEYOND, BEYOND_FAR = 0.1, 0.3
"""Share of numbers outside of the other rows' range by more than its width: rows that were split at random
have next to none there, whatever their distribution."""

OUTSIDE, SERIES = 0.5, 0.1
"""Half of the validation targets outside of the training targets' range; of a series, which goes on where
training ends, that may be so (`Rows.serial`)."""

SHRUNKEN = 0.3
"""Spread of the widest column: evenly filled from 0 to 1 it has 0.29, and what spreads less and stands far
off was scaled again."""

UNEVENNESS = "largest over least spread of columns"
APART = "mean over spread"

_STEEP = ("weights-too-large", "weights-too-small", *WILD)
"""Also weights that seem too small: on the flat ends, and beside what all rows share, rows look alike."""

_FLAT = ("weights-too-small", "lazy", *FADING)


@dataclass(frozen=True)
class _Measure:
    evidence: Evidence
    beyond: bool
    far: bool
    words: str


# Inputs ---------------------------------------------------------------------------------------------


def _inputs_unscaled(record: Record) -> Answer:
    code = "inputs-unscaled"
    rows = _numbers(record)
    if isinstance(rows, str):
        return not_applicable(code, rows)
    if rows.held is not None and rows.held.beyond > BEYOND:
        return (_scaled_apart(rows.held),)
    shield, got = rescaled(record), reached(record)
    found = [one for one in _measures(_seen(record, rows)) if one.beyond]
    if shield:
        found = [one for one in found if one.far and one.evidence.what in _left(record)]
        if not found or (_learnt(got) and all(one.evidence.what == UNEVENNESS for one in found)):
            return not_applicable(code, f"{shield}.")
    if _aside(_seen(record, rows)):  # inputs-scaled-twice tells
        found = [one for one in found if one.evidence.what != APART]
    if not found or not (got.failed or any(one.far for one in found)):
        return clear(code)
    found.sort(key=lambda one: one.far, reverse=True)
    return (
        Finding(
            code,
            "fault" if got.failed else "hint",
            _first(record),
            tuple(one.evidence for one in found) + _failure(got),
            f"{found[0].words} The loss is that much steeper in some weights than in others, so no one step "
            "length serves all.",
            "Subtract each column's mean and divide by its standard deviation, both of the training rows; "
            "divide pixels by 255 once.",
            changes=(Change("scaling", word="inputs"),),
            harm=got.harm,
            explains=_STEEP,
        ),
    )


def _left(record: Record) -> tuple[str, ...]:
    """What a network that rescales its inputs leaves as it is."""
    uneven = (UNEVENNESS,) if scaled_as_one(record) else ()
    return (*uneven, APART) if normed_by_row(record) else uneven


def _seen(record: Record, rows: Rows) -> Rows:
    """The rows; where a norm over each row's numbers comes first, without what columns have in common."""
    if normed_by_row(record) != "inputs" or rows.mean.size != math.prod(rows.shape):
        return rows
    common = np.nan_to_num(rows.mean).reshape(rows.shape).mean(-1, keepdims=True)
    shift = np.broadcast_to(common, rows.shape).reshape(-1)
    return replace(rows, mean=rows.mean - shift, least=rows.least - shift, most=rows.most - shift)


def _scaled_apart(held: Held) -> Finding:
    return Finding(
        "inputs-unscaled",
        "fault" if held.beyond > BEYOND_FAR else "hint",
        "",
        (Evidence("share of numbers far beyond the other rows' range", held.beyond, BEYOND),),
        "Validation rows are of another scale than training rows: "
        f"{held.beyond:.0%} of their numbers lie outside of the others' range by more than its width. What "
        "was learnt on the one says nothing of the other.",
        "Put validation rows through the very steps that training rows went through, with the training rows' "
        "mean and standard deviation.",
        harm=min(1.0, held.beyond),
        explains=("overfitting", "rows-leak", "norm-statistics-stale", "labels-unrelated"),
    )


def _measures(rows: Rows) -> list[_Measure]:
    live = np.isfinite(rows.std) & (rows.std > 0)
    if not live.any():
        return []
    mean, std = rows.mean[live], rows.std[live]
    column = np.hypot(mean, std)
    still = np.abs(rows.mean[np.isfinite(rows.std) & (rows.std == 0)])  # what all rows share enters as well
    size, most = float(np.sqrt((column**2).mean())), float(max(column.max(), still.max(initial=0.0)))
    plain, offset = std[~_sparse(rows)[live]], _offset(rows)
    uneven = float(max(plain.max(), still.max(initial=0.0)) / plain.min()) if len(plain) else 1.0
    apart = offset if size > AGAINST or offset > OFFSET_FAR else 0.0
    return [
        _measure("root mean square of inputs", size, SIZE, SIZE_FAR, f"Inputs are of size {size:.3g}."),
        _measure("largest column", most, HUGE, HUGE_FAR, f"One column is of size {most:.3g}."),
        _measure(
            APART,
            apart,
            OFFSET,
            OFFSET_FAR,
            f"What rows have in common is {offset:.3g} times what tells them apart.",
        ),
        _measure(
            UNEVENNESS,
            uneven,
            UNEVEN,
            UNEVEN_FAR,
            f"Columns spread {uneven:.3g} times as far as others.",
        ),
    ]


def _offset(rows: Rows) -> float:
    """Mean over spread of all columns together, or of the middle one if that is beyond doubt."""
    live = np.isfinite(rows.std) & (rows.std > 0)
    mean, std = np.abs(rows.mean[live]), rows.std[live]
    whole = float(np.sqrt((mean**2).sum() / (std**2).sum()))
    plain = ~_sparse(rows)[live]
    middle = float(np.median(mean[plain] / std[plain])) if plain.any() else 0.0
    return max(whole, middle) if middle > OFFSET_FAR else whole


def _aside(rows: Rows) -> bool:
    """Whether inputs of usual size stand far from 0 and hardly spread, as after the mean and spread of what
    was measured were taken off a second time.
    """
    live = np.isfinite(rows.std) & (rows.std > 0)
    if not live.any() or rows.std[live].max() >= SHRUNKEN:
        return False
    size = float(np.sqrt((rows.mean[live] ** 2 + rows.std[live] ** 2).mean()))
    return size <= SIZE and _offset(rows) > OFFSET_FAR


def _measure(what: str, value: float, limit: float, far: float, words: str) -> _Measure:
    return _Measure(Evidence(what, value, limit), value > limit, value > far, words)


def _sparse(rows: Rows) -> np.ndarray:
    """[D]: columns of two numbers (a variance as large as their range allows), or mostly 0: their spread
    tells how often something occurs, not its unit.
    """
    top = (rows.most - rows.mean) * (rows.mean - rows.least)
    two = rows.std**2 > 0.999 * top
    return two | ((rows.least == 0) & (rows.mean < rows.std))


def _inputs_scaled_twice(record: Record) -> Answer:
    code = "inputs-scaled-twice"
    rows = _numbers(record)
    if isinstance(rows, str):
        return not_applicable(code, rows)
    shield, seen, got = rescaled(record), _seen(record, rows), reached(record)
    live = np.isfinite(rows.std) & (rows.std > 0)
    if shield and (not normed_by_row(record) or not live.any()):
        return not_applicable(code, f"{shield}.")
    if not live.any():
        return not_applicable(code, "No column differs between rows.")
    if _aside(seen):
        return (_scaled_again(record, seen, got),)
    if shield and (_learnt(got) or not _biased(record)):
        return not_applicable(code, f"{shield}.")
    return _faint(record, rows, got)


def _biased(record: Record) -> bool:
    """Whether a norm gets the first layer's outputs with a bias among them, beside which small inputs stay as
    small as they are.
    """
    first = record.anatomy.layers[0] if record.anatomy.layers else None
    return (
        normed_by_row(record) == "outputs" and first is not None and first.parameters > math.prod(first.shape)
    )


def _faint(record: Record, rows: Rows, got: Reached) -> Answer:
    code, live = "inputs-scaled-twice", np.isfinite(rows.std) & (rows.std > 0)
    spread, width = float(rows.std[live].max()), float((rows.most - rows.least)[live].max())
    length, short = float(np.sqrt((rows.std[live] ** 2).sum())), spread < FAINT or _offset(rows) > OFFSET
    tiny = spread < SMALL and width < NARROW
    if not tiny and (not short or length >= SHORT or width > FAR_OFF * spread):
        return clear(code)
    if not tiny and _learnt(got):
        return clear(code, "The network made up for small inputs.")
    told = (
        Evidence("spread of the widest column", spread, SMALL if tiny else FAINT),
        Evidence("its range", width, NARROW) if tiny else Evidence("length of all", length, SHORT),
    )
    cause = (
        f"No column spreads further than {spread:.2g}, so rows look alike to first weights of usual "
        "size: biases outweigh what is told, and weights must first grow by as much."
    )
    return (_twice(record, told, cause, got),)


def _scaled_again(record: Record, rows: Rows, got: Reached) -> Finding:
    offset, spread = _offset(rows), float(np.nanmax(rows.std))
    told = Evidence(APART, offset, OFFSET_FAR), Evidence("spread of the widest column", spread, SHRUNKEN)
    return _twice(
        record,
        told,
        f"Columns stand {offset:.3g} times as far from 0 as they spread, and no column spreads further than "
        f"{spread:.2g}: rows look alike to first weights of usual size, as after a mean and a spread were "
        "taken off that are not those of these columns, or were so a second time.",
        got,
    )


def _twice(record: Record, told: tuple[Evidence, ...], cause: str, got: Reached) -> Finding:
    return Finding(
        "inputs-scaled-twice",
        "fault" if got.failed else "hint",
        _first(record),
        (*told, *_failure(got)),
        cause,
        "Scale inputs once, to a mean near 0 and a standard deviation near 1: look for a second division by "
        "255 or by the standard deviation.",
        changes=(Change("scaling", word="inputs"),),
        harm=got.harm,
        explains=_FLAT,
    )


def _learnt(got: Reached) -> bool:
    """Whether a run that is long enough has most of what simple predictors find, or of all there is."""
    return got.known and not got.broken and got.train >= LEARNT * (got.easy if got.easy > 0.0 else 1.0)


def _numbers(record: Record) -> Rows | str:
    """The rows where their size means something, else why not."""
    rows = record.rows
    if rows is None or not rows.seen:
        return "No rows were seen."
    if rows.kind == "tokens":
        return "Inputs are token ids, which have no size."
    return rows if rows.mean.size else "Inputs hold no numbers."


def _first(record: Record) -> str:
    return record.anatomy.layers[0].name if record.anatomy.layers else ""


def _failure(got: Reached) -> tuple[Evidence, ...]:
    if got.broken or not got.failed:
        return ()
    return (Evidence("share of the constant's loss taken away", got.train, got.limit),)


# Targets --------------------------------------------------------------------------------------------


def _targets_unscaled(record: Record) -> Answer:
    code = "targets-unscaled"
    task, targets, loss = record.task, record.targets, record.loss
    if task is None or task.kind != "values" or targets is None or not targets.std.size:
        return not_applicable(code, "Targets are no values.")
    if loss is not None and loss.kind not in ("mse", "mae", "huber", ""):
        return not_applicable(code, f"{loss.name} does not compare values.")
    if record.rows is not None and record.rows.serial < SERIES:
        held = record.rows.held
        if held is not None and held.outside > OUTSIDE:
            return (_asked_apart(held),)
    size, spread = _sizes(targets)
    if not size > 0.0:
        return not_applicable(code, "Targets do not differ from 0.")
    if loss is not None and loss.kind == "mse" and loss.trivial < 0.1 * spread**2:
        return not_applicable(code, "The loss scales targets itself.")
    first = record.surveys[0].output_size if record.surveys else math.nan
    if not record.surveys and record.course is None:
        return too_little(code, "Nothing was seen of the network's outputs.")
    got = reached(record)
    outputs = first if math.isfinite(first) else 1.0
    large = size / max(1.0, outputs)
    small = spread / min(max(outputs, 1e-30), 1.0)  # what is beyond 1 are outputs that begin too large
    if large > (TARGETS if got.failed else TARGETS_FAR):
        return (_of_targets(code, got, large, TARGETS, size),)
    if 0.0 < small < (TARGETS_SMALL if got.failed else TARGETS_TINY):
        return (_of_targets(code, got, small, TARGETS_SMALL, spread),)
    return clear(code)


def _sizes(targets: Targets) -> tuple[float, float]:
    good = np.isfinite(targets.std) & np.isfinite(targets.mean)
    if not good.any():
        return 0.0, 0.0
    mean, std = targets.mean[good], targets.std[good]
    return float(np.sqrt((mean**2 + std**2).mean())), float(np.sqrt((std**2).mean()))


def _asked_apart(held: Held) -> Finding:
    return Finding(
        "targets-unscaled",
        "fault",
        "",
        (Evidence("validation targets outside of the training targets' range", held.outside, OUTSIDE),),
        f"{held.outside:.0%} of the validation targets lie outside of the training targets' range: they "
        "were scaled otherwise, or rows were sorted by them before the split.",
        "Scale both with the training targets' mean and standard deviation, and shuffle rows before they "
        "are split.",
        harm=min(1.0, held.outside),
        explains=("overfitting", "labels-unrelated"),
    )


def _of_targets(code: str, got: Reached, ratio: float, limit: float, size: float) -> Finding:
    large = ratio > 1.0
    cause = (
        f"Targets are of size {size:.3g}, {ratio:.3g} times that of the first outputs: the network must grow "
        "its weights by as much before it fits anything, and squared errors send back gradients as long."
        if large
        else f"Targets spread by {size:.3g}, {ratio:.2g} of what the first outputs do: the loss is nearly "
        "all noise of the first weights, and gradients of what is asked are lost in it."
    )
    return Finding(
        code,
        "fault" if got.failed else "hint",
        "",
        (Evidence("targets' size over the first outputs'", ratio, limit), *_failure(got)),
        cause,
        "Train on (y - mean)/std, both of the training rows, and undo it in predictions.",
        changes=(Change("scaling", word="targets"),),
        harm=got.harm,
        explains=_STEEP if large else _FLAT,
    )


RULES: tuple[Rule, ...] = (
    Rule("inputs-unscaled", _inputs_unscaled),
    Rule("inputs-scaled-twice", _inputs_scaled_twice),
    Rule("targets-unscaled", _targets_unscaled),
)
