"""Bring a ledger to the newest version of its tables, or say why it cannot be."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from tsfm_runner.errors import CalibrationStateError

_SCRIPTS = "tsfm_runner.adapters.ledger:migrations"


def migrate(connection: sa.Connection, path: Path | None) -> None:
    """Make or change the tables until they are those of this program.

    Raises ``CalibrationStateError`` for the file of a newer program, or of another.
    """
    config = _config()
    if reason := why_unknown(connection):
        raise CalibrationStateError(f"{path} cannot be read: {reason}")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def why_unknown(connection: sa.Connection) -> str | None:
    """Return why the tables are none that this program knows, or None if it does."""
    version = MigrationContext.configure(connection).get_current_revision()
    scripts = ScriptDirectory.from_config(_config())
    known = {script.revision for script in scripts.walk_revisions()}
    if version is None and sa.inspect(connection).get_table_names():
        return (
            "it is a database of another program. Move it away, or name another "
            "file with TSFM_STORE__URL."
        )
    if version is not None and version not in known:
        return (
            f"its tables have version {version}, which is newer than this program. "
            "Install the newer tsfm-runner again, or move the file away to start anew."
        )
    return None


def is_current(connection: sa.Connection) -> bool:
    """Whether the tables are those of the newest version that this program knows."""
    version = MigrationContext.configure(connection).get_current_revision()
    return version == ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", _SCRIPTS)
    return config
