"""The task that targets pose."""

import pytest
import torch
from torch import Tensor

from profunda.diagnosis.tasks import class_axis, task_of

THREE = torch.arange(60) % 3
TWO = torch.arange(60) % 2
REAL = torch.linspace(-2.0, 2.0, 60)
HOT = torch.nn.functional.one_hot(THREE, 3)
SEVERAL = torch.stack([TWO, 1 - TWO, TWO], 1)


def rows(*shape: int) -> Tensor:
    return torch.zeros(60, *shape)


@pytest.mark.parametrize(
    ("outputs", "targets", "kind", "n"),
    [
        (rows(3), THREE, "classes", 3),
        (rows(3), THREE[:, None], "classes", 3),
        (rows(10), THREE, "classes", 3),
        (rows(3), HOT, "classes", 3),
        (rows(3), HOT.float(), "classes", 3),
        (rows(3), HOT.float() * 0.9 + 0.1 / 3, "classes", 3),
        (rows(3), THREE.float(), "classes", 3),
        (rows(1), THREE, "classes", 3),
        (rows(1), THREE.float(), "values", 0),
        (rows(2), TWO, "classes", 2),
        (rows(1), TWO, "binary", 2),
        (rows(), TWO.float(), "binary", 2),
        (rows(1), TWO.bool()[:, None], "binary", 2),
        (rows(1), 2 * TWO - 1, "binary", 2),
        (rows(3), SEVERAL, "multilabel", 3),
        (rows(3), SEVERAL.float(), "multilabel", 3),
        (rows(1), REAL, "values", 0),
        (rows(1), 1900 + torch.arange(60), "values", 0),
        (rows(2), torch.stack([REAL, -REAL], 1), "values", 0),
        (rows(5, 4), THREE.reshape(60, 1).expand(60, 4), "sequence", 3),
        (rows(4, 5), THREE.reshape(60, 1).expand(60, 4), "sequence", 3),
        (rows(3, 4, 4), THREE.reshape(60, 1, 1).expand(60, 4, 4), "sequence", 3),
        (rows(3), REAL.to(torch.complex64), "unknown", 0),
        (None, THREE, "unknown", 0),
        (rows(3), None, "unknown", 0),
        (rows(3), torch.full((60,), torch.nan), "unknown", 0),
    ],
)
def test_tasks(outputs: Tensor | None, targets: Tensor | None, kind: str, n: int) -> None:
    task = task_of(outputs, targets)
    assert (task.kind, task.n_classes) == (kind, n)


def test_every_target_counts_and_not_one_batch_alone() -> None:
    task = task_of(torch.zeros(4, 5), torch.tensor([0, 1, 1, 0]), THREE)
    assert (task.n_classes, task.outputs, task.targets, task.dtype) == (3, (4, 5), (4,), "int64")


def test_ignored_places_are_no_class() -> None:
    places = torch.tensor([[0, 1, -100], [2, -100, -100]])
    assert task_of(torch.zeros(2, 3, 4), places).n_classes == 3


def test_targets_that_are_the_inputs() -> None:
    image = REAL.reshape(15, 1, 2, 2)
    assert task_of(image * 0.5, image, inputs=image).kind == "copy"
    assert task_of(image * 0.5, image.flatten(1), inputs=(image,)).kind == "copy"
    assert task_of(image * 0.5, image + 0.1, inputs=image).kind == "values"


def test_the_output_with_rows_is_taken_of_several() -> None:
    task = task_of({"state": torch.zeros(2, 60), "y": rows(3)}, THREE)
    assert (task.kind, task.outputs) == ("classes", (60, 3))


def test_axes_of_classes() -> None:
    assert class_axis((8, 3), (8, 1)) == 1
    assert class_axis((8, 3), (8, 3)) is None
    assert class_axis((8, 3, 5), (8, 4)) is None


def test_places_in_the_batch_are_no_labels_of_rows() -> None:
    pairs = torch.zeros(6, 6)
    assert task_of(pairs, torch.arange(6)).kind == "unknown"
    assert task_of(pairs, torch.arange(6).flip(0)).kind != "unknown"
    assert task_of(pairs[:3, :3], torch.arange(3)).kind != "unknown"
    assert task_of(torch.zeros(6, 7), torch.arange(6)).kind != "unknown"
