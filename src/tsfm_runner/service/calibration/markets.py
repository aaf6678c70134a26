"""How much wider the bands of single markets are than those of their segment."""

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from tsfm_runner.core.conformal.levels import adapt_market_scale
from tsfm_runner.domain.task import FloatArray
from tsfm_runner.service.calibration.arrays import IntArray, SingleArray

_FIRST_ROOM = 64


class MarketScales:
    """The logarithm of each market's own scale, by cell of steps; 0 to begin with."""

    def __init__(self, max_markets: int) -> None:
        """Remember so many markets; the one unseen for longest leaves first."""
        self._max_markets = max_markets
        self.rows: OrderedDict[str, int] = OrderedDict()
        self.logs: SingleArray = np.zeros((0, 0), dtype=np.float32)

    def of(self, market_ids: Sequence[str], n_cells: int) -> FloatArray:
        """Return the scales of markets, of shape (n_markets, n_cells)."""
        found = np.zeros((len(market_ids), n_cells))
        known = min(n_cells, self.logs.shape[1])
        for place, market_id in enumerate(market_ids):
            row = self.rows.get(market_id)
            if row is not None:
                found[place, :known] = self.logs[row, :known]
        return found

    def follow(  # noqa: PLR0913 - the constants of one rule
        self,
        market_ids: Sequence[str],
        cells: IntArray,
        misses: FloatArray,
        *,
        tail: float,
        leak: float,
        rate: float,
    ) -> None:
        """Learn from outcomes, of at most one each for a market and a cell."""
        known = {
            market_id: self._row(market_id) for market_id in dict.fromkeys(market_ids)
        }
        self._grow(int(cells.max()) + 1)
        where = np.array([known[market_id] for market_id in market_ids]), cells
        self.logs[where] = adapt_market_scale(
            self.logs[where].astype(np.float64),
            misses=misses,
            tail=tail,
            leak=leak,
            rate=rate,
        )

    def put(self, market_ids: Sequence[str], logs: FloatArray) -> None:
        """Set the scales of markets; ``logs`` has a row for each, cells in columns."""
        rows = [self._row(market_id) for market_id in market_ids]
        self._grow(logs.shape[1])
        self.logs[rows, : logs.shape[1]] = logs

    def _row(self, market_id: str) -> int:
        row = self.rows.get(market_id)
        if row is not None:
            self.rows.move_to_end(market_id)
            return row
        if len(self.rows) < self._max_markets:
            row = len(self.rows)
        else:
            _, row = self.rows.popitem(last=False)
            self.logs[row] = 0
        self.rows[market_id] = row
        return row

    def _grow(self, n_cells: int) -> None:
        n_rows, had_cells = self.logs.shape
        if len(self.rows) <= n_rows and n_cells <= had_cells:
            return
        room = max(n_rows, _FIRST_ROOM)
        while room < len(self.rows):
            room *= 2
        logs = np.zeros((room, max(n_cells, had_cells)), dtype=np.float32)
        logs[:n_rows, :had_cells] = self.logs
        self.logs = logs
