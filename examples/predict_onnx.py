"""Predict a CSV file with an exported model where Profunda is not installed: ONNX Runtime, NumPy and no more.

    profunda fit bundled:adult --target income --trials 4 --out run
    profunda export run -o model.onnx
    python examples/predict_onnx.py model.onnx new.csv

For tables of numbers, dates, truth values, categories and tasks; a model that reads pictures or texts is
refused. What a column's text becomes as a number is told by the model's own metadata, in JSON; `code` below
is all it takes. Printed are classes or targets' names, and one line for each row.
"""

import csv
import json
import re
import sys
from datetime import UTC, datetime

import numpy as np
import onnxruntime

KINDS = ("numeric", "date", "boolean", "categorical", "task")


def main(model: str, table: str) -> None:
    session = onnxruntime.InferenceSession(model)
    told = json.loads(session.get_modelmeta().custom_metadata_map["profunda"])
    entering, leaving = told["input"], told["output"]
    for column in entering["columns"]:
        if column["kind"] not in KINDS:
            sys.exit(
                f"{model} reads {column['name']!r} as a {column['kind']}, and this example reads cells of "
                f"one number or word only ({', '.join(KINDS)}). The model's metadata say what its codes are."
            )
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
    if column["kind"] in ("categorical", "task"):
        known = column["vocabulary"]
        if column["kind"] == "task" and text not in known:
            text = task(text)
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


def task(text: str) -> str:
    """How a task is called: 3 for 3.0 and 03, True for true, times without last zeros and midnight."""
    if text.lower() in ("true", "false"):
        return text.title()
    try:
        number = decimal(text, "")
    except ValueError:
        day, time = r"^(\d{4}-\d\d-\d\d)", r"(\d\d:\d\d:\d\d)"
        text = re.sub(rf"{day}[T ]{time}(\.\d*?[1-9])?\.?0*$", r"\1 \2\3", text)
        return re.sub(rf"{day} 00:00:00$", r"\1", text)
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def decimal(text: str, style: str) -> float:
    """1234.5, or 1.234,5 by the style "comma", or 1,234.5 by "thousands"."""
    if "_" in text:  # which Python would take for part of a number
        raise ValueError(text)
    if style == "comma":
        if not re.fullmatch(r"[+-]?(\d{1,3}(\.\d{3})+|\d*)(,\d+)?([eE][+-]?\d+)?", text):
            raise ValueError(text)
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
