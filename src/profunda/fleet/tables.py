"""Sources as tensors, kept once per process and device, and the gathering of batches from them."""

import threading
from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from profunda.fleet.roster import runs
from profunda.fleet.source import FleetData, Source

__all__ = ["Feed", "Table", "row_width", "table_of"]

_LANES = 16


def row_width(n_features: int) -> int:
    """Numbers stored per row: D inputs, a one, and zeros up to a multiple of 16 (a cache line)."""
    return -(-(n_features + 1) // _LANES) * _LANES


class Table:
    """One Source on a device: `x` [N, row_width], `target` [N, C], `labels`, `weight` [N, 1] or None.

    Where targets are missing they are 0, and their `share` of the loss is too; of the C targets of a row the
    n that are there have C/n each, so that all rows weigh the same.
    """

    def __init__(self, source: Source, data: FleetData, dtype: torch.dtype, device: str) -> None:
        rows, features = source.x.shape
        self.x = torch.zeros(rows, row_width(features), dtype=dtype)
        self.x[:, :features] = torch.from_numpy(np.asarray(source.x))
        self.x[:, features] = 1.0
        self.x = self.x.to(device)
        y = torch.from_numpy(np.asarray(source.y))
        if data.classes:
            self.labels = y.view(-1, 1).to(device)
            self.target = torch.nn.functional.one_hot(y, data.n_outputs).to(dtype=dtype, device=device)
        else:
            self.labels = self.target = y.nan_to_num(nan=0.0).view(rows, -1).to(dtype=dtype, device=device)
        self.share: Tensor | None = None
        if source.masked:
            there = ~y.isnan().view(rows, -1)
            shares = there * (there.shape[1] / there.sum(1, keepdim=True).clamp(min=1))
            self.share = shares.to(dtype=dtype, device=device)
        self.weight: Tensor | None = None
        if source.weight is not None:
            scaled = source.weight / source.weight[source.train].mean()
            self.weight = torch.as_tensor(scaled, dtype=dtype, device=device).view(-1, 1)
        self.train, self.valid = source.train, source.valid

    def column(self, name: str) -> Tensor:
        """`target`, `labels`, `weight` or `share`; without weights every row weighs 1."""
        if name == "weight":
            return torch.ones_like(self.x[:, :1]) if self.weight is None else self.weight
        if name == "share":
            return torch.ones_like(self.target) if self.share is None else self.share
        return self.target if name == "target" else self.labels


_TABLES: "WeakKeyDictionary[Source, dict[tuple[str, str], Table]]" = WeakKeyDictionary()
_LOCK = threading.Lock()


def table_of(source: Source, data: FleetData, dtype: torch.dtype, device: str) -> Table:
    """The tensors of `source`, made on first use and dropped with it."""
    place = (str(dtype), device)
    with _LOCK:
        made = _TABLES.setdefault(source, {})
        if place not in made:
            made[place] = Table(source, data, dtype, device)
        return made[place]


class Feed:
    """Gathers rows of M members, each from its own table, into [M, R, …] buffers."""

    def __init__(self, tables: Sequence[Table]) -> None:
        self.tables = list(tables)
        self.parts = [(tables[part.start], part) for _, part in runs([id(table) for table in tables])]

    def inputs(self, rows: np.ndarray, out: Tensor) -> Tensor:
        """Rows [M, R] of each member's table into `out` [M, R, row_width]."""
        for table, part in self.parts:
            index = torch.from_numpy(rows[part].ravel()).to(table.x.device)
            torch.index_select(table.x, 0, index, out=out[part].view(-1, out.shape[2]))
        return out

    def outputs(self, rows: np.ndarray, name: str) -> Tensor:
        """`target`, `labels`, `weight` or `share` of the rows [M, R] as [M, C, R]."""
        found = []
        for table, part in self.parts:
            values = table.column(name)
            index = torch.from_numpy(rows[part].ravel()).to(values.device)
            found.append(values.index_select(0, index).view(*rows[part].shape, -1))
        return torch.cat(found).transpose(1, 2).contiguous()
