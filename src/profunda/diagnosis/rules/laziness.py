"""Whether features were learnt at all: the rule on the lazy regime."""

import math

import numpy as np

from profunda.diagnosis.finding import Answer, Change, Evidence, Finding
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.flow import hidden
from profunda.diagnosis.rules.readings import (
    CLEAR_GAIN,
    GREAT_GAIN,
    MEDIOCRE,
    after,
    is_mature,
    progress,
    share_of_score,
)
from profunda.diagnosis.rules.rule import clear, not_applicable, too_little

__all__ = ["lazy", "learns_no_features"]

STILL = 0.01
"""Drift of the kernel in the lazy regime: networks that learn features are at 0.1 and above (Fort et al.
2020; Chizat et al. 2019). A kernel that turned by this much has changed by √0.02, a seventh of itself."""

FIXED = 1e-4
"""Drift below which not even a width of thousands of units explains it: a kernel of usual weights turns by
about one part in the width. Outputs are enlarged, and steps shortened to match."""

ALL = 0.95
"""Share learnt on validation rows from which on nobody asks how it was learnt."""

SHORT = 0.1
"""Relative movement of the weights in the lazy regime: activations change by at most about this part of
themselves in a layer. A kernel of a linear network stands still however far weights go."""


def learns_no_features(record: Record) -> bool:
    """Whether rows are fitted by a kernel that stands still, and no epoch knew anything of validation rows:
    what is wrong with such a run is there from the start, and stopping earlier would not have helped.
    """
    return _is_still(record) and _misses(record) and _at_best(record) < CLEAR_GAIN


def lazy(record: Record) -> Answer:
    """The tangent kernel stood still, and what was fitted by it does not carry over to validation rows."""
    code, kernel, last = "lazy", record.kernel, after(record)
    if kernel is None or last is None or not is_mature(record):
        return not_applicable(code, "no kernel before and after a whole run")
    if not _all_trained(record):
        return not_applicable(code, "no hidden layers that are all trained")
    if not _is_still(record):
        return clear(code)
    got = progress(record)
    if not got.learnt >= MEDIOCRE:
        return clear(code, "it has not fitted the rows either: other rules speak of that")
    unseen = _unseen(record)
    if math.isnan(unseen):
        return too_little(code, "what its fixed features cost is seen on validation rows only")
    if not _misses(record) and not _stands(record):
        return clear(code, "its features hardly change, and they serve")
    return (
        Finding(
            code,
            "hint",
            "",
            (
                Evidence("turn of the tangent kernel", kernel.drift, STILL, "1 - cosine"),
                Evidence("relative movement of the weights", kernel.moved, SHORT, "ratio"),
                Evidence("learnt on validation rows", unseen, got.learnt - GREAT_GAIN, "share"),
                Evidence("learnt on training rows", got.learnt, MEDIOCRE, "share"),
            ),
            "The rows are fitted while the weights, and with them the features, stay those of the draw: "
            "the network acts as a linear model of its first gradients and learns no features of its own.",
            "Make outputs begin smaller (divide what the network gives, or the last layer's first weights), "
            "and lengthen the steps to match; or widen less.",
            changes=(Change("initialisation", word="small"),),
            harm=min(1.0, got.learnt - unseen),
            explains=("overfitting", "too-large") if learns_no_features(record) else (),
        ),
    )


def _all_trained(record: Record) -> bool:
    """Whether there are hidden layers and all are trained, but for such as repeat trained ones: the first
    weights, which are kept to be taken away.
    """
    layers = [one for _, one in hidden(record.anatomy) if one.name not in record.anatomy.references]
    return bool(layers) and all(one.trainable for one in layers)


def _is_still(record: Record) -> bool:
    kernel = record.kernel
    return kernel is not None and kernel.drift < STILL and kernel.moved < SHORT and _all_trained(record)


def _misses(record: Record) -> bool:
    """Whether far less is known of validation rows than of those trained on."""
    got = progress(record)
    return got.learnt >= MEDIOCRE and _unseen(record) <= got.learnt - GREAT_GAIN


def _stands(record: Record) -> bool:
    """Whether the kernel is the first one but for rounding, and the rows that it could not tell are not all
    there are to be told.
    """
    kernel, got = record.kernel, progress(record)
    learnt = got.start - got.end >= MEDIOCRE * got.trivial
    last = after(record)
    told = math.nan if last is None else share_of_score(record, last.valid_score)
    known = max(_at_best(record), 0.0 if math.isnan(told) else told)
    return kernel is not None and kernel.drift < FIXED and learnt and known < ALL


def _unseen(record: Record) -> float:
    """Share of the constant's loss taken away on validation rows in the end; NaN without them."""
    last = after(record)
    return math.nan if last is None else 1.0 - last.valid_loss / progress(record).trivial


def _at_best(record: Record) -> float:
    """The most of it at any end of an epoch."""
    course = record.course
    valid = np.append([] if course is None else course.valid_loss, math.nan)
    least = np.min(valid[np.isfinite(valid)], initial=math.inf)
    return 1.0 - float(least) / progress(record).trivial
