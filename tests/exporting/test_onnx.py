"""ONNX files, read by ONNX Runtime, against the Model: tables, designs, batches; a file's own words."""

import json
import runpy
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import get_args

import numpy as np
import polars as pl
import pytest
from tests.exporting.making import DESIGNS, drawn, frame, made, worn
from tests.model.making import make_frame, make_model

from profunda.data.numerals import clean
from profunda.data.raw import RawColumn
from profunda.data.reading import read
from profunda.data.schema import Feature
from profunda.data.table import Kind
from profunda.errors import ModelError
from profunda.exporting import writing
from profunda.exporting.signature import signature
from profunda.exporting.writing import export_file
from profunda.model.model import Model
from profunda.space.design import Activation, Design

ABSENT = "the extra is not installed: pip install 'profunda[onnx]'"
onnx = pytest.importorskip("onnx", reason=ABSENT)
onnxruntime = pytest.importorskip("onnxruntime", reason=ABSENT)
pytest.importorskip("onnxscript", reason=ABSENT)

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "predict_onnx.py"


def answers(file: Path, codes: np.ndarray) -> np.ndarray:
    return onnxruntime.InferenceSession(file).run(None, {"codes": codes})[0]


def farthest(file: Path, model: Model, codes: np.ndarray) -> float:
    """The largest difference in batches of 1, 7 and all rows; of numbers, in standard deviations."""
    expected = model.predict_codes(codes)
    target = model.preprocessings[0].numbers.target
    unit = target[1] if model.task.numeric else 1.0
    sizes = (1, 7, len(codes))
    return max(np.abs((answers(file, codes[:n]) - expected[:n]) / unit).max() for n in sizes)


def trimmed(model: Model) -> Model:
    """One network a part: a quarter of the time."""
    return replace(
        model,
        parts=tuple(replace(part, networks=part.networks[i % 2 :][:1]) for i, part in enumerate(model.parts)),
    )


@pytest.fixture(scope="module", params=["binary", "multiclass", "regression"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Path]:
    """A mixture of designs and encodings, and its file."""
    model = trimmed(make_model(request.param))
    return model, export_file(model, tmp_path_factory.mktemp("onnx") / "model.onnx").path


def test_the_file_is_the_model(written: tuple[Model, Path]) -> None:
    model, file = written
    codes = model.schema.codes(make_frame(model.task.kind, rows=1000, seed=9))
    codes[:50, 2], codes[25:75, 2] = -1.0, np.nan
    assert farthest(file, model, codes) < 1e-6
    # Negative control: the Model of other parameters gives other answers.
    other = trimmed(make_model(model.task.kind, seed=1))
    assert farthest(file, other, codes) > 1e-3


def test_the_file_is_sound_and_tells_nothing_of_the_machine(written: tuple[Model, Path]) -> None:
    model, file = written
    onnx.checker.check_model(onnx.load(file), full_check=True)
    session = onnxruntime.InferenceSession(file)
    (entering,), (leaving,) = session.get_inputs(), session.get_outputs()
    assert (entering.name, entering.shape, entering.type) == ("codes", ["rows", 5], "tensor(double)")
    number = model.task.kind == "regression"
    assert leaving.name == ("prediction" if number else "probabilities")
    assert leaving.shape == (["rows"] if number else ["rows", model.task.n_outputs])
    assert b"site-packages" not in file.read_bytes()


def test_a_row_is_encoded_by_the_file_alone(
    written: tuple[Model, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The example knows nothing of Profunda; dates, truth values, categories and gaps are in the table."""
    model, file = written
    frame = make_frame(model.task.kind, rows=30, seed=4).with_columns(
        pl.when(pl.col("colour") == "red").then(pl.lit("violet")).otherwise(pl.col("colour")).alias("colour")
    )
    table = tmp_path / "new.csv"
    frame.write_csv(table)
    monkeypatch.setattr(sys, "argv", [EXAMPLE.name, str(file), str(table)])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split(",") == list(model.task.classes or ["y"])
    found = np.array([[float(number) for number in line.split(",")] for line in lines])
    expected = model.predict_codes(model.schema.codes(frame.drop("y"))).reshape(found.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "text", "format", "code"),
    [
        ("numeric", " 1.234,5 ", "comma", 1234.5),
        ("numeric", "1,234.5", "thousands", 1234.5),
        ("numeric", "1,2", "thousands", None),
        ("numeric", "1e999", "", None),
        ("boolean", "Yes", "", 1.0),
        ("boolean", "0", "", 0.0),
        ("boolean", "perhaps", "", None),
        ("date", "1970-01-02T12:00:00.5", "%Y-%m-%dT%H:%M:%S%.f", 1.5 + 0.5 / 86400),
        ("date", "1970-01-02T01:00:00+01:00", "%Y-%m-%dT%H:%M:%S%#z", 1.0),
        ("date", "the 2nd", "%d.%m.%Y", None),
        ("categorical", "b", "", 1.0),
        ("categorical", "c", "", -1.0),
        ("categorical", "N/A", "", None),
        ("numeric", "1.2", "comma", None),
        ("numeric", "1_000", "", None),
        ("task", "b", "", 1.0),
        ("task", "c", "", -1.0),
        ("task", "", "", None),
        ("task", "TRUE", "", 2.0),
        ("task", "2020-01-31T10:30:00.500", "", 3.0),
        ("task", "2020-02-01 00:00:00", "", 4.0),
        ("task", "2020-02-01T00:00:00.010", "", -1.0),
    ],
)
def test_the_examples_codes_are_the_schemas(kind: str, text: str, format: str, code: float | None) -> None:
    """Each text by the example and by the package, whose reading is tested elsewhere."""
    told = json.loads(signature(make_model("binary")))["input"]
    known = {"categorical": ["a", "b"], "task": ["a", "b", "True", "2020-01-31 10:30:00.5", "2020-02-01"]}
    column = {"name": "x", "kind": kind, "vocabulary": known.get(kind, []), "format": format}
    found = runpy.run_path(str(EXAMPLE))["code"](text, column, told)
    feature = Feature("x", Kind(kind), 0, 2, tuple(column["vocabulary"]), (1, 1), format)
    theirs = feature.codes(RawColumn("x", "text", texts=clean(pl.Series([text]))))[0]
    assert found == pytest.approx(np.nan if code is None else code, nan_ok=True)
    assert theirs == pytest.approx(found, nan_ok=True)


BUNDLED = {
    "adult": ("income", Design((16, 16), encoding="embedded", skip=True, input_scaling=True)),
    "concrete": ("strength", Design((16,), encoding="quantile", norm="layer", numeric_embedding="periodic")),
    "digits": ("digit", Design((32,), encoding="piecewise", norm="batch", activation="gelu")),
}


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_tables_with_gaps_and_unseen_categories(name: str, tmp_path: Path) -> None:
    target, design = BUNDLED[name]
    data = read(f"bundled:{name}", target)
    model = drawn(design, data)
    written = export_file(model, tmp_path / "model.onnx")
    assert written.difference is not None
    assert farthest(written.path, model, worn(data.codes[:1000], data)) < 2e-5


NAMED = {"words": ("north", "south", "east"), "numbers": (1, 2, 3), "truths": (False, True, True)}


@pytest.mark.parametrize(
    ("named", "sharing"), [("words", "pooled"), ("words", "input"), ("numbers", "heads"), ("truths", "heads")]
)
def test_tasks_are_the_models_and_the_examples(
    named: str,
    sharing: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With a task that nobody knows, one that is missing, and numbers as another program writes them."""
    rng = np.random.default_rng(3)
    task = pl.Series("task", np.array(NAMED[named])[rng.choice(3, 80, p=[0.5, 0.3, 0.2])])
    data = read(frame().with_columns(task), "y", task_column="task")
    model = drawn(Design((6,), sharing=sharing, head_l2=0.1 if sharing == "heads" else 0.0), data)
    file = export_file(model, tmp_path / "model.onnx").path
    new = frame(30, seed=7).drop("y").with_columns(task[:30].cast(pl.String))
    if named == "numbers":
        new = new.with_columns(pl.col("task") + ".0")
    new[0, "task"], new[1, "task"] = ("7" if named == "numbers" else "unheard of"), None
    table = tmp_path / "new.csv"
    new.write_csv(table)
    expected = model.predict_proba(table)
    monkeypatch.setattr(sys, "argv", [EXAMPLE.name, str(file), str(table)])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    _, *lines = capsys.readouterr().out.splitlines()
    found = np.array([[float(number) for number in line.split(",")] for line in lines])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    if sharing != "pooled":  # the tasks have a say
        turned = new.with_columns(pl.col("task").reverse())
        assert not np.allclose(model.predict_proba(turned), expected, rtol=1e-2)


def test_the_example_refuses_what_is_no_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = read("bundled:fashion")
    model = drawn(Design((), body="conv", body_width=4, body_depth=1), data)
    (column,) = json.loads(signature(model))["input"]["columns"]
    assert (column["shape"], column["span"]) == ([1, 28, 28], [0, 255])
    file = export_file(model, tmp_path / "model.onnx").path
    monkeypatch.setattr(sys, "argv", [EXAMPLE.name, str(file), "none.csv"])
    with pytest.raises(SystemExit, match=r"reads 'picture' as a picture, and this example reads cells"):
        runpy.run_path(str(EXAMPLE), run_name="__main__")


@pytest.mark.parametrize("targets", [["z", "w"], ["p", "q"]], ids=["numbers", "labels"])
def test_several_targets(targets: list[str], tmp_path: Path) -> None:
    """Of tasks with heads of their own, where a target has gaps."""
    rng, gaps = np.random.default_rng(0), [None] * 8
    numbers = [pl.Series("z", rng.normal(size=80) * 100), pl.Series("w", [*gaps, *rng.normal(size=72)])]
    labels = [
        pl.Series("p", rng.choice(["a", "b"], 80)),
        pl.Series("q", [*gaps, *rng.choice(["c", "d"], 72)]),
    ]
    school = pl.Series("school", rng.choice(["n", "e", "s"], 80))
    table = frame(80).drop("y").with_columns(*numbers, *labels, school)
    data = read(table.select("size", "rate", "town", "school", *targets), targets, task_column="school")
    model = drawn(Design((6,), sharing="heads", head_l2=0.1), data)
    codes = np.concatenate([data.codes, worn(data.codes, data)])
    assert farthest(export_file(model, tmp_path / "model.onnx").path, model, codes) < 1e-6
    told = json.loads(signature(model))["output"]
    assert [target["name"] for target in told["targets"]] == targets
    assert [len(target["classes"]) for target in told["targets"]] == ([0, 0] if "z" in targets else [2, 2])


@pytest.mark.slow
@pytest.mark.parametrize("name", DESIGNS)
def test_networks_with_more_than_layers(name: str, tmp_path: Path) -> None:
    model, codes = made(DESIGNS[name])
    assert farthest(export_file(model, tmp_path / "model.onnx").path, model, codes) < 2e-5


CHANGES = {
    **{name: Design((6, 6), activation=name) for name in get_args(Activation)},
    **{f"parametric {name}": Design((6,), activation=name, parametric=True) for name in ("relu", "mish")},
    **{
        f"{norm} {place}": Design((8, 8), norm=norm, norm_place=place)
        for norm, place in product(("batch", "layer", "group"), ("before", "after"))
    },
    **{
        f"skip {norm}": Design((8, 8), skip=True, norm=norm, norm_place="after")
        for norm in ("none", "batch", "group")
    },
    **{
        encoding: Design((6,), encoding=encoding)
        for encoding in ("robust", "quantile", "piecewise", "embedded")
    },
    "linear": Design(()),
    "input scaling": Design((6,), input_scaling=True),
    "periodic": Design((6,), numeric_embedding="periodic"),
    "dropout": Design((6, 6), dropout=0.5, input_dropout=0.5),
    "dropconnect": Design((6, 6), dropout=0.5, dropout_kind="dropconnect"),
    "snapshots": Design((6, 6), snapshots=True),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CHANGES)
def test_every_field_that_changes_what_is_computed(name: str, tmp_path: Path) -> None:
    model, codes = made(CHANGES[name])
    assert farthest(export_file(model, tmp_path / "model.onnx").path, model, codes) < 2e-5


BODIES = {
    "fashion": [("conv", "batch"), ("conv", "none"), ("residual", "batch"), ("residual", "layer")],
    "sms": [("bag", "none"), ("lstm", "none"), ("attention", "none")],
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "body", "norm"), [(name, *found) for name, bodies in BODIES.items() for found in bodies]
)
def test_bodies_that_read_pictures_and_texts(name: str, body: str, norm: str, tmp_path: Path) -> None:
    data = read(f"bundled:{name}")
    model = drawn(Design((8,), body=body, body_width=8, body_depth=2, norm=norm, activation="silu"), data)
    codes = data.codes[:64]
    file = export_file(model, tmp_path / "model.onnx").path
    assert onnxruntime.InferenceSession(file).get_inputs()[0].type == "tensor(float)"
    chances = model.predict_codes(codes)  # not all of them certain, nor all the same
    assert np.median(chances.max(axis=1)) < 0.999
    assert chances.std(axis=0).max() > 2e-3
    assert farthest(file, model, codes) < 2e-5


def test_nothing_is_printed_and_no_warning_given(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    export_file(made(Design(()))[0], tmp_path / "model.onnx")
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


def test_a_file_with_other_answers_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = made(Design(()))
    part = model.parts[0]
    params = part.networks[0].params * 1.1
    other = replace(model, parts=(replace(part, networks=(replace(part.networks[0], params=params),)),))
    whole = writing.export
    monkeypatch.setattr(writing, "export", lambda given: whole(other))
    with pytest.raises(
        ModelError, match=r"model.onnx was not written: its answers differ .* by up to 0\.\d+"
    ):
        export_file(model, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_without_the_runtime_it_says_that_nothing_was_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, codes = made(Design(()))
    with monkeypatch.context() as patch:
        patch.setattr(writing, "onnx_runtime", lambda content: None)
        written = export_file(model, tmp_path / "model.onnx")
    assert written.difference is None
    assert "not checked, as onnxruntime is not installed" in str(written)
    assert farthest(written.path, model, codes) < 1e-6
