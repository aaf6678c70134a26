"""Let the daemon install a model, and pass on what it tells meanwhile."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from http import HTTPStatus
from typing import NamedTuple, TypeAlias

import aiohttp
from aiohttp.http_exceptions import LineTooLong
from pydantic import BaseModel

from tsfm_runner.adapters.tollama.exchange import translated_errors
from tsfm_runner.errors import (
    ModelNotAllowedError,
    ModelNotInstalledError,
    RuntimeProtocolError,
    RuntimeUnavailableError,
)

_MOST_LETTERS = 300


class _Error(BaseModel):
    message: str


class _Event(BaseModel):
    """A line of the stream: what is done, or why it failed."""

    status: str = ""
    completed: int | None = None
    total: int | None = None
    error: _Error | None = None


class Told(NamedTuple):
    """One thing that the daemon tells: what it does, and how far it is."""

    status: str
    n_bytes: int | None
    n_bytes_all: int | None


TellPull: TypeAlias = Callable[[Told], None]


async def install(
    session: aiohttp.ClientSession,
    name: str,
    *,
    accepts_license: bool,
    tell: TellPull,
) -> None:
    """Ask for a model, and wait until the daemon has it.

    Raises ``ModelNotAllowedError`` where its licence has to be accepted,
    ``ModelNotInstalledError`` where the daemon does not know it or cannot get it,
    ``RuntimeUnavailableError`` where it does not answer, and ``RuntimeProtocolError``
    where it never says that all went well.
    """
    body = {"model": name, "stream": True, "accept_license": accepts_license}
    status = ""
    with translated_errors():
        async with session.post("api/pull", json=body) as reply:
            if not reply.ok:
                raise _refusal(name, reply.status, await reply.text())
            async for told in _events(reply, name):
                status = told.status
                tell(told)
    if status != "success":
        raise RuntimeProtocolError(f"tollama stopped at {status or 'nothing'!r}")


async def _events(reply: aiohttp.ClientResponse, name: str) -> AsyncIterator[Told]:
    try:
        async for line in reply.content:
            if not line.strip():
                continue
            event = _Event.model_validate_json(line)
            if event.error is not None:
                raise _refusal(name, HTTPStatus.BAD_GATEWAY, event.error.message)
            yield Told(event.status, event.completed, event.total)
    except (LineTooLong, ValueError) as exc:  # a line without an end, or no JSON
        raise RuntimeProtocolError("tollama tells something else than a pull") from exc


def _refusal(
    name: str, status: int, text: str
) -> ModelNotAllowedError | ModelNotInstalledError | RuntimeUnavailableError:
    """Return the error that a refusal means; what the daemon says stands in it."""
    said = _detail(text)
    is_licence = "license acceptance" in said
    if status == HTTPStatus.CONFLICT or is_licence:
        return ModelNotAllowedError(
            f"{name} has a licence that must be accepted: say --accept-license"
        )
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.BAD_GATEWAY}:
        return ModelNotInstalledError(f"tollama cannot install {name}: {said}")
    return RuntimeUnavailableError(f"tollama answered {status}: {said}")


def _detail(text: str) -> str:
    with suppress(KeyError, TypeError, ValueError, RecursionError):
        text = str(json.loads(text)["detail"])
    line = text.strip().partition("\n")[0].strip('"')
    return "".join(letter for letter in line if letter.isprintable())[:_MOST_LETTERS]
