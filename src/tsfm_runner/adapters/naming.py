"""Names that nobody else has, made without asking the system each time."""

import os
from collections.abc import Callable
from itertools import count

_PREFIX_BYTES = 10


def unique_names() -> Callable[[], str]:
    """Return a function that gives a new name of 32 hexadecimal digits each time.

    The first 20 are drawn by chance once, so that no two processes meet; the rest
    count.
    """
    prefix = os.urandom(_PREFIX_BYTES).hex()
    numbers = count(1)
    return lambda: f"{prefix}{next(numbers):012x}"
