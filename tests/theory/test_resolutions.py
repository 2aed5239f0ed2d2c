"""How large objects look in training and in a test: closed form, quadrature, limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from profunda.errors import ArgumentError
from profunda.theory.resolutions import apparent_size_ratio, mean_crop_side


def test_the_usual_crops_show_objects_a_fifth_smaller_in_the_test():
    assert mean_crop_side() == pytest.approx(0.70824, abs=5e-6)
    assert apparent_size_ratio(224, 256) == pytest.approx(0.80942, abs=5e-6)
    assert apparent_size_ratio(20, 28) == pytest.approx(0.99154, abs=5e-6)
    assert apparent_size_ratio(224, 224, (1.0, 1.0)) == 1.0


@given(st.floats(1e-3, 0.99), st.floats(1e-3, 1.0))
def test_the_mean_side_is_the_integral(low, width):
    high = low + width * (1.0 - low)
    integral = quad(np.sqrt, low, high, epsabs=0, epsrel=1e-12)[0] / (high - low)
    assert mean_crop_side((low, high)) == pytest.approx(integral, rel=1e-8)


@given(st.floats(1e-3, 1.0))
def test_one_area_has_one_side(share):
    assert mean_crop_side((share, share)) == pytest.approx(share**0.5)
    assert mean_crop_side((share, share * (1 + 1e-9))) <= 1.0 if share < 1 / (1 + 1e-9) else True


def test_what_has_no_size_is_told():
    for scale in ((0.0, 1.0), (0.5, 0.4), (0.5, 1.1)):
        with pytest.raises(ArgumentError, match="is no range of shares of an area: 0 < low ≤ high ≤ 1"):
            mean_crop_side(scale)
    with pytest.raises(ArgumentError, match="train = 0 and test = 20 pixels: give at least 1 of either"):
        apparent_size_ratio(0, 20)
