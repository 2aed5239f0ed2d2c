"""Random numbers that begin anew: those of torch, on devices in use alone."""

import pytest
import torch

from profunda.diagnosis.copying import draws_from


def test_draws_are_those_of_torchs_own_seed() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(7)
        theirs = torch.randn(5)
        draws_from(7)
        assert torch.equal(torch.randn(5), theirs)
        draws_from(8)
        assert not torch.equal(torch.randn(5), theirs)


@pytest.mark.parametrize("device", ["cuda", "xpu"])
@pytest.mark.parametrize("used", [False, True])
def test_a_device_that_nobody_uses_keeps_its_seed(
    device: str, used: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[int] = []
    monkeypatch.setattr(f"torch.{device}.is_initialized", lambda: used)
    monkeypatch.setattr(f"torch.{device}.manual_seed_all", seeds.append)
    with torch.random.fork_rng(devices=[]):
        draws_from(3)
    assert seeds == [3] * used
