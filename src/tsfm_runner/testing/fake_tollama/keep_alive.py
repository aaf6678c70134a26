"""How long a model stays in memory after a forecast."""

from datetime import UTC, datetime, timedelta

from tsfm_runner.testing.fake_tollama.options import Memory
from tsfm_runner.testing.fake_tollama.refusals import RefusalError

_UNITS_S = {"s": 1, "m": 60, "h": 3600}


def keep_loaded(memory: Memory, model: str, *, wish: object) -> None:
    """Note how long the model stays; refuse a wish that cannot be read."""
    duration = _duration(wish)
    if duration == timedelta(0):
        memory.loaded.pop(model, None)
        return
    memory.loaded[model] = None if duration is None else datetime.now(UTC) + duration


def _duration(wish: object) -> timedelta | None:
    """Return how long a model stays; None for ever."""
    if wish is None:
        return None
    seconds = _seconds(wish) if isinstance(wish, str) else wish
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise RefusalError(400, f"invalid keep_alive: {wish!r}")
    return timedelta(seconds=seconds) if seconds >= 0 else None


def _seconds(text: str) -> int | None:
    """Return the seconds of a text such as ``5m``; None for any other text."""
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS_S or not number.isdigit():
        return None
    return int(number) * _UNITS_S[unit]
