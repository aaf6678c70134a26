"""Opens the ledger to take breach signals of the past, of which nobody is told."""

import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeAlias

from tsfm_runner.adapters.ledger import SqliteLedger, open_ledger
from tsfm_runner.config import Settings
from tsfm_runner.domain.signals import BreachQuery, BreachSignal, DeliveryEntry
from tsfm_runner.errors import ConfigurationError

KeepSignals: TypeAlias = Callable[[Sequence[BreachSignal]], Awaitable[int]]
"""Writes signals, but for those of breaches that are there; returns how many."""

_EVERY = 2**62


@asynccontextmanager
async def open_for_backfill(settings: Settings) -> AsyncIterator[KeepSignals]:
    """Hold the ledger of the settings, and yield what writes signals into it.

    Signals of the past reach no webhook: whoever was told of everything before counts
    as told of them. Raises what `open_ledger` does, and ``ConfigurationError`` where
    an endpoint waits for signals, which it would never be told of.
    """
    with open_ledger(settings.store, tell=_to_nobody) as ledger:
        first_id = ledger.read(awaited_after_s=math.inf).next_signal_id
        endpoints = await _require_told(
            ledger, settings.webhooks.endpoints, first_id - 1
        )

        async def keep(signals: Sequence[BreachSignal]) -> int:
            known = await ledger.breaches(BreachQuery(limit=_EVERY))
            keys = {one.dedupe_key for one in known}
            new = [one for one in signals if one.dedupe_key not in keys]
            kept = [replace(one, id=first_id + at) for at, one in enumerate(new)]
            last_id, now_s = first_id + len(new) - 1, time.time()
            told = [DeliveryEntry(name, last_id, now_s) for name in endpoints]
            # Together: who dies in between would have the past told of as news.
            ledger.append([*kept, *told])
            await ledger.commit()
            return len(new)

        yield keep


async def _require_told(
    ledger: SqliteLedger, endpoints: Iterable[str], last_id: int
) -> list[str]:
    """Return the endpoints that were told of everything there is."""
    told: list[str] = []
    for name in endpoints:
        cursor = await ledger.last_delivered(name)
        if cursor is not None and cursor < last_id:
            raise ConfigurationError(
                f"webhooks.endpoints.{name} has not been told of {last_id - cursor} "
                "signals yet: let the service deliver them first"
            )
        told.append(name)
    return told


def _to_nobody(_: Exception | None) -> None:
    """Leave what happens to the ledger to `commit`, which raises it."""
