"""A traced Model as the bytes of an ONNX file, and ONNX Runtime as its reader."""

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import numpy as np
import torch
from torch.export import ExportedProgram

from profunda.errors import ArgumentError
from profunda.exporting.signature import CODES, KEY

__all__ = ["OPSET", "check_installed", "onnx_bytes", "onnx_runtime"]

OPSET = 20
"""The operators' version: the first with GELU as one operator; ONNX Runtime knows it from 1.17 on."""
OLDEST = (2, 9)
"""The first torch whose own default is the exporter that is used here, on `torch.export`."""

_CODES_DOC = f"rows of a table as numbers; the metadata {KEY!r} tell in JSON how"
_REGISTRATION = "torch.onnx._internal.exporter._registration"


def check_installed() -> None:
    """Raise ArgumentError, with the way out, where what writes ONNX is missing or too old."""
    version = torch.__version__
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        raise ArgumentError(
            f"ONNX files need torch {OLDEST[0]}.{OLDEST[1]} or newer, but this is {version}: its exporter "
            "was another one. Update torch, or export to a .pt2 file"
        )
    missing = [name for name in ("onnx", "onnxscript") if find_spec(name) is None]
    if missing:
        raise ArgumentError(
            f"ONNX files need {' and '.join(missing)}, not installed here:  pip install 'profunda[onnx]'  "
            "A .pt2 file needs neither"
        )


def onnx_bytes(program: ExportedProgram, output: str, signature: str) -> bytes:
    """The program as an ONNX file: its output's name is given, the signature stands in its metadata."""
    with _quiet():
        made = torch.onnx.export(
            program,
            dynamo=True,
            opset_version=OPSET,
            input_names=[CODES],
            output_names=[output],
            verbose=False,
        )
    assert made is not None
    file = made.model_proto
    file.producer_name = KEY
    file.metadata_props.add(key=KEY, value=signature)
    graph = file.graph
    graph.input[0].doc_string = _CODES_DOC
    # How torch came by each operator is most of the file, and tells of the machine that wrote it.
    del graph.value_info[:]
    for part in (graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        del part.metadata_props[:]
    for end in (*graph.input, *graph.output):
        end.type.tensor_type.shape.dim[0].dim_param = "rows"
    return file.SerializeToString()


@contextmanager
def _quiet() -> Iterator[None]:
    """Torch's exporter tells that torchvision is missing, and trips over deprecations of torch's own."""
    logger = logging.getLogger(_REGISTRATION)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def onnx_runtime(content: bytes) -> Callable[[np.ndarray], np.ndarray] | None:
    """Codes float64 [N, F] to answers by ONNX Runtime on one thread; None where it is not installed."""
    if find_spec("onnxruntime") is None:
        return None
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return lambda codes: np.asarray(session.run(None, {CODES: codes})[0])
