"""Every signal is told in order and at least once, or becomes a dead letter."""

import asyncio

import pytest
from tests.fakes import FakeReceiver
from tests.service.delivering.desks import HOUR_S, Desk, until
from tests.service.signals_told import breach_signal, closed

from tsfm_runner.domain.signals import BreachSignal, DeliveryEntry
from tsfm_runner.errors import (
    CalibrationStateError,
    DeliveryFailedError,
    DeliveryRefusedError,
)

DOWN = DeliveryFailedError("answered 500", status=500)
REFUSED = DeliveryRefusedError("answered 400", status=400)
ALERTMANAGER = {"format": "alertmanager"}


async def test_signals_are_told_in_order_each_once() -> None:
    desk = Desk()
    desk.happen(breach_signal(1), breach_signal(2))

    async with desk.at_work():
        await until(lambda: len(desk.receiver.taken) == 2)
        desk.happen(breach_signal(3))
        await until(lambda: len(desk.receiver.taken) == 3)

    assert desk.receiver.taken_ids == [1, 2, 3]
    assert [len(post) for post in desk.receiver.posts] == [1, 1, 1]
    assert desk.outcomes == ["delivered"] * 3
    assert await desk.cursor() == 3


async def test_a_new_endpoint_begins_with_what_happens_next() -> None:
    desk = Desk()
    desk.happen(breach_signal(1), breach_signal(2))
    courier = desk.courier()

    await courier.begin()

    assert await desk.cursor() == 2


async def test_a_new_endpoint_is_no_longer_new_at_the_next_start() -> None:
    desk = Desk()
    await desk.courier().begin()
    desk.happen(breach_signal(1))

    async with desk.at_work():
        await until(lambda: desk.receiver.taken_ids == [1])

    assert desk.ledger.entries[0] == DeliveryEntry("alerts", 0, desk.wall_clock())


async def test_what_failed_is_told_again_before_what_came_after_it() -> None:
    desk = Desk(DOWN, DOWN, None)
    desk.happen(breach_signal(1), breach_signal(2))

    async with desk.at_work():
        await until(lambda: len(desk.receiver.taken) == 2)

    assert [post[0].id for post in desk.receiver.posts] == [1, 1, 1, 2]
    assert desk.outcomes == ["retried", "retried", "delivered", "delivered"]
    assert [one.n_attempts for one in desk.telemetry.deliveries] == [1, 2, 3, 1]


async def test_pauses_grow_up_to_the_longest_and_are_drawn_by_chance() -> None:
    desk = Desk(*[DOWN] * 40, first_backoff_s=2.0, longest_backoff_s=8.0)
    desk.happen(breach_signal(1))

    async with desk.at_work():
        await until(lambda: len(desk.receiver.taken) == 1)

    bounds_s = [2.0, 4.0] + [8.0] * 38
    assert all(
        0 <= one <= most for one, most in zip(desk.pauses_s, bounds_s, strict=True)
    )
    assert max(desk.pauses_s) > 4.0
    assert len(set(desk.pauses_s)) == 40


async def test_the_pause_starts_small_again_after_a_success() -> None:
    desk = Desk(*[DOWN] * 10, None, DOWN, first_backoff_s=1.0, longest_backoff_s=500.0)
    desk.happen(breach_signal(1), breach_signal(2))

    async with desk.at_work():
        await until(lambda: len(desk.receiver.taken) == 2)

    assert desk.pauses_s[-1] <= 1.0


@pytest.mark.parametrize(("asked_s", "waited_s"), [(30.0, 30.0), (9_999.0, 600.0)])
async def test_an_endpoint_that_asks_for_time_gets_it_within_a_bound(
    asked_s: float, waited_s: float
) -> None:
    desk = Desk(DeliveryFailedError("answered 429", status=429, retry_after_s=asked_s))
    desk.happen(breach_signal(1))

    async with desk.at_work():
        await until(lambda: len(desk.receiver.taken) == 1)

    assert desk.pauses_s[0] == waited_s


async def test_a_longer_bound_lets_an_endpoint_ask_for_more() -> None:
    failure = DeliveryFailedError("answered 429", retry_after_s=9_999.0)
    desk = Desk(failure, longest_retry_after_s=2_000.0)
    desk.happen(breach_signal(1))

    async with desk.at_work():
        await until(lambda: len(desk.receiver.taken) == 1)

    assert desk.pauses_s[0] == 2_000.0


async def test_a_refused_signal_becomes_a_dead_letter_and_others_go_on() -> None:
    desk = Desk(REFUSED)
    desk.happen(breach_signal(1), breach_signal(2))

    async with desk.at_work() as courier:
        await until(lambda: len(desk.receiver.taken) == 1)
        status = courier.status

    [letter] = desk.letters.letters
    assert (letter.endpoint, letter.signal.id, letter.status) == ("alerts", 1, 400)
    assert (letter.reason, letter.n_attempts) == ("answered 400", 1)
    assert letter.payload == {"id": 1}
    assert desk.outcomes == ["dead", "delivered"]
    assert status.dead_letters == 1
    assert desk.pauses_s == []


async def test_only_a_dead_letter_says_how_the_endpoint_put_it() -> None:
    desk = Desk(DeliveryRefusedError("answered 400", status=400, told="price 0.71?"))
    desk.happen(breach_signal(1))

    async with desk.at_work() as courier:
        await until(lambda: bool(desk.telemetry.deliveries))
        status = courier.status

    assert desk.letters.letters[0].reason == "answered 400: price 0.71?"
    assert desk.telemetry.deliveries[0].error == "answered 400"
    assert status.last_error is None or "0.71" not in status.last_error


async def test_an_old_signal_that_fails_becomes_a_dead_letter() -> None:
    desk = Desk(DOWN, DOWN, give_up_after_hours=2.0)
    desk.happen(breach_signal(1), breach_signal(40))
    desk.wall_clock.now_s += 2 * HOUR_S + 1

    async with desk.at_work():
        await until(lambda: len(desk.receiver.taken) == 1)

    assert [letter.signal.id for letter in desk.letters.letters] == [1]
    assert desk.outcomes == ["dead", "retried", "delivered"]
    assert len(desk.pauses_s) == 2


async def test_an_old_signal_is_tried_once_before_it_is_given_up() -> None:
    desk = Desk()
    desk.happen(breach_signal(1))
    desk.wall_clock.now_s += 1_000 * HOUR_S

    async with desk.at_work():
        await until(lambda: desk.receiver.taken_ids == [1])

    assert desk.letters.letters == []


async def test_nothing_goes_on_while_a_dead_letter_cannot_be_kept() -> None:
    desk = Desk(REFUSED, REFUSED)
    desk.letters.failure = DeliveryFailedError("the dead-letter file cannot be written")
    desk.happen(breach_signal(1))

    async with desk.at_work() as courier:
        await until(lambda: len(desk.pauses_s) == 1)
        assert courier.status.is_failing
        assert await desk.cursor() == 0
        desk.letters.failure = None
        await until(lambda: len(desk.letters.letters) == 1)


async def test_the_status_tells_what_waits_for_how_long_and_why() -> None:
    desk = Desk(*[DOWN] * 1_000)
    desk.happen(breach_signal(1), breach_signal(2))

    async with desk.at_work() as courier:
        await until(lambda: bool(desk.pauses_s))
        status = courier.status

    assert (status.name, status.is_failing, status.n_waiting) == ("alerts", True, 2)
    assert status.lag_s == pytest.approx(sum(desk.pauses_s), abs=60)
    assert status.last_error == "answered 500"


async def test_the_status_is_well_again_after_a_success() -> None:
    desk = Desk(DOWN)
    desk.happen(breach_signal(1))

    async with desk.at_work() as courier:
        await until(lambda: len(desk.receiver.taken) == 1)
        await until(lambda: courier.status.n_waiting == 0)
        status = courier.status

    assert (status.is_failing, status.last_error, status.lag_s) == (False, None, 0.0)


async def test_a_ledger_that_cannot_be_read_is_read_again() -> None:
    desk = Desk()
    failures = [CalibrationStateError("damaged")]
    read = desk.ledger.signals_after

    async def read_later(last_id: int, *, limit: int) -> list[BreachSignal]:
        if failures:
            raise failures.pop()
        return await read(last_id, limit=limit)

    desk.ledger.signals_after = read_later  # type: ignore[method-assign]
    desk.happen(breach_signal(1))

    async with desk.at_work():
        await until(lambda: len(desk.receiver.taken) == 1)

    assert len(desk.pauses_s) == 1


async def test_a_ledger_that_can_be_read_again_is_no_failure_of_the_endpoint() -> None:
    desk = Desk()
    failures = [CalibrationStateError("damaged")]
    read = desk.ledger.signals_after

    async def read_later(last_id: int, *, limit: int) -> list[BreachSignal]:
        if failures:
            raise failures.pop()
        return await read(last_id, limit=limit)

    desk.ledger.signals_after = read_later  # type: ignore[method-assign]

    async with desk.at_work() as courier:
        await until(lambda: courier.status.is_failing)
        await until(lambda: not courier.status.is_failing)

        assert courier.status.last_error is None


async def test_what_is_told_again_shows_that_an_endpoint_is_well() -> None:
    desk = Desk(DOWN, **ALERTMANAGER, repost_interval_s=100.0, min_severity="severe")
    desk.happen(breach_signal(1, severity="severe"))
    desk.ledger.append([DeliveryEntry("alerts", 1, 0.0)])

    async with desk.at_work() as courier:
        await until(lambda: courier.status.is_failing)
        desk.clock.now_s += 100.0
        desk.happen(breach_signal(2))  # of which it is not told
        await until(lambda: not courier.status.is_failing)

        assert courier.status.last_error is None


async def test_signals_below_the_severity_or_of_another_phase_are_passed_over() -> None:
    desk = Desk(min_severity="severe", phases=["opened", "escalated"])
    desk.happen(
        breach_signal(1),
        breach_signal(2, severity="severe"),
        breach_signal(3, severity="extreme", phase="closed"),
    )

    async with desk.at_work():
        await until(lambda: _cursor(desk) == 3)

    assert desk.receiver.taken_ids == [2]


async def test_alerts_go_together_and_one_by_one_where_one_is_refused() -> None:
    desk = Desk(**ALERTMANAGER, max_alerts=3)
    desk.receiver.refuses = lambda signal: signal.id == 2
    desk.happen(*(closed(breach_signal(n), n) for n in range(1, 6)))

    async with desk.at_work():
        await until(lambda: len(desk.receiver.taken) == 4)

    assert [[one.id for one in post] for post in desk.receiver.posts] == [
        [1, 2, 3],
        [1],
        [2],
        [3],
        [4, 5],
    ]
    assert [letter.signal.id for letter in desk.letters.letters] == [2]


async def test_open_breaches_are_told_again_to_an_alertmanager() -> None:
    desk = Desk(**ALERTMANAGER, repost_interval_s=100.0, max_alerts=2)
    over = closed(breach_signal(4), 5)
    desk.happen(*map(breach_signal, (1, 2, 3, 4)), over)
    desk.ledger.append([DeliveryEntry("alerts", 5, 0.0)])

    async with desk.at_work():
        await until(lambda: len(desk.receiver.taken) == 3)
        desk.clock.now_s += 99.0
        desk.happen(breach_signal(6))
        await until(lambda: len(desk.receiver.taken) == 4)
        desk.clock.now_s += 1.0
        desk.happen(breach_signal(7))
        await until(lambda: len(desk.receiver.taken) == 9)

    assert desk.receiver.taken_ids == [3, 2, 1, 6, 6, 3, 2, 1, 7]


async def test_a_refusal_of_what_is_told_again_does_no_harm() -> None:
    desk = Desk(REFUSED, **ALERTMANAGER)
    desk.happen(breach_signal(1))
    desk.ledger.append([DeliveryEntry("alerts", 1, 0.0)])

    async with desk.at_work():
        desk.happen(breach_signal(2))
        await until(lambda: desk.receiver.taken_ids == [2])

    assert desk.letters.letters == []


async def test_events_are_not_told_again() -> None:
    desk = Desk()
    desk.happen(breach_signal(1))
    desk.ledger.append([DeliveryEntry("alerts", 1, 0.0)])

    async with desk.at_work():
        desk.happen(breach_signal(2))
        await until(lambda: len(desk.receiver.taken) == 1)

    assert desk.receiver.taken_ids == [2]


async def test_after_the_end_of_the_feed_it_looks_by_itself() -> None:
    desk = Desk()
    desk.feed.close()

    async with desk.at_work():
        await until(lambda: len(desk.pauses_s) > 1)
        desk.ledger.append([breach_signal(1)])
        await until(lambda: desk.receiver.taken_ids == [1])

    assert desk.pauses_s[0] == 15.0


async def test_a_post_under_way_may_end_and_no_other_begins() -> None:
    desk = Desk()
    receiver = desk.receiver = SlowReceiver()
    desk.happen(breach_signal(1), breach_signal(2))

    async with desk.at_work() as courier:
        await receiver.begun.wait()
        resting = asyncio.create_task(courier.rest(10.0))
        await asyncio.sleep(0)
        receiver.may_end.set()
        await resting
        for _ in range(10):
            await asyncio.sleep(0)

    assert desk.receiver.taken_ids == [1]
    assert await desk.cursor() == 1


async def test_a_post_that_takes_too_long_is_left_and_told_again_later() -> None:
    desk = Desk()
    receiver = desk.receiver = SlowReceiver()
    desk.happen(breach_signal(1))

    async with desk.at_work() as courier:
        await receiver.begun.wait()
        await courier.rest(0.0)

    assert await desk.cursor() == 0


class SlowReceiver(FakeReceiver):
    """Takes a signal only when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.may_end = asyncio.Event(), asyncio.Event()

    async def post(self, signals: object) -> None:
        self.begun.set()
        await self.may_end.wait()
        await super().post(signals)  # type: ignore[arg-type]


def _cursor(desk: Desk) -> int:
    told = [one for one in desk.ledger.entries if isinstance(one, DeliveryEntry)]
    return told[-1].last_signal_id
