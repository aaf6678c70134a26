"""Each figure is worked by hand, and held against its limit with its doubt."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tsfm_runner.config import GateConfig, GateStageConfig
from tsfm_runner.domain.gating import Figure
from tsfm_runner.service.gate.figures import (
    Counted,
    breaker_figure,
    coverage_figure,
    figures,
    rates,
)
from tsfm_runner.service.gate.history import Counts, Totals

BOUNDS_S = (0.1, 0.25, 0.3, 0.5)
CONFIG = GateConfig()
NEEDED = CONFIG.canary_5
NOTHING = Counts(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


def totals(
    *,
    within: tuple[float, ...] = (0, 0, 0, 0),
    seen_s: float = 3_600,
    n_effective: float | None = None,
    **counts: float,
) -> Totals:
    return Totals(
        seen_s, 0, NOTHING._replace(**counts), 0.9, n_effective, BOUNDS_S, [*within]
    )


def figure(name: str, of: Totals, config: GateConfig = CONFIG) -> Figure:
    [found] = [one for one in figures(of, NEEDED, config) if one.name == name]
    return found


def test_every_figure_is_told_in_order() -> None:
    names = [one.name for one in figures(totals(), NEEDED, CONFIG)]

    assert names == [
        "p95_ms",
        "error_rate",
        "fallback_rate",
        "invalid_rate",
        "breaker_open_share",
        "coverage_error",
    ]


@pytest.mark.parametrize(
    ("within", "n", "value"),
    [
        # Of 100, the 95th is in the middle of the ten between 0.1 and 0.25 s.
        ((90, 100, 100, 100), 100, 175),
        # It is the very last of those up to 0.1 s.
        ((95, 100, 100, 100), 100, 100),
        ((100, 100, 100, 100), 100, 95),
        # It is beyond the last bound, and more is not known.
        ((0, 0, 0, 94), 100, 500),
    ],
)
def test_the_95th_percentile_is_on_a_line_between_two_bounds(
    within: tuple[float, ...], n: float, value: float
) -> None:
    told = figure("p95_ms", totals(within=within, n_timed=n))

    assert told.value == pytest.approx(value)
    assert (told.limit, told.n) == (300, n)


@given(
    durations_s=st.lists(st.floats(0.001, 2), min_size=1, max_size=200),
    budget_ms=st.sampled_from([100.0, 250.0, 300.0, 500.0]),
)
def test_at_a_bound_the_limit_is_held_just_where_the_true_percentile_is(
    durations_s: list[float], budget_ms: float
) -> None:
    within = tuple(float(np.sum(np.array(durations_s) <= b)) for b in BOUNDS_S)
    config = GateConfig(max_p95_ms=budget_ms)

    told = figure("p95_ms", totals(within=within, n_timed=len(durations_s)), config)

    true_s = np.quantile(durations_s, 0.95, method="inverted_cdf")
    assert (told.state == "holds") is bool(true_s <= budget_ms / 1_000)


@pytest.mark.parametrize(
    ("limit_ms", "sure", "possible"),
    [(300, 10, 10), (280, 10, 30), (50, 60, 100), (2_000, 0, 4), (500, 4, 4)],
)
def test_between_two_bounds_what_is_slow_is_known_within_them(
    limit_ms: float, sure: int, possible: int
) -> None:
    of = totals(within=(40, 70, 90, 96), n_timed=100)

    [slow, *_] = rates(of, GateConfig(max_p95_ms=limit_ms))

    assert (slow.n_hits, slow.n_possible, slow.n) == (sure, possible, 100)


def test_slow_ones_that_are_not_sure_stop_nothing_but_a_pass() -> None:
    of = totals(within=(0, 0, 1_000, 1_000), n_timed=1_000)

    unsure = figure("p95_ms", of, GateConfig(max_p95_ms=280))
    sure = figure("p95_ms", of, GateConfig(max_p95_ms=250))

    assert unsure.state == "above"
    assert sure.state == "broken"
    assert sure.reason == (
        "1,000 of 1,000 single forecasts took longer than 250 ms (100.00%); 5.00% may"
    )


RATES = ("error_rate", "fallback_rate", "invalid_rate")
HITS = {"error_rate": "n_errors", "fallback_rate": "n_fallbacks"}


def of_rate(name: str, hits: float, n: float) -> Figure:
    counts = NOTHING._replace(
        n_requests=n, n_forecasts=n, **{HITS.get(name, "n_invalid"): hits}
    )
    return figure(name, totals()._replace(counts=counts))


@pytest.mark.parametrize(
    ("name", "hits", "n", "state"),
    [
        ("error_rate", 0, 0, "unknown"),
        ("error_rate", 1, 1_000, "holds"),
        ("error_rate", 1, 999, "above"),
        ("error_rate", 1, 1, "above"),
        ("error_rate", 1, 3, "above"),
        ("error_rate", 2, 3, "broken"),
        ("error_rate", 10, 1_000, "broken"),
        ("fallback_rate", 5, 100, "holds"),
        ("fallback_rate", 6, 100, "above"),
        ("fallback_rate", 1, 3, "above"),
        ("fallback_rate", 3, 3, "above"),
        ("fallback_rate", 4, 4, "broken"),
        ("fallback_rate", 20, 100, "broken"),
        ("invalid_rate", 1, 200, "holds"),
        ("invalid_rate", 2, 200, "above"),
        ("invalid_rate", 8, 200, "broken"),
    ],
)
def test_a_rate_is_broken_only_beyond_doubt(
    name: str, hits: float, n: float, state: str
) -> None:
    told = of_rate(name, hits, n)

    assert told.state == state
    assert (told.reason is None) is (state in {"holds", "unknown"})


def test_a_rate_is_told_with_its_bounds() -> None:
    told = of_rate("fallback_rate", 20, 100)

    low = stats.beta.ppf(0.0001, 20, 81)
    high = stats.beta.ppf(0.9999, 21, 80)
    assert told.value == 0.2
    assert told.low == pytest.approx(low)
    assert told.high == pytest.approx(high)
    assert told.reason == (
        "20 of 100 forecasts meant for a model were answered by something else "
        "(20.00%); 5.00% may"
    )


@given(hits=st.integers(0, 60), n=st.integers(1, 60), times=st.integers(2, 5))
def test_more_of_the_same_leaves_no_more_doubt(hits: int, n: int, times: int) -> None:
    rate = Counted("any", "came", min(hits, n), min(hits, n), n, 0.05)
    more = rate._replace(n_hits=rate.n_hits * times, n=n * times)

    assert more.is_broken(0.0001) or not rate.is_broken(0.0001)


@pytest.mark.parametrize(
    ("open_s", "seen_s", "state", "value"),
    [
        (0, 0, "unknown", None),
        (0, 60, "holds", 0),
        (30, 60, "above", 0.5),  # one cool-down: 36 s of the hour may
        (36, 3_600, "holds", 0.01),
        (37, 60, "broken", 37 / 60),
        (60, 7_200, "holds", 1 / 120),  # in two hours 72 s may
        (73, 7_200, "broken", 73 / 7_200),
        (90, 60, "broken", 1),  # several at once
        (40, 0, "broken", None),
    ],
)
def test_a_breaker_may_be_open_for_its_share_of_the_window(
    open_s: float, seen_s: float, state: str, value: float | None
) -> None:
    told = breaker_figure(totals(breaker_open_s=open_s, seen_s=seen_s), NEEDED, CONFIG)

    assert told.state == state
    assert told.value == (None if value is None else pytest.approx(value))


def coverage(
    n: float, closed: float, inside: float, *, worth: float | None, least: int = 200
) -> Figure:
    needed = GateStageConfig(window_minutes=60, min_forecasts=1, min_outcomes=least)
    of = totals(n_outcomes=n, n_closed=closed, n_open=inside, n_effective=worth)
    return coverage_figure(of, needed, CONFIG)


@pytest.mark.parametrize(
    ("closed", "inside", "worth", "state", "error"),
    [
        (900, 900, 1_000, "holds", 0),
        (950, 700, 1_000, "holds", 0),  # ties: the target lies between
        (860, 850, 1_000, "holds", 0.04),
        (840, 840, 1_000, "above", 0.06),
        (600, 600, 1_000, "broken", 0.3),
        (600, 600, 10, "above", 0.3),  # all of ten events: that may be chance
        (990, 980, 1_000, "above", 0.08),  # too wide is never broken
    ],
)
def test_coverage_is_broken_where_bands_are_too_narrow_beyond_doubt(
    closed: float, inside: float, worth: float, state: str, error: float
) -> None:
    told = coverage(1_000, closed, inside, worth=worth)

    assert told.state == state
    assert told.value == pytest.approx(error)
    assert told.low is not None
    assert told.high is not None
    assert told.low <= error + 1e-12
    assert told.high >= error - 1e-12


def test_the_error_of_coverage_has_the_interval_of_wilson() -> None:
    told = coverage(1_000, 600, 600, worth=100)

    z = stats.norm.ppf(1 - 0.0001)
    reach = z * math.sqrt(0.24 / 100 + z**2 / 40_000) / (1 + z**2 / 100)
    high = (0.6 + z**2 / 200) / (1 + z**2 / 100) + reach
    assert told.low == pytest.approx(0.9 - high)
    assert told.reason == (
        "intervals for 0.9 held 0.600 of 1,000 outcomes, and 0.600 without their edges"
    )


@pytest.mark.parametrize(
    ("n", "worth", "least", "state", "reason"),
    [
        (0, None, 0, "unknown", None),
        (0, None, 200, "unsure", "0 of 200 outcomes of models' bands came"),
        (199, 50, 200, "unsure", "199 of 200 outcomes of models' bands came"),
        (200, None, 200, "unsure", "outcomes of two events or more are needed"),
        (1, None, 0, "unsure", "outcomes of two events or more are needed"),
    ],
)
def test_with_too_few_outcomes_nothing_is_said_of_coverage(
    n: float, worth: float | None, least: int, state: str, reason: str | None
) -> None:
    told = coverage(n, 0, 0, worth=worth, least=least)

    assert (told.state, told.reason, told.value) == (state, reason, None)
