"""What runs models and keeps order among those who ask, as protocols."""

from typing import Protocol, TypeVar

from tsfm_runner.domain.forecast import ModelCall, QuantileForecast
from tsfm_runner.domain.model import RuntimeModel
from tsfm_runner.domain.quota import Quota
from tsfm_runner.domain.verdict import StandingVerdict
from tsfm_runner.errors import ForecastRuntimeError

Value = TypeVar("Value")


class Clock(Protocol):
    """Monotonic seconds; handed in so that tests need not sleep."""

    def __call__(self) -> float:
        """Return seconds since some fixed moment."""
        ...


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
