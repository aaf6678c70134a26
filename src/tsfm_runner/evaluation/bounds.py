"""Means of sums over groups, each with the interval that drawing groups gives."""

import math
from typing import Any, NamedTuple

import numpy as np

from tsfm_runner.core.arrays import FloatArray
from tsfm_runner.core.bootstrap import Interval, group_draws, interval_of
from tsfm_runner.core.metric_sums import MetricSums, equal_groups
from tsfm_runner.evaluation.design import Design
from tsfm_runner.evaluation.schema import Weighting

N_DRAWS = 1_000
SEED = 20260220
LEAST_GROUPS = 5  # of which 95 % intervals are believed


def draws_of(n_groups: int) -> FloatArray:
    """Return how often each of so many groups is drawn; always the same."""
    return group_draws(n_groups, n_draws=N_DRAWS, seed=SEED)


def weighed(groups: FloatArray, weighting: Weighting) -> FloatArray:
    """Return sums by group as they count: alike, or by their origins."""
    return equal_groups(groups) if weighting == "group" else groups


class Bounds(NamedTuple):
    """Means of several quantities with their intervals, each of one value a step."""

    names: dict[str, int]
    found: Interval

    def edges(self, name: str, key: str, place: int) -> Any:  # noqa: ANN401
        """Return a mean with both ends, under the names of a row."""
        value, low, high = (part[place, self.names[name]] for part in self.found)
        return {
            key: number(value),
            f"{key}_low": number(low),
            f"{key}_high": number(high),
        }


def bounds_of(sums: MetricSums, draws: FloatArray, design: Design) -> Bounds:
    """Return means with their intervals, of everything that has some."""
    columns: dict[str, FloatArray] = {}
    for coverage in design.coverages:
        columns[f"closed {coverage}"] = sums.closed(coverage)
        columns[f"open {coverage}"] = sums.open(coverage)
        columns[f"score {coverage}"] = sums.interval_score(coverage)
    for index, level in enumerate(design.quantile_levels):
        columns[f"below {level}"] = sums.level_below()[..., index]
        columns[f"at {level}"] = sums.level_at_or_below()[..., index]
    stacked = np.stack(list(columns.values()), axis=-1)
    found = interval_of(draws, stacked, sums.n[..., None])
    return Bounds({name: place for place, name in enumerate(columns)}, found)


def number(value: float) -> float | None:
    """Return a number that JSON knows, None for one that it does not."""
    return float(value) if math.isfinite(value) else None
