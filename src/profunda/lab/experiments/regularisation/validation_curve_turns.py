"""Training loss falls to the end, validation loss falls and rises: maxout networks on few digits."""

import numpy as np
import torch
from torch import nn

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.regularisation._networks import Rows, digits
from profunda.lab.experiments.regularisation._tables import Interval, interval, told
from profunda.lab.pictures import Axis, Mark, Plot, series
from profunda.lab.words import Words, said
from profunda.layers import Maxout

_ROWS, _UNITS, _PIECES, _RATE = 100, 64, 3, 1e-2


def _curves(rows: Rows, epochs: int, seed: int) -> np.ndarray:
    """Training loss, validation loss and wrong validation rows after each epoch: [epochs, 3]."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = nn.Sequential(
            Maxout(64, _UNITS, _PIECES), Maxout(_UNITS, _UNITS, _PIECES), nn.Linear(_UNITS, 10)
        )
    optimiser = torch.optim.Adam(network.parameters(), lr=_RATE)
    random = np.random.default_rng(seed)
    found = np.empty((epochs, 3))
    for epoch in range(epochs):
        order = random.permutation(len(rows.y))
        for at in range(0, len(order), 50):
            part = torch.as_tensor(order[at : at + 50])
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


def judged(rise: Interval, train: float) -> Verdict:
    """By ln(last ÷ lowest validation loss), and the training loss's last ÷ that at the turn."""
    if rise.low > np.log(1.05) and train < 0.5:
        return "holds"
    return "wrong" if rise.high < np.log(1.05) else "holds with conditions"


def measure(quick: bool) -> Outcome:
    """Curves of networks with different first weights and rows."""
    networks, epochs = (4, 50) if quick else (8, 100)
    curves = np.stack([_curves(digits(_ROWS, 500, seed), epochs, seed) for seed in range(networks)])
    valid = curves[..., 1]
    turn = valid.argmin(1)
    rise = interval(np.log(valid[:, -1] / valid.min(1)))
    at_turn = curves[np.arange(networks), turn]
    train = float(np.median(curves[:, -1, 0] / at_turn[:, 0]))
    verdict = judged(rise, train)
    places = np.arange(1, epochs + 1)
    return Outcome(
        headline=Words("validation loss at the end ÷ at its lowest", "perda de validação no fim ÷ no mínimo"),
        predicted=None,
        value=float(np.exp(rise.mean)),
        interval=(float(np.exp(rise.low)), float(np.exp(rise.high))),
        measured=said(
            "The validation loss is lowest after {0} of {1} epochs (median) and ends at {2} times that; the "
            "training loss then still falls to {3} times its size there. Wrong digits: {4} % at the turn, "
            "{5} "
            "% at the end ({6} networks, {7} digits each to train on).",
            "A perda de validação é mínima após {0} de {1} épocas (mediana) e termina em {2} vezes isso; a "
            "de treino ainda cai a {3} vezes o seu valor ali. Dígitos errados: {4} % na virada, {5} % no fim "
            "({6} redes, {7} dígitos de treino cada).",
            float(np.median(turn + 1)), epochs, float(np.exp(rise.mean)), train,
            100.0 * float(at_turn[:, 2].mean()), 100.0 * float(curves[:, -1, 2].mean()), networks, _ROWS,
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words(
                "The curve turns: the network grows surer of its mistakes. Its share of wrong digits need "
                "not rise with it, so stop by the measure that counts. Seen on few 8 × 8 digits; those of "
                "the text's figure (MNIST) do not come with Profunda.",
                "A curva vira: a rede fica mais segura dos seus erros. A fração de dígitos errados não "
                "precisa subir junto; pare pela medida que importa. Visto em poucos dígitos 8 × 8; os da "
                "figura do texto (MNIST) não vêm com o Profunda.",
            ),
            Words("The turn is seen in some networks, not beyond doubt in their mean.",
                  "A virada é vista em algumas redes, não sem dúvida na sua média."),
            Words("No turn was seen here.", "Nenhuma virada foi vista aqui."),
        ),
        pictures=(
            Plot(
                Words("Loss by epoch, maxout networks", "Perda por época, redes maxout"),
                Words("Geometric means; the bands reach from the least to the largest of the networks.",
                      "Médias geométricas; as faixas vão da menor à maior rede."),
                Axis(Words("epoch", "época")),
                Axis(Words("loss (nats)", "perda (nats)"), log=True),
                tuple(
                    series(name, places, np.exp(np.log(part).mean(0)), role, band=(part.min(0), part.max(0)))
                    for name, part, role in (
                        (Words("training", "treino"), curves[..., 0], "good"),
                        (Words("validation", "validação"), valid, "bad"),
                    )
                ),
                marks=(Mark(Words("turn", "virada"), x=float(np.median(turn + 1))),),
            ),
            Plot(
                Words("Wrong validation digits by epoch", "Dígitos de validação errados por época"),
                Words("Mean, with the band from the best to the worst network.",
                      "Média, com a faixa da melhor à pior rede."),
                Axis(Words("epoch", "época")),
                Axis(Words("wrong (%)", "errados (%)"), range=(0.0, 40.0)),
                (series(Words("wrong digits", "dígitos errados"), places, 100 * curves[..., 2].mean(0),
                        band=(100 * curves[..., 2].min(0), 100 * curves[..., 2].max(0))),),
            ),
        ),
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
    rows=("R6",),
)
