"""The sentence beside the big number says what the score means, of one target or of several."""

import pytest

from profunda.metrics.score import METRICS, metric_for
from profunda.reporting.headline import meaning


def test_scores_of_several_targets_are_told_as_means_over_them() -> None:
    assert meaning(metric_for("regression", "r2"), 0.82) == "It explains 82 % of the target's variance."
    assert (
        meaning(metric_for("multioutput", "r2"), 0.82)
        == "It explains 82 % of a target's variance, on average over the targets."
    )
    assert "in the targets' own units" in meaning(metric_for("multioutput", "rmse"), 2.0)
    assert "in the target's own unit " in meaning(metric_for("regression", "rmse"), 2.0)
    assert "on average over the labels" in meaning(metric_for("multilabel", "auc"), 0.9)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: f"{metric.name}-{metric.kinds[0]}")
def test_no_score_of_several_targets_speaks_of_one_and_none_of_what_is_not_finite(metric) -> None:
    assert not metric.several or "the target's" not in meaning(metric, 0.5)
    assert meaning(metric, float("nan")) == ""
