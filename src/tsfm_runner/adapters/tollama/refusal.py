"""Which of our errors a status other than 200 stands for."""

import re
from typing import Any

import msgspec

from tsfm_runner.adapters.tollama.exchange import Reply
from tsfm_runner.errors import (
    ForecastRuntimeError,
    ModelNotInstalledError,
    RuntimeProtocolError,
    RuntimeRefusedError,
    RuntimeUnavailableError,
)

_BAD_REQUEST = 400
_NOT_FOUND = 404
_TOO_LARGE = 413
_TOO_MANY = 429
_SERVER_FAULT = 500
_BAD_GATEWAY = 502

_NOT_INSTALLED = re.compile(r"model '.*' is not installed", re.DOTALL)
# The daemon echoes whole requests and sends tracebacks with paths of its machine,
# so nothing of its text is passed on: these are the only words we repeat.
_CODES = ("BAD_REQUEST", "DEPENDENCY_MISSING", "FORECAST_ERROR", "MODEL_UNSUPPORTED")
_PHRASES = ("circuit breaker is open", "timed out", "exited", "invalid forecast")


def failure(reply: Reply, *, model_name: str | None = None) -> ForecastRuntimeError:
    """Return the error that a status other than 200 stands for."""
    status, detail = reply.status, _detail(reply)
    message = f"tollama answered {status}{_reason(detail)}"
    if status == _NOT_FOUND and model_name and _is_not_installed(detail):
        return ModelNotInstalledError(f"tollama does not have model {model_name!r}")
    if status == _BAD_GATEWAY and _code(detail) == "FORECAST_ERROR":
        return RuntimeRefusedError(message, is_input=True)
    if status == _TOO_MANY or status >= _SERVER_FAULT:
        return RuntimeUnavailableError(message)
    if status >= _BAD_REQUEST:
        is_input = status == _TOO_LARGE or (
            status == _BAD_REQUEST and _may_blame_series(detail)
        )
        return RuntimeRefusedError(message, is_input=is_input)
    return RuntimeProtocolError(message)


def names_unknown_key(reply: Reply) -> bool:
    """Return whether the daemon refused the request for a key it does not know."""
    return reply.status == _BAD_REQUEST and _has_unknown_key(_detail(reply))


def _detail(reply: Reply) -> Any:  # noqa: ANN401 - whatever the daemon sent
    try:
        answer = msgspec.json.decode(reply.body)
    except (ValueError, RecursionError):
        return None
    return answer.get("detail") if isinstance(answer, dict) else None


def _is_not_installed(detail: object) -> bool:
    return isinstance(detail, str) and _NOT_INSTALLED.fullmatch(detail) is not None


def _code(detail: object) -> object:
    return detail.get("code") if isinstance(detail, dict) else None


def _has_unknown_key(detail: object) -> bool:
    return any(item.get("type") == "extra_forbidden" for item in _items(detail))


def _items(detail: object) -> list[dict[str, Any]]:
    """Return the items of a schema error; none for any other detail."""
    if not isinstance(detail, list):
        return []
    return [item for item in detail if isinstance(item, dict)]


def _may_blame_series(detail: object) -> bool:
    """Return whether the same request with fewer series could be accepted."""
    if isinstance(detail, list):
        places = [item.get("loc") for item in _items(detail)]
        is_in_series = any(
            isinstance(place, list) and place[:2] == ["body", "series"]
            for place in places
        )
        return is_in_series and not _has_unknown_key(detail)
    return isinstance(detail, str) or _code(detail) in ("BAD_REQUEST", "FORECAST_ERROR")


def _reason(detail: object) -> str:
    """Return a few words of our own choice, led by a colon; or nothing."""
    if isinstance(detail, str):
        words = next((phrase for phrase in _PHRASES if phrase in detail), None)
    elif isinstance(detail, list):
        words = "unknown key" if _has_unknown_key(detail) else "schema"
    else:
        words = next((code for code in _CODES if code == _code(detail)), None)
    return f": {words}" if words else ""
