"""The model card of a run's model."""

import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from profunda.metrics.score import metric_for
from profunda.model.score import Score
from profunda.reporting.blocks import Code, Table
from profunda.reporting.cards.answering import Said, answered, unrecorded
from profunda.reporting.cards.card import Card
from profunda.reporting.cards.datasheet import MOST_ROWS, target_tables
from profunda.reporting.cards.filling import Filling
from profunda.reporting.cards.questions import MODEL_CARD
from profunda.reporting.cards.run import FinishedRun
from profunda.reporting.champion import ensemble, recipe
from profunda.reporting.comparison import verdict
from profunda.reporting.engines import engine_words
from profunda.reporting.headline import meaning, score_words
from profunda.reporting.record import Record
from profunda.reporting.reproduce import loading
from profunda.reporting.slices import Slice
from profunda.reporting.words import cell, count, duration, interval, moment, number

__all__ = ["model_card_of"]

CHOSEN = {
    "greedy": "Designs were weighed by greedy selection (Caruana et al. 2004)",
    "best": "The best design alone was taken",
    "one-standard-error": "The smallest design within one standard error of the best was taken",
}
REFITTED = {
    "folds": "Its networks are those of the folds, as early stopping left them",
    "retrain": "They were trained anew on all rows that were not held out",
    "continue": "The folds' networks were trained on, on all rows that were not held out",
}
NO_ROWS = "No rows were held out, so nothing was measured."


def model_card_of(run: FinishedRun, filling: Filling) -> Card:
    """The model card: what the run knows, what a person said, what is missing."""
    target = run.model.task.target
    name = filling["model.name"] or f"{run.name}, predicting {target}"
    lead = f"A model of {target}, made by Profunda on {moment(run.model.provenance.created)}."
    if run.score is not None:
        value, words = score_words(run.score)
        lead += f" {_title(run)}: {value} ({words}) on {count(run.score.rows)} rows that no choice has seen."
    return Card(MODEL_CARD, name, lead, answered(MODEL_CARD, run, filling, TOLD))


def _record(run: FinishedRun) -> Record:
    assert run.record is not None
    return run.record


def _title(run: FinishedRun) -> str:
    title = _measure(run, run.model.provenance.metric)
    return title[0].upper() + title[1:]


def _measure(run: FinishedRun, name: str) -> str:
    return metric_for(run.model.task.kind, name).title


def _date(run: FinishedRun) -> Said:
    told = run.model.provenance
    versions = ", ".join(f"{name} {version}" for name, version in told.versions)
    where = "" if run.record is None else f", Python {run.record.python} on {run.record.machine}"
    return f"Made {moment(told.created)} with {versions}{where}.", ()


def _kind(run: FinishedRun) -> Said:
    model = run.model
    networks = [network for part in model.parts for network in part.networks]
    parameters = sum(network.params.size for network in networks)
    designs = f"{count(len(model.parts))} designs" if len(model.parts) > 1 else "one design"
    many = f"{count(len(networks))} networks" if len(networks) > 1 else "one network"
    text = (
        f"A weighted mean of {many} of {designs}, {count(parameters)} parameters in all; it predicts "
        f"{model.task.target} ({model.task.kind}) from {count(len(model.schema.features))} columns."
    )
    if model.temperature != 1:
        text += f" Its probabilities are tempered at {number(model.temperature)}."
    part = max(model.parts, key=lambda one: one.weight)
    title = "The design that weighs most" if len(model.parts) > 1 else "Its design"
    told = recipe(part.design, part.networks[0].preprocessing.inputs)
    return text, (replace(told, title=title), *ensemble(model))


def _training(run: FinishedRun) -> Said:
    took, told = run.effort, run.model.provenance
    text = (
        f"A search trained {count(took.networks)} networks in {count(took.steps)} steps; with all else it "
        "took "
        f"{duration(took.seconds)}, of which {duration(took.training_seconds)} went into training, on the "
        "engine "
        f"{engine_words(took.engine, took.instruction_set)}. {CHOSEN.get(told.select, told.select)}. "
        f"{REFITTED.get(told.refit, told.refit)}."
    )
    return text, ()


def _reproduce(run: FinishedRun) -> Said:
    command = "" if run.record is None else _without_folders(run.record.command)
    again = (Code("The same run again", "shell", command),) if command else ()
    told = run.model.provenance
    rows = (
        ("seed", str(told.seed)), ("data fingerprint", told.fingerprint), *told.versions,
        *((f"{name} (SHA-256)", digest) for name, digest in run.digests),
    )  # fmt: skip
    use = loading("RUN", run.model.schema, classes=not run.model.task.numeric)
    if run.record is None:
        text = "The command was not recorded; seed, data and versions are below."
    elif command:
        text = (
            "By this command, on the same data; a budget in seconds decides by the clock and does not repeat."
        )
    else:
        text = "No command does it again: data in memory, or choices that only Python can make."
    return text, (*again, use, Table("By what it is recognised", ("what", "value"), rows))


def _without_folders(command: str) -> str:
    """The command with its paths (the source behind ``profunda fit``, the run of a warm start) cut to their
    last part: folders tell of a machine, and who reads has another."""
    words = shlex.split(command)
    for place, before in enumerate(words[:-1], start=1):
        if place == 2 or before == "--warm-start":
            words[place] = words[place].replace("\\", "/").rpartition("/")[2] or words[place]
    return shlex.join(words)


def _evaluated(run: FinishedRun) -> Said:
    found = _record(run)
    told = [f"the classes of {run.model.task.target}"] if found.class_scores else []
    told += dict.fromkeys(one.columns[0] for one in found.slices if len(one.columns) == 1)
    crossed = next((one.columns for one in found.slices if len(one.columns) > 1), ())
    told += [" by ".join(crossed)] if crossed else []
    if not told:
        return "None: no column parts the held-out rows into groups of thirty and more.", ()
    return f"By what the columns tell: {', '.join(told)}. Of numbers, quarters.", ()


def _measures(run: FinishedRun) -> Said:
    metric = metric_for(run.model.task.kind, run.model.provenance.metric)
    better = "higher" if metric.greater_is_better else "lower"
    text = f"{_title(run)} ({better} is better) was optimised."
    if run.record is None or not run.record.scores:
        return text, ()
    rows = tuple((_measure(run, name), cell(value)) for name, value in run.record.scores)
    return f"{text} All measures on the held-out rows:", (Table("", ("measure", "value"), rows),)


def _thresholds(run: FinishedRun) -> Said:
    task = run.model.task
    if task.numeric:
        return "None: it predicts numbers.", ()
    if task.single:
        return "None was set: the most probable class is said, of equals the first.", ()
    return "A label is said above one half; none was tuned.", ()


def _variation(run: FinishedRun) -> Said:
    if run.score is None:
        return NO_ROWS, ()
    level = f"{run.score.level:.0%}".replace("%", " %")
    return (
        f"By percentile intervals ({level}) of a bootstrap over the {count(run.score.rows)} rows that "
        "judged, the "
        "model held fixed: they tell how the score would move with other rows, not with another training.",
        (),
    )


def _judging(run: FinishedRun) -> Said:
    if run.score is None:
        return NO_ROWS, ()
    how = f" {run.record.split.rstrip('.')}." if run.record is not None else ""
    return f"{count(run.score.rows)} rows of the same data, set apart before any choice.{how}", ()


def _preparation(run: FinishedRun) -> Said:
    return "Like any row the model is given: encoded by what was fitted to training rows.", ()


def _training_rows(run: FinishedRun) -> Said:
    text = f"{count(run.model.provenance.rows)} rows trained and chose"
    if run.record is None:
        return f"{text}.", ()
    folds = (
        f"in {run.record.folds} folds, each of which chose where it did not train"
        if run.record.folds > 1
        else ""
    )
    return (
        f"{text} {folds or 'and stopped training, of which a part was kept from it'}. See the datasheet.",
        (),
    )


def _target(run: FinishedRun) -> Said:
    return "Over all rows:", target_tables(_record(run))


def _overall(run: FinishedRun) -> Said:
    if run.score is None:
        return NO_ROWS, ()
    rows = [("this model", *_score_cells(run.score), "–")]
    for one in run.baselines:
        if one.score is None:
            rows.append((one.title, "–", "–", one.note))
        else:
            rows.append((one.title, *_score_cells(one.score), verdict(run.score, one.score)))
    level = f"{run.score.level:.0%} interval".replace("%", " %")
    table = Table(
        "On the same rows",
        ("", _measure(run, run.model.provenance.metric), level, "against this model"),
        tuple(rows),
    )
    return meaning(metric_for(run.model.task.kind, run.score.metric), run.score.value), (table,)


def _score_cells(score: Score) -> tuple[str, str]:
    value, low, high = interval(score.value, score.low, score.high)
    return value, f"{low} to {high}"


def _unitary(run: FinishedRun) -> Said:
    record = _record(run)
    tables = []
    if record.class_scores:
        rows = tuple(
            (one.name, one.rows, cell(one.recall), cell(one.precision))
            for one in record.class_scores[:MOST_ROWS]
        )
        names = ("class", "held-out rows", "found (recall)", "right when said (precision)")
        tables.append(Table("Class by class", names, rows))
    parts = [one for one in record.slices if len(one.columns) == 1]
    tables += [_slices("Group by group", parts, run)] if parts else []
    if not tables:
        return (NO_ROWS if run.score is None else "No group of thirty held-out rows was found."), ()
    return _extremes(parts, run), tuple(tables)


def _intersectional(run: FinishedRun) -> Said:
    parts = [one for one in _record(run).slices if len(one.columns) > 1]
    if not parts:
        return (
            "No two columns of categories part the held-out rows into crossings of thirty rows that tell "
            "more than "
            "either.",
            (),
        )
    return "Of the two columns between whose levels it differs most:", (_slices("Crossings", parts, run),)


def _slices(title: str, parts: Sequence[Slice], run: FinishedRun) -> Table:
    rows = tuple(
        (" × ".join(one.columns), " × ".join(one.levels), one.rows, *_slice_cells(one)) for one in parts
    )
    what = (
        "Intervals are 95 % by a bootstrap of the rows; of twenty, one misleads by chance. Where the target "
        "lies "
        "otherwise in a group, its score may differ for that alone."
    )
    names = ("column", "level", "rows", _measure(run, run.model.provenance.metric), "95 % interval")
    return Table(title, names, rows[:MOST_ROWS], what, folded=len(rows) > 40)


def _slice_cells(one: Slice) -> tuple[str, str]:
    value, low, high = interval(one.value, one.low, one.high)
    return value, f"{low} to {high}"


def _extremes(parts: Sequence[Slice], run: FinishedRun) -> str:
    """Between which groups the score ranges, where an interval sets one apart from all rows."""
    score = run.score
    known = [one for one in parts if math.isfinite(one.low) and math.isfinite(one.high)]
    if score is None or not known:
        return ""
    apart = [
        one for one in known if (one.high < score.value if score.greater_is_better else one.low > score.value)
    ]
    if not apart:
        return "No group's interval lies wholly on the worse side of the score of all rows."
    sign = 1 if score.greater_is_better else -1
    worst = min(apart, key=lambda one: sign * one.value)
    where = f"{worst.columns[0]} is {worst.levels[0]}"
    return (
        f"{count(len(apart))} of {count(len(known))} groups lie on the worse side of the score of all rows "
        "with their "
        f"whole interval; farthest out are the {count(worst.rows)} rows where {where}: {number(worst.value)}."
    )


def _caveats(run: FinishedRun) -> Said:
    found = [(check.what, check.state) for check in run.checks if check.state in ("bad", "warn")]
    notices = () if run.record is None else run.record.notices
    told = " ".join(what for what, _ in found)  # a check may already say what a notice says
    found += [(notice.text, "notice") for notice in notices if notice.text not in told]
    found += [(text, "search") for text in run.explanations]
    if not found:
        checked = " and no check of its report is amber or red" if run.checks else ""
        return f"The run noticed nothing{checked}.", ()
    words = {"bad": "problem", "warn": "warning"}
    rows = tuple((text, words.get(kind, kind)) for text, kind in found[:MOST_ROWS])
    return "What its checks, its notices and the search say:", (Table("", ("finding", "kind"), rows),)


TOLD: Mapping[str, Callable[[FinishedRun], Said]] = {
    "model_details.date": _date,
    "model_details.kind": _kind,
    "model_details.training": _training,
    "model_details.reproduce": _reproduce,
    "factors.evaluated": unrecorded(_evaluated),
    "metrics.measures": _measures,
    "metrics.thresholds": _thresholds,
    "metrics.variation": _variation,
    "evaluation_data.data": _judging,
    "evaluation_data.preparation": _preparation,
    "training_data.data": _training_rows,
    "training_data.target": unrecorded(_target),
    "quantitative_analyses.overall": _overall,
    "quantitative_analyses.unitary": unrecorded(_unitary),
    "quantitative_analyses.intersectional": unrecorded(_intersectional),
    "caveats.caveats": _caveats,
}
