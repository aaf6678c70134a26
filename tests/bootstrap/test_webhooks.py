"""Receivers and we ourselves come and go, and no signal is lost."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families
from tests.adapters.webhooks.receivers import Receiver, receiving
from tests.bootstrap.webhook_program import settings_of
from tests.service.signals_told import breach_signal

from tsfm_runner.adapters.ledger import SqliteLedger, open_ledger
from tsfm_runner.adapters.model_registry import load_registry
from tsfm_runner.adapters.webhooks import read_letters
from tsfm_runner.bootstrap.tools import Tools, silent_tools
from tsfm_runner.bootstrap.webhooks import delivering, endpoint_of
from tsfm_runner.config import Settings, WebhooksConfig
from tsfm_runner.errors import ConfigurationError
from tsfm_runner.service.delivering.couriers import Couriers
from tsfm_runner.service.feed import Feed

PROGRAM = Path(__file__).with_name("webhook_program.py")
ROOT = PROGRAM.parents[2]


def tools_of(settings: Settings) -> Tools:
    registry = load_registry(None, "dev")
    return silent_tools(settings, registry, time.monotonic, time.time, "keep")


@asynccontextmanager
async def told(
    settings: Settings, ledger: SqliteLedger, feed: Feed
) -> AsyncIterator[tuple[Couriers, Tools]]:
    tools = tools_of(settings)
    async with delivering(
        settings.webhooks, ledger=ledger, feed=feed, tools=tools
    ) as couriers:
        yield couriers, tools


def happen(ledger: SqliteLedger, feed: Feed, *numbers: int) -> None:
    for number in numbers:
        signal = breach_signal(number, recorded_at_s=time.time())
        ledger.append([signal])
        feed.signal(signal)


async def received(receiver: Receiver, n_posts: int) -> list[int]:
    """Return the ids of the signals of the first posts, once there are so many."""
    async with asyncio.timeout(30):
        while len(receiver.received) < n_posts:
            receiver.came.clear()
            await receiver.came.wait()
    return [post.document["data"]["id"] for post in receiver.received]


async def test_a_receiver_that_dies_and_comes_back_misses_nothing(
    tmp_path: Path,
) -> None:
    async with receiving() as receiver:
        settings, feed = settings_of(tmp_path / "l.db", receiver.url), Feed()
        with open_ledger(settings.store, tell=lambda _: None) as ledger:
            async with told(settings, ledger, feed) as (couriers, tools):
                happen(ledger, feed, 1)
                assert await received(receiver, 1) == [1]
                await receiver.stop()
                happen(ledger, feed, 2, 3)
                async with asyncio.timeout(30):
                    while not couriers.statuses()[0].is_failing:  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
                await receiver.start()
                assert await received(receiver, 3) == [1, 2, 3]
                lines = tools.metrics.exposition().decode()

    counts = {
        sample.labels["outcome"]: sample.value
        for family in text_string_to_metric_families(lines)
        for sample in family.samples
        if sample.name == "tsfm_webhook_deliveries_total"
    }
    assert counts["retried"] >= 1
    assert counts["dead"] == 0


async def test_what_was_told_before_is_not_told_after_a_new_start(
    tmp_path: Path,
) -> None:
    async with receiving() as receiver:
        settings, feed = settings_of(tmp_path / "l.db", receiver.url), Feed()
        for first in (1, 3):
            with open_ledger(settings.store, tell=lambda _: None) as ledger:
                async with told(settings, ledger, feed):
                    happen(ledger, feed, first, first + 1)
                    await received(receiver, first + 1)

        assert await received(receiver, 4) == [1, 2, 3, 4]


async def test_a_refused_signal_is_in_the_file_of_dead_letters(tmp_path: Path) -> None:
    async with receiving() as receiver:
        receiver.statuses = [500, 400]
        settings, feed = settings_of(tmp_path / "l.db", receiver.url), Feed()
        with open_ledger(settings.store, tell=lambda _: None) as ledger:
            async with told(settings, ledger, feed) as (couriers, _):
                happen(ledger, feed, 1, 2)
                assert await received(receiver, 3) == [1, 1, 2]
                assert couriers.statuses()[0].dead_letters == 1

    [letter] = read_letters(tmp_path / "dead.jsonl")
    assert (letter["signal_id"], letter["status"], letter["n_attempts"]) == (1, 400, 2)
    assert letter["payload"]["data"]["id"] == 1


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
async def test_killed_between_post_and_commit_nothing_is_lost(tmp_path: Path) -> None:
    n_signals = 12
    async with receiving() as receiver:
        ledger = tmp_path / "l.db"
        process = await _started(ledger, receiver.url, n_signals)

        async def kill(request: web.Request) -> web.StreamResponse:
            if len(receiver.received) == 5:
                process.kill()
                await process.wait()
            del request
            return web.Response(status=204)

        receiver.handler = kill
        before = (await received(receiver, 5))[:5]
        await process.wait()
        settings = settings_of(ledger, receiver.url)
        with open_ledger(settings.store, tell=lambda _: None) as opened:
            # What was posted and not yet committed comes again, from some place on.
            async with told(settings, opened, Feed()), asyncio.timeout(30):
                while receiver.received[-1].document["data"]["id"] < n_signals:
                    receiver.came.clear()
                    await receiver.came.wait()
        ids = await received(receiver, n_signals)

    names = {post.headers["webhook-id"] for post in receiver.received}
    after = ids[5:]
    assert before == [1, 2, 3, 4, 5]
    assert after == list(range(after[0], n_signals + 1))
    assert after[0] <= 6
    assert len(names) == n_signals


def test_without_endpoints_nothing_is_opened(tmp_path: Path) -> None:
    config = WebhooksConfig(dead_letter_file=tmp_path / "dead.jsonl")
    settings = Settings(webhooks=config)

    async def open_and_close() -> tuple[object, ...]:
        with open_ledger(settings.store, tell=lambda _: None) as ledger:
            async with told(settings, ledger, Feed()) as (couriers, _):
                return couriers.statuses()

    settings = settings.model_copy(
        update={"store": settings.store.model_copy(update={"url": "sqlite://"})}
    )
    assert asyncio.run(open_and_close()) == ()
    assert list(tmp_path.iterdir()) == []


async def test_an_endpoint_that_is_not_there_is_named(tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "l.db", "http://127.0.0.1:1/")

    with pytest.raises(ConfigurationError, match="no other"):
        endpoint_of(settings.webhooks, "other", None)  # type: ignore[arg-type]


async def _started(
    ledger: Path, url: str, n_signals: int
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(PROGRAM),
        str(ledger),
        url,
        str(n_signals),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
