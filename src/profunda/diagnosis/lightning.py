"""A callback for Lightning that watches a run and tells its diagnosis, where Lightning is installed."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from torch import nn

from profunda.diagnosis.diagnosis import Diagnosis
from profunda.diagnosis.watching import Watch
from profunda.errors import ArgumentError

__all__ = ["Run", "callback"]

HOMES = ("lightning.pytorch.callbacks", "pytorch_lightning.callbacks")


class Run:
    """What a callback sees of one run: it begins with `begin`, ends with `end`, then has a `diagnosis`."""

    def __init__(self, loss_fn: Callable[..., Any], data: Any, validation: Any) -> None:
        self._loss, self._data, self._validation = loss_fn, data, validation
        self._watch: Watch | None = None

    def begin(self, trainer: Any, module: Any) -> None:
        """Put the hooks on. ArgumentError where the trainer has not one optimiser, which a watch follows."""
        optimizers = list(trainer.optimizers)
        if len(optimizers) != 1:
            raise ArgumentError(
                f"The trainer has {len(optimizers)} optimisers; a watch follows one. Watch a loop of your "
                "own with profunda.watch, one watch for each."
            )
        every = int(trainer.accumulate_grad_batches)
        self._watch = Watch(module, optimizers[0], self._loss, self._data, self._validation, every)
        self._watch.__enter__()

    def end(self) -> None:
        """Take them off."""
        if self._watch is not None:
            self._watch.__exit__(None, None, None)

    @property
    def diagnosis(self) -> Diagnosis:
        """What the run showed. ArgumentError before one."""
        if self._watch is None:
            raise ArgumentError("Nothing was trained yet: call trainer.fit with this callback first.")
        return self._watch.diagnosis()


def callback(loss_fn: Callable[..., Any], *, data: Any = None, validation: Any = None) -> Any:
    """``Trainer(callbacks=[watching := callback(loss_fn)])``; after ``fit`` read ``watching.diagnosis``.

    `loss_fn` is the loss module that the training step calls, such as ``net.loss``; `data` and `validation`
    are as in `profunda.watch`.

    Raises ArgumentError where Lightning is not installed, or `loss_fn` is no module: a function that a
    training step calls cannot be seen.
    """
    if not isinstance(loss_fn, nn.Module):
        raise ArgumentError(
            f"loss_fn is a {type(loss_fn).__name__}: a training step's call of it cannot be seen. Keep the "
            "loss as a module, such as self.loss = nn.CrossEntropyLoss(), and give that."
        )
    base = _base()

    class Watching(base):  # type: ignore[misc, valid-type]
        """Looks at training from its start to its end, or to what ends it."""

        def __init__(self) -> None:
            super().__init__()
            self.run = Run(loss_fn, data, validation)

        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            self.run.begin(trainer, pl_module)

        def on_train_end(self, trainer: Any, pl_module: Any) -> None:
            self.run.end()

        def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
            self.run.end()

        @property
        def diagnosis(self) -> Diagnosis:
            """What the run showed."""
            return self.run.diagnosis

    return Watching()


def _base() -> type:
    for home in HOMES:
        try:
            return import_module(home).Callback
        except ImportError:
            continue
    raise ArgumentError(
        "Neither lightning nor pytorch_lightning is installed, which this callback is for: install one of "
        "them, or watch a loop of your own with profunda.watch."
    )
