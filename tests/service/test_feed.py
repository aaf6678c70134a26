import asyncio

import pytest
from tests.service.signals_told import START_S, breach_signal

from tsfm_runner.domain.calibration import Drift, StreamKey
from tsfm_runner.service.feed import (
    MAX_MARKETS,
    MAX_TOLD,
    DriftTold,
    Events,
    Feed,
)

DRIFT = Drift(
    StreamKey("chronos2", "1", 300), "weather", 3, miss_rate=0.2, inside_rate=0.7
)
HANG_S = 30.0


async def test_signals_and_drifts_are_heard_in_the_order_in_which_they_were_told() -> (
    None
):
    feed = Feed()
    first, second = breach_signal(1), breach_signal(2)

    with feed.listen() as listener:
        feed.signal(first)
        feed.drifted(DRIFT, START_S)
        feed.signal(second)
        events = await listener.next_events()

    assert events == Events(told=(first, DriftTold(DRIFT, START_S), second))


async def test_a_market_is_heard_of_once_however_often_it_changed() -> None:
    feed = Feed()

    with feed.listen() as listener:
        for market_id in ("a", "b", "a", "a"):
            feed.market_changed(market_id)
        events = await listener.next_events()

    assert events == Events(market_ids=frozenset({"a", "b"}))


async def test_what_was_heard_is_not_heard_again() -> None:
    feed = Feed()

    with feed.listen() as listener:
        feed.signal(breach_signal(1))
        feed.market_changed("a")
        await listener.next_events()
        feed.market_changed("b")
        events = await listener.next_events()

    assert events == Events(market_ids=frozenset({"b"}))


async def test_a_listener_may_be_told_any_number_at_once() -> None:
    feed = Feed()

    with feed.listen(max_told=None) as listener:
        for number in range(MAX_TOLD + 5):
            feed.signal(breach_signal(number))
        events = await listener.next_events()

    assert events is not None
    assert (len(events.told), events.has_missed) == (MAX_TOLD + 5, False)


async def test_a_listener_waits_until_something_happens() -> None:
    feed = Feed()

    with feed.listen() as listener:
        waiting = asyncio.create_task(listener.next_events(timeout_s=HANG_S))
        await asyncio.sleep(0)
        is_waiting = not waiting.done()
        feed.signal(breach_signal(1))
        events = await waiting

    assert is_waiting
    assert events == Events(told=(breach_signal(1),))


async def test_a_listener_that_waits_no_longer_hears_that_nothing_happened() -> None:
    feed = Feed()

    with feed.listen() as listener:
        assert await listener.next_events(timeout_s=0) == Events()


async def test_a_listener_without_interest_in_markets_hears_of_none() -> None:
    feed = Feed()

    with feed.listen(hears_markets=False) as listener:
        feed.market_changed("a")
        feed.signal(breach_signal(1))
        events = await listener.next_events()

    assert events == Events(told=(breach_signal(1),))


async def test_every_listener_hears_everything() -> None:
    feed = Feed()

    with feed.listen() as one, feed.listen() as other:
        feed.signal(breach_signal(1))

        assert await one.next_events() == await other.next_events()


async def test_nothing_from_before_is_heard_and_nothing_after() -> None:
    feed = Feed()

    feed.signal(breach_signal(1))
    with feed.listen() as listener:
        assert feed.n_listeners == 1
        assert await listener.next_events(timeout_s=0) == Events()
    feed.signal(breach_signal(2))

    assert feed.n_listeners == 0
    assert await listener.next_events(timeout_s=0) == Events()


@pytest.mark.parametrize("n_more", [1, 7])
async def test_a_listener_told_too_much_hears_the_newest_and_that_it_missed_some(
    n_more: int,
) -> None:
    feed = Feed()

    with feed.listen() as listener:
        feed.market_changed("a")
        for number in range(MAX_TOLD + n_more):
            feed.signal(breach_signal(number))
        events = await listener.next_events()
        after = await listener.next_events(timeout_s=0)

    newest = tuple(breach_signal(MAX_TOLD + number) for number in range(n_more))
    assert events == Events(told=newest, has_missed=True)
    assert after == Events()


async def test_a_listener_keeps_as_much_as_it_may() -> None:
    feed = Feed()

    with feed.listen() as listener:
        for number in range(MAX_TOLD):
            feed.signal(breach_signal(number))
        for number in range(MAX_MARKETS):
            feed.market_changed(str(number))
        feed.market_changed("0")
        events = await listener.next_events()

    assert events is not None
    assert not events.has_missed
    assert len(events.told) == MAX_TOLD
    assert len(events.market_ids) == MAX_MARKETS


async def test_more_markets_than_may_be_kept_are_missed() -> None:
    feed = Feed()

    with feed.listen() as listener:
        for number in range(MAX_MARKETS + 1):
            feed.market_changed(str(number))
        events = await listener.next_events()

    assert events == Events(market_ids=frozenset({str(MAX_MARKETS)}), has_missed=True)


async def test_a_feed_that_closes_lets_go_of_those_who_wait_and_of_those_who_come() -> (
    None
):
    feed = Feed()

    with feed.listen() as listener:
        waiting = asyncio.create_task(listener.next_events())
        await asyncio.sleep(0)
        feed.close()
        assert await waiting is None
        assert await listener.next_events() is None
    with feed.listen() as late:
        assert await late.next_events() is None


async def test_a_listener_that_rests_hears_later_what_happened_meanwhile() -> None:
    feed = Feed()

    with feed.listen() as listener:
        feed.signal(breach_signal(1))
        await listener.rest(0)
        events = await listener.next_events()

    assert events == Events(told=(breach_signal(1),))


async def test_a_listener_rests_no_longer_than_the_feed_is_open() -> None:
    feed = Feed()

    with feed.listen() as listener:
        resting = asyncio.create_task(listener.rest(HANG_S))
        await asyncio.sleep(0)
        feed.close()
        async with asyncio.timeout(HANG_S / 2):
            await resting
