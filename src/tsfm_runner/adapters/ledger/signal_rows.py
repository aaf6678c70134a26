"""How signals become rows, and rows become signals again."""

from typing import Any

import msgspec
import numpy as np
from sqlalchemy import Row

from tsfm_runner.adapters.ledger.rows import Values
from tsfm_runner.domain.signals import BreachSignal, DeliveryEntry


def _plain(value: object) -> object:
    """Return a number of numpy as one of Python."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is nothing that a signal holds")


_write = msgspec.json.Encoder(enc_hook=_plain).encode
_read = msgspec.json.Decoder(BreachSignal).decode


def signal_values(signal: BreachSignal) -> Values:
    """Return the row of a signal, in the order of the columns.

    Raises ``ValueError`` for one that could not be read again: a number that is
    none, or a word of no meaning.
    """
    document = _write(signal)
    return (*_columns(_read(document)), document.decode())


def delivery_values(entry: DeliveryEntry) -> dict[str, object]:
    """Return the row of a delivery by the names of the columns."""
    return {
        "endpoint": entry.endpoint,
        "last_signal_id": entry.last_signal_id,
        "recorded_at_s": entry.recorded_at_s,
    }


def to_signal(row: Row[Any]) -> BreachSignal:
    """Return the signal of a row; raise ``ValueError`` if its parts do not fit."""
    try:
        signal = _read(row.document)
    except ValueError as exc:
        raise ValueError(f"signal {row.id} is damaged: {exc}") from exc
    if _columns(signal) != tuple(row[:-1]):
        raise ValueError(f"signal {row.id} is damaged: its columns say something else")
    return signal


def _columns(signal: BreachSignal) -> Values:
    """Return what there is to search by."""
    outcome = signal.follow_through
    return (
        signal.id,
        signal.dedupe_key,
        signal.market_id,
        signal.severity,
        signal.ts_s,
        signal.closed_at_s,
        None if outcome is None else outcome.decided_at_s,
        signal.recorded_at_s,
    )
