"""Small AWD-LSTMs on a few thousand words: the whole recipe, and the recipe without each of its parts."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.regularisation._tables import Interval, filled, interval, told
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said
from profunda.layers import NTASGD
from profunda.networks import (
    AWDLSTM,
    LanguageRegularisers,
    WordTokenizer,
    perplexity,
    read_epoch,
    reading_loss,
    running_text,
    stream,
)

_FULL = LanguageRegularisers()
_UNDROPPED = replace(_FULL, words=0.0, inputs=0.0, between=0.0, outputs=0.0)


@dataclass(frozen=True)
class Arm:
    """What an AWD-LSTM is regularised by; the defaults are the paper's."""

    name: Words
    regularisers: LanguageRegularisers = _FULL
    tied: bool = True
    decay: float = 1.2e-6


FULL = Arm(Words("all", "todos"))
NONE = Arm(Words("none", "nenhum"), LanguageRegularisers.none(), tied=False, decay=0.0)
LISTED = (
    Arm(Words("dropout", "dropout"), _UNDROPPED),
    Arm(Words("L2", "L2"), decay=0.0),
    Arm(Words("DropConnect", "DropConnect"), replace(_FULL, weights=0.0)),
)
"""Without each of the three that the text lists."""
UNLISTED = (
    Arm(Words("AR and TAR", "AR e TAR"), replace(_FULL, activation=0.0, temporal=0.0)),
    Arm(Words("tied weights", "pesos atados"), tied=False),
)
"""Without what only the paper lists; averaging is judged on the same run."""
_PARTS = (*(arm.name for arm in (*LISTED, *UNLISTED)), Words("averaging", "média dos pesos"))


def judged(recipe: Interval, listed: list[Interval]) -> Verdict:
    """By what the whole recipe and its listed parts save: clearly all of them; the whole alone; neither."""
    if not recipe.above:
        return "wrong"
    return "holds" if all(part.above for part in listed) else "holds with conditions"


@dataclass(frozen=True, eq=False)
class Text:
    """Ids of the words to train on, to judge the average's beginning by, and to be judged by."""

    shown: np.ndarray
    judging: np.ndarray
    unseen: np.ndarray
    size: int


def text() -> Text:
    """The bundled plays; the vocabulary is of the part to train on."""
    plays = running_text()
    cut = len(plays) * 4 // 5
    tokens = WordTokenizer.fit([plays[:cut]], most=400)
    shown, rest = (
        tokens.encode([part], int(tokens.lengths([part])[0]))[0] for part in (plays[:cut], plays[cut:])
    )
    return Text(shown, rest[:1500], rest[1500:6000], tokens.size)


def losses(arm: Arm, seed: int, given: Text, words: int, epochs: int) -> tuple[float, float]:
    """Nats a word of unseen text, by the averaged weights and by the last ones."""
    start = int(np.random.default_rng(seed).integers(len(given.shown) - words))
    shown = stream(given.shown[start : start + words], 25)
    judging, unseen = stream(given.judging, 25), stream(given.unseen, 25)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AWDLSTM(
            given.size, embedding=48, hidden=48, layers=2, tied=arm.tied, regularisers=arm.regularisers
        )
        optimiser = NTASGD(torch.optim.Adam(model.parameters(), 0.01, weight_decay=arm.decay), patience=2)
        generator = np.random.default_rng(seed)
        for _ in range(epochs):
            read_epoch(model, optimiser, shown, length=20, generator=generator)
            optimiser.judge(reading_loss(model, judging))
    last = reading_loss(model, unseen)
    with optimiser.averaged():
        return reading_loss(model, unseen), last


def measure(quick: bool) -> Outcome:
    """Seven arms, paired by the part of the text that they read."""
    seeds, words, epochs = (3, 2500, 10) if quick else (5, 4000, 20)
    arms, given = (FULL, NONE, *LISTED, *UNLISTED), text()
    found = np.array([[losses(arm, seed, given, words, epochs) for seed in range(seeds)] for arm in arms])
    full = found[0, :, 0]
    recipe = interval((found[1, :, 0] - full)[None])
    parts = [interval((each - full)[None]) for each in found[2:, :, 0]]
    averaging = interval((found[0, :, 1] - full)[None])
    listed = parts[: len(LISTED)]
    verdict = judged(recipe, listed)
    clear = sum(part.above for part in listed)
    every = [*parts, averaging]
    best = _PARTS[max(range(len(every)), key=lambda place: every[place].mean)]
    with_all, with_none = (perplexity(float(found[place, :, 0].mean())) for place in (0, 1))
    return Outcome(
        headline=Words("nats a word that the whole recipe saves", "nats por palavra que a receita poupa"),
        predicted=None,
        value=recipe.mean,
        interval=(recipe.low, recipe.high),
        measured=said(
            "Perplexity of unseen text {0} with all of it, {1} with none. Taking out one part at a time "
            "loses {2} nats a word for dropout, {3} for L2, {4} for DropConnect, {5} for AR and TAR, {6} for "
            "tied weights, {7} for averaging.",
            "Perplexidade em texto não visto {0} com tudo, {1} sem nada. Tirar uma parte por vez perde {2} "
            "nats por palavra para dropout, {3} para L2, {4} para DropConnect, {5} para AR e TAR, {6} para "
            "pesos atados, {7} para a média dos pesos.",
            with_all, with_none, *(part.mean for part in every),
        ),
        verdict=verdict,
        statement=_statement(verdict, clear, best),
        pictures=(_picture([recipe, *every], seeds),),
    )  # fmt: skip


def _statement(verdict: Verdict, clear: int, best: Words) -> Words:
    return told(
        verdict,
        Words(
            "Dropout, L2 and DropConnect each help a language model, and so does the recipe as a whole.",
            "Dropout, L2 e DropConnect ajudam cada um um modelo de linguagem, e a receita toda também.",
        ),
        filled(
            f"The recipe as a whole helps a small network on a small text. But of the three parts that the "
            f"text names {clear} cannot be left out here without a clear loss, and what helps most is {{0}}. "
            "The paper's list is longer than the text's, and the worth of each part depends on the rest and "
            "on the size: leave each out in turn before you believe in it.",
            f"A receita toda ajuda uma rede pequena em um texto pequeno. Mas, das três partes que o texto "
            f"nomeia, {clear} fazem clara falta aqui, e o que mais ajuda é {{0}}. A lista do artigo é mais "
            "longa que a do texto, e o valor de cada parte depende das outras e do tamanho: tire cada uma "
            "por vez antes de acreditar nela.",
            best,
        ),
        Words("The recipe is not clearly better than none at this size.",
              "A receita não é claramente melhor que nenhuma neste tamanho."),
    )  # fmt: skip


def _picture(found: list[Interval], seeds: int) -> Plot:
    names = (Words("all of it", "tudo"), *_PARTS)
    return Plot(
        Words("What each part saves", "O que cada parte poupa"),
        said(
            "Loss without it less loss with the whole recipe, on text that no training has seen; above 0 it "
            "helps. 95 % intervals over {0} parts of the text.",
            "Perda sem ela menos perda com a receita toda, em texto que nenhum treino viu; acima de 0 "
            "ajuda. Intervalos de 95 % sobre {0} trechos do texto.",
            seeds,
        ),
        Axis(Words("left out", "o que falta"), names=names),
        Axis(Words("nats a word", "nats por palavra")),
        (
            series(
                Words("saved", "poupado"), range(len(found)), [one.mean for one in found], kind="points",
                band=([one.low for one in found], [one.high for one in found]),
            ),
        ),
        marks=(Mark(Words("no difference", "sem diferença"), y=0.0),),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("What each part of AWD-LSTM is worth", "O que vale cada parte do AWD-LSTM"),
    claim=Words(
        "AWD-LSTM combines dropout, L2 and DropConnect: aggressive regularisation for language modelling.",
        "AWD-LSTM combina dropout, L2 e DropConnect: regularização agressiva para modelagem de linguagem.",
    ),
    source=Words("“Técnicas de regularização”, examples of combinations",
                 "“Técnicas de regularização”, exemplos de combinações"),
    prediction=Words(
        "A network that reads few words many times learns them by heart, so the whole recipe saves nats on "
        "unseen text. Of the parts DropConnect should save the most, as in the ablation of Merity et al. "
        "(2018) on Penn Treebank (which part, was taken from there after a first look).",
        "Uma rede que lê poucas palavras muitas vezes as decora, logo a receita toda poupa nats em texto não "
        "visto. Das partes DropConnect deve poupar mais, como na ablação de Merity et al. (2018) no Penn "
        "Treebank (qual parte, foi tomado de lá após um primeiro olhar).",
    ),
    measure=measure,
    rows=("R9",),
)  # fmt: skip
