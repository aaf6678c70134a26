"""How each figure of a window stands to its limit."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from statistics import NormalDist
from typing import NamedTuple

from tsfm_runner.config import GateConfig, GateStageConfig
from tsfm_runner.core.conformal.coverage import wilson_interval
from tsfm_runner.core.rates import binomial_tail, rate_bounds
from tsfm_runner.domain.gating import Figure, FigureState
from tsfm_runner.service.gate.history import Totals

P95 = "p95_ms"
BREAKER = "breaker_open_share"
COVERAGE = "coverage_error"

_SLOWEST = 0.05  # by its definition, so many take longer than the 95th percentile
_MS = 1_000
_MINUTE_S = 60
_REASONED: tuple[FigureState, ...] = ("above", "broken")


class Counted(NamedTuple):
    """A rate: hits of trials, and the most that there may be.

    ``n_hits`` are those that are sure, ``n_possible`` those that may be.
    """

    name: str
    what: str
    n_hits: int
    n_possible: int
    n: int
    limit: float

    def is_broken(self, doubt: float) -> bool:
        """Whether chance alone would bring so many hits more rarely than ``doubt``."""
        if self.n_hits <= self.limit * self.n:
            return False
        return binomial_tail(self.n_hits, self.n, rate=self.limit) < doubt


def rates(totals: Totals, config: GateConfig) -> tuple[Counted, ...]:
    """Return every figure that counts hits; the time of answers is one, too.

    A 95th percentile is within its limit just where no more than 5 % take longer.
    """
    counts = totals.counts
    slow, maybe_slow = _slower(totals, config.max_p95_ms / _MS)
    n_errors, n_fallbacks = round(counts.n_errors), round(counts.n_fallbacks)
    n_invalid, n_forecasts = round(counts.n_invalid), round(counts.n_forecasts)
    return (
        Counted(
            P95,
            f"single forecasts took longer than {config.max_p95_ms:g} ms",
            slow,
            maybe_slow,
            round(counts.n_timed),
            _SLOWEST,
        ),
        Counted(
            "error_rate",
            "forecast requests failed",
            n_errors,
            n_errors,
            round(counts.n_requests),
            config.max_error_rate,
        ),
        Counted(
            "fallback_rate",
            "forecasts meant for a model were answered by something else",
            n_fallbacks,
            n_fallbacks,
            n_forecasts,
            config.max_fallback_rate,
        ),
        Counted(
            "invalid_rate",
            "forecasts meant for a model got an answer without a band",
            n_invalid,
            n_invalid,
            n_forecasts,
            config.max_invalid_rate,
        ),
    )


def figures(
    totals: Totals, needed: GateStageConfig, config: GateConfig
) -> Iterator[Figure]:
    """Yield each figure of a window, in the order in which it is shown."""
    for rate in rates(totals, config):
        yield rate_figure(rate, totals, config)
    yield breaker_figure(totals, needed, config)
    yield coverage_figure(totals, needed, config)


def rate_figure(
    rate: Counted, totals: Totals, config: GateConfig, *, when: str = ""
) -> Figure:
    """Return how a rate stands; ``when`` ends the reason."""
    state = _state_of(rate, config.doubt)
    reason = None
    if state in _REASONED:
        share = rate.n_possible / rate.n
        told = f"{rate.n_possible:,} of {rate.n:,} {rate.what} ({share:.2%}){when}"
        reason = f"{told}; {rate.limit:.2%} may"
    if rate.name == P95:
        value = _p95_ms(totals) if rate.n else None
        return Figure(P95, state, value, config.max_p95_ms, rate.n, reason=reason)
    value = rate.n_hits / rate.n if rate.n else None
    low, high = rate_bounds(rate.n_hits, rate.n, doubt=config.doubt)
    return Figure(rate.name, state, value, rate.limit, rate.n, low, high, reason)


def _state_of(rate: Counted, doubt: float) -> FigureState:
    if not rate.n:
        return "unknown"
    if rate.is_broken(doubt):
        return "broken"
    return "above" if rate.n_possible > rate.limit * rate.n else "holds"


def breaker_figure(
    totals: Totals, needed: GateStageConfig, config: GateConfig
) -> Figure:
    """Return the share of time in which a breaker was open.

    It is broken when the whole window could no longer hold the limit, whatever else
    comes in it.
    """
    limit, open_s = config.max_breaker_open_share, totals.counts.breaker_open_s
    share = min(1.0, open_s / totals.seen_s) if totals.seen_s else None
    allowed_s = limit * max(totals.seen_s, needed.window_minutes * _MINUTE_S)
    state: FigureState = "holds"
    if open_s > allowed_s:
        state = "broken"
    elif share is None:
        state = "unknown"
    elif share > limit:
        state = "above"
    told = f"a breaker was open for {open_s:.0f} s; {allowed_s:.0f} s of the window may"
    reason = told if state in _REASONED else None
    return Figure(BREAKER, state, share, limit, totals.seen_s, reason=reason)


def coverage_figure(
    totals: Totals, needed: GateStageConfig, config: GateConfig
) -> Figure:
    """Return how far target intervals are from what they promise, ties allowed for.

    Too narrow beyond doubt is broken. Too wide never is: that misleads nobody, and
    the calibration narrows it.
    """
    n, limit = totals.counts.n_outcomes, config.max_coverage_error
    if n < max(needed.min_outcomes, 1):
        if not needed.min_outcomes:
            return Figure(COVERAGE, "unknown", None, limit, n)
        told = f"{n:,.0f} of {needed.min_outcomes:,} outcomes of models' bands came"
        return Figure(COVERAGE, "unsure", None, limit, n, reason=told)
    if totals.n_effective is None:
        told = "outcomes of two events or more are needed"
        return Figure(COVERAGE, "unsure", None, limit, n, reason=told)
    target, closed, inside = _shares(totals)
    z = NormalDist().inv_cdf(1 - config.doubt)
    low, high = wilson_interval(closed, totals.n_effective, z=z)
    open_low, open_high = wilson_interval(inside, totals.n_effective, z=z)
    error = _error(target, closed, inside)
    least, most = _error(target, high, open_low), _error(target, low, open_high)
    if error <= limit:
        return Figure(COVERAGE, "holds", error, limit, n, least, most)
    told = (
        f"intervals for {target:g} held {closed:.3f} of {n:,.0f} outcomes, and "
        f"{inside:.3f} without their edges"
    )
    state: FigureState = "broken" if target - high > limit else "above"
    return Figure(COVERAGE, state, error, limit, n, least, most, told)


def _shares(totals: Totals) -> tuple[float, float, float]:
    """Return target, closed and open coverage."""
    counts = totals.counts
    n = counts.n_outcomes
    return totals.target, counts.n_closed / n, counts.n_open / n


def _error(target: float, closed: float, inside: float) -> float:
    return max(target - closed, inside - target, 0.0)


def _slower(totals: Totals, limit_s: float) -> tuple[int, int]:
    """Return how many took longer for sure, and how many may have.

    They are the same where the limit is a bound of the histogram.
    """
    n, bounds = totals.counts.n_timed, totals.bounds_s
    within = [0.0, *totals.n_within, n]
    above = within[bisect_left(bounds, limit_s) + 1]
    below = within[bisect_right(bounds, limit_s)]
    return round(n - above), round(n - below)


def _p95_ms(totals: Totals) -> float:
    """Return the 95th percentile, on a straight line between two bounds.

    One beyond the last bound is told as that bound.
    """
    bounds, counts = [0.0, *totals.bounds_s], [0.0, *totals.n_within]
    rank = (1 - _SLOWEST) * totals.counts.n_timed
    place = bisect_left(counts, rank)
    if place == len(counts):
        return bounds[-1] * _MS
    share = (rank - counts[place - 1]) / (counts[place] - counts[place - 1])
    return (bounds[place - 1] + share * (bounds[place] - bounds[place - 1])) * _MS
