"""Recorded markets, each one checked: what ``evaluate`` learns from and judges by."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from narwhals.typing import IntoDataFrame

from tsfm_runner.adapters.files.cadence import (
    COARSE,
    is_coarse,
    mixed_cadences,
    native_step,
)
from tsfm_runner.adapters.files.faults import fault_of
from tsfm_runner.adapters.files.listing import (
    SELECTED,
    UNLISTED,
    Listing,
    groups_of,
    of_some_groups,
    scheduled_facts,
    with_scheduled_ends,
)
from tsfm_runner.adapters.files.recorded import RecordedTables, open_recorded
from tsfm_runner.adapters.files.series import (
    MarketSeries,
    SkippedMarket,
    split_markets,
)
from tsfm_runner.config import PreparationConfig
from tsfm_runner.domain.frequency import MIN_STEP_S, Frequency
from tsfm_runner.domain.recording import RecordedMarket
from tsfm_runner.errors import UnreadableInputError

_EMPTY = "price: there is none"
_UNKNOWN = "price: must have at least one value that is known"
_MIXED = "ts: must keep to one cadence"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of a recording is studied, at which step.

    Without a ``freq`` each market is studied at the step nearest to its own cadence.
    ``where`` names columns of the markets that must be true; of ``n_groups`` so many
    are drawn at random by the ``seed``.
    """

    freq: Frequency | None = None
    where: tuple[str, ...] = ()
    n_groups: int | None = None
    seed: int = 1
    min_points: int = 30


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Markets to be studied, in order of their names, and those that are not.

    ``left_out`` counts, by reason, those that would tell nothing or something wrong;
    ``skipped`` are those that cannot be used, with what is wrong with each, and tables
    that cannot be read. ``fingerprint`` is the SHA-256 of all that is used of the
    markets, in whatever file or order it stood.
    """

    name: str
    markets: tuple[RecordedMarket, ...]
    skipped: tuple[SkippedMarket, ...]
    left_out: Counter[str]
    questions: Mapping[str, str]
    fingerprint: str


def read_recording(
    source: Path | IntoDataFrame, wanted: Wanted, config: PreparationConfig
) -> Recording:
    """Read the markets of a folder, of tables or of a data frame.

    Raises ``UnreadableInputError`` when nothing in it can be studied.
    """
    tables = open_recorded(source, where=wanted.where, config=config)
    left_out: Counter[str] = Counter()
    groups = _groups(tables, left_out)
    chosen = of_some_groups(groups, wanted.n_groups, seed=wanted.seed)
    known = with_scheduled_ends(tables.points, tables.known, tables.listings)
    points = tables.points.filter(pl.col("market_id").is_in(chosen))
    markets: list[RecordedMarket] = []
    skipped = _without_points(chosen, points)
    for market in split_markets(points, known):
        if isinstance(market, SkippedMarket):
            skipped.append(market)
        elif fault := _fault(market, wanted.freq):
            skipped.append(fault)
        elif reason := _reason_to_leave_out(market, wanted):
            left_out[reason] += 1
        else:
            listing = tables.listings.get(market.market_id, UNLISTED)
            group = groups[market.market_id]
            markets.append(_recorded(market, group, listing.source, wanted.freq))
    skipped.sort(key=lambda one: one.market_id)
    skipped = [*tables.unread, *skipped]
    if not markets:
        reasons = [*left_out, *(one.told for one in skipped[:1])]
        told = "; ".join(reasons) or "there are no points"
        raise UnreadableInputError(f"{tables.name} holds nothing to evaluate: {told}")
    return Recording(
        name=tables.name,
        markets=tuple(markets),
        skipped=tuple(skipped),
        left_out=left_out,
        questions=_questions(markets, tables.listings),
        fingerprint=_fingerprint(markets),
    )


def _groups(tables: RecordedTables, left_out: Counter[str]) -> dict[str, str]:
    """Return the group of each market, but of those selected on their outcome."""
    names = set(tables.points["market_id"].unique())
    if tables.is_listed:
        names |= set(tables.known)
    selected = {
        name for name in names if tables.listings.get(name, UNLISTED).is_selected
    }
    if selected:
        left_out[SELECTED] = len(selected)
    return groups_of(sorted(names - selected), tables.known, tables.listings)


def _without_points(chosen: Sequence[str], points: pl.DataFrame) -> list[SkippedMarket]:
    recorded = set(points["market_id"].unique())
    return [SkippedMarket(name, _EMPTY) for name in chosen if name not in recorded]


def _fault(market: MarketSeries, freq: Frequency | None) -> SkippedMarket | None:
    """Return what is wrong with a market; None where nothing is."""
    fault = fault_of(market)
    if fault is not None:
        return fault
    if not np.isfinite(market.prices).any():
        return SkippedMarket(market.market_id, _UNKNOWN)
    least_s = MIN_STEP_S if freq is None else freq.step_s
    mixed = mixed_cadences(market.times_s, step_s=least_s)
    if mixed is None:
        return None
    found = "every {:g} s, elsewhere every {:g} s".format(*mixed)
    return SkippedMarket(market.market_id, _MIXED, found)


def _reason_to_leave_out(market: MarketSeries, wanted: Wanted) -> str | None:
    """Return why a sound market would tell nothing; None where it would."""
    freq = wanted.freq
    if freq is not None and is_coarse(market.times_s, step_s=freq.step_s):
        return COARSE
    if np.isfinite(market.prices).sum() < wanted.min_points:
        return f"fewer than {wanted.min_points} prices"
    return None


def _recorded(
    market: MarketSeries, group: str, source: str, freq: Frequency | None
) -> RecordedMarket:
    times_s, known = market.times_s, market.known
    return RecordedMarket(
        market_id=market.market_id,
        times_s=times_s,
        prices=market.prices,
        step_s=freq.step_s if freq else native_step(times_s, known.cadence_s),
        group=group,
        source=source,
        facts=scheduled_facts(known),
    )


def _questions(
    markets: Sequence[RecordedMarket], listings: Mapping[str, Listing]
) -> dict[str, str]:
    listed = ((one.market_id, listings.get(one.market_id)) for one in markets)
    return {name: one.question for name, one in listed if one and one.question}


def _fingerprint(markets: Sequence[RecordedMarket]) -> str:
    """Return the SHA-256 of markets, the same for the same values in any file."""
    digest = hashlib.sha256()
    for market in markets:
        facts = market.facts
        closes_at = facts.closes_at and facts.closes_at.isoformat()
        told = [
            *(market.market_id, market.group, market.source, market.times_s.size),
            *(facts.category, facts.event_id, facts.tick_size, closes_at),
        ]
        digest.update(json.dumps(told).encode())
        digest.update(market.times_s.astype("<f8").tobytes())
        is_unknown = np.isnan(market.prices)  # there is more than one NaN, and one -0
        prices = np.where(is_unknown, np.nan, market.prices + 0.0)
        digest.update(prices.astype("<f8").tobytes())
    return digest.hexdigest()
