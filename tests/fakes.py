"""Fakes of our ports, for tests of everything above them."""

import asyncio
from collections.abc import Callable, Sequence

import numpy as np

from tsfm_runner.domain.calibration import Drift
from tsfm_runner.domain.delivery import DeadLetter, Delivery
from tsfm_runner.domain.forecast import (
    BreakerState,
    ModelCall,
    QuantileForecast,
    Rung,
    RuntimeMode,
    ServedForecast,
)
from tsfm_runner.domain.ledger import (
    ForecastEntry,
    LedgerContents,
    LedgerEntry,
    LedgerForecast,
    OutcomeEntry,
    ScoreEntry,
    StateEntry,
)
from tsfm_runner.domain.model import RuntimeModel
from tsfm_runner.domain.signals import BreachQuery, BreachSignal, DeliveryEntry
from tsfm_runner.domain.telling import Breaches, CacheEvent, RuntimeCall
from tsfm_runner.domain.verdict import StandingVerdict, Verdict
from tsfm_runner.errors import (
    DeliveryError,
    DeliveryFailedError,
    DeliveryRefusedError,
    ForecastRuntimeError,
    LedgerUnavailableError,
)

Answers = list[QuantileForecast | ForecastRuntimeError]


class FakeClock:
    """Seconds that move only when told to."""

    def __init__(self, now_s: float = 0.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


class FakeTelemetry:
    """Remembers everything that it was told, kind by kind and in order."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, int, float]] = []
        self.failures: list[tuple[Exception, str]] = []
        self.forecasts: list[tuple[ServedForecast, str]] = []
        self.calls: list[RuntimeCall] = []
        self.batches: list[list[float]] = []
        self.breakers: list[tuple[Rung, str, BreakerState]] = []
        self.modes: list[tuple[Rung, RuntimeMode]] = []
        self.cache_events: list[CacheEvent] = []
        self.scored: list[tuple[int, Breaches]] = []
        self.drifts: list[Drift] = []
        self.cycles_s: list[float] = []
        self.signals: list[BreachSignal] = []
        self.deliveries: list[Delivery] = []
        self.lost_couriers: list[tuple[str, BaseException]] = []

    def request_answered(self, route: str, *, status: int, duration_s: float) -> None:
        self.requests.append((route, status, duration_s))

    def request_failed(self, failure: Exception, *, request_id: str) -> None:
        self.failures.append((failure, request_id))

    def forecast_served(
        self,
        served: ServedForecast,
        *,
        request_id: str,
        is_alone: bool,  # noqa: ARG002 - shown by the metrics
    ) -> None:
        self.forecasts.append((served, request_id))

    def runtime_called(self, call: RuntimeCall) -> None:
        self.calls.append(call)

    def batch_left(self, waits_s: Sequence[float]) -> None:
        self.batches.append(list(waits_s))

    def breaker_changed(self, runtime: Rung, family: str, state: BreakerState) -> None:
        self.breakers.append((runtime, family, state))

    def mode_changed(self, runtime: Rung, mode: RuntimeMode) -> None:
        self.modes.append((runtime, mode))

    def cache_used(self, event: CacheEvent) -> None:
        self.cache_events.append(event)

    def outcomes_scored(self, n_steps: int, breaches: Breaches) -> None:
        self.scored.append((n_steps, breaches))

    def drifted(self, drift: Drift) -> None:
        self.drifts.append(drift)

    def delivery_tried(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)

    def courier_lost(self, endpoint: str, failure: BaseException) -> None:
        self.lost_couriers.append((endpoint, failure))

    def signal_told(self, signal: BreachSignal) -> None:
        self.signals.append(signal)

    def cycle_finished(self, duration_s: float) -> None:
        self.cycles_s.append(duration_s)


class FakeLedger:
    """Keeps entries in a list, and reads them back as a ledger on disk would.

    With a failure no commit succeeds, and nothing is lost for it.
    """

    def __init__(self, *, failure: LedgerUnavailableError | None = None) -> None:
        self.entries: list[LedgerEntry] = []
        self.failure = failure
        self.n_appends = 0
        self.n_commits = 0
        self.lag_s = 0.0
        self.n_let_go = 0

    @property
    def bands(self) -> list[ForecastEntry]:
        return [one for one in self.entries if isinstance(one, ForecastEntry)]

    @property
    def outcomes(self) -> list[OutcomeEntry]:
        return [one for one in self.entries if isinstance(one, OutcomeEntry)]

    @property
    def scores(self) -> list[ScoreEntry]:
        return [one for one in self.entries if isinstance(one, ScoreEntry)]

    @property
    def states(self) -> list[StateEntry]:
        return [one for one in self.entries if isinstance(one, StateEntry)]

    def read(self, *, awaited_after_s: float) -> LedgerContents:
        state = max(self.states, key=lambda one: one.applied_score_id, default=None)
        applied = 0 if state is None else state.applied_score_id
        scores = [one for one in self.scores if one.id > applied]
        named = {number for one in scores for number in one.forecast_ids.tolist()}
        awaited = {
            one.id for one in self.bands if one.awaited_until_s > awaited_after_s
        }
        ended = {
            (number, step)
            for one in self.scores
            for number, step in zip(
                one.forecast_ids.tolist(), one.steps.tolist(), strict=True
            )
            if number in awaited
        }
        return LedgerContents(
            state,
            tuple(one for one in self.bands if one.id in named | awaited),
            tuple(scores),
            frozenset(ended),
            max((one.id for one in self.bands), default=0) + 1,
            max((one.id for one in self.scores), default=applied) + 1,
        )

    def append(self, entries: Sequence[LedgerEntry]) -> None:
        self.n_appends += 1
        self.entries += entries

    async def commit(self) -> None:
        self.n_commits += 1
        if self.failure is not None:
            raise self.failure

    async def forecasts(
        self, market_id: str, *, since_s: float, before_id: int | None, limit: int
    ) -> list[LedgerForecast]:
        found = [
            one
            for one in reversed(self.bands)
            if one.market_id == market_id
            and not one.is_shadow
            and one.cutoff_s >= since_s
            and (before_id is None or one.id < before_id)
        ]
        return [LedgerForecast(one, self._outcomes(one)) for one in found[:limit]]

    @property
    def signals(self) -> list[BreachSignal]:
        return [one for one in self.entries if isinstance(one, BreachSignal)]

    async def breaches(self, query: BreachQuery) -> list[BreachSignal]:
        newest = {
            one.dedupe_key: one
            for one in self.signals
            if query.as_of_id is None or one.id <= query.as_of_id
        }
        found = [
            one
            for one in sorted(newest.values(), key=lambda one: -one.id)
            if (query.since_s is None or one.ts_s >= query.since_s)
            and (query.severities is None or one.severity in query.severities)
            and query.market_id in {None, one.market_id}
            and query.is_open in {None, one.is_open}
            and (query.before_id is None or one.id < query.before_id)
        ]
        return found[: query.limit]

    async def signals_after(self, last_id: int, *, limit: int) -> list[BreachSignal]:
        return [one for one in self.signals if one.id > last_id][:limit]

    async def last_delivered(self, endpoint: str) -> int | None:
        told = [
            one.last_signal_id
            for one in self.entries
            if isinstance(one, DeliveryEntry) and one.endpoint == endpoint
        ]
        return told[-1] if told else None

    def _outcomes(self, band: ForecastEntry) -> np.ndarray:
        prices = np.full(band.horizon, np.nan)
        for one in self.scores:
            prices[one.steps[one.forecast_ids == band.id] - 1] = one.y
        return prices


class FakeReceiver:
    """Takes signals, or meets the next of the failures that it was given first."""

    def __init__(self, *failures: DeliveryError | None) -> None:
        self.failures = list(failures)
        self.refuses: Callable[[BreachSignal], bool] = lambda _: False
        self.posts: list[list[BreachSignal]] = []
        self.taken: list[BreachSignal] = []

    @property
    def taken_ids(self) -> list[int]:
        return [one.id for one in self.taken]

    async def post(self, signals: Sequence[BreachSignal]) -> None:
        self.posts.append(list(signals))
        if self.failures and (failure := self.failures.pop(0)) is not None:
            raise failure
        if any(map(self.refuses, signals)):
            raise DeliveryRefusedError("answered 400", status=400)
        self.taken += signals

    def payload(self, signal: BreachSignal) -> object:
        return {"id": signal.id}


class FakeDeadLetters:
    """Keeps dead letters in a list; with a failure it keeps none."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []
        self.failure: DeliveryFailedError | None = None

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        if self.failure is not None:
            raise self.failure
        self.letters += letters

    def count(self, endpoint: str) -> int:
        return sum(one.endpoint == endpoint for one in self.letters)


class FakeVerdicts:
    """Hold the verdict that they are told; at first none."""

    def __init__(self, verdict: Verdict | None = None) -> None:
        self.current = StandingVerdict(0, verdict)

    def tell(self, verdict: Verdict | None) -> None:
        self.current = StandingVerdict(self.current.number + 1, verdict)


class FakeRuntime:
    """A runtime that answers as scripted and remembers what it was asked.

    With a gate, each call waits until the test releases it.
    """

    def __init__(
        self,
        answers: Callable[[ModelCall], Answers] | None = None,
        *,
        gate: asyncio.Semaphore | None = None,
        models: Sequence[RuntimeModel] = (),
        health_error: ForecastRuntimeError | None = None,
        models_error: ForecastRuntimeError | None = None,
    ) -> None:
        self._answers = answers or flat_answers
        self._gate = gate
        self._models = list(models)
        self._health_error = health_error
        self._models_error = models_error
        self.calls: list[ModelCall] = []
        self.timeouts_s: list[float] = []

    async def predict(self, call: ModelCall, *, timeout_s: float) -> Answers:
        self.calls.append(call)
        self.timeouts_s.append(timeout_s)
        if self._gate is not None:
            await self._gate.acquire()
        return self._answers(call)

    async def list_models(self, *, timeout_s: float) -> list[RuntimeModel]:
        self.timeouts_s.append(timeout_s)
        if self._models_error is not None:
            raise self._models_error
        return self._models

    async def check_health(self, *, timeout_s: float) -> None:
        self.timeouts_s.append(timeout_s)
        if self._health_error is not None:
            raise self._health_error


def flat_answers(call: ModelCall) -> Answers:
    """Return, for each series, its last value, a little wider with the level."""
    spread = 0.2 * (np.array(call.quantile_levels) - 0.5)
    return [
        QuantileForecast(
            call.quantile_levels,
            np.repeat((series.context[-1] + spread)[None], call.horizon, axis=0),
        )
        for series in call.series
    ]
