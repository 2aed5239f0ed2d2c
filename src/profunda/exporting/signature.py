"""What an exported graph takes and gives, for readers without Profunda: how a table's row becomes codes."""

import json

from profunda._version import __version__
from profunda.data.numerals import FALSE_WORDS, MISSING_WORDS, TRUE_WORDS
from profunda.data.table import Kind
from profunda.model.model import Model

__all__ = ["CODES", "KEY", "output_name", "signature"]

KEY = "profunda"
"""The metadata's name in an ONNX file."""
CODES = "codes"
"""The graph's input."""

_HOW = {
    Kind.NUMERIC: "the number",
    Kind.BOOLEAN: "1 for true, 0 for false",
    Kind.DATE: "days since 1970-01-01, with a fraction for the time of day",
    Kind.CATEGORICAL: "place in the vocabulary, from 0 on; -1 for a category that is not in it",
    Kind.TASK: (
        "place in the vocabulary, from 0 on; -1 for a task that is not in it. Numbers are called 3, not 3.0 "
        "or 03, truth values True and False, times 2020-01-31 10:30:00.5, without last zeros and midnight"
    ),
    Kind.PICTURE: (
        "all pixels of the first channel row by row, then those of the next; shape is [K, H, W]. They have "
        "the scale of training, whose lowest and highest number are the span: bytes stay 0 to 255"
    ),
    Kind.TEXT: (
        "as many words as the shape says, 0 where there are no more: the place in the vocabulary, from 2 on, "
        "or 1 for another word. A word is a run of letters, digits and underscores in lower case and normal "
        "form NFC, with apostrophes inside; any other sign but a space stands alone, and a combining mark "
        "belongs to what it follows. With the format 'bytes': UTF-8 plus 1"
    ),
}
_FORMATS = {
    "": "numbers as 1234.5, dates as days or as YYYY-MM-DD",
    "comma": "1.234,5",
    "thousands": "1,234.5",
    "%": "a date's strptime pattern, where %.f is a point and the fraction of a second",
}


def output_name(model: Model) -> str:
    """What the graph's output is called."""
    return "prediction" if model.task.numeric else "probabilities"


def signature(model: Model) -> str:
    """The signature as JSON text.

    ``input`` describes the codes [N, F]. Its ``columns``, in order, have a ``name``, a ``kind``, a
    ``vocabulary`` (of categories and words) and the ``format`` of their texts; ``kinds`` and ``formats``
    explain these words. A ``shape`` that is not empty says of how many codes a picture or a text is made, a
    ``span`` between which numbers the pixels were that it learned from. What stands in ``missing``, cannot be
    read or is infinite has the code NaN; blanks around a text do not count, and truth values are written in
    either case. ``output`` has the task's kind and its ``targets``, each with its name and ``classes``:
    probabilities [N, C] are those of the one target's classes, or of the second class of each of several
    ones; numbers are [N], or [N, C] of several targets.
    """
    columns = [
        {
            "name": feature.name,
            "kind": str(feature.kind),
            "vocabulary": list(feature.vocabulary),
            "format": feature.format,
            "shape": list(feature.shape),
            "span": list(feature.span),
        }
        for feature in model.schema.features
    ]
    return json.dumps(
        {
            "profunda": __version__,
            "model": str(model),
            "input": {
                "name": CODES,
                "columns": columns,
                "kinds": {str(kind): how for kind, how in _HOW.items()},
                "formats": _FORMATS,
                "missing": list(MISSING_WORDS),
                "true": list(TRUE_WORDS),
                "false": list(FALSE_WORDS),
            },
            "output": {
                "name": output_name(model),
                "kind": model.task.kind,
                "targets": [
                    {"name": part.target, "classes": list(part.classes)}
                    for part in model.task.parts or (model.task,)
                ],
            },
        },
        ensure_ascii=False,
    )
