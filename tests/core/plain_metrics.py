"""Every metric once more, in plain loops over exact fractions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tsfm_runner.core.arrays import FloatArray

EDGE = Fraction(1, 10**6)


@dataclass(frozen=True)
class Case:
    """An outcome, its band, and how far the price went on up and down."""

    band: dict[float, Fraction]
    outcome: Fraction
    rise: float
    fall: float

    def edges(self, coverage: float) -> tuple[Fraction, Fraction]:
        lower = min(self.band, key=lambda level: abs(level - (1 - coverage) / 2))
        upper = min(self.band, key=lambda level: abs(level - (1 + coverage) / 2))
        return self.band[lower], self.band[upper]

    def is_below(self, coverage: float) -> bool:
        return self.outcome < self.edges(coverage)[0] - EDGE

    def is_above(self, coverage: float) -> bool:
        return self.outcome > self.edges(coverage)[1] + EDGE

    def is_open(self, coverage: float) -> bool:
        lower, upper = self.edges(coverage)
        return lower + EDGE < self.outcome < upper - EDGE

    def interval_score(self, coverage: float) -> Fraction:
        lower, upper = self.edges(coverage)
        miss = 1 - Fraction(coverage).limit_denominator(1_000)
        too_low = max(lower - self.outcome, Fraction(0))
        too_high = max(self.outcome - upper, Fraction(0))
        return upper - lower + 2 / miss * (too_low + too_high)

    def pinball(self, level: float) -> Fraction:
        error = self.outcome - self.band[level]
        share = Fraction(level).limit_denominator(1_000)
        return share * error if error >= 0 else (share - 1) * error

    def weighted_interval_score(self) -> Fraction:
        """Bracher et al. (2021), equation 1, with the weights below it."""
        total = abs(self.outcome - self.band[0.5]) / 2
        lower_levels = [level for level in self.band if level < 0.5]
        for level in lower_levels:
            miss = 2 * Fraction(level).limit_denominator(1_000)
            total += miss / 2 * self.interval_score(float(1 - miss))
        return total / (len(lower_levels) + Fraction(1, 2))

    def breach(self) -> tuple[bool, bool]:
        """Whether it is a breach with a known future, and whether the price went on."""
        ways = ((self.is_below(0.8), self.fall), (self.is_above(0.8), self.rise))
        moves = [move for is_out, move in ways if is_out and not math.isnan(move)]
        needed = Fraction(3, 100) - EDGE
        return bool(moves), any(Fraction(move) >= needed for move in moves)


def cases_of(
    values: FloatArray,
    outcomes: FloatArray,
    rise: FloatArray,
    fall: FloatArray,
    *,
    levels: Sequence[float],
) -> list[Case]:
    """Return the cases whose outcome is known."""
    return [
        Case(
            dict(zip(levels, map(Fraction, values[place].tolist()), strict=True)),
            Fraction(float(outcomes[place])),
            float(rise[place]),
            float(fall[place]),
        )
        for place in np.ndindex(outcomes.shape)
        if not math.isnan(outcomes[place])
    ]


def plain_metrics(cases: Sequence[Case], coverage: float) -> dict[str, float]:
    """Return every metric of the cases and of one interval."""
    n = len(cases)
    levels = list(cases[0].band)
    errors = [case.outcome - case.band[0.5] for case in cases]
    lower_misses = sum(case.is_below(coverage) for case in cases) / n
    upper_misses = sum(case.is_above(coverage) for case in cases) / n
    closed = 1 - lower_misses - upper_misses
    inside = sum(case.is_open(coverage) for case in cases) / n
    edges = [case.edges(coverage) for case in cases]
    breaches = [case.breach() for case in cases]
    return {
        "closed": closed,
        "open": inside,
        "below": lower_misses,
        "above": upper_misses,
        "tie_error": max(coverage - closed, inside - coverage, 0),
        "breach_rate": lower_misses + upper_misses,
        "width": float(sum(upper - lower for lower, upper in edges) / n),
        "interval_score": float(
            sum(case.interval_score(coverage) for case in cases) / n
        ),
        "weighted_interval_score": float(
            sum(case.weighted_interval_score() for case in cases) / n
        ),
        "mean_pinball": float(
            sum(case.pinball(level) for case in cases for level in levels)
            / (n * len(levels))
        ),
        "absolute_error": float(sum(map(abs, errors)) / n),
        "root_mean_squared_error": math.sqrt(sum(error**2 for error in errors) / n),
        "follow_through": sum(went_on for _, went_on in breaches)
        / sum(is_known for is_known, _ in breaches),
    }
