"""States that go on from batch to batch."""

import pytest
import torch
from tests.oracles.diagnosis_rules import failed, healthy, looped
from torch import Tensor, nn
from torch.nn import functional as F

from profunda.diagnosis.carrying import is_shuffled
from profunda.diagnosis.diagnosis import Diagnosis
from profunda.diagnosis.rules.coverage import carried_over
from profunda.diagnosis.watching import Watch

X = torch.randn(160, 6, 1, generator=torch.Generator().manual_seed(0))
Y = X.sum(1)


class Recurrent(nn.Module):
    """Keeps the state of its last pass, and begins with it where it is told to `go_on`."""

    def __init__(self, go_on: bool) -> None:
        super().__init__()
        self.go_on = go_on
        self.inner, self.head = nn.GRU(1, 8, batch_first=True), nn.Linear(8, 1)
        self.state: Tensor | None = None

    def forward(self, x: Tensor, given: Tensor | None = None) -> tuple[Tensor, Tensor] | Tensor:
        begun = given if not self.go_on else self.state
        made, state = self.inner(x, begun)
        self.state = state.detach()
        return self.head(made[:, -1]) if self.go_on or given is None else (self.head(made[:, -1]), state)


def trained(model: Recurrent, order: Tensor, reset: bool = False, hand: bool = False) -> Diagnosis:
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    state = torch.zeros(1, 20, 8)
    w = Watch(model, optimizer, F.mse_loss, data=(X, Y), hurried=False)
    with w:
        for rows in order.split(20):
            optimizer.zero_grad()
            if reset:
                model.state = None
            if hand:
                made, left = model(X[rows], state)
                state = left.detach()
            else:
                made = model(X[rows])
            w.loss(made, Y[rows]).backward()
            optimizer.step()
    return w.diagnosis()


def share(found: Diagnosis) -> float:
    assert found.record.course is not None
    return found.record.course.carried


MIXED = torch.randperm(160, generator=torch.Generator().manual_seed(1))


def test_a_state_that_goes_to_strangers_is_seen() -> None:
    assert share(trained(Recurrent(True), MIXED)) == 1.0
    assert share(trained(Recurrent(False), MIXED, hand=True)) == 1.0


def test_a_state_that_is_reset_or_only_looked_at_or_goes_on_in_order_is_none() -> None:
    assert share(trained(Recurrent(True), MIXED, reset=True)) == 0.0
    assert share(trained(Recurrent(False), MIXED)) == 0.0
    assert share(trained(Recurrent(True), torch.arange(160))) == 0.0


def test_an_order_goes_on_where_most_rows_follow_those_before() -> None:
    given = [bytes([at]) for at in range(100)]
    streams = [[given[k * 10 + at] for k in range(10)] for at in range(10)]
    assert not is_shuffled(streams, given)
    mixed = torch.randperm(100, generator=torch.Generator().manual_seed(0)).reshape(10, 10).tolist()
    assert is_shuffled([[given[at] for at in part] for part in mixed], given)
    assert not is_shuffled([[b"other"]] * 3, given)


@pytest.mark.parametrize(("carried", "wanted"), [(0.5, ["hint"]), (0.4, [])])
def test_half_of_the_passes_are_what_a_loop_does(carried: float, wanted: list[str]) -> None:
    record = looped(healthy(), carried=carried)
    assert [one.severity for one in carried_over(record)] == wanted
    assert [one.severity for one in carried_over(failed(record))] == []  # `failed` makes a course of its own
    assert [one.severity for one in carried_over(looped(failed(record), carried=1.0))] == ["fault"]
