"""In what order the bands of a panel begin and end."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tsfm_runner.core.arrays import FloatArray, IntArray, run_starts
from tsfm_runner.evaluation.material import Material

_TOGETHER = 1_024


class Run(NamedTuple):
    """Rows of a block that begin, or end, at one step and are of one model.

    Runs are in order by what they hold: at each step bands end before others begin.
    """

    step: int
    begins: bool
    model: int
    rows: slice


class Ended(NamedTuple):
    """Steps of bands that end; one element each.

    ``origins`` are those of the bands, ``columns`` the steps counted from 0 and ``y``
    the outcomes.
    """

    origins: IntArray
    columns: IntArray
    y: FloatArray

    def part(self, rows: slice) -> "Ended":
        """Return those that stand together."""
        return Ended._make(column[rows] for column in self)


class Block(NamedTuple):
    """Some moments of a panel, one after the other.

    ``origins`` are those of the bands that begin.
    """

    origins: IntArray
    ended: Ended
    runs: list[Run]


class Walk:
    """All moments of a panel in order of time."""

    def __init__(self, material: Material, horizon: int) -> None:
        """Walk from the first price to the last, with bands of so many steps."""
        panel, origins = material.panel, material.origins
        self._material = material
        self._ahead = np.arange(horizon, 0, -1)
        self._origin_at = np.full(panel.prices.size, -1)
        self._origin_at[origins.places] = np.arange(origins.places.size)
        market = np.repeat(np.arange(len(panel.markets)), np.diff(panel.starts))
        self._depth = np.arange(panel.prices.size) - panel.starts[market]
        self._steps = panel.steps

    def __iter__(self) -> Iterator[Block]:
        """Yield blocks of about so many origins that the calls for them are few."""
        known = np.flatnonzero(np.isfinite(self._material.panel.prices))
        places = known[np.argsort(self._steps[known], kind="stable")]
        moments = run_starts(self._steps[places])
        n_begun = np.cumsum(self._origin_at[places] >= 0)
        firsts = moments[run_starts(n_begun[moments] // _TOGETHER)]
        for first, last in pairwise([*firsts.tolist(), places.size]):
            yield self._block(places[first:last])

    def _block(self, places: IntArray) -> Block:
        begin = places[self._origin_at[places] >= 0]
        origins = self._origin_at[begin]
        order, begun = self._runs(self._steps[begin], origins, begins=True)
        ended, steps = self._ended(places)
        ended_order, ends = self._runs(steps, ended.origins, begins=False)
        return Block(
            origins[order],
            Ended._make(column[ended_order] for column in ended),
            sorted([*ends, *begun], key=lambda run: run[:3]),
        )

    def _ended(self, places: IntArray) -> tuple[Ended, IntArray]:
        """Return what these prices end, and at which step."""
        wanted = np.maximum(places[:, None] - self._ahead, 0)
        is_inside = self._ahead <= self._depth[places][:, None]  # of the same market
        found = np.where(is_inside, self._origin_at[wanted], -1)
        who, column = np.nonzero(found >= 0)
        at = places[who]
        y = self._material.panel.prices[at]
        return Ended(found[who, column], self._ahead[column] - 1, y), self._steps[at]

    def _runs(
        self, steps: IntArray, origins: IntArray, *, begins: bool
    ) -> tuple[IntArray, list[Run]]:
        """Return the order in which the rows of each run stand together, and those."""
        models = self._material.models[origins]
        order = np.lexsort((models, steps))
        steps, models = steps[order], models[order]
        starts = run_starts(steps * len(self._material.model_names) + models)
        ends = [*starts[1:].tolist(), order.size]
        rows = map(slice, starts.tolist(), ends)
        told = zip(steps[starts].tolist(), models[starts].tolist(), rows, strict=False)
        return order, [Run(step, begins, model, part) for step, model, part in told]
