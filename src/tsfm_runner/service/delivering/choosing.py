"""Which signals an endpoint is told of."""

from tsfm_runner.config import WebhookConfig
from tsfm_runner.domain.signals import SEVERITIES, BreachSignal, Severity


def severities_from(lowest: Severity) -> frozenset[Severity]:
    """Return a severity and all above it."""
    return frozenset(SEVERITIES[SEVERITIES.index(lowest) :])


def is_wanted(signal: BreachSignal, config: WebhookConfig) -> bool:
    """Whether the endpoint is told of the signal.

    To an Alertmanager a breach that is over has no more news: it would only be over
    once more.
    """
    is_no_news = (
        config.format == "alertmanager"
        and signal.phase == "followed"
        and not signal.is_open
    )
    return (
        not is_no_news
        and signal.severity in severities_from(config.min_severity)
        and signal.phase in config.phases
    )
