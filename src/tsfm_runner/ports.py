"""What the service needs from the outside, as protocols."""

from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

import numpy.typing as npt

from tsfm_runner.domain.calibration import Drift
from tsfm_runner.domain.delivery import DeadLetter, Delivery
from tsfm_runner.domain.figures import Figures
from tsfm_runner.domain.forecast import (
    BreakerState,
    ModelCall,
    QuantileForecast,
    Rung,
    RuntimeMode,
    ServedForecast,
)
from tsfm_runner.domain.ledger import LedgerContents, LedgerEntry, LedgerForecast
from tsfm_runner.domain.model import RuntimeModel
from tsfm_runner.domain.quota import Quota
from tsfm_runner.domain.signals import BreachQuery, BreachSignal
from tsfm_runner.domain.telling import Breaches, CacheEvent, RuntimeCall
from tsfm_runner.domain.verdict import StandingVerdict
from tsfm_runner.errors import ForecastRuntimeError

Value = TypeVar("Value")
SpanKind: TypeAlias = Literal["internal", "server", "client"]

Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]
ReadArrays: TypeAlias = Callable[[], Arrays]


class ForecastRuntime(Protocol):
    """A place where models run. One exchange a call; no retries, no fallback."""

    async def predict(
        self, call: ModelCall, *, timeout_s: float
    ) -> list[QuantileForecast | ForecastRuntimeError]:
        """Forecast every series, in order.

        A fault of one series is returned in its place; a fault of the whole call
        is raised as a ``ForecastRuntimeError``.
        """
        ...

    async def list_models(self, *, timeout_s: float) -> list[RuntimeModel]:
        """Return every model the runtime knows; raise ``ForecastRuntimeError``."""
        ...

    async def check_health(self, *, timeout_s: float) -> None:
        """Return if the runtime is well; raise ``ForecastRuntimeError`` if not."""
        ...


class Clock(Protocol):
    """Monotonic seconds; handed in so that tests need not sleep."""

    def __call__(self) -> float:
        """Return seconds since some fixed moment."""
        ...


class Cache(Protocol[Value]):
    """Keeps values for a while, within a bound of memory."""

    def get(self, key: bytes) -> Value | None:
        """Return the value, or None when it was never kept or is gone."""
        ...

    def put(
        self, key: bytes, value: Value, *, n_bytes: int, expires_at_s: float
    ) -> None:
        """Keep the value until then, on the process's clock; others may leave."""
        ...


class Telemetry(Protocol):
    """Hears of everything that happens, each thing once."""

    def request_answered(self, route: str, *, status: int, duration_s: float) -> None:
        """Hear of one HTTP request, by the pattern of its route."""
        ...

    def request_failed(self, failure: Exception, *, request_id: str) -> None:
        """Hear of an error of our own that ended a request."""
        ...

    def forecast_served(
        self, served: ServedForecast, *, request_id: str, is_alone: bool
    ) -> None:
        """Hear of one answer to one market, asked for alone or with others."""
        ...

    def runtime_called(self, call: RuntimeCall) -> None:
        """Hear of one exchange with a runtime."""
        ...

    def batch_left(self, waits_s: Sequence[float]) -> None:
        """Hear of a batch that leaves, and how long each series waited for it."""
        ...

    def breaker_changed(self, runtime: Rung, family: str, state: BreakerState) -> None:
        """Hear of a breaker that entered a state."""
        ...

    def mode_changed(self, runtime: Rung, mode: RuntimeMode) -> None:
        """Hear of a runtime that is asked more, or less, than before."""
        ...

    def cache_used(self, event: CacheEvent) -> None:
        """Hear what the cache did for one task."""
        ...

    def outcomes_scored(self, n_steps: int, breaches: Breaches) -> None:
        """Hear of steps of bands whose outcomes came."""
        ...

    def drifted(self, drift: Drift) -> None:
        """Hear of a segment whose outcomes no longer fit what was learned."""
        ...

    def signal_told(self, signal: BreachSignal) -> None:
        """Hear of one thing that happened to a breach."""
        ...

    def delivery_tried(self, delivery: Delivery) -> None:
        """Hear what became of signals that were posted to an endpoint."""
        ...

    def courier_lost(self, endpoint: str, failure: BaseException) -> None:
        """Hear of an error of our own that ended the telling of an endpoint."""
        ...

    def cycle_finished(self, duration_s: float) -> None:
        """Hear of one cycle over many markets."""
        ...


class ReadFigures(Protocol):
    """Reads what the process has counted."""

    def __call__(self, routes: Collection[str]) -> Figures:
        """Return the figures as they stand now; ``routes`` are those of forecasts."""
        ...


class Span(Protocol):
    """One part of the way of a request, while it lasts."""

    @property
    def traceparent(self) -> str:
        """The name by which others call it their parent (W3C); empty: untraced."""
        ...

    def tell(self, **facts: str | float | bool) -> None:
        """Write down what was found out about it."""
        ...


class Tracer(Protocol):
    """Makes spans. Parents and links are named by their ``traceparent``."""

    def span(
        self,
        name: str,
        *,
        parent: str,
        kind: SpanKind = "internal",
        links: Sequence[str] = (),
    ) -> AbstractContextManager[Span]:
        """Return a span that lasts as long as the context."""
        ...

    def stage(
        self, name: str, parents: Iterable[str]
    ) -> AbstractContextManager[object]:
        """Return a context that becomes a span of the same time below each parent.

        So what is done for many requests at once is seen in the trace of each.
        """
        ...


class Ledger(Protocol):
    """Keeps what was served and what happened after it, across restarts."""

    @property
    def lag_s(self) -> float:
        """How long the oldest entry has waited to be written."""
        ...

    @property
    def n_let_go(self) -> int:
        """How many forecasts were let go because they could not be written."""
        ...

    def read(self, *, awaited_after_s: float) -> LedgerContents:
        """Return what a process that starts goes on from.

        Raises ``CalibrationStateError`` when what is stored cannot be read.
        """
        ...

    def append(self, entries: Sequence[LedgerEntry]) -> None:
        """Take entries to be written soon, all of one call together; never waits."""
        ...

    async def commit(self) -> None:
        """Return when everything appended so far is safe.

        Raises ``LedgerUnavailableError`` where it cannot be written now; nothing is
        lost, it is tried again.
        """
        ...

    async def forecasts(
        self, market_id: str, *, since_s: float, before_id: int | None, limit: int
    ) -> list[LedgerForecast]:
        """Return forecasts of a market, newest first, cut off at or after a moment.

        ``before_id`` leaves out all but those with smaller ids; shadows are left out.
        """
        ...

    async def breaches(self, query: BreachQuery) -> list[BreachSignal]:
        """Return the newest that is known of each breach asked for, newest first."""
        ...

    async def signals_after(self, last_id: int, *, limit: int) -> list[BreachSignal]:
        """Return everything that happened to breaches after an id, in order."""
        ...

    async def last_delivered(self, endpoint: str) -> int | None:
        """Return up to which signal an endpoint was told everything; None: never."""
        ...


class SignalReceiver(Protocol):
    """One endpoint outside that is told of signals; one exchange a call, no retries."""

    async def post(self, signals: Sequence[BreachSignal]) -> None:
        """Tell of signals, all in one post.

        Raises ``DeliveryRefusedError`` where that is of no use, now or ever, and
        ``DeliveryFailedError`` where it may be later.
        """
        ...

    def payload(self, signal: BreachSignal) -> object:
        """Return the JSON that is posted of one signal."""
        ...


class DeadLetters(Protocol):
    """Keeps signals that could not be delivered, for people to look at."""

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        """Keep them safely; raise ``DeliveryFailedError`` where that fails."""
        ...

    def count(self, endpoint: str) -> int:
        """Return how many are kept of one endpoint."""
        ...


class KeyRing(Protocol):
    """The named keys that open the service, as they are at this moment."""

    @property
    def is_empty(self) -> bool:
        """Whether there is no key at all, so that everybody may come in."""
        ...

    def name_of(self, token: bytes) -> str | None:
        """Return the name of the key, or None; time tells nothing about any key."""
        ...

    async def watch(self) -> None:
        """Keep up with what changes, until cancelled."""
        ...


class Verdicts(Protocol):
    """Where models are proven, as far as that is known at this moment."""

    @property
    def current(self) -> StandingVerdict:
        """The verdict that holds now, if there is one."""
        ...


class RateLimiter(Protocol):
    """Knows how many forecasts each caller has asked for in this minute."""

    def spend(self, name: str, cost: int) -> Quota | None:
        """Charge so many forecasts, or nothing if that is more than what is left.

        None: the caller has no limit.
        """
        ...


class Workers(Protocol):
    """Do units of work of a study, each by itself, in no set order."""

    @property
    def n_workers(self) -> int:
        """How many units are done at a time."""
        ...

    def run(
        self, function: Callable[..., Arrays], units: Sequence[tuple[Any, ...]]
    ) -> Generator[tuple[int, Arrays], None, None]:
        """Call the function with each tuple of arguments; yield as they finish.

        What is yielded is the place among the units, and the arrays, which are not
        to be written to. The function is one of a module, and the arguments can be
        pickled. A worker that is lost is replaced; an error of a unit is raised, and
        so is ``UnitLostError`` for a unit that ends its workers again and again.
        Closing it ends the work.
        """
        ...

    def share(self, read: ReadArrays) -> ReadArrays:
        """Return what reads the same arrays at the workers, to be an argument.

        What is handed in can be pickled; ``WorkStore.reader`` makes such.
        """
        ...


class WorkStore(Protocol):
    """Keeps the arrays of units that are done, for one study as it is now."""

    def has(self, name: str) -> bool:
        """Whether the unit is done and its arrays are whole."""
        ...

    def path(self, name: str) -> Path:
        """Return where the arrays of a unit are, or will be."""
        ...

    def write(self, name: str, arrays: Arrays) -> None:
        """Keep the arrays of a unit, all of them or none.

        Raises ``StudyNotStoredError`` where they cannot be written.
        """
        ...

    def read(self, name: str) -> Arrays:
        """Return the arrays of a unit, which stay on disk until they are looked at.

        Raises ``StudyNotStoredError`` where they are missing or not whole.
        """
        ...

    def reader(self, name: str) -> ReadArrays:
        """Return what reads the arrays of a unit; it can be pickled."""
        ...
