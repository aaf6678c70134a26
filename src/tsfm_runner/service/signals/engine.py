"""Watches every market, and tells of each breach what happens to it."""

import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from tsfm_runner.config import SignalsConfig
from tsfm_runner.domain.signals import (
    BreachSignal,
    FollowThrough,
    Judgement,
)
from tsfm_runner.service.calibration.pending import Ended
from tsfm_runner.service.calibration.points import MarketPoints
from tsfm_runner.service.calibration.scoring import Learned
from tsfm_runner.service.calibration.streams import Stream
from tsfm_runner.service.grouping import grouped
from tsfm_runner.service.signals.cycles import Cycle
from tsfm_runner.service.signals.episodes import Episode
from tsfm_runner.service.signals.following import Following
from tsfm_runner.service.signals.references import References
from tsfm_runner.service.signals.trials import MarketKey, Trial, trial_of, trials_of

NO_CLOSINGS: Mapping[str, float | None] = MappingProxyType({})
_SWEEP_INTERVAL_S = 60.0
_MOST_AHEAD_S = 600.0  # clocks differ; a price from further ahead is none of now


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an engine may keep, and the id from which its signals are numbered."""

    max_markets: int
    first_id: int = 1


class SignalEngine:
    """Turns prices into signals as they come; knows how each market stands now.

    What is returned is in order of id, and each id is given once.
    """

    def __init__(
        self, config: SignalsConfig, references: References, bounds: Bounds
    ) -> None:
        """Start with no market; ``references`` say what false alarms are like."""
        self.config = config
        self.references = references
        self._next_id = bounds.first_id
        self._max_markets = bounds.max_markets
        self._episodes: OrderedDict[MarketKey, Episode] = OrderedDict()
        self._newest: dict[str, Trial] = {}
        self._cycles: dict[int, Cycle] = {}
        self._following: dict[str, dict[str, Following]] = {}
        self._told: list[BreachSignal] = []
        self._swept_s = -math.inf

    @property
    def open_breaches(self) -> list[BreachSignal]:
        """Every breach that is open now."""
        episodes = self._episodes.values()
        return [one.open for one in episodes if one.open is not None]

    @property
    def n_watched(self) -> int:
        """How many markets there were in the newest cycle of each step."""
        return sum(cycle.n_tests for cycle in self._cycles.values())

    def judgement(self, market_id: str) -> Judgement | None:
        """Return how the newest price of a market stood to its band, if it had one."""
        trial = self._newest.get(market_id)
        if trial is None:
            return None
        episode = self._episodes[trial.key]
        is_outside = trial.far_p_value <= self.config.enter_p
        return Judgement(
            market_id,
            trial.ts_s,
            trial.price,
            trial.p_value,
            episode.n_outside if is_outside else 0,
            trial.band,
        )

    def standing(self, market_id: str) -> BreachSignal | None:
        """Return the breach of a market that is open, or was until a cool-down ago."""
        trial = self._newest.get(market_id)
        if trial is None:
            return None
        episode = self._episodes[trial.key]
        last = episode.last
        if episode.open is not None or last is None or last.closed_at_s is None:
            return episode.open
        now_s = max(trial.ts_s, self._swept_s)
        is_cooling = now_s < last.closed_at_s + self.config.cooldown_s
        return last if is_cooling else None

    def restore(
        self,
        breaches: Iterable[BreachSignal],
        closings_s: Mapping[str, float | None] = NO_CLOSINGS,
        *,
        now_s: float,
    ) -> None:
        """Go on with breaches of a process before, of each the newest known.

        ``closings_s`` says when markets close, where that is known.
        """
        # What came of an older breach may be known later than that a newer opened.
        for signal in sorted(breaches, key=lambda one: one.opened_at_s):
            trial = trial_of(signal)
            episode = self._episodes.get(trial.key)
            if episode is None:
                episode = self._episode(trial.key, trial.ts_s)
            self._report_all(episode.resume(signal, now_s), now_s)
            episode.closes_at_s = closings_s.get(signal.market_id)
            self._know(trial)
            if signal.follow_through is None:
                self._follow(signal, seen_s=signal.opened_at_s)

    def observe(
        self,
        ended: Sequence[Ended],
        learned_of: Callable[[Stream], Learned],
        *,
        now_s: float,
    ) -> list[BreachSignal]:
        """Take new prices that ended steps of bands; return what they bring about."""
        if not self.config.enabled:
            return []
        return self.judge(trials_of(ended, learned_of, self.config), now_s=now_s)

    def judge(self, trials: Sequence[Trial], *, now_s: float) -> list[BreachSignal]:
        """Take new prices that were held against their bands; in order of time."""
        trials = [one for one in trials if one.ts_s <= _latest_s(one.key.step_s, now_s)]
        for step_s, _, alike in grouped(trials, lambda trial: trial.key.step_s):
            for grid_time, _, together in grouped(
                alike, lambda trial: int(trial.ts_s // trial.key.step_s)
            ):
                self._judge_together(step_s, grid_time, together, now_s)
        if now_s - self._swept_s > _SWEEP_INTERVAL_S:
            self._sweep(now_s)
        return self._drained()

    def _judge_together(
        self, step_s: int, grid_time: int, trials: Sequence[Trial], now_s: float
    ) -> None:
        new = [trial for trial in trials if self._is_new(trial, now_s)]
        for trial in new:
            self._know(trial)
            self._report_all(self._episodes[trial.key].meet(trial), now_s)
        # Who is outside already is not tested anew: others would pass beside it.
        tests = [trial for trial in new if self._episodes[trial.key].open is None]
        cycle = self._cycles.setdefault(step_s, Cycle(self.config, step_s))
        cycle.join(grid_time, tests)
        for trial, q_value in cycle.q_values(self.references):
            episode = self._episodes[trial.key]
            self._report_all(episode.enter(trial, q_value, now_s), now_s)
        self.references.learn_from(tests)

    def _know(self, trial: Trial) -> None:
        newest = self._newest.get(trial.key.market_id)
        if newest is None or newest.ts_s <= trial.ts_s:
            self._newest[trial.key.market_id] = trial

    def _is_new(self, trial: Trial, now_s: float) -> bool:
        """Whether a market is told something newer, and still open."""
        episode = self._episodes.get(trial.key)
        if episode is not None and trial.ts_s <= episode.ts_s:
            return False
        if episode is None:
            episode = self._episode(trial.key, trial.ts_s)
        self._episodes.move_to_end(trial.key)
        episode.closes_at_s = trial.closes_at_s
        if not episode.has_closed(trial.ts_s):
            return True
        episode.ts_s = trial.ts_s
        self._report_all(episode.end(0.0), now_s)
        return False

    def _episode(self, key: MarketKey, ts_s: float) -> Episode:
        episode = self._episodes[key] = Episode(self.config, ts_s)
        return episode

    def hear(
        self, points: Sequence[MarketPoints], *, now_s: float
    ) -> list[BreachSignal]:
        """Take prices as they are told; return what became of breaches before them."""
        for told in points:
            self.references.hear(told)
            for following in list(self._following.get(told.market_id, {}).values()):
                latest_s = _latest_s(following.signal.band.step_s, now_s)
                came = following.hear(told.until(latest_s), self.config)
                if came is not None:
                    self._decide(following, came, now_s)
        return self._drained()

    def sweep(self, now_s: float) -> list[BreachSignal]:
        """Close breaches of markets closed or silent; return what that brings."""
        self._sweep(now_s)
        return self._drained()

    def _sweep(self, now_s: float) -> None:
        self._swept_s = now_s
        for key, episode in list(self._episodes.items()):
            silent_s = self.config.stale_steps * key.step_s
            if now_s - episode.heard_s > silent_s or episode.has_closed(now_s):
                self._report_all(episode.end(silent_s), now_s)
        for market in list(self._following.values()):
            for following in list(market.values()):
                came = following.give_up(now_s, self.config)
                if came is not None:
                    self._decide(following, came, now_s)
        self.references.forget(now_s)
        self._let_go(now_s)

    def _let_go(self, now_s: float) -> None:
        """Forget the markets that were unseen for longest, past the bound."""
        while len(self._episodes) > self._max_markets:
            key, episode = self._episodes.popitem(last=False)
            newest = self._newest.get(key.market_id)
            if newest is not None and newest.key == key:
                del self._newest[key.market_id]
            if key.step_s in self._cycles:
                self._cycles[key.step_s].forget(key.market_id)
            self._report_all(episode.end(0.0), now_s)

    def _report_all(self, signals: Iterable[BreachSignal], now_s: float) -> None:
        for signal in signals:
            self._report(signal, now_s)

    def _report(self, signal: BreachSignal, now_s: float) -> None:
        """Give a signal its number, and go on with what it says."""
        numbered = replace(signal, id=self._next_id, recorded_at_s=now_s)
        self._next_id += 1
        if numbered.phase == "opened":
            self._follow(numbered, seen_s=numbered.opened_at_s)
        followed = self._following.get(numbered.market_id, {}).get(numbered.dedupe_key)
        if followed is not None:
            followed.signal = numbered
        self._replace(numbered)
        self._told.append(numbered)

    def _drained(self) -> list[BreachSignal]:
        told, self._told = self._told, []
        return told

    def _replace(self, signal: BreachSignal) -> None:
        """Let the episode of a breach hold it as it stands now."""
        key = MarketKey(signal.market_id, signal.band.step_s)
        episode = self._episodes.get(key)
        if episode is None:
            return
        if episode.open and episode.open.dedupe_key == signal.dedupe_key:
            episode.open = signal
        elif episode.last and episode.last.dedupe_key == signal.dedupe_key:
            episode.last = signal

    def _follow(self, signal: BreachSignal, *, seen_s: float) -> None:
        market = self._following.setdefault(signal.market_id, {})
        market[signal.dedupe_key] = Following(signal, 0.0, seen_s)

    def _decide(self, following: Following, came: FollowThrough, now_s: float) -> None:
        signal = following.signal
        market = self._following[signal.market_id]
        del market[signal.dedupe_key]
        if not market:
            del self._following[signal.market_id]
        current = self._current(signal)
        self._report(replace(current, phase="followed", follow_through=came), now_s)

    def _current(self, signal: BreachSignal) -> BreachSignal:
        """Return a breach as its episode holds it, which may know a newer price."""
        episode = self._episodes.get(MarketKey(signal.market_id, signal.band.step_s))
        if episode is not None:
            for held in (episode.open, episode.last):
                if held is not None and held.dedupe_key == signal.dedupe_key:
                    return held
        return signal


def _latest_s(step_s: int, now_s: float) -> float:
    """Return until when prices are believed to be of now."""
    return now_s + max(_MOST_AHEAD_S, step_s)
