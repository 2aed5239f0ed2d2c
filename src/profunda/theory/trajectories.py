"""Training as a path: through the parameters θ_t, and through the predictions f(X; θ_t), seen from its own
plane.

With more parameters than rows the loss is not convex in θ, but the usual losses are convex in the
predictions, so it is there that training can be expected to head for the target. Both paths are shown in
the plane of their two leading principal directions, and told apart by a number: how straight they are.

Sources: Li, Xu, Taylor, Studer and Goldstein (2018), section 7, for principal directions of a path of
parameters; Antognini and Sohl-Dickstein (2018), "PCA of high dimensional random walks with comparison to
neural network training", for what such a plane shows of a path without any direction."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from profunda.errors import ArgumentError, DataError
from profunda.theory.landscapes import outputs_at

__all__ = ["PrincipalPath", "TrainingPaths", "principal_path", "training_paths", "walk_share"]


@dataclass(frozen=True)
class PrincipalPath:
    """A path of T points in D dimensions and its shadow on the plane of its two leading principal directions.

    `coordinates` [T, 2] are those of the points from `centre` [D], their mean, along `directions` [2, D],
    which are orthonormal; the path ends to the right of its start and above it. `explained` are the two
    directions' shares of the variance (0 where nothing moved). `length` is the sum of the steps,
    `displacement` the distance from first to last point; both in all D dimensions."""

    coordinates: np.ndarray
    directions: Tensor
    centre: Tensor
    explained: tuple[float, float]
    length: float
    displacement: float

    @property
    def straightness(self) -> float:
        """Displacement/length: 1 for a straight path, near 0 for one that wanders; nan where nothing
        moved."""
        return self.displacement / self.length if self.length > 0.0 else math.nan

    def project(self, points: Tensor) -> np.ndarray:
        """Coordinates [K, 2] of other points [K, D] in the same plane."""
        if points.ndim != 2 or points.shape[1] != len(self.centre):
            raise ArgumentError(
                f"points has shape {tuple(points.shape)}; this plane needs [K, {len(self.centre)}]."
            )
        return ((points.detach().double().cpu() - self.centre) @ self.directions.T).numpy()


def principal_path(points: Tensor | Sequence[Tensor]) -> PrincipalPath:
    """The path through `points`, [T, D] or T vectors [D], in time; float64 inside. At least 2 points and 2
    axes.

    The directions are the leading right singular vectors of the centred points. Two directions that explain
    nearly all of the variance are no proof that training is two-dimensional: see `walk_share`. Raises
    ArgumentError for other shapes and DataError where a point is not finite.

    >>> path = principal_path(torch.tensor([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]]))
    >>> path.length, path.straightness, round(path.explained[0], 6)
    (10.0, 1.0, 1.0)
    """
    rows = _checked(points).detach().double().cpu()
    centre = rows.mean(dim=0)
    centred = rows - centre
    leading = _leading(centred)
    signs = torch.where(leading @ (rows[-1] - rows[0]) < 0.0, -1.0, 1.0).double()
    leading = signs[:, None] * leading
    coordinates = centred @ leading.T
    total = float((centred**2).sum())
    shares = ((coordinates**2).sum(dim=0) / total).tolist() if total > 0.0 else [0.0, 0.0]
    return PrincipalPath(
        coordinates=coordinates.numpy(),
        directions=leading,
        centre=centre,
        explained=(shares[0], shares[1]),
        length=float((rows[1:] - rows[:-1]).norm(dim=1).sum()),
        displacement=float((rows[-1] - rows[0]).norm()),
    )


def _checked(points: Tensor | Sequence[Tensor]) -> Tensor:
    if not isinstance(points, Tensor):
        shapes = {tuple(point.shape) for point in points}
        if len(shapes) != 1:
            raise ArgumentError(
                f"The points of a path have the shapes {sorted(shapes)}; all need the same one, [D]."
            )
        points = torch.stack(list(points))
    if points.ndim != 2 or min(points.shape) < 2:
        raise ArgumentError(f"points has shape {tuple(points.shape)}; [T, D] with both at least 2 is needed.")
    if not torch.isfinite(points).all():
        bad = int((~torch.isfinite(points).all(dim=1)).nonzero()[0, 0])
        raise DataError(
            f"Point {bad} of the path is not finite; the training has diverged: keep the points before."
        )
    return points


def _leading(centred: Tensor) -> Tensor:
    """The two leading right singular vectors [2, D] of a matrix [T, D].

    With few points in many dimensions they come from the products of the points, [T, T]: thirty times as
    fast for a hundred points and 10⁵ parameters. That costs half of the digits of a second direction much
    smaller than the first; QR keeps the two orthonormal even where there is no second.
    """
    if len(centred) >= centred.shape[1]:
        return torch.linalg.svd(centred, full_matrices=False)[2][:2]
    _, weights = torch.linalg.eigh(centred @ centred.T)
    return torch.linalg.qr(centred.T @ weights[:, -2:].flip(1))[0].T


def walk_share(direction: int) -> float:
    """Share of the variance of a long random walk in many dimensions along its k-th principal direction:
    6/(πk)².

    What `explained` must beat to mean anything: 61 % and 15 %, so 76 % in a plane, without any landscape
    (Antognini and Sohl-Dickstein 2018). `direction` counts from 1.

    >>> round(walk_share(1), 3), round(walk_share(2), 3)
    (0.608, 0.152)
    """
    if direction < 1:
        raise ArgumentError(f"direction = {direction}; directions are counted from 1.")
    return 6.0 / (math.pi * direction) ** 2


@dataclass(frozen=True)
class TrainingPaths:
    """One training, watched in the space of its parameters and in that of its predictions.

    `parameters` is the path of θ_t in P dimensions, `predictions` that of f(X; θ_t) in N·C. `distances` [T]
    are ‖f(X; θ_t) − y‖ and `target` [2] is y in the plane of the predictions."""

    parameters: PrincipalPath
    predictions: PrincipalPath
    distances: np.ndarray
    target: np.ndarray


def training_paths(
    module: nn.Module, checkpoints: Tensor | Sequence[Tensor], inputs: Tensor, targets: Tensor
) -> TrainingPaths:
    """Both paths of a training, given its parameter vectors ([T, P] or T vectors [P], see
    `parameter_vector`).

    `targets` has the shape of the module's outputs on `inputs`: numbers for regression, one-hot rows for
    classes. The module is called in evaluation mode and is left as it is. Raises ArgumentError for another
    shape, DataError where a checkpoint or its predictions are not finite."""
    parameters = principal_path(checkpoints)
    outputs = outputs_at(module, _checked(checkpoints), inputs)
    if outputs.shape[1:] != targets.shape:
        raise ArgumentError(
            f"targets has shape {tuple(targets.shape)}, but the outputs have {tuple(outputs.shape[1:])}; "
            "distances need a number for each output (for classes, one-hot rows)."
        )
    flat = outputs.reshape(len(outputs), -1).double().cpu()
    goal = targets.detach().reshape(1, -1).double().cpu()
    predictions = principal_path(flat)
    return TrainingPaths(
        parameters, predictions, (flat - goal).norm(dim=1).numpy(), predictions.project(goal)[0]
    )
