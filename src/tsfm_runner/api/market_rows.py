"""Markets as they stand now, in the words of the wire."""

import math
from collections.abc import Iterable

import msgspec

from tsfm_runner.api.answers import moment_text
from tsfm_runner.api.board_schemas import (
    BandAhead,
    BreachNow,
    CurrentBand,
    DriftEntry,
    MarketRow,
)
from tsfm_runner.domain.frequency import step_text
from tsfm_runner.domain.signals import BreachSignal
from tsfm_runner.domain.task import FloatArray
from tsfm_runner.service.board.bands import BandStep
from tsfm_runner.service.board.board import Board
from tsfm_runner.service.board.market import MarketStanding
from tsfm_runner.service.feed import DriftTold

_DECIMALS = 6
_SPARK_DECIMALS = 4

_encode = msgspec.json.Encoder().encode


class RowWriter:
    """Writes the rows of a board; a row is written once as long as it stays so."""

    def __init__(self) -> None:
        """Have written nothing yet."""
        self._written: dict[str, tuple[MarketStanding, bytes]] = {}

    def written(self, board: Board, market_ids: Iterable[str]) -> list[bytes]:
        """Return the JSON of the row of each market that is known."""
        standings = ((name, board.standing(name)) for name in market_ids)
        rows = [self._row(name, one) for name, one in standings if one is not None]
        if len(self._written) > 2 * board.n_markets:
            for market_id in self._written.keys() - set(board.market_ids()):
                del self._written[market_id]
        return rows

    def __len__(self) -> int:
        """Return how many rows are kept: at most twice as many as there are."""
        return len(self._written)

    def _row(self, market_id: str, standing: MarketStanding) -> bytes:
        known = self._written.get(market_id)
        if known is not None and known[0] is standing:
            return known[1]
        row = _encode(market_row(standing))
        self._written[market_id] = (standing, row)
        return row


def market_rows(board: Board, market_ids: Iterable[str]) -> list[MarketRow]:
    """Return the row of each market that is known."""
    standings = map(board.standing, market_ids)
    return [market_row(one) for one in standings if one is not None]


def market_row(standing: MarketStanding) -> MarketRow:
    """Return how one market stands."""
    served = standing.served
    task, origin = served.task, served.provenance
    return {
        "market_id": task.market_id,
        "category": task.facts.category,
        "event_id": task.facts.event_id,
        "freq": task.freq.text,
        "as_of_ts": moment(standing.ts_s),
        "price": round(standing.price, _DECIMALS),
        "spark": known_or_none(standing.recent, _SPARK_DECIMALS),
        "current": _current(standing),
        "ahead": _ahead(standing.ahead),
        "breach": None if standing.breach is None else _breach(standing.breach),
        "is_stale": standing.is_stale,
        "stale_after": moment(standing.stale_after_s),
        "is_closed": standing.is_closed,
        "status": served.certificate.status,
        "segment": served.certificate.segment,
        "runtime": origin.runtime,
        "model_name": origin.model_name,
        "fallback_reason": origin.fallback_reason,
        "warnings": list(origin.warnings),
        "updated_at": moment_text(standing.updated_at_s),
    }


def moment(epoch_s: float) -> str:
    """Return a moment of the market's own time, as short as it can be."""
    return moment_text(epoch_s, timespec="auto")


def known_or_none(prices: FloatArray, decimals: int) -> list[float | None]:
    """Return prices with None where there is none."""
    plain = prices.round(decimals)
    if not math.isnan(plain @ plain):
        return list(plain.tolist())
    return [None if y != y else y for y in plain.tolist()]  # noqa: PLR0124 - NaN


def _current(standing: MarketStanding) -> CurrentBand | None:
    band, price, p_value = standing.current, standing.price, standing.p_value
    if band is None:
        return None
    return {
        "lower": round(band.lower, _DECIMALS),
        "median": _rounded(band.median),
        "upper": round(band.upper, _DECIMALS),
        "coverage": band.coverage,
        "step": band.step,
        "issued_at": moment(band.issued_at_s),
        "position": round(band.position_of(price), _SPARK_DECIMALS),
        "p_value": _rounded(p_value),
        "is_outside": band.is_left_by(price),
    }


def _ahead(band: BandStep) -> BandAhead:
    return {
        "ts": moment(band.ts_s),
        "lower": round(band.lower, _DECIMALS),
        "median": _rounded(band.median),
        "upper": round(band.upper, _DECIMALS),
        "coverage": band.coverage,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DECIMALS)


def _breach(breach: BreachSignal) -> BreachNow:
    return {
        "state": "open" if breach.is_open else "cooldown",
        "severity": breach.severity,
        "direction": breach.direction,
        "n_steps": breach.n_steps,
        "opened_at": moment(breach.opened_at_s),
        "dedupe_key": breach.dedupe_key,
    }


def drift_entry(told: DriftTold) -> DriftEntry:
    """Return one drift, with the time when it was found."""
    drift = told.drift
    return {
        "at": moment_text(told.at_s),
        "model_name": drift.stream.model_name,
        "model_version": drift.stream.model_version,
        "freq": step_text(drift.stream.step_s),
        "segment": drift.segment,
        "step": drift.step,
        "miss_rate": round(drift.miss_rate, _DECIMALS),
        "inside_rate": round(drift.inside_rate, _DECIMALS),
    }
