"""Contexts for tests of baselines: every kind that a market can show."""

import numpy as np
from hypothesis import strategies as st

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)


@st.composite
def contexts(draw: st.DrawFn) -> np.ndarray:
    """Return (n_markets, n_points) prices, ends aligned, NaN before the shorter."""
    n_points = draw(st.integers(1, 60))
    rows = []
    for _ in range(draw(st.integers(1, 4))):
        n_known = draw(st.integers(1, n_points))
        grid = st.integers(0, 100).map(lambda count: count / 100)
        prices = st.one_of(grid, st.floats(0, 1))
        row = draw(st.lists(prices, min_size=n_known, max_size=n_known))
        rows.append([np.nan] * (n_points - n_known) + row)
    return np.array(rows)


def known(row: np.ndarray) -> np.ndarray:
    return np.asarray(row[~np.isnan(row)])


def assert_is_band(values: np.ndarray) -> None:
    """Finite, ordered by level, and never narrower than the step before."""
    assert np.isfinite(values).all()
    assert (np.diff(values, axis=-1) >= 0).all()
    widths = values[..., ::-1] - values
    assert (np.diff(widths, axis=1)[..., : values.shape[-1] // 2] >= -1e-12).all()
