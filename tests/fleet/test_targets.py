"""Several targets at once on torch: labels, and gaps that count nowhere."""

import numpy as np
import pytest
import torch
from tests.fleet.cases import same_members, table, train
from tests.oracles.fleet import train as naive

from profunda.errors import ArgumentError, DataError
from profunda.fleet import native_engine
from profunda.fleet.losses import TrainingLoss, validation_losses
from profunda.fleet.member import Member
from profunda.fleet.plan import plan
from profunda.fleet.roster import Roster
from profunda.fleet.shape import shape_of
from profunda.fleet.source import FleetData
from profunda.space.design import Design

ROWS = np.arange(36)
FOLDS = [(ROWS[ROWS % 3 != 0], ROWS[ROWS % 3 == 0])]


def several(*, labels: bool, gaps: float = 0.3, dtype: type = np.float64, seed: int = 0) -> FleetData:
    """Learnable targets, of which a share is missing."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(36, 4))
    y = np.tanh(x @ rng.normal(size=(4, 3))) + 0.3 * rng.normal(size=(36, 3))
    y = (y > (0.0, 0.4, 0.9)).astype(dtype) if labels else y.astype(dtype)
    y[rng.random(y.shape) < gaps] = np.nan
    return FleetData.from_arrays(x.astype(dtype), y, folds=FOLDS, classes=False, labels=labels)


def design(**fields: object) -> Design:
    usual = {"widths": (8,), "activation": "tanh", "lr": 5e-3, "batch_size": 10, "epochs": 2}
    return Design(**usual | fields)


PATHS = {
    "stacked": {"dropout": 0.2, "l2": 1e-2},
    "smooth": {"label_smoothing": 0.2, "loss": "huber"},
    "linear": {"widths": (), "optimiser": "sgd"},
    "single rows": {"batch_size": 1},
    "general": {"parametric": True, "label_smoothing": 0.1},
    "mixed": {"mixup": 0.4, "loss": "huber"},
    "attacked": {"adversarial": 0.1},
}


@pytest.mark.parametrize("labels", [True, False])
@pytest.mark.parametrize("gaps", [0.0, 0.4])
@pytest.mark.parametrize("path", PATHS)
def test_training_agrees_with_autograd(path: str, gaps: float, labels: bool) -> None:
    data, member = several(labels=labels, gaps=gaps), Member(design(**PATHS[path]), 0, 1)
    (state,) = train([member], data, dtype="float64").states
    twin = naive(member, data)
    np.testing.assert_allclose(state.params, twin.params[-1], rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(state.train_loss, twin.train_loss, rtol=1e-9)
    np.testing.assert_allclose(state.valid_loss, twin.valid_loss, rtol=1e-9)


def test_control_a_gap_taken_for_a_zero_disagrees() -> None:
    data, member = several(labels=True), Member(design(), 0, 1)
    (state,) = train([member], data, dtype="float64").states
    y = np.nan_to_num(data.source(member).y)
    filled = FleetData.from_arrays(data.source(member).x, y, folds=FOLDS, classes=False, labels=True)
    assert np.abs(state.params - naive(member, filled).params[-1]).max() > 1e-3


@pytest.mark.parametrize("labels", [True, False])
@pytest.mark.parametrize("gaps", [0.0, 0.3])
def test_a_member_is_itself_in_any_company(labels: bool, gaps: float) -> None:
    data = several(labels=labels, gaps=gaps, dtype=np.float32)
    fields = [{"dropout": 0.3}, {"label_smoothing": 0.1}, {"loss": "huber"}, {"lr": 1e6, "optimiser": "sgd"}]
    members = [Member(design(**one), 0, k) for k, one in enumerate(fields * 3)]
    together = train(members, data)
    order = np.random.default_rng(0).permutation(len(members))
    shuffled = train([members[i] for i in order], data)
    for place, i in enumerate(order.tolist()):
        alone = train([members[i]], data)
        assert same_members(alone, type(alone)((together.states[i],), False)) == [True]
        assert same_members(alone, type(alone)((shuffled.states[place],), False)) == [True]


@pytest.mark.parametrize("labels", [True, False])
def test_what_stands_in_a_gap_changes_neither_loss_nor_gradient(labels: bool) -> None:
    data, member = several(labels=labels), Member(design(), 0, 1)
    shape, roster = shape_of(member, data), Roster((member, member))
    rng = torch.Generator().manual_seed(0)
    logits, target = torch.randn(2, 3, 16, generator=rng), torch.rand(2, 3, 16, generator=rng).round()
    share = (torch.rand(2, 3, 16, generator=rng) > 0.4) * 1.5
    other = torch.where(share > 0, target, 1.0 - target)
    found = []
    for values in (target, other):
        loss = TrainingLoss(roster, shape, logits)
        slope = loss.derivative(logits, values, None, share).clone()
        found.append((slope, loss.take(), validation_losses(logits, values, shape, share)))
    assert all(torch.equal(*pair) for pair in zip(*found, strict=True))
    loss = TrainingLoss(roster, shape, logits)
    assert not torch.equal(
        found[0][0], loss.derivative(logits, 1.0 - target, None, share)
    )  # negative control


def test_a_step_without_a_label_of_a_target_is_well_defined() -> None:
    data = several(labels=False, gaps=0.0)
    source = data.source(Member(design()))
    y = source.y.copy()
    y[source.train[2:], 1] = np.nan  # most batches hold none of it
    y[source.train[5], :] = np.nan
    sparse = FleetData.from_arrays(source.x, y, folds=FOLDS, classes=False)
    (state,) = train([Member(design(batch_size=4, epochs=5))], sparse, dtype="float64").states
    assert np.isfinite(state.params).all()
    assert state.train_loss[-1] < state.train_loss[0]


def test_a_row_with_few_targets_weighs_as_much_as_another() -> None:
    x, y = np.ones((4, 1), np.float64), np.array([[1.0, 1.0, 1.0], [2.0, np.nan, np.nan]] * 2)
    data = FleetData.from_arrays(x, y, folds=[(np.arange(4), np.arange(4))], classes=False)
    member = Member(Design(widths=(), epochs=1, lr=1e-12, initialisation="lecun"))
    (state,) = train([member], data, dtype="float64").states
    w, b = state.params[:3], state.params[3:]
    miss = (w + b - np.array([1.0, 1.0, 1.0])) ** 2, (w + b - 2.0) ** 2
    assert state.valid_loss[0] == pytest.approx((miss[0].sum() + 3 * miss[1][0]) / 2, rel=1e-6)


def test_plans_send_them_to_torch_and_say_why() -> None:
    members = [Member(design())]
    for data, kind in (
        (several(labels=True), "missing targets and several labels"),
        (several(labels=False), "missing targets"),
        (several(labels=True, gaps=0.0), "several labels"),
    ):
        made = plan(members, data)
        assert [pack.engine for pack in made.packs] == ["torch"]
        if native_engine.available():
            assert any(f"that no other engine knows: the data have {kind}." in text for text in made.reasons)
            with pytest.raises(
                ArgumentError, match=r"engine = 'native' does not know .* which these data have"
            ):
                plan(members, data, engine="native")


@pytest.mark.skipif(not native_engine.available(), reason="the native engine is not installed")
def test_several_numbers_without_a_gap_train_on_either_engine() -> None:
    data, members = several(labels=False, gaps=0.0, dtype=np.float32), [Member(design())]
    (native,), (torched,) = train(members, data, engine="native").states, train(members, data).states
    np.testing.assert_allclose(native.params, torched.params, rtol=1e-3, atol=1e-5)


def test_data_that_contradict_themselves_are_refused() -> None:
    data = table(classes=False)
    source = data.source(Member(design()))
    with pytest.raises(DataError, match="labels are 0 and 1, NaN where missing, but the targets run from"):
        FleetData.from_arrays(source.x, source.y, folds=FOLDS, classes=False, labels=True)
    with pytest.raises(DataError, match="None of the 24 training rows has a target"):
        FleetData.from_arrays(source.x[:36], np.full((36, 2), np.nan), folds=FOLDS, classes=False)
