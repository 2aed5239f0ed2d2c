"""Which augmentations turn pictures of one class into pictures of another: b into d, 6 into 9.

Half of the rows say what each class looks like (`lookalikes`), the others are transformed at the ends of each
strength. Counted is by how much more of a class's pictures look like another class's afterwards: with the
interval of a difference of paired shares (Agresti and Min 2005), its level divided by the number of all pairs
and settings that were looked at (Bonferroni). An augmentation is refused where this is

- surely more than a third: who knows true pictures only reads them as the other class; or
- surely more than a twentieth, and who learns from both cannot tell them apart either: at least a quarter of
  the transformed pictures stand nearer to the other class than to others of their own that were transformed
  alike.

A coat moved upwards looks like a pullover to who has seen coats in one place only. That passes neither test.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import NormalDist
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from profunda.data.pixels import CHANNELS
from profunda.diagnosis.invariance import STRENGTHS
from profunda.diagnosis.lookalikes import Lookalikes, lookalikes
from profunda.errors import ArgumentError, DataError
from profunda.layers.image_augmentation import INGREDIENTS, ImageAugmentation
from profunda.layers.image_geometry import rotate, translate, zoom
from profunda.layers.image_transforms import (
    add_noise,
    adjust_brightness,
    adjust_contrast,
    boxes_at,
    cut_out,
    flip,
    shift_colour,
)

__all__ = ["AugmentationVerdict", "BrokenLabel", "LabelBreaking", "label_breaking"]

LEVEL = 0.05
READ_AS = 1.0 / 3.0  # more than this share looks like another class: refused
TOLERANCE = 0.05  # more than this, where at least LOST of them cannot be told from it: refused
FEWEST = 20  # pictures of a class to be transformed, and as many to know it by
RECOGNISED = 0.2  # by how much more a class's own pictures must be taken for it than those of other classes
LOST = 0.25  # a half where nothing tells the two apart
MOST_EACH, MOST = 150, 3000  # pictures of a class, and in all, in either half

Setting = tuple[str, Callable[[Tensor], Tensor]]


@dataclass(frozen=True)
class BrokenLabel:
    """Under `setting`, `share` of the `rows` pictures of class `source` look like class `target`.

    `before` of them did so untransformed; the difference lies between `low` and `high`, for all findings
    together at 95 %.
    """

    setting: str
    source: str
    target: str
    share: float
    before: float
    low: float
    high: float
    rows: int

    def __str__(self) -> str:
        before = f", {100 * self.before:.0f} % before" if self.before >= 0.005 else ""
        return (
            f"{self.setting} turns {self.source!r} into {self.target!r} "
            f"({100 * self.share:.0f} % of {self.rows:,} images{before})"
        )


@dataclass(frozen=True)
class AugmentationVerdict:
    """Whether one strength of an `ImageAugmentation` keeps labels, with the findings against it."""

    augmentation: str
    verdict: Literal["allowed", "refused", "cannot tell"]
    reason: str
    broken: tuple[BrokenLabel, ...] = ()


@dataclass(frozen=True)
class LabelBreaking:
    """What `label_breaking` found: a verdict for each strength above 0, and the rest of the augmentation.

    `kept` is the augmentation that was asked about without what is refused; what could not be told stays in
    it. `unjudged` are the classes of which nothing could be told, each with its reason.
    """

    verdicts: tuple[AugmentationVerdict, ...]
    kept: ImageAugmentation
    unjudged: tuple[str, ...]

    @property
    def allowed(self) -> tuple[str, ...]:
        """Names of the strengths that keep labels as far as can be seen."""
        return tuple(one.augmentation for one in self.verdicts if one.verdict == "allowed")

    @property
    def refused(self) -> tuple[str, ...]:
        """Names of the strengths that break labels."""
        return tuple(one.augmentation for one in self.verdicts if one.verdict == "refused")

    def text(self) -> str:
        """All of it, for a terminal."""
        lines = [
            f"{one.augmentation.replace('_', ' ')}: {one.verdict}; {one.reason}" for one in self.verdicts
        ]
        return "\n".join([*lines, *(f"not judged: {one}" for one in self.unjudged)])

    def json(self) -> str:
        """All of it as JSON text."""
        return json.dumps(asdict(self), ensure_ascii=False, allow_nan=False, indent=1)

    def __str__(self) -> str:
        return self.text()


def label_breaking(
    images: np.ndarray | Tensor,
    labels: np.ndarray | Tensor | Sequence[object],
    augmentation: ImageAugmentation = STRENGTHS,
    *,
    names: Sequence[str] | None = None,
    seed: int = 0,
) -> LabelBreaking:
    """Find by measurement which strengths of `augmentation` change what images show.

    Parameters
    ----------
    images
        [N, C, H, W], [N, H, W] or [N, H, W, C]; whole numbers are divided by 255, and strengths are in the
        unit of the pixels. A last axis of up to 4 is one of channels if the second one is longer.
    labels
        One class for each image, as numbers or words.
    augmentation
        The largest strengths that training may use. Flips count as done, whatever their probability.
    names
        What to call the classes, in the order of their sorted labels; None: the labels themselves.

    Raises
    ------
    DataError
        Not one label an image, one class only, or pixels that are not finite.
    ArgumentError
        Names for another number of classes, strengths for each row, or images of another shape.
    """
    pictures, classes, words = _read(images, labels, names)
    if any(isinstance(getattr(augmentation, name), Tensor) for name in INGREDIENTS):
        raise ArgumentError("label_breaking asks about one strength for all images, not one for each row")
    trial = _trial(pictures, classes, words, seed)
    settings = {name: _settings(name, augmentation, pictures, seed) for name in augmentation.active}
    tests = sum(map(len, settings.values())) * max(1, len(trial.asked)) * (len(words) - 1)
    z = NormalDist().inv_cdf(1.0 - LEVEL / (2.0 * max(1, tests)))
    verdicts = [
        _verdict(name, [one for way in ways for one in trial.broken(way, z)], trial)
        for name, ways in settings.items()
    ]
    refused = {one.augmentation: 0.0 for one in verdicts if one.verdict == "refused"}
    return LabelBreaking(tuple(verdicts), replace(augmentation, **refused), trial.unjudged)


def _verdict(name: str, found: list[BrokenLabel], trial: "_Trial") -> AugmentationVerdict:
    """Of each pair of classes the setting that breaks most. One refuses; to allow, all must be judged."""
    worst: dict[tuple[str, str], BrokenLabel] = {}
    for one in sorted(found, key=lambda one: -one.share):
        worst.setdefault((one.source, one.target), one)
    broken = tuple(worst.values())
    if broken:
        more = f" and {len(broken) - 3} more" if len(broken) > 3 else ""
        return AugmentationVerdict(name, "refused", "; ".join(map(str, broken[:3])) + more, broken)
    if trial.unjudged:
        told = f"of {len(trial.words)} classes {len(trial.asked)} could be judged, and none of these breaks"
        return AugmentationVerdict(name, "cannot tell", told)
    return AugmentationVerdict(name, "allowed", "no class was seen to turn into another")


def _read(
    images: np.ndarray | Tensor, labels: object, names: Sequence[str] | None
) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """Pictures [N, C, H, W] as they are, classes int64 [N], and the classes' names."""
    pictures = torch.as_tensor(images).cpu()
    pictures = pictures[:, None] if pictures.ndim == 3 else pictures
    if pictures.ndim != 4:
        raise ArgumentError(f"images of shape {tuple(pictures.shape)}: give [N, C, H, W] or [N, H, W]")
    if pictures.shape[3] in CHANNELS and pictures.shape[1] not in CHANNELS:
        pictures = pictures.movedim(3, 1)
    given = np.asarray(labels).reshape(-1)
    if len(given) != len(pictures):
        raise DataError(f"{len(given)} labels beside {len(pictures)} images: give one for each image")
    kinds, classes = np.unique(given, return_inverse=True)
    if len(kinds) < 2:
        raise DataError("all images have one label: there is no other class that they could turn into")
    if names is not None and len(names) != len(kinds):
        raise ArgumentError(f"{len(names)} names beside {len(kinds)} classes of labels: give one for each")
    words = tuple(str(one) for one in (kinds if names is None else names))
    return pictures, torch.from_numpy(classes.astype(np.int64)), words


@dataclass(frozen=True)
class _Trial:
    """Pictures to be transformed with their classes, what they were taken for before, and pictures to know
    classes by. `asked` are the classes that can be judged.
    """

    known: Lookalikes
    models: tuple[Tensor, ...]
    pictures: Tensor
    classes: Tensor
    before: Tensor
    words: tuple[str, ...]
    asked: tuple[int, ...]
    unjudged: tuple[str, ...]

    def broken(self, way: Setting, z: float) -> list[BrokenLabel]:
        """Pairs of classes of which the second is what the first's pictures surely become under `way`."""
        found = []
        for source in self.asked:
            own = self.classes == source
            moved, rows = way[1](self.pictures[own]), int(own.sum())
            before, after = self.before[own], self.known.taken_for(moved)
            for target in sorted(set(after.tolist()) - {-1, source}):
                then, now = before == target, after == target
                low, high = _difference(int((now & ~then).sum()), int((then & ~now).sum()), rows, z)
                if low <= TOLERANCE:
                    continue
                if low <= READ_AS and self.known.lost_to(moved, way[1](self.models[source]), target) < LOST:
                    continue
                shares = float(now.double().mean()), float(then.double().mean())
                names = self.words[source], self.words[target]
                found.append(BrokenLabel(way[0], *names, *shares, low, high, rows))
        return found


def _trial(pictures: Tensor, classes: Tensor, words: tuple[str, ...], seed: int) -> _Trial:
    reference, judged = _halves(classes, len(words), seed)
    models, kinds, shown = _pixels(pictures[reference]), classes[reference], _pixels(pictures[judged])
    known = lookalikes(models, kinds, len(words))
    before = known.taken_for(shown)
    asked, unjudged = _judgeable(classes[judged], before, words)
    by_class = tuple(models[kinds == one] for one in range(len(words)))
    return _Trial(known, by_class, shown, classes[judged], before, words, asked, unjudged)


def _pixels(images: Tensor) -> Tensor:
    """Float32, whole numbers divided by 255."""
    pixels = images.float() if images.is_floating_point() else images.float() / 255.0
    if bad := int((~pixels.isfinite()).flatten(1).any(1).sum()):
        raise DataError(f"{bad} of {len(pixels)} images have pixels that are not finite: mend or drop them")
    return pixels


def _halves(classes: Tensor, n_classes: int, seed: int) -> tuple[Tensor, Tensor]:
    """Rows to know the classes by, and rows to transform: half and half of each class, at most 150 of it."""
    random = np.random.default_rng(seed)
    most = min(MOST_EACH, max(1, MOST // n_classes))
    known, judged = [], []
    for one in range(n_classes):
        rows = random.permutation(np.flatnonzero(classes.numpy() == one))
        half = len(rows) // 2
        known.append(rows[half:][:most])
        judged.append(rows[:half][:most])
    return torch.from_numpy(np.concatenate(known)), torch.from_numpy(np.concatenate(judged))


def _judgeable(
    classes: Tensor, before: Tensor, words: tuple[str, ...]
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Classes with pictures enough that are known as their own, and why the others are not among them."""
    asked, reasons = [], []
    for one, word in enumerate(words):
        own = classes == one
        rows = int(own.sum())
        share = float((before[own] == one).double().mean()) if rows else 0.0
        strange = float((before[~own] == one).double().mean()) if rows < len(own) else 0.0
        if rows < FEWEST:
            reasons.append(f"{word!r}, of which there are too few images (at least {2 * FEWEST} are needed)")
        elif share - strange < RECOGNISED:
            reasons.append(f"{word!r}, of which neighbours recognise {100 * share:.0f} % of the images only")
        else:
            asked.append(one)
    return tuple(asked), tuple(reasons)


def _difference(gained: int, lost: int, rows: int, z: float) -> tuple[float, float]:
    """The interval of a difference of paired shares, half a row added to each cell (Agresti and Min 2005)."""
    up, down, n = gained + 0.5, lost + 0.5, rows + 2.0
    middle = (up - down) / n
    half = z * math.sqrt(max(0.0, (up + down) / n - middle * middle) / n)
    return max(-1.0, middle - half), min(1.0, middle + half)


def _settings(name: str, augmentation: ImageAugmentation, images: Tensor, seed: int) -> tuple[Setting, ...]:
    """The ends of a strength, either way; half of it too for angles, and two draws of what is drawn."""
    s, out = float(getattr(augmentation, name)), augmentation.background
    channels, height, width = images.shape[1:]
    draws = [seed, seed + 1]
    if name == "flip":
        return (("horizontal flip", lambda x: flip(x, horizontal=True)),)
    if name == "vertical_flip":
        return (("vertical flip", lambda x: flip(x, vertical=True)),)
    if name == "shift":
        across, down = float(round(s * width)), float(round(s * height))
        moves = (("right", across, 0.0), ("left", -across, 0.0), ("down", 0.0, down), ("up", 0.0, -down))
        return tuple(
            (f"shift by {abs(r + d):g} pixels {way}", lambda x, r=r, d=d: translate(x, r, d, out))
            for way, r, d in moves
            if r or d
        )
    if name == "rotation":
        angles = (s, -s, s / 2, -s / 2) if s < 180.0 else (s, s / 2, -s / 2)
        return tuple((f"rotation by {a:g}°", lambda x, a=a: rotate(x, a, out)) for a in angles)
    if name == "zoom":
        return tuple((f"zoom by {f:.3g}", lambda x, f=f: zoom(x, f, out)) for f in (2.0**s, 2.0**-s))
    if name == "brightness":
        return tuple((f"brightness {b:+g}", lambda x, b=b: adjust_brightness(x, b)) for b in (s, -s))
    if name == "contrast":
        return tuple(
            (f"contrast by {f:.3g}", lambda x, f=f: adjust_contrast(x, f)) for f in (2.0**s, 2.0**-s)
        )
    if name == "colour":
        amounts = [sign * s * torch.eye(channels)[c] for c in range(channels) for sign in (1.0, -1.0)]
        return tuple(
            (
                f"colour {float(a.sum()):+g} in one channel",
                lambda x, a=a: shift_colour(x, a.expand(len(x), -1)),
            )
            for a in amounts
        )
    if name == "noise":
        return tuple(
            (f"noise of {s:g}", lambda x, d=d: add_noise(x, s, torch.randn(x.shape, generator=_random(d))))
            for d in draws
        )
    return tuple((f"cut-out of {s:g} of the side", lambda x, d=d: _blanked(x, s, out, d)) for d in draws)


def _blanked(images: Tensor, side: float, background: float, seed: int) -> Tensor:
    down, across = torch.rand(2, len(images), generator=_random(seed))
    return cut_out(images, boxes_at(down, across, side, *images.shape[2:]), background)


def _random(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
