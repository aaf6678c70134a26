"""Signals are kept whole, found again, and told to nobody before they are safe."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.adapters.ledger.entries import Told, change, open_at
from tests.service.signals_told import (
    START_S,
    STEP_S,
    breach_signal,
    closed,
    followed,
)

from tsfm_runner.adapters.no_ledger import NoLedger
from tsfm_runner.domain.signals import BreachQuery, BreachSignal, DeliveryEntry

EVERYTHING = BreachQuery()
LONG_AGO_S = 0.0


async def test_signals_come_back_as_they_were(path: Path) -> None:
    first = breach_signal(1)
    shut = closed(first, 2)
    told = [first, shut, followed(shut, 3), breach_signal(4, event_id=None)]

    with open_at(path) as ledger:
        ledger.append(told)
        assert await ledger.signals_after(0, limit=10) == told
    with open_at(path) as ledger:
        assert await ledger.signals_after(0, limit=10) == told


async def test_numbers_of_numpy_come_back_as_numbers() -> None:
    signal = breach_signal(1, price=np.float64(0.3), n_steps=np.int64(2))

    with open_at(None) as ledger:
        ledger.append([signal])
        [found] = await ledger.signals_after(0, limit=10)

    assert found == signal
    assert (type(found.price), type(found.n_steps)) == (float, int)


async def test_signals_are_told_in_order_from_one_on_and_so_many_at_a_time() -> None:
    with open_at(None) as ledger:
        ledger.append([breach_signal(number) for number in range(1, 10)])

        found = await ledger.signals_after(4, limit=3)

    assert [signal.id for signal in found] == [5, 6, 7]


async def test_a_breach_is_what_is_newest_of_it_and_the_newest_breach_is_first() -> (
    None
):
    first, second = breach_signal(1), breach_signal(2)
    with open_at(None) as ledger:
        ledger.append([first, second, closed(first, 3), breach_signal(4)])

        found = await ledger.breaches(EVERYTHING)

    assert found == [breach_signal(4), closed(first, 3), second]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        (BreachQuery(since_s=START_S + 4 * STEP_S), [5, 4]),
        (BreachQuery(severities=frozenset({"moderate", "extreme"})), [5, 2]),
        (BreachQuery(severities=frozenset({"severe"})), [4, 3]),
        (BreachQuery(severities=frozenset()), []),
        (BreachQuery(market_id="will-it-snow"), [4, 3]),
        (BreachQuery(is_open=True), [5, 3, 2]),
        (BreachQuery(is_open=False), [4]),
        (BreachQuery(before_id=4), [3, 2]),
        (BreachQuery(limit=2), [5, 4]),
        (BreachQuery(as_of_id=3), [3, 2, 1]),
        (BreachQuery(as_of_id=3, is_open=True, before_id=2), [1]),
        (BreachQuery(is_open=True, before_id=5, limit=1), [3]),
        (BreachQuery(market_id="will-it-rain", since_s=START_S + 3 * STEP_S), [5]),
    ],
)
async def test_breaches_are_found_by_what_they_are_now(
    query: BreachQuery, ids: list[int]
) -> None:
    first = breach_signal(1, market_id="will-it-snow")
    with open_at(None) as ledger:
        ledger.append(
            [
                first,
                breach_signal(2),
                breach_signal(3, market_id="will-it-snow", severity="severe"),
                replace(closed(first, 4), severity="severe"),
                breach_signal(5, severity="extreme"),
            ]
        )

        found = await ledger.breaches(query)

    assert [signal.id for signal in found] == ids


async def test_a_start_reads_each_breach_that_is_not_over_or_only_just(
    path: Path,
) -> None:
    opened, shut, just_over, over = (breach_signal(number) for number in range(1, 5))
    shut = closed(shut, 5)
    just_over = followed(closed(just_over, 6), 7)
    over = followed(closed(over, 5), 8)
    told = [*map(breach_signal, range(1, 5)), shut, just_over, over]
    with open_at(path) as ledger:
        ledger.append(told)

    with open_at(path) as ledger:
        contents = ledger.read(awaited_after_s=START_S + 5 * STEP_S)

    assert contents.breaches == (opened, shut, just_over)
    assert contents.next_signal_id == 9


async def test_a_new_ledger_knows_of_no_breach_and_of_nobody_who_was_told(
    path: Path,
) -> None:
    with open_at(path) as ledger:
        contents = ledger.read(awaited_after_s=LONG_AGO_S)

        assert (contents.breaches, contents.next_signal_id) == ((), 1)
        assert await ledger.breaches(EVERYTHING) == []
        assert await ledger.signals_after(0, limit=10) == []
        assert await ledger.last_delivered("pager") is None


async def test_an_endpoint_has_been_told_up_to_what_was_written_last(
    path: Path,
) -> None:
    with open_at(path) as ledger:
        ledger.append([DeliveryEntry("pager", 3, START_S)])
        ledger.append([DeliveryEntry("pager", 5, START_S + 1)])
        ledger.append([DeliveryEntry("desk", 2, START_S)])
        assert await ledger.last_delivered("pager") == 5
        ledger.append([DeliveryEntry("pager", 7, START_S + 2)])

    with open_at(path) as ledger:
        assert await ledger.last_delivered("pager") == 7
        assert await ledger.last_delivered("desk") == 2


@pytest.mark.parametrize(
    "last_word",
    [[DeliveryEntry("pager", 9, START_S)], [breach_signal(9), breach_signal(4)]],
    ids=["delivered", "written"],
)
async def test_an_id_is_never_used_again(
    path: Path, last_word: list[BreachSignal | DeliveryEntry]
) -> None:
    with open_at(path) as ledger:
        ledger.append(last_word)
    change(path, "DELETE FROM signals")

    with open_at(path) as ledger:
        assert ledger.read(awaited_after_s=LONG_AGO_S).next_signal_id == 10


@pytest.mark.parametrize(
    "signal",
    [
        breach_signal(1, price=float("nan")),
        breach_signal(1, phase="paused"),
        breach_signal(1, band=object()),
    ],
)
async def test_a_signal_that_could_not_be_read_again_is_not_written(
    signal: BreachSignal,
) -> None:
    told = Told()
    with open_at(None, told=told) as ledger:
        ledger.append([signal])
        ledger.append([breach_signal(2)])

        assert await ledger.signals_after(0, limit=10) == [breach_signal(2)]

    assert ledger.n_refused == 1
    assert len(told.failures) == 1


async def test_no_ledger_keeps_no_signal() -> None:
    ledger = NoLedger()
    ledger.append([breach_signal(1), DeliveryEntry("pager", 1, START_S)])

    assert await ledger.breaches(EVERYTHING) == []
    assert await ledger.signals_after(0, limit=10) == []
    assert await ledger.last_delivered("pager") is None
