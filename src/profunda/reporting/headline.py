"""The big number in words, and the leaderboard below it."""

import math

from profunda.metrics.score import Metric, metric_for
from profunda.model.score import Baseline, Score
from profunda.reporting.blocks import Bar, Bars, BigNumber, Block, Facts, Rival, Text
from profunda.reporting.comparison import advised, verdict
from profunda.reporting.evidence import Evidence
from profunda.reporting.perceived import rows_words
from profunda.reporting.words import count, duration, interval, number, share

__all__ = ["headline", "leaderboard", "meaning", "score_words"]


def score_words(score: Score) -> tuple[str, str]:
    """The value, and its interval with its level."""
    value, low, high = interval(score.value, score.low, score.high)
    return value, f"{score.level:.0%} interval {low} to {high}".replace("%", " %")


def meaning(metric: Metric, value: float) -> str:
    """What a score says about a row, without jargon; "" where the number speaks for itself."""
    if not math.isfinite(value):
        return ""
    if metric.several:
        return _meaning_of_several(metric.name, value)
    return _meaning_of_one(metric.name, value)


def _meaning_of_one(metric: str, value: float) -> str:
    if metric == "log_loss":
        return f"To what really happened it gave a probability of {share(math.exp(-value))} (geometric mean)."
    if metric in ("accuracy", "balanced_accuracy"):
        where = "of 100 rows" if metric == "accuracy" else "of 100 rows, every class counting the same"
        return f"It names the right class for {100 * value:.0f} {where}."
    if metric == "auc":
        return f"Of two rows of different class it puts the right one first {100 * value:.0f} times of 100."
    if metric == "rmse":
        return f"Its misses are {number(value)} in the target's own unit (root mean square)."
    if metric == "mae":
        return f"It misses by {number(value)} on average, in the target's own unit."
    if metric == "median_ae":
        return f"Half of the rows are missed by less than {number(value)}, in the target's own unit."
    if metric == "r2":
        return f"It explains {share(max(0.0, value))} of the target's variance."
    return ""


def _meaning_of_several(metric: str, value: float) -> str:
    if metric == "rrmse":
        return (
            f"It misses by {share(value)} of what the mean of each target would miss by (root mean square)."
        )
    if metric == "rmse":
        return f"Its misses are {number(value)} in the targets' own units (root mean square; their mean)."
    if metric == "mae":
        return f"It misses by {number(value)} on average over the targets, in their own units."
    if metric == "r2":
        return f"It explains {share(max(0.0, value))} of a target's variance, on average over the targets."
    if metric == "hamming_loss":
        return f"Of 100 labels it gets {100 * value:.1f} wrong."
    if metric == "subset_accuracy":
        return f"All labels are right for {100 * value:.0f} of 100 rows."
    if metric == "log_loss":
        return f"To each label as it was it gave a probability of {share(math.exp(-value))} (geometric mean)."
    if metric == "auc":
        return (
            "Of two rows, one with a label and one without, it puts the right one first "
            f"{100 * value:.0f} times of 100, on average over the labels."
        )
    return ""


def headline(evidence: Evidence) -> tuple[Block, ...]:
    """The score with its interval, against a trivial and a strong rival, and the run in five facts."""
    score, task = evidence.score, evidence.dataset.task
    value, words = score_words(score)
    direction = "higher" if score.greater_is_better else "lower"
    rivals = [
        _rival(score, baseline) for baseline in (evidence.trivial, evidence.strong) if baseline is not None
    ]
    big = BigNumber(
        value, f"{evidence.metric.title} ({direction} is better)", words, _sentence(evidence), tuple(rivals)
    )
    total = sum(t.seconds for t in evidence.timings)
    facts = Facts((
        ("Predicted", f"{task.target} ({task.kind})"),
        ("Data", rows_words(evidence.dataset.schema, evidence.dataset.n_rows)),
        ("Networks trained", count(evidence.search.networks)),
        ("Wall-clock time", duration(total)),
        ("The model", _model_words(evidence)),
    ))  # fmt: skip
    rival = evidence.strong
    better = advised(score, rival) if rival is not None else ""
    return (big, Text(better, "note"), facts) if better else (big, facts)


def _model_words(evidence: Evidence) -> str:
    networks = sum(len(part.networks) for part in evidence.model.parts)
    if len(evidence.model.parts) == 1:
        return f"one design, {count(networks)} networks" if networks > 1 else "one network"
    return f"{len(evidence.model.parts)} designs, {count(networks)} networks"


def _sentence(evidence: Evidence) -> str:
    """What the score means for a row, with the everyday score beside it where the optimised one is not."""
    score, scores = evidence.score, dict(evidence.scores)
    other = "r2" if not evidence.classes else "subset_accuracy" if evidence.metric.several else "accuracy"
    said = [
        f"Measured on {count(score.rows)} rows that no choice has seen.",
        meaning(evidence.metric, score.value),
    ]
    if other in scores and score.metric not in (other, "balanced_accuracy"):
        said.append(meaning(metric_for(evidence.dataset.task.kind, other), scores[other]))
    return " ".join(part for part in said if part)


def _rival(score: Score, baseline: Baseline) -> Rival:
    assert baseline.score is not None
    value, _ = score_words(baseline.score)
    note = f" ({baseline.note})" if baseline.note else ""
    return Rival(baseline.title + note, value, verdict(score, baseline.score))


def leaderboard(evidence: Evidence) -> tuple[Block, ...]:
    """The model, its best single network and every baseline on the same rows, best first."""
    entries: list[tuple[str, Score, str, bool]] = [("Profunda, the model", evidence.score, "", True)]
    if evidence.single is not None and len(evidence.model.parts) > 1:
        entries.append(("Profunda, its best single network", evidence.single, "", False))
    entries += [(b.title, b.score, _cost(b), False) for b in evidence.baselines if b.score is not None]
    sign = -1.0 if evidence.score.greater_is_better else 1.0
    # A score that is not finite stands last and is not drawn.
    entries.sort(key=lambda entry: sign * entry[1].value if math.isfinite(entry[1].value) else math.inf)
    bars = [_bar(*entry) for entry in entries]
    bars += [Bar(b.title, (), "no score", note=b.note) for b in evidence.baselines if b.score is None]
    better = "right" if evidence.score.greater_is_better else "left"
    board = Bars(
        "",
        tuple(bars),
        f"Everybody was scored on the same {count(evidence.score.rows)} rows; dots further {better} are "
        f"better, the lines are {evidence.score.level:.0%} intervals.".replace("%", " %"),
        "Intervals are percentile bootstraps over the held-out rows with each model held fixed: they tell "
        "how much the score would move with other rows, not with other training. Baselines were fitted "
        "after the search on the same development rows and never influenced the model; scikit-learn's "
        "defaults with early stopping stand for the boosted trees, not a tuned search.",
        axis=evidence.metric.title,
        dots=True,
    )
    return board, _all_scores(evidence)


def _cost(baseline: Baseline) -> str:
    return f"{duration(baseline.seconds)} to fit" + (f"; {baseline.note}" if baseline.note else "")


def _bar(title: str, score: Score, note: str, strong: bool) -> Bar:
    value, low, high = interval(score.value, score.low, score.high)
    parts = (score.value,) if math.isfinite(score.value) else ()
    known = bool(parts) and math.isfinite(score.low) and math.isfinite(score.high)
    whisker = (score.low, score.high) if known else (None, None)
    return Bar(title, parts, f"{value}  [{low}, {high}]", *whisker, note=note, strong=strong)


def _all_scores(evidence: Evidence) -> Facts:
    return Facts(tuple((name.replace("_", " "), number(value, 4)) for name, value in evidence.scores))
