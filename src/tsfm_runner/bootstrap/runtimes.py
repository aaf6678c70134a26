"""Opens the model runtimes that the settings name, and bounds what they are asked."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import TypeAlias

from tsfm_runner.adapters.tollama import TollamaRuntime, open_session
from tsfm_runner.bootstrap.embedded import open_embedded
from tsfm_runner.config import Settings, TollamaConfig
from tsfm_runner.domain.forecast import Rung
from tsfm_runner.domain.model import ModelRegistry
from tsfm_runner.ports import Clock, ForecastRuntime
from tsfm_runner.service.batching import BatchLimits

Runtimes: TypeAlias = Mapping[Rung, ForecastRuntime]


async def open_runtimes(
    held: AsyncExitStack, settings: Settings, registry: ModelRegistry, clock: Clock
) -> Runtimes:
    """Return the runtime of each rung that is configured; what is held closes them.

    Raises ``ConfigurationError`` for a model of our own that cannot be opened.
    """
    runtimes: dict[Rung, ForecastRuntime] = {}
    if settings.tollama.url is not None:
        runtimes["tollama"] = await _open_tollama(held, settings.tollama, clock)
    if settings.embedded.enabled:
        runtimes["embedded"] = await open_embedded(held, settings, registry)
    return runtimes


def default_models(settings: Settings, runtimes: Runtimes) -> dict[Rung, str]:
    """Return the model of each rung that is asked when a request names none."""
    models: dict[Rung, str] = {
        "tollama": settings.tollama.model,
        "embedded": settings.embedded.model,
    }
    return {rung: models[rung] for rung in runtimes}


def batch_limits(settings: Settings, rung: Rung) -> BatchLimits:
    """Return how much goes in one call of a runtime, and how many go at a time."""
    resilience = settings.resilience
    tollama, embedded = settings.tollama, settings.embedded
    if rung == "embedded":
        max_series = embedded.max_series_per_call
        max_points = max_series * settings.preparation.context_length
        # One thread computes. Behind another a call would only use up its time, and a
        # slow model would be taken for one that is down.
        max_calls = 1
    else:
        max_series = tollama.max_series_per_call
        max_points = tollama.max_points_per_call
        max_calls = resilience.max_calls_in_flight
    return BatchLimits(max_series, max_points, max_calls, resilience.max_split_calls)


async def _open_tollama(
    held: AsyncExitStack, config: TollamaConfig, clock: Clock
) -> TollamaRuntime:
    session = open_session(
        str(config.url),
        token=config.token.get_secret_value() if config.token else None,
    )
    await held.enter_async_context(session)
    return TollamaRuntime(
        session, daemon_timeout_s=config.daemon_timeout_s, clock=clock
    )
