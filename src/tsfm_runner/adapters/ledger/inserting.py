"""Insert many rows with few steps of SQLite, each of which lets go of the GIL."""

from collections.abc import Sequence
from itertools import chain

from sqlalchemy import Connection, Table
from sqlalchemy.dialects.sqlite import dialect, insert

from tsfm_runner.adapters.ledger.rows import Values

_ROWS_AT_ONCE = 64


class Inserter:
    """Writes rows of one table; those whose key is there already change nothing.

    So writing again what may have been written, after a commit whose end is not
    known, does no harm.
    """

    def __init__(self, table: Table, columns: Sequence[str] = ()) -> None:
        """Compile the statements once; no columns: all of them, in order."""
        names = list(columns) or list(table.columns.keys())
        self._one = _compiled(table, names, n_rows=1)
        self._many = _compiled(table, names, n_rows=_ROWS_AT_ONCE)

    def insert(self, connection: Connection, rows: Sequence[Values]) -> None:
        """Write the rows in their order."""
        # Between two steps another thread that is busy may keep the GIL for 5 ms;
        # a step a row would let a loop under load starve the writer.
        n_full = len(rows) - len(rows) % _ROWS_AT_ONCE
        for start in range(0, n_full, _ROWS_AT_ONCE):
            piece = chain.from_iterable(rows[start : start + _ROWS_AT_ONCE])
            connection.exec_driver_sql(self._many, tuple(piece))
        if rest := [tuple(row) for row in rows[n_full:]]:
            connection.exec_driver_sql(self._one, rest)


def _compiled(table: Table, names: Sequence[str], *, n_rows: int) -> str:
    row = dict.fromkeys(names)
    statement = insert(table).values([row] * n_rows).on_conflict_do_nothing()
    return str(statement.compile(dialect=dialect()))
