"""Series that are no markets: waves, trends, mean reversion, each with noise."""

import numpy as np

from tsfm_runner.testing.markets.draws import log_uniform
from tsfm_runner.testing.markets.normal import FloatArray

WAVE_STEPS = (6, 400)


def generic_paths(n: int, *, n_steps: int, rng: np.random.Generator) -> FloatArray:
    """Return series in [0, 1] of shape ``(n_steps, n)``.

    Each is a level with one or two waves, a trend, an autoregressive part, or all
    of them, and white noise of any size.
    """
    level = rng.uniform(0.1, 0.9, n)
    room = np.minimum(level, 1 - level) * rng.uniform(0.1, 1.0, n)
    time = np.arange(n_steps)[:, None]
    has_wave, has_trend, has_memory = rng.random((3, n)) < (
        np.array([[0.6], [0.4], [0.4]])
    )
    series = level + 0.6 * room * has_wave * _waves(time, n, rng)
    series += room * has_trend * rng.standard_normal(n) * (time / n_steps - 0.5)
    series += 0.5 * room * has_memory * _autoregressive(n, n_steps, rng)
    noise = room * log_uniform(1e-4, 0.5, n, rng)
    series += noise * rng.standard_normal((n_steps, n))
    return np.asarray(np.clip(series, 0.0, 1.0))


def _waves(time: np.ndarray, n: int, rng: np.random.Generator) -> FloatArray:
    first, second = (log_uniform(*WAVE_STEPS, n, rng) for _ in range(2))
    phases = rng.uniform(0, 2 * np.pi, (2, n))
    share = rng.uniform(0, 1, n)
    wave = np.sin(2 * np.pi * time / first + phases[0])
    return np.asarray(wave + share * np.sin(2 * np.pi * time / second + phases[1]))


def _autoregressive(n: int, n_steps: int, rng: np.random.Generator) -> FloatArray:
    keep = 1 - log_uniform(0.003, 1.0, n, rng)
    fresh = np.sqrt(1 - keep**2)
    path, value = np.empty((n_steps, n)), rng.standard_normal(n)
    for step in range(n_steps):
        path[step] = value
        value = keep * value + fresh * rng.standard_normal(n)
    return path
