"""The normal distribution function agrees with the one of the standard library."""

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsfm_runner.testing.markets.normal import normal_cdf, normal_quantile


@given(z=st.floats(-9, 9))
def test_it_agrees_with_the_standard_library(z: float) -> None:
    value = normal_cdf(np.array([z]))[0]

    assert value == pytest.approx(NormalDist().cdf(z), abs=1.5e-7)


@given(z=st.floats(0, 9))
def test_it_is_symmetric(z: float) -> None:
    both = normal_cdf(np.array([z, -z]))

    assert both.sum() == pytest.approx(1.0, abs=2e-7)


def test_it_reaches_its_limits() -> None:
    ends = normal_cdf(np.array([-np.inf, np.inf]))

    assert ends.tolist() == [0.0, 1.0]


def test_the_quantile_of_an_even_chance_is_zero() -> None:
    quantiles = normal_quantile(np.array([0.5, 0.975]))

    assert quantiles == pytest.approx([0.0, 1.959964], abs=1e-6)
