"""Slips in loops: a function for each, with and without."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from _programs.judging import honestly, sided
from _programs.nets import mlp
from _programs.plans import (
    CONCRETE,
    DIGITS,
    DIGITS_ADAM,
    ECHOES,
    FRIEDMAN,
    IMAGES,
    IMAGES_NORM,
    MATCHED,
    SCATTERED,
    SERIES,
    SHAPES,
    SUCCESSORS,
    WALKS,
)
from _programs.program import Case, Watch
from _programs.slips_of_rows import (
    in_order,
    left_frozen,
    left_in_evaluation,
    same_batch,
    scheduled,
    softmax_in_the_loop,
    trained_on_validation,
    two_loaders,
    validated_in_training,
    warmed,
)
from _programs.slips_of_steps import (
    best_restored,
    cleared_late,
    clipped,
    made_again,
    no_backward,
    rewrapped,
    scaler_made_anew,
    stepped_once,
    summed,
    uncleared,
    unstepped,
    weights_cut,
)
from _programs.stepping import sgd

__all__ = ["CASES"]

Run = Callable[[int, Watch], float]

_DROPPED = replace(DIGITS, net=partial(mlp, 64, 64, 10, dropout=0.5))
_MOMENTUM = replace(DIGITS, optimizer=sgd(0.02, 0.9), epochs=10)
_NORMED = replace(DIGITS, net=partial(mlp, 64, *[48] * 10, 10, norm=True), optimizer=sgd(0.02, 0.9), epochs=8)
_WAVES = replace(WALKS, optimizer=sgd(0.1, 0.9))
_SUMMED = replace(FRIEDMAN, optimizer=sgd(0.05, 0.9), epochs=15)
_SUMMED_IMAGES = replace(IMAGES, optimizer=sgd(0.05, 0.9), epochs=4)
_DECAYED = replace(SHAPES, optimizer=sgd(0.02, 0.9))
_HELD = replace(MATCHED, judge=honestly(sided))


def _twins(work: Callable[..., float], *given: object) -> tuple[Run, Run]:
    return partial(work, *given, True), partial(work, *given, False)


CASES = (
    Case("never-cleared", "MLP", "image", "gradients-not-cleared", ("loop",), *_twins(uncleared, DIGITS)),
    Case(
        "never-cleared-transformer",
        "Transformer",
        "tokens",
        "gradients-not-cleared",
        ("loop",),
        *_twins(uncleared, ECHOES),
    ),
    Case("never-stepped", "CNN", "image", "no-step", ("loop",), *_twins(unstepped, SHAPES)),
    Case(
        "cleared-before-the-step", "RNN", "sequence", "no-backward", ("loop",), *_twins(cleared_late, SERIES)
    ),
    Case("never-backward", "MLP", "table", "no-backward", ("loop",), *_twins(no_backward, CONCRETE)),
    Case(
        "left-in-evaluation-mode",
        "MLP",
        "image",
        "evaluation-mode-in-training",
        ("loop",),
        *_twins(left_in_evaluation, _NORMED),
    ),
    Case(
        "validated-in-training-mode",
        "MLP",
        "image",
        "training-mode-in-evaluation",
        ("loop",),
        *_twins(validated_in_training, _DROPPED),
    ),
    Case("first-batch-for-ever", "CNN", "image", "same-batch", ("loop",), *_twins(same_batch, IMAGES)),
    Case(
        "first-texts-for-ever", "Transformer", "tokens", "same-batch", ("loop",), *_twins(same_batch, ECHOES)
    ),
    Case("class-by-class", "MLP", "image", "rows-in-order", ("loop",), *_twins(in_order, _MOMENTUM)),
    Case(
        "scaler-made-in-the-loop",
        "CNN",
        "image",
        "amp-overflow",
        ("loop",),
        *_twins(scaler_made_anew, IMAGES),
    ),
    Case(
        "clipped-to-a-thousandth",
        "MLP",
        "image",
        "gradients-clipped-away",
        ("loop",),
        *_twins(clipped, DIGITS, 1e-3),
    ),
    Case(
        "gru-clipped-to-nothing",
        "RNN",
        "sequence",
        "gradients-clipped-away",
        ("loop",),
        *_twins(clipped, _WAVES, 1e-3),
    ),
    Case(
        "worst-weights-restored",
        "CNN",
        "image",
        "weights-overwritten",
        ("loop",),
        *_twins(best_restored, SHAPES),
    ),
    Case("weights-cut", "MLP", "table", "weights-overwritten", ("loop",), *_twins(weights_cut, SCATTERED)),
    Case(
        "micro-batches-summed",
        "MLP",
        "table",
        "accumulated-unscaled",
        ("loop", "learning rate"),
        *_twins(summed, _SUMMED, 8),
    ),
    Case(
        "micro-batches-of-images-summed",
        "CNN",
        "image",
        "accumulated-unscaled",
        ("loop", "learning rate"),
        *_twins(summed, _SUMMED_IMAGES, 8),
    ),
    Case(
        "loss-wrapped-anew", "RNN", "sequence", "loss-detached", ("loss", "loop"), *_twins(rewrapped, SERIES)
    ),
    Case(
        "schedule-stepped-every-batch",
        "CNN",
        "image",
        "rate-decays-too-fast",
        ("learning rate",),
        *_twins(scheduled, _DECAYED, 0.9),
    ),
    Case(
        "schedule-of-a-transformer",
        "Transformer",
        "tokens",
        "rate-decays-too-fast",
        ("learning rate",),
        *_twins(scheduled, ECHOES, 0.95),
    ),
    Case(
        "warm-up-of-whole-numbers",
        "Transformer",
        "tokens",
        "rate-too-low",
        ("learning rate",),
        *_twins(warmed, SUCCESSORS),
    ),
    Case(
        "two-loaders-both-shuffling",
        "MLP",
        "image",
        "labels-unrelated",
        ("labels", "loop", "data"),
        *_twins(two_loaders, DIGITS_ADAM),
    ),
    Case(
        "model-made-again",
        "MLP",
        "table",
        "parameters-not-held",
        ("optimiser",),
        *_twins(made_again, FRIEDMAN),
    ),
    Case(
        "trained-on-validation",
        "MLP",
        "image",
        "rows-leak",
        ("data",),
        *_twins(trained_on_validation, _HELD),
    ),
    Case(
        "body-left-frozen",
        "Transformer",
        "tokens",
        "part-unused",
        ("architecture", "loop", "optimiser"),
        *_twins(left_frozen, ECHOES),
    ),
    Case(
        "stepped-once-an-epoch",
        "MLP",
        "image",
        "batch-too-large",
        ("batch", "loop", "epochs"),
        *_twins(stepped_once, DIGITS),
    ),
    Case(
        "softmax-for-printing",
        "CNN",
        "image",
        "output-activation-twice",
        ("output",),
        *_twins(softmax_in_the_loop, replace(IMAGES_NORM, optimizer=sgd(0.02))),
    ),
)
