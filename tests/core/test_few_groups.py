"""Few groups make an interval wider, as Student's distribution does."""

from statistics import NormalDist

import numpy as np
import pytest
from scipy import stats

from tsfm_runner.core.few_groups import expanded_coverage, student_quantile


@pytest.mark.parametrize("n_free", [6, 7, 12, 30, 500])
@pytest.mark.parametrize("level", [0.01, 0.05, 0.5, 0.9, 0.975, 0.99])
def test_quantiles_are_those_of_student(n_free: int, level: float) -> None:
    expected = stats.t.ppf(level, n_free)

    assert student_quantile(level, n_free=n_free) == pytest.approx(expected, abs=0.01)


def test_eight_groups_ask_for_what_a_table_says() -> None:
    reach = 2.365 * (8 / 7) ** 0.5  # of Student's distribution with 7 degrees

    expanded = expanded_coverage(8, coverage=0.95)

    assert expanded == pytest.approx(2 * NormalDist().cdf(reach) - 1, abs=1e-4)


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.95])
def test_more_groups_ask_for_less_and_never_for_less_than_the_coverage(
    coverage: float,
) -> None:
    asked = [expanded_coverage(n, coverage=coverage) for n in range(2, 200)]

    assert (np.diff(asked) < 0).all()
    assert asked[-1] > coverage
    assert asked[-1] == pytest.approx(coverage, abs=0.005)


@pytest.mark.parametrize("n_groups", [0, 1])
def test_one_group_tells_nothing_of_others(n_groups: int) -> None:
    assert expanded_coverage(n_groups, coverage=0.95) == 1


@pytest.mark.parametrize("coverage", [0, 1, -0.1, 1.5])
def test_what_is_no_coverage_is_refused(coverage: float) -> None:
    with pytest.raises(ValueError, match=r"coverage must be in \(0, 1\)"):
        expanded_coverage(8, coverage=coverage)
