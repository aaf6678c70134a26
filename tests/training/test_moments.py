"""Moments of markets: those of series whose moments are known."""

import numpy as np
import pytest

from compare_moments import is_core, simulated_panel
from moments import (
    by_event,
    correlation,
    moments_of,
    reversals,
    squared_swing,
    variance_ratio,
)
from moments_report import as_html, as_markdown, as_text, with_interval
from tsfm_runner.core.bootstrap import Interval

HOUR_S = 3_600


def walks(n_markets: int, n_steps: int, *, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 0.5 + 1e-3 * rng.normal(size=(n_markets, n_steps)).cumsum(axis=1)


def test_a_series_worked_by_hand() -> None:
    prices = np.array([[0.5, 0.5, 0.52, *[0.52] * 10, 0.01]])

    found = {name: row[0] for name, row in moments_of(prices, step_s=HOUR_S).items()}

    assert found["ties, 1 step"] == pytest.approx(11 / 13)
    assert found["ties, 12 steps"] == 0
    assert found["mean change, 1 step (c)"] == pytest.approx((2 + 51) / 13)
    assert found["mean change, 12 steps (c)"] == pytest.approx((2 + 49) / 2)
    assert found["mean change at 30-50c (c)"] == pytest.approx((2 + 51) / 13)
    assert np.isnan(found["mean change at 0-3c (c)"])
    assert found["within 3c of 0 or 1"] == pytest.approx(1 / 14)
    assert found["reversals"] == 1


def test_what_is_unknown_counts_for_nothing() -> None:
    prices = walks(3, 80)
    padded = np.pad(prices, ((0, 0), (0, 40)), constant_values=np.nan)

    plain, other = (moments_of(one, step_s=HOUR_S) for one in (prices, padded))

    for name in plain.keys() - {"squared time-of-day swing"}:
        np.testing.assert_allclose(other[name], plain[name])


def test_a_random_walk_has_no_memory() -> None:
    one = np.diff(walks(200, 300), axis=1)
    far = walks(200, 300)[:, 12:] - walks(200, 300)[:, :-12]

    assert correlation(one, lag=1).mean() == pytest.approx(0, abs=0.02)
    assert correlation(np.abs(one), lag=6).mean() == pytest.approx(0, abs=0.02)
    assert variance_ratio(one, far).mean() == pytest.approx(1, abs=0.1)
    assert reversals(one).mean() == pytest.approx(0.5, abs=0.02)


def test_correlation_needs_pairs_enough() -> None:
    assert np.isnan(correlation(walks(2, 12), lag=1)).all()
    assert np.isnan(correlation(walks(2, 40), lag=30)).all()
    assert np.isfinite(correlation(walks(2, 40), lag=10)).all()


@pytest.mark.parametrize("swing", [0.0, 0.5])
def test_the_swing_of_the_day_is_found_and_chance_is_not(swing: float) -> None:
    phases = 2 * np.pi * np.arange(24 * 20) / 24
    noise = np.random.default_rng(1).exponential(size=(400, phases.size))
    days = np.repeat(np.random.default_rng(2).uniform(0.2, 3, (400, 20)), 24, axis=1)
    lively = 1 + swing * np.sqrt(2) * np.sin(phases)

    found = squared_swing(noise * days * lively, day=24)

    within_parts = 0.974  # three hours of a sine are averaged
    assert found.mean() == pytest.approx((within_parts * swing) ** 2, abs=0.015)


def test_a_day_that_is_short_or_seen_once_has_no_swing() -> None:
    assert np.isnan(squared_swing(np.ones((2, 40)), day=24)).all()
    assert np.isnan(squared_swing(np.ones((2, 40)), day=7)).all()


def test_every_event_has_one_vote() -> None:
    values = np.array([1.0, 3.0, 5.0, np.nan])
    moments = {"a": values, "squared time-of-day swing": np.full(4, -1.0)}

    found = by_event(moments, np.array(["x", "x", "y", "z"]))

    assert found["a"].value == pytest.approx((2 + 5) / 2)
    assert found["a"].low <= found["a"].value <= found["a"].high
    assert found["time-of-day swing"].value == 0


def test_numbers_are_told_briefly() -> None:
    one = Interval(*map(np.array, (12.34, 1.0, np.nan)))

    assert as_text(0.12345) == "0.123"
    assert with_interval(one) == "12.3"
    assert with_interval(Interval(*map(np.array, (0.5, 0.4, 0.6)))) == (
        "0.500 (0.400 to 0.600)"
    )


def test_the_report_has_a_row_and_a_plot_for_each_moment() -> None:
    moment = Interval(*map(np.array, (0.5, 0.4, 0.6)))
    columns = {"recorded": {"|change|": moment}, "venues": {"|change|": moment}}

    text = as_markdown({"5m": columns})
    page = as_html({"5m": columns})

    assert "| \\|change\\| | 0.500, 0.500 |" in text
    assert "|change|" in page
    assert "cdn" not in page[-20_000:]


def test_simulated_markets_end_where_they_close() -> None:
    panel = simulated_panel("broad", step_s=HOUR_S, lengths=[60, 120], n_markets=80)

    n_known = np.isfinite(panel.prices).sum(axis=1)
    assert panel.prices.shape[1] == 120
    assert n_known.min() >= 24
    assert len(set(n_known.tolist())) > 2


def test_markets_that_are_decided_or_lie_still_are_left_out() -> None:
    lively = 0.5 + 0.01 * (np.arange(60) % 2)
    rows = [lively, lively - 0.495, np.full(60, 0.5), [*lively[:20], *[np.nan] * 40]]

    assert is_core(np.array(rows)).tolist() == [True, False, False, False]
