"""What `train_modules` refuses, and what its errors say."""

import re

import numpy as np
import pytest
import torch
from torch import nn

from profunda.errors import ArgumentError, DataError
from profunda.training.modules import train_modules

X, Y = torch.randn(30, 3, generator=torch.Generator().manual_seed(0)), torch.arange(30) % 2


def linear(seed=0, outputs=2):
    return nn.Linear(3, outputs)


def with_nan():
    module = linear()
    nn.init.constant_(module.bias, float("nan"))
    return module


def uncopied():
    module = linear()
    module.seen = module.weight * 2  # no leaf: torch refuses to copy it
    return module


def frozen():
    return linear().requires_grad_(False)


def mixed():
    return nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2).double())


class Pair(nn.Linear):
    def forward(self, x):
        return super().forward(x), x


ONE = linear()
MODULES = [
    ([linear(), nn.Linear(3, 4)], None, "1 differs from 0: there weight has shape [4, 3]"),
    (
        [nn.Sequential(nn.Linear(3, 2), nn.ReLU()), nn.Sequential(nn.Linear(3, 2), nn.Tanh())],
        None,
        "there 1 is a Tanh, here 1 is a ReLU",
    ),
    ([nn.Sequential(linear()), nn.Sequential(linear(), nn.ReLU())], None, "1 differs from 0"),
    (
        [nn.Sequential(linear()), nn.Sequential(linear().eval())],
        None,
        "1 differs from 0: there 0 is in evaluation, here 0 is in training",
    ),
    ([linear(), with_nan()], None, "Module 1 starts with numbers in bias that are not finite"),
    ([nn.LazyLinear(2)], None, "A lazy module has no shapes yet"),
    ([frozen()], None, "none: there are none"),
    ([mixed()], None, "torch.float32', 'torch.float64"),
    ([uncopied()], None, "A module cannot be copied"),
    ([Pair(3, 2)], None, "The module made tuple of a batch of 30 rows; it must return one tensor [30, …]"),
    ([nn.Sequential(linear(), nn.Flatten(0))], None, "The module made shape [60] of a batch of 30 rows"),
    ([], None, "modules is a list"),
    ([linear(), 3], None, "modules is a list"),
    (ONE, None, "modules is a Linear; give a function"),
    (7, None, "modules is a int"),
    (linear, None, "needs seeds: how many"),
    (linear, 0, "seeds = 0 must be a count of at least 1"),
    (linear, True, "seeds = True must be"),
    (linear, [1.5], "seeds = [1.5] must be"),
    ([linear()], [1, 2], "2 seeds for 1 modules"),
    (lambda seed: seed, 2, "make(0) gave a int"),
    (lambda seed: ONE, 2, "returned one module for several seeds"),
]


@pytest.mark.parametrize(("modules", "seeds", "text"), MODULES, ids=[text for *_, text in MODULES])
def test_modules_that_are_no_fleet(modules, seeds, text):
    with pytest.raises(ArgumentError, match=re.escape(text)):
        train_modules(modules, (X, Y), seeds=seeds, epochs=1)


ARGUMENTS = [
    ({"lr": [0.1]}, "lr has shape [1] for 2 members"),
    ({"clip": [[1.0, 2.0]]}, "clip has shape [1, 2] for 2 members"),
    ({"lr": [0.1, 0.0]}, "lr = [0.1, 0.0] must be finite and above 0"),
    ({"lr": float("nan")}, "lr = nan must be finite and above 0"),
    ({"weight_decay": -1.0}, "weight_decay = -1.0 must be finite and of at least 0"),
    ({"momentum": "much"}, "momentum = 'much' must be a number, or one for each member"),
    ({"optimiser": "lion"}, "optimiser = 'lion' is unknown; choose one of sgd, adam, adamw"),
    ({"schedule": "none"}, "schedule = 'none' is unknown"),
    ({"epochs": 0}, "epochs = 0 must be a whole number of at least 1"),
    ({"batch_size": True}, "batch_size = True must be a whole number of at least 1"),
    ({"patience": -1}, "patience = -1 must be a whole number of at least 0"),
    ({"patience": 2}, "patience = 2 needs validation rows"),
    ({"run_by": "magic"}, "run_by = 'magic' is unknown; choose one of auto, vmap, loop"),
    ({"workers": 0}, "workers = 0 must be a whole number of at least 1"),
    ({"loss": 3}, "loss is a int; give a function"),
    ({"loss": lambda o, t: o}, "has shape [30, 2]; it must be one number, or one a row [30]"),
    ({"loss": lambda o, t: 0.5}, "has type float; it must be one number"),
    ({"loss": lambda o, t: (o.argmax(1) == t).float().mean()}, "The loss has no gradient"),
    ({"rows": np.zeros((1, 2, 3), int)}, "rows has 3 axes"),
    ({"rows": [[0, 1], [2, 3], [4, 5]]}, "rows has 3 choices of rows for 2 members"),
    ({"rows": np.ones(29, bool)}, "rows of member 0 is a mask of 29 rows, but the data have 30"),
    ({"rows": [0.5, 1.5]}, "rows of member 0 holds float64"),
    (
        {"rows": range(20), "metrics": {"all": lambda o, t: o}},
        "The metric 'all' gave a Tensor that is not one number",
    ),
]


@pytest.mark.parametrize(("words", "text"), ARGUMENTS, ids=[text for _, text in ARGUMENTS])
def test_arguments_that_cannot_be_used(words, text):
    with pytest.raises(ArgumentError, match=re.escape(text)):
        train_modules(linear, (X, Y), seeds=2, **{"epochs": 1, "batch_size": 30, **words})


DATA = [
    ((X, Y[:20]), {}, "x has 30 rows and y has 20"),
    ((X[:0], Y[:0]), {}, "x has 0 rows and y has 0"),
    (X, {}, "data is a Tensor; give the pair"),
    ((X.masked_fill(X > 1, float("nan")), Y), {}, "numbers that are not finite"),
    ((X, [["a"]] * 30), {}, "y cannot be read as numbers"),
    (([[1.0, 2.0, 3.0], [1.0]] * 15, Y), {}, "and give all rows one length"),
    (((10 * X.abs()).to(torch.uint8), Y), {}, "x holds whole numbers, with which this module cannot compute"),
    ((X, Y + 1), {}, "y has classes from 1 to 2, but the module has 2 outputs"),
    ((X, Y - 1), {}, "y has classes from -1 to 0"),
    ((X, Y.float()), {}, "shape [30, 2], but y [30]; for numbers"),
    ((X, Y[:, None].expand(30, 3)), {}, "for classes [N, …] outputs must be [B, C, …]"),
    (
        (X, Y),
        {"rows": [[0, 30], [1, 2]]},
        "rows of member 0 goes from 0 to 30, but the data have the rows 0 to 29",
    ),
    ((X, Y), {"valid_rows": [-1]}, "valid_rows of member 0 goes from -1 to -1"),
    ((X, Y), {"rows": [[1], []]}, "rows of member 1 chooses no row"),
]


@pytest.mark.parametrize(("data", "words", "text"), DATA, ids=[text for *_, text in DATA])
def test_data_that_cannot_be_used(data, words, text):
    with pytest.raises(DataError, match=re.escape(text)):
        train_modules(linear, data, seeds=2, epochs=1, **words)


def test_what_is_just_in_order_is_taken():
    """The other side of the borders above."""
    fleet = train_modules(
        linear, (X.numpy(), Y.tolist()), seeds=2, lr=[0.1, 0.2], rows=[[29, 0], [1]], epochs=1
    )
    assert [curve.epochs for curve in fleet.curves] == [1, 1]
    assert len(fleet.plan.packs) == 2


def test_arrays_may_be_views_that_torch_does_not_read():
    turned = X.numpy()[::-1]
    repeated = np.broadcast_to(Y.numpy()[:1], 30)  # not to be written to, of which torch warns
    one, other = (
        train_modules(linear, (x, repeated), seeds=1, epochs=1).module(0).weight
        for x in (turned, turned.copy())
    )
    assert torch.equal(one, other)


def test_whole_numbers_are_for_embeddings_whose_own_errors_stand():
    ids = (10 * X.abs()).to(torch.uint8).clamp(max=4)
    embedded = [nn.Embedding(5, 2), nn.Flatten()]
    fleet = train_modules(lambda seed: nn.Sequential(*embedded, nn.Linear(6, 2)), (ids, Y), seeds=1, epochs=1)
    assert fleet.curves[0].epochs == 1
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        train_modules(lambda seed: nn.Sequential(*embedded, nn.Linear(5, 2)), (ids, Y), seeds=1, epochs=1)
