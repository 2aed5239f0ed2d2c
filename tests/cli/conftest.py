"""The command line in an empty folder, with the job behind it replaced."""

import sys
from pathlib import Path

import pytest
from tests.cli.fake_job import FakeJob

import profunda.job


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


@pytest.fixture
def job(folder: Path, monkeypatch: pytest.MonkeyPatch) -> FakeJob:
    fake = FakeJob()
    monkeypatch.setitem(sys.modules, "profunda.job.fitting", fake.module())
    monkeypatch.setattr(profunda.job, "fitting", sys.modules["profunda.job.fitting"], raising=False)
    return fake
