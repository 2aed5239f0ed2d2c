"""The benchmark of the text's bullets: verdicts by intervals, forward passes by hand, table and cells."""

import json
import sys

import numpy as np
import pytest

from profunda.fleet.forward import outputs
from profunda.space.design import Design


def test_verdicts_follow_from_the_intervals_of_the_tables(benchmark):
    claims = benchmark("_claims")
    rng = np.random.default_rng(0)
    above, below, open_ = (mean + 0.1 * rng.normal(size=(3, 3)) for mean in (1.0, -1.0, 0.0))
    assert claims.decided({"a": above, "b": above}) == "holds"
    assert claims.decided({"a": above, "b": above, "c": open_}) == "mostly holds"
    assert claims.decided({"a": above, "b": below}) == "mixed"
    assert claims.decided({"a": below, "b": below, "c": open_}) == "does not hold"
    assert claims.decided({"a": open_, "b": above}) == "not seen"
    assert claims.decided({"a": above}, threshold=2.0) == "does not hold"


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_the_forward_pass_by_hand_is_the_engines(benchmark, norm):
    claims = benchmark("_claims")
    data, design = claims.noisy_rows(), Design(widths=(12, 7), norm=norm, lr=1e-2, epochs=2)
    state = claims.trained([design], data, 1)[0, 0, 0]
    x = data.sources["robust", 0].x
    hidden, made = claims.activations(design, state.params.astype(np.float64), x)
    assert [h.shape[1] for h in hidden] == [12, 7]
    assert made == pytest.approx(outputs(design, state.params, x), abs=1e-4)


def test_a_mask_that_drops_nothing_is_the_network_and_one_that_does_is_not(benchmark):
    claims = benchmark("_claims")
    data, design = claims.noisy_rows(), Design(widths=(12, 7), lr=1e-2, epochs=2)
    state = claims.trained([design], data, 1)[0, 0, 0]
    x = data.sources["robust", 0].x[:50]
    rng = np.random.default_rng(0)
    logits = outputs(design, state.best_params, x)
    whole = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert claims.masked(design, state, x, 0.0, 1, rng)[0] == pytest.approx(whole, abs=1e-5)
    assert not np.allclose(claims.masked(design, state, x, 0.5, 1, rng)[0], whole, atol=1e-3)


def test_a_network_after_some_epochs_is_the_same_network(benchmark):
    claims = benchmark("_claims")
    data, design = claims.noisy_rows(), Design(widths=(8,), epochs=4)
    short, whole = (claims.trained([design], data, 1, until=until)[0, 0, 0] for until in (2, None))
    assert np.array_equal(short.valid_loss, whole.valid_loss[:2])


def test_a_finished_bullet_is_kept_and_told_in_a_table(benchmark, tmp_path, monkeypatch, capsys):
    bullets = benchmark("bullets")
    words = ["bullets.py", "--quick", "--only", "penalties-selection"]
    words += ["--cells", str(tmp_path / "c.jsonl"), "--markdown", str(tmp_path / "t.md")]
    monkeypatch.setattr(sys, "argv", words)
    assert bullets.main() == 0
    assert "penalties-selection" in capsys.readouterr().out
    (line,) = (tmp_path / "c.jsonl").read_text().splitlines()
    assert json.loads(line)["verdict"] == "holds"
    assert bullets.main() == 0  # nothing is measured again
    assert "penalties-selection" not in capsys.readouterr().out
    assert len((tmp_path / "c.jsonl").read_text().splitlines()) == 1
    assert "| L1 selects features, L2 keeps all. |" in (tmp_path / "t.md").read_text()


def test_every_claim_has_a_name_of_its_own(benchmark):
    claims = benchmark("bullets").CLAIMS
    assert len({claim.key for claim in claims}) == len(claims) == 21
