import pytest
from tests.lab import fakes

from profunda.lab import contents

pytest.register_assert_rewrite("tests.lab.quickly")


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> None:
    """A laboratory of three experiments: one holds, one is wrong, one breaks."""
    monkeypatch.setattr(contents, "entries", fakes.entries)
