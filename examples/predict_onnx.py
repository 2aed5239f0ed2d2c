"""Predict a CSV file with an exported model where Profunda is not installed: ONNX Runtime, NumPy and no more.

    profunda fit bundled:adult --target income --trials 4 --out run
    profunda export run -o model.onnx
    python examples/predict_onnx.py model.onnx new.csv

For tables of numbers, dates, truth values and categories. What a column's text becomes as a number is told by
the model's own metadata, in JSON; `code` below is all it takes. Printed are classes or targets' names, and
one line for each row.
"""

import csv
import json
import re
import sys
from datetime import UTC, datetime

import numpy as np
import onnxruntime


def main(model: str, table: str) -> None:
    session = onnxruntime.InferenceSession(model)
    told = json.loads(session.get_modelmeta().custom_metadata_map["profunda"])
    entering, leaving = told["input"], told["output"]
    with open(table, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    codes = [[code(row[column["name"]], column, entering) for column in entering["columns"]] for row in rows]
    (answers,) = session.run([leaving["name"]], {entering["name"]: np.array(codes, np.float64)})
    targets = leaving["targets"]
    alone = targets[0]["classes"] if len(targets) == 1 else []
    print(*(alone or [target["name"] for target in targets]), sep=",")
    for answer in answers:
        print(*np.atleast_1d(answer).tolist(), sep=",")


def code(text: str, column: dict, entering: dict) -> float:
    """The number that stands for a column's text."""
    text = text.strip()
    if text in entering["missing"]:
        return np.nan
    if column["kind"] == "categorical":
        known = column["vocabulary"]
        return float(known.index(text)) if text in known else -1.0
    if column["kind"] == "boolean":
        word = text.lower()
        return (
            1.0 if word in (*entering["true"], "1") else 0.0 if word in (*entering["false"], "0") else np.nan
        )
    try:
        number = days(text, column["format"]) if column["kind"] == "date" else decimal(text, column["format"])
    except ValueError:
        return np.nan
    return number if np.isfinite(number) else np.nan


def decimal(text: str, style: str) -> float:
    """1234.5, or 1.234,5 by the style "comma", or 1,234.5 by "thousands"."""
    if style == "comma":
        text = text.replace(".", "").replace(",", ".")
    elif style == "thousands" and re.fullmatch(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?", text):
        text = text.replace(",", "")
    return float(text)


def days(text: str, pattern: str) -> float:
    """Days since 1970-01-01; a pattern's %.f and %#z are what Python writes as .%f and %z."""
    moment = datetime.strptime(text, (pattern or "%Y-%m-%d").replace("%.f", ".%f").replace("%#z", "%z"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() / 86_400


if __name__ == "__main__":
    main(*sys.argv[1:])
