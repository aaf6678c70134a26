"""What ``calibrate`` replays: recorded markets, put onto the grid of one step."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import polars as pl

from tsfm_runner.adapters.files.cadence import COARSE, is_coarse
from tsfm_runner.adapters.files.faults import fault_of
from tsfm_runner.adapters.files.listing import (
    SELECTED,
    UNLISTED,
    groups_of,
    of_some_groups,
    scheduled_facts,
    with_scheduled_ends,
)
from tsfm_runner.adapters.files.recorded import open_recorded
from tsfm_runner.adapters.files.series import (
    MarketSeries,
    SkippedMarket,
    split_markets,
)
from tsfm_runner.config import PreparationConfig
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.errors import UnreadableInputError
from tsfm_runner.service.warming import History, histories_of

_SHORT = "no two prices in a row"
_SEED = 1  # of the events that --events draws


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """Markets to be replayed, and those that are not.

    ``left_out`` counts, by reason, those that would teach nothing or something
    wrong; ``skipped`` are those that cannot be used, and tables that cannot be read.
    """

    histories: list[History]
    n_markets: int
    left_out: Counter[str]
    skipped: tuple[SkippedMarket, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of a recording is replayed, at which step."""

    freq: Frequency
    since: datetime | None
    n_events: int | None


def read_recorded(place: Path, wanted: Wanted, config: PreparationConfig) -> Recorded:
    """Read the markets of a folder or a table.

    Raises ``UnreadableInputError`` when there is nothing in it to learn from.
    """
    tables = open_recorded(place, config=config)
    listings, points = tables.listings, tables.points
    if wanted.since is not None:
        points = points.filter(pl.col("time_s") >= wanted.since.timestamp())
    names = points["market_id"].unique().sort().to_list()
    selected = {name for name in names if listings.get(name, UNLISTED).is_selected}
    groups = groups_of(
        (name for name in names if name not in selected), tables.known, listings
    )
    chosen = of_some_groups(groups, wanted.n_events, seed=_SEED)
    points = points.filter(pl.col("market_id").is_in(chosen))
    known = with_scheduled_ends(tables.points, tables.known, listings)
    recorded = _put_on_grid(split_markets(points, known), wanted.freq, config)
    recorded = replace(recorded, skipped=(*tables.unread, *recorded.skipped))
    recorded.left_out.update({SELECTED: len(selected)} if selected else {})
    if not recorded.histories:
        reasons = [*recorded.left_out, *(one.told for one in recorded.skipped[:1])]
        told = "; ".join(reasons) or "there are no points"
        raise UnreadableInputError(f"{place} holds nothing to learn from: {told}")
    return recorded


def _put_on_grid(
    markets: Iterator[MarketSeries | SkippedMarket],
    freq: Frequency,
    config: PreparationConfig,
) -> Recorded:
    histories: list[History] = []
    left_out: Counter[str] = Counter()
    skipped: list[SkippedMarket] = []
    n_markets = 0
    for market in markets:
        if isinstance(market, SkippedMarket):
            skipped.append(market)
            continue
        fault = fault_of(market)
        if fault is not None:
            skipped.append(fault)
            continue
        found = list(_histories(market, freq, config))
        if found:
            histories += found
            n_markets += 1
        else:
            is_sparse = is_coarse(market.times_s, step_s=freq.step_s)
            left_out[COARSE if is_sparse else _SHORT] += 1
    return Recorded(histories, n_markets, left_out, tuple(skipped))


def _histories(
    market: MarketSeries, freq: Frequency, config: PreparationConfig
) -> Iterator[History]:
    if is_coarse(market.times_s, step_s=freq.step_s):
        return iter(())
    return histories_of(
        market.market_id,
        market.times_s,
        market.prices,
        step_s=freq.step_s,
        max_gap_s=60 * config.max_gap_minutes,
        facts=scheduled_facts(market.known),
    )
