"""The report of one run of the main job, in the order a reader needs it."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from profunda.data.dataset import Dataset
from profunda.data.splits import Splits
from profunda.errors import ArgumentError, Notice
from profunda.model.model import Model
from profunda.model.optimism import Optimism
from profunda.model.score import Baseline, Score, TaskScore
from profunda.reporting.attribution import attribution_sections
from profunda.reporting.blocks import Block, Section, Text
from profunda.reporting.champion import drawing, ensemble, inside, recipe
from profunda.reporting.checks import run_checks
from profunda.reporting.document import Document
from profunda.reporting.evidence import Evidence, Stage
from profunda.reporting.examples import example_blocks
from profunda.reporting.fleet import fleet_blocks, landscape_blocks
from profunda.reporting.headline import headline, leaderboard
from profunda.reporting.predictions import prediction_blocks
from profunda.reporting.reproduce import cost_blocks, reproduce_blocks
from profunda.reporting.tables import data_blocks
from profunda.reporting.targets import each_target
from profunda.reporting.tasks import task_blocks
from profunda.reporting.words import count, duration, interval, moment, number
from profunda.tuning.ablation import Attribution
from profunda.tuning.dosage import Dosage
from profunda.tuning.result import SearchResult
from profunda.tuning.robustness import Robustness

__all__ = ["run_document"]


def run_document(
    *,
    dataset: Dataset,
    splits: Splits,
    search: SearchResult,
    model: Model,
    score: Score,
    scores: Sequence[tuple[str, float]],
    baselines: Sequence[Baseline],
    timings: Sequence[Stage],
    engine: str,
    instruction_set: str,
    engine_reason: str,
    notices: Sequence[Notice],
    seed: int,
    command: str,
    run: Path | str,
    held_y: np.ndarray | None = None,
    held_prediction: np.ndarray | None = None,
    single: Score | None = None,
    optimism: Optimism | None = None,
    attribution: Attribution | None = None,
    dosages: Sequence[Dosage] = (),
    robustness: Robustness | None = None,
    tasks: Sequence[TaskScore] = (),
) -> Document:
    """The whole run as a Document.

    `baselines` come with the trivial one first. `held_y` [N] and `held_prediction` (probabilities [N, C], or
    numbers [N] in the target's unit) are what the score was measured on: without them the part on predictions
    says so. `engine_reason` is a clause on why `engine` trained. `single` is the score of the best single
    network on the same rows. `optimism`, `attribution`, `dosages`, `robustness` and `tasks` add what they
    tell where they are given. Raises ArgumentError where the shapes of targets and predictions differ.
    """
    _check_shapes(dataset, held_y, held_prediction)
    evidence = Evidence(
        dataset, splits, search, model, score, tuple(scores), tuple(baselines), tuple(timings), engine,
        instruction_set, engine_reason, tuple(notices),
        seed, command, Path(run), held_y, held_prediction, single,
        optimism, attribution, tuple(dosages), robustness, tuple(tasks),
    )  # fmt: skip
    total = sum(timing.seconds for timing in timings)
    return Document(
        f"Predicting “{dataset.task.target}”",
        f"{dataset.source} · {count(search.networks)} networks in {duration(total)} · "
        f"{moment(model.provenance.created)}",
        tuple(section for section in _sections(evidence) if section.blocks),
    )


def _check_shapes(dataset: Dataset, y: np.ndarray | None, prediction: np.ndarray | None) -> None:
    if y is None or prediction is None:
        return
    task = dataset.task
    wanted = (len(y),) if task.kind == "regression" else (len(y), task.n_outputs)
    if np.shape(prediction) != wanted:
        raise ArgumentError(
            f"held_prediction has the shape {np.shape(prediction)} where {wanted} is needed for {len(y)} "
            f"held-out rows of a {task.kind} target: pass probabilities [N, C] for classes, numbers [N] "
            "otherwise"
        )


def _sections(evidence: Evidence) -> tuple[Section, ...]:
    search = evidence.search
    return (
        Section(
            "result", "Result", "How good the model is on rows that nothing has seen.", headline(evidence)
        ),
        Section("checks", "Checks", "What a careful colleague would look at first.", (run_checks(evidence),)),
        Section("leaderboard", "Leaderboard", "The model against honest rivals.", _leaderboard(evidence)),
        Section(
            "fleet",
            "The fleet",
            f"{count(search.networks)} networks were trained together; this is how they fared.",
            fleet_blocks(search, evidence.champion_members, evidence.classes),
        ),
        Section(
            "landscape",
            "What mattered",
            "Where good networks live, and which settings one may forget about.",
            landscape_blocks(search),
        ),
        Section(
            "champion", "The champion", "The network that weighs most in the model.", _champion(evidence)
        ),
        *attribution_sections(evidence.attribution, evidence.dosages, evidence.robustness),
        Section(
            "predictions", "Predictions", "What the model says on the held-out rows.", _predictions(evidence)
        ),
        Section(
            "data",
            "Data",
            "What was read, and what was made of it.",
            data_blocks(evidence.dataset, evidence.splits, evidence.notices),
        ),
        Section("time", "Time", "Where the time went.", cost_blocks(evidence)),
        Section(
            "reproduce", "Reproduce", "How to use the model and to get it again.", reproduce_blocks(evidence)
        ),
    )


def _leaderboard(evidence: Evidence) -> tuple[Block, ...]:
    found = evidence.optimism
    if found is None:
        return leaderboard(evidence)
    plain, corrected = found.plain, found.corrected
    known = math.isfinite(found.low) and math.isfinite(found.high)
    between = " ({1} … {2})".format(*interval(corrected, found.low, found.high)) if known else ""
    told = (
        f"Choosing flatters: on the {count(found.rows)} validation rows that chose among "
        f"{count(found.candidates)} designs, the same choice scored {number(plain, 4)} in {found.metric}; "
        f"corrected for the choosing by resampled rows {number(corrected, 4)}{between}. Early "
        "stopping has seen these rows too, so trust the number above."
    )
    return (*leaderboard(evidence), Text(told, "note"))


def _champion(evidence: Evidence) -> tuple[Block, ...]:
    part = evidence.main_part
    outputs = evidence.dataset.task.n_outputs
    weight = f"weight {part.weight:.2f} in the model" if len(evidence.model.parts) > 1 else "it is the model"
    drawn = drawing(part, outputs, f"Its architecture ({weight})")
    history, members = evidence.search.history, evidence.champion_members
    signs = inside(history.curves[members[0]]) if history is not None and members else ()
    return (
        drawn,
        recipe(part.design, part.networks[0].preprocessing.inputs),
        *ensemble(evidence.model),
        *signs,
    )


def _predictions(evidence: Evidence) -> tuple[Block, ...]:
    if evidence.held_y is None or evidence.held_prediction is None or len(evidence.held_y) == 0:
        return (
            Text("The predictions on the held-out rows were not kept, so there is nothing to draw.", "note"),
        )
    task, y, said = evidence.dataset.task, evidence.held_y, evidence.held_prediction
    each = each_target(task, evidence.metric, y, said, evidence.baselines) if task.parts else ()
    seen = example_blocks(
        evidence.dataset, evidence.splits.test, np.asarray(y), np.asarray(said), evidence.seed
    )
    tasks = task_blocks(evidence.tasks, evidence.metric)
    return (*each, *tasks, *prediction_blocks(task, y, said), *seen)
