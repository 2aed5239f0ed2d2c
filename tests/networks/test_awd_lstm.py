"""AWD-LSTM: published counts, every gate and mask by loops, each regulariser by its formula."""

import math
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tests.oracles.language import read_words
from torch.nn import functional

from profunda.data.bundled import running_text
from profunda.data.tokens import ByteTokenizer
from profunda.errors import ArgumentError, ModelError
from profunda.layers.averaging import NTASGD
from profunda.networks.named.awd_lstm import AWDLSTM, LanguageRegularisers
from profunda.networks.named.language import bits, detached, perplexity, read_epoch, reading_loss, stream
from profunda.networks.named.weights import load_weights

NONE = LanguageRegularisers.none()


def small(vocabulary: int = 7, **words) -> AWDLSTM:
    torch.manual_seed(5)
    return AWDLSTM(vocabulary, embedding=3, hidden=4, layers=3, **words).double()


@pytest.mark.parametrize(("vocabulary", "published"), [(10_000, 24_221_600), (33_278, 33_556_078)])
def test_parameters_are_counted_as_published(vocabulary: int, published: int) -> None:
    with torch.device("meta"):
        model = AWDLSTM(vocabulary)
    assert sum(parameter.numel() for parameter in model.parameters()) == published


def test_untied_weights_are_the_papers_other_form() -> None:
    """The last layer keeps the inner width, and the output layer has weights of its own."""
    model = AWDLSTM(11, embedding=3, hidden=4, layers=2, tied=False)
    assert model.decoder.weight.shape == (11, 4)
    assert model.encoder.weight.shape == (11, 3)
    tied = AWDLSTM(11, embedding=3, hidden=4, layers=2)
    assert tied.decoder.weight is tied.encoder.weight
    assert sorted(tied.state_dict())[:4] == [
        "decoder.bias",
        "decoder.weight",
        "encoder.weight",
        "rnns.0.bias_hh_l0",
    ]


def drawn_masks(model: AWDLSTM, batch: int) -> dict:
    """The masks in the order in which `forward` draws them, from torch's stream as it stands."""
    regulated, training = model.regularisers, model.training

    def mask(shape, rate):
        ones = torch.ones(shape, dtype=torch.float64)
        return functional.dropout(ones, rate, training).numpy() if rate else ones.numpy()

    masks = {
        "words": mask((len(model.encoder.weight), 1), regulated.words),
        "inputs": mask((1, batch, model.encoder.embedding_dim), regulated.inputs)[0],
        "weights": [],
        "behind": [],
    }
    for number, rnn in enumerate(model.rnns):
        last = number == len(model.rnns) - 1
        masks["weights"].append(mask(tuple(rnn.weight_hh_l0.shape), regulated.weights))
        masks["behind"].append(
            mask((1, batch, rnn.hidden), regulated.outputs if last else regulated.between)[0]
        )
    return masks


def by_loops(model: AWDLSTM, ids: torch.Tensor, masks: dict):
    layers = [
        tuple(
            weight.detach().numpy() for weight in (r.weight_ih_l0, r.weight_hh_l0, r.bias_ih_l0, r.bias_hh_l0)
        )
        for r in model.rnns
    ]
    states = [(np.zeros((ids.shape[1], r.hidden)), np.zeros((ids.shape[1], r.hidden))) for r in model.rnns]
    decoder = model.decoder.weight.detach().numpy(), model.decoder.bias.detach().numpy()
    return read_words(ids.numpy(), model.encoder.weight.detach().numpy(), layers, decoder, masks, states)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_forward_equals_loops_over_steps_and_gates(tied: bool, training: bool) -> None:
    model = small(tied=tied).train(training)
    ids = torch.randint(7, (5, 2), generator=torch.Generator().manual_seed(0))
    torch.manual_seed(9)
    masks = drawn_masks(model, 2)
    torch.manual_seed(9)
    reading = model(ids)
    logits, hidden, dropped = by_loops(model, ids, masks)
    np.testing.assert_allclose(reading.logits.detach(), logits, atol=1e-10, rtol=0)
    np.testing.assert_allclose(reading.hidden.detach(), hidden, atol=1e-10, rtol=0)
    np.testing.assert_allclose(reading.dropped.detach(), dropped, atol=1e-10, rtol=0)
    assert any((mask == 0).any() for mask in masks["weights"]) == training
    ar = np.mean([value**2 for value in dropped.ravel()])
    tar = np.mean([(hidden[t + 1] - hidden[t]) ** 2 for t in range(4)])
    np.testing.assert_allclose(model.penalty(reading).item(), 2.0 * ar + 1.0 * tar, rtol=1e-12)


def test_the_loops_would_see_masks_that_change_over_time() -> None:
    model = small().train()
    ids = torch.zeros(2, 2, dtype=torch.long)
    torch.manual_seed(9)
    masks = drawn_masks(model, 2)
    masks["behind"][2] = 1.0 - masks["behind"][2]
    torch.manual_seed(9)
    assert not np.allclose(model(ids).logits.detach(), by_loops(model, ids, masks)[0])


@pytest.mark.parametrize("name", [field.name for field in fields(LanguageRegularisers)])
def test_each_regulariser_can_be_the_only_one(name: str) -> None:
    alone = replace(NONE, **{name: 0.5})
    model, plain = small(regularisers=alone).train(), small(regularisers=NONE).train()
    ids = torch.arange(14).reshape(7, 2) % 7
    torch.manual_seed(3)
    reading, bare = model(ids), plain(ids)
    assert plain.penalty(bare).item() == 0.0
    if name in ("activation", "temporal"):
        assert torch.equal(reading.logits, bare.logits)
        assert model.penalty(reading).item() > 0.0
    else:
        assert not torch.allclose(reading.logits, bare.logits)
        assert model.penalty(reading).item() == 0.0
    torch.testing.assert_close(model.eval()(ids).logits, plain.eval()(ids).logits, rtol=0, atol=0)


def test_a_single_step_has_no_temporal_penalty() -> None:
    model = small()
    assert model(torch.zeros(1, 2, dtype=torch.long)).temporal().item() == 0.0


def test_the_state_is_carried_and_its_past_is_cut() -> None:
    model = small(regularisers=NONE)
    ids = torch.randint(7, (8, 2), generator=torch.Generator().manual_seed(1))
    first = model(ids[:3])
    assert first.state[0][0].requires_grad
    cut = detached(first.state)
    assert not any(part.requires_grad for layer in cut for part in layer)
    torch.testing.assert_close(model(ids[3:], cut).logits, model(ids).logits[3:])


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_a_state_of_other_texts_is_refused(batch: int) -> None:
    model = small()
    state = model(torch.zeros(3, batch, dtype=torch.long)).state
    with pytest.raises(ArgumentError, match=rf"\[1, {batch}, 4\] .* x of 4 sequences .*another batch"):
        model(torch.zeros(3, 4, dtype=torch.long), state)


@pytest.mark.parametrize("layers", [0, 2, 4])
def test_a_state_of_other_layers_is_refused(layers: int) -> None:
    model, zeros = small(), torch.zeros(1, 2, 4, dtype=torch.float64)
    with pytest.raises(ArgumentError, match=f"The state is of {layers} layers, but this model has 3"):
        model(torch.zeros(3, 2, dtype=torch.long), ((zeros, zeros),) * layers)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ArgumentError])
def test_rates_stand_again_whatever_ends_an_epoch(error: type[BaseException]) -> None:
    """By hand in the midst of a step, or by a loss that is NaN in the second window."""
    model, seen = small(), []
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)

    def before(optimiser, args, kwargs):
        seen.append(optimiser.param_groups[0]["lr"])
        if error is KeyboardInterrupt:
            raise error
        model.decoder.bias.data.fill_(math.nan)

    optimiser.register_step_pre_hook(before)
    with pytest.raises(error):
        read_epoch(
            model, optimiser, stream(np.arange(400) % 7, 2), length=30, generator=np.random.default_rng(1)
        )
    assert len(seen) == 1
    assert seen != [0.1]
    assert optimiser.param_groups[0]["lr"] == 0.1


def test_a_texts_loss_does_not_depend_on_windows() -> None:
    model, tokens = small().train(), stream(np.arange(40) % 7, 2)
    losses = [reading_loss(model, tokens, length) for length in (1, 3, 7, 100)]
    np.testing.assert_allclose(losses, losses[0], rtol=1e-12)
    assert model.training
    by_hand = -model.eval()(tokens[:-1]).logits.log_softmax(-1).gather(-1, tokens[1:, :, None]).mean().item()
    assert losses[0] == pytest.approx(by_hand, rel=1e-12)


def test_it_learns_a_text_by_nt_asgd() -> None:
    ids = ByteTokenizer().encode([running_text()[:3000]], 3000)[0]
    torch.manual_seed(0)
    model = AWDLSTM(
        257, embedding=16, hidden=32, layers=2, regularisers=LanguageRegularisers(0.0, 0.1, 0.1, 0.1, 0.2)
    )
    tokens, generator = stream(ids, 10), np.random.default_rng(0)
    optimiser = NTASGD(torch.optim.SGD(model.parameters(), lr=10.0), patience=1)
    before, losses = reading_loss(model, tokens), []
    for _ in range(10):
        read_epoch(model, optimiser, tokens, length=30, generator=generator)
        losses.append(reading_loss(model, tokens))
    assert optimiser.param_groups[0]["lr"] == 10.0
    assert losses[-1] < 3.4 < before  # a text of 257 equally likely bytes has 5.5 nats each
    for loss in (1.0, 2.0, 3.0):
        optimiser.judge(loss)
    read_epoch(model, optimiser, tokens, length=30, generator=generator)
    assert optimiser.count > 1
    with optimiser.averaged():
        assert reading_loss(model, tokens) < losses[0]


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ArgumentError, match="0 words, embeddings of 400"):
        AWDLSTM(0)
    with pytest.raises(ArgumentError, match=r"activation = -1\.0 and temporal = 1.0 are penalties' factors"):
        LanguageRegularisers(activation=-1.0)
    with pytest.raises(ArgumentError, match=r"drop = 1\.5 is the probability"):
        LanguageRegularisers(words=1.5)
    with pytest.raises(ArgumentError, match=r"ids have 1 axes, but sequences of ids are \[T, B\]"):
        small()(torch.zeros(3, dtype=torch.long))
    model = small()
    with torch.no_grad():
        model.decoder.bias.fill_(math.inf)
    with pytest.raises(ArgumentError, match=r"the loss is nan at step 0 of 20: the rate 0\.1 is"):
        read_epoch(model, torch.optim.SGD(model.parameters(), lr=0.1), stream(np.arange(40) % 7, 2))


def published(model: AWDLSTM, *, without: str = "") -> dict[str, torch.Tensor]:
    """The model's tensors by the names of the authors' program, with its dropped copies of W_hh."""
    found = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for number in range(len(model.rnns)):
        for leaf in ("weight_ih_l0", "bias_ih_l0", "bias_hh_l0"):
            found[f"rnns.{number}.module.{leaf}"] = found.pop(f"rnns.{number}.{leaf}")
        whole = found.pop(f"rnns.{number}.weight_hh_l0")
        found[f"rnns.{number}.module.weight_hh_l0_raw"] = whole
        found[f"rnns.{number}.module.weight_hh_l0"] = 0.0 * whole
    return {name: tensor for name, tensor in found.items() if name != without}


@pytest.mark.parametrize("without", ["", "decoder.weight", "encoder.weight"])
def test_weights_of_the_authors_program_are_read(tmp_path: Path, without: str) -> None:
    torch.manual_seed(7)
    first, second = small(), AWDLSTM(7, embedding=3, hidden=4, layers=3).double()
    save_file(published(first, without=without), tmp_path / "weights.safetensors")
    ids = torch.arange(10).reshape(5, 2) % 7
    expected = first.eval()(ids).logits
    assert not torch.equal(second.eval()(ids).logits, expected)
    load_weights(second, tmp_path / "weights.safetensors")
    assert torch.equal(second(ids).logits, expected)
    assert second.decoder.weight is second.encoder.weight


def test_a_file_without_either_of_the_tied_weights_is_refused(tmp_path: Path) -> None:
    found = published(small(), without="decoder.weight")
    del found["encoder.weight"]
    save_file(found, tmp_path / "weights.safetensors")
    with pytest.raises(ModelError, match=r"2 tensors are missing \(decoder\.weight, encoder\.weight\)"):
        load_weights(small(), tmp_path / "weights.safetensors")


def test_a_file_of_untied_weights_is_refused(tmp_path: Path) -> None:
    found = published(small())
    found["decoder.weight"] = found["decoder.weight"] + 1.0
    save_file(found, tmp_path / "weights.safetensors")
    with pytest.raises(ModelError, match=r"encoder\.weight and decoder\.weight differ, but are one tensor"):
        load_weights(small(), tmp_path / "weights.safetensors")


def test_units_of_loss() -> None:
    assert perplexity(math.log(16)) == pytest.approx(16.0)
    assert bits(math.log(16)) == pytest.approx(4.0)
    assert bits(math.log(16), tokens=100, characters=500) == pytest.approx(0.8)
