"""Windows of recorded markets, and which events are kept out of training."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tsfm_runner.core.arrays import BoolArray, FloatArray, IntArray
from tsfm_runner.core.foundation.signature import ANCHOR_STEPS, CONTEXT_STEPS
from tsfm_runner.domain.recording import RecordedMarket
from tsfm_runner.evaluation.drawing import steps_to_expiry
from tsfm_runner.evaluation.panel import (
    Panel,
    make_panel,
    observed_in,
    origins_of,
    outcomes_of,
)
from tsfm_runner.learning.windows import KNOWN_STEPS, Windows
from tsfm_runner.service.verdict.policy import percent_of

HELD_OUT_PERCENT = 20.0
WATCHED_PERCENT = 10.0

_ROOM = max(CONTEXT_STEPS, ANCHOR_STEPS[-1])
_SECONDS_PER_MINUTE = 60


class Parted(NamedTuple):
    """Markets by what they are there for; all of an event are there for the same.

    ``taught`` are trained on. ``watched`` tell when to stop. ``held_out`` are seen by
    nothing before the model is judged by them.
    """

    taught: tuple[RecordedMarket, ...]
    watched: tuple[RecordedMarket, ...]
    held_out: tuple[RecordedMarket, ...]


def parted(markets: Iterable[RecordedMarket]) -> Parted:
    """Part markets by the hash of their event: the same events, whenever asked.

    So an event that was held out once is held out in every later training too.
    """
    parts: tuple[list[RecordedMarket], ...] = ([], [], [])
    for market in markets:
        percent = percent_of(f"training\n{market.group}")
        is_held_out = percent < HELD_OUT_PERCENT
        is_watched = percent < HELD_OUT_PERCENT + WATCHED_PERCENT
        parts[2 if is_held_out else int(is_watched)].append(market)
    return Parted(*map(tuple, parts))


@dataclass(frozen=True, slots=True, eq=False)
class RecordedWindows:
    """Draws windows from recorded markets, each event in its turn.

    Attributes
    ----------
    prices, is_observed : (n_prices,) array
        All markets, one after the other with room between them; NaN where no price
        is known, False where it was filled forward.
    cutoffs : (n_cutoffs,) array
        Places to cut at, each followed by a known price soon.
    lengths, step_minutes, steps_to_close : (n_cutoffs,) array
        See `Windows`.
    heaviness : (n_cutoffs,) array
        Cumulated weights up to 1. An event of four times as many cutoffs as another
        is drawn twice as often: its cutoffs say much the same.

    """

    prices: FloatArray
    is_observed: BoolArray
    cutoffs: IntArray
    lengths: IntArray
    step_minutes: FloatArray
    steps_to_close: FloatArray
    heaviness: FloatArray

    def __len__(self) -> int:
        """Count the cutoffs."""
        return self.cutoffs.size

    def __call__(self, n: int, rng: np.random.Generator) -> Windows:
        """Return ``n`` windows, drawn with replacement."""
        drawn = np.searchsorted(self.heaviness, rng.random(n), side="right")
        return self.cut(np.minimum(drawn, len(self) - 1))

    def cut(self, chosen: IntArray) -> Windows:
        """Return the windows of some cutoffs."""
        cutoff, lengths = self.cutoffs[chosen], self.lengths[chosen]
        ahead = np.arange(1 - CONTEXT_STEPS, ANCHOR_STEPS[-1] + 1)
        places = cutoff[:, None] + ahead
        first = (cutoff - lengths + 1)[:, None]
        is_before = places < first
        context = slice(CONTEXT_STEPS)
        return Windows(
            self.prices[np.where(is_before, first, places)],
            lengths,
            self.is_observed[places[:, context]] & ~is_before[:, context],
            self.step_minutes[chosen],
            self.steps_to_close[chosen],
        )


def recorded_windows(
    markets: Sequence[RecordedMarket], *, max_gap_s: float
) -> RecordedWindows:
    """Put markets onto their grids, as the service fills them, and find cutoffs.

    Raises
    ------
    ValueError
        If no market has two prices in a row and one soon after.

    """
    by_step: dict[int, list[RecordedMarket]] = {}
    for market in markets:
        by_step.setdefault(market.step_s, []).append(market)
    parts: list[RecordedWindows] = []
    groups: list[str] = []
    place = 0
    for step_s in sorted(by_step):
        panel = make_panel(by_step[step_s], step_s=step_s, max_gap_s=max_gap_s)
        part, names = _of_panel(panel, first=place)
        parts.append(part)
        groups += names
        place += part.prices.size
    if not groups:
        raise ValueError("no market has two prices in a row and one soon after")
    _, of_cutoff, counts = np.unique(groups, return_inverse=True, return_counts=True)
    heaviness = np.cumsum(counts[of_cutoff] ** -0.5)
    return RecordedWindows(
        np.concatenate([part.prices for part in parts]),
        np.concatenate([part.is_observed for part in parts]),
        np.concatenate([part.cutoffs for part in parts]),
        np.concatenate([part.lengths for part in parts]),
        np.concatenate([part.step_minutes for part in parts]),
        np.concatenate([part.steps_to_close for part in parts]),
        heaviness / heaviness[-1],
    )


def _of_panel(panel: Panel, *, first: int) -> tuple[RecordedWindows, list[str]]:
    """Return the windows of one step, and the event of each of them.

    ``first`` is the place at which its prices will stand among those of all steps.
    """
    origins = origins_of(panel)
    soon = np.isfinite(outcomes_of(panel, origins, horizon=KNOWN_STEPS))
    origins = origins.at(np.flatnonzero(soon.any(axis=1)))
    market = np.repeat(np.arange(len(panel.markets)), np.diff(panel.starts))
    places = np.arange(panel.prices.size) + _ROOM * (market + 1)
    size = panel.prices.size + _ROOM * (len(panel.markets) + 1)
    prices, is_observed = np.full(size, np.nan), np.zeros(size, dtype=bool)
    prices[places] = panel.prices
    is_observed[places] = observed_in(panel)
    run = origins.places - panel.run_starts[origins.places] + 1
    n = origins.places.size
    windows = RecordedWindows(
        prices,
        is_observed,
        first + places[origins.places],
        np.minimum(run, CONTEXT_STEPS),
        np.full(n, panel.step_s / _SECONDS_PER_MINUTE),
        steps_to_expiry(panel, origins),
        np.zeros(n),
    )
    return windows, [panel.markets[place].group for place in origins.markets.tolist()]
