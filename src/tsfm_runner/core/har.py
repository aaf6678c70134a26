"""HAR bands: how far prices move, from how far they moved over several windows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from tsfm_runner.core.arrays import FloatArray, IntArray

N_LEVEL_TERMS = 3


@dataclass(frozen=True, slots=True, eq=False)
class HarTable:
    """Fitted constants of the HAR band.

    Attributes
    ----------
    steps : (n_steps,) array
        Steps ahead that were fitted, ascending; others are interpolated between
        them in the logarithm of the step.
    windows : (n_windows,) array
        Numbers of most recent one-step changes that are averaged.
    coefficients : (n_steps, n_windows + 3) array
        Non-negative weights of the mean absolute changes, of p(1 - p), of
        sqrt(p(1 - p)) and of 1.
    prior : (3,) array
        Non-negative weights of the last three alone, for the one-step change of
        a market whose changes are not known.
    prior_weight : float
        How many changes the prior stands for, where a window is not full.
    levels : (n_levels,) array
        Levels of ``offsets``, ascending, 0.5 among them.
    offsets : (n_steps, n_levels) array
        Quantiles of the change over each step in units of the expected absolute
        change: ascending, 0 at level 0.5.
    floor : float
        Least expected absolute change, in probability units.

    """

    steps: IntArray
    windows: IntArray
    coefficients: FloatArray
    prior: FloatArray
    prior_weight: float
    levels: FloatArray
    offsets: FloatArray
    floor: float

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Self:
        """Read a table from plain lists and numbers; other keys are left alone.

        Raises
        ------
        ValueError
            If a key is missing, a shape is wrong, or a number breaks the rules
            of its attribute.

        """
        try:
            table = cls(
                steps=np.asarray(mapping["steps"], dtype=np.int64),
                windows=np.asarray(mapping["windows"], dtype=np.int64),
                coefficients=np.asarray(mapping["coefficients"], dtype=np.float64),
                prior=np.asarray(mapping["prior"], dtype=np.float64),
                prior_weight=float(mapping["prior_weight"]),
                levels=np.asarray(mapping["levels"], dtype=np.float64),
                offsets=np.asarray(mapping["offsets"], dtype=np.float64),
                floor=float(mapping["floor"]),
            )
        except (KeyError, TypeError) as exc:
            raise ValueError(f"not a HAR table: {exc!r}") from exc
        _check_shapes(table)
        _check_numbers(table)
        return table


def har_quantiles(
    context: FloatArray,
    *,
    horizon: int,
    quantile_levels: Sequence[float],
    table: HarTable,
) -> FloatArray:
    """Return the HAR band around the last value of each market.

    The change over h steps is distributed like the table's offsets times the
    expected absolute change (see `har_scale`). A band never narrows with the
    step: each offset is the largest so far.

    Parameters
    ----------
    context : (n_markets, n_points) array
        Prices in [0, 1], oldest first, right-aligned; NaN where unknown, each
        row with a value that is known.
    horizon : int
        Number of steps, at most the last of the table.
    quantile_levels : sequence of float
        Levels, ascending, inside those of the table.
    table : HarTable
        Fitted constants.

    Returns
    -------
    (n_markets, horizon, n_levels) array
        Prices, ascending over the levels, exactly the last value at level 0.5;
        *not* clipped to [0, 1].

    Raises
    ------
    ValueError
        If a level or the horizon lies outside the table, or a row of the context
        has no known value.

    References
    ----------
    Corsi (2009), A Simple Approximate Long-Memory Model of Realized Volatility,
    Journal of Financial Econometrics 7(2).

    Examples
    --------
    >>> table = HarTable.from_mapping(
    ...     {
    ...         "steps": [1, 4],
    ...         "windows": [2],
    ...         "coefficients": [[1, 0, 0, 0], [2, 0, 0, 0]],
    ...         "prior": [0, 0, 0],
    ...         "prior_weight": 1,
    ...         "levels": [0.1, 0.5, 0.9],
    ...         "offsets": [[-2, 0, 3], [-2, 0, 3]],
    ...         "floor": 0.001,
    ...     }
    ... )
    >>> context = np.array([[0.50, 0.52, 0.48]])
    >>> har_quantiles(context, horizon=1, quantile_levels=(0.1, 0.5, 0.9), table=table)
    array([[[0.42, 0.48, 0.57]]])

    """
    levels = np.asarray(quantile_levels, dtype=np.float64)
    if levels.min() < table.levels[0] or levels.max() > table.levels[-1]:
        raise ValueError(
            f"levels must lie in [{table.levels[0]}, {table.levels[-1]}], got {levels}"
        )
    steps = np.arange(1, horizon + 1)
    scale = har_scale(context, steps=steps, table=table)
    offsets = (
        _step_weights(steps, table)
        @ table.offsets
        @ _interpolation_weights(levels, table.levels).T
    )
    reach = np.maximum.accumulate(scale[:, :, None] * np.abs(offsets), axis=1)
    return _last_known(context)[:, None, None] + np.sign(levels - 0.5) * reach


def har_scale(
    context: FloatArray, *, steps: Sequence[int] | IntArray, table: HarTable
) -> FloatArray:
    """Return the expected absolute change of each market over each step.

    Parameters
    ----------
    context : (n_markets, n_points) array
        Prices in [0, 1], oldest first, right-aligned; NaN where unknown, each
        row with a value that is known.
    steps : (n_steps,) sequence of int
        Steps ahead, inside those of the table, in any order.
    table : HarTable
        Fitted constants.

    Returns
    -------
    (n_markets, n_steps) array
        Probability units, at least the floor of the table.

    Raises
    ------
    ValueError
        If a step lies outside the table, or a row has no known value.

    References
    ----------
    Corsi (2009), A Simple Approximate Long-Memory Model of Realized Volatility,
    Journal of Financial Econometrics 7(2).

    """
    features = har_features(
        context,
        windows=table.windows,
        prior=table.prior,
        prior_weight=table.prior_weight,
    )
    coefficients = _step_weights(np.asarray(steps), table) @ table.coefficients
    return np.maximum(features @ coefficients.T, table.floor)


def har_features(
    context: FloatArray, *, windows: IntArray, prior: FloatArray, prior_weight: float
) -> FloatArray:
    """Return what the expected absolute change is a weighted sum of.

    A window that is not full is filled up with at most ``prior_weight`` changes
    of the size that the prior expects at the market's price. With no known change
    at all, each mean is the prior's.

    Parameters
    ----------
    context : (n_markets, n_points) array
        Prices in [0, 1], oldest first, right-aligned; NaN where unknown.
    windows : (n_windows,) array
        Numbers of most recent changes that are averaged.
    prior : (3,) array
        Weights of p(1 - p), sqrt(p(1 - p)) and 1.
    prior_weight : float
        Most changes that the prior stands for.

    Returns
    -------
    (n_markets, n_windows + 3) array
        Mean absolute changes per window, then the terms of the prior.

    Raises
    ------
    ValueError
        If a row of the context has no known value.

    Examples
    --------
    One change of 0.1 is known; the window of two is filled with one of 0.2.

    >>> context = np.array([[0.4, 0.5]])
    >>> prior = np.array([0.0, 0.4, 0.0])
    >>> har_features(context, windows=np.array([2]), prior=prior, prior_weight=1.0)
    array([[0.15, 0.25, 0.5 , 1.  ]])

    """
    price = _last_known(context)
    variance = price * (1 - price)
    level_terms = np.stack(
        (variance, np.sqrt(variance), np.ones_like(variance)), axis=1
    )
    expected = level_terms @ prior
    changes = np.abs(np.diff(context[:, -int(windows.max()) - 1 :], axis=1))
    means = [
        _mean_change(
            changes[:, -window:],
            missing=prior_weight,
            expected=expected,
            window=window,
        )
        for window in windows.tolist()
    ]
    return np.column_stack([*means, level_terms])


def _mean_change(
    changes: FloatArray, *, missing: float, expected: FloatArray, window: int
) -> FloatArray:
    """Average the known changes, filled up to the window or by ``missing``."""
    n_known = np.isfinite(changes).sum(axis=1)
    n_filled = np.minimum(missing, window - n_known)
    total = np.nansum(changes, axis=1) + n_filled * expected
    return np.asarray(total / (n_known + n_filled))


def _last_known(context: FloatArray) -> FloatArray:
    is_known = np.isfinite(context)
    if not is_known.any(axis=1).all():
        raise ValueError("each row of the context needs a value that is known")
    newest = context.shape[1] - 1 - np.argmax(is_known[:, ::-1], axis=1)
    return context[np.arange(context.shape[0]), newest]


def _step_weights(steps: IntArray, table: HarTable) -> FloatArray:
    if steps.min() < table.steps[0] or steps.max() > table.steps[-1]:
        raise ValueError(
            f"steps must lie in [{table.steps[0]}, {table.steps[-1]}], got {steps}"
        )
    return _interpolation_weights(np.log(steps), np.log(table.steps))


def _interpolation_weights(points: FloatArray, knots: FloatArray) -> FloatArray:
    """Return the matrix that interpolates values at the knots linearly."""
    unit = np.eye(knots.size)
    return np.stack([np.interp(points, knots, row) for row in unit], axis=1)


def _check_shapes(table: HarTable) -> None:
    n_steps, n_terms = table.steps.size, table.windows.size + N_LEVEL_TERMS
    shapes = {
        "steps": (n_steps,),
        "windows": (table.windows.size,),
        "coefficients": (n_steps, n_terms),
        "prior": (N_LEVEL_TERMS,),
        "levels": (table.levels.size,),
        "offsets": (n_steps, table.levels.size),
    }
    for name, shape in shapes.items():
        if getattr(table, name).shape != shape or 0 in shape:
            raise ValueError(f"{name} must have shape {shape}")


def _check_numbers(table: HarTable) -> None:
    middle = np.flatnonzero(table.levels == 0.5)  # noqa: PLR2004
    claims = {
        "steps must start at 1 and ascend": table.steps[0] == 1
        and (np.diff(table.steps) > 0).all(),
        "windows must be positive and ascend": table.windows[0] > 0
        and (np.diff(table.windows) > 0).all(),
        "coefficients must be finite and not negative": _is_size(table.coefficients),
        "prior must be finite and not negative": _is_size(table.prior),
        "prior_weight must be at least 1": 1 <= table.prior_weight < np.inf,
        "levels must ascend inside (0, 1) and name 0.5": middle.size == 1
        and (np.diff(table.levels) > 0).all()
        and 0 < table.levels[0] < table.levels[-1] < 1,
        "offsets must be finite, ascend, and be 0 at level 0.5": bool(
            np.isfinite(table.offsets).all()
            and (np.diff(table.offsets, axis=1) >= 0).all()
            and (table.offsets[:, middle] == 0).all()
        ),
        "floor must be positive": 0 < table.floor < np.inf,
    }
    for claim, holds in claims.items():
        if not holds:
            raise ValueError(claim)


def _is_size(numbers: FloatArray) -> bool:
    return bool(np.isfinite(numbers).all() and (numbers >= 0).all())
