"""Tasks fitted together: against smoothed problems given to scipy, closed forms at the ends, certificates."""

from itertools import pairwise

import numpy as np
import pytest
from tests.oracles import theory_tasks as oracle

from profunda.errors import ArgumentError, DataError
from profunda.theory.linear import lasso, ridge
from profunda.theory.task_paths import cross_validated_tasks, folds_within_tasks, task_path
from profunda.theory.task_penalties import (
    ClusteredTasks,
    JointFeatures,
    MeanRegularised,
    OutlierTasks,
    PooledTasks,
    SeparateRidge,
    SparseWeights,
    TaskGraph,
    TaskParts,
    TaskSum,
    TraceNorm,
    chain_links,
)
from profunda.theory.task_rows import TaskRows, loss_of, predict_tasks
from profunda.theory.task_solvers import fit_tasks, vanishing_factor

T, D = 3, 4


def made(seed=0, labels=False):
    """36 rows of three tasks in mixed order; of four features two tell something."""
    rng = np.random.default_rng(seed)
    task = rng.permutation(np.repeat(np.arange(T), (8, 12, 16)))
    x = rng.normal(size=(len(task), D))
    w = rng.normal(size=(D, T)) * np.array([1.0, 1.0, 0.0, 0.0])[:, None]
    y = predict_tasks(w, x, task) + 0.5 * rng.normal(size=len(task))
    return TaskRows(x, (y > 0).astype(float) if labels else y, task)


ROWS, LABELS = made(), made(labels=True)
ALL = [
    SeparateRidge(1.0), SparseWeights(2.0), JointFeatures(2.0), TraceNorm(3.0), MeanRegularised(2.0, 0.3),
    TaskGraph(1.0, chain_links(T)), ClusteredTasks(2.0, 1, 0.3), OutlierTasks(1.0),
    TaskParts((TraceNorm(2.0), OutlierTasks(1.5))), TaskParts((PooledTasks(), SparseWeights(1.0))),
    TaskSum(JointFeatures(2.0), TaskGraph(1.0, chain_links(T))),
]  # fmt: skip


@pytest.mark.parametrize("loss", ["squared", "logistic"])
@pytest.mark.parametrize(
    ("penalty", "value"),
    [
        (JointFeatures(2.0), oracle.rows),
        (TraceNorm(2.0), oracle.nuclear),
        (SparseWeights(2.0), oracle.entries),
    ],
)
def test_no_smoothed_problem_has_a_lower_minimum(penalty, value, loss):
    rows = ROWS if loss == "squared" else LABELS

    def objective(w, smooth=0.0):
        return oracle.loss(rows.x, rows.y, rows.task, w, loss) + 2.0 * value(w, smooth)

    fit = fit_tasks(rows, penalty, loss=loss, tolerance=1e-9)
    assert fit.objective == pytest.approx(objective(fit.weights), rel=1e-8)
    start = oracle.minimised(objective, (D, T))
    assert fit.objective <= objective(start) + 1e-9
    assert fit.objective == pytest.approx(objective(start), abs=5e-3)
    other = fit_tasks(rows, penalty.times(1.5), loss=loss).weights
    assert objective(other) > fit.objective + 5e-3  # control


def test_parts_are_the_best_split():
    """The sum of parts minimises a problem in twice as many unknowns."""
    penalty = TaskParts((TraceNorm(2.0), OutlierTasks(1.5)))

    def objective(v, smooth=0.0):
        first, second = v[:D], v[D:]
        told = oracle.loss(ROWS.x, ROWS.y, ROWS.task, first + second)
        return told + 2.0 * oracle.nuclear(first, smooth) + 1.5 * oracle.columns(second, smooth)

    fit = fit_tasks(ROWS, penalty, tolerance=1e-9)
    numeric = oracle.minimised(objective, (2 * D, T))
    assert fit.objective == pytest.approx(objective(np.concatenate(fit.parts)), rel=1e-8)
    assert fit.objective <= objective(numeric) + 1e-9
    assert fit.objective == pytest.approx(objective(numeric), abs=5e-3)


@pytest.mark.parametrize("loss", ["squared", "logistic"])
@pytest.mark.parametrize("penalty", ALL, ids=lambda one: type(one).__name__)
def test_every_penalty_converges_to_a_minimum(penalty, loss):
    rows = ROWS if loss == "squared" else LABELS
    fit = fit_tasks(rows, penalty, loss=loss, tolerance=1e-8)
    assert fit.converged
    assert fit.residual <= 1e-8
    assert np.array_equal(fit.weights, fit.parts.sum(axis=0))
    if fit.gap is not None:
        assert 0.0 <= fit.gap <= 1e-5 * fit.objective
    rng = np.random.default_rng(1)
    again = fit_tasks(rows, penalty, loss=loss, start=rng.normal(size=fit.parts.shape), tolerance=1e-8)
    assert again.objective == pytest.approx(fit.objective, rel=1e-9)


def test_the_gap_bounds_what_is_missing():
    for penalty in (JointFeatures(2.0), TraceNorm(2.0), TaskParts((TraceNorm(2.0), OutlierTasks(1.5)))):
        for rows, loss in ((ROWS, "squared"), (LABELS, "logistic")):
            least = fit_tasks(rows, penalty, loss=loss, tolerance=1e-10).objective
            early = fit_tasks(rows, penalty, loss=loss, iterations=3, tolerance=1e-10)
            assert not early.converged
            assert "NOT converged" in str(early)
            assert early.gap is not None
            assert early.gap >= early.objective - least > 0.0


def test_the_objective_falls_with_every_iteration():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(30, D)) * np.array([10.0, 1.0, 0.1, 0.03])
    rows = TaskRows(x, rng.normal(size=30), np.arange(30) % T)
    told = [
        fit_tasks(rows, TraceNorm(0.01), iterations=n, tolerance=1e-14).objective for n in range(1, 120, 3)
    ]
    assert all(later <= earlier + 1e-12 for earlier, later in pairwise(told))
    assert told[-1] < told[0]


# Known ends -----------------------------------------------------------------------------------------


def by_task(solve):
    """One column a task."""
    return np.stack([solve(ROWS.x[ROWS.task == t], ROWS.y[ROWS.task == t]) for t in range(T)], axis=1)


@pytest.mark.parametrize("penalty", [JointFeatures(0.0), TraceNorm(0.0), MeanRegularised(0.0)])
def test_no_penalty_is_least_squares_for_each_task(penalty):
    told = by_task(lambda x, y: np.linalg.lstsq(x, y, rcond=None)[0])
    assert fit_tasks(ROWS, penalty, tolerance=1e-10).weights == pytest.approx(told, abs=1e-7)


def test_known_fits_task_by_task():
    alone = by_task(lambda x, y: ridge(x, y, 1.3, "half_rss"))
    assert fit_tasks(ROWS, SeparateRidge(1.3), tolerance=1e-10).weights == pytest.approx(alone, abs=1e-8)
    assert fit_tasks(ROWS, MeanRegularised(0.0, 1.3), tolerance=1e-10).weights == pytest.approx(
        alone, abs=1e-8
    )
    sparse = by_task(lambda x, y: lasso(x, y, 2.0, "half_rss").weights)
    assert fit_tasks(ROWS, SparseWeights(2.0), tolerance=1e-10).weights == pytest.approx(sparse, abs=1e-7)


@pytest.mark.parametrize("penalty", [PooledTasks(), MeanRegularised(1e9), TaskGraph(1e9, chain_links(T))])
def test_tasks_that_must_be_equal_are_pooled(penalty):
    told = np.linalg.lstsq(ROWS.x, ROWS.y, rcond=None)[0]
    found = fit_tasks(ROWS, penalty, tolerance=1e-10).weights
    assert found == pytest.approx(np.repeat(told[:, None], T, axis=1), abs=1e-6)


def test_mean_regularisation_solves_its_linear_system():
    """All D·T equations at once: (blockdiag(XᵀX) + 2λ(I − 1/T) + 2ρ)w = Xᵀy."""
    system = 2 * np.kron(2.0 * (np.eye(T) - 1 / T) + 0.3 * np.eye(T), np.eye(D))
    target = np.zeros(T * D)
    for t in range(T):
        x, y = ROWS.x[ROWS.task == t], ROWS.y[ROWS.task == t]
        system[t * D : (t + 1) * D, t * D : (t + 1) * D] += x.T @ x
        target[t * D : (t + 1) * D] = x.T @ y
    told = np.linalg.solve(system, target).reshape(T, D).T
    assert fit_tasks(ROWS, MeanRegularised(2.0, 0.3), tolerance=1e-10).weights == pytest.approx(
        told, abs=1e-8
    )


def test_with_one_task_groups_are_single_weights():
    """ℓ2,1 over one column is the lasso, the trace norm over one column the length of w."""
    one = ROWS.only(2)
    told = lasso(one.x, one.y, 3.0, "half_rss").weights[:, None]
    assert fit_tasks(one, JointFeatures(3.0), tolerance=1e-10).weights == pytest.approx(told, abs=1e-7)
    length = fit_tasks(one, TraceNorm(3.0), tolerance=1e-10).weights
    assert length == pytest.approx(fit_tasks(one, OutlierTasks(3.0), tolerance=1e-10).weights, abs=1e-7)


@pytest.mark.parametrize(
    "penalty",
    [JointFeatures(1.0), TraceNorm(1.0), SparseWeights(1.0), TaskParts((TraceNorm(1.0), OutlierTasks(0.8)))],
)
def test_weights_vanish_at_the_factor_that_is_told(penalty):
    factor = vanishing_factor(ROWS, penalty)
    assert np.abs(fit_tasks(ROWS, penalty.times(1.0001 * factor)).weights).max() < 1e-6
    assert np.abs(fit_tasks(ROWS, penalty.times(0.98 * factor), tolerance=1e-9).weights).max() > 1e-4
    with pytest.raises(ArgumentError, match="Under SeparateRidge weights shrink and never vanish"):
        vanishing_factor(ROWS, SeparateRidge(1.0))


# Paths and cross-validation -------------------------------------------------------------------------


def test_a_path_is_its_fits_in_their_order():
    factors = np.geomspace(0.05, 2.0, 6)
    path = task_path(ROWS, JointFeatures(2.0), factors, tolerance=1e-9)
    for factor, fit in zip(factors.tolist(), path, strict=True):
        alone = fit_tasks(ROWS, JointFeatures(2.0 * factor), tolerance=1e-9)
        assert fit.weights == pytest.approx(alone.weights, abs=1e-6)
    cold = sum(fit_tasks(ROWS, JointFeatures(2.0 * f), tolerance=1e-9).iterations for f in factors)
    assert sum(fit.iterations for fit in path) <= cold


def test_errors_left_out_are_those_of_a_loop():
    factors = np.array([0.1, 1.0, 10.0])
    told = cross_validated_tasks(ROWS, MeanRegularised(1.0, 0.1), factors, folds=3, seed=4, tolerance=1e-9)
    fold = folds_within_tasks(ROWS, 3, 4)
    squared = np.empty((3, len(ROWS.y)))
    for number in range(3):
        left = fold == number
        for k, factor in enumerate(factors.tolist()):
            fit = fit_tasks(ROWS.take(~left), MeanRegularised(factor, 0.1 * factor), tolerance=1e-9)
            squared[k, left] = (ROWS.y - fit.predict(ROWS.x, ROWS.task))[left] ** 2
    assert told.errors == pytest.approx(squared.mean(axis=1), rel=1e-6)
    assert told.best == factors[np.argmin(told.errors)]
    assert told.unconverged == 0
    assert told.at_edge == (told.best != 1.0)
    best = fit_tasks(ROWS, MeanRegularised(told.best, 0.1 * told.best), tolerance=1e-9)
    assert told.fit.weights == pytest.approx(best.weights, abs=1e-6)


def test_logistic_errors_are_likelihoods():
    told = cross_validated_tasks(LABELS, TraceNorm(1.0), np.array([0.5, 1e6]), loss="logistic", folds=2)
    assert told.errors[1] == pytest.approx(np.log(2.0))
    assert told.errors[0] < np.log(2.0)


def test_every_task_is_in_every_fold_as_far_as_it_goes():
    rows = TaskRows(np.ones((13, 1)), np.zeros(13), np.array([0] * 7 + [1] * 5 + [2]))
    fold = folds_within_tasks(rows, 3, 0)
    assert fold[12] == -1
    for task in (0, 1):
        counts = np.bincount(fold[rows.task == task], minlength=3)
        assert counts.max() - counts.min() <= 1


# Rows and losses ------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_losses_and_gradients_are_those_of_a_loop(loss):
    rows = ROWS if loss == "squared" else LABELS
    told = loss_of(rows, loss)
    w, direction = np.random.default_rng(5).normal(size=(2, D, T))
    value, gradient = told.value_and_gradient(w)
    assert value == pytest.approx(oracle.loss(rows.x, rows.y, rows.task, w, loss), rel=1e-12)
    up, down = (oracle.loss(rows.x, rows.y, rows.task, w + s * direction, loss) for s in (1e-5, -1e-5))
    assert (gradient * direction).sum() == pytest.approx((up - down) / 2e-5, rel=1e-6)
    change = told.value_and_gradient(w + direction)[1] - gradient
    assert np.linalg.norm(change) <= told.curvature * np.linalg.norm(direction)
    scale = 0.5 if loss == "squared" else 1.0
    assert scale * told.error(w).sum() == pytest.approx(value)


def test_some_tasks_alone_are_numbered_anew():
    some = ROWS.only(2, 0)
    assert some.counts.tolist() == [16, 8]
    assert np.array_equal(some.y[some.task == 0], ROWS.y[ROWS.task == 2])


def test_wrong_rows_are_refused():
    x, y, task = np.ones((4, 2)), np.zeros(4), np.array([0, 0, 1, 1])
    with pytest.raises(DataError, match=r"x \(4, 2\), y \(4, 2\) and task \(4,\) must be"):
        TaskRows(x, np.zeros((4, 2)), task)
    with pytest.raises(DataError, match="x and y must be finite"):
        TaskRows(x, np.array([0.0, np.nan, 0.0, 0.0]), task)
    with pytest.raises(DataError, match="Task 1 of 3 has no rows"):
        TaskRows(x, y, np.array([0, 0, 2, 2]))
    with pytest.raises(DataError, match=r"task must number the tasks 0, 1, …, not float64"):
        TaskRows(x, y, task.astype(float))
    with pytest.raises(DataError, match="has labels 0 and 1, but a target is -1"):
        fit_tasks(TaskRows(x, y - 1.0, task), TraceNorm(1.0), loss="logistic")


def test_wrong_settings_are_refused():
    with pytest.raises(ArgumentError, match="No loss of tasks is called 'hinge'"):
        fit_tasks(ROWS, TraceNorm(1.0), loss="hinge")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match=r"tolerance=0\.0 must be above 0"):
        fit_tasks(ROWS, TraceNorm(1.0), tolerance=0.0)
    with pytest.raises(ArgumentError, match=r"start \(4, 3\) must be finite and \[K, D, T\] = \(1, 4, 3\)"):
        fit_tasks(ROWS, TraceNorm(1.0), start=np.zeros((D, T)))
    with pytest.raises(ArgumentError, match="links tie 2 tasks, but the rows are of 3"):
        fit_tasks(ROWS, TaskGraph(1.0, chain_links(2)))
    with pytest.raises(ArgumentError, match="The factors must be a list that increases"):
        task_path(ROWS, TraceNorm(1.0), np.array([1.0, 0.5]))
    with pytest.raises(ArgumentError, match="1 folds of 36 rows"):
        cross_validated_tasks(ROWS, TraceNorm(1.0), np.array([1.0]), folds=1)
