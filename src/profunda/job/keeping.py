"""The Model's place in a run's folder: `model`, replaced as a whole, so that there is one at any moment."""

import shutil
from pathlib import Path

from profunda.errors import RunError
from profunda.journal.durable import sync_folder
from profunda.model.folder import MODEL_FILE, WEIGHTS_FILE
from profunda.model.model import Model

__all__ = ["check_place", "keep_model"]


def check_place(run: Path) -> None:
    """Refuse a `model` in the run that is not a folder of its own.

    Raises:
        RunError: it is a link or a file.
    """
    place = run / "model"
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        raise RunError(f"{place} is a link or a file where the run keeps its model. Move it away and resume.")


def keep_model(model: Model, run: Path) -> None:
    """Save `model` as `run/model`.

    An earlier model of the run gives way only when the new one is on disk, and what else lies in its folder
    (a model card) moves over.
    """
    place, draft, old = run / "model", run / "model.new", run / "model.old"
    if old.exists() and not place.exists():
        old.rename(place)  # an earlier call was killed between the two renames below
    for left in (draft, old):
        shutil.rmtree(left, ignore_errors=True)
    model.save(draft)
    if place.exists():
        for file in place.iterdir():
            if file.name not in (MODEL_FILE, WEIGHTS_FILE):
                shutil.copy2(file, draft / file.name)
        place.rename(old)
    draft.rename(place)
    sync_folder(run)
    shutil.rmtree(old, ignore_errors=True)
