"""`forecast`: what theory says about a network, and what it shows, before it is trained."""

from numbers import Integral

import numpy as np
import torch
from torch import nn

from profunda._seeds import key
from profunda.data.dataset import Dataset
from profunda.data.inputs import Inputs
from profunda.data.memory import available_bytes
from profunda.errors import ArgumentError, DataError
from profunda.forecasting.advice import advice_lines, recommendation
from profunda.forecasting.capacity import capacity_lines, piece_lines
from profunda.forecasting.gradients import gradient_lines
from profunda.forecasting.kernels import kernel_lines
from profunda.forecasting.learnability import Trainability, learnability
from profunda.forecasting.measuring import measured
from profunda.forecasting.outlook import Outlook, layer_table, look_ahead
from profunda.forecasting.ranks import rank_lines
from profunda.forecasting.rows import (
    MADE,
    MOST,
    MOST_OF_BODIES,
    Rows,
    encoded_rows,
    entering,
    given_rows,
    made_rows,
)
from profunda.forecasting.signals import signal_lines
from profunda.forecasting.sizes import size_lines
from profunda.forecasting.subjects import Subject, design_subject, module_subject, sound
from profunda.forecasting.values import Forecast
from profunda.forecasting.words import summary
from profunda.space.design import Design
from profunda.theory.chains import chain_of

__all__ = ["forecast"]

INPUTS, OUTPUTS = 16, 1
"""Of a Design, where neither data nor the caller say how many."""
_COPIES = 4
"""Float64 numbers for each parameter: two draws at least, a copy that is run, and its gradient."""


def forecast(
    subject: Design | nn.Module,
    data: object = None,
    *,
    inputs: int | None = None,
    outputs: int | None = None,
    seed: int = 0,
) -> Forecast:
    """The lines T1 … T24 for one network before training: predicted, measured, and how far to trust either.

    Parameters
    ----------
    subject
        A Design, whose first weights are drawn several times, or a module, which is taken as it is and left
        so. What of a module is no chain of dense layers is named, and the lines that need one are marked *not
        applicable*.
    data
        For a Design a Dataset, or what `profunda.read` takes together with its target: a pair (X, y). For a
        module rows as it takes them: X, a pair (X, y) of arrays or tensors, or a Dataset, encoded robustly.
        At most 256 rows are measured, 16 of a Design with a body. None: 64 rows of standard normal inputs.
    inputs, outputs
        Of a Design without data; 16 and 1 where not given.
    seed
        Of the draws, the rows and the pairs of rows.

    ``print(profunda.forecast(Design(widths=(64,) * 20, activation="tanh")))`` prints it;
    ``profunda.report(forecast).html(path)`` writes it as a page.

    Raises:
        ArgumentError: neither a Design nor a module; a module without parameters, in half precision, on
            another device than the CPU, or made under torch.inference_mode; one that cannot be copied, or
            whose outputs do not belong to rows or have no gradient; `inputs` that contradict the data; a
            negative seed.
        DataError: data that cannot be used, no rows, one row for a batch norm, or numbers that are not
            finite.
    """
    seed = _whole("seed", seed, 0)
    # What is measured are gradients, in the module's own precision, on the CPU, with numbers that may be
    # tiny: whatever mode the caller works in.
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.autocast("cpu", enabled=False),
        torch.device("cpu"),
        np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"),
    ):
        return _forecast(subject, data, inputs, outputs, seed)


def _forecast(
    subject: Design | nn.Module, data: object, inputs: int | None, outputs: int | None, seed: int
) -> Forecast:
    if isinstance(subject, Design):
        rows, found = _of_design(subject, data, inputs, outputs, seed)
    elif isinstance(subject, nn.Module):
        if inputs is not None or outputs is not None:
            raise ArgumentError("inputs and outputs are for a Design without data; a module has its own.")
        sound(subject)
        rows = _rows_for(subject, data, seed)
        found = module_subject(subject, rows)
    else:
        raise ArgumentError(
            f"a forecast is of a Design or an nn.Module, not of {_kind(subject)}; a saved model's "
            "designs are in model.parts."
        )
    profile = measured(found, rows.x, key("forecast", "measuring", seed) % 2**63)
    return _assembled(look_ahead(found, rows, profile))


def _kind(subject: object) -> str:
    if isinstance(subject, type):
        return f"the class {subject.__name__} itself: hand over {subject.__name__}(…)"
    return f"a {type(subject).__name__}"


def _of_design(
    design: Design, data: object, inputs: int | None, outputs: int | None, seed: int
) -> tuple[Rows, Subject]:
    if data is None and design.body != "dense":
        raise ArgumentError(
            f'body = "{design.body}" reads pictures or texts, and no numbers can stand for them: hand over '
            "the data, forecast(design, dataset)."
        )
    if data is None:
        d = INPUTS if inputs is None else _whole("inputs", inputs, 1)
        c = OUTPUTS if outputs is None else _whole("outputs", outputs, 1)
        _check_memory(f"Rows of {d:,} inputs", MADE * d)
        _check_memory(*_size(design, Inputs.plain(d), c))
        rows = made_rows((d,), seed)
        return rows, design_subject(design, rows, c, seed)
    if inputs is not None or outputs is not None:
        raise ArgumentError(
            f"inputs={inputs} and outputs={outputs} are for a Design without data; the data say them here."
        )
    rows = encoded_rows(data, design.encoding, seed, MOST if design.body == "dense" else MOST_OF_BODIES)
    _check_memory(*_size(design, rows.inputs, rows.outputs))
    return rows, design_subject(design, rows, rows.outputs, seed)


def _whole(name: str, value: object, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise ArgumentError(f"{name}={value!r} must be a whole number of at least {least}.")
    return int(value)


def _size(design: Design, inputs: Inputs, outputs: int) -> tuple[str, int]:
    """What a Design is called, and how many float64 numbers its forecast holds."""
    number = design.parameters(inputs, outputs)
    return f"A network of {number:,} parameters", _COPIES * number


def _check_memory(what: str, numbers: int) -> None:
    """Before anything of that size is made: where memory ends, a process is killed without a word."""
    need, free = 8 * numbers, available_bytes()
    if need > free:
        raise ArgumentError(
            f"{what} would take {need / 1e9:.3g} GB to be forecast, and {free / 1e9:.3g} GB are free: take "
            "fewer units, inputs or outputs."
        )


def _rows_for(module: nn.Module, data: object, seed: int) -> Rows:
    if data is None:
        chain = chain_of(module)
        if not chain.inputs or any(one.name == "" and not chain.exact for one in chain.unread[:1]):
            raise DataError(
                f"Which rows a {type(module).__name__} takes cannot be seen from it: hand over a few as data."
            )
        return made_rows((chain.inputs,), seed)
    rows = (
        encoded_rows(data, "robust", seed)
        if isinstance(data, Dataset)
        else given_rows(data, seed, whole=_looks_up(module))
    )
    if not entering(module, rows.x).isfinite().all():
        kind = str(next(module.parameters()).dtype).removeprefix("torch.")
        raise DataError(
            f"X holds numbers as large as {np.abs(rows.x).max():.3g}, which are infinite in the module's "
            f"{kind}: scale the columns, or hand over module.double()."
        )
    first = next((part for part in module.modules() if isinstance(part, nn.Linear)), None)
    parts = [part for part in module.modules() if not list(part.children())]
    if first is not None and parts and parts[0] is first and rows.x.ndim == 2:
        width = rows.x.shape[1]
        if width != first.in_features:
            told = f"The rows have {width} columns"
            if isinstance(data, Dataset):
                told = f"The table's {data.n_features} columns are {width} numbers to a network"
            raise DataError(
                f"{told}, the module's first layer takes {first.in_features}: hand over rows as the network "
                "is trained on, encoded and scaled."
            )
    return rows


def _looks_up(module: nn.Module) -> bool:
    return any(isinstance(part, nn.Embedding | nn.EmbeddingBag) for part in module.modules())


def _assembled(outlook: Outlook) -> Forecast:
    subject, rows = outlook.subject, outlook.rows
    lines = (
        *size_lines(outlook),
        *signal_lines(outlook),
        *gradient_lines(outlook),
        *kernel_lines(outlook),
        *rank_lines(outlook),
        *capacity_lines(outlook),
        *piece_lines(outlook),
        *advice_lines(outlook),
    )
    lines = tuple(sorted(lines, key=lambda line: int(line.code[1:])))
    score = _score(outlook)
    return Forecast(
        subject.name,
        len(subject.modules),
        rows.total,
        lines,
        layer_table(outlook),
        recommendation(outlook, lines),
        score,
        summary(lines, score),
        (*subject.notes, *_assumed(rows), *_broken(outlook)),
    )


def _score(outlook: Outlook) -> Trainability:
    subject = outlook.subject
    if subject.why:
        return Trainability.unknown(subject.why)
    return learnability(subject.laws, subject.recipe, outlook.square, outlook.apart0)


def _broken(outlook: Outlook) -> tuple[str, ...]:
    if outlook.profile is None or outlook.profile.finite.all():
        return ()
    bad = int((~outlook.profile.finite).any(0).sum())
    return (
        f"Outputs are NaN or infinite on {bad} of {outlook.profile.finite.shape[1]} rows before any "
        "training: the signal overflows, the rows are too large, or something in the module is not finite.",
    )


def _assumed(rows: Rows) -> tuple[str, ...]:
    if not rows.made:
        return ()
    return (
        f"No data were given: {len(rows.x)} rows of {rows.x[0].size} standard normal inputs stand for them.",
    )
