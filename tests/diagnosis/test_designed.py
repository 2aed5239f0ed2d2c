"""The optimiser that a Design under diagnosis is trained with."""

import numpy as np
import pytest
import torch

from profunda.data.inputs import Inputs
from profunda.diagnosis.designed import _optimiser
from profunda.networks.dense import build
from profunda.networks.heads import TaskHeads
from profunda.space.design import Design

TASKS = Inputs((0, 1, 2, 3), (0, 1), codes=((2, 5),), task=(3, 4))


def told_of(design: Design, inputs: Inputs) -> dict[str, tuple[float, float]]:
    """(rate over lr, decay) of every parameter, by name."""
    network = build(design, inputs, 2)
    found = _optimiser(design, network, inputs, 2).param_groups
    groups = {id(one): group for group in found for one in group["params"]}
    return {
        name: (groups[id(one)]["lr"] / design.lr, groups[id(one)]["weight_decay"])
        for name, one in network.named_parameters()
    }


@pytest.mark.parametrize("optimiser", ["sgd", "adam", "rmsprop"])
def test_weights_alone_have_l2_and_heads_their_own(optimiser: str) -> None:
    design = Design(
        (9,), sharing="heads", optimiser=optimiser, l2=0.25, head_l2=3.0, lr=0.01, bias_lr=0.5,
        norm="layer", numeric_embedding="periodic", parametrisation="ntk",
    )  # fmt: skip
    found = told_of(design, TASKS)
    (heads,) = (name for name in found if name.endswith(".own"))
    slow = 1 / 9 if optimiser == "sgd" else 1 / 3
    assert found.pop(heads) == pytest.approx((slow, 3.0 / (1 + 0.01 * slow * 3.0)))
    weights = [name for name, (_, decay) in found.items() if decay]
    assert {found[name][1] for name in weights} == {0.25}
    layers = [
        name for name, one in build(design, TASKS, 2).named_modules() if isinstance(one, torch.nn.Linear)
    ]
    assert sorted(weights) == sorted(f"{name}.weight" for name in layers)
    assert {found[f"{name}.bias"] for name in layers} == {(0.5, 0.0)}


@pytest.mark.parametrize("decoupled", [True, False])
@pytest.mark.parametrize("optimiser", ["sgd", "adam", "rmsprop"])
def test_the_penalty_of_heads_is_stable_at_any_strength(optimiser: str, decoupled: bool) -> None:
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.normal(size=(90, 2)), rng.integers(0, 7, 90) % 5, np.arange(90) % 4])
    y = x[:, :1] * np.where(x[:, 3:] == 3, -1.0, 1.0)
    design = Design(
        (6,), sharing="heads", optimiser=optimiser, decoupled=decoupled, head_l2=1e6, lr=0.01, epochs=3,
        batch_size=16,
    )  # fmt: skip
    network = build(design, TASKS, 1)
    stepping = _optimiser(design, network, TASKS, 1)
    for start in range(0, 90, 15):
        stepping.zero_grad()
        rows = torch.as_tensor(x[start : start + 15], dtype=torch.float32)
        target = torch.as_tensor(y[start : start + 15], dtype=torch.float32)
        torch.nn.functional.mse_loss(network(rows), target).backward()
        stepping.step()
    own = next(one for one in network if isinstance(one, TaskHeads)).own
    assert 0 < own.detach().abs().max() < 0.2
    assert all(one.isfinite().all() for one in network.parameters())
