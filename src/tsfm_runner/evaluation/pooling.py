"""The tables over all markets: every entry, step and way to weigh, and ratios."""

from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np

from tsfm_runner.core.arrays import BoolArray, FloatArray
from tsfm_runner.core.bootstrap import interval_of
from tsfm_runner.core.metric_sums import MetricSums
from tsfm_runner.core.metrics import TOLERANCE
from tsfm_runner.core.noise import near_ceiling
from tsfm_runner.evaluation.bounds import (
    LEAST_GROUPS,
    N_DRAWS,
    SEED,
    Bounds,
    bounds_of,
    draws_of,
    number,
    weighed,
)
from tsfm_runner.evaluation.design import BAND, Design
from tsfm_runner.evaluation.results import EntryName, Pool, told_steps
from tsfm_runner.evaluation.schema import Overall, Ratio, Weighting

WEIGHTINGS: tuple[Weighting, ...] = ("group", "origin")
LEAST_OUTCOMES = 30  # of a market that can be near its target or not
NEAR = 0.05
_ROUNDING = 1e-9


class Scope(NamedTuple):
    """What rows are about: an entry, a step between points, a way to weigh."""

    entry: EntryName
    freq: str
    weighting: Weighting


def overall_rows(
    pool: Pool, entries: Sequence[EntryName], design: Design
) -> Iterator[Overall]:
    """Yield the rows of all entries over one pool, each step and all steps."""
    present = pool.by_group[0, :, -1, 0] > 0
    draws = draws_of(int(present.sum()))
    for place, entry in enumerate(entries):
        groups = pool.by_group[place][present]
        markets = MetricSums(design.quantile_levels, pool.by_market[place])
        for weighting in WEIGHTINGS:
            scope = Scope(entry, pool.freq, weighting)
            yield from _overall(scope, groups, markets, draws, design)


def _overall(
    scope: Scope,
    groups: FloatArray,
    markets: MetricSums,
    draws: FloatArray,
    design: Design,
) -> Iterator[Overall]:
    sums = MetricSums(design.quantile_levels, weighed(groups, scope.weighting))
    pooled = MetricSums(design.quantile_levels, sums.sums.sum(axis=0))
    means = pooled.per_outcome()
    bounds = bounds_of(sums, draws, design)
    for place in range(design.horizon + 1):
        step = place + 1 if place < design.horizon else None
        yield {
            "entry": scope.entry.text,
            "freq": scope.freq,
            "step": step,
            "weighting": scope.weighting,
            "n": int(groups[:, place, 0].sum()),
            "n_markets": int((markets.n[:, place] > 0).sum()),
            "n_groups": int((groups[:, place, 0] > 0).sum()),
            "intervals": [
                _interval(pooled, bounds, coverage, place)
                | _near(markets, coverage, step)
                for coverage in design.coverages
            ],
            "levels": [
                _level(means, bounds, index, place)
                for index in range(len(design.quantile_levels))
            ],
            "mean_pinball": number(means.mean_pinball()[place]),
            "wis": number(means.weighted_interval_score()[place]),
            "mae": number(means.absolute_error()[place]),
            "rmse": number(pooled.root_mean_squared_error()[place]),
            "breach_rate": number(pooled.breach_rate(BAND)[place]),
            "follow_through": number(pooled.follow_through()[place]),
        }


def _interval(pooled: MetricSums, bounds: Bounds, coverage: float, place: int) -> Any:  # noqa: ANN401 - a part of a row
    means = pooled.per_outcome()
    return {
        "coverage": coverage,
        **bounds.edges(f"closed {coverage}", "closed", place),
        **bounds.edges(f"open {coverage}", "open", place),
        "error": number(pooled.tie_error(coverage)[place]),
        "below": number(means.below(coverage)[place]),
        "above": number(means.above(coverage)[place]),
        "width": number(means.width(coverage)[place]),
        **bounds.edges(f"score {coverage}", "interval_score", place),
    }


def _level(means: MetricSums, bounds: Bounds, index: int, place: int) -> Any:  # noqa: ANN401
    level = means.quantile_levels[index]
    return {
        "level": level,
        **bounds.edges(f"below {level}", "below", place),
        **bounds.edges(f"at {level}", "at_or_below", place),
        "pinball": number(means.pinball()[place, index]),
    }


def _near(markets: MetricSums, coverage: float, step: int | None) -> Any:  # noqa: ANN401
    if step is None:
        return {"near": None, "near_ceiling": None}
    n = markets.n[:, step - 1]
    is_long = n >= LEAST_OUTCOMES
    if not is_long.any():
        return {"near": None, "near_ceiling": None}
    errors = markets.tie_error(coverage)[is_long, step - 1]
    ceiling = near_ceiling(
        n[is_long].astype(np.int64),
        step=step,
        coverage=coverage,
        near=NEAR,
        n_draws=N_DRAWS,
        seed=SEED,
    )
    share = float((errors <= NEAR + _ROUNDING).mean())
    return {"near": share, "near_ceiling": number(ceiling)}


def ratio_rows(
    pool: Pool, entries: Sequence[EntryName], design: Design
) -> Iterator[Ratio]:
    """Yield the ratio of each score of each entry to that of each other one.

    Of few groups none is significant: of two that are no better or worse, half of the
    intervals leave out 1, of four one in nine.
    """
    present = pool.by_group[0, :, -1, 0] > 0
    draws = draws_of(int(present.sum()))
    places = [*(step - 1 for step in told_steps(design.horizon)), design.horizon]
    groups = pool.by_group[:, present][:, :, places]
    is_believed = np.count_nonzero(groups[0, ..., 0], axis=0) >= LEAST_GROUPS
    for weighting in WEIGHTINGS:
        weighted = np.stack([weighed(one, weighting) for one in groups])
        sums = MetricSums(design.quantile_levels, weighted)
        for metric, scores in _judged(sums, design):
            by_group = np.moveaxis(scores, 1, 0)
            against = np.where(_is_told(scores, sums.n), by_group, 0.0)
            found = interval_of(draws, by_group[:, :, None], against[:, None])
            for one, other in permutations(range(len(entries)), 2):
                for index, place in enumerate(places):
                    value, low, high = (
                        float(part[one, other, index]) for part in found
                    )
                    yield {
                        "entry": entries[one].text,
                        "against": entries[other].text,
                        "freq": pool.freq,
                        "step": place + 1 if place < design.horizon else None,
                        "weighting": weighting,
                        "metric": metric,
                        "ratio": number(value),
                        "low": number(low),
                        "high": number(high),
                        "is_significant": bool(
                            is_believed[index] and (high < 1 or low > 1)
                        ),
                    }


def _is_told(scores: FloatArray, n: FloatArray) -> BoolArray:
    """Return which entries have a score at each step, and not only rounding of 0."""
    return np.asarray(scores.sum(axis=1) > TOLERANCE * n.sum(axis=1))


def _judged(sums: MetricSums, design: Design) -> Iterator[tuple[Any, FloatArray]]:
    """Yield the name of each score that is compared, and its sums."""
    for coverage in design.coverages:
        if coverage >= BAND:
            yield f"interval_score_{coverage:g}", sums.interval_score(coverage)
    yield "wis", sums.weighted_interval_score()
