"""A table of people that buy or do not."""

import numpy as np
import pandas as pd

ROWS = 400


def people(rows: int = ROWS, seed: int = 0) -> pd.DataFrame:
    """A table of two groups crossed, a number with gaps, a column that is constant, and a target."""
    rng = np.random.default_rng(seed)
    town, kind = rng.choice(["north", "south"], rows), rng.choice(["old", "young"], rows)
    amount = rng.normal(size=rows)
    y = amount + (town == "north") + rng.normal(size=rows) > 0.5
    amount[::10] = np.nan
    return pd.DataFrame({
        "town": town, "kind": kind, "amount": amount, "same": 1, "bought": np.where(y, "yes!", "no!"),
    })  # fmt: skip
