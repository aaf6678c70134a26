"""Run the command line in this process, with nothing of the outer environment.

Models that run in the process are off, unless a test turns them on.
"""

import os
from collections.abc import Mapping

from typer.testing import CliRunner, Result

from tsfm_runner.cli.app import app

_OURS = {name: None for name in os.environ if name.startswith("TSFM_")}
_USUAL = {"COLUMNS": "200", "TSFM_EMBEDDED__ENABLED": "false"}
_NO_VARIABLES: Mapping[str, str] = {}


def run(
    *arguments: object,
    environ: Mapping[str, str] = _NO_VARIABLES,
    piped: str | bytes | None = None,
) -> Result:
    """Return what the command printed and how it ended; wide enough for any table."""
    runner = CliRunner(env={**_OURS, **_USUAL, **environ})
    return runner.invoke(app, [str(argument) for argument in arguments], input=piped)
