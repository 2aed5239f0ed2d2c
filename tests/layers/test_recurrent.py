"""Masks that last for a whole sequence."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from profunda.errors import ArgumentError
from profunda.layers.recurrent import EmbeddingDropout, LockedDropout, WeightDropLSTM


@settings(max_examples=25)
@given(st.integers(1, 6), st.integers(1, 4), st.integers(1, 5), st.floats(0.0, 0.9))
def test_a_locked_mask_is_constant_over_time(steps: int, batch: int, width: int, drop: float) -> None:
    made = LockedDropout(drop=drop)(torch.ones(steps, batch, width))
    assert (made == made[0]).all()
    kept = made[0].unique()
    assert all(min(abs(value), abs(value - 1 / (1 - drop))) < 1e-5 for value in kept.tolist())


def test_locked_masks_differ_between_sequences_and_calls() -> None:
    torch.manual_seed(0)
    layer, x = LockedDropout(keep=0.5), torch.ones(3, 2, 64)
    first = layer(x)
    assert not torch.equal(first[:, 0], first[:, 1])
    assert not torch.equal(first, layer(x))
    assert layer.eval()(x) is x
    assert repr(layer) == "LockedDropout(drop=0.5)"


def test_dropped_words_are_dropped_wherever_they_occur() -> None:
    torch.manual_seed(1)
    layer, table = EmbeddingDropout(drop=0.4), torch.rand(30, 5) + 1.0
    ids = torch.randint(30, (40, 7))
    made = layer(ids, table)
    for word in ids.unique():
        rows = made[ids == word]
        scale = (rows / table[word]).unique()
        assert scale.max() - scale.min() < 1e-5  # every occurrence, every entry
        assert min(abs(scale[0].item()), abs(scale[0].item() - 1 / 0.6)) < 1e-5
    assert (made == 0).any()
    assert (made != 0).any()
    torch.testing.assert_close(layer.eval()(ids, table), table[ids])
    assert repr(layer) == "EmbeddingDropout(drop=0.4)"


def test_in_evaluation_it_is_an_lstm() -> None:
    torch.manual_seed(2)
    layer, twin = WeightDropLSTM(3, 4, drop=0.5).double().eval(), nn.LSTM(3, 4).double()
    twin.load_state_dict(layer.state_dict())
    x = torch.randn(6, 2, 3, dtype=torch.float64)
    made, (h, c) = layer(x)
    expected, (last_h, last_c) = twin(x)
    torch.testing.assert_close(made, expected, rtol=0, atol=0)
    first, state = layer(x[:2])
    rest, (h_on, c_on) = layer(x[2:], state)
    torch.testing.assert_close(torch.cat([first, rest]), expected)
    for one, other in ((h, last_h), (c, last_c), (h_on, last_h), (c_on, last_c)):
        torch.testing.assert_close(one, other)
    assert repr(layer) == "WeightDropLSTM(3, 4, drop=0.5)"


def test_dropped_weights_keep_their_mean_and_serve_all_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The weights that reach the kernel: one set a call, W on average, 0 or W/(1 − p) each."""
    torch.manual_seed(3)
    layer, x = WeightDropLSTM(2, 3, drop=0.3), torch.randn(5, 2, 2)
    seen, kernel = [], torch.lstm

    def noting(x, state, weights, *rest):
        seen.append(weights[1].detach().clone())
        return kernel(x, state, weights, *rest)

    monkeypatch.setattr(torch, "lstm", noting)
    for _ in range(4000):
        layer(x)
    drawn, weight = torch.stack(seen), layer.weight_hh_l0.detach()
    assert len(seen) == 4000
    kept = drawn != 0
    torch.testing.assert_close(drawn[kept], (weight / 0.7).expand_as(drawn)[kept])
    torch.testing.assert_close(kept.float().mean(), torch.tensor(0.7), atol=0.01, rtol=0)
    torch.testing.assert_close(drawn.mean(0), weight, atol=0.05 * weight.abs().max().item(), rtol=0)
    layer.eval()(x)
    assert torch.equal(seen[-1], weight)


def test_gradients_reach_kept_weights_only() -> None:
    torch.manual_seed(4)
    layer = WeightDropLSTM(2, 3, drop=0.5)
    made, _ = layer(torch.randn(4, 2, 2))
    made.sum().backward()
    gradient = layer.weight_hh_l0.grad
    assert 0 < (gradient == 0).sum() < gradient.numel()


def test_a_state_of_half_precision_goes_on_under_autocast() -> None:
    layer, x = WeightDropLSTM(2, 3, drop=0.0), torch.randn(4, 2, 2)
    with torch.autocast("cpu", torch.bfloat16):
        first, state = layer(x[:2])
        rest, _ = layer(x[2:], state)
        whole, _ = layer(x)
    assert state[0].dtype == torch.bfloat16
    torch.testing.assert_close(torch.cat([first, rest]), whole, atol=0.02, rtol=0)


STATES = {
    "fewer sequences": ([(1, 1, 3), (1, 1, 3)], r"\[1, 1, 3\] of torch.float32 and \[1, 1, 3\]"),
    "more sequences": ([(1, 8, 3), (1, 8, 3)], r"\[1, 8, 3\]"),
    "no layer": ([(4, 3), (4, 3)], r"\[4, 3\]"),
    "other units": ([(1, 4, 2), (1, 4, 2)], r"\[1, 4, 2\]"),
    "only c": ([(1, 4, 3), (1, 1, 3)], r"\[1, 4, 3\] of torch.float32 and \[1, 1, 3\]"),
    "h alone": ([(1, 4, 3)], r"The state is \[1, 4, 3\] of torch.float32, but"),
}


@pytest.mark.parametrize("name", STATES)
def test_a_state_that_does_not_fit_is_refused(name: str) -> None:
    """Torch's kernel would read and write beyond its end."""
    shapes, words = STATES[name]
    with pytest.raises(ArgumentError, match=words + r".* x of 4 sequences .* each \[1, 4, 3\]"):
        WeightDropLSTM(2, 3, drop=0.5)(torch.zeros(5, 4, 2), tuple(torch.zeros(shape) for shape in shapes))


def test_a_state_of_another_dtype_is_refused() -> None:
    zeros = torch.zeros(1, 4, 3)
    with pytest.raises(ArgumentError, match=r"\[1, 4, 3\] of torch.float64, but x .* of torch.float32"):
        WeightDropLSTM(2, 3, drop=0.5)(torch.zeros(5, 4, 2), (zeros, zeros.double()))


@pytest.mark.parametrize("shape", [(5, 2), (5, 4, 3), (5, 4, 1)])
def test_what_is_no_sequence_of_its_inputs_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ArgumentError, match=r"x has shape \[5, .*\], but this layer reads .*\[T, B, 2\]"):
        WeightDropLSTM(2, 3, drop=0.5)(torch.zeros(shape))


@pytest.mark.parametrize("ids", [[0, 4], [-1, 2]])
def test_words_without_a_row_are_refused(ids: list[int]) -> None:
    with pytest.raises(ArgumentError, match=rf"ids go from {ids[0]} to {ids[1]}, but the table has 4 rows"):
        EmbeddingDropout(drop=0.5)(torch.tensor([ids]), torch.zeros(4, 3))


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"x has 2 axes, but sequences are \[T, B, H\]"):
        LockedDropout(drop=0.5)(torch.ones(2, 3))
    with pytest.raises(ArgumentError, match="0 inputs and 3 units make no LSTM"):
        WeightDropLSTM(0, 3, drop=0.5)
    with pytest.raises(ArgumentError, match=r"drop = 1\.0 is the probability of dropping"):
        EmbeddingDropout(drop=1.0)
