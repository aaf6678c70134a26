"""The scale that turns a distance into a score: from the band, learned as it goes."""

import numpy as np

from tsfm_runner.core.arrays import FloatArray, IntArray
from tsfm_runner.core.ewma import exponential_mean

FEATURES = (
    "one",
    "band_to_reference",
    "last_6_to_24_changes",
    "last_24_to_all_changes",
    "distance_from_0_and_1",
    "age",
    "recent_rms_to_reference",
)
N_FEATURES = len(FEATURES)
LEAST_SCALE = 2.5e-4  # probability units: half of the finest usual tick
_LEAST_SHARE = 0.2
_LEAST_CHANGE = 1e-3
_RECENT_STEPS = 11.0
_USUAL_LOG_AGE = 4.5
_LARGEST_CORRECTION = 1.5
_TYPICAL_SCALE = 0.02
_CURVATURE = 0.3


def reference_scale(half_width: FloatArray, reference: FloatArray) -> FloatArray:
    """Return the geometric mean of a band's half-width and a reference half-width.

    The band is taken for at least a fifth of the reference, so that one without
    width does no harm.

    Parameters
    ----------
    half_width, reference : array
        Probability units, not negative.

    Examples
    --------
    >>> reference_scale(np.array([0.04, 0.0]), np.array([0.01, 0.01])).round(5).tolist()
    [0.02, 0.00447]

    """
    least = np.maximum(reference, LEAST_SCALE)
    return np.asarray(np.sqrt(np.maximum(half_width, _LEAST_SHARE * least) * least))


def recent_rms(context: FloatArray) -> FloatArray:
    """Return the root mean square of recent one-step changes.

    Parameters
    ----------
    context : (n_markets, n_points) array
        Prices, ends aligned; NaN before the shorter ones.

    Returns
    -------
    (n_markets,) array
        Probability units; weights halve every 11 steps.

    Examples
    --------
    >>> recent_rms(np.array([[0.5, 0.53], [0.2, 0.2]])).round(4).tolist()
    [0.03, 0.0]

    """
    squared = np.square(context[:, 1:] - context[:, :-1])
    return np.sqrt(exponential_mean(squared, half_life_steps=_RECENT_STEPS))


def scale_features(  # noqa: PLR0913 - one argument a quantity
    *,
    price: FloatArray,
    mean_changes: FloatArray,
    rms: FloatArray,
    n_changes: FloatArray,
    half_width: FloatArray,
    reference: FloatArray,
) -> FloatArray:
    """Return what the logarithm of the scale is a weighted sum of, see `FEATURES`.

    Parameters
    ----------
    price : (n_markets,) array
        Last price, in [0, 1].
    mean_changes : (n_markets, 3) array
        Mean absolute one-step change over the last 6, 24 and all steps.
    rms : (n_markets,) array
        See `recent_rms`.
    n_changes : (n_markets,) array
        How many one-step changes are known.
    half_width, reference : (n_markets, horizon) array
        See `reference_scale`.

    Returns
    -------
    (n_markets, horizon, N_FEATURES) array
        Logarithms of ratios, all of the order of one.

    """
    n_markets, horizon = half_width.shape
    logs = np.log(mean_changes + _LEAST_CHANGE)
    least = np.maximum(reference, LEAST_SCALE)
    step_root = np.sqrt(np.arange(1, horizon + 1))
    features = np.ones((n_markets, horizon, N_FEATURES))
    features[..., 1] = np.log(np.maximum(half_width, _LEAST_SHARE * least) / least)
    features[..., 2] = (logs[:, 0] - logs[:, 1])[:, None]
    features[..., 3] = (logs[:, 1] - logs[:, 2])[:, None]
    features[..., 4] = (np.log(np.sqrt(price * (1 - price)) + 0.02) + 1)[:, None]
    features[..., 5] = (np.log(n_changes + 1) - _USUAL_LOG_AGE)[:, None]
    features[..., 6] = np.log(
        (rms[:, None] + _LEAST_CHANGE) / (least / step_root + _LEAST_CHANGE)
    )
    return features


def learned_scale(
    base: FloatArray, features: FloatArray, weights: FloatArray
) -> FloatArray:
    """Return the scale: the reference one, corrected by what has been learned.

    Parameters
    ----------
    base : (n_markets, horizon) array
        See `reference_scale`; probability units.
    features : (n_markets, horizon, N_FEATURES) array
        See `scale_features`.
    weights : (horizon, N_FEATURES) array
        Weights of each step; zeros leave ``base`` as it is.

    Returns
    -------
    (n_markets, horizon) array
        Probability units, within a factor of e ** 1.5 of ``base``.

    """
    wanted = np.einsum("mhf,hf->mh", features, weights)
    bounded = np.minimum(np.maximum(wanted, -_LARGEST_CORRECTION), _LARGEST_CORRECTION)
    return np.asarray(base * np.exp(bounded))


def scale_gradient(
    features: FloatArray,
    sizes: FloatArray,
    base: FloatArray,
    *,
    starts: IntArray,
    tail: float,
) -> tuple[FloatArray, FloatArray]:
    """Return how far outcomes ask the weights to move, and how firmly, by cell.

    The scale is to be the quantile of the distance that leaves ``tail`` beyond it:
    the gradient of the pinball loss in the logarithm of the scale, so an outcome
    counts in proportion to the scale of its market, as it does in the score.

    Parameters
    ----------
    features : (n, N_FEATURES) array
        Outcomes of one cell stand together.
    sizes : (n,) array
        Score sizes: distance over scale.
    base : (n,) array
        Reference scale, probability units.
    starts : (n_cells,) array
        Where the outcomes of each cell begin; the first at 0.
    tail : float
        Share of the distances that the scale is to leave beyond it.

    Returns
    -------
    gradient : (n_cells, N_FEATURES) array
    curvature : (n_cells, N_FEATURES, N_FEATURES) array

    References
    ----------
    Koenker and Bassett (1978), Regression Quantiles, Econometrica 46(1).

    Examples
    --------
    One outcome within its scale, one beyond; the scale is a little too small.

    >>> gradient, curvature = scale_gradient(
    ...     np.ones((2, 1)),
    ...     np.array([0.5, 1.5]),
    ...     np.array([0.02, 0.02]),
    ...     starts=np.array([0]),
    ...     tail=0.1,
    ... )
    >>> gradient.round(6).tolist(), curvature.round(6).tolist()
    ([[0.8]], [[[0.6]]])

    """
    weighted = (base / _TYPICAL_SCALE)[:, None] * features
    pull = weighted * ((sizes > 1) - tail)[:, None]
    firmness = (_CURVATURE * weighted)[:, :, None] * features[:, None, :]
    return np.add.reduceat(pull, starts), np.add.reduceat(firmness, starts)


def newton_step(
    precision: FloatArray, gradient: FloatArray, *, ridge: float
) -> FloatArray:
    """Return the change of the weights that the gradients of one step ask for.

    Parameters
    ----------
    precision : (horizon, N_FEATURES, N_FEATURES) array
        Curvatures so far, the newest included.
    gradient : (horizon, N_FEATURES) array
        Gradients since the last step.
    ridge : float
        Curvature that stands for the wish to change nothing.

    Returns
    -------
    (horizon, N_FEATURES) array

    References
    ----------
    Hazan, Agarwal and Kale (2007), Logarithmic regret algorithms for online convex
    optimization, Machine Learning 69: the online Newton step.

    """
    firm = precision + ridge * np.eye(precision.shape[-1])
    return np.asarray(np.linalg.solve(firm, gradient[..., None])[..., 0])
