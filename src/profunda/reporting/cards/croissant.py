"""Metadata of the data for machines: Croissant 1.0 in JSON-LD, and what is wrong with one.

Akhtar et al., "Croissant: A Metadata Format for ML-Ready Datasets", DEEM 2024;
http://mlcommons.org/croissant/1.0. The context is the format's own.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from profunda.data.task import Task
from profunda.reporting.cards.filling import Filling
from profunda.reporting.cards.findings import Finding
from profunda.reporting.cards.header import licence_id
from profunda.reporting.cards.run import FinishedRun
from profunda.reporting.record import HASHED

__all__ = ["CONFORMS_TO", "check_croissant", "croissant"]

CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
REQUIRED = ("name", "description", "license", "url", "creator", "datePublished")
"""What a data set must tell, beside its context, type and version of the format."""

_TERMS = (
    "citeAs", "column", "conformsTo", "data", "dataType", "equivalentProperty", "examples", "extract",
    "field", "fileObject", "fileProperty", "fileSet", "format", "includes", "isLiveDataset", "jsonPath",
    "key", "md5", "parentField", "path", "recordSet", "references", "regex", "repeated", "replace",
    "samplingRate", "sc", "separator", "source", "subField", "transform",
)  # fmt: skip
_SPECIAL: Mapping[str, object] = {
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "sc": "https://schema.org/",
}
CONTEXT: Mapping[str, object] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    **{term: _SPECIAL.get(term, f"cr:{term}") for term in _TERMS},
}

FORMATS = {
    ".csv": "text/csv", ".tsv": "text/tab-separated-values", ".parquet": "application/x-parquet",
    ".json": "application/json", ".txt": "text/plain", ".npz": "application/zip", ".gz": "application/gzip",
}  # fmt: skip
COLUMNS = {".csv", ".tsv", ".parquet"}  # formats whose columns can be named; of others a field is the content
TYPES = {
    "numeric": "sc:Float", "boolean": "sc:Boolean", "date": "sc:Date", "picture": "sc:ImageObject",
    "index": "sc:Integer",
}  # fmt: skip
_TARGETS = {"integer": "sc:Integer", "number": "sc:Float", "boolean": "sc:Boolean"}


def croissant(run: FinishedRun, filling: Filling) -> str:
    """The data set as Croissant JSON-LD; what only a person can say is left out where nobody said it."""
    name = filling["data.name"] or run.name
    licence = filling["datasheet.distribution.licence"]
    said = {
        "description": filling["data.description"]
        or filling["datasheet.motivation.purpose"]
        or _described(run),
        "license": _licence_url(licence),
        "url": filling["data.url"],
        "datePublished": filling["data.published"],
        "citeAs": filling["data.citation"],
    }
    creators = filling["datasheet.motivation.creators"]
    tree: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": name,
        **{key: value for key, value in said.items() if value},
    }
    if creators:
        tree["creator"] = {"@type": "sc:Organization", "name": creators}
    # The version of the data is what they hold: the fingerprint tells two copies apart.
    tree["version"] = f"1.0.0+{run.model.provenance.fingerprint[:12]}"
    distribution = _distribution(run)
    if distribution is not None:
        tree |= {"distribution": [distribution], "recordSet": [_records(run, distribution)]}
    return json.dumps(tree, ensure_ascii=False, indent=2) + "\n"


def _described(run: FinishedRun) -> str:
    task, rows = run.model.task, "" if run.record is None else f"{run.record.rows:,} rows, "
    return f"{rows}{len(run.model.schema.source):,} columns beside the target {task.target} ({task.kind})."


def _licence_url(said: str) -> str:
    """A licence as SPDX's address where the short name is one, else as it was said."""
    short = licence_id(said)
    if short in ("unknown", "other", "cc", "gpl", "lgpl", "openrail", "openrail++", "bigscience-openrail-m"):
        return said
    known = {"odbl": "ODbL-1.0", "odc-by": "ODC-By-1.0", "pddl": "PDDL-1.0", "postgresql": "PostgreSQL"}
    upper = {"mit": "MIT", "isc": "ISC", "apache-2.0": "Apache-2.0", "zlib": "Zlib", "unlicense": "Unlicense"}
    return f"https://spdx.org/licenses/{known.get(short) or upper.get(short) or short.upper()}"


def _distribution(run: FinishedRun) -> dict[str, Any] | None:
    """The file that was read, or the set of files of a folder; None for data in memory."""
    record = run.record
    if record is None or (record.file is None and not record.files):
        return None
    if record.file is None:
        return {
            "@type": "cr:FileSet",
            "@id": "files",
            "name": run.name,
            "encodingFormat": "*/*",
            "includes": "**",
        }
    told = record.file
    found = {
        "@type": "cr:FileObject",
        "@id": told.name,
        "name": told.name,
        "contentUrl": told.name,
        "contentSize": f"{told.bytes} B",
        "encodingFormat": FORMATS.get(PurePath(told.name).suffix.lower(), "application/octet-stream"),
    }
    return found | ({"sha256": told.sha256} if told.sha256 else {})


def _records(run: FinishedRun, distribution: Mapping[str, Any]) -> dict[str, Any]:
    """One record set: a field for every column of the source, used or not, and the target."""
    assert run.record is not None
    task = run.model.task
    named = (
        distribution["@type"] == "cr:FileObject" and PurePath(distribution["name"]).suffix.lower() in COLUMNS
    )
    place = "fileObject" if distribution["@type"] == "cr:FileObject" else "fileSet"

    def field(name: str, what: str, kind: str) -> dict[str, Any]:
        extract = {"column": name} if named else {"fileProperty": "content"}
        source = {place: {"@id": distribution["@id"]}, "extract": extract}
        told = {"@type": "cr:Field", "@id": f"rows/{name}", "name": name, "description": what}
        return told | {"dataType": kind, "source": source}

    columns = [
        field(one.name, one.reason, TYPES.get(one.kind.value, "sc:Text")) for one in run.record.columns
    ]
    targets = [field(one.target, f"target ({one.kind})", _target_type(one)) for one in task.parts or (task,)]
    return {"@type": "cr:RecordSet", "@id": "rows", "name": "rows", "field": [*columns, *targets]}


def _target_type(task: Task) -> str:
    return "sc:Float" if task.numeric else _TARGETS.get(task.dtype, "sc:Text")


def check_croissant(text: str) -> tuple[Finding, ...]:
    """What is wrong with Croissant metadata: what is required and lacks, what refers to nothing."""
    try:
        tree = json.loads(text)
    except ValueError as error:
        return (Finding("croissant", f"it is no JSON: {error}"),)
    if not isinstance(tree, dict):
        return (Finding("croissant", "it is no object of JSON, as metadata in JSON-LD are"),)
    return tuple(_findings(tree))


def _findings(tree: Mapping[str, Any]) -> Iterator[Finding]:
    if not isinstance(tree.get("@context"), dict):
        yield Finding("croissant-context", "the metadata have no @context, which says what their words mean")
    if not _is(tree, "Dataset"):
        yield Finding("croissant-type", "the @type of the metadata is not sc:Dataset")
    standards = _many(tree, "conformsTo" if "conformsTo" in tree else "dct:conformsTo")
    if not any(str(one).startswith("http://mlcommons.org/croissant/") for one in standards):
        yield Finding("croissant-conformsTo", f"the metadata have no conformsTo; write {CONFORMS_TO}")
    for key in REQUIRED:
        if not tree.get(key):
            yield Finding(f"croissant-{key}", f"the metadata have no {key}, which Croissant requires")
    objects = [one for one in _many(tree, "distribution") if isinstance(one, Mapping)]
    for one in objects:
        yield from _file_findings(one)
    known = {str(one.get("@id")) for one in objects}
    for records in _many(tree, "recordSet"):
        yield from _record_findings(records, known)


def _file_findings(one: Mapping[str, Any]) -> Iterator[Finding]:
    name = one.get("@id") or one.get("name") or "?"
    for key in ("@id", "name", "encodingFormat"):
        if not one.get(key):
            yield Finding(f"croissant-{key.lstrip('@')}", f"its file {name} has no {key}")
    if _is(one, "FileObject"):
        if not one.get("contentUrl") and not one.get("containedIn"):
            yield Finding("croissant-contentUrl", f"its file {name} has no contentUrl")
        if not one.get("sha256") and not one.get("md5") and not one.get("containedIn"):
            yield Finding(
                "croissant-sha256",
                f"its file {name} has no sha256, by which a copy is recognised; a run of Profunda "
                f"hashes none above {HASHED >> 30} GB: write it in by hand",
            )
    elif _is(one, "FileSet"):
        if not one.get("includes"):
            yield Finding("croissant-includes", f"its set of files {name} does not say what it includes")
    else:
        yield Finding(
            "croissant-distribution", f"its file {name} is neither a cr:FileObject nor a cr:FileSet"
        )


def _record_findings(records: object, files: set[str]) -> Iterator[Finding]:
    fields = _many(records, "field") if isinstance(records, Mapping) else []
    if not isinstance(records, Mapping) or not records.get("@id") or not fields:
        yield Finding("croissant-recordSet", "a record set has no @id, or no field")
        return
    seen: set[str] = set()
    for one in fields:
        name = str(one.get("@id")) if isinstance(one, Mapping) else "?"
        if not isinstance(one, Mapping) or not one.get("@id") or not one.get("name"):
            yield Finding("croissant-field", f"a field of {records['@id']} has no @id, or no name")
            continue
        if name in seen:
            yield Finding("croissant-field", f"two fields have the @id {name}")
        seen.add(name)
        if not one.get("dataType"):
            yield Finding("croissant-dataType", f"the field {name} has no dataType")
        source = one.get("source")
        if not isinstance(source, Mapping) and not records.get("data") and not one.get("subField"):
            yield Finding("croissant-source", f"the field {name} does not say where its values come from")
        for key in ("fileObject", "fileSet"):
            place = source.get(key) if isinstance(source, Mapping) else None
            if isinstance(place, Mapping) and place.get("@id") not in files:
                yield Finding(
                    "croissant-source",
                    f"the field {name} comes from {place.get('@id')!r}, which is no file of it",
                )


def _is(tree: Mapping[str, Any], kind: str) -> bool:
    return str(tree.get("@type", "")).rpartition(":")[2].rpartition("/")[2] == kind


def _many(tree: Mapping[str, Any], key: str) -> list[Any]:
    value = tree.get(key, [])
    return value if isinstance(value, list) else [value]
