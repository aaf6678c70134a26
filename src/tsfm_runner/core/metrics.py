"""What each forecast contributes to every metric, as columns that add up."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tsfm_runner.core.arrays import FloatArray

AnyFloats = npt.NDArray[np.floating[Any]]

TOLERANCE = 1e-6  # an outcome this close to an edge stands on it
_SAME_LEVEL = 1e-9
_N_SINGLE = 4


class MetricColumns(NamedTuple):
    """Where each sum stands in the last axis of an array of sums.

    ``n``: outcomes known; ``squared_error``: squared distance of the outcome from
    the median; ``breach_known``: outcomes outside the band whose future is known;
    ``followed``: those of them after which the price went on.

    The rest are blocks. With one column a level: ``below``, outcomes below the
    quantile and not on it; ``at_or_below``, outcomes below or on it; ``pinball``,
    the pinball loss; ``value``, the quantile itself. With one column a central
    interval, the widest first: ``inside``, outcomes within and on neither edge.
    """

    n: int
    squared_error: int
    breach_known: int
    followed: int
    below: slice
    at_or_below: slice
    pinball: slice
    value: slice
    inside: slice
    n_columns: int


def metric_columns(n_levels: int) -> MetricColumns:
    """Return the places of the sums for so many levels.

    Examples
    --------
    >>> columns = metric_columns(3)
    >>> columns.n, columns.at_or_below, columns.n_columns
    (0, slice(7, 10, None), 17)

    """
    below, at_or_below, pinball, value, inside, end = np.cumsum(
        [_N_SINGLE, *4 * [n_levels], n_levels // 2]
    ).tolist()
    return MetricColumns(
        n=0,
        squared_error=1,
        breach_known=2,
        followed=3,
        below=slice(below, at_or_below),
        at_or_below=slice(at_or_below, pinball),
        pinball=slice(pinball, value),
        value=slice(value, inside),
        inside=slice(inside, end),
        n_columns=end,
    )


def interval_index(quantile_levels: Sequence[float], coverage: float) -> int:
    """Return the place of the lower edge of the central interval of a coverage.

    The upper edge stands as far from the end.

    Raises
    ------
    ValueError
        If no two levels are the edges of such an interval.

    Examples
    --------
    >>> interval_index([0.05, 0.1, 0.5, 0.9, 0.95], 0.8)
    1

    """
    for index, level in enumerate(quantile_levels):
        if math.isclose(level, (1 - coverage) / 2, abs_tol=_SAME_LEVEL):
            return index
    raise ValueError(f"levels {list(quantile_levels)} have no interval of {coverage:g}")


def metrics(  # noqa: PLR0913 - the last three have defaults
    values: AnyFloats,
    outcomes: AnyFloats,
    *,
    quantile_levels: Sequence[float],
    rise: AnyFloats,
    fall: AnyFloats,
    breach_coverage: float = 0.8,
    follow_move: float = 0.03,
    out: FloatArray | None = None,
) -> FloatArray:
    """Return what each step of each forecast adds to every metric.

    Every metric of a set of forecasts follows from the sums of these columns over
    the set (`MetricSums`), so parts of a study can be added up, weighed and drawn
    again. Prices stand on a grid, and bands often end on it: each quantile is
    therefore counted twice, with and without the outcomes that stand on it (within
    1e-6).

    Parameters
    ----------
    values : (n, horizon, n_levels) array
        Quantiles in order of level, in probability units, finite where the outcome
        is known.
    outcomes : (n, horizon) array
        NaN where not known: every column is zero there.
    quantile_levels : sequence of float
        Ascending, symmetric around the 0.5 among them.
    rise, fall : (n, horizon) array
        How far the price goes up, and down, from the outcome within the time that
        counts as its future, both at least 0; NaN where that is not known.
    breach_coverage : float
        An outcome outside the central interval of this coverage is a breach.
    follow_move : float
        Probability units: how far the price must go on, in the direction of a
        breach, to follow it.
    out : (n, horizon, n_columns) float64 array, optional
        Where to write. Fastest with the columns first in memory, as the result
        has them when this is left out.

    Returns
    -------
    (n, horizon, n_columns) array
        Columns as `metric_columns` places them.

    Raises
    ------
    ValueError
        If the levels are not symmetric, or have no interval of ``breach_coverage``.

    References
    ----------
    Koenker and Bassett (1978), Regression quantiles, Econometrica 46 (pinball
    loss); Gneiting and Raftery (2007), Strictly proper scoring rules, JASA 102.

    Examples
    --------
    An outcome of 0.7 over a band of 0.4, 0.5 and 0.6 is a breach upwards, and the
    price rises 0.05 more.

    >>> found = metrics(
    ...     np.array([[[0.4, 0.5, 0.6]]]),
    ...     np.array([[0.7]]),
    ...     quantile_levels=[0.1, 0.5, 0.9],
    ...     rise=np.array([[0.05]]),
    ...     fall=np.array([[0.0]]),
    ... )
    >>> columns = metric_columns(3)
    >>> found[0, 0, : columns.below.start].round(6).tolist()
    [1.0, 0.04, 1.0, 1.0]
    >>> found[0, 0, columns.at_or_below].tolist()
    [0.0, 0.0, 0.0]
    >>> found[0, 0, columns.pinball].round(6).tolist()
    [0.03, 0.1, 0.09]

    """
    _check_symmetric(quantile_levels)
    columns = metric_columns(len(quantile_levels))
    if out is None:
        out = np.empty((columns.n_columns, *outcomes.shape)).transpose(1, 2, 0)
    by_column = out.transpose(2, 0, 1)
    lower = interval_index(quantile_levels, breach_coverage)
    _fill_levels(by_column, values, outcomes, quantile_levels)
    is_below = by_column[columns.below][lower] > 0
    is_above = by_column[columns.at_or_below][-1 - lower] == 0
    is_known = (is_above & ~np.isnan(rise)) | (is_below & ~np.isnan(fall))
    needed = follow_move - TOLERANCE
    by_column[columns.n] = 1
    by_column[columns.breach_known] = is_known
    by_column[columns.followed] = (is_above & (rise >= needed)) | (
        is_below & (fall >= needed)
    )
    is_unknown = np.isnan(outcomes)
    if is_unknown.any():
        by_column[:, is_unknown] = 0
    return out


def _fill_levels(
    by_column: FloatArray,
    values: AnyFloats,
    outcomes: AnyFloats,
    quantile_levels: Sequence[float],
) -> None:
    """Write what follows from each level, and from each pair of levels."""
    n_levels = len(quantile_levels)
    columns, levels = metric_columns(n_levels), np.array(quantile_levels)[:, None, None]
    below, at_or_below, pinball, value, inside = (
        by_column[block] for block in columns[_N_SINGLE:-1]
    )
    value[...] = values.transpose(2, 0, 1)
    errors = outcomes - value
    np.square(errors[n_levels // 2], out=by_column[columns.squared_error])
    np.less(errors, -TOLERANCE, out=below)
    np.less_equal(errors, TOLERANCE, out=at_or_below)
    # On both edges of an interval without width is not inside: the difference is -1.
    n_intervals = len(inside)
    np.subtract(below[:n_intervals:-1], at_or_below[:n_intervals], inside)
    np.maximum(inside, 0, out=inside)
    np.multiply(errors, levels, out=pinball)
    errors *= levels - 1
    np.maximum(pinball, errors, out=pinball)


def _check_symmetric(quantile_levels: Sequence[float]) -> None:
    mirrored = (1 - level for level in reversed(quantile_levels))
    is_symmetric = all(
        math.isclose(level, mirror, abs_tol=_SAME_LEVEL)
        for level, mirror in zip(quantile_levels, mirrored, strict=True)
    )
    if not is_symmetric or len(quantile_levels) % 2 == 0:
        raise ValueError(f"levels {list(quantile_levels)} are not symmetric around 0.5")
