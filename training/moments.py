"""Moments of markets on a grid: how they rest, move, cluster and return."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from tsfm_runner.core.bootstrap import Interval, ratio_interval

FloatArray = npt.NDArray[np.float64]

TIE = 1e-6
FAR = 12  # steps of the longer change
N_DRAWS = 500
SEED = 20260220

_DAY_S = 86_400
_LEAST_PAIRS = 12  # of changes, from which a correlation is told
_LEAST_DAYS = 2
_PARTS_OF_DAY = 8
_CENTS = 100
# How far from the nearer of 0 and 1: edges of the bands that changes are told in.
_EDGES = (0.03, 0.12, 0.30, 0.51)


def moments_of(prices: FloatArray, *, step_s: int) -> dict[str, FloatArray]:
    """Return each moment of each market, NaN where it shows none.

    Parameters
    ----------
    prices : (n_markets, n_steps) array
        On a grid of ``step_s`` seconds; NaN where unknown.
    step_s : int

    """
    one, far = np.diff(prices, axis=1), prices[:, FAR:] - prices[:, :-FAR]
    sizes = np.abs(one)
    edge = np.minimum(prices, 1 - prices)
    day = _DAY_S // step_s
    return {
        "ties, 1 step": _share(sizes < TIE, one),
        "ties, 12 steps": _share(np.abs(far) < TIE, far),
        "mean change, 1 step (c)": _CENTS * _mean(sizes),
        "mean change, 12 steps (c)": _CENTS * _mean(np.abs(far)),
        **_sizes_by_price(sizes, edge[:, :-1]),
        "kurtosis": _kurtosis(one),
        "|change| correlation, lag 1": correlation(sizes, lag=1),
        "|change| correlation, lag 6": correlation(sizes, lag=6),
        "|change| correlation, lag 24": correlation(sizes, lag=24),
        "|change| correlation, one day": correlation(sizes, lag=day),
        "squared time-of-day swing": squared_swing(sizes, day=day),
        "change correlation, lag 1": correlation(one, lag=1),
        "variance ratio, 12 steps": variance_ratio(one, far),
        "reversals": reversals(one),
        "within 3c of 0 or 1": _share(edge < _EDGES[0], prices),
        "within 12c of 0 or 1": _share(edge < _EDGES[1], prices),
    }


def by_event(
    moments: Mapping[str, FloatArray], events: npt.NDArray[np.str_]
) -> dict[str, Interval]:
    """Return the mean of each moment over events, and its interval of 95 %.

    Markets of one event count as one. The swing is told as its root.
    """
    found = {name: _by_event(values, events) for name, values in moments.items()}
    squared = found.pop("squared time-of-day swing")
    swing = Interval(*(np.sqrt(np.maximum(part, 0)) for part in squared))
    return {**found, "time-of-day swing": swing}


def correlation(rows: FloatArray, *, lag: int) -> FloatArray:
    """Return the autocorrelation of each row.

    >>> alternating = np.tile([1.0, -1.0], 20)[None]
    >>> correlation(alternating, lag=2).round(6).tolist()
    [1.0]
    """
    if rows.shape[1] < lag + _LEAST_PAIRS:
        return np.full(len(rows), np.nan)
    centred = rows - _mean(rows)[:, None]
    products = centred[:, lag:] * centred[:, :-lag]
    is_known = np.isfinite(products).sum(axis=1) >= max(_LEAST_PAIRS, lag // 2)
    return np.where(is_known, _ratio(_mean(products), _mean(centred**2)), np.nan)


def squared_swing(sizes: FloatArray, *, day: int) -> FloatArray:
    """Return how much the mean change varies over the day, the same way each day.

    The day has eight parts. How far their means lie from the mean of all, as a share
    of it, is taken from the odd days and from the even ones and multiplied: chance is
    another one each time and cancels out. A root of 0.5 says that a part of the day
    is typically half as lively again as the mean, or half as lively.
    """
    n_days = sizes.shape[1] // day
    if n_days < _LEAST_DAYS or day % _PARTS_OF_DAY:
        return np.full(len(sizes), np.nan)
    shape = (len(sizes), n_days, _PARTS_OF_DAY, day // _PARTS_OF_DAY)
    days = sizes[:, : n_days * day].reshape(shape)
    odd, even = (_mean_over(days[:, first::2], (1, 3)) for first in (0, 1))
    deviations = [
        _ratio(part, part.mean(axis=1, keepdims=True)) - 1 for part in (odd, even)
    ]
    return np.asarray(np.prod(deviations, axis=0).mean(axis=1))


def variance_ratio(one: FloatArray, far: FloatArray) -> FloatArray:
    """Return the variance of 12-step changes, by 12 times that of a step.

    It is 1 for a random walk, less where changes are taken back, and never more than
    12 but for holes in the series.
    """
    return np.minimum(_ratio(_mean(far**2), FAR * _mean(one**2)), FAR)


def reversals(one: FloatArray) -> FloatArray:
    """Return the share of changes that go against the one before, ties passed over.

    >>> reversals(np.array([[0.1, 0.0, -0.1, -0.2, 0.3]])).round(6).tolist()
    [0.666667]
    """
    signs = np.where(np.abs(one) < TIE, 0, np.sign(np.nan_to_num(one)))
    shares = np.full(len(one), np.nan)
    for row, directions in enumerate(signs):
        moved = directions[directions != 0]
        if moved.size > 1:
            shares[row] = np.mean(moved[1:] != moved[:-1])
    return shares


def _sizes_by_price(sizes: FloatArray, edge: FloatArray) -> dict[str, FloatArray]:
    rows, low = {}, 0.0
    for high in _EDGES:
        is_here = (edge >= low) & (edge < high)
        name = f"mean change at {_CENTS * low:.0f}-{_CENTS * min(high, 0.5):.0f}c (c)"
        rows[name] = _CENTS * _mean(np.where(is_here, sizes, np.nan))
        low = high
    return rows


def _kurtosis(one: FloatArray) -> FloatArray:
    centred = one - _mean(one)[:, None]
    return _ratio(_mean(centred**4), _mean(centred**2) ** 2)


def _share(is_so: npt.NDArray[np.bool_], known: FloatArray) -> FloatArray:
    return _mean(np.where(np.isfinite(known), is_so, np.nan))


def _mean(rows: FloatArray) -> FloatArray:
    return _mean_over(rows, (1,))


def _mean_over(rows: FloatArray, axes: tuple[int, ...]) -> FloatArray:
    n_known = np.isfinite(rows).sum(axis=axes)
    return _ratio(np.nansum(rows, axis=axes), n_known.astype(np.float64))


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    shape = np.broadcast_shapes(above.shape, below.shape)
    unknown = np.full(shape, np.nan)
    return np.asarray(np.divide(above, below, out=unknown, where=below > 0))


def _by_event(values: FloatArray, events: npt.NDArray[np.str_]) -> Interval:
    is_known = np.isfinite(values)
    if not is_known.any():
        nothing = np.array(np.nan)
        return Interval(nothing, nothing, nothing)
    _, groups = np.unique(events[is_known], return_inverse=True)
    means = np.bincount(groups, values[is_known]) / np.bincount(groups)
    return ratio_interval(means, np.ones(means.size), n_draws=N_DRAWS, seed=SEED)
