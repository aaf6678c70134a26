"""Builds what tells endpoints outside of breach signals."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from tsfm_runner.adapters.webhooks import (
    DeadLetterFile,
    HttpEndpoint,
    dead_letter_path,
    open_session,
    read_secrets,
    shape_of,
)
from tsfm_runner.api.breach_schemas import breach_of
from tsfm_runner.bootstrap.tools import Tools
from tsfm_runner.config import WebhooksConfig
from tsfm_runner.errors import ConfigurationError
from tsfm_runner.ports import Ledger
from tsfm_runner.service.delivering.courier import Courier, Endpoint, Means
from tsfm_runner.service.delivering.couriers import Couriers
from tsfm_runner.service.feed import Feed


def endpoint_of(
    config: WebhooksConfig, name: str, session: aiohttp.ClientSession
) -> HttpEndpoint:
    """Return what posts to one endpoint.

    Raises ``ConfigurationError`` where there is none of this name, or its secret
    cannot be used.
    """
    if name not in config.endpoints:
        known = ", ".join(config.endpoints) or "none"
        raise ConfigurationError(f"webhooks.endpoints has no {name} (there: {known})")
    endpoint = config.endpoints[name]
    url = None if config.public_url is None else str(config.public_url)
    # Receivers hold signatures against real time, whatever clock the markets have.
    now = time.time
    return HttpEndpoint(
        session,
        endpoint,
        shape_of(endpoint, describe=breach_of, public_url=url, now=now),
        secrets=read_secrets(config)[name],
        now=now,
    )


@asynccontextmanager
async def delivering(
    config: WebhooksConfig, *, ledger: Ledger, feed: Feed, tools: Tools
) -> AsyncIterator[Couriers]:
    """Tell every endpoint of signals beside the body; without endpoints do nothing."""
    if not config.endpoints:
        yield Couriers((), tools.teller, grace_s=0)
        return
    means = Means(
        ledger=ledger,
        letters=DeadLetterFile(
            dead_letter_path(config), max_bytes=config.max_dead_letter_bytes
        ),
        feed=feed,
        telemetry=tools.teller,
        clock=tools.clock,
        wall_clock=tools.wall_clock,
    )
    async with open_session() as session:
        endpoints = [
            Endpoint(name, one, endpoint_of(config, name, session))
            for name, one in config.endpoints.items()
        ]
        couriers = Couriers(
            [Courier(endpoint, means) for endpoint in endpoints],
            tools.teller,
            grace_s=config.shutdown_grace_s,
        )
        tools.metrics.watch_webhooks(couriers.statuses)
        async with couriers.at_work():
            yield couriers
