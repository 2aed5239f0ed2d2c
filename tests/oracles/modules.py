"""The naive twin of fleets of modules: one module, torch.optim, a loop over epochs and batches.

It shares only the order of the rows and the schedules with the fleet.
"""

import copy
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from profunda._seeds import key, keys_of, permutations, subkeys
from profunda.fleet.schedules import learning_rates
from profunda.space.design import Design

OPTIMISERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


@dataclass
class Naive:
    """The module after the last epoch, losses by epoch, and the state of the best epoch."""

    module: nn.Module
    train_loss: list = field(default_factory=list)
    valid_loss: list = field(default_factory=list)
    best_epoch: int = 0
    best: dict = field(default_factory=dict)


def trained(
    start: nn.Module,
    seed: int,
    x: Tensor,
    y: Tensor,
    train: Tensor,
    valid: Tensor,
    *,
    optimiser: str,
    lr: float,
    epochs: int,
    batch_size: int,
    clip: float = 0.0,
    schedule: str = "constant",
    **constants: float,
) -> Naive:
    """Train a copy of `start`; `constants` go to torch's optimiser."""
    made = Naive(copy.deepcopy(start))
    network, params = made.module, list(made.module.parameters())
    rule = OPTIMISERS[optimiser](params, lr=lr, **constants)
    loss = functional.mse_loss if y.is_floating_point() else functional.cross_entropy
    starts = [s for s in range(0, len(train), batch_size) if len(train) - s > 1]
    rates = learning_rates(
        Design(lr=lr, schedule=schedule, epochs=epochs), len(starts), 0, epochs * len(starts)
    )
    for epoch in range(epochs):
        order = permutations(subkeys(keys_of([key("module", seed)]), "order", epoch), len(train))[0]
        losses = []
        network.train()
        for number, first in enumerate(starts):
            rows = train[torch.from_numpy(order[first : first + batch_size])]
            rule.param_groups[0]["lr"] = float(rates[epoch * len(starts) + number])
            rule.zero_grad()
            value = loss(network(x[rows]), y[rows])
            value.backward()
            if clip:
                nn.utils.clip_grad_norm_(params, clip)
            rule.step()
            losses.append(float(value.detach()))
        made.train_loss.append(sum(losses) / len(losses))
        network.eval()
        with torch.no_grad():
            made.valid_loss.append(float(loss(network(x[valid]), y[valid])))
        if made.valid_loss[-1] < min(made.valid_loss[:-1], default=float("inf")):
            made.best_epoch = epoch + 1
            made.best = copy.deepcopy(network.state_dict())
    return made
