"""What leaves a body, of rows of inputs."""

from torch import Tensor

from profunda.networks.bodies.held import Held
from profunda.networks.bodies.pictures import Activation, conv, residual
from profunda.networks.bodies.step import BodyStep
from profunda.networks.bodies.texts import attention, bag, cut, lstm

__all__ = ["read_by"]


def read_by(
    held: Held, x: Tensor, activation: Activation, step: BodyStep | None = None, *, whole: bool = False
) -> Tensor:
    """The E numbers [B, E] that the body `held` makes of inputs `x` [B, D]; evaluation where `step` is None.

    `activation` is that of convolutions. In training, dropout acts on what leaves it too. `whole` reads texts
    to the end of their columns, padding too, so that what is computed does not depend on the batch.
    """
    places = held.body.places
    own = x[:, places.start : places.stop]
    if held.body.picture is not None:
        made = (conv if held.body.kind == "conv" else residual)(held, own, activation, step)
    else:
        read = {"bag": bag, "lstm": lstm}.get(held.body.kind, attention)
        made = read(held, (own if whole else cut(own, held.body.depth)).long(), step)
    return made if step is None else step.drop_inside(0, made)
