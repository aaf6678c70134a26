"""Simulated markets that open, move, fall silent and close, without end."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from tsfm_runner.testing.markets.news import News, with_news
from tsfm_runner.testing.markets.normal import FloatArray
from tsfm_runner.testing.markets.simulation import MarketListing, simulate_markets

LIFE_STEPS = 480
NEW_AGE = 12
_AGES = (300, 460)  # of markets that are there from the first step on
_DRAWN_PER_MARKET = 8
_MOST_OF_AN_EVENT = 2
_UNDECIDED = 0.05  # a price this near to 0 or 1 has little left to tell
_NEWS_EVERY = (3, 8)
_NEWS_SIZES = (0.12, 0.3)
_NEWS_KEPT_FOR = 36  # steps without other news of the market
_ONWARD = (0.6, 0.6, 0.0, -0.9)  # it goes on, stays, or was a false alarm
_DRIFT = News(0, size=0.02, onward=12.0, n_steps=30)
_DRIFT_CHANCE = 0.15
_SILENCE_EVERY, _SILENCE_STEPS, _FIRST_SILENCE = 60, 40, 40


class Sighting(NamedTuple):
    """What an open market has shown up to a step."""

    listing: MarketListing
    prices: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class _Life:
    """A market from its first price, at ``first_step``, to its last."""

    listing: MarketListing
    prices: FloatArray
    first_step: int
    news_step: int

    def age(self, step: int) -> int:
        return step - self.first_step

    def is_open(self, step: int) -> bool:
        return self.age(step) < self.prices.size

    def may_have_news(self, step: int) -> bool:
        is_calm = step >= self.news_step + _NEWS_KEPT_FOR
        return is_calm and self.is_open(step + _NEWS_KEPT_FOR)


class LivingMarkets:
    """Markets that go on for as long as they are watched, in a bound of memory.

    Some leap at news, some drift, one at a time falls silent, and the first of those
    that are drawn together is low in liquidity. Who closes makes room for a new one.
    One seed, one course of things, whatever time it starts at.
    """

    def __init__(
        self, n_markets: int, *, seed: int, start: datetime, step_s: int = 300
    ) -> None:
        """Begin one step before ``start``, with markets of different ages."""
        self._n_markets, self._seed = n_markets, seed
        self._start, self._step_s = start, step_s
        self._rng = np.random.default_rng(seed)
        self._seeds, self._names = count(seed), count(1)
        self._step, self._news_step = -1, 0
        self._drawn: list[_Life] = self._draw()
        ages = np.linspace(*_AGES, n_markets, dtype=int)
        self._open = [self._born(int(age)) for age in self._rng.permutation(ages)]

    @property
    def now(self) -> datetime:
        """The time of the newest prices."""
        return self._time_of(self._step)

    def advance(self) -> list[Sighting]:
        """Go on by one step; return every market that has a price there."""
        self._step += 1
        for place, life in enumerate(self._open):
            if not life.is_open(self._step):
                self._open[place] = self._born(NEW_AGE)
        self._strike()
        silent = self._silent_place()
        return [
            Sighting(life.listing, life.prices[: life.age(self._step) + 1])
            for place, life in enumerate(self._open)
            if place != silent
        ]

    def _strike(self) -> None:
        """Let news come to a market, if it is time."""
        if self._step < self._news_step:
            return
        self._news_step = self._step + int(self._rng.integers(*_NEWS_EVERY))
        calm = [
            place
            for place, life in enumerate(self._open)
            if life.may_have_news(self._step) and life.listing.liquidity_bucket != "low"
        ]
        if calm:
            place = int(self._rng.choice(calm))
            self._open[place] = self._with_news(self._open[place])

    def _with_news(self, life: _Life) -> _Life:
        at = life.age(self._step)
        size = self._rng.uniform(*_NEWS_SIZES)
        onward = float(self._rng.choice(_ONWARD))
        news = News(at, size, onward)
        if self._rng.random() < _DRIFT_CHANCE:
            news = _DRIFT._replace(at=at)
        is_down = self._rng.random() < life.prices[at]
        news = news._replace(size=-news.size if is_down else news.size)
        prices = with_news(life.prices, news, tick=life.listing.tick_size)
        return replace(life, prices=prices, news_step=self._step)

    def _silent_place(self) -> int | None:
        turn, step = divmod(self._step - _FIRST_SILENCE, _SILENCE_EVERY)
        if turn < 0 or step >= _SILENCE_STEPS:
            return None
        return turn % self._n_markets

    def _born(self, age: int) -> _Life:
        """Take a market that is so many steps old now."""
        if not self._drawn:
            self._drawn = self._draw()
        life = self._drawn.pop(0)
        first = max(self._step, 0) - age
        name = f"{life.listing.category}-{next(self._names):04d}"
        closes_at = self._time_of(first + LIFE_STEPS)
        listing = replace(life.listing, market_id=name, closes_at=closes_at)
        return replace(life, listing=listing, first_step=first)

    def _draw(self) -> list[_Life]:
        """Simulate the next markets, as many of one category as of another."""
        found: list[tuple[int, _Life]] = []
        while not found:
            n_of: Counter[str] = Counter()
            for life in self._simulated(next(self._seeds)):
                n_of[life.listing.category] += 1
                found.append((n_of[life.listing.category], life))
        found.sort(key=itemgetter(0))
        first, *others = [life for _, life in found[: self._n_markets]]
        low = replace(first.listing, liquidity_bucket="low")
        return [replace(first, listing=low), *others]

    def _simulated(self, seed: int) -> Iterator[_Life]:
        """Yield markets with something left to tell, a few of each event."""
        markets = simulate_markets(
            _DRAWN_PER_MARKET * self._n_markets,
            n_steps=LIFE_STEPS,
            step_s=self._step_s,
            seed=seed,
            end=self._start,
        )
        n_of: Counter[str] = Counter()
        for listing, prices in zip(markets.listings, markets.prices, strict=True):
            is_open = _UNDECIDED < prices[_AGES[0]] < 1 - _UNDECIDED
            if is_open and n_of[listing.event_id] < _MOST_OF_AN_EVENT:
                n_of[listing.event_id] += 1
                yield _Life(listing, prices, 0, -_NEWS_KEPT_FOR)

    def _time_of(self, step: int) -> datetime:
        return self._start + timedelta(seconds=self._step_s * step)
