"""What the service needs from the outside, as protocols."""

from typing import Protocol

from tsfm_runner.domain.forecast import ModelCall, QuantileForecast
from tsfm_runner.domain.model import RuntimeModel
from tsfm_runner.errors import ForecastRuntimeError


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
