"""Read what a table of markets says of each market: category, event, tick, end."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from tsfm_runner.adapters.files.points import (
    MARKET_NAMES,
    pick_column,
    readable,
    text_column,
)
from tsfm_runner.adapters.files.series import KnownMarket
from tsfm_runner.adapters.files.times import epoch_seconds
from tsfm_runner.domain.task import MarketFacts
from tsfm_runner.errors import UnreadableInputError

_TICK_TOLERANCE = 0.01
_LARGEST_TICK = 0.01
FACT_NAMES = {
    "category": ("category",),
    "event_id": ("event_id",),
    "tick": ("tick", "tick_size"),
    "end": ("end", "closes_at"),
    "cadence": ("native_cadence_s",),
}
_NUMBERS = ("tick", "cadence")
_TEXTS = ("category", "event_id")


def read_markets(
    table: pl.LazyFrame, *, where: Sequence[str] = ()
) -> dict[str, KnownMarket]:
    """Return what is known of each market for which all ``where`` columns are true.

    Columns that are absent leave the fact unknown. Raises ``UnreadableInputError``
    when there is no column of market names, or a ``where`` column is no boolean.
    """
    with readable("the markets"):
        schema = table.collect_schema()
        require_booleans(schema, where)
        name = pick_column(schema, MARKET_NAMES)
        named = table.filter(pl.col(name).is_not_null())  # the others say nothing
        chosen = named.filter(*(pl.col(claim) for claim in where))
        market = pl.col(name).cast(pl.String)
        rows = chosen.select(market.alias("market_id"), *_columns(schema)).collect()
        if "end" in rows.columns:
            rows = rows.with_columns(end=epoch_seconds(rows["end"]))
    return {row["market_id"]: _known(row) for row in rows.iter_rows(named=True)}


def require_booleans(schema: pl.Schema, names: Sequence[str]) -> None:
    """Raise ``UnreadableInputError`` where a name is no column of true and false."""
    for name in names:
        if schema.get(name) != pl.Boolean:
            booleans = [key for key, dtype in schema.items() if dtype == pl.Boolean]
            raise UnreadableInputError(
                f"{name} is no column of true and false in the markets; "
                f"these are: {', '.join(booleans) or 'none'}"
            )


def _columns(schema: pl.Schema) -> Iterator[pl.Expr]:
    for fact, names in FACT_NAMES.items():
        name = next((name for name in names if name in schema), None)
        if name is None:
            continue
        column = pl.col(name)
        if fact in _NUMBERS:
            column = column.cast(pl.Float64, strict=False)
        elif fact in _TEXTS:
            column = text_column(schema, name)
        yield column.alias(fact)


def _known(row: Mapping[str, Any]) -> KnownMarket:
    return KnownMarket(
        facts=MarketFacts(
            category=row.get("category"),
            event_id=row.get("event_id"),
            tick_size=_round_tick(row.get("tick")),
        ),
        cadence_s=row.get("cadence"),
        end_s=row.get("end"),
    )


def _round_tick(step: float | None) -> float | None:
    """Return the tick that the smallest step seen stands for, if it is one.

    Venues quote in 1, 2 or 5 times a power of ten, a hundredth at most. Any other
    smallest step comes from odds, averages or a market that hardly moved; taken
    for a grid, it would snap bands to nothing real.

    >>> _round_tick(0.000500001), _round_tick(0.000641)
    (0.0005, None)
    """
    if step is None or not 0 < step <= _LARGEST_TICK * (1 + _TICK_TOLERANCE):
        return None
    exponent = math.floor(math.log10(step * (1 + _TICK_TOLERANCE)))
    for digit in (1, 2, 5):
        tick = float(f"{digit}e{exponent}")
        if math.isclose(step, tick, rel_tol=_TICK_TOLERANCE):
            return tick
    return None
