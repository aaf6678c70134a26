import asyncio
from collections.abc import Sequence

import pytest

from tsfm_runner.service.joining import Joiner


class Work:
    """Doubles numbers, and remembers how they came; some it cannot stand."""

    def __init__(self, *, poison: int | None = None) -> None:
        self.poison = poison
        self.calls: list[list[int]] = []

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.calls.append(list(numbers))
        if self.poison in numbers:
            raise ZeroDivisionError
        return [2 * number for number in numbers]


def joiner(work: Work, *, max_items: int = 64) -> Joiner[int, int]:
    return Joiner(work, max_items=max_items)


async def test_what_comes_in_one_turn_is_worked_on_at_once() -> None:
    work = Work()
    join = joiner(work)

    first, nothing, last = await asyncio.gather(join([1, 2]), join([]), join([3]))

    assert (first, nothing, last) == ([2, 4], [], [6])
    assert work.calls == [[1, 2, 3]]


async def test_what_comes_later_is_worked_on_by_itself() -> None:
    work = Work()
    join = joiner(work)

    results = [await join([1]), await join([2])]

    assert results == [[2], [4]]
    assert work.calls == [[1], [2]]


async def test_past_the_most_items_others_get_their_turn_first() -> None:
    work = Work()
    join = joiner(work, max_items=2)
    seen_by_another: list[int] = []

    async def look_each_turn() -> None:
        while len(work.calls) < 2:
            seen_by_another.append(len(work.calls))
            await asyncio.sleep(0)

    *results, _ = await asyncio.gather(
        join([1]), join([2]), join([3]), look_each_turn()
    )

    assert results == [[2], [4], [6]]
    assert work.calls == [[1, 2], [3]]
    assert 1 in seen_by_another


async def test_the_items_of_one_caller_stay_together() -> None:
    work = Work()
    join = joiner(work, max_items=2)

    await asyncio.gather(join([1]), join([2, 3, 4]), join([5]))

    assert work.calls == [[1, 2, 3, 4], [5]]


async def test_what_a_caller_brought_who_left_is_not_worked_on() -> None:
    work = Work()
    join = joiner(work)
    gone = asyncio.create_task(join([1]))
    stays = asyncio.create_task(join([2]))

    await asyncio.sleep(0)
    gone.cancel()
    result = await stays

    assert result == [4]
    assert work.calls == [[2]]
    assert gone.cancelled()


async def test_an_error_of_our_own_is_raised_at_who_brought_it_alone() -> None:
    work = Work(poison=2)
    join = joiner(work)

    well, failed, nothing = await asyncio.gather(
        join([1]), join([2, 3]), join([]), return_exceptions=True
    )
    later = await join([3])

    assert (well, nothing, later) == ([2], [], [6])
    assert isinstance(failed, ZeroDivisionError)
    assert work.calls == [[1, 2, 3], [1], [2, 3], [], [3]]


async def test_each_caller_hears_of_an_error_of_its_own() -> None:
    join = joiner(Work(poison=2))

    first, second = await asyncio.gather(join([2]), join([2]), return_exceptions=True)

    assert isinstance(first, ZeroDivisionError)
    assert isinstance(second, ZeroDivisionError)
    assert first is not second


async def test_an_error_of_our_own_is_not_raised_past_the_most_items() -> None:
    join = joiner(Work(poison=1), max_items=1)

    failed, well = await asyncio.gather(join([1]), join([2]), return_exceptions=True)

    assert isinstance(failed, ZeroDivisionError)
    assert well == [4]


async def test_a_caller_alone_is_answered_like_many() -> None:
    with pytest.raises(ZeroDivisionError):
        await joiner(Work(poison=1))([1])
