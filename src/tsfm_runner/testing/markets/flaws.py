"""What else may be wrong with a price: sluggish, flickering, fat-fingered."""

import numpy as np

from tsfm_runner.testing.markets.normal import FloatArray
from tsfm_runner.testing.markets.traits import BoolArray, MarketTraits

WIDE_FLICKER = 0.3  # share of flickers that are off by a whole tick
LEAST_SLIP = 0.3  # of the size of a market's slips


def followed(fair: FloatArray, markets: MarketTraits) -> FloatArray:
    """Return what sluggish markets have taken in of a belief, step by step.

    ``fair`` has shape ``(n_steps, n_markets)``.
    """
    columns = np.flatnonzero(markets.speed < 1)
    seen, speed = fair[:, columns], markets.speed[columns]
    for step in range(1, len(seen)):
        seen[step] = seen[step - 1] + speed * (seen[step] - seen[step - 1])
    taken_in = fair.copy()
    taken_in[:, columns] = seen
    return taken_in


def flickering(
    shown: FloatArray,
    ticks: FloatArray,
    markets: MarketTraits,
    *,
    is_mid: BoolArray,
    rng: np.random.Generator,
) -> FloatArray:
    """Move middles off by half a tick or a tick, until the quote moves itself."""
    columns = np.flatnonzero((markets.flicker_rate > 0) & is_mid)
    price, size = shown[:, columns], len(columns)
    moved = np.diff(price, axis=0, prepend=price[:1]) != 0
    is_fresh = rng.random(price.shape) < markets.flicker_rate[columns]
    sides = rng.integers(-1, 2, price.shape)
    halves = sides * np.where(rng.random(price.shape) < WIDE_FLICKER, 2, 1)
    offset, current = np.zeros_like(price), np.zeros(size)
    for step in range(len(price)):
        current = np.where(moved[step], 0.0, current)
        current = np.where(is_fresh[step], halves[step], current)
        offset[step] = current
    return _with_columns(shown, columns, price + offset * ticks[:, columns] / 2, ticks)


def slipping(
    shown: FloatArray,
    ticks: FloatArray,
    markets: MarketTraits,
    *,
    rng: np.random.Generator,
) -> FloatArray:
    """Let fat fingers throw prices far off, from where they come back."""
    columns = np.flatnonzero(markets.slip_rate > 0)
    price, size = shown[:, columns], len(columns)
    is_slip = rng.random(price.shape) < markets.slip_rate[columns]
    throw = rng.uniform(LEAST_SLIP, 1, price.shape) * markets.slip_size[columns]
    throw *= rng.choice((-1.0, 1.0), price.shape)
    offset, current = np.zeros_like(price), np.zeros(size)
    for step in range(len(price)):
        current = np.where(is_slip[step], throw[step], current)
        offset[step] = current
        current = current * markets.slip_memory[columns]
        current = np.where(np.abs(current) < ticks[step, columns], 0.0, current)
    steps = np.round(offset / ticks[:, columns])
    return _with_columns(shown, columns, price + steps * ticks[:, columns], ticks)


def _with_columns(
    shown: FloatArray, columns: np.ndarray, values: FloatArray, ticks: FloatArray
) -> FloatArray:
    changed, least = shown.copy(), ticks[:, columns] / 2
    changed[:, columns] = np.clip(values, least, 1 - least)
    return changed
