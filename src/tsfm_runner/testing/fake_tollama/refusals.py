"""The daemon's errors: a status, a detail, and for some a hint."""

from typing import Any

_HINTS = {
    400: "Fix request payload or parameters and retry.",
    503: "Retry after daemon dependencies are available.",
}
_INSTALL_HINT = (
    "Run `tollama pull <model>` to install. "
    "Use `tollama info --json` to inspect available models."
)


class RefusalError(Exception):
    """The request is answered with an error; ``detail`` is what the daemon sends."""

    def __init__(
        self,
        status: int,
        detail: str | dict[str, Any] | list[dict[str, Any]],
        *,
        hint: str | None = None,
    ) -> None:
        """Take the hint that the daemon gives for this status unless told another."""
        super().__init__(status)
        self.status = status
        self.detail = detail
        self.hint = hint or _HINTS.get(status)


def not_installed(model: str) -> RefusalError:
    """Return the refusal for a model that has not been pulled."""
    detail = f"model {model!r} is not installed"
    return RefusalError(404, detail, hint=_INSTALL_HINT)


def forecast_error(message: str) -> RefusalError:
    """Return the refusal of a runner that could not use the series."""
    return RefusalError(502, {"code": "FORECAST_ERROR", "message": message})
