"""How outputs are to be read after changes that make them something else than they were."""

import math
from collections.abc import Sequence

from profunda.diagnosis.finding import Change
from profunda.diagnosis.givens import Anatomy

__all__ = ["reading"]

_CHANCES = {"sigmoid": "outputs.sigmoid()", "softmax": "outputs.softmax(1)"}


def reading(changes: Sequence[Change], anatomy: Anatomy) -> tuple[str, ...]:
    """Of the network that `anatomy` describes, after `changes`: one sentence each; () where all reads on."""
    heads = {one.word: one for one in changes if one.kind == "head"}
    told = []
    if "width" in heads and not math.isnan(heads["width"].value):
        told.append(
            f"The network gives {round(heads['width'].value)} outputs a row now, a score for each class: "
            "read the class as outputs.argmax(1) wherever one number was read."
        )
    elif "linear" in heads:
        ends = [_CHANCES[what] for what in anatomy.last if what in _CHANCES]
        if ends:
            told.append(
                "Outputs are logits now, which may be any number, and 0 stands where one half stood: take "
                f"{ends[-1]} wherever probabilities are read."
            )
    return tuple(told)
