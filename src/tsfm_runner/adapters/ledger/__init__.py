"""What was served and what happened after it, in a SQLite database."""

from tsfm_runner.adapters.ledger.ledger import Rhythm, SqliteLedger, open_ledger
from tsfm_runner.adapters.ledger.place import ledger_path
from tsfm_runner.adapters.ledger.state import read_state

__all__ = ["Rhythm", "SqliteLedger", "ledger_path", "open_ledger", "read_state"]
