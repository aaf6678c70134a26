"""The log: one JSON object a line, or plain words for people at a terminal."""

from typing import Any, TextIO

import msgspec
import structlog
from structlog.typing import FilteringBoundLogger, Processor

from tsfm_runner.config import LogConfig

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_ABOVE_ALL = 50  # the highest that structlog knows; nobody writes at it
_encode = msgspec.json.Encoder(enc_hook=str).encode


def _to_json(event: Any, **_: Any) -> str:  # noqa: ANN401 - structlog's own signature
    return _encode(event).decode()


def open_log(config: LogConfig, stream: TextIO) -> FilteringBoundLogger:
    """Return a logger that writes to the stream as the settings say."""
    is_text = config.format == "text" or (config.format == "auto" and stream.isatty())
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=stream.isatty())
        if is_text
        else structlog.processors.JSONRenderer(serializer=_to_json)
    )
    logger: FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(stream),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[config.level]),
        context_class=dict,
    ).bind()
    return logger


def silent_log() -> FilteringBoundLogger:
    """Return a logger that writes nothing."""
    logger: FilteringBoundLogger = structlog.wrap_logger(
        structlog.ReturnLogger(),
        processors=[],
        wrapper_class=structlog.make_filtering_bound_logger(_ABOVE_ALL),
    ).bind()
    return logger
