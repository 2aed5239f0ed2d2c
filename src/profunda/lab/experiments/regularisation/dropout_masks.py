"""The text's drawings of dropout from a layer that runs: two batches, two masks, and all units at test."""

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.regularisation._networks import Recipe, Rows, Stack, digits
from profunda.lab.experiments.regularisation._tables import Interval, interval, told
from profunda.lab.pictures import Axis, Diagram, Node, Plot, Role, series
from profunda.lab.words import Words, said
from profunda.layers import Dropout

_KEEP, _WIDTHS, _SEED = 0.5, (4, 6, 6, 2), 4
_BATCH, _EXACT = 32, 1e-12


def masks(count: int, units: int, seed: int) -> np.ndarray:
    """What so many batches of one row leave of `units` ones in training: [count, units] of 0 and 1."""
    layer = Dropout(keep=_KEEP, inverted=False)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return torch.stack([layer(torch.ones(units)) for _ in range(count)]).numpy()


def rows_alike(units: int) -> float:
    """Share of the rows of one batch that have the first row's mask."""
    layer = Dropout(keep=_KEEP, inverted=False)
    with torch.random.fork_rng():
        torch.manual_seed(_SEED)
        kept = layer(torch.ones(1000, units)).numpy()
    return float((kept[1:] == kept[0]).all(1).mean())


def at_test() -> float:
    """Largest difference of the layer in evaluation from p·x."""
    x = torch.linspace(-3.0, 3.0, 101, dtype=torch.float64)
    return float((Dropout(keep=_KEEP, inverted=False).eval()(x) - _KEEP * x).abs().max())


def noise(rows: Rows, batch: int, draws: int, members: int) -> np.ndarray:
    """Variance of a batch's gradient over masks, one mask a batch ÷ one a row: [members].

    Of the weights between two hidden layers of networks at their first weights, summed over weights.
    """
    stack = Stack(rows.x.shape[1], 10, members, Recipe(width=32), seed=1)
    found = []
    for whole in (True, False):
        gradients = []
        for _ in range(draws):
            logits, _ = stack.outputs(rows.x[:batch], drop=1.0 - _KEEP, whole=whole)
            labels = rows.y[:batch].repeat(members)
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels) * members
            gradients.append(torch.autograd.grad(loss, stack.weights[1])[0])
        found.append(torch.stack(gradients).var(0).sum((1, 2)).numpy())
    return found[0] / found[1]


def judged(kept: Interval, off: float, alike: float) -> Verdict:
    """By the share of units kept, the error at test, and the share of a batch's rows with equal masks."""
    if not kept.low <= _KEEP <= kept.high or off > _EXACT:
        return "wrong"
    return "holds" if alike == 1.0 else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Masks of the layer, and what one mask a batch in place of one a row would mean."""
    members, draws = (4, 60) if quick else (12, 200)
    drawn = masks(400 if quick else 4_000, 100, _SEED)
    kept = interval(drawn.mean(1))
    again = float((masks(len(drawn), 100, _SEED) == drawn).all(1).mean())
    alike, off = rows_alike(20), at_test()
    rows = digits(_BATCH)
    ratio = interval(np.log(noise(rows, _BATCH, draws, members)))
    verdict = judged(kept, off, alike)
    return Outcome(
        headline=said("variance of a gradient with one mask a batch ÷ one a row, {0} rows",
                      "variância do gradiente com uma máscara por lote ÷ uma por linha, {0} linhas", _BATCH),
        predicted=None,
        value=float(np.exp(ratio.mean)),
        interval=(float(np.exp(ratio.low)), float(np.exp(ratio.high))),
        measured=said(
            "{0} % of units are kept, anew in each batch; the same seed draws {1} % of the masks again. At "
            "test every unit gives p·x to {2}. Of the rows of one batch {3} % share a mask. Were it one for "
            "the batch, as drawn, the gradient's variance over masks would be {4} times as large at {5} "
            "rows.",
            "São mantidos {0} % dos neurônios, outros a cada lote; a mesma semente repete {1} % das "
            "máscaras. No teste todo neurônio dá p·x com erro {2}. Das linhas de um lote {3} % têm a mesma "
            "máscara. Se fosse uma por lote, como no desenho, a variância do gradiente sobre máscaras seria "
            "{4} vezes maior com {5} linhas.",
            100.0 * float(drawn.mean()), 100.0 * again, off, 100.0 * alike,
            float(np.exp(ratio.mean)), _BATCH,
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words("Masks are as drawn: one for each batch.",
                  "As máscaras são como no desenho: uma por lote."),
            Words(
                "The drawings are right of one row. A layer draws a mask for every row of a batch, not one "
                "for the batch: so many subnetworks share each step, and their mean is far less noisy.",
                "Os desenhos valem para uma linha. A camada sorteia uma máscara para cada linha do lote, não "
                "uma para o lote: muitas sub-redes dividem cada passo, e a sua média tem bem menos ruído.",
            ),
            Words("The layer does not do what is drawn.", "A camada não faz o que está desenhado."),
        ),
        pictures=(*_drawings(), _by_batch(quick)),
    )  # fmt: skip


def _drawings() -> tuple[Diagram, ...]:
    """The network in two batches and at test, with masks of the layer itself."""
    hidden = masks(4, _WIDTHS[1], _SEED)
    names = (
        Words("First batch", "Primeiro lote"), Words("Second batch: new masks", "Segundo lote: novas "
              "máscaras"),
    )  # fmt: skip
    training = Words(
        "A unit with 0 is off for this row: nothing enters or leaves it. p = 0.5 of hidden units.",
        "Um neurônio com 0 está desligado para esta linha: nada entra nem sai. p = 0,5 nas camadas ocultas.",
    )
    drawn = [
        _network(name, training, (hidden[2 * batch], hidden[2 * batch + 1]), "1")
        for batch, name in enumerate(names)
    ]
    ones = np.ones(_WIDTHS[1])
    testing = Words(
        "All units act, each with p times its activation.",
        "Todos os neurônios atuam, cada um com p vezes a sua ativação.",
    )
    return *drawn, _network(Words("Test", "Teste"), testing, (ones, ones), "p")


def _network(title: Words, what: Words, kept: tuple[np.ndarray, np.ndarray], text: str) -> Diagram:
    on = [np.ones(_WIDTHS[0]), *kept, np.ones(_WIDTHS[3])]
    nodes, places = [], []
    for layer, width in enumerate(_WIDTHS):
        hidden = 0 < layer < 3
        for unit in range(width):
            role: Role = ("good" if hidden else "measured") if on[layer][unit] else "rest"
            shown = (text if on[layer][unit] else "0") if hidden else "xy"[layer // 3]
            places.append((layer, unit))
            nodes.append(Node(shown, layer / 3, 0.5 + 0.19 * ((width - 1) / 2 - unit), role))
    links = tuple(
        (a, b, "")
        for a, (layer, unit) in enumerate(places)
        for b, (after, other) in enumerate(places)
        if after == layer + 1 and on[layer][unit] and on[after][other]
    )
    return Diagram(title, what, tuple(nodes), links)


def _by_batch(quick: bool) -> Plot:
    sizes = (1, 4, 16, 64) if quick else (1, 2, 4, 8, 16, 32, 64)
    rows = digits(max(sizes))
    found = np.stack([noise(rows, size, 60 if quick else 150, 4) for size in sizes])
    return Plot(
        Words("What one mask a batch would cost", "Quanto custaria uma máscara por lote"),
        Words("Variance of the gradient over masks, one a batch ÷ one a row; the band reaches from the least "
              "to the most of four networks. Rows that agreed on everything would lie on the dashed line.",
              "Variância do gradiente sobre máscaras, uma por lote ÷ uma por linha; a faixa vai da menor à "
              "maior de quatro redes. Linhas de acordo em tudo ficariam sobre o tracejado."),
        Axis(Words("rows of the batch B", "linhas do lote B"), log=True),
        Axis(Words("variance, batch ÷ row", "variância, lote ÷ linha"), log=True),
        (series(Words("measured", "medido"), sizes, found.mean(1), "measured", "both",
                (found.min(1), found.max(1))),
         series(Words("B", "B"), sizes, sizes, "theory")),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Dropout drawn: two batches and a test", "Dropout desenhado: dois lotes e um teste"),
    claim=Words(
        "In each batch dropout with p = 0.5 switches off other units, by a new random mask; at test all "
        "units are active, scaled by p.",
        "A cada lote o dropout com p = 0,5 desliga outros neurônios, por uma nova máscara aleatória; no "
        "teste todos estão ativos, escalados por p.",
    ),
    source=Words("“Técnicas de regularização”, dropout: visual example",
                 "“Técnicas de regularização”, dropout: exemplo visual"),
    prediction=Words(
        "Srivastava et al. (2014), section 4: masks are Bernoulli(p), drawn for every row. With one mask "
        "for a batch of B rows the gradient's variance is 1 + (B − 1)ρ times as large, ρ the mean "
        "correlation of two rows' gradients over masks.",
        "Srivastava et al. (2014), seção 4: as máscaras são Bernoulli(p), sorteadas para cada linha. Com uma "
        "máscara para um lote de B linhas a variância do gradiente é 1 + (B − 1)ρ vezes maior, ρ a "
        "correlação média dos gradientes de duas linhas sobre as máscaras.",
    ),
    measure=measure,
    rows=("R7",),
)  # fmt: skip
