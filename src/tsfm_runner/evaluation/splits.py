"""Which outcomes teach, and which are scored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from tsfm_runner.core.arrays import BoolArray, FloatArray
from tsfm_runner.errors import UnreadableInputError
from tsfm_runner.evaluation.panel import Origins, Panel

SplitName: TypeAlias = Literal["time", "event", "cold"]
TRAIN_SHARE = 0.6
COLD_STEPS = 36


@dataclass(frozen=True, slots=True)
class Split:
    """How a study keeps what it learns from apart from what it scores.

    ``time``: everything teaches, what lies after the cut of its source is scored.
    ``event``: whole groups teach, others are scored and teach nothing but how wide
    the bands of their own market are. ``cold``: as ``time``, but only the first
    prices of groups that had none before the cut are scored.

    Attributes
    ----------
    cuts_s : mapping
        Epoch seconds by source.
    held_out : frozenset of str
        Groups that are scored under ``event``; none otherwise.
    unseen : frozenset of str
        Groups without a price before the cut of their source.

    """

    name: SplitName
    seed: int
    cuts_s: Mapping[str, float]
    held_out: frozenset[str]
    unseen: frozenset[str]

    def masks(self, panel: Panel, origins: Origins) -> "Masks":
        """Return what the split means for the origins of a panel."""
        groups, sources = panel.groups, [market.source for market in panel.markets]
        is_unseen = np.array([group in self.unseen for group in groups])
        is_held_out = np.array([group in self.held_out for group in groups])
        cuts_s = np.array([self.cuts_s[source] for source in sources])
        is_late = origins.steps * panel.step_s >= cuts_s[origins.markets]
        is_cold = is_unseen[origins.markets] & is_late
        if self.name == "event":
            is_scored = is_held_out[origins.markets]
            is_cold = is_scored
        elif self.name == "cold":
            is_scored = is_cold & (origins.ages <= COLD_STEPS)
        else:
            is_scored = is_late
        return Masks(is_scored, is_cold, ~is_held_out)


class Masks(NamedTuple):
    """Which origins are scored, which of them count as a start, who teaches.

    The first two have an element for each origin, the last one for each market.
    """

    is_scored: BoolArray
    is_cold: BoolArray
    teaches: BoolArray


def make_split(
    name: SplitName, panels: Sequence[tuple[Panel, Origins]], *, seed: int
) -> Split:
    """Return the split of everything that is studied.

    The cut of a source leaves six tenths of its origins before it. Of the groups
    of a source four tenths are held out, drawn at random; a group stays whole,
    whatever the sources and steps of its markets.

    Raises ``UnreadableInputError`` where nothing would be scored.
    """
    times: dict[str, list[FloatArray]] = {}
    first_s: dict[str, float] = {}
    source_of: dict[str, str] = {}
    for panel, origins in panels:
        for place, market in enumerate(panel.markets):
            source_of[market.group] = min(
                market.source, source_of.get(market.group, market.source)
            )
            start_s = float(panel.steps[panel.starts[place]] * panel.step_s)
            first_s[market.group] = min(start_s, first_s.get(market.group, start_s))
        sources = [market.source for market in panel.markets]
        names, places = np.unique(sources, return_inverse=True)
        of_origin = places[origins.markets]
        for number, source in enumerate(names.tolist()):
            steps = origins.steps[of_origin == number]
            times.setdefault(source, []).append(steps * float(panel.step_s))
    cuts_s = {
        source: float(np.quantile(np.concatenate(parts), TRAIN_SHARE, method="higher"))
        for source, parts in sorted(times.items())
    }
    unseen = frozenset(
        group for group, start in first_s.items() if start >= cuts_s[source_of[group]]
    )
    held_out = _held_out(source_of, seed) if name == "event" else frozenset()
    split = Split(name, seed, cuts_s, held_out, unseen)
    if not any(split.masks(*each).is_scored.any() for each in panels):
        raise UnreadableInputError(f"the split {name} leaves nothing to score")
    return split


def _held_out(source_of: Mapping[str, str], seed: int) -> frozenset[str]:
    rng = np.random.default_rng(seed)
    held_out: set[str] = set()
    for source in sorted(set(source_of.values())):
        groups = sorted(group for group, of in source_of.items() if of == source)
        n_held = len(groups) - round(TRAIN_SHARE * len(groups))
        drawn = rng.permutation(len(groups))[:n_held].tolist()
        held_out.update(groups[place] for place in drawn)
    return frozenset(held_out)
