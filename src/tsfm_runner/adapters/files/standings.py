"""Read what speaks for each market: watchlists, alert candidates, volume, interest."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from tsfm_runner.adapters.files.market_facts import require_booleans
from tsfm_runner.adapters.files.points import ACTIVITY_NAMES, MARKET_NAMES, pick_column
from tsfm_runner.adapters.files.sources import MarketTable
from tsfm_runner.domain.standing import MarketStanding
from tsfm_runner.errors import UnreadableInputError

_CLAIMS = ("watchlist", "alert_candidate")
_VOLUMES = ("volume_24h", "volume")
_INTERESTS = ("open_interest",)
_SECONDS_PER_HOUR = 3_600
_COMMENT = "#"
_UNKNOWN = MarketStanding()


@dataclass(frozen=True, slots=True)
class NamedMarkets:
    """Markets that somebody wrote down: the watchlist, and candidates for alerts."""

    watched: frozenset[str] = frozenset()
    candidates: frozenset[str] = frozenset()

    def mark(self, market_id: str, standing: MarketStanding) -> MarketStanding:
        """Return the standing with what is written down of the market added."""
        return replace(
            standing,
            is_watched=standing.is_watched or market_id in self.watched,
            is_alert_candidate=standing.is_alert_candidate
            or market_id in self.candidates,
        )


def read_names(path: Path | None) -> frozenset[str]:
    """Return the market names of a file, one a line; None names nobody.

    Blank lines and lines that start with ``#`` are passed over. Raises
    ``UnreadableInputError`` when the file cannot be read.
    """
    if path is None:
        return frozenset()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8 text"
        raise UnreadableInputError(f"{path} cannot be read: {reason}") from exc
    lines = (line.strip() for line in text.splitlines())
    return frozenset(line for line in lines if line and not line.startswith(_COMMENT))


def read_standings(
    table: MarketTable, *, window_hours: float, now_s: float
) -> dict[str, MarketStanding]:
    """Return the standing of each market in the table's points.

    The columns ``watchlist`` and ``alert_candidate`` (true or false), ``volume_24h``
    or ``volume``, and ``open_interest`` of the table of markets say it. Where that
    names no volume, it is the sum of the points' own in a window that ends at the
    newest point of all, or now; where it names no open interest, the last of the
    points' own.

    Raises ``UnreadableInputError`` when a claim is no column of true and false.
    """
    listed = {} if table.markets is None else _read_listed(table.markets)
    window_s = window_hours * _SECONDS_PER_HOUR
    traded = _activity(table.points, window_s=window_s, now_s=now_s)
    return {
        market_id: _joined(listed.get(market_id, _UNKNOWN), volume, interest)
        for market_id, volume, interest in traded
    }


def _joined(
    listed: MarketStanding, volume: float | None, interest: float | None
) -> MarketStanding:
    return replace(
        listed,
        volume=_first_known(listed.volume, volume),
        open_interest=_first_known(listed.open_interest, interest),
    )


def _first_known(*amounts: float | None) -> float:
    known = (each for each in amounts if each is not None and not math.isnan(each))
    return next(known, math.nan)


def _read_listed(markets: pl.LazyFrame) -> dict[str, MarketStanding]:
    try:
        schema = markets.collect_schema()
        claims = [name for name in _CLAIMS if name in schema]
        require_booleans(schema, claims)
        market = pl.col(pick_column(schema, MARKET_NAMES)).cast(pl.String)
        columns = [*map(pl.col, claims), *_amounts(schema)]
        rows = markets.select(market.alias("market_id"), *columns).collect()
    except (pl.exceptions.PolarsError, OSError) as exc:
        reason = str(exc).partition("\n")[0]
        raise UnreadableInputError(f"the markets cannot be read: {reason}") from exc
    return {row["market_id"]: _standing(row) for row in rows.iter_rows(named=True)}


def _amounts(schema: pl.Schema) -> Iterator[pl.Expr]:
    for amount, names in (("volume", _VOLUMES), ("open_interest", _INTERESTS)):
        found = [name for name in names if name in schema]
        if found:
            number = pl.col(found[0]).cast(pl.Float64, strict=False)
            yield number.alias(amount)


def _standing(row: Mapping[str, Any]) -> MarketStanding:
    return MarketStanding(
        is_watched=bool(row.get("watchlist")),
        is_alert_candidate=bool(row.get("alert_candidate")),
        volume=_first_known(row.get("volume")),
        open_interest=_first_known(row.get("open_interest")),
    )


def _activity(
    points: pl.DataFrame, *, window_s: float, now_s: float
) -> Iterator[tuple[str, float | None, float | None]]:
    """Yield each market with its volume in the window and its last open interest."""
    nothing = [
        pl.lit(None, pl.Float64).alias(name)
        for name in ACTIVITY_NAMES
        if name not in points.columns
    ]
    known = points.with_columns(nothing).with_columns(
        pl.col(ACTIVITY_NAMES).fill_nan(None)
    )
    volume, interest, time_s = (pl.col(name) for name in (*ACTIVITY_NAMES, "time_s"))
    newest_s = pl.min_horizontal(pl.lit(points["time_s"].fill_nan(None).max()), now_s)
    recent = volume.filter(time_s > newest_s - window_s)
    # The sum of nothing is 0; only where no volume was ever told is it unknown.
    told = pl.when(volume.is_not_null().any()).then(recent.sum())
    by_market = known.group_by("market_id").agg(
        told.alias("volume"),
        interest.sort_by(time_s).drop_nulls().last().alias("open_interest"),
    )
    yield from by_market.sort("market_id").iter_rows()
