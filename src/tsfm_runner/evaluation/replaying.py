"""Calibrate bands in the order of time, each from outcomes known by then.

What is drawn and what is learned is the service's own; only the waiting of bands
for their outcomes is arranged in arrays, for all markets of a step at once.
"""

from collections.abc import Iterator

import numpy as np

from tsfm_runner.core.arrays import BoolArray, FloatArray, IntArray
from tsfm_runner.core.conformal.cells import cell_of
from tsfm_runner.domain.calibration import StreamKey
from tsfm_runner.evaluation.design import Design
from tsfm_runner.evaluation.material import Material
from tsfm_runner.service.calibration.drawing import draw
from tsfm_runner.service.calibration.rows import N_COLUMNS, RowArray, unpack
from tsfm_runner.service.calibration.scoring import (
    Ends,
    Learned,
    follow_markets,
    scores_of,
    teach,
)
from tsfm_runner.service.calibration.state import CalibrationState
from tsfm_runner.service.calibration.tallying import kept

_TOGETHER = 1_024
_BAND_MISS = 0.2


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
        self._cells = cell_of(np.arange(1, design.horizon + 1))
        self._visits = _Visits(material)
        self._ring = _Ring(material, design.horizon)

    def __len__(self) -> int:
        """Return how many origins there are."""
        return self._material.origins.places.size

    def bands(self) -> Iterator[tuple[IntArray, FloatArray]]:
        """Yield origins with their calibrated bands, (n, horizon, n_levels)."""
        shape = (self._design.horizon, len(self._design.quantile_levels))
        rows: list[IntArray] = []
        values: list[FloatArray] = []
        n_drawn = 0
        for step, places, origins in self._visits:
            self._learn(step, places)
            if origins.size:
                rows.append(origins)
                values.append(self._draw(origins, shape))
                n_drawn += origins.size
            if n_drawn >= _TOGETHER:
                yield np.concatenate(rows), np.concatenate(values)
                rows, values, n_drawn = [], [], 0
        if rows:
            yield np.concatenate(rows), np.concatenate(values)

    def _draw(self, origins: IntArray, shape: tuple[int, int]) -> FloatArray:
        models = self._material.models[origins]
        first = int(models[0])
        if (models == first).all():
            return self._draw_alike(first, origins)
        values = np.empty((origins.size, *shape))
        for model in np.unique(models).tolist():
            chosen = np.flatnonzero(models == model)
            values[chosen] = self._draw_alike(model, origins[chosen])
        return values

    def _draw_alike(self, model: int, origins: IntArray) -> FloatArray:
        learned, material = self._learned[model], self._material
        ids = self._ids_of(material.origins.markets[origins])
        own = learned.scales.of(ids, int(self._cells[-1]) + 1)
        drawn = draw(
            learned.stream,
            material.raw[origins].astype(np.float64),
            material.described(origins),
            own[:, self._cells],
            self._design.quantile_levels,
        )
        self._ring.put(origins, drawn.packed, np.array(drawn.places))
        return drawn.values

    def _learn(self, step: int, places: IntArray) -> None:
        """Take the prices of one moment as outcomes of the bands before it."""
        origins, steps_ahead, who = self._visits.ended(places, self._design.horizon)
        if not origins.size:
            return
        y = self._material.panel.prices[places[who]]
        models = self._material.models[origins]
        for model in np.unique(models).tolist():
            chosen = slice(None) if len(self._learned) == 1 else models == model
            self._learn_alike(
                self._learned[model],
                step,
                origins[chosen],
                steps_ahead[chosen],
                y[chosen],
            )

    def _learn_alike(
        self,
        learned: Learned,
        step: int,
        origins: IntArray,
        steps_ahead: IntArray,
        y: FloatArray,
    ) -> None:
        packed, segments = self._ring.get(origins, steps_ahead)
        rows = unpack(packed)
        cells = self._cells[steps_ahead - 1]
        is_open = kept(rows.served, y, miss=_BAND_MISS).is_open
        markets = self._material.origins.markets[origins]
        ends = Ends(rows, y, is_open, segments, cells, self._ids_of(markets))
        learned.stream.reach(int(cells.max()) + 1)
        config = self._design.settings.calibration
        may_teach = self._teaches[markets]
        now_s = float(step * self._material.panel.step_s)
        if may_teach.all():
            teach(learned, ends, config, grid_time=step, now_s=now_s)
            return
        held = ends.chosen(~may_teach)
        follow_markets(learned.scales, held.market_ids, scores_of(held), config)
        if may_teach.any():
            told = ends.chosen(may_teach)
            teach(learned, told, config, grid_time=step, now_s=now_s)

    def _ids_of(self, markets: IntArray) -> list[str]:
        return [self._ids[market] for market in markets.tolist()]


class _Visits:
    """Every moment of a panel with the places of its prices, in order of time."""

    def __init__(self, material: Material) -> None:
        panel, origins = material.panel, material.origins
        self._origin_at = np.full(panel.prices.size, -1)
        self._origin_at[origins.places] = np.arange(origins.places.size)
        market = np.repeat(np.arange(len(panel.markets)), np.diff(panel.starts))
        self._depth = np.arange(panel.prices.size) - panel.starts[market]
        step = panel.first_steps[market] + self._depth
        known = np.flatnonzero(np.isfinite(panel.prices))
        order = known[np.argsort(step[known], kind="stable")]
        self._places = order
        self._edges = np.flatnonzero(np.diff(step[order], prepend=-1, append=-1))
        self._steps = step[order[self._edges[:-1]]].tolist()

    def __iter__(self) -> Iterator[tuple[int, IntArray, IntArray]]:
        edges = self._edges.tolist()
        for step, first, last in zip(self._steps, edges[:-1], edges[1:], strict=True):
            places = self._places[first:last]
            origins = self._origin_at[places]
            yield step, places, origins[origins >= 0]

    def ended(
        self, places: IntArray, horizon: int
    ) -> tuple[IntArray, IntArray, IntArray]:
        """Return the bands of which these prices end a step, and which step.

        They are origins, steps ahead counted from 1, and positions in ``places``.
        """
        ahead = np.arange(horizon, 0, -1)
        wanted = places[:, None] - ahead
        is_inside = ahead <= self._depth[places][:, None]
        found = np.where(is_inside, self._origin_at[np.where(is_inside, wanted, 0)], -1)
        who, column = np.nonzero(found >= 0)
        return found[who, column], ahead[column], who


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

    def put(self, origins: IntArray, packed: RowArray, segments: IntArray) -> None:
        slots = self._slots[origins]
        self._packed[slots] = packed
        self._segments[slots] = segments

    def get(
        self, origins: IntArray, steps_ahead: IntArray
    ) -> tuple[RowArray, IntArray]:
        slots = self._slots[origins]
        return self._packed[slots, steps_ahead - 1], self._segments[slots]
