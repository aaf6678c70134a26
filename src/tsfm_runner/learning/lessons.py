"""What is learned from recorded markets, and what is held against it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tsfm_runner.config import Settings, VerdictConfig
from tsfm_runner.domain.recording import RecordedMarket
from tsfm_runner.errors import UnreadableInputError
from tsfm_runner.learning.batches import Batch, Recipe, to_batch
from tsfm_runner.learning.recorded import (
    HELD_OUT_PERCENT,
    Parted,
    RecordedWindows,
    parted,
    recorded_windows,
)
from tsfm_runner.learning.simulated import SimulatedWindows
from tsfm_runner.learning.windows import Habits

RECORDED_SHARE = 0.6
LEAST_WINDOWS = 1_000
LEAST_STEPS = 200
PASSES = 6
"""How often a training goes through all recorded moments, if nothing ends it before."""

_BATCH_SIZE = 512
_BATCHES_PER_BLOCK = 16
_WATCHED_WINDOWS = 2_048
_SECONDS_PER_MINUTE = 60


class Lessons(NamedTuple):
    """What there is to learn from, and what tells when to stop."""

    parts: Parted
    taught: RecordedWindows
    watched: tuple[Batch, ...]

    @property
    def n_steps(self) -> int:
        """How many batches it takes to go through what is taught a few times."""
        recorded_per_batch = RECORDED_SHARE * _BATCH_SIZE
        n_steps = int(PASSES * len(self.taught) / recorded_per_batch)
        return max(n_steps, LEAST_STEPS)

    def recipe(self, *, seed: int) -> Recipe:
        """Mix recorded windows with simulated ones, which keep old skills alive."""
        habits = Habits()
        simulated = SimulatedWindows(habits=habits)
        return Recipe(
            sources=[(self.taught, RECORDED_SHARE), (simulated, 1 - RECORDED_SHARE)],
            seed=seed,
            batch_size=_BATCH_SIZE,
            batches_per_block=_BATCHES_PER_BLOCK,
            habits=habits,
        )


def lessons_of(markets: Sequence[RecordedMarket], settings: Settings) -> Lessons:
    """Part recorded markets, event by event, into what teaches and what judges.

    Raises
    ------
    UnreadableInputError
        If there are too few; it says how many are needed.

    """
    parts = parted(markets)
    require_events(parts, settings.verdict)
    max_gap_s = _SECONDS_PER_MINUTE * settings.preparation.max_gap_minutes
    try:
        taught = recorded_windows(parts.taught, max_gap_s=max_gap_s)
        watched = recorded_windows(parts.watched, max_gap_s=max_gap_s)
    except ValueError as exc:
        raise UnreadableInputError(f"nothing can be learned: {exc}") from exc
    if len(taught) < LEAST_WINDOWS:
        raise UnreadableInputError(
            f"there are {len(taught):,} moments to learn from, and {LEAST_WINDOWS:,} "
            "are needed: record more prices"
        )
    n = min(len(watched), _WATCHED_WINDOWS)
    evenly = np.arange(n) * len(watched) // n
    return Lessons(parts, taught, (to_batch(watched.cut(evenly)),))


def require_events(parts: Parted, rules: VerdictConfig) -> None:
    """Raise ``UnreadableInputError`` where too few events are held out to judge by."""
    taught, watched, held_out = (
        len({market.group for market in markets}) for markets in parts
    )
    if held_out >= rules.min_groups and watched and taught:
        return
    needed = round(100 * rules.min_groups / HELD_OUT_PERCENT)
    raise UnreadableInputError(
        f"of {taught + watched + held_out} events {held_out} are held out to judge the "
        f"model by, and a verdict needs {rules.min_groups} (verdict.min_groups): "
        f"record about {needed} events"
    )
