"""Small AWD-LSTMs on plays and Show and Tells on captioned scenes: what was each regulariser worth?

    python benchmarks/named_language.py [--quick] [--json FILE] [--cells FILE.jsonl] [--text FILE.txt.gz]

An AWD-LSTM with everything that its paper regularises by, at the published strengths, and without each of it
in turn; its averaging is judged on the same run, before and after. Show and Tell with what its paper relies
on (a pre-trained encoder, dropout), without each, and with the weight decay that textbooks add; then beams of
several widths and the ensemble of all seeds. Each seed has a part of the text, or scenes, of its own;
differences are paired within seeds. A gain is what the ingredient saves in nats a word and, for captions,
adds to BLEU-4, on text and pictures that no training has seen.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: spinning threads slow everybody down

import argparse
import gzip
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from _bench import machine, write
from _images import Runs, paired
from torch import nn
from torch.nn import functional

from profunda.data.bundled import running_text
from profunda.data.tokens import WordTokenizer
from profunda.layers.averaging import NTASGD
from profunda.metrics.bleu import bleu
from profunda.networks.named.awd_lstm import AWDLSTM, LanguageRegularisers
from profunda.networks.named.language import perplexity, read_epoch, reading_loss, stream
from profunda.networks.named.scenes import FASHION, Scenes, fashion_scenes
from profunda.networks.named.show_and_tell import PictureEncoder, ShowAndTell, caption_loss, describe

__all__ = ["READERS", "TELLERS", "Reader", "Settings", "Teller", "main", "read", "tell", "words_of"]

PUBLISHED = LanguageRegularisers()
LONGEST = 14  # words of a caption; no scene needs more
CLASSES = (1, 3, 4, 7, 8)  # trousers, dress, coat, sneaker, bag
Interval = tuple[float, float, float]


@dataclass(frozen=True)
class Settings:
    """What is measured."""

    words: int = 12_000
    epochs: int = 16
    hidden: int = 96
    scenes: int = 1000
    scene_epochs: int = 12
    test_scenes: int = 150
    seeds: int = 3


QUICK = Settings(words=4000, epochs=3, hidden=32, scenes=200, scene_epochs=2, test_scenes=30, seeds=2)


@dataclass(frozen=True)
class Reader:
    """An AWD-LSTM's arm."""

    regularisers: LanguageRegularisers = field(default=PUBLISHED)
    tied: bool = True


READERS = {
    "full": Reader(),
    "none": Reader(LanguageRegularisers.none(), tied=False),
    "without word dropout": Reader(replace(PUBLISHED, words=0.0)),
    "without input dropout": Reader(replace(PUBLISHED, inputs=0.0)),
    "without dropout between layers": Reader(replace(PUBLISHED, between=0.0)),
    "without output dropout": Reader(replace(PUBLISHED, outputs=0.0)),
    "without weight drop": Reader(replace(PUBLISHED, weights=0.0)),
    "without AR and TAR": Reader(replace(PUBLISHED, activation=0.0, temporal=0.0)),
    "without tied weights": Reader(tied=False),
}


@dataclass(frozen=True)
class Teller:
    """A Show and Tell's arm."""

    pretrained: bool = True
    inputs: float = 0.3
    outputs: float = 0.3
    decay: float = 0.0


TELLERS = {
    "full": Teller(),
    "without pre-trained encoder": Teller(pretrained=False),
    "without input dropout": Teller(inputs=0.0),
    "without output dropout": Teller(outputs=0.0),
    "with weight decay": Teller(decay=0.1),
}


def main(words: Sequence[str] | None = None) -> int:
    """Measure what is missing, print, write; 0 always, as an ingredient that hurts is a result too."""
    given = _options(words)
    settings = QUICK if given.quick else Settings()
    print(f"Expected: about {15 if given.quick else 240} s on one calm core.", flush=True)
    torch.set_num_threads(1)
    facts = machine("numpy", "torch")
    text = gzip.decompress(given.text.read_bytes()).decode() if given.text else running_text()
    told = {**asdict(settings), "seeds": "any", "text": len(text)}
    runs = Runs(given.cells, told)
    ids, size = words_of(text)
    found = _measured(
        runs,
        "AWD-LSTM",
        READERS,
        settings.seeds,
        lambda name, seed: read(READERS[name], seed, settings, ids, size),
    )
    results = {"AWD-LSTM": _worth(found, "nats", ())}
    averaged = [(one["last"], one["nats"]) for one in found["full"]]
    results["AWD-LSTM"]["averaging"] = {"nats": paired(*zip(*averaged, strict=True))}
    captions = _measured(
        runs,
        "Show and Tell",
        TELLERS,
        settings.seeds,
        lambda name, seed: tell(TELLERS[name], seed, settings),
    )
    results["Show and Tell"] = _worth(captions, "nats", ("bleu",))
    for other in ("greedy", "beam 20"):
        beside = [(one["bleu"], one[other]) for one in captions["full"]]
        results["Show and Tell"][f"beam 5 beside {other}"] = {"bleu": paired(*zip(*beside, strict=True))}
    together = runs.get(f"Show and Tell, ensemble, {settings.seeds}", partial(_ensemble, settings))
    for family, arms in (("AWD-LSTM", found), ("Show and Tell", captions)):
        _print(family, arms, results[family])
    print(f"ensemble of {settings.seeds}: BLEU-4 {together['bleu']:.3f}")
    write(given.json, "named_language", facts, asdict(settings), {**results, "ensemble": together}, {})
    return 0


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    reader = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    reader.add_argument("--quick", action="store_true", help="fewer words, scenes, epochs and seeds")
    reader.add_argument(
        "--json", type=Path, metavar="FILE", help="overwrite FILE with the results at the end"
    )
    reader.add_argument(
        "--cells", type=Path, metavar="FILE.jsonl", help="append finished runs; skip those there"
    )
    reader.add_argument(
        "--text", type=Path, metavar="FILE.txt.gz", help="a text; the bundled one if left out"
    )
    given = reader.parse_args(words)
    if given.text is not None and not given.text.is_file():
        reader.error(f"there is no file {given.text}")
    return given


def _measured(
    runs: Runs,
    family: str,
    arms: Iterable[str],
    seeds: int,
    measure: Callable[[str, int], dict[str, float]],
) -> dict[str, list[dict[str, float]]]:
    found: dict[str, list[dict[str, float]]] = {name: [] for name in arms}
    for seed in range(seeds):
        for name, values in found.items():
            values.append(runs.get(f"{family}, {name}, {seed}", partial(measure, name, seed)))
    return found


# Texts -----------------------------------------------------------------------------------------------------


def words_of(text: str) -> tuple[np.ndarray, int]:
    """Ids of all words of `text` and the number of ids; the vocabulary is of its first 80 %, 1,000 words."""
    tokens = WordTokenizer.fit([text[: len(text) * 4 // 5]], most=1000)
    return tokens.encode([text], int(tokens.lengths([text])[0]))[0], tokens.size


def read(arm: Reader, seed: int, settings: Settings, ids: np.ndarray, size: int) -> dict[str, float]:
    """Nats a word of the last tenth of the text, after training on a part of the first 80 %.

    "nats" by the averaged weights, "last" by the last ones; the tenth between judges when to average.
    """
    part, tenth = len(ids) * 4 // 5, len(ids) // 10
    start = np.random.default_rng(seed).integers(max(1, part - settings.words))
    shown = stream(ids[start : start + settings.words], 10)
    judging, unseen = stream(ids[part : part + tenth], 10), stream(ids[part + tenth :], 10)
    torch.manual_seed(seed)
    model = AWDLSTM(
        size, embedding=64, hidden=settings.hidden, layers=2, tied=arm.tied, regularisers=arm.regularisers
    )
    optimiser = NTASGD(torch.optim.Adam(model.parameters(), 5e-3), patience=3)
    generator = np.random.default_rng(seed)
    for _ in range(settings.epochs):
        trained = read_epoch(model, optimiser, shown, length=35, generator=generator)
        optimiser.judge(reading_loss(model, judging))
    last = reading_loss(model, unseen)
    with optimiser.averaged():
        nats = reading_loss(model, unseen)
    return {"nats": nats, "last": last, "trained": trained}


# Captions --------------------------------------------------------------------------------------------------


def tell(arm: Teller, seed: int, settings: Settings) -> dict[str, float]:
    """Nats a word and BLEU-4 by beams of 5, 1 and 20, on scenes of pictures that were held out."""
    tokens, unseen = _language(settings)
    model = _teller(arm, seed, settings, tokens)
    model.eval()
    ids = torch.from_numpy(tokens.encode(unseen.captions, LONGEST))
    with torch.no_grad():
        nats = caption_loss(model(unseen.images, ids), ids).item()
    scores = {name: _bleu([model], tokens, unseen, width) for name, width in
              (("bleu", 5), ("greedy", 1), ("beam 20", 20))}  # fmt: skip
    return {"nats": nats, **scores}


def _ensemble(settings: Settings) -> dict[str, float]:
    tokens, unseen = _language(settings)
    models = [_teller(Teller(), seed, settings, tokens) for seed in range(settings.seeds)]
    return {"bleu": _bleu(models, tokens, unseen, 5)}


@cache
def _language(settings: Settings) -> tuple[WordTokenizer, Scenes]:
    """One vocabulary for all seeds, from scenes of the training pictures, and the held-out scenes."""
    every = fashion_scenes(2000, 999, classes=CLASSES)
    unseen = fashion_scenes(settings.test_scenes, 1000, held_out=True, classes=CLASSES)
    return WordTokenizer.fit(every.captions), unseen


def _teller(arm: Teller, seed: int, settings: Settings, tokens: WordTokenizer) -> ShowAndTell:
    shown = fashion_scenes(settings.scenes, seed, classes=CLASSES)
    ids = torch.from_numpy(tokens.encode(shown.captions, LONGEST))
    torch.manual_seed(seed)
    encoder = PictureEncoder(1, 8)
    if arm.pretrained:
        _pretrain(encoder, seed, settings)
    model = ShowAndTell(
        encoder,
        encoder.features,
        tokens.size,
        embedding=64,
        hidden=128,
        drop_inputs=arm.inputs,
        drop_outputs=arm.outputs,
    )
    optimiser = torch.optim.AdamW(model.parameters(), 4e-3, weight_decay=arm.decay)
    _train(
        optimiser,
        settings,
        len(ids),
        lambda rows: caption_loss(model(shown.images[rows], ids[rows]), ids[rows]),
    )
    return model


def _pretrain(encoder: PictureEncoder, seed: int, settings: Settings) -> None:
    """Teach the encoder to name single things, as the paper's has learnt to name photographs."""
    names = [FASHION[one].one for one in CLASSES]
    every = fashion_scenes(4 * settings.scenes, 500 + seed, classes=CLASSES)
    single = [place for place, caption in enumerate(every.captions) if caption in names]
    images, labels = every.images[single], torch.tensor([names.index(every.captions[one]) for one in single])
    head = nn.Linear(encoder.features, len(names))
    optimiser = torch.optim.AdamW([*encoder.parameters(), *head.parameters()], 2e-3)
    _train(optimiser, settings, len(labels),
           lambda rows: functional.cross_entropy(head(encoder(images[rows])), labels[rows]))  # fmt: skip


def _train(
    optimiser: torch.optim.Optimizer,
    settings: Settings,
    count: int,
    loss_of: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    for _ in range(settings.scene_epochs):
        for rows in torch.randperm(count).split(50):
            optimiser.zero_grad()
            loss_of(rows).backward()
            optimiser.step()


def _bleu(models: list[ShowAndTell], tokens: WordTokenizer, unseen: Scenes, width: int) -> float:
    told = describe(models, unseen.images, width=width, longest=LONGEST)
    said = [[tokens.vocabulary[word - 2] for word in each[0].words] for each in told]
    return bleu(said, [[caption.split()] for caption in unseen.captions]).scores[3]


# Results ---------------------------------------------------------------------------------------------------


def _worth(
    found: dict[str, list[dict[str, float]]], loss: str, gains: tuple[str, ...]
) -> dict[str, dict[str, Interval]]:
    """What each ingredient saves in `loss` and adds to each of `gains`, with intervals; above 0 it helps."""

    def of(name: str, score: str) -> list[float]:
        return [values[score] for values in found[name]]

    made = {}
    for name in found:
        if name == "full":
            continue
        on, off = (name, "full") if name.startswith("with ") else ("full", name)
        made[name] = {loss: paired(of(off, loss), of(on, loss))}
        made[name] |= {gain: paired(of(on, gain), of(off, gain)) for gain in gains}
    return made


def _print(
    family: str, found: dict[str, list[dict[str, float]]], results: dict[str, dict[str, Interval]]
) -> None:
    for name, values in found.items():
        nats = sum(one["nats"] for one in values) / len(values)
        scores = [one["bleu"] for one in values if "bleu" in one]
        blue = f", BLEU-4 {sum(scores) / len(scores):.3f}" if scores else ""
        print(f"{family}, {name}: {nats:.3f} nats, perplexity {perplexity(nats):.2f}{blue}")
    for name, lines in results.items():
        told = "  ".join(f"{key} {low[0]:+.3f} [{low[1]:+.3f}, {low[2]:+.3f}]" for key, low in lines.items())
        print(f"  {name:<32} {told}")


if __name__ == "__main__":
    sys.exit(main())
