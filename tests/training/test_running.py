"""`train`: order, equality with a solo network, and clear refusals."""

import numpy as np
import pytest

from profunda.errors import ArgumentError
from profunda.fleet.native_engine import available
from profunda.fleet.source import FleetData
from profunda.space.design import Design
from profunda.training.running import train

ENGINES = ["torch", "native"] if available() else ["torch"]
SMALL = Design(widths=(8,), epochs=3, batch_size=16)


def made(rows: int = 90) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(rows, 4))
    return x, np.where(x[:, 0] > 0, "yes", "no")


def test_members_come_in_the_order_designs_folds_seeds() -> None:
    wide = Design(widths=(16,), epochs=3, batch_size=16)
    history = train([SMALL, wide], made(), folds=3, seeds=2)
    assert len(history) == 12
    assert [m.design for m in history.members] == [SMALL] * 6 + [wide] * 6
    assert [m.fold for m in history.members[:6]] == [0, 0, 1, 1, 2, 2]
    assert all(curve.epochs == 3 for curve in history.curves)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_member_of_a_fleet_is_the_solo_network(workers: int, engine: str) -> None:
    designs = [
        Design(widths=(8,), epochs=3, batch_size=16, dropout=0.1 * k, lr=1e-3 * (k + 1)) for k in range(5)
    ]
    fleet = train(designs, made(), folds=3, workers=workers, engine=engine)
    for place, design in enumerate(designs):
        solo = train(design, made(), folds=3, workers=1, engine=engine)
        for fold in range(3):
            assert np.array_equal(solo.curves[fold].valid_loss, fleet.curves[3 * place + fold].valid_loss)


def test_another_seed_is_another_network() -> None:
    """Negative control of the equality above."""
    one, other = train(SMALL, made(), folds=3), train(SMALL, made(), folds=3, seed=1)
    assert not np.array_equal(one.curves[0].valid_loss, other.curves[0].valid_loss)


def test_epochs_replace_the_designs_own() -> None:
    assert train(SMALL, made(), epochs=2).curves[0].epochs == 2


def test_fleet_data_bring_their_own_folds() -> None:
    x, y = made()
    rows = np.arange(90)
    data = FleetData.from_arrays(
        x.astype(np.float32), (y == "yes").astype(int), folds=[(rows[:60], rows[60:])], classes=True
    )
    assert len(train(SMALL, data, seeds=3)) == 3


@pytest.mark.parametrize("engine", ENGINES)
def test_float64_agrees_with_float32(engine: str) -> None:
    single, double = (train(SMALL, made(), dtype=dtype, engine=engine) for dtype in ("float32", "float64"))
    assert np.allclose(single.curves[0].train_loss, double.curves[0].train_loss, rtol=1e-4)


def test_an_unknown_engine_is_told() -> None:
    with pytest.raises(ArgumentError, match="engine = 'steam' is unknown; choose one of auto, native, torch"):
        train(SMALL, made(), engine="steam")


def test_no_design_is_told() -> None:
    with pytest.raises(ArgumentError, match="at least one Design"):
        train([], made())


@pytest.mark.parametrize("name", ["seeds", "epochs", "workers"])
def test_a_count_below_one_is_told(name: str) -> None:
    words = {name: 0}
    with pytest.raises(ArgumentError, match=f"{name}=0 must be a whole number of at least 1"):
        train(SMALL, made(), **words)
