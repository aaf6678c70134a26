"""The log: one JSON object a line, or plain words for people at a terminal."""

import asyncio
from datetime import UTC, datetime
from typing import TextIO, cast

import msgspec
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from tsfm_runner.config import LogConfig

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_ABOVE_ALL = 50  # the highest that structlog knows; nobody writes at it
_encode = msgspec.json.Encoder(enc_hook=str).encode


def _json_line(logger: object, level: str, words: EventDict) -> str:
    """Return one JSON object; in one step, for a line is written with each forecast."""
    if "exc_info" in words:
        words = structlog.processors.format_exc_info(logger, level, words)
    return _encode({"time": datetime.now(UTC), "level": level, **words}).decode()


def _text_line(*, colors: bool) -> list[Processor]:
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.dev.ConsoleRenderer(
            colors=colors,
            # Callers' words may hold what a terminal takes for a command.
            repr_native_str=True,
            # The usual one shows the values of variables: prices, tokens.
            exception_formatter=structlog.dev.plain_traceback,
        ),
    ]


class _LinesOfTurn:
    """Hands all lines of one turn of the event loop to the stream at once.

    One exchange with the system for each line would cost more than the line.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: list[str] = []

    def write(self, text: str) -> None:
        self._lines.append(text)
        if len(self._lines) > 1:
            return  # the first line of the turn has seen to it
        try:
            asyncio.get_running_loop().call_soon(self._hand_over)
        except RuntimeError:  # there are no turns
            self._hand_over()

    def flush(self) -> None:
        """Wait for the end of the turn."""

    def _hand_over(self) -> None:
        lines, self._lines = self._lines, []
        self._stream.write("".join(lines))
        self._stream.flush()


def open_log(config: LogConfig, stream: TextIO) -> FilteringBoundLogger:
    """Return a logger that writes to the stream as the settings say."""
    is_terminal = stream.isatty()
    is_text = config.format == "text" or (config.format == "auto" and is_terminal)
    logger: FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(cast("TextIO", _LinesOfTurn(stream))),
        processors=_text_line(colors=is_terminal) if is_text else [_json_line],
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
