"""A Design under diagnosis: its network with first weights by its law, and its optimiser, as a program."""

import numpy as np
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

from profunda._seeds import key
from profunda.data.inputs import Inputs
from profunda.diagnosis.diagnosing import diagnose
from profunda.diagnosis.diagnosis import Diagnosis
from profunda.fleet.paces import paces, weight_pace
from profunda.networks.dense import build, load
from profunda.networks.initial import initial_params
from profunda.networks.layout import layout_of
from profunda.space.design import Design

__all__ = ["diagnose_design"]

VALIDATION = 5
"""One row in so many is kept for validation."""

LSUV_ROWS = 256
"""First training rows on which the initialisation "lsuv" scales the layers."""


def diagnose_design(
    design: Design, inputs: Inputs, x: np.ndarray, y: np.ndarray, n_outputs: int, seed: int
) -> Diagnosis:
    """Train `design` anew on encoded inputs x [N, D] and find out what keeps it from learning.

    y are class codes int64 [N] or standardised numbers [N, 1]. Rate, momentum, batch size, epochs, dropout,
    norms, l2 and head_l2 are the design's; schedules, mixing, noise and the other penalties are left out, so
    that what is found is about the network, its steps and the rows.
    """
    order = np.random.default_rng(seed).permutation(len(x))
    valid, train = order[: len(x) // VALIDATION], order[len(x) // VALIDATION :]
    first = initial_params(design, key("diagnosis", seed), inputs, n_outputs, x[train[:LSUV_ROWS]])
    network = load(build(design, inputs, n_outputs), first.astype(np.float32))
    rows, targets = torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(y)
    return diagnose(
        network,
        (rows[train], targets[train]),
        nn.MSELoss() if targets.is_floating_point() else nn.CrossEntropyLoss(),
        optimizer=_optimiser(design, network, inputs, n_outputs),
        validation=(rows[valid], targets[valid]) if len(valid) else None,
        batch_size=min(design.batch_size, len(train)),
        epochs=design.epochs,
        seed=seed,
    )


def _optimiser(design: Design, network: nn.Module, inputs: Inputs, n_outputs: int) -> Optimizer:
    """By groups of one pace and one decay each; l2 is a matter of weights, not of biases, norms and tables.

    Heads of tasks have the pace of their weights, and the decay λ/(1 + ηλ) in which a rate η multiplies by
    1/(1 + ηλ), as their proximal step does, and is stable for any λ = head_l2.
    """
    layout = layout_of(design, inputs, n_outputs)
    speeds, decays = paces(design, layout), np.zeros(layout.size)
    for place in layout.penalised:
        place.weights_of(decays)[:] = design.l2
    own = weight_pace(design, layout.blocks[-1].fan_in)
    layout.heads_of(speeds)[:] = own
    layout.heads_of(decays)[:] = design.head_l2 / (1.0 + design.lr * own * design.head_l2)
    groups: dict[tuple[float, ...], list[nn.Parameter]] = {}
    twins = (load(build(design, inputs, n_outputs).double(), one).parameters() for one in (speeds, decays))
    for parameter, *told in zip(network.parameters(), *twins, strict=True):
        # Every tensor has one pace and one decay.
        groups.setdefault(tuple(one.detach().flatten()[0].item() for one in told), []).append(parameter)
    given = [
        {"params": parameters, "lr": design.lr * pace, "weight_decay": decay}
        for (pace, decay), parameters in groups.items()
    ]
    if design.optimiser == "sgd":
        return SGD(given, lr=design.lr, momentum=design.momentum)
    if design.optimiser == "rmsprop":
        return RMSprop(given, lr=design.lr)
    kind = AdamW if design.decoupled else Adam
    return kind(given, lr=design.lr, betas=(0.9, design.beta2))
