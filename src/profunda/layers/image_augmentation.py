"""Augmentation of images by strengths: what is drawn, within which limits, and from which uniform numbers."""

import math
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from profunda.errors import ArgumentError
from profunda.layers.image_geometry import affine, moved
from profunda.layers.image_rows import check_images, per_row
from profunda.layers.image_transforms import boxes_at, cut_out, flip

__all__ = ["INGREDIENTS", "ImageAugmentation"]

_BELOW_ONE = 1.0 - 2.0**-24  # the largest float32 below 1


@dataclass(frozen=True)
class ImageAugmentation:
    """How strongly images are changed in training. All is off by default.

    Each strength is a number, or a tensor [B] with one for each image of the batches to come, as a batch of
    several members needs it. A row's result depends on its own strengths and uniform numbers alone, bit for
    bit. Targets stay: which changes keep a picture's class, the data decide (`profunda.label_breaking`).

    Parameters
    ----------
    flip, vertical_flip
        Probability of a mirror image, left to right or top to bottom.
    shift
        Largest move along either axis, as a share of the side, drawn in whole pixels.
    rotation
        Largest angle in degrees, either way.
    zoom
        Largest zoom in octaves, either way: the factor is 2^u with u uniform up to ± zoom.
    brightness
        Largest number added to all pixels, either way.
    contrast
        Largest change of contrast in octaves, either way: differences from the image's mean are multiplied by
        2^u with u uniform up to ± contrast.
    colour
        Largest number added to each channel by itself, either way.
    noise
        Standard deviation of Gaussian noise on each pixel and channel.
    cutout
        Side of a square box set to `background`, as a share of the picture's sides.
    background
        What comes into the picture from outside.
    """

    flip: float | Tensor = 0.0
    vertical_flip: float | Tensor = 0.0
    shift: float | Tensor = 0.0
    rotation: float | Tensor = 0.0
    zoom: float | Tensor = 0.0
    brightness: float | Tensor = 0.0
    contrast: float | Tensor = 0.0
    colour: float | Tensor = 0.0
    noise: float | Tensor = 0.0
    cutout: float | Tensor = 0.0
    background: float = 0.0

    def __post_init__(self) -> None:
        for name in INGREDIENTS:
            strength, most = getattr(self, name), _MOST.get(name, math.inf)
            low, high = (
                (float(strength.min()), float(strength.max()))
                if isinstance(strength, Tensor)
                else (strength, strength)
            )
            if not (low >= 0.0 and high <= most and math.isfinite(high)):
                raise ArgumentError(
                    f"{name} = {low if not low >= 0.0 else high} is no strength: it must be at least 0 and "
                    + (f"at most {most:g}" if math.isfinite(most) else "finite")
                )
        if not math.isfinite(self.background):
            raise ArgumentError(f"background = {self.background} is no pixel: it must be finite")

    @property
    def active(self) -> tuple[str, ...]:
        """Names of the strengths that are above 0 for at least one image."""
        return tuple(name for name in INGREDIENTS if _some(getattr(self, name)))

    def only(self, *names: str) -> "ImageAugmentation":
        """The same with all other strengths 0.

        Raises ArgumentError for a name that is no strength.
        """
        if unknown := [name for name in names if name not in INGREDIENTS]:
            raise ArgumentError(f"{unknown[0]!r} is no augmentation: there are {', '.join(INGREDIENTS)}")
        return replace(self, **{name: 0.0 for name in INGREDIENTS if name not in names})

    def uniforms(self, channels: int, height: int, width: int) -> int:
        """K, how many uniform numbers each image takes: 10 and one a channel; noise takes one a pixel more.

        A strength's numbers have their places whatever the others are, so that taking one away leaves what
        the others do.
        """
        noise = 2 * math.ceil(channels * height * width / 2) if _some(self.noise) else 0
        return 10 + channels + noise

    def apply(self, images: Tensor, uniforms: Tensor) -> Tensor:
        """Images [B, C, H, W] changed by `uniforms` [B, K] in [0, 1), K being `self.uniforms(C, H, W)`.

        In this order: flips, then zoom, rotation and shift in one resampling, contrast, brightness, colour,
        noise, cut-out. Raises ArgumentError where there are too few uniform numbers.
        """
        _check_uniforms(images, uniforms, self.uniforms(*images.shape[1:]) if images.ndim == 4 else 0)
        made = self._shaded(self.place(images, uniforms), uniforms)
        if _some(self.cutout):
            side = self.cutout.double() if isinstance(self.cutout, Tensor) else self.cutout
            boxes = boxes_at(uniforms[:, 8], uniforms[:, 9], side, *images.shape[2:])
            made = cut_out(made, boxes, self.background)
        return made

    def place(self, images: Tensor, uniforms: Tensor) -> Tensor:
        """What `apply` does to where things are, and nothing else: for maps that go with the images.

        Images or maps [B, C', H, W], with the numbers that their images have. Zoomed and turned, they are
        read between pixels (bilinear): give classes as one map each.
        """
        _check_uniforms(images, uniforms, 10)
        for name, slot, vertical in (("flip", 0, False), ("vertical_flip", 1, True)):
            if _some(strength := getattr(self, name)):
                chosen = uniforms[:, slot] < per_row(strength, uniforms, name)
                images = flip(images, vertical=chosen) if vertical else flip(images, horizontal=chosen)
        return self._moved(images, uniforms)

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Images [B, C, H, W] changed by numbers of `generator`, by default torch's global one."""
        check_images(images)
        count = self.uniforms(*images.shape[1:])
        where = generator.device if generator is not None else images.device
        return self.apply(images, torch.rand(len(images), count, generator=generator, device=where))

    def _moved(self, images: Tensor, uniforms: Tensor) -> Tensor:
        right = down = images.new_zeros(len(images))
        if _some(self.shift):
            reach = per_row(self.shift, images, "shift")
            right = (_signed(uniforms, 2, images) * reach * images.shape[-1]).round()
            down = (_signed(uniforms, 3, images) * reach * images.shape[-2]).round()
        if not (_some(self.rotation) or _some(self.zoom)):
            return moved(images, right.long(), down.long(), self.background)
        turn, octaves = per_row(self.rotation, images, "rotation"), per_row(self.zoom, images, "zoom")
        resampled = (turn > 0.0) | (octaves > 0.0)
        chosen = slice(None) if bool(resampled.all()) else resampled.nonzero()[:, 0]
        made = affine(
            images[chosen],
            degrees=(_signed(uniforms, 4, images) * turn)[chosen],
            zoom=_power_of_two(_signed(uniforms, 5, images) * octaves)[chosen],
            right=right[chosen],
            down=down[chosen],
            background=self.background,
        )
        if isinstance(chosen, slice):
            return made
        copied = moved(images, right.long(), down.long(), self.background)
        return copied.index_copy(0, chosen, made)

    def _shaded(self, images: Tensor, uniforms: Tensor) -> Tensor:
        """Contrast, brightness and colour as one factor and one number added, then noise."""
        factor = added = None
        if _some(self.contrast):
            octaves = _signed(uniforms, 7, images) * per_row(self.contrast, images, "contrast")
            factor = _power_of_two(octaves)[:, None, None, None]
            added = images.mean((1, 2, 3), keepdim=True) * (1.0 - factor)
        if _some(self.brightness):
            amount = _signed(uniforms, 6, images) * per_row(self.brightness, images, "brightness")
            added = (0.0 if added is None else added) + amount[:, None, None, None]
        if _some(self.colour):
            signed = 2.0 * uniforms[:, 10 : 10 + images.shape[1]].to(images) - 1.0
            amounts = signed * per_row(self.colour, images, "colour")[:, None]
            added = (0.0 if added is None else added) + amounts[:, :, None, None]
        if factor is not None:
            images = images * factor
        if added is not None:
            images = images + added
        if _some(self.noise):
            deviation = per_row(self.noise, images, "noise")[:, None, None, None]
            images = images + deviation * _normals(uniforms[:, 10 + images.shape[1] :], images)
        return images


INGREDIENTS = tuple(one.name for one in fields(ImageAugmentation) if one.name != "background")
"""Names of the strengths, in the order in which they act."""

_MOST = {
    "flip": 1.0,
    "vertical_flip": 1.0,
    "shift": 1.0,
    "rotation": 180.0,
    "zoom": 8.0,
    "contrast": 8.0,
    "cutout": 1.0,
}


def _some(strength: float | Tensor) -> bool:
    return bool((strength > 0.0).any()) if isinstance(strength, Tensor) else strength > 0.0


def _signed(uniforms: Tensor, slot: int, images: Tensor) -> Tensor:
    """A column of uniform numbers as numbers [B] from −1 to 1."""
    return 2.0 * uniforms[:, slot].to(images) - 1.0


def _power_of_two(octaves: Tensor) -> Tensor:
    """2^u by torch.exp: on the CPU the last bit of torch.exp2 depends on how many numbers it is given."""
    return (octaves * math.log(2.0)).exp()


def _normals(uniforms: Tensor, images: Tensor) -> Tensor:
    """Standard normal numbers of the images' shape, two of two uniform ones (Box and Muller 1958)."""
    pixels = images[0].numel()
    half = (pixels + 1) // 2
    # In half precision the numbers below 1 would become 1, of which the radius is infinite.
    wide = torch.promote_types(images.dtype, torch.float32)
    first, second = (uniforms[:, at : at + half].to(images.device, wide).contiguous() for at in (0, half))
    radius = (1.0 - first.clamp(max=_BELOW_ONE)).log_().mul_(-2.0).sqrt_()
    angle = second.mul(2.0 * math.pi)
    normals = torch.cat([radius * angle.cos(), radius * angle.sin()], dim=1)
    return normals[:, :pixels].reshape(images.shape).to(images.dtype)


def _check_uniforms(images: Tensor, uniforms: Tensor, needed: int) -> None:
    check_images(images)
    if uniforms.ndim != 2 or len(uniforms) != len(images) or uniforms.shape[1] < needed:
        raise ArgumentError(
            f"uniforms of shape {tuple(uniforms.shape)} beside images {tuple(images.shape)}: these strengths "
            f"take {needed} for each image, [{len(images)}, {needed}]"
        )
