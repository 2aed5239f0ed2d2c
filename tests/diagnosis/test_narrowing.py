"""Networks of a quarter of the width, and what is told of one that needs no more."""

import pytest
import torch
from tests.oracles import diagnosis_surveys as naive
from torch import Tensor, nn

import profunda
from profunda.diagnosis.copying import undisturbed
from profunda.diagnosis.feeding import feed_of
from profunda.diagnosis.givens import Anatomy
from profunda.diagnosis.ingredients import Parts
from profunda.diagnosis.narrowing import narrower
from profunda.diagnosis.widening import of_widths
from profunda.errors import ArgumentError


class Dense(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.out = nn.Linear(6, 64), nn.Linear(64, 32, bias=False), nn.Linear(32, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.relu(self.two(torch.relu(self.one(x)))))


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.RNNBase], **options: object) -> None:
        super().__init__()
        self.words = nn.Embedding(9, 8)
        self.cell = kind(8, 64, batch_first=True, **options)  # type: ignore[arg-type]
        self.out = nn.Linear(128 if options.get("bidirectional") else 64, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.cell(self.words(x))[0][:, -1])


class Images(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.Conv2d(16, 32, 3)
        self.out = nn.Linear(32 * 4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.relu(self.two(torch.relu(self.one(x)))).flatten(1))


ROWS, TOKENS = torch.ones(5, 6), torch.ones(5, 7, dtype=torch.long)
NETWORKS: dict[str, tuple[nn.Module, Tensor, int]] = {
    "dense": (Dense(), ROWS, 7 * 16 + 16 * 8 + 9 * 3),
    "chain": (
        nn.Sequential(nn.Linear(6, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 3)),
        ROWS,
        7 * 16 + 32 + 17 * 3,
    ),
    "rnn": (
        Recurrent(nn.RNN, nonlinearity="relu"),
        TOKENS,
        72 + 16 * (8 + 16 + 2) + 34,
    ),
    "lstm": (
        Recurrent(nn.LSTM, num_layers=2, bidirectional=True),
        TOKENS,
        72 + 128 * (8 + 16 + 2) + 128 * (32 + 16 + 2) + 66,
    ),
    "gru": (Recurrent(nn.GRU), TOKENS, 72 + 48 * (8 + 16 + 2) + 34),
    "images": (Images(), torch.ones(5, 1, 8, 8), 40 + 8 * (4 * 9 + 1) + 2 * (8 * 4 + 1)),
}


def narrowed(module: nn.Module, x: Tensor) -> nn.Module:
    with undisturbed(module):
        return of_widths(module, feed_of((x,), torch.zeros(len(x))), 0.25)


@pytest.mark.parametrize("name", NETWORKS)
def test_chains_of_layers_get_a_quarter_of_the_width(name: str) -> None:
    module, x, numbers = NETWORKS[name]
    before = naive.fingerprint(module, x, x)
    small = narrowed(module, x)
    assert naive.fingerprint(module, x, x) == before
    assert small(x).shape == module(x).shape
    assert sum(each.numel() for each in small.parameters()) == numbers
    assert all(each.requires_grad for each in small.parameters())


def test_weights_are_as_large_for_their_inputs_as_they_were() -> None:
    module = Dense()
    nn.init.normal_(module.two.weight, 0.0, 3.0 / 8.0)
    nn.init.constant_(module.one.bias, 0.5)
    small = narrowed(module, ROWS)
    assert float(small.get_parameter("two.weight").detach().std()) == pytest.approx(3.0 / 4.0, rel=0.25)
    assert bool((small.get_parameter("one.bias") == 0.5).all())


def test_each_gate_keeps_its_bias() -> None:
    module = Recurrent(nn.LSTM)
    with torch.no_grad():
        for name, each in module.cell.named_parameters():
            if name.startswith("bias"):
                each.zero_()[64:128] = 1.0  # the gate that forgets
    bias = narrowed(module, TOKENS).get_parameter("cell.bias_ih_l0").detach()
    assert bias.reshape(4, 16)[:, 0].tolist() == [0.0, 1.0, 0.0, 0.0]
    assert bool((bias.reshape(4, 16).std(1) == 0.0).all())


def test_what_is_no_chain_of_such_layers_is_not_narrowed() -> None:
    class Padded(Dense):
        def __init__(self) -> None:
            super().__init__()
            self.two = nn.Linear(70, 32)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(torch.relu(self.two(nn.functional.pad(torch.relu(self.one(x)), (0, 6)))))

    with pytest.raises(ArgumentError, match="widths of Padded cannot be changed from outside"):
        narrowed(Padded(), ROWS)
    parts = Parts(Dense(), nn.CrossEntropyLoss(), lambda own: torch.optim.SGD(own.parameters(), lr=0.1), 5)
    rows = (ROWS,), torch.zeros(5, dtype=torch.long)
    with pytest.raises(ArgumentError, match="Dense is no chain of layers that could be narrowed"):
        narrower(parts, Anatomy(why="it was not traced"), Dense(), rows, rows, steps=1, task=None)


@pytest.mark.parametrize(("width", "wanted"), [(1024, True), (256, False)])
def test_a_network_that_needs_no_such_width(width: int, wanted: bool) -> None:
    drawn = torch.Generator().manual_seed(0)
    x = torch.randn(160, 6, generator=drawn)
    y = x[:, :1] - x[:, 1:2]
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(6, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1)
    )
    found = profunda.diagnose(
        model, (x[:80], y[:80]), nn.MSELoss(), validation=(x[80:], y[80:]), epochs=20, batch_size=16
    )
    assert [(one.code, one.severity) for one in found.findings] == [("too-large", "hint")] * wanted
    assert (found.record.narrower is not None) == wanted
