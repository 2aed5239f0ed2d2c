"""Training that leaves the tangent kernel where it is, and what it is told from."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.oracles.diagnosis_rules import EPOCHS, became, healthy, looped
from torch import Tensor, nn

import profunda
from profunda.diagnosis.anatomy import anatomy_of
from profunda.diagnosis.judging import judge
from profunda.diagnosis.record import Kernel, Record
from profunda.diagnosis.rules.all import RULES


def told(record: Record) -> list[str]:
    return [one.code for one in judge(record, RULES).findings]


def fitted(drift: float, moved: float, least: float, last: float) -> Record:
    """Rows learnt by heart; the validation loss was `least` at some epoch and is `last`, the constant's 1."""
    record = replace(healthy(), kernel=Kernel(drift, moved))
    valid = np.append(np.full(EPOCHS // 4, least), np.linspace(least, last, EPOCHS - EPOCHS // 4))
    record = looped(record, valid_loss=valid, train_loss=np.linspace(0.9, 0.01, EPOCHS))
    return became(record, train_loss=0.01, train_score=1.0, valid_loss=last, valid_score=0.5)


@pytest.mark.parametrize("moved", [1e-3, 0.05])
def test_a_kernel_that_stands_still_is_why_rows_are_learnt_by_heart_from_the_start(moved: float) -> None:
    assert told(fitted(1e-3, moved, 0.98, 1.5)) == ["lazy"]
    assert told(fitted(1e-3, moved, 0.98, 0.98)) == ["lazy"]
    assert "lazy" not in told(fitted(0.2, moved, 0.98, 1.5))  # features that were learnt
    assert "lazy" not in told(fitted(1e-3, 3.0, 0.98, 1.5))  # a linear one moves, its kernel does not


def test_what_an_earlier_epoch_knew_was_overfitted_and_not_lazy() -> None:
    assert told(fitted(1e-3, 0.02, 0.4, 1.5)) == ["overfitting"]


class Centred(nn.Module):
    """α(f − f₀)."""

    def __init__(self, factor: float, kept: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
        self.first = copy.deepcopy(self.net).requires_grad_(kept == "no gradient")
        self.factor, self.kept = factor, kept

    def forward(self, x: Tensor) -> Tensor:
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.kept != "no gradient"):
            first = self.first(x)
        return self.factor * (self.net(x) - first)


@pytest.mark.parametrize("kept", ["frozen", "no gradient"])
def test_first_weights_that_are_kept_are_no_layers_that_do_not_train(kept: str) -> None:
    found = anatomy_of(Centred(1.0, kept), (torch.ones(4, 12),))
    assert found.references == ("first.0", "first.2", "first.4")
    assert found.frozen == ()
    other = Centred(1.0, kept)
    nn.init.normal_(other.first.get_parameter("0.weight"))
    assert anatomy_of(other, (torch.ones(4, 12),)).references == ("first.2", "first.4")


@pytest.mark.parametrize(("factor", "wanted"), [(100.0, True), (1.0, False)])
def test_large_outputs_make_a_network_lazy(factor: float, wanted: bool) -> None:
    """Chizat et al. 2019: of α(f − f₀), with a rate of 1/α², the kernel turns by 1/α²."""
    drawn = torch.Generator().manual_seed(0)
    x = (torch.rand(500, 12, generator=drawn) > 0.5).float() * 2.0 - 1.0
    y = x[:, 0] * x[:, 1] * x[:, 2]
    model = Centred(factor, "frozen")
    found = profunda.diagnose(
        model,
        (x[:250], y[:250, None]),
        nn.MSELoss(),
        optimizer=torch.optim.SGD(model.net.parameters(), lr=0.1 / factor**2, momentum=0.9),
        validation=(x[250:], y[250:, None]),
        epochs=30,
    )
    codes = [one.code for one in found.findings]
    assert ("lazy" in codes) == wanted
    assert "part-unused" not in codes
