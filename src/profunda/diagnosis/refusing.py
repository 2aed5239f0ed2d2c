"""What is said where a model or a loss raises: on which batch, the likely cause, and what to do."""

from torch import nn

from profunda.diagnosis.batches import Batch
from profunda.diagnosis.copying import tensors_in
from profunda.diagnosis.driving import Stopped
from profunda.errors import ArgumentError, ProfundaError

__all__ = ["refusal"]

_LENGTH = 300


def refusal(module: nn.Module, stopped: Stopped, step: int) -> ProfundaError:
    """ArgumentError whose cause is what was raised."""
    batch, raised = stopped.batch, stopped.error
    what = {
        "forward": f"{type(module).__name__} raised",
        "loss": "The loss raised",
        "backward": "The backward pass raised",
        "step": "The optimiser's step raised",
    }[stopped.where]
    place = "the first batch" if step == 0 else f"the batch after {step} steps"
    text = " ".join(str(raised).split())[:_LENGTH]
    error = ArgumentError(
        f"{what} {type(raised).__name__} on {place} (inputs {_shapes((batch.inputs, dict(batch.named)))}; "
        f"targets {_shapes(batch.targets)}): {text.rstrip('.')}. {_advice(module, stopped, step)}"
    )
    error.__cause__ = raised
    return error


def _shapes(value: object) -> str:
    found = [
        f"{'×'.join(map(str, each.shape)) or 'one number'} {str(each.dtype).removeprefix('torch.')}"
        for each in tensors_in(value)
    ]
    return ", ".join(found) or "none"


def _advice(module: nn.Module, stopped: Stopped, step: int) -> str:
    batch, text = stopped.batch, str(stopped.error)
    if step and stopped.where in ("forward", "loss"):
        return "The batches before it passed: look at what is different about this one, its size first."
    if stopped.where == "forward":
        return _forward_advice(module, batch, text)
    if stopped.where == "loss":
        if text.endswith("and not a tensor"):
            return "loss_fn(outputs, targets) has to return the loss alone, as a tensor: does it return it?"
        return (
            "Outputs, targets and this loss do not go together: classes are int64 of shape (B,) and need as "
            "many outputs as there are classes; values and labels are of the outputs' own type and shape. "
            "Call loss_fn(model(inputs), targets) yourself to see."
        )
    if stopped.where == "backward":
        if "scalar outputs" in text:
            return "The loss gives one number a row; a step needs one for the batch: take its mean."
        return "Something between weights and loss was changed in place, or went backwards twice."
    return (
        "Look at the optimiser's groups and constants; its type, and those of the weights, must go together."
    )


def _forward_advice(module: nn.Module, batch: Batch, text: str) -> str:
    own = {each.dtype for each in module.parameters() if each.is_floating_point()}
    given = {each.dtype for each in tensors_in((batch.inputs, dict(batch.named))) if each.is_floating_point()}
    if own and given and not given <= own:
        first, second = (
            ", ".join(sorted(str(one).removeprefix("torch.") for one in part)) for part in (given, own)
        )
        return f"Inputs are {first} and weights {second}: bring X to the weights' type, such as X.float()."
    if "Long" in text or "Int" in text or "Byte" in text or "dtype" in text:
        return (
            "Its first layer does not take inputs of this type: real numbers as X.float(), ids as X.long()."
        )
    if "positional argument" in text or "unexpected keyword" in text:
        return (
            "It takes another number of inputs: a tuple X is handed on as model(*X), a dict as model(**X), "
            "all else as model(X)."
        )
    if "Expected more than 1 value" in text:
        return "A batch norm needs at least 2 rows: let the loader leave its last batch out (drop_last=True)."
    return (
        "Its first layer expects rows of another shape, or a layer does not fit the one before it. Call "
        "model(inputs) yourself on one batch to see where."
    )
