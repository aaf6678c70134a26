"""Windows for tests, made quickly; worker processes import this."""

import numpy as np

from tsfm_runner.learning.batches import Recipe
from tsfm_runner.learning.windows import Habits, PricePaths, Windows, cut_windows


def walks(n: int, rng: np.random.Generator) -> Windows:
    """Cut windows out of random walks."""
    moves = rng.normal(0, 0.01, (8, 600)).cumsum(axis=1)
    prices = np.clip(0.5 + moves, 0.01, 0.99)
    paths = PricePaths(prices, np.full(8, 5.0), np.full(8, np.nan))
    return cut_windows(paths, n, habits=Habits(), rng=rng)


def small_recipe(seed: int = 1) -> Recipe:
    """Return blocks of three batches with eight windows."""
    return Recipe(sources=[(walks, 1.0)], seed=seed, batch_size=8, batches_per_block=3)
