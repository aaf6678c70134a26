"""Read what was learned without opening the ledger for good."""

from tsfm_runner.adapters.ledger.database import opened_to_read
from tsfm_runner.adapters.ledger.place import ledger_path
from tsfm_runner.adapters.ledger.reading import read_newest_state
from tsfm_runner.domain.ledger import StateEntry


def read_state(url: str | None) -> StateEntry | None:
    """Return the newest state in the ledger at an address, None if there is none.

    Raises ``CalibrationStateError`` when it cannot be read, and
    ``ConfigurationError`` when the address cannot be used.
    """
    path = ledger_path(url)
    if path is None or not path.exists():
        return None
    with opened_to_read(path) as database, database.reading() as connection:
        return read_newest_state(connection)
