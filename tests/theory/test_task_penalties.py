"""Penalties that tie tasks: their values by loops, their proximal maps against numeric minimisers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles import theory_tasks as oracle

from profunda.errors import ArgumentError
from profunda.theory.proximal import box_shares, shrink_columns, shrink_rows, shrink_singular_values
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

RNG = np.random.default_rng(0)
Z = RNG.normal(size=(4, 3))
LINKS = np.array([[0.0, 2.0, 0.5], [2.0, 0.0, 1.0], [0.5, 1.0, 0.0]])
NORMS = {
    "rows": (JointFeatures, shrink_rows, oracle.rows),
    "columns": (OutlierTasks, shrink_columns, oracle.columns),
    "nuclear": (TraceNorm, shrink_singular_values, oracle.nuclear),
    "entries": (SparseWeights, None, oracle.entries),
}
QUADRATIC = [SeparateRidge(0.7), MeanRegularised(0.7, 0.2), TaskGraph(0.7, LINKS)]


# Proximal maps --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize("amount", [0.3, 1.0])
def test_no_numeric_minimiser_is_below_the_proximal_map(name, amount):
    """C8: closed ≤ numeric, and near it; a map of another strength is above both."""
    penalty, shrink, value = NORMS[name]

    def objective(w, smooth=0.0):
        return 0.5 * ((w - Z) ** 2).sum() + amount * value(w, smooth)

    closed = penalty(amount).proximal(Z, 1.0)
    if shrink is not None:
        assert np.array_equal(closed, shrink(Z, amount))
    numeric = objective(oracle.minimised(objective, Z.shape))
    assert objective(closed) <= numeric + 1e-12
    assert objective(closed) == pytest.approx(numeric, abs=2e-3)
    assert objective(penalty(1.3 * amount).proximal(Z, 1.0)) > objective(closed) + 2e-3  # control


@pytest.mark.parametrize("penalty", QUADRATIC)
def test_quadratic_maps_solve_their_equations(penalty):
    step = 0.4
    found = penalty.proximal(Z, step)
    assert found - Z + step * penalty.gradient(found) == pytest.approx(0.0, abs=1e-12)
    assert np.abs(found - Z + 2 * step * penalty.gradient(found)).max() > 0.01  # control


@pytest.mark.parametrize("penalty", QUADRATIC)
def test_gradients_are_those_of_the_values_and_no_curvature_is_larger(penalty):
    direction = RNG.normal(size=Z.shape)
    slope = (penalty.value(Z + 1e-5 * direction) - penalty.value(Z - 1e-5 * direction)) / 2e-5
    assert slope == pytest.approx((penalty.gradient(Z) * direction).sum(), rel=1e-7)
    change = penalty.gradient(Z + direction) - penalty.gradient(Z)
    assert np.linalg.norm(change) <= penalty.curvature * np.linalg.norm(direction) * (1 + 1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.05, 3.0), st.integers(1, 4), st.floats(0.05, 2.0))
def test_the_clusters_map_is_a_minimum(seed, strength, clusters, ridge):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(5, 4))
    penalty = ClusteredTasks(strength, clusters, ridge)
    found = penalty.proximal(z, 0.6)

    def objective(w):
        return 0.5 * ((w - z) ** 2).sum() + 0.6 * penalty.value(w)

    least = objective(found)
    for size in (1e-3, 1e-1, 1.0):
        assert least <= objective(found + size * rng.normal(size=z.shape)) + 1e-10
    assert least <= min(objective(t * found) for t in (0.9, 1.1)) + 1e-12


@given(st.integers(0, 1000), st.floats(0.01, 10), st.floats(0, 5), st.integers(1, 7))
def test_shares_stay_in_their_box_and_are_spent(seed, floor, shift, total):
    sizes = np.abs(np.random.default_rng(seed).normal(size=6)) * (np.arange(6) < 5)
    shares = box_shares(sizes, total, floor, shift)
    assert ((shares >= 0) & (shares <= 1)).all()
    assert shares.sum() == pytest.approx(min(total, 5))
    assert shares[5] == 0
    assert list(shares[np.argsort(sizes)]) == sorted(shares)


# Values ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NORMS)
def test_values_of_norms(name):
    penalty, _, value = NORMS[name]
    assert penalty(2.0).value(Z) == pytest.approx(2.0 * value(Z), rel=1e-7)


@pytest.mark.parametrize("name", NORMS)
def test_dual_norms_are_tight(name):
    """⟨P, W⟩ ≤ dual(P)·Ω(W), with equality in the limit: prox at strength just below dual(P) is not 0."""
    penalty, _, _ = NORMS[name]
    size = penalty(1.0).dual(Z)
    for _ in range(20):
        w = RNG.normal(size=Z.shape)
        assert (Z * w).sum() <= size * penalty(1.0).value(w) + 1e-12
    assert np.abs(penalty(size * 1.000001).proximal(Z, 1.0)).max() < 1e-9
    assert np.abs(penalty(size * 0.999).proximal(Z, 1.0)).max() > 0
    assert penalty(4.0).dual(Z) == pytest.approx(size / 4.0)


def test_the_mean_is_a_graph_that_ties_all():
    """Σ_t‖w_t − w̄‖² = Σ_{s<t}‖w_s − w_t‖²/T."""
    everyone = np.full((3, 3), 1 / 3)
    assert MeanRegularised(0.9).value(Z) == pytest.approx(TaskGraph(0.9, everyone).value(Z))
    assert MeanRegularised(0.9).proximal(Z, 0.5) == pytest.approx(TaskGraph(0.9, everyone).proximal(Z, 0.5))
    assert TaskGraph(0.9, LINKS).value(Z) == pytest.approx(0.9 * oracle.graph(Z, LINKS))
    chained = ((Z[:, 1:] - Z[:, :-1]) ** 2).sum()
    assert TaskGraph(1.0, chain_links(3)).value(Z) == pytest.approx(chained)


def test_pooled_tasks_are_their_mean():
    assert PooledTasks().proximal(Z, 0.3) == pytest.approx(MeanRegularised(1e12).proximal(Z, 1.0))
    assert PooledTasks().value(PooledTasks().proximal(Z, 0.3)) == 0.0
    assert PooledTasks().value(Z) == float("inf")


def test_clusters_are_judged_by_the_best_assignment_of_all():
    penalty = ClusteredTasks(1.5, 2, 0.6)
    told = penalty.value(Z)
    shares, least = oracle.shares_by_search(Z, 2, 0.4)
    assert told == pytest.approx(1.5 * 0.4 * 1.4 * least, rel=1e-6)
    _, _, vt = np.linalg.svd(Z, full_matrices=False)
    assert oracle.clustered(Z, 1.5, 0.6, vt.T @ np.diag(shares) @ vt) == pytest.approx(told, rel=1e-6)
    for _ in range(50):  # any other M in the set is no better
        basis, _ = np.linalg.qr(RNG.normal(size=(3, 3)))
        m = basis @ np.diag(RNG.permutation([1.0, 0.7, 0.3])) @ basis.T
        assert oracle.clustered(Z, 1.5, 0.6, m) >= told - 1e-12


def test_tasks_of_k_kinds_pay_the_ridge_alone():
    """Equal columns: W has rank 2, so that two clusters cost ρ‖W‖² and one costs more."""
    kinds = RNG.normal(size=(4, 2))
    w = kinds[:, [0, 0, 1, 1, 0]]
    assert ClusteredTasks(3.0, 2, 0.5).value(w) == pytest.approx(0.5 * (w**2).sum())
    assert ClusteredTasks(3.0, 1, 0.5).value(w) > 1.05 * 0.5 * (w**2).sum()


@pytest.mark.parametrize(
    "penalty",
    [SeparateRidge(2.0), SparseWeights(2.0), JointFeatures(2.0), OutlierTasks(2.0), TraceNorm(2.0),
     MeanRegularised(2.0, 1.0), TaskGraph(2.0, LINKS), ClusteredTasks(2.0, 1, 0.5)],
)  # fmt: skip
def test_times_scales_the_value(penalty):
    assert penalty.times(2.5).value(Z) == pytest.approx(2.5 * penalty.value(Z))


def test_composed_penalties_scale_each_part():
    parts = TaskParts((TraceNorm(1.0), OutlierTasks(2.0))).times(3.0)
    assert parts == TaskParts((TraceNorm(3.0), OutlierTasks(6.0)))
    assert TaskSum(JointFeatures(1.0), SeparateRidge(2.0)).times(2.0) == TaskSum(
        JointFeatures(2.0), SeparateRidge(4.0)
    )
    assert TaskParts((PooledTasks(), TraceNorm(1.0))).times(3.0) == TaskParts((PooledTasks(), TraceNorm(3.0)))


# Errors ---------------------------------------------------------------------------------------------


def test_wrong_penalties_are_refused():
    for penalty in (SeparateRidge, SparseWeights, JointFeatures, OutlierTasks, TraceNorm, MeanRegularised):
        with pytest.raises(ArgumentError, match=r"strength=-1\.0 penalises nothing"):
            penalty(-1.0)
    with pytest.raises(ArgumentError, match="ridge=nan penalises nothing"):
        MeanRegularised(1.0, float("nan"))
    with pytest.raises(ArgumentError, match="0 clusters hold no task"):
        ClusteredTasks(1.0, 0, 1.0)
    with pytest.raises(ArgumentError, match=r"strength=1\.0 and ridge=0\.0 must both be above 0"):
        ClusteredTasks(1.0, 2, 0.0)
    with pytest.raises(ArgumentError, match=r"links of shape \(2, 2\) must be .* symmetric"):
        TaskGraph(1.0, np.array([[0.0, 1.0], [2.0, 0.0]]))
    with pytest.raises(ArgumentError, match="links tie 3 tasks, but the rows are of 2"):
        TaskGraph(1.0, LINKS).value(Z[:, :2])
    with pytest.raises(ArgumentError, match="TaskParts need two penalties or more"):
        TaskParts((TraceNorm(1.0),))
    with pytest.raises(ArgumentError, match="TraceNorm is not quadratic"):
        TaskSum(JointFeatures(1.0), TraceNorm(1.0))  # type: ignore[arg-type]
