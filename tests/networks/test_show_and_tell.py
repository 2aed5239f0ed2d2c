"""Show and Tell: its words by loops, its search by trying every caption, and eight captions by heart."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.language import every_caption, greedy_caption, lstm_steps
from torch.nn import functional

from profunda.data.tokens import WordTokenizer
from profunda.errors import ArgumentError, DataError
from profunda.metrics.bleu import bleu
from profunda.networks.named.beam import beam_search
from profunda.networks.named.scenes import FASHION, Noun, Scenes, caption_of, fashion_scenes, scenes
from profunda.networks.named.show_and_tell import PictureEncoder, ShowAndTell, caption_loss, describe


def teller(vocabulary: int = 6, seed: int = 0, **words) -> ShowAndTell:
    torch.manual_seed(seed)
    encoder = PictureEncoder(1, 1)
    return ShowAndTell(encoder, encoder.features, vocabulary, embedding=3, hidden=4, **words).double()


IMAGES = torch.rand(3, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
CAPTIONS = torch.tensor([[2, 3, 5, 0], [4, 0, 0, 0], [1, 2, 3, 4]])

# The model -------------------------------------------------------------------------------------------------


def by_loops(model: ShowAndTell, images: torch.Tensor, captions: torch.Tensor) -> np.ndarray:
    first = model.picture(model.encoder(images)).detach().numpy()
    table = model.words.weight.detach().numpy()
    weights = [getattr(model.lstm, name).detach().numpy() for name in ("weight_ih_l0", "weight_hh_l0")]
    bias = (model.lstm.bias_ih_l0 + model.lstm.bias_hh_l0).detach().numpy()
    decoder, shift = model.decoder.weight.detach().numpy(), model.decoder.bias.detach().numpy()
    made = []
    for image, caption in zip(first, captions.tolist(), strict=True):
        read = [[image], [table[0]], *[[table[word]] for word in caption]]
        hidden, _, _ = lstm_steps(read, np.zeros((1, 4)), np.zeros((1, 4)), *weights, bias)
        made.append([decoder @ h[0] + shift for h in hidden[1:]])
    return np.array(made)


def test_forward_equals_loops_over_steps_and_gates() -> None:
    model = teller().eval()
    logits = model(IMAGES, CAPTIONS)
    assert logits.shape == (3, 5, 6)
    np.testing.assert_allclose(logits.detach(), by_loops(model, IMAGES, CAPTIONS), atol=1e-10, rtol=0)
    assert not np.allclose(logits.detach(), by_loops(model, IMAGES, CAPTIONS.roll(1, 0)))


def test_steps_say_what_teacher_forcing_says() -> None:
    model = teller().eval()
    expected = model(IMAGES, CAPTIONS).log_softmax(-1)
    log_p, state = model.begin(IMAGES)
    torch.testing.assert_close(log_p, expected[:, 0])
    for place in range(4):
        log_p, state = model.step(CAPTIONS[:, place], state)
        torch.testing.assert_close(log_p, expected[:, place + 1])


def test_the_loss_counts_words_and_the_stop_and_nothing_behind() -> None:
    model = teller().eval()
    logits = model(IMAGES, CAPTIONS)
    log_p = logits.log_softmax(-1)
    counted = [(0, 0, 2), (0, 1, 3), (0, 2, 5), (0, 3, 0), (1, 0, 4), (1, 1, 0)]
    counted += [(2, 0, 1), (2, 1, 2), (2, 2, 3), (2, 3, 4), (2, 4, 0)]
    by_hand = -sum(log_p[each].item() for each in counted) / len(counted)
    assert caption_loss(logits, CAPTIONS).item() == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.parametrize("place", ["drop_inputs", "drop_outputs"])
def test_each_dropout_can_be_the_only_one(place: str) -> None:
    plain = teller(drop_inputs=0.0, drop_outputs=0.0).train()
    model = teller(**{"drop_inputs": 0.0, "drop_outputs": 0.0, place: 0.5}).train()
    assert torch.equal(plain(IMAGES, CAPTIONS), plain(IMAGES, CAPTIONS))
    assert not torch.equal(model(IMAGES, CAPTIONS), model(IMAGES, CAPTIONS))
    torch.testing.assert_close(model.eval()(IMAGES, CAPTIONS), plain.eval()(IMAGES, CAPTIONS))


def test_any_module_may_read_the_images() -> None:
    flat = ShowAndTell(torch.nn.Flatten(), 64, 6, embedding=3, hidden=4).double()
    assert flat(IMAGES, CAPTIONS).shape == (3, 5, 6)
    assert PictureEncoder(3, 2)(torch.rand(2, 3, 20, 13)).shape == (2, PictureEncoder(3, 2).features)


def test_published_width() -> None:
    model = ShowAndTell(PictureEncoder(), PictureEncoder().features, 10)
    assert (model.words.embedding_dim, model.lstm.hidden_size) == (512, 512)


# The search ------------------------------------------------------------------------------------------------


def chances(seed: int, vocabulary: int):
    """p(word | caption), another distribution after every caption."""

    def chance(caption, word):
        rng = np.random.default_rng([seed, *caption, 77])
        drawn = rng.exponential(size=vocabulary)
        return drawn[word] / drawn.sum()

    return chance


def search(chance, vocabulary: int, **words):
    """Beam search over `chance`; the state is the caption so far."""

    def log_p(captions):
        rows = [[math.log(chance(tuple(each), word)) for word in range(vocabulary)] for each in captions]
        return torch.tensor(rows, dtype=torch.float64)

    def step(new, state):
        captions = torch.cat([state[0], new[:, None]], 1)
        return log_p(captions.tolist()), (captions,)

    return beam_search(log_p([[]]), (torch.zeros(1, 0, dtype=torch.long),), step, **words)


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(2, 4), st.integers(1, 3), st.sampled_from([0.0, 0.5, 1.0, 2.0]))
def test_a_wide_beam_is_exhaustive(seed: int, vocabulary: int, longest: int, power: float) -> None:
    chance = chances(seed, vocabulary)
    every = every_caption(chance, range(1, vocabulary), longest)
    ranked = sorted(((log_p / (len(each) + 1) ** power, each, log_p) for each, log_p in every), reverse=True)
    found = search(chance, vocabulary, width=vocabulary**longest, longest=longest, power=power)
    assert found[0].words == ranked[0][1]
    assert len(found) == len(every)
    np.testing.assert_allclose([each.score for each in found], [each[0] for each in ranked], rtol=1e-12)
    np.testing.assert_allclose(found[0].log_p, ranked[0][2], rtol=1e-12)


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(2, 5), st.integers(1, 5))
def test_a_beam_of_one_is_greedy(seed: int, vocabulary: int, longest: int) -> None:
    chance = chances(seed, vocabulary)
    (found,) = search(chance, vocabulary, width=1, longest=longest)
    assert found.words == greedy_caption(chance, range(1, vocabulary), longest)


def test_greedy_is_not_the_best() -> None:
    """The trap that beams are for: the likeliest first word leads to unlikely sentences."""
    trap = {(): (0.0, 0.6, 0.4), (1,): (0.1, 0.45, 0.45), (2,): (0.9, 0.05, 0.05)}

    def chance(caption, word):
        return max(trap.get(caption, (0.4, 0.3, 0.3))[word], 1e-12)

    assert search(chance, 3, width=1, longest=3)[0].words[0] == 1
    assert search(chance, 3, width=2, longest=3)[0].words == (2,)
    assert search(chance, 3, width=2, longest=3)[0].log_p == pytest.approx(math.log(0.4 * 0.9))


def test_impossible_words_are_never_said() -> None:
    def step(new, state):
        return torch.tensor([[0.0, -math.inf]]).expand(len(new), 2), state

    found = beam_search(torch.tensor([[-math.inf, 0.0]]), (), step, width=3, longest=4)
    assert [each.words for each in found] == [(1,)]


def test_a_sentence_that_cannot_stop_is_not_found() -> None:
    """Behind word 1 the stop is impossible, behind word 2 it is not."""

    def step(new, state):
        stop = torch.where(new == 2, -1.0, -math.inf)
        return torch.stack([stop, torch.zeros(len(new)), torch.zeros(len(new))], 1), state

    first = torch.tensor([[-math.inf, 0.0, 0.0]])
    found = beam_search(first, (), step, width=9, longest=2)
    assert sorted(each.words for each in found) == [(1, 2), (2,), (2, 2)]
    assert all(math.isfinite(each.score) for each in found)
    first[0, 2] = -math.inf
    assert beam_search(first, (), step, width=9, longest=1) == ()


def test_a_diverged_model_says_that_it_is_one() -> None:
    model = teller()
    with torch.no_grad():
        model.decoder.bias[2] = math.nan
    with pytest.raises(ArgumentError, match=r"log p .* is NaN for 1 of 1 beginnings: .* has diverged"):
        describe(model, IMAGES)

    def step(new, state):
        return torch.where(new[:, None] == 1, math.nan, torch.zeros(len(new), 3)), state

    with pytest.raises(ArgumentError, match=r"is NaN for 1 of 2 beginnings"):
        beam_search(torch.zeros(1, 3), (), step, width=3, longest=1)


def test_an_ensemble_says_the_mean_of_its_probabilities() -> None:
    one, other = teller(seed=1).train(), teller(seed=2).eval()
    told = describe([one, other], IMAGES, width=400, longest=2)
    assert (one.training, other.training) == (True, False)
    for image, found in zip(IMAGES, told, strict=True):
        best = found[0]
        captions = torch.tensor([best.words], dtype=torch.long).reshape(1, -1)
        p = sum(model.eval()(image[None], captions).softmax(-1) for model in (one, other)) / 2
        targets = functional.pad(captions, (0, 1))[0]
        by_hand = p[0].gather(1, targets[:, None]).log().sum().item()
        # The mean is of each next word's probabilities, given the same words before.
        assert best.log_p == pytest.approx(by_hand, rel=1e-9)
    alone = describe(one, IMAGES, width=3, longest=2)
    assert [[each.words for each in found] for found in alone] == [
        [each.words for each in found] for found in describe([one, one], IMAGES, width=3, longest=2)
    ]


# The captions ----------------------------------------------------------------------------------------------


def test_captions_name_what_lies_where() -> None:
    nouns = (Noun("a cat", "cats"), Noun("an owl", "owls"))
    assert caption_of((0, 0), (None, 1), nouns) == "two cats above an owl"
    assert caption_of((1, 0), (None, None), nouns) == "an owl and a cat"
    assert caption_of((None, None), (0, None), nouns) == "a cat"


def test_scenes_show_what_captions_say() -> None:
    """Pictures of one grey value each: the scene can be read back from its four places."""
    grey = np.full((3, 4, 4), 85, np.uint8) * np.arange(1, 4, dtype=np.uint8)[:, None, None]
    nouns = (Noun("a one", "ones"), Noun("a two", "twos"), Noun("a three", "threes"))
    made = scenes(grey, np.arange(3), nouns, 200, seed=3)
    assert made.images.shape == (200, 1, 4, 4)
    for image, caption in zip(made.images[:, 0], made.captions, strict=True):
        seen = (image[::2, ::2] * 3).round().int().tolist()
        upper, lower = (tuple(value - 1 if value else None for value in row) for row in seen)
        assert caption_of(upper, lower, nouns) == caption
    assert len(set(made.captions)) > 50
    assert any("two" in caption for caption in made.captions)
    assert "nothing" not in made.captions
    again = scenes(grey, np.arange(3), nouns, 200, seed=3)
    assert again.captions == made.captions
    assert torch.equal(again.images, made.images)
    assert scenes(grey, np.arange(3), nouns, 200, seed=4).captions != made.captions


def test_two_things_of_any_classes_may_be_of_one() -> None:
    """Of K = 2 classes a shelf holds two of one with probability 1/4 + 1/(4K)."""
    grey = np.full((2, 2, 2), 85, np.uint8) * np.arange(1, 3, dtype=np.uint8)[:, None, None]
    made = scenes(grey, np.arange(2), (Noun("a one", "ones"), Noun("a two", "twos")), 2000, seed=0)
    left, right = (made.images[:, 0, 0] * 3).round().int().T
    both = (left > 0) & (right > 0)
    assert (both & (left == right)).float().mean().item() == pytest.approx(3 / 8, abs=0.04)
    assert (both & (left != right)).float().mean().item() == pytest.approx(1 / 8, abs=0.03)


def test_held_out_pictures_are_others() -> None:
    one, other = fashion_scenes(40, held_out=False), fashion_scenes(40, held_out=True)
    assert not torch.equal(one.images, other.images)
    named = fashion_scenes(40, classes=(7, 8))
    assert {word for caption in named.captions for word in caption.split()} <= {
        "a", "two", "and", "above", "sneaker", "sneakers", "bag", "bags",
    }  # fmt: skip


def learned(shown: Scenes, tokens: WordTokenizer, steps: int) -> ShowAndTell:
    torch.manual_seed(0)
    encoder = PictureEncoder(1, 4)
    model = ShowAndTell(
        encoder, encoder.features, tokens.size, embedding=32, hidden=48, drop_inputs=0.0, drop_outputs=0.0
    )
    ids = torch.from_numpy(tokens.encode(shown.captions, 14))
    optimiser = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(steps):
        optimiser.zero_grad()
        caption_loss(model(shown.images, ids), ids).backward()
        optimiser.step()
    return model


def test_eight_captions_are_learned_by_heart() -> None:
    shown = fashion_scenes(8, seed=2)
    assert len(set(shown.captions)) == 8
    tokens = WordTokenizer.fit(shown.captions)
    written = [[caption.split()] for caption in shown.captions]

    def scores(model: ShowAndTell, width: int) -> tuple[float, ...]:
        said = [found[0].words for found in describe(model, shown.images, width=width, longest=14)]
        return bleu([[tokens.vocabulary[word - 2] for word in each] for each in said], written).scores

    before, model = learned(shown, tokens, 0), learned(shown, tokens, 120)
    assert scores(before, 3)[3] < 0.1
    assert scores(model, 1)[3] == pytest.approx(1.0)
    assert scores(model, 3)[3] == pytest.approx(1.0)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ArgumentError, match="0 features, 6 words"):
        ShowAndTell(torch.nn.Flatten(), 0, 6)
    with pytest.raises(ArgumentError, match="0 channels and width 16"):
        PictureEncoder(0)
    with pytest.raises(ArgumentError, match=r"captions of shape \(2, 4\) for 3 images"):
        teller()(IMAGES, CAPTIONS[:2])
    with pytest.raises(ArgumentError, match=r"2 models with vocabularies of \[5, 6\] words"):
        describe([teller(5), teller(6)], IMAGES)
    with pytest.raises(ArgumentError, match="0 models with vocabularies of no words"):
        describe([], IMAGES)
    with pytest.raises(ArgumentError, match=r"width = 0, longest = 3 and power = 0\.0"):
        search(chances(0, 2), 2, width=0, longest=3)
    square = np.zeros((2, 4, 4))
    with pytest.raises(ArgumentError, match="count = 0 scenes"):
        scenes(square, np.zeros(2, int), FASHION, 0)
    with pytest.raises(DataError, match=r"images of shape \(2, 3, 3\)"):
        scenes(np.zeros((2, 3, 3)), np.zeros(2, int), FASHION, 1)
    with pytest.raises(DataError, match="labels reach from 0 to 12, but there are 10 nouns"):
        scenes(square, np.array([0, 12]), FASHION, 1)
    with pytest.raises(DataError, match=r"images of shape \(0, 28, 28\)"):
        fashion_scenes(3, classes=(11,))
