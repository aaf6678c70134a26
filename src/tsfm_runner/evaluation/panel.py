"""Recorded markets on the grid of one step, and every moment to forecast from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tsfm_runner.core.arrays import BoolArray, FloatArray, IntArray
from tsfm_runner.domain.recording import RecordedMarket
from tsfm_runner.domain.task import MAX_HORIZON
from tsfm_runner.service.warming import History, histories_of

FOLLOW_S = 6 * 3_600  # a breach is followed by a move within six hours, or not


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Markets of one step, one after the other in one array of prices.

    Attributes
    ----------
    starts : (n_markets + 1,) array
        Where the prices of each market begin, and where the last ones end.
    steps : (n_prices,) array
        Step of each price, counted from 1970; one after the other up to a hole.
    prices : (n_prices,) array
        One a step; NaN where none is known for too long. A hole that no forecast and
        no move after it reaches across is cut short, so that a market of few prices
        in many years needs no more room than those.
    run_starts : (n_prices,) array
        Place of the first price since the last hole.

    """

    step_s: int
    markets: tuple[RecordedMarket, ...]
    starts: IntArray
    steps: IntArray
    prices: FloatArray
    run_starts: IntArray

    @property
    def groups(self) -> list[str]:
        """The unit of independence of each market."""
        return [market.group for market in self.markets]


class Origins(NamedTuple):
    """Moments to forecast from, each with at least two prices without a hole.

    ``places`` point into the prices of the panel, ``markets`` into its markets;
    ``steps`` count from 1970, ``ages`` the prices of the market so far.
    """

    places: IntArray
    markets: IntArray
    steps: IntArray
    ages: IntArray

    def at(self, chosen: IntArray | BoolArray | slice) -> "Origins":
        """Return some of the origins."""
        return Origins._make(column[chosen] for column in self)


def make_panel(
    markets: Sequence[RecordedMarket], *, step_s: int, max_gap_s: float
) -> Panel:
    """Put markets onto the grid: the last price up to each step, while it stands.

    A price stands for ``max_gap_s``, at least one step. Markets without two prices
    in a row are left out.
    """
    kept, steps, rows = [], [np.empty(0, dtype=np.int64)], [np.empty(0)]
    longest_hole = max(MAX_HORIZON, FOLLOW_S // step_s)
    for market in markets:
        runs = list(
            histories_of(
                market.market_id,
                market.times_s,
                market.prices,
                step_s=step_s,
                max_gap_s=max_gap_s,
                facts=market.facts,
            )
        )
        if not runs:
            continue
        step, row = _joined(runs, longest_hole)
        kept.append(market)
        steps.append(step)
        rows.append(row)
    starts = np.cumsum([row.size for row in rows])
    prices = np.concatenate(rows)
    return Panel(
        step_s,
        tuple(kept),
        starts,
        np.concatenate(steps),
        prices,
        _run_starts(prices, starts),
    )


def _joined(runs: Sequence[History], longest_hole: int) -> tuple[IntArray, FloatArray]:
    """Return the steps and prices of all runs, with the holes between them."""
    steps, prices = [], []
    end = runs[0].first_step
    for run in runs:
        hole = np.arange(end, min(run.first_step, end + longest_hole))
        steps += [hole, np.arange(run.first_step, run.last_step + 1)]
        prices += [np.full(hole.size, np.nan), run.prices]
        end = run.last_step + 1
    return np.concatenate(steps), np.concatenate(prices)


def _run_starts(prices: FloatArray, starts: IntArray) -> IntArray:
    is_known = np.isfinite(prices)
    begins = is_known & ~np.concatenate(([False], is_known[:-1]))
    begins[starts[:-1]] = True
    return np.maximum.accumulate(np.where(begins, np.arange(prices.size), 0))


def observed_in(panel: Panel) -> BoolArray:
    """Return the places of prices that were recorded, since the step before.

    All others repeat the price before them, or are not known.
    """
    is_observed = np.zeros(panel.prices.size, dtype=np.bool_)
    bounds = zip(panel.starts[:-1], panel.starts[1:], strict=True)
    for market, (start, stop) in zip(panel.markets, bounds, strict=True):
        known = market.times_s[np.isfinite(market.prices)]
        steps = np.ceil(known / panel.step_s).astype(np.int64)
        is_observed[start:stop] = np.isin(panel.steps[start:stop], steps)
    return is_observed


def as_told(panel: Panel) -> Panel:
    """Return the panel as callers tell of it: no price that repeats the one before."""
    prices = np.where(observed_in(panel), panel.prices, np.nan)
    return replace(panel, prices=prices)


def origins_of(panel: Panel) -> Origins:
    """Return every origin of a panel, market by market, in order of time."""
    place = np.arange(panel.prices.size)
    is_known = np.isfinite(panel.prices)
    market = np.repeat(np.arange(len(panel.markets)), np.diff(panel.starts))
    counted = np.cumsum(is_known)
    before = (counted - is_known)[panel.starts[:-1]]
    at = np.flatnonzero(is_known & (place > panel.run_starts))
    markets = market[at]
    return Origins(
        at,
        markets,
        panel.steps[at],
        counted[at] - before[markets],
    )


def ahead_of(
    panel: Panel, origins: Origins, steps: IntArray, *columns: FloatArray
) -> list[FloatArray]:
    """Return columns of the panel so many steps after each origin.

    Each column has shape (n_prices,), each result (n_origins, n_steps); NaN beyond
    the last price of the market.
    """
    wanted = origins.places[:, None] + steps
    is_inside = wanted < panel.starts[origins.markets + 1][:, None]
    places = np.where(is_inside, wanted, 0)
    return [np.where(is_inside, column[places], np.nan) for column in columns]


def outcomes_of(panel: Panel, origins: Origins, *, horizon: int) -> FloatArray:
    """Return what the price was at each step ahead, (n_origins, horizon).

    NaN where the market has no price then.
    """
    return ahead_of(panel, origins, np.arange(1, horizon + 1), panel.prices)[0]


def excursions(panel: Panel) -> tuple[FloatArray, FloatArray]:
    """Return how far each price rises and falls within the next six hours.

    Both have shape (n_prices,), NaN where no later price is known.
    """
    window = max(FOLLOW_S // panel.step_s, 1)
    highest, lowest = (np.full(panel.prices.size, np.nan) for _ in range(2))
    padding = np.full(window, np.nan)
    for start, stop in zip(panel.starts[:-1], panel.starts[1:], strict=True):
        ahead = np.concatenate((panel.prices[start + 1 : stop], padding))
        high = _rolling_max(np.where(np.isnan(ahead), -np.inf, ahead), window)
        low = -_rolling_max(np.where(np.isnan(ahead), -np.inf, -ahead), window)
        highest[start:stop], lowest[start:stop] = high, low
    is_known = np.isfinite(highest)
    rise = np.where(is_known, highest - panel.prices, np.nan)
    return rise, np.where(is_known, panel.prices - lowest, np.nan)


def _rolling_max(values: FloatArray, window: int) -> FloatArray:
    """Return the largest of each ``window`` values in a row, by doubling.

    >>> _rolling_max(np.array([1.0, 3.0, 2.0, 0.0]), 2).tolist()
    [3.0, 3.0, 2.0]
    """
    largest, reach = values, 1
    while 2 * reach <= window:
        largest = np.maximum(largest[:-reach], largest[reach:])
        reach *= 2
    rest = window - reach
    return np.maximum(largest[: largest.size - rest], largest[rest:])


class Windows:
    """The contexts of origins, cut from prices without copying them twice."""

    def __init__(self, panel: Panel, *, length: int) -> None:
        """Give every run of prices room for unknown ones before it."""
        self.length = length
        begins = np.unique(panel.run_starts[np.isfinite(panel.prices)])
        room = np.zeros(panel.prices.size, dtype=np.int64)
        room[begins] = length - 1
        self._run_starts = panel.run_starts
        self._shift = np.cumsum(room)
        padded = np.full(panel.prices.size + int(self._shift[-1]), np.nan)
        padded[np.arange(panel.prices.size) + self._shift] = panel.prices
        self._windows = sliding_window_view(padded, length)

    def lengths(self, places: IntArray) -> IntArray:
        """Return how many prices each context holds."""
        return np.asarray(
            np.minimum(places - self._run_starts[places] + 1, self.length)
        )

    def contexts(self, places: IntArray) -> FloatArray:
        """Return the contexts that end at some places, (n, longest of them).

        Ends are aligned; NaN before the shorter ones.
        """
        width = int(self.lengths(places).max())
        rows = places + self._shift[places] - (self.length - 1)
        return np.asarray(self._windows[rows, self.length - width :])

    def in_row(self, places: IntArray) -> FloatArray:
        """Return the contexts that end at some places, which follow one another.

        They are views of one series, of the full length, and not to be written to.
        """
        first = int(places[0] + self._shift[places[0]]) - (self.length - 1)
        return np.asarray(self._windows[first : first + places.size])
