"""The levels that a model may be asked for, as files and settings name them."""

from itertools import pairwise
from typing import Final

MAX_LEVEL_DIGITS: Final = 4


def askable(levels: tuple[float, ...]) -> tuple[float, ...]:
    """Return the levels; raise ``ValueError`` unless they ascend and are short."""
    if any(low >= high for low, high in pairwise(levels)):
        raise ValueError("must ascend")
    if any(round(level, MAX_LEVEL_DIGITS) != level for level in levels):
        raise ValueError(f"must have at most {MAX_LEVEL_DIGITS} digits")
    return levels
