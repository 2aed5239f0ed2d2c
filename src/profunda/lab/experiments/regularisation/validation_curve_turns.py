"""Training loss falls to the end, validation loss falls and rises: maxout networks on digits."""

import numpy as np
import torch
from torch import nn

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.regularisation._networks import Rows, digits
from profunda.lab.experiments.regularisation._tables import Interval, filled, interval, told
from profunda.lab.images import Images
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said
from profunda.layers import Maxout

_PIECES, _PATIENCE = 3, 5


def _curves(rows: Rows, epochs: int, seed: int, units: int, rate: float, batch: int) -> np.ndarray:
    """Training loss, validation loss and wrong validation rows after each epoch: [epochs, 3]."""
    inputs, classes = rows.x.shape[1], int(rows.y.max()) + 1
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = nn.Sequential(
            Maxout(inputs, units, _PIECES), Maxout(units, units, _PIECES), nn.Linear(units, classes)
        )
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    random = np.random.default_rng(seed)
    found = np.empty((epochs, 3))
    for epoch in range(epochs):
        order = random.permutation(len(rows.y))
        for at in range(0, len(order), batch):
            part = torch.as_tensor(order[at : at + batch])
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(rows.x[part]), rows.y[part]).backward()
            optimiser.step()
        with torch.no_grad():
            logits = network(rows.x_test)
            found[epoch] = (
                float(nn.functional.cross_entropy(network(rows.x), rows.y)),
                float(nn.functional.cross_entropy(logits, rows.y_test)),
                float((logits.argmax(1) != rows.y_test).float().mean()),
            )
    return found


def stopped(losses: np.ndarray, patience: int) -> tuple[int, int]:
    """i* and i of the text's algorithm with n = 1 on these validation losses (Goodfellow et al. 2016, 7.1).

    The best place and the last one walked, counted from 1; NaN is no improvement.
    """
    lowest, best, failed = np.inf, 0, 0
    for place, loss in enumerate(losses, 1):
        if loss < lowest:
            lowest, best, failed = loss, place, 0
        else:
            failed += 1
        if failed == patience:
            return best, place
    return best, len(losses)


def judged(rise: Interval, train: float) -> Verdict:
    """By ln(last ÷ lowest validation loss), and the training loss's last ÷ that at the turn."""
    if rise.low > np.log(1.05) and train < 0.5:
        return "holds"
    return "wrong" if rise.high < np.log(1.05) else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Small digits: networks with different first weights and rows."""
    networks, epochs = (4, 50) if quick else (8, 100)
    curves = [_curves(digits(100, 500, seed), epochs, seed, 64, 1e-2, 50) for seed in range(networks)]
    return _outcome(
        np.stack(curves), 100,
        Words("few 8 × 8 digits; `profunda lab validation-curve-turns --data mnist.npz` draws the curves of "
              "the text's figure itself",
              "poucos dígitos 8 × 8; `profunda lab validation-curve-turns --data mnist.npz` desenha as "
              "próprias curvas da figura do texto"),
    )  # fmt: skip


def measure_on(images: Images, quick: bool) -> Outcome:
    """All training images of the file but a sixth, which validates, as in the text's figure: minutes."""
    networks, epochs, most = 3, 15, 6_000 if quick else len(images.y)
    curves, rows = [], 0
    for seed in range(networks):
        order = np.random.default_rng(seed).permutation(len(images.y))[:most]
        rows = len(order) - len(order) // 6
        x, y = torch.from_numpy(images.x[order]), torch.from_numpy(images.y[order])
        given = Rows(x[:rows], y[:rows], x[rows:], y[rows:])
        curves.append(_curves(given, epochs, seed, 64, 1e-3, 64))
    return _outcome(np.stack(curves), rows, Words(images.name, images.name))


def _outcome(curves: np.ndarray, rows: int, data: Words) -> Outcome:
    """From curves [networks, epochs, 3] on `data`, `rows` images to train on."""
    networks, epochs = curves.shape[:2]
    valid = curves[..., 1]
    turn = valid.argmin(1)
    rise = interval(np.log(valid[:, -1] / valid.min(1)))
    at_turn = curves[np.arange(networks), turn]
    train = float(np.median(curves[:, -1, 0] / at_turn[:, 0]))
    ends = np.array([stopped(one, _PATIENCE) for one in valid])
    lost = float(np.exp(np.log(valid[np.arange(networks), ends[:, 0] - 1] / valid.min(1)).mean()))
    verdict = judged(rise, train)
    return Outcome(
        headline=Words("validation loss at the end ÷ at its lowest", "perda de validação no fim ÷ no mínimo"),
        predicted=None,
        value=float(np.exp(rise.mean)),
        interval=(float(np.exp(rise.low)), float(np.exp(rise.high))),
        measured=said(
            "The validation loss is lowest after {0} of {1} epochs (median) and ends at {2} times that; the "
            "training loss then still falls to {3} times its size there. Wrong images: {4} % at the turn, "
            "{5} % at the end ({6} networks, {7} images each to train on). The text's algorithm, a patience "
            "of {8} epochs, ends after {9}, and its weights have {10} times the lowest validation loss.",
            "A perda de validação é mínima após {0} de {1} épocas (mediana) e termina em {2} vezes isso; a "
            "de treino ainda cai a {3} vezes o seu valor ali. Imagens erradas: {4} % na virada, {5} % no fim "
            "({6} redes, {7} imagens de treino cada). O algoritmo do texto, com paciência de {8} épocas, "
            "termina após {9}, e os seus pesos têm {10} vezes a menor perda de validação.",
            _middle(turn + 1), epochs, float(np.exp(rise.mean)), train,
            100.0 * float(at_turn[:, 2].mean()), 100.0 * float(curves[:, -1, 2].mean()), networks, rows,
            _PATIENCE, _middle(ends[:, 1]), lost,
        ),
        verdict=verdict,
        statement=told(
            verdict,
            filled(
                "The curve turns: the network grows surer of its mistakes. Its share of wrong images need "
                "not rise with it, so stop by the measure that counts. Seen on {0}.",
                "A curva vira: a rede fica mais segura dos seus erros. A fração de imagens erradas não "
                "precisa subir junto; pare pela medida que importa. Visto em {0}.",
                data,
            ),
            Words("The turn is seen in some networks, not beyond doubt in their mean.",
                  "A virada é vista em algumas redes, não sem dúvida na sua média."),
            Words("No turn was seen here.", "Nenhuma virada foi vista aqui."),
        ),
        pictures=(_losses(curves, ends), _wrong(curves[..., 2])),
    )  # fmt: skip


def _middle(epochs: np.ndarray) -> int:
    return int(np.quantile(epochs, 0.5, method="lower"))


def _losses(curves: np.ndarray, ends: np.ndarray) -> Plot:
    places = np.arange(1, curves.shape[1] + 1)
    return Plot(
        Words("Loss by epoch, maxout networks", "Perda por época, redes maxout"),
        Words("Geometric means; the bands reach from the least to the largest of the networks. Dotted: where "
              "the algorithm ends, and whose weights it keeps (medians).",
              "Médias geométricas; as faixas vão da menor à maior rede. Pontilhado: onde o algoritmo "
              "termina e de onde são os pesos que guarda (medianas)."),
        Axis(Words("epoch", "época")),
        Axis(Words("loss (nats)", "perda (nats)"), log=True),
        tuple(
            series(name, places, np.exp(np.log(part).mean(0)), role, band=(part.min(0), part.max(0)))
            for name, part, role in (
                (Words("training", "treino"), curves[..., 0], "good"),
                (Words("validation", "validação"), curves[..., 1], "bad"),
            )
        ),
        marks=(Mark(Words("i*", "i*"), x=_middle(ends[:, 0])),
               Mark(said("end, p = {0}", "fim, p = {0}", _PATIENCE), x=_middle(ends[:, 1]))),
    )  # fmt: skip


def _wrong(shares: np.ndarray) -> Plot:
    places = np.arange(1, shares.shape[1] + 1)
    return Plot(
        Words("Wrong validation images by epoch", "Imagens de validação erradas por época"),
        Words("Mean, with the band from the best to the worst network.",
              "Média, com a faixa da melhor à pior rede."),
        Axis(Words("epoch", "época")),
        Axis(Words("wrong (%)", "erradas (%)"), range=(0.0, 120.0 * float(np.quantile(shares, 0.9)))),
        (series(Words("wrong images", "imagens erradas"), places, 100 * shares.mean(0),
                band=(100 * shares.min(0), 100 * shares.max(0))),),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("The validation curve that turns", "A curva de validação que vira"),
    claim=Words(
        "While a maxout network trains on handwritten digits its training loss falls steadily, but its "
        "validation loss falls and then rises.",
        "Enquanto uma rede maxout treina com dígitos manuscritos, a perda de treino cai sempre, mas a de "
        "validação cai e depois sobe.",
    ),
    source=Words(
        "“Técnicas de regularização”, learning curves (figure after Goodfellow et al.)",
        "“Técnicas de regularização”, curvas de aprendizado (figura de Goodfellow et al.)",
    ),
    prediction=Words(
        "With few rows the end is at least 5 % above the lowest validation loss, beyond doubt, and the "
        "training loss falls by half or more after the turn.",
        "Com poucas linhas o fim fica ao menos 5 % acima da menor perda de validação, sem dúvida, e a de "
        "treino cai à metade ou menos depois da virada.",
    ),
    measure=measure,
    measure_on=measure_on,
    rows=("R6",),
)
