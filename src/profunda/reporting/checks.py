"""Traffic lights: what a careful colleague would look at before trusting a run.

Every check says *not applicable* where it could not look: that is not a pass.
"""

import math

import numpy as np

from profunda.fleet.history import Status
from profunda.reporting.blocks import Check, Checks, State
from profunda.reporting.comparison import Standing, advised, compare, verdict
from profunda.reporting.evidence import Evidence
from profunda.reporting.predictions import calibration
from profunda.reporting.standing import improvements, is_log, order
from profunda.reporting.words import count, number, setting, share
from profunda.space.design import DOMAINS
from profunda.space.domain import Choice, Fixed

__all__ = ["LEAST_HELD_ROWS", "run_checks"]

LEAST_HELD_ROWS = 200  # below, a 95 % interval of an accuracy is wider than ±7 points
LEAKS = ("duplicate-test", "duplicate-folds", "target-copy", "leak-suspect")  # codes of notices
LEAST_CLASS_ROWS = 10
TROUBLED_SHARE = 0.25  # of trials: above, the space holds a region that only costs time
SAMPLER_SHARE = 0.10
EDGE = 0.06  # of a domain's width
SURE = 2.0  # standard errors above chance from which a forecast is said to hold

_LOST = (Status.DIVERGED, Status.DEAD, Status.VANISHED, Status.FAILED)
_MORE_TIME = "profunda fit DATA --target COL --time SECONDS"


def run_checks(evidence: Evidence) -> Checks:
    """All checks, the worst first."""
    checks = [
        _trivial(evidence), _strong(evidence), _held_rows(evidence), _optimism(evidence), _leaks(evidence),
        _rare_classes(evidence), _calibration(evidence), _endings(evidence), _forecast(evidence),
        _settled(evidence), _epochs(evidence), _edges(evidence), _sampler(evidence), *_changes(evidence),
    ]  # fmt: skip
    gravity = {"bad": 0, "warn": 1, "ok": 2, "not applicable": 3}
    return Checks(tuple(sorted(checks, key=lambda check: gravity[check.state])))


def _trivial(evidence: Evidence) -> Check:
    code, why = "beats-trivial", "A model that does not beat a constant has learned nothing from the inputs."
    rival = evidence.trivial
    if rival is None or rival.score is None:
        return Check(code, "not applicable", "No constant prediction was scored.", why)
    standing = compare(evidence.score, rival.score)
    states: dict[Standing, State] = {"better": "ok", "ahead": "warn", "unknown": "not applicable"}
    state = states.get(standing, "bad")
    what = f"Against “{rival.title}”: {verdict(evidence.score, rival.score)}"
    return Check(code, state, what, why, "" if state == "ok" else _MORE_TIME)


def _strong(evidence: Evidence) -> Check:
    code = "beats-strong"
    why = "If a cheap method is as good, use the cheap method, or search longer."
    rival = evidence.strong
    if rival is None or rival.score is None:
        return Check(code, "not applicable", "No strong baseline has a score.", why)
    standing = compare(evidence.score, rival.score)
    state = {"better": "ok", "ahead": "ok", "level": "warn", "behind": "warn", "worse": "bad"}.get(
        standing, "not applicable"
    )
    left_out = [b.title for b in evidence.baselines if b.score is None]
    missing = f" Not scored: {', '.join(left_out)}." if left_out else ""
    what = f"Against “{rival.title}”, the best other method: {verdict(evidence.score, rival.score)}"
    what = " ".join(part for part in (what, advised(evidence.score, rival), missing.strip()) if part)
    if left_out and state == "ok":
        state = "warn"
    return Check(code, state, what, why, "" if state == "ok" else _MORE_TIME)  # type: ignore[arg-type]


def _held_rows(evidence: Evidence) -> Check:
    rows = evidence.score.rows
    state = "ok" if rows >= LEAST_HELD_ROWS else "warn" if rows >= 30 else "bad"
    what = f"The score rests on {count(rows)} rows that no choice has seen."
    why = f"With fewer than {LEAST_HELD_ROWS} rows the interval is too wide to tell good models apart."
    return Check(
        "held-out-rows", state, what, why, "" if state == "ok" else "profunda fit … with more rows of data"
    )


def _optimism(evidence: Evidence) -> Check:
    code = "validation-agrees"
    why = (
        "The validation rows chose among many networks; if they promise much more than the held-out rows, "
        "the choice "
    )
    why += "fitted their noise."
    champion, score = evidence.champion, evidence.score
    known = champion is not None and math.isfinite(champion.value) and evidence.search.metric == score.metric
    if champion is None or not known or not math.isfinite(score.low):
        return Check(
            code, "not applicable", "The champion's validation score is not known in the same metric.", why
        )
    promised = champion.value
    worse = promised > score.high if score.greater_is_better else promised < score.low
    text = (
        f"The champion scored {number(promised)} on validation rows; held-out rows say {number(score.value)}"
    )
    text += f" [{number(score.low)}, {number(score.high)}]."
    mend = "profunda.fit(…, folds=5)" if worse and evidence.search.folds < 5 else ""
    return Check(code, "warn" if worse else "ok", text, why, mend)


def _leaks(evidence: Evidence) -> Check:
    code, why = "no-leak", "A row, or the target itself, that reaches the inputs makes every score a fiction."
    notices = [*evidence.notices, *evidence.dataset.notices]
    found = {notice.text for notice in notices if notice.code in LEAKS}
    if not found:
        return Check(
            code, "ok", "No repeated rows across the splits and no copy of the target were found.", why
        )
    return Check(code, "warn", " ".join(sorted(found)), why)


def _changes(evidence: Evidence) -> list[Check]:
    """Changes of pictures that turn one class into another, left out or kept; nothing where none does."""
    why = "A mirrored b is a d: a picture that is changed in training must still show what its label says."
    states: dict[str, State] = {"label-breaking": "ok", "labels-broken": "warn"}
    told = dict.fromkeys(notice for notice in evidence.notices if notice.code in states)
    return [Check("changes-keep-labels", states[one.code], one.text, why) for one in told]


def _rare_classes(evidence: Evidence) -> Check:
    code, why = "rare-classes", "Shares of a class with a handful of rows say nothing."
    if not evidence.dataset.task.single:
        what = "Every target is scored by itself." if evidence.metric.several else "The target is a number."
        return Check(code, "not applicable", what, why)
    held = evidence.dataset.y[evidence.splits.test]
    counts = np.bincount(held, minlength=evidence.dataset.task.n_outputs)
    rare = [
        name for name, n in zip(evidence.dataset.task.classes, counts, strict=True) if n < LEAST_CLASS_ROWS
    ]
    if not rare:
        return Check(code, "ok", f"Every class has at least {counts.min():,} held-out rows.", why)
    names = ", ".join(rare[:5]) + (" …" if len(rare) > 5 else "")
    what = f"{len(rare)} of {len(counts)} classes have fewer than {LEAST_CLASS_ROWS} held-out rows: {names}."
    return Check(code, "warn", what, why, "profunda fit … with more rows, or with rare classes joined")


def _calibration(evidence: Evidence) -> Check:
    code, why = (
        "honest-probabilities",
        "Decisions by a threshold, or by costs, need probabilities that come true.",
    )
    if not evidence.classes:
        return Check(code, "not applicable", "The target is a number.", why)
    found = None
    if evidence.held_y is not None and evidence.held_prediction is not None:
        found = calibration(*_pairs(np.asarray(evidence.held_y), np.asarray(evidence.held_prediction)))
    if found is None:
        return Check(
            code, "not applicable", "There are too few held-out rows to compare probabilities with.", why
        )
    text = (
        f"Stated and observed shares differ by {share(found.error)} on average; honest probabilities would "
        "show "
    )
    text += f"{share(found.chance)} by chance."
    state = "ok" if found.error < max(2 * found.chance, 0.02) else "warn" if found.error < 0.1 else "bad"
    return Check(code, state, text, why)


def _pairs(y: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes and probabilities as of one target; each label that is there counts as a row of its own."""
    if y.ndim == 1:
        return y, prediction
    there = ~np.isnan(y)
    p = prediction[there]
    return y[there].astype(np.int64), np.stack([1 - p, p], axis=1)


def _endings(evidence: Evidence) -> Check:
    code, why = "healthy-fleet", "Networks that diverge, die or fail cost time and find nothing."
    total = len(evidence.search.trials)
    if not total:
        return Check(code, "not applicable", "The search holds no trial.", why)
    lost = [(status, n) for status, n in evidence.search.endings if status in _LOST]
    part = sum(n for _, n in lost) / total
    if not lost:
        return Check(code, "ok", f"None of {count(total)} trials diverged, died or failed.", why)
    told = ", ".join(f"{count(n)} {status.replace('_', ' ')}" for status, n in lost)
    state = "ok" if part <= TROUBLED_SHARE else "warn" if part < 0.6 else "bad"
    text = f"{told} of {count(total)} trials ({share(part)})."
    return Check(code, state, text, why, "" if state == "ok" else lost[0][0].advice)


def _forecast(evidence: Evidence) -> Check:
    code = "forecast-held"
    why = "Theory decides here what is not trained: it must be held against what training shows."
    found = evidence.search.foresight
    if found is None or not found.trained:
        return Check(code, "not applicable", "No trained design had a forecast.", why)
    told = "; ".join(
        f"{count(one.learnt)} of {count(one.trained)} that were {one.verdict}" for one in found.expectations
    )
    text = f"The forecast before training, judged afterwards. Designs that learnt: {told}."
    if math.isnan(found.auc):
        return Check(
            code, "not applicable", f"{text} No claim how well it tells them apart: {found.why}.", why
        )
    text += f" Area under the ROC curve {found.auc:.2f} ± {found.error:.2f} (0.5 is chance)."
    held = found.auc - SURE * found.error > 0.5
    mend = "" if held else "profunda.fit(…, forecast=False)"
    return Check(code, "ok" if held else "warn", text, why, mend)


def _settled(evidence: Evidence) -> Check:
    code = "search-settled"
    why = "If the best value still improved near the end, a longer search would probably find a better one."
    seen, values = improvements(evidence.search)
    total = len(evidence.search.trials)
    if len(seen) < 1 or total < 20:
        return Check(
            code, "not applicable", "Fewer than 20 trials: nothing can be said of the search's course.", why
        )
    text = f"The last improvement came after {count(seen[-1])} of {count(total)} trials"
    text += f" (to {number(values[-1])})."
    late = seen[-1] > 0.9 * total
    return Check(code, "warn" if late else "ok", text, why, _MORE_TIME if late else "")


def _epochs(evidence: Evidence) -> Check:
    code, why = "enough-epochs", "A loss that still falls at the last epoch was cut off, not finished."
    champion, search = evidence.champion, evidence.search
    if champion is None or champion.design is None or search.history is None or not evidence.champion_members:
        return Check(code, "not applicable", "The champion's curves were not kept.", why)
    curves = [search.history.curves[k] for k in evidence.champion_members]
    epochs = champion.design.epochs
    best = float(np.mean([curve.best_epoch for curve in curves]))
    text = f"The champion was best after {number(best, 2)} of at most {count(epochs)} epochs"
    text += ", as a mean over its folds." if len(curves) > 1 else "."
    # One-cycle and cosine schedules end at a rate of zero: their best epoch *should* be the last.
    if champion.design.schedule != "constant":
        text += f" Its {champion.design.schedule} schedule ends there by plan."
        return Check(code, "ok", text, why)
    late = best > 0.95 * epochs
    domain = search.space.domains.get("epochs")
    domain = domain.domain if isinstance(domain, Fixed) else domain
    longer = 2 * epochs
    mend = (
        f"profunda fit … --fix epochs={longer}"
        if late and domain is not None and domain.contains(longer)
        else ""
    )
    return Check(code, "warn" if late else "ok", text, why, mend)


def _edges(evidence: Evidence) -> Check:
    code, why = "inside-the-space", "If the best networks crowd at an edge, better ones may lie beyond it."
    search = evidence.search
    best = order(search)
    best = best[: max(5, len(best) // 20)]
    if len(order(search)) < 40:
        return Check(
            code, "not applicable", "Fewer than 40 scored trials: an edge cannot be told from chance.", why
        )
    places = search.space.encode([t.params for t in best])
    crowded = []
    for name, column in zip(search.space.free, places.T, strict=True):
        domain, limits = search.space.domains[name], DOMAINS.get(name)
        column = column[np.isfinite(column)]
        if isinstance(domain, Choice) or limits is None or isinstance(limits, Choice) or len(column) < 5:
            continue
        middle = float(np.median(column))
        edge = domain.at(np.array([0.0 if middle < 0.5 else 1 - 1e-12]))[0]
        movable = domain.low > limits.low if middle < 0.5 else domain.high < limits.high  # type: ignore[union-attr]
        if movable and min(middle, 1 - middle) < EDGE:
            crowded.append(f"{name} near {setting(edge)}" + (" (logarithmic)" if is_log(domain) else ""))
    if not crowded:
        return Check(code, "ok", "The best networks do not crowd at an edge of the space.", why)
    text = f"The best {len(best)} trials crowd at an edge: {', '.join(crowded)}."
    return Check(code, "warn", text, why, "profunda.fit(…, space=a wider profunda.Space)")


def _sampler(evidence: Evidence) -> Check:
    part = evidence.search.sampler_share
    why = "Time spent on choosing what to train is time not spent on training."
    text = f"Choosing configurations ({evidence.search.sampler}) took {share(part)} of the search."
    slow = part > SAMPLER_SHARE
    mend = 'profunda.fit(…, sampler="random")' if slow else ""
    return Check("cheap-sampler", "warn" if slow else "ok", text, why, mend)
