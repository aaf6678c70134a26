"""The options that ``forecast`` and ``cycle`` share, and how they are read."""

from datetime import UTC, datetime
from typing import Annotated, TypeAlias

import typer

from tsfm_runner.config import BaselineMethod
from tsfm_runner.domain.task import ModelChoice
from tsfm_runner.errors import InvalidTaskError
from tsfm_runner.facade import parse_model

FreqOption: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Step, as 5m or 1h; native: each market's own cadence."),
]
HorizonOption: TypeAlias = Annotated[
    int | None, typer.Option(help="Steps to forecast.")
]
QuantilesOption: TypeAlias = Annotated[
    str | None, typer.Option(help="Levels between commas, as 0.05,0.5,0.95.")
]
ModelOption: TypeAlias = Annotated[
    str | None, typer.Option(help="NAME or PROVIDER:NAME; unset: the ladder.")
]
MethodOption: TypeAlias = Annotated[
    BaselineMethod | None, typer.Option(help="Ask this baseline and no model.")
]
WhereOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(help="Only markets for which this column is true; repeatable."),
]


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
