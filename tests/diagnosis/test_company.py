"""Norms over groups of a few rows are told by what a row's neighbours do to it, whatever wrote them."""

import pytest
import torch
from tests.oracles import diagnosis_tables as made
from torch import Tensor, nn

from profunda.diagnosis.anatomy import anatomy_of
from profunda.diagnosis.finding import Finding
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.normalisation import RULES
from profunda.diagnosis.surveys import survey

TINY = {rule.code: rule for rule in RULES}["norm-of-tiny-batches"]
DRAW = torch.Generator().manual_seed(3)
X, Y = torch.randn(64, 6, generator=DRAW), torch.randn(64, 1, generator=DRAW)


class Parted(nn.Module):
    """Batch norm over parts of `rows`; `apart`: of rows that lie far from each other."""

    def __init__(self, rows: int, apart: bool = False) -> None:
        super().__init__()
        self.norm, self.rows, self.apart = nn.BatchNorm1d(8), rows, apart

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return self.norm(x)
        if self.apart and len(x) % self.rows == 0:
            return torch.stack([self.norm(one) for one in x.reshape(self.rows, -1, 8).unbind(1)], 1).flatten(
                0, 1
            )
        return torch.cat([self.norm(one) if len(one) > 1 else one for one in x.split(self.rows)])


class ByHand(nn.Module):
    """Means and variances of `rows` neighbours, in training alone."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.rows = rows

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        groups = x.reshape(-1, self.rows, 8)
        return ((groups - groups.mean(1, keepdim=True)) / (groups.std(1, keepdim=True) + 0.1)).reshape(-1, 8)


class Mixed(nn.Module):
    """Each row with a tenth of another, drawn anew, in training alone."""

    def forward(self, x: Tensor) -> Tensor:
        return 0.9 * x + 0.1 * x[torch.randperm(len(x))] if self.training else x


def looked(inner: nn.Module) -> Record:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 8), inner, nn.ReLU(), nn.Linear(8, 1))
    anatomy = anatomy_of(net, (X[:8],))
    first = survey(net, anatomy, (X,), Y, nn.MSELoss(), step=0)
    return made.record(anatomy=anatomy, surveys=(first,))


@pytest.mark.parametrize(
    ("inner", "rows"),
    [
        (Parted(2), 2),
        (Parted(4), 4),
        (Parted(2, apart=True), 2),
        (ByHand(2), 2),
        (Parted(16), 0),
        (ByHand(8), 0),
        (nn.BatchNorm1d(8), 0),
        (nn.LayerNorm(8), 0),
        (nn.Dropout(0.5), 0),
        (Mixed(), 0),
        (nn.Identity(), 0),
    ],
)
def test_groups_of_a_few_rows_are_told_from_the_first_step_on(inner: nn.Module, rows: int) -> None:
    record = looked(inner)
    told = [one for one in TINY(record) if isinstance(one, Finding)] if rows else TINY(record)
    if rows:
        assert [(one.severity, one.evidence[0].value) for one in told] == [("hint", rows)]  # type: ignore[union-attr]
    else:
        assert not isinstance(told, tuple)
