"""Do the work of many requests at once, when they come in the same turn."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Joiner(Generic[Item, Result]):
    """Runs a function once over everything that is brought in one turn of the loop.

    The function takes the items of many callers and returns a result for each, in
    order. Should it fail, an error of ours, each caller's items are tried alone.
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
        callers: list[tuple[Sequence[Item], asyncio.Future[list[Result]]]] = []
        n_items = 0
        while self._waiting and n_items < self._max_items:
            items, answer = self._waiting.popleft()
            if not answer.done():  # its caller is still there
                callers.append((items, answer))
                n_items += len(items)
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._run)
        self._answer(callers)

    def _answer(
        self, callers: Sequence[tuple[Sequence[Item], asyncio.Future[list[Result]]]]
    ) -> None:
        """Do the work of the callers; where it fails, each alone, for each its own."""
        try:
            results = iter(self._work([item for items, _ in callers for item in items]))
        except Exception as failure:  # noqa: BLE001 - ours; raised at its caller
            if len(callers) > 1:
                for caller in callers:
                    self._answer([caller])
            else:
                callers[0][1].set_exception(failure)
            return
        for items, answer in callers:
            answer.set_result(list(islice(results, len(items))))
