"""A body drawn and told: what stands before the layers of a network that reads pictures or texts."""

from profunda.reporting.blocks import Layer
from profunda.reporting.words import brief, number, share
from profunda.space.bodies import POOLED, Body
from profunda.space.design import PICTORIAL, Design

__all__ = ["body_layers", "changes_words"]


def body_layers(body: Body, design: Design, activation: str) -> tuple[Layer, ...]:
    """What is drawn between the inputs and the first layer, the inputs that it reads first; () for "dense".

    What leaves the last one is told by the caller, who knows what stands behind it.
    """
    if body.picture is not None:
        return _convolving(body, activation)
    if body.tokens is None:
        return ()
    dropped = f", {share(design.input_dropout)} of words dropped" if design.input_dropout else ""
    between = {
        "bag": "a vector each, and their mean",
        "lstm": f"{_layers(body.depth)}, both ways; mean and maximum",
        "attention": f"{body.depth} block{'s' if body.depth > 1 else ''} of attention; mean",
    }[body.kind]
    words = Layer(body.tokens.length, "tokens at most", between + dropped)
    return (words, Layer(body.width, "numbers"))


def _layers(depth: int) -> str:
    return "one LSTM layer" if depth == 1 else f"{depth} LSTM layers"


def _convolving(body: Body, activation: str) -> tuple[Layer, ...]:
    assert body.picture is not None
    channels, height, width = body.picture.shape
    norm = "" if body.norm == "none" else f", {body.norm} norm"
    plain = f"convolution{norm}, {activation}"
    layers = [
        _maps(channels, height, width, plain if body.kind == "residual" else f"{plain}, halved", "pixels")
    ]
    if body.kind == "residual":
        layers.append(_maps(body.channels, height, width, "residual block"))
    for stage in range(body.depth):
        last = stage == body.depth - 1
        if body.kind == "conv":
            height, width = height // 2, width // 2
        elif stage:
            height, width = -(-height // 2), -(-width // 2)
        found = f"{plain}, halved" if body.kind == "conv" else "residual block, halved"
        pooled = body.kind == "residual" or max(height, width) > POOLED
        if last and not pooled:
            break
        layers.append(_maps(body.channels << stage, height, width, "averaged" if last else found))
    return (*layers, Layer(body.width, "numbers"))


def _maps(channels: int, height: int, width: int, detail: str, what: str = "numbers") -> Layer:
    planes = f", {channels} channels" if channels > 1 else ""
    return Layer(channels * height * width, f"{what}: {height} × {width}{planes}", detail)


def changes_words(design: Design) -> str:
    """What happens to the pictures of a batch, with units; "none" where nothing does."""
    said = {
        "flip": f"{share(design.flip)} mirrored",
        "shift": f"moved by up to {share(design.shift)} of a side",
        "rotation": f"turned by up to {brief(design.rotation)}°",
        "zoom": f"zoomed by up to ×{number(2.0**design.zoom)} either way",
        "brightness": f"brighter or darker by up to {brief(design.brightness)} s.d.",
        "contrast": f"contrast changed by up to ×{number(2.0**design.contrast)}",
        "colour": f"each channel shifted by up to {brief(design.colour)} s.d.",
    }
    told = [said[name] for name in PICTORIAL if getattr(design, name)]
    if design.cutout:
        told.append(f"a square of {share(design.cutout)} of a side blanked")
    return ", ".join(told) or "none"
