"""Critical variances against published constants and closed forms."""

import math
import time

import numpy as np
import pytest

from profunda.errors import ArgumentError
from profunda.theory import critical as module
from profunda.theory.activations import NONLINEARITIES, Nonlinearity
from profunda.theory.critical import critical_initialisation, has_critical
from profunda.theory.propagation import chi_par, chi_perp, depth_scales, variance_map, variance_profile


@pytest.mark.parametrize(
    ("name", "c_b", "c_w", "fixed_point"),
    [
        ("gelu", 0.172922390756, 1.98305825744, 3.56155281281),
        ("silu", 0.555143170722, 1.98800467827, 14.320173618),
    ],
)
def test_gelu_and_silu_have_constants_of_their_own(name, c_b, c_w, fixed_point):
    found = critical_initialisation(name)
    assert found.kind == "half-stable"
    assert found.weight_variance == pytest.approx(c_w, rel=1e-9)
    assert found.bias_variance == pytest.approx(c_b, rel=1e-9)
    assert found.fixed_point == pytest.approx(fixed_point, rel=1e-9)


@pytest.mark.parametrize("name", ["gelu", "silu", "mish"])
def test_both_susceptibilities_are_1_at_the_fixed_point(name):
    found = critical_initialisation(name)
    assert chi_perp(name, found.fixed_point, found.weight_variance) == pytest.approx(1.0, abs=1e-11)
    assert chi_par(name, found.fixed_point, found.weight_variance) == pytest.approx(1.0, abs=1e-9)
    after = variance_map(name, found.fixed_point, found.weight_variance, found.bias_variance)
    assert after == pytest.approx(found.fixed_point, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "c_w", "kind"),
    [
        ("linear", 1.0, "scale-invariant"),
        ("relu", 2.0, "scale-invariant"),
        ("leaky_relu", 2 / (1 + 0.01**2), "scale-invariant"),
        ("tanh", 1.0, "zero"),
        ("erf", math.pi / 4, "zero"),
        ("elu", 1.0, "zero"),
        ("selu", 2 / (1.0507009873554805**2 * (1 + 1.6732632423543772**2)), "zero"),
    ],
)
def test_closed_forms(name, c_w, kind):
    found = critical_initialisation(name)
    assert found.weight_variance == pytest.approx(c_w, rel=1e-9)
    assert (found.bias_variance, found.kind) == (0.0, kind)
    assert found.fixed_point == 0.0 or kind == "scale-invariant"


@pytest.mark.parametrize("name", ["sigmoid", "softplus"])
def test_sigmoid_and_softplus_have_none(name):
    assert not has_critical(name)
    with pytest.raises(ArgumentError, match=f"No variance of weights and biases is critical for {name}"):
        critical_initialisation(name)


def test_neither_he_nor_lecun_is_critical_for_gelu():
    critical = critical_initialisation("gelu")
    for c_w in (1.0, 2.0):
        assert variance_profile("gelu", 50, c_w, c_w)[-1] < 1e-11
        assert chi_perp("gelu", 1e-12, c_w) <= 0.5 + 1e-6
    kept = variance_profile(
        "gelu", 50, critical.fixed_point, critical.weight_variance, critical.bias_variance
    )
    assert kept == pytest.approx(np.full(50, critical.fixed_point), rel=1e-9)


def test_the_circulating_constant_for_silu_is_wrong_by_a_factor_of_ten():
    """E33: with C_b = 0.0555 the variance settles at 0.12, where gradients die within two layers."""
    critical = critical_initialisation("silu")
    circulating = 0.055514317
    assert critical.bias_variance / circulating == pytest.approx(10.0, rel=1e-3)
    scales = depth_scales("silu", critical.weight_variance, circulating)
    assert scales.q == pytest.approx(0.1201, abs=2e-4)
    assert scales.chi_perp == pytest.approx(0.550, abs=1e-3)
    assert scales.xi_c == pytest.approx(1.7, abs=0.05)


def test_dropout_multiplies_the_weight_variance_by_keep():
    """D38: He becomes 2·keep."""
    assert critical_initialisation("relu", keep=0.8).weight_variance == pytest.approx(1.6)
    plain, dropped = critical_initialisation("gelu"), critical_initialisation("gelu", keep=0.5)
    assert dropped.weight_variance == plain.weight_variance / 2
    assert dropped.bias_variance == plain.bias_variance
    assert chi_perp("gelu", plain.fixed_point, dropped.weight_variance, keep=0.5) == pytest.approx(1.0)
    with pytest.raises(ArgumentError, match=r"keep = 1\.5 is the probability of keeping"):
        critical_initialisation("relu", keep=1.5)


def test_any_function_has_its_own():
    assert critical_initialisation(np.sin).weight_variance == pytest.approx(1.0, rel=1e-9)
    halved = Nonlinearity("half tanh", lambda x: np.tanh(x) / 2, None)
    assert critical_initialisation(halved).weight_variance == pytest.approx(4.0, rel=1e-9)


def test_it_is_quick():
    for name in sorted(NONLINEARITIES):
        seconds = []
        for _ in range(3):
            module._critical.cache_clear()
            start = time.process_time()
            has_critical(name)
            seconds.append(time.process_time() - start)
        assert min(seconds) < 0.05, name
    start = time.process_time()
    for _ in range(1000):
        critical_initialisation("gelu", keep=0.5)
    assert time.process_time() - start < 0.05
