"""Put together what can be computed together, and hand it back in order."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)


def grouped(
    items: Sequence[Item], key: Callable[[Item], Key]
) -> Iterator[tuple[Key, list[int], list[Item]]]:
    """Yield each key with the positions and the items that have it."""
    positions: dict[Key, list[int]] = {}
    for position, item in enumerate(items):
        positions.setdefault(key(item), []).append(position)
    for value, places in positions.items():
        yield value, places, [items[place] for place in places]


def chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Yield the items in order, at most ``size`` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
