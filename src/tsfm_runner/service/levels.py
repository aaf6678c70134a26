"""Which levels to ask a model for, and how each level served came about."""

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from tsfm_runner.domain.forecast import QuantileSource
from tsfm_runner.domain.model import Capabilities
from tsfm_runner.domain.task import MAX_LEVEL, MIN_LEVEL

_DIGITS = 4
_GRID = Decimal(1).scaleb(-_DIGITS)


def levels_to_ask(
    wanted: Sequence[float], capabilities: Capabilities
) -> tuple[float, ...]:
    """Return the levels to ask for so that every wanted one can be served.

    A model for any level is asked for canonical decimals of at most four digits:
    the wanted level, or its two neighbours. A model with a list of levels is
    asked for all of them, a model with none for none.
    """
    if capabilities.quantile_levels == "none":
        return ()
    if capabilities.quantile_levels != "any":
        return capabilities.quantile_levels
    if all(round(level, _DIGITS) == level for level in wanted):
        return tuple(wanted)
    neighbours = {
        float(Decimal(repr(level)).quantize(_GRID, rounding))
        for level in wanted
        for rounding in (ROUND_FLOOR, ROUND_CEILING)
    }
    return tuple(sorted(min(max(n, MIN_LEVEL), MAX_LEVEL) for n in neighbours))


def quantile_sources(
    known: Sequence[float], wanted: Sequence[float]
) -> dict[float, QuantileSource]:
    """Return, for each wanted level, how it follows from the known ones."""
    return {level: _source(known, level) for level in wanted}


def _source(known: Sequence[float], level: float) -> QuantileSource:
    if level in known:
        return "native"
    return "interpolated" if known[0] < level < known[-1] else "extrapolated"
