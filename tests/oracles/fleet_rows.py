"""The naive twin's rows: mixed, noised, blanked, dropped; embedded and scaled. Plain loops on purpose."""

import math
from functools import lru_cache

import numpy as np
import torch
from scipy import stats

from profunda._seeds import halfwords, keys_of, subkeys


def words(member, purpose, step, layer, count):
    """`count` numbers of 16 bits."""
    return halfwords(subkeys(keys_of([member.key]), purpose, step, layer), count)[0].astype(np.int64)


@lru_cache
def grid():
    """Normal numbers of 65536 equal shares, of variance 1."""
    found = torch.special.ndtri((torch.arange(65536, dtype=torch.float64) + 0.5) / 65536).numpy()
    return found / found.std()


@lru_cache
def share_of(strength, word):
    """The quantile of Beta(strength, strength) that a halfword asks for."""
    return float(stats.beta.ppf((word // 16 + 0.5) / 4096, strength, strength))


def disturbed(member, inputs, x, step):
    """(inputs as the network sees them [B, D], factor of every input [B, D], share λ)."""
    design, rows, columns = member.design, len(x), max(inputs.columns) + 1
    codes, share = {place for place, _ in inputs.codes}, 1.0
    made, factors = x.double().numpy().copy(), np.ones(tuple(x.shape))
    given = made.copy()
    if design.mixup or design.cutmix:
        drawn = words(member, "mixup", step, 0, 1 + rows * columns)
        share = share_of(design.mixup or design.cutmix, int(drawn[0]))
        for row in range(rows):
            other = given[(row + 1) % rows]
            for place, column in enumerate(inputs.columns):
                if design.cutmix:
                    if drawn[1 + row * columns + column] >= round(65536 * share):
                        made[row, place] = other[place]
                elif place in codes:
                    made[row, place] = given[row, place] if share >= 0.5 else other[place]
                else:
                    made[row, place] = share * given[row, place] + (1 - share) * other[place]
    if design.noise:
        drawn = words(member, "noise", step, 0, x.numel()).reshape(x.shape)
        for place in inputs.numeric:
            made[:, place] += design.noise * grid()[drawn[:, place]]
    if design.cutout:
        drawn = words(member, "cutout", step, 0, rows * columns).reshape(rows, columns)
        for place, column in enumerate(inputs.columns):
            factors[drawn[:, column] < round(65536 * design.cutout), place] = 0.0
    if design.input_dropout:
        drawn = words(member, "dropout", step, 0, x.numel()).reshape(x.shape)
        limit = round(65536 * design.input_dropout)
        factors *= (drawn >= limit) * (65536 / (65536 - limit))
    for place in set(range(x.shape[1])) - codes:
        made[:, place] *= factors[:, place]
    return torch.as_tensor(made, dtype=x.dtype), torch.as_tensor(factors, dtype=x.dtype), share


def entered(front, inputs, x, factors):
    """The E numbers that enter the first layer, one after the other."""
    codes = {place for place, _ in inputs.codes}
    found = [x[:, place] for place in range(x.shape[1]) if place not in codes]
    if "w" in front:
        for n, place in enumerate(inputs.numeric):
            waves = torch.cos(
                2 * math.pi * torch.outer(x[:, place], front["w"][n]) + 2 * math.pi * front["b"][n]
            )
            found += list((waves @ front["V"][n] + front["c"][n]).T)
    for n, (place, _) in enumerate(inputs.codes):
        rows = torch.stack([front[f"table{n}"][int(code)] for code in x[:, place].detach()])
        found += [rows[:, j] * factors[:, place] for j in range(8)]
    e = torch.stack(found, dim=1)
    return e * front["scales"] if "scales" in front else e
