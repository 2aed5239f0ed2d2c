"""A Model as one file for other programs: ONNX, or torch's own `.pt2`. Checked before it is written."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from torch.export import Dim, ExportedProgram

from profunda.errors import ArgumentError
from profunda.exporting.checking import BATCHES, difference, probe
from profunda.exporting.module import export
from profunda.exporting.onnx import check_installed, onnx_bytes, onnx_runtime
from profunda.exporting.signature import KEY, output_name, signature
from profunda.journal.durable import write_durably
from profunda.model.model import Model

__all__ = ["Exported", "check_path", "export_file"]


@dataclass(frozen=True)
class Exported:
    """A file that was written: its size in bytes, and the largest difference of its answers from the Model's.

    `difference` is that of a probability, or of a number in standard deviations of its target (`unit` says
    so); None where nothing could be checked, as ONNX Runtime is not installed. `reader` is who read the file.
    """

    path: Path
    size: int
    reader: str
    difference: float | None
    unit: str

    def __str__(self) -> str:
        written = f"{self.path} ({self.size / 1e6:.2f} MB)"
        if self.difference is None:
            return f"{written}; not checked, as {self.reader} is not installed:  pip install 'profunda[onnx]'"
        sizes = f"{', '.join(map(str, BATCHES[:-1]))} and {BATCHES[-1]}"
        return (
            f"{written}; read by {self.reader}, its answers to batches of {sizes} rows differ from the "
            f"model's by at most {self.difference:.1e}{self.unit}"
        )


def export_file(model: Model, path: str | Path, *, force: bool = False) -> Exported:
    """Write the whole pipeline, preprocessing to temperature, as ONNX (`.onnx`) or for torch alone (`.pt2`).

    Either takes ``codes`` [N, F], in the type of `model.schema.codes`, for any number N of rows, and gives
    ``probabilities`` [N, C] or ``prediction`` [N], of several targets [N, C], as `profunda.export`'s module
    does. What a column's code is stands as JSON in the file (see `profunda.exporting.signature`): in ONNX's
    metadata under ``profunda``, in the ``.pt2`` as the extra file ``profunda.json``. Before a file is
    written, what reads such files is asked for rows in batches of 1, 7 and 64, and its answers are compared
    with the Model's.

    Raises ArgumentError for another ending, for a folder, for a file that exists unless `force`, and where
    the extra ``onnx`` is not installed or torch too old for it; ModelError where the answers differ by more
    than rounding.
    """
    path = Path(path)
    check_path(path, force)
    program = _traced(model)
    if path.suffix == ".onnx":
        content, reader = onnx_bytes(program, output_name(model), signature(model)), "onnxruntime"
        graph = onnx_runtime(content)
    else:
        content, reader = _pt2_bytes(program, signature(model)), "torch"
        graph = _pt2_runtime(content)
    found = None if graph is None else difference(model, graph, path.name)
    try:
        write_durably(path, content)
    except OSError as error:
        raise ArgumentError(f"cannot write {path}: {error.strerror}; choose another file") from error
    return Exported(path, len(content), reader, found, " standard deviations" if model.task.numeric else "")


def check_path(path: Path, force: bool) -> None:
    """Raise what `export_file` would, as far as it can be told without a Model."""
    if path.is_dir():
        raise ArgumentError(f"{path} is a folder; name a file in it, such as {path / 'model.onnx'}")
    if path.suffix not in (".onnx", ".pt2"):
        raise ArgumentError(
            f"{path} ends in {path.suffix!r}, but a model is exported to .onnx, for ONNX Runtime and others, "
            "or to .pt2, for torch. As JSON and safetensors it lies in the run's folder `model`"
        )
    if not force and (path.exists() or path.is_symlink()):
        raise ArgumentError(
            f"{path} exists already and is not overwritten; choose another file, or say so by force (--force)"
        )
    if path.suffix == ".onnx":
        check_installed()


def _traced(model: Model) -> ExportedProgram:
    # Two rows and more, as torch.export takes one for a constant.
    codes = torch.from_numpy(probe(model)[:7])
    program = torch.export.export(export(model), (codes,), dynamic_shapes=({0: Dim("rows", min=1)},))
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # paths of the machine that wrote it
    return program


def _pt2_bytes(program: ExportedProgram, text: str) -> bytes:
    buffer = BytesIO()
    torch.export.save(program, buffer, extra_files={f"{KEY}.json": text})
    return buffer.getvalue()


def _pt2_runtime(content: bytes) -> Callable[[np.ndarray], np.ndarray]:
    module = torch.export.load(BytesIO(content)).module()
    return lambda codes: module(torch.from_numpy(codes)).numpy()
