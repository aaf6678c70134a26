"""The daemon behind our port."""

import aiohttp

from tsfm_runner.adapters.tollama.answer import (
    read_forecasts,
    read_health,
    read_models,
)
from tsfm_runner.adapters.tollama.dialect import DialectDetector
from tsfm_runner.adapters.tollama.exchange import ask, time_limit
from tsfm_runner.adapters.tollama.refusal import failure, names_unknown_key
from tsfm_runner.adapters.tollama.request import build_request
from tsfm_runner.domain.asker import joined_ids
from tsfm_runner.domain.forecast import ModelCall, QuantileForecast
from tsfm_runner.domain.model import RuntimeModel
from tsfm_runner.errors import ForecastRuntimeError, RuntimeUnavailableError
from tsfm_runner.ports import Clock

# Of the time for a call, learning what the daemon accepts may take no more.
_DETECTION_SHARE = 0.25


class TollamaRuntime:
    """A ``ForecastRuntime``: one HTTP call a batch, no retries, no fallback."""

    def __init__(
        self, session: aiohttp.ClientSession, *, daemon_timeout_s: float, clock: Clock
    ) -> None:
        """Take a session whose base URL, limits and token are already set.

        ``daemon_timeout_s`` is a generous bound for the daemon's own work. It is
        never our deadline: when it runs out the daemon kills the model's process
        and shuts out every other client for a while.
        """
        self._session = session
        self._daemon_timeout_s = daemon_timeout_s
        self._dialects = DialectDetector(session, clock=clock)

    async def predict(
        self, call: ModelCall, *, timeout_s: float
    ) -> list[QuantileForecast | ForecastRuntimeError]:
        """Forecast every series in one call, in order."""
        async with time_limit(timeout_s):
            dialect = await self._dialects.current(
                timeout_s=timeout_s * _DETECTION_SHARE
            )
            request = build_request(
                call, dialect=dialect, daemon_timeout_s=self._daemon_timeout_s
            )
            reply = await ask(
                self._session,
                "POST",
                "v1/forecast",
                body=request.body,
                headers=_headers(call),
            )
        if names_unknown_key(reply):
            self._dialects.forget()
        if not reply.is_ok:
            raise failure(reply, model_name=call.model_name)
        return read_forecasts(reply.body, call, request)

    async def list_models(self, *, timeout_s: float) -> list[RuntimeModel]:
        """Return every model that the daemon has or could pull."""
        return read_models(await self._read("v1/models", timeout_s=timeout_s))

    async def check_health(self, *, timeout_s: float) -> None:
        """Return if the daemon says that it is well."""
        if read_health(await self._read("v1/health", timeout_s=timeout_s)) != "ok":
            raise RuntimeUnavailableError("tollama says that it is not well")

    async def _read(self, path: str, *, timeout_s: float) -> bytes:
        async with time_limit(timeout_s):
            reply = await ask(self._session, "GET", path)
        if not reply.is_ok:
            raise failure(reply)
        return reply.body


def _headers(call: ModelCall) -> dict[str, str]:
    """Return who asks and where in a trace, for the logs and traces of the daemon."""
    headers = {
        "X-Request-ID": joined_ids(series.asker for series in call.series),
        "traceparent": call.traceparent,
    }
    return {name: value for name, value in headers.items() if value}
