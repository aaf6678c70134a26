"""Keys are exchanged in their file while a real server answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from tests.api.wire import in_memory

from tsfm_runner.cli.serving import bind, running_service, url_of
from tsfm_runner.config import Settings

OLD, NEW, ENVIRONMENT = (
    "old-key-of-16-chars",
    "new-key-of-16-chars",
    "env-key-of-16-chars",
)
PATIENCE_S = 30.0


@asynccontextmanager
async def serving(file: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """Serve for real, and look at the file all the time; give a client."""
    auth = {
        "keys": {"ops": ENVIRONMENT},
        "keys_file": file,
        "reload_interval_s": 0.01,
    }
    bound = bind("127.0.0.1", 0)
    async with (
        running_service(in_memory(Settings.model_validate({"auth": auth})), bound),
        aiohttp.ClientSession(url_of(bound)) as client,
    ):
        yield client


async def status(client: aiohttp.ClientSession, key: str) -> int:
    async with client.get("/tsfm/models", headers={"X-API-Key": key}) as response:
        return response.status


async def statuses(client: aiohttp.ClientSession) -> list[int]:
    return [await status(client, key) for key in (ENVIRONMENT, OLD, NEW)]


async def until(client: aiohttp.ClientSession, key: str, wanted: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await status(client, key) != wanted:
            pass


def rewrite(file: Path, content: str) -> None:
    other = file.with_suffix(".new")
    other.write_text(content, encoding="utf-8")
    other.replace(file)


async def test_keys_rotate_without_a_restart_or_a_moment_without_keys(
    tmp_path: Path,
) -> None:
    file = tmp_path / "keys.yaml"
    rewrite(file, f"first: {OLD}")

    async with serving(file) as client:
        at_first = await statuses(client)
        rewrite(file, f"first: {OLD}\nsecond: {NEW}")
        await until(client, NEW, 200)
        both = await statuses(client)
        rewrite(file, f"second: {NEW}")
        await until(client, OLD, 401)
        at_last = await statuses(client)

    assert at_first == [200, 200, 401]
    assert both == [200, 200, 200]
    assert at_last == [200, 401, 200]


async def test_a_wrong_file_opens_nothing_and_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "keys.yaml"
    rewrite(file, f"first: {OLD}")

    async with serving(file) as client:
        for content in ("", "first: short", f"second: {NEW}\nhalf a li"):
            rewrite(file, content)
            async with asyncio.timeout(PATIENCE_S):
                while "keys_kept" not in capsys.readouterr().err:
                    await status(client, OLD)
            assert await statuses(client) == [200, 200, 401]
            assert await status(client, "") == 401
        rewrite(file, f"second: {NEW}")
        await until(client, NEW, 200)
        mended = await statuses(client)

    assert mended == [200, 401, 200]
