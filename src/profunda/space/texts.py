"""The default space of texts: bags of words and chains, recurrent networks, small Transformers.

What a text is about shows in which words it has; in which order they stand matters less, and takes more texts
to learn (Wang and Manning 2012, "Baselines and bigrams"). So bags are drawn as often as both others together.
"""

from typing import Any

from profunda.space.design import DOMAINS
from profunda.space.domain import Choice, Fixed, Float, LogFloat
from profunda.space.sharing import sharing
from profunda.space.space import Space, When

__all__ = ["text_space"]

_EPOCHS = ((1_000, 30), (5_000, 20), (50_000, 12))
"""Epochs by training rows: words are learned by heart within a few."""
_LEAST_EPOCHS = 6


def text_space(n_rows: int, *, numeric: bool = False, n_tasks: int = 0) -> Space:
    """The default space for N = `n_rows` training texts, which belong to `n_tasks` if to any.

    `numeric` says that the target is numbers.
    """
    ordered = ("lstm", "attention")
    epochs = next((epochs for rows, epochs in _EPOCHS if n_rows < rows), _LEAST_EPOCHS)
    entries: dict[str, Any] = {
        "body": Choice(["bag", "lstm", "attention"], weights=[4, 2, 2]),
        "body_width": Choice([32, 64, 128], weights=[2, 2, 1]),
        # Of a bag, the longest chain of words; else layers or blocks.
        "body_depth": Choice([1, 2, 3], weights=[2, 3, 1]),
        "depth": Choice([0, 1], weights=[2, 1]),
        "width": When("depth", 1, Choice([32, 64, 128])),
        "activation": When("depth", 1, Choice(["relu", "gelu"])),
        "norm": Fixed("none", DOMAINS["norm"]),
        "initialisation": Fixed("he", DOMAINS["initialisation"]),
        "dropping": Choice([False, True], weights=[1, 3]),
        "dropout": When("dropping", True, Float(0.1, 0.6)),
        "input_dropping": Choice([False, True], weights=[1, 2]),
        "input_dropout": When("input_dropping", True, Float(0.05, 0.5)),
        "decaying": Choice([False, True], weights=[1, 2]),
        "l2": When("decaying", True, LogFloat(1e-4, 1.0)),
        "mixup": Fixed(0.0, DOMAINS["mixup"]),
        "optimiser": Fixed("adam", DOMAINS["optimiser"]),
        "lr": LogFloat(5e-4, 2e-2),
        "clip": When("body", ordered, Choice([0.0, 1.0])),
        "schedule": Choice(["onecycle", "cosine", "constant"], weights=[2, 2, 1]),
        "batch_size": Choice([32, 64] if n_rows < 20_000 else [64, 128]),
        "epochs": Fixed(epochs, DOMAINS["epochs"]),
        "patience": Fixed(max(3, epochs // 3), DOMAINS["patience"]),
        "averaging": Choice([False, True], weights=[3, 1]),
        "encoding": Fixed("robust", DOMAINS["encoding"]),
        **(sharing() if n_tasks else {}),
    }
    if numeric:
        entries["loss"] = Choice(["likelihood", "huber"], weights=[4, 1])
    else:
        entries["label_smoothing"] = Choice([0.0, 0.05, 0.1], weights=[8, 1, 1])
    return Space(entries)
