"""The text's worked table of batch normalisation, computed anew."""

import numpy as np
import torch

from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.experiments.regularisation._tables import filled, told
from profunda.lab.pictures import Axis, Plot, series
from profunda.lab.words import Words, localised, said
from profunda.theory import batch_norm_step

_BATCH = np.array([[2.1, 0.8, -1.2], [1.8, 1.1, -0.9], [2.3, 0.9, -1.1], [1.9, 1.0, -1.0]])
_PRINTED = np.array([[0.45, -1.22, -1.22], [-0.89, 1.22, 1.22], [1.34, -0.41, -0.41], [-0.45, 0.41, 0.41]])
_PRINTED_MEANS, _PRINTED_SPREADS = np.array([2.0, 0.95, -1.05]), np.array([0.22, 0.12, 0.12])
_HALF_DIGIT = 0.0051
_EXACT = 1e-6


def judged(printed: np.ndarray, right: np.ndarray, agrees: float) -> Verdict:
    """Wrong where a printed entry is off by more than rounding to two digits, torch agreeing with ours."""
    if agrees > _EXACT:
        return "holds with conditions"
    return "holds" if float(np.abs(printed - right).max()) <= _HALF_DIGIT else "wrong"


def measure(quick: bool) -> Outcome:
    """Every entry by hand, by torch, and as printed."""
    del quick  # twelve numbers
    step = batch_norm_step(_BATCH)
    by_torch = torch.nn.BatchNorm1d(3).double()(torch.tensor(_BATCH)).detach().numpy()
    agrees = float(np.abs(by_torch - step.normalised).max())
    off = _PRINTED - step.normalised
    means, spreads = _PRINTED.mean(0), _PRINTED.std(0)
    value = float(np.abs(off).max())
    verdict = judged(_PRINTED, step.normalised, agrees)
    places = np.arange(12)
    names = tuple(Words(f"x{c + 1}, {r + 1}", f"x{c + 1}, {r + 1}") for c in range(3) for r in range(4))
    return Outcome(
        headline=Words("largest error of a printed entry", "maior erro de uma entrada impressa"),
        predicted=0.0,
        value=value,
        interval=(value - _HALF_DIGIT, value + _HALF_DIGIT),
        measured=filled(
            "The first column's mean is {0}, not 2.0; its standard deviation {1} (over 4) or {2} (over 3): "
            "0.22 is the latter. For the others it is {3} (over 4), so 0.11. The printed columns have means "
            "{4}, {5}, {6} and deviations {7}, {8}, {9}. Ours differ from torch's by {10}.",
            "A média da primeira coluna é {0}, não 2,0; o desvio-padrão {1} (sobre 4) ou {2} (sobre 3): "
            "0,22 é o último. O das outras é {3} (sobre 4), logo 0,11. As colunas impressas têm médias {4}, "
            "{5}, {6} e desvios {7}, {8}, {9}. As nossas diferem das do torch por {10}.",
            _decimals(step.mean[0], 3),
            *(_decimals(v) for v in (step.biased[0], step.unbiased[0], step.biased[1])),
            *(_decimals(v) for v in (*means, *spreads)), said("{0}", "{0}", agrees),
        ),
        verdict=verdict,
        statement=told(
            verdict,
            Words("The printed table is right.", "A tabela impressa está certa."),
            Words("Ours and torch's numbers differ: nothing can be said.",
                  "Os nossos números e os do torch diferem: nada se pode dizer."),
            filled(
                "The steps of the algorithm are right, the table is not: means are 2.025, 0.95, −1.05, "
                "deviations over the batch 0.192, 0.112, 0.112. First column: {0}; {1}; {2}; {3}. Second "
                "and third: {4}; {5}; {6}; {7}.",
                "Os passos do algoritmo estão certos, a tabela não: as médias são 2,025, 0,95, −1,05, os "
                "desvios sobre o lote 0,192, 0,112, 0,112. Primeira coluna: {0}; {1}; {2}; {3}. Segunda e "
                "terceira: {4}; {5}; {6}; {7}.",
                *(_decimals(v, 3) for v in step.normalised[:, :2].T.ravel()),
            ),
        ),
        pictures=(
            Plot(
                Words("Twelve entries after normalisation", "Doze entradas após a normalização"),
                Words("Columns one after the other, rows in their order.",
                      "Colunas uma após a outra, linhas na sua ordem."),
                Axis(Words("column, row", "coluna, linha"), names=names),
                Axis(Words("normalised value", "valor normalizado")),
                (series(Words("computed", "calculado"), places, step.normalised.T.ravel(), "good", "points"),
                 series(Words("printed", "impresso"), places, _PRINTED.T.ravel(), "bad", "points")),
            ),
        ),
    )  # fmt: skip


def _decimals(value: float, places: int = 4) -> Words:
    text = f"{round(value, places) + 0.0:.{places}f}".replace("-", "−")
    return Words(text, localised(text))


EXPERIMENT = Experiment(
    title=Words("The worked table of batch normalisation", "A tabela de exemplo da batch normalization"),
    claim=Words(
        "Of a batch of 4 rows and 3 inputs the means are 2.0, 0.95, −1.05, the deviations 0.22, 0.12, 0.12, "
        "and every normalised column has mean 0 and deviation 1.",
        "De um lote de 4 linhas e 3 entradas as médias são 2,0, 0,95, −1,05, os desvios 0,22, 0,12, 0,12, e "
        "cada coluna normalizada tem média 0 e desvio 1.",
    ),
    source=Words("“Técnicas de regularização”, batch normalisation: visual example",
                 "“Técnicas de regularização”, batch normalization: exemplo visual"),
    prediction=Words(
        "(x − μ)/√(σ² + ε) with σ² over the 4 rows (Ioffe and Szegedy 2015, algorithm 1), to two digits.",
        "(x − μ)/√(σ² + ε) com σ² sobre as 4 linhas (Ioffe e Szegedy 2015, algoritmo 1), com duas casas.",
    ),
    measure=measure,
    errata=("E11",),
    rows=("R8",),
)  # fmt: skip
