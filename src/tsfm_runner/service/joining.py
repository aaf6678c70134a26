"""Do the work of many requests at once, when they come in the same turn."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Joiner(Generic[Item, Result]):
    """Runs a function once over everything that is brought in one turn of the loop.

    The function takes the items of many callers and returns a result for each, in
    order; it must not fail for what one caller brings.
    """

    def __init__(
        self, work: Callable[[Sequence[Item]], list[Result]], *, max_items: int
    ) -> None:
        """Join calls of ``work``; past ``max_items`` others get their turn first."""
        self._work = work
        self._max_items = max_items
        self._waiting: deque[tuple[Sequence[Item], asyncio.Future[list[Result]]]]
        self._waiting = deque()

    async def __call__(self, items: Sequence[Item]) -> list[Result]:
        """Return the result for each item, in order."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            # One turn later: those whose bytes have just arrived come along.
            loop.call_soon(loop.call_soon, self._run)
        results: asyncio.Future[list[Result]] = loop.create_future()
        self._waiting.append((items, results))
        return await results

    def _run(self) -> None:
        items: list[Item] = []
        callers: list[tuple[int, int, asyncio.Future[list[Result]]]] = []
        while self._waiting and len(items) < self._max_items:
            brought, answer = self._waiting.popleft()
            if not answer.done():  # its caller is still there
                callers.append((len(items), len(items) + len(brought), answer))
                items.extend(brought)
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._run)
        try:
            results = self._work(items)
        except Exception as failure:  # noqa: BLE001 - ours; raised at every caller
            for _, _, answer in callers:
                answer.set_exception(failure)
        else:
            for start, stop, answer in callers:
                answer.set_result(results[start:stop])
