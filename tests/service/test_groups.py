import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsfm_runner.domain.forecast import QuantileForecast
from tsfm_runner.errors import DeadlinePassedError, RuntimeUnavailableError
from tsfm_runner.service.groups import Answer, Group

DOWN: Answer = (RuntimeUnavailableError("down"), 1)


def group_of(n_series: int) -> Group:
    done = asyncio.get_running_loop().create_future()
    return Group([None] * n_series, n_series, done)


def answer(value: float = 0.5, n_sharing: int = 3) -> Answer:
    return QuantileForecast((0.5,), np.array([[value]])), n_sharing


@given(order=st.permutations(range(5)))
async def test_a_group_is_answered_in_order_with_the_last_of_its_series(
    order: list[int],
) -> None:
    group, told = group_of(5), [answer(place) for place in range(5)]

    is_done = []
    for place in order:
        is_done.append(group.done.done())
        group.fill(place, told[place])

    assert not any(is_done)
    assert await group.done == told


async def test_an_answer_that_comes_twice_counts_once() -> None:
    group, first, second = group_of(2), answer(), answer()

    group.fill(0, first)
    group.fill(0, second)
    before = group.done.done()
    group.fill(1, second)

    assert not before
    assert await group.done == [first, second]


async def test_an_answer_that_comes_too_late_is_dropped() -> None:
    group = group_of(1)

    group.give_up()
    told = await group.done
    group.fill(0, answer())

    assert await group.done is told
    assert isinstance(told[0][0], DeadlinePassedError)


async def test_to_give_up_keeps_what_is_answered_already_be_it_a_failure() -> None:
    group, first = group_of(3), answer()
    group.fill(0, first)
    group.fill(2, DOWN)

    group.give_up()
    [one, late, failed] = await group.done

    assert (one, failed) == (first, DOWN)
    assert isinstance(late[0], DeadlinePassedError)


async def test_an_error_of_our_own_ends_the_wait() -> None:
    group = group_of(2)
    group.fill(0, answer())

    group.fail(ZeroDivisionError())
    group.fill(1, answer())
    group.give_up()

    with pytest.raises(ZeroDivisionError):
        await group.done


async def test_an_error_of_our_own_takes_nothing_back() -> None:
    group, told = group_of(1), answer()
    group.fill(0, told)

    group.fail(ZeroDivisionError())

    assert await group.done == [told]


async def test_to_whoever_has_left_nothing_is_told() -> None:
    group = group_of(1)
    group.done.cancel()

    group.fill(0, answer())
    group.fail(ZeroDivisionError())
    group.give_up()

    assert group.done.cancelled()
