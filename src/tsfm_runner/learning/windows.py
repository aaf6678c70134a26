"""Windows of price paths: what a model is shown, and what came after."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np

from tsfm_runner.core.arrays import BoolArray, FloatArray, IntArray
from tsfm_runner.core.foundation.signature import ANCHOR_STEPS, CONTEXT_STEPS

KNOWN_STEPS = 12
"""How many steps after the cutoff every window knows at least."""
OVERSAMPLING = 3
SETTLED_PRICE = 0.003
SETTLED_STEPS = 48


class PricePaths(NamedTuple):
    """Whole price histories, one a row, on grids of their own.

    ``prices`` has shape ``(n_paths, n_steps)``, at least 24 steps, in [0, 1] and
    all known. ``close_step`` counts from the first price and is NaN where unknown.
    """

    prices: FloatArray
    step_minutes: FloatArray
    close_step: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Contexts and the prices after them, one a row.

    Attributes
    ----------
    prices : (n, 576) array
        The context, right-aligned in the first 288, then what came after: NaN
        where nobody knows.
    lengths : (n,) array
        How many prices of the context are told.
    is_observed : (n, 288) array
        False where the context was filled forward.
    step_minutes, steps_to_close : (n,) array
        The grid, and the time to close at the cutoff: NaN where unknown.

    """

    prices: FloatArray
    lengths: IntArray
    is_observed: BoolArray
    step_minutes: FloatArray
    steps_to_close: FloatArray

    def __len__(self) -> int:
        """Count the windows."""
        return len(self.prices)

    def rows(self, chosen: IntArray) -> Self:
        """Return some of the windows, in the order asked for."""
        return type(self)(
            self.prices[chosen],
            self.lengths[chosen],
            self.is_observed[chosen],
            self.step_minutes[chosen],
            self.steps_to_close[chosen],
        )

    @property
    def future(self) -> FloatArray:
        """What came after each step that a model answers, ``(n, n_anchor_steps)``."""
        return self.prices[:, CONTEXT_STEPS - 1 + np.array(ANCHOR_STEPS)]


def joined(parts: Sequence[Windows]) -> Windows:
    """Return the windows of several, one after the other."""
    return Windows(
        np.concatenate([part.prices for part in parts]),
        np.concatenate([part.lengths for part in parts]),
        np.concatenate([part.is_observed for part in parts]),
        np.concatenate([part.step_minutes for part in parts]),
        np.concatenate([part.steps_to_close for part in parts]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How often a context is made harder than it was; shares of all windows.

    A young context begins where its market did, a short one anywhere; lengths of
    short contexts and of gaps are drawn log-uniformly. A sparse context is one of
    a venue that tells trades only: many steps without a change are not observed.
    """

    young_share: float = 0.35
    short_share: float = 0.25
    least_length: int = 12
    gap_share: float = 0.1
    longest_gap: int = 100
    sparse_share: float = 0.4
    told_close_share: float = 0.5
    mirrored_share: float = 0.5
    settled_share: float = 0.05
    """Of the windows that end flat at 0 or 1, or after the close, how many are kept."""
    told_end_share: float = 0.3
    """Of all windows, how many tell prices after the close as well."""


def cut_windows(
    paths: PricePaths, n: int, *, habits: Habits, rng: np.random.Generator
) -> Windows:
    """Cut ``n`` windows out of paths at random, few of them where nothing is left.

    A path that was settled long ago has nothing to teach; there are many of them.
    Some windows end where the path does, so that the last hours of a market that
    closes then are among them, and some begin where it does: a young market has no
    longer context. What a price is after the close, most venues do not tell.
    """
    path = rng.integers(len(paths.prices), size=OVERSAMPLING * n)
    cutoff = _cutoffs(path.size, paths.prices.shape[1], habits, rng)
    is_dull = _is_over(paths, path, cutoff)
    is_dull &= rng.random(path.size) >= habits.settled_share
    chosen = np.argsort(is_dull, kind="stable")[:n]
    path, cutoff = path[chosen], cutoff[chosen]
    steps_to_close = paths.close_step[path] - cutoff
    is_told = rng.random(n) < habits.told_end_share
    ahead = np.arange(1 - CONTEXT_STEPS, ANCHOR_STEPS[-1] + 1)
    steps, last_step = cutoff[:, None] + ahead, paths.prices.shape[1] - 1
    known = paths.prices[path[:, None], np.clip(steps, 0, last_step)]
    is_hidden = (ahead >= steps_to_close[:, None]) & ~is_told[:, None] & (ahead > 0)
    return Windows(
        np.where((steps > last_step) | is_hidden, np.nan, known),
        np.minimum(cutoff + 1, CONTEXT_STEPS),
        np.ones((n, CONTEXT_STEPS), dtype=bool),
        paths.step_minutes[path],
        np.where(steps_to_close > 0, steps_to_close, np.nan),
    )


def _cutoffs(
    n: int, n_steps: int, habits: Habits, rng: np.random.Generator
) -> IntArray:
    """Return steps to cut at: anywhere, but some while the market is young."""
    grown, stop = CONTEXT_STEPS - 1, n_steps - KNOWN_STEPS
    young = rng.integers(habits.least_length - 1, min(grown, stop), size=n)
    if stop <= grown:
        return young
    old = rng.integers(grown, stop, size=n)
    return np.where(rng.random(n) < habits.young_share, young, old)


def _is_over(paths: PricePaths, path: IntArray, cutoff: IntArray) -> BoolArray:
    """Return where a market has closed, or has been flat at 0 or 1 for long."""
    last = paths.prices[path, cutoff]
    is_flat = np.ones(path.size, dtype=bool)
    for back in (SETTLED_STEPS // 2, SETTLED_STEPS - 1):
        is_flat &= paths.prices[path, np.maximum(cutoff - back, 0)] == last
    is_edge = np.minimum(last, 1 - last) < SETTLED_PRICE
    is_over: BoolArray = (is_flat & is_edge) | (cutoff + 1 >= paths.close_step[path])
    return is_over


def made_harder(
    windows: Windows, *, habits: Habits, rng: np.random.Generator
) -> Windows:
    """Return windows some of which are short, have a gap, or hide their close.

    Each window is mirrored, p to 1 - p, as often as not: which side of a market
    is called YES is an accident.
    """
    n = len(windows)
    is_mirrored = rng.random(n) < habits.mirrored_share
    prices = np.where(is_mirrored[:, None], 1 - windows.prices, windows.prices)
    is_short = rng.random(n) < habits.short_share
    drawn = _log_uniform(habits.least_length, CONTEXT_STEPS, n, rng)
    shorter = np.minimum(drawn, windows.lengths)
    lengths = np.where(is_short, shorter, windows.lengths)
    is_told = rng.random(n) < habits.told_close_share
    harder = Windows(
        prices,
        lengths,
        windows.is_observed,
        windows.step_minutes,
        np.where(is_told, windows.steps_to_close, np.nan),
    )
    return _with_gaps(_thinned(harder, habits, rng), habits, rng)


def _thinned(windows: Windows, habits: Habits, rng: np.random.Generator) -> Windows:
    """Leave out steps of some contexts at which the price did not change."""
    n = len(windows)
    is_sparse = rng.random(n) < habits.sparse_share
    told_share = rng.random((n, 1))
    context = windows.prices[:, :CONTEXT_STEPS]
    is_same = context[:, 1:] == context[:, :-1]
    is_left_out = is_sparse[:, None] & is_same
    is_left_out &= rng.random(is_same.shape, dtype=np.float32) >= told_share
    is_observed = windows.is_observed.copy()
    is_observed[:, 1:] &= ~is_left_out
    return replace(windows, is_observed=is_observed)


def _with_gaps(windows: Windows, habits: Habits, rng: np.random.Generator) -> Windows:
    """Fill a stretch of some contexts forward from the price before it.

    It may reach the cutoff, never the first price that is told.
    """
    n, lengths = len(windows), windows.lengths
    has_gap = (rng.random(n) < habits.gap_share) & (lengths > 1)
    size = _log_uniform(1, habits.longest_gap, n, rng)
    size = np.minimum(size, np.maximum(lengths - 1, 1))
    latest = CONTEXT_STEPS - size
    earliest = np.minimum(CONTEXT_STEPS - lengths + 1, latest)
    start = rng.integers(earliest, latest + 1)
    step = np.arange(CONTEXT_STEPS)
    is_gap = (step >= start[:, None]) & (step < (start + size)[:, None])
    is_gap &= has_gap[:, None]
    before = windows.prices[np.arange(n), start - 1]
    prices = windows.prices.copy()
    context = prices[:, :CONTEXT_STEPS]
    np.copyto(context, before[:, None], where=is_gap)
    return replace(windows, prices=prices, is_observed=windows.is_observed & ~is_gap)


def _log_uniform(low: int, high: int, n: int, rng: np.random.Generator) -> IntArray:
    drawn = np.exp(rng.uniform(np.log(low), np.log(high + 1), n))
    return np.minimum(drawn.astype(np.int64), high)
