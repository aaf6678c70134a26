"""What the units of a study found, side by side for all models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tsfm_runner.core.arrays import FloatArray, IntArray
from tsfm_runner.domain.frequency import step_text
from tsfm_runner.evaluation.schema import ALL_FREQS
from tsfm_runner.evaluation.scoring import KINDS, Kind
from tsfm_runner.ports import Arrays


@dataclass(frozen=True, slots=True)
class EntryName:
    """A model, raw or calibrated."""

    model: str
    kind: Kind
    is_baseline: bool

    @property
    def text(self) -> str:
        """The entry as it is called everywhere."""
        return f"{self.model}/{self.kind}"


@dataclass(frozen=True, eq=False)
class StepResults:
    """The sums of all entries at one step, over the same origins.

    Attributes
    ----------
    by_cell : (n_entries, n_cells, horizon, n_columns) array
        ``cells`` are pairs of group and segment.
    by_start : (n_entries, n_starts, horizon, n_columns) array
        ``starts`` are pairs of group and bin of age.
    by_market : (n_entries, n_markets, horizon, n_columns) array
    last : (n_entries, n_origins, n_levels) array
        Bands of the last step.

    """

    step_s: int
    entries: tuple[EntryName, ...]
    groups: tuple[str, ...]
    segments: tuple[str, ...]
    segment_markets: IntArray
    cells: IntArray
    starts: IntArray
    by_cell: FloatArray
    by_start: FloatArray
    by_market: FloatArray
    last: Sequence[np.ndarray]
    is_scored: np.ndarray

    @property
    def freq(self) -> str:
        """The step as people write it."""
        return step_text(self.step_s)

    @cached_property
    def by_group(self) -> FloatArray:
        """The sums of each group, (n_entries, n_groups, horizon, n_columns)."""
        shape = len(self.entries), len(self.groups), *self.by_cell.shape[2:]
        found = np.zeros(shape)
        for entry, cells in zip(found, self.by_cell, strict=True):
            np.add.at(entry, self.cells[:, 0], cells)
        return found


def step_results(
    step_s: int, entries: Sequence[EntryName], found: Sequence[Arrays]
) -> StepResults:
    """Put the results of all models at one step side by side.

    ``entries`` are the kinds of each model in turn.
    """
    first = found[0]

    def column(name: str) -> FloatArray:
        return np.concatenate([one[name] for one in found])

    return StepResults(
        step_s,
        tuple(entries),
        tuple(first["group_names"].tolist()),
        tuple(first["segment_names"].tolist()),
        first["segment_markets"],
        first["cells"],
        first["starts"],
        column("by_cell"),
        column("by_start"),
        column("by_market"),
        [one["last"][place] for one in found for place in range(len(KINDS))],
        first["is_scored"],
    )


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Groups and markets of one step or of all, with their sums.

    ``by_group`` has shape (n_entries, n_groups, horizon + 1, n_columns): the last
    step stands for all of them together. ``by_market`` likewise.
    """

    freq: str
    by_group: FloatArray
    by_market: FloatArray


def pools_of(results: Sequence[StepResults]) -> list[Pool]:
    """Return the sums over everything, then those of each step that has any.

    A group that has markets of several steps is one group.
    """
    single = [
        Pool(one.freq, _with_all_steps(one.by_group), _with_all_steps(one.by_market))
        for one in results
    ]
    groups = sorted({group for one in results for group in one.groups})
    places: Mapping[str, int] = {group: place for place, group in enumerate(groups)}
    first = single[0].by_group
    joined = np.zeros((first.shape[0], len(groups), *first.shape[2:]))
    for one, pool in zip(results, single, strict=True):
        joined[:, [places[group] for group in one.groups]] += pool.by_group
    markets = np.concatenate([pool.by_market for pool in single], axis=1)
    scored = [pool for pool in single if pool.by_group[0, :, -1, 0].any()]
    return [Pool(ALL_FREQS, joined, markets), *scored]


def _with_all_steps(sums: FloatArray) -> FloatArray:
    """Return the sums with one more step that adds up all others."""
    return np.concatenate((sums, sums.sum(axis=2, keepdims=True)), axis=2)


def told_steps(horizon: int) -> list[int]:
    """Return the steps that long tables tell of: first, middle and last."""
    return sorted({1, (horizon + 1) // 2, horizon})
