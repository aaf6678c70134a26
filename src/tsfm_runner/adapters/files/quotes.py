"""Make one price of quotes and trades, and say by which rule."""

import polars as pl

from tsfm_runner.config import PreparationConfig

QUOTE_NAMES = ("bid", "ask", "last")

_SECONDS_PER_MINUTE = 60
_ROUNDING = 1e-9


def has_quotes(schema: pl.Schema) -> bool:
    """Return whether prices can be made of the columns: bid and ask, or last."""
    return "last" in schema or ("bid" in schema and "ask" in schema)


def price_quotes(quotes: pl.DataFrame, config: PreparationConfig) -> pl.DataFrame:
    """Add ``price`` and ``y_definition`` to a table of quotes and trades.

    The price is the ``mid`` of best bid and ask where both stand and are close
    enough; else the ``last`` trade of the market, now or before, if it is not too
    old; else null, which is filled forward later on.

    Parameters
    ----------
    quotes : data frame
        market_id, time_s (epoch seconds), bid, ask and last, null where unknown;
        in any order of rows, which is kept.
    config : PreparationConfig
        ``max_spread`` and ``max_trade_age_minutes``.

    """
    quotes = quotes.with_columns(pl.col(QUOTE_NAMES).fill_nan(None))
    bid, ask, last, time_s = (pl.col(name) for name in (*QUOTE_NAMES, "time_s"))
    is_close = (ask - bid).is_between(-_ROUNDING, config.max_spread + _ROUNDING)
    traded_s = pl.when(last.is_not_null()).then(time_s)
    carried, carried_s = (
        column.forward_fill().over("market_id", order_by="time_s")
        for column in (last, traded_s)
    )
    max_age_s = config.max_trade_age_minutes * _SECONDS_PER_MINUTE
    mid = pl.when(is_close).then((bid + ask) / 2)
    trade = pl.when(time_s - carried_s <= max_age_s).then(carried)
    rule = pl.when(mid.is_not_null()).then(pl.lit("mid"))
    return quotes.with_columns(
        price=pl.coalesce(mid, trade),
        y_definition=rule.when(trade.is_not_null()).then(pl.lit("last")),
    )
