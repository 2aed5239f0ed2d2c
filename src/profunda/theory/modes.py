"""Modules in evaluation for a while, part by part as before afterwards."""

from collections.abc import Generator
from contextlib import contextmanager

from torch import nn

__all__ = ["in_evaluation"]


@contextmanager
def in_evaluation(*modules: nn.Module) -> Generator[None, None, None]:
    """`modules` in evaluation; at the end, whatever happens, each of their parts is in the mode that it had.

    `module.train()` at the end would set parts in training that a user has frozen in evaluation.
    """
    modes = [(part, part.training) for module in modules for part in module.modules()]
    try:
        for module in modules:
            module.eval()
        yield
    finally:
        for part, mode in modes:
            part.training = mode
