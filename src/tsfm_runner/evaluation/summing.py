"""Add up what bands scored, by market, by group and segment, and by age."""

from typing import NamedTuple

import numpy as np

from tsfm_runner.core.arrays import FloatArray, IntArray, run_starts
from tsfm_runner.core.metrics import AnyFloats, metric_columns, metrics
from tsfm_runner.evaluation.design import Design
from tsfm_runner.evaluation.material import Material
from tsfm_runner.evaluation.panel import ahead_of, excursions
from tsfm_runner.evaluation.splits import Masks

# The largest age of each bin; older markets are no longer starting.
AGES = np.array((2, 3, 4, 6, 8, 12, 18, 24, 36, 48, 72))


class Outcomes:
    """What happened after each origin of a panel."""

    def __init__(self, material: Material, horizon: int) -> None:
        """Look six hours beyond each outcome, for what followed on it."""
        self._panel = material.panel
        self._origins = material.origins
        self._ahead = np.arange(1, horizon + 1)
        self._rise, self._fall = excursions(material.panel)

    def at(self, rows: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return prices, rises and falls after some origins, (n, horizon) each.

        NaN where the market has no price then.
        """
        origins, columns = self._origins.at(rows), (self._rise, self._fall)
        prices, rise, fall = ahead_of(
            self._panel, origins, self._ahead, self._panel.prices, *columns
        )
        return prices, rise, fall


class Keys(NamedTuple):
    """Where the scores of each origin are added up.

    ``cells`` pairs of group and segment, ``starts`` pairs of group and bin of age:
    one row each; the ``*_of`` arrays have the place of each origin among them, -1
    where it is not counted.
    """

    groups: list[str]
    cells: IntArray
    cell_of: IntArray
    starts: IntArray
    start_of: IntArray


def keys_of(material: Material, masks: Masks) -> Keys:
    """Return the keys of all origins that are scored."""
    names = material.panel.groups
    groups = sorted(set(names))
    place_of = {name: place for place, name in enumerate(groups)}
    markets, ages = material.origins.markets, material.origins.ages
    group = np.array([place_of[name] for name in names])[markets]
    is_young = masks.is_scored & masks.is_cold & (ages <= AGES[-1])
    cells = _places(np.stack((group, material.segment_of), axis=1), masks.is_scored)
    starts = _places(np.stack((group, np.searchsorted(AGES, ages)), axis=1), is_young)
    return Keys(groups, *cells, *starts)


def _places(pairs: IntArray, is_counted: np.ndarray) -> tuple[IntArray, IntArray]:
    unique, inverse = np.unique(pairs[is_counted], axis=0, return_inverse=True)
    places = np.full(len(pairs), -1)
    places[is_counted] = inverse.reshape(-1)
    return unique, places


class Sums:
    """Sums of the columns of `metrics`, of one kind of bands.

    ``by_cell``, ``by_start`` and ``by_market`` have shape (n, horizon, n_columns).
    """

    def __init__(self, material: Material, design: Design, keys: Keys) -> None:
        """Start at zero everywhere."""
        self._levels = design.quantile_levels
        self._markets = material.origins.markets
        self._keys = keys
        shape = (design.horizon, metric_columns(len(self._levels)).n_columns)
        self.by_cell = np.zeros((len(keys.cells), *shape))
        self.by_start = np.zeros((len(keys.starts), *shape))
        self.by_market = np.zeros((len(material.panel.markets), *shape))

    def add(
        self,
        rows: IntArray,
        values: AnyFloats,
        outcomes: tuple[FloatArray, FloatArray, FloatArray],
    ) -> None:
        """Add the bands of some origins, all of them scored."""
        y, rise, fall = outcomes
        columns = metrics(
            values, y, quantile_levels=self._levels, rise=rise, fall=fall
        ).transpose(2, 0, 1)
        _add(self.by_cell, self._keys.cell_of[rows], columns)
        _add(self.by_market, self._markets[rows], columns)
        starts = self._keys.start_of[rows]
        if (starts >= 0).any():
            _add(self.by_start, starts[starts >= 0], columns[:, starts >= 0])


def _add(table: FloatArray, places: IntArray, columns: FloatArray) -> None:
    """Add the rows of each place; columns come first, as they lie in memory."""
    order = np.argsort(places, kind="stable")
    begins = run_starts(places[order])
    found = np.add.reduceat(columns[:, order], begins, axis=1)
    table[places[order[begins]]] += found.transpose(1, 2, 0)
