"""The input of a cycle is read anew each time, from a file or from an address."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from anyio.from_thread import start_blocking_portal
from tests.cli.command_line import run
from tests.cli.cycle_inputs import NOON, WALK, names, prices

from tsfm_runner.cli.exit_codes import ExitCode


def csv(*market_ids: str) -> bytes:
    return prices(*market_ids).write_csv().encode()


def request(market_id: str) -> dict[str, object]:
    return {
        "market_id": market_id,
        "as_of_ts": "2026-02-20T12:00:00Z",
        "y": WALK.tolist(),
    }


@contextmanager
def site(answer: Callable[[int], web.Response | None]) -> Iterator[str]:
    """Serve in a thread of its own: what is answered to each request, by its number.

    None is never answered.
    """
    n_asked = 0

    async def handle(_: web.Request) -> web.Response:
        nonlocal n_asked
        n_asked += 1
        reply = answer(n_asked)
        if reply is None:
            await asyncio.sleep(600)
        return reply or web.Response()

    app = web.Application()
    app.router.add_get("/now", handle)
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(TestServer(app)) as server,
    ):
        yield str(server.make_url("/now"))


def cycles(*arguments: object, **environ: str) -> tuple[int, list[dict[str, Any]], str]:
    variables = {f"TSFM_{name.upper()}": value for name, value in environ.items()}
    result = run("cycle", *arguments, "--json", environ=variables)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    return result.exit_code, lines, result.stderr


def test_a_table_and_requests_come_from_an_address() -> None:
    bodies = [csv("a", "b"), json.dumps([request("c")]).encode()]

    for body, count in zip(bodies, (2, 1), strict=True):
        with site(lambda _, body=body: web.Response(body=body)) as url:  # type: ignore[misc]
            code, [cycle], _ = cycles(url)

        assert code == ExitCode.OK
        assert cycle["markets"] == count


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (web.Response(status=500), "answered 500"),
        (web.Response(body=b"<html>sorry</html>"), "the table needs a column"),
        (web.Response(body=b"[]"), "/now holds no requests"),
        (web.Response(body=b""), ""),
        (web.Response(body=csv("a")[:19]), "/now holds no rows"),
        (None, "/now took over 0.2 s"),
    ],
)
def test_an_address_without_markets_is_an_error(
    reply: web.Response | None, told: str
) -> None:
    with site(lambda _: reply) as url:
        code, reports, errors = cycles(url, cycle__fetch_timeout_s="0.2")

    assert (code, reports) == (ExitCode.USAGE, [])
    assert told in errors
    assert len(errors.splitlines()) == 1


def test_an_answer_that_is_too_large_is_an_error() -> None:
    with site(lambda _: web.Response(body=csv("a"))) as url:
        code, _, errors = cycles(url, server__max_batch_body_bytes="100")

    assert code == ExitCode.USAGE
    assert "/now holds more than 100 bytes" in errors


def test_nothing_is_fetched_for_longer_than_the_budget() -> None:
    with site(lambda _: None) as url:
        code, _, errors = cycles(url, "--budget-s", 0.2)

    assert code == ExitCode.USAGE
    assert "took over 0.2 s" in errors


def test_a_failed_fetch_is_one_failed_cycle_and_the_next_goes_on() -> None:
    def answer(number: int) -> web.Response:
        return web.Response(status=503) if number == 2 else web.Response(body=csv("a"))

    with site(answer) as url:
        code, [first, second, third], _ = cycles(url, "--every", "1s", "--cycles", 3)

    assert code == ExitCode.FAILED
    assert (first["error"], first["markets"]) == (None, 1)
    assert second["error"].endswith("/now answered 503")
    assert (second["markets"], second["cycle"]) == (0, 2)
    assert (third["error"], third["markets"]) == (None, 1)


def test_a_failed_cycle_is_told_to_people() -> None:
    with site(lambda _: web.Response(status=500)) as url:
        result = run("cycle", url, "--every", "1s", "--cycles", 1)

    assert result.exit_code == ExitCode.FAILED
    assert f"failed: {url} answered 500" in result.stdout


def test_a_failed_cycle_leaves_the_bands_of_the_last_one(tmp_path: Path) -> None:
    out = tmp_path / "bands.parquet"

    def answer(number: int) -> web.Response:
        return web.Response(status=500 if number == 2 else 200, body=csv("a"))

    with site(answer) as url:
        cycles(url, "--every", "1s", "--cycles", 2, "--out", out)

    assert pl.read_parquet(out).height == 12
    assert [path.name for path in tmp_path.iterdir()] == ["bands.parquet"]


def test_prices_outside_the_band_of_the_cycle_before_are_told() -> None:
    later = prices(*names(2), end=NOON + timedelta(minutes=5))
    jumped = (pl.col("market_id") == "m001") & (pl.col("ts") > NOON)
    moved = later.with_columns(
        price=pl.when(jumped)
        .then(0.99)
        .when(pl.col("ts") > NOON)
        .then(WALK[-1])
        .otherwise("price")
    )

    def answer(number: int) -> web.Response:
        body = csv(*names(2)) if number == 1 else moved.write_csv().encode()
        return web.Response(body=body)

    with site(answer) as url:
        _, [first, second], _ = cycles(url, "--every", "1s", "--cycles", 2)

    assert first["n_compared_with_previous_band"] == 0
    assert second["n_compared_with_previous_band"] == 2
    assert second["outside_previous_band"] == ["m001"]
    assert second["n_outside_previous_band"] == 1
