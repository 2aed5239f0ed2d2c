"""The one order of a dense network's parameters in a flat vector.

First what stands before the layers (see `Front`). Then for each layer, from the inputs to the outputs: its
weights W [K, H] row by row, so that the layer is x W + b, then its biases b [H]. `nn.Linear` keeps the
transpose. A hidden layer with parametric activations has their α [H] behind them; one with a norm then gains
γ [H] and shifts β [H]; one with batch norm then the collected mean [H] and variance [H], which are not
trained.

Behind all layers, where T tasks have heads of their own: [T, H + 1, C], of each task what U_t [H, C] and c_t
[C] add to the last layer's weights and biases.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any, TypeVar

from profunda.data.inputs import Inputs
from profunda.networks.bodies.held import Held, Place, places_of
from profunda.networks.norms import groups_of
from profunda.space.bodies import Body, rows_inside
from profunda.space.design import CODED, PERIODIC, WAVES, Design, Norm

__all__ = ["Block", "Front", "NetworkLayout", "layout", "layout_of"]

Vector = TypeVar("Vector", bound=Any)
"""An array or a tensor [P]: parts of it are views of its own kind."""

_VECTORS: dict[Norm, int] = {"none": 0, "layer": 2, "group": 2, "batch": 4}
"""How many vectors [H] a norm keeps: γ, β, and the mean and variance collected."""
_HEADED = 1 << 24
"""Numbers of heads that rows of one pass look up, at most: each row has its task's."""


@dataclass(frozen=True)
class Block:
    """Where one layer lies in the flat vector: weights [K, H] at `start`, biases [H], vectors of its norm.

    `parametric`: α [H] of its activations stand between the biases and the norm's vectors.
    """

    fan_in: int
    fan_out: int
    start: int
    norm: Norm = "none"
    parametric: bool = False

    @property
    def biases(self) -> int:
        """Where the biases start."""
        return self.start + self.fan_in * self.fan_out

    @property
    def slopes(self) -> int:
        """Where the α of parametric activations start, where it has any."""
        return self.biases + self.fan_out

    @property
    def gains(self) -> int:
        """Where the norm's vectors start, where it has any."""
        return self.slopes + self.parametric * self.fan_out

    @property
    def groups(self) -> int:
        """Groups of units that a group norm takes together: at most 8, each of 4 units at least, or one."""
        return groups_of(self.fan_out)

    @property
    def trained(self) -> int:
        """Where what is trained ends: what batch norm collects lies behind."""
        return self.gains + (0 if self.norm == "none" else 2) * self.fan_out

    @property
    def end(self) -> int:
        """Where the next layer starts."""
        return self.gains + _VECTORS[self.norm] * self.fan_out

    def weights_of(self, params: Vector) -> Vector:
        """W [K, H] as a view of `params` [P]."""
        return params[self.start : self.biases].reshape(self.fan_in, self.fan_out)

    def biases_of(self, params: Vector) -> Vector:
        """b [H] as a view of `params` [P]."""
        return params[self.biases : self.slopes]

    def slopes_of(self, params: Vector) -> Vector:
        """α [H] of parametric activations as a view of `params` [P]; [0] where it has none."""
        return params[self.slopes : self.gains]

    def norm_of(self, params: Vector) -> Vector:
        """The norm's vectors as a view of `params` [P]: [0, H] without one, [2, H] γ and β of layer norm,
        [4, H] γ, β, mean and variance of batch norm."""
        return params[self.gains : self.end].reshape(_VECTORS[self.norm], self.fan_out)


@dataclass(frozen=True)
class Front:
    """What stands between the D inputs and the first layer, and where it lies in the flat vector, from 0 on.

    What enters the first layer are E numbers: the inputs `kept` as they are; then 3 for each of `waves`, the
    inputs with a periodic embedding, one input after the other; then 8 for each of `codes`, the inputs
    (place, number of codes K) that are looked up; then what leaves the `body`; all times their scales where
    `scaled`.

    In the vector, n inputs having waves: frequencies w [n, 16], phases b [n, 16], mixing V [n, 16, 3], shifts
    c [n, 3]; then a table [K, 8] for each of `codes`; then scales [E]; then the
    body's tensors.
    """

    inputs: Inputs
    periodic: bool
    scaled: bool
    body: Body
    codes: tuple[tuple[int, int], ...]

    @cached_property
    def kept(self) -> tuple[int, ...]:
        """Inputs that enter as they are."""
        return self.body.kept(self.inputs)

    @cached_property
    def waves(self) -> tuple[int, ...]:
        """Inputs with a periodic embedding."""
        read = set(self.body.places)
        return tuple(n for n in self.inputs.numeric if n not in read) if self.periodic else ()

    @property
    def plain(self) -> bool:
        """Whether nothing stands there: the inputs are what enters."""
        through = len(self.kept) == len(self.inputs)  # a body "dense" passes words over
        return through and not (self.waves or self.codes or self.scaled or self.body.width)

    @property
    def width(self) -> int:
        """E."""
        return len(self.kept) + PERIODIC * len(self.waves) + CODED * len(self.codes) + self.body.width

    @property
    def columns(self) -> tuple[int, ...]:
        """The table's column that each of the E numbers comes from."""
        own = self.inputs.columns
        found = [own[place] for place in self.kept]
        found += [own[place] for place in self.waves for _ in range(PERIODIC)]
        found += [own[place] for place, _ in self.codes for _ in range(CODED)]
        found += [own[place] for place in self.body.places[:1] for _ in range(self.body.width)]
        return tuple(found)

    @property
    def tables(self) -> int:
        """Where the tables of codes start."""
        return len(self.waves) * (2 * WAVES + WAVES * PERIODIC + PERIODIC)

    @property
    def scales(self) -> int:
        """Where the scales start, where there are any."""
        return self.tables + CODED * sum(size for _, size in self.codes)

    @property
    def inside(self) -> int:
        """Where the body's tensors start."""
        return self.scales + (self.width if self.scaled else 0)

    @property
    def end(self) -> int:
        """Where the first layer starts."""
        return self.inside + self.body.size

    @property
    def places(self) -> tuple[Place, ...]:
        """The body's tensors, in the order of the vector."""
        return tuple(places_of(self.body, self.inside).values())

    def waves_of(self, params: Vector) -> tuple[Vector, Vector, Vector, Vector]:
        """Frequencies and phases [n, 16], mixing [n, 16, 3], shifts [n, 3] as views of `params` [P]."""
        n = len(self.waves)
        ends = (0, n * WAVES, 2 * n * WAVES, self.tables - n * PERIODIC, self.tables)
        w, b, v, c = (params[start:end] for start, end in pairwise(ends))
        return w.reshape(n, WAVES), b.reshape(n, WAVES), v.reshape(n, WAVES, PERIODIC), c.reshape(n, PERIODIC)

    def tables_of(self, params: Vector) -> list[Vector]:
        """The table [K, 8] of each of `codes` as a view of `params` [P]."""
        found, start = [], self.tables
        for _, size in self.codes:
            found.append(params[start : start + CODED * size].reshape(size, CODED))
            start += CODED * size
        return found

    def scales_of(self, params: Vector) -> Vector:
        """Scales [E] as a view of `params` [P]; [0] where there are none."""
        return params[self.scales : self.inside]

    def held(self, params: Vector) -> Held:
        """The body with its tensors as views of `params` [P]."""
        return Held(self.body, self.inside, params)


@dataclass(frozen=True)
class NetworkLayout:
    """Where all parameters of a network lie: what stands before the layers, the layers, heads of T tasks."""

    front: Front
    blocks: tuple[Block, ...]
    tasks: int = 0

    @property
    def heads(self) -> int:
        """Where the heads of tasks start, where there are any."""
        return self.blocks[-1].end

    @property
    def size(self) -> int:
        """P, with what batch norm collects."""
        last = self.blocks[-1]
        return last.end + self.tasks * (last.fan_in + 1) * last.fan_out

    @property
    def rows(self) -> int:
        """How many rows may go through at once, by what each makes inside the body and its task's head."""
        last = self.blocks[-1]
        heads = _HEADED // ((last.fan_in + 1) * last.fan_out) + 1 if self.tasks else _HEADED
        return min(rows_inside(self.front.body), heads)

    @property
    def penalised(self) -> tuple[Block | Place, ...]:
        """What l1 and l2 shrink: weights of layers and of the body, its vectors of words too."""
        inside = (place for place in self.front.places if place.slot.role in ("weights", "table"))
        return (*self.blocks, *inside)

    def heads_of(self, params: Vector) -> Vector:
        """U [T, H, C] with c [T, C] as a row more, [T, H + 1, C], as a view of `params` [P]; T may be 0."""
        last = self.blocks[-1]
        return params[self.heads : self.size].reshape(self.tasks, last.fan_in + 1, last.fan_out)


@lru_cache(maxsize=4096)
def _blocks(sizes: tuple[int, ...], norm: Norm, parametric: bool, start: int) -> tuple[Block, ...]:
    blocks: list[Block] = []
    for number, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        hidden = number < len(sizes) - 2
        block = Block(fan_in, fan_out, start, norm if hidden else "none", parametric and hidden)
        blocks.append(block)
        start = block.end
    return tuple(blocks)


def layout(widths: Sequence[int], n_features: int, n_outputs: int, norm: Norm = "none") -> tuple[Block, ...]:
    """The layers of D inputs, hidden `widths` and C outputs, with nothing before them."""
    return _blocks((n_features, *widths, n_outputs), norm, False, 0)


def layout_of(design: Design, inputs: Inputs, n_outputs: int) -> NetworkLayout:
    """All of the network that `design` makes of `inputs` and C outputs."""
    periodic = design.numeric_embedding == "periodic"
    codes = design.codes_on(inputs)
    front = Front(inputs, periodic, design.input_scaling, design.body_on(inputs), codes)
    sizes = (front.width, *design.widths, n_outputs)
    blocks = _blocks(sizes, design.norm, design.parametric, front.end)
    return NetworkLayout(front, blocks, design.heads_on(inputs))
