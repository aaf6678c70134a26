"""Calibrate bands in the order of time, each from outcomes known by then.

What is drawn and what is learned is the service's own; only the waiting of bands
for their outcomes is arranged in arrays, for all markets of a step at once.
"""

from collections.abc import Iterator

import numpy as np

from tsfm_runner.core.arrays import BoolArray, FloatArray, IntArray
from tsfm_runner.core.conformal.cells import cells_within
from tsfm_runner.domain.calibration import StreamKey
from tsfm_runner.evaluation.design import Design
from tsfm_runner.evaluation.material import Material
from tsfm_runner.evaluation.walking import Block, Ended, Walk
from tsfm_runner.service.calibration.drawing import Drawn, draw
from tsfm_runner.service.calibration.outlining import Outline, outlined
from tsfm_runner.service.calibration.rows import N_COLUMNS, RowArray, unpack
from tsfm_runner.service.calibration.scoring import (
    Ends,
    Learned,
    follow_markets,
    scores_of,
    teach,
)
from tsfm_runner.service.calibration.state import CalibrationState
from tsfm_runner.service.calibration.tallying import is_between


class Replay:
    """The walk of one model through the time of one panel."""

    def __init__(
        self, material: Material, design: Design, *, teaches: BoolArray
    ) -> None:
        """Start from nothing but the prior; markets may be there to learn or not."""
        settings = design.settings
        self._material = material
        self._design = design
        self._teaches = teaches
        self._ids = [market.market_id for market in material.panel.markets]
        state = CalibrationState(settings.calibration, settings.drift, design.priors)
        step_s = material.panel.step_s
        self._learned = [
            state.of_key(StreamKey(name, version, step_s))
            for name, version in material.model_names
        ]
        self._cells = cells_within(design.horizon)
        self._ring = _Ring(material, design.horizon)

    def bands(self) -> Iterator[tuple[IntArray, FloatArray]]:
        """Yield origins with their calibrated bands, (n, horizon, n_levels)."""
        for block in Walk(self._material, self._design.horizon):
            yield block.origins, self._walk(block)

    def _walk(self, block: Block) -> FloatArray:
        """Learn and draw in turn, as the moments of a block come."""
        outline = self._outline(block.origins)
        values = np.empty_like(outline.raw)
        ids = self._ids_of(self._material.origins.markets[block.origins])
        ended = block.ended
        ended_markets = self._material.origins.markets[ended.origins]
        ended_ids = self._ids_of(ended_markets)
        may_teach = self._teaches[ended_markets]
        for run in block.runs:
            learned, rows = self._learned[run.model], run.rows
            if run.begins:
                drawn = self._draw(learned, outline.part(rows), ids[rows])
                values[rows] = drawn.values
                self._ring.put(block.origins[rows], drawn)
            else:
                ends = self._ends(ended.part(rows), ended_ids[rows])
                self._learn(learned, ends, may_teach[rows], run.step)
        return values

    def _outline(self, origins: IntArray) -> Outline:
        return outlined(
            self._material.raw[origins].astype(np.float64),
            self._material.described(origins),
            self._design.quantile_levels,
        )

    def _draw(self, learned: Learned, outline: Outline, ids: list[str]) -> Drawn:
        own = learned.scales.of(ids, int(self._cells[-1]) + 1)
        levels = self._design.quantile_levels
        return draw(learned.stream, outline, own[:, self._cells], levels)

    def _ends(self, ended: Ended, ids: list[str]) -> Ends:
        packed, segments = self._ring.get(ended)
        rows = unpack(packed)
        is_inside = is_between(rows.served, ended.y)
        cells = self._cells.take(ended.columns)
        return Ends(rows, ended.y, is_inside, segments, cells, ids)

    def _learn(
        self, learned: Learned, ends: Ends, may_teach: BoolArray, step: int
    ) -> None:
        """Take the prices of one moment as outcomes of the bands before it."""
        config = self._design.settings.calibration
        if not may_teach.all():
            held = ends.chosen(~may_teach)
            follow_markets(learned.scales, held.market_ids, scores_of(held), config)
            ends = ends.chosen(may_teach)
        if ends.market_ids:
            now_s = float(step * self._material.panel.step_s)
            teach(learned, ends, config, grid_time=step, now_s=now_s)

    def _ids_of(self, markets: IntArray) -> list[str]:
        return [self._ids[market] for market in markets.tolist()]


class _Ring:
    """What scoring needs of the bands that still wait, one slot an origin."""

    def __init__(self, material: Material, horizon: int) -> None:
        steps = material.origins.steps
        order = np.argsort(steps, kind="stable")
        in_time = steps[order]
        begins = np.searchsorted(in_time, in_time - horizon, side="left")
        size = int((np.arange(in_time.size) - begins).max()) + 1
        self._slots = np.empty(steps.size, dtype=np.int64)
        self._slots[order] = np.arange(steps.size) % size
        self._packed = np.zeros((size, horizon, N_COLUMNS), dtype=np.float32)
        self._segments = np.zeros(size, dtype=np.int64)

    def put(self, origins: IntArray, drawn: Drawn) -> None:
        slots = self._slots.take(origins)
        self._packed[slots] = drawn.packed
        self._segments[slots] = drawn.places

    def get(self, ended: Ended) -> tuple[RowArray, IntArray]:
        slots = self._slots.take(ended.origins)
        return self._packed[slots, ended.columns], self._segments.take(slots)
