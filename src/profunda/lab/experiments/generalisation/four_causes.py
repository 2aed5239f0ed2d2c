"""Complexity, few data, noise, long training: each widens the gap between training and validation."""

import numpy as np

import profunda
from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, said

_ROWS, _NOISE, _WIDTH, _EPOCHS = 600, 0.1, 12, 30
_CAUSES = (
    ("complexity", "complexidade", "units 4 → 96", "unidades 4 → 96"),
    ("few data", "poucos dados", "rows 1,200 → 150", "linhas 1.200 → 150"),
    ("noise", "ruído", "labels redrawn 0 → 40 %", "rótulos sorteados 0 → 40 %"),
    ("long training", "treino longo", "epochs 8 → 120", "épocas 8 → 120"),
)
_LEVELS = (
    (4, 12, 32, 96),
    (1200, 600, 300, 150),
    (0.0, 0.1, 0.2, 0.4),
    (8, 30, 60, 120),
)


def _gaps(rows: int, noise: float, width: int, epochs: int, seeds: int) -> np.ndarray:
    """Validation loss − training loss at the end, one for each fold and seed."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    random = np.random.default_rng(5)
    order = random.permutation(len(x))[:rows]
    x, y = x[order], y[order].copy()
    flipped = np.random.default_rng(6).random(rows) < noise
    y[flipped] = np.random.default_rng(7).integers(0, 10, int(flipped.sum()))
    # As many steps a network, whatever the rows, so that fewer rows are not trained less.
    epochs = round(epochs * _ROWS / rows)
    design = profunda.Design(widths=(width,), epochs=epochs, batch_size=32, lr=5e-3)
    history = profunda.train(design, (x, y), folds=5, seeds=seeds, workers=1)
    return np.array([curve.valid_loss[-1] - curve.train_loss[-1] for curve in history.curves])


def _at(cause: int, level: float, seeds: int) -> np.ndarray:
    """The gaps with one knob at `level` and the others in the middle."""
    knobs = [_WIDTH, _ROWS, _NOISE, _EPOCHS]
    knobs[cause] = level
    return _gaps(int(knobs[1]), knobs[2], int(knobs[0]), int(knobs[3]), seeds)


def verdict(rises: np.ndarray) -> Verdict:
    """`rises` [4, 2]: 95 % interval of the gap at the strongest less the mildest level of each cause."""
    clear = (rises[:, 0] > 0).sum()
    if clear == len(rises):
        return "holds"
    return "holds with conditions" if clear else "wrong"


def measure(quick: bool) -> Outcome:
    """Four knobs, four levels each, on digits of 8 × 8; the other knobs rest in the middle."""
    seeds = 1 if quick else 4
    gaps = np.array([[_at(cause, level, seeds) for level in levels] for cause, levels in enumerate(_LEVELS)])
    mean = gaps.mean(2)
    # Folds share rows, so whole folds count as the units of chance.
    folds = gaps.reshape(4, 4, 5, seeds).mean(3)
    reach = 2.78 * folds.std(2, ddof=1) / np.sqrt(5)
    rise = folds[:, -1] - folds[:, 0]
    error = 2.78 * rise.std(1, ddof=1) / np.sqrt(5)
    rises = np.stack([rise.mean(1) - error, rise.mean(1) + error], 1)
    least = int(np.argmin(rises[:, 0]))
    return Outcome(
        headline=Words(
            f"smallest of the four rises of the gap ({_CAUSES[least][0]})",
            f"menor dos quatro aumentos da diferença ({_CAUSES[least][1]})",
        ),
        predicted=None,
        value=float(rise[least].mean()),
        interval=(float(rises[least, 0]), float(rises[least, 1])),
        measured=said(
            "From the mildest to the strongest level the gap of the log-losses goes from {0} to {1} with "
            "more units, from {2} to {3} with fewer rows, from {4} to {5} with labels redrawn, from {6} to "
            "{7} with more epochs.",
            "Do nível mais brando ao mais forte, a diferença das log-perdas vai de {0} a {1} com mais "
            "unidades, de {2} a {3} com menos linhas, de {4} a {5} com rótulos sorteados de novo, de {6} "
            "a {7} com "
            "mais épocas.",
            *(float(mean[cause, level]) for cause in range(4) for level in (0, -1)),
        ),
        verdict=verdict(rises),
        statement=Words(
            "Each of the four widens the gap between what a network does on the rows it has seen and on "
            "others, here with everything else kept as it is.",
            "Cada um dos quatro alarga a diferença entre o que a rede faz nas linhas que viu e nas outras, "
            "aqui com todo o resto mantido.",
        ),
        pictures=(_picture(mean, reach),),
    )


def _picture(mean: np.ndarray, reach: np.ndarray) -> Plot:
    roles = ("measured", "good", "bad", "second")
    places = np.arange(4) - 0.075
    names = (("mildest", "mais brando"), ("2", "2"), ("3", "3"), ("strongest", "mais forte"))
    return Plot(
        Words("Gap by the level of each cause", "Diferença pelo nível de cada causa"),
        Words(
            "Validation less training log-loss; whiskers: 95 % over five folds.",
            "Log-perda de validação menos a de treino; hastes: 95 % sobre cinco partes.",
        ),
        Axis(Words("level", "nível"), names=tuple(Words(en, pt) for en, pt in names)),
        Axis(Words("gap of the log-loss", "diferença da log-perda")),
        tuple(
            one
            for k, (_, _, en, pt) in enumerate(_CAUSES)
            for one in (
                series(Words("", ""), places + 0.05 * k, mean[k], roles[k]),
                series(
                    Words(en, pt),
                    places + 0.05 * k,
                    mean[k],
                    roles[k],
                    "points",
                    (mean[k] - reach[k], mean[k] + reach[k]),
                ),
            )
        ),
    )


EXPERIMENT = Experiment(
    title=Words("Four causes of overfitting", "Quatro causas de overfitting"),
    claim=Words(
        "Overfitting comes from a complex model, few training data, noise in the data, and training for too "
        "long.",
        "O overfitting vem de um modelo complexo, de poucos dados de treino, de ruído nos dados e de treino "
        "por tempo excessivo.",
    ),
    source=Words(
        "“Técnicas de regularização”, introduction: possible causes of overfitting",
        "“Técnicas de regularização”, introdução: possíveis causas de overfitting",
    ),
    prediction=Words(
        "For linear models the gap is 2σ²·(parameters used)/N (Hastie et al. 2009, section 7.4): it grows "
        "with parameters and noise, falls with rows, and training uses up parameters one after the other.",
        "Para modelos lineares a diferença é 2σ²·(parâmetros usados)/N (Hastie et al. 2009, seção 7.4): "
        "cresce com parâmetros e ruído, cai com linhas, e o treino vai usando um parâmetro após o outro.",
    ),
    measure=measure,
    rows=("U9",),
)
