"""Measure a model against the baselines in one segment, and how sure that is."""

import math
from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple, TypeAlias

import numpy as np

from tsfm_runner.config import VerdictConfig
from tsfm_runner.core.arrays import FloatArray
from tsfm_runner.core.bootstrap import Interval, group_draws, interval_of
from tsfm_runner.domain.verdict import SegmentKey
from tsfm_runner.service.verdict.evidence import COVERAGE, SegmentEvidence

_DRAWS_REMEMBERED = 1  # they are large, and segments come by their count of groups
_SURE = 0.95
_Intervals: TypeAlias = Callable[[FloatArray, FloatArray], Interval]


class Estimate(NamedTuple):
    """A number and its 95 % interval; None where they cannot be told."""

    value: float | None
    low: float | None
    high: float | None


class Share(NamedTuple):
    """A share of outcomes and its 95 % interval."""

    value: float
    low: float
    high: float


class Coverage(NamedTuple):
    """How often an interval held.

    ``error`` is how far the target lies outside of what is between ``open`` and
    ``closed``; ``least_error`` is that of the ends of their intervals nearest to the
    target, so that chance alone seldom explains it. ``margin`` is how far they reach
    up and down, where it is not plain that they are on the right side of the target.
    """

    closed: float
    open: float
    error: float
    least_error: float
    margin: float


class Measured(NamedTuple):
    """What evidence says of a model in a segment.

    ``against`` is the baseline with the lowest mean score. ``better`` is the one to
    serve: the ``configured`` one, unless another is significantly better.
    """

    key: SegmentKey
    n: int
    n_groups: int
    ratio: Estimate
    against: str
    better: str
    configured: str
    coverage: Coverage

    @property
    def is_better(self) -> bool:
        """Whether the model has the lower score."""
        return self.ratio.value is not None and self.ratio.value < 1

    @property
    def is_surely_better(self) -> bool:
        """Whether chance alone seldom explains that it has."""
        return self.ratio.high is not None and self.ratio.high < 1


def measure(one: SegmentEvidence, rules: VerdictConfig, configured: str) -> Measured:
    """Return what the evidence says; whole groups are drawn anew for the intervals."""
    intervals = _intervals(one.n.size, rules.n_draws, rules.seed)
    totals = {name: float(sums.sum()) for name, sums in one.baselines.items()}
    against = min(totals, key=lambda name: (totals[name], name))
    held = np.stack((one.closed, one.open), axis=1)
    shares = np.stack(intervals(held, one.n[:, None]), axis=1)
    return Measured(
        one.key,
        n=int(one.n.sum()),
        n_groups=one.n.size,
        ratio=_ratio(intervals, one.score, one.baselines[against]),
        against=against,
        better=_better(intervals, one, totals, configured),
        configured=configured,
        coverage=_coverage(*(Share(*share) for share in shares.tolist())),
    )


@lru_cache(maxsize=_DRAWS_REMEMBERED)
def _intervals(n_groups: int, n_draws: int, seed: int) -> _Intervals:
    """Return what makes 95 % intervals of ratios over so many groups."""
    draws = group_draws(n_groups, n_draws=n_draws, seed=seed)
    return partial(interval_of, draws, coverage=_SURE)


def _ratio(intervals: _Intervals, score: FloatArray, other: FloatArray) -> Estimate:
    interval = intervals(score, other)
    return Estimate(*(_known(edge.item()) for edge in interval))


def _known(number: float) -> float | None:
    """Return None for a ratio to nothing."""
    return number if math.isfinite(number) else None


def _better(
    intervals: _Intervals,
    one: SegmentEvidence,
    totals: dict[str, float],
    configured: str,
) -> str:
    """Return the baseline that is served where the model is not."""
    own = one.baselines.get(configured)
    if own is None:
        return configured
    others = (
        name for name in sorted(totals, key=totals.__getitem__) if name != configured
    )
    for name in others:
        high = _ratio(intervals, one.baselines[name], own).high
        if high is not None and high < 1:
            return name
    return configured


def _coverage(closed: Share, open_: Share) -> Coverage:
    """Return what the shares, with the edges and without, say of the coverage."""
    unsure = [
        (share.high - share.low) / 2
        for share, is_plain in (
            (closed, closed.low >= COVERAGE),
            (open_, open_.high <= COVERAGE),
        )
        if not is_plain
    ]
    return Coverage(
        closed.value,
        open_.value,
        error=max(COVERAGE - closed.value, open_.value - COVERAGE, 0.0),
        least_error=max(COVERAGE - closed.high, open_.low - COVERAGE, 0.0),
        margin=max(unsure, default=0.0),
    )
