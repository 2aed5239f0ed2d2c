"""`forecast`: what theory says about a network, and what it shows, before it is trained."""

from torch import nn

from profunda._seeds import key
from profunda.data.dataset import Dataset
from profunda.errors import ArgumentError, DataError
from profunda.forecasting.advice import advice_lines, recommendation
from profunda.forecasting.capacity import capacity_lines, piece_lines
from profunda.forecasting.gradients import gradient_lines
from profunda.forecasting.kernels import kernel_lines
from profunda.forecasting.learnability import Trainability, learnability
from profunda.forecasting.measuring import measured
from profunda.forecasting.outlook import Outlook, layer_table, look_ahead
from profunda.forecasting.ranks import rank_lines
from profunda.forecasting.rows import Rows, encoded_rows, given_rows, made_rows
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
        At most 256 rows are measured. None: 64 rows of standard normal inputs.
    inputs, outputs
        Of a Design without data; 16 and 1 where not given.
    seed
        Of the draws, the rows and the pairs of rows.

    ``print(profunda.forecast(Design(widths=(64,) * 20, activation="tanh")))`` prints it;
    ``profunda.report(forecast).html(path)`` writes it as a page.

    Raises:
        ArgumentError: neither a Design nor a module; a module without parameters, in half precision or on
            another device than the CPU, or one whose outputs do not belong to rows; `inputs` that contradict
            the data; a negative seed.
        DataError: data that cannot be used, no rows, one row for a batch norm, or numbers that are not
            finite.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ArgumentError(f"seed={seed!r} must be a whole number of at least 0.")
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
            f"a forecast is of a Design or an nn.Module, not of a {type(subject).__name__}; a saved model's "
            "designs are in model.parts."
        )
    profile = measured(found, rows.x, key("forecast", "measuring", seed) % 2**63)
    return _assembled(look_ahead(found, rows, profile))


def _of_design(
    design: Design, data: object, inputs: int | None, outputs: int | None, seed: int
) -> tuple[Rows, Subject]:
    if data is None:
        for name, count in (("inputs", inputs), ("outputs", outputs)):
            if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
                raise ArgumentError(f"{name}={count!r} must be a whole number of at least 1.")
        rows = made_rows((INPUTS if inputs is None else inputs,), seed)
        return rows, design_subject(design, rows, OUTPUTS if outputs is None else outputs, seed)
    if inputs is not None or outputs is not None:
        raise ArgumentError(
            f"inputs={inputs} and outputs={outputs} are for a Design without data; the data say them here."
        )
    rows = encoded_rows(data, design.encoding, seed)
    return rows, design_subject(design, rows, rows.outputs, seed)


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
    first = next((part for part in module.modules() if isinstance(part, nn.Linear)), None)
    parts = [part for part in module.modules() if not list(part.children())]
    if first is not None and parts and parts[0] is first and rows.x.ndim == 2:
        width = rows.x.shape[1]
        if width != first.in_features:
            raise DataError(
                f"The rows have {width} columns, the module's first layer takes {first.in_features}: hand "
                "over rows as the network is trained on, encoded and scaled."
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
        (*subject.notes, *_assumed(rows)),
    )


def _score(outlook: Outlook) -> Trainability:
    subject = outlook.subject
    if subject.why:
        return Trainability.unknown(subject.why)
    return learnability(subject.laws, subject.recipe, outlook.square, outlook.apart0)


def _assumed(rows: Rows) -> tuple[str, ...]:
    if not rows.made:
        return ()
    return (
        f"No data were given: {len(rows.x)} rows of {rows.x[0].size} standard normal inputs stand for them.",
    )
