"""What a member can be resumed from, bit for bit, and its packing into a few arrays for a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from profunda.errors import RunError
from profunda.fleet.history import MemberHistory, Status
from profunda.fleet.member import Member
from profunda.fleet.source import FleetData
from profunda.networks.initial import initial_params
from profunda.space.design import Design

__all__ = ["MOMENTS", "MemberState", "first_state", "n_moments", "pack_arrays", "unpack"]

MOMENTS = {"sgd": 1, "adam": 2, "rmsprop": 1}
"""How many vectors [P] an optimiser keeps."""

_PROBED_ROWS = 256
"""First training rows that data-driven first weights are made with, at most."""


def n_moments(design: Design) -> int:
    """How many vectors [P] training keeps beside the weights.

    In this order: the optimiser's, lookahead's slow weights, the average, two snapshots.
    """
    return MOMENTS[design.optimiser] + design.lookahead + design.averaging + 2 * design.snapshots


_NO_SIGNS: Mapping[str, np.ndarray] = {}


def _none() -> np.ndarray:
    return np.zeros(0, np.float64)


@dataclass(frozen=True, eq=False)
class MemberState:
    """A member between two epochs.

    `params`, `best_params` and each of `moments` are [P] in the order of `networks.layout`: for each layer
    its weights [K, H] row by row, then its biases [H]; `n_moments` says which vectors `moments` are.
    `best_epoch` counts from 1 (0: none yet, `best_params` are then the first weights). `train_loss` and
    `valid_loss` are [E], `signs` as in a History.
    """

    epoch: int
    step: int
    params: np.ndarray
    moments: tuple[np.ndarray, ...]
    best_params: np.ndarray
    best_epoch: int = 0
    best_loss: float = float("inf")
    stall: int = 0
    status: Status = Status.RUNNING
    train_loss: np.ndarray = field(default_factory=_none)
    valid_loss: np.ndarray = field(default_factory=_none)
    signs: Mapping[str, np.ndarray] = field(default_factory=lambda: _NO_SIGNS)
    sign_epochs: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def history(self) -> MemberHistory:
        """The member's life so far."""
        return MemberHistory(
            self.epoch,
            self.step,
            self.train_loss,
            self.valid_loss,
            self.best_epoch,
            self.status,
            dict(self.signs),
            self.sign_epochs,
        )


def first_state(member: Member, data: FleetData, dtype: np.dtype) -> MemberState:
    """The state before the first epoch."""
    source, design = data.source(member), member.design
    rows = source.x[source.train[:_PROBED_ROWS]]
    params = initial_params(design, member.key, source.inputs, data.n_outputs, rows).astype(dtype)
    moments = [np.zeros_like(params) for _ in range(MOMENTS[design.optimiser])]
    # Slow weights start where the weights do; an average begins when its first epoch is through.
    moments += [params.copy() for _ in range(n_moments(design) - len(moments))]
    return MemberState(0, 0, params, tuple(moments), params.copy())


_STATUS = tuple(Status)


def pack_arrays(states: Sequence[MemberState]) -> dict[str, np.ndarray]:
    """States as flat arrays: ragged parts joined end to end, their sizes in `sizes`.

    Columns of `sizes` int64 [M, 5]: parameters, moments, epochs, sign epochs, status; `scalars` float64 [M,
    5]: epoch, step, best epoch, stall, best loss. A sign absent in a member takes no room in it.
    """
    names = sorted({name for state in states for name in state.signs})
    arrays = {
        "sizes": np.array(
            [
                [
                    len(s.params),
                    len(s.moments),
                    len(s.train_loss),
                    len(s.sign_epochs),
                    _STATUS.index(s.status),
                ]
                for s in states
            ],
            np.int64,
        ).reshape(-1, 5),
        "scalars": np.array(
            [[s.epoch, s.step, s.best_epoch, s.stall, s.best_loss] for s in states], np.float64
        ).reshape(-1, 5),
        "params": _join([s.params for s in states]),
        "best_params": _join([s.best_params for s in states]),
        "moments": _join([m for s in states for m in s.moments]),
        "train_loss": _join([s.train_loss for s in states]),
        "valid_loss": _join([s.valid_loss for s in states]),
        "sign_epochs": _join([s.sign_epochs for s in states]).astype(np.int64),
    }
    for name in names:
        parts = [s.signs.get(name, np.zeros((0, 0))) for s in states]
        arrays[f"signs.{name}"] = _join([part.ravel() for part in parts])
        arrays[f"signs.{name}.layers"] = np.array([part.shape[1] for part in parts], np.int64)
    return arrays


def unpack(arrays: Mapping[str, np.ndarray]) -> tuple[MemberState, ...]:
    """The states that `pack_arrays` packed; RunError where the arrays do not fit together."""
    try:
        return _unpack(arrays)
    except (KeyError, IndexError, ValueError) as error:
        raise RunError(
            f"The saved training states do not fit together ({error}); "
            "the file is damaged or of another version."
        ) from error


def _unpack(arrays: Mapping[str, np.ndarray]) -> tuple[MemberState, ...]:
    cursors = {name: _Cursor(array) for name, array in arrays.items()}
    signs = [n[6:] for n in arrays if n.startswith("signs.") and not n.endswith(".layers")]
    states = []
    for i, (size, scalar) in enumerate(zip(arrays["sizes"], arrays["scalars"], strict=True)):
        p, moments, epochs, taken, status = (int(v) for v in size)
        layers = {name: int(arrays[f"signs.{name}.layers"][i]) for name in signs}
        states.append(
            MemberState(
                epoch=int(scalar[0]),
                step=int(scalar[1]),
                params=cursors["params"].take(p),
                moments=tuple(cursors["moments"].take(p) for _ in range(moments)),
                best_params=cursors["best_params"].take(p),
                best_epoch=int(scalar[2]),
                best_loss=float(scalar[4]),
                stall=int(scalar[3]),
                status=_STATUS[status],
                train_loss=cursors["train_loss"].take(epochs),
                valid_loss=cursors["valid_loss"].take(epochs),
                signs={
                    name: cursors[f"signs.{name}"].take(taken * width).reshape(taken, width)
                    for name, width in layers.items()
                    if width
                },
                sign_epochs=cursors["sign_epochs"].take(taken),
            )
        )
    return tuple(states)


class _Cursor:
    """Takes one piece after the other from a joined array."""

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.at = array, 0

    def take(self, n: int) -> np.ndarray:
        piece = self.array[self.at : self.at + n]
        if len(piece) != n:
            raise ValueError(f"{n} numbers wanted, {len(piece)} left")
        self.at += n
        return piece.copy()


def _join(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0)
