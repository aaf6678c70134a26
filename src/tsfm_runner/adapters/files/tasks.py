"""Make the task of each market: the same question, asked of every series."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from tsfm_runner.adapters.files.refusals import moment_text, refused
from tsfm_runner.adapters.files.series import KnownMarket, MarketSeries, SkippedMarket
from tsfm_runner.config import TaskConfig
from tsfm_runner.domain.frequency import MAX_STEP_S, MIN_STEP_S, Frequency
from tsfm_runner.domain.task import (
    MAX_POINTS,
    MIN_POINTS,
    FloatArray,
    ForecastTask,
    MarketFacts,
    ModelChoice,
    Transform,
)
from tsfm_runner.errors import InvalidTaskError

NATIVE = "native"

_MINUTES_PER_HOUR = 60
_COARSE_STEPS = 2
_SOME_TIME_S = 1.7e9


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of every market; ``freq`` None means the market's own cadence."""

    freq: Frequency | None
    horizon: int
    quantile_levels: tuple[float, ...]
    transform: Transform
    model: ModelChoice
    as_of: datetime | None

    @classmethod
    def from_config(
        cls,
        config: TaskConfig,
        *,
        model: ModelChoice = ModelChoice(),  # noqa: B008 - frozen
        as_of: datetime | None = None,
    ) -> "Question":
        """Take a task's settings, in which freq may be ``native``.

        Raises ``InvalidTaskError`` now for a question that no market could answer,
        so that a wrong flag is one error and not one skipped market after another.
        """
        if as_of is not None and as_of.tzinfo is None:
            raise InvalidTaskError("as_of", "must carry a time zone")
        freq = None if config.freq == NATIVE else Frequency.parse(config.freq)
        question = cls(
            freq=freq,
            horizon=config.horizon,
            quantile_levels=tuple(sorted(config.quantile_levels)),
            transform=Transform(config.space, config.eps),
            model=model,
            as_of=as_of,
        )
        try:
            _ask(question, _made_up(as_of))
        except InvalidTaskError as exc:
            if exc.field != "cutoff":
                raise
            raise InvalidTaskError("as_of", exc.message) from exc
        return question


def _made_up(as_of: datetime | None) -> MarketSeries:
    end_s = _SOME_TIME_S if as_of is None else as_of.timestamp()
    times_s = np.array([end_s - MIN_STEP_S, end_s])
    return MarketSeries("made-up", times_s=times_s, prices=np.array([0.5, 0.5]))


def is_coarse(task: ForecastTask) -> bool:
    """Return whether points usually lie more than two steps apart.

    Never true for the longest step there is: no other step would do better.
    """
    if task.times_s is None:
        return False
    spacing_s = min(float(np.median(np.diff(task.times_s))), MAX_STEP_S)
    return spacing_s > _COARSE_STEPS * task.freq.step_s


def with_overrides(
    config: TaskConfig,
    *,
    freq: str | None,
    horizon: int | None,
    quantile_levels: Iterable[float] | None,
) -> TaskConfig:
    """Return the task's settings with what the caller gave in their place."""
    given = {
        "freq": freq,
        "horizon": horizon,
        "quantile_levels": quantile_levels and tuple(quantile_levels),
    }
    changes = {name: value for name, value in given.items() if value is not None}
    return config.model_copy(update=changes)


def ask_each(
    markets: Iterable[MarketSeries | SkippedMarket], question: Question
) -> Iterator[ForecastTask | SkippedMarket]:
    """Yield the task of each market, or why there is none; never stop for one."""
    for market in markets:
        if isinstance(market, SkippedMarket):
            yield market
            continue
        try:
            yield _ask(question, market)
        except InvalidTaskError as exc:
            yield refused(market, exc)


def _ask(question: Question, market: MarketSeries) -> ForecastTask:
    times_s, prices = _until(question.as_of, market)
    if question.as_of is not None and market.times_s.size and not times_s.size:
        rule = f"no point lies at or before {moment_text(question.as_of)}"
        raise InvalidTaskError("as_of", rule)
    if times_s.size < MIN_POINTS:
        raise InvalidTaskError("context", f"must have at least {MIN_POINTS} points")
    return ForecastTask(
        market_id=market.market_id,
        cutoff=_moment(float(times_s[-1])),
        freq=question.freq or _native_frequency(market.known, times_s),
        horizon=question.horizon,
        quantile_levels=question.quantile_levels,
        context=prices,
        times_s=times_s,
        transform=question.transform,
        model=question.model,
        facts=_facts(market, cutoff_s=float(times_s[-1])),
    )


def _until(
    as_of: datetime | None, market: MarketSeries
) -> tuple[FloatArray, FloatArray]:
    """Return the points up to a moment, at most as many as a task may have.

    Where the last point is older, a missing one stands at the moment itself, so
    that the service sees how stale the series is.
    """
    times_s, prices = market.times_s, market.prices
    if as_of is not None:
        moment_s = as_of.timestamp()
        end = int(np.searchsorted(times_s, moment_s, side="right"))
        times_s, prices = times_s[:end], prices[:end]
        if end and times_s[-1] < moment_s:
            times_s = np.append(times_s, moment_s)
            prices = np.append(prices, np.nan)
    return times_s[-MAX_POINTS:], prices[-MAX_POINTS:]


def _native_frequency(known: KnownMarket, times_s: FloatArray) -> Frequency:
    """Return the market's own cadence in whole minutes, from a minute to a day."""
    cadence_s = known.cadence_s or float(np.median(np.diff(times_s)))
    step_s = min(
        max(round(cadence_s / MIN_STEP_S) * MIN_STEP_S, MIN_STEP_S), MAX_STEP_S
    )
    minutes = step_s // MIN_STEP_S
    hours, rest = divmod(minutes, _MINUTES_PER_HOUR)
    return Frequency(f"{minutes}m" if rest else f"{hours}h", step_s)


def _facts(market: MarketSeries, *, cutoff_s: float) -> MarketFacts:
    """Return the facts, with the end only where it still lies ahead."""
    end_s = market.known.end_s
    facts = replace(market.known.facts, y_definition=market.y_definition)
    if end_s is None or end_s <= cutoff_s:
        return facts
    return replace(facts, closes_at=_moment(end_s))


def _moment(time_s: float) -> datetime:
    try:
        return datetime.fromtimestamp(time_s, UTC)
    except (OverflowError, OSError, ValueError) as exc:
        raise InvalidTaskError("ts", f"{time_s} is no time in epoch seconds") from exc
