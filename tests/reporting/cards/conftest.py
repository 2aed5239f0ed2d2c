"""One finished run of a table with groups, made once."""

import shutil
from pathlib import Path

import pytest
from tests.reporting.cards.tables import people

import profunda


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run on people.csv; not to be written into."""
    folder = tmp_path_factory.mktemp("cards")
    people().to_csv(folder / "people.csv", index=False)
    profunda.fit(
        folder / "people.csv", "bought", trials=2, fidelity="full", fix={"epochs": 10}, folds=1, test=0.5,
        engine="torch", out=folder / "run", progress=False,
    )  # fmt: skip
    return folder / "run"


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    return Path(shutil.copytree(made, tmp_path / "run", ignore=shutil.ignore_patterns("arrays", "*.html")))
