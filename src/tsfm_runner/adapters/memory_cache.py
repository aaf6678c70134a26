"""A cache in this process: bounded by bytes, each value with an end of its own."""

from typing import Generic, NamedTuple, TypeVar

from cachetools import LRUCache

from tsfm_runner.ports import Clock

Value = TypeVar("Value")


class _Entry(NamedTuple, Generic[Value]):
    value: Value
    n_bytes: int
    expires_at_s: float


class MemoryCache(Generic[Value]):
    """A ``Cache`` that drops what was not asked for longest when it is full.

    What is over stays until it is asked for or pushed out: with a bound of bytes
    it does no harm, and looking for it at each turn costs more than it saves.
    """

    def __init__(self, max_bytes: int, clock: Clock) -> None:
        """Keep at most so many bytes, as the callers count them."""
        self._clock = clock
        self._entries: LRUCache[bytes, _Entry[Value]] = LRUCache(
            max_bytes, getsizeof=lambda entry: entry.n_bytes
        )

    @property
    def n_bytes(self) -> int:
        """How many bytes are kept now."""
        return int(self._entries.currsize)

    def get(self, key: bytes) -> Value | None:
        """Return the value, or None when it was never kept or is gone."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.expires_at_s <= self._clock():
            del self._entries[key]
            return None
        return entry.value

    def put(
        self, key: bytes, value: Value, *, n_bytes: int, expires_at_s: float
    ) -> None:
        """Keep the value until then; one larger than all the room is not kept."""
        if n_bytes <= self._entries.maxsize:
            self._entries[key] = _Entry(value, n_bytes, expires_at_s)
