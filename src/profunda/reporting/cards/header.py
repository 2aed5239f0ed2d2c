"""The hub's metadata at the head of a model card, and what is wrong with one.

The fields are those of https://github.com/huggingface/hub-docs/blob/main/modelcard.md.
"""

import math
import re
from collections.abc import Iterator, Mapping

from profunda.model.score import Score
from profunda.reporting.cards.filling import Filling
from profunda.reporting.cards.findings import Finding
from profunda.reporting.cards.front_matter import Node
from profunda.reporting.cards.run import FinishedRun
from profunda.reporting.words import interval

__all__ = ["LICENCES", "check_header", "hub_metadata", "licence_id", "pipeline_tag", "slug"]

LICENCES = (
    "afl-3.0", "agpl-3.0", "apache-2.0", "artistic-2.0", "bigscience-openrail-m", "bsd-2-clause",
    "bsd-3-clause", "bsl-1.0", "cc", "cc-by-2.0", "cc-by-3.0", "cc-by-4.0", "cc-by-nc-4.0",
    "cc-by-nc-nd-4.0",
    "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc0-1.0", "cdla-permissive-2.0",
    "ecl-2.0", "epl-2.0", "eupl-1.1", "gpl", "gpl-2.0", "gpl-3.0", "isc", "lgpl", "lgpl-2.1", "lgpl-3.0",
    "mit", "mpl-2.0", "odbl", "odc-by", "openrail", "openrail++", "osl-3.0", "pddl", "postgresql",
    "unlicense", "wtfpl", "zlib", "unknown", "other",
)  # fmt: skip
"""What the hub knows of licences, the usual ones: https://huggingface.co/docs/hub/repositories-licenses."""

METRICS = {"auc": "roc_auc", "brier": "brier_score", "r2": "r_squared"}
"""What the hub calls a metric where it is not our name."""

PIPELINES = {
    ("picture", True): "image-classification",
    ("text", True): "text-classification",
    ("tabular", True): "tabular-classification",
    ("tabular", False): "tabular-regression",
}
"""What the hub calls a task, by the inputs and whether classes are predicted."""

_ID = re.compile(r"[\w.-]+(?:/[\w.-]+)?")


def hub_metadata(run: FinishedRun, filling: Filling) -> Mapping[str, Node]:
    """Licence, library, tags, and the results on the held-out rows with their interval."""
    task = run.model.task
    name = filling["model.name"] or f"{run.name}-{task.target}"
    data = filling["data.name"] or run.name
    licence = filling["model_card.model_details.licence"]
    tree: dict[str, Node] = {"license": licence_id(licence)}
    if tree["license"] == "other":
        tree["license_name"] = slug(licence)
    tree["library_name"] = "profunda"
    tag = pipeline_tag(run)
    if tag:
        tree["pipeline_tag"] = tag
    tree["tags"] = ["profunda", "deep-learning", "ensemble", *([tag] if tag else [])]
    tree["datasets"] = [slug(data)]
    if run.score is None:
        return tree
    results = _results(run, run.score)
    tree["metrics"] = [entry["type"] for entry in results]
    judged: Node = {
        "task": {"type": tag or "other", "name": f"predicting {task.target}"},
        "dataset": {"type": slug(data), "name": data, "split": "test"},
        "metrics": results,
    }
    return tree | {"model-index": [{"name": name, "results": [judged]}]}


def _results(run: FinishedRun, score: Score) -> list[dict[str, Node]]:
    """The optimised metric with its interval, then all others."""
    _, low, high = interval(score.value, score.low, score.high)
    level = f"{score.level:.0%}".replace("%", " %")
    told = f"{score.metric} on {score.rows} held-out rows, {level} interval {low} to {high}"
    found: list[dict[str, Node]] = [_result(score.metric, score.value, told)]
    others = () if run.record is None else run.record.scores
    found += [_result(name, value, name) for name, value in others if name != score.metric]
    return [one for one in found if one["value"] is not None]


def _result(metric: str, value: float, told: str) -> dict[str, Node]:
    number = float(f"{value:.6g}") if math.isfinite(value) else None
    return {"type": METRICS.get(metric, metric), "value": number, "name": told}


def pipeline_tag(run: FinishedRun) -> str:
    """What the hub calls the task: "tabular-classification", …; "" where it has no word."""
    kinds = {feature.kind.value for feature in run.model.schema.features}
    data = next((kind for kind in ("picture", "text") if kind in kinds), "tabular")
    return PIPELINES.get((data, not run.model.task.numeric), "")


def licence_id(said: str) -> str:
    """The hub's short name of a licence: "unknown" where nothing was said, "other" where it has none."""
    if not said:
        return "unknown"
    short = said.strip().lower().replace(" ", "-")
    return short if short in LICENCES else "other"


def slug(text: str) -> str:
    """`text` as the hub takes names: letters, digits, dots, dashes."""
    return re.sub(r"[^\w.-]+", "-", text, flags=re.ASCII).strip("-.").lower()[:90] or "data"


def check_header(tree: Node) -> Iterator[Finding]:
    """What the hub would refuse, or not find, in a model card's metadata."""
    if not isinstance(tree, Mapping):
        yield Finding("header", "the YAML header is no mapping of keys to values")
        return
    licence = tree.get("license")
    if not isinstance(licence, str) or not licence:
        yield Finding("header-license", "the YAML header has no `license`; add one, or `license: unknown`")
    elif licence == "other" and not tree.get("license_name"):
        yield Finding("header-license", "the YAML header has `license: other`, which needs a `license_name`")
    if not isinstance(tree.get("library_name"), str):
        yield Finding(
            "header-library_name", "the YAML header has no `library_name`; add `library_name: profunda`"
        )
    for key in ("tags", "metrics", "datasets"):
        value = tree.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            yield Finding(f"header-{key}", f"`{key}` in the YAML header is no list of texts")
        elif key == "datasets" and (bad := [item for item in value if not _ID.fullmatch(str(item))]):
            yield Finding("header-datasets", f"`datasets` names {bad[0]!r}, which is no name of the hub")
    if "model-index" in tree:
        yield from _index_findings(tree["model-index"])


REQUIRED = ("task.type", "dataset.type", "dataset.name")


def _index_findings(index: Node) -> Iterator[Finding]:
    code = "header-model-index"
    if not isinstance(index, list) or not index:
        yield Finding(code, "`model-index` in the YAML header is no list of models")
        return
    for model in index:
        results = model.get("results") if isinstance(model, Mapping) else None
        if not isinstance(model, Mapping) or not model.get("name") or not isinstance(results, list):
            yield Finding(code, "a model of `model-index` lacks its `name` or its list of `results`")
            continue
        for result in results:
            yield from _result_findings(result)


def _result_findings(result: Node) -> Iterator[Finding]:
    code = "header-model-index"
    tree = result if isinstance(result, Mapping) else {}
    for path in REQUIRED:
        above, key = path.split(".")
        part = tree.get(above)
        if not isinstance(part, Mapping) or not part.get(key):
            yield Finding(code, f"a result of `model-index` lacks `{path}`, which the hub requires")
    metrics = tree.get("metrics")
    if not isinstance(metrics, list) or not metrics:
        yield Finding(code, "a result of `model-index` lacks its `metrics`")
        return
    for metric in metrics:
        if not isinstance(metric, Mapping) or not metric.get("type") or metric.get("value") is None:
            yield Finding(code, "a metric of `model-index` lacks its `type` or `value`")
