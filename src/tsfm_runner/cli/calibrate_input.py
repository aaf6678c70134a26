"""What ``calibrate`` replays: recorded markets, put onto the grid of one step."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from tsfm_runner.adapters.files.points import MARKET_NAMES, pick_column
from tsfm_runner.adapters.files.series import (
    KnownMarket,
    MarketSeries,
    SkippedMarket,
    split_markets,
)
from tsfm_runner.adapters.files.sources import MarketTable, open_path
from tsfm_runner.config import PreparationConfig
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.domain.task import (
    FIRST_YEAR,
    LAST_YEAR,
    MAX_MARKET_ID_LENGTH,
    MarketFacts,
)
from tsfm_runner.errors import UnreadableInputError
from tsfm_runner.service.warming import History, histories_of

_SELECTED = "selected on its outcome"
_COARSE = "points more than two steps apart"
_SHORT = "no two prices in a row"
_COARSE_STEPS = 2
_SAME_TIME_S = 1.0
_SURPRISING_SHARE = 0.9
_SEED = 1  # of the events that --events draws
_FIRST_S = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC).timestamp()
_END_S = datetime(LAST_YEAR, 12, 31, tzinfo=UTC).timestamp()
_LISTED = ("source", "split_group", "selected_on_outcome")


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """Markets to be replayed, and those that are not.

    ``left_out`` counts, by reason, those that would teach nothing or something
    wrong; ``skipped`` are those that cannot be read.
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
    source = open_path(place, config=config)
    if not isinstance(source, MarketTable):
        raise UnreadableInputError(
            f"{place} holds requests: to learn, prices over time are needed"
        )
    listed = _listed(source)
    points = source.points
    if wanted.since is not None:
        points = points.filter(pl.col("time_s") >= wanted.since.timestamp())
    names = points["market_id"].unique().sort().to_list()
    selected = {name for name in names if listed.get(name, _UNLISTED).is_selected}
    chosen = _of_some_events(
        [name for name in names if name not in selected],
        source.known,
        listed,
        wanted.n_events,
    )
    points = points.filter(pl.col("market_id").is_in(chosen))
    known = _with_known_ends(source, listed)
    recorded = _put_on_grid(split_markets(points, known), wanted.freq, config)
    recorded.left_out.update({_SELECTED: len(selected)} if selected else {})
    if not recorded.histories:
        reasons = [*recorded.left_out, *(one.told for one in recorded.skipped[:1])]
        told = "; ".join(reasons) or "there are no points"
        raise UnreadableInputError(f"{place} holds nothing to learn from: {told}")
    return recorded


@dataclass(frozen=True, slots=True)
class _Listed:
    """What decides whether and how a market is replayed."""

    source: str = ""
    group: str | None = None
    is_selected: bool = False


_UNLISTED = _Listed()


def _listed(table: MarketTable) -> dict[str, _Listed]:
    if table.markets is None:
        return {}
    schema = table.markets.collect_schema()
    market = pl.col(pick_column(schema, MARKET_NAMES)).cast(pl.String)
    columns = [pl.col(name).cast(pl.String) for name in _LISTED if name in schema]
    rows = table.markets.select(market.alias("market_id"), *columns).collect()
    return {
        row["market_id"]: _Listed(
            row.get("source") or "",
            row.get("split_group"),
            (row.get("selected_on_outcome") or "").lower() in {"true", "1"},
        )
        for row in rows.iter_rows(named=True)
    }


def _of_some_events(
    names: list[str],
    known: Mapping[str, KnownMarket],
    listed: Mapping[str, _Listed],
    n_events: int | None,
) -> list[str]:
    """Return the markets of so many events, drawn at random, always the same."""
    if n_events is None:
        return names

    def event_of(name: str) -> str:
        facts = known.get(name, KnownMarket()).facts
        return listed.get(name, _UNLISTED).group or facts.event_id or name

    events = sorted({event_of(name) for name in names})
    if n_events >= len(events):
        return names
    drawn = np.random.default_rng(_SEED).choice(events, n_events, replace=False)
    kept = set(drawn.tolist())
    return [name for name in names if event_of(name) in kept]


def _with_known_ends(
    table: MarketTable, listed: Mapping[str, _Listed]
) -> dict[str, KnownMarket]:
    """Return what is known of each market, without ends that nobody knew before.

    Where nearly all markets of a source end at their own last point, the end is not
    a schedule but where the recording stopped.
    """
    newest = dict(table.points.group_by("market_id").agg(pl.max("time_s")).iter_rows())
    ends: dict[str, list[bool]] = {}
    for name, one in table.known.items():
        if one.end_s is not None and newest.get(name) is not None:
            source = listed.get(name, _UNLISTED).source
            is_last = abs(one.end_s - newest[name]) <= _SAME_TIME_S
            ends.setdefault(source, []).append(is_last)
    surprising = {
        source
        for source, are_last in ends.items()
        if sum(are_last) >= _SURPRISING_SHARE * len(are_last)
    }
    return {
        name: replace(one, end_s=None)
        if listed.get(name, _UNLISTED).source in surprising
        else one
        for name, one in table.known.items()
    }


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
        fault = _fault(market)
        if fault is not None:
            skipped.append(SkippedMarket(market.market_id, fault))
            continue
        found = list(_histories(market, freq, config))
        if found:
            histories += found
            n_markets += 1
        else:
            left_out[_COARSE if _is_coarse(market, freq) else _SHORT] += 1
    return Recorded(histories, n_markets, left_out, tuple(skipped))


def _fault(market: MarketSeries) -> str | None:
    if not 1 <= len(market.market_id) <= MAX_MARKET_ID_LENGTH:
        return "market_id: must have 1 to 256 characters"
    if ((market.prices < 0) | (market.prices > 1)).any():
        return "price: must lie in [0, 1]"
    first_s, last_s = market.times_s[0], market.times_s[-1]
    if not _FIRST_S <= first_s <= last_s < _END_S:
        return f"ts: must lie in the years {FIRST_YEAR} to {LAST_YEAR}"
    return None


def _histories(
    market: MarketSeries, freq: Frequency, config: PreparationConfig
) -> Iterator[History]:
    if _is_coarse(market, freq):
        return iter(())
    return histories_of(
        market.market_id,
        market.times_s,
        market.prices,
        step_s=freq.step_s,
        max_gap_s=60 * config.max_gap_minutes,
        facts=_facts(market.known),
    )


def _is_coarse(market: MarketSeries, freq: Frequency) -> bool:
    gaps_s = np.diff(market.times_s)
    return bool(gaps_s.size and np.median(gaps_s) > _COARSE_STEPS * freq.step_s)


def _facts(known: KnownMarket) -> MarketFacts:
    if known.end_s is None:
        return known.facts
    return replace(known.facts, closes_at=datetime.fromtimestamp(known.end_s, UTC))
