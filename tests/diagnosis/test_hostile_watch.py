"""Modules of unusual habits are watched and diagnosed like others."""

import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import profunda
from profunda.diagnosis.anatomy import anatomy_of
from profunda.diagnosis.batches import Batch
from profunda.diagnosis.carrying import matters
from profunda.diagnosis.reaching import reach_of
from profunda.diagnosis.slopes import MOST, bend_of
from profunda.diagnosis.watching import Watch


class Graph(nn.Module):
    """Sums rows of neighbours by a sparse matrix that it keeps."""

    def __init__(self) -> None:
        super().__init__()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.neighbours = torch.eye(32).to_sparse()
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.neighbours @ x)


class Attending(nn.MultiheadAttention):
    """Keeps a module where its parent keeps a number."""

    def __init__(self) -> None:
        super().__init__(8, 2, batch_first=True)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return self.dropout(F.linear(x, self.in_proj_weight))[..., :8]


class Masked(nn.Module):
    """Keeps what it made, and gives a mask first."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.state = nn.Linear(4, 4), torch.zeros(1, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        self.state = self.enter(x).detach().mean(0, keepdim=True)
        return x[:, 0] > self.state[:, 0], self.enter(x)


def steps(net: nn.Module, optimizer: torch.optim.Optimizer, act) -> Watch:
    rows = torch.randn(32, 4, generator=torch.Generator().manual_seed(0))
    with profunda.watch(net, optimizer, F.cross_entropy) as w:
        for step in range(8):
            optimizer.zero_grad()
            w.loss(net(rows), torch.zeros(32, dtype=torch.long)).backward()
            optimizer.step()
            act(step)
    return w


def test_sparse_tensors_that_a_module_keeps_end_no_watch() -> None:
    net = Graph()
    w = steps(net, torch.optim.SGD(net.parameters(), 0.1), lambda step: None)
    assert not w.notes
    assert w.course().steps == 8


def test_units_that_are_cut_off_between_steps_end_no_watch() -> None:
    net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))

    def prune(step: int) -> None:
        if step == 4:
            first, last = net[0], net[2]
            for part in (first.weight, first.bias):
                part.data, part.grad = part.data[:12].clone(), None
            last.weight.data, last.weight.grad = last.weight.data[:, :12].clone(), None

    w = steps(net, torch.optim.SGD(net.parameters(), 0.1), prune)
    assert not w.notes
    assert w.course().steps == 8


def test_a_module_where_a_rate_is_expected_is_no_rate() -> None:
    assert not anatomy_of(Attending(), (torch.randn(3, 5, 8),)).why


def test_truths_that_do_not_depend_on_the_pass_before_are_compared() -> None:
    assert not matters(Masked(), Batch((torch.randn(8, 4),), (), None, 8))


def test_asking_whether_a_state_matters_draws_nothing() -> None:
    net, rows = Masked(), torch.randn(8, 4)
    before = torch.get_rng_state()
    matters(net, Batch((rows,), (), None, 8))
    assert torch.equal(before, torch.get_rng_state())


def test_slopes_of_many_numbers_are_told_from_some() -> None:
    x = torch.randn(64, 40 * MOST // 64, generator=torch.Generator().manual_seed(0))
    seen = bend_of(x, x.relu())
    assert seen is not None
    assert abs(seen.slope - 0.5**0.5) < 0.02
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert bend_of(x.to_sparse(), x.relu()) is None


class Counts(nn.Module):
    """Remembers the most rows it was given."""

    def __init__(self, least: int = 0) -> None:
        super().__init__()
        self.enter, self.least, self.rows = nn.Linear(4, 3), least, 0

    def forward(self, x: Tensor) -> Tensor:
        assert len(x) >= self.least
        self.rows = max(self.rows, len(x))
        return self.enter(x).sigmoid()


@pytest.mark.parametrize(("least", "rows"), [(0, 32), (64, 512)])
def test_few_rows_are_sent_through_where_so_few_will_do(least: int, rows: int) -> None:
    net = Counts(least)
    assert reach_of(net, net.enter, (torch.randn(512, 4),)) == pytest.approx((0.0, 1.0))
    assert net.rows == rows
