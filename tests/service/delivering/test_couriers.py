"""Each endpoint is told for itself, and a courier that is lost is told of."""

import asyncio
from contextlib import suppress

from tests.fakes import FakeReceiver
from tests.service.delivering.desks import Desk, until
from tests.service.signals_told import breach_signal

from tsfm_runner.domain.signals import DeliveryEntry
from tsfm_runner.errors import DeliveryFailedError
from tsfm_runner.service.delivering.couriers import Couriers

DOWN = DeliveryFailedError("answered 500", status=500)


async def test_an_endpoint_that_fails_holds_up_no_other() -> None:
    desk = Desk(*[DOWN] * 10_000)
    failing, desk.receiver = desk.courier("failing"), FakeReceiver()
    couriers = Couriers([failing, desk.courier()], desk.telemetry, grace_s=1.0)

    async with couriers.at_work():
        desk.happen(breach_signal(1))
        await until(lambda: desk.receiver.taken_ids == [1])
        await until(lambda: couriers.statuses()[0].is_failing)
        statuses = couriers.statuses()

    assert [one.name for one in statuses] == ["failing", "alerts"]
    assert [one.is_failing for one in statuses] == [True, False]


async def test_a_new_endpoint_is_told_of_all_that_happens_from_the_start_on() -> None:
    desk = Desk()
    desk.happen(breach_signal(1))
    couriers = Couriers([desk.courier()], desk.telemetry, grace_s=1.0)

    async with couriers.at_work():
        desk.ledger.append([breach_signal(2)])
        await until(lambda: desk.receiver.taken_ids == [2])


async def test_at_the_end_a_post_that_hangs_is_left() -> None:
    desk = Desk()
    begun = asyncio.Event()

    async def hang(signals: object) -> None:
        del signals
        begun.set()
        await asyncio.Event().wait()

    desk.receiver.post = hang  # type: ignore[method-assign]
    couriers = Couriers([desk.courier()], desk.telemetry, grace_s=0.0)

    async with couriers.at_work():
        desk.happen(breach_signal(1))
        await begun.wait()

    assert await desk.cursor() == 0
    assert desk.telemetry.lost_couriers == []


async def test_an_error_of_our_own_is_told_and_seen_in_the_status() -> None:
    desk = Desk()
    defect = ZeroDivisionError("a defect")

    async def fail(signals: object) -> None:
        del signals
        raise defect

    desk.receiver.post = fail  # type: ignore[method-assign]
    couriers = Couriers([desk.courier()], desk.telemetry, grace_s=0.0)

    with suppress(ZeroDivisionError):
        async with couriers.at_work():
            desk.happen(breach_signal(1))
            await until(lambda: bool(desk.telemetry.lost_couriers))
            [status] = couriers.statuses()

    assert desk.telemetry.lost_couriers == [("alerts", defect)]
    assert (status.is_failing, status.last_error) == (
        True,
        "stopped: ZeroDivisionError",
    )
    assert DeliveryEntry("alerts", 1, 0.0) not in desk.ledger.entries
