"""Show and Tell (Vinyals et al. 2015): a convolutional network reads an image, an LSTM says what it shows."""

import math
from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from profunda.errors import ArgumentError
from profunda.layers.dropout import Dropout
from profunda.layers.initialisers import initialise
from profunda.networks.named.beam import STOP, Hypothesis, State, beam_search
from profunda.theory.modes import in_evaluation

__all__ = ["PictureEncoder", "ShowAndTell", "caption_loss", "describe"]


class PictureEncoder(nn.Sequential):
    """Images [B, in_channels, H, W] to `features` = 64·width numbers: three convolutions for small pictures.

    Each is 3×3 with ReLU, halved by pooling; what is left is averaged over a grid of 4 × 4 places, so that
    above and beside can be told apart.
    """

    def __init__(self, in_channels: int = 1, width: int = 16) -> None:
        if in_channels < 1 or width < 1:
            raise ArgumentError(f"{in_channels} channels and width {width}: 1 or more of each.")
        parts, arrives = OrderedDict[str, nn.Module](), in_channels
        for number, leaves in enumerate((width, 2 * width, 4 * width), 1):
            parts[f"conv{number}"] = nn.Conv2d(arrives, leaves, 3, padding=1)
            parts[f"activation{number}"] = nn.ReLU()
            parts[f"pool{number}"] = nn.MaxPool2d(2, ceil_mode=True)
            arrives = leaves
        super().__init__(parts | {"grid": nn.AdaptiveAvgPool2d(4), "flat": nn.Flatten()})
        self.features = 16 * arrives
        initialise(self, "he")  # as torch draws them, the words' embeddings would drown the picture


class ShowAndTell(nn.Module):
    """Images and the words so far to logits of the next word.

    `encoder` is any module from images [B, …] to numbers [B, F], F = `features`. The LSTM reads W·features
    at step −1, then the start word and the caption (the paper's eqs. 10 to 12). Word `STOP` = 0 starts as an
    input and stops as an output, so that captions are padded with it. Published: 512 numbers a word and 512
    units, dropout at non-recurrent places, here `drop_inputs` and `drop_outputs` of the LSTM (0 turns it
    off). Raises ArgumentError for counts below 1.
    """

    def __init__(
        self,
        encoder: nn.Module,
        features: int,
        vocabulary: int,
        *,
        embedding: int = 512,
        hidden: int = 512,
        drop_inputs: float = 0.3,
        drop_outputs: float = 0.3,
    ) -> None:
        super().__init__()
        if min(features, vocabulary, embedding, hidden) < 1:
            raise ArgumentError(
                f"{features} features, {vocabulary} words, embeddings of {embedding} and {hidden} units: "
                "each has to be at least 1."
            )
        self.vocabulary = vocabulary
        self.encoder = encoder
        self.picture = nn.Linear(features, embedding)
        self.words = nn.Embedding(vocabulary, embedding)
        self.lstm = nn.LSTM(embedding, hidden, batch_first=True)
        self.decoder = nn.Linear(hidden, vocabulary)
        self.inputs, self.outputs = Dropout(drop=drop_inputs), Dropout(drop=drop_outputs)
        with torch.no_grad():  # gates that forget little: the picture has to last for the whole sentence
            for name, parameter in self.lstm.named_parameters():
                if name.startswith("bias"):
                    parameter[hidden : 2 * hidden] = 0.5  # the two biases add up to 1

    def forward(self, images: Tensor, captions: Tensor) -> Tensor:
        """Logits [B, T + 1, V] of the words of `captions` int64 [B, T] and of the stop, each from the words
        before it as they are written ("teacher forcing").
        """
        if captions.dim() != 2 or len(captions) != len(images):
            raise ArgumentError(
                f"captions of shape {tuple(captions.shape)} for {len(images)} images: give one row of word "
                "ids for each image, [B, T]."
            )
        first = self.picture(self.encoder(images))[:, None]
        read = torch.cat([first, self.words(functional.pad(captions, (1, 0), value=STOP))], 1)
        made, _ = self.lstm(self.inputs(read))
        return self.decoder(self.outputs(made[:, 1:]))

    def begin(self, images: Tensor) -> tuple[Tensor, State]:
        """log p of the first words [B, V], and the state (h, c), each [B, H]."""
        first = self.inputs(self.picture(self.encoder(images)))[:, None]
        _, (h, c) = self.lstm(first)
        return self.step(torch.full((len(images),), STOP, device=first.device), (h[0], c[0]))

    def step(self, words: Tensor, state: State) -> tuple[Tensor, State]:
        """log p of what follows `words` int64 [B], and the state behind them."""
        h, c = state
        read = self.inputs(self.words(words))[:, None]
        made, (h, c) = self.lstm(read, (h[None].contiguous(), c[None].contiguous()))
        return self.decoder(self.outputs(made[:, 0])).log_softmax(-1), (h[0], c[0])


def caption_loss(logits: Tensor, captions: Tensor) -> Tensor:
    """Mean −log p of each caption's words and its stop, in nats a word (Vinyals et al. 2015, eq. 13).

    `logits` [B, T + 1, V], `captions` int64 [B, T]; what follows a caption's first padding does not count.
    """
    targets = functional.pad(captions, (0, 1), value=STOP)
    ended = (targets == STOP).cumsum(1)
    counts = (ended == 0) | ((targets == STOP) & (ended == 1))
    return functional.cross_entropy(logits[counts], targets[counts])


@torch.no_grad()
def describe(
    models: ShowAndTell | Sequence[ShowAndTell],
    images: Tensor,
    *,
    width: int = 20,
    longest: int = 20,
    power: float = 0.0,
) -> list[tuple[Hypothesis, ...]]:
    """Captions of each of the images [B, …], best first, by beam search without dropout.

    Several models are an ensemble: the mean of their probabilities of each next word. Leaves the models as
    they were. Raises ArgumentError for no model, for vocabularies of different sizes, and as `beam_search`.
    """
    models = [models] if isinstance(models, ShowAndTell) else list(models)
    sizes = sorted({model.vocabulary for model in models})
    if len(sizes) != 1:
        raise ArgumentError(
            f"{len(models)} models with vocabularies of {sizes or 'no'} words say nothing together: give one "
            "or more that were trained with the same tokenizer."
        )
    with in_evaluation(*models):
        return [_search(models, image[None], width, longest, power) for image in images]


def _search(
    models: list[ShowAndTell], image: Tensor, width: int, longest: int, power: float
) -> tuple[Hypothesis, ...]:
    def step(words: Tensor, state: State) -> tuple[Tensor, State]:
        return _together([model.step(words, state[2 * n : 2 * n + 2]) for n, model in enumerate(models)])

    log_p, state = _together([model.begin(image) for model in models])
    return beam_search(log_p, state, step, width=width, longest=longest, power=power)


def _together(said: list[tuple[Tensor, State]]) -> tuple[Tensor, State]:
    """log of the mean probability, and all states in a row."""
    log_p = torch.stack([one for one, _ in said]).logsumexp(0) - math.log(len(said))
    return log_p, tuple(part for _, state in said for part in state)
