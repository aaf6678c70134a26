"""The board of markets: hears of every answer, shows how each market stands."""

import math
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Protocol

from tsfm_runner.config import PagesConfig, SignalsConfig
from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.domain.signals import BreachSignal, Judgement
from tsfm_runner.ports import Clock
from tsfm_runner.service.board.bands import IssuedBand
from tsfm_runner.service.board.market import Market, MarketStanding, Prices
from tsfm_runner.service.board.signals import Signals
from tsfm_runner.service.calibration.points import MarketPoints

_MOST_AHEAD_S = 600  # clocks differ; what is from further ahead is no news
_CLOSED_SHOWN_S = 3_600
_OVERHEAD_BYTES = 8_000  # of the objects around the arrays, with bands before them


class Notices(Protocol):
    """Hears that there is something new to look at."""

    def market_changed(self, market_id: str) -> None:
        """Hear that there is news of a market."""
        ...


class Board:
    """Keeps what is newest of each market, and works out nothing until it is asked.

    The answer with the newest ``cutoff`` is shown, whatever its frequency; of two
    with the same one, that which was computed last. One that comes late is no news.
    A market takes a few kilobytes and the arrays of one task and its answer.
    """

    def __init__(
        self,
        pages: PagesConfig,
        config: SignalsConfig,
        *,
        signals: Signals,
        notices: Notices,
        wall_clock: Clock,
    ) -> None:
        """Know of no market yet."""
        self._pages = pages
        self._stale_steps = config.stale_steps + 1
        self._signals = signals
        self._notices = notices
        self._wall_clock = wall_clock
        self._markets: OrderedDict[str, Market] = OrderedDict()
        self._n_bytes = 0

    def answered(self, served: ServedForecast) -> None:
        """Hear of an answer that was computed just now."""
        task, now_s, n_bytes = served.task, self._wall_clock(), _n_bytes(served)
        market_id = task.market_id
        market = self._markets.get(market_id)
        if market is None:
            market = self._markets[market_id] = Market(served, now_s, n_bytes)
            self._n_bytes += n_bytes
        elif task.cutoff >= market.served.task.cutoff or _is_ahead(market, now_s):
            self._n_bytes += n_bytes - market.n_bytes
            market.renew(served, now_s, n_bytes)
            self._markets.move_to_end(market_id)
        else:
            return
        if len(self._markets) > self._pages.max_markets or (
            self._n_bytes > self._pages.max_bytes
        ):
            self._let_go()
        self._notices.market_changed(market_id)

    def observed(self, points: Iterable[MarketPoints]) -> None:
        """Hear of prices that were told without asking for a forecast."""
        now_s = self._wall_clock()
        for told in points:
            market = self._markets.get(told.market_id)
            if market is None:
                continue
            latest_s = now_s + _ahead_s(market.served.task.freq)
            if market.tell(told, now_s=now_s, latest_s=latest_s):
                self._notices.market_changed(told.market_id)

    @property
    def n_markets(self) -> int:
        """How many markets are known."""
        return len(self._markets)

    def market_ids(self) -> Sequence[str]:
        """Return the markets, those first that were not forecast for longest.

        Those that closed an hour ago, or longer, are gone.
        """
        oldest_s = self._wall_clock() - _CLOSED_SHOWN_S
        for market_id, market in list(self._markets.items()):
            if max(_closes_at_s(market), market.updated_at_s) < oldest_s:
                self._drop(market_id)
        return list(self._markets)

    def standing(self, market_id: str) -> MarketStanding | None:
        """Return how a market stands, None if it is not known.

        As long as it stands the same, the same object is returned.
        """
        market = self._markets.get(market_id)
        if market is None:
            return None
        now_s = self._wall_clock()
        breach, shown = self._signals.standing(market_id), market.shown
        is_over = now_s >= market.shown_until_s
        # How unusual a price is does not change until the next one comes.
        if shown is None or is_over or shown.breach is not breach:
            shown = market.shown = self._shown(market, breach, now_s)
        return shown

    def history(self, market_id: str) -> Prices | None:
        """Return all prices that are known of a market, None if it is not known."""
        market = self._markets.get(market_id)
        return None if market is None else market.prices()

    def _shown(
        self, market: Market, breach: BreachSignal | None, now_s: float
    ) -> MarketStanding:
        task = market.served.task
        ts_s, price = market.newest
        judgement = self._signals.judgement(task.market_id)
        stale_after_s = ts_s + self._stale_steps * task.freq.step_s
        closes_at_s = _closes_at_s(market)
        changes_s = (at_s for at_s in (stale_after_s, closes_at_s) if at_s > now_s)
        market.shown_until_s = min(changes_s, default=math.inf)
        return MarketStanding(
            served=market.served,
            ts_s=ts_s,
            price=price,
            recent=market.recent,
            current=market.band_for(ts_s),
            ahead=IssuedBand.of(market.served).last,
            p_value=_p_value(judgement, ts_s),
            breach=breach,
            is_stale=stale_after_s <= now_s,
            is_closed=closes_at_s <= now_s,
            stale_after_s=stale_after_s,
            updated_at_s=market.updated_at_s,
        )

    def _let_go(self) -> None:
        """Let those go that were not forecast for longest, down to the bounds."""
        while len(self._markets) > self._pages.max_markets or (
            self._n_bytes > self._pages.max_bytes and len(self._markets) > 1
        ):
            self._drop(next(iter(self._markets)))

    def _drop(self, market_id: str) -> None:
        self._n_bytes -= self._markets.pop(market_id).n_bytes


def _n_bytes(served: ServedForecast) -> int:
    """Return how much memory an answer takes, with its series."""
    task = served.task
    n_bytes = task.context.nbytes
    if task.past_covariates or task.times_s is not None:
        n_bytes = task.n_bytes
    return n_bytes + 2 * served.values.nbytes + _OVERHEAD_BYTES


def _p_value(judgement: Judgement | None, ts_s: float) -> float | None:
    """Return the p-value of a judgement if it is about the price of that time."""
    if judgement is None or judgement.ts_s != ts_s:
        return None
    return judgement.p_value


def _is_ahead(market: Market, now_s: float) -> bool:
    """Return whether an answer is from so far ahead that any other is newer."""
    task = market.served.task
    return task.cutoff.timestamp() > now_s + _ahead_s(task.freq)


def _ahead_s(freq: Frequency) -> float:
    return max(_MOST_AHEAD_S, freq.step_s)


def _closes_at_s(market: Market) -> float:
    closes_at = market.served.task.facts.closes_at
    return math.inf if closes_at is None else closes_at.timestamp()
