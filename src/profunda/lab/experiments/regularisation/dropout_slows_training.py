"""Networks with dropout take more epochs to come near the best they reach."""

from dataclasses import replace

import numpy as np

import profunda
from profunda.lab.experiment import Experiment, Outcome
from profunda.lab.experiments.regularisation._tables import (
    by_table,
    factors,
    filled,
    interval,
    log_losses,
    pooled,
    rule,
    tables,
    told,
    train,
)
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words

_PLAIN = profunda.Design(widths=(64, 64), lr=1e-3, batch_size=32)


def needed(valid: np.ndarray) -> float:
    """Epochs until a validation loss [E] is within 2 % of its own lowest."""
    return 1.0 + float(np.argmax(valid <= 1.02 * np.nanmin(valid)))


def measure(quick: bool) -> Outcome:
    """Epochs to near the best, with half of the hidden units dropped against none."""
    given = tables(300 if quick else 500)
    seeds, epochs = (2, 50) if quick else (6, 100)
    designs = [replace(_PLAIN, epochs=epochs), replace(_PLAIN, epochs=epochs, dropout=0.5)]
    curves = [train(designs, table, seeds) for table in given]
    logs = [np.log(np.vectorize(lambda c: needed(c.valid_loss), otypes=[float])(one)) for one in curves]
    slower = [one[1] - one[0] for one in logs]
    gained = [interval(one[0] - one[1]) for one in map(log_losses, curves)]
    found = [interval(one) for one in slower]
    late = np.mean([needed(c.valid_loss) > 0.9 * epochs for one in curves for c in one[1].flat])
    verdict, whole = rule(found), pooled(slower)
    valid = np.array([[c.valid_loss for c in row.flat] for row in curves[2]])
    places = np.arange(1, epochs + 1)
    return Outcome(
        headline=Words("epochs to near the best, with ÷ without dropout",
                       "épocas até perto do melhor, com ÷ sem dropout"),
        predicted=None,
        value=float(np.exp(whole.mean)),
        interval=(float(np.exp(whole.low)), float(np.exp(whole.high))),
        measured=filled(
            "Epochs to within 2 % of a network's own lowest validation loss, with ÷ without: {0}. Lowest "
            "loss, without ÷ with: {1}. Of the networks with dropout {2} still improved in the last tenth.",
            "Épocas até 2 % da menor perda de validação da própria rede, com ÷ sem: {0}. Menor perda, sem ÷ "
            "com: {1}. Das redes com dropout {2} ainda melhoravam no último décimo.",
            factors(given, found), factors(given, gained),
            Words(f"{100 * late:.0f} %", f"{100 * late:.0f} %"),
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words("More epochs on every table. Whether the better loss is worth them differs from table to "
                  "table.",
                  "Mais épocas em toda tabela. Se a perda melhor as compensa varia de tabela a tabela."),
            Words(
                "More epochs on some tables, no clear difference on others. Whether the end is better "
                "differs too.",
                "Mais épocas em algumas tabelas, sem diferença clara em outras. Se o fim é melhor também "
                "varia.",
            ),
            Words("Dropout did not slow training here.", "O dropout não atrasou o treino aqui."),
        ),
        pictures=(
            by_table(
                Words("Epochs with dropout ÷ without", "Épocas com dropout ÷ sem"),
                Words("Above 1 dropout is slower. 95 % intervals over folds and seeds.",
                      "Acima de 1 o dropout é mais lento. Intervalos de 95 % sobre partições e sementes."),
                Words("epochs, with ÷ without", "épocas, com ÷ sem"),
                given, found, Words("factor", "fator"),
            ),
            Plot(
                Words("Validation loss on digits", "Perda de validação nos dígitos"),
                Words("Mean of networks, band from the best to the worst.",
                      "Média das redes, faixa da melhor à pior."),
                Axis(Words("epoch", "época")),
                Axis(Words("log-loss (nats)", "perda log (nats)"), log=True),
                tuple(
                    series(name, places, part.mean(0), role, band=(part.min(0), part.max(0)))
                    for part, name, role in (
                        (valid[0], Words("no dropout", "sem dropout"), "bad"),
                        (valid[1], Words("half dropped", "metade descartada"), "good"),
                    )
                ),
            ),
        ),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Does dropout slow training down?", "O dropout atrasa o treino?"),
    claim=Words("Dropout can make training slower.", "O dropout pode tornar o treinamento mais lento."),
    source=Words("“Técnicas de regularização”, dropout: advantages and limitations",
                 "“Técnicas de regularização”, dropout: vantagens e limitações"),
    prediction=Words(
        "More epochs until the validation loss is within 2 % of its own lowest, on every table (Srivastava "
        "et al. 2014, section 11, say 2 to 3 times).",
        "Mais épocas até a perda de validação estar a 2 % do seu mínimo, em toda tabela (Srivastava et al. "
        "2014, seção 11, falam em 2 a 3 vezes).",
    ),
    measure=measure,
    rows=("R7",),
)  # fmt: skip
