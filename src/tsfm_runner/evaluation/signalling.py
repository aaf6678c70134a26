"""How good breach signals were, once it is known what became of the prices."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tsfm_runner.config import SignalsConfig
from tsfm_runner.core.arrays import FloatArray
from tsfm_runner.core.bootstrap import ratio_interval
from tsfm_runner.domain.signals import SEVERITIES, BreachSignal
from tsfm_runner.service.warming import History

MOVE = 0.10
QUIET_RANGE = 0.10
STEPS_LATE = 2
_N_DRAWS, _SEED = 2_000, 1
_HOUR_S, _DAY_S = 3_600, 86_400
_ROUNDING = 1e-9


class Share(NamedTuple):
    """A ratio of two sums, and its 95 % interval; None where nothing is known."""

    part: float
    whole: float
    value: float | None
    low: float | None
    high: float | None


class SignalFigures(NamedTuple):
    """The figures by which signals are judged.

    Attributes
    ----------
    n_markets, n_events, n_steps : int
        What was watched; steps count every price of every market.
    by_severity : mapping
        Breaches that were opened, by the highest severity that each reached.
    per_market_day : share
        Breaches for each day that a market was watched.
    followed : share
        Of the breaches of which it is known, those whose price went on
        (`signals.follow_move` within `signals.follow_hours`).
    false : share
        Of the breaches whose market has a price `signals.lookback_minutes` after
        the opening, those whose price was then within `signals.return_move` of the
        median of the band it had left.
    moves_signalled : share
        Of all moves, those that were signalled. A move is
        ``|y(t) - y(t - 1 h)| >= 0.10``; its onset is the first such step with none in
        the hour before. It is signalled if a breach of the market opened in the hour
        before its onset or at most two steps after, or was open at the onset. Moves of
        markets that have closed, which are to be silent, are left out.
    n_quiet_markets : int
        Markets whose prices have a range below 0.10 in all.
    quiet_per_market_day : share
        Breaches of quiet markets for each day that one was watched.
    quiet_cycles : share
        Of the times at which quiet markets were watched, those at which a breach of
        one of them opened.

    Intervals are of a bootstrap over whole events, that of ``quiet_cycles`` over
    whole days.

    """

    n_markets: int
    n_events: int
    n_steps: int
    by_severity: Mapping[str, int]
    per_market_day: Share
    followed: Share
    false: Share
    moves_signalled: Share
    n_quiet_markets: int
    quiet_per_market_day: Share
    quiet_cycles: Share


class _Breach(NamedTuple):
    """A breach as it opened, and the newest that is known of it."""

    opened: BreachSignal
    newest: BreachSignal


@dataclass(slots=True)
class _Tally:
    """What the markets of an event add to each sum."""

    days: float = 0.0
    opened: int = 0
    decided: int = 0
    followed: int = 0
    returnable: int = 0
    returned: int = 0
    moves: int = 0
    signalled: int = 0
    quiet_days: float = 0.0
    quiet_opened: int = 0


@dataclass(slots=True)
class _Quiet:
    """When quiet markets were watched, and when a breach of one opened."""

    n_markets: int = 0
    watched: list[FloatArray] = field(default_factory=list)
    opened: set[float] = field(default_factory=set)


def figures_of(
    histories: Sequence[History],
    signals: Iterable[BreachSignal],
    *,
    step_s: int,
    config: SignalsConfig,
) -> SignalFigures:
    """Judge the signals of a replay by what the replayed markets did.

    The signals are in order, and all of their markets are among the histories.
    """
    breaches = _by_market(signals)
    tallies: dict[str, _Tally] = {}
    quiet = _Quiet()
    for market_id, parts in _parts(histories).items():
        tally = tallies.setdefault(parts[0].facts.event_id or market_id, _Tally())
        found = breaches.get(market_id, [])
        _count(tally, parts, found, step_s=step_s, config=config)
        if _range(parts) < QUIET_RANGE - _ROUNDING:
            _count_quiet(tally, quiet, parts, found, step_s=step_s)
    reached = [one.newest.severity for found in breaches.values() for one in found]
    rows = list(tallies.values())
    return SignalFigures(
        n_markets=len(_parts(histories)),
        n_events=len(tallies),
        n_steps=sum(one.prices.size for one in histories),
        by_severity={name: reached.count(name) for name in SEVERITIES},
        per_market_day=_share(rows, "opened", "days"),
        followed=_share(rows, "followed", "decided"),
        false=_share(rows, "returned", "returnable"),
        moves_signalled=_share(rows, "signalled", "moves"),
        n_quiet_markets=quiet.n_markets,
        quiet_per_market_day=_share(rows, "quiet_opened", "quiet_days"),
        quiet_cycles=_cycles(quiet),
    )


def onsets(prices: FloatArray, n_hour: int) -> list[int]:
    """Return the steps at which moves begin, an hour being so many steps.

    >>> onsets(np.array([0.4, 0.4, 0.5, 0.5, 0.5, 0.5, 0.6]), 2)
    [2, 6]
    """
    moves = np.abs(prices[n_hour:] - prices[:-n_hour]) >= MOVE - _ROUNDING
    steps = np.flatnonzero(moves) + n_hour
    is_first = np.diff(steps, prepend=-n_hour - 1) > n_hour
    return [int(step) for step in steps[is_first]]


def _by_market(signals: Iterable[BreachSignal]) -> dict[str, list[_Breach]]:
    found: dict[str, _Breach] = {}
    for signal in signals:
        known = found.get(signal.dedupe_key)
        found[signal.dedupe_key] = _Breach(known.opened if known else signal, signal)
    markets: dict[str, list[_Breach]] = {}
    for breach in found.values():
        markets.setdefault(breach.opened.market_id, []).append(breach)
    return markets


def _parts(histories: Sequence[History]) -> dict[str, list[History]]:
    markets: dict[str, list[History]] = {}
    for history in histories:
        markets.setdefault(history.market_id, []).append(history)
    return markets


def _count(
    tally: _Tally,
    parts: Sequence[History],
    breaches: Sequence[_Breach],
    *,
    step_s: int,
    config: SignalsConfig,
) -> None:
    tally.days += _days(parts, step_s)
    tally.opened += len(breaches)
    for breach in breaches:
        outcome = breach.newest.follow_through
        if outcome is not None and outcome.has_followed is not None:
            tally.decided += 1
            tally.followed += outcome.has_followed
        is_back = _is_back(breach.opened, parts, step_s=step_s, config=config)
        if is_back is not None:
            tally.returnable += 1
            tally.returned += is_back
    n_hour = max(1, round(_HOUR_S / step_s))
    for part in parts:
        for at in onsets(part.prices, n_hour):
            onset_s = float((part.first_step + at) * step_s)
            if _has_closed(part, onset_s):
                continue
            tally.moves += 1
            tally.signalled += any(
                _tells_of(one, onset_s, n_hour * step_s, STEPS_LATE * step_s)
                for one in breaches
            )


def _has_closed(part: History, at_s: float) -> bool:
    closes_at = part.facts.closes_at
    return closes_at is not None and closes_at.timestamp() <= at_s


def _tells_of(breach: _Breach, onset_s: float, hour_s: int, late_s: int) -> bool:
    """Whether a breach opened about a move, or was open when it began."""
    opened_s, closed_s = breach.opened.opened_at_s, breach.newest.closed_at_s
    if opened_s > onset_s + late_s:
        return False
    return opened_s >= onset_s - hour_s or closed_s is None or closed_s > onset_s


def _is_back(
    opened: BreachSignal,
    parts: Sequence[History],
    *,
    step_s: int,
    config: SignalsConfig,
) -> bool | None:
    """Whether the price is back where its band had expected it; None: unknown."""
    due_s = opened.opened_at_s + max(config.lookback_s, step_s)
    due = int(np.ceil(due_s / step_s - _ROUNDING))
    for part in parts:
        if part.first_step <= due + STEPS_LATE and due <= part.last_step:
            price = float(part.prices[max(due - part.first_step, 0)])
            return abs(price - opened.band.median) < config.return_move
    return None


def _count_quiet(
    tally: _Tally,
    quiet: _Quiet,
    parts: Sequence[History],
    breaches: Sequence[_Breach],
    *,
    step_s: int,
) -> None:
    quiet.n_markets += 1
    quiet.opened |= {one.opened.opened_at_s for one in breaches}
    tally.quiet_days += _days(parts, step_s)
    tally.quiet_opened += len(breaches)
    for part in parts:
        steps = np.arange(part.first_step, part.last_step + 1, dtype=np.float64)
        quiet.watched.append(steps * step_s)


def _cycles(quiet: _Quiet) -> Share:
    times_s = np.unique(np.concatenate([*quiet.watched, np.zeros(0)]))
    is_told = np.isin(times_s, sorted(quiet.opened))
    days, day_of = np.unique(times_s // _DAY_S, return_inverse=True)
    counts = np.bincount(day_of, minlength=days.size).astype(np.float64)
    told = np.bincount(day_of, weights=is_told, minlength=days.size).astype(float)
    return _share_of(told, counts)


def _share(rows: Sequence[_Tally], part: str, whole: str) -> Share:
    numbers = [(getattr(row, part), getattr(row, whole)) for row in rows]
    above, below = np.array(numbers, dtype=np.float64).reshape(-1, 2).T
    return _share_of(above, below)


def _share_of(part: FloatArray, whole: FloatArray) -> Share:
    total, known = float(part.sum()), float(whole.sum())
    if not known:
        return Share(total, known, None, None, None)
    interval = ratio_interval(part, whole, n_draws=_N_DRAWS, seed=_SEED)
    value, low, high = (float(one) for one in interval)
    if np.isnan(low):
        return Share(total, known, value, None, None)
    return Share(total, known, value, low, high)


def _days(parts: Sequence[History], step_s: int) -> float:
    return sum(part.prices.size for part in parts) * step_s / _DAY_S


def _range(parts: Sequence[History]) -> float:
    lowest = min(float(part.prices.min()) for part in parts)
    return max(float(part.prices.max()) for part in parts) - lowest
