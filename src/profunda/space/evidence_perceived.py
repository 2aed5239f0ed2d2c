"""What regularisers came to on pictures and texts, as `benchmarks/matrix.py` found it.

That script trains one small network of each kind on 3,000 rows from four seeds: plain, with one regulariser,
with all of them, and with all but one. Told are changes of the log-loss in percent with 95 % intervals over
seeds, below 0 being better: what a regulariser changes alone, and what among all the others. The networks are
small and their trainings short, and no temperature is fitted: of larger and longer ones nothing is said.
"""

from collections.abc import Mapping

__all__ = ["MEASURED", "SOURCE"]

SOURCE = "benchmarks/matrix.py"

MEASURED: Mapping[tuple[str, str, str], str] = {
    ("image", "dense", "augmentation"): (
        "log-loss in %: on clothes +10 [0, +22] alone, +16 [+12, +19] among the others; on digits −47 "
        "[−52, −42] alone, −11 [−12, −9] among the others"
    ),
    ("image", "dense", "batch norm"): (
        "log-loss in %: on clothes +20 [+2, +41] alone, −9 [−10, −8] among the others; on digits −19 "
        "[−28, −8] alone, −9 [−13, −6] among the others"
    ),
    ("image", "dense", "decoupled L2"): (
        "log-loss in %: on clothes −2 [−3, 0] alone, 0 [−1, +1] among the others; on digits −1 [−17, +18] "
        "alone, −1 [−5, +2] among the others"
    ),
    ("image", "dense", "dropout"): (
        "log-loss in %: on clothes +1 [−3, +6] alone, +6 [+2, +10] among the others; on digits −5 [−15, "
        "+6] alone, +9 [+5, +12] among the others"
    ),
    ("image", "dense", "early stopping"): (
        "log-loss in %: on clothes +2 [−2, +5] alone, 0 [0, 0] among the others; on digits −3 [−9, +4] "
        "alone, 0 [−1, 0] among the others"
    ),
    ("image", "cnn", "augmentation"): (
        "log-loss in %: on clothes −5 [−10, −1] alone, +3 [−3, +9] among the others; on digits −41 [−48, "
        "−34] alone, −25 [−33, −17] among the others"
    ),
    ("image", "cnn", "batch norm"): (
        "log-loss in %: on clothes −15 [−27, −1] alone, −7 [−18, +7] among the others; on digits −27 "
        "[−36, −17] alone, +3 [−14, +22] among the others"
    ),
    ("image", "cnn", "decoupled L2"): (
        "log-loss in %: on clothes −10 [−15, −5] alone, −1 [−5, +3] among the others; on digits −11 [−26, "
        "+8] alone, −1 [−10, +10] among the others"
    ),
    ("image", "cnn", "label smoothing"): (
        "log-loss in %: on clothes +4 [0, +9] alone, +10 [+7, +12] among the others; on digits +83 [+57, "
        "+113] alone, +173 [+133, +220] among the others"
    ),
    ("image", "cnn", "early stopping"): (
        "log-loss in %: on clothes −1 [−3, 0] alone, 0 [−1, 0] among the others; on digits −2 [−6, +2] "
        "alone, −1 [−3, +1] among the others"
    ),
    ("text", "dense", "word dropout"): (
        "log-loss in %: on messages +5 [+1, +8] alone, +3 [+2, +4] among the others; on questions +4 [+3, "
        "+5] alone, +5 [+4, +6] among the others"
    ),
    ("text", "dense", "decoupled L2"): (
        "log-loss in %: on messages +3 [0, +5] alone, +1 [+1, +1] among the others; on questions 0 [−1, "
        "+2] alone, +1 [0, +1] among the others"
    ),
    ("text", "dense", "dropout"): (
        "log-loss in %: on messages +6 [+3, +9] alone, +1 [0, +2] among the others; on questions +6 [+3, "
        "+8] alone, +6 [+5, +7] among the others"
    ),
    ("text", "dense", "early stopping"): (
        "log-loss in %: on messages 0 [0, 0] alone, 0 [0, 0] among the others; on questions 0 [0, 0] "
        "alone, 0 [0, 0] among the others"
    ),
    ("text", "rnn", "decoupled L2"): (
        "log-loss in %: on messages −3 [−14, +9] alone, 0 [−7, +7] among the others; on questions +2 [−8, "
        "+14] alone, +3 [−4, +10] among the others"
    ),
    ("text", "rnn", "gradient clipping"): (
        "log-loss in %: on messages +17 [−5, +44] alone, +1 [−8, +10] among the others; on questions 0 "
        "[−14, +16] alone, +2 [−5, +9] among the others"
    ),
    ("text", "rnn", "early stopping"): (
        "log-loss in %: on messages −27 [−41, −8] alone, −1 [−3, +1] among the others; on questions −13 "
        "[−23, −1] alone, +2 [−5, +8] among the others"
    ),
    ("text", "transformer", "decoupled L2"): (
        "log-loss in %: on messages −2 [−35, +50] alone, −4 [−16, +10] among the others; on questions −2 "
        "[−6, +3] alone, +1 [−5, +7] among the others"
    ),
    ("text", "transformer", "dropout"): (
        "log-loss in %: on messages +1 [−29, +42] alone, −25 [−31, −19] among the others; on questions "
        "+10 [+5, +14] alone, +6 [−2, +16] among the others"
    ),
    ("text", "transformer", "label smoothing"): (
        "log-loss in %: on messages +57 [+12, +119] alone, −8 [−13, −3] among the others; on questions 0 "
        "[−3, +2] alone, −5 [−13, +3] among the others"
    ),
    ("text", "transformer", "early stopping"): (
        "log-loss in %: on messages −12 [−21, −3] alone, −1 [−6, +4] among the others; on questions −6 "
        "[−9, −4] alone, 0 [−1, +1] among the others"
    ),
}
"""By data, architecture and regulariser; what is not here was not measured."""
