"""AWD-LSTM (Merity, Keskar and Socher 2018): a language model of LSTM layers, regularised wherever possible.

Its optimiser is `profunda.layers.NTASGD`; `language` trains and judges it on a running text.
"""

from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn

from profunda.errors import ArgumentError
from profunda.layers.dropout import drop_rate
from profunda.layers.recurrent import EmbeddingDropout, LockedDropout, WeightDropLSTM

__all__ = ["AWDLSTM", "LanguageRegularisers", "Reading", "State"]

State = tuple[tuple[Tensor, Tensor], ...]
"""(h, c) of each layer, each [1, B, H]."""


@dataclass(frozen=True)
class LanguageRegularisers:
    """What each regulariser of an AWD-LSTM does, at the values published for Penn Treebank; 0 turns it off.

    Probabilities of dropping: `words` of the vocabulary, `inputs` of the first layer, `between` layers,
    `outputs` of the last layer, recurrent `weights`. `activation` is the factor α of AR, `temporal` the β of
    TAR. Raises ArgumentError for what is no probability or a negative factor.
    """

    words: float = 0.1
    inputs: float = 0.4
    between: float = 0.3
    outputs: float = 0.4
    weights: float = 0.5
    activation: float = 2.0
    temporal: float = 1.0

    def __post_init__(self) -> None:
        for rate in (self.words, self.inputs, self.between, self.outputs, self.weights):
            drop_rate(drop=rate)
        if not (self.activation >= 0.0 and self.temporal >= 0.0):
            raise ArgumentError(
                f"activation = {self.activation} and temporal = {self.temporal} are penalties' factors: 0 or "
                "more."
            )

    @classmethod
    def none(cls) -> "LanguageRegularisers":
        """All of them turned off."""
        return cls(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, eq=False)
class Reading:
    """What an AWD-LSTM makes of ids [T, B]: logits [T, B, V], the state after the last step, and the last
    layer's outputs [T, B, H] before (`hidden`) and after (`dropped`) their dropout.
    """

    logits: Tensor
    state: State
    hidden: Tensor
    dropped: Tensor

    def activation(self) -> Tensor:
        """AR: the mean square of the dropped outputs, so that activations stay small.

        Merity et al. (2018), section 4.6, with the mean of squares of the authors' program for L₂.
        """
        return self.dropped.square().mean()

    def temporal(self) -> Tensor:
        """TAR: the mean square of h_{t+1} − h_t, so that they change little; 0 for a single step."""
        return self.hidden.diff(dim=0).square().mean() if len(self.hidden) > 1 else self.hidden.new_zeros(())


class AWDLSTM(nn.Module):
    """Ids [T, B] to logits [T, B, V] of the next ones, by LSTM layers with all of the paper's regularisers.

    V = `vocabulary`. Layers go embedding → hidden → … → hidden → embedding; not `tied`, the last one has
    `hidden` units and the output layer weights of its own. Tied, it is the embedding's transpose (Inan et al.
    2017; Press and Wolf 2017). The defaults are the paper's: 24,221,600 parameters for Penn Treebank
    (V = 10,000), 33,556,078 for WikiText-2 (V = 33,278). Raises ArgumentError for counts below 1, for ids
    that are no word's, and for a state that does not fit.

    >>> model = AWDLSTM(10, embedding=4, hidden=6, layers=2)
    >>> model(torch.zeros(5, 3, dtype=torch.long)).logits.shape
    torch.Size([5, 3, 10])
    """

    def __init__(
        self,
        vocabulary: int,
        *,
        embedding: int = 400,
        hidden: int = 1150,
        layers: int = 3,
        tied: bool = True,
        regularisers: LanguageRegularisers | None = None,
    ) -> None:
        super().__init__()
        if min(vocabulary, embedding, hidden, layers) < 1:
            raise ArgumentError(
                f"{vocabulary} words, embeddings of {embedding}, {layers} layers of {hidden} units: each has "
                "to be at least 1."
            )
        self.regularisers = regulated = regularisers or LanguageRegularisers()
        self.tied = tied
        widths = [embedding, *[hidden] * (layers - 1), embedding if tied else hidden]
        self.encoder = nn.Embedding(vocabulary, embedding)
        self.rnns = nn.ModuleList(WeightDropLSTM(*pair, drop=regulated.weights) for pair in pairwise(widths))
        self.decoder = nn.Linear(widths[-1], vocabulary)
        nn.init.uniform_(self.encoder.weight, -0.1, 0.1)
        nn.init.uniform_(self.decoder.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)
        if tied:
            self.decoder.weight = self.encoder.weight
        self.words = EmbeddingDropout(drop=regulated.words)
        self.inputs = LockedDropout(drop=regulated.inputs)
        self.between = LockedDropout(drop=regulated.between)
        self.outputs = LockedDropout(drop=regulated.outputs)

    def forward(self, ids: Tensor, state: State | None = None) -> Reading:
        """Read on from `state`, which None begins at zero.

        Masks are drawn from torch's stream: words, inputs, then for each layer its weights and the dropout
        behind it.
        """
        if ids.dim() != 2:
            raise ArgumentError(f"ids have {ids.dim()} axes, but sequences of ids are [T, B], time first.")
        if state is not None and len(state) != len(self.rnns):
            raise ArgumentError(
                f"The state is of {len(state)} layers, but this model has {len(self.rnns)}: it is that of "
                "another model."
            )
        x = self.inputs(self.words(ids, self.encoder.weight))
        states, hidden = [], x
        for number, rnn in enumerate(self.rnns):
            hidden, after = rnn(x, None if state is None else state[number])
            states.append(after)
            x = (self.outputs if number == len(self.rnns) - 1 else self.between)(hidden)
        return Reading(self.decoder(x), tuple(states), hidden, x)

    def penalty(self, reading: Reading) -> Tensor:
        """α·AR + β·TAR of the last layer, to be added to the loss in training."""
        penalty = reading.logits.new_zeros(())
        if self.regularisers.activation:
            penalty = penalty + self.regularisers.activation * reading.activation()
        if self.regularisers.temporal:
            penalty = penalty + self.regularisers.temporal * reading.temporal()
        return penalty
