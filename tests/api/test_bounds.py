"""What one request can cost, whoever sends it and whatever was answered before."""

import asyncio
import json
from typing import Any

import pytest
from tests.api.wire import (
    BATCH,
    FORECAST,
    a_client,
    a_request,
    an_app,
    assert_problem,
    prices,
)

from tsfm_runner.config import Settings


def settings(**server: Any) -> Settings:  # noqa: ANN401 - one value a setting
    return Settings.model_validate({"server": server})


@pytest.mark.parametrize(
    "closes_at", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"]
)
def test_a_market_may_close_at_the_end_of_all_times(closes_at: str) -> None:
    odd = a_request(market_id="odd", closes_at=closes_at)

    with a_client() as client:
        alone = client.post(FORECAST, json=odd)
        batch = client.post(BATCH, json={"requests": [a_request(), odd]})

    assert alone.status_code == 200
    assert [list(item) for item in batch.json()["results"]] == [["result"]] * 2


def test_prices_of_answers_that_are_kept_count_for_a_batch() -> None:
    wide = a_request(y=prices(40), horizon_steps=288)
    body = {"requests": [wide] * 3}

    with a_client(settings(max_batch_prices=2_000)) as client:
        cold = client.post(BATCH, json=body)
        client.post(FORECAST, content=json.dumps(wide))
        kept = client.post(BATCH, json=body)

    for reply in (cold, kept):
        assert_problem(reply, 413, "payload_too_large")


def test_one_request_of_a_batch_may_be_no_larger_than_one_alone() -> None:
    large = a_request(market_id="large", y=prices(500))

    with a_client(settings(max_body_bytes=1_000)) as client:
        reply = client.post(BATCH, json={"requests": [a_request(), large]})

    small, refused = reply.json()["results"]
    assert "result" in small
    assert refused["error"]["status"] == 413


async def test_a_body_that_does_not_arrive_is_given_up() -> None:
    app = an_app(settings(body_timeout_s=0.01))
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    async def send(message: Any) -> None:  # noqa: ANN401 - ASGI's own
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": FORECAST,
        "headers": [(b"content-length", b"100")],
    }
    await app(scope, receive, send)

    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]
    assert json.loads(sent[1]["body"])["code"] == "body_timeout"
    assert app.edge.n_in_flight == 0
