"""Who is told of what happens, as protocols."""

from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Literal, Protocol, TypeAlias

from tsfm_runner.domain.calibration import Drift
from tsfm_runner.domain.delivery import DeadLetter, Delivery
from tsfm_runner.domain.figures import Figures
from tsfm_runner.domain.forecast import BreakerState, Rung, RuntimeMode, ServedForecast
from tsfm_runner.domain.signals import BreachSignal
from tsfm_runner.domain.telling import Breaches, CacheEvent, RuntimeCall

SpanKind: TypeAlias = Literal["internal", "server", "client"]


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
