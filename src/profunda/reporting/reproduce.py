"""Where time went, and how to get the same again: costs, command, seeds, versions, fingerprints, loading."""

import platform
import shlex
from collections.abc import Sequence

from profunda.data.schema import Schema
from profunda.data.table import Kind
from profunda.model.model import Model
from profunda.reporting.blocks import Bar, Bars, Block, Code, Facts, Table, Text
from profunda.reporting.engines import engine_sentence, engine_words
from profunda.reporting.evidence import Evidence, Stage
from profunda.reporting.words import count, duration, number, share
from profunda.tuning.result import SearchResult

__all__ = ["cost_blocks", "loading", "origin", "reproduce_blocks"]

_STAGES = {
    "earlier calls": "before the run was resumed",
    "read": "the table, its split, and once a machine how fast the engines are",
    "baselines": "the rivals, fitted and scored",
    "train": "the engines at work on the fleet",
    "search": "the rest of it: inputs, draws, plans, judgements, the journal",
    "select": "weighing the candidates on validation rows",
    "refit": "the last training of the chosen networks",
    "score": "predicting the rows that no choice has seen",
    "tasks": "linear models of each task alone, and of all",
    "save": "the model, on disk, and what its papers need",
}


def cost_blocks(evidence: Evidence) -> tuple[Block, ...]:
    """Seconds by stage, how fast the fleet trained, on which engine and why on that."""
    search = evidence.search
    facts = [
        ("Networks trained", count(search.networks)),
        ("Steps of them all", count(search.member_steps)),
        *_pace(search),
        ("Choosing what to train", f"{share(search.sampler_share)} of the search ({search.sampler})"),
        ("Engine", engine_words(evidence.engine, evidence.instruction_set)),
    ]
    told = engine_sentence(evidence.engine, evidence.instruction_set, evidence.engine_reason)
    why = (Text(told),) if told else ()
    return (_stage_bars(evidence.timings), Facts(tuple(facts)), *why)


def _pace(search: SearchResult) -> tuple[tuple[str, str], ...]:
    """How fast the fleet trained; nothing where it did not."""
    if not search.member_steps or search.training_seconds <= 0:
        return ()
    each = 1e6 * search.training_seconds / search.member_steps
    return (
        ("Networks a second of training", number(search.networks_per_second)),
        ("Time per step of a network", f"{number(each)} µs"),
    )


def _stage_bars(timings: Sequence[Stage]) -> Bars:
    total = sum(t.seconds for t in timings) or 1.0
    bars = tuple(
        Bar(
            t.stage,
            (t.seconds,),
            f"{duration(t.seconds)}  ({share(t.seconds / total)})",
            note=_STAGES.get(t.stage, ""),
        )
        for t in timings
    )
    return Bars(
        "Stages",
        bars,
        f"{duration(total)} of wall-clock time until this page was written; each bar is one stage, in order.",
    )


def reproduce_blocks(evidence: Evidence) -> tuple[Block, ...]:
    """The command, how to use the model, and everything a rerun must share."""
    run = str(evidence.run)
    model = evidence.model.provenance
    rows = [
        ("seed", str(evidence.seed)),
        ("data fingerprint", evidence.dataset.fingerprint),
        ("space", evidence.search.space.id),
        ("sampler", evidence.search.sampler),
        ("engine", engine_words(evidence.engine, evidence.instruction_set)),
        ("chosen by", f"{model.select}, refit: {model.refit}"),
        ("created", model.created),
        ("Python", f"{platform.python_version()} on {platform.system()} ({platform.machine()})"),
        *model.versions,
    ]
    note = (
        "A budget of trials or epochs gives the same result again on this machine. Elsewhere name the engine "
        "(--engine); another instruction set or torch build still rounds otherwise, which may tip a choice. "
        "A budget of seconds decides by the clock and does not repeat itself."
    )
    return (
        Code("Run it again", "shell", evidence.command),
        loading(run, evidence.dataset.schema, classes=evidence.classes),
        Code(
            "Predict from the command line",
            "shell",
            _predict_lines(run, _new(evidence.dataset.schema)[0], evidence.classes),
        ),
        Table("Versions and fingerprints", ("what", "value"), tuple(rows), note),
    )


def _predict_lines(run: str, new: str, classes: bool) -> str:
    command = f"profunda predict {shlex.quote(run)} {new} -o predictions.csv"
    return command + (f"\n{command.replace('predictions', 'probabilities')} --proba" if classes else "")


def _new(schema: Schema) -> tuple[str, str]:
    """A name for what to predict on, and what it may be."""
    if any(feature.kind is Kind.PICTURE for feature in schema.features):
        return "NEW", "a folder of pictures, an .npz of arrays, or an array [N, H, W(, C)]"
    return "NEW.csv", "a file, a pandas or polars frame, or an array"


def loading(folder: str, schema: Schema, *, classes: bool) -> Code:
    """Lines that load the model and predict with it."""
    proba = "probabilities = model.predict_proba(new)  # one column a class\n" if classes else ""
    new, what = _new(schema)
    text = (
        "import profunda\n\n"
        f"model = profunda.load({folder!r})\n"
        f'new = "{new}"  # {what}\n'
        f"predictions = model.predict(new)\n{proba}"
        "network = profunda.export(model)  # one plain torch.nn.Module"
    )
    return Code("Use the model in Python", "python", text)


def origin(model: Model) -> Table:
    """A model's provenance, for a model without its run."""
    told = model.provenance
    rows = (
        ("created", told.created),
        ("data", told.source),
        ("data fingerprint", told.fingerprint),
        ("rows it was fitted on", count(told.rows)),
        ("metric", told.metric),
        ("chosen by", f"{told.select}, refit: {told.refit}"),
        ("seed", str(told.seed)),
        *told.versions,
    )
    return Table("Where it comes from", ("what", "value"), tuple(rows))
