"""The metrics of a set of forecasts, from the sums of their columns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tsfm_runner.core.arrays import FloatArray
from tsfm_runner.core.metrics import MetricColumns, interval_index, metric_columns

_N = metric_columns(1).n


@dataclass(frozen=True, slots=True, eq=False)
class MetricSums:
    """Sums of the columns of `tsfm_runner.core.metrics.metrics`, and what follows.

    Whatever is a sum over outcomes comes as that sum, which a bootstrap can draw
    again; of ``per_outcome()`` the same method gives the mean. Ratios (the last
    four methods) are the same of both, NaN where there is nothing to divide by.
    Scores, errors and widths are in probability units.

    Attributes
    ----------
    quantile_levels : sequence of float
        Ascending, symmetric around the 0.5 among them.
    sums : (..., n_columns) array
        Columns as `metric_columns` places them.

    References
    ----------
    Gneiting and Raftery (2007), Strictly proper scoring rules, JASA 102; Bracher,
    Ray, Gneiting and Reich (2021), Evaluating epidemic forecasts in an interval
    format, PLOS Computational Biology 17.

    Examples
    --------
    Two outcomes, 0.7 and 0.5, over the same band of 0.4, 0.5 and 0.6.

    >>> from tsfm_runner.core.metrics import metrics
    >>> found = metrics(
    ...     np.tile([0.4, 0.5, 0.6], (2, 1, 1)),
    ...     np.array([[0.7], [0.5]]),
    ...     quantile_levels=[0.1, 0.5, 0.9],
    ...     rise=np.array([[0.05], [0.0]]),
    ...     fall=np.array([[0.0], [0.0]]),
    ... )
    >>> sums = MetricSums([0.1, 0.5, 0.9], found.sum(axis=(0, 1)))
    >>> float(sums.n), float(sums.closed(0.8)), float(sums.above(0.8))
    (2.0, 1.0, 1.0)

    The first has an interval score of 0.2 + 2 / (1 - 0.8) * 0.1, the second of 0.2.

    >>> round(float(sums.per_outcome().interval_score(0.8)), 6)
    0.7
    >>> float(sums.breach_rate(0.8)), float(sums.follow_through())
    (0.5, 1.0)

    """

    quantile_levels: Sequence[float]
    sums: FloatArray

    def per_outcome(self) -> "MetricSums":
        """Return the means: every column divided by the number of outcomes."""
        means = _ratio(self.sums, self.n[..., np.newaxis])
        return MetricSums(self.quantile_levels, means)

    @property
    def columns(self) -> MetricColumns:
        """Where each sum stands in the last axis."""
        return metric_columns(len(self.quantile_levels))

    @property
    def n(self) -> FloatArray:
        """The number of outcomes."""
        return self.sums[..., self.columns.n]

    def level_below(self) -> FloatArray:
        """Return, by level (last axis), the outcomes below the quantile, not on it."""
        return self.sums[..., self.columns.below]

    def level_at_or_below(self) -> FloatArray:
        """Return, by level (last axis), the outcomes below the quantile or on it."""
        return self.sums[..., self.columns.at_or_below]

    def pinball(self) -> FloatArray:
        """Return, by level (last axis), the pinball loss."""
        return self.sums[..., self.columns.pinball]

    def mean_pinball(self) -> FloatArray:
        """Return the mean of the pinball losses of all levels."""
        return np.asarray(self.pinball().mean(axis=-1))

    def weighted_interval_score(self) -> FloatArray:
        """Return the weighted interval score of Bracher et al. (2021), equation 1.

        The distance from the median and the scores of the ``k`` intervals, weighed
        by 1/2 and by half of what each may miss, are added up and divided by
        ``k + 1/2``: that is twice the mean pinball loss.
        """
        return 2 * self.mean_pinball()

    def absolute_error(self) -> FloatArray:
        """Return the absolute distance of the outcome from the median."""
        return 2 * self.pinball()[..., len(self.quantile_levels) // 2]

    def squared_error(self) -> FloatArray:
        """Return the squared distance of the outcome from the median."""
        return self.sums[..., self.columns.squared_error]

    def closed(self, coverage: float) -> FloatArray:
        """Return the outcomes within the central interval or on an edge of it."""
        lower = self._lower(coverage)
        at_or_below = self.level_at_or_below()[..., -1 - lower]
        return np.asarray(at_or_below - self.level_below()[..., lower])

    def open(self, coverage: float) -> FloatArray:
        """Return the outcomes within the central interval and on neither edge."""
        return self.sums[..., self.columns.inside][..., self._lower(coverage)]

    def below(self, coverage: float) -> FloatArray:
        """Return the lower misses: the outcomes below the central interval."""
        return self.level_below()[..., self._lower(coverage)]

    def above(self, coverage: float) -> FloatArray:
        """Return the upper misses: the outcomes above the central interval."""
        return np.asarray(
            self.n - self.level_at_or_below()[..., -1 - self._lower(coverage)]
        )

    def width(self, coverage: float) -> FloatArray:
        """Return the width of the central interval."""
        lower, value = self._lower(coverage), self.sums[..., self.columns.value]
        return np.asarray(value[..., -1 - lower] - value[..., lower])

    def interval_score(self, coverage: float) -> FloatArray:
        """Return the interval score of Gneiting and Raftery (2007), equation 43.

        It is the width and, for an outcome outside, ``2 / (1 - coverage)`` times its
        distance, which is the pinball loss of both edges times ``2 / (1 - coverage)``.
        """
        lower, pinball = self._lower(coverage), self.pinball()
        edges = pinball[..., lower] + pinball[..., -1 - lower]
        return np.asarray(2 / (1 - coverage) * edges)

    def tie_error(self, coverage: float) -> FloatArray:
        """Return how far the target lies outside open to closed coverage.

        Outcomes on an edge may count as hits or as misses; no reading of them is
        wrong when the target lies between both.
        """
        closed, inside = self.closed(coverage), self.open(coverage)
        short = coverage - _ratio(closed, self.n)
        long = _ratio(inside, self.n) - coverage
        return np.asarray(np.maximum(np.maximum(short, long), 0))

    def root_mean_squared_error(self) -> FloatArray:
        """Return the root of the mean squared distance from the median."""
        return np.sqrt(_ratio(self.squared_error(), self.n))

    def breach_rate(self, coverage: float) -> FloatArray:
        """Return the share of outcomes outside the central interval."""
        return _ratio(self.below(coverage) + self.above(coverage), self.n)

    def follow_through(self) -> FloatArray:
        """Return the share of breaches after which the price went on that way."""
        followed = self.sums[..., self.columns.followed]
        return _ratio(followed, self.sums[..., self.columns.breach_known])

    def _lower(self, coverage: float) -> int:
        return interval_index(self.quantile_levels, coverage)


def equal_groups(sums: FloatArray) -> FloatArray:
    """Return sums that weigh every group alike, however many outcomes it has.

    The sums of each group are divided by its own number of outcomes, so that the
    number that comes out is 1, or 0 where the group has none.

    Parameters
    ----------
    sums : (n_groups, ..., n_columns) array
        Columns as `metric_columns` places them.

    Returns
    -------
    (n_groups, ..., n_columns) array

    Examples
    --------
    >>> sums = np.zeros((2, 17))
    >>> sums[:, :2] = [[4.0, 1.0], [0.0, 0.0]]
    >>> equal_groups(sums)[:, :2].tolist()
    [[1.0, 0.25], [0.0, 0.0]]

    """
    n = sums[..., [_N]]
    return np.asarray(np.divide(sums, n, out=np.zeros_like(sums), where=n > 0))


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    shape = np.broadcast_shapes(numerator.shape, denominator.shape)
    unknown = np.full(shape, np.nan)
    return np.asarray(
        np.divide(numerator, denominator, out=unknown, where=denominator > 0)
    )
