"""Read the options of ``forecast`` that are more than a word or a number."""

from datetime import UTC, datetime

from tsfm_runner.domain.task import ModelChoice
from tsfm_runner.errors import InvalidTaskError
from tsfm_runner.facade import parse_model


def parse_levels(text: str | None) -> tuple[float, ...] | None:
    """Read levels between commas; raise ``InvalidTaskError`` for anything else."""
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as exc:
        rule = "must be numbers between commas, as 0.05,0.5,0.95"
        raise InvalidTaskError("quantiles", rule) from exc


def parse_choice(model: str | None, method: str | None) -> ModelChoice:
    """Choose a model or a baseline; raise ``InvalidTaskError`` for both at once."""
    if method is None:
        try:
            return parse_model(model)
        except InvalidTaskError as exc:
            raise InvalidTaskError("--model", exc.message) from exc
    if model is not None:
        raise InvalidTaskError("method", "may not stand beside --model")
    return ModelChoice(provider="baseline", name=method)


def parse_moment(text: str, *, option: str) -> datetime:
    """Read a time; without an offset it is UTC, as in files.

    Raises ``InvalidTaskError`` for anything that is no time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        rule = "must be an ISO 8601 time, as 2026-02-20T12:00Z"
        raise InvalidTaskError(option, rule) from exc
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
