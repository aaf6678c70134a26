"""The markets of one cycle: read anew, ranked, and asked in that order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tsfm_runner.adapters.files.series import SkippedMarket, split_markets
from tsfm_runner.adapters.files.sources import MarketTable, RequestDocuments
from tsfm_runner.adapters.files.standings import (
    NamedMarkets,
    read_names,
    read_standings,
)
from tsfm_runner.adapters.files.tasks import Question, ask_each
from tsfm_runner.cli.forecast_input import open_place, read_each, split_documents
from tsfm_runner.config import Settings
from tsfm_runner.domain.standing import MarketStanding
from tsfm_runner.domain.task import ForecastTask
from tsfm_runner.errors import UnreadableInputError
from tsfm_runner.service.ranking import most_important


@dataclass(frozen=True, slots=True)
class Wanted:
    """What every cycle reads and asks; nothing here changes between two of them.

    ``place`` is how messages name the input, and where it is unless its content
    is handed in.
    """

    place: str
    where: Sequence[str]
    watchlist: Path | None
    candidates: Path | None
    question: Question
    settings: Settings


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """The markets of one cycle, best first, out of all that were seen."""

    items: Sequence[ForecastTask | SkippedMarket]
    standings: Sequence[MarketStanding]
    n_seen: int
    watched_absent: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Field:
    """All that is in the input: names, standings, and how to ask some of them."""

    market_ids: Sequence[str]
    standings: Sequence[MarketStanding]
    ask: Callable[[Sequence[int]], Sequence[ForecastTask | SkippedMarket]]


def choose(wanted: Wanted, content: bytes | None, *, now_s: float) -> Chosen:
    """Choose the most important markets of the content, or of what the place names.

    Raises ``UnreadableInputError`` when nothing can be made of it, and
    ``InvalidTaskError`` for a question that requests cannot be asked.
    """
    named = NamedMarkets(read_names(wanted.watchlist), read_names(wanted.candidates))
    config = wanted.settings.preparation
    try:
        source = open_place(wanted.place, content, where=wanted.where, config=config)
    except OSError as exc:  # it was there a moment ago
        told = f"{wanted.place} cannot be read: {exc.strerror}"
        raise UnreadableInputError(told) from exc
    field = (
        _tabled(source, wanted, now_s=now_s)
        if isinstance(source, MarketTable)
        else _requested(source, wanted)
    )
    standings = list(map(named.mark, field.market_ids, field.standings))
    places = most_important(field.market_ids, standings, wanted.settings.cycle)
    absent = named.watched.difference(field.market_ids)
    return Chosen(
        items=field.ask(places),
        standings=[standings[place] for place in places],
        n_seen=len(standings),
        watched_absent=tuple(sorted(absent)),
    )


def _tabled(source: MarketTable, wanted: Wanted, *, now_s: float) -> _Field:
    hours = wanted.settings.cycle.volume_window_hours
    standings = read_standings(source, window_hours=hours, now_s=now_s)
    market_ids = list(standings)

    def ask(places: Sequence[int]) -> list[ForecastTask | SkippedMarket]:
        names = [market_ids[place] for place in places]
        points = source.points.filter(pl.col("market_id").is_in(names))
        asked = ask_each(split_markets(points, source.known), wanted.question)
        by_name = {item.market_id: item for item in asked}
        return [by_name[name] for name in names]

    return _Field(market_ids, list(standings.values()), ask)


def _requested(source: RequestDocuments, wanted: Wanted) -> _Field:
    documents = split_documents(source, wanted.place, wanted.question)
    task, model = wanted.settings.task, wanted.question.model
    items = list(read_each(documents, task, model))
    return _Field(
        [item.market_id for item in items],
        [MarketStanding()] * len(items),
        lambda places: [items[place] for place in places],
    )
