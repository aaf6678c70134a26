"""What almost every object of a process needs, and the models that it may serve."""

from typing import Literal, NamedTuple, TypeAlias

from tsfm_runner.adapters.model_registry import load_registry
from tsfm_runner.adapters.telemetry import Metrics, Teller, silent_log
from tsfm_runner.adapters.watched_verdict import WatchedVerdict
from tsfm_runner.bootstrap.embedded import own_models
from tsfm_runner.config import Settings
from tsfm_runner.domain.model import ModelRegistry
from tsfm_runner.errors import ConfigurationError
from tsfm_runner.ports import Clock, Tracer
from tsfm_runner.service.untraced import UNTRACED

Purpose: TypeAlias = Literal["ask", "keep", "warm", "warm anew"]


class Tools(NamedTuple):
    """What almost every object needs; ``purpose`` is that of opening the ledger."""

    clock: Clock
    wall_clock: Clock
    teller: Teller
    metrics: Metrics
    verdicts: WatchedVerdict
    purpose: Purpose
    tracer: Tracer = UNTRACED


def silent_tools(
    settings: Settings,
    registry: ModelRegistry,
    clock: Clock,
    wall_clock: Clock,
    purpose: Purpose,
) -> Tools:
    """Return tools that log nothing."""
    metrics, log = Metrics(), silent_log()
    teller = Teller(metrics, log, known_models=registry.models)
    verdicts = WatchedVerdict(settings.routing, settings.verdict, log)
    return Tools(clock, wall_clock, teller, metrics, verdicts, purpose)


def checked_registry(settings: Settings) -> ModelRegistry:
    """Return the models; raise ``ConfigurationError`` for one that is not allowed."""
    registry = load_registry(
        settings.models_file, settings.environment, own_models(settings)
    )
    if settings.tollama.url is not None and not registry.is_allowed(
        settings.tollama.model
    ):
        raise ConfigurationError(
            f"tollama.model is {settings.tollama.model}, which "
            f"{settings.environment} does not allow"
        )
    embedded = settings.embedded
    if embedded.enabled and not registry.is_allowed(embedded.model):
        raise ConfigurationError(
            f"embedded.model is {embedded.model}, which {settings.environment} does "
            "not allow; embedded.enabled: false does without it"
        )
    return registry
