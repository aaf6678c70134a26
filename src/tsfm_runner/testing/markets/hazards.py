"""Something that may decide a question at any moment: a second, jumping belief."""

import numpy as np

from tsfm_runner.testing.markets.normal import FloatArray
from tsfm_runner.testing.markets.traits import BoolArray, HazardTraits

LEAST_NEWS, MOST_NEWS = 0.6, 0.99  # what is thought right after a strike


def hazard_paths(
    hazards: HazardTraits,
    *,
    steps_to_close: FloatArray,
    n_steps: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Return how likely it is thought that the hazard decides each event.

    The path has shape ``(n_steps, n_events)`` and is 0 where there is no hazard.
    It is a martingale: with the chance r of a strike it leaps to u, else it sinks
    to (h - r u) / (1 - r), where r is what it can bear. When an event closes it is
    known whether the hazard decided it: from there on the path is 0 or 1.
    """
    paths = np.zeros((n_steps, hazards.rate.size))
    columns = np.flatnonzero(hazards.rate > 0)
    thought = hazards.start[columns]
    for step in range(n_steps):
        paths[step, columns] = thought
        leap = np.maximum(rng.uniform(LEAST_NEWS, MOST_NEWS, columns.size), thought)
        rate = np.minimum(hazards.rate[columns], thought / (2 * leap))
        is_strike = rng.random(columns.size) < rate
        thought = np.where(is_strike, leap, (thought - rate * leap) / (1 - rate))
    is_over = np.arange(n_steps)[:, None] >= steps_to_close[columns]
    thought = paths[np.argmax(is_over, axis=0), columns]
    verdict = rng.random(columns.size) < thought
    paths[:, columns] = np.where(is_over, verdict, paths[:, columns])
    return paths


def with_hazards(
    fair: FloatArray, hazard: FloatArray, *, is_no: BoolArray
) -> FloatArray:
    """Return the belief when a hazard, independent of the rest, may decide it.

    All have one column a market; ``is_no`` says that a strike decides against it.
    """
    calm = 1 - hazard
    return np.asarray(np.where(is_no, fair * calm, 1 - (1 - fair) * calm))
