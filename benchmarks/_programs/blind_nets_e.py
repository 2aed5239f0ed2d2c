"""Networks of the programs of loops and steps, written as courses write them."""

import torch
from torch import Tensor, nn

__all__ = [
    "Answerer",
    "Autoencoder",
    "ConvNet",
    "Deep",
    "Forecaster",
    "Frozen",
    "Listed",
    "Mlp",
    "NormedOutput",
    "Signal",
    "TextLSTM",
    "Words",
]


class Mlp(nn.Module):
    """Linear layers with ReLU; batch norm and dropout where wanted."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *hidden: int,
        drop: float = 0.0,
        norm: bool = False,
        order: str = "nad",
        momentum: float = 0.1,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Flatten()]
        width = inputs
        for units in hidden:
            layers.append(nn.Linear(width, units))
            made = {"n": nn.BatchNorm1d(units, momentum=momentum), "a": nn.ReLU(), "d": nn.Dropout(drop)}
            wanted = [part for part in order if part == "a" or (norm if part == "n" else drop > 0)]
            layers += [made[part] for part in wanted]
            width = units
        self.layers = nn.Sequential(*layers)
        self.out = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        return self.out(self.layers(x))


class ConvNet(nn.Module):
    """Two blocks of convolution and pooling, then two linear layers."""

    def __init__(
        self,
        channels: int,
        size: int,
        classes: int,
        filters: int = 8,
        norm: bool = False,
        momentum: float = 0.1,
        drop: float = 0.0,
        hidden: int = 32,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(filters, momentum=momentum) if norm else nn.Identity()
        self.conv2 = nn.Conv2d(filters, 2 * filters, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(2 * filters, momentum=momentum) if norm else nn.Identity()
        self.pool = nn.MaxPool2d(2)
        self.drop = nn.Dropout(drop)
        self.fc1 = nn.Linear(2 * filters * (size // 4) ** 2, hidden)
        self.fc2 = nn.Linear(hidden, classes)

    def features(self, x: Tensor) -> Tensor:
        """What the convolutions see, flat."""
        x = self.pool(torch.relu(self.bn1(self.conv1(x))))
        return self.pool(torch.relu(self.bn2(self.conv2(x)))).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, classes]."""
        return self.fc2(self.drop(torch.relu(self.fc1(self.features(x)))))


class Frozen(ConvNet):
    """The convolutions under `no_grad`, as where features are only extracted."""

    def features(self, x: Tensor) -> Tensor:
        """As before, without gradients."""
        with torch.no_grad():
            return super().features(x)


class Deep(nn.Module):
    """Many convolutions of one width, with or without batch norms; the mean over the picture, a head."""

    def __init__(
        self,
        channels: int,
        classes: int,
        depth: int = 12,
        filters: int = 12,
        norm: bool = True,
        momentum: float = 0.1,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        for _ in range(depth):
            layers.append(nn.Conv2d(filters, filters, 3, padding=1))
            layers += [nn.BatchNorm2d(filters, momentum=momentum)] if norm else []
            layers.append(nn.ReLU())
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.head = nn.Linear(4 * filters, classes)

    def forward(self, x: Tensor) -> Tensor:
        """[B, classes]."""
        return self.head(self.body(x))


class Signal(nn.Module):
    """Convolutions along time over [B, T, C], the mean over time, a linear layer."""

    def __init__(
        self,
        channels: int,
        classes: int,
        filters: int = 16,
        norm: bool = False,
        momentum: float = 0.1,
        drop: float = 0.0,
    ) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(channels, filters, 5, padding=2),
            nn.BatchNorm1d(filters, momentum=momentum) if norm else nn.Identity(),
            nn.ReLU(),
            nn.Conv1d(filters, 2 * filters, 5, padding=2),
            nn.BatchNorm1d(2 * filters, momentum=momentum) if norm else nn.Identity(),
            nn.ReLU(),
        )
        self.drop = nn.Dropout(drop)
        self.out = nn.Linear(2 * filters, classes)

    def forward(self, x: Tensor) -> Tensor:
        """[B, classes]."""
        return self.out(self.drop(self.body(x.transpose(1, 2)).mean(2)))


class Forecaster(nn.Module):
    """A GRU or LSTM over [B, T, C]; a linear layer says the values from its last state."""

    def __init__(
        self, inputs: int, hidden: int, outputs: int, cell: type[nn.GRU] | type[nn.LSTM] = nn.GRU
    ) -> None:
        super().__init__()
        self.rnn = cell(inputs, hidden, batch_first=True)
        self.out = nn.Linear(hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        states, _ = self.rnn(x)
        return self.out(states[:, -1])


class TextLSTM(nn.Module):
    """Embedding, LSTM and a linear layer on the mean of the states, or at each place."""

    def __init__(
        self,
        words: int,
        classes: int,
        width: int = 16,
        hidden: int = 24,
        drop: float = 0.0,
        each: bool = False,
        both: bool = False,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, width)
        self.lstm = nn.LSTM(width, hidden, batch_first=True, bidirectional=both)
        self.dropout = nn.Dropout(drop)
        self.fc = nn.Linear(2 * hidden if both else hidden, classes)
        self.each = each

    def forward(self, x: Tensor) -> Tensor:
        """[B, classes], or [B, T, classes] at each."""
        states, _ = self.lstm(self.dropout(self.embedding(x)))
        return self.fc(self.dropout(states if self.each else states.mean(1)))


class Words(nn.Module):
    """A Transformer's encoder over words with learnt places; from the mean, or at each place (causal)."""

    def __init__(
        self,
        words: int,
        classes: int,
        length: int,
        width: int = 24,
        layers: int = 1,
        drop: float = 0.0,
        each: bool = False,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, width)
        self.places = nn.Parameter(0.02 * torch.randn(length, width))
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, drop, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.fc = nn.Linear(width, classes)
        self.each = each

    def forward(self, x: Tensor) -> Tensor:
        """[B, classes], or [B, T, classes] at each."""
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1]) if self.each else None
        states = self.encoder(self.embedding(x) + self.places, mask=mask, is_causal=self.each)
        return self.fc(states if self.each else states.mean(1))


class Answerer(nn.Module):
    """An encoder GRU reads the notes; a decoder GRU, begun with its last state, says the answer."""

    def __init__(self, notes: int, hidden: int, detach: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(notes, 12)
        self.encoder = nn.GRU(12, hidden, batch_first=True)
        self.decoder = nn.GRUCell(12, hidden)
        self.start = nn.Parameter(torch.zeros(12))
        self.fc = nn.Linear(hidden, notes)
        self.detach = detach

    def forward(self, x: Tensor) -> Tensor:
        """[B, notes]."""
        _, state = self.encoder(self.embedding(x))
        state = state[0].detach() if self.detach else state[0]
        return self.fc(self.decoder(self.start.expand(len(x), -1), state))


class Autoencoder(nn.Module):
    """Down to a few numbers and back to what came, from 0 to 1."""

    def __init__(self, inputs: int, hidden: int, code: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, code))
        self.decoder = nn.Sequential(
            nn.Linear(code, hidden), nn.ReLU(), nn.Linear(hidden, inputs), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, inputs]."""
        return self.decoder(self.encoder(x))


class Listed(nn.Module):
    """Hidden layers kept in a plain list: `parameters()` does not know them; or in a `ModuleList`."""

    def __init__(
        self, inputs: int, outputs: int, width: int = 32, depth: int = 3, plain: bool = False
    ) -> None:
        super().__init__()
        layers = [nn.Linear(width if k else inputs, width) for k in range(depth)]
        self.hidden = layers if plain else nn.ModuleList(layers)
        self.out = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        for layer in self.hidden:
            x = torch.tanh(layer(x))
        return self.out(x)


class NormedOutput(nn.Module):
    """An MLP whose single output passes through a layer norm, or not."""

    def __init__(self, inputs: int, hidden: int, norm: bool) -> None:
        super().__init__()
        self.fc1 = nn.Linear(inputs, hidden)
        self.norm1 = nn.LayerNorm(hidden)
        self.fc2 = nn.Linear(hidden, 1)
        self.norm2 = nn.LayerNorm(1) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """[B, 1]."""
        return self.norm2(self.fc2(torch.relu(self.norm1(self.fc1(x)))))
