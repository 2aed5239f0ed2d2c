"""Networks as people write them for small tables, images, signals and texts; a flag of most says which of two
ways of writing a line was taken.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = [
    "Averaged",
    "Bare",
    "CausalConv",
    "CausalReader",
    "Centred",
    "CodeCopier",
    "Embedded",
    "GatedReader",
    "HourReader",
    "LineReader",
    "Listed",
    "PaddedReader",
    "StatedReader",
    "SteppedUnits",
    "Tagger",
    "conv_stack",
    "signal_net",
    "stack",
]

Maker = Callable[[], nn.Module]


def stack(
    widths: Sequence[int],
    act: Maker = nn.ReLU,
    after: Callable[[int], Sequence[nn.Module]] = lambda width: (),
    before: Callable[[int], Sequence[nn.Module]] = lambda width: (),
    last: Sequence[nn.Module] = (),
) -> nn.Sequential:
    """Linear layers; between them what `before` gives for a width, the activation, what `after` gives."""
    *steps, (penultimate, outputs) = pairwise(widths)
    parts: list[nn.Module] = []
    for entering, leaving in steps:
        parts += [nn.Linear(entering, leaving), *before(leaving), act(), *after(leaving)]
    return nn.Sequential(*parts, nn.Linear(penultimate, outputs), *last)


def conv_stack(
    channels: Sequence[int],
    outputs: int,
    act: Maker = nn.ReLU,
    before: Callable[[int], Sequence[nn.Module]] = lambda width: (),
    after: Callable[[int], Sequence[nn.Module]] = lambda width: (),
    pool: Maker = nn.Identity,
    head: int = 2,
) -> nn.Sequential:
    """Convolutions of 3 by 3, each with `pool`; the mean over `head` by `head` fields; a linear layer."""
    parts: list[nn.Module] = []
    for entering, leaving in pairwise((1, *channels)):
        parts += [
            nn.Conv2d(entering, leaving, 3, padding=1),
            *before(leaving),
            act(),
            *after(leaving),
            pool(),
        ]
    parts += [nn.AdaptiveAvgPool2d(head), nn.Flatten()]
    return nn.Sequential(*parts, nn.Linear(channels[-1] * head * head, outputs))


def signal_net(
    channels: Sequence[int],
    outputs: int,
    act: Maker = nn.ReLU,
    before: Callable[[int], Sequence[nn.Module]] = lambda width: (),
    after: Callable[[int], Sequence[nn.Module]] = lambda width: (),
) -> nn.Sequential:
    """Convolutions over 5 places, each but the first with a stride of 2; the highest of all places."""
    parts: list[nn.Module] = []
    for k, (entering, leaving) in enumerate(pairwise((1, *channels))):
        parts += [nn.Conv1d(entering, leaving, 5, 2 if k else 1, 2), *before(leaving), act(), *after(leaving)]
    return nn.Sequential(*parts, nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.Linear(channels[-1], outputs))


class LineReader(nn.Module):
    """A GRU that wants time first reads a picture's lines [B, T, D]; `viewed`: the axes are told by `view`
    instead of being exchanged.
    """

    def __init__(self, inputs: int, hidden: int, outputs: int, viewed: bool = False) -> None:
        super().__init__()
        self.gru = nn.GRU(inputs, hidden)
        self.head = nn.Linear(hidden, outputs)
        self.viewed = viewed

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        rows, places, width = x.shape
        x = x.contiguous().view(places, rows, width) if self.viewed else x.transpose(0, 1)
        found, _ = self.gru(x)
        return self.head(found[-1])


class GatedReader(nn.Module):
    """Words [B, T] weighed by a softmax of learnt scores along `axis` and summed; an MLP says the class."""

    def __init__(self, words: int, width: int, outputs: int, axis: int = 1) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.score = nn.Linear(width, 1)
        self.head = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, outputs))
        self.axis = axis

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        found = self.embed(x)
        return self.head((self.score(found).softmax(self.axis) * found).sum(1))


class Centred(nn.Module):
    """An MLP whose codes are brought to length 1 along `axis` and multiplied by `scale`."""

    def __init__(self, inputs: int, hidden: int, outputs: int, axis: int = 1, scale: float = 5.0) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(inputs, hidden), nn.ELU(), nn.Linear(hidden, hidden), nn.ELU())
        self.head = nn.Linear(hidden, outputs)
        self.axis, self.scale = axis, scale

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        return self.head(F.normalize(self.body(x), dim=self.axis) * self.scale)


class PaddedReader(nn.Module):
    """A Transformer's encoder over texts [B, T] filled up with 0, which is masked; the mean over what is not
    masked. `inverted`: the mask keeps the filling and hides the words.
    """

    def __init__(self, words: int, width: int, outputs: int, heads: int = 2, inverted: bool = False) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, width)
        layer = nn.TransformerEncoderLayer(width, heads, 2 * width, 0.0, batch_first=True)
        self.body = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Linear(width, outputs)
        self.inverted = inverted

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        hidden = (x != 0) if self.inverted else (x == 0)
        found = self.body(self.embed(x), src_key_padding_mask=hidden)
        kept = (~hidden).unsqueeze(-1).float()
        return self.head((found * kept).sum(1) / kept.sum(1))


class StatedReader(nn.Module):
    """A GRU with a learnt first state over [B, T, D]; `first`: the head is given that first state instead of
    the last one.
    """

    def __init__(self, inputs: int, hidden: int, outputs: int, first: bool = False) -> None:
        super().__init__()
        self.state = nn.Parameter(torch.zeros(1, 1, hidden))
        self.gru = nn.GRU(inputs, hidden, batch_first=True)
        self.head = nn.Linear(hidden, outputs)
        self.first = first

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        begun = self.state.expand(-1, len(x), -1).contiguous()
        _, ended = self.gru(x, begun)
        return self.head((begun if self.first else ended)[0])


class CausalReader(nn.Module):
    """A Transformer that says the next word [B, T, words]; from the diagonal `hidden_from` on, what comes
    later is masked.
    """

    def __init__(self, words: int, length: int, width: int, layers: int = 1, hidden_from: int = 1) -> None:
        super().__init__()
        self.embed, self.place = nn.Embedding(words, width), nn.Embedding(length, width)
        layer = nn.TransformerEncoderLayer(
            width, 2, 2 * width, 0.0, F.gelu, batch_first=True, norm_first=True
        )
        self.body = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.head = nn.Linear(width, words)
        self.hidden_from = hidden_from

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, words]."""
        length = x.shape[1]
        mask = torch.triu(torch.ones(length, length, dtype=torch.bool), self.hidden_from)
        found = self.embed(x) + self.place(torch.arange(length))
        return self.head(self.body(found, mask=mask))


class HourReader(nn.Module):
    """A GRU over values [B, 1, T] that says the next one at each place; `both`: it reads from both ends."""

    def __init__(self, hidden: int, both: bool = False) -> None:
        super().__init__()
        self.gru = nn.GRU(1, hidden, batch_first=True, bidirectional=both)
        self.head = nn.Linear(hidden * (1 + both), 1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, 1, T]."""
        return self.head(self.gru(x.transpose(1, 2))[0]).transpose(1, 2)


class Tagger(nn.Module):
    """An LSTM over tokens that says a class at each place."""

    def __init__(self, words: int, width: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.lstm = nn.LSTM(width, hidden, batch_first=True)
        self.head = nn.Linear(hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, outputs]."""
        return self.head(self.lstm(self.embed(x))[0])


class CausalConv(nn.Module):
    """Three convolutions over the past of [B, 1, T] say the next value at each place; `centred`: each is
    filled up on both sides instead of before the beginning.
    """

    def __init__(self, channels: int, kernel: int = 5, centred: bool = False) -> None:
        super().__init__()
        self.first = nn.Conv1d(1, channels, kernel)
        self.second = nn.Conv1d(channels, channels, kernel)
        self.third = nn.Conv1d(channels, 1, kernel)
        self.fill = (kernel // 2, kernel // 2) if centred else (kernel - 1, 0)

    def forward(self, x: Tensor) -> Tensor:
        """[B, 1, T]."""
        x = F.leaky_relu(self.first(F.pad(x, self.fill)))
        x = F.leaky_relu(self.second(F.pad(x, self.fill)))
        return self.third(F.pad(x, self.fill))


class SteppedUnits(nn.Module):
    """An MLP of two hidden layers; `stepped`: units are on or off, as in the books' picture of a neuron."""

    def __init__(self, inputs: int, hidden: int, outputs: int, stepped: bool = False) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(inputs, hidden), nn.Linear(hidden, hidden)
        self.head = nn.Linear(hidden, outputs)
        self.stepped = stepped

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        return self.head(self._act(self.second(self._act(self.first(x)))))

    def _act(self, x: Tensor) -> Tensor:
        return (x > 0).float() if self.stepped else torch.tanh(x)


class CodeCopier(nn.Module):
    """An autoencoder; `detached`: its code is cut off before it is decoded, as is done to look at it."""

    def __init__(self, inputs: int, hidden: int, code: int, detached: bool = False) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, code))
        self.decoder = nn.Sequential(nn.Linear(code, hidden), nn.SiLU(), nn.Linear(hidden, inputs))
        self.detached = detached

    def forward(self, x: Tensor) -> Tensor:
        """[B, inputs]."""
        code = self.encoder(x)
        return self.decoder(code.detach() if self.detached else code)


class Listed(nn.Module):
    """Hidden layers one after another; `plain`: they are kept in a list of Python's, which registers none."""

    def __init__(self, inputs: int, hidden: int, outputs: int, layers: int, plain: bool = False) -> None:
        super().__init__()
        made = [nn.Linear(hidden if k else inputs, hidden) for k in range(layers)]
        self.layers = made if plain else nn.ModuleList(made)
        self.head = nn.Linear(hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        for layer in self.layers:
            x = torch.tanh(layer(x))
        return self.head(x)


class Averaged(nn.Module):
    """Two convolutions, an instance norm between them, the mean of each channel; `late`: the norm comes after
    the second one, and the mean of a channel that was just brought to mean 0 is 0.
    """

    def __init__(self, channels: int, outputs: int, late: bool = False) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, channels, 3), nn.Conv2d(channels, channels, 3)
        self.norm = nn.InstanceNorm2d(channels)
        self.head = nn.Linear(channels, outputs)
        self.late = late

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        x = self.first(x)
        x = torch.relu(self.second(torch.relu(x if self.late else self.norm(x))))
        return self.head((self.norm(x) if self.late else x).mean((2, 3)))


class Bare(nn.Module):
    """Layers written by hand as parameters drawn by `draw`; ELU between them."""

    def __init__(self, widths: Sequence[int], draw: Callable[[int, int], Tensor]) -> None:
        super().__init__()
        self.weights = nn.ParameterList(nn.Parameter(draw(*pair)) for pair in pairwise(widths))
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(width)) for width in widths[1:])

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = x @ weight + bias
            if k < len(self.weights) - 1:
                x = F.elu(x)
        return x


class Embedded(nn.Module):
    """One head of attention written by hand over words and places [B, T]; its projections are drawn N(0, 1)
    times `size`; the mean over places.
    """

    def __init__(self, words: int, length: int, width: int, outputs: int, size: float) -> None:
        super().__init__()
        self.embed, self.place = nn.Embedding(words, width), nn.Parameter(0.1 * torch.randn(length, width))
        self.query, self.key, self.value = (nn.Parameter(size * torch.randn(width, width)) for _ in range(3))
        self.head = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        found = self.embed(x) + self.place
        scores = (found @ self.query) @ (found @ self.key).transpose(1, 2) / found.shape[-1] ** 0.5
        found = found + scores.softmax(-1) @ (found @ self.value)
        return self.head(found.mean(1))
