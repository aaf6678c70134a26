"""What a table of markets says of each besides its facts: whether and how to use it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import polars as pl

from tsfm_runner.adapters.files.points import (
    MARKET_NAMES,
    pick_column,
    readable,
    text_column,
)
from tsfm_runner.adapters.files.series import KnownMarket
from tsfm_runner.domain.task import MarketFacts

LISTED_NAMES = ("source", "split_group", "selected_on_outcome", "question")
SELECTED = "selected on its outcome"

_SAME_TIME_S = 1.0
_SURPRISING_SHARE = 0.9
_NOT_KNOWN = KnownMarket()


@dataclass(frozen=True, slots=True)
class Listing:
    """Where a market comes from, what it depends on, and how it came to be here.

    ``group`` is the unit of independence where the table has one; ``is_selected``
    markets were chosen by how they ended, so that nothing can be learned from them.
    """

    source: str = ""
    group: str | None = None
    is_selected: bool = False
    question: str | None = None


UNLISTED = Listing()


def read_listings(table: pl.LazyFrame) -> dict[str, Listing]:
    """Return what a table of markets says of each, absent columns being unknown.

    Raises ``UnreadableInputError`` when the table is broken.
    """
    with readable("the markets"):
        schema = table.collect_schema()
        market = pl.col(pick_column(schema, MARKET_NAMES)).cast(pl.String)
        names = [name for name in LISTED_NAMES if name in schema]
        columns = [text_column(schema, name) for name in names]
        rows = table.select(market.alias("market_id"), *columns).collect()
    return {
        row["market_id"]: Listing(
            row.get("source") or "",
            row.get("split_group"),
            (row.get("selected_on_outcome") or "").lower() in {"true", "1", "1.0"},
            row.get("question"),
        )
        for row in rows.iter_rows(named=True)
    }


def groups_of(
    names: Iterable[str],
    known: Mapping[str, KnownMarket],
    listings: Mapping[str, Listing],
) -> dict[str, str]:
    """Return the unit of independence of each market: group, event, or itself."""
    return {
        name: listings.get(name, UNLISTED).group
        or known.get(name, _NOT_KNOWN).facts.event_id
        or name
        for name in names
    }


def of_some_groups(
    groups: Mapping[str, str], n_groups: int | None, *, seed: int
) -> list[str]:
    """Return the markets of so many groups, drawn at random; None: of all."""
    drawable = sorted(set(groups.values()))
    if n_groups is None or n_groups >= len(drawable):
        return list(groups)
    drawn = np.random.default_rng(seed).choice(drawable, n_groups, replace=False)
    kept = set(drawn.tolist())
    return [name for name, group in groups.items() if group in kept]


def with_scheduled_ends(
    points: pl.DataFrame,
    known: Mapping[str, KnownMarket],
    listings: Mapping[str, Listing],
) -> dict[str, KnownMarket]:
    """Return what is known of each market, without ends that nobody knew before.

    Where nearly all markets of a source end at their own last point, the end is not
    a schedule but where the recording stopped.
    """
    newest = dict(points.group_by("market_id").agg(pl.max("time_s")).iter_rows())
    ends: dict[str, list[bool]] = {}
    for name, one in known.items():
        if one.end_s is not None and newest.get(name) is not None:
            source = listings.get(name, UNLISTED).source
            is_last = abs(one.end_s - newest[name]) <= _SAME_TIME_S
            ends.setdefault(source, []).append(is_last)
    surprising = {
        source
        for source, are_last in ends.items()
        if sum(are_last) >= _SURPRISING_SHARE * len(are_last)
    }
    return {
        name: replace(one, end_s=None)
        if listings.get(name, UNLISTED).source in surprising
        else one
        for name, one in known.items()
    }


def scheduled_facts(known: KnownMarket) -> MarketFacts:
    """Return the facts of a market with its scheduled end."""
    if known.end_s is None:
        return known.facts
    try:
        closes_at = datetime.fromtimestamp(known.end_s, UTC)
    except (OverflowError, OSError, ValueError):  # no time that a calendar has
        return known.facts
    return replace(known.facts, closes_at=closes_at)
