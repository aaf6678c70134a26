"""Tells one endpoint of every signal: in order, at least once, until it takes them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from typing import NamedTuple

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    wait_random_exponential,
)

from tsfm_runner.config import WebhookConfig
from tsfm_runner.domain.delivery import (
    DeadLetter,
    Delivery,
    DeliveryOutcome,
    EndpointStatus,
)
from tsfm_runner.domain.signals import BreachQuery, BreachSignal, DeliveryEntry
from tsfm_runner.errors import (
    DeliveryError,
    DeliveryFailedError,
    DeliveryRefusedError,
    TsfmError,
)
from tsfm_runner.ports import Clock, DeadLetters, Ledger, SignalReceiver, Telemetry
from tsfm_runner.service.delivering.choosing import is_wanted, severities_from
from tsfm_runner.service.feed import Feed, Listener

_PAGE = 1_000
_LOOK_AGAIN_S = 15.0


class Endpoint(NamedTuple):
    """Who is told, as it is configured, and what posts to it."""

    name: str
    config: WebhookConfig
    receiver: SignalReceiver


@dataclass(frozen=True, slots=True)
class Means:
    """What couriers share: where signals and dead letters are, who hears, the time."""

    ledger: Ledger
    letters: DeadLetters
    feed: Feed
    telemetry: Telemetry
    clock: Clock
    wall_clock: Clock
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep


class Courier:
    """Goes on from where the ledger says that the endpoint was told everything.

    What was posted and not yet written there when the process ends is posted again.
    """

    def __init__(self, endpoint: Endpoint, means: Means) -> None:
        """Have told nothing; `begin` finds out from where on."""
        self.name, self._config, self._receiver = endpoint
        self._means = means
        # In an Alertmanager's shape several go together; an event goes alone.
        is_joined = self._config.format == "alertmanager"
        self._max_batch = self._config.max_alerts if is_joined else 1
        self._last_id = 0
        self._waiting: list[BreachSignal] = []
        self._n_attempts = 0
        self._told_again_s: float | None = None
        self._is_failing = False
        self._is_blind = False  # it fails because the ledger cannot be read
        self._error: str | None = None
        self._at_post = asyncio.Lock()

    @property
    def status(self) -> EndpointStatus:
        """How the endpoint is doing."""
        lag_s = 0.0
        if self._waiting:
            lag_s = max(0.0, self._means.wall_clock() - self._waiting[0].recorded_at_s)
        return EndpointStatus(
            self.name,
            self._is_failing,
            len(self._waiting),
            lag_s,
            self._error,
            self._means.letters.count(self.name),
        )

    async def begin(self) -> None:
        """Find out from where on the endpoint is told; a new one from now on."""
        last_id = await self._means.ledger.last_delivered(self.name)
        if last_id is not None:
            self._last_id = last_id
            return
        newest = await self._means.ledger.breaches(BreachQuery(limit=1))
        # Written even if it is 0: the next start is not the first one.
        self._advance(newest[0].id if newest else 0)

    async def run(self) -> None:
        """Tell whatever there is to tell, until cancelled."""
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(TsfmError),
            wait=self._pause_s,
            before_sleep=self._note,
            sleep=self._means.pause,
        )
        with self._means.feed.listen(hears_markets=False) as listener:
            while True:
                await retrying(self._step, listener)

    async def rest(self, grace_s: float) -> None:
        """Let a post under way end, for a while, and begin no other."""
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self._at_post.acquire()

    def lose(self, failure: BaseException) -> None:
        """Say from now on that nobody tells the endpoint any more."""
        self._is_failing = True
        self._error = f"stopped: {type(failure).__name__}"

    async def _step(self, listener: Listener) -> None:
        """Tell of all that is new, or wait for something to be."""
        await self._tell_again_of_open_ones()
        page = await self._means.ledger.signals_after(self._last_id, limit=_PAGE)
        if self._is_blind:
            self._recover()
        self._waiting = [one for one in page if is_wanted(one, self._config)]
        while self._waiting:
            was_failing = self._is_failing
            async with self._at_post:
                await self._tell(self._waiting[: self._max_batch])
            if was_failing:
                return  # should it fail again, pauses are to begin anew
        if page:
            self._advance(page[-1].id)
        else:
            await self._wait_for_news(listener)

    async def _tell(self, batch: Sequence[BreachSignal]) -> None:
        self._n_attempts += 1
        try:
            await self._receiver.post(batch)
        except DeliveryRefusedError as refusal:
            if len(batch) > 1:  # one of them may be the cause
                for signal in batch:
                    await self._tell([signal])
                return
            await self._bury(batch, refusal)
            self._error = str(refusal)
        except DeliveryFailedError as failure:
            await self._give_up_on_old_ones(batch, failure)
            raise
        else:
            self._say("delivered", len(batch))
            self._recover()
            self._advance(batch[-1].id)
        self._is_failing = False

    async def _give_up_on_old_ones(
        self, batch: Sequence[BreachSignal], failure: DeliveryFailedError
    ) -> None:
        oldest_s = self._means.wall_clock() - self._config.give_up_after_s
        old = list(takewhile(lambda one: one.recorded_at_s < oldest_s, batch))
        if len(old) < len(batch):
            self._say("retried", len(batch) - len(old), failure)
        if old:
            await self._bury(old, failure)

    async def _bury(self, batch: Sequence[BreachSignal], why: DeliveryError) -> None:
        died_at_s = self._means.wall_clock()
        reason = f"{why}: {why.told}" if why.told else str(why)
        await self._means.letters.put(
            [
                DeadLetter(
                    self.name,
                    signal,
                    reason,
                    why.status,
                    self._n_attempts,
                    died_at_s,
                    self._receiver.payload(signal),
                )
                for signal in batch
            ]
        )
        self._say("dead", len(batch), why)
        self._advance(batch[-1].id)

    async def _tell_again_of_open_ones(self) -> None:
        """Keep alerts firing, also in an Alertmanager that was started anew."""
        now_s, interval_s = self._means.clock(), self._config.repost_interval_s
        if self._config.format != "alertmanager" or (
            self._told_again_s is not None and now_s < self._told_again_s + interval_s
        ):
            return
        self._told_again_s = now_s
        async for batch in self._open_ones():
            # One that it does not take was told of before; it takes the others.
            with suppress(DeliveryRefusedError):
                async with self._at_post:
                    await self._receiver.post(batch)
                self._recover()

    async def _open_ones(self) -> AsyncIterator[Sequence[BreachSignal]]:
        """Yield breaches that are open, as far as their newest signal was told."""
        before_id: int | None = self._last_id + 1
        while before_id is not None:
            page = await self._means.ledger.breaches(
                BreachQuery(
                    severities=severities_from(self._config.min_severity),
                    is_open=True,
                    before_id=before_id,
                    limit=self._max_batch,
                )
            )
            if page:
                yield page
            before_id = page[-1].id if len(page) == self._max_batch else None

    async def _wait_for_news(self, listener: Listener) -> None:
        longest_s = min(_LOOK_AGAIN_S, self._config.repost_interval_s)
        if await listener.next_events(timeout_s=longest_s) is None:
            await self._means.pause(longest_s)  # we are about to stop

    def _advance(self, last_id: int) -> None:
        """Write down that the endpoint is told of everything up to a signal."""
        now_s = self._means.wall_clock()
        self._means.ledger.append([DeliveryEntry(self.name, last_id, now_s)])
        self._last_id = last_id
        self._waiting = [one for one in self._waiting if one.id > last_id]
        self._n_attempts = 0

    def _pause_s(self, state: RetryCallState) -> float:
        """Return how long to wait: full jitter, and what the endpoint asked for."""
        config, failure = self._config, _failure_of(state)
        drawn_s = wait_random_exponential(
            multiplier=config.first_backoff_s, max=config.longest_backoff_s
        )(state)
        if not isinstance(failure, DeliveryFailedError) or not failure.retry_after_s:
            return drawn_s
        return max(drawn_s, min(failure.retry_after_s, config.longest_retry_after_s))

    def _note(self, state: RetryCallState) -> None:
        failure = _failure_of(state)
        self._is_failing = True
        self._is_blind = not isinstance(failure, DeliveryError)
        self._error = str(failure)

    def _recover(self) -> None:
        self._is_failing = self._is_blind = False
        self._error = None

    def _say(
        self, outcome: DeliveryOutcome, n_signals: int, why: DeliveryError | None = None
    ) -> None:
        error = None if why is None else str(why)
        self._means.telemetry.delivery_tried(
            Delivery(self.name, outcome, n_signals, self._n_attempts, error)
        )


def _failure_of(state: RetryCallState) -> BaseException | None:
    return None if state.outcome is None else state.outcome.exception()
