"""One post: signed, in time, not redirected, and every answer means something."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from standardwebhooks import Webhook, WebhookVerificationError
from tests.adapters.webhooks.receivers import Receiver, receiving
from tests.service.signals_told import breach_signal

from tsfm_runner.adapters.webhooks import HttpEndpoint, open_session, shape_of
from tsfm_runner.api.breach_schemas import breach_of
from tsfm_runner.config import WebhookConfig
from tsfm_runner.errors import DeliveryFailedError, DeliveryRefusedError

SECRET = "whsec_" + base64.b64encode(b"twenty-four-bytes-of-key").decode()
SIGNAL = breach_signal(7, market_id="Größe/7")


@asynccontextmanager
async def posting(
    receiver: Receiver, *secrets: str, timeout_s: float = 5.0
) -> AsyncIterator[HttpEndpoint]:
    given = {"url": receiver.url, "timeout_s": timeout_s}
    config = WebhookConfig.model_validate(given)
    shape = shape_of(config, describe=breach_of, public_url=None, now=time.time)
    async with open_session() as session:
        yield HttpEndpoint(
            session, config, shape, secrets=secrets or (SECRET,), now=time.time
        )


async def test_a_post_can_be_verified_as_standard_webhooks_say() -> None:
    async with receiving() as receiver, posting(receiver) as endpoint:
        await endpoint.post([SIGNAL])
    [post] = receiver.received

    told = Webhook(SECRET).verify(post.body, dict(post.headers))

    assert told["data"]["dedupe_key"] == SIGNAL.dedupe_key
    assert post.headers["webhook-id"] == told["id"] == "key-7.7"
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(post.body + b" ", dict(post.headers))


async def test_a_plain_secret_signs_with_its_text() -> None:
    plain = "a-secret-of-plain-text"

    async with receiving() as receiver, posting(receiver, plain) as endpoint:
        await endpoint.post([SIGNAL])
    [post] = receiver.received

    assert Webhook(plain.encode()).verify(post.body, dict(post.headers))


async def test_each_of_several_secrets_signs() -> None:
    later = "the-secret-after-that-one"

    async with receiving() as receiver, posting(receiver, SECRET, later) as endpoint:
        await endpoint.post([SIGNAL])
    [post] = receiver.received

    assert Webhook(SECRET).verify(post.body, dict(post.headers))
    assert Webhook(later.encode()).verify(post.body, dict(post.headers))


async def test_a_post_again_has_the_same_id_and_body() -> None:
    async with receiving() as receiver, posting(receiver) as endpoint:
        await endpoint.post([SIGNAL])
        await endpoint.post([SIGNAL])
    first, second = receiver.received

    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body


async def test_an_event_is_one_of_cloudevents() -> None:
    async with receiving() as receiver, posting(receiver) as endpoint:
        await endpoint.post([SIGNAL])
    [post] = receiver.received

    message = HTTPMessage(dict(post.headers), post.body)
    event = from_structured_event(message)

    assert event.get_type() == "tsfm.breach.opened"
    assert event.get_subject() == "Größe/7"
    assert event.get_source() == "/tsfm-runner"
    assert event.get_time() == datetime.fromtimestamp(SIGNAL.ts_s, UTC)
    assert event.get_extension("dedupekey") == SIGNAL.dedupe_key
    assert event.get_data() == breach_of(SIGNAL)
    assert post.headers["Content-Type"] == "application/cloudevents+json"


@pytest.mark.parametrize("status", [200, 202, 204])
async def test_any_answer_of_200_to_299_is_a_success(status: int) -> None:
    async with receiving() as receiver, posting(receiver) as endpoint:
        receiver.statuses = [status]

        await endpoint.post([SIGNAL])


@pytest.mark.parametrize("status", [400, 410, 413, 415, 422])
async def test_what_speaks_against_the_signal_is_a_refusal(status: int) -> None:
    async with receiving() as receiver, posting(receiver) as endpoint:
        receiver.statuses = [status]

        with pytest.raises(DeliveryRefusedError) as caught:
            await endpoint.post([SIGNAL])

    assert caught.value.status == status


@pytest.mark.parametrize(
    "status", [301, 307, 401, 403, 404, 408, 409, 425, 429, 500, 502, 503]
)
async def test_what_may_pass_is_a_failure(status: int) -> None:
    async with receiving() as receiver, posting(receiver) as endpoint:
        receiver.statuses = [status]
        receiver.headers = {"Location": "/elsewhere"}

        with pytest.raises(DeliveryFailedError) as caught:
            await endpoint.post([SIGNAL])

    assert caught.value.status == status
    assert len(receiver.received) == 1  # no redirect was followed


async def test_the_time_that_is_asked_for_is_read_in_seconds_and_as_a_date() -> None:
    later = datetime.now(UTC) + timedelta(seconds=100)
    asked = ["17", format_datetime(later, usegmt=True), "soon", "nan"]
    found: list[float | None] = []

    async with receiving() as receiver, posting(receiver) as endpoint:
        for told in asked:
            receiver.statuses, receiver.headers = [429], {"Retry-After": told}
            with pytest.raises(DeliveryFailedError) as caught:
                await endpoint.post([SIGNAL])
            found.append(caught.value.retry_after_s)

    assert found == [17.0, pytest.approx(100, abs=10), None, None]


async def test_an_endpoint_that_says_nothing_is_left_in_time() -> None:
    async def hang(request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        return web.Response(text=str(request.url))

    async with receiving() as receiver, posting(receiver, timeout_s=0.05) as endpoint:
        receiver.handler = hang

        with pytest.raises(DeliveryFailedError, match="no answer in time"):
            await endpoint.post([SIGNAL])


async def test_an_endpoint_that_is_not_there_is_a_failure_without_its_address() -> None:
    async with receiving() as receiver, posting(receiver) as endpoint:
        await receiver.stop()

        with pytest.raises(DeliveryFailedError) as caught:
            await endpoint.post([SIGNAL])

    assert "secret-in-address" not in str(caught.value)
    assert str(receiver.port) not in str(caught.value)


@pytest.mark.parametrize("status", [200, 400])
async def test_a_status_counts_however_slowly_the_rest_comes(status: int) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(status=status, headers={"Content-Length": "9"})
        await answer.prepare(request)
        await asyncio.Event().wait()
        return answer

    async with receiving() as receiver, posting(receiver, timeout_s=1.0) as endpoint:
        receiver.handler = drip

        if status == 200:
            await endpoint.post([SIGNAL])
        else:
            with pytest.raises(DeliveryRefusedError):
                await endpoint.post([SIGNAL])


async def test_of_an_answer_only_the_beginning_is_told_on_one_line() -> None:
    async def shout(request: web.Request) -> web.StreamResponse:
        del request
        return web.Response(status=400, body=b"bad\n\x1b[31m label " * 100_000)

    async with receiving() as receiver, posting(receiver) as endpoint:
        receiver.handler = shout

        with pytest.raises(DeliveryRefusedError) as caught:
            await endpoint.post([SIGNAL])

    assert str(caught.value) == "answered 400"  # the rest is not for the log
    assert caught.value.told.startswith("bad [31m label bad")
    assert len(caught.value.told) == 200
    assert caught.value.told.isprintable()


async def test_without_a_secret_nothing_is_signed() -> None:
    config = WebhookConfig.model_validate(
        {"url": "http://127.0.0.1:1/", "format": "alertmanager"}
    )
    async with receiving() as receiver, open_session() as session:
        config = config.model_copy(update={"url": receiver.url})
        shape = shape_of(config, describe=breach_of, public_url=None, now=time.time)
        endpoint = HttpEndpoint(session, config, shape, secrets=(), now=time.time)
        await endpoint.post([SIGNAL])
    [post] = receiver.received

    assert "webhook-signature" not in post.headers
    assert post.headers["Content-Type"] == "application/json"
    assert endpoint.payload(SIGNAL).keys() == post.document[0].keys()  # type: ignore[attr-defined]
