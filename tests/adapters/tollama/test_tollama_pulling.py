"""The daemon installs a model, tells how far it is, or says why it cannot."""

import asyncio
import json

import pytest
from tests.adapters.tollama.tollama_stand_in import Handler, replying, serving
from tests.testing.fake_tollama.tollama_recordings import needs_recordings, recordings

from tsfm_runner.adapters.tollama import open_session
from tsfm_runner.adapters.tollama.pulling import Told, install
from tsfm_runner.errors import (
    ModelNotAllowedError,
    ModelNotInstalledError,
    RuntimeProtocolError,
    RuntimeUnavailableError,
    TsfmError,
)
from tsfm_runner.testing.fake_tollama import FakeTollamaOptions, running_fake_tollama

SUCCESS = {"status": "success", "model": "mock", "digest": "local", "size": 0}


async def pulled(url: str, name: str = "mock", *, accepts: bool = False) -> list[Told]:
    """Ask for a model, and return all that was told."""
    told: list[Told] = []
    async with open_session(url, token=None) as session, asyncio.timeout(10):
        await install(session, name, accepts_license=accepts, tell=told.append)
    return told


def lines(*events: object) -> bytes:
    return "".join(f"{json.dumps(event)}\n" for event in events).encode()


async def test_a_model_is_installed_and_is_there_afterwards() -> None:
    options = FakeTollamaOptions(models=())

    async with running_fake_tollama(options, host="127.0.0.1", port=0) as url:
        first = await pulled(url, "chronos2")
        second = await pulled(url, "chronos2")

    steps = ["pulling manifest", "resolving digest", "success"]
    assert [one.status for one in first] == steps
    assert [one.status for one in second] == ["already present", "success"]


async def test_a_licence_has_to_be_accepted() -> None:
    name = "moirai-2.0-R-small"
    options = FakeTollamaOptions(models=())

    async with running_fake_tollama(options, host="127.0.0.1", port=0) as url:
        with pytest.raises(ModelNotAllowedError, match="--accept-license"):
            await pulled(url, name)
        told = await pulled(url, name, accepts=True)

    assert told[-1].status == "success"


async def test_a_model_that_the_daemon_does_not_know_is_told() -> None:
    options = FakeTollamaOptions(models=())

    async with running_fake_tollama(options, host="127.0.0.1", port=0) as url:
        with pytest.raises(ModelNotInstalledError, match="'nope' is not defined"):
            await pulled(url, "nope")


async def test_bytes_are_told_where_the_daemon_tells_them() -> None:
    event = {"status": "pulling", "completed": 5, "total": 20, "digest": "sha256:a"}

    async with serving(replying(lines(event) + b"\n" + lines(SUCCESS))) as url:
        told = await pulled(url)

    assert told == [Told("pulling", 5, 20), Told("success", None, None)]


@pytest.mark.parametrize(
    ("handler", "kind", "said"),
    [
        (replying(b"\xff\n"), RuntimeProtocolError, "something else"),
        (replying(b"[1]\n"), RuntimeProtocolError, "something else"),
        (replying(b"<html>"), RuntimeProtocolError, "something else"),
        (replying(b" " * 1_000_000), RuntimeProtocolError, "something else"),
        (replying(b""), RuntimeProtocolError, "stopped at 'nothing'"),
        (
            replying(lines({"status": "pulling manifest"})),
            RuntimeProtocolError,
            "stopped at 'pulling manifest'",
        ),
        (
            replying(lines({"error": {"message": "no\x1b[31m network\nat /secret"}})),
            ModelNotInstalledError,
            r"cannot install mock: no\[31m network$",
        ),
        (replying(b"down", status=503), RuntimeUnavailableError, "answered 503: down"),
        (replying(b"{}", status=500), RuntimeUnavailableError, "answered 500: {}"),
    ],
)
async def test_every_other_answer_is_told(
    handler: Handler, kind: type[TsfmError], said: str
) -> None:
    async with serving(handler) as url:
        with pytest.raises(kind, match=said):
            await pulled(url)


async def test_a_daemon_that_is_not_there_is_told() -> None:
    with pytest.raises(RuntimeUnavailableError):
        await pulled("http://127.0.0.1:1")


@needs_recordings
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("pull_mock_stream", None),
        ("pull_mock_stream_again", None),
        ("pull_mock_nostream_again", None),
        ("pull_chronos2_offline", ModelNotInstalledError),
        ("pull_chronos2_offline_stream", ModelNotInstalledError),
        ("pull_license", ModelNotAllowedError),
        ("pull_unknown_stream", ModelNotInstalledError),
    ],
)
async def test_what_the_daemon_has_answered_is_understood(
    name: str, kind: type[TsfmError] | None
) -> None:
    recording = recordings()[name]
    handler = replying(recording.received, status=recording.status or 0)

    async with serving(handler) as url:
        if kind is None:
            assert (await pulled(url))[-1].status == "success"
        else:
            with pytest.raises(kind):
                await pulled(url)
