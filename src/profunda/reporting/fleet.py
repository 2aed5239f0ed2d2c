"""The search as a whole: curves, the landscape of hyperparameters, causes of ending, the best trials."""

import math
from collections import Counter
from collections.abc import Sequence

from profunda.fleet.history import Status
from profunda.reporting.blocks import Bar, Bars, Block, Cell, Table, Text
from profunda.reporting.curves import learning_curves, loss_title, matrix
from profunda.reporting.figures import thin
from profunda.reporting.importance import LEAST_TRIALS, Importances, importances
from profunda.reporting.ladder import rank_ladder
from profunda.reporting.landscape import parallel, progress, score_map, size_front, slices
from profunda.reporting.standing import order, scored
from profunda.reporting.surrogate import surrogate_panels
from profunda.reporting.words import brief, cell, count, duration, setting, settings, share
from profunda.tuning.causes import CAUSES
from profunda.tuning.foresight import LEAST_GAIN, concern_words
from profunda.tuning.importance import surrogate_curves
from profunda.tuning.result import SearchResult, Trial

__all__ = ["ending_bars", "fleet_blocks", "forecast_table", "landscape_blocks", "trials_table"]

MOST_COLUMNS = 8  # hyperparameters with a column of their own in the table of trials
MOST_TRIALS = 25
_RULES = (
    "Causes come from the rules of a diagnosis, on the losses and vital signs of each network: not finite, "
    "dead and vanished at any time, all else of runs that were long enough to be judged, and faults alone. "
    "What was left behind at a rung and showed no trouble of its own was outcompeted."
)
_PATTERNS = (
    "Settings are told where up to three of them set the trials of one cause apart from those without "
    "trouble, with a chance of at most 1 % by Fisher's exact test, multiplied by the number of statements "
    "that could have been made (a union bound). They go along with a cause within this space, which does not "
    "prove that they bring it about."
)
_LEAST_EXPLAINED = 0.15  # below, the forest knows too little to blame or praise a hyperparameter


def fleet_blocks(search: SearchResult, champion: Sequence[int], classes: bool) -> tuple[Block, ...]:
    """How the search went: progress, curves, endings, ranks; `champion` are places in the history."""
    curves = (
        learning_curves(search.history, champion, loss_title(classes)) if search.history is not None else None
    )
    blocks = (
        curves,
        progress(search),
        ending_bars(search),
        forecast_table(search),
        rank_ladder(search),
        trials_table(search),
    )
    return tuple(block for block in blocks if block is not None)


def landscape_blocks(search: SearchResult) -> tuple[Block, ...]:
    """What mattered: importances, the two foremost, what was learnt, slices, sizes, all at once."""
    found = importances(search)
    names = tuple(one.name for one in found.parameters) if found is not None else search.space.free
    told: Block = (
        _importance_bars(found)
        if found is not None
        else Text(
            f"Which hyperparameters mattered is told from {LEAST_TRIALS} scored trials on; this search has "
            f"{len(scored(search))}.",
            "note",
        )
    )
    blocks = (
        told,
        score_map(search, names) if found is not None else None,
        surrogate_panels(search, surrogate_curves(search)),
        slices(search, names),
        size_front(search),
        parallel(search, names, ranked=found is not None),
    )
    return tuple(block for block in blocks if block is not None)


def _importance_bars(found: Importances) -> Bars:
    kept = [one for one in found.parameters if one.total >= 0.005] or list(found.parameters)
    kept = kept[:12]
    bars = tuple(Bar(one.name, (one.alone, one.total - one.alone), share(one.total)) for one in kept)
    trusted = found.explained >= _LEAST_EXPLAINED
    what = (
        "The share of the differences between trials that each hyperparameter accounts for. The forest "
        f"behind it explains {share(found.explained)} of trials it has not seen"
        + ("." if trusted else ": too little, so do not read much into these bars.")
    )
    left = len(found.parameters) - len(kept)
    return Bars(
        "Which hyperparameters mattered",
        bars,
        what + (f" Not shown: {left} that hardly matter." if left else ""),
        "Functional ANOVA (Hutter et al. 2014) by Monte Carlo: a random forest learns each trial's rank "
        f"from its hyperparameters ({count(found.trials)} trials); its variance over the whole space is "
        "split into the share of one hyperparameter alone, S = Var E[f | u] / Var f, and with all its "
        "interactions, T = E[(f − f′)²] / (2 Var f), where only this one is redrawn in f′ (Jansen 1999). "
        "Limits: it speaks of this space and these data; widen a domain and its share grows; shares with "
        "interactions may add up to more than 100 %; with few trials it is a guess.",
        axis="share of the variance of ranks",
        legend=("alone", "in interaction with others"),
    )


def ending_bars(search: SearchResult) -> Bars | None:
    """How many trials ended by which cause, below each the settings that go along with it and what to do;
    None without trials.

    A user's own objective trains as it likes: its causes come without advice on training.
    """
    total, trained = len(search.trials), search.history is not None
    if not total:
        return None
    told = {one.cause: one.text for one in search.explanations}
    bars = tuple(
        Bar(
            cause.replace("_", " ").replace("-", " "),
            (float(n),),
            f"{count(n)}  ({share(n / total)})",
            note=" ".join(filter(None, (told.get(cause, ""), _advice(cause, trained)))),
        )
        for cause, n in search.causes
    )
    causes = "one cause" if len(bars) == 1 else f"{len(bars)} causes"
    what = f"{count(total)} trials, {causes}."
    if not trained:
        return Bars("How trials ended", bars, what, _PATTERNS)
    what += " Below each, what goes along with it and what to do next time."
    return Bars("How training ended", bars, what, f"{_RULES} {_PATTERNS}")


def _advice(cause: str, trained: bool) -> str:
    if trained and cause in CAUSES:
        return CAUSES[cause].advice
    return Status.FAILED.advice if cause == Status.FAILED else ""


def forecast_table(search: SearchResult) -> Table | None:
    """What theory expected of designs and what became of them; None without forecasts."""
    found = search.foresight
    if found is None or not (found.trained or search.ruled_out):
        return None
    rows: list[tuple[Cell, ...]] = [
        (one.verdict, one.trained, one.learnt, share(one.learnt / one.trained)) for one in found.expectations
    ]
    if search.ruled_out:
        rows.append(("ruled out", 0, 0, "not trained"))
    what = (
        f"What theory expected of a design before it was trained. It learnt where its {search.metric} on "
        f"validation rows is better than {brief(found.least)}: a constant reaches {brief(found.constant)}, "
        f"and {100 * LEAST_GAIN:.0f} % of the best design's gain on it may be luck. Designs that were "
        "dropped early count as they stood then. "
    )
    if search.ruled_out:
        causes = "; ".join(f"{concern_words(name)} ({count(n)})" for name, n in search.ruled_out_by)
        what += f"{count(search.ruled_out)} drawn designs were ruled out and not trained: {causes}. "
    if math.isnan(found.auc):
        what += f"No claim how well the forecast tells designs apart: {found.why}."
    else:
        what += (
            "Of a design that learnt and one that did not, the forecast preferred the first in "
            f"{100 * found.auc:.0f} % of all pairs (± {100 * found.error:.0f} %; chance: 50 %)."
        )
    return Table(
        "The forecast before training, judged afterwards",
        ("forecast", "trained", "learnt", "share"),
        tuple(rows),
        what,
    )


def _columns(search: SearchResult, best: Sequence[Trial]) -> tuple[list[str], dict[str, str]]:
    """The hyperparameters that a table of trials has columns for, and the commonest value of each other one.

    Where there are too many for a page those have columns that differ most among the trials.
    """
    names = [n for n in search.space.free if any(n in t.params for t in best)]
    found = {n: Counter(setting(t.params[n]) if n in t.params else "" for t in best) for n in names}
    usual = {n: told.most_common(1)[0] for n, told in found.items()}
    shown = sorted(names, key=lambda n: usual[n][1])[:MOST_COLUMNS] if len(names) > MOST_COLUMNS else names
    return [n for n in names if n in shown], {n: usual[n][0] for n in names if n not in shown}


def trials_table(search: SearchResult) -> Table | None:
    """The best trials with their hyperparameters and curves; None where none has a value."""
    best = order(search)[:MOST_TRIALS]
    if not best:
        return None
    names, usual = _columns(search, best)
    many = search.folds > 1
    extra = [name for name, _ in best[0].scores if name != search.metric][:3]
    trained = search.history is not None  # a user's own objective counts no epochs
    head = (
        "trial",
        search.metric,
        *(("± s.e.",) if many else ()),
        *extra,
        "ended",
        *(("epochs",) if trained else ()),
        "time",
        *names,
        *(("besides",) if usual else ()),
    )
    rows = []
    for trial in best:
        others = dict(trial.scores)
        spread = (cell(trial.spread),) if many else ()
        told = (
            trial.status.replace("_", " "),
            *((trial.epochs,) if trained else ()),
            duration(trial.seconds),
        )
        params = [cell(trial.params[n]) if n in trial.params else "" for n in names]
        if usual:
            odd = [n for n, value in usual.items() if n in trial.params and setting(trial.params[n]) != value]
            params.append(settings(trial.params, odd))
        rows.append(
            (trial.number, cell(trial.value), *spread, *(cell(others.get(n)) for n in extra), *told, *params)
        )
    curves = tuple(_curve(search, trial.number) for trial in best) if search.history is not None else ()
    what = f"Scored on validation rows, best first, of {count(len(scored(search)))} trials with a score."
    if usual:
        common = ", ".join(f"{name} {value}" for name, value in usual.items() if value)
        what += f" “Besides” names what is not as in most of them: {common}."
    return Table(
        f"The {len(best)} best trials",
        head,
        tuple(rows),
        what,
        True,
        curves,
        "validation loss" if curves else "",
    )


def _curve(search: SearchResult, number: int) -> tuple[float | None, ...]:
    """The validation loss of a trial's first fold, at most 40 points."""
    assert search.history is not None
    position = next(k for k, t in enumerate(search.trials) if t.number == number) * search.folds
    losses = matrix(search.history.curves[position : position + 1], "valid")
    if losses.size == 0:
        return ()
    row = losses[0][thin(losses.shape[1], 40)]
    return tuple(float(f"{v:.4g}") if v == v else None for v in row.tolist())
