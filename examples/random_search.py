"""Random search over a network of one's own: the worked example, done right.

    python examples/random_search.py [--trials 10] [--workers 1] [--out RUN]

Ten of the 243 combinations are drawn, each is trained and scored on validation rows, the best on test rows.
What was changed in the network's training, and why, stands in `simple_network.py`. Changed in the search:

- draws, seeds and scores are kept: with --out, a search that was interrupted goes on where it was, and
  `trials.csv` lists every trial with every metric;
- the same seed gives the same trials, for any number of workers;
- the best score comes with its standard error: an accuracy near 0.85 on 200 rows has one of 0.025, so the
  better half of the ten cannot be told apart.
"""

import argparse
import math

from simple_network import score_on_test_rows, told, train_and_evaluate

import profunda

SPACE = profunda.Space(
    {
        "hidden_size": [32, 64, 128],
        "learning_rate": [1e-4, 5e-4, 1e-3],
        "dropout_rate": [0.1, 0.3, 0.5],
        "batch_size": [16, 32, 64],
        "num_epochs": [5, 10, 15],
    }
)


def main() -> None:
    words = argparse.ArgumentParser(description="Random search over a network of one's own.")
    words.add_argument("--trials", type=int, default=10)
    words.add_argument("--workers", type=int, default=1)
    words.add_argument("--out", default=None, help="folder of the run; the same command resumes it")
    given = words.parse_args()

    result = profunda.search(
        train_and_evaluate,
        SPACE,
        n_trials=given.trials,
        sampler="random",
        direction="maximize",
        metric="accuracy",
        workers=given.workers,
        out=given.out,
    )

    print(f"{len(result.trials)} of {SPACE.size} combinations in {result.seconds:.1f} s")
    print("trial  accuracy    loss      f1  parameters")
    for trial in result.trials:
        scores = dict(trial.scores)
        row = "  ".join(f"{scores.get(name, math.nan):6.3f}" for name in ("accuracy", "loss", "f1"))
        print(f"{trial.number:5d}    {row}  {trial.message or told(trial.params)}")

    best = result.best
    if best is None:
        raise SystemExit("No trial gave a score.")
    error = math.sqrt(best.value * (1 - best.value) / 200)
    print(f"Best parameters: {dict(best.params)}")
    print(f"Accuracy on 200 validation rows: {best.value:.3f} ± {error:.3f} (they chose it: biased upwards)")
    print(f"Accuracy on 200 test rows: {score_on_test_rows(best.params, seed=0)['accuracy']:.3f}")


if __name__ == "__main__":
    main()
