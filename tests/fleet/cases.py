"""Small data and fleets that the tests of this folder share."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from tests.oracles.fleet import Naive
from tests.oracles.fleet import train as naive

from profunda.data.inputs import Inputs
from profunda.fleet import native_engine, torch_engine
from profunda.fleet.member import Member
from profunda.fleet.pack import Pack, Plan
from profunda.fleet.result import PackResult
from profunda.fleet.source import FleetData
from profunda.fleet.state import MemberState
from profunda.space.design import Design


def table(
    rows: int = 90,
    features: int = 5,
    outputs: int = 3,
    *,
    classes: bool = True,
    folds: int = 2,
    seed: int = 0,
    dtype: type = np.float32,
) -> FleetData:
    """Learnable rows: classes by the largest of `outputs` noisy linear scores, or those scores."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, features))
    scores = np.tanh(x @ rng.normal(size=(features, outputs))) + 0.3 * rng.normal(size=(rows, outputs))
    y = scores.argmax(axis=1) if classes else scores.astype(dtype)
    index = np.arange(rows)
    parts = [(index[index % 3 != k], index[index % 3 == k]) for k in range(folds)]
    return FleetData.from_arrays(x.astype(dtype), y, folds=parts, classes=classes, n_outputs=outputs)


CODED = Inputs((0, 1, 2, 2, 3, 4, 1), (0, 1, 2), ((4, 5), (5, 12)))
"""Three numbers, a second input of the third column, codes of two columns, and a flag of the second."""


def coded_table(
    rows: int = 90, outputs: int = 3, *, classes: bool = True, seed: int = 0, dtype: type = np.float32
) -> FleetData:
    """Learnable rows of the inputs `CODED`, on which the codes have a say."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, len(CODED)))
    for place, size in CODED.codes:
        x[:, place] = rng.integers(0, size, rows)
    x[:, 6] = x[:, 1] > 0
    effects = rng.normal(size=(12, outputs))
    scores = np.tanh(x[:, :3] @ rng.normal(size=(3, outputs))) + effects[x[:, 5].astype(int)]
    y = scores.argmax(axis=1) if classes else scores.astype(dtype)
    index = np.arange(rows)
    folds = [(index[index % 3 != k], index[index % 3 == k]) for k in range(2)]
    return FleetData.from_arrays(
        x.astype(dtype), y, folds=folds, classes=classes, n_outputs=outputs, inputs=CODED
    )


RECIPES: dict[str, dict[str, object]] = {
    "ntk": {"parametrisation": "ntk"},
    "ntk-rmsprop": {"parametrisation": "ntk", "optimiser": "rmsprop", "l1": 1e-3},
    "ntk-sgd": {"parametrisation": "ntk", "optimiser": "sgd", "lr": 0.05, "l1": 1e-3},
    "parametric": {"parametric": True, "norm": "layer"},
    "skip": {"skip": True, "widths": (13, 13, 9, 9)},
    "skip-after": {"skip": True, "widths": (13, 13), "norm": "batch", "norm_place": "after", "dropout": 0.3},
    "input_scaling": {"input_scaling": True},
    "periodic": {"numeric_embedding": "periodic", "embedding_scale": 0.5},
    "front": {"numeric_embedding": "periodic", "input_scaling": True, "input_dropout": 0.2},
    "front-linear": {"numeric_embedding": "periodic", "input_scaling": True, "widths": ()},
    "critical": {"initialisation": "critical", "activation": "gelu", "dropout": 0.2},
    "lsuv": {"initialisation": "lsuv", "widths": (13, 9, 9)},
    "subgradient": {"l1": 1e-2, "l1_update": "subgradient"},
    "group_lasso": {"group_lasso": 2e-2, "optimiser": "sgd", "lr": 0.05},
    "group_lasso-linear": {"group_lasso": 2e-2, "widths": ()},
    "max_norm": {"max_norm": 0.8},
    "noise": {"noise": 0.3},
    "mixup": {"mixup": 0.4, "label_smoothing": 0.1},
    "class_balance": {"class_balance": 0.97},
    "beta2": {"beta2": 0.9},
    "bias_lr": {"bias_lr": 0.1},
    "averaging": {"averaging": True, "norm": "batch"},
    "restarts": {"schedule": "restarts"},
    "coslog": {"schedule": "coslog"},
    "group": {"norm": "group", "widths": (24, 40)},
    "group-after": {"norm": "group", "norm_place": "after", "widths": (24, 20), "dropout": 0.2},
    "alpha": {"dropout_kind": "alpha", "dropout": 0.2, "activation": "selu"},
    "cutmix": {"cutmix": 0.8},
    "cutout": {"cutout": 0.3},
    "adversarial": {"adversarial": 0.1, "norm": "batch", "dropout": 0.2},
    "lookahead": {"lookahead": True, "norm": "batch"},
    "snapshots": {"snapshots": True, "schedule": "restarts", "averaging": True},
    "everything": {
        "lr": 2e-3, "parametrisation": "ntk", "parametric": True, "skip": True, "widths": (24, 24),
        "input_scaling": True, "numeric_embedding": "periodic", "norm": "group", "dropout": 0.1,
        "input_dropout": 0.1, "l1": 1e-3, "l2": 1e-2, "group_lasso": 1e-3, "max_norm": 0.7, "noise": 0.1,
        "mixup": 0.3, "cutout": 0.1, "adversarial": 0.05, "class_balance": 0.9, "beta2": 0.95, "bias_lr": 0.1,
        "averaging": True, "lookahead": True, "snapshots": True, "clip": 0.5, "schedule": "coslog",
    },
    "everything-native": {
        "lr": 2e-3, "parametrisation": "ntk", "parametric": True, "skip": True, "widths": (24, 24),
        "input_scaling": True, "numeric_embedding": "periodic", "norm": "layer", "dropout": 0.1,
        "input_dropout": 0.1, "l1": 1e-3, "l2": 1e-2, "group_lasso": 1e-3, "max_norm": 0.7, "noise": 0.1,
        "mixup": 0.3, "class_balance": 0.9, "beta2": 0.95, "bias_lr": 0.1, "averaging": True, "clip": 0.5,
        "schedule": "coslog",
    },
}  # fmt: skip
"""What later formats of a Design can say, one at a time and together; the rest is in `recipe`."""


def recipe(name: str, **fields: object) -> Member:
    """One member of a row of `RECIPES`."""
    rest = {"widths": (13, 9), "activation": "tanh", "lr": 5e-3, "batch_size": 17, "epochs": 26}
    return Member(Design(**rest | RECIPES[name] | fields), 1, 3)


@cache
def with_twin(name: str, plain: bool = False) -> tuple[Member, FleetData, Naive]:
    """The member of a row of `RECIPES`, rows in float64 (of coded columns unless `plain`), and its twin."""
    made = (table if plain else coded_table)(dtype=np.float64)
    member = recipe(name)
    return member, made, naive(member, made)


def mixed(count: int = 12, folds: int = 2, **fields: object) -> list[Member]:
    """Members of one compute shape that differ in everything that may differ inside a pack."""
    members = []
    for i in range(count):
        design = {
            "widths": (20 + i % 5,),
            "activation": ("relu", "tanh", "gelu", "sigmoid")[i % 4],
            "dropout": (0.0, 0.3, 0.5)[i % 3],
            "input_dropout": (0.0, 0.0, 0.1)[i % 3],
            "l1": (0.0, 1e-3)[i % 2],
            "l2": (0.0, 1e-2)[i // 2 % 2],
            "decoupled": i % 4 < 2,
            "label_smoothing": (0.0, 0.1)[i // 3 % 2],
            "schedule": ("constant", "cosine", "onecycle")[i % 3],
            "lr": 1e-3 * (1 + i % 4),
            "batch_size": 16,
            "epochs": 4,
        } | fields
        members.append(Member(Design(**design), i % folds, i))
    return members


def train(
    members: Sequence[Member],
    data: FleetData,
    *,
    engine: str = "torch",
    stacked: bool = True,
    dtype: str = "float32",
    until: int | Sequence[int] | None = None,
    states: Sequence[MemberState | None] | None = None,
    isa: str | None = None,
    workers: int = 2,
    **watched: object,
) -> PackResult:
    """All members as one pack of an engine, in the order given; `watched` are progress and cancel."""
    pack = Pack(tuple(range(len(members))), engine, stacked and engine == "torch")
    if engine == "torch":
        return torch_engine.train_pack(
            pack, members, data, until=until, states=states, dtype=dtype, **watched
        )
    ends = [until] * len(members) if until is None or isinstance(until, int) else until
    ends = [m.design.epochs if end is None else end for m, end in zip(members, ends, strict=True)]
    ((number, result, seconds),) = native_engine.run_packs(
        Plan(tuple(members), (pack,), "cpu", dtype, 0, "", ()),
        [0],
        data,
        until=ends,
        states=states or [None] * len(members),
        workers=workers,
        isa=isa,
        **watched,
    )
    assert (number, seconds >= 0.0) == (0, True)
    return result


def same(a: MemberState, b: MemberState) -> bool:
    """Whether two states are equal in every bit."""
    arrays = ("params", "best_params", "train_loss", "valid_loss", "sign_epochs")
    return (
        all(np.array_equal(getattr(a, name), getattr(b, name), equal_nan=True) for name in arrays)
        and all(np.array_equal(p, q, equal_nan=True) for p, q in zip(a.moments, b.moments, strict=True))
        and a.signs.keys() == b.signs.keys()
        and all(np.array_equal(a.signs[name], b.signs[name], equal_nan=True) for name in a.signs)
        and (a.epoch, a.step, a.best_epoch, a.best_loss, a.stall, a.status)
        == (b.epoch, b.step, b.best_epoch, b.best_loss, b.stall, b.status)
    )


def same_members(one: PackResult, other: PackResult) -> list[bool]:
    """For each member, whether its state agrees in every bit."""
    return [same(a, b) for a, b in zip(one.states, other.states, strict=True)]
