"""Images of the reader's own, for experiments whose text speaks of data that do not come with Profunda."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from profunda.data.files import archive, checked_path
from profunda.errors import DataError

__all__ = ["Images", "read_images"]


@dataclass(frozen=True, eq=False)
class Images:
    """Images as rows of brightness from 0 to 1, float32 [N, D], their classes int64 [N], and the file's name.

    `x_test` and `y_test` are the test part that the file brings.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def read_images(path: Path) -> Images:
    """The arrays x_train, y_train, x_test and y_test of an ``.npz`` file, such as the usual one of MNIST.

    Raises DataError where the file is none such: not there, damaged, without a test part, or with classes
    that are not the whole numbers from 0.
    """
    file = checked_path(path)
    if file.suffix.lower() != ".npz":
        raise DataError(
            f"{file.name} is no .npz file: an experiment takes images as the arrays x_train, y_train, x_test "
            "and y_test of one (numpy.savez)"
        )
    stored = archive(file, None)
    if stored.target is None or not stored.test_rows:
        raise DataError(
            f"{file.name} brings no test part, by which an experiment judges: save x_train, y_train, x_test "
            "and y_test"
        )
    found = np.asarray(stored.target).reshape(-1)
    if found.dtype.kind not in "iu" or found.min() != 0 or found.max() >= len(found) // 10:
        raise DataError(
            f"{file.name}: the classes of an experiment's images are whole numbers from 0, but y holds "
            f"{found.dtype} from {found.min()} to {found.max()}"
        )
    y = found.astype(np.int64)
    x = stored.inputs.reshape(len(y), -1)
    x = x.astype(np.float32) / max(float(x.max()), 1.0)
    cut = len(y) - stored.test_rows
    return Images(file.stem, x[:cut], y[:cut], x[cut:], y[cut:])
