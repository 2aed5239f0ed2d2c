"""One peer on one table, in the peers' own environment: `_peer_fit.py PEER TABLE.npz MADE.npz THREADS SEED`.

TABLE.npz has `x` [N, F] of numbers and codes of categories, NaN where missing, the positions of the
categories in `categories`, `y` [N], the row numbers `train` and `test`, and the number of classes in
`classes` (0 for a number to predict). MADE.npz gets `made`, the predictions for the test rows, and `seconds`:
fitting and predicting without imports. Every peer has its default settings; XGBoost, LightGBM and CatBoost
are told which columns are categories. RealMLP refuses missing numbers: for it, they become the column's
median. This file must not import the package: the peers' environment does not have it.
"""

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PEERS", "frame", "main"]

MISSING = "missing"


def frame(x: np.ndarray, categories: np.ndarray, train: np.ndarray, *, impute: bool) -> "pd.DataFrame":
    """The table as a frame: numbers, and categories as texts, a missing one being a category of its own.

    With `impute` missing numbers are the median of the training rows, or 0 in a column without any.
    """
    import pandas as pd  # here, because only the peers' environment must have it

    made = pd.DataFrame({f"c{place}": x[:, place] for place in range(x.shape[1])})
    for place, name in enumerate(made.columns):
        if place in categories:
            texts = [MISSING if value != value else str(int(value)) for value in x[:, place]]
            made[name] = pd.Categorical(texts)
        elif impute:
            known = x[train, place][~np.isnan(x[train, place])]
            made[name] = made[name].fillna(float(np.median(known)) if len(known) else 0.0)
    return made


def _xgboost(regression: bool, threads: int, seed: int, names: list[str]) -> tuple[Any, dict[str, Any]]:
    from xgboost import XGBClassifier, XGBRegressor

    made = XGBRegressor if regression else XGBClassifier
    return made(n_jobs=threads, random_state=seed, enable_categorical=True), {}


def _lightgbm(regression: bool, threads: int, seed: int, names: list[str]) -> tuple[Any, dict[str, Any]]:
    from lightgbm import LGBMClassifier, LGBMRegressor

    made = LGBMRegressor if regression else LGBMClassifier
    return made(n_jobs=threads, random_state=seed, verbose=-1), {}


def _catboost(regression: bool, threads: int, seed: int, names: list[str]) -> tuple[Any, dict[str, Any]]:
    from catboost import CatBoostClassifier, CatBoostRegressor

    made = CatBoostRegressor if regression else CatBoostClassifier
    quiet = {"verbose": 0, "allow_writing_files": False}
    return made(thread_count=threads, random_seed=seed, **quiet), {"cat_features": names}


def _realmlp(regression: bool, threads: int, seed: int, names: list[str]) -> tuple[Any, dict[str, Any]]:
    from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

    made = RealMLP_TD_Regressor if regression else RealMLP_TD_Classifier
    return made(n_threads=threads, random_state=seed, device="cpu"), {"cat_col_names": names}


PEERS: dict[str, Callable[[bool, int, int, list[str]], tuple[Any, dict[str, Any]]]] = {
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
    "catboost": _catboost,
    "realmlp": _realmlp,
}


def main(words: list[str]) -> int:
    """Fit, predict, write."""
    peer, source, goal, threads, seed = words
    with np.load(source) as kept:
        x, y, train, test = (kept[name] for name in ("x", "y", "train", "test"))
        categories, classes = kept["categories"], int(kept["classes"])
    table = frame(x, categories, train, impute=peer == "realmlp")
    names = [table.columns[place] for place in categories]
    model, told = PEERS[peer](classes == 0, int(threads), int(seed), names)
    started = time.perf_counter()
    model.fit(table.iloc[train], y[train], **told)
    made = model.predict(table.iloc[test]) if classes == 0 else _spread(model, table.iloc[test], classes)
    np.savez(goal, made=np.asarray(made, float), seconds=time.perf_counter() - started)
    return 0


def _spread(model: Any, rows: "pd.DataFrame", classes: int) -> np.ndarray:
    """Probabilities of all classes: one without a training row has none."""
    made = np.zeros((len(rows), classes))
    made[:, np.asarray(model.classes_, int)] = model.predict_proba(rows)
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
