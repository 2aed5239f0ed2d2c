"""What a repair tells whoever goes on with its network: how outputs are read, and what was left out."""

import math
from collections.abc import Sequence

from profunda.diagnosis.finding import Change
from profunda.diagnosis.givens import Anatomy, Targets

__all__ = ["left_out", "reading"]

SEVERAL = 0.01
"""Share of rows: fewer are no part of what is asked."""

_CHANCES = {"sigmoid": "outputs.sigmoid()", "softmax": "outputs.softmax(1)"}


def left_out(changes: Sequence[Change], targets: Targets | None) -> tuple[str, ...]:
    """What rows without finite numbers were, where leaving them out is but a part of the remedy."""
    dropped = any((one.kind, one.word) == ("rows", "finite") for one in changes)
    if not dropped or targets is None or targets.sunken < SEVERAL:
        return ()
    return (
        f"{targets.sunken:.0%} of the rows have the target −∞, a logarithm of 0, and were left out: of the "
        "least amounts nothing is learnt so. Take log1p of the amounts, or a likelihood of these; a repair "
        "does not know them.",
    )


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
            half = ", and 0 stands where one half stood" if "sigmoid" in ends[-1] else ""
            told.append(
                f"Outputs are logits now, which may be any number{half}: take {ends[-1]} wherever "
                "probabilities are read."
            )
    return tuple(told)
