"""How much a caller may still ask for."""

from dataclasses import dataclass

WINDOW_S = 60
"""Rates are told in forecasts a minute."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What a charge left over: so many forecasts until the window ends."""

    is_allowed: bool
    limit: int
    remaining: int
    reset_s: float
