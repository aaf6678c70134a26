"""The settings of the service in a drill: the user's own, or with shorter times."""

from collections.abc import Mapping

from tsfm_runner.config import Settings
from tsfm_runner.testing.drill.troubles import Phase, Trouble

# Breaker and degradation wait a thirtieth of what they do by default; a call may not
# be as much shorter, or a busy machine alone would make it late.
SHORT_TIMES: Mapping[str, Mapping[str, float]] = {
    "resilience": {
        "deadline_s": 1.2,
        "attempt_timeout_s": 0.8,
        "min_attempt_s": 0.4,
        "backoff_s": 0.02,
    },
    "breaker": {"window_s": 1.0, "cooldown_s": 1.0},
    "degradation": {"window_s": 2.0, "probe_interval_s": 0.3},
}

# Of the requests that are sent at a time, so many times as many may be at work.
_ROOM = 2


def drill_settings(settings: Settings, *, url: str, is_full: bool) -> Settings:
    """Return the settings of a service that asks for models at ``url``.

    What a drill does not try out is as by default. The times are the user's own in
    a full drill, and short ones otherwise.
    """
    given = settings.model_dump()
    plain = Settings().model_dump() | {
        "environment": given["environment"],
        "models_file": given["models_file"],
        "tollama": {"url": url, "model": given["tollama"]["model"]},
        "embedded": {"enabled": False},
        "routing": {"ladder": ("tollama", "baseline")},
        "log": {"level": "error"},
        "server": {"port": 0},
    }
    for section, short in SHORT_TIMES.items():
        plain[section] = given[section] if is_full else plain[section] | short
    return Settings.model_validate(plain)


def with_limits(settings: Settings, phase: Phase, *, concurrency: int) -> Settings:
    """Return the settings with room for less than the crowd of some phases."""
    room = _ROOM * concurrency
    own = settings.resilience.hard_max_in_flight
    is_hard = phase.trouble is Trouble.TURNED_AWAY
    limits = {
        "max_in_flight": room,
        "hard_max_in_flight": room if is_hard else max(room, own),
    }
    resilience = settings.resilience.model_copy(update=limits)
    return settings.model_copy(update={"resilience": resilience})
