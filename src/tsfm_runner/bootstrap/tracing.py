"""Opens the tracer that the settings ask for."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import NamedTuple

from tsfm_runner.config import TracingConfig
from tsfm_runner.errors import ConfigurationError
from tsfm_runner.ports import Tracer
from tsfm_runner.service.untraced import UNTRACED


class Tracing(NamedTuple):
    """A tracer, and what posts all that waits at the end of the process."""

    tracer: Tracer
    close: Callable[[], None]

    @asynccontextmanager
    async def closing(self) -> AsyncIterator[None]:
        """Close it at the end; posting waits for the network, so beside the loop."""
        try:
            yield
        finally:
            await asyncio.to_thread(self.close)


def open_tracing(config: TracingConfig) -> Tracing:
    """Return the tracer; raise ``ConfigurationError`` where the extra is missing."""
    if not config.enabled:
        return Tracing(UNTRACED, lambda: None)
    try:
        from tsfm_runner.adapters.tracing import open_tracer  # noqa: PLC0415 - extra
    except ImportError as exc:
        raise ConfigurationError(
            "tracing.enabled needs the extra otel: pip install 'tsfm-runner[otel]'"
        ) from exc
    tracer = open_tracer(config, version=version("tsfm-runner"))
    return Tracing(tracer, tracer.close)
