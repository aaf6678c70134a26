"""A first cycle of simulated markets, through the service's own HTTP API."""

import json
from datetime import UTC, datetime
from typing import Any

import aiohttp
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tsfm_runner.adapters.keys_file import read_keys
from tsfm_runner.cli.simulated_requests import STEP_S, requests_of, simulated_day
from tsfm_runner.cli.tables import plain_table
from tsfm_runner.config import Settings
from tsfm_runner.testing.markets import SimulatedMarkets

_SEED = 7
_CURL_POINTS = 36


async def forecast_first_cycle(url: str, n_markets: int, settings: Settings) -> None:
    """Forecast simulated markets over HTTP and print their bands and a curl line."""
    now_s = datetime.now(UTC).timestamp() // STEP_S * STEP_S
    end = datetime.fromtimestamp(now_s, UTC)
    requests = _requests(simulated_day(n_markets, seed=_SEED, end=end))
    token = next(iter(read_keys(settings.auth).values()), None)
    headers = {"Accept": "application/x-ndjson"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token.get_secret_value()}"
    answers = await _answers(url, requests, headers)
    console = Console()
    console.print(_table(requests, answers))
    open_one = min(requests, key=lambda request: abs(request["y"][-1] - 0.5))
    short = open_one | {"y": open_one["y"][-_CURL_POINTS:]}
    secret = "" if token is None else "  -H 'Authorization: Bearer YOUR-TOKEN' \\\n"
    console.print("Try it yourself:", style="bold")
    print(  # noqa: T201 - a line to copy must not be wrapped
        f"curl -s {url}/tsfm/forecast -H 'Content-Type: application/json' \\\n"
        f"{secret}  -d '{json.dumps(short)}'\n"
    )


def _requests(markets: SimulatedMarkets) -> list[dict[str, Any]]:
    return [
        request
        | {
            "freq": "5m",
            "quantiles": [0.1, 0.5, 0.9],
            "category": listing.category,
            "tick_size": listing.tick_size,
        }
        for request, listing in zip(requests_of(markets), markets.listings, strict=True)
    ]


async def _answers(
    url: str, requests: list[dict[str, Any]], headers: dict[str, str]
) -> list[dict[str, Any]]:
    """Return the answers in order, drawing progress as they come."""
    answers: dict[int, dict[str, Any]] = {}
    async with aiohttp.ClientSession(headers=headers) as session:
        with Progress(console=Console(stderr=True)) as progress:
            bar = progress.add_task("First cycle", total=len(requests))
            async with session.post(
                f"{url}/tsfm/forecast/batch",
                json={"requests": requests},
                raise_for_status=True,
            ) as reply:
                async for line in reply.content:
                    item = json.loads(line)
                    answers[item["index"]] = item["result"]
                    progress.advance(bar)
    return [answers[index] for index in range(len(requests))]


def _table(requests: list[dict[str, Any]], answers: list[dict[str, Any]]) -> Table:
    table = plain_table(
        f"80 % bands (q10 to q90) in percent, {answers[0]['as_of_ts']}",
        *("market", "about", "price", "in 5 min", "in 60 min", "by"),
    )
    for column in table.columns:
        column.no_wrap = True
    for column in table.columns[2:5]:
        column.justify = "right"
    for request, answer in zip(requests, answers, strict=True):
        low, high = (answer["yhat_q"][level] for level in ("0.1", "0.9"))
        table.add_row(
            request["market_id"],
            request["category"],
            f"{100 * request['y'][-1]:.1f}",
            *(f"{100 * low[at]:.1f} to {100 * high[at]:.1f}" for at in (0, -1)),
            answer["meta"]["model_name"],
        )
    return table
