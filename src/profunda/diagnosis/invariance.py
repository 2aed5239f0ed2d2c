"""How far a model's answers stay, or go along, when its inputs are transformed.

With a = f(t(x)) and b = f(x), or b = t'(f(x)) where outputs should follow, the score is

    1 − mean over rows of ‖a_i − b_i‖² ÷ mean over pairs of different rows of ‖a_i − b_j‖²

1 where nothing changes, 0 where a row's answer has become as different from its own as another row's is,
below 0 where more so. Both means are of the same two sets of outputs, so that neither their units nor a
common offset matters; the score says nothing about whether the answers are right.
"""

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from profunda.diagnosis.rules.labels import wilson
from profunda.errors import ArgumentError
from profunda.layers.image_augmentation import ImageAugmentation
from profunda.theory.modes import in_evaluation

__all__ = ["STRENGTHS", "Invariance", "invariance"]

STRENGTHS = ImageAugmentation(
    flip=1.0,
    vertical_flip=1.0,
    shift=0.1,
    rotation=15.0,
    zoom=0.25,
    brightness=0.2,
    contrast=0.5,
    colour=0.1,
    noise=0.1,
    cutout=0.3,
)
"""How strong an augmentation is that is only named: for pixels from 0 to 1."""

MOST_ROWS = 512
RESAMPLES = 400
BATCH = 128
SAME = 1e-4  # of the outputs' size: what two passes over the same rows may differ by


@dataclass(frozen=True)
class Invariance:
    """What `invariance` found.

    `score` has its 95 % bootstrap interval over rows (`low`, `high`). `relative` is the root mean square
    change of the outputs over their root mean square, `largest` the largest absolute change of one number.
    `same_class` is the share of rows (of positions, where outputs are maps) that keep their class, with
    Wilson's interval; None where outputs are no classes.
    """

    transform: str
    kind: Literal["invariance", "equivariance"]
    rows: int
    score: float
    low: float
    high: float
    relative: float
    largest: float
    same_class: float | None
    same_class_low: float | None
    same_class_high: float | None

    def text(self) -> str:
        """All of it, for a terminal."""
        what = "stay" if self.kind == "invariance" else "go along"
        lines = [
            f"{self.kind} under {self.transform}: {self.score:.3f} [{self.low:.3f}, {self.high:.3f}] "
            f"on {self.rows:,} rows (1: the outputs {what}; 0: as far off as another row's)"
        ]
        if self.same_class is not None:
            lines.append(
                f"same class: {100 * self.same_class:.1f} % "
                f"[{100 * (self.same_class_low or 0.0):.1f}, {100 * (self.same_class_high or 0.0):.1f}]"
            )
        lines.append(
            f"change of the outputs: {100 * self.relative:.3g} % of their size, at most {self.largest:.3g}"
        )
        return "\n".join(lines)

    def json(self) -> str:
        """All of it as JSON text."""
        return json.dumps(asdict(self), ensure_ascii=False, allow_nan=False, indent=1)

    def __str__(self) -> str:
        return self.text()


def invariance(
    model: nn.Module | Callable[[Tensor], Tensor],
    data: Tensor | np.ndarray,
    transform: str | ImageAugmentation | Callable[[Tensor], Tensor],
    *,
    equivariant_to: Literal["same"] | Callable[[Tensor], Tensor] | None = None,
    classes: bool | None = None,
    seed: int = 0,
) -> Invariance:
    """How far the outputs of any model stay when its inputs are transformed, or follow the transformation.

    Parameters
    ----------
    model
        A module, or a function on tensors, that gives one tensor [N, …] for rows [N, …]: logits, numbers ([N]
        is taken as [N, 1]), features, maps. A module is put into evaluation meanwhile and left as it was.
    data
        Rows [N, …], two or more that the model tells apart; of more than 512, so many are drawn.
    transform
        A function on batches of rows; an `ImageAugmentation`, drawn once for each row; or the name of one of
        its strengths ("flip", "shift", "rotation" …), with the strength in `STRENGTHS`.
    equivariant_to
        None: outputs should stay (invariance). A function on outputs: they should follow by it
        (equivariance). "same": by the transformation itself, where outputs are maps of the images' height and
        width; of an `ImageAugmentation` by what it does to places, with the same draws.
    classes
        Whether outputs are logits of classes on axis 1. None: outputs of shape [N, 2 or more] are.

    Raises
    ------
    ArgumentError
        An unknown name, too few rows, outputs that are no tensor with one entry a row, not finite, drawn anew
        at every pass, of another shape than what they are held against, or the same for all rows.
    """
    rows = _rows(model, data, seed)
    moved, follow, name = _pair(transform, equivariant_to, seed)
    modules = [model] if isinstance(model, nn.Module) else []
    with torch.no_grad(), in_evaluation(*modules):
        plain = _outputs(model, rows, "the rows")
        _check_settled(model, rows, plain)
        changed = moved(rows)
        _check_changed(changed, rows)
        after = _outputs(model, changed, "the transformed rows")
        before = plain if follow is None else follow(plain)
    if after.shape != before.shape:
        raise ArgumentError(
            f"outputs for transformed rows are {tuple(after.shape)}, those they are held against "
            f"{tuple(before.shape)}: they cannot be compared; "
            + (
                "use a transformation that keeps the shape, or say by equivariant_to how outputs follow"
                if follow is None
                else "equivariant_to must give what the model gives for transformed rows"
            )
        )
    kept = _kept(after, before, classes)
    return _scored(
        after.flatten(1).double().cpu(), before.flatten(1).double().cpu(), name, follow, kept, seed
    )


def _rows(model: object, data: Tensor | np.ndarray, seed: int) -> Tensor:
    """At most 512 rows, where the model is, and of its type where they are numbers."""
    rows = torch.as_tensor(data)
    if rows.ndim < 2 or len(rows) < 2:
        raise ArgumentError(
            f"data of shape {tuple(rows.shape)}: give two rows or more, [N, …], as the model takes them"
        )
    if len(rows) > MOST_ROWS:
        chosen = np.sort(np.random.default_rng(seed).permutation(len(rows))[:MOST_ROWS])
        rows = rows[torch.from_numpy(chosen).to(rows.device)]
    weight = next(model.parameters(), None) if isinstance(model, nn.Module) else None
    if weight is None:
        return rows
    return rows.to(weight.device, weight.dtype if rows.is_floating_point() else None)


def _pair(
    transform: object, equivariant_to: object, seed: int
) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor] | None, str]:
    """What is done to rows, what to outputs, and the first one's name."""
    name = ""
    if isinstance(transform, str):
        name, transform = transform.replace("_", " "), STRENGTHS.only(transform)
    if isinstance(transform, ImageAugmentation):
        drawn = _Drawn(transform, seed)
        moved, same = drawn.apply, drawn.place
        name = name or " and ".join(one.replace("_", " ") for one in transform.active) or "no augmentation"
    elif callable(transform):
        moved = same = transform
        name = getattr(transform, "__name__", type(transform).__name__).replace(
            "<lambda>", "the transformation"
        )
    else:
        raise ArgumentError(
            f"transform = {transform!r}: give a function, an ImageAugmentation or a name of one"
        )
    if equivariant_to == "same":
        return moved, same, name
    if equivariant_to is not None and not callable(equivariant_to):
        raise ArgumentError(
            f"equivariant_to = {equivariant_to!r}: give a function on outputs, 'same', or None"
        )
    return moved, equivariant_to, name


@dataclass(frozen=True)
class _Drawn:
    """An augmentation whose numbers depend on the seed alone, so that images and maps get the same."""

    augmentation: ImageAugmentation
    seed: int

    def _uniforms(self, images: Tensor, count: int) -> Tensor:
        # Row by row: the first numbers of a row are the same however many it takes.
        random = np.random.default_rng(self.seed)
        drawn = np.stack([row.random(count) for row in random.spawn(len(images))])
        return torch.from_numpy(drawn).to(images.device)

    def apply(self, images: Tensor) -> Tensor:
        count = self.augmentation.uniforms(*images.shape[1:]) if images.ndim == 4 else 0
        return self.augmentation.apply(images, self._uniforms(images, count))

    def place(self, maps: Tensor) -> Tensor:
        return self.augmentation.place(maps, self._uniforms(maps, 10))


def _outputs(model: Callable[[Tensor], Tensor], rows: Tensor, what: str) -> Tensor:
    """Outputs [N, …] for all rows, a few at a time."""
    parts = []
    for at in range(0, len(rows), BATCH):
        part = model(rows[at : at + BATCH])
        if not isinstance(part, Tensor) or part.ndim < 1 or len(part) != len(rows[at : at + BATCH]):
            shown = tuple(part.shape) if isinstance(part, Tensor) else type(part).__name__
            raise ArgumentError(
                f"for {len(rows[at : at + BATCH])} rows the model gives {shown}: it must give one tensor "
                "with an entry for each row; wrap it, as in lambda x: model(x).logits"
            )
        parts.append(part if part.ndim > 1 else part[:, None])
    made = torch.cat(parts)
    if made.is_complex() or made.dtype == torch.bool:
        made = torch.view_as_real(made) if made.is_complex() else made.float()
    if bad := int((~made.isfinite()).flatten(1).any(1).sum()):
        raise ArgumentError(
            f"the model's outputs for {what} are not finite in {bad} of {len(made)} rows: look for its "
            "cause first (profunda.diagnose)"
        )
    return made


def _check_settled(model: Callable[[Tensor], Tensor], rows: Tensor, outputs: Tensor) -> None:
    """A model that draws in evaluation would seem to feel every transformation."""
    again = _outputs(model, rows[:BATCH], "the rows")
    first = outputs[:BATCH]
    if float((again - first).abs().max()) > SAME * float(first.abs().max()):
        raise ArgumentError(
            "the model gives other outputs for the same rows again, also in evaluation: it draws random "
            "numbers; switch that off (nn.Dropout rests in evaluation, dropout by a function may not)"
        )


def _check_changed(changed: object, rows: Tensor) -> None:
    if not isinstance(changed, Tensor) or changed.ndim < 1 or len(changed) != len(rows):
        shown = tuple(changed.shape) if isinstance(changed, Tensor) else type(changed).__name__
        raise ArgumentError(
            f"the transformation makes {shown} of {tuple(rows.shape)}: it must keep each row in its place"
        )
    if bad := int((~changed.isfinite()).flatten(1).any(1).sum()):
        raise ArgumentError(
            f"the transformation makes {bad} of {len(rows)} rows not finite: mend it, or the rows, first"
        )


def _kept(after: Tensor, before: Tensor, classes: bool | None) -> float | None:
    """The share of rows, or of positions, whose largest output on axis 1 stays."""
    if classes is None:
        classes = after.ndim == 2 and after.shape[1] > 1
    if not classes:
        return None
    if after.shape[1] < 2:
        raise ArgumentError("classes=True needs outputs with two classes or more on axis 1; here is one")
    return float((after.argmax(1) == before.argmax(1)).double().mean())


def _scored(
    after: Tensor, before: Tensor, name: str, follow: object, kept: float | None, seed: int
) -> Invariance:
    """The score of outputs [N, D] and its interval: rows are resampled, and pairs with them."""
    rows, change = len(after), after - before
    own = change.square().sum(1)
    centre = before.mean(0)
    apart = torch.cdist(after - centre, before - centre).square().fill_diagonal_(0.0)
    if not float(apart.sum()) > 0.0:
        raise ArgumentError(
            f"the model says the same of all {rows} rows, transformed or not: an answer that never changes "
            "is invariant to everything; give rows that it tells apart"
        )
    drawn = np.random.default_rng(seed).multinomial(rows, np.full(rows, 1.0 / rows), size=RESAMPLES)
    counts = torch.cat([torch.ones(1, rows), torch.from_numpy(drawn)]).double()
    pairs = (counts.sum(1).square() - counts.square().sum(1)).clamp(min=1.0)
    others = ((counts @ apart) * counts).sum(1) / pairs
    owns = counts @ own / rows
    scores = 1.0 - owns / others
    resampled = scores[1:][scores[1:].isfinite()]
    low, high = (float(torch.quantile(resampled, share)) for share in (0.025, 0.975))
    score = float(scores[0])
    ends = wilson(kept, rows) if kept is not None else (None, None)
    return Invariance(
        transform=name,
        kind="invariance" if follow is None else "equivariance",
        rows=rows,
        score=score,
        low=min(low, score),
        high=max(high, score),
        relative=math.sqrt(float(own.mean()) / max(float(before.square().sum(1).mean()), 1e-300)),
        largest=float(change.abs().max()),
        same_class=kept,
        same_class_low=ends[0],
        same_class_high=ends[1],
    )
